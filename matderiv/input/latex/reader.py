r"""The parser of LaTeX formulas: the second spelling of the text language.

Loosest to tightest: + -, then \odot \otimes \oslash \times, then \cdot and /, then factors side by
side, then what stands above and below, then atoms. So `a \odot Xw` is a ⊙ (Xw). The source tree is
that of the text language, with places in the LaTeX; recursion is bounded by the limit on brackets.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property

from matderiv.errors import ParseError, Span
from matderiv.input.builder import Scope
from matderiv.input.formulas import unfolded
from matderiv.input.latex.calls import Functions
from matderiv.input.latex.dots import with_dots
from matderiv.input.latex.letters import FONTS, known_spellings
from matderiv.input.latex.sides import CLOSERS, is_where, last_side, opens
from matderiv.input.latex.summation import sums_in
from matderiv.input.latex.tokens import tokenize_latex
from matderiv.input.means import averaged_over
from matderiv.input.terms import COMPARISONS
from matderiv.input.tree import (
    COUNTS,
    DOT,
    PLUS,
    POWER,
    SLASH,
    TIMES,
    defined,
    is_square,
    opens_a_body,
)
from matderiv.language.operands import is_row
from matderiv.language.source import (
    Call,
    Name,
    NamedPart,
    Node,
    Number,
    Operation,
    Source,
    defined_first,
    last_defined,
    postorder,
)
from matderiv.language.tokens import Token

ENTRYWISE = {"⊙": "hadamard", "⊘": "ediv", "⊗": "kron", "×": TIMES}
TRANSPOSED = (["T"], ["⊤"], ["′"], ["'"])
INVERSE_TRANSPOSED = (["-", "T"], ["-", "⊤"])

_SYMBOL = r"(?:\\[A-Za-z]+\s*(?:\{\w\}|\w(?!\w))?|[A-Za-z]+)"
_PRIME = r"\s*(?:'|\^\s*\{?\s*\\prime\s*\}?)"
_END = r"(?=\s*(?:[)|\]}]|\\[|}r]|$))"
_APART = r"\s*(?:,|-(?!\s*(?:\\[A-Za-z]+\s*\{?\s*)?[A-Z]))\s*"  # A - A' is of a transpose
_BESIDE_ITSELF = re.compile(
    rf"(?P<first>{_SYMBOL}){_APART}(?P=first){_PRIME}{_END}"
    rf"|(?P<last>{_SYMBOL}){_PRIME}{_APART}(?P=last){_END}"
    rf"|\^\s*\{{?\s*(?:\\top|T)\s*\}}?\s*(?P<lying>\\?[a-z]+){_PRIME}(?!\s*(?:\\left)?\()"
)


def parse_latex(text: str, scope: Scope, within: Span | None = None) -> Source:
    r"""The source tree of a formula; of an equation, that of its last right side.

    `within` are the characters to be read, `scope` the names that are known. Raises ParseError
    with the place of the first mistake, LimitError beyond the stated limits.

    >>> parse_latex(r"Xw - y", Scope()).main.function
    'add'
    """
    tokens = with_dots(tokenize_latex(text))
    start, stop = within or last_side(text, scope)
    bound = list(sums_in(tokens))
    inside = [t for t in tokens if start <= t.span[0] and t.span[1] <= stop and t.kind != "end"]
    inside.append(Token("end", "", (stop, stop)))
    letters = frozenset(index for index, _ in bound)
    found = LatexFormula(text, inside, scope, letters).source()
    left = text[:start].rstrip().removesuffix("=")
    if scope.guess and found.parts and left:
        with suppress(ParseError):
            return last_defined(found, parse_latex(left, Scope()).main)
    return found


class LatexFormula(Functions):
    """The operators between the atoms."""

    closings = CLOSERS
    strays = (
        ((*COMPARISONS,), "a comparison stands inside brackets", r"\mathbf{1}\{z > 0\}"),
        (("=",), "only a formula is read here, not =", ""),
    )

    def source(self) -> Source:
        """The main expression and the parts after `where`."""
        if self.token.kind == "end":
            raise ParseError("empty expression", hint=r"a formula such as X^\top(Xw - y)")
        parts = list(self.parts())
        self.objective()
        asked = self.operator()
        main = self.product() if asked else self.sum()
        if asked and self.at("+", "-"):
            raise self.error("the derivative of the first term, or of all?", main.span, "(...)")
        if self.token.kind != "end":
            raise self.leftover()
        remarks = tuple(dict.fromkeys(self.remarks))
        doubtful, ordered = tuple(self.doubtful), defined_first(parts)
        found = Source(self.text, main, ordered, remarks, (), self.kinds, "latex", doubtful)
        return averaged_over(unfolded(found, self.formulas), self.normals)

    def parts(self) -> Iterator[NamedPart]:
        r"""`\text{where} z = ..., h = ...`: read first, because the formula uses the names."""
        where, depth = None, 0
        for k, token in enumerate(self.tokens):
            depth += opens(token)
            if depth == 0 and is_where(self.tokens, k):
                where = k
                break
        if where is None:
            return
        self.place = where + is_where(self.tokens, where)
        while self.token.kind != "end":
            symbol = self.symbol()
            if symbol is None:
                raise self.error("expected name = formula after where", self.token.span, "z = Wx")
            label = self._label()
            name = "_".join(filter(None, (symbol.stem, *symbol.accents, label)))
            arguments = self._arguments(name, symbol.span) if self.at("(") else []
            if self.at("~"):
                self.random(Name(symbol.span, name))
            elif not self.at("="):
                raise self.error("expected = after the name", self.token.span, "z = Wx")
            else:
                self.take()
                value = self.sum()
                if arguments:
                    self.formulas[name] = tuple(getattr(a, "name", "") for a in arguments), value
                    self.separators()
                    continue
                part = defined(name, value, (symbol.span[0], value.span[1]))
                self.build.part(part.name)
                self.spellings |= known_spellings([part.name])
                yield part
            self.separators()
        self.tokens, self.place = [*self.tokens[:where], self.token], 0

    def separators(self) -> None:
        """Past what stands between two parts."""
        while self.at(",", ";", ".") or self.token.kind == "line":
            self.take()

    def sum(self) -> Node:
        """Terms with their signs."""
        terms = [self.signed(self.contracted)]
        while self.at("+", "-") or self.token.kind == "line":
            if self.token.kind == "line":
                if self.outer_bars:
                    break  # a row of a matrix
                self.take()
                if not self.at("+", "-"):
                    raise self.error("this line continues nothing", self.token.span)
            sign = self.take()
            if self.at_constant():
                continue
            terms.append(self.under_sign(sign, self.signed(self.contracted)))
        if len(terms) == 1:
            return terms[0]
        return self.build.operation("add", terms)

    def at_constant(self) -> bool:
        r"""True after taking `\text{const}`, which no derivative has."""
        if not self.at_command(*FONTS):
            return False
        start = self.place
        self.take()
        inside = self.script() if self.at("{") else []
        word = "".join(t.text for t in inside).lower().rstrip(".")
        if word in ("const", "constant", "constants"):
            return True
        self.place = start
        return False

    def contracted(self) -> Node:
        """`A:B`, the sum of the products of entries, of products."""
        node = self.product()
        while self.at(":") and not isinstance(node, Number):
            sign = self.take()
            both = node, self.signed(self.product)
            node = self.build.call("dot", both, (node.span[0], both[1].span[1]), sign.span)
        return node

    def product(self) -> Node:
        """Entrywise and Kronecker products, of products side by side."""
        node = self.dotted()
        while self.at(*ENTRYWISE):
            sign = self.take()
            right = self.signed(self.dotted)
            function = ENTRYWISE[sign.text]
            build = self.build.chain if function == "hadamard" else self.build.operation
            node = build(function, [node, right])
        return node

    def dotted(self) -> Node:
        r"""Factors joined by \cdot or /."""
        node = self.juxtaposed()
        while self.at("·", "*", "/"):
            sign = self.take()
            if sign.text == "/":
                node = self.divided(node)
                continue
            right = self.signed(self.juxtaposed)
            if sign.text == "·":
                node = self.build.operation(DOT, (node, right))
            else:
                node = self.build.chain("mul", [node, right])
        return node

    def divided(self, above: Node) -> Node:
        """above / one factor; what follows side by side multiplies the quotient, if clear."""
        below = self.signed(self.factor)
        numbers = isinstance(above, Number) and isinstance(below, Number)
        if numbers and self.token.text in COUNTS and self.peek().text in ("‖", "<‖", "sum", ")"):
            below = self.build.chain("mul", [below, self.factor()])  # 1/2n ||x||^2
            self.remarks.append(f"{self.typed(below.span)} is below the line")
        if is_row(below) and self.starts_factor():
            below = self.build.chain("mul", [below, self.juxtaposed()])  # x'Ax / x'x
        node = self.quotient(above, below, (above.span[0], below.span[1]))
        if not self.starts_factor():
            return node
        rest = self.juxtaposed()
        span = above.span[0], rest.span[1]
        if self.is_plain(above, powers=False) and opens_a_body(rest):
            return self.build.chain("mul", [node, rest])
        met, others = ({getattr(n, "name", n) for n in postorder(o)} for o in (above, rest))
        square = is_square(above) and not met & others
        if isinstance(below, Number) and square and self.is_plain(rest, powers=True):
            self.remarks.append(f"{self.typed((below.span[0], span[1]))} is below the line")
            return self.quotient(above, self.build.chain("mul", [below, rest]), span)
        return self.build.operation(SLASH, (node, rest), span)

    def is_plain(self, node: Node, *, powers: bool) -> bool:
        """True for a product of numbers and letters that are no arrays, and of their powers."""
        if isinstance(node, Operation) and node.function == "mul":
            return all(self.is_plain(f, powers=powers) for f in node.operands)
        if isinstance(node, Operation) and node.function == POWER and powers:
            return all(self.is_plain(o, powers=False) for o in node.operands)
        number = isinstance(node, Name) and not self.scope.shapes.get(node.name)
        return isinstance(node, Number) or number

    def juxtaposed(self) -> Node:
        """Factors side by side."""
        factors = [self.factor()]
        while self.starts_factor():
            if self.token.kind == "number" and self.tokens[self.place - 1].kind == "number":
                raise self.error(
                    "an operator is missing between numbers", self.token.span, r"\cdot"
                )
            factors.append(self.factor())
        return self.build.chain("mul", factors)

    # Above and below -----------------------------------------------------------------------------

    def factor(self) -> Node:
        node = self.atom()
        above: Token | None = None
        while True:
            if self.at("'", "′"):
                node = self.primed(node, self.take().span[1])
            elif self.at("^") and above is not None:
                raise self.double_superscript(node, above)
            elif self.at("^"):
                above = self.token
                node = self.raised(node)
            elif self.at("_"):
                node = self.lowered(node)
            elif self.at("!"):
                node = self.factorial(node, self.take().span)
            else:
                return node

    def double_superscript(self, node: Node, above: Token) -> ParseError:
        """a^b^c, which LaTeX does not set: (a^b)^c and a^{b^c} differ."""
        base = self.typed((node.span[0], above.span[0]))
        inner = self.typed((above.span[1], self.token.span[0])).strip("{}")
        return self.error(
            "two superscripts at one base can mean two things",
            (above.span[0], self.token.span[1]),
            rf"({base}^{{{inner}}})^{{...}} or {base}^{{{inner}^{{...}}}}",
        )

    def primed(self, node: Node, end: int) -> Node:
        """The transpose, or x' as a name of its own beside x: `x - x'`, `k(x, x')`."""
        name = f"{node.name}_prime" if isinstance(node, Name) else ""
        named = name and self.scope.guess and self.typed(node.span) in self.primes
        if name in self.scope.shapes or named:
            return self.build.name(name, (node.span[0], end))
        return self.turned(node, end)

    @cached_property
    def primes(self) -> set[str]:
        """What has a prime and stands beside itself without one: no vector less its transpose."""
        return {m[m.lastgroup or 0] for m in _BESIDE_ITSELF.finditer(self.text)}

    def turned(self, node: Node, end: int) -> Node:
        """The transpose."""
        return self.build.transpose(node, end)

    def raised(self, base: Node) -> Node:
        """A superscript: a transpose, an inverse of either kind, a power."""
        hat = self.take()
        start = self.place
        written = [t.text for t in self.script() if t.text not in (*FONTS, "{", "}")]
        end = self.tokens[self.place - 1].span[1]
        span = (base.span[0], end)
        if "t" in written and self.turning:
            written = ["T" if sign == "t" else sign for sign in written]
        transposing = written in TRANSPOSED or written in INVERSE_TRANSPOSED
        if transposing and ("T" not in written or self.scope.shapes.get("T") != ()):
            if written in (["′"], ["'"]):
                return self.primed(base, end)
            if written in INVERSE_TRANSPOSED:
                return self.turned(self.build.call("inv", (base,), span, hat.span), end)
            return self.turned(base, end)
        if written == ["+"] and not isinstance(base, Name):
            return self.build.operation(PLUS, (base,), span)
        if written in (["+"], ["dagger"]):
            return self.build.call("pinv", (base,), span, hat.span)
        if written == ["H"] and not self.build.is_known("H"):
            return self.turned(self.build.call("conj", (base,), span, hat.span), end)
        if written in (["*"], ["star"], ["c"]) and not self.build.is_known(written[0]):
            raise self.error(
                "this superscript is not read", (hat.span[0], end), r"^\top, ^{-1}, ^2"
            )
        self.place = start
        return self.power(base, span)

    @cached_property
    def turning(self) -> bool:
        """True where `^t` says transpose: t stands nowhere else, and a power would make no sense.

        `x^tAx` and `X^tX` are products with transposes, `A^t x` is a power.
        """
        if "t" in (*self.scope.shapes, *self.scope.sizes, *self.scope.about):
            return False
        texts = [t.text for t in self.tokens if t.text not in ("{", "}", *FONTS)]
        clear = not self.scope.guess
        for k in (k for k, text in enumerate(texts) if text == "t"):
            hat = k - 1 - (texts[k - 1] == "-")
            if hat < 1 or texts[hat] != "^":
                return False
            base, after = texts[hat - 1], texts[k + 1]
            small = len(base) == 1 and base.islower() and base != "e"
            clear |= texts[k - 1] == "-" or after == base or (small and after.isalpha())
        return clear

    def power(self, base: Node, span: Span) -> Node:
        """A power; entry by entry inside sums, of vectors, and where a circle says so."""
        if self.at("{") and self.peek().text == "⊙":
            opening = self.take()
            self.take()
            exponent = self.sum()
            self.close("}", opening)
            return self.build.operation("epow", (base, exponent), span)
        exponent = self.argument()
        if isinstance(base, Call) and (base.name, base.span[0]) == ("log", base.name_span[0]):
            if getattr(exponent, "function", "") == "neg" and self.starts_factor():
                typed = self.typed(base.name_span)
                raise self.error(
                    f"what {typed} covers is not clear", span, f"brackets: {typed}(...)"
                )
        return self.build.operation(POWER, (base, exponent), span)
