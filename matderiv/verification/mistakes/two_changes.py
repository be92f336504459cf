"""The commonest pairs of mistakes: a transpose, an order or a product, and a sign or a factor.

A first change is tried at every place; what is left must be a factor of one term, which follows
from two evaluations, or another layout of the whole.
"""

from collections.abc import Callable, Iterator
from functools import partial

from matderiv.expr import Expr
from matderiv.verification.mistakes.diagnosis import Diagnosis, explained
from matderiv.verification.mistakes.edits import symmetric
from matderiv.verification.mistakes.families import FIRST
from matderiv.verification.mistakes.layouts import in_another_layout, scaled_by_number
from matderiv.verification.mistakes.one_change import Edits, named
from matderiv.verification.mistakes.sketch import Sketch, drawn
from matderiv.verification.mistakes.solving import CauseSearch

FIRSTS = 400  # first changes tried
TERMS = 1_000  # terms of answers with a first change whose factor is asked for
FAMILIES = (*FIRST, ("symmetric-shortcut", symmetric))


def two_changes(search: CauseSearch, root: Sketch) -> Diagnosis | None:
    """Two changes that make an answer right together; None where no common pair does.

    >>> asked = ask("norm2(A*x - b)^2", "x", shapes={"b": "m"})
    >>> search = CauseSearch.of(asked, None, 0)
    >>> print(two_changes(search, drawn(read_answer(asked, "(A*x - b)'*A"))).code)
    other-layout+factor
    """
    if root.expr is not None:
        turned = scaled_by_number(search, root.expr, turned=True)
        if turned is not None:
            return turned
    left = TERMS
    for whole_only in (True, False):
        for first, e in _firsts(search, root):
            if whole_only:
                second = in_another_layout(search, e) or scaled_by_number(search, e)
            else:
                edits = Edits(search, drawn(e))
                left -= len(edits.spots)
                second = edits.scaled([]) if left > 0 else None
            if second is not None and second.corrected is not None:
                return joined(first(), second)
    return None


def _firsts(search: CauseSearch, root: Sketch) -> Iterator[tuple[Callable[[], Diagnosis], Expr]]:
    """Answers with one change, and what would be said about it."""
    edits = Edits(search, root)
    edits.total = FIRSTS
    for code, family in FAMILIES:
        edits.left = FIRSTS
        for path, part, new, said, whole in edits.changes(family):
            e = whole.expr
            if e is not None:
                code_here = named(code, path, part, new)
                yield partial(explained, code_here, part.expr, new.expr, e, said), e


def joined(first: Diagnosis, second: Diagnosis) -> Diagnosis:
    """Two corrections as one diagnosis."""
    codes = dict.fromkeys([*first.code.split("+"), *second.code.split("+")])
    message = f"Two things are off. {first.change}. {second.change}."
    right = second.suggestion
    if right is not None and right not in message:
        message += f" The whole: {right}."
    return Diagnosis("+".join(codes), message, right, first.part, second.corrected)
