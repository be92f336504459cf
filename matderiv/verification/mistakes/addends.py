"""Which additive terms of an answer are right, and which are missing."""

from collections.abc import Iterator
from dataclasses import dataclass

from matderiv.expr import Expr
from matderiv.language.printer import text
from matderiv.lazy import np
from matderiv.solving.affine import addends
from matderiv.verification.mistakes.diagnosis import Diagnosis, short
from matderiv.verification.mistakes.proposals import right_forms
from matderiv.verification.mistakes.solving import CauseSearch
from matderiv.verification.mistakes.tidying import tidied
from matderiv.words.signs import total


@dataclass(frozen=True)
class ComparedTerms:
    """The terms of an answer that are right, those that are not, and those that are missing."""

    good: list[Expr]
    bad: list[Expr]
    missing: list[Expr]


def missing_terms(search: CauseSearch, e: Expr) -> Diagnosis | None:
    """The terms that are missing where all of the answer's own are right."""
    for found in _comparisons(search, e):
        if found.missing and not found.bad:
            missing = tidied(total(found.missing))
            corrected = tidied(total([e, missing]))
            if search.right(corrected):
                term, right = text(missing), text(corrected)
                said = f"The term {short(term)} is missing. The whole: {short(right)}."
                return Diagnosis("missing-term", said, right, missing, corrected)
    return None


def off_terms(search: CauseSearch, e: Expr) -> Diagnosis | None:
    """Which terms are right and which are not, when no correction has been found."""
    for found in _comparisons(search, e):
        if found.bad:
            agree, off = (", ".join(short(text(t)) for t in ts) for ts in (found.good, found.bad))
            message = f"The term {agree} is right; look again at {off}."
            instead = tidied(total(found.missing)) if found.missing else None
            corrected = tidied(total([*found.good, *found.missing]))
            if not search.right(corrected):
                return Diagnosis("term", message)
            if instead is not None:
                message += f" Right there: {short(text(instead))}."
            return Diagnosis("term", message, text(corrected), instead, corrected)
    return None


def _comparisons(search: CauseSearch, e: Expr) -> Iterator[ComparedTerms]:
    """The answer's terms beside those of the derivative, multiplied out in full and a little."""
    for form in right_forms(search):
        left = addends(form, wide=True)
        good: list[Expr] = []
        bad: list[Expr] = []
        for t in addends(e, wide=True):
            match = next((r for r in left if _same(search, t, r)), None)
            if match is not None:
                left.remove(match)
            (bad if match is None else good).append(t)
        if good:
            yield ComparedTerms(good, bad, left)


def _same(search: CauseSearch, a: Expr, b: Expr) -> bool:
    for v in search.points:
        left, right = v.value(a), v.value(b)
        if left is None or right is None or left.shape != right.shape:
            return False
        if np.abs(left - right).max() > search.tolerance * max(np.abs(left).max(), 1e-300):
            return False
    return True
