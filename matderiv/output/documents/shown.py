"""A derivation that shows itself: as text where it is printed, as a page in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from matderiv.output.documents.html import document_part
from matderiv.output.documents.latex import document_latex
from matderiv.output.documents.markdown import document_markdown
from matderiv.output.documents.text import document_text
from matderiv.views.document import Document, Step


@dataclass(frozen=True, repr=False)
class Steps(Document):
    """The steps of a derivation, as a sequence; the last one is the answer.

    `str` is the text, a notebook shows HTML, Markdown or LaTeX.

    >>> from matderiv import derive
    >>> steps = derive("x'*A*x", "x").steps("differential")
    >>> print(steps.sections[0].steps[0].rule, sorted(steps._repr_mimebundle_()))
    product ['text/html', 'text/latex', 'text/markdown', 'text/plain']
    """

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, k: int) -> Step:
        return self.steps[k]

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __str__(self) -> str:
        return document_text(self)

    def __repr__(self) -> str:
        return f"<{len(self)} steps, {self.view} view, by {self.wrt.name}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {
            "text/plain": document_text(self),
            "text/html": document_part(self),
            "text/markdown": document_markdown(self),
            "text/latex": document_latex(self),
        }


def shown(document: Document) -> Steps:
    """The same document as one that shows itself."""
    return Steps(**{f.name: getattr(document, f.name) for f in fields(Document)})
