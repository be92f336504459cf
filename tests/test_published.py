"""Formulas of published tables and of the frontier: right in numbers, or refused by name.

The truths are weighted sums of derivatives that another library found by automatic differentiation,
stored as numbers; formulas without one are compared with differences of f by the engine's check.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matderiv import Derivation, derive, verify
from matderiv.errors import MatderivError

DATA = Path(__file__).parent / "data"
ROWS = {
    name: [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text("utf-8").splitlines()]
    for name in ("published", "frontier")
}
UNREAD = {name: (DATA / f"{name}_refused.txt").read_text("utf-8").split() for name in ROWS}


def derived(row: dict[str, Any]) -> Derivation:
    """The derivative that a row asks for."""
    how = {k: row[k] for k in ("assume", "kind", "order", "structure") if k in row}
    return derive(row["expr"], row["wrt"], shapes=row["shapes"], **how)


def weighted(value: Any) -> float:
    """The sum of the entries with weights that no two share."""
    flat = np.ravel(value)
    return float(flat @ np.cos(1.0 + np.arange(flat.size)))


@pytest.mark.parametrize(
    ("name", "row"),
    [(n, r) for n, rows in ROWS.items() for r in rows],
    ids=lambda v: v if isinstance(v, str) else v["id"],
)
def test_a_published_formula(name: str, row: dict[str, Any]) -> None:
    if row["id"] in UNREAD[name]:
        with pytest.raises(MatderivError):
            derived(row)
        return
    found = derived(row)
    assert found.checked is not None
    assert found.checked.verdict != "disproved"
    if "truth" in row:
        named = {v.name for v in found.reading.variables.values()} | found.names
        values = {n: np.array(v) for n, v in row["values"].items() if n in named}
        label = row["id"] == "ix-ce-label"  # y counts the entries of z
        value = found.at(values, {"n": 3, "y": 2}) if label else found.evaluate(values)
        at = weighted(value)
        assert at == pytest.approx(row["truth"], rel=1e-6, abs=1e-7 * (1 + row["size"]))
    try:
        how = {k: row[k] for k in ("assume", "kind", "order", "structure") if k in row}
        verdict = verify(
            row["expr"], row["wrt"], row.get("table", ""), shapes=row["shapes"],
            diagnosis=False, **how,
        )  # fmt: skip
    except MatderivError:
        return  # the table writes it in words
    assert verdict.correct is not False


def test_most_published_formulas_are_derived() -> None:
    left = len(UNREAD["published"])
    assert left <= 0.13 * len(ROWS["published"])
