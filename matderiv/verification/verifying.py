"""verify: is an answer the derivative? Everything here rests on values of f alone.

Shapes first, then the exact identity test, then complex steps and central differences at points
that hide nothing. No symbolic rule is asked, so a wrong rule cannot approve a wrong answer.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from matderiv.calculus.structure import linear_structure
from matderiv.errors import MatderivError, ParseError, ShapeError, UnknownName, UnknownSize
from matderiv.expr import Expr, fold, is_, rebuild, variables
from matderiv.input.spelling import Spelled
from matderiv.language.printer import text
from matderiv.shapes import shape_text
from matderiv.verification.claims import (
    DIRECTIONAL,
    Asked,
    Claim,
    claims,
    conventional,
    expected_shape,
    in_entries,
    of_function,
    read_sides,
)
from matderiv.verification.equations import SomeEntriesError
from matderiv.verification.guesses import (
    adds_numbers,
    arrays_instead,
    as_numbers,
    as_numbers_said,
    matrices_as_numbers,
    right_with,
    sizes_named,
    turns_numbers,
)
from matderiv.verification.judging import (
    POINTS,
    Finding,
    counterexample,
    difference,
    faint,
    judged,
    method,
)
from matderiv.verification.mistakes.diagnose import decimals, diagnose, diagnose_sketch, sketched
from matderiv.verification.mistakes.diagnosis import Diagnosis
from matderiv.verification.mistakes.layouts import diagonals, layout_of, turned_of
from matderiv.verification.some_entries import about
from matderiv.verification.verdict import DISPROVED, UNDECIDED, VERIFIED, Verdict
from matderiv.work import MILLION, WorkLimit, bounded

_OF_MATRICES = (
    "right in the text language, where * is the product of matrices; in NumPy it is of entries"
)
OTHER_KINDS = 2 * MILLION  # units of work for answers to what f may mean too
_SPREAD = r"right if the number is added to each entry, which LaTeX says by \mathbf{1}"
_NUMPY = re.compile(r"@|\.T\b|\*\*|\b(?:np|torch|F)\.")


def verify_asked(
    asked: Asked, answer: Any, *, seed: int = 0, points: int = POINTS, diagnosis: bool = True
) -> Verdict:
    """Whether `answer` is the derivative asked for; one question may be asked of many answers.

    The answer is text, a SymPy expression, or a function of a dictionary of arrays.

    >>> asked = ask("x'*A*x", "x")
    >>> verify_asked(asked, "(A + A')*x").verdict, verify_asked(asked, "2*A*x").diagnosis
    ('proved', 'symmetric-shortcut')
    """
    if callable(answer) and not hasattr(answer, "free_symbols"):
        return _concluded(asked, of_function(asked, answer), seed, points, False)
    again = partial(verify_asked, seed=seed, points=points, diagnosis=diagnosis)
    try:
        *others, e = read_sides(asked, answer)
    except SomeEntriesError as error:
        narrower = about(asked, error)
        narrowed = again(narrower, answer, diagnosis=False) if narrower is not None else None
        if narrowed is None or narrowed.diagnosis == "shape":
            raise
        return narrowed
    except (ShapeError, UnknownName, ParseError) as error:
        fitting = isinstance(error, ShapeError)
        if isinstance(answer, str) and (named := _with_its_sizes(asked, answer, again)):
            return named
        if isinstance(error, ParseError):
            raise
        if unjudged := _other_kinds(asked, answer, again if fitting else None):
            return unjudged
        if not fitting or isinstance(error, UnknownSize):
            raise
        found = diagnose_sketch(asked, sketched(asked, answer), seed=seed) if diagnosis else None
        return _misfit(asked, str(error), found)
    for side in others:
        verdict = again(asked, side)
        if not verdict.correct:
            return replace(verdict, message=f"The side {text(side)}: {verdict.message}")
    return _of_side(asked, e, answer, seed, points, diagnosis)


def _with_its_sizes(asked: Asked, answer: str, again: Callable[..., Verdict]) -> Verdict | None:
    """The verdict where the sums of an answer name sizes that the question leaves unsaid."""
    found = None
    for other in sizes_named(asked, answer):
        with suppress(ShapeError, UnknownName, ParseError):
            read_sides(other, answer)
            found = again(other, answer)
            if found.correct:
                break
    return found


def _of_side(
    asked: Asked, e: Expr, answer: Any, seed: int, points: int, diagnosis: bool
) -> Verdict:
    """The verdict on the last side of an answer, with other kinds of names where it is wrong."""
    again = partial(verify_asked, seed=seed, points=points, diagnosis=diagnosis)
    typed = answer if isinstance(answer, str) else text(e)
    if isinstance(answer, str) and ("otimes" in answer or "⊗" in answer):
        outer = fold(e, _outer)
        if outer is not e and (verdict := again(asked, outer)).correct:
            return replace(verdict, notes=(*verdict.notes, "taking a ⊗ b as a*b'"))
    readings = claims(asked, e, typed)
    if not readings:
        if unjudged := _other_kinds(asked, answer, again):
            return unjudged
        found = diagnose(asked, e, seed=seed) if diagnosis else None
        return _misfit(asked, f"the answer is {shape_text(e.shape)}, {_wanted(asked)}", found)
    verdict = _concluded(asked, readings[0], seed, points, diagnosis)
    if verdict.verdict == DISPROVED:
        return _other_kinds(asked, answer) or verdict
    if verdict.correct and turns_numbers(asked, typed):
        return Verdict(UNDECIDED, message="right if what it transposes is a number")
    if verdict.correct and isinstance(answer, str) and adds_numbers(asked, e, answer):
        return Verdict(UNDECIDED, message=_SPREAD)
    return verdict


def _outer(node: Expr, args: tuple[Expr, ...]) -> Expr:
    """The outer product for ⊗ of two vectors."""
    if is_(node, "kron") and all(len(a.shape) == 1 for a in args):
        return args[0] @ args[1].T
    return rebuild(node, args)


def _of_numbers(asked: Asked, answer: str, again: Callable[..., Verdict]) -> Verdict | None:
    """The verdict with numbers in place of guessed vectors, where only so the answer fits."""
    other = as_numbers(asked)
    if other is None:
        return None
    try:
        verdict = again(other, answer)
    except MatderivError:
        return None
    names = sorted(v.name for v in variables(asked.f) if v.shape)
    return replace(verdict, notes=(f"taking {as_numbers_said(names)}", *verdict.notes))


def _in_text(asked: Asked, answer: str, again: Callable[..., Verdict]) -> Verdict | None:
    """An open verdict where an answer is right in the text language, and does not fit as NumPy.

    >>> verify_asked(ask("np.sum(relu(W @ x + b))", "b"), "step(W*x + b)").message
    'right in the text language, where * is the product of matrices; in NumPy it is of entries'
    """
    if asked.reading.spelling != "python" or isinstance(answer, Spelled) or _NUMPY.search(answer):
        return None
    with suppress(MatderivError):
        if again(asked, Spelled(answer, "text")).correct:
            return Verdict(UNDECIDED, message=_OF_MATRICES)
    return None


def _other_kinds(
    asked: Asked, answer: Any, again: Callable[..., Verdict] | None = None
) -> Verdict | None:
    """Another verdict where a kind that was guessed is behind everything.

    Right where it is right for numbers by their letter that are vectors by their use, and open
    where it would be for vectors. `again` judges an answer that does not fit as it is.
    """
    fitting = again is not None
    if not isinstance(answer, str) or (asked.entry is not None and not fitting):
        return None
    if again is not None and (found := _of_numbers(asked, answer, again)):
        return found
    if again is not None and (found := _in_text(asked, answer, again)):
        return found
    try:
        with bounded(OTHER_KINDS):
            if note := right_with(asked, answer, fitting=fitting):
                return Verdict(VERIFIED, message=f"Right with {note}.", notes=(f"taking {note}",))
            message = arrays_instead(asked, answer, fitting=fitting)
    except WorkLimit:
        message = "other kinds of its names were not tried: too much work"
    return Verdict(UNDECIDED, message=message) if message else None


def _wanted(asked: Asked) -> str:
    """The shape of the derivative: all its axes, and as it is written with two."""
    kind = asked.kind if asked.order < 3 else "derivative"
    axes = tuple(s for group in asked.groups for s in group if s != 1)
    written = expected_shape(asked)
    if len(asked.groups) != 2 or len(axes) <= len(written):
        return f"the {kind} is {shape_text(written)}"
    return f"the {kind} is {shape_text(axes)}, as a matrix (vec) {shape_text(written)}"


def _misfit(asked: Asked, message: str, found: Diagnosis | None) -> Verdict:
    """The verdict on an answer of another shape, with what may be behind that."""
    notes = [
        f'{name} is taken as a scalar; for a vector: shapes={{"{name}": "n"}}, --shape "{name}: n"'
        for name, v in asked.reading.variables.items()
        if name in asked.reading.guessed and not v.shape
    ]
    if asked.kind == "jacobian" and not asked.upstream and len(asked.wrt.shape) > 1:
        notes.append('what backpropagation hands back, for an upstream G: kind="vjp", --kind vjp')
    verdict = Verdict(DISPROVED, "shape", message, notes=tuple(notes))
    if found is None:
        return verdict
    return replace(_with(verdict, found), message=f"{message}\n  {found.message}")


def _concluded(asked: Asked, claim: Claim, seed: int, points: int, diagnosis: bool) -> Verdict:
    structured = asked.kind not in DIRECTIONAL and linear_structure(asked.wrt) is not None
    structure = asked.structure or "projected"
    found = judged(claim, structure, seed=seed, points=points)
    lowered = matrices_as_numbers(asked)
    notes = [f"taking {as_numbers_said(lowered)}"] if lowered else []
    if asked.structure is None and structured and found.verdict == DISPROVED:
        told = asked.wrt.name in asked.reading.told  # nobody declared the structure
        for name in ("independent", "none") if told else ("independent",):
            other = judged(claim, name, seed=seed, points=points)
            if other.right:
                found = other
                notes.append(_STRUCTURED[name].format(asked.wrt.name))
                break
    if found.verdict == DISPROVED:
        return _disproved(asked, claim, found, structured, seed, diagnosis)
    if not conventional(asked, claim.layout) and found.verdict != UNDECIDED:
        return _other_layout(asked, claim, found)
    verdict = Verdict(found.verdict, message=method(found), notes=tuple(notes))
    return replace(verdict, report=found.report, exact=found.exact)


_SWAPPED = "The indices of one side are in the wrong order: with them swapped it is right."
_STRUCTURED = {
    "independent": "this is the derivative by the independent entries of {0} (2G - G.*I form)",
    "projected": "this is the projected derivative, (G + G')/2 for a symmetric {0}",
    "none": "this is the unconstrained derivative, not projected on the space of {0}",
}


def _other_layout(asked: Asked, claim: Claim, found: Finding) -> Verdict:
    wanted = shape_text(expected_shape(asked))
    turned = None if claim.expr is None else turned_of(claim.expr)
    given = "" if claim.expr is None else f": {shape_text(claim.expr.shape)} for {wanted}"
    return Verdict(
        DISPROVED,
        "other-layout",
        f"Right in another layout. This is {layout_of(asked, claim.layout)}{given}.",
        report=found.report,
        exact=found.exact,
        suggestion=None if turned is None else text(turned),
    )


def _disproved(
    asked: Asked, claim: Claim, found: Finding, structured: bool, seed: int, diagnosis: bool
) -> Verdict:
    shown = counterexample(found, seed)
    message = "No single change and no common pair of changes makes it right."
    if shown is None or faint(found):
        message = difference(found) if found.sharp is not None else method(found)
    verdict = Verdict(
        DISPROVED, message=message, counterexample=shown, report=found.report, exact=found.exact
    )
    if not diagnosis or claim.expr is None:
        return replace(verdict, message="" if shown is not None else method(found))
    explained = _explained(asked, claim.expr, faint(found), seed)
    if explained and explained.code == "other-layout" and in_entries(asked, claim.typed):
        explained = replace(explained, code="transpose", message=_SWAPPED)
    if structured:
        for name in ("projected", "independent", "none"):
            if name != asked.structure and judged(claim, name, seed=seed).right:
                how = _STRUCTURED[name].format(asked.wrt.name)
                return replace(verdict, diagnosis="other-convention", message=f"Here {how}.")
    return verdict if explained is None else _with(verdict, explained)


def _explained(asked: Asked, e: Expr, faint: bool, seed: int) -> Diagnosis | None:
    """The cause of a mistake; of one that ordinary numbers do not show only a rounded constant."""
    if faint:
        return decimals(asked, e, seed=seed)
    return diagonals(asked, e, seed) or diagnose(asked, e, seed=seed)


def _with(verdict: Verdict, found: Diagnosis) -> Verdict:
    return replace(
        verdict,
        diagnosis=found.code,
        message=found.message,
        suggestion=found.suggestion,
        part=found.part,
        corrected=found.corrected,
    )
