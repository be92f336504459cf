"""The stored problems: expressions with truth computed elsewhere, at points of unequal sizes.

`tests/data/NAME.jsonl` holds the problems, `points_NAME.npz` two points for each: values of the
variables, sizes (`#n`) and the true derivative (`=truth`), computed by automatic differentiation.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from matderiv.doors.derive import Derivation, derive

HERE = Path(__file__).parent / "data"
NAMES = ("algebra", "ml")
STRUCTURED = ("symmetric", "posdef", "diagonal")


@dataclass(frozen=True)
class Point:
    """Values, sizes and the true derivative there."""

    values: dict[str, Any]
    sizes: dict[str, int]
    truth: Any


@dataclass(frozen=True)
class Problem:
    """One stored problem."""

    id: str
    expr: str
    wrt: str
    kind: str
    shapes: dict[str, str]
    assume: dict[str, str]
    tags: tuple[str, ...]
    answer: str | None
    answer_vec: str | None
    points: tuple[Point, ...]

    @property
    def structure(self) -> str:
        """Free entries where the problem says so, else the unconstrained derivative."""
        if "structured" in self.tags:
            return "independent"
        return "none" if self.assume.get(self.wrt) in STRUCTURED else "projected"

    def derivation(self) -> Derivation:
        """What matderiv says."""
        found: Derivation = derive(
            self.expr,
            self.wrt,
            shapes=self.shapes,
            assume=self.assume,
            kind=self.kind,
            structure=self.structure,
        )
        return found

    def vec_truth(self, point: Point) -> Any:
        """The truth as ∂vec(f)/∂vec(x)', columns stacked on both sides."""
        inner = len(self.shapes[self.wrt].split(",")) if self.shapes[self.wrt] else 0
        outer = point.truth.ndim - inner
        f, x = range(outer), range(outer, point.truth.ndim)
        stacked = point.truth.transpose([*reversed(f), *reversed(x)])
        rows = int(np.prod(point.truth.shape[:outer], dtype=int))
        return stacked.reshape(rows, -1)


@cache
def problems() -> list[Problem]:
    """All stored problems, in order."""
    return [p for name in NAMES for p in _stored(name)]


def _stored(name: str) -> list[Problem]:
    points: dict[str, dict[str, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
    with np.load(HERE / f"points_{name}.npz") as arrays:
        for key in arrays.files:
            problem, which, what = key.split("|", 2)
            points[problem][which][what] = arrays[key]
    lines = (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [_problem(json.loads(line), points) for line in lines if line.strip()]


def _problem(case: dict[str, Any], points: Any) -> Problem:
    return Problem(
        id=case["id"],
        expr=case["expr"],
        wrt=case["wrt"],
        kind=case["kind"],
        shapes=case["shapes"],
        assume=dict(case.get("assume") or {}),
        tags=tuple(case["tags"]),
        answer=case["answer"],
        answer_vec=case.get("answer_vec"),
        points=tuple(_point(points[case["id"]][k]) for k in sorted(points[case["id"]])),
    )


def _point(stored: dict[str, Any]) -> Point:
    return Point(
        values={k: v for k, v in stored.items() if k[0] not in "#="},
        sizes={k[1:]: int(v) for k, v in stored.items() if k[0] == "#"},
        truth=stored["=truth"],
    )
