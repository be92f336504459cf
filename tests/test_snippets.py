"""Cells of notebooks in NumPy, JAX and PyTorch: the truth is what the very cell computes."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest

from matderiv import derive, verify
from matderiv.errors import MatderivError

N, D, H, K = 5, 3, 6, 4
SIZES: dict[str, tuple[int, ...]] = {
    **{name: (N, D) for name in ("X", "G")},
    **{name: (N,) for name in ("y", "x", "u")},
    **{name: (D,) for name in ("w", "theta")},
    **{name: (H,) for name in ("b1",)},
    **{name: (K,) for name in ("b2", "t", "z")},
    "W": (D, K),
    "Y": (N, K),
    "W1": (D, H),
    "W2": (H, K),
    "V1": (H, N),
    "V2": (K, H),
    "P": (2, N, D),
    "Q": (2, D, K),
    "S": (D, D),
    "lam": (),
}

CELLS = [
    ("((X - X.mean(axis=0))**2).sum()", "X"),
    ("np.sum((X - np.max(X, axis=0))**2)", "X"),
    ("X / X.sum(axis=0)", "X"),
    ("np.sum((np.tanh(X @ w) - y)**2)", "w"),
    ("X @ W + b2", "b2"),
    ("m = X.shape[0]\nh = X @ theta\nJ = (1/(2*m)) * np.sum((h - y)**2)", "theta"),
    ("def loss(w):\n    r = X @ w - y\n    return 0.5 * r @ r", "w"),
    ("loss = 0.5*np.sum((X @ w - y)**2)\nloss += lam*np.sum(w**2)\nloss", "w"),
    ("z = X @ w\np = 1/(1+np.exp(-z))\n-np.mean(y*np.log(p) + (1-y)*np.log(1-p))", "w"),
    ("z = z - z.max()\ne = np.exp(z)\np = e / e.sum()\n-np.sum(t*np.log(p))", "z"),
    (
        "s = X.dot(W)\ns -= np.max(s, axis=1, keepdims=True)\n"
        "p = np.exp(s)/np.sum(np.exp(s), axis=1, keepdims=True)\n"
        "loss = -np.mean(np.sum(Y*np.log(p), axis=1))",
        "W",
    ),
    (
        "h = np.maximum(0, X @ W1 + b1)\nout = h @ W2 + b2\nloss = np.mean((out - Y)**2)",
        "b1",
    ),
    ("h = np.tanh(V1 @ x + b1)\no = V2 @ h + b2\n0.5*np.sum((o - t)**2)", "V1"),
    ("sign, ld = np.linalg.slogdet(S)\n-ld", "S"),
    ("mu, var = X.mean(0), X.var(0)\nout = (X - mu)/np.sqrt(var + 1e-5)\nnp.sum(G*out)", "X"),
    ("torch.bmm(P, Q).pow(2).sum()", "P"),
    ("(torch.tanh(P @ w)**2).sum()", "w"),
    ("F.mse_loss(torch.relu(X @ W1 + b1) @ W2, Y)", "W1"),
]


def values() -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(11)
    found = {name: random.uniform(0.2, 1.2, shape) for name, shape in SIZES.items()}
    found["S"] = found["S"] @ found["S"].T + np.eye(D)
    return found


def value_of(cell: str, names: dict[str, Any]) -> Any:
    """What the last line of a cell gives, or the last of the function that it defines."""
    *lines, last = ast.parse(cell).body
    if isinstance(last, ast.FunctionDef):
        *lines, last = last.body
    exec(compile(ast.Module(lines, []), "cell", "exec"), names)
    assert isinstance(last, (ast.Expr, ast.Assign, ast.Return))
    assert last.value is not None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def jacobian(cell: str, by: str, given: dict[str, Any]) -> Any:
    """The derivative that PyTorch or JAX finds."""
    if "torch" in cell or "F." in cell:
        torch = pytest.importorskip("torch")
        torch.set_default_dtype(torch.float64)
        known = {name: torch.tensor(value) for name, value in given.items()}
        known |= {"torch": torch, "F": torch.nn.functional}
        return torch.autograd.functional.jacobian(
            lambda at: value_of(cell, {**known, by: at}), known[by]
        ).numpy()
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    known = {"np": jax.numpy, "jax": jax, "logsumexp": jax.scipy.special.logsumexp}
    known |= {name: jax.numpy.asarray(value) for name, value in given.items()}
    return jax.jacobian(lambda at: value_of(cell, {**known, by: at}))(known[by])


@pytest.mark.parametrize(("cell", "by"), CELLS)
def test_the_derivative_of_a_cell_is_that_of_what_it_computes(cell: str, by: str) -> None:
    given = values()
    shapes = {"P": "k,n,d"} if "P" in cell else None
    found = derive(cell, by, shapes=shapes).evaluate(given)
    np.testing.assert_allclose(
        np.squeeze(found), np.squeeze(jacobian(cell, by, given)), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize(
    "answer",
    [
        "np.diag(s) - np.outer(s, s) where s = softmax(z)",
        "np.diag(s) - np.outer(s, s), s = softmax(z)",
        "s = np.exp(z)/np.exp(z).sum()\nJ = np.diag(s) - np.outer(s, s)",
        "np.diag(s) - np.outer(s, s)\ns = softmax(z)",
    ],
)
def test_an_answer_may_define_what_it_is_made_of(answer: str) -> None:
    assert verify("softmax(z)", "z", answer, shapes={"z": "n"}).verdict == "proved"
    wrong = answer.replace(") - ", ") + ")
    assert verify("softmax(z)", "z", wrong, shapes={"z": "n"}).verdict == "disproved"


@pytest.mark.parametrize(
    "cell", ["p[0] = 3\np.sum()", "a = b = x**2\nnp.sum(a*b)", "torch.mm(P, Q)"]
)
def test_a_cell_that_does_more_is_refused(cell: str) -> None:
    with pytest.raises(MatderivError):
        derive(cell, "x" if "x" in cell else "P", shapes={"P": "k,n,d", "Q": "k,d,m"})


def test_a_column_makes_columns_of_what_it_is_added_to() -> None:
    found = derive("((y - X @ w)**2).sum()", "w", shapes={"y": "n,1"})
    assert str(found) == str(derive("norm2(X*w - y)^2", "w"))


@pytest.mark.parametrize("answer", ["A'1", "A' 1", "Aᵀ1"])
def test_a_transposed_matrix_times_one_is_the_sum_of_its_rows(answer: str) -> None:
    assert verify("sum(A*x)", "x", answer).verdict == "proved"
