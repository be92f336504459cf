"""Expressions that SymPy wrote out in entries: as short as in matrix notation, and true.

Truth is SymPy's own partial derivative of the entries, and the numbers of the entries.
"""

from __future__ import annotations

from functools import cache, reduce
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import matderiv as md
from matderiv.input.from_sympy.gathered import gathered
from matderiv.input.from_sympy.objects import from_sympy
from matderiv.numeric.evaluate import evaluate

t = sp.Symbol("t")


def symbols(n: int) -> dict[str, Any]:
    """Matrix symbols of whole sizes: vectors x y c, square A B, W with a column more."""
    vectors = {s: sp.MatrixSymbol(s, n, 1) for s in "xyc"}
    square = {s: sp.MatrixSymbol(s, n, n) for s in "AB"}
    return {**vectors, **square, "W": sp.MatrixSymbol("W", n, n + 1), "n": n}


def total(terms: Any) -> Any:
    return reduce(lambda a, b: a + b, terms)


Cases = dict[str, tuple[Any, Any, str]]


@cache
def cases(n: int) -> Cases:
    """An expression in entries, the variable, and the derivative as a person writes it."""
    s = symbols(n)
    x, y, c, A, B, W = (s[k] for k in "xycABW")
    every = range(n)
    left, right = (A * x).as_explicit(), (B * y).as_explicit()
    return {
        "quadratic form": ((x.T * A * x)[0, 0], x, "(A + A')*x"),
        "multiplied out": (sp.expand((x.T * A * x)[0, 0]), x, "(A + A')*x"),
        "with a linear term": (
            (sp.Rational(1, 2) * x.T * A * x + c.T * x)[0, 0],
            x,
            "0.5*(A + A')*x + c",
        ),
        "by the matrix": ((x.T * A * y)[0, 0], A, "x*y'"),
        "dot": (sp.Matrix(x).dot(sp.Matrix(y)), x, "y"),
        "norm": (sp.Matrix(x).norm(), x, "x/norm2(x)"),
        "norm of a matrix": (sp.Matrix(W).norm(), W, "W/norm2(W)"),
        "trace": (sp.Matrix(A).trace(), A, f"eye({n})"),
        "trace of a product": ((sp.Matrix(A) * sp.Matrix(B)).trace(), A, "B'"),
        "explicit product": ((A * x).as_explicit(), x, "A"),
        "two explicit products": ((left.T * right)[0, 0], x, "A'*B*y"),
        "residual": ((A * x - y).as_explicit().norm() ** 2, x, "2*A'*(A*x - y)"),
        "cross entropy": (
            -(y.T * md.log(md.softmax(A * x)))[0, 0],
            x,
            "A'*(sum(y)*softmax(A*x) - y)",
        ),
        "exponentials": (total(sp.exp(t * x[k]) for k in every), x, "t*exp(t*x)"),
        "entropy": (total(x[k] * sp.log(x[k]) for k in every), x, "log(x) + 1"),
        "log of exponentials": (sp.log(total(sp.exp(x[k]) for k in every)), x, "softmax(x)"),
        "square of a sum": (sp.expand(total(x[k] for k in every) ** 2), x, f"2*sum(x)*ones({n})"),
        "one row": ((A * x)[0, 0], x, f"A'*unit({n},1)"),
        "largest entry": (sp.Max(*(x[k] for k in every)), x, "(x>=max(x))"),
        "bias in rows": (
            (sp.OneMatrix(n, 1) * c.T + A * B).as_explicit() * x.as_explicit(),
            c,
            f"ones({n})*x'",
        ),
        "by a parameter": ((x.T * sp.Matrix(A * t) * y)[0, 0], t, "x'*A*y"),
    }


@pytest.mark.parametrize("name", cases(3))
@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_what_sympy_wrote_out_is_derived_as_it_was_meant(name: str, n: int) -> None:
    f, by, wanted = cases(n)[name]
    found = md.derive(f, by)
    assert str(found) == wanted
    if n <= 3:
        _agrees_with_sympy(f, found, by)


