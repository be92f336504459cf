"""A place in the tokens of a Python formula, and what is said where they do not go on."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from matderiv.errors import Span
from matderiv.input.builder import Scope
from matderiv.input.python.arguments import LIBRARIES
from matderiv.input.python.functions import Library
from matderiv.input.python.scanner import tokenize_python
from matderiv.language.tokens import Token, TokenCursor


def dialect(tokens: Sequence[Token]) -> str:
    """The library whose name a formula has; "" for none, and for two.

    >>> dialect(tokenize_python("np.exp(X).std()")), dialect(tokenize_python("X.std()"))
    ('numpy', '')
    """
    named = [
        LIBRARIES.get(a.text, "") if b.text == "." and a.kind == "name" else ""
        for a, b in pairwise(tokens)
    ]
    found = set(filter(None, named))
    return found.pop() if len(found) == 1 else ""


class Assignment(NamedTuple):
    """The names before the equals sign, what stands between, and the tokens of the value.

    `targets` has one span for each of `a = b = value`; `sign` is + for `a += value`.
    """

    targets: tuple[tuple[Token, ...], ...]
    value: tuple[Token, ...]
    sign: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What is assigned: one name, or several with commas; () where that is no name."""
        last = self.targets[-1] if self.targets else ()
        kinds = [t.kind if t.kind == "name" else t.text for t in last]
        named = kinds == ["name", *[",", "name"] * (len(kinds) // 2)]
        return tuple(t.text for t in last[::2]) if named else ()


def statements(text: str) -> tuple[Assignment, ...]:
    """The assignments of a text in their order, and its formula as the last.

    A line or `;` ends an assignment; what the formula is said to be made of after it, as in
    `np.outer(s, s) where s = softmax(z)`, comes before it.

    >>> [s.names for s in statements("r = X @ w - y\\nloss = r @ r where X = Z.T")]
    [('X',), ('r',), ('loss',)]
    """
    lines: list[list[Token]] = [[]]
    depth = 0
    *tokens, _ = tokenize_python(text)
    for k, token in enumerate(tokens):
        between = text[tokens[k - 1].span[1] : token.span[0]] if k and not depth else ""
        next_line = "\n" in between.replace("\\\n", "")
        starts = [t.text in _ASSIGNING for t in tokens[k + 1 : k + 2]] == [True]
        if token.text == ";" or (next_line and (starts or _sides(lines[-1])[1:])):
            lines.append([])
        if token.text != ";":
            lines[-1].append(token)
        depth += _bracket(token)
    found = [_pieces(line) for line in lines if line] or [[[]]]
    if not _sides(found[0][0])[1:]:  # what the formula is made of follows it
        found = [[piece for pieces in found for piece in pieces]]
    *before_it, (main, *after) = found
    listed = [piece for pieces in before_it for piece in pieces]
    return tuple(_statement(piece) for piece in (*_in_order(after), *listed, main))


def _pieces(line: Sequence[Token]) -> list[list[Token]]:
    """A line and the assignments after `where` or commas in it."""
    found: list[list[Token]] = [[]]
    depth = 0
    for k, token in enumerate(line):
        following = [t.text for t in line[k + 1 : k + 3]]
        named = depth == 0 and following[1:] == ["="] and len(found[-1]) > 1
        if depth == 0 and token.text in ("where", "with") and following[:1] != ["("]:
            found.append([])
        elif named and token.text == "," and found[-1][-2].text != ",":
            found.append([])
        else:
            found[-1].append(token)
        depth += _bracket(token)
    return [piece for piece in found if piece] or [[]]


def _in_order(pieces: Sequence[list[Token]]) -> list[list[Token]]:
    """Assignments so that each stands after those it mentions."""
    left, found = list(pieces), list[list[Token]]()
    while left:
        waiting = {piece[0].text for piece in left}
        ready = (p for p in left if not waiting & {t.text for t in p[2:]})
        found.append(next(ready, left[0]))
        left.remove(found[-1])
    return found


def _sides(tokens: Sequence[Token]) -> list[list[Token]]:
    """What stands between the signs of assignments."""
    found: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += _bracket(token)
        if depth == 0 and token.kind == "sign" and token.text in _ASSIGNING:
            found.append([])
        else:
            found[-1].append(token)
    return found


def _statement(tokens: Sequence[Token]) -> Assignment:
    *targets, value = _sides(tokens)
    sign = tokens[len(targets[0])].text[:-1] if targets else ""
    return Assignment(tuple(map(tuple, targets)), tuple(value), sign)


def _bracket(token: Token) -> int:
    """1 for a bracket that opens, -1 for one that closes."""
    if token.kind != "sign":
        return 0
    return (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))


_ASSIGNING = ("=", "+=", "-=", "*=", "/=", "@=")


def sides(text: str) -> tuple[Span, ...]:
    """The places of what stands between the equals signs of the formula, first to last.

    >>> sides("dw = X.sum(axis=0)"), sides("s = x + 1\\ns * s")
    (((0, 2), (5, 18)), ((10, 15),))
    """
    last = statements(text)[-1]
    found: list[Span] = []
    for side in (*last.targets, last.value):
        end = found[-1][1] if found else 0
        found.append((side[0].span[0], side[-1].span[1]) if side else (end, end))
    return tuple(found)


class PythonCursor(TokenCursor):
    """A cursor over the tokens, with the library that gives them their meaning."""

    closings = (")", "]")
    strays = (
        (("name", "number"), "an operator is missing before {}", "* or @"),
        (("==", "!=", "//", "%", "&", "|", "~"), "{} is not read in formulas", ""),
    )

    def __init__(self, text: str, scope: Scope, columns: bool) -> None:
        self.text = text
        self.tokens: list[Token] = []
        self.scope = scope
        self.library = Library(text, scope, columns, dialect(tokenize_python(text)))
