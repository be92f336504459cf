"""Several derivations on one sheet: homework, or notes for a class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from matderiv.derived import Derivation
from matderiv.errors import MatderivError
from matderiv.output.latex import formula
from matderiv.output.latex_equation import free_letter, function_symbol
from matderiv.output.latex_names import Names
from matderiv.output.sheets import Drawn, Told, sheet_html, sheet_latex, sheet_markdown, sheet_text
from matderiv.output.text import text


class Drawable(Protocol):
    """What a sheet can draw, such as a computational graph."""

    def svg(self) -> str:
        """The picture for a page."""

    def tikz(self) -> str:
        """The picture for LaTeX with the package tikz."""

    def text(self) -> str:
        """The same in words or as a table."""


@dataclass(frozen=True)
class Part:
    """One part of a sheet: a heading, sentences, and a derivation told in one of its views.

    Without a view only the function and the result are shown. In `says`, an empty line begins a
    paragraph and `backticks` enclose code. `table` is rows of cells, the first row their headings;
    `listing` is lines set in a typewriter face, for numbers and programs; `graph` is a
    computational graph. Everything may be left out. Raises MatderivError for a heading that
    is no text and for rows of a table that differ in length.

    >>> Part("Numbers", says="The gradient at `x = 2`.", listing="[4.]").derivation is None
    True
    """

    heading: str = ""
    derivation: Derivation | None = None
    view: str | None = "chain"
    says: str = ""
    table: Sequence[Sequence[str]] = ()
    listing: str = ""
    graph: Drawable | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.heading, str):
            raise MatderivError("a part begins with its heading", hint='Part("Exercise 1", D)')
        lengths = sorted({len(row) for row in self.table})
        if len(lengths) > 1:
            said = " and ".join(map(str, lengths))
            raise MatderivError(f"the rows of a table have {said} cells", hint="as many in each")


@dataclass(frozen=True)
class Sheet:
    """Derivations under one title, written as LaTeX, HTML, Markdown or text.

    A derivation may stand for a part without a heading. Raises MatderivError for anything else.

    >>> from matderiv import derive
    >>> D = derive("x'*A*x", "x")
    >>> sheet = Sheet("Homework 1", [Part("Quadratic form", D, "differential")])
    >>> print(sheet.text().splitlines()[-1])
      ∂f/∂x = (A + A')*x  gradient from the differential
    """

    title: str
    parts: Sequence[Part | Derivation] = ()
    author: str = ""

    def latex(self, *, detail: str = "normal") -> str:
        """A LaTeX file that compiles with amsmath and amssymb; graphs need tikz too."""
        return sheet_latex(self.title, self.author, self._told(), detail=detail)

    def html(self, *, detail: str = "normal") -> str:
        """A page with MathML that needs no script and nothing from elsewhere."""
        return sheet_html(self.title, self.author, self._told(), detail=detail)

    def markdown(self, *, detail: str = "normal") -> str:
        """Markdown with formulas that KaTeX and MathJax read."""
        return sheet_markdown(self.title, self.author, self._told(), detail=detail)

    def text(self, *, detail: str = "normal") -> str:
        """Plain text."""
        return sheet_text(self.title, self.author, self._told(), detail=detail)

    def write(self, path: str | Path, *, detail: str = "normal") -> Path:
        """Write the sheet in the format that the name of the file ends with; the path.

        Raises MatderivError for an ending that is none of .tex .html .md .txt.
        """
        path = Path(path)
        formats: dict[str, Callable[..., str]] = {
            ".tex": self.latex,
            ".html": self.html,
            ".md": self.markdown,
            ".txt": self.text,
        }
        if path.suffix not in formats:
            raise MatderivError(
                f"cannot tell the format of {path.name}", hint=f"end it in {' '.join(formats)}"
            )
        path.write_text(formats[path.suffix](detail=detail), encoding="utf-8")
        return path

    def _told(self) -> list[Told]:
        return [_told(_part(p)) for p in self.parts]


def _part(given: Any) -> Part:
    if isinstance(given, Derivation):
        return Part(derivation=given)
    if not isinstance(given, Part):
        raise MatderivError(
            f"a sheet has parts and derivations, not {type(given).__name__}",
            hint='Sheet("Homework", [Part("Exercise 1", D)])',
        )
    return given


def _told(part: Part) -> Told:
    """A part with its derivation told."""
    words = Told(part.heading, part.says, table=part.table, listing=part.listing)
    if part.graph is not None:
        g = part.graph
        words = words._replace(picture=Drawn(g.svg(), g.tikz(), g.text()))
    d = part.derivation
    if d is None:
        return words
    if part.view is None:
        names = Names(roots=[d.f, d.wrt, d.expr])
        called = function_symbol(free_letter(names), d.f.shape, names)
        spelled = (f"f = {text(d.f)}", f"{d.kind} by {d.wrt.name}: {d}")
        return words._replace(
            equations=(f"{called} = {formula(d.f, names)}", d.equation()), spelled=spelled
        )
    return words._replace(document=d.steps(part.view))
