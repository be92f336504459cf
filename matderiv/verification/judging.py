"""The layers behind a verdict: the exact identity test, complex steps, central differences.

Everything rests on values of f alone. No symbolic rule is asked, so a wrong rule cannot approve a
wrong answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from matderiv.calculus.structure import linear_structure, numeric_projection
from matderiv.lazy import np
from matderiv.numeric.borders import beside_borders
from matderiv.numeric.check import Finding as Compared
from matderiv.numeric.check import Question, check, compare
from matderiv.numeric.evaluate import compile_
from matderiv.numeric.report import CheckReport
from matderiv.verification.claims import DIRECTIONAL, Claim, names_for
from matderiv.verification.field.exact import ExactReport, Identity, exact_test
from matderiv.verification.precise import precise
from matderiv.verification.verdict import DISPROVED, PROVED, UNDECIDED, VERIFIED

POINTS = 8
CONFIRMING = 3  # points at which numbers confirm what the exact test accepted
DOUBTED = 24  # further points where numbers and the exact test disagree
GREY = (1e-6, 1e-4)  # errors, by order, that are not rounding where the exact test agrees
SHARP = 1e-12  # errors of complex steps that are rounding and nothing else
SURE = 40  # bits of certainty below which an exact acceptance counts as numeric only


@dataclass(frozen=True)
class Finding:
    """What the layers say about one reading of an answer."""

    verdict: str
    exact: ExactReport | None
    report: CheckReport | None
    reason: str = ""

    @property
    def right(self) -> bool:
        """True when proved or verified."""
        return self.verdict in (PROVED, VERIFIED)


def judged(claim: Claim, structure: str, *, seed: int = 0, points: int = POINTS) -> Finding:
    """The exact test, then numbers: fewer points where they only confirm.

    A rejection by the exact test is final only if numbers agree; where they do not, values with 50
    digits decide, and where there are none, nothing is concluded.
    """
    found = _by_layers(claim, structure, seed, points)
    return found if found.verdict != UNDECIDED else _settled(claim, structure, found, seed)


def _settled(claim: Claim, structure: str, found: Finding, seed: int) -> Finding:
    """What ordinary numbers leave open, by values with 50 digits."""
    sharp = precise(claim, structure, seed=seed)
    if sharp.verdict == "different":
        return replace(found, verdict=DISPROVED, reason=str(sharp))
    firm = found.exact is not None and found.exact.verdict == "different" and not found.exact.hint
    whole = found.report is None or not _unfinished(found.report)
    if sharp.verdict == "equal" and whole and not firm and found.exact is not None:
        return replace(found, verdict=VERIFIED, reason=str(sharp))
    return replace(found, reason="; ".join(filter(None, (found.reason, str(sharp)))))


def _by_layers(claim: Claim, structure: str, seed: int, points: int) -> Finding:
    """What the exact test and ordinary numbers say."""
    exact = identity_of(claim, structure, seed) if claim.expr is not None else None
    accepted = exact is not None and exact.verdict == "equal"
    report = numbers_of(claim, structure, min(points, CONFIRMING) if accepted else points, seed)
    verdict = report.verdict
    if accepted and exact is not None:
        if verdict == DISPROVED:
            return Finding(UNDECIDED, exact, report, "the exact test and the numbers disagree")
        if exact.covers and exact.bits >= SURE:
            return Finding(PROVED, exact, report)
        if exact.reason:
            return Finding(
                UNDECIDED, exact, report, f"right at the sizes tested, but {exact.reason}"
            )
        return Finding(verdict, exact, report, str(exact))
    if exact is None or exact.verdict != "different":
        return Finding(DISPROVED if _valueless(report) else verdict, exact, report)
    if verdict == VERIFIED:
        return _doubted(claim, structure, exact, report, seed)
    grey = report.error > GREY[min(claim.asked.order, len(GREY)) - 1]
    if not exact.hint or grey or _unfinished(report):
        verdict = DISPROVED  # both methods see a difference
    return Finding(verdict, exact, report)


def _valueless(report: CheckReport) -> bool:
    """True if the answer has no value at any of the points."""
    return report.points == 0 and any("claim has no value" in n for n in report.notes)


def _unfinished(report: CheckReport) -> bool:
    """True if the answer has no finite value at some point where f has a derivative."""
    return any("claim has no value" in n or "claim is not finite" in n for n in report.notes)


def _doubted(
    claim: Claim, structure: str, exact: ExactReport, report: CheckReport, seed: int
) -> Finding:
    """Numbers agree and the exact test does not: more points, and a sharper look at the errors.

    A small difference in a saturated function, or in the argument of a step, passes at some points
    and not at others.
    """
    again = numbers_of(claim, structure, DOUBTED, seed + 1)
    grey = again.error > GREY[min(claim.asked.order, len(GREY)) - 1]
    if again.verdict == DISPROVED or (again.verdict == UNDECIDED and grey):
        return Finding(DISPROVED, exact, again)
    found = _beside_borders(claim, structure, seed)
    if found is not None:
        shown = replace(again, verdict=DISPROVED, worst=found.worst, error=found.errors[0])
        return Finding(DISPROVED, exact, shown)
    first_order = claim.asked.order == 1 and "complex step" in report.method
    sharp = not first_order or max(report.error, again.error) <= SHARP
    if exact.hint and again.verdict == VERIFIED and sharp:
        return Finding(VERIFIED, exact, report)
    return Finding(UNDECIDED, exact, report, "right in numbers, not as an exact identity")


def _beside_borders(claim: Claim, structure: str, seed: int) -> Compared | None:
    """A mismatch close to a kink of the answer, if there is one."""
    assert claim.expr is not None
    question, program = question_of(claim, structure), compile_((claim.asked.f,))
    names = [*claim.asked.path, *claim.asked.extra.values()]
    for point in beside_borders(claim.asked.f, claim.expr, names, seed):
        found = compare(question, program, point, np.random.default_rng(seed))
        if found.verdict == "mismatch" and found.errors and found.worst is not None:
            return found
    return None


def identity_of(claim: Claim, structure: str, seed: int) -> ExactReport:
    """The exact test of a claim that is an expression."""
    asked = claim.asked
    assert claim.expr is not None
    space = None if asked.kind in DIRECTIONAL else linear_structure(asked.wrt)
    return exact_test(
        Identity(
            asked.f,
            asked.path,
            claim.expr,
            claim.arrange,
            asked.upstream,
            asked.tangent,
            space if len(asked.wrt.shape) == 2 else None,
            structure,
        ),
        seed=seed,
    )


def numbers_of(claim: Claim, structure: str, points: int, seed: int) -> CheckReport:
    """The numeric check of a claim."""
    asked = claim.asked
    question = question_of(claim, structure)
    return check(
        asked.f,
        asked.wrt,
        question.claim,
        variables=names_for(asked, claim.expr),
        order=asked.order,
        upstream=asked.upstream,
        tangent=asked.tangent,
        project=question.project,
        points=points,
        seed=seed,
    )


def question_of(claim: Claim, structure: str) -> Question:
    """The numeric question behind a claim."""
    asked = claim.asked
    project = None
    if asked.kind not in DIRECTIONAL:
        project = numeric_projection(asked.wrt, structure, asked.order)

    def values(at: Mapping[str, Any], sizes: dict[str, int]) -> Any:
        return claim.evaluated(at, sizes)

    return Question(asked.f, asked.path, values, asked.upstream, asked.tangent, project=project)
