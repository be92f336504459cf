"""Derivatives by a structured variable: projected on its linear space, or by its free entries."""

from __future__ import annotations

from fractions import Fraction

from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply
from matderiv.shapes import long_axes
from matderiv.simplify import facts
from matderiv.tensor import Factor, Indices, Tensor, Term, delta, normalise, renamed

STRUCTURES = ("projected", "independent", "none")
_SYMMETRIC = {"symmetric", "posdef"}


def linear_structure(wrt: Expr) -> str | None:
    """The linear space a variable is declared to live in: symmetric, skew, diagonal, ..."""
    declared = facts(wrt)
    if declared & _SYMMETRIC and "diagonal" not in declared:
        return "symmetric"
    for name in ("diagonal", "skew", "lower", "upper"):
        if name in declared:
            return name
    return None


def project(tensor: Tensor, wrt: Expr, structure: str) -> Tensor:
    """The derivative with its last axes, those of the variable, brought into the variable's space.

    Symmetric G becomes (G + G')/2, or 2G - G∘I by the independent entries (for a symmetric G:
    G + G' - G∘I); skew (G - G')/2; diagonal, lower and upper keep their entries.
    """
    if structure not in STRUCTURES:
        raise MatderivError(
            f"unknown structure {structure!r}", hint=f"one of {', '.join(STRUCTURES)}"
        )
    space = linear_structure(wrt)
    if structure == "none" or space is None or len(long_axes(wrt.shape)) != 2:
        return tensor
    terms = [p for t in tensor.terms for p in _projected(t, space, structure, tensor.axes)]
    return Tensor(tensor.axes, tuple(terms))


def _projected(t: Term, space: str, structure: str, axes: Indices) -> list[Term]:
    a, b = axes[-2:]
    swapped = renamed(t, {a: b, b: a})
    if space == "symmetric" and structure == "independent":
        diagonal = normalise(-t.coefficient, [*t.factors, delta(a, b)], axes)
        return [t, swapped, diagonal]
    if space in ("symmetric", "skew"):
        sign = Fraction(1 if space == "symmetric" else -1, 2)
        if structure == "independent":
            sign, half = Fraction(-1), Fraction(1)
        else:
            half = Fraction(1, 2)
        return [
            Term(t.coefficient * half, t.factors),
            Term(swapped.coefficient * sign, swapped.factors),
        ]
    if space == "diagonal":
        return [normalise(t.coefficient, [*t.factors, delta(a, b)], axes)]
    mask = apply("tril" if space == "lower" else "triu", apply("ones", params=(a.size, a.size)))
    return [Term(t.coefficient, (*t.factors, Factor(mask, (a, b))))]
