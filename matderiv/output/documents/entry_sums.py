"""Sums of products of entries as text, nothing collapsed: `Σ_j X_ij δ_jk`, `softplus(t_i)`."""

from collections.abc import Collection, Sequence
from fractions import Fraction

from matderiv.expr import Expr, apply, is_, variable, walk
from matderiv.language.printer import ATOM, level, text
from matderiv.output.index_notation import coefficient_text, constant_text, power_text, signed
from matderiv.shapes import is_scalar
from matderiv.tensors.tensor import Factor, Index, Tensor, Term, index_letters

_ENTRYWISE = ("add", "neg", "hadamard", "ediv", "epow", "mul", "div")


def entries_text(tensor: Tensor, taken: Collection[str] = ()) -> str:
    """The sum; letters go to the axes first, then to summed indices in reading order.

    Names that are taken are no letters.

    >>> i, j, k = Index(2), Index(3), Index(3)
    >>> X = variable("X", (2, 3))
    >>> term = Term(Fraction(-1, 2), (Factor(X, (i, j)), delta(j, k)))
    >>> entries_text(Tensor((i, k), (term,)))
    '-0.5 Σ_k X_ik δ_kj'
    """
    terms = (t for t in tensor.terms if t.coefficient)
    return signed((t.coefficient, _term(t, tensor.axes, taken)) for t in terms)


def _term(term: Term, axes: Sequence[Index], taken: Collection[str]) -> str:
    order = dict.fromkeys([*axes, *(i for f in term.factors for i in f.indices)])
    names = dict(zip(order, index_letters(len(order), taken), strict=True))
    summed = "".join(name for i, name in names.items() if i not in axes)
    coefficient = abs(term.coefficient)
    above = [f for f in term.factors if f.exponent > 0]
    below = [f._replace(exponent=-f.exponent) for f in term.factors if f.exponent < 0]
    scalars = [f for f in above if not f.indices]
    entries = [f for f in above if f.indices]
    front = [coefficient_text(Fraction(coefficient))] if coefficient != 1 else []
    front += [_factor(f, names) for f in scalars]
    front += [f"Σ_{summed}"] if summed else []
    body = " ".join([*front, *(_factor(f, names) for f in entries)]) or "1"
    if not below:
        return body
    bottom = [_factor(f, names) for f in below]
    return f"{body}/{bottom[0]}" if len(bottom) == 1 else f"{body}/({' '.join(bottom)})"


def _factor(f: Factor, names: dict[Index, str]) -> str:
    at = "".join(names[i] for i in f.indices)
    constant = constant_text(f, names)
    if constant:
        return constant
    e = entry(f.expr, tuple(names[i] for i in f.indices)) if at else f.expr
    written = text(e)
    if f.exponent == Fraction(1, 2):
        return f"sqrt({written})"
    if level(e) < ATOM and not (not at and f.exponent == 1 and e.function.leaf):
        written = f"({written})"
    return written + power_text(f.exponent)


def entry(e: Expr, at: tuple[str, ...]) -> Expr:
    """The entry of an expression as a number: functions of each entry go inside, softplus(t_i)."""
    done: dict[Expr, Expr] = {}
    for node in walk(e):
        inside = _entrywise(node) and all(a in done for a in node.args)
        if is_scalar(node.shape):
            done[node] = node
        elif inside:
            done[node] = apply(_scalar_name(node), *(done[a] for a in node.args))
        else:
            done[node] = _named(node, at, len(e.shape) == len(node.shape))
    return done[e]


def _entrywise(node: Expr) -> bool:
    known = is_(node, *_ENTRYWISE) or node.function.kind == "elementwise"
    same = all(a.shape == node.shape or is_scalar(a.shape) for a in node.args)
    one = not is_(node, "mul") or sum(not is_scalar(a.shape) for a in node.args) == 1
    return known and same and one and bool(node.args)


def _scalar_name(node: Expr) -> str:
    names = {"hadamard": "mul", "ediv": "div", "epow": "power"}
    return names.get(node.function.name, node.function.name)


def _named(node: Expr, at: tuple[str, ...], whole: bool) -> Expr:
    letters = "".join(at)
    if is_(node, "transpose") and len(at) == 2:
        return _named(node.args[0], at[::-1], whole)
    if is_(node, "transpose") and len(at) == 1:
        return _named(node.args[0], at, whole)
    written = text(node)
    plain = level(node) == ATOM
    return variable(f"{written}_{letters}" if plain else f"({written})_{letters}")