def _agrees_with_sympy(f: Any, found: Any, by: Any) -> None:
    """The derivative has the values of SymPy's partial derivatives, entry by entry."""
    rng = np.random.default_rng(3)
    at: dict[Any, Any] = {}
    given: dict[str, Any] = {}
    names = {v for v in f.free_symbols if not v.is_Dummy}
    for v in sorted(names | {by}, key=str):
        if not getattr(v, "is_Matrix", False):
            given[str(v)] = at[v] = 0.7
            continue
        given[str(v)] = rng.uniform(0.5, 1.5, tuple(map(int, v.shape)))
        at |= {v[i, j]: given[str(v)][i, j] for i, j in np.ndindex(*map(int, v.shape))}
    entries = list(by) if getattr(by, "is_Matrix", False) else [by]
    entry = f if isinstance(f, sp.MatrixBase) else sp.Matrix([f])
    written = entry.applyfunc(lambda e: _written(e))
    real = {e: sp.Dummy(real=True) for e in {*at, *entries}}
    at = {real[e]: value for e, value in at.items()}
    truth = [[float(e.xreplace(real).diff(real[b]).xreplace(at)) for b in entries] for e in written]
    np.testing.assert_allclose(np.ravel(found.evaluate(given)), np.ravel(truth), rtol=1e-9)


def _written(e: Any) -> Any:
    """Our functions of a whole vector, entry by entry."""
    for part in e.atoms(sp.matrices.expressions.matexpr.MatrixElement):
        parent, i, _ = part.args
        if type(parent).__name__ == "MatrixApplication":
            z = parent.args[2].as_explicit()
            e = e.xreplace({part: sp.exp(z[i]) / total(sp.exp(v) for v in z)})
    return e


def test_missing_and_other_weights_are_a_short_rest() -> None:
    x = sp.MatrixSymbol("x", 6, 1)
    assert str(md.derive(total(x[k] ** 2 for k in range(5)), x)) == (
        "2*(x - (x'*unit(6,6))*unit(6,6))"
    )
    assert str(md.derive(total(x[k] for k in range(6)) + 3 * x[2], x)) == ("3*unit(6,3) + 1")


def test_large_sizes_cost_no_more_than_their_entries() -> None:
    x, A = sp.MatrixSymbol("x", 500, 1), sp.MatrixSymbol("A", 500, 500)
    assert str(md.derive(x.T * A * x, x)) == "(A + A')*x"
    assert str(md.derive(sp.Trace(A.T * A), A)) == "2*A"


def test_pairs_of_entries_need_no_index_pattern() -> None:
    n = sp.Symbol("n", integer=True, positive=True)
    y, (i, j) = sp.MatrixSymbol("y", n, 1), sp.symbols("i j", integer=True)
    pairs = sp.Sum((y[i, 0] - y[j, 0]) ** 2, (i, 0, n - 1), (j, 0, n - 1))
    assert "einsum" not in str(md.derive(pairs, y))


# Random sums of entries ---------------------------------------------------------------------------


@st.composite
def sums_of_entries(draw: Any) -> Any:
    """Sums over one, two or three places, some entries more or less, at size 2 or 3."""
    n = draw(st.sampled_from([2, 3]))
    s = symbols(n)
    functions = [lambda e: e, lambda e: e**2, sp.exp, lambda e: 1 / (2 + e), lambda e: t * e]
    terms = []
    for _ in range(draw(st.integers(1, 2))):
        places = draw(st.integers(1, 3))
        factors = draw(st.lists(st.sampled_from("xyAB"), min_size=1, max_size=3))
        slots = [
            [draw(st.integers(0, places - 1)) for _ in range(1 if f in "xy" else 2)]
            for f in factors
        ]
        shape = draw(st.sampled_from(functions))
        for at in np.ndindex(*(n,) * places):
            entries = [
                s[f][int(at[p[0]]), int(at[p[1]]) if f in "AB" else 0]
                for f, p in zip(factors, slots, strict=True)
            ]
            terms.append(shape(sp.Mul(*entries)))
    for _ in range(draw(st.integers(0, 2))):
        terms.append(draw(st.integers(-2, 2)) * s["x"][draw(st.integers(0, n - 1)), 0])
    return sp.Add(*terms), n


