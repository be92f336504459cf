"""Everything that can be applied: one record per function, one file per family."""

from matderiv.functions import (
    abstract,
    algebra,
    arrange,
    cells,
    eigen,
    elementwise,
    factors,
    leaves,
    matrix,
    named,
    neural,
    of_matrices,
    powers,
    reduce,
    special,
    structured,
    windows,
)
