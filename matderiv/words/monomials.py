"""Products of powers spelled: entry by entry, and as a line with numbers, scalars and matrices.

Every builder keeps the value and never makes the expression longer.
"""

from collections.abc import Sequence
from fractions import Fraction

from matderiv.expr import Expr, apply, is_, number
from matderiv.shapes import Shape, is_scalar
from matderiv.tensors.tensor import Exponent
from matderiv.words.chains import MAX_CHAIN, transposed
from matderiv.words.signs import is_one, negated, reading_key

Mono = dict[Expr, Exponent]
"""A product of powers, entry by entry, in the order in which a reader meets them."""


def multiply_into(mono: Mono, e: Expr, exponent: Exponent = 1) -> None:
    """Add a power to a product of powers."""
    k = mono.get(e, 0) + exponent
    if k:
        mono[e] = k
    else:
        mono.pop(e, None)


def powers(mono: Mono, shape: Shape) -> tuple[list[Expr], list[Expr]]:
    """The factors above and below the line, each a power with a positive exponent."""
    above: list[Expr] = []
    below: list[Expr] = []
    for e, k in _one_root(mono).items():
        (above if k > 0 else below).append(power(e, k if k > 0 else -k))
    return above, below


def _one_root(mono: Mono) -> Mono:
    """sqrt(2)*sqrt(pi) as sqrt(2*pi), for constants.

    >>> two, n = number(2), apply("size", params=("n",))
    >>> half = Fraction(1, 2)
    >>> _one_root({two: half, n: half}) == {apply("mul", 2, n): half}, _one_root({two: half})
    (True, {<number ()>: Fraction(1, 2)})
    """
    constants = [e for e in mono if is_(e, "number", "pi", "size")]
    for half in (Fraction(1, 2), Fraction(-1, 2)) if len(constants) > 1 else ():
        roots = [e for e in constants if mono.get(e) == half]
        if len(roots) > 1:
            roots.sort(key=lambda e: not is_(e, "number"))
            mono = {e: k for e, k in mono.items() if e not in roots}
            multiply_into(mono, apply("mul", *roots), half)
    return mono


def power(e: Expr, k: Exponent) -> Expr:
    """e^k, entry by entry for arrays; sqrt for 1/2, and sqrt(x'*x) is norm2(x).

    >>> square, other = (read(t).expr for t in ("x'*x", "x'*y"))
    >>> [text(power(square, Fraction(k, 2))) for k in (1, 2, 3)], text(power(other, Fraction(1, 2)))
    (['norm2(x)', "x'*x", "(x'*x)^1.5"], "sqrt(x'*y)")
    """
    if k == 1:
        return e
    if Fraction(k) == Fraction(1, 2):
        square = is_(e, "mul") and len(e.args) == 2 and e.args[0] is transposed(e.args[1])
        return apply("norm2", e.args[1]) if square and not e.shape else apply("sqrt", e)
    if is_(e, "sqrt") and k.denominator == 1 and k % 2 == 0:
        return power(e.args[0], Fraction(k) / 2)
    return apply("power" if not e.shape else "epow", e, number(k))


def entrywise(mono: Mono, shape: Shape) -> Expr:
    """A product of powers as one expression: `u.^2.*v./w`; ones of the shape when empty."""
    if len(mono) == 1 and 1 in mono.values():
        return next(iter(mono))
    masks = [e for e, k in mono.items() if k == 1 and is_(e, "tril", "triu") and is_one(e.args[0])]
    if masks and len(mono) > 1:  # A.*tril(ones(n,n)) is tril(A), but not for a row or a column
        kind = masks[0].function.name
        others = {e: k for e, k in mono.items() if e is not masks[0]}
        rest = entrywise(others, shape)
        if any(is_(e, kind) and k > 0 for e, k in others.items()):  # zero there already
            return rest
        if rest.shape == masks[0].shape:
            return apply(kind, rest)
    if len(mono) > 1 and len(shape) == 1 and all(is_(e, "transpose") for e in mono):
        row = {e.args[0]: k for e, k in mono.items()}
        return apply("transpose", entrywise(row, (1, *shape)))  # r'./s' is (r./s)'
    above, below = powers(mono, shape)
    for side in (above, below):
        if len(side) > 1:
            side.sort(key=reading_key)
    times, over = ("mul", "div") if not shape else ("hadamard", "ediv")
    if not above and not below and shape:
        return apply("ones", params=shape)
    top, bottom = (_joined(times, side) for side in (above, below))
    return apply(over, top, bottom) if below else top


