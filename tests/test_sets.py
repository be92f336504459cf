"""Sums and products over a part of the entries: what is left out is 0 in a sum, 1 in a product."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod

import numpy as np
import pytest

from matderiv import derive
from matderiv.errors import ParseError

X = np.array([1.5, -0.7, 0.4, 2.0])
S = np.array([1.0, 0.0, 1.0, 1.0])
E = np.triu(np.ones((4, 4)), 1)
A = np.arange(16.0).reshape(4, 4)
PAIRS = [(i, j) for i, j in product(range(4), range(4))]


def slope(f: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    """The derivative by central differences."""
    steps = 1e-6 * np.eye(len(x))
    return np.array([(f(x + h) - f(x - h)) / 2e-6 for h in steps])


@pytest.mark.parametrize(
    ("formula", "f", "given"),
    [
        (r"\prod_{i<j} x_i x_j", lambda x: prod(x[i] * x[j] for i, j in PAIRS if i < j), {}),
        (r"\prod_{i\le j} x_i x_j", lambda x: prod(x[i] * x[j] for i, j in PAIRS if i <= j), {}),
        (r"\prod_{i>j} (x_i+x_j)", lambda x: prod(x[i] + x[j] for i, j in PAIRS if i > j), {}),
        (r"\prod_{i\ne j} x_i x_j", lambda x: prod(x[i] * x[j] for i, j in PAIRS if i != j), {}),
        (r"\prod_{i<j} (x_i-x_j)", lambda x: prod(x[i] - x[j] for i, j in PAIRS if i < j), {}),
        (r"\prod_{j\ne y} x_j", lambda x: x[0] * x[2] * x[3], {"y": 2}),
        (r"\sum_{i\in S} x_i^2", lambda x: sum(S * x**2), {"S": S}),
        (r"\prod_{i\in S} x_i", lambda x: x[0] * x[2] * x[3], {"S": S}),
        (r"\frac{1}{|S|}\sum_{i\in S} x_i^2", lambda x: sum(S * x**2) / 3, {"S": S}),
        (
            r"\frac{1}{|\mathcal{S}|}\sum_{i\in\mathcal{S}} x_i^3",
            lambda x: sum(S * x**3) / 3,
            {"S": S},
        ),
        (
            r"\sum_{(i,j)\in E} A_{ij}(x_i-x_j)^2",
            lambda x: sum(A[p] * (x[p[0]] - x[p[1]]) ** 2 for p in PAIRS if E[p]),
            {"E": E, "A": A},
        ),
    ],
)
def test_a_part_of_the_entries(
    formula: str, f: Callable[[np.ndarray], float], given: dict[str, np.ndarray]
) -> None:
    found = derive(formula, "x").evaluate({"x": X, **given})
    assert np.allclose(np.squeeze(found), slope(f, X), rtol=1e-6)


@pytest.mark.parametrize(
    "formula",
    [r"\sum_i\sum_{j\in N(i)} A_{ij}x_j", r"\max_{i\in S} x_i^2", r"\max_{j\ne y} x_j"],
)
def test_other_parts_are_refused(formula: str) -> None:
    with pytest.raises(ParseError):
        derive(formula, "x")
