"""Sums of terms: like terms, common factors, and the shortest way to write them.

The cost of a form is its `weight`, the symbols a reader meets. A factor is pulled out only when
that lowers the cost, so pulling ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial

from matderiv.expr import Expr, apply, is_, zeros
from matderiv.notation.chains import (
    chain,
    column,
    factors_of,
    matrix_product,
    shortest,
    transposed,
    transposed_chain,
    turned,
)
from matderiv.notation.items import (
    Item,
    inside,
    item_of,
    like,
    ones_as_number,
    opened,
    variants,
    without_brackets,
)
from matderiv.notation.monomials import Mono, multiply_into, scaled, total
from matderiv.notation.ordering import spelling_key
from matderiv.notation.polynomials import MAX_DEGREE, as_polynomial, product_form
from matderiv.notation.raising import Raised, raise_term, spell, word
from matderiv.notation.terms import (
    choice,
    common,
    content,
    expanded,
    merged,
    multiplied_out,
    without,
)
from matderiv.tensors.lower import open_product
from matderiv.tensors.tensor import Index, Indices, Tensor

MAX_GROUPED = 6  # in sums of more terms no common entries of a few terms are looked for,
MAX_GROUPS = 3  # and of so many groups only
MAX_FACTORED = 12  # sums of more terms are not searched for common factors of chains


def raise_tensor(tensor: Tensor, broadcast: bool) -> Expr:
    """The sum of index products as an expression over its axes.

    With `broadcast`, constants and rows in a sum are left to broadcasting.
    """
    terms = [raise_term(t, tensor.axes) for t in tensor.terms if t.coefficient]
    return spell_sum(terms, tensor.axes, broadcast)


def spell_sum(terms: Sequence[Raised], axes: Indices, broadcast: bool) -> Expr:
    """The shortest expression found for a sum of terms; a zero of the right shape for none."""
    kept = merged(terms)
    forms = [_spell_merged(kept, axes, broadcast)]
    fewer = multiplied_out(kept, axes)
    if fewer is not None:
        forms.append(spell_sum(fewer, axes, broadcast))
    if 1 < len(kept) <= MAX_FACTORED:
        written_out = merged([piece for t in kept for piece in (expanded(t, axes) or [t])])
        if len(written_out) <= MAX_FACTORED and {t.key() for t in written_out} != {
            t.key() for t in kept
        }:
            forms.append(_spell_merged(written_out, axes, broadcast))
    return _spell_polynomial(kept, axes, shortest(forms))


def _spell_polynomial(terms: list[Raised], axes: Indices, sofar: Expr) -> Expr:
    """1 - 3*s + 2*s^2 as (1 - s)*(1 - 2*s), entry by entry; a product may be a symbol longer."""
    found = as_polynomial(terms) if 1 < len(terms) <= MAX_DEGREE + 1 else None
    factors = product_form(found) if found is not None else None
    if found is None or factors is None:
        return sofar
    product = Raised(found.content, weights=tuple({} for _ in axes))
    for e in factors:
        multiply_into(product.parts()[found.which], e)
    e = spell(product, axes)
    return e if e.weight <= sofar.weight + found.flat * is_(sofar, "add") else sofar


def _spell_merged(kept: list[Raised], axes: Indices, broadcast: bool) -> Expr:
    if not kept:
        return zeros(tuple(i.size for i in axes))
    if len(kept) == 1:
        return spell(kept[0], axes, diagonal=not broadcast)
    plain = _spell_plain(kept, axes, broadcast)
    if any(t.tensor is not None for t in kept):
        return plain
    chosen = _spell_choice(kept, axes, broadcast)
    if chosen is not None and chosen.weight <= plain.weight:
        return chosen
    pulled = [e for deep in (True, False) if (e := _spell_pulled(kept, axes, broadcast, deep))]
    return shortest((*pulled, plain, *_spell_grouped(kept, axes, broadcast)))


def _spell_grouped(terms: list[Raised], axes: Indices, broadcast: bool) -> list[Expr]:
    """u.*a + u.*b + c as u.*(a + b) + c, for the entries that save most."""
    if not 2 < len(terms) <= MAX_GROUPED or any(t.delta for t in terms):
        return []
    found: dict[tuple[int, Expr], list[int]] = {}
    for k, t in enumerate(terms):
        for which, mono in enumerate(t.parts()):
            for e, power in mono.items():
                if which and power > 0:
                    found.setdefault((which, e), []).append(k)
    shared = [(at, ks) for at, ks in found.items() if 1 < len(ks) < len(terms)]
    shared.sort(key=lambda s: (-s[0][1].weight * (len(s[1]) - 1), s[0][0], spelling_key(s[0][1])))
    forms = []
    for group in list(dict.fromkeys(tuple(ks) for _, ks in shared))[:MAX_GROUPS]:
        together = _spell_pulled([terms[k] for k in group], axes, broadcast, True)
        if together is not None and len(together.shape) == len(axes) and not is_(together, "add"):
            opened_again = raise_term(open_product(together, axes), axes)
            rest = [t for k, t in enumerate(terms) if k not in group]
            forms.append(_spell_merged(merged([opened_again, *rest]), axes, broadcast))
    return forms


def _spell_choice(terms: list[Raised], axes: Indices, broadcast: bool) -> Expr | None:
    """(z > 0).*a + (z <= 0).*b = where(z > 0, a, b), beside whatever else is in the sum."""
    found = choice(terms, axes)
    if found is None:
        return None
    inner = axes[:1] if found.delta else axes
    branches = []
    for side in found.sides:
        plain = [replace(t, weights=t.weights[: len(inner)]) for t in side]
        if found.delta:
            plain = [replace(t, delta=False) for t in plain]
        if any(any(t.parts()[1:]) or t.delta for t in plain) or not found.which:
            branches.append(spell_sum(plain, inner, bool(found.which)))
        else:
            branches.append(spell_sum([replace(t, weights=()) for t in plain], (), True))
    chosen = Raised(Fraction(1), weights=tuple({} for _ in axes), delta=found.delta)
    if branches[0] is branches[1]:
        return spell_sum([*found.sides[0], *found.rest], axes, broadcast)
    e = apply("where", found.test, *branches)
    chosen.parts()[1 if found.delta else (0, 1, 3)[len(axes)]][e] = 1
    return _spell_merged(merged([chosen, *found.rest]), axes, broadcast)


# Common factors of all terms ----------------------------------------------------------------------


def _spell_pulled(terms: list[Raised], axes: Indices, broadcast: bool, deep: bool) -> Expr | None:
    """Common scalars and weights in front, the sum of what remains behind them."""
    shared_parts = _shared(terms, deep)
    if not deep and shared_parts == _shared(terms, True):
        return None
    number = content([t.coefficient for t in terms])
    if not any(shared_parts) and abs(number) == 1 and number > 0:
        return None
    rest = [
        replace(
            t,
            coefficient=t.coefficient / number,
            scalars=without(t.scalars, shared_parts[0]),
            weights=tuple(
                without(w, s) for w, s in zip(t.weights, shared_parts[1:-1], strict=True)
            ),
            mats=without(t.mats, shared_parts[-1]),
        )
        for t in terms
    ]
    scalars, weights, mats = shared_parts[0], shared_parts[1:-1], shared_parts[-1]
    if not rest:
        return zeros(tuple(i.size for i in axes))
    entry = bool(mats) or any(weights)
    if not entry:
        inner = spell_sum(rest, axes, broadcast)
        return scaled(*inside(number, scalars, inner))
    return _spell_entrywise(number, scalars, weights, mats, rest, axes, broadcast)


def _shared(terms: list[Raised], deep: bool) -> list[Mono]:
    """The common powers of scalars, weights and matrices; of scalars only beside deltas."""
    count = len(terms[0].weights) + 2
    if len({t.delta for t in terms}) > 1:
        return [common([t.scalars for t in terms], deep), *({} for _ in range(count - 1))]
    return [common([t.parts()[k] for t in terms], deep) for k in range(count)]


def _spell_entrywise(
    number: Fraction,
    scalars: Mono,
    weights: Sequence[Mono],
    mats: Mono,
    rest: list[Raised],
    axes: Indices,
    broadcast: bool,
) -> Expr:
    """Common entries times the sum of the rest, entry by entry."""
    if all(not any(t.weights) and not t.mats and not t.delta for t in rest):
        outer = Raised(number, dict(scalars), tuple(weights), mats)
        inner = spell_sum([replace(t, weights=()) for t in rest], (), broadcast)
        if len(axes) == 1 or mats or any(weights):
            multiply_into(outer.scalars, inner)
            return spell(outer, axes, diagonal=not broadcast)
    if len(axes) == 1:
        inner = spell_sum(rest, axes, True)
        outer = Raised(number, dict(scalars), (dict(weights[0]),))
        multiply_into(outer.weights[0], inner)
        return spell(outer, axes, diagonal=not broadcast)
    if all(t.delta for t in rest):
        inner = spell_sum(
            [replace(t, weights=t.weights[:1], delta=False) for t in rest], axes[:1], True
        )
        outer = Raised(number, dict(scalars), (dict(weights[0]), {}), {}, True)
        multiply_into(outer.weights[0], inner)
        return spell(outer, axes, diagonal=not broadcast)
    outer = Raised(number, dict(scalars), tuple(map(dict, weights)), dict(mats))
    loose = bool(mats) and not any(t.delta for t in rest)
    inner = spell_sum(rest, axes, broadcast or loose)
    multiply_into(outer.mats, inner)
    return spell(outer, axes, diagonal=not broadcast)


# Common factors of chains -------------------------------------------------------------------------


def _spell_plain(terms: list[Raised], axes: Indices, broadcast: bool) -> Expr:
    """The sum written out, with common first and last factors of products pulled out."""
    whole: list[Item] = []
    loose: list[Raised] = []
    for t in terms:
        if broadcast and not _depends_on_all(t, axes):
            loose.append(t)
        else:
            factors = word(t, axes, full=not broadcast, diagonal=not broadcast)
            whole.append((t.coefficient, t.scalars, factors))
    written = [spell(t, axes, full=False, diagonal=False) for t in loose]
    if whole:
        written.insert(0, factored(whole))
    return _widened(total(written), axes)


def _depends_on_all(t: Raised, axes: Indices) -> bool:
    if len(axes) == 0 or t.tensor is not None or t.mats or t.delta:
        return True
    return all(t.weights)


def _widened(e: Expr, axes: Indices) -> Expr:
    """A sum in which every term was left to broadcasting gets its missing axes back."""
    shape = tuple(i.size for i in axes)
    if len(axes) == 0 or e.shape == shape or len([s for s in e.shape if s != 1]) == len(axes):
        return e
    ones = apply("ones", params=shape)
    if not e.shape:
        return scaled(Fraction(1), {e: 1}, [ones])
    if e.shape[0] == 1:
        return matrix_product([apply("ones", params=(shape[0],)), e])
    return matrix_product([e, transposed(apply("ones", params=(shape[1],)))])


def factored(items: list[Item]) -> Expr:
    """A sum of chains with the best common factors pulled out, again and again."""
    items = like(items)
    number = abs(content([c for c, _, _ in items]))
    if len(items) > 1 and number != 1:
        c, s, f = item_of(factored([(c / number, s, f) for c, s, f in items]))
        return scaled(c * number, s, f)
    plain = total([scaled(*item) for item in items])
    if not 1 < len(items) <= MAX_FACTORED:
        return plain
    forms = [plain, *_together(items), *_mirrored(items), *_multiplied_out(items)]
    for group, pull in _groups(items):
        outside = [item for k, item in enumerate(items) if k not in group]
        grouped = pull()
        if grouped is not None:
            forms.append(factored([grouped, *outside]) if outside else scaled(*grouped))
    without = opened(items, MAX_FACTORED)
    if len(without) > len(items):
        forms.append(factored(without))
    return shortest(forms)


def _multiplied_out(items: list[Item]) -> list[Expr]:
    """The sum with brackets multiplied out, if terms then merge or cancel."""
    spread = [piece for item in items for piece in without_brackets(item)]
    if len(spread) == len(items) or len(spread) > MAX_FACTORED:
        return []
    fewer = like(spread)
    return [factored(fewer)] if len(fewer) < len(spread) else []


def _together(items: list[Item]) -> list[Expr]:
    """diag(u) + diag(v) = diag(u + v), the inner sum in its own shortest form."""
    if not all(len(f) == 1 and is_(f[0], "diag") and len(f[0].shape) == 2 for _, _, f in items):
        return []
    i = Index(items[0][2][0].shape[0])
    terms = []
    for c, s, (e,) in items:
        inner = column(e.args[0])
        t = raise_term(open_product(inner, (i,) if len(inner.shape) == 1 else (i, None)), (i,))
        scalars = dict(t.scalars)
        for base, k in s.items():
            multiply_into(scalars, base, k)
        terms.append(replace(t, coefficient=t.coefficient * c, scalars=scalars))
    inner = spell_sum(terms, (i,), True)
    opened = raise_term(open_product(inner, (i,)), (i,))
    opened.weights = (opened.weights[0], {})
    opened.delta = True
    return [spell(opened, (i, i))]


def _mirrored(items: list[Item]) -> list[Expr]:
    """B'*A' + D'*C' = (A*B + C*D)' where that has fewer transposes."""
    if any(not f or len(f[0].shape) != 2 or len(f[-1].shape) != 2 for _, _, f in items):
        return []
    mirror = [(c, s, transposed_chain(f)) for c, s, f in items]
    before, after = (sum(e.weight for _, _, f in form for e in f) for form in (items, mirror))
    if after + 1 >= before:
        return []
    c, s, f = item_of(factored(mirror))
    whole = matrix_product(f)
    forms = [turned(whole)] if len(whole.shape) == 1 else [turned(whole), transposed(whole)]
    return [scaled(c, s, factors_of(shortest(forms)))]


