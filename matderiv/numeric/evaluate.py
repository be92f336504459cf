"""Numbers for expressions: values in, NumPy arrays out; nothing here knows a derivative.

An expression becomes a list of instructions once (`compile_`), which then runs for any values.
Values that overflow as written are computed in an equal, stable form. A complex step passes
through, because every record's `numpy` is analytic where it is smooth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from math import pi, prod
from typing import Any, NamedTuple

from matderiv.arguments import given
from matderiv.errors import DomainError, LimitError, ShapeError, UnknownName
from matderiv.expr import Expr, is_, walk
from matderiv.expr import variables as variables_of
from matderiv.lazy import np
from matderiv.numeric.stable import stable_all
from matderiv.shapes import Dim, Shape, is_scalar, shape_text, size_names, size_value
from matderiv.work import spend

MAX_ENTRIES = 10**7  # a larger array is refused: 10⁷ entries are 80 MB
CUBE = 300  # products of numbers in one unit of work of
CUBIC = frozenset("inv det logdet solve pinv adj norm_nuc norm_spec expm logm sqrtm".split())

Array = Any  # numpy.ndarray, which is imported lazily
Sizes = dict[str, int]
Arrays = dict[str, Array]


def evaluate(
    expr: Expr,
    values: Mapping[str, Any],
    sizes: Mapping[str, int] | None = None,
    *,
    analytic: bool = False,
) -> Array:
    """The value of `expr`, of its concrete shape: () a scalar, (n,) a vector, (1, n) a row.

    Sizes are read off the arrays; `sizes` adds those that no array shows. Raises UnknownName,
    ShapeError, DomainError, LimitError. `analytic` lets complex values in, for complex steps.

    >>> A, x = variable("A", (Dim(("m",)), Dim(("n",)))), variable("x", (Dim(("n",)),))
    >>> evaluate(A @ x, {"A": [[1, 2], [3, 4], [5, 6]], "x": [1, 1]})
    array([ 3.,  7., 11.])
    """
    program = compile_((expr,))
    arrays, bound = bind(program.variables, values, sizes, analytic=analytic)
    return program.at(bound).run(arrays)[0]


# Binding -----------------------------------------------------------------------------------------


def bind_sizes(variables: Iterable[Expr], values: Mapping[str, Any]) -> Sizes:
    """The named sizes, read off the shapes of the arrays.

    >>> bind_sizes([variable("x", (Dim(("n",)),))], {"x": [1, 2, 3]})
    {'n': 3}
    """
    return bind(variables, values)[1]


def bind_labels(exprs: Iterable[Expr], values: Mapping[str, Any], sizes: Sizes) -> Sizes:
    """The sizes, and the labels such as y of unit(n,y), whose values are whole numbers.

    >>> e = apply("unit", params=(Dim(("n",)), Dim(("y",))))
    >>> bind_labels([e], {"y": 2.0}, {"n": 3})
    {'n': 3, 'y': 2}
    """
    labels = {n: values[n] for n in sizes_in(*exprs) - sizes.keys() if n in values}
    whole = {n: int(v) for n, v in labels.items() if np.shape(v) == () and float(v).is_integer()}
    return {**sizes, **whole}


def bind(
    variables: Iterable[Expr],
    values: Mapping[str, Any],
    sizes: Mapping[str, Any] | None = None,
    *,
    analytic: bool = False,
) -> tuple[Arrays, Sizes]:
    """The values as arrays of the declared shapes, and the sizes that they and `sizes` bind.

    A vector may be given as n or n × 1, a declared row or column as a plain vector.
    """
    bound: Sizes = {}
    origin: dict[str, str] = {}
    for name, value in sorted((sizes or {}).items()):
        bound[name], origin[name] = _whole(name, value), "sizes"
    arrays: Arrays = {}
    products: list[tuple[str, Shape]] = []
    for v in variables:
        if v.name not in values:
            raise UnknownName(f"there is no value for {v.name}", hint=f"give {v.name} an array")
        arrays[v.name] = _fitted(v, as_array(v.name, values[v.name], analytic))
        products.append((v.name, v.shape))
    for only_single in (True, False):
        for name, shape in products:
            for axis, s in zip(arrays[name].shape, shape, strict=True):
                if (isinstance(s, int) or s.is_name) is only_single:
                    _bind_axis(name, shape, s, axis, bound, origin)
    return arrays, bound


def as_array(name: str, value: Any, analytic: bool = False) -> Array:
    """The value as an array of floats; DomainError for anything that is not real numbers."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DomainError(f"the value of {name} is not a regular array of numbers") from error
    if array.dtype.kind == "c" and analytic:
        return array
    if array.dtype.kind == "O":
        array = _exact_numbers(array)
    if array.dtype.kind not in "biuf":
        what = {"c": "complex numbers", "U": "text", "S": "text"}.get(array.dtype.kind)
        what = what or next((given(v) for v in array.flat if not isinstance(v, int)), "objects")
        raise DomainError(
            f"the value of {name} holds {what}",
            hint="give real numbers, such as an array of floats",
        )
    if array.size > MAX_ENTRIES:
        raise LimitError(f"{name} has {array.size} entries, the limit is {MAX_ENTRIES}")
    if array.size == 0:
        raise ShapeError(f"{name} has no entries: every size is a whole number from 1")
    return array.astype(float)


