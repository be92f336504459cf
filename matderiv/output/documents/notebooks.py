"""A derivation that shows itself: as text where it is printed, as a page in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from matderiv.choosing.parts import name_parts
from matderiv.output.documents.html import (
    HTML,
    answer_html,
    document_html,
    document_part,
    equation_html,
    inside_page,
    said,
)
from matderiv.output.documents.latex import (
    LATEX,
    answer_latex,
    answer_markdown,
    document_latex,
    document_markdown,
)
from matderiv.output.documents.lines import SpokenNames
from matderiv.output.documents.text import about_text, document_text
from matderiv.output.documents.typst import answer_typst, document_typst
from matderiv.output.latex.equation import derivative_latex, index_equation_latex, index_latex
from matderiv.output.latex.formula import latex
from matderiv.views.chain import chain
from matderiv.views.differential import differential
from matderiv.views.document import Document, Step
from matderiv.views.index import index
from matderiv.views.stages import about, shared

if TYPE_CHECKING:
    from matderiv.doors.derivation import Derivation

VIEWS = {"chain": chain, "differential": differential, "index": index}
PAGES: dict[str, tuple[Callable[..., str], Callable[..., str]]] = {
    "markdown": (document_markdown, answer_markdown),
    "typst": (document_typst, answer_typst),
    "html": (document_html, answer_html),
}
"""How a format writes a derivation, and one equation with what is to be known about it."""
Style = Mapping[str, str]


@dataclass(frozen=True, repr=False)
class Steps(Document):
    """The steps of a derivation, as a sequence; the last one is the answer.

    `str` is the text, a notebook shows HTML, Markdown or LaTeX.

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
        return f"<{len(self)} steps, {self.view} view, by {self.by}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {
            "text/plain": document_text(self),
            "text/html": document_part(self),
            "text/markdown": document_markdown(self),
            "text/latex": document_latex(self),
        }


def steps_of(d: Derivation, view: str) -> Steps:
    """The derivation step by step, as a document that shows itself."""
    return _shown(VIEWS[view](d))


def steps_of_several(found: Sequence[Derivation], view: str) -> list[Steps]:
    """The steps of several derivatives: one document where they share their passes, else each."""
    if shared(found):
        return [_shown(VIEWS[view](*found))]
    return [d.steps(view) for d in found]


def _shown(document: Document) -> Steps:
    return Steps(**{f.name: getattr(document, f.name) for f in fields(Document)})


def equation(d: Derivation, style: Style) -> str:
    """The whole LaTeX equation, with what is differentiated on its left side."""
    if not d.has_matrix_form:
        return by_entries(d, style)
    told: Any = {"kind": d.kind, "order": d.order, **style}
    main, parts = name_parts(d.displayed, d.names)
    return derivative_latex(d.f, d.wrt, main, parts, layout=d.layout, **told)


def by_entries(d: Derivation, style: Style) -> str:
    """The equation in index notation."""
    told: Any = {"kind": d.kind, "order": d.order, **style}
    outer = d.derivative.outer
    return index_equation_latex(d.f, d.wrt, d.entries, outer, taken=d.names, **told)


def in_page(form: str, d: Derivation, view: str | None, detail: str, style: Style) -> str:
    """The derivation, or without a view its equation, in Markdown, Typst or HTML."""
    document, answer = PAGES[form]
    if view is not None:
        return document(d.steps(view), detail=detail, **style)
    title = {"title": f"Derivative of f by {d.wrt.name}"} if form == "html" else {}
    return answer(equation(d, style), about(d), _spelling(d, **style), **title)


def in_latex(d: Derivation, view: str | None, detail: str, standalone: bool, style: Style) -> str:
    """The formula, or with a view the derivation, in LaTeX."""
    if view is not None:
        return document_latex(d.steps(view), detail=detail, standalone=standalone, **style)
    if standalone:
        names = _spelling(d, **style)
        return answer_latex(equation(d, style), about(d), names, standalone=True)
    style = {name: value for name, value in style.items() if name != "gradient"}
    if not d.has_matrix_form:
        return index_latex(d.entries, taken=d.names, **style)
    main, parts = name_parts(d.displayed, d.names)
    return latex(main, parts, **style)


def in_notebook(d: Derivation) -> dict[str, str]:
    """What notebooks show: the equation, what was guessed, and how it was checked."""
    told, written, names = about(d), equation(d, {}), _spelling(d)
    return {
        "text/plain": "\n".join([str(d), *(f"# {line}" for line in about_text(told))]),
        "text/html": inside_page([equation_html(written), *said(HTML.about(told, names))]),
        "text/latex": f"$\\displaystyle {written}$\n\n{' '.join(LATEX.about(told, names))}",
    }


def _spelling(d: Derivation, gradient: str = "nabla", **style: str) -> SpokenNames:
    """How the names of a derivation are written in LaTeX and MathML."""
    return SpokenNames(**style, roots=[d.f, d.wrt, d.expr])
