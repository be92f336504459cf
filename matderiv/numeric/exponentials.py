"""Products and quotients of exponentials without the overflow on the way.

exp(x).*exp(y) is exp(x + y), exp(x)./cosh(x) stays finite, and a quotient by a sum of exponentials
is shifted by the largest exponent: exp(x)./(exp(x) + exp(y)) has a value wherever x and y have.
"""

from collections.abc import Iterator
from functools import reduce

from matderiv.expr import Expr, apply, fold_kept, is_, number, number_value
from matderiv.functions.reduce import along
from matderiv.numeric.poles import entrywise, is_power
from matderiv.shapes import is_scalar

Powers = dict[Expr, int]

_LINEAR = ("neg", "transpose", "sum", "mean", "diag", "tr", "vec")
_GROWING = ("exp", "cosh", "sinh")
_JOINING = ("hadamard", "mul", "div", "ediv", "power", "epow", "add", *_LINEAR)
SHORT = 4  # terms of a sum that is multiplied out
NEAR = 6  # how deep below a product exponentials are looked for


def better_product(node: Expr) -> Expr | None:
    """A product or quotient in which exponentials are joined first; None where that is no gain.

    >>> x, y = variable("x", (3,)), variable("y", (3,))
    >>> a, b = apply("exp", x), apply("exp", -y)
    >>> better_product(a * b).function.name, better_product(a * y) is None
    ('exp', True)
    """
    if all(_distance(a) > NEAR for a in node.args):
        return None
    powers = powers_of(node)
    joined = _spread(_joined(_shifted(powers)))
    return None if joined == powers else _like(node, product_of(joined))


def _distance(e: Expr) -> int:
    """How far below a node an exponential is, through products, sums and the like; kept with it."""

    def visit(node: Expr, below: tuple[int, ...]) -> int:
        nearest = min(below, default=NEAR) if is_(node, *_JOINING) else NEAR
        return 0 if is_(node, *_GROWING) else nearest + 1

    return fold_kept(e, "exponential", visit)


def _like(node: Expr, new: Expr) -> Expr | None:
    return new if new.shape == node.shape else None


def powers_of(e: Expr, sign: int = 1, found: Powers | None = None) -> Powers:
    """A product entry by entry as bases with whole exponents."""
    found = {} if found is None else found
    exponent = number_value(e.args[1]) if is_power(e) else None
    if is_(e, "hadamard") or (is_(e, "mul") and entrywise(e)):
        for a in e.args:
            powers_of(a, sign, found)
    elif is_(e, "div", "ediv"):
        powers_of(e.args[0], sign, found)
        powers_of(e.args[1], -sign, found)
    elif is_(e, "neg"):
        powers_of(number(-1), 1, found)
        powers_of(e.args[0], sign, found)
    elif exponent is not None and exponent.denominator == 1:
        found[e.args[0]] = found.get(e.args[0], 0) + sign * int(exponent)
    else:
        found[e] = found.get(e, 0) + sign
    return found


def product_of(powers: Powers) -> Expr:
    """The product of some powers, with one line of fraction."""
    above = [_power(e, k) for e, k in powers.items() if k > 0]
    below = [_power(e, -k) for e, k in powers.items() if k < 0]
    top = apply("hadamard", *above)
    if not below:
        return top
    return apply("ediv", top, apply("hadamard", *below))


def _power(e: Expr, k: int) -> Expr:
    return e if k == 1 else e**k


def _joined(powers: Powers) -> Powers:
    """Several growing factors as one exponential, times factors that neither grow nor vanish.

    What grows with both signs stays outside, and a product with two such factors stays as it is.
    """
    parts = {e: found for e in powers if (found := _exponential(e)) is not None}
    if len(parts) < 2:
        return powers
    rest = {e: k for e, k in powers.items() if e not in parts}
    if sum(_grows(e) for e in rest) > 1:
        return powers
    exponents = []
    for e, (exponent, bounded) in parts.items():
        exponents.append(exponent * powers[e] if powers[e] != 1 else exponent)
        for factor, k in bounded.items():
            _put(rest, factor, k * powers[e])
    _put(rest, apply("exp", apply("add", *exponents)), 1)
    return _spread(rest)


