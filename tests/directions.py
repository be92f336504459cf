"""Derivatives along directions: differences of a function, and directions of structured spaces."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import product
from typing import Any

import numpy as np

Array = Any

STEPS = {1: 4e-3, 2: 1e-2, 3: 3e-2, 4: 6e-2}
TOLERANCE = {1: 1e-7, 2: 1e-6, 3: 1e-4, 4: 1e-3}


def in_space(direction: Array, facts: Collection[str], structure: str) -> Array:
    """A direction within the space that a matrix is declared to live in."""
    turned = np.swapaxes(direction, -1, -2) if direction.ndim == 2 else direction
    both = structure == "independent"
    if structure == "none" or direction.ndim != 2:
        return direction
    if "diagonal" in facts:
        return direction * np.eye(len(direction))
    if {"symmetric", "posdef"} & set(facts):
        sides = direction + turned
        return sides - direction * np.eye(len(direction)) if both else sides / 2
    if "skew" in facts:
        return (direction - turned) / (1 if both else 2)
    if "lower" in facts or "upper" in facts:
        return np.tril(direction) if "lower" in facts else np.triu(direction)
    return direction


def along(f: Callable[[Array], Array], x: Array, directions: Sequence[Array]) -> Array:
    """The derivative of f along directions, by central differences of three widths (Romberg)."""

    def measured(step: float) -> Array:
        total = 0.0
        for signs in product((1, -1), repeat=len(directions)):
            moved = x + step * sum(s * d for s, d in zip(signs, directions, strict=True))
            total = total + np.prod(signs) * np.asarray(f(moved), float)
        return total / (2 * step) ** len(directions)

    step = STEPS[len(directions)]
    wide, middle, narrow = (measured(step / k) for k in (1, 2, 4))
    first, second = (4 * middle - wide) / 3, (4 * narrow - middle) / 3
    return (16 * second - first) / 15
