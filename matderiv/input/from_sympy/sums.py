"""Sums and products of SymPy over entries, as products of arrays with named axes.

`Sum(A[i, j]*x[j, 0], (j, 0, n - 1))` is A over (i, j) times x over j, summed over j; what it is in
matrix notation is found as for indices in a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import count
from typing import TYPE_CHECKING, Any

from matderiv.errors import LimitError, UnknownFunction
from matderiv.expr import Expr, apply, is_, number, ones, size_expr
from matderiv.input.from_sympy.array_entries import entry_at
from matderiv.input.from_sympy.patterns import chosen, part, pattern
from matderiv.input.from_sympy.scalar_functions import ENTRIES, power, product, total
from matderiv.input.meaning.indexed import (
    Indexed,
    IndexedFactor,
    IndexedTerm,
    Realising,
    times,
    together,
)
from matderiv.lazy import sp
from matderiv.shapes import Size, is_scalar, plus
from matderiv.shapes import times as size_times

if TYPE_CHECKING:
    from matderiv.input.from_sympy.objects import ObjectReader

MAX_DEPTH = 100  # of the body of a Sum


def read_sum(reader: ObjectReader, node: Any, args: tuple[Expr, ...] = ()) -> Expr:
    """A Sum of SymPy, or an entry; UnknownFunction where one of its indices is left."""
    summand = _Summand(reader, {})
    value = summand.read(node, 0)
    if value.index:
        left = next(i for i, axis in summand.axes.items() if axis == value.index[0])
        raise UnknownFunction(f"Sum of SymPy leaves the index {left} free")
    return summand.array(value, ())


def read_entry(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    """X[i, j] of whole numbers as unit(m,i+1)'*X*unit(n,j+1): SymPy counts from 0."""
    summand = _Summand(reader, {})
    return summand.array(summand.entry(node, args[0], node.args[1:]), ())


def read_array(reader: ObjectReader, node: Any, args: tuple[Expr, ...] = ()) -> Expr:
    """An array expression of SymPy, or a FunctionMatrix: its entries for all places at once."""
    shape = tuple(map(reader.sizes.size, node.shape))
    at = [sp.S.Zero if s == 1 else sp.Dummy(integer=True) for s in shape]
    body = node.lamda(*at) if isinstance(node, sp.FunctionMatrix) else entry_at(node, at)
    ranges = {i: s for i, s in zip(at, shape, strict=True) if s != 1}
    value = read_at(reader, body, ranges)
    return value.T if len(shape) == 2 and shape[0] == 1 != shape[1] else value


def read_at(reader: ObjectReader, body: Any, ranges: dict[Any, Size]) -> Expr:
    """The array of the values of a body for all values of its indices, an axis for each."""
    summand = _Summand(reader, ranges)
    value = summand.read(body, 0)
    return summand.array(value, tuple(map(summand.axis, ranges)), full=True)


class _Expressions:
    """Makes expressions where a reader of text makes nodes of its tree."""

    def number(self, value: int, span: Any) -> Expr:
        return number(value)

    def string(self, value: str, span: Any) -> str:
        return value

    def operation(self, function: str, operands: Sequence[Expr], span: Any) -> Expr:
        return total(*operands) if function == "add" else apply(function, *operands)

    def chain(self, function: str, factors: Sequence[Expr]) -> Expr:
        opened = (is_(f, "mul") and all(a.shape for a in f.args) for f in factors)
        flat = (f.args if o else (f,) for f, o in zip(factors, opened, strict=True))
        return product(*(f for part in flat for f in part), entrywise=False)

    def call(self, name: str, operands: Sequence[Any], span: Any, axis: int | None = None) -> Expr:
        if name == "einsum":
            return pattern(*operands)
        if name == "sum" and axis is None:
            return _entries_added(operands[0])
        return apply(name, *operands, params=(axis,) if name == "sum" else ())

    def turned(self, node: Expr) -> Expr:
        return node.T


EXPRESSIONS: Any = _Expressions()


