"""Differentials inside sides as symbols: dX, dz, d(A*x - b)."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from matderiv.errors import MatderivError, ParseError, Span
from matderiv.expr import Expr, variable, variables, zeros
from matderiv.verification.documents.positions import Passage, closing
from matderiv.verification.quantities import (
    DIFFERENTIAL,
    LATEX_D,
    LATEX_NAME,
    NAME,
    Quantity,
    latex_name,
)

if TYPE_CHECKING:
    from matderiv.verification.derivations.differentials import Marking

_BETWEEN = r"(?:\s|\\[,!;:]|\\(?:left|[bB]igg?l?)(?![A-Za-z]))*"
_FUNCTION = r"\\(?:(?:operatorname|mathrm|text)\{[A-Za-z]+\}|log|ln|det|exp|tr)\s*"
_INVERTED = r"\s*\^\s*\{\s*-\s*(?:1|T|\\top)\s*\}"
_CHANGE_OF_LATEX = (
    rf"{LATEX_D}{_BETWEEN}(?P<of>(?:{_FUNCTION})*(?:\\left)?[(\[|]"
    rf"|(?P<alone>(?:{_FUNCTION})+{LATEX_NAME}|{LATEX_NAME}{_INVERTED}))"  # d\\log\\det X, dX^{-1}
)
_CHANGE_OF = r"(?<![\w.∂\\])d\s*(?P<of>[(\[])"


def with_changes(marking: Marking, p: Passage, depth: int) -> Passage:
    """d(A*x - b) and d|Y|: the differential of what is inside."""
    pattern = _CHANGE_OF_LATEX if p.latex else _CHANGE_OF
    while found := re.search(pattern, p.text):
        start, stop = _changed(marking, p, found)
        inner = type(marking)(marking.reader).read(p[start:stop], None, depth + 1)
        if inner.marks or {*marking.reader.ground.changes.values()} & {*variables(inner.expr)}:
            place, document = p.span((found.start(), stop)), marking.reader.document
            said = "differentials of differentials are not read"
            raise ParseError(said, source=document, span=place)
        if unknown := {v.name for v in variables(inner.expr)} & marking.reader.strangers:
            raise MatderivError(f"nothing says what {min(unknown)} is")
        typed = p.text[found.start() : stop]
        name = marking.fresh(typed, inner.expr.shape, inner.expr, latex=p.latex)
        p = p.replaced(re.escape(typed), lambda m, name=name: name)  # type: ignore[misc]
    return _changes(marking, p)


def _changed(marking: Marking, p: Passage, found: re.Match[str]) -> Span:
    """Where the operand of a d stands; brackets, bars and the name of a function are part."""
    start = found.start("of")
    if p.latex and found["alone"]:
        return found.span("alone")
    opening = found.end() - 1
    bars = p.text[opening] == "|"
    stop = p.text.find("|", opening + 1) if bars else closing(p.text, opening, "([", ")]") or -1
    if stop < 0:
        place = p.span((opening, opening + 1))
        said = f"this {p.text[opening]} is never closed"
        raise ParseError(said, source=marking.reader.document, span=place)
    return start, stop + 1


def _changes(marking: Marking, p: Passage) -> Passage:
    """dX, dz with the product signs that hands leave out."""
    if p.latex:
        return p.replaced(rf"{LATEX_D}({LATEX_NAME})", partial(_latex_change, marking))
    ground = marking.reader.ground
    names = [*ground.functions, *ground.reading.variables]
    for match in re.finditer(rf"(?<![\w.])d({NAME})", p.text):
        name = match[1]
        if name in names and match[0] not in {*names, *marking.known, *marking.reader.aliases}:
            marking.known[match[0]] = _change(marking, name)
    return p


def _latex_change(marking: Marking, match: re.Match[str]) -> str:
    ground, name = marking.reader.ground, latex_name(match[1])
    if name not in {*ground.functions, *ground.reading.variables}:
        return match[0]
    if f"d{name}" in marking.reader.aliases:
        return rf"\mathrm{{d{name}}}"
    change = _change(marking, name)
    new = marking.name(match[0])
    marking.known[new] = change
    return rf"\mathrm{{{new}}}"


def _change(marking: Marking, name: str) -> Expr:
    ground = marking.reader.ground
    if name in ground.changes:
        return ground.changes[name]
    if name in ground.functions:
        q = Quantity(DIFFERENTIAL, name)
        symbol = variable(f"d{name}", ground.functions[name].shape)
        marking.marks[symbol] = q
        return symbol
    marking.notes.append(f"{name} does not change here: d{name} = 0")
    return zeros(ground.reading.variables[name].shape)
