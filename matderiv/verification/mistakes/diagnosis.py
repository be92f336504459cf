"""What is said about a wrong answer: a stable code, a sentence, and the corrected answer."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from matderiv.choosing.items import item_of, multiplied
from matderiv.errors import MatderivError
from matderiv.expr import Expr, fold, is_, number, rebuild, variable
from matderiv.language.printer import text
from matderiv.shapes import is_scalar
from matderiv.words.chains import symmetric, transposed_chain
from matderiv.words.monomials import scaled
from matderiv.words.signs import total

SHOWN = 160  # characters of a formula in a message
_parts: ContextVar[dict[Expr, Expr]] = ContextVar("the parts that have names")


@contextmanager
def naming(parts: Iterable[tuple[str, Expr]]) -> Iterator[None]:
    """Formulas are spelled with the names of these parts from here on: A'*r, not A'*(A*x - b)."""
    token = _parts.set({e: part_named(name, e) for name, e in [*parts][::-1] if e.args})
    try:
        yield
    finally:
        _parts.reset(token)


def part_named(name: str, e: Expr) -> Expr:
    """A variable in place of a part, which is as symmetric."""
    square = len(e.shape) == 2 and not is_scalar(e.shape) and symmetric(e)
    return variable(name, e.shape, ("symmetric",) if square else ())


def named(e: Expr) -> Expr:
    """An expression with the names of its parts, also of terms of a sum, factors of a product."""
    parts = _parts.get({})
    rows = [part for part in parts if is_(part, "add", "mul", "hadamard")]

    def visit(node: Expr, args: tuple[Expr, ...]) -> Expr:
        if node in parts:
            return parts[node]
        for part in (row for row in rows if is_(node, row.function.name)):
            k = len(part.args)
            for i in range(len(args) - k + 1):
                if node.args[i : i + k] == part.args:
                    return rebuild(node, (*args[:i], parts[part], *args[i + k :]))
        return rebuild(node, args)

    return fold(e, visit) if parts else e


def as_whole(e: Expr) -> Expr:
    """The same for a whole answer, which is written out where it is such a part itself."""
    found = named(e)
    return e if found in _parts.get({}).values() else found


def spelled(e: Expr) -> str:
    """The text of an expression, its parts by their names."""
    return text(named(e))


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
        return self.words if self.part is None else f"{self.words} {short(spelled(self.part))}"


def explained(
    code: str, before: Expr | None, after: Expr | None, whole: Expr, said: Said
) -> Diagnosis:
    """The diagnosis for one part of an answer that is replaced by another."""
    corrected, right = tidier(whole)
    was = "" if before is None else spelled(before)
    now = "" if after is None else spelled(after) if was else tidier(after)[1]
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
    as_typed, tidy = text(as_whole(e)), text(tidied(as_whole(e)))
    return (tidied(e), tidy) if len(tidy) < len(as_typed) else (e, as_typed)


def short(formula: str) -> str:
    """A formula, cut off where it is long."""
    return formula if len(formula) <= SHOWN else formula[: SHOWN - 1] + "…"
