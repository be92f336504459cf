"""The closed set of operations, as NumPy computes them.

`function(line)` gives what a line calls with its arguments; nothing is looked up when it runs.
"""

import operator
from collections.abc import Callable
from functools import partial
from math import pi, prod
from typing import Any

from matderiv.expr import REGISTRY
from matderiv.functions.matrix import inverse
from matderiv.functions.powers import matrix_power
from matderiv.functions.reduce import einsum
from matderiv.lazy import np

Compute = Callable[..., Any]
Params = tuple[Any, ...]

UFUNCS = {
    **{name: name for name in ("exp", "log", "log1p", "expm1", "sqrt", "sign", "sin", "cos")},
    **{name: name for name in ("tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh")},
    **{"abs": "absolute", "neg": "negative", "add": "add", "sub": "subtract", "mul": "multiply"},
    **{"div": "true_divide", "power": "power", "maximum": "maximum", "minimum": "minimum"},
}
"""Operations entry by entry that can write their result over an argument."""
COMPARISONS = {"gt": "greater", "lt": "less", "ge": "greater_equal", "le": "less_equal"}


SCALARS: dict[str, Compute] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
    "div": operator.truediv,
}
"""Operations on two numbers, without the way through arrays."""


def _bound(name: str) -> Compute:
    """np.maximum or np.minimum, which take the array to write over by its name only."""
    ufunc = getattr(np, name)

    def compute(x: Any, y: Any, over: Any = None) -> Any:
        return ufunc(x, y, out=over)

    return compute


def _along(name: str) -> Callable[[Params], Compute]:
    def made(params: Params) -> Compute:
        axis, keep = params
        ufunc = {"sum": np.add, "max": np.maximum, "min": np.minimum, "prod": np.multiply}[name]
        if axis is None:
            return lambda x: ufunc.reduce(x, None)
        return lambda x: ufunc.reduce(x, axis, None, None, keep)

    return made


def _of_record(name: str, params: Params) -> Compute:
    """The value that the function's record knows."""
    compute = REGISTRY[name].numpy
    assert compute is not None
    return lambda *values: compute(*values, *params)


def _einsum(params: Params) -> Compute:
    (spec,) = params
    given = spec.partition("->")[0].split(",")
    if len(given) == 2 and not set(given[0]) & set(given[1]):
        return lambda x, y: np.einsum(spec, x, y)  # an outer product has nothing to plan
    return lambda *values: einsum(spec, *values)


def _add_diagonal(params: Params) -> Compute:
    view = params[0]

    def compute(whole: Any, part: Any) -> Any:
        np.einsum(view, whole)[...] += part
        return whole

    return compute


def _on_diagonal(params: Params) -> Compute:
    view, _, count, *sizes = params
    shape = tuple(sizes[count:])

    def compute(part: Any) -> Any:
        whole = np.zeros(shape, part.dtype)
        np.einsum(view, whole)[...] = part
        return whole

    return compute


def _log_of_determinant(found: Any) -> Any:
    sign, value = found
    return value if sign > 0 else np.nan


def _numpy(path: str, params: Params) -> Compute:
    """The function that NumPy has under a name such as linalg.solve."""
    found: Compute = operator.attrgetter(path)(np)
    return found


MAKERS: dict[str, Callable[[Params], Compute]] = {
    **{name: _along(name) for name in ("sum", "max", "min", "prod")},
    **{
        n: partial(_numpy, n) for n in "where vdot trace diag diagonal kron cross tril triu".split()
    },
    **{n: partial(_numpy, f"linalg.{n}") for n in ("solve", "det", "slogdet", "pinv")},
    "ne": lambda p: np.not_equal,
    "real": lambda p: lambda x: x * 1.0,
    "copy": lambda p: lambda x: x.copy(),
    "matmul": lambda p: np.ndarray.dot,  # sooner there than np.dot
    "dot": lambda p: np.ndarray.dot,
    "stacked": lambda p: np.matmul,
    "add_diagonal": _add_diagonal,
    "on_diagonal": _on_diagonal,
    "rowdot": lambda p: partial(np.einsum, "ij,ij->i"),
    "coldot": lambda p: partial(np.einsum, "ij,ij->j"),
    "inv": lambda p: inverse,
    "logdet": lambda p: _log_of_determinant,
    "matrix_power": lambda p: lambda x: np.linalg.matrix_power(x, p[0]),
    "power_of": lambda p: lambda x, k: matrix_power(x, float(k)),
    "einsum": _einsum,
    "transpose": lambda p: operator.attrgetter("T"),
    "column": lambda p: lambda x: x[:, None],
    "row": lambda p: lambda x: x[None, :],
    "reshape": lambda p: lambda x: x.reshape(p),
    "permute": lambda p: lambda x: np.transpose(x, p),
    "broadcast": lambda p: lambda x: np.broadcast_to(x, p),
    "pi": lambda p: lambda: np.float64(pi),
    "number": lambda p: lambda: np.float64(p[0]),
    "size": lambda p: lambda: np.float64(p[0]),
}


FEW = 1024  # entries up to which vecdot is faster than einsum, and dot than a sum of all
DOTTED = {"rowdot": 1, "coldot": 0}


def function(
    operation: str, params: Params, first: tuple[int, ...], real: Any, *, scalar: bool
) -> Compute:
    """What computes an operation whose sizes are numbers; `scalar` for arguments without axes.

    `first` is the shape of the first argument, where there is one, `real` the type of arrays.
    """
    if scalar and operation in SCALARS:
        return SCALARS[operation]
    if operation in ("maximum", "minimum"):
        return _bound(operation)
    if operation == "vdot" and len(first) == 1:
        operation = "dot"
    if operation in DOTTED and prod(first) <= FEW and hasattr(np, "vecdot"):
        return partial(np.vecdot, axis=DOTTED[operation])
    short = len(first) == 1 and first[0] <= FEW
    if operation == "sum" and (short or (len(first) == 2 and params[0] is not None)):
        return _summed(params, first, real)
    name = UFUNCS.get(operation) or COMPARISONS.get(operation)
    if name is not None:
        found: Compute = getattr(np, name)
        return found
    made = MAKERS.get(operation)
    return made(params) if made else _of_record(operation, params)


def _summed(params: Params, first: tuple[int, ...], real: Any) -> Compute:
    """A sum as a product with ones, which takes a fraction of the time of `sum`."""
    axis, keep = params
    ones = np.ones(first[axis or 0], real)
    if axis:
        columns = ones[:, None] if keep else ones
        return lambda x: x.dot(columns)
    found: Compute = (ones[None] if keep else ones).dot
    return found
