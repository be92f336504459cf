"""Derivatives of one function by several variables: a list that tells them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matderiv.arguments import require_word
from matderiv.doors.derivation import VIEWS, Derivation
from matderiv.lazy import later

if TYPE_CHECKING:
    from matderiv.doors import sheet
    from matderiv.output.documents import notebooks, text
    from matderiv.output.documents.notebooks import Steps
else:
    sheet, notebooks, text = later("doors.sheet output.documents.notebooks output.documents.text")


class Derivations(list[Derivation]):
    """What `derive` gives for several variables, in the order asked for.

    Gradients share one derivation, such as one forward and one backward pass.

    >>> from matderiv import derive
    >>> both = derive("norm2(W*x + b)^2", "W, b")
    >>> print(both)
    by W: 2*(W*x + b)*x'
    by b: 2*(W*x + b)
    >>> [section.title for section in both.steps()[0].sections]
    ['Forward pass', 'Local derivatives', 'Backward pass: upstream times local']
    """

    def steps(self, view: str = "chain") -> list[Steps]:
        """The derivations as values: one document where they share their passes, else one each."""
        return notebooks.steps_of_several(self, require_word(view, "view", VIEWS))

    def text(self, view: str = "chain", *, detail: str = "normal") -> str:
        """The derivations step by step, as plain text."""
        return "\n".join(text.document_text(told, detail=detail) for told in self.steps(view))

    def html(self, view: str | None = "chain", *, detail: str = "normal", **style: str) -> str:
        """The derivations as a page with MathML; with None, the equations."""
        return sheet.several(self, "html", view, detail, **style)

    def latex(self, view: str | None = "chain", *, detail: str = "normal", **style: str) -> str:
        """The derivations as a LaTeX file that compiles; with None, the equations."""
        return sheet.several(self, "latex", view, detail, **style)

    def markdown(self, view: str | None = "chain", *, detail: str = "normal", **style: str) -> str:
        """The derivations in Markdown; with None, the equations."""
        return sheet.several(self, "markdown", view, detail, **style)

    def __str__(self) -> str:
        comments = dict.fromkeys(line for d in self for line in d.comments)
        return "\n".join([*(f"by {d.wrt.name}: {d.formula}" for d in self), *comments])

    def __repr__(self) -> str:
        return f"<Derivations by {', '.join(d.wrt.name for d in self)}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What notebooks show: the equations, with what was guessed and checked."""
        told = [notebooks.in_notebook(d) for d in self]
        return {"text/plain": str(self)} | {
            form: "\n".join(t[form] for t in told) for form in ("text/html", "text/latex")
        }
