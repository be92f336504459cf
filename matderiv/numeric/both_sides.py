"""Points on the sides of kinks, comparisons and saturations that random points did not meet.

A branch that is never seen hides what is wrong in it: relu(x - 50), (x < 1000), tanh(1e6*x). Along
lines that scale one variable, or all, over many orders of magnitude the distances from all borders
change their signs; there both sides are found, and where two borders are close to each other also
what is between them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from math import log10
from typing import NamedTuple

from matderiv.errors import DomainError
from matderiv.expr import Expr, has, is_, walk
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array, Arrays, BoundValues, ValueProgram, compile_
from matderiv.numeric.kinks import Kink, inside, kinks, without_zero
from matderiv.numeric.poles import outside_branches
from matderiv.numeric.ranges import bounds
from matderiv.numeric.sampling import Point, Sampler
from matderiv.numeric.scaled_lines import PLACES, ScaledLine, changes, crossing, levelled, lines
from matderiv.numeric.stable import expanded
from matderiv.shapes import is_scalar
from matderiv.work import MILLION, WorkLimit, bounded

MOST = MILLION // 2  # units of work of one search
LEVEL = (1.0, 1e-2)  # of all entries on some lines, and how far they are apart
BASES = 2  # points through which lines are drawn
KEPT = 4  # points on a side that general points do not see, from different lines
CROSSINGS = 3  # borders of one kink on one line that are looked at from close by
AGAIN = 2  # points that were reached, through which lines are drawn again
WIDTHS = (1e-14, 1e-3, 1e-9, 1e-6, 1e-12)  # how close, relative to the place; in this order
ZONE = (0.02, 8.0)  # arguments for which a saturating function is neither flat nor straight

_SATURATING = "exp expm1 sinh cosh tanh sigmoid softplus silu gelu erf elu".split()
_ROWS = ("softmax", "logsumexp", "log_softmax")


class Border(NamedTuple):
    """What a point is to one branch: the measure that tells, and the sides that are wanted.

    Side 0 is the zone of a saturating function, where it bends; -1 of a domain is outside of it.
    """

    label: str
    distance: Expr
    sides: tuple[int, ...]
    kink: Kink | None = None
    axis: int | None = None
    rows: bool = False

    def measured(self, distance: Array) -> Array:
        """The distance, or for rows how far the second largest entry is below the largest."""
        if not self.rows:
            return np.ravel(distance)
        flat = self.axis is None or np.ndim(distance) < 2
        lined = np.ravel(distance) if flat else np.moveaxis(distance, (self.axis or 1) - 1, -1)
        ordered = np.sort(lined, axis=-1)
        return np.ravel(ordered[..., -2:].min(axis=-1) - ordered[..., -1])

    def seen(self, measure: Array) -> set[int]:
        """The sides that some entries are on."""
        if self.kink is not None:
            return self.kink.seen(measure)
        if self.sides == (0,):
            size = np.abs(measure)
            return {0} if ((size > ZONE[0]) & (size < ZONE[1])).any() else set()
        return {-1} if (measure < 0).any() else set()

    @property
    def levels(self) -> tuple[float, ...]:
        """Values of the measure at which the side changes."""
        return (0.0,) if self.sides != (0,) else (-1.0, 1.0)

    def unseen(self, side: int) -> str:
        """What is said of a side that was not reached."""
        if side == 0:
            return f"{self.label}: only saturated arguments were reached"
        return f"{self.label}: never on its {'negative' if side < 0 else 'positive'} side"


def branches(f: Expr, *others: Expr) -> list[Border]:
    """The kinks of some expressions and where their formula changes, with the possible sides.

    Where the first has no value nothing is looked at.

    >>> x = variable("x")
    >>> [border.sides for border in branches(apply("log", x), apply("abs", x))]
    [(1,)]
    """
    exprs = (f, *others)
    found = [k for e in exprs for k in kinks(e) if not is_(k.distance, "number")]
    for node in walk(*map(expanded, exprs)):
        if node.function.border is not None:
            distance = node.function.border(*node.args)
            found += [Kink(node.function.label, distance), *kinks(distance)]
    known = {d for n in outside_branches(expanded(f)) if (d := inside(n)) is not None}
    return [_possible(Border(k.label, k.distance, k.sides, k), known) for k in dict.fromkeys(found)]


def _possible(border: Border, known: set[Expr]) -> Border:
    """The border without the side on which one of the things that must not be negative is."""
    plain = without_zero(border.distance)
    never = {-1 for d in known if d is plain}
    never |= {1 for d in known if is_(d, "neg") and d.args[0] is plain}
    never |= {1 for d in known if is_(plain, "neg") and plain.args[0] is d}
    return border._replace(sides=tuple(s for s in border.sides if s not in never))


def zones(*exprs: Expr) -> list[Border]:
    """The saturating functions of some expressions."""
    found = []
    for node in walk(*map(expanded, exprs)):
        if not has(node, "variable", lambda n: is_(n, "variable")):
            continue  # an argument that stays where it is
        if is_(node, *_SATURATING):
            found.append(Border(node.function.label, node.args[0], (0,)))
        elif is_(node, *_ROWS) and not _single(node):
            found.append(
                Border(node.function.label, node.args[0], (0,), axis=node.params[0], rows=True)
            )
    return found


def _single(node: Expr) -> bool:
    """True if the node reduces rows of one entry, which no argument saturates."""
    axis, shape = node.params[0], node.args[0].shape
    return is_scalar(shape) if axis is None or axis > len(shape) else shape[axis - 1] == 1


def domains(f: Expr, answer: Expr) -> list[Border]:
    """Where an answer may have no value and f one: roots and logarithms that only it has."""
    own = outside_branches(expanded(f))
    found = []
    for node in walk(expanded(answer)):
        distance = inside(node)
        if distance is None or node in own or bounds(distance)[0] >= 0:
            continue
        if not any(inside(n) is distance for n in own):
            found.append(Border(node.function.label, distance, (-1,)))
    return found


# The search --------------------------------------------------------------------------------------


class Reached(NamedTuple):
    """Points on sides that were missing, points close to borders, and what was not reached.

    At `tied` points some measure is 0, at a kink or because entries are equal in a whole branch.
    """

    points: tuple[Point, ...] = ()
    close: tuple[Point, ...] = ()
    unseen: tuple[str, ...] = ()
    tied: tuple[Point, ...] = ()


def reached(
    source: Sampler, found: Iterable[Point], borders: list[Border], *, close: bool = False
) -> Reached:
    """Points on the sides of some borders that the points found so far do not see.

    With `close` also points on both sides of each kink that is met, at many distances. A search
    that takes too much work ends with what it has found.

    >>> from matderiv.numeric.sampling import drawn, sampler
    >>> f = apply("relu", variable("x") - 5000)
    >>> source = sampler(f)
    >>> beyond = reached(source, drawn(source, 3), branches(f))
    >>> float(beyond.points[0].values["x"]) > 5000, beyond.unseen
    (True, ())
    """
    if not borders:
        return Reached()
    search = SideSearch.of(source, borders)
    for point in found:
        search.meet(point)
    search.wanted = frozenset(search.missing)
    with suppress(WorkLimit), bounded(MOST):
        search.go(close)
    unseen = [borders[k].unseen(side) for k, side in sorted(search.missing)]
    near = (search.near[k] for k in sorted(range(len(search.near)), key=lambda k: search.ranks[k]))
    return Reached(
        tuple(search.points), tuple(near), tuple(dict.fromkeys(unseen)), tuple(search.tied)
    )


def beside(
    source: Sampler, point: Point, borders: list[Border], held: Iterable[Border] = ()
) -> tuple[Point, ...]:
    """Points of the same sizes on the sides of some borders that a point does not see.

    Of the `held` borders they see what the point sees.

    >>> from matderiv.numeric.sampling import drawn, sampler
    >>> f = apply("tanh", variable("x") * 10**6)
    >>> source = sampler(f)
    >>> [abs(float(p.values["x"])) < 1e-4 for p in beside(source, drawn(source, 1)[0], zones(f))]
    [True]
    """
    fixed = [b._replace(sides=()) for b in held]
    search = SideSearch.of(source, [*borders, *fixed])
    seen = search.meet(point)
    search.held = frozenset((k, side) for k, side in seen if k >= len(borders))
    if search.missing:
        with suppress(WorkLimit), bounded(MOST):
            search.along_lines(point, close=False)
    return tuple(search.points)


def _bases(source: Sampler) -> Iterator[Point]:
    for place in range(BASES):
        try:
            yield source.point(400 + place)
        except DomainError:
            return


@dataclass
class SideSearch:
    """What is still missing, and what was found; every point must see what is `held`."""

    source: Sampler
    borders: list[Border]
    program: ValueProgram
    missing: set[tuple[int, int]]
    wanted: frozenset[tuple[int, int]] = frozenset()
    held: frozenset[tuple[int, int]] = frozenset()
    kept: Counter[tuple[int, int]] = field(default_factory=Counter)
    points: list[Point] = field(default_factory=list)
    near: list[Point] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    tied: list[Point] = field(default_factory=list)

    @staticmethod
    def of(source: Sampler, borders: list[Border]) -> SideSearch:
        wanted = {(k, side) for k, b in enumerate(borders) for side in b.sides}
        return SideSearch(source, borders, compile_(tuple(b.distance for b in borders)), wanted)

    def measures(self, bound: BoundValues, values: Arrays) -> list[Array]:
        """The measures of all borders; empty where there are none."""
        try:
            found = bound.run(values)
        except DomainError:
            return []
        return [b.measured(d) for b, d in zip(self.borders, found, strict=True)]

    def go(self, close: bool) -> None:
        """Look along lines until nothing is missing; with `close` along all of them."""
        for base in _bases(self.source) if close or self.missing else ():
            self.along_lines(base, close)
            if not self.missing and not close:
                return
        for base in islice(_bases(self.source), close and bool(self.source.extremes)):
            for level in levelled(self.source, base, [LEVEL]):
                self.along_lines(level, close)
        for base in self.points[:AGAIN] if close else ():
            self.along_lines(base, close)  # where one branch is left, others change

    def meet(self, point: Point) -> set[tuple[int, int]]:
        """What a point sees, which is crossed off."""
        seen = self._seen(self.measures(self.program.at(point.sizes), point.values))
        self.missing -= seen
        return seen

    def _seen(self, measures: list[Array]) -> set[tuple[int, int]]:
        return {(k, s) for k, m in enumerate(measures) for s in self.borders[k].seen(m)}

    def along_lines(self, base: Point, close: bool) -> None:
        """Look at the borders along lines through a point."""
        bound = self.program.at(base.sizes)
        for at in lines(self.source, base):
            table = [self.measures(bound, at(t)) for t in PLACES]
            zeros = tuple(int((m == 0).sum()) for m in table[-1])
            line = ScaledLine(at, base.sizes, bound, zeros)
            if close:
                ties = [t for t, m in zip(PLACES, table, strict=True) if line.ties(m)]
                self.tied += [Point(base.sizes, at(t)) for t in sorted(ties, key=abs)[-KEPT:]]
            self._grid(line, table, close)
            self._crossings(line, table, close)
            if not self.missing and not close:
                return

    def _grid(self, line: ScaledLine, table: list[list[Array]], close: bool) -> None:
        """Places of a line that see what is missing, the least far first.

        With `close` every line shows a side that general points do not see, up to a few.
        """
        wanted = {w for w in self.wanted if self.kept[w] < KEPT} if close else {*self.missing}
        for place in sorted(range(len(PLACES)), key=lambda k: abs(log10(abs(PLACES[k])))):
            if not wanted:
                return
            seen = wanted & self._seen(table[place])
            if seen and self._keep(line, PLACES[place], seen):
                wanted -= seen

    def _keep(self, line: ScaledLine, place: float, new: set[tuple[int, int]]) -> bool:
        values = line.at(place)
        if self.source.objection(line.sizes, values) is None:
            return False
        if self.held and not self.held <= self._seen(self.measures(line.bound, values)):
            return False
        self.missing -= new
        self.kept.update(new)
        self.points.append(Point(line.sizes, values))
        return True

    def _crossings(self, line: ScaledLine, table: list[list[Array]], close: bool) -> None:
        """Borders between two places of a line; beside one, another may be close."""
        looked_at: set[Expr] = set()
        for k, border in enumerate(self.borders):
            if (not close and not self.missing) or border.distance in looked_at:
                continue
            looked_at.add(border.distance)
            rows, crossings = [m[k] if m else None for m in table], 0
            for level in border.levels:
                for place, entry in changes(rows, level):
                    crossings += 1
                    if crossings > CROSSINGS and (k, 0) not in self.missing:
                        break
                    above = partial(self._above, line, k, entry, level)
                    here = crossing(above, PLACES[place], PLACES[place + 1])
                    self._at_border(line, here, k, close)

    def _above(self, line: ScaledLine, k: int, entry: int, level: float, t: float) -> float:
        found = self.measures(line.bound, line.at(t))
        return float(found[k][entry] - level) if found else float("nan")

    def _at_border(self, line: ScaledLine, here: float, k: int, close: bool) -> None:
        if self.borders[k].sides == (0,):
            if (k, 0) in self.missing:
                self._keep(line, here, {(k, 0)})
            return
        for rank, width in enumerate(WIDTHS):
            for t in (here * (1 - width), here * (1 + width)):
                values = line.at(t)
                measures = self.measures(line.bound, values)
                if line.ties(measures):
                    if close and rank < KEPT:
                        self.tied.append(Point(line.sizes, values))
                    continue  # at a kink; elsewhere only a largest entry is at one with itself
                if close:
                    self.near.append(Point(line.sizes, values))
                    self.ranks.append(rank)
                if seen := self.missing & self._seen(measures):
                    self._keep(line, t, seen)
