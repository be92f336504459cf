"""Whether a derivative agrees with f itself, at a small point or two, along random directions.

The check that every derivation gets before anybody sees it. The k-th derivative is compared along
one direction, and the claim with its slots exchanged: a symmetric form is known by T(V, ..., V).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf, isfinite, nan
from typing import Any

from matderiv.errors import DomainError, LimitError
from matderiv.expr import Expr
from matderiv.lazy import np, quiet
from matderiv.numeric.both_sides import branches, reached, unseen, zones
from matderiv.numeric.check import (
    DifferenceFinding,
    claimed_again,
    excused,
    relative_error,
    reported,
    steady,
)
from matderiv.numeric.differences import (
    EPS,
    Directions,
    Slope,
    Truth,
    contracted,
    random_directions,
)
from matderiv.numeric.evaluate import Array, ValueProgram, compile_
from matderiv.numeric.question import DirectionQuestion, moderate
from matderiv.numeric.report import CheckReport, WorstEntry
from matderiv.numeric.sampling import Point, Sampler, sampler
from matderiv.numeric.small_sizes import beyond_numbers

TURNS = 4  # other points tried in place of one that decides nothing
RIGHT, WRONG = 1e-6, 1e-4  # relative differences of a right and of a wrong derivative
ROUGH, GROSS = 1e-2, 0.3  # a truth less certain than WRONG tells no smaller mistake
FLAT = 1e-6  # a derivative below it, relative to f, is not told from 0 by differences
SURE = 10  # a difference counts that is so many times the uncertainty of the truth
WIDE = 0  # the step of `stencils` to begin with
NARROW = (2, 2, 2, 2, 1)  # beside kinks, by order: narrower ones lose the digits of a fourth


@quiet()
def spot_check(
    question: DirectionQuestion,
    variables: Iterable[Expr] = (),
    *,
    zero: bool = False,
    seed: int = 0,
) -> CheckReport:
    """The report of a claimed derivative; "disproved" where it contradicts f.

    `variables` are those of the claim that f does not have; `zero` says that the claim is spelled
    as a zero, so that it may vanish everywhere.

    >>> x = variable("x", (Dim(("n",)),))
    >>> print(spot_check(DirectionQuestion(x.T @ x, (x,), lambda v, sizes: 2 * v["x"])).verdict)
    verified
    >>> print(spot_check(DirectionQuestion(x.T @ x, (x,), lambda v, sizes: 3 * v["x"])).verdict)
    disproved
    """
    if beyond := beyond_numbers(question.f):
        return undecided(beyond, seed)
    every = (*question.path, question.upstream, question.tangent, *variables)
    extra = [v for v in every if v is not None]
    try:
        source = sampler(question.f, extra, order=len(question.path), seed=seed)
        spotter = Spotter(question, source, compile_((question.f,)))
        points = spotter.points()
        found = [spotter.turned(k, point) for k, point in enumerate(points)]
    except (DomainError, LimitError) as error:
        return undecided(error.message, seed)
    verdict, notes = _concluded(found, zero=True)
    left: tuple[str, ...] = ()
    if verdict == "verified":
        compared = [f.worst.point for f in found if f.worst is not None]
        further, left = spotter.elsewhere(compared)
        verdict, notes = _concluded([*found, *further], zero)
        verdict = "undecided" if left and verdict == "verified" else verdict
        found += further
    return reported(verdict, question, found, seed, (*notes, *left))


def undecided(reason: str, seed: int = 0) -> CheckReport:
    """A report that says why numbers decide nothing.

    >>> print(undecided("f is too large"))
    undecided: f is too large (seed 0)
    """
    return CheckReport("undecided", nan, nan, "", 0, seed, notes=(reason,))


@dataclass(frozen=True)
class Spotter:
    """Compares a claim with f at points of a sampler."""

    question: DirectionQuestion
    source: Sampler
    program: ValueProgram

    @property
    def small(self) -> int:
        """The largest size of a small point: sizes are different, from 2."""
        return len(self.source.names) + 2

    def points(self) -> list[Point]:
        """A point; two of them where f has branches."""
        source = self.source
        found = [moderate(self.question, source, 1, source.point(1))]
        if source.kinks or source.extremes:
            found.append(source.point(0, most=self.small))
        return found

    def elsewhere(self, points: list[Point]) -> tuple[list[DifferenceFinding], tuple[str, ...]]:
        """What points on the sides that were not seen say, and the sides that are not reached."""
        borders = [*branches(self.question.f), *zones(self.question.f)]
        if not borders or not unseen(self.source, points, borders):
            return [], ()
        further = reached(self.source, points, borders)
        inside = replace(self, question=replace(self.question, sharpest=True))
        rng = np.random.default_rng([self.source.seed, 2])
        return [inside.at(p, rng) for p in further.points], further.unseen

    def turned(self, place: int, point: Point) -> DifferenceFinding:
        """What a point says, or the first of a few others in its place that decides something."""
        found = self.at(point, np.random.default_rng([self.source.seed, place]))
        for turn in range(100, 100 + TURNS):
            if found.verdict in ("match", "mismatch"):
                break
            other = moderate(
                self.question, self.source, place, self.source.point(place, turn=turn), turn
            )
            found = self.at(other, np.random.default_rng([self.source.seed, place, turn]))
        return found

    def at(self, point: Point, rng: Any) -> DifferenceFinding:
        """The claim against every truth that serves, along one direction."""
        return excused(self._at(point, rng), self.question, point)

    def _at(self, point: Point, rng: Any) -> DifferenceFinding:
        question, sizes = self.question, point.sizes
        try:
            claim = question.arranged(question.claimed(point), sizes)
        except DomainError as error:
            return DifferenceFinding(
                "no value", note=f"the derivative has no value: {error.message}"
            )
        if claim is None:
            return DifferenceFinding("mismatch", (inf,), note="the derivative has another shape")
        shapes = question.input_shapes(sizes)
        probe = self._direction(point, shapes, rng)
        order = len(shapes)

        def along(a: Array) -> Array:
            return np.asarray(a if question.tangent is not None else contracted(a, probe * order))

        truth = question.truth(self.program, point)
        largest = float(np.abs(truth.f(truth.values)).max(initial=0.0))
        if not isfinite(largest):
            return DifferenceFinding("nothing", note="f has no finite value at some point")
        slopes = self._slopes(truth, probe, order)
        noise = 64 * EPS * truth.bound.largest(truth.values)
        found = _judged(along(claim), slopes, largest, noise, point)
        if found.verdict == "mismatch":
            other = question.beside(point)
            claims = along(claim), along(claimed_again(question, other, claim))
            (there, *_) = self._slopes(question.truth(self.program, other), probe, order)
            found = steady(found, claims, (slopes[0].value, there.value), truth)
        if found.verdict == "match" and order > 1 and not _symmetric(claim, shapes, rng):
            return DifferenceFinding(
                "mismatch", (inf,), note="the derivative is not symmetric in its slots"
            )
        return found

    def _direction(self, point: Point, shapes: list[tuple[int, ...]], rng: Any) -> Directions:
        """A random direction of the variable, or the one that is asked for."""
        change = self.question.tangent
        if change is not None:
            return (np.reshape(point.values[change.name], shapes[0]),)
        (probe,) = random_directions(shapes[:1], 1, rng)
        return probe

    def _slopes(self, truth: Truth, probe: Directions, order: int) -> list[Slope]:
        """The truths along a direction, one for each method."""
        (move,) = self.question.moves([probe]) or [probe]
        values = {v.name for v in self.source.variables}  # 0/1 data have two sides, no kink
        kinked = any(k.label not in values for k in self.source.kinks)
        first = NARROW[order] if kinked or self.source.extremes else WIDE
        line = {self.question.path[0].name: move[0]}
        return [truth.on_line(line, order, method, first) for method in self.question.methods]


def _judged(
    claimed: Array, slopes: list[Slope], largest: float, noise: float, point: Point
) -> DifferenceFinding:
    """Match, mismatch, or nothing, from the truths and how far each is trusted.

    `largest` is the largest entry of f, `noise` what rounding leaves of values met on the way.
    """
    verdicts, errors = [], []
    for slope in slopes:
        scale = max(float(np.abs(a).max(initial=0.0)) for a in (claimed, slope.value))
        apart = float(np.abs(claimed - slope.value).max(initial=0.0))
        errors.append(relative_error(claimed, slope.value) if apart > noise else 0.0)
        if not claimed.any() and apart <= SURE * slope.uncertainty <= FLAT * largest:
            verdicts.append("match")  # a zero, as far as rounding lets it be seen
            errors[-1] = 0.0
        elif not np.isfinite(slope.value).all() or slope.uncertainty > ROUGH * scale + noise:
            verdicts.append("nothing")
        elif slope.uncertainty > WRONG * scale + noise:
            verdicts.append("mismatch" if apart > GROSS * scale + noise else "nothing")
        elif not np.isfinite(claimed).all():
            verdicts.append("not finite")
        elif apart <= RIGHT * scale + SURE * slope.uncertainty + noise:
            verdicts.append("match")
        else:
            verdicts.append("mismatch" if apart > WRONG * scale else "between")
    decided = set(verdicts) - {"nothing"}
    verdict = decided.pop() if len(decided) == 1 else "nothing"
    said, true = (float(np.abs(a).max(initial=0.0)) for a in (claimed, slopes[0].value))
    worst = WorstEntry(None, said, true, tuple(sorted(point.sizes.items())), point)
    notes = {
        "nothing": "the numbers of f decide nothing at some point",
        "not finite": "the derivative is not finite at some point where f has one",
        "between": "a difference too large for rounding and too small for a mistake",
    }
    return DifferenceFinding(verdict, tuple(errors), worst, notes.get(verdict, ""))


def _symmetric(claim: Array, shapes: list[tuple[int, ...]], rng: Any) -> bool:
    """True if the claim keeps its value when neighbouring slots change places."""
    (directions,) = random_directions(shapes, 1, rng)
    value = contracted(claim, directions)
    for k in range(len(shapes) - 1):
        turned: Directions = (
            *directions[:k],
            directions[k + 1],
            directions[k],
            *directions[k + 2 :],
        )
        if relative_error(contracted(claim, turned), value) > WRONG:
            return False
    return True


def _concluded(found: list[DifferenceFinding], zero: bool) -> tuple[str, tuple[str, ...]]:
    notes = tuple(dict.fromkeys(f.note for f in found if f.note))
    verdicts = {f.verdict for f in found}
    if "mismatch" in verdicts:
        return "disproved", tuple(f.note for f in found if f.verdict == "mismatch" and f.note)
    if verdicts != {"match"}:
        return "undecided", notes
    if not zero and all(f.worst and not f.worst.claimed and not f.worst.numeric for f in found):
        return "undecided", ("nothing but zeros was compared",)
    return "verified", ()
