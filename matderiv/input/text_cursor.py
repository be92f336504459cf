"""A place in the tokens of a text: what stands in brackets, and what is said of mistakes."""

import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from matderiv.errors import LimitError, ParseError
from matderiv.expr import REGISTRY
from matderiv.input.means import EXAMPLE, MOMENTS, Means
from matderiv.input.terms import BETWEEN, COMPARISONS, WIDE
from matderiv.input.tree import BARS, COUNTS, NORM, NORMS, is_bars, norm_named, open_indices
from matderiv.language.calls import function_names, known_function, reserved_names
from matderiv.language.operands import OF_VECTORS, joined, shown_vectors
from matderiv.language.source import (
    PLACE,
    Bind,
    Call,
    Entry,
    Name,
    Node,
    Number,
    Operation,
    String,
    block,
    children,
)
from matderiv.language.tokens import GREEK_NAMES, MAX_DEPTH, Token

OTHERWISE = ("if", "else", "otherwise")
BESIDE = ("hstack", "horzcat", "hcat")
STACKED = (*BESIDE, "cat", "concat", "concatenate", "vstack", "vertcat", "vcat")
_TURNED_SELF = re.compile(r"\(?(\w+)\s*-\s*\1'\)?|(\w+)'\s*-\s*\2")
_ASKED = re.compile(r"\s*[d∂]\s*/\s*[d∂]\s*([^\W\d]\w*)\s+(.+)", re.DOTALL)
_OF_COMPARISONS = "brackets: (x > 0).*y, or relu(x), step(x), where(x > 0, a, b)"
_OF_PARTS = "EXPR where z = ...; h = ... names the parts of an expression"


