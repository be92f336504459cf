"""Records of what has no arguments: variables, numbers, sizes, constants."""

from collections.abc import Callable
from typing import Any

from matderiv.errors import DomainError
from matderiv.expr import Params
from matderiv.functions.record import Function, constant
from matderiv.lazy import np
from matderiv.shapes import Shape, plus, times, triangle


def _leaf(name: str, shape: Callable[[Params], Shape], says: str) -> Function:
    return constant(
        name, shape, None, says, kind="leaf", call="plain", symbols=1, leaf=True, arity=(0, 0)
    )


VARIABLE = _leaf("variable", lambda params: params[1], "A named scalar, vector, matrix.")
TANGENT = _leaf("tangent", lambda params: params[1], "The change of an argument.")
NUMBER = _leaf("number", lambda params: (), "An exact number.")
SIZE = _leaf("size", lambda params: (), "A size used as a number.")
PI = _leaf("pi", lambda params: (), "The number π.")

EYE = constant(
    "eye", lambda p: (p[0], p[0]), lambda n: np.eye(n), "The identity matrix.", example="eye(3)"
)
ONES = constant(
    "ones",
    lambda p: tuple(p),
    lambda *s: np.ones(s),
    "A vector or matrix of ones.",
    symbols=4,
    arity=(1, 8),
    example="ones(3)",
)
ZEROS = constant(
    "zeros",
    lambda p: tuple(p),
    lambda *s: np.zeros(s),
    "A zero with a shape.",
    arity=(1, 8),
    example="zeros(2, 3)",
)


def _unit(n: int, k: int) -> Any:
    if k > n:
        raise DomainError(f"unit({n},{k}) needs a vector of at least {k} entries")
    return np.eye(1, n, k - 1)[0]


UNIT = constant(
    "unit",
    lambda p: (p[0],),
    _unit,
    "The k-th unit vector: unit(m,2)'*X*unit(n,3) is the entry of X in row 2, column 3.",
    example="unit(3,1)",
)


def _columns(n: int, a: int, b: int) -> Any:
    if not 1 <= a <= b + 1 <= n + 1:
        raise DomainError(f"cols({n},{a},{b}) has no such columns")
    return np.eye(n, b - a + 1, 1 - a)


COLUMNS = constant(
    "cols",
    lambda p: (p[0], plus(p[2], times(-1, p[1]), 1)),
    _columns,
    "Columns a to b of eye(n): cols(n,2,n)'*x are the entries of x from the second on.",
    symbols=1,
    ones=lambda n, a, b, i, j: (i, plus(j, a, -1)),
    example="cols(4, 2, 3)",
)


def _commutation(m: int, n: int) -> Any:
    return np.eye(m * n)[np.arange(m * n).reshape(n, m).T.reshape(-1)]


COMMUTATION = constant(
    "commutation",
    lambda p: (times(*p), times(*p)),
    _commutation,
    "It turns vec(X) into vec(X') for X of m rows and n columns.",
    source="Magnus & Neudecker, Matrix Differential Calculus, ch. 3.7",
    example="commutation(2, 3)",
)


def _duplication(n: int) -> Any:
    row, column = np.indices((n, n))
    first, last = np.minimum(row, column), np.maximum(row, column)
    place = first * n - first * (first + 1) // 2 + last  # of S_ij in vech(S), below the diagonal
    return np.eye(n * (n + 1) // 2)[place.reshape(-1)]


DUPLICATION = constant(
    "duplication",
    lambda p: (times(p[0], p[0]), triangle(p[0])),
    _duplication,
    "D vech(S) = vec(S) for symmetric S; vech stacks the columns from the diagonal down.",
    source="Magnus & Neudecker, Matrix Differential Calculus, ch. 3.8",
    example="duplication(3)",
)
