r"""Names of several letters in LaTeX, and names that say what they are: MSE(w, b), CE(y, p)."""

import re
from collections.abc import Sequence
from dataclasses import replace

from matderiv.language.calls import function_names
from matderiv.verification.documents.clauses import LABEL, NAMELESS, OBJECTIVE
from matderiv.verification.documents.partials import by_subscripts
from matderiv.verification.documents.positions import NOWHERE, Passage, joined
from matderiv.verification.documents.rewriting import UPRIGHT
from matderiv.verification.documents.statements import equal_signs, names_in, statement
from matderiv.verification.quantities import (
    DERIVATIVE,
    DIFFERENTIAL,
    LATEX_NAME,
    LATEX_SYMBOL,
    VALUE,
    latex_name,
    named,
)

_WORD = r"[A-Z]{2,}|[A-Z][A-Za-z]{2,}|[a-z]{3,}"
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

    >>> lines = [r"\min_{w} \|Xw\|^2", r"\hat w = \arg\min_w \|Xw\|^2"]
    >>> [p.text for p in with_objective([Passage.of(line, latex=True) for line in lines])]
    ['\\mathrm{objective}(w) = \\|Xw\\|^2', '\\mathrm{objective}(w) = \\|Xw\\|^2']
    """
    return [_named_objective(p) if p.latex else p for p in passages]


def _named_objective(p: Passage) -> Passage:
    signs = equal_signs(p.text)
    found = OBJECTIVE.match(p.text, signs[0][1] if len(signs) == 1 else 0)
    if (
        found is None
        or (signs and not _is_solution(p, signs[0][0], found))
        or not re.search(r"[A-Za-z]", p.text[found.end() :])
    ):
        return p
    by = found["by"].strip("{} ")
    at = f"({by})" if re.fullmatch(LATEX_NAME, by) else ""
    return p.with_part(0, found.end(), rf"\mathrm{{{NAMELESS}}}{at} = ")


def _is_solution(p: Passage, sign: int, found: re.Match[str]) -> bool:
    r"""True for `\hat w = \arg\min_w ...` of a formula: \hat w is w where it is least."""
    by = latex_name(found["by"].strip("{} ")).partition("_")[0]
    lone = re.fullmatch(rf"\s*{LATEX_NAME}\s*(?:\([^()]*\))?[\s.,;]*", p.text[found.end() :])
    return not lone and {name.partition("_")[0] for name in names_in(p[:sign])} == {by}


_CROSS = (
    r"(?:\\(?:text|mathrm|operatorname|mathit)\s*\{\s*|(?<![A-Za-z\\{]))"
    r"(?:CE|[Cc]ross[-_ ]?[Ee]ntropy|CrossEntropy)(?:\s*\})?\s*"
    rf"\(\s*(?P<p>{LATEX_NAME})\s*,\s*(?P<q>{LATEX_NAME})\s*\)"
)


def by_cross_entropy(passages: Sequence[Passage]) -> tuple[list[Passage], dict[str, str]]:
    r"""Formulas with -y^T \log p for CE(y, p), where no line says what that is; y sums to 1.

    >>> found, facts = by_cross_entropy([Passage.of(r"J = CE(y, \hat y)", latex=True)])
    >>> found[0].text, facts
    ('J = (-(y)^T \\log(\\hat y))', {'y': 'simplex'})
    """
    names: set[str] = set()
    if any(re.match(rf"\s*{_CROSS}\s*:?=", p.text) for p in passages if p.latex):
        return [*passages], {}

    def written(match: re.Match[str]) -> str:
        names.add(latex_name(match["p"]))
        return rf"(-({match['p'].strip()})^T \log({match['q'].strip()}))"

    return [p.replaced(_CROSS, written) if p.latex else p for p in passages], dict.fromkeys(
        names - {""}, "simplex"
    )


_LEFT_OUT = re.compile(
    rf"\s*(?P<base>{LATEX_SYMBOL})\s*_\s*\{{?\s*(?P<at>[a-z])\s*\}}?\s*:?=.*?"
    r"\\sum\s*_\s*\{\s*[a-z]\s*\\neq?\s*(?P<out>(?!(?P=at))[a-z])\s*\}"
)


def by_left_out(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas with r_{ij} for r_i, where a sum in its definition leaves out a j.

    >>> by_left_out([Passage.of(r"r_i = y_i - \sum_{k\ne j} x_{ik} w_k", latex=True)])[0].text
    'r_{ij} = y_i - \\sum_{k\\ne j} x_{ik} w_k'
    """
    for found in [m for p in passages if p.latex and (m := _LEFT_OUT.match(p.text))]:
        entry = rf"({re.escape(found['base'])}\s*_)\s*\{{?([a-z])\}}?(?![a-z])"

        def named(m: re.Match[str], out: str = found["out"]) -> str:
            return f"{m[1]}{{{m[2]}{out}}}"

        passages = [p.replaced(entry, named) if p.latex else p for p in passages]
    return [*passages]


