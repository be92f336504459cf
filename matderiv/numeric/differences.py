"""Derivatives in numbers from the values of f alone: complex steps and central differences.

At order k the truth is the k-th derivative of f itself, never one of a lower derivative. Along a
line it comes from equidistant values, five for a first derivative and nine for higher ones, weighed
so that polynomials of degree 4 and 8 are exact (Fornberg 1988, Generation of finite difference
formulas on arbitrarily spaced grids); the same formula on two values less says how far to trust it.
Where f lets complex numbers through, the first of the k derivatives is a complex step (Squire &
Trapp 1998), and only the others are differences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import factorial, prod
from typing import Any, NamedTuple

from matderiv.expr import Expr, is_, number_value, walk
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array, Arrays, BoundValues, Sizes
from matderiv.shapes import is_scalar
from matderiv.work import remembered

STEP = 1e-30  # of the complex step: nothing cancels, so as small as one likes
ANALYTIC, CENTRAL = "complex step", "central differences"

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
        return np.asarray(value).reshape(self.axes)

    def along(self, directions: Directions, method: str) -> Array:
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

    def numbers(self, probes: list[Directions], method: str) -> Array:
        """The derivative along each probe, stacked along a last axis."""

        def made() -> Array:
            return np.stack([self.along(p, method) for p in probes], axis=-1)

        directions = tuple(d.tobytes() for p in probes for d in p)
        return remembered(self.known, (method, directions), made)

    def nudged(self, width: float) -> Truth:
        """The truth at a point beside, where facts hold no longer to the last digit."""
        values = nudged(self.values, width, np.random.default_rng(0))
        return replace(self, values=values, known={})


def nudged(values: Arrays, width: float, rng: Any) -> Arrays:
    """Values beside some, so far away relative to each."""
    return {n: v * (1 + width * rng.standard_normal(np.shape(v))) for n, v in values.items()}


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
    return list(product(*([u.reshape(s) for u in np.eye(prod(s))] for s in shapes)))


def random_directions(shapes: list[tuple[int, ...]], rng: Any) -> Directions:
    """A random direction for each of some variables, with a largest entry of 1."""
    drawn = [np.asarray(rng.standard_normal(shape)) for shape in shapes]
    return tuple(d / np.abs(d).max() for d in drawn)


EPS = 2.0**-52
STEPS = (2.0**-7, 2.0**-10, 2.0**-14, 2.0**-18)  # tried in this order,
SLOPES = (2.0**-14, 2.0**-10, 2.0**-7, 2.0**-18)  # of which one mostly serves a first derivative
TRUSTED = 1e-9  # an uncertainty, relative to the derivative, at which no other step is tried
LARGEST = 10_000  # denominators of weights
REACH = (0, 2, 4, 4, 4)  # values on either side, by order

Line = Callable[[float], Array]


class Slope(NamedTuple):
    """A derivative along a line and how far off it may be."""

    value: Array
    uncertainty: float

    @property
    def relative(self) -> float:
        """The uncertainty over the largest entry; infinite where nothing is known."""
        size = float(np.abs(self.value).max(initial=0.0))
        return self.uncertainty / size if size else (0.0 if not self.uncertainty else float("inf"))


@lru_cache
def weights(order: int, reach: int) -> tuple[tuple[int, float], ...]:
    """What the values at -reach, ..., reach count in the derivative of this order at 0.

    >>> weights(1, 1), weights(2, 1)
    (((-1, -0.5), (1, 0.5)), ((-1, 1.0), (0, -2.0), (1, 1.0)))
    """
    nodes = range(-reach, reach + 1)
    wanted = factorial(order) * np.eye(len(nodes))[order]
    rough = np.linalg.solve(np.vander(nodes, increasing=True).T, wanted)
    exact = [Fraction(w).limit_denominator(LARGEST) for w in rough]  # theirs are at most 5040
    return tuple((t, float(w)) for t, w in zip(nodes, exact, strict=True) if w)


def derivative_along(line: Line, order: int, scale: float = 1.0, first: int = 0) -> Slope:
    """The derivative of `line` of some order at 0, by the step that is trusted most.

    `scale` is the length on which the line changes, `first` the step to begin with: a wide one
    crosses kinks.

    >>> found = derivative_along(lambda t: np.exp(np.float64(t)), 3)
    >>> bool(abs(found.value - 1) < 1e-8), found.uncertainty < 1e-6
    (True, True)
    """
    if not order:
        value = line(0.0)
        return Slope(value, 4 * EPS * float(np.abs(value).max(initial=0.0)))
    best: Slope | None = None
    for step in STEPS[first:] if first or order > 1 else SLOPES:
        found = _differences(line, order, step * scale)
        if best is None or not best.uncertainty <= found.uncertainty:
            best = found
        if best.relative <= TRUSTED:
            break
    assert best is not None
    return best


def _differences(line: Line, order: int, step: float) -> Slope:
    """The derivative with one step; the uncertainty counts what fewer values say, and rounding."""
    reach = REACH[order]
    nodes = [t for t in range(-reach, reach + 1) if t or order % 2 == 0]
    values = {t: line(t * step) for t in nodes}
    with np.errstate(all="ignore"):  # where f has no finite value, neither has the slope
        wide, narrow = (
            sum([w * values[t] for t, w in weights(order, r)]) / step**order
            for r in (reach, reach - 1)
        )
        largest = max([float(np.abs(v).max(initial=0.0)) for v in values.values()])
        off = float(np.abs(wide - narrow).max(initial=0.0)) + 8 * EPS * largest / step**order
    return Slope(np.asarray(wide), off if np.isfinite(off) else float("inf"))
