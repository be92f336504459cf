"""Python in: formulas with NumPy and PyTorch mean what NumPy says, and are never run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from problems import NAMES, Problem, problems

from matderiv import derive, verify
from matderiv.errors import MatderivError, ParseError, ShapeError, UnknownFunction
from matderiv.input.answers import read_stated
from matderiv.input.asking import read_question
from matderiv.input.resolve import read
from matderiv.input.spelling import Spelled
from matderiv.numeric.evaluate import evaluate
from matderiv.verification.claims import ask, read_answer

SHAPES = {
    "a": "",
    "x": "n",
    "u": "n",
    "y": "m",
    "A": "m,n",
    "B": "m,n",
    "S": "n,n",
    "r": "1,n",
    "c": "m,1",
}
SIZES = {"m": 3, "n": 4}
RANDOM = np.random.default_rng(5)
VALUES: dict[str, Any] = {
    name: RANDOM.uniform(0.2, 1.2, tuple(SIZES.get(s, 1) for s in shape.split(",") if s))
    for name, shape in SHAPES.items()
}
VALUES["S"] = VALUES["S"] @ VALUES["S"].T + np.eye(4)


def softmax(z: Any, axis: int) -> Any:
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


a, x, u, y, A, B, S, r, c = (VALUES[name] for name in SHAPES)

FORMULAS: list[tuple[str, Any]] = [
    ("A @ x", A @ x),
    ("x @ u", x @ u),
    ("y @ A", y @ A),
    ("x @ S @ u", x @ S @ u),
    ("A * B", A * B),
    ("A * x", A * x),
    ("A + x", A + x),
    ("x - A", x - A),
    ("1 + A + x + a", 1 + A + x + a),
    ("A / x", A / x),
    ("A * c", A * c),
    ("A * r + c", A * r + c),
    ("A / y[:, None]", A / y[:, None]),
    ("A - x[None, :]", A - x[None, :]),
    ("A - x[np.newaxis, :]", A - x),
    ("A * y.reshape(-1, 1)", A * y.reshape(-1, 1)),
    ("y[:, None] + x", y[:, None] + x),
    ("x ** 2", x**2),
    ("2 ** a", 2**a),
    ("-x ** 2", -(x**2)),
    ("A ** 2 @ x", A**2 @ x),
    ("x.T @ u", x @ u),
    ("A.T @ y", A.T @ y),
    ("A.mT @ y", A.T @ y),
    ("A @ x / len(y)", A @ x / 3),
    ("A.T @ y / A.shape[0]", A.T @ y / 3),
    ("np.sum(A)", A.sum()),
    ("A.sum(axis=0)", A.sum(axis=0)),
    ("A.sum(axis=1)", A.sum(axis=1)),
    ("A.sum(-1)", A.sum(-1)),
    ("np.sum(A, axis=0, keepdims=True) + A", A.sum(axis=0, keepdims=True) + A),
    ("A - A.mean(axis=1, keepdims=True)", A - A.mean(axis=1, keepdims=True)),
    ("A - A.mean(axis=0)", A - A.mean(axis=0)),
    ("np.max(A, axis=1)", A.max(axis=1)),
    ("A.std(axis=0)", A.std(axis=0)),
    ("torch.var(A, dim=0, unbiased=False)", A.var(axis=0)),
    ("np.dot(A, x)", A @ x),
    ("A.dot(x)", A @ x),
    ("np.dot(x, u)", x @ u),
    ("np.matmul(A, S)", A @ S),
    ("np.outer(y, x)", np.outer(y, x)),
    ("np.multiply(A, B)", A * B),
    ("np.transpose(A) @ y", A.T @ y),
    ("np.diag(x)", np.diag(x)),
    ("np.diag(S)", np.diag(S)),
    ("np.trace(S)", np.trace(S)),
    ("np.linalg.inv(S) @ x", np.linalg.inv(S) @ x),
    ("np.linalg.solve(S, x)", np.linalg.solve(S, x)),
    ("np.linalg.det(S)", np.linalg.det(S)),
    ("np.linalg.slogdet(S)[1]", np.linalg.slogdet(S)[1]),
    ("torch.logdet(S)", np.linalg.slogdet(S)[1]),
    ("np.linalg.norm(x)", np.linalg.norm(x)),
    ("np.linalg.norm(A)", np.linalg.norm(A)),
    ("np.linalg.norm(A, 'fro')", np.linalg.norm(A)),
    ("np.linalg.norm(x, 1)", np.linalg.norm(x, 1)),
    ("np.linalg.norm(x, np.inf)", np.linalg.norm(x, np.inf)),
    ("np.linalg.norm(A, axis=1)", np.linalg.norm(A, axis=1)),
    ("np.linalg.matrix_power(S, 2)", S @ S),
    ("np.linalg.multi_dot([A, S, x])", A @ S @ x),
    ("np.exp(x) + np.log(x) + np.sqrt(x)", np.exp(x) + np.log(x) + np.sqrt(x)),
    ("np.abs(x - u) + np.sign(x - u)", np.abs(x - u) + np.sign(x - u)),
    ("np.maximum(0, x - u)", np.maximum(0, x - u)),
    ("np.maximum(A, x)", np.maximum(A, x)),
    ("np.minimum(x, u)", np.minimum(x, u)),
    ("np.where(x > u, x, 0)", np.where(x > u, x, 0)),
    ("np.clip(x, 0.4, 0.6)", np.clip(x, 0.4, 0.6)),
    ("(x > u) * x", (x > u) * x),
    ("(x > u).astype(float)", (x > u).astype(float)),
    ("(A > 0.5).float() * A", (A > 0.5) * A),
    ("np.eye(n) + S", np.eye(4) + S),
    ("np.eye(len(x)) * 2 + S", np.eye(4) * 2 + S),
    ("np.ones(n) @ x", x.sum()),
    ("np.ones_like(x) * 3", np.ones(4) * 3),
    ("np.zeros_like(A) + x", np.zeros_like(A) + x),
    ("np.ones((3, 1)) @ r", np.ones((3, 1)) @ r),
    ("np.ones(A.shape) - A", 1 - A),
    ("np.kron(A, S)", np.kron(A, S)),
    ("np.einsum('ij,j->i', A, x)", A @ x),
    ('torch.einsum("ij,ij->", A, B)', (A * B).sum()),
    ("F.relu(x - u)", np.maximum(0, x - u)),
    ("F.softmax(A, dim=1)", softmax(A, 1)),
    ("torch.softmax(A, 0)", softmax(A, 0)),
    ("torch.log_softmax(x, dim=-1)", np.log(softmax(x, 0))),
    ("scipy.special.logsumexp(A, axis=1)", np.log(np.exp(A).sum(axis=1))),
    ("special.expit(x)", 1 / (1 + np.exp(-x))),
    ("sigmoid(x) * (1 - sigmoid(x))", np.exp(-x) / (1 + np.exp(-x)) ** 2),
    ("np.logaddexp(0, x)", np.log(1 + np.exp(x))),
    ("F.logsigmoid(x)", -np.log(1 + np.exp(-x))),
    ("np.log1p(np.exp(x))", np.log(1 + np.exp(x))),
    ("x.unsqueeze(1) @ x.unsqueeze(0)", np.outer(x, x)),
    ("A.ravel()", A.ravel()),
    ("A.flatten(order='F')", A.T.ravel()),
    ("A.reshape(-1, 1)", A.reshape(-1, 1)),
    ("np.pi * x + np.e", np.pi * x + np.e),
    ("c @ r", c @ r),
    ("(A @ x)[:, None] * B", (A @ x)[:, None] * B),
    ("x / np.linalg.norm(x)", x / np.linalg.norm(x)),
    ("1e-3 * x + .5", 1e-3 * x + 0.5),
    ("float(a) * x", a * x),
    ("x.clone() * 2", x * 2),
    ("-y / (1 + np.exp(y * (A @ x)))", -y / (1 + np.exp(y * (A @ x)))),
]


@pytest.mark.parametrize(("formula", "wanted"), FORMULAS, ids=[f for f, _ in FORMULAS])
def test_a_formula_means_what_numpy_says(formula: str, wanted: Any) -> None:
    reading = read("0", shapes=SHAPES)
    shape = tuple({3: "m", 4: "n"}.get(s, s) for s in np.shape(wanted))
    expected = (
        reading.read_more("*".join(f"eye({s})" for s in shape[:1])).shape[:1] if shape else ()
    )
    found = reading.read_more(Spelled(formula, "python"), expected=expected)
    value = evaluate(found, VALUES, SIZES)
    assert np.size(value) == np.size(wanted)
    np.testing.assert_allclose(np.squeeze(value), np.squeeze(wanted), rtol=1e-12)


def stored() -> dict[str, dict[str, Any]]:
    """The lines of the stored problems, which have a PyTorch spelling."""
    here = Path(__file__).parent / "data"
    texts = [(here / f"{name}.jsonl").read_text(encoding="utf-8") for name in NAMES]
    return {case["id"]: case for t in texts for case in map(json.loads, t.splitlines())}


STORED = stored()


@pytest.mark.parametrize("problem", problems(), ids=lambda p: p.id)
def test_problems_written_for_pytorch_are_read(problem: Problem) -> None:
    case, point = STORED[problem.id], problem.points[0]
    reading = read(problem.expr, shapes=problem.shapes, assume=problem.assume)
    wanted = evaluate(reading.expr, point.values, point.sizes)
    read_count = 0
    for key, truth in (("torch", wanted), ("answer_torch", point.truth)):
        text = case.get(key)
        if not text or text == "0" or any(w in text for w in ("lambda", " for ")):
            continue  # programs, not formulas
        found = reading.read_more(Spelled(text, "python"))
        value = evaluate(found, point.values, point.sizes)
        np.testing.assert_allclose(np.squeeze(value), np.squeeze(truth), rtol=1e-6, atol=1e-9)
        read_count += 1
    assert read_count or "lambda" in case["torch"]


# What a vector is --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "shapes", "wanted"),
    [
        ("A * y", {"A": "m,n", "y": "m"}, "A.*y"),  # only a column fits
        ("A * x", {"A": "m,n", "x": "n"}, "A.*x'"),  # only a row fits
        ("y @ x.T", {"y": "m", "x": "n"}, "y*x'"),  # only columns fit
        ("y.T @ A", {"A": "m,n", "y": "m"}, "A'*y"),
    ],
)
def test_sizes_say_whether_a_vector_is_a_column(
    formula: str, shapes: dict[str, str], wanted: str
) -> None:
    assert read(Spelled(formula, "python"), shapes=shapes).expr is read(wanted, shapes=shapes).expr


@pytest.mark.parametrize(
    ("formula", "span", "hint"),
    [
        ("S * x + x @ x.T", (0, 5), "x[None, :]"),
        ("x @ u.T", (0, 7), "np.outer"),
        ("1 + S - x + x.T", (0, 9), "x[:, None]"),
    ],
)
def test_a_formula_with_two_meanings_is_refused(
    formula: str, span: tuple[int, int], hint: str
) -> None:
    shapes = {"S": "n,n", "x": "n", "u": "n"}
    with pytest.raises(ParseError, match="can be a") as caught:
        read(Spelled(formula, "python"), shapes=shapes)
    assert caught.value.span == span
    assert hint in str(caught.value.hint)


def test_the_expected_shape_decides_between_two_meanings() -> None:
    asked = {"shapes": {"W": "n,n", "x": "n", "u": "n"}}
    assert verify("u'*W*x", "W", "np.multiply(1, u) @ x.T", **asked).correct


@pytest.mark.parametrize(
    ("formula", "error", "span", "message"),
    [
        ("np.foo(x)", UnknownFunction, (0, 6), "unknown function foo"),
        ("A.max(1)[0].sum()", ParseError, (0, 8), "as in PyTorch"),
        ("x[::2]", ParseError, (3, 4), "without steps"),
        ("x.grad", ParseError, (2, 6), "attribute .grad"),
        ("x if a > 0", ParseError, (2, 4), "this if has no else"),
        ("__import__('os').system('id')", ParseError, (0, 1), "LOW LINE"),
        ("x.__class__", ParseError, (2, 3), "LOW LINE"),
        ("open('f').read()", UnknownFunction, (0, 4), "unknown function open"),
        ("eval('1')", UnknownFunction, (0, 4), "unknown function eval"),
        ("np.exp(x", ParseError, (6, 7), "never closed"),
        ("x @", ParseError, (3, 3), "operand after @"),
        ("x u", ParseError, (2, 3), "operator is missing"),
        ("2 @ x", ParseError, (0, 5), "one side is a number"),
        ("x == u", ParseError, (2, 4), "not read in formulas"),
        ("np.sum((y == 1) * np.log(x))", ParseError, (10, 12), "not read in formulas"),
        ("x // 2", ParseError, (2, 4), "not read in formulas"),
        ("np.sum(A, axis=2)", ParseError, (0, 17), "no axis 2"),
        ("len(a)*x", ParseError, (0, 6), "this is a number"),
        ("np.sum(A, where=x)", ParseError, (0, 18), "where= is not read"),
        ("A.var(axis=0, ddof=2)", ParseError, (0, 21), "ddof=1 only"),
        ("A @ y", ShapeError, (0, 5), "cannot multiply A by y"),
        ("A + y[None, :]", ShapeError, (0, 14), "cannot add"),
        ("", ParseError, None, "empty"),
        ("x^2", ParseError, (1, 2), "CIRCUMFLEX"),
        ("A.reshape(2, 3)", ParseError, (0, 15), "columns, rows and flat"),
    ],
)
def test_a_mistake_is_shown_where_it_is(
    formula: str, error: type[MatderivError], span: tuple[int, int] | None, message: str
) -> None:
    with pytest.raises(error) as caught:
        read("0", shapes=SHAPES).read_more(Spelled(formula, "python"))
    assert message in caught.value.message
    assert caught.value.span == span


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("X'*(X*w - y)", "text"),
        ("X.T @ (X @ w - y)", "text"),  # the same in both
        ("w' @ w", "text"),
        ("X.T @ np.exp(X @ w)", "python"),
        ("w @ w", "python"),
        ("X.T @ (y * (X @ w))", "python"),
        ("dw = 2 * X.T @ (X @ w - y)", "text"),
        ("dw = X.sum(axis=0)", "python"),
    ],
)
def test_the_spelling_is_found(text: str, spelling: str) -> None:
    reading = read("norm2(X*w - y)^2", shapes={"X": "n,d"})
    assert read_stated(text, reading).spelling == spelling


def test_a_text_that_means_something_else_in_python_is_refused() -> None:
    reading = read("tr(A*B*C)", shapes={"A": "n,n", "B": "n,n", "C": "n,n"})
    with pytest.raises(ParseError, match="with @ this is Python"):
        reading.read_more("A @ B * C")
    assert reading.read_more("2 * A @ B") is reading.read_more("2*A*B")
    assert reading.read_more("A @ B @ C") is reading.read_more("A*B*C")
    assert reading.read_more(Spelled("A @ B * C", "text")) is reading.read_more("A*B*C")


@pytest.mark.parametrize(
    "answer",
    [
        "-X.T @ (y * sigmoid(-y * (X @ w)))",
        "dw = -X.T @ (y / (1 + np.exp(y * (X @ w))))",
        "-(y * expit(-y * (X @ w))) @ X",
        "-np.sum((y * torch.sigmoid(-y * (X @ w)))[:, None] * X, axis=0)",
        "np.einsum('ij,i->j', X, -y / (1 + np.exp(y * X.dot(w))))",
    ],
)
def test_answers_in_python_are_verified(answer: str) -> None:
    loss = "sum(log(1 + exp(-y.*(X*w))))"
    found = verify(loss, "w", answer, shapes={"X": "n,d", "y": "n"})
    assert found.correct is True, str(found)


def test_a_derivative_by_another_variable_is_said() -> None:
    with pytest.raises(ParseError, match="derivative by X, asked is the one by w"):
        verify("norm2(X*w)^2", "w", "dL_dX = 2 * np.outer(X @ w, w)")


def test_the_command_line_may_say_the_spelling(run: Run) -> None:
    product = run("derive", "A*B", "A", "--shape", "B: m,n", "--from", "python", "-q")
    assert product.out.strip() == "∂f_ij/∂A_kl = δ_ik δ_jl B_ij"
    answer = ("verify", "sum(a*(X*w))", "w", "a * X.T @ np.ones(len(y))", "--shape", "y: n")
    assert run(*answer, "--shape", "X: n,d").status == 0
    refused = run(*answer, "--shape", "X: n,d", "--from", "latex")
    assert (refused.status, "in LaTeX" in refused.err or "np" in refused.err) == (2, True)
    wrong = run("derive", "x", "x", "--from", "matlab")
    assert wrong.status == 2
    assert "text, latex, python" in wrong.err


def test_answers_of_the_text_language_are_read_as_before() -> None:
    lines = (Path(__file__).parent / "data" / "answers.jsonl").read_text(encoding="utf-8")
    for case in list(map(json.loads, lines.splitlines()))[::7]:
        asked = ask(case["expr"], case["wrt"], shapes=case["shapes"], kind=case["kind"])
        try:
            alone = read_answer(asked, Spelled(case["answer"], "text"))
        except ShapeError:
            with pytest.raises(ShapeError):
                read_answer(asked, case["answer"])
            continue
        assert read_answer(asked, case["answer"]) is alone


@pytest.mark.parametrize("f", ["x.T @ A @ x", "x @ A @ x", "-2 * x.T @ A @ x", "(A @ x).T @ x"])
def test_a_transposed_vector_means_the_same_in_both_languages(f: str) -> None:
    found = read(f, shapes={"A": "n,n", "x": "n"})
    plain = f.replace("x @ A", "x' * A").replace(".T", "'").replace("@", "*")
    wanted = read(plain, shapes={"A": "n,n", "x": "n"})
    square = {"A": VALUES["S"], "x": x}
    np.testing.assert_allclose(
        evaluate(found.expr, square, SIZES), evaluate(wanted.expr, square, SIZES)
    )


SCALED = [
    ("1/(2*m)*np.sum((X @ w - y)**2)", "m"),
    ("C*np.sum(np.maximum(0, 1 - y*(X @ w))) + 0.5*np.sum(w**2)", "C"),
    ("np.sum((X @ w - y)**2)/N + l2_coef/2*np.sum(w**2)", "N l2_coef"),
    ("s*np.linalg.norm(X @ w - y)", "s"),
    ("-N*D/2*np.log(2*np.pi) - N/2*np.log(np.sum((X @ w - y)**2))", "N D"),
    ("T*np.log(np.sum(np.exp(w/T)))", "T"),
    ("-np.sum(y*np.log((X @ w)**2 + eps))", "eps"),
    ("k*sum(w**2) + n", "k n"),
    ("s*sum((X*w - y).^2)", "s"),
    ("C*norm2(w)^2 + sum(log(1 + exp(-y.*(X*w))))/N", "C N"),
    (r"s\|Xw - y\|^2", "s"),
    (r"\frac{C}{2}\|w\|^2 + K\log\sum_i e^{w_i}", "C K"),
    (r"C\sum_i \max(0, 1 - y_i w^\top x_i) + \frac12\|w\|^2", "C"),
]


@pytest.mark.parametrize(("typed", "numbers"), SCALED)
def test_an_array_that_only_scales_numbers_is_a_number(typed: str, numbers: str) -> None:
    D = derive(typed, "w")
    guessed = {g.name: g for g in D.guesses}
    for name in numbers.split():
        assert guessed[name].kind == "number"
        assert f"taking {name} as a scalar" in D.notes


@pytest.mark.parametrize(
    ("f", "right"),
    [
        ("-np.sum(np.log(np.exp(z)/np.sum(np.exp(z)))*y)", "y.sum()*np.exp(z)/np.exp(z).sum() - y"),
        ("np.sum(y*(z - np.max(z)))", "y - y.sum()*(z >= z.max())"),
        ("np.sum(w*(z/np.linalg.norm(z)))", "w/np.linalg.norm(z) - (w @ z)*z/np.linalg.norm(z)**3"),
    ],
)
def test_a_letter_of_a_vector_multiplies_the_entries_of_an_array(f: str, right: str) -> None:
    assert verify(f, "z", right).correct is True


def test_a_kind_that_is_said_stays_where_an_array_only_scales() -> None:
    found = read_question("np.sum(lam*(z/np.sum(z)))", kinds={"lam": 1})
    assert found.variables["lam"].shape == found.variables["z"].shape


@pytest.mark.parametrize("typed", [typed for typed, _ in SCALED[:8]])
def test_a_gradient_with_guessed_numbers_is_that_of_the_numpy_formula(typed: str) -> None:
    rng = np.random.default_rng(1)
    names = {
        v: float(rng.uniform(1, 2))
        for v in ("m", "C", "N", "l2_coef", "s", "D", "T", "k", "n", "eps")
    }
    values = {
        "X": rng.normal(size=(5, 3)),
        "w": rng.normal(size=3),
        "y": rng.normal(size=5),
        **names,
    }

    def f(w: Any) -> Any:
        return eval(typed, {"np": np, **values, "w": w})

    h = 1e-6 * np.eye(3)
    truth = [(f(values["w"] + e) - f(values["w"] - e)) / 2e-6 for e in h]
    D = derive(typed, "w")
    np.testing.assert_allclose(D.evaluate({v: values[v] for v in D.reading.variables}), truth, 1e-5)


@pytest.mark.parametrize(
    ("typed", "arrays"),
    [
        ("np.sum(C*X) + np.sum(C)*np.sum(w)", "C"),
        ("s*np.sum(w) + s", ""),
        ("np.sum((X @ w - y)**2/s)", "s"),
        ("v*(x'*w)", "v"),
        ("x*norm2(x)^2 + w", "x"),
        (r"\mathbf{v}\|\mathbf w\|^2", "v"),
    ],
)
def test_an_array_that_also_stands_elsewhere_stays_one(typed: str, arrays: str) -> None:
    kinds = {g.name: g.kind for g in derive(typed, "w").guesses}
    assert all(kinds[name] != "number" for name in arrays.split())
