"""Random expressions: derivatives agree with complex steps, print, and read back, or are refused.

The truth is f evaluated at x + ih; no rule of differentiation is used. `-m sweep` runs the same
properties on many more expressions.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import reader
from expressions import SHAPES, expressions, smooth_expressions
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st

from matderiv.doors.derive import Derivation, derive
from matderiv.errors import LimitError, NoRule
from matderiv.expr import Expr, is_, variables, walk
from matderiv.input.resolve import read
from matderiv.language.printer import text
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.sampling import Point, points

STEP = 1e-30
DIRECTIONS = 3
MODERATE, MANY = 150, 5000
ONLY_SIZES = {f"only_{size}": size for size in ("m", "n", "d")}  # a result may name any size
UNREADABLE = ("fuse", "levicivita", "commutation")


def examples(count: int) -> Any:
    """Settings for `count` reproducible examples."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=count < MANY,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


# Truth --------------------------------------------------------------------------------------------


def along(f: Expr, x: Expr, point: Point, direction: Any) -> Any:
    """d/dt f(x + t V) by a complex step."""
    values = {**point.values, x.name: point.values[x.name] + 1j * STEP * direction}
    return np.imag(evaluate(f, values, point.sizes, analytic=True)) / STEP


def directions(x: Expr, point: Point) -> list[Any]:
    """Random directions of the variable's shape, the same every time."""
    rng = np.random.default_rng(7)
    shape = np.shape(point.values[x.name])
    return [rng.standard_normal(shape) for _ in range(DIRECTIONS)]


def contracted(derivative: Any, direction: Any) -> Any:
    """The derivative against a direction in its last axes."""
    return np.tensordot(derivative, direction, axes=np.ndim(direction))


def assert_near(found: Any, truth: Any, scale: float, label: str) -> None:
    found, truth = np.reshape(found, -1), np.reshape(truth, -1)
    size = max(1.0, scale, float(np.max(np.abs(truth), initial=0)))
    assert found.shape == truth.shape, label
    assert np.max(np.abs(found - truth), initial=0) <= 1e-8 * size, label


def points_of(f: Expr, x: Expr, number: int) -> list[Point]:
    """Two points of unequal sizes, without those where rounding decides, as in cos(x^27)."""
    return [p for p in points(f, count=2, seed=number) if steady(f, x, p)]


def steady(f: Expr, x: Expr, point: Point) -> bool:
    """True where a change of x in its last digits does not change f's slope."""
    direction = directions(x, point)[0]
    near = {**point.values, x.name: point.values[x.name] * (1 + 1e-14)}
    here = along(f, x, point, direction)
    there = along(f, x, Point(point.sizes, near), direction)
    size = max(1.0, float(np.max(np.abs(here), initial=0)))
    return float(np.max(np.abs(here - there), initial=0)) <= 1e-9 * size


def variable_of(f: Expr, number: int) -> Expr | None:
    """One of the variables of f."""
    found = variables(f)
    return found[number % len(found)] if found else None


def scale_at(f: Expr, point: Point) -> float:
    """The size of f's values: rounding is relative to it."""
    return float(np.max(np.abs(evaluate(f, point.values, point.sizes))))


# Properties ---------------------------------------------------------------------------------------


def agrees_with_complex_step(f: Expr, number: int) -> None:
    x = variable_of(f, number)
    if x is None:
        return
    derivation = derive(f, x)
    note(f"{text(f)} by {x.name}: {derivation.index}")
    for point in points_of(f, x, number):
        found = derivation.at(point.values, point.sizes)
        for direction in directions(x, point):
            truth = along(f, x, point, direction)
            scale = scale_at(f, point) + float(np.max(np.abs(found)))
            assert_near(contracted(found, direction), truth, scale, f"{text(f)} by {x.name}")


def pullback_is_the_jacobian_contracted(f: Expr, number: int) -> None:
    x = variable_of(f, number)
    if x is None:
        return
    derivation = derive(f, x, kind="vjp", upstream="Upstream")
    rng = np.random.default_rng(number)
    for point in points_of(f, x, number):
        value = evaluate(f, point.values, point.sizes)
        upstream = rng.standard_normal(np.shape(value))
        found = derivation.at({**point.values, "Upstream": np.squeeze(upstream)}, point.sizes)
        for direction in directions(x, point):
            truth = np.sum(upstream * along(f, x, point, direction))
            scale = scale_at(f, point) + float(np.max(np.abs(found)))
            assert_near(np.sum(found * direction), truth, scale, f"{text(f)}: {derivation}")


