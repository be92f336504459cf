"""Sums of chains: common first and last factors of products, and brackets multiplied out.

A factor is pulled out only when that lowers the weight, so pulling ends.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from matderiv.choosing.items import (
    Item,
    inside,
    item_of,
    key_of,
    like,
    ones_as_number,
    opened,
    variants,
    without_brackets,
)
from matderiv.choosing.terms import common, content, without
from matderiv.expr import Expr, apply, contains, is_, walk
from matderiv.reducing.raising import Raised, raise_term, spell
from matderiv.tensors.lower import open_product
from matderiv.tensors.tensor import Index, Indices
from matderiv.words.chains import (
    MAX_CHAIN,
    chain,
    column,
    factors_of,
    matrix_product,
    transposed,
    transposed_chain,
    turned,
)
from matderiv.words.monomials import multiply_into, scaled
from matderiv.words.signs import shortest, total
from matderiv.work import spend

MAX_WORK = 400  # terms looked at for one sum; one of 500 textbook results takes more
HEAVY = 2_000  # symbols of a sum that nobody reads as a whole: its factors have names when shown,
FEW = 50  # and so many of its terms are looked at
MAX_FACTORED = 12  # sums of more terms are not searched for common factors of chains

Key = tuple[object, ...]
Spell = Callable[[Sequence[Raised], Indices, bool, "Search"], Expr]
_FORM = "the form may not be the shortest"


@dataclass
class Search:
    """The forms found so far for one sum and its parts, and the terms looked at for them.

    The moves of the search lead to smaller sums, and to the same ones by several ways. So each sum
    is spelled once, and beyond `MAX_WORK` terms a sum is written as it stands.
    `spread` keeps terms with a bracket multiplied out. `spell` spells a sum of terms; `cut` says
    that some search was ended by the bound. `fractions` asks for one denominator where that is
    shorter; it would hide the separate terms from a second derivative.

    >>> search = Search(lambda terms, axes, broadcast, search: terms[0])
    >>> search.may_look_at(MAX_WORK), search.may_look_at(1), search.cut
    (True, False, True)
    >>> search.begin()
    >>> search.may_look_at(1), search.cut
    (True, True)
    """

    spell: Spell
    forms: dict[Key, Expr] = field(default_factory=dict)
    spread: dict[Key, list[Item]] = field(default_factory=dict)
    work: int = 0
    most: int = MAX_WORK
    ended: bool = False
    cut: bool = False
    fractions: bool = False

    def begin(self, symbols: int = 0) -> None:
        """A new sum of so many symbols; what was found before is forgotten: a form depends on its
        sum only."""
        self.forms.clear()
        self.spread.clear()
        self.work, self.ended = 0, False
        self.most = MAX_WORK if symbols < HEAVY else FEW

    def may_look_at(self, terms: int) -> bool:
        """Count some terms; False when the bound is met and a sum is to stay as it stands."""
        self.work += terms
        if self.work > self.most:
            self.ended = self.cut = True
        return not self.ended

    def form(self, key: Key, make: Callable[[], Expr]) -> Expr:
        """A form that was found before, or a new one, kept unless its search was cut short."""
        found = self.forms.get(key)
        if found is None:
            found = make()
            if not self.ended:
                self.forms[key] = found
        return found

    def sum_of(self, terms: Sequence[Raised], axes: Indices, broadcast: bool) -> Expr:
        """The shortest form of a smaller sum, within the same search."""
        return self.spell(terms, axes, broadcast, self)


def limits_met(e: Expr, typed: Collection[Expr], cut: bool = False) -> tuple[str, ...]:
    """Notes on the parts of a result that were too long to be searched; none for most results.

    Nodes in `typed` are the user's own and are never rewritten. `cut` says that a search was ended.
    A bound on lengths matters only where the result has a part beyond it, that on work always.

    >>> x = [variable(f"x{k}") for k in range(MAX_FACTORED + 1)]
    >>> (note,) = limits_met(apply("add", *x), ())
    >>> note[:57], note[-11:]
    ('the form may not be the shortest: common factors are look', 'this has 13')
    >>> limits_met(apply("add", *x), {apply("add", *x)}), limits_met(apply("add", *x[1:]), ())
    ((), ())
    >>> limits_met(x[0], (), cut=True)
    ('the form may not be the shortest: the search was ended after at most 400 terms of one sum',)
    """
    sums, products = 0, 0
    for node in walk(e):
        if node not in typed:
            if is_(node, "add"):
                sums = max(sums, len(node.args))
            elif is_(node, "mul", "hadamard"):
                products = max(products, len(node.args))
    found = []
    if sums > MAX_FACTORED:
        found.append(
            f"{_FORM}: common factors are looked for in sums of up to {MAX_FACTORED} terms, "
            f"this has {sums}"
        )
    if products > MAX_CHAIN:
        found.append(
            f"{_FORM}: products of up to {MAX_CHAIN} factors are rearranged, this has {products}"
        )
    if cut:
        found.append(f"{_FORM}: the search was ended after at most {MAX_WORK} terms of one sum")
    return tuple(found)


def factored(items: list[Item], search: Search) -> Expr:
    """A sum of chains with the best common factors pulled out, again and again.

    >>> [text(factored(items(t), new_search())) for t in ("A*x + B*x", "A*x + B*y")]
    ['(A + B)*x', 'A*x + B*y']
    """
    items = like(items)
    return search.form(tuple(map(key_of, items)), lambda: _factored(items, search))


def _factored(items: list[Item], search: Search) -> Expr:
    spend(100 + 50 * len(items))
    number = abs(content([c for c, _, _ in items]))
    if len(items) > 1 and number != 1:
        c, s, f = item_of(factored([(c / number, s, f) for c, s, f in items], search))
        return scaled(c * number, s, f)
    plain = total([search.form(("item", *key_of(t)), partial(scaled, *t)) for t in items])
    if not 1 < len(items) <= MAX_FACTORED or not search.may_look_at(len(items)):
        return plain
    fewer = _multiplied_out(items, search)
    if fewer:
        return shortest((plain, *fewer))
    forms = [plain, *_together(items, search), *_mirrored(items, search)]
    for group, pull in _groups(items):
        outside = [item for k, item in enumerate(items) if k not in group]
        grouped = pull(search)
        if grouped is not None:
            forms.append(factored([grouped, *outside], search) if outside else scaled(*grouped))
    without = opened(items, [_spread(item, search) for item in items], MAX_FACTORED)
    if len(without) > len(items):
        forms.append(factored(without, search))
    return shortest(forms)


def _spread(item: Item, search: Search) -> list[Item]:
    """The item with its first bracket multiplied out."""
    key = key_of(item)
    found = search.spread.get(key)
    if found is None:
        found = search.spread[key] = without_brackets(item)
    return found


def _multiplied_out(items: list[Item], search: Search) -> list[Expr]:
    """The sum with brackets multiplied out, if terms then merge or cancel.

    >>> [text(e) for e in _multiplied_out(items("(A + B)*x - B*x"), new_search())]
    ['A*x']
    >>> _multiplied_out(items("(A + B)*x - C*x"), new_search())
    []
    """
    spread = [piece for item in items for piece in _spread(item, search)]
    if len(spread) == len(items) or len(spread) > MAX_FACTORED:
        return []
    fewer = like(spread)
    return [factored(fewer, search)] if len(fewer) < len(spread) else []


def _together(items: list[Item], search: Search) -> list[Expr]:
    """diag(u) + diag(v) = diag(u + v), the inner sum in its own shortest form.

    >>> [text(e) for e in _together(items("diag(x) + diag(y)"), new_search())]
    ['diag(x + y)']
    >>> _together(items("diag(x) + A"), new_search())
    []
    """
    if not all(len(f) == 1 and is_(f[0], "diag") and len(f[0].shape) == 2 for _, _, f in items):
        return []
    i = Index(items[0][2][0].shape[0])
    terms = []
    for c, s, (e,) in items:
        t = _entries(column(e.args[0]), i)
        scalars = dict(t.scalars)
        for base, k in s.items():
            multiply_into(scalars, base, k)
        terms.append(replace(t, coefficient=t.coefficient * c, scalars=scalars))
    inner = search.sum_of(terms, (i,), True)
    opened = _entries(inner, i)
    opened.weights = (opened.weights[0], {})
    opened.delta = True
    return [spell(opened, (i, i))]


def _entries(e: Expr, i: Index) -> Raised:
    """A vector, or a matrix of one column, as a term over its one long axis."""
    return raise_term(open_product(e, (i,) if len(e.shape) == 1 else (i, None)), (i,))


def _mirrored(items: list[Item], search: Search) -> list[Expr]:
    """B'*A' + D'*C' = (A*B + C*D)' where that has fewer transposes.

    >>> [text(e) for e in _mirrored(items("B'*A' + D'*C'"), new_search())]
    ["(A*B + C*D)'"]
    >>> _mirrored(items("B'*A + D*C"), new_search())
    []
    """
    if any(not f or len(f[0].shape) != 2 or len(f[-1].shape) != 2 for _, _, f in items):
        return []
    if not any([contains(e, "transpose") for _, _, f in items for e in f]):
        return []
    mirror = [(c, s, transposed_chain(f)) for c, s, f in items]
    before, after = (sum(e.weight for _, _, f in form for e in f) for form in (items, mirror))
    if after + 1 >= before:
        return []
    c, s, f = item_of(factored(mirror, search))
    whole = matrix_product(f)
    forms = [turned(whole)] if len(whole.shape) == 1 else [turned(whole), transposed(whole)]
    return [scaled(c, s, factors_of(shortest(forms)))]


Pull = Callable[[Search], Item | None]
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


def _pull_scalar(e: Expr, side: str, items: list[Item], search: Search) -> Item | None:
    """s*A + s*B = s*(A + B).

    >>> s = read("x'*y").expr
    >>> found = _pull_scalar(s, "scalar", items("(x'*y)*A + (x'*y)*B"), new_search())
    >>> found is not None and text(scaled(*found))
    "(x'*y)*(A + B)"
    """
    number = content([c for c, _, _ in items])
    shared = common([s for _, s, _ in items])
    rest = [(c / number, without(s, shared), f) for c, s, f in items]
    inner = factored(rest, search)
    return None if is_(inner, "neg") else inside(number, shared, inner)


def _pull(edge: Expr, side: str, items: list[Item], search: Search) -> Item | None:
    """F*A + F*B = F*(A + B), or A*F + B*F = (A + B)*F; the identity where nothing is left.

    >>> x, A = (read(t).expr for t in "xA")
    >>> last = _pull(x, "last", items("A*x + B*x"), new_search())
    >>> first = _pull(A, "first", items("A*B + 2*A"), new_search())
    >>> [text(scaled(*found)) for found in (last, first) if found is not None]
    ['(A + B)*x', 'A*(B + 2*eye(n))']
    """
    last = side == "last"
    number = content([c for c, _, _ in items])
    shared = common([s for _, s, _ in items])
    inner = [f[:-1] if last else f[1:] for _, _, f in items]
    rests = [(c / number, without(s, shared)) for c, s, _ in items]
    if not any(inner):
        weight = search.sum_of([Raised(c, s) for c, s in rests], (), True)
        multiply_into(shared, weight)
        return number, shared, [edge]
    if not all(inner):
        if len(edge.shape) != 2 and not last:
            return None
        identity = apply("eye", params=(edge.shape[0 if last else 1],))
        inner = [f or [identity] for f in inner]
    whole = factored([(c, s, f) for (c, s), f in zip(rests, inner, strict=True)], search)
    if whole.shape == () or is_(whole, "neg"):
        return None
    whole = ones_as_number(whole)
    factors = [*factors_of(whole), edge] if last else [edge, *factors_of(whole)]
    return number, shared, chain(factors)
