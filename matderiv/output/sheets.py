"""Several derivations on one sheet; what a user typed never becomes TeX or HTML code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matderiv.output.document_latex import PREAMBLE, document_latex, plain
from matderiv.output.document_markdown import document_markdown, escaped_text
from matderiv.output.document_text import document_text
from matderiv.views.document import Document


@dataclass(frozen=True)
class Told:
    """A part of a sheet: its heading, its sentences, and a document or one equation.

    `equation` is in LaTeX, `spelled` the same as text.
    """

    heading: str
    says: str = ""
    document: Document | None = None
    equation: str = ""
    spelled: str = ""


def sheet_latex(title: str, author: str, parts: Sequence[Told], *, detail: str = "normal") -> str:
    """The sheet as a LaTeX file that compiles with amsmath and amssymb."""
    out = [PREAMBLE, rf"\title{{{plain(title)}}}", rf"\author{{{plain(author)}}}", r"\date{}"]
    out += [r"\maketitle"] if title else []
    for part in parts:
        out.append(rf"\section*{{{plain(part.heading)}}}")
        out += [_sentences(part.says), ""] if part.says else []
        if part.equation:
            out += [r"\begin{equation*}", f"  {part.equation}", r"\end{equation*}"]
        if part.document is not None:
            out.append(document_latex(part.document, detail=detail))
    return "\n".join([*out, r"\end{document}", ""])


def _sentences(said: str) -> str:
    """Sentences of a user; an empty line begins a paragraph."""
    return "\n\n".join(plain(" ".join(p.split())) for p in said.split("\n\n"))


def sheet_markdown(
    title: str, author: str, parts: Sequence[Told], *, detail: str = "normal"
) -> str:
    """The sheet as Markdown with formulas that KaTeX and MathJax read."""
    out = [f"# {escaped_text(title)}", ""] if title else []
    out += [escaped_text(author), ""] if author else []
    for part in parts:
        out += [f"## {escaped_text(part.heading)}", ""]
        out += [escaped_text(part.says), ""] if part.says else []
        if part.equation:
            out += ["$$", part.equation, "$$", ""]
        if part.document is not None:
            out += [document_markdown(part.document, detail=detail)]
    return "\n".join(out)


def sheet_text(title: str, author: str, parts: Sequence[Told], *, detail: str = "normal") -> str:
    """The sheet as plain text."""
    out = [*_underlined(title, "="), author, ""] if title else []
    for part in parts:
        out += [*_underlined(part.heading, "-"), ""]
        out += [part.says, ""] if part.says else []
        out += [f"  {part.spelled}", ""] if part.spelled else []
        if part.document is not None:
            out += [document_text(part.document, detail=detail)]
    return "\n".join(out)


def _underlined(title: str, mark: str) -> list[str]:
    return [title, mark * len(title)]
