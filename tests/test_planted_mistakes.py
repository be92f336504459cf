"""Sign, factor and transpose mistakes, planted in every record, are noticed by its questions.

The mistakes are made in copies; the registry is never touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from record_questions import DIFFERENTIABLE, derivative_report, questions, records, samples, shown
from record_references import REFERENCES

from matderiv.errors import ShapeError
from matderiv.expr import REGISTRY, Expr, apply, number, number_value
from matderiv.functions.record import Function
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.sampling import points

Mistake = Callable[[Expr], Expr]


def negated(e: Expr) -> Expr:
    return -e


def doubled(e: Expr) -> Expr:
    return 2 * e


def by_name(record: Function) -> str:
    return record.name


def scaled(record: Function, mistake: Mistake) -> Function:
    """A copy whose derivative is multiplied by -1 or 2."""
    if record.kind == "elementwise":
        return replace(record, partials=tuple(_partial(p, mistake) for p in record.partials))
    if record.kind == "primitive":
        right = record.differential
        assert right is not None
        return replace(record, differential=lambda y, k, dx: mistake(right(y, k, dx)))
    axes = record.axes
    assert axes is not None

    def wrong_axes(node: Expr, out: Any, fresh: Any) -> Any:
        slots, extra = axes(node, out, fresh)
        return slots, [*extra, (mistake(number(1)), ())]

    return replace(record, axes=wrong_axes)


def _partial(right: Callable[..., Any], mistake: Mistake) -> Callable[..., Any]:
    """A wrong partial derivative; where the right one is 0 there is no sign to lose, 1 is wrong."""

    def wrong(*args: Expr) -> Any:
        answer = right(*args)
        if not isinstance(answer, Expr):
            answer = number(answer)
        return number(1) if number_value(answer) == 0 else mistake(answer)

    return wrong


def transposed(record: Function) -> Function:
    """A copy that forgets, or adds, a transpose."""
    if record.kind == "elementwise":
        return replace(record, partials=tuple(_partial(p, lambda e: e.T) for p in record.partials))
    if record.kind == "primitive":
        right = record.differential
        assert right is not None
        return replace(record, differential=lambda y, k, dx: right(y, k, dx.T))
    axes = record.axes
    assert axes is not None

    def wrong_axes(node: Expr, out: Any, fresh: Any) -> Any:
        slots, extra = axes(node, out, fresh)
        return [tuple(reversed(s)) for s in slots], [(e, tuple(reversed(s))) for e, s in extra]

    return replace(record, axes=wrong_axes)


def noticed(wrong: Function, node: Expr, k: int) -> bool:
    """True if the question about this derivative rejects the mistake."""
    try:
        report = derivative_report(wrong, node, k, points=2)
    except (ShapeError, ValueError, KeyError):  # it does not even fit
        return True
    return report is not None and report.verdict == "disproved"


@pytest.mark.parametrize("mistake", [negated, doubled], ids=["sign", "factor"])
@pytest.mark.parametrize("record", records(*DIFFERENTIABLE), ids=by_name)
def test_a_wrong_sign_or_factor_is_noticed_at_every_sample(
    record: Function, mistake: Mistake
) -> None:
    wrong = scaled(record, mistake)
    asked = 0
    for node, k in questions(record):
        right = derivative_report(record, node, k, points=2)
        if right is None or _vanishes(record, node, k):
            continue
        asked += 1
        assert noticed(wrong, node, k), f"{shown(node)}, argument {k}"
    assert asked


def _vanishes(record: Function, node: Expr, k: int) -> bool:
    """True where the derivative is 0 everywhere, so that no factor is wrong."""
    if node.function.name in ("softmax", "log_softmax"):
        axis = node.params[0]
        shape = node.args[0].shape
        return not shape or (axis is not None and shape[axis - 1] == 1)
    return False


INVISIBLE = {
    ("tr", 0): "the trace of a transpose is the trace",
    ("vector", 0): "its argument is a scalar",
    ("matrix", 0): "its argument is a scalar",
    ("div", 0): "the partial derivative 1/s is a scalar",
    ("power", 1): "the exponent is a scalar",
    ("norm_p", 1): "the exponent is a scalar",
    ("abstract_curve", 0): "its argument is a scalar",
    ("mvnpdf", 2): "the covariance is symmetric",
    **dict.fromkeys(
        ((name, 0) for name in ("lambda_max", "lambda_min", "eigvec_max", "eigvec_min")),
        "a function of the symmetric part",
    ),
    **dict.fromkeys(
        ((name, 0) for name in ("eigvalsh", "eigvecsh", "cholesky")),
        "a function of the symmetric part",
    ),
}


@pytest.mark.parametrize("record", records(*DIFFERENTIABLE), ids=by_name)
def test_a_wrong_transpose_is_noticed_at_some_sample(record: Function) -> None:
    wrong = transposed(record)
    for k in {k for _, k in questions(record)} - {k for n, k in INVISIBLE if n == record.name}:
        asked = [node for node, which in questions(record) if which == k]
        assert any(noticed(wrong, node, k) for node in asked), f"argument {k}"


@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_the_value_agrees_with_an_independent_formula(name: str) -> None:
    for node in samples(REGISTRY[name]):
        for point in points(node, count=2, seed=3):
            given = [evaluate(a, point.values, point.sizes) for a in node.args]
            right = REFERENCES[name](*given, *_sizes_of(node, point.sizes))
            found = evaluate(node, point.values, point.sizes)
            np.testing.assert_allclose(found, np.reshape(right, found.shape), rtol=1e-9, atol=1e-12)


def _sizes_of(node: Expr, sizes: dict[str, int]) -> list[Any]:
    from matderiv.shapes import Dim, size_value

    return [size_value(p, sizes) if isinstance(p, Dim) else p for p in node.params]


def test_every_shorthand_and_refused_function_has_an_independent_formula() -> None:
    wanted = {r.name for r in records("shorthand", "refused", "constant")}
    assert wanted - REFERENCES.keys() == set()


@pytest.mark.parametrize("mistake", [negated, doubled], ids=["sign", "factor"])
@pytest.mark.parametrize("record", records("shorthand"), ids=by_name)
def test_a_mistake_in_what_a_shorthand_means_is_noticed(record: Function, mistake: Mistake) -> None:
    node = samples(record)[-1]
    assert record.expand is not None
    wrong = mistake(record.expand(*node.args, *node.params))
    (point,) = points(node, count=1, seed=4)
    given = [evaluate(a, point.values, point.sizes) for a in node.args]
    right = REFERENCES[record.name](*given, *_sizes_of(node, point.sizes))
    found = evaluate(wrong, point.values, point.sizes)
    assert not np.allclose(found, np.reshape(right, found.shape), rtol=1e-3)


def test_planting_leaves_the_registry_as_it_was() -> None:
    before = dict(REGISTRY)
    scaled(REGISTRY["inv"], negated)
    transposed(REGISTRY["mul"])
    assert REGISTRY == before
    x = apply("exp", number(1))
    assert x.function is before["exp"]
