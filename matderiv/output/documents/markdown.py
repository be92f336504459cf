r"""A derivation as Markdown with formulas that KaTeX and MathJax read: `aligned`, no macros."""

from collections.abc import Iterator

from matderiv.output.documents.latex import plain
from matderiv.output.documents.lines import DocumentNames, Line, Wording, written_sections
from matderiv.output.documents.spoken import SpokenNames
from matderiv.output.latex.formula import formula
from matderiv.views.document import About, Document

_ACTIVE = "\\`*_{}[]<>#|~&$"


def document_markdown(document: Document, *, detail: str = "normal", **style: str) -> str:
    """The derivation as Markdown, its formulas between `$$`."""
    names = DocumentNames(document, **style)
    shown = f"{names.variable(document.f)} = {formula(document.shown, names)}"
    out = ["$$", shown, "$$", *_head(document.about, names)]
    for section, lines in written_sections(document, names, detail):
        out += ["", f"### {escaped_text(section.title)}", "", *_block(lines, detail)]
        if detail == "full":
            out += _reasons(lines, names)
    return "\n".join(out) + "\n"


def answer_markdown(equation: str, about: About, names: SpokenNames) -> str:
    """One equation with what is to be known about it."""
    return "\n".join(("$$", equation, "$$", *_head(about, names))) + "\n"


def _head(about: About, names: SpokenNames) -> Iterator[str]:
    for sentence in (MARKDOWN.declarations(about, names), *MARKDOWN.about(about, names)):
        yield from ("", sentence)


def _block(lines: list[Line], detail: str) -> list[str]:
    rows = []
    for line in lines:
        for j, row in enumerate(line.rows):
            left = f"{line.left} &= " if j == 0 else r"&\quad "
            last = j == len(line.rows) - 1
            said = f"{_in_text(line.rule)} ({line.number})".lstrip()
            rule = rf" &&\quad \text{{{said}}}" if last else ""
            rows.append(f"{left}{row}{rule if detail != 'brief' else ''}")
    return ["$$", r"\begin{aligned}", " \\\\\n".join(rows), r"\end{aligned}", "$$"]


def _in_text(said: str) -> str:
    """A rule's name inside a formula; KaTeX knows no `\\ensuremath`."""
    return plain(said).replace(r"\ensuremath", "")


def _reasons(lines: list[Line], names: DocumentNames) -> list[str]:
    """The reasons, each once in a document; names in them are formulas, other pieces code."""
    out = [""]
    for line in lines:
        if line.why:
            rule = f"{escaped_text(line.rule)}: " if line.rule else ""
            why = MARKDOWN.named(line.why, names)
            source = f" *{escaped_text(line.source)}*" if line.source else ""
            out.append(f"* {rule}{why}{source}")
    return out if len(out) > 1 else []


def escaped_text(said: str) -> str:
    r"""A sentence in which Markdown and HTML have nothing to act on.

    >>> print(escaped_text("x_i < 1"))
    x\_i \< 1
    """
    return "".join("\\" + c if c in _ACTIVE else c for c in said)


MARKDOWN = Wording(escaped_text, "${}$".format, "`{}`".format)
