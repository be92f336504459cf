"""Numbers at the edges: points where a derivative exists and its formula is 0/0 or overflows.

Truth is the limit of differences of f, computed with 60 digits from f written again in mpmath.
"""

from __future__ import annotations

import numpy as np
import pytest

import matderiv as md


@pytest.mark.parametrize("wrap", ["sum(exp(A*({})))", "logsumexp({})", "sum(tanh(A*({})).*(A*y))"])
def test_a_branch_is_opened_only_where_entries_meet(wrap: str) -> None:
    f = wrap.format("where(x>0, sqrt(x).*y, 0)")
    found = md.derive(f, "x", shapes={"x": "n", "y": "n", "A": "m,n"}).evaluate(VALUES)
    for k in range(4):
        step = np.eye(4)[k] * 1e-6
        up, down = (value(wrap, VALUES["x"] + s) for s in (step, -step))
        assert found[k] == pytest.approx((up - down) / 2e-6, abs=1e-6)


A = np.random.default_rng(3).normal(size=(3, 4))
VALUES = {"x": np.array([-1.0, 2.0, -0.5, 0.7]), "y": np.array([1.5, -0.5, 0.3, 2.0]), "A": A}


def value(wrap: str, x: np.ndarray) -> float:
    """f in plain NumPy."""
    z = np.where(x > 0, np.sqrt(np.abs(x)) * VALUES["y"], 0)
    if wrap.startswith("logsumexp"):
        return float(np.log(np.exp(z).sum()))
    if "tanh" in wrap:
        return float((np.tanh(A @ z) * (A @ VALUES["y"])).sum())
    return float(np.exp(A @ z).sum())