class _Summand:
    """Reads the body of a sum; `ranges` is how far each index runs."""

    def __init__(
        self, reader: ObjectReader, ranges: dict[Any, Size], outer: _Summand | None = None
    ) -> None:
        self.reader = reader
        self.ranges = ranges
        self.axes: dict[Any, str] = outer.axes if outer else {}
        self.sizes: dict[str, Size] = outer.sizes if outer else {}
        self.fresh: Iterator[int] = outer.fresh if outer else count()
        self.sizes.update({self.axis(i): s for i, s in ranges.items()})

    def axis(self, index: Any) -> str:
        """The name of the axis of an index."""
        return self.axes.setdefault(index, f"i{len(self.axes)}")

    def single(self, value: Expr, axes: tuple[str, ...] = ()) -> Indexed:
        """One array; an axis that stands twice is a diagonal."""
        node: Any = value
        return Indexed((IndexedTerm((IndexedFactor(node, axes),)),), together(axes))

    def array(self, value: Indexed, axes: tuple[str, ...], *, full: bool = False) -> Expr:
        """A value as an array over these axes; a number fits everywhere, or fills it."""
        if not value.index and not full:
            axes = ()
        if full or len(axes) > 2:
            missing = [a for a in axes if a not in value.index]
            filled = (self.single(ones(self.sizes[a]), (a,)) for a in missing)
            value = self.multiplied([value, *filled])
        written: Any = Realising(EXPRESSIONS, (0, 0), paths=True).value(value.terms, axes)
        found: Expr = written
        return found

    def read(self, node: Any, depth: int) -> Indexed:
        if depth > MAX_DEPTH:
            raise LimitError("the body of a Sum is nested too deeply")
        name = type(node).__name__
        if name == "Sum" and depth < MAX_DEPTH:
            return self.sum(node, depth)
        if name == "Product":
            return self.product(node, depth)
        if not self.ranges and name in ("ArrayElement", "Indexed"):
            return self.element(node)
        if not node.free_symbols & set(self.ranges):
            return self.single(self.reader.read(node))
        if name in ("MatrixElement", "ArrayElement", "Indexed"):
            return self.element(node)
        if node in self.ranges:
            return self.single(apply("arange", params=(self.ranges[node],)), (self.axis(node),))
        if name == "KroneckerDelta":
            i, j = sorted(node.args, key=lambda a: a not in self.ranges)
            one = apply("eye", params=(self.ranges[i],))
            value, index = self.along(node, one, 1, sp.expand(j))
            return self.single(value, tuple(self.axis(k) for k in (i, index) if k is not None))
        if name not in ("Add", "Mul", "Pow") and name not in ENTRIES:
            raise UnknownFunction(f"{name} of SymPy inside a Sum is not part of the language")
        args = [a for pair in node.args for a in pair.args] if name == "Piecewise" else node.args
        parts = [self.read(a, depth + 1) for a in args]
        return self.multiplied(parts) if name == "Mul" else self.combined(node, name, parts)

    def sum(self, node: Any, depth: int) -> Indexed:
        limits, body, masks = self.bounded(node)
        inner = _Summand(self.reader, {**self.ranges, **limits}, self)
        terms = sp.Add.make_args(_opened(body, set(limits)))
        if masks or len({frozenset(t.free_symbols & set(limits)) for t in terms}) > 1:
            parts = [inner.summed(t, limits, depth, masks) for t in terms]
            return self.combined(node, "Add", parts)
        return inner.summed(body, limits, depth)

    def bounded(self, node: Any) -> tuple[dict[Any, Size], Any, list[Indexed]]:
        """How far each index of a Sum or Product runs, the body with indices from 0, and masks.

        An index that runs from 0 to another one, or from there on, runs over all and has a mask.
        """
        for index in node.free_symbols & {limit[0] for limit in node.limits}:
            raise UnknownFunction(
                f"{node} of SymPy: {index} is bound by a sum and free",
                hint="the innermost limits come first: (j, 0, i), (i, 0, n - 1)",
            )
        limits, moved, masks = dict[Any, Size](), dict[Any, Any](), list[Indexed]()
        for index, *bounds in reversed(node.limits):
            name = type(node).__name__
            if not index.is_Symbol:
                raise UnknownFunction(f"{name} of SymPy over {index}, which is no number")
            if len(bounds) != 2:
                raise UnknownFunction(f"{name} of SymPy without bounds", hint="(i, 0, n - 1)")
            low, high = (sp.expand(b.xreplace(moved)) for b in bounds)
            known = {**self.ranges, **limits}
            outer = next((i for i in known if i in low.free_symbols | high.free_symbols), None)
            if high == low:
                moved[index] = low
                continue
            if outer is None:
                limits[index] = self.reader.sizes.size(sp.expand(high - low + 1))
            else:
                limits[index] = known[outer]
                whole = self.reader.sizes.expression(known[outer])
                low, half, strict = _half(node, outer, low, high, whole)
                every = apply("ones", params=(known[outer],) * 2)
                every = every - apply("eye", params=(known[outer],)) if strict else every
                limit = (self.axis(outer), self.axis(index))
                masks.append(self.single(apply(half, every), limit))
            if low != 0:
                moved[index] = index + low
        body = node.function.xreplace(moved)
        return limits, body, masks

    def summed(
        self, body: Any, limits: dict[Any, Size], depth: int, masks: Sequence[Indexed] = ()
    ) -> Indexed:
        """Σ of a body over some of the indices."""
        value = self.multiplied([*masks, self.read(body, depth + 1)])
        for index, size in limits.items():
            axis, name = self.axis(index), f"s{next(self.fresh)}"
            if axis not in value.index:
                value = self.multiplied([self.single(size_expr(size)), value])
                continue
            value = value.renamed({axis: name})
            terms = tuple(t._replace(summed=t.summed | {name}) for t in value.terms)
            value = Indexed(terms, tuple(a for a in value.index if a != name))
        return value

    def element(self, node: Any) -> Indexed:
        """An entry of an array, whose sizes the indices of an IndexedBase may say."""
        if type(node).__name__ == "MatrixElement":
            parent, *places = node.args
            return self.entry(node, self.reader.read(parent), places)
        places = [*map(sp.expand, node.indices)]
        known = {p: self.ranges[i] for p in places for i in (p, p - 1) if i in self.ranges}
        if isinstance(node, sp.Indexed) and node.base.shape is None:
            for axis, place in enumerate(places):
                first = 1 if place - 1 in self.ranges else 0
                if not (place.is_Integer or self.reader.starts(node.base, first)):
                    raise UnknownFunction(f"{node} of SymPy does not run over the whole axis")
                places[axis] -= 0 if place.is_Integer else first
        return self.entry(node, self.reader.array(node, known), places)

    def entry(self, node: Any, value: Expr, places: Sequence[Any]) -> Indexed:
        """An array at a place of each axis, which may be an index."""
        found = []
        for axis, place in reversed(list(enumerate(places))):
            if axis >= len(value.shape):
                continue  # SymPy's second axis of a vector, and the first of a row that is gone
            value, index = self.along(node, value, axis, sp.expand(place))
            found += [] if index is None else [index]
        return self.on_axes(value, tuple(reversed(found)))

    def along(self, node: Any, value: Expr, axis: int, place: Any) -> tuple[Expr, Any]:
        """An array at a place of an axis, or at those that an index runs over, and the index.

        Raises UnknownFunction where an index may run past the axis, as far as its sizes say.
        """
        size = value.shape[axis]
        if size == 1 and place == 0:
            return value, None
        if place.is_Integer and place >= 0:
            return chosen(value, axis, apply("unit", params=(size, int(place) + 1))), None
        for index, length in self.ranges.items():
            first = place - index
            fits = first.is_Integer and isinstance(plus(size, size_times(-1, length)), int)
            if fits and first >= 0:
                return part(value, axis, int(first), length), index
        said = f"{node} of SymPy does not run over an axis of {size} entries"
        raise UnknownFunction(said, hint="whole numbers as indices, or entries inside a Sum")

    def product(self, node: Any, depth: int) -> Indexed:
        """Π of a body over whole axes."""
        limits, body, masks = self.bounded(node)
        inner = _Summand(self.reader, {**self.ranges, **limits}, self)
        value = inner.read(body, depth + 1)
        if masks or {*value.index} != {*map(self.axis, limits)}:
            raise UnknownFunction(f"{node} of SymPy is not over all indices of its body")
        return self.single(apply("prod", self.array(value, value.index), params=(None,)))

    def on_axes(self, value: Expr, indices: tuple[Any, ...]) -> Indexed:
        """An array whose axes have indices; an index that stands twice is a diagonal."""
        if len(value.shape) == 2 and len(indices) < 2:
            value = value.T if value.shape[0] == 1 else pattern("ab->a", value)
        return self.single(value, tuple(map(self.axis, indices)))

    def multiplied(self, parts: Sequence[Indexed]) -> Indexed:
        """The product of the values at each value of the indices."""
        return reduce(lambda a, b: times(a, b, together(a.index, b.index)), parts)

    def combined(self, node: Any, name: str, parts: list[Indexed]) -> Indexed:
        union = together(*(p.index for p in parts))
        args = [self.array(p, union) for p in parts]
        if name == "Add":
            return self.single(total(*args), union)
        return self.single(power(*args) if name == "Pow" else ENTRIES[name](node, *args), union)


