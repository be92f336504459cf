"""Where the time of a derivation goes, and how it grows with the number of terms.

Raising and simplifying is what happens in the modules that turn index products into notation.
"""

from __future__ import annotations

import cProfile
import pstats
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from problems import problems

from benchmarks.measure import seconds, slope, table
from benchmarks.networks import SUMS
from matderiv.doors.derive import derive

TERMS = (1, 10, 30, 100, 300, 1000)
FROM = 30
STAGES = {
    "reading": ("input/",),
    "raising and simplifying": ("words/", "reducing/", "choosing/", "calculus/recognise"),
    "lowering and differentiating": ("tensors/", "calculus/"),
    "building expressions": ("expr", "functions/", "shapes"),
    "printing": ("output/", "doors/"),
}
"""Files and folders of each stage; the first stage that fits counts."""


def stage_of(filename: str) -> str:
    """The stage that a file belongs to."""
    parts = Path(filename).parts
    if "matderiv" not in parts:
        return "library"
    inside = "/".join(parts[len(parts) - 1 - parts[::-1].index("matderiv") + 1 :])
    for stage, names in STAGES.items():
        if any(inside == f"{n}.py" or (n.endswith("/") and inside.startswith(n)) for n in names):
            return stage
    return "other"


def shares(work: Callable[[], Any]) -> Counter[str]:
    """The part of the time spent in each stage: built-ins count for their callers."""
    profile = cProfile.Profile()
    profile.runcall(work)
    found: Counter[str] = Counter()
    stats: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    for (filename, _, _), (_, _, own, _, callers) in stats.items():
        if stage_of(filename) != "library" or not callers:
            found[stage_of(filename)] += own
            continue
        for (caller, _, _), (_, _, spent, _) in callers.items():
            found[stage_of(caller)] += spent
    total = sum(found.values())
    return Counter({stage: spent / total for stage, spent in found.items()})


def all_problems() -> None:
    """Derive and print every stored problem."""
    for problem in problems():
        str(problem.derivation())


def growth(name: str, terms: tuple[int, ...] = TERMS) -> list[float]:
    """Seconds to derive and print a sum of so many terms."""
    taken = []
    for n in terms:
        f, x = SUMS[name](n)
        taken.append(seconds(lambda f=f, x=x: str(derive(f, x)), repeat=2))
    return taken


def main() -> None:
    """Print the tables."""
    all_problems()
    parts = shares(all_problems)
    table(
        f"shares of the time to derive {len(problems())} problems",
        [("stage", "share"), *parts.most_common()],
    )
    rows: list[tuple[object, ...]] = [("terms", *TERMS, f"slope from {FROM}")]
    for name in SUMS:
        taken = growth(name)
        big = [k for k, n in enumerate(TERMS) if n >= FROM]
        rows.append((f"{name} s", *taken, slope([TERMS[k] for k in big], [taken[k] for k in big])))
    table("growth with the number of terms", rows)


if __name__ == "__main__":
    main()
