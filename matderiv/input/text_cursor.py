"""A place in the tokens of a text, and what is said where they do not go on."""

from __future__ import annotations

import re

from matderiv.errors import ParseError, Span
from matderiv.language.calls import reserved_names
from matderiv.language.source import Node
from matderiv.language.tokens import Token

COMPARISONS = {">": "gt", "<": "lt", ">=": "ge", "<=": "le"}
NORMS = {"||": "norm2", "||2": "norm2", "||F": "norm2", "||1": "norm1", "||inf": "norminf"}
_ASKED = re.compile(r"\s*[d∂]\s*/\s*[d∂]\s*([^\W\d]\w*)\s+(.+)", re.DOTALL)


class Cursor:
    """A cursor over the tokens."""

    text: str
    tokens: list[Token]
    place = 0

    # Cursor --------------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    @property
    def following(self) -> str:
        """The text of the token after the current one."""
        return self.tokens[min(self.place + 1, len(self.tokens) - 1)].text

    def at(self, *operators: str) -> bool:
        return self.token.kind == "operator" and self.token.text in operators

    def take(self) -> Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def error(self, message: str, span: Span, hint: str | None = None) -> ParseError:
        return ParseError(message, source=self.text, span=span, hint=hint)

    def ambiguous(self, left: Node) -> ParseError:
        asked = _ASKED.match(self.text)
        if asked:
            hint = f'"{asked[2].strip()}" {asked[1]}: the expression alone, then the variable'
            return self.error("this is a question, not an expression", left.span, hint)
        return self.error(
            "a product without * is ambiguous here",
            (left.span[0], self.token.span[1]),
            "write the * and brackets: 1/(2*x) or 1/2*x",
        )

    # Mistakes ------------------------------------------------------------------------------------

    def missing(self, message: str = "") -> ParseError:
        """The error where an operand should stand."""
        token = self.token
        before = self.tokens[self.place - 1] if self.place else None
        operator = before is not None and before.kind == "operator"
        if not message and operator and before is not None and before.text not in ("(", ",", "="):
            message = f"expected an operand after {before.text}"
        hint = None
        if token.kind == "operator" and token.text == "*":
            hint = ".* multiplies entry by entry, ^ is the power"
        elif token.text == "'" and not message:
            message = "a transpose needs something before it"
        elif token.kind == "string":
            message = 'unexpected quotation mark: text in quotes belongs in einsum("...", ...)'
        found = "" if token.kind == "end" else f", found {self.text[token.span[0] : token.span[1]]}"
        return self.error(message or f"expected an expression{found}", token.span, hint)

    def leftover(self) -> ParseError:
        """The error where an operator or the end should stand."""
        token, before = self.token, self.tokens[self.place - 1]
        typed = self.text[token.span[0] : token.span[1]]
        if token.kind in ("name", "number") or token.text == "(":
            left = self.text[before.span[0] : before.span[1]]
            named = before.kind in ("name", "number") and token.text != "("
            hint = f"{left}*{typed}" if named else "* for a product, .* entry by entry"
            asked = _ASKED.match(self.text)
            if asked:
                hint = f'"{asked[2].strip()}" {asked[1]}: the expression alone, then the variable'
            if before.kind == "name" and before.text in reserved_names():
                return self.error(f"{left} needs brackets", token.span, f"{left}({typed})")
            return self.error(f"an operator is missing before {typed}", token.span, hint)
        if token.text in COMPARISONS:
            hint = "brackets: (x > 0).*y, or relu(x), step(x), where(x > 0, a, b)"
            return self.error("a comparison stands inside brackets", token.span, hint)
        if token.text == "=" and self.following == "=":
            both = (token.span[0], token.span[1] + 1)
            return self.error("there is no ==", both, ">= or <=, such as (x >= max(x))")
        if token.text in ("=", ";"):
            hint = "EXPR where z = ...; h = ... names the parts of an expression"
            return self.error(f"only an expression is read here, not {typed}", token.span, hint)
        if token.text == ")":
            return self.error("this ) closes nothing", token.span)
        if token.text == "|" or token.text in NORMS:
            return self.nested_bars(token)
        return self.error(f"unexpected {typed}", token.span)

    def nested_bars(self, token: Token) -> ParseError:
        return self.error("bars do not nest", token.span, "norm2(x) for a norm, abs(x) for |x|")
