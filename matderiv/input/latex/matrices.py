r"""Matrices and cases: `\begin{bmatrix} ... \end{bmatrix}`, `\begin{cases} ... \end{cases}`."""

import re
from collections.abc import Sequence
from dataclasses import replace

from matderiv.errors import Span
from matderiv.input.latex.letters import FONTS
from matderiv.input.latex.names import Names
from matderiv.input.terms import COMPARISONS
from matderiv.input.tree import IMPLIED
from matderiv.language.source import Entry, Node, Operation, block
from matderiv.language.tokens import Token

BRACKETS = {"(": ")", "[": "]", "\\{": "\\}", "{": "}"}


def are_opposite(first: Sequence[str], second: Sequence[str]) -> bool:
    """True for the signs of `z > 0` and `z <= 0`, in either order, and of `i = j` and `i ≠ j`.

    >>> are_opposite("z>0", "z<0"), are_opposite("z>0", "0>z"), are_opposite("z>0", "y<0")
    (True, True, False)
    """
    (a, sign, b), (c, other, d) = map(_sides, (first, second))
    negated = {">": "<", "<": ">", "=": "≠", "≠": "="}.get(sign)
    turned = sign == other != "" and sign in "<>"
    return (negated == other and (a, b) == (c, d)) or (turned and (a, b) == (d, c))


def _sides(typed: Sequence[str]) -> tuple[Sequence[str], str, Sequence[str]]:
    """What stands before and behind the only sign of comparison, which loses its =."""
    at = [k for k, text in enumerate(typed) if text in (*COMPARISONS, "=", "≠")]
    place = at[0] if len(at) == 1 else 0
    return typed[:place], typed[place][:1] if place else "", typed[place + 1 :]


class Blocks(Names):
    """The reader of environments whose lines and columns have a meaning."""

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
        """`{i = j}` and `{i ≠ j}` in brackets: 1 or 0; None for anything else."""
        opening, place = self.token, self.place
        self.place += opening.text in BRACKETS
        found = self.indices_equal() if self.place > place else None
        if found is None or self.token.text != BRACKETS[opening.text]:
            self.place = place
            return None
        return replace(found, span=(start, self.take().span[1]))

    def indices_equal(self) -> Node | None:
        """`i = j` and `i ≠ j` of indices or labels, `y_i = k`: 1 or 0; None for anything else."""
        start = self.place
        left, row = self._compared_index()
        sign = self.take().text
        right, other = self._compared_index()
        if sign not in ("=", "≠") or not left or not right or (row and other):
            self.place = start
            return None
        span = (self.tokens[start].span[0], self.tokens[self.place - 1].span[1])
        base = self.build.identity(span)
        if row or other:  # the columns of an identity at the labels y
            labels = self.build.name(left if row else right, span)
            base = self.build.call("rows", (base, labels), span)
        at = {row: (row, right), other: (other, left)}[row or other] if row or other else None
        equal: Node = Entry(span, base, at or (left, right))
        if (known := f"delta_{left}{right}") in self.scope.shapes and not at:
            equal = self.build.name(known, span)  # of the indices that a question is about
        one, minus = self.build.number(1, span), Operation(span, "neg", (equal,))
        return equal if sign == "=" else self.build.operation("add", (one, minus), span)

    def _compared_index(self) -> tuple[str, str]:
        """A letter and the index below it: y and i, k and ""; nothing where no letter stands."""
        letter = self.take().text if self.token.kind == "letter" else ""
        label = self._label() if letter else ""
        index = label in self.indices or (not self.scope.guess and label in IMPLIED)
        return (letter, label) if index or not label else ("", "")

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
            rows[-1].append(self.compared())
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
        typed: list[list[str]] = []
        while self.token.kind != "shut":
            values.append(self.sum())
            while self.at("&", ","):
                self.take()
            self.words()
            start = self.place
            tests.append(self.condition())
            typed.append([t.text for t in self.tokens[start : self.place]])
            while self.token.kind == "line" or self.at(",", ";", "."):
                self.take()
            if self.token.kind not in ("shut", "letter", "number", "command", "sign", "begin"):
                raise self.missing()
        span = self.shut_block(opening)
        if None in tests[:-1] or len(values) < 2:
            raise self.error("each case but the last has a condition", span, "z & z > 0")
        if len(values) == 2 and tests[1] is not None and not are_opposite(*typed):
            raise self.error("these cases leave a gap", span, r"\text{otherwise} for the last")
        found = values[-1]
        for value, test in zip(values[-2::-1], tests[-2::-1], strict=True):
            assert test is not None
            found = self.build.call("where", (test, value, found), span)
        return found

    def condition(self) -> Node | None:
        r"""`z > 0`, `\text{if } 0 \le z < 1`; None for `\text{otherwise}`."""
        if self.token.kind in ("line", "shut") or self.at(",", ";", "."):
            return None
        tests: list[Node] = []
        ends = ("line", "shut", "end")
        while not tests or not (self.token.kind in ends or self.at(",", ";", ".")):
            equal = self.indices_equal()
            tests += self._comparisons() if equal is None else [equal]
            self.words()
        return self.build.chain("hadamard", tests)

    def _comparisons(self) -> list[Node]:
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
        return tests

    def words(self) -> None:
        """Take prose in a text font."""
        while self.at_command(*FONTS) and self.peek().text == "{":
            inside = "".join(t.text for t in self.tokens[self.place + 2 : self.place + 12])
            if not re.match(r"(if|for|when|otherwise|else|where|and)(?![a-z]*\()", inside):
                return
            self.take()
            self.script()

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
