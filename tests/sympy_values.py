"""SymPy symbols with values, and the explicit value of SymPy's objects, for several tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from matderiv.expr import Expr, walk
from matderiv.input.from_sympy.objects import ObjectReader
from matderiv.numeric.evaluate import evaluate
from matderiv.shapes import Shape, size_value

n, d, k = sp.symbols("n d k", integer=True, positive=True)
SIZES = {n: sp.Integer(3), d: sp.Integer(2), k: sp.Integer(4)}
X, Z = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("Z", n, d)
A, B = sp.MatrixSymbol("A", d, d), sp.MatrixSymbol("B", n, n)
w, v = sp.MatrixSymbol("w", d, 1), sp.MatrixSymbol("v", d, 1)
y, r = sp.MatrixSymbol("y", n, 1), sp.MatrixSymbol("r", 1, d)
t, s = sp.Symbol("t"), sp.Symbol("s", positive=True)


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


def symbols_in(e: Any) -> dict[str, Any]:
    """Name -> SymPy symbol for every variable and size of a SymPy object."""
    reader = ObjectReader(None)
    reader.expression(e)
    return reader.met()


def concrete(shape: Shape, sizes: dict[str, int]) -> tuple[int, ...]:
    return tuple(size_value(s, sizes) for s in shape)


def entrywise(function: Any, e: Any = w) -> Any:
    return e.applyfunc(function)
