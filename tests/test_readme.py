"""The README is true: its Python runs, its console sessions give what they show."""

from __future__ import annotations

import doctest
import io
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from matderiv.cli import main
from matderiv.command.failures import EXIT_CODES
from matderiv.expr import REGISTRY

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


def sessions() -> list[tuple[str, str]]:
    """Commands of ours in console blocks, with what they show."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append((command, shown))
    return found


def without_rounding(text: str) -> str:
    """Errors of rounding, which differ from machine to machine, masked."""
    return re.sub(r"\b[0-9.]+(e-[0-9]+)? \((complex|central)", r"# (\2", text)


def test_python_blocks() -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    scope: dict[str, object] = {}
    for k, block in enumerate(blocks("python")):
        test = doctest.DocTestParser().get_doctest(block, scope, f"README {k}", "README.md", 0)
        runner.run(test, clear_globs=False)
        scope |= test.globs
    assert runner.summarize(verbose=False).failed == 0
    assert runner.tries > 10


OURS = [(c, shown) for c, shown in sessions() if "matderiv" in c]


@pytest.mark.parametrize(("command", "shown"), OURS, ids=[c[-50:] for c, _ in OURS])
def test_console_blocks(command: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm")
    words = shlex.split(command.rpartition(" && ")[2])
    assert words[0] in ("matderiv", ".venv/bin/matderiv")
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with redirect_stdout(terminal), redirect_stderr(terminal):
        main(words[1:])
    terminal.seek(0)
    assert without_rounding(terminal.read()) == without_rounding(shown)


def test_the_first_two_commands_install_and_test() -> None:
    first, second = (command for command, _ in sessions()[:2])
    install = "python3 -m venv .venv && .venv/bin/pip install -q "
    assert first.startswith(install + ". && .venv/bin/matderiv derive ")
    assert second == install + "'.[test]' && .venv/bin/python -m pytest -n auto"


def test_the_exit_codes_are_those_of_the_program() -> None:
    for code, said in EXIT_CODES.items():
        assert re.search(rf"^\| .*\b{code}\b.* \| .*{re.escape(said.split(' (')[0])}", TEXT, re.M)


def test_the_files_it_names_exist() -> None:
    named = set(re.findall(r"worked_examples/[\w./-]*\w|matderiv/DESIGN\.md|\.ci/run", TEXT))
    assert {"matderiv/DESIGN.md", ".ci/run"} < named
    for name in named:
        assert (README.parent / name).is_file(), name


def test_the_functions_without_a_rule_are_named() -> None:
    refused = [f for f in REGISTRY.values() if f.kind == "refused" and f.call != "internal"]
    (line,) = re.findall(r"^- A function without a rule \((.*)\)", TEXT, re.MULTILINE)
    assert sorted(line.split(", ")) == sorted(f"`{f.name}`" for f in refused)
