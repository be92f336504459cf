"""Sides of a derivation with what they claim, and what would follow if a wrong claim were true."""

from __future__ import annotations

from dataclasses import dataclass

from matderiv.expr import Expr, apply, substitute, variable
from matderiv.verification.derivations.ground import Ground
from matderiv.verification.quantities import DIFFERENTIAL, Quantity


@dataclass(frozen=True)
class Claimed:
    """A side that was read, and the verdict on it.

    `claimed` is its value with what earlier lines claim in place of true differentials and
    derivatives; `root` the number of the line whose mistake it has.
    """

    number: int
    quantity: Quantity
    true: Expr
    claimed: Expr
    correct: bool | None
    root: int | None


def through(ground: Ground, of: str, name: str, claim: Claimed) -> Expr | None:
    """The differential of a function with the claimed dz, or ∂f/∂z, on the way through z = `name`.

    None where the function does not use z, or the claim has another shape.
    """
    z = ground.functions[name]
    symbol = variable(name, z.shape)
    f = substitute(ground.functions[of], {z: symbol})
    if f is ground.functions[of]:
        return None
    direct = ground.differential(f)
    if claim.quantity.kind == DIFFERENTIAL:
        part = ground.along(f, symbol, claim.claimed)
    elif claim.quantity.of == of and claim.claimed.shape == z.shape and not f.shape:
        product = claim.claimed * ground.differential(z)
        part = apply("sum", product, params=(None,)) if z.shape else product
    else:
        return None
    return substitute(apply("add", direct, part), {symbol: z})
