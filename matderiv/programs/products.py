"""How products of matrices, transposes, traces, diagonals and inverses are computed."""

from __future__ import annotations

from matderiv.expr import Expr, is_
from matderiv.functions.algebra import product_shape
from matderiv.programs.chains import Factor, multiplied, product, standing, turned
from matderiv.programs.lowering import Lowering, rule
from matderiv.programs.scaled import Scaled, settled
from matderiv.shapes import Shape, is_scalar

Turned = tuple[Expr, bool]
"""A factor as written, and whether its transpose is meant."""


@rule("mul")
def _mul(work: Lowering, node: Expr) -> Scaled:
    """Scalars in front; the matrices between two scalar results form one chain."""
    result = Scaled(None)
    segment: list[Turned] = []
    current: Shape = ()
    for e, turn in _flattened(work, node):
        shape = _shape(e, turn)
        if is_scalar(shape):
            result = result.times(work.factor(e))
            continue
        segment.append((e, turn))
        current = shape if is_scalar(current) else product_shape(current, shape, lambda p, _: p)
        if is_scalar(current):
            factor, value = _chain(work, segment)
            result = result.times(factor).times(Scaled(value.slot))
            segment = []
    if not segment:
        return result
    if len(segment) == 1:
        e, turn = segment[0]
        s = _transposed(work, e) if turn else work.scaled(e)
        return result.times(s.with_core(None)).with_core(s.core)
    factor, value = _chain(work, segment)
    return result.times(factor).with_core(_as_node(work, value, node.shape))


def _shape(e: Expr, turn: bool) -> Shape:
    if not turn or len(e.shape) == 0:
        return e.shape
    return (1, e.shape[0]) if len(e.shape) == 1 else e.shape[::-1]


def _flattened(work: Lowering, node: Expr) -> list[Turned]:
    """The factors of a product and of products in it that nobody else uses."""
    out: list[Turned] = []
    stack: list[tuple[Expr, bool, bool]] = [(node, False, True)]
    while stack:
        e, turn, top = stack.pop()
        inner = top or (e not in work.found and work.absorbed(e))
        if is_(e, "mul") and inner:
            args = list(e.args)
            stack += [(a, turn, False) for a in (args if turn else reversed(args))]
        elif is_(e, "transpose") and inner:
            stack.append((e.args[0], not turn, False))
        else:
            out.append((e, turn))
    return out


def _chain(work: Lowering, segment: list[Turned]) -> tuple[Scaled, Factor]:
    """The factor in front of a chain, and its product."""
    front = Scaled(None)
    factors = []
    for e, turn in segment:
        scalar, factor = as_chain_factor(work, e)
        front = front.times(scalar)
        factors.append(turned(work.b, factor) if turn else factor)
    return front, multiplied(work.b, factors, work.estimate)


def as_chain_factor(work: Lowering, e: Expr) -> tuple[Scaled, Factor]:
    """An argument as a factor of a chain, and the scalar that waits in front of it."""
    b = work.b
    while is_(e, "transpose") and len(e.args[0].shape) == 2 and 1 not in e.shape:
        scalar, factor = as_chain_factor(work, e.args[0])
        return scalar, turned(b, factor)
    rows, columns = (e.shape[0], 1) if len(e.shape) == 1 else e.shape
    if is_(e, "ones"):
        return Scaled(None), Factor("ones", -1, rows, columns)
    if is_(e, "diag") and len(e.args[0].shape) == 1:
        s = work.scaled(e.args[0])
        u = b.whole(settled(b, s) if s.core is None else s.core, e.shape[:1])
        front = Scaled(None) if s.core is None else s.with_core(None)
        return front, Factor("diagonal", u, rows, columns)
    if is_(e, "inv") and work.single(e):
        return Scaled(None), Factor("inverse", work.whole(e.args[0]), rows, columns)
    s = work.scaled(e)
    slot = b.number(1) if s.core is None else s.core
    if 1 in (rows, columns):
        size = rows if columns == 1 else columns
        shape = (size,) if len(b.shape(slot)) < 2 else e.shape
        slot = b.flat(b.whole(slot, shape))
        return s.with_core(None), Factor("column" if columns == 1 else "row", slot, rows, columns)
    return s.with_core(None), Factor("matrix", slot, rows, columns)


