"""Parts of an axis: sizes leave room for them, and answers count places as the question does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from matderiv import derive, verify
from matderiv.errors import ShapeError, UnknownName
from matderiv.page.replies import reply


@pytest.mark.parametrize(
    ("f", "by", "answer", "right"),
    [
        ("a^2*x[2]", "a", "2*a*x[2]", True),
        ("a^2*x[2]", "a", "2*a*x[1]", False),
        ("y'*x[1:3]", "y", "x[1:3]", True),
        ("y'*x[1:3]", "y", "x[2:4]", False),
        ("np.sum(a**2*x[2])", "a", "2*a*x[2]", True),
        ("np.sum(a**2*x[2])", "a", "2*a*x[1]", False),
        ("y @ x[1:3]", "y", "x[1:3]", True),
        ("sum(x[1:3].^2)", "x", "2*x", False),
        ("x[1:k]'*x[1:k]", "x", "2*x", False),
        ("x[k+1:n]'*y", "x", "[zeros(k,1); y]", True),
        ("x[k+1:n]'*y", "x", "[y; zeros(k,1)]", False),
    ],
)
def test_an_answer_counts_places_as_its_question(f: str, by: str, answer: str, right: bool) -> None:
    assert verify(f, by, answer, diagnosis=False).correct is right


@pytest.mark.parametrize(
    ("f", "given", "kept"),
    [
        ("sum(x[1:3].^2)", {}, slice(0, 3)),
        ("sum(x[k:n].^2)", {"k": 3}, slice(2, 7)),
        ("sum(x[2:k].^2)", {}, slice(1, 7)),
    ],
)
def test_the_derivative_by_a_part_is_zero_outside_of_it(
    f: str, given: dict[str, int], kept: slice
) -> None:
    x = np.arange(1.0, 8.0)
    expected = np.zeros(7)
    expected[kept] = 2 * x[kept]
    assert np.allclose(np.squeeze(derive(f, "x").evaluate({"x": x, **given})), expected)


def test_a_page_shows_the_derivative_by_a_part() -> None:
    assert "error" not in reply({"ask": "derive", "f": "x[k:n]'*x[k:n]", "by": "x"})


ONE_SIZE: list[tuple[str, str, dict[str, Any], str]] = [
    ("x[1:2]'*w", "x", {"x": "n", "w": "k"}, "the size k is 2"),
    ("sum(W*[x; h])", "x", {"W": "p,7", "x": "n", "h": "m"}, "the size m+n is 7"),
    ("norm2([X ones(N)]*w - y)^2", "w", {"X": "N,d", "w": "4"}, "the size d+1 is 4"),
    ("sum(A*x)", "x", {"A": "3,4", "x": "n"}, "the size n is 4"),
    ("sum(x)/n + sum(x + ones(3))", "x", {"x": "n"}, "the size n is 3"),
]


@pytest.mark.parametrize(("formula", "wrt", "shapes", "said"), ONE_SIZE)
def test_a_size_that_has_to_be_a_number_is_it_and_this_is_said(
    formula: str, wrt: str, shapes: dict[str, Any], said: str
) -> None:
    found = derive(formula, wrt, shapes=shapes)
    assert found.notes[0] == said
    assert found.check().verdict == "verified"


@pytest.mark.parametrize(
    ("formula", "shapes"), [("A*x", {"A": "n,m", "x": "n"}), ("A*x + y", {"A": "3,4", "y": "4"})]
)
def test_two_names_and_two_numbers_are_never_one_size(formula: str, shapes: dict[str, Any]) -> None:
    with pytest.raises(ShapeError):
        derive(formula, "x", shapes=shapes)


def test_an_answer_gives_a_size_no_number() -> None:
    assert verify("sum(x)", "x", "ones(3)", shapes={"x": "n"}).correct is False


@pytest.mark.parametrize(("answer", "place"), [("x_y", "y"), ("x[1:k]", "k"), ("x[k:n]", "k")])
def test_a_place_that_nobody_declared_is_told_by_its_name(answer: str, place: str) -> None:
    with pytest.raises(UnknownName, match=rf"\b{place}, which the expression does not have"):
        verify("y'*x", "x", answer)
