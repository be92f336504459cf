r"""The atoms of a formula: numbers, names, brackets, bars, fractions and roots."""

import re
from collections.abc import Callable
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise

from matderiv.errors import ParseError, Span
from matderiv.input.latex.letters import ACCENTS, FONTS
from matderiv.input.latex.matrices import BRACKETS, Blocks
from matderiv.input.latex.sides import word_where
from matderiv.input.latex.tokens import DOTS, MATRICES, WORDS, is_command
from matderiv.input.tree import BARS, FRACTION, ROOT
from matderiv.language.calls import function_names
from matderiv.language.source import LIST, Call, Entry, Name, Node, Number, String, block
from matderiv.language.tokens import GREEK_NAMES, Token

MATRIX_FUNCTIONS = ("exp", "log", "sqrt", "sin", "cos", "sinh", "cosh")
"""Functions that a square matrix has as a matrix."""

_NORM_BELOW = re.compile(
    r"\s*(?:\^\s*(?:\w|\{\w\})\s*)?_\s*\{?\s*(?:[12F]|Fro|\\infty)(?![A-Za-z0-9])"
)
"""The subscript of `|x|_1` and `|x|^2_2`, which is that of a norm."""

REFUSED = {
    "int": "integrals are not read",
    "partial": "a derivative inside a formula is not read",
    "nabla": "a derivative inside a formula is not read",
    "lim": "limits are not read",
    "mathbb": "expectations and number sets are not read",
    "infty": "infinity is no number",
    **dict.fromkeys(DOTS, "dots are read between the first and the last alike: x_1 + \\dots + x_n"),
    "lg": r"\lg is the logarithm to the base 10 or 2: \frac{\log x}{\log 10}",
}


