"""From expressions to index products: opening products, and lowering a differential."""

from collections.abc import Callable
from fractions import Fraction
from math import isqrt
from typing import NamedTuple

from matderiv.errors import NoRule
from matderiv.expr import Expr, apply, contains, is_, number_value
from matderiv.functions.algebra import spread
from matderiv.functions.reduce import reduced_size
from matderiv.shapes import Size, is_scalar, long_axes
from matderiv.tensors.tensor import (
    ONE,
    UNIT,
    Exponent,
    Factor,
    Index,
    Indices,
    Slots,
    Term,
    factor,
    fresh,
    normalise,
    product,
    size_coefficient,
    size_factors,
)

MAX_OPENED = 16  # products are opened into about so many factors, the rest stays one factor,
MAX_DEPTH = 7  # and so deep, so that carrying an adjoint from node to node stays linear
MAX_WORD = 8  # a matrix product of more factors is not opened

# Opening products ------------------------------------------------


def open_product(e: Expr, slots: Slots, exponent: Exponent = 1) -> Term:
    """`e`'s entry as one term: products, transposes, scalings, diag and quotients are opened.

    Sums and functions stay factors. Sizes of summed indices that occur nowhere are multiplied in.

    >>> n = Dim(("n",))
    >>> v = variable("v", (n,))
    >>> i = Index(n)
    >>> open_product(-2 * v / v, (i,))
    Term(coefficient=Fraction(-2, 1), factors=())
    """
    coefficient = UNIT
    factors: list[Factor] = []
    made: list[Index] = []
    todo: list[tuple[Expr, Slots, Exponent, int]] = [(e, slots, exponent, 0)]
    while todo:
        node, at, k, depth = todo.pop()
        opener = _OPENERS.get(node.function.name)
        within = depth < MAX_DEPTH and len(factors) < MAX_OPENED
        opened = opener(node, at, k) if opener and within else None
        if opened is None:
            factors.append(factor(node, at, k))
        else:
            if opened.coefficient is not UNIT:
                coefficient *= opened.coefficient
            factors.extend(opened.factors)
            made.extend(opened.summed)
            todo.extend([(*part, depth + 1) for part in reversed(opened.parts)])
    free = {i for i in slots if i is not None}
    return normalise(coefficient, factors, free, made)


class Opened(NamedTuple):
    """What a node opens into: a number, finished factors, and parts to be opened further."""

    coefficient: Fraction = UNIT
    factors: tuple[Factor, ...] = ()
    parts: tuple[tuple[Expr, Slots, Exponent], ...] = ()
    summed: Indices = ()


class Pattern(NamedTuple):
    """The slots of each argument, constant factors, and the new indices, which are summed."""

    slots: tuple[Slots, ...]
    factors: tuple[Factor, ...]
    summed: Indices


def pattern(node: Expr, at: Slots) -> Pattern:
    """The index pattern of a node of a linear function, from its record."""
    made: list[Index] = []

    def new(size: Size) -> Index | None:
        index = fresh(size)
        if index is not None:
            made.append(index)
        return index

    slots, extra = node.function.axes(node, at, new)  # type: ignore[misc]
    used = {i for s in slots for i in s} | {i for _, s in extra for i in s}
    factors = tuple(f for e, s in extra for f in _constant_factor(e, s))
    return Pattern(tuple(map(tuple, slots)), factors, tuple([i for i in made if i in used]))


Opener = Callable[[Expr, Slots, Exponent], Opened | None]


def _whole(k: Exponent) -> bool:
    return k.denominator == 1


def _root(value: Fraction, k: Exponent) -> Fraction | None:
    """value^k where it is exact."""
    k = Fraction(k)
    if k.denominator == 1 and abs(k) <= 64 and (value or k > 0):
        return value ** int(k)
    if k.denominator == 2 and value > 0 and abs(k) <= 64:
        p, q = isqrt(value.numerator), isqrt(value.denominator)
        if p * p == value.numerator and q * q == value.denominator:
            return Fraction(p, q) ** int(2 * k)
    return None


def _open_number(node: Expr, at: Slots, k: Exponent) -> Opened | None:
    value = _root(node.params[0], k)
    return None if value is None else Opened(value)


def _open_neg(node: Expr, at: Slots, k: Exponent) -> Opened | None:
    if not _whole(k):
        return None
    return Opened(Fraction((-1) ** int(k % 2)), (), ((node.args[0], at, k),))


def _open_hadamard(node: Expr, at: Slots, k: Exponent) -> Opened | None:
    if not _whole(k) or len(node.args) > MAX_OPENED:
        return None
    return Opened(parts=tuple((a, spread(a.shape, at, node.shape), k) for a in node.args))


