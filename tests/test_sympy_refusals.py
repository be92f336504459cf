"""What SymPy can hold and we refuse, by name or by size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy_values import (
    A,
    B,
    X,
    d,
    n,
    r,
    s,
    t,
    w,
    y,
)

import matderiv as md
from matderiv.errors import MatderivError, ShapeError, UnknownFunction, UnknownName
from matderiv.input.from_sympy.objects import from_sympy

i, j = sp.symbols("i j", cls=sp.Dummy, integer=True)

# Refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("e", "named"),
    [
        (sp.LambertW(t), "LambertW"),
        (sp.Function("exp")(t), "exp, a function or class of your own"),
        (sp.Derivative(A * w, w), "Derivative"),
        (sp.Integral(t, t), "Integral"),
        (X[i, 1], "whole numbers as indices"),
        (X[i, :], "MatrixSlice .* no fixed place"),
        (sp.I * t, "ImaginaryUnit"),
        (sp.oo, "Infinity"),
        (sp.Piecewise((t, t > 0)), "Piecewise"),
        (sp.Sum(w[i, 0], (i, 0, n - 1)), "not run over an axis of d entries"),
        (sp.Sum(A[i, j], (i, 0, d - 1), (j, 0, i)), "innermost limits come first"),
        (sp.Sum(A[i, j], (j, i, 2 * i), (i, 0, d - 1)), "between places that move"),
        (sp.Symbol("z", imaginary=True), "real"),
        (A.applyfunc(sp.Lambda(t, sp.Trace(t * A))), "MatMul of SymPy inside a Lambda"),
        (A.applyfunc(sp.Lambda(t, sp.Sum(t * w[i, 0], (i, 0, d - 1)))), "Sum .* inside a Lambda"),
        (
            A.applyfunc(sp.Lambda(t, sp.Trace(A.applyfunc(sp.Lambda(s, s * t))))),
            "Symbol .* inside a Lambda",
        ),
    ],
)
def test_what_is_not_understood_is_named(e: Any, named: str) -> None:
    with pytest.raises(UnknownFunction, match=named):
        from_sympy(e)


@pytest.mark.parametrize(
    "e",
    [
        X + w,
        X + y,
        X * y,
        w * y,
        w.T * w * w,
        sp.HadamardProduct(w, y),
        sp.MatAdd(r, w),
        sp.MatAdd(A, w),
        sp.Trace(X),
        sp.Determinant(X),
        sp.Inverse(X),
        X**2,
        sp.exp(X),
        sp.sin(A) + 1,
        sp.Add(t, X),
        sp.KroneckerProduct(A, X) * w,
    ],
)
def test_what_sympy_accepts_with_symbolic_sizes_and_does_not_fit(e: Any) -> None:
    with pytest.raises(ShapeError):
        from_sympy(e)


@pytest.mark.parametrize(
    "call",
    [
        lambda: md.hadamard(w, y),
        lambda: md.tr(X),
        lambda: md.softmax(X),
        lambda: md.exp(w) + y,
        lambda: md.sum(X, 3),
        lambda: 1 / md.exp(w),
        lambda: md.attention(X, A, B),
    ],
)
def test_our_functions_refuse_shapes_at_once(call: Any) -> None:
    with pytest.raises(ShapeError):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: md.tr(A, A),
        lambda: md.relu(),
        lambda: md.relu("x"),
        lambda: md.relu(t, slope=1),
        lambda: md.einsum(X, X),
        lambda: from_sympy("x"),
        lambda: from_sympy([t]),
        lambda: from_sympy(None),
    ],
)
def test_wrong_calls_are_errors_of_the_family(call: Any) -> None:
    with pytest.raises(MatderivError):
        call()


def test_one_name_is_one_symbol() -> None:
    with pytest.raises(UnknownName, match="two different symbols"):
        from_sympy(sp.Symbol("x") * sp.MatrixSymbol("x", n, 1))
    with pytest.raises(UnknownName, match="size and a matrix"):
        from_sympy(sp.MatrixSymbol("n", n, 1))
    with pytest.raises(UnknownName, match="cannot be written"):
        from_sympy(sp.Symbol("a b"))


@pytest.mark.parametrize("entry", [X[0, 1], X[0, 0] * X[1, 1], sp.sin(X[1, 0])])
def test_an_entry_counts_from_zero_as_in_sympy(entry: Any) -> None:
    """The gradient of an expression in single entries, against SymPy's own partial derivatives."""
    small = sp.MatrixSymbol("X", 2, 3)
    e = entry.xreplace({X: small}) if X.shape != small.shape else entry
    derivation = md.derive(e, small)
    values = [[0.3, -1.1, 0.7], [2.2, 0.4, -0.6]]
    point = {small[r, c]: values[r][c] for r in range(2) for c in range(3)}
    wanted = [[float(e.diff(small[r, c]).xreplace(point)) for c in range(3)] for r in range(2)]
    np.testing.assert_allclose(derivation.evaluate({"X": values}), wanted)


def test_matrices_as_entries_of_a_matrix_are_refused_by_name() -> None:
    a, S = sp.Symbol("a"), sp.MatrixSymbol("S", 3, 3).as_explicit()
    nested = sp.Matrix([[a + 1, a**2]]).applyfunc(lambda e: S if e == a**2 else e)
    with pytest.raises(MatderivError):
        md.derive(nested, a)


@pytest.mark.parametrize("entry", [sp.nan, sp.oo, sp.zoo])
def test_what_is_no_number_is_refused(entry: Any) -> None:
    with pytest.raises(MatderivError, match="of SymPy"):
        md.derive(sp.Matrix([[entry, entry]]), sp.Symbol("a"))


def test_a_sum_over_a_matrix_is_refused() -> None:
    a, n, index = sp.Symbol("a"), sp.Symbol("n"), sp.MatrixSymbol("A", 3, 3)
    body = sp.Sum(sp.MatrixSymbol("X", n, n), (a, 1, 3), (index, 1, 3))
    with pytest.raises(MatderivError, match="which is no number"):
        md.derive(sp.Matrix([[sp.Abs(body), 2]]), a)


@pytest.mark.parametrize(
    "e",
    [
        sp.exp(sp.Derivative(sp.Matrix([[sp.Symbol("a"), 2]]), sp.Symbol("a"))),
        sp.log(sp.log(sp.Derivative(sp.MatrixSymbol("M", n, n), sp.Symbol("a")))),
        sp.MatrixSymbol("M", sp.log(sp.sin(sp.Derivative(sp.Symbol("t"), sp.Symbol("x")))), 2),
    ],
)
def test_what_sympy_cannot_work_out_is_refused(e: sp.Basic) -> None:
    with pytest.raises(ShapeError, match="SymPy cannot work this expression out"):
        md.derive(e, sp.Symbol("t"))
