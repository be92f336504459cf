"""A derivation as a document for programs: every step with both sides as text and in LaTeX."""

from typing import Any

from matderiv.language.printer import text
from matderiv.language.sentences import plain_words
from matderiv.output.documents.lines import DocumentNames, section_lines
from matderiv.output.documents.text import equation, left_text
from matderiv.tensors.tensor import Tensor
from matderiv.views.document import Document, Step

SCHEMA = "matderiv/1"


def document_json(document: Document) -> dict[str, Any]:
    """The derivation as values that JSON has; the same input gives the same document.

    Expressions are in the text language; derivatives are written ∂f/∂x, sums over entries with Σ.
    Steps are numbered from 1 through all sections; `answer` is the first result. A step that
    `continues` has the left side of the one before it.

    >>> found = document_json(derive("x'*A*x", "x").steps("differential"))
    >>> found["sections"][-1]["steps"][-1]["right"]
    "(A + A')*x"
    """
    numbers = document.numbers
    names = DocumentNames(document)
    sections = []
    for section in document.with_answer:
        lines = section_lines(section, document, names)
        steps = [
            _step(step, numbers[id(step)], document, f"{line.left} = {line.right}".strip())
            for step, line in zip(section.steps, lines, strict=True)
        ]
        sections.append({"title": section.title, "steps": steps})
    return {
        "schema": SCHEMA,
        "view": document.view,
        "f": document.f.name,
        "expression": text(document.shown),
        "wrt": document.by,
        "order": document.order,
        "layout": plain_words(document.about.layout),
        "guessed": [v.name for v in document.about.guessed],
        "notes": list(document.about.remarks),
        "checked": document.about.checked,
        "declarations": {v.name: [str(s) for s in v.shape] for v in document.declarations},
        "sections": sections,
        "answer": len(numbers) - len(document.others),
    }


def _step(step: Step, number: int, document: Document, latex: str) -> dict[str, Any]:
    last = step in document.answers
    right = step.right
    shape = [i.size for i in right.axes] if isinstance(right, Tensor) else right.shape
    return {
        "number": number,
        "left": left_text(step, document),
        "right": equation(step, document, last)[1],
        "defines": None if step.names is None else step.names.name,
        "continues": step.continues and not last,
        "latex": latex,
        "rule": step.rule,
        "why": plain_words(step.why),
        "source": step.source,
        "shape": [str(s) for s in shape],
    }
