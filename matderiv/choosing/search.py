"""One search for the shortest form of a sum: what was spelled before, and what it may still cost.

The moves of the search lead to smaller sums, and to the same ones by several ways. So each sum is
spelled once, and the work is counted: beyond `MAX_WORK` a sum is written as it stands.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from matderiv.choosing.items import Item
from matderiv.expr import Expr, is_, walk
from matderiv.reducing.raising import Raised
from matderiv.tensors.tensor import Indices
from matderiv.words.chains import MAX_CHAIN

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

    def keep(self, key: Key, form: Expr) -> Expr:
        """Remember a form, unless the search for it was cut short."""
        if not self.ended:
            self.forms[key] = form
        return form

    def sum_of(self, terms: Sequence[Raised], axes: Indices, broadcast: bool) -> Expr:
        """The shortest form of a smaller sum, within the same search."""
        return self.spell(terms, axes, broadcast, self)


def limits_met(e: Expr, typed: Collection[Expr], cut: bool = False) -> tuple[str, ...]:
    """Notes on the parts of a result that were too long to be searched; none for most results.

    Nodes in `typed` are the user's own and are never rewritten. `cut` says that a search was ended.

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
