"""A branch that was guarded stays guarded: a mask times g' is written where(c, g', 0).

where(x > 0, sqrt(x), 0) has a derivative for x < 0, and (x > 0)./(2*sqrt(x)) has no value there. A
mask times what has a value wherever f has one stays a product, as textbooks write it.
"""

from collections.abc import Callable
from functools import reduce
from operator import mul

from matderiv.choosing.sums import raise_tensor
from matderiv.expr import Expr, apply, fold, is_, number, number_value, rebuild, walk
from matderiv.numeric.poles import entrywise, is_mask, may_lack_value, outside_branches, poles
from matderiv.tensors.lower import open_product
from matderiv.tensors.tensor import Index, Tensor
from matderiv.words.signs import shortest


def guarded(e: Expr, f: Expr) -> Expr:
    """A derivative of f in which masks choose where a product might have no value.

    >>> x, f = (read(t).expr for t in ("(x > 0)./sqrt(x)", "sum(where(x > 0, sqrt(x), 0))"))
    >>> text(guarded(x, f))
    'where(x>0,1./sqrt(x),0)'
    >>> g, f = (read(t).expr for t in ("(x > 0).*exp(y)", "sum(relu(x).*exp(y))"))
    >>> guarded(g, f) is g
    True
    """
    if not any(map(is_mask, walk(e))):
        return e
    always, known, sound = outside_branches(f), poles(f), set[Expr]()

    def visit(node: Expr, args: tuple[Expr, ...]) -> Expr:
        new = rebuild(node, args)
        masks, rest = without_masks(new)
        if not masks or not may_lack_value(rest, always, known, sound):
            return new
        condition = reduce(mul, dict.fromkeys(map(_condition, masks)))
        rest = _inside(rest, masks)
        chosen = condition if is_(rest, "ones") else apply("where", condition, rest, 0)
        return chosen if chosen.shape == node.shape else new

    return fold(e, visit)


def without_masks(e: Expr) -> tuple[list[Expr], Expr]:
    """The masks among the factors of a product, and the product where they are 1.

    >>> masks, rest = without_masks(read("-2*(x > 0).*y./z").expr)
    >>> [text(m) for m in masks], text(rest)
    (['(x>0)'], '-2.*y./z')
    """
    if is_mask(e):
        return [e], number(1)
    if is_(e, "where") and number_value(e.args[2]) == 0:
        return [apply("where", e.args[0], 1, 0)], e.args[1]
    if is_(e, "neg", "div", "ediv"):
        masks, first = without_masks(e.args[0])
        return (masks, apply(e.function.name, first, *e.args[1:])) if masks else ([], e)
    if not is_(e, "hadamard", "mul") or (is_(e, "mul") and not entrywise(e)):
        return [], e
    parts = [without_masks(a) for a in e.args]
    masks = [m for own, _ in parts for m in own]
    kept = [rest for _, rest in parts if number_value(rest) != 1]
    if not masks:
        return [], e
    return masks, apply(e.function.name, *kept)


def _condition(mask: Expr) -> Expr:
    """What a mask asks: step(x) asks for x > 0, where(c, 1, 0) for c."""
    if is_(mask, "step"):
        return apply("gt", mask.args[0], 0)
    if is_(mask, "where") and number_value(mask.args[1]) == 1:
        return mask.args[0]
    return mask


def fold_entries(e: Expr, visit: Callable[[Expr, tuple[Expr, ...]], Expr]) -> Expr:
    """An expression rebuilt by `visit`, as far down as entries meet entry by entry."""
    reached, stack = {e}, [e]
    while stack:
        node = stack.pop()
        if _by_entries(node):
            stack += [a for a in node.args if a not in reached]
            reached.update(node.args)
    done: dict[Expr, Expr] = {}
    for node in walk(e):
        if node in reached:
            args = tuple(done[a] for a in node.args) if _by_entries(node) else ()
            done[node] = visit(node, args) if args else node
    return done[e]


def _by_entries(node: Expr) -> bool:
    product = is_(node, "mul") and entrywise(node)
    return product or node.function.kind == "elementwise" or is_(node, "add", "neg", "hadamard")


def _inside(e: Expr, masks: list[Expr]) -> Expr:
    """e where all masks are 1: relu(x) is x where x > 0.

    Only where entries meet entry by entry: in A*relu(x) other entries than the chosen ones count.
    """
    conditions = {_condition(m) for m in masks}
    positive = {c.args[0] for c in conditions if is_(c, "gt") and number_value(c.args[1]) == 0}

    def visit(node: Expr, args: tuple[Expr, ...]) -> Expr:
        if is_(node, "relu", "abs") and node.args[0] in positive:
            return args[0]
        return rebuild(node, args)

    new = fold_entries(e, visit)
    if 1 in new.shape or len(new.shape) > 2:
        return new
    axes = tuple(Index(s) for s in new.shape)
    return shortest((new, raise_tensor(Tensor(axes, (open_product(new, axes),)), broadcast=True)))