Pull = Callable[[], Item | None]
Group = tuple[tuple[int, ...], Pull]


def _groups(items: list[Item]) -> list[Group]:
    """The most promising sets of items with a common scalar, first or last factor."""
    found: dict[tuple[Expr, str], dict[int, Item]] = {}
    for k, item in enumerate(items):
        for variant in variants(item):
            factors = variant[2]
            if factors:
                found.setdefault((factors[0], "first"), {}).setdefault(k, variant)
                found.setdefault((factors[-1], "last"), {}).setdefault(k, variant)
        for e, power in item[1].items():
            if power > 0:
                found.setdefault((e, "scalar"), {})[k] = item
    shared = [(e, side, group) for (e, side), group in found.items() if len(group) > 1]
    for e, side, group in list(shared):
        rest = {k: item for k, item in group.items() if len(item[2]) > 1}
        if side != "scalar" and 1 < len(rest) < len(group):
            shared.append((e, side, rest))  # A*x + B*x + c*x is (A + B)*x + c*x too
    shared.sort(key=lambda entry: -entry[0].weight * (len(entry[2]) - 1))
    return [
        (
            tuple(group),
            partial(_pull_scalar if side == "scalar" else _pull, e, side, list(group.values())),
        )
        for e, side, group in shared[:4]
    ]


