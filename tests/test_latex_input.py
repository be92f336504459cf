"""LaTeX in: what is printed reads back equal, and formulas as course notes spell them are read."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from expressions import SHAPES, VARIABLES, expressions
from hypothesis import HealthCheck, given, settings
from problems import Problem, problems

from matderiv import derive, verify
from matderiv.errors import LimitError, MatderivError, ParseError, UnknownFunction, UnknownName
from matderiv.expr import Expr
from matderiv.input.answers import equation_sides, read_stated
from matderiv.input.resolve import Reading, read
from matderiv.input.spelling import Spelled
from matderiv.numeric.evaluate import evaluate
from matderiv.output.latex.formula import latex
from matderiv.verification.quantities import DERIVATIVE, VALUE, named

STYLES = [
    {"vectors": v, "transpose": t}
    for v, t in product(("bold", "plain", "arrow"), ("top", "T", "prime"))
]


def as_read(text: str, reading: Reading, **more: Any) -> Expr:
    """The meaning of LaTeX in the names of a reading."""
    return reading.read_more(Spelled(text, "latex"), **more)


def assert_same(found: Expr, wanted: Expr, problem: Problem) -> None:
    for point in problem.points:
        values = dict(point.values)
        for name in {"G", f"d{problem.wrt}"} - set(values):
            shape = point.values[problem.wrt].shape if name != "G" else None
            if shape is not None:
                values[name] = np.cos(np.arange(1, 1 + int(np.prod(shape)))).reshape(shape)
        a, b = evaluate(found, values, point.sizes), evaluate(wanted, values, point.sizes)
        np.testing.assert_allclose(np.broadcast_to(a, np.shape(b)), b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("problem", problems(), ids=lambda p: p.id)
def test_what_is_printed_reads_back_equal(problem: Problem) -> None:
    derivation = problem.derivation()
    reading = derivation.reading
    assert reading is not None
    extra = {v.name: v for v in (derivation.upstream,) if v is not None}
    for style in STYLES:
        if style in STYLES[::4]:
            function = as_read(latex(derivation.f, **style), reading)
            assert_same(function, derivation.f, problem)
        if not derivation.has_matrix_form:
            continue
        shape = derivation.displayed.shape
        value = as_read(derivation.latex(**style), reading, extra=extra, expected=shape)
        assert_same(value, derivation.displayed, problem)
        typed = derivation.equation(**style)
        stated = read_stated(typed, reading, spelling="latex", extra=extra)
        assert_same(stated.expr, derivation.displayed, problem)
        left = named(typed.partition(" = ")[0], True)
        assert left.kind == (VALUE if problem.kind == "vjp" else DERIVATIVE), left
        if left.kind == DERIVATIVE:
            assert left.by.replace("_", "") == problem.wrt.replace("_", "")
    if derivation._vec_expr is not None:
        form = derivation._vec_expr
        assert_same(as_read(latex(form), reading, expected=form.shape), form, problem)


SIZES = {"m": 2, "n": 3, "d": 4}
RANDOM = np.random.default_rng(7)
VALUES = {
    name: RANDOM.normal(size=tuple(SIZES[s.names[0]] for s in v.shape if not isinstance(s, int)))
    for name, v in VARIABLES.items()
}


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(expressions())
def test_any_expression_reads_back_from_latex(e: Expr) -> None:
    reading = read("0", shapes=SHAPES)
    for style in STYLES[::4]:
        formula = latex(e, **style)
        found = as_read(formula, reading, expected=e.shape)
        with np.errstate(all="ignore"):
            a, b = evaluate(found, VALUES, SIZES), evaluate(e, VALUES, SIZES)
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=formula)


# Formulas as course notes spell them -------------------------------------------------------------


def formulas() -> list[dict[str, Any]]:
    """Formulas with their source, the same in the text language, and shapes."""
    path = Path(__file__).parent / "data" / "latex_formulas.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


NUMBERS = {"n": 5, "d": 4, "m": 2, "k": 3, "h": 6, "N": 7, "K": 8}


def random_values(reading: Reading) -> dict[str, Any]:
    """Positive numbers below 1 for every name; square matrices are positive definite."""
    random = np.random.default_rng(3)
    found = {}
    for name, v in reading.variables.items():
        sizes = tuple(s if isinstance(s, int) else NUMBERS[s.names[0]] for s in v.shape)
        a = random.uniform(0.1, 0.6, sizes)
        square = len(sizes) == 2 and sizes[0] == sizes[1]
        found[name] = a @ a.T + np.eye(sizes[0]) if square else a
    return found


@pytest.mark.parametrize("formula", formulas(), ids=lambda f: f["latex"][:40])
def test_formulas_of_course_notes_are_read(formula: dict[str, Any]) -> None:
    wanted = read(formula["text"], shapes=formula["shapes"])
    values = random_values(wanted)
    target = evaluate(wanted.expr, values, NUMBERS)
    found = read_stated(formula["latex"], wanted, spelling="latex", expected=wanted.expr.shape)
    np.testing.assert_allclose(evaluate(found.expr, values, NUMBERS), target, rtol=1e-12)


def test_there_are_enough_formulas_of_course_notes() -> None:
    found = formulas()
    assert len(found) >= 60
    assert len({f["source"] for f in found}) >= 8


# Mistakes, detection, sides ----------------------------------------------------------------------

SMALL = {"A": "m,n", "x": "n", "y": "n", "b": "m", "S": "n,n", "t": "", "w_1": "n", "yhat": "n"}


@pytest.mark.parametrize(
    ("formula", "error", "typed", "message"),
    [
        (r"\frac{1}{2", ParseError, "{", "never closed"),
        (r"x^\top (y", ParseError, "(", "never closed"),
        (r"\|x - y", ParseError, r"\|", "never closed"),
        (r"x \odot", ParseError, "", r"operand after \odot"),
        (r"x + \foo y", ParseError, r"\foo", r"the command \foo is not read"),
        (r"\int x", ParseError, r"\int", "integrals"),
        (r"\mathbb{E}[x]", ParseError, r"\mathbb{E}", "expectations"),
        (r"\frac{\partial f}{\partial x}", ParseError, r"\partial", "derivative inside"),
        (r"\sum_i x_i A_{ij}", MatderivError, r"", "cannot multiply"),
        (r"t^23", ParseError, "3", "operator is missing between numbers"),
        (r"\sum_i x^\top S x", ParseError, r"\sum_i x^\top S x", "carries the index i"),
        (r"\sum_i t", ParseError, r"\sum_i t", "carries the index i"),
        (r"\sum_{i<3} x_i", ParseError, "i<3", "plain indices"),
        (r"\log x y", ParseError, r"\log x y", r"what \log covers"),
        (r"x / 2 t", ParseError, "2 t", "what / divides by"),
        (r"x^*", ParseError, "^*", "this superscript"),
        (r"\|S\|_\infty", ParseError, r"\|S\|_\infty", "two meanings"),
        (r"\operatorname{foo}(x)", UnknownFunction, r"\operatorname{foo}", "unknown function foo"),
        (r"q + x", UnknownName, "q", "has the name q"),
        (r"A x + \text{if } y", ParseError, r"\text{if }", "words"),
        (r"\begin{tikz} 1 \end{tikz}", ParseError, r"\begin{tikz}", "tikz is not read"),
        (r"\begin{bmatrix} 1", ParseError, "", "expected an expression"),
        (r"x \times y \times", ParseError, "", "operand after"),
        (r"S^{-1})", ParseError, ")", "closes nothing"),
        (r"x > y", ParseError, ">", "inside brackets"),
        (r"A y + \frac{x}{2}", MatderivError, r"A y + \frac{x}{2}", "cannot add"),
        (r"I_k x", UnknownName, "I_k", "the size k"),
        (r"\sum_{i,j} (S_{ij} - I_{ij})^2", ParseError, "", "outside a subscript"),
        (r"\sum_{i,j} (S_{ij} - \mathbf{I}_{ij}(1 + t))^2", ParseError, "", "outside a subscript"),
        (r"x \write18{id}", ParseError, r"\write", "not read"),
        (r"\hat{A x}", ParseError, r"\hat", "stands over a name"),
    ],
)
def test_a_mistake_is_shown_where_it_is(
    formula: str, error: type[MatderivError], typed: str, message: str
) -> None:
    with pytest.raises(error) as caught:
        as_read(formula, read("0", shapes=SMALL))
    found = caught.value
    assert found.source == formula
    assert found.span is not None
    assert message in found.message
    if typed:
        assert formula[slice(*found.span)] == typed


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (r"\mathbf{w}_1 + \hat{y}", "w_1 + yhat"),
        (r"w_{1}\hat{\mathbf{y}}^\top", "w_1*yhat'"),
        ("S^Tx", "S'*x"),
        (r"x' S x", "x'*S*x"),
        (r"S^{-\mathsf{T}}x", "inv(S)'*x"),
        (r"\lambda", None),
        (r"x \cdot y", "x'*y"),
        (r"x^\top \cdot y", "x'*y"),
        (r"t \cdot x", "t*x"),
        (r"\mathbf{1}^\top x", "ones(n)'*x"),
        (r"(S + 2 \mathbf{I})x", "(S + 2*eye(n))*x"),
        (r"\mathbf 1\{x > y\}", "(x>y)"),
        (r"\mathbb{1}[x > 0] \circ y", "(x>0).*y"),
        (r"\mathbf 1_{x \ge y}", "(x>=y)"),
        (r"\log|S|", "logdet(S)"),
        (r"|x|^\top y", "abs(x)'*y"),
        (r"\sum_j |x_j|", "sum(abs(x))"),
        (r"\sum_{i=1}^n\sum_{j=1}^n S_{ij} S_{ji}", "sum(S.*S')"),
        (r"\sum_{i,j} x_i S_{ij} y_j", "sum(x.*S.*y')"),
        (r"\sum_i \log \sum_j e^{A_{ij}}", "sum(log(sum(exp(A),2)))"),
        (r"\max_i x_i + \min_j y_j", "max(x) + min(y)"),
        (r"\prod_{i} x_i", "prod(x)"),
        (r"\sum_i S_{ii}", "sum(diag(S))"),
        (r"1/2 \|x\|^2", "1/2*norm2(x)^2"),
        (r"\|x\|^2_2", "norm2(x)^2"),
        (r"\frac12 t^{23}", "1/2*t^23"),
        (r"\operatorname{tr} S S", "tr(S*S)"),
        (r"[x]_+", "relu(x)"),
        (r"\sqrt[3]{t}", "t^(1/3)"),
        (r"\tanh'(x)", "1 - tanh(x).^2"),
        (r"\exp\left\{-\tfrac{1}{2} t\right\}", "exp(-t/2)"),
    ],
)
def test_notation_has_its_usual_meaning(formula: str, text: str | None) -> None:
    reading = read("0", shapes=SMALL)
    if text is None:
        with pytest.raises(UnknownName):
            as_read(formula, reading)
        return
    wanted = reading.read_more(text)
    values = random_values(reading)
    found = evaluate(as_read(formula, reading, expected=wanted.shape), values, NUMBERS)
    np.testing.assert_allclose(found, evaluate(wanted, values, NUMBERS), rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        (r"S\y", "text"),
        (r"\$A x\$".replace("\\", ""), "latex"),
        (r"A^{\top} b", "latex"),
        (r"\alpha x", "latex"),
        ("A*x", "text"),
        (r"S\x + x", "text"),
    ],
)
def test_the_spelling_is_found(text: str, spelling: str) -> None:
    reading = read("0", shapes={**SMALL, "alpha": ""})
    assert read_stated(text, reading).spelling == spelling


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (r"\nabla_w L = 2x", ("derivative", "L", "w", 1)),
        (r"\nabla_{\mathbf w}^2 L(\mathbf w) = 2S", ("derivative", "L", "w", 2)),
        (r"\frac{\partial L}{\partial W} = S", ("derivative", "L", "W", 1)),
        (r"\frac{\partial}{\partial x} f(x) = x", ("derivative", "f", "x", 1)),
        (r"\frac{\partial^2 f}{\partial x \partial x^\top} = S", ("derivative", "f", "x", 2)),
        (r"\partial f/\partial x = x", ("derivative", "f", "x", 1)),
        (r"\frac{\mathrm{d}f}{\mathrm{d}x} = x", ("derivative", "f", "x", 1)),
        (r"\frac{dL}{dw_1} = x", ("derivative", "L", "w_1", 1)),
        (r"\mathrm{d}f = x", ("differential", "f", "", 1)),
        (r"dS = x", ("differential", "S", "", 1)),
        (r"f(x) = x", ("value", "f", "", 1)),
        (r"\mathcal{L} = x", ("value", "L", "", 1)),
        (r"\hat{y} = x", ("value", "y_hat", "", 1)),
        (r"x^\top x = x", ("formula", "", "", 1)),
    ],
)
def test_left_sides_say_what_is_derived_by_what(text: str, left: tuple[str, str, str, int]) -> None:
    found = named(text.partition(" = ")[0], True)
    assert (found.kind, found.of, found.by, found.order) == left
    assert read_stated(text, read("0", shapes=SMALL), spelling="latex").expr is not None


def test_the_sides_of_a_chain_of_equations() -> None:
    text = r"\begin{aligned} f &= A x \\ &\quad = b, \end{aligned}"
    assert [text[slice(*s)].strip() for s in equation_sides(text, "latex")][1] == "A x"
    plain = "f = x'*x = 2"
    assert [plain[a:b] for a, b in equation_sides(plain, "text")] == ["f", "x'*x", "2"]
    assert equation_sides("sum(X, axis=1)", "text") == ((0, 14),)
    assert equation_sides("x.sum(axis=0)", "python") == ((0, 13),)


@pytest.mark.parametrize(
    "answer",
    [
        r"\nabla_w L = -X^\top (y \odot \sigma(-y \odot Xw))",
        r"\frac{\partial L}{\partial w} = -X^T\left(\frac{y}{1 + e^{y \odot Xw}}\right)",
        r"-X^\top \operatorname{diag}(y)\, \sigma(-\mathrm{diag}(y) X w)",
        r"$$ \nabla_{\mathbf{w}} f = -\mathbf{X}^{\top}(\mathbf{y} \circ \sigma(-\mathbf{y} \circ"
        r"\mathbf{X}\mathbf{w})). $$",
    ],
)
def test_answers_in_latex_are_verified(answer: str) -> None:
    loss = "sum(log(1 + exp(-y.*(X*w))))"
    found = verify(loss, "w", answer, shapes={"X": "n,d", "y": "n"})
    assert found.correct is True, str(found)


@pytest.mark.parametrize("answer", ["eye", "I", r"\mathbf{I}", r"2I - I", "2*eye - eye(n)"])
def test_an_identity_takes_its_size_from_its_neighbours(answer: str) -> None:
    assert verify("tr(A)", "A", answer).correct is True


def test_a_derivative_by_another_variable_is_said() -> None:
    with pytest.raises(ParseError, match="derivative by X, asked is the one by w"):
        verify("norm2(X*w)^2", "w", r"\nabla_X L = 2Xww^\top")
    with pytest.raises(ParseError, match="order 2, asked is order 1"):
        verify("norm2(X*w)^2", "w", r"\nabla^2_w L = 2X^\top X")


def test_expressions_in_latex_are_derived() -> None:
    assert str(derive(r"\|Xw-y\|_2^2", "w")) == "2*X'*(X*w - y)"
    loss = r"L(\theta) = \frac1n \sum_{i=1}^n \log(1 + e^{-y_i z_i}) + \lambda\|\theta\|^2"
    assert str(derive(loss, r"\theta", shapes={"theta": "d"})) == "2*lambda*theta"
    found = derive(loss, "z", shapes={"theta": "d"})
    assert [str(s) for s in found.shape] == ["n"]
    with pytest.raises(ParseError, match="an equation"):
        derive("A^{2}x = b", "x")


@pytest.mark.parametrize(
    ("formula", "wrt", "derivative"),
    [
        (r"\mathbf{b}^{\top}x", "x", "b"),  # bold
        (r"\frac12 x^TAx - b^Tx", "x", "0.5*(A + A')*x - b"),  # transposed
        (r"\sum_i a_i x_i", "x", "a"),  # with an index
        (r"\|X\beta - y\|^2", r"\beta", "2*X'*(X*beta - y)"),  # behind a matrix
        (r"\lambda \|w\|^2", "w", "2*lambda*w"),  # a scalar
        (r"\frac{1}{2n}\|Xw - y\|^2", "w", "X'*(X*w - y)/n"),  # a count
        (r"\Sigma\mu + \boldsymbol{c}", r"\mu", "Sigma"),
    ],
)
def test_the_look_of_a_name_says_that_it_is_an_array(
    formula: str, wrt: str, derivative: str
) -> None:
    assert str(derive(formula, wrt)) == derivative


@pytest.mark.parametrize("answer", ["(A+A^T)x", "Ax + A^Tx", "Ax + A'x", "$Ax + A^Tx$"])
def test_answers_may_write_factors_side_by_side(answer: str) -> None:
    assert verify("x'*A*x", "x", answer).correct is True


def test_a_division_that_could_be_a_greek_letter_is_refused() -> None:
    with pytest.raises(ParseError, match="is a letter in LaTeX") as caught:
        derive(r"X\beta", "beta")
    assert caught.value.span == (1, 6)
    assert str(derive(r"$X\beta$", "beta")) == "X"
    assert str(derive(r"X\y", "y")) == "inv(X)"


def test_a_misfit_in_latex_is_diagnosed() -> None:
    found = verify("norm2(X*w - y)^2", "w", r"2X^\top X w - y")
    assert (found.correct, found.diagnosis) == (False, "missing-chain-factor")


@pytest.mark.parametrize(
    "text",
    [
        r"\frac" * 5_000 + "12",
        r"\mathbf{" * 3_000 + "x" + "}" * 3_000,
        r"\mathbf{1}(" * 3_000 + "x" + ")" * 3_000,
        r"\|" * 5_001,
        "{" * 5_000,
        r"\log" * 5_000 + " x",
        "x^{" * 3_000 + "2" + "}" * 3_000,
    ],
    ids=lambda t: t[:8],
)
def test_deep_formulas_meet_a_limit(text: str) -> None:
    with pytest.raises(LimitError, match="nested deeper"):
        as_read(text, read("0", shapes=SMALL))


def test_long_formulas_are_read() -> None:
    reading = read("0", shapes=SMALL)
    assert as_read(r"t \cdot " * 5_000 + "t", reading).shape == ()
    assert as_read("t + " * 5_000 + "t", reading).shape == ()


@pytest.mark.parametrize("typed", [r"x{^\top", r"x^{{^\top}A", r"{^", r"\sum_i x{^\top y"])
def test_a_group_that_is_never_closed_is_an_error(typed: str) -> None:
    with pytest.raises(ParseError):
        read(Spelled(typed, "latex"))
