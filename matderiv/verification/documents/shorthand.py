r"""What is said in short: `dW` for `\partial L/\partial W`, and one example without its index."""

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


_LABELLED = re.compile(r"_\s*\{\s*y\s*_?\s*\{?\s*([a-z])\s*\}?\s*\}")
_LOSS = re.compile(
    r"\s*\\?(?:math\w+\s*\{)?(?:[LJEC]|ell)\}?\s*_\s*\{?([a-z])\}?\s*(?:\([^()]*\)\s*)?="
)


def of_one_example(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas without the index of the one example that all are about: L_i, x_i, and w_{y_i}.

    >>> lines = [r"L_i = \sum_{j\ne y_i} \max(0, w_j^T x_i - w_{y_i}^T x_i)"]
    >>> of_one_example([Passage.of(line, latex=True) for line in lines])[0].text
    'L = \\sum_{j\\ne y} \\max(0, w_j^T x - w_{y}^T x)'
    """
    text = "\n".join(p.text for p in passages)
    heads = {m[1] for p in passages if (m := _LOSS.match(p.text))}
    found = next((at for at in _LABELLED.findall(text) if at in heads), "")
    bound = rf"\\(?:sum|prod)(?:\\limits)?\s*_\s*(?:\{{[^{{}}]*(?<![\w]))?{found}(?!\w)"
    if not found or re.search(bound, text):
        return [*passages]
    index = rf"\s*_\s*(?:\{{\s*{found}\s*\}}|{found})(?![A-Za-z])|(?<=_\{{y){found}(?=\}})"
    return [p.replaced(index, lambda m: "") for p in passages]


_WORD = r"\^\s*\{\s*(?:\\(?:text|mathrm|rm)\s*\{?\s*)?(?P<word>new|old|next|prev)\s*\}?\s*\}"


def with_labels(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas in which w^{new} is a name and no power.

    >>> with_labels([Passage.of(r"w^{\text{new}} = 2w", latex=True)])[0].text
    'w_{new} = 2w'
    """
    return [p.replaced(_WORD, lambda m: f"_{{{m['word']}}}") if p.latex else p for p in passages]
