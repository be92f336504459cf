"""Hessians in parts: products, systems and determinants against differences of f itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import matderiv as md

Arrays = dict[str, Any]
STEP = 2e-3
SIZES = {"m": 2, "n": 9, "k": 2, "p": 3}


def log_sum_exp(z: Any, axis: int | None = None) -> Any:
    return np.log(np.sum(np.exp(z), axis))


CASES: dict[str, tuple[str, str, dict[str, str], Callable[..., Any]]] = {
    "number": ("a*x^3", "x", {"a": "", "x": ""}, lambda a, x: a * x**3),
    "0": ("sum(W*x)", "W", {"W": "m,p", "x": "p"}, lambda W, x: np.sum(W @ x)),
    "matrix": ("x'*A*x", "x", {"A": "n,n"}, lambda A, x: x @ A @ x),
    "diagonal": ("sum(X.^4)", "X", {"X": "k,p"}, lambda X: np.sum(X**4)),
    "diagonal + rank 1": (
        "sum(exp(x)) + (a'*x)^2",
        "x",
        {"x": "n"},
        lambda a, x: np.sum(np.exp(x)) + (a @ x) ** 2,
    ),
    "rank 2 + diagonal": (
        "sum(log(1 + exp(X*w))) + sum(w.^4)",
        "w",
        {"X": "m,n"},
        lambda X, w: np.sum(np.log(1 + np.exp(X @ w))) + np.sum(w**4),
    ),
    "rank 1 + identity": (
        "log(1 + norm2(x)^2)",
        "x",
        {"x": "n"},
        lambda x: np.log(1 + x @ x),
    ),
    "identity ⊗ matrix": (
        "norm2(T - U*V')^2",
        "U",
        {"T": "m,n", "U": "m,k", "V": "n,k"},
        lambda T, U, V: np.sum((T - U @ V.T) ** 2),
    ),
    "identity ⊗ matrix + identity ⊗ identity": (
        "norm2(T - U*V')^2 + lam*norm2(U)^2",
        "U",
        {"T": "m,n", "U": "m,k", "V": "n,k", "lam": ""},
        lambda T, U, V, lam: np.sum((T - U @ V.T) ** 2) + lam * np.sum(U**2),
    ),
    "rank 1 + identity ⊗ identity": (
        "norm2(X)^4",
        "X",
        {"X": "n,k"},
        lambda X: np.sum(X**2) ** 2,
    ),
    "blocks, by columns": (
        "sum(log(1 + exp(X*W)))",
        "W",
        {"X": "n,p", "W": "p,k"},
        lambda X, W: np.sum(np.log(1 + np.exp(X @ W))),
    ),
    "blocks + matrix + identity ⊗ identity": (
        "sum(log(sum(exp(X*W), 2))) + tr(W'*W)",
        "W",
        {"X": "n,p", "W": "p,k"},
        lambda X, W: np.sum(log_sum_exp(X @ W, 1)) + np.sum(W * W),
    ),
    "diagonal ⊗ rank 1 + matrix ⊗ rank 1": (
        "norm2(V*tanh(W*x) - y)^2",
        "W",
        {"W": "p,p", "V": "m,p", "x": "p", "y": "m"},
        lambda W, V, x, y: np.sum((V @ np.tanh(W @ x) - y) ** 2),
    ),
    "matrix ⊗ matrix": (
        "norm2(A*X*B)^2",
        "X",
        {"A": "n,p", "X": "p,k", "B": "k,n"},
        lambda A, X, B: np.sum((A @ X @ B) ** 2),
    ),
    "matrix ⊗ matrix, crossed": (
        "logdet(X)",
        "X",
        {"X": "p,p"},
        lambda X: np.linalg.slogdet(X)[1],
    ),
    "matrix ⊗ matrix, of identities": ("tr(X*X)", "X", {"X": "p,p"}, lambda X: np.trace(X @ X)),
    "blocks, of the diagonal": (
        "sum(diag(X).^4)",
        "X",
        {"X": "p,p"},
        lambda X: np.sum(np.diag(X) ** 4),
    ),
}


def values_of(D: md.Derivation) -> Arrays:
    """Random arrays; square ones are well conditioned."""
    draw = np.random.default_rng(5)
    found: Arrays = {}
    for v in {n.name: n for n in md.expr.variables(D.f, D.wrt)}.values():
        shape = tuple(SIZES[s.names[0]] for s in v.shape)
        found[v.name] = draw.uniform(0.2, 0.9, shape)
        if len(set(shape)) == 1 and len(shape) == 2:
            found[v.name] += 2 * np.eye(*shape)
    return found


def differences(f: Callable[..., Any], wrt: str, values: Arrays) -> Any:
    """The matrix of second differences of f, entries in the order of memory."""
    x = np.asarray(values[wrt], dtype=float)
    basis = np.eye(x.size).reshape(x.size, *x.shape)

    def at(step: Any) -> float:
        return float(f(**{**values, wrt: x + STEP * step}))

    return np.array(
        [
            [(at(a + b) - at(a - b) - at(b - a) + at(-a - b)) / (4 * STEP**2) for a in basis]
            for b in basis
        ]
    )


@pytest.mark.parametrize("name", CASES)
def test_a_hessian_in_parts_multiplies_as_differences_of_f_say(name: str) -> None:
    f, wrt, shapes, plain = CASES[name]
    D = md.derive(f, wrt, kind="hessian", shapes=shapes)
    values = values_of(D)
    truth = differences(plain, wrt, values)
    near = {"rtol": 1e-4, "atol": 2e-5 * (1 + np.abs(truth).max())}
    H = D.structured()(values)
    assert H.shape == truth.shape
    parts = repr(H).partition(": ")[2].removesuffix(">")
    assert set(parts.split(" + ")) == set(name.partition(",")[0].split(" + "))
    np.testing.assert_allclose(H.to_dense().reshape(truth.shape), truth, **near)
    columns = np.random.default_rng(1).standard_normal((len(truth), 3))
    np.testing.assert_allclose(H @ columns, truth @ columns, **near)
    like = columns[:, 0].reshape(np.shape(values[wrt]))
    np.testing.assert_allclose(H @ like, (truth @ columns[:, 0]).reshape(like.shape), **near)
    if np.linalg.cond(truth) > 1e4:
        with pytest.raises(md.DomainError, match="singular"):
            H.solve(columns)
        return
    np.testing.assert_allclose(truth @ H.solve(columns), columns, rtol=1e-3, atol=1e-3)
    sign, size = np.linalg.slogdet(truth)
    if sign > 0:
        np.testing.assert_allclose(H.logdet(), size, rtol=1e-3, atol=1e-3)
    else:
        with pytest.raises(md.DomainError, match="determinant"):
            H.logdet()


def test_newton_steps_with_a_hessian_in_parts_find_the_minimum() -> None:
    """Ridge logistic regression with fewer rows than weights: rank m and a multiple of I."""
    f = "sum(log(1 + exp(-y.*(X*w)))) + lam*norm2(w)^2"
    shapes = {"X": "m,n", "y": "m", "lam": ""}
    draw = np.random.default_rng(0)
    values = {"X": draw.standard_normal((5, 60)), "y": np.sign(draw.standard_normal(5))}
    values |= {"lam": np.float64(0.1), "w": np.zeros(60)}
    H = md.derive(f, "w", kind="hessian", shapes=shapes).structured()
    for _ in range(8):
        X, y, w = values["X"], values["y"], values["w"]
        gradient = -X.T @ (y / (1 + np.exp(y * (X @ w)))) + 0.2 * w
        values["w"] = w - H(values).solve(gradient)
    assert "rank 5" in repr(H(values))
    assert np.abs(gradient).max() < 1e-10


def test_a_hessian_in_parts_says_what_it_cannot_do() -> None:
    with pytest.raises(md.MatderivError, match="kind='hessian'"):
        md.derive("x'*x", "x").structured()
    H = md.derive("norm2(A*x)^2", "x", kind="hessian").structured()
    with pytest.raises(md.UnknownName, match="A"):
        H(x=[1.0, 2.0])
    M = H(A=[[1.0, 0.0]], x=[1.0, 2.0])
    with pytest.raises(md.ShapeError, match="2 × 2 by an array of shape"):
        M @ [1.0, 2.0, 3.0]
    with pytest.raises(md.DomainError, match=r"damped\(0.1\)"):
        M.solve([1.0, 2.0])
    np.testing.assert_allclose(M.damped(2.0).solve([4.0, 2.0]), [1.0, 1.0])


def test_parts_that_are_0_over_0_have_the_value_of_the_limit() -> None:
    H = md.derive("-sum(y.*log(p))", "p", kind="hessian", shapes={"p": "n"}).structured()
    M = H(y=[0.0, 1.0], p=[0.0, 0.5])
    np.testing.assert_allclose(M.to_dense(), [[0, 0], [0, 4]])
