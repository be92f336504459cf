"""Sums of terms: like terms, common factors and entries, and the shortest way to write them.

The cost of a form is its `weight`, the symbols a reader meets. A factor is pulled out only when
that lowers the cost, so pulling ends.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from matderiv.choosing.factoring import MAX_FACTORED, Key, Search, factored
from matderiv.choosing.items import Item, inside
from matderiv.choosing.polynomials import MAX_DEGREE, as_polynomial, product_form
from matderiv.choosing.terms import (
    choice,
    common,
    content,
    expanded,
    merged,
    multiplied_out,
    over_one_denominator,
    without,
)
from matderiv.expr import Expr, apply, is_, zeros
from matderiv.reducing.ordering import spelling_key
from matderiv.reducing.raising import Raised, place_of_entries, raise_term, spell, word
from matderiv.tensors.lower import open_product
from matderiv.tensors.tensor import Indices, Tensor
from matderiv.words.chains import matrix_product, transposed
from matderiv.words.monomials import Mono, multiply_into, scaled
from matderiv.words.signs import shortest, total

MAX_GROUPED = 6  # in sums of more terms no common entries of a few terms are looked for,
MAX_GROUPS = 3  # and of so many groups only


def pulled(
    terms: list[Raised], axes: Indices, broadcast: bool, deep: bool, search: Search
) -> Expr | None:
    """Common scalars and weights in front, the sum of what remains behind them.

    >>> u, x, y = (variable(name, (3,)) for name in "uxy")
    >>> both = [Raised(Fraction(1), {}, ({u: 1, v: 1},)) for v in (x, y)]
    >>> found = pulled(both, (Index(3),), True, True, new_search())
    >>> found is not None and text(found)
    'u.*(x + y)'
    >>> apart = [Raised(Fraction(1), {}, ({v: 1},)) for v in (x, y)]
    >>> pulled(apart, (Index(3),), True, True, new_search()) is None
    True
    """
    shared_parts = _shared(terms, deep)
    if not deep and (not any(shared_parts) or shared_parts == _shared(terms, True)):
        return None
    number = content([t.coefficient for t in terms])
    if not any(shared_parts) and number == 1:
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
    return in_front(number, shared_parts, rest, axes, broadcast, search)


def in_front(
    number: Fraction,
    shared: Sequence[Mono],
    rest: list[Raised],
    axes: Indices,
    broadcast: bool,
    search: Search,
) -> Expr:
    """A number, scalars and entries times the sum of the rest.

    >>> str(derive("sum(u.*x.^2 + u.*x)", "x")), str(derive("sum(u.*x.^2 + v.*x)", "x"))
    ('u.*(2*x + 1)', '2*u.*x + v')
    """
    scalars, weights, mats = shared[0], shared[1:-1], shared[-1]
    if not rest:
        return zeros(tuple(i.size for i in axes))
    if not mats and not any(weights):
        return scaled(*inside(number, scalars, search.sum_of(rest, axes, broadcast)))
    if all(not any(t.weights) and not t.mats and not t.delta for t in rest):
        outer = Raised(number, dict(scalars), tuple(weights), mats)
        plain = [replace(t, weights=()) for t in rest]
        multiply_into(outer.scalars, search.sum_of(plain, (), broadcast))
    elif len(axes) == 1:
        outer = Raised(number, dict(scalars), (dict(weights[0]),))
        multiply_into(outer.weights[0], search.sum_of(rest, axes, True))
    elif all(t.delta for t in rest):
        outer = Raised(number, dict(scalars), (dict(weights[0]), {}), {}, True)
        diagonal = [replace(t, weights=t.weights[:1], delta=False) for t in rest]
        multiply_into(outer.weights[0], search.sum_of(diagonal, axes[:1], True))
    else:
        outer = Raised(number, dict(scalars), tuple(map(dict, weights)), dict(mats))
        loose = bool(mats) and not any(t.delta for t in rest)
        multiply_into(outer.mats, search.sum_of(rest, axes, broadcast or loose))
    return spell(outer, axes, diagonal=not broadcast)


def _shared(terms: list[Raised], deep: bool) -> list[Mono]:
    """The common powers of scalars, weights and matrices; of scalars only beside deltas."""
    count = len(terms[0].weights) + 2
    if len({t.delta for t in terms}) > 1:
        return [common([t.scalars for t in terms], deep), *({} for _ in range(count - 1))]
    return [common([t.parts()[k] for t in terms], deep) for k in range(count)]


def raise_tensor(tensor: Tensor, broadcast: bool, search: Search | None = None) -> Expr:
    """The sum of index products as an expression over its axes.

    With `broadcast`, constants and rows in a sum are left to broadcasting. A `search` that is
    handed in tells afterwards whether it was cut short.

    >>> short("A*x + B*x"), short("A*x + B*y")
    ('(A + B)*x', 'A*x + B*y')
    """
    terms = [raise_term(t, tensor.axes) for t in tensor.terms if t.coefficient]
    search = search if search is not None else new_search()
    search.begin(sum(f.expr.weight for t in tensor.terms for f in t.factors))
    return spell_sum(terms, tensor.axes, broadcast, search)


def new_search() -> Search:
    """A search for shortest forms that has not found any yet."""
    return Search(spell_sum)


def spell_sum(terms: Sequence[Raised], axes: Indices, broadcast: bool, search: Search) -> Expr:
    """The shortest expression found for a sum of terms; a zero of the right shape for none."""
    kept = merged(terms)
    if len(kept) < 2:
        return _spell_merged(kept, axes, broadcast, search)
    key: Key = (broadcast, *(i.size for i in axes), *(t.spelling() for t in kept))
    return search.form(key, lambda: _searched(kept, axes, broadcast, search))


def _searched(kept: list[Raised], axes: Indices, broadcast: bool, search: Search) -> Expr:
    """The shortest of a sum as it is, with brackets multiplied out, and with its terms opened."""
    if not search.may_look_at(len(kept)):
        return _spell_plain(kept, axes, broadcast, search)
    forms = [_spell_merged(kept, axes, broadcast, search)]
    fewer = multiplied_out(kept, axes)
    if fewer is not None:
        forms.append(spell_sum(fewer, axes, broadcast, search))
    fraction = over_one_denominator(kept, axes) if search.fractions else None
    if fraction is not None:
        forms.append(in_front(Fraction(1), *fraction, axes, broadcast, search))
    if len(kept) <= MAX_FACTORED:
        written_out = merged([piece for t in kept for piece in (expanded(t, axes) or [t])])
        if len(written_out) <= MAX_FACTORED and {t.key() for t in written_out} != {
            t.key() for t in kept
        }:
            forms.append(_spell_merged(written_out, axes, broadcast, search))
    return _spell_polynomial(kept, axes, shortest(forms))


def _spell_polynomial(terms: list[Raised], axes: Indices, sofar: Expr) -> Expr:
    """1 - 3*s + 2*s^2 as (1 - s)*(1 - 2*s), entry by entry; a product may be a symbol longer.

    >>> short("1 - 3*s + 2*s^2", s=""), short("1 + s + s^2", s="")
    ('(1 - s)*(1 - 2*s)', '1 + s + s^2')
    """
    found = as_polynomial(terms) if 1 < len(terms) <= MAX_DEGREE + 1 else None
    factors = product_form(found) if found is not None else None
    if found is None or factors is None:
        return sofar
    product = Raised(found.content, weights=tuple({} for _ in axes))
    for e in factors:
        multiply_into(product.parts()[found.which], e)
    e = spell(product, axes)
    return e if e.weight <= sofar.weight + found.flat * is_(sofar, "add") else sofar


def _spell_merged(kept: list[Raised], axes: Indices, broadcast: bool, search: Search) -> Expr:
    if not kept:
        return zeros(tuple(i.size for i in axes))
    if len(kept) == 1:
        return spell(kept[0], axes, diagonal=not broadcast)
    plain = _spell_plain(kept, axes, broadcast, search)
    if any(t.tensor is not None for t in kept):
        return plain
    chosen = _spell_choice(kept, axes, broadcast, search)
    if chosen is not None and chosen.weight <= plain.weight:
        return chosen
    in_front = [e for deep in (True, False) if (e := pulled(kept, axes, broadcast, deep, search))]
    return shortest((*in_front, plain, *_spell_grouped(kept, axes, broadcast, search)))


def _spell_grouped(
    terms: list[Raised], axes: Indices, broadcast: bool, search: Search
) -> list[Expr]:
    """u.*a + u.*b + c as u.*(a + b) + c, for the entries that save most.

    >>> short("x.*y + x.*z + w", w="n"), short("x.*y + z + w", w="n")
    ('x.*(y + z) + w', 'x.*y + z + w')
    """
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
        together = pulled([terms[k] for k in group], axes, broadcast, True, search)
        if together is not None and len(together.shape) == len(axes) and not is_(together, "add"):
            opened_again = raise_term(open_product(together, axes), axes)
            rest = [t for k, t in enumerate(terms) if k not in group]
            forms.append(_spell_merged(merged([opened_again, *rest]), axes, broadcast, search))
    return forms


def _spell_choice(
    terms: list[Raised], axes: Indices, broadcast: bool, search: Search
) -> Expr | None:
    """(z > 0).*a + (z <= 0).*b = where(z > 0, a, b), beside whatever else is in the sum.

    >>> short("(z > 0).*x + (z <= 0).*y"), short("(z > 0).*x + (w <= 0).*y")
    ('where(z>0,x,y)', 'x.*(z>0) + y.*(w<=0)')
    """
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
            branches.append(spell_sum(plain, inner, bool(found.which), search))
        else:
            branches.append(spell_sum([replace(t, weights=()) for t in plain], (), True, search))
    chosen = Raised(Fraction(1), weights=tuple({} for _ in axes), delta=found.delta)
    if branches[0] is branches[1]:
        return spell_sum([*found.sides[0], *found.rest], axes, broadcast, search)
    e = apply("where", found.test, *branches)
    chosen.parts()[1 if found.delta else place_of_entries(axes)][e] = 1
    return _spell_merged(merged([chosen, *found.rest]), axes, broadcast, search)


def _spell_plain(terms: list[Raised], axes: Indices, broadcast: bool, search: Search) -> Expr:
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
        written.insert(0, factored(whole, search))
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
