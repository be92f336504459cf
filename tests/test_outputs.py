"""Steps on the command line: formats, styles, single steps, several variables, narrow terminals."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from latex_reader import check_balanced
from problems import Problem, problems

import matderiv as md
from matderiv.command.streams import Terminal
from matderiv.errors import MatderivError, display_width
from matderiv.input.resolve import read
from matderiv.output.documents.latex import document_markdown
from matderiv.output.wrapping import folded

LEAST_SQUARES = ("norm2(A*x - b)^2", "x", "--shape", "b: m")
VIEWS = ("chain", "differential", "index")
ROOT = Path(__file__).parent.parent


def least_squares() -> Any:
    return md.derive("norm2(A*x - b)^2", "x", shapes={"b": "m"})


# JSON ---------------------------------------------------------------------------------------------


def test_steps_are_in_the_document_when_they_are_asked_for(run: Run) -> None:
    told = run("derive", *LEAST_SQUARES, "--json", "--steps", "differential")
    found = json.loads(told.out)
    assert "steps" not in json.loads(run("derive", *LEAST_SQUARES, "--json").out)
    steps = found["steps"]
    assert (steps["schema"], steps["view"], steps["wrt"]) == ("matderiv/1", "differential", "x")
    assert steps == least_squares().json("differential")
    assert [s["title"] for s in steps["sections"]] == ["Differential", "Answer"]
    first, second = steps["sections"][0]["steps"]
    assert (first["number"], first["left"], first["rule"]) == (1, "df", "squared norm")
    assert first["right"] == "2*(A*x - b)'*d(A*x - b)"
    assert first["latex"].startswith(r"\mathrm{d}f = 2(\mathbf{A}\mathbf{x}")
    assert (second["left"], second["right"]) == ("df", "2*(A*x - b)'*A*dx")
    assert second["continues"]
    (answer,) = steps["sections"][-1]["steps"]
    assert (answer["number"], answer["shape"], steps["answer"]) == (3, ["n"], 3)
    assert answer["right"] == found["result"]


@pytest.mark.parametrize("problem", problems()[::6], ids=lambda p: p.id)
def test_documents_of_steps_read_back(problem: Problem) -> None:
    """The answer is the result; numbers run on; sides of the answer are in the text language."""
    d = problem.derivation()
    for view in VIEWS:
        found = json.loads(json.dumps(d.json(view)))
        steps = [s for section in found["sections"] for s in section["steps"]]
        assert [s["number"] for s in steps] == list(range(1, len(steps) + 1))
        assert not any("`" in s["why"] for s in steps)
        if d.has_matrix_form:
            back = read(steps[-1]["right"], shapes=problem.shapes, assume=problem.assume)
            assert back.expr is d.displayed
        for s in steps:
            check_balanced(s["latex"])
            assert s["left"]


# One step, or only its rule -----------------------------------------------------------------------


def test_a_hint_names_the_rule_and_the_place_and_not_the_result(run: Run) -> None:
    d = least_squares()
    for view in VIEWS:
        steps = d.json(view)["sections"]
        for step in (s for section in steps for s in section["steps"]):
            told = run(
                "derive", *LEAST_SQUARES, "--steps", view, "--hint", str(step["number"]), "-q"
            )
            assert told.status == 0
            assert step["rule"] in told.out
            assert f"for     {step['left']}" in told.out or step["left"] in told.out
            assert f"= {step['right']}\n" not in told.out
    first = run("derive", *LEAST_SQUARES, "--hint", "--steps", "differential", "-q").out
    assert (
        first == run("derive", *LEAST_SQUARES, "--hint", "1", "--steps", "differential", "-q").out
    )
    assert first.startswith("Hint 1 of 3: differential\n  rule    squared norm\n")


def test_one_step_has_both_lines_the_reason_and_the_source(run: Run) -> None:
    told = run("derive", *LEAST_SQUARES, "--steps", "differential", "--step", "2", "-q")
    assert told.out.splitlines() == [
        "Step 2 of 3: differential",
        "  before  df = 2*(A*x - b)'*d(A*x - b)",
        "  after   df = 2*(A*x - b)'*A*dx",
        "  rule    affine map",
        "  why     A*x - b is linear in x, so the factors beside x stay; the rest does not depend "
        "on it.",
        "  source  Magnus & Neudecker, ch. 8",
    ]


# LaTeX and Markdown -------------------------------------------------------------------------------


def test_styles_reach_latex(run: Run) -> None:
    def told(*options: str) -> str:
        return run("derive", *LEAST_SQUARES, "--format", "latex", "-q", *options).out.strip()

    assert told() == r"2\mathbf{A}^{\top}(\mathbf{A}\mathbf{x} - \mathbf{b})"
    assert told("--vectors", "arrow", "--transpose", "T") == r"2A^{T}(A\vec{x} - \vec{b})"
    assert told("--vectors", "plain", "--transpose", "prime") == "2A'(A x - b)"
    assert told("--notation", "nabla").startswith(r"\nabla_{\mathbf{x}} f = 2")
    assert told("--notation", "partial").startswith(r"\frac{\partial f}{\partial \mathbf{x}} = 2")
    steps = told("--steps", "--notation", "nabla")
    assert r"\nabla_{\mathbf{x}} f &= " in steps
    assert r"\frac{\partial f}{\partial \mathbf{x}}" not in steps
    assert r"\frac{\partial f}{\partial \mathbf{x}}" in told("--steps")
    with pytest.raises(MatderivError, match="unknown notation"):
        least_squares().latex("chain", gradient="grad")


def test_a_standalone_file_has_names_layout_and_rules(run: Run, tmp_path: Path) -> None:
    steps = run("derive", *LEAST_SQUARES, "--steps", "differential", "--standalone", "-q").out
    answer = run("derive", *LEAST_SQUARES, "--standalone", "-q").out
    for written in (steps, answer):
        assert written.startswith("\\documentclass")
        assert r"Let $\mathbf{A} \in \mathbb{R}^{m \times n}$, $\mathbf{x} \in" in written
        assert r"Layout: the gradient has the shape of $\mathbf{x}$: $n$." in written
        assert r"\begin{align*}" in written
    assert r"\tag*{\small squared norm (1)}" in steps
    assert r"\nabla_{\mathbf{x}} f &= 2" in answer
    if shutil.which("pdflatex"):
        for name, written in (("steps", steps), ("answer", answer)):
            (tmp_path / f"{name}.tex").write_text(written, encoding="utf-8")
            command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
            log = done.stdout.decode("latin-1")
            assert done.returncode == 0, log[-1500:]
            assert "Overfull" not in log


def test_reasons_of_markdown_have_formulas() -> None:
    written = document_markdown(least_squares().steps("chain"), detail="full")
    assert r"$\mathbf{z}_{1}$ is linear in $\mathbf{x}$" in written
    written = document_markdown(md.derive("tr(X'*A*X)", "X").steps("differential"), detail="full")
    assert (
        r"$\operatorname{tr}(\mathbf{A}\mathbf{B}) = \operatorname{tr}(\mathbf{B}\mathbf{A})$"
        in written
    )


# ASCII --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("detail", ["brief", "normal", "full"])
def test_steps_in_ascii_keep_their_columns(run: Run, view: str, detail: str) -> None:
    options = ("--steps", view, "--detail", detail, "--ascii", "-q")
    told = run("derive", "sum(sigmoid(A*x).^2)", "x", *options)
    assert told.status == 0
    assert told.out.isascii()
    assert "\\u" not in told.out
    for block in told.out.split("\n\n"):
        rows = [row for row in block.split("\n") if re.match(r"  \S.* = |   *= ", row)]
        places = {row.index(" = ") for row in rows if "= d" not in row.split(" = ")[0]}
        assert len(places) <= 2


def plain_environment(**changes: str) -> dict[str, str]:
    """This environment without what says how a terminal looks."""
    dropped = ("LC_ALL", "LC_CTYPE", "LANG", "PYTHONIOENCODING", "PYTHONUTF8", "TERM", "COLUMNS")
    kept = {k: v for k, v in os.environ.items() if k not in dropped}
    return {**kept, "PYTHONPATH": str(ROOT), **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"LANG": "C"},
        {"TERM": "dumb", "LANG": "C.UTF-8"},
        {"PYTHONIOENCODING": "ascii", "LANG": "C.UTF-8"},
        {"LANG": "C", "COLUMNS": "20"},
    ],
    ids=str,
)
def test_poor_terminals_get_ascii(changes: dict[str, str]) -> None:
    """Row 98."""
    command = [sys.executable, "-m", "matderiv", "derive", "A*X*B", "X", "--steps", "index"]
    done = subprocess.run(
        command, capture_output=True, env=plain_environment(**changes), check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"df_ij/dX_kl" in done.stdout
    assert done.stdout.isascii()
    assert done.stderr.isascii()
    assert b"Traceback" not in done.stderr


# Several variables --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", [("W,x,b",), ("W, x, b",), ("--wrt", "W", "--wrt", "x", "--wrt=b"), ("--wrt", "W,x,b")]
)
def test_several_variables_in_one_command(run: Run, names: tuple[str, ...]) -> None:
    told = run("derive", "relu(W*x + b)", *names, "--shape", "b: m", "--kind", "vjp")
    assert told.status == 0
    assert told.out.splitlines() == [
        "∂L/∂W = (G.*step(W*x + b))*x'",
        "∂L/∂x = W'*(G.*step(W*x + b))",
        "∂L/∂b = G.*step(W*x + b)",
    ]
    for x in "Wxb":
        assert f"Checked   by {x}: verified" in told.err
    assert told.err.count("Read as") == 1


def test_several_variables_in_other_formats(run: Run) -> None:
    asked = ("derive", "norm2(A*x - b)^2", "x,A", "--shape", "b: m", "-q")
    found = json.loads(run(*asked, "--json").out)
    assert found["schema"] == "matderiv/1"
    assert [d["wrt"] for d in found["derivatives"]] == ["x", "A"]
    assert [d["check"]["verdict"] for d in found["derivatives"]] == ["verified", "verified"]
    assert run(*asked, "--format", "latex").out.count(r"\nabla_{") == 2
    assert run(*asked, "--format", "markdown").out.count("$$") == 4
    steps = run(*asked, "--steps", "differential").out
    assert steps.startswith("f = norm2(A*x - b)^2\n")
    assert steps.count("Answers\n") == 1
    assert (
        run("derive", "norm2(A*x - b)^2", "x,x", "--shape", "b: m", "-q").out == "2*A'*(A*x - b)\n"
    )


# Folding ------------------------------------------------------------------------------------------

LONG = "∂f/∂x = " + " + ".join(f"A{k}*x.*(b{k} - c{k})" for k in range(9))


@pytest.mark.parametrize("width", [20, 40, 60, 79])
def test_long_lines_are_folded_before_signs_and_nothing_is_lost(width: int) -> None:
    shown = folded(LONG, width)
    rows = shown.split("\n")
    assert max(map(display_width, rows)) <= width
    assert " ".join(row.strip() for row in rows) == LONG
    for row in rows[1:]:
        assert row.lstrip()[0] in "+-="


def test_short_lines_and_lines_without_a_place_stay() -> None:
    assert folded("x + y", 5) == "x + y"
    assert folded("x" * 30, 20) == "x" * 30
    assert folded("", 20) == ""


def test_results_are_folded_on_a_terminal_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    terms = " + ".join(f"tr(A{k}*X)^2" for k in range(6))
    shapes = [part for k in range(6) for part in ("--shape", f"A{k}: n,n")]
    asked = ("derive", terms, "X", *shapes, "-q", "--no-check")
    whole = run(*asked).out
    assert whole.count("\n") == 1
    monkeypatch.setattr(Terminal, "width", property(lambda self: 40))
    shown = run(*asked).out
    assert max(map(display_width, shown.splitlines())) <= 40
    assert " ".join(row.strip() for row in shown.splitlines()) == whole.strip()
    assert json.loads(run(*asked, "--json").out)
    assert run(*asked, "--format", "latex").out.count("\n") == 1


# Hostile LaTeX ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        r"\input{/etc/passwd}",
        r"\immediate\write18{ls}",
        r"\openin5=x",
        r"\def\x{1}\x",
        r"\csname x\endcsname",
        "^^5cinput{x}",
        r"\catcode`\x=0",
        r"\frac{1}",
        r"\left( x",
        r"\begin{tabular} x",
    ],
)
@pytest.mark.parametrize("form", ["text", "latex", "html", "markdown"])
def test_tex_code_that_is_typed_is_refused_and_never_copied(
    run: Run, typed: str, form: str
) -> None:
    """Rows 81 and 82."""
    told = run("derive", typed, "x", "--format", form)
    assert told.status == 2
    assert told.out == ""
    assert "ParseError" in told.err or "Unknown" in told.err
    assert re.search(r"^ +[\^~]+$", told.err, re.MULTILINE), told.err


# One sweep for several variables ------------------------------------------------------------------


@pytest.mark.parametrize("problem", problems()[::4], ids=lambda p: p.id)
def test_derivatives_by_several_variables_are_those_by_each(problem: Problem) -> None:
    asked: dict[str, Any] = {
        "shapes": problem.shapes,
        "assume": problem.assume,
        "kind": problem.kind,
        "structure": problem.structure,
    }
    together = md.derive(problem.expr, list(problem.shapes), **asked)
    for name, found in zip(problem.shapes, together, strict=True):
        assert str(found) == str(md.derive(problem.expr, name, **asked))
        assert found.wrt.name == name


def test_a_file_is_in_ascii_where_that_is_asked_for(run: Run, tmp_path: Path) -> None:
    for k, options in enumerate((("--steps", "index"), ("--format", "html", "--steps"), ())):
        for flag in ("--ascii", "--quiet"):
            file = tmp_path / f"{k}{flag}.txt"
            assert run("derive", "A*X*B", "X", *options, flag, "-o", str(file)).status == 0
            assert file.read_bytes().isascii() == (flag == "--ascii")
