"""Sheets: several derivations in one file, whatever their words contain."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from test_worked_examples import Page

import matderiv as md
from matderiv.errors import MatderivError

LINEAR = md.derive("norm2(X*w - y)^2", "w", shapes={"X": "n,d", "w": "d", "y": "n"})
FOUR_AXES = md.derive("A*X*B", "X", shapes={"A": "m,n", "X": "n,d", "B": "d,p"})
CIRCUIT = md.graph("(x + y)*z", values={"x": -2, "y": 5, "z": -4})
NASTY = r"""\input{/etc/passwd} $x$ 50% #1 a_b <script>x</script> "q" & ~ ^ {} `A\b' |c|` ` σ"""
PARTS = (
    md.Part("Least squares", LINEAR, "differential", "Once more with `X'`."),
    md.Part("Four axes", FOUR_AXES, None),
    md.Part("", LINEAR),
    md.Part(
        "A table",
        table=[("f", "`A'`"), ("a|b", "`|x|`"), ("[1 2]", "[3]"), ("long " * 12, "words " * 12)],
    ),
    md.Part("Numbers", listing="[[1., 2.],\n\n [3., 4.]]  it's {so}"),
    md.Part("A circuit", graph=CIRCUIT),
    md.Part(NASTY, LINEAR, "index", NASTY, table=[(NASTY, "b"), ("c", NASTY)], listing=NASTY),
)
SHEET = md.Sheet("Homework & more", PARTS, author="A. Student <a@b>")


def test_every_part_is_there_in_order_in_every_format() -> None:
    for text in (SHEET.text(), SHEET.latex(), SHEET.html(), SHEET.markdown()):
        places = [text.index(p.heading) for p in PARTS[:6] if p.heading]
        assert places == sorted(places)
        assert "A. Student" in text
        assert "[3., 4.]]" in re.sub(r"\\ | ", " ", text)


def test_text_shows_results_and_numbers() -> None:
    shown = SHEET.text()
    assert shown.startswith("Homework & more\n===============\n")
    assert "∂f/∂w = 2*X'*(X*w - y)" in shown
    assert "∂f_ij/∂X_kl = A_ik B_lj" in shown
    assert re.search(r"^ +f +u1\*z +-12 +1 +1$", shown, re.MULTILINE)
    assert "Once more with X'." in shown


def test_a_page_is_well_formed_whatever_the_words_are() -> None:
    page = Page(SHEET.html())
    assert {"math", "table", "svg", "pre"} <= page.seen
    assert len(set(page.names)) == len(page.names) > 15
    assert "&lt;script&gt;" in SHEET.html()


def test_words_never_become_tex_commands() -> None:
    written = SHEET.latex()
    assert r"\input{/etc" not in written
    assert r"\textbackslash{}input\{/etc/passwd\}" in written


def test_words_never_become_markdown() -> None:
    written = SHEET.markdown()
    assert not re.search(r"(?<!\\)<script", written.replace(f"    {NASTY}", ""))
    rows = re.findall(r"^\|.*\|$", written, re.MULTILINE)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX here")
def test_the_file_compiles_whatever_the_words_are(tmp_path: Path) -> None:
    path = SHEET.write(tmp_path / "sheet.tex", detail="full")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", path.name]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert found.returncode == 0, found.stdout[-2000:].decode(errors="replace")


@pytest.mark.parametrize(
    ("ending", "start"), [(".tex", r"\document"), (".html", "<!"), (".md", "# "), (".txt", "Home")]
)
def test_the_ending_of_the_name_says_the_format(ending: str, start: str, tmp_path: Path) -> None:
    path = SHEET.write(tmp_path / f"sheet{ending}")
    assert path.read_text(encoding="utf-8").startswith(start)
    assert path.read_bytes() == SHEET.write(tmp_path / f"again{ending}").read_bytes()


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MatderivError, match=r"sheet\.doc") as caught:
        SHEET.write(tmp_path / "sheet.doc")
    assert ".html" in str(caught.value.hint)
    assert not list(tmp_path.iterdir())


def test_a_derivation_may_stand_for_a_part() -> None:
    assert md.Sheet("A", [LINEAR]).text() == md.Sheet("A", [md.Part("", LINEAR)]).text()


def test_gradients_of_one_function_share_their_passes_on_a_sheet() -> None:
    found = md.derive("norm2(W*x + b)^2", "W, b", shapes={"b": "m"})
    together = md.Sheet("A", [md.Part("", found)])
    assert together.text() == md.Sheet("A", found).text() == md.Sheet("A", [found]).text()
    assert together.text().count("Forward pass") == together.html().count("Forward pass") == 1
    assert md.Sheet("A", [*found, LINEAR]).text().count("Forward pass") == 2
    assert md.Part("", found, None).derivations == list(found)
    apart = md.Sheet("A", [md.derive("W*x", "W, x")]).text()
    assert apart.count("Forward pass") == 2
    assert "By W\n----" in apart
    with pytest.raises(MatderivError, match="of one function"):
        md.Part("", [found[0], LINEAR])


def test_what_is_no_part_is_refused_with_an_example() -> None:
    with pytest.raises(MatderivError, match=r"not '2\*x'") as caught:
        md.Sheet("A", ["2*x"]).text()
    assert "Part(" in str(caught.value.hint)
    with pytest.raises(MatderivError, match="heading"):
        md.Part(LINEAR)
    with pytest.raises(MatderivError, match="unknown view 'chian'"):
        md.Sheet("A", [md.Part("B", LINEAR, "chian")]).latex()


def test_a_table_has_rows_of_one_length() -> None:
    with pytest.raises(MatderivError, match="1 and 2 cells"):
        md.Part("A table", table=[("a", "b"), ("c",)])


def test_without_graphs_no_drawing_package_is_needed() -> None:
    assert "tikz" not in md.Sheet("Plain", PARTS[:2]).latex()
    assert r"\usepackage{tikz}" in SHEET.latex()


def test_an_empty_sheet_is_a_sheet() -> None:
    empty = md.Sheet("")
    assert empty.text() == ""
    assert empty.markdown() == ""
    Page(empty.html())
