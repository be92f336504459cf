"""Points close to the kinks of an answer, on both sides of them.

A mask that is slightly wrong, step(1.001*u - b) for step(u - b), differs from the right one only
near the border. A line between two random points crosses it; there the answer is looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator

from matderiv.errors import DomainError
from matderiv.expr import Expr
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array, Arrays, Program, compile_
from matderiv.numeric.sampling import Point, Sampler, draw, kinks, sampler

LINES = 3  # lines for each choice of sizes
CROSSINGS = 6  # borders looked at on one line
BESIDE = (1e-4, 3e-4)  # how far beside a border, in parts of the line
HALVINGS = 40


def beside_borders(f: Expr, answer: Expr, names: list[Expr], seed: int) -> Iterator[Point]:
    """Points beside the kinks of the answer; none where it has no kinks."""
    own = kinks(answer)
    if not own:
        return
    distances = compile_(tuple(k.distance for k in own))
    source = sampler(f, [*names, *distances.variables], seed=seed)
    for place in range(LINES):
        try:
            first = source.point(400 + place)
        except DomainError:
            return
        rng = np.random.default_rng([seed, place, 77])
        second = _other_end(source, first, rng)
        yield from _beside(distances, first, second)


def _other_end(source: Sampler, first: Point, rng: object) -> Arrays:
    """Other values for the variables that are free; what has declared facts stays."""
    free = [v for v in source.variables if not v.params[2]]
    return {**first.values, **draw(free, rng, first.sizes)}


def _beside(distances: Program, first: Point, second: Arrays) -> Iterator[Point]:
    bound = distances.at(first.sizes)

    def at(t: float) -> Arrays:
        return {n: (1 - t) * v + t * second[n] for n, v in first.values.items()}

    def signs(t: float) -> Array:
        found = bound.run(at(t))
        return np.concatenate([np.ravel(d) > 0 for d in found])

    start = signs(0.0)
    changing = np.flatnonzero(start != signs(1.0))
    for k in changing[:CROSSINGS]:
        low, high = 0.0, 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if signs(middle)[k] != start[k] else (middle, high)
        for t in (low + d for width in BESIDE for d in (-width, width)):
            yield Point(first.sizes, at(t))
