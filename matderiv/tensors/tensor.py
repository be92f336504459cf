"""Index products: sums of terms, each a coefficient times factors with named indices.

`X'*(y.*s)` is the term X_ki y_k s_k with the free index i; an index that is not an axis is summed.
A factor is any expression with one index for each axis longer than 1, and an exponent; the
identity is the Kronecker delta, ones are no factor at all. Source: Laue, Mitterreiter & Giesen,
AAAI 2020.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from fractions import Fraction
from itertools import count
from math import prod
from typing import NamedTuple

from matderiv.expr import Expr, apply, is_, named_size
from matderiv.shapes import Size, long_axes
from matderiv.work import spend

_serial = count()


class Index:
    """A named axis of an index product; two indices are equal only if they are the same."""

    __slots__ = ("serial", "size")

    def __init__(self, size: Size) -> None:
        self.size = size
        self.serial = next(_serial)

    def __repr__(self) -> str:
        return f"i{self.serial}"


Indices = tuple[Index, ...]
Slots = tuple[Index | None, ...]  # one per axis of a shape, None for an axis of size 1
Exponent = int | Fraction


class Factor(NamedTuple):
    """An expression's entry at some indices, raised to an exponent."""

    expr: Expr
    indices: Indices
    exponent: Exponent = 1


class Term(NamedTuple):
    """A coefficient times factors."""

    coefficient: Fraction
    factors: tuple[Factor, ...]


class Tensor(NamedTuple):
    """A sum of terms with the given free axes."""

    axes: Indices
    terms: tuple[Term, ...]

    def mapped(self, change: Callable[[Factor], Factor]) -> Tensor:
        """The same sum with every factor changed."""
        terms = (Term(t.coefficient, tuple(map(change, t.factors))) for t in self.terms)
        return Tensor(self.axes, tuple(terms))


UNIT = Fraction(1)
ONE = Term(UNIT, ())


def fresh(size: Size) -> Index | None:
    """A new index for an axis; none is needed for an axis of size 1."""
    return None if size.__class__ is int and size == 1 else Index(size)


def factor(e: Expr, slots: Slots, exponent: Exponent = 1) -> Factor:
    """The factor `e` at the given slots; indices go with the long axes only."""
    at = tuple([i for k in long_axes(e.shape) if (i := slots[k]) is not None])
    return Factor(e, at, exponent)


# Normal form of a term ------------------------------------------------


def normalise(
    coefficient: Fraction,
    factors: Iterable[Factor],
    axes: Iterable[Index],
    summed: Iterable[Index] = (),
) -> Term:
    """Contract deltas and fusions, add exponents of equal factors, count vanished summations.

    Σ_j δ_ij T_j = T_i, F[P;a,b] F[P;c,d] = F[P;a,b] δ_ac δ_bd, and Σ_i 1 = n. Each contraction
    removes a factor, so it ends; the factors that are left do not depend on the order.
    """
    if not coefficient:
        return Term(Fraction(0), ())
    free = set(axes)
    work = list(factors)
    spend(20 + 5 * len(work))
    bound = {i for f in work for i in f.indices} | set(summed)
    gone: set[Index] = set()
    while (step := _contraction(work, free)) is not None:
        work, contracted = step
        gone.update(contracted)
    units = "unit" in [f.expr.function.name for f in work]
    merged: dict[tuple[Expr, Indices], Exponent] = {}
    for f in _entries(work) if units else work:
        at = (f.expr, f.indices)
        tied = f.expr.function.name in ("eye", "fuse")
        merged[at] = f.exponent if tied else merged.get(at, 0) + f.exponent
    kept = [Factor(e, i, k) for (e, i), k in merged.items() if k]
    if units:
        if (met := _units(kept, free)) is None:
            return Term(Fraction(0), ())
        kept, picked = met
        gone |= picked
    left = (bound - free - gone).difference(*[f.indices for f in kept])
    for index in sorted(left, key=lambda i: i.serial):
        kept.extend(size_factors(index.size))
        coefficient *= size_coefficient(index.size)
    return _fold_numbers(coefficient, kept) if left else Term(coefficient, tuple(kept))


def _entries(factors: list[Factor]) -> list[Factor]:
    """Vectors that meet unit vectors are their entries there: e_k(i) v_i = v_k e_k(i)."""
    met = {f.indices[0]: f.expr for f in factors if is_(f.expr, "unit") and f.indices}
    return [
        f._replace(expr=apply("sum", met[f.indices[0]] * f.expr, params=(None,)), indices=())
        if len(f.expr.shape) == len(f.indices) == 1
        and f.indices[0] in met
        and not is_(f.expr, "unit")
        else f
        for f in factors
    ]


def _units(factors: list[Factor], free: set[Index]) -> tuple[list[Factor], set[Index]] | None:
    """Unit vectors met by others: e_i e_i = e_i and Σ_i e_i = 1, an index that is gone.

    None where two unlike places meet: their product is 0.
    """
    units = [f for f in factors if is_(f.expr, "unit") and f.indices and f.exponent > 0]
    if not units:
        return factors, set()
    at = {(f.indices[0], f.expr.params[1]) for f in units}
    places = Counter(i for i, place in at if isinstance(place, int))
    if max(places.values(), default=0) > 1:
        return None
    used = Counter(i for f in factors for i in f.indices)
    alone = {i for i, _ in at if used[i] == 1 and i not in free}
    kept = [f for f in factors if f not in units or f.indices[0] not in alone]
    return [f._replace(exponent=1) if f in units else f for f in kept], alone


