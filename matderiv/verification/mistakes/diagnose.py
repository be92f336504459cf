"""What is wrong with an answer that is not the derivative: the whole, one change, a fact, two.

Everything is found out in numbers and passes the whole verification before it is said. The
symbolic derivative only proposes terms and factors; it never decides.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from matderiv.expr import Expr, is_, substitute, variable, variables, walk
from matderiv.input.answers import answer_source
from matderiv.lazy import np, quiet
from matderiv.solving.affine import addends
from matderiv.verification.claims import Asked
from matderiv.verification.mistakes.changes import Edits, lacking, two_changes
from matderiv.verification.mistakes.confusions import right_form
from matderiv.verification.mistakes.diagnosis import Diagnosis, naming, short, spelled, tidied
from matderiv.verification.mistakes.edits import Sketch, drawn, from_source
from matderiv.verification.mistakes.layouts import (
    in_another_layout,
    on_the_diagonal,
    rounded,
    scaled_by_number,
)
from matderiv.verification.mistakes.solving import POINTS, CauseSearch
from matderiv.words.chains import facts
from matderiv.words.signs import total
from matderiv.work import MILLION, WorkLimit, bounded, remembered

NARROW = ("simplex", "labels", "orthogonal")
"""Facts that make an answer right by chance hardly ever."""
WIDE = ("symmetric", "skew", "diagonal", "positive", "binary", "onehot")
_SQUARE = ("symmetric", "skew", "diagonal", "orthogonal")
_SPACES = ("symmetric", "skew", "diagonal")
_IMPLIED = {"symmetric": {"posdef", "diagonal"}, "simplex": {"onehot"}, "positive": {"binary"}}
MOST = 2 * MILLION  # units of work of one search


def needed_fact(search: CauseSearch, e: Expr, words: Sequence[str]) -> Diagnosis | None:
    """The fact about one variable under which the answer is right; None where none helps.

    >>> asked = ask("-y'*log_softmax(z)", "z")
    >>> search, e = CauseSearch.of(asked, None, 0), read_answer(asked, "softmax(z) - y")
    >>> print(needed_fact(search, e, NARROW).message)
    Right if the entries of y sum to 1: declare y: simplex or onehot.
    """
    for v, word in _candidates(search.asked, words):
        known = variable(v.name, v.shape, (*facts(v), word))
        asked = _with(search.asked, v, known)
        claimed = substitute(e, {v: known})
        structures = (None, "independent") if known is asked.wrt and word in _SQUARE else (None,)
        for structure in structures:
            for count in (1, POINTS):  # most facts are refused at the first point
                again = CauseSearch.at(asked, claimed, search.seed, structure, count)
                if again is None or not again.holds(claimed):
                    break
            else:
                if again is not None and again.confirmed(claimed):
                    return _said(v, word, structure)
    return None


def _candidates(asked: Asked, words: Sequence[str]) -> Iterator[tuple[Expr, str]]:
    """Variables of f with facts that they may have and were not declared to have."""
    for word in words:
        for v in variables(asked.f):
            declared = word in facts(v) or facts(v) & _IMPLIED.get(word, set())
            moves = v is asked.wrt and word not in _SPACES  # then the fact does not hold for long
            if not declared and not moves and _fits(word, v, asked.f):
                yield v, word


def _fits(word: str, v: Expr, f: Expr) -> bool:
    """True if a variable of this shape can have the fact, and f does not speak against it."""
    if word in _SQUARE:
        return len(v.shape) == 2 and v.shape[0] == v.shape[1]
    if word in ("simplex", "onehot"):
        return len(v.shape) in (1, 2) and not _summed(v, f)
    return word == "positive" or bool(v.shape)


def _summed(v: Expr, f: Expr) -> bool:
    """True if f itself has the sum of a variable, which nobody writes where it is 1."""
    return any(is_(e, "sum", "mean") and e.args[0] is v for e in walk(f))


def _with(asked: Asked, v: Expr, known: Expr) -> Asked:
    """The same question about a variable with a fact."""
    named = {**asked.reading.variables, v.name: known}
    f = remembered(asked.f.cache, (v, known), lambda: substitute(asked.f, {v: known}))
    return replace(
        asked,
        f=f,  # lives with f, and so does what is known of it
        wrt=known if asked.wrt is v else asked.wrt,
        reading=replace(asked.reading, variables=named),
    )


def _said(v: Expr, word: str, structure: str | None) -> Diagnosis:
    name, matrix = v.name, len(v.shape) > 1
    entries = f"the entries of {name}"
    meaning = {
        "simplex": f"each row of {name} sums to 1" if matrix else f"{entries} sum to 1",
        "onehot": f"each row of {name} is one-hot" if matrix else f"{name} is one-hot",
        "labels": f"{entries} are 1 and -1" if v.shape else f"{name} is 1 or -1",
        "binary": f"{entries} are 0 and 1" if v.shape else f"{name} is 0 or 1",
        "positive": f"{entries} are positive" if v.shape else f"{name} is positive",
    }.get(word, f"{name} is {word}")
    how = ", as the derivative by its independent entries" if structure else ""
    also = " or onehot" if word == "simplex" else ""
    return Diagnosis("needs-fact", f"Right if {meaning}{how}: declare {name}: {word}{also}.")


def missing_terms(search: CauseSearch, e: Expr) -> Diagnosis | None:
    """The terms that are missing where all of the answer's own are right."""
    good, bad, missing = _compared(search, e)
    return lacking(search, e, total(missing)) if good and missing and not bad else None


