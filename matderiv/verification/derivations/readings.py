"""The definitions of a derivation as far as they can be read; the others, each with its error."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from matderiv.errors import LimitError, MatderivError, ShapeError, UnknownName
from matderiv.expr import variables
from matderiv.input.meaning.subscripts import split_label
from matderiv.input.resolve import Reading
from matderiv.verification.derivations.choices import LOSSES
from matderiv.verification.derivations.components import entry_name
from matderiv.verification.derivations.definitions import Definition, read_definitions
from matderiv.verification.derivations.findings import LineVerdict, unread
from matderiv.verification.derivations.memory import Memory
from matderiv.verification.derivations.plan import Plan
from matderiv.verification.documents.positions import Lines, Passage, closing
from matderiv.verification.documents.statements import names_in
from matderiv.verification.quantities import LATEX_NAME

Read = tuple[Reading, dict[str, tuple[LineVerdict, MatderivError]]]
"""What was read, and by their names the definitions that were not."""
_SQUARE = re.compile(
    r"[^()=]*?(?P<open>(?:\\left\s*)?\().*?(?P<closes>(?:\\right\s*)?)(?P<close>\))"
    r"\s*(?:\^\s*(?:2|\{\s*2\s*\})|²)\s*[.,]?\s*"
)
MOST_CULPRITS = 12  # definitions that are left out each by itself


@dataclass(frozen=True)
class Definitions:
    """Where definitions stand, and what is declared about their names.

    Those that cannot be read are kept in `memory` by their names and what is behind them: kinds of
    other names change nothing about them. None that is not `unread` may be left out, if some are.
    """

    document: str
    shapes: Mapping[str, Any]
    assume: Mapping[str, Any]
    summed: bool
    memory: Memory
    unread: Set[str] | None = None

    def read(self, plan: Plan, given: Sequence[Definition], lines: Lines) -> Read:
        """All definitions read together; those of lines that cannot be read are left out."""
        wanted = [d for d in plan.definitions if d.name != plan.function]
        wanted += [d for d in plan.definitions if d.name == plan.function]
        keys, known = {d: self._what_is_behind(d, wanted) for d in wanted}, self.memory.unread
        errors = {d: known[keys[d]] for d in wanted if keys[d] in known and d not in given}
        for d, error in errors.items():
            self._leave_out(d, error)
        broken = {d.name: (unread(d.passage, e, lines), e) for d, e in errors.items()}
        wanted = [d for d in wanted if d not in errors]
        tried: dict[Definition, tuple[Definition, MatderivError]] = {}
        while True:
            try:
                return self._together(wanted), broken
            except UnknownName as error:
                name = error.message.split()[0]
                if name not in self.assume:
                    raise
                return self.without(name).read(plan, given, lines)
            except MatderivError as error:
                at = _blamed(error, wanted) or self._culprit(wanted)
                if at is None or at in given:
                    raise
                if isinstance(error, ShapeError) and (other := _otherwise(at)) not in (at, *tried):
                    wanted[wanted.index(at)] = other
                    tried[other] = at, error
                    continue
                if (better := self._with_row(wanted, at)) is not None:
                    return better, broken
                wanted.remove(at)
                at, error = tried.get(at, (at, error))
                broken[at.name] = unread(at.passage, error, lines), error
                if not isinstance(error, LimitError):
                    known[keys[at]] = error
                self._leave_out(at, error)

    def _leave_out(self, d: Definition, error: MatderivError) -> None:
        """Raises the error of a definition that has to be read."""
        if self.unread is not None and d.name not in self.unread:
            raise error

    def _what_is_behind(self, d: Definition, wanted: Sequence[Definition]) -> object:
        """A definition with those that it needs, and what is declared about their names."""
        said = {other.name: other for other in wanted}
        names, left = {d.name}, [d]
        while left:
            found = {
                n for name in names_in(left.pop().passage) for n in (name, split_label(name)[0])
            }
            left += [said[n] for n in found - names if n in said]
            names |= found
        typed = tuple((n, said[n].passage.text if n in said else "") for n in sorted(names))
        declared = (str((n, self.shapes.get(n), self.assume.get(n))) for n in sorted(names))
        return d, typed, self.summed, *declared

    def without(self, name: str) -> Definitions:
        """The same without what is assumed about a name that occurs nowhere."""
        kept = {n: said for n, said in self.assume.items() if n != name}
        return replace(self, assume=kept)

    def _together(self, wanted: Sequence[Definition]) -> Reading:
        wanted = summed(wanted) if self.summed else wanted
        said = {"shapes": self.shapes, "assume": self.assume}
        return read_definitions(wanted, self.document, **said, memory=self.memory)

    def _with_row(self, wanted: Sequence[Definition], at: Definition) -> Reading | None:
        """What is read if the bias of a definition that `at` is of is a row."""
        names = {split_label(name)[0] for name in names_in(at.passage)}
        for d in wanted:
            other = _otherwise(d) if d is not at and d.name in names else d
            if other != d:
                with suppress(MatderivError):
                    return self._together([other if one is d else one for one in wanted])
        return None

    def _culprit(self, wanted: Sequence[Definition]) -> Definition | None:
        """The first definition without which the others can be read."""
        for d in wanted[:MOST_CULPRITS] if len(wanted) > 1 else ():
            with suppress(MatderivError):
                self._together([other for other in wanted if other is not d])
                return d
        return None


def with_stars(p: Passage, signs: str = r"(?<![.*])\*(?!\*)") -> Passage | None:
    """A text in which * multiplies entry by entry, as it does in programs; None without one."""
    other = p if p.latex or p.python else p.replaced(signs, lambda m: f".{m[0]}")
    return other if other is not p else None


def _otherwise(d: Definition) -> Definition:
    r"""The definition with a bias that stands last as a row, which is added to each row.

    In a text * is that of entries.

    >>> _otherwise(Definition("Z", Passage.of("XW + b", latex=True))).passage.text
    'XW +b^\\top'
    """
    typed = rf"(?<=\+)\s*(\\?(?:boldsymbol|mathbf|bm)?\s*\{{?\s*{LATEX_NAME}\s*\}}?)\s*$"
    turned = d.passage.replaced(typed, lambda m: rf"{m[1].strip()}^\top")
    return replace(d, passage=turned if d.passage.latex else with_stars(d.passage) or d.passage)


def summed(definitions: Sequence[Definition]) -> tuple[Definition, ...]:
    """The definitions with a norm for the square in brackets that a loss is.

    >>> [d.passage.text for d in summed([Definition("L", Passage.of("½(h - y)²"))])]
    ['½‖h - y‖²']
    """
    return tuple(
        replace(d, passage=_normed(d.passage)) if d.name in LOSSES else d for d in definitions
    )


def _normed(p: Passage) -> Passage:
    found = _SQUARE.fullmatch(p.text)
    if found is None or closing(p.text, found.end("open") - 1) != found.start("close"):
        return p
    sign = r"\|" if p.latex else "‖"
    last = p.with_part(found.start("closes"), found.end("close"), sign)
    return last.with_part(*found.span("open"), sign)


def _blamed(error: MatderivError, definitions: Sequence[Definition]) -> Definition | None:
    """The definition where an error stands."""
    if error.span is None:
        return None
    place = error.span[0]
    return next((d for d in definitions if place in d.passage.places), None)


def moving_names(reading: Reading, plan: Plan, wrt: Any) -> list[str]:
    """The names that move: as asked, as the lines say, or the only one there is."""
    names = asked_names(wrt)
    for said in (plan.by | plan.changing, plan.arguments, plan.solved):
        arrays = {entry_name(n, reading.variables, reading.rows)[0] for n in said}
        names = names or [n for n in reading.variables if n in arrays]
    occurring = [v.name for v in variables(reading.expr)]
    return names or (occurring if len(occurring) == 1 else [])


def asked_names(wrt: Any) -> list[str]:
    """The names of the variables that are asked about.

    >>> asked_names(["x ", "y"]), asked_names(None)
    (['x', 'y'], [])
    """
    many = wrt if isinstance(wrt, list | tuple) else [] if wrt is None else [wrt]
    return [w.strip() if isinstance(w, str) else str(getattr(w, "name", w)) for w in many]
