"""Stationary points in closed form and curvature: truth from NumPy and from values of f."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from matderiv import curvature, stationary_point
from matderiv.errors import MatderivError
from matderiv.input.resolve import read
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.sampling import points

RNG = np.random.default_rng(5)
X, Y, y, A = (RNG.normal(size=s) for s in ((6, 3), (6, 2), 6, (6, 3)))
ROOT = RNG.normal(size=(6, 6))
V, b, w = ROOT @ ROOT.T + np.eye(6), np.abs(RNG.normal(size=6)) + 0.2, RNG.normal(size=3)
PENALTY = 0.7
VALUES = {"X": X, "Y": Y, "y": y, "A": A, "V": V, "b": b, "w": w, "l": PENALTY}
SHAPES = {
    "X": "N,d", "Y": "N,C", "y": "N", "A": "N,d", "V": "N,N", "b": "N", "w": "d", "l": "",
    "W": "d,C", "mu": "d", "S": "d,d", "c": "", "B": "d,C", "x": "d",
}  # fmt: skip


def lstsq(matrix: Any, right: Any) -> Any:
    return np.linalg.lstsq(matrix, right, rcond=None)[0]


def ridge(matrix: Any, right: Any, weight: float) -> Any:
    """Least squares with more rows: sqrt(l) times the identity below, zeros on the right."""
    below = np.sqrt(weight) * np.eye(matrix.shape[1])
    zeros = np.zeros((matrix.shape[1], *right.shape[1:]))
    return lstsq(np.vstack([matrix, below]), np.concatenate([right, zeros]))


CHOLESKY = np.linalg.cholesky(V)
SOLVED: list[tuple[str, str, dict[str, str], Callable[[], Any], str]] = [
    ("norm2(X*w - y)^2", "w", {}, lambda: lstsq(X, y), "minimum"),
    ("mean((X*w - y).^2)", "w", {}, lambda: lstsq(X, y), "minimum"),
    ("-0.5*norm2(y - X*w)^2", "w", {}, lambda: lstsq(X, y), "maximum"),
    ("norm2(X*w - y)^2 + l*norm2(w)^2", "w", {}, lambda: ridge(X, y, PENALTY), "stationary"),
    ("norm2(X*w - y)^2/2 + l*norm2(w)^2/2", "w", {"l": "positive"},
     lambda: ridge(X, y, PENALTY), "minimum"),
    ("norm2(X*w - y)^2 + l*norm2(w - x)^2", "w", {"l": "positive"},
     lambda: ridge(X, y - X @ VALUES["x"], PENALTY) + VALUES["x"], "minimum"),
    ("sum(b.*(X*w - y).^2)", "w", {"b": "positive"},
     lambda: lstsq(np.sqrt(b)[:, None] * X, np.sqrt(b) * y), "minimum"),
    ("(y - X*w)'*V*(y - X*w)", "w", {"V": "posdef"},
     lambda: lstsq(CHOLESKY.T @ X, CHOLESKY.T @ y), "minimum"),
    ("(y - X*w)'*inv(V)*(y - X*w)", "w", {"V": "posdef"},
     lambda: lstsq(np.linalg.solve(CHOLESKY, X), np.linalg.solve(CHOLESKY, y)), "minimum"),
    ("norm2(X*W - Y)^2", "W", {}, lambda: lstsq(X, Y), "minimum"),
    ("norm2(W'*X' - Y')^2", "W", {}, lambda: lstsq(X, Y), "minimum"),
    ("tr((Y - X*W)'*(Y - X*W)) + l*tr(W'*W)", "W", {"l": "positive"},
     lambda: ridge(X, Y, PENALTY), "minimum"),
    ("sum((y - c).^2)", "c", {}, lambda: y.mean(), "minimum"),
    ("sum(b.*(y - c).^2)", "c", {"b": "positive"}, lambda: np.average(y, weights=b), "minimum"),
    ("sum(sum((X - ones(N)*mu').^2))", "mu", {}, lambda: X.mean(axis=0), "minimum"),
    ("norm2(X*w - y)^2 + norm2(A*w - b)^2", "w", {},
     lambda: lstsq(np.vstack([X, A]), np.concatenate([y, b])), "minimum"),
]  # fmt: skip
VALUES["x"] = RNG.normal(size=3)


@pytest.mark.parametrize(("f", "wrt", "assume", "truth", "kind"), SOLVED)
def test_the_point_is_that_of_a_numeric_solver(
    f: str, wrt: str, assume: dict[str, str], truth: Callable[[], Any], kind: str
) -> None:
    found = stationary_point(f, wrt, shapes=SHAPES, assume=assume)
    sizes = {"N": 6, "d": 3, "C": 2}
    value = evaluate(found.expr, {n: v for n, v in VALUES.items() if n != wrt}, sizes)
    np.testing.assert_allclose(value, truth(), rtol=1e-8, atol=1e-10)
    assert found.kind == kind
    assert found.steps[-1] == str(found)


@pytest.mark.parametrize(
    ("f", "wrt", "form"),
    [
        ("norm2(X*w - y)^2", "w", "w = inv(X'*X)*X'*y"),
        ("norm2(X*w - y)^2 + l*norm2(w)^2", "w", "w = inv(X'*X + l*eye(d))*X'*y"),
        ("norm2(X*W - Y)^2", "W", "W = inv(X'*X)*X'*Y"),
        ("sum((y - c).^2)", "c", "c = mean(y)"),
    ],
)
def test_the_point_is_written_as_the_textbook_has_it(f: str, wrt: str, form: str) -> None:
    assert str(stationary_point(f, wrt, shapes=SHAPES)) == form


@pytest.mark.parametrize(
    ("f", "wrt", "said"),
    [
        ("sum(exp(X*w))", "w", "not affine"),
        ("w'*x", "w", "affine in w"),
        ("norm2(X*W*A' - V)^2", "W", "no closed form"),
        ("X*w", "w", "a number to be minimised"),
    ],
)
def test_what_has_no_closed_form_says_so(f: str, wrt: str, said: str) -> None:
    shapes = {**SHAPES, "W": "d,d"} if "A'" in f else SHAPES
    with pytest.raises(MatderivError) as error:
        stationary_point(f, wrt, shapes=shapes)
    assert said in str(error.value)


CURVED = [  # f, the variable, facts, the verdict; from Boyd & Vandenberghe, ch. 3
    ("exp(c)", "c", {}, "convex"), ("x'*x", "x", {}, "convex"), ("norm2(x)^4", "x", {}, "convex"),
    ("x'*S*x", "x", {"S": "posdef"}, "convex"), ("-x'*S*x", "x", {"S": "posdef"}, "concave"),
    ("norm2(X*w - y)^2", "w", {}, "convex"), ("logsumexp(w)", "w", {}, "convex"),
    ("log(sum(exp(X*w + y)))", "w", {}, "convex"), ("sum(softplus(X*w))", "w", {}, "convex"),
    ("sum(softplus(X*w)) - y'*X*w", "w", {}, "convex"), ("sum(exp(X*w))", "w", {}, "convex"),
    ("-sum(log(y - X*w))", "w", {}, "convex"), ("sum(log(x))", "x", {}, "concave"),
    ("sum(x.*log(x))", "x", {"x": "positive"}, "convex"), ("sum(x.^4)", "x", {}, "convex"),
    ("-sum(x.*log(x))", "x", {"x": "positive"}, "concave"), ("c^2", "c", {}, "convex"),
    ("sqrt(1 + c^2)", "c", {}, "convex"), ("cosh(c)", "c", {}, "convex"),
    ("1/c", "c", {"c": "positive"}, "convex"), ("sqrt(c)", "c", {"c": "positive"}, "concave"),
    ("log(1 + exp(c))", "c", {}, "convex"), ("x'*w", "x", {}, "both"),
    ("exp(x'*w)", "x", {}, "convex"),
]  # fmt: skip
LOOKALIKES = [
    ("1/c^2", "c"), ("log(c^2)", "c"), ("1/(x'*x)", "x"), ("-log(x'*x)", "x"), ("c^3", "c"),
    ("exp(-c^2)", "c"), ("sigmoid(c)", "c"), ("x'*S*x", "x"), ("sum(sin(x))", "x"),
    ("prod(x)", "x"), ("-sum(relu(x))", "x"), ("sum(x.^3)", "x"), ("sum(1./x.^2)", "x"),
    ("1/c", "c"), ("tanh(c)", "c"), ("(x'*x)*exp(-(x'*x))", "x"), ("sum(cos(X*w))", "w"),
    ("log(1 + c^2)", "c"), ("-sum(abs(x))", "x"), ("x'*S*x/(x'*x)", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "assume", "verdict"), CURVED)
def test_the_curvature_is_the_known_one_and_chords_agree(
    f: str, wrt: str, assume: dict[str, str], verdict: str
) -> None:
    assert curvature(f, wrt, shapes=SHAPES, assume=assume).verdict == verdict
    e = read(f, shapes=SHAPES, assume=assume).expr
    for point in points(e, count=4, seed=3):
        at = point.values[wrt]
        to = np.abs(at) * 1.3 if "positive" in assume.get(wrt, "") else at + 0.01
        ends = [evaluate(e, {**point.values, wrt: v}, point.sizes) for v in (at, to)]
        middle = evaluate(e, {**point.values, wrt: (at + to) / 2}, point.sizes)
        above = (ends[0] + ends[1]) / 2 - middle
        slack = 1e-9 * (1 + abs(middle))
        assert verdict == "concave" or above >= -slack
        assert verdict == "convex" or above <= slack


@pytest.mark.parametrize(("f", "wrt"), LOOKALIKES)
def test_a_lookalike_is_never_called_convex_or_concave(f: str, wrt: str) -> None:
    found = curvature(f, wrt, shapes=SHAPES)
    assert found.verdict in ("neither", "undecided")
    assert str(found).startswith(found.verdict + ": ")
