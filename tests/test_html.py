"""Pages: what they show evaluates to the truth, nothing typed becomes code, they need nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import reader
from conftest import Run
from goldens import CASES
from mathml_reader import text_of
from problems import Problem, problems
from test_problems import assert_same, written

import matderiv as md
from matderiv.errors import MatderivError
from matderiv.expr import variable
from matderiv.output.documents.html import breakable, document_html, mathml
from matderiv.output.latex.formula import latex
from matderiv.output.layout import UnreadFormula

VIEWS = ("chain", "differential", "index")
STYLES: tuple[dict[str, str], ...] = (
    {},
    {"vectors": "arrow", "transpose": "prime"},
    {"vectors": "plain", "transpose": "T", "gradient": "nabla"},
)


def formulas(page: str) -> list[str]:
    """Every `math` element of a page."""
    return re.findall(r"<math.*?</math>", page, re.DOTALL)


class Strict(HTMLParser):
    """Collects the elements of a page and refuses what is not closed."""

    VOID = ("meta", "wbr")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def parsed(page: str) -> Strict:
    found = Strict()
    found.feed(page)
    found.close()
    assert not found.open
    return found


# What is seen is true -----------------------------------------------------------------------------


@pytest.mark.parametrize("problem", problems(), ids=lambda p: p.id)
def test_the_formula_on_the_page_has_the_true_value(problem: Problem) -> None:
    d = problem.derivation()
    if not d.has_matrix_form:
        assert formulas(d.html(None))
        return
    names = {*problem.shapes, "G"}
    for shown in (mathml(d.latex()), "".join(breakable(d.latex(), "="))):
        text = text_of(shown, names)
        for point in problem.points:
            found = reader.value(text, point.values, point.sizes)
            assert_same(*written(found, point.truth), f"{d} is shown as {text}")


def test_a_wrong_formula_would_be_noticed() -> None:
    x, y = variable("x", (3,)), variable("y", (3,))
    values = {"x": np.array([1.0, 2, 3]), "y": np.array([2.0, 5, 7])}
    right = reader.value(text_of(mathml(latex(x * (x - y))), {"x", "y"}), values, {})
    wrong = reader.value(text_of(mathml(latex(x * x - y)), {"x", "y"}), values, {})
    assert np.allclose(right, [-1, -6, -12])
    assert not np.allclose(right, wrong)


@pytest.mark.parametrize("problem", problems()[::6], ids=lambda p: p.id)
def test_every_formula_of_every_view_is_well_formed(problem: Problem) -> None:
    d = problem.derivation()
    for view in VIEWS:
        page = d.html(view, detail="full")
        found = formulas(page)
        assert len(found) > len(d.steps(view).steps)
        for shown in found:
            assert ElementTree.fromstring(shown).tag == "math"
        parsed(page)


# The page -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
@pytest.mark.parametrize("view", VIEWS)
def test_a_page_needs_no_script_and_nothing_from_elsewhere(case: Any, view: str) -> None:
    d = case.derivation()
    page = d.html(view)
    found = parsed(page)
    assert not found.found & {"script", "link", "img", "iframe", "object", "style@import"}
    assert not {a for a in found.attributes if a.startswith("on")}
    assert not found.attributes & {"src", "href", "srcset"}
    assert "url(" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page
    said = " ".join(found.said)
    for step in d.steps(view).steps:
        assert step.label in said
    for number in range(1, len(d.steps(view).steps) + 1):
        assert f'id="step-{number}"' in page


def test_the_page_says_what_a_reader_asks() -> None:
    d = md.derive("norm2(A*x - b)^2", "x", shapes={"b": "m"}, assume={"x": "positive"})
    page = d.html("chain", detail="full")
    said = " ".join(parsed(page).said)
    for part in ("Let ", "(positive)", "Layout: the gradient has the shape of", "affine map"):
        assert part in said
    assert "Source: Magnus" in said
    assert "upstream <math>" in page  # names in sentences are formulas
    assert "`" not in page
    brief, normal = d.html("chain", detail="brief"), d.html("chain")
    assert "affine map" not in brief
    assert "<details" in normal
    with pytest.raises(MatderivError, match="unknown detail"):
        d.html("chain", detail="long")
    with pytest.raises(MatderivError, match="unknown view"):
        d.html("tensor")


def test_a_page_in_ascii_shows_the_same(run: Run) -> None:
    asked = ("derive", "a'*inv(X)*b", "X", "--shape", "a: n", "--shape", "b: n", "-q")
    for options in (("--steps", "index"), ()):
        whole = run(*asked, "--format", "html", *options).out
        plain = run(*asked, "--format", "html", *options, "--ascii").out
        assert plain.isascii()
        assert not whole.isascii()
        assert re.sub("&#([0-9]+);", lambda m: chr(int(m[1])), plain) == whole


@pytest.mark.parametrize("style", STYLES)
def test_styles_reach_the_page(style: dict[str, str]) -> None:
    d = md.derive("norm2(A*x - b)^2", "x", shapes={"b": "m"})
    page = d.html("chain", **style)
    assert ("∇" in page) == (style.get("gradient") == "nabla")
    assert ("→" in page) == (style.get("vectors") == "arrow")
    assert ("′" in page) == (style.get("transpose") == "prime")
    assert ('class="b"' in page) == (not style)
    assert page == d.html("chain", **style)
    parsed(page)
    parsed(d.html(None, **style))


def test_a_reason_knows_a_variable_called_e() -> None:
    assert "power" in md.derive("e^(1/2)", "e").html("chain", detail="full")


def test_notes_are_shown_and_escaped() -> None:
    d = md.derive("tr(A*X)", "X", assume={"X": "symmetric"})
    steps = d.steps("chain")
    document = replace(steps, about=replace(steps.about, remarks=("<b>x</b> & y",)))
    page = document_html(document)
    assert "Note: &lt;b&gt;x&lt;/b&gt; &amp; y." in page
    assert "Note: X is symmetric: the unconstrained" in d.html("chain")


def test_without_steps_the_page_has_the_equation_the_names_and_the_layout() -> None:
    page = md.derive("A*X*B", "X").html(None)
    said = " ".join(parsed(page).said)
    assert "Layout: entry (" in said
    assert len(formulas(page)) >= 5


# Names --------------------------------------------------------------------------------------------

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</textarea>",
    "&lt;",
    "a`b",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_where_it_is_typed_and_escaped_where_it_is_shown(
    name: str, run: Run
) -> None:
    """Row 83."""
    with pytest.raises(MatderivError):
        md.derive(f"sum({name})", name)
    told = run("derive", name, "x", "--format", "html")
    assert told.status == 2
    assert told.out == ""
    x = variable(name, (3,))
    d = md.derive(x.T @ x, x)
    for view in VIEWS:
        for page in (
            d.html(view, detail="full"),
            str(d.steps(view)._repr_mimebundle_()["text/html"]),
        ):
            found = parsed(page)
            assert not found.found & {"script", "img", "textarea"}
            assert not {a for a in found.attributes if a.startswith("on")}
            assert "<script>alert" not in page
            assert "<img" not in page
            assert name != "&lt;" or "&amp;lt;" in page


def test_no_formula_outside_the_language_is_shown() -> None:
    for bad in (r"\input{x}", "x}", "{x", r"\left(x", "x)", r"\frac", r"\unknown", "#", "$"):
        with pytest.raises(UnreadFormula):
            mathml(bad)


def test_blocks_are_a_table_between_fences() -> None:
    d = md.derive("norm2([X, ones(n); A, 0*b]*w - y)^2", "w")
    for page in (d.html(), d.html("chain")):
        rows = re.search(r"<mo fence[^>]*>\[</mo><mtable>(.*?)</mtable><mo fence", page)
        assert rows
        assert (rows[1].count("<mtr>"), rows[1].count("<mtd>")) == (2, 4)
    with pytest.raises(UnreadFormula):
        mathml(r"\begin{bmatrix} a & b")


def test_deep_and_long_formulas_are_written_in_linear_time() -> None:
    x = variable("x")
    e = x
    for _ in range(3000):
        e = (e + 1) / 2
    assert mathml(latex(e)).count("<mfrac>") == 3000
    nested = "(" * 5000 + "x" + ")" * 5000
    assert mathml(nested).count("<mo") == 10_000


# Notebooks ----------------------------------------------------------------------------------------


def test_notebooks_get_every_form() -> None:
    d = md.derive("x'*A*x", "x")
    assert sorted(d._repr_mimebundle_()) == ["text/html", "text/latex", "text/plain"]
    bundle = d.steps("differential")._repr_mimebundle_()
    assert sorted(bundle) == ["text/html", "text/latex", "text/markdown", "text/plain"]
    assert bundle["text/plain"] == d.text("differential") == str(d.steps("differential"))
    assert "<html" not in bundle["text/html"]
    parsed(bundle["text/html"])


def test_a_page_comes_from_the_command_line(run: Run, tmp_path: Path) -> None:
    told = run("derive", "x'*A*x", "x", "--format", "html", "--steps", "-q")
    assert told.status == 0
    assert told.out == md.derive("x'*A*x", "x").html("chain")
    file = tmp_path / "page.html"
    assert run("derive", "x'*A*x", "x", "--format", "html", "-o", str(file)).status == 0
    assert file.read_text(encoding="utf-8") == md.derive("x'*A*x", "x").html(None)


WIDTHS = """<pre id="found"></pre>{frames}<script>window.onload = () => {{
  for (const f of document.querySelectorAll("iframe"))
    document.getElementById("found").textContent +=
      f.contentDocument.documentElement.scrollWidth + " ";
}}</script>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser here")
@pytest.mark.sweep
@pytest.mark.parametrize("width", [420, 1200])
def test_no_page_is_wider_than_the_window(width: int, tmp_path: Path) -> None:
    frames = ""
    for case in CASES:
        for view in VIEWS:
            name = f"{case.name}-{view}.html"
            page = case.derivation().html(view, detail="full")
            (tmp_path / name).write_text(page, encoding="utf-8")
            frames += f'<iframe src="{name}" style="width:{width}px;border:0"></iframe>'
    all_pages = tmp_path / "all.html"
    all_pages.write_text(WIDTHS.format(frames=frames), encoding="utf-8")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files")
    told = subprocess.run(
        ["chromium", *options, "--virtual-time-budget=20000", "--dump-dom", all_pages.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    shown = re.search('<pre id="found">(.*?)</pre>', told.stdout)
    assert shown is not None
    found = [int(n) for n in shown[1].split()]
    assert len(found) == len(CASES) * len(VIEWS)
    assert max(found) <= width
