"""Compiled value and gradients against NumPy written by hand, PyTorch and JAX.

The opponents are what an expert writes: stable, one forward pass, one exponential for loss and
sigmoid, traces as inner products. Timings alternate within one run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measure import table
from matderiv.doors.gradients import ValueAndGradients, value_and_gradients

ROUNDS = 80
ROUND = 0.002  # seconds of one measurement, at least
Arrays = dict[str, Any]


def logistic(X: Any, w: Any, y: Any) -> tuple[Any, ...]:
    """sum(log(1 + exp(-y.*(X*w)))) and its gradient by w."""
    margin = y * (X @ w)
    e = np.exp(-np.abs(margin))
    value = np.sum(np.maximum(-margin, 0) + np.log1p(e))
    p = np.where(margin > 0, e, 1.0) / (1 + e)
    return value, -(X.T @ (y * p))


def logistic_unguarded(X: Any, w: Any, y: Any) -> tuple[Any, ...]:
    """The same with the sigmoid as 1/(1 + exp(m)), which overflows to the right value."""
    margin = y * (X @ w)
    value = np.sum(np.maximum(-margin, 0) + np.log1p(np.exp(-np.abs(margin))))
    return value, -(X.T @ (y * (1 / (1 + np.exp(margin)))))


def network(X: Any, W: Any, b: Any, V: Any, c: Any, Y: Any) -> tuple[Any, ...]:
    """The cross entropy of a two-layer ReLU net, and its four gradients."""
    z = X @ W + b
    h = np.maximum(z, 0)
    s = h @ V + c
    s -= s.max(axis=1, keepdims=True)
    e = np.exp(s)
    total = e.sum(axis=1, keepdims=True)
    value = -np.vdot(Y, s - np.log(total)) / len(X)
    ds = (e / total - Y) / len(X)
    dz = (ds @ V.T) * (z > 0)
    return value, X.T @ dz, dz.sum(axis=0), h.T @ ds, ds.sum(axis=0)


def factors(U: Any, V: Any, Y: Any, lam: Any) -> tuple[Any, ...]:
    """Regularised matrix factorisation and its two gradients."""
    r = U @ V.T - Y
    value = np.vdot(r, r) + lam * (np.vdot(U, U) + np.vdot(V, V))
    return value, 2 * (r @ V + lam * U), 2 * (r.T @ U + lam * V)


def _logistic_values(size: tuple[int, ...]) -> Arrays:
    n, d = size
    g = np.random.default_rng(0).standard_normal
    return {"X": g((n, d)), "w": g(d), "y": np.sign(g(n))}


def _network_values(size: tuple[int, ...]) -> Arrays:
    n, d, h, k = size
    generator = np.random.default_rng(0)
    g = generator.standard_normal
    labels = np.eye(k)[generator.integers(0, k, n)]
    return {
        "X": g((n, d)),
        "W": g((d, h)) / d,
        "b": g(h),
        "V": g((h, k)) / h,
        "c": g(k),
        "Y": labels,
    }


def _factor_values(size: tuple[int, ...]) -> Arrays:
    n, m, r = size
    g = np.random.default_rng(0).standard_normal
    return {"U": g((n, r)), "V": g((m, r)), "Y": g((n, m)), "lam": np.float64(0.1)}


class Task(NamedTuple):
    """One loss: as text, by hand, and at three sizes."""

    name: str
    ours: Callable[[], ValueAndGradients]
    hands: tuple[Callable[..., tuple[Any, ...]], ...]
    values: Callable[[tuple[int, ...]], Arrays]
    sizes: tuple[tuple[int, ...], ...]


NET_SHAPES = {"X": "n,d", "W": "d,h", "b": "h", "V": "h,k", "c": "k"}
TASKS = (
    Task(
        "logistic regression",
        lambda: value_and_gradients("sum(log(1 + exp(-y.*(X*w))))", ["w"]),
        (logistic, logistic_unguarded),
        _logistic_values,
        ((500, 20), (5000, 50), (50000, 100)),
    ),
    Task(
        "two-layer net",
        lambda: value_and_gradients(
            "cross_entropy(relu(X*W + b')*V + c', Y)",
            ["W", "b", "V", "c"],
            shapes=NET_SHAPES,
            assume={"Y": "onehot"},
        ),
        (network,),
        _network_values,
        ((64, 20, 32, 5), (256, 100, 64, 10), (2000, 300, 200, 10)),
    ),
    Task(
        "matrix factorisation",
        lambda: value_and_gradients(
            "norm2(U*V' - Y)^2 + lam*(norm2(U)^2 + norm2(V)^2)", ["U", "V"], shapes={"lam": ""}
        ),
        (factors,),
        _factor_values,
        ((60, 50, 5), (300, 200, 10), (1500, 1000, 20)),
    ),
)


class Measured(NamedTuple):
    """One task at one size: seconds of ours and of the fastest by hand, and their ratio."""

    task: str
    size: tuple[int, ...]
    ours: float
    hand: float
    others: dict[str, float]

    @property
    def ratio(self) -> float:
        """Ours by theirs."""
        return self.ours / self.hand


def alternating(works: list[Callable[[], Any]], rounds: int = ROUNDS) -> list[float]:
    """The least processor seconds of each piece of work, measured in turns."""
    taken: list[list[float]] = [[] for _ in works]
    counts = []
    for work in works:
        start = time.process_time()
        work()
        counts.append(max(1, int(ROUND / max(time.process_time() - start, 1e-7))))
    for k in range(rounds):
        order = range(len(works)) if k % 2 else reversed(range(len(works)))
        for place in order:
            start = time.process_time()
            for _ in range(counts[place]):
                works[place]()
            taken[place].append((time.process_time() - start) / counts[place])
    return [min(times) for times in taken]


def measured(task: Task, size: tuple[int, ...], rounds: int = ROUNDS) -> Measured:
    """One row; AssertionError where the results differ."""
    both, values = task.ours(), task.values(size)
    given = tuple(values.values())
    value, gradients = both(values)
    works: list[Callable[[], Any]] = [lambda: both(values)]
    for hand in task.hands:
        for found, truth in zip((value, *gradients), hand(*given), strict=True):
            assert np.allclose(found, truth, rtol=1e-8), (task.name, size)
        works.append(lambda hand=hand: hand(*given))  # type: ignore[misc]
    others = {name: make(both, values) for name, make in OTHERS.items()}
    others = {name: work for name, work in others.items() if work is not None}
    seconds = alternating([*works, *others.values()], rounds)
    hands = seconds[1 : len(works)]
    rest = dict(zip(others, seconds[len(works) :], strict=True))
    return Measured(task.name, size, seconds[0], min(hands), rest)


def _printed(both: ValueAndGradients, target: str) -> Callable[..., Any]:
    space: dict[str, Any] = {}
    exec(both.code(target), space)
    function: Callable[..., Any] = space["value_and_gradients"]
    return function


def _printed_numpy(both: ValueAndGradients, values: Mapping[str, Any]) -> Any:
    function = _printed(both, "numpy")
    return lambda: function(**values)


def _in_torch(both: ValueAndGradients, values: Mapping[str, Any]) -> Any:
    try:
        torch = import_module("torch")
    except ImportError:
        return None
    torch.set_num_threads(1)
    function = _printed(both, "torch")
    tensors = {name: torch.as_tensor(np.asarray(v, float)) for name, v in values.items()}
    return lambda: function(**tensors)


def _in_jax(both: ValueAndGradients, values: Mapping[str, Any]) -> Any:
    try:
        jax = import_module("jax")
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    function = jax.jit(_printed(both, "jax"))
    arrays = {name: jax.numpy.asarray(v) for name, v in values.items()}
    return lambda: jax.block_until_ready(function(**arrays))


OTHERS: dict[str, Callable[[ValueAndGradients, Mapping[str, Any]], Any]] = {
    "printed": _printed_numpy,
    "torch": _in_torch,
    "jax": _in_jax,
}
"""The printed code as it is, in PyTorch on one thread, and in JAX behind jit."""


def rows() -> list[Measured]:
    """Every task at every size."""
    return [measured(task, size) for task in TASKS for size in task.sizes]


def main() -> None:
    """Print the table."""
    found = rows()
    names = sorted({name for row in found for name in row.others})
    heading = ("loss", "sizes", "ours µs", "by hand µs", "ratio", *(f"{n} µs" for n in names))
    lines = [
        (
            row.task,
            " × ".join(map(str, row.size)),
            row.ours * 1e6,
            row.hand * 1e6,
            row.ratio,
            *(row.others.get(name, float("nan")) * 1e6 for name in names),
        )
        for row in found
    ]
    table("value and gradients, compiled, against NumPy by hand", [heading, *lines])


if __name__ == "__main__":
    main()
