"""The parser of Python formulas with NumPy and PyTorch: read by a grammar of our own, never run.

Comparisons, + -, * / @ from left to right, signs, **, attributes and calls; meaning by shapes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from matderiv.errors import MatderivError, ParseError, Span
from matderiv.input.builder import Scope
from matderiv.input.python.blocks import entry
from matderiv.input.python.cursor import PythonCursor, sides
from matderiv.input.python.functions import CLASSES, is_function
from matderiv.input.python.layers import of_labels
from matderiv.input.python.operands import Array, Extent, Items, Value, Word
from matderiv.input.python.scanner import tokenize_python
from matderiv.input.text_cursor import COMPARISONS
from matderiv.language.calls import END
from matderiv.language.source import PLACE, Name, Node, Source
from matderiv.language.tokens import Token
from matderiv.shapes import times

MODULES = frozenset(
    "np numpy torch F nn jnp jax scipy sp special linalg la LA functional math tf K numeric "
    "lax xp cp anp".split()
)
LABELS = frozenset(("label", "target", "cls", "row", "col", "idx0"))
"""Longer names of one place; `idx` may be a list of places."""

PASSES = 4  # what is used as a vector makes others vectors
ATTRIBUTES = frozenset(("T", "mT", "H", "mH", "shape"))
TYPES = frozenset("float int bool None True False float64 float32 newaxis inf".split())


@dataclass(frozen=True)
class PythonReading:
    """A source tree, with the places where another reading is possible.

    `choices` says what was chosen where it hangs on what a vector is; `unlike_text` the places
    that the text language would understand differently.
    """

    source: Source
    choices: Mapping[Span, str]
    unlike_text: tuple[Span, ...]


def parse_python(
    text: str, scope: Scope, *, columns: bool = False, within: Span | None = None
) -> PythonReading:
    """The source tree of a Python formula; of an assignment, that of its right side.

    With `columns` a vector has the shape (n, 1), else it has one axis. Raises ParseError with the
    place of the first mistake, UnknownFunction, LimitError beyond the stated limits.

    >>> parse_python("X.T @ (X @ w - y)", Scope()).source.main.function
    'mul'
    """
    start, stop = within or sides(text)[-1]
    tokens = tokenize_python(text)
    for t, following in pairwise(tokens):
        if t.text == "where" and following.text != "(" and t.span[0] < start:
            raise ParseError("Python has no parts after where", source=text, span=t.span)
    tokens = [t for t in tokens if start <= t.span[0] and t.span[1] <= stop and t.kind != "end"]
    tokens.append(Token("end", "", (stop, stop)))
    kinds: dict[str, int] = {}
    for turn in range(PASSES):
        about = replace(scope, kinds={**scope.kinds, **kinds})
        parser = PythonFormula(text, tokens, about, columns)
        try:
            main = parser.whole()
            new = parser.library.learned(kinds, main)
        except MatderivError:
            new = parser.library.learned(kinds)
            if turn == PASSES - 1 or not new:
                raise
        if not new:
            break
        kinds |= new
    library = parser.library
    lengths = tuple(library.lengths)
    source = Source(text, main, lengths=lengths, kinds=kinds, spelling="python")
    return PythonReading(source, library.choices, tuple(library.unlike_text))


class PythonFormula(PythonCursor):
    """One method per level of the grammar."""

    # Levels --------------------------------------------------------------------------------------

    def whole(self) -> Node:
        """The one formula that the tokens are."""
        if self.token.kind == "end":
            raise ParseError("empty expression", hint="a formula such as X.T @ (X @ w - y)")
        found = self.array(self.comparison())
        if self.token.kind != "end":
            raise self.leftover()
        return found.node

    def array(self, value: Value) -> Array:
        """A value that must be an array or a number."""
        if isinstance(value, Array):
            return value
        if isinstance(value, Extent):
            return self.library.extent(value)
        raise self.error(f"expected an array, found {self.typed(value.span)}", value.span)

    def comparison(self) -> Value:
        left = self.sum()
        if not self.at(*COMPARISONS):
            return left
        operator = self.take()
        a, b = self.array(left), self.array(self.sum())
        if self.at(*COMPARISONS):
            raise self.error("comparisons do not chain", self.token.span, "(a < b) * (b < c)")
        return self.library.entrywise(COMPARISONS[operator.text], (a, b), (a.span[0], b.span[1]))

    def sum(self) -> Value:
        first = self.term()
        if not self.at("+", "-"):
            return first
        terms = [self.array(first)]
        while self.at("+", "-"):
            sign = self.take()
            term = self.array(self.term())
            if sign.text == "-":
                term = self.library.negative(term, (sign.span[0], term.span[1]))
            terms.append(term)
        return self.library.sum_of(terms, (terms[0].span[0], terms[-1].span[1]))

    def term(self) -> Value:
        left = self.signed()
        while self.at("*", "/", "@"):
            sign = self.take()
            a, b = self.array(left), self.array(self.signed())
            span = (a.span[0], b.span[1])
            if sign.text == "*":
                left = self.library.product(a, b, span)
            elif sign.text == "/":
                left = self.library.quotient(a, b, span)
            else:
                left = self.library.matmul(a, b, span)
        return left

    def signed(self) -> Value:
        signs = []
        while self.at("-", "+"):
            signs.append(self.take())
        value = self.power()
        for sign in reversed(signs):
            if sign.text == "-":
                a = self.array(value)
                value = self.library.negative(a, (sign.span[0], a.span[1]))
        return value

    def power(self) -> Value:
        base = self.postfix()
        if not self.at("**"):
            return base
        self.take()
        self.deeper()
        a, b = self.array(base), self.array(self.signed())
        self.depth -= 1
        return self.library.power(a, b, (a.span[0], b.span[1]))

    # Attributes, calls, subscripts ----------------------------------------------------------------

    def postfix(self) -> Value:
        value = self.atom()
        while True:
            if self.at("."):
                value = self.attribute(value)
            elif self.at("["):
                value = self.subscript(value)
            elif self.at("("):
                raise self.error(
                    "an operator is missing before (", self.token.span, "* or @ for a product"
                )
            else:
                return value

    def attribute(self, value: Value) -> Value:
        """`.T`, `.shape` or a method."""
        self.take()
        name = self.take()
        if name.kind != "name":
            raise self.error("expected a name after .", name.span)
        span = (value.span[0], name.span[1])
        if self.at("("):
            values, keywords, end = self.arguments()
            given: list[Value] = [value, *values]
            return self.library.applied(
                name.text, given, keywords, (span[0], end), name.span, method=True
            )
        if isinstance(value, Items) and name.text in value.names:
            return value.values[value.names.index(name.text)]
        a = self.array(value)
        if name.text in ("T", "mT", "H", "mH"):
            if a.rank < 2 and name.text != "T":
                raise self.library.impossible(f".{name.text} is for matrices", name.span, ".T")
            return self.library.transpose(a, name.span[1])
        if name.text == "shape":
            sizes = (Extent(s, span, a.node, k - a.rank) for k, s in enumerate(a.shape))
            return Items(tuple(sizes), span)
        if name.text in ("dtype", "device"):
            return Word("float" if name.text == "dtype" else "device", span)
        if name.text == "size":
            return Extent(times(*a.shape), span)
        raise self.error(f"the attribute .{name.text} is not read", name.span, ".T, .shape, .sum()")

    def arguments(self) -> tuple[list[Value], dict[str, Value], int]:
        """What stands in the brackets of a call, and where they end."""
        opening = self.take()
        self.deeper()
        values: list[Value] = []
        keywords: dict[str, Value] = {}
        while not self.at(")"):
            if self.token.kind == "name" and self.following == "=":
                name = self.take()
                self.take()
                if name.text in keywords:
                    raise self.error(f"{name.text}= is given twice", name.span)
                keywords[name.text] = self.comparison()
            else:
                values.append(self.comparison())
            if not self.at(","):
                break
            self.take()
        self.depth -= 1
        return values, keywords, self.close(")", opening).span[1]

    def subscript(self, value: Value) -> Value:
        """`x[:, None]`, `x[None, :]`, `X.shape[0]`, `slogdet(A)[1]`, and entries such as `x[0]`."""
        opening = self.take()
        self.deeper()
        items: list[Value] = []
        while not self.at("]"):
            if self.token.kind == "end":
                raise self.error("this [ is never closed", opening.span, "add ]")
            items.append(self.slice())
            if self.at(","):
                self.take()
        self.depth -= 1
        end = self.take().span[1]
        span = (value.span[0], end)
        if isinstance(value, Items) and len(items) == 1 and isinstance(items[0], Array):
            place = self._whole(items[0])
            if place is not None and -len(value.values) <= place < len(value.values):
                return value.values[place]
        words = tuple(i.text if isinstance(i, Word) else "" for i in items)
        a = self.library.axes_at_least(self.array(value), 1)
        if len(words) <= a.rank and set(words) <= {":", "..."}:
            return self.library.renamed(a, span)
        if a.rank == 1 and words in ((":", "None"), ("...", "None")):
            return self.library.as_column(a, span)
        if a.rank == 1 and words in (("None", ":"), ("None",), ("None", "...")):
            return self.library.as_row(a, span)
        places = [self._place(i) for i in items]
        if all(places):
            return entry(self.library, a, places, span)
        if len(items) == 1 and isinstance(items[0], Array) and items[0].rank == 1:
            return of_labels(self.library, a, items[0], span)
        raise self.error(
            "entries are read at whole numbers from 0, at labels, and in slices",
            (opening.span[0], end),
            "x[:, None], x[None, :]" if a.rank == 1 else "X[0, :], X[0, 1]",
        )

    def _place(self, item: Value) -> str:
        """A place counted from 1, or a slice, as the text language has them; "" for all else."""
        if isinstance(item, Word):
            return item.text if PLACE.fullmatch(item.text) else ""
        return self._end(item, 1)

    def _end(self, item: Value, shift: int) -> str:
        """A place, of which the text language counts so much more: a number or a label."""
        if not isinstance(item, Array):
            return ""
        whole = self._whole(item)
        if whole is not None and whole < 0:
            back = -whole - shift
            return f"{END}-{back}" if back else END
        if whole is not None:
            return str(whole + shift)
        name = item.node.name if isinstance(item.node, Name) else ""
        if not name or name in self.scope.shapes or not self._only_a_place(name):
            return ""
        self.library.kinds[name] = 0
        if item.rank:
            return ""  # read again as a number
        return f"{name}+{shift}" if shift else name

    def _only_a_place(self, name: str) -> bool:
        """True for a letter that stands in square brackets or beside a colon only."""
        if len(name) > 1 and name not in LABELS:
            return False
        found = [k for k, t in enumerate(self.tokens) if t.kind == "name" and t.text == name]
        around = (("[", ",", ":"), ("]", ",", ":"))
        return all(
            self.tokens[k - 1].text in around[0] and self.tokens[k + 1].text in around[1]
            for k in found
        )

    def _whole(self, a: Array) -> int | None:
        typed = self.typed(a.span)
        return int(typed) if typed.lstrip("-").isdigit() else None

    def slice(self) -> Value:
        """What stands between commas in square brackets."""
        start = self.token.span
        if self.at("."):
            while self.at("."):
                self.take()
            return Word("...", start)
        low = None if self.at(":") else self.comparison()
        if low is not None and not self.at(":"):
            return low
        self.take()
        high = None if self.at("]", ",", ":") else self.comparison()
        if self.at(":"):
            raise self.error("slices are read without steps", self.token.span, "x[1:n]")
        ends = ["" if v is None else self._end(v, s) for v, s in ((low, 1), (high, 0))]
        if any(v is not None and not end for v, end in zip((low, high), ends, strict=True)):
            raise self.error("slices end at whole numbers or names", start, "x[1:], x[:-1]")
        return Word(":".join(ends), start)

    # Atoms ---------------------------------------------------------------------------------------

    def atom(self) -> Value:
        token = self.token
        if token.kind == "number":
            self.take()
            return Array(self.library.build.number(Fraction(token.text), token.span), ())
        if token.kind == "string":
            self.take()
            return Word(token.text, token.span)
        if token.kind == "name":
            return self.name()
        if self.at("(", "["):
            return self.bracket()
        raise self.missing()

    def bracket(self) -> Value:
        """A formula in brackets, a tuple or a list."""
        opening = self.take()
        closing = ")" if opening.text == "(" else "]"
        self.deeper()
        values: list[Value] = []
        comma = False
        while not self.at(closing):
            values.append(self.comparison())
            if not self.at(","):
                break
            comma = True
            self.take()
        self.depth -= 1
        end = self.close(closing, opening).span[1]
        span = (opening.span[0], end)
        if opening.text == "[" or comma or not values:
            return Items(tuple(values), span)
        first = values[0]
        return self.library.renamed(first, span) if isinstance(first, Array) else first

    def name(self) -> Value:
        """A variable, a size, a function with its arguments, or a word such as None."""
        token = self.take()
        last = token
        path = [token.text]
        if token.text in MODULES and token.text not in self.scope.shapes:
            while self.at(".") and self.following not in ATTRIBUTES:
                self.take()
                last = self.take()
                if last.kind != "name":
                    raise self.error("expected a name after .", last.span)
                path.append(last.text)
        word = last.text
        if self.at("(") and (len(path) > 1 or is_function(word) or word not in self.scope.shapes):
            values, keywords, end = self.arguments()
            if word in CLASSES and self.at("("):  # nn.MSELoss()(a, b)
                of, more, end = self.arguments()
                word, values, keywords = CLASSES[word], [*of, *values], {**keywords, **more}
            place, module = (token.span[0], last.span[1]), path[0] if len(path) > 1 else ""
            whole = (place[0], end)
            return self.library.applied(word, values, keywords, whole, place, module=module)
        span = (token.span[0], last.span[1])
        if word in TYPES and word not in self.scope.shapes:
            return Word("None" if word == "newaxis" else word, span)
        if len(path) > 1 and word in ("pi", "e"):
            return self._constant(word, span)
        if len(path) > 1:
            return Word(word, span)
        return self.library.array(self.library.build.name(word, span))

    def _constant(self, word: str, span: Span) -> Array:
        build = self.library.build
        if word == "pi":
            return Array(build.name("pi", span), ())
        return Array(build.call("exp", (build.number(1, span),), span), ())
