"""Terms, their signs and what compares them: the levels that text and LaTeX have in common."""

from collections.abc import Callable, Collection, Sequence

from matderiv.errors import ParseError, Span
from matderiv.input.tree import NORM, NORMS, mentions
from matderiv.language.source import Node, Operation, String
from matderiv.language.tokens import GREEK_NAMES, Token, TokenCursor

COMPARISONS = {">": "gt", "<": "lt", ">=": "ge", "<=": "le"}
WIDE = ("tr",)
"""Functions that cover a whole product without brackets, in which they are linear: tr AXB."""

BETWEEN = {"kl": ("‖", "||", "|"), "mvnpdf": (";", "|")}
"""What may stand between arguments in place of a comma: KL(p || q), N(x; m, S)."""

_STATE = ("place", "depth", "open_bars", "indices", "around", "bar", "cells", "bound")


class Terms(TokenCursor):
    """A cursor for a grammar that says what a sum and a product are."""

    sum: Callable[[], Node]
    product: Callable[[], Node]
    remarks: list[str]
    kinds: dict[str, int]
    known_names: Collection[str]

    def under_sign(self, sign: Token, node: Node) -> Node:
        """A term behind its sign."""
        if sign.text == "+":
            return node
        return Operation((sign.span[0], node.span[1]), "neg", (node,))

    def signed(self, read: Callable[[], Node]) -> Node:
        """What is read, with the signs in front of it."""
        signs = []
        while self.at("-", "+"):
            signs.append(self.take())
        node = read()
        for sign in reversed(signs):
            node = self.under_sign(sign, node)
        return node

    def compared(self) -> Node:
        """A sum, or two that are compared."""
        left = self.sum()
        if not self.at(*COMPARISONS):
            return left
        operator = self.take()
        right = self.sum()
        if self.at(*COMPARISONS):
            raise self.error("comparisons do not chain", self.token.span, "(a < b).*(b < c)")
        return Operation((left.span[0], right.span[1]), COMPARISONS[operator.text], (left, right))

    def normed(self, inner: Node, kind: String, span: Span) -> Node:
        r"""`\|x\|_p`, where p is a number if nobody declared it, and `\|x\|_{A^{-1}}`."""
        base = kind.value.removesuffix("^-1")
        known = kind.value in NORMS or base in self.known_names
        named = known or base in GREEK_NAMES or (len(base) == 1 and base.isalpha())
        if not named and not base.isdigit():
            said = f"the norm {kind.value} is not read"
            raise self.error(said, span, "||x||_2, ||A||_F, ||x||_1 or ||x||_p")
        if kind.value.islower() and not known:
            self.kinds[kind.value] = 0
        return Operation(span, NORM, (inner, kind))

    def terms_under(self, letters: Sequence[str]) -> list[Node]:
        """What stands under a sum: a product, and the terms after it that carry its own index."""
        terms = [self.signed(self.product)]
        while letters and self.at("+", "-"):
            state = {name: getattr(self, name) for name in _STATE if hasattr(self, name)}
            remarks, sign = len(self.remarks), self.take()
            try:
                term = self.product()
                ours = mentions(term, letters)
            except ParseError:
                ours = False  # it is no term of this sum
            if not ours:
                self.__dict__.update(state)
                del self.remarks[remarks:]
                break
            terms.append(self.under_sign(sign, term))
        return terms