def _grows(e: Expr) -> bool:
    return is_(e, "add") and _distance(e) <= NEAR


def _exponential(e: Expr) -> tuple[Expr, Powers] | None:
    """e as exp(u) times bounded factors: cosh(z) as exp(|z|)/(2 sigmoid(2|z|)); None if it is not.

    sinh(z) is tanh(z) cosh(z), and 1 - exp(z) is exp(max(z, 0)) sign(z) expm1(-|z|).
    """
    if is_(e, "exp"):
        return e.args[0], {}
    if is_(e, "sigmoid"):
        return -apply("softplus", opposite(e.args[0])), {}
    if is_(e, "cosh", "sinh"):
        (z,) = e.args
        size = apply("abs", z)
        bounded = {apply("sigmoid", 2 * size): -1, number(2): -1}
        return size, bounded | ({apply("tanh", z): 1} if is_(e, "sinh") else {})
    other = other_than_one(e)
    if other is not None and is_(other, "neg") and is_(other.args[0], "exp"):
        (z,) = other.args[0].args
        small = apply("expm1", -apply("abs", z))
        return apply("relu", z), {apply("sign", z): 1, small: 1}
    if other is not None and is_(other, "exp"):
        return apply("softplus", other.args[0]), {}
    positive = is_(e, "add") and all(is_(a, "exp") or (number_value(a) or 0) > 0 for a in e.args)
    logarithm = log_of_sum(e) if positive else None
    return None if logarithm is None else (logarithm, {})


def _spread(powers: Powers) -> Powers:
    """exp(u)*(3 - exp(z)) = 3 exp(u) - exp(u + z), for a short sum with exponentials."""
    single = [e for e, k in powers.items() if is_(e, "exp") and k == 1]
    sums = [e for e, k in powers.items() if k == 1 and _grows(e) and len(e.args) <= SHORT]
    if not single or not sums:
        return powers
    products = [single[0] * a for a in sums[0].args]
    moved = apply("add", *(better_product(p) or p for p in products))
    if moved.shape != sums[0].shape:
        return powers
    found = {e: k for e, k in powers.items() if e not in (single[0], sums[0])}
    _put(found, moved, 1)
    return found


def _put(powers: Powers, e: Expr, k: int) -> None:
    powers[e] = powers.get(e, 0) + k
    if not powers[e]:
        del powers[e]


# Sums of exponentials ----------------------------------------------------------------------------


def log_of_sum(total: Expr) -> Expr | None:
    """log of a sum of exponentials, Σ c exp(z), as m + log(Σ c exp(z - m)) with the largest z.

    >>> x, y = variable("x", (3,)), variable("y", (3,))
    >>> log_of_sum(apply("exp", x) + apply("exp", y)).function.name, log_of_sum(x + y) is None
    ('add', True)
    """
    found = _shift(total)
    if found is None:
        return None
    top, moved = found
    return _like(total, top + apply("log", moved))


def _shifted(powers: Powers) -> Powers:
    """A quotient with exp(-m) on both sides, for the largest exponent m of a sum below the line."""
    for total, k in powers.items():
        shift = _shift(total) if k < 0 else None
        if shift is None:
            continue
        top, below = shift
        above: Expr | None = product_of({e: n for e, n in powers.items() if n > 0})
        for _ in range(-k):
            above = _moved(above, top) if above is not None else None
        if above is not None:
            found = {e: n for e, n in powers.items() if n < 0 and e is not total}
            for e, n in [*powers_of(above).items(), (below, k)]:
                _put(found, e, n)
            return found
    return powers


