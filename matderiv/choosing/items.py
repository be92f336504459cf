"""Terms of a sum as items: a number, scalars, and a chain of matrices; other spellings of an item.

A factor that several items have first or last can be pulled out of their sum.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import prod

from matderiv.expr import Expr, apply, is_, number_value, zeros
from matderiv.shapes import Size, is_scalar
from matderiv.words.chains import chain, factors_of, matrix_product, transposed_chain
from matderiv.words.monomials import Mono, multiply_into, scaled
from matderiv.words.signs import inlined, negated, signed, total
from matderiv.work import spend

Item = tuple[Fraction, Mono, list[Expr]]

FEW = 8  # scalars of an item that cost nothing


def item_of(e: Expr) -> Item:
    """A term as an item: -2*s*A*x/t is the number -2, the scalars s and 1/t, the chain A, x.

    >>> A, s = variable("A", (2, 3)), variable("s")
    >>> item_of(-2 * s * A) == (-2, {s: 1}, [A]), item_of(A + A) == (1, {}, [A + A])
    (True, True)
    >>> x = variable("x", (2,))
    >>> item_of(apply("mul", 2, x.T, x) * A) == (2, {x.T @ x: 1}, [A])
    True
    """
    coefficient, scalars = Fraction(1), Mono()
    factors: list[Expr] = []
    todo = [(e, 1)]
    while todo:
        node, k = todo.pop()
        value = number_value(node)
        if value is not None and value != 0:
            coefficient *= value**k
        elif is_(node, "neg"):
            coefficient = -coefficient
            todo.append((node.args[0], k))
        elif is_(node, "mul") and not node.shape and any(a.shape for a in node.args):
            arrays = [a for a in node.args if a.shape]  # 2*x'*y is a number, and no chain
            todo += [(a, k) for a in reversed(node.args) if not a.shape]
            multiply_into(scalars, apply("mul", *arrays), k)
        elif is_(node, "div") or (is_(node, "mul") and any(not a.shape for a in node.args)):
            below = -k if is_(node, "div") else k
            todo += [(a, below) for a in reversed(node.args[1:])]
            todo.append((node.args[0], k))
        elif not node.shape:
            multiply_into(scalars, node, k)
        else:
            factors += factors_of(node)
    if len(scalars) > FEW:
        spend(2 * len(scalars))
    return coefficient, scalars, factors


def multiplied(*factors: Expr) -> Expr:
    """A product as one line: the number in front, equal scalars as a power, denominators last.

    >>> A, s = variable("A", (2, 3)), variable("s")
    >>> text(multiplied(number(-1) / s, 2 * A, s, s))
    '-2*s*A'
    """
    coefficient, scalars, word = Fraction(1), Mono(), list[Expr]()
    for c, s, f in map(numbers_apart, factors):
        coefficient *= c
        word += f
        for base, k in s.items():
            multiply_into(scalars, base, k)
    return scaled(coefficient, scalars, word)


def numbers_apart(e: Expr) -> Item:
    """A term as an item, with the numbers that stand inside a product entry by entry."""
    sign, core = signed(e)
    if not is_(core, "hadamard", "ediv"):
        c, s, f = item_of(core)
        return sign * c, s, f
    items = list(map(numbers_apart, core.args))
    first, *others = (c for c, _, _ in items)
    c = sign * (first * prod(others) if is_(core, "hadamard") else first / others[0])
    made = apply(core.function.name, *(scaled(Fraction(1), s, f) for _, s, f in items))
    return (c, {}, [made]) if made.shape else (c, {made: 1}, [])


def inside(number: Fraction, scalars: Mono, e: Expr) -> Item:
    """A number and scalars times an expression as one item: 3 times 2*(A + B) is 6*(A + B)."""
    if not e.shape:
        return number, scalars, [e]
    c, own, factors = item_of(e)
    for base, k in scalars.items():
        multiply_into(own, base, k)
    return number * c, own, factors


def like(items: Sequence[Item]) -> list[Item]:
    """Items with the same factors added up; a vanished sum is kept as one zero item."""
    found: dict[tuple[object, ...], Item] = {}
    for c, s, f in items:
        key = (frozenset(s.items()), *f)
        found[key] = (c + found[key][0], s, f) if key in found else (c, s, f)
    kept = [item for item in found.values() if item[0]]
    factors = items[0][2]
    nothing = zeros(matrix_product(factors).shape if factors else ())
    return kept or [(Fraction(1), {}, [nothing])]


def without_brackets(item: Item) -> list[Item]:
    """F*(A + B)*G as F*A*G + F*B*G, for the first bracket; the item itself without one.

    >>> A, B, x = variable("A", (2, 2)), variable("B", (2, 2)), variable("x", (2,))
    >>> [f for _, _, f in without_brackets((Fraction(1), {}, [A + B, x]))] == [[A, x], [B, x]]
    True
    >>> len(without_brackets((Fraction(1), {}, [A, B, x])))
    1
    """
    c, s, factors = item
    for k, e in enumerate(factors):
        if inlined(e) and all(a.shape == e.shape for a in e.args):
            out = []
            for a in e.args:
                number_of, scalars, inner = item_of(a)
                parts = [f for f in inner if not is_(f, "eye")]
                word = chain([*factors[:k], *parts, *factors[k + 1 :]])
                for base, power in s.items():
                    multiply_into(scalars, base, power)
                out.append((c * number_of, scalars, word or inner))
            return out
    return [item]


def key_of(item: Item) -> tuple[object, ...]:
    """Equal for items that are written alike."""
    c, s, f = item
    return (c.numerator, c.denominator, tuple(s.items()), *f)


def opened(items: Sequence[Item], spread: Sequence[list[Item]], most: int) -> list[Item]:
    """The items with lone brackets opened, (A + B) + C as three, while these are at most so many.

    `spread` holds each item without its bracket. Terms with a number or a scalar in front of
    their bracket are left: they read shorter so.
    """
    out: list[Item] = []
    for item, pieces in zip(items, spread, strict=True):
        c, s, factors = item
        alone = len(factors) == 1 and not s and abs(c) == 1
        out += pieces if alone else [item]
    return out if len(items) < len(out) <= most else list(items)


def variants(item: Item) -> list[Item]:
    """Other spellings of a chain: a row sum as M*ones(n), (x'*b)*a as a*x'*b and a*b'*x."""
    c, scalars, factors = item
    out = [item]
    if len(factors) == 1 and len(factors[0].shape) == 1:
        for inner, n in _as_product_with_ones(factors[0]):
            out.append((c, scalars, [*inner, apply("ones", params=(n,))]))
    if factors and len(factors[-1].shape) == 1:
        for e, k in scalars.items():
            inner = factors_of(e)
            if k == 1 and len(inner) > 1 and len(inner[-1].shape) == 1:
                rest = {b: p for b, p in scalars.items() if b is not e}
                out.append((c, rest, [*factors, *inner]))
                out.append((c, rest, [*factors, *transposed_chain(inner)]))
    return out


def _as_product_with_ones(e: Expr) -> list[tuple[list[Expr], Size]]:
    if is_(e, "sum") and e.params == (2,):
        return [(factors_of(e.args[0]), e.args[0].shape[1])]
    if is_(e, "transpose") and is_(e.args[0], "sum") and e.args[0].params == (1,):
        inner = e.args[0].args[0]
        return [(transposed_chain(factors_of(inner)), inner.shape[0])]
    return []


def ones_as_number(e: Expr) -> Expr:
    """In a sum of vectors 1 stands for ones(n).

    >>> x = variable("x", (3,))
    >>> ones_as_number(x + ones(3)) is x + 1, ones_as_number(x) is x
    (True, True)
    >>> rows = x + variable("A", (3, 3)) @ ones(3)
    >>> ones_as_number(rows) is rows
    True
    """
    if not is_(e, "add") or len(e.shape) != 1 or all(is_(signed(a)[1], "ones") for a in e.args):
        return e
    return total([_one_for_ones(a) for a in e.args])


def _one_for_ones(a: Expr) -> Expr:
    sign, core = signed(a)
    factors = core.args if is_(core, "mul") else (core,)
    parts = [f for f in factors if not is_(f, "ones")]
    if len(parts) == len(factors) or not all(is_scalar(f.shape) for f in parts):
        return a
    value = apply("mul", *parts)
    return value if sign > 0 else negated(value)
