"""Kinds of undeclared names: by letter, by use, and where an answer contradicts a guess."""

from __future__ import annotations

from typing import Any

import pytest

from matderiv import MatderivError, UnknownName, derive, verify
from matderiv.input.meaning.kinds import KindSearch
from matderiv.input.resolve import read
from matderiv.shapes import shape_text
from matderiv.verification.derivations.definitions import Definition, read_definitions
from matderiv.verification.documents.positions import Passage


@pytest.mark.parametrize(
    ("f", "x", "answer"),
    [
        ("np.dot(c, x)", "x", "c"),
        ("c @ x", "x", "c"),
        ("c.T @ x", "x", "c"),
        ("np.outer(a, x) @ x", "a", "(x @ x) * np.eye(len(a))"),
        ("b'*A*x", "x", "A'*b"),
        ("b.T @ A @ x", "A", "np.outer(b, x)"),
        ("mu'*Sigma*mu", "mu", "(Sigma + Sigma')*mu"),
        (r"a^\top x", "x", "a"),
        (r"b^\top A x", "x", r"A^\top b"),
        (r"\langle c, x\rangle", "x", "c"),
        ("np.sum((A @ x)*b)", "b", "A @ x"),
        (r"\frac12 m v^\top v", "v", "mv"),
        ("np.sum(softmax(z)*c)", "z", "softmax(z)*(c - softmax(z) @ c)"),
        (r"\|X\theta - y\|^2", r"\theta", r"2X^\top(X\theta - y)"),
        ("norm2(A*x - b)^2", "b", "2*(b - A*x)"),
        ("x'*A*b", "x", "A*b"),
        ("norm2(X*w - b)^2", "w", "2*X'*(X*w) - 2*X'*b"),
        (r"(x-\mu)^\top S (x-\mu)", r"\mu", r"-(S + S^\top)(x-\mu)"),
        ("np.linalg.norm(c*theta)**2", "theta", "2*c**2*theta"),
        ("beta*theta @ (gamma*u)", "theta", "beta*gamma*u"),
        ("np.sum(W @ (xi*xi))", "xi", "2*xi*np.sum(W, 0)"),
        ("np.sum((c*np.maximum(theta, 0))**2)", "theta", "2*c**2*np.maximum(theta, 0)"),
        ("(x_2*(X @ z)) @ y", "x_2", "(X @ z)*y"),
        ("(z*v) @ (h*y)", "z", "v*h*y"),
        ("(k*x) @ x", "x", "2*k*x"),
        ("norm2(momentum*W*z)^2", "z", "2*momentum^2*W'*W*z"),
        (r"\mathrm{tr}(\xi\,y^T B)", "B", r"y\xi^T"),
        (
            r"\|\mathbf{W}\,\mathrm{momentum}\,\mathbf{z}\|^2",
            r"\mathbf{z}",
            r"2\,\mathrm{momentum}^2\,\mathbf{W}^T\mathbf{W}\mathbf{z}",
        ),
        (r"\log(1 + e^{-y\,w\cdot x})", "w", r"-y\sigma(-y\,w^T x)x"),
        (r"y - x^\top\beta", r"\beta", "-x"),
        (r"\sum_i p(x_i)\log\frac{p(x_i)}{q(x_i)}", "q", "-p./q"),
        (r"\sum_i \lambda (x_i - \mu)^2", r"\mu", r"-2\lambda\sum_i (x_i - \mu)"),
        ("t - w'*phi", "w", "-phi"),
        (r"\mathbf{x}\cdot\mathbf{A}\cdot\mathbf{x}", r"\mathbf{x}", r"(A + A^\top)x"),
        (r"z^T\lambda w\,z^Tz", "w", r"\lambda (z^Tz) z"),
        ("x_1*A*x", "x", "A*x*unit(m,1)' + x[1]*A"),
        (r"\sum_n (t_n - w^T\phi(x_n))^2", "w", r"2\Phi^T(\Phi w - t)"),
        (r"\frac{\partial \operatorname{tr}(AX)}{\partial X_{ij}}", "X", "A'"),
        (r"h'\left(A+B\right)'h + x'x", "h", r"(A+B+A'+B')h"),
    ],
)
def test_a_name_used_as_a_vector_is_one(f: str, x: str, answer: str) -> None:
    assert verify(f, x, answer).correct is True


