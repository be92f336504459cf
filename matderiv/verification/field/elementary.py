"""What functions mean in terms of exp, log, sqrt, sign and arithmetic, by definition.

The exact test knows these few; everything else is written out in them. These are definitions of
values; nothing here knows a derivative.
"""

from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import Any

from matderiv.expr import Expr, apply, exact_value, fold, is_, rebuild, walk
from matderiv.functions.reduce import along
from matderiv.numeric.ranges import bounds
from matderiv.shapes import is_scalar

MAX_EXPONENT = 1000  # a larger literal exponent is left to numbers
HEAVY = 40  # symbols of an exponent that is not looked into
_PI = apply("pi", params=("pi",))


def elementary(expr: Expr) -> Expr:
    """`expr` written in the functions that the exact test knows.

    >>> elementary(apply("gt", variable("a"), variable("b"))).function.name
    'step'
    """
    found = expr.cache.get("elementary")
    if found is None:
        found = expr.cache["elementary"] = fold(expr, _written)
    return found


def _written(node: Expr, args: tuple[Expr, ...]) -> Expr:
    if node.function.expand is not None and node.function.name != "solve":
        return elementary(node.function.expand(*args, *node.params))
    rule = _DEFINITIONS.get(node.function.name)
    return rebuild(node, args) if rule is None else rule(node, *args)


def _f(name: str, *args: Any, axis: int | None = None) -> Expr:
    return apply(name, *args, params=(axis,)) if name in ("sum", "max") else apply(name, *args)


def _exp(u: Expr) -> Expr:
    return apply("exp", u)


def _step(u: Expr) -> Expr:
    """1 where u > 0, or the number that this is everywhere."""
    low, high = bounds(u)
    return _constant(int(low > 0), u) if low > 0 or high <= 0 else apply("step", u)


def _sign(u: Expr) -> Expr:
    low, high = bounds(u)
    return _constant(1 if low > 0 else -1, u) if low > 0 or high < 0 else apply("sign", u)


def _constant(value: int, like: Expr) -> Expr:
    one = apply("number", params=(Fraction(value),))
    return one if is_scalar(like.shape) else one * apply("ones", params=like.shape)


def _softmax(node: Expr, x: Expr) -> Expr:
    (axis,) = node.params
    e = _exp(x)
    return e / along(_f("sum", e, axis=axis), x.shape, axis)


def _logsumexp(node: Expr, x: Expr) -> Expr:
    return apply("log", _f("sum", _exp(x), axis=node.params[0]))


def _chosen(first: Expr, second: Expr, test: Expr) -> Expr:
    """`first` where the test is 1, `second` where it is 0."""
    return apply("where", test, first, second)


def _huber(node: Expr, x: Expr, d: Expr) -> Expr:
    size = x * _sign(x)
    return _chosen(x * x / 2, d * (size - d / 2), _step(d - size))


def _norm_p(node: Expr, x: Expr, p: Expr) -> Expr:
    whole = _f("sum", elementary(apply("epow", x * _sign(x), p)))
    return elementary(apply("power", whole, 1 / p))


def _power(node: Expr, base: Expr, exponent: Expr) -> Expr:
    """Whole powers stay, halves become roots, other powers of numbers exp(k log u).

    A root of what cannot be negative is gone with a square; others have a value only in part.
    """
    k = exact_value(exponent, HEAVY)
    if k is not None:
        exponent = apply("number", params=(k,))
    entrywise = is_(node, "epow") or is_scalar(base.shape)
    if k is not None and k.denominator == 1:
        if is_(base, "sqrt") and k % 2 == 0 and k and bounds(base.args[0])[0] >= 0:
            return _raised(node, base.args[0], Fraction(k, 2))
        return rebuild(node, (base, exponent))
    if not entrywise:
        return rebuild(node, (base, exponent))
    if k is not None and k.denominator == 2:
        return _raised(node, apply("sqrt", base), 2 * k)
    return _exp(exponent * apply("log", base))


def _raised(node: Expr, base: Expr, k: Fraction) -> Expr:
    return base if k == 1 else apply(node.function.name, base, k)


# Turns by parts of a circle -----------------------------------------------------------------------


def turned_by_pi(*exprs: Expr) -> bool:
    """True if the number π is below a sine or cosine, where it means more than its residue.

    >>> pi, x = apply("pi", params=("pi",)), variable("x")
    >>> [turned_by_pi(elementary(apply("sin", u))) for u in (x, x + pi / 2, x * pi, x + pi / 7)]
    [False, False, True, True]
    """
    turning = [n for n in walk(*exprs) if is_(n, "sin", "cos")]
    return any(is_(n, "pi") for n in walk(*turning))


def _turned(node: Expr, u: Expr) -> Expr:
    """sin and cos of u + kπ for a k whose sine and cosine are known."""
    turns, rest = _turns(u)
    if not turns:
        return rebuild(node, (u,))
    cosine, sine = _cosine(turns % 2), _cosine((turns - Fraction(1, 2)) % 2)
    if cosine is None or sine is None:
        return rebuild(node, (u,))
    if rest is None:
        return sine if is_(node, "sin") else cosine
    s, c = apply("sin", rest), apply("cos", rest)
    found = s * cosine + c * sine if is_(node, "sin") else c * cosine - s * sine
    return found if found.shape == node.shape else rebuild(node, (u,))


