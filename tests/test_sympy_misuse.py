"""Wrong uses of SymPy expressions: an error that says what to do, never a silent answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

import matderiv as md
from matderiv.errors import MatderivError

n, d = sp.symbols("n d", integer=True, positive=True)
t, i = sp.Symbol("t"), sp.Symbol("i", integer=True)
x, y, z = (sp.MatrixSymbol(name, size, 1) for name, size in (("x", n), ("y", n), ("z", 3)))
A, X = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("X", n, d)
q = x.T * A * x

MISUSE: dict[str, tuple[Callable[[], Any], str]] = {
    "equation": (lambda: md.derive(sp.Eq(t**2, 4), t), "statement"),
    "equation of matrices": (lambda: md.derive(sp.Eq(A * x, y), x), "statement"),
    "equation that SymPy decides": (lambda: md.derive(sp.Eq(q, 0), x), "statement"),
    "inequality": (lambda: md.derive(t**2 > 4, t), "statement"),
    "truth value": (lambda: md.derive(True, x), "statement"),
    "answer that is an equation": (lambda: md.verify(q, x, sp.Eq(A * x, y)), "statement"),
    "graph of an equation": (lambda: md.graph(sp.Eq(q, 0)), "statement"),
    "gradients of an equation": (lambda: md.value_and_gradients(sp.Eq(t, 0), t), "statement"),
    "size without a name": (
        lambda: md.derive(sp.Trace(sp.MatrixSymbol("M", sp.Symbol(""), sp.Symbol(""))), t),
        "cannot be written",
    ),
    "by a size": (lambda: md.derive(q, n), "n is a size"),
    "by a size used as a number": (lambda: md.derive(q / n, n), "n is a size"),
    "by another size": (lambda: md.derive(q, sp.MatrixSymbol("x", 3, 1)), "x is 3 here"),
    "by a number of that name": (lambda: md.derive(q, sp.Symbol("x")), "x is scalar here"),
    "by a row of that name": (lambda: md.derive(q, sp.MatrixSymbol("x", 1, n)), "x is 1 × n here"),
    "by a missing matrix": (lambda: md.derive(q, y), "y does not occur"),
    "by a missing number": (lambda: md.derive(q, t), "t does not occur"),
    "by a missing name": (lambda: md.derive(q, "w"), "w does not occur"),
    "gradients by a missing one": (lambda: md.value_and_gradients(q, y), "y does not occur"),
    "answer by a missing one": (lambda: md.verify(q, y, A * y), "y does not occur"),
    "by an expression": (lambda: md.derive(q, A * x), "with respect to a variable"),
    "by a transpose": (lambda: md.derive(q, x.T), "with respect to a variable"),
    "by a number": (lambda: md.derive(q, 3), "with respect to a variable"),
    "by nothing": (lambda: md.derive(q, None), "not None"),
    "a list": (lambda: md.derive([q], x), "an expression is"),
    "a function": (lambda: md.derive(lambda v: v, x), "an expression is"),
    "an array": (lambda: md.derive(np.eye(3), x), "an expression is"),
    "another shape declared": (lambda: md.derive(q, x, shapes={"x": "5"}), "declared 5"),
    "and by the symbol": (lambda: md.derive(q, x, shapes={x: "5"}), "declared 5"),
    "symmetric but not square": (lambda: md.derive(X, X, assume={X: "symmetric"}), "X is n × d"),
    "unknown fact": (lambda: md.derive(q, x, assume={"A": "symetric"}), "symmetric"),
    "no value": (lambda: md.derive(q, x).evaluate({x: [1, 2]}), "no value for A"),
    "value of another size": (
        lambda: md.derive(q, x).evaluate({x: [1, 2], A: np.eye(3)}),
        "n is 2",
    ),
    "value with a symbol": (
        lambda: md.derive(q, x).evaluate({x: sp.Matrix([t, 2]), A: np.eye(2)}),
        "holds a Symbol",
    ),
    "complex value": (
        lambda: md.derive(q, x).evaluate({x: sp.Matrix([sp.I, 2]), A: np.eye(2)}),
        "holds an ImaginaryUnit",
    ),
    "imaginary unit": (lambda: md.derive(sp.I * t, t), "ImaginaryUnit"),
    "function of two numbers": (lambda: md.derive(sp.Function("f")(t, 2), t), "f, a function"),
    "integral": (lambda: md.derive(sp.Integral(t, t), t), "Integral"),
    "limit": (lambda: md.derive(sp.Limit(sp.sin(t), t, 0), t), "Limit"),
    "factors in no order": (lambda: md.derive(sp.Symbol("a", commutative=False) * t, t), "real"),
    "entry without a place": (lambda: md.verify(q, x, x[i, 0]), "whole numbers as indices"),
    "same symbol twice": (lambda: md.derive(t**2, sp.Matrix([t, t])), "with respect to a variable"),
    "row without a place": (lambda: md.derive(X[i, :], X), "no fixed place"),
    "two symbols of one name": (lambda: md.derive(sp.Symbol("x") * x, x), "two different"),
    "a name with a space": (lambda: md.derive(sp.Symbol("a b") ** 2, t), "cannot be written"),
    "a pair": (lambda: md.derive(sp.Tuple(t, t), t), "Tuple"),
}


@pytest.mark.parametrize("name", MISUSE)
def test_a_wrong_use_is_an_error_that_names_it(name: str) -> None:
    call, says = MISUSE[name]
    with pytest.raises(MatderivError, match=says):
        call()


@pytest.mark.parametrize("name", [r"\Sigma", r"\hat{x}", "S'", "W^{(1)}", "x_1", "λ"])
def test_names_as_sympy_users_write_them_come_back(name: str) -> None:
    S, v = sp.MatrixSymbol(name, n, n), sp.MatrixSymbol("v", n, 1)
    D = md.derive(v.T * S * v, v, assume={S: "symmetric"})
    assert D.result == 2 * S * v
    values = {S: sp.Matrix([[2, 1], [1, 3]]), v: sp.Matrix([sp.Rational(1, 2), 1])}
    np.testing.assert_allclose(D.evaluate(values), [4, 7])


def test_a_constant_has_a_zero_derivative() -> None:
    assert str(md.derive(x.T * x - x.T * x, x)) == "zeros(n)"
