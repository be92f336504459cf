"""One step of a derivation: what to do next without the result, or the step itself in full."""

from dataclasses import dataclass

from matderiv.errors import MatderivError
from matderiv.expr import Expr, variables
from matderiv.language.sentences import plain_words
from matderiv.output.documents.text import equation, left_text, side_text
from matderiv.shapes import shape_text
from matderiv.views.document import Document, Partial, Section, Step
from matderiv.views.reasons import BY_NAME, rules_of


@dataclass(frozen=True)
class Hint:
    """What the next step is about: rows of a word and what it says, never the step's result.

    The rows are "rule", "for" (what the step finds), "in" (where the rule applies) and, without a
    word, what the rule says. `str` is the hint as it is told.
    """

    title: str
    rows: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "\n".join(
            (self.title, *(f"  {label:<7} {said}".rstrip() for label, said in self.rows))
        )


def hint(document: Document, number: int) -> Hint:
    """The rule of a step and where it applies; its result is not shown.

    Raises MatderivError for a number that no step has.

    >>> print(hint(derive("x'*A*x", "x").steps("differential"), 1).rows[0])
    ('rule', 'product')
    """
    step, section = _numbered(document, number, "hint")
    rows = [
        ("rule", step.rule or section.title.lower()),
        ("for", _wanted(step, document)),
        ("in", _place(step, document)),
    ]
    rows += [
        ("", plain_words(BY_NAME[name].says)) for name in rules_of(step.rule) if name in BY_NAME
    ]
    return _told(f"Hint {number} of {len(document.steps)}: {_title(section)}", rows)


def step_text(document: Document, number: int) -> str:
    """A step with what stood before it, its reason and its source.

    Raises MatderivError for a number that no step has.
    """
    step, section = _numbered(document, number, "step")
    last = step in document.answers
    left, right = equation(step, document, last)
    left = left or left_text(step, document)
    shape = step.right.shape if isinstance(step.right, Expr) else ()
    rows = [
        ("before", _before(step, document)),
        ("after", f"{left} = {right}"),
        ("shape", shape_text(shape) if shape else ""),
        ("rule", step.label),
        ("why", plain_words(step.why)),
        ("source", step.source),
    ]
    return str(_told(f"Step {number} of {len(document.steps)}: {_title(section)}", rows))


def _numbered(document: Document, number: int, what: str) -> tuple[Step, Section]:
    """The step with a number, and its section."""
    found = [(step, section) for section in document.with_answer for step in section.steps]
    if not 1 <= number <= len(found):
        raise MatderivError(
            f"this derivation has {len(found)} steps in the {document.view} view, there is no step "
            f"{number}",
            hint=f"--{what} {len(found)}",
        )
    return found[number - 1]


def _title(section: Section) -> str:
    return section.title[:1].lower() + section.title[1:]


def _told(title: str, rows: list[tuple[str, str]]) -> Hint:
    return Hint(title, tuple(row for row in rows if row[1]))


def _wanted(step: Step, document: Document) -> str:
    """What the step finds: a derivative, the next line for df, an intermediate with its shape."""
    left = left_text(step, document)
    if step.shape is not None:
        return f"a name for a part of the expression: {left}, {shape_text(step.shape)}"
    return left


def _before(step: Step, document: Document) -> str:
    """The line that the step starts from, where it goes on from one."""
    if step.before is None:
        return ""
    return f"{left_text(step, document)} = {side_text(step.before, document.taken)}"


def _place(step: Step, document: Document) -> str:
    """Where the rule applies: the line before, or the definitions that it differentiates.

    A line that is the answer already, under whatever name, is not shown.
    """
    if step.before is not None:
        answers = (equation(s, document, True)[1].rpartition(" = ")[2] for s in document.answers)
        before = _before(step, document)
        return "" if any(a in before.rpartition(" = ")[2] for a in answers) else before
    if step.shape is not None:
        return f"{document.f.name} = {side_text(document.shown, document.names)}"
    if not isinstance(step.left, Partial):
        return ""
    of, by, local = step.left.of, step.left.by, step.left.local
    later = {s.names for s in document.steps[document.numbers[id(step)] - 1 :]}
    places = [
        s
        for s in document.symbols
        if s.role == "value"
        and s.variable not in later
        and (s.variable is of if local else by in variables(s.of))
    ]
    return "; ".join(f"{s.variable.name} = {side_text(s.of, document.taken)}" for s in places)
