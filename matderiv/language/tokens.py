"""Characters to tokens: numbers, names, operators, with the characters that are refused by name."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import NamedTuple

from matderiv.arguments import pairs
from matderiv.errors import LimitError, ParseError, Span

MAX_CHARACTERS = 100_000
MAX_TOKENS = 20_000  # a sum of so many takes all the work that a derivation may take, 3 seconds
MAX_DEPTH = 100
MAX_NESTING = 40  # brackets in LaTeX and Python; each takes about 15 calls of their readers
MAX_NAME = 64
MAX_DIGITS = 50


class Token(NamedTuple):
    """A piece of text: `kind` is number, name, string, superscript, operator or end."""

    kind: str
    text: str
    span: Span


class TokenCursor:
    """A place in the tokens of a text, and how deep in brackets it is."""

    text: str
    tokens: list[Token]
    place = depth = 0
    signs = "sign"
    """The kind of tokens that `at` looks for."""
    openings: Collection[str] = ("(", "[")
    closings: Collection[str] = (")",)
    strays: Sequence[tuple[Collection[str], str, str]] = ()
    """Signs or kinds of tokens that go on nowhere, what is said of them, and a hint."""

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def peek(self, ahead: int = 1) -> Token:
        """A token further on."""
        return self.tokens[min(self.place + ahead, len(self.tokens) - 1)]

    @property
    def following(self) -> str:
        """The text of the token after the current one."""
        return self.peek().text

    def at(self, *signs: str) -> bool:
        token = self.tokens[self.place]
        return token.kind == self.signs and token.text in signs

    def take(self) -> Token:
        """The token here; the end is never passed."""
        token, self.place = self.token, min(self.place + 1, len(self.tokens) - 1)
        return token

    def typed(self, span: Span) -> str:
        """The characters of a span, on one line."""
        return " ".join(self.text[span[0] : span[1]].split())

    def error(self, message: str, span: Span, hint: str | None = None) -> ParseError:
        """A mistake in the text."""
        return ParseError(message, source=self.text, span=span, hint=hint)

    def missing(self) -> ParseError:
        """The error where an operand should stand."""
        token, before = self.token, self.tokens[self.place - 1]
        found = "" if token.kind == "end" else f", found {self.typed(token.span)}"
        if self.place and before.kind == self.signs and before.text not in self.openings:
            said = f"expected an operand after {self.typed(before.span)}{found}"
            return self.error(said, token.span)
        return self.error(f"expected an expression{found}", token.span)

    def leftover(self) -> ParseError:
        """The error where an operator or the end should stand."""
        token, typed = self.token, self.typed(self.token.span)
        for signs, said, hint in self.strays:
            if token.text in signs or token.kind in signs:
                return self.error(said.format(typed), token.span, hint or None)
        closes = token.text in self.closings
        said = f"this {typed} closes nothing" if closes else f"unexpected {typed}"
        return self.error(said, token.span)

    def close(self, sign: str, opening: Token) -> Token:
        """The closing bracket here; an error where there is another thing."""
        if self.at(sign):
            return self.take()
        if self.token.kind == "end":
            raise self.error(f"this {opening.text} is never closed", opening.span, f"add {sign}")
        raise self.leftover()

    def deeper(self) -> None:
        """One bracket more; LimitError beyond the limit."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            said = f"brackets are nested deeper than the limit of {MAX_NESTING}"
            raise LimitError(said, source=self.text, span=self.token.span)


def _greek() -> dict[str, str]:
    letters = {"ϵ": "epsilon", "ϕ": "phi", "ϑ": "theta", "ϱ": "rho", "ϰ": "kappa", "µ": "mu"}
    for code in [*range(0x391, 0x3AA), *range(0x3B1, 0x3CA)]:
        full = unicodedata.name(chr(code), "")
        word = full.rpartition(" ")[2].replace("LAMDA", "LAMBDA").lower()
        if full and "FINAL" not in full:
            letters[chr(code)] = word if "SMALL" in full else word.capitalize()
    return letters


GREEK = _greek()
"""Greek letters and their names: a sign and its name are the same."""

