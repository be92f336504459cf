"""The cases of a course on backpropagation: values by differences, forms as short as the book's.

Sources: a Georgia Tech CS 4803/7643 lecture; Parr & Howard, The Matrix Calculus You Need For Deep
Learning (2018), sections 4 to 6; Matrix Cookbook.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from truth import assert_close, assert_right

from matderiv.api import derive
from matderiv.errors import NoMatrixForm

NET = {"W": "m,n", "x": "n", "b": "m"}
LOGISTIC = {"X": "n,d", "w": "d", "y": "n"}
BIASED = {**LOGISTIC, "b": ""}
PAIR = {"w": "n", "x": "n"}

Case = tuple[str, str, str, dict[str, Any]]

SCALARS: list[Case] = [
    ("99 + 0*x", "x", "0", {"x": ""}),
    ("3*x", "x", "3", {"x": ""}),
    ("x^3", "x", "3*x^2", {"x": ""}),
    ("x^2 + 3*x", "x", "2*x + 3", {"x": ""}),
    ("x^2 - 3*x", "x", "2*x - 3", {"x": ""}),
    ("x^2*x", "x", "3*x^2", {"x": ""}),
    ("log(x^2)", "x", "2/x", {"x": ""}),
    ("9*(x + x^2)", "x", "9*(1 + 2*x)", {"x": ""}),
    ("3*x^2*y", "x", "6*x*y", {"x": "", "y": ""}),
    ("3*x^2*y", "y", "3*x^2", {"x": "", "y": ""}),
    ("2*x + y^8", "x", "2", {"x": "", "y": ""}),
    ("2*x + y^8", "y", "8*y^7", {"x": "", "y": ""}),
    ("sin(x^2)", "x", "2*x*cos(x^2)", {"x": ""}),
    ("log(sin(x^3)^2)", "x", "6*x^2*cos(x^3)/sin(x^3)", {"x": ""}),
    ("x + x^2", "x", "1 + 2*x", {"x": ""}),
    ("sin(x + x^2)", "x", "cos(x + x^2)*(1 + 2*x)", {"x": ""}),
    ("(x + y)*z", "x", "z", {"x": "", "y": "", "z": ""}),
    ("(x + y)*z", "y", "z", {"x": "", "y": "", "z": ""}),
    ("(x + y)*z", "z", "x + y", {"x": "", "y": "", "z": ""}),
    ("max(a, b)", "a", "step(a - b)", {}),
    ("relu(z)", "z", "step(z)", {"z": ""}),
    ("sigmoid(z)", "z", "sigmoid(z)*(1 - sigmoid(z))", {"z": ""}),
    ("tanh(z)", "z", "1 - tanh(z)^2", {"z": ""}),
]
ELEMENTWISE: list[Case] = [
    ("w + x", "w", "eye(n)", PAIR),
    ("w + x", "x", "eye(n)", PAIR),
    ("w - x", "x", "-eye(n)", PAIR),
    ("w.*x", "w", "diag(x)", PAIR),
    ("w.*x", "x", "diag(w)", PAIR),
    ("w./x", "w", "diag(1./x)", PAIR),
    ("w./x", "x", "-diag(w./x.^2)", PAIR),
    ("max(w,x)", "w", "diag(step(w - x))", PAIR),
    ("max(w,x)", "x", "diag(step(x - w))", PAIR),
    ("(w > x)", "w", "zeros(n,n)", PAIR),
    ("x", "x", "eye(n)", PAIR),
    ("exp(x)", "x", "diag(exp(x))", PAIR),
    ("sin(x)", "x", "diag(cos(x))", PAIR),
    ("x + z", "x", "eye(n)", {"x": "n", "z": ""}),
    ("x + z", "z", "ones(n)", {"x": "n", "z": ""}),
    ("x*z", "x", "z*eye(n)", {"x": "n", "z": ""}),
    ("x*z", "z", "x", {"x": "n", "z": ""}),
]
REDUCTIONS: list[Case] = [
    ("sum(x)", "x", "ones(n)", {"x": "n"}),
    ("sum(x*z)", "x", "z*ones(n)", {"x": "n", "z": ""}),
    ("sum(x*z)", "z", "sum(x)", {"x": "n", "z": ""}),
    ("sum(exp(x))", "x", "exp(x)", {"x": "n"}),
    ("w'*x", "w", "x", PAIR),
    ("w'*x", "x", "w", PAIR),
    ("sum(w.*x)", "w", "x", PAIR),
    ("w'*x + b", "b", "1", {**PAIR, "b": ""}),
    ("max(0, w'*x + b)", "w", "step(w'*x + b)*x", {**PAIR, "b": ""}),
    ("max(0, w'*x + b)", "b", "step(w'*x + b)", {**PAIR, "b": ""}),
    ("mean(x)", "x", "ones(n)/n", {"x": "n"}),
    ("logsumexp(x)", "x", "softmax(x)", {"x": "n"}),
]
LAYERS: list[Case] = [
    ("W*x", "x", "W", NET),
    ("W*x + b", "x", "W", NET),
    ("W*x + b", "b", "eye(m)", NET),
    ("relu(x)", "x", "diag(step(x))", NET),
    ("relu(W*x + b)", "x", "diag(step(W*x + b))*W", NET),
    ("relu(W*x + b)", "b", "diag(step(W*x + b))", NET),
    ("sigmoid(W*x + b)", "b", "diag(sigmoid(W*x + b).*(1 - sigmoid(W*x + b)))", NET),
    ("v'*relu(W*x + b)", "x", "W'*(v.*step(W*x + b))", {**NET, "v": "m"}),
    ("v'*relu(W*x + b)", "W", "(v.*step(W*x + b))*x'", {**NET, "v": "m"}),
    ("x'*A*x", "x", "(A + A')*x", {"A": "n,n", "x": "n"}),
    ("norm2(X*w - y)^2", "w", "2*X'*(X*w - y)", LOGISTIC),
    ("norm2(X*w - y)^2", "X", "2*(X*w - y)*w'", LOGISTIC),
    ("norm2(W*x)^2", "W", "2*W*x*x'", NET),
    ("norm2(W*x)^2", "x", "2*W'*W*x", NET),
]
SIGNED = "sum(log(1 + exp(-y.*(X*w))))"
BINARY = "-sum(y.*log(sigmoid(X*w)) + (1 - y).*log(1 - sigmoid(X*w)))"
LOSSES: list[Case] = [
    ("-log(sigmoid(w'*x))", "w", "-(1 - sigmoid(w'*x))*x", PAIR),
    (SIGNED, "w", "-X'*(y.*sigmoid(-y.*(X*w)))", LOGISTIC),
    (SIGNED, "X", "-(y.*sigmoid(-y.*(X*w)))*w'", LOGISTIC),
    ("sum(log(1 + exp(-y.*(X*w + b))))", "b", "-y'*sigmoid(-y.*(X*w + b))", BIASED),
    (BINARY, "w", "X'*(sigmoid(X*w) - y)", LOGISTIC),
    (BINARY, "X", "(sigmoid(X*w) - y)*w'", LOGISTIC),
    (BINARY.replace("X*w", "X*w + b"), "b", "sum(sigmoid(X*w + b) - y)", BIASED),
    ("bce_logits(X*w, y)", "w", "X'*(sigmoid(X*w) - y)/n", LOGISTIC),
    ("softmax(z)", "z", "diag(softmax(z)) - softmax(z)*softmax(z)'", {}),
    ("-y'*log(softmax(z))", "z", "sum(y)*softmax(z) - y", {}),
    ("-y'*log_softmax(z)", "z", "sum(y)*softmax(z) - y", {}),
    (
        "sum((y - max(0, X*w + b)).^2)/n",
        "w",
        "2*X'*(step(X*w + b).*(max(0, X*w + b) - y))/n",
        BIASED,
    ),
]
BEYOND: list[Case] = [
    ("tr(A*X)", "X", "A'", {"A": "n,m", "X": "m,n"}),
    ("tr(A*X'*B*X*C)", "X", "B*X*C*A + B'*X*A'*C'", {}),
    ("log(det(inv(X)))", "X", "-inv(X)'", {}),
    ("det(X)", "X", "det(X)*inv(X)'", {}),
    ("tr((X*X')^2)", "X", "4*X*X'*X", {"X": "n,d"}),
    ("tr((A*X)^2)", "X", "2*(A*X*A)'", {}),
    ("tr(sin(X))", "X", "diag(cos(diag(X)))", {}),
    ("norm1(A*x - y)", "x", "A'*sign(A*x - y)", {"A": "m,n", "y": "m"}),
    ("norm2(A*x - y)", "x", "A'*(A*x - y)/norm2(A*x - y)", {"A": "m,n", "y": "m"}),
    ("x/norm2(x)", "x", "eye(n)/norm2(x) - x*x'/norm2(x)^3", {"x": "n"}),
    ("x*(x'*x)", "x", "x'*x*eye(n) + 2*x*x'", {"x": "n"}),
]
HESSIANS: list[Case] = [
    ("x'*A*x", "x", "A + A'", {}),
    ("norm2(X*w - y)^2", "w", "2*X'*X", LOGISTIC),
    (BINARY, "w", "X'*diag(sigmoid(X*w).*(1 - sigmoid(X*w)))*X", LOGISTIC),
    (
        "-y'*log_softmax(z)",
        "z",
        "sum(y)*(diag(softmax(z)) - softmax(z)*softmax(z)')",
        {},
    ),
    ("v'*relu(W*x + b)", "x", "zeros(n,n)", {**NET, "v": "m"}),
]
FIRST = SCALARS + ELEMENTWISE + REDUCTIONS + LAYERS + LOSSES + BEYOND


@pytest.mark.parametrize(("expr", "wrt", "form", "shapes"), FIRST)
def test_first_derivatives(expr: str, wrt: str, form: str, shapes: dict[str, Any]) -> None:
    assert_right(expr, wrt, form=form, shapes=shapes)


@pytest.mark.parametrize(("expr", "wrt", "form", "shapes"), HESSIANS)
def test_hessians(expr: str, wrt: str, form: str, shapes: dict[str, Any]) -> None:
    assert_right(expr, wrt, form=form, shapes=shapes, order=2)


def test_hessian_of_the_logistic_loss_with_signed_labels_needs_the_labels_squared() -> None:
    plain = assert_right(SIGNED, "w", shapes=LOGISTIC, order=2)
    assert "y.^2" in str(plain)
    labels = assert_right(SIGNED, "w", shapes=LOGISTIC, order=2, assume={"y": "labels"})
    assert "y.^2" not in str(labels)
    assert any("y is" in fact for fact in labels.facts_used)


def test_softmax_cross_entropy_is_shorter_for_declared_onehot_targets() -> None:
    found = assert_right("-y'*log_softmax(z)", "z", assume={"y": "onehot"})
    assert str(found) == "softmax(z) - y"


def test_both_label_conventions_agree() -> None:
    rng = np.random.default_rng(3)
    X, w = rng.standard_normal((6, 3)), rng.standard_normal(3)
    signs = np.array([1.0, -1, -1, 1, 1, -1])
    signed = derive(SIGNED, "w", shapes=LOGISTIC).evaluate({"X": X, "w": w, "y": signs})
    binary = derive(BINARY, "w", shapes=LOGISTIC).evaluate({"X": X, "w": w, "y": (signs + 1) / 2})
    assert_close(signed, binary, "labels", 1e-12)


VJPS: list[Case] = [
    ("relu(W*x + b)", "W", "(G.*step(W*x + b))*x'", NET),
    ("relu(W*x + b)", "x", "W'*(G.*step(W*x + b))", NET),
    ("relu(W*x + b)", "b", "G.*step(W*x + b)", NET),
    ("relu(X)", "X", "G.*step(X)", {"X": "n,d"}),
    ("W*x", "W", "G*x'", NET),
    ("W*x", "x", "W'*G", NET),
    ("X*W + b'", "X", "G*W'", {"X": "n,d", "W": "d,h", "b": "h"}),
    ("X*W + b'", "W", "X'*G", {"X": "n,d", "W": "d,h", "b": "h"}),
    ("X*W + b'", "b", "sum(G,1)'", {"X": "n,d", "W": "d,h", "b": "h"}),
    ("softmax(z)", "z", "softmax(z).*(G - G'*softmax(z))", {}),
    ("inv(X)", "X", "-inv(X)'*G*inv(X)'", {}),
    ("A*X*B", "X", "A'*G*B'", {"A": "m,n", "X": "n,d", "B": "d,k"}),
    ("exp(x)", "x", "G.*exp(x)", {}),
    ("X", "X", "G", {"X": "m,n"}),
    ("X'", "X", "G'", {"X": "m,n"}),
    ("X^2", "X", "G*X' + X'*G", {"X": "n,n"}),
    ("x*x'", "x", "(G + G')*x", {"x": "n"}),
    ("A.*X", "X", "A.*G", {"A": "m,n", "X": "m,n"}),
    ("diag(x)", "x", "diag(G)", {"x": "n"}),
]


@pytest.mark.parametrize(("expr", "wrt", "form", "shapes"), VJPS)
def test_pullbacks(expr: str, wrt: str, form: str, shapes: dict[str, Any]) -> None:
    assert_right(expr, wrt, form=form, shapes=shapes, kind="vjp")


THREE_AXES: list[tuple[str, str, str, dict[str, str]]] = [
    ("W*x", "W", "∂f_i/∂W_jk = δ_ij x_k", NET),
    ("relu(W*x + b)", "W", "∂f_i/∂W_jk = δ_ij x_k step(W*x + b)_i", NET),
    ("x*x'", "x", "∂f_ij/∂x_k = δ_ik x_j + δ_jk x_i", {"x": "n"}),
    ("diag(x)", "x", "∂f_ij/∂x_k = δ_ij δ_ik", {"x": "n"}),
]


@pytest.mark.parametrize(("expr", "wrt", "equation", "shapes"), THREE_AXES)
def test_three_axes_are_shown_in_index_form(
    expr: str, wrt: str, equation: str, shapes: dict[str, str]
) -> None:
    found = assert_right(expr, wrt, shapes=shapes)
    assert not found.has_matrix_form
    assert found.result is None
    assert str(found) == found.index
    assert sorted(found.index.replace("= ", "+ ").split(" ")) == sorted(
        equation.replace("= ", "+ ").split(" ")
    )
    with pytest.raises(NoMatrixForm):
        found.require_matrix_form()


def test_a_gate_circuit_with_its_numbers() -> None:
    values = {"x": -2.0, "y": 5.0, "z": -4.0}
    shapes = dict.fromkeys("xyz", "")
    found = derive("(x + y)*z", ["x", "y", "z"], shapes=shapes)
    assert [float(d.evaluate(values)) for d in found] == [-4.0, -4.0, 3.0]


def test_a_sigmoid_neuron_with_its_numbers() -> None:
    text = "sigmoid(w0*x0 + w1*x1 + w2)"
    shapes = dict.fromkeys(("w0", "w1", "w2", "x0", "x1"), "")
    values = {"w0": 2.0, "w1": -3.0, "w2": -3.0, "x0": -1.0, "x1": -2.0}
    found = [float(derive(text, v, shapes=shapes).evaluate(values)) for v in shapes]
    assert_close(found, [-0.1966, -0.3932, 0.1966, 0.3932, -0.5898], text, 1e-4)


def test_a_squared_norm_with_its_numbers() -> None:
    values = {"W": np.array([[0.1, 0.5], [-0.3, 0.8]]), "x": np.array([0.2, 0.4])}
    by_w, by_x = derive("norm2(W*x)^2", ["W", "x"], shapes={"W": "m,n", "x": "n"})
    assert_close(by_w.evaluate(values), [[0.088, 0.176], [0.104, 0.208]], "W", 1e-12)
    assert_close(by_x.evaluate(values), [-0.112, 0.636], "x", 1e-12)


def test_a_two_layer_network_has_named_adjoints() -> None:
    shapes = {"W": "h,n", "V": "k,h", "x": "n", "b": "h", "c": "k", "v": "k"}
    found = [
        assert_right("v'*relu(V*relu(W*x + b) + c)", name, shapes=shapes)
        for name in ("W", "V", "x", "b", "c")
    ]
    assert found[0].has_matrix_form
    assert found[0].displayed.weight <= 45


def test_a_path_that_is_forgotten_is_noticed() -> None:
    found = derive("x + x^2", "x", shapes={"x": ""})
    naive = derive("x^2", "x", shapes={"x": ""})
    assert abs(float(found.evaluate({"x": 1.5})) - float(naive.evaluate({"x": 1.5}))) > 0.5
