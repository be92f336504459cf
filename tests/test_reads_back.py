"""What is printed in LaTeX compiles, and reads back with the same values."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matderiv import derive, verify
from matderiv.doors.derivation import Derivation
from matderiv.expr import variables
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.sampling import sampler

QUESTIONS: list[tuple[str, str, dict[str, Any]]] = [
    (r"x^\top A x", "x_1", {}),
    (r"\|X\|_F^2", "X_{12}", {}),
    ("X[1,2]", "X", {}),
    ("x[1]^2 + x[2]", "x", {}),
    (r"-\log\frac{e^{z_y}}{\sum_j e^{z_j}}", "z", {}),
    (r"-z_k + \log\sum_j e^{z_j}", "z", {"kind": "gradient"}),
    (r"\frac{e^{z_i}}{\sum_j e^{z_j}}", "z", {}),
    (r"\frac{e^{z_i}}{\sum_j e^{z_j}}", "z_i", {}),
    (r"\sum_i (w^\top x_i - y_i)^2 + \lambda\|w\|^2", "w", {}),
    (r"\sum_i \|x_i - \mu\|^2", r"\mu", {}),
    (r"\sum_{i,j} (x_i - x_j)^2", "x", {}),
    (r"\sum_k A_{ik} B_{kj}", "A", {}),
    ("relu(W_2*relu(W_1*x + b_1))", "W_1", {}),
    ("softmax(W*x)", "W", {"order": 2}),
    ("A*X*B", "X", {}),
    (r"\operatorname{tr}(X\log X)", "X", {}),
    (r"\operatorname{tr}(\sqrt{X^\top X})", "X", {}),
    (r"c^\top e^{tA} b", "t", {}),
    (r"\operatorname{tr}(X^p)", "X", {}),
    ("F.smooth_l1_loss(X @ w, y)", "w", {}),
    ("max(0, W*x + b)", "W", {"kind": "vjp"}),
    (r"\|x\|_p", "x", {"shapes": {"p": ""}}),
]


@pytest.fixture(scope="module")
def derivations() -> list[Derivation]:
    """The derivations of all questions."""
    return [derive(f, wrt, **how) for f, wrt, how in QUESTIONS]


@pytest.mark.parametrize("place", range(len(QUESTIONS)), ids=lambda k: QUESTIONS[k][0][:30])
def test_latex_reads_back(place: int, derivations: list[Derivation]) -> None:
    d = derivations[place]
    extra = {"G": d.upstream} if d.upstream is not None else None
    again = d.reading.read_more(d.latex(), expected=d.displayed.shape, extra=extra)
    named = [v for v in (*variables(d.f), d.upstream) if v is not None]
    point = sampler(d.displayed, named).point(0)
    one, other = (
        evaluate(e, {v.name: point.values[v.name] for v in variables(e)}, point.sizes)
        for e in (d.displayed, again)
    )
    np.testing.assert_allclose(np.ravel(other), np.ravel(one), rtol=1e-9, atol=1e-12)


def test_latex_compiles(derivations: list[Derivation], tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("there is no pdflatex")
    shown = "\n".join(f"$$ {form} $$" for d in derivations for form in (d.latex(), d.equation()))
    packages = r"\documentclass{article}\usepackage{amsmath,amssymb}\begin{document}"
    page = tmp_path / "page.tex"
    page.write_text(f"{packages}\n{shown}\n\\end{{document}}", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", page.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize(
    "names", ["x1 x_1", "x_1 x1", "theta1 theta_1", "weights_1", "kron2", "sin2", "log_2", "I_1"]
)
def test_names_like_functions_and_names_alike_are_read_back(names: str) -> None:
    f = " + ".join(f"{k}*{n}'*z" for k, n in enumerate(names.split(), 1))
    shapes = dict.fromkeys([*names.split(), "z"], "n")
    written = derive(f, "z", shapes=shapes).latex()
    assert verify(f, "z", written, shapes=shapes).correct
