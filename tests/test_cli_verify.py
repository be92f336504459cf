"""`matderiv verify`: verdict on standard output, exit code 0, 1 or 3."""

from __future__ import annotations

import json
from typing import Any

import pytest

CASES = [
    (("norm2(A*x - b)^2", "x", "2*A'*(A*x - b)", "--shape", "b: m"), 0, "proved"),
    (("norm2(A*x - b)^2", "x", "A'*(A*x - b)", "--shape", "b: m"), 1, "disproved (factor)"),
    (("x'*A*x", "x", "2*A*x"), 1, "disproved (symmetric-shortcut)"),
    (("x'*A*x", "x", "2*A*x", "--assume", "A: symmetric"), 0, "proved"),
    (("-x'*x", "x", "-2*x"), 0, "proved"),
]


@pytest.mark.parametrize(("arguments", "status", "begins"), CASES)
def test_the_verdict_is_printed(run: Any, arguments: Any, status: int, begins: str) -> None:
    found = run("verify", *arguments)
    assert (found.status, found.out.startswith(begins)) == (status, True), found
    assert "Read as" in found.err


def test_a_hint_says_the_kind_of_mistake_only(run: Any) -> None:
    found = run("verify", "x'*x", "x", "-2*x", "--hint", "-q")
    assert (found.status, found.out) == (1, "a sign is wrong\n")


def test_json_has_stable_codes(run: Any) -> None:
    found = run("verify", "x'*x", "x", "-2*x", "--json")
    document = json.loads(found.out)
    assert (found.status, document["verdict"], document["diagnosis"]) == (1, "disproved", "sign")
    assert document["counterexample"]["seed"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("x'*x", "x"), "2 of 3 are given"),
        (("x'*x", "x", ""), "the answer is empty"),
        (("x'*x", "x", "2*y"), "has the name y"),
        (("x'*x", "x", "2*"), "expected an operand"),
    ],
)
def test_bad_answers_are_usage_errors(run: Any, arguments: Any, said: str) -> None:
    found = run("verify", *arguments)
    assert (found.status, found.out, said in found.err) == (2, "", True), found
