"""What users of SymPy reported: each question gets the answer that stands beside it.

The questions are lines of Python with SymPy's names, as people typed them; an answer that starts
with an exclamation mark is an error.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import matderiv as md
from matderiv.errors import MatderivError

STORED = Path(__file__).parent / "data" / "sympy_reports.jsonl"
REPORTS = [json.loads(line) for line in STORED.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("report", REPORTS, ids=lambda r: str(r["id"]))
def test_a_reported_question_has_its_answer(report: dict[str, Any]) -> None:
    names: dict[str, Any] = {**vars(sp), "md": md, "np": np, "t": sp.Symbol("t")}
    names |= {s: sp.Symbol(s, integer=True, positive=True) for s in "nmdkp"}
    names |= {s: sp.Symbol(s, integer=True) for s in "ij"}
    try:
        exec(report["input"], names)
        found = str(names["out"])
    except MatderivError as error:
        found = "!" + str(error).splitlines()[0]
    assert found == report["answer"]
