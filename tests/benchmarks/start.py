"""Starting: what help and a parse error import, the first derivation from the shell and from SymPy.

Bars: neither SymPy nor NumPy; at most 1.5 times `python -c "import sympy, numpy"`; from SymPy at
most 1.15 times `import sympy`. What is compiled is kept from one process to the next.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.measure import fresh, table, wall

PROGRAM = """
import json, sys
from matderiv.cli import main
main(sys.argv[1:])
print()
print(json.dumps(sorted({"numpy", "sympy", "mpmath"} & set(sys.modules))))
"""
LOGISTIC = "sum(log(1 + exp(-y.*(X*w))))"
LIGHT = {
    "--help": ["--help"],
    "--version": ["--version"],
    "derive --help": ["derive", "--help"],
    "rules": ["rules"],
    "parse error": ["derive", "x +", "x"],
    "shape error": ["derive", "A*x + B*y + x'", "x", "--shape", "A: 2,3", "--shape", "x: 4"],
    "unknown function": ["derive", "sofmax(x)", "x"],
}
FROM_SYMPY = """
import sympy
import matderiv as md
n = sympy.Symbol("n")
A, x = sympy.MatrixSymbol("A", n, n), sympy.MatrixSymbol("x", n, 1)
print(md.derive((x.T * A * x)[0, 0], x))
"""
FIRST = {
    "derive, checked": ["derive", LOGISTIC, "w"],
    "derive --no-check": ["derive", LOGISTIC, "w", "--no-check"],
}


def program(arguments: Sequence[str]) -> list[str]:
    """The command with this interpreter."""
    return [sys.executable, "-m", "matderiv", *arguments]


def heavy_imports(arguments: Sequence[str]) -> list[str]:
    """The heavy libraries that are loaded when a command ends."""
    found: list[str] = fresh(PROGRAM, *arguments)
    return found


def reference() -> float:
    """The time of importing the heavy libraries alone."""
    return wall([sys.executable, "-c", "import sympy, numpy"])


def main() -> None:
    """Print the table."""
    base = reference()
    rows: list[tuple[object, ...]] = [("command", "seconds", "of the reference", "imports")]
    rows.append(("import sympy, numpy", base, 1.0, "numpy sympy"))
    for name, arguments in {**LIGHT, **FIRST}.items():
        took = wall(program(arguments))
        rows.append((name, took, took / base, " ".join(heavy_imports(arguments)) or "-"))
    alone = wall([sys.executable, "-c", "import sympy"])
    took = wall([sys.executable, "-c", FROM_SYMPY])
    rows += [("import sympy", alone, alone / base, "sympy")]
    rows += [("first from SymPy, of import sympy", took, took / alone, "numpy sympy")]
    table("start, median seconds of a new process", rows)


if __name__ == "__main__":
    main()
