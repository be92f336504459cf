"""Python expressions to tokens: what NumPy and PyTorch formulas are made of, nothing else."""

import re

from matderiv.errors import LimitError, ParseError
from matderiv.language.tokens import (
    GREEK,
    MAX_NAME,
    Token,
    canonical_name,
    closed,
    require_short,
    unexpected,
)

_LETTER = "A-Za-z" + "".join(GREEK)
_TOKEN = re.compile(
    rf"""(?P<space>[\s\\]+|\#[^\n]*)
    |(?P<number>(?:[0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<name>[{_LETTER}][{_LETTER}0-9_]*)
    |(?P<string>"[^"\n]*"|'[^'\n]*')
    |(?P<sign>\*\*|//|[-+*/@<>=!]=|[-+*/@()\[\]{{}},.:;=<>%&|~])""",
    re.VERBOSE,
)
_KEYWORDS = frozenset(
    "lambda and or not in is for while def return import from class with assert del "
    "yield await async global nonlocal raise try except pass".split()
)

_INSTEAD = {"'": "X.T for a transpose", "^": "x**2 for a power", "_": "names start with a letter"}


_FRAME = re.compile(
    r"(?:\A|(?<==))\s*lambda\s+[^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*\s*:(?!=)"
    r"|(?:^|(?<=:))[ \t]*return\b"
    r"|^[ \t]*(?:def\s+\w+\s*\(.*?\)\s*(?:->[^:\n]*)?:|(?:import|from\s+\S+\s+import)\s[^\n]*"
    r"|(?:print|\w+\.backward)\(.*\)[ \t]*$)",
    re.MULTILINE,
)


def formula(text: str) -> str:
    """The text with blanks for what is around a formula in Python: def f(w):, return, imports.

    >>> formula("lambda w: w @ w"), formula("return w @ w")
    ('          w @ w', '       w @ w')
    """
    return _FRAME.sub(lambda found: " " * len(found[0]), text)


def tokenize_python(text: str) -> list[Token]:
    """The tokens of a formula, closed by an `end` token: name, number, string, sign.

    Raises LimitError beyond the stated limits, ParseError for statements and for characters that
    no formula has.

    >>> [t.text for t in tokenize_python("X.T @ (p - y)**2  # gradient")]
    ['X', '.', 'T', '@', '(', 'p', '-', 'y', ')', '**', '2', '']
    """
    require_short(text)
    found: list[Token] = []
    place, typed_text = 0, text
    text = formula(text)
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise unexpected(typed_text, place, "Python", _INSTEAD.get(typed_text[place]))
        kind, typed = match.lastgroup or "", match[0]
        span = (place, match.end())
        place = match.end()
        if kind == "space":
            continue
        if kind == "number":
            typed = typed.replace("_", "")
        elif kind == "string":
            typed = typed[1:-1]
        elif kind == "name":
            _check_name(text, typed, span)
            typed = canonical_name(typed)
        found.append(Token(kind, typed, span))
    return closed(found, text)


def _check_name(text: str, typed: str, span: tuple[int, int]) -> None:
    if typed in _KEYWORDS:
        said = f"only formulas are read here, not Python's {typed}"
        raise ParseError(said, source=text, span=span)
    if len(typed) > MAX_NAME:
        raise LimitError(
            f"a name has {len(typed)} characters, the limit is {MAX_NAME}", source=text, span=span
        )
