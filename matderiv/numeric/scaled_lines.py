"""Lines through a point along which its values change by orders of magnitude, facts apart."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice, pairwise, permutations
from typing import NamedTuple

from matderiv.lazy import np
from matderiv.numeric.draws import LABEL_FACTS, ROW_FACTS, draw
from matderiv.numeric.evaluate import Array, Arrays, BoundValues, Sizes
from matderiv.numeric.sampling import Point, Sampler

DECADES = 13  # orders of magnitude on either side of 1 along a line
PER_DECADE = 2
HALVINGS = 60
PAIRS = 6  # pairs of variables that are scaled against each other
LEVELS = tuple(s * 10 ** (k / 4) for k in range(-16, 17) for s in (1, -1))
SPREADS = ((0.1, 1), (1e-4, 11), (1e-7, 11))  # how far entries are apart, at each which level
LEVELLED = tuple((level, s) for s, step in SPREADS for level in LEVELS[::step])
_UP = [10 ** (k / PER_DECADE) for k in range(-DECADES * PER_DECADE, DECADES * PER_DECADE + 1)]
PLACES = [-t for t in reversed(_UP)] + _UP
_LINEAR_FACTS = {"positive", "symmetric", "diagonal", "lower", "upper"}  # true of sums as well
_FIXED_FACTS = LABEL_FACTS | ROW_FACTS | {"orthogonal", "idempotent"}


def lines(source: Sampler, base: Point) -> Iterator[Callable[[float], Arrays]]:
    """Ways of changing a point: scaled as a whole or one variable at a time, shifted, mixed with
    another point, and one variable scaled against another.

    What is declared of a variable stays true.
    """
    free = [v for v in source.variables if not v.params[2] & _FIXED_FACTS]
    signed = {v.name for v in free if not v.params[2] & {"positive", "posdef"}}
    plain = [v.name for v in free if v.params[2] <= _LINEAR_FACTS]
    other = draw(free, np.random.default_rng([source.seed, 77]), base.sizes)
    ways = Ways(base.values, frozenset(signed), frozenset(signed & {*plain}), other)
    names = [v.name for v in free]
    yield partial(ways.scaled, names)
    if len(names) > 1:
        yield from (partial(ways.scaled, [name]) for name in names)
    yield from (partial(ways.shifted, name) for name in plain)
    yield ways.mixed
    yield from (partial(ways.against, *pair) for pair in islice(permutations(names, 2), PAIRS))


def levelled(
    source: Sampler, base: Point, pairs: Iterable[tuple[float, float]] = LEVELLED
) -> Iterator[Point]:
    """Points at which the entries of all variables without facts are nearly the same number.

    There the largest entry is in a branch with all others, which general points do not show.
    `pairs` are that number and how far entries are apart, relative to it.
    """
    plain = {v.name: v for v in source.variables if not v.params[2] - {"positive"}}
    for level, spread in pairs:
        values = dict(base.values)
        for name, v in plain.items():
            near = 1 + spread * np.tanh(values[name])
            values[name] = (abs(level) if v.params[2] else level) * near
        yield Point(base.sizes, values)


class Ways(NamedTuple):
    """The values of a point, changed by a number t.

    `signed` variables may change their sign, of `plain` ones sums keep every fact.
    """

    values: Arrays
    signed: frozenset[str]
    plain: frozenset[str]
    other: Arrays

    def scaled(self, names: list[str], t: float) -> Arrays:
        """Some variables times t."""
        by = {n: t if n in self.signed else abs(t) for n in names}
        return {n: v * by[n] if n in by else v for n, v in self.values.items()}

    def shifted(self, name: str, t: float) -> Arrays:
        """One variable plus t, where no fact makes it 0."""
        by = t if name in self.signed else abs(t)
        return {n: v + by * (v != 0) if n == name else v for n, v in self.values.items()}

    def against(self, up: str, down: str, t: float) -> Arrays:
        """One variable grows as another one shrinks, so that products stay."""
        shrunk = self.scaled([down], 1 / t)[down]
        return {**self.scaled([up], t), down: shrunk}

    def mixed(self, t: float) -> Arrays:
        """On the line to another point; between the two every fact is kept."""
        part = abs(t) / (1 + abs(t))
        found = dict(self.values)
        for n, end in self.other.items():
            v = self.values[n]
            found[n] = v + t * end if n in self.plain else v + part * (end - v)
        return found


def crossing(above: Callable[[float], float], low: float, high: float) -> float:
    """Where a function changes its sign between two places, to the last digits.

    >>> round(crossing(lambda t: t * t * t - 2, 0.5, 4.0) ** 3, 12)
    2.0
    """
    side = above(low) > 0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if (above(middle) > 0) == side else (low, middle)
    return high


class ScaledLine(NamedTuple):
    """A way of changing a point: the values at each place t, the sizes, the measures' program.

    `zeros` counts the entries of each measure that are 0 far out.
    """

    at: Callable[[float], Arrays]
    sizes: Sizes
    bound: BoundValues
    zeros: tuple[int, ...]

    def ties(self, measures: list[Array]) -> bool:
        """True where more entries of some measure are 0 than far out."""
        return any((m == 0).sum() > z for m, z in zip(measures, self.zeros, strict=False))


def changes(rows: list[Array | None], level: float) -> Iterator[tuple[int, int]]:
    """Places after which an entry changes the side of a level, a few for each place."""
    for place, (a, b) in enumerate(pairwise(rows)):
        if a is None or b is None:
            continue
        if PLACES[place] < 0 < PLACES[place + 1]:
            continue  # at nothing at all
        for entry in np.flatnonzero((a > level) != (b > level))[:2]:
            if np.isfinite(a[entry]) and np.isfinite(b[entry]):
                yield place, int(entry)
