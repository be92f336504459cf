"""Values that carry indices, as products of arrays with named axes, and their matrix form.

`w'x_i` with x_i the rows of X is the product of w over (a) and X over (i, a), summed over a: the
vector X*w over i. Axes of the matrix notation have names too: `row` and `column` of a value say
which of them stand for its rows and its columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from matderiv.errors import Span

if TYPE_CHECKING:
    from matderiv.input.builder import Builder
    from matderiv.language.source import Node


class IndexedFactor(NamedTuple):
    """An array, and the names of its axes."""

    node: Node
    axes: tuple[str, ...]


class IndexedTerm(NamedTuple):
    """A product of factors with a sign, summed over some of their axes."""

    factors: tuple[IndexedFactor, ...]
    summed: frozenset[str] = frozenset()
    negative: bool = False

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes that are not summed, in the order in which they appear."""
        found = dict.fromkeys(a for f in self.factors for a in f.axes)
        return tuple(a for a in found if a not in self.summed)

    def renamed(self, names: Mapping[str, str]) -> IndexedTerm:
        """The term with other names for axes."""
        factors = tuple(
            IndexedFactor(f.node, tuple(names.get(a, a) for a in f.axes)) for f in self.factors
        )
        return IndexedTerm(factors, frozenset(names.get(a, a) for a in self.summed), self.negative)


@dataclass(frozen=True)
class Indexed:
    """A sum of terms whose free axes are indices and, for arrays, a row and a column."""

    terms: tuple[IndexedTerm, ...]
    index: tuple[str, ...]
    row: str | None = None
    column: str | None = None

    @property
    def inner(self) -> tuple[str, ...]:
        """The axes that stand for rows and columns."""
        return tuple(a for a in (self.row, self.column) if a is not None)

    @property
    def rank(self) -> int:
        """0 for a number, 1 for a vector, 2 for a matrix, at each value of the indices."""
        return len(self.inner)

    def renamed(self, names: Mapping[str, str]) -> Indexed:
        """The value with other names for axes."""
        row, column = (None if a is None else names.get(a, a) for a in (self.row, self.column))
        terms = tuple(t.renamed(names) for t in self.terms)
        return Indexed(terms, tuple(names.get(a, a) for a in self.index), row, column)

    def turned(self) -> Indexed:
        """The transpose at each value of the indices."""
        return replace(self, row=self.column, column=self.row)

    def signed(self, negative: bool) -> Indexed:
        """The value, or its opposite."""
        if not negative:
            return self
        return replace(self, terms=tuple(t._replace(negative=not t.negative) for t in self.terms))


class UncarriedError(Exception):
    """No array of the notation holds what was asked for."""


def together(*parts: Sequence[str]) -> tuple[str, ...]:
    """Names in the order in which they appear first."""
    return tuple(dict.fromkeys(name for part in parts for name in part))


def times(left: Indexed, right: Indexed, index: tuple[str, ...]) -> Indexed:
    """The matrix product at each value of the indices; UncarriedError where kinds do not fit."""
    if left.rank == 0 or right.rank == 0:
        array = right if left.rank == 0 else left
        return _product(left, right, (), index, array.row, array.column)
    if left.column is not None and right.row is not None:
        right = right.renamed({right.row: left.column})
        summed = (left.column,)
        return _product(left, right, summed, index, left.row, right.column)
    if left.column is None and right.row is None:
        return _product(left, right, (), index, left.row, right.column)
    raise UncarriedError("these do not multiply")


def entrywise_product(left: Indexed, right: Indexed, index: tuple[str, ...]) -> Indexed:
    """The product entry by entry, numbers with everything."""
    (left, right), _ = aligned([left, right])
    return _product(left, right, (), index, left.row or right.row, left.column or right.column)


def _product(
    left: Indexed,
    right: Indexed,
    summed: Iterable[str],
    index: tuple[str, ...],
    row: str | None,
    column: str | None,
) -> Indexed:
    if len(left.terms) * len(right.terms) > 40:
        raise UncarriedError("this product of sums is too long")
    terms = []
    for a in left.terms:
        for b in right.terms:
            if a.summed & set(b.axes) or b.summed & set(a.axes):
                raise UncarriedError("an index is used twice")
            own = {x for x in summed if x in {*a.axes, *b.axes}}
            other = b.renamed({x: f"{x}'" for x in a.summed & b.summed})
            over = a.summed | other.summed | own
            terms.append(IndexedTerm(a.factors + other.factors, over, a.negative != b.negative))
    return Indexed(tuple(terms), index, row, column)


def aligned(values: Sequence[Indexed]) -> tuple[list[Indexed], tuple[str | None, str | None]]:
    """The values with one name for all rows and one for all columns, and these names."""
    row = next((v.row for v in values if v.row is not None), None)
    column = next((v.column for v in values if v.column is not None), None)
    found = []
    for v in values:
        names = {}
        if v.row is not None and row is not None:
            names[v.row] = row
        if v.column is not None and column is not None:
            names[v.column] = column
        found.append(v.renamed(names))
    return found, (row, column)