_MARKS = {
    "\u0302": "hat",
    "\u0303": "tilde",
    "\u0304": "bar",
    "\u0305": "bar",
    "\u0307": "dot",
    "\u030c": "check",
    "\u20d7": "vec",
}
_SUFFIXES = {c: "" if word == "vec" else f"_{word}" for c, word in _MARKS.items()}
ACCENTED = "".join(
    letter
    for letter in map(chr, [*range(0xC0, 0x250), *range(0x1E00, 0x1F00)])
    if unicodedata.normalize("NFD", letter)[1:] in _MARKS
)
"""Letters with a hat, a tilde, a bar, a dot or a check that are one character."""
MARKS = "".join(_MARKS)
"""The same accents as characters of their own, behind their letter: θ̂."""

GREEK_SIGNS = {name: sign for sign, name in GREEK.items()}
GREEK_NAMES = frozenset(GREEK.values())

_SPELLED = pairs("""
    ⊙ .*   ∘ .*   ⊘ ./   ⋅ ·    ⟨ <    ⟩ >
    ∗ *    @ *    − -    – -    ÷ /    ≥ >=
    ≤ <=   ′ '    ’ '    .T '   .' '   ** ^
    “ "    ” "    ∼ ~
""")
HIGH, _LOW = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₗₘₙₚₛₜᵤᵥₓᵣₐₑ"
_HIGH_LETTERS = "ᵀ⊤ⁿᵐᵈᵏᵖᵗᴺᴷ"
_SUPERSCRIPTS = str.maketrans(HIGH + _HIGH_LETTERS, "0123456789-TTnmdkptNK")
_SUBSCRIPTS = str.maketrans(f"{_LOW}₌", "0123456789ijklmnpstuvxrae=")
FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅛": "1/8"}
_SUMS = {"∑": "sum", "∏": "prod"}
_REFUSED = {
    "∑": "sum(x), or ∑ᵢ xᵢ",
    "∏": "prod(x), or ∏ᵢ xᵢ",
    "×": "cross(x,y) for two vectors of 3 entries, * for a product",
    "{": "round brackets: ( )",
    "}": "round brackets: ( )",
    "!": "there is no factorial",
    "‘": "x' for a transpose",
}
_GREEK_CLASS = "".join(GREEK)
_LETTER = f"A-Za-z{_GREEK_CLASS}\U0001d400-\U0001d7cb"
# One letter with an accent is a name; inside a word (`même`) it is prose.
_WITH_ACCENT = (
    rf"(?<![{_LETTER}]{{2}})(?:∇²?|d)?(?:[{ACCENTED}]|[{_LETTER}][{MARKS}])"
    rf"(?![{_LETTER}{ACCENTED}{MARKS}])(?:_[A-Za-z0-9]+)?[{_LOW}]*"
)
_TOKEN = rf"""(?x)(?P<times>(?<=[0-9])\s*×\s*(?=-?[0-9.]))
    |(?P<space>\s+)
    |(?P<comment>[#%][^\n]*)
    |(?P<number>(?:[0-9]+(?:\.(?![*/^]|T\b)[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<fraction>[½⅓⅔¼¾⅛])
    |(?P<name>{_WITH_ACCENT}
        |(?:(?:∇²?)?[{_LETTER}]|[∑∏](?=[_ᵢⱼₖₗₘₙ(\s]))[{_LETTER}0-9_]*[{_LOW}]*(?![{MARKS}]))
    |(?P<bar>(?:\|\||‖|∥)(?:_(?:[A-Za-z0-9]+|[*∞])(?![A-Za-z0-9_])|[₁₂])?)
    |(?P<operator>\.\*|\./|\.\^|\.'|\*\*|\.T(?![A-Za-z0-9_])|>=|<=
        |[-+*/^'(),=<>|@\\;√⊗⊙∘⊘·⋅∗−–÷≥≤′’⟨⟩[\]:~∼])
    |(?P<entry>(?<=[)\]⟩>])_(?:\+|[A-Za-z0-9]{{1,4}}(?![A-Za-z0-9_(])))
    |(?P<superscript>(?<=[|‖∥])²(?:_[2F]|₂)(?![A-Za-z0-9_])|⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+|⁻?ᵀ|⊤)
    |(?P<string>["“”][^"“”\n]*["“”])"""
"""Compiled when the first text is read: who comes with objects of SymPy needs none."""

_PATTERN_QUOTE = re.compile(r"'[^'\n]*'")
_HALF_EXPONENT = re.compile(r"[eE][+-]?(?![A-Za-z0-9_])")
_OTHER_BASE = re.compile(r"0[xXbBoO][0-9]")


