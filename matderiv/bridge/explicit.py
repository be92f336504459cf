"""The value of a record on explicit SymPy matrices: exact, with symbols where entries have some.

Arrays of SymPy objects have our shapes: a vector one axis, a scalar none. Importing this module
imports SymPy.
"""

from collections.abc import Callable
from typing import Any

import sympy as sp

from matderiv.bridge.functions import SCALAR
from matderiv.bridge.sizes import SizeTable, decoded, shape_of, sides
from matderiv.expr import REGISTRY, Expr, fold, variable
from matderiv.functions.record import Function
from matderiv.lazy import mp, np

Array = Any  # numpy.ndarray of SymPy objects


def is_explicit(e: Any) -> bool:
    """True for numbers and scalars, explicit matrices, and constants such as Identity(3)."""
    if not hasattr(e, "shape") or isinstance(e, sp.MatrixBase | sp.NDimArray):
        return True
    whole = all(getattr(s, "is_Integer", isinstance(s, int)) for s in e.shape)
    return whole and not e.has(sp.MatrixSymbol, sp.tensor.array.expressions.ArraySymbol)


def written_out(e: Any) -> Any:
    """An object of whole sizes with all its entries; a scalar is itself."""
    if isinstance(e, sp.MatrixExpr) or hasattr(e, "as_explicit"):
        return e.as_explicit()
    return e


def explicit(name: str, params: Any, arguments: tuple[Any, ...]) -> Any:
    """The record `name` of explicit arguments; None where it has no exact value.

    >>> explicit("norm2", (), (sp.Matrix([3, 4]),)), explicit("unit", (2, 1), ())
    (5, Matrix([
    [1],
    [0]]))
    """
    record = REGISTRY[name]
    table = SizeTable()
    shapes = tuple(shape_of(a, table) for a in arguments)
    decoded_params = decoded(record, params, table)
    arrays = tuple(_array(a, s) for a, s in zip(arguments, shapes, strict=True))
    try:
        found = _value(record, decoded_params, arrays)
    except NotImplementedError:
        return None
    return _object(found, record.shape(shapes, decoded_params))


def _array(e: Any, shape: tuple[Any, ...]) -> Array:
    entries = np.empty(tuple(shape), dtype=object)
    flat = list(sp.flatten(e.tolist())) if hasattr(e, "tolist") else [e]
    entries.reshape(-1)[:] = flat
    return entries


def _object(found: Array, shape: tuple[Any, ...]) -> Any:
    """An array as SymPy has it: a scalar, a matrix of one or more columns, an array of entries."""
    entries = [sp.sympify(v, strict=True) for v in np.ravel(np.asarray(found, dtype=object))]
    if len(entries) == 1 and all(s == 1 for s in shape):
        return entries[0]
    if len(shape) > 2:
        return sp.ImmutableDenseNDimArray(entries, shape)
    return sp.ImmutableDenseMatrix(*sides(shape), entries)


def _value(record: Function, params: tuple[Any, ...], args: tuple[Array, ...]) -> Array:
    if record.name in OWN:
        return OWN[record.name](*args, *params)
    if record.kind == "constant" and record.numpy is not None:
        return record.numpy(*params).astype(int).astype(object)
    if record.kind in ("structural", "sum") and record.numpy is not None:
        return np.asarray(record.numpy(*args, *params), dtype=object)
    if record.kind == "elementwise" and record.name in ENTRIES:
        return _entrywise(ENTRIES[record.name], args)
    if record.expand is not None:
        names = [f"a{k}" for k in range(len(args))]
        written = record.expand(*map(variable, names, [a.shape for a in args]), *params)
        return interpreted(written, dict(zip(names, args, strict=True)))
    numbers = all(sp.sympify(v, strict=True).is_number for a in args for v in np.ravel(a))
    if record.numpy is None or not numbers:
        raise NotImplementedError(record.name)
    return np.asarray(record.numpy(*(a.astype(float) for a in args), *params))


def interpreted(e: Expr, arrays: dict[str, Array]) -> Array:
    """The value of an expression whose sizes are numbers, with explicit arrays for variables."""

    def visit(node: Expr, args: tuple[Array, ...]) -> Array:
        name = node.function.name
        if name == "variable":
            return arrays[node.name]
        if name == "number":
            value = node.params[0]
            return _array(sp.Rational(value.numerator, value.denominator), ())
        if name == "pi":
            return _array(sp.pi, ())
        found = _value(node.function, node.params, args)
        return np.reshape(np.asarray(found, dtype=object), node.shape)

    return fold(e, visit)


