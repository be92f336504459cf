"""Functions of a square matrix: exponential, logarithm, root; entrywise functions are no part here.

Their differential has no short form, but d tr f(X) = tr(f'(X) dX), and d f(X) = f'(X) dX where dX
commutes with X: that is `slope`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matderiv.expr import apply, number
from matderiv.functions.record import refused, square_rule
from matderiv.lazy import np

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


def _square(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def value(x: Any) -> Any:
        return function(np.reshape(x, (1, 1)) if np.size(x) == 1 else x)

    return value


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


refused(
    "expm",
    square_rule("matrix"),
    _square(_expm),
    slope=lambda y: y,
    says="The matrix exponential: d tr(expm(X)) = tr(expm(X) dX).",
    source="Higham 2008, Functions of Matrices, ch. 3",
    example="expm(X)",
)
refused(
    "logm",
    square_rule("matrix"),
    _square(lambda x: of_matrix(np.log, x)),
    slope=lambda y: apply("inv", y.args[0]),
    says="The matrix logarithm: d tr(logm(X)) = tr(inv(X) dX).",
    source="Higham 2008, Functions of Matrices, ch. 3",
    example="logm(X)",
)
refused(
    "sqrtm",
    square_rule("matrix"),
    _square(lambda x: of_matrix(np.sqrt, x)),
    slope=lambda y: apply("inv", y) / number(2),
    says="The matrix square root: d tr(sqrtm(X)) = tr(inv(sqrtm(X)) dX)/2.",
    source="Higham 2008, Functions of Matrices, ch. 3",
    example="sqrtm(X)",
)
