"""Convolutions and windows: linear maps by arrays of 0 and 1."""

from __future__ import annotations

from typing import Any

from matderiv.errors import ShapeError
from matderiv.expr import Expr, Params, apply
from matderiv.functions.record import Named, shorthand, structural
from matderiv.functions.structured import constant_map
from matderiv.lazy import np
from matderiv.shapes import Dim, Shape, Size, Unify, minus, plus, shape_text

# Convolutions ------------------------------------------------------------------------------------


def _full(name: str, n: Size, k: Size) -> Size:
    return plus(n, k, -1)


def _valid(name: str, n: Size, k: Size) -> Size:
    """n - k + 1, where it is a number or a plain size, as that of a convolution is."""
    left = plus(n, minus(k), 1)
    if isinstance(left, Dim) and (left.names[0][0] == "(" or left.coefficient < 1):
        raise ShapeError(f"{name} needs sizes that are numbers, these are {n} and {k}")
    if isinstance(left, int) and left < 1:
        raise ShapeError(f"{name} needs a kernel that fits: {k} is more than {n}")
    return left


def _full_map(n: int, k: int) -> Any:
    t, i, j = np.indices((n + k - 1, n, k))
    return (t == i + j) * 1.0


constant_map(
    "full_map",
    lambda p: (_full("full_map", p[0], p[1]), p[0], p[1]),
    _full_map,
    "The array with 1 where t = i + j; behind convolutions.",
    2,
)


def _convolved(x: Any, w: Any, full: bool) -> Any:
    """The full convolution, or the valid cross-correlation, along every axis."""
    maps = [
        _full_map(n, k) if full else np.moveaxis(_full_map(n - k + 1, k), 1, 0)
        for n, k in zip(np.shape(x), np.shape(w), strict=True)
    ]
    if np.ndim(x) == 1:
        return np.einsum("tij,i,j->t", *maps, x, w)
    return np.einsum("tij,ukl,ik,jl->tu", *maps, x, w)


def _convolution(name: str, axes: int, full: bool, adjoint: Named, says: str, example: str) -> None:
    size = _full if full else _valid

    def rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
        x, w = shapes
        if len(x) != axes or len(w) != axes:
            raise ShapeError(
                f"{name} needs arrays of {axes} axes, these are {shape_text(x)} and {shape_text(w)}"
            )
        found = tuple(size(name, n, k) for n, k in zip(x, w, strict=True))
        if 1 in (*x, *w, *found):
            raise ShapeError(
                f"{name} is a product here, for {shape_text(x)} and {shape_text(w)}",
                hint="dot(x, w) or x*w",
            )
        return found

    def pattern(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
        x, w = node.args
        at = [fresh(n) for n in x.shape], [fresh(k) for k in w.shape]
        extra = []
        for t, i, j, m, n, k in zip(out, *at, node.shape, x.shape, w.shape, strict=True):
            sizes, places = ((n, k), (t, i, j)) if full else ((m, k), (i, t, j))
            extra.append((apply("full_map", params=sizes), places))
        return [tuple(at[0]), tuple(at[1])], extra

    structural(
        name,
        rule,
        pattern,
        numpy=lambda x, w: _convolved(x, w, full),
        arity=(2, 2),
        along=lambda y, k, e: apply(name, *(e if j == k else a for j, a in enumerate(y.args))),
        adjoint=adjoint,
        says=says,
        source="Dumoulin & Visin 2016, A guide to convolution arithmetic",
        example=example,
    )


_convolution(
    "conv",
    1,
    True,
    lambda y, k, seed: apply("conv1d", seed, y.args[1 - k]),
    "The convolution: entry t is the sum of all x_i w_j with i + j = t, as numpy.convolve.",
    "conv(x, y)",
)
_convolution(
    "conv1d",
    1,
    False,
    lambda y, k, seed: apply("conv1d", y.args[0], seed) if k else apply("conv", seed, y.args[1]),
    "The cross-correlation where the kernel fits, Σ_j x_(t+j) w_j, as in PyTorch.",
    "conv1d(conv(x, y), y)",
)
_convolution(
    "conv2d_full",
    2,
    True,
    lambda y, k, seed: apply("conv2d", seed, y.args[1 - k]),
    "The convolution of matrices: Σ X_ij W_kl over i + k = t and j + l = u.",
    "conv2d_full(X, W)",
)
_convolution(
    "conv2d",
    2,
    False,
    lambda y, k, seed: (
        apply("conv2d", y.args[0], seed) if k else apply("conv2d_full", seed, y.args[1])
    ),
    "The cross-correlation of matrices where the kernel fits, as in PyTorch.",
    "conv2d(conv2d_full(X, W), W)",
)


# Windows -----------------------------------------------------------------------------------------


def _window_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    (s,), (k,) = shapes, params
    if len(s) != 1 or not isinstance(s[0], int) or s[0] % k:
        raise ShapeError(f"windows of {k} need a vector of a multiple of {k}, not {shape_text(s)}")
    return (s[0] // k,)


def _of_windows(how: str, x: Expr, k: int) -> Expr:
    (n,) = x.shape
    count = n // k if isinstance(n, int) else 0
    found = apply(how, apply("unvec", x, params=(k, count)), params=(1,))
    return found.T if count > 1 else apply("vec", found)


for _name, _how in (("maxpool", "max"), ("avgpool", "mean")):
    shorthand(
        _name,
        _window_rule,
        lambda x, k, _how=_how: _of_windows(_how, x, k),
        call="window",
        says=f"{_name}(x, k) is the {_how} of each k entries of x in turn.",
        example=f"{_name}(cross(x, y), 3)",
    )
