"""Which additive terms of an answer are right, and which are missing."""

from collections.abc import Iterator
from dataclasses import dataclass

from matderiv.expr import Expr, apply, fold, is_, rebuild
from matderiv.language.printer import text
from matderiv.lazy import np
from matderiv.shapes import is_scalar
from matderiv.verification.mistakes.diagnosis import Diagnosis, short
from matderiv.verification.mistakes.proposals import right_forms
from matderiv.verification.mistakes.solving import CauseSearch
from matderiv.verification.mistakes.tidying import tidied

ADDENDS = 50  # terms into which a formula is multiplied out


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
            missing = tidied(_sum(found.missing))
            corrected = tidied(_sum([e, missing]))
            if search.holds(corrected) and search.confirmed(corrected):
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
            instead = tidied(_sum(found.missing)) if found.missing else None
            corrected = tidied(_sum([*found.good, *found.missing]))
            if not search.holds(corrected) or not search.confirmed(corrected):
                return Diagnosis("term", message)
            if instead is not None:
                message += f" Right there: {short(text(instead))}."
            return Diagnosis("term", message, text(corrected), instead, corrected)
    return None


def _comparisons(search: CauseSearch, e: Expr) -> Iterator[ComparedTerms]:
    """The answer's terms beside those of the derivative, multiplied out in full and a little."""
    for terms_of in (all_addends, addends):
        for form in right_forms(search):
            left = terms_of(form)
            good: list[Expr] = []
            bad: list[Expr] = []
            for t in terms_of(e):
                match = next((r for r in left if _same(search, t, r)), None)
                if match is not None:
                    left.remove(match)
                (bad if match is None else good).append(t)
            if good:
                yield ComparedTerms(good, bad, left)


def _sum(terms: list[Expr]) -> Expr:
    return terms[0] if len(terms) == 1 else apply("add", *terms)


def addends(e: Expr) -> list[Expr]:
    """The terms of a formula; a scalar times a sum is multiplied out."""
    found: list[Expr] = []
    stack = [(e, False)]
    while stack:
        node, negative = stack.pop()
        if is_(node, "neg"):
            stack.append((node.args[0], not negative))
        elif is_(node, "add"):
            stack += [(a, negative) for a in reversed(node.args)]
        elif len(found) + len(stack) < ADDENDS and (spread := _scaled_sum(node)):
            stack += [(a, negative) for a in reversed(spread)]
        else:
            found.append(-node if negative else node)
    return found


def _scaled_sum(node: Expr) -> list[Expr]:
    """The terms of a scalar times a sum; empty for anything else."""
    if not is_(node, "mul", "hadamard") or not is_scalar(node.args[0].shape):
        return []
    for k, a in enumerate(node.args):
        if k and is_(a, "add") and all(t.shape == a.shape for t in a.args):
            if all(is_scalar(b.shape) for j, b in enumerate(node.args) if j != k):
                return _opened(node, k)
    return []


def all_addends(e: Expr) -> list[Expr]:
    """The terms of a formula with all its products multiplied out, as far as there are not many."""
    spine, stack = set(), [e]
    while stack:
        node = stack.pop()
        if node not in spine and is_(node, "add", "neg", *_LINEAR):
            spine.add(node)
            stack += node.args if is_(node, "add") else node.args[: _places(node)]

    def visit(node: Expr, args: tuple[Expr, ...]) -> Expr:
        if node not in spine or is_(node, "add"):
            return rebuild(node, args)
        for k, a in enumerate(args[: _places(node)]):
            terms = addends(a)
            even = is_(node, "hadamard", "ediv") or all(t.shape == a.shape for t in terms)
            if 1 < len(terms) <= ADDENDS and even:
                return _sum([visit(node, (*args[:k], t, *args[k + 1 :])) for t in terms])
        return rebuild(node, args)

    return addends(fold(e, visit))


_LINEAR = ("mul", "hadamard", "div", "ediv", "transpose", "sum", "diag")


def _places(node: Expr) -> int:
    """How many arguments a linear function is linear in, one by one."""
    return len(node.args) if is_(node, "mul", "hadamard") else 1


def _opened(node: Expr, k: int) -> list[Expr]:
    rest = ((*node.args[:k], t, *node.args[k + 1 :]) for t in node.args[k].args)
    return [apply(node.function.name, *r, params=node.params) for r in rest]


def _same(search: CauseSearch, a: Expr, b: Expr) -> bool:
    for v in search.points:
        left, right = v.value(a), v.value(b)
        if left is None or right is None or left.shape != right.shape:
            return False
        if np.abs(left - right).max() > search.tolerance * max(np.abs(left).max(), 1e-300):
            return False
    return True
