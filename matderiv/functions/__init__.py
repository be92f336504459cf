"""Everything that can be applied: one record per function, one file per family."""

from matderiv.functions import (
    algebra,
    arrange,
    elementwise,
    leaves,
    matrix,
    named,
    neural,
    powers,
    reduce,
    spectral,
)

__all__ = [
    "algebra",
    "arrange",
    "elementwise",
    "leaves",
    "matrix",
    "named",
    "neural",
    "powers",
    "reduce",
    "spectral",
]
