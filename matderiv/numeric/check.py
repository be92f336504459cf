"""Checks a claimed derivative against numbers that come from f alone, never from a rule.

Two independent truths: the complex step Im f(x + ih)/h, exact to rounding, and central
differences. A claim must meet both; where they disagree with each other nothing is concluded.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf, nan
from typing import Any

from matderiv.arguments import require_whole
from matderiv.errors import DomainError, LimitError
from matderiv.expr import Expr
from matderiv.lazy import np, quiet
from matderiv.numeric.both_sides import branches, reached, zones
from matderiv.numeric.differences import ANALYTIC, CENTRAL, Truth
from matderiv.numeric.evaluate import Array, ValueProgram, compile_
from matderiv.numeric.question import DirectionQuestion, Probes, moderate, probes
from matderiv.numeric.report import CheckReport, WorstEntry
from matderiv.numeric.sampling import GROWN, Point, Sampler, drawn, sampler
from matderiv.numeric.small_sizes import beyond_numbers, too_large
from matderiv.shapes import shape_text

MAX_POINTS, MAX_SEED = 1000, 2**63
VANISHED = 1e-10  # a claim smaller than this is rounding where f is exactly constant (saturated)
NOISE = 1e-3  # what changes by more than this between two neighbouring points is rounding
GREY = 1e-6  # a difference larger than this is not forgotten when other points match
STEADY = 0.1  # a difference counts if neither side of it changes by more than this part of it
TURNS = 5  # other points tried in place of one that decides nothing
ACCEPT = {  # the worst relative error of a right answer, by order
    ANALYTIC: (1e-9, 1e-5, 1e-6, 1e-5),
    CENTRAL: (1e-6, 1e-4, 1e-4, 1e-3),
}
REJECT = {ANALYTIC: (1e-3, 1e-3, 1e-3, 1e-3), CENTRAL: (1e-3, 1e-2, 1e-2, 1e-2)}


# One point ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DifferenceFinding:
    """What one point says.

    "match", "mismatch", "between"; "not finite" or "no value" of the claim; "nothing" when the
    numbers decide nothing there. `zero` says that nothing but zeros was compared.
    """

    verdict: str
    errors: tuple[float, ...] = ()
    worst: WorstEntry | None = None
    note: str = ""
    zero: bool = False


def relative_error(claimed: Array, numeric: Array) -> float:
    """The largest difference over the largest entry; 0 when both vanish.

    >>> relative_error(np.array([1.0, 4.0]), np.array([1.0, 3.0]))
    0.25
    """
    scale = max(float(np.abs(claimed).max()), float(np.abs(numeric).max()))
    return float(np.abs(claimed - numeric).max()) / scale if scale else 0.0


def compare(
    question: DirectionQuestion, program: ValueProgram, point: Point, rng: Any
) -> DifferenceFinding:
    """One point: the claim against every truth that serves."""
    return excused(_compared(question, program, point, rng), question, point)


def excused(
    found: DifferenceFinding, question: DirectionQuestion, point: Point
) -> DifferenceFinding:
    """What a point says; nothing against a claim where facts leave no better point.

    A point without a kink, a tie or a singular matrix is drawn where there is one. Facts that make
    entries 0 force a formula to 0/0, such as prod(x)./x.
    """
    excusable = found.verdict in ("mismatch", "between", "not finite")
    if excusable and point.compromise and question.declared:
        return replace(found, verdict="nothing", note=point.compromise)
    if found.verdict == "not finite" and question.pinned:
        return replace(found, verdict="nothing")
    return found


def _compared(
    question: DirectionQuestion, program: ValueProgram, point: Point, rng: Any
) -> DifferenceFinding:
    sizes = point.sizes
    try:
        given = question.claimed(point)
    except DomainError as error:
        return DifferenceFinding(
            "no value", note=f"the claim has no value at some point: {error.message}"
        )
    asked = probes(question, point, rng)
    truth = question.truth(program, point)
    numeric = asked.numeric(truth, question.methods[0])
    claim = question.arranged(given, sizes)
    if claim is None:
        wanted = question.wanted(sizes)
        text = f"the claim is {shape_text(given.shape)}, the derivative {shape_text(wanted)}"
        return DifferenceFinding("mismatch", (inf,) * len(question.methods), note=text)
    if not (np.isfinite(numeric).all() and np.isfinite(truth.f(truth.values)).all()):
        return DifferenceFinding("nothing", note="f has no finite derivative at some point")
    if not np.isfinite(claim).all():
        return _without_value(question, asked, truth, numeric)
    first = {question.methods[0]: numeric}
    claimed = asked.claimed(claim)
    found = _judged(question, asked, truth, claimed, first, point, rng)
    if found.verdict != "mismatch":
        return found
    other = question.beside(point)
    again = asked.claimed(claimed_again(question, other, claim))
    there = asked.numeric(question.truth(program, other), question.methods[0])
    return steady(found, (claimed, again), (numeric, there), truth)


def claimed_again(question: DirectionQuestion, point: Point, claim: Array) -> Array:
    """The claim at a point beside the one where it has been found."""
    try:
        found = question.arranged(question.claimed(point), point.sizes)
    except DomainError:
        return claim
    return claim if found is None else found


def steady(
    found: DifferenceFinding,
    claimed: tuple[Array, Array],
    numeric: tuple[Array, Array],
    truth: Truth,
) -> DifferenceFinding:
    """A mismatch; nothing where claim or truth change as much from a point to the one beside it.

    Then it is rounding: a softmax of numbers around 10¹⁶ is one. So is what a formula leaves of
    large numbers where f is saturated, with a derivative that is 0.
    """
    apart = float(np.abs(claimed[0] - numeric[0]).max(initial=0.0))
    moved = max(float(np.abs(a - b).max(initial=0.0)) for a, b in (claimed, numeric))
    saturated = not numeric[0].any() and truth.bound.largest(truth.values) > GROWN
    if moved <= STEADY * apart and not saturated:
        return found
    return DifferenceFinding("nothing", note="the numbers are rounding at some point")


def _without_value(
    question: DirectionQuestion, asked: Probes, truth: Truth, numeric: Array
) -> DifferenceFinding:
    """A claim that is not finite; no fault of it where every method finds another slope.

    Facts may force f onto a kink that no drawn point avoids: norm2(P.*P - 1) of labels P.
    """
    others = [asked.numeric(truth, method) for method in question.methods[1:]]
    order = len(question.path) - 1
    if any(relative_error(o, numeric) > REJECT[question.methods[-1]][order] for o in others):
        return DifferenceFinding("nothing", note=_NOTES["nothing"])
    return DifferenceFinding("not finite", note="the claim is not finite where f is differentiable")


def _judged(
    question: DirectionQuestion,
    asked: Probes,
    truth: Truth,
    claimed: Array,
    known: dict[str, Array],
    point: Point,
    rng: Any,
) -> DifferenceFinding:
    order = len(question.path) - 1
    numbers, errors = [], []
    for method in question.methods:
        accept = ACCEPT[method][order]
        numeric = known[method] if method in known else asked.numeric(truth, method)
        error = relative_error(claimed, numeric)
        if error > accept and method != ANALYTIC:
            finer = asked.numeric(truth, method, refine=True)
            if relative_error(claimed, finer) < error:
                numeric, error = finer, relative_error(claimed, finer)
        if error > accept and _is_rounding(claimed, numeric, asked, truth, method, rng):
            error = 0.0
        numbers.append(numeric)
        errors.append(error)
    worst = _worst(claimed, numbers[0], point, asked.whole is not None)
    verdict = _verdict(question.methods, order, errors, numbers)
    size = max(float(np.abs(a).max(initial=0)) for a in (claimed, numbers[0]))
    flat = VANISHED * float(np.abs(truth.f(truth.values)).max(initial=0))
    if verdict == "mismatch" and size < flat:
        return DifferenceFinding(
            "nothing", note="the derivative vanishes to rounding at some point"
        )
    return DifferenceFinding(verdict, tuple(errors), worst, _NOTES.get(verdict, ""), zero=not size)


_NOTES = {
    "between": "a difference too large for rounding and too small for a mistake",
    "nothing": "complex step and central differences disagree at some point",
}


def _verdict(
    methods: tuple[str, ...], order: int, errors: list[float], numbers: list[Array]
) -> str:
    if all(e <= ACCEPT[m][order] for m, e in zip(methods, errors, strict=True)):
        return "match"
    last = numbers[-1]
    apart = max(relative_error(n, last) for n in numbers)
    if errors[0] and apart > REJECT[methods[-1]][order] and apart > 0.1 * errors[0]:
        return "nothing"
    return "mismatch" if errors[0] > REJECT[methods[0]][order] else "between"


def _is_rounding(
    claimed: Array, numeric: Array, asked: Probes, truth: Truth, method: str, rng: Any
) -> bool:
    """True if the difference is below rounding and the truth is nothing but rounding.

    A small true derivative hardly changes nearby, rounding errors change at random.
    """
    if not numeric.any() and float(np.abs(claimed).max()) < VANISHED:
        return True
    if float(np.abs(claimed - numeric).max()) > truth.rounding(method):
        return False
    nearby = (asked.numeric(truth.nudged(rng, width), method) for width in (1e-10, 1e-9, 1e-8))
    return not numeric.any() or any(relative_error(n, numeric) > NOISE for n in nearby)


def _worst(claimed: Array, numeric: Array, point: Point, entries: bool) -> WorstEntry:
    index = np.unravel_index(int(np.argmax(np.abs(claimed - numeric))), claimed.shape)
    return WorstEntry(
        tuple(int(k) for k in index) if entries else None,
        float(claimed[index]),
        float(numeric[index]),
        tuple(sorted(point.sizes.items())),
        point,
    )


# All points ---------------------------------------------------------------------------------------


@quiet()
def check_question(
    question: DirectionQuestion,
    variables: Iterable[Expr],
    *,
    points: int,
    seed: int,
    sides: bool = True,
) -> CheckReport:
    """The claimed derivative of f against numbers, at random points that hide nothing.

    `variables` are those of the claim that f does not have. Both `sides` of every kink of f must be
    seen, and where its functions bend; else it is undecided, as it is beyond numbers.

    >>> x = variable("x", (Dim(("n",)),))
    >>> right, wrong = (lambda values, sizes, c=c: c * values["x"] for c in (2, 3))
    >>> claims = [DirectionQuestion(x.T @ x, (x,), c) for c in (right, wrong)]
    >>> [check_question(c, (), points=8, seed=0).verdict for c in claims]
    ['verified', 'disproved']
    """
    require_whole(points, "points", 1, MAX_POINTS)
    require_whole(seed, "seed", 0, MAX_SEED)
    every = (*question.path, question.upstream, question.tangent, *variables)
    extra = [v for v in every if v is not None]
    beyond = beyond_numbers(question.f) or too_large(question.f)
    if beyond:
        return reported("undecided", question, [], seed, (beyond,))
    try:
        source = sampler(question.f, extra, order=len(question.path), seed=seed)
        found = [moderate(question, source, *p) for p in enumerate(drawn(source, points))]
    except (DomainError, LimitError) as error:
        return CheckReport("undecided", nan, nan, "", 0, seed, notes=(error.message,))
    return _checked(question, source, found, sides)


def _checked(
    question: DirectionQuestion, source: Sampler, found: list[Point], sides: bool
) -> CheckReport:
    program = compile_((question.f,))
    findings: list[DifferenceFinding] = []
    used: list[Point] = []
    for place, point in enumerate(found):
        rng = np.random.default_rng([source.seed, place, 0, 1])
        finding = compare(question, program, point, rng)
        for turn in range(100, 100 + TURNS):
            if finding.verdict in ("match", "mismatch"):
                break
            if not (finding.verdict == "not finite" and 1 in point.sizes.values()):
                findings.append(finding)  # a spread of one entry is 0, with no derivative
            point = moderate(question, source, place, source.point(place, turn=turn), turn)
            finding = compare(question, program, point, rng)
        findings.append(finding)
        used.append(point)
        if finding.verdict == "mismatch":
            break
    verdict, notes = _concluded(findings, len(used))
    unseen = tuple(sorted({p.compromise for p in used if p.compromise}))
    if verdict == "verified" and sides:
        further = reached(source, used, [*branches(question.f), *zones(question.f)])
        for place, point in enumerate(further.points):
            rng = np.random.default_rng([source.seed, place, 0, 2])
            findings.append(compare(replace(question, sharpest=True), program, point, rng))
        verdict, notes = _concluded(findings, len(used) + len(further.points))
        if verdict == "verified" and further.unseen:
            verdict = "undecided"
        unseen = (*further.unseen, *unseen)
    return reported(verdict, question, findings, source.seed, (*notes, *unseen))


def _concluded(findings: list[DifferenceFinding], wanted: int) -> tuple[str, tuple[str, ...]]:
    verdicts = [f.verdict for f in findings]
    notes = tuple(dict.fromkeys(f.note for f in findings if f.note))
    matches = verdicts.count("match")
    if "mismatch" in verdicts:
        return "disproved", tuple(f.note for f in findings if f.verdict == "mismatch" and f.note)
    if "not finite" in verdicts and matches == 0:
        return "disproved", notes
    grey = any(f.verdict == "between" and f.errors[0] > GREY for f in findings)
    if matches == wanted and not grey and not {"not finite", "no value"} & set(verdicts):
        return "verified", ()
    return "undecided", notes


def reported(
    verdict: str,
    question: DirectionQuestion,
    findings: list[DifferenceFinding],
    seed: int,
    notes: tuple[str, ...],
) -> CheckReport:
    """The report on some findings: what agrees most badly, or differs most, stands for all."""
    kind = {"verified": ("match",), "disproved": ("mismatch",)}.get(verdict, ("between", "match"))
    counted = [f for f in findings if f.verdict in kind and f.errors]
    worst = max(counted, key=lambda f: f.errors[0], default=DifferenceFinding("", (nan, nan)))
    return CheckReport(
        verdict=verdict,
        error=worst.errors[0],
        central_error=max((f.errors[-1] for f in counted), default=nan),
        method=" and ".join(question.methods),
        points=sum(f.verdict in ("match", "mismatch") for f in findings),
        seed=seed,
        worst=worst.worst,
        notes=notes,
    )