def _splits(node: Expr, k: Exponent) -> bool:
    """True if the power of a product is the product of powers: whole, or of positive constants."""
    return _whole(k) or all(
        is_(a, "pi", "size") or (is_(a, "number") and a.params[0] > 0) for a in node.args
    )


def _open_quotient(node: Expr, at: Slots, k: Exponent) -> Opened | None:
    if not _splits(node, k):
        return None
    a, b = node.args
    below = spread(b.shape, at, node.shape) if is_(node, "ediv") else (None,) * len(b.shape)
    above = spread(a.shape, at, node.shape) if is_(node, "ediv") else at
    return Opened(parts=((a, above, k), (b, below, -k)))


def _open_power(node: Expr, at: Slots, k: Exponent) -> Opened | None:
    base, exponent = node.args
    p = number_value(exponent)
    if p is None or not _whole(k) or len(base.shape) != len(node.shape):
        return None
    if is_(node, "power") and not is_scalar(base.shape):
        return None
    return Opened(parts=((base, at, _plain(p * k)),)) if p * k else Opened()


def _open_sqrt(node: Expr, at: Slots, k: Exponent) -> Opened | None:
    if not _whole(k):
        return None
    return Opened(parts=((node.args[0], at, _plain(Fraction(k) / 2)),))


def _plain(k: Fraction) -> Exponent:
    return int(k) if k.denominator == 1 else k


def _open_product(node: Expr, at: Slots, k: Exponent) -> Opened | None:
    if len(node.args) > MAX_WORD or not _splits(node, k):
        return None
    long = [a for a in node.args if not is_scalar(a.shape)]
    if long and is_scalar(node.shape):
        return _open_scaled(node, k)
    if k != 1 and len(long) > 1:
        return None
    found = pattern(node, at)
    parts = tuple((a, p, k) for a, p in zip(node.args, found.slots, strict=True))
    return Opened(parts=parts, summed=found.summed)


def _open_scaled(node: Expr, k: Exponent) -> Opened | None:
    """2*x'*y as the number 2 and the scalar x'*y, which stays one factor."""
    head = 0
    while is_scalar(node.args[head].shape):
        head += 1
    if not head:
        return None
    core = apply("mul", *node.args[head:])
    scalars = tuple((a, (None,) * len(a.shape), k) for a in node.args[:head])
    return Opened(parts=(*scalars, (core, (), k))) if not core.shape else None


def _open_pattern(node: Expr, at: Slots, k: Exponent) -> Opened | None:
    if k != 1:
        return None
    found = pattern(node, at)
    parts = tuple((a, p, 1) for a, p in zip(node.args, found.slots, strict=True))
    return Opened(UNIT, found.factors, parts, found.summed)


def _constant_factor(e: Expr, slots: Slots) -> list[Factor]:
    made = factor(e, slots)
    return [made] if made.indices else []


def _open_diag(node: Expr, at: Slots, k: Exponent) -> Opened | None:
    if len(node.shape) == 1 and _whole(k) and len(long_axes(node.args[0].shape)) == 2:
        return Opened(parts=((node.args[0], (at[0], at[0]), k),))
    return _open_pattern(node, at, k)


def _open_inverse(node: Expr, at: Slots, k: Exponent) -> Opened | None:
    (x,) = node.args
    if is_scalar(x.shape):
        return Opened(parts=((x, (None,) * len(x.shape), -k),)) if _whole(k) else None
    if k != 1:
        return None
    if is_(x, "diag") and len(long_axes(x.args[0].shape)) == 1:
        inner = x.args[0]
        below = tuple(at[0] if s != 1 else None for s in inner.shape)
        eye = apply("eye", params=(node.shape[0],))
        return Opened(UNIT, tuple(_constant_factor(eye, at)), ((inner, below, -1),))
    if is_(x, "kron") and all(len(a.shape) == 2 and a.shape[0] == a.shape[1] for a in x.args):
        return Opened(parts=((apply("kron", *(apply("inv", a) for a in x.args)), at, 1),))
    if is_(x, "eye", "inv"):
        return Opened(parts=((x if is_(x, "eye") else x.args[0], at, 1),))
    if is_(x, "transpose"):
        return Opened(parts=((apply("inv", x.args[0]), at[::-1], 1),))
    if is_(x, "neg"):
        return Opened(Fraction(-1), (), ((apply("inv", x.args[0]), at, 1),))
    if is_(x, "div"):
        above, scalar = x.args
        beside = (scalar, (None,) * len(scalar.shape), 1)
        return Opened(parts=((apply("inv", above), at, 1), beside))
    return _open_scaled_inverse(x, at)


