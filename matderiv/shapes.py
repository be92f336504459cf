"""Sizes, shapes and how they are made equal.

A size is a whole number or a named size, or a product of these (vec and kron make products); a sum
of such is a name in brackets (slices and blocks make sums). A shape is a tuple of sizes: () a
scalar, (n,) a vector, (m, n) a matrix. The transpose of a vector is the row (1, n).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from math import prod
from typing import NamedTuple

from matderiv.errors import DomainError, ShapeError


class Dim(NamedTuple):
    """A symbolic size: a coefficient times named sizes, sorted; never a bare number.

    >>> times(Dim(("n",)), Dim(("m",), 2))
    Dim(names=('m', 'n'), coefficient=2)
    """

    names: tuple[str, ...]
    coefficient: int = 1

    @property
    def is_name(self) -> bool:
        """True for a name, perhaps with a coefficient: no product and no sum of names."""
        return len(self.names) == 1 and self.names[0][0] != "("

    def __str__(self) -> str:
        head = [str(self.coefficient)] if self.coefficient != 1 else []
        written = "*".join([*head, *self.names])
        alone = len(self.names) == 1 and not (head or self.is_name)
        return written[1:-1] if alone else written


Size = int | Dim
Shape = tuple[Size, ...]
Unify = Callable[[Size, Size], Size]


def size(value: int | str) -> Size:
    """The size named or counted by `value`."""
    return Dim((value,)) if isinstance(value, str) else value


def times(*sizes: Size) -> Size:
    """The product of sizes; what is negative only stands in sums."""
    names: list[str] = []
    coefficient = 1
    for s in sizes:
        if isinstance(s, int):
            coefficient *= s
        else:
            names += s.names
            coefficient *= s.coefficient
    return Dim(tuple(sorted(names)), coefficient) if names else coefficient


def plus(*sizes: Size) -> Size:
    """The sum of sizes, of which numbers may be negative: a name in brackets where it has one.

    >>> n, m = Dim(("n",)), Dim(("m",))
    >>> str(plus(n, -1)), str(plus(plus(n, -1), m, 1)), plus(2, 3), plus(n, 2, -2) == n
    ('n-1', 'm+n', 5, True)
    """
    terms: dict[tuple[str, ...], int] = {}
    for s in sizes:
        for names, coefficient in _terms(s).items():
            terms[names] = terms.get(names, 0) + coefficient
    kept = {names: k for names, k in sorted(terms.items()) if k}
    if not kept.keys() - {()}:
        return kept.get((), 0)
    if len(kept) == 1:
        ((names, k),) = kept.items()
        if k > 0:
            return Dim(names, k)
    order = sorted(kept, key=lambda names: (not names, kept[names] < 0, names))
    written = "".join(f"{'-' if kept[n] < 0 else '+'}{_product(n, abs(kept[n]))}" for n in order)
    return Dim((f"({written.removeprefix('+')})",))


def _product(names: tuple[str, ...], coefficient: int) -> str:
    head = [str(coefficient)] if coefficient != 1 or not names else []
    return "*".join([*head, *names])


def _terms(s: Size) -> dict[tuple[str, ...], int]:
    """A size as a sum of products of plain names."""
    if isinstance(s, int):
        return {(): s}
    found: dict[tuple[str, ...], int] = {(): s.coefficient}
    for name in s.names:
        inside: dict[tuple[str, ...], int] = {(name,): 1}
        if name[0] == "(":
            inside = {}
            for sign, product in re.findall(r"([+-]?)([^+-]+)", name[1:-1]):
                factors = product.split("*")
                number = prod(int(f) for f in factors if f.isdigit())
                names = tuple(sorted(f for f in factors if not f.isdigit()))
                inside[names] = inside.get(names, 0) + (-number if sign == "-" else number)
        found = {
            tuple(sorted((*a, *b))): j * k for a, j in found.items() for b, k in inside.items()
        }
    return found


def size_terms(name: str) -> list[tuple[int, Size]]:
    """The terms of a sum of sizes, each a sign and a size.

    >>> [(k, str(t)) for k, t in size_terms("(2*n-1)")]
    [(1, '2*n'), (-1, '1')]
    """
    terms = _terms(Dim((name,)))
    return [
        (1 if k > 0 else -1, times(abs(k), *(Dim((n,)) for n in names)))
        for names, k in sorted(terms.items(), key=lambda term: (not term[0], term[1] < 0, term[0]))
        if k
    ]


def with_sizes(s: Size, known: Mapping[str, Size]) -> Size:
    """The size with sizes put in for some of its names, inside of sums and counts too.

    >>> str(with_sizes(plus(Dim(("n",)), -1), {"n": Dim(("m",), 2)}))
    '2*m-1'
    """
    if isinstance(s, int):
        return s
    if not any(name[0] == "(" for name in s.names):
        return times(s.coefficient, *(_put_in(n, known) for n in s.names))
    terms = _terms(s).items()
    return plus(*(times(k, *(_put_in(n, known) for n in names)) for names, k in terms))


def _put_in(name: str, known: Mapping[str, Size]) -> Size:
    word, parts = counted(name)
    if name in known or not parts:
        return known.get(name, Dim((name,)))
    return _COUNTS[word](*(with_sizes(p, known) for p in parts))


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


_COUNTS: dict[str, Callable[..., Size]] = {"vech": triangle, "min": smaller}


def counted(name: str) -> tuple[str, tuple[Size, ...]]:
    """The parts of a name such as min(m,n), which is made here and never typed."""
    word, _, rest = name.partition("(")
    if word not in _COUNTS or not rest:
        return word, ()
    return word, tuple(size(int(p) if p.isdigit() else p) for p in rest[:-1].split(","))


@cache
def _formula(name: str) -> tuple[tuple[str, ...], Callable[[Mapping[str, int]], int]] | None:
    """The sizes in a name such as min(m,n), and the number it stands for; None for plain names."""
    if name.startswith("("):
        terms = _terms(Dim((name,)))
        named = tuple(sorted(size_names([tuple(Dim(names) for names in terms if names)])))
        return named, lambda sizes: sum(
            k * (size_value(Dim(names), sizes) if names else 1) for names, k in terms.items()
        )
    parts = counted(name)[1]
    inside = tuple(sorted(size_names([parts])))
    return (inside, lambda sizes: size_value(_put_in(name, sizes), {})) if parts else None


def size_names(shapes: Iterable[Shape]) -> set[str]:
    """The names of all sizes in some shapes."""
    names = {n for shape in shapes for s in shape if isinstance(s, Dim) for n in s.names}
    made = {n: _formula(n) for n in names}
    return {inner for n, f in made.items() for inner in (f[0] if f else (n,))}


def plain_names(name: str) -> tuple[str, ...]:
    """The names inside of one: n of vech(n), m and n of a sum of sizes.

    >>> plain_names("(m+2*n-1)"), plain_names("n")
    (('m', 'n'), ('n',))
    """
    made = _formula(name)
    return (name,) if made is None else made[0]


def size_value(s: Size, sizes: Mapping[str, int]) -> int:
    """The number behind a size.

    >>> size_value(Dim(("m", "n")), {"m": 2, "n": 3})
    6
    """
    if isinstance(s, int):
        return s
    value = s.coefficient
    for n in s.names:
        value *= _number(n, sizes)
    return value


def concrete(shape: Iterable[Size], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """A shape with numbers for its sizes; DomainError where one of them is negative."""
    found = tuple([size_value(s, sizes) for s in shape])
    if found and min(found) < 0:
        said = ", ".join(f"{name} = {n}" for name, n in sizes.items())
        raise DomainError(f"a size is negative: {shape_text(tuple(shape))} at {said}")
    return found


def _number(name: str, sizes: Mapping[str, int]) -> int:
    made = _formula(name)
    return sizes[name] if made is None else made[1](sizes)


def same(a: Size, b: Size) -> Size:
    """Strict unification: `a` if both are the same size, else a ShapeError."""
    if a is not b and a != b:
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
    for s in shape:  # asked so often that a generator shows
        if s != 1:
            return False
    return True


def long_axes(shape: Shape) -> tuple[int, ...]:
    """Positions of the axes that are not of size 1: a row counts as a vector."""
    return tuple([k for k, s in enumerate(shape) if s != 1])


def broadcast(shapes: tuple[Shape, ...], unify: Unify = same) -> Shape:
    """The shape of an elementwise combination.

    A scalar goes with anything, a column (n) with n x d down the columns, a row (1, d) along the
    rows, a column with a row gives n x d. Tensors of three axes and more need equal shapes.
    """
    rank = max(map(len, shapes))
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
                out[k] = axis if out[k] in (axis, 1) else unify(out[k], axis)
    return tuple(out)
