r"""Names of several letters in LaTeX: `MSE(w, b) = ...` is no product of M, S and E."""

import re
from collections.abc import Sequence

from matderiv.language.calls import function_names
from matderiv.verification.documents.clauses import OBJECTIVE
from matderiv.verification.documents.positions import Passage
from matderiv.verification.documents.statements import equal_signs
from matderiv.verification.quantities import LATEX_NAME

_WORD = r"[A-Z]{2,}|[A-Z][a-z]{2,}|[a-z]{3,}"
_BEFORE = r"(?<![A-Za-z\\{_^])"
_WITH = re.compile(
    rf"^\s*(?P<word>{_WORD})\s*(?:\\left|\\[bB]igg?l?)?\s*\(\s*{LATEX_NAME}"
    rf"(?:\s*+[,;|]{LATEX_NAME})*+"
    r"\s*(?:\\right|\\[bB]igg?r?)?\s*\)\s*:?="
)
_ALONE = re.compile(rf"^\s*(?P<word>{_WORD})\s*:?=")


def spelled_out(passages: Sequence[Passage]) -> list[Passage]:
    r"""The passages, with words that are names of functions upright.

    A word is one where a line says what it is of its arguments, or what it is, and it is derived
    somewhere.

    >>> line = Passage.of(r"MSE(w, b) = \frac{1}{n}\|Xw + b - y\|^2", latex=True)
    >>> spelled_out([line])[0].text[:17]
    '\\mathrm{MSE}(w, b'
    >>> spelled_out([Passage.of(r"XW = Z", latex=True)])[0].text
    'XW = Z'
    """
    words = {m["word"] for p in passages if p.latex and (m := _WITH.match(p.text))}
    alone = {m["word"] for p in passages if p.latex and (m := _ALONE.match(p.text))}
    whole = " ".join(p.text for p in passages if p.latex)
    words |= {w for w in alone if re.search(rf"(?:\\partial|\\nabla\S*)\s*{w}(?![A-Za-z])", whole)}
    words = {w for w in words if w not in function_names() and not w.startswith("d")}
    if not words:
        return [*passages]
    typed = rf"{_BEFORE}(?P<word>{'|'.join(sorted(words, key=len, reverse=True))})(?![A-Za-z}}])"
    return [p.replaced(typed, _upright) if p.latex else p for p in passages]


def with_objective(passages: Sequence[Passage]) -> list[Passage]:
    r"""The passages, in which `\min_w \|Xw - y\|^2` says what the objective is.

    >>> with_objective([Passage.of(r"\min_{w} \|Xw - y\|^2", latex=True)])[0].text
    '\\mathrm{objective}(w) = \\|Xw - y\\|^2'
    """
    return [_named_objective(p) if p.latex else p for p in passages]


def _named_objective(p: Passage) -> Passage:
    found = OBJECTIVE.match(p.text)
    if found is None or equal_signs(p.text) or not re.search(r"[A-Za-z]", p.text[found.end() :]):
        return p
    by = found["by"].strip("{} ")
    at = f"({by})" if re.fullmatch(LATEX_NAME, by) else ""
    return p.with_part(0, found.end(), rf"\mathrm{{objective}}{at} = ")


def _upright(match: re.Match[str]) -> str:
    return rf"\mathrm{{{match['word']}}}"
