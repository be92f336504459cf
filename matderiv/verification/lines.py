"""verify_steps: a derivation checked line by line, and where it breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matderiv.errors import MatderivError, UnknownName
from matderiv.expr import Expr, variables
from matderiv.input.from_sympy import from_sympy
from matderiv.input.resolve import Reading, read_name
from matderiv.notation.chains import facts
from matderiv.output.text import text
from matderiv.shapes import shape_text
from matderiv.verification.declared import Declared
from matderiv.verification.definitions import Definition, read_definitions
from matderiv.verification.documents import is_formula, whole
from matderiv.verification.findings import UNREAD, LineVerdict, StepsVerdict
from matderiv.verification.ground import Ground
from matderiv.verification.judging import POINTS
from matderiv.verification.marks import Reader
from matderiv.verification.passages import Lines, Passage
from matderiv.verification.plan import Plan, planned
from matderiv.verification.statements import Statement, statement
from matderiv.verification.steps import Steps
from matderiv.verification.verdict import UNDECIDED


@dataclass(frozen=True)
class Conventions:
    """How derivatives are laid out and checked: as in `verify`."""

    layout: str = "gradient"
    structure: str | None = None
    seed: int = 0
    points: int = POINTS
    diagnosis: bool = True


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
    document = lines if isinstance(lines, str) else "\n".join(lines)
    found = whole(document)
    declared = found.declared.joined(Declared(dict(shapes or {}), dict(assume or {})))
    problem = Problem(document, found.passages, declared.shapes, declared.assume)
    problem.facts = found.declared.assume
    return problem.verdict(f, wrt, Conventions(layout, structure, seed, points, diagnosis))


@dataclass
class Problem:
    """One derivation of a document; `facts` are what the document itself says about names."""

    document: str
    passages: Sequence[Passage]
    shapes: dict[str, Any]
    assume: dict[str, Any]
    title: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    def verdict(self, f: Any, wrt: Any, conventions: Conventions) -> StepsVerdict:
        """Every line judged."""
        lines = Lines(self.document)
        given = self._given(f)
        statements = [s for p in self.passages if (s := _statement(p)) is not None]
        plan = planned(statements, given, _names(wrt))
        reading, broken = self._reading(plan, given, lines)
        ground = self._ground(reading, plan, wrt, conventions)
        steps = Steps(ground, Reader(ground, self.document, plan.function), lines)
        steps.diagnosis = conventions.diagnosis
        for chain in plan.chains:
            steps.chain(chain)
        known = {line.number: line for line in broken}
        found = [known.get(line.number, line) for line in steps.found]
        said = [f"{n} is {word}, as the text says" for n, word in self.facts.items()]
        notes = (*reading.notes, *said, *dict.fromkeys(steps.notes))
        return StepsVerdict(tuple(found), self.title, notes)

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

    def _ground(self, reading: Reading, plan: Plan, wrt: Any, c: Conventions) -> Ground:
        functions = dict(reading.parts)
        named = _names(wrt)
        names = named
        for said in (plan.by, plan.changing, plan.arguments):
            names = names or [n for n in reading.variables if n in said]
        occurring = [v.name for v in variables(reading.expr)]
        names = names or (occurring if len(occurring) == 1 else [])
        moving = {}
        for name in names:
            v = read_name(reading, name)
            if v is None:
                raise UnknownName(
                    f"there is no variable {name}", hint=f"one of {', '.join(reading.variables)}"
                )
            moving[v.name] = v
        return Ground(reading, functions, moving, c.layout, c.structure, c.seed, c.points)


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
