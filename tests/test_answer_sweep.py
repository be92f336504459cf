"""Thousands of mutated and rewritten answers: no wrong one accepted, no right one rejected.

`-m sweep` runs 20,000 mutants and 30,000 rewritings; the short form runs with every test run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from answer_changes import MUTATIONS, Problem, equal_values, mutants, problems, rewritten

from matderiv.expr import Expr
from matderiv.verification.verifying import verify_asked

SEED = 20_251


@pytest.fixture(scope="module")
def found() -> list[Problem]:
    return problems()


def judge(cases: Iterator[tuple[Problem, str, Expr]]) -> tuple[Counter[str], list[str]]:
    """How often each verdict fell, and the contradictions with plain evaluation."""
    seen: Counter[str] = Counter()
    wrong = []
    for problem, name, e in cases:
        same = equal_values(problem.asked, problem.answer, e)
        verdict = verify_asked(problem.asked, e, diagnosis=False)
        seen[f"{same} {verdict.verdict}"] += 1
        shown = verdict.counterexample
        if same and shown is not None:  # a mask that differs rarely: look at the point itself
            same = equal_values(problem.asked, problem.answer, e, shown)
        if (same is False and verdict.correct) or (same and verdict.correct is False):
            wrong.append(f"{problem.row['expr']} | {problem.row['wrt']} | {name} | {verdict}")
    return seen, wrong


def check_mutants(found: list[Problem], count: int) -> Counter[str]:
    seen, wrong = judge(mutants(found, count, SEED))
    assert not wrong, "\n".join(wrong[:20])
    assert sum(seen.values()) == count
    return seen


def check_rewritten(found: list[Problem], count: int) -> Counter[str]:
    seen, wrong = judge(rewritten(found, count, SEED))
    assert not wrong, "\n".join(wrong[:20])
    assert sum(seen.values()) == count
    return seen


def test_there_are_enough_mutation_operators() -> None:
    assert len(MUTATIONS) >= 25


def test_few_hundred_mutants_are_judged_as_evaluation_judges_them(found: list[Problem]) -> None:
    seen = check_mutants(found, 300)
    assert seen["False disproved"] > 200


def test_few_hundred_rewritings_are_accepted(found: list[Problem]) -> None:
    seen = check_rewritten(found, 200)
    assert seen["True proved"] >= 190


@pytest.mark.sweep
def test_twenty_thousand_mutants_none_accepted(found: list[Problem]) -> None:
    print(check_mutants(found, 20_000))


@pytest.mark.sweep
def test_thirty_thousand_rewritings_none_rejected(found: list[Problem]) -> None:
    print(check_rewritten(found, 30_000))