def _upright(match: re.Match[str]) -> str:
    return rf"\mathrm{{{match['word']}}}"


_SQUARED = r"\s*\^\s*(?:2(?!\d)|\{\s*2\s*\})"
_BELOW = r"(?:\s*_\s*(?:[A-Za-z0-9]|\{[^{}]*\}))?"
_BASE = rf"(?P<of>(?!\\(?:partial|sqrt|frac)){LATEX_SYMBOL}){_BELOW}{_SQUARED}"
_ABOVE = r"\\partial(?!\s*\^)(?:[^{}]|\{[^{}]*\})*(?:\}\s*\{|/)\s*\\partial\s*(?:\\[,;])?"
_BY_SQUARE = re.compile(rf"(?:{_ABOVE}|\\nabla\s*_\s*\{{)\s*\(?{_BASE}")  # ∂f/∂σ², and no ∂²f/∂σ²
_OF_SQUARE = re.compile(rf"\\partial\s*{_BASE}\s*\}}\s*\{{")  # of \sigma^2 = ...
_SQUARE_IS = re.compile(rf"\s*{_BASE}\s*:?=")
_ARGUMENTS = re.compile(rf"\s*{LATEX_NAME}\s*(?:\\left)?\((?P<at>[^()=]*)\)\s*:?=")


def with_squares(passages: Sequence[Passage]) -> list[Passage]:
    r"""The passages, in which a square that is derived by, or an argument, is a name of its own.

    Where the name itself is derived by as well, ∂f/∂σ² is ∂f/∂σ divided by 2σ.

    >>> lines = [r"L = \log\hat\sigma^2", r"\frac{\partial L}{\partial\sigma^2} = 1"]
    >>> [p.text for p in with_squares([Passage.of(line, latex=True) for line in lines])][0]
    'L = \\log\\hat{\\mathrm{sigmasquare}}'
    """
    text = [p.text for p in passages if p.latex]
    bases = [m["of"] for t in text for m in _BY_SQUARE.finditer(t)]
    heads = [m["at"].split(",") for t in text if (m := _ARGUMENTS.match(t))]
    bases += [m["of"] for at in heads for a in at if (m := re.match(_BASE, a))]
    defined = {m["of"] for t in text if (m := _SQUARE_IS.match(t))}
    bases += [m["of"] for t in text for m in _OF_SQUARE.finditer(t) if m["of"] in defined]
    for base in dict.fromkeys(of.strip() for of in bases):
        if name := latex_name(base).partition("_")[0]:
            square, typed = rf"\mathrm{{{name}square}}", re.escape(base)
            typed = typed if base.endswith("}") else rf"{typed}(?![A-Za-z])"
            typed = typed if base.startswith("\\") else rf"(?<![A-Za-z\\]){typed}"
            itself = rf"\\partial\s*{typed}{_BELOW}(?!{_SQUARED}|\s*_)|^\s*{typed}{_BELOW}\s*:?="
            if any(re.search(itself, t) for t in text):
                passages = [_by_itself(p, typed) if p.latex else p for p in passages]
            else:
                passages = [_in_squares(p, typed, square) if p.latex else p for p in passages]
    return [*passages]


