"""A document with several derivations, each checked line by line."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from matderiv.errors import MatderivError
from matderiv.verification.derivations.findings import (
    AGAIN,
    BEFORE,
    UNREAD,
    LineVerdict,
    StepsVerdict,
)
from matderiv.verification.derivations.memory import Memory
from matderiv.verification.derivations.problems import Conventions, Problem
from matderiv.verification.documents.declarations import Declared
from matderiv.verification.documents.exercises import Exercise, defined_in, exercises
from matderiv.verification.documents.positions import Lines
from matderiv.verification.documents.rewriting import PLAIN
from matderiv.verification.documents.statements import equal_signs, names_in, statement
from matderiv.verification.quantities import VALUE
from matderiv.verification.verdict import UNDECIDED

PARTS = 9  # definitions of the same name in one exercise
STAGES = 3  # places where facts change in one exercise
_OF_COLUMNS = re.compile(
    r"(?i)softmax[^.$]{0,60}\bcolumn|\bcolumn[^.$]{0,60}softmax|one-hot columns"
)
_ENTRY_OF_PI = re.compile(r"(?:\\pi|π)\s*_")


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
        said = ("not finished: more lines may follow",)
        found = StepsVerdict(tuple(self.lines), self.title, said)
        return found.doubted("other kinds of its names were not tried")


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
    lines = Lines(document)
    paper = Paper(document, Declared.of(shapes, assume), wrt, conventions or Conventions())
    for exercise in exercises(document, suffix):
        yield from paper.in_parts(exercise, lines, progress)


@dataclass(frozen=True)
class Paper:
    """A document with what is declared and asked from outside, and what was found out so far."""

    document: str
    given: Declared
    wrt: Any
    conventions: Conventions
    memory: Memory = field(default_factory=Memory)

    def in_parts(
        self, exercise: Exercise, lines: Lines, progress: Progress | None
    ) -> Iterator[StepsVerdict]:
        """The verdicts on an exercise and on the parts that begin where a name is defined again.

        Where it is not sure that a part begins, lines count in both ways.
        """
        before: dict[tuple[int, str], LineVerdict] = {}
        for n in range(PARTS):
            verdict, first = self.judged(exercise, progress), lines.number(exercise.start)
            own = [line for line in verdict.lines if line.number >= first]
            own = [_in_both(line, before.get((line.number, line.text))) for line in own]
            again = next((line for line in own if line.diagnosis == AGAIN), None)
            open_ = {line.number for line in verdict.lines if line.diagnosis == UNREAD}
            found = _part(exercise, again, lines, open_) if n < PARTS - 1 else None
            if again is not None and found is not None:
                exercise, sure = found
                later = own[own.index(again) :]
                before = {} if sure else {(line.number, line.text): line for line in later}
                own = own[: own.index(again)]
            yield _in_letters(replace(verdict, lines=tuple(own)))
            if found is None:
                return

    def judged(self, exercise: Exercise, progress: Progress | None) -> StepsVerdict:
        """The verdict on one exercise, or a part of one, each line by the facts that hold there.

        A line that is right only by facts that are said later, or not said for sure, is left open.
        Where x and x^{(i)} may be apart, the reading counts that explains more.
        """
        if (apart := exercise.by_examples()) is None:
            return self._judged(exercise, progress)
        first, second = (self._by_facts(e, quick=True) for e in (exercise, apart))
        better = second.score > first.score and not first.explains(second)
        better = better and second.decided >= first.decided
        better = better or second.explains(first)
        chosen, other = (apart, first) if better else (exercise, second)
        verdict = self._judged(chosen, progress)
        there = {(line.number, line.text): line for line in other.lines if line.correct}
        lines = (n if n.correct else there.get((n.number, n.text), n) for n in verdict.lines)
        return replace(verdict, lines=tuple(lines))

    def _judged(self, exercise: Exercise, progress: Progress | None) -> StepsVerdict:
        """The same for an exercise in which each name has one meaning."""
        verdict = self._by_facts(exercise, progress)
        lines = Lines(self.document)
        stages = sorted(exercise.late.items())[:STAGES]
        stages = [(lines.number(place), facts) for place, facts in stages if place > exercise.start]
        for number, facts in reversed(stages):
            declared = replace(exercise.declared, assume=facts)
            before = self._by_facts(replace(exercise, declared=declared))
            verdict = _merged(verdict, before, range(number), "right by what is said later")
        if exercise.declared.supposed and verdict.wrong:
            declared = exercise.declared.copy()
            declared.assume = {**declared.supposed, **declared.assume}
            other = self._by_facts(replace(exercise, declared=declared))
            verdict = verdict.unless(other, "right by what is not said for sure")
        if (verdict.wrong or verdict.open) and (apart := exercise.by_fonts()) is not None:
            other = self._by_facts(apart)
            unread = {line.number for line in verdict.lines if line.diagnosis == UNREAD}
            told = other.broken <= verdict.broken | unread and not other.open & verdict.broken
            fits = other.right >= verdict.right and other.wrong < verdict.wrong
            if told and (fits or other.right > verdict.right):
                verdict = other
        if verdict.wrong:
            for section in _sections(exercise):
                verdict = self._by_itself(verdict, section)
        if self.conventions.layout == "gradient" and exercise.by_rows and verdict.wrong:
            other = self._by_facts(replace(exercise, layouts=set()))
            verdict = _in_one_layout(verdict, other, "gradient")
        elif self.conventions.layout == "gradient" and any(
            k.correct is False and k.diagnosis == "other-layout" for k in verdict.lines
        ):
            for layout in ("numerator", "denominator"):
                there = replace(self, conventions=replace(self.conventions, layout=layout))
                verdict = _in_one_layout(verdict, there._by_facts(exercise), layout)
        return verdict

    def _by_itself(self, verdict: StepsVerdict, section: Exercise) -> StepsVerdict:
        """Lines are left open that are right if a section means other things by names before it."""
        lines = Lines(self.document)
        if not {lines.number(p.start) for p in section.passages} & verdict.broken:
            return verdict
        said = "right by itself: what is said before may be about something else"
        return verdict.unless(self._by_facts(section), said)

    def _by_facts(
        self, exercise: Exercise, progress: Progress | None = None, *, quick: bool = False
    ) -> StepsVerdict:
        """The verdict on one exercise by the facts that it declares; a `quick` one is a guess."""
        names = {n for p in exercise.passages for n in names_in(p)}
        own = exercise.declared.fitting(names)
        moved = exercise.moved | exercise.derived
        data = {n: fact for n, fact in own.supposed.items() if fact == "simplex" and n not in moved}
        own.assume = {**data, **own.assume}
        declared = own.joined(self.given)
        pi = "pi_" if any(_ENTRY_OF_PI.search(p.text) for p in exercise.passages) else "pi"
        both = declared.shapes, declared.assume  # with an index pi is no constant
        shapes, assume = ({pi if n == "pi" else n: d[n] for n in d} for d in both)
        problem = Problem(self.document, exercise.passages, shapes, assume)
        problem.title, problem.facts = exercise.title, own.assume
        problem.stationary, problem.unnamed = exercise.stationary, declared.unnamed
        problem.memory = self.memory
        if progress is not None:
            progress.title, progress.lines = exercise.title, problem.progress
        try:
            said = _said(exercise, self.conventions)
            verdict = problem.verdict(None, self.wrt, said, quick=quick)
            rows = any("of each row; of each column" in note for note in verdict.notes)
            other = rows and _OF_COLUMNS.search(self.document)
            return verdict.doubted("the softmax may be of each column") if other else verdict
        except MatderivError as error:
            return _unreadable(error, exercise, Lines(self.document))


def _sections(exercise: Exercise) -> Iterator[Exercise]:
    """What stands under each heading, without what is said before; none without headings."""
    heads = sorted({exercise.start, *exercise.heads} - {0})
    for k, head in enumerate(heads):
        later = [p for p in exercise.passages if p.start >= head]
        own = [p for p in later if p.start < (heads[k + 1 :] or [p.start + 1])[0]]
        yield replace(exercise, passages=own, start=head)


def _in_one_layout(verdict: StepsVerdict, other: StepsVerdict, layout: str) -> StepsVerdict:
    """The verdict in another layout, if all that is said fits it, and more than one claim tells.

    If one claim alone tells which layout is meant, or layouts are mixed, it is left open; a
    gradient ∇f is a column where derivatives are rows, too.
    """
    right = {(line.number, line.text): line for line in other.lines if line.correct}
    if layout == "gradient":
        kept = (right.get((k.number, k.text), k) if _is_gradient(k) else k for k in verdict.lines)
        verdict = replace(verdict, lines=tuple(kept))
    against = {(line.number, line.text) for line in other.lines if line.correct is False}
    said = [line for line in verdict.lines if line.correct]
    wrong = [line for line in verdict.lines if line.correct is False]
    turned = [line for line in wrong if (line.number, line.text) in right]
    if not turned or any(k.diagnosis == "other-layout" and k not in turned for k in wrong):
        return verdict
    fits = not any((line.number, line.text) in against for line in said)
    if fits and len({line.text.partition("=")[0].strip() for line in turned}) > 1:
        note = f"taking the {layout} layout, which all derivatives here fit"
        return replace(other, notes=(*other.notes, note))
    if not fits and sum(line.follows is None for line in turned) == 1:
        return verdict  # one slip among other lines is a mistake, several are a habit
    if layout == "numerator" and any(map(_is_gradient, turned)):
        return verdict
    where = "no other line says which is meant" if fits else "other lines have another one"
    return verdict.unless(other, f"right in the {layout} layout, and {where}")


def _is_gradient(line: LineVerdict) -> bool:
    return bool(re.search(r"nabla|∇|[Gg]rad", line.text.partition("=")[0]))


def _in_letters(verdict: StepsVerdict) -> StepsVerdict:
    """What is said, with x for the name of an x that is not the bold one, and x^2 for a square."""

    def said(text: str) -> str:
        text = re.sub(rf"\\mathrm\{{{PLAIN}([A-Za-z]+)\}}", r"\1", text)
        text = re.sub(r"\b([A-Za-z]+)square\b", r"\1^2", text)
        return re.sub(rf"\b(?i:{PLAIN})(?=[A-Za-z]+\b)", "", text)

    lines = (
        replace(
            line,
            text=said(line.text),
            message=said(line.message),
            suggestion=line.suggestion and said(line.suggestion),
        )
        for line in verdict.lines
    )
    notes = tuple(said(note) for note in verdict.notes)
    return replace(verdict, lines=tuple(lines), notes=notes)


def _merged(after: StepsVerdict, before: StepsVerdict, numbers: range, reason: str) -> StepsVerdict:
    """Lines of `after`, those of `before` at these numbers; none wrong that is right after.

    >>> line = LineVerdict(1, "df = 2*A*x", "disproved", "factor")
    >>> right, wrong = replace(line, verdict="proved"), StepsVerdict((line,))
    >>> _merged(StepsVerdict((right,)), wrong, range(3), "so").lines[0].verdict
    'undecided'
    """
    lines = [line for line in after.lines if line.number not in numbers]
    roots = {line.number: line for line in after.lines if line.number in numbers}
    for k, line in enumerate(lines):  # what followed from a line that is right before
        if line.follows in roots:
            root = roots[line.follows]
            lines[k] = replace(root, number=line.number, text=line.text)
    lines += (n for n in before.unless(after, reason).lines if n.number in numbers)
    lines.sort(key=lambda line: line.number)
    return replace(after, lines=tuple(lines))


def _part(
    exercise: Exercise, again: LineVerdict | None, lines: Lines, unread: Collection[int]
) -> tuple[Exercise, bool] | None:
    """The part that begins where a name is defined again, and whether one surely does there."""
    named: set[str] = set()
    for k, p in enumerate(exercise.passages if again is not None else ()):
        s = statement(p)
        q = s.quantity if s is not None else None
        here = again is not None and lines.number(p.start) == again.number
        later = here and p.start > exercise.start
        if q is not None and q.kind == VALUE and later and q.of in named:
            kept = {p.start for p in exercise.passages[:k] if lines.number(p.start) in unread}
            return exercise.after(k, q.of, kept), p.start in exercise.parts
        named |= {*defined_in(p, q)} if q is not None else set()
    return None


def _in_both(line: LineVerdict, before: LineVerdict | None) -> LineVerdict:
    """A line by a definition that may be a new one, and by the one before."""
    if before is None or line.correct:
        return line
    if before.correct:
        return before
    if line.correct is None or before.diagnosis != BEFORE:
        return line
    said = f"wrong if a new name is defined here. {line.message}"
    return replace(line, verdict=UNDECIDED, diagnosis=None, message=said, follows=None)


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
    found = [LineVerdict(number, shown, UNDECIDED, UNREAD, said, line=line, span=span)]
    rest = {lines.number(p.start): p for p in exercise.passages if equal_signs(p.text)}
    told = (UNDECIDED, UNREAD, f"as in line {number}")
    found += [LineVerdict(k, p.text, *told) for k, p in rest.items() if k != number]
    return StepsVerdict(tuple(found), exercise.title)
