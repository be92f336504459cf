"""Everything that can be applied: one record per function, one file per family."""

from matderiv.functions import (
    algebra,
    arrange,
    eigen,
    elementwise,
    leaves,
    matrix,
    named,
    neural,
    powers,
    reduce,
    special,
    spectral,
    structured,
    windows,
)

__all__ = [
    "algebra",
    "arrange",
    "eigen",
    "elementwise",
    "leaves",
    "matrix",
    "named",
    "neural",
    "powers",
    "reduce",
    "special",
    "spectral",
    "structured",
    "windows",
]
