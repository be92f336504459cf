"""How the softmax family, sums, means, norms and extremes are computed."""

from collections.abc import Callable

from matderiv.expr import Expr, is_
from matderiv.programs.entrywise import square
from matderiv.programs.lowering import Lowering, rule
from matderiv.programs.scaled import Scaled, as_factor, settled
from matderiv.shapes import Shape, Size, is_scalar


def size_slot(work: Lowering, s: Size) -> int:
    """A size as a number."""
    return work.b.number(s) if isinstance(s, int) else work.b.add("size", params=(s,))


# The softmax family ------------------------------------------------------------------------------


def softmax_parts(work: Lowering, x: Expr, axis: int | None) -> dict[str, Callable[[], int]]:
    """What the family shares: the largest entry, the shifted entries, their exponentials."""
    b, z = work.b, work.whole(x)
    if x.shape == () or is_scalar(x.shape):
        z = b.scalar(z)
    k = None if axis is None or len(x.shape) < 2 else axis - 1
    reduced = kept_shape(b.shape(z), k)
    top = b.add("max", z, params=(k, k is not None), shape=reduced)
    shifted = b.entrywise("sub", z, top)

    def total() -> int:
        e = b.entrywise("exp", shifted)
        return b.add("sum", e, params=(k, k is not None), shape=reduced)

    return {
        "softmax": lambda: b.entrywise("div", b.entrywise("exp", shifted), total()),
        "log_softmax": lambda: b.entrywise("sub", shifted, b.entrywise("log", total())),
        "logsumexp": lambda: b.entrywise("add", top, b.entrywise("log", total())),
    }


def kept_shape(shape: Shape, axis: int | None) -> Shape:
    """The shape of a reduction that keeps its axis with one entry; of everything a scalar."""
    return () if axis is None else (*shape[:axis], 1, *shape[axis + 1 :])


@rule("softmax", "log_softmax")
def _softmax(work: Lowering, node: Expr) -> Scaled:
    return Scaled(softmax_parts(work, node.args[0], node.params[0])[node.function.name]())


@rule("logsumexp")
def _logsumexp(work: Lowering, node: Expr) -> Scaled:
    return Scaled(
        _reduced(work, softmax_parts(work, node.args[0], node.params[0])["logsumexp"](), node)
    )


def _reduced(work: Lowering, slot: int, node: Expr) -> int:
    """A reduction that kept its axis, in the shape of the node."""
    if len(work.b.shape(slot)) == 2 and len(node.shape) == 1:
        return work.b.flat(slot)
    if work.b.shape(slot) != node.shape and len(work.b.shape(slot)) > 2:
        return work.b.add("reshape", slot, params=node.shape, shape=node.shape)
    return slot


# Reductions --------------------------------------------------------------------------------------


def squares(work: Lowering, x: Expr) -> int:
    """The sum of the squares of all entries."""
    if is_scalar(x.shape):
        return square(work.b, work.b.scalar(work.slot(x)))
    return work.b.add("vdot", work.whole(x), work.whole(x))


@rule("norm2")
def _norm2(work: Lowering, node: Expr) -> Scaled:
    (x,) = node.args
    if is_scalar(x.shape):
        return Scaled(work.b.entrywise("abs", work.b.scalar(work.slot(x))))
    return Scaled(work.b.add("norm2", work.whole(x)))


@rule("sum", "mean")
def _sum(work: Lowering, node: Expr) -> Scaled:
    (x,), (axis,) = node.args, node.params
    total = _summed(work, node, x, axis)
    if is_(node, "sum"):
        return total
    sizes = x.shape if axis is None else x.shape[axis - 1 : axis]
    for s in sizes:
        if s != 1:
            total = total.over(as_factor(work.b, size_slot(work, s)))
    return total


def _summed(work: Lowering, node: Expr, x: Expr, axis: int | None) -> Scaled:
    b = work.b
    if is_scalar(x.shape):
        return work.scaled(x)
    s = work.scaled(x)
    slot = b.whole(settled(b, s) if s.core is None else s.core, x.shape)
    factor = s.with_core(None) if s.core is not None else Scaled(None)
    if axis is None or len(x.shape) == 1:
        return factor.with_core(b.add("sum", slot, params=(None, False)))
    if len(x.shape) == 2 and axis == 1:
        row = b.add("sum", slot, params=(0, False), shape=x.shape[1:])
        return factor.with_core(b.turned_up(row, "row"))
    return factor.with_core(b.add("sum", slot, params=(axis - 1, False), shape=node.shape))


@rule("max", "min", "prod")
def _extreme(work: Lowering, node: Expr) -> Scaled:
    (x,), (axis,) = node.args, node.params
    if is_scalar(x.shape):
        return work.scaled(x)
    k = None if axis is None or len(x.shape) == 1 else axis - 1
    shape = kept_shape(x.shape, k)
    made = work.b.add(node.function.name, work.whole(x), params=(k, k is not None), shape=shape)
    return Scaled(_reduced(work, made, node))
