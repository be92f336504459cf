r"""What is said in short: `dW` for `\partial L/\partial W`, w^{new} and c' for names, bare sums."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from matderiv.verification.documents.positions import Passage
from matderiv.verification.documents.statements import equal_signs, names_in
from matderiv.verification.quantities import LATEX_NAME, LATEX_SYMBOL, latex_name

_LETTER = r"(?:\\[a-z]+\s*|[A-Za-z])(?:_(?:\{\w+\}|\w))?(?![A-Za-z])"
_OVER = r"\\[dt]?frac\s*\{\s*\\partial\s*(?P<loss>[^{}]+?)\s*\}\s*\{\s*\\partial\s*(?P=of)\s*\}"
_PLAIN = r"(?:\\partial|∂|\bd)\s*(?P<plain>[A-Za-z]+)\s*/\s*(?:\\partial|∂|d)\s*(?P=of)"
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

_DIVERGENCE = r"(?<=KL|L\}|\}\})\s*(?:\\left)?\([^()=]*(?:\\\||\|\|)[^()=]*\)(?=\s*:?=)"


def with_labels(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas in which w^{new} is a name and no power, and `KL(q\|p) = ...` defines KL.

    >>> lines = (r"w^{\text{new}} = 2w", r"D_{KL}(q\|p) = \mu^2")
    >>> [p.text for p in with_labels([Passage.of(line, latex=True) for line in lines])]
    ['w_{new} = 2w', 'D_{KL} = \\mu^2']
    """
    found = [p.replaced(_DIVERGENCE, lambda m: "") if p.latex else p for p in passages]
    return [p.replaced(_WORD, lambda m: f"_{{{m['word']}}}") if p.latex else p for p in found]


_STEP = r"\s*\^\s*(?:\{\s*\+\s*\}|\+)"
_PRIMED = rf"(?P<base>{LATEX_SYMBOL})(?:\s*'(?!\s*['(])|{_STEP})"


def _called(text: Sequence[str]) -> set[str]:
    """The names that stand before brackets."""
    typed = rf"(?<![A-Za-z\\])({LATEX_SYMBOL})\s*(?:\\left|\\[bB]igg?l?)?\s*\("
    return {latex_name(m[1]) for t in text for m in re.finditer(typed, t)}


def by_primes(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas in which c' is a name of its own: derived by, an argument, or of a c that is given.

    So is the P^+ that a line defines, and no pseudo-inverse.

    >>> lines = [r"c' = c - a", r"\frac{\partial u}{\partial c'} = 2c'"]
    >>> by_primes([Passage.of(line, latex=True) for line in lines])[1].text
    '\\frac{\\partial u}{\\partial\\mathrm{cprime}} = 2\\mathrm{cprime}'
    """
    text = [p.text for p in passages if p.latex]
    first = [m for t in text if (m := re.match(rf"\s*{_PRIMED}\s*:?=", t))]
    given = {latex_name(m["base"]) for m in first}
    below = (m for t in text for m in re.finditer(rf"(?:\{{|/)\s*\\partial\s*{_PRIMED}", t))
    at = [m[1] for t in text if (m := re.match(rf"\s*{LATEX_NAME}\s*\(([^()=]*)\)\s*:?=", t))]
    points = {latex_name(m["base"]) for inside in at for m in re.finditer(_PRIMED, inside)}
    heads = (re.match(rf"\s*({LATEX_SYMBOL})\s*(?:\([^()=]*\))?\s*:?=", t) for t in text)
    functions = {latex_name(m[1]) for m in heads if m} | _called(text)
    alone = {n for p in passages if p.latex for n in names_in(p.blanked(_PRIMED))} - functions
    steps = {latex_name(m["base"]) for m in first if "^" in m[0]}
    names = steps | given & ({latex_name(m["base"]) for m in below} | alone) | points - {""}

    def named(match: re.Match[str]) -> str:
        name = latex_name(match["base"])
        return rf"\mathrm{{{name}prime}}" if name in names else match[0]

    return [p.replaced(_PRIMED, named) if p.latex and names else p for p in passages]


_BELOW = r"_\s*(?:\{\s*(?P<in>[a-z\s]+)\s*\}|(?P<at>[a-z]))"
_SUMMED = re.compile(r"\\sum\s*(?:\\limits\s*)?_\s*\{?\s*([a-z])")
_TERM = re.compile(r"\s*[-+]?\s*(?P<body>(?:[^-+({\[]|[({\[][^-+({\[\])}]*[)}\]])+)")


def by_repeated(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas with the sums that the summation convention leaves out.

    >>> by_repeated([Passage.of("f = x_iA_{ij}x_j + b_kx_k", latex=True)])[0].text
    'f = \\sum_{i}\\sum_{j}x_iA_{ij}x_j + \\sum_{k}b_kx_k'
    """
    found, left = [], Counter[str]()
    for p in passages:
        signs = equal_signs(p.text)
        first = p.text[: signs[0][0]] if signs else ""
        left = _counted(first) if first.strip() else left
        ends = [*(a for a, _ in signs), len(p.text)]
        for start, end in reversed([*zip([b for _, b in signs], ends[1:], strict=True)]):
            for term in reversed([*_TERM.finditer(p.text, start, end)] if p.latex else []):
                letters, kept = _counted(term["body"]), {*left, *_SUMMED.findall(term["body"])}
                twice = sorted(c for c, n in letters.items() if n == 2 and c not in kept)
                sums = "".join(rf"\sum_{{{c}}}" for c in twice)
                p = p.with_part(term.start("body"), term.start("body"), sums)
        found.append(p)
    return found


def _counted(text: str) -> Counter[str]:
    """How often a letter stands below a name."""
    below = (m["in"] or m["at"] for m in re.finditer(_BELOW, text))
    return Counter(c for letters in below for c in letters if c.isalpha())


def by_lines(passages: Sequence[Passage], lines: Mapping[str, str]) -> list[Passage]:
    r"""Formulas with U_{:,w} for the column u_w of U, and W_{j,:} for a row of W.

    >>> by_lines([Passage.of(r"\mathbf u_w^T v", latex=True)], {"u": "U_{:,%}"})[0].text
    'U_{:,w}^T v'
    """
    free = r"(?<!_)(?:(?<!_\{)|(?<=\\nabla_\{))"
    name = rf"{free}(?P<base>{LATEX_SYMBOL})\s*_\s*(?:\{{\s*([a-z])\s*\}}|([a-z]))"
    typed = rf"{name}|\\[A-Za-z]+"  # letters of a command are none

    def named(match: re.Match[str]) -> str:
        whole = lines.get(latex_name((match["base"] or "").strip()))
        return whole.replace("%", match[2] or match[3]) if whole else match[0]

    return [p.replaced(typed, named) if p.latex and lines else p for p in passages]