def _entries_added(value: Expr) -> Expr:
    """The sum of all entries; of two vectors multiplied entry by entry it is x'*y."""
    if is_(value, "mul") and all(is_scalar(a.shape) for a in value.args[:-1]):
        return product(*value.args[:-1], _entries_added(value.args[-1]))
    if is_(value, "neg"):
        return apply("neg", _entries_added(value.args[0]))
    if is_(value, "hadamard") and len(value.args) == 2 and len(value.shape) == 1:
        x, y = value.args
        if x.shape == y.shape and x is not y:
            return apply("mul", x.T, y)
    return apply("sum", value, params=(None,))


def _half(node: Any, outer: Any, low: Any, high: Any, count: Any) -> tuple[Any, str, bool]:
    """Where an index starts that another one bounds, its half of the places, and if strictly.

    j of (j, 0, i) is below or on the diagonal, j of (j, i + 1, n - 1) strictly above.
    """
    upper = not high.has(outer)
    start = sp.expand(high + 1 - count) if upper else low
    gap = sp.expand(low - start - outer if upper else outer - high + start)
    if not start.is_Integer or gap not in (0, 1):
        raise UnknownFunction(f"{node} of SymPy: an index between places that move")
    return start, "triu" if upper else "tril", gap == 1


def _opened(body: Any, indices: set[Any]) -> Any:
    """A small power or product of sums of terms with unlike indices, multiplied out."""
    for f in sp.Mul.make_args(body):
        base, power = f.as_base_exp()
        unlike = len({frozenset(t.free_symbols & indices) for t in sp.Add.make_args(base)}) > 1
        if unlike and len(base.args) <= 4 and power in (1, 2, 3):
            return sp.expand(body, deep=False) if f is body else sp.expand_mul(body, deep=False)
    return body
