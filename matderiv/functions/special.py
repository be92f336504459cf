"""Special functions of each entry: gamma, normal quantiles, Bessel functions, rounding."""

import math
from functools import partial
from statistics import NormalDist
from typing import Any

from matderiv.errors import NoRule, ShapeError
from matderiv.expr import Expr, Params, apply, number, number_value, size_expr
from matderiv.functions.elementwise import columns_beside
from matderiv.functions.record import elementwise, primitive, refused, shaped, shorthand
from matderiv.lazy import np
from matderiv.shapes import Shape, Unify, shape_text

SHIFT = 12  # the asymptotic series are used from here on
_pi = partial(apply, "pi", params=("pi",))
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


# Gamma functions ----------------------------------------------------------------------------------


def polygamma(k: int, x: Any) -> Any:
    """The k-th derivative of digamma, of complex entries too; not a number at 0, -1, -2, ...

    Recurrence up to SHIFT, then the asymptotic series; reflection is not needed, because the
    recurrence runs from any argument. Source: DLMF 5.5.2, 5.15.8.

    >>> bool(abs(polygamma(0, 1.0) + 0.5772156649015329) < 1e-14)
    True
    >>> bool(abs(polygamma(1, 0.5) - math.pi**2 / 2) < 1e-13)
    True
    """
    x = np.array(x, dtype=complex if np.iscomplexobj(x) else float)
    x = np.where((np.real(x) <= 0) & (x == np.round(np.real(x))), np.nan, x)
    sign, total = (-1) ** k * math.factorial(k), np.zeros_like(x)
    while (low := np.real(x) < SHIFT).any():
        total = np.where(low, total - sign / x ** (k + 1), total)
        x = np.where(low, x + 1, x)
    if k == 0:
        tail = np.log(x) - 1 / (2 * x)
        series = [-b / (2 * j * x ** (2 * j)) for j, b in enumerate(BERNOULLI, 1)]
    else:
        tail = -sign / (k * x**k) - sign / (2 * x ** (k + 1))
        rising = [math.factorial(2 * j + k - 1) / math.factorial(2 * j) for j in range(1, 9)]
        series = [
            (-1) ** (k - 1) * b * r / x ** (2 * j + k)
            for j, (b, r) in enumerate(zip(BERNOULLI, rising, strict=True), 1)
        ]
    return total + tail + sum(series)


def _lgamma(x: Any) -> Any:
    """log|Γ(x)|; for a complex step x + ih the exact first-order value."""

    def at(u: float) -> float:
        return math.lgamma(u) if u > 0 or u != math.floor(u) else math.inf

    real = np.vectorize(at, otypes=[float])(np.real(x))
    return real if np.isrealobj(x) else real + 1j * np.imag(x) * polygamma(0, np.real(x))


elementwise(
    "lgamma",
    _lgamma,
    lambda x, y: apply("digamma", x),
    aliases=("gammaln",),
    domain=("positive",),
    latex=r"\log\Gamma",
    says="`d(lgamma(u)) = digamma(u).*du`, which defines the digamma function.",
    source="DLMF 5.2.2",
)
elementwise(
    "digamma",
    lambda x: polygamma(0, x),
    lambda x, y: apply("polygamma", 1, x),
    domain=("positive",),
    latex=r"\psi",
    says="The derivative of lgamma; its own derivative is `polygamma(1, u)`.",
    source="DLMF 5.2.2",
)


def _by_the_order(k: Expr, x: Expr, y: Expr) -> Expr:
    raise NoRule("polygamma has no derivative by its order")


def _next(k: Expr) -> Expr:
    value = number_value(k)
    return k + 1 if value is None else number(value + 1)


def _orders(k: Any, x: Any) -> Any:
    """polygamma for an array of orders, which are 0, 1, 2, ..."""
    orders = np.real(k)
    if (orders < 0).any() or (orders != np.round(orders)).any():
        return np.full(np.broadcast_shapes(np.shape(k), np.shape(x)), np.nan)
    made = [(orders == v, polygamma(int(v), x)) for v in np.unique(orders)]
    return np.select(*map(list, zip(*made, strict=True))) if len(made) > 1 else made[0][1]


elementwise(
    "polygamma",
    _orders,
    _by_the_order,
    lambda k, x, y: apply("polygamma", _next(k), x),
    domain=("", "positive"),
    says="The derivative of digamma of order k.",
    source="DLMF 5.15",
    example="polygamma(1, x)",
)


# The normal distribution --------------------------------------------------------------------------


