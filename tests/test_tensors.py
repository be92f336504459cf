"""Derivatives with three axes and more: values, higher orders, batched products.

Truth: differences of the text as `reader` reads it, or of a NumPy function written here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from truth import assert_close, assert_right, differences

from matderiv.doors.derive import derive
from matderiv.errors import LimitError, ShapeError

HESSIANS: list[tuple[str, str, dict[str, Any], tuple[int, ...]]] = [
    ("tr(X'*A*X)", "X", {"X": "n,d", "A": "n,n"}, (4,)),
    ("norm2(T - U*V')^2", "U", {"T": "m,n", "U": "m,k", "V": "n,k"}, (4,)),
    ("logdet(X)", "X", {"X": "n,n"}, (4,)),
    ("sum(exp(X*w))", "X", {"X": "n,d", "w": "d"}, (4,)),
    ("sum(softplus(X*W))", "W", {"X": "n,d", "W": "d,k"}, (4,)),
    ("tr(X^3)", "X", {"X": "n,n"}, (4,)),
]


@pytest.mark.parametrize(("expr", "wrt", "shapes", "axes"), HESSIANS)
def test_hessians_by_a_matrix(
    expr: str, wrt: str, shapes: dict[str, Any], axes: tuple[int, ...]
) -> None:
    found = assert_right(expr, wrt, shapes=shapes, order=2)
    assert len(found.shape) == axes[0]
    assert found.index.startswith("∂²f/")


def by_differences(f: Callable[[Any], Any], at: Any, order: int) -> Any:
    """The derivative of an order by repeated differences."""
    if order == 1:
        return differences(f, at, 1e-2)
    return differences(lambda z: by_differences(f, z, order - 1), at, 1e-2)


HIGHER: list[tuple[str, int, Callable[..., Any]]] = [
    ("sum(exp(X*w))", 3, lambda X, w: np.sum(np.exp(X @ w))),
    ("logsumexp(X*w)", 3, lambda X, w: np.log(np.sum(np.exp(X @ w)))),
    ("sum(tanh(X*w))", 4, lambda X, w: np.sum(np.tanh(X @ w))),
    ("norm2(X*w)^4", 3, lambda X, w: np.sum((X @ w) ** 2) ** 2),
]


@pytest.mark.parametrize(("expr", "order", "f"), HIGHER)
def test_higher_orders_by_a_vector(expr: str, order: int, f: Callable[..., Any]) -> None:
    found = derive(expr, "w", shapes={"X": "n,d", "w": "d"}, order=order)
    rng = np.random.default_rng(4)
    X, w = rng.standard_normal((4, 3)) / 2, rng.standard_normal(3) / 2
    value = found.evaluate({"X": X, "w": w})
    assert value.shape == (3,) * order
    truth = by_differences(lambda z: f(X, z), w, order)
    assert_close(value, truth, found.index, 1e-4)
    for axes in ([1, 0], [0, 2, 1], [2, 0, 1]):
        rest = [*axes, *range(len(axes), order)]
        assert_close(value, value.transpose(rest[:order]), "symmetry", 1e-10)


def test_the_third_derivative_of_a_sum_of_exponentials_is_one_index_product() -> None:
    found = assert_right("sum(exp(X*w))", "w", shapes={"X": "n,d", "w": "d"}, order=3)
    assert found.index.startswith("∂³f/∂w_i ∂w_j ∂w_k = Σ_l")
    assert found.index.count("X_l") == 3
    assert "+" not in found.index


# Tensors in --------------------------------------------------------------------------------------

BATCHED: list[tuple[str, str, dict[str, str]]] = [
    ('einsum("bij,bjk->bik", S, T)', "T", {"S": "b,m,n", "T": "b,n,k"}),
    ('einsum("bij,bjk->bik", S, T)', "S", {"S": "b,m,n", "T": "b,n,k"}),
    ('tanh(einsum("bij,bjk->bik", S, T))', "S", {"S": "b,m,n", "T": "b,n,k"}),
    ('einsum("i,i->", x, y)', "x", {"x": "n", "y": "n"}),
    ('einsum("ij->j", X)', "X", {"X": "n,d"}),
    ('einsum("ij,j,k->ik", X, y, z)', "y", {"X": "n,d", "y": "d", "z": "k"}),
    ('einsum("ii->i", X)', "X", {"X": "n,n"}),
    ('einsum("ij,ij->i", X, X)', "X", {"X": "n,d"}),
    ("permute(T, 3, 1, 2)", "T", {"T": "2,3,4"}),
    ("exp(permute(T, 2, 1, 3))", "T", {"T": "b,n,d"}),
    ("sum(T, axis=1)", "T", {"T": "b,n,d"}),
    ("sum(T, axis=2)", "T", {"T": "b,n,d"}),
    ("sum(T.^2, axis=3)", "T", {"T": "b,n,d"}),
    ("sum(T.*S)", "T", {"T": "b,n,d", "S": "b,n,d"}),
    ("sum(sigmoid(T))", "T", {"T": "b,n,d"}),
    ("norm2(T)^2", "T", {"T": "b,n,d"}),
    ('sum(relu(einsum("bij,jk->bik", T, W)))', "W", {"T": "b,n,d", "W": "d,k"}),
    ('sum(einsum("bqd,bkd->bqk", Q, K).^2)', "Q", {"Q": "b,m,d", "K": "b,n,d"}),
    ("T./(1 + T.^2)", "T", {"T": "2,3,4"}),
]


@pytest.mark.parametrize(("expr", "wrt", "shapes"), BATCHED)
@pytest.mark.parametrize("kind", ["natural", "vjp", "jvp"])
def test_tensors_of_any_order(expr: str, wrt: str, shapes: dict[str, str], kind: str) -> None:
    found = derive(expr, wrt, shapes=shapes, kind=None if kind == "natural" else kind)
    report = found.check(points=3)
    assert report.verdict == "verified", f"{found}: {report}"


def test_attention_by_its_queries() -> None:
    shapes = {"Q": "m,d", "K": "n,d", "V": "n,k"}

    def attention(Q: Any, K: Any, V: Any) -> Any:
        scores = Q @ K.T / np.sqrt(Q.shape[1])
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        return weights / weights.sum(axis=1, keepdims=True) @ V

    rng = np.random.default_rng(8)
    Q, K, V = (rng.standard_normal(s) for s in ((3, 2), (4, 2), (4, 5)))
    values = {"Q": Q, "K": K, "V": V}
    for name in "QKV":
        found = derive("attention(Q,K,V)", name, shapes=shapes)
        truth = differences(lambda z, n=name: attention(**{**values, n: z}), values[name])
        assert_close(found.evaluate(values), truth, found.index, 1e-7)


def test_a_large_order_or_a_wrong_pattern_is_refused() -> None:
    with pytest.raises(LimitError):
        derive("sum(exp(x))", "x", order=5)
    with pytest.raises(ShapeError):
        derive('einsum("ij,jk->ik", A, B)', "A", shapes={"A": "m,n", "B": "m,k"})
    with pytest.raises(ShapeError):
        derive("sum(T, axis=4)", "T", shapes={"T": "b,n,d"})
