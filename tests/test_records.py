"""Every record is asked the same questions; a new record is tested by being registered."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from record_questions import (
    DIFFERENTIABLE,
    accepts,
    attempts,
    concrete,
    derivative_report,
    questions,
    raw_value,
    records,
    samples,
    shown,
)

from matderiv.errors import ShapeError
from matderiv.expr import REGISTRY, apply
from matderiv.functions.record import Function, register
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.sampling import points
from matderiv.shapes import shape_text
from matderiv.views.reasons import says


def by_name(record: Function) -> str:
    return record.name


every_record = pytest.mark.parametrize("record", records(), ids=by_name)


def test_the_registry_is_full_and_every_record_is_asked_something() -> None:
    assert len(records()) >= 80
    assert all(samples(r) for r in records())
    assert sum(len(questions(r)) for r in records(*DIFFERENTIABLE)) >= 800


@every_record
def test_the_shape_rule_gives_the_shape_of_the_value(record: Function) -> None:
    for node in samples(record):
        for point in points(node, count=2, seed=1):
            expected = concrete(node.shape, point.sizes)
            assert evaluate(node, point.values, point.sizes).shape == expected, shown(node)
            if record.numpy is not None:
                raw = np.shape(raw_value(node, point.values, point.sizes))
                assert [s for s in raw if s != 1] == [s for s in expected if s != 1], shown(node)


@pytest.mark.parametrize("record", records(*DIFFERENTIABLE), ids=by_name)
def test_the_derivative_is_that_of_the_value(record: Function) -> None:
    answered = 0
    for node, k in questions(record):
        report = derivative_report(record, node, k)
        if report is not None:
            answered += 1
            assert report.verdict == "verified", f"{shown(node)}, argument {k}: {report}"
    assert answered


@pytest.mark.parametrize("record", records("shorthand"), ids=by_name)
def test_a_shorthand_equals_what_it_expands_to(record: Function) -> None:
    assert record.expand is not None
    for node in samples(record):
        written = record.expand(*node.args, *node.params)
        assert written.shape == node.shape, shown(node)
        for point in points(node, count=2, seed=2):
            short = evaluate(node, point.values, point.sizes)
            long = evaluate(written, point.values, point.sizes)
            np.testing.assert_allclose(short, long, rtol=1e-10, atol=1e-12)


@every_record
def test_wrong_shapes_are_refused_with_the_sizes(record: Function) -> None:
    for shapes, params in attempts(record):
        if not shapes or accepts(record, shapes, params) or record.call == "like-neighbour":
            continue
        if record.name in ("unvec", "power"):  # asked with too few parameters, or a plain scalar
            continue
        with pytest.raises(ShapeError) as caught:
            record.shape(shapes, params)
        sizes = {str(s) for shape in shapes for s in shape} | {shape_text(s) for s in shapes}
        message = str(caught.value)
        assert any(s in message for s in sizes), f"{record.name}{shapes}: {message}"


@every_record
def test_a_record_says_what_it_does_and_shows_how_it_is_written(record: Function) -> None:
    assert says(record).endswith(".")
    if record.call != "internal":
        assert record.example
    assert "\\\\" not in (record.latex or "")  # a new line in place of a command


def test_names_and_aliases_are_unique() -> None:
    names = Counter([*REGISTRY, *(a for r in REGISTRY.values() for a in r.aliases)])
    assert [n for n, count in names.items() if count > 1] == []


def test_a_record_without_an_answer_or_with_a_taken_name_is_refused() -> None:
    def scalar(*unused: object) -> tuple[int, ...]:
        return ()

    for kind in ("structural", "elementwise", "primitive", "shorthand"):
        with pytest.raises(ValueError, match="says nothing about its derivative"):
            register(Function(name="fresh", kind=kind, rule=scalar, numpy=abs))
    with pytest.raises(ValueError, match="cannot be evaluated"):
        register(Function(name="fresh", kind="constant", rule=scalar))
    with pytest.raises(ValueError, match="has a record already"):
        register(Function(name="exp", kind="constant", rule=scalar, numpy=abs))
    assert "fresh" not in REGISTRY


def test_a_node_refuses_wrong_shapes_when_it_is_built() -> None:
    from record_questions import M, N

    from matderiv.expr import variable

    with pytest.raises(ShapeError, match="cannot multiply m × n by m"):
        apply("mul", variable("A", (M, N)), variable("x", (M,)))
