"""A Hessian in parts: identities and diagonals as such, products of separate axes apart.

Every term of the index products is cut into groups of factors that share no index. What a group
makes of its axes is a small array.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import prod
from typing import NamedTuple

from matderiv.expr import is_
from matderiv.numeric.kronecker import Block, Product
from matderiv.shapes import Shape, Size, times
from matderiv.tensors.tensor import Factor, Index, Indices, Tensor, Term

Group = list[Factor]
SizeOf = Callable[[Size], int]


class PartValues(NamedTuple):
    """An array before it has numbers: an index product, whose axes are joined to this shape."""

    tensor: Tensor
    shape: Shape


def product_of(term: Term, axes: Indices, size: SizeOf) -> Product:
    """A term of a Hessian, over the axes of the rows and then the columns, as a product of blocks.

    A sum over fewer entries than a block has rows is left open: U'*diag(s)*U of a wide U.
    """
    rows, columns = axes[: len(axes) // 2], axes[len(axes) // 2 :]
    factors, equal = list(term.factors), list[int]()
    for p, (i, j) in enumerate(zip(rows, columns, strict=True)):
        same = [f for f in factors if is_(f.expr, "eye") and f.indices == (i, j)]
        if same:
            factors = [_renamed(f, j, i) for f in factors if f not in same]
            equal.append(p)
    free = [tuple(i for p, i in enumerate(side) if p not in equal) for side in (rows, columns)]
    groups = _balanced(_apart([f for f in factors if f.indices]), *free)
    met = {i for g in groups for f in g for i in f.indices}
    blocks = [Block((p,)) for p in equal if rows[p] not in met]
    blocks += [_block(g, rows, columns, equal, size) for g in groups]
    front = [f for f in factors if not f.indices]
    scale = _values([], front, term.coefficient) if front else float(term.coefficient)
    return Product(scale, tuple(blocks))


def _block(
    group: Group, rows: Indices, columns: Indices, equal: Sequence[int], size: SizeOf
) -> Block:
    above, below = _places(group, rows), _places(group, columns)
    batch = tuple(p for p in above if p in equal)
    above = tuple(p for p in above if p not in equal)
    left, right = tuple(rows[p] for p in above), tuple(columns[p] for p in below)
    halves = None if batch else _halves(group, left, right, size)
    if halves is None:
        stack = [tuple(rows[p] for p in batch)] if batch else []
        return Block(batch, above, below, (_values([*stack, left, right], group),))
    first, second, through = halves
    ends = _values([through, left], first), _values([through, right], second)
    return Block((), above, below, ends)


def _places(group: Group, side: Indices) -> tuple[int, ...]:
    own = {i for f in group for i in f.indices}
    return tuple(p for p, i in enumerate(side) if i in own)


def _values(axes: Sequence[Indices], group: Group, front: Fraction = Fraction(1)) -> PartValues:
    together = tuple(i for indices in axes for i in indices)
    shape = tuple(times(*(i.size for i in indices)) for indices in axes)
    return PartValues(Tensor(together, (Term(front, tuple(group)),)), shape)


def _apart(factors: Sequence[Factor], but: Index | None = None) -> list[Group]:
    """Factors in groups that share no index, but for one that does not count."""
    groups: list[Group] = []
    for f in factors:
        own = set(f.indices) - {but}
        near = [g for g in groups if any(own & set(h.indices) for h in g)]
        groups = [g for g in groups if g not in near]
        groups.append([*(h for g in near for h in g), f])
    return groups


def _balanced(groups: list[Group], rows: Indices, columns: Indices) -> list[Group]:
    """Groups with as many rows as columns: all others are one, such as x_i and x_j."""
    even: list[Group] = []
    others: Group = []
    for g in groups:
        if len(_places(g, rows)) == len(_places(g, columns)):
            even.append(g)
        else:
            others += g
    return [*even, others] if others else even


def _halves(
    group: Group, rows: Indices, columns: Indices, size: SizeOf
) -> tuple[Group, Group, Indices] | None:
    """What has the rows, what has the columns, and the index that joins them, if it is short.

    None where more indices join them, or where the product of both has fewer entries.
    """
    inner = {i for f in group for i in f.indices} - {*rows, *columns}
    wide = min(prod(size(i.size) for i in side) for side in (rows, columns))
    for through in (None, *sorted(inner, key=lambda i: (size(i.size), i.serial))):
        pieces = _apart(group, through)
        left = [f for g in pieces if _places(g, rows) for f in g]
        right = [f for f in group if f not in left]
        if not _places(left, columns):
            rank = 1 if through is None else size(through.size)
            return (left, right, (through,) if through else ()) if 2 * rank <= wide else None
    return None


def _renamed(f: Factor, old: Index, new: Index) -> Factor:
    return f._replace(indices=tuple(new if i is old else i for i in f.indices))
