"""Index patterns that are matrix products, written as products: Σ_j A_ij x_j is A*x."""

from collections import Counter
from collections.abc import Sequence

from matderiv.expr import Expr, apply, is_
from matderiv.functions.reduce import einsum_parts

Operand = tuple[tuple[str, ...], Expr]
"""The indices of an array, and the array."""


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
    ends = [at[0] for at, _ in operands if len(at) == 1]
    if len(ends) + len(axes) not in (0, 2):
        return e
    found = (_walk(operands, start) for start in axes[:1] or ends or operands[0][0])
    walks = [walk for walk in found if len(walk) == len(operands)]
    if not walks:
        return e
    best = min(walks, key=lambda walk: sum(is_(f, "transpose") for f in walk))
    body = apply("mul", *best) if len(best) > 1 else best[0]
    return body if ends or axes else apply("tr", body)


def _walk(operands: Sequence[Operand], index: str) -> list[Expr]:
    """The factors along the path that begins at an index; a vector lies where it comes first."""
    left, walk = [*operands], list[Expr]()
    while met := [o for o in left if index in o[0]]:
        at, array = one = min(met, key=lambda o: len(o[0]))
        left.remove(one)
        as_it_is = bool(walk) if len(at) == 1 else at[0] == index
        walk.append(array if as_it_is else array.T)
        index = at[-1] if as_it_is else at[0]
    return walk
