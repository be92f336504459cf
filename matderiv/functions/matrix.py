"""Linear algebra: trace, determinant, inverse and their relatives."""

from collections.abc import Callable
from math import sqrt
from typing import Any

from matderiv.expr import Expr, Params, apply, eye
from matderiv.functions.algebra import product_shape
from matderiv.functions.record import primitive, refused, shaped, shorthand, square_rule, structural
from matderiv.lazy import np
from matderiv.shapes import Shape, Unify

EPS = 2.0**-52


def _trace_axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
    shape = node.args[0].shape
    if len(shape) < 2 or shape[0] == 1:
        return [(None,) * len(shape)], []
    i = fresh(shape[0])
    return [(i, i)], []


def square_value(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function for numbers too, which are matrices of one entry."""

    def value(x: Any, *rest: Any) -> Any:
        return function(*(np.reshape(a, (1, 1)) if np.size(a) == 1 else a for a in (x, *rest)))

    return value


def _logdet(x: Any) -> Any:
    """log det, for a positive determinant; the imaginary part of a complex step is kept."""
    if np.isrealobj(x):
        sign, value = np.linalg.slogdet(x)
        return value if sign > 0 else np.nan
    return np.log(np.linalg.det(x))


TR = structural(
    "tr",
    square_rule("scalar"),
    _trace_axes,
    numpy=square_value(lambda x: np.trace(x)),
    aliases=("trace",),
    latex=r"\operatorname{tr}",
    says="The trace is linear: `d(tr(X)) = tr(dX)`.",
    source="Magnus & Neudecker, ch. 8",
)
DET = primitive(
    "det",
    square_rule("scalar"),
    lambda y, which, change: y * apply("tr", apply("inv", y.args[0]) @ change),
    square_value(lambda x: np.linalg.det(x)),
    latex=r"\det",
    domain=("invertible",),
    says="Jacobi's formula: `d(det(X)) = det(X)*tr(inv(X)*dX)`.",
    source="Magnus & Neudecker, ch. 8.3",
)
LOGDET = primitive(
    "logdet",
    square_rule("scalar"),
    lambda y, which, change: apply("tr", apply("inv", y.args[0]) @ change),
    square_value(_logdet),
    latex=r"\log\det",
    domain=("positive determinant",),
    says="`d(logdet(X)) = tr(inv(X)*dX)`, from Jacobi's formula and `d(log(c)) = dc/c`.",
    source="Petersen & Pedersen 2012, eq. (57)",
)


def inverse(x: Any) -> Any:
    """The inverse of an array; LinAlgError where no digit of it is left, as where there is none.

    Source: Higham 2002, Accuracy and stability of numerical algorithms, section 7.1.
    """
    found = np.linalg.inv(x)
    size = sqrt(abs(np.vdot(x, x) * np.vdot(found, found)))  # known sooner than the norms below
    if len(x) * size * EPS < 1:
        return found
    if np.linalg.norm(x, 1) * np.linalg.norm(found, 1) * EPS >= 1:
        raise np.linalg.LinAlgError("Singular matrix")
    return found


INV = primitive(
    "inv",
    square_rule("matrix"),
    lambda y, which, change: -(y @ change @ y),
    lambda x: 1 / x if np.size(x) == 1 else inverse(x),
    latex="{}^{-1}",
    domain=("invertible",),
    says="Differentiate `inv(X)*X = eye(n)` and solve for `d(inv(X))`.",
    source="Magnus & Neudecker, ch. 8.4",
)


def _adj(x: Any) -> Any:
    """The adjugate, of singular matrices too: from singular values, each less one of them."""
    try:
        value = np.linalg.det(x) * inverse(x)
    except np.linalg.LinAlgError:
        value = np.full(np.shape(x), np.nan)
    if np.isfinite(value).all() or not np.isfinite(x).all() or not np.isrealobj(x):
        return value
    left, sizes, right = np.linalg.svd(x)
    others = np.prod(np.where(np.eye(len(sizes), dtype=bool), 1, sizes), axis=1)
    return np.linalg.det(left) * np.linalg.det(right) * (right.T * others) @ left.T


shorthand(
    "adj",
    square_rule("matrix"),
    lambda x: apply("det", x) * apply("inv", x),
    domain=("invertible",),
    says="`adj(X) = det(X)*inv(X)` where `X` is invertible.",
    numpy=lambda x: np.ones(np.shape(x)) if np.size(x) == 1 else _adj(x),
)


def _solve_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    a, b = shapes
    square_rule("matrix")((a,), (), unify)
    return product_shape(a, b, unify)


shorthand(
    "solve",
    _solve_rule,
    lambda A, x: apply("inv", A) @ x,
    domain=("invertible", ""),
    says="`solve(A, x) = inv(A)*x`; evaluated without forming the inverse.",
    numpy=lambda a, b: (
        b / np.reshape(a, ())
        if np.size(a) == 1
        else inverse(a) * b
        if np.size(b) == 1
        else np.linalg.solve(a, b)
    ),
)


def _masked_axes(lower: bool) -> Any:
    def axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
        mask = apply("tril" if lower else "triu", apply("ones", params=node.shape))
        return [tuple(out)], [(mask, tuple(out))]

    return axes


for _name, _lower, _says in (
    ("tril", True, "Keeps the entries on and below the diagonal; linear."),
    ("triu", False, "Keeps the entries on and above the diagonal; linear."),
):
    structural(
        _name,
        square_rule("matrix"),
        _masked_axes(_lower),
        numpy=lambda x, _np_name=_name: getattr(np, _np_name)(x) if np.ndim(x) else x,
        says=_says,
    )


RANK = 1e-13  # singular values below it, relative to the largest, are rounding


def _pinv_differential(y: Expr, which: int, change: Expr) -> Expr:
    (x,) = y.args
    left = eye(x.shape[1]) - y @ x
    right = eye(x.shape[0]) - x @ y
    return -(y @ change @ y) + y @ y.T @ change.T @ right + left @ change.T @ y.T @ y


PINV = primitive(
    "pinv",
    shaped("m n -> n m", "a matrix is needed"),
    _pinv_differential,
    lambda x: np.linalg.pinv(x, RANK) if np.isrealobj(x) else _complex_pinv(x),
    latex="{}^{+}",
    proof=(
        "Differentiate the four equations of Moore and Penrose and solve for the change.",
        "While the rank stays, the projections on its ranges change smoothly with dX.",
    ),
    says="Golub & Pereyra's formula, where the rank does not change.",
    source="Golub & Pereyra 1973",
)


def _complex_pinv(x: Any) -> Any:
    """The analytic continuation (plain transposes), so that complex steps work; full rank."""
    t = np.transpose(x)
    if np.shape(x)[0] >= np.shape(x)[1]:
        return np.linalg.solve(t @ x, t)
    return t @ np.linalg.inv(x @ t)


def _levi_civita() -> Any:
    value = np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        value[i, j, k], value[i, k, j] = 1.0, -1.0
    return value


LEVI_CIVITA = refused(
    "levicivita",
    lambda shapes, params, unify: (3, 3, 3),
    _levi_civita,
    call="internal",
    says="The sign of the permutation (i, j, k); behind the cross product.",
)


def _cross_axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
    j, k = fresh(3), fresh(3)
    return [(j,), (k,)], [(apply("levicivita"), (out[0], j, k))]


CROSS = structural(
    "cross",
    shaped("3, 3 -> 3", "cross needs two vectors of 3 entries"),
    _cross_axes,
    numpy=lambda x, y: np.cross(x, y),
    says="The cross product is bilinear: each factor changes in turn.",
)


shorthand(
    "quadform",
    lambda shapes, params, unify: product_shape(
        product_shape((1, *shapes[0]), shapes[1], unify), shapes[0], unify
    ),
    lambda x, A: x.T @ A @ x,
    says="`quadform(x, A) = x'*A*x`.",
)
