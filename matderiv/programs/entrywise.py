"""Functions of each entry in terms of a few operations, in forms that neither overflow nor cancel.

`np.log1p` and `np.exp` are vectorised in NumPy and `np.logaddexp` is not, so softplus is written
out; it then shares its exponential with sigmoid.
"""

from collections.abc import Callable
from fractions import Fraction

from matderiv.programs.program import ProgramBuilder

Form = Callable[..., int]

SIMPLE = (
    *("exp", "log", "log1p", "expm1", "sqrt", "abs", "sign", "sin", "cos", "tan", "arcsin"),
    *("arccos", "arctan", "sinh", "cosh", "tanh", "erf", "neg"),
)
"""Functions that are one operation, of the same name."""
LARGEST = 709  # exp of more overflows


def square(b: ProgramBuilder, x: int) -> int:
    """x·x."""
    return b.entrywise("mul", b.real(x), b.real(x))


def whole_power(b: ProgramBuilder, x: int, k: int) -> int:
    """x^k by repeated squaring, for a whole number k ≥ 1."""
    result: int | None = None
    while k:
        if k & 1:
            result = x if result is None else b.entrywise("mul", result, x)
        k >>= 1
        x = square(b, x) if k else x
    assert result is not None
    return result


def _sigmoid(b: ProgramBuilder, x: int) -> int:
    line = b.lines[x]
    below = line.arguments[0] if line.operation == "neg" else b.entrywise("neg", x)
    e = b.entrywise("exp", b.entrywise("minimum", below, b.number(LARGEST)))
    return b.entrywise("div", b.number(1), b.entrywise("add", b.number(1), e))


def _softplus(b: ProgramBuilder, x: int) -> int:
    e = b.entrywise("exp", b.entrywise("neg", b.entrywise("abs", x)))
    return b.entrywise("add", _relu(b, x), b.entrywise("log1p", e))


def sigmoid_beside_softplus(b: ProgramBuilder, x: int) -> int:
    """exp(x - softplus(x)): the logarithm of the sigmoid is known already.

    The difference loses nothing: where x > 40 softplus(x) is x, below it is at most 40.
    """
    return b.entrywise("exp", b.entrywise("sub", x, _softplus(b, x)))


def _relu(b: ProgramBuilder, x: int) -> int:
    return b.entrywise("maximum", x, b.number(0))


def _leaky_relu(b: ProgramBuilder, x: int, a: int) -> int:
    below = b.entrywise("mul", a, b.entrywise("minimum", x, b.number(0)))
    return b.entrywise("add", _relu(b, x), below)


def _elu(b: ProgramBuilder, x: int) -> int:
    below = b.entrywise("expm1", b.entrywise("minimum", x, b.number(0)))
    return b.entrywise("add", _relu(b, x), below)


def _gelu(b: ProgramBuilder, x: int) -> int:
    scaled = b.entrywise("div", x, b.add("sqrt", b.number(2)))
    half = b.entrywise("mul", b.number(Fraction(1, 2)), x)
    return b.entrywise("mul", half, b.entrywise("add", b.number(1), b.entrywise("erf", scaled)))


def _where(b: ProgramBuilder, test: int, x: int, y: int) -> int:
    if not b.lines[test].mask:
        test = b.entrywise("ne", test, b.number(0), mask=True)
    return b.entrywise("where", test, x, y)


def _huber(b: ProgramBuilder, x: int, d: int) -> int:
    """m(|x| - m/2) with m = min(|x|, d); not a number for a negative threshold."""
    size = b.entrywise("abs", x)
    least = b.entrywise("minimum", size, d)
    half = b.entrywise("mul", b.number(Fraction(1, 2)), least)
    value = b.entrywise("mul", least, b.entrywise("sub", size, half))
    known = b.number_at(d)
    if known is not None and known >= 0:
        return value
    negative = b.entrywise("lt", d, b.number(0), mask=True)
    return b.entrywise("where", negative, b.number(float("nan")), value)


def _compare(operation: str) -> Form:
    return lambda b, x, y: b.entrywise(operation, x, y, mask=True)


def _extreme(operation: str) -> Form:
    """The larger or smaller one, a number last."""

    def form(b: ProgramBuilder, x: int, y: int) -> int:
        return b.entrywise(operation, *((y, x) if b.number_at(x) is not None else (x, y)))

    return form


FORMS: dict[str, Form] = {
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "relu": _relu,
    "step": lambda b, x: b.entrywise("gt", x, b.number(0), mask=True),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "silu": lambda b, x: b.entrywise("mul", x, _sigmoid(b, x)),
    "gelu": _gelu,
    "where": _where,
    "huber": _huber,
    "maximum": _extreme("maximum"),
    "minimum": _extreme("minimum"),
    **{name: _compare(name) for name in ("gt", "lt", "ge", "le")},
}
