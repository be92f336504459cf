"""The value of a formula at a point where it is 0/0, from values around the point.

A formula that is analytic around a point has there the mean of its values on a circle of complex
numbers around it (Gauss). Where it is not analytic the Fourier coefficients of negative frequencies
do not vanish, as at a pole, a kink or the end of a root, and nothing is said.
"""

from collections.abc import Callable, Mapping
from typing import Any

from matderiv.calculus.structure import linear_structure, numeric_projection
from matderiv.errors import DomainError
from matderiv.expr import Expr
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array, Sizes, evaluate

PLACES = 32  # on the circle
RADII = (1e-2, 1e-4)
NOISE = 1e-9  # Fourier coefficients that are so much smaller than the values are rounding
_OPEN_FACTS = {"positive", "posdef"}  # beside the linear ones: true all around a point


def around(expr: Expr, x: Expr, values: Mapping[str, Any], sizes: Sizes) -> Array:
    """The formula's value by its values where x moves; not a number where facts hold x.

    >>> from matderiv.expr import apply, variable
    >>> x = variable("x")
    >>> float(around(apply("sin", x) / x, x, {"x": 0.0}, {}).round(12))
    1.0
    """
    space = linear_structure(x)
    if x.params[2] - _OPEN_FACTS - {space}:
        return np.nan
    center = np.asarray(values[x.name], dtype=float)
    direction = np.cos(1.7 * np.arange(center.size) + 0.3).reshape(center.shape)
    projection = numeric_projection(x, "projected", 1)
    direction = direction if projection is None else projection(direction)

    def at(t: complex) -> Array:
        return evaluate(expr, {**values, x.name: center + t * direction}, sizes, analytic=True)

    return _mean(at, max(1.0, float(np.abs(center).max())))


def _mean(at: Callable[[complex], Array], scale: float) -> Array:
    """The mean on a circle, not a number for entries that are not analytic inside of it."""
    mean: Array = np.nan
    for radius in RADII:
        turns = scale * radius * np.exp(2j * np.pi * np.arange(PLACES) / PLACES)
        try:
            rows = np.stack([at(t) for t in turns])
        except DomainError:
            continue
        powers = np.fft.fft(rows, axis=0) / PLACES
        off = np.abs(np.concatenate([powers[:1].imag, powers[PLACES // 2 :]])).max(axis=0)
        sure = off <= NOISE * np.abs(rows).max(where=~np.isnan(rows), initial=0)
        mean = np.where(np.isfinite(mean), mean, np.where(sure, powers[0].real, np.nan))
    return mean