def _turns(u: Expr) -> tuple[Fraction, Expr | None]:
    """k and the rest of u = rest + kπ; None for no rest."""
    addends = u.args if is_(u, "add") else (u,)
    parts = [(_multiple_of_pi(a), a) for a in addends]
    rest = [a for k, a in parts if k is None]
    turns = sum((k for k, _ in parts if k is not None), Fraction(0))
    if not rest:
        return (turns, None) if is_scalar(u.shape) else (Fraction(0), u)
    left = apply("add", *rest)
    return (turns, left) if left.shape == u.shape else (Fraction(0), u)


def _multiple_of_pi(e: Expr) -> Fraction | None:
    """k of an expression kπ."""
    if not is_scalar(e.shape) or e.weight > HEAVY:
        return None
    if is_(e, "pi"):
        return Fraction(1)
    if is_(e, "neg"):
        k = _multiple_of_pi(e.args[0])
        return None if k is None else -k
    if is_(e, "div"):
        k, below = _multiple_of_pi(e.args[0]), exact_value(e.args[1], HEAVY)
        return k / below if k is not None and below else None
    if is_(e, "mul", "hadamard"):
        turns = [(k, _multiple_of_pi(a)) for k, a in enumerate(e.args)]
        found = [(k, t) for k, t in turns if t is not None]
        others = [exact_value(a, HEAVY) for k, a in enumerate(e.args) if found and k != found[0][0]]
        if found and all(c is not None for c in others):
            return found[0][1] * prod(c for c in others if c is not None)
    return None


def _cosine(turns: Fraction) -> Expr | None:
    """cos(kπ) for k from 0 to 2."""
    square = _SQUARES.get(min(turns, 2 - turns, abs(1 - turns)))
    if square is None:
        return None
    size = apply("sqrt", square) if square not in (0, 1) else apply("number", params=(square,))
    return size if min(turns, 2 - turns) < Fraction(1, 2) else -size


_SQUARES = {
    Fraction(0): Fraction(1),
    Fraction(1, 6): Fraction(3, 4),
    Fraction(1, 4): Fraction(1, 2),
    Fraction(1, 3): Fraction(1, 4),
    Fraction(1, 2): Fraction(0),
}


_DEFINITIONS: dict[str, Callable[..., Expr]] = {
    "sin": _turned,
    "cos": _turned,
    "step": lambda node, u: _step(u),
    "sign": lambda node, u: _sign(u),
    "log1p": lambda node, x: apply("log", 1 + x),
    "expm1": lambda node, x: _exp(x) - 1,
    "abs": lambda node, x: x * _sign(x),
    "tan": lambda node, x: apply("sin", x) / apply("cos", x),
    "arccos": lambda node, x: _PI / 2 - apply("arcsin", x),
    "sinh": lambda node, x: (_exp(x) - 1 / _exp(x)) / 2,
    "cosh": lambda node, x: (_exp(x) + 1 / _exp(x)) / 2,
    "tanh": lambda node, x: 1 - 2 / (1 + _exp(2 * x)),
    "asinh": lambda node, x: apply("log", x + apply("sqrt", x * x + 1)),
    "atanh": lambda node, x: apply("log", (1 + x) / (1 - x)) / 2,
    "sinc": lambda node, x: apply("sin", _PI * x) / (_PI * x),
    "sigmoid": lambda node, x: 1 / (1 + _exp(-x)),
    "relu": lambda node, x: x * _step(x),
    "leaky_relu": lambda node, x, a: _chosen(x, a * x, _step(x)),
    "elu": lambda node, x: _chosen(x, _exp(x) - 1, _step(x)),
    "softplus": lambda node, x: apply("log", 1 + _exp(x)),
    "silu": lambda node, x: x / (1 + _exp(-x)),
    "gelu": lambda node, x: x * (1 + apply("erf", x / apply("sqrt", 2))) / 2,
    "gt": lambda node, a, b: _step(a - b),
    "lt": lambda node, a, b: _step(b - a),
    "ge": lambda node, a, b: 1 - _step(b - a),
    "le": lambda node, a, b: 1 - _step(a - b),
    "maximum": lambda node, a, b: _chosen(a, b, _step(a - b)),
    "minimum": lambda node, a, b: _chosen(a, b, _step(b - a)),
    "huber": _huber,
    "softmax": _softmax,
    "logsumexp": _logsumexp,
    "log_softmax": lambda node, x: x - along(_logsumexp(node, x), x.shape, node.params[0]),
    "norm2": lambda node, x: apply("sqrt", _f("sum", x * x)),
    "norm_p": _norm_p,
    "logdet": lambda node, x: apply("log", apply("det", x)),
    "power": _power,
    "epow": _power,
}