def _by_itself(p: Passage, typed: str) -> Passage:
    """A formula in which ∂f/∂σ² is (∂f/∂σ)/(2σ), and the argument σ² is σ."""
    square, above = rf"\(?({typed}{_BELOW}){_SQUARED}\)?", r"\s*\\partial(?:[^{}^]|\{[^{}]*\})*"
    slope = rf"\\[dt]?frac\s*\{{({above})\}}\s*\{{\s*\\partial\s*{square}\s*\}}"
    p = p.replaced(slope, lambda m: rf"\frac{{1}}{{2{m[2]}}}\frac{{{m[1]}}}{{\partial {m[2]}}}")
    if found := _ARGUMENTS.match(p.text):
        at = re.sub(square, r"\1", found["at"])
        return p.with_part(*found.span("at"), at)
    return p


def _in_squares(p: Passage, typed: str, square: str) -> Passage:
    below, hat = rf"(?P<below>{_BELOW})", r"\\(?:wide)?hat\s*"
    p = p.replaced(rf"\(\s*({typed}{_BELOW}{_SQUARED})\s*\)(?=\s*(?:\}}|\^))", lambda m: m[1])
    hatted = rf"{hat}(?:\{{\s*{typed}\s*\}}|{typed}){below}{_SQUARED}"
    p = p.replaced(hatted, lambda m: rf"\hat{{{square}}}{m['below']}")
    p = p.replaced(rf"{typed}{below}{_SQUARED}", lambda m: f"{square}{m['below']}")
    return p.replaced(typed + below, lambda m: rf"\sqrt{{{square}{m['below']}}}")


_SLOPE_OF_SIGMA = re.compile(
    r"\\frac\s*\{\s*(?:d|\\partial|\\mathrm\{d\})\s*(?:\\[,;])?\s*\\sigma(?:\s*\([^()]*\))?\s*\}"
    r"|\\sigma\s*'"
)
_IS_SIGMOID = re.compile(r"1\s*-\s*\\sigma\s*(?:\\left)?\(|(?i:sigmoid|logistic)")
_SIGMA = re.compile(r"\\sigma\s*(?:\([^()]*\))?\s*:?=")


def with_sigmoid(passages: Sequence[Passage]) -> list[Passage]:
    r"""The passages, with what \sigma is where only its derivative says what it is.

    >>> line = Passage.of(r"\frac{d\sigma(z)}{dz} = \sigma(z)(1-\sigma(z))", latex=True)
    >>> with_sigmoid([line])[0].text
    '\\sigma(z) = \\frac{1}{1 + e^{-z}}'
    """
    text = [p.text for p in passages if p.latex]
    known = any(_SIGMA.match(t.lstrip()) for t in text)
    said = any(map(_SLOPE_OF_SIGMA.search, text)) and any(map(_IS_SIGMOID.search, text))
    if known or not said:
        return [*passages]
    line = r"\sigma(z) = \frac{1}{1 + e^{-z}}"
    return [Passage(line, (NOWHERE,) * len(line), NOWHERE, latex=True), *passages]


_LABELLED = (
    r"(?P<base>\\mathcal\s*\{?\s*[LJE]\s*\}?|\\ell|(?<![A-Za-z\\])[JLEC])\s*_\s*"
    r"\{\s*(?:\\(?:text|mathrm|mathit|textrm)\s*\{)?\s*[A-Za-z][A-Za-z -]+\s*\}?\s*\}"
    r"(?P<at>\s*\([^()=]*\))?"
)