def _as_node(work: Lowering, f: Factor, shape: Shape) -> int:
    """A product in the shape of its node, which may be implied by a row or a column."""
    b = work.b
    f = standing(b, f)
    if f.form == "row" and len(shape) == 2:
        return b.turned_up(f.slot, "row")
    if f.form == "column" and len(shape) == 2:
        return b.turned_up(f.slot, "column")
    return f.slot


@rule("transpose")
def _transpose(work: Lowering, node: Expr) -> Scaled:
    return _transposed(work, node.args[0])


def _transposed(work: Lowering, x: Expr) -> Scaled:
    s = work.scaled(x)
    if s.core is None or is_scalar(x.shape):
        return s
    slot, b = s.core, work.b
    if b.shape(slot) == ():
        return s
    if len(x.shape) == 1:
        return s.with_core(b.turned_up(slot, "row"))
    if x.shape[0] == 1:
        return s.with_core(b.flat(slot))
    return s.with_core(b.transposed(slot))


@rule("inv")
def _inv(work: Lowering, node: Expr) -> Scaled:
    (x,) = node.args
    if is_scalar(x.shape):
        return Scaled(None).over(work.factor(x))
    return Scaled(work.b.add("inv", work.whole(x), shape=node.shape))


@rule("solve")
def _solve(work: Lowering, node: Expr) -> Scaled:
    a, c = node.args
    if is_scalar(a.shape):
        return work.scaled(c).over(work.factor(a))
    inverse = Factor("inverse", work.whole(a), *a.shape)
    if is_scalar(c.shape):
        return Scaled(standing(work.b, inverse).slot).times(work.factor(c))
    front, factor = as_chain_factor(work, c)
    return front.with_core(_as_node(work, product(work.b, inverse, factor), node.shape))


@rule("tr")
def _trace(work: Lowering, node: Expr) -> Scaled:
    """tr(A*B) from the entries of A and B', without the product."""
    (x,) = node.args
    if is_scalar(x.shape):
        return work.scaled(x)
    front, halves = _halves(work, x)
    if halves is not None:
        left, right = (standing(work.b, f) for f in halves)
        if left.form == "column":
            return front.times(Scaled(product(work.b, right, left).slot))
        if left.form == right.form == "matrix":
            shape = (left.rows, left.columns)
            other = work.b.whole(turned(work.b, right).slot, shape)
            return front.with_core(work.b.add("vdot", work.b.whole(left.slot, shape), other))
    return Scaled(work.b.add("trace", work.whole(x)))


def _halves(work: Lowering, x: Expr) -> tuple[Scaled, tuple[Factor, Factor] | None]:
    """A product that nobody else uses as two factors, split where that is cheapest."""
    if not is_(x, "mul") or not work.single(x):
        return Scaled(None), None
    front, chain = Scaled(None), []
    for e, turn in _flattened(work, x):
        if is_scalar(e.shape):
            front = front.times(work.factor(e))
            continue
        scalar, factor = as_chain_factor(work, e)
        front = front.times(scalar)
        chain.append(turned(work.b, factor) if turn else factor)
    if len(chain) < 2:
        return front, None
    size = [work.estimate(f.rows) * work.estimate(chain[0].rows) for f in chain]
    split = min(range(1, len(chain)), key=lambda k: (size[k], -k))
    parts = chain[:split], chain[split:]
    left, right = (multiplied(work.b, part, work.estimate) for part in parts)
    return front, (left, right)


@rule("diag")
def _diag(work: Lowering, node: Expr) -> Scaled:
    (x,) = node.args
    b = work.b
    if is_scalar(x.shape):
        return work.scaled(x)
    if len(node.shape) == 2:
        s = work.scaled(x)
        inner = b.whole(settled(b, s) if s.core is None else s.core, x.shape)
        front = Scaled(None) if s.core is None else s.with_core(None)
        return front.with_core(b.add("diag", b.flat(inner), shape=node.shape))
    front, halves = _halves(work, x)
    if halves is not None:
        left, right = (standing(b, f) for f in halves)
        if left.form == "column":
            return front.with_core(b.entrywise("mul", left.slot, right.slot))
        other = turned(b, right)
        shape = (left.rows, left.columns)
        slots = (b.whole(left.slot, shape), b.whole(other.slot, shape))
        return front.with_core(b.add("rowdot", *slots, shape=node.shape))
    s = work.scaled(x)
    inner = b.whole(settled(b, s) if s.core is None else s.core, x.shape)
    front = Scaled(None) if s.core is None else s.with_core(None)
    return front.with_core(b.add("diagonal", inner, shape=node.shape))
