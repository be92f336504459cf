"""Descent reaches the loss that independent loops, closed forms and Newton's method reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import matderiv as md
from matderiv.descent.minimize import rate_at
from matderiv.doors.gradients import ValueAndGradients
from matderiv.errors import DomainError, MatderivError, ShapeError, UnknownName, UntrueResult

GENERATOR = np.random.default_rng(5)
X = GENERATOR.standard_normal((60, 3))
LABELS = np.sign(X @ [1.0, -2.0, 0.5] + GENERATOR.standard_normal(60))
RIDGE = "mean(log(1 + exp(-y.*(X*w)))) + 0.05*norm2(w)^2"


def newton_on_logistic_loss() -> tuple[Any, float]:
    """The minimum of RIDGE by Newton's method, from formulas written by hand."""
    w = np.zeros(3)
    for _ in range(30):
        p = 1 / (1 + np.exp(LABELS * (X @ w)))
        gradient = -X.T @ (LABELS * p) / 60 + 0.1 * w
        hessian = (X * (p * (1 - p))[:, None]).T @ X / 60 + 0.1 * np.eye(3)
        w = w - np.linalg.solve(hessian, gradient)
    return w, float(np.mean(np.logaddexp(0, -LABELS * (X @ w))) + 0.05 * w @ w)


@pytest.mark.parametrize(
    ("method", "lr", "epochs"), [("gd", 2.0, 400), ("momentum", 0.5, 400), ("adam", 0.05, 800)]
)
def test_logistic_regression_comes_to_the_minimum_of_newtons_method(
    method: str, lr: float, epochs: int
) -> None:
    w, least = newton_on_logistic_loss()
    found = md.minimize(
        RIDGE,
        "w",
        {"w": np.zeros(3)},
        data={"X": X, "y": LABELS},
        method=method,
        lr=lr,
        epochs=epochs,
    )
    assert 0 <= found.loss - least + 1e-12 < 1e-6
    assert np.allclose(found.parameters["w"], w, atol=1e-3)
    assert found.history[0] == pytest.approx(np.log(2))
    assert found.epochs == epochs
    assert found.stopped == "epochs"


def test_mini_batches_come_close_to_the_minimum() -> None:
    _, least = newton_on_logistic_loss()
    found = md.minimize(
        RIDGE,
        ["w"],
        {"w": np.zeros(3)},
        data={"X": X, "y": LABELS},
        method="sgd",
        lr=0.05,
        batch=7,
        epochs=60,
        seed=3,
    )
    assert found.loss - least < 2e-3
    again = md.minimize(
        RIDGE,
        ["w"],
        {"w": np.zeros(3)},
        data={"X": X, "y": LABELS},
        method="sgd",
        lr=0.05,
        batch=7,
        epochs=60,
        seed=3,
    )
    assert again.history == found.history


NET = "cross_entropy(relu(X*W + b')*V + c', Y)"
NET_SHAPES = {"X": "n,d", "W": "d,h", "b": "h", "V": "h,k", "c": "k", "Y": "n,k"}


def net_by_hand(start: dict[str, Any], y: Any, lr: float, steps: int) -> float:
    """Gradient descent on a two-layer net, as a textbook writes it."""
    W, b, V, c = (np.array(start[name]) for name in "WbVc")
    loss = np.inf
    for _ in range(steps + 1):
        z = X @ W + b
        h = np.maximum(z, 0)
        s = h @ V + c
        logp = s - np.log(np.sum(np.exp(s), axis=1, keepdims=True))
        loss = -np.sum(y * logp) / len(X)
        ds = (np.exp(logp) - y) / len(X)
        dz = ds @ V.T * (z > 0)
        steps_of = (X.T @ dz, dz.sum(0), h.T @ ds, ds.sum(0))
        W, b, V, c = (p - lr * g for p, g in zip((W, b, V, c), steps_of, strict=True))
    return float(loss)


def test_a_two_layer_net_takes_the_steps_of_a_loop_by_hand() -> None:
    y = np.eye(3)[GENERATOR.integers(0, 3, 60)]
    start = {
        "W": GENERATOR.standard_normal((3, 8)),
        "b": np.zeros(8),
        "V": GENERATOR.standard_normal((8, 3)) / 3,
        "c": np.zeros(3),
    }
    found = md.minimize(
        NET,
        list(start),
        start,
        data={"X": X, "Y": y},
        method="gd",
        lr=0.2,
        epochs=150,
        shapes=NET_SHAPES,
    )
    assert found.history[-1] == pytest.approx(net_by_hand(start, y, 0.2, 150), rel=1e-9)
    assert found.loss < 0.95 * found.history[0]