def without_label(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas in which the only J_{\text{word}} that is defined is J, where J is derived.

    >>> lines = [r"J_{neg-sample}(v, U) = v^T U v", r"\frac{\partial J}{\partial v} = 2Uv"]
    >>> without_label([Passage.of(line, latex=True) for line in lines])[0].text
    'J = v^T U v'
    """
    text = [p.text for p in passages if p.latex]
    heads = [m for t in text if (m := re.match(rf"\s*{_LABELLED}\s*:?=", t))]
    names = {re.sub(r"\s*\([^()]*\)\s*:?=$", "", m[0]).strip() for m in heads}
    if len(names) != 1:
        return [*passages]
    base = heads[0]["base"].strip()
    alone = rf"{re.escape(base)}(?![A-Za-z]|\s*_)"
    derived = (
        rf"(?:\\partial\s*|\\nabla\s*(?:_\s*(?:\{{[^{{}}]*\}}|\\?\w+))?\s*|(?<![A-Za-z])d){alone}"
    )
    known = any(re.match(rf"\s*{alone}\s*(?:\([^()=]*\))?\s*:?=", t) for t in text)
    if known or not any(re.search(derived, t) for t in text):
        return [*passages]
    return [p.replaced(_LABELLED, lambda m: m["base"]) if p.latex else p for p in passages]


def by_label(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas with p_y for p_{y_i}, where they are about one example; where i runs, p_{yi}.

    >>> by_label([Passage.of(r"L_i = -\log p_{y_i}", latex=True)])[0].text
    'L_i = -\\log p_{y}'
    """
    text = "\n".join(p.text for p in passages if p.latex)
    found = {re.sub("[^a-z]", "", m[0])[-1] for m in re.finditer(rf"_\s*\{{\s*{LABEL}\s*\}}", text)}
    if not found:
        return [*passages]
    index = rf"(?:\{{[^{{}}]*(?<!\w))?[{''.join(found)}](?!\w)"
    runs = re.search(rf"\\(?:sum|prod)(?:\\limits)?\s*_\s*{index}", text)
    below = rf"_\s*\{{\s*{LABEL}\s*\}}" if runs else rf"(?<![A-Za-z\\]){LABEL}"

    def named(m: re.Match[str]) -> str:
        return f"_{{{re.sub(r'[^A-Za-z]', '', m[0])}}}" if runs else str(m["label"])

    return [p.replaced(below, named) if p.latex else p for p in passages]


_ALONG = re.compile(  # Df(X)[H], D^2f(X)[H, H]
    rf"\s*(?:\\(?:math(?:rm|sf)|operatorname)\s*\{{?)?D\}}?\s*(?P<two>\^\s*\{{?2\}}?\s*)?"
    rf"(?P<f>{LATEX_SYMBOL})\s*"
    rf"\(\s*(?P<x>{LATEX_SYMBOL})\s*\)\s*(?:\\left\s*)?[\[(]"
    rf"\s*(?P<h>{LATEX_SYMBOL})\s*(?(two),\s*(?P=h)\s*)(?:\\right\s*)?[\])]\s*(?==)"
)


def by_directions(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas with df and dX for Df(X)[H] and H.

    >>> by_directions([Passage.of("Df(X)[H] = X^T H", latex=True)])[0].text
    'df = X^T {d X}'
    """
    return [_by_direction(p, m) if (m := _ALONG.match(p.text)) else p for p in passages]


def _by_direction(p: Passage, m: re.Match[str]) -> Passage:
    h, x = m["h"].strip(), m["x"].strip()
    typed = rf"{re.escape(h)}(?![A-Za-z])" if h.startswith("\\") else rf"(?P<word>\\[A-Za-z]+)|{h}"
    p = p.with_part(0, m.end(), f"d{'^2' if m['two'] else ''}{m['f'].strip()} ")
    return p.replaced(typed, lambda m: m.groupdict().get("word") or f"{{d {x}}}")


_TIMES_D = (
    rf"(?P<word>\\[dt]?frac\s*\{{\s*d[^{{}}]*\}}\s*\{{\s*d|{UPRIGHT})|(?<![A-Za-z\\])d"
    r"(?=[A-Za-z]|\\(?!cdot|times|right|left|[lr]?dots|q?quad|[,;!:]))"
)


def by_changes(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas with A\,dx for Adx behind a differential: in LaTeX letters are no word.

    A derivative has no changes: there ds is d times s where d is a number.

    >>> by_changes([Passage.of("df = 2x^T Adx", latex=True)])[0].text
    'df = 2x^T A\\,dx'
    >>> [p.text for p in by_changes([Passage.of(t, latex=True) for t in (r"s = \sqrt{1/d}",
    ...     r"\frac{\partial s}{\partial c} = \frac{c}{ds}")])][1]
    '\\frac{\\partial s}{\\partial c} = \\frac{c}{d\\cdot s}'
    """
    number = any(re.search(r"[{/]\s*d\s*(?:\}|$)|frac\s*\d\s*d", p.text) for p in passages)
    found, open_, slope = [], False, False
    for p in passages:
        s = statement(p)
        q = s.quantity if s is not None else None
        open_ = q.kind == DIFFERENTIAL if q is not None else open_
        slope = q.kind == DERIVATIVE if q is not None else slope
        if number and slope and p.latex:
            p = p.replaced(_TIMES_D, lambda m: m["word"] or r"d\cdot ")
        glued = rf"(?P<word>{UPRIGHT})|(?<=[A-Za-z])d(?=[A-Za-z\\])"
        found.append(p.replaced(glued, lambda m: m["word"] or r"\,d") if p.latex and open_ else p)
    return found


_BARRED = re.compile(
    r"\\nabla(?:\s*_\s*\S)?[^=]*\(\s*\\bar\s*\{?\s*(?P<x>\\?[A-Za-z]+)\s*\}?\s*\)\s*=\s*0"
)


def with_solutions(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas with x^* for \bar x, where a line says that \nabla f(\bar x) = 0."""
    found = {m["x"] for p in passages if p.latex and (m := _BARRED.search(p.text))}
    names = "|".join(map(re.escape, found))
    bar = rf"\\bar\s*(?:\{{\s*({names})\s*\}}|({names})(?![A-Za-z]))"
    marked = [p.replaced(bar, lambda m: f"{m[1] or m[2]}^*") if p.latex else p for p in passages]
    return marked if found else [*passages]


_TUPLE = (  # (2x + y, x)^T behind an equals sign
    r"(?<==)\s*(?:\\left\s*)?\((?P<inside>(?:[^()=]|\([^()=]*\))+)(?:\\right\s*)?\)"
    r"\s*(?:\^\s*\{?\s*\\top\s*\}?)?\s*\.?(?=$|=)"
)


def _column(match: re.Match[str]) -> str:
    cells = re.findall(r"(?:[^,()]|\([^()]*\))+", match["inside"])
    plain = len(cells) > 1 and "dots" not in match["inside"] and ";" not in match["inside"]
    rows = r" \\ ".join(cells)
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}" if plain else match[0]


def in_plain_names(passages: Sequence[Passage]) -> list[Passage]:
    """Formulas in which changes, labels and solutions have the names that are read."""
    row = r"_\s*\{\s*([a-z])\s*,\s*:\s*\}"
    passages = by_subscripts(passages)
    passages = [p.replaced(_TUPLE, _column) if p.latex else p for p in passages]
    passages = [p.replaced(row, lambda m: f"_{{{m[1]}}}") if p.latex else p for p in passages]
    return by_label(with_solutions(by_directions(by_changes(passages))))


def with_upstream(passages: Sequence[Passage]) -> list[Passage]:
    r"""The passages, in which `\frac{\partial L}{\partial z} = g` says what g is.

    So it is where z has a definition, and L and g have none.

    >>> lines = [r"z = Wx", r"\frac{\partial L}{\partial z} = g"]
    >>> with_upstream([Passage.of(line, latex=True) for line in lines])[1].text
    'g = \\frac{\\partial L}{\\partial z}'
    """
    said = [s for p in passages if (s := statement(p)) is not None and s.quantity is not None]
    defined = {s.quantity.of for s in said if s.quantity and s.quantity.kind == VALUE}
    turned: dict[int, Passage] = {}
    for s in said:
        q, right = s.quantity, named(s.sides[-1].text, s.whole.latex)
        if q is None or q.kind != DERIVATIVE or right.kind != VALUE or len(s.sides) != 2:
            continue
        if q.by in defined and not {q.of, right.of} & {*defined, "f"} and not right.at:
            equals = replace(Passage.of("=", s.sides[1].start), latex=s.whole.latex)
            turned[s.whole.start] = joined([s.sides[1], equals, s.sides[0]])
            defined.add(right.of)
    return [turned.get(p.start, p) for p in passages]
