"""Functions of each entry that have a name of their own and are made of simpler ones."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from matderiv.expr import Expr, apply
from matderiv.functions.record import broadcast_rule, keep_axis_rule, shorthand


def _f(name: str, *args: Any) -> Expr:
    return apply(name, *args)


# Klambauer et al. 2017, Self-normalizing neural networks
SELU, SLOPE = Fraction("1.0507009873554805"), Fraction("1.7580993408473766")


def _clipped(x: Expr, low: Any, high: Any) -> Expr:
    return _f("minimum", _f("maximum", x, low), high)


def _pi() -> Expr:
    return apply("pi", params=("pi",))


OF_ENTRIES: dict[str, tuple[Callable[..., Expr], str, tuple[str, ...]]] = {
    "sec": (lambda x: 1 / _f("cos", x), "sec(u) = 1./cos(u).", ()),
    "csc": (lambda x: 1 / _f("sin", x), "csc(u) = 1./sin(u).", ()),
    "cot": (lambda x: 1 / _f("tan", x), "cot(u) = 1./tan(u).", ()),
    "sech": (lambda x: 1 / _f("cosh", x), "sech(u) = 1./cosh(u).", ()),
    "csch": (lambda x: 1 / _f("sinh", x), "csch(u) = 1./sinh(u).", ()),
    "coth": (lambda x: 1 / _f("tanh", x), "coth(u) = 1./tanh(u).", ()),
    "acosh": (
        lambda x: _f("log", x + _f("sqrt", x**2 - 1)),
        "acosh(u) = log(u + sqrt(u.^2 - 1)).",
        ("beyond one",),
    ),
    "reciprocal": (lambda x: 1 / x, "reciprocal(u) = 1./u.", ()),
    "rsqrt": (lambda x: 1 / _f("sqrt", x), "rsqrt(u) = 1./sqrt(u).", ("positive",)),
    "cbrt": (
        lambda x: _f("sign", x) * _f("abs", x) ** Fraction(1, 3),
        "cbrt(u) = sign(u).*abs(u).^(1/3).",
        (),
    ),
    "exp2": (lambda x: _f("exp", x * _f("log", 2)), "exp2(u) = exp(u*log(2)).", ()),
    "logcosh": (lambda x: _f("log", _f("cosh", x)), "logcosh(u) = log(cosh(u)).", ()),
    "log2": (lambda x: _f("log", x) / _f("log", 2), "log2(u) = log(u)/log(2).", ("positive",)),
    "log10": (lambda x: _f("log", x) / _f("log", 10), "log10(u) = log(u)/log(10).", ("positive",)),
    "logit": (lambda p: _f("log", p / (1 - p)), "logit(p) = log(p./(1 - p)).", ("unit interval",)),
    "erfc": (lambda x: 1 - _f("erf", x), "erfc(u) = 1 - erf(u).", ()),
    "normcdf": (
        lambda x: (1 + _f("erf", x / _f("sqrt", 2))) / 2,
        "normcdf(u) = (1 + erf(u/sqrt(2)))/2, the normal distribution function Φ.",
        (),
    ),
    "erfinv": (
        lambda x: _f("probit", (1 + x) / 2) / _f("sqrt", 2),
        "erfinv(u) = probit((1 + u)/2)/sqrt(2), the inverse of erf.",
        ("unit",),
    ),
    "softsign": (lambda x: x / (1 + _f("abs", x)), "softsign(u) = u./(1 + abs(u)).", ()),
    "mish": (lambda x: x * _f("tanh", _f("softplus", x)), "mish(u) = u.*tanh(softplus(u)).", ()),
    "relu6": (lambda x: _f("minimum", _f("relu", x), 6), "relu6(u) = min(relu(u), 6).", ()),
    "selu": (
        lambda x: _f("where", _f("gt", x, 0), SELU * x, SLOPE * _f("expm1", x)),
        "selu(u) = 1.0507...*u for u > 0, else 1.7580...*(exp(u) - 1).",
        (),
    ),
    "hardsigmoid": (
        lambda x: _clipped(x / 6 + Fraction(1, 2), 0, 1),
        "hardsigmoid(u) = min(max(u/6 + 1/2, 0), 1).",
        (),
    ),
    "hardswish": (lambda x: x * _f("hardsigmoid", x), "hardswish(u) = u.*hardsigmoid(u).", ()),
    "hardshrink": (
        lambda x: x * _f("gt", _f("abs", x), Fraction(1, 2)),
        "hardshrink(u) = u where abs(u) > 1/2, else 0.",
        (),
    ),
    "softshrink": (
        lambda x: x - _clipped(x, -Fraction(1, 2), Fraction(1, 2)),
        "softshrink(u) = u - min(max(u, -1/2), 1/2).",
        (),
    ),
    "tanhshrink": (lambda x: x - _f("tanh", x), "tanhshrink(u) = u - tanh(u).", ()),
    "logsigmoid": (lambda x: -_f("softplus", -x), "logsigmoid(u) = -softplus(-u).", ()),
    "hardtanh": (lambda x: _clipped(x, -1, 1), "hardtanh(u) = min(max(u, -1), 1).", ()),
    "clip": (_clipped, "clip(u, a, b) = min(max(u, a), b).", ()),
    "ceil": (lambda x: -_f("floor", -x), "ceil(u) = -floor(-u).", ()),
    "mod": (lambda x, y: x - y * _f("floor", x / y), "mod(u, v) = u - v.*floor(u./v).", ()),
    "xlogy": (lambda x, y: x * _f("log", y), "xlogy(u, v) = u.*log(v).", ("", "positive")),
    "trigamma": (
        lambda x: _f("polygamma", 1, x),
        "trigamma(u) = polygamma(1, u).",
        ("positive",),
    ),
    "betaln": (
        lambda a, b: _f("lgamma", a) + _f("lgamma", b) - _f("lgamma", a + b),
        "betaln(a, b) = lgamma(a) + lgamma(b) - lgamma(a + b).",
        ("positive", "positive"),
    ),
    "log_ndtr": (lambda x: _f("log", _f("normcdf", x)), "log_ndtr(u) = log(normcdf(u)).", ()),
    "normpdf": (
        lambda x: _f("exp", -(x**2) / 2) / _f("sqrt", 2 * _pi()),
        "normpdf(u) = exp(-u.^2/2)/sqrt(2*pi), the normal density φ.",
        (),
    ),
}
_MORE: dict[str, dict[str, Any]] = {
    "hardtanh": {"aliases": ("htanh",)},
    "acosh": {"aliases": ("arccosh", "arcosh")},
    "logcosh": {"aliases": ("log_cosh",)},
    "clip": {"aliases": ("clamp",), "example": "clip(x, -1, 1)"},
    "mod": {"example": "mod(x, 2)"},
    "betaln": {"aliases": ("lbeta",), "example": "betaln(x, y)"},
    "log_ndtr": {"bends": "concave increasing"},
}

for _name, (_expand, _says, _domain) in OF_ENTRIES.items():
    shorthand(_name, broadcast_rule, _expand, says=_says, domain=_domain, **_MORE.get(_name, {}))
shorthand(
    "softmin",
    keep_axis_rule,
    lambda x, axis: apply("softmax", -x, params=(axis,)),
    call="axis",
    says="softmin(u) = softmax(-u).",
)