def _exact_numbers(array: Array) -> Array:
    """Fractions and SymPy's real numbers as floats; an array of anything else as it is."""

    def real(v: Any) -> bool:
        symbolic = getattr(v, "is_number", False) and getattr(v, "is_extended_real", False)
        return isinstance(v, int | float | Fraction) or bool(symbolic)

    try:
        return array.astype(float) if all(map(real, array.flat)) else array
    except OverflowError:
        return array


def _whole(name: str, value: Any) -> int:
    size = as_array(name, value)
    if isinstance(value, bool) or size.ndim or not float(size).is_integer() or size < 1:
        raise ShapeError(f"the size {name} is {value}: sizes are whole numbers from 1")
    return int(size)


def _fitted(v: Expr, array: Array) -> Array:
    """The array with the number of axes that the variable has."""
    shape = v.shape
    if array.ndim == len(shape):
        return array
    if is_scalar(shape) and array.size == 1:
        return array.reshape((1,) * len(shape))
    if len(shape) == 1 and array.ndim == 2 and array.shape[1] == 1:
        return array.reshape(-1)
    if len(shape) == 2 and array.ndim == 1 and 1 in shape:
        return array.reshape((1, -1) if shape[0] == 1 else (-1, 1))
    raise ShapeError(
        f"{v.name} is {shape_text(shape)} and its value is {shape_text(array.shape)}",
        hint=f"give {v.name} an array with {len(shape)} axes",
    )


def _bind_axis(
    name: str, shape: Shape, s: int | Dim, axis: int, bound: Sizes, origin: dict[str, str]
) -> None:
    """Bind the one unknown name in `s`, or compare with what is bound already."""
    names = sorted(size_names([(s,)]))
    unknown = [n for n in names if n not in bound]
    here = f"{name}: {shape_text(shape)}"
    if len(unknown) == 1:
        none, one = (size_value(s, {**bound, unknown[0]: k}) for k in (0, 1))
        if axis > none and (axis - none) % (one - none) == 0:
            bound[unknown[0]], origin[unknown[0]] = (axis - none) // (one - none), here
            return
    if unknown:
        raise ShapeError(f"an axis of {name} has {axis} entries, which does not settle {s}")
    if size_value(s, bound) == axis:
        return
    if isinstance(s, int):
        raise ShapeError(f"an axis of {here} has {s} entries, its value has {axis}")
    if len(names) == 1:
        raise ShapeError(
            f"{s} is {size_value(s, bound)} (from {origin[names[0]]}) and {axis} (from {here})"
        )
    found = ", ".join(f"{n} = {bound[n]} (from {origin[n]})" for n in names)
    raise ShapeError(f"{s} is {size_value(s, bound)}, with {found}, and {axis} (from {here})")


# Programs ----------------------------------------------------------------------------------------

Compute = Callable[..., Array]


class ValueStep(NamedTuple):
    """One node: what computes it, from which slots, and which slots are free afterwards."""

    name: str
    compute: Compute | None
    arguments: tuple[int, ...]
    params: tuple[Any, ...]
    shape: Shape
    columns: bool
    free: tuple[int, ...]


class ValueProgram(NamedTuple):
    """Instructions for some expressions; `outputs` are the slots of their values."""

    variables: tuple[Expr, ...]
    instructions: tuple[ValueStep, ...]
    outputs: tuple[int, ...]

    def at(self, sizes: Mapping[str, int]) -> BoundValues:
        """The program with every size a number."""
        lines = []
        cost = 0
        spend(8 * len(self.instructions))
        for i in self.instructions:
            shape = tuple([size_number(s, sizes) for s in i.shape])
            if prod(shape) > MAX_ENTRIES:
                raise LimitError(
                    f"{i.name} of {shape_text(shape)} has {prod(shape)} entries, "
                    f"the limit is {MAX_ENTRIES}"
                )
            params = tuple([size_number(p, sizes) if isinstance(p, Dim) else p for p in i.params])
            if i.name == "size":
                params = (size_number(Dim(i.params), sizes),)
            lines.append((i, params, shape))
            cost += 6 + prod(shape) // 200
            if i.name in CUBIC:
                cost += max(s for a in i.arguments for s in (1, *lines[a][2])) ** 3 // CUBE
        return BoundValues(tuple(lines), self.outputs, cost)


