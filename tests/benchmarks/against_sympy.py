"""Time of derivation against SymPy's `diff`, on matrix expressions that SymPy gets right.

Each problem is stated for both; SymPy's answer is evaluated and compared with ours before its time
counts. Bar: median ratio at most 1/3, aim 1/10.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from benchmarks.measure import seconds, table
from matderiv.doors.derive import derive

SIZE = 4
K = sp.Symbol("k", integer=True, positive=True)
A, B, C, X = (sp.MatrixSymbol(name, K, K) for name in "ABCX")
x, y, a = (sp.MatrixSymbol(name, K, 1) for name in "xya")
SHAPES = {**dict.fromkeys("ABCX", "k,k"), **dict.fromkeys("xya", "k")}


@dataclass(frozen=True)
class Question:
    """The same derivative in both spellings."""

    text: str
    wrt: str
    ask: Callable[[], Any]


def tr(e: Any) -> Any:
    """SymPy's trace."""
    return sp.Trace(e)


AFFINE = A * X * B + C


QUESTIONS = (
    Question("tr(X)", "X", lambda: tr(X).diff(X)),
    Question("tr(A*X)", "X", lambda: tr(A * X).diff(X)),
    Question("tr(X*A)", "X", lambda: tr(X * A).diff(X)),
    Question("tr(A*X*B)", "X", lambda: tr(A * X * B).diff(X)),
    Question("tr(A*X'*B)", "X", lambda: tr(A * X.T * B).diff(X)),
    Question("tr(X'*X)", "X", lambda: tr(X.T * X).diff(X)),
    Question("tr(X*X)", "X", lambda: tr(X * X).diff(X)),
    Question("tr(X*X*B)", "X", lambda: tr(X * X * B).diff(X)),
    Question("tr(X'*B*X)", "X", lambda: tr(X.T * B * X).diff(X)),
    Question("tr(A*X*B*X)", "X", lambda: tr(A * X * B * X).diff(X)),
    Question("tr(A*X*B*X')", "X", lambda: tr(A * X * B * X.T).diff(X)),
    Question("tr(A*X*B*X'*C)", "X", lambda: tr(A * X * B * X.T * C).diff(X)),
    Question("tr(B'*X'*C*X*B)", "X", lambda: tr(B.T * X.T * C * X * B).diff(X)),
    Question("tr(inv(X))", "X", lambda: tr(X.I).diff(X)),
    Question("tr(A*inv(X)*B)", "X", lambda: tr(A * X.I * B).diff(X)),
    Question("tr(inv(X + A))", "X", lambda: tr((X + A).I).diff(X)),
    Question("tr(X*A*X*B*X)", "X", lambda: tr(X * A * X * B * X).diff(X)),
    Question("tr((A*X*B + C)*(A*X*B + C)')", "X", lambda: tr(AFFINE * AFFINE.T).diff(X)),
    Question("a'*X*y", "X", lambda: (a.T * X * y).diff(X)),
    Question("a'*X'*y", "X", lambda: (a.T * X.T * y).diff(X)),
    Question("a'*inv(X)*y", "X", lambda: (a.T * X.I * y).diff(X)),
    Question("a'*X'*X*y", "X", lambda: (a.T * X.T * X * y).diff(X)),
    Question("y'*X'*A*X*y", "X", lambda: (y.T * X.T * A * X * y).diff(X)),
    Question("a'*x", "x", lambda: (a.T * x).diff(x)),
    Question("x'*A*x", "x", lambda: (x.T * A * x).diff(x)),
    Question("(A*x + a)'*(A*x + a)", "x", lambda: ((A * x + a).T * (A * x + a)).diff(x)),
    Question("(x - A*y)'*B*(x - A*y)", "y", lambda: ((x - A * y).T * B * (x - A * y)).diff(y)),
)
"""Questions that SymPy 1.14 answers rightly; `compared` says so again in every run."""


def compared(question: Question) -> tuple[bool, float, float]:
    """Is SymPy right here, and the seconds of SymPy and of matderiv, each warm."""
    rng = np.random.default_rng(0)
    values = {n: rng.standard_normal((SIZE, SIZE)) + 3 * np.eye(SIZE) for n in "ABCX"}
    values |= {n: rng.standard_normal((SIZE, 1)) for n in "xya"}
    theirs = numbers(question.ask(), values)
    mine = derive(question.text, question.wrt, shapes=SHAPES)
    ours = np.reshape(mine.evaluate({n: np.squeeze(v) for n, v in values.items()}), (SIZE, -1))
    right = theirs is not None and np.allclose(theirs, ours)
    return (
        right,
        seconds(lambda: cleared(question.ask)),
        seconds(lambda: str(derive(question.text, question.wrt, shapes=SHAPES))),
    )


def cleared(ask: Callable[[], Any]) -> Any:
    """SymPy's answer without what it remembers from the last time."""
    sp.core.cache.clear_cache()
    return ask()


def numbers(answer: Any, values: dict[str, Any]) -> Any:
    """SymPy's answer as an array; None where it is not a matrix of the right size."""
    replaced = answer.subs(K, SIZE)
    named = {s: s.name for s in replaced.atoms(sp.MatrixSymbol)}
    given = {s: sp.Matrix(values[name]) for s, name in named.items()}
    try:
        found = np.array(replaced.subs(given).doit().as_explicit(), dtype=float)
    except (AttributeError, TypeError, ValueError):
        return None
    return found.reshape(SIZE, -1) if found.size in (SIZE, SIZE * SIZE) else None


def measured() -> list[tuple[str, bool, float, float, float]]:
    """(question, SymPy right, SymPy ms, our ms, ratio) for every question."""
    rows = []
    for question in QUESTIONS:
        right, theirs, ours = compared(question)
        rows.append((question.text, right, 1e3 * theirs, 1e3 * ours, ours / theirs))
    return rows


def median_ratio(rows: list[tuple[str, bool, float, float, float]]) -> float:
    """The median of our time over SymPy's where SymPy is right."""
    return statistics.median(row[-1] for row in rows if row[1])


def main() -> None:
    """Print the table."""
    rows = measured()
    counted = sum(row[1] for row in rows)
    heading = ("expression", "SymPy right", "SymPy ms", "matderiv ms", "ratio")
    table(
        f"against SymPy's diff: median ratio {median_ratio(rows):.3f} over {counted} expressions",
        [heading, *rows],
    )


if __name__ == "__main__":
    main()
