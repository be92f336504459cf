"""All measurements: `python -m tests.benchmarks`, or some: `python -m tests.benchmarks growth`."""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from pathlib import Path

TABLES = (
    *("against_sympy", "growth", "start", "share", "programs", "hessians", "views", "checks"),
    "page",
)


def main(names: list[str]) -> int:
    """Print the tables asked for, or all."""
    tests = str(Path(__file__).parent.parent)
    sys.path[:0] = [tests, str(Path(tests).parent)]
    unknown = [n for n in names if n not in TABLES]
    if unknown:
        print(f"unknown: {' '.join(unknown)}; there are {' '.join(TABLES)}", file=sys.stderr)
        return 2
    warnings.simplefilter("ignore")
    for name in ("OMP", "OPENBLAS", "MKL"):
        os.environ[f"{name}_NUM_THREADS"] = "1"
    for name in [n for n in os.environ if n.endswith("CORETYPE") or n.endswith("CPU_TYPE")]:
        del os.environ[name]
    print(import_module("benchmarks.measure").machine())
    for name in names or TABLES:
        import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
