"""Functions of a square matrix: exponential, logarithm, root; entrywise functions are no part here.

Where dX commutes with X, d f(X) = f'(X) dX, and d tr f(X) = tr(f'(X) dX) always: that is `slope`.
Else the change of f(X) along E is a linear map with a name, dexpm(X, E) for expm, and an array.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from matderiv.errors import NoRule
from matderiv.expr import Expr, apply, number
from matderiv.functions.matrix import square_value
from matderiv.functions.record import SQUARE, Named, primitive, refused, shaped, square_rule
from matderiv.lazy import np
from matderiv.shapes import is_scalar

Scalar = Callable[[Any], Any]

HIGHAM = "Higham 2008, Functions of Matrices, ch. 3"
REAL = 1e-7  # imaginary parts below it, relative to the largest entry, are rounding


def of_matrix(f: Callable[[Any], Any], x: Any) -> Any:
    """f of the eigenvalues of a real matrix; not a number where that is not real.

    >>> of_matrix(np.sqrt, np.array([[2.0, 1.0], [1.0, 2.0]])).round(3).tolist()
    [[1.366, 0.366], [0.366, 1.366]]
    >>> of_matrix(np.log, np.array([[-1.0, 0.0], [0.0, 2.0]])).round(3).tolist()
    [[nan, nan], [nan, nan]]
    """
    values, vectors = np.linalg.eig(np.real(x))
    largest = np.abs(values).max(initial=1.0)
    negative = (np.real(values) < -REAL * largest) & (np.abs(np.imag(values)) < REAL * largest)
    with np.errstate(all="ignore"):
        found = (vectors * f(values + 0j)) @ np.linalg.inv(vectors)
    unreal = np.abs(found.imag).max(initial=0.0) > REAL * np.abs(found).max(initial=1.0)
    return np.full(np.shape(x), np.nan) if negative.any() or unreal else found.real


def _expm(x: Any) -> Any:
    """Scaling and squaring with a Taylor series of the scaled matrix."""
    norm = float(np.abs(x).sum())
    squarings = max(0, int(np.ceil(np.log2(norm))) + 4) if norm > 0 else 0
    small = x / 2**squarings
    result = term = np.eye(np.shape(x)[0])
    for k in range(1, 20):
        term = term @ small / k
        result = result + term
    for _ in range(squarings):
        result = result @ result
    return result


def _sine_cosine(x: Any) -> tuple[Any, Any]:
    """sin and cos of a matrix, as the rotation expm([0 X; -X 0]) has them."""
    n, zero = np.shape(x)[0], np.zeros_like(x)
    turned = _expm(np.block([[zero, x], [-x, zero]]))
    return turned[:n, n:], turned[:n, :n]


def _beside_itself(value: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """The derivative of an entire function, a block of f([X E; 0 X]).

    Source: Higham 2008, Functions of Matrices, eq. (3.16).
    """

    def along(x: Any, change: Any) -> Any:
        n = np.shape(x)[0]
        size = 1 + np.abs(change).max(initial=0.0)  # how far f scales X must not depend on E
        return value(np.block([[x, change / size], [np.zeros((n, n)), x]]))[:n, n:] * size

    return along


def frechet(f: Scalar, slope: Scalar, x: Any, change: Any) -> Any:
    """The derivative of f at the matrix x along `change`: divided differences in the eigenbasis.

    Source: Daleckii & Krein 1965; Higham 2008, Functions of Matrices, theorem 3.11.

    >>> x = np.array([[2.0, 1.0], [0.0, 3.0]])
    >>> frechet(lambda z: z * z, lambda z: 2 * z, x, np.eye(2)).round(9).tolist()
    [[4.0, 2.0], [0.0, 6.0]]
    """
    if not np.isfinite(of_matrix(f, x)).all():
        return np.full(np.shape(x), np.nan)
    values, vectors = np.linalg.eig(np.real(x) + 0j)
    a, b = values[:, None], values[None, :]
    close = np.abs(a - b) < 1e-6 * np.abs(values).max(initial=1.0)
    divided = np.where(close, slope((a + b) / 2), (f(a) - f(b)) / np.where(close, 1, a - b))
    back = np.linalg.inv(vectors)
    found = vectors @ (divided * (back @ change @ vectors)) @ back
    return found.real if np.isrealobj(change) else found


def _whole_map(f: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """The array D_ijkl = dY_ij/dX_kl of a map (x, dX) -> dY of square matrices."""

    def value(x: Any, *rest: Any) -> Any:
        n = np.shape(x)[0]
        basis = np.eye(n * n).reshape(n * n, n, n)
        return np.stack([f(x, e, *rest) for e in basis], axis=-1).reshape(n, n, n, n)

    return value


EXPONENT = "the exponent of ^ is a scalar"


def _contracted(name: str, x: Expr, change: Expr, *rest: Expr) -> Expr:
    """The map applied to a change, by its array."""
    if is_scalar(change.shape) or is_scalar(x.shape):
        raise NoRule(f"{name} of a number is written without matrices")
    return apply("einsum", apply(name, x, *rest), change, params=("ijkl,kl->ij",))


def matrix_function(
    name: str,
    value: Callable[..., Any],
    along: Callable[[Any, Any], Any],
    slope: Callable[[Expr], Expr],
    says: str,
    analytic: bool = True,
) -> None:
    """Register a function of a square matrix, its Fréchet derivative d<name>(X, E), and its array.

    The adjoint of E -> L(X, E) is E -> L(X', E).
    """

    def change_of(y: Expr, which: int, change: Expr) -> Expr:
        scalar = is_scalar(y.shape)
        return slope(y) * change if scalar else _contracted(f"{name}_jacobian", *y.args, change)

    primitive(
        name,
        square_rule("matrix"),
        change_of,
        square_value(value),
        slope=slope,
        analytic=analytic,
        along=_named(f"d{name}", 0, turned=False),
        adjoint=_named(f"d{name}", 0, turned=True),
        says=says,
        source=HIGHAM,
    )
    _linear_map(name, f"{name}(X)", square_value(along), _whole_map(along))


def _named(name: str, which: int, turned: bool) -> Named:
    """The map at X, or at X', applied to the change or adjoint of argument `which`."""

    def expression(y: Expr, k: int, e: Expr) -> Expr | None:
        x = y.args[0].T if turned else y.args[0]
        known = k == which and not is_scalar(x.shape)
        return apply(name, x, e, *y.args[which + 1 :]) if known else None

    return expression


def _linear_map(name: str, of: str, along: Callable[..., Any], whole: Callable[..., Any]) -> None:
    """Register the change of a function of a matrix, linear in the second argument, and its array.

    The function may have an exponent too.
    """
    array, exponents = f"{name}_jacobian", int(name == "power")

    def by_direction(y: Expr, which: int, change: Expr) -> Expr:
        if which != 1:
            raise NoRule(f"the derivative of d{name} by argument {which + 1} is not known here")
        return _contracted(array, y.args[0], change, *y.args[2:])

    primitive(
        f"d{name}",
        shaped("n n, n n, -> n n", SQUARE, SQUARE, EXPONENT),
        by_direction,
        along,
        arity=(2 + exponents, 2 + exponents),
        analytic=False,
        along=_named(f"d{name}", 1, turned=False),
        adjoint=_named(f"d{name}", 1, turned=True),
        says=f"The change of {of} along its second argument; X' in place of X gives its adjoint.",
        source=HIGHAM,
        example=f"d{name}(A, X{', 3' * exponents})",
    )
    refused(
        array,
        shaped("n n, -> n n n n", SQUARE, EXPONENT),
        whole,
        says=f"The array D with D_ijkl = ∂{of}_ij/∂X_kl.",
        source=HIGHAM,
        example=f"{array}(X{', 3' * exponents})",
    )


matrix_function(
    "expm",
    _expm,
    _beside_itself(_expm),
    lambda y: y,
    "The matrix exponential: `d(tr(expm(X))) = tr(expm(X)*dX)`.",
)
matrix_function(
    "sinm",
    lambda x: _sine_cosine(x)[0],
    _beside_itself(lambda x: _sine_cosine(x)[0]),
    lambda y: apply("cosm", y.args[0]),
    "The matrix sine: d tr(sinm(X)) = tr(cosm(X) dX).",
)
matrix_function(
    "cosm",
    lambda x: _sine_cosine(x)[1],
    _beside_itself(lambda x: _sine_cosine(x)[1]),
    lambda y: -apply("sinm", y.args[0]),
    "The matrix cosine: d tr(cosm(X)) = -tr(sinm(X) dX).",
)
matrix_function(
    "logm",
    lambda x: of_matrix(np.log, x),
    lambda x, e: frechet(np.log, lambda z: 1 / z, x, e),
    lambda y: apply("inv", y.args[0]),
    "The matrix logarithm: d tr(logm(X)) = tr(inv(X) dX).",
    analytic=False,
)
matrix_function(
    "sqrtm",
    lambda x: of_matrix(np.sqrt, x),
    lambda x, e: frechet(np.sqrt, lambda z: 0.5 / np.sqrt(z), x, e),
    lambda y: apply("inv", y) / number(2),
    "The matrix square root: d tr(sqrtm(X)) = tr(inv(sqrtm(X)) dX)/2.",
    analytic=False,
)


# Powers that are not written out ------------------------------------------------------------------


def power_along(x: Any, change: Any, k: Any) -> Any:
    """The derivative of x^k along `change`."""
    p = float(np.real(np.reshape(k, ())))
    with np.errstate(all="ignore"):
        return frechet(lambda z: z**p, lambda z: p * z ** (p - 1), x, change)


_linear_map(
    "power",
    "(X^k)",
    lambda x, e, k: square_value(partial(power_along, k=k))(x, e),
    lambda x, k: _whole_map(partial(power_along, k=k))(x),
)
