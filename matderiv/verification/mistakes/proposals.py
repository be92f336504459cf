"""What a correction may be made of: parts of f, of the answer, of the derivative, and their kin."""

from collections.abc import Iterator
from fractions import Fraction

from matderiv.calculus.derivative import differentiate
from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply, is_, number, variables, walk
from matderiv.shapes import size_names
from matderiv.verification.claims import Asked
from matderiv.verification.mistakes.confusions import unary_functions
from matderiv.verification.mistakes.edits import EditContext, Sketch, places, pooled, sketch
from matderiv.verification.mistakes.edits import drawn as sketched
from matderiv.verification.mistakes.solving import CauseSearch

POOL = 160  # terms and factors proposed


def context_of(search: CauseSearch, root: Sketch) -> EditContext:
    """What the changes of an answer draw on, the likely parts first."""
    asked = search.asked
    own = [p.expr for _, p in places(root) if p.expr is not None]
    given = _pieces([asked.f])
    kin = [apply("det", e.args[0]) for e in given if is_(e, "logdet", "inv")]  # of logdet(X)
    kin += [e.args[0] for e in given if is_(e, "log")]
    parts = list(dict.fromkeys([*_pieces(right_forms(search)), *given, *kin, *own]))
    numbers = [
        number(1),
        number(2),
        number(Fraction(1, 2)),
        *(e for e in parts if is_(e, "number")),
    ]
    sizes = sizes_of(asked)
    named = tuple(sketched(v) for v in dict.fromkeys([*variables(asked.f), *asked.extra.values()]))
    found = sorted((e for e in parts if not is_(e, "number")), key=lambda e: e.weight)
    pool = (*pooled(numbers, 12), *pooled(found, POOL), *sizes)
    return EditContext(pool, unary_functions(parts), sizes, named)


def sizes_of(asked: Asked) -> tuple[Sketch, ...]:
    """The sizes of a question, as numbers in formulas."""
    shapes = [e.shape for e in walk(asked.f)]
    return tuple(sketch("size", params=(n,)) for n in sorted(size_names(shapes)))


def right_forms(search: CauseSearch) -> list[Expr]:
    """The derivative as the engine writes it, as a source of proposals."""
    asked = search.asked
    try:
        found = differentiate(
            asked.f,
            asked.wrt,
            asked.kind,
            asked.order,
            structure=search.structure,
            upstream=asked.upstream,
        )
    except MatderivError:
        return []
    return [found.expr]


def _pieces(exprs: list[Expr]) -> list[Expr]:
    """All parts of expressions, the larger first, and neighbouring factors of products."""
    found: list[Expr] = []
    for node in reversed(list(walk(*exprs))):
        found.append(node)
        if is_(node, "mul", "hadamard", "add"):
            found += _slices(node)
    return list(dict.fromkeys(found))


def _slices(node: Expr) -> Iterator[Expr]:
    count = len(node.args)
    for length in range(count - 1, 1, -1):
        for k in range(count - length + 1):
            try:
                yield apply(node.function.name, *node.args[k : k + length])
            except MatderivError:
                continue
