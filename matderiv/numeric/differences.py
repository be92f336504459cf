"""Derivatives in numbers from the values of f alone: complex steps and central differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any

from matderiv.expr import Expr, is_, walk
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array, Arrays, Bound, Sizes

EPS = 2.0**-52
STEP = 1e-30  # of the complex step: nothing cancels, so as small as one likes
NOT_ANALYTIC = ("cholesky", "norm_nuc", "norm_spec")  # their NumPy routines take absolute values
ANALYTIC, CENTRAL, LOWER = "complex step", "central differences", "differences of one order below"

Directions = tuple[Array, ...]
Claim = Callable[[Arrays, Sizes], Any]


def analytic(f: Expr) -> bool:
    """True if a complex step passes through every function in f."""
    return not any(is_(n, *NOT_ANALYTIC) for n in walk(f))


@dataclass(frozen=True)
class Truth:
    """The derivative of f at one point, along directions: one for each order.

    `axes` arranges the values of f; with `weights` (an upstream gradient) f becomes Σ weights ⊙ f.
    `lower` gives the exact derivative of one order less.
    """

    bound: Bound
    values: Arrays
    sizes: Sizes
    path: tuple[str, ...]
    axes: tuple[int, ...]
    weights: Array | None = None
    lower: Claim | None = None

    def f(self, values: Arrays) -> Array:
        """The value of f, complex for complex values."""
        value = self.bound.run(values)[0]
        if self.weights is not None:
            value = np.sum(np.reshape(self.weights, value.shape) * value)
        return np.reshape(value, self.axes)

    def along(self, directions: Directions, method: str, shrink: float = 1.0) -> Array:
        """The derivative along the directions.

        The complex step serves the first direction, differences ((f(x + hV) - f(x - hV)) / 2h)
        the others; or differences serve all of them; or the last one, from one order below.
        """
        order = len(directions)
        first = {ANALYTIC: 1, CENTRAL: 0, LOWER: order - 1}[method]
        steps = [self._step(k, order - first) * shrink for k in range(first, order)]
        total: Array = 0.0
        for signs in product((1, -1), repeat=order - first):
            moved = dict(self.values)
            for k, sign, step in zip(range(first, order), signs, steps, strict=True):
                name = self.path[k]
                moved[name] = moved[name] + sign * step * directions[k]
            total = total + prod(signs) * self._slope(moved, directions[:first], method)
        return total / prod(2 * step for step in steps)

    def _step(self, k: int, nested: int) -> float:
        size = max(1.0, float(np.abs(self.values[self.path[k]]).max()))
        return float(EPS ** (1 / (nested + 2)) * size)

    def _slope(self, values: Arrays, directions: Directions, method: str) -> Array:
        if method == ANALYTIC:
            name = self.path[0]
            moved = {**values, name: values[name] + 1j * STEP * directions[0]}
            return np.imag(self.f(moved)) / STEP
        if method == LOWER and self.lower is not None:
            value = np.asarray(self.lower(values, self.sizes), dtype=float)
            shape = self.axes + tuple(s for d in directions for s in d.shape)
            return contracted(np.reshape(value, shape), directions)
        return self.f(values)

    def numbers(self, probes: list[Directions], method: str, *, refine: bool = False) -> Array:
        """The derivative along each probe, stacked along a last axis.

        `refine` combines two step widths (Richardson), which removes the leading error.
        """
        if not refine:
            return np.stack([self.along(p, method) for p in probes], axis=-1)
        wide = np.stack([self.along(p, method, 8.0) for p in probes], axis=-1)
        narrow = np.stack([self.along(p, method, 4.0) for p in probes], axis=-1)
        return (4 * narrow - wide) / 3

    def rounding(self, method: str) -> float:
        """A bound for the rounding error of a derivative, from the largest intermediate value."""
        largest = self.bound.largest(self.values)
        order = len(self.path)
        nested = {ANALYTIC: order - 1, CENTRAL: order, LOWER: 1}[method]
        steps = [2 * self._step(k, nested) for k in range(order - nested, order)]
        return float(50 * EPS * largest / prod(steps))

    def nudged(self, rng: Any, width: float) -> Truth:
        """The truth at a point `width` away: a derivative hardly changes, rounding errors do."""
        values = {
            name: v * (1 + width * rng.standard_normal(np.shape(v)))
            for name, v in self.values.items()
        }
        return replace(self, values=values)


def contracted(array: Array, directions: Directions) -> Array:
    """The array with its last axes summed against the directions, the last direction first.

    >>> import numpy as np
    >>> contracted(np.arange(6.0).reshape(2, 3), (np.array([0.0, 1.0, 0.0]),))
    array([1., 4.])
    """
    for d in reversed(directions):
        array = np.tensordot(array, d, axes=np.ndim(d)) if np.ndim(d) else array * d
    return array


def every_entry(shapes: list[tuple[int, ...]]) -> list[Directions]:
    """One probe per entry of the derivative: unit directions in every variable.

    >>> len(every_entry([(2, 3), (4,)]))
    24
    """
    units = []
    for shape in shapes:
        count = prod(shape)
        units.append([row.reshape(shape) for row in np.eye(count)])
    return list(product(*units))


def random_directions(shapes: list[tuple[int, ...]], count: int, rng: Any) -> list[Directions]:
    """Probes along random directions, each with a largest entry of 1."""
    probes = []
    for _ in range(count):
        drawn = [np.asarray(rng.standard_normal(shape)) for shape in shapes]
        probes.append(tuple(d / np.abs(d).max() for d in drawn))
    return probes