@pytest.mark.parametrize(
    ("f", "x", "answer", "name"),
    [
        ("(A @ x)*b", "b", "np.diag(A @ x)", "b"),
    ],
)
def test_an_answer_that_a_guess_contradicts_is_not_judged(
    f: str, x: str, answer: str, name: str
) -> None:
    found = verify(f, x, answer)
    assert found.correct is None
    assert f'--shape "{name}: n"' in found.message


NUMBER_ADDED = [
    (r"w^\top Sw + c\mathbf{1}^\top w", r"(S + S^\top)w + c", None),
    (r"w^\top Sw + c\mathbf{1}^\top w", r"(S + S^\top)w + c\mathbf{1}", True),
    (r"w^\top Sw + c\mathbf{1}^\top w", r"(S + S^\top)w - c", False),
    (r"\|w\|^2 + \sum_i w_i", "2w + 1", None),
    (r"\|w\|^2 + \sum_i w_i", "2w_i + 1", True),
    (r"\sum_i w_i \log w_i", r"\log w + 1", True),
    (r"\frac12\|Xw + b - w\|^2", r"(X - I)^\top(Xw + b - w)", True),
    ("norm2(w)^2 + sum(w)", "2*w + 1", True),
]


@pytest.mark.parametrize(("f", "answer", "right"), NUMBER_ADDED)
def test_latex_adds_no_number_to_an_array(f: str, answer: str, right: bool | None) -> None:
    assert verify(f, "w", answer).correct is right


@pytest.mark.parametrize(
    ("f", "answer", "right"),
    [
        ("np.sum((A @ x - b)**2)", "-2 * (A @ x - b)", True),
        ("np.sum((A @ x - b)**2)", "-2 * np.sum(A @ x - b)", True),
        ("np.sum((A @ x - b)**2)", "-np.sum(A @ x - b)", False),
        ("norm2(X*w + b - y)^2", "2*sum(X*w + b - y)", True),
        ("norm2(X*w + b - y)^2", "2*(X*w + b - y)", True),
        ("norm2(X*w + b - y)^2", "2*sum(X*w - y)", False),
        (r"\|Xw + b - y\|^2", r"2\,\mathbf 1^\top (Xw+b-y)", True),
    ],
)
def test_a_bias_is_a_vector_or_a_number(f: str, answer: str, right: bool) -> None:
    assert verify(f, "b", answer).correct is right


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("[2*x_1 + 3*x_2; 3*x_1]", True),
        (r"\begin{bmatrix} 2x_1 + 3x_2 \\ 3x_1 \end{bmatrix}", True),
        ("[2*x_1 + 3*x_2; 3*x_2]", False),
    ],
)
def test_a_variable_of_an_unsaid_size_is_as_long_as_the_answer(answer: str, right: bool) -> None:
    assert verify("x_1^2 + 3*x_1*x_2", "x", answer).correct is right


def test_a_wrong_answer_is_disproved_where_no_guess_explains_it() -> None:
    assert verify("c*x'*x", "x", "2*x").correct is False
    assert verify("c*x'*x", "x", "c*x*x'").correct is False
    assert verify("norm2(A*x - b)^2", "b", "2*(b - A*x)", shapes={"b": ""}).correct is False


def test_guesses_are_values_and_said_with_quiet(run: Any) -> None:
    found = derive("norm2(X*w + b - y)^2 + c*norm2(w)^2", "w", shapes={"y": "m"})
    assert [(g.name, g.kind, g.why) for g in found.guesses] == [
        ("X", "matrix m × n", "letter"),
        ("w", "vector of size n", "letter"),
        ("b", "vector of size m", "use"),
        ("c", "number", "letter"),
    ]
    assert str(found.guesses[3]).endswith('as a vector: shapes={"c": "n"}')
    told = run("derive", "norm2(X*w + b - y)^2", "w", "-q")
    assert 'b: vector of size m (guessed by its use); as a number: --shape "b:"' in told.err
    assert run("derive", "c*norm2(w)^2", "w", "-q").err == ""


@pytest.mark.parametrize(
    ("typed", "axes"),
    [
        ("C/2*norm2(x)^2", {"C": 0}),
        ("C*sum(x)*z", {"C": 0, "z": 1}),
        ("norm2(x)*A*z", {"A": 2, "z": 1}),
        ("tr(X)*A", {"A": 2}),
        (r"\|x\|^2 A x", {"A": 2}),
        (r"(x^\top y) A z", {"A": 2, "z": 1}),
    ],
)
def test_a_number_scales_from_the_left(typed: str, axes: dict[str, int]) -> None:
    found = read(typed).variables
    assert {name: len(found[name].shape) for name in axes} == axes


