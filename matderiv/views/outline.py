"""The frame of every view: what is read, one part for each order, the answer, the facts used."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from matderiv.expr import Expr, variables
from matderiv.tensors.tensor import Factor, Term, renamed
from matderiv.views.document import (
    DECLARED_FACT,
    Derived,
    Document,
    Form,
    NamedValue,
    Partial,
    Section,
    Side,
    Step,
)
from matderiv.views.reasons import reasoned
from matderiv.views.stages import (
    FORWARD_MODE,
    Stage,
    about,
    change_of,
    names_in_use,
    projected,
    reading_steps,
    stages,
    tokens,
)
from matderiv.views.truth import first_needing, verified
from matderiv.words.chains import facts

LONGEST = 300  # longer results are not compared word by word
ORDINALS = ("First", "Second", "Third", "Fourth")
DECLARED = f" + {DECLARED_FACT}"


@dataclass(frozen=True)
class Told:
    """What a view says of one stage; `last` gives the lines that end in a result as printed."""

    stage: Stage
    sections: Sequence[Section]
    symbols: Sequence[NamedValue]
    last: Callable[[Derived], list[Step]]


@dataclass(frozen=True)
class View:
    """A way to tell a derivation: its name, the heading and the rule of its results.

    `tell` is called for each stage with the names in use.
    """

    name: str
    tell: Callable[[Derived, Stage, set[str]], Told]
    rule: str
    heading: str

    def document(self, of: Sequence[Derived], *, check: bool) -> Document:
        """The derivation, every line evaluated unless `check` is off, and the facts used named.

        Several derivations of one function share their stage, as `stages.shared` says.
        """
        d, *more = of
        found = stages(of)
        sections, symbols, last = self._told(d, found, set().union(*map(names_in_use, of)))
        ends = [[*map(reasoned, last(each))] for each in of]
        others = tuple(step for steps in ends for step in steps[:-1])
        sections += [Section(self.heading, others)] if others else []
        answers = tuple(_once(sections, steps[-1]) for steps in ends)
        told = {s.variable.name for s in symbols}
        document = Document(
            view=self.name,
            f=found[0].called,
            shown=d.f,
            wrt=d.wrt,
            upstream=d.upstream,
            about=about(*of),
            symbols=tuple(symbols),
            sections=tuple(s for s in sections if s.steps),
            answers=answers,
            names=frozenset().union(*(each.names for each in of)),
            order=d.order,
            others=tuple(each.wrt for each in more),
            values={
                p.node: p.variable.name
                for s in found
                for p in s.pieces[:-1]
                if p.variable.name not in told
            },
        )
        if check:
            verified(document)
        return naming_facts(document, d.f, *document.variables)

    def _told(
        self, d: Derived, found: Sequence[Stage], taken: set[str]
    ) -> tuple[list[Section], list[NamedValue], Callable[[Derived], list[Step]]]:
        """What is told of the stages one after the other, and how the last one ends."""
        taken |= {v.name for stage in found for v in (stage.called, stage.target)}
        taken |= {s.variable.name for stage in found for s in stage.symbols}
        sections: list[Section] = []
        symbols: list[NamedValue] = []
        said: set[tuple[Side, Form]] = set()
        for k, stage in enumerate(found):
            part = self.tell(d, stage, taken)
            title = "" if len(found) == 1 else f"{ORDINALS[k]} derivative: "
            own = [Section("Read as", reading_steps(stage)), *part.sections]
            for s in own:
                steps = tuple(reasoned(t) for t in s.steps if (t.left, t.right) not in said)
                sections.append(replace(s, title=title + s.title, steps=steps))
            symbols += [*part.stage.symbols, *part.symbols]
            if k + 1 < len(found):
                left, g = Partial(stage.target, d.wrt, projected=projected(d)), found[k + 1]
                result = reasoned(Step(left, g.shown, self.rule, names=g.called))
                step = _once(sections, result)
                sections.append(Section(title + "result", (step,)))
                said.add((g.called, step.right))
        if d.kind in FORWARD_MODE:
            symbols.append(NamedValue(change_of(found[0].called), "change", found[0].called))
        return sections, symbols, part.last


def _once(sections: list[Section], last: Step) -> Step:
    """A result; where a line says it already, that line, taken out of its section."""
    for k, section in enumerate(sections):
        for step in section.steps:
            if step.left == last.left and _alike(step.right, last.right):
                rest = tuple(s for s in section.steps if s is not step)
                sections[k] = replace(section, steps=rest)
                names = last.names or step.names
                return replace(step, right=last.right, names=names, continues=False)
    return last


def _alike(a: Form, b: Form) -> bool:
    """True for the same names and numbers, or the same products of entries, in any order."""
    if isinstance(a, Expr) and isinstance(b, Expr):
        return a is b or (a.weight < LONGEST and tokens(a) == tokens(b))
    if isinstance(a, Expr) or isinstance(b, Expr):
        return False
    at = dict(zip(b.axes, a.axes, strict=True))
    return _products(a.terms) == _products([renamed(t, at) for t in b.terms])


def _products(terms: Sequence[Term]) -> Counter[tuple[Fraction, frozenset[Factor]]]:
    return Counter((t.coefficient, frozenset(t.factors)) for t in terms)


# Declared facts -----------------------------------------------------------------------------------


def naming_facts(document: Document, f: Expr, *wrt: Expr) -> Document:
    """The document with every declared fact named in the first line that is not true without it."""
    for v in variables(f, *wrt):
        for word in sorted(facts(v)):
            told = first_needing(document, v, word)
            if told is not None:
                document = _marked(document, told, f"{v.name} is {word}")
    return document


def _marked(document: Document, told: Step, fact: str) -> Document:
    rule = told.rule if DECLARED in told.rule or not told.rule else told.rule + DECLARED
    why = f"{told.why} This uses that {fact}."
    made = replace(told, rule=rule, why=why, facts=(*told.facts, fact))
    sections = tuple(
        replace(s, steps=tuple(made if step is told else step for step in s.steps))
        for s in document.sections
    )
    answers = tuple(made if step is told else step for step in document.answers)
    return replace(document, sections=sections, answers=answers)
