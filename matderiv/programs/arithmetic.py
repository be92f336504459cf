"""How leaves, sums, products, quotients, powers entry by entry and reductions are computed."""

from collections.abc import Callable
from fractions import Fraction
from itertools import permutations

from matderiv.expr import Expr, is_, number_value
from matderiv.programs.contractions import with_axes
from matderiv.programs.entrywise import square, whole_power
from matderiv.programs.lowering import RULES, Lowering, rule
from matderiv.programs.program import ProgramBuilder, broadcast_shape
from matderiv.programs.scaled import Scaled, as_factor, quotient, settled
from matderiv.shapes import Dim, Shape, Size, is_scalar

MOST_EXACT = 4096  # powers of numbers are computed for whole exponents up to this
MOST_FACTORS = 32  # x^k is multiplied out for whole k up to this


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
    factor, slot = work.apart(x)
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


# Leaves and constants ----------------------------------------------------------------------------


RULES.update(
    number=lambda work, node: Scaled(None, node.params[0]),
    size=lambda work, node: Scaled(size_slot(work, Dim((node.params[0],)))),
    pi=lambda work, node: Scaled(work.b.add("pi")),
    ones=lambda work, node: Scaled(work.b.number(1)),
    zeros=lambda work, node: Scaled(work.b.number(0)),
    vector=lambda work, node: work.scaled(node.args[0]),
    matrix=lambda work, node: work.scaled(node.args[0]),
)


@rule("eye")
def _eye(work: Lowering, node: Expr) -> Scaled:
    if is_scalar(node.shape):
        return Scaled(work.b.number(1))
    return Scaled(work.b.add("eye", params=node.params, shape=node.shape))


# Entry by entry ----------------------------------------------------------------------------------


@rule("neg")
@with_axes
def _neg(work: Lowering, node: Expr) -> Scaled:
    return work.scaled(node.args[0]).times(Scaled(None, Fraction(-1)))


@rule("add")
@with_axes
def _add(work: Lowering, node: Expr) -> Scaled:
    terms = [work.scaled(a) for a in node.args]
    ranked = [_ranked(work, t, a, node) for t, a in zip(terms, node.args, strict=True)]
    common = ranked[0]
    shared = len(ranked) > 1 and all(
        abs(t.number) == abs(common.number) and t.core is not None for t in ranked
    )
    alike = all((t.above, t.below) == (common.above, common.below) for t in ranked)
    if not shared or not (alike or any(not t.above and not t.below for t in ranked)):
        return Scaled(_total(work, ranked))
    front = Scaled(None, abs(common.number))
    if alike:
        front = front._replace(above=common.above, below=common.below)
        ranked = [t._replace(above=(), below=()) for t in ranked]
    signs = [t._replace(number=Fraction(1 if t.number > 0 else -1)) for t in ranked]
    return front.with_core(_total(work, signs))


def _ranked(work: Lowering, s: Scaled, a: Expr, node: Expr) -> Scaled:
    return s if s.core is None else s.with_core(work.at_rank(s.core, a, node))


def _total(work: Lowering, terms: list[Scaled]) -> int:
    """The sum, begun with two terms that were added before, or one that is not subtracted."""
    positive = [k for k, t in enumerate(terms) if t.number > 0]
    first = _known_pair(work.b, terms) or positive[:1] or [0]
    order = [*first, *(k for k in range(len(terms)) if k not in first)]
    result = settled(work.b, terms[order[0]])
    for k in order[1:]:
        t = terms[k]
        if t.number < 0:
            subtracted = t.times(Scaled(None, Fraction(-1)))
            result = work.b.entrywise("sub", result, settled(work.b, subtracted))
        else:
            result = work.b.entrywise("add", result, settled(work.b, t))
    return result


def _known_pair(b: ProgramBuilder, terms: list[Scaled]) -> list[int]:
    """Two terms of three or a few more whose sum or difference is there already."""
    if not 3 <= len(terms) <= MOST_FACTORS:
        return []
    plain = (k for k, t in enumerate(terms) if t._replace(number=abs(t.number)).plain)
    for k, j in permutations(plain, 2):
        x, y = (terms[n].core or 0 for n in (k, j))
        how, shape = "add" if terms[j].number > 0 else "sub", (b.shape(x), b.shape(y))
        if terms[k].number > 0 and b.knows(how, x, y, shape=broadcast_shape(shape)):
            return [k, j]
    return []


