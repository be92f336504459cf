"""The differential of a piece as the rules of its operations write it, nothing moved."""

from matderiv.calculus.sweeps import differential
from matderiv.expr import (
    Expr,
    apply,
    is_,
    number,
    number_value,
    substitute,
    tangent,
    walk,
)
from matderiv.words.signs import total

MAX_TERMS = 6  # differentials of more terms are not written out before they are rearranged


class _Refused(Exception):  # noqa: N818  (no error: the rearranged line is shown instead)
    """The rule's own line would be longer than a reader wants."""


def written_rule(e: Expr, changes: dict[Expr, Expr]) -> Expr | None:
    """The differential of e as the rules write it; None where they would write too much."""
    found: dict[Expr, list[Expr]] = {}
    try:
        for node in walk(e):
            found[node] = [changes[node]] if node in changes else _raw_terms(node, found)
    except _Refused:
        return None
    if not found[e] or any(t.shape != e.shape for t in found[e]):
        return None
    return total(found[e])


def _raw_terms(node: Expr, found: dict[Expr, list[Expr]]) -> list[Expr]:
    terms: list[Expr] = []
    for which, a in enumerate(node.args):
        for inner in found.get(a, ()):
            made = _rule(node, which, inner)
            if made is not None:
                terms.append(made)
    if len(terms) > MAX_TERMS:
        raise _Refused
    return terms


def _rule(node: Expr, which: int, change: Expr) -> Expr | None:
    """The change of a node from the change of one argument; None where it vanishes."""
    if is_(node, "add"):
        if change.shape != node.shape:
            raise _Refused  # it is broadcast, which what is done to the sum does not show
        return change
    if is_(node, "div") and which == 0:
        return apply("div", change, node.args[1])
    if is_(node, "power", "epow"):
        return _power(node, which, change)
    if is_(node, "div", "ediv"):
        raise _Refused
    made = differential(node, which)
    if made is None:
        return None
    place = tangent(node.args[which].shape)
    if node.function.kind == "elementwise":
        partial = made.args[0] if is_(made, "hadamard") else None
        return change if partial is None else partial * change
    return substitute(made, {place: change})


def _power(node: Expr, which: int, change: Expr) -> Expr:
    """k u^(k-1) du for a number k and a scalar or entrywise power."""
    base, exponent = node.args
    k = number_value(exponent)
    if which or k is None or k == 1 or is_(base, "norm2") or (base.shape and is_(node, "power")):
        raise _Refused
    power = base if k == 2 else apply(node.function.name, base, number(k - 1))
    if not base.shape:
        return apply("mul", number(k), power, change)
    return apply("hadamard", k * power, change)