class BoundValues(NamedTuple):
    """A program with its sizes; `run` may be called again and again, at some `cost` each time."""

    lines: tuple[tuple[ValueStep, tuple[Any, ...], tuple[int, ...]], ...]
    outputs: tuple[int, ...]
    cost: int

    def run(self, arrays: Mapping[str, Array]) -> list[Array]:
        """The values of the outputs; warnings of NumPy are off inside, infinities are returned."""
        slots = self._slots(arrays)
        return [slots[k] for k in self.outputs]

    def largest(self, arrays: Mapping[str, Array]) -> float:
        """The largest finite absolute value met on the way: what rounding errors scale with."""
        met = [np.zeros(1)]
        self._slots(arrays, lambda v: met.append(np.ravel(v)))
        sizes = np.abs(np.concatenate(met))
        return float(sizes.max(where=np.isfinite(sizes), initial=0.0))

    def _slots(
        self, arrays: Mapping[str, Array], seen: Callable[[Array], None] | None = None
    ) -> list[Array]:
        """The slots after the last line, only outputs filled; `seen` is shown every value."""
        spend(self.cost)
        slots: list[Array] = [None] * len(self.lines)
        with np.errstate(all="ignore"):
            for k, (line, params, shape) in enumerate(self.lines):
                if line.compute is None:
                    value = _leaf(line.name, params, arrays)
                else:
                    arguments = [slots[a] for a in line.arguments]
                    if line.columns:
                        arguments = [a[:, None] if a.ndim == 1 else a for a in arguments]
                    value = computed(line.name, line.compute, arguments, params)
                slots[k] = (
                    value if getattr(value, "shape", None) == shape else np.reshape(value, shape)
                )
                if seen is not None:
                    seen(slots[k])
                for a in line.free:
                    slots[a] = None
        return slots


def size_number(s: Any, sizes: Mapping[str, int]) -> int:
    """The number behind a size; UnknownName for one that no value binds."""
    if isinstance(s, int):
        return s
    try:
        return size_value(s, sizes)
    except KeyError:
        n = min(size_names([(s,)]) - sizes.keys())
        raise UnknownName(f"no value binds the size {n}", hint=f"give {n} as a value") from None


def _leaf(name: str, params: tuple[Any, ...], arrays: Mapping[str, Array]) -> Array:
    if name == "variable":
        return arrays[params[0]]
    return np.float64(pi if name == "pi" else params[0])


def computed(name: str, compute: Compute, arguments: list[Array], params: Any) -> Array:
    """The value of a function; DomainError where it has none, LimitError beyond the memory.

    >>> computed("inv", np.linalg.inv, [np.zeros((2, 2))], ())
    Traceback (most recent call last):
    ...
    matderiv.errors.DomainError: inv has no value here: singular matrix
    """
    try:
        return compute(*arguments, *params)
    except np.linalg.LinAlgError as error:
        raise DomainError(f"{name} has no value here: {error}".lower()) from error
    except (OverflowError, ZeroDivisionError, ValueError) as error:
        raise DomainError(f"{name} has no value here: {error}") from error
    except MemoryError as error:
        raise LimitError(f"{name} takes more memory than there is") from error


def compile_(exprs: tuple[Expr, ...]) -> ValueProgram:
    """The instructions that compute some expressions, each shared part once; one's are kept."""
    if len(exprs) != 1:
        return _compiled(exprs)
    program: ValueProgram | None = exprs[0].cache.get("program")
    if program is None:
        program = exprs[0].cache["program"] = _compiled(exprs)
    return program


def _compiled(exprs: tuple[Expr, ...]) -> ValueProgram:
    roots = stable_all(exprs)
    nodes = list(walk(*roots))
    slot = {node: k for k, node in enumerate(nodes)}
    outputs = tuple(slot[r] for r in roots)
    last: dict[int, int] = {}
    for k, node in enumerate(nodes):
        last.update([(slot[a], k) for a in node.args])
    free: dict[int, list[int]] = {}
    kept = set(outputs)
    for a, k in last.items():
        if a not in kept:
            free.setdefault(k, []).append(a)
    lines = [_instruction(n, slot, tuple(free.get(k, ()))) for k, n in enumerate(nodes)]
    return ValueProgram(tuple(variables_of(*exprs)), tuple(lines), outputs)


def _instruction(node: Expr, slot: dict[Expr, int], free: tuple[int, ...]) -> ValueStep:
    function, params = node.function, node.params
    if function.name == "number":
        params = (as_float(params[0]),)
    return ValueStep(
        name=function.name,
        compute=function.numpy,
        arguments=tuple([slot[a] for a in node.args]),
        params=params,
        shape=node.shape,
        columns=function.kind == "elementwise" and len(node.shape) == 2 and len(node.args) > 1,
        free=free,
    )


def as_float(value: Fraction) -> float:
    """The float nearest to a number; DomainError where there is none."""
    try:
        return float(value)
    except OverflowError as error:
        raise DomainError("a number here is too large for a float") from error


def sizes_in(*exprs: Expr) -> set[str]:
    """The names of all sizes that the value of some expressions depends on."""
    names = set()
    for node in walk(*exprs):
        names |= size_names([node.shape])
        names |= size_names([tuple(p for p in node.params if isinstance(p, Dim))])
        if is_(node, "size"):
            names.add(node.params[0])
    return names
