"""Where in a derivation the thing arises that a wrong answer lacks: "See step 3, the product rule."

The verdict is found first, from values alone; the derivation is only shown beside it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import Any

from matderiv.arguments import require_whole
from matderiv.bridge.sizes import filled_in
from matderiv.doors.derivation import Derivation
from matderiv.doors.derive import derive
from matderiv.errors import MatderivError, ShapeError
from matderiv.expr import Expr, is_, number, substitute, variable, variables, walk
from matderiv.input.conjugates import conjugate_name, is_complex, others_real
from matderiv.language.printer import text
from matderiv.lazy import np
from matderiv.numeric.check import MAX_POINTS, MAX_SEED
from matderiv.numeric.evaluate import Array
from matderiv.verification.claims import Asked, ask, read_answer
from matderiv.verification.equations import ChangeStatedError
from matderiv.verification.judging import POINTS
from matderiv.verification.mistakes.diagnose import sketched
from matderiv.verification.mistakes.edits import places
from matderiv.verification.valuation import Truths, Valuation, valuations
from matderiv.verification.verdict import DISPROVED, UNDECIDED, Verdict
from matderiv.verification.verifying import verify_asked
from matderiv.views.chain import chain
from matderiv.views.document import Document, Partial, Step
from matderiv.work import MILLION, bounded

DEEPEST = 50  # names inside names of a derivation that are written out
POINTS_COMPARED = 2
SEED = 0
ONE = number(1)
CLOSE = 1e-9  # values that differ by less are those of the same thing
VERIFIED = 5 * MILLION  # units of work
HEAVIEST = 400  # symbols of a line that is looked through


@bounded(VERIFIED)
def verify(
    f: Any,
    wrt: Any,
    answer: Any,
    *,
    shapes: Mapping[str, Any] | None = None,
    assume: Mapping[str, Any] | None = None,
    kind: str | None = None,
    order: int = 1,
    layout: str = "gradient",
    structure: str | None = None,
    upstream: str = "G",
    seed: int = 0,
    points: int = POINTS,
    diagnosis: bool = True,
) -> Verdict:
    """Whether `answer` is the derivative of f: proved, verified, disproved or undecided.

    The answer is text, a SymPy expression, or a function of a dictionary of arrays; f, wrt, shapes,
    assume, kind, order, layout, structure, upstream are as for `derive` (without `structure` both
    conventions count); `points` and `seed` of random numbers. Unless `diagnosis` is False it names
    a cause, and the step of `derive(...).steps()` that is missed. Sizes that do not fit disprove.

    >>> print(verify("norm2(A*x - b)^2", "x", "2*A'*(A*x - b)", shapes={"b": "m"}).verdict)
    proved
    >>> found = verify("sum(tanh(W*x))", "x", "W'*(1 - tanh(W*x).^3)")
    >>> print(found.message.partition(" The whole: ")[0])
    You wrote tanh(W*x).^3. With the exponent 2 it is right: tanh(W*x).^2.
    >>> found.message.endswith("See step 4, tanh.")
    True
    """
    require_whole(seed, "seed", 0, MAX_SEED)
    require_whole(points, "points", 1, MAX_POINTS)
    about: dict[str, Any] = {"kind": kind, "order": order, "layout": layout, "upstream": upstream}
    answer, how = filled_in(answer, [wrt]), {"seed": seed, "points": points, "diagnosis": diagnosis}
    declared = {"shapes": shapes, "assume": assume, "structure": structure}
    asked, verdict = _judged((f, wrt, answer), about, declared, how)
    if asked.entry is not None:
        return _in_names_typed(verdict, asked)
    return _beside(verdict, asked, answer, about)


def _judged(
    posed: tuple[Any, Any, Any],
    about: dict[str, Any],
    declared: dict[str, Any],
    how: dict[str, Any],
) -> tuple[Asked, Verdict]:
    """The verdict; for an answer df = 2*x'*dx that of a differential, if no kind was asked for."""
    f, wrt, answer = posed
    asked = ask(f, wrt, **declared, **about)
    try:
        return asked, verify_asked(asked, answer, **how)
    except ChangeStatedError:
        if about["kind"] is not None:
            raise
        about["kind"] = "differential"
        changed = ask(f, wrt, **declared, **about)
        with suppress(ShapeError):
            if changed.tangent not in variables(read_answer(changed, answer)):
                raise
        return changed, verify_asked(changed, answer, **how)


