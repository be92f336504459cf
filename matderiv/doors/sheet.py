"""Several derivations on one sheet: homework, or notes for a class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matderiv.arguments import given, require_text, require_word
from matderiv.doors.derivation import VIEWS, Derivation
from matderiv.errors import MatderivError, visible
from matderiv.language.printer import text
from matderiv.output.documents.lines import SpokenNames
from matderiv.output.documents.notebooks import steps_of_several
from matderiv.output.documents.sheets import (
    Drawn,
    SheetPart,
    sheet_html,
    sheet_latex,
    sheet_markdown,
    sheet_part,
    sheet_text,
)
from matderiv.output.latex.equation import free_letter, function_symbol
from matderiv.output.latex.formula import formula
from matderiv.shapes import shape_text
from matderiv.views.stages import about, shared

if TYPE_CHECKING:
    from matderiv.doors.graph import Graph

_EXAMPLE = 'Sheet("Homework", [Part("Exercise 1", D)])'


@dataclass(frozen=True)
class Part:
    """One part of a sheet: a heading, sentences, and a derivation told in one of its views.

    Derivations of one function by several variables share their passes. Without a view only the
    function and the results are shown. In `says`, an empty line begins a paragraph and `backticks`
    enclose code. `table` is rows of cells, the first row their headings; `listing` is lines set in
    a typewriter face, for numbers, programs and what SymPy gives: a text, or a list of lines, which
    may be SymPy objects; `graph` is a computational graph. Everything may be left out. Raises
    MatderivError for a heading that is no text and for rows of a table that differ in length.

    >>> Part("Numbers", says="The gradient at `x = 2`.", listing="[4.]").derivation is None
    True
    """

    heading: str = ""
    derivation: Derivation | Sequence[Derivation] | None = None
    view: str | None = "chain"
    says: str = ""
    table: Sequence[Sequence[str]] = ()
    listing: str | Sequence[Any] = ""
    graph: Graph | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.heading, str):
            raise MatderivError("a part begins with its heading", hint='Part("Exercise 1", D)')
        found = self.derivations
        if self.derivation is not None and not (found and isinstance(found[0], Derivation)):
            raise MatderivError(
                f"the derivation of a part is what derive gives, not {given(self.derivation)}",
                hint='Part("Exercise 1", derive("x\'*A*x", "x"))',
            )
        if any(d.f is not found[0].f for d in found):
            raise MatderivError("the derivations of a part are of one function", hint="two parts")
        if self.view is not None:
            require_word(self.view, "view", VIEWS)
        require_text(self.says, "says")
        if not isinstance(self.listing, list | tuple):
            require_text(self.listing, "listing")
        lengths = sorted({len(row) for row in self.table})
        if len(lengths) > 1:
            said = " and ".join(map(str, lengths))
            raise MatderivError(f"the rows of a table have {said} cells", hint="as many in each")

    @property
    def derivations(self) -> list[Derivation]:
        """The derivations, of one function by several variables if there are several."""
        told = self.derivation
        if isinstance(told, list | tuple):
            return list(told)
        return [told] if isinstance(told, Derivation) else []


@dataclass(frozen=True, repr=False)
class Sheet:
    """Derivations under one title, written as LaTeX, HTML, Markdown or text.

    A derivation may stand for a part without a heading; those that follow each other and are of one
    function share their passes. Raises MatderivError for anything else.

    >>> from matderiv import derive
    >>> D = derive("x'*A*x", "x")
    >>> sheet = Sheet("Homework 1", [Part("Quadratic form", D, "differential")])
    >>> print(sheet.text().splitlines()[-1])
      3  ∂f/∂x = (A + A')*x  gradient from the differential
    """

    title: str
    parts: Sequence[Part | Derivation | Sequence[Derivation]] = ()
    author: str = ""

    def __post_init__(self) -> None:
        require_text(self.title, "the title of a sheet", _EXAMPLE)
        require_text(self.author, "author")
        if isinstance(self.parts, str) or not isinstance(self.parts, Sequence):
            raise MatderivError(
                f"a sheet has a list of parts, not {given(self.parts)}", hint=_EXAMPLE
            )
        for part in self.parts:
            _part(part)

    def __repr__(self) -> str:
        plural = "s" * (len(self.parts) != 1)
        return f"<Sheet {self.title!r} of {len(self.parts)} part{plural}>"

    def latex(self, *, detail: str = "normal", **style: str) -> str:
        """A LaTeX file that compiles with amsmath and amssymb; graphs need tikz too.

        `style` as in `Derivation.latex`, here and below.
        """
        return sheet_latex(*self._head, self._told(style), detail=detail, **style)

    def html(self, *, detail: str = "normal", **style: str) -> str:
        """A page with MathML that needs no script and nothing from elsewhere."""
        return sheet_html(*self._head, self._told(style), detail=detail, **style)

    def markdown(self, *, detail: str = "normal", **style: str) -> str:
        """Markdown with formulas that KaTeX and MathJax read."""
        return sheet_markdown(*self._head, self._told(style), detail=detail, **style)

    def text(self, *, detail: str = "normal") -> str:
        """Plain text."""
        return sheet_text(*self._head, self._told(), detail=detail)

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

    @property
    def _head(self) -> tuple[str, str]:
        """The title and the author, each on one line."""
        return " ".join(visible(self.title).split()), " ".join(visible(self.author).split())

    def _told(self, style: Mapping[str, str] | None = None) -> list[SheetPart]:
        return [told for part in _parts(self.parts) for told in _told(part, style or {})]

    def __str__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What notebooks show: the sheet as a part of their page."""
        return {
            "text/plain": self.text(),
            "text/html": sheet_part(*self._head, self._told()),
            "text/markdown": self.markdown(),
        }


def _part(item: Any) -> Part:
    if isinstance(item, Derivation) or (isinstance(item, list) and item):
        return Part(derivation=item)
    if not isinstance(item, Part):
        raise MatderivError(f"a sheet has parts and derivations, not {given(item)}", hint=_EXAMPLE)
    return item


def _parts(items: Sequence[Any]) -> list[Part]:
    """The parts; derivations that follow each other and share their passes are one part."""
    found: list[Part] = []
    alone: list[Derivation] = []
    for item in items:
        alone = [*alone, item] if isinstance(item, Derivation) else []
        if shared(alone):
            found[-1] = Part(derivation=alone)
        else:
            alone = alone[-1:]
            found.append(_part(item))
    return found


def _told(part: Part, style: Mapping[str, str]) -> list[SheetPart]:
    """A part with its derivations told: in one document, or in one each where nothing is shared."""
    table = tuple(tuple(visible(str(cell)) for cell in row) for row in part.table)
    heading = " ".join(visible(part.heading).split())
    listed = [part.listing] if isinstance(part.listing, str) else map(str, part.listing)
    words = SheetPart(heading, visible(part.says), table=table, listing=visible("\n".join(listed)))
    if part.graph is not None:
        g = part.graph
        words = words._replace(picture=Drawn(g.svg(), g.tikz(), g.text()))
    found = part.derivations
    if not found:
        return [words]
    if part.view is None:
        names, equations = _equations(found, style)
        spelled = (
            f"f = {text(found[0].f)}",
            *(f"{d.kind} by {d.wrt.name}: {d.formula}" for d in found),
        )
        told = tuple(map(about, found))
        return [words._replace(equations=equations, spelled=spelled, about=told, names=names)]
    first, *rest = steps_of_several(found, part.view)
    if rest and not heading:
        words = words._replace(heading=f"By {found[0].wrt.name}")
    more = (SheetPart(f"By {t.by}", document=t) for t in rest)
    return [words._replace(document=first), *more]


def _equations(
    found: Sequence[Derivation], style: Mapping[str, str]
) -> tuple[SpokenNames, tuple[str, ...]]:
    """What is differentiated, and each derivative, in LaTeX; and how their names are written."""
    f = found[0].f
    written = {k: v for k, v in style.items() if k != "gradient"}
    names = SpokenNames(**written, roots=[f, *(e for d in found for e in (d.wrt, d.expr))])
    called = function_symbol(free_letter(names), f.shape, names)
    return names, (f"{called} = {formula(f, names)}", *(d.equation(**style) for d in found))


def several(
    found: Sequence[Derivation], form: str, view: str | None, detail: str, **style: str
) -> str:
    """The derivatives of one function by several variables as a page: html, latex or markdown.

    With a view they share their passes where they can; without one the equations stand together.

    >>> from matderiv import derive
    >>> both = derive("x'*A*x", ["x", "A"])
    >>> several(both, "html", None, "normal").count('class="formula"')
    3
    """
    by, said = ", ".join(d.wrt.name for d in found), ""
    if view is None:
        declared = dict.fromkeys(v for d in found for v in about(d).declarations)
        sizes = ", ".join(f"`{v.name}`: {shape_text(v.shape)}" for v in declared)
        said = f"Sizes: {sizes}."
    page = Sheet(f"Derivatives by {by}", [Part("", found, view, said)])
    writers = {"html": page.html, "markdown": page.markdown}
    return writers.get(form, page.latex)(detail=detail, **style)
