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
import reader

from matderiv import (
    Derivation,
    curvature,
    derive,
    divergence,
    hvp,
    solve,
    taylor,
    verify,
    verify_steps,
)
from matderiv.errors import MatderivError
from matderiv.expr import Expr
from matderiv.input.resolve import read
from matderiv.numeric.evaluate import evaluate

RNG = np.random.default_rng(17)
OPERATORS = {"divergence": divergence, "taylor": taylor}
DATA = Path(__file__).parent / "data"
ROWS = {
    name: [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text("utf-8").splitlines()]
    for name in ("published", "frontier", "neighbours")
}
LONGER = (DATA / "published_longer.txt").read_text("utf-8").split()
UNREAD = {name: (DATA / f"{name}_refused.txt").read_text("utf-8").split() for name in ROWS}


def derived(row: dict[str, Any]) -> Derivation:
    """The derivative that a row asks for."""
    how = {k: row[k] for k in ("assume", "kind", "order", "structure") if k in row}
    return derive(row["expr"], row["wrt"], shapes=row["shapes"], **how)


def symbols(text: str) -> int:
    """What a reader meets: names, numbers, operators; 0 for a text that is no plain formula."""
    try:
        found = reader.tokens(text)
    except reader.UnreadableError:
        return 0
    return sum(kind != "end" and word not in (*"(),=", "axis") for kind, word in found)


def weighted(value: Any) -> float:
    """The sum of the entries with weights that no two share."""
    flat = np.ravel(value)
    return float(flat @ np.cos(1.0 + np.arange(flat.size)))


def answered(row: dict[str, Any]) -> str | Expr:
    """What a verb other than derive says: a word or an expression."""
    how = {"shapes": row["shapes"], "assume": row.get("assume")}
    if row["verb"] == "solve":
        return solve(row["expr"], row["wrt"], subject_to=row.get("subject_to"), **how).expr
    if row["verb"] == "hvp":
        return hvp(row["expr"], row["wrt"], **how).expr
    if row["verb"] == "argmin":
        return derive(solve(row["expr"], row["wrt"], **how).expr, row["by"]).expr
    if row["verb"] in OPERATORS:
        return OPERATORS[row["verb"]](row["expr"], row["wrt"], **how).expr
    found = curvature(row["expr"], row["wrt"], **how)
    return found.verdict if row["verb"] == "curvature" else read(found.newton, **how).expr


@pytest.mark.parametrize(
    "row", [r for rows in ROWS.values() for r in rows if "verb" in r], ids=lambda r: r["id"]
)
def test_what_comes_after_the_derivative(row: dict[str, Any]) -> None:
    found = answered(row)
    if not isinstance(found, Expr):
        assert found == row["numpy"]
        return
    sizes = {"N": 7, "d": 3, "n": 4, "m": 6}
    axes = {**row["shapes"], f"d{row['wrt']}": row["shapes"][row["wrt"]]}
    values = {
        n: RNG.uniform(0.1, 1, [sizes[k] for k in s.split(",") if k]) for n, s in axes.items()
    }
    wanted = eval(row["numpy"], {"np": np, "n": sizes["n"], **values})
    np.testing.assert_allclose(evaluate(found, values, sizes), wanted, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "row"),
    [(n, r) for n, rows in ROWS.items() for r in rows if "verb" not in r],
    ids=lambda v: v if isinstance(v, str) else v["id"],
)
def test_a_published_formula(name: str, row: dict[str, Any]) -> None:
    if row["id"] in UNREAD[name]:
        with pytest.raises(MatderivError):
            derived(row)
        return
    found = derived(row)
    assert found.checked is not None
    assert found.checked.verdict == "verified" or name != "neighbours"
    assert found.checked.verdict != "disproved"
    table = symbols(row.get("table", "")) if name == "published" else 0
    if table and row["table"] != "0" and row["id"] not in LONGER:
        assert symbols(str(found)) <= table, found
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
    assert left <= 0.05 * len(ROWS["published"])


def test_most_results_are_as_short_as_in_the_tables() -> None:
    tables = [r for r in ROWS["published"] if symbols(r.get("table", ""))]
    assert len(tables) > 160
    assert len(LONGER) <= 0.15 * len(tables)


ANSWERS: list[tuple[str, str, str, dict[str, str], bool | None]] = [
    ("norm2(X*w-y)^2", "w", r"2\sum_i (x_i^\top w - y_i) x_i",
     {"X": "N,d", "w": "d", "y": "N"}, True),
    (r"\sum_i x_i^\top x_i", "x", "2x", {"x": "n"}, True),
    (r"\frac{e^{z_i}}{\sum_j e^{z_j}}", "z_i",
     r"\operatorname{diag}\left(\frac{e^{z_i}}{\sum_j e^{z_j}}\right)", {"z": "n"}, False),
]  # fmt: skip
LINES = [
    ("f = w'*S*w - l*(w'*w - 1); grad = 2*S*w - 2*l*w; 2*S*w - 2*l*w = 0; S*w = 3*l*w",
     {"S": "n,n", "w": "n", "l": ""}, {"S": "symmetric"}, "w", 4),
    ("f = (x'*A*x)/(x'*x); grad = 2*(A*x - (x'*A*x)/(x'*x)*x)/(x'*x); grad = 0; "
     "A*x = (x'*A*x)/(x'*x)*x", {"A": "n,n", "x": "n"}, {"A": "symmetric"}, "x", None),
    ("f = (x'*y)/norm2(x); grad = y/norm2(x) - (x'*y)*x/norm2(x)^3; grad = 0; "
     "y*(x'*x) = (x'*y)*x", {"x": "n", "y": "n"}, {}, "x", None),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "answer", "shapes", "right"), ANSWERS)
def test_an_answer_of_the_frontier_is_judged(
    f: str, wrt: str, answer: str, shapes: dict[str, str], right: bool
) -> None:
    assert verify(f, wrt, answer, shapes=shapes, diagnosis=False).correct is right


@pytest.mark.parametrize(("lines", "shapes", "assume", "wrt", "wrong"), LINES)
def test_a_derivation_of_the_frontier_breaks_where_it_is_wrong(
    lines: str, shapes: dict[str, str], assume: dict[str, str], wrt: str, wrong: int | None
) -> None:
    found = verify_steps(lines.split("; "), wrt=wrt, shapes=shapes, assume=assume)
    assert found.correct is (wrong is None)
    first = found.first_wrong
    assert (first and first.number) == wrong
