"""What the check at birth costs: derive with it over derive without, and over derive again.

The stored problems, warm, alternating; the control is the same call timed twice. Bar: the median
ratio is at most 2.5.
"""

from __future__ import annotations

import statistics
import time

from problems import Problem, problems

from benchmarks.measure import table
from matderiv.doors.derive import derive

ROUNDS = 5


def once(problem: Problem, check: bool) -> float:
    """The seconds of one derivation."""
    start = time.perf_counter()
    derive(
        problem.expr,
        problem.wrt,
        shapes=problem.shapes,
        assume=problem.assume,
        kind=problem.kind,
        structure=problem.structure,
        check=check,
    )
    return time.perf_counter() - start


def ratios(asked: list[Problem]) -> list[tuple[float, float]]:
    """For each problem: with the check over without, and without over without."""
    found = []
    for problem in asked:
        once(problem, True)
        rounds = [[once(problem, c) for c in (True, False, False)] for _ in range(ROUNDS)]
        checked, plain, again = (min(r[k] for r in rounds) for k in range(3))
        found.append((checked / plain, again / plain))
    return found


def main() -> None:
    """Print the table."""
    found = ratios(problems())
    checked, control = zip(*found, strict=True)
    table(
        f"derive with its check over derive without, {len(found)} problems",
        [
            ("", "median", "90 %", "most"),
            *(
                (name, statistics.median(r), statistics.quantiles(r, n=10)[-1], max(r))
                for name, r in (("with the check", checked), ("control", control))
            ),
        ],
    )
