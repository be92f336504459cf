"""Sums and products of SymPy over entries, as index patterns.

`Sum(A[i, j]*x[j, 0], (j, 0, n - 1))` is read by giving every part its free indices; what is left
at the end without an index is the number.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import TYPE_CHECKING, Any

from matderiv.errors import LimitError, UnknownFunction
from matderiv.expr import Expr, apply, is_, ones, size_expr
from matderiv.input.from_sympy.array_entries import entry_at
from matderiv.input.from_sympy.patterns import as_product, chosen, part, pattern, relabelled
from matderiv.input.from_sympy.scalar_functions import ENTRIES, power, product, total
from matderiv.lazy import sp
from matderiv.shapes import Size, is_scalar, plus, times

if TYPE_CHECKING:
    from matderiv.input.from_sympy.objects import ObjectReader

MAX_DEPTH = 100  # of the body of a Sum

Indexed = tuple[Expr, tuple[Any, ...]]
"""An array and the index symbol of each of its axes; no index means a number."""


def read_sum(reader: ObjectReader, node: Any, args: tuple[Expr, ...] = ()) -> Expr:
    """A Sum of SymPy, or an entry; UnknownFunction where one of its indices is left."""
    value, indices = _Summand(reader, {}).read(node, 0)
    if indices:
        raise UnknownFunction(f"Sum of SymPy leaves the index {indices[0]} free")
    return value


def read_entry(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    """X[i, j] of whole numbers as unit(m,i+1)'*X*unit(n,j+1): SymPy counts from 0."""
    return _Summand(reader, {}).entry(node, args[0], node.args[1:])[0]


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
    return as_product(summand.aligned(summand.read(body, 0), tuple(ranges), full=True))


class _Summand:
    """Reads the body of a sum; `ranges` is how far each index runs."""

    def __init__(self, reader: ObjectReader, ranges: dict[Any, Size]) -> None:
        self.reader = reader
        self.ranges = ranges

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
            return self.reader.read(node), ()
        if name in ("MatrixElement", "ArrayElement", "Indexed"):
            return self.element(node)
        if node in self.ranges:
            return apply("arange", params=(self.ranges[node],)), (node,)
        if name == "KroneckerDelta":
            i, j = sorted(node.args, key=lambda a: a not in self.ranges)
            one = apply("eye", params=(self.ranges[i],))
            value, index = self.along(node, one, 1, sp.expand(j))
            return value, (i,) if index is None else (i, index)
        if name not in ("Add", "Mul", "Pow") and name not in ENTRIES:
            raise UnknownFunction(f"{name} of SymPy inside a Sum is not part of the language")
        args = [a for pair in node.args for a in pair.args] if name == "Piecewise" else node.args
        parts = [self.read(a, depth + 1) for a in args]
        return self.multiplied(parts) if name == "Mul" else self.combined(node, name, parts)

    def sum(self, node: Any, depth: int) -> Indexed:
        limits, body, masks = self.bounded(node)
        inner = _Summand(self.reader, {**self.ranges, **limits})
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
                masks.append((apply(half, every), (outer, index)))
            if low != 0:
                moved[index] = index + low
        body = node.function.xreplace(moved)
        return limits, body, masks

    def summed(
        self, body: Any, limits: dict[Any, Size], depth: int, masks: Sequence[Indexed] = ()
    ) -> Indexed:
        """Σ of a body over some of the indices."""
        value, indices = self.read(body, depth + 1)
        if masks:
            value, indices = self.multiplied([*masks, (value, indices)])
        for index, count in limits.items():
            if index not in indices:
                value = product(size_expr(count), value)
        kept = tuple(i for i in indices if i not in limits)
        if len(kept) == len(indices):
            return value, kept
        if not kept and not is_(value, "einsum"):
            return _entries_added(value), ()
        output = "".join(ascii_letters[k] for k, i in enumerate(indices) if i in kept)
        return as_product(relabelled(value, {}, output)), kept

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
        for index, count in self.ranges.items():
            first = place - index
            fits = first.is_Integer and isinstance(plus(size, times(-1, count)), int)
            if fits and first >= 0:
                return part(value, axis, int(first), count), index
        raise UnknownFunction(
            f"{node} of SymPy does not run over an axis of {size} entries",
            hint="whole numbers as indices, or entries inside a Sum",
        )

    def product(self, node: Any, depth: int) -> Indexed:
        """Π of a body over whole axes."""
        limits, body, masks = self.bounded(node)
        inner = _Summand(self.reader, {**self.ranges, **limits})
        value, indices = inner.read(body, depth + 1)
        if masks or set(indices) != set(limits):
            raise UnknownFunction(f"{node} of SymPy is not over all indices of its body")
        return apply("prod", value, params=(None,)), ()

    def on_axes(self, value: Expr, indices: tuple[Any, ...]) -> Indexed:
        """An array whose axes have indices; an index that stands twice is a diagonal."""
        if len(value.shape) == 2 and len(indices) < 2:
            value = value.T if value.shape[0] == 1 else pattern("ab->a", value)
        if len(set(indices)) < len(indices):
            once = tuple(dict.fromkeys(indices))
            letter = dict(zip(once, ascii_letters, strict=False))
            if len(indices) == 2:
                return apply("diag", value), once
            spec = "".join(letter[i] for i in indices) + "->" + "".join(letter[i] for i in once)
            return pattern(spec, value), once
        return value, indices

    def multiplied(self, parts: list[Indexed]) -> Indexed:
        union = _union(parts)
        numbers = [e for e, i in parts if not i]
        arrays = [(e, i) for e, i in parts if i]
        if all(i == union for _, i in arrays):
            return product(*numbers, *(e for e, _ in arrays)), union
        letter = dict(zip(union, ascii_letters, strict=False))
        operands = ["".join(letter[i] for i in indices) for _, indices in arrays]
        output = "".join(letter[i] for i in union)
        joined = pattern(",".join(operands) + "->" + output, *(e for e, _ in arrays))
        if not numbers:
            return joined, union
        return product(*numbers, joined), union

    def combined(self, node: Any, name: str, parts: list[Indexed]) -> Indexed:
        union = _union(parts)
        args = [self.aligned(p, union) for p in parts]
        if name == "Add":
            return total(*args), union
        if name == "Pow":
            return power(*args), union
        return ENTRIES[name](node, *args), union

    def aligned(self, part: Indexed, union: tuple[Any, ...], *, full: bool = False) -> Expr:
        """An array with exactly the axes of `union`; a number fits everywhere, or fills it."""
        value, indices = part
        if not indices and full:
            return product(value, ones(*(self.ranges[i] for i in union)))
        if not indices or indices == union:
            return value
        letter = dict(zip(union, ascii_letters, strict=False))
        missing = [i for i in union if i not in indices]
        if not missing:
            return relabelled(value, {}, "".join(ascii_letters[indices.index(i)] for i in union))
        operands = ["".join(letter[i] for i in indices), *(letter[i] for i in missing)]
        spec = ",".join(operands) + "->" + "".join(letter[i] for i in union)
        return pattern(spec, value, *(ones(self.ranges[i]) for i in missing))


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


def _union(parts: list[Indexed]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(i for _, indices in parts for i in indices))