@pytest.mark.parametrize(
    ("f", "x", "shapes"),
    [
        ("kron(B, A)*vec(X)", "X", {"X": "q × n", "A": "p × q", "B": "m × n"}),
        ("norm2(kron(B', A)*vec(X) - vec(C))^2", "X", {"X": "q × m", "C": "p × n"}),
        ("vec(X)'*vec(A)", "X", {"X": "m × n", "A": "m × n"}),
        ("vech(S)'*a", "S", {"S": "n × n", "a": "vech(n)"}),
        ("vec(S) - duplication(n)*a", "a", {"S": "n × n", "a": "vech(n)"}),
        ("vech(S)'*vech(B)", "S", {"S": "n × n", "B": "n × n"}),
        ("vech(S)'*a + tr(S*ones(3,3))", "S", {"S": "3 × 3", "a": "6"}),
        ("(ones(1,6) + a')*vech(S)", "S", {"S": "3 × 3", "a": "6"}),
        ("||[A; B]*x - [b; 0]||^2", "x", {"A": "m × n", "B": "p × n", "b": "m"}),
        ("||[B; A]*x - [0; b]||^2", "x", {"B": "m × n", "A": "p × n", "b": "p"}),
    ],
)
def test_parts_of_products_and_sums_of_sizes_meet_in_their_order(
    f: str, x: str, shapes: dict[str, str]
) -> None:
    found = derive(f, x).reading
    assert found is not None
    assert {n: shape_text(found.variables[n].shape) for n in shapes} == shapes


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (r"-2\sum_{i=1}^n (y_i - w^\top x_i) x_i", True),
        (r"2\sum_{i=1}^N (w^\top x_i - y_i) x_i", True),
        (r"2\sum_{i=1}^n (\sum_{k=1}^d X_{ik}w_k - y_i) X_{ij}", True),
        (r"2\sum_{i=1}^n (y_i - w^\top x_i) x_i", False),
        (r"\sum_{i=1}^N (w^\top x_i - y_i) x_i", False),
    ],
)
def test_sums_of_an_answer_name_sizes_that_nobody_named(answer: str, right: bool) -> None:
    assert verify(r"\|Xw - y\|^2", "w", answer).correct is right


@pytest.mark.parametrize(("first", "right"), [("1", True), ("2", False)])
def test_the_number_of_rows_in_a_question_is_what_the_sum_of_an_answer_runs_to(
    first: str, right: bool
) -> None:
    answer = rf"\frac{first}n\sum_{{i=1}}^n x_i(x_i^\top w - y_i)"
    assert verify(r"\frac{1}{2n}\|Xw - y\|^2", "w", answer).correct is right


def test_sums_of_an_answer_rename_no_size_that_was_declared() -> None:
    declared = {"X": "k,p", "w": "p", "y": "k"}
    with pytest.raises(UnknownName, match="the size N"):
        verify("norm2(X*w - y)^2", "w", r"2\sum_{i=1}^N (w^\top x_i - y_i) x_i", shapes=declared)


def test_only_names_behind_what_cannot_be_read_are_tried_otherwise(monkeypatch):
    tries = []
    tried = KindSearch.tried
    monkeypatch.setattr(KindSearch, "tried", lambda s, c: tries.append(c) or tried(s, c))
    texts = {"g": r"\sum_{i=1}^n u", "h": r"A x + B y + C z", "f": r"p^\top q + r^\top s"}
    definitions = [Definition(n, Passage.of(t, latex=True)) for n, t in texts.items()]
    with pytest.raises(MatderivError):
        read_definitions(definitions, "")
    assert {name for changes in tries for name, _ in changes} <= {"u"}


def test_names_that_nothing_connects_are_searched_one_group_after_the_other(monkeypatch):
    tries = []
    tried = KindSearch.tried
    monkeypatch.setattr(KindSearch, "tried", lambda s, c: tries.append(c) or tried(s, c))

    def count(*texts: str) -> int:
        tries.clear()
        parts = [Passage.of(t, latex=True) for t in texts]
        read_definitions([Definition(f"f{k}", p) for k, p in enumerate(parts)], "")
        return len(tries)

    texts = r"\frac{1}{1 + e^{-u}} + v^2", r"(p - q)^2 + p q", r"\frac{x}{y + x^2}", "Wa + b + r^2"
    assert count(*texts) <= sum(map(count, texts)) + len(texts)
