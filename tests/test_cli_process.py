"""The command line as a process: pipes, signals, encodings, and what it imports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-m", "matderiv"]
PLAIN = {"LC_ALL": "C.UTF-8", "TERM": "xterm"}


def environment(**changes: str) -> dict[str, str]:
    """The environment of this process without what says which characters a terminal takes."""
    said = ("LC_ALL", "LC_CTYPE", "LANG", "TERM", "PYTHONIOENCODING", "PYTHONUTF8")
    return {k: v for k, v in os.environ.items() if k not in said} | changes


def run(
    *arguments: str, stdin: bytes | None = None, **changes: str
) -> subprocess.CompletedProcess[bytes]:
    """A run to its end; it never shows a traceback."""
    done = subprocess.run(
        [*PROGRAM, *arguments],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        env=environment(**(changes or PLAIN)),
        timeout=60,
        check=False,
    )
    assert b"Traceback" not in done.stdout + done.stderr
    return done


# Standard input -----------------------------------------------------------------------------------


def test_the_program_reads_standard_input() -> None:
    done = run("derive", "-", "x", "-q", stdin=b"x'*A*x\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"(A + A')*x\n", b"")


@pytest.mark.parametrize(
    ("row", "stdin", "said"),
    [
        ("1", b"", "empty expression"),
        ("34", b"x + \xff", "standard input is not UTF-8: byte 0xff at offset 4"),
        ("34", b"x + \xed\xa0\x80", "not UTF-8: byte 0xed at offset 4"),
        ("34", "x".encode("utf-16"), "not UTF-8: byte 0xff at offset 0"),
        ("33", b"x\0y", "U+0000 at offset 1"),
        ("94", b"x" * 400_001, "more than 400000 bytes"),
    ],
)
def test_standard_input_that_is_no_expression(row: str, stdin: bytes, said: str) -> None:
    done = run("derive", "-", "x", stdin=stdin)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode()


def test_a_byte_order_mark_is_ignored() -> None:
    """Row 35."""
    assert run("derive", "-", "x", "-q", stdin=b"\xef\xbb\xbfx'*x").stdout == b"2*x\n"


def test_bytes_that_are_no_characters_in_an_argument() -> None:
    """Row 34."""
    done = subprocess.run(
        [*PROGRAM, "derive", b"x + \xff", "x"],
        capture_output=True,
        env=environment(**PLAIN),
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"not UTF-8: byte 0xff at offset 4" in done.stderr


# Standard output ----------------------------------------------------------------------------------


def shell(command: str) -> subprocess.CompletedProcess[bytes]:
    """A line of shell in which M is the program."""
    return subprocess.run(
        ["/bin/sh", "-c", f'M() {{ "{sys.executable}" -m matderiv "$@"; }}; {command}'],
        capture_output=True,
        env=environment(**PLAIN),
        timeout=60,
        check=False,
    )


def test_a_closed_reader_is_no_mistake() -> None:
    """Row 96."""
    done = shell("M rules | head -1")
    assert done.stderr == b""
    assert done.stdout.count(b"\n") == 1
    done = shell("""(M derive "A*X*B" X -q; echo status $? >&2) | true""")
    assert done.stderr == b"status 0\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_is_said_in_one_line() -> None:
    """Row 95."""
    done = shell("""M derive "x'*x" x -q >/dev/full""")
    assert done.returncode == 74
    assert done.stderr == b"Output: the result cannot be written: No space left on device\n"


def test_closed_streams() -> None:
    done = shell("""M derive "x'*x" x -q >&-""")
    assert done.returncode == 74
    assert b"standard output is closed" in done.stderr
    assert shell("""M derive "x'*x" x 2>&-""").stdout == b"2*x\n"
    assert shell("M derive - x <&-").returncode == 2


# Signals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [(signal.SIGINT, 130, b"interrupted\n"), (signal.SIGTERM, 143, b"")],
)
def test_signals_end_the_program(number: int, status: int, said: bytes, tmp_path: Path) -> None:
    """Row 97; the program is waiting for its input."""
    listening = "import signal as s; s.signal(s.SIGINT, s.default_int_handler); "
    program = [sys.executable, "-c", f"{listening}from matderiv.cli import main; exit(main())"]
    command = [*program, "derive", "-", "x", "-o", str(tmp_path / "f"), "--timeout", "0"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**PLAIN),
    ) as process:
        time.sleep(1.5)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (status, b"", said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
def test_the_time_limit() -> None:
    with subprocess.Popen(
        [*PROGRAM, "derive", "-", "x", "--timeout", "0.2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**PLAIN),
    ) as process:
        assert process.wait(timeout=30) == 4
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read() == b""
        assert b"no result within 0.2 s\n  try:   --timeout 0 for no limit" in process.stderr.read()


# Characters ---------------------------------------------------------------------------------------

NARROW = [
    {"LANG": "C", "TERM": "xterm"},
    {"LC_ALL": "C", "TERM": "xterm"},
    {"LC_ALL": "C.UTF-8", "TERM": "dumb"},
    {"LC_ALL": "C.UTF-8", "TERM": "xterm", "PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "20"},
    {"LC_ALL": "C.UTF-8", "TERM": "xterm", "PYTHONIOENCODING": "latin-1", "COLUMNS": "20"},
]


@pytest.mark.parametrize("changes", NARROW)
def test_terminals_that_take_only_ascii(changes: dict[str, str]) -> None:
    """Row 98."""
    done = run("derive", "A*X*B", "X", **changes)
    assert done.returncode == 0
    assert done.stdout == b"df_ij/dX_kl = A_ik B_lj\n"
    assert b"A: m x n" in done.stderr
    assert done.stderr.isascii()
    refused = run("derive", "-", "x", stdin="x × ∂y".encode(), **changes)
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert b"MULTIPLICATION SIGN" in refused.stderr
    assert refused.stderr.isascii()
    for arguments in (("rules",), ("--help",), ("rules", "softmax")):
        assert run(*arguments, **changes).stdout.isascii()


def test_other_terminals_take_every_character() -> None:
    assert "∂f_ij" in run("derive", "A*X*B", "X").stdout.decode()
    assert "∂f_ij" in run("derive", "A*X*B", "X", LANG="de_DE.UTF-8").stdout.decode()
    assert run("derive", "A*X*B", "X", "--ascii").stdout.isascii()


# Cost ---------------------------------------------------------------------------------------------

ASKS = """
import sys
from matderiv.cli import main
status = main({arguments!r})
print(status, *(name in sys.modules for name in ("numpy", "sympy")), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "status", "numpy"),
    [
        (["--help"], 0, False),
        (["derive", "--help"], 0, False),
        (["--version"], 0, False),
        (["rules"], 0, False),
        (["examples"], 0, False),
        (["derive", "x +", "x"], 2, False),
        (["derive", "x*y", "x"], 2, False),
        (["derive", "foo(x)", "x"], 2, False),
        (["derive", "x'*x", "x", "--no-check"], 0, False),
        (["derive", "x'*x", "x"], 0, True),
    ],
)
def test_what_is_imported(arguments: list[str], status: int, numpy: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKS.format(arguments=arguments)],
        capture_output=True,
        check=True,
        env=environment(**PLAIN),
    )
    assert done.stderr.decode().split()[-3:] == [str(status), str(numpy), "False"]
