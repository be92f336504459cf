"""The verbs `derive` and `check`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from matderiv.api import Derivation
from matderiv.command import answer, failures
from matderiv.command.failures import InternalError, TimeLimitError
from matderiv.command.interrupts import TimeUp, limited
from matderiv.command.options import Request
from matderiv.command.question import LATE, Asked, checked, derived, understood
from matderiv.command.streams import Terminal, refuse_to_overwrite, write_file
from matderiv.numeric.report import CheckReport


@dataclass(frozen=True)
class Answer:
    """A derivation with everything that is told about it except its check."""

    asked: Asked
    derivation: Derivation
    text: str
    remarks: tuple[answer.Remark, ...]
    document: dict[str, Any]


def run(request: Request, terminal: Terminal, reading_done: list[bool]) -> int:
    """Answer `derive` or `check`; the exit code. `reading_done` gets True after the input is read.

    Raises MatderivError for bad input, unsupported functions and limits, InternalError when the
    result contradicts the numbers.
    """
    started = time.monotonic()
    output = _output(request)
    if output is not None:
        refuse_to_overwrite(output, force=request.force)
    try:
        with limited(request.timeout):
            found = _answered(request, terminal, reading_done)
    except TimeUp as error:
        raise TimeLimitError(
            f"no result within {request.timeout:g} s", hint="--timeout 0 for no limit"
        ) from error
    report = None
    if not request.values.get("no_check"):
        left = request.timeout and max(request.timeout - (time.monotonic() - started), 0.1)
        report = checked(found.derivation, request, left)
    if report is not None and report.verdict == "disproved":
        raise _contradicted(report)
    _tell(request, terminal, found, report)
    return _status(report)


def _answered(request: Request, terminal: Terminal, reading_done: list[bool]) -> Answer:
    """Everything that takes time, apart from the check; how the input was read is said at once."""
    asked = understood(request)
    reading_done.append(True)
    if request.json:
        derivation = derived(request, asked)
        return Answer(asked, derivation, "", (), answer.document(asked, derivation))
    _say(answer.reading_remarks(asked.reading), terminal)
    derivation = derived(request, asked)
    style = request.values.get("format", "text")
    view, detail = request.values.get("steps"), request.values.get("detail", "normal")
    written = answer.printed(derivation, style, view, detail)
    remarks = () if terminal.quiet else answer.result_remarks(derivation, asked.reading)
    return Answer(asked, derivation, written, tuple(remarks), {})


def _tell(request: Request, terminal: Terminal, found: Answer, report: CheckReport | None) -> None:
    result = found.text
    if request.json:
        check = None if report is None else answer.report_document(report)
        result = json_text({**found.document, "check": check})
    elif request.verb == "check" and report is not None:
        terminal.remark("Result", found.text)
        result = "\n".join(answer.report_lines(report))
    output = _output(request)
    if output is None:
        terminal.result(result)
    else:
        write_file(output, result, force=request.force)
    if not request.json:
        _say(found.remarks, terminal)
        if request.verb == "derive":
            _say_checked(report, terminal)


def _say_checked(report: CheckReport | None, terminal: Terminal) -> None:
    """What the check found; even a quiet run says why its exit code is not 0."""
    said = answer.check_sentence(report)
    if _status(report) and terminal.quiet:
        terminal.complain(said)
    else:
        terminal.remark("Checked", said)


def _output(request: Request) -> str | None:
    """The file to write to; None for standard output, which is also called -."""
    output: str | None = request.values.get("output")
    return None if output == "-" else output


def _status(report: CheckReport | None) -> int:
    if report is None or report.verdict == "verified":
        return failures.FINE
    return failures.BUDGET if report.notes == (LATE,) else failures.UNSUPPORTED


def _say(remarks: Iterable[answer.Remark], terminal: Terminal) -> None:
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
