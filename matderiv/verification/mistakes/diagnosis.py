"""What is said about a wrong answer: a stable code, a sentence, and the corrected answer."""

from dataclasses import dataclass

from matderiv.expr import Expr
from matderiv.language.printer import text
from matderiv.verification.mistakes.tidying import tidied

SHOWN = 160  # characters of a formula in a message


@dataclass(frozen=True)
class Diagnosis:
    """A code, a message for a person, the corrected answer as text, and the part that is new.

    `change` says the correction alone, to be joined with another; `corrected` is the whole answer
    with it.
    """

    code: str
    message: str
    suggestion: str | None = None
    part: Expr | None = None
    corrected: Expr | None = None
    change: str = ""


@dataclass(frozen=True)
class Said:
    """The beginning of a sentence about a change, with the part that it adds."""

    words: str
    part: Expr | None = None

    def __str__(self) -> str:
        return self.words if self.part is None else f"{self.words} {short(text(self.part))}"


def explained(
    code: str, before: Expr | None, after: Expr | None, whole: Expr, said: Said
) -> Diagnosis:
    """The diagnosis for one part of an answer that is replaced by another."""
    corrected, right = tidier(whole)
    was = "" if before is None else text(before)
    now = "" if after is None else text(after) if was else tidier(after)[1]
    if was and now and max(len(was), len(now)) <= SHOWN:
        change = f"{said}: {now} for {was}"
        message = f"You wrote {was}. {said} it is right: {now}."
    else:
        change = f"{said}: {short(now or right)}"
        message = f"{said} it is right: {short(now or right)}."
    if now != right and len(right) <= SHOWN:
        message += f" The whole: {right}."
    return Diagnosis(code, message, right, said.part or after, corrected, change)


def tidier(e: Expr) -> tuple[Expr, str]:
    """An expression and its text, tidied where that makes it shorter."""
    tidy = tidied(e)
    as_typed, spelled = text(e), text(tidy)
    return (tidy, spelled) if len(spelled) < len(as_typed) else (e, as_typed)


def short(formula: str) -> str:
    """A formula, cut off where it is long."""
    return formula if len(formula) <= SHOWN else formula[: SHOWN - 1] + "…"
