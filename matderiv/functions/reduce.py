"""Sums, means, norms, extremes, and index patterns of tensors."""

from typing import Any

from matderiv.errors import ShapeError
from matderiv.expr import Expr, Params, apply, number_value
from matderiv.functions.contraction import contraction
from matderiv.functions.record import (
    Function,
    axis_rule,
    primitive,
    scalar_rule,
    shaped,
    shorthand,
    structural,
)
from matderiv.lazy import np
from matderiv.shapes import Shape, Size, Unify, is_scalar, shape_text, times


def _reduce_axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
    """The reduced axes get fresh indices, which are summed; the others are the output's."""
    (axis,), inner = node.params, node.args[0].shape
    if axis is None or len(inner) < 2:
        return [tuple(fresh(s) for s in inner)], []
    kept = list(out)
    if len(inner) == 2 and axis == 1:
        kept = kept[1:]
    return [tuple(fresh(s) if k == axis - 1 else kept.pop(0) for k, s in enumerate(inner))], []


def reduced_size(shape: Shape, axis: int | None) -> Size:
    """How many entries go into one entry of the reduction."""
    return times(*shape) if axis is None else shape[axis - 1] if shape else 1


def along(reduced: Expr, shape: Shape, axis: int | None) -> Expr:
    """A reduction spread over the axis it lost: tensors do not broadcast by themselves."""
    if axis is None or len(shape) < 3:
        return reduced
    letters = "abcdefghijklmnop"[: len(shape)]
    rest = letters[: axis - 1] + letters[axis:]
    spread = apply("ones", params=shape)
    return apply("einsum", spread, reduced, params=(f"{letters},{rest}->{letters}",))


def _along(function: Any) -> Any:
    def value(x: Any, axis: int | None) -> Any:
        return function(x) if axis is None or np.ndim(x) == 0 else function(x, axis=axis - 1)

    return value


def _max(x: Any, axis: int | None, sign: int = 1) -> Any:
    """The entry with the largest real part: complex steps pass through."""
    if np.ndim(x) == 0:
        return x
    k = None if axis is None else axis - 1
    place = np.argmax(sign * np.real(x), axis=k)
    if k is None:
        return np.ravel(x)[place]
    return np.squeeze(np.take_along_axis(x, np.expand_dims(place, k), k), axis=k)


SUM = structural(
    "sum",
    axis_rule,
    _reduce_axes,
    numpy=_along(lambda x, **k: np.sum(x, **k)),
    call="axis",
    says="Summing is linear: the derivative of a sum of entries is the sum of their derivatives.",
    source="Parr & Howard 2018, sec. 4.4",
)
MEAN = structural(
    "mean",
    axis_rule,
    _reduce_axes,
    numpy=_along(lambda x, **k: np.mean(x, **k)),
    call="axis",
    says="A mean is a sum divided by the number of entries.",
)
shorthand(
    "var",
    axis_rule,
    lambda x, axis: apply(
        "mean", (x - along(averaged(x, axis), x.shape, axis)) ** 2, params=(axis,)
    ),
    call="axis",
    bends="convex",
    says="The biased variance, `var(x) = mean((x - mean(x)).^2)`.",
)
shorthand(
    "std",
    axis_rule,
    lambda x, axis: apply("sqrt", apply("var", x, params=(axis,))),
    call="axis",
    bends="convex",
    says="`std(x) = sqrt(var(x))`.",
)


def averaged(x: Expr, axis: int | None = None) -> Expr:
    """The mean, along an axis or of all."""
    return apply("mean", x, params=(axis,))


def summed(x: Expr, axis: int | None = None) -> Expr:
    """The sum, along an axis or of all."""
    return apply("sum", x, params=(axis,))


def _prod_differential(y: Expr, which: int, change: Expr) -> Expr:
    (axis,) = y.params
    return y * summed(change / y.args[0], axis)


PROD = primitive(
    "prod",
    axis_rule,
    _prod_differential,
    _along(lambda x, **k: np.prod(x, **k)),
    call="axis",
    domain=("nonzero",),
    proof=(
        "Changing each factor in turn gives the sum of all `dx_i` times the product of the others.",
        "The product of the others is `prod(x)/x_i` where no entry is 0.",
    ),
    says="Product rule over all entries: `d(prod(x)) = prod(x)*sum(dx./x)` (entries not 0).",
)


def _mask(test: str, y: Expr) -> Expr:
    (x,) = y.args
    return apply(test, x, along(y, x.shape, y.params[0]))


def _extreme(name: str, test: str, sign: int, most: str) -> Function:
    """The maximum, or the minimum: entries that attain it are those of a test."""
    return primitive(
        name,
        axis_rule,
        lambda y, which, change: summed(_mask(test, y) * change, y.params[0]),
        lambda x, axis: _max(x, axis, sign),
        attained=lambda y: summed(_mask(test, y), y.params[0]),
        bends=f"{'convex' if sign > 0 else 'concave'} increasing",
        call="keyword-axis",
        proof=(
            f"Near a point without ties the {most} entry stays the {most}: f is that entry.",
            f"So only its own change counts, `dx_k` where `x_k` is the {name}imum.",
        ),
        says=f"The change of a {name}imum is the change of the entry that attains it (no ties).",
    )


