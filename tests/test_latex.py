"""LaTeX: the look of formulas, that they read back, that they compile, and that names are safe."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from expressions import VARIABLES, expressions
from hypothesis import HealthCheck, given, settings
from latex_reader import check_balanced, read_latex

from matderiv import derive
from matderiv.errors import LimitError, MatderivError, ShapeError
from matderiv.expr import Expr, apply, variable
from matderiv.input.resolve import read
from matderiv.numeric.evaluate import evaluate
from matderiv.output.latex import templates
from matderiv.output.latex.formula import latex
from matderiv.output.latex.names import LatexNames, escaped
from matderiv.output.latex.spelling import spelled
from matderiv.shapes import Dim

SIZES = {"m": 2, "n": 3, "d": 4}
EASY = settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)

FORMULAS = [
    # sums, signs and products
    ("a + b - c", "a + b - c"),
    ("a - (b - c)", "a - (b - c)"),
    ("-a - b", "-a - b"),
    ("- -a", "-(-a)"),
    ("-(a + b)", "-(a + b)"),
    ("a*-b", "a(-b)"),
    ("a*b", "a b"),
    ("a*2", r"a \cdot 2"),
    ("2*a*x", r"2a\mathbf{x}"),
    ("(a + b)*x", r"(a + b)\mathbf{x}"),
    ("X'*(X*w - y)", r"\mathbf{X}^{\top}(\mathbf{X}\mathbf{w} - \mathbf{y})"),
    ("A*(B*C)", r"\mathbf{A}(\mathbf{B}\mathbf{C})"),
    ("(A*B)*C", r"\mathbf{A}\mathbf{B}\mathbf{C}"),
    ("(x'*y)*B*z", r"(\mathbf{x}^{\top}\mathbf{y})\mathbf{B}\mathbf{z}"),
    ("x'*y*B", r"(\mathbf{x}^{\top}\mathbf{y})\mathbf{B}"),
    ("x*x'*y", r"\mathbf{x}\mathbf{x}^{\top}\mathbf{y}"),
    ("outer(x, y)", r"\mathbf{x}\mathbf{y}^{\top}"),
    ("quadform(x, A)", r"\mathbf{x}^{\top}\mathbf{A}\mathbf{x}"),
    ("dot(x, y)", r"\mathbf{x}^{\top}\mathbf{y}"),
    ("dot(X, Y)", r"\langle \mathbf{X}, \mathbf{Y} \rangle"),
    ("sigma*(a + b)", r"\sigma \cdot (a + b)"),
    ("sigmoid(a + b)", r"\sigma(a + b)"),
    # entry by entry
    ("x.*y", r"\mathbf{x} \odot \mathbf{y}"),
    ("x.*(y.*z)", r"\mathbf{x} \odot (\mathbf{y} \odot \mathbf{z})"),
    ("x.*(A*y)", r"\mathbf{x} \odot (\mathbf{A}\mathbf{y})"),
    ("A*y.*x", r"\mathbf{A}\mathbf{y} \odot \mathbf{x}"),
    ("2.*x.*y", r"2\mathbf{x} \odot \mathbf{y}"),
    ("2*(x.*y)", r"2\mathbf{x} \odot \mathbf{y}"),
    ("A*(x.*y)", r"\mathbf{A}(\mathbf{x} \odot \mathbf{y})"),
    ("1./x", r"1 \oslash \mathbf{x}"),
    ("x./(y + 1)", r"\mathbf{x} \oslash (\mathbf{y} + 1)"),
    ("x.^2", r"\mathbf{x}^{\odot 2}"),
    ("x.^-0.5", r"\mathbf{x}^{\odot -1/2}"),
    ("a.^2", "a^{2}"),
    ("(-a)^2", "(-a)^{2}"),
    ("-a^2", "-a^{2}"),
    ("(a + b)^-1", "(a + b)^{-1}"),
    ("tanh(x).^2", r"\tanh(\mathbf{x})^{\odot 2}"),
    ("sqrt(a)^3", r"(\sqrt{a})^{3}"),
    # quotients and numbers
    ("a/b", r"\frac{a}{b}"),
    ("-a/b", r"-\frac{a}{b}"),
    ("a/(sqrt(b + c)*d)", r"\frac{a}{d\sqrt{b + c}}"),
    ("2*ones(n) + x", r"2 \cdot \mathbf{1}_{n} + \mathbf{x}"),
    ("sum(A,1)'", r"\mathbf{A}^{\top}\mathbf{1}_{m}"),
    ("a/(b + c)", r"\frac{a}{b + c}"),
    ("x/norm2(x)", r"\frac{\mathbf{x}}{\lVert \mathbf{x} \rVert_{2}}"),
    ("2*e*x", r"2 e\mathbf{x}"),
    ("-2*(x - y)/a", r"-\frac{2}{a}(\mathbf{x} - \mathbf{y})"),
    ("2*X'*(X*w - y)/a", r"\frac{2}{a}\mathbf{X}^{\top}(\mathbf{X}\mathbf{w} - \mathbf{y})"),
    ("0.5*x'*x", r"\frac{1}{2}\mathbf{x}^{\top}\mathbf{x}"),
    ("x'*x/2", r"\frac{1}{2}\mathbf{x}^{\top}\mathbf{x}"),
    ("exp(-a/2)", r"\exp\left(-\frac{a}{2}\right)"),
    ("0.1*a + 1e-5", "0.1a + 10^{-5}"),
    ("2e-5*a", r"2 \cdot 10^{-5}a"),
    ("a/3 + 1.5", r"\frac{a}{3} + \frac{3}{2}"),
    # linear algebra
    ("inv(X)'", r"\mathbf{X}^{-\top}"),
    ("inv(A + B)*y", r"(\mathbf{A} + \mathbf{B})^{-1}\mathbf{y}"),
    ("A\\y", r"\mathbf{A}^{-1}\mathbf{y}"),
    ("(A^2)'", r"(\mathbf{A}^{2})^{\top}"),
    ("A'^2", r"(\mathbf{A}^{\top})^{2}"),
    ("tr(A*B)", r"\operatorname{tr}(\mathbf{A}\mathbf{B})"),
    ("det(A)^2", r"\det(\mathbf{A})^{2}"),
    ("logdet(A)", r"\log\det(\mathbf{A})"),
    ("logdet(A)^2", r"(\log\det(\mathbf{A}))^{2}"),
    ("pinv(A)", r"\mathbf{A}^{+}"),
    ("kron(A, B)*z", r"(\mathbf{A} \otimes \mathbf{B})\mathbf{z}"),
    ("diag(x)*A", r"\operatorname{diag}(\mathbf{x})\mathbf{A}"),
    ("norm2(x)^2 + norm2(A)", r"\lVert \mathbf{x} \rVert_{2}^{2} + \lVert \mathbf{A} \rVert_{F}"),
    ("norm1(x) + norminf(x)", r"\lVert \mathbf{x} \rVert_{1} + \lVert \mathbf{x} \rVert_{\infty}"),
    ("norm1(A)", r"\lVert \operatorname{vec}(\mathbf{A}) \rVert_{1}"),
    ("abs(x)'*y", r"\lvert \mathbf{x} \rvert^{\top}\mathbf{y}"),
    ("A + eye(n)", r"\mathbf{A} + \mathbf{I}_{n}"),
    # along axes, masks, functions
    ("sum(x)", r"\operatorname{sum}(\mathbf{x})"),
    ("softmax(X, 2)", r"\operatorname{softmax}_{\mathrm{rows}}(\mathbf{X})"),
    ("mean(X, 1)", r"\operatorname{mean}_{\mathrm{cols}}(\mathbf{X})"),
    ("max(X, axis=2)", r"\max_{\mathrm{rows}}(\mathbf{X})"),
    ("max(0, 1 - a)", r"\max(0, 1 - a)"),
    ("log_softmax(x)", r"\log\operatorname{softmax}(\mathbf{x})"),
    ("log1p(x)", r"\log(1 + \mathbf{x})"),
    ("step(x - 1).*y", r"\mathbf{1}\{\mathbf{x} - 1 > 0\} \odot \mathbf{y}"),
    ("(x >= y).*z", r"\mathbf{1}\{\mathbf{x} \ge \mathbf{y}\} \odot \mathbf{z}"),
    ("where(x > 0, x, y)", r"\operatorname{where}(\mathbf{x} > 0, \mathbf{x}, \mathbf{y})"),
    ("leaky_relu(x, a)", r"\operatorname{leaky\_relu}(\mathbf{x}, a)"),
    ("cross_entropy(X, Y)", r"\operatorname{cross\_entropy}(\mathbf{X}, \mathbf{Y})"),
    ('einsum("ij,jk->ik", A, B)', r"\operatorname{einsum}_{ij,jk \to ik}(\mathbf{A}, \mathbf{B})"),
    # names
    ("theta*mu", r"\theta\mu"),
    ("W1*x_1", r"\mathbf{W}_{1}\mathbf{x}_{1}"),
    ("base*x", r"\mathrm{base}\,\mathbf{x}"),
    ("mask.*x", r"\mathbf{mask} \odot \mathbf{x}"),
    ("A*hidden", r"\mathbf{A}\,\mathbf{hidden}"),
    ("Sigma*x", r"\boldsymbol{\Sigma}\mathbf{x}"),
    ("2*pi*a", r"2\pi a"),
]


@pytest.mark.parametrize(("typed", "wanted"), FORMULAS, ids=[typed for typed, _ in FORMULAS])
def test_formulas_look_as_on_paper(typed: str, wanted: str) -> None:
    shapes = {"mask": "n", "hidden": "n", "base": "", "W1": "m,n", "x_1": "n"}
    used = {k: v for k, v in shapes.items() if k in typed}
    assert latex(read(typed, shapes=used).expr) == wanted


# Reading back ------------------------------------------------------------------------------------


def values(shift: float) -> dict[str, Any]:
    draw = np.random.default_rng(7)
    return {
        k: draw.uniform(0.3, 1.2, [SIZES[str(s)] for s in v.shape]) * (1 + shift)
        for k, v in VARIABLES.items()
    }


VALUES, NEARBY = values(0.0), values(1e-10)


def steady_value(e: Expr) -> Any:
    """The value of an expression; None where rounding decides it."""
    with np.errstate(all="raise", under="ignore"):
        try:
            found, moved = (np.ravel(evaluate(e, v, SIZES)) for v in (VALUES, NEARBY))
        except FloatingPointError:
            return None
    usable = np.all(np.isfinite(found)) and np.allclose(found, moved, 1e-7, 1e-7)
    return found if usable else None


def check_same_value(shown: Expr, wanted: Any, message: str) -> None:
    with np.errstate(all="ignore"):
        found = np.ravel(evaluate(shown, VALUES, SIZES))
    np.testing.assert_allclose(found, wanted, 1e-6, 1e-6, err_msg=message)


def check_reads_back(e: Expr, **style: Any) -> None:
    formula = latex(e, **style)
    check_balanced(formula)
    wanted = steady_value(e)
    if wanted is not None:
        for loose in (False, True):
            check_same_value(read_latex(formula, VARIABLES, loose), wanted, formula)


def reads_back(e: Expr) -> bool:
    try:
        check_reads_back(e)
    except (AssertionError, ShapeError):
        return False
    return True


@EASY
@given(expressions(max_leaves=10))
def test_formulas_mean_the_same_under_either_reading_of_products(e: Expr) -> None:
    check_reads_back(e)
    check_reads_back(e, vectors="plain", transpose="prime")


@pytest.mark.sweep
@settings(EASY, max_examples=20_000)
@given(expressions(max_leaves=18))
def test_long_formulas_read_back(e: Expr) -> None:
    check_reads_back(e)


@pytest.mark.parametrize(
    "name", ["add", "hadamard", "mul", "neg", "power", "epow", "inv", "transpose", "ediv"]
)
def test_a_wrong_level_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(templates.LEVELS, name, templates.ATOM)
    x, y, C, E = (VARIABLES[k] for k in "xyCE")
    inner = {
        "add": C + E,
        "hadamard": C * E,
        "mul": C @ E,
        "neg": -C,
        "power": apply("power", C, 2),
        "epow": C**2,
        "inv": apply("inv", C),
        "transpose": C.T,
        "ediv": C / E,
    }[name]
    outer = [inner @ y, C @ inner, inner**3, inner.T, y * (inner @ x), C * inner, 1 / inner]
    assert not all(reads_back(e) for e in outer)


@EASY
@given(expressions(max_leaves=10))
def test_the_spelling_on_paper_keeps_value_and_shape(e: Expr) -> None:
    shown = spelled(e)
    assert shown.shape == e.shape
    wanted = steady_value(e)
    if wanted is not None:
        check_same_value(shown, wanted, latex(e))


# Names, limits, options --------------------------------------------------------------------------

HOSTILE = [
    r"x}\input{secret}",
    r"\immediate\write18{ls}",
    "a$b",
    "a%b",
    "a&b#c~d^e",
    "__x__",
    "\n\n",
    "naïve",
    "名",
    "x y",
    "",
    "a" * 500,
    "<script>",
    "1",
    "x_1_2",
    "x__1",
    "\x00",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("vectors", ["bold", "plain", "arrow"])
def test_no_name_becomes_code(name: str, vectors: str) -> None:
    e = variable(name, (3,)).T @ variable("y", (3,)) / variable(name + "z")
    written = latex(e, vectors=vectors)
    check_balanced(written)
    commands = set(re.findall(r"\\[A-Za-z]+", written))
    assert commands <= {r"\frac", r"\mathbf", r"\mathrm", r"\vec", r"\top", r"\langle", r"\rangle"}
    assert set(written) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789\\{}^_, "
    )


def test_two_names_are_never_written_alike() -> None:
    names = LatexNames()
    shown = [names.symbol(n, ()) for n in ("W_1", "W1", "W_1", "I_n", "dx", "d_x", "x_y", "x_y_")]
    assert shown[2] == shown[0]
    assert len(set(shown)) == len(shown) - 1
    assert names.symbol("I_n", (3, 3)) != r"\mathbf{I}_{n}"
    assert escaped("a_b") != escaped("a5f b".replace(" ", ""))


def test_a_variable_called_T_keeps_transposes_apart_from_powers() -> None:
    e = read("A'*A^T*x", shapes={"T": "", "A": "n,n"}).expr
    assert latex(e, transpose="T") == r"\mathbf{A}^{\top}\mathbf{A}^{T}\mathbf{x}"


def test_styles() -> None:
    e = read("(X*w - theta)'*inv(A)'*X", shapes={"theta": ""}).expr
    assert latex(e, vectors="plain", transpose="T") == r"(X w - \theta)^{T}A^{-T}X"
    assert latex(e, vectors="arrow", transpose="prime") == r"(X\vec{w} - \theta)'(A^{-1})'X"


@pytest.mark.parametrize("option", [{"vectors": "red"}, {"transpose": "H"}])
def test_an_unknown_style_is_refused_with_the_choices(option: dict[str, Any]) -> None:
    with pytest.raises(MatderivError, match="unknown"):
        latex(variable("x", (3,)), **option)


def test_deep_expressions_are_written_in_linear_time() -> None:
    x = variable("x", (Dim(("n",)),))
    for step in (lambda e: apply("sin", e), lambda e: 2 * e / 3, lambda e: x - e * x):
        e = x
        for _ in range(10_000):
            e = step(e)
        check_balanced(latex(e))


def test_a_formula_nobody_can_read_is_refused() -> None:
    e = variable("x")
    for _ in range(30):
        e = e * e + e
    with pytest.raises(LimitError, match="symbols"):
        latex(e)


def test_a_long_formula_is_not_broken_inside_a_matrix() -> None:
    told = derive("sum(lstm_cell(x,h,c,W,U,b))", "W").latex("differential")
    matrices = re.findall(r"begin\{bmatrix\}.*?end\{bmatrix\}", told, re.DOTALL)
    assert len(matrices) == 4
    assert not any("&" in m or "\n" in m for m in matrices)
