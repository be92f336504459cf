"""Random points hide nothing: sizes differ, facts hold, kinks are seen from both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from matderiv import derive
from matderiv.errors import DomainError
from matderiv.expr import Expr, apply, variable
from matderiv.numeric.both_sides import branches, reached
from matderiv.numeric.sampling import draw, drawn, points, sampler
from matderiv.shapes import Dim

N, D = Dim(("n",)), Dim(("d",))
x, X, w, S = (
    variable("x", (N,)),
    variable("X", (N, D)),
    variable("w", (D,)),
    variable("S", (N, N)),
)


def total(e: Expr) -> Expr:
    return apply("sum", e, params=(None,))


def test_sizes_differ_and_one_point_exceeds_the_longest_product() -> None:
    word = apply("tr", S @ S @ S @ S @ S) + total(X)
    found = points(word, seed=5)
    assert all(len(set(p.sizes.values())) == len(p.sizes) for p in found)
    assert min(found[1].sizes.values()) > 5
    assert len({tuple(p.sizes.items()) for p in found}) >= 3
    assert any(1 in p.sizes.values() for p in found)


def test_every_fact_holds_at_every_point() -> None:
    facts: dict[str, Callable[[Any], bool]] = {
        "symmetric": lambda a: np.array_equal(a, a.T),
        "skew": lambda a: np.array_equal(a, -a.T),
        "diagonal": lambda a: np.array_equal(a, np.diag(np.diag(a))),
        "posdef": lambda a: bool((np.linalg.eigvalsh(a) > 0).all()),
        "orthogonal": lambda a: np.allclose(a @ a.T, np.eye(len(a))),
        "positive": lambda a: bool((a > 0).all()),
        "lower": lambda a: np.array_equal(a, np.tril(a)),
        "upper": lambda a: np.array_equal(a, np.triu(a)),
        "onehot": lambda a: bool((np.sort(a)[:, -1] == 1).all() and (a.sum(axis=1) == 1).all()),
        "simplex": lambda a: bool((a > 0).all()) and np.allclose(a.sum(axis=1), 1),
        "labels": lambda a: set(a.flat) == {-1.0, 1.0},
        "binary": lambda a: set(a.flat) == {0.0, 1.0},
    }
    rng = np.random.default_rng(0)
    for fact, holds in facts.items():
        for _ in range(20):
            assert holds(draw([variable("A", (N, N), {fact})], rng)["A"]), fact
    for fact in ("onehot", "simplex"):
        for shape in ((N,), (N, 1), (1, N)):
            drawn_vector = draw([variable("v", shape, {fact})], rng)["v"]
            assert drawn_vector.sum() == pytest.approx(1)


def test_scalar_labels_are_seen_with_both_signs() -> None:
    label = variable("y", (), {"labels"})
    for seed in range(30):
        found = points(label * (x.T @ x), seed=seed, count=3)
        assert {float(p.values["y"]) for p in found} == {-1.0, 1.0}


def test_both_sides_of_a_kink_are_sought_far_out() -> None:
    source = sampler(apply("relu", w.T @ w - 50))
    found = reached(source, drawn(source, 8), branches(source.expr))
    assert (found.unseen, found.points) == ((), ())


def test_points_keep_away_from_kinks_and_ties() -> None:
    f = total(apply("abs", x)) + apply("max", x, params=(None,))
    for seed in range(50):
        for p in points(f, seed=seed, count=4):
            top = np.sort(p.values["x"])
            assert np.abs(top).min() > 1e-3
            assert len(top) == 1 or top[-1] - top[-2] > 1e-3


@pytest.mark.parametrize(
    "f",
    [
        total(apply("log", x)),
        apply("logdet", X.T @ X),
        apply("log", apply("det", S)),
        total(apply("arcsin", x)),
        total(apply("log", x)) + total(apply("log", -w)),
        apply("log", w.T @ w - 50),
        total(apply("log", x / (1 - x))),
    ],
)
def test_domains_that_nobody_declared_are_found(f: Expr) -> None:
    for p in points(f):
        assert p.compromise == ""


def test_a_matrix_inside_a_domain_is_not_symmetric() -> None:
    for p in points(apply("logdet", S)):
        s = p.values["S"]
        assert len(s) == 1 or not np.allclose(s, s.T)


def test_badly_conditioned_matrices_are_not_inverted() -> None:
    for p in points(apply("inv", X.T @ X)):
        assert np.linalg.cond(p.values["X"].T @ p.values["X"]) < 1e3


def test_an_expression_without_a_value_anywhere_is_refused_with_a_hint() -> None:
    with pytest.raises(DomainError, match="no admissible point found") as caught:
        points(apply("log", -apply("exp", x)))
    assert "assume" in str(caught.value)


def test_points_at_inherent_kinks_say_that_they_are_a_compromise() -> None:
    source = sampler(total(apply("abs", x - x)))
    found = drawn(source, 2)
    assert all(p.compromise == "abs is at its kink" for p in found)


@pytest.mark.parametrize(("x", "w"), [("m", "n"), ("n", "k"), ("n", "m")])
def test_an_axis_of_a_size_that_is_a_difference_has_room_for_it(x: str, w: str) -> None:
    found = derive("y'*conv1d(x,w)", "x", shapes={"x": x, "w": w})
    assert str(found) == "conv(y,w)"
    assert found.checked.verdict == "verified"
