"""The verb `verify`: is a hand derivation right?"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from matderiv.arguments import fields_of
from matderiv.command import answer, batch, failures, homework
from matderiv.command.derive import json_text
from matderiv.command.failures import TimeLimitError, TimeUp, UsageError, limited
from matderiv.command.options import Request
from matderiv.command.question import TypedQuestion, conventions, spelled, understood
from matderiv.command.streams import Terminal
from matderiv.doors.verify import verify
from matderiv.verification.verdict import Verdict

EXAMPLE = '''matderiv verify "x'*A*x" x "(A + A')*x"'''


def run(request: Request, terminal: Terminal) -> int:
    """Answer `verify`: 0 for a right answer, 1 for a wrong one, 3 when undecided."""
    if request.batch is not None and Path(request.batch).is_dir():
        return homework.run_class(request, terminal)
    if request.batch is not None:
        return batch.run(request, terminal)
    if request.file is not None and not request.operands:
        return homework.run(request, terminal)
    request, claimed = _split(request)
    asked = understood(request)
    if not claimed.strip():
        raise UsageError("the answer is empty", hint=EXAMPLE)
    answer.heard(request, asked, terminal)
    claimed = spelled(request, claimed)
    how: dict[str, Any] = {**asked.declared, **conventions(request)}
    how |= {"seed": request.seed, "points": request.points}
    verdict: Verdict | None = None
    try:
        with limited(request.timeout):
            for causes in (False, True):
                if verdict is None or verdict.correct is False:
                    verdict = verify(asked.text, asked.wrt, claimed, diagnosis=causes, **how)
    except TimeUp as error:
        if verdict is None:
            raise TimeLimitError(
                f"no verdict within {request.timeout:g} s", hint="--timeout 0 for no limit"
            ) from error
        said = f"the search for the mistake was ended after {request.timeout:g} s"
        verdict = replace(verdict, notes=(*verdict.notes, said))
    assert verdict is not None
    terminal.result(_written(request, asked, claimed, verdict))
    return {True: failures.FINE, False: failures.WRONG, None: failures.UNSUPPORTED}[verdict.correct]


def _split(request: Request) -> tuple[Request, str]:
    """The question, and the answer that stands last."""
    wanted = 3 - (request.file is not None) - (request.wrt is not None)
    if len(request.operands) != wanted:
        raise UsageError(
            f"verify takes an expression, a variable and an answer; {len(request.operands)} "
            f"of {wanted} are given",
            hint=EXAMPLE if request.file is None else f"matderiv verify --file {request.file}",
        )
    return replace(request, operands=request.operands[:-1]), request.operands[-1]


def _written(request: Request, asked: TypedQuestion, claimed: str, verdict: Verdict) -> str:
    if request.json:
        return json_text(_document(asked, claimed, verdict, request.hint))
    return verdict.hint if request.hint else str(verdict)


def _document(asked: TypedQuestion, claimed: str, verdict: Verdict, hint: bool) -> dict[str, Any]:
    """The verdict with its stable code, for programs; as a hint without what would be right."""
    found = None if hint else verdict.counterexample
    example = None
    if found is not None:
        example = {"sizes": dict(found.sizes), **fields_of(found, "entry claimed truth seed")}
    return {
        "schema": failures.SCHEMA,
        "expression": asked.text,
        "wrt": asked.wrt,
        "answer": claimed,
        **fields_of(verdict, "verdict correct diagnosis"),
        "message": verdict.hint if hint else verdict.message,
        "suggestion": None if hint else verdict.suggestion,
        "counterexample": example,
        "notes": [] if hint else list(verdict.notes),
    }
