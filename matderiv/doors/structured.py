"""A Hessian as a function whose values are matrices in parts.

Every term of the index products is cut into groups of factors that share no index. What a group
makes of its axes is a small array; identities and diagonals are left as such.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from matderiv.choosing.polish import polished
from matderiv.choosing.sums import raise_tensor
from matderiv.errors import MatderivError
from matderiv.expr import contains, is_, variables, walk
from matderiv.lazy import np
from matderiv.numeric.evaluate import bind, size_number, sizes_in
from matderiv.numeric.kronecker import Block, Product, StructuredMatrix
from matderiv.numeric.subgradients import ties_shared
from matderiv.output.code.program import inputs_of
from matderiv.programs.building import program
from matderiv.programs.compiled import Compiled
from matderiv.programs.program import Program
from matderiv.shapes import Shape, Size, size_names, times
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


if TYPE_CHECKING:
    from matderiv.doors.derivation import Derivation

Arrays = Mapping[str, Any]
Sizes = tuple[int, ...]


class AtSizes(NamedTuple):
    """What a matrix is made of at some sizes, and what computes its arrays."""

    sizes: Sizes
    entries: Sizes
    terms: list[Product]
    compiled: Compiled


class StructuredHessian:
    """The Hessian of a derivation as a function, whose values are never built as a whole.

    >>> from matderiv import derive
    >>> H = derive("norm2(T - U*V')^2", "U", kind="hessian", shapes={"V": "n,k"}).structured()
    >>> print(H)
    ∂²f/∂U_ij ∂U_lp = 2 δ_il (V'*V)_jp
    >>> H(U=[[1], [1]], V=[[1], [2]]).solve([[10], [20]])
    array([[1.],
           [2.]])
    """

    def __init__(self, d: Derivation) -> None:
        if d.kind != "hessian" or d.order != 2 or d.whole is not None:
            raise MatderivError(f"a {d.kind} has no such form", hint="kind='hessian'")
        self.d, self._variables = d, variables(d.f, d.wrt)
        exprs = [d.wrt, *(f.expr for t in d.derivative.tensor.terms for f in t.factors)]
        self._names = [v.name for v in variables(*exprs)]
        self._sizes = sorted(
            sizes_in(d.f, d.wrt) - size_names([v.shape for v in variables(*exprs)])
        )
        self._may_fail = d.numeric.may_fail or contains(d.expr, "where")
        self._plans: dict[tuple[Any, ...], AtSizes] = {}
        self._compiled: dict[tuple[Product, ...], tuple[list[Product], Compiled]] = {}

    def __str__(self) -> str:
        return self.d.index

    def __call__(
        self, values: Mapping[str, Any] | None = None, /, **named: Any
    ) -> StructuredMatrix:
        """The matrix at some values; raises what `evaluate` raises."""
        given = {**(values or {}), **named} if named or values is None else values
        loose = [given.get(n) for n in self._sizes]
        try:
            key = (*loose, *[given[n].shape for n in self._names])
        except (KeyError, AttributeError):  # what is no array yet, or not there
            key = (*loose, *[np.shape(given[n]) if n in given else None for n in self._names])
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._plan(given)
        found = plan.compiled(given)
        if self._may_fail and not all(np.isfinite(a).all() for a in found):
            return self._whole(given, plan)
        return StructuredMatrix(plan.sizes, plan.entries, plan.terms, found)

    def _whole(self, given: Arrays, plan: AtSizes) -> StructuredMatrix:
        """The matrix in one part, as `evaluate` has it where the parts have no values."""
        dense = self.d.function()(given).reshape(prod(plan.sizes), -1)
        every = tuple(range(len(plan.sizes)))
        one = Product(1.0, (Block((), every, every, (dense,)),))
        return StructuredMatrix(plan.sizes, plan.entries, [one])

    def _plan(self, given: Arrays) -> AtSizes:
        """How the terms are cut at such sizes, and what computes their parts."""
        d, tensor = self.d, self.d.derivative.tensor
        names = sizes_in(d.f, d.wrt)
        needed = {*given, *self._names} - {d.wrt.name} | ({d.wrt.name} & given.keys())
        shown = [v for v in self._variables if v.name in needed]
        _, known = bind(shown, given, {n: given[n] for n in names if n in given})

        def size(s: Size) -> int:
            return size_number(s, known)

        terms = tuple(product_of(t, tensor.axes, size) for t in tensor.terms)
        if terms not in self._compiled:
            self._compiled[terms] = self._program(terms)
        sizes = tuple(size(i.size) for i in tensor.axes[: len(tensor.axes) // 2])
        return AtSizes(sizes, tuple(map(size, d.wrt.shape)), *self._compiled[terms])

    def _program(self, terms: Sequence[Product]) -> tuple[list[Product], Compiled]:
        """The terms with the places of their arrays, and the program of these arrays."""
        d, wanted, typed = self.d, list[PartValues](), set(walk(self.d.f))

        def place(v: PartValues) -> int:
            wanted.append(v)
            return len(wanted) - 1

        placed = [t.mapped(place) for t in terms]
        raised = (polished(raise_tensor(v.tensor, False), typed) for v in wanted)
        exprs = [ties_shared(e, d.numeric.subject) for e in raised]
        shapes, inputs = [v.shape for v in wanted], inputs_of(d, exprs)

        def made(sizes: Mapping[str, int]) -> Program:
            return program(exprs, shapes=shapes, inputs=inputs, parameters=(d.wrt,), sizes=sizes)

        also = {v.name for v in self._variables} | sizes_in(d.f, d.wrt)
        return placed, Compiled(made, sorted(also))
