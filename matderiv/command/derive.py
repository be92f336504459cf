"""The verbs `derive` and `check`."""

from __future__ import annotations

import json
import time
from typing import Any

from matderiv.api import Derivation
from matderiv.command import answer, failures
from matderiv.command.failures import InternalError
from matderiv.command.interrupts import TimeUp, limited
from matderiv.command.options import Request
from matderiv.command.question import Asked, checked, derived, understood
from matderiv.command.streams import Terminal, refuse_to_overwrite, write_file
from matderiv.errors import LimitError
from matderiv.report import CheckReport


class TimeLimitError(LimitError):
    """The time limit was reached before there was a result."""

    code = "time"


def run(request: Request, terminal: Terminal, reading_done: list[bool]) -> int:
    """Answer `derive` or `check`; the exit code. `reading_done` gets True after the input is read.

    Raises MatderivError for bad input, unsupported functions and limits, InternalError when the
    result contradicts the numbers.
    """
    started = time.monotonic()
    output = request.values.get("output")
    if output is not None:
        refuse_to_overwrite(output, force=request.force)
    try:
        with limited(request.timeout):
            asked = understood(request)
            reading_done.append(True)
            if not request.json:
                _remarks(answer.reading_remarks(asked.reading), terminal)
            derivation = derived(request, asked)
            result = _result(request, derivation)
    except TimeUp as error:
        raise TimeLimitError(
            f"no result within {request.timeout:g} s", hint="--timeout 0 for no limit"
        ) from error
    report = None
    if not request.values.get("no_check"):
        left = request.timeout and max(request.timeout - (time.monotonic() - started), 0.1)
        report = checked(derivation, request, left)
    if report is not None and report.verdict == "disproved":
        raise _contradicted(report)
    return _told(request, terminal, asked, derivation, report, result)


def _result(request: Request, derivation: Derivation) -> str:
    if request.verb == "check" or request.json:
        return ""
    return answer.printed(derivation, request.format)


def _told(
    request: Request,
    terminal: Terminal,
    asked: Asked,
    derivation: Derivation,
    report: CheckReport | None,
    result: str,
) -> int:
    if request.json:
        result = json_text(answer.document(asked, derivation, report))
    elif request.verb == "check":
        assert report is not None
        terminal.remark("Result", str(derivation))
        result = "\n".join(answer.report_lines(derivation, report))
    _deliver(request, terminal, result)
    if not request.json:
        _remarks(answer.result_remarks(derivation, asked.reading), terminal)
        if request.verb == "derive":
            terminal.remark("Checked", answer.check_sentence(report))
    return _status(report)


def _deliver(request: Request, terminal: Terminal, result: str) -> None:
    output = request.values.get("output")
    if output is None:
        terminal.result(result)
    else:
        write_file(output, result, force=request.force)


def _status(report: CheckReport | None) -> int:
    if report is None or report.verdict == "verified":
        return failures.FINE
    late = any(note.startswith("not finished within") for note in report.notes)
    return failures.BUDGET if late else failures.UNSUPPORTED


def _remarks(remarks: list[answer.Remark], terminal: Terminal) -> None:
    for label, said in remarks:
        terminal.remark(label, said)


def _contradicted(report: CheckReport) -> InternalError:
    """The engine's own result failed: it is not shown."""
    return InternalError(
        "the derivative that was found does not agree with numbers and is not shown",
        details=(str(report), *report.notes),
    )


def json_text(document: dict[str, Any]) -> str:
    """A JSON document in ASCII, so that it arrives everywhere."""
    return json.dumps(document, indent=2, allow_nan=False)
