"""The words results are written in: products, powers and sums in a tidy normal form.

Every builder here keeps the value and never makes the expression longer. Facts declared of
variables (`symmetric`, `orthogonal`, ...) are used here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from matderiv.expr import Expr, Number, apply, is_, number, number_value
from matderiv.shapes import Shape, is_scalar, long_axes
from matderiv.tensor import Exponent

Mono = dict[Expr, Exponent]
"""A product of powers, entry by entry, in the order in which a reader meets them."""

_SYMMETRIC = {"symmetric", "posdef", "diagonal"}
MAX_INLINED = 6  # adjoints that grow by a term a layer would otherwise be copied layer by layer
MAX_CHAIN = 12
_DEPTH = 40  # how deep structure is looked for


def facts(e: Expr) -> frozenset[str]:
    """The facts declared of a variable; none for anything else."""
    declared: frozenset[str] = e.params[2] if is_(e, "variable") else frozenset()
    return declared


# Transposes and structure ------------------------------------------------


def symmetric(e: Expr, depth: int = _DEPTH) -> bool:
    """True if the matrix equals its transpose for a reason seen in its form."""
    known: bool | None = e.cache.get("symmetric")
    if known is None:
        known = e.cache["symmetric"] = depth > 0 and _symmetric(e, depth - 1)
    return known


def _symmetric(e: Expr, depth: int) -> bool:
    if len(e.shape) != 2 or e.shape[0] != e.shape[1]:
        return is_scalar(e.shape)
    if is_(e, "variable"):
        return bool(facts(e) & _SYMMETRIC)
    if is_(e, "eye"):
        return True
    if is_(e, "diag"):
        return len(long_axes(e.args[0].shape)) == 1
    if is_(e, "inv", "neg", "transpose", "adj", "pinv"):
        return symmetric(e.args[0], depth)
    if is_(e, "power", "div", "epow") or (e.function.kind == "elementwise" and len(e.args) == 1):
        return symmetric(e.args[0], depth)
    if is_(e, "add", "hadamard", "kron"):
        return all(symmetric(a, depth) for a in e.args)
    if is_(e, "mul"):
        chain = [a for a in e.args if not is_scalar(a.shape)]
        return all(transposed(a) is b for a, b in zip(chain, reversed(chain), strict=True))
    return False


def transposed(e: Expr) -> Expr:
    """The transpose, absorbed where it can be: X'' is X, S' is S for symmetric S."""
    if is_scalar(e.shape):
        return e
    if is_(e, "transpose"):
        return e.args[0]
    if symmetric(e):
        return e
    outside = apply("transpose", e)
    if is_(e, "hadamard", "add") and all(a.shape == e.shape for a in e.args):
        inside = apply(e.function.name, *(_flipped(a) for a in e.args))
        if inside.weight < outside.weight:
            return inside
    return outside


def _flipped(e: Expr) -> Expr:
    """The transpose of a term, one level deep: of its factors, without looking into them."""
    if is_(e, "neg"):
        return apply("neg", _flipped(e.args[0]))
    factors = factors_of(e)
    return matrix_product(
        [
            f.args[0] if is_(f, "transpose") else f if symmetric(f) else apply("transpose", f)
            for f in reversed(factors)
        ]
    )


def column(e: Expr) -> Expr:
    """A row as a column; vectors and n x 1 matrices as they are."""
    return transposed(e) if len(e.shape) == 2 and e.shape[0] == 1 and e.shape[1] != 1 else e


# Chains of matrix factors ------------------------------------------------


def factors_of(e: Expr) -> list[Expr]:
    """The factors of a matrix product without scalars; a list of itself for anything else.

    A product that has grown long stays one factor, so that adjoints are not copied layer by layer.
    """
    if is_(e, "mul") and len(e.args) <= MAX_CHAIN and not any(is_scalar(a.shape) for a in e.args):
        return [f for a in e.args for f in ([a] if not is_(a, "mul") else factors_of(a))]
    return [e]


def transposed_chain(chain: Sequence[Expr]) -> list[Expr]:
    """(A B c)' = c' B' A'."""
    return [transposed(e) for e in reversed(chain)]


def turned(e: Expr) -> Expr:
    """The transpose, written out as a chain for a product."""
    return matrix_product(transposed_chain(factors_of(e)))


def chain(factors: Iterable[Expr]) -> list[Expr]:
    """A product of matrices with identities dropped, inverses cancelled and Q'Q = I used.

    X*inv(X'*A*X) becomes inv(X'*A): the inverse of a product of square factors gives up the factor
    beside it. Each rewriting leaves fewer factors or a shorter inverse, so it ends.
    """
    out: list[Expr] = []
    todo = [f for e in factors for f in factors_of(e)][::-1]
    while todo:
        e = todo.pop()
        if is_(e, "eye") and (out or todo):
            continue
        met = _meet(out[-1], e) if out else None
        if met is None:
            out.append(e)
        else:
            out.pop()
            todo.extend(reversed(met))
    return out


