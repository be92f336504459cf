"""Growth with depth: seconds, size of the result and peak memory of derivatives by first weights.

Bars: slope in log-log at most 1.15 for time and size, 512 layers under 2 s and under 300 MB.
"""

from __future__ import annotations

from dataclasses import dataclass

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


if __name__ == "__main__":
    main()
