"""What readers of SymPy objects share: index patterns, and arrays at some places of an axis."""

from string import ascii_letters

from matderiv.errors import ShapeError
from matderiv.expr import Expr, apply
from matderiv.shapes import Size, plus, times


def pattern(spec: str, *args: Expr) -> Expr:
    """The index pattern `spec` of some arrays.

    >>> pattern("a,a->", ones(3), ones(3)).shape
    ()
    """
    return apply("einsum", *args, params=(spec,))


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
