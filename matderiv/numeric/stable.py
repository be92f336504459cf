"""Equal forms with better numbers: shorthands written out, overflows avoided.

Every form is equal to what it stands for wherever that has a value, and has none elsewhere.
"""

from collections.abc import Callable

import matderiv.functions  # noqa: F401  (fills the registry)
from matderiv.expr import Expr, apply, fold, fold_all, is_, number, number_value, rebuild, walk
from matderiv.numeric.exponentials import (
    better_product,
    log_of_sum,
    of_one_plus_exp,
    opposite,
    other_than_one,
    powers_of,
    product_of,
)
from matderiv.numeric.poles import entrywise, is_power


def expanded(expr: Expr) -> Expr:
    """`expr` with every shorthand written out.

    >>> expanded(apply("mse", variable("a"), variable("b"))).function.name
    'mean'
    """
    while any(n.function.kind == "shorthand" for n in walk(expr)):
        expr = fold(expr, _written_out)
    return expr


def _written_out(node: Expr, args: tuple[Expr, ...]) -> Expr:
    expand = node.function.expand
    return rebuild(node, args) if expand is None else expand(*args, *node.params)


def stable_all(exprs: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Stable forms of several expressions; what they share is looked at once."""
    exprs = valued(exprs)
    return fold_all(exprs, lambda n, args: _better(rebuild(n, args)))


def valued(exprs: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """The expressions with those shorthands written out that have no value of their own.

    >>> valued((apply("kl", variable("p"), variable("q")),))[0].function.name
    'sum'
    """
    while any(_unvalued(n) for n in walk(*exprs)):
        exprs = fold_all(
            exprs, lambda n, args: _written_out(n, args) if _unvalued(n) else rebuild(n, args)
        )
    return exprs


def _unvalued(node: Expr) -> bool:
    return node.function.kind == "shorthand" and node.function.numpy is None


def _better(node: Expr) -> Expr:
    rule = _STABLE.get(node.function.name)
    found = rule(node) if rule else None
    return node if found is None else found


def _stable_log(node: Expr) -> Expr | None:
    (u,) = node.args
    exponent = of_one_plus_exp(u)
    if exponent is not None:
        return apply("softplus", exponent)
    if is_(u, "sum") and is_(u.args[0], "exp"):
        return apply("logsumexp", u.args[0].args[0], params=u.params)
    if is_(u, "where") and number_value(u.args[2]) == 1:
        inner = _log(u.args[1])
        return None if is_(inner, "log") else apply("where", u.args[0], inner, 0)
    rule = _LOG_OF.get(u.function.name)
    return rule(u) if rule is not None else None


def _log_of_add(u: Expr) -> Expr | None:
    """log(1 - sigmoid(z)) = -softplus(z), log(1 - tanh(z)²) = 2 (log 2 - z - softplus(-2 z))."""
    other = other_than_one(u)
    if other is None:
        return log_of_sum(u)
    if is_(other, "tanh"):
        return log(number(2)) - apply("softplus", -2 * other.args[0])
    if not is_(other, "neg"):
        return log_of_sum(u)
    (v,) = other.args
    if is_(v, "sigmoid"):
        return -apply("softplus", v.args[0])
    if is_(v, "tanh"):
        return log(number(2)) - apply("softplus", 2 * v.args[0])
    if is_(v, "power", "epow") and is_(v.args[0], "tanh") and number_value(v.args[1]) == 2:
        (z,) = v.args[0].args
        return 2 * (log(number(2)) - z - apply("softplus", -2 * z))
    return None


def _log_of_product(u: Expr) -> Expr | None:
    """log(c exp(z) sigmoid(y)/cosh(x)) = log(c) + z - softplus(-y) - log(cosh(x))."""
    if is_(u, "mul") and not entrywise(u):
        return log_of_sum(u)
    powers = powers_of(u)
    positive = {e: k for e, k in powers.items() if is_(e, *_POSITIVE) or of_one_plus_exp(e)}
    if not positive:
        return None
    rest = {e: k for e, k in powers.items() if e not in positive}
    terms = [_log(product_of(rest))] if rest else []
    terms += [_log(e) * k if k != 1 else _log(e) for e, k in positive.items()]
    whole = apply("add", *terms)
    return whole if whole.shape == u.shape else None


_POSITIVE = ("exp", "sigmoid", "cosh", "softplus", "softmax")


def _log(u: Expr) -> Expr:
    return _better(log(u))


def log(u: Expr) -> Expr:
    """The logarithm of an expression."""
    return apply("log", u)


def _log_of_prod(u: Expr) -> Expr | None:
    """The sum of the logarithms, which does not underflow; not a number for a negative product."""
    (x,) = u.args
    sizes = apply("sum", log(apply("abs", x)), params=u.params)
    return sizes + log(apply("prod", apply("sign", x), params=u.params))


_LOG_OF: dict[str, Callable[[Expr], Expr | None]] = {
    "exp": lambda u: u.args[0],
    "softmax": lambda u: apply("log_softmax", u.args[0], params=u.params),
    "det": lambda u: apply("logdet", u.args[0]),
    "sigmoid": lambda u: -apply("softplus", opposite(u.args[0])),
    "cosh": lambda u: u.args[0] + apply("softplus", -2 * u.args[0]) - log(number(2)),
    "sinh": lambda u: u.args[0] + apply("log1p", -apply("exp", -2 * u.args[0])) - log(number(2)),
    "add": _log_of_add,
    **dict.fromkeys(("hadamard", "mul", "div", "ediv"), _log_of_product),
    "prod": _log_of_prod,
    "sum": log_of_sum,
    "mean": log_of_sum,
}
"""The logarithm of a function in a form that neither overflows nor underflows."""


def _stable_log1p(node: Expr) -> Expr | None:
    (u,) = node.args
    return apply("softplus", u.args[0]) if is_(u, "exp") else None


def _stable_root(node: Expr) -> Expr | None:
    """sqrt(x²) = abs(x)."""
    (u,) = node.args
    return apply("abs", u.args[0]) if is_power(u) and number_value(u.args[1]) == 2 else None


def _stable_quotient(node: Expr) -> Expr | None:
    top, below = node.args
    exponent = of_one_plus_exp(below)
    if exponent is not None and number_value(top) == 1:
        return apply("sigmoid", opposite(exponent))
    if is_(top, "exp"):
        z = top.args[0]
        if exponent is z:
            return apply("sigmoid", exponent)
        if is_(below, "sum") and below.args[0] is top:
            return apply("exp", z - apply("logsumexp", z, params=below.params))
    return better_product(node)


def _stable_power(node: Expr) -> Expr | None:
    exponent = of_one_plus_exp(node.args[0])
    if exponent is None or number_value(node.args[1]) != -1 or not is_power(node):
        return None
    return apply("sigmoid", opposite(exponent))


_STABLE: dict[str, Callable[[Expr], Expr | None]] = {
    "log": _stable_log,
    "log1p": _stable_log1p,
    "sqrt": _stable_root,
    "hadamard": better_product,
    "mul": better_product,
    "ediv": _stable_quotient,
    "div": _stable_quotient,
    "power": _stable_power,
    "epow": _stable_power,
}
