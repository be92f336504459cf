"""Growth with depth: seconds, size of the result and peak memory of derivatives by first weights.

Bars: slope in log-log at most 1.15 for time and size, 512 layers under 2 s and under 300 MB. The
same slopes and memory hold for the formulas of `WRITTEN`, which are typed as people type them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.measure import fresh, slope, table
from benchmarks.networks import LAYERS, NETWORKS

FROM = 16  # constant costs hide the slope below
PROGRAM = """
import json, resource, sys, time
from pathlib import Path
sys.path.insert(0, "tests")
from benchmarks.networks import NETWORKS
from matderiv.doors.derive import derive
from matderiv.expr import walk
warm, _ = NETWORKS["tanh chain"](2), derive("sum(tanh(A*x))", "x")
str(derive(*warm))
name, layers = sys.argv[1], int(sys.argv[2])
f, x = NETWORKS[name](layers)
start = time.perf_counter()
found = derive(f, x)
derived = time.perf_counter() - start
text = str(found)
printed = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
status = Path("/proc/self/status")  # ru_maxrss may be the parent's, from before exec
if status.exists():
    peak = next(int(t.split()[1]) for t in status.read_text().splitlines() if "VmHWM" in t) / 1024
nodes = sum(1 for _ in walk(found.displayed))
print(json.dumps([derived, printed, nodes, len(text), peak]))
"""


@dataclass(frozen=True)
class Growth:
    """One kind of network over all depths."""

    name: str
    layers: tuple[int, ...]
    derived: tuple[float, ...]
    printed: tuple[float, ...]
    nodes: tuple[int, ...]
    letters: tuple[int, ...]
    megabytes: tuple[float, ...]

    def slopes(self) -> dict[str, float]:
        """Exponents of time (derive, derive and print) and of size (nodes, letters)."""
        big = [k for k, n in enumerate(self.layers) if n >= FROM]
        layers = [self.layers[k] for k in big]

        def of(values: tuple[float, ...]) -> float:
            return slope(layers, [values[k] for k in big])

        return {
            "derive": of(self.derived),
            "print": of(self.printed),
            "nodes": of(tuple(map(float, self.nodes))),
            "letters": of(tuple(map(float, self.letters))),
        }


def grown(name: str, layers: tuple[int, ...] = LAYERS, repeat: int = 2) -> Growth:
    """Measure one kind of network; each depth in an interpreter of its own."""
    found = []
    for n in layers:
        runs = [fresh(PROGRAM, name, str(n)) for _ in range(repeat)]
        found.append([min(column) for column in zip(*runs, strict=True)])
    columns = [tuple(column) for column in zip(*found, strict=True)]
    return Growth(name, layers, *columns)


# Formulas that are typed --------------------------------------------------------------------------

Question = tuple[str, Any, dict[str, str], int]
"""A formula, the variable or variables, shapes, the order."""
TYPED = """
import json, re, sys, time
from pathlib import Path
from matderiv.doors.derive import derive
from matderiv.doors.gradients import value_and_gradients
f, wrt, shapes, order = json.loads(sys.argv[1])
str(derive("sum(tanh(A*x))", "x"))
start = time.process_time()
if isinstance(wrt, list):
    found = value_and_gradients(f, wrt, shapes=shapes)
    text = found.code("numpy")
else:
    text = str(derive(f, wrt, shapes=shapes, order=order))
letters = len(re.sub(r"\\w+", "w", text))  # names of more things need more letters
seconds = time.process_time() - start
status = Path("/proc/self/status")
peak = 0
if status.exists():
    peak = next(int(t.split()[1]) for t in status.read_text().splitlines() if "VmHWM" in t) / 1024