def _joined(name: str, parts: Sequence[Expr]) -> Expr:
    flat = [f for e in parts for f in (e.args if name == "hadamard" and _short(e) else (e,))]
    return apply(name, *flat)


def _short(e: Expr) -> bool:
    return is_(e, "hadamard") and len(e.args) <= MAX_CHAIN


def scaled(coefficient: Fraction, scalars: Mono, core: Sequence[Expr]) -> Expr:
    """coefficient * scalars * product of `core`, denominators last: `-2*X'*r/n`.

    `core` is a chain of matrix factors, empty for a scalar result.
    """
    if signs := sum([is_(f, "neg") for f in core]):
        coefficient *= (-1) ** signs
        core = [f.args[0] if is_(f, "neg") else f for f in core]
    coefficient, scalars = _under_the_root(coefficient, scalars)
    above, below = powers(scalars, ())
    for side in (above, below):
        if len(side) > 1:
            side.sort(key=reading_key)
    top, bottom = abs(coefficient.numerator), coefficient.denominator
    if bottom != 1 and not below and terminates(abs(coefficient), alone=not (above or core)):
        above.insert(0, number(abs(coefficient)))
    else:
        if top != 1:
            above.insert(0, number(top))
        if bottom != 1:
            below.insert(0, number(bottom))
    flat = [f for e in above for f in (e.args if _plain_product(e) else (e,))]
    if not core and flat and is_(flat[-1], "mul"):
        flat[-1:] = flat[-1].args  # 2*(x'*y) needs no bracket
    if flat and len(core) == 1 and is_(core[0], "hadamard", "ediv"):
        first, rest = core[0].args[0], core[0].args[1:]
        if not is_(first, "mul", "div"):  # 2*x.*y for 2*(x.*y)
            front = [*flat] if is_one(first) and not first.shape else [*flat, first]
            flat, core = [], [apply(core[0].function.name, apply("mul", *front), *rest)]
    result = apply("mul", *flat, *core)
    result = apply("div", result, apply("mul", *below)) if below else result
    return negated(result) if coefficient.numerator < 0 else result


def _under_the_root(coefficient: Fraction, scalars: Mono) -> tuple[Fraction, Mono]:
    """2/sqrt(2*pi) as sqrt(2/pi): constants under one root, numbers cancelled against it.

    >>> pi, half = apply("pi"), Fraction(1, 2)
    >>> c, mono = _under_the_root(Fraction(-2), {number(2): -half, pi: -half})
    >>> c, [text(power(e, k)) for e, k in mono.items()]
    (Fraction(-1, 1), ['sqrt(2/pi)'])
    >>> _under_the_root(Fraction(3), {number(2): -half})
    (Fraction(3, 1), {<number ()>: Fraction(-1, 2)})
    """
    constants = [e for e in scalars if is_(e, "number", "pi", "size")]
    if not constants:
        return coefficient, scalars
    half = Fraction(1, 2)
    above = [e for e in constants if scalars[e] == half]
    below = [e for e in constants if scalars[e] == -half]
    for e in [e for e in below if is_(e, "number") and coefficient % e.params[0] == 0]:
        coefficient /= e.params[0]
        below.remove(e)
        above.append(e)
    if not above or not below:
        return coefficient, scalars | dict.fromkeys(above, half)
    rest = {e: k for e, k in scalars.items() if e not in above and e not in below}
    top, bottom = (apply("mul", *side) for side in (above, below))
    multiply_into(rest, apply("div", top, bottom), half)
    return coefficient, rest


def _plain_product(e: Expr) -> bool:
    """A product of scalars only, which may be written out flat."""
    short = is_(e, "mul") and len(e.args) <= MAX_CHAIN
    return short and all(is_scalar(a.shape) for a in e.args)


def terminates(q: Fraction, alone: bool = False) -> bool:
    """True for a number whose decimals end soon: 1/2 is 0.5 before others, 79/50 is 1.58.

    >>> [terminates(Fraction(t)) for t in ("1/2", "79/50", "3/16", "2/3")]
    [True, True, False, False]
    """
    if q.denominator in (1, 2, 4, 5, 8, 10, 20, 100, 1000) and not alone:
        return True
    places = next((k for k in range(1, 9) if 10**k % q.denominator == 0), None)
    return places is not None and len(f"{float(q):.{places}f}") < len(
        f"{q.numerator}/{q.denominator}"
    )
