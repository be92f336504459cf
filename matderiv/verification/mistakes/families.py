"""The kinds of mistakes that are looked for, likely ones first, with their codes."""

from matderiv.verification.mistakes.completions import chain_factors, surroundings, terms
from matderiv.verification.mistakes.confusions import functions, slopes
from matderiv.verification.mistakes.edits import (
    Family,
    axes,
    factors,
    fewer_factors,
    fewer_terms,
    inverses,
    names,
    orders,
    powers,
    products,
    reductions,
    signs,
    symmetric,
    transposes,
)

FIRST: tuple[tuple[str, Family], ...] = (
    ("hadamard-for-product", products),
    ("transpose", transposes),
    ("sign", signs),
    ("order-of-factors", orders),
    ("sum-for-mean", reductions),
    ("axis", axes),
    ("power", powers),
)
SECOND: tuple[tuple[str, Family], ...] = (
    ("factor", factors),
    ("symmetric-shortcut", symmetric),
    ("extra-term", fewer_terms),
    ("wrong-function", slopes),
    ("wrong-function", functions),
    ("extra-factor", fewer_factors),
    ("inverse", inverses),
    ("wrong-variable", names),
)
MISSING: tuple[tuple[str, Family], ...] = (
    ("missing-chain-factor", chain_factors),
    ("missing-chain-factor", surroundings),
    ("missing-term", terms),
)
