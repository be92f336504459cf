"""Derivatives by one entry, a row or a shared index: entries of differences of f."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import matderiv as md
from matderiv import derive, verify
from matderiv.errors import MatderivError

RNG = np.random.default_rng(5)
A, X, W = RNG.normal(size=(3, 3)), RNG.normal(size=(4, 3)), RNG.normal(size=(2, 3))
x, z, w = RNG.normal(size=3), RNG.normal(size=3), RNG.normal(size=3)
y, b = RNG.normal(size=4), RNG.normal(size=2)
VALUES = {"A": A, "X": X, "W": W, "x": x, "z": z, "w": w, "y": y, "b": b}


def soft(v: Any) -> Any:
    """The softmax of a vector."""
    return np.exp(v) / np.exp(v).sum()


def by_entry(f: Callable[[Any], Any], at: Any, place: tuple[int, ...]) -> Any:
    """The derivative of f by one entry, by central differences."""
    step = np.zeros_like(at)
    step[place] = 1e-6
    return (np.asarray(f(at + step)) - np.asarray(f(at - step))) / 2e-6


ENTRIES: list[tuple[str, str, str, Callable[[Any], Any], tuple[int, ...]]] = [
    (r"x^\top A x", "x_1", "x", lambda v: v @ A @ v, (0,)),
    ("x'*A*x", "x[3]", "x", lambda v: v @ A @ v, (2,)),
    (r"\|X\|_F^2", "X_{12}", "X", lambda v: (v**2).sum(), (0, 1)),
    ("norm2(W*x - b)^2", "W[2,3]", "W", lambda v: ((v @ x - b) ** 2).sum(), (1, 2)),
    ("np.sum((W @ x - b)**2)", "W[1,2]", "W", lambda v: ((v @ x - b) ** 2).sum(), (1, 2)),
    ("logdet(A)", "A_21", "A", lambda v: np.linalg.slogdet(v)[1], (1, 0)),
    ("softmax(z)", "z_2", "z", soft, (1,)),
    ("W*x", "W_{13}", "W", lambda v: v @ x, (0, 2)),
    ("logsumexp(z) - z_1", "z_1", "z", lambda v: np.log(np.exp(v).sum()) - v[0], (0,)),
    (r"\sum_i (w^\top x_i - y_i)^2", "w_2", "w", lambda v: ((X @ v - y) ** 2).sum(), (1,)),
]


@pytest.mark.parametrize(("f", "wrt", "name", "value", "place"), ENTRIES)
def test_the_derivative_by_an_entry_is_that_entry(
    f: str, wrt: str, name: str, value: Callable[[Any], Any], place: tuple[int, ...]
) -> None:
    shapes = {"b": "m"} if "b" in f else {}
    found = derive(f, wrt, shapes=shapes)
    truth = by_entry(value, VALUES[name], place)
    values = {n: VALUES[n] for n in found.names if n in VALUES}
    np.testing.assert_allclose(found.evaluate(values), truth, rtol=1e-5, atol=1e-7)
    assert found.checked.ok
    assert found.check().ok
    assert verify(f, wrt, str(found), shapes=shapes).correct is True
    assert verify(f, wrt, f"2*({found})", shapes=shapes).correct is False


def test_a_row_of_a_gradient() -> None:
    found = derive("norm2(W*x - b)^2", "W[2,:]", shapes={"b": "m"})
    truth = [by_entry(lambda v: ((v @ x - b) ** 2).sum(), W, (1, k))[()] for k in range(3)]
    np.testing.assert_allclose(found.evaluate(VALUES), truth, rtol=1e-5)


def test_an_index_that_f_has_is_the_same_entry() -> None:
    found = derive(r"\frac{e^{z_i}}{\sum_j e^{z_j}}", "z_i")
    truth = [by_entry(soft, z, (k,))[k] for k in range(3)]
    np.testing.assert_allclose(found.evaluate({"z": z}), truth, rtol=1e-6)
    other = derive(r"\frac{e^{z_i}}{\sum_j e^{z_j}}", "z_j")
    jacobian = np.stack([by_entry(soft, z, (k,)) for k in range(3)], axis=1)
    np.testing.assert_allclose(other.evaluate({"z": z}), jacobian, rtol=1e-6)


SHARED = [
    (r"\frac{e^{z_i}}{\sum_j e^{z_j}}", "z_i", r"s_i(1-s_i), s = \text{softmax}(z)", True),
    (r"\frac{e^{z_i}}{\sum_j e^{z_j}}", "z_i", r"\frac{e^{z_i}}{\sum_j e^{z_j}}", False),
    (r"\frac{e^{z_i}}{\sum_j e^{z_j}}", "z_j", r"s_i(\delta_{ij}-s_j), s = \text{softmax}(z)",
     True),
    (r"\sum_j W_{ij}x_j", "W_{ij}", "x_j", True),
    (r"\|X\|_F^2", "X_{12}", "2X_{12}", True),
    (r"\|X\|_F^2", "X_{12}", "2X_{21}", False),
    (r"\|x\|^2", "x_2", "2x_1", False),
    (r"x^\top A x", "x_1", r"\frac{\partial f}{\partial x_1} = [(A+A^\top)x]_1", True),
    (r"(X + X^\top)_{ij}", "X_{ij}", "1", False),  # 2 where i = j
    (r"(X + X^\top)_{ij}", "X_{ij}", "1 + eye(n)", True),
    (r"(X + X^\top)_{ij}", "X_{ij}", r"1 + \delta_{ij}", True),
    (r"(X + X^\top)_{ij}", "X_{ij}", r"1 - \delta_{ij}", False),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "answer", "right"), SHARED)
def test_answers_about_entries(f: str, wrt: str, answer: str, right: bool) -> None:
    assert verify(f, wrt, answer).correct is right


def test_what_is_wrong_about_an_entry_is_said_in_the_names_typed() -> None:
    found = verify("x'*A*x", "x_1", "unit(n,1)'*A*x")
    assert found.suggestion == "unit(n,1)'*(A + A')*x"
    assert "x_1" not in found.message


@pytest.mark.parametrize(
    ("f", "wrt", "more"),
    [
        ("A*x", "x_1", {"kind": "vjp"}),
        ("tr(A*S)", "S_12", {"assume": {"S": "symmetric"}}),
        (r"A_{ij}x_j", "A_{ik}", {}),
    ],
)
def test_entries_that_do_not_move_alone_are_refused(f: str, wrt: str, more: dict[str, Any]) -> None:
    with pytest.raises(MatderivError):
        verify(f, wrt, "0", **more) if "ij" in f else derive(f, wrt, **more)


def test_a_gradient_is_of_a_number_so_a_free_letter_is_a_label() -> None:
    typed = r"-z_k + \log\sum_j e^{z_j}"
    assert str(derive(typed, "z", kind="gradient")) == "softmax(z) - unit(n,k)"
    answer = r"\frac{e^{z_i}}{\sum_j e^{z_j}} - \delta_{ik}"
    assert verify(typed, "z", answer, kind="gradient").correct is True
    assert verify(typed, "z", answer.replace("ik", "ij"), kind="gradient").correct is False


@pytest.mark.parametrize(
    ("answer", "right"), [("W_{kj}", True), ("W_{ki}", True), ("W_{ik}", False)]
)
def test_the_index_of_f_comes_first_in_an_answer(answer: str, right: bool) -> None:
    assert verify(r"\sum_j W_{kj} x_j", "x", answer).correct is right


@pytest.mark.parametrize("text", ["x'*A*x*y_1", "y_1*x'*A*x", r"x^\top A x\, y_1"])
def test_an_entry_of_a_declared_vector_is_an_entry_wherever_it_stands(text):
    rng = np.random.default_rng(4)
    A, x, y = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=4)
    found = derive(text, "x", shapes={"x": "n", "y": "m"}).evaluate({"A": A, "x": x, "y": y})
    assert np.allclose(found, y[0] * (A + A.T) @ x)


def test_an_answer_with_an_entry_and_a_transpose_is_no_python():
    shapes = {"A": "n,n", "x": "n", "y": "n"}
    found = verify("x'*A*x*y[1]", "x", "y[1]*(A+A')*x", shapes=shapes)
    assert found.verdict == "proved"


SQUARE = {"A": "n,n", "x": "n", "e": "n"}


def square_shapes(f: str) -> dict[str, str]:
    """What of SQUARE is a name of f."""
    return {n: s for n, s in SQUARE.items() if re.search(rf"\b{n}\b", f)}


LEFT = [  # f, by, what its entries are: right for every renaming that both sides share
    ("sum(A)", "A", "∂f/∂A_ij = 1"),
    ("sum(sum(A,2).^2)", "A", "∂f/∂A_ij = 2*sum(A,2)_i"),
    ("x'*A*x", "A", "∂f/∂A_ij = x_i*x_j"),
    ("tr(A*A)/2", "A", "∂f/∂A_ij = A_ji"),
    ("A*x", "x", "∂f_i/∂x_j = A_ij"),
    ("A*x", "A", "∂f_i/∂A_jk = δ_ij*x_k"),
    ("sum(A,2)", "A", "∂f_i/∂A_jk = δ_ij"),
    ("sum(x)^3", "x", "∂²f/∂x_i∂x_j = 6*sum(x)"),
    ("sum(x)", "x", "g_i = 1"),
    ("sum(x)^2", "x", "(∇f)_i = 2*sum(x)"),
    ("A*x", "x", r"\frac{\partial (Ax)_i}{\partial x_j} = A_{ij}"),
]
SAME = {
    "∂f/∂A_ij = 1",
    "∂f/∂A_ij = x_i*x_j",
    "∂²f/∂x_i∂x_j = 6*sum(x)",
    "g_i = 1",
    "(∇f)_i = 2*sum(x)",
}
SAME |= {answer for _, _, answer in LEFT if "δ_ij" in answer}


@pytest.mark.parametrize(("f", "wrt", "answer"), LEFT)
@pytest.mark.parametrize("other", ["jik", "kji", "lki", "bqa"])
def test_the_indices_of_a_left_side_say_which_axis_is_which(
    f: str, wrt: str, answer: str, other: str
) -> None:
    shapes = square_shapes(f)
    order = 2 if "²" in answer else 1
    left, right = answer.split(" = ")
    letters = dict(zip("ijk", other, strict=True))
    renamed = [
        re.sub(r"(?<=_)\{?[ijk]+", lambda m: "".join(letters.get(c, c) for c in m[0]), s)
        for s in (left, right)
    ]
    told = f"{renamed[0]} = {renamed[1]}"
    assert verify(f, wrt, told, shapes=shapes, order=order).correct is True
    if other != "jik":
        return
    alone = f"{renamed[0]} = {right}"
    assert verify(f, wrt, alone, shapes=shapes, order=order).correct is (answer in SAME)


MEANS = r"\sum_{i=1}^n\sum_{k=1}^K r_{ik}\|x_i-\mu_k\|^2"


@pytest.mark.parametrize("by", [r"\mu", r"\mu_j", r"\mu_k"])
@pytest.mark.parametrize("letter", ["j", "k"])
def test_a_row_of_the_variable_may_have_any_index(by: str, letter: str) -> None:
    slope = rf"2\sum_i r_{{i{letter}}}(\mu_{letter}-x_i)"
    left = rf"\frac{{\partial f}}{{\partial\mu_{letter}}} = "
    for said in ("", left):
        assert verify(MEANS, by, said + slope).correct is True
        assert verify(MEANS, by, f"{said}-{slope}").correct is False
        assert verify(MEANS, by, said + slope.replace("2", "4", 1)).correct is False
    with pytest.raises(MatderivError, match="stands on one side only"):
        verify(MEANS, by, left.replace(f"mu_{letter}", "mu_a") + slope)


@pytest.mark.parametrize(
    ("f", "answer"),
    [
        ("x'*x", "∂f/∂x_i = 2*x_k"),
        ("sum(x.^3)", r"[\nabla f]_j = 3 x_i^2"),
        ("x'*x", "∂f/∂x_i = 2*x"),
    ],
)
def test_indices_that_say_nothing_of_the_other_entries_are_refused(f: str, answer: str) -> None:
    with pytest.raises(MatderivError, match=r"right side only|an entry"):
        verify(f, "x", answer, shapes={"x": "n"}, order=1 + ("²" in answer))


SOME = [  # f, by, the left side, what its entries are, what they are not
    ("tr(A)", "A", r"\frac{\partial f}{\partial A_{ii}}", "1", "2"),
    ("tr(A*A)", "A", "∂f/∂A_ii", "2*A_ii", "A_ii"),
    ("A*x", "A", r"\frac{\partial f_i}{\partial A_{ik}}", "x_k", "x_i"),
    ("(A*x).*diag(A)", "A", "∂f_i/∂A_ik", "x_k*A_ii + δ_ik*(A*x)_i", "x_k*A_ii"),
    ("A*x", "A", r"\frac{\partial f}{\partial A_{ij}}", "x_j e_i", "x_i e_j"),
    ("x.^2", "x", "∂f_i/∂x_i", "2*x_i", "2*x_i + 1"),
    ("relu(x)", "x", r"\frac{\partial f_i}{\partial x_i}", r"\mathbb 1\{x_i>0\}", "x_i"),
    ("x'*A*x", "x", r"\frac{\partial^2 f}{\partial x_i^2}", "2A_{ii}", "A_{ii}"),
    ("sum(x.^3)", "x", "∂²f/∂x_i²", "6*x_i", "3*x_i"),
    ("sum(e.^3)", "e", "∂²f/∂e_i²", "6*e_i", "3*e_i"),
    ("A*e", "A", r"\frac{\partial f_i}{\partial A_{ij}}", "e_j", "e_i"),
    ("norm2(x)^2", "x", r"\frac{\partial f}{\partial x_1}", "2x_1", "2x_2"),
    ("x'*A*x", "A", r"\frac{\partial f}{\partial A_{12}}", "x_1x_2", "x_1"),
    ("A*x", "x", r"\frac{\partial f}{\partial x_j}", "A_{:,j}", "A_{j,:}"),
    ("A*x", "x", r"\frac{\partial f}{\partial x_j}", "Ae_j", r"A^\top e_j"),
    ("inv(A)", "A", r"\frac{\partial f}{\partial A_{ij}}",
     r"-A^{-1}e_ie_j^\top A^{-1}", r"-A^{-1}e_je_i^\top A^{-1}"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "left", "right", "wrong"), SOME)
def test_a_left_side_may_be_about_some_entries_only(
    f: str, wrt: str, left: str, right: str, wrong: str
) -> None:
    shapes = square_shapes(f)
    order = 2 if "²" in left or "^2" in left else 1
    said = verify(f, wrt, f"{left} = {right}", shapes=shapes, order=order)
    assert said.verdict == "proved"
    assert verify(f, wrt, f"{left} = {wrong}", shapes=shapes, order=order).correct is False


DELTA = np.eye(3)
INDEXED = [  # typed, f of a 3 × 3 matrix A and a vector x by NumPy
    (r"\sum_i A_{ii}^2", lambda A, x: np.sum(np.diag(A) ** 2)),
    (r"\sum_i (A_{ii} - x_i)", lambda A, x: np.trace(A) - np.sum(x)),
    (r"\sum_i \log A_{ii}", lambda A, x: np.sum(np.log(np.diag(A)))),
    (r"\sum_i \exp(A_{ii}x_i)", lambda A, x: np.sum(np.exp(np.diag(A) * x))),
    ("sum_i (A_ii - 1)^2", lambda A, x: np.sum((np.diag(A) - 1) ** 2)),
    (r"A_{ii}^3+x_i", lambda A, x: np.diag(A) ** 3 + x),
    (r"\sum_{i=1}^{n-1} A_{ii}^2", lambda A, x: np.sum(np.diag(A)[:-1] ** 2)),
    (r"\sum_{i,j} A_{ij}A_{jj}x_i", lambda A, x: x @ A @ np.diag(A)),
    (r"\max_j A_{ij}", lambda A, x: A.max(1)),
    (r"\min_i A_{ij}", lambda A, x: A.min(0)),
    (r"\max_j (A_{ij}+x_i)", lambda A, x: (A + x[:, None]).max(1)),
    (r"\max_j\{A_{ij}\}", lambda A, x: A.max(1)),
    (r"\sum_{i,j}(A_{ij}-\delta_{ij})^2", lambda A, x: np.sum((A - DELTA) ** 2)),
    ("sum_ij (A_ij - δ_ij)^2", lambda A, x: np.sum((A - DELTA) ** 2)),
    (r"\sum_{i,j}\delta_{ij}A_{ij}x_i", lambda A, x: np.diag(A) @ x),
    (r"\sum_i A_{ij}\delta_{i1}", lambda A, x: A[0]),
    (r"\sum_k A_{ik}A_{kj} + [A^{\odot 2}]_{ij}", lambda A, x: A @ A + A**2),
]


@pytest.mark.parametrize(("typed", "value"), INDEXED, ids=[t for t, _ in INDEXED])
def test_an_index_twice_is_a_diagonal_and_delta_is_the_identity(
    typed: str, value: Callable[[Any, Any], Any]
) -> None:
    rng = np.random.default_rng(5)
    A, x = rng.uniform(0.5, 2, (3, 3)), rng.uniform(0.5, 2, 3)
    found = derive(typed, "A")
    step = 1e-6
    truth = np.zeros((*np.shape(value(A, x)), 3, 3))
    for place in np.ndindex(3, 3):
        change = np.zeros((3, 3))
        change[place] = step
        truth[(..., *place)] = (value(A + change, x) - value(A - change, x)) / (2 * step)
    values = {n: v for n, v in (("A", A), ("x", x)) if n in found.names}
    np.testing.assert_allclose(found.evaluate(values), truth, rtol=1e-6, atol=1e-7)


def test_delta_is_an_array_where_it_is_one() -> None:
    shapes = {"delta": "n,n"}
    assert str(derive(r"\sum_{i,j} \delta_{ij} W_{ij}", "W", shapes=shapes)) == "delta"
    assert str(derive(r"\sum_j \delta_j w_j", "w")) == "delta"


LEFT_OUT = [
    ("sum(A*x)", r"\frac{\partial f}{\partial x_j}=A_{jj}+\sum_{i\ne j}A_{ij}", True),
    ("sum(A*x)", r"\frac{\partial f}{\partial x_j}=A_{jj}+\sum_{i\ne j}A_{ji}", False),
    ("prod(x)", r"\frac{\partial f}{\partial x_k}=\prod_{i\ne k}x_i", True),
    ("prod(1+x)", r"\frac{\partial f}{\partial x_i}=\prod_{j\ne i}(1+x_j)", True),
    ("prod(1+x)", r"\frac{\partial f}{\partial x_i}=\prod_{j\ne i}(2+x_j)", False),
]


@pytest.mark.parametrize(("f", "answer", "right"), LEFT_OUT)
def test_a_sum_or_product_leaves_out_the_index_of_the_left_side(
    f: str, answer: str, right: bool
) -> None:
    assert verify(f, "x", answer, shapes={"A": "n,n", "x": "n"}).correct is right


@pytest.mark.parametrize(
    ("left", "row"),
    [
        (r"\nabla f", False),
        (r"\nabla f(x)", False),
        (r"\nabla f^\top", True),
        (r"\nabla^\top f", True),
        (r"\nabla_x^\top f", True),
        (r"\nabla f(x)^\top", True),
        (r"\frac{\partial f}{\partial x^\top}", True),
        (r"\frac{\partial f}{\partial x^T}", True),
        (r"\frac{\partial f}{\partial x'}", True),
        ("∂f/∂x'", True),
        ("∇f'", True),
    ],
)
def test_a_transpose_on_the_left_side_makes_a_row(left: str, row: bool) -> None:
    """The gradient of x'Ax is the column (A + A')x."""
    latex = "\\" in left
    column = r"(A + A^\top)x" if latex else "(A + A')*x"
    turned = r"x^\top(A + A^\top)" if latex else "x'*(A + A')"
    right, wrong = (turned, column) if row else (column, turned)
    assert (
        verify("x'*A*x", "x", f"{left} = {right}", shapes=square_shapes("x'*A*x")).correct is True
    )
    if row:
        with pytest.raises(MatderivError, match="does not say"):
            verify("x'*A*x", "x", f"{left} = {wrong}", shapes=square_shapes("x'*A*x"))
    else:
        assert (
            verify("x'*A*x", "x", f"{left} = {wrong}", shapes=square_shapes("x'*A*x")).correct
            is False
        )
    if latex:
        sheet = md.verify_steps(f"$f(x) = x^\\top A x$\n${left} = {right}$")
        assert sheet.correct is True


@pytest.mark.parametrize("left", [r"\nabla f(y)", "∇f(y)", r"\frac{\partial f(y)}{\partial x}"])
def test_a_derivative_at_another_point_is_not_the_one_asked_for(left: str) -> None:
    right = r"(A + A^\top)x" if "\\" in left else "(A + A')*x"
    with pytest.raises(MatderivError, match="at y"):
        verify("x'*A*x", "x", f"{left} = {right}", shapes=square_shapes("x'*A*x"))
    if "\\" in left:
        sheet = md.verify_steps(f"$f(x) = x^\\top A x$\n${left} = {right}$")
        assert sheet.correct is not True


@pytest.mark.parametrize(
    ("f", "answer"),
    [
        ("A*x", r"\frac{\partial f}{\partial x_j}=A_{jj}"),
        ("relu(x)", r"\frac{\partial f}{\partial x_i}=\mathbb 1\{x_i>0\}"),
    ],
)
def test_an_array_by_one_entry_is_refused_where_nothing_says_which_of_its_entries(
    f: str, answer: str
) -> None:
    shapes = {"A": "n,n", "x": "n"} if "A" in f else {"x": "n"}
    with pytest.raises(MatderivError, match="which entry of f"):
        verify(f, "x", answer, shapes=shapes)


def test_an_index_may_be_the_number_of_another_entry() -> None:
    assert verify("x_1*x_i", "x_i", "x_1", shapes={"x": "n"}).correct is False  # 2*x_1 where i = 1
