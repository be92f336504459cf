r"""Matrices and cases: `\begin{bmatrix} ... \end{bmatrix}`, `\begin{cases} ... \end{cases}`."""

import re
from collections.abc import Callable
from dataclasses import replace

from matderiv.errors import Span
from matderiv.input.latex.names import Names
from matderiv.input.latex.symbols import FONTS
from matderiv.input.text_cursor import COMPARISONS
from matderiv.language.source import Entry, Node, Operation, block
from matderiv.language.tokens import Token

BRACKETS = {"(": ")", "[": "]", "\\{": "\\}", "{": "}"}


class Blocks(Names):
    """The reader of environments whose lines and columns have a meaning."""

    comparison: Callable[[], Node]
    sum: Callable[[], Node]
    openings = BRACKETS

    def mask(self, constant: Node) -> Node:
        """1 where the comparison in the brackets holds; the constant times anything else."""
        equal = self.equal(constant.span[0])
        if equal is not None:
            return equal
        inner = self.bracket()
        if isinstance(inner, Operation) and inner.function in COMPARISONS.values():
            return inner
        if self.at("^", "_", "'", "′"):
            typed = self.typed(constant.span)
            raise self.error(f"a product with {typed}?", inner.span, rf"{typed} \cdot (...)")
        return self.build.chain("mul", [constant, inner])

    def equal(self, start: int) -> Node | None:
        """`{i = j}` and `{i ≠ j}` of indices or labels: 1 or 0; None for anything else."""
        opening, left, sign, right, closing = (self.peek(k) for k in range(5))
        closed = closing.text == BRACKETS.get(opening.text)
        if not closed or sign.text not in ("=", "≠") or {left.kind, right.kind} != {"letter"}:
            return None
        self.place += 5
        span = (start, closing.span[1])
        equal = Entry(span, self.build.identity(span), (left.text, right.text))
        one, minus = self.build.number(1, span), Operation(span, "neg", (equal,))
        return equal if sign.text == "=" else self.build.operation("add", (one, minus), span)

    def mask_below(self) -> Node | None:
        start = self.take().span[0]
        if not self.at("{", "["):
            return None
        equal = self.equal(start)
        if equal is not None:
            return equal
        inner = self.bracket()
        compared = isinstance(inner, Operation) and inner.function in COMPARISONS.values()
        return inner if compared else None

    def matrix(self) -> Node:
        r"""`\begin{bmatrix} a & b \\ c & d \end{bmatrix}`: blocks in rows."""
        opening = self.open_block()
        rows: list[list[Node]] = [[]]
        while self.token.kind != "shut":
            rows[-1].append(self.comparison())
            if self.token.kind == "line":
                self.take()
                rows += [[]] if self.token.kind != "shut" else []
            elif self.at("&"):
                self.take()
            elif self.token.kind != "shut":
                raise self.missing() if self.token.kind == "end" else self.leftover()
        span = self.shut_block(opening)
        if not rows[0]:
            raise self.error("this matrix is empty", span)
        return replace(block(rows, span), span=span)

    def cases(self) -> Node:
        r"""`\begin{cases} z & z > 0 \\ 0 & \text{otherwise} \end{cases}`: the first that holds."""
        opening = self.open_block()
        values: list[Node] = []
        tests: list[Node | None] = []
        while self.token.kind != "shut":
            values.append(self.sum())
            while self.at("&", ","):
                self.take()
            tests.append(self.condition())
            while self.token.kind == "line" or self.at(",", ";", "."):
                self.take()
            if self.token.kind not in ("shut", "letter", "number", "command", "sign", "begin"):
                raise self.missing()
        span = self.shut_block(opening)
        if None in tests[:-1] or len(values) < 2:
            raise self.error("each case but the last has a condition", span, "z & z > 0")
        if len(values) == 2 and tests[1] is not None and not self._opposite(tests):
            raise self.error("these cases leave a gap", span, r"\text{otherwise} for the last")
        found = values[-1]
        for value, test in zip(values[-2::-1], tests[-2::-1], strict=True):
            assert test is not None
            found = self.build.call("where", (test, value, found), span)
        return found

    def condition(self) -> Node | None:
        r"""`z > 0`, `\text{if } 0 \le z < 1`; None for `\text{otherwise}`."""
        self.words()
        if self.token.kind in ("line", "shut") or self.at(",", ";", "."):
            return None
        left = self.sum()
        tests: list[Node] = []
        while self.at(*COMPARISONS):
            sign = self.take()
            right = self.sum()
            span = (left.span[0], right.span[1])
            tests.append(self.build.operation(COMPARISONS[sign.text], (left, right), span))
            left = right
        if not tests:
            raise self.error("expected a condition such as z > 0", left.span)
        self.words()
        return self.build.chain("hadamard", tests)

    def words(self) -> None:
        """Take prose in a text font."""
        while self.at_command(*FONTS) and self.peek().text == "{":
            inside = "".join(t.text for t in self.tokens[self.place + 2 : self.place + 12])
            if not re.match(r"(if|for|when|otherwise|else|where|and)(?![a-z]*\()", inside):
                return
            self.take()
            self.script()

    def _opposite(self, tests: list[Node | None]) -> bool:
        """True for `z > 0` and `z <= 0`, in either order, as typed."""
        first, second = tests
        if not (isinstance(first, Operation) and isinstance(second, Operation)):
            return False
        if len(first.operands) != 2 or len(second.operands) != 2:
            return False
        a, b = ([self.typed(o.span) for o in t.operands] for t in (first, second))
        one, other = first.function[0], second.function[0]
        return (a == b and one != other) or (a == b[::-1] and one == other)

    def open_block(self) -> Token:
        """The opening of an environment, inside of which bars are new."""
        self.deeper()
        self.outer_bars = [*self.outer_bars, self.open_bars]
        self.open_bars = []
        return self.take()

    def shut_block(self, opening: Token) -> Span:
        """The place of an environment after its end is taken."""
        if self.token.text != opening.text:
            raise self.error(f"expected \\end{{{opening.text}}}", self.token.span)
        *self.outer_bars, self.open_bars = self.outer_bars
        self.depth -= 1
        return opening.span[0], self.take().span[1]
