"""What claims nothing: updates, probabilities, images, and vectors with one more entry."""

import re
from collections.abc import Collection

from matderiv.verification.documents.members import stems
from matderiv.verification.documents.positions import Passage, chained
from matderiv.verification.documents.statements import equal_signs, names_in, statement
from matderiv.verification.quantities import LATEX_NAME, LATEX_SYMBOL, VALUE, latex_name

_UPDATE = re.compile(
    rf"\s*(?P<name>{LATEX_SYMBOL})\s*(?:_\s*(?:\w|\{{\s*\d\s*\}})\s*)?"
    r"(?:[_^]\s*\{?\s*\(?\s*\\?[a-z]+\s*\+\s*1\s*\)?\s*\}?|\^\s*\{?\s*\+\s*\}?"
    r"|[_^]\s*\{?\s*(?:\\(?:text|mathrm)\s*\{)?\s*(?:new|next)\s*\}?\s*\}?)?"
    r"\s*:?=\s*(?P<rest>[^=]+)$"
)


def is_update(p: Passage) -> bool:
    r"""True for `w_{t+1} = w_t - \eta \nabla f(w_t)`, which says what is done, not what holds.

    >>> [is_update(Passage.of(line, latex=True)) for line in (
    ...     r"w^{+} = w - \eta \nabla f(w)", r"h_{t+1} = W h_t + b")]
    [True, False]
    """
    found = _UPDATE.match(p.text) if p.latex else None
    if found is None or not found["rest"].lstrip().startswith(found["name"].strip()):
        return False
    return bool(re.search(r"\\(?:nabla|partial)(?![A-Za-z])|∇|∂", found["rest"]))


_CHANCE = re.compile(
    rf"\s*(?P<name>(?>{LATEX_NAME})\s*:?=\s*)?"
    r"(?:[EpPq]|\\(?:Pr|math(?:bb|rm|cal)\s*\{?\s*[EpPV]\s*\}?"
    r"|(?:operatorname|mathrm|text)\s*\{(?:E|Var|Cov|Pr?)\}))\s*"
    r"(?:_\s*(?:\w|\\\w+|\{[^{}]*\})\s*)?(?:\\left|\\[bB]igg?l?)?[(\[](?:[^()\[\]=]*"
    r"(?P<given>\\mid(?![A-Za-z])|\|)[^()\[\]=]*|[^()=]*=[^=]*)[)\]]\s*(?(name)$|=)"
)


def without_chance(p: Passage) -> Passage:
    r"""A chain without the mean or probability in front, of which another side says what it is.

    Nothing of `p(y = 1 \mid x) = \sigma(w^T x)`, which says what is drawn.

    >>> lines = r"P(y = 1) = \mu = w^T x", r"p(y = 1 \mid x) = \sigma(w^T x)"
    >>> [without_chance(Passage.of(line, latex=True)).text.strip() for line in lines]
    ['\\mu = w^T x', '']
    """
    found = _CHANCE.match(p.text) if p.latex else None
    if found is None or (found["given"] and len(equal_signs(p.text)) < 2):
        return p
    return p[found.end() :] if len(equal_signs(p.text)) > 1 else p[:0]


_SLOPE = re.compile(r"\\(?:partial|nabla)(?![A-Za-z])|[∂∇]|\\d?frac\s*\{\s*d")


def by_arguments(p: Passage, defined: Collection[str], moved: Collection[str] = ()) -> Passage:
    r"""`J(w) = \sum_i (y_i - \hat y_i)^2 = ...w...` without the side in which nothing says \hat y.

    What J is of are its arguments, or else what lines differentiate by.

    >>> p = Passage.of(r"J(w) = \|y - \hat y\|^2 = \|y - Xw\|^2", latex=True)
    >>> by_arguments(p, {"J"}).text, by_arguments(p, {"J", "y_hat"}) == p
    ('J(w) = \\|y - Xw\\|^2', True)
    """
    s, signs = statement(p), equal_signs(p.text)
    if s is None or s.quantity is None or s.quantity.kind != VALUE or len(signs) < 2:
        return p
    if _SLOPE.search(s.sides[1].text):
        return p
    first, rest = names_in(s.sides[1]), names_in(s.sides[2])
    at = set(s.quantity.at) or {n for n in rest if stems([n]) & {*moved}}
    silent = at and not at & first and at <= rest and stems(first - rest) - set(defined)
    return chained([p[: signs[0][1]], p[signs[1][1] :]], p) if silent else p