class Realising:
    """Writes terms as arrays of the notation; with `paths` numbers are products along a path."""

    def __init__(self, build: Builder, span: Span, *, paths: bool = False) -> None:
        self.build = build
        self.span = span
        self.paths = paths

    def value(self, terms: Sequence[IndexedTerm], axes: Sequence[str]) -> Node:
        """The sum of the terms as one array with these axes, at most two unless one product."""
        found = []
        for term in terms:
            node = self.term(term, axes)
            found.append(self._op("neg", node) if term.negative else node)
        return found[0] if len(found) == 1 else self._op("add", *found)

    def term(self, term: IndexedTerm, axes: Sequence[str]) -> Node:
        """One product as an array; missing axes are broadcast."""
        if len(axes) > 2:
            return self._einsum(term, axes)
        if any(len(f.axes) > 2 for f in term.factors):
            return self._einsum(term, axes)
        factors = list(term.factors)
        open_axes = set(term.summed)
        if self.paths and not axes:
            if len({f.axes for f in factors}) < len(factors):
                self._merge(factors)
            if (number := self._path(factors)) is not None:
                return number
        try:
            scalars = self._contracted(factors, open_axes, axes)
        except UncarriedError:
            return self._einsum(term, axes)
        present = [a for a in axes if any(a in f.axes for f in factors)]
        node = self._outer(factors, present)
        parts = [*scalars, *([node] if node is not None else [])]
        if not parts:
            return self.build.number(1, self.span)
        whole = parts[0] if len(parts) == 1 else self.build.chain("mul", parts)
        if len(present) == 1 and len(axes) == 2 and present[0] == axes[1]:
            return self._turned(whole)
        return whole

    def _path(self, factors: Sequence[IndexedFactor]) -> Node | None:
        """Σ_ij x_i A_ij y_j as x'*A*y, and Σ_ij A_ij as sum(A); None for others.

        Every axis is met by two arrays that lie on one path; few of them are transposed.
        """
        arrays = [f for f in factors if f.axes]
        seen = Counter(a for f in arrays for a in f.axes)
        ends = [f.axes[0] for f in arrays if len(f.axes) == 1]
        numbers = [f.node for f in factors if not f.axes]
        if len(arrays) == 1 and len(seen) == len(arrays[0].axes) == 2:
            return self.build.chain("mul", [*numbers, self._call("sum", arrays[0].node)])
        plain = len(arrays) > max(1, len(ends)) and len(ends) in (0, 2)
        if not plain or any(n != 2 for n in seen.values()):
            return None
        walks = (self._walk(arrays, start) for start in ends or arrays[0].axes)
        whole = [w for w in walks if len(w[1]) == len(arrays)]
        if not whole:
            return None
        product = self.build.chain("mul", min(whole, key=lambda w: w[0])[1])
        product = product if ends else self._call("tr", product)
        return self.build.chain("mul", [*numbers, product])

    def _walk(self, arrays: Sequence[IndexedFactor], axis: str) -> tuple[int, list[Node]]:
        """How many arrays are transposed along the path that begins at an axis, and all of them."""
        left, turned = [*arrays], 0
        nodes: list[Node] = []
        while met := [f for f in left if axis in f.axes]:
            one = min(met, key=lambda f: len(f.axes))
            left.remove(one)
            straight = bool(nodes) if len(one.axes) == 1 else one.axes[0] == axis
            turned += not straight
            nodes.append(one.node if straight else self._turned(one.node))
            axis = one.axes[-1] if straight else one.axes[0]
        return turned, nodes

    # Contractions ----------------------------------------------------------------------------

    def _contracted(
        self, factors: list[IndexedFactor], summed: set[str], axes: Sequence[str]
    ) -> list[Node]:
        """The factors with every summed axis gone, in place; what became a number is returned.

        Products have their axes in the order of `axes`, if both are among them.
        """
        self._merge(factors)
        while summed:
            degree = Counter(a for f in factors for a in f.axes if a in summed)
            gone = [a for a in summed if a not in degree]
            if gone:
                raise UncarriedError(f"nothing carries the index {gone[0]}")
            axis = min(sorted(degree), key=lambda a: (self._width(factors, a), degree[a]))
            at = [f for f in factors if axis in f.axes]
            if self._width(factors, axis) > 2:
                raise UncarriedError("more than two axes meet")
            joined = self._joined(at, axis, axes)
            place = factors.index(at[0])
            for f in at:
                factors.remove(f)
            factors.insert(place, joined)
            summed.discard(axis)
            self._merge(factors)
        scalars = [f.node for f in factors if not f.axes]
        factors[:] = [f for f in factors if f.axes]
        return scalars

    @staticmethod
    def _width(factors: list[IndexedFactor], axis: str) -> int:
        """How many other axes meet in one."""
        return len({a for f in factors if axis in f.axes for a in f.axes} - {axis})

    def _merge(self, factors: list[IndexedFactor]) -> None:
        """Factors with the same axes become one, entry by entry."""
        place = 0
        while place < len(factors):
            one = factors[place]
            if len(one.axes) == 2 and one.axes[0] == one.axes[1]:
                one = IndexedFactor(self._call("diag", one.node), one.axes[:1])
            rest = factors[place + 1 :]
            alike = [f for f in rest if one.axes and set(f.axes) == set(one.axes)]
            alike = [f for f in alike if len(f.axes) == len(one.axes)]
            if alike:
                nodes = [one.node]
                nodes += [self._oriented(f, one.axes) for f in alike]
                one = IndexedFactor(self._hadamard(nodes), one.axes)
                factors[place + 1 :] = [f for f in rest if f not in alike]
            factors[place] = one
            place += 1

    def _hadamard(self, nodes: list[Node]) -> Node:
        if len(nodes) == 2 and nodes[0] is nodes[1]:
            return self._op("epow", nodes[0], self.build.number(2, self.span))
        return self._op("hadamard", *nodes)

    def _joined(self, at: list[IndexedFactor], axis: str, axes: Sequence[str]) -> IndexedFactor:
        """Factors that meet in an axis, summed over it."""
        vectors = [f for f in at if f.axes == (axis,)]
        others = [f for f in at if f.axes != (axis,)]
        if len(others) == 2:
            first, second = others
            if not vectors and axes and {*first.axes, *second.axes} == {axis, *axes}:
                first, second = sorted(others, key=lambda f: axes[0] not in f.axes)
            (outer,) = set(first.axes) - {axis}
            (inner,) = set(second.axes) - {axis}
            left = self._oriented(first, (outer, axis))
            for v in vectors:
                left = self._op("hadamard", left, self._turned(v.node))
            right = self._oriented(second, (axis, inner))
            return IndexedFactor(self.build.chain("mul", [left, right]), (outer, inner))
        if len(others) == 1:
            (other,) = others
            rest = tuple(a for a in other.axes if a != axis)
            if not vectors and other.axes[0] == axis and rest:
                return IndexedFactor(self._turned(self._call("sum", other.node, axis=1)), rest)
            if not vectors:
                return IndexedFactor(self._call("sum", other.node, axis=2), rest)
            matrix = self._oriented(other, (*rest, axis))
            return IndexedFactor(
                self.build.chain("mul", [matrix, *(v.node for v in vectors)]), rest
            )
        if len(others) > 2:
            raise UncarriedError("more than two axes meet")
        if len(vectors) == 1:
            return IndexedFactor(self._call("sum", vectors[0].node), ())
        first, second = vectors
        if first.node is second.node:
            return IndexedFactor(self._call("sum", self._hadamard([first.node, second.node])), ())
        return IndexedFactor(self.build.chain("mul", [self._turned(first.node), second.node]), ())

    def _outer(self, factors: list[IndexedFactor], axes: Sequence[str]) -> Node | None:
        """What is left, as one array over the axes."""
        if not axes:
            return None
        if len(axes) == 1:
            return (
                self._hadamard([f.node for f in factors]) if len(factors) > 1 else factors[0].node
            )
        wide = [self._oriented(f, axes) for f in factors if len(f.axes) == 2]
        rows = [f.node for f in factors if f.axes == (axes[0],)]
        columns = [self._turned(f.node) for f in factors if f.axes == (axes[1],)]
        if not wide:
            left = rows[0] if len(rows) == 1 else self._hadamard(rows)
            right = columns[0] if len(columns) == 1 else self._hadamard(columns)
            return self.build.chain("mul", [left, right])
        parts = [*wide, *rows, *columns]
        return parts[0] if len(parts) == 1 else self._op("hadamard", *parts)

    def _oriented(self, factor: IndexedFactor, axes: Sequence[str]) -> Node:
        return factor.node if tuple(factor.axes) == tuple(axes) else self._turned(factor.node)

    def _einsum(self, term: IndexedTerm, axes: Sequence[str]) -> Node:
        """Any product, as the einsum it is."""
        numbers = [f.node for f in term.factors if not f.axes]
        factors = [f for f in term.factors if f.axes]
        names = together(axes, *(f.axes for f in factors))
        missing = [a for a in axes if not any(a in f.axes for f in factors)]
        if missing or len(names) > 20 or not factors:
            raise UncarriedError("an index stands for no axis")
        letters = dict(zip(names, "ijklabcdefghmnopqrst", strict=False))
        inputs = ",".join("".join(letters[a] for a in f.axes) for f in factors)
        pattern = self.build.string(f"{inputs}->{''.join(letters[a] for a in axes)}", self.span)
        node = self.build.call("einsum", (pattern, *(f.node for f in factors)), self.span)
        return self.build.chain("mul", [*numbers, node])

    def _turned(self, node: Node) -> Node:
        return self.build.turned(node)

    def _op(self, function: str, *operands: Node) -> Node:
        return self.build.operation(function, operands, self.span)

    def _call(self, name: str, operand: Node, axis: int | None = None) -> Node:
        return self.build.call(name, (operand,), self.span, axis=axis)
