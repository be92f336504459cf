"""One derivation, side by side: each side against the truth, and against the one before.

A wrong side that follows correctly from an earlier wrong one is told apart from a new mistake: both
are compared with what the earlier lines claim in place of what is true.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace

from matderiv.errors import MatderivError, ShapeError, UnknownSize
from matderiv.expr import Expr, is_, number_value, variables
from matderiv.input.axes import SPARE
from matderiv.input.meaning.subscripts import split_label
from matderiv.shapes import Shape
from matderiv.verification.derivations.compared import SidesCompared, rest_of
from matderiv.verification.derivations.components import Indices
from matderiv.verification.derivations.consequences import Claimed, Record, only_slope
from matderiv.verification.derivations.differentials import Marking, Reader
from matderiv.verification.derivations.doubts import NOTHING_SAID, PROVEN, Doubts, as_read
from matderiv.verification.derivations.findings import LOOSE, MISFIT, Findings, LineVerdict
from matderiv.verification.derivations.ground import Ground, Side, UnsureError
from matderiv.verification.derivations.points import (
    is_call,
    is_placed,
    is_solution,
    partials,
    stacked,
)
from matderiv.verification.derivations.readings import with_stars
from matderiv.verification.derivations.roles import (
    BARE,
    CALLED,
    CALLS,
    CONDITION,
    GIVES,
    LOCAL,
    Chain,
)
from matderiv.verification.derivations.stationary import A_CONDITION, Rest
from matderiv.verification.documents.positions import Lines, Passage
from matderiv.verification.documents.statements import Case, names_in
from matderiv.verification.quantities import DERIVATIVE, FORMULA, VALUE, Quantity, named
from matderiv.verification.verdict import DISPROVED, PROVED, UNDECIDED, VERIFIED, Verdict


@dataclass
class JudgedSides:
    """The sides of a derivation, judged one after the other; `told` is the outcome.

    `broken` are the names whose definitions could not be read, with what is to be said;
    `concerned` those that wrong lines are about; `lost` is the line of the last statement whose
    beginning was not read, `slope` the derivative that is 0 where the current left side is, which
    is a `row` if it is a gradient transposed; `renamed` is f(y) on the left where f is of x,
    `partial` the derivative, by its entries, that stands there.
    """

    ground: Ground
    reader: Reader
    lines: Lines
    diagnosis: bool = True
    notes: list[str] = field(default_factory=list)
    current: Quantity | None = None
    stationary: bool = False
    broken: dict[str, LineVerdict] = field(default_factory=dict)
    concerned: set[str] = field(default_factory=set)
    lost: int = 0
    slope: Quantity | None = None
    row: bool = False
    renamed: Quantity | None = None
    partial: Quantity | None = None
    alone: bool = False  # a formula without a left side, which may be no claim

    def __post_init__(self) -> None:
        self.told = Findings(self.lines)
        self.doubts = Doubts(self.ground, self.reader)
        self.rest = Rest(self.ground, stated=self.stationary)
        self.record = Record(self.ground, self.rest)
        parts = (self.ground, self.reader, self.doubts, self.rest, self.record, self.notes)
        self.compared = SidesCompared(*parts)

    def chain(self, chain: Chain) -> None:
        """Judge every side of a statement that claims something."""
        before = self.current
        self._stated(chain)
        if chain.aside and before is not None:
            self.current = before

    def left_open(self, chain: Chain, reason: MatderivError) -> None:
        """Say of a statement why it was not judged."""
        number = self.lines.number(chain.whole.start)
        self.told.add(number, chain.whole.text, Verdict(UNDECIDED, message=reason.message))

    def _stated(self, chain: Chain) -> None:
        number, sides = self.lines.number(chain.whole.start), list(chain.sides)
        self.alone = chain.role == BARE and not self.doubts.strict
        if chain.role == GIVES and chain.name in self.broken:
            self.told.found.append(self.broken[chain.name])
            self.current = None
            return
        if chain.role == CALLED:
            return self.told.given(number, chain, "")
        if chain.role == CONDITION:
            return self._condition(number, chain)
        try:
            self.current = self._begun(chain)
        except MatderivError as error:
            return self._unopened(chain, error)
        if chain.role == CALLS and not sides:
            self.told.given(number, chain, "")
        if chain.role in (GIVES, LOCAL):
            self.told.given(number, chain, "")
            self.doubts.defined.setdefault(chain.name, (number, sides[0]))
            sides = sides[1:]
        first = len(self.told.found)
        for side in sides:
            self._side(side, chain)
        self.told.found[first:] = as_read(self.told.found[first:])
        if chain.zero is not None and self.current is not None:
            self._zero(chain, chain.zero, self.current)

    def _begun(self, chain: Chain) -> Quantity:
        """What the sides of a statement are said to be: as its left side, or as the line before."""
        if chain.quantity is not None:
            self.ground.passed()
            self.reader.indices = Indices()
            return self._opened(chain)
        if self.current is None:
            after = f"continues line {self.lost}, which was not read" if self.lost else ""
            raise MatderivError(after or "nothing stands before this equals sign")
        if chain.role == BARE and self.current.kind == VALUE:
            raise MatderivError("this does not say what it is", hint="∇f = ... or df = ...")
        return self.current

    def _unopened(self, chain: Chain, error: MatderivError) -> None:
        """A statement whose beginning could not be read; a formula alone may be no claim."""
        q, number = chain.quantity, self.lines.number(chain.whole.start)
        if self.alone:
            return
        self.current = None
        self.lost = self.lost if q is None else number
        self.rest.unread = self.rest.unread or (q is not None and q.kind == DERIVATIVE)
        if chain.first is not None and q is not None and q.kind in (FORMULA, VALUE):
            self.doubts.heard(chain.first, number)
        self.told.unread(chain.whole, error)

    def _condition(self, number: int, chain: Chain) -> None:
        """What holds from here on: a derivative that is zero, or the constraint of a multiplier."""
        q = chain.quantity
        shown = self.told.typed(chain.sides[-1], chain) if chain.sides else ""
        if q is not None and q.kind == DERIVATIVE and self.doubts.vanishes(q):
            self.told.add(number, shown, Verdict(PROVED, message="this is 0 everywhere"))
            return
        with suppress(MatderivError):
            if q is not None and q.kind == DERIVATIVE:
                self.rest.set_to_zero(*partials(self.reader, q) or [self.reader.resolved(q)])
            elif chain.first is not None and chain.sides:
                sides = (self.reader.side(p) for p in (chain.first, chain.sides[-1]))
                left, right = map(self.record.true, sides)
                if said := self.rest.constrain(left, right, self.compared.slopes()):
                    self.told.add(number, shown, Verdict(VERIFIED, message=said))
                    return
        what = "a condition" if q and q.kind == VALUE else "an equation to solve"
        self.told.given(number, chain, f"{what}, not a step")

    def _zero(self, chain: Chain, zero: Passage, q: Quantity) -> None:
        """The end `= 0` of a statement: a condition on a derivative, else a claim."""
        slopes = [self.slope] if self.slope else partials(self.reader, chain.quantity or q)
        if slopes := [q] if q.kind == DERIVATIVE else slopes:
            self.rest.set_to_zero(*slopes)
            return
        if q.kind == FORMULA and self.compared.slopes():
            self.rest.stated = True
        self._side(zero, replace(chain, sides=(*chain.sides, zero)))

    def _opened(self, chain: Chain) -> Quantity:
        """The quantity that a left side names."""
        q = chain.quantity
        assert q is not None
        self.doubts.sloped, self.doubts.by, self.doubts.primed = False, q.by, q.primed
        self.slope, self.doubts.at, self.doubts.case = None, q.at, None
        self.row, self.renamed, self.partial = False, None, None
        self.doubts.placed = q.kind in (VALUE, FORMULA) and is_call(self.reader, chain.first)
        if chain.role == LOCAL:
            self._call(chain)
        if cells := stacked(Marking(self.reader), q, latex=chain.whole.latex):
            self.doubts.sloped = True
            return self._formula(chain, cells, None)
        if is_placed(self.reader, q):
            try:
                self.renamed = q if q.kind == VALUE else None
                return self._equation(chain)
            except MatderivError:
                if q.kind != VALUE:
                    raise
                self.renamed = None
        if chain.role == CALLS:
            self.reader.call(chain.name, self.reader.resolved(q))
        array, at = self.reader.entry(q.of) if q.kind == VALUE else ("", "")
        if at and array in self.ground.functions:
            if len(self.ground.functions[array].shape) < len(at):
                for v in variables(self.ground.functions[array]):
                    self.doubts.unread(v.name, self.lines.number(chain.whole.start))
                raise MatderivError(f"{q.of} is no entry of {array}")
            self.reader.indices = Indices(tuple(at)).over(at, self.ground.functions[array].shape)
            return self._formula(chain, self.ground.functions[array], None)
        if q.kind == VALUE and q.of in self.reader.aliases:
            return self.reader.aliases[q.of]
        whole = self.ground.functions.get(q.of)
        if q.primed and (whole is None or whole.shape):
            q = Quantity(FORMULA)
        if q.kind == FORMULA or (q.kind == VALUE and q.of not in self.ground.functions):
            return self._equation(chain)
        return self._entries(chain, self.reader.resolved(q))

    def _equation(self, chain: Chain) -> Quantity:
        """The value of a formula on the left, or the derivative that stands there alone."""
        assert chain.first is not None
        at = self.reader.entry(chain.name)[1]
        self.reader.indices = self.reader.indices_in((chain.first, *chain.sides), at)
        side = self.reader.side(chain.first)
        slope = chain.quantity is not None and chain.quantity.kind == DERIVATIVE
        self.doubts.sloped = slope or bool(side.marks) or self.reader.at_point
        alone = side.marks.get(side.expr)
        if isinstance(alone, Quantity):
            return self._entries(chain, alone) if alone.kind == DERIVATIVE else alone
        self.slope = only_slope(side)
        claimed, root = self.record.claims_of(side)
        turned = is_(side.expr, "transpose") and side.expr.args[0] in side.marks
        self.row = turned and self.ground.layout == "gradient"
        return self._formula(chain, self.record.true(side), root, claimed)

    def _entries(self, chain: Chain, q: Quantity) -> Quantity:
        """A quantity, or the formula that the entries of a derivative are."""
        self.doubts.sloped = q.kind != VALUE or not is_solution(self.reader, chain.first)
        self.partial = q
        if q.kind == DERIVATIVE and (q.of_at or q.by_at):
            if (label := q.by_at.strip(":")) in self.ground.labels and not q.of_at:  # by s_y
                free = next(c for c in SPARE if not any(c in p.text for p in chain.sides))
                q = replace(q, by_at=q.by_at.replace(label, free))
                self.doubts.case = Case(free, label, True)
            whole, (entries, letters) = self.ground.derivative(q.whole), self.ground.entries(q)
            self.slope = q.whole if (q.of_at + q.by_at).isalpha() else None
            self.reader.indices = Indices(letters).over(letters, entries.shape)
            return q.whole if entries is whole else self._formula(chain, entries, None)
        return q

    def _formula(
        self, chain: Chain, true: Expr, root: int | None, claimed: Expr | None = None
    ) -> Quantity:
        """From here on sides are compared with this value."""
        q, number = Quantity(FORMULA), self.lines.number(chain.whole.start)
        self.record.formula = Claimed(number, q, true, claimed or true, root is None, root)
        return q

    def _call(self, chain: Chain) -> None:
        """A local name for a formula with differentials or derivatives in it."""
        value = self.record.true(self.reader.side(chain.sides[0]))
        self.doubts.slopes.add(chain.name)
        self.ground.put(chain.name, value)
        self.ground.functions[chain.name] = value

    def _side(self, passage: Passage, chain: Chain) -> None:
        q = self.current
        assert q is not None
        number, shown = self.lines.number(passage.start), self.told.typed(passage, chain)
        try:
            side = self._read(rest_of(passage)[0], self.compared.expected(q))
            self.notes += side.notes
            true, (claimed, root) = self.record.true(side), self.record.claims_of(side)
            own = side.expr in side.written and side.marks.get(side.expr) == q
            said = self.doubts.in_case(chain, true, self.compared.left(q), q)
            verdict = PROVEN if own else self.compared.said(q, said, passage)
            verdict = self.compared.laid_out(verdict, side, true, row=self.row)
            if verdict is A_CONDITION:
                self.told.given(number, replace(chain, role=CONDITION), verdict.message)
                return
            if verdict.correct and q.kind == VALUE:
                self.ground.forms.setdefault(q.of, []).append(true)
            if not verdict.correct:
                self._restated(q, passage, chain)
            if verdict.correct is False:
                verdict = self._doubted(q, true, verdict, side, passage)
                if loose := self.doubts.of_each_entry(passage, verdict):
                    verdict = Verdict(UNDECIDED, message=loose)
            other = verdict.correct and q.of not in {"", *self.doubts.again}
            verdict = verdict if other else self.doubts.since(number, verdict)
            empty = not self.slope and self.compared.is_empty(q, true)
            if empty or self.doubts.says_nothing(q, side):
                verdict = Verdict(UNDECIDED, message=NOTHING_SAID)
        except UnsureError as error:
            self.told.add(number, shown, Verdict(UNDECIDED, message=str(error)))
            return
        except ShapeError as error:
            self._restated(q, passage, chain)
            return self._unfit(q, passage, shown, error)
        except MatderivError as error:
            if not self.alone:
                self.told.unread(passage, error, shown)
            return
        claim = Claimed(number, q, true, claimed, verdict.correct, root)
        self._judged(claim, verdict, shown, said)

    def _read(self, passage: Passage, expected: Shape | None) -> Side:
        """The meaning of a side, entry by entry where that fits and the matrix product does not."""
        try:
            return self.reader.side(passage, expected)
        except ShapeError:
            signs = r"(?<![.*])\*(?!\*)|(?<![.\s])\^(?=\d)"  # 1 - a^2 is of entries as well
            stars = None if self.doubts.strict else with_stars(passage, signs)
            if (other := stars or self.doubts.entry_by_entry(passage)) is None:
                raise
        return self.reader.side(other, expected)

    def _unfit(self, q: Quantity, passage: Passage, shown: str, error: ShapeError) -> None:
        """A side whose sizes do not fit together."""
        if self.alone:
            return
        names, left, asked = names_in(passage), self.compared.left(q), self.reader
        reason = error.message if isinstance(error, UnknownSize) else ""
        reason = reason or self.doubts.about_text(q, passage, left)
        reason = reason or self.compared.no_claim(q, names)
        self.concerned |= names | self.doubts.behind(q, left)
        guessed = q.kind in (FORMULA, VALUE) and not self.doubts.strict
        guessed = guessed and bool(names & self.ground.reading.guessed)
        if guessed and self.doubts.have_open_sizes(names):
            reason = reason or "the sizes do not fit together as the names were taken"
        found = Verdict(UNDECIDED, message=reason) if reason else None
        found = found or self.compared.conditional(q, passage, None)
        if found is None and guessed:
            found = Verdict(DISPROVED, MISFIT, error.message)
        if found is None and (said := self.doubts.about_shape(q, left)):
            found = Verdict(DISPROVED, LOOSE, said)
        found = found or self.record.misfit(q, error, asked if self.diagnosis else None)
        self.told.add(self.lines.number(passage.start), shown, found, error=error)

    def _restated(self, q: Quantity, passage: Passage, chain: Chain) -> None:
        """Remember that a line gives another formula to a name; numbers are its value somewhere."""
        q, (base, label) = self.renamed or q, split_label(chain.name)
        number, sides = self.lines.number(passage.start), chain.sides
        alone = named(sides[0].text, sides[0].latex).kind == VALUE  # y = f(x) = ...
        begins = passage is sides[0] or (alone and passage is sides[1])
        begins = begins and chain.first is not None and not is_solution(self.reader, chain.first)
        if q.kind == VALUE and begins and names_in(passage):
            self.doubts.restated(q.of, passage, number, self.told.found[-1:])
        other = [n for n in self.doubts.defined if split_label(n)[0] == base and n != chain.name]
        entry = q.kind == FORMULA and label and begins and base in self.ground.functions
        if entry and other and base in {split_label(n)[0] for n in names_in(passage)}:
            for name in (base, chain.name, *other):  # delta_j of delta_k: those of another layer
                self.doubts.again.setdefault(name, number)

    def _doubted(
        self, q: Quantity, e: Expr, wrong: Verdict, side: Side, passage: Passage
    ) -> Verdict:
        """The verdict on a side that is not what it is said to be everywhere."""
        about = self.rest.is_about(self.compared.left(q) or e, e)
        if self.rest.slopes and q.kind == DERIVATIVE and about and wrong.diagnosis != "shape":
            held = self.rest.verdict(self.ground.derivative(q), e, self.compared.slopes())
            if held is not None and held.correct is not False:
                return held
        if q.kind == FORMULA and number_value(e) == 0 and not (self.stationary or self.rest.slopes):
            if not self.doubts.strict:
                return Verdict(UNDECIDED, message="nothing says that this is about a derivative")
        marks = {s: m for s, m in side.marks.items() if isinstance(m, Quantity)}
        mixed, jacobian = q.of in self.reader.mixed, any(len(s.shape) == 2 for s in marks)
        if len(e.shape) == 2 and (mixed or jacobian) and self.compared.verdict(q, e.T).correct:
            said = "the second name is that of the rows" if mixed else "its factors are laid out so"
            return Verdict(UNDECIDED, message=f"right if {said}")
        again = any((m.of, m.by, m.kind) == (q.of, q.by, q.kind) for m in marks.values())
        again = again or (wrong.diagnosis == "shape" and side.expr in side.written)
        if q.kind == DERIVATIVE and again:
            return Verdict(UNDECIDED, message="this may be the derivative at another point")
        left, shape = self.compared.left(q), wrong.diagnosis == "shape"
        said = self.doubts.about_shape(q, left, e) if shape else self.doubts.about_prime(left)
        if said:
            return Verdict(DISPROVED, LOOSE, said)
        reason = self.doubts.about_layout(side) or self.compared.held(self.partial or q, e)
        reason = reason or self.doubts.about(q, e, left, passage.text)
        if not reason and not side.marks:  # a formula that is a derivative is a claim
            reason = self.compared.no_claim(q, {v.name for v in variables(e)})
        return Verdict(UNDECIDED, message=reason) if reason else wrong

    def _judged(self, side: Claimed, verdict: Verdict, shown: str, said: Expr) -> None:
        """Tell a new mistake, and its cause, from one that is carried on; remember the side."""
        before = self.record.before(side.quantity)
        message, root = "", None
        if side.correct is False and self.alone:
            return
        if side.correct is False:
            root = self.record.carried(side, before)
            self.concerned |= {v.name for v in variables(said)}
            self.concerned |= self.doubts.behind(side.quantity, self.compared.left(side.quantity))
            if root is None and self.diagnosis and verdict.diagnosis not in (LOOSE, "term"):
                verdict = self.compared.explained(side.quantity, said, verdict)
        if root is not None:
            message = f"follows from line {root}, which is wrong"
        elif side.correct and before is not None and before.correct is False:
            message = f"right, but not what follows from line {before.number}"
        self.told.add(side.number, shown, verdict, said=message, follows=root)
        wrong = None if side.correct is not False else root or side.number
        self.record.add(replace(side, root=wrong or side.root))