_IMAGE = re.compile(
    rf"\s*(?P<name>{LATEX_NAME})\s*=\s*(?P<of>{LATEX_NAME})\s*\(\s*(?P<at>{LATEX_NAME})\s*\)\s*$"
)


def is_image(p: Passage) -> bool:
    r"""True for `\phi_n = \phi(x_n)`, which says nothing about the array of all \phi_n.

    >>> is_image(Passage.of(r"\phi_n = \phi(x_n)", latex=True))
    True
    """
    found = _IMAGE.match(p.text) if p.latex else None
    if found is None:
        return False
    name, of = latex_name(found["name"]), latex_name(found["of"])
    return bool(of) and (name == of or name.startswith(f"{of}_"))


_LONGER = re.compile(
    rf"\s*(?P<name>{LATEX_NAME})\s*=\s*(?:\\left)?[(\[]\s*(?:{LATEX_NAME}(?:\^\\top)?\s*[,;]\s*1"
    rf"|1\s*[,;]\s*{LATEX_NAME}(?:\^\\top)?)\s*(?:\\right)?[)\]]\s*(?:\^\s*\{{?\\top\}}?)?\s*$"
)


_ALL_ALIKE = re.compile(r"=\s*(?:\.{3}|…|\\[lc]?dots[a-z]?)\s*=")  # z_1 = z_2 = ... = z_n

_SHAPE = r"\(\s*[^()=]+(?:,|\\times(?![A-Za-z])|[×x])[^()=]+\)\s*"
_SHAPES = re.compile(  # (B, D) @ (D, C) = (B, C)
    rf"\s*(?:{_SHAPE}(?:@|\*|·|\\cdot|\\times|\\odot)\s*)+{_SHAPE}(?:=|\\to|→|\\rightarrow)"
    r"\s*(?:\(|\\begin\{)"
)


_LAST = re.compile(rf"\+\s*({LATEX_NAME})\s*\.?$")


_ORDER = re.compile(  # k = O(log 1/ε)
    r"=\s*(?:\\mathcal\s*\{?\s*[Oo]\s*\}?|O)\s*(?:\\left\s*|\\[bB]igg?l?\s*)?\([^=]*$"
)


def noise_of(p: Passage) -> str:
    r"""The last name that is added in `y = X\beta + \epsilon`, which may be noise; or "".

    >>> noise_of(Passage.of(r"y = X\beta + e", latex=True))
    'e'
    """
    found = _LAST.search(p.text) if p.latex else None
    return latex_name(found[1]) if found else ""


def drawn(text: str) -> set[str]:
    r"""The names of what is drawn.

    >>> drawn(r"with \epsilon \sim N(0, 1)")
    {'epsilon'}
    """
    return {latex_name(m[1]) for m in re.finditer(rf"({LATEX_NAME})\s*\\sim(?![A-Za-z])", text)}


def is_remark(p: Passage) -> bool:
    r"""True for what says how something is done or drawn, or what it is of, and nothing else.

    >>> is_remark(Passage.of(r"\hat x_i = (x_i; 1)", latex=True))
    True
    """
    longer = p.latex and _LONGER.match(p.text)
    return (
        bool(longer or _ALL_ALIKE.search(p.text) or _SHAPES.match(p.text) or _ORDER.search(p.text))
        or is_image(p)
        or is_update(p)
    )