class Atoms(Blocks):
    """The reader of everything that stands between operators."""

    factor: Callable[[], Node]
    reduction: Callable[[str, Token], Node]

    # Where things start --------------------------------------------------------------------------

    def starts_factor(self) -> bool:
        """True where another factor may follow without a sign."""
        token = self.token
        if token.kind in ("number", "letter"):
            return True
        if token.kind == "command":
            return token.text not in ("to", "over") and not word_where(self.tokens, self.place)
        if self.at("|", "‖"):
            return token.text not in self.open_bars
        return self.token.kind == "begin" or self.at("(", "[", "\\{", "{", "⟨", "<|", "<‖")

    # Atoms ---------------------------------------------------------------------------------------

    def atom(self) -> Node:
        """One thing, without what stands above or below it."""
        token = self.token
        if token.kind == "number":
            return self.number()
        if self.at(*BRACKETS):
            return self.bracket()
        if self.at("|", "<|"):
            return self.bars()
        if self.at("‖", "<‖"):
            return self.norm()
        if self.at("⟨"):
            return self.inner_product()
        if token.kind == "letter":
            return self.letter()
        if token.kind == "command":
            return self.command()
        if token.kind == "begin":
            return self.cases() if token.text not in MATRICES else self.matrix()
        raise self.missing()

    def number(self) -> Node:
        token = self.take()
        above = {self.peek().text, self.peek(2).text}  # 1_n, 1^T
        if token.text == "1" and (self.at("_") or (self.at("^") and above & {"⊤", "T"})):
            return self.constant("1", token)
        if token.text == "1" and self.at("\\{"):
            return self.mask(self.build.number(1, token.span))
        return self.build.number(Fraction(token.text), token.span)

    def bracket(self) -> Node:
        """What stands in brackets of any kind; a comparison in them is 0 or 1."""
        equal = self.equal(self.token.span[0]) if self.at("[") else None
        if equal is not None:
            return equal
        opening = self.take()
        self.deeper()
        outer, self.open_bars = self.open_bars, []
        inner = self.compared()
        if opening.text == "[" and self.at(",", ";"):
            inner = self._stacked(inner)
        if opening.text == "{" and self.at_command("over"):
            self.take()
            below = self.compared()
            span = (opening.span[0], self.token.span[1])
            inner = self.build.operation(FRACTION, (inner, below), span)
        self.open_bars = outer
        self.depth -= 1
        closing = self.close(BRACKETS[opening.text], opening)
        if opening.text == "{":
            return inner
        return self.build.spanned(inner, (opening.span[0], closing.span[1]))

    def _stacked(self, first: Node) -> Node:
        """`[x; 1]` and `[h, x]`, vectors one below the other; `[A, B]` side by side."""
        rows, beside = [[first]], False
        while self.at(",", ";"):
            beside |= self.take().text == ","
            rows.append([self.compared()])
        span = (first.span[0], rows[-1][0].span[1])
        cells = [row[0] for row in rows]
        wide = any(isinstance(c, Name) and c.name[0].isupper() for c in cells)
        return block([cells] if beside and wide else rows, span)

    def bars(self) -> Node:
        """Absolute values, the determinant of a matrix, the size of a set, the norm `|x|_1`."""
        opening, inner = self._between_bars("|")
        if _NORM_BELOW.match(self.text, self.tokens[self.place - 1].span[1]):
            return self._with_subscript(opening, inner)
        span = (opening.span[0], self.tokens[self.place - 1].span[1])
        plain = [t.text for t in self.tokens if t.text not in (*FONTS, "{")]
        if isinstance(inner, Name) and ("in", inner.name) in pairwise(plain):  # below a sum
            return self.build.call("sum", (inner,), span)
        return self.build.operation(BARS, (inner,), span)

    def _between_bars(self, sign: str) -> tuple[Token, Node]:
        opening = self.take()
        self.deeper()
        self.open_bars = [*self.open_bars, sign]
        inner = self.compared()
        self.open_bars = self.open_bars[:-1]
        self.depth -= 1
        if not self.at(sign, f"{sign}>"):
            self.close(sign, opening)
        self.take()
        return opening, inner

    def norm(self) -> Node:
        """A norm with its subscript, on either side of the superscript."""
        return self._with_subscript(*self._between_bars("‖"))

    def _with_subscript(self, opening: Token, inner: Node) -> Node:
        start, end, kind = self.place, self.tokens[self.place - 1].span[1], ""
        if self.at("^"):
            self.take()
            self.script()
        place = self.place
        if self.at("_"):
            self.take()
            kind = "".join(t.text for t in self.script() if t.text not in (*FONTS, "{", "}"))
            end = self.tokens[self.place - 1].span[1]
            below = self.tokens[place : self.place]  # the subscript before the superscript
            self.tokens[start : self.place] = below + self.tokens[start:place]
            place = start + len(below)
        elif place > start:
            place = start
        self.place = place
        kind = {"star": "*"}.get(kind, kind.removeprefix("ell").lstrip("_"))  # \ell_1
        return self.normed(inner, String(opening.span, kind), (opening.span[0], end))

    def inner_product(self) -> Node:
        opening = self.take()
        self.deeper()
        left = self.compared()
        if not self.at(",", "|"):
            raise self.error(
                "an inner product has two parts", self.token.span, r"\langle x, y\rangle"
            )
        self.take()
        right = self.compared()
        self.depth -= 1
        closing = self.close("⟩", opening)
        below = [t.text for t in self.tokens[self.place : self.place + 2]]
        if below in (["_", "F"], ["_", "2"]):
            self.place += 2
        elif below == ["_", "{"]:
            start = self.place
            self.take()
            if "".join(t.text for t in self.script() if t.text not in FONTS) not in ("F", "{F}"):
                self.place = start
        span = (opening.span[0], closing.span[1])
        return self.build.call("dot", (left, right), span, opening.span)

    # Commands ------------------------------------------------------------------------------------

    def command(self) -> Node:
        """A command: a symbol, a function, a fraction, a root, a sum or a font around a group."""
        token = self.token
        word = token.text
        if word in ("frac", "dfrac", "tfrac", "cfrac"):
            return self.fraction()
        if word == "sqrt":
            return self.root()
        if word in ("sum", "prod", LIST):
            self.take()
            return self.reduction(word, token)
        if word == "nabla":
            gradient = self.tried(self.gradient)
            if gradient is not None:
                return gradient
        if word in FONTS or word in ACCENTS or word in GREEK_NAMES or word == "ell":
            return self.styled()
        if word in ("boxed", "underbrace", "overbrace"):
            self.take()
            if not self.at("{"):
                raise self.missing()
            inner = self.bracket()
            if self.at("_", "^"):
                self.take()
                self.script()
            return inner
        if self._function_name(word) in function_names():
            self.take()
            return self.function(self._function_name(word), token.span)
        raise self.unread(token)

    def styled(self) -> Node:
        r"""A font: of a name, of 0 or 1, or of a whole group."""
        token, start = self.token, self.place
        if self.symbol() is not None:
            self.place = start
            return self.symbolic()
        if token.text in ACCENTS:
            raise self.error("an accent stands over a name", token.span, r"\hat{y}")
        self.take()
        inside = self.script() if self.at("{") or self.token.kind == "number" else []
        if [t.text for t in inside] in (["1"], ["0"]):
            return self.constant(inside[0].text, token)
        if token.text in ("mathbb", "mathds", "operatorname"):
            raise self.unread(token)
        self.place = start + 1
        self.deeper()
        inner = self.atom()
        self.depth -= 1
        return inner

    def fraction(self) -> Node:
        """A fraction; entry by entry below an array."""
        bar = self.take()
        self.deeper()
        changes = [self.peek(k).text for k in range(2)] == ["{", "d"] and "d" not in self.spellings
        above = self.argument()
        changes = changes and [self.peek(k).text for k in range(2)] == ["{", "d"]
        if changes and self.peek(2).text != "}":
            raise self.error("a derivative inside a formula is not read", bar.span)
        below = self.argument()
        self.depth -= 1
        span = (bar.span[0], self.tokens[self.place - 1].span[1])
        return self.quotient(above, below, span)

    def quotient(self, above: Node, below: Node, span: Span) -> Node:
        """above/below: entry by entry inside sums and where `below` is an array."""
        return self.build.operation(FRACTION, (above, below), span)

    def argument(self) -> Node:
        r"""What a command takes: a group, one symbol or one digit."""
        if self.at("{"):
            return self.bracket()
        self.split_number()
        if self.token.kind == "number":
            return self.number()
        symbol = self.symbol()
        if symbol is not None:
            return self.name(symbol, "", symbol.span[1])
        if self.token.kind == "command":
            return self.command()
        raise self.missing()

    def root(self) -> Node:
        r"""`\sqrt{x}`, `\sqrt[3]{x}` or `√x`."""
        sign = self.take()
        self.deeper()
        degree = self.bracket() if self.at("[") else None
        inner = self.argument() if not self.at("(") else self.bracket()
        self.depth -= 1
        span = (sign.span[0], self.tokens[self.place - 1].span[1])
        if degree is None:
            return self.doubted(self.build.call("sqrt", (inner,), span, sign.span))
        one = self.build.number(1, degree.span)
        exponent = self.build.operation("div", (one, degree), degree.span)
        return self.build.operation(ROOT, (inner, exponent), span)

    def doubted(self, node: Node) -> Node:
        r"""The same node; `\exp(A)` outside sums may mean the function of the matrix."""
        if isinstance(node, Call) and node.name in MATRIX_FUNCTIONS and not self.indices:
            self.doubtful.append(node)
        return node

    # Subscripts of other atoms -----------------------------------------------------------------

    def lowered(self, base: Node) -> Node:
        """A subscript of something that is no name: only the positive part `[z]_+`."""
        below = self.take()
        written = [t.text for t in self.script()]
        end = self.tokens[self.place - 1].span[1]
        label = f"{getattr(base, 'name', '')}_plus"
        if written == ["+"] and label in self.scope.shapes:
            return self.build.name(label, (base.span[0], end))
        if written == ["+"]:
            return self.build.call("relu", (base,), (base.span[0], end), below.span)
        for token in self.tokens[self.place - len(written) - 1 : self.place]:
            if token.kind == "command" and not is_command(token.text):
                raise self.unread(token)
        if isinstance(base, Number):
            raise self.error("a number has no subscript", (below.span[0], end))
        letters = "".join(written)
        inside = tuple(t for t in written if t not in (",", "{", "}"))
        at = (letters,) if letters.isdigit() else inside
        if at and all(t.isalnum() for t in at):
            return Entry((base.span[0], end), base, at)
        raise self.error("expected indices below", (below.span[0], end), "_i, _{ij} or _{12}")

    # Mistakes ------------------------------------------------------------------------------------

    def unread(self, token: Token) -> ParseError:
        """The error for a command that formulas do not have here."""
        said = REFUSED.get(token.text)
        if said:
            return self.error(said, token.span)
        near = get_close_matches(token.text, [*WORDS, *GREEK_NAMES], 1, 0.7)
        hint = f"\\{near[0]}" if near else r"\operatorname{name}(x) for a function"
        return self.error(f"the command {self.typed(token.span)} is not read", token.span, hint)


def is_call(node: Node, name: str) -> bool:
    """True for a call of the function `name`."""
    return isinstance(node, Call) and node.name == name
