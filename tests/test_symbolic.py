"""Our functions on SymPy objects: values in NumPy, trees in SymPy."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sympy as sp
from sympy_values import (
    SIZES,
    A,
    X,
    Z,
    d,
    n,
    s,
    same,
    symbols_in,
    t,
    v,
    value,
    values,
    w,
    y,
)

import matderiv as md
from matderiv.bridge import symbolic
from matderiv.errors import MatderivError, UnknownFunction
from matderiv.expr import REGISTRY, apply, variable
from matderiv.input.from_sympy.objects import from_sympy
from matderiv.output.to_sympy import to_sympy
from matderiv.shapes import Dim

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
    "solve": (lambda: md.fn.solve(A, w), lambda g: np.linalg.solve(g["A"], g["w"])),
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
    and name not in ("abstract_map", "floor", "probit")  # no value, no slope, own domain in SymPy
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
    if at > 0 and not record.domain:
        same(value(from_sympy(f(w)), values()), record.numpy(values()["w"]))


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
