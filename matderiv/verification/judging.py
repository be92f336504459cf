"""The layers behind a verdict: the exact identity test, complex steps, central differences.

Everything rests on values of f alone. No symbolic rule is asked, so a wrong rule cannot approve a
wrong answer.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from matderiv.errors import DomainError
from matderiv.expr import is_, number, substitute, walk
from matderiv.lazy import quiet
from matderiv.numeric.check import check_question
from matderiv.numeric.question import DirectionQuestion
from matderiv.numeric.report import CheckReport
from matderiv.numeric.sampling import Point
from matderiv.verification.claims import Claim, names_for, question_about
from matderiv.verification.evidence import Witness, compares_more, identity
from matderiv.verification.field.branches import Branches
from matderiv.verification.field.exact import ExactReport, exact_test
from matderiv.verification.precise import Precise, precise
from matderiv.verification.verdict import DISPROVED, PROVED, UNDECIDED, VERIFIED, Counterexample
from matderiv.work import MILLION, WorkLimit, bounded

POINTS = 8
CONFIRMING = 3  # points at which numbers confirm what the exact test accepted
PLAIN = 1e-2  # errors that nobody takes for rounding where the exact test sees a difference too
GREY = (1e-6, 1e-4)  # errors, by order, that are not rounding where the exact test agrees
SOMEWHERE = "right where it has a value"
FAINT = 1e-6  # what is so much smaller than 1 may be below what numbers show
SHARP = 1e-12  # errors of complex steps that are rounding and nothing else
MOST = MILLION  # units of work for one claim
SURE = 40  # bits of certainty below which an exact acceptance counts as numeric only


@dataclass(frozen=True)
class Finding:
    """What the layers say about one reading of an answer.

    `sharp` is what many digits said, `reason` why nothing is concluded.
    """

    verdict: str
    exact: ExactReport | None
    report: CheckReport | None
    reason: str = ""
    sharp: Precise | None = None

    @property
    def failed(self) -> Point | None:
        """Where the answer is wrong, if that is known."""
        if self.sharp is not None and self.sharp.verdict == "different":
            return self.sharp.point
        worst = None if self.report is None else self.report.worst
        return None if worst is None else worst.point

    @property
    def right(self) -> bool:
        """True when proved or verified."""
        return self.verdict in (PROVED, VERIFIED)


@quiet()
def judged(claim: Claim, structure: str, *, seed: int = 0, points: int = POINTS) -> Finding:
    """The verdict on a claim; undecided where it takes more work than one claim is worth."""
    try:
        with bounded(MOST * max(1, points // POINTS)):
            return _judged(claim, structure, seed=seed, points=points)
    except WorkLimit as error:
        return Finding(UNDECIDED, None, None, error.message)


def _judged(claim: Claim, structure: str, *, seed: int, points: int) -> Finding:
    """The exact test, then numbers: fewer points where they only confirm; then many digits.

    Nothing is proved that numbers contradict, and nothing verified before every branch and as many
    sizes as needed were seen. A contradiction in numbers alone is looked at with many digits.
    """
    if claim.expr is None:
        report = numbers_of(claim, structure, points, seed)
        return Finding(DISPROVED if valueless(report) else report.verdict, None, report)
    exact = identity_of(claim, structure, seed)
    accepted = exact.verdict == "equal"
    count = min(points, CONFIRMING) if accepted else points
    report = numbers_of(claim, structure, count, seed, sides=False)
    if report.verdict == DISPROVED:
        found = _contradicted(claim, structure, exact, report, seed)
        if found is not None:
            return found
    if accepted and _sure(exact):
        return _proved(claim, structure, exact, report, seed)
    if accepted and exact.reason:
        return Finding(UNDECIDED, exact, report, f"right at the sizes tested, but {exact.reason}")
    return _by_evidence(claim, structure, exact, report, seed)


def _contradicted(
    claim: Claim, structure: str, exact: ExactReport, report: CheckReport, seed: int
) -> Finding | None:
    """A disproof by numbers; None where many digits do not see the difference.

    Where the answer compares what f does not, rounding may have chosen the branch.
    """
    different = exact.verdict == "different"
    plain = report.error > PLAIN and not compares_more(claim)
    if different and (plain or not exact.hint):
        return Finding(DISPROVED, exact, report)
    at = None if report.worst is None else [report.worst.point]
    if at is not None and _holds_beside(claim, structure, at[0], seed):
        return None
    sharp = precise(claim, structure, seed=seed, at=at)
    if sharp.verdict == "equal":
        return None
    if sharp.verdict == "undecided" and different and compares_more(claim):
        return Finding(UNDECIDED, exact, report, str(sharp))
    if exact.verdict == "equal" and sharp.verdict != "different":
        return Finding(UNDECIDED, exact, report, "the exact test and the numbers disagree")
    return Finding(DISPROVED, exact, report, sharp=sharp)


def _holds_beside(claim: Claim, structure: str, point: Point, seed: int) -> bool:
    """True if the claim is an identity in the branch of a point, so that numbers are rounding."""
    branches = Branches.of(identity(claim, structure), seed)
    found = None if branches is None else branches.at(point)
    return found is not None and found.equal


def _proved(
    claim: Claim, structure: str, exact: ExactReport, report: CheckReport, seed: int
) -> Finding:
    """A proof, unless f has a derivative where the answer has no value, or another one.

    Signs are random in the exact test, up to products; so they are looked at on all sides where
    the answer compares what f does not.
    """
    doubtful = _unfinished(report) or report.error > GREY[0]
    try:
        witness = Witness.of(claim, structure, question_of(claim, structure), seed)
        sharp = witness.against_a_proof(doubtful)
    except DomainError:
        return Finding(PROVED, exact, report)
    if sharp is not None and sharp.verdict == "different":
        return Finding(DISPROVED, exact, report, sharp=sharp)
    if sharp is not None and sharp.valueless is not None:
        return Finding(UNDECIDED, exact, report, _without_value(claim, sharp.valueless))
    return Finding(PROVED, exact, report)


def _without_value(claim: Claim, point: Point) -> str:
    value = point.values[claim.asked.wrt.name].ravel()
    shown = ", ".join(f"{v:.3g}" for v in value[:4]) + (", ..." if value.size > 4 else "")
    name = claim.asked.wrt.name
    return f"{SOMEWHERE}; it has none at {name} = {shown}, where f has a derivative"


def _by_evidence(
    claim: Claim, structure: str, exact: ExactReport, report: CheckReport, seed: int
) -> Finding:
    """What is left to seeing every branch, with many digits where there is a version of f."""
    failed = dict(exact.sizes[-1]) if exact.verdict == "different" else {}
    try:
        found = Witness.of(claim, structure, question_of(claim, structure), seed).look(failed)
    except DomainError as error:
        return Finding(UNDECIDED, exact, report, error.message)
    if found.failed is not None:
        shown = replace(report, verdict=DISPROVED, worst=found.failed.worst)
        return Finding(DISPROVED, exact, shown)
    sharp = found.sharp
    if sharp.verdict == "different":
        return Finding(DISPROVED, exact, report, sharp=sharp)
    if valueless(report) and sharp.verdict == "undecided":
        return Finding(DISPROVED, exact, report)
    if found.valueless is not None and sharp.verdict == "equal":
        return Finding(UNDECIDED, exact, report, _without_value(claim, found.valueless), sharp)
    if found.open:
        return Finding(UNDECIDED, exact, report, f"right where it was tested, but {found.open}")
    if exact.verdict == "different" and not exact.hint:
        reason = "right in numbers, not as an exact identity"
        return Finding(UNDECIDED, exact, report, reason, sharp)
    if sharp.verdict == "equal":
        return Finding(VERIFIED, exact, report, sharp=sharp)
    if report.verdict == DISPROVED:  # digits say that this is rounding, where they reach
        return Finding(UNDECIDED, exact, report, str(sharp))
    grey = report.error > GREY[min(claim.asked.order, len(GREY)) - 1]
    if grey and exact.verdict == "different":
        return Finding(DISPROVED, exact, report)  # both methods see a difference
    rounding = exact.verdict == "undecided" or (
        claim.asked.order == 1 and "complex step" in report.method and report.error <= SHARP
    )
    verdict = report.verdict if rounding or report.verdict != VERIFIED else UNDECIDED
    hidden = verdict == VERIFIED and _hidden_number(claim, structure, seed)
    if hidden:
        reason = f"right as far as numbers show, which do not show {hidden}; {sharp}"
        return Finding(UNDECIDED, exact, report, reason)
    return Finding(verdict, exact, report, "" if verdict == VERIFIED else str(sharp))


def _hidden_number(claim: Claim, structure: str, seed: int) -> str:
    """A literal of the answer without which, or shorter, it would be verified all the same."""
    if claim.expr is None:
        return ""
    own = {n for n in walk(claim.asked.f) if is_(n, "number")}
    for node in walk(claim.expr):
        if is_(node, "number") and node not in own:
            value = node.params[0]
            plain = Fraction(0) if abs(value) < FAINT else Fraction(f"{float(value):.5g}")
            if plain != value and abs(plain - value) < FAINT * max(1, abs(value)):
                other = substitute(claim.expr, {node: number(plain)})
                if other.shape != claim.expr.shape:
                    continue
                report = numbers_of(replace(claim, expr=other), structure, CONFIRMING, seed)
                if report.verdict != DISPROVED:
                    return f"{float(value):.12g}"
    return ""


def valueless(report: CheckReport | None) -> bool:
    """True if the answer has no value at any of the points."""
    return report is not None and report.points == 0 and _unfinished(report)


def _unfinished(report: CheckReport) -> bool:
    """True if the answer has no finite value at some point where f has a derivative."""
    return any("claim has no value" in n or "claim is not finite" in n for n in report.notes)


def proof(claim: Claim, structure: str) -> ExactReport | None:
    """The exact test where it alone proves the claim for all sizes; None elsewhere."""
    exact = identity_of(claim, structure, 0)
    return exact if exact.verdict == "equal" and _sure(exact) else None


def _sure(exact: ExactReport) -> bool:
    return exact.covers and exact.bits >= SURE


def identity_of(claim: Claim, structure: str, seed: int) -> ExactReport:
    """The exact test of a claim that is an expression."""
    return exact_test(identity(claim, structure), seed=seed)


def numbers_of(
    claim: Claim, structure: str, points: int, seed: int, *, sides: bool = True
) -> CheckReport:
    """The numeric check of a claim."""
    question, names = question_of(claim, structure), names_for(claim.asked, claim.expr)
    return check_question(question, names, points=points, seed=seed, sides=sides)


def question_of(claim: Claim, structure: str) -> DirectionQuestion:
    """The numeric question behind a claim."""
    return question_about(claim.asked, structure, claim.evaluated)


UNSEEN = 1e-8  # a difference smaller than this part of the whole has no cause that numbers show


def method(found: Finding) -> str:
    """How an answer was found right, or why nothing is decided."""
    if found.verdict == PROVED:
        return _right(str(found.exact))
    sharp = "" if found.sharp is None else str(found.sharp)
    if found.report is None or (found.verdict == VERIFIED and not found.report.ok):
        said = sharp or found.reason
    elif found.verdict == UNDECIDED and found.reason:
        said = found.reason
    else:
        said = "; ".join(filter(None, (str(found.report), found.reason, sharp)))
    return _right(said) if found.right else said


def _right(said: str) -> str:
    return f"Right. {said[:1].upper()}{said[1:]}"


def faint(found: Finding) -> bool:
    """True if an answer is wrong by less than ordinary numbers show."""
    sharp = found.sharp
    return sharp is not None and sharp.verdict == "different" and sharp.error < UNSEEN


def difference(found: Finding) -> str:
    """How small a difference is that many digits see."""
    assert found.sharp is not None
    return f"It differs from the derivative: {found.sharp}, so a small term is wrong or missing."


def counterexample(found: Finding, seed: int) -> Counterexample | None:
    """The point where the answer differs, if the difference shows in ordinary numbers."""
    sharp = found.sharp
    if sharp is not None and sharp.verdict == "different" and sharp.point is not None:
        if sharp.claimed == sharp.truth:
            return None
        point = sharp.point
        sizes = dict(point.sizes)
        return Counterexample(sizes, point.values, None, sharp.claimed, sharp.truth, seed)
    worst = None if found.report is None else found.report.worst
    if worst is None or found.report is None or found.report.verdict != DISPROVED:
        return None
    entry = None if worst.index is None else tuple(k + 1 for k in worst.index)
    values = worst.point.values
    return Counterexample(dict(worst.sizes), values, entry, worst.claimed, worst.numeric, seed)
