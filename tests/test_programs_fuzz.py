"""Random expressions: programs give what `evaluate` gives, joint gradients what `derive` gives."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest
from expressions import expressions
from hypothesis import HealthCheck, given, settings

from matderiv.doors.derive import derive
from matderiv.doors.gradients import value_and_gradients
from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply, variables
from matderiv.language.printer import text
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.sampling import points
from matderiv.output.code.program import Heading, code
from matderiv.programs.building import program
from matderiv.programs.compiled import Compiled


def fuzz(count: int) -> Any:
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    return settings(
        max_examples=count, deadline=None, derandomize=True, suppress_health_check=checks
    )


def assert_near(found: Any, truth: Any, message: str) -> None:
    """Equal up to rounding; where the truth is not finite nothing is asked."""
    found, truth = np.asarray(found, float), np.asarray(truth, float)
    assert found.shape == truth.shape, message
    if np.all(np.isfinite(truth)) and np.all(np.abs(truth) < 1e12):
        scale = 1 + float(np.max(np.abs(truth), initial=0))
        assert np.all(np.abs(found - truth) <= 1e-7 * scale), f"{message}: {found}, {truth}"


def programs_give_the_value(f: Expr) -> None:
    for point in points(f, count=1, seed=2):
        truth = evaluate(f, point.values, point.sizes)
        values = {**point.sizes, **point.values}
        assert_near(Compiled(lambda sizes: program((f,), sizes=sizes))(values)[0], truth, text(f))
        source = code(program((f,)), "numpy", Heading("value", ("f.",), ("result",)))
        space: dict[str, Any] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(source, space)
            wanted = inspect.signature(space["value"]).parameters
            found = space["value"](**{name: values[name] for name in wanted})
        assert_near(found, truth, f"{text(f)}\n{source}")


def joint_gradients_are_single_gradients(f: Expr) -> None:
    f = apply("sum", f, params=(None,)) if f.shape else f
    wrt = variables(f)
    if not wrt:
        return
    both = value_and_gradients(f, wrt)
    for point in points(f, count=1, seed=2):
        values = {**point.sizes, **point.values}
        value, found = both(values)
        assert_near(value, evaluate(f, point.values, point.sizes), text(f))
        for x, gradient in zip(wrt, found, strict=True):
            truth = derive(f, x).at(point.values, point.sizes)
            assert_near(gradient, truth, f"{text(f)} by {x.name}")


QUESTIONS = {q.__name__: q for q in (programs_give_the_value, joint_gradients_are_single_gradients)}


def tried(name: str, count: int) -> None:
    @fuzz(count)
    @given(f=expressions())
    def ask(f: Expr) -> None:
        try:
            list(points(f, count=1, seed=2))
        except MatderivError:
            return
        QUESTIONS[name](f)

    ask()


@pytest.mark.parametrize("name", QUESTIONS)
def test_random_expressions(name: str) -> None:
    tried(name, 60)


@pytest.mark.sweep
@pytest.mark.parametrize("name", QUESTIONS)
def test_very_many_random_expressions(name: str) -> None:
    tried(name, 1500)
