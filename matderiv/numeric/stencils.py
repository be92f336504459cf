"""The k-th derivative of t -> f(x + tV) at t = 0, from values of f alone, with its uncertainty.

Equidistant values, five for a first derivative and nine for higher ones, weighed so that
polynomials of degree 4 and 8 are exact (Fornberg 1988, Generation of finite difference formulas on
arbitrarily spaced grids); the same formula on two values less says how far to trust it. Where f
lets complex numbers through, the first of the k derivatives is a complex step (Squire & Trapp
1998), and only the others are differences.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import factorial

from matderiv.lazy import np
from matderiv.numeric.evaluate import Array

EPS = 2.0**-52
STEPS = (2.0**-7, 2.0**-10, 2.0**-14, 2.0**-18)  # tried in this order
TRUSTED = 1e-9  # an uncertainty, relative to the derivative, at which no other step is tried
REACH = (0, 2, 4, 4, 4)  # values on either side, by order

Line = Callable[[float], Array]


@dataclass(frozen=True)
class Slope:
    """A derivative along a line and how far off it may be."""

    value: Array
    uncertainty: float

    @property
    def relative(self) -> float:
        """The uncertainty over the largest entry; infinite where nothing is known."""
        size = float(np.abs(self.value).max(initial=0.0))
        return self.uncertainty / size if size else (0.0 if not self.uncertainty else float("inf"))


@lru_cache
def weights(order: int, reach: int) -> tuple[tuple[int, float], ...]:
    """What the values at -reach, ..., reach count in the derivative of this order at 0.

    >>> weights(1, 1), weights(2, 1)
    (((-1, -0.5), (1, 0.5)), ((-1, 1.0), (0, -2.0), (1, 1.0)))
    """
    nodes = range(-reach, reach + 1)
    rows = [
        [*(Fraction(t) ** k for t in nodes), Fraction(factorial(k) if k == order else 0)]
        for k in range(len(nodes))
    ]
    for k in range(len(rows)):  # Gauss & Jordan, exact
        pivot = next(r for r in range(k, len(rows)) if rows[r][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [v / rows[k][k] for v in rows[k]]
        for r, row in enumerate(rows):
            if r != k and row[k]:
                rows[r] = [a - row[k] * b for a, b in zip(row, rows[k], strict=True)]
    return tuple((t, float(row[-1])) for t, row in zip(nodes, rows, strict=True) if row[-1])


def derivative_along(line: Line, order: int, scale: float = 1.0, first: int = 0) -> Slope:
    """The derivative of `line` of some order at 0, by the step that is trusted most.

    `scale` is the length on which the line changes, `first` the step to begin with: a wide one
    crosses kinks.

    >>> found = derivative_along(lambda t: np.exp(np.float64(t)), 3)
    >>> bool(abs(found.value - 1) < 1e-8), found.uncertainty < 1e-6
    (True, True)
    """
    if not order:
        value = line(0.0)
        return Slope(value, 4 * EPS * float(np.abs(value).max(initial=0.0)))
    best: Slope | None = None
    for step in STEPS[first:]:
        found = _differences(line, order, step * scale)
        if best is None or not best.uncertainty <= found.uncertainty:
            best = found
        if best.relative <= TRUSTED:
            break
    assert best is not None
    return best


def _differences(line: Line, order: int, step: float) -> Slope:
    """The derivative with one step; the uncertainty counts what fewer values say, and rounding."""
    reach = REACH[order]
    nodes = [t for t in range(-reach, reach + 1) if t or order % 2 == 0]
    values = {t: line(t * step) for t in nodes}
    with np.errstate(all="ignore"):  # where f has no finite value, neither has the slope
        wide, narrow = (
            sum(w * values[t] for t, w in weights(order, r)) / step**order
            for r in (reach, reach - 1)
        )
        largest = max(float(np.abs(v).max(initial=0.0)) for v in values.values())
        off = float(np.abs(wide - narrow).max(initial=0.0)) + 8 * EPS * largest / step**order
    return Slope(np.asarray(wide), off if np.isfinite(off) else float("inf"))
