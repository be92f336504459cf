"""What ends a run from outside: the time limit and SIGTERM, as exceptions that nothing swallows."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from matderiv.command.failures import TimeLimitError

AGAIN = 0.25  # seconds until the alarm rings again, in case the first one fell into a callback


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
