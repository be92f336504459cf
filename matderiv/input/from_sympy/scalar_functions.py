"""Scalar arithmetic and scalar functions of SymPy, applied to numbers or to all entries at once.

Inside the Lambda of an elementwise function the bound variable stands for a whole vector or
matrix, so every function here takes scalars and equal shapes alike.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any

from matderiv.arguments import pairs
from matderiv.errors import UnknownFunction
from matderiv.expr import Expr, apply, is_, number, number_value
from matderiv.shapes import is_scalar

EntryFunction = Callable[..., Expr]


def quotient(a: Expr, b: Expr) -> Expr:
    """a/b, entry by entry where b has entries."""
    return apply("div" if is_scalar(b.shape) else "ediv", a, b)


def power(base: Expr, exponent: Expr) -> Expr:
    """base^exponent, entry by entry where there are entries; a negative power is a quotient."""
    value = number_value(exponent)
    if value is not None and value < 0:
        return quotient(number(1), power(base, number(-value)))
    if value is not None and value * 2 == 1:
        return apply("sqrt", base)
    if value == 1:
        return base
    scalars = is_scalar(base.shape) and is_scalar(exponent.shape)
    return apply("power" if scalars else "epow", base, exponent)


def total(*terms: Expr) -> Expr:
    """The sum: a positive number first, terms with a minus sign last, else in their order."""
    if len(terms) == 1:
        return terms[0]
    rank = {True: 2, False: 1}
    return apply("add", *sorted(terms, key=lambda t: 0 if _positive(t) else rank[_minus(t)]))


def _positive(e: Expr) -> bool:
    return is_(e, "number") and e.params[0] >= 0


def _minus(e: Expr) -> bool:
    return is_(e, "neg") or (is_(e, "number") and e.params[0] < 0)


def product(*factors: Expr, entrywise: bool = True) -> Expr:
    """The product: numbers collected, 1/b as a division by b, a negative number as a sign.

    Factors with entries are multiplied entry by entry, or as matrices in their order.
    """
    negative, over, under, chain = False, 1, [], []
    for f in factors:
        if is_(f, "neg"):
            negative, f = not negative, f.args[0]
        value = number_value(f)
        if value is not None:
            negative ^= value < 0
            over *= abs(value.numerator)
            if value.denominator != 1:
                under.append(number(value.denominator))
        elif is_(f, "div", "ediv") and f.args[0] is number(1) and (entrywise or not f.shape):
            under.append(f.args[1])
        else:
            chain.append(f)
    body = _joined(([number(over)] if over != 1 or not chain else []) + chain, entrywise)
    for long in (False, True):
        parts = [u for u in under if is_scalar(u.shape) is not long]
        if parts:
            body = quotient(body, _joined(parts, True))
    return apply("neg", body) if negative else body


def _joined(factors: list[Expr], entrywise: bool) -> Expr:
    long = [f for f in factors if not is_scalar(f.shape)]
    if entrywise and len(long) > 1:
        factors = [f for f in factors if is_scalar(f.shape)] + [apply("hadamard", *long)]
    return apply("mul", *factors) if len(factors) > 1 else factors[0]


# Functions ----------------------------------------------------------------------------------------


def _plain(name: str) -> EntryFunction:
    return lambda node, *args: apply(name, *args)


def _repeated(name: str) -> EntryFunction:
    return lambda node, *args: reduce(lambda a, b: apply(name, a, b), args)


def _inverse_of(name: str) -> EntryFunction:
    return lambda node, *args: quotient(number(1), apply(name, *args))


def _heaviside(node: Any, x: Expr) -> Expr:
    """SymPy lets its second argument say the value at 0; 1/2 unless given."""
    at_zero = node.args[1]
    if at_zero == 0:
        return apply("step", x)
    if at_zero == 1:
        return apply("ge", x, 0)
    if 2 * at_zero == 1:
        return quotient(total(number(1), apply("sign", x)), number(2))
    raise UnknownFunction(f"Heaviside of SymPy with the value {at_zero} at 0")


def _piecewise(node: Any, *args: Expr) -> Expr:
    """Nested choices, the last condition being True."""
    pairs = list(zip(args[::2], args[1::2], strict=True))
    if node.args[-1].args[1] != True:  # noqa: E712  (SymPy's true is not Python's)
        raise UnknownFunction(
            "Piecewise of SymPy without a last case (..., True)", hint="add what holds otherwise"
        )
    result = pairs[-1][0]
    for value, condition in reversed(pairs[:-1]):
        if is_(condition, "gt", "ge", "lt", "le") and value is number(1) and result is number(0):
            result = condition
        else:
            result = apply("where", condition, value, result)
    return result


def _bessel(node: Any, x: Expr) -> Expr:
    if node.args[0] not in (0, 1):
        raise UnknownFunction(f"besseli of SymPy of the order {node.args[0]}", hint="order 0 or 1")
    return apply(f"bessel_i{node.args[0]}", x)


def _gamma(node: Any, x: Expr) -> Expr:
    """Γ(x) as exp(log|Γ(x)|), with its sign where x may be negative, which is that of sin(πx)."""
    size = apply("exp", apply("lgamma", x))
    if node.args[0].is_positive:
        return size
    below = apply("sign", apply("sin", product(apply("pi", params=("pi",)), x)))
    return product(apply("where", apply("gt", x, number(0)), number(1), below), size)


def _sinc(node: Any, x: Expr) -> Expr:
    """sin(x)/x, where the language has sin(πx)/(πx)."""
    return apply("sinc", quotient(x, apply("pi", params=("pi",))))


def _equal(node: Any, a: Expr, b: Expr) -> Expr:
    return _both(node, apply("ge", a, b), apply("le", a, b))


def _both(node: Any, *args: Expr) -> Expr:
    return apply("hadamard", *args) if len(args) > 1 else args[0]


def _not(node: Any, a: Expr) -> Expr:
    return total(number(1), apply("neg", a))


_NAMES = pairs("""
    Abs abs        asin arcsin    acos arccos          atan arctan    asinh asinh
    atanh atanh    floor floor    ceiling ceil         GreaterThan ge LessThan le
    StrictGreaterThan gt          StrictLessThan lt    loggamma lgamma
    Mod mod        erfc erfc      erfinv erfinv        acosh acosh
""")
_RECIPROCALS = pairs("sec cos  csc sin  cot tan  sech cosh  csch sinh  coth tanh")
ENTRIES: dict[str, EntryFunction] = {
    **{
        name: _plain(name)
        for name in (
            "atan2",
            *("exp", "log", "log1p", "expm1", "sign", "sin", "cos", "tan", "sinh", "cosh", "tanh"),
            *("erf", "sigmoid", "relu", "leaky_relu", "elu", "softplus", "silu", "gelu", "huber"),
        )
    },
    **{name: _plain(ours) for name, ours in _NAMES.items()},
    **{name: _inverse_of(below) for name, below in _RECIPROCALS.items()},
    "Max": _repeated("maximum"),
    "Min": _repeated("minimum"),
    "Heaviside": _heaviside,
    "polygamma": lambda node, k, x: apply(*(("polygamma", k) if node.args[0] else ("digamma",)), x),
    "gamma": _gamma,
    "sinc": _sinc,
    "besseli": lambda node, k, x: _bessel(node, x),
    "Piecewise": _piecewise,
    "Equality": _equal,
    "Unequality": lambda node, a, b: _not(node, _equal(node, a, b)),
    "And": _both,
    "Or": _repeated("maximum"),
    "Not": _not,
    "conjugate": lambda node, a: a,
}
"""Name of SymPy's class -> the expression of its values, given (node, *arguments)."""
