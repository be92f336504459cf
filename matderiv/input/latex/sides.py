"""The sides of a formula in LaTeX, and what may stand on the left of an equals sign."""

import re

from matderiv.errors import ParseError, Span
from matderiv.input.builder import Scope
from matderiv.input.latex.letters import FONTS, Symbols
from matderiv.input.latex.tokens import group_end, tokenize_latex
from matderiv.language.tokens import Token

OPENERS, CLOSERS = ("(", "[", "{", "\\{", "⟨"), (")", "]", "}", "\\}", "⟩")
_D = r"(?:\\partial(?![A-Za-z])|∂|d|\\math(?:rm|sf)\s*\{?\s*d\s*\}?)\s*(?:\^\S+|²)?"
_BY = rf"(?:{_D}(?:\\[A-Za-z]+\s*(?:\{{[^{{}}]*\}})?|[A-Za-z])(?:_\w+|_\{{[^{{}}]*\}})?['²]?)+"
_OPERATOR = re.compile(
    rf"\s*(?:(?:\\nabla|∇)(?:²|\s*[_^]\s*(?:\{{(?:[^{{}}]|\{{[^{{}}]*\}})*\}}|\\?[A-Za-z0-9]+))*"
    rf"|\\[dt]?frac\s*\{{\s*{_D}(?P<of>(?:[^{{}}]|\{{[^{{}}]*\}})*)\}}"
    rf"\s*\{{\s*{_D}[^-+]*?\}}(?![}}^])"
    rf"|{_D}(?P<above>[^-+/]*)/\s*{_BY}|{_D})"
)


def opens(token: Token) -> int:
    """1 for what opens a bracket or an environment, -1 for what closes one, else 0."""
    before = token.text in OPENERS or token.kind == "begin"
    return before - (token.text in CLOSERS or token.kind == "shut")


def sides(text: str) -> tuple[Span, ...]:
    r"""The places of what stands between the equals signs of a formula, first to last.

    >>> text = r"\nabla f &= A x \\ &= b"
    >>> [text[a:b].strip() for a, b in sides(text)]
    ['\\nabla f', 'A x', 'b']
    """
    tokens = tokenize_latex(text)
    found: list[Span] = []
    first, depth, last = 0, 0, len(text)
    if tokens[0].text == "boxed" and 1 < group_end(tokens, 1) == len(tokens) - 1:
        tokens, first, last = tokens[2:-2], tokens[1].span[1], tokens[-2].span[0]
    for place, token in enumerate(tokens):
        depth += opens(token)
        if depth == 0 and is_where(tokens, place):
            break
        if token.text == "=" and depth == 0 and token.kind == "sign":
            found.append((first, _stripped(tokens, place, first)))
            first = token.span[1]
    return (*found, (first, last))


def last_side(text: str, scope: Scope) -> Span:
    """The right side of a definition such as L(w) = ...; ParseError for another equation."""
    first, *others = sides(text)
    for start, stop in others[:-1]:
        if _holds_two(text[start:stop]):
            said = "these are several equations, and which one is asked is not said"
            raise ParseError(said, source=text, span=(start, stop), hint="one of them alone")
    if others and not is_named(text[slice(*first)], scope):
        said = "this is an equation, not an expression"
        raise ParseError(said, source=text, span=(first[1], others[0][0]), hint="one side alone")
    return [first, *others][-1]


def _holds_two(side: str) -> bool:
    """True where a comma outside of brackets stands between two equals signs."""
    depth = 0
    for token in tokenize_latex(side):
        depth += opens(token)
        if not depth and token.text in (",", ";") and token.kind == "sign":
            return True
    return False


def _stripped(tokens: list[Token], place: int, first: int) -> int:
    """Where a side ends: before the equals sign and the new line in front of it."""
    while place and tokens[place - 1].kind == "line":
        place -= 1
    return max(first, tokens[place - 1].span[1]) if place else first


def is_where(tokens: list[Token], place: int) -> int:
    r"""How many tokens introduce definitions here: `\text{where}`, or the comma of `, r = ...`."""
    token = tokens[place]
    comma = token.text in (",", ";") and token.kind == "sign"
    if word := word_where(tokens, place + comma):
        return comma + word
    if not comma:
        return 0
    depth = 0
    for k, following in enumerate(tokens[place + 1 : place + 12]):
        depth += (following.text in ("{", "(")) - (following.text in ("}", ")"))
        if following.text in ("=", "~") and not depth:
            return 1 if k else 0
        name = following.kind in ("letter", "number", "command") or following.text in "{}_^()[]"
        below = tokens[place + k].text == "_"
        if not name or (k > 1 and not depth and not below and following.kind == "letter"):
            return 0
    return 0


def word_where(tokens: list[Token], place: int) -> int:
    r"""How many tokens `\text{where}`, or `with`, has here."""
    letters = tokens[place : place + 5]
    if (
        "".join(t.text for t in letters) == "where"
        and letters[-1].span[1] == letters[0].span[0] + 5
    ):
        return 5
    if tokens[place].text in FONTS and tokens[place].text != "operatorname":
        for word in ("where", "with"):
            if "".join(t.text for t in tokens[place + 1 : place + len(word) + 3]) == f"{{{word}}}":
                return len(word) + 3
    return 0


def is_named(left: str, scope: Scope) -> bool:
    r"""True for a left side such as `L(w)`, `\nabla_w L` or `dL`, and for nothing on the left.

    >>> [is_named(t, Scope()) for t in ("L(w)", r"\nabla_w L", "df", "RSS", "2x", "x + y")]
    [True, True, True, True, False, False]
    """
    try:
        left = left[tokenize_latex(left)[0].span[0] :]
        for operator in (None, _OPERATOR.match(left)):
            found = operator.groupdict() if operator else {}
            parts = [*filter(None, found.values()), left[operator.end() if operator else 0 :]]
            if all(Symbols(part, tokenize_latex(part), scope).called() for part in parts):
                return True
        return False
    except ParseError:
        return False
