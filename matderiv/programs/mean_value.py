"""The value of a formula at a point where it is 0/0, from values around the point.

A formula that is analytic around a point has there the mean of its values on a circle of complex
numbers around it (Gauss). Where it is not analytic the Fourier coefficients of negative frequencies
do not vanish, as at a pole, a kink or the end of a root, and nothing is said.
"""

from collections.abc import Mapping
from typing import Any

from matderiv.calculus.structure import linear_structure, numeric_projection
from matderiv.errors import DomainError
from matderiv.expr import Expr
from matderiv.lazy import np, quiet
from matderiv.numeric.evaluate import Array, Sizes, evaluate

PLACES = 32  # on the circle
RADIUS = 1e-2
NOISE = 1e-9  # Fourier coefficients that are so much smaller than the values are rounding
_OPEN_FACTS = {"positive", "posdef"}  # beside the linear ones: true all around a point


@quiet()
def around(expr: Expr, x: Expr, values: Mapping[str, Any], sizes: Sizes) -> Array:
    """The formula's value by its values where x moves; DomainError where they do not tell.

    >>> from matderiv.expr import apply, variable
    >>> x = variable("x")
    >>> float(around(apply("sin", x) / x, x, {"x": 0.0}, {}).round(12))
    1.0
    """
    space = linear_structure(x)
    center = np.asarray(values[x.name], dtype=float)
    direction = np.cos(1.7 * np.arange(center.size) + 0.3).reshape(center.shape)
    projection = numeric_projection(x, "projected", 1)
    direction = direction if projection is None else projection(direction)
    turns = np.exp(2j * np.pi * np.arange(PLACES) / PLACES)
    near = center + RADIUS * max(1.0, np.abs(center).max()) * np.multiply.outer(turns, direction)
    rows = np.stack([evaluate(expr, {**values, x.name: v}, sizes, analytic=True) for v in near])
    powers = np.fft.fft(rows, axis=0) / PLACES
    off = np.abs([*powers[:1].imag, *powers[PLACES // 2 :]]).max()
    if x.params[2] - _OPEN_FACTS - {space} or not off <= NOISE * np.abs(rows).max():
        raise DomainError(f"the limit is not known as {x.name} goes there")
    return powers[0].real
