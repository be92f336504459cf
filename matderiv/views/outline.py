"""The frame of every view: what is read, one part for each order, the answer, the facts used."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from matderiv.expr import Expr, variables
from matderiv.views.document import Derived, Document, NamedValue, Partial, Section, Step
from matderiv.views.reasons import with_facts
from matderiv.views.stages import (
    FORWARD_MODE,
    Stage,
    about,
    change_of,
    names_in_use,
    projected,
    reading_steps,
    stages,
)
from matderiv.views.truth import first_needing, verified
from matderiv.words.chains import facts

ORDINALS = ("First", "Second", "Third", "Fourth")
DECLARED = " + declared fact"


@dataclass(frozen=True)
class Told:
    """What a view says of one stage; `last` gives the lines that end in the result as printed."""

    stage: Stage
    sections: Sequence[Section]
    symbols: Sequence[NamedValue]
    last: Callable[[], list[Step]]


@dataclass(frozen=True)
class View:
    """A way to tell a derivation: its name, the heading and the rule of its results.

    `tell` is called for each stage with the names in use.
    """

    name: str
    tell: Callable[[Derived, Stage, set[str]], Told]
    rule: str
    heading: str

    def document(self, d: Derived, *, check: bool) -> Document:
        """The derivation, every line evaluated unless `check` is off, and the facts used named."""
        document = self._document(d)
        if check:
            verified(document)
        return naming_facts(document, d.f, d.wrt)

    def _document(self, d: Derived) -> Document:
        found = stages(d)
        taken = names_in_use(d) | {v.name for stage in found for v in (stage.called, stage.target)}
        taken |= {s.variable.name for stage in found for s in stage.symbols}
        sections: list[Section] = []
        symbols: list[NamedValue] = []
        for k, stage in enumerate(found):
            part = self.tell(d, stage, taken)
            title = "" if len(found) == 1 else f"{ORDINALS[k]} derivative: "
            own = [Section("Read as", reading_steps(stage)), *part.sections]
            sections += [replace(s, title=title + s.title) for s in own if s.steps]
            symbols += [*part.stage.symbols, *part.symbols]
            if k + 1 < len(found):
                left, g = Partial(stage.target, d.wrt, projected=projected(d)), found[k + 1]
                step = Step(left, g.shown, self.rule, names=g.called)
                sections.append(Section(title + "result", (step,)))
        *others, answer = part.last()
        sections += [Section(self.heading, tuple(others))] if others else []
        if d.kind in FORWARD_MODE:
            symbols.append(NamedValue(change_of(found[0].called), "change", found[0].called))
        return Document(
            view=self.name,
            f=found[0].called,
            shown=d.f,
            wrt=d.wrt,
            upstream=d.upstream,
            about=about(d),
            symbols=tuple(symbols),
            sections=tuple(sections),
            answer=answer,
            names=frozenset(d.names),
            order=d.order,
        )


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
    made = replace(told, rule=rule, why=with_facts(told.why, [fact]))
    sections = tuple(
        replace(s, steps=tuple(made if step is told else step for step in s.steps))
        for s in document.sections
    )
    answer = made if told is document.answer else document.answer
    return replace(document, sections=sections, answer=answer)
