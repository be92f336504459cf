"""A document with several derivations, each checked line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from matderiv.errors import MatderivError
from matderiv.verification.derivations.findings import (
    AGAIN,
    UNREAD,
    LineVerdict,
    StepsVerdict,
)
from matderiv.verification.derivations.problems import Conventions, Problem
from matderiv.verification.documents.declared import Declared
from matderiv.verification.documents.exercises import Exercise, exercises
from matderiv.verification.documents.passages import Lines
from matderiv.verification.documents.statements import names_in, statement
from matderiv.verification.verdict import DISPROVED, UNDECIDED


@dataclass
class Progress:
    """The exercise that is being judged, and its lines so far."""

    title: str = ""
    lines: list[LineVerdict] = field(default_factory=list)

    @property
    def verdict(self) -> StepsVerdict:
        """What is known when the work ends here.

        Other kinds of names might have made a wrong line right, so no line is called wrong.
        """
        lines = tuple(
            replace(line, verdict=UNDECIDED, message=f"wrong at first sight. {line.message}")
            if line.verdict == DISPROVED
            else line
            for line in self.lines
        )
        return StepsVerdict(lines, self.title, ("not finished: more lines may follow",))


def verify_homework(
    document: str,
    suffix: str = "txt",
    *,
    wrt: Any = None,
    shapes: Mapping[str, Any] | None = None,
    assume: Mapping[str, Any] | None = None,
    conventions: Conventions | None = None,
    progress: Progress | None = None,
) -> Iterator[StepsVerdict]:
    """The verdicts on the exercises of a document, in order, as they are found.

    `suffix` says how it is written: txt, md or tex. `shapes` and `assume` hold for all exercises,
    besides what the document declares. An exercise that cannot be read is said, not raised.
    `progress` is kept up to date for whoever ends the work from outside.

    >>> document = '''# First
    ... f = x'*A*x
    ... df = x'*(A + A')*dx
    ... # Second
    ... f = x'*x
    ... ∇f = x'''
    >>> [(v.title, v.correct) for v in verify_homework(document, "md")]
    [('First', True), ('Second', False)]
    """
    given = Declared.of(shapes, assume)
    lines = Lines(document)
    for exercise in exercises(document, suffix):
        left: Exercise | None = exercise
        while left is not None:
            verdict = _judged(document, left, given, wrt, conventions or Conventions(), progress)
            first = lines.number(left.start)
            own = tuple(line for line in verdict.lines if line.number >= first)
            again = next((line for line in own if line.diagnosis == AGAIN), None)
            left = _part(left, again, lines)
            if left is not None:
                last = lines.number(left.start)
                own = tuple(line for line in own if line.number < last)
            yield replace(verdict, lines=own)


def _judged(
    document: str,
    exercise: Exercise,
    given: Declared,
    wrt: Any,
    conventions: Conventions,
    progress: Progress | None,
) -> StepsVerdict:
    """The verdict on one exercise, or a part of one."""
    names = {n for p in exercise.passages for n in names_in(p)}
    declared = exercise.declared.fitting(names).joined(given)
    problem = Problem(document, exercise.passages, declared.shapes, declared.assume)
    problem.title, problem.facts = exercise.title, exercise.declared.assume
    problem.stationary, problem.unnamed = exercise.stationary, declared.unnamed
    if progress is not None:
        progress.title, progress.lines = exercise.title, problem.progress
    try:
        return problem.verdict(None, wrt, _said(exercise, conventions))
    except MatderivError as error:
        return _unreadable(error, exercise, Lines(document))


def _part(exercise: Exercise, again: LineVerdict | None, lines: Lines) -> Exercise | None:
    """The part that begins where a name is defined again; None where none does."""
    if again is None:
        return None
    named: set[str] = set()
    for k, p in enumerate(exercise.passages):
        s = statement(p)
        name = s.quantity.of if s is not None and s.quantity is not None else ""
        begins = lines.number(p.start) == again.number and p.start in exercise.parts
        begins = begins and p.start > exercise.start
        if begins and name in named:
            return exercise.after(k, name)
        named.add(name)
    return None


def _said(exercise: Exercise, given: Conventions) -> Conventions:
    """The conventions, with the layout that the words of an exercise say where none is asked."""
    rows = exercise.by_rows and given.layout == "gradient"
    return replace(given, layout="numerator") if rows else given


def _unreadable(error: MatderivError, exercise: Exercise, lines: Lines) -> StepsVerdict:
    """An exercise whose function could not be read."""
    number, line, span = lines.number(exercise.passages[0].start), "", None
    if error.span is not None and error.source == lines.document:
        number, span = lines.within(error.span)
        line = lines.text(number)
    said = f"not read: {error.message}" + (f"\ntry: {error.hint}" if error.hint else "")
    shown = line or exercise.passages[0].text
    found = LineVerdict(number, shown, UNDECIDED, UNREAD, said, line=line, span=span)
    return StepsVerdict((found,), exercise.title)
