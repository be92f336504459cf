"""What it costs to tell a derivation: each view with every line evaluated, against the derivation.

Bars: the chain view at most 5 derivations in the median, 64 layers told and printed under 1 s.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from goldens import VIEWS
from problems import problems

from benchmarks.measure import table
from benchmarks.networks import chain as network
from matderiv.doors.derive import Derivation, derive
from matderiv.output.documents.text import document_text

ROUNDS = 3
LAYERS = (16, 64, 256)
BUDGET = 5


class Ratio(NamedTuple):
    """A problem, the seconds of its derivation, and those of a view."""

    problem: str
    derived: float
    told: float

    @property
    def ratio(self) -> float:
        """The view in derivations."""
        return self.told / self.derived


def told(derivation: Callable[[], Derivation], view: Callable[..., Any]) -> float:
    """The least seconds of a view of a derivation that was never told before."""
    times = []
    for _ in range(ROUNDS):
        d = derivation()
        times.append(spent(lambda d=d: view(d)))  # type: ignore[misc]
    return min(times)


def spent(work: Callable[[], Any]) -> float:
    """The processor time of one run, which other programs on the machine do not change."""
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


def ratios(view: Callable[..., Any]) -> list[Ratio]:
    """Every stored problem, the dearest first."""
    found = []
    for p in problems():
        view(p.derivation())
        found.append(
            Ratio(p.id, min(spent(p.derivation) for _ in range(ROUNDS)), told(p.derivation, view))
        )
    return sorted(found, key=lambda r: -r.ratio)


def deep(layers: int, view: Callable[..., Any]) -> float:
    """The seconds in which a network of so many layers is told and printed."""
    f, first = network(layers)
    d = derive(f, first)
    return min(spent(lambda: document_text(view(d))) for _ in range(2))


def main() -> None:
    """Print the tables."""
    heading = ("view", "median", "90 %", "largest", f"over {BUDGET}", "of", "dearest")
    rows: list[tuple[Any, ...]] = []
    for name, view in VIEWS.items():
        found = ratios(view)
        each = [r.ratio for r in found]
        over = sum(r > BUDGET for r in each)
        tenth = sorted(each)[len(each) * 9 // 10]
        dearest = " ".join(r.problem for r in found[:3])
        rows.append((name, statistics.median(each), tenth, each[0], over, len(each), dearest))
    table("views with every line evaluated, in derivations", [heading, *rows])
    layers = [(name, *(deep(n, view) for n in LAYERS)) for name, view in VIEWS.items()]
    heading = ("view", *(f"{n} layers s" for n in LAYERS))
    table("networks of tanh layers, told and printed", [heading, *layers])


if __name__ == "__main__":
    main()