print(json.dumps([seconds, letters, peak]))
"""


def layered(steps: int, step: str, last: str, first: str = "x") -> str:
    """A formula with a named part for each step; k is the step, h what the step before gives."""
    names = [first, *(f"h{k}" for k in range(1, steps + 1))]
    parts = [f"h{k} = {step.format(k=k, h=names[k - 1])}" for k in range(1, steps + 1)]
    return f"{last.format(h=names[-1])} where {'; '.join(parts)}"


def weights_of(steps: int, names: str, **further: str) -> dict[str, str]:
    """Square matrices for each step, and other shapes."""
    each = {f"{name}{k}": "n,n" for name in names for k in range(1, steps + 1)}
    return {**each, **further}


def _net(steps: int) -> Question:
    f = layered(steps, "tanh(W{k}*{h})", "norm2({h} - y)^2")
    return f, "W1", weights_of(steps, "W", x="n", y="n"), 1


def _all_weights(steps: int) -> Question:
    f, _, shapes, order = _net(steps)
    return f, [f"W{k}" for k in range(1, steps + 1)], shapes, order


def _hessian(steps: int) -> Question:
    f = layered(steps, "tanh(W{k}*{h})", "sum({h})")
    return f, "x", weights_of(steps, "W", x="n"), 2


def _residual(steps: int) -> Question:
    f = layered(steps, "{h} + V{k}*relu(W{k}*{h})", "norm2({h} - y)^2")
    return f, "W1", weights_of(steps, "VW", x="n", y="n"), 1


def _transformer(steps: int) -> Question:
    step = "{h} + softmax({h}*Q{k}*({h}*K{k})', 2)*{h}*V{k}"
    return (
        layered(steps, step, "sum({h}.*Y)", "X"),
        "Q1",
        weights_of(steps, "QKV", X="m,n", Y="m,n"),
        1,
    )


def _recurrent(steps: int) -> Question:
    f = layered(steps, "tanh(W*{h} + U*x{k})", "norm2({h} - y)^2", "h0")
    inputs = {f"x{k}": "d" for k in range(1, steps + 1)}
    return f, "W", {"W": "n,n", "U": "n,d", "h0": "n", "y": "n", **inputs}, 1


def _powers(steps: int) -> Question:
    f = layered(steps, "A*{h}/norm2(A*{h})", "{h}'*A*{h}")
    return f, "A", {"A": "n,n", "x": "n"}, 1


def _squares(steps: int) -> Question:
    f = layered(steps, "{h}*{h}/norm2({h})", "tr({h})", "X")
    return f, "X", {"X": "n,n"}, 1


def _terms(count: int) -> Question:
    names = [f"a{k}" for k in range(count)]
    f = " + ".join(f"sin({a}'*x)" for a in names)
    return f, "x", {"x": "n", **dict.fromkeys(names, "n")}, 1


WRITTEN: dict[str, tuple[Callable[[int], Question], tuple[int, ...]]] = {
    "net": (_net, (16, 32, 64, 128, 256)),
    "net, all weights": (_all_weights, (32, 64, 128, 256)),
    "Hessian of a net": (_hessian, (8, 16, 32, 64)),
    "residual": (_residual, (16, 32, 64, 128)),
    "transformer": (_transformer, (8, 16, 32, 64)),
    "recurrent": (_recurrent, (16, 32, 64, 128, 256)),
    "power steps": (_powers, (16, 32, 64)),
    "squares": (_squares, (16, 24, 32)),  # X^(2^64) says nothing in numbers
    "terms": (_terms, (125, 250, 500, 1000)),
}


def typed(name: str, repeat: int = 2) -> dict[str, float]:
    """Slopes of time and letters of one kind of formula over doublings, and its peak memory."""
    make, sizes = WRITTEN[name]
    runs = [[fresh(TYPED, json.dumps(make(n))) for _ in range(repeat)] for n in sizes]
    seconds, letters, peak = zip(
        *([min(c) for c in zip(*r, strict=True)] for r in runs), strict=True
    )
    return {
        "time": slope(sizes, seconds),
        "letters": slope(sizes, letters),
        "seconds of the largest": seconds[-1],
        "MB": max(peak),
    }


def main() -> None:
    """Print a table for each kind of network."""
    for name in NETWORKS:
        g = grown(name)
        rows: list[tuple[object, ...]] = [
            ("layers", "derive s", "derive and print s", "nodes", "letters", "peak MB")
        ]
        rows += list(
            zip(g.layers, g.derived, g.printed, g.nodes, g.letters, g.megabytes, strict=True)
        )
        slopes = ", ".join(f"{what} {value:.2f}" for what, value in g.slopes().items())
        table(f"{name}: slopes from {FROM} layers: {slopes}", rows)
    rows = [("formula", "slope of time", "of letters", "s of the largest", "peak MB")]
    rows += [(name, *typed(name).values()) for name in WRITTEN]
    table("formulas as typed, doublings", rows)


if __name__ == "__main__":
    main()