def test_matrix_factorisation_comes_to_the_singular_values_that_are_left_out() -> None:
    """Eckart & Young 1936: the best error is the sum of the other squared singular values."""
    generator = np.random.default_rng(0)
    Y = generator.standard_normal((12, 9))
    singular = np.linalg.svd(Y, compute_uv=False)
    start = {"U": generator.standard_normal((12, 2)), "V": generator.standard_normal((9, 2))}
    found = md.minimize(
        "norm2(U*V' - Y)^2", ["U", "V"], {**start, "Y": Y}, method="gd", lr=0.01, epochs=1500
    )
    assert found.loss == pytest.approx(np.sum(singular[2:] ** 2), abs=1e-6)


def test_least_squares_stops_at_a_small_gradient() -> None:
    y = X @ [1.0, 2.0, 3.0] + 1
    found = md.minimize(
        "mean((X*w + b - y).^2)",
        ["w", "b"],
        {"w": np.zeros(3), "b": 0},
        data={"X": X, "y": y},
        method="gd",
        lr=0.3,
        epochs=5000,
        tolerance=1e-10,
        shapes={"b": ""},
    )
    assert found.stopped == "tolerance"
    assert found.epochs < 5000
    assert np.allclose(found.parameters["w"], [1, 2, 3])
    assert found.parameters["b"].shape == ()


def test_adam_takes_the_steps_of_its_paper() -> None:
    """Two steps on f = a^2 by hand, Kingma & Ba 2015, algorithm 1."""
    found = md.minimize("a^2", "a", {"a": 1.0}, method="adam", lr=0.1, epochs=2)
    a, m, v = 1.0, 0.0, 0.0
    for t in (1, 2):
        g = 2 * a
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        a -= 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    assert float(found.parameters["a"]) == pytest.approx(a)


def test_divergence_stops_and_names_the_learning_rate() -> None:
    with pytest.raises(DomainError, match="after epoch") as caught:
        md.minimize("a^4", "a", {"a": 2.0}, method="gd", lr=10, epochs=50)
    assert "a smaller lr than 10, such as lr=1" in str(caught.value)
    with pytest.raises(DomainError, match="at the start"):
        md.minimize("log(a)", "a", {"a": -1.0}, check=False)


def test_ctrl_c_keeps_the_best_so_far() -> None:
    def pressed(epoch: int, loss: float, parameters: dict[str, Any]) -> None:
        if epoch == 5:
            raise KeyboardInterrupt

    found = md.minimize("(a - 3)^2", "a", {"a": 0}, method="gd", epochs=100, callback=pressed)
    assert (found.stopped, found.epochs) == ("interrupted", 5)
    assert found.loss == pytest.approx(9 * 0.8**10)


def test_a_callback_may_stop() -> None:
    seen: list[float] = []

    def enough(epoch: int, loss: float, parameters: dict[str, Any]) -> bool:
        seen.append(loss)
        parameters["a"] = np.array(1e9)  # a copy: the run does not notice
        return loss < 1

    found = md.minimize("(a - 3)^2", "a", {"a": 0}, method="gd", epochs=100, callback=enough)
    assert found.stopped == "callback"
    assert list(found.history[1:]) == seen
    assert seen[-1] < 1 <= seen[-2]


