"""Derivatives: the differential of each node, carried backwards or forwards over the graph.

Backwards, the adjoint of a node is ∂f/∂node. Each node's differential, linear in the change of an
argument, is lowered to index products; dropping the change leaves the local Jacobian, and its
product with the adjoint is the argument's share. Reverse rules are never written: they are the
transposes of the differentials. Every adjoint is named once, so size and time are linear in the
expression. Source: Griewank & Walther 2008, ch. 3; Laue, Mitterreiter & Giesen, NeurIPS 2018.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from matderiv.calculus.spectral import commuting, share_by_name
from matderiv.choosing.factoring import HEAVY, Search
from matderiv.choosing.sums import new_search, raise_tensor
from matderiv.errors import NoRule
from matderiv.expr import Expr, apply, dependents, is_, tangent
from matderiv.functions.algebra import spread
from matderiv.lazy import later
from matderiv.shapes import Shape, long_axes
from matderiv.tensors.lower import lower, open_product
from matderiv.tensors.tensor import (
    UNIT,
    Factor,
    Index,
    Indices,
    Slots,
    Tensor,
    Term,
    delta,
    normalise,
    product,
    renamed,
)
from matderiv.words.signs import inlined

if TYPE_CHECKING:
    from matderiv.calculus import ties
else:
    (ties,) = later("calculus.ties")

MAX_DISTRIBUTED = 4  # adjoints of at most so many terms are also handed on term by term
MAX_TERMS = 8  # an adjoint of more terms becomes one factor, so that sizes stay linear


def differential(node: Expr, which: int, moving: Container[Expr] = ()) -> Expr | None:
    """The change of a node that comes from the change dX of argument `which`; None if it is zero.

    `moving` are the nodes that depend on the variable. Raises NoRule when the function has no
    derivative here.
    """
    function, x = node.function, node.args[which]
    change = tangent(x.shape)
    slope = commuting(node, moving) if moving and which == 0 else None
    if slope is not None:
        return slope @ change
    if function.kind == "elementwise":
        partial = function.partials[which](*node.args, node)
        if isinstance(partial, int):
            return change if partial == 1 else None
        return apply("hadamard", partial, change)
    if function.kind == "primitive" and function.differential is not None:
        total = function.differential(node, which, change)
        shared = function.attained is not None and ties.tied(node)
        return total / function.attained(node) if shared and function.attained else total
    if function.kind == "sum":
        return change
    if function.kind == "structural":
        args = [change if k == which else a for k, a in enumerate(node.args)]
        return apply(function.name, *args, params=node.params)
    raise NoRule(
        f"the derivative of {function.label} is not known here",
        hint="its value can be evaluated; write it in functions that `matderiv rules` lists",
    )


def slots_at(shape: Shape, axes: Indices) -> Slots:
    """One slot per axis of a shape, filled with indices for the long axes."""
    slots: list[Index | None] = [None] * len(shape)
    for k, index in zip(long_axes(shape), axes, strict=True):
        slots[k] = index
    return tuple(slots)


def axes_of(shape: Shape) -> Indices:
    """New indices for the long axes of a shape."""
    return tuple([Index(shape[k]) for k in long_axes(shape)])


# Backwards ----------------------------------------------------------------------------------------


class Share(NamedTuple):
    """What one node hands to one argument on the way back, with axes (outer, argument)."""

    node: Expr
    which: int
    tensor: Tensor


class Visit(NamedTuple):
    """One node on the way back: its adjoint with axes (outer, node), and its shares."""

    node: Expr
    adjoint: Tensor
    shares: tuple[Share, ...]


@dataclass
class Sweep:
    """One backward pass: the nodes on the way, their axes, and the adjoints found so far.

    `search` tells afterwards whether the form of some adjoint was not searched to the end.
    """

    nodes: list[Expr]
    outer: Indices
    axes: dict[Expr, Indices]
    adjoints: dict[Expr, list[Term]]
    search: Search = field(default_factory=new_search)


def pullback(
    f: Expr,
    wrt: Expr,
    upstream: Expr | None = None,
    visits: list[Visit] | None = None,
    search: Search | None = None,
) -> Tensor:
    """∂f/∂wrt with axes (f, wrt), or with an upstream Ȳ the adjoint Σ Ȳ ∂f/∂wrt with axes wrt.

    A scalar f needs no upstream: its gradient is the pullback of 1. `visits` is filled with every
    node on the way back, for views of the derivation. `search` is told of bounds that were met.
    """
    return pullbacks(f, (wrt,), upstream, visits, search)[wrt]


def pullbacks(
    f: Expr,
    wrt: Sequence[Expr],
    upstream: Expr | None = None,
    visits: list[Visit] | None = None,
    search: Search | None = None,
) -> dict[Expr, Tensor]:
    """The pullbacks to several variables, from one sweep: adjoints on the way are found once."""
    inner = axes_of(f.shape)
    if upstream is not None:
        outer: Indices = ()
        seed = open_product(upstream, slots_at(upstream.shape, inner))
    else:
        outer = tuple(Index(i.size) for i in inner)
        seed = Term(UNIT, tuple(map(delta, outer, inner)))
    nodes = dependents(f, *wrt)
    axes = {n: axes_of(n.shape) for n in nodes}
    sweep = Sweep(nodes, outer, axes, {n: [] for n in nodes}, search or new_search())
    found = {x: Tensor(outer + sweep.axes.setdefault(x, axes_of(x.shape)), ()) for x in wrt}
    sweep.axes[f] = sweep.axes[f] if f in found else inner
    sweep.adjoints[f] = [renamed(seed, dict(zip(inner, sweep.axes[f], strict=True)))]
    for node in reversed(nodes):
        whole = Tensor(outer + sweep.axes[node], tuple(sweep.adjoints.pop(node)))
        if node in found:
            if visits is not None:
                visits.append(Visit(node, whole, ()))
            found[node] = whole
            continue
        terms = collapse(whole, not outer, sweep.search)
        shares: list[Share] = []
        for which, x in reversed(list(enumerate(node.args))):
            if x in sweep.adjoints and terms:
                share = shorter_share(node, which, sweep, terms, whole)
                sweep.adjoints[x] = share + sweep.adjoints[x]  # in reading order
                if visits is not None:
                    tensor = Tensor(outer + sweep.axes[x], tuple(share))
                    shares.insert(0, Share(node, which, tensor))
        if visits is not None:
            visits.append(Visit(node, Tensor(whole.axes, tuple(terms)), tuple(shares)))
    return found


def shorter_share(
    node: Expr, which: int, sweep: Sweep, terms: list[Term], whole: Tensor
) -> list[Term]:
    """The argument's share of the adjoint, from the adjoint as one factor or term by term.

    Term by term is tried for short sums, where factors may cancel that a bracket would hide.
    """
    if (named := _share_by_name(node, which, sweep, whole)) is not None:
        return named
    share = _share(node, which, sweep, terms)
    axes = sweep.outer + sweep.axes[node.args[which]]
    pieces = _pieces(node, node.args[which], terms, whole) if len(axes) <= 2 else ()
    if not 1 < len(pieces) <= MAX_DISTRIBUTED:
        return share
    if sum(f.expr.weight for t in terms for f in t.factors) > HEAVY:
        return share
    spread_out = _share(node, which, sweep, pieces)
    first, second = (
        raise_tensor(Tensor(axes, tuple(t)), not sweep.outer, sweep.search).weight
        for t in (share, spread_out)
    )
    return spread_out if second < first else share


def _share_by_name(node: Expr, which: int, sweep: Sweep, whole: Tensor) -> list[Term] | None:
    """What the adjoint of a node hands on where the record names the map and the result is one
    array; None elsewhere."""
    if node.function.adjoint is None or sweep.outer or commuting(node, sweep.axes) is not None:
        return None
    x = node.args[which]
    share = share_by_name(node, which, raise_tensor(whole, False, sweep.search))
    return None if share is None else [open_product(share, slots_at(x.shape, sweep.axes[x]))]


def _pieces(node: Expr, x: Expr, terms: Sequence[Term], whole: Tensor) -> Sequence[Term]:
    """The adjoint term by term; nodes that hand it on unchanged need not look at it.

    Where it is summed over an axis, to reach an argument that was broadcast, the bracket is looked
    into: sums of centred values vanish there.
    """
    if len(terms) != 1:
        return ()
    broadcast = is_(node, "add") and x.shape != node.shape
    if is_(node, "add", "neg", "transpose") and not broadcast:
        return ()
    if len(whole.terms) == 1 and (broadcast or is_(node, "sum", "mean", "log_softmax")):
        return _split(terms[0], set(whole.axes))
    return whole.terms


def _split(term: Term, axes: set[Index]) -> Sequence[Term]:
    """u*(a + b) as the terms u*a and u*b, for the first short sum among the factors."""
    for k, f in enumerate(term.factors):
        if inlined(f.expr) and f.exponent == 1:
            rest = Term(term.coefficient, term.factors[:k] + term.factors[k + 1 :])
            slots = slots_at(f.expr.shape, f.indices)
            opened = (open_product(a, spread(a.shape, slots, f.expr.shape)) for a in f.expr.args)
            return [normalise(*product(rest, o), axes | set(f.indices)) for o in opened]
    return ()


def _share(node: Expr, which: int, sweep: Sweep, terms: Sequence[Term]) -> list[Term]:
    """What the adjoint of a node hands on to one argument."""
    x = node.args[which]
    change = differential(node, which, sweep.axes)
    if change is None:
        return []
    slots = slots_at(node.shape, sweep.axes[node])
    place_of = (x.shape, sweep.axes[x], sweep.outer)
    out = []
    for local in lower(change, spread(change.shape, slots, node.shape)):
        summed = (*sweep.axes[node], *local.summed)
        for term in terms:
            place = AdjointPlace(local.slots, *place_of)
            out.append(at_axes(product(term, local.term), place, summed))
    return out


class AdjointPlace(NamedTuple):
    """Where dX stood, and the axes its adjoint shall have beside the outer ones."""

    slots: Slots
    shape: Shape
    axes: Indices
    outer: Indices


def at_axes(term: Term, place: AdjointPlace, summed: Indices) -> Term:
    """A term from which dX was dropped, with the slots of dX renamed to the adjoint's axes.

    A slot that is used twice, or that is an outer axis, is tied to its axis by a delta.
    """
    slots = [place.slots[k] for k in long_axes(place.shape)]
    factors, mapping = list(term.factors), dict[Index, Index]()
    for index, axis in zip(slots, place.axes, strict=True):
        assert index is not None
        if index in mapping or index in place.outer:
            factors.append(delta(index, axis))
        else:
            mapping[index] = axis
    factors = [
        Factor(f.expr, tuple([mapping.get(i, i) for i in f.indices]), f.exponent)
        if f.indices
        else f
        for f in factors
    ]
    # A delta written before its slot was renamed names the slot's axis now.
    left = [i for i in summed if i not in mapping]
    return normalise(term.coefficient, factors, place.outer + place.axes, left)


def collapse(whole: Tensor, broadcast: bool, search: Search | None = None) -> list[Term]:
    """The adjoint as one factor where it has a matrix form, else its like terms merged.

    Long sums become one einsum factor, so that terms do not multiply from node to node.
    """
    constant = len(whole.terms) == 1 and all(is_(f.expr, "eye") for f in whole.terms[0].factors)
    if constant or (len(whole.axes) > 2 and len(whole.terms) <= MAX_TERMS):
        return list(whole.terms)
    if len(whole.terms) == 1 and len(whole.terms[0].factors) == 1:
        coefficient, ((alone, axes, exponent),) = whole.terms[0]
        if axes == whole.axes and exponent == 1 and coefficient.numerator > 0:  # has its form
            opened = open_product(alone, slots_of_result(alone, axes))
            return [opened._replace(coefficient=coefficient * opened.coefficient)]
    e = raise_tensor(whole, broadcast, search)
    if is_(e, "zeros"):
        return []
    return [open_product(e, slots_of_result(e, whole.axes))]


def slots_of_result(e: Expr, axes: Indices) -> Slots:
    """The slots of a raised expression over its axes (n x 1 matrices stand for vectors)."""
    long = iter(axes)
    return tuple(None if s == 1 else next(long) for s in e.shape)


# Forwards -----------------------------------------------------------------------------------------


def pushforward(
    f: Expr, wrt: Expr, change: Expr | None = None, search: Search | None = None
) -> Tensor:
    """∂f/∂wrt with axes (f, wrt), carried forwards; with a change dX the differential of f."""
    nodes = dependents(f, wrt)
    alive = set(nodes)
    seed_axes = axes_of(wrt.shape)
    if change is not None:
        inner: Indices = ()
        seed = open_product(change, slots_at(wrt.shape, seed_axes))
    else:
        inner = axes_of(wrt.shape)
        seed = Term(UNIT, tuple(map(delta, seed_axes, inner)))
    tangents: dict[Expr, Tensor] = {wrt: Tensor(seed_axes + inner, (seed,))}
    for node in nodes:
        if node is wrt:
            continue
        axes = axes_of(node.shape)
        terms = [
            t
            for which, x in enumerate(node.args)
            if x in alive
            for t in _pushed(node, which, axes, tangents[x], inner, alive)
        ]
        whole = Tensor(axes + inner, tuple(terms))
        kept = collapse(whole, not inner, search) if node is not f else whole.terms
        tangents[node] = Tensor(whole.axes, tuple(kept))
    return tangents.get(f, Tensor(axes_of(f.shape) + inner, ()))


def _pushed(
    node: Expr, which: int, axes: Indices, source: Tensor, inner: Indices, moving: Container[Expr]
) -> list[Term]:
    """The share of one argument's tangent in a node's tangent."""
    if node.function.along is not None and not inner and commuting(node, moving) is None:
        named = node.function.along(node, which, raise_tensor(source, False))
        if named is not None:
            return [open_product(named, slots_at(node.shape, axes))]
    change = differential(node, which, moving)
    if change is None:
        return []
    shape = node.args[which].shape
    out = []
    for local in lower(change, spread(change.shape, slots_at(node.shape, axes), node.shape)):
        at = [i for k in long_axes(shape) if (i := local.slots[k]) is not None]
        count = len(source.axes) - len(inner)
        mapping = dict(zip(source.axes[:count], at, strict=True))
        for term in source.terms:
            whole = product(renamed(term, mapping), local.term)
            out.append(normalise(*whole, axes + inner, (*at, *local.summed)))
    return out
