"""A claimed derivative against numbers that come from f alone, at one point.

Two independent truths along a random direction: the complex step Im f(x + ihV)/h, exact to
rounding, and central differences. A claim must meet both; where they disagree nothing is concluded.
The k-th derivative is compared along one direction, and the claim with its slots exchanged: a
symmetric form is known by T(V, ..., V).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import inf
from typing import Any, NamedTuple

from matderiv.errors import DomainError
from matderiv.lazy import np
from matderiv.numeric.differences import (
    ANALYTIC,
    EPS,
    Directions,
    Slope,
    Truth,
    contracted,
    random_directions,
)
from matderiv.numeric.evaluate import Array, ValueProgram
from matderiv.numeric.question import DirectionQuestion, moderate
from matderiv.numeric.report import WorstEntry
from matderiv.numeric.sampling import GROWN, Point, Sampler
from matderiv.shapes import shape_text

TURNS = 4  # other points tried in place of one that decides nothing
EXACT = 1e-9  # a relative difference that rounding may make beside a complex step
RIGHT, WRONG = 1e-6, 1e-4  # relative differences of a right and of a wrong derivative
ROUGH, GROSS = 1e-2, 0.3  # a truth less certain than WRONG tells no smaller mistake
VANISHED = 1e-10  # so much smaller than f a derivative is rounding where f is saturated
FLAT = 1e-6  # a derivative below it, relative to f, is not told from 0 by differences
SURE = 10  # a difference counts that is so many times the uncertainty of the truth
TINY = 1e-260  # a complex step may lose a derivative that is smaller
STEADY = 0.1  # a difference counts if neither side of it changes by more than this part of it
SHORTER = 0.7  # a power of two would round as before
NUDGES = (1e-13, 1e-10, 1e-8)  # how far points beside one are, so that only rounding differs
WIDE = 0  # the step of `stencils` to begin with
NARROW = (2, 2, 2, 2, 1)  # beside kinks, by order: narrower ones lose the digits of a fourth
FULL = 64  # of so many entries the worst one is told


class DifferenceFinding(NamedTuple):
    """What one point says.

    "match", "mismatch", "between"; "not finite" or "no value" of the claim; "nothing" when the
    numbers decide nothing there. `zero` says that nothing but zeros was compared.
    """

    verdict: str
    errors: tuple[float, ...] = ()
    worst: WorstEntry | None = None
    note: str = ""
    zero: bool = False


_NOTES = {
    "nothing": "the numbers of f decide nothing at some point",
    "not finite": "the claim is not finite where f is differentiable",
    "between": "a difference too large for rounding and too small for a mistake",
}


def relative_error(claimed: Array, numeric: Array) -> float:
    """The largest difference over the largest entry; 0 when both vanish.

    >>> relative_error(np.array([1.0, 4.0]), np.array([1.0, 3.0]))
    0.25
    """
    scale = max(_largest(claimed), _largest(numeric))
    return _largest(claimed - numeric) / scale if scale else 0.0


def _largest(a: Array) -> float:
    return float(np.abs(a).max(initial=0.0))


class Comparer(NamedTuple):
    """Compares a claim with f at points of a sampler."""

    question: DirectionQuestion
    source: Sampler
    program: ValueProgram

    @property
    def sharpest(self) -> Comparer:
        """The same with the sharpest truth alone."""
        return self._replace(question=replace(self.question, sharpest=True))

    def look(
        self, points: Iterable[Point], spot: bool
    ) -> tuple[list[DifferenceFinding], list[Point]]:
        """What points say, up to a mismatch, and those that decided.

        Others stand in place of those that decide nothing; with `spot` these are not told.
        """
        findings: list[DifferenceFinding] = []
        used: list[Point] = []
        for place, point in enumerate(points):
            said: list[DifferenceFinding] = []
            for turn in (0, *range(100, 100 + TURNS)):
                here = self.source.point(place, turn=turn) if turn else point
                here = moderate(self.question, self.source, place, here, turn)
                said.append(self.at(here, np.random.default_rng([self.source.seed, place, turn])))
                if said[-1].verdict in ("match", "mismatch"):
                    break
                if spot or (said[-1].verdict == "not finite" and 1 in here.sizes.values()):
                    said.clear()  # a spread of one entry is 0, with no derivative
            findings += said
            used.append(here)
            if "mismatch" in (f.verdict for f in findings):
                break
        return findings, used

    def at(self, point: Point, rng: Any) -> DifferenceFinding:
        """The claim against every truth that serves, along one direction.

        Nothing against it where facts leave no better point: one without a kink, a tie or a
        singular matrix is drawn where there is one, and facts that make entries 0 force a formula
        to 0/0, such as prod(x)./x.
        """
        found = self._at(point, rng)
        excusable = found.verdict in ("mismatch", "between", "not finite")
        if excusable and point.compromise and self.question.declared:
            return found._replace(verdict="nothing", note=point.compromise)
        if found.verdict == "not finite" and self.question.pinned:
            return found._replace(verdict="nothing")
        return found

    def _at(self, point: Point, rng: Any) -> DifferenceFinding:
        question, sizes = self.question, point.sizes
        try:
            given = question.claimed(point)
        except DomainError as error:
            said = f"the claim has no value at some point: {error.message}"
            return DifferenceFinding("no value", note=said)
        claim = question.arranged(given, sizes)
        if claim is None:
            shapes = shape_text(given.shape), shape_text(question.wanted(sizes))
            said = "the claim is {}, the derivative {}".format(*shapes)
            return DifferenceFinding("mismatch", (inf,), note=said)
        inputs = question.input_shapes(sizes)
        probe, order = self._direction(point, inputs, rng), len(inputs)
        truth = question.truth(self.program, point)
        value = truth.f(truth.values)
        if not np.isfinite(value).all():
            return DifferenceFinding("nothing", note="f has no finite value at some point")
        slopes = dict(zip(question.methods, self._slopes(truth, probe, order), strict=True))
        noise = 64 * EPS * truth.bound.largest(truth.values)
        pair = self._along(claim, probe * order), slopes[question.methods[0]].value
        found = _judged(pair[0], slopes, order, _largest(value), noise)
        if found.verdict in ("mismatch", "between"):
            found = self._steady(found, point, pair, probe * order, truth, noise)
            if found.verdict != "match" and _is_lost(pair, order, _largest(value), noise):
                found = DifferenceFinding("nothing", note="the numbers are rounding at some point")
        if found.verdict == "match" and order > 1 and not _symmetric(claim, inputs, rng):
            said = "the derivative is not symmetric in its slots"
            return DifferenceFinding("mismatch", (inf,), note=said)
        entries = found.verdict == "mismatch" and claim.size <= FULL and order < 3
        worst = self._worst(claim, point) if entries else _entry(None, *pair, point)
        return found._replace(worst=worst)

    def _along(self, claim: Array, directions: Directions) -> Array:
        """A claim along the directions; one for a single direction as it is."""
        whole = self.question.tangent is not None
        return np.asarray(claim if whole else contracted(claim, directions))

    def _direction(self, point: Point, shapes: list[tuple[int, ...]], rng: Any) -> Directions:
        """A random direction of the variable, or the one that is asked for."""
        change = self.question.tangent
        if change is not None:
            return (np.reshape(point.values[change.name], shapes[0]),)
        return random_directions(shapes[:1], rng)

    def _slopes(self, truth: Truth, probe: Directions, order: int) -> list[Slope]:
        """The truths along a direction, one for each method."""
        move = self.question.moved(probe)
        values = {v.name for v in self.source.variables}  # 0/1 data have two sides, no kink
        kinked = any(k.label not in values for k in self.source.kinks)
        first = NARROW[order] if kinked or self.source.extremes else WIDE
        line = {self.question.path[0].name: move[0]}
        return [truth.on_line(line, order, method, first) for method in self.question.methods]

    def _steady(
        self,
        found: DifferenceFinding,
        point: Point,
        here: tuple[Array, Array],
        directions: Directions,
        truth: Truth,
        noise: float,
    ) -> DifferenceFinding:
        """A difference; none where claim or truth change as much from a point to one beside it.

        Then it is rounding: a softmax of numbers around 10¹⁶ is one. So is what a formula leaves
        of large numbers where f is saturated, with a derivative that is 0; a truth that is no form
        of the direction, as of sum(x) - ones(n)'*x, and one that is nothing but rounding itself.
        """
        apart = _largest(here[0] - here[1])
        widths = NUDGES if apart <= noise else NUDGES[:1]
        beside = (self._beside(self.question.beside(point, w), here, directions) for w in widths)
        moves = any(max(moved) > STEADY * apart for moved in beside)
        first = apart <= noise and len(directions) == 1  # differences of differences are rough
        if first and (moves or self._is_rounding(truth, here[1], directions, apart)):
            return DifferenceFinding("match", (0.0,) * len(found.errors), zero=True)
        if not moves and (here[1].any() or truth.bound.largest(truth.values) <= GROWN):
            return found
        if found.verdict == "between":
            return found
        return DifferenceFinding("nothing", note="the numbers are rounding at some point")

    def _is_rounding(
        self, truth: Truth, along: Array, directions: Directions, apart: float
    ) -> bool:
        """True for a truth that is no form of the direction, or is lost beside facts that hold."""
        order = len(directions)
        (shorter, *_) = self._slopes(truth, (SHORTER * directions[0],), order)
        if _largest(shorter.value - SHORTER**order * along) > STEADY * apart:
            return True
        (there, *_) = self._slopes(truth.nudged(NUDGES[1]), directions[:1], order)
        return _largest(there.value - along) > STEADY * _largest(along)

    def _beside(
        self, other: Point, here: tuple[Array, Array], directions: Directions
    ) -> tuple[float, float]:
        """How much claim and truth along some directions change to another point."""
        question, claim = self.question, None
        with suppress(DomainError):
            claim = question.arranged(question.claimed(other), other.sizes)
        there = question.truth(self.program, other)
        (slope, *_) = self._slopes(there, directions[:1], len(directions))
        again = here[0] if claim is None else self._along(claim, directions)
        return _largest(here[0] - again), _largest(here[1] - slope.value)

    def _worst(self, claim: Array, point: Point) -> WorstEntry:
        """The entry that differs most."""
        numeric = self.question.every_entry(self.program, point)
        index = np.unravel_index(int(np.argmax(np.abs(claim - numeric))), claim.shape)
        return _entry(tuple(map(int, index)), claim[index], numeric[index], point)


def _is_lost(pair: tuple[Array, Array], order: int, value: float, noise: float) -> bool:
    """True for a derivative so small beside f, and what was met on the way, that it is rounding.

    Of a higher one 1 - tanh(z)^2 keeps few digits where z is large.
    """
    scale = max(map(_largest, pair))
    lost = EPS * noise if pair[1].any() else noise  # a truth of 0 may be left of anything
    few = min(STEADY * scale, noise * noise / (64 * EPS))
    blurred = order > 1 and _largest(pair[0] - pair[1]) <= few
    return blurred or scale <= max(VANISHED * value, lost)


def _entry(
    index: tuple[int, ...] | None, claimed: Array, numeric: Array, point: Point
) -> WorstEntry:
    said, true = (_largest(a) if index is None else float(a) for a in (claimed, numeric))
    return WorstEntry(index, said, true, tuple(sorted(point.sizes.items())), point)


def _judged(
    claimed: Array, slopes: Mapping[str, Slope], order: int, largest: float, noise: float
) -> DifferenceFinding:
    """Match, mismatch, or nothing, from the truths and how far each is trusted.

    `largest` is the largest entry of f, `noise` what rounding leaves of values met on the way; a
    complex step has none of it.
    """
    if not np.isfinite(claimed).all():
        return _without_value([s.value for s in slopes.values()])
    verdicts, errors = set(), []
    sharpest, *_ = slopes.values()
    for method, slope in slopes.items():
        scale = max(_largest(claimed), _largest(slope.value))
        apart = _largest(claimed - slope.value)
        exact = method == ANALYTIC and order == 1 and not 0 < scale <= TINY
        steady = order > 1 and slope.uncertainty <= RIGHT * scale  # steps of two widths agree
        lost = 0.0 if exact or steady else noise
        errors.append(relative_error(claimed, slope.value) if apart > lost else 0.0)
        near = (EXACT if exact else RIGHT) * scale + SURE * slope.uncertainty
        if not exact and apart <= lost and order == 1 < len(slopes):
            other = _largest(sharpest.value - slope.value) > near + lost  # it sees more, or another
            verdicts.add("match" if other and "mismatch" in verdicts else "nothing")
        elif not claimed.any() and apart <= SURE * slope.uncertainty <= FLAT * largest:
            verdicts.add("match")  # a zero, as far as rounding lets it be seen
            errors[-1] = 0.0
        elif order > 1 and lost > STEADY * scale:
            verdicts.add("nothing")  # a density far out is less than what its exponent rounds to
        elif not np.isfinite(slope.value).all() or slope.uncertainty > ROUGH * scale + lost:
            verdicts.add("nothing")
        elif slope.uncertainty > WRONG * scale + lost:
            verdicts.add("mismatch" if apart > GROSS * scale + lost else "nothing")
        elif apart <= near + lost:
            verdicts.add("match")
        else:
            verdicts.add("mismatch" if apart > WRONG * scale else "between")
    decided = verdicts - {"nothing"}
    verdict = decided.pop() if len(decided) == 1 else "nothing"
    zero = not claimed.any() and not any(s.value.any() for s in slopes.values())
    return DifferenceFinding(verdict, tuple(errors), None, _NOTES.get(verdict, ""), zero)


def _without_value(truths: Sequence[Array]) -> DifferenceFinding:
    """A claim that is not finite; no fault of it where facts force every point onto a kink."""
    first, *others = truths
    kink = any(not relative_error(o, first) <= ROUGH for o in others)
    verdict = "nothing" if kink or not np.isfinite(first).all() else "not finite"
    return DifferenceFinding(verdict, note=_NOTES[verdict])


def _symmetric(claim: Array, shapes: list[tuple[int, ...]], rng: Any) -> bool:
    """True if the claim keeps its value when neighbouring slots change places."""
    directions = random_directions(shapes, rng)
    value = contracted(claim, directions)
    for k in range(len(shapes) - 1):
        turned = list(directions)
        turned[k : k + 2] = turned[k + 1], turned[k]
        if relative_error(contracted(claim, tuple(turned)), value) > WRONG:
            return False
    return True