def _quantile(p: Any) -> Any:
    inverse = NormalDist().inv_cdf
    real = np.vectorize(lambda u: inverse(u) if 0 < u < 1 else math.nan, otypes=[float])(np.real(p))
    if np.isrealobj(p):
        return real
    return real + 1j * np.imag(p) * math.sqrt(2 * math.pi) * np.exp(real**2 / 2)


elementwise(
    "probit",
    _quantile,
    lambda p, y: apply("sqrt", 2 * _pi()) * apply("exp", y**2 / 2),
    aliases=("ndtri", "norminv"),
    domain=("unit interval",),
    says="`normcdf(c) = u` gives `normpdf(c)*dc = du` with the normal density.",
    example="probit(p)",
)


# Bessel functions, inverse hyperbolic functions ---------------------------------------------------


def _bessel(order: int) -> Any:
    """I_0 or I_1: their integrals over half a period, by the trapezoidal rule, which is exact here.

    Source: DLMF 10.32.3.
    """
    angles = (np.arange(64) + 0.5) * math.pi / 64

    def value(x: Any) -> Any:
        x = np.asarray(x)[..., None]
        return np.mean(np.exp(x * np.cos(angles)) * np.cos(order * angles), axis=-1)

    return value


for _np_name, _order, _partial, _np_says in (
    ("bessel_i0", 0, lambda x, y: apply("bessel_i1", x), "`d(bessel_i0(u)) = bessel_i1(u).*du`."),
    (
        "bessel_i1",
        1,
        lambda x, y: apply("bessel_i0", x) - y / x,
        "`d(bessel_i1(u)) = (bessel_i0(u) - bessel_i1(u)./u).*du`.",
    ),
):
    elementwise(
        _np_name,
        lambda x, _np_order=_order: _bessel(_np_order)(x),
        _partial,
        says=_np_says,
        source="DLMF 10.29",
    )
elementwise(
    "asinh",
    lambda x: np.arcsinh(x),
    lambda x, y: 1 / apply("sqrt", x**2 + 1),
    aliases=("arcsinh",),
    says="`d(asinh(u)) = du./sqrt(u.^2 + 1)`.",
)
elementwise(
    "atanh",
    lambda x: np.where(
        abs(np.real(x)) < 1, np.arctanh(np.where(abs(np.real(x)) < 1, x, 0)), np.nan
    ),
    lambda x, y: 1 / (1 - x**2),
    aliases=("arctanh",),
    domain=("unit interval",),
    says="`d(atanh(u)) = du./(1 - u.^2)` between -1 and 1.",
)


def _atan2(y: Any, x: Any) -> Any:
    """The angle of (x, y); for a complex step the exact first-order value."""
    y, x = np.broadcast_arrays(*columns_beside(y, x))
    angle = np.arctan2(np.real(y), np.real(x))
    if np.isrealobj(x) and np.isrealobj(y):
        return angle
    turn = np.real(x) * np.imag(y) - np.real(y) * np.imag(x)
    return angle + 1j * turn / (np.real(x) ** 2 + np.real(y) ** 2)


elementwise(
    "atan2",
    _atan2,
    lambda y, x, value: x / (x**2 + y**2),
    lambda y, x, value: -y / (x**2 + y**2),
    aliases=("arctan2",),
    says="The angle of the point (`a`, `b`): its change is `(a*db - b*da)/(a^2 + b^2)`.",
)


def _sinc(x: Any) -> Any:
    u = np.where(x == 0, 1, math.pi * np.asarray(x))
    return np.where(x == 0, 1, np.sin(u) / u)


elementwise(
    "sinc",
    _sinc,
    lambda x, y: (apply("cos", _pi() * x) - y) / x,
    says="`sinc(u) = sin(pi*u)./(pi*u)`, as in NumPy; quotient rule.",
)


# Rounding -----------------------------------------------------------------------------------------

elementwise(
    "floor",
    lambda x: np.floor(np.real(x)),
    lambda x, y: 0,
    kink=lambda x: apply("sin", _pi() * x),
    latex=r"\operatorname{floor}",
    says="floor is constant between whole numbers, so its derivative is 0 there.",
)


# Densities ----------------------------------------------------------------------------------------


def _density_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    pattern = "n, n, n n ->" if shapes[0] else ", , ->"
    needs = "a normal density needs a covariance of the size of x and its mean"
    return shaped(pattern, needs)(shapes, params, unify)


