"""The prompt: lines without the quotes of a shell; colours on a terminal and nowhere else."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from matderiv.cli import main
from matderiv.command.repl import answered, command_of
from matderiv.command.streams import Terminal, coloured

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def typed(*lines: str) -> Iterator[str]:
    yield from lines
    raise EOFError


def told(capsys: pytest.CaptureFixture[str], *lines: str | type[BaseException]) -> tuple[int, str]:
    left = iter(lines)

    def asked(prompt: str) -> str:
        line = next(left, EOFError)
        if not isinstance(line, str):
            raise line
        return line

    status = answered(asked, main, Terminal())
    return status, capsys.readouterr().out


def test_each_line_is_answered_and_a_mistake_ends_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = ("x'*A*x by x", "", "x + by x", 'derive "x\'*x" x --order 2 -q', "-x'*x by x is -2*x")
    status, out = told(capsys, *lines)
    assert status == 0
    assert out.splitlines()[:2] == ["(A + A')*x", "2*eye(n)"]
    assert "proved" in out


def test_it_ends_by_a_word_and_ctrl_c_only_drops_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "x'*x by x is 3*x", "exit", "y'*y by y") == (
        1,
        "disproved (factor): Your answer is off by a factor: multiplied by 2/3 it is right, 2*x. "
        "See step 2, product.\n  entry (3) is 2.608, the answer says 3.912 at n = 5, seed 0\n",
    )
    status, out = told(capsys, KeyboardInterrupt, "x'*x by x")
    assert (status, out) == (0, "2*x\n")


def test_an_open_quote_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_of('derive "x') == []
    assert told(capsys, 'derive "x') == (2, "")


def test_several_variables_stand_after_by() -> None:
    assert command_of("norm2(W*x + b)^2 by W, b") == ["derive", "--", "norm2(W*x + b)^2", "W, b"]


def test_the_verb_reads_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("x'*x by x\n"))
    assert main(["repl"]) == 0
    assert "2*x" in capsys.readouterr().out
    assert main(["repl", "x'*x"]) == 2


@pytest.mark.parametrize(
    "line", ["verified = 1", "f = ok", "12 ok", "undecided_x*2", "    3  okay    f"]
)
def test_only_verdicts_have_a_colour(line: str) -> None:
    assert coloured(line) == line


@pytest.mark.parametrize(("no_color", "found"), [("", True), ("1", False)])
def test_a_terminal_gets_colours_unless_it_is_asked_not_to(no_color: str, found: bool) -> None:
    ours, theirs = pty.openpty()
    environ = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "matderiv", "verify", "x'*x", "x", "2*x", "-q"]
    subprocess.run(command, stdout=theirs, env=environ, check=True, timeout=60)
    os.close(theirs)
    out = os.read(ours, 4096).decode()
    os.close(ours)
    assert bool(ESCAPE.search(out)) is found
    assert ESCAPE.sub("", out).startswith("proved")
