"""LaTeX in: what a formula means is what its author means, or it is refused with both readings."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import matderiv as md
from matderiv.errors import MatderivError, ParseError
from matderiv.expr import Expr
from matderiv.input.resolve import Reading, read
from matderiv.input.spelling import Spelled
from matderiv.numeric.evaluate import evaluate
from matderiv.output.latex.formula import latex

STYLES = [
    {"vectors": v, "transpose": t}
    for v, t in product(("bold", "plain", "arrow"), ("top", "T", "prime"))
]
SIZES = {"n": 3, "m": 2}


def formula_in(text: str, reading: Reading, **more: Any) -> Expr:
    """The meaning of LaTeX in the names of a reading."""
    return reading.read_more(Spelled(text, "latex"), **more)


NOTES = {"X": "n,m", "x": "n", "w": "m", "y": "n", "z": "n", "S": "n,n", "A": "n,m"}
RNG = np.random.default_rng(21)
N = {k: RNG.uniform(0.2, 1.4, tuple(SIZES[s] for s in v.split(","))) for k, v in NOTES.items()}
X, x, w, y, z, S, A = (N[name] for name in NOTES)


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        (r"\frac12\sum_i(\sum_j X_{ij}w_j - y_i)^2", 0.5 * ((X @ w - y) ** 2).sum()),
        (r"\sum_{i=1}^n y_i^2 + 3\sum_{j=1}^m w_j^2", (y**2).sum() + 3 * (w**2).sum()),
        (r"\sum_i x_i^2+\sum_j w_j^2", (x**2).sum() + (w**2).sum()),
        (r"\sum_i x_i-\frac1n\sum_j w_j", x.sum() - w.sum() / 3),
        (r"\prod_i x_i+\sum_j w_j", x.prod() + w.sum()),
        (r"\sum_i(\log\sum_j e^{A_{ij}}-y_i)", (np.log(np.exp(A).sum(1)) - y).sum()),
        (r"\sum_i x_i - y_i + \|z\|_2^2", (x - y).sum() + (z**2).sum()),
        (r"\sum_i \sum_j X_{ij} + x_i", (X.sum(1) + x).sum()),
        (r"\sum_i \left(y_i - \sum_j X_{ij}w_j\right) z_i", ((y - X @ w) * z).sum()),
        (r"\sum_{i,j=1}^n S_{ij}x_i", (S * x[:, None]).sum()),
        (r"\sum_{i=0}^{n-1} x_i", x.sum()),
        (r"\sum_i^n x_i", x.sum()),
        (r"\sum_{i=1}^n\sum_{j=1}^m X_{ij}^2", (X**2).sum()),
        (r"\sum_{i=2}^n x_i", x[1:].sum()),
        (r"\sum_{i=1}^{n-1} x_i", x[:-1].sum()),
        (r"\sum_{i=0}^{n-2} x_i", x[:-1].sum()),
        (r"\prod_{i=2}^n x_i", x[1:].prod()),
        (r"\sum_{i=1}^{n-1}(x_{i+1}-x_i)^2 y_i", (np.diff(x) ** 2 * y[:-1]).sum()),
        (r"\sum_i\sum_{j=i+1}^n S_{ij}", np.triu(S, 1).sum()),
        (r"\sum_{i<j} S_{ij}", np.triu(S, 1).sum()),
        (r"\sum_{1\le i\le j\le n} S_{ij}", np.triu(S).sum()),
        (r"\sum_{i>j} S_{ij} x_j", (np.tril(S, -1) @ x).sum()),
        (r"\sum_i \sum_{j=1}^{i} S_{ij}", np.tril(S).sum()),
        (r"\sum_{i\ne j} x_i S_{ij} x_j", x @ (S - np.diag(np.diag(S))) @ x),
        (r"\|x_{1:2}\|^2", x[:2] @ x[:2]),
        (r"X_{2,:}w", X[1] @ w),
        (r"\log_2 x + \log_{10} y", np.log2(x) + np.log10(y)),
        (
            r"\begin{bmatrix} x \\ w \end{bmatrix}^\top\begin{pmatrix} y \\ w \end{pmatrix}",
            x @ y + w @ w,
        ),
        (
            r"x^\top\begin{bmatrix} X & y \end{bmatrix}\begin{bmatrix} w \\ 3 \end{bmatrix}",
            x @ X @ w + 3 * x @ y,
        ),
        (r"\begin{cases} x & x > y \\ 0 & \text{otherwise} \end{cases}", np.where(x > y, x, 0)),
        (
            r"\begin{cases} x, & \text{if } x \le y, \\ y, & \text{if } x > y. \end{cases}",
            np.minimum(x, y),
        ),
        (r"x'^2", x**2),
        (r"(x^2)^3", x**6),
        (r"\log x - \log 2", np.log(x) - np.log(2)),
    ],
)
def test_formulas_mean_what_an_author_of_notes_means(formula: str, value: Any) -> None:
    reading = read("0", shapes=NOTES)
    found = evaluate(formula_in(formula, reading, expected=()), N, SIZES)
    np.testing.assert_allclose(np.squeeze(found), value, rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "typed", "said"),
    [
        *[
            (rf"\sum_{{{below}}}^{above} x_i", rf"\sum_{{{below}}}^{above}", "over all entries")
            for below, above in (
                ("i=0", "n"), ("i=k", "n"), ("i=-1", "n"),
                ("i=1", "{2n}"), ("i=1", "{n/2}"), ("i=1", r"\infty"),
            )
        ],
        (r"\sum_{i=1}^{n-1} x_{i+2}", "x_{i+2}", "runs past"),
        (r"\sum_i x_{i+1}", "x_{i+1}", "runs past"),
        (r"\begin{cases} x & x > 0 \\ y & x < -1 \end{cases}", None, "leave a gap"),
        (r"\sum_{i=1}^{3} x_i", "x_i", "runs to 3"),
        (r"\sum_{i=1}^{m} x_i", "x_i", "runs to m"),
        (r"\sum_{i,j=1}^{n} X_{ij}", "X_{ij}", "runs to n"),
        (r"\sum_{i=1}^{q} x_i", "x_i", "the size q"),
        (r"\sum^n x", r"\sum^n", "no index"),
        (r"\sum_i x_i + q_i z", "q_i", "the name q"),
        (r"x^2^3", "^2^", "two superscripts"),
        (r"x^T^2", "^T^", "two superscripts"),
        (r"\lg x", r"\lg", "base 10 or 2"),
        (r"\log_b x", "_b", "subscript of log"),
        (r"\exp -x", r"\exp -", "before the sign"),
        (r"(x^\top x) : (x^\top x)", None, "a ratio"),
    ],
)  # fmt: skip
def test_a_formula_with_two_meanings_is_refused(formula: str, typed: str, said: str) -> None:
    with pytest.raises(MatderivError) as caught:
        formula_in(formula, read("0", shapes=NOTES), expected=())
    assert said in caught.value.message
    assert caught.value.span is not None
    assert formula[slice(*caught.value.span)] == (typed or formula)


@pytest.mark.parametrize("formula", [r"\sigma(x - y)", r"\sigma'(x)", r"\sigma[x]", r"2\sigma(x)"])
def test_a_declared_sigma_before_brackets_is_unclear(formula: str) -> None:
    reading = read("0", shapes={**NOTES, "sigma": ""})
    with pytest.raises(ParseError, match="sigmoid function or the variable sigma") as caught:
        formula_in(formula, reading)
    assert "operatorname{sigmoid}" in str(caught.value.hint)
    assert formula_in(formula, read("0", shapes=NOTES)).shape == reading.variables["x"].shape
    for clear in (r"\operatorname{sigmoid}(x)", r"\sigma x", r"\sigma \cdot (x - y)"):
        formula_in(clear, reading)


@pytest.mark.parametrize("f", ["sigma*(x - y)", "sigma*sigmoid(x)", "sigmoid(x) + sigma"])
def test_a_variable_sigma_and_the_sigmoid_are_printed_apart(f: str) -> None:
    reading = read(f, shapes={"x": "n", "y": "n", "sigma": ""})
    for style in STYLES:
        assert formula_in(latex(reading.expr, **style), reading) is reading.expr


@pytest.mark.parametrize("formula", [r"\sigma(x)/\sigma^2", r"\frac{x}{\sigma}\odot\sigma(x)"])
def test_sigma_is_not_a_function_and_a_variable_in_one_formula(formula: str) -> None:
    with pytest.raises(ParseError, match="sigmoid function or the variable"):
        read(Spelled(formula, "latex"))


@pytest.mark.parametrize(
    ("formula", "by", "slope"),
    [
        ("x_i y_i", "x", lambda v: np.diag(v["y"])),
        (r"-y_i\log p_i", "p", lambda v: -np.diag(v["y"] / v["p"])),
        ("W_{ij} + b_i", "b", lambda v: np.einsum("ik,j->ijk", np.eye(2), np.ones(3))),
        (
            "A_{ij}B_{ij}",
            "A",
            lambda v: np.einsum("ik,jl,ij->ijkl", np.eye(2), np.eye(3), v["B"]),
        ),
    ],
)
def test_what_shares_free_indices_with_what_is_asked_about_has_entries_too(formula, by, slope):
    shapes = {"x": (3,), "y": (3,), "p": (3,), "b": (2,), "W": (2, 3), "A": (2, 3), "B": (2, 3)}
    values = {k: RNG.uniform(0.2, 1.4, s) for k, s in shapes.items() if k in formula}
    assert np.allclose(md.derive(formula, by, kind="jacobian").evaluate(values), slope(values))


MEANT = [
    (
        r"\exp(-\|x-y\|^2/2\sigma^2)",
        "x",
        lambda v: np.exp(-square(v["x"] - v["y"]) / 2 / v["sigma"] ** 2),
    ),
    (r"e^{-\|x-y\|_2^2/2l^2}", "x", lambda v: np.exp(-square(v["x"] - v["y"]) / (2 * v["l"] ** 2))),
    (
        r"-(\alpha-\mu)^2/2\sigma^2",
        r"\mu",
        lambda v: -((v["alpha"] - v["mu"]) ** 2) / 2 / v["sigma"] ** 2,
    ),
    (r"\|x-y\|^2/2c", "x", lambda v: square(v["x"] - v["y"]) / (2 * v["c"])),
    (r"\lambda_{\max}\|x\|^2", "x", lambda v: 1.7 * square(v["x"])),
    (
        r"(c + x^\top y' - x^\top y)^2",
        "x",
        lambda v: (v["c"] + v["x"] @ (v["y_prime"] - v["y"])) ** 2,
    ),
    (r"\sum_j \log(1 + X_jw)", "w", lambda v: np.sum(np.log(1 + v["X"] @ v["w"]))),
    (r"\|Xw-y\|^2/2m", "w", lambda v: square(v["X"] @ v["w"] - v["y"]) / 6),
    (r"x^\top x/2\lambda", "x", lambda v: square(v["x"]) / (2 * v["lambda"])),
    (r"1/m\sum_i (w^\top x_i-y_i)^2", "w", lambda v: square(v["X"] @ v["w"] - v["y"]) / 3),
    (r"1/(2m)\sum_i (w^\top x_i-y_i)^2", "w", lambda v: square(v["X"] @ v["w"] - v["y"]) / 6),
    (r"\lambda/2\|w\|^2", "w", lambda v: v["lambda"] * square(v["w"]) / 2),
    (r"1/m\|Xw-y\|^2", "w", lambda v: square(v["X"] @ v["w"] - v["y"]) / 3),
    (
        r"1/m\sum_i \log(1+e^{-y_iw^\top x_i})",
        "w",
        lambda v: np.log1p(np.exp(-v["y"] * (v["X"] @ v["w"]))).sum() / 3,
    ),
    (r"\lambda/m x^\top x", "x", lambda v: v["lambda"] * square(v["x"]) / 3),
    (
        r"\|\mathbf y-\mathbf X\mathbf w\|^2 + \lambda\sum_j w_j^2",
        "w",
        lambda v: square(v["y"] - v["X"] @ v["w"]) + v["lambda"] * square(v["w"]),
    ),
    (
        r"\sum_{i=1}^m (y_i - \mathbf x_i^\top\boldsymbol w)^2 + \lambda\sum_{j=1}^p |w_j|",
        "w",
        lambda v: square(v["y"] - v["X"] @ v["w"]) + v["lambda"] * abs(v["w"]).sum(),
    ),
    (
        r"\log\sum_j e^{x_j} - \mathbf y^\top\mathbf x",
        "x",
        lambda v: np.log(np.exp(v["x"]).sum()) - v["y"] @ v["x"],
    ),
    (r"\|\bm x\|^2 + \sum_j e^{x_j}", "x", lambda v: square(v["x"]) + np.exp(v["x"]).sum()),
    (
        r"\|\mathbf X\|_F^2 + \sum_{i,j} X_{ij}^4",
        "X",
        lambda v: square(v["X"]) + (v["X"] ** 4).sum(),
    ),
    (
        r"\log\frac{1}{\sqrt{2\pi}\sigma}\exp\left(-\frac{(x-y)^\top(x-y)}{2\sigma^2}\right)",
        "x",
        lambda v: -square(v["x"] - v["y"]) / v["2ss"],
    ),
    (
        r"\sum_i\ln\frac{1}{\sqrt{2\pi}\sigma}e^{-\frac{(x_i-\mu)^2}{2\sigma^2}}",
        r"\mu",
        lambda v: -square(v["x"] - v["mu"]) / v["2ss"],
    ),
    (
        r"\frac{x^\top\nu - r_f}{\|x\|}",
        "x",
        lambda v: (v["x"] @ v["nu"] - 0.6) / square(v["x"]) ** 0.5,
    ),
]
VALUES = {
    "x": RNG.uniform(0.2, 1.4, 3), "y": RNG.uniform(0.2, 1.4, 3), "w": RNG.uniform(0.2, 1.4, 2),
    "X": RNG.uniform(0.2, 1.4, (3, 2)), "m": 3, "nu": RNG.uniform(0.2, 1.4, 3), "r_f": 0.6,
    "sigma": 0.7, "2ss": 2 * 0.7**2, "l": 1.3, "c": 0.6, "alpha": 0.9, "mu": 0.4, "lambda": 1.7,
    "y_prime": RNG.uniform(0.2, 1.4, 3), "lambda_max_": 1.7,
}  # fmt: skip


def square(x: Any) -> float:
    return float(np.sum(x**2))


@pytest.mark.parametrize(("formula", "by", "value"), MEANT)
def test_what_nobody_declares_means_what_everybody_means(formula, by, value):
    derivative = md.derive(formula, by, kind="gradient")
    name = by.lstrip("\\")
    x, step = np.asarray(VALUES[name], float), 1e-6
    slope = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        move = np.zeros(x.shape)
        move[at] = step
        above, below = (value({**VALUES, name: x + sign * move}) for sign in (1, -1))
        slope[at] = (above - below) / (2 * step)
    found = derivative.evaluate(VALUES)
    np.testing.assert_allclose(np.squeeze(found), slope, rtol=1e-6)


@pytest.mark.parametrize(
    "formula",
    [
        r"1/2\sigma^2\|x-y\|^2",
        r"\lambda\|x\|^2/m\sigma",
        r"x^\top x/2\lambda x",
        r"\log\|x\|/2p",
        r"x^\top x/2x^\top x",
    ],
)
@pytest.mark.parametrize("shapes", [{}, {"x": "n", "sigma": "", "lambda": ""}])
def test_what_a_slash_divides_by_is_refused_with_and_without_shapes(formula, shapes):
    with pytest.raises(ParseError, match="divides by is not clear"):
        read(Spelled(formula, "latex"), shapes=shapes)


@pytest.mark.parametrize(
    "formula",
    ["y_i = W_{ij}x_j + b_i", "W_{ij}x_j", "W_{ij}B_{jk}", "W_{ij}x_ix_j", r"\sum_k\phi_k(x)W"],
)
def test_a_sum_that_is_not_written_and_a_function_with_an_index_are_refused(formula):
    with pytest.raises(MatderivError):
        md.derive(formula, "W")


def test_phi_before_capitals_in_brackets_is_refused_and_before_vectors_a_function() -> None:
    with pytest.raises(ParseError, match="a function or a matrix"):
        md.derive(r"\operatorname{tr}(\Phi (W^\top)^\top)", "W")
    assert str(md.derive(r"\sum_i \Phi(x_i)", "x")) == str(md.derive("sum(normcdf(x))", "x"))
    assert str(md.derive(r"\|\Phi w - y\|^2", "w")) == "2*Phi'*(Phi*w - y)"


def test_an_inner_product_of_data_points_is_one_of_vectors():
    dual = r"\sum_i a_i - \frac12\sum_{i,j} a_i a_j y_i y_j\langle x_i, x_j\rangle"
    data, a, y = RNG.normal(size=(4, 3)), RNG.normal(size=4), RNG.normal(size=4)
    slope = md.derive(dual, "a").evaluate({"a": a, "y": y, "X": data})
    assert np.allclose(slope, 1 - y * (data @ data.T @ (a * y)))


def test_a_mean_below_a_sum_is_written_with_its_sign_in_front() -> None:
    found = md.derive(r"\sum_i r_i\|x_i - \mu\|^2", "mu")
    assert (found.reading.read_as, found.formula) == (
        "sum(r.*sum((X - mu').^2,2))",
        "2*(mu' - X)'*r",
    )
