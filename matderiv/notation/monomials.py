"""Products of powers, entry by entry, and sums: the words results are written in.

Every builder keeps the value and never makes the expression longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from matderiv.expr import Expr, Number, apply, is_, number, number_value
from matderiv.notation.chains import MAX_CHAIN, factors_of, facts, reading_key
from matderiv.shapes import Shape, is_scalar
from matderiv.tensors.tensor import Exponent

Mono = dict[Expr, Exponent]
"""A product of powers, entry by entry, in the order in which a reader meets them."""
MAX_INLINED = 6  # adjoints that grow by a term a layer would otherwise be copied layer by layer
SIGN_DEPTH = 4
_LINES = ("mul", "hadamard", "div", "ediv")  # a sign in front of these sits on their first part


def multiply_into(mono: Mono, e: Expr, exponent: Exponent = 1) -> None:
    """Add a power to a product of powers."""
    k = mono.get(e, 0) + exponent
    if k:
        mono[e] = k
    else:
        mono.pop(e, None)


def tidy(mono: Mono) -> Mono:
    """The product of powers with known names folded: exp(z)/(1 + exp(z)) is sigmoid(z).

    Masks and 0/1 data are their own powers; labels ±1 square to 1.

    >>> from matderiv.input.resolve import read
    >>> z, r, s = (read(t).expr for t in ("z", "relu(z)", "step(z)"))
    >>> tidy({s: 2, r: 1}) == {r: 1}, tidy({s: 2}) == {s: 1}, tidy({z: 2}) == {z: 2}
    (True, True, True)
    """
    out: Mono = {}
    for e, k in mono.items():
        if k > 1 and (is_(e, "step", "gt", "lt", "ge", "le") or "binary" in facts(e)):
            k = 1
        if "labels" in facts(e) and Fraction(k).denominator == 1:
            k = int(k) % 2
        if is_(e, "step"):
            if k > 0 and mono.get(apply("relu", e.args[0]), 0) > 0:
                continue  # relu(z).*step(z) is relu(z)
            e = apply("step", flattened(e.args[0]))
        if k:
            out[e] = k
    return _fold_sigmoid(_fold_sign(_fold_powers(out)))


def _fold_powers(mono: Mono) -> Mono:
    """u^(k - 1) * u is u^k, for an exponent that is not a number.

    >>> from matderiv.input.resolve import read
    >>> x, k = read("x").expr, read("a", shapes={"a": ""}).expr
    >>> _fold_powers({x ** (k - 1): 1, x: 1}) == {x**k: 1}, _fold_powers({x**k: 1}) == {x**k: 1}
    (True, True)
    """
    for e in [e for e in mono if is_(e, "power", "epow")]:
        base, exponent = e.args
        lowered = is_(exponent, "add") and number_value(exponent.args[-1]) == -1
        if mono.get(e) == 1 and lowered and mono.get(base, 0) >= 1:
            del mono[e]
            multiply_into(mono, base, -1)
            rest = exponent.args[:-1]
            raised = rest[0] if len(rest) == 1 else apply("add", *rest)
            multiply_into(mono, apply(e.function.name, base, raised))
    return mono


def _fold_sigmoid(mono: Mono) -> Mono:
    for e in list(mono):
        k = mono.get(e, 0)
        inner = one_plus_exp(e)
        if inner is None or k >= 0 or Fraction(k).denominator != 1:
            continue
        del mono[e]
        outer = apply("exp", inner)
        both = min(int(mono.get(outer, 0)), int(-k))
        if both > 0:
            multiply_into(mono, outer, -both)
            multiply_into(mono, apply("sigmoid", inner), both)
            k += both
        if k:
            multiply_into(mono, apply("sigmoid", negated(inner)), -k)
    return mono


def flattened(e: Expr) -> Expr:
    """A difference of sums without inner brackets: (a + b) - (c + d) is a + b - c - d."""
    if not is_(e, "add"):
        return e
    terms: list[Expr] = []
    for a in e.args:
        sign, core = signed(a)
        inner = core.args if is_(core, "add") else (core,)
        terms += inner if sign > 0 else [negated(t) for t in inner]
    return total([t for t in terms if number_value(t) != 0] or terms)


def one_plus_exp(e: Expr) -> Expr | None:
    """z when e is 1 + exp(z)."""
    if is_(e, "add") and len(e.args) == 2:
        for a, b in (e.args, e.args[::-1]):
            if is_one(a) and is_(b, "exp"):
                return b.args[0]
    return None


def is_one(e: Expr) -> bool:
    """True for 1 and arrays of ones."""
    return (
        number_value(e) == 1
        or is_(e, "ones")
        or (is_(e, "vector", "matrix") and number_value(e.args[0]) == 1)
    )


def _fold_sign(mono: Mono) -> Mono:
    for e in [e for e in mono if is_(e, "sign")]:
        inner = e.args[0]
        size = apply("abs", inner)
        if mono.get(e) == 1 and mono.get(inner) == 1:
            del mono[e], mono[inner]
            multiply_into(mono, size)
        elif mono.get(e) == 1 and mono.get(size, 0) == 1:
            del mono[e], mono[size]
            multiply_into(mono, inner)
    return mono


def signed(e: Expr, depth: int = SIGN_DEPTH) -> tuple[int, Expr]:
    """The sign in front of an expression, and the expression without it.

    The sign of a product sits on its first factor; products in products are looked into so deep.

    >>> from matderiv.input.resolve import read
    >>> x, s = read("x").expr, read("sign(x)").expr
    >>> _fold_sign({s: 1, x: 1}) == {apply("abs", x): 1}, _fold_sign({s: 1}) == {s: 1}
    (True, True)
    """
    if is_(e, "neg"):
        sign, core = signed(e.args[0], depth - 1)
        return -sign, core
    if is_(e, "number") and e.params[0] < 0:
        return -1, number(-e.params[0])
    if depth > 0 and is_(e, *_LINES):
        sign, first = signed(e.args[0], depth - 1)
        if sign < 0:
            if is_one(first) and not first.shape and is_(e, "mul", "hadamard"):
                rest = e.args[1:]
                return -1, rest[0] if len(rest) == 1 else apply(e.function.name, *rest)
            return -1, apply(e.function.name, first, *e.args[1:])
    return 1, e


def negated(e: Expr) -> Expr:
    """-e with the sign absorbed where there is one, in front of the first factor of a product."""
    sign, core = signed(e)
    if sign < 0:
        return core
    if is_(core, "add"):
        parts = [negated(a) for a in core.args]
        minus = sum(signed(a)[0] < 0 for a in parts)
        if minus < len(parts) and 2 * minus <= len(parts):
            return total(parts)
    if is_(core, *_LINES) and not is_one(core.args[0]):
        first = core.args[0]
        scaling = is_(first, "div") or (is_(first, "mul") and is_(core, "mul", "div"))
        first = negated(first) if scaling else apply("neg", first)
        return apply(core.function.name, first, *core.args[1:])
    return apply("neg", core)


def powers(mono: Mono, shape: Shape) -> tuple[list[Expr], list[Expr]]:
    """The factors above and below the line, each a power with a positive exponent."""
    above: list[Expr] = []
    below: list[Expr] = []
    for e, k in _one_root(mono).items():
        (above if k > 0 else below).append(power(e, k if k > 0 else -k))
    return above, below


def _one_root(mono: Mono) -> Mono:
    """sqrt(2)*sqrt(pi) as sqrt(2*pi), for constants.

    >>> from matderiv.input.resolve import read
    >>> two, n = number(2), apply("size", params=("n",))
    >>> half = Fraction(1, 2)
    >>> _one_root({two: half, n: half}) == {apply("mul", 2, n): half}, _one_root({two: half})
    (True, {<number ()>: Fraction(1, 2)})
    """
    for half in (Fraction(1, 2), Fraction(-1, 2)):
        roots = [e for e, k in mono.items() if k == half and is_(e, "number", "pi", "size")]
        if len(roots) > 1:
            roots.sort(key=lambda e: not is_(e, "number"))
            mono = {e: k for e, k in mono.items() if e not in roots}
            mono[apply("mul", *roots)] = half
    return mono


def power(e: Expr, k: Exponent) -> Expr:
    """e^k, entry by entry for arrays; sqrt for 1/2."""
    if k == 1:
        return e
    if Fraction(k) == Fraction(1, 2):
        return apply("sqrt", e)
    if is_(e, "sqrt") and Fraction(k).denominator == 1 and k % 2 == 0:
        return power(e.args[0], Fraction(k) / 2)
    return apply("power" if not e.shape else "epow", e, number(k))


def entrywise(mono: Mono, shape: Shape) -> Expr:
    """A product of powers as one expression: `u.^2.*v./w`; ones of the shape when empty."""
    masks = [e for e, k in mono.items() if k == 1 and is_(e, "tril", "triu") and is_one(e.args[0])]
    if masks and len(mono) > 1:  # A.*tril(ones(n,n)) is tril(A)
        rest = entrywise({e: k for e, k in mono.items() if e is not masks[0]}, shape)
        return apply(masks[0].function.name, rest)
    if len(mono) > 1 and len(shape) == 1 and all(is_(e, "transpose") for e in mono):
        row = {e.args[0]: k for e, k in mono.items()}
        return apply("transpose", entrywise(row, (1, *shape)))  # r'./s' is (r./s)'
    above, below = powers(mono, shape)
    above.sort(key=reading_key)
    below.sort(key=reading_key)
    times, over = ("mul", "div") if not shape else ("hadamard", "ediv")
    top = _joined(times, above)
    bottom = _joined(times, below)
    if bottom is None:
        return top if top is not None else (apply("ones", params=shape) if shape else number(1))
    return apply(over, top if top is not None else number(1), bottom)


def _joined(name: str, parts: Sequence[Expr]) -> Expr | None:
    flat = [f for e in parts for f in (e.args if name == "hadamard" and _short(e) else (e,))]
    if not flat:
        return None
    return flat[0] if len(flat) == 1 else apply(name, *flat)


def _short(e: Expr) -> bool:
    return is_(e, "hadamard") and len(e.args) <= MAX_CHAIN


def scaled(coefficient: Fraction, scalars: Mono, core: Sequence[Expr]) -> Expr:
    """coefficient * scalars * product of `core`, denominators last: `-2*X'*r/n`.

    `core` is a chain of matrix factors, empty for a scalar result.
    """
    if any(is_(f, "neg") for f in core):
        coefficient *= (-1) ** sum(is_(f, "neg") for f in core)
        core = [f.args[0] if is_(f, "neg") else f for f in core]
    above, below = (sorted(side, key=reading_key) for side in powers(scalars, ()))
    top, bottom = abs(coefficient).numerator, abs(coefficient).denominator
    if bottom != 1 and not below and _terminates(bottom) and (above or core):
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
            front_expr = front[0] if len(front) == 1 else apply("mul", *front)
            flat, core = [], [apply(core[0].function.name, front_expr, *rest)]
    parts = [*flat, *core]
    result = _line(parts)
    if below:
        divisor = below[0] if len(below) == 1 else apply("mul", *below)
        result = apply("div", result if result is not None else number(1), divisor)
    if result is None:
        result = number(1)
    return negated(result) if coefficient < 0 else result


def _plain_product(e: Expr) -> bool:
    """A product of scalars only, which may be written out flat."""
    short = is_(e, "mul") and len(e.args) <= MAX_CHAIN
    return short and all(is_scalar(a.shape) for a in e.args)


def _line(parts: Sequence[Expr]) -> Expr | None:
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    return apply("mul", *parts)


def _terminates(q: int) -> bool:
    """True for denominators whose decimals end soon: 1/2 is 0.5."""
    return q in (2, 4, 5, 8, 10, 20, 100, 1000)


def inlined(e: Expr) -> bool:
    """True for a short sum, which is written out inside another; long ones keep their bracket."""
    return is_(e, "add") and len(e.args) <= MAX_INLINED


def total(terms: Sequence[Expr]) -> Expr:
    """A sum with the positive terms first."""
    flat = [signed(t) for e in terms for t in (e.args if inlined(e) else (e,))]
    ordered = [t for sign, t in flat if sign > 0]
    if len(ordered) == 2 and is_(ordered[0], "transpose") and ordered[0].args[0] is ordered[1]:
        ordered.reverse()
    ordered += [apply("neg", t) for sign, t in flat if sign < 0]
    if len(ordered) == 1:
        return ordered[0]
    if is_(ordered[0], "neg"):
        ordered[0] = negated(ordered[0].args[0])
    return apply("add", *ordered)


def times_number(value: Number, e: Expr) -> Expr:
    """A number times an expression."""
    if not value:
        return apply("zeros", params=e.shape)
    return scaled(Fraction(value), {}, factors_of(e))
