"""Every stored problem: the value, the printed result, the vec form, and reading back.

Truth was computed elsewhere and stored; what was printed is read by `reader`, which shares no code
with matderiv.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reader
from problems import Problem, problems

from matderiv.input.resolve import read

LEAST = 180  # fewer problems than this means that the files were not read


def by_id(problem: Problem) -> str:
    return problem.id


every_problem = pytest.mark.parametrize("problem", problems(), ids=by_id)


def assert_same(found: Any, truth: Any, message: str) -> None:
    found = np.asarray(found, float)
    scale = max(1.0, float(np.max(np.abs(truth), initial=0)))
    assert found.shape == truth.shape, message
    assert np.allclose(found, truth, rtol=1e-7, atol=1e-8 * scale), message


def written(found: Any, truth: Any) -> tuple[Any, Any]:
    """Text has no types: axes of size 1 vanish, and 0 is a zero of any shape."""
    found, truth = np.squeeze(np.asarray(found, float)), np.squeeze(truth)
    return (np.zeros_like(truth) if not found.shape and not found else found), truth


def test_the_problems_are_there() -> None:
    assert len(problems()) >= LEAST
    assert len({p.id for p in problems()}) == len(problems())
    assert all(len(p.points) == 2 for p in problems())
    assert sum(p.answer_vec is not None for p in problems()) >= 10


@every_problem
def test_the_value_is_right(problem: Problem) -> None:
    derivation = problem.derivation()
    for point in problem.points:
        found = np.asarray(derivation.evaluate(point.values))
        if "row-vector" in problem.tags:
            found = found.reshape(point.truth.shape)
        assert_same(found, point.truth, f"{problem.expr} by {problem.wrt}: {derivation}")


@pytest.mark.parametrize("problem", [p for p in problems() if p.answer], ids=by_id)
def test_the_printed_result_is_right(problem: Problem) -> None:
    derivation = problem.derivation()
    assert derivation.has_matrix_form
    for point in problem.points:
        found = reader.value(str(derivation), point.values, point.sizes)
        assert_same(*written(found, point.truth), str(derivation))


@every_problem
def test_the_vec_form_is_right_where_there_is_one(problem: Problem) -> None:
    derivation = problem.derivation()
    text = derivation.vec_text
    assert text is not None or not problem.answer_vec
    for point in problem.points if text is not None else ():
        truth = problem.vec_truth(point)
        found = reader.value(text or "", point.values, point.sizes)
        assert_same(*written(found, truth), f"{problem.expr} by {problem.wrt}: {text}")


@every_problem
def test_the_printed_result_reads_back(problem: Problem) -> None:
    derivation = problem.derivation()
    if derivation.has_matrix_form:
        back = read(str(derivation), shapes=problem.shapes, assume=problem.assume)
        assert back.expr is derivation.displayed, f"{derivation} reads as {back.read_as}"


def test_most_problems_have_the_forms_that_are_looked_at() -> None:
    derivations = [p.derivation() for p in problems()]
    assert sum(d.has_matrix_form for d in derivations) >= 0.8 * len(derivations)
    assert sum(d.vec_text is not None for d in derivations) >= 0.2 * len(derivations)


def test_the_reader_notices_a_planted_mistake() -> None:
    for problem in [p for p in problems() if p.answer and p.answer != "0"]:
        point = problem.points[0]
        wrong = reader.value(f"-1.0001*({problem.answer})", point.values, point.sizes)
        found, truth = written(wrong, point.truth)
        if np.any(truth):
            assert not np.allclose(found, truth, rtol=1e-5, atol=0), problem.id
