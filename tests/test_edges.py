"""Numbers at the edges, wherever numbers are computed; truth in `edge_cases`."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest
from edge_cases import EDGES, KINDS, Edge, det, second_of, truth_of

import matderiv as md
from matderiv.doors.derive import derive
from matderiv.input.resolve import read
from matderiv.language.printer import text
from matderiv.numeric.evaluate import evaluate

LIBRARIES = ("numpy", "torch", "jax")
EXTREME = 1e150  # squares of such numbers overflow in printed code


def named(edge: Edge) -> str:
    return f"{edge.f} by {edge.wrt}"


def near(found: Any, edge: Edge, said: str) -> None:
    truth = truth_of(edge)
    found = np.asarray(found, dtype=float)
    assert found.shape == truth.shape, said
    assert np.allclose(found, truth, rtol=1e-9, atol=1e-9), f"{said}: {found}, not {truth}"


def derivation(edge: Edge) -> md.Derivation:
    return md.derive(edge.f, edge.wrt, shapes=edge.shapes)


@pytest.mark.parametrize("edge", EDGES, ids=named)
def test_evaluate_and_programs_have_the_limit(edge: Edge) -> None:
    D = derivation(edge)
    near(D.evaluate(edge.values), edge, f"evaluate, {D}")
    near(D.function()(edge.values), edge, f"function, {D}")
    both = md.value_and_gradients(edge.f, edge.wrt, shapes=edge.shapes)
    value, gradient = both(edge.values)
    near(gradient, edge, f"value_and_gradients, {D}")
    assert np.isfinite(value)


def printed(source: str, name: str, edge: Edge, target: str) -> Any:
    """What the printed function gives in a library, in double precision."""
    space: dict[str, Any] = {}
    exec(source, space)
    wanted = inspect.signature(space[name]).parameters
    values = {n: np.asarray(edge.values[n], dtype=float) for n in wanted}
    if target == "torch":
        torch = pytest.importorskip("torch")
        values = {n: torch.as_tensor(v) for n, v in values.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return space[name](**values)


@pytest.mark.parametrize("target", LIBRARIES)
@pytest.mark.parametrize("kind", KINDS)
def test_printed_code_has_the_limit(kind: str, target: str) -> None:
    if target != "numpy":
        library = pytest.importorskip(target)
        if target == "jax":
            library.config.update("jax_enable_x64", True)
    for edge in KINDS[kind]:
        numbers = np.abs(np.concatenate([np.ravel(v) for v in edge.values.values()]).astype(float))
        if not all(1 / EXTREME < v < EXTREME for v in numbers[numbers > 0]):
            continue
        D = derivation(edge)
        value, found = printed(D.code(target), "value_and_gradient", edge, target)
        near(found, edge, f"{target}, {D.code(target)}")
        assert np.isfinite(float(value)), D.code(target)


def test_the_formula_marks_every_entry_that_attains_a_maximum() -> None:
    D = md.derive("max(x)", "x")
    assert str(D) == "(x>=max(x))"
    assert D.evaluate({"x": [2, 1, 2]}).tolist() == [0.5, 0, 0.5]


@pytest.mark.parametrize(
    ("f", "result"),
    [
        ("sum(where(x > 0, sqrt(x), 0))", "where(x>0,0.5./sqrt(x),0)"),
        ("sum(where(x > 0, sqrt(x), 0).^2)", "(x>0)"),
        ("sum(sqrt(relu(x)))", "where(x>0,0.5./sqrt(x),0)"),
        ("sum(relu(x).*exp(y))", "step(x).*exp(y)"),
        ("sum(relu(x)./y)", "step(x)./y"),
    ],
)
def test_a_guarded_branch_stays_guarded_and_other_masks_stay_masks(f: str, result: str) -> None:
    shapes = {"x": "n", "y": "n"}
    D = md.derive(f, "x", shapes=shapes)
    wanted = read(result, shapes=shapes).expr
    assert text(D.expr) in (text(wanted), result) or D.expr is wanted


def test_second_derivatives_are_guarded_too() -> None:
    D = md.derive("sum(where(x > 0, x.^1.5, 0))", "x", order=2)
    assert D.evaluate({"x": [-1, 4]}).tolist() == [[0, 0], [0, 0.375]]
    cube = md.derive("sum(c*x.^3)", "x", order=2, shapes={"c": "", "x": "n"})
    assert cube.evaluate({"x": [0, 1], "c": 2}).tolist() == [[0, 0], [0, 12]]


SECOND = [
    Edge("prod(x)", "x", {}, {"x": [1, 0, 3]}, lambda m, x: x.prod()),
    Edge("prod(x)", "x", {}, {"x": [0, 0, 0]}, lambda m, x: x.prod()),
    Edge("prod(sin(x.*x))", "x", {}, {"x": [1, 0, 2]}, lambda m, x: m.fprod(map(m.sin, x * x))),
    Edge("det(A)", "A", {"A": "n,n"}, {"A": [[1, 2], [2, 4]]}, lambda m, A: det(A)),
    Edge("det(A)^2", "A", {"A": "n,n"}, {"A": [[0, 1], [0, 1]]}, lambda m, A: det(A) ** 2),
    Edge("sum(x.^c)", "x", {"x": "n", "c": ""}, {"x": [0, 2], "c": 3}, lambda m, x, c: sum(x**3)),
    Edge("sum(vander(x)*y)", "x", {"x": "3", "y": "3"}, {"x": [2, 0, 1], "y": [1, -2, 3]},
         lambda m, x, y: sum(y[0] + y[1] * v + y[2] * v * v for v in x)),
    Edge("det(vander(x))", "x", {"x": "3"}, {"x": [3, 1, 0]},
         lambda m, x: (x[1] - x[0]) * (x[2] - x[0]) * (x[2] - x[1])),
]  # fmt: skip


@pytest.mark.parametrize("edge", SECOND, ids=named)
def test_second_derivatives_have_the_limit(edge: Edge) -> None:
    near(derivation(edge).evaluate(edge.values), edge, "first")
    D = md.derive(edge.f, edge.wrt, shapes=edge.shapes, order=2)
    truth = second_of(edge)
    for found in (D.evaluate(edge.values), D.function()(edge.values)):
        assert np.allclose(found, truth, rtol=1e-9, atol=1e-9), f"{D}: {found}, not {truth}"


@pytest.mark.parametrize(
    ("f", "at"), [("norm2(x)", [0, 0]), ("sum(sqrt(x))", [0, 1]), ("sum(log(x))", [0, 1])]
)
def test_where_no_derivative_exists_no_number_is_made_up(f: str, at: list[float]) -> None:
    order = 2 if f == "norm2(x)" else 1
    assert not np.isfinite(md.derive(f, "x", order=order).evaluate({"x": at})).all()


@pytest.mark.parametrize("values", [{"x": [1, 2], "y": [0, 1]}, {"y": [0, 1]}])
def test_a_formula_without_a_limit_stays_infinite(values: dict[str, Any]) -> None:
    D = md.derive("sum(x./y)", "x", shapes={"x": "n", "y": "n"})
    for found in (D.evaluate(values), D.function()(values)):
        assert found.tolist() == [np.inf, 1]


def test_a_root_that_cancels_is_not_taken_for_zero() -> None:
    found = md.derive("sum(sqrt(x).*sin(sqrt(x)))", "x").evaluate({"x": [0, 1]})
    assert not found[0] == 0.5  # the limit is 1


def test_adj_of_a_singular_matrix_has_a_value() -> None:
    adj = read("adj(A)", shapes={"A": "n,n"}).expr
    assert np.allclose(evaluate(adj, {"A": [[0, 1], [0, 1]]}), [[1, -1], [0, 0]])


@pytest.mark.parametrize("seed", range(4))
def test_adj_is_det_times_inv(seed: int) -> None:
    A = np.random.default_rng(seed).normal(size=(4, 4))
    adj = read("adj(A)", shapes={"A": "n,n"}).expr
    assert np.allclose(evaluate(adj, {"A": A}), np.linalg.det(A) * np.linalg.inv(A))
    low = np.outer(A[0], A[1])
    assert np.allclose(evaluate(adj, {"A": low}), 0, atol=1e-12)


@pytest.mark.parametrize("target", ["torch", "jax"])
def test_code_keeps_the_type_of_its_arrays(target: str) -> None:
    library = pytest.importorskip(target)
    if target == "jax":
        library.config.update("jax_enable_x64", True)
    for f in ("sum(relu(x))", "norm2(x)", "sum(x) + tr(eye(3))", "max(x)", "prod(x)", "0*sum(x)"):
        space: dict[str, Any] = {}
        exec(md.derive(f, "x").code(target), space)
        x = np.array([0.0, 2.0, 3.0], dtype=np.float32)
        given = library.as_tensor(x) if target == "torch" else library.numpy.asarray(x)
        for found in space["value_and_gradient"](given):
            assert found.dtype == given.dtype, f


GUARDED = {
    "x": np.array([-1.0, 2.0, -0.5, 0.7]),
    "y": np.array([1.5, -0.5, 0.3, 2.0]),
    "A": np.random.default_rng(3).normal(size=(3, 4)),
}


def guarded(wrap: str, x: Any) -> float:
    """A function of where(x > 0, sqrt(x).*y, 0) in plain NumPy."""
    z = np.where(x > 0, np.sqrt(np.abs(x)) * GUARDED["y"], 0)
    if wrap.startswith("logsumexp"):
        return float(np.log(np.exp(z).sum()))
    if "tanh" in wrap:
        return float((np.tanh(GUARDED["A"] @ z) * (GUARDED["A"] @ GUARDED["y"])).sum())
    return float(np.exp(GUARDED["A"] @ z).sum())


@pytest.mark.parametrize("wrap", ["sum(exp(A*({})))", "logsumexp({})", "sum(tanh(A*({})).*(A*y))"])
def test_a_branch_is_opened_only_where_entries_meet(wrap: str) -> None:
    f = wrap.format("where(x>0, sqrt(x).*y, 0)")
    found = md.derive(f, "x", shapes={"x": "n", "y": "n", "A": "m,n"}).evaluate(GUARDED)
    for k in range(4):
        step = np.eye(4)[k] * 1e-6
        up, down = (guarded(wrap, GUARDED["x"] + s) for s in (step, -step))
        assert found[k] == pytest.approx((up - down) / 2e-6, abs=1e-6)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_vector_beside_a_matrix_of_one_entry(order: int) -> None:
    shapes = {"X": "1,2", "w": "2", "A": "1,1"}
    f = "prod(X*w + diag(A')) + sum((X*w + diag(A)).^3)"
    assert derive(f, "w", shapes=shapes, order=order).check().ok