def _meet(left: Expr, right: Expr) -> list[Expr] | None:
    """What two neighbours in a product become, or None if they stay."""
    if len(left.shape) != 2 or len(right.shape) != 2 or left.shape[1] != right.shape[0]:
        return None
    if right.shape[0] == right.shape[1] and (inner := inverted(right)) and inner[-1] is left:
        return inverse_of(inner[:-1], left)
    if left.shape[0] == left.shape[1] and (inner := inverted(left)) and inner[0] is right:
        return inverse_of(inner[1:], right)
    if left.shape == right.shape and transposed(left) is right:
        base = left.args[0] if is_(left, "transpose") else left
        if "orthogonal" in facts(base):
            return [apply("eye", params=(left.shape[0],))]
    return None


def inverted(e: Expr) -> list[Expr] | None:
    """The chain C with e = inv(C) when every factor of C is square; None if e is no inverse."""
    if is_(e, "inv"):
        inner = factors_of(e.args[0])
    elif is_(e, "transpose") and is_(e.args[0], "inv"):
        inner = transposed_chain(factors_of(e.args[0].args[0]))
    else:
        return None
    return inner if all(len(f.shape) == 2 and f.shape[0] == f.shape[1] for f in inner) else None


def inverse_of(inner: Sequence[Expr], like: Expr) -> list[Expr]:
    """inv of a product of square matrices, as a chain of one factor; the identity of none."""
    if not inner:
        return [apply("eye", params=(like.shape[0],))]
    if len(inner) == 1 and is_(inner[0], "transpose"):
        return [apply("transpose", apply("inv", inner[0].args[0]))]
    if len(inner) == 1 and is_(inner[0], "inv"):
        return [inner[0].args[0]]
    return [apply("inv", matrix_product(inner))]


def matrix_product(factors: Sequence[Expr]) -> Expr:
    """The product of a chain, with runs of an equal factor as a power: A*A*x is A^2*x."""
    runs: list[tuple[Expr, int]] = []
    for e in factors:
        base, k = (e, 1)
        if is_(e, "power") and (p := number_value(e.args[1])) is not None and p.denominator == 1:
            base, k = e.args[0], int(p)
        if runs and runs[-1][0] is base and len(base.shape) == 2:
            runs[-1] = (base, runs[-1][1] + k)
        else:
            runs.append((base, k))
    kept = [e if k == 1 else apply("power", e, k) for e, k in runs if k]
    if not kept:
        return apply("eye", params=(factors[0].shape[0],))
    return kept[0] if len(kept) == 1 else apply("mul", *kept)


# Products of powers, entry by entry ------------------------------------------------


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
    """
    out: Mono = {}
    for e, k in mono.items():
        if k > 1 and (is_(e, "step", "gt", "lt", "ge", "le") or "binary" in facts(e)):
            k = 1
        if "labels" in facts(e) and Fraction(k).denominator == 1:
            k = int(k) % 2
        if is_(e, "step"):
            e = apply("step", flattened(e.args[0]))
        if k:
            out[e] = k
    return _fold_sigmoid(_fold_sign(out))


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


_LINES = ("mul", "hadamard", "div", "ediv")  # a sign in front of these sits on their first part


def signed(e: Expr) -> tuple[int, Expr]:
    """The sign in front of an expression, and the expression without it."""
    if is_(e, "neg"):
        sign, core = signed(e.args[0])
        return -sign, core
    if is_(e, "number") and e.params[0] < 0:
        return -1, number(-e.params[0])
    if is_(e, *_LINES):
        sign, first = signed(e.args[0])
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
    for e, k in mono.items():
        (above if k > 0 else below).append(power(e, k if k > 0 else -k))
    return above, below


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
    above, below = powers(mono, shape)
    above.sort(key=lambda e: e.weight)
    times, over = ("mul", "div") if not shape else ("hadamard", "ediv")
    top = _joined(times, above)
    bottom = _joined(times, below)
    if bottom is None:
        return top if top is not None else (apply("ones", params=shape) if shape else number(1))
    return apply(over, top if top is not None else number(1), bottom)


def _joined(name: str, parts: Sequence[Expr]) -> Expr | None:
    flat = [
        f for e in parts for f in (e.args if is_(e, "hadamard") and name == "hadamard" else (e,))
    ]
    if not flat:
        return None
    return flat[0] if len(flat) == 1 else apply(name, *flat)


# Scaling and sums ------------------------------------------------


def scaled(coefficient: Fraction, scalars: Mono, core: Sequence[Expr]) -> Expr:
    """coefficient * scalars * product of `core`, denominators last: `-2*X'*r/n`.

    `core` is a chain of matrix factors, empty for a scalar result.
    """
    above, below = powers(scalars, ())
    top, bottom = abs(coefficient).numerator, abs(coefficient).denominator
    if bottom != 1 and not below and _terminates(bottom) and (above or core):
        above.insert(0, number(abs(coefficient)))
    else:
        if top != 1:
            above.insert(0, number(top))
        if bottom != 1:
            below.insert(0, number(bottom))
    flat = [f for e in above for f in (e.args if _plain_product(e) else (e,))]
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
    return scaled(Fraction(value), {}, [e]) if value else apply("zeros", params=e.shape)