def _pull_scalar(e: Expr, side: str, items: list[Item]) -> Item | None:
    """s*A + s*B = s*(A + B)."""
    number = content([c for c, _, _ in items])
    shared = common([s for _, s, _ in items])
    rest = [(c / number, without(s, shared), f) for c, s, f in items]
    inner = factored(rest)
    return None if is_(inner, "neg") else inside(number, shared, inner)


def _pull(edge: Expr, side: str, items: list[Item]) -> Item | None:
    """F*A + F*B = F*(A + B), or A*F + B*F = (A + B)*F; the identity where nothing is left."""
    last = side == "last"
    number = content([c for c, _, _ in items])
    shared = common([s for _, s, _ in items])
    inner = [f[:-1] if last else f[1:] for _, _, f in items]
    rests = [(c / number, without(s, shared)) for c, s, _ in items]
    if not any(inner):
        weight = spell_sum([Raised(c, s) for c, s in rests], (), True)
        multiply_into(shared, weight)
        return number, shared, [edge]
    if not all(inner):
        if len(edge.shape) != 2 and not last:
            return None
        identity = apply("eye", params=(edge.shape[0 if last else 1],))
        inner = [f or [identity] for f in inner]
    whole = factored([(c, s, f) for (c, s), f in zip(rests, inner, strict=True)])
    if whole.shape == () or is_(whole, "neg"):
        return None
    whole = ones_as_number(whole)
    factors = [*factors_of(whole), edge] if last else [edge, *factors_of(whole)]
    return number, shared, chain(factors)
