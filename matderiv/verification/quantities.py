r"""What the left side of an equation names, by its look: differentials, derivatives, names.

`∂L/∂W`, `\nabla_w L`, `f'(x)` and `df` are read in the signs of the text language and in LaTeX; a
side that is none of these is a formula.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from matderiv.errors import MatderivError, Span
from matderiv.input.builder import Scope
from matderiv.input.latex.reader import parse_latex
from matderiv.language.calls import function_names
from matderiv.language.source import Name
from matderiv.language.tokens import ACCENTED, GREEK, GREEK_NAMES, MARKS, canonical_name

VALUE, DIFFERENTIAL, DERIVATIVE, FORMULA = "value", "differential", "derivative", "formula"

_L = f"A-Za-z{ACCENTED}" + "".join(GREEK)
NAME = rf"[{_L}][{_L}{MARKS}0-9_₀-₉]*"
_OF = rf"(?:\s*\(\s*{NAME}(?:\s*[,;]\s*{NAME})*\s*\))?"  # f(x), f(W, b)
_TWO = r"\s*(?P<second>²|\^2|\^\{2\})?\s*"
_FRACTION = (
    rf"\(?\s*[∂d]{_TWO}(?P<f>{NAME})?{_OF}\s*/\s*\(?\s*[∂d]\s*(?P<x>(?:{NAME})?)"
    rf"(?:²|\^2|\^\{{2\}}|\s*(?:[∂d]\s*(?P=x)|∂\s*(?P<then>{NAME}))(?:'|ᵀ|\^T|\^⊤|\^\{{⊤\}})?)?"
    rf"\s*\)*\s*"
    rf"(?:(?<![{_L}0-9_])(?P<g>{NAME}){_OF})?"
)
_NABLA = (
    r"(?:∇|∂(?=_)|\b(?:nabla|[Gg]rad(?:ient)?|[Jj]acobian|(?P<hessian>[Hh]ess(?:ian)?))"
    r"(?![A-Za-z0-9]))"
    rf"{_TWO}"
    rf"(?:_\{{?(?P<x>{NAME})\}}?)?\s*(?:\(?(?P<f>{NAME})\)?{_OF})?"
)
_SPOKEN = (
    r"(?P<what>\b(?:[Gg]radient|[Jj]acobian|[Hh]ess(?:ian)?))"
    rf"(?:\s+of\s+(?P<of>{NAME}))?(?:\s+(?:with respect to|w\.?r\.?t\.?|by)\s+(?P<by>{NAME}))?"
)
_PRIMED = rf"(?P<f>{NAME})(?P<second>['′’]{{2}}|″)?['′’]?(?:\(\s*(?P<x>{NAME})\s*\))?"
_LETTER = rf"[{_L}][{MARKS}]?|ell|{'|'.join(sorted(GREEK_NAMES))}"
_SHORT = rf"(?:{_LETTER})(?:_?[0-9₀-₉]+|_[{_L}0-9]+)?"  # x, W_1, mu
_CHANGE = (
    r"d(?P<second>²|\s*\^\s*(?:2|\{2\})\s*)?"
    rf"(?:(?P<f>{_SHORT}){_OF}|\s*\(\s*(?P<g>{NAME})\s*\))"
)
_NAMED = rf"(?P<f>{NAME}){_OF}"


@dataclass(frozen=True)
class Quantity:
    """What a left side names: `kind` of the function `of` by the variable `by`; "" where unsaid.

    `at` are the arguments in f(x, y); `of_at` and `by_at` the indices of entries, as in ∂s_i/∂z_j.
    `then` is another second name, as in ∂²f/∂x∂y; `turned` a first derivative is in ∂f/∂xᵀ, and
    `point` is what is typed in the brackets of one at a point.
    """

    kind: str
    of: str = ""
    by: str = ""
    order: int = 1
    primed: bool = False
    at: tuple[str, ...] = ()
    of_at: str = ""
    by_at: str = ""
    then: str = ""
    point: str = ""
    turned: bool = False

    @property
    def whole(self) -> Quantity:
        """The derivative whose entries are meant."""
        return replace(self, of_at="", by_at="")


def _signs(match: re.Match[str]) -> str:
    """`gradient of f with respect to x` in signs."""
    by = f"_{match['by']}" if match["by"] else ""
    return f"{match['what']}{by} {match['of'] or ''}".strip()


def quantity(text: str) -> Quantity:
    """What a left side names, by its look.

    >>> quantity("∂L/∂W").by, quantity("f").kind, quantity("A*x").kind
    ('W', 'value', 'formula')
    """
    text = re.sub(_SPOKEN, _signs, re.sub(r"\s+is$", "", text.strip()))
    if found := re.fullmatch(_FRACTION, text):
        of = found["f"] or found["g"] or ""
        return _derivative(found, of) if found["x"] and not _applied(of) else Quantity(FORMULA)
    if found := re.fullmatch(_NABLA, text):
        made = _derivative(found, found["f"] or "")
        return replace(made, order=2) if found["hessian"] else made
    if found := re.fullmatch(_CHANGE, text):
        order = 2 if found["second"] else 1
        return Quantity(DIFFERENTIAL, canonical_name(found["f"] or found["g"]), order=order)
    if (found := re.fullmatch(_NAMED, text)) and (found["f"] == text or not _applied(found["f"])):
        inside = text[len(found["f"]) :].strip(" ()")
        at = tuple(canonical_name(name) for name in re.split(r"\s*[,;]\s*", inside) if name)
        return Quantity(VALUE, canonical_name(found["f"]), at=at)
    if (found := re.fullmatch(_PRIMED, text)) and re.search("['′’″]", text):
        return replace(_derivative(found, found["f"]), primed=True)
    return Quantity(FORMULA)


def _applied(name: str) -> bool:
    """True for functions of the language: `log(x)` is no name."""
    return name == "d" or name in function_names()


def _derivative(found: re.Match[str], of: str) -> Quantity:
    called = re.search(rf"{NAME}\s*\(([^()]*)\)", found[0])
    at = tuple(re.findall(r"\w+", called[1])) if called else ()
    then = found.groupdict().get("then") or ""
    order = 2 if found["second"] or then else 1
    by, then = canonical_name(found["x"] or ""), canonical_name(then)
    then = "" if then == by else then
    return Quantity(DERIVATIVE, canonical_name(of), by, order, at=at, then=then)


# LaTeX left sides in plain signs ------------------------------------------------------------------

_FONTS = "mathbf|boldsymbol|bm|mathcal|mathrm|mathit|mathsf|vec|operatorname|text|bf|rm"
_STYLES = rf"\\(?:{_FONTS})\*?\s*(?:\{{([^{{}}]*)\}}|([A-Za-z]))"
_GREEK = "|".join(sorted(GREEK_NAMES, key=len, reverse=True))
LATEX_D = (
    r"(?:\\partial(?![A-Za-z])"
    r"|\\(?:mathrm|mathsf|rm|operatorname|text)\s*(?:\{\s*d\s*\}|d(?![A-Za-z]))"
    r"|\\dd?(?![A-Za-z])|\{\\rm d\}"
    r"|(?:(?<![A-Za-z\\^_])|(?<=\^T))(?<!\\math(?:rm|sf)\{)(?<!\\operatorname\{)(?<!\\text\{)"
    r"(?<!frac[0-9])d)"
    r"(?:\s|\\[,!;:])*+"
)
_SIGN = rf"[A-Za-z0-9]|\\(?:var)?(?:{_GREEK})(?![A-Za-z])"
_BELOW = rf"(?:_(?:\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}}|{_SIGN}))?"
_ABOVE = r"\^\{\s*[(\[][0-9a-zA-Z+-]+[)\]]\s*\}"
_STYLED = (
    rf"(?:\\(?:{_FONTS}|hat|bar|tilde|widehat|widetilde|overline)"
    r"\s*(?:\{[^{}]*(?:\{[^{}]*\})?\}|\\[A-Za-z]+|[A-Za-z])"
    rf"|\\(?:var)?(?:{_GREEK}|ell)(?![A-Za-z]))"
)
LATEX_SYMBOL = rf"\s*+(?:{_STYLED}|[A-Za-z])"
LATEX_NAME = rf"{LATEX_SYMBOL}{_BELOW}(?:{_ABOVE})?"
_WORD = r"\\(?:operatorname|mathrm|text|rm)\s*\{\s*[A-Za-z]{2,}\s*\}"
_SEVERAL = rf"\s*(?:[A-Za-z]{{2}}|(?:{LATEX_SYMBOL}_\w|{_WORD})\s*(?:[A-Za-z]|\\(?:{_GREEK})))"
_DECORATED = rf"{_STYLED}{_BELOW}(?:{_ABOVE})?|(?<!\\)[A-Za-z]{_BELOW}{_ABOVE}"
_PLAIN: tuple[tuple[str, str], ...] = (
    (r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|limits|,|;|!|:|\s|quad|qquad)(?![A-Za-z])", " "),
    (_STYLES, r"\1\2"),
    (r"\\ell(?![A-Za-z])", "ell"),
    (rf"\\(?:var)?({_GREEK})(?![A-Za-z])", r"\1"),
    (r"\\[dt]?frac\s*\{((?:[^{}]|\{[^{}]*\})*)\}\s*\{((?:[^{}]|\{[^{}]*\})*)\}", r"\1/\2"),
    (r"\\(?:top|intercal)(?![A-Za-z])", "⊤"),
    (r"_\{([A-Za-z0-9]+)\}", r"_\1"),
    (r"\^\{?\\prime\}?", "'"),
    (r"~", " "),
)


@lru_cache(maxsize=4096)
def latex_name(latex: str) -> str:
    r"""The canonical name behind a symbol in LaTeX; "" where it is no name.

    >>> latex_name(r"\mathbf{W}_1"), latex_name(r"\hat y")
    ('W_1', 'y_hat')
    """
    try:
        node = parse_latex(latex, Scope()).main
    except MatderivError:
        return ""
    return node.name if isinstance(node, Name) else ""


def plain(latex: str) -> str:
    r"""A left side in LaTeX with signs in place of commands.

    >>> plain(r"\frac{\partial \mathcal{L}}{\partial \mathbf{W}}"), plain(r"\nabla_{\theta} f")
    ('∂ L/∂ W', '∇_theta f')
    """
    for command, sign in (("partial", "∂"), ("nabla", "∇")):
        latex = re.sub(rf"\\{command}(?![A-Za-z])", sign, latex)
    latex = re.sub(_DECORATED, _plain_name, latex)
    for pattern, by in _PLAIN:
        latex = re.sub(pattern, by, latex)
    return " ".join(latex.split())


def _plain_name(match: re.Match[str]) -> str:
    """A decorated symbol by its canonical name; letters stay as they are."""
    symbol = match[0]
    if re.fullmatch(r"\\(?:mathrm|rm|operatorname|text)\s*\{?\s*d\s*\}?", symbol):
        return match[0]
    return latex_name(symbol) or match[0]


def named(text: str, latex: bool) -> Quantity:
    r"""What a side names, in either notation; letters side by side in LaTeX are a product.

    >>> named(r"\frac{\partial f}{\partial\Sigma}", True).by, named("df/dtheta", False).by
    ('Sigma', 'theta')
    """
    found = signs(text, latex)
    if len(found) == 1 and found[0].span == (0, len(text.rstrip())):
        return Quantity(FORMULA) if found[0].operand or found[0].below else found[0].quantity
    made = quantity(plain(text) if latex else text)
    product = latex and made.kind == VALUE and re.match(_SEVERAL, text)
    return Quantity(FORMULA) if product else made


# Derivatives inside formulas ---------------------------------------------------------------------


@dataclass(frozen=True)
class Sign:
    """A derivative inside a formula, and the place of a formula that it is the derivative of.

    `below` is that of a formula that it is by, as in `\\partial L/\\partial(Wx)`, `call` of f(y).
    """

    span: Span
    quantity: Quantity
    operand: Span | None = None
    chained: bool = False
    below: Span | None = None
    call: Span | None = None

    @property
    def written(self) -> bool:
        """True for the derivative of a formula, and for a product of derivatives."""
        return self.chained or self.operand is not None or self.below is not None


_TRANSPOSE = r"T|\\(?:top|intercal)(?![A-Za-z])|\\math(?:rm|sf)\s*\{?T\}?"
_POWER = rf"\s*(?:\^\s*\{{?\s*(?:2|(?P<row>{_TRANSPOSE}))\s*\}}?|(?P<prime>'))"
_RAISED_BY = rf"\^\s*\{{?\s*(?:2|{_TRANSPOSE})\s*\}}?"
_LATER = re.sub(r"\(\?P<\w+>", "(?:", _POWER)
_BY = (
    rf"(?P<by>{LATEX_NAME})"
    rf"(?:{_POWER}|(?:\s|\\[,;:!])*{LATEX_D}(?P<then>{LATEX_NAME})(?:{_LATER})?)?"
    r"(?P<rest>[^{}]*)"
)
_NUMBER = r"\s*-?\s*[\d.]+\s*"
_HEAD_LATEX = re.compile(
    rf"\\[dt]?frac\s*\{{\s*(?P<above>{LATEX_D}(?:\^\s*\{{?\s*(?P<two>2)\s*\}}?)?)"
    rf"|\\nabla(?![A-Za-z])(?P<scripts>(?:\s*[_^]\s*(?:\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}}"
    rf"|\\[A-Za-z]+(?:\s*\{{[^{{}}]*\}})?|[A-Za-z0-9]))*)"
    rf"|{LATEX_D}(?P<f>{LATEX_NAME})?\s*/\s*{LATEX_D}(?P<x>{LATEX_NAME})"
    rf"|(?<![A-Za-z\\'])(?P<of>{LATEX_NAME})'(?P<again>')?\((?P<at>{LATEX_NAME}|{_NUMBER})\)"
    rf"|\\partial(?![A-Za-z])(?:\s|\\,)*(?P<inner>[^/=+]{{2,80}}?)\s*/\s*\\partial(?![A-Za-z])"
    rf"(?P<y>{LATEX_NAME})"
)
_BELOW_BAR = re.compile(rf"\}}\s*\{{\s*{LATEX_D}{_BY}\}}")
_BY_FORMULA = re.compile(
    r"\}\s*\{\s*\\partial(?![A-Za-z])\s*(?P<formula>(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})+)\}"
)
_INSIDE = r"(?:[^()\[\]]|\([^()\[\]]*\))*"
_HEAD = re.compile(
    rf"(?:∇|(?<!\w)(?:grad|nabla)(?=_|\s+[{_L}(]))(?P<two>²|\^2|\^\{{2\}})?"
    rf"(?:_\{{?(?P<by>{NAME})\}}?)?(?:²|\^2)?"
    rf"|(?<![\w)'])(?P<of>{NAME})'(?P<again>')?\((?P<at>{NAME}|{_NUMBER})\)"
    rf"|(?<![\w)'])[∂d](?P<second>²|\^2)?\s*(?P<f>{NAME})?\s*/\s*[∂d]\s*(?P<x>{NAME})"
    rf"(?:²|\^2|\s*∂\s*(?P<then>{NAME})(?:ᵀ|\^T|\^⊤)?)?"
    r"|(?:∂|(?<![\w)'])d(?=[\s(‖|]))\s*"
    rf"(?P<inner>(?:‖[^‖=]*‖|\|\|[^|=]*\|\||[^()/=+]|\({_INSIDE}\))+?)\s*/\s*[∂d]\s*(?P<y>{NAME})"
)
_SPACE = r"(?:\s|\\[,;:!]|\\(?:left|right|quad|displaystyle)(?![A-Za-z])|~)*+"
_BAR = r"|(?:\\(?:[bB]igg?[rlm]?))?\s*(?:\||\\[rl]?vert)\s*_"  # at a point
_ENDS = rf"{_SPACE}(?:$|[-+=*/·)\]}}|‖,&]|\\(?:\||cdot|times|odot|rVert|right)|\.[*/]{_BAR})"
_RAISED = re.compile(r"(?:\s*\^\s*(?:\d|\{\s*-?\s*\d+\s*\})|\s*²)?")  # of (x + 1)^2
_CALLED = re.compile(  # behind f(x) may stand a factor or an entry: \nabla f(x)_i
    rf"{_SPACE}(?P<f>{LATEX_NAME}|{NAME})(?:(?={_ENDS})"
    rf"|{_SPACE}[(\[](?P<at>{_INSIDE})[)\]](?={_ENDS}|{_SPACE}['^_A-Za-z\\(\[]))"
)
_OF_LETTER = re.compile(  # with a sign or a factor behind it: v^\top \nabla^2 f v
    rf"{_SPACE}(?P<f>[fghLJF]|\\(?:ell|mathcal\s*\{{?L\}}?))"
    rf"(?=\s*(?:'|\^\s*\{{?\s*(?:{_TRANSPOSE}))|{_SPACE}(?![fghLJF])[A-Za-z](?![A-Za-z(]))"
)


def signs(text: str, latex: bool) -> list[Sign]:
    r"""The derivatives in a formula, in order: with a name behind them, or a formula.

    >>> [(s.quantity.of, s.quantity.by, s.operand) for s in signs("-2*df/dx + ∇_w(w'*w)", False)]
    [('f', 'x', None), ('', 'w', (14, 20))]
    >>> [text[a:b] for text in [r"\nabla_x \|Ax-b\|^2"] for a, b in [signs(text, True)[0].operand]]
    ['\\|Ax-b\\|^2']
    """
    found, place = list[Sign](), 0
    head = _HEAD_LATEX if latex else _HEAD
    while match := head.search(text, place):
        sign = _sign(text, match, latex)
        place = match.end() if sign is None else sign.span[1]
        found += [] if sign is None else [sign]
    return found


def _sign(text: str, match: re.Match[str], latex: bool) -> Sign | None:
    start, end = match.span()
    if match["of"]:
        read = latex_name if latex else canonical_name
        f, at = read(match["of"].strip()), match["at"].strip()
        x = "" if re.fullmatch(_NUMBER, at) else read(at)
        made = Quantity(DERIVATIVE, f, x, 2 if match["again"] else 1, primed=True)
        return Sign((start, end), made) if x else _at(Sign((start, end), made), match)
    if latex and match["above"]:
        return _fraction(text, match)
    if latex and match["scripts"] is not None:
        second = re.search(r"\^\s*\{?\s*2", match["scripts"])
        by = re.search(r"_\s*(.*)", re.sub(_RAISED_BY, "", match["scripts"]))
        name = latex_name(re.sub(r"^\{(.*)\}$", r"\1", by[1].strip())) if by else ""
        if by and not name:
            return None
        turned = bool(re.search(rf"\^\s*\{{?\s*(?:{_TRANSPOSE})", match["scripts"])) and not second
        made = Quantity(DERIVATIVE, "", name, 2 if second else 1, turned=turned)
        return _completed(text, start, end, made)
    if inner := match["inner"]:
        made = Quantity(DERIVATIVE, "", (_variable if latex else canonical_name)(match["y"]))
        if not latex and (called := _CALLED.fullmatch(inner)) and (of := _function(called["f"])):
            return _at(Sign((start, end), replace(made, of=of)), called, match.start("inner"))
        return Sign((start, end), made, match.span("inner"))
    if latex:
        of, by_name = latex_name(match["f"] or ""), _variable(match["x"])
        made = Quantity(DERIVATIVE, of, by_name)
    else:
        typed = match["by"] or match["x"] or "", match["then"] or ""
        by_name, then = map(canonical_name, typed)
        order = 2 if match["two"] or match["second"] or then else 1
        of = canonical_name(match["f"] or "")
        made = Quantity(DERIVATIVE, of, by_name, order, then="" if then == by_name else then)
    return Sign((start, end), made) if of else _completed(text, start, end, made)


def _variable(typed: str) -> str:
    return latex_name(typed) or typed.strip()  # what is no name is never every variable


def _fraction(text: str, match: re.Match[str]) -> Sign | None:
    r"""`\frac{\partial L}{\partial W}`, or with a formula above the bar."""
    opened = match.end()
    depth, stop = 1, opened
    while stop < len(text) and depth:
        depth += (text[stop] == "{") - (text[stop] == "}")
        stop += 1
    below, formula = _BELOW_BAR.match(text, stop - 1), None
    if below is None or re.search(r"(?<![A-Za-z\\])[A-Za-z]", below["rest"]):
        below, formula = None, _BY_FORMULA.match(text, stop - 1)
        if formula is None or match["two"]:
            return None
        made, span = Quantity(DERIVATIVE), (match.start(), formula.end())
    else:
        by, then = _variable(below["by"]), latex_name(below["then"] or "")
        two = bool(match["two"] or below["then"])
        turned = bool(below["row"] or below["prime"]) and not two
        then = "" if then == by else then
        made = Quantity(DERIVATIVE, "", by, 2 if two else 1, then=then, turned=turned)
        span = (match.start(), below.end())
    above = text[opened : stop - 1].rstrip()
    where = formula.span("formula") if formula is not None else None
    if not above.strip():
        return replace(_completed(text, *span, made), below=where)
    if (called := _CALLED.fullmatch(above)) and (of := _function(called["f"])):
        return _at(Sign(span, replace(made, of=of), below=where), called, opened)
    return Sign(span, made, (opened, stop - 1), below=where)


def _completed(text: str, start: int, end: int, made: Quantity) -> Sign:
    """An operator with what it is applied to: a name, a bracket, or all that follows."""
    opened = re.compile(rf"{_SPACE}(?:\\\||‖|\\lVert)").match(text, end)
    whole = len(re.findall(r"\\\||‖|\\[lr]Vert", text[:end])) % 2 == 0  # every norm is closed
    if re.compile(_ENDS).match(text, end) and not (opened and whole):
        return Sign((start, end), made)
    called = _CALLED.match(text, end) or _OF_LETTER.match(text, end)
    if called and (of := _function(called["f"])):
        return _at(Sign((start, called.end()), replace(made, of=of)), called)
    first = end + len(re.compile(_SPACE).match(text, end)[0])  # type: ignore[index]
    stop = len(text)
    if text[first : first + 1] in ("(", "["):
        depth = 0
        for k in range(first, len(text)):
            depth += (text[k] in "([") - (text[k] in ")]")
            if not depth:
                stop = k + 1 + len(_RAISED.match(text, k + 1)[0])  # type: ignore[index]
                break
    first = end + len(text[end:]) - len(text[end:].lstrip())
    return Sign((start, stop), made, (first, len(text[:stop].rstrip())))


def _at(sign: Sign, called: re.Match[str], start: int = 0) -> Sign:
    """The sign of a derivative with what stands in brackets behind its function, if anything."""
    q, call = replace(sign.quantity, point=called.groupdict().get("at") or ""), called.span()
    return replace(sign, quantity=q, call=(start + call[0], start + call[1]) if q.point else None)


def _function(typed: str) -> str:
    name = latex_name(typed) if re.search(r"[\\^{]", typed) else canonical_name(typed.strip())
    return "" if _applied(name) else name
