"""What several test files use: a command line run in this process."""

from __future__ import annotations

import importlib.util
import time
from typing import NamedTuple

import pytest

from matderiv.cli import main

# The examples of every file are run; this one needs torch, an optional extra.
collect_ignore = [] if importlib.util.find_spec("torch") else ["torch_reader.py"]


class Told(NamedTuple):
    """The outcome of a run."""

    status: int
    out: str
    err: str


class Run:
    """Runs a command line in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str, seconds: float = 5) -> Told:
        started = time.process_time()
        status = main(arguments)
        assert time.process_time() - started < seconds
        told = Told(status, *self.capsys.readouterr())
        assert "Traceback" not in told.out + told.err
        return told


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run in a terminal that takes every character."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm")
    return Run(capsys)
