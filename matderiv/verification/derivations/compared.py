"""What sides are compared with: the value of a quantity, or of the formula on the left."""

import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace

from matderiv.errors import MatderivError
from matderiv.expr import Expr, is_, number_value, substitute, variable, variables, walk, zeros
from matderiv.language.declare import SQUARE_FACTS
from matderiv.shapes import Shape, shape_text, with_sizes
from matderiv.solving.affine import without_zeros
from matderiv.verification.derivations.consequences import Record
from matderiv.verification.derivations.differentials import Marking, Reader
from matderiv.verification.derivations.doubts import Doubts
from matderiv.verification.derivations.findings import LOOSE
from matderiv.verification.derivations.ground import STRENGTH, Ground, Side
from matderiv.verification.derivations.points import point_for
from matderiv.verification.derivations.roots import value_at
from matderiv.verification.derivations.stationary import A_CONDITION, Rest
from matderiv.verification.documents.conditions import NEGATIVE, UNNAMED, Supposed, condition_of
from matderiv.verification.documents.positions import Lines, Passage
from matderiv.verification.documents.statements import names_in
from matderiv.verification.judging import SOMEWHERE
from matderiv.verification.quantities import DERIVATIVE, DIFFERENTIAL, FORMULA, VALUE, Quantity
from matderiv.verification.verdict import DISPROVED, UNDECIDED, VERIFIED, Verdict
from matderiv.words.chains import facts
from matderiv.work import WorkLimit

_REST = re.compile(
    r"\+\s*(?:\\mathcal\s*\{?\s*)?(?P<size>[oO])\s*\}?\s*(?:\\left\s*|\\[bB]igg?l?)?"
    r"\((?P<of>.*?)(?:\^\s*\{?\s*(?P<power>\d)\s*\}?\s*)?(?:\\right\s*|\\[bB]igg?r?)?\)\s*\.?$"
)


