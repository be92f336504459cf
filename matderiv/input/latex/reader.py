r"""The parser of LaTeX formulas: the second spelling of the text language.

Loosest to tightest: + -, then \odot \otimes \oslash \times, then \cdot and /, then factors side by
side, then what stands above and below, then atoms. So `a \odot Xw` is a ⊙ (Xw). The source tree is
that of the text language, with places in the LaTeX; recursion is bounded by the limit on brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from matderiv.errors import ParseError, Span
from matderiv.input.builder import Scope
from matderiv.input.latex.atoms import is_one
from matderiv.input.latex.functions import Functions
from matderiv.input.latex.left import read_left
from matderiv.input.latex.sums import sums_in
from matderiv.input.latex.symbols import FONTS, known_spellings
from matderiv.input.latex.tokens import is_command, tokenize_latex
from matderiv.input.text import COMPARISONS
from matderiv.language.declare import guessed_axes
from matderiv.language.source import Name, Node, Number, Operation, Part, Source
from matderiv.language.tokens import Token

ENTRYWISE = {"⊙": "hadamard", "⊘": "ediv", "⊗": "kron", "×": "cross"}
TRANSPOSED = (["T"], ["⊤"], ["′"])
INVERSE_TRANSPOSED = (["-", "T"], ["-", "⊤"])
OPENERS, CLOSERS = ("(", "[", "{", "\\{", "⟨"), (")", "]", "}", "\\}", "⟩")


def parse_latex(text: str, scope: Scope, within: Span | None = None) -> Source:
    r"""The source tree of a formula; of an equation, that of its last right side.

    `within` are the characters to be read, `scope` the names that are known. Raises ParseError
    with the place of the first mistake, LimitError beyond the stated limits.

    >>> parse_latex(r"\|Xw - y\|_2^2", Scope()).main.function
    'power'
    """
    tokens = tokenize_latex(text)
    start, stop = within or _last_side(text, scope)
    bound = list(sums_in(tokens))
    if within is None and scope.guess:
        named = {n for _, n in bound if n[:1].isalpha()}
        scope = replace(scope, sizes={*scope.sizes, *(named - set(scope.shapes))})
    inside = [t for t in tokens if start <= t.span[0] and t.span[1] <= stop and t.kind != "end"]
    inside.append(Token("end", "", (stop, stop)))
    letters = frozenset(index for index, _ in bound)
    first = Formula(text, list(inside), scope, letters)
    try:
        found = first.source()
    except ParseError:
        if not first.kinds:
            raise
    if not first.kinds:
        return found
    return Formula(text, inside, replace(scope, kinds=first.kinds), letters).source()


def sides(text: str) -> tuple[Span, ...]:
    r"""The places of what stands between the equals signs of a formula, first to last.

    >>> text = r"\nabla f &= A x \\ &= b"
    >>> [text[a:b].strip() for a, b in sides(text)]
    ['\\nabla f', 'A x', 'b']
    """
    tokens = tokenize_latex(text)
    found: list[Span] = []
    first, depth, last = 0, 0, len(text)
    for place, token in enumerate(tokens):
        depth += (token.text in OPENERS) - (token.text in CLOSERS)
        if depth == 0 and _is_where(tokens, place):
            last = len(text)
            break
        if token.text == "=" and depth == 0 and token.kind == "sign":
            found.append((first, _stripped(tokens, place, first)))
            first = token.span[1]
    return (*found, (first, last))


def _last_side(text: str, scope: Scope) -> Span:
    """The right side of a definition such as L(w) = ...; ParseError for another equation."""
    first, *others = sides(text)
    if others and read_left(text[slice(*first)], scope).kind == "expression":
        raise ParseError(
            "this is an equation, not an expression",
            source=text,
            span=(first[1], others[0][0]),
            hint="one side alone",
        )
    return [first, *others][-1]


def _stripped(tokens: list[Token], place: int, first: int) -> int:
    """Where a side ends: before the equals sign and the new line in front of it."""
    while place and tokens[place - 1].kind == "line":
        place -= 1
    return max(first, tokens[place - 1].span[1]) if place else first


def _is_where(tokens: list[Token], place: int) -> bool:
    if tokens[place].text not in FONTS or tokens[place].text == "operatorname":
        return False
    return "".join(t.text for t in tokens[place + 1 : place + 8]) == "{where}"


class Formula(Functions):
    """The operators between the atoms."""

    def source(self) -> Source:
        """The main expression and the parts after `where`."""
        if self.token.kind == "end":
            raise ParseError("empty expression", hint=r"a formula such as X^\top(Xw - y)")
        parts = list(self.parts())
        main = self.sum()
        if self.token.kind != "end" and not self.at_where():
            raise self.leftover()
        remarks = tuple(dict.fromkeys(self.remarks))
        kinds = {n: k for n, k in self.scope.kinds.items() if guessed_axes(n) != k}
        lengths, doubtful = tuple(self.lengths), tuple(self.doubtful)
        return Source(self.text, main, tuple(parts), remarks, lengths, kinds, "latex", doubtful)

    def parts(self) -> Iterator[Part]:
        r"""`\text{where} z = ..., h = ...`: read first, because the formula uses the names."""
        where = next((k for k in range(len(self.tokens)) if _is_where(self.tokens, k)), None)
        if where is None:
            return
        self.place = where + len("{where}") + 1
        while self.token.kind != "end":
            symbol = self.symbol()
            if symbol is None:
                raise self.error("expected name = formula after where", self.token.span, "z = Wx")
            label = self._label()
            if not self.at("="):
                raise self.error("expected = after the name", self.token.span, "z = Wx")
            name = self.named_part(symbol.stem, label)
            self.take()
            value = self.sum()
            self.build.part(name, value)
            self.spellings |= known_spellings([name])
            yield Part((symbol.span[0], value.span[1]), name, value)
            while self.at(",", ";", ".") or self.token.kind == "line":
                self.take()
        self.place = 0

    @staticmethod
    def named_part(stem: str, label: str) -> str:
        """The name of a part that is being defined."""
        return f"{stem}_{label}" if label else stem

    def comparison(self) -> Node:
        left = self.sum()
        if not self.at(*COMPARISONS):
            return left
        operator = self.take()
        right = self.sum()
        span = (left.span[0], right.span[1])
        return self.build.operation(COMPARISONS[operator.text], (left, right), span)

    def sum(self) -> Node:
        """Terms with their signs."""
        terms = [self.term()]
        while self.at("+", "-") or self.token.kind == "line":
            if self.token.kind == "line":
                self.take()
                if not self.at("+", "-"):
                    raise self.error("this line continues nothing", self.token.span)
            sign = self.take()
            term = self.term()
            terms.append(self.negative(sign, term) if sign.text == "-" else term)
        if len(terms) == 1:
            return terms[0]
        return self.build.operation("add", terms)

    def term(self) -> Node:
        """A product with the signs in front of it."""
        signs = []
        while self.at("+", "-"):
            signs.append(self.take())
        node = self.product()
        for sign in reversed(signs):
            node = self.negative(sign, node) if sign.text == "-" else node
        return node

    def negative(self, sign: Token, node: Node) -> Node:
        return self.build.operation("neg", (node,), (sign.span[0], node.span[1]))

    def product(self) -> Node:
        """Entrywise and Kronecker products, of products side by side."""
        node = self.dotted()
        while self.at(*ENTRYWISE):
            sign = self.take()
            right = self.signed(self.dotted)
            function = ENTRYWISE[sign.text]
            scalar = self.build.is_scalar(node) or self.build.is_scalar(right)
            if function == "cross" and scalar:
                function = "mul"
            chained = function in ("hadamard", "mul")
            node = (
                self.build.chain(function, [node, right])
                if chained
                else self.build.operation(function, (node, right))
            )
        return node

    def signed(self, read: Callable[[], Node]) -> Node:
        """An operand that may carry a sign of its own: x · -y."""
        if not self.at("-", "+"):
            return read()
        sign = self.take()
        node = read()
        return self.negative(sign, node) if sign.text == "-" else node

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
                node = self.dot(node, right)
            else:
                node = self.build.chain("hadamard" if self.indices else "mul", [node, right])
        return node

    def dot(self, left: Node, right: Node) -> Node:
        r"""`x \cdot y` is an inner product of two columns, else a product."""
        if self.indices:
            return self.build.chain("hadamard", [left, right])
        if self.build.is_column(left) and self.build.is_column(right):
            row = self.build.transpose(left, left.span[1])
            return self.build.operation("mul", (row, right), (left.span[0], right.span[1]))
        return self.build.chain("mul", [left, right])

    def divided(self, above: Node) -> Node:
        """above / one factor; what follows side by side multiplies the quotient, if clear."""
        below = self.signed(self.factor)
        node = self.quotient(above, below, (above.span[0], below.span[1]))
        if not self.starts_factor():
            return node
        start = self.token.span[0]
        rest = self.juxtaposed()
        first = rest
        if isinstance(rest, Operation) and rest.function in ("mul", "hadamard"):
            first = rest.operands[0]
        numbers = isinstance(above, Number) and isinstance(below, Number)
        name = isinstance(first, Name)
        clear = not (name and self.build.axes(first) == 0) if numbers else self.build.axes(first)
        if not self.build.is_scalar(below) or not clear:
            typed = self.typed((above.span[0], rest.span[1]))
            bar = rf"\frac{{{self.typed(above.span)}}}{{{self.typed(below.span)}}}"
            raise self.error(
                f"what / divides by is not clear in {typed}",
                (below.span[0], self.tokens[self.place - 1].span[1]),
                f"{bar} {self.typed((start, rest.span[1]))}",
            )
        return self.build.chain("hadamard" if self.indices else "mul", [node, rest])

    def juxtaposed(self) -> Node:
        """Factors side by side."""
        factors = [self.factor()]
        while self.starts_factor():
            if self.token.kind == "number" and self.tokens[self.place - 1].kind == "number":
                raise self.error(
                    "an operator is missing between numbers", self.token.span, r"\cdot"
                )
            factors.append(self.factor())
            if self.build.axes(factors[-2]) == 2 and not self.starts_factor():
                self.looks_like(factors[-1], 1)  # scalars stand before matrices
        return self.build.chain("hadamard" if self.indices else "mul", factors)

    # Above and below -----------------------------------------------------------------------------

    def factor(self) -> Node:
        node = self.atom()
        above: Token | None = None
        while True:
            if self.at("'", "′"):
                node = self.turned(node, self.take().span[1])
            elif self.at("^") and above is not None:
                raise self.double_superscript(node, above)
            elif self.at("^"):
                above = self.token
                node = self.raised(node)
            elif self.at("_"):
                node = self.lowered(node)
            elif self.at("!"):
                raise self.error("there is no factorial", self.token.span)
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

    def turned(self, node: Node, end: int) -> Node:
        """The transpose; what is transposed under a sum is a row of an array, not an entry."""
        if self.indices:
            raise self.error(
                f"inside a sum over {self.indices[-1]} only entries are read, which have no "
                "transpose",
                (node.span[0], end),
                "matrix notation, with the data points as the rows of a matrix",
            )
        self.looks_like(node, 1)
        return self.build.transpose(node, end)

    def raised(self, base: Node) -> Node:
        """A superscript: a transpose, an inverse of either kind, a power."""
        hat = self.take()
        start = self.place
        written = [t.text for t in self.script() if t.text not in (*FONTS, "{", "}")]
        end = self.tokens[self.place - 1].span[1]
        span = (base.span[0], end)
        transposing = written in TRANSPOSED or written in INVERSE_TRANSPOSED
        if transposing and not ("T" in written and "T" in self.scope.shapes):
            if written in INVERSE_TRANSPOSED:
                return self.turned(self.build.call("inv", (base,), span, hat.span), end)
            return self.turned(base, end)
        if written in (["+"], ["dagger"]):
            return self.build.call("pinv", (base,), span, hat.span)
        if written in (["*"], ["star"], ["H"], ["c"]) and not self.build.is_known(written[0]):
            raise self.error(
                "this superscript is not read", (hat.span[0], end), r"^\top, ^{-1}, ^2"
            )
        self.place = start
        return self.power(base, span)

    def power(self, base: Node, span: Span) -> Node:
        """A power; entry by entry inside sums, of vectors, and where a circle says so."""
        circled = self.at("{") and self.peek().text == "⊙"
        if circled:
            del self.tokens[self.place + 1]
        exponent = self.argument()
        vector = self.build.axes(base) == 1
        if vector and not circled and not self.indices:
            self.remarks.append(f"{self.typed(span)} read entry by entry")
        if isinstance(exponent, Operation) and exponent.function == "neg" and not vector:
            inner = exponent.operands[0]
            if (
                is_one(inner)
                and (self.build.axes(base) or 0) > 1
                and not self.indices
                and not circled
            ):
                return self.build.call("inv", (base,), span)
        entrywise = circled or vector or bool(self.indices)
        return self.build.operation("epow" if entrywise else "power", (base, exponent), span)

    def lowered(self, base: Node) -> Node:
        """A subscript of something that is no name: only the positive part `[z]_+`."""
        below = self.take()
        written = [t.text for t in self.script()]
        end = self.tokens[self.place - 1].span[1]
        if written == ["+"]:
            return self.build.call("relu", (base,), (base.span[0], end), below.span)
        for token in self.tokens[self.place - len(written) - 1 : self.place]:
            if token.kind == "command" and not is_command(token.text):
                raise self.unread(token)
        if isinstance(base, Number):
            raise self.error("a number has no subscript", (below.span[0], end))
        raise self.error(
            "entries are not read here, only whole arrays",
            (base.span[0], end),
            r"\sum_{i} over entries",
        )

    def leftover(self) -> ParseError:
        """The error where an operator or the end should stand."""
        token = self.token
        typed = self.typed(token.span)
        if token.text in COMPARISONS:
            return self.error(
                "a comparison stands inside brackets", token.span, r"\mathbf{1}\{z > 0\}"
            )
        if token.text == "=":
            return self.error("only a formula is read here, not =", token.span)
        if token.text in CLOSERS:
            return self.error(f"this {typed} closes nothing", token.span)
        return self.error(f"unexpected {typed}", token.span)
