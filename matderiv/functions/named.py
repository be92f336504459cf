"""Functions of each entry that have a name of their own and are made of simpler ones."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
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


def _log(x: Any) -> Expr:
    return _f("log", x)


_pi = partial(apply, "pi", params=("pi",))


# Logarithms of densities, with the parameters behind the value.
DENSITIES: dict[str, tuple[Callable[..., Expr], tuple[str, ...]]] = {
    "normlogpdf": (
        lambda x, m, s: -(((x - m) / s) ** 2) / 2 - _log(s) - _log(2 * _pi()) / 2,
        ("", "", "positive"),
    ),
    "laplacelogpdf": (lambda x, m, b: -_f("abs", x - m) / b - _log(2 * b), ("", "", "positive")),
    "exponlogpdf": (lambda x, r: _log(r) - r * x, ("positive", "positive")),
    "gammalogpdf": (
        lambda x, a, b: a * _log(b) - _f("lgamma", a) + (a - 1) * _log(x) - b * x,
        ("positive",) * 3,
    ),
    "betalogpdf": (
        lambda x, a, b: (a - 1) * _log(x) + (b - 1) * _log(1 - x) - _f("betaln", a, b),
        ("unit interval", "positive", "positive"),
    ),
    "studentlogpdf": (
        lambda x, k: (
            _f("lgamma", (k + 1) / 2)
            - _f("lgamma", k / 2)
            - _log(_pi() * k) / 2
            - (k + 1) / 2 * _log(1 + x**2 / k)
        ),
        ("", "positive"),
    ),
    "poissonlogpmf": (lambda k, r: k * _log(r) - r - _f("lgamma", k + 1), ("positive", "positive")),
    "bernoullilogpmf": (lambda y, p: y * _log(p) + (1 - y) * _log(1 - p), ("", "unit interval")),
}
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
        {"says": "The normal distribution function, `normcdf(x) = (1 + erf(x/sqrt(2)))/2`."},
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
        lambda x: _f("exp", -(x**2) / 2) / _f("sqrt", 2 * _pi()),
        {"says": "The normal density, `normpdf(x) = exp(-x.^2/2)/sqrt(2*pi)`."},
    ),
}
for _name, (_expand, _facts) in OF_ENTRIES.items():
    shorthand(_name, broadcast_rule, _expand, **_facts)
for _name, (_expand, _domain) in DENSITIES.items():
    shorthand(_name, broadcast_rule, _expand, domain=_domain)
shorthand(
    "softmin",
    keep_axis_rule,
    lambda x, axis: apply("softmax", -x, params=(axis,)),
    call="axis",
    says="`softmin(u) = softmax(-u)`.",
)
