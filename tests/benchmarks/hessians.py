"""Hessians and Hessian-vector products against NumPy by hand, with the same by hand as the control.

The problems of Laue, Mitterreiter & Giesen (2018, 2020) and some more. Goal: 1.1 times the time by
hand, for the compiled function and for the printed code. Values are compared before anything is
timed. One thread, if the environment sets it before NumPy is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import matderiv as md
from benchmarks.measure import table
from benchmarks.programs import alternating

Arrays = dict[str, Any]
Form = Callable[..., Any]
ROUNDS = 25
LAYERS = 10


class Task(NamedTuple):
    """A scalar, its variable, values, and its Hessian and products with it by hand."""

    f: str
    wrt: str
    shapes: dict[str, str]
    values: Callable[[], Arrays]
    dense: Form
    product: Form
    assume: dict[str, str] = {}  # noqa: RUF012


class Measured(NamedTuple):
    """Seconds: by hand, by hand again, compiled, printed."""

    what: str
    hand: float
    again: float
    compiled: float
    printed: float


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def logistic(X: Any, y: Any, w: Any) -> Any:
    s = 1 / (1 + np.exp(-(X @ w)))
    Y = X * np.sqrt(s * (1 - s))[:, None]
    return Y.T @ Y


def logistic_product(X: Any, y: Any, w: Any, dw: Any) -> Any:
    s = 1 / (1 + np.exp(-(X @ w)))
    return X.T @ (s * (1 - s) * (X @ dw))


def factors(T: Any, U: Any, V: Any) -> Any:
    n, k = U.shape
    H = np.zeros((n, k, n, k))
    i = np.arange(n)
    H[i, :, i, :] = 2 * (V.T @ V)
    return H


def factors_product(T: Any, U: Any, V: Any, dU: Any) -> Any:
    return 2 * (dU @ (V.T @ V))


def classes(X: Any, W: Any, Y: Any) -> Any:
    P = softmax(X @ W)
    (n, d), k = X.shape, P.shape[1]
    H = np.empty((d, k, d, k))
    for a in range(k):
        for b in range(a + 1):
            w = P[:, a] * ((a == b) - P[:, b]) / n
            H[:, a, :, b] = (X * w[:, None]).T @ X
            H[:, b, :, a] = H[:, a, :, b].T
    return H


def classes_product(X: Any, W: Any, Y: Any, dW: Any) -> Any:
    P, u = softmax(X @ W), X @ dW
    return X.T @ (P * (u - np.einsum("ij,ij->i", P, u)[:, None])) / len(X)


def exponentials(A: Any, x: Any) -> Any:
    p = softmax(A @ x)
    q = A.T @ p
    return (A * p[:, None]).T @ A - np.outer(q, q)


def exponentials_product(A: Any, x: Any, dx: Any) -> Any:
    p, u = softmax(A @ x), A @ dx
    return A.T @ (p * (u - p @ u))


def determinant(X: Any) -> Any:
    i = np.linalg.inv(X)
    return -np.einsum("jk,li->ijkl", i, i)


def determinant_product(X: Any, dX: Any) -> Any:
    i = np.linalg.inv(X)
    return -(i @ dX @ i).T


def net(W: Any, v: Any, x: Any, y: Any) -> Any:
    h = np.tanh(W @ x)
    z, e = 1 - h * h, v @ h - y
    J = (v * z) @ W
    return 2 * np.outer(J, J) + 2 * e * ((W * (-2 * v * h * z)[:, None]).T @ W)


def net_product(W: Any, v: Any, x: Any, y: Any, dx: Any) -> Any:
    h = np.tanh(W @ x)
    z, e, u = 1 - h * h, v @ h - y, W @ dx
    return 2 * (W.T @ ((v * z) * ((v * z) @ u) - 2 * e * (v * h * z) * u))


def core(W: Any, V: Any, x: Any, y: Any) -> Any:
    h = np.tanh(W @ x)
    z, e = 1 - h * h, V @ h - y
    M = 2 * ((V * z).T @ (V * z))
    M.flat[:: len(h) + 1] += -4 * (V.T @ e) * h * z
    return M


def layer(W: Any, V: Any, x: Any, y: Any) -> Any:
    return (core(W, V, x, y)[:, None, :] * x[None, :, None])[..., None] * x


def layer_product(W: Any, V: Any, x: Any, y: Any, dW: Any) -> Any:
    return np.outer(core(W, V, x, y) @ (dW @ x), x)


def deep(W1: Any, x: Any, t: Any, **weights: Any) -> Any:
    """Softmax cross entropy of a net of ReLU layers, by its first weights."""
    z, J = W1 @ x, np.eye(len(x))
    for W in weights.values():
        J = W @ ((z > 0)[:, None] * J)
        z = W @ np.maximum(z, 0)
    p = softmax(z)
    q, Y = p @ J, np.sqrt(t.sum() * p)[:, None] * J
    M = Y.T @ Y - t.sum() * np.outer(q, q)
    return (M[:, None, :] * x[None, :, None])[..., None] * x


def _deep(n: int) -> Task:
    draw, z = np.random.default_rng(n).standard_normal, "W1*x"
    names = [f"W{k}" for k in range(1, LAYERS + 1)]
    for name in names[1:]:
        z = f"{name}*relu({z})"
    values = {"x": draw(n), "t": np.full(n, 1 / n)}
    values |= {name: draw((n, n)) * np.sqrt(2 / n) for name in names}
    shapes = {"x": "n", "t": "n", **dict.fromkeys(names, "n,n")}
    return Task(f"sum(t)*logsumexp({z}) - t'*({z})", "W1", shapes, lambda: values, deep, deep)


def _logistic_values(n: int) -> Arrays:
    X = normal(2 * n, n) / np.sqrt(n)
    return {"X": X, "y": np.sign(normal(2 * n, seed=1)), "w": normal(n, seed=2)}


def _factor_values(n: int, k: int = 5) -> Arrays:
    return {"T": normal(n, n), "U": normal(n, k, seed=1), "V": normal(n, k, seed=2)}


def _logistic(n: int) -> Task:
    f, shapes = "sum(log(exp(-y.*(X*w)) + 1))", {"X": "m,n", "w": "n", "y": "m"}
    return Task(f, "w", shapes, lambda: _logistic_values(n), logistic, logistic_product)


def _factors(n: int) -> Task:
    shapes = {"T": "m,n", "U": "m,k", "V": "n,k"}
    return Task(
        "norm2(T - U*V')^2", "U", shapes, lambda: _factor_values(n), factors, factors_product
    )


TASKS = {
    "logistic n=100": _logistic(100),
    "logistic n=1000": _logistic(1000),
    "factorisation n=100": _factors(100),
    "factorisation n=400": _factors(400),
    "softmax regression 2000 x 50 x 8": Task(
        "cross_entropy(X*W, Y)",
        "W",
        {"X": "n,d", "W": "d,k", "Y": "n,k"},
        lambda: {
            "X": normal(2000, 50),
            "W": normal(50, 8, seed=1) / 50,
            "Y": np.eye(8)[np.random.default_rng(1).integers(0, 8, 2000)],
        },
        classes,
        classes_product,
        {"Y": "onehot"},
    ),
    "log-sum-exp(Ax) 2000 x 500": Task(
        "log(sum(exp(A*x)))",
        "x",
        {"A": "m,n", "x": "n"},
        lambda: {"A": normal(2000, 500) / 20, "x": normal(500, seed=1)},
        exponentials,
        exponentials_product,
    ),
    "log det X n=40": Task(
        "logdet(X)",
        "X",
        {"X": "n,n"},
        lambda: {"X": np.eye(40) + normal(40, 40) / 40},
        determinant,
        determinant_product,
    ),
    "net by x 1000 x 500": Task(
        "(v'*tanh(W*x) - y)^2",
        "x",
        {"W": "m,n", "v": "m", "x": "n", "y": ""},
        lambda: {
            "W": normal(1000, 500) / 22,
            "v": normal(1000, seed=1),
            "x": normal(500, seed=2),
            "y": np.float64(1),
        },
        net,
        net_product,
    ),
    "net by W 40 x 40": Task(
        "norm2(V*tanh(W*x) - y)^2",
        "W",
        {"W": "m,n", "V": "p,m", "x": "n", "y": "p"},
        lambda: {
            "W": normal(40, 40) / 6,
            "V": normal(10, 40, seed=1),
            "x": normal(40, seed=2),
            "y": normal(10, seed=3),
        },
        layer,
        layer_product,
    ),
}


STRUCTURED = {"factorisation n=400": _factors(400), f"net of {LAYERS} layers n=50": _deep(50)}
"""Hessians that are measured in parts too."""


def measured(name: str, kind: str, rounds: int = ROUNDS) -> Measured:
    """One row; AssertionError where values differ from those by hand."""
    task = TASKS[name]
    values = task.values()
    D = md.derive(task.f, task.wrt, kind=kind, shapes=task.shapes, assume=task.assume)
    hand, given = task.dense, dict(values)
    if kind == "hvp":
        hand = task.product
        given[f"d{task.wrt}"] = normal(*np.shape(values[task.wrt]), seed=7)
    compiled, printed = D.function(), _printed(D)
    works: list[Callable[[], Any]] = [
        lambda: hand(**given),
        lambda: hand(**given),
        lambda: compiled(given),
        lambda: printed(given),
    ]
    truth = hand(**given)
    for work in works[2:]:
        found = np.reshape(work(), truth.shape)
        assert np.allclose(found, truth, rtol=1e-8, atol=1e-8 * np.abs(truth).max()), (name, kind)
    return Measured(f"{name}, {kind}", *alternating(works, rounds))


def _printed(D: md.Derivation) -> Callable[[Arrays], Any]:
    source, space = D.code(), {}  # type: ignore[var-annotated]
    exec(source, space)
    names = source.split(f"def {D.kind}(")[1].split(")")[0].split(", ")
    return lambda given: space[D.kind](**{n: given[n] for n in names})


def in_parts(name: str, rounds: int = ROUNDS) -> tuple[str, float, float]:
    """The name, seconds of the dense Hessian by hand, and seconds of the one in parts."""
    task = STRUCTURED[name]
    values = task.values()
    D = md.derive(task.f, task.wrt, kind="hessian", shapes=task.shapes)
    parts, truth = D.structured(), task.dense(**values)
    found = parts(values).to_dense()
    assert np.allclose(found, truth, rtol=1e-8, atol=1e-8 * np.abs(truth).max()), name
    return name, *alternating([lambda: task.dense(**values), lambda: parts(values)], rounds)


def main() -> None:
    """Print the tables."""
    heading = ("", "by hand µs", "control", "compiled", "printed")
    rows = [measured(name, kind) for kind in ("hessian", "hvp") for name in TASKS]
    lines = [
        (r.what, r.hand * 1e6, r.again / r.hand, r.compiled / r.hand, r.printed / r.hand)
        for r in rows
    ]
    table("Hessians and products with them, of the time by hand", [heading, *lines])
    short = [(name, hand * 1e6, own / hand) for name, hand, own in map(in_parts, STRUCTURED)]
    table("Hessians in parts, of the dense ones by hand", [("", "by hand µs", "in parts"), *short])


if __name__ == "__main__":
    main()
