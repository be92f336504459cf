"""A fact that was not declared, and under which an answer is right."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from matderiv.expr import Expr, is_, substitute, variable, variables, walk
from matderiv.verification.claims import Asked
from matderiv.verification.mistakes.diagnosis import Diagnosis
from matderiv.verification.mistakes.solving import POINTS, CauseSearch
from matderiv.words.chains import facts
from matderiv.work import remembered

NARROW = ("simplex", "labels", "orthogonal")
"""Facts that make an answer right by chance hardly ever."""
WIDE = ("symmetric", "skew", "diagonal", "positive", "binary", "onehot")
_SQUARE = ("symmetric", "skew", "diagonal", "orthogonal")
_SPACES = ("symmetric", "skew", "diagonal")
_IMPLIED = {"symmetric": {"posdef", "diagonal"}, "simplex": {"onehot"}, "positive": {"binary"}}


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