def test_the_best_parameters_are_kept_when_the_last_are_worse() -> None:
    found = md.minimize("(a - 3)^2", "a", {"a": 2.9}, method="momentum", lr=0.5, epochs=4)
    assert found.loss == min(found.history) < found.history[-1]
    assert (float(found.parameters["a"]) - 3) ** 2 == pytest.approx(found.loss)


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        ({"method": "newton"}, MatderivError, "unknown method 'newton'"),
        ({"lr": -1}, MatderivError, "lr is a positive number"),
        ({"epochs": 0}, MatderivError, "epochs is a whole number"),
        ({"batch": 2, "method": "gd"}, MatderivError, "gd takes all examples"),
        ({"data": {"X": X, "y": LABELS[:5]}}, ShapeError, "60"),
        ({"data": {"X": X, "q": LABELS}}, UnknownName, "there is no q in the expression"),
        ({"data": {"X": X}}, UnknownName, "no value for y"),
        ({"data": {"X": X, "y": LABELS, "w": X}}, MatderivError, "w stands among"),
        ({"values": {"w": [0, 0]}}, ShapeError, "is 3"),
        ({"values": {}}, UnknownName, "no value for w"),
    ],
)
def test_mistakes_are_said(more: dict[str, Any], error: type[Exception], said: str) -> None:
    asked: dict[str, Any] = {
        "values": {"w": np.zeros(3)},
        "data": {"X": X, "y": LABELS},
        "epochs": 1,
    }
    with pytest.raises(error, match=said):
        md.minimize(RIDGE, "w", **{**asked, **more})


def test_a_wrong_gradient_is_found_before_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    right = ValueAndGradients._gradients

    def wrong(self: Any, values: Any, sizes: Any) -> Any:
        return [1.01 * g for g in right(self, values, sizes)]

    monkeypatch.setattr(ValueAndGradients, "_gradients", wrong)
    start, data = {"w": np.ones(3)}, {"X": X, "y": LABELS}
    with pytest.raises(UntrueResult, match="the gradient by w does not agree"):
        md.minimize(RIDGE, "w", start, data=data)
    assert md.minimize(RIDGE, "w", start, data=data, epochs=1, check=False).epochs == 1


def test_the_default_step_comes_close_and_says_how_close() -> None:
    data = {"X": [[1, 0], [0, 2]], "y": [1, 2]}
    found = md.minimize("norm2(X*w - y)^2", "w", {"w": [0, 0]}, data=data)
    assert np.allclose(found.parameters["w"], [1, 1], atol=2e-3)
    residual = np.array(data["X"]) @ found.parameters["w"] - data["y"]
    slope = 2 * np.array(data["X"]).T @ residual
    assert found.gradient == pytest.approx(np.abs(slope).max())
    exact = md.minimize("norm2(X*w - y)^2", "w", {"w": [0, 0]}, data=data, method="gd")
    assert exact.converged
    assert "converged" in str(exact)
    early = md.minimize("norm2(X*w - y)^2", "w", {"w": [0, 0]}, data=data, epochs=3)
    assert not early.converged
    assert "not converged" in str(early)


def test_a_start_where_the_gradient_is_zero_is_said() -> None:
    start = {"U": np.zeros((4, 2)), "V": np.zeros((3, 2)), "Y": np.ones((4, 3))}
    found = md.minimize("norm2(U*V' - Y)^2", "U,V", start)
    assert (found.stopped, found.epochs) == ("stationary", 0)
    assert "the gradient is zero at the start" in str(found)


def test_the_rate_of_adam_falls_along_half_a_cosine() -> None:
    rates = [rate_at("adam", None, done) for done in (0, 0.25, 0.5, 1)]
    assert rates == pytest.approx([0.3, 0.15 * (1 + np.sqrt(0.5)), 0.15, 0])
    assert rate_at("gd", None, 0.9) == 0.1


STRUCTURED = {
    "symmetric": [[1.0, 2.5], [2.5, 4.0]],
    "diagonal": [[1.0, 0.0], [0.0, 4.0]],
    "lower": [[1.0, 0.0], [3.0, 4.0]],
    "skew": [[0.0, -0.5], [0.5, 0.0]],
}


@pytest.mark.parametrize("fact", STRUCTURED)
def test_descent_keeps_a_linear_structure(fact: str) -> None:
    start = {"X": np.zeros((2, 2)), "A": [[1, 2], [3, 4]]}
    found = md.minimize("norm2(X-A)^2", "X", start, assume={"X": fact}, method="gd", lr=0.1)
    np.testing.assert_allclose(found.parameters["X"], STRUCTURED[fact], atol=1e-6)


@pytest.mark.parametrize("fact", ["orthogonal", "posdef", "positive"])
def test_a_fact_that_descent_does_not_keep_is_refused(fact: str) -> None:
    start = {"X": np.eye(2), "A": [[1, 2], [3, 4]]}
    with pytest.raises(MatderivError, match=fact):
        md.minimize("norm2(X-A)^2", "X", start, assume={"X": fact})
