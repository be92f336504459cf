"""SymPy in and SymPy out; truth is SymPy's own explicit value."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import sympy as sp
from expressions import expressions
from hypothesis import assume, given, settings
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions import (
    ArrayAdd,
    ArrayContraction,
    ArrayDiagonal,
    ArraySymbol,
    ArrayTensorProduct,
    PermuteDims,
)
from sympy_values import (
    A,
    B,
    X,
    Z,
    concrete,
    d,
    entrywise,
    explicit,
    k,
    n,
    r,
    s,
    same,
    symbols_in,
    t,
    value,
    values,
    w,
    y,
)

import matderiv as md
from matderiv.errors import MatderivError
from matderiv.expr import REGISTRY, Expr, is_, variable, walk
from matderiv.input.from_sympy.objects import from_sympy
from matderiv.input.resolve import read
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.sampling import points
from matderiv.output.to_sympy import to_sympy
from matderiv.shapes import Dim

i, j = sp.symbols("i j", cls=sp.Dummy, integer=True)

READ = {
    "product": X * w,
    "sum": X * w + y,
    "difference": X * w - 2 * y,
    "multiple": sp.Rational(2, 3) * t * X / s,
    "transpose": X.T * y,
    "quadratic": MatrixElement(w.T * A * w, 0, 0),
    "expanded": (w.T * A * w)[0, 0],
    "squares": (w.T * w)[0, 0] * t,
    "function of 1x1": sp.log(MatrixElement(w.T * w, 0, 0)) + 1,
    "divided by 1x1": w / MatrixElement(w.T * w, 0, 0),
    "power": A**3,
    "negative power": A**-2,
    "inverse": sp.Inverse(A) * w,
    "inverse of a product": (A * A.T).I,
    "identity": sp.Identity(d) * 3 + A,
    "ones": sp.OneMatrix(n, d) * t + X,
    "only ones": sp.OneMatrix(n, 1) * 2 + sp.OneMatrix(n, 1),
    "zero": sp.MatAdd(sp.ZeroMatrix(n, d), X),
    "row": r * w,
    "row times matrix": r * A + w.T,
    "trace": sp.Trace(A * A.T) + sp.Trace(B),
    "determinant": sp.Determinant(A) * t,
    "hadamard": sp.HadamardProduct(X, Z, X),
    "hadamard power": sp.HadamardPower(X, 3),
    "hadamard inverse": sp.HadamardPower(X, -2),
    "hadamard exponent": sp.HadamardPower(X, Z),
    "hadamard base": sp.HadamardPower(2, X),
    "kronecker": sp.KroneckerProduct(A, X),
    "kronecker of three": sp.KroneckerProduct(A, w, X),
    "diag": sp.DiagMatrix(w) * A,
    "diagonalize": sp.diagonalize_vector(A * w),
    "diagonal of": sp.DiagonalOf(A) + w,
    "diagonal matrix": sp.DiagonalMatrix(A),
    "exp": entrywise(sp.exp),
    "exp of a matrix": entrywise(sp.exp, X * A),
    "lambda": entrywise(lambda z: 1 / (1 + sp.exp(-z))),
    "lambda with a product": entrywise(lambda z: z * sp.exp(z) / (2 * t + z**2)),
    "lambda with a constant": entrywise(lambda z: sp.Integer(5) + 0 * z),
    "lambda with a root": entrywise(lambda z: sp.sqrt(z**2 + 1) + sp.Pow(z**2 + 1, -sp.S.Half)),
    "piecewise": entrywise(lambda z: sp.Piecewise((z, z > 0), (sp.exp(z) - 1, True))),
    "piecewise of three": entrywise(
        lambda z: sp.Piecewise((z, z > sp.S(2) / 5), (0, z < -sp.S.Half), (z**2, True))
    ),
    "piecewise of two conditions": entrywise(
        lambda z: sp.Piecewise((z, (z > 0) & (z < sp.S.Half)), (1, True))
    ),
    "max": entrywise(lambda z: sp.Max(0, z, z**2)),
    "min": entrywise(lambda z: sp.Min(0, z)),
    "abs": entrywise(sp.Abs),
    "heaviside": entrywise(sp.Heaviside),
    "step": entrywise(lambda z: sp.Heaviside(z, 0)),
    "sign": entrywise(sp.sign),
    "two lambdas": entrywise(sp.log, entrywise(sp.exp, X * w)),
    "trigonometry": entrywise(lambda z: sp.sin(z) + sp.cot(z) + sp.sec(z) + sp.tanh(z)),
    "scalars": sp.sin(t) ** 2 / s + sp.sqrt(s) - sp.pi * sp.E + 0.25,
    "size as a number": sp.Trace(B) / n + d * sp.Trace(A),
    "sum over entries": sp.Sum(sp.exp(w[i, 0]) * w[i, 0], (i, 0, d - 1)),
    "sum over both": sp.Sum(X[i, j] * w[j, 0] * y[i, 0] + t, (i, 0, n - 1), (j, 0, d - 1)),
    "sum over a diagonal": sp.Sum(A[i, i] ** 2, (i, 0, d - 1)),
    "sum of sums": sp.Sum(y[i, 0] * sp.Sum(X[i, j] ** 2, (j, 0, d - 1)), (i, 0, n - 1)),
    "delta": sp.Sum(A[i, j] * sp.KroneckerDelta(i, j), (i, 0, d - 1), (j, 0, d - 1)),
}


@pytest.mark.parametrize("name", READ)
def test_sympy_in_has_the_value_that_sympy_gives(name: str) -> None:
    numbers = values()
    same(value(from_sympy(READ[name]), numbers), explicit(READ[name], numbers))


@pytest.mark.parametrize("name", READ)
def test_out_and_in_again_keeps_the_value(name: str) -> None:
    numbers = values(2)
    e = from_sympy(READ[name])
    out = to_sympy(e, symbols_in(READ[name]))
    assert out is not None
    same(value(from_sympy(out), numbers), value(e, numbers))


@pytest.mark.parametrize("name", [x for x in READ if "sum" not in x and x != "delta"])
def test_sympy_out_has_the_value_in_sympy(name: str) -> None:
    numbers = values(3)
    e = from_sympy(READ[name])
    out = to_sympy(e, symbols_in(READ[name]))
    ours = {"MatrixApplication", "ScalarApplication"}
    if not ours & {type(part).__name__ for part in sp.preorder_traversal(out)}:
        same(explicit(out, numbers), value(e, numbers))


def test_arrays_become_index_patterns() -> None:
    T, M = ArraySymbol("T", (n, d, k)), ArraySymbol("M", (n, d))
    numbers = values()
    cube, flat = numbers["T"], numbers["M"]
    cases = [
        (T, cube),
        (PermuteDims(T, [2, 0, 1]), np.transpose(cube, (2, 0, 1))),
        (PermuteDims(M, [1, 0]), flat.T),
        (ArrayTensorProduct(2, M, M), 2 * np.einsum("ab,cd->abcd", flat, flat)),
        (
            ArrayContraction(ArrayTensorProduct(M, T), (0, 2)),
            np.einsum("ab,acd->bcd", flat, cube),
        ),
        (ArrayDiagonal(ArrayTensorProduct(M, M), (0, 2)), np.einsum("ab,ac->bca", flat, flat)),
        (ArrayAdd(T, T), 2 * cube),
    ]
    for e, expected in cases:
        found = from_sympy(e)
        same(value(found, numbers), expected)
        same(value(from_sympy(to_sympy(found, symbols_in(e))), numbers), expected)


# Sizes, facts, names ------------------------------------------------------------------------------


def test_shapes_of_symbols() -> None:
    assert from_sympy(w).shape == (Dim(("d",)),)
    assert from_sympy(r).shape == (1, Dim(("d",)))
    assert from_sympy(sp.MatrixSymbol("C", 2, 3)).shape == (2, 3)
    assert from_sympy(sp.MatrixSymbol("C", 1, 1)).shape == ()
    assert from_sympy(sp.MatrixSymbol("C", 2 * n * d, n)).shape == (
        Dim(("d", "n"), 2),
        Dim(("n",)),
    )
    assert from_sympy(sp.MatrixSymbol("C", n + 1, 1)).shape == (Dim(("(n+1)",)),)


def test_a_size_is_the_same_size_as_a_number() -> None:
    e = from_sympy(md.sum(y) / n)
    assert [p.function.name for p in walk(e)] == ["variable", "sum", "size", "div"]
    z = sp.MatrixSymbol("z", n + 1, 1)
    for part in (n, n + 1):
        D = md.derive(md.sum(z) ** 2 / part, z)
        count = float(part.subs(n, 2))
        np.testing.assert_allclose(D.evaluate({z: [1, 2, 3]}), [12 / count] * 3)


def test_assumptions_and_facts_become_facts() -> None:
    assert from_sympy(s) is variable("s", (), ["positive"])
    assert from_sympy(t) is variable("t")
    found = from_sympy(A * w, {"A": ["symmetric"]})
    assert found.args[0].params[2] == {"symmetric"}
    assert to_sympy(from_sympy(s)) == s


def test_the_users_own_symbols_come_back() -> None:
    m = sp.Symbol("m")
    C = sp.MatrixSymbol("C", m, m + 2)
    e = C.T * C
    assert to_sympy(from_sympy(e), symbols_in(e)) == e


def test_vectors_broadcast_by_products_with_ones() -> None:
    a, b = from_sympy(X), from_sympy(r)
    out = to_sympy(a + b + from_sympy(y))
    numbers = values(5)
    same(explicit(out, numbers), numbers["X"] + numbers["r"] + numbers["y"][:, None])


EXAMPLES = {
    **{record.example: {} for record in REGISTRY.values() if record.example},
    "X*W + b'": {"b": "k", "X": "n,d", "W": "d,k"},
    "X - max(X, axis=2)": {},
    "x + y'": {},
    "x'*y*z": {},
    "X.*(x>0)": {"X": "n,d", "x": "n"},
    "M.*x": {"M": "n,1", "x": "n"},
    "M'*x + 1": {"M": "n,1", "x": "n"},
    "S.*x + 2": {"S": "1,1", "x": "n"},
    "inv(S) + tr(S)": {"S": "1,1"},
    "T + 2*exp(T).*T": {"T": "b,n,d"},
    "sum(T, axis=2)": {"T": "b,n,d"},
    "X.^x + 2.^X": {"X": "n,d", "x": "n"},
    "X./x + 1./X": {"X": "n,d", "x": "n"},
    "max(X, x)": {"X": "n,d", "x": "n"},
    "zeros(2) + ones(2)": {},
    "a^b*exp(pi)": {},
    "x/t": {"t": ""},
}


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_survives_the_way_out_and_in(text: str) -> None:
    try:
        e = read(text, shapes=EXAMPLES[text]).expr
    except MatderivError:
        pytest.skip("the example needs declarations")
    out = to_sympy(e)
    assert out is not None
    assert str(out)
    assert sp.latex(out)
    for at in points(e, count=3, seed=5):
        numbers, sizes = at.values, at.sizes
        back = from_sympy(out)
        shaped = {
            x.name: np.reshape(numbers[x.name], concrete(x.shape, sizes))
            for x in walk(back)
            if x.function.name == "variable"
        }
        same(evaluate(back, shaped, sizes), evaluate(e, numbers, sizes))


@given(expressions())
@settings(max_examples=150, deadline=None)
def test_random_expressions_survive_the_way_out_and_in(e: Expr) -> None:
    out = to_sympy(e)
    if out is None:
        return
    rng = np.random.default_rng(7)
    sizes = {"m": 2, "n": 3, "d": 4}
    numbers = {
        x.name: rng.uniform(0.3, 0.9, concrete(x.shape, sizes))
        for x in walk(e)
        if x.function.name == "variable"
    }
    with np.errstate(all="ignore"):
        try:
            expected = evaluate(e, numbers, sizes)
        except MatderivError:
            return
        assume(np.all(np.isfinite(expected)))
        back = from_sympy(out)
        numbers = {**sizes, **numbers}  # a size that no array shows is read as a number
        kept = {x.name: numbers[x.name] for x in walk(back) if x.function.name == "variable"}
        found = evaluate(back, kept, sizes)
    np.testing.assert_allclose(np.squeeze(found), np.squeeze(expected), rtol=1e-6, atol=1e-6)


# Depth and imports --------------------------------------------------------------------------------


def test_ten_thousand_nested_are_read() -> None:
    e: Any = t
    for _ in range(5000):
        e = sp.Basic.__new__(sp.exp, sp.Basic.__new__(sp.sin, e))
    found = from_sympy(e)
    assert sum(1 for _ in walk(found)) == 10001
    assert to_sympy(found) is None


def test_importing_imports_no_sympy() -> None:
    code = (
        "import sys, matderiv.bridge.symbolic as s;"
        "import matderiv.input.from_sympy.objects, matderiv.output.to_sympy;"
        "s.names(); s.function('relu');"
        "sys.exit('sympy' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_deriving_an_object_loads_no_reader_of_texts_and_unchecked_no_numpy() -> None:
    code = (
        "import sys, sympy as sp, matderiv as md;"
        "A, x = sp.MatrixSymbol('A', 3, 3), sp.MatrixSymbol('x', 3, 1);"
        "md.derive(x.T*A*x, x, check=False);"
        "first = 'numpy' in sys.modules;"
        "md.derive(x.T*A*x, x);"
        "rooms = ('input.resolve', 'input.text', 'input.python', 'input.latex', 'output');"
        "sys.exit(first or any('matderiv.' + room in sys.modules for room in rooms))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


CHOICES = [
    "where(where(a>0,b,c)>where(b>0,a,c),a,b)",
    "where(sum(x)>where(b>0,a,x'*x),a,norm2(x))",
    "where(where(x'*A*x>0,b,sum(A))>m,a,b)",
    "where((a>b)>(b>c),a,c)",
]


@pytest.mark.parametrize("text", CHOICES)
def test_choices_inside_conditions_go_out_and_in(text: str) -> None:
    e = read(text, shapes={"x": "m", "A": "m,m"}).expr
    back = from_sympy(to_sympy(e))
    values = {"a": 0.3, "b": -0.7, "c": 1.1, "x": np.array([0.2, 0.4]), "A": np.eye(2), "m": 2.0}
    known = [{n.name: values[n.name] for n in walk(f) if is_(n, "variable")} for f in (e, back)]
    assert evaluate(back, known[1], {"m": 2}) == evaluate(e, known[0], {"m": 2})
