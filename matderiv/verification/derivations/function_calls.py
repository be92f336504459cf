r"""Functions with arguments: f(x) is f, and g(w'*x) is what g(z) is, with w'*x in place of z."""

import re
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from matderiv.errors import DomainError, MatderivError
from matderiv.input.meaning.subscripts import split_label
from matderiv.input.resolve import read
from matderiv.input.spelling import Spelled
from matderiv.language.calls import function_names
from matderiv.lazy import np
from matderiv.numeric.evaluate import evaluate
from matderiv.verification.documents.positions import Passage, closing
from matderiv.verification.documents.statements import Statement, names_in
from matderiv.verification.quantities import LATEX_SYMBOL, VALUE, latex_name

MOST = 30  # calls that are written out in one side
LONGEST = 4_000  # characters of a side
_OPENING = r"\s*(?:\\left\s*|\\[bB]igg?l?\s*)?[(\[]"
_FREE = r"(?<![A-Za-z0-9_])"
_START = (  # not within a name; after a power, or after a number that is a factor: 2f(x)
    rf"(?:(?<![A-Za-z0-9\\])|(?<=[\^_][A-Za-z0-9])|(?<={_FREE}\d)|(?<={_FREE}\d\d))"
)
_START_LATEX = r"(?:(?<![A-Za-z\\])|(?<=[\^_][A-Za-z0-9]))"  # \\frac12f(x)
_SIZES = r"\\(?:left|right|[bB]igg?[lr]?)(?![A-Za-z])|\s+"
_SIMPLE = re.compile(r"\\?[A-Za-z]+(?:[_^](?:\{[^{}+-]*\}|\w))*|[0-9.]+")
_WRITTEN = r"\\(?:operatorname\*?|math(?:rm|sf|tt)|text[a-z]*)\s*\{[^{}]*\}|\\[A-Za-z]+"
_MEMBER = (
    rf"(?P<base>{LATEX_SYMBOL})\s*(?:(?P<above>\^\s*\{{\s*\(\w\)\s*\}})|_\s*\{{?(?P<at>[a-z])\}}?)"
)
_POINTS = (-2.0, -0.3, 0.7, 1.9)


@dataclass(frozen=True)
class Called:
    """A function that a line defines with its arguments, as they are typed, and its body."""

    name: str
    head: str
    arguments: tuple[str, ...]
    body: Passage

    @property
    def is_sigmoid(self) -> bool:
        """True for `\\sigma(a) = 1/(1 + e^{-a})`, which says what σ is anyway."""
        if self.name != "sigma" or len(self.arguments) != 1:
            return False
        spelling = "latex" if self.body.latex else "text"
        with suppress(MatderivError):
            found = read(Spelled(self.body.text, spelling), kinds={self._argument: 0}).expr
            with suppress(DomainError), np.errstate(all="ignore"):
                values = [float(evaluate(found, {self._argument: np.array(x)})) for x in _POINTS]
                return bool(np.allclose(values, [1 / (1 + np.exp(-x)) for x in _POINTS]))
        return False

    def takes(self, given: Sequence[str], *, latex: bool) -> bool:
        """True where brackets behind its name are a call, whose body can be written there."""
        fits = len(given) == len(self.arguments) and latex == self.body.latex
        return fits and not _names(self, given)

    @property
    def _argument(self) -> str:
        typed = self.arguments[0]
        return latex_name(typed) if self.body.latex else typed


def called(name: str, first: Passage, body: Passage) -> Called | None:
    """The function that `f(x) = ...` defines; None for a name without arguments."""
    found = re.match(rf"(?P<head>[^()]+?){_OPENING}(?P<at>.*)[)\]]\s*$", first.text, re.DOTALL)
    if found is None:
        return None
    arguments = split(re.sub(r"\\right\s*$", "", found["at"]))
    return Called(name, found["head"].strip(), tuple(arguments), body)


def written(
    p: Passage, functions: Sequence[Called], filled: Collection[str] | None = None
) -> Passage:
    r"""A side with f for f(x), and with bodies in place of calls with other arguments.

    Only calls of those that are `filled`, if given; those of others stay.

    >>> g = called("g", Passage.of("g(z)"), Passage.of("exp(z)/z"))
    >>> written(Passage.of("g(z) + g(w'*x)*A"), [g]).text
    "g    + (exp((w'*x))/(w'*x))*A"
    """
    place, count = 0, 0
    while count < MOST and len(p.text) < LONGEST:
        found = next_call(p, functions, place)
        if found is None:
            break
        f, start, opening, stop = found
        given = split(p.text[opening + 1 : stop])
        same = [_plain(g) for g in given] == [_plain(a) for a in f.arguments]
        if same and not any("_" in a or "^" in a for a in f.arguments):
            sign = r"\cdot " if p.latex else "*"
            times = sign if re.match(_OPENING, p.text[stop + 1 :]) else ""
            p = p.erased(start + len(f.head), stop + 1).with_part(stop + 1, stop + 1, times)
            place = stop + 1
        elif (filled is None or f.name in filled) and f.takes(given, latex=p.latex):
            new = f"({filled_body(f, given)})"
            p, place, count = p.with_part(start, stop + 1, new), start, count + 1
        else:
            place = opening
    return p


