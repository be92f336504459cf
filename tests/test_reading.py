"""Sums over entries and data points: what is read has the value and the derivative that is meant.

The truth is NumPy's value of the sum, written out, and differences of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from matderiv import derive, verify, verify_steps
from matderiv.errors import MatderivError

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))
W, S = RNG.normal(size=(2, 3)), RNG.normal(size=(3, 3)) + 3 * np.eye(3)
w, mu = RNG.normal(size=3), RNG.normal(size=3)
y, r = RNG.normal(size=5), RNG.normal(size=5)
VALUES = {"X": X, "Y": Y, "W": W, "S": S, "w": w, "mu": mu, "y": y, "r": r, "lambda": 0.3}

SUMS: list[tuple[str, str, Callable[[Any], Any]]] = [
    (r"\sum_{i=1}^n (y_i - w^\top x_i)^2", "w", lambda v: ((y - X @ v) ** 2).sum()),
    (r"\sum_i r_i\|x_i - \mu\|^2", r"\mu", lambda v: (r * ((X - v) ** 2).sum(1)).sum()),
    (r"\sum_i (x_i-\mu)^\top S (x_i-\mu)", r"\mu",
     lambda v: sum((a - v) @ S @ (a - v) for a in X)),
    (r"\sum_i \log(1 + e^{-y_i w^\top x_i}) + \lambda\|w\|^2", "w",
     lambda v: np.log1p(np.exp(-y * (X @ v))).sum() + 0.3 * v @ v),
    (r"\sum_i \|W x_i\|^2", "W", lambda v: ((X @ v.T) ** 2).sum()),
    (r"\sum_{i=1}^n x_i^\top y_i", "x", lambda v: (v * Y).sum()),
    (r"\sum_i (\sum_j X_{ij} w_j - y_i)^2", "w", lambda v: ((X @ v - y) ** 2).sum()),
    ("sum_i (w'x_i - y_i)^2", "w", lambda v: ((X @ v - y) ** 2).sum()),
    ("sum_i ||x_i - mu||^2", "mu", lambda v: ((X - v) ** 2).sum()),
    ("Σᵢ (yᵢ − wᵀxᵢ)²", "w", lambda v: ((y - X @ v) ** 2).sum()),
]  # fmt: skip


def differences(f: Callable[[Any], Any], at: Any) -> Any:
    """The gradient of f by central differences."""
    found = np.zeros_like(at)
    for k in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[k] = 1e-6
        found[k] = (f(at + step) - f(at - step)) / 2e-6
    return found


@pytest.mark.parametrize(("formula", "wrt", "f"), SUMS)
def test_a_sum_over_data_points_has_the_derivative_of_the_sum(
    formula: str, wrt: str, f: Callable[[Any], Any]
) -> None:
    found = derive(formula, wrt)
    at = VALUES[found.wrt.name]
    values = {name: VALUES[name] for name in found.names if name in VALUES}
    np.testing.assert_allclose(found.evaluate(values), differences(f, at), rtol=1e-5, atol=1e-6)


MEANT: list[tuple[str, str, dict[str, Any], Callable[[Any], Any]]] = [
    # a capital that is added to a column is one
    (r"\|X\beta - Y\|_2^2", r"\beta", {"Y": y, "beta": w}, lambda v: ((X @ v - y) ** 2).sum()),
    ("(Y-Xw)'(Y-Xw)", "w", {"Y": y}, lambda v: ((X @ v - y) ** 2).sum()),
    ("norm2(X*w - Y)^2", "w", {"Y": y}, lambda v: ((X @ v - y) ** 2).sum()),
    ("np.sum((X @ w - Y)**2)", "w", {"Y": y}, lambda v: ((X @ v - y) ** 2).sum()),
    (r"\|Y - X B\|_F^2", "B", {"B": S}, lambda v: ((Y - X @ v) ** 2).sum()),
    # w.T @ X is a row of numbers, and b one of them
    ("np.sum(np.exp(np.dot(w.T, S) + b))", "b", {"b": np.array(0.2)},
     lambda v: np.exp(w @ S + v).sum()),
    # a neuron of numbers
    ("sigmoid(m*x + b)", "b", {"m": 0.4, "x": np.array(0.7), "b": np.array(0.2)},
     lambda v: 1 / (1 + np.exp(-(0.4 * 0.7 + v)))),
    # bars around a vector in a power or below a line are its length
    ("|Xw-y|^2", "w", {}, lambda v: ((X @ v - y) ** 2).sum()),
    (r"\sum_i |W x_i - t_i|^2", "W", {"T": X[:, :2]}, lambda v: ((X @ v.T - X[:, :2]) ** 2).sum()),
    (r"\frac{1}{|w - \mu|}", r"\mu", {}, lambda v: 1 / np.sqrt(((w - v) ** 2).sum())),
    (r"|Xw-y|_2^2 + \lambda|w|_1", "w", {},
     lambda v: ((X @ v - y) ** 2).sum() + 0.3 * np.abs(v).sum()),
    # a capital before a sum in brackets is a factor; what is below a line starts with a row
    ("||X(w-mu)||^2", "w", {}, lambda v: ((X @ (v - mu)) ** 2).sum()),
    ("w'Sw / w'w", "w", {}, lambda v: (v @ S @ v) / (v @ v)),
    (r"w^\top S w / w^\top w", "w", {}, lambda v: (v @ S @ v) / (v @ v)),
    # house styles
    (r"\min_{w}\ \tfrac12\|w\|^2 + \sum_i \max\{0, 1-y_i(w^\top x_i+b)\}", "b",
     {"b": np.array(0.2)}, lambda v: np.maximum(0, 1 - y * (X @ w + v)).sum()),
    (r"\underset{w}{\operatorname{argmin}}\; \|y-Xw\|_2^2", "w", {},
     lambda v: ((X @ v - y) ** 2).sum()),
    (r"\frac{\partial\, w^\top S w}{\partial w}", "w", {}, lambda v: v @ S @ v),
    (r"\mathop{\mathrm{tr}}(A S)", "S", {"A": X[:3]}, lambda v: np.trace(X[:3] @ v)),
    (r"\underline{w}^T S\, \underline{w}", r"\underline{w}", {}, lambda v: v @ S @ v),
    (r"1^T\exp(w)", "w", {}, lambda v: np.exp(v).sum()),
    (r"\|w\|_3^3 + \|w\|_4", "w", {},
     lambda v: (np.abs(v) ** 3).sum() + (v**4).sum() ** 0.25),
    ("‖X − TSᵀ‖²_F", "S", {"T": X}, lambda v: ((X - X @ v.T) ** 2).sum()),
    ("∑ᵢ log(1+e^{yᵢ})", "y", {}, lambda v: np.log1p(np.exp(v)).sum()),
    (r"{\bf w}^{\sf T}{\bf \mu}", r"{\bf w}", {}, lambda v: v @ mu),
    # vectors one below the other
    (r"\|A[w; 1] - b\|^2", "w", {"A": np.c_[S, mu], "b": mu},
     lambda v: ((S @ v + mu - mu) ** 2).sum()),
    (r"\tanh([w, \mu]^\top A [w, \mu])", "w", {"A": np.eye(6) / 9 + 0.01, "mu": mu},
     lambda v: np.tanh(np.r_[v, mu] @ (np.eye(6) / 9 + 0.01) @ np.r_[v, mu])),
    (r"\|\begin{bmatrix}X\\S\end{bmatrix}w - \begin{bmatrix}y\\c\end{bmatrix}\|^2", "w",
     {"c": mu}, lambda v: ((X @ v - y) ** 2).sum() + ((S @ v - mu) ** 2).sum()),
    # layers and losses of torch.nn, functions without a name
    ("nn.MSELoss(reduction='sum')(X @ w, y)", "w", {}, lambda v: ((X @ v - y) ** 2).sum()),
    ("nn.ReLU()(X @ w).sum()", "w", {}, lambda v: np.maximum(X @ v, 0).sum()),
    ("lambda w: np.sum((X @ w - y)**2)", "w", {}, lambda v: ((X @ v - y) ** 2).sum()),
    # small signs below the line end a name; e^( ) and log x in the text language; ½ m |v|^2
    ("∑ᵢ(yᵢ − β₀ − β₁rᵢ)²", "β₁", {"beta_0": 0.1, "beta_1": np.array(0.2)},
     lambda v: ((y - 0.1 - v * r) ** 2).sum()),
    ("∑ᵢ∑ⱼ Sᵢⱼwᵢwⱼ", "w", {}, lambda v: v @ S @ v),
    ("‖S₂σ(S₁w)‖²", "w", {"S_1": S, "S_2": S},
     lambda v: ((S @ (1 / (1 + np.exp(-S @ v)))) ** 2).sum()),
    ("e^(-w'w)", "w", {}, lambda v: np.exp(-v @ v)),
    ("sum(1./(1 + e^-w))", "w", {}, lambda v: (1 / (1 + np.exp(-v))).sum()),
    ("sum(e^w)", "w", {}, lambda v: np.exp(v).sum()),
    # the identity, ones, products of entries, a row of a matrix
    ("logdet(I + w*w')", "w", {}, lambda v: np.log(1 + v @ v)),
    ("norm2(S - I)^2*(w'w)", "w", {"S": S}, lambda v: ((S - np.eye(3)) ** 2).sum() * (v @ v)),
    ("1'*w.^2", "w", {}, lambda v: (v**2).sum()),
    ("w_1w_2w_3", "w", {}, lambda v: v.prod()),
    ("sum_i w_iq_i", "w", {"q": mu}, lambda v: v @ mu),
    ("sum_ij S_ijw_iw_j", "w", {"S": S}, lambda v: v @ S @ v),
    ("w'*S*w/2 (S symmetric)", "w", {"S": S + S.T}, lambda v: v @ S @ v),
    ("w'*S*w/2, S = S'", "w", {"S": S + S.T}, lambda v: v @ S @ v),
    (r"\frac{\mathrm{d}}{\mathrm{d}w} w^\top S w", "w", {"S": S}, lambda v: v @ S @ v),
    (r"\frac{{\rm d}}{{\rm d}\mathbf{w}} \mathbf{w}^\top S \mathbf{w}", r"\mathbf{w}", {"S": S},
     lambda v: v @ S @ v),
    ("2w_1w_2+w_1^2", "w", {}, lambda v: 2 * v[0] * v[1] + v[0] ** 2),
    (r"(S_{1:}w)^2 + w^\top S_{:2}", "w", {"S": S}, lambda v: (S[0] @ v) ** 2 + v @ S[:, 1]),
    ("-t log p - (1-t) log(1-p)", "p", {"p": np.array(0.3), "t": 0.7},
     lambda v: -0.7 * np.log(v) - 0.3 * np.log(1 - v)),
    (r"\frac12m\|w\|^2", "w", {"m": 0.7}, lambda v: 0.35 * v @ v),
    (r"\frac12kx^2", "x", {"k": 0.7, "x": np.array(0.4)}, lambda v: 0.35 * v**2),
    ("x^2z + z^3", "x", {"z": 0.7, "x": np.array(0.4)}, lambda v: 0.7 * v**2),
    # a sum ends where another one binds its index
    ("sum_i w_i - 1/2*sum_i sum_j w_i w_j S_ij", "w", {}, lambda v: v.sum() - v @ S @ v / 2),
    # entries of numbered arrays, of rows by number, of π
    (r"\sum_i (y_i - a - b_1 x_{1i} - b_2 x_{2i})^2", "b_1",
     {"a": 0.1, "b_1": np.array(0.2), "b_2": 0.3, "x_1": X[:, 0], "x_2": X[:, 1]},
     lambda v: ((y - 0.1 - v * X[:, 0] - 0.3 * X[:, 1]) ** 2).sum()),
    (r"\sum_j S_{1j} w_j", "w", {}, lambda v: S[0] @ v),
    (r"\sum_{k=1}^K \pi_k \log \pi_k", r"\pi", {"pi_": w**2 + 1}, lambda v: (v * np.log(v)).sum()),
    # definitions of entries
    (r"\frac1n\sum_{i=1}^n \ell_i, \quad \ell_i = (w^\top x_i - y_i)^2", "w", {},
     lambda v: ((X @ v - y) ** 2).mean()),
    ("sum(r.^2), r_i = w'x_i - y_i", "w", {}, lambda v: ((X @ v - y) ** 2).sum()),
    # the array of entries that are asked about by its letter
    (r"-\sum_n\sum_k x_{nk}\ln y_{nk}", "y", {"y": Y**2 + 1}, lambda v: -(X * np.log(v)).sum()),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "wrt", "given", "f"), MEANT)
def test_kinds_follow_from_what_stands_beside_a_name(
    formula: str, wrt: str, given: dict[str, Any], f: Callable[[Any], Any]
) -> None:
    found = derive(formula, wrt)
    values = {**VALUES, **given}
    at = np.asarray(values[found.wrt.name], float)
    if found.wrt.name in ("x", "y") and found.wrt.shape[1:]:
        values = {**values, "x": X}
    known = {name: values[name] for name in found.names if name in values}
    np.testing.assert_allclose(found.evaluate(known), differences(f, at), rtol=1e-5, atol=1e-6)


BARRIER, LABEL = r"-\sum_{i=1}^m \log(b_i - a_i^T x)", r"-z_y + \log\sum_j e^{z_j}"
TWICE = r"2X^{-1}-\operatorname{diag}(X^{-1})"
CHOSEN = "X.T @ (torch.softmax(X @ W, dim=1) - F.one_hot(y, W.shape[1]))"
ANSWERS = [
    (BARRIER, "x", r"A^T d,\ d = 1./(b-Ax)", True),
    (BARRIER, "x", r"A^T d,\ d = 1./(Ax-b)", False),
    (BARRIER, "x", "A^T d, d_i = 1/(b_i - a_i^T x)", True),
    (BARRIER, "x", r"A^T d,\quad d_i = \frac{1}{a_i^T x - b_i}", False),
    (LABEL, "z", r"\frac{e^{z_k}}{\sum_j e^{z_j}} - \delta_{ky}", True),
    (LABEL, "z", r"\frac{e^{z_k}}{\sum_j e^{z_j}} + \delta_{ky}", False),
    (LABEL, "z", r"\text{softmax}(z) - e_y", True),
    (LABEL, "z_k", r"p_k - \mathbb 1\{k=y\}, p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}", True),
    (LABEL, "z_k", r"p_k + \mathbb 1\{k=y\}, p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}", False),
    (r"\sum_{i\neq j} x_i x_j", "x", r"2\sum_{j\ne i}x_j", True),
    (r"\sum_{i\neq j} x_i x_j", "x", r"\sum_{j\ne i}x_j", False),
    ("F.cross_entropy(X @ W, y)", "W", CHOSEN + "/len(y)", True),
    ("F.cross_entropy(X @ W, y)", "W", CHOSEN, False),
    (r"(XX^\top)_{ij}", "X_{ij}", r"X_{jj} + \delta_{ij} X_{jj}", True),
    (r"(XX^\top)_{ij}", "X_{ij}", r"X_{jj} + \delta_{ij} X_{ij}", True),
]


@pytest.mark.parametrize(("formula", "wrt", "answer", "right"), ANSWERS)
def test_answers_define_entries_and_name_labels(
    formula: str, wrt: str, answer: str, right: bool
) -> None:
    assert verify(formula, wrt, answer).verdict in (
        ("proved", "verified") if right else ("disproved",)
    )


@pytest.mark.parametrize(("answer", "facts"), [(TWICE, "symmetric"), (TWICE, "")])
def test_a_diagonal_beside_a_matrix_is_a_matrix_in_latex(answer: str, facts: str) -> None:
    verdict = verify("log(det(X))", "X", answer, assume={"X": facts} if facts else {})
    assert verdict.correct is (facts == "symmetric")
    assert verdict.correct or verdict.diagnosis == "needs-fact"


def test_a_function_that_only_an_answer_has_is_refused() -> None:
    with pytest.raises(MatderivError, match="what the function R is"):
        verify("x'*A*x/(x'*x)", "x", r"\frac{2}{x^\top x}(Ax - R(x)x)")


@pytest.mark.parametrize(("factor", "right"), [("1", True), ("2", False)])
def test_a_wrong_gradient_is_by_the_variable_that_it_fits(factor: str, right: bool) -> None:
    lines = r"L = \frac{1}{2n}\|Xw-y\|^2" + "\n" + rf"\nabla L = \frac{{{factor}}}nX^\top(Xw-y)"
    assert verify_steps(lines).correct is right


def test_what_is_printed_of_labels_and_of_pi_reads_back() -> None:
    for formula, wrt in (("-np.log(p[y])", "p"), (r"\sum_k \pi_k\log\pi_k", r"\pi")):
        found = derive(formula, wrt)
        assert verify(formula, wrt, found.latex()).correct
    assert str(derive(r"(\mathbf 1^T\exp(x))^2", "x")) == "2*sum(exp(x))*exp(x)"


def test_a_row_is_divided_by_only_without_signs() -> None:
    with pytest.raises(MatderivError, match="divides by a scalar"):
        derive("x'*A*x/x'*x", "x")
    with pytest.raises(MatderivError, match="unknown function F"):
        derive("F(x+b)", "x")
    with pytest.raises(MatderivError, match="can mean two things"):
        derive(r"Y'\log P + (1-Y)'\log(1-P)", "P")
    with pytest.raises(MatderivError, match="of a square matrix"):
        derive(r"\operatorname{Tr}(\rho\log\rho)", r"\rho")


def test_a_name_that_is_transposed_is_no_number_in_an_answer() -> None:
    assert verify(r"(a^\top x)(b^\top x)", "x", r"(ab^\top + ba^\top)x").correct
    assert not verify(r"(a^\top x)(b^\top x)", "x", r"2ab^\top x").correct
    assert verify(r"\cos(a^\top x)\, b", "x", r"-\sin(a^\top x)\,a b^\top").correct is None


def test_what_reading_transposes_says_nothing_of_kinds() -> None:
    f = "sum_i ((norm2(W*x_i - z_i)^2 - y_i)^2 + lam*norm2(W*x_i - z_i)^2)"
    answer = "2*sum_i (2*(norm2(W*x_i - z_i)^2 - y_i) + lam)*(W*x_i - z_i)*x_i'"
    assert verify(f, "W", answer).correct


def test_an_answer_that_fits_a_matrix_in_place_of_a_number_is_open() -> None:
    assert verify(r"\operatorname{Tr}(\rho H)", r"\rho", "H^T").correct is None
    assert verify(r"\operatorname{Tr}(\rho H)", r"\rho", "H").correct is False


def test_the_identity_in_an_answer_in_entries_has_the_size_that_fits() -> None:
    assert verify(r"\sum_k A_{ik}B_{kj}", "B", r"\delta_{jl} A_{ik}").correct
    assert verify("A*X", "X", r"A_{ik}\delta_{jl}").correct
    assert not verify("A*X", "X", r"A_{ki}\delta_{jl}").correct


def test_a_sum_that_runs_to_n_over_an_array_of_size_big_n() -> None:
    found = derive(
        r"\frac1n\sum_{i=1}^n (w^\top x_i - y_i)^2", "w", shapes={"X": "N,d", "y": "N", "w": "d"}
    )
    truth = differences(lambda v: ((X @ v - y) ** 2).mean(), w)
    np.testing.assert_allclose(found.evaluate(VALUES), truth, rtol=1e-5)
    assert "n read as N" in found.notes
    with pytest.raises(MatderivError, match="runs to n"):
        derive(r"\sum_{i=1}^n (w^\top x_i)^2", "w", shapes={"X": "N,d", "y": "n"})


@pytest.mark.parametrize(
    "formula",
    [
        "norm2(Phi*w - t)^2",
        "||Phi w - t||^2",
        r"\|\Phi w - t\|^2",
        r"\|\mathbf{\Phi}\mathbf{w} - \mathbf{t}\|^2",
    ],
)
def test_a_greek_letter_is_a_function_only_with_brackets(formula: str) -> None:
    found = derive(formula, "w")
    t = RNG.normal(size=5)
    truth = differences(lambda v: ((X @ v - t) ** 2).sum(), w)
    np.testing.assert_allclose(found.evaluate({"Phi": X, "w": w, "t": t}), truth, rtol=1e-5)


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("sum(sin x)", "sum(sin(x))"),
        ("log det X", "logdet(X)"),
        ("tr A'X", "tr(A'*X)"),
        ("tr A*X - 1", "tr(A*X) - 1"),
        ("sin 2x cos x", "sin(2*x)*cos(x)"),
        ("exp x^2", "exp(x^2)"),
        ("log sum exp x", "logsumexp(x)"),
        ("KL(x || q)", "kl(x, q)"),
        (r"D_{\mathrm{KL}}(p\,\|\,x)", "kl(p, x)"),
        (r"\mathrm{KL}(p\parallel x)", "kl(p, x)"),
        ("||x||_3", "sum(abs(x).^3)^(1/3)"),
        ("||x - y||_A^2", "(x - y)'*A*(x - y)"),
        ("||X||_*", "norm_nuc(X)"),
        ("||X||_2", "norm_spec(X)"),
        ("2 if w'*x > 0 else w'*x", "where(w'*x > 0, 2, w'*x)"),
        ("2 if w'x > 0, w'x otherwise", "where(w'*x > 0, 2, w'*x)"),
        ("1[w'x > 0]*(w'*x)", "(w'*x > 0)*(w'*x)"),
    ],
)
def test_formulas_without_brackets_and_stars(typed: str, plain: str) -> None:
    variable = "X" if "X" in typed else "x"
    assert str(derive(typed, variable)) == str(derive(plain, variable))


@pytest.mark.parametrize(
    ("formula", "wrt", "answer", "wrong"),
    [
        ("max(0, w'*x)", "w", "x if w'x > 0 else 0", "x if w'x < 0 else 0"),
        ("np.maximum(0, w @ x)", "w", "x if w @ x > 0 else 0", "w if w @ x > 0 else 0"),
        ("max(0, w'x)", "w", "1[w'x>0]*x", "1[w'x<0]*x"),
        ("sum(relu(x))", "x", "x > 0", "x < 0"),
        ("sum(sigmoid(x))", "x", "f(1-f) where f = sigmoid(x)", "f(1+f) where f = sigmoid(x)"),
        (r"\sum_i \sigma(x_i)", "x", r"f(1-f), f = \sigma(x)", r"f(2-f), f = \sigma(x)"),
        (r"\sum_i y_i e^{x_i}", "x", "y e^{x}", "x e^{x}"),
        (
            r"\|x\|_p^p",
            "x",
            r"p|x|^{p-1}\odot\operatorname{sign}(x)",
            r"p|x|^{p-2}\odot\operatorname{sign}(x)",
        ),
        (
            r"\sum_i a_i\sigma(w_i^\top x)",
            "a",
            r"\sigma(w_i^\top x)",
            r"\sum_i \sigma(w_i^\top x)",
        ),
        (
            r"x^\top Px,\; \text{where } P = Q^\top Q",
            "x",
            r"2Q^\top Qx",
            r"2QQ^\top x",
        ),
    ],
)
def test_answers_of_signs_and_slopes(formula: str, wrt: str, answer: str, wrong: str) -> None:
    assert verify(formula, wrt, answer).verdict in ("proved", "verified")
    assert verify(formula, wrt, wrong).verdict == "disproved"
