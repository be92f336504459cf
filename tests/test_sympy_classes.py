"""What SymPy builds is read: arrays with indices, slices, blocks, permutations, products.

Truth is the derivative of the same function written out in entries, by SymPy's scalar calculus.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sympy.combinatorics import Permutation
from sympy.matrices.expressions.permutation import PermutationMatrix
from sympy.tensor.array.expressions import ArrayContraction, ArraySymbol, ArrayTensorProduct

import matderiv as md
from matderiv.errors import MatderivError

n, m = sp.symbols("n m", integer=True, positive=True)
i, j, k = sp.symbols("i j k", integer=True)
t, s = sp.Symbol("t", real=True), sp.Symbol("s", positive=True)
x, y, A = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", m, 1), sp.MatrixSymbol("A", n, n)
B, X = sp.MatrixSymbol("B", n, m), sp.MatrixSymbol("X", n, m)
T = ArraySymbol("T", (n, n, n))
u, a, v = sp.IndexedBase("u"), sp.IndexedBase("a"), sp.IndexedBase("v", shape=(n,))
W, z = sp.MatrixSymbol("W", 3, 4), sp.MatrixSymbol("z", 3, 1)
every = (i, 0, n - 1)
both = (every, (j, 0, n - 1))
y2 = sp.MatrixSymbol("y", 2, 1)
block = sp.BlockMatrix([[x], [y]])
a2, (p, q) = sp.IndexedBase("a", shape=(n, n)), (sp.Idx("p", n), sp.Idx("q", n))
s3, q4 = sp.Matrix(sp.symbols("x1:4")), sp.Matrix(2, 2, sp.symbols("q0:2_0:2"))
PLACED = "(2*unit(3,1)*unit(3,1)' + unit(3,2)*unit(3,3)' + unit(3,3)*unit(3,2)')*x"
U = ArraySymbol("U", (n,))
u4 = sp.MatrixSymbol("u", 4, 1)
W3Z = sp.tensorproduct(sp.MatrixSymbol("W", 3, 3).as_explicit(), z.as_explicit())

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
    "part of an axis": (sp.Sum(x[i, 0] ** 2, (i, 1, n - 1)), x, "2*cols(n,2,n)*cols(n,2,n)'*x"),
    "slice": (x[1:, 0], x, "cols(n,2,n)'"),
    "neighbours": (
        sp.Sum(x[i, 0] * x[i + 1, 0], (i, 0, n - 2)),
        x,
        "(cols(n,1,n-1)*cols(n,2,n)' + cols(n,2,n)*cols(n,1,n-1)')*x",
    ),
    "half of the pairs": (
        sp.Sum(A[i, j] * x[i, 0] * x[j, 0], (j, 0, i), (i, 0, n - 1)),
        x,
        "(tril(A) + tril(A)')*x",
    ),
    "index as a number": (sp.Sum(i * x[i, 0], every), x, "arange(n)"),
    "index with sizes": (sp.Sum(a2[p, q] * v[p] * v[q], p, q), v, "(a + a')*v"),
    "free index": (sp.Sum(a2[i, j] * v[j], (j, 0, n - 1)), v, "a"),
    "free index, by an entry": (v[i] ** 2, v[j], "2*diag(v)"),
    "free index, by its entry": (v[i] ** 2, v[i], "2*v"),
    "by an entry at an index": ((x.T * A * x)[0, 0], x[i, 0], "(A + A')*x"),
    "matrix of symbols": (s3[0] ** 2 + s3[1] * s3[2], s3, PLACED),
    "its norm": (s3.norm(), s3, "x/norm2(x)"),
    "its determinant": (q4.det(), q4, "det(q)*inv(q)'"),
    "vector array": (sp.Sum(U[i] ** 2, every), U, "2*U"),
    "contraction": (
        ArrayContraction(ArrayTensorProduct(A, x, x), (0, 2), (1, 4)),
        x,
        "(A + A')*x",
    ),
    "explicit array": (sp.tensorcontraction(W3Z, (1, 2)), z, "W"),
    "derivative of matrices": (sp.Derivative(x.T * A * x * t**2, t), x, "2*t*(A + A')*x"),
    "derivative by a vector": (sp.Derivative(x.T * A * x, x), x, "A + A'"),
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
        (sp.gamma(s), s, "digamma(s)*exp(lgamma(s))"),
        (sp.factorial(s), s, "digamma(1 + s)*exp(lgamma(1 + s))"),
        (sp.gamma(t), t, "digamma(t)*exp(lgamma(t))*where(t>0,1,sign(sin(pi*t)))"),
        (sp.sinc(t), t, "(cos(pi*(t/pi)) - sinc(t/pi))/t"),
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
        (sp.Sum(x[i, 0] * x[i + 1, 0], (i, 0, n - 1)), x, "places 1 to n.1 run past the axis"),
        (sp.Sum(u[i], every) + sp.Sum(u[j], (j, 1, n)), u, "whole axis"),
        (u[i] ** 2, u, "no sizes"),
        (X[:, i], X, "MatrixSlice"),
        (sp.zeta(t), t, "zeta"),
        (sp.Derivative(A * x, x), x, "Derivative"),
    ],
)
def test_what_is_not_read_is_named(f: Any, by: Any, says: str) -> None:
    with pytest.raises(MatderivError, match=says):
        md.derive(f, by)


@pytest.mark.parametrize(
    ("f", "by", "meant"),
    [
        (sp.gamma(t), t, lambda t: math.gamma(t)),
        (sp.beta(t, t + 1), t, lambda t: math.gamma(t) * math.gamma(t + 1) / math.gamma(2 * t + 1)),
        (sp.binomial(7, t), t, lambda t: 5040 / math.gamma(t + 1) / math.gamma(8 - t)),
        (sp.sinc(t), t, lambda t: np.sin(t) / t),
        (READ["neighbours"][0], x, lambda x: x[1:] @ x[:-1]),
        (READ["part of an axis"][0], x, lambda x: x[1:] @ x[1:]),
        (sp.Sum(x[i + 1, 0] ** i, (i, 0, n - 2)), x, lambda x: sum(x[1:] ** np.arange(3))),
        (
            sp.Sum(x[i, 0] * x[j, 0] ** 2, (j, 0, i - 1), (i, 0, n - 1)),
            x,
            lambda x: sum(x[i] * x[j] ** 2 for i in range(4) for j in range(i)),
        ),
        (
            sp.Sum(x[i - 1, 0] * x[j - 1, 0] ** 2, (j, i + 1, n), (i, 1, n)),
            x,
            lambda x: sum(x[i] * x[j] ** 2 for i in range(4) for j in range(i + 1, 4)),
        ),
        (
            sp.Sum(x[i, 0] * x[j, 0] ** 2, (j, i, n - 1), (i, 0, n - 1)),
            x,
            lambda x: sum(x[i] * x[j] ** 2 for i in range(4) for j in range(i, 4)),
        ),
        (u4[::2, 0].T * u4[2:, 0], u4, lambda u: u[0] * u[2] + u[2] * u[3]),
        (s3[0] / s3[1] + sp.sin(s3[2]), s3, lambda x: x[0] / x[1] + np.sin(x[2])),
        (s3[0] / s3[1] + sp.sin(s3[2]), s3.T, lambda x: x[0] / x[1] + np.sin(x[2])),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_it_means_what_the_entries_say(f: Any, by: Any, meant: Any, sign: int) -> None:
    D = md.derive(f, by, check=False)
    at = np.array([1.3, 0.7, 1.9, 0.4]) if by in (x, u4) else np.array([1.3, 0.7, 1.9])
    at = at * sign if sign > 0 or by == t else at
    point, step = (at[0], 1e-5) if by == t else (at, 1e-5 * np.eye(len(at)))
    slopes = [(meant(point + h) - meant(point - h)) / 2e-5 for h in np.atleast_1d(step)]
    np.testing.assert_allclose(np.ravel(D.evaluate({D.wrt.name: point})), slopes, rtol=1e-6)
