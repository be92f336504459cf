"""Whole equations in LaTeX: left sides, index notation, and that a document of them compiles."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from derivative_cases import DERIVATIVES
from latex_reader import check_balanced
from test_latex import FORMULAS, HOSTILE

import matderiv as md
from matderiv.choosing.parts import name_parts
from matderiv.expr import variable
from matderiv.output.latex.equation import derivative_latex, index_equation_latex, index_latex
from matderiv.output.latex.formula import latex


def equations(**style: str) -> list[str]:
    """The equation of every derivative above, in matrix notation and in index notation."""
    found = []
    for f, wrt, options in DERIVATIVES:
        d = md.derive(f, wrt, **options)
        if d.has_matrix_form:
            main, parts = name_parts(d.displayed, d.names)
            found.append(
                derivative_latex(
                    d.f, d.wrt, main, parts, kind=d.kind, order=d.order, layout=d.layout, **style
                )
            )
        if len(d.index) < 300:
            found.append(
                index_equation_latex(
                    d.f,
                    d.wrt,
                    d.derivative.tensor,
                    d.derivative.outer,
                    kind=d.kind,
                    order=d.order,
                    **style,
                )
            )
    return found


@pytest.mark.parametrize("style", [{}, {"transpose": "T"}, {"vectors": "arrow"}])
def test_every_equation_is_balanced_and_the_same_each_time(style: dict[str, str]) -> None:
    first = equations(**style)
    for formula in first:
        check_balanced(formula)
    assert first == equations(**style)


# Equations ---------------------------------------------------------------------------------------

LEFT_SIDES = [
    ("x'*A*x", "x", {}, r"\nabla_{\mathbf{x}} f = "),
    ("x'*A*x", "x", {"layout": "numerator"}, r"\frac{\partial f}{\partial \mathbf{x}} = "),
    ("x'*A*x", "x", {"order": 2}, r"\nabla^{2}_{\mathbf{x}} f = "),
    ("A*x", "x", {}, r"\frac{\partial \mathbf{f}}{\partial \mathbf{x}} = \mathbf{A}"),
    (
        "A*x",
        "x",
        {"layout": "denominator"},
        r"\frac{\partial \mathbf{f}^{\top}}{\partial \mathbf{x}} = ",
    ),
    ("a*X", "a", {}, r"\frac{\partial \mathbf{F}}{\partial a} = \mathbf{X}"),
    ("a^3", "a", {"order": 2}, r"\frac{\partial^{2} f}{\partial a^{2}} = 6a"),
    ("W_1*x", "W_1", {"kind": "vjp"}, r"\bar{\mathbf{W}}_{1} = \mathbf{G}\mathbf{x}^{\top}"),
    ("A*X", "X", {"kind": "jvp"}, r"\mathrm{d}\mathbf{F} = \mathbf{A}\,\mathrm{d}\mathbf{X}"),
    ("f*x'*x", "x", {}, r"\nabla_{\mathbf{x}} g = 2f\mathbf{x}"),
]


@pytest.mark.parametrize(("f", "wrt", "options", "start"), LEFT_SIDES)
def test_left_sides_name_kind_and_layout(
    f: str, wrt: str, options: dict[str, Any], start: str
) -> None:
    d = md.derive(f, wrt, **options)
    written = derivative_latex(d.f, d.wrt, d.displayed, kind=d.kind, order=d.order, layout=d.layout)
    assert written.startswith(start)


def test_named_parts_follow_the_formula() -> None:
    x = variable("x", (3,))
    z = variable("z", (3,))
    written = latex(z * z, [("z", x + 1), ("h", z / 2)])
    assert written == (
        r"\mathbf{z} \odot \mathbf{z}\quad\text{where}\quad \mathbf{z} = \mathbf{x} + 1,"
        r"\quad \mathbf{h} = \frac{\mathbf{z}}{2}"
    )


INDEX_FORMS = [
    ("relu(W*x)", "W", r"\frac{\partial f_{i}}{\partial W_{jk}} = "),
    ("A*X*B", "X", r"\frac{\partial f_{ij}}{\partial X_{kl}} = A_{ik}B_{lj}"),
    ("mean(x)", "x", r"\frac{\partial f}{\partial x_{i}} = \frac{1}{n}"),
    ("x'*x", "x", r"\frac{\partial f}{\partial x_{i}} = 2x_{i}"),
    ("W1*x", "x", r"\frac{\partial f_{i}}{\partial x_{j}} = W_{1,ij}"),
    ("k*i*x", "x", r"\frac{\partial f_{j}}{\partial x_{l}} = k i\delta_{jl}"),
]


@pytest.mark.parametrize(("f", "wrt", "start"), INDEX_FORMS)
def test_index_notation_has_deltas_sums_and_no_letter_twice(f: str, wrt: str, start: str) -> None:
    d = md.derive(f, wrt, shapes={"k": "", "i": ""} if "k" in f else None)
    written = index_equation_latex(
        d.f, d.wrt, d.derivative.tensor, d.derivative.outer, kind=d.kind, order=d.order
    )
    assert written.startswith(start)
    assert written.endswith(index_latex(d.derivative.tensor))


# Compiling ---------------------------------------------------------------------------------------

DOCUMENT = r"""\documentclass{{article}}
\usepackage{{amsmath,amssymb}}
\begin{{document}}
{}
\end{{document}}
"""


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_document_of_all_equations_compiles(tmp_path: Path) -> None:
    hostile = [latex(variable(n, (3,)).T @ variable("y", (3,))) for n in HOSTILE]
    typed = [wanted for _, wanted in FORMULAS]
    formulas = [*equations(), *equations(vectors="arrow", transpose="prime"), *typed, *hostile]
    assert len(formulas) > 300
    body = "\n".join(rf"\[{formula}\]" for formula in formulas)
    (tmp_path / "all.tex").write_text(DOCUMENT.format(body), encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape"]
    done = subprocess.run(
        [*command, "all.tex"], cwd=tmp_path, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert b"Missing character" not in (tmp_path / "all.log").read_bytes()
