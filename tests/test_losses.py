"""Losses, entries and names in any case: what PyTorch and NumPy compute is what is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from matderiv import derive
from matderiv.errors import MatderivError, UnknownFunction

RNG = np.random.default_rng(11)
X, Y, W = RNG.normal(size=(5, 3)), RNG.uniform(0.1, 0.9, (5, 2)), RNG.normal(size=(3, 2))
y, w = RNG.uniform(0.1, 0.9, 5), RNG.normal(size=3)
p, x = RNG.uniform(0.1, 0.9, 5), RNG.normal(size=(4, 3))
Z, labels = RNG.normal(size=(5, 5)), np.array([0, 1, 1, 0, 1])
VALUES = {"X": X, "Y": Y, "W": W, "y": y, "w": w, "p": p, "Z": Z, "labels": labels}

LOSSES = [
    ("F.mse_loss(X @ w, y)", "w"),
    ("F.mse_loss(X @ W, Y, reduction='sum')", "W"),
    ("F.l1_loss(X @ w, y)", "w"),
    ("F.smooth_l1_loss(X @ w, y, reduction='sum')", "w"),
    ("F.smooth_l1_loss(X @ w, y, beta=0.3)", "w"),
    ("F.huber_loss(X @ W, Y, delta=0.7)", "W"),
    ("F.binary_cross_entropy_with_logits(X @ w, y)", "w"),
    ("F.binary_cross_entropy(p, y)", "p"),
    ("F.binary_cross_entropy(torch.sigmoid(X @ w), y, reduction='sum')", "w"),
    ("F.soft_margin_loss(X @ w, y)", "w"),
    ("F.poisson_nll_loss(X @ w, y)", "w"),
    ("F.poisson_nll_loss(X @ W, Y, reduction='sum')", "W"),
    ("F.gaussian_nll_loss(X @ w, y, p)", "w"),
    ("F.gaussian_nll_loss(y, X @ w, p, reduction='sum')", "p"),
    ("F.hinge_embedding_loss(X @ w, torch.sign(y - 0.5))", "w"),
    ("F.hinge_embedding_loss(X @ W, torch.sign(Y - 0.5), margin=0.4)", "W"),
    ("F.margin_ranking_loss(X @ w, p, torch.sign(y - 0.5), margin=0.2)", "w"),
    ("F.elu(X @ w, 0.4).sum()", "w"),
    ("F.celu(X @ w, alpha=0.5).sum()", "w"),
    ("F.softplus(X @ w, beta=3).sum()", "w"),
    ("F.threshold(X @ w, 0.1, 20).sum()", "w"),
    ("F.hardshrink(X @ w, lambd=0.3).sum()", "w"),
    ("F.hardtanh(X @ w, -0.3, 0.4).sum()", "w"),
    ("-torch.log(torch.softmax(X @ W, 1)[torch.arange(5), labels]).mean()", "W"),
    ("((X @ W)[torch.arange(5), labels]**2).sum()", "W"),
    ("F.softshrink(X @ w, 0.3).sum()", "w"),
    ("(F.rms_norm(X, (3,), w) * X**2).sum()", "X"),
    ("(F.rms_norm(w, (3,), eps=0.2) * X[0]).sum()", "w"),
    ("(F.layer_norm(X @ W, (2,), eps=0.1) * Y).sum()", "W"),
    ("(F.layer_norm(w, (3,)) * X[0]).sum()", "w"),
    ("(X @ w)[1]**2 + X[0, 2]*w[0]*w[2]", "w"),
    ("(X[0] * w).sum() + X[:, 1] @ X[:, 2]", "X"),
    ("torch.logsumexp(w, 0) - w[2]", "w"),
    ("(torch.max(X, dim=1)[0] * p).sum()", "X"),
    ("(F.rms_norm(X, (3,), w, 0.1) * X).sum()", "X"),
    ("(F.layer_norm(X, (3,), weight=w, bias=2*w)**2).sum()", "w"),
    ("(((X[:, None] - X[None])**2).sum(2) * Z).sum()", "X"),
    ("F.margin_ranking_loss(input1=X @ w, input2=p, target=torch.sign(y - 0.5))", "w"),
]

OF_SIZES = [
    ("F.cross_entropy(X @ W, labels)", "W"),
    ("F.nll_loss(torch.log_softmax(X @ W, 1), labels, reduction='sum')", "W"),
    ("F.kl_div(X @ W, Y, reduction='batchmean')", "W"),
    ("((X @ W - Y)**2).sum() / Y.shape[0]", "W"),
    ("(F.scaled_dot_product_attention(X, X, X, is_causal=True) * X).sum()", "X"),
]


@pytest.mark.parametrize(
    ("formula", "wrt", "size"),
    [
        *((*loss, "") for loss in LOSSES),
        *((*loss, size) for loss in OF_SIZES for size in ("", "N,D", "5,3")),
    ],
)
def test_the_gradient_is_that_of_torch(formula: str, wrt: str, size: str) -> None:
    torch = pytest.importorskip("torch")
    tensors = {n: torch.tensor(v, requires_grad=n == wrt) for n, v in VALUES.items()}
    value = eval(formula, {"torch": torch, "F": torch.nn.functional, **tensors})
    value.backward()
    found = derive(formula, wrt, shapes={"X": size} if size else None)
    given = {n: v for n, v in VALUES.items() if n in found.names}
    np.testing.assert_allclose(found.evaluate(given), tensors[wrt].grad.numpy(), rtol=1e-9)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("F.mse_loss(X @ w, y, weight=c)", "weight="),
        ("F.mse_loss(X @ w, y, reduction='all')", "reduction="),
        ("F.mse_loss(X @ w)", "two arrays"),
        ("p[0, 1, 2]", "axes"),
        ("np.split(p, 3)[0]", "split"),
    ],
)
def test_what_is_not_read_is_said(formula: str, said: str) -> None:
    with pytest.raises(MatderivError, match=said):
        derive(formula, "p" if "p[" in formula or "split" in formula else "w")


def test_a_transpose_by_t_is_of_a_matrix() -> None:
    v, u = RNG.normal(size=(2, 3)), RNG.normal(size=2)
    found = derive("F.relu(x @ w.t() + b).sum()", "x")
    given: dict[str, Any] = {"x": x[0] if len(found.wrt.shape) == 1 else x, "w": v, "b": u}
    truth = ((x @ v.T + u) > 0).astype(float) @ v
    expected = truth[0] if len(found.wrt.shape) == 1 else truth
    np.testing.assert_allclose(found.evaluate(given), expected)


@pytest.mark.parametrize(
    ("typed", "plain", "wrt"),
    [
        ("Tr(A*X)", "tr(A*X)", "X"),
        ("MSE(X*w, y)", "mse(X*w, y)", "w"),
        ("Sum(LeakyReLU(x))", "sum(leaky_relu(x))", "x"),
        ("logDet(X)", "logdet(X)", "X"),
        ("LogSumExp(z) + Softmax(z)'*y", "logsumexp(z) + softmax(z)'*y", "z"),
    ],
)
def test_functions_are_known_in_any_case(typed: str, plain: str, wrt: str) -> None:
    assert str(derive(typed, wrt)) == str(derive(plain, wrt))


def test_what_is_no_function_in_any_case_is_unknown() -> None:
    with pytest.raises(UnknownFunction, match="CE"):
        derive("CE(softmax(W*x), y)", "W")


def test_a_row_lies_as_a_row() -> None:
    found = derive("X[1,:]*w", "X")
    np.testing.assert_allclose(found.evaluate({"X": X, "w": w})[0], w)
    assert not found.evaluate({"X": X, "w": w})[1:].any()
    quadratic = derive("X[2,:]*A*X[2,:]'", "X").evaluate({"X": X, "A": (a := W @ W.T)})
    np.testing.assert_allclose(quadratic[1], (a + a.T) @ X[1])
