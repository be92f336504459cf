"""Sheets that are written back with marks in the margin, and folders of them."""

import csv
import shutil
import subprocess
from pathlib import Path

import pytest

from matderiv.cli import main
from matderiv.output.documents.marked_sheets import (
    SHEETS,
    MarkedSheet,
    Turned,
    by_cause,
    by_question,
)
from matderiv.verification.derivations.homework import verify_homework

RIGHT = r"""# Least squares

$$f = \|Xw - y\|^2$$
$$\nabla_w f = 2X^\top(Xw - y)$$
"""
WRONG = (
    RIGHT.replace("2X", "X")
    + r"""
$$g = \int h$$
$$\nabla_w g = \int k$$
"""
)
HOSTILE = r"""# <script>alert(1)</script> \end{document} ~~~ `x`

$$f = x^\top x$$
$$\nabla f = 2x$$  % <b>, & # _ ^ { } ~ \input{x}
"""


def sheet(text: str, name: str = "ann") -> MarkedSheet:
    return MarkedSheet(name, text, tuple(verify_homework(text, "md")))


def test_marks_stand_beside_the_lines_as_they_were_handed_in() -> None:
    found = sheet(WRONG)
    marks = [found.mark(n) for n, *_ in found.rows()]
    assert marks[2:4] == ["given", "WRONG"]
    assert [text for _, _, text, _ in found.rows()] == WRONG.split("\n")
    assert found.conclusion.startswith("The first mistake is in line 4: a number as a factor")
    assert any("2*X'*(X*w - y)" in said for said in found.said(4))


@pytest.mark.parametrize("shape", SHEETS)
def test_every_format_has_every_line_and_the_diagnosis(shape: str) -> None:
    shown = SHEETS[shape](sheet(WRONG))
    assert shown.count("WRONG") == 1
    assert "multiplied by 2 it is right" in shown


def test_a_hint_does_not_say_what_is_right() -> None:
    found = sheet(WRONG)
    hinted = MarkedSheet(found.name, found.document, found.found, hinted=True)
    assert "a number as a factor is wrong" in SHEETS["html"](hinted)
    assert "2*X" not in "".join(SHEETS[s](hinted) for s in SHEETS)


def test_nothing_of_a_sheet_is_acted_on() -> None:
    page = SHEETS["html"](sheet(HOSTILE, "<i>"))
    assert "<script>" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    block = SHEETS["markdown"](sheet(HOSTILE)).split("\n")
    assert block.count("~~~~text") == block.count("~~~~") == 1
    assert r"\input" not in SHEETS["latex"](sheet(HOSTILE))
    assert SHEETS["latex"](sheet(HOSTILE)).count(r"\end{document}") == 1


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
@pytest.mark.parametrize("text", [WRONG, HOSTILE, "f = π\n\t∇f = 0", ""])
def test_latex_compiles(text: str, tmp_path: Path) -> None:
    (tmp_path / "s.tex").write_text(SHEETS["latex"](sheet(text)), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "s.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert run.returncode == 0, run.stdout[-500:]


def test_a_reason_stands_once_for_all_of_its_lines() -> None:
    text = "$$f = x^\\top x$$\n" + "$$\\nabla f = 2x + \\oint x$$\n" * 3
    found = [*verify_homework(text, "md")]
    shown = str(found[0])
    assert shown.count("\\oint") == 3 + 2  # the lines; below the first the reason and the place
    assert shown.count("as in line 2") == 2
    assert len([r for r in sheet(text).remarks if r.startswith("Not judged: lines 2, 3, 4")]) == 1


def test_nothing_judged_does_not_sound_reassuring() -> None:
    text = "$$L = \\oint h$$\n$$\\nabla L = \\oint k$$\n"
    assert sheet(text).conclusion.startswith("Nothing was judged")
    assert "No mistake found" not in str(next(verify_homework(text, "md")))


def test_a_class_by_question_and_by_cause() -> None:
    turned = [Turned("ann", sheet(RIGHT)), Turned("bob", sheet(WRONG)), Turned("cy", None, "lost")]
    assert by_question(turned) == {"Least squares": {"right": ["ann"], "wrong": ["bob"]}}
    assert next(iter(by_cause(turned).items())) == ("factor", ["bob"])
    assert [t.counts[:2] for t in turned] == [(1, 0), (0, 1), (0, 0)]


def test_a_folder_gets_pages_and_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "class", tmp_path / "pages"
    folder.mkdir()
    (folder / "ann.md").write_text(RIGHT)
    (folder / "bob.md").write_text(WRONG)
    (folder / "dee.txt").write_text("=1+1 said nothing")
    (folder / "cy.ipynb").write_text("no notebook")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    assert main(["verify", "--batch", str(folder), "-o", str(out)]) == 1
    shown = capsys.readouterr().out
    assert "ann" in shown
    assert "this is no notebook" in shown
    assert "picture" not in shown
    assert sorted(p.name for p in out.iterdir()) == [
        "ann.html",
        "bob.html",
        "dee.html",
        "index.html",
        "verdicts.csv",
    ]
    teacher = (out / "index.html").read_text()
    assert 'href="bob.html"' in teacher
    assert "Least squares" in teacher
    assert "factor" in teacher
    raw = (out / "verdicts.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")  # so that a spreadsheet knows UTF-8
    rows = [*csv.DictReader(raw.decode("utf-8-sig").splitlines())]
    assert {(r["student"], r["mark"], r["code"]) for r in rows} >= {
        ("ann", "ok", ""),
        ("bob", "WRONG", "factor"),
        ("cy", "unread", ""),
    }
    assert not any(cell.startswith(("=", "+", "-", "@")) for r in rows for cell in r.values())
    assert main(["verify", "--batch", str(folder), "-o", str(out)]) == 2  # files are there


def test_a_format_writes_the_sheet_to_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "bob.md"
    source.write_text(WRONG)
    assert main(["verify", "--file", str(source), "-o", str(tmp_path / "m.html")]) == 1
    assert "WRONG" in (tmp_path / "m.html").read_text()
    assert main(["verify", "--file", str(source), "--format", "markdown"]) == 1
    assert "~~~text" in capsys.readouterr().out
