"""Sizes, shapes and how they are made equal.

A size is a whole number or a named size, or a product of these (vec and kron make products). A
shape is a tuple of sizes: () a scalar, (n,) a vector, (m, n) a matrix. The transpose of a vector
is the row (1, n).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod

from matderiv.errors import ShapeError


@dataclass(frozen=True, slots=True, order=True)
class Dim:
    """A symbolic size: a coefficient times named sizes, sorted; never a bare number.

    >>> times(Dim(("n",)), Dim(("m",), 2))
    Dim(names=('m', 'n'), coefficient=2)
    """

    names: tuple[str, ...]
    coefficient: int = 1

    def __str__(self) -> str:
        head = [str(self.coefficient)] if self.coefficient != 1 else []
        return "*".join([*head, *self.names])


Size = int | Dim
Shape = tuple[Size, ...]
Unify = Callable[[Size, Size], Size]


def size(value: int | str) -> Size:
    """The size named or counted by `value`."""
    return Dim((value,)) if isinstance(value, str) else value


def times(*sizes: Size) -> Size:
    """The product of sizes."""
    names: list[str] = []
    coefficient = 1
    for s in sizes:
        if isinstance(s, int):
            coefficient *= s
        else:
            names += s.names
            coefficient *= s.coefficient
    return Dim(tuple(sorted(names)), coefficient) if names else coefficient


def triangle(s: Size) -> Size:
    """n*(n + 1)/2, the number of free entries of a symmetric matrix, written vech(n).

    >>> triangle(4), str(triangle(Dim(("n",))))
    (10, 'vech(n)')
    """
    if isinstance(s, int):
        return s * (s + 1) // 2
    if len(s.names) != 1 or s.coefficient != 1:
        raise ShapeError(f"a number or one named size is needed here, this is {s}")
    return Dim((f"vech({s})",))


def smaller(a: Size, b: Size) -> Size:
    """The smaller of two sizes.

    >>> smaller(4, 3), str(smaller(Dim(("n",)), 3))
    (3, 'min(3,n)')
    """
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    first, second = sorted((str(a), str(b)))
    return a if a == b else Dim((f"min({first},{second})",))


_COUNTS: dict[str, Callable[..., int]] = {"vech": lambda n: n * (n + 1) // 2, "min": min}


@cache
def _formula(name: str) -> tuple[tuple[str, ...], Callable[[Mapping[str, int]], int]] | None:
    """The sizes in a name such as min(m,n), and the number it stands for; None for plain names.

    Such names are made here, never typed.
    """
    word, _, rest = name.partition("(")
    if word not in _COUNTS or not rest:
        return None
    parts = tuple(size(int(p) if p.isdigit() else p) for p in rest[:-1].split(","))
    inside = tuple(sorted(size_names([parts])))
    return inside, lambda sizes: _COUNTS[word](*(size_value(p, sizes) for p in parts))


def size_names(shapes: Iterable[Shape]) -> set[str]:
    """The names of all sizes in some shapes."""
    names = {n for shape in shapes for s in shape if isinstance(s, Dim) for n in s.names}
    made = {n: _formula(n) for n in names}
    return {inner for n, f in made.items() for inner in (f[0] if f else (n,))}


def size_value(s: Size, sizes: Mapping[str, int]) -> int:
    """The number behind a size.

    >>> size_value(Dim(("m", "n")), {"m": 2, "n": 3})
    6
    """
    if isinstance(s, int):
        return s
    return s.coefficient * prod(_number(n, sizes) for n in s.names)


def _number(name: str, sizes: Mapping[str, int]) -> int:
    made = _formula(name)
    return sizes[name] if made is None else made[1](sizes)


def same(a: Size, b: Size) -> Size:
    """Strict unification: `a` if both are the same size, else a ShapeError."""
    if a != b:
        raise ShapeError(f"{a} and {b} differ")
    return a


def shape_text(shape: Shape) -> str:
    """A shape as people write it.

    >>> shape_text(()), shape_text((Dim(("n",)),)), shape_text((Dim(("m",)), 3))
    ('scalar', 'n', 'm × 3')
    """
    return " × ".join(str(s) for s in shape) or "scalar"


def is_scalar(shape: Shape) -> bool:
    """True for scalars and for 1x1 matrices, which go anywhere a scalar can."""
    return all(s == 1 for s in shape)


def long_axes(shape: Shape) -> tuple[int, ...]:
    """Positions of the axes that are not of size 1: a row counts as a vector."""
    return tuple(k for k, s in enumerate(shape) if s != 1)


def broadcast(shapes: tuple[Shape, ...], unify: Unify = same) -> Shape:
    """The shape of an elementwise combination.

    A scalar goes with anything, a column (n) with n x d down the columns, a row (1, d) along the
    rows, a column with a row gives n x d. Tensors of three axes and more need equal shapes.
    """
    rank = max(len(s) for s in shapes)
    if rank == 2:
        shapes = tuple((s[0], 1) if len(s) == 1 else s for s in shapes)
    out: list[Size] = [1] * rank
    for s in shapes:
        if len(s) == 0 or (rank > 2 and is_scalar(s)):
            continue
        if len(s) != rank:
            raise ShapeError(f"cannot combine {shape_text(s)} with an array of {rank} axes")
        for k, axis in enumerate(s):
            if axis != 1:
                out[k] = axis if out[k] == 1 else unify(out[k], axis)
    return tuple(out)
