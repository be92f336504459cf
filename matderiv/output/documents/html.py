"""A derivation as a page: HTML with MathML, its few rules of style inside, no script, no resource.

Everything that is not a fixed part of the page is escaped. The page fits a narrow screen: formulas
break before = and + or -, and what cannot be broken scrolls in its own box.
"""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from matderiv.language.printer import strings_in
from matderiv.output.documents.lines import (
    DocumentNames,
    Line,
    SpokenNames,
    Wording,
    written_sections,
)
from matderiv.output.latex.formula import formula
from matderiv.output.layout import Element, layout, pieces_of
from matderiv.views.document import About, Document, Partial

STYLE = "\n" + Path(__file__).with_name("derivation.css").read_text(encoding="utf-8")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def mathml(written: str, *, display: bool = False) -> str:
    r"""A formula of the LaTeX printers as one `math` element; `display` gives it the larger style.

    Whatever a name is made of arrives as escaped text.

    >>> print(mathml(r"x_{1}^{2} + \theta"))
    <math><msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup><mo>+</mo><mi>θ</mi></math>

    Raises UnreadFormula for what no printer of this program writes.
    """
    return _element(layout(written), display=display)


def breakable(written: str, before: str = "") -> list[str]:
    r"""A formula as `math` elements between which a line may be broken, each one `math` element.

    >>> [piece.count("mi") for piece in breakable("a + b", "=")]
    [2, 2]
    """
    return [_element(piece, display=True) for piece in pieces_of(written, before)]


def _element(nodes: Sequence[Element], *, display: bool) -> str:
    style = ' displaystyle="true"' if display else ""
    return f"<math{style}>{''.join(strings_in(nodes, _opened))}</math>"


def _opened(e: Element) -> list[str | Element]:
    if e.tag == "mspace":
        return [f'<mspace width="{e.text}"/>']
    if e.text:
        said = escape(e.text).replace("\u2061", "&#x2061;")
        return [f"<{e.tag}{e.how}>{said}</{e.tag}>"]
    opening, closing = (f"<{e.tag}{e.how}>", f"</{e.tag}>") if e.tag else ("", "")
    return [opening, *e.parts, closing]


def document_html(document: Document, *, detail: str = "normal", **style: str) -> str:
    """The derivation as a page.

    `detail` is "brief" (equations), "normal" (with the rules, the reasons folded away) or "full"
    (reasons and sources shown); `style` as in `document_latex`. Raises MatderivError for another
    word.
    """
    left = document.answers[0].left
    of = left.of if isinstance(left, Partial) else document.f
    title = f"Derivative of {of.name} by {document.by}, {document.view} view"
    return page(title, document_body(document, detail, **style))


def document_part(document: Document, *, detail: str = "normal", **style: str) -> str:
    """The derivation as one `div`, to stand in a page such as a notebook."""
    return inside_page(document_body(document, detail, **style))


def inside_page(body: Sequence[str]) -> str:
    """Elements as one `div` with the rules of style that they need."""
    start = ('<div class="matderiv">', f"<style>{STYLE}</style>", "<main>")
    return "\n".join((*start, *body, "</main></div>", ""))


def document_body(
    document: Document, detail: str = "normal", *, inside: str = "", **style: str
) -> list[str]:
    """The derivation as elements of a page.

    `inside` names the part of a longer page that it is: its headings are one level lower, and the
    anchors of its steps begin with that name.
    """
    names = DocumentNames(document, **style)
    f, shown = names.variable(document.f), formula(document.shown, names)
    out = [_formula(f, shown), *_head(document.about, names)]
    for section, lines in written_sections(document, names, detail):
        rows = [_row(line, inside, names, detail) for line in lines]
        level = "h3" if inside else "h2"
        out += _section(section.title, rows, level, answer=section.steps is document.answers)
    return out


def answer_html(equation: str, about: About, names: SpokenNames, title: str) -> str:
    """A page with one equation in LaTeX, and what is to be known about it."""
    return page(title, [equation_html(equation), *_head(about, names)])


def page(title: str, body: Sequence[str]) -> str:
    """A file with a title and a body, which must be escaped."""
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            '<body class="matderiv">',
            "<main>",
            f"<h1>{escape(title)}</h1>",
            *body,
            "</main>",
            "</body>",
            "</html>",
            "",
        )
    )


def equation_html(equation: str) -> str:
    """An equation in LaTeX as a box of its own."""
    left, _, right = equation.partition(" = ")
    return _formula(left, right)


def _formula(left: str, right: str) -> str:
    return f'<p class="formula">{mathml(left, display=True)}{_broken(right)}</p>'


def _broken(right: str) -> str:
    return "<wbr>".join(("", *breakable(right, "=")))


def _head(about: About, names: SpokenNames) -> list[str]:
    return said([HTML.declarations(about, names), *HTML.about(about, names)])


def said(sentences: Iterable[str]) -> list[str]:
    """Sentences as paragraphs."""
    return [f'<p class="said">{sentence}</p>' for sentence in sentences]


def _section(title: str, rows: Sequence[str], level: str, *, answer: bool) -> list[str]:
    kind = ' class="answer"' if answer else ""
    heading = f"<{level}>{escape(title)}</{level}>"
    return [f"<section{kind}>", heading, "<ol>", *rows, "</ol>", "</section>"]


def _row(line: Line, inside: str, names: DocumentNames, detail: str) -> str:
    """One step: its number, both sides, the rule, and why it holds."""
    goes_on = "" if line.left else ' class="goes-on"'
    left = f'<span class="left">{mathml(line.left, display=True) if line.left else ""}</span>'
    right = f'<span class="right">{_broken(line.right)}</span>'
    rule = escape(line.rule) if detail != "brief" else ""
    why = HTML.named(line.why, names)
    why += f" Source: {escape(line.source)}." if line.source and line.why else ""
    if detail == "normal" and why:
        summary = f"<summary>{rule or 'why'}</summary>"
        rule = f'<details class="rule">{summary}<span class="why">{why}</span></details>'
    else:
        rule = f'<span class="rule">{rule}</span>' if rule else ""
    if detail == "full" and why:
        rule += f'<span class="full">{why}</span>'
    both = f'<span class="line">{left}{right}</span>'
    number = f'<span class="number">{line.number}</span>'
    return f'<li id="{inside}step-{line.number}"{goes_on}>{number}{both}{rule}</li>'


HTML = Wording(escape, mathml, lambda code: f"<code>{escape(code)}</code>")
