"""What went wrong, or ended a run: exit codes, error text and documents, time limit, SIGTERM."""

import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from matderiv.arguments import in_short
from matderiv.errors import LimitError, MatderivError, NoMatrixForm, NoRule

SCHEMA = "matderiv/1"

FINE, WRONG, USAGE, UNSUPPORTED, BUDGET = range(5)
BUG, INPUT_OUTPUT, INTERRUPTED, TERMINATED = 70, 74, 130, 143

EXIT_CODES = {
    FINE: "fine",
    WRONG: "the checked answer is wrong",
    USAGE: "the input or the command line is wrong",
    UNSUPPORTED: "not supported, or the check could not decide",
    BUDGET: "the time limit or a size limit of the work was reached",
    BUG: "a mistake in matderiv itself",
    INPUT_OUTPUT: "the result could not be written",
    INTERRUPTED: "interrupted (Ctrl-C)",
    TERMINATED: "terminated",
}

_TITLES = {"error": "Error", "usage": "Usage", "output": "Output", "internal": "Internal error"}
AGAIN = 0.25  # seconds until the alarm rings again, in case the first one fell into a callback


class UsageError(MatderivError):
    """The command line does not say what to do."""

    code = "usage"


class OutputError(MatderivError):
    """The result could not be written."""

    code = "output"


class InternalError(MatderivError):
    """A mistake of the program, not of the person who uses it."""

    code = "internal"


def unexpected(error: Exception, hint: str | None = None) -> InternalError:
    """What nobody expected, told in one line."""
    return InternalError(f"{type(error).__name__}: {in_short(str(error), 300)}", hint=hint)


class TimeLimitError(LimitError):
    """The time limit was reached before there was a result."""

    code = "time"


def exit_code(error: MatderivError, *, reading: bool) -> int:
    """The exit code of an error; `reading` says that the input was still being read.

    >>> exit_code(ParseError("?"), reading=True), exit_code(NoRule("?"), reading=False)
    (2, 3)
    """
    if isinstance(error, NoRule | NoMatrixForm):
        return UNSUPPORTED
    if isinstance(error, TimeLimitError) or (isinstance(error, LimitError) and not reading):
        return BUDGET
    if isinstance(error, OutputError):
        return INPUT_OUTPUT
    return BUG if error.code == "internal" else USAGE


def shown(error: MatderivError, *, ascii_only: bool = False) -> str:
    """The error as a person reads it: its class, the message, the caret, one thing to try.

    >>> print(shown(ParseError("expected an operand after +", source="x +", span=(3, 3))))
    ParseError: expected an operand after +
      x +
         ^
    """
    title = _TITLES.get(error.code) or type(error).__name__
    if ascii_only and error.source is not None:
        error.source = "".join(c if c.isascii() else "?" for c in error.source)
    error.hint = on_the_command_line(error.hint) if error.hint else None
    return f"{title}: {error}"


def document(error: MatderivError, status: int) -> dict[str, Any]:
    """The error as a JSON document; the place counts characters from 0, line and column from 1.

    >>> document(ParseError("no", source="x\\n+", span=(3, 3)), 2)["error"]["line"]
    2
    """
    body: dict[str, Any] = {
        "code": error.code,
        "class": type(error).__name__,
        "message": error.message,
        "details": list(error.details),
        "hint": on_the_command_line(error.hint) if error.hint else None,
    }
    if error.source is not None and error.span is not None:
        start, end = error.span
        before = error.source[:start]
        body |= {
            "source": error.source,
            "offset": start,
            "length": end - start,
            "line": before.count("\n") + 1,
            "column": start - (before.rfind("\n") + 1) + 1,
        }
    return {"schema": SCHEMA, "error": body, "exit": status}


def on_the_command_line(said: str) -> str:
    """A hint that names Python's arguments, in the words of the command line.

    >>> on_the_command_line("kind='vjp', or declare it with b: m")
    '--kind vjp, or declare it with --shape "b: m"'
    """
    said = re.sub(r"\b(kind|layout|structure|upstream)='(\w+)'", r"--\1 \2", said)
    said = re.sub(r'\bshapes=\{"(\w+)": "([\w,*]+)"\}', r'--shape "\1: \2"', said)
    said = re.sub(r'\bshapes=\{"(\w+)": ""\}', r'--shape "\1:"', said)
    return re.sub(r"\b(declare it with) (\w+: [\w,*]+)", r'\1 --shape "\2"', said)


class TimeUp(BaseException):
    """The time limit was reached."""


class Terminated(BaseException):
    """Another program asked this one to end."""


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM raises Terminated inside; the handlers are as before afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """TimeUp is raised inside after so many seconds, where the system has timers; 0 is no limit."""
    main = threading.current_thread() is threading.main_thread()
    if not seconds or not main or not hasattr(signal, "setitimer"):
        yield
        return
    before, hook = signal.signal(signal.SIGALRM, _time_up), sys.unraisablehook
    sys.unraisablehook = _quiet
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = hook
        signal.signal(signal.SIGALRM, before)


@contextmanager
def within(seconds: float, what: str = "result") -> Iterator[None]:
    """TimeLimitError after so many seconds: there is no such thing by then."""
    try:
        with limited(seconds):
            yield
    except TimeUp as error:
        hint = "--timeout 0 for no limit"
        raise TimeLimitError(f"no {what} within {seconds:g} s", hint=hint) from error


def _time_up(signum: int, frame: FrameType | None) -> None:
    raise TimeUp


def _terminated(signum: int, frame: FrameType | None) -> None:
    raise Terminated


def _quiet(report: Any) -> None:
    """An alarm inside a callback cannot be raised there; it rings again soon."""
    if report.exc_type is not TimeUp:
        sys.__unraisablehook__(report)
