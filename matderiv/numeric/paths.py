"""Lines through a point along which its values change by orders of magnitude, facts apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from matderiv.lazy import np
from matderiv.numeric.draws import LABEL_FACTS, ROW_FACTS, draw
from matderiv.numeric.evaluate import Arrays
from matderiv.numeric.sampling import Point, Sampler

_FIXED_FACTS = LABEL_FACTS | ROW_FACTS | {"orthogonal"}


def moved(source: Sampler, base: Point, move: tuple[int, float]) -> Point:
    """Another point moved as one that was reached."""
    number, place = move
    return Point(base.sizes, list(lines(source, base))[number](place))


def lines(source: Sampler, base: Point) -> Iterator[Callable[[float], Arrays]]:
    """Ways of changing a point: scaled as a whole or one variable at a time, shifted, mixed.

    What is declared of a variable stays true.
    """
    free = [v for v in source.variables if not v.params[2] & _FIXED_FACTS]
    signed = {v.name for v in free if not v.params[2] & {"positive", "posdef"}}
    plain = {v.name for v in free if not v.params[2] - {"positive"}}
    rng = np.random.default_rng([source.seed, 77])
    other = draw(free, rng, base.sizes)

    def scaled(names: set[str]) -> Callable[[float], Arrays]:
        def at(t: float) -> Arrays:
            return {
                n: v * (t if n in signed else abs(t)) if n in names else v
                for n, v in base.values.items()
            }

        return at

    def shifted(name: str) -> Callable[[float], Arrays]:
        def at(t: float) -> Arrays:
            by = t if name in signed else abs(t)
            return {n: v + by if n == name else v for n, v in base.values.items()}

        return at

    def mixed(t: float) -> Arrays:
        part = abs(t) / (1 + abs(t))  # between the two points every fact is kept
        return {
            n: v + t * other[n] if n in signed & plain else v + part * (other[n] - v)
            for n, v in base.values.items()
            if n in other
        } | {n: v for n, v in base.values.items() if n not in other}

    yield scaled({v.name for v in free})
    if len(free) > 1:
        yield from (scaled({v.name}) for v in free)
    yield from map(shifted, (v.name for v in free if v.name in plain))
    yield mixed
