"""What a formula is the derivative of; entries that tie for a maximum share its change."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from matderiv.expr import Expr, apply, dependents, fold, has, is_, rebuild, walk
from matderiv.functions.reduce import along


@dataclass(frozen=True)
class Subject:
    """What a formula is the derivative of, and by which variables.

    `forms` are f as it was typed and as it was differentiated. `names` are variables in the formula
    that stand for adjoints, with their values.
    """

    forms: tuple[Expr, ...]
    wrt: frozenset[Expr]
    order: int = 1
    names: Mapping[Expr, Expr] = field(default_factory=dict)


def may_tie(e: Expr) -> bool:
    """True for a formula with an extreme."""
    return has(e, "extremes", lambda n: is_(n, "max", "min", "norminf"))


def ties_shared(e: Expr, subject: Subject) -> Expr:
    """A formula in which the entries that attain a maximum share its change.

    >>> x = variable("x", (3,))
    >>> top = apply("max", x, params=(None,))
    >>> mask = apply("ge", x, top)
    >>> evaluate(ties_shared(mask, Subject((top,), frozenset({x}))), {"x": [1, 2, 2]})
    array([0. , 0.5, 0.5])
    """
    if not may_tie(e):
        return e
    nodes = set(walk(e))
    changing = set(dependents(e, *subject.wrt, *subject.names))

    def visit(node: Expr, args: tuple[Expr, ...]) -> Expr:
        new = rebuild(node, args)
        place = _extreme(node) if node in changing else None
        if place is None:
            return new
        attained = apply("sum", node, params=place)
        if attained in nodes:
            return new
        return new / along(attained, node.shape, place[0])

    return fold(e, visit)


def _extreme(mask: Expr) -> tuple[int | None] | None:
    """The axis of the extreme whose entries a mask finds, x >= max(x); None for other masks."""
    if not is_(mask, "ge", "le"):
        return None
    x, top = mask.args
    if is_(top, "einsum") and len(top.args) == 2 and is_(top.args[0], "ones"):
        top = top.args[1]
    if is_(mask, "ge") and is_(top, "norminf") and x is apply("abs", top.args[0]):
        return (None,)
    if is_(top, "max" if is_(mask, "ge") else "min") and top.args[0] is x:
        return (top.params[0],)
    return None