def tokenize(text: str) -> list[Token]:
    """The tokens of a text, closed by an `end` token.

    Raises LimitError beyond the stated limits and ParseError at a character or number that the
    language does not have.

    >>> [t.text for t in tokenize("2.*μ' − ‖x‖²")]
    ['2', '.*', 'mu', "'", '-', '||', 'x', '||', '2', '']
    """
    require_short(text)
    tokens: list[Token] = []
    place, token = 0, re.compile(_TOKEN)
    while place < len(text):
        match = token.match(text, place)
        if match is None:
            raise _refused(text, place)
        kind = match.lastgroup or ""
        before = [t.text for t in tokens[-2:]]
        if match[0] == "'" and (before == ["einsum", "("] or before[-1:] == [","]):
            match, kind = _PATTERN_QUOTE.match(text, place) or match, "string"
        if kind not in ("space", "comment"):
            tokens.append(_token(kind, match[0], (place, match.end()), text))
        place = match.end()
    whole = closed(tokens, text)
    _check_depth(tokens, text)
    return whole


def require_short(text: str) -> None:
    """LimitError for a text that is too long to be read, in any spelling."""
    if len(text) > MAX_CHARACTERS:
        raise LimitError(f"the text has {len(text)} characters, the limit is {MAX_CHARACTERS}")


def closed(tokens: list[Token], text: str) -> list[Token]:
    """The tokens and the `end` token; LimitError where they are too many."""
    if len(tokens) > MAX_TOKENS:
        raise LimitError(f"the text has {len(tokens)} tokens, the limit is {MAX_TOKENS}")
    return [*tokens, Token("end", "", (len(text), len(text)))]


def unexpected(text: str, place: int, spelling: str, hint: str | None) -> ParseError:
    """The error for a character that formulas of a spelling do not have."""
    character = text[place]
    named = f"U+{ord(character):04X} {unicodedata.name(character, '').strip()}".strip()
    shown = character if character.isprintable() else "at this place"
    said = f"unexpected character {shown} ({named}) in {spelling}"
    return ParseError(said, source=text, span=(place, place + 1), hint=hint)


def _token(kind: str, typed: str, span: Span, text: str) -> Token:
    if kind == "number":
        _check_number(text, typed, span)
        return Token(kind, typed, span)
    if kind == "name":
        if len(typed) > MAX_NAME:
            said = f"a name has {len(typed)} characters, the limit is {MAX_NAME}"
            raise LimitError(said, source=text, span=span)
        return Token(kind, canonical_name(typed), span)
    if kind == "bar":
        subscript = typed.lstrip("|‖∥_").translate(_SUBSCRIPTS)
        return Token("operator", "||" + subscript, span)
    if kind == "entry":
        return Token(kind, typed[1:], span)
    if kind == "fraction":
        return Token("number", FRACTIONS[typed], span)
    if kind == "superscript":
        written = typed[:1] if typed[0] == "²" else typed  # ‖X‖²_F
        return Token(kind, written.translate(_SUPERSCRIPTS), span)
    if kind == "string":
        return Token(kind, typed[1:-1], span)
    if kind == "times":
        return Token("operator", "*", span)
    return Token("operator", _SPELLED.get(typed, typed), span)


def canonical_name(typed: str) -> str:
    """The name behind a spelling: Greek signs by their names, `x₁` as `x_1`.

    >>> [canonical_name(typed) for typed in ("σ₁", "dμ", "ŷᵢ", "x⃗", "μ_vec")]
    ['sigma_1', 'dmu', 'y_hat_i', 'x', 'mu_vec']
    """
    if typed.isascii():
        return typed
    typed = "".join(plain_letter(c) for c in typed)
    typed = re.sub(f"[{ACCENTED}]", lambda m: unicodedata.normalize("NFD", m[0]), typed)
    typed = "".join(_SUFFIXES.get(c, c) for c in typed)
    named = "".join(_SUMS.get(c) or GREEK.get(c, c) for c in typed)
    named = re.sub(rf"(?<![0-9_{_LOW}])(?=[{_LOW}])", "_", named)
    return named.translate(_SUBSCRIPTS)


