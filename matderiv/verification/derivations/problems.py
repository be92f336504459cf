"""One derivation of a document: read as a whole, judged line by line, by the choice that fits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from matderiv.arguments import one_of, require_whole, require_word
from matderiv.calculus.derivative import LAYOUTS
from matderiv.calculus.structure import STRUCTURES
from matderiv.errors import MatderivError, Span, UnknownName
from matderiv.expr import Expr, variables
from matderiv.input.from_sympy.objects import from_sympy
from matderiv.input.meaning.evidence import TIME
from matderiv.input.resolve import Reading
from matderiv.input.variables import read_name
from matderiv.language.printer import text
from matderiv.lazy import quiet
from matderiv.numeric.check import MAX_POINTS, MAX_SEED
from matderiv.shapes import shape_text
from matderiv.verification.derivations.choices import Choice, Unsaid, counted, unread_kinds
from matderiv.verification.derivations.definitions import Definition
from matderiv.verification.derivations.differentials import Reader
from matderiv.verification.derivations.findings import LineVerdict, StepsVerdict
from matderiv.verification.derivations.ground import Ground
from matderiv.verification.derivations.memory import Memory
from matderiv.verification.derivations.plan import (
    Plan,
    label_of,
    planned,
    sizes_apart,
    unadorned,
    used_names,
    with_identities,
)
from matderiv.verification.derivations.readings import (
    Definitions,
    Read,
    asked_names,
    moving_names,
    with_stars,
)
from matderiv.verification.derivations.roles import NUMBER
from matderiv.verification.derivations.stationary import LAGRANGE
from matderiv.verification.derivations.steps import JudgedSides
from matderiv.verification.derivations.upstream import dependent, derivatives, upstreams
from matderiv.verification.documents.positions import Lines, Passage
from matderiv.verification.documents.statements import names_in, stated
from matderiv.verification.judging import POINTS
from matderiv.words.chains import facts
from matderiv.work import MILLION, WorkLimit, bounded

MOST_GUESSES = 4  # names that are tried as the variable
ROUNDS = 2  # choices that are made one after the other
MOST = 2 * MILLION  # units of work for one derivation
A_LINE = MILLION // 4  # more for each of its lines
_NO_FUNCTION = "nothing says which function is differentiated"


@dataclass(frozen=True)
class Conventions:
    """How derivatives are laid out and checked: as in `verify`."""

    layout: str = "gradient"
    structure: str | None = None
    seed: int = 0
    points: int = POINTS
    diagnosis: bool = True

    def __post_init__(self) -> None:
        require_word(self.layout, "layout", LAYOUTS)
        if self.structure is not None:
            require_word(self.structure, "structure", STRUCTURES)
        require_whole(self.seed, "seed", 0, MAX_SEED)
        require_whole(self.points, "points", 1, MAX_POINTS)


@dataclass(frozen=True)
class Outcome:
    """A derivation as it was judged under one choice; `error` is that of reading its function.

    `concerned` are the names that wrong lines are about, `flat` the places where a number stands as
    an array: transposed, in a norm, `unread` the names of definitions that could not be read.
    """

    verdict: StepsVerdict
    reading: Reading
    error: MatderivError | None = None
    concerned: frozenset[str] = frozenset()
    flat: frozenset[Span] = frozenset()
    unread: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """True if the function was read."""
        return self.error is None


@dataclass(frozen=True)
class Task:
    """What is to be judged, and how; `said` is what was taken about the variable.

    No definitions but those that are `unread` may be left out, if some are given.
    """

    plan: Plan
    given: tuple[Definition, ...]
    wrt: Any
    conventions: Conventions
    said: tuple[str, ...] = ()
    unread: frozenset[str] | None = None


@dataclass
class Problem:
    """One derivation of a document; `facts` are what the document itself says about names.

    `stationary` says that its words set a derivative to zero, `unnamed` are facts said of nothing
    in particular. A `strict` one raises the error of a function that cannot be read. `progress`
    gets the lines as they are judged first: they are there if the work is ended from outside.
    """

    document: str
    passages: Sequence[Passage]
    shapes: dict[str, Any]
    assume: dict[str, Any]
    title: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    stationary: bool = False
    unnamed: Sequence[tuple[str, Sequence[str]]] = ()
    strict: bool = False
    summed: bool = False
    progress: list[LineVerdict] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    readings: dict[str, Read] = field(default_factory=dict)
    fitting: set[tuple[int, str]] = field(default_factory=set)

    @quiet()
    def verdict(
        self, f: Any, wrt: Any, conventions: Conventions, *, quick: bool = False
    ) -> StepsVerdict:
        """Every line judged; where a guess makes lines wrong, another guess counts.

        Nothing says that a in a'*x is a vector but that the lines are right then. A guess that
        leaves more open explains nothing: a mistake would hide behind a line that no longer reads.
        What takes too much work is left open. Causes are searched last; `quick` is the first guess.
        """
        most = MOST + A_LINE * len(self.passages)
        given = self._given(f)
        plan = self._plan(given, asked_names(wrt))
        self.shapes = sizes_apart(self.shapes, plan)
        numbers = counted([d.passage for d in plan.definitions]) | plan.moving & {TIME}
        self.shapes = {**dict.fromkeys(numbers - self._sizes(), ""), **self.shapes}
        task = Task(plan, tuple(given), wrt, replace(conventions, diagnosis=False))
        with bounded(most):
            found = self._judged(task, patient=True)
        if quick:
            return found.verdict.settled
        open_ = found.verdict.unsure and (self.stationary or derivatives(plan))
        by = (open_ or found.verdict.wrong) and replace(plan, solved=frozenset())
        if by and not moving_names(found.reading, by, wrt):  # solved for is not by
            with suppress(WorkLimit), bounded(most):
                task, found = self._by_any(found, task)
        loose = bool(found.verdict.ends or Choice.of_losses(found.reading))
        loose = found.verdict.unsure > 0 and (loose or any(map(with_stars, self.passages)))
        if found.verdict.correct is not False and found.whole and not loose:
            return found.verdict
        with bounded(most):
            chosen, every = self._best(found, task)
        if not chosen and self.strict and found.error and not found.verdict.decided:
            raise found.error
        with bounded(most):
            verdict = self._with(chosen)._explained(found, chosen, task, conventions)
        verdict = verdict.settled.fitted(self.fitting)
        said = "other kinds of its names were not tried: too much work"
        return verdict if every or not verdict.wrong else verdict.doubted(said)

    def _best(self, found: Outcome, task: Task) -> tuple[Choice, bool]:
        """The choice under which most lines are right, and whether all could be tried."""
        chosen, best, every = Choice(), found.verdict.score, True
        for _ in range(ROUNDS):
            tried: list[tuple[tuple[int, int], Choice]] = []
            try:
                for choice in self._unsaid(found, task.plan, chosen).choices():
                    other = self._with(chosen.and_(choice))
                    if other._is_better(found, task, choice, tried):
                        break
            except WorkLimit:
                every = False
            better = [pair for pair in tried if pair[0] > best]
            if not better:
                break
            best, choice = max(better, key=lambda pair: pair[0])
            chosen = chosen.and_(choice)
        return chosen, every

    def _is_better(
        self,
        found: Outcome,
        task: Task,
        choice: Choice,
        tried: list[tuple[tuple[int, int], Choice]],
    ) -> bool:
        """Judge by a choice, and keep its score if it explains as much; True if all is right."""
        try:
            judged = self._judged(replace(task, unread=found.unread))
        except WorkLimit:
            raise
        except MatderivError:
            return False
        if judged.flat - found.flat or choice.collapses(found.reading, judged.reading):
            return False
        fits = judged.verdict.right >= found.verdict.right
        fits = fits and judged.verdict.decided >= found.verdict.decided
        hidden = judged.verdict.open - found.verdict.open
        self.fitting |= set() if hidden else judged.verdict.fits()
        if fits and not hidden & found.verdict.broken:
            tried.append((judged.verdict.score, choice))
        return bool(
            judged.verdict.correct or (fits and judged.verdict.wrong < 1 <= found.verdict.wrong)
        )

    def _explained(
        self, found: Outcome, chosen: Choice, task: Task, conventions: Conventions
    ) -> StepsVerdict:
        """The verdict under the choice that fits best, with the causes of what is wrong."""
        verdict = self._judged(task).verdict if chosen else found.verdict
        if verdict.wrong and conventions.diagnosis:
            task = replace(task, conventions=conventions)
            explained = self._judged(task, patient=True).verdict
            verdict = explained if explained.broken == verdict.broken else verdict
        notes = dict.fromkeys((*verdict.notes, *task.said, *chosen.said()))
        return replace(verdict, notes=tuple(notes))

    def _with(self, choice: Choice) -> Problem:
        shapes, assume = {**self.shapes, **choice.shapes}, {**choice.assume, **self.assume}
        return replace(self, shapes=shapes, assume=assume, summed=self.summed or choice.summed)

    def _unsaid(self, found: Outcome, plan: Plan, chosen: Choice) -> Unsaid:
        """What the problem leaves open about the names that wrong lines are about."""
        reading = found.reading
        kinds = {n: len(v.shape) for n, v in reading.variables.items() if n in reading.guessed}
        declared = {*self.shapes, *chosen.shapes}
        if not found.whole:
            kinds = {**unread_kinds(plan, declared), **kinds}
        elif found.concerned or not (found.verdict.wrong or any(map(with_stars, self.passages))):
            kinds = {n: axes for n, axes in kinds.items() if n in found.concerned}
        kinds = {n: axes for n, axes in kinds.items() if n not in declared}
        named = [(n, v) for n, v in reading.variables.items() if n not in self.assume]
        square = [n for n, v in named if len(v.shape) == 2 and v.shape[:1] == v.shape[1:]]
        unknown = (reading.guessed & (found.concerned or reading.guessed)) - self.assume.keys()
        passages = [d.passage for d in plan.definitions]
        return Unsaid(kinds, passages, reading, self.unnamed, square, unknown, found.verdict.ends)

    def _by_any(self, found: Outcome, task: Task) -> tuple[Task, Outcome]:
        """The task with the variable by which most sides are right, or wrong ones fit, if any."""
        unsaid = self._unsaid(found, task.plan, Choice())
        choices, tried = [Choice(), *(unsaid.counts() if found.verdict.ends else ())], []
        for choice, v in product(choices, variables(found.reading.expr)[:MOST_GUESSES]):
            with suppress(UnknownName):  # a size is no variable
                judged = self._with(choice)._judged(replace(task, wrt=v.name))
                tried.append((judged.verdict.fitting, v.name, choice, judged))
        none = (found.verdict.right, 0), "", Choice(), found
        fits, name, choice, best = max(tried, key=lambda t: t[0], default=none)
        if fits <= max([none[0], *(t[0] for t in tried if t[1] != name)]):
            return task, found
        self.shapes = {**self.shapes, **choice.shapes}
        said = f"taking {name} as the variable of differentiation"
        best = replace(best, verdict=replace(best.verdict, notes=(*best.verdict.notes, said)))
        return replace(task, wrt=name, said=(said,)), best

    def _plan(self, given: list[Definition], fixed: list[str]) -> Plan:
        """The plan, in which w with a star or a hat is w at a stationary point.

        Solutions with two labels are two: the second is of another problem.
        """
        plan = self._planned(self.passages, given, fixed)
        moving = {*fixed, *plan.moving} - {""}
        used = used_names(plan, moving)
        first = next((found for p in self.passages if (found := label_of(p))), "")
        own = ("", first)
        passages = [unadorned(p, moving, used) if label_of(p) in own else p for p in self.passages]
        if [p.text for p in passages] == [p.text for p in self.passages]:
            return plan
        self.stationary = True
        return self._planned(passages, given, fixed)

    def _sizes(self) -> set[str]:
        """The names of declared sizes."""
        said = [size for size in self.shapes.values() if isinstance(size, str)]
        return {part.strip() for size in said for part in size.split(",")} - {""}

    def _planned(
        self, passages: Sequence[Passage], given: list[Definition], fixed: list[str]
    ) -> Plan:
        statements = [s for p in passages if (s := stated(p)) is not None]
        sizes = self._sizes()
        for k, s in enumerate(statements):
            if s.quantity and s.quantity.of in sizes and NUMBER.fullmatch(s.sides[-1].text):
                statements[k] = replace(s, condition=True)
        plan = planned(statements, given, fixed)
        return plan if plan.definitions or plan.function else with_identities(plan)

    def _given(self, f: Any) -> list[Definition]:
        """The function from outside, as a definition."""
        if f is None:
            return []
        if not isinstance(f, str):
            e = f if isinstance(f, Expr) else from_sympy(f, dict(self.assume))
            for v in variables(e):
                self.shapes.setdefault(v.name, v.shape and shape_text(v.shape).replace(" × ", ","))
                if facts(v):
                    self.assume.setdefault(v.name, sorted(facts(v)))
            f = text(e)
        self.document = f"{self.document}\n{f}"
        return [Definition("f", Passage.of(f, len(self.document) - len(f)))]

    def _judged(self, task: Task, *, patient: bool = False) -> Outcome:
        """Every line judged; a `patient` try leaves open what takes too much work."""
        declared = (sorted(d.items()) for d in (self.shapes, self.assume, self.facts))
        said = self.stationary, self.strict, self.summed, task.wrt, task.conventions, patient
        key = (*self.passages, *task.given, repr([*declared, *said]))
        known: dict[object, Outcome] = self.memory.outcomes
        if key not in known:
            known[key] = self._newly_judged(task, patient=patient)
        elif not self.progress:
            self.progress += known[key].verdict.lines
        return known[key]

    def _newly_judged(self, task: Task, *, patient: bool) -> Outcome:
        plan, conventions, lines = task.plan, task.conventions, Lines(self.document)
        if not plan.definitions and not plan.function and self.strict:
            raise MatderivError(_NO_FUNCTION, hint="a line f = ...")
        reading, broken = self._read(task, lines)
        ground = self._ground(reading, plan, task.wrt, conventions)
        upstreams(ground, plan, broken.keys())
        reader = Reader(ground, self.document, plan.function, standard=plan.standard)
        reader.arguments, reader.calls = plan.calls, plan.functions
        reader.strangers |= dependent(ground, plan)
        steps = JudgedSides(ground, reader, lines, stationary=self.stationary)
        steps.diagnosis = conventions.diagnosis
        steps.broken = {name: line for name, (line, _) in broken.items()}
        for name, (line, _) in broken.items():
            steps.doubts.unread(name, line.number)
        steps.doubts.abstract, steps.doubts.derived = plan.abstract, plan.by
        steps.rest.constrained = bool(LAGRANGE.search(self.document))
        steps.doubts.strict = steps.rest.strict = self.strict
        steps.told.found = [] if self.progress else self.progress
        for chain in plan.chains:
            try:
                steps.chain(chain)
            except WorkLimit as error:
                if not patient:
                    raise
                steps.left_open(chain, error)
        heard = ((n, word) for n, word in self.facts.items() if n in reading.variables)
        said = [f"{n} is {word}, as the text says" for n, word in heard]
        own = reading.variables.keys() - {n for p in self.passages for n in names_in(p)}
        made = {f"taking {n} as a scalar" for n in own}
        every = (n for n in (*reading.notes, *said, *steps.notes) if "; declare it with" not in n)
        told = dict.fromkeys(re.sub(r"\bpi_ ", "pi ", n) for n in every if n not in made)
        verdict = StepsVerdict(tuple(steps.told.found), self.title, (*told,))
        if not plan.function and not verdict.decided:
            raise MatderivError(_NO_FUNCTION, hint="a line f = ...")
        unread = broken.get(plan.function, (None, None))[1]
        concerned, flat = frozenset(steps.concerned), reading.flat | reader.flat
        return Outcome(verdict, reading, unread, concerned, flat, frozenset(broken))

    def _read(self, task: Task, lines: Lines) -> Read:
        """The definitions under what is declared here, read once."""
        key = repr((sorted(self.shapes.items()), sorted(self.assume.items()), self.summed))
        if key not in self.readings:
            declared = self.shapes, self.assume, self.summed
            source = Definitions(self.document, *declared, self.memory, task.unread)
            self.readings[key] = source.read(task.plan, task.given, lines)
        return self.readings[key]

    def _ground(self, reading: Reading, plan: Plan, wrt: Any, c: Conventions) -> Ground:
        functions, moving = dict(reading.parts), {}
        for name in moving_names(reading, plan, wrt):
            v = read_name(reading, name)
            if v is None:
                raise UnknownName(f"there is no variable {name}", hint=one_of(reading.variables))
            moving[v.name] = v
        how = (c.layout, c.structure, c.seed, c.points)
        still = moving.keys() - plan.changing  # dφ of φ(X) has no dB
        still = still if len(still) < len(moving) else set()
        return Ground(reading, functions, moving, *how, self.memory, still=still)
