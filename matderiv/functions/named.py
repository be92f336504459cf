"""Functions of each entry that have a name of their own and are made of simpler ones."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from matderiv.expr import Expr, apply
from matderiv.functions.record import broadcast_rule, keep_axis_rule, shorthand


def _f(name: str, *args: Any, **params: Any) -> Expr:
    return apply(name, *args, **params)


_POSITIVE = {"domain": ("positive",)}


# Klambauer et al. 2017, Self-normalizing neural networks
SELU, SLOPE = Fraction("1.0507009873554805"), Fraction("1.7580993408473766")


def _clipped(x: Expr, low: Any, high: Any) -> Expr:
    return _f("minimum", _f("maximum", x, low), high)


# What such a record says is its formula, where nothing else is said.
OF_ENTRIES: dict[str, tuple[Callable[..., Expr], dict[str, Any]]] = {
    "sec": (lambda x: 1 / _f("cos", x), {}),
    "csc": (lambda x: 1 / _f("sin", x), {}),
    "cot": (lambda x: 1 / _f("tan", x), {}),
    "sech": (lambda x: 1 / _f("cosh", x), {}),
    "csch": (lambda x: 1 / _f("sinh", x), {}),
    "coth": (lambda x: 1 / _f("tanh", x), {}),
    "acosh": (
        lambda x: _f("log", x + _f("sqrt", x**2 - 1)),
        {"domain": ("beyond one",), "aliases": ("arccosh", "arcosh")},
    ),
    "reciprocal": (lambda x: 1 / x, {}),
    "rsqrt": (lambda x: 1 / _f("sqrt", x), _POSITIVE),
    "cbrt": (lambda x: _f("sign", x) * _f("abs", x) ** Fraction(1, 3), {}),
    "exp2": (lambda x: _f("exp", x * _f("log", 2)), {}),
    "logcosh": (lambda x: _f("log", _f("cosh", x)), {"aliases": ("log_cosh",)}),
    "log2": (lambda x: _f("log", x) / _f("log", 2), _POSITIVE),
    "log10": (lambda x: _f("log", x) / _f("log", 10), _POSITIVE),
    "logit": (lambda p: _f("log", p / (1 - p)), {"domain": ("unit interval",)}),
    "erfc": (lambda x: 1 - _f("erf", x), {}),
    "normcdf": (
        lambda x: (1 + _f("erf", x / _f("sqrt", 2))) / 2,
        {"says": "normcdf(x) = (1 + erf(x/sqrt(2)))/2, the normal distribution function Φ."},
    ),
    "erfinv": (lambda x: _f("probit", (1 + x) / 2) / _f("sqrt", 2), {"domain": ("unit",)}),
    "softsign": (lambda x: x / (1 + _f("abs", x)), {}),
    "mish": (lambda x: x * _f("tanh", _f("softplus", x)), {}),
    "relu6": (lambda x: _f("minimum", _f("relu", x), 6), {}),
    "selu": (lambda x: _f("where", _f("gt", x, 0), SELU * x, SLOPE * _f("expm1", x)), {}),
    "hardsigmoid": (lambda x: _clipped(x / 6 + Fraction(1, 2), 0, 1), {}),
    "hardswish": (lambda x: x * _f("hardsigmoid", x), {}),
    "hardshrink": (lambda x: x * _f("gt", _f("abs", x), Fraction(1, 2)), {}),
    "softshrink": (lambda x: x - _clipped(x, -Fraction(1, 2), Fraction(1, 2)), {}),
    "tanhshrink": (lambda x: x - _f("tanh", x), {}),
    "logsigmoid": (lambda x: -_f("softplus", -x), {}),
    "hardtanh": (lambda x: _clipped(x, -1, 1), {"aliases": ("htanh",)}),
    "clip": (_clipped, {"aliases": ("clamp",), "example": "clip(x, -1, 1)"}),
    "ceil": (lambda x: -_f("floor", -x), {}),
    "mod": (lambda x, y: x - y * _f("floor", x / y), {"example": "mod(x, 2)"}),
    "xlogy": (lambda x, y: x * _f("log", y), {"domain": ("", "positive")}),
    "trigamma": (lambda x: _f("polygamma", 1, x), _POSITIVE),
    "betaln": (
        lambda a, b: _f("lgamma", a) + _f("lgamma", b) - _f("lgamma", a + b),
        {"domain": ("positive", "positive"), "aliases": ("lbeta",), "example": "betaln(x, y)"},
    ),
    "log_ndtr": (lambda x: _f("log", _f("normcdf", x)), {"bends": "concave increasing"}),
    "normpdf": (
        lambda x: _f("exp", -(x**2) / 2) / _f("sqrt", 2 * _f("pi", params=("pi",))),
        {"says": "normpdf(x) = exp(-x.^2/2)/sqrt(2*pi), the normal density φ."},
    ),
}
for _name, (_expand, _facts) in OF_ENTRIES.items():
    shorthand(_name, broadcast_rule, _expand, **_facts)
shorthand(
    "softmin",
    keep_axis_rule,
    lambda x, axis: apply("softmax", -x, params=(axis,)),
    call="axis",
    says="softmin(u) = softmax(-u).",
)