ENTRIES: dict[str, Callable[..., Any]] = {
    **SCALAR,
    "div": lambda a, b: a / b,
    "ediv": lambda a, b: a / b,
    "epow": lambda a, b: a**b,
}
"""Name of a function of entries -> the function in SymPy."""


def _entrywise(function: Callable[..., Any], args: tuple[Array, ...]) -> Array:
    """A function of corresponding entries; a vector beside a matrix is a column."""
    ranks = {a.ndim for a in args}
    if {1, 2} <= ranks:
        args = tuple(a.reshape(-1, 1) if a.ndim == 1 else a for a in args)
    return np.frompyfunc(function, len(args), 1)(*args)


# Functions of whole arrays -----------------------------------------------------------------------


def _along(function: Callable[[list[Any]], Any]) -> Callable[..., Array]:
    """A function of a list of entries along an axis, which stays for axis 1 of a matrix."""

    def value(x: Array, axis: int | None = None) -> Array:
        if axis is None or x.ndim < 2:
            return np.asarray(function(list(np.ravel(x))), dtype=object)
        found = np.apply_along_axis(lambda v: function(list(v)), axis - 1, x)
        return found.reshape(1, -1) if x.ndim == 2 and axis == 1 else found

    return value


def _shares(function: Callable[[Any, Any], Any]) -> Callable[..., Array]:
    """A function of each entry and the sum of all exponentials along an axis."""

    def value(x: Array, axis: int | None = None) -> Array:
        powers = np.asarray(np.frompyfunc(sp.exp, 1, 1)(x), dtype=object)
        if axis is None or x.ndim < 2:
            total = powers.sum()
        else:
            total = powers.sum(axis=axis - 1, keepdims=True)
        return np.frompyfunc(function, 2, 1)(x, total)

    return value


def _square(x: Array) -> Any:
    return sp.Matrix(np.reshape(x, (-1, 1)) if x.ndim < 2 else x)


def _of_matrix(function: Callable[..., Any]) -> Callable[..., Array]:

    def value(x: Array, *rest: Array) -> Array:
        found = function(_square(x), *rest)
        return np.array(found.tolist() if hasattr(found, "tolist") else found, dtype=object)

    return value


def _exponential(X: Any) -> Any:
    """The exact exponential; of floats the computed one, since exact eigenvalues take minutes."""
    if X.has(sp.Float) and all(v.is_number for v in X):
        return sp.Matrix(mp.expm(mp.matrix(X.tolist())).tolist())
    return X.exp()


def _rounded(name: str, exact: Callable[..., Any]) -> Callable[..., Array]:
    """A function of an explicit matrix; of floats, and beyond 2 × 2, what its record computes."""
    record = REGISTRY[name]

    def value(x: Array) -> Array:
        entries = [sp.sympify(v, strict=True) for v in np.ravel(x)]
        large = min(x.shape, default=0) > 2 or any(v.has(sp.Float) for v in entries)
        if large and all(v.is_number for v in entries) and record.numpy is not None:
            return np.asarray(record.numpy(x.astype(float)))
        return _of_matrix(exact)(x)

    return value


OWN: dict[str, Callable[..., Array]] = {
    "mean": _along(lambda v: sp.Add(*v) / len(v)),
    "sum": _along(lambda v: sp.Add(*v)),
    "prod": _along(lambda v: sp.Mul(*v)),
    "max": _along(lambda v: sp.Max(*v)),
    "min": _along(lambda v: sp.Min(*v)),
    "norm2": lambda x: _along(lambda entries: sp.sqrt(sp.Add(*(v**2 for v in entries))))(x),
    "logsumexp": _along(lambda v: sp.log(sp.Add(*map(sp.exp, v)))),
    "softmax": _shares(lambda v, total: sp.exp(v) / total),
    "log_softmax": _shares(lambda v, total: v - sp.log(total)),
    "det": _of_matrix(lambda X: X.det()),
    "logdet": _of_matrix(lambda X: sp.log(X.det())),
    "inv": _of_matrix(lambda X: X.inv()),
    "adj": _of_matrix(lambda X: X.adjugate()),
    "pinv": _rounded("pinv", lambda X: X.pinv()),
    "expm": _of_matrix(lambda X: _exponential(X)),
    "cholesky": _of_matrix(lambda X: X.cholesky()),
    "norm_nuc": _rounded("norm_nuc", lambda X: sp.Add(*X.singular_values())),
    "norm_spec": _rounded("norm_spec", lambda X: sp.Max(*X.singular_values())),
    "power": _of_matrix(lambda X, k: X ** k.item()),
}
"""Name of a record -> its value on arrays of SymPy objects, where that is no rule of its kind."""
