"""What a line is: facts only where they are affirmed, changes, conditions, stationary points."""

from typing import Any

import pytest

from matderiv import verify_steps
from matderiv.verification.derivations.homework import verify_homework

SQUARE = {"A": "n,n", "B": "n,n", "x": "n"}
SHORTCUT = ["f = x'*A*x", "∂f/∂x = 2*A*x"]


def verdicts(lines: Any, **about: Any) -> list[str]:
    return [line.verdict for line in verify_steps(lines, **about).lines]


@pytest.mark.parametrize(
    "said",
    [
        "Let A be symmetric.",
        "A is symmetric.",
        "Suppose the matrix $A$ is symmetric.",
        "Here A and B are symmetric.",
        "Assume A = A'.",
        "We assume that A' = A",
        "Suppose A = A^T.",
        "Let A be SPD.",
        "A is positive semidefinite.",
        "Let A ∈ R^{n×n} be positive semi-definite",
        "A in R^{n×n} is symmetric",
    ],
)
def test_an_affirmed_fact_is_heard(said: str) -> None:
    assert verify_steps([said, *SHORTCUT], shapes=SQUARE).correct is True


@pytest.mark.parametrize(
    "said",
    [
        "Assume that A'A is positive definite.",
        "No assumption is made that A is symmetric.",
        "$A = A^T$ is not assumed.",
        "Is $A = A^T$?",
        "A is not symmetric.",
        "A isn't symmetric.",
        "Is A symmetric?",
        "A need not be symmetric.",
        "A could be symmetric.",
        "Neither A nor B is symmetric.",
        "A is symmetric or B is symmetric.",
        "A + B is symmetric.",
        "The matrix $A + B$ is symmetric.",
        "The inverse of A is symmetric.",
        "B is symmetric.",
        "A is symmetric. In fact A is arbitrary.",
        "We do not assume A = A'.",
        "Assume B = B'.",
        "A ist symmetrisch, das ist falsch.",
        "Let A ∈ R^{n×n} be arbitrary",
    ],
)
def test_what_is_not_said_of_a_name_is_not_heard(said: str) -> None:
    assert verify_steps("\n".join([said, *SHORTCUT]), shapes=SQUARE).correct is False


def test_a_fact_about_a_product_is_no_fact_about_its_factor() -> None:
    lines = "X'X is positive definite.\nf = norm2(X*w - y)^2\n∂f/∂w = 2*X'*(X*w - y)"
    assert verify_steps(lines, shapes={"X": "n,d", "y": "n", "w": "d"}).correct is True


@pytest.mark.parametrize(
    "said", ["A is symmetric in Problem 1 only.", "A is symmetric.", "In problem 1 A is symmetric."]
)
def test_a_fact_holds_where_it_is_said(said: str) -> None:
    problem = "$$f = x^T A x$$\n$$\\nabla_x f = 2Ax$$\n"
    sheet = f"{said}\n\n# Problem 1\n{problem}\n# Problem 2\nHere A is arbitrary.\n{problem}"
    assert [v.correct for v in verify_homework(sheet, "md")] == [True, False]


@pytest.mark.parametrize(
    ("lines", "correct"),
    [
        (["f = log(det(X))", "∂f/∂X = inv(X)'"], True),
        (["f = log(det(X))", "∂f/∂X = inv(X)"], False),
        (["f = tr(diag(y))", "∂f/∂y = ones(n)"], True),
        (["f = tr(diag(y))", "∂f/∂y = 2*ones(n)"], False),
        (["f = norm2(data*w - y)^2", "∂f/∂w = 2*data'*(data*w - y)"], True),
        (["f = norm2(X*w - y)^2", "delta = X*w - y", "∂f/∂w = 2*X'*delta"], True),
        (["f = norm2(X*w - y)^2", "delta = X*w - y", "∂f/∂w = X'*delta"], False),
        (["f = dist^2", "dist = norm2(w - v)", "∂f/∂w = 2*(w - v)"], True),
    ],
)
def test_words_that_begin_with_d_are_no_changes(lines: list[str], correct: bool) -> None:
    shapes = {"y": "n", "X": "n,n" if "det" in lines[0] else "n,d", "w": "d", "data": "n,d"}
    assert verify_steps(lines, shapes=shapes).correct is correct


