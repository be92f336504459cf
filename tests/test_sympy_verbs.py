"""Every verb takes SymPy: predicates as facts, symbols as keys, matrices as values, `md.fn`."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from sympy.assumptions import assuming

import matderiv as md
from matderiv.errors import MatderivError

n, d = sp.symbols("n d", integer=True, positive=True)
X, w, y = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("w", d, 1), sp.MatrixSymbol("y", n, 1)
A, x = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("x", n, 1)
VALUES = {X: sp.Matrix([[1, 2], [3, 4], [5, 6]]), w: sp.Matrix([1, 0]), y: [1, 1, 1]}


def test_predicates_are_facts() -> None:
    q = x.T * A * x
    assert md.derive(q, x, assume=sp.Q.symmetric(A)).result == 2 * A * x
    assert md.derive(q, x, assume=sp.Q.symmetric(A) & sp.Q.invertible(A)).result == 2 * A * x
    assert md.derive(q, x, assume={A: "symmetric"}).result == 2 * A * x
    with assuming(sp.Q.symmetric(A)):
        assert md.derive(q, x).result == 2 * A * x
        assert md.verify(q, x, 2 * A * x).verdict == "proved"
    assert str(md.derive(q, x)) == "(A + A')*x"
    with pytest.raises(MatderivError, match="no fact"):
        md.derive(q, x, assume=sp.Q.unitary(A))


def test_values_are_sympy_matrices_under_symbols() -> None:
    loss = md.fn.norm2(X * w - y) ** 2
    np.testing.assert_allclose(md.derive(loss, w).evaluate(VALUES), [52, 64])
    value, gradient = md.value_and_gradients(loss, w)(X=VALUES[X], w=VALUES[w], y=VALUES[y])
    np.testing.assert_allclose(gradient, [52, 64])
    circuit = md.graph(loss, values=VALUES)
    assert float(circuit.forward(VALUES)["f"]) == pytest.approx(float(value))
    np.testing.assert_allclose(circuit.backward(VALUES).gradients["w"], [52, 64])
    assert md.verify(loss, w, 2 * X.T * (X * w - y)).verdict == "proved"
    found = md.minimize(
        loss, w, {w: [0, 0]}, data={X: VALUES[X], y: VALUES[y]}, method="gd", lr=0.01
    )
    assert found.loss < 1


def test_axes_of_fn_count_from_zero() -> None:
    M = sp.Matrix([[1, 2], [3, 5], [4, 9]])
    S = sp.MatrixSymbol("S", 3, 2)
    numbers = np.array(M.tolist(), dtype=float)
    for axis in (0, 1, -1, -2):
        found = md.fn.sum(S, axis=axis).subs(S, M).doit()
        np.testing.assert_allclose(np.ravel(np.array(found, float)), np.sum(numbers, axis=axis))
        largest = md.fn.max(S, axis=axis).subs(S, M).doit()
        np.testing.assert_allclose(np.ravel(np.array(largest, float)), np.max(numbers, axis=axis))
    assert md.fn.sum(S).subs(S, M).doit() == 24
    with pytest.raises(MatderivError, match="axis is a whole number from -2 to 1"):
        md.fn.sum(S, axis=2)
    with pytest.raises(AttributeError, match="no function"):
        md.fn.nothing(S)
    assert {"relu", "softmax", "norm2"} <= set(dir(md.fn))


def test_lines_of_a_derivation_are_equations_of_sympy() -> None:
    f = ((X * w - y).T * (X * w - y))[0, 0]
    z, F = sp.MatrixSymbol("z", n, 1), sp.Function("f")
    by_w = sp.Derivative(F(w), w)
    right = [
        sp.Eq(z, X * w - y),
        (by_w, 2 * X.T * z, 2 * X.T * (X * w - y)),
        2 * X.T * X * w - 2 * X.T * y,
    ]
    assert md.verify_steps(right, f, w).correct
    assert md.verify_steps([(sp.Derivative(f, w), 2 * X.T * (X * w - y))], f, w).correct
    assert md.verify_steps([(sp.Symbol("f"), f), (by_w, 2 * X.T * (X * w - y))], wrt=w).correct
    wrong = md.verify_steps([2 * X.T * X * w - 2 * X.T * y, X.T * (X * w - y), "= X'*X*w"], f, w)
    assert [line.verdict for line in wrong.lines] == ["proved", "disproved", "disproved"]
    assert wrong.first_wrong is not None
    assert (wrong.first_wrong.number, wrong.first_wrong.diagnosis) == (2, "factor")
    S = sp.MatrixSymbol("A", 3, 3)
    v = sp.MatrixSymbol("x", 3, 1)
    q = (v.T * S * v)[0, 0]
    assert md.verify_steps([S * v + S.T * v], q, v).correct
    assert md.verify_steps([2 * S * v], q, v, assume={S: "symmetric"}).correct
    assert not md.verify_steps([2 * S * v], q, v).correct
    assert md.verify_steps([x.T * x, 2 * x]).correct
    assert md.verify_steps(
        [sp.Eq(z, X * w - y), (sp.Symbol("f"), (z.T * z)[0, 0]), 2 * X.T * z], wrt=w
    ).correct
    with pytest.raises(MatderivError, match="what the derivative is by"):
        md.verify_steps([(x.T * A * x)[0, 0], 2 * A * x])


def test_lines_that_sympy_decided_or_that_name_nothing_are_errors() -> None:
    f = (x.T * A * x)[0, 0]
    with pytest.raises(MatderivError, match="SymPy decided this equation"):
        md.verify_steps([sp.Eq(sp.Derivative(f, x), 2 * A * x)], f, x)
    with pytest.raises(MatderivError, match="no derivative of a name"):
        md.verify_steps([(sp.Derivative(f + 1, x), 2 * A * x)], f, x)
    with pytest.raises(MatderivError, match="before"):
        md.verify_steps([A * x, sp.MatrixSymbol("x", n, n) * A], f, x)
    with pytest.raises(MatderivError, match="a list of lines"):
        md.verify_steps(2 * A * x, f, x)


def test_a_sheet_lists_what_sympy_gives() -> None:
    D = md.derive((x.T * A * x)[0, 0], x)
    part = md.Part("Quadratic form", D, None, listing=["by hand:", sp.Eq(x, A * x), D.result])
    sheet = md.Sheet("Homework", [part])
    for page in (sheet.text(), sheet.html(), sheet.latex(), sheet.markdown()):
        page = page.replace("\\ ", " ")
        assert "Eq(x, A*x)" in page
        assert "(A + A.T)*x" in page
