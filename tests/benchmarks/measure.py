"""How things are measured: medians, slopes, fresh interpreters, tables."""

from __future__ import annotations

import atexit
import gc
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


def seconds(work: Callable[[], Any], repeat: int = 5) -> float:
    """The least wall-clock time of several runs, garbage collected before each.

    >>> seconds(lambda: sum(range(10))) < 1
    True
    """
    best = math.inf
    for _ in range(repeat):
        gc.collect()
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The exponent p of values ~ sizes^p: least squares in logarithms.

    >>> round(slope([1, 2, 4, 8], [3, 12, 48, 192]), 6)
    2.0
    """
    xs, ys = [math.log(s) for s in sizes], [math.log(max(v, 1e-12)) for v in values]
    return statistics.linear_regression(xs, ys).slope


@cache
def with_bytecode() -> dict[str, str]:
    """The environment of the interpreters that are measured: what they compile is kept.

    Each run of the benchmarks has a place of its own for it, which goes with the run.
    """
    place = tempfile.mkdtemp(prefix="bytecode")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    kept = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": place}


def fresh(program: str, *arguments: str) -> Any:
    """What a program prints as JSON when run in an interpreter of its own."""
    found = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env=with_bytecode(),
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return json.loads(found.stdout.strip().splitlines()[-1])


def wall(command: Sequence[str], repeat: int = 7) -> float:
    """The median wall-clock time of a command in a process of its own, after one that compiles."""
    times = []
    for _ in range(repeat + 1):
        start = time.perf_counter()
        subprocess.run(
            command, cwd=ROOT, env=with_bytecode(), capture_output=True, check=False, timeout=120
        )
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def table(title: str, rows: Sequence[Sequence[Any]]) -> None:
    """Print rows in columns; the first row is the heading."""
    texts = [[f"{c:.3g}" if isinstance(c, float) else str(c) for c in row] for row in rows]
    widths = [max(len(row[k]) for row in texts) for k in range(len(texts[0]))]
    print(f"\n{title}")
    for row in texts:
        print("  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())


def machine() -> str:
    """A line about where this ran."""
    return f"Python {sys.version.split()[0]}, {os.cpu_count()} cores"
