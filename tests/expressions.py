"""Random expressions with fitting shapes, for fuzzing.

`expressions()` covers most of the language; `smooth_expressions()` only functions that are smooth
and finite for moderate real values. All use the variables in `VARIABLES`, declared by `SHAPES`.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from matderiv import functions
from matderiv.expr import Expr, apply, eye, is_, ones, size_expr, variable
from matderiv.shapes import Dim, Shape, Size

M, N, D = Dim(("m",)), Dim(("n",)), Dim(("d",))
SIZES: tuple[Size, ...] = (M, N, D)
SHAPES = {
    "a": "",
    "b": "",
    "t": "",
    "x": "n",
    "y": "n",
    "u": "m",
    "v": "m",
    "w": "d",
    "A": "m,n",
    "B": "n,m",
    "C": "n,n",
    "E": "n,n",
    "F": "m,m",
    "X": "n,d",
    "W": "d,m",
    "V": "d,d",
}
"""Declarations of all variables, as `read` takes them."""


def _declared(name: str, written: str) -> Expr:
    return variable(name, tuple(Dim((s,)) for s in written.split(",") if s))


VARIABLES = {name: _declared(name, written) for name, written in SHAPES.items()}
KINKED = ("abs", "relu", "sign", "step", "elu")
ROUGH = ("exp", "log", "sqrt", "log1p", "expm1", "tan", "sinh", "cosh", "square", "arcsin")
SMOOTH = ("sin", "cos", "tanh", "sigmoid", "softplus", "arctan", "silu", "erf", "gelu")
assert functions

Draw = Callable[[Any], Any]
Maker = Callable[[], Expr]


class _Grower:
    """Draws one expression: `grow(shape, budget)` has about `budget` leaves."""

    def __init__(self, draw: Draw, smooth: bool) -> None:
        self.draw = draw
        self.smooth = smooth

    def pick(self, options: Any) -> Any:
        return self.draw(st.sampled_from(list(options)))

    def size(self) -> Size:
        return self.pick(SIZES)

    def grow(self, shape: Shape, budget: int) -> Expr:
        if budget <= 1:
            return self.leaf(shape)
        makers = [*self.anywhere(shape, budget), *self.by_rank(shape, budget)]
        return self.pick(makers)()

    def leaf(self, shape: Shape) -> Expr:
        named = [v for v in VARIABLES.values() if v.shape == shape]
        if not shape:
            named += [apply("number", params=(Fraction(k),)) for k in ("2", "3", "1/2", "7")]
            named.append(size_expr(N))
        if len(shape) == 2 and shape[0] == 1:
            return apply("transpose", self.leaf(shape[1:]))
        if not named:
            named = [apply("transpose", v) for v in VARIABLES.values() if v.shape == shape[::-1]]
        return self.pick(named or [ones(*shape)])

    def two(self, first: Shape, second: Shape, budget: int) -> tuple[Expr, Expr]:
        left = self.draw(st.integers(1, max(1, budget - 1)))
        return self.grow(first, left), self.grow(second, max(1, budget - left))

    # Nodes of any shape --------------------------------------------------------------------------

    def anywhere(self, shape: Shape, budget: int) -> list[Maker]:
        makers: list[Maker] = [
            lambda: apply("add", *self.two(shape, shape, budget)),
            lambda: self.difference(shape, budget),
            lambda: apply("hadamard", *self.two(shape, shape, budget)),
            lambda: apply("mul", *self.two((), shape, budget)),
            lambda: apply("neg", self.grow(shape, budget)),
            lambda: apply(self.pick(SMOOTH), self.grow(shape, budget - 1)),
            lambda: apply("epow", self.grow(shape, budget - 1), self.pick((2, 3))),
            lambda: self.safe_quotient(shape, budget),
            lambda: apply("log", 1 + apply("epow", self.grow(shape, budget - 1), 2)),
        ]
        if not self.smooth:
            makers += [
                lambda: apply(self.pick(KINKED + ROUGH), self.grow(shape, budget - 1)),
                lambda: apply("maximum", *self.two(shape, (), budget)),
                lambda: apply("minimum", *self.two(shape, shape, budget)),
                lambda: self.choice(shape, budget),
                lambda: apply("ediv", *self.two(shape, shape, budget)),
                lambda: apply("div", *self.two(shape, (), budget)),
                lambda: apply("epow", self.grow(shape, budget - 1), apply("neg", 1)),
                lambda: apply("huber", self.grow(shape, budget - 1), 1),
            ]
        return makers

    def difference(self, shape: Shape, budget: int) -> Expr:
        first, second = self.two(shape, shape, budget)
        return apply("add", first, apply("neg", second), *([self.leaf(shape)] * (budget > 3)))

    def safe_quotient(self, shape: Shape, budget: int) -> Expr:
        above, below = self.two(shape, shape, budget)
        return apply("ediv", above, 1 + apply("epow", below, 2))

    def choice(self, shape: Shape, budget: int) -> Expr:
        test, other = self.two(shape, shape, budget - 1)
        compared = apply(self.pick(("gt", "lt", "ge", "le")), test, self.pick((0, 1)))
        if self.draw(st.booleans()):
            return apply("hadamard", compared, other)
        return apply("where", compared, self.leaf(shape), other)

    # By number of axes ---------------------------------------------------------------------------

    def by_rank(self, shape: Shape, budget: int) -> list[Maker]:
        if not shape:
            return self.scalars(budget)
        if len(shape) == 1:
            return self.vectors(shape[0], budget)
        if shape[0] == 1:
            return [lambda: self.transposed((shape[1],), budget)]
        return self.matrices(shape[0], shape[1], budget)

    def transposed(self, shape: Shape, budget: int) -> Expr:
        inner = self.grow(shape, budget)
        return inner.args[0] if is_(inner, "transpose") else apply("transpose", inner)

    def scalars(self, budget: int) -> list[Maker]:
        m, n = self.size(), self.size()
        makers: list[Maker] = [
            lambda: self.reduced(self.pick(("sum", "mean")), (n,), budget),
            lambda: self.reduced(self.pick(("sum", "mean", "var")), (m, n), budget),
            lambda: self.reduced("logsumexp", (n,), budget),
            lambda: apply("mul", self.transposed((n,), budget // 2), self.grow((n,), budget // 2)),
            lambda: apply("tr", self.grow((n, n), budget)),
            lambda: apply("power", self.grow((), budget - 1), self.pick((2, 3))),
            lambda: apply("mse", *self.two((n,), (n,), budget)),
            lambda: apply("dot", *self.two((n,), (n,), budget)),
            lambda: apply("quadform", *self.two((n,), (n, n), budget)),
            lambda: apply("logdet", self.definite(n, budget)),
            lambda: self.reduced("sum", (n, m), budget, self.kron(m, n)),
        ]
        if not self.smooth:
            makers += [
                lambda: self.reduced(self.pick(("max", "min", "prod", "std")), (n,), budget),
                lambda: apply(self.pick(("norm1", "norm2", "norminf")), self.grow((m, n), budget)),
                lambda: apply("det", self.grow((n, n), budget)),
                lambda: apply("div", *self.two((), (), budget)),
                lambda: apply("power", self.grow((), budget - 1), apply("neg", Fraction(1, 2))),
                lambda: apply("cross_entropy", *self.two((n, m), (n, m), budget)),
            ]
        return makers

    def reduced(self, name: str, shape: Shape, budget: int, inner: Expr | None = None) -> Expr:
        return apply(name, inner or self.grow(shape, budget), params=(None,))

    def kron(self, m: Size, n: Size) -> Expr:
        return apply("kron", self.leaf((m, n)), self.leaf((n,)))

    def definite(self, n: Size, budget: int) -> Expr:
        """C'C + I, whose determinant is at least 1."""
        root = self.leaf((n, n)) if budget < 3 else apply("tanh", self.grow((n, n), budget - 2))
        gram = apply("mul", root.args[0] if is_(root, "transpose") else root.T, root)
        return apply("add", gram, eye(n))

    def vectors(self, n: Size, budget: int) -> list[Maker]:
        m = self.size()
        makers: list[Maker] = [
            lambda: apply("mul", *self.two((n, m), (m,), budget)),
            lambda: apply("softmax", self.grow((n,), budget - 1), params=(None,)),
            lambda: apply("log_softmax", self.grow((n,), budget - 1), params=(None,)),
            lambda: apply("diag", self.grow((n, n), budget)),
            lambda: apply(self.pick(("sum", "mean")), self.grow((n, m), budget), params=(2,)),
            lambda: apply("logsumexp", self.grow((n, m), budget), params=(2,)),
            lambda: apply("add", self.grow((n,), budget), apply("vector", 1, params=(n,))),
            lambda: apply("solve", self.definite(n, budget // 2), self.grow((n,), budget // 2)),
        ]
        if not self.smooth:
            makers += [
                lambda: apply("max", self.grow((n, m), budget), params=(2,)),
                lambda: apply("mul", apply("inv", self.leaf((n, n))), self.grow((n,), budget)),
                lambda: apply("add", self.grow((n,), budget), ones(n)),
            ]
        return makers

    def matrices(self, m: Size, n: Size, budget: int) -> list[Maker]:
        k = self.size()
        makers: list[Maker] = [
            lambda: apply("mul", *self.two((m, k), (k, n), budget)),
            lambda: self.transposed((n, m), budget),
            lambda: apply("mul", self.grow((m,), budget // 2), self.leaf((1, n))),
            lambda: apply("outer", *self.two((m,), (n,), budget)),
            lambda: apply("add", *self.two((m, n), (1, n), budget)),
            lambda: apply("hadamard", *self.two((m,), (m, n), budget)),
            lambda: apply("softmax", self.grow((m, n), budget), params=(self.pick((1, 2)),)),
            lambda: apply("mul", apply("diag", self.leaf((m,))), self.grow((m, n), budget - 1)),
            lambda: apply(
                "einsum", self.leaf((m, k)), self.grow((k, n), budget - 1), params=("ij,jk->ik",)
            ),
            lambda: apply("layernorm", self.grow((m, n), budget), Fraction(1, 100000)),
            lambda: apply("add", self.grow((m, n), budget), apply("matrix", 1, params=(m, n))),
            lambda: apply("permute", self.grow((n, m), budget), params=(2, 1)),
        ]
        if m == n:
            makers += [
                lambda: apply("power", self.grow((m, m), budget - 1), self.pick((2, 3))),
                lambda: apply("diag", self.grow((m,), budget)),
                lambda: apply("add", self.grow((m, m), budget), eye(m)),
                lambda: apply("inv", self.definite(m, budget)),
            ]
        return makers


@st.composite
def expressions(draw: Draw, max_leaves: int = 8, shape: Shape | None = None) -> Expr:
    """An expression over most of the language; of any shape unless one is asked for."""
    return _grown(draw, max_leaves, shape, smooth=False)


@st.composite
def smooth_expressions(draw: Draw, max_leaves: int = 6, shape: Shape | None = None) -> Expr:
    """An expression that is smooth and finite for moderate real values."""
    return _grown(draw, max_leaves, shape, smooth=True)


def _grown(draw: Draw, max_leaves: int, shape: Shape | None, smooth: bool) -> Expr:
    grower = _Grower(draw, smooth)
    if shape is None:
        shape = draw(st.sampled_from([(), (N,), (M, N), (N, N), (1, M)]))
    return grower.grow(shape, draw(st.integers(1, max_leaves)))
