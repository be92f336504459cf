"""What readers of SymPy objects share: index patterns, as matrix products where they are such.

Also arrays at some places of an axis.
"""

from collections import Counter
from collections.abc import Sequence
from string import ascii_letters

from matderiv.errors import ShapeError
from matderiv.expr import Expr, apply, is_
from matderiv.functions.reduce import einsum_parts
from matderiv.shapes import Size, plus, times


def pattern(spec: str, *args: Expr) -> Expr:
    """The index pattern `spec` of some arrays.

    >>> pattern("a,a->", ones(3), ones(3)).shape
    ()
    """
    return apply("einsum", *args, params=(spec,))


def relabelled(e: Expr, letters: dict[str, str], output: str) -> Expr:
    """An array whose axes a, b, c ... are renamed (equal letters meet) and then kept by `output`.

    Index patterns are merged into one.
    """
    if is_(e, "einsum"):
        operands, axes = einsum_parts(e.params[0])
        named = dict(zip(ascii_letters, axes, strict=False))
        change = {named[old]: named[new] for old, new in letters.items()}
        kept = "".join(change.get(named[c], named[c]) for c in output)
        left = ",".join("".join(change.get(c, c) for c in o) for o in operands)
        return pattern(f"{left}->{kept}", *e.args)
    axes = ascii_letters[: len(e.shape)]
    left = "".join(letters.get(c, c) for c in axes)
    if left == output:
        return e
    if left == "ab" and output == "ba" and 1 not in e.shape:
        return e.T
    return pattern(f"{left}->{''.join(letters.get(c, c) for c in output)}", e)


def chosen(e: Expr, axis: int, places: Expr) -> Expr:
    """An array at one place of an axis, by a unit vector, or at some, by columns of an identity.

    >>> X = variable("X", (2, 3))
    >>> [chosen(X, 1, read(places).expr).shape for places in ("unit(3,1)", "cols(3,2,3)")]
    [(2,), (2, 2)]
    """
    one = len(places.shape) == 1
    if len(e.shape) == 1:
        return apply("mul", places.T, e)
    if len(e.shape) == 2 and (one or axis == 1):
        return apply("mul", e if axis == 1 else e.T, places)
    if len(e.shape) == 2:
        return apply("mul", places.T, e)
    axes = ascii_letters[: len(e.shape)]
    new = "" if one else ascii_letters[len(axes)]
    return pattern(f"{axes},{axes[axis]}{new}->{axes.replace(axes[axis], new)}", e, places)


def part(e: Expr, axis: int, first: Size, count: Size) -> Expr:
    """An array at the places first + 1, ..., first + count of an axis.

    Raises ShapeError where these run past the last place.
    """
    last, size = plus(first, count), e.shape[axis]
    left = plus(size, times(-1, last))
    if isinstance(left, int) and left < 0:
        raise ShapeError(f"the places {first} to {last} run past the axis of {size} entries")
    if first == 0 and last == size:
        return e
    return chosen(e, axis, apply("cols", params=(size, plus(first, 1), last)))


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
