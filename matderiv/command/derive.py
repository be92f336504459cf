"""The verbs `derive` and `check`."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from matderiv.command import answer, failures
from matderiv.command.failures import InternalError, on_the_command_line
from matderiv.command.formats import DERIVATIONS, outlet
from matderiv.command.interrupts import within
from matderiv.command.options import Request
from matderiv.command.printed import Wanted, printed, wanted
from matderiv.command.question import LATE, TypedQuestion, checked, derived, understood
from matderiv.command.streams import Terminal, in_ascii, write_file
from matderiv.doors.derive import Derivation
from matderiv.input.guesses import guesses
from matderiv.numeric.report import CheckReport
from matderiv.output.wrapping import folded


@dataclass(frozen=True)
class DerivedAnswer:
    """Derivations with everything that is told about them except their checks."""

    derivations: Sequence[Derivation]
    text: str
    remarks: tuple[answer.Remark, ...]
    documents: tuple[dict[str, Any], ...] = ()


def run(request: Request, terminal: Terminal) -> int:
    """Answer `derive` or `check`; the exit code.

    Raises MatderivError for bad input, unsupported functions and limits, InternalError when the
    result contradicts the numbers.
    """
    started = time.monotonic()
    request = _by_name(request)
    plain = terminal.ascii_only if request.values.get("output") else terminal.plain_results
    how = wanted(request, ascii_only=plain)
    with within(request.timeout):
        found = _answered(request, how, terminal)
    reports: list[CheckReport | None] = []
    for d in found.derivations:
        left = request.timeout and max(request.timeout - (time.monotonic() - started), 0.1)
        unchecked = request.values.get("no_check")
        reports.append(None if unchecked else checked(d, request, left))
    for report in reports:
        if report is not None and report.verdict == "disproved":
            raise InternalError(
                "the derivative that was found does not agree with numbers and is not shown",
                details=(str(report), *report.notes),
            )
    _tell(request, terminal, found, reports)
    return max(map(_status, reports))


def _answered(request: Request, how: Wanted, terminal: Terminal) -> DerivedAnswer:
    """Everything that takes time, apart from the check; how the input was read is said at once."""
    asked = understood(request)
    answer.heard(request, asked, terminal)
    if request.json:
        found = derived(request, asked)
        documents = tuple(_told_document(asked, d, how) for d in found)
        return DerivedAnswer(found, "", (), documents)
    if terminal.quiet:
        for guess in (g for g in guesses(asked.reading) if g.why != "letter"):
            terminal.complain(on_the_command_line(str(guess)))
    found = derived(request, asked)
    written = printed(found, how)
    remarks = [] if terminal.quiet else _remarks(found, asked, how)
    return DerivedAnswer(found, written, tuple(remarks))


def _told_document(asked: TypedQuestion, d: Derivation, how: Wanted) -> dict[str, Any]:
    """A derivation as a JSON document, or one hint without anything that it hides."""
    if how.hint is None:
        return answer.document(asked, d, how.view)
    told = d.hint(how.hint, how.view or "chain")
    return {"schema": failures.SCHEMA, "hint": {"title": told.title, "rows": told.rows}}


def _remarks(found: Sequence[Derivation], asked: TypedQuestion, how: Wanted) -> list[answer.Remark]:
    """What is to be known about the results, each remark once; no form of them beside one step."""
    remarks = (
        r for d in found for r in answer.result_remarks(d, asked.reading, forms=not how.one_step)
    )
    return list(dict.fromkeys(remarks))


def _tell(
    request: Request,
    terminal: Terminal,
    found: DerivedAnswer,
    reports: Sequence[CheckReport | None],
) -> None:
    result, report = found.text, reports[0]
    if request.json:
        result = json_text(_document(found, reports))
    elif request.verb == "check" and report is not None:
        terminal.remark("Result", found.text)
        result = "\n".join(answer.report_lines(report))
    if request.values.get("output"):
        shown = in_ascii(result) if terminal.ascii_only else result
        write_file(request.output, shown, force=request.force)
    else:
        plain = not request.json and request.values.get("format") in (None, "text")
        terminal.result(folded(result, terminal.width) if plain and terminal.width else result)
    if not request.json:
        terminal.remarks(found.remarks)
        if request.verb == "derive":
            _say_checked(found.derivations, reports, terminal)


def _document(found: DerivedAnswer, reports: Sequence[CheckReport | None]) -> dict[str, Any]:
    """One document for one variable; for several a list of them under `derivatives`."""
    if any("hint" in document for document in found.documents):
        return found.documents[0]  # the numbers of a check would give the result away
    told = [
        {**document, "check": None if report is None else answer.report_document(report)}
        for document, report in zip(found.documents, reports, strict=True)
    ]
    return told[0] if len(told) == 1 else {"schema": failures.SCHEMA, "derivatives": told}


def _say_checked(
    found: Sequence[Derivation], reports: Sequence[CheckReport | None], terminal: Terminal
) -> None:
    """What the checks found; even a quiet run says why its exit code is not 0."""
    for d, report in zip(found, reports, strict=True):
        said = answer.check_sentence(report)
        if len(found) > 1:
            said = f"by {d.wrt.name}: {said}"
        if _status(report) and terminal.quiet:
            terminal.complain(said)
        else:
            terminal.remark("Checked", said)


def _by_name(request: Request) -> Request:
    """The request with the format that the name of the file says; a .tex compiles by itself."""
    values = dict(request.values)
    asked = "json" if request.json else values.get("format")
    asked = "latex" if values.get("standalone") and asked is None else asked
    form = outlet(request, asked, DERIVATIONS)
    if form is not None and values.get("format") is None:
        whole = form == "latex" or values.get("standalone", False)
        values |= {"format": form, "json": form == "json", "standalone": whole, "page": True}
    return replace(request, values=values)


def _status(report: CheckReport | None) -> int:
    if report is None or report.verdict == "verified":
        return failures.FINE
    return failures.BUDGET if report.notes == (LATE,) else failures.UNSUPPORTED


def json_text(document: dict[str, Any]) -> str:
    """A JSON document in ASCII, so that it arrives everywhere."""
    return json.dumps(document, indent=2, allow_nan=False)
