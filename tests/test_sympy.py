"""SymPy in, SymPy out, and our functions on SymPy objects; truth is SymPy's own explicit value."""

from __future__ import annotations

import pickle
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

from matderiv import symbolic
from matderiv.errors import MatderivError, ShapeError, UnknownFunction, UnknownName
from matderiv.evaluate import evaluate
from matderiv.expr import REGISTRY, Expr, apply, variable, walk
from matderiv.input.from_sympy import from_sympy, symbols_in
from matderiv.input.resolve import read
from matderiv.output.to_sympy import to_sympy
from matderiv.sampling import points
from matderiv.shapes import Dim, Shape, size_value

n, d, k = sp.symbols("n d k", integer=True, positive=True)
SIZES = {n: sp.Integer(3), d: sp.Integer(2), k: sp.Integer(4)}
X, Z = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("Z", n, d)
A, B = sp.MatrixSymbol("A", d, d), sp.MatrixSymbol("B", n, n)
w, v = sp.MatrixSymbol("w", d, 1), sp.MatrixSymbol("v", d, 1)
y, r = sp.MatrixSymbol("y", n, 1), sp.MatrixSymbol("r", 1, d)
t, s = sp.Symbol("t"), sp.Symbol("s", positive=True)


class Md:
    """What the package will offer as `matderiv.<name>`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # pytest looks for marks
            raise AttributeError(name)
        return symbolic.function(name)


md = Md()


def values(seed: int = 1) -> dict[str, Any]:
    """Values of every symbol, all sizes different; printed by pytest when a test fails."""
    print("seed", seed)
    draw = np.random.default_rng(seed)
    shapes = {"X": (3, 2), "Z": (3, 2), "A": (2, 2), "B": (3, 3), "r": (1, 2)}
    shapes |= {"w": (2,), "v": (2,), "y": (3,), "t": (), "s": (), "T": (3, 2, 4), "M": (3, 2)}
    found: dict[str, Any] = {name: draw.uniform(0.3, 0.9, shape) for name, shape in shapes.items()}
    found["A"] = found["A"] + 2 * np.eye(2)
    found["w"][0] *= -1
    return found


def explicit(e: Any, numbers: dict[str, Any]) -> Any:
    """The value that SymPy itself gives, with every matrix symbol written out."""
    sized = e.xreplace(SIZES)
    change = {}
    for symbol in sized.free_symbols:
        value = np.asarray(numbers[str(symbol.name)])
        if getattr(symbol, "is_Matrix", False):
            change[symbol] = sp.ImmutableMatrix(np.reshape(value, tuple(map(int, symbol.shape))))
        else:
            change[symbol] = sp.Float(float(value))
    if sized.has(sp.DiagonalOf, sp.DiagonalMatrix):  # SymPy 1.14 writes these out only before
        sized = sized.as_explicit()
    if sized.has(sp.Sum):
        sized = sized.doit()
    result = sized.xreplace(change).doit()
    if isinstance(result, sp.MatrixExpr):
        result = result.as_explicit()
    result = sp.expand_func(result)
    return np.array(result.evalf(), dtype=float)


def value(e: Expr, numbers: dict[str, Any]) -> Any:
    """The value of our expression."""
    sizes = {"n": 3, "d": 2, "k": 4}
    return evaluate(
        e, {x.name: numbers[x.name] for x in walk(e) if x.function.name == "variable"}, sizes
    )


def same(a: Any, b: Any) -> None:
    """Equal numbers in equal order, a row or column counting as a vector."""
    a, b = (np.squeeze(np.array(v, dtype=float)) for v in (a, b))
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def concrete(shape: Shape, sizes: dict[str, int]) -> tuple[int, ...]:
    return tuple(size_value(s, sizes) for s in shape)


def entrywise(function: Any, e: Any = w) -> Any:
    return e.applyfunc(function)


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


# Our functions on SymPy objects -------------------------------------------------------------------

MIXED = {
    "logistic": (
        lambda: md.sum(md.log(1 + md.exp(-md.hadamard(y, X * w)))),
        lambda g: np.sum(np.log(1 + np.exp(-g["y"] * (g["X"] @ g["w"])))),
    ),
    "numbers on both sides": (
        lambda: 2 * md.exp(w) / 3 + 1 - t - (1 - md.sigmoid(w)),
        lambda g: 2 * np.exp(g["w"]) / 3 - g["t"] + 1 / (1 + np.exp(-g["w"])),
    ),
    "a SymPy number first": (
        lambda: sp.Integer(1) - md.tanh(X) + t,
        lambda g: 1 - np.tanh(g["X"]) + g["t"],
    ),
    "plain and ours": (
        lambda: X * w + md.relu(X * w) - y,
        lambda g: g["X"] @ g["w"] + np.maximum(g["X"] @ g["w"], 0) - g["y"],
    ),
    "product": (
        lambda: (1 + md.exp(X)).T * (y + 0 * md.relu(y)) * t,
        lambda g: (1 + np.exp(g["X"])).T @ g["y"] * g["t"],
    ),
    "softmax": (
        lambda: md.sum(md.softmax(X, 2), 1),
        lambda g: np.sum(np.exp(g["X"]) / np.exp(g["X"]).sum(1, keepdims=True), 0),
    ),
    "layernorm": (
        lambda: md.layernorm(X, 0.5),
        lambda g: (
            (g["X"] - g["X"].mean(1, keepdims=True)) / np.sqrt(g["X"].var(1, keepdims=True) + 0.5)
        ),
    ),
    "attention": (
        lambda: md.attention(X, Z, Z),
        lambda g: value(apply("attention", *map(from_sympy, (X, Z, Z))), g),
    ),
    "max of two": (lambda: md.max(X, 0.5), lambda g: np.maximum(g["X"], 0.5)),
    "max of all": (lambda: md.max(X) + t, lambda g: g["X"].max() + g["t"]),
    "max along": (lambda: md.max(X, axis=1), lambda g: g["X"].max(0)),
    "max with our scalar": (
        lambda: md.max(X, md.sum(md.exp(w)) / 10),
        lambda g: np.maximum(g["X"], np.exp(g["w"]).sum() / 10),
    ),
    "where": (
        lambda: md.where(md.gt(w, 0), w, md.exp(w)),
        lambda g: np.where(g["w"] > 0, g["w"], np.exp(g["w"])),
    ),
    "division": (lambda: md.ediv(w, v) + md.ediv(1, v), lambda g: (g["w"] + 1) / g["v"]),
    "broadcasting": (lambda: md.hadamard(X, y, 2), lambda g: 2 * g["X"] * g["y"][:, None]),
    "einsum": (
        lambda: md.einsum("ij,ik->jk", X, Z),
        lambda g: g["X"].T @ g["Z"],
    ),
    "diag": (lambda: md.diag(w) + md.eye(d), lambda g: np.diag(g["w"]) + np.eye(2)),
    "of a 1x1 product": (lambda: md.exp(w.T * w), lambda g: np.exp(g["w"] @ g["w"])),
    "norm": (lambda: md.norm2(X * w - y) ** 2, lambda g: np.sum((g["X"] @ g["w"] - g["y"]) ** 2)),
    "logdet": (lambda: md.logdet(A * A.T), lambda g: np.log(np.linalg.det(g["A"]) ** 2)),
    "solve": (lambda: md.solve(A, w), lambda g: np.linalg.solve(g["A"], g["w"])),
    "vec": (lambda: md.unvec(md.vec(X), n, d), lambda g: g["X"]),
    "square": (lambda: md.mean(md.square(X)), lambda g: np.mean(g["X"] ** 2)),
    "constants": (lambda: md.vector(t, d) + md.ones(d), lambda g: np.full(2, g["t"] + 1)),
}


@pytest.mark.parametrize("name", MIXED)
def test_our_functions_give_sympy_objects_of_the_right_value(name: str) -> None:
    make, expected = MIXED[name]
    numbers = values(4)
    e = make()
    assert isinstance(e, sp.Basic)
    same(value(from_sympy(e), numbers), expected(numbers))
    again = to_sympy(from_sympy(e), symbols_in(e))
    same(value(from_sympy(again), numbers), expected(numbers))


@pytest.mark.parametrize("name", MIXED)
def test_objects_rebuild_print_and_substitute(name: str) -> None:
    e = MIXED[name][0]()
    for part in sp.preorder_traversal(e):
        if part.args:
            assert part.func(*part.args) == part
    assert str(e)
    assert sp.latex(e)
    assert sp.pretty(e)
    assert pickle.loads(pickle.dumps(e)) == e
    symbol = sorted(e.free_symbols, key=str)[-1]
    other = (
        sp.MatrixSymbol("Other", *symbol.shape) if hasattr(symbol, "shape") else sp.Symbol("other")
    )
    if symbol not in SIZES:
        changed = e.xreplace({symbol: other})
        assert other in changed.free_symbols
        assert symbol not in changed.free_symbols
        assert e.subs(symbol, other) == changed


def test_results_equal_the_plain_sympy_tree() -> None:
    e = md.hadamard(y, X * w)
    plain = sp.HadamardProduct(y, X * w)
    assert e == plain
    assert plain == e
    assert hash(e) == hash(plain)
    assert md.exp(w) == md.exp(w)
    assert md.tr(A) == sp.Trace(A)
    assert md.det(A) == sp.Determinant(A)
    assert md.inv(A) == sp.Inverse(A)
    assert md.kron(A, X) == sp.KroneckerProduct(A, X)
    assert md.diag(w) == sp.DiagMatrix(w)
    assert e != sp.HadamardProduct(X * w, y)
    assert (1 + e).args == (2 * e + 1 - e).args


def test_the_design_example_is_read_as_it_would_be_typed() -> None:
    e = from_sympy(md.sum(md.log(1 + md.exp(-md.hadamard(y, X * w)))))
    one, ys = apply("number", params=(1,)), variable("y", (Dim(("n",)),))
    product = variable("X", (Dim(("n",)), Dim(("d",)))) @ variable("w", (Dim(("d",)),))
    inner = apply("exp", -apply("hadamard", ys, product))
    assert e is apply("sum", apply("log", apply("add", one, inner)), params=(None,))


SCALAR_FUNCTIONS = [
    name
    for name in symbolic.names()
    if REGISTRY.get(name)
    and REGISTRY[name].kind == "elementwise"
    and REGISTRY[name].arity == (1, 1)
]


@pytest.mark.parametrize("name", SCALAR_FUNCTIONS)
@pytest.mark.parametrize("at", [0.3, -0.7])
def test_scalar_functions_have_our_value_and_derivative_in_sympy(name: str, at: float) -> None:
    if at < 0 and "positive" in REGISTRY[name].domain and name != "log1p":
        pytest.skip("outside the domain")
    f = symbolic.function(name)
    e, record = f(t), REGISTRY[name]
    assert record.numpy is not None
    same(sp.expand_func(e).subs(t, at).evalf(), record.numpy(np.float64(at)))
    same(value(from_sympy(e), {"t": at}), record.numpy(np.float64(at)))
    x = sp.Symbol("x", real=True)
    slope = sp.expand_func(f(x).diff(x).doit()).subs(x, at).evalf()
    step = 1e-6
    around = [record.numpy(np.float64(at + h)) for h in (-step, step)]
    assert abs(slope - (around[1] - around[0]) / (2 * step)) < 1e-7
    same(value(from_sympy(f(w)), values()), record.numpy(values()["w"])) if at > 0 and not (
        record.domain
    ) else None


def test_two_argument_functions_have_their_value_in_sympy() -> None:
    for name in ("huber", "leaky_relu", "maximum", "minimum", "gt", "le"):
        e = symbolic.function(name)(t, s)
        for a in (-0.9, 0.2):
            expected = REGISTRY[name].numpy(np.float64(a), np.float64(0.4))  # type: ignore[misc]
            same(sp.expand_func(e).subs({t: a, s: 0.4}).evalf(), expected)
            same(value(from_sympy(e), {"t": a, "s": 0.4}), expected)


def test_every_typed_record_is_offered_with_its_explanation() -> None:
    for name in symbolic.names():
        f = symbolic.function(name)
        assert f.__name__ == name
        assert f.__doc__
    for name, record in REGISTRY.items():
        if record.call not in ("operator", "internal") and not record.leaf:
            assert name in symbolic.names()
    with pytest.raises(UnknownFunction, match="sofmax"):
        symbolic.function("sofmax")


def test_expressions_go_in_and_expressions_come_out() -> None:
    x = variable("x", (Dim(("n",)),))
    assert md.exp(x) is apply("exp", x)
    assert md.sum(x) is apply("sum", x, params=(None,))
    assert md.softmax(x, axis=1) is apply("softmax", x, params=(1,))
    assert md.max(x, 0) is apply("maximum", x, 0)
    assert md.leaky_relu(x, 0.5).args[1].params[0] == 0.5
    assert md.layernorm(x).args[1].params[0] == sp.Rational(1, 100000)
    assert md.eye(Dim(("n",))) is apply("eye", params=(Dim(("n",)),))
    with pytest.raises(MatderivError, match="mixes"):
        md.hadamard(x, y)


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
    assert from_sympy(sp.MatrixSymbol("C", n + 1, 1)).shape == (Dim(("n_plus_1",)),)


def test_a_size_is_the_same_size_as_a_number() -> None:
    e = from_sympy(md.sum(y) / n)
    assert [p.function.name for p in walk(e)] == ["variable", "sum", "size", "div"]
    z = sp.MatrixSymbol("z", n + 1, 1)
    assert from_sympy(md.sum(z) / (n + 1)).args[1].params == ("n_plus_1",)
    with pytest.raises(ShapeError, match=r"n is part of the size n \+ 1"):
        from_sympy(md.sum(z) / n)


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
        kept = {x.name: numbers[x.name] for x in walk(back) if x.function.name == "variable"}
        found = evaluate(back, kept, sizes)
    np.testing.assert_allclose(np.squeeze(found), np.squeeze(expected), rtol=1e-6, atol=1e-6)


# Refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("e", "named"),
    [
        (sp.BlockMatrix([[A, A]]), "BlockMatrix"),
        (sp.Matrix([[1, 2]]), "ImmutableDenseMatrix"),
        (sp.gamma(t), "gamma"),
        (sp.Function("exp")(t), "exp, a function or class of your own"),
        (sp.Derivative(sp.sin(t), t), "Derivative"),
        (sp.Integral(t, t), "Integral"),
        (X[0, 1], "MatrixElement"),
        (X[:1, :], "MatrixSlice"),
        (sp.I * t, "ImaginaryUnit"),
        (sp.oo, "Infinity"),
        (sp.Piecewise((t, t > 0)), "Piecewise"),
        (sp.Sum(w[i, 0], (i, 1, d - 1)), "Sum"),
        (sp.Sum(w[i, 0] * i, (i, 0, d - 1)), "Dummy"),
        (sp.Symbol("z", imaginary=True), "real"),
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
        "import sys, matderiv.symbolic as s, matderiv.input.from_sympy, matderiv.output.to_sympy;"
        "s.names(); s.function('relu');"
        "sys.exit('sympy' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
