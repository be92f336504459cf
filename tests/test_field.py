"""Questions as notes, courses and forums type them: the derivative is torch's, or is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matderiv import derive

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "field.jsonl").read_text("utf-8").splitlines()
]
SIZES = {"n": 3, "m": 4, "p": 6, "k": 2, "N": 5, "d": 2, "C": 6, "D": 2, "y": 2}
OTHER = {"bl-augmented": {"d": 3}}  # sizes that follow from those that are numbers
ABSTRACT = {"ab-affine": "A'*∇f(A*x + b)"}  # a function that nobody defines has no values


def sizes_for(row: dict[str, Any]) -> dict[str, int]:
    return {**SIZES, **OTHER.get(row["id"], {})}


def values_for(row: dict[str, Any]) -> dict[str, Any]:
    """Values of the declared names; positive where that is assumed, symmetric where posdef is."""
    rng = np.random.default_rng(4)
    found, numbers = {}, sizes_for(row)
    for name, shape in row["shapes"].items():
        sizes = [s for s in shape.split(",") if s]
        a = rng.normal(size=tuple(numbers.get(s) or int(s) for s in sizes))
        fact = row["assume"].get(name, "")
        a = np.abs(a) + 0.5 if fact == "positive" or name == "p" else a
        found[name] = a @ a.T + np.eye(len(a)) if fact == "posdef" else a
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_question_from_the_field(row: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    how = {"shapes": row["shapes"], "assume": row["assume"], "kind": row["kind"]}
    found = derive(row["input"], row["wrt"], **how)
    if row["id"] in ABSTRACT:
        assert str(found) == ABSTRACT[row["id"]]
        return
    values = values_for(row)
    tensors = {n: torch.tensor(v, dtype=torch.float64) for n, v in values.items()}
    names = {"torch": torch, "lin": torch.linalg}

    def f(x: Any) -> Any:
        return eval(row["torch"], {**names, **tensors, found.wrt.name: x})

    truth = torch.autograd.functional.jacobian(f, tensors[found.wrt.name]).numpy()
    value = found.at({n: v for n, v in values.items() if n in found.names}, sizes_for(row))
    if row["assume"].get(found.wrt.name) == "posdef":
        truth = (truth + truth.T) / 2
    np.testing.assert_allclose(value, truth, rtol=1e-6, atol=1e-8)