def _by_convention(verdict: Verdict, asked: Asked, answer: Any) -> Verdict:
    """Undecided where an answer about a complex z is right in another convention."""
    x = asked.wrt
    other = variable(conjugate_name(x.name), *x.params[1:])
    try:
        e = read_answer(asked, answer)
    except MatderivError:
        return verdict
    found = verify_asked(ask(others_real(asked.f), x), others_real(e), diagnosis=False)
    if found.correct:
        return Verdict(UNDECIDED, message=f"It is right for real names; {x.name} is complex here.")
    for real, by, factor in product((False, True), (x, other), (1, 2)):
        f, said = (others_real(a, x) if real else a for a in (asked.f, e))
        if not {*variables(said)} <= {*variables(f), by}:
            continue
        found = verify_asked(ask(factor * f, by), said, diagnosis=False)
        if found.correct:
            names = f"{'2 ' if factor == 2 else ''}∂f/∂{by.name}"
            message = f"It is {names}{', where all else is real' if real else ''}."
            return Verdict(UNDECIDED, message=f"{message} ∂f/∂{x.name} is asked for.")
    return verdict


def _in_names_typed(verdict: Verdict, asked: Asked) -> Verdict:
    """The verdict about an entry x_1 with x for the array that has moved by it."""
    name, array = asked.reading.parts[-1]
    shown = text(array)

    def typed(said: str) -> str:
        alone = re.sub(rf"(?<!\w)\({re.escape(shown)}\)", name, said)
        return alone.replace(shown, name)

    corrected = verdict.corrected
    if corrected is not None:
        corrected = substitute(corrected, {array: asked.reading.variables[name]})
    suggestion = typed(verdict.suggestion) if verdict.suggestion is not None else None
    message = typed(verdict.message)
    return replace(verdict, message=message, suggestion=suggestion, corrected=corrected)


def _beside(verdict: Verdict, asked: Asked, answer: Any, conventions: dict[str, Any]) -> Verdict:
    """The verdict with a step of our own derivation, where there is such a derivation."""
    if verdict.correct is False and is_complex(asked.wrt):
        return _by_convention(verdict, asked, answer)
    structure = asked.structure or "projected"
    no_step_is_wrong = verdict.corrected is None or verdict.diagnosis == "other-layout"
    if no_step_is_wrong or asked.order > 1 or asked.f.weight > HEAVIEST:
        return verdict
    try:
        derivation = derive(asked.f, asked.wrt, structure=structure, check=False, **conventions)
        return pointed(verdict, derivation, asked, *_parts(asked, answer))
    except MatderivError:
        return verdict


def _parts(asked: Asked, answer: Any) -> tuple[set[Expr], Expr | None]:
    """The parts of an answer, and the whole; where sizes do not fit, the parts with a shape."""
    try:
        e = read_answer(asked, answer)
        return set(walk(e)), e
    except ShapeError:
        root = sketched(asked, answer)
        spots = places(root) if root is not None else []
        return {s.expr for _, s in spots if s.expr is not None}, None


def pointed(
    verdict: Verdict,
    derivation: Derivation,
    asked: Asked,
    typed: set[Expr],
    answer: Expr | None = None,
) -> Verdict:
    """The verdict on a wrong answer, with the step where the correction comes from.

    `typed` are the parts of the answer, `answer` the whole if it has a shape. The same verdict
    where no step is found: for right answers, and corrections that the derivation spells otherwise.

    >>> from matderiv import derive
    >>> asked = ask("exp(b'*x)", "x")
    >>> found = verify_asked(asked, "b*exp(b'*x)")
    >>> pointed(found, derive("exp(b'*x)", "x"), asked, set()) is found
    True
    """
    corrected = verdict.corrected
    if verdict.verdict != DISPROVED or corrected is None:
        return verdict
    document = chain(derivation, check=False)  # it is named, not shown
    place = first_missed(document, asked, typed, corrected, verdict.part)
    part = verdict.part
    if place is None and part is not None and not is_(part, "variable", "number"):
        place = origin(document, part)
    if place is None and part is not None and is_(part, "number") and answer is not None:
        place = lost_number(document, asked, part, answer)
    if place is None:
        return verdict
    rule = document.steps[place - 1].rule
    said = f"See step {place}, {rule}." if rule else f"See step {place}."
    return replace(verdict, message=f"{verdict.message} {said}")


