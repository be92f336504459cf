"""Sums of terms: like terms, common factors, and the shortest way to write them.

The cost of a form is its `weight`, the symbols a reader meets. A factor is pulled out only when
that lowers the cost, so pulling ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial

from matderiv.expr import Expr, apply, is_, number, zeros
from matderiv.notation.chains import (
    chain,
    column,
    factors_of,
    matrix_product,
    transposed,
    transposed_chain,
)
from matderiv.notation.monomials import Mono, inlined, multiply_into, negated, scaled, signed, total
from matderiv.notation.raising import Raised, raise_term, spell, word
from matderiv.notation.terms import common, content, expanded, merged, multiplied_out, without
from matderiv.shapes import Size
from matderiv.tensors.lower import open_product
from matderiv.tensors.tensor import Index, Indices, Tensor

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
    return min(forms, key=lambda e: e.weight)


def _spell_merged(kept: list[Raised], axes: Indices, broadcast: bool) -> Expr:
    if not kept:
        return zeros(tuple(i.size for i in axes))
    if len(kept) == 1:
        return spell(kept[0], axes, diagonal=not broadcast)
    plain = _spell_plain(kept, axes, broadcast)
    if any(t.tensor is not None for t in kept):
        return plain
    pulled = [e for deep in (True, False) if (e := _spell_pulled(kept, axes, broadcast, deep))]
    return min((*pulled, plain), key=lambda e: e.weight)


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
        return scaled(number, scalars, factors_of(inner))
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

Item = tuple[Fraction, Mono, list[Expr]]


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
    items = _like(items)
    plain = total([scaled(*item) for item in items])
    if not 1 < len(items) <= MAX_FACTORED:
        return plain
    forms = [plain, *_together(items), *_mirrored(items), *_multiplied_out(items)]
    for group, pull in _groups(items):
        outside = [item for k, item in enumerate(items) if k not in group]
        grouped = pull()
        if grouped is not None:
            forms.append(factored([grouped, *outside]) if outside else scaled(*grouped))
    return min(forms, key=lambda e: e.weight)


def _like(items: list[Item]) -> list[Item]:
    """Items with the same factors added up; a vanished sum is kept as one zero item."""
    found: dict[tuple[object, ...], Item] = {}
    for c, s, f in items:
        key = (frozenset(s.items()), *f)
        found[key] = (c + found[key][0], s, f) if key in found else (c, s, f)
    kept = [item for item in found.values() if item[0]]
    return kept or [(Fraction(1), {}, [zeros(matrix_product(items[0][2]).shape)])]


def _multiplied_out(items: list[Item]) -> list[Expr]:
    """The sum with brackets multiplied out, if terms then merge or cancel."""
    spread = [piece for item in items for piece in _without_brackets(item)]
    if len(spread) == len(items) or len(spread) > MAX_FACTORED:
        return []
    like = _like(spread)
    return [factored(like)] if len(like) < len(spread) else []


def _without_brackets(item: Item) -> list[Item]:
    """F*(A + B)*G as F*A*G + F*B*G, for the first bracket."""
    c, s, factors = item
    for k, e in enumerate(factors):
        if inlined(e) and all(a.shape == e.shape for a in e.args):
            out = []
            for a in e.args:
                sign, core = signed(a)
                parts = [f for f in factors_of(core) if not is_(f, "eye")]
                word = chain([*factors[:k], *parts, *factors[k + 1 :]])
                out.append((c * sign, s, word or [core]))
            return out
    return [item]


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
    """A' + B' = (A + B)' for single transposes."""
    if all(len(f) == 1 and is_(f[0], "transpose") for _, _, f in items):
        return [transposed(factored([(c, s, [f[0].args[0]]) for c, s, f in items]))]
    return []


Pull = Callable[[], Item | None]
Group = tuple[tuple[int, ...], Pull]


def _groups(items: list[Item]) -> list[Group]:
    """The most promising sets of items with a common scalar, first or last factor."""
    found: dict[tuple[Expr, str], dict[int, Item]] = {}
    for k, item in enumerate(items):
        for variant in _variants(item):
            factors = variant[2]
            if factors:
                found.setdefault((factors[0], "first"), {}).setdefault(k, variant)
                found.setdefault((factors[-1], "last"), {}).setdefault(k, variant)
        for e, power in item[1].items():
            if power > 0:
                found.setdefault((e, "scalar"), {})[k] = item
    shared = [(e, side, group) for (e, side), group in found.items() if len(group) > 1]
    shared.sort(key=lambda entry: -entry[0].weight * (len(entry[2]) - 1))
    return [
        (
            tuple(group),
            partial(_pull_scalar if side == "scalar" else _pull, e, side, list(group.values())),
        )
        for e, side, group in shared[:4]
    ]


def _variants(item: Item) -> list[Item]:
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


def _pull_scalar(e: Expr, side: str, items: list[Item]) -> Item | None:
    """s*A + s*B = s*(A + B)."""
    number = content([c for c, _, _ in items])
    shared = common([s for _, s, _ in items])
    rest = [(c / number, without(s, shared), f) for c, s, f in items]
    inner = factored(rest)
    return None if is_(inner, "neg") else (number, shared, factors_of(inner))


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
    whole = _ones_as_number(whole)
    factors = [*factors_of(whole), edge] if last else [edge, *factors_of(whole)]
    return number, shared, chain(factors)


def _ones_as_number(e: Expr) -> Expr:
    """In a sum of vectors 1 stands for ones(n)."""
    if not is_(e, "add") or len(e.shape) != 1 or all(is_(signed(a)[1], "ones") for a in e.args):
        return e
    return total([_one_for_ones(a) for a in e.args])


def _one_for_ones(a: Expr) -> Expr:
    sign, core = signed(a)
    parts = [f for f in (core.args if is_(core, "mul") else (core,)) if not is_(f, "ones")]
    if len(parts) == (len(core.args) if is_(core, "mul") else 1):
        return a
    value = number(1) if not parts else parts[0] if len(parts) == 1 else apply("mul", *parts)
    return value if sign > 0 else negated(value)