MAX = _extreme("max", "ge", 1, "largest")
MIN = _extreme("min", "le", -1, "smallest")
shorthand(
    "norm1",
    scalar_rule,
    lambda x: summed(apply("abs", x)),
    bends="convex even",
    says="`norm1(x) = sum(abs(x))`, for a matrix too.",
)
shorthand(
    "norminf",
    scalar_rule,
    lambda x: apply("max", apply("abs", x), params=(None,)),
    bends="convex even",
)
for _name, _axis, _says in (("norm_cols", 1, "1-norm, the largest column"),
                            ("norm_rows", 2, "∞-norm, the largest row")):  # fmt: skip
    shorthand(
        _name,
        shaped("m n ->", "a matrix is needed"),
        lambda x, _axis=_axis: apply("max", summed(apply("abs", x), _axis), params=(None,)),
        bends="convex even",
        says=f"The induced {_says} sum of absolute entries.",
        source="Horn & Johnson 2013, Matrix analysis, example 5.6.4",
    )


def _norm(x: Any) -> Any:
    """The root of the sum of squares, also where the squares overflow or underflow."""
    total = np.sum(x * x)
    if not np.isrealobj(x) or 1e-280 < total < 1e300:
        return np.sqrt(total)
    largest = np.max(np.abs(x))
    if not 0 < largest < np.inf:
        return largest
    return largest * np.sqrt(np.sum((x / largest) ** 2))


NORM2 = primitive(
    "norm2",
    scalar_rule,
    lambda y, which, change: summed(y.args[0] * change) / y,
    _norm,
    aliases=("norm",),
    bends="convex even",
    domain=("nonzero",),
    proof=(
        "`norm2(x)^2 = x'*x`, so `2*norm2(x)*d(norm2(x)) = 2*x'*dx`.",
        "Divide by `2*norm2(x)`, which is not 0.",
    ),
    says="`d(norm2(x)) = x'*dx/norm2(x)`; no derivative at 0.",
    source="Petersen & Pedersen 2012, eq. (129)",
)


def _norm_p_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    x, p = shapes
    if len(x) != 1 or not is_scalar(p):
        raise ShapeError(
            f"norm(x, p) needs a vector and a number, not {shape_text(x)} and {shape_text(p)}",
            hint="norm2(X), norm_spec(X)",
        )
    return ()


def _norm_p_change(y: Expr, which: int, change: Expr) -> Expr:
    x, p = y.args
    size, power = apply("abs", x), number_value(p)
    if which == 1:
        inner = summed(size**p * apply("log", size)) / (p * y**p)
        return y * (inner - apply("log", y) / p) * change
    if power == 1:
        return summed(apply("sign", x) * change)
    if power is not None and power >= 2:
        slope = x if power == 2 else x * size if power == 3 else x * size ** (power - 2)
        return summed(slope * change) / (y if power == 2 else y ** (power - 1))
    return summed(apply("sign", x) * size ** (p - 1) * change) * y ** (1 - p)


primitive(
    "norm_p",
    _norm_p_rule,
    _norm_p_change,
    lambda x, p: np.sum(np.where(np.real(x) < 0, -x, x) ** p) ** (1 / p),
    prints="norm",
    domain=("nonzero", "positive"),
    kink=lambda x, p: x,
    says="With `c^p = Σ_i abs(x_i)^p`: `dc = Σ_i sign(x_i)*abs(x_i)^(p-1)*dx_i/c^(p-1)`.",
    source="Petersen & Pedersen 2012, sec. 10.4",
    example="norm_p(x, 3)",
)


# Tensors ------------------------------------------------------------------------------------------


def einsum_parts(spec: str) -> tuple[tuple[str, ...], str]:
    """The letters of each operand and of the output: "ij,jk->ik"."""
    left, _, right = spec.partition("->")
    return tuple(left.split(",")), right


def einsum(spec: str, *values: Any) -> Any:
    """The value of a pattern for arrays; LimitError where that is too much work."""
    operands, output = einsum_parts(spec)
    return contraction(list(zip(values, operands, strict=True)), output)


def _einsum_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    operands, output = einsum_parts(params[0])
    if len(operands) != len(shapes):
        raise ShapeError(
            f"the pattern {params[0]!r} has {len(operands)} operands, {len(shapes)} are given"
        )
    sizes: dict[str, Size] = {}
    for letters, shape in zip(operands, shapes, strict=True):
        if len(letters) != len(shape):
            raise ShapeError(
                f"{letters!r} names {len(letters)} axes, the operand is {shape_text(shape)}"
            )
        for letter, s in zip(letters, shape, strict=True):
            sizes[letter] = unify(sizes[letter], s) if letter in sizes else s
    return tuple(sizes[letter] for letter in output)


def _einsum_axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
    operands, output = einsum_parts(node.params[0])
    index: dict[str, Any] = dict(zip(output, out, strict=True))
    for letters, a in zip(operands, node.args, strict=True):
        for letter, s in zip(letters, a.shape, strict=True):
            if letter not in index:
                index[letter] = fresh(s)
    return [tuple(index[letter] for letter in letters) for letters in operands], []


EINSUM = structural(
    "einsum",
    _einsum_rule,
    _einsum_axes,
    numpy=lambda *values: einsum(values[-1], *values[:-1]),
    arity=(1, 20),
    call="pattern",
    says="A sum of products of entries; it is linear in each operand.",
    source="Laue, Mitterreiter & Giesen 2020",
    example='einsum("bij,bjk->bik", S, T)',
)


def _permute_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    (s,) = shapes
    if sorted(params) != list(range(1, len(s) + 1)):
        raise ShapeError(
            f"permute needs each of the axes 1 to {len(s)} once, this is {shape_text(s)}"
        )
    return tuple(s[k - 1] for k in params)


def _permute_axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
    order = node.params
    return [tuple(out[order.index(k + 1)] for k in range(len(order)))], []


PERMUTE = structural(
    "permute",
    _permute_rule,
    _permute_axes,
    numpy=lambda x, *order: np.transpose(x, [k - 1 for k in order]),
    call="axes",
    says="Reordering axes is linear.",
    example="permute(T, 3, 1, 2)",
)
