"""A loss that nobody defines: the gradients that come from above are free arrays.

In `∂L/∂W = (∂L/∂Z) X'` with Z = W X and no word on L, L is some function of Z, of which only its
gradient counts: sum(G.*Z) with a G of which nothing is known.
"""

from collections.abc import Collection, Mapping

from matderiv.expr import Expr, apply, variable, variables, walk
from matderiv.input.meaning.subscripts import split_label
from matderiv.verification.derivations.components import entry_name
from matderiv.verification.derivations.ground import Ground
from matderiv.verification.derivations.plan import Plan
from matderiv.verification.quantities import DERIVATIVE, signs


def upstreams(ground: Ground, plan: Plan, unread: Collection[str]) -> None:
    """Give every undefined function that is differentiated a value, where that is possible.

    Names in `unread` have a definition that could not be read. The value is a function of the names
    by which it is differentiated, as far as no other one of them depends on these.
    """
    by = derivatives(plan)
    used = {*variables(*ground.functions.values())}
    told = ground.reading.variables.items()  # that a loss is a number says nothing of its value
    known = {**{n: v for n, v in told if v in used or v.shape}, **ground.functions}
    unread = {*unread, *undefined(ground)}
    for loss, names in by.items():
        array, at = entry_name(loss, known, ground.reading.rows)
        if not loss or at or array in known or loss in unread or split_label(loss)[0] in known:
            continue  # f_1 of a function f that is defined is a part of it
        arrays = [entry_name(name, known, ground.reading.rows)[0] for name in names]
        values = {name: known[name] for name in arrays if name in known}
        terms = [_term(loss, name, e) for name, e in _last(values).items()]
        if terms:
            ground.functions[loss] = terms[0] if len(terms) == 1 else apply("add", *terms)


def dependent(ground: Ground, plan: Plan) -> set[str]:
    r"""The variables that another one is derived by: \mu, where \partial\mu/\partial x is said."""
    known, rows = ground.reading.variables, ground.reading.rows
    beside = [{v.name for v in variables(f)} for f in ground.functions.values()]
    found = set()
    for of, names in derivatives(plan).items():
        array = entry_name(of, known, rows)[0]
        others = {entry_name(name, known, rows)[0] for name in names} - {array}
        if array not in ground.functions and any(array in b and others & b for b in beside):
            found.add(array)
    return found


def undefined(ground: Ground) -> set[str]:
    """The functions in definitions that nobody defines: f(x) = g(A*x)."""
    nodes = walk(*ground.functions.values())
    return {str(n.params[-2]) for n in nodes if n.function.call == "abstract"}


def derivatives(plan: Plan) -> dict[str, list[str]]:
    """The functions that are differentiated anywhere, and by what."""
    found: dict[str, list[str]] = {}
    for chain in plan.chains:
        own = [q] if (q := chain.quantity) is not None and q.kind == DERIVATIVE else []
        sides = (*chain.sides, *([chain.first] if chain.first else []))
        every = (sign.quantity for side in sides for sign in signs(side.text, side.latex))
        for q in (*own, *(q for q in every if not q.primed)):  # g' is a function of its own
            found.setdefault(q.of, []).extend(n for n in (q.by, q.then) if n)
    return found


def _last(values: Mapping[str, Expr]) -> dict[str, Expr]:
    """The values that no other value is computed from."""
    inner = {name: set(walk(e)) - {e} for name, e in values.items()}
    through = {name: set(variables(e)) for name, e in values.items()}
    used = set[Expr]().union(*inner.values())
    return {name: e for name, e in values.items() if e not in used or not through[name]}


def _term(loss: str, name: str, e: Expr) -> Expr:
    """The part of a loss that comes from one value, with its gradient as a free array."""
    gradient = variable(f"∂{loss}/∂{name}", e.shape)
    product = apply("hadamard", gradient, e) if e.shape else gradient * e
    return apply("sum", product, params=(None,)) if e.shape else product
