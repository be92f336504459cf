"""Sums of raised terms before they are spelled: like terms, common powers, brackets written out."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import gcd
from typing import NamedTuple

from matderiv.expr import Expr, apply, is_
from matderiv.functions.elementwise import OPPOSITE
from matderiv.numeric.poles import is_mask
from matderiv.reducing.raising import Raised, on_the_diagonal, place_of_entries, raise_term
from matderiv.tensors.lower import open_product
from matderiv.tensors.tensor import Indices
from matderiv.words.monomials import Mono, multiply_into
from matderiv.words.signs import inlined

MAX_SPREAD = 4  # brackets are multiplied out in sums of at most so many terms


def merged(terms: Sequence[Raised]) -> list[Raised]:
    """Like terms added up, in order of first appearance; vanished ones left out."""
    if len(terms) == 1:
        return [t for t in terms if t.coefficient]
    found: dict[tuple[object, ...], Raised] = {}
    for t in terms:
        key = t.key()
        before = found.get(key)
        found[key] = (
            replace(before, coefficient=before.coefficient + t.coefficient) if before else t
        )
    return [t for t in found.values() if t.coefficient]


def common(monos: Sequence[Mono], deep: bool = True) -> Mono:
    """The powers that all products share, of one sign.

    Of u^-1 and u^-2 they share u^-2 when `deep`, which clears the denominator, u^-1 otherwise.
    Beside masks u and u^0.5 share nothing: u may be negative where the root is not chosen.

    >>> u, v = variable("u"), variable("v")
    >>> common([{u: 2, v: 1}, {u: 1}]) == {u: 1}, common([{u: 1}, {u: -1}])
    (True, {})
    """
    first, *others = monos
    shared: Mono = {}
    for e, k in first.items():
        ks = [k, *(m.get(e, 0) for m in others)]
        if len({k.denominator for k in ks}) > 1 and any(map(_chooses, monos)):
            continue
        if all(x > 0 for x in ks) or all(x < 0 for x in ks):
            shared[e] = min(ks) if deep or ks[0] > 0 else max(ks)
        elif min(ks) < 0 and any(x.denominator != 1 for x in ks) and all(ks):
            shared[e] = min(ks)
    return shared


def _chooses(mono: Mono) -> bool:
    return any(is_mask(e) or is_(e, "where") for e in mono)


def without(mono: Mono, shared: Mono) -> Mono:
    """What is left of a product of powers when shared ones are taken out."""
    rest = dict(mono)
    for e, k in shared.items():
        multiply_into(rest, e, -k)
    return rest


def content(coefficients: Sequence[Fraction]) -> Fraction:
    """The common numeric factor: of whole numbers, or of equal ones; negative when all are.

    >>> content([Fraction(4), Fraction(-6)]), content([Fraction(1, 2), Fraction(3)])
    (Fraction(2, 1), Fraction(1, 1))
    """
    sizes = {abs(c) for c in coefficients}
    value = Fraction(1)
    if len(sizes) == 1:
        value = sizes.pop()
    elif all(c.denominator == 1 for c in coefficients):
        value = Fraction(gcd(*(c.numerator for c in coefficients)))
    return -value if all(c < 0 for c in coefficients) else value


class MaskedTerms(NamedTuple):
    """Terms with a test and terms with its opposite, the masks taken off, and all other terms.

    `which` is the part of the terms where the masks were: 0 for a test that is a scalar.
    """

    test: Expr
    sides: tuple[list[Raised], list[Raised]]
    rest: list[Raised]
    which: int
    delta: bool


def choice(terms: Sequence[Raised], axes: Indices) -> MaskedTerms | None:
    """The terms of (z > 0).*a + (z <= 0).*b + c, sorted by their mask; None without two masks."""
    for t in terms:
        own = 1 if t.delta else place_of_entries(axes)
        masks = [(w, m, k) for w in {own, 0} for m, k in t.parts()[w].items()]
        for which, mask, k in masks:
            other = _opposite(mask)
            if other is None or k != 1 or is_(mask, "le", "lt"):
                continue  # a choice is written by the opposite of these
            sides: tuple[list[Raised], list[Raised]] = ([], [])
            rest = []
            for u in terms:
                mono = u.parts()[which] if u.delta == t.delta or not which else {}
                side = 0 if mono.get(mask) == 1 else 1 if mono.get(other) == 1 else None
                if side is None:
                    rest.append(u)
                else:
                    sides[side].append(_without_mask(u, which, (mask, other)[side]))
            if all(sides):
                return MaskedTerms(mask, sides, rest, which, t.delta and which > 0)
    return None


def _opposite(test: Expr) -> Expr | None:
    """The mask that is 1 where this one is 0; None for what is no mask."""
    name = OPPOSITE.get(test.function.name)
    return None if name is None else apply(name, *test.args)


def _without_mask(t: Raised, which: int, mask: Expr) -> Raised:
    parts = [dict(m) for m in t.parts()]
    del parts[which][mask]
    return replace(t, scalars=parts[0], weights=tuple(parts[1:-1]), mats=parts[-1])


def expanded(t: Raised, axes: Indices) -> list[Raised] | None:
    """The terms of a short sum that stands alone in a term, scalars apart."""
    if t.tensor is not None:
        return None
    filled = [(k, m) for k, m in enumerate(t.parts()) if m and k]
    if not filled and len(t.scalars) == 1:
        filled = [(0, t.scalars)]
    if len(filled) != 1 or len(filled[0][1]) != 1 or t.delta:
        return None
    which, mono = filled[0]
    ((e, k),) = mono.items()
    if not inlined(e) or k != 1:
        return None
    at = {0: (), len(axes) + 1: axes}.get(which, axes[which - 1 : which] if which else ())
    pieces: list[Raised] = []
    for a in e.args:
        if a.shape and len(a.shape) != len(at):
            return None
        piece = raise_term(open_product(a, at if a.shape else ()), axes)
        scalars = dict(piece.scalars)
        for base, power in t.scalars.items() if which else ():
            multiply_into(scalars, base, power)
        coefficient = piece.coefficient * t.coefficient
        pieces.append(replace(piece, coefficient=coefficient, scalars=scalars))
    return pieces


def multiplied_out(terms: list[Raised], axes: Indices) -> list[Raised] | None:
    """The terms with one bracket each multiplied out, entry by entry, if terms then cancel."""
    if not 1 < len(terms) <= MAX_SPREAD:
        return None
    pieces = [p for t in terms for p in (_bracket_out(t, axes) or [t])]
    fewer = merged(pieces)
    return fewer if len(fewer) < len(pieces) and len(pieces) > len(terms) else None


def over_one_denominator(
    terms: list[Raised], axes: Indices
) -> tuple[list[Mono], list[Raised]] | None:
    """What is below the line of several fractions, and their numerators, if terms then cancel.

    (1 - y)/(1 - p) - y/p has the denominators 1 - p and p and the numerators p and -y.

    >>> p, q, y = (variable(name) for name in "pqy")
    >>> first = Raised(Fraction(1), {1 - y: 1, 1 - p: -1})
    >>> found = over_one_denominator([first, Raised(Fraction(-1), {y: 1, p: -1})], ())
    >>> found is not None and [t.scalars for t in found[1]] == [{p: 1}, {y: 1}]
    True
    >>> over_one_denominator([first, Raised(Fraction(1), {q: -1})], ()) is None
    True
    """
    if not 1 < len(terms) <= MAX_SPREAD or any(t.delta or t.tensor is not None for t in terms):
        return None
    parts = [t.parts() for t in terms]
    below: list[Mono] = []
    for monos in zip(*parts, strict=True):
        bases = dict.fromkeys(e for m in monos for e, k in m.items() if k < 0)
        below.append({e: min(m.get(e, 0) for m in monos) for e in bases})
    if all(m.get(e, 0) < 0 for t in parts for m, b in zip(t, below, strict=True) for e in b):
        return None
    above = []
    for t in terms:
        up = [without(m, b) for m, b in zip(t.parts(), below, strict=True)]
        above.append(replace(t, scalars=up[0], weights=tuple(up[1:-1]), mats=up[-1]))
    fewer = multiplied_out(above, axes)
    return None if fewer is None else (below, fewer)


def _bracket_out(t: Raised, axes: Indices) -> list[Raised] | None:
    """u.*(a + b) as u.*a and u.*b, for the first bracket among the entries of a term."""
    for which, mono in enumerate(t.parts()):
        for e, k in mono.items():
            if k != 1 or not is_(e, "add") or t.delta:
                continue
            alone = Raised(Fraction(1), {}, tuple({} for _ in t.weights), tensor=t.tensor)
            alone.parts()[which][e] = k
            inner = expanded(alone, axes)
            if inner is not None and all(piece.tensor is None for piece in inner):
                return [product_with(t, piece, which, e) for piece in inner]
    return None


def product_with(t: Raised, piece: Raised, which: int, e: Expr) -> Raised:
    """The term with one of its factors replaced by a piece."""
    parts = [dict(m) for m in t.parts()]
    del parts[which][e]
    for mono, more in zip(parts, piece.parts(), strict=True):
        for base, k in more.items():
            multiply_into(mono, base, k)
    coefficient = t.coefficient * piece.coefficient
    weights, mats = tuple(parts[1:-1]), parts[-1]
    if piece.delta:
        weights, mats = on_the_diagonal(weights, mats)
    return Raised(coefficient, parts[0], weights, mats, piece.delta)
