"""A place in the tokens of a Python formula, and what is said where they do not go on."""

from collections.abc import Sequence
from itertools import pairwise

from matderiv.errors import ParseError, Span
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


def sides(text: str) -> tuple[Span, ...]:
    """The places of what stands between the equals signs outside brackets, first to last.

    >>> sides("dw = X.sum(axis=0)")
    ((0, 2), (4, 18))
    """
    found: list[Span] = []
    first, depth, before = 0, 0, 0
    for token in tokenize_python(text):
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        if token.text == "=" and token.kind == "sign" and depth == 0:
            found.append((first, max(first, before)))
            first = token.span[1]
        before = token.span[1]
    return (*found, (first, len(text)))


class PythonCursor(TokenCursor):
    """A cursor over the tokens, with the library that gives them their meaning."""

    def __init__(self, text: str, tokens: list[Token], scope: Scope, columns: bool) -> None:
        self.text = text
        self.tokens = tokens
        self.scope = scope
        self.library = Library(text, scope, columns, dialect(tokens))

    def close(self, sign: str, opening: Token) -> Token:
        if self.at(sign):
            return self.take()
        if self.token.kind == "end":
            raise self.error(f"this {opening.text} is never closed", opening.span, f"add {sign}")
        raise self.leftover()

    # Mistakes ------------------------------------------------------------------------------------

    def missing(self) -> ParseError:
        """The error where an operand should stand."""
        token = self.token
        found = "" if token.kind == "end" else f", found {self.typed(token.span)}"
        before = self.tokens[self.place - 1] if self.place else None
        if before is not None and before.kind == "sign" and before.text not in ("(", "["):
            return self.error(f"expected an operand after {before.text}{found}", token.span)
        return self.error(f"expected an expression{found}", token.span)

    def leftover(self) -> ParseError:
        """The error where an operator or the end should stand."""
        token = self.token
        typed = self.typed(token.span)
        if token.kind in ("name", "number"):
            return self.error(f"an operator is missing before {typed}", token.span, "* or @")
        if token.text in (")", "]"):
            return self.error(f"this {typed} closes nothing", token.span)
        if token.text in ("==", "!=", "//", "%", "&", "|", "~"):
            return self.error(f"{typed} is not read in formulas", token.span)
        return self.error(f"unexpected {typed}", token.span)
