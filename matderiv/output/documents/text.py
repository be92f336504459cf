"""A derivation as plain text with aligned columns, one of its steps, or a hint to one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap
from types import MappingProxyType

from matderiv.arguments import require_word
from matderiv.calculus.structure import linear_structure
from matderiv.choosing.parts import name_parts
from matderiv.errors import MatderivError, display_width
from matderiv.expr import Expr, variables
from matderiv.language.printer import text
from matderiv.language.sentences import plain_words
from matderiv.output.index_notation import carried_out, entries_text, index_text
from matderiv.shapes import long_axes, shape_text
from matderiv.tensors.tensor import Tensor, index_letters
from matderiv.views.document import DETAILS, About, Document, Partial, Section, Side, Step
from matderiv.views.reasons import BY_NAME, rules_of

WIDTH = 96


def document_text(
    document: Document, *, detail: str = "normal", spell: Callable[[str], str] = str
) -> str:
    """The derivation as text: declarations, the layout, sections of lines, the answer.

    `detail` is "brief" (equations), "normal" (with the number and the rule of each line) or "full"
    (with the reason and the source). `spell` may write signs in another way, before columns are
    aligned. Raises MatderivError for another word.
    """
    require_word(detail, "detail", DETAILS)
    lines = [f"{document.f.name} = {text(document.shown)}", ""]
    lines += ["Sizes   " + ", ".join(map(declared, document.declarations))]
    lines += about_text(document.about)
    lines = [spell(line) for line in lines]
    said: set[str] = set()
    for section in document.with_answer:
        lines += ["", section.title, *_section(section, document, detail, said, spell)]
    return "\n".join(lines) + "\n"


def about_text(about: About) -> list[str]:
    """What was guessed, the layout, remarks, and how the result was checked."""
    guessed = ", ".join(v.name for v in about.guessed)
    return [
        *([f"Guessed kinds and sizes of {guessed}"] if guessed else []),
        f"Layout  {plain_words(about.layout)}",
        *(f"Note    {note}" for note in about.remarks),
        f"Checked {about.checked}",
    ]


def declared(v: Expr) -> str:
    """A name with its sizes and facts."""
    facts = " ".join(sorted(v.params[2]))
    return f"{v.name}: {shape_text(v.shape)}" + (f" {facts}" if facts else "")


def _section(
    section: Section, document: Document, detail: str, said: set[str], spell: Callable[[str], str]
) -> list[str]:
    steps = section.steps
    cells = ((*_equation(s, document), _margin(s, detail)) for s in steps)
    rows = [(spell(a), spell(b), spell(margin)) for a, b, margin in cells]
    named = max((display_width(a.partition(" = ")[0]) for a, *_ in rows if " = " in a), default=0)
    rows = [(_padded(a, named), b, margin) for a, b, margin in rows]
    numbers = document.numbers
    wide = 0 if detail == "brief" else len(str(len(numbers)))
    marks = [f"{numbers[id(s)]:>{wide}}  " if wide else "" for s in steps]
    left = max((display_width(r[0]) for r in rows), default=0)
    widths = [left + 3 + display_width(r[1]) for r in rows]
    middle = max((w for w in widths if w <= WIDTH * 2 // 3), default=0)
    lines = []
    for step, mark, (a, b, margin) in zip(steps, marks, rows, strict=True):
        line = a + " " * (left - display_width(a)) + " = " + b
        gap = max(2, middle + 2 - display_width(line))
        lines.append(("  " + mark + line + " " * gap + margin).rstrip())
        if detail == "full" and step.why not in said:
            said.add(step.why)
            lines += map(spell, _reasons(step, len(mark)))
    return lines


def _padded(left: str, wide: int) -> str:
    """A left side with the equals sign behind its name where those of its section stand."""
    name, equals, rest = left.partition(" = ")
    return name + " " * (wide - display_width(name)) * bool(equals) + equals + rest


def _equation(step: Step, document: Document) -> tuple[str, str]:
    """Both sides; the answer has its left side even where it goes on from the line before."""
    if step not in document.answers:
        return equation(step, document)
    return equation(replace(step, continues=False), document, last=True)


def _margin(step: Step, detail: str) -> str:
    if step.shape is not None:
        rule = f"   {step.rule}" if detail != "brief" and step.rule else ""
        return f"{shape_text(step.shape):<8}{rule}"
    return "" if detail == "brief" else step.label


def _reasons(step: Step, indent: int) -> list[str]:
    before = " " * (indent + 6)
    sentences = plain_words(step.why).replace(". ", ".\n").splitlines()
    wide = WIDTH - indent - 6
    lines = [before + row for said in sentences for row in wrap(said, wide)]
    return lines + ([f"{before}Source: {step.source}"] if step.source and step.why else [])


def equation(step: Step, document: Document, last: bool = False) -> tuple[str, str]:
    """Both sides of a line; the last one reads as the result itself does."""
    taken = document.names if last else document.taken
    right = side_text(step.right, taken, {} if last else document.values)
    if last and isinstance(step.right, Tensor):
        right = index_text(carried_out(step.right), document.names)
    if step.continues:
        return "", right
    left = _left(step, taken)
    if last and document.order > 1:
        power = {2: "²", 3: "³", 4: "⁴"}[document.order]
        left = f"∂{power}{document.f.name}/∂{document.wrt.name}{power} = {left}"
    if step.names is not None:
        axes = step.right.axes if isinstance(step.right, Tensor) else ()
        name = f"{step.names.name}{_at(index_letters(len(axes), document.names))}"
        return (name if step.short else f"{name} = {left}"), right
    return f"let {left}" if step.lets else left, right


def left_text(step: Step, document: Document) -> str:
    """The left side of a line by itself, also where the line goes on from the one before."""
    return _left(step, document.taken)


def _left(step: Step, taken: Collection[str]) -> str:
    if not isinstance(step.left, Partial):
        return side_text(step.left, taken)
    axes = step.right.axes if isinstance(step.right, Tensor) else ()
    return partial_text(step.left, len(axes), taken)


def partial_text(left: Partial, axes: int = 0, taken: Collection[str] = ()) -> str:
    """∂f/∂x, with index letters where the right side has them."""
    letters = index_letters(axes, taken)
    outer = len(long_axes(left.of.shape)) if axes else 0
    above = left.of.name + _at(letters[:outer])
    below = left.by.name + _at(letters[outer:])
    mark = "'" if left.turned else ""
    written = f"∂{above}/∂{below}"
    written = f"({written}){mark}" if mark else written
    return f"{written}|{linear_structure(left.by)}" if left.projected else written


def _at(letters: Sequence[str]) -> str:
    return "_" + "".join(letters) if letters else ""


def side_text(
    side: Side, taken: Collection[str] = (), known: Mapping[Expr, str] = MappingProxyType({})
) -> str:
    """One side of an equation; parts get names that are known, or not taken."""
    if isinstance(side, Partial):
        return partial_text(side)
    if isinstance(side, Tensor):
        return entries_text(side, taken)
    return text(*name_parts(side, taken, known=known))


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
