"""Sums and products of SymPy over entries, as index patterns.

`Sum(A[i, j]*x[j, 0], (j, 0, n - 1))` is read by giving every part its free indices; what is left
at the end without an index is the number.
"""

from string import ascii_letters
from typing import Any

from matderiv.errors import LimitError, UnknownFunction
from matderiv.expr import Expr, apply, is_, ones, size_expr
from matderiv.input.from_sympy.matrix_products import as_product
from matderiv.input.from_sympy.patterns import SympyReader, pattern, picked, relabelled
from matderiv.input.from_sympy.scalar_functions import ENTRIES, power, product, total
from matderiv.lazy import sp
from matderiv.shapes import Size, is_scalar

MAX_DEPTH = 100  # of the body of a Sum

Indexed = tuple[Expr, tuple[Any, ...]]
"""An array and the index symbol of each of its axes; no index means a number."""


def read_sum(reader: SympyReader, node: Any) -> Expr:
    """A Sum of SymPy over whole axes.

    Raises UnknownFunction when it runs over part of an axis or an index is used as a number.
    """
    value, indices = _Summand(reader, {}).read(node, 0)
    if indices:
        raise UnknownFunction(f"Sum of SymPy leaves the index {indices[0]} free")
    return value


def read_function_of_place(reader: SympyReader, node: Any) -> Expr:
    """A FunctionMatrix of SymPy: its body for all places at once."""
    shape = tuple(map(reader.sizes.size, node.shape))
    indices = [i for i, s in zip(node.lamda.signature, shape, strict=True) if s != 1]
    body = node.lamda.expr
    for i, s in zip(node.lamda.signature, shape, strict=True):
        body = body if s != 1 else body.xreplace({i: sp.S.Zero})
    ranges = dict(zip(node.lamda.signature, shape, strict=True))
    summand = _Summand(reader, {i: ranges[i] for i in indices})
    value = summand.aligned(summand.read(body, 0), tuple(indices), full=True)
    value = as_product(value)
    return value.T if shape[0] == 1 and shape[1] != 1 and len(value.shape) == 1 else value


class _Summand:
    """Reads the body of a sum; `ranges` is how far each index runs."""

    def __init__(self, reader: SympyReader, ranges: dict[Any, Size]) -> None:
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
            return self.array_element(node)
        if not node.free_symbols & set(self.ranges):
            return self.reader.read(node), ()
        if name == "MatrixElement":
            return self.element(node)
        if name in ("ArrayElement", "Indexed"):
            return self.array_element(node)
        if name == "KroneckerDelta" and set(node.args) <= set(self.ranges):
            i, j = node.args
            return apply("eye", params=(self.ranges[i],)), (i, j)
        if name not in ("Add", "Mul", "Pow") and name not in ENTRIES:
            raise UnknownFunction(f"{name} of SymPy inside a Sum is not part of the language")
        args = [a for pair in node.args for a in pair.args] if name == "Piecewise" else node.args
        parts = [self.read(a, depth + 1) for a in args]
        return self.multiplied(parts) if name == "Mul" else self.combined(node, name, parts)

    def sum(self, node: Any, depth: int) -> Indexed:
        limits, body = self.bounded(node)
        inner = _Summand(self.reader, {**self.ranges, **limits})
        terms = sp.Add.make_args(_opened(body, set(limits)))
        if len({frozenset(t.free_symbols & set(limits)) for t in terms}) > 1:
            parts = [inner.summed(t, limits, depth) for t in terms]
            return self.combined(node, "Add", parts)
        return inner.summed(body, limits, depth)

    def bounded(self, node: Any) -> tuple[dict[Any, Size], Any]:
        """How far each index of a Sum or Product runs, and the body with indices from 0."""
        limits, body = {}, node.function
        for index, *bounds in node.limits:
            name = type(node).__name__
            if not index.is_Symbol:
                raise UnknownFunction(f"{name} of SymPy over {index}, which is no number")
            if len(bounds) != 2:
                raise UnknownFunction(f"{name} of SymPy without bounds", hint="(i, 0, n - 1)")
            body = body.xreplace({index: index + bounds[0]}) if bounds[0] != 0 else body
            limits[index] = self.reader.sizes.size(sp.expand(bounds[1] - bounds[0] + 1))
        return limits, body

    def summed(self, body: Any, limits: dict[Any, Size], depth: int) -> Indexed:
        """Σ of a body over some of the indices."""
        value, indices = self.read(body, depth + 1)
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
        parent, *places = node.args
        value = self.reader.read(parent)
        shape = (*value.shape, 1, 1)[:2]
        found: list[Any] = []
        for axis, place in enumerate(map(sp.expand, places)):
            if place in self.ranges and self.ranges[place] == shape[axis]:
                found.append(place)
            elif place.is_Integer and (shape[axis] != 1 or place == 0):
                found.append(None)
                if shape[axis] != 1:
                    value = picked(value, len(value.shape) - (2 - axis), shape[axis], int(place))
            else:
                raise UnknownFunction(
                    f"MatrixElement of SymPy: {node} does not run over the whole axis"
                )
        indices = tuple(p for p, s in zip(found, shape, strict=True) if p is not None and s != 1)
        return self.on_axes(value, indices)

    def array_element(self, node: Any) -> Indexed:
        """An entry of an ArraySymbol or an IndexedBase, whose sizes its indices may say."""
        places = tuple(map(sp.expand, node.indices))
        known = {p: self.ranges[i] for p in places for i in (p, p - 1) if i in self.ranges}
        value = self.reader.array(node, known)
        found = []
        for axis, place in reversed(list(enumerate(places))):
            if place.is_Integer:
                value = picked(value, axis, value.shape[axis], int(place))
            elif self.ranges.get(place) == value.shape[axis] and self.starts_at_zero(node):
                found.append(place)
            elif self.counted_from_one(node, place, value.shape[axis]):
                found.append(place - 1)
            else:
                raise UnknownFunction(f"{node} of SymPy does not run over the whole axis")
        return self.on_axes(value, tuple(reversed(found)))

    def starts_at_zero(self, node: Any) -> bool:
        """True unless other entries of the same IndexedBase count from 1."""
        free = isinstance(node, sp.Indexed) and node.base.shape is None
        return not free or self.reader.starts(node.base, 0)

    def counted_from_one(self, node: Any, place: Any, size: Size) -> bool:
        """True for u[i + 1] of an IndexedBase without sizes whose entries all count from 1."""
        free = isinstance(node, sp.Indexed) and node.base.shape is None
        return free and self.ranges.get(place - 1) == size and self.reader.starts(node.base, 1)

    def product(self, node: Any, depth: int) -> Indexed:
        """Π of a body over whole axes."""
        limits, body = self.bounded(node)
        inner = _Summand(self.reader, {**self.ranges, **limits})
        value, indices = inner.read(body, depth + 1)
        if set(indices) != set(limits):
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
