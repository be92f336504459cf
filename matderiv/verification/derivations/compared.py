"""What sides are compared with: the value of a quantity, or of the formula on the left."""

from contextlib import suppress
from dataclasses import dataclass

from matderiv.errors import MatderivError
from matderiv.expr import Expr
from matderiv.shapes import Shape
from matderiv.verification.derivations.consequences import Record
from matderiv.verification.derivations.differentials import Reader
from matderiv.verification.derivations.doubts import Doubts
from matderiv.verification.derivations.ground import Ground
from matderiv.verification.derivations.stationary import A_CONDITION, Rest
from matderiv.verification.quantities import DERIVATIVE, DIFFERENTIAL, FORMULA, VALUE, Quantity
from matderiv.verification.verdict import UNDECIDED, Verdict
from matderiv.work import WorkLimit


@dataclass
class SidesCompared:
    """Sides against the truth, everywhere or where derivatives are zero."""

    ground: Ground
    reader: Reader
    doubts: Doubts
    rest: Rest
    record: Record

    def left(self, q: Quantity) -> Expr | None:
        """The formula that sides are compared with."""
        return self.record.formula.true if q.kind == FORMULA and self.record.formula else None

    def slopes(self) -> list[Quantity]:
        """The derivatives said, last first; before one is said, that by the only variable."""
        said = [s.quantity for s in reversed(self.record.said) if s.quantity.kind == DERIVATIVE]
        said = [q for q in dict.fromkeys(said) if q.order == 1]
        if said := [q for q in said if q.by not in self.ground.functions]:
            return said
        with suppress(MatderivError):
            return [self.reader.resolved(Quantity(DERIVATIVE))]
        return []

    def verdict(self, q: Quantity, e: Expr) -> Verdict:
        if q.kind == FORMULA:
            assert self.record.formula is not None
            return self.equated(self.record.formula.true, e)
        if q.kind == VALUE and self.rest.stated:
            return self.equated(self.ground.functions[q.of], e)
        return self.ground.verdict(q, e, diagnosis=False)

    def equated(self, left: Expr, right: Expr) -> Verdict:
        """Whether two formulas are equal, everywhere or where a derivative is zero."""
        verdict = self.ground.equal(left, right, diagnosis=False)
        identity = self.doubts.sloped and not self.rest.is_about(left, right)
        if verdict.correct is False and verdict.diagnosis != "shape" and not identity:
            slopes = self.slopes()
            if self.rest.stated and not (slopes or self.rest.slopes):
                return Verdict(
                    UNDECIDED, message="nothing says by which variable a derivative is 0"
                )
            found = self.rest.verdict(left, right, slopes) or verdict
            first = not any(s.quantity.kind in (DERIVATIVE, DIFFERENTIAL) for s in self.record.said)
            first = first and found.correct is False
            return A_CONDITION if first and self.rest.constrains(left, right) else found
        return verdict

    def explained(self, q: Quantity, e: Expr, wrong: Verdict) -> Verdict:
        """The verdict on a wrong side with its cause, as far as the work that is left allows."""
        formula = q.kind == FORMULA or (q.kind == VALUE and self.rest.stated)
        if formula and self.rest.stated:
            return wrong
        with suppress(WorkLimit):
            left = self.left(q)
            if formula and left is not None:
                return self.ground.equal(left, e)
            return self.ground.verdict(q, e)
        return wrong

    def expected(self, q: Quantity) -> Shape | None:
        left = self.left(q)
        return left.shape if left is not None else self.reader.shape_of(q)
