"""Known names folded in products of powers: exp(z)/(1 + exp(z)) is sigmoid(z)."""

from fractions import Fraction
from itertools import permutations
from typing import Any

from matderiv.errors import ShapeError
from matderiv.expr import REGISTRY, Expr, apply, is_, number, number_value, rebuild
from matderiv.shapes import is_scalar
from matderiv.words.chains import facts, transposed
from matderiv.words.monomials import Mono, multiply_into
from matderiv.words.signs import flattened, is_one, negated, signed, total

_AT_LEAST = ("ge", "gt", "le", "lt")
_FOLDED = frozenset(("power", "epow", "add", "sigmoid", "sign", "sinh", "sin", "cos", *_AT_LEAST))
"""One of these is among the factors that have another name."""


def tidy(mono: Mono) -> Mono:
    """The product of powers with known names folded: exp(z)/(1 + exp(z)) is sigmoid(z).

    Masks and 0/1 data are their own powers; labels ±1 square to 1.

    >>> z, r, s = (read(t).expr for t in ("z", "relu(z)", "step(z)"))
    >>> tidy({s: 2, r: 1}) == {r: 1}, tidy({s: 2}) == {s: 1}, tidy({z: 2}) == {z: 2}
    (True, True, True)
    """
    out: Mono = {}
    for e, k in mono.items():
        if k != 1:
            if k > 1 and (is_(e, "step", "gt", "lt", "ge", "le") or "binary" in facts(e)):
                k = 1
            if is_(e, "abs") and k.denominator == 1 and k % 2 == 0:
                e = e.args[0]  # abs(x).^2 is x.^2
            if "labels" in facts(e) and k.denominator == 1:
                k = int(k) % 2
        if e.function.name == "step":
            if k > 0 and mono.get(apply("relu", e.args[0]), 0) > 0:
                continue  # relu(z).*step(z) is relu(z)
            e = apply("step", flattened(e.args[0]))
            k = k if e not in out else 0
        multiply_into(out, e, k)
    if _FOLDED.isdisjoint([e.function.name for e in out]):
        return out
    if len(out) < 2:
        return _fold_sigmoid(out)
    return _fold_slopes(_fold_masks(_fold_sigmoid(_fold_sign(_fold_powers(out)))))


def _fold_powers(mono: Mono) -> Mono:
    """u^(k - 1) * u is u^k, for an exponent that is not a number.

    >>> x, k = read("x").expr, read("a", shapes={"a": ""}).expr
    >>> _fold_powers({x ** (k - 1): 1, x: 1}) == {x**k: 1}, _fold_powers({x**k: 1}) == {x**k: 1}
    (True, True)
    >>> _fold_powers({x ** (k - 3): 1, x: 1}) == {x ** (k - 2): 1}
    True
    """
    for e in [e for e in mono if is_(e, "power", "epow")]:
        base, exponent = e.args
        if is_(e, "power") and not is_scalar(base.shape):
            continue  # a power of a matrix is none of its entries
        last = number_value(exponent.args[-1]) if is_(exponent, "add") else None
        if mono.get(e) == 1 and last is not None and last <= -1 and mono.get(base, 0) >= 1:
            del mono[e]
            multiply_into(mono, base, -1)
            rest = [*exponent.args[:-1], *([number(last + 1)] if last != -1 else [])]
            multiply_into(mono, apply(e.function.name, base, total(rest)))
    return _fold_alike(mono)


def _fold_alike(mono: Mono) -> Mono:
    """Powers of one base above and below the line: u^(k - 1)/u^k is 1/u.

    >>> x, k = read("x").expr, read("a", shapes={"a": ""}).expr
    >>> _fold_alike({x ** (k - 1): 1, x**k: -1}) == {x: -1}
    True
    """
    for e in [e for e, k in mono.items() if k == 1 and is_(e, "power", "epow")]:
        for below in [b for b, k in mono.items() if k == -1 and is_(b, e.function.name)]:
            base, exponent = e.args
            apart = _apart(exponent, below.args[1]) if base is below.args[0] else None
            if apart is not None and (is_(e, "epow") or is_scalar(base.shape)):
                del mono[e], mono[below]
                multiply_into(mono, base, apart)
                break
    return mono


def _apart(a: Expr, b: Expr) -> Fraction | None:
    """The number by which two exponents differ, None for any other difference."""
    found, terms = Fraction(0), dict[Expr, int]()
    for sign, e in ((1, a), (-1, b)):
        for part in e.args if is_(e, "add") else (e,):
            side, core = signed(part)
            value = number_value(core)
            if value is not None:
                found += sign * side * value
            else:
                terms[core] = terms.get(core, 0) + sign * side
    return None if any(terms.values()) else found