def _shift(total: Expr) -> tuple[Expr, Expr] | None:
    """The largest exponent m of a sum of exponentials, and the sum with every exponent less m."""
    if not is_(total, "add", "sum", "mul", "mean"):
        return None
    exponents = list(dict.fromkeys(_exponents(total)))
    if not exponents or (is_(total, "add") and len(exponents) < 2):
        return None
    top = _largest(total, exponents)
    moved = _moved(total, top) if top is not None else None
    return None if top is None or moved is None else (top, moved)


def _exponents(e: Expr, depth: int = NEAR) -> Iterator[Expr]:
    """The exponents in a sum of exponentials; a number in it has the exponent 0."""
    if is_(e, "exp"):
        yield e.args[0]
    elif depth and is_(e, "add", "hadamard", "mul", "div", "ediv", *_LINEAR):
        for a in e.args[:1] if is_(e, "div", "ediv") else e.args:
            if is_(e, "add") and number_value(a) is not None:
                yield number(0)
            else:
                yield from _exponents(a, depth - 1)


def _largest(total: Expr, exponents: list[Expr]) -> Expr | None:
    """The largest exponent, of the shape of the sum or a number."""
    if is_(total, "add") and all(z.shape in ((), total.shape) for z in exponents):
        return reduce(lambda a, b: apply("maximum", a, b), exponents)
    if is_(total, "sum", "mean") and total.params[0] is not None and total.args[0].shape:
        (z,) = exponents if len(exponents) == 1 else (number(0),)
        return apply("max", z, params=total.params) if z.shape == total.args[0].shape else None
    if not is_scalar(total.shape):
        return None
    tops = [apply("max", z, params=(None,)) if z.shape else z for z in exponents]
    return reduce(lambda a, b: apply("maximum", a, b), tops)


def _moved(e: Expr, top: Expr) -> Expr | None:
    """e/exp(top), where e is linear in exponentials; None where it is not."""
    if is_(e, "exp"):
        return apply("exp", e.args[0] - top)
    if is_(e, "sum", "mean") and e.params[0] is not None and top.shape:
        spread = along(top, e.args[0].shape, e.params[0])
        inner = _moved(e.args[0], spread)
        return None if inner is None else _like(e, apply(e.function.name, inner, params=e.params))
    if is_(e, *_LINEAR):
        if top.shape and not is_(e, "neg", "transpose"):
            return None  # which entry of `top` belongs to which inside
        inner = _moved(e.args[0], top.T if top.shape and is_(e, "transpose") else top)
        return None if inner is None else apply(e.function.name, inner, params=e.params)
    if is_(e, "add"):
        parts = [_moved(a, top) or _moved_number(a, top) for a in e.args]
        known = [p for p in parts if p is not None]
        return apply("add", *known) if len(known) == len(parts) else None
    if not is_(e, "hadamard", "mul", "div", "ediv"):
        return None
    factors = e.args if is_(e, "hadamard", "mul") else e.args[:1]
    if is_(e, "mul") and top.shape and not entrywise(e):
        factors = e.args[:1] if len(top.shape) == 1 else ()  # rows stay rows in the first factor
    for k, a in enumerate(factors):
        inner = _moved(a, top) if any(True for _ in _exponents(a)) else None
        if inner is not None and inner.shape == a.shape:
            return apply(e.function.name, *e.args[:k], inner, *e.args[k + 1 :])
    return None


def _moved_number(e: Expr, top: Expr) -> Expr | None:
    return apply("exp", -top) * e if number_value(e) is not None else None


# Spellings ---------------------------------------------------------------------------------------


def other_than_one(e: Expr) -> Expr | None:
    """u when e is 1 + u or u + 1."""
    if not is_(e, "add") or len(e.args) != 2:
        return None
    a, b = e.args
    return b if number_value(a) == 1 else a if number_value(b) == 1 else None


def of_one_plus_exp(e: Expr) -> Expr | None:
    """z when e is 1 + exp(z)."""
    other = other_than_one(e)
    return other.args[0] if other is not None and is_(other, "exp") else None


def opposite(e: Expr) -> Expr:
    """-e, without a double sign."""
    return e.args[0] if is_(e, "neg") else -e
