r"""The lines of a derivation in LaTeX, from which every printer with formulas builds its page.

The names that a derivation introduces are written like the user's: `\boldsymbol{\delta}_{1}` for an
upstream gradient, `\mathrm{d}(\ldots)` for a change. Nothing that a user typed becomes TeX code.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from matderiv.arguments import require_word
from matderiv.calculus.structure import linear_structure
from matderiv.choosing.parts import name_parts
from matderiv.errors import ParseError, ShapeError, UnknownFunction, UnknownName
from matderiv.expr import Expr, is_, variable, variables
from matderiv.input.resolve import build
from matderiv.input.text import parse
from matderiv.language.declare import guessed_axes
from matderiv.language.sentences import marked
from matderiv.language.shaping import Context, Shaping
from matderiv.language.source import Bind, Call, Name, Node, Operation, Source, postorder, rebuilt
from matderiv.output.latex.equation import axis_letters, index_sum, notation, subscript
from matderiv.output.latex.formula import broken, formula, where_parts
from matderiv.output.latex.names import LatexNames, taken_apart
from matderiv.output.latex.templates import RELATIONS
from matderiv.shapes import Dim, Shape, long_axes, size_names
from matderiv.tensors.tensor import Tensor
from matderiv.views.document import DETAILS, About, Document, Partial, Section, Side, Step

INDICES = frozenset("ijkl")
SIZE = Dim(("n",))
Shapes = Callable[[str], Shape]
"""The shape of a name."""


def by_letter(name: str) -> Shape:
    """The shape of a name by its letter, all sizes alike."""
    return (SIZE,) * guessed_axes(name)


class SpokenNames(LatexNames):
    """Names in formulas and in sentences.

    `own` are the variables of a text, `counts` its sizes, `changes` what changes in a name that
    starts with d. Nothing in a sentence is worked out: `Σ_j A_ij B_jk` stays a sum. Names that are
    not its own have the kind of their letter, and sizes that are all equal, so that products fit.
    """

    def __init__(
        self, vectors: str = "bold", transpose: str = "top", roots: Iterable[Expr] = ()
    ) -> None:
        roots = list(roots)
        super().__init__(vectors, transpose, roots)
        self.own = {v.name: v for v in variables(*roots)}
        sizes = size_names([*(v.shape for v in self.own.values()), (SIZE,)])
        self.counts = frozenset(sizes - self.own.keys())
        self.changes: dict[str, Expr] = {}
        self.spoken: dict[str, str | None] = {}

    def variable(self, node: Expr) -> str:
        """A variable in the style of its shape; a change with its d."""
        if node.name not in self.changes:
            return super().variable(node)
        of = self.changes[node.name]
        if is_(of, "variable"):
            return rf"\mathrm{{d}}{super().variable(of)}"
        whole = formula(of, self)
        grow = (r"\left(", r"\right)") if r"\frac" in whole else ("(", ")")
        return rf"\mathrm{{d}}{grow[0]}{whole}{grow[1]}"

    def wide(self, node: Expr) -> bool:
        """True for a name that needs a space to its neighbours."""
        return (is_(node, "variable") and node.name in self.changes) or super().wide(node)

    def spell(self, code: str) -> str | None:
        r"""A formula or an equation of a sentence in LaTeX; None for what is none.

        Of d(A*B) a text may know A as a number, and 1/exp(x) speaks of one entry of x.

        >>> print(SpokenNames().spell("d(A*x) = Σ_j A_ij dx_j"))
        \mathrm{d}(\mathbf{A}\mathbf{x}) = \sum_{j}A_{ij}\,\mathrm{d}x_{j}
        """
        if code not in self.spoken:
            self.spoken[code] = None
            for shapes in (self._own, self._alike, by_letter, lambda name: ()):
                with suppress(ParseError, ShapeError, UnknownName, UnknownFunction):
                    self.spoken[code] = " = ".join(
                        r" \times ".join(self._side(c, shapes) for c in side.split(" × "))
                        for side in code.split(" = ")
                    )
                    break
        return self.spoken[code]

    def _own(self, name: str) -> Shape:
        return self.own[name].shape if name in self.own else by_letter(name)

    def _alike(self, name: str) -> Shape:
        return (SIZE,) * len(long_axes(self._own(name)))

    def _side(self, typed: str, shapes: Shapes) -> str:
        source = parse(
            typed.replace("∂", "𝜕"), self.own
        )  # of these two, the sign that names may have
        main = rebuilt([source.main], lambda node: self._standing(node, source, shapes))[
            source.main
        ]
        relation = RELATIONS.get(main.function, "") if isinstance(main, Operation) else ""
        sides = main.operands if relation and isinstance(main, Operation) else (main,)
        told = (self._built(replace(source, main=side), shapes) for side in sides)
        return f" {relation} ".join(formula(e, self) for e in told)

    def _standing(self, node: Node, source: Source, shapes: Shapes) -> Node:
        """A sum as its sign before its terms, a change as one name."""
        if isinstance(node, Bind):
            at = ",".join(node.indices)
            sign = self.spelt(f"{node.function}[{at}]", rf"\{node.function}_{{{at}}}")
            return Operation(node.span, "mul", (Name(node.span, sign.name), node.body))
        if isinstance(node, Call) and node.name == "d":
            name = f"d({source.typed(node.operands[0].span)})"
            self.changes[name] = self._built(replace(source, main=node.operands[0]), shapes)
            return Name(node.span, name)
        return node

    def _built(self, source: Source, shapes: Shapes) -> Expr:
        names = {n.name for n in postorder(source.main) if isinstance(n, Name)}
        known = {name: variable(name, self._shape(name, shapes)) for name in names - self.counts}
        return build(Shaping(source, Context(known, size_names=self.counts, guess=False))).main

    def _shape(self, name: str, shapes: Shapes) -> Shape:
        """The shape of a name; how entries and derivatives are written, which are numbers."""
        if name in self.own or name in INDICES:
            return shapes(name) if name in self.own else ()
        if name in self.written or name in self.changes:
            return () if name in self.written else self.changes[name].shape
        base, _, at = name.rpartition("_")
        found = taken_apart(base or name)
        change = found is not None and found.change
        if name.startswith("∂"):
            inner = variable(name[1:], self._shape(name[1:], shapes))
            self.written[name] = rf"\partial {self.variable(inner)}"
        elif base and {*at} <= INDICES:
            stem = base.removeprefix("d") if change else base
            delta = stem == "delta" and stem not in self.own
            entry = rf"\delta_{{{at}}}" if delta else self.entry(stem, subscript(at))
            self.written[name] = rf"\mathrm{{d}}{entry}" if change else entry
        else:
            return self._shape(name[1:], shapes) if change else shapes(name)
        return ()


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

    def aligned(self, left: str, more: str, rule: str) -> Iterator[str]:
        """Its rows, with what stands before the first and the others, the rule behind the last."""
        for k, row in enumerate(self.rows):
            yield f"{more if k else left}{row}{rule if k == len(self.rows) - 1 else ''}"


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
