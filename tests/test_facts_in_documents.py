"""A fact counts where a sentence says it, and from there on."""

from __future__ import annotations

import pytest
from test_whole_documents import states

F = "Let $f(x) = \\frac12 x^\\top A x$"
EQUAL = "\n$$A = A^\\top{}$$\n"
CLAIM = "\n$$\\nabla f = Ax$$\n"
AFFIRMED = [
    (". Suppose that", "."),
    (" with", ".\n$$ $$\nThen"),
    (" where", ",\n"),
    (". Since", ","),
    (". Assume that", ""),
]
DENIED = [
    " without assuming",
    ". It is not true in general that",
    ". We do not assume",
    ". Here $A$ is any matrix, not satisfying",
    ". It would be wrong to use",
    ". It is not the case that",
    ". If we had",
    ". For example, if",
    ". Unless",
    ". When is",
]


@pytest.mark.parametrize("words", DENIED)
@pytest.mark.parametrize("end", [".", ",", ""])
def test_a_fact_that_a_sentence_denies_or_supposes_makes_no_line_right(
    words: str, end: str
) -> None:
    text = F + words + EQUAL.replace("{}", end) + "In general," + CLAIM
    found = states(text, "md")
    assert not any("ok" in said for said in found.values()), found


@pytest.mark.parametrize(("words", "end"), AFFIRMED)
def test_a_fact_that_a_sentence_affirms_counts(words: str, end: str) -> None:
    text = F + words + EQUAL.replace("{}", end[:1].strip("\n")) + "we have" + CLAIM
    found = states(text, "md")
    assert {"ok"} in found.values(), found
    assert not any("wrong" in said for said in found.values()), found


@pytest.mark.parametrize(
    "later", ["From now on let $A$ be symmetric.", "(b) Now let\n$$A=A^\\top.$$"]
)
def test_a_fact_counts_from_its_place_on(later: str) -> None:
    found = states(f"{F}.{CLAIM}\n{later}{CLAIM}", "md")
    lines = sorted(found)
    assert "ok" not in found[lines[1]]
    assert "ok" in found[lines[-1]]


def test_the_reason_of_a_line_may_stand_behind_it() -> None:
    for reason in ("because $A$ is symmetric.", "since\n$$A=A^\\top.$$"):
        found = states(f"{F}. We have{CLAIM}{reason}", "md")
        assert "ok" in found[2]
