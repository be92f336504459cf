"""How products of matrices, transposes, traces, diagonals and inverses are computed."""

from collections.abc import Collection, Sequence
from fractions import Fraction
from itertools import pairwise

from matderiv.expr import Expr, is_
from matderiv.functions.algebra import product_shape
from matderiv.numeric.ranges import bounds
from matderiv.programs.chains import ChainFactor, multiplied, product, standing, turned
from matderiv.programs.contractions import with_axes
from matderiv.programs.lowering import SYMMETRIC, Lowering, rule
from matderiv.programs.scaled import Scaled, quotient, settled
from matderiv.shapes import Shape, is_scalar

Turned = tuple[Expr, bool]
"""A factor as written, and whether its transpose is meant."""


@rule("mul")
@with_axes
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


def _chain(work: Lowering, segment: list[Turned]) -> tuple[Scaled, ChainFactor]:
    """The factor in front of a chain, and its product."""
    parts = _distributed(work, segment)
    if parts is None:
        front, factors, positive = _factors(work, segment)
        return front, _multiplied(work, factors, positive, _shared(work, segment, factors))
    total: ChainFactor | None = None
    for part in sorted(parts, key=lambda p: p[0].number < 0):
        scalar, chain = part
        front, factors, positive = _factors(work, chain)
        found = standing(work.b, _multiplied(work, factors, positive))
        s = scalar.times(front).with_core(found.slot)
        minus = total is not None and s.number < 0
        slot = settled(work.b, s.times(Scaled(None, Fraction(-1))) if minus else s)
        if total is None:
            total = found._replace(slot=slot)
        else:
            how = "sub" if minus else "add"
            total = total._replace(slot=work.b.entrywise(how, total.slot, slot))
    assert total is not None
    return Scaled(None), total


def _factors(
    work: Lowering, segment: Sequence[Turned]
) -> tuple[Scaled, list[ChainFactor], list[bool]]:
    """The factor in front of a chain, its factors, and which are known to be nowhere negative."""
    b, front = work.b, Scaled(None)
    factors: list[ChainFactor] = []
    positive: list[bool] = []
    for e, turn in segment:
        scalar, factor = as_chain_factor(work, e)
        sign = factor.form == "diagonal" and bounds(e.args[0])[0] >= 0
        if sign and scalar != Scaled(None):
            factor = factor._replace(slot=settled(b, scalar.with_core(factor.slot)))
            scalar = Scaled(None)
        front = front.times(scalar)
        factors.append(turned(b, factor) if turn else factor)
        positive.append(sign)
    return front, factors, positive


def _shared(
    work: Lowering, segment: Sequence[Turned], factors: Sequence[ChainFactor]
) -> set[tuple[int, int]]:
    """Neighbours whose product is a node of its own elsewhere, by their results."""
    if len(segment) < 3 or len(factors) != len(segment):
        return set()
    pairs = zip(pairwise(segment), pairwise(factors), strict=True)
    return {
        (f.slot, g.slot)
        for ((x, turn), (y, other)), (f, g) in pairs
        if not turn and not other and (x, y) in work.pairs
    }


