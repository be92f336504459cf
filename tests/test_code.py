"""Printed code runs as printed and gives the value: every record, every stored problem.

Truth is `evaluate`, which knows nothing of programs, and the stored derivatives.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from problems import Problem, problems
from record_questions import records, samples, shown

import matderiv as md
from matderiv.errors import NoRule
from matderiv.expr import Expr, apply
from matderiv.functions.record import Function
from matderiv.input.resolve import read
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.sampling import points
from matderiv.output.code.program import TARGETS as ALL
from matderiv.output.code.program import Heading, code
from matderiv.programs.building import program
from matderiv.programs.compiled import Compiled

TARGETS = ("numpy", "torch", "jax")
MANY = {"numpy": None, "torch": 3, "jax": 1}
INTERNAL = ("levicivita", "fuse")
WITHOUT_CODE = {
    **dict.fromkeys(
        ("abstract", "abstract_map", "abstract_curve"), frozenset(TARGETS)
    ),  # nobody defines them
    "polygamma": frozenset(TARGETS),  # of an order that is no plain number
}
"""Functions that these targets refuse by name; with code for them the test below fails."""


def arrays_for(target: str) -> Callable[[Any], Any]:
    """What makes arrays of a library, in double precision; the test is skipped without it."""
    if target == "torch":
        torch = pytest.importorskip("torch")
        return lambda value: torch.as_tensor(np.asarray(value, float), dtype=torch.float64)
    if target == "jax":
        jax = pytest.importorskip("jax")
        jax.config.update("jax_enable_x64", True)
        return lambda value: jax.numpy.asarray(np.asarray(value, float))
    return lambda value: value


def run(source: str, name: str, values: Mapping[str, Any], target: str = "numpy") -> Any:
    """What the printed function gives; every warning is an error."""
    make = arrays_for(target)
    space: dict[str, Any] = {}
    with warnings.catch_warnings():
        if target != "numpy":
            warnings.simplefilter("ignore")
        exec(source, space)
        wanted = inspect.signature(space[name]).parameters
        return space[name](
            **{k: make(v) if np.ndim(v) else v for k, v in values.items() if k in wanted}
        )


def assert_equal(found: Any, truth: Any, message: str) -> None:
    found, truth = np.asarray(found, float), np.asarray(truth, float)
    assert found.shape == truth.shape, f"{message}: {found.shape}, not {truth.shape}"
    scale = max(1.0, float(np.max(np.abs(truth), initial=0, where=np.isfinite(truth))))
    assert np.allclose(found, truth, rtol=1e-9, atol=1e-11 * scale, equal_nan=True), message


HEADING = Heading("f", ("A value.",), ("value",))


def value_code(node: Expr, target: str = "numpy") -> str:
    return code(program((node,)), target, HEADING)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("record", records(), ids=lambda r: r.name)
def test_every_record_has_code_or_is_refused(record: Function, target: str) -> None:
    if record.name in INTERNAL and target != "numpy":
        pytest.skip("behind other functions only")
    for node in samples(record)[: MANY[target]]:
        if target in WITHOUT_CODE.get(record.name, ()):
            with pytest.raises(NoRule, match="cannot be written as code"):
                value_code(node, target)
            continue
        source = value_code(node, target)
        compiled = Compiled(lambda sizes, node=node: program((node,), sizes=sizes))
        for point in points(node, count=1 if target == "jax" else 2, seed=3):
            truth = evaluate(node, point.values, point.sizes)
            values = {**point.sizes, **point.values}
            found = run(source, "f", values, target)
            assert_equal(found, truth, f"{shown(node)} in {target}\n{source}")
            assert_equal(compiled(values)[0], truth, f"{shown(node)}, compiled")


@pytest.mark.parametrize("target", [*TARGETS, "compiled"])
def test_single_precision_stays_single(target: str) -> None:
    """Torch code makes no array on another device either: "meta" takes part with no other."""
    for record in records()[:: 12 if target == "jax" else 1]:
        if record.name in INTERNAL or record.name in WITHOUT_CODE:
            continue
        node = samples(record)[0]
        (point,) = points(node, count=1, seed=3)
        values = {k: np.asarray(v, np.float32) for k, v in point.values.items()} | point.sizes
        if target == "compiled":
            compiled = Compiled(lambda sizes, n=node: program((n,), sizes=sizes), dtype="float32")
            found = compiled(values)[0]
        else:
            source = code(program((node,)), target, HEADING, "float32")
            found = called(source, values, target)
        arrays = any(np.ndim(v) for v in values.values())
        if target == "torch" and arrays:
            assert called(source, values, target, "meta").device.type == "meta"
        if target in ("numpy", "compiled") or arrays:
            assert str(found.dtype).endswith("float32"), shown(node)
        truth = evaluate(node, point.values, point.sizes)
        scale = max(1.0, np.abs(truth).max(initial=0))
        assert np.allclose(np.asarray(found), truth, atol=2e-4 * scale), shown(node)


def called(source: str, values: Mapping[str, Any], target: str, device: str = "cpu") -> Any:
    """What a function f gives for arrays of a library in their own precision."""
    make, space = lambda v: v, dict[str, Any]()
    if target == "torch":
        torch = pytest.importorskip("torch")
        make = lambda v: torch.as_tensor(v, device=device) if np.ndim(v) else v  # noqa: E731
    elif target == "jax":
        jax = pytest.importorskip("jax")
        jax.config.update("jax_enable_x64", True)
        make = jax.numpy.asarray
    exec(source, space)
    wanted = inspect.signature(space["f"]).parameters
    return space["f"](**{k: make(v) for k, v in values.items() if k in wanted})


def test_a_type_is_one_of_two() -> None:
    D = md.derive("norm2(x)^2", "x")
    assert D.function("float32")(x=[3, 4]).dtype == np.float32
    with pytest.raises(md.MatderivError, match="float64"):
        D.function("half")
    with pytest.raises(md.MatderivError, match="float64"):
        D.code("numpy", "half")


@pytest.mark.parametrize("problem", problems(), ids=lambda p: p.id)
def test_the_code_of_every_stored_problem_gives_the_stored_derivative(problem: Problem) -> None:
    assert_right(problem, "numpy")


def test_jax_multiplies_columns_as_rows() -> None:
    D = md.derive("norm2(X*w - y)^2", "w")
    assert "grad_w = 2 * (z1 @ X)" in D.code("jax")
    assert "grad_w = 2 * (X.T @ z1)" in D.code("numpy")
    assert "(A + A.T) @ w" in md.derive("norm2(X - X*w*w')^2", "w").code("jax")


CONSTANTS = ["sum((2>1)*x)", "sum(step(n-2)*x)", "sum(where(n>2,x,x.^2))", "sum(sign(ones(n)).*x)"]


@pytest.mark.parametrize("target", ["torch", "jax"])
@pytest.mark.parametrize("text", CONSTANTS)
def test_comparisons_and_signs_of_constants_run(text: str, target: str) -> None:
    derivation = md.derive(text, "x", shapes={"x": "n"})
    values = {"x": [1.0, -2.0, 3.0]}
    found = run(derivation.code(target), "value_and_gradient", values, target)
    assert_equal(found[1], derivation.evaluate(values), text)


@pytest.mark.sweep
@pytest.mark.parametrize("target", ["torch", "jax"])
@pytest.mark.parametrize("problem", problems(), ids=lambda p: p.id)
def test_every_stored_problem_in_other_libraries(problem: Problem, target: str) -> None:
    assert_right(problem, target)


@pytest.mark.parametrize("problem", problems()[::4], ids=lambda p: p.id)
def test_some_stored_problems_in_torch(problem: Problem) -> None:
    assert_right(problem, "torch")


@pytest.mark.parametrize("problem", problems()[::60], ids=lambda p: p.id)
def test_some_stored_problems_in_jax(problem: Problem) -> None:
    assert_right(problem, "jax")


def assert_right(problem: Problem, target: str) -> None:
    derivation = problem.derivation()
    source = derivation.code(target)
    both = derivation.kind == "gradient"
    name = "value_and_gradient" if both else derivation.kind
    compiled = derivation.function()
    for point in problem.points:
        values = {**point.sizes, **point.values}
        found = run(source, name, values, target)
        if both:
            value = evaluate(derivation.f, point.values, point.sizes)
            assert np.allclose(np.asarray(found[0], float), value, rtol=1e-9), source
        truth = derivation.evaluate(point.values)
        assert_equal(found[1] if both else found, truth, source)
        assert_equal(compiled(point.values), truth, f"compiled {problem.id}")
        stored = point.truth.reshape(truth.shape)
        assert np.allclose(truth, stored, rtol=1e-6, atol=1e-8 * (1 + np.abs(stored).max()))


@pytest.mark.parametrize("target", TARGETS)
def test_gradients_of_a_net_agree_in_every_library(target: str) -> None:
    both = md.value_and_gradients(
        "cross_entropy(tanh(X*W + b')*V, Y) + t*norm2(W)^2",
        ["W", "b", "V", "t"],
        shapes={"X": "n,d", "W": "d,h", "b": "h", "V": "h,k", "t": ""},
    )
    g = np.random.default_rng(1).standard_normal
    values = {"X": g((5, 4)), "W": g((4, 3)), "b": g(3), "V": g((3, 2)), "t": 0.5}
    values["Y"] = np.eye(2)[[0, 1, 1, 0, 1]]
    value, gradients = both(values)
    found = run(both.code(target), "value_and_gradients", values, target)
    assert_equal(found[0], value, target)
    for ours, theirs in zip(gradients, found[1], strict=True):
        assert_equal(theirs, ours, target)


@pytest.mark.parametrize("text", ["sum(where(x > 0, 1, 0.1))", "sum((x > 0)/3)"])
def test_numbers_have_the_precision_of_the_arrays_in_torch(text: str) -> None:
    node = read(text, shapes={"x": "n"}).expr
    values = {"x": [1.0, -1.0, 2.0]}
    found = run(value_code(node, "torch"), "f", values, "torch")
    assert_equal(found, evaluate(node, values), text)


def test_names_that_python_has_taken_are_changed() -> None:
    D = md.derive("sum(lambda*x) + np*sum(x)", "x", shapes={"lambda": "", "np": "", "x": "n"})
    source = D.code()
    assert "def value_and_gradient(lambda_, x, np2):" in source
    space: dict[str, Any] = {}
    exec(source, space)
    assert space["value_and_gradient"](2.0, [1.0, 1.0], 1.0)[1].tolist() == [3, 3]


def test_a_function_without_code_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ALL["numpy"].templates, "duplication")
    node = apply("duplication", params=(4,))
    with pytest.raises(NoRule, match="cannot be written as code"):
        value_code(node)
    assert Compiled(lambda sizes: program((node,)))({})[0].shape == (16, 10)


def test_a_size_that_follows_from_another_is_no_target() -> None:
    shapes = {"S": "n,n", "a": "6"}
    d = md.derive("vech(S)'*a", "S", shapes=shapes, assume={"S": "symmetric"}, structure="none")
    names: dict[str, Any] = {}
    exec(d.code("numpy"), names)
    S, a = np.eye(3), np.arange(1.0, 7)
    found = names["value_and_gradient"](S=S, a=a)[1]
    np.testing.assert_allclose(found.T[np.triu_indices(3)], [1, 2, 3, 4, 5, 6])


def test_an_axis_that_is_a_product_of_sizes_is_no_target() -> None:
    f = "sum(sin(kron(A,X)*vec(B)))"
    d = md.derive(f, "X", shapes={"A": "", "X": "m,n*p", "B": "n,p"})
    names: dict[str, Any] = {}
    exec(d.code("numpy"), names)
    rng = np.random.default_rng(3)
    at = {"A": np.array(0.7), "X": rng.normal(size=(2, 12)), "B": rng.normal(size=(3, 4))}
    found = names["value_and_gradient"](**at)[1]
    np.testing.assert_allclose(found, d.evaluate(at), rtol=1e-12)
