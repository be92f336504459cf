"""The verb `code`: a program for the value and its gradients, or for another derivative."""

from collections.abc import Callable
from typing import Any

from matderiv.command import answer, failures
from matderiv.command.derive import json_text
from matderiv.command.failures import InternalError, UsageError, within
from matderiv.command.options import Request
from matderiv.command.question import TypedQuestion, checked, derived, reported, understood
from matderiv.command.streams import PROGRAMS, Terminal, outlet
from matderiv.doors.gradients import ValueAndGradients, pullbacks, value_and_gradients
from matderiv.numeric.report import CheckReport
from matderiv.shapes import is_scalar

Check = Callable[[], dict[str, CheckReport]]


def run(request: Request, terminal: Terminal) -> int:
    """Answer `code`; the exit code. Code that numbers contradict is not shown.

    Raises MatderivError for bad input and limits.
    """
    outlet(request, None if request.json else "python", {".json": "json", **PROGRAMS})
    with within(request.timeout, "code"):
        asked = understood(request)
        answer.heard(request, asked, terminal)
        source, check = _programmed(request, asked)
    reports = {} if request.no_check else check()
    for name, report in reports.items():
        if report.verdict == "disproved":
            raise InternalError(
                f"the derivative by {name} does not agree with numbers and is not shown",
                details=(str(report),),
            )
    result = json_text(_document(request, source, reports)) if request.json else source.rstrip()
    terminal.deliver(result, request.output, force=request.force)
    return _told(request, terminal, reports)


def _programmed(request: Request, asked: TypedQuestion) -> tuple[str, Check]:
    """The source, and what checks it: gradients come with the value, other kinds alone."""
    fresh = not request.values.get("no_check")
    options: dict[str, Any] = {**asked.declared, "structure": request.structure}
    gradient = request.kind in (None, "gradient") and request.order == 1
    if gradient and is_scalar(asked.reading.expr.shape):
        wrt: Any = list(asked.wrts) if len(asked.wrts) > 1 else asked.wrt
        both = value_and_gradients(asked.text, wrt, check=fresh, **options)
        return both.code(request.target), lambda: _checked(both, request)
    if len(asked.wrts) > 1 and request.kind == "vjp":
        back = pullbacks(
            asked.text, list(asked.wrts), upstream=request.upstream, check=fresh, **options
        )
        return back.code(request.target), lambda: _checked(back, request)
    if len(asked.wrts) > 1:
        raise UsageError(
            "several variables share a program for the gradients of a scalar, and for a vjp",
            hint=f"--kind vjp, or one variable such as {asked.wrt}",
        )
    (d,) = derived(request, asked)
    return d.code(request.target), lambda: {d.wrt.name: checked(d, request, request.timeout)}


def _checked(both: ValueAndGradients, request: Request) -> dict[str, CheckReport]:
    found = reported(both.check, request, request.timeout)
    return found if isinstance(found, dict) else {x.name: found for x in both.wrt}


def _document(request: Request, source: str, reports: dict[str, CheckReport]) -> dict[str, Any]:
    checks = {name: answer.report_document(report) for name, report in reports.items()}
    return {
        "schema": failures.SCHEMA,
        "target": request.target,
        "code": source,
        "check": checks or None,
    }


def _told(request: Request, terminal: Terminal, reports: dict[str, CheckReport]) -> int:
    """Say what the check found; the exit code."""
    status = failures.FINE
    if not reports and not request.json:
        terminal.remark("Checked", answer.check_sentence(None))
    for name, report in reports.items():
        fine = report.verdict == "verified"
        status = status if fine else failures.UNSUPPORTED
        if not request.json:
            said = f"by {name}: {answer.check_sentence(report)}"
            if fine or not terminal.quiet:
                terminal.remark("Checked", said)
            else:
                terminal.complain(said)
    return status