def _log_density(x: Expr, m: Expr, S: Expr) -> Expr:
    away = x - m
    distance = away.T @ apply("inv", S) @ away if x.shape else away**2 / S
    spread = 2 * apply("pi", params=("pi",)) * S
    size = apply("logdet", spread) if x.shape else apply("log", spread)
    return -(size + distance) / 2


shorthand(
    "mvnlogpdf",
    _density_rule,
    _log_density,
    domain=("", "", "posdef"),
    says="log of the normal density, -(logdet(2*pi*S) + (x - m)'*inv(S)*(x - m))/2.",
)


shorthand(
    "dirichletlogpdf",
    shaped("n, n ->", "a Dirichlet density needs two vectors"),
    lambda p, a: (
        apply("sum", (a - 1) * apply("log", p) - apply("lgamma", a), params=(None,))
        + apply("lgamma", apply("sum", a, params=(None,)))
    ),
    domain=("positive", "positive"),
    says="log of the Dirichlet density, sum((a - 1).*log(p) - lgamma(a)) + lgamma(sum(a)).",
)


def _log_wishart(X: Expr, V: Expr, k: Expr) -> Expr:
    n = size_expr(X.shape[0])
    halves = apply("lgamma", (k - apply("arange", params=X.shape[:1])) / 2)
    gamma = n * (n - 1) / 4 * apply("log", _pi()) + apply("sum", halves, params=(None,))
    shape = (k - n - 1) / 2 * apply("logdet", X) - apply("tr", apply("inv", V) @ X) / 2
    return shape - k * n / 2 * apply("log", 2) - k / 2 * apply("logdet", V) - gamma


shorthand(
    "wishartlogpdf",
    shaped("n n, n n, ->", "a Wishart density needs a matrix, a scale and degrees of freedom"),
    _log_wishart,
    domain=("posdef", "posdef", "positive"),
    says="log of the Wishart density of X with the scale V and k degrees of freedom, "
    "(k - n - 1)/2*logdet(X) - tr(inv(V)*X)/2 - k/2*logdet(V) + ..., Γ_n by n values of lgamma.",
    example="wishartlogpdf(X, V, k)",
)


def _comoment_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    if any(len(s) > 1 for s in shapes):
        given = " and ".join(map(shape_text, shapes))
        raise ShapeError(f"Var and Cov are of numbers and vectors, these are {given}")
    return shapes[0] + shapes[1]


shorthand(
    "comoment",
    _comoment_rule,
    lambda x, y: x @ y.T if x.shape and y.shape else x * y,
    says="comoment(x, y) = x*y', of a number x*y: Cov[x, y] = E[comoment(x, y)] - "
    "comoment(E[x], E[y]), and Var[x] is Cov[x, x].",
)


def _mean_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    _density_rule(shapes[1:], params, unify)
    return shapes[0]


def _no_values(*args: Any) -> Any:
    raise NoRule("a mean is read in a question, elsewhere its closed form")


refused(
    "expectation",
    _mean_rule,
    _no_values,
    call="operator",
    leaf=True,
    says="E[f(x)] with x ~ N(m, S), the mean over a normal variable.",
)


def _density_change(y: Expr, which: int, change: Expr) -> Expr:
    """The change of the density is itself times the change of its logarithm."""
    x, m, s = y.args
    if not x.shape:
        step = (x - m) / s * change
        return y * (
            step if which == 1 else -step if which == 0 else (step * (x - m) - change) / (2 * s)
        )
    inverse, away = apply("inv", s), x - m
    if which < 2:
        step = (inverse @ away).T @ change + away.T @ inverse @ change
        return y * (step if which else -step) / 2
    own = apply("tr", inverse @ change)
    return y * (away.T @ inverse @ change @ inverse @ away - own) / 2


primitive(
    "mvnpdf",
    _density_rule,
    _density_change,
    lambda x, m, S: _density(*(np.asarray(v) for v in (x, m, S))),
    domain=("", "", "posdef"),
    expand=lambda x, m, S: apply("exp", _log_density(x, m, S)),
    says="The normal density, typed N(x, m, S), with the covariance S: d N = N d log N.",
    source="Petersen & Pedersen 2012, eq. (346)",
)


def _density(x: Any, m: Any, s: Any) -> Any:
    away, spread = np.reshape(x - m, -1), np.reshape(s, (np.size(x), -1))
    distance = away @ np.linalg.solve(spread, away)
    return np.exp(-distance / 2) / np.sqrt(np.linalg.det(2 * np.pi * spread))
