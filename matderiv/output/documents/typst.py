"""A derivation in Typst, a file that compiles; its formulas are a walk over the layout tree."""

from collections.abc import Sequence

from matderiv.language.printer import strings_in
from matderiv.output.documents.lines import (
    DocumentNames,
    Line,
    SpokenNames,
    Wording,
    written_sections,
)
from matderiv.output.latex.formula import formula
from matderiv.output.layout import FENCE, Element, layout
from matderiv.views.document import About, Document

_ACTIVE = "\\`*_[]<>#$@~\"'/=+-"
_CALLS = {
    "msup": ("attach(", ", t: ", ")"),
    "msub": ("attach(", ", b: ", ")"),
    "munder": ("attach(", ", b: ", ")"),
    "msubsup": ("attach(", ", b: ", ", t: ", ")"),
    "mfrac": ("frac(", ", ", ")"),
    "msqrt": ("sqrt(", ")"),
    "mover": ("accent(", ", ", ")"),
}
_SPACES = {"0.1667em": "thin", "0.2778em": "thick", "1em": "quad"}


def typst(written: str) -> str:
    r"""A formula of the LaTeX printers as Typst has it between dollars.

    >>> print(typst(r"\frac{1}{2}\mathbf{x}_{i}^{2} + \sigma(t)"))
    frac(1, 2) attach(bold("x"), b: i, t: 2) + σ \(t \)
    """
    told = " ".join(" ".join(strings_in(layout(written), _opened)).split())
    return told.replace(" ,", ",").replace(" )", ")").replace("( ", "(")


def _opened(e: Element) -> list[str | Element]:
    if e.tag in _CALLS:
        first, *rest = _CALLS[e.tag]
        return [first, *(x for pair in zip(e.parts, rest, strict=True) for x in pair)]
    if e.tag == "mtable":
        told: list[str | Element] = []
        for row in e.parts:
            told += ["; " if told else ""]
            for k, cell in enumerate(row.parts):
                told += [", " if k else "", *cell.parts]
        return ['mat(delim: "[", ', *told, ")"]
    if e.text:
        return [_leaf(e)]
    return list(e.parts) or ['""']


def _leaf(e: Element) -> str:
    """A sign, a number or a name; what is longer than a letter is upright."""
    if e.tag == "mspace":
        return _SPACES[e.text]
    if e.tag == "mo":
        unseen = e.text == "\u2061" or e.how == FENCE
        return "" if unseen else ("\\" + e.text if e.text in "()[]{}|,/" else e.text)
    if not e.how and (e.tag == "mn" or (e.tag == "mi" and len(e.text) == 1)):
        return e.text
    return f"bold({_quoted(e.text)})" if 'class="b"' in e.how else _quoted(e.text)


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))


def document_typst(document: Document, *, detail: str = "normal", **style: str) -> str:
    """The derivation as a Typst file."""
    names = DocumentNames(document, **style)
    shown = f"{names.variable(document.f)} = {formula(document.shown, names)}"
    out = [answer_typst(shown, document.about, names)]
    for section, lines in written_sections(document, names, detail):
        out += [f"== {words(section.title)}", "", *_block(lines, detail), ""]
        for line in lines if detail == "full" else ():
            rule = f"{words(line.rule)}: " if line.rule else ""
            out += [f"- {rule}{TYPST.named(line.why, names)}"] if line.why else []
    return "\n".join(out).rstrip() + "\n"


def answer_typst(equation: str, about: About, names: SpokenNames) -> str:
    """One equation with what is to be known about it."""
    told = (TYPST.declarations(about, names), *TYPST.about(about, names))
    return "\n\n".join([f"$ {typst(equation)} $", *told, ""])


def _block(lines: Sequence[Line], detail: str) -> list[str]:
    rows: list[str] = []
    for line in lines:
        said = _quoted(f"{line.rule} ({line.number})".lstrip())
        rule = f" && quad {said}" if detail != "brief" else ""
        line = line._replace(rows=tuple(map(typst, line.rows)))
        rows += line.aligned(f"{typst(line.left)} &= ", "& quad ", rule)
    return ["$", " \\\n".join(rows), "$"]


def words(said: str) -> str:
    """A sentence in which Typst has nothing to act on."""
    return "".join("\\" + c if c in _ACTIVE else c for c in said)


TYPST = Wording(words, lambda written: f"${typst(written)}$", "`{}`".format)