def _multiplied(
    work: Lowering,
    factors: list[ChainFactor],
    positive: list[bool],
    shared: Collection[tuple[int, int]] = (),
) -> ChainFactor:
    """The product of a chain; J'*diag(s)*J from J alone, as (√s.*J)'*(√s.*J) for s ≥ 0."""
    b, n = work.b, len(factors)
    half = n - n // 2
    middle = factors[n // 2] if n % 2 else None
    ends = zip(factors[: n // 2], reversed(factors[half:]), strict=True)
    mirrored = n > 1 and all(turned(b, f) == g for f, g in ends)
    if not mirrored or (middle is not None and middle.form != "diagonal"):
        return multiplied(b, factors, work.estimate, shared)
    right = standing(b, multiplied(b, factors[half:], work.estimate))
    if middle is None or right.form != "matrix":
        inner = [middle] if middle else []
        return multiplied(b, [turned(b, right), *inner, right], work.estimate)
    if not positive[n // 2] or work.estimate(right.columns) < SYMMETRIC:
        return product(b, turned(b, right), product(b, middle, right))
    if not b.lines[middle.slot].mask:
        middle = middle._replace(slot=b.entrywise("sqrt", middle.slot))
    root = product(b, middle, right)
    return product(b, turned(b, root), root)


def _distributed(work: Lowering, segment: list[Turned]) -> list[tuple[Scaled, list[Turned]]] | None:
    """The chains of A*(diag(u) - p*q')*B, whose bracket is never built; None without one."""
    for k, (e, turn) in enumerate(segment):
        if not is_(e, "add") or len(segment) == 1 or 1 in e.shape or len(e.shape) != 2:
            continue
        terms = [_structured(work, a, turn) for a in e.args]
        if any(found is None for found in terms):
            continue
        return [
            (found[0], [*segment[:k], *found[1], *segment[k + 1 :]])
            for found in terms
            if found is not None
        ]
    return None


def _structured(work: Lowering, e: Expr, turn: bool) -> tuple[Scaled, list[Turned]] | None:
    """A diagonal matrix or an outer product as factors, and the scalar in front of it."""
    if is_(e, "neg"):
        return _behind(Scaled(None, Fraction(-1)), _structured(work, e.args[0], turn))
    if is_(e, "div"):
        below = work.factor(e.args[1])
        found = _structured(work, e.args[0], turn) if below.number else None
        return _behind(Scaled(None).over(below), found)
    if is_(e, "mul"):
        front = Scaled(None)
        for a in e.args:
            front = front.times(work.factor(a)) if is_scalar(a.shape) else front
        factors = [a for a in e.args if not is_scalar(a.shape)]
        if len(factors) == 1:
            return _behind(front, _structured(work, factors[0], turn))
        outer = any(len(a.shape) == 1 for a in factors[:-1])
        return (front, [(a, turn) for a in (factors[::-1] if turn else factors)]) if outer else None
    if is_(e, "eye"):
        return Scaled(None), []
    diagonal = is_(e, "diag") and len(e.args[0].shape) == 1
    return (Scaled(None), [(e, False)]) if diagonal else None


def _behind(
    front: Scaled, found: tuple[Scaled, list[Turned]] | None
) -> tuple[Scaled, list[Turned]] | None:
    return None if found is None else (found[0].times(front), found[1])


def as_chain_factor(work: Lowering, e: Expr) -> tuple[Scaled, ChainFactor]:
    """An argument as a factor of a chain, and the scalar that waits in front of it."""
    b = work.b
    while is_(e, "transpose") and len(e.args[0].shape) == 2 and 1 not in e.shape:
        scalar, factor = as_chain_factor(work, e.args[0])
        return scalar, turned(b, factor)
    rows, columns = (e.shape[0], 1) if len(e.shape) == 1 else e.shape
    if is_(e, "ones"):
        return Scaled(None), ChainFactor("ones", -1, rows, columns)
    if is_(e, "diag") and len(e.args[0].shape) == 1:
        front, u = work.apart(e.args[0])
        return front, ChainFactor("diagonal", u, rows, columns)
    if is_(e, "inv") and work.single(e):
        return Scaled(None), ChainFactor("inverse", work.whole(e.args[0]), rows, columns)
    s = work.scaled(e)
    slot = b.number(1) if s.core is None else s.core
    if 1 in (rows, columns):
        size = rows if columns == 1 else columns
        shape = (size,) if len(b.shape(slot)) < 2 else e.shape
        slot = b.flat(b.whole(slot, shape))
        return s.with_core(None), ChainFactor(
            "column" if columns == 1 else "row", slot, rows, columns
        )
    return s.with_core(None), ChainFactor("matrix", slot, rows, columns)


def _as_node(work: Lowering, f: ChainFactor, shape: Shape) -> int:
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
        return quotient(work.b, Scaled(None), work.factor(x))
    return Scaled(work.b.add("inv", work.whole(x), shape=node.shape))


@rule("solve")
def _solve(work: Lowering, node: Expr) -> Scaled:
    a, c = node.args
    if is_scalar(a.shape):
        return quotient(work.b, work.scaled(c), work.factor(a))
    inverse = ChainFactor("inverse", work.whole(a), *a.shape)
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
            return front.with_core(work.b.dotted("vdot", work.b.whole(left.slot, shape), other))
    s = work.scaled(x)
    if s.core is None or work.b.shape(s.core) != x.shape:
        return Scaled(work.b.add("trace", work.whole(x)))
    return s.with_core(work.b.add("trace", s.core))


def _halves(work: Lowering, x: Expr) -> tuple[Scaled, tuple[ChainFactor, ChainFactor] | None]:
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
        front, inner = work.apart(x)
        return front.with_core(b.add("diag", b.flat(inner), shape=node.shape))
    front, halves = _halves(work, x)
    if halves is not None:
        left, right = (standing(b, f) for f in halves)
        if left.form == "column":
            return front.with_core(b.entrywise("mul", left.slot, right.slot))
        other = turned(b, right)
        shape = (left.rows, left.columns)
        slots = (b.whole(left.slot, shape), b.whole(other.slot, shape))
        return front.with_core(b.dotted("rowdot", *slots))
    front, inner = work.apart(x)
    return front.with_core(b.add("diagonal", inner, shape=node.shape))
