"""Derivatives in numbers from the values of f alone: complex steps and central differences.

At order k the truth is the k-th derivative of f itself, never one of a lower derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product
from math import factorial, prod
from typing import Any

from matderiv.expr import Expr, is_, number_value, walk
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array, Arrays, BoundValues, Sizes
from matderiv.numeric.stencils import EPS, STEPS, Slope, derivative_along
from matderiv.shapes import is_scalar
from matderiv.work import remembered

STEP = 1e-30  # of the complex step: nothing cancels, so as small as one likes
ANALYTIC, CENTRAL = "complex step", "central differences"
NESTED = 2  # up to this order differences are nested, beyond it lines through the point serve

Directions = tuple[Array, ...]
Claim = Callable[[Arrays, Sizes], Any]


def analytic(f: Expr) -> bool:
    """True if a complex step passes through every function in f."""
    return all(n.function.analytic and not _is_root(n) for n in walk(f))


def _is_root(n: Expr) -> bool:
    """True for the power of a matrix with an exponent that need not be whole."""
    if not is_(n, "power") or is_scalar(n.shape):
        return False
    k = number_value(n.args[1])
    return k is None or k.denominator != 1


@dataclass(frozen=True)
class Truth:
    """The derivative of f at one point, along directions: one for each order.

    `axes` arranges the values of f; with `weights` (an upstream gradient) f becomes Σ weights ⊙ f.
    `known` remembers the numbers.
    """

    bound: BoundValues
    values: Arrays
    sizes: Sizes
    path: tuple[str, ...]
    axes: tuple[int, ...]
    weights: Array | None = None
    known: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def f(self, values: Arrays) -> Array:
        """The value of f, complex for complex values."""
        value = self.bound.run(values)[0]
        if self.weights is not None:
            value = np.sum(np.reshape(self.weights, value.shape) * value)
        return np.reshape(value, self.axes)

    def along(self, directions: Directions, method: str, shrink: float = 1.0) -> Array:
        """The derivative along the directions.

        The complex step serves the first direction, differences ((f(x + hV) - f(x - hV)) / 2h)
        the others; or differences serve all of them. Beyond the second order the derivative is put
        together from those along one line each (`polarised`).
        """
        order = len(directions)
        if order > NESTED:
            return self.polarised(directions, method)
        first = 1 if method == ANALYTIC else 0
        steps = [self._step(k, order - first) * shrink for k in range(first, order)]
        total: Array = 0.0
        for signs in product((1, -1), repeat=order - first):
            moved = dict(self.values)
            for k, sign, step in zip(range(first, order), signs, steps, strict=True):
                name = self.path[k]
                moved[name] = moved[name] + sign * step * directions[k]
            total = total + prod(signs) * self._slope(moved, directions[:first], method)
        return total / prod(2 * step for step in steps)

    def polarised(self, directions: Directions, method: str) -> Array:
        """The derivative along k directions from k-th derivatives along single lines.

        T(V1, ..., Vk) = Σ s2...sk T(W, ..., W) / (2^(k-1) k!) over all signs, where
        W = V1 + s2 V2 + ... + sk Vk (the polarization identity of symmetric forms).
        """
        order = len(directions)
        total: Array = 0.0
        for signs in product((1, -1), repeat=order - 1):
            move: Arrays = {}
            for name, sign, d in zip(self.path, (1, *signs), directions, strict=True):
                move[name] = move.get(name, 0.0) + sign * d
            total = total + prod(signs) * self.on_line(move, order, method).value
        return total / (2 ** (order - 1) * factorial(order))

    def on_line(self, move: Arrays, order: int, method: str, first: int = 0) -> Slope:
        """The derivative of t -> f(x + tV) at 0, and its uncertainty; V moves several variables.

        `first` is the step of `stencils` to begin with.
        """
        size = max(float(np.abs(v).max(initial=0.0)) for v in move.values()) or 1.0
        scale = max(1.0, *(float(np.abs(self.values[n]).max()) for n in move)) / size

        def moved(t: complex) -> Array:
            return self.f({**self.values, **{n: self.values[n] + t * v for n, v in move.items()}})

        if method == ANALYTIC:
            return derivative_along(
                lambda t: np.imag(moved(t + 1j * STEP)) / STEP, order - 1, scale, first
            )
        return derivative_along(moved, order, scale, first)

    def _step(self, k: int, nested: int) -> float:
        size = max(1.0, float(np.abs(self.values[self.path[k]]).max()))
        return float(EPS ** (1 / (nested + 2)) * size)

    def _slope(self, values: Arrays, directions: Directions, method: str) -> Array:
        if method == ANALYTIC:
            name = self.path[0]
            moved = {**values, name: values[name] + 1j * STEP * directions[0]}
            return np.imag(self.f(moved)) / STEP
        return self.f(values)

    def numbers(self, probes: list[Directions], method: str, *, refine: bool = False) -> Array:
        """The derivative along each probe, stacked along a last axis.

        `refine` combines two step widths (Richardson), which removes the leading error.
        """

        def made() -> Array:
            if not refine or len(self.path) > NESTED:
                return np.stack([self.along(p, method) for p in probes], axis=-1)
            wide = np.stack([self.along(p, method, 8.0) for p in probes], axis=-1)
            narrow = np.stack([self.along(p, method, 4.0) for p in probes], axis=-1)
            return (4 * narrow - wide) / 3

        directions = tuple(d.tobytes() for p in probes for d in p)
        return remembered(self.known, (method, refine, directions), made)

    def rounding(self, method: str) -> float:
        """A bound for the rounding error of a derivative, from the largest intermediate value."""
        largest = self.bound.largest(self.values)
        order = len(self.path)
        nested = order - 1 if method == ANALYTIC else order
        if order > NESTED:
            return float(50 * EPS * largest / STEPS[0] ** nested)
        steps = [2 * self._step(k, nested) for k in range(order - nested, order)]
        return float(50 * EPS * largest / prod(steps))

    def nudged(self, rng: Any, width: float) -> Truth:
        """The truth at a point `width` away: a derivative hardly changes, rounding errors do."""
        values = {
            name: v * (1 + width * rng.standard_normal(np.shape(v)))
            for name, v in self.values.items()
        }
        return replace(self, values=values, known={})


def contracted(array: Array, directions: Directions) -> Array:
    """The array with its last axes summed against the directions, the last direction first.

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
