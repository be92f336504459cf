"""Products of powers: the factors of a term, entry by entry, each with its exponent."""

from matderiv.expr import Expr
from matderiv.tensors.tensor import Exponent

Mono = dict[Expr, Exponent]
"""A product of powers, entry by entry, in the order in which a reader meets them."""


def multiply_into(mono: Mono, e: Expr, exponent: Exponent = 1) -> None:
    """Add a power to a product of powers."""
    k = mono.get(e, 0) + exponent
    if k:
        mono[e] = k
    else:
        mono.pop(e, None)