def apart(statements: Sequence[Statement]) -> list[Statement]:
    """Statements in which the argument of g(z) = 1/(1 + exp(-z)) is not the array of all z_i.

    It gets a letter that nobody uses, in what is said about g and in the lines that go on from it.
    """
    defined = {s.quantity.of for s in statements if s.quantity and s.quantity.kind == VALUE}
    families = {base for base, at in map(split_label, defined) if at.isalpha() and len(at) < 3}
    clashing = {
        s.quantity.of: s.quantity.at[0]
        for s in statements
        if s.quantity and s.quantity.kind == VALUE and len(s.quantity.at) == 1
        if s.quantity.at[0] in families or _is_of_numbers(s, statements)
        if len(s.quantity.at[0]) == 1
    }
    used = {n for s in statements for side in s.sides for n in names_in(side)}
    free = [c for c in "uvtsqr" if not any(n.split("_")[0] == c for n in used)]
    found: list[Statement] = []
    about = ""
    for s in statements:
        q = s.quantity
        about = (q.of if q.of in clashing else "") if q is not None else about
        if about and free and not any(f"{clashing[about]}_" in n for n in names_in(s.sides[-1])):
            s = _renamed(s, clashing[about], free[0])
        found.append(s)
    return found


def _is_of_numbers(s: Statement, statements: Sequence[Statement]) -> bool:
    """True for `g(z) = 1/(1 + exp(-z))` that is called with formulas, where z is anything else."""
    q = s.quantity
    f = called(q.of, s.sides[0], s.sides[-1]) if q is not None else None
    if q is None or f is None or names_in(f.body) - {*function_names(), "e", "pi"} != {*q.at}:
        return False
    said = [t for t in statements if t.quantity and t.quantity.kind == VALUE]
    others = [p for t in said if t.quantity != q and q.at[0].islower() for p in t.sides[1:]]
    calls = ((p, next_call(p, [f], 0)) for p in others)
    return any(c and _plain(p.text[c[2] + 1 : c[3]]) != _plain(f.arguments[0]) for p, c in calls)


def _renamed(s: Statement, name: str, new: str) -> Statement:
    """A statement with another letter for a name."""
    typed = rf"(?:(?<![A-Za-z\\])|(?<=[^A-Za-z\\]d)){name}(?![A-Za-z])"  # of dz, too
    q = s.quantity
    if q is not None:
        at = tuple(new if n == name else n for n in q.at)
        q = replace(q, at=at, by=new if q.by == name else q.by)
    sides = tuple(side.replaced(typed, lambda m: new) for side in s.sides)
    return replace(s, quantity=q, sides=sides)


def next_call(
    p: Passage, functions: Iterable[Called], place: int
) -> tuple[Called, int, int, int] | None:
    """The first call: the function, where it starts, its bracket, and where that is closed."""
    best: tuple[Called, int, int, int] | None = None
    for f in functions:
        head = r"\s*".join(re.escape(part) for part in f.head.split())
        start = _START_LATEX if p.latex else _START
        start = start if not head.startswith("\\\\") else ""
        found = re.compile(rf"{start}{head}(?![A-Za-z']){_OPENING}").search(p.text, place)
        if found is None or (best is not None and found.start() >= best[1]):
            continue
        stop = closing(p.text, found.end() - 1)
        if stop is not None:
            best = f, found.start(), found.end() - 1, stop
    return best


def filled_body(f: Called, given: Sequence[str]) -> str:
    r"""The body with other arguments.

    >>> f = called("f", Passage.of("f(x)", latex=True), Passage.of(r"Ax + \exp x", latex=True))
    >>> filled_body(f, ["y"])
    'A{y} + \\exp {y}'
    """
    text = f.body.text
    for k, name in enumerate(f.arguments):
        typed = _typed(name)
        if f.body.latex and len(name) == 1:
            typed = rf"(?P<word>{_WRITTEN})|{re.escape(name)}"
        text = re.sub(typed, partial(_marked, k), text)
    for k, value in enumerate(given):
        inside = re.sub(r"\\right\s*$", "", value).strip()
        if f.body.latex and (found := re.fullmatch(_MEMBER, inside)):
            text = re.sub(rf"\x00{k}\x00\s*_\s*\{{?(\w+)\}}?", partial(_entry_of, found), text)
        if not _SIMPLE.fullmatch(inside):
            inside = f"({inside})"
        text = text.replace(f"\x00{k}\x00", f"{{{inside}}}" if f.body.latex else inside)
    return text


def _entry_of(member: re.Match[str], below: re.Match[str]) -> str:
    """The entry j of a member: x_j^{(i)} of x^{(i)}, and x_{ij} of x_i."""
    above = member["above"] or ""
    return f"{member['base']}_{{{member['at'] or ''}{below[1]}}}{above}"


def _marked(k: int, match: re.Match[str]) -> str:
    """The place of an argument; words stay."""
    return match.groupdict().get("word") or f"\x00{k}\x00"


def _typed(name: str) -> str:
    """A pattern for an argument where it stands alone."""
    letters = re.escape(name.strip())
    before = "" if name.strip().startswith("\\") else r"(?<![A-Za-z\\])"
    return rf"{before}{letters}(?![A-Za-z])"


def _names(f: Called, given: Sequence[str]) -> bool:
    """True for g(1 - g), which is a product: g alone is g of its own argument."""
    alone = rf"(?<![A-Za-z\\]){re.escape(f.head)}(?![A-Za-z'])(?!{_OPENING})"
    return any(re.search(alone, g) for g in given)


def _plain(typed: str) -> str:
    return re.sub(_SIZES, "", typed)


def split(inside: str) -> list[str]:
    """Arguments between commas, semicolons and bars outside brackets."""
    found, depth, start = [], 0, 0
    for k, c in enumerate(inside):
        depth += (c in "([{") - (c in ")]}")
        if c in ",;" and not depth and inside[k - 1 : k] != "\\":
            found.append(inside[start:k])
            start = k + 1
    return [part.strip() for part in (*found, inside[start:])]
