"""Several derivations on one sheet: homework, or notes for a class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matderiv.derived import Derivation
from matderiv.errors import MatderivError
from matderiv.output.sheets import Told, sheet_latex, sheet_markdown, sheet_text
from matderiv.output.text import text


@dataclass(frozen=True)
class Part:
    """One part of a sheet: a heading, sentences, and a derivation told in one of its views.

    Without a view the equation alone is shown.
    """

    heading: str
    derivation: Derivation | None = None
    view: str | None = "chain"
    says: str = ""


@dataclass(frozen=True)
class Sheet:
    """Derivations under one title, written as LaTeX, HTML, Markdown or text.

    >>> from matderiv import derive
    >>> D = derive("x'*A*x", "x")
    >>> sheet = Sheet("Homework 1", [Part("Quadratic form", D, "differential")])
    >>> print(sheet.text().splitlines()[-1])
      ∂f/∂x = (A + A')*x  gradient from the differential
    """

    title: str
    parts: Sequence[Part] = ()
    author: str = ""

    def latex(self, *, detail: str = "normal") -> str:
        """A LaTeX file that compiles with amsmath and amssymb."""
        return sheet_latex(self.title, self.author, self._written(), detail=detail)

    def markdown(self, *, detail: str = "normal") -> str:
        """Markdown with formulas that KaTeX and MathJax read."""
        return sheet_markdown(self.title, self.author, self._written(), detail=detail)

    def text(self, *, detail: str = "normal") -> str:
        """Plain text."""
        return sheet_text(self.title, self.author, self._written(), detail=detail)

    def write(self, path: str | Path, *, detail: str = "normal") -> Path:
        """Write the sheet in the format that the name of the file ends with; the path.

        Raises MatderivError for an ending that is none of .tex .md .txt.
        """
        path = Path(path)
        formats: dict[str, Callable[..., str]] = {
            ".tex": self.latex,
            ".md": self.markdown,
            ".txt": self.text,
        }
        if path.suffix not in formats:
            raise MatderivError(
                f"cannot tell the format of {path.name}", hint=f"end it in {' '.join(formats)}"
            )
        path.write_text(formats[path.suffix](detail=detail), encoding="utf-8")
        return path

    def _written(self) -> list[Told]:
        return [_told(p) for p in self.parts]


def _told(part: Part) -> Told:
    """A part with its derivation told."""
    d = part.derivation
    if d is None:
        return Told(part.heading, part.says)
    if part.view is None:
        asked = f"f = {text(d.f)}, {d.kind} by {d.wrt.name}"
        return Told(part.heading, part.says, None, d.equation(), f"{asked}:\n  {d}")
    return Told(part.heading, part.says, d.steps(part.view))