def first_missed(
    document: Document, asked: Asked, typed: set[Expr], corrected: Expr, part: Expr | None
) -> int | None:
    """The number of the first line whose value only the corrected answer has, compared in numbers.

    `typed` are the parts of the answer, `part` is new in the corrected one. What the line is made
    of must be in the answer, so that the mistake is in this line and in none before it; values of
    f that only come along with the new part do not count.
    """
    meanings = _meanings(document)
    at = list(valuations(asked, Truths.of(asked, "none"), POINTS_COMPARED, SEED, None))
    if not at:
        return None
    new = set(walk(corrected)) - typed
    around = _all_values(new - set(walk(part)) if part is not None else new, at)
    right, every = _all_values(typed, at), _all_values(new, at)
    for place, step, said in _told(document.steps[:-1]):
        value = _values_of(said, meanings, at)
        among = every if isinstance(step.left, Partial) else around
        if value is None or not _among(value, among) or _among(value, right):
            continue
        used = [_values_of(v, meanings, at) for v in variables(said) if v in meanings]
        certain = all(u is not None and _among(u, right) for u in used)
        return place if certain else None
    return None


def _told(steps: Sequence[Step]) -> Iterator[tuple[int, Step, Expr]]:
    """The lines that say the value of a name, or first a whole derivative, with their numbers."""
    for place, step in enumerate(steps, 1):
        again = step.continues or step.before is not None or step.rule.startswith("substitute back")
        local = isinstance(step.left, Partial) and step.left.local
        if isinstance(step.right, Expr) and not again and not local:
            yield place, step, step.right


def _values_of(
    e: Expr, meanings: dict[Expr, Expr], at: Sequence[Valuation]
) -> tuple[Array, ...] | None:
    written = _written_out(e, meanings)
    return None if written is None else _values(written, at)


def _values(e: Expr, at: Sequence[Valuation]) -> tuple[Array, ...] | None:
    """The values of a part at some points, as they are whether it is a row or a column."""
    if is_(e, "variable", "number", "size"):
        return None
    found = [v.value(e) for v in at]
    values = tuple(np.squeeze(a) for a in found if a is not None)
    return values if len(values) == len(at) else None


def _all_values(parts: set[Expr], at: Sequence[Valuation]) -> list[tuple[Array, ...]]:
    return [v for e in parts if (v := _values(e, at)) is not None]


def _among(value: tuple[Array, ...], values: Sequence[tuple[Array, ...]]) -> bool:
    return any(_equal(value, v) for v in values)


def _equal(a: tuple[Array, ...], b: tuple[Array, ...]) -> bool:
    return all(
        p.shape == q.shape and bool(np.abs(p - q).max() <= CLOSE * np.abs(p).max())
        for p, q in zip(a, b, strict=True)
    )


def origin(document: Document, part: Expr) -> int | None:
    """The number of the first line for a derivative that has a part in it; None if none has.

    Lines that only rearrange are left out, and parts that f itself has.
    """
    if part in set(walk(document.shown)):
        return None
    meanings = _meanings(document)
    for place, step, said in _told(document.steps[:-1]):
        if isinstance(step.left, Partial):
            written = _written_out(said, meanings)
            if written is not None and part in set(walk(written)):
                return place
    return None


def lost_number(document: Document, asked: Asked, factor: Expr, answer: Expr) -> int | None:
    """The number of the line that gives the answer when its factor is forgotten there."""
    meanings = _meanings(document)
    about = document.f, document.wrt
    told = [(s, e, s.left) for _, s, e in _told(document.steps) if isinstance(s.left, Partial)]
    wholes = [(s, e) for s, e, left in told if (left.of, left.by) == about]
    at = list(valuations(asked, Truths.of(asked, "none"), POINTS_COMPARED, SEED, answer))
    claimed = _values(answer, at)
    if not wholes or not at or claimed is None:
        return None
    last, whole = wholes[0]
    for place, step, said in _told(document.steps[:-1]):
        if not isinstance(step.left, Partial) or factor not in set(walk(said)):
            continue
        without = substitute(said, {factor: ONE})
        changed = {**meanings, step.names: without} if step.names is not None else meanings
        value = _values_of(without if step is last else whole, changed, at)
        if value is not None and _equal(value, claimed):
            return place
    return None


def _meanings(document: Document) -> dict[Expr, Expr]:
    """What the names of the derivation stand for."""
    found = {s.variable: s.of for s in document.symbols if s.role == "value"}
    for step in document.steps:
        if step.names is not None and isinstance(step.right, Expr):
            found.setdefault(step.names, step.right)
    return found


def _written_out(e: Expr, meanings: dict[Expr, Expr]) -> Expr | None:
    """A line in the user's names; None where that is too long to be looked through."""
    for _ in range(DEEPEST):
        if e.weight > HEAVIEST:
            return None
        if not any(v in meanings for v in variables(e)):
            return e
        e = substitute(e, meanings)
    return None
