"""Formulas as people type them have the derivative that PyTorch finds for what is meant.

`data/readings.jsonl` has the formula, what it is derived by, the meaning as a formula of PyTorch
and the true shapes; `families` says which array stands behind x_i, `also` other meanings as good.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matderiv import derive

torch = pytest.importorskip("torch")
F, lin = torch.nn.functional, torch.linalg

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "readings.jsonl").read_text("utf-8").splitlines()
]
SIZES = {"n": 4, "d": 3, "m": 5, "p": 6, "q": 2, "k": 2, "h": 6, "N": 4, "K": 3, "M": 5}
SIZES |= {"nk": 6, "mk": 7, "mn": 20}


def logm(a: Any) -> Any:
    """The logarithm of a positive definite matrix."""
    w, v = lin.eigh((a + a.T) / 2)
    return v @ torch.diag(torch.log(w)) @ v.T


SCOPE = {
    "torch": torch, "F": F, "lin": lin, "math": math, "relu": F.relu, "sig": torch.sigmoid,
    "softmax": torch.softmax, "lse": torch.logsumexp, "tr": torch.trace, "inv": lin.inv,
    "det": lin.det, "log": torch.log, "exp": torch.exp, "eye": torch.eye, "logm": logm,
    "einsum": torch.einsum, "one": lambda y: y.long() - 1, **SIZES,
}  # fmt: skip


def drawn(shape: str, how: str, rng: np.random.Generator) -> Any:
    """Random values of a shape such as "n,d", inside the domain that is meant."""
    dims = [int(s) if s.isdigit() else SIZES[s] for s in shape.split(",") if s]
    x = rng.standard_normal(dims)
    if how.startswith("["):
        low, high = json.loads(how)
        return low + (high - low) * rng.random(dims)
    if how.startswith("index"):
        first = int(not how.startswith("index0"))
        return np.array(float(rng.integers(first, SIZES[how[-1]] + first)))
    made = {
        "positive": lambda: np.abs(x) + 0.3,
        "binary": lambda: (x > 0).astype(float),
        "pm1": lambda: np.sign(x),
        "posdef": lambda: x @ x.T + dims[0] * np.eye(dims[0]),
    }.get(how)
    return made() if made else x


def truth(row: Mapping[str, Any], by: str, values: Mapping[str, Any]) -> Any:
    """The derivative by PyTorch."""
    at = {n: torch.tensor(v, dtype=torch.float64) for n, v in values.items()}
    if "answer" in row:
        return eval(row["answer"], {**SCOPE, **at}).numpy()
    torch.set_default_dtype(torch.float64)
    second = row.get("kind") == "hessian"
    derivative = torch.autograd.functional.hessian if second else torch.autograd.functional.jacobian
    found = derivative(lambda v: eval(row["torch"], {**SCOPE, **at, by: v}), at[by])
    return (eval(row["post"], {"J": found}) if "post" in row else found).numpy()


def given(names: Any, values: Mapping[str, Any], families: Mapping[str, str]) -> dict[str, Any]:
    """The values under the names that were read: yhat for y_hat, X for the rows x_i."""
    plain = {n.rstrip("_").replace("_", ""): v for n, v in values.items()}
    found = {}
    for name in names:
        whole = families.get(name, "").split(" ")[0]
        key = name.replace("_", "")
        if key in plain or whole in plain:
            found[name] = plain[whole] if whole in plain else plain[key]
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['expr'][:50]} by {row['wrt']}")
def test_a_formula_as_typed_has_the_derivative_that_is_meant(row: Mapping[str, Any]) -> None:
    options = {"kind": row["kind"]} if row.get("kind") in ("hessian", "vjp") else {}
    found = derive(row["expr"], row["wrt"], shapes=row.get("shapes", {}), **options)
    seen = []
    for meaning in ({"true": row["true"], "torch": row["torch"]}, *row.get("also", [])):
        rng = np.random.default_rng(7)
        draws = row.get("draw", {})
        values = {n: drawn(s, draws.get(n, ""), rng) for n, s in meaning["true"].items()}
        expected = truth({**row, **meaning}, row.get("by", row["wrt"]), values)
        shapes = {n: v.shape for n, v in found.reading.variables.items()}
        numbers = {n: SIZES[n] for n, shape in shapes.items() if n in SIZES and not shape}
        taken = numbers | given(found.names, values, row.get("families", {}))
        if all(np.ndim(v) == len(shapes[n]) for n, v in taken.items() if n in shapes):
            got = found.evaluate(taken)
            seen.append(np.shape(got) == expected.shape and np.allclose(got, expected, atol=1e-8))
    assert seen
    assert any(seen), f"read as {found.reading.read_as}, derived as {found}"
