"""The search for one change of an answer that makes it right, or for two.

Small changes of the answer's own tree are tried in numbers at a few points, likely ones first; the
first that holds there and passes the whole verification is reported. The commonest pairs are a
transpose, an order or a product, and a sign or a factor: a first change is tried at every place;
what is left must be a factor of one term, which follows from two evaluations, or another layout.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from matderiv.choosing.items import multiplied
from matderiv.expr import Expr, is_, walk
from matderiv.verification.mistakes.confusions import (
    chain_factors,
    context_of,
    functions,
    sizes_of,
    slopes,
    surroundings,
    terms,
)
from matderiv.verification.mistakes.diagnosis import (
    Diagnosis,
    Said,
    explained,
    short,
    spelled,
    tidied,
)
from matderiv.verification.mistakes.edits import (
    EditContext,
    Family,
    Path,
    Sketch,
    axes,
    drawn,
    factors,
    fewer_factors,
    fewer_terms,
    inverses,
    multiples,
    names,
    orders,
    places,
    powers,
    products,
    reductions,
    replaced,
    signs,
    sketch,
    symmetric,
    transposes,
)
from matderiv.verification.mistakes.layouts import in_another_layout, scaled_by_number
from matderiv.verification.mistakes.solving import CauseSearch, factor_of, missing_term
from matderiv.words.signs import total

BUDGET = 4_000  # changes of one family tried before the search goes on
TOTAL = 12_000  # changes of all families
HEAVY = 10**9  # symbols that no answer has
WHOLE = 6  # symbols that a term of the whole may cost more than one inside a bracket
LIGHTEST = ("wrong-function",)  # families of which not the first right change is told
FIRSTS = 400  # first changes tried
TERMS = 1_000  # terms of answers with a first change whose factor is asked for
FIRST: tuple[tuple[str, Family], ...] = (
    ("hadamard-for-product", products),
    ("transpose", transposes),
    ("sign", signs),
    ("order-of-factors", orders),
    ("sum-for-mean", reductions),
    ("axis", axes),
    ("power", powers),
)
SECOND: tuple[tuple[str, Family], ...] = (
    ("factor", multiples),
    ("factor", factors),
    ("symmetric-shortcut", symmetric),
    ("extra-term", fewer_terms),
    ("wrong-function", slopes),
    ("wrong-function", functions),
    ("extra-factor", fewer_factors),
    ("inverse", inverses),
    ("wrong-variable", names),
)
MISSING: tuple[tuple[str, Family], ...] = (
    ("missing-chain-factor", chain_factors),
    ("missing-chain-factor", surroundings),
    ("missing-term", terms),
)
FAMILIES = (*FIRST, ("symmetric-shortcut", symmetric))
"""The kinds of mistakes that are looked for, likely ones first, with their codes; the last are the
first of two changes."""
Found = Diagnosis | None


class Edits:
    """The search for one change; `left` and `total` count the changes that may still be tried."""

    def __init__(self, search: CauseSearch, root: Sketch) -> None:
        self.search, self.root = search, root
        self.spots = places(root)
        self.left = 0
        self.total = TOTAL
        self.weight_of_last = 0  # of the corrected answer found last
        self.lightest = HEAVY  # only lighter answers are looked for
        self.context = EditContext((), sizes=sizes_of(search.asked))

    def likely(self) -> Found:
        """The commonest mistakes: a transpose, a sign, an order, an axis, an exponent, a factor."""
        for code, family in FIRST:
            if found := self._first(code, family):
                return found
        return self.scaled([])

    def further(self) -> Found:
        """Mistakes that need proposals: another function or name, a factor or a term missing."""
        self.context = context_of(self.search, self.root)
        for code, family in SECOND:
            if found := self._first(code, family):
                return found
        return self._missing()

    def _first(self, code: str, family: Family) -> Found:
        """The first change of a family that makes the answer right, of some the lightest."""
        self.left, self.lightest = BUDGET, HEAVY
        if code not in LIGHTEST:
            return next(self._tried(code, family), None)
        *_, found = None, *self._tried(code, family)
        return found

    def changes(self, family: Family) -> Iterator[tuple[Path, Sketch, Sketch, Said]]:
        """Every change of a family: place, part, what stands there instead, words."""
        for path, part in self.spots:
            above = self._above(path)
            for new, said in family(part, above, self.context):
                self.left -= 1
                self.total -= 1
                if self.left < 0 or self.total < 0:
                    return
                if new.expr is not None and new.expr is not part.expr:
                    yield path, part, new, said if isinstance(said, Said) else Said(said)

    def _tried(self, code: str, family: Family) -> Iterator[Diagnosis]:
        """Changes of a family that make the answer right; each lighter than those before."""
        for path, part, new, said in self.changes(family):
            e = self.whole(path, new)
            if e is not None and e.weight < self.lightest and self.search.right(e):
                self.lightest = e.weight
                yield explained(named(code, path, part, new), part.expr, new.expr, e, said)

    def _missing(self) -> Found:
        """A factor or a term that is missing: the lightest correction."""
        pool = [t.expr for t in self.context.pool if t.expr is not None]
        best = self.scaled(pool)
        self.lightest = HEAVY if best is None else self.weight_of_last
        for code, family in MISSING:
            self.left = BUDGET
            *_, best = best, *self._tried(code, family)
        if best is not None and best.code == "missing-term":
            self.lightest += WHOLE  # a term of the whole is told with its coefficient
        added = self._added(pool)
        return added if added is not None and self.weight_of_last < self.lightest else best

    def scaled(self, pool: list[Expr]) -> Found:
        """A term that needs a factor: a number, a size, or a scalar part of the formulas."""
        if self.root.expr is None:
            return None
        proposed = pool or [s.expr for s in self.context.sizes if s.expr is not None]
        for path, part in self.spots:
            above = self._above(path)
            if part.expr is None or (above is not None and above.name in _LINEAR):
                continue
            doubled = self.whole(path, sketch("hadamard", 2, part))
            if doubled is None:
                continue
            factor = factor_of(self.search, self.root.expr, doubled, proposed)
            if factor is None or _cancels(factor, part.expr):
                continue
            new = drawn(multiplied(factor, part.expr))
            whole = self.whole(path, new)
            if whole is None or not self.search.right(whole):
                continue
            self.weight_of_last = max(whole.weight, self.root.expr.weight + factor.weight)
            plain = not pool or is_(factor, "number", "size")
            minus = is_(factor, "number") and factor.params[0] == -1
            code = "sign" if minus else "factor" if plain else "missing-chain-factor"
            said = Said("With the other sign") if minus else Said("With the factor", factor)
            return replace(explained(code, part.expr, new.expr, whole, said), part=factor)
        return None

    def _added(self, pool: list[Expr]) -> Found:
        """What the whole lacks, as a multiple of a part of the formulas."""
        if self.root.expr is None:
            return None
        term = missing_term(self.search, self.root.expr, pool)
        if term is None:
            return None
        self.weight_of_last = (self.root.expr + term).weight
        return lacking(self.search, self.root.expr, term)

    def whole(self, path: Path, new: Sketch) -> Expr | None:
        """The answer with another part at a place; None where nothing fits or nothing changes."""
        found = replaced(self.root, path, new)
        return None if found is None or found.expr is self.root.expr else found.expr

    def _above(self, path: Path) -> Sketch | None:
        if not path:
            return None
        part = self.root
        for k in path[:-1]:
            part = part.args[k]
        return part


def lacking(search: CauseSearch, e: Expr, term: Expr) -> Found:
    """What is said about an answer that is right with a further term."""
    term = tidied(term)
    corrected = tidied(total([e, term]))
    if not search.right(corrected):
        return None
    right = spelled(corrected)
    said = f"The term {short(spelled(term))} is missing. The whole: {short(right)}."
    return Diagnosis("missing-term", said, right, term, corrected)


def _cancels(factor: Expr, e: Expr) -> bool:
    """True for a factor that divides by what a part says: it would put the truth in its place."""
    below = [n.args[1] for n in walk(factor) if is_(n, "div", "ediv")]
    return bool({d for b in below for d in (b, *b.args) if d.args and not d.shape} & {*walk(e)})


_LINEAR = ("mul", "hadamard", "neg", "transpose", "div", "sum", "mean", "diag")


def named(code: str, path: Path, part: Sketch, new: Sketch) -> str:
    """The code of a change; a transpose of the whole is another layout."""
    turned = part in new.args or new in part.args
    return "other-layout" if code == "transpose" and not path and turned else code


# Two changes --------------------------------------------------------------------------------------


def two_changes(search: CauseSearch, root: Sketch) -> Diagnosis | None:
    """Two changes that make an answer right together; None where no common pair does.

    >>> asked = ask("norm2(A*x - b)^2", "x", shapes={"b": "m"})
    >>> search = CauseSearch.of(asked, None, 0)
    >>> print(two_changes(search, drawn(read_answer(asked, "(A*x - b)'*A"))).code)
    other-layout+factor
    """
    if root.expr is not None:
        turned = scaled_by_number(search, root.expr, turned=True)
        if turned is not None:
            return turned
    left = TERMS
    for whole_only in (True, False):
        for first, e in _firsts(search, root):
            if whole_only:
                second = in_another_layout(search, e) or scaled_by_number(search, e)
            else:
                edits = Edits(search, drawn(e))
                left -= len(edits.spots)
                second = edits.scaled([]) if left > 0 else None
            if second is not None and second.corrected is not None:
                return joined(first(), second)
    return None


def _firsts(search: CauseSearch, root: Sketch) -> Iterator[tuple[Callable[[], Diagnosis], Expr]]:
    """Answers with one change, and what would be said about it."""
    edits = Edits(search, root)
    edits.total = FIRSTS
    for code, family in FAMILIES:
        edits.left = FIRSTS
        for path, part, new, said in edits.changes(family):
            e = edits.whole(path, new)
            if e is not None:
                code_here = named(code, path, part, new)
                yield partial(explained, code_here, part.expr, new.expr, e, said), e


def joined(first: Diagnosis, second: Diagnosis) -> Diagnosis:
    """Two corrections as one diagnosis."""
    codes = dict.fromkeys([*first.code.split("+"), *second.code.split("+")])
    message = f"Two things are off. {first.change}. {second.change}."
    right = second.suggestion
    if right is not None and right not in message:
        message += f" The whole: {right}."
    return Diagnosis("+".join(codes), message, right, first.part, second.corrected)
