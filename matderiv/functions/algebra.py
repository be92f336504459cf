"""Sums, products, quotients, transposes and powers, and the index patterns behind them.

An `axes` hook receives the node, the output indices and `fresh(size)`, and answers
(indices for each argument, extra factors). See `matderiv.tensors.tensor.lower`, which reads it.
"""

from functools import reduce
from operator import add, mul
from typing import Any

from matderiv.errors import ShapeError
from matderiv.expr import Expr, Params
from matderiv.functions.record import (
    Function,
    broadcast_rule,
    elementwise,
    first_rule,
    register,
    structural,
)
from matderiv.lazy import np
from matderiv.shapes import Shape, Unify, is_scalar, shape_text


def align(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Vectors as columns where a matrix is among the values, for broadcasting."""
    ranks = [getattr(v, "ndim", 0) for v in values]
    if max(ranks) != 2:
        return values
    return tuple([v[:, None] if rank == 1 else v for v, rank in zip(values, ranks, strict=True)])


# Elementwise combination ------------------------------------------------------------------------


def spread(shape: Shape, out: tuple[Any, ...], whole: Shape) -> tuple[Any, ...]:
    """The output indices that an argument of `shape` has when it broadcasts to `whole`.

    Axes of size 1 get the output's index too; the lowering drops indices of size 1.
    """
    if is_scalar(shape):
        return (None,) * len(shape)
    if len(shape) == 1 and len(whole) == 2:
        return (out[0],)
    if len(shape) == 2 and len(whole) == 1:  # beside a 1 × 1 matrix
        return (None, out[0]) if shape[0] == 1 else (out[0], None)
    return tuple([i if s != 1 else None for i, s in zip(out, shape, strict=True)])


def elementwise_axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
    """Each argument has the output's indices, as far as it has these axes."""
    return [spread(a.shape, out, node.shape) for a in node.args], []


def _total(*values: Any) -> Any:
    return reduce(add, align(values))


def _hadamard(*values: Any) -> Any:
    return reduce(mul, align(values))


def _divide(a: Any, b: Any) -> Any:
    x, y = align((a, b))
    return x / y


ADD = register(
    Function(
        name="add",
        kind="sum",
        rule=broadcast_rule,
        numpy=_total,
        arity=(2, 10**6),
        call="operator",
        symbols=-1,
        axes=elementwise_axes,
        says="The derivative of a sum is the sum of the derivatives.",
        source="Parr & Howard 2018, scalar rules",
        example="A*x + b",
    )
)
NEG = structural(
    "neg",
    first_rule,
    elementwise_axes,
    numpy=lambda x: -x,
    call="operator",
    symbols=1,
    says="A sign goes through the derivative.",
    example="-x",
)
HADAMARD = structural(
    "hadamard",
    broadcast_rule,
    elementwise_axes,
    numpy=_hadamard,
    arity=(2, 10**6),
    call="operator",
    symbols=-1,
    says="Product rule, entry by entry: `d(u.*v) = du.*v + u.*dv`.",
    source="Magnus & Neudecker, ch. 8",
    example="x.*y",
)


def _quotient_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    a, b = shapes
    if not is_scalar(b):
        raise ShapeError(
            f"/ divides by a scalar, the divisor is {shape_text(b)}",
            hint="./ divides entry by entry; inv(B)*a or B\\a solves",
        )
    return a


DIV = elementwise(
    "div",
    lambda a, b: a / np.reshape(b, ()),
    lambda a, b, y: 1 / b,
    lambda a, b, y: -y / b,
    rule=_quotient_rule,
    call="operator",
    symbols=1,
    says="Quotient rule: `d(u/c) = du/c - u*dc/c^2`.",
    domain=("", "nonzero"),
    example="x/t",
)
EDIV = elementwise(
    "ediv",
    _divide,
    lambda a, b, y: 1 / b,
    lambda a, b, y: -y / b,
    call="operator",
    symbols=1,
    says="Quotient rule, entry by entry: `d(u./v) = du./v - u./v.^2.*dv`.",
    domain=("", "nonzero"),
    example="x./y",
)


# Products ----------------------------------------------------------------------------------------


def product_shape(a: Shape, b: Shape, unify: Unify) -> Shape:
    """The shape of a matrix product; scalars multiply anything, 1x1 results are scalars.

    A column times a 1x1 matrix is a matrix of one column, as x*y' is for any size of y, and such a
    matrix times a vector is a column, as A*x is.
    """
    if is_scalar(a):
        return b if not is_scalar(b) else ()
    if is_scalar(b):
        outer, inner = (len(a), len(b)) == (1, 2), (len(a), len(b)) == (2, 1) and a[1] == 1
        return (a[0], 1) if outer else (a[0],) if inner else a
    rows, columns = len(a), len(b)
    if rows > 2 or columns > 2:
        raise ShapeError("* joins vectors and matrices; use einsum for tensors")
    if rows == 1:
        if columns == 1 or b[0] != 1:
            raise _mismatch(a, b)
        return (a[0], b[1])
    try:
        unify(a[1], b[0])
    except ShapeError as error:
        raise _mismatch(a, b) from error
    if columns == 1:
        return (a[0],) if a[0] != 1 else ()
    return (a[0], b[1]) if a[0] != 1 or b[1] != 1 else ()


def _mismatch(a: Shape, b: Shape) -> ShapeError:
    hint = None
    if len(a) == 1 and len(b) == 1:
        hint = "x'*y (a number), x*y' (a matrix) or x.*y (entry by entry)"
    elif len(a) == 2 and a[0] == b[0]:
        hint = "transpose the left factor"
    return ShapeError(f"cannot multiply {shape_text(a)} by {shape_text(b)}", hint=hint)


def _product_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    result = shapes[0]
    for s in shapes[1:]:
        result = product_shape(result, s, unify)
    return result


def _product_axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
    """Chain the arguments: each contracts its first axis with the last open one before it.

    Scalars stand apart; a product that has become a scalar starts afresh.
    """
    patterns: list[tuple[Any, ...]] = [()] * len(node.args)
    current: Shape = ()
    ends: list[Any] = []  # the open indices of the product so far, one per axis of `current`
    for k, a in enumerate(node.args):
        if is_scalar(a.shape):
            patterns[k] = (None,) * len(a.shape)
            continue
        if is_scalar(current):
            patterns[k] = tuple([fresh(s) if s != 1 else None for s in a.shape])
            current, ends = a.shape, list(patterns[k])
            continue
        first = ends[-1] if len(current) == 2 else None
        rest = tuple(fresh(s) if s != 1 else None for s in a.shape[1:])
        patterns[k] = (first, *rest)
        current = product_shape(current, a.shape, lambda p, q: p)
        ends = [*ends[: len(current) - len(rest)], *rest] if current else []
    mapping = {e: o for e, o in zip(ends, out, strict=False) if e is not None}
    return [tuple([mapping.get(i, i) for i in p]) for p in patterns], []


def _multiply(*values: Any) -> Any:
    result, *others = map(np.asarray, values)
    for v in others:
        if result.size == 1 or v.size == 1:
            small, large = (result, v) if result.size == 1 else (v, result)
            result = small.reshape(()) * large
        elif result.ndim == 1:
            result = result[:, None] * v
        else:
            result = result.dot(v)
    return result


MUL = structural(
    "mul",
    _product_rule,
    _product_axes,
    numpy=_multiply,
    arity=(2, 10**6),
    call="operator",
    symbols=-1,
    says="Product rule, in order: `d(A*B) = dA*B + A*dB`.",
    source="Magnus & Neudecker, ch. 8",
    example="A*x",
)


def transpose_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    """A matrix turned, a vector as a row, a row as a vector again."""
    (s,) = shapes
    if len(s) > 2:
        raise ShapeError(
            f"' transposes vectors and matrices, this is {shape_text(s)}",
            hint="permute(T, ...) reorders the axes of a tensor",
        )
    if len(s) == 2:
        return (s[1],) if s[0] == 1 and s[1] != 1 else (s[1], s[0])
    return (1, s[0]) if s else s


def _transpose_axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
    inner = node.args[0].shape
    long = [i for i, s in zip(out, node.shape, strict=True) if s != 1]
    long.reverse()
    return [tuple(long.pop(0) if s != 1 else None for s in inner)], []


TRANSPOSE = structural(
    "transpose",
    transpose_rule,
    _transpose_axes,
    numpy=lambda x: x[None, :] if np.ndim(x) == 1 else np.transpose(x),
    call="operator",
    symbols=1,
    says="Transposing is linear: `d(A') = dA'`.",
    example="A'",
)
