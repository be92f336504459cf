"""The verb `code`: what is printed runs, and mistakes are said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run


def test_the_code_runs_and_only_the_code_is_on_standard_output(run: Run) -> None:
    told = run("code", "norm2(X*w - y)^2", "w")
    assert told.status == 0
    space: dict[str, Any] = {}
    exec(told.out, space)
    value, gradient = space["value_and_gradient"]([[1, 2], [3, 4]], [1, 0], [1, 1])
    assert (float(value), gradient.tolist()) == (4.0, [12.0, 16.0])
    assert "Read as" in told.err
    assert "by w: verified" in told.err


def test_several_variables_share_one_function(run: Run) -> None:
    told = run("code", "norm2(U*V' - Y)^2", "U,V", "-q")
    assert "def value_and_gradients(U, V, Y):" in told.out
    assert "return value, (grad_U, grad_V)" in told.out
    assert told.err == ""


@pytest.mark.parametrize(("target", "library"), [("torch", "torch"), ("jax", "jax.numpy as jnp")])
def test_other_libraries(run: Run, target: str, library: str) -> None:
    told = run("code", "sum(tanh(W*x))", "W", "--target", target, "-q")
    assert f"import {library}" in told.out
    assert "numpy as np" not in told.out


@pytest.mark.parametrize("kind", ["jacobian", "vjp", "jvp"])
def test_other_kinds_have_a_function_of_their_name(run: Run, kind: str) -> None:
    told = run("code", "tanh(W*x)", "x", "--kind", kind, "-q")
    space: dict[str, Any] = {}
    exec(told.out, space)
    names = ["W", "x", *{"vjp": ["G"], "jvp": ["dx"]}.get(kind, [])]
    given = {"W": np.ones((3, 2)), "x": np.zeros(2), "G": np.ones(3), "dx": np.ones(2)}
    found = space[kind](**{name: given[name] for name in names})
    expected = {"jacobian": np.ones((3, 2)), "vjp": [3, 3], "jvp": [2, 2, 2]}[kind]
    assert np.allclose(found, expected)


def test_the_hessian_is_code_too(run: Run) -> None:
    assert "def hessian(A):" in run("code", "norm2(A*x)^2", "x", "--order", "2", "-q").out


def test_json_carries_the_code_and_the_checks(run: Run) -> None:
    found = json.loads(run("code", "sum(A*x)", "x,A", "--json").out)
    assert found["schema"] == "matderiv/1"
    assert found["target"] == "numpy"
    assert found["code"].startswith("import numpy")
    assert {name: c["verdict"] for name, c in found["check"].items()} == {
        "x": "verified",
        "A": "verified",
    }


def test_a_file_is_written_once(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "gradients.py"
    assert run("code", "sum(A*x)", "x", "-o", str(path)).status == 0
    assert "def value_and_gradient" in path.read_text(encoding="utf-8")
    assert run("code", "sum(A*x)", "x", "-o", str(path)).status == 2
    assert run("code", "sum(A*x)", "x", "-o", str(path), "--force").status == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sum(A*x)", "x", "--target", "torchh"), "--target torch"),
        (("sum(A*x)", "x", "--torch"), "--target torch"),
        (("A*x", "x,A"), "only for the gradients of a scalar"),
        (("sum(A*x)",), "the variable to differentiate by is missing"),
        (("sum(A*x", "x"), "never closed"),
        (("sum(A*x)", "x,q"), "there is no q"),
    ],
)
def test_mistakes_are_said(run: Run, arguments: tuple[str, ...], said: str) -> None:
    told = run("code", *arguments)
    assert told.status == 2
    assert told.out == ""
    assert said in told.err


def test_what_numbers_cannot_check_is_said(run: Run) -> None:
    told = run("code", "a^(10^9)", "a", "-q")
    assert told.status == 3
    assert "undecided" in told.err
    assert run("code", "a^(10^9)", "a", "--no-check", "-q").status == 0
