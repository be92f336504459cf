"""Random derivatives with random facts, structures, kinds and orders have the true values."""

from __future__ import annotations

import warnings
from collections import Counter

import pytest
from derive_sweep import outcome, torch_reader

WRONG = ("wrong", "untrue", "crash", "printed", "slow")
CHUNK, SEEDS = 1000, 20_000
# Without torch points within reach of differences from a kink decide nothing.


def counted(first: int, last: int, *, check: bool) -> Counter[str]:
    """What came of a range of seeds; a test fails with the first one that is wrong."""
    counts: Counter[str] = Counter()
    for seed in range(first, last):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            verdict, question, more = outcome(seed, check=check)
        assert verdict not in WRONG, f"{verdict}, seed {question}: {more[:2000]}"
        counts[verdict] += 1
    print(f"seeds {first} to {last - 1}: {dict(counts)}")
    return counts


def test_random_derivatives_are_true():
    counts = counted(0, 150, check=False)
    assert counts["right"] > (140 if torch_reader else 130)
    assert counts["refused"] <= 3


def test_random_derivatives_with_their_check_at_birth():
    counts = counted(150, 180, check=True)
    assert counts["right"] >= (26 if torch_reader else 24)
    assert not counts["wrong"] + counts["crash"]


@pytest.mark.sweep
@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_many_random_derivatives_are_true(first):
    counts = counted(first, first + CHUNK, check=False)
    assert counts["refused"] <= CHUNK // 50


@pytest.mark.sweep
def test_many_random_derivatives_with_their_check_at_birth():
    counts = counted(0, 2 * CHUNK, check=True)
    assert counts["refused"] <= CHUNK // 25
    assert counts["undecided"] <= CHUNK // 50
