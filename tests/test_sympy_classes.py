"""What SymPy builds is read: arrays with indices, slices, blocks, permutations, products.

Truth is the derivative of the same function written out in entries, by SymPy's scalar calculus.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.combinatorics import Permutation
from sympy.matrices.expressions.permutation import PermutationMatrix
from sympy.tensor.array.expressions import ArraySymbol

import matderiv as md
from matderiv.errors import MatderivError

n, m = sp.symbols("n m", integer=True, positive=True)
i, j, k = sp.symbols("i j k", integer=True)
t = sp.Symbol("t", real=True)
x, y, A = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", m, 1), sp.MatrixSymbol("A", n, n)
B, X = sp.MatrixSymbol("B", n, m), sp.MatrixSymbol("X", n, m)
T = ArraySymbol("T", (n, n, n))
u, a, v = sp.IndexedBase("u"), sp.IndexedBase("a"), sp.IndexedBase("v", shape=(n,))
W, z = sp.MatrixSymbol("W", 3, 4), sp.MatrixSymbol("z", 3, 1)
every = (i, 0, n - 1)
both = (every, (j, 0, n - 1))
y2 = sp.MatrixSymbol("y", 2, 1)
block = sp.BlockMatrix([[x], [y]])

READ: dict[str, tuple[Any, Any, str]] = {
    "array": (
        sp.Sum(T[i, j, k] * x[i, 0] * x[j, 0] * x[k, 0], *both, (k, 0, n - 1)),
        T,
        'einsum("i,j,k->ijk",x,x,x)',
    ),
    "indexed": (sp.Sum(u[i] ** 2, every), u, "2*u"),
    "indexed, with sizes": (sp.Sum(v[i] ** 2, every) / n, v, "2*v/n"),
    "indexed quadratic form": (sp.Sum(a[i, j] * u[i] * u[j], *both), u, "(a + a')*u"),
    "indexed from one": (sp.Sum(u[i] ** 2, (i, 1, n)), u, "2*u"),
    "sum from one": (sp.Sum(x[i - 1, 0] ** 2, (i, 1, n)), x, "2*x"),
    "pairs": (sp.Sum((x[i, 0] - x[j, 0]) ** 2, *both), x, "4*(n*x - sum(x))"),
    "product": (sp.Product(x[i, 0], every), x, "prod(x)./x"),
    "row": ((X[0, :] * X[0, :].T)[0, 0], X, "2*unit(n,1)*unit(n,1)'*X"),
    "blocks": (block.T * block, x, "2*x"),
    "blocks of matrices": (
        block.T * sp.BlockMatrix([[A, B], [B.T, sp.Identity(m)]]) * block,
        B,
        "2*x*y'",
    ),
    "function of the place": (
        sp.Trace(sp.FunctionMatrix(n, n, sp.Lambda((i, j), x[i, 0] * x[j, 0]))),
        x,
        "2*x",
    ),
    "derivative of numbers": (sp.Derivative(t**3, t) * sp.Trace(A), t, "6*t*tr(A)"),
    "rotation": (
        sp.Matrix([[sp.cos(t), -sp.sin(t)], [sp.sin(t), sp.cos(t)]]) * sp.MatrixSymbol("w", 2, 1),
        t,
        "(cos(t)*(unit(2,2)*unit(2,1)' - unit(2,1)*unit(2,2)') - sin(t)*eye(2))*w",
    ),
}


NOBODYS = sp.Function("f")


@pytest.mark.parametrize(
    ("f", "by", "wanted"),
    [
        (NOBODYS(t**2), t, "2*t*f'(t^2)"),
        (NOBODYS(t).diff(t) * t, t, "t*f''(t) + f'(t)"),
        (sp.loggamma(t**2), t, "2*t*digamma(t^2)"),
        (sp.polygamma(0, t), t, "polygamma(1,t)"),
        (sp.besseli(0, t), t, "bessel_i1(t)"),
        (sp.erfc(t), t, "-2*exp(-t^2)/sqrt(pi)"),
        (sp.FunctionMatrix(2, 2, sp.Lambda((i, j), i - j)) * y2, y2, "[0, -1; 1, 0]"),
        (sp.BlockMatrix([[x], [y]]), x, "cols(m+n,1,n)"),
    ],
)
def test_functions_of_sympy_are_read(f: Any, by: Any, wanted: str) -> None:
    D = md.derive(f, by)
    assert str(D) == wanted
    assert D.check().ok
    assert md.derive(f, by).result is not None


@pytest.mark.parametrize("name", READ)
def test_a_class_of_sympy_is_read(name: str) -> None:
    f, by, wanted = READ[name]
    D = md.derive(f, by)
    assert str(D) == wanted
    assert D.check().ok


@pytest.mark.parametrize(
    ("f", "by"),
    [
        (W[:2, 1:3], W),
        (sp.Trace(W[:, :3]), W),
        (PermutationMatrix(Permutation([1, 2, 0])) * z, z),
        (z.T * sp.Matrix([[2, 1, 0], [1, 3, 1], [0, 1, 4]]) * z, z),
        (sp.Matrix([[1, z[0, 0]], [z[1, 0] * z[2, 0], 5]]), z),
        (sp.BlockMatrix([[z], [z]]).T * sp.MatrixSymbol("P", 6, 6) * sp.BlockMatrix([[z], [z]]), z),
    ],
)
def test_written_out_it_is_the_same(f: Any, by: Any) -> None:
    D = md.derive(f, by)
    rng = np.random.default_rng(2)
    symbols = f.atoms(sp.MatrixSymbol)
    given = {s: rng.uniform(0.5, 1.5, tuple(map(int, s.shape))) for s in symbols}
    written = f.as_explicit() if hasattr(f, "as_explicit") else f
    written = written.subs({s: s.as_explicit() for s in symbols}).doit()
    entries = {e: sp.Dummy() for s in symbols for e in s.as_explicit()}
    at = {entries[s[p, q]]: g[p, q] for s, g in given.items() for p, q in np.ndindex(*g.shape)}
    truth = [
        float(e.xreplace(entries).diff(entries[b]).xreplace(at))
        for e in (written if hasattr(written, "shape") else [written])
        for b in by.as_explicit()
    ]
    np.testing.assert_allclose(np.ravel(D.evaluate(given)), truth, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("f", "by", "says"),
    [
        (sp.Sum(x[i, 0] * x[i + 1, 0], (i, 0, n - 2)), x, "whole axis"),
        (sp.Sum(u[i], every) + sp.Sum(u[j], (j, 1, n)), u, "whole axis"),
        (u[i] ** 2, u, "no sizes"),
        (X[:, i], X, "MatrixElement|MatrixSlice"),
        (sp.gamma(t), t, "gamma"),
        (sp.Derivative(x.T * A * x, x), x, "Derivative"),
    ],
)
def test_what_is_not_read_is_named(f: Any, by: Any, says: str) -> None:
    with pytest.raises(MatderivError, match=says):
        md.derive(f, by)
