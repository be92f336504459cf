"""Deep expressions for the growth of time, size and memory, built in Python.

`chain`: h := tanh(W_k h). `residual`: h := h + tanh(W_k h). `squares`: s := s .* s and `shared`:
s := cos(s .* s), which would have 2^k factors if they were written out.
"""

from __future__ import annotations

from collections.abc import Callable

import matderiv.functions as functions
from matderiv.expr import Expr, apply, variable
from matderiv.shapes import Dim

assert functions
N = Dim(("n",))
LAYERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def weights(k: int) -> Expr:
    """The weights of layer k."""
    return variable(f"W{k}", (N, N))


def chain(layers: int) -> tuple[Expr, Expr]:
    """sum(tanh(W_L ... tanh(W_1 x))) and its first weights."""
    h = variable("x", (N,))
    for k in range(1, layers + 1):
        h = apply("tanh", apply("mul", weights(k), h))
    return apply("sum", h, params=(None,)), weights(1)


def residual(layers: int) -> tuple[Expr, Expr]:
    """The same with blocks h + tanh(W_k h)."""
    h = variable("x", (N,))
    for k in range(1, layers + 1):
        h = apply("add", h, apply("tanh", apply("mul", weights(k), h)))
    return apply("sum", h, params=(None,)), weights(1)


def squares(layers: int) -> tuple[Expr, Expr]:
    """The sum of a sub-expression squared entry by entry, `layers` times over."""
    s = apply("sin", apply("mul", weights(1), variable("x", (N,))))
    for _ in range(layers):
        s = apply("hadamard", s, s)
    return apply("sum", s, params=(None,)), weights(1)


def shared(layers: int) -> tuple[Expr, Expr]:
    """The same with a cosine around every square."""
    s = apply("sin", apply("mul", weights(1), variable("x", (N,))))
    for _ in range(layers):
        s = apply("cos", apply("hadamard", s, s))
    return apply("sum", s, params=(None,)), weights(1)


NETWORKS: dict[str, Callable[[int], tuple[Expr, Expr]]] = {
    "tanh chain": chain,
    "residual": residual,
    "squares": squares,
    "shared": shared,
}


def total(terms: int) -> tuple[Expr, Expr]:
    """A sum of `terms` quadratic terms in different matrices, by their common vector."""
    x = variable("x", (N,))
    parts = [apply("mul", x.T, variable(f"A{k}", (N, N)), x) for k in range(terms)]
    return (apply("add", *parts) if terms > 1 else parts[0]), x


def products(terms: int) -> tuple[Expr, Expr]:
    """A sum of `terms` different linear layers behind sigmoids, by their common vector."""
    x = variable("x", (N,))
    parts = [
        apply("sum", apply("sigmoid", apply("mul", variable(f"A{k}", (N, N)), x)), params=(None,))
        for k in range(terms)
    ]
    return (apply("add", *parts) if terms > 1 else parts[0]), x


SUMS: dict[str, Callable[[int], tuple[Expr, Expr]]] = {"quadratic": total, "sigmoid": products}