@given(sums_of_entries())
@settings(max_examples=150, deadline=None)
def test_gathered_sums_have_the_value_of_their_entries(case: Any) -> None:
    f, n = case
    s, rng = symbols(n), np.random.default_rng(1)
    values = {k: rng.uniform(0.5, 1.5, tuple(map(int, s[k].shape))) for k in "xyAB"}
    at: dict[Any, Any] = {t: 0.3}
    for k, v in values.items():
        at |= {s[k][i, j]: v[i, j] for i, j in np.ndindex(*v.shape)}
    found = evaluate(from_sympy(f), {**values, "t": 0.3})
    np.testing.assert_allclose(found, float(f.xreplace(at)), rtol=1e-9)


def test_what_is_complete_is_a_sum() -> None:
    s = symbols(4)
    f = sp.expand((s["x"].T * s["A"] * s["y"])[0, 0])
    assert len(f.args) == 16
    assert isinstance(gathered(f), sp.Sum)


# By one entry ------------------------------------------------------------------------------------


def test_by_an_entry_as_sympy_counts() -> None:
    x, X = sp.MatrixSymbol("x", 3, 1), sp.MatrixSymbol("X", 2, 3)
    D = md.derive(x[0, 0] ** 2 * x[1, 0], x[0, 0])
    np.testing.assert_allclose(D.evaluate({x: [2, 3, 5]}), 12)
    assert D.result.subs(x, sp.Matrix([2, 3, 5])).doit() == 12
    D = md.derive(sp.Trace(X.T * X), X[1, 2])
    np.testing.assert_allclose(D.evaluate({X: [[1, 2, 3], [4, 5, 6]]}), 12)
    assert md.verify(sp.Trace(X.T * X), X[1, 2], 2 * X[1, 2])
    assert md.verify(sp.Trace(X.T * X), X[1, 2], 2 * X[1, 1]).verdict == "disproved"


def test_explicit_matrices_have_the_value_of_their_entries() -> None:
    """Products, transposes, outer products and rows, written out and read; all sizes differ."""
    X, W = sp.MatrixSymbol("X", 4, 2), sp.MatrixSymbol("W", 2, 3)
    b, v, r = sp.MatrixSymbol("b", 3, 1), sp.MatrixSymbol("v", 4, 1), sp.MatrixSymbol("r", 1, 3)
    rng = np.random.default_rng(6)
    values = {k: rng.uniform(0.5, 1.5, tuple(map(int, k.shape))) for k in (X, W, b, v, r)}
    explicit = {k: sp.ImmutableMatrix(a.tolist()) for k, a in values.items()}
    for e in (
        X * W,
        (X * W).T,
        X * W + sp.OneMatrix(4, 1) * b.T,
        (X * W + v * r).T,
        v * b.T,
        b * v.T,
        r,
        r.T + b,
        sp.OneMatrix(4, 3) * 2 + v * b.T,
        X * X.T + 2 * sp.Identity(4),
        sp.KroneckerProduct(b, v.T),
        sp.DiagMatrix(v),
        v.T * X,
    ):
        found = evaluate(from_sympy(e.as_explicit()), {k.name: a for k, a in values.items()})
        truth = np.array(e.subs(explicit).doit().as_explicit().tolist(), float)
        np.testing.assert_allclose(found, truth.reshape(np.shape(found)), rtol=1e-9)
        assert np.shape(found) == tuple(s for s in truth.shape if s != 1 or truth.shape[0] == 1)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_written_out_determinant_is_one(n: int) -> None:
    M = sp.MatrixSymbol("M", n, n)
    det = M.as_explicit().det()
    assert str(md.derive(3 * det, M)) == "3*det(M)*inv(M)'"
    assert str(md.derive(sp.log(det), M)) == "inv(M)'"
    other = sp.expand(det) + 2 * M[0, 0] ** n  # one product more stays a rest
    at = {"M": np.arange(1.0, n * n + 1).reshape(n, n) ** 1.5}
    wanted = md.derive(det, M).evaluate(at)
    wanted[0, 0] += 2 * n * at["M"][0, 0] ** (n - 1)
    np.testing.assert_allclose(md.derive(other, M).evaluate(at), wanted)
    almost = sp.Add(*sp.Add.make_args(sp.expand(det))[1:])  # one product less is no determinant
    assert "det" not in str(md.derive(almost, M))
