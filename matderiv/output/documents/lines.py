r"""The lines of a derivation in LaTeX, from which every printer with formulas builds its page.

The names that a derivation introduces are written like the user's: `\boldsymbol{\delta}_{1}` for an
upstream gradient, `\mathrm{d}(\ldots)` for a change. Nothing that a user typed becomes TeX code.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from matderiv.arguments import require_word
from matderiv.calculus.structure import linear_structure
from matderiv.choosing.parts import name_parts
from matderiv.expr import Expr, variable, variables
from matderiv.language.sentences import marked
from matderiv.output.documents.spoken import SpokenNames
from matderiv.output.latex.breaking import broken
from matderiv.output.latex.equation import notation
from matderiv.output.latex.formula import formula, where_parts
from matderiv.output.latex.index import axis_letters, index_sum, subscript
from matderiv.output.latex.names import LatexNames
from matderiv.shapes import long_axes
from matderiv.tensors.tensor import Tensor
from matderiv.views.document import (
    DETAILS,
    About,
    Document,
    Partial,
    Section,
    Side,
    Step,
)


class Line(NamedTuple):
    """One equation: its number, its left side or nothing, its right side in rows that fit a page
    and whole, the rule and the reason."""

    number: int
    left: str
    rows: tuple[str, ...]
    right: str
    rule: str
    why: str
    source: str


class DocumentNames(SpokenNames):
    """The names of a document: changes are written as an upright d before what changes.

    `gradient` is "partial" or "nabla": how the derivative of a number by an array is written.
    """

    def __init__(
        self,
        document: Document,
        vectors: str = "bold",
        transpose: str = "top",
        gradient: str = "partial",
    ) -> None:
        roots = [document.shown, *document.declarations, *expressions(document)]
        super().__init__(vectors, transpose, roots)
        self.gradient = notation(gradient)
        self.values = document.values
        self.unindexed = set(document.names)
        self.changes = {
            s.variable.name: s.origin or s.of for s in document.symbols if s.role == "change"
        }
        self.own |= {v.name: v for v in document.declarations}
        self.own |= {s.variable.name: s.variable for s in document.symbols}
        own = {v.name for v in variables(document.shown)}
        for x in document.variables:
            change = variable(f"d{x.name}", x.shape)
            if change.name not in own:
                self.changes[change.name] = x
                self.own[change.name] = change


def expressions(document: Document) -> list[Expr]:
    """Every expression that stands on a side of a line."""
    found: list[Expr] = []
    for step in document.steps:
        for side in (step.left, step.right):
            if isinstance(side, Expr):
                found.append(side)
            elif isinstance(side, Tensor):
                found += [f.expr for t in side.terms for f in t.factors]
            else:
                found += [side.of, side.by]
    return found


def declared(v: Expr, names: LatexNames) -> tuple[str, str]:
    r"""A name with its space, `\mathbf{x} \in \mathbb{R}^{n}`, and what is known of it."""
    sizes = names.sizes(v.shape) if v.shape else ""
    space = rf"\mathbb{{R}}^{{{sizes}}}" if sizes else r"\mathbb{R}"
    return rf"{names.variable(v)} \in {space}", " ".join(sorted(v.params[2]))


class Wording(NamedTuple):
    """How a format writes plain words, a formula in LaTeX, and code, inside a sentence."""

    words: Callable[[str], str]
    formula: Callable[[str], str]
    code: Callable[[str], str]

    def sentence(self, said: str) -> str:
        """A sentence whose pieces between backticks are code."""
        return marked(said, self.words, self.code)

    def named(self, said: str, names: SpokenNames) -> str:
        """A sentence whose pieces between backticks are formulas."""

        def piece(code: str) -> str:
            known = names.spell(code)
            return self.code(code) if known is None else self.formula(known)

        return marked(said, self.words, piece)

    def declarations(self, about: About, names: LatexNames) -> str:
        """The names with their spaces and what is declared of them."""
        each = (declared(v, names) for v in about.declarations)
        said = (self.formula(s) + (f" ({self.words(facts)})" if facts else "") for s, facts in each)
        return f"Let {', '.join(said)}."

    def about(self, about: About, names: SpokenNames) -> list[str]:
        """What was guessed, the layout, remarks, and how the result was checked, as sentences."""
        guessed = ", ".join(self.formula(names.variable(v)) for v in about.guessed)
        return [
            *([f"Kinds and sizes of {guessed} are guessed."] if guessed else []),
            f"Layout: {self.named(about.layout, names)}.",
            *(f"Note: {self.words(note)}." for note in about.remarks),
            f"Checked: {self.words(about.checked)}.",
        ]


def written_sections(
    document: Document, names: DocumentNames, detail: str
) -> Iterator[tuple[Section, list[Line]]]:
    """The sections with their lines, the answers last; in full detail each reason stands once."""
    require_word(detail, "detail", DETAILS)
    said: set[str] = set()
    for section in document.with_answer:
        lines = section_lines(section, document, names)
        for k, line in enumerate(lines if detail == "full" else ()):
            lines[k] = line._replace(why="") if line.why in said else line
            said.add(line.why)
        yield section, lines


def section_lines(section: Section, document: Document, names: DocumentNames) -> list[Line]:
    """The equations of a section, formatted."""
    out = []
    answer = section.steps is document.answers
    numbers = document.numbers
    for step in section.steps:
        left = "" if step.continues and not answer else _left(step, names)
        if answer and document.order > 1:
            left = f"{_repeated(document, names)} = {left}"
        right = side_latex(step.right, names)
        space = ""
        if step.shape is not None:
            sizes = names.sizes(step.shape) if step.shape else ""
            entry = step.left.terms[0].factors[0].expr if isinstance(step.left, Tensor) else None
            of = rf",\quad {names.variable(entry)}" if entry is not None else ""
            space = rf"{of} \in \mathbb{{R}}^{{{sizes}}}" if sizes else ""
        rows = broken(right)
        rows[-1] += space
        about = (step.label, step.why, step.source)
        out.append(Line(numbers[id(step)], left, tuple(rows), right + space, *about))
    return out


def _repeated(document: Document, names: LatexNames) -> str:
    """∂²f/∂x²."""
    f, x, power = names.variable(document.f), names.variable(document.wrt), document.order
    return rf"\frac{{\partial^{{{power}}} {f}}}{{\partial {x}^{{{power}}}}}"


def _left(step: Step, names: DocumentNames) -> str:
    axes = step.right.axes if isinstance(step.right, Tensor) else ()
    letters = axis_letters(len(axes), names)
    if isinstance(step.left, Partial):
        left = partial_latex(step.left, letters, names)
    else:
        left = side_latex(step.left, names)
    if step.names is not None:
        symbol = names.entry(step.names.name, subscript(letters)) if axes else ""
        symbol = symbol or names.variable(step.names)
        left = symbol if step.short else f"{symbol} = {left}"
    return rf"\text{{let}}\;{left}" if step.lets else left


def partial_latex(left: Partial, letters: Sequence[str], names: DocumentNames) -> str:
    r"""`\frac{\partial f}{\partial \mathbf{x}}`, with the index letters if any, or a nabla."""
    outer = len(long_axes(left.of.shape)) if letters else 0
    above = _entry(left.of, letters[:outer], names)
    below = _entry(left.by, letters[outer:], names)
    fraction = rf"\frac{{\partial {above}}}{{\partial {below}}}"
    array = left.by.shape and not left.of.shape and not letters
    if names.gradient == "nabla" and array and not left.local:
        fraction = rf"\nabla_{{{below}}} {above}"
    if left.turned:
        fraction = rf"\left({fraction}\right){names.transpose}"
    if left.projected:
        fraction += rf"\Big|_{{\text{{{linear_structure(left.by)}}}}}"
    return fraction


def _entry(v: Expr, letters: Sequence[str], names: LatexNames) -> str:
    return names.entry(v.name, subscript(letters)) if letters else names.variable(v)


def side_latex(side: Side, names: DocumentNames) -> str:
    """One side of an equation."""
    if isinstance(side, Partial):
        return partial_latex(side, (), names)
    if isinstance(side, Tensor):
        return index_sum(side, names)
    main, parts = name_parts(side, names.taken, known=names.values)
    return formula(main, names) + where_parts(parts, names)