def hessian_is_right_and_symmetric(f: Expr, number: int) -> None:
    x = variable_of(f, number)
    if x is None:
        return
    first, second = derive(f, x), derive(f, x, order=2)
    note(f"{text(f)} by {x.name}: {second.index}")
    for point in points_of(f, x, number):
        hessian = second.at(point.values, point.sizes)
        matrix = hessian.reshape(np.size(point.values[x.name]), -1)
        scale = scale_at(f, point) + float(np.max(np.abs(matrix)))
        assert_near(matrix, matrix.T, scale, f"{text(f)} by {x.name} twice")
        for direction in directions(x, point)[:1]:
            truth = along(first.expr, x, point, direction)
            if np.all(np.isfinite(truth)):
                found = contracted(hessian, direction)
                assert_near(found, truth, 10 * scale, f"{text(f)} by {x.name} twice")


def printed_result_reads_back(f: Expr, number: int) -> None:
    x = variable_of(f, number)
    if x is None:
        return
    derivation = derive(f, x)
    if not derivation.has_matrix_form:
        return
    printed = str(derivation)
    note(printed)
    back = read(printed, shapes={**SHAPES, **ONLY_SIZES})
    assert back.expr is derivation.displayed, f"{printed} reads as {back.read_as}"
    if any(is_(n, *UNREADABLE) for n in walk(derivation.displayed)):
        return
    for point in points_of(f, x, number):
        found = np.squeeze(reader.value(printed, point.values, point.sizes))
        truth = np.squeeze(derivation.at(point.values, point.sizes))
        if not found.shape:
            found = np.full_like(truth, found)  # text has no types: 0 stands for any zero
        assert_near(found, truth, float(np.max(np.abs(truth), initial=0)), printed)


PROPERTIES = {
    "jacobian": (agrees_with_complex_step, smooth_expressions(max_leaves=7)),
    "pullback": (pullback_is_the_jacobian_contracted, smooth_expressions(max_leaves=7)),
    "hessian": (hessian_is_right_and_symmetric, smooth_expressions(max_leaves=5, shape=())),
    "printed": (printed_result_reads_back, smooth_expressions(max_leaves=7)),
}


def tried(name: str, count: int, number: int | None = None) -> None:
    """Ask one property of `count` random expressions."""
    ask, strategy = PROPERTIES[name]

    @examples(count)
    @given(strategy, st.integers(0, 10**6))
    def asked(f: Expr, k: int) -> None:
        with suppress(NoRule, LimitError):
            ask(f, k)

    (asked if number is None else seed(number)(asked))()


@pytest.mark.parametrize("name", PROPERTIES)
def test_random_smooth_expressions(name: str) -> None:
    tried(name, MODERATE)


@pytest.mark.sweep
@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("name", PROPERTIES)
def test_very_many_random_smooth_expressions(name: str, number: int) -> None:
    print(f"seed {number}")
    tried(name, MANY, number)


def checked(f: Expr, number: int) -> tuple[str, Derivation | None]:
    """The verdict of the tool's own check on a derivative of f."""
    x = variable_of(f, number)
    if x is None:
        return "constant", None
    try:
        derivation = derive(f, x)
    except (NoRule, LimitError):
        return "refused", None
    return derivation.check(points=3, seed=number).verdict, derivation


@examples(MODERATE)
@given(expressions(max_leaves=7), st.integers(0, 10**6))
def test_random_expressions_are_never_disproved(f: Expr, number: int) -> None:
    verdict, derivation = checked(f, number)
    assert verdict != "disproved" or _tied(f), f"{text(f)}: {derivation}"


@pytest.mark.sweep
@examples(MANY)
@given(expressions(max_leaves=10), st.integers(0, 10**6))
def test_very_many_random_expressions_are_never_disproved(f: Expr, number: int) -> None:
    verdict, derivation = checked(f, number)
    assert verdict != "disproved" or _tied(f), f"{text(f)}: {derivation}"


def _tied(f: Expr) -> bool:
    """True where a max or min has ties by construction: it has no derivative there."""
    return any(is_(n, "max", "min", "norminf", "maximum", "minimum") for n in walk(f))
