"""Stored problems as SymPy expressions with whole sizes: as true and as short as with named ones.

In matrix notation, and with every product written out in entries by SymPy itself. Truth is the
derivative with named sizes, whose numbers other tests compare with automatic differentiation.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from problems import problems

import matderiv as md
from matderiv.doors.derive import Derivation
from matderiv.errors import DomainError
from matderiv.expr import variables
from matderiv.numeric.sampling import points
from matderiv.output.to_sympy import to_sympy
from matderiv.shapes import size_names, size_value

CLASSIC = Path(__file__).parent / "data" / "classic.jsonl"
OPAQUE = ("Inverse", "Determinant", "MatPow", "KroneckerProduct", "MatrixApplication")
LONGER = {"stat-19", "cs-centring-jac", "loss-elastic-net", "classic-rayleigh"}
LONGER |= {"vicreg-covariance", "linear-cka-numerator"}


def questions() -> dict[str, dict[str, Any]]:
    """The stored problems and the classic ones, as arguments of `derive`."""
    found = {
        p.id: {"f": p.expr, "wrt": p.wrt, "shapes": p.shapes, "assume": p.assume, "kind": p.kind}
        for p in problems()
        if p.kind != "vjp"
    }
    for line in CLASSIC.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        found[f"classic-{case['id']}"] = {
            "f": case["expr"],
            "wrt": case["wrt"],
            "shapes": case["shapes"],
            "order": case["order"],
        }
    return found


QUESTIONS = questions()


def entries_of(e: Any) -> Any:
    """An expression as SymPy writes it out."""
    if isinstance(e, sp.MatrixExpr):
        return e.as_explicit()

    def inside(part: Any) -> bool:
        known = type(part).__name__ == "MatrixElement"
        return known and not isinstance(part.args[0], sp.MatrixSymbol)

    return e.replace(inside, lambda p: p.args[0].as_explicit()[p.args[1], p.args[2]]).doit()


def sizes_of(D: Derivation, size: int) -> list[dict[str, int]]:
    """A number for each named size, all different, the smallest first and the largest first."""
    names = sorted(size_names(v.shape for v in variables(D.f, D.wrt)))
    numbers = [size + k for k in range(len(names))]
    return [dict(zip(names, order, strict=True)) for order in (numbers, numbers[::-1])]


def spelled(D: Derivation, sizes: dict[str, int]) -> list[Any]:
    """The function of a derivation with whole sizes: in matrices, and in entries where it can."""
    numbers = sizes.items()
    out = to_sympy(D.f).xreplace({sp.Symbol(s, integer=True, positive=True): k for s, k in numbers})
    opaque = any(type(p).__name__ in OPAQUE for p in sp.preorder_traversal(out))
    return [out] if opaque else [out, entries_of(out)]


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("size", [2, 3, pytest.param(5, marks=pytest.mark.sweep)])
def test_whole_sizes_cost_nothing(name: str, size: int) -> None:
    asked = dict(QUESTIONS[name])
    D = md.derive(asked.pop("f"), asked["wrt"], check=False, **_without(asked, "wrt"))
    if any(len(v.shape) > 2 for v in variables(D.f)):
        pytest.skip("SymPy has no functions of arrays with three axes")
    for sizes in sizes_of(D, size):
        with suppress(DomainError):  # X of full rank may need more rows than columns
            for f in spelled(D, sizes):
                _same(name, f, D, asked, sizes)
            return
    raise AssertionError("f has no value")


def _same(name: str, f: Any, D: Derivation, asked: dict[str, Any], sizes: dict[str, int]) -> None:
    """The derivative of a spelling is as short as that with named sizes, and has its numbers."""
    by = next((s for s in f.atoms(sp.MatrixSymbol, sp.Symbol) if s.name == D.wrt.name), None)
    if by is None:
        return
    found = md.derive(f, by, check=False, **_without(asked, "wrt", "shapes"))
    assert name in LONGER or found.displayed.weight <= D.displayed.weight
    assert len(found.formula) <= 1.15 * len(D.formula) + 6
    values = dict(points(found.f, count=1, seed=3)[0].values)
    for v in variables(D.f, D.wrt):
        if v.name not in values:
            values[v.name] = np.ones([size_value(s, sizes) for s in v.shape])
    np.testing.assert_allclose(
        np.ravel(found.evaluate(values)), np.ravel(D.evaluate(values)), rtol=1e-6, atol=1e-8
    )


def _without(asked: dict[str, Any], *names: str) -> dict[str, Any]:
    return {k: v for k, v in asked.items() if k not in names}
