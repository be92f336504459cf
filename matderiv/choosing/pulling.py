"""Common scalars and entries of all terms of a sum, in front of it."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from matderiv.choosing.items import inside
from matderiv.choosing.search import Search
from matderiv.choosing.terms import common, content, without
from matderiv.expr import Expr, zeros
from matderiv.reducing.raising import Raised, spell
from matderiv.tensors.tensor import Indices
from matderiv.words.monomials import Mono, multiply_into, scaled


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
    """A number, scalars and entries times the sum of the rest."""
    scalars, weights, mats = shared[0], shared[1:-1], shared[-1]
    if not rest:
        return zeros(tuple(i.size for i in axes))
    if not mats and not any(weights):
        return scaled(*inside(number, scalars, search.sum_of(rest, axes, broadcast)))
    return _entrywise(number, scalars, weights, mats, rest, axes, broadcast, search)


def _shared(terms: list[Raised], deep: bool) -> list[Mono]:
    """The common powers of scalars, weights and matrices; of scalars only beside deltas."""
    count = len(terms[0].weights) + 2
    if len({t.delta for t in terms}) > 1:
        return [common([t.scalars for t in terms], deep), *({} for _ in range(count - 1))]
    return [common([t.parts()[k] for t in terms], deep) for k in range(count)]


def _entrywise(
    number: Fraction,
    scalars: Mono,
    weights: Sequence[Mono],
    mats: Mono,
    rest: list[Raised],
    axes: Indices,
    broadcast: bool,
    search: Search,
) -> Expr:
    """Common entries times the sum of the rest, entry by entry.

    >>> str(derive("sum(u.*x.^2 + u.*x)", "x")), str(derive("sum(u.*x.^2 + v.*x)", "x"))
    ('u.*(2*x + 1)', '2*u.*x + v')
    """
    if all(not any(t.weights) and not t.mats and not t.delta for t in rest):
        outer = Raised(number, dict(scalars), tuple(weights), mats)
        inner = search.sum_of([replace(t, weights=()) for t in rest], (), broadcast)
        if len(axes) == 1 or mats or any(weights):
            multiply_into(outer.scalars, inner)
            return spell(outer, axes, diagonal=not broadcast)
    if len(axes) == 1:
        inner = search.sum_of(rest, axes, True)
        outer = Raised(number, dict(scalars), (dict(weights[0]),))
        multiply_into(outer.weights[0], inner)
        return spell(outer, axes, diagonal=not broadcast)
    if all(t.delta for t in rest):
        inner = search.sum_of(
            [replace(t, weights=t.weights[:1], delta=False) for t in rest], axes[:1], True
        )
        outer = Raised(number, dict(scalars), (dict(weights[0]), {}), {}, True)
        multiply_into(outer.weights[0], inner)
        return spell(outer, axes, diagonal=not broadcast)
    outer = Raised(number, dict(scalars), tuple(map(dict, weights)), dict(mats))
    loose = bool(mats) and not any(t.delta for t in rest)
    inner = search.sum_of(rest, axes, broadcast or loose)
    multiply_into(outer.mats, inner)
    return spell(outer, axes, diagonal=not broadcast)
