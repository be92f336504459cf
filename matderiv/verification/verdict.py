"""What verifying a hand derivation found, as values that print for a person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from matderiv.arguments import in_short
from matderiv.errors import visible
from matderiv.expr import Expr
from matderiv.lazy import Shown
from matderiv.numeric.report import CheckReport
from matderiv.verification.field.exact import ExactReport

PROVED, VERIFIED, DISPROVED, UNDECIDED = "proved", "verified", "disproved", "undecided"


@dataclass(frozen=True)
class Counterexample:
    """A point where the answer is wrong: sizes, values, the entry, and both values there.

    `entry` counts from 1, over the axes of f and then of the variable; None where only random
    directions were compared. Drawn again by the same call with the same `seed`.
    """

    sizes: Mapping[str, int]
    values: Mapping[str, Any] = field(repr=False)
    entry: tuple[int, ...] | None
    claimed: float
    truth: float
    seed: int

    def __str__(self) -> str:
        sizes = ", ".join(f"{n} = {s}" for n, s in sorted(self.sizes.items()))
        at = "in a random direction" if self.entry is None else "the value"
        if self.entry:
            at = f"entry ({', '.join(map(str, self.entry))})"
        where = f" at {sizes}" if sizes else ""
        digits = next((d for d in (6, 9, 12, 15) if _apart(self.truth, self.claimed, d)), 17)
        truth, claimed = f"{self.truth:.{digits}g}", f"{self.claimed:.{digits}g}"
        return f"{at} is {truth}, the answer says {claimed}{where}, seed {self.seed}"


def _apart(a: float, b: float, digits: int) -> bool:
    """True if two numbers differ as they are printed."""
    return f"{a:.{digits}g}" != f"{b:.{digits}g}"


@dataclass(frozen=True, repr=False)
class Verdict(Shown):
    """Whether an answer is the derivative, how surely, and what is wrong with it.

    `verdict` is "proved", "verified", "disproved" or "undecided"; `diagnosis` a stable code and
    `message` a sentence for a person; `suggestion` the answer with its smallest correction, as
    text, `corrected` the same as an expression, and `part` what is new in it; `report` the numeric
    check, `exact` the identity test.

    >>> print(Verdict("disproved", diagnosis="sign", message="The sign is wrong."))
    disproved (sign): The sign is wrong.
    """

    verdict: str
    diagnosis: str | None = None
    message: str = ""
    counterexample: Counterexample | None = None
    report: CheckReport | None = None
    exact: ExactReport | None = None
    suggestion: str | None = None
    notes: tuple[str, ...] = ()
    part: Expr | None = None
    corrected: Expr | None = None

    @property
    def correct(self) -> bool | None:
        """True for proved and verified, False for disproved, None for undecided."""
        return {PROVED: True, VERIFIED: True, DISPROVED: False}.get(self.verdict)

    @property
    def hint(self) -> str:
        """The kind of mistake and nothing more."""
        if self.verdict != DISPROVED:
            return self.verdict
        return hint_of(self.diagnosis, "the answer is wrong")

    def __repr__(self) -> str:
        return f"<Verdict {in_short(str(self), 100)}>"

    def __str__(self) -> str:
        code = f" ({self.diagnosis})" if self.diagnosis else ""
        lines = [f"{self.verdict}{code}" + (f": {self.message}" if self.message else "")]
        if self.counterexample is not None:
            lines.append(f"  {self.counterexample}")
        return visible("\n".join([*lines, *(f"  note: {n}" for n in self.notes)]))


def hint_of(code: str | None, otherwise: str) -> str:
    """The kind of mistake behind a code; behind each of two for a code such as transpose+sign.

    >>> hint_of("transpose+sign", "")
    'a transpose is missing or too many; a sign is wrong'
    """
    return "; ".join(HINTS.get(c, otherwise) for c in (code or "").split("+"))


HINTS = {
    "transpose": "a transpose is missing or too many",
    "other-layout": "right up to a transposition of the whole: another layout",
    "sign": "a sign is wrong",
    "factor": "a number as a factor is wrong",
    "missing-term": "a term is missing",
    "extra-term": "there is a term too many",
    "hadamard-for-product": "an entrywise and a matrix product are confused",
    "order-of-factors": "the factors of a product are in the wrong order",
    "missing-chain-factor": "a factor of the chain rule is missing",
    "extra-factor": "there is a factor too many",
    "sum-for-mean": "a sum and a mean are confused",
    "axis": "a sum is taken along another axis",
    "power": "an exponent is wrong",
    "wrong-function": "a function is confused with another, such as its derivative",
    "wrong-variable": "one name stands where another belongs",
    "inverse": "an inverse is missing or too many",
    "symmetric-shortcut": "a matrix is treated as symmetric that need not be",
    "other-convention": "another convention for the structured variable",
    "needs-fact": "right only under an assumption that is not declared",
    "diagonal": "a diagonal and the whole matrix are confused",
    "rounded-constant": "a rounded decimal stands for an exact number",
    "shape": "the answer has the wrong shape",
    "term": "one term is wrong",
}
