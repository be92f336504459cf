"""The softmax family, losses and network layers."""

from fractions import Fraction
from typing import Any

from matderiv.errors import ShapeError
from matderiv.expr import Expr, Params, apply, eye, number_value, size_expr
from matderiv.functions.elementwise import erf
from matderiv.functions.record import (
    axis_rule,
    broadcast_rule,
    elementwise,
    first_rule,
    keep_axis_rule,
    primitive,
    scalar_rule,
    shaped,
    shorthand,
)
from matderiv.functions.reduce import along, averaged, summed
from matderiv.lazy import np
from matderiv.shapes import Shape, Unify, is_scalar, long_axes, shape_text


def _softmax_differential(y: Expr, which: int, change: Expr) -> Expr:
    axis = y.params[0]
    return y * (change - along(summed(y * change, axis), y.shape, axis))


def _log_softmax_differential(y: Expr, which: int, change: Expr) -> Expr:
    axis = y.params[0]
    weights = apply("softmax", y.args[0], params=(axis,))
    return change - along(summed(weights * change, axis), y.shape, axis)


def _logsumexp_differential(y: Expr, which: int, change: Expr) -> Expr:
    axis = y.params[0]
    weights = (
        apply("softmax", y.args[0], params=(axis,))
        if axis is not None or len(y.args[0].shape) < 2
        else apply("exp", y.args[0] - y)
    )
    return summed(weights * change, axis)


def _shifted(x: Any, axis: int | None) -> tuple[Any, Any, int | None]:
    k = None if axis is None else axis - 1
    return x - np.max(np.real(x), axis=k, keepdims=True), np.max(np.real(x), axis=k), k


def _softmax(x: Any, axis: int | None) -> Any:
    shifted, _, k = _shifted(x, axis)
    e = np.exp(shifted)
    return e / np.sum(e, axis=k, keepdims=True)


def _log_softmax(x: Any, axis: int | None) -> Any:
    shifted, _, k = _shifted(x, axis)
    return shifted - np.log(np.sum(np.exp(shifted), axis=k, keepdims=True))


def _logsumexp(x: Any, axis: int | None) -> Any:
    shifted, top, k = _shifted(x, axis)
    return top + np.log(np.sum(np.exp(shifted), axis=k))


SOFTMAX = elementwise(
    "gelu",
    lambda x: 0.5 * x * (1 + erf(x / 2**0.5)),
    lambda x, y: (
        (1 + apply("erf", x / apply("sqrt", 2))) / 2
        + x * apply("exp", -(x**2) / 2) / apply("sqrt", 2 * apply("pi", params=("pi",)))
    ),
    says="`gelu(u) = u.*normcdf(u)` with the normal distribution function, product rule.",
)
shorthand(
    "elu_down_to",
    broadcast_rule,
    lambda x, a: apply("where", apply("gt", x, 0), x, a * apply("expm1", x)),
    prints="elu",
    says="`elu(u, a)` is `u` where positive, `a*(exp(u) - 1)` where negative.",
    example="elu(x, 2)",
)
primitive(
    "softmax",
    keep_axis_rule,
    _softmax_differential,
    _softmax,
    call="axis",
    latex=r"\operatorname{softmax}",
    proof=(
        "Entry `i` is `s_i = exp(x_i)/c` with `c = sum(exp(x))`, so `ds_i = s_i*(dx_i - dc/c)`.",
        "`dc/c = Σ_j exp(x_j)/c*dx_j = s'*dx`: the sum is the same for every entry.",
    ),
    says="For `s = softmax(x)`: `ds = s.*(dx - s'*dx)`, so the Jacobian is `diag(s) - s*s'`.",
    source="Goodfellow, Bengio & Courville 2016, sec. 6.2",
)
LOG_SOFTMAX = primitive(
    "log_softmax",
    keep_axis_rule,
    _log_softmax_differential,
    _log_softmax,
    call="axis",
    bends="concave",
    proof=(
        "`log(exp(x_i)/c) = x_i - log(c)` with `c = sum(exp(x))`.",
        "`d(log(c)) = softmax(x)'*dx`, the same number for every entry.",
    ),
    says="`log_softmax(x) = x - logsumexp(x)`: each entry changes by `softmax(x)'*dx` less.",
)
LOGSUMEXP = primitive(
    "logsumexp",
    axis_rule,
    _logsumexp_differential,
    _logsumexp,
    bends="convex increasing",
    call="axis",
    proof=(
        "With `c = sum(exp(x))`, `d(log(c)) = dc/c` and `dc = Σ_i exp(x_i) dx_i`.",
        "`exp(x_i)/c` is entry `i` of `softmax(x)`.",
    ),
    says="The gradient of `logsumexp(x)` is `softmax(x)`.",
)


# Losses ------------------------------------------------------------------------------------------

shorthand("mse", scalar_rule, lambda x, y: averaged((x - y) ** 2))
shorthand(
    "bce",
    scalar_rule,
    lambda p, y: -averaged(y * apply("log", p) + (1 - y) * apply("log", 1 - p)),
    domain=("unit interval", ""),
)
shorthand("bce_logits", scalar_rule, lambda z, y: averaged(apply("softplus", z) - y * z))


