"""Polynomials in one entry as products: 1 - 3*s + 2*s^2 is (1 - s)*(1 - 2*s)."""

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from itertools import zip_longest
from math import gcd, lcm
from typing import NamedTuple

from matderiv.expr import Expr, fold, is_, number_value
from matderiv.reducing.raising import Raised
from matderiv.shapes import is_scalar
from matderiv.words.monomials import power, scaled
from matderiv.words.signs import is_one, total

MAX_DEGREE = 6
MAX_BRACKET = 40  # brackets of more symbols are not multiplied out
_ARITHMETIC = ("add", "neg", "mul", "hadamard")
_POWERS = ("power", "epow")
MAX_COEFFICIENT = 1000

Coefficients = list[int]
"""The coefficients of a polynomial, constant first."""


class Polynomial(NamedTuple):
    """A sum that is a polynomial in one entry: which part of the terms it stands in, and where.

    `flat` says that no bracket had to be multiplied out to see it.
    """

    content: Fraction
    coefficients: Coefficients
    base: Expr
    which: int
    flat: bool


def as_polynomial(terms: Sequence[Raised]) -> Polynomial | None:
    """The polynomial that a sum is; None if it has more than one base, or another degree.

    Brackets that are polynomials in the same base are multiplied out: s*(1 - s) + s^2*(1 - s).
    Degrees are 2 to 6: a linear sum is no product.
    """
    bases = {(which, e) for t in terms for which, mono in enumerate(t.parts()) for e in mono}
    if len({which for which, _ in bases}) != 1 or len(bases) > MAX_DEGREE:
        return None
    if any(t.delta or t.tensor is not None for t in terms):
        return None
    ((which, _), *_) = bases
    atoms = {_atom(e) for _, e in bases}
    if len(atoms) != 1 or (base := atoms.pop()) is None:
        return None
    if any(e.shape != base.shape for _, e in bases):
        return None
    value: Values | None = [Fraction(0)]
    for t in terms:
        product: Values | None = [t.coefficient]
        for e, k in t.parts()[which].items():
            whole = k.denominator == 1 and k > 0
            product = _times(product, _powered(_read(e, base), int(k)) if whole else None)
        value = _plus(value, product)
    if value is None:
        return None
    below = lcm(*(c.denominator for c in value))
    found = [int(c * below) for c in value]
    common = gcd(*found)
    if len(found) < 3 or not common or max(map(abs, found)) > MAX_COEFFICIENT * common:
        return None
    flat = all(e is base for _, e in bases)
    return Polynomial(Fraction(common, below), [c // common for c in found], base, which, flat)


Values = list[Fraction]


def _atom(e: Expr) -> Expr | None:
    """The one entry that a short bracket is made of; None if there are several."""
    found: set[Expr] = set()
    todo = [e] if e.weight <= MAX_BRACKET else []
    while todo:
        node = todo.pop()
        if is_(node, *_ARITHMETIC) and _entrywise(node):
            todo.extend(node.args)
        elif is_(node, *_POWERS) and _entrywise(node) and number_value(node.args[1]) is not None:
            todo.append(node.args[0])
        elif number_value(node) is None and not is_one(node):
            found.add(node)
    return found.pop() if len(found) == 1 else None


def _entrywise(node: Expr) -> bool:
    """False for products and powers of matrices: their entries are no products of entries."""
    if is_(node, "mul"):
        return sum(not is_scalar(a.shape) for a in node.args) < 2
    return not is_(node, "power") or is_scalar(node.shape)


def _read(e: Expr, base: Expr) -> Values | None:
    """The coefficients of an expression in the base, None if it is no polynomial in it."""

    def visit(node: Expr, args: tuple[Values | None, ...]) -> Values | None:
        value = number_value(node)
        if node is base:
            return [Fraction(0), Fraction(1)]
        if value is not None or is_one(node):
            return [value if value is not None else Fraction(1)]
        if not _entrywise(node):
            return None
        if is_(node, "neg"):
            return _times(args[0], [Fraction(-1)])
        if is_(node, "add"):
            return reduce(_plus, args)
        if is_(node, "mul", "hadamard"):
            return reduce(_times, args)
        if is_(node, *_POWERS):
            k = number_value(node.args[1])
            whole = k is not None and k.denominator == 1 and 0 < k <= MAX_DEGREE
            return _powered(args[0], int(k)) if whole and k is not None else None
        return None

    return fold(e, visit)


def _plus(a: Values | None, b: Values | None) -> Values | None:
    if a is None or b is None:
        return None
    out = [x + y for x, y in zip_longest(a, b, fillvalue=Fraction(0))]
    while len(out) > 1 and not out[-1]:
        out.pop()
    return out


def _times(a: Values | None, b: Values | None) -> Values | None:
    if a is None or b is None or len(a) + len(b) > MAX_DEGREE + 2:
        return None
    out = [Fraction(0)] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] += x * y
    return out


def _powered(a: Values | None, k: int) -> Values | None:
    out: Values | None = [Fraction(1)]
    for _ in range(min(k, MAX_DEGREE + 1)):
        out = _times(out, a)
    return out


def linear_factors(coefficients: Coefficients) -> tuple[Coefficients, list[tuple[int, int]]]:
    """What is left of an integer polynomial, and the linear factors p + q*s taken out of it.

    The roots are found by trial (rational root theorem).

    >>> linear_factors([1, -3, 2])
    ([1], [(1, -1), (1, -2)])
    >>> linear_factors([1, 0, 1])
    ([1, 0, 1], [])
    """
    factors: list[tuple[int, int]] = []
    rest = list(coefficients)
    while len(rest) > 1 and (root := _rational_root(rest)) is not None:
        p, q = root
        rest = _divided(rest, p, q)
        factors.append(root)
    return rest, factors


def _rational_root(coefficients: Coefficients) -> tuple[int, int] | None:
    """(p, q) for a factor p + q*s: p divides the constant, q the leading coefficient."""
    first, last = coefficients[0], coefficients[-1]
    if not first:
        return 0, 1
    for q in _divisors(last):
        for p in _divisors(first):
            for pair in ((p, -q), (p, q)):
                if gcd(p, q) == 1 and _is_root(coefficients, *pair):
                    return pair
    return None


def _divisors(n: int) -> list[int]:
    return [k for k in range(1, abs(n) + 1) if n % k == 0]


def _is_root(coefficients: Coefficients, p: int, q: int) -> bool:
    root = Fraction(-p, q)
    return not sum(c * root**k for k, c in enumerate(coefficients))


def _divided(coefficients: Coefficients, p: int, q: int) -> Coefficients:
    """The polynomial divided by p + q*s, exactly."""
    out: Coefficients = []
    carry = 0
    for c in reversed(coefficients[1:]):
        top = c - carry
        out.append(top // q)
        carry = p * out[-1]
    return out[::-1]


def product_form(found: Polynomial) -> list[Expr] | None:
    """The factors of a polynomial that is a product, each a sum; None if it is none.

    >>> s = variable("s")
    >>> plain = Polynomial(Fraction(1), [1, -3, 2], s, 0, True)
    >>> product_form(plain) == [1 - s, 1 - 2 * s]
    True
    >>> product_form(plain._replace(coefficients=[1, 0, 1])) is None
    True
    """
    rest, linear = linear_factors(found.coefficients)
    if not linear:
        return None
    sums = [_spelled([p, q], found.base) for p, q in linear]
    return [_spelled(rest, found.base), *sums] if rest != [1] else sums


def _spelled(coefficients: Coefficients, base: Expr) -> Expr:
    return total(
        [
            scaled(Fraction(c), {}, []) if not k else scaled(Fraction(c), {}, [power(base, k)])
            for k, c in enumerate(coefficients)
            if c
        ]
    )
