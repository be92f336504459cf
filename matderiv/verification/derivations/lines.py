"""verify_steps: a derivation checked line by line, and where it breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from matderiv.arguments import given, one_of, require_whole, require_word
from matderiv.calculus.derivation import LAYOUTS
from matderiv.calculus.structure import STRUCTURES
from matderiv.errors import MatderivError, UnknownName
from matderiv.expr import Expr, variables
from matderiv.input.from_sympy.reader import from_sympy
from matderiv.input.resolve import Reading, read_name
from matderiv.language.printer import text
from matderiv.notation.chains import facts
from matderiv.numeric.check import MAX_POINTS, MAX_SEED
from matderiv.shapes import shape_text
from matderiv.verification.derivations.definitions import Definition, read_definitions
from matderiv.verification.derivations.findings import UNREAD, LineVerdict, StepsVerdict
from matderiv.verification.derivations.ground import Ground
from matderiv.verification.derivations.marks import Reader
from matderiv.verification.derivations.plan import Plan, names_in, planned, unadorned
from matderiv.verification.derivations.steps import Steps
from matderiv.verification.documents.declared import Declared
from matderiv.verification.documents.exercises import is_formula, whole
from matderiv.verification.documents.passages import Lines, Passage
from matderiv.verification.documents.statements import Statement, statement
from matderiv.verification.judging import POINTS
from matderiv.verification.verdict import UNDECIDED

MOST_GUESSES = 4  # names that are tried as vectors


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


def verify_steps(
    lines: str | Sequence[str],
    f: Any = None,
    wrt: Any = None,
    *,
    shapes: Mapping[str, Any] | None = None,
    assume: Mapping[str, Any] | None = None,
    layout: str = "gradient",
    structure: str | None = None,
    seed: int = 0,
    points: int = POINTS,
    diagnosis: bool = True,
) -> StepsVerdict:
    """A derivation checked line by line: each line against the truth and the one before it.

    `lines` is a text or a list of lines. Lines define names (`z = A*x - b`), say differentials
    (`df = 2*z'*dz`), derivatives (`∇f = ...`, `∂f/∂x = ...`, `f'(x) = ...`), go on (`= ...`), or
    say that two formulas are equal. The function is `f`, or what the lines define; the variable is
    `wrt`, or what the lines differentiate by. A line that cannot be read is said and passed over.
    Raises what reading the function raises.

    >>> found = verify_steps('''f = norm2(z)^2
    ... z = A*x - b
    ... df = 2*z'*dz = 2*z'*A*dx
    ... ∇f = 2*A*z''', shapes={"A": "m,n", "b": "m"})
    >>> found.correct, found.first_wrong.number, found.first_wrong.diagnosis
    (False, 4, 'transpose')
    """
    document = lines if isinstance(lines, str) else "\n".join(_listed(lines))
    document = document.removeprefix("\ufeff").replace("\r\n", "\n")
    found = whole(document)
    declared = found.declared.joined(Declared(dict(shapes or {}), dict(assume or {})))
    problem = Problem(document, found.passages, declared.shapes, declared.assume)
    problem.facts, problem.stationary = found.declared.assume, found.stationary
    return problem.verdict(f, wrt, Conventions(layout, structure, seed, points, diagnosis))


def _listed(lines: Any) -> list[str]:
    """The lines of a derivation that is given as a list; MatderivError for anything else."""
    if not isinstance(lines, list | tuple) or not all(isinstance(s, str) for s in lines):
        raise MatderivError(
            f"a derivation is a text, or a list of lines, not {given(lines)}",
            hint='["f = x\'*A*x", "df = ..."]',
        )
    return list(lines)


@dataclass
class Problem:
    """One derivation of a document; `facts` are what the document itself says about names.

    `stationary` says that its words set a derivative to zero. `progress` gets the lines as they are
    judged for the first time, so that they are there when the work is ended from outside.
    """

    document: str
    passages: Sequence[Passage]
    shapes: dict[str, Any]
    assume: dict[str, Any]
    title: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    stationary: bool = False
    progress: list[LineVerdict] = field(default_factory=list)

    def verdict(self, f: Any, wrt: Any, conventions: Conventions) -> StepsVerdict:
        """Every line judged; where a guess about a name makes a line wrong, another guess counts.

        Nothing says that a in a'*x is a vector but that the lines are right then.
        """
        given = self._given(f)
        plan = self._plan(given, _names(wrt))
        self.assume = self._occurring(plan)
        found, reading = self._judged(plan, given, wrt, conventions)
        if found.unsure and not self._moving(reading, plan, wrt):
            found = self._by_any(found, reading, plan, given, conventions)
        if found.correct is not False:
            return found
        best, chosen = found, {}
        quick = replace(conventions, diagnosis=False)
        for shapes in _other_kinds(reading):
            other = replace(self, shapes={**self.shapes, **shapes})
            with suppress(MatderivError):
                judged, _ = other._judged(plan, given, wrt, quick)
                if judged.wrong < best.wrong and judged.unsure <= found.unsure:
                    best, chosen = judged, shapes
            if best.correct:
                break
        if chosen and best.correct is False:
            other = replace(self, shapes={**self.shapes, **chosen})
            best, _ = other._judged(plan, given, wrt, conventions)
        return replace(best, notes=(*best.notes, *_kinds_said(chosen)))

    def _by_any(
        self,
        found: StepsVerdict,
        reading: Reading,
        plan: Plan,
        given: list[Definition],
        conventions: Conventions,
    ) -> StepsVerdict:
        """The verdict with the variable by which most sides are right, if there is one."""
        quick = replace(conventions, diagnosis=False)
        tried = []
        for v in variables(reading.expr)[:MOST_GUESSES]:
            judged, _ = self._judged(plan, given, v.name, quick)
            tried.append((judged.right, v.name))
        tried.sort(key=lambda pair: -pair[0])
        if not tried or tried[0][0] <= max([found.right, *(n for n, _ in tried[1:])]):
            return found
        name = tried[0][1]
        best, _ = self._judged(plan, given, name, conventions)
        said = f"taking {name} as the variable of differentiation"
        return replace(best, notes=(*best.notes, said))

    def _plan(self, given: list[Definition], fixed: list[str]) -> Plan:
        """The plan, in which w with a star or a hat is w at a stationary point."""
        plan = self._planned(self.passages, given, fixed)
        moving = {*fixed, *plan.by, *plan.arguments, *plan.solved} - {""}
        used = {n for d in plan.definitions for n in names_in(d.passage)}
        passages = [unadorned(p, moving, used) for p in self.passages]
        if [p.text for p in passages] == [p.text for p in self.passages]:
            return plan
        self.stationary = True
        return self._planned(passages, given, fixed)

    @staticmethod
    def _planned(passages: Sequence[Passage], given: list[Definition], fixed: list[str]) -> Plan:
        statements = [s for p in passages if (s := _statement(p)) is not None]
        return planned(statements, given, fixed)

    def _occurring(self, plan: Plan) -> dict[str, Any]:
        """The facts; of those that the document says, only those about names that occur."""
        names = {n for d in plan.definitions for n in names_in(d.passage)}
        known = {*self.shapes, *names, *(d.name for d in plan.definitions)}
        idle = self.facts.keys() - known
        self.facts = {n: word for n, word in self.facts.items() if n not in idle}
        return {n: words for n, words in self.assume.items() if n not in idle}

    def _judged(
        self, plan: Plan, given: list[Definition], wrt: Any, conventions: Conventions
    ) -> tuple[StepsVerdict, Reading]:
        lines = Lines(self.document)
        reading, broken = self._reading(plan, given, lines)
        ground = self._ground(reading, plan, wrt, conventions)
        reader = Reader(ground, self.document, plan.function)
        steps = Steps(ground, reader, lines, stationary=self.stationary)
        steps.diagnosis = conventions.diagnosis
        steps.found = steps.found if self.progress else self.progress
        for chain in plan.chains:
            steps.chain(chain)
        known = {line.number: line for line in broken}
        found = [known.get(line.number, line) for line in steps.found]
        said = [f"{n} is {word}, as the text says" for n, word in self.facts.items()]
        notes = (*reading.notes, *said, *dict.fromkeys(steps.notes))
        return StepsVerdict(tuple(found), self.title, notes), reading

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

    def _reading(
        self, plan: Plan, given: Sequence[Definition], lines: Lines
    ) -> tuple[Reading, list[LineVerdict]]:
        """All definitions read together; those of lines that cannot be read are left out."""
        wanted = [d for d in plan.definitions if d.name != plan.function]
        wanted += [d for d in plan.definitions if d.name == plan.function]
        broken: list[LineVerdict] = []
        while True:
            if not wanted:
                raise MatderivError(
                    "nothing says which function is differentiated", hint="a line f = ..."
                )
            try:
                reading = read_definitions(
                    wanted, self.document, shapes=self.shapes, assume=self.assume
                )
                return reading, broken
            except MatderivError as error:
                at = _blamed(error, wanted)
                if at is None or at.name == plan.function or at in given:
                    raise
                wanted.remove(at)
                broken.append(_unread(error, at.passage, lines))

    @staticmethod
    def _moving(reading: Reading, plan: Plan, wrt: Any) -> list[str]:
        """The names that move: as asked, as the lines say, or the only one there is."""
        names = _names(wrt)
        for said in (plan.by, plan.changing, plan.arguments, plan.solved):
            names = names or [n for n in reading.variables if n in said]
        occurring = [v.name for v in variables(reading.expr)]
        return names or (occurring if len(occurring) == 1 else [])

    def _ground(self, reading: Reading, plan: Plan, wrt: Any, c: Conventions) -> Ground:
        functions = dict(reading.parts)
        names = self._moving(reading, plan, wrt)
        moving = {}
        for name in names:
            v = read_name(reading, name)
            if v is None:
                raise UnknownName(f"there is no variable {name}", hint=one_of(reading.variables))
            moving[v.name] = v
        return Ground(reading, functions, moving, c.layout, c.structure, c.seed, c.points)


def _other_kinds(reading: Reading) -> Iterator[dict[str, str]]:
    """Guessed scalars as vectors, each alone, all of one size, each of its own.

    A vector is a scalar only where it is the one variable of an f that is no number, such as x^2:
    in x'*A*x it would hide what is wrong about A.
    """
    guessed = [v for n, v in reading.variables.items() if n in reading.guessed]
    scalars = [v.name for v in guessed if not v.shape][:MOST_GUESSES]
    sizes = [n for n in "nmkpqrstd" if n not in {*reading.sizes, *(v.name for v in guessed)}]
    for name, size in product(scalars, sizes[:1]):
        yield {name: size}
    if len(scalars) > 1 and sizes:
        yield dict.fromkeys(scalars, sizes[0])
        yield dict(zip(scalars, sizes, strict=False))
    if reading.expr.shape and len(guessed) == 1 and variables(reading.expr) == guessed:
        yield {guessed[0].name: ""}


def _kinds_said(shapes: Mapping[str, str]) -> Iterator[str]:
    for name, size in shapes.items():
        kind = f"a vector of size {size}" if size else "a scalar"
        yield f"taking {name} as {kind}, which makes more lines right"


def _names(wrt: Any) -> list[str]:
    if wrt is None:
        return []
    many = wrt if isinstance(wrt, list | tuple) else [wrt]
    return [w.strip() if isinstance(w, str) else str(getattr(w, "name", w)) for w in many]


def _statement(p: Passage) -> Statement | None:
    """The statement of a line; a bare formula goes on, prose is None."""
    found = statement(p)
    if found is not None:
        return found
    return Statement(None, (p,), p, goes_on=False) if is_formula(p.text) else None


def _blamed(error: MatderivError, definitions: Sequence[Definition]) -> Definition | None:
    """The definition where an error stands."""
    if error.span is None:
        return None
    place = error.span[0]
    return next((d for d in definitions if place in d.passage.places), None)


def _unread(error: MatderivError, passage: Passage, lines: Lines) -> LineVerdict:
    number, line, span = lines.number(passage.start), "", None
    if error.span is not None:
        at, span = lines.within(error.span)
        line = lines.text(at)
    said = f"not read: {error.message}" + (f"\ntry: {error.hint}" if error.hint else "")
    return LineVerdict(number, passage.text, UNDECIDED, UNREAD, said, line=line, span=span)
