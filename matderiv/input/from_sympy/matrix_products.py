"""Index patterns that are matrix products, written as products: Σ_j A_ij x_j is A*x."""

from collections import Counter
from collections.abc import Sequence

from matderiv.expr import Expr, apply, is_
from matderiv.functions.reduce import einsum_parts

Operand = tuple[tuple[str, ...], Expr]
"""The indices of an array, and the array."""

Walk = tuple[Expr, ...]


def as_product(e: Expr) -> Expr:
    """A pattern whose indices form one path through its arrays, as their product in that order.

    Every index is shared by two arrays, or is an axis of the result. A path that closes is a trace.
    Of the two directions the one with fewer transposed matrices is taken. Anything else stays.

    >>> A, x, y = variable("A", (2, 3)), variable("x", (3,)), variable("y", (2,))
    >>> text(as_product(apply("einsum", A, x, y, params=("ab,b,a->",))))
    "y'*A*x"
    >>> text(as_product(apply("einsum", A, y, params=("ab,a->ab",))))
    'einsum("ab,a->ab",A,y)'
    """
    if not is_(e, "einsum"):
        return e
    patterns, axes = einsum_parts(e.params[0])
    operands: list[Operand] = [(tuple(p), a) for p, a in zip(patterns, e.args, strict=True)]
    seen = Counter(i for at, _ in operands for i in at) + Counter(axes)
    path = all(len(at) == len({*at}) == len(a.shape) <= 2 for at, a in operands)  # no diagonal
    if any(n != 2 for n in seen.values()) or not path:
        return e
    ends = [k for k, (at, _) in enumerate(operands) if len(at) == 1]
    if len(ends) + len(axes) not in (0, 2):
        return e
    walks = _walks(operands, ends, axes)
    if not walks:
        return e
    best = min(walks, key=lambda walk: sum(is_(f, "transpose") for f in walk))
    body = apply("mul", *best) if len(best) > 1 else best[0]
    return body if ends or axes else apply("tr", body)


def _walks(operands: Sequence[Operand], ends: Sequence[int], axes: Sequence[str]) -> list[Walk]:
    """The factors along the path, from each of its ends where both may come first."""
    every = frozenset(range(len(operands)))
    starts: list[tuple[Walk, str, frozenset[int]]]
    if axes:
        starts = [((), axes[0], every)]
    elif ends:
        starts = [((operands[k][1].T,), operands[k][0][0], every - {k}) for k in ends]
    else:
        starts = [((), index, every) for index in operands[0][0]]
    found = (_walk(operands, *start) for start in starts)
    return [walk for walk in found if len(walk) == len(operands)]


def _walk(operands: Sequence[Operand], walk: Walk, index: str, left: frozenset[int]) -> Walk:
    """The path continued over an index through the arrays that are left."""
    while True:
        k = next((k for k in sorted(left) if index in operands[k][0]), None)
        if k is None:
            return walk
        left = left - {k}
        at, array = operands[k]
        if len(at) == 1:
            return (*walk, array)
        walk = (*walk, array if at[0] == index else array.T)
        index = at[1] if at[0] == index else at[0]