@dataclass
class SidesCompared:
    """Sides against the truth, everywhere or where derivatives are zero."""

    ground: Ground
    reader: Reader
    doubts: Doubts
    rest: Rest
    record: Record
    notes: list[str]

    def left(self, q: Quantity) -> Expr | None:
        """The formula that sides are compared with."""
        return self.record.formula.true if q.kind == FORMULA and self.record.formula else None

    def slopes(self) -> list[Quantity]:
        """The derivatives said, last first; before one is said, that by the only variable."""
        said = [s.quantity for s in reversed(self.record.said) if s.quantity.kind == DERIVATIVE]
        said = [q for q in dict.fromkeys(map(self.rest.moved, said)) if q.order == 1]
        known = self.ground.functions
        if said := [q for q in said if q.by not in known and q.of in known]:
            return said
        with suppress(MatderivError):
            return [self.reader.resolved(Quantity(DERIVATIVE))]
        return []

    def said(self, q: Quantity, e: Expr, p: Passage) -> Verdict:
        """The verdict on a side, everywhere or where its sentence says that it holds."""
        name, order = rest_of(p)[1:]
        found = self.to_order(q, e, name, order) if name else self.verdict(q, e)
        return found if found.correct else self.conditional(q, p, e) or found

    def verdict(self, q: Quantity, e: Expr) -> Verdict:
        if q.kind == FORMULA:
            assert self.record.formula is not None
            found = self.equated(self.record.formula.true, e)
        elif q.kind == VALUE and self.rest.stated:
            found = self.equated(self.ground.functions[q.of], e)
        else:
            found = self.ground.verdict(q, e, diagnosis=False)
        likely = q.kind == VALUE or (q.kind == FORMULA and not self.doubts.sloped)
        if likely and found.message.startswith(SOMEWHERE):
            return replace(
                found, verdict=VERIFIED, message="where both have a value"
            )  # log(a^n) = n*log(a)
        return found

    def to_order(self, q: Quantity, e: Expr, name: str, order: int) -> Verdict:
        """The verdict on f(x + h) = ... + o(h): the terms of h^0, h^1, ... are equal."""
        left = self.left(q)
        every = variables(*((e,) if left is None else (left, e)))
        h = next((v for v in every if v.name == name), None)
        if left is None or h is None:
            raise MatderivError(f"nothing before says what {name} is")
        found: list[Verdict] = []
        change, nothing = variable(f"small {name}", h.shape), zeros(h.shape)
        for k in range(order + 1):
            terms = (substitute(side, {h: nothing}) for side in (left, e))
            found.append(self.ground.equal(*terms, diagnosis=False))
            if found[-1].correct is False and found[-1].diagnosis != "shape":
                said = f"The terms of order {k} in {name} are not those of the left side."
                return replace(found[-1], diagnosis="term", message=said)
            left, e = (self.ground.along(side, h, change) for side in (left, e))
        return min(found, key=lambda v: STRENGTH.index(v.verdict))

    def equated(self, left: Expr, right: Expr) -> Verdict:
        """Whether two formulas are equal, everywhere or where a derivative is zero."""
        verdict = self.ground.equal(left, right, diagnosis=False)
        identity = self.doubts.sloped and not self.rest.is_about(left, right)
        identity = identity or self.doubts.placed
        if verdict.correct is False and verdict.diagnosis != "shape" and not identity:
            slopes = self.slopes()
            if self.rest.stated and not (slopes or self.rest.slopes):
                said = "nothing says by which variable a derivative is 0"
                return Verdict(UNDECIDED, message=said)
            found = self.rest.verdict(left, right, slopes) or verdict
            first = not any(s.quantity.kind in (DERIVATIVE, DIFFERENTIAL) for s in self.record.said)
            first = first and found.correct is False
            return A_CONDITION if first and self.rest.constrains(left, right) else found
        return verdict

    def conditional(self, q: Quantity, p: Passage, e: Expr | None) -> Verdict | None:
        """The verdict on a side where what its sentence supposes holds; None where it fails there.

        A fact about what is derived by may be meant for its changes as well.
        """
        said = condition_of(p)
        c = said and said.about(self.ground.reading.variables, self.ground.functions)
        if c is None:
            return None
        with suppress(MatderivError):
            if e is not None:
                true, e, places = self.under(c, q, e)
                found = self.ground.equal(
                    substitute(true, places), substitute(e, places), diagnosis=False
                )
                at_rest = self.rest.stated and q.kind in (FORMULA, VALUE)
                if not found.correct and at_rest:
                    held = replace(self.rest, where=places).verdict(true, e, self.slopes())
                    found = held or found
                if found.correct:
                    number = Lines(self.reader.document).number(p.start)
                    self.notes.append(f"line {number} is judged {c}")
                    return found
                moved = c.facts.get(q.by, "positive") not in ("positive", NEGATIVE)
                if found.correct is False and c.whole and not moved:
                    return found if at_rest else None
        return Verdict(DISPROVED, LOOSE, "this is said under a condition, which is not put in")

    def under(self, c: Supposed, q: Quantity, e: Expr) -> tuple[Expr, Expr, dict[Expr, Expr]]:
        """The truth, a side, and names as a condition has them; MatderivError for what is not read.

        Derivatives are taken before: a condition does not say how something changes.
        """
        true = self.left(q)
        if true is None and q.kind == DIFFERENTIAL:
            true = self.ground.differential(self.ground.functions[q.of])
        elif true is None:
            known = self.ground.functions
            true = self.ground.derivative(q) if q.kind == DERIVATIVE else known[q.of]
        idle = self.ground.reading.variables.keys() - {v.name for v in variables(true, e)}
        names = {**c.facts, **c.values}.keys() - idle
        for name in names:
            v = self._meant(name, (true, e))
            square = c.facts.get(name) in SQUARE_FACTS or c.values.get(name) == "I"
            if square and len(v.shape) == 2:
                true, e = _squared(v, true, e)
        meant = ((name, self._meant(name, (true, e))) for name in names)
        places = {v: self._where(c, name, v) for name, v in meant if v}
        return true, e, places

    def _meant(self, name: str, sides: tuple[Expr, Expr]) -> Expr:
        """The variable of a name, or the only square matrix there is."""
        known = variables(*sides)
        found = [v for v in known if v.name == name]
        if name == UNNAMED:
            found = [v for v in known if v.shape[1:] and v.shape[:1] == v.shape[1:]]
        if len(found) != 1:
            raise MatderivError(f"nothing says what {name} is")
        return found[0]

    def _where(self, c: Supposed, name: str, v: Expr) -> Expr:
        """A variable as a condition has it."""
        if name in c.values:
            p = Passage.of(c.values[name], len(self.reader.document), latex=True)
            return point_for(Marking(self.reader), v, p)
        if c.facts[name] in SQUARE_FACTS and v.shape[:1] != v.shape[1:]:
            raise MatderivError(f"{name} is {shape_text(v.shape)}")
        if c.facts[name] == NEGATIVE:
            return -variable(v.name, v.shape, {"positive", *facts(v)})
        return variable(v.name, v.shape, {c.facts[name], *facts(v)})

    def explained(self, q: Quantity, e: Expr, wrong: Verdict) -> Verdict:
        """The verdict on a wrong side with its cause, as far as the work that is left allows."""
        formula = q.kind == FORMULA or (q.kind == VALUE and self.rest.stated)
        if (number := self._number(q, e)) is not None:
            return replace(wrong, message=f"The value is {number:.6g}.")
        if formula and self.rest.stated and not self.doubts.sloped:
            return wrong
        with suppress(WorkLimit):
            left = self.left(q)
            if formula and left is not None:
                return self._by_cells(left, e) or self.ground.equal(left, e)
            return self.ground.verdict(q, e)
        return wrong

    def _number(self, q: Quantity, e: Expr) -> float | None:
        """What a number is that a side is compared with, where both are without names."""
        left = self.left(q)
        if left is None or left.shape or variables(left, e):
            return None
        found = value_at(left, {}, {})
        return None if found is None else float(found)

    def _by_cells(self, left: Expr, e: Expr) -> Verdict | None:
        """The verdict on the first entry that is wrong, of arrays that are written by entries."""
        alike = is_(left, "blocks") and is_(e, "blocks") and left.params == e.params
        for k, cells in enumerate(zip(left.args, e.args, strict=False) if alike else ()):
            found = self.ground.equal(*cells)
            if found.correct is False:
                if not variables(*cells) and (value := value_at(cells[0], {}, {})) is not None:
                    found = replace(found, message=f"The value is {float(value):.6g}.")
                row, column = divmod(k, int(left.params[0]))
                place = str(k + 1) if left.params[0] == 1 else f"({row + 1}, {column + 1})"
                return replace(found, message=f"Entry {place} is wrong. {found.message}".strip())
        return None

    def laid_out(self, verdict: Verdict, side: Side, e: Expr, *, row: bool) -> Verdict:
        """The verdict on a side where a row is meant, a column is none; or entries, of others."""
        other = self.reader.last.alone if self.reader.indices.letters else ""
        if other and verdict.correct:
            return Verdict(UNDECIDED, message=f"the index {other[0]} stands on one side only")
        column = len(e.shape) == 1 and not side.marks
        if not (row and column and verdict.correct):
            return verdict
        return Verdict(DISPROVED, "other-layout", "this is a column, the left side is a row")

    def held(self, q: Quantity | None, e: Expr) -> str:
        """Why a partial derivative may be right: where names on the way are held fixed.

        Those that derivatives are said to be by, as the variance in batch normalization.
        """
        known = self.ground.functions
        if q is None or q.kind != DERIVATIVE or q.of not in known:
            return ""
        f, back = known[q.of], dict[Expr, Expr]()
        inner = [n for n in self.doubts.derived if n in known and n not in (q.of, q.by)]
        for name in sorted(inner, key=lambda n: -len([*walk(known[n])])):
            x, before = variable(name, known[name].shape), f
            f = substitute(f, {known[name]: x})
            back |= {x: known[name]} if f is not before else {}
        local = replace(self.ground, functions={**known, q.of: f}, forms={})
        with suppress(MatderivError):
            true = local.entries(q)[0] if q.of_at or q.by_at else local.derivative(q)
            if back and self.ground.equal(substitute(true, back), e, diagnosis=False).correct:
                return f"right with {' and '.join(v.name for v in back)} held fixed"
        return ""

    def is_empty(self, q: Quantity, e: Expr) -> bool:
        """True for `0 = 0`, which `y(0) = 0` comes to where y(0) is read as a product."""
        if (left := self.left(q)) is None or self.doubts.strict:
            return False
        plain = map(without_zeros, (left, e))
        return all(number_value(x) == 0 or is_(x, "zeros") for x in plain)

    def no_claim(self, q: Quantity, names: Collection[str]) -> str:
        """Why an equation between formulas is not called wrong: it may say what holds."""
        objective = {n for s in self.slopes() for n in self.doubts.behind(s, None)}
        stated = objective if self.rest.stated else None
        return self.doubts.about_equation(q, self.left(q), names, stated)

    def expected(self, q: Quantity) -> Shape | None:
        left = self.left(q)
        return left.shape if left is not None else self.reader.shape_of(q)


def rest_of(p: Passage) -> tuple[Passage, str, int]:
    r"""A side without its last `+ o(\|h\|)`, the name in it, and up to which power it is said.

    >>> [rest_of(Passage.of(line, latex=True))[1:] for line in (r"x + o(\|h\|)", "x + O(t^2)", "x")]
    [('h', 1), ('t', 1), ('', 0)]
    """
    found = _REST.search(p.text)
    names = names_in(Passage.of(found["of"], latex=True)) if found else set()
    if found is None or len(names) != 1:
        return p, "", 0
    power = int(found["power"] or 1)
    return p[: found.start()].stripped(), names.pop(), power - (found["size"] == "O")


def _squared(v: Expr, *exprs: Expr) -> tuple[Expr, ...]:
    """Expressions in which both sizes of a matrix are the same one."""
    rows, columns = v.shape
    if rows == columns or isinstance(rows, int):
        return exprs
    places = {
        w: variable(w.name, tuple(with_sizes(s, {str(rows): columns}) for s in w.shape), facts(w))
        for w in variables(*exprs)
    }
    return tuple(substitute(e, places) for e in exprs)
