"""Which single change makes a wrong answer right.

Small changes of the answer's own tree are tried in numbers at a few points, likely ones first; the
first that holds there and passes the whole verification is reported. The symbolic derivative only
proposes terms and factors; it never decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from matderiv.calculus.derivation import differentiate
from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply, fold, is_, number, rebuild, variables, walk
from matderiv.input.answers import answer_source
from matderiv.input.source import Source
from matderiv.output.text import decimal, number_text, text
from matderiv.shapes import size_names
from matderiv.verification.addends import wrong_terms
from matderiv.verification.claims import ARRANGEMENTS, Asked, arrangements, conventional
from matderiv.verification.completions import MISSING
from matderiv.verification.edits import FIRST, SECOND, Context, Family, pooled, unary_functions
from matderiv.verification.sketch import Path, Sketch, drawn, from_source, places, replaced, sketch
from matderiv.verification.solving import (
    Search,
    factor_of,
    missing_term,
    product,
    ratios,
    recognised,
)
from matderiv.verification.valuation import further_names, valuations

POINTS = 3
BUDGET = 4_000  # changes of one family tried before the search goes on
POOL = 160  # terms and factors proposed
SHOWN = 160  # characters of a formula in a message
ROUND = 12  # decimals are read as fractions with denominators up to this


@dataclass(frozen=True)
class Diagnosis:
    """A code, a message for a person, the corrected answer as text, and the part that is new."""

    code: str
    message: str
    suggestion: str | None = None
    part: Expr | None = None


def diagnose(asked: Asked, e: Expr, *, seed: int = 0) -> Diagnosis | None:
    """What is wrong with an answer that is not the derivative; None if nothing can be said.

    >>> from matderiv.verification.claims import ask, read_answer
    >>> asked = ask("norm2(A*x)^2", "x")
    >>> print(diagnose(asked, read_answer(asked, "A'*A*x")).message)
    Your answer is off by a factor: multiplied by 2 it is right, 2*A'*A*x.
    """
    search = _search(asked, e, seed)
    if search is None:
        return None
    for attempt in (_layout, _ratio, _rounded):
        found = attempt(search, e)
        if found is not None:
            return found
    return Edits(search, drawn(e)).found() or _terms(search, e)


def diagnose_text(asked: Asked, answer: Any, *, seed: int = 0) -> Diagnosis | None:
    """The same for a text whose sizes do not fit together."""
    if not isinstance(answer, str):
        return None
    known = {**asked.reading.variables, **dict(asked.reading.parts), **asked.extra}
    source = answer_source(answer, asked.reading, asked.extra)
    return None if source is None else diagnose_source(asked, source, known, seed=seed)


def diagnose_source(
    asked: Asked, source: Source, known: dict[str, Expr], *, seed: int = 0
) -> Diagnosis | None:
    """The same for a source tree, however it was spelled; `known` has the meaning of its names."""
    root = from_source(source, known)
    search = None if root is None else _search(asked, None, seed)
    return None if root is None or search is None else Edits(search, root).found()


def _search(asked: Asked, e: Expr | None, seed: int) -> Search | None:
    structure = asked.structure or "projected"
    points = valuations(asked, structure, POINTS, seed, further_names(asked, e))
    return Search(asked, structure, points, seed) if points else None


def rounded(asked: Asked, e: Expr, *, seed: int = 0) -> Diagnosis | None:
    """That decimals stand for fractions; None if reading them so makes no right answer."""
    search = _search(asked, e, seed)
    return None if search is None else _rounded(search, e)


# The whole ---------------------------------------------------------------------------------------


def _layout(search: Search, e: Expr) -> Diagnosis | None:
    """The answer itself in another layout."""
    fitting = arrangements(search.asked, e.shape)
    for name in ARRANGEMENTS:
        if name in fitting and not conventional(search.asked, name) and search.holds(e, name):
            what = "the transpose" if "transposed" in name else "the stacked form (vec)"
            said = f"Right in another layout. This is {what} of the {search.asked.kind}."
            return Diagnosis("other-layout", said, turned_text(e))
    return None


def turned_text(e: Expr) -> str | None:
    """The transpose as text; None where there is none."""
    if len(e.shape) not in (1, 2):
        return None
    return text(e.args[0] if is_(e, "transpose") else e.T)


def _ratio(search: Search, e: Expr) -> Diagnosis | None:
    """The answer times a number, or times a product of sizes."""
    values = search.values(e)
    found = None if values is None else ratios(search, [v.truth for v in search.points], values)
    if found is None:
        return None
    sizes = [apply("size", params=(n,)) for n in sorted(search.points[0].point.sizes)]
    factor = recognised(search, found, sizes)
    if factor is None:
        return None
    corrected = product(factor, e)
    if not search.confirmed(corrected):
        return None
    right = text(corrected)
    if is_(factor, "number") and factor.params[0] == -1:
        return Diagnosis("sign", f"The sign is wrong. Right: {_short(right)}.", right)
    said = f"Your answer is off by a factor: multiplied by {text(factor)} it is right"
    return Diagnosis("factor", f"{said}, {_short(right)}.", right, factor)


def _rounded(search: Search, e: Expr) -> Diagnosis | None:
    """Decimals that stand for fractions: 0.333 for 1/3."""
    read: dict[str, str] = {}

    def exact(node: Expr, args: tuple[Expr, ...]) -> Expr:
        if not is_(node, "number"):
            return rebuild(node, args)
        value: Fraction = node.params[0]
        near = value.limit_denominator(ROUND)
        found = decimal(value)
        if found is None or found[1] < 2 or not 0 < abs(near - value) < Fraction(1, 10 ** found[1]):
            return node
        read[number_text(value)] = number_text(near)
        return number(near)

    whole = fold(e, exact)
    if not read or not search.holds(whole) or not search.confirmed(whole):
        return None
    said = ", ".join(f"{a} is read as {b}" for a, b in read.items())
    return Diagnosis("rounded-constant", f"It agrees when {said}.", text(whole))


def _terms(search: Search, e: Expr) -> Diagnosis | None:
    """Which additive terms are right, when no single change helps."""
    good, bad = wrong_terms(search, e, _right_forms(search))
    if not good or not bad:
        return None
    agree, off = (", ".join(_short(text(t)) for t in ts) for ts in (good, bad))
    return Diagnosis("term", f"The term {agree} is right; look again at {off}.")


# One change --------------------------------------------------------------------------------------


@dataclass
class Best:
    """The lightest right answer found so far."""

    weight: int
    diagnosis: Diagnosis | None = None


class Edits:
    """The search for one change of an answer that makes it right."""

    def __init__(self, search: Search, root: Sketch) -> None:
        self.search, self.root = search, root
        self.spots = places(root)
        self.left = BUDGET
        self.weight_of_last = 0  # of the corrected answer found last
        self.context = Context((), sizes=_sizes(search.asked))

    def found(self) -> Diagnosis | None:
        """The change, if there is one."""
        for code, family in FIRST:
            if found := self._first(code, family):
                return found
        if found := self._scaled([]):
            return found
        self.context = _context(search=self.search, root=self.root)
        for code, family in SECOND:
            if found := self._first(code, family):
                return found
        return self._missing()

    def _first(self, code: str, family: Family) -> Diagnosis | None:
        self.left = BUDGET
        return next(self._tried(code, family, None), None)

    def _tried(self, code: str, family: Family, best: Best | None) -> Iterator[Diagnosis]:
        """Changes of a family that make the answer right; lighter than the best so far."""
        for path, part in self.spots:
            above = self._above(path)
            for new, said in family(part, above, self.context):
                self.left -= 1
                if self.left < 0:
                    return
                if new.expr is None or new.expr is part.expr:
                    continue
                whole = self._whole(path, new)
                if whole is None or whole is self.root.expr:
                    continue
                if best is not None and whole.weight >= best.weight:
                    continue
                if self.search.holds(whole) and self.search.confirmed(whole):
                    found = _explained(_named(code, path, part, new), part, new, whole, said)
                    if best is not None:
                        best.weight, best.diagnosis = whole.weight, found
                    yield found

    def _missing(self) -> Diagnosis | None:
        """A factor or a term that is missing: the lightest correction."""
        best = Best(10**9)
        pool = [t.expr for t in self.context.pool if t.expr is not None]
        for attempt in (lambda: self._scaled(pool), lambda: self._added(pool)):
            self._keep(best, attempt)
        for code, family in MISSING:
            self.left = BUDGET
            for _ in self._tried(code, family, best):
                pass
        return best.diagnosis

    def _keep(self, best: Best, attempt: Callable[[], Diagnosis | None]) -> None:
        found = attempt()
        if found is not None and found.suggestion is not None:
            if self.weight_of_last < best.weight:
                best.weight, best.diagnosis = self.weight_of_last, found

    def _scaled(self, pool: list[Expr]) -> Diagnosis | None:
        """A term that needs a factor: a number, a size, or a scalar part of the formulas."""
        if self.root.expr is None:
            return None
        proposed = pool or [s.expr for s in self.context.sizes if s.expr is not None]
        for path, part in self.spots:
            above = self._above(path)
            if part.expr is None or (above is not None and above.name in _LINEAR):
                continue
            doubled = self._whole(path, sketch("hadamard", 2, part))
            if doubled is None:
                continue
            factor = factor_of(self.search, self.root.expr, doubled, proposed)
            if factor is None:
                continue
            new = drawn(product(factor, part.expr))
            whole = self._whole(path, new)
            if whole is None or not self.search.holds(whole) or not self.search.confirmed(whole):
                continue
            self.weight_of_last = whole.weight
            plain = not pool or is_(factor, "number", "size")
            minus = is_(factor, "number") and factor.params[0] == -1
            code = "sign" if minus else "factor" if plain else "missing-chain-factor"
            said = "With the other sign" if minus else f"With the factor {text(factor)}"
            return replace(_explained(code, part, new, whole, said), part=factor)
        return None

    def _added(self, pool: list[Expr]) -> Diagnosis | None:
        """What the whole lacks, as a multiple of a part of the formulas."""
        if self.root.expr is None:
            return None
        term = missing_term(self.search, self.root.expr, pool)
        if term is None:
            return None
        whole = self.root.expr + term
        if not self.search.holds(whole) or not self.search.confirmed(whole):
            return None
        self.weight_of_last = whole.weight
        right = text(whole)
        said = f"The term {_short(text(term))} is missing. The whole: {_short(right)}."
        return Diagnosis("missing-term", said, right, term)

    def _whole(self, path: Path, new: Sketch) -> Expr | None:
        found = replaced(self.root, path, new)
        return None if found is None else found.expr

    def _above(self, path: Path) -> Sketch | None:
        if not path:
            return None
        part = self.root
        for k in path[:-1]:
            part = part.args[k]
        return part


_LINEAR = ("mul", "hadamard", "neg", "transpose", "div", "sum", "mean", "diag")


def _named(code: str, path: Path, part: Sketch, new: Sketch) -> str:
    turned = part in new.args or new in part.args
    return "other-layout" if code == "transpose" and not path and turned else code


def _explained(code: str, part: Sketch, new: Sketch, whole: Expr, said: str) -> Diagnosis:
    right = text(whole)
    before = "" if part.expr is None else text(part.expr)
    after = "" if new.expr is None else text(new.expr)
    if before and after and max(len(before), len(after)) <= SHOWN:
        message = f"You wrote {before}. {said} it is right: {after}."
    else:
        message = f"{said} it is right: {_short(after or right)}."
    if after != right and len(right) <= SHOWN:
        message += f" The whole: {right}."
    return Diagnosis(code, message, right, new.expr)


def _short(formula: str) -> str:
    return formula if len(formula) <= SHOWN else formula[: SHOWN - 1] + "…"


# What is proposed --------------------------------------------------------------------------------


def _context(search: Search, root: Sketch) -> Context:
    asked = search.asked
    right = _right_forms(search)
    own = [p.expr for _, p in places(root) if p.expr is not None]
    parts = list(dict.fromkeys([*_pieces(right), *_pieces([asked.f]), *own]))
    numbers = [
        number(1),
        number(2),
        number(Fraction(1, 2)),
        *(e for e in parts if is_(e, "number")),
    ]
    sizes = _sizes(asked)
    named = tuple(drawn(v) for v in dict.fromkeys([*variables(asked.f), *asked.extra.values()]))
    found = sorted((e for e in parts if not is_(e, "number")), key=lambda e: e.weight)
    pool = (*pooled(numbers, 12), *pooled(found, POOL), *sizes)
    return Context(pool, unary_functions(parts), sizes, named)


def _sizes(asked: Asked) -> tuple[Sketch, ...]:
    shapes = [e.shape for e in walk(asked.f)]
    return tuple(sketch("size", params=(n,)) for n in sorted(size_names(shapes)))


def _right_forms(search: Search) -> list[Expr]:
    """The derivative as the engine writes it, as a source of proposals."""
    asked = search.asked
    try:
        found = differentiate(
            asked.f,
            asked.wrt,
            asked.kind,
            asked.order,
            structure=search.structure,
            upstream=asked.upstream,
        )
    except MatderivError:
        return []
    return [found.expr]


def _pieces(exprs: list[Expr]) -> list[Expr]:
    """All parts of expressions, the larger first, and neighbouring factors of products."""
    found: list[Expr] = []
    for node in reversed(list(walk(*exprs))):
        found.append(node)
        if is_(node, "mul", "hadamard", "add"):
            found += _slices(node)
    return list(dict.fromkeys(found))


def _slices(node: Expr) -> Iterator[Expr]:
    count = len(node.args)
    for length in range(count - 1, 1, -1):
        for k in range(count - length + 1):
            try:
                yield apply(node.function.name, *node.args[k : k + length])
            except MatderivError:
                continue
