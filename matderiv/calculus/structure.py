"""Derivatives by a structured variable: projected on its linear space, or by its free entries."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from matderiv.arguments import require_word
from matderiv.expr import Expr, apply
from matderiv.lazy import np
from matderiv.shapes import long_axes
from matderiv.tensors.tensor import Factor, Indices, Tensor, Term, delta, normalise, renamed
from matderiv.words.chains import facts

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
    require_word(structure, "structure", STRUCTURES)
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


def numeric_projection(wrt: Expr, structure: str, order: int) -> Callable[..., Any] | None:
    """The same projection on arrays whose last axes are `order` pairs; None where there is none.

    Written apart from `project`, on numbers, so that one can check the other. It is its own
    transpose: a projected derivative along V is the derivative along the projected V, for which
    `pairs` is 1.
    """
    space = linear_structure(wrt)
    if structure == "none" or space is None or len(wrt.shape) != 2:
        return None

    def projected(value: Any, pairs: int = order) -> Any:
        for k in range(pairs):
            pair = (value.ndim - 2 * k - 2, value.ndim - 2 * k - 1)
            value = _numbers(np.moveaxis(value, pair, (-2, -1)), space, structure)
            value = np.moveaxis(value, (-2, -1), pair)
        return value

    return projected


def _numbers(g: Any, space: str, structure: str) -> Any:
    turned = np.swapaxes(g, -2, -1)
    identity = np.eye(g.shape[-1])
    if space == "symmetric":
        both = g + turned
        return both - g * identity if structure == "independent" else both / 2
    if space == "skew":
        return g - turned if structure == "independent" else (g - turned) / 2
    if space == "diagonal":
        return g * identity
    return g * (
        np.tril(np.ones_like(identity)) if space == "lower" else np.triu(np.ones_like(identity))
    )
