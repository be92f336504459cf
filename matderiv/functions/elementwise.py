"""Functions of each entry. Partial derivatives are written in the language itself."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from matderiv.expr import Expr, apply
from matderiv.functions.record import broadcast_rule, elementwise, first_rule, shorthand
from matderiv.lazy import np


def _sigmoid(x: Any) -> Any:
    small = np.exp(-_abs(x))
    return np.where(np.real(x) >= 0, 1 / (1 + small), small / (1 + small))


def _abs(x: Any) -> Any:
    return np.where(np.real(x) < 0, -x, x)


def erf(x: Any) -> Any:
    """erf; for a complex step x + ih the exact first-order value."""
    real = np.vectorize(math.erf, otypes=[float])(np.real(x))
    if np.isrealobj(x):
        return real
    return real + 1j * np.imag(x) * 2 / math.sqrt(math.pi) * np.exp(-(np.real(x) ** 2))


def _gaussian(x: Expr) -> Expr:
    """exp(-x.^2); of a quotient by a root exp(-u.^2/c)."""
    if x.function.name == "div" and x.args[1].function.name == "sqrt":
        return apply("exp", -(x.args[0] ** 2) / x.args[1].args[0])
    return apply("exp", -(x**2))


_CONCAVE = {"bends": "concave increasing", "domain": ("positive",)}
_OF_NUMPY: dict[str, tuple[Callable[[Expr, Expr], Expr], str, dict[str, Any]]] = {
    "exp": (
        lambda x, y: y,
        "exp is its own derivative: `d(exp(u)) = exp(u).*du`.",
        {"bends": "convex increasing"},
    ),
    "log": (lambda x, y: 1 / x, "`d(log(u)) = du/u`.", {**_CONCAVE, "aliases": ("ln",)}),
    "log1p": (lambda x, y: 1 / (1 + x), "`log1p(u) = log(1 + u)`.", _CONCAVE),
    "expm1": (lambda x, y: apply("exp", x), "`expm1(u) = exp(u) - 1`.", {}),
    "sqrt": (lambda x, y: 1 / (2 * y), "`d(sqrt(u)) = du/(2*sqrt(u))`.", _CONCAVE),
    "sin": (lambda x, y: apply("cos", x), "`d(sin(u)) = cos(u).*du`.", {}),
    "cos": (lambda x, y: -apply("sin", x), "`d(cos(u)) = -sin(u).*du`.", {}),
    "tan": (lambda x, y: 1 + y**2, "`d(tan(u)) = (1 + tan(u).^2).*du`.", {}),
    "arcsin": (
        lambda x, y: 1 / apply("sqrt", 1 - x**2),
        "`d(arcsin(u)) = du./sqrt(1 - u.^2)`.",
        {"aliases": ("asin",), "domain": ("unit",)},
    ),
    "arccos": (
        lambda x, y: -(1 / apply("sqrt", 1 - x**2)),
        "`d(arccos(u)) = -du./sqrt(1 - u.^2)`.",
        {"aliases": ("acos",), "domain": ("unit",)},
    ),
    "arctan": (
        lambda x, y: 1 / (1 + x**2),
        "`d(arctan(u)) = du./(1 + u.^2)`.",
        {"aliases": ("atan",)},
    ),
    "sinh": (lambda x, y: apply("cosh", x), "`d(sinh(u)) = cosh(u).*du`.", {}),
    "cosh": (
        lambda x, y: apply("sinh", x),
        "`d(cosh(u)) = sinh(u).*du`.",
        {"bends": "convex even"},
    ),
    "tanh": (
        lambda x, y: 1 - y**2,
        "`d(tanh(u)) = (1 - tanh(u).^2).*du`.",
        {
            "proof": (
                "`tanh(x) = sinh(x)/cosh(x)`; by quotients `(cosh(x)^2 - sinh(x)^2)/cosh(x)^2`.",
                "That is the slope `1 - tanh(x)^2`.",
            )
        },
    ),
}
"""Functions that NumPy has under the same name: slope, what the rule says, and other facts."""

for _name, (_slope, _says, _facts) in _OF_NUMPY.items():
    elementwise(
        _name,
        lambda x, _np_name=_name: getattr(np, _np_name)(x),
        _slope,
        says=_says,
        latex="" if _name in ("log1p", "expm1") else rf"\{_name}",
        **_facts,
    )
elementwise(
    "abs",
    _abs,
    lambda x, y: apply("sign", x),
    bends="convex even",
    kink=lambda x: x,
    says="`d(abs(u)) = sign(u).*du` away from 0.",
)
elementwise(
    "sign",
    lambda x: np.sign(np.real(x)) + 0.0,
    lambda x, y: 0,
    kink=lambda x: x,
    says="sign is constant away from 0, so its derivative is 0 there; `sign(0) = 0`.",
)
shorthand("square", first_rule, lambda x: x**2)
elementwise(
    "sigmoid",
    _sigmoid,
    lambda x, y: y * (1 - y),
    latex=r"\sigma",
    aliases=("expit", "logistic"),
    proof=(
        "With `c = 1/(1 + exp(-x))`: `dc = exp(-x)/(1 + exp(-x))^2*dx`.",
        "`exp(-x)/(1 + exp(-x))` is `1 - c`, so `dc = c*(1 - c)*dx`.",
    ),
    says="The slope of `c = 1/(1 + exp(-u))` is `c*(1 - c)`.",
    source="Georgia Tech CS 4803/7643, logistic regression",
)
elementwise(
    "relu",
    lambda x: np.where(np.real(x) > 0, x, 0 * x),
    lambda x, y: apply("step", x),
    bends="convex increasing",
    kink=lambda x: x,
    proof=(
        "Where `x > 0`, `relu(x) = x` has the slope 1; where `x < 0` it is 0 all around, slope 0.",
        "The slopes are the entries of `step(x)`; at 0 itself there is no derivative, 0 is taken.",
    ),
    says="relu passes the change where its input is positive; at 0 its slope is taken as 0.",
    source="Parr & Howard 2018, sec. 5",
)
elementwise(
    "step",
    lambda x: (np.real(x) > 0) * 1.0,
    lambda x, y: 0,
    kink=lambda x: x,
    aliases=("heaviside",),
    says="1 where positive, else 0; constant away from 0.",
)
elementwise(
    "leaky_relu",
    lambda x, a=0.01: np.where(np.real(x) > 0, x, a * x),
    lambda x, a, y: apply("where", apply("gt", x, 0), 1, a),
    lambda x, a, y: apply("minimum", x, 0),
    default=Fraction(1, 100),
    bends="convex increasing",
    kink=lambda x, a: x,
    says="Slope 1 where positive, slope `a` where negative.",
    example="leaky_relu(x, 0.1)",
)
elementwise(
    "elu",
    lambda x: np.where(np.real(x) > 0, x, np.expm1(_minimum(x, 0 * x))),
    lambda x, y: apply("exp", apply("minimum", x, 0)),
    bends="convex increasing",
    border=lambda x: x,
    says="`u` where positive, `exp(u) - 1` where negative.",
)
elementwise(
    "softplus",
    lambda x: np.where(np.real(x) >= 0, x, 0) + np.log1p(np.exp(-_abs(x))),
    lambda x, y: apply("sigmoid", x),
    bends="convex increasing",
    proof=(
        "The change of `log(1 + exp(x))` is `exp(x)/(1 + exp(x))*dx`.",
        "`exp(x)/(1 + exp(x)) = 1/(1 + exp(-x))` is `sigmoid(x)`.",
    ),
    says="The slope of `softplus(u) = log(1 + exp(u))` is `sigmoid(u)`.",
)
elementwise(
    "silu",
    lambda x: x * _sigmoid(x),
    lambda x, y: apply("sigmoid", x) * (1 + x * (1 - apply("sigmoid", x))),
    aliases=("swish",),
    says="`silu(u) = u.*sigmoid(u)`, product rule.",
)
elementwise(
    "erf",
    erf,
    lambda x, y: apply("sqrt", 4 / apply("pi", params=("pi",))) * _gaussian(x),
    says="`d(erf(u)) = 2/sqrt(pi)*exp(-u.^2).*du`.",
)


# Comparisons and choices --------------------------------------------------------------------------


def _compare(name: str, symbol: str, test: Any) -> None:
    elementwise(
        name,
        lambda a, b: test(*np.broadcast_arrays(*columns_beside(np.real(a), np.real(b)))) * 1.0,
        lambda a, b, y: 0,
        lambda a, b, y: 0,
        kink=lambda a, b: a - b,
        call="operator",
        symbols=1,
        prints=symbol,
        says="A comparison is 0 or 1, constant away from equality.",
        example=f"(x {symbol} y)",
    )


def columns_beside(a: Any, b: Any) -> tuple[Any, Any]:
    """Two arrays as they broadcast: a vector beside a matrix is a column."""
    if max(np.ndim(a), np.ndim(b)) == 2:
        a, b = (v[:, None] if np.ndim(v) == 1 else v for v in (a, b))
    return a, b


OPPOSITE = {"gt": "le", "le": "gt", "lt": "ge", "ge": "lt"}


def _test(c: Expr) -> bool:
    return c.function.name in OPPOSITE


_compare("gt", ">", lambda a, b: a > b)
_compare("lt", "<", lambda a, b: a < b)
_compare("ge", ">=", lambda a, b: a >= b)
_compare("le", "<=", lambda a, b: a <= b)


def _maximum(a: Any, b: Any) -> Any:
    x, y = columns_beside(a, b)
    return np.where((np.real(x) >= np.real(y)) | np.isnan(x), x, y)


def _minimum(a: Any, b: Any) -> Any:
    x, y = columns_beside(a, b)
    return np.where((np.real(x) <= np.real(y)) | np.isnan(x), x, y)


def _choose(test: Any, a: Any, b: Any) -> Any:
    rank = max(np.ndim(v) for v in (test, a, b))
    if rank == 2:
        test, a, b = (v[:, None] if np.ndim(v) == 1 else v for v in (test, a, b))
    return np.where(np.real(test) != 0, a, b)


elementwise(
    "maximum",
    _maximum,
    lambda a, b, y: apply("gt", a, b),
    lambda a, b, y: apply("le", a, b),
    bends="convex increasing",
    kink=lambda a, b: a - b,
    prints="max",
    says="The larger one passes its change: a router (no ties).",
    source="Georgia Tech CS 4803/7643, gates",
    example="max(x, y)",
)
elementwise(
    "minimum",
    _minimum,
    lambda a, b, y: apply("lt", a, b),
    lambda a, b, y: apply("ge", a, b),
    bends="concave increasing",
    kink=lambda a, b: a - b,
    prints="min",
    says="The smaller one passes its change (no ties).",
    example="min(x, y)",
)
elementwise(
    "where",
    _choose,
    lambda c, a, b, y: 0,
    lambda c, a, b, y: c if _test(c) else apply("where", c, 1, 0),
    lambda c, a, b, y: (
        apply(OPPOSITE[c.function.name], *c.args) if _test(c) else apply("where", c, 0, 1)
    ),
    says="The chosen branch passes its change.",
    example="where(x > 0, x, y)",
)


def _huber(x: Any, d: Any) -> Any:
    """Not a number for a negative threshold, where the function is not defined."""
    outside = d * (_abs(x) - 0.5 * d)
    inside = np.abs(np.real(x)) <= np.real(d)
    return np.where(np.real(d) < 0, np.nan, np.where(inside, 0.5 * x * x, outside))


elementwise(
    "huber",
    _huber,
    lambda x, d, y: apply("maximum", apply("minimum", x, d), -d),
    lambda x, d, y: apply("relu", apply("abs", x) - d),
    bends="convex even",
    domain=("", "positive"),
    border=lambda x, d: apply("abs", x) - d,
    says="Quadratic within `d`, linear beyond: the slope is the argument, cut off at `d` and `-d`.",
    source="Huber 1964",
)
shorthand(
    "conj",
    broadcast_rule,
    lambda x: x,
    aliases=("conjugate",),
    says="The complex conjugate: of real names themselves; conj(z) is a name beside a complex z.",
    example="conj(z)",
)
shorthand(
    "real",
    broadcast_rule,
    lambda x: x,
    aliases=("Re",),
    says="The real part, `(z + conj(z))/2`.",
    example="real(z)",
)
