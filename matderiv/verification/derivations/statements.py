"""Lines of a derivation as statements: what stands on the left, and the sides that are said equal.

`df = 2*r'*dr = 2*r'*A*dx` states two equations about the differential of f. Left sides are read by
their look: differentials df, derivatives ∂f/∂x, ∇_x f, f'(x), names, and formulas for the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from matderiv.errors import MatderivError
from matderiv.input.builder import Scope
from matderiv.input.latex.reader import parse_latex
from matderiv.language.calls import function_names
from matderiv.language.source import Name
from matderiv.language.tokens import GREEK, GREEK_NAMES, canonical_name
from matderiv.verification.derivations.passages import Passage

VALUE, DIFFERENTIAL, DERIVATIVE, FORMULA = "value", "differential", "derivative", "formula"

_L = "A-Za-z" + "".join(GREEK)
NAME = rf"[{_L}][{_L}0-9_₀-₉]*"
_OF = rf"(?:\s*\(\s*{NAME}(?:\s*[,;]\s*{NAME})*\s*\))?"  # f(x), f(W, b)
_TWO = r"\s*(?P<second>²|\^2|\^\{2\})?\s*"
_FRACTION = (
    rf"\(?\s*[∂d]{_TWO}(?P<f>{NAME})?{_OF}\s*/\s*\(?\s*[∂d]\s*(?P<x>{NAME}?)"
    rf"(?:²|\^2|\^\{{2\}}|\s*[∂d]\s*(?P=x)(?:'|ᵀ|\^T|\^⊤)?)?\s*\)*\s*(?:(?P<g>{NAME}){_OF})?"
)
_NABLA = (
    r"(?:∇|\b(?:nabla|[Gg]rad(?:ient)?|[Jj]acobian|(?P<hessian>[Hh]ess(?:ian)?))(?![A-Za-z0-9]))"
    rf"{_TWO}"
    rf"(?:_\{{?(?P<x>{NAME})\}}?)?\s*(?:\(?(?P<f>{NAME})\)?{_OF})?"
)
_SPOKEN = (
    r"(?P<what>\b(?:[Gg]radient|[Jj]acobian|[Hh]ess(?:ian)?))"
    rf"(?:\s+of\s+(?P<of>{NAME}))?(?:\s+(?:with respect to|w\.?r\.?t\.?|by)\s+(?P<by>{NAME}))?"
)
_PRIMED = rf"(?P<f>{NAME})(?P<second>['′’]{{2}}|″)?['′’]?(?:\(\s*(?P<x>{NAME})\s*\))?"
_SHORT = rf"(?:[{_L}]|{'|'.join(sorted(GREEK_NAMES))})(?:_?[0-9₀-₉]+|_[{_L}0-9]+)?"  # x, W_1, mu
_CHANGE = (
    r"d(?P<second>²|\s*\^\s*(?:2|\{2\})\s*)?"
    rf"(?:(?P<f>{_SHORT}){_OF}|\s*\(\s*(?P<g>{NAME})\s*\))"
)
_NAMED = rf"(?P<f>{NAME}){_OF}"
_WORD = re.compile(r"(?:[A-Za-z][a-z]+(?:-[a-z]+)*|a|I|i\.e\.)[,:;.]?\s+|[,:;]\s*")
_LEAD = re.compile(
    r"""\s*(?:\(?\d{1,2}[.)]\s+|\(?[a-h]\)\s+|(?:[Ss]tep|[Ll]ine)\s+\d+\s*[:.)]?\s*
    |(?:=>|⇒|⟹|⟺|⇔|<=>|->|→|∴|•)\s*)""",
    re.VERBOSE,
)
_REMARK = re.compile(
    r"""(?:,?\s+(?:by|using|since|because|due|from|with|as|which|for|applying|via)\s+[^=]*
    |\s+[\[(](?:by|using|since|because|as|from|with|use|apply|note)\s[^=()]*[\])]
    |\s+[\[(][A-Za-z][a-z'-]{2,}(?:[\s,]+(?:[A-Za-z][a-z'-]{2,}|of|to|in|an?|is))+[\])]
    |\s*[.,;])\s*$""",
    re.VERBOSE,
)


_NOTHING = re.compile(
    r"[\s{}]*(?:\\(?:mathbf|boldsymbol|bm|vec|mathbb)\s*\{?\s*)?0[\s{}.!]*(?:[,\s]\s*[a-z].*)?"
)
_CONDITION = frozenset("set setting if when solve solving require requiring equate".split())
_INTRODUCES = frozenset("where with let define denote put write given for here introduce".split())
_CALLED = re.compile(r"\b(gradient|hessian|jacobian)\W*(?:\w+\W+){0,2}$", re.IGNORECASE)


@dataclass(frozen=True)
class Quantity:
    """What a left side names: `kind` of the function `of` by the variable `by`; "" where unsaid.

    `at` are the arguments in f(x, y).
    """

    kind: str
    of: str = ""
    by: str = ""
    order: int = 1
    primed: bool = False
    at: tuple[str, ...] = ()


@dataclass(frozen=True)
class Statement:
    """Sides that are said to be equal; `quantity` is the first one's, None where there is none.

    Then it `goes_on` from the line before, or is a formula that stands alone. `condition` says
    that it is set, supposed or solved, `introduced` that it says what a name stands for (`where`,
    `let`), and `announced` what its left side is called: `the gradient g = ...`.
    """

    quantity: Quantity | None
    sides: tuple[Passage, ...]
    whole: Passage
    condition: bool = False
    goes_on: bool = True
    introduced: bool = False
    announced: Quantity | None = None

    @property
    def zero(self) -> bool:
        """True if the last side is 0."""
        return bool(_NOTHING.fullmatch(self.sides[-1].text))


def _signs(match: re.Match[str]) -> str:
    """`gradient of f with respect to x` in signs."""
    by = f"_{match['by']}" if match["by"] else ""
    return f"{match['what']}{by} {match['of'] or ''}".strip()


def quantity(text: str) -> Quantity:
    """What a left side names, by its look.

    >>> quantity("∂L/∂W"), quantity("f").kind, quantity("A*x").kind
    (Quantity(kind='derivative', of='L', by='W', order=1, primed=False, at=()), 'value', 'formula')
    """
    text = re.sub(_SPOKEN, _signs, re.sub(r"\s+is$", "", text.strip()))
    if found := re.fullmatch(_FRACTION, text):
        of = found["f"] or found["g"] or ""
        return _derivative(found, of) if found["x"] else Quantity(FORMULA)
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
    order = 2 if found["second"] else 1
    return Quantity(DERIVATIVE, canonical_name(of), canonical_name(found["x"] or ""), order)


# LaTeX left sides in plain signs ------------------------------------------------------------------

_FONTS = "mathbf|boldsymbol|bm|mathcal|mathrm|mathit|mathsf|vec|operatorname|text|bf|rm"
_STYLES = rf"\\(?:{_FONTS})\*?\s*(?:\{{([^{{}}]*)\}}|([A-Za-z]))"
_GREEK = "|".join(sorted(GREEK_NAMES, key=len, reverse=True))
LATEX_D = (
    r"(?:\\partial(?![A-Za-z])|\\(?:mathrm|rm|operatorname|text)\s*(?:\{\s*d\s*\}|d(?![A-Za-z]))"
    r"|\\dd?(?![A-Za-z])|\{\\rm d\}"
    r"|(?<![A-Za-z\\])(?<!\\mathrm\{)(?<!\\operatorname\{)(?<!\\text\{)d)(?:\s|\\[,!;:])*"
)
_BELOW = r"(?:_(?:\{[A-Za-z0-9]+\}|[A-Za-z0-9]))?"
_ABOVE = r"\^\{[(\[][0-9a-zA-Z]+[)\]]\}"
_STYLED = (
    rf"(?:\\(?:{_FONTS}|hat|bar|tilde|widehat|overline)"
    r"\s*(?:\{[^{}]*(?:\{[^{}]*\})?\}|\\[A-Za-z]+|[A-Za-z])"
    rf"|\\(?:var)?(?:{_GREEK}|ell)(?![A-Za-z]))"
)
LATEX_NAME = rf"\s*(?:{_STYLED}|[A-Za-z]){_BELOW}(?:{_ABOVE})?"
_DECORATED = rf"{_STYLED}{_BELOW}(?:{_ABOVE})?|(?<!\\)[A-Za-z]{_BELOW}{_ABOVE}"
_PLAIN: tuple[tuple[str, str], ...] = (
    (r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|limits|,|;|!|:|\s|quad|qquad)(?![A-Za-z])", " "),
    (_STYLES, r"\1\2"),
    (r"\\partial(?![A-Za-z])", "∂"),
    (r"\\nabla(?![A-Za-z])", "∇"),
    (r"\\ell(?![A-Za-z])", "ell"),
    (rf"\\(?:var)?({_GREEK})(?![A-Za-z])", r"\1"),
    (r"\\[dt]?frac\s*\{((?:[^{}]|\{[^{}]*\})*)\}\s*\{((?:[^{}]|\{[^{}]*\})*)\}", r"\1/\2"),
    (r"\\(?:top|intercal)(?![A-Za-z])", "⊤"),
    (r"_\{([A-Za-z0-9]+)\}", r"_\1"),
    (r"\^\{?\\prime\}?", "'"),
    (r"~", " "),
)


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


def named(side: Passage) -> Quantity:
    """What a side names, in either notation; letters side by side in LaTeX are a product."""
    found = quantity(plain(side.text) if side.latex else side.text)
    product = side.latex and found.kind == VALUE and re.match(r"\s*[A-Za-z]{2}", side.text)
    return Quantity(FORMULA) if product else found


# Splitting ----------------------------------------------------------------------------------------

_OPEN, _CLOSE = "([{", ")]}"


def equal_signs(text: str) -> list[tuple[int, int]]:
    """The places of equals signs outside brackets; comparisons have none.

    >>> equal_signs("s := sum(X, axis=1) = u"), equal_signs("(a <= b)")
    ([(2, 4), (20, 21)], [])
    """
    found, depth = [], 0
    for k, c in enumerate(text):
        depth += (c in _OPEN) - (c in _CLOSE)
        if c == "=" and depth <= 0:
            before, after = text[k - 1 : k], text[k + 1 : k + 2]
            if before not in tuple("<>!=") and after not in ("=", ">"):
                found.append((k - 1 if before == ":" else k, k + 1))
    return found


def statement(passage: Passage) -> Statement | None:
    """The statement of a line; None for one without an equals sign."""
    p = _without_lead(passage)
    cut = _where(p.text)
    signs = [s for s in equal_signs(p.text) if s[0] < cut]
    if not signs and (colon := announced(p.text)):
        signs = [colon]
    if not signs:
        return None
    starts, stops = [0, *(s[1] for s in signs)], [*(s[0] for s in signs), len(p.text)]
    sides = [p[a:b].stripped() for a, b in zip(starts, stops, strict=True)]
    sides[-1] = without_remark(sides[-1])
    first, words = _lead_words(sides[0])
    what = named(first) if first else None
    if what is None:
        return Statement(None, tuple(sides[1:]), passage.stripped())
    called = _CALLED.search(sides[0].text[: len(sides[0].text) - len(first.text)])
    return Statement(
        what,
        (first, *sides[1:]),
        passage.stripped(),
        condition=bool(_CONDITION & words),
        introduced=bool(_INTRODUCES & words),
        announced=named(Passage.of(called[1].lower())) if called and what.kind == VALUE else None,
    )


def announced(text: str) -> tuple[int, int] | None:
    """The place of a colon that stands for an equals sign: `The gradient is: 2*x`.

    >>> announced("Gradient: 2*x"), announced("Note: 2*x")
    ((8, 9), None)
    """
    place = text.find(":")
    words = re.sub(r"\b(?:[Tt]he|is|then)\b", "", text[: max(place, 0)]).strip()
    known = words and quantity(words).kind == DERIVATIVE
    return (place, place + 1) if known and not equal_signs(text) else None


def _where(text: str) -> int:
    found = re.search(rf"(?<=\S)\s+where\s+{NAME}\s*=", text)
    return found.start() if found else len(text)


def _without_lead(p: Passage) -> Passage:
    """Without numbering, arrows and alignment marks in front."""
    while (found := _LEAD.match(p.text)) and found.end() < len(p.text):
        p = p[found.end() :]
    bullet = re.match(r"\s*[-*+]\s+(?=[^=]*=)", p.text)
    if bullet and _lead_words(p[bullet.end() : _first_sign(p.text)])[0]:
        rest = p[bullet.end() :]
        if named(_lead_words(rest[: _first_sign(rest.text)])[0]).kind != FORMULA:
            return rest
    return p


def _first_sign(text: str) -> int:
    signs = equal_signs(text)
    return signs[0][0] if signs else len(text)


def _lead_words(side: Passage) -> tuple[Passage, set[str]]:
    """A left side without the words before it, and the words."""
    rest, words = side.stripped(), []
    if sentences := [*re.finditer(r"[.;:]\s+", rest.text)]:
        rest = rest[sentences[-1].end() :]
    while named(rest).kind == FORMULA and (found := _WORD.match(rest.text)):
        words.append(found[0].strip(" ,:;.").lower())
        rest = rest[found.end() :]
    return rest.stripped(), {*words}


def without_remark(side: Passage) -> Passage:
    """A right side without the words after it: `(product rule)`, `, by symmetry`, a full stop.

    >>> without_remark(Passage.of("2*A'*r  (chain rule).")).text
    "2*A'*r"
    """
    while found := _REMARK.search(side.text):
        shorter = side[: found.start()].stripped()
        if not shorter:
            return side
        side = shorter
    return side