def off_terms(search: CauseSearch, e: Expr) -> Diagnosis | None:
    """Which terms are right and which are not, when no correction has been found."""
    good, bad, missing = _compared(search, e)
    if not good or not bad:
        return None
    agree, off = (", ".join(short(spelled(t)) for t in terms) for terms in (good, bad))
    message = f"The term {agree} is right; look again at {off}."
    instead = tidied(total(missing)) if missing else None
    corrected = tidied(total([*good, *missing]))
    if not search.right(corrected):
        return Diagnosis("term", message)
    if instead is not None:
        message += f" Right there: {short(spelled(instead))}."
    return Diagnosis("term", message, spelled(corrected), instead, corrected)


def _compared(search: CauseSearch, e: Expr) -> tuple[list[Expr], list[Expr], list[Expr]]:
    """The terms of an answer that are right, those that are not, and those that are missing."""
    good: list[Expr] = []
    bad: list[Expr] = []
    form = right_form(search)
    left = [] if form is None else addends(form, wide=True)
    for t in addends(e, wide=True):
        match = next((r for r in left if _same(search, t, r)), None)
        if match is not None:
            left.remove(match)
        (bad if match is None else good).append(t)
    return good, bad, left


def _same(search: CauseSearch, a: Expr, b: Expr) -> bool:
    for v in search.points:
        left, right = v.value(a), v.value(b)
        if left is None or right is None or left.shape != right.shape:
            return False
        if np.abs(left - right).max() > search.tolerance * max(np.abs(left).max(), 1e-300):
            return False
    return True


@quiet()
def diagnose(asked: Asked, e: Expr, *, seed: int = 0) -> Diagnosis | None:
    """What is wrong with an answer that is not the derivative; None if nothing can be said.

    Nor where the search for it takes too much work.

    >>> asked = ask("norm2(A*x)^2", "x")
    >>> print(diagnose(asked, read_answer(asked, "A'*A*x")).message)
    Your answer is off by a factor: multiplied by 2 it is right, 2*A'*A*x.
    """
    with suppress(WorkLimit), bounded(MOST), naming(asked.reading.parts):
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


def sketched(asked: Asked, answer: Any) -> Sketch | None:
    """The tree of a typed answer, whether its sizes fit or not; None where there is none."""
    if not isinstance(answer, str):
        return None
    known = {**asked.reading.variables, **dict(asked.reading.parts), **asked.extra}
    source = answer_source(answer, asked.reading, asked.extra)
    return None if source is None else from_source(source, known)


@quiet()
def diagnose_sketch(asked: Asked, root: Sketch | None, *, seed: int = 0) -> Diagnosis | None:
    """The same for a typed tree whose sizes do not fit together; None for none."""
    with suppress(WorkLimit), bounded(MOST), naming(asked.reading.parts):
        search = None if root is None else CauseSearch.of(asked, None, seed)
        if search is None or root is None:
            return None
        edits = Edits(search, root)
        return edits.likely() or edits.further() or two_changes(search, root)
    return None


def decimals(asked: Asked, e: Expr, *, seed: int = 0) -> Diagnosis | None:
    """That decimals stand for fractions; None if reading them so makes no right answer."""
    search = CauseSearch.of(asked, e, seed)
    return None if search is None else rounded(search, e)
