"""Several derivations on one sheet; what a user typed never becomes TeX or HTML code."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from textwrap import wrap
from typing import Any, NamedTuple

from matderiv.errors import display_width
from matderiv.language.sentences import marked, plain_words
from matderiv.output.documents.html import (
    HTML,
    document_body,
    equation_html,
    inside_page,
    page,
    said,
)
from matderiv.output.documents.latex import (
    LATEX,
    MARKDOWN,
    PREAMBLE,
    aligned,
    document_latex,
    document_markdown,
    escaped_text,
    plain,
    typewriter,
)
from matderiv.output.documents.lines import SpokenNames
from matderiv.output.documents.text import about_text, document_text
from matderiv.output.wrapping import in_columns
from matderiv.views.document import About, Document

Table = Sequence[Sequence[str]]
LINE = 100  # characters of a listing that fit on a page
WIDE = r"\ifdim\width>\textwidth \textwidth\else\width\fi"
CELLS = 84  # characters of a row of a table that fit on a page


class Drawn(NamedTuple):
    """A picture in the formats of a sheet; the text stands where a picture cannot."""

    svg: str
    tikz: str
    text: str


class SheetPart(NamedTuple):
    """A part of a sheet: its heading, its sentences, a document or equations, and so on.

    `equations` are in LaTeX, `spelled` are the same as text; `about` is to be known about them, and
    `names` says how names are written. What is there stands on the page in the order of the fields.
    """

    heading: str = ""
    says: str = ""
    equations: Sequence[str] = ()
    spelled: Sequence[str] = ()
    about: tuple[About, ...] = ()
    names: SpokenNames | None = None
    document: Document | None = None
    picture: Drawn | None = None
    table: Table = ()
    listing: str = ""


def paragraphs(said: str) -> list[str]:
    """Sentences as paragraphs, each on one line; an empty line begins a paragraph.

    >>> paragraphs("one\\ntwo\\n\\nthree")
    ['one two', 'three']
    """
    return [" ".join(p.split()) for p in said.split("\n\n") if p.strip()]


# LaTeX --------------------------------------------------------------------------------------------


def sheet_latex(
    title: str, author: str, parts: Sequence[SheetPart], *, detail: str = "normal", **style: str
) -> str:
    """The sheet as a LaTeX file that compiles with amsmath and amssymb; `style` of documents."""
    preamble = PREAMBLE
    if any(part.picture for part in parts):
        preamble = preamble.replace(r"\begin{document}", "\\usepackage{tikz}\n\\begin{document}")
    out = [preamble + r"\setlength{\parindent}{0pt}\setlength{\parskip}{0.4em}"]
    out += [rf"\begin{{center}}\LARGE {plain(title)}\end{{center}}"] if title else []
    out += [rf"\begin{{center}}\large {plain(author)}\end{{center}}"] if author else []
    for part in parts:
        out += _latex_part(part, detail, style)
    return "\n".join([*out, r"\end{document}", ""])


def _latex_part(part: SheetPart, detail: str, style: Mapping[str, Any]) -> Iterator[str]:
    if part.heading:
        yield rf"\section*{{{_latex_words(part.heading)}}}"
    for paragraph in paragraphs(part.says):
        yield from (_latex_words(paragraph), "")
    if part.equations:
        rows = " \\\\\n".join(aligned(*e.split(" = ", 1)) for e in part.equations)
        yield from (r"\begin{align*}", rows, r"\end{align*}")
    for about in part.about:
        yield from (" ".join(LATEX.about(about, part.names or SpokenNames())), "")
    if part.document is not None:
        yield document_latex(part.document, detail=detail, **style)
    if part.picture is not None:
        yield from (r"\begin{center}", rf"\resizebox{{{WIDE}}}{{!}}{{%", part.picture.tikz.rstrip())
        yield from ("}", r"\end{center}", "")
    if part.table:
        yield from _latex_table(part.table)
    if part.listing:
        yield from _latex_listing(part.listing)


def _latex_words(said: str) -> str:
    return marked(said, plain, lambda code: rf"\texttt{{{typewriter(code)}}}")


def _latex_table(table: Table) -> Iterator[str]:
    widths = [max(display_width(row[k]) for row in table) for k in range(len(table[0]))]
    columns = "l" * len(widths)
    if sum(widths) > CELLS:
        shares = [max(w, 8) / sum(max(v, 8) for v in widths) for w in widths]
        room = 0.98 - 0.03 * len(widths)
        columns = "".join(rf"p{{{room * s:.3f}\textwidth}}" for s in shares)
    ragged = r"\raggedright " if "p" in columns else ""
    yield from (r"\begin{center}\small", rf"\begin{{tabular}}{{{columns}}}", r"\hline")
    for k, row in enumerate(table):
        yield "  {}" + " & ".join(ragged + _latex_words(cell) for cell in row) + r" \tabularnewline"
        yield from [r"\hline"] if k == 0 else []
    yield from (r"\hline", r"\end{tabular}", r"\end{center}", "")


def _latex_listing(listing: str) -> Iterator[str]:
    lines = [typewriter(row).replace(" ", r"\ ") for row in _folded(listing)]
    yield r"\begin{flushleft}\footnotesize\ttfamily"
    yield " \\\\\n".join(rf"\mbox{{}}{line}" for line in lines)
    yield from (r"\end{flushleft}", "")


def _folded(listing: str) -> Iterator[str]:
    """The lines of a listing, the long ones in rows."""
    for line in listing.splitlines():
        indent = line[: len(line) - len(line.lstrip())] + "    "
        rows = wrap(line, LINE, subsequent_indent=indent, break_on_hyphens=False)
        yield from rows or [""]


# Markdown -----------------------------------------------------------------------------------------


def sheet_markdown(
    title: str, author: str, parts: Sequence[SheetPart], *, detail: str = "normal", **style: str
) -> str:
    """The sheet as Markdown with formulas that KaTeX and MathJax read."""
    out = [f"# {escaped_text(title)}", ""] if title else []
    out += [escaped_text(author), ""] if author else []
    for part in parts:
        out += _markdown_part(part, detail, style)
    return "\n".join(out)


def _markdown_part(part: SheetPart, detail: str, style: Mapping[str, str]) -> Iterator[str]:
    if part.heading:
        yield from (f"## {MARKDOWN.sentence(part.heading)}", "")
    for paragraph in paragraphs(part.says):
        yield from (MARKDOWN.sentence(paragraph), "")
    for equation in part.equations:
        yield from ("$$", equation, "$$", "")
    for about in part.about:
        yield from (s for t in MARKDOWN.about(about, part.names or SpokenNames()) for s in (t, ""))
    if part.document is not None:
        yield document_markdown(part.document, detail=detail, **style)
    if part.picture is not None:
        yield from (*_indented(part.picture.text), "")
    for k, row in enumerate(part.table):
        cells = [MARKDOWN.sentence(cell).replace(r"\|", "|").replace("|", r"\|") for cell in row]
        yield f"| {' | '.join(cells)} |"
        yield from ["|" + "---|" * len(row)] if k == 0 else []
    if part.table:
        yield ""
    if part.listing:
        yield from (*_indented(part.listing), "")


def _indented(lines: str) -> list[str]:
    return [f"    {line}".rstrip() for line in lines.splitlines()]


# HTML ---------------------------------------------------------------------------------------------


def sheet_html(
    title: str, author: str, parts: Sequence[SheetPart], *, detail: str = "normal", **style: str
) -> str:
    """The sheet as one page with MathML; it needs no script and nothing from elsewhere."""
    return page(title, _html_body(author, parts, detail, style))


def sheet_part(title: str, author: str, parts: Sequence[SheetPart]) -> str:
    """The sheet as one `div`, to stand in a page such as a notebook."""
    heading = [f"<h1>{escape(title)}</h1>"] if title else []
    return inside_page([*heading, *_html_body(author, parts, "normal", {})])


def _html_body(
    author: str, parts: Sequence[SheetPart], detail: str, style: Mapping[str, str]
) -> list[str]:
    body = [f'<p class="said">{escape(author)}</p>'] if author else []
    for number, part in enumerate(parts, 1):
        body += _html_part(part, number, detail, style)
    return body


def _html_part(
    part: SheetPart, number: int, detail: str, style: Mapping[str, str]
) -> Iterator[str]:
    if part.heading:
        yield f"<h2>{HTML.sentence(part.heading)}</h2>"
    yield from (f"<p>{HTML.sentence(paragraph)}</p>" for paragraph in paragraphs(part.says))
    yield from map(equation_html, part.equations)
    for about in part.about:
        yield from said(HTML.about(about, part.names or SpokenNames()))
    if part.document is not None:
        yield from document_body(part.document, detail, inside=f"part-{number}-", **style)
    if part.picture is not None:
        yield f'<div class="picture">{part.picture.svg}</div>'
    if part.table:
        first, *rows = part.table
        yield from ("<table>", _html_row(first, "th"))
        yield from (_html_row(row, "td") for row in rows)
        yield "</table>"
    if part.listing:
        yield f"<pre>{escape(part.listing)}</pre>"


def _html_row(row: Sequence[str], kind: str) -> str:
    return f"<tr>{''.join(f'<{kind}>{HTML.sentence(cell)}</{kind}>' for cell in row)}</tr>"


# Text ---------------------------------------------------------------------------------------------


def sheet_text(
    title: str, author: str, parts: Sequence[SheetPart], *, detail: str = "normal"
) -> str:
    """The sheet as plain text."""
    out = [*_underlined(title, "="), author, ""] if title else []
    for part in parts:
        out += text_part(part, detail)
    return "\n".join(out)


def text_part(part: SheetPart, detail: str = "normal") -> Iterator[str]:
    """A part of a sheet as lines of text; sentences keep the lines they were written in."""
    if part.heading:
        yield from (*_underlined(plain_words(part.heading), "-"), "")
    if part.says:
        yield from (plain_words(part.says), "")
    if part.spelled:
        yield from (*(f"  {line}" for line in part.spelled), "")
    for about in part.about:
        yield from (*about_text(about), "")
    if part.document is not None:
        yield document_text(part.document, detail=detail)
    if part.picture is not None:
        yield from (*(f"  {line}".rstrip() for line in part.picture.text.splitlines()), "")
    if part.table:
        yield from (*_text_table(part.table), "")
    if part.listing:
        yield from (*(f"  {line}".rstrip() for line in part.listing.splitlines()), "")


def _text_table(table: Table) -> Iterator[str]:
    rows = [[plain_words(cell) for cell in row] for row in table]
    under = ["-" * max(map(display_width, column)) for column in zip(*rows, strict=True)]
    return (f"  {line}".rstrip() for line in in_columns([rows[0], under, *rows[1:]]))


def _underlined(title: str, mark: str) -> list[str]:
    return [title, mark * display_width(title)]