def size_factors(size: Size, exponent: Exponent = 1) -> list[Factor]:
    """The named parts of a size as scalar factors; its whole part is left to the caller."""
    if isinstance(size, int):
        return []
    return [Factor(named_size(name), (), exponent) for name in size.names]


def size_coefficient(size: Size) -> int:
    """The whole-number part of a size."""
    return size if isinstance(size, int) else size.coefficient


def _fold_numbers(coefficient: Fraction, factors: list[Factor]) -> Term:
    """Equal scalar factors that came from sizes are merged."""
    merged: dict[tuple[Expr, Indices], Exponent] = {}
    for f in factors:
        merged[f.expr, f.indices] = merged.get((f.expr, f.indices), 0) + f.exponent
    return Term(coefficient, tuple(Factor(e, i, k) for (e, i), k in merged.items() if k))


Step = tuple[list[Factor], Indices]  # what is left, and the indices that were contracted


def _contraction(factors: list[Factor], free: set[Index]) -> Step | None:
    for k, f in enumerate(factors):
        name = f.expr.function.name
        if name == "eye":
            i, j = f.indices
            rest = factors[:k] + factors[k + 1 :]
            if i is j:
                return rest, ()
            if j not in free:
                return _rename(rest, j, i), (j,)
            if i not in free:
                return _rename(rest, i, j), (i,)
        elif name == "fuse":
            step = _fusion(factors, k, free)
            if step is not None:
                return step
    return None


def _fusion(factors: list[Factor], k: int, free: set[Index]) -> Step | None:
    f = factors[k]
    rest = factors[:k] + factors[k + 1 :]
    joined, first, second = f.indices
    for g in rest:
        if g.expr is f.expr and g is not f:
            others = [h for h in factors if h is not g]
            if g.indices[0] is joined:
                pairs = ((first, g.indices[1]), (second, g.indices[2]))
                return others + [delta(a, b) for a, b in pairs], ()
            if g.indices[1:] == (first, second):
                return [*others, delta(joined, g.indices[0])], ()
    elsewhere = {i for g in rest for i in g.indices} | free
    if joined not in elsewhere:
        return rest, (joined,)
    if first not in elsewhere and second not in elsewhere and first is not second:
        return rest, (first, second)  # but Σ_i F[P;i,i] is the entry of vec(I)
    return None


def delta(i: Index, j: Index) -> Factor:
    """The Kronecker delta of two indices."""
    return Factor(apply("eye", params=(i.size,)), (i, j))


def _rename(factors: list[Factor], old: Index, new: Index) -> list[Factor]:
    return [
        Factor(f.expr, tuple(new if i is old else i for i in f.indices), f.exponent)
        if old in f.indices
        else f
        for f in factors
    ]


def renamed(term: Term, mapping: dict[Index, Index]) -> Term:
    """The term with indices replaced all at once."""
    if not mapping:
        return term
    return Term(
        term.coefficient,
        tuple(
            Factor(f.expr, tuple(mapping.get(i, i) for i in f.indices), f.exponent)
            for f in term.factors
        ),
    )


def product(*terms: Term) -> Term:
    """The product of terms, not yet in normal form."""
    numbers = [t.coefficient for t in terms if t.coefficient is not UNIT]
    coefficient = prod(numbers[1:], start=numbers[0]) if numbers else UNIT
    return Term(coefficient, tuple([f for t in terms for f in t.factors]))


def like_terms(tensor: Tensor) -> Tensor:
    """The terms with free deltas read in one direction, equal ones added up.

    X_ij δ_ik and X_kj δ_ik are the same: the earlier axis names the entry.
    """
    found: dict[frozenset[tuple[Factor, int]], Term] = {}
    for t in tensor.terms:
        plain = _read_deltas(t, tensor.axes)
        key = frozenset(Counter(plain.factors).items())
        before = found.get(key)
        found[key] = Term(plain.coefficient + (before.coefficient if before else 0), plain.factors)
    return Tensor(tensor.axes, tuple(t for t in found.values() if t.coefficient))


def _read_deltas(t: Term, axes: Indices) -> Term:
    place = {i: k for k, i in enumerate(axes)}
    factors = list(t.factors)
    for f in t.factors:
        if is_(f.expr, "eye") and all(i in place for i in f.indices):
            first, second = sorted(f.indices, key=place.__getitem__)
            rest = [g for g in factors if not is_(g.expr, "eye")]
            deltas = [g for g in factors if is_(g.expr, "eye") and g is not f]
            factors = [Factor(f.expr, (first, second)), *deltas, *_rename(rest, second, first)]
    return Term(t.coefficient, tuple(factors))


LETTERS = "ijklmnpqrstuvwabcdefgh"


def index_letters(count: int, taken: Collection[str]) -> list[str]:
    """So many names for indices, none of which is taken; i22, i23, ... after the alphabet.

    >>> index_letters(3, {"k", "x"})
    ['i', 'j', 'l']
    """
    found = [c for c in LETTERS if c not in taken][:count]
    k = len(LETTERS)
    while len(found) < count:
        if f"i{k}" not in taken:
            found.append(f"i{k}")
        k += 1
    return found
