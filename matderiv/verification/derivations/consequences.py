"""Sides of a derivation with what they claim, and what would follow if a wrong claim were true."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from matderiv.errors import ShapeError
from matderiv.expr import Expr, apply, is_, number_value, substitute, variable, zeros
from matderiv.solving.affine import without_zeros
from matderiv.verification.derivations.differentials import Reader
from matderiv.verification.derivations.ground import Ground, Side
from matderiv.verification.derivations.stationary import Rest
from matderiv.verification.mistakes.diagnose import diagnose_sketch
from matderiv.verification.mistakes.edits import from_source
from matderiv.verification.quantities import DERIVATIVE, DIFFERENTIAL, FORMULA, Quantity
from matderiv.verification.verdict import DISPROVED, Verdict


@dataclass(frozen=True)
class Claimed:
    """A side that was read, and the verdict on it.

    `claimed` is its value with what earlier lines claim in place of true differentials and
    derivatives; `root` the number of the line whose mistake it has.
    """

    number: int
    quantity: Quantity
    true: Expr
    claimed: Expr
    correct: bool | None
    root: int | None


def through(ground: Ground, of: str, name: str, claim: Claimed) -> Expr | None:
    """The differential of a function with the claimed dz, or ∂f/∂z, on the way through z = `name`.

    None where the function does not use z, or the claim has another shape.
    """
    z = ground.functions[name]
    symbol = variable(name, z.shape)
    f = substitute(ground.functions[of], {z: symbol})
    if f is ground.functions[of]:
        return None
    direct = ground.differential(f)
    if claim.quantity.kind == DIFFERENTIAL:
        part = ground.along(f, symbol, claim.claimed)
    elif claim.quantity.of == of and claim.claimed.shape == z.shape and not f.shape:
        product = claim.claimed * ground.differential(z)
        part = apply("sum", product, params=(None,)) if z.shape else product
    else:
        return None
    return substitute(apply("add", direct, part), {symbol: z})


@dataclass
class Record:
    """The sides that were judged so far; `formula` is the left side of the current equation."""

    ground: Ground
    rest: Rest
    said: list[Claimed] = field(default_factory=list)
    wrong: dict[Quantity, Claimed] = field(default_factory=dict)
    formula: Claimed | None = None

    def add(self, side: Claimed) -> None:
        """Remember a side; the last one on a quantity says whether what it claims is wrong."""
        self.said.append(side)
        if side.correct is False:
            self.wrong[side.quantity] = side
        else:
            self.wrong.pop(side.quantity, None)

    def true(self, side: Side) -> Expr:
        """The value of a side."""
        values = {s: self.value(m) for s, m in side.marks.items()}
        return side.filled(values)

    def value(self, mark: Quantity | Expr) -> Expr:
        """What a symbol stands for."""
        if isinstance(mark, Expr):
            return self.ground.differential(mark)
        if mark.kind == DIFFERENTIAL:
            return self.ground.differential(self.ground.functions[mark.of])
        if mark.of_at or mark.by_at:
            return self.ground.entries(mark)[0]
        return self.ground.derivative(mark)

    def claims_of(self, side: Side) -> tuple[Expr, int | None]:
        """The value with wrong claims in place of the truth, and the line of the first of them."""
        values, roots = {}, []
        for symbol, mark in side.marks.items():
            claim = self.wrong.get(mark) if isinstance(mark, Quantity) else None
            if claim is not None and claim.claimed.shape == symbol.shape:
                values[symbol] = claim.claimed
                roots.append(claim.root or claim.number)
            else:
                values[symbol] = self.value(mark)
        return side.filled(values), min(roots, default=None)

    def misfit(self, q: Quantity, error: ShapeError, reader: Reader | None) -> Verdict:
        """The verdict on a side whose sizes do not fit together; its cause if there is a reader."""
        found = None
        if reader is not None and q.kind in (DIFFERENTIAL, DERIVATIVE):
            asked, tried = self.ground.question(q), reader.last.tried
            if asked is not None and tried is not None:
                source, known = tried
                known = {k: self._meaning(e, reader) for k, e in known.items()}
                found = diagnose_sketch(asked, from_source(source, known), seed=self.ground.seed)
        if found is None:
            return Verdict(DISPROVED, "shape", error.message)
        said = f"{error.message}\n{found.message}"
        return Verdict(DISPROVED, found.code, said, suggestion=found.suggestion)

    def _meaning(self, e: Expr, reader: Reader) -> Expr:
        """The true value of a symbol; any other expression itself."""
        aliases = {variable(n, reader.shape_of(q)): q for n, q in reader.aliases.items()}
        mark = reader.last.marks.get(e, aliases.get(e))
        return e if mark is None else self.value(mark)

    def before(self, q: Quantity) -> Claimed | None:
        """The side that this one should follow from."""
        if q.kind == FORMULA:
            same = [s for s in self.said if s.quantity is q]
            return same[-1] if same else self.formula
        same = [s for s in self.said if s.quantity == q]
        if same:
            return same[-1]
        if q.kind == DERIVATIVE:
            alike = Quantity(DIFFERENTIAL, q.of, order=q.order)
            other = [s for s in self.said if s.quantity == alike]
            return other[-1] if other else None
        return None

    def carried(self, side: Claimed, before: Claimed | None) -> int | None:
        """The line whose mistake a wrong side has, if it follows from that line."""
        if before is not None and (before.correct is False or before.root is not None):
            if self._same(before, side):
                return before.root or before.number
        if side.quantity.kind == FORMULA and self.formula is not None:
            claims = {q: (c.root or c.number, c.claimed) for q, c in self.wrong.items()}
            root = self.rest.root(self.formula.true, side.true, claims)
            if self.formula.true.shape == side.true.shape:  # a wrong equation, and its line
                relation = self.formula.true - side.true
                self.rest.equations.append((root or side.number, relation))
            return root
        for truth, root in self._under_claims(side.quantity):
            if self._equal(truth, side):
                return root
        return None

    def _same(self, before: Claimed, side: Claimed) -> bool:
        if before.quantity == side.quantity:
            return self.ground.equal(before.claimed, side.claimed, diagnosis=False).correct is True
        first = self.ground.paired(before.quantity, before.claimed)
        return first is not None and self._equal(first, side)

    def _equal(self, differential: Expr, side: Claimed) -> bool:
        """Whether a side stands for this differential."""
        own = self.ground.paired(side.quantity, side.claimed)
        return own is not None and (
            self.ground.equal(differential, own, diagnosis=False).correct is True
        )

    def _under_claims(self, q: Quantity) -> Iterator[tuple[Expr, int]]:
        """What the differential of a function would be if a wrong claim about a part were right."""
        if q.kind not in (DIFFERENTIAL, DERIVATIVE) or q.order != 1:
            return
        for claim in self.wrong.values():
            inner = claim.quantity
            name = inner.by if inner.kind == DERIVATIVE else inner.of
            if name not in self.ground.functions or name == q.of:
                continue
            found = through(self.ground, q.of, name, claim)
            if found is not None:
                yield found, claim.root or claim.number


def only_slope(side: Side) -> Quantity | None:
    """The derivative that a formula is 0 with: the only one in it, times a number."""
    marks = [(s, m) for s, m in side.marks.items() if isinstance(m, Quantity)]
    if len(marks) != 1 or marks[0][1].kind != DERIVATIVE or len(side.marks) != 1:
        return None
    symbol, mark = marks[0]
    rest = without_zeros(side.filled({symbol: zeros(symbol.shape)}))
    alone = sorted(map(str, symbol.shape)) == sorted(map(str, side.expr.shape))
    return mark if alone and (number_value(rest) == 0 or is_(rest, "zeros")) else None
