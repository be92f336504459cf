"""Never misread: questions in many spellings, without any declared kind, mean what was meant.

The truth is NumPy's value of the tree that was printed, and differences of it.
"""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pytest
from spelled_questions import gradient, question

from matderiv import derive
from matderiv.errors import MatderivError

SAMPLE, SEEDS, CHUNK = 120, 20_000, 1000
READ = 0.9  # of all questions


def outcome(seed: int) -> str:
    """Right, refused, or skipped because the question has no moderate gradient; else it fails."""
    asked = question(seed)
    values = asked.values(seed)
    with np.errstate(all="ignore"):
        truth = gradient(asked, values)
    if not np.isfinite(truth).all() or np.abs(truth).max() > 1e6:
        return "skipped"
    try:
        found = derive(asked.typed, asked.by)
    except MatderivError:
        return "refused"
    about = (seed, asked.spelling, asked.typed, asked.by, str(found), found.notes)
    try:
        value = found.evaluate({n: v for n, v in values.items() if n in found.names})
    except MatderivError as error:
        raise AssertionError((*about, error.message)) from error
    assert value.shape == truth.shape, about
    assert np.abs(value - truth).max() <= 1e-4 * (1e-3 + np.abs(truth).max()), about
    return "right"


def counted(first: int, last: int) -> Counter[str]:
    """The outcomes of some seeds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Counter(outcome(seed) for seed in range(first, last))


def test_what_is_read_is_what_was_meant() -> None:
    counts = counted(0, SAMPLE)
    assert counts["right"] >= READ * (SAMPLE - counts["skipped"])


@pytest.mark.sweep
@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_what_is_read_of_many_questions_is_what_was_meant(first: int) -> None:
    counts = counted(first, first + CHUNK)
    assert counts["right"] >= READ * (CHUNK - counts["skipped"])
