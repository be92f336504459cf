"""The same expression with fewer gates, or with more of them."""

from matderiv.calculus.recognise import folded
from matderiv.expr import Expr, rebuild, walk

Parts = tuple[tuple[str, Expr], ...]


def rewritten(e: Expr, parts: Parts, *, fold: bool, expand: bool) -> tuple[Expr, Parts]:
    """An expression and its named parts with long spellings folded, or shorthands written out.

    >>> z = variable("z")
    >>> rewritten(1 / (1 + apply("exp", -z)), (), fold=True, expand=False)[0].function.name
    'sigmoid'
    """
    if expand:
        e, parts = _mapped(e, parts, opened=True)
    if fold:
        e, parts = _mapped(e, parts, opened=False)
    return e, parts


def _mapped(e: Expr, parts: Parts, *, opened: bool) -> tuple[Expr, Parts]:
    done: dict[Expr, Expr] = {}
    for node in walk(e, *(value for _, value in parts)):
        new = rebuild(node, tuple(done[a] for a in node.args))
        done[node] = _opened(new) if opened else folded(new) or new
    return done[e], tuple((name, done[value]) for name, value in parts)


def _opened(node: Expr) -> Expr:
    """A shorthand written out, down to functions that have a rule of their own."""
    if node.function.expand is None:
        return node
    inside: dict[Expr, Expr] = {a: a for a in node.args}
    root = node.function.expand(*node.args, *node.params)
    for part in walk(root):
        if part not in inside:
            new = rebuild(part, tuple(inside[a] for a in part.args))
            inside[part] = _opened(new)
    return inside[root]
