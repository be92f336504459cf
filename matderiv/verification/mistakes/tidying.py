"""A corrected answer as it would be written: one number in front, transposes carried out."""

from fractions import Fraction

from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply, fold, is_, number, rebuild
from matderiv.shapes import is_scalar

_PRODUCTS = ("mul", "hadamard")
_QUOTIENTS = ("div", "ediv")


def tidied(e: Expr) -> Expr:
    """The same value: signs and numbers in front, transposes inside, sums in one row.

    >>> a, b, c = (variable(n, (3,)) for n in "abc")
    >>> text(tidied((-a * b) + (b + -c)))
    'b - a.*b - c'
    >>> A, B = variable("A", (3, 3)), variable("B", (3, 3))
    >>> text(tidied((2 * (A @ B.T)).T / 2))
    "B*A'"
    """
    try:
        found = fold(e, _tidy)
    except MatderivError:
        return e
    return found if found.shape == e.shape else e


def _tidy(node: Expr, args: tuple[Expr, ...]) -> Expr:
    if is_(node, "neg"):
        return _scaled(Fraction(-1), args[0])
    if is_(node, "add"):
        return _in_order([t for a in args for t in (a.args if is_(a, "add") else (a,))])
    if is_(node, "transpose"):
        return _turned(args[0])
    if is_(node, *_PRODUCTS):
        return _product(node, args)
    if is_(node, *_QUOTIENTS):
        c, above = _split(args[0])
        k, below = _split(args[1])
        if c is not None and k:
            if above is below and is_scalar(node.shape):
                return number(c / k)
            rest = above if below is None else _quotient(node, above, below)
            return rebuild(node, args) if rest is None else _scaled(c / k, rest)
    return rebuild(node, args)


def _split(e: Expr) -> tuple[Fraction, Expr | None]:
    """A number and what it stands before; None for a number by itself."""
    if is_(e, "number"):
        return e.params[0], None
    if is_(e, "neg"):
        c, rest = _split(e.args[0])
        return -c, rest
    if is_(e, "div") and is_(e.args[1], "number") and e.args[1].params[0]:
        c, rest = _split(e.args[0])
        return c / e.args[1].params[0], rest
    if is_(e, "mul") and is_(e.args[0], "number"):
        first, *others = e.args
        return first.params[0], others[0] if len(others) == 1 else apply("mul", *others)
    return Fraction(1), e


def _scaled(c: Fraction, e: Expr | None) -> Expr:
    """A number before an expression."""
    if e is None:
        return number(c)
    k, rest = _split(e)
    c *= k
    if rest is None or not c:
        return number(c) if rest is None else apply("mul", 0, rest)
    if c < 0 and abs(c) != 1 and c.numerator != -1:
        return apply("mul", number(c), *_factors(rest))
    if c < 0:
        return -_scaled(-c, rest)
    if c == 1:
        return rest
    if c.numerator == 1:
        return apply("div", rest, number(c.denominator))
    return apply("mul", number(c), *_factors(rest))


def _factors(e: Expr) -> tuple[Expr, ...]:
    return e.args if is_(e, "mul") else (e,)


def _product(node: Expr, args: tuple[Expr, ...]) -> Expr:
    c, rest = Fraction(1), []
    for a in args:
        k, r = _split(a)
        c *= k
        rest += [] if r is None else [r]
    if not rest:
        return number(c)
    if node.function.name == "mul":
        rest = [f for r in rest for f in (r.args if _joins(r, rest) else (r,))]
    whole = rest[0] if len(rest) == 1 else apply(node.function.name, *rest)
    return _scaled(c, whole) if whole.shape == node.shape else rebuild(node, args)


def _joins(e: Expr, beside: list[Expr]) -> bool:
    """True for a product whose factors may stand in the same row."""
    shapes = [f.shape for r in beside for f in _factors(r)]
    return is_(e, "mul") and all(len(shape) == 2 for shape in shapes if not is_scalar(shape))


def _quotient(node: Expr, above: Expr | None, below: Expr) -> Expr | None:
    if above is None:
        return None
    found = apply(node.function.name, above, below)
    return found if found.shape == node.shape else None


def _turned(e: Expr) -> Expr:
    """The transpose, carried out on sums and products of matrices."""
    if is_(e, "transpose"):
        return e.args[0]
    c, rest = _split(e)
    if rest is None or c != 1:
        return _scaled(c, e.T if rest is None else _turned(rest))
    if is_(e, "add") and all(a.shape == e.shape for a in e.args):
        turned = _in_order([_turned(a) for a in e.args])
        return turned if turned.weight < e.T.weight else e.T
    if is_(e, "mul"):
        scalars = [a for a in e.args if is_scalar(a.shape)]
        turned = apply("mul", *scalars, *(_turned(a) for a in reversed(e.args) if a not in scalars))
        return turned if turned.shape == e.T.shape and turned.weight <= e.T.weight else e.T
    return e.T


def _in_order(terms: list[Expr]) -> Expr:
    """A sum that does not begin with a minus, where a term has none and the shape allows it."""
    first = next((k for k, t in enumerate(terms) if not is_(t, "neg")), 0)
    if terms[0].shape == terms[first].shape:
        terms = [terms[first], *terms[:first], *terms[first + 1 :]]
    return apply("add", *terms)
