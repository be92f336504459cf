"""What matderiv puts into a SymPy object lives there: doit, evalf, lambdify, diff, pickle, srepr.

Every record is asked, itself and its derivative; truth is the value that `evaluate` gives.
"""

from __future__ import annotations

import pickle
from functools import cache
from typing import Any

import numpy as np
import pytest
import record_questions as questions
import sympy as sp

import matderiv as md
from matderiv.errors import MatderivError
from matderiv.expr import REGISTRY, Expr, walk
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.sampling import points
from matderiv.output.to_sympy import to_sympy

NO_FORMULA = {
    *("levicivita", "fuse"),  # never in a result
    *("abstract", "abstract_map", "abstract_curve"),  # no value outside a test
    *("blocks", "cols", "diff"),  # SymPy has no word for sizes that are sums of sizes here
}
RECORDS = [r.name for r in questions.records() if r.name not in NO_FORMULA]


@cache
def asked(name: str) -> list[Expr]:
    """Applications of a record to variables of a few shapes, and their derivatives."""
    found: list[Expr] = []
    flat = [e for e in questions.samples(REGISTRY[name]) if max(map(_axes, walk(e))) < 3]
    for node in flat[:: max(1, len(flat) // 3)]:
        found.append(node)
        by = next((a for a in node.args if a.function.name == "variable"), None)
        try:
            D = md.derive(node, by, check=False) if by is not None else None
        except MatderivError:
            continue
        if D is not None and D.has_matrix_form:
            found.append(D.expr)
    return found


def _axes(e: Expr) -> int:
    return len(e.shape)


def setting(e: Expr) -> tuple[Any, Any, dict[str, Any]]:
    """An expression in SymPy with whole sizes, its true value, and values of its symbols."""
    out = to_sympy(e)
    at = points(e, count=1, seed=5)[0]
    truth = evaluate(e, at.values, at.sizes)
    sizes = {sp.Symbol(k, integer=True, positive=True): v for k, v in at.sizes.items()}
    out = out.xreplace(sizes)
    return out, truth, dict(at.values)


def given(out: Any, values: dict[str, Any]) -> dict[Any, Any]:
    """The value of each symbol as SymPy has it."""
    found = {}
    for symbol in out.free_symbols:
        value = values[symbol.name]
        shape = getattr(symbol, "shape", ())
        if shape:
            found[symbol] = sp.ImmutableMatrix(np.reshape(value, tuple(map(int, shape))).tolist())
        else:
            found[symbol] = sp.Float(float(np.squeeze(value)))
    return found


def same(found: Any, truth: Any) -> None:
    found = found.as_explicit() if isinstance(found, sp.MatrixExpr) else found
    found = np.array(sp.N(found).tolist() if hasattr(found, "tolist") else sp.N(found), dtype=float)
    np.testing.assert_allclose(
        np.squeeze(found).ravel(), np.squeeze(truth).ravel(), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("name", RECORDS)
def test_explicit_matrices_give_the_value(name: str) -> None:
    for e in asked(name):
        out, truth, values = setting(e)
        same(out.subs(given(out, values)).doit(), truth)


@pytest.mark.parametrize("name", RECORDS)
def test_lambdify_gives_the_value(name: str) -> None:
    for e in asked(name):
        out, truth, values = setting(e)
        symbols = sorted(out.free_symbols, key=str)
        known = given(out, values)
        arrays = [
            np.squeeze(np.array(known[s], dtype=float))
            if not hasattr(s, "shape")
            else np.array(known[s], dtype=float)
            for s in symbols
        ]
        found = sp.lambdify(symbols, out, "numpy")(*arrays)
        np.testing.assert_allclose(
            np.squeeze(found).ravel(), np.squeeze(truth).ravel(), rtol=1e-6, atol=1e-9
        )


@pytest.mark.parametrize("name", RECORDS)
def test_printing_pickling_and_rebuilding_keep_an_object(name: str) -> None:
    for e in asked(name):
        out = to_sympy(e)
        assert pickle.loads(pickle.dumps(out)) == out
        assert all(show(out) for show in (sp.latex, sp.srepr, sp.pretty))
        assert out.xreplace({}) == out
        assert out.is_Symbol or out == out.func(*out.args)


@pytest.mark.parametrize("name", RECORDS)
def test_the_derivative_by_a_parameter_is_that_of_differences(name: str) -> None:
    """Every argument is moved by t in a direction; truth is a central difference of `evaluate`."""
    t, step, rng = sp.Symbol("t", real=True), 1e-5, np.random.default_rng(4)
    for e in [e for e in asked(name) if e.function.name == name][:2]:
        at = points(e, count=1, seed=5)[0]
        if not at.values or e.function.kind in ("refused", "constant"):
            continue
        if name == "floor":  # SymPy keeps its derivative as it is
            continue
        out, _, values = setting(e)
        moves = {k: 0.1 * rng.standard_normal(np.shape(v)) for k, v in values.items()}
        moves |= {
            k: 0 * m for k, m in moves.items() if (name, "abcdefg".index(k)) in questions.FIXED
        }
        known = given(out, values)
        along = {s: v + t * given(out, moves)[s] for s, v in known.items()}
        sides = [
            evaluate(e, {k: v + h * moves[k] for k, v in values.items()}, at.sizes)
            for h in (step, -step)
        ]
        moved = out.xreplace({s: _moved(s, v, t) for s, v in along.items()})
        found = moved.diff(t).subs(t, 0).doit()
        np.testing.assert_allclose(
            _floats(found), np.ravel(sides[0] - sides[1]) / (2 * step), rtol=1e-4, atol=1e-6
        )


T, V, M = sp.Symbol("t"), sp.MatrixSymbol("x", 3, 1), sp.MatrixSymbol("A", 2, 2)


@pytest.mark.parametrize(
    "e",
    [
        T**2 * md.fn.norm2(T * V + sp.OneMatrix(3, 1)),
        T * md.fn.det(M + T * sp.Identity(2)),
        sp.log(md.fn.tr(md.fn.inv(M + T * sp.Identity(2)))) * sp.exp(T),
        md.derive(sp.Trace((M + T * sp.Identity(2)).inv()), T).result,
        md.derive(sp.Trace(sp.HadamardPower(M * T, 3)), M).result,
        md.derive(md.fn.norm2(T * V - sp.OneMatrix(3, 1)), V).result * T,
    ],
)
def test_products_with_our_objects_have_their_derivatives(e: Any) -> None:
    """By t, twice by t in each spelling; truth is a difference of the values."""
    given = {V: sp.ImmutableMatrix([3, -1, 2]), M: sp.ImmutableMatrix([[3, 1], [1, 2]])}

    def at(f: Any, t: float) -> Any:
        return _floats(f.xreplace({**given, T: sp.Float(t)}).doit())

    slope, h = (at(e, 0.7 + 1e-5) - at(e, 0.7 - 1e-5)) / 2e-5, 1e-3
    bend = (at(e, 0.7 + h) - 2 * at(e, 0.7) + at(e, 0.7 - h)) / h**2
    np.testing.assert_allclose(at(e.diff(T), 0.7), slope, rtol=1e-5)
    for twice in (e.diff(T, 2), e.diff((T, 2)), e.diff(T, T)):
        np.testing.assert_allclose(at(twice, 0.7), bend, rtol=1e-3)


def test_by_an_entry_and_by_what_is_not_there() -> None:
    size = md.fn.norm2(V)
    assert size.diff(V[0, 0]) == V[0, 0] / size
    assert (size.diff(T), size.diff(M)) == (0, sp.ZeroMatrix(2, 2))


def _moved(symbol: Any, value: Any, t: Any) -> Any:
    """A matrix symbol as A + t*B of explicit matrices, in matrix notation."""
    if not hasattr(symbol, "shape") or not value.has(t):
        return value
    return sp.MatAdd(value.subs(t, 0), sp.MatMul(t, value.diff(t)))


def _floats(found: Any) -> Any:
    found = found.as_explicit() if isinstance(found, sp.MatrixExpr) else found
    return np.ravel(
        np.array(sp.N(found).tolist() if hasattr(found, "tolist") else sp.N(found), float)
    )


def test_derivations_and_verdicts_pickle() -> None:
    D = md.derive("norm2(A*x - b)^2", "x", shapes={"b": "m"})
    D.function()
    kept = pickle.loads(pickle.dumps(D))
    assert str(kept) == str(D)
    assert kept.expr is D.expr
    assert kept.result == D.result
    values = {"A": np.ones((2, 3)), "x": np.ones(3), "b": np.ones(2)}
    np.testing.assert_allclose(kept.function()(**values), D.evaluate(values))
    for answer in ("2*A'*(A*x - b)", "2*A*x"):
        verdict = md.verify("norm2(A*x - b)^2", "x", answer, shapes={"b": "m", "A": "m,m"})
        assert str(pickle.loads(pickle.dumps(verdict))) == str(verdict)


def test_deep_expressions_pickle() -> None:
    e = REGISTRY and md.derive("x", "x").f
    for _ in range(3000):
        e = e + 1
    assert pickle.loads(pickle.dumps(e)) is e


def test_results_with_more_axes_are_arrays() -> None:
    n, m = sp.symbols("n m", integer=True, positive=True)
    X, x = sp.MatrixSymbol("X", n, m), sp.MatrixSymbol("x", n, 1)
    values = {"X": np.arange(6.0).reshape(3, 2), "x": np.array([1.0, 2.0, 4.0])}
    for f, by in ((X.T * X, X), (x * x.T, x), (md.softmax(X, 2), X)):
        D = md.derive(f, by)
        assert len(D.result.shape) > 2
        out = D.result.xreplace({n: sp.Integer(3), m: sp.Integer(2)})
        given_ = {s.xreplace({n: sp.Integer(3), m: sp.Integer(2)}): values[s.name] for s in (X, x)}
        known = {
            s: sp.ImmutableMatrix(v.reshape(tuple(map(int, s.shape)))) for s, v in given_.items()
        }
        found = out.xreplace(known).doit()
        np.testing.assert_allclose(np.array(found.tolist(), float), D.evaluate(values))


def test_ones_beside_an_identity_stay_visible_in_latex() -> None:
    n = sp.Symbol("n", integer=True, positive=True)
    x = sp.MatrixSymbol("x", n, 1)
    D = md.derive(x.T * (sp.Identity(n) - sp.OneMatrix(n, n) / n) * x, x)
    ones = r"\mathbf{1}_{n \times n}"
    assert D.latex() == rf"2\left(\mathbf{{I}}_{{n}} - \frac{{1}}{{n}}{ones}\right)\mathbf{{x}}"


def test_results_of_residual_blocks_share_their_parts() -> None:
    blocks = [f"h{k} = h{k - 1} + tanh(W{k}*h{k - 1})" for k in range(1, 31)]
    f = f"sum(h30) where {'; '.join(blocks)}".replace("h0", "x")
    D = md.derive(f, "x", check=False)
    seen: set[int] = set()
    stack = [D.result]
    while stack:  # written out there are more than 2^30 parts
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            stack += node.args
    assert len(seen) < 100 * len(blocks)
    assert D.result == md.derive(f, "x", check=False).result