def scripts(text: str, place: int) -> tuple[str, str, int]:
    """Small signs above or below the line: "^" or "_", what they are, and where they end.

    >>> scripts("xᵢ²", 1), scripts("xᵢ²", 2), scripts("x", 0)
    (('_', 'i', 2), ('^', '2', 3), ('', '', 0))
    """
    above, below = HIGH + _HIGH_LETTERS, f"{_LOW}₌"
    for sign, small, plain in (("^", above, _SUPERSCRIPTS), ("_", below, _SUBSCRIPTS)):
        found = re.compile(f"[{small}]+").match(text, place)
        if found:
            return sign, found[0].translate(plain), found.end()
    return "", "", place


def accented(text: str, place: int) -> tuple[str, str, int]:
    """The letter at a place, the word for the accent above it, and where they end.

    >>> accented("ŷ", 0), accented("x̄ᵢ", 0), accented("x", 0)
    (('y', 'hat', 1), ('x', 'bar', 2), ('', '', 0))
    """
    found = re.compile(f"[{ACCENTED}]|[{_LETTER}][{MARKS}]").match(text, place)
    if found is None:
        return "", "", place
    plain = unicodedata.normalize("NFD", found[0])
    return plain[0], _MARKS[plain[1]], found.end()


def plain_letter(character: str) -> str:
    """The letter behind a mathematical alphanumeric; any other character itself.

    >>> plain_letter("𝑥"), plain_letter("𝐀"), plain_letter("x")
    ('x', 'A', 'x')
    """
    if not 0x1D400 <= ord(character) <= 0x1D7FF:
        return character
    return unicodedata.normalize("NFKC", character)


def is_name(text: str) -> bool:
    """True for a letter followed by letters, digits and underscores."""
    match = re.match(_TOKEN, text)
    return match is not None and match.lastgroup == "name" and match.end() == len(text)


def _check_number(text: str, typed: str, span: Span) -> None:
    start, end = span
    if _OTHER_BASE.match(text, start):
        raise ParseError("numbers are decimal", source=text, span=(start, end + 1))
    if text[end : end + 1] == "." and text[end + 1 : end + 2].isdigit():
        raise ParseError("a number has one decimal point", source=text, span=(start, end + 2))
    half = _HALF_EXPONENT.match(text, end)
    if half:
        raise ParseError(
            f"the exponent of {text[start : half.end()]} has no digits",
            source=text,
            span=(start, half.end()),
            hint=f"{typed}e-3 for a number, {typed}*e for a product with e",
        )
    digits = sum(c.isdigit() for c in typed)
    if digits > MAX_DIGITS:
        raise LimitError(
            f"a number has {digits} digits, the limit is {MAX_DIGITS}", source=text, span=span
        )
    value = float(typed)
    if value == float("inf"):
        raise ParseError("the number is too large for a float", source=text, span=span)
    if value == 0 and re.search("[1-9]", re.split("[eE]", typed)[0]):
        raise ParseError("the number is too small for a float", source=text, span=span)


def _check_depth(tokens: list[Token], text: str) -> None:
    depth, deepest, place = 0, 0, (0, 0)
    for token in tokens:
        if token.kind == "operator" and token.text in "()":
            depth += 1 if token.text == "(" else -1
            deepest = max(deepest, depth)
            if depth == MAX_DEPTH + 1 and place == (0, 0):
                place = token.span
    if deepest > MAX_DEPTH:
        raise LimitError(
            f"brackets are nested {deepest} deep, the limit is {MAX_DEPTH}", source=text, span=place
        )


def _refused(text: str, place: int) -> ParseError:
    character = text[place]
    span = (place, place + 1)
    category = unicodedata.category(character)
    named = f"U+{ord(character):04X} {unicodedata.name(character, '').strip()}".strip()
    if category in ("Cc", "Cf", "Cs", "Co", "Cn"):
        return ParseError(
            f"the character {named} at offset {place} is not allowed", source=text, span=span
        )
    hint = _REFUSED.get(character)
    if character == "." and re.match(r"[A-Za-z]\w*\.[A-Za-z]", text[max(place - 1, 0) :]):
        hint = "functions stand alone: inv(X)"
    elif character == "_":
        hint = "names start with a letter"
    elif character in '"“”':
        hint = "close the quotes on the same line"
    elif category.startswith("L"):
        hint = "names use the letters a-z, A-Z and Greek letters"
    return ParseError(
        f"unexpected character {character} ({named})", source=text, span=span, hint=hint
    )