class Cursor(Means):
    """A cursor over the tokens, and the brackets of any kind, which hold what it reads."""

    kinds: dict[str, int]
    declared: AbstractSet[str]
    named_formulas: AbstractSet[str]
    strays = (
        ((*COMPARISONS,), "a comparison stands inside brackets", _OF_COMPARISONS),
        (("=", ";"), "only an expression is read here, not {}", _OF_PARTS),
        ((":",), "unexpected {}", "sum(A.*B) for the product A : B of Frobenius"),
    )
    signs = "operator"
    bar: Token | None = None  # the bar that is open since the last bracket
    cells = False  # that a space is between blocks
    bound = False  # that a sum over an index was read
    around: tuple[str, ...] = ()  # the indices of the sums around

    comparison: Callable[[], Node]
    postfix: Callable[[], Node]
    implicit: Callable[[Node], bool]
    atom: Callable[[], Node]

    # Cursor --------------------------------------------------------------------------------------

    def typed_as(self, sign: str) -> bool:
        """True at an operator that was typed in this way; ** and ^ are one operator."""
        return self.token.kind == "operator" and self.text[slice(*self.token.span)] == sign

    def parts_from(self, base: Node) -> bool:
        """True for `S^-1 x`, `S^-1(x - y)`, `x^2y`: where a space, a bracket or a name ends it."""
        exponent = self.tokens[self.place - 1].text
        if isinstance(base, Name) and len(exponent) == 1 and self.token.kind in ("name", "glued"):
            return base.name != "e"
        spaced = self.token.span[0] > self.tokens[self.place - 1].span[1] or self.at("(")
        return spaced and not (isinstance(base, Number) or getattr(base, "name", "") == "e")

    def apart(self, chain: str, left: Node) -> bool:
        """True for `1/2 x` and `1/(2*n) x`, where the space says what is divided by."""
        before = self.tokens[self.place - 1]
        closed = before.kind == "number" or before.text == ")"
        summed = self.token.text.partition("_")[0] in ("sum", "Sigma", "prod") or self.at("||")
        closed = closed or (summed and before.kind == "name")  # 1/n sum_i
        spaced = self.token.span[0] > before.span[1] or self.at("||")
        return chain == "div" and closed and spaced

    def counts(self, quotient: Sequence[Node]) -> bool:
        """True at the n of `(1/2n)` and of `1/2n ||x||^2`, which counts what is added up."""
        after = self.following in (")", "||") or self.following.startswith("sum")
        return after and self.token.text in COUNTS and all(isinstance(f, Number) for f in quotient)

    def function_of(self, name: Token) -> str | None:
        """The function that a name of several letters is; None for a variable."""
        named = len(name.text) > 1 and name.text not in {*self.declared} | GREEK_NAMES
        return known_function(name.text) if named else None

    def covers(self, name: Token) -> bool:
        """True for a function before something without brackets: `sin x`, `log det X`."""
        function = self.function_of(name)
        records = [REGISTRY[n] for n in function_names()[function]] if function else []
        one = function is not None and all(record.arity[0] == 1 for record in records)
        names = self.token.kind == "name" and self.token.text not in ("where", "with", *OTHERWISE)
        return one and (names or self.token.kind == "number" or self.at("|", "||", "√"))

    def covered(self, name: Token) -> Node:
        """`sin 2x`, `log|X|`, `tr AXB`: a function of numbers and a factor, or of a product."""
        self.deeper()
        function = known_function(name.text) or name.text
        inner = self.product() if function in WIDE else self._argument(name)
        self.depth -= 1
        if is_bars(inner, self.text) and function in ("log", "ln"):
            inner = Operation(inner.span, BARS, children(inner))
        return Call((name.span[0], inner.span[1]), function, name.span, (inner,))

    def _argument(self, name: Token) -> Node:
        """A factor after numbers; ParseError where more could belong to it."""
        factors = [self.postfix()]
        while isinstance(factors[-1], Number) and self.implicit(factors[-1]):
            factors.append(self.postfix())
        product = self.at("*", ".*", "/", "./")
        following = self.tokens[self.place + product] if self.token.kind != "end" else self.token
        function = following.kind == "name" and known_function(following.text) is not None
        function = function and name.text not in ("sum", "mean")  # sum x ln x
        if (product or self.implicit(factors[-1])) and not function:
            typed = self.text[name.span[0] : following.span[1]]
            said = f"what {name.text} covers is not clear"
            raise self.error(said, name.span, f"{typed}: brackets")
        return joined("mul", factors)

    def only_applied(self, name: str) -> bool:
        """True for a name that nobody declared and that stands before brackets only."""
        texts = [t.text for t in self.tokens]
        for k in (k for k, text in enumerate(texts) if text == name):
            following = next(text for text in texts[k + 1 :] if text != "'")
            if following != "(":
                return False
        return name not in self.declared

    def ranged(self, name: Token) -> Node | None:
        """`sum(i=1:n, x_i^2)`; None for other calls with a keyword."""
        ahead = self.tokens[self.place : self.place + 7]
        if name.text not in ("sum", "prod", "max", "min") or len(ahead) < 7:
            return None
        opening, index, _, low, colon, size, comma = ahead
        if colon.text + comma.text != ":," or not low.text.isdigit():
            return None
        self.place += 7
        self.bound, outer = True, self.around
        self.around = (*outer, index.text)
        body = self.sum()
        self.around = outer
        span = (name.span[0], self.close(")", opening).span[1])
        return Bind(span, name.text, (index.text,), body, size=size.text, low=int(low.text))

    def sum_ahead(self) -> bool:
        """True at `(x + b)`, a sum of names in brackets."""
        depth, names = 0, [False]
        for token in self.tokens[self.place :]:
            depth += (token.text == "(") - (token.text == ")")
            if not depth:
                break
            if token.text == "," and depth == 1:
                return False
            if depth == 1 and token.text in ("+", "-"):
                names.append(False)
            names[-1] |= token.kind == "name"
        return len(names) > 1 and all(names)

    def unindexed(self, name: Token) -> Node | None:
        """`sum (y_i - x_i)^2`, `sum(y_i*x_i)` over i, which nothing else binds; None for others."""
        start, remarks, bound = self.place, list(self.remarks), self.bound
        spaced = self.token.span[0] > name.span[1]
        try:
            body = self.product() if spaced else self.atom()
        except ParseError:
            body = None
        letters = open_indices(body, self.around, self.declared) if body is not None else ()
        if body is None or not letters:
            self.place, self.remarks, self.bound = start, remarks, bound
            return None
        self.remarks.append(f"summed over {' and '.join(letters)}")
        return Bind((name.span[0], body.span[1]), "sum", letters, body)

    def at_bars(self) -> bool:
        """True at bars, which may have the subscript of a norm."""
        return self.token.kind == "operator" and self.token.text[:1] == "|"

    def question(self) -> str:
        """What to ask in place of a sentence; "" for a formula."""
        asked = _ASKED.match(self.text)
        said = "the expression alone, then the variable"
        return f'"{asked[2].strip()}" {asked[1]}: {said}' if asked else ""

    def ambiguous(self, left: Node) -> ParseError:
        if hint := self.question():
            return self.error("this is a question, not an expression", left.span, hint)
        said = "a product without * is ambiguous here"
        return self.error(
            said, (left.span[0], self.token.span[1]), "write the * and brackets: 1/(2*x) or 1/2*x"
        )

    # Brackets ------------------------------------------------------------------------------------

    def inner_product(self) -> Node:
        """`<x, y>`."""
        opening = self.take()
        left = self.sum()
        if not self.at(","):
            raise self.missing() if self.token.kind == "end" else self.leftover()
        self.take()
        right = self.sum()
        if not self.at(">"):
            raise self.error("this < is never closed", opening.span, "<x, y> or dot(x, y)")
        closing = self.take()
        if self.token.kind == "entry" and self.token.text in ("F", "2"):
            closing = self.take()
        span = (opening.span[0], closing.span[1])
        self.kinds |= shown_vectors(left, right)
        return Call(span, "dot", opening.span, (left, right))

    def entry(self, base: Node) -> Node:
        """`x[1]`, `X[i,:]`, `x[2:n]`: an entry, a row, a column or a part, counted from 1."""
        name = getattr(base, "name", "")
        if name in MOMENTS and self.averages:
            return self.moment(name, base.span[0])
        opening, at, typed = self.take(), list[str](), ""
        while not self.at("]"):
            token = self.take()
            if token.kind == "end":
                raise self.error("this [ is never closed", opening.span, "add ]")
            if token.text == ",":
                at.append(typed)
            typed = "" if token.text == "," else typed + token.text
        closing = self.take()
        span = (base.span[0], closing.span[1])
        if not all(PLACE.fullmatch(place) for place in (*at, typed)):
            if name in MOMENTS:
                said = f"nothing says what {name} is over"
                raise self.error(said, span, f"{EXAMPLE}, mean(...) of data")
            said = "a place is a number from 1, a name or a slice such as 2:n"
            raise self.error(said, (opening.span[0], span[1]), "x[1]")
        return Entry(span, base, (*at, typed))

    def blocks(self) -> Node:
        """`[x; h]`, `[A B; C D]`: blocks in rows; `[x]` is x."""
        opening = self.take()
        outer, self.bar, cells = self.bar, None, self.cells
        self.cells = True
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise LimitError(f"blocks are nested deeper than the limit of {MAX_DEPTH}")
        rows: list[list[Node]] = [[self.comparison()]]
        while not self.at("]"):
            if self.token.kind == "end" or self.at(")"):
                raise self.error("this [ is never closed", opening.span, "add ]")
            if self.at(";"):
                self.take()
                rows.append([])
            elif self.at(","):
                self.take()
            rows[-1].append(self.comparison())
        closing = self.take()
        self.bar, self.cells, self.depth = outer, cells, self.depth - 1
        found = block(rows, (opening.span[0], closing.span[1]))
        return replace(found, span=(opening.span[0], closing.span[1]))

    def bracket(self) -> Node:
        opening = self.take()
        outer, self.bar, cells = self.bar, None, self.cells
        self.cells = False
        inner = self.comparison()
        closing = self.close({"(": ")", "[": "]"}[opening.text], opening)
        self.bar, self.cells = outer, cells
        return replace(inner, span=(opening.span[0], closing.span[1]))

    def call(self, name: Token) -> Node:
        opening, own = self.take(), name.text in self.named_formulas
        function = name.text if own else known_function(name.text) or name.text
        between = BETWEEN.get(function, ())
        outer, self.bar, cells = self.bar, opening if between else None, self.cells
        self.cells = False
        operands: list[Node] = []
        keywords: list[tuple[str, Node]] = []
        while True:
            token = self.token
            if token.kind == "string":
                operands.append(String(token.span, self.take().text))
            elif token.kind == "name" and self.following == "=":
                self.place += 2
                keywords.append((token.text, self.comparison()))
            else:
                operands.append(self.comparison())
            if not self.at(",", *between):
                break
            self.take()
        closing = self.close({"(": ")", "[": "]"}[opening.text], opening)
        self.bar, self.cells = outer, cells
        span = (name.span[0], closing.span[1])
        if name.text == "norm" and len(operands) == 2 and (kind := norm_named(operands[1])):
            return Operation(span, NORM, (operands[0], kind))
        if function in STACKED and len(operands) > 1 and not keywords:
            return block([operands] if function in BESIDE else [[o] for o in operands], span)
        if function in OF_VECTORS:
            self.kinds |= shown_vectors(*operands)
        return Call(span, function, name.span, tuple(operands), tuple(keywords))

    def bars(self) -> Node:
        opening = self.take()
        if self.bar is not None or opening.text not in ("|", "||"):
            raise self.nested_bars(opening)
        self.bar = opening
        inner = self.sum()
        if self.token.kind == "end":
            raise self.error(f"this {opening.text} is never closed", opening.span)
        norm = opening.text == "||"
        if not self.at_bars() or (self.token.text == "|") == norm:
            raise self.nested_bars(self.token) if self.at_bars() else self.leftover()
        closing = self.take()
        self.bar = None
        span, kind = (opening.span[0], closing.span[1]), closing.text.removeprefix("||")
        if norm and _TURNED_SELF.fullmatch(self.typed(inner.span)):
            said = "x' is the transpose of x here, and no point of its own"
            raise self.error(said, inner.span, "||x - z||")
        if norm and (kind == "2" or kind not in NORMS):
            return self.normed(inner, String(closing.span, kind), span)
        function = NORMS[kind] if norm else "abs"
        return Call(span, function, opening.span, (inner,))

    def root(self) -> Node:
        sign = self.take()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise LimitError(f"roots are nested deeper than the limit of {MAX_DEPTH}")
        inner = self.atom()
        self.depth -= 1
        bracketed = self.tokens[self.place - 1].text == ")"
        if not bracketed and (self.at("^", ".^", "'") or self.token.kind == "superscript"):
            raise self.error("what the root covers is not clear", self.token.span, "sqrt(x)^2")
        return Call((sign.span[0], inner.span[1]), "sqrt", sign.span, (inner,))

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
            hint = self.question() or hint
            if before.kind == "name" and before.text in reserved_names():
                return self.error(f"{left} needs brackets", token.span, f"{left}({typed})")
            return self.error(f"an operator is missing before {typed}", token.span, hint)
        if token.text == "=" and self.following == "=":
            both = (token.span[0], token.span[1] + 1)
            return self.error("there is no ==", both, ">= or <=, such as (x >= max(x))")
        return self.nested_bars(token) if self.at_bars() else super().leftover()

    def nested_bars(self, token: Token) -> ParseError:
        return self.error("bars do not nest", token.span, "norm2(x) for a norm, abs(x) for |x|")
