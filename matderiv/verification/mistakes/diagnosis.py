"""What is said about a wrong answer: a stable code, a sentence, and the corrected answer."""

from dataclasses import dataclass

from matderiv.choosing.items import item_of, multiplied
from matderiv.errors import MatderivError
from matderiv.expr import Expr, fold, is_, number, rebuild
from matderiv.language.printer import text
from matderiv.words.chains import transposed_chain
from matderiv.words.monomials import scaled
from matderiv.words.signs import total

SHOWN = 160  # characters of a formula in a message


def tidied(e: Expr) -> Expr:
    """The same value: signs and numbers in front, transposes inside, sums in one row.

    >>> a, b, c = (variable(n, (3,)) for n in "abc")
    >>> text(tidied((-a * b) + (b + -c)))
    'b - a.*b - c'
    >>> A, B = variable("A", (3, 3)), variable("B", (3, 3))
    >>> text(tidied((2 * (A @ B.T)).T / 2))
    "B*A'"
    """
    try:
        found = fold(e, _tidy)
    except MatderivError:
        return e
    return found if found.shape == e.shape else e


def _tidy(node: Expr, args: tuple[Expr, ...]) -> Expr:
    made = rebuild(node, args)
    tidy = made
    if is_(node, "add"):
        tidy = total(args)
    elif is_(node, "transpose"):
        tidy = _turned(args[0])
    elif is_(node, "neg"):
        tidy = multiplied(number(-1), *args)
    elif is_(node, "mul"):
        tidy = multiplied(*args)
    elif is_(node, "div", "hadamard", "ediv"):
        tidy = multiplied(made)
    return tidy if tidy.shape == node.shape else made


def _turned(e: Expr) -> Expr:
    """The transpose, carried out on products, and on sums that are no longer for it."""
    if is_(e, "add"):
        turned = total([_turned(a) for a in e.args])
        return turned if turned.weight < e.T.weight else e.T
    c, scalars, word = item_of(e)
    turned = scaled(c, scalars, transposed_chain(word))
    return turned if turned.weight <= e.T.weight else e.T


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
