"""What a verdict says of how it was found: the method of what is right, the point of a mistake."""

from matderiv.verification.judging import Finding
from matderiv.verification.verdict import DISPROVED, PROVED, UNDECIDED, VERIFIED, Counterexample

FAINT = 1e-8  # a difference smaller than this part of the whole has no cause that numbers show


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
    return sharp is not None and sharp.verdict == "different" and sharp.error < FAINT


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
