"""Sums over entries that are matrix products read as products; others keep their index pattern."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

from matderiv.doors.derive import derive
from matderiv.expr import variable
from matderiv.input.from_sympy.sums import EXPRESSIONS
from matderiv.input.meaning.indexed import IndexedFactor, IndexedTerm, Realising
from matderiv.language.printer import text
from matderiv.numeric.evaluate import evaluate

n, d = sp.symbols("n d", integer=True, positive=True)
i, j, m = sp.symbols("i j m", integer=True)
X, A, B = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("B", n, n)
w, y = sp.MatrixSymbol("w", d, 1), sp.MatrixSymbol("y", n, 1)
R = X * w - y

READ = [
    ((y.T * X * w)[0, 0], "y'*X*w", w, "X'*y"),
    ((w.T * X.T * X * w)[0, 0], "w'*X'*X*w", w, "2*X'*X*w"),
    ((R.T * R)[0, 0], "sum((X*w - y).^2)", w, "2*X'*(X*w - y)"),
    (sp.Sum(A[i, j] * B[j, i], (i, 0, n - 1), (j, 0, n - 1)), "tr(A*B)", A, "B'"),
    (sp.Trace(A * B * A.T).rewrite(sp.Sum), "tr(A*B*A')", B, "A'*A"),
    (sp.Sum(A[i, j] * B[i, j], (i, 0, n - 1), (j, 0, n - 1)), "sum(A.*B)", A, "B"),
    (sp.Trace((A - sp.Symbol("t") * B) * A), "tr((A - t*B)*A)", A, "(2*A - t*B)'"),
]


@pytest.mark.parametrize(("f", "read", "wrt", "form"), READ, ids=[r[1] for r in READ])
def test_sums_of_entries_read_as_products(f: Any, read: str, wrt: Any, form: str) -> None:
    found = derive(f, wrt)
    assert (found.source, str(found)) == (read, form)
    assert found.check().verdict == "verified"


U, V, S = variable("U", (2, 3)), variable("V", (3, 2)), variable("S", (3, 3))
a, b = variable("a", (2,)), variable("b", (3,))
PATTERNS = [
    ("ab,bc->ac", (U, V), "U*V"),
    ("ab,bc->ca", (U, V), "V'*U'"),
    ("ba,cb->ac", (U, V), "U'*V'"),
    ("ab,b->a", (U, b), "U*b"),
    ("ab,a->b", (U, a), "U'*a"),
    ("ab,a,b->", (U, a, b), "a'*U*b"),
    ("ab,bc,ca->", (U, S, V), "tr(U*S*V)"),
    ("ab,ab->", (U, U), "sum(U.^2)"),
    ("a,a->", (a, a), "sum(a.^2)"),
    ("ab,bc,c->a", (U, S, b), "U*S*b"),
    # no path: an index used three times, twice in one array, once, an outer product, two paths
    ("ab,b,b->a", (U, b, b), "U*b.^2"),
    ("aa,a->a", (S, b), "diag(S).*b"),
    ("ab->a", (U,), "sum(U,2)"),
    ("a,b->ab", (a, b), "a*b'"),
    ("a,a,b,b->", (a, a, b, b), "sum(a.^2)*sum(b.^2)"),
    ("ab,a->ab", (U, a), "U.*a"),
]


@pytest.mark.parametrize(("spec", "arrays", "form"), PATTERNS, ids=[p[0] for p in PATTERNS])
def test_products_of_entries_are_matrix_notation(
    spec: str, arrays: tuple[Any, ...], form: str
) -> None:
    before, _, after = spec.partition("->")
    factors = tuple(
        IndexedFactor(e, tuple(at)) for e, at in zip(arrays, before.split(","), strict=True)
    )
    term = IndexedTerm(factors, frozenset(before) - {*after, ","})
    written = Realising(EXPRESSIONS, (0, 0), paths=True).term(term, tuple(after))
    rng = np.random.default_rng(1)
    values = {e.name: rng.standard_normal(e.shape) for e in arrays}
    truth = np.einsum(spec, *(values[e.name] for e in arrays))
    assert np.allclose(evaluate(written, values, {}), truth, rtol=1e-12)
    assert text(written) == form