def _open_scaled_inverse(x: Expr, at: Slots) -> Opened | None:
    if not is_(x, "mul", "hadamard"):
        return None
    scalars = [a for a in x.args if is_scalar(a.shape)]
    rest = [a for a in x.args if not is_scalar(a.shape)]
    if not scalars or not rest or (is_(x, "hadamard") and len(rest) > 1):
        return None
    inner = apply("mul", *rest)
    parts = tuple((s, (None,) * len(s.shape), -1) for s in scalars)
    return Opened(parts=((apply("inv", inner), at, 1), *parts))


def _open_shorthand(node: Expr, at: Slots, k: Exponent) -> Opened | None:
    expanded = node.function.expand(*node.args, *node.params)  # type: ignore[misc]
    return Opened(parts=((expanded, at, k),))


_OPENERS: dict[str, Opener] = {
    "number": _open_number,
    "neg": _open_neg,
    "ones": lambda node, at, k: Opened(),
    "zeros": lambda node, at, k: Opened(Fraction(0)) if k > 0 else None,
    "eye": lambda node, at, k: Opened(factors=tuple(_constant_factor(node, at))) if k > 0 else None,
    "hadamard": _open_hadamard,
    "ediv": _open_quotient,
    "div": _open_quotient,
    "epow": _open_power,
    "power": _open_power,
    "sqrt": _open_sqrt,
    "square": lambda node, at, k: Opened(parts=((node.args[0], at, 2 * k),)) if _whole(k) else None,
    "mul": _open_product,
    "diag": _open_diag,
    "inv": _open_inverse,
    **dict.fromkeys(("outer", "solve", "adj"), _open_shorthand),
    **dict.fromkeys(
        ("transpose", "vec", "unvec", "kron", "permute", "einsum", "cross", "vector", "matrix"),
        _open_pattern,
    ),
}


# Lowering a differential ------------------------------------------------


class Linear(NamedTuple):
    """One term of a differential: the factors beside dX, and the slots at which dX stands."""

    term: Term
    slots: Slots
    summed: Indices


def lower(e: Expr, slots: Slots) -> list[Linear]:
    """The terms of an expression that is linear in its one tangent.

    Sums are distributed along the way to the tangent only; everything beside it is opened as a
    product. Raises NoRule when the tangent stands inside a function that is not linear.
    """
    out: list[Linear] = []
    todo: list[tuple[Expr, Slots, Term, Indices]] = [(e, slots, ONE, ())]
    while todo:
        node, at, beside, made = todo.pop()
        name = node.function.name
        if name == "tangent":
            out.append(Linear(beside, at, made))
            continue
        if name == "add":
            for a in reversed(node.args):
                if contains(a, "tangent"):
                    todo.append((a, spread(a.shape, at, node.shape), beside, made))
            continue
        todo.append(_descend(node, at, beside, made))
    return out


def _descend(
    node: Expr, at: Slots, beside: Term, made: Indices
) -> tuple[Expr, Slots, Term, Indices]:
    """One step towards the tangent through a linear function."""
    if node.function.expand is not None:
        return node.function.expand(*node.args, *node.params), at, beside, made
    quotient = is_(node, "div", "ediv")
    if quotient:
        opened = _open_quotient(node, at, 1)
        assert opened is not None
        found = Pattern(tuple(part[1] for part in opened.parts), (), ())
    elif node.function.axes is not None:
        found = pattern(node, at)
    else:
        raise NoRule(f"{node.function.name} is not linear in its argument")
    sign = -UNIT if is_(node, "neg") else UNIT
    parts = [beside, Term(sign, found.factors)]
    inner: tuple[Expr, Slots] | None = None
    for position, (a, slots) in enumerate(zip(node.args, found.slots, strict=True)):
        if contains(a, "tangent"):
            if inner is not None or (position and quotient):
                raise NoRule(f"{node.function.name} is not linear in the change")
            inner = (a, slots)
        else:
            parts.append(open_product(a, slots, -1 if quotient and position else 1))
    if is_(node, "mean"):
        parts.append(_mean_weight(node))
    assert inner is not None
    return (*inner, product(*parts), made + found.summed)


def _mean_weight(node: Expr) -> Term:
    """1 over the number of entries averaged."""
    size = reduced_size(node.args[0].shape, node.params[0])
    return Term(Fraction(1, size_coefficient(size)), tuple(size_factors(size, -1)))
