"""The verb `code`: what is printed runs, and mistakes are said."""

from __future__ import annotations

import json
import re
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
        (("A*x", "x,A"), "for the gradients of a scalar, and for a vjp"),
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


def function_in(source: str) -> dict[str, Any]:
    """The names that a printed program defines."""
    names: dict[str, Any] = {}
    exec(source, names)  # a program that the test asked for
    return names


def test_gaussian_gradients_have_no_products_with_identities(run: Run) -> None:
    f = "-m/2*logdet(S) - 0.5*tr(inv(S)*(X-ones(m)*u')'*(X-ones(m)*u'))"
    facts = ("--shape", "X: m,n", "--shape", "u: n", "--assume", "S: symmetric")
    source = run("code", f, "S,u", *facts).out
    assert "eye(" not in source
    assert "grad_u = Z2 @ Z1.sum(axis=0)" in source
    assert "sign, logdet = np.linalg.slogdet(S)" in source
    X, S, u = np.array([[1.0, 2], [3, 5], [0, 1]]), np.array([[2.0, 1], [1, 3]]), np.ones(2)
    value, (by_S, by_u) = function_in(source)["value_and_gradients"](S, X, u)
    inverse, R = np.linalg.inv(S), X - u
    expected = -1.5 * np.log(np.linalg.det(S)) - 0.5 * np.trace(inverse @ R.T @ R)
    assert value == pytest.approx(expected)
    assert by_u == pytest.approx(inverse @ R.sum(0))
    assert by_S == pytest.approx((inverse @ R.T @ R @ inverse - 3 * inverse) / 2)


@pytest.mark.parametrize(
    ("f", "wrt", "given"),
    [
        ("sum(x.*y)", "x", {"x": np.ones(2), "y": np.array([3.0, 4.0])}),
        ("tr(A*X)", "X", {"A": np.eye(2), "X": np.ones((2, 2))}),
        ("sum(c.*diag(X))", "c", {"c": np.ones(2), "X": np.eye(2)}),
        ("A*x", "x", {"A": np.eye(2)}),
        ("x'*y", "x,y", {"x": np.ones(2), "y": np.array([3.0, 4.0])}),
    ],
)
def test_results_are_never_the_memory_of_an_argument(
    run: Run, f: str, wrt: str, given: dict[str, Any]
) -> None:
    source = run("code", f, wrt, "--shape", "c: n", "--shape", "X: n,n").out
    (name,) = [n for n, v in function_in(source).items() if callable(v)]
    before = {k: v.copy() for k, v in given.items()}
    found = function_in(source)[name](**given)
    flat = found if isinstance(found, tuple) else (found,)
    for part in flat:
        for array in part if isinstance(part, tuple) else (part,):
            if np.ndim(array):
                array *= 2
    assert all((given[k] == before[k]).all() for k in given)


def test_an_array_with_another_number_of_axes_is_said_by_its_shape(run: Run) -> None:
    source = run("code", "norm2(A*x)^2", "x").out
    with pytest.raises(AssertionError, match=r"A has the shape \(2,\), expected \(m, n\)"):
        function_in(source)["value_and_gradient"](np.ones(2), np.ones(2))


def test_code_is_written_as_people_write_it(run: Run) -> None:
    assert "grad_A = np.outer(x, y)" in run("code", "x'*A*y", "A").out
    batch = run("code", "sum(W.*((X-mean(X,1))./sqrt(var(X,1)+a)))", "X", "--shape", "a:").out
    assert re.search(r"^    Z1 = X - X\.mean\(axis=0\)$", batch, re.M)
    assert "[None, :]" not in batch
    assert "grad_x = np.ones((n,))" in run("code", "sum(x)", "x").out
    assert "jacobian =" not in run("code", "relu(W*x)", "W").out


def test_several_pullbacks_are_one_function(run: Run) -> None:
    source = run("code", "tanh(W*x)", "W,x", "--kind", "vjp").out
    W, x, G = np.array([[1.0, -1], [0.5, 2]]), np.array([0.3, 0.1]), np.array([2.0, -1.0])
    by_W, by_x = function_in(source)["vjp"](G=G, W=W, x=x)
    slope = G / np.cosh(W @ x) ** 2
    assert by_W == pytest.approx(np.outer(slope, x))
    assert by_x == pytest.approx(W.T @ slope)