def test_a_derivative_that_equals_itself_says_nothing() -> None:
    for claim in ("df/dx = df/dx", "∇f = ∇f", "∂f/∂x = 2*∂f/∂x - ∂f/∂x"):
        assert verify_steps(["f = x'*x", claim], shapes={"x": "n"}).correct is None


def test_a_false_formula_is_wrong_though_both_sides_vanish_where_the_derivative_does() -> None:
    lines = ["f = x'*x", "3*x = ∂f/∂x"]
    assert verdicts(lines, shapes={"x": "n"}) == ["given", "disproved"]
    lines = ["f = logdet(B)", "df = tr(dB*inv(B))", "d(inv(B)) = inv(B)*dB*inv(B)"]
    assert verdicts(lines, shapes={"B": "n,n"}) == ["given", "proved", "disproved"]


def test_a_further_mistake_is_explained_against_the_truth() -> None:
    found = verify_steps(["f = x'*x", "∂f/∂x = x", "= 5*x"], shapes={"x": "n"})
    assert "2*x" in found.lines[2].message


LAGRANGIAN = [r"$L = w^T S w - l (w^T w - 1)$", r"$\frac{\partial L}{\partial w} = 2Sw - 2lw = 0$"]
RAYLEIGH = [r"$f = \frac{w^T S w}{w^T w}$", r"$\nabla_w f = 0$"]
COSINE = [r"$f = \frac{a^T w}{\|w\|}$", r"$\nabla_w f = 0$"]


@pytest.mark.parametrize(
    ("lines", "last"),
    [
        ([*LAGRANGIAN, "$S w = l w$"], "verified"),
        ([*LAGRANGIAN, "$S w = 3 l w$"], "disproved"),
        ([*LAGRANGIAN, "$w^T w = 1$"], "verified"),
        ([*LAGRANGIAN, "$w^T w = 1$", "$w^T S w = l$"], "verified"),
        ([*LAGRANGIAN, "$w^T w = 1$", "$w^T S w = 2l$"], "disproved"),
        ([*RAYLEIGH, "$S w = f w$"], "verified"),
        ([*RAYLEIGH, "$S w = 2 f w$"], "disproved"),
        ([*COSINE, r"$a \|w\|^2 = (a^T w) w$"], "verified"),
        ([*COSINE, r"$a \|w\|^2 = 2 (a^T w) w$"], "disproved"),
    ],
)
def test_points_where_a_derivative_is_zero(lines: list[str], last: str) -> None:
    shapes = {"S": "n,n", "w": "n", "a": "n", "l": ""}
    found = verdicts(lines, shapes=shapes, assume={"S": "symmetric"})
    assert found[-1] == last


def test_a_condition_is_no_step() -> None:
    lines = ["f = x'*A*x", "x'*x = 1", "∂f/∂x = (A + A')*x"]
    assert verdicts(lines, shapes=SQUARE) == ["given", "given", "proved"]
    lines = ["f = x'*x", "sum(softmax(x)) = 2", "∂f/∂x = 2*x"]
    assert verdicts(lines, shapes=SQUARE) == ["given", "disproved", "proved"]


@pytest.mark.parametrize("name", ["g", "MSE", "KL", "NLL"])
def test_a_function_of_a_text_may_have_the_name_of_a_function_in_capitals(name: str) -> None:
    hessian = r"\begin{bmatrix} 2b & 2w \\ 2w & 6b\end{bmatrix}"
    wrong = hessian.replace("6b", "3b")
    for said, verdict in ((hessian, "proved"), (wrong, "disproved")):
        lines = [f"${name}(w, b) = w^2 b + b^3$", rf"$\nabla^2 {name} = {said}$"]
        assert verdicts(lines) == ["given", verdict]


@pytest.mark.parametrize("weight", ["w_i", r"\frac{w^{(i)}}{2}"])
def test_a_letter_beside_a_square_matrix_may_be_its_diagonal(weight: str) -> None:
    total = rf"\sum_i {weight} (\theta^T x_i - y_i)^2"
    lines = rf"$J(\theta) = (X\theta - y)^T W (X\theta - y) = {total}$"
    assert verdicts([lines]) == ["given", "undecided"]
    lines = r"$J(\theta) = \|X\theta - y\|^2 = \sum_i (\theta^T x_i - y_i) x_i$"
    assert verdicts([lines]) == ["given", "disproved"]