def _fold_sigmoid(mono: Mono) -> Mono:
    """exp(z)/(1 + exp(z)) is sigmoid(z), and (1 + exp(z))*sigmoid(-z) is 1.

    >>> z, above, below = (read(f).expr for f in ("exp(z)", "1 + exp(z)", "sigmoid(-z)"))
    >>> [text(e) for e in _fold_sigmoid({z: 1, above: -1})], _fold_sigmoid({above: 1, below: 1})
    (['sigmoid(z)'], {})
    """
    for e in list(mono):
        k = mono.get(e, 0)
        inner = one_plus_exp(e)
        if inner is None or k.denominator != 1:
            continue
        opposite = apply("sigmoid", negated(inner))
        if k > max(0, mono.get(opposite, 0)):
            continue
        del mono[e]
        outer = apply("exp", inner)
        both = min(int(mono.get(outer, 0)), int(-k))
        if both > 0:
            multiply_into(mono, outer, -both)
            multiply_into(mono, apply("sigmoid", inner), both)
            k += both
        if k:
            multiply_into(mono, opposite, -k)
    return _fold_slope(mono)


def _fold_slope(mono: Mono) -> Mono:
    """exp(-z)*sigmoid(z) is sigmoid(-z).

    >>> z, s, t = (read(f).expr for f in ("exp(-z)", "sigmoid(z)", "sigmoid(-z)"))
    >>> _fold_slope({z: 1, s: 2}) == {s: 1, t: 1}
    True
    """
    for e in [e for e in mono if is_(e, "sigmoid")]:
        opposite = negated(e.args[0])
        both = min(mono.get(apply("exp", opposite), 0), mono[e])
        if both > 0 and both.denominator == 1:
            multiply_into(mono, apply("exp", opposite), -both)
            multiply_into(mono, e, -both)
            multiply_into(mono, apply("sigmoid", opposite), both)
    return mono


Form = Any
"""A name for anything, a number, or names of functions with the forms of their arguments."""


Spellings = dict[str, list[tuple[Form, Form]]]
"""Forms, and what is meant by them, under the names of the functions that stand outside."""


def spellings(*table: tuple[Form, Form]) -> Spellings:
    """A table of forms and of what is meant by them."""
    found: Spellings = {}
    for form, known in table:
        for name in form[0].split():
            found.setdefault(name, []).append((form, known))
    return found


def respelled_by(node: Expr, table: Spellings) -> Expr | None:
    """What is meant by a node that has one of the forms of a table."""
    for form, known in table.get(node.function.name, ()):
        if (found := respelled(node, form, known)) is not None:
            return found
    return None


def respelled(node: Expr, form: Form, known: Form) -> Expr | None:
    """What is meant by a node of some form, written in another one; None where it has not the form.

    Axes are those of the node, and in place of sums and extremes of all entries where none is said.

    >>> norm = ("sqrt", ("sum", ("epow", "x", 2))), ("norm2", "x")
    >>> text(respelled(read("sqrt(sum(y.^2))").expr, *norm))
    'norm2(y)'
    >>> print(respelled(read("sqrt(sum(Y.^2, 1))").expr, *norm))
    None
    """
    found: dict[str, Any] = {}
    if not _fits(node, form, found):
        return None
    try:
        made = _made(known, found)
    except ShapeError:
        return None
    return made if made is not None and made.shape == node.shape else None


_ALONG = ("axis", "keyword-axis")


def _fits(e: Expr, form: Form, found: dict[str, Any]) -> bool:
    if isinstance(form, str):
        return found.setdefault(form, e) is e
    if isinstance(form, int):
        return is_one(e) if form == 1 else number_value(e) == form
    names, *parts = form
    if not is_(e, *names.split()) or (is_(e, "power") and not is_scalar(e.shape)):
        return False
    if e.function.call in _ALONG and found.setdefault("axis", e.params) != e.params:
        return False
    orders = (parts, parts[::-1]) if is_(e, "add", "maximum") else (parts,)
    for order in orders if len(e.args) == len(parts) else ():
        tried = dict(found)
        if all(_fits(a, part, tried) for a, part in zip(e.args, order, strict=True)):
            found |= tried
            return True
    return False


def _made(form: Form, found: dict[str, Any]) -> Expr | None:
    """What a form stands for; None where an axis would be lost."""
    if isinstance(form, (int, Fraction)):
        return number(form)
    if isinstance(form, str):
        whole: Expr = found[form]
        return whole
    name, *parts = form
    inner = [made for part in parts if (made := _made(part, found)) is not None]
    axis = found.get("axis", (None,))
    along = REGISTRY[name].call in _ALONG
    if len(inner) < len(parts) or not (along or axis == (None,)):
        return None
    if name == "neg":
        return negated(inner[0])
    if name == "transpose":
        return transposed(inner[0])
    return apply(name, *inner, params=axis if along else ())


def one_plus_exp(e: Expr) -> Expr | None:
    """z when e is 1 + exp(z)."""
    if is_(e, "add") and len(e.args) == 2:
        for a, b in (e.args, e.args[::-1]):
            if is_one(a) and is_(b, "exp"):
                return b.args[0]
    return None


