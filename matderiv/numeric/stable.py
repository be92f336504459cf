"""Equal forms with better numbers: shorthands written out, overflows avoided."""

from __future__ import annotations

from collections.abc import Callable

import matderiv.functions  # noqa: F401  (fills the registry)
from matderiv.expr import Expr, apply, fold, is_, number_value, rebuild, walk
from matderiv.shapes import is_scalar


def expanded(expr: Expr) -> Expr:
    """`expr` with every shorthand written out.

    >>> from matderiv.expr import variable
    >>> expanded(apply("mse", variable("a"), variable("b"))).function.name
    'mean'
    """
    while any(n.function.kind == "shorthand" for n in walk(expr)):
        expr = fold(expr, _written_out)
    return expr


def _written_out(node: Expr, args: tuple[Expr, ...]) -> Expr:
    expand = node.function.expand
    return rebuild(node, args) if expand is None else expand(*args, *node.params)


def stable(expr: Expr) -> Expr:
    """An equal expression whose value does not overflow where the value itself does not.

    Shorthands without a value of their own are written out first.

    >>> from matderiv.expr import variable
    >>> stable(apply("log", 1 + apply("exp", variable("z")))).function.name
    'softplus'
    >>> stable(apply("log", variable("z"))).function.name
    'log'
    """
    return stable_all((expr,))[0]


def stable_all(exprs: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Stable forms of several expressions; what they share is looked at once."""
    while any(_unvalued(n) for n in walk(*exprs)):
        exprs = _rewritten(
            exprs, lambda n, args: _written_out(n, args) if _unvalued(n) else rebuild(n, args)
        )
    return _rewritten(exprs, lambda n, args: _better(rebuild(n, args)))


def _rewritten(
    exprs: tuple[Expr, ...], visit: Callable[[Expr, tuple[Expr, ...]], Expr]
) -> tuple[Expr, ...]:
    done: dict[Expr, Expr] = {}
    for node in walk(*exprs):
        done[node] = visit(node, tuple(done[a] for a in node.args))
    return tuple(done[e] for e in exprs)


def _unvalued(node: Expr) -> bool:
    return node.function.kind == "shorthand" and node.function.numpy is None


def _better(node: Expr) -> Expr:
    rule = _STABLE.get(node.function.name)
    found = rule(node) if rule else None
    return node if found is None else found


def _stable_log(node: Expr) -> Expr | None:
    (u,) = node.args
    exponent = _of_one_plus_exp(u)
    if exponent is not None:
        return apply("softplus", exponent)
    if is_(u, "sum") and is_(u.args[0], "exp"):
        return apply("logsumexp", u.args[0].args[0], params=u.params)
    if is_(u, "exp"):
        return u.args[0]
    if is_(u, "softmax"):
        return apply("log_softmax", u.args[0], params=u.params)
    if is_(u, "det"):
        return apply("logdet", u.args[0])
    if is_(u, "sigmoid"):
        return -apply("softplus", _negative(u.args[0]))
    other = _other_than_one(u)
    if other is not None and is_(other, "neg") and is_(other.args[0], "sigmoid"):
        return -apply("softplus", other.args[0].args[0])
    return None


def _stable_log1p(node: Expr) -> Expr | None:
    (u,) = node.args
    return apply("softplus", u.args[0]) if is_(u, "exp") else None


def _stable_quotient(node: Expr) -> Expr | None:
    top, below = node.args
    exponent = _of_one_plus_exp(below)
    if exponent is not None and number_value(top) == 1:
        return apply("sigmoid", _negative(exponent))
    if not is_(top, "exp"):
        return None
    if exponent is top.args[0]:
        return apply("sigmoid", exponent)
    if is_(below, "sum") and below.args[0] is top:
        z = top.args[0]
        return apply("exp", z - apply("logsumexp", z, params=below.params))
    return None


def _stable_power(node: Expr) -> Expr | None:
    exponent = _of_one_plus_exp(node.args[0])
    if exponent is None or number_value(node.args[1]) != -1 or not _entrywise(node):
        return None
    return apply("sigmoid", _negative(exponent))


def _entrywise(node: Expr) -> bool:
    return is_(node, "epow") or is_scalar(node.shape)


def _other_than_one(e: Expr) -> Expr | None:
    """u when e is 1 + u or u + 1."""
    if not is_(e, "add") or len(e.args) != 2:
        return None
    a, b = e.args
    return b if number_value(a) == 1 else a if number_value(b) == 1 else None


def _of_one_plus_exp(e: Expr) -> Expr | None:
    """z when e is 1 + exp(z)."""
    other = _other_than_one(e)
    return other.args[0] if other is not None and is_(other, "exp") else None


def _negative(e: Expr) -> Expr:
    return e.args[0] if is_(e, "neg") else -e


_STABLE: dict[str, Callable[[Expr], Expr | None]] = {
    "log": _stable_log,
    "log1p": _stable_log1p,
    "ediv": _stable_quotient,
    "div": _stable_quotient,
    "power": _stable_power,
    "epow": _stable_power,
}
