"""Derivations in Typst: every page compiles, and what was typed never becomes code."""

from __future__ import annotations

from pathlib import Path

import pytest
from problems import problems

import matderiv as md
from matderiv.cli import main
from matderiv.output.documents import typst as writer
from matderiv.output.documents.typst import words


def compiled(source: str, folder: Path) -> bytes:
    """The page as a picture; the compiler raises where the source is wrong."""
    library = pytest.importorskip("typst")
    path = folder / "page.typ"
    path.write_text(source, encoding="utf-8")
    pages = library.compile(str(path), format="svg")
    return bytes(pages[0] if isinstance(pages, list) else pages)


def test_the_steps_of_many_problems_compile(tmp_path: Path) -> None:
    parts = []
    for problem in problems()[::9]:
        d = problem.derivation()
        parts += [d.typst("chain", detail="full"), d.typst("index"), d.typst(None)]
    assert len(compiled("#pagebreak()\n".join(parts), tmp_path)) > 10_000


def test_what_stands_on_the_page_is_the_derivation() -> None:
    told = md.derive("norm2(X*w - y)^2", "w").typst("differential")
    assert 'attach(bold("X"), t: "⊤")' in told
    assert "== Answer" in told


def test_signs_of_typst_in_names_and_sentences_are_letters(tmp_path: Path) -> None:
    told = md.derive("a_b*norm2(x)^2", "x").typst("chain", detail="full")
    compiled(told, tmp_path)
    assert words("#let x = [*b*]") == r"\#let x \= \[\*b\*\]"


def test_the_command_writes_typst(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["derive", "x'*A*x", "x", "--format", "typst"]) == 0
    assert capsys.readouterr().out.startswith("$ ")
    path = tmp_path / "steps.typ"
    assert main(["derive", "x'*A*x", "x", "--steps", "-o", str(path)]) == 0
    compiled(path.read_text(encoding="utf-8"), tmp_path)
    assert main(["derive", "norm2(W*x + b)^2", "W, b", "--steps", "--format", "typst"]) == 0
    compiled(capsys.readouterr().out, tmp_path)


def test_a_new_output_is_one_short_file() -> None:
    assert len(Path(str(writer.__file__)).read_text(encoding="utf-8").splitlines()) <= 120