def _cross_entropy(z: Expr, y: Expr) -> Expr:
    if len(z.shape) < 2:
        return -summed(y * apply("log_softmax", z, params=(None,)), None)
    rows = size_expr(z.shape[0])
    return apply("div", -summed(y * apply("log_softmax", z, params=(2,)), None), rows)


def _rows_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    if len(shapes[0]) > 2:
        raise ShapeError(f"a vector or a matrix is needed, this is {shape_text(shapes[0])}")
    if len(shapes[1]) != len(shapes[0]):
        told = map(shape_text, shapes)
        raise ShapeError(
            "targets have a row for each row of scores, these are {1} for {0}".format(*told),
            hint="declare them as a matrix, or index them: log_softmax(Z, axis=2)",
        )
    return scalar_rule(shapes, params, unify)


shorthand(
    "cross_entropy",
    _rows_rule,
    _cross_entropy,
    says="`cross_entropy(Z, Y) = -sum(Y.*log_softmax(Z, 2))/n` over `n` rows.",
)
shorthand(
    "cosine_similarity",
    shaped("n, n ->", "two vectors are needed"),
    lambda x, y: x.T @ y / (apply("norm2", x) * apply("norm2", y)),
)
shorthand("hinge", scalar_rule, lambda z, y: averaged(apply("maximum", 0, 1 - y * z)))
shorthand(
    "kl",
    scalar_rule,
    lambda p, q: summed(p * apply("log", p / q), None),
    domain=("positive", "positive"),
    bends="convex",
)


# Layers ------------------------------------------------------------------------------------------


def _normalised(centred: bool, axis: int) -> Any:
    def expand(x: Expr, eps: Expr) -> Expr:
        along = axis if len(x.shape) > 1 else None
        c = x - averaged(x, along) if centred else x
        size = averaged(c**2, along)
        return c / apply("sqrt", size if number_value(eps) == 0 else size + eps)

    return expand


def _with_epsilon(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    if len(shapes) > 1 and not is_scalar(shapes[1]):
        raise ShapeError(f"eps is a scalar, this is {shape_text(shapes[1])}")
    if len(shapes[0]) > 2:
        raise ShapeError(f"a vector or a matrix is needed, this is {shape_text(shapes[0])}")
    return first_rule(shapes, params, unify)


for _name, _centred, _axis, _says in (
    ("layernorm", True, 2, "row less its mean, over sqrt(variance + eps)"),
    ("rmsnorm", False, 2, "row over sqrt(mean of squares + eps)"),
    ("batchnorm", True, 1, "column less its mean, over sqrt(variance + eps)"),
):
    shorthand(
        _name,
        _with_epsilon,
        _normalised(_centred, _axis),
        says=f"{_name}(X, eps): each {_says}.",
        call="epsilon",
        default=Fraction(1, 100_000),
        example=f"{_name}(X)",
    )


def _grouped_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    (s,), (count,) = shapes, params
    if len(s) not in (1, 2) or not isinstance(s[-1], int) or s[-1] % count:
        raise ShapeError(f"groupnorm needs rows of {count} equal parts, this is {shape_text(s)}")
    return s


def _group_norm(x: Expr, count: int) -> Expr:
    size = int(str(x.shape[-1])) // count
    shared = apply("kron", eye(count), apply("ones", params=(size, size))) / size
    c = x - x @ shared if len(x.shape) == 2 else x - shared @ x
    spread = c**2 @ shared if len(x.shape) == 2 else shared @ c**2
    return c / apply("sqrt", spread + Fraction(1, 100_000))


shorthand(
    "groupnorm",
    _grouped_rule,
    _group_norm,
    call="numbers",
    numbers=(("groups", None),),
    says="groupnorm(X, g): each of g parts of a row less its mean, over sqrt(variance + 1e-5).",
    source="Wu & He 2018, Group normalization",
    example="groupnorm(cross(x, y), 1)",
)


def _masked_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    pattern = "m n, m n -> m n" if len(shapes[0]) == 2 else "n, n -> n"
    return shaped(pattern, "a mask has the shape of its array")(shapes, params, unify)


def _masked_softmax(X: Expr, M: Expr) -> Expr:
    kept = apply("where", apply("gt", M, 0), X, -(10**30))
    return apply("softmax", kept, params=(2 if len(X.shape) == 2 else None,))


shorthand(
    "masked_softmax",
    _masked_rule,
    _masked_softmax,
    says="masked_softmax(X, M): softmax of each row over the entries where M is positive; "
    "masked_softmax(X, tril(ones(n,n))) is causal.",
)


def _attention_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    if any(len(long_axes(s)) != 2 for s in shapes):
        given = ", ".join(shape_text(s) for s in shapes)
        raise ShapeError(f"attention needs three matrices Q, K, V, these are {given}")
    return shaped("n d, m d, m k -> n k", "")(shapes, params, unify)


def _attention(Q: Expr, K: Expr, V: Expr) -> Expr:
    scale = apply("sqrt", size_expr(Q.shape[1]))
    return apply("softmax", apply("div", Q @ K.T, scale), params=(2,)) @ V


shorthand(
    "attention",
    _attention_rule,
    _attention,
    says="`attention(Q, K, V) = softmax(Q*K'/sqrt(d), 2)*V` with `d` columns of `K`.",
    source="Vaswani et al. 2017, eq. (1)",
)