@rule("hadamard")
def _hadamard(work: Lowering, node: Expr) -> Scaled:
    result = Scaled(None)
    arrays: list[int] = []
    for a in node.args:
        if is_scalar(a.shape):
            result = result.times(work.factor(a))
            continue
        s = work.scaled(a)
        result = result.times(s.with_core(None))
        if s.core is not None and work.b.number_at(s.core) != 1:
            arrays.append(work.at_rank(s.core, a, node))
    if not arrays:
        return result if result.core is not None else Scaled(settled(work.b, result))
    arrays.sort(key=lambda k: work.entries(work.b.shape(k)))
    if work.b.lines[arrays[0]].mask and len(arrays) > 1:
        arrays.append(arrays.pop(0))
    core, *rest = _with_known(work.b, arrays)
    for k in rest:
        core = work.b.entrywise("mul", core, k)
    return result.with_core(core)


def _with_known(b: ProgramBuilder, factors: list[int]) -> list[int]:
    """The factors of a product entry by entry, two of them as one where others need that too.

    x.*x.*y is x.*(x.*y) then.
    """
    for i, x in enumerate(factors):
        line = b.lines[x]
        square = line.operation == "mul" and line.arguments[0] == line.arguments[1]
        root = line.arguments[0] if square else x
        for j, y in enumerate(factors):
            known = b.known_product(root, y) if i != j else None
            if known is not None:
                others = [f for k, f in enumerate(factors) if k not in (i, j)]
                return [*others, *([root] if square else []), known]
    return factors


@rule("div")
@with_axes
def _div(work: Lowering, node: Expr) -> Scaled:
    return quotient(work.b, work.scaled(node.args[0]), work.factor(node.args[1]))


@rule("ediv")
def _ediv(work: Lowering, node: Expr) -> Scaled:
    a, c = node.args
    if is_scalar(c.shape):
        return _div(work, node)
    top, below = work.scaled(a), work.scaled(c)
    if below.core is None or below.number == 0:
        return Scaled(work.b.entrywise("div", work.aligned(a, node), work.aligned(c, node)))
    under = work.at_rank(below.core, c, node)
    if top.core is None or is_scalar(a.shape):
        one = work.b.entrywise("div", work.b.number(1), under)
        factor = work.factor(a) if is_scalar(a.shape) else top
        return Scaled(one).times(factor).over(below.with_core(None))
    core = _quotient(work, work.at_rank(top.core, a, node), under)
    return top.with_core(core).over(below.with_core(None))


def _quotient(work: Lowering, x: int, under: int) -> int:
    """x./u; (v.*M)./u as (v./u).*M for vectors u and v."""
    b = work.b
    small, large = b.uneven(x)
    if small is None or work.entries(b.shape(under)) > work.entries(b.shape(small)):
        return b.entrywise("div", x, under)
    if b.lines[under].operation == "row":
        (under,) = b.lines[under].arguments
    return b.entrywise("mul", b.entrywise("div", small, under), large)


@rule("power", "epow")
def _power(work: Lowering, node: Expr) -> Scaled:
    base, exponent = node.args
    k = number_value(exponent)
    if is_(node, "power") and not is_scalar(base.shape):
        return _matrix_power(work, base, exponent)
    if is_(base, "norm2") and k == 2:
        return Scaled(squares(work, base.args[0]))
    x = work.aligned(base, node)
    known = work.b.number_at(x)
    if isinstance(known, int | Fraction) and known and k is not None and _exact(k):
        return Scaled(work.b.number(Fraction(known) ** int(k)))
    if k is not None and k.denominator == 1 and 0 < abs(k) <= MOST_FACTORS:
        core = whole_power(work.b, work.b.real(x), abs(int(k)))
        return Scaled(core if k > 0 else work.b.entrywise("div", work.b.number(1), core))
    if k == Fraction(1, 2):
        return Scaled(work.b.entrywise("sqrt", x))
    return Scaled(work.b.entrywise("power", x, work.aligned(exponent, node)))


def _exact(k: Fraction) -> bool:
    return k.denominator == 1 and abs(k) <= MOST_EXACT


def _matrix_power(work: Lowering, base: Expr, exponent: Expr) -> Scaled:
    k = number_value(exponent)
    if k is not None and k.denominator == 1:
        made = work.b.add("matrix_power", work.whole(base), params=(int(k),), shape=base.shape)
    else:
        made = work.b.add("power_of", work.whole(base), work.slot(exponent), shape=base.shape)
    return Scaled(made)
