"""Sums of terms: like terms, common factors, and the shortest way to write them.

The cost of a form is its `weight`, the symbols a reader meets. A factor is pulled out only when
that lowers the cost, so pulling ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import gcd

from matderiv.expr import Expr, apply, is_, zeros
from matderiv.lower import open_product
from matderiv.notation import Raised, raise_term, spell, word
from matderiv.shapes import Shape
from matderiv.simplify import (
    Mono,
    chain,
    factors_of,
    matrix_product,
    multiply_into,
    scaled,
    total,
    transposed,
)
from matderiv.tensor import Indices, Tensor

MAX_FACTORED = 12  # sums of more terms are not searched for common factors of chains


def raise_tensor(tensor: Tensor, broadcast: bool) -> Expr:
    """The sum of index products as an expression over its axes.

    With `broadcast`, constants and rows in a sum are left to broadcasting.
    """
    terms = [raise_term(t, tensor.axes) for t in tensor.terms if t.coefficient]
    return spell_sum(terms, tensor.axes, broadcast)


def spell_sum(terms: Sequence[Raised], axes: Indices, broadcast: bool) -> Expr:
    """The shortest expression found for a sum of terms; a zero of the right shape for none."""
    shape: Shape = tuple(i.size for i in axes)
    kept = merged(terms)
    if not kept:
        return zeros(shape)
    if len(kept) == 1:
        return spell(kept[0], axes, full=True)
    plain = _spell_plain(kept, axes, broadcast)
    if any(t.tensor is not None for t in kept):
        return plain
    pulled = _spell_pulled(kept, axes, broadcast)
    return pulled if pulled is not None and pulled.weight <= plain.weight else plain


def merged(terms: Sequence[Raised]) -> list[Raised]:
    """Like terms added up, in order of first appearance; vanished ones left out."""
    found: dict[tuple[object, ...], Raised] = {}
    for t in terms:
        key = t.key()
        before = found.get(key)
        coefficient = t.coefficient + (before.coefficient if before else 0)
        found[key] = replace(before or t, coefficient=coefficient)
    return [t for t in found.values() if t.coefficient]


# Common factors of all terms ----------------------------------------------------------------------


def _common(monos: Sequence[Mono]) -> Mono:
    """The powers that all products share: the smallest exponent of one sign."""
    first, *others = monos
    shared: Mono = {}
    for e, k in first.items():
        ks = [k, *(m.get(e, 0) for m in others)]
        if all(x > 0 for x in ks) or all(x < 0 for x in ks):
            shared[e] = min(ks)
        elif min(ks) < 0 and any(Fraction(x).denominator != 1 for x in ks) and all(ks):
            shared[e] = min(ks)
    return shared


def _without(mono: Mono, shared: Mono) -> Mono:
    rest = dict(mono)
    for e, k in shared.items():
        multiply_into(rest, e, -k)
    return rest


def content(coefficients: Sequence[Fraction]) -> Fraction:
    """The greatest common divisor, negative when all are."""
    top = gcd(*(abs(c).numerator for c in coefficients))
    bottom = 1
    for c in coefficients:
        bottom = bottom * c.denominator // gcd(bottom, c.denominator)
    value = Fraction(top, bottom)
    return -value if all(c < 0 for c in coefficients) else value


def _spell_pulled(terms: list[Raised], axes: Indices, broadcast: bool) -> Expr | None:
    """Common scalars and weights in front, the sum of what remains behind them."""
    if len({t.delta for t in terms}) > 1:
        shared_parts: list[Mono] = [_common([t.scalars for t in terms])]
        shared_parts += [{} for _ in range(len(axes) + 1)]
    else:
        shared_parts = [_common([t.parts()[k] for t in terms]) for k in range(len(axes) + 2)]
    number = content([t.coefficient for t in terms])
    if not any(shared_parts) and abs(number) == 1 and number > 0:
        return None
    rest = [
        replace(
            t,
            coefficient=t.coefficient / number,
            scalars=_without(t.scalars, shared_parts[0]),
            weights=tuple(
                _without(w, s) for w, s in zip(t.weights, shared_parts[1:-1], strict=True)
            ),
            mats=_without(t.mats, shared_parts[-1]),
        )
        for t in terms
    ]
    rest = expand_sums(rest, axes)
    scalars, weights, mats = shared_parts[0], shared_parts[1:-1], shared_parts[-1]
    if not rest:
        return zeros(tuple(i.size for i in axes))
    entry = bool(mats) or any(weights)
    if not entry:
        inner = spell_sum(rest, axes, broadcast)
        return scaled(number, scalars, factors_of(inner))
    return _spell_entrywise(number, scalars, weights, mats, rest, axes, broadcast)


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
            return spell(outer, axes, full=True)
    if len(axes) == 1:
        inner = spell_sum(rest, axes, True)
        outer = Raised(number, dict(scalars), (dict(weights[0]),))
        multiply_into(outer.weights[0], inner)
        return spell(outer, axes, full=True)
    if all(t.delta for t in rest):
        inner = spell_sum(
            [replace(t, weights=t.weights[:1], delta=False) for t in rest], axes[:1], True
        )
        outer = Raised(number, dict(scalars), (dict(weights[0]), {}), {}, True)
        multiply_into(outer.weights[0], inner)
        return spell(outer, axes, full=True)
    if any(t.delta for t in rest) and mats:
        return _with_eye(number, scalars, weights, mats, rest, axes)
    outer = Raised(number, dict(scalars), tuple(map(dict, weights)), dict(mats))
    inner = spell_sum(rest, axes, broadcast or bool(mats))
    multiply_into(outer.mats, inner)
    return spell(outer, axes, full=not broadcast)


def _with_eye(
    number: Fraction,
    scalars: Mono,
    weights: Sequence[Mono],
    mats: Mono,
    rest: list[Raised],
    axes: Indices,
) -> Expr:
    inner = spell_sum(rest, axes, False)
    outer = Raised(number, dict(scalars), tuple(map(dict, weights)), dict(mats))
    multiply_into(outer.mats, inner)
    return spell(outer, axes, full=True)


def expand_sums(terms: list[Raised], axes: Indices) -> list[Raised]:
    """Write out sums that stand alone in a term when that makes terms cancel or merge.

    (1 + r²) - r² becomes 1.
    """
    out: list[Raised] = []
    for t in terms:
        out.extend(_expanded(t, axes) or [t])
    shorter = merged(out)
    return shorter if len(shorter) < len(terms) else merged(terms)


def _expanded(t: Raised, axes: Indices) -> list[Raised] | None:
    filled = [(k, m) for k, m in enumerate(t.parts()) if m]
    if len(filled) != 1 or len(filled[0][1]) != 1 or t.delta:
        return None
    which, mono = filled[0]
    ((e, k),) = mono.items()
    if not is_(e, "add") or k != 1:
        return None
    at = {0: (), len(axes) + 1: axes}.get(which, axes[which - 1 : which] if which else ())
    pieces: list[Raised] = []
    for a in e.args:
        slots = at[len(at) - len(a.shape) :] if len(a.shape) <= len(at) else at
        if a.shape and len(a.shape) != len(at):
            return None
        opened = open_product(a, slots)
        piece = raise_term(opened, axes)
        pieces.append(replace(piece, coefficient=piece.coefficient * t.coefficient))
    return pieces


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
            whole.append((t.coefficient, t.scalars, word(t, axes, full=not broadcast)))
    written = [spell(t, axes, full=False) for t in loose]
    if whole:
        written = [factored(whole), *written] if len(axes) else [*_each(whole), *written]
    result = total(written)
    return _widened(result, axes)


def _each(items: Sequence[Item]) -> list[Expr]:
    return [scaled(*item) for item in items]


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
    """A sum of chains with the best common first or last factor pulled out, again and again."""
    plain = total(_each(items))
    if not 1 < len(items) <= MAX_FACTORED:
        return plain
    best = plain
    for group, last in _groups(items):
        inside = [items[k] for k in group]
        outside = [item for k, item in enumerate(items) if k not in group]
        grouped = _pull(inside, last)
        if grouped is None:
            continue
        candidate = factored([grouped, *outside]) if outside else scaled(*grouped)
        if candidate.weight < best.weight:
            best = candidate
    return best


def _groups(items: list[Item]) -> list[tuple[tuple[int, ...], bool]]:
    """The two most promising sets of items with the same first or the same last factor."""
    found: dict[tuple[Expr, bool], list[int]] = {}
    for k, (_, _, factors) in enumerate(items):
        if factors:
            found.setdefault((factors[0], False), []).append(k)
            found.setdefault((factors[-1], True), []).append(k)
    ranked = sorted(
        (
            (e.weight * (len(ks) - 1), tuple(ks), last)
            for (e, last), ks in found.items()
            if len(ks) > 1
        ),
        key=lambda r: -r[0],
    )
    return [(ks, last) for _, ks, last in ranked[:2]]


def _pull(items: list[Item], last: bool) -> Item | None:
    """F*A + F*B = F*(A + B), or A*F + B*F = (A + B)*F; nothing left of a product is the identity."""
    edge = items[0][2][-1 if last else 0]
    number = content([c for c, _, _ in items])
    shared = _common([s for _, s, _ in items])
    rest: list[Item] = []
    for c, s, factors in items:
        inner = factors[:-1] if last else factors[1:]
        if not inner:
            if len(edge.shape) != 2 and not last:
                return None
            inner = [apply("eye", params=(edge.shape[0 if last else 1],))]
        rest.append((c / number, _without(s, shared), inner))
    inner_sum = factored(rest)
    if inner_sum.shape == () or is_(inner_sum, "neg"):
        return None
    factors = [*factors_of(inner_sum), edge] if last else [edge, *factors_of(inner_sum)]
    return number, shared, chain(factors)
