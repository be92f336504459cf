"""The left side of an answer belongs to it, and every side of an equation is judged."""

import pytest

from matderiv import MatderivError, verify

RIGHT = [
    r"-\nabla f = -2x",
    r"\frac12\nabla f = x",
    r"\nabla f - 2x = 0",
    "(∇f)/2 = x",
    "df/dx + x = 3*x",
    "2*x = ∇f",
    "-2*x = -∇f",
    "∇f = 2*x = x + x",
    "x + x = 2*x",
    "∇(x'*x) = 2*x",
    r"\nabla_x(x^\top x) = 2x",
    r"\nabla_x \|x\|^2 = 2x",
    r"\frac{\partial}{\partial x}\left(x^\top x\right) = 2x",
    r"\frac{\partial x^\top x}{\partial x} = x + x = 2x",
    "f'(x) = 2*x",
    "g = 2*x",
    "∇f = 2*z = z + z where z = x",
    r"\boxed{\nabla f(x) = 2x}",
    r"$\boxed{\nabla f = x + x = 2x}.$",
    r"\boxed{\nabla f} = \boxed{2x}",
    "df = 2*x'*dx",
    "df = (2*x)'*dx = dx'*x + x'*dx",
    r"\mathrm{d}f = 2x^\top \mathrm{d}x",
]
WRONG = [
    r"-\nabla f = 2x",
    r"\frac12\nabla f = 2x",
    "∇f = 3*x = 2*x",
    "∇f = 2*x = 3*x",
    "df/dx + x = 2*x",
    "x = 2*x",
    "∇f = 3*z = 2*z where z = x",
    r"2\frac{\partial f}{\partial x} = 2x",
    r"\boxed{\nabla f(x) = 3x}",
    "df = 2*x*dx",
    "df = x'*dx",
    "df = 2*x'*dx = x'*dx",
]
REFUSED = [
    "∇²f = 2*x",
    r"\frac{\partial^2 f}{\partial x^2} = 2x",
    r"\|\nabla f\| = 2x",
    r"\nabla_y f = 2x",
    r"\nabla_x (2 x^\top x) = 2x",
    r"\nabla f^\top \nabla f = 4x^\top x",
    "f = x'*x",
    "f = 2*x",
    "f(x) = 2*x",
    "z where z = 3*x; z = 2*x",
    "2*x(1)",
    "x2",
    "0*∇f = 0*x",
]


@pytest.mark.parametrize("answer", RIGHT)
def test_right_sides_are_right(answer: str) -> None:
    assert verify("x'*x", "x", answer, shapes={"x": "n"}).correct is True


@pytest.mark.parametrize("answer", WRONG)
def test_one_wrong_side_makes_an_answer_wrong(answer: str) -> None:
    assert verify("x'*x", "x", answer, shapes={"x": "n"}).correct is False


@pytest.mark.parametrize("answer", REFUSED)
def test_what_says_something_else_is_refused(answer: str) -> None:
    with pytest.raises(MatderivError):
        verify("x'*x", "x", answer, shapes={"x": "n"})


def test_a_matrix_on_the_left_keeps_its_layout() -> None:
    about = {"f": "tr(A*X)", "wrt": "X", "shapes": {"A": "m,n"}}
    assert verify(answer=r"-\frac{\partial f}{\partial X} = -A^\top", **about).correct is True
    assert verify(answer=r"\left(\nabla f\right)^\top = A", **about).correct is True
    assert verify(answer=r"-\frac{\partial f}{\partial X} = A^\top", **about).correct is False


def test_names_behind_a_d_are_read_whole() -> None:
    shapes = {"X": "n,d", "y": "n", "beta": "d"}
    for left in ("∂f/∂beta", "df/dbeta", r"\frac{\partial f}{\partial\beta}"):
        product = r"X^\top(X\beta - y)" if "frac" in left else "X'*(X*beta - y)"
        assert verify("norm2(X*beta - y)^2", "beta", f"{left} = 2*{product}", shapes=shapes).correct
        wrong = verify("norm2(X*beta - y)^2", "beta", f"{left} = {product}", shapes=shapes)
        assert wrong.correct is False


SOFTMAX, SIGMOID = r"\operatorname{softmax}(z)", "sigmoid(w'*x)"


@pytest.mark.parametrize(
    ("f", "x", "answer", "right"),
    [
        (SOFTMAX, "z", r"\frac{\partial s_i}{\partial z_j} = s_i(\delta_{ij} - s_j)", True),
        (SOFTMAX, "z", r"\frac{\partial s_i}{\partial z_j} = s_i(\delta_{ij} - s_i)", False),
        (SOFTMAX, "z", r"\frac{\partial s}{\partial z} = \operatorname{diag}(s) - ss^\top", True),
        (SOFTMAX, "z", r"s_i(\delta_{ij} - s_j) where s = softmax(z)", True),
        ("softmax(z)", "z", "∂s/∂z = diag(s) + s*s'", False),
        ("softmax(z)", "z", "diag(f) - f f'", True),
        (SIGMOID, "w", "f(1 - f)x", True),
        (SIGMOID, "w", "∂p/∂w = p(1 - p)x", True),
        (SIGMOID, "w", "∂p/∂w = p(1 + p)x", False),
        (SIGMOID, "w", "∂p/∂w = p(1 - p)x, p = sigmoid(w'*x)", True),
    ],
)
def test_what_a_left_side_derives_is_f(f: str, x: str, answer: str, right: bool) -> None:
    assert verify(f, x, answer).correct is right


@pytest.mark.parametrize(
    ("f", "x", "answer", "right"),
    [
        ("A + y'", "y", r"\delta_{jk}", True),
        ("sum(X,2)", "X", r"\delta_{ij}", True),
        ("sum(X,2)", "X", r"\delta_{ik}", False),
        ("x'*X", "X", r"\delta_{ik}x_{j}", True),
        ("sum(X*y)", "X", "y_j", True),
        ("sum(X*y)", "X", "y_i", False),
    ],
)
def test_entries_alone_have_the_letters_of_our_own_results(
    f: str, x: str, answer: str, right: bool
) -> None:
    shapes = {"A": "n,m", "X": "n,m", "x": "n", "y": "m"}
    shapes = {name: sizes for name, sizes in shapes.items() if name in f}
    assert verify(f, x, answer, shapes=shapes).correct is right
