"""What is wrong with an answer that is not the derivative: the whole, one change, a fact, two.

Everything is found out in numbers and passes the whole verification before it is said. The
symbolic derivative only proposes terms and factors; it never decides.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from matderiv.expr import Expr
from matderiv.input.answers import answer_source
from matderiv.language.source import Source
from matderiv.lazy import quiet
from matderiv.verification.claims import Asked
from matderiv.verification.mistakes.addends import missing_terms, off_terms
from matderiv.verification.mistakes.changes import Edits, two_changes
from matderiv.verification.mistakes.diagnosis import Diagnosis, short
from matderiv.verification.mistakes.facts import NARROW, WIDE, needed_fact
from matderiv.verification.mistakes.layouts import (
    in_another_layout,
    on_the_diagonal,
    rounded,
    scaled_by_number,
)
from matderiv.verification.mistakes.sketch import Sketch, drawn, from_source
from matderiv.verification.mistakes.solving import CauseSearch
from matderiv.work import MILLION, WorkLimit, bounded

MOST = 2 * MILLION  # units of work of one search


@quiet()
def diagnose(asked: Asked, e: Expr, *, seed: int = 0) -> Diagnosis | None:
    """What is wrong with an answer that is not the derivative; None if nothing can be said.

    Nor where the search for it takes too much work.

    >>> asked = ask("norm2(A*x)^2", "x")
    >>> print(diagnose(asked, read_answer(asked, "A'*A*x")).message)
    Your answer is off by a factor: multiplied by 2 it is right, 2*A'*A*x.
    """
    with suppress(WorkLimit), bounded(MOST):
        search = CauseSearch.of(asked, e, seed)
        if search is None:
            return None
        edits = Edits(search, drawn(e))
        return (
            in_another_layout(search, e)
            or scaled_by_number(search, e)
            or rounded(search, e)
            or edits.likely()
            or on_the_diagonal(search, e)
            or needed_fact(search, e, NARROW)
            or _symmetric(search, e, edits.further())
            or missing_terms(search, e)
            or needed_fact(search, e, WIDE)
            or two_changes(search, drawn(e))
            or off_terms(search, e)
        )
    return None


def _symmetric(search: CauseSearch, e: Expr, found: Diagnosis | None) -> Diagnosis | None:
    """For an answer that takes a matrix for symmetric also the fact under which it is right."""
    if found is None or found.code != "symmetric-shortcut":
        return found
    fact = needed_fact(search, e, ("symmetric",))
    if fact is None or found.suggestion is None:
        return found
    return replace(found, message=f"{fact.message} In general: {short(found.suggestion)}.")


def diagnose_text(asked: Asked, answer: Any, *, seed: int = 0) -> Diagnosis | None:
    """The same for a text whose sizes do not fit together."""
    root = sketched(asked, answer)
    return None if root is None else _diagnose_sketch(asked, root, seed)


def sketched(asked: Asked, answer: Any) -> Sketch | None:
    """The tree of a typed answer, whether its sizes fit or not; None where there is none."""
    if not isinstance(answer, str):
        return None
    known = {**asked.reading.variables, **dict(asked.reading.parts), **asked.extra}
    source = answer_source(answer, asked.reading, asked.extra)
    return None if source is None else from_source(source, known)


def diagnose_source(
    asked: Asked, source: Source, known: dict[str, Expr], *, seed: int = 0
) -> Diagnosis | None:
    """The same for a source tree, however it was spelled; `known` has the meaning of its names."""
    root = from_source(source, known)
    return None if root is None else _diagnose_sketch(asked, root, seed)


@quiet()
def _diagnose_sketch(asked: Asked, root: Sketch, seed: int) -> Diagnosis | None:
    with suppress(WorkLimit), bounded(MOST):
        search = CauseSearch.of(asked, None, seed)
        if search is None:
            return None
        edits = Edits(search, root)
        return edits.likely() or edits.further() or two_changes(search, root)
    return None


def decimals(asked: Asked, e: Expr, *, seed: int = 0) -> Diagnosis | None:
    """That decimals stand for fractions; None if reading them so makes no right answer."""
    search = CauseSearch.of(asked, e, seed)
    return None if search is None else rounded(search, e)