def _fold_sign(mono: Mono) -> Mono:
    """sign(x)*x is abs(x), sign(x)*abs(x) is x, sign(x)/abs(x) is 1/x, sign(x)*x^2 is x*abs(x).

    >>> x, s, a = (read(t).expr for t in ("x", "sign(x)", "abs(x)"))
    >>> _fold_sign({s: 1, x: 1}) == {a: 1}, _fold_sign({s: 1}) == {s: 1}
    (True, True)
    >>> _fold_sign({s: 1, a: -1}) == {x: -1}, _fold_sign({s: 1, a: 2}) == {x: 1, a: 1}
    (True, True)
    """
    for e in [e for e in mono if is_(e, "sign") and mono[e] == 1]:
        inner, size = e.args[0], apply("abs", e.args[0])
        powers = (mono.get(size, 0), mono.get(inner, 0))
        if any(k.denominator != 1 for k in powers):
            continue
        sizes, k = int(mono.pop(size, 0)), int(mono.pop(inner, 0))
        del mono[e]
        if sizes % 2:
            k, rest = k + sizes, {}
        elif (k + sizes) % 2:
            one = 1 if k + sizes > 0 else -1
            k, rest = k + sizes - one, {size: one}
        elif k + sizes > 0:
            k, rest = k + sizes - 1, {size: 1}
        else:
            k, rest = k + sizes, {e: 1}
        for factor, power in ((inner, k), *rest.items()):
            if power:
                multiply_into(mono, factor, power)
    return mono


_QUOTIENTS = (("sinh", "cosh", "tanh", 1), ("sin", "cos", "tan", 1), ("cos", "sin", "tan", -1))


def _fold_slopes(mono: Mono) -> Mono:
    """sinh(x)/cosh(x) is tanh(x), sin(x)/cos(x) is tan(x).

    >>> x = variable("x")
    >>> above, below = apply("sinh", x), apply("cosh", x)
    >>> _fold_slopes({above: 1, below: -1}) == {apply("tanh", x): 1}
    True
    >>> _fold_slopes({above: 1, below: 1}) == {above: 1, below: 1}
    True
    """
    if not any(is_(e, "sinh", "sin", "cos") for e in mono):
        return mono
    for top, bottom, name, sign in _QUOTIENTS:
        for e in [e for e in mono if is_(e, top)]:
            below = apply(bottom, e.args[0])
            both = min(mono.get(e, 0), -mono.get(below, 0))
            if both > 0:
                multiply_into(mono, e, -both)
                multiply_into(mono, below, both)
                multiply_into(mono, apply(name, e.args[0]), sign * both)
    return mono


def _fold_masks(mono: Mono) -> Mono:
    """(a >= b).*(c <= min(a, b)) is (a >= b).*(c <= b), and (x <= c).*(-c <= x) is (abs(x) <= c).

    >>> first, second, third = (read(t).expr for t in ("(1 >= x)", "(-1 <= min(1,x))", "(-1 < x)"))
    >>> [text(e) for e in _fold_masks({first: 1, second: 1})]
    ['(abs(x)<=1)']
    >>> [text(e) for e in _fold_masks({first: 1, third: 1})]
    ['(1>=x)', '(-1<x)']
    """
    masks = [e for e, k in mono.items() if k == 1 and is_(e, *_AT_LEAST)]
    if len(masks) < 2:
        return mono
    out = dict(mono)
    for m, other in permutations(masks, 2):
        if m in out and other in out:
            plain = rebuild(other, tuple(_by_mask(a, m) for a in other.args))
            distinct = plain is not other and plain.args[0] is not plain.args[1]
            if distinct and plain.shape == other.shape:
                out[plain] = out.pop(other)
    bounds = [e for e in out if is_(e, *_AT_LEAST)]
    for m, other in permutations(bounds, 2):
        (upper, x), (y, lower) = _sides(m), _sides(other)
        strict = is_(m, "gt", "lt"), is_(other, "gt", "lt")
        if m in out and other in out and x is y and strict[0] == strict[1]:
            if out[m] == out[other] == 1 and _opposite(upper, lower):
                del out[m], out[other]
                out[apply("lt" if strict[0] else "le", apply("abs", x), upper)] = 1
    return out


def _sides(mask: Expr) -> tuple[Expr, Expr]:
    """The larger and the smaller side of a comparison."""
    first, second = mask.args
    return (first, second) if is_(mask, "ge", "gt") else (second, first)


def _by_mask(e: Expr, mask: Expr) -> Expr:
    """max(a, b) as a, and min(a, b) as b, where a mask says that a is the larger."""
    larger, smaller = _sides(mask)
    if is_(e, "maximum", "minimum") and set(e.args) == {larger, smaller}:
        return larger if is_(e, "maximum") else smaller
    return e


def _opposite(a: Expr, b: Expr) -> bool:
    first, second = number_value(a), number_value(b)
    return -first == second if first is not None and second is not None else negated(a) is b
