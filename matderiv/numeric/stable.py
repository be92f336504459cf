"""Equal forms with better numbers: shorthands written out, overflows avoided, cofactors.

Every form is equal to what it stands for wherever that has a value, and has none elsewhere.
"""

from collections.abc import Callable
from functools import reduce
from math import prod
from operator import add

import matderiv.functions  # noqa: F401  (fills the registry)
from matderiv.expr import Expr, apply, fold, fold_all, is_, number, number_value, rebuild, walk
from matderiv.functions.reduce import along
from matderiv.numeric.exponentials import (
    better_product,
    log_of_sum,
    of_one_plus_exp,
    opposite,
    other_than_one,
    powers_of,
    product_of,
)
from matderiv.numeric.poles import entrywise, factors_of, is_power

LINEAR = ("neg", "transpose", "tr", "sum", "mean", "diag", "vec")
"""Functions of one argument through which a factor may be taken."""


def expanded(expr: Expr) -> Expr:
    """`expr` with every shorthand written out.

    >>> expanded(apply("mse", variable("a"), variable("b"))).function.name
    'mean'
    """
    while "shorthand" in {n.function.kind for n in walk(expr)}:
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
    while any(map(_unvalued, walk(*exprs))):
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


def without_quotient(node: Expr) -> Expr:
    """A product in which prod(x) meets 1/x, or det(A) inv(A), without the quotient.

    >>> X = variable("X", (2, 2))
    >>> without_quotient(apply("det", X) * apply("inv", X)).args[1].function.name
    'adj'
    >>> without_quotient(2 * X) is 2 * X
    True
    """
    if is_(node, "det") and is_(node.args[0], "diag") and len(node.args[0].args[0].shape) == 1:
        return apply("prod", node.args[0].args[0], params=(None,))
    if is_(node, "tan"):  # 1/tan(x) is cos(x)/sin(x) beside prod(sin(x))
        return apply("sin", *node.args) / apply("cos", *node.args)
    if is_(node, "div", "ediv") and is_(node.args[1], "div"):
        above, below = node.args[1].args
        return without_quotient(node.args[0] * below / above)
    if not is_(node, "mul", "hadamard", "div", "ediv"):
        return node
    for partner in _partners(node):
        alone = _without(node, partner)
        joined = _joined(alone, partner) if alone is not None else None
        if joined is not None and joined.shape == node.shape:
            return without_quotient(joined)
    return _term_by_term(node)


def _term_by_term(node: Expr) -> Expr:
    """The quotients of the terms, where one of them is a product without its quotient.

    >>> x = variable("x", (2,))
    >>> one, other = (apply("prod", a, params=(None,)) for a in (x, 2 * x))
    >>> evaluate(_term_by_term((one + other) / x), {"x": [0, 3]}).tolist()
    [15.0, 0.0]
    """
    for k, whole in enumerate(node.args[:1] if is_(node, "div", "ediv") else node.args):
        a = whole.args[0] if is_(whole, "power") and not whole.shape else whole
        rest = _without(whole, a)
        if not is_(a, "add") or rest is None or any(t.shape != a.shape for t in a.args):
            continue
        parts = a.args if whole is a else [t * rest for t in a.args]
        terms = [rebuild(node, (*node.args[:k], t, *node.args[k + 1 :])) for t in parts]
        found = [without_quotient(t) for t in terms]
        if any(new is not old for new, old in zip(found, terms, strict=True)):
            return reduce(add, found)
    return node


def _partners(e: Expr) -> list[Expr]:
    """The products of entries and determinants among the factors of a product, each once."""
    met = {e: None}
    stack = [e]
    while stack:
        node = stack.pop()
        if is_(node, "power", "epow", "div", "ediv"):
            inside = node.args[:1]
        else:
            inside = node.args if is_(node, "neg", "mul", "hadamard") else ()
        stack += [a for a in reversed(inside) if a not in met]
        met.update(dict.fromkeys(inside))
    return [node for node in met if is_(node, "prod", "det")]


