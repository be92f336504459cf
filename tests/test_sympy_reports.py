"""What users of SymPy reported, with the answers, and the questions of SymPy's own tests.

The questions are lines of Python with SymPy's names, as people typed them; an answer that starts
with an exclamation mark is an error. Those of SymPy's tests are answered by numbers: truth is a
difference of the values that SymPy gives to the function written out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.matrices.expressions.hadamard import hadamard_power
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array import expressions as arrays

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


ASKED = STORED.with_name("sympy_derivatives.jsonl").read_text(encoding="utf-8").splitlines()
SIZE = 2


def own_names() -> dict[str, Any]:
    names: dict[str, Any] = {**vars(sp), **vars(arrays)}
    names |= {"hadamard_power": hadamard_power}
    names |= {s: sp.Symbol(s) for s in ("i", "j", "k", "m", "n", "mu", "x1", "x2", "x3")}
    names |= {s: sp.MatrixSymbol(s, names["k"], names["k"]) for s in "XABCD"}
    return names | {s: sp.MatrixSymbol(s, names["k"], 1) for s in "xyabcd"}


def own_values(f: Any) -> dict[Any, Any]:
    """Random values of all symbols but indices, by symbol."""
    rng, found = np.random.default_rng(5), {}
    kinds = sp.MatrixSymbol, arrays.ArraySymbol
    for symbol in sorted(f.atoms(*kinds, sp.Symbol), key=str):
        if isinstance(symbol, kinds):
            shape = tuple(int(s.subs("k", SIZE)) for s in map(sp.sympify, symbol.shape))
            shift = 2 * np.eye(SIZE) if shape == (SIZE, SIZE) else 0
            found[symbol] = rng.uniform(0.3, 0.9, shape) + shift
        elif str(symbol)[0] in "imx" and symbol in f.free_symbols and not _is_place(f, symbol):
            found[symbol] = rng.uniform(0.3, 0.9)
    return found


def _is_place(f: Any, symbol: Any) -> bool:
    used = any(symbol in e.args[1:] for e in f.atoms(MatrixElement))
    return used and symbol in f.free_symbols


def own_value(f: Any, values: dict[Any, Any]) -> Any:
    """The numbers of a function at some values, with an axis for each index i, j of an entry."""
    sized = f.xreplace({sp.Symbol("k"): sp.Integer(SIZE)})
    given = {
        s.xreplace({sp.Symbol("k"): sp.Integer(SIZE)}): sp.Array(v)
        if not getattr(s, "is_Matrix", False)
        else sp.ImmutableMatrix(v)
        for s, v in values.items()
        if np.ndim(v)
    }
    given |= {s: sp.Float(v) for s, v in values.items() if not np.ndim(v)}
    places = [s for s in sp.symbols("i j") if _is_place(f, s)]
    found = []
    for at in np.ndindex(*(SIZE,) * len(places)):
        e = sized.xreplace(dict(zip(places, map(sp.Integer, at), strict=True)))
        e = e.xreplace(given)
        if isinstance(e, arrays.ArrayElementwiseApplyFunc):
            e = sp.Array(e.expr).applyfunc(e.function)
        e = e.doit()
        e = e.as_explicit() if hasattr(e, "as_explicit") else e
        found.append(np.array(sp.flatten(e.tolist()) if hasattr(e, "tolist") else [e], float))
    return np.concatenate(found)


@pytest.mark.parametrize("line", ASKED)
def test_the_questions_of_sympy_have_true_answers(line: str) -> None:
    """Of a hundred and thirty twelve are refused: where the variable is missing, and Reshape."""
    names, asked = own_names(), json.loads(line)
    f, by = (eval(asked[part], names) for part in ("f", "by"))
    if "refused" in asked:
        with pytest.raises(MatderivError, match=asked["refused"]):
            md.derive(f, by)
        return
    D = md.derive(f, by, check=False)
    values, h = own_values(f), 1e-6
    array, places = (by.parent, by.args[1:]) if isinstance(by, MatrixElement) else (by, ())
    moved = [*array] if isinstance(array, sp.MatrixBase) else [array]
    directions = {
        s: 0.5 + np.random.default_rng(6).uniform(size=np.shape(values[s])) for s in moved
    }
    entry = bool(places) and all(p.is_Integer for p in places)
    if entry:
        directions[array] = np.zeros(np.shape(values[array]))
        directions[array][places] = 1
    ends = [
        own_value(f, values | {s: values[s] + sign * h * V for s, V in directions.items()})
        for sign in (1, -1)
    ]
    truth = (ends[0] - ends[1]) / (2 * h)
    flat = np.concatenate([np.ravel(V) for V in directions.values()])
    flat = np.ones(1) if entry else flat
    given = {str(s.name): v for s, v in values.items()}
    given |= {D.wrt.name: np.array([values[s] for s in moved])} if len(moved) > 1 else {}
    slopes = np.reshape(D.evaluate(given), (-1, flat.size)) @ flat
    np.testing.assert_allclose(slopes, truth, rtol=1e-5, atol=1e-7)
