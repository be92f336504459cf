r"""What is said in short: `dW` for `\partial L/\partial W`, and w^{new} for a new name."""

import re
from collections.abc import Sequence

from matderiv.verification.documents.positions import Passage

_LETTER = r"(?:\\[a-z]+\s*|[A-Za-z])(?:_(?:\{\w+\}|\w))?(?![A-Za-z])"
_OVER = r"\\[dt]?frac\s*\{\s*\\partial\s*(?P<loss>[^{}]+?)\s*\}\s*\{\s*\\partial\s*(?P=of)\s*\}"
_PLAIN = r"(?:∂|\bd)\s*(?P<plain>[A-Za-z]+)\s*/\s*(?:∂|d)\s*(?P=of)"
_SAYS = re.compile(rf"\s*d\s*(?P<of>{_LETTER})\s*:?=\s*(?:{_OVER}|{_PLAIN})\s*[.,;]?\s*")
_SHORT = rf"(?<![A-Za-z\\])d(?P<of>{_LETTER})"


def by_shorthand(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas with derivatives written out, where a line such as `dO = ∂L/∂O` says what dO is.

    >>> lines = [r"dO = \frac{\partial L}{\partial O}", r"dV = P^T dO"]
    >>> [p.text for p in by_shorthand([Passage.of(line, latex=True) for line in lines])]
    ['\\frac{\\partial L}{\\partial V} = P^T \\frac{\\partial L}{\\partial O}']
    """
    said = [_SAYS.fullmatch(p.text) for p in passages]
    loss = next((m["loss"] or m["plain"] for m in said if m), "")
    if not loss:
        return [*passages]

    def in_latex(match: re.Match[str]) -> str:
        return rf"\frac{{\partial {loss}}}{{\partial {match['of']}}}"

    def in_text(match: re.Match[str]) -> str:
        return f"∂{loss}/∂{match['of']}"

    kept = (p for p, m in zip(passages, said, strict=True) if not m)
    return [p.replaced(_SHORT, in_latex if p.latex else in_text) for p in kept]


_WORD = r"\^\s*\{\s*(?:\\(?:text|mathrm|rm)\s*\{?\s*)?(?P<word>new|old|next|prev)\s*\}?\s*\}"


def with_labels(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas in which w^{new} is a name and no power.

    >>> with_labels([Passage.of(r"w^{\text{new}} = 2w", latex=True)])[0].text
    'w_{new} = 2w'
    """
    return [p.replaced(_WORD, lambda m: f"_{{{m['word']}}}") if p.latex else p for p in passages]
