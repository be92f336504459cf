"""Points where a derivative exists and its formula is 0/0, 0·∞, ∞ - ∞, or overflows on the way.

f stands beside the formula once more, in mpmath: its one-sided difference quotient with 60 digits
is the truth. At kinks the truth is a convention and written out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Values = Mapping[str, Any]


class Edge(NamedTuple):
    """f by wrt at a point; the truth is the limit of difference quotients of `again`, or `said`.

    `again` is f in mpmath, called with arrays of its numbers by name. `side` is the side from which
    the limit is taken, 1 or -1.
    """

    f: str
    wrt: str
    shapes: Mapping[str, str]
    values: Values
    again: Callable[[Any, Any], Any] | None = None
    said: Any = None
    side: int = 1


def pairs(x: Any, y: Any) -> Any:
    """The entries of two arrays of one length, side by side."""
    return zip(x, y, strict=True)


def det(A: Any) -> Any:
    """The determinant, along the first row: defined for every matrix of numbers."""
    if len(A) == 1:
        return A[0][0]
    minors = (np.delete(A[1:], k, axis=1) for k in range(len(A)))
    return sum((-1) ** k * A[0][k] * det(minor) for k, minor in enumerate(minors))


N = {"x": "n", "y": "n"}
D = {"X": "n,d", "w": "d", "y": "n"}
S = {"A": "n,n"}
GUARDED = (
    Edge(
        "sum(where(x>0, sqrt(x), 0))",
        "x",
        {},
        {"x": [-2, 4, -1]},
        lambda m, x: sum(m.sqrt(a) for a in x if a > 0),
    ),
    Edge(
        "sum(where(x>0, x.*log(x), x.^2))",
        "x",
        {},
        {"x": [-2, 4, -1]},
        lambda m, x: sum(a * m.log(a) if a > 0 else a * a for a in x),
    ),
    Edge(
        "sum(where(x>0, exp(-1./x), 0))",
        "x",
        {},
        {"x": [0, 0.5, -1]},
        lambda m, x: sum(m.exp(-1 / a) for a in x if a > 0),
        side=-1,
    ),
    Edge(
        "sum(where(x<700, exp(x), 0))",
        "x",
        {},
        {"x": [1000, 1]},
        lambda m, x: sum(m.exp(a) for a in x if a < 700),
    ),
    Edge(
        "sum(where(abs(x)>0, sin(x)./x, 1))",
        "x",
        {},
        {"x": [2, 0]},
        lambda m, x: sum(m.sin(a) / a if a else 1 for a in x),
    ),
    Edge(
        "sum(sqrt(relu(x)))",
        "x",
        {},
        {"x": [-1, 4]},
        lambda m, x: sum(m.sqrt(a) for a in x if a > 0),
    ),
    Edge(
        "sum(relu(x).^y)",
        "x",
        N,
        {"x": [-1, 4], "y": [0.5, 1.5]},
        lambda m, x, y: sum(a**b for a, b in pairs(x, y) if a > 0),
    ),
    Edge(
        "sum(exp(A*where(x>0, sqrt(x), 0)))",
        "x",
        {"x": "n", "A": "m,n"},
        {"x": [-1, 4], "A": [[1, 0.5], [0.3, -1]]},
        lambda m, x, A: sum(m.exp(v) for v in A.dot([m.sqrt(a) if a > 0 else 0 for a in x])),
    ),
    Edge(
        "logsumexp(where(x>0, sqrt(x).*y, y))",
        "y",
        N,
        {"x": [-1, 4], "y": [0.5, 1.5]},
        lambda m, x, y: m.log(sum(m.exp(m.sqrt(a) * b if a > 0 else b) for a, b in pairs(x, y))),
    ),
    Edge(
        "sum(where(c, A*log(x), 0))",
        "x",
        {"x": "n", "A": "m,n", "c": "m"},
        {"x": [0, 1], "A": [[1, 2], [3, 4]], "c": [0, 0]},
        lambda m, x, A, c: 0,
    ),
    Edge(
        "sum(where(y>0, x./y, 0))",
        "y",
        N,
        {"x": [1, 2], "y": [0, 2]},
        lambda m, x, y: sum(a / b for a, b in pairs(x, y) if b > 0),
        side=-1,
    ),
    Edge(
        "where(a>0, sqrt(a), 0)*sum(x)",
        "a",
        {"a": "", "x": "n"},
        {"a": -1, "x": [1, 2]},
        lambda m, a, x: 0,
    ),
    Edge("where(det(A)>0, log(det(A)), 0)", "A", S, {"A": [[1, 2], [2, 4]]}, said=[[0, 0], [0, 0]]),
    Edge(
        "sum(where(x>=1, sqrt(x - 1), x) + where(x>0, log(x), 0))",
        "x",
        {},
        {"x": [-1, 0.5, 3]},
        lambda m, x: sum((m.sqrt(a - 1) if a >= 1 else a) + (m.log(a) if a > 0 else 0) for a in x),
    ),
)
ZERO_DATA = (
    Edge(
        "-sum(y.*log(p))",
        "p",
        {"y": "n", "p": "n"},
        {"y": [0, 1], "p": [0, 1]},
        lambda m, y, p: -sum(b * m.log(a) for a, b in pairs(p, y) if b),
    ),
    Edge(
        "-y'*log(X*w)",
        "w",
        D,
        {"X": [[0, 0], [1, 2]], "w": [1, 1], "y": [0, 1]},
        lambda m, X, w, y: -sum(b * m.log(a) for a, b in pairs(X.dot(w), y) if b),
    ),
    Edge(
        "-tr(Y'*log(P))",
        "P",
        {"Y": "n,d", "P": "n,d"},
        {"Y": [[0, 1], [1, 0]], "P": [[0, 1], [1, 0]]},
        lambda m, Y, P: -sum(b * m.log(a) for a, b in pairs(P.ravel(), Y.ravel()) if b),
    ),
    Edge(
        "kl(p, q)",
        "q",
        {"p": "n", "q": "n"},
        {"p": [0, 1], "q": [0, 0.5]},
        lambda m, p, q: sum(a * m.log(a / b) for a, b in pairs(p, q) if a),
    ),
    Edge(
        "bce(p, y)",
        "p",
        {"p": "n", "y": "n"},
        {"p": [0, 0.5], "y": [0, 1]},
        lambda m, p, y: (
            -sum((b * m.log(a) if b else 0) + (1 - b) * m.log(1 - a) for a, b in pairs(p, y)) / 2
        ),
    ),
    Edge(
        "bce(p, y)",
        "p",
        {"p": "n", "y": "n"},
        {"p": [1, 0.5], "y": [1, 1]},
        lambda m, p, y: -sum(m.log(a) for a in p) / 2,
        side=-1,
    ),
    Edge(
        "sum(y.*sqrt(x))",
        "x",
        N,
        {"x": [0, 4], "y": [0, 1]},
        lambda m, x, y: sum(b * m.sqrt(a) for a, b in pairs(x, y)),
    ),
    Edge(
        "sum(y.*arcsin(x))",
        "x",
        N,
        {"x": [1, 0.5], "y": [0, 1]},
        lambda m, x, y: sum(b * m.asin(a) for a, b in pairs(x, y) if b),
    ),
    Edge("norm2(a*x)", "a", {"a": "", "x": "n"}, {"a": 1.3, "x": [0, 0]}, lambda m, a, x: 0),
)
POWERS = (
    Edge(
        "sum(x.^c)",
        "c",
        {"x": "n", "c": ""},
        {"x": [0, 2], "c": 2},
        lambda m, x, c: sum(a**c for a in x),
    ),
    Edge(
        "sum(x.^c)",
        "x",
        {"x": "n", "c": ""},
        {"x": [0, 2], "c": 0},
        lambda m, x, c: sum(a**c for a in x),
    ),
    Edge("x^c", "c", {"x": "", "c": ""}, {"x": 0, "c": 2}, lambda m, x, c: x**c),
    Edge(
        "sum(x)*sum(A*x.^c)",
        "c",
        {"x": "n", "c": "", "A": "m,n"},
        {"x": [0, 2], "c": 1.5, "A": [[1, 2], [3, 4]]},
        lambda m, x, c, A: sum(x) * sum(A.dot([a**c for a in x])),
    ),
    Edge(
        "sum(x.^2.*log(x))",
        "x",
        {},
        {"x": [0, 2]},
        lambda m, x: sum(a * a * m.log(a) if a else 0 for a in x),
    ),
    Edge("sum(sqrt(x.^4))", "x", {}, {"x": [0, 2]}, lambda m, x: sum(a**2 for a in x)),
    Edge("sum((x.^2).^0.75)", "x", {}, {"x": [0, 4]}, lambda m, x: sum(abs(a) ** 1.5 for a in x)),
    Edge("sum(sqrt(x).^2)", "x", {}, {"x": [0, 4]}, lambda m, x: sum(x)),
    Edge("sum(abs(x).^3)", "x", {}, {"x": [0, -2]}, lambda m, x: sum(abs(a) ** 3 for a in x)),
    Edge("sum(x.*sqrt(x))", "x", {}, {"x": [0, 4]}, lambda m, x: sum(a * m.sqrt(a) for a in x)),
)
NORMS = (
    Edge(
        "norm2(x)*sum(x)",
        "x",
        {},
        {"x": [0, 0]},
        lambda m, x: m.sqrt(sum(a * a for a in x)) * sum(x),
    ),
    Edge("norm2(x)^1.5", "x", {}, {"x": [0, 0]}, lambda m, x: m.sqrt(sum(a * a for a in x)) ** 1.5),
    Edge("norm2(w)^2/2", "w", {}, {"w": [0, 0]}, lambda m, w: sum(a * a for a in w) / 2),
    Edge("norm2(relu(x))", "x", {}, {"x": [-1, -2]}, lambda m, x: 0),
    Edge(
        "exp(norm2(x)^3)", "x", {}, {"x": [0, 0]}, lambda m, x: m.exp(sum(a * a for a in x) ** 1.5)
    ),
    Edge("norm2(x)", "x", {}, {"x": [3e-200, 4e-200]}, said=[0.6, 0.8]),
    Edge("norm2(x)", "x", {}, {"x": [3e200, 4e200]}, said=[0.6, 0.8]),
    Edge("norm2(x)", "x", {}, {"x": [0, 0]}, said=[0, 0]),
    Edge("norm2(X*w - y)", "w", D, {"X": [[1, 2], [3, 4]], "w": [1, 1], "y": [3, 7]}, said=[0, 0]),
    Edge("log(1 + norm2(x))", "x", {}, {"x": [0, 0]}, said=[0, 0]),
    Edge("sqrt(mean((y - x).^2))", "x", N, {"x": [1, 2], "y": [1, 2]}, said=[0, 0]),
    Edge(
        "sqrt(x'*A*x)",
        "x",
        {"x": "n", "A": "n,n"},
        {"x": [0, 0], "A": [[2, 1], [1, 2]]},
        said=[0, 0],
    ),
    Edge("std(x)", "x", {}, {"x": [1, 1]}, said=[0, 0]),
    Edge("sum(sqrt(sum(X.^2,2)))", "X", {}, {"X": [[0, 0], [3, 4]]}, said=[[0, 0], [0.6, 0.8]]),
)
PRODUCTS = (
    *(Edge("prod(x)", "x", {}, {"x": x}, lambda m, x: x.prod()) for x in ([0, 2, 3], [0, 2, 0])),
    Edge(
        "sum(y.*prod(X,2))",
        "X",
        {"X": "n,d", "y": "n"},
        {"X": [[0, 2], [3, 4]], "y": [1, 2]},
        lambda m, X, y: sum(X.prod(axis=1) * y),
    ),
    Edge(
        "prod(A*x - y)",
        "x",
        {"A": "m,n", "x": "n", "y": "m"},
        {"A": [[1, 0], [0, 2]], "x": [1, 1], "y": [1, 1]},
        lambda m, A, x, y: (A.dot(x) - y).prod(),
    ),
    Edge("prod(x.^2)", "x", {}, {"x": [0, 2]}, lambda m, x: (x**2).prod()),
    *(
        Edge(f"prod({f})", "x", {}, {"x": x}, again)
        for x in ([0, 0.5, 0.8], [0, 0, 0.8])
        for f, again in (
            ("-x/3", lambda m, x: (-x / 3).prod()),
            ("2*x", lambda m, x: (2 * x).prod()),
            ("sin(x)", lambda m, x: m.fprod(map(m.sin, x))),
            ("sin(2*x).*cos(x)", lambda m, x: m.fprod(m.sin(2 * v) * m.cos(v) for v in x)),
            ("x./(1 + x)", lambda m, x: (x / (1 + x)).prod()),
        )
    ),
    *(
        Edge("prod(x) + prod(2*x)", "x", {}, {"x": x}, lambda m, x: x.prod() + (2 * x).prod())
        for x in ([0, 2, 3], [0, 2, 0])
    ),
    Edge("1 - prod(1 - x)", "x", {}, {"x": [1, 0.5]}, lambda m, x: 1 - (1 - x).prod()),
    *(
        Edge("det(A)", "A", S, {"A": A}, lambda m, A: det(A))
        for A in ([[0, 1], [0, 1]], [[0]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[0, 0], [0, 0]])
    ),
    Edge(
        "det(A)*(tr(A) + det(A)^2)",
        "A",
        S,
        {"A": [[1, 2], [2, 4]]},
        lambda m, A: det(A) * (A.trace() + det(A) ** 2),
    ),
    *(
        Edge(f"det({f})", "A", S, {"A": A}, again)
        for A in ([[1, 2], [2, 4]], [[0, 0], [0, 0]])
        for f, again in (
            ("-2*A/3", lambda m, A: det(-2 * A / 3)),
            ("A*A", lambda m, A: det(A.dot(A))),
            ("A*A*A", lambda m, A: det(A) ** 3),
            ("A*A'*A", lambda m, A: det(A) ** 3),
        )
    ),
    Edge(
        "(det(A) + det(2*A))^2",
        "A",
        S,
        {"A": [[1, 2], [2, 4]]},
        lambda m, A: (det(A) + det(2 * A)) ** 2,
    ),
    Edge(
        "det(X'*X)",
        "X",
        {"X": "n,d"},
        {"X": [[0, 1], [0, 1], [0, 2]]},
        lambda m, X: det(X.T.dot(X)),
    ),
    Edge(
        "det(A + t*B)",
        "t",
        {"A": "n,n", "B": "n,n", "t": ""},
        {"A": [[0, 1], [0, 1]], "B": [[1, 2], [3, 4]], "t": 0},
        lambda m, A, B, t: det(A + t * B),
    ),
    Edge(
        "det(B*A*B)",
        "A",
        {"A": "n,n", "B": "n,n"},
        {"A": [[0, 1], [0, 1]], "B": [[1, 2], [3, 4]]},
        lambda m, A, B: det(B.dot(A).dot(B)),
    ),
    Edge("det(diag(x))", "x", {}, {"x": [0, 2]}, lambda m, x: x.prod()),
)
OVERFLOWS = (
    Edge(
        "sum(log(cosh(x)))",
        "x",
        {},
        {"x": [1000, 0, -1000]},
        lambda m, x: sum(m.log(m.cosh(a)) for a in x),
    ),
    Edge(
        "sum(log(sinh(x)))",
        "x",
        {},
        {"x": [1000, 1]},
        lambda m, x: sum(m.log(m.sinh(a)) for a in x),
    ),
    Edge(
        "sum(1./cosh(x))",
        "x",
        {},
        {"x": [1000, 1, -1000]},
        lambda m, x: sum(1 / m.cosh(a) for a in x),
    ),
    Edge(
        "sum(exp(x)./cosh(x))",
        "x",
        {},
        {"x": [1000, 1, -1000]},
        lambda m, x: sum(m.exp(a) / m.cosh(a) for a in x),
    ),
    Edge(
        "sum(exp(-exp(x)))",
        "x",
        {},
        {"x": [1000, 1, -1000]},
        lambda m, x: sum(m.exp(-m.exp(a)) if a < 100 else 0 for a in x),
    ),
    Edge(
        "sum(exp(x).*exp(-x.^2))",
        "x",
        {},
        {"x": [1000, 1, -1000]},
        lambda m, x: sum(m.exp(a - a * a) for a in x),
    ),
    Edge(
        "sum(log(exp(x) + exp(y)))",
        "x",
        N,
        {"x": [1000, -1000], "y": [1000, -1000]},
        lambda m, x, y: sum(m.log(m.exp(a) + m.exp(b)) for a, b in pairs(x, y)),
    ),
    Edge(
        "log(y'*exp(x))",
        "x",
        N,
        {"x": [-1000, -1001], "y": [1, 3]},
        lambda m, x, y: m.log(sum(b * m.exp(a) for a, b in pairs(x, y))),
    ),
    Edge("logsumexp(x)", "x", {}, {"x": [1000, 1001]}, lambda m, x: m.log(sum(map(m.exp, x)))),
    Edge(
        "sum(softmax(x).*y)",
        "x",
        N,
        {"x": [1000, 1001], "y": [1, 2]},
        lambda m, x, y: sum(m.exp(a) * b for a, b in pairs(x, y)) / sum(map(m.exp, x)),
    ),
    Edge(
        "sum(exp(-x)./(1 + exp(-x)).^2)",
        "x",
        {},
        {"x": [1000, 1, -1000]},
        lambda m, x: sum(m.exp(-a) / (1 + m.exp(-a)) ** 2 for a in x),
    ),
    Edge(
        "bce(sigmoid(x), y)",
        "x",
        N,
        {"x": [1000, -1000], "y": [0, 1]},
        lambda m, x, y: (
            -sum(
                b * m.log(1 / (1 + m.exp(-a))) + (1 - b) * m.log(1 / (1 + m.exp(a)))
                for a, b in pairs(x, y)
            )
            / 2
        ),
    ),
    Edge(
        "sum(log(1 - tanh(x).^2))",
        "x",
        {},
        {"x": [100, 1, -100]},
        lambda m, x: sum(-2 * m.log(m.cosh(a)) for a in x),
    ),
    *(
        Edge(f"sum({name}(x))", "x", {}, {"x": [1000, 1, -1000]}, again)
        for name, again in (
            ("softplus", lambda m, x: sum(m.log(1 + m.exp(a)) for a in x)),
            ("sigmoid", lambda m, x: sum(1 / (1 + m.exp(-a)) for a in x)),
            ("silu", lambda m, x: sum(a / (1 + m.exp(-a)) for a in x)),
            ("gelu", lambda m, x: sum(a * m.ncdf(a) for a in x)),
            ("tanh", lambda m, x: sum(map(m.tanh, x))),
            ("elu", lambda m, x: sum(a if a > 0 else m.expm1(a) for a in x)),
        )
    ),
)
TIES = (
    Edge("max(x)", "x", {}, {"x": [1, 1]}, said=[0.5, 0.5]),
    Edge("min(x)", "x", {}, {"x": [1, 1, 2]}, said=[0.5, 0.5, 0]),
    Edge("norminf(x)", "x", {}, {"x": [1, -1, 0]}, said=[0.5, -0.5, 0]),
    Edge("sum(max(X, axis=2))", "X", {}, {"X": [[1, 1], [2, 1]]}, said=[[0.5, 0.5], [1, 0]]),
    Edge("sum(max(X, axis=1))", "X", {}, {"X": [[1, 1], [2, 1]]}, said=[[0, 0.5], [1, 0.5]]),
    Edge(
        "max(A*x)",
        "x",
        {"A": "m,n", "x": "n"},
        {"A": [[1, 2], [1, 2]], "x": [1, -1]},
        lambda m, A, x: max(A.dot(x)),
    ),
    Edge("sum((x >= max(x)).*y)", "y", N, {"x": [1, 1], "y": [2, 3]}, lambda m, x, y: sum(y)),
)
KINDS: Mapping[str, Sequence[Edge]] = {
    "guarded": GUARDED,
    "zero data": ZERO_DATA,
    "powers": POWERS,
    "norms": NORMS,
    "products": PRODUCTS,
    "overflows": OVERFLOWS,
    "ties": TIES,
}
EDGES = tuple(edge for edges in KINDS.values() for edge in edges)


def truth_of(edge: Edge) -> np.ndarray:
    """The derivative: what is said, or one-sided difference quotients in mpmath."""
    if edge.again is None:
        return np.asarray(edge.said, dtype=float)
    return _quotients(edge, 1)


def second_of(edge: Edge) -> np.ndarray:
    """The second derivative: difference quotients in mpmath."""
    return _quotients(edge, 2)


def _quotients(edge: Edge, order: int) -> np.ndarray:
    from mpmath import mp

    assert edge.again is not None
    with mp.workdps(60 * order):
        numbers = {name: mpf_array(mp, value) for name, value in edge.values.items()}
        step = edge.side * mp.mpf(10) ** -30

        def at(*places: tuple[int, ...]) -> Any:
            moved = numbers | {edge.wrt: numbers[edge.wrt].copy()}
            for place in places:
                moved[edge.wrt][place] += step
            return edge.again(mp, **{n: v[()] for n, v in moved.items()})  # type: ignore[misc]

        cells = list(np.ndindex(numbers[edge.wrt].shape))
        if order == 1:
            found = [(at(k) - at()) / step for k in cells]
        else:
            found = [(at(j, k) - at(j) - at(k) + at()) / step**2 for j in cells for k in cells]
        return np.array([float(v) for v in found]).reshape(numbers[edge.wrt].shape * order)


def mpf_array(mp: Any, value: Any) -> Any:
    """An array of mpmath's numbers."""
    return np.vectorize(mp.mpf, otypes=[object])(np.asarray(value, dtype=float))
