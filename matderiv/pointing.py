"""Where in a derivation the thing arises that a wrong answer lacks: "See step 3, the product rule."

The verdict is found first, from values alone; the derivation is only shown beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from matderiv.api import derive
from matderiv.derived import Derivation
from matderiv.errors import MatderivError
from matderiv.expr import Expr, is_, substitute, variables, walk
from matderiv.verification.claims import Asked, ask
from matderiv.verification.judging import POINTS
from matderiv.verification.verdict import DISPROVED, Verdict
from matderiv.verification.verifying import verify_asked
from matderiv.views.chain import chain
from matderiv.views.document import Document, Partial

DEEPEST = 50  # names inside names of a derivation that are written out
HEAVIEST = 400  # symbols of a line that is looked through


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

    The arguments are those of `derive`; the answer is text, a SymPy expression, or a function of a
    dictionary of arrays. Without `structure` both textbook conventions for a structured variable
    count (projected, independent entries). The message on a wrong answer names the step of
    `derive(...).steps()` that it misses, where there is one. Raises what reading the texts raises,
    but an answer whose sizes do not fit is disproved.

    >>> print(verify("norm2(A*x - b)^2", "x", "2*A'*(A*x - b)", shapes={"b": "m"}).verdict)
    proved
    >>> found = verify("sum(tanh(W*x))", "x", "W'*(1 - tanh(W*x).^3)")
    >>> print(found.message.partition(" The whole: ")[0])
    You wrote tanh(W*x).^3. With the exponent 2 it is right: tanh(W*x).^2.
    >>> found.message.endswith("See step 4, tanh.")
    True
    """
    about: dict[str, Any] = {"kind": kind, "order": order, "layout": layout, "upstream": upstream}
    asked = ask(f, wrt, shapes=shapes, assume=assume, structure=structure, **about)
    verdict = verify_asked(asked, answer, seed=seed, points=points, diagnosis=diagnosis)
    if verdict.part is None or asked.order > 1 or asked.f.weight > HEAVIEST:
        return verdict
    return _beside(verdict, asked, about)


def _beside(verdict: Verdict, asked: Asked, conventions: dict[str, Any]) -> Verdict:
    """The verdict with a step of our own derivation, where there is such a derivation."""
    structure = asked.structure or "projected"
    try:
        derivation = derive(asked.f, asked.wrt, structure=structure, **conventions)
        return pointed(verdict, derivation)
    except MatderivError:
        return verdict


def pointed(verdict: Verdict, derivation: Derivation) -> Verdict:
    """The verdict on a wrong answer, with the step where the correction comes from.

    The same verdict where no step is found: for right answers, and corrections that are spelled
    otherwise in the derivation.

    >>> from matderiv import derive, verify
    >>> found = verify_asked(ask("exp(b'*x)", "x"), "exp(b'*x)", diagnosis=True)
    >>> pointed(found, derive("exp(b'*x)", "x")) is found
    True
    """
    if verdict.verdict != DISPROVED or verdict.part is None or is_(verdict.part, "variable"):
        return verdict
    document = chain(derivation, check=False)  # it is named, not shown
    number = origin(document, verdict.part)
    if number is None:
        return verdict
    rule = document.steps[number - 1].rule
    said = f"See step {number}, {rule}." if rule else f"See step {number}."
    return replace(verdict, message=f"{verdict.message} {said}")


def origin(document: Document, part: Expr) -> int | None:
    """The number of the first line for a derivative that has a part in it; None if none has.

    Lines that only rearrange are left out, and parts that f itself has.
    """
    if part in set(walk(document.shown)) and not is_(part, "number"):
        return None
    meanings = _meanings(document)
    for number, step in enumerate(document.steps[:-1], 1):
        if not isinstance(step.left, Partial) or not isinstance(step.right, Expr):
            continue
        if step.left.local or step.continues or step.before is not None:
            continue
        if not step.rule or step.rule.startswith("substitute back"):
            continue
        written = _written_out(step.right, meanings)
        if written is not None and _occurs(part, written):
            return number
    return None


def _occurs(part: Expr, e: Expr) -> bool:
    """True if an expression has the part; a number counts as a factor only."""
    if is_(part, "number"):
        return any(part in n.args for n in walk(e) if is_(n, "mul", "hadamard"))
    return part in set(walk(e))


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