def _without(e: Expr, factor: Expr) -> Expr | None:
    """A product with one factor less, 1 in its place; None where the factor is not found."""
    if e is factor:
        return apply("ones", params=e.shape) if e.shape else number(1)
    if is_(e, "power", "epow") and e.args[0] is factor:
        k = number_value(e.args[1])
        return None if k is None or k < 1 else factor if k == 2 else factor ** int(k - 1)
    if not is_(e, "neg", "hadamard", "mul", "div", "ediv"):
        return None
    for place, a in enumerate(e.args[:1] if is_(e, "neg", "div", "ediv") else e.args):
        rest = _without(a, factor)
        if rest is not None:
            return apply(e.function.name, *e.args[:place], rest, *e.args[place + 1 :])
    return None


def _joined(e: Expr, partner: Expr) -> Expr | None:
    """prod(x) or det(A) times an expression that has 1/x or inv(A) as a factor; None without it."""
    if is_(e, "inv"):
        return _cofactors(e.args[0], partner)
    if is_(e, *LINEAR):
        inner = _joined(e.args[0], partner)
        return None if inner is None else apply(e.function.name, inner, params=e.params)
    if is_(e, "add"):
        parts = [_joined(a, partner) for a in e.args]
        if all(p is None for p in parts):
            return None
        whole = (p if p is not None else partner * a for p, a in zip(parts, e.args, strict=True))
        return apply("add", *whole)
    others = _over(e, partner) if is_(e, "div", "ediv") and is_(partner, "prod") else None
    if others is not None or not is_(e, "mul", "hadamard", "div", "ediv"):
        return others
    for k, a in enumerate(e.args[:1] if is_(e, "div", "ediv") else e.args):
        inner = _joined(a, partner)
        if inner is not None:
            return apply(e.function.name, *e.args[:k], inner, *e.args[k + 1 :])
    return None


def _cofactors(x: Expr, partner: Expr) -> Expr | None:
    """det(A) inv(X), where A is X or a product of square matrices with X among them."""
    if not is_(partner, "det"):
        return None
    (whole,) = partner.args
    if whole is x:
        return apply("adj", x)
    if is_(whole, "power") and whole.args[0] is x:
        k = number_value(whole.args[1])
        return None if k is None or k < 2 else apply("det", x) ** int(k - 1) * apply("adj", x)
    if (scale := _multiple(whole, x)) is not None:
        return scale * apply("adj", whole)
    square = is_(whole, "mul") and all(a.shape == x.shape for a in whole.args)
    if not square or x not in whole.args:
        return None
    rest = list(whole.args)
    rest.remove(x)
    return apply("mul", *(apply("det", a) for a in rest), apply("adj", x))


def _multiple(whole: Expr, x: Expr) -> Expr | None:
    """c of the matrix c*X; None where it is no multiple of X."""
    if whole is x:
        return number(1)
    if is_(whole, "neg", "div") and not any(a.shape for a in whole.args[1:]):
        inner = _multiple(whole.args[0], x)
        return None if inner is None else rebuild(whole, (inner, *whole.args[1:]))
    arrays = [a for a in whole.args if a.shape] if is_(whole, "mul", "hadamard") else []
    inner = _multiple(arrays[0], x) if len(arrays) == 1 else None
    return None if inner is None else prod((a for a in whole.args if not a.shape), start=inner)


def _over(e: Expr, product: Expr) -> Expr | None:
    """prod(x) times a quotient by x, or by one of the factors of x, as in prod(x.^2)./x."""
    above, below = e.args
    x = product.args[0]
    for divisor in [x, *factors_of(x)]:
        rest = number(1) if below is divisor else _without(below, divisor)
        left = _without(x, divisor) if divisor is not x else number(1)
        if rest is not None and left is not None:
            found = above * left * product_of_others(product)
            return found if number_value(rest) == 1 else found / rest
    return None


def product_of_others(product: Expr) -> Expr:
    """For each entry of x the product of all other entries, prod(x)./x where none is 0.

    >>> product = apply("prod", variable("x", (3,)), params=(None,))
    >>> [evaluate(product_of_others(product), {"x": x}).tolist() for x in ([0, 2, 3], [0, 0, 3])]
    [[6.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    (x,), axis = product.args, product.params[0]
    zero, filled = apply("where", x, 0, 1), apply("where", x, x, 1)
    zeros = along(apply("sum", zero, params=(axis,)), x.shape, axis)
    rest = along(apply("prod", filled, params=(axis,)), x.shape, axis)
    return apply("where", zeros - zero, 0, rest / filled)
