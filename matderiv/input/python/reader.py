"""The parser of Python formulas with NumPy and PyTorch: read by a grammar of our own, never run.

Comparisons, + -, * / @ from left to right, signs, **, attributes and calls; meaning by shapes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import count
from typing import NamedTuple

from matderiv.errors import MatderivError, ParseError, Span
from matderiv.input.builder import Scope
from matderiv.input.python.arguments import PythonCall
from matderiv.input.python.cursor import Assignment, sides, statements
from matderiv.input.python.definitions import DEFINITIONS, check_loss, reduced_loss, tokens_at
from matderiv.input.python.functions import CLASSES, is_function
from matderiv.input.python.operands import Array, Extent, Items, Value, Word
from matderiv.input.python.subscripts import Subscripts
from matderiv.input.terms import COMPARISONS
from matderiv.language.source import Call, NamedPart, Node, Operation, Source
from matderiv.language.tokens import Token
from matderiv.shapes import times

MODULES = frozenset(
    "np numpy torch F nn jnp jax scipy sp special linalg la LA functional math tf numeric "
    "lax xp cp anp".split()
)
PASSES = 4  # what is used as a vector makes others vectors
ATTRIBUTES = frozenset(("T", "mT", "H", "mH", "shape"))
TYPES = frozenset("float int bool None True False float64 float32 newaxis inf".split())


class PythonReading(NamedTuple):
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
    *before, last = statements(text)
    start, stop = within or sides(text)[-1]
    main = [t for t in last.value if start <= t.span[0] and t.span[1] <= stop]
    kinds: dict[str, int] = {}
    for turn in range(PASSES):
        about = replace(scope, kinds={**scope.kinds, **kinds})
        parser = PythonFormula(text, about, columns)
        try:
            for statement in before:
                parser.assign(statement)
            node = parser.whole(main, stop)
            new = parser.library.learned(about.kinds, [*(p.value for p in parser.parts), node])
        except MatderivError:
            new = parser.library.learned(about.kinds)
            if turn == PASSES - 1 or not new:
                raise
        if not new:
            break
        kinds |= new
    library = parser.library
    lengths = tuple(library.lengths)
    parts = tuple(parser.parts)
    source = Source(text, node, parts, lengths=lengths, kinds=kinds, spelling="python")
    return PythonReading(source, library.choices, tuple(library.unlike_text))


class PythonFormula(Subscripts):
    """One method per level of the grammar; `defined` are names that stand for values."""

    def __init__(self, text: str, scope: Scope, columns: bool) -> None:
        super().__init__(text, scope, columns)
        self.defined: dict[str, Value] = {}
        self.parts: list[NamedPart] = []
        self.library.expand = self.expanded

    # Levels --------------------------------------------------------------------------------------

    def whole(self, tokens: Sequence[Token], stop: int) -> Node:
        """The one formula that the tokens are."""
        if not tokens:
            raise ParseError("empty expression", hint="a formula such as X.T @ (X @ w - y)")
        return self.array(self.value(tokens, stop)).node

    def value(self, tokens: Sequence[Token], stop: int) -> Value:
        """The value of all the tokens; of several with commas a tuple."""
        self.tokens, self.place = [*tokens, Token("end", "", (stop, stop))], 0
        found = [self.comparison()]
        while self.at(",") and self.following:
            self.take()
            found.append(self.comparison())
        if self.token.kind != "end":
            raise self.leftover()
        return found[0] if len(found) == 1 else Items(tuple(found), (tokens[0].span[0], stop))

    def assign(self, statement: Assignment) -> None:
        """Give names their values: those of `statement` are parts of the formula from here on.

        A name that the question asks about stays a variable.
        """
        names, tokens = statement.names, statement.value
        everything = [t for side in (*statement.targets, tokens) for t in side]
        place = (everything[0].span[0], everything[-1].span[1])
        if not names or not tokens or len(statement.targets) > 1:
            raise self.error("only names are given values before the formula", place)
        value = self.value(tokens, place[1])
        if statement.sign:
            target = self.value(statement.targets[-1], place[1])
            value = self._combined(statement.sign, target, value)
        values = value.values if isinstance(value, Items) and len(names) > 1 else (value,)
        if len(values) != len(names):
            raise self.error(f"{len(names)} names for {len(values)} values", place)
        for name, one in zip(names, values, strict=True):
            asked = name in self.scope.about and not self.library.build.is_known(name)
            if asked and isinstance(one, Array):
                self.library.kinds[name] = one.rank
            elif not asked:
                self.defined[name] = self._part(name, one, place)

    def expanded(self, call: PythonCall) -> Value:
        """The value of a function that is defined in Python."""
        definition = DEFINITIONS[call.name]
        loss, names = definition.is_loss, tuple(definition.parameters)
        given = dict(call.bind(*names, named=("reduction",) if loss else ()))
        here = self.tokens, self.place, self.defined
        self.defined = {}
        for name, default in definition.parameters.items():
            if name not in given and not default:
                number = "two arrays" if loss and name == names[1] else f"{name} as well"
                raise call.error(f"takes {number}" if given else "needs an array")
            known = given[name] if name in given else self.value(tokens_at(default, call), 0)
            given[name] = self.library.extent(known) if isinstance(known, Extent) else known
        if loss:
            check_loss(self.library, call, definition, given)
        self.defined = given
        found = self.value(tokens_at(definition.formula, call), call.span[1])
        self.tokens, self.place, self.defined = here
        if isinstance(found, Array):
            found = self.library.renamed(found, call.span)
            return (
                reduced_loss(self.library, call, given.get("reduction"), found) if loss else found
            )
        return found

    def _part(self, name: str, value: Value, span: Span) -> Value:
        """What a name stands for, an array under a name that nothing else has."""
        build = self.library.build
        if not isinstance(value, Array) or not isinstance(value.node, Operation | Call):
            return value
        taken = {*self.scope.shapes, *self.scope.sizes, *build.names}
        if name in taken or is_function(name):
            taken |= set(re.findall(r"\w+", self.text))
            name = next(n for k in count(1) if (n := f"{name}{k}") not in taken)
        build.define(name, value.node)
        self.parts.append(NamedPart(span, name, value.node))
        return replace(value, node=build.name(name, span))

    def array(self, value: Value) -> Array:
        """A value that must be an array or a number."""
        return self.library.array_of(value, f"expected an array, found {self.typed(value.span)}")

    def comparison(self) -> Value:
        """A sum, two that are compared, or `a if c else b`."""
        value = self.compared()
        if self.token.text != "if":
            return value
        word, condition = self.take(), self.compared()
        if self.take().text != "else":
            raise self.error("this if has no else", word.span, "a if x > 0 else b")
        self.deeper()
        other = self.comparison()
        self.depth -= 1
        given, place = [condition, value, other], (value.span[0], other.span[1])
        return self.library.applied("where", given, {}, place, word.span)

    def compared(self) -> Value:
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
            left = self._combined(self.take().text, left, self.signed())
        return left

    def _combined(self, sign: str, left: Value, right: Value) -> Array:
        a, b = self.array(left), self.array(right)
        span, lib = (a.span[0], b.span[1]), self.library
        if sign in ("+", "-"):
            return lib.sum_of([a, b if sign == "+" else lib.negative(b, b.span)], span)
        by_sign = {"*": lib.product, "/": lib.quotient, "@": lib.matmul}
        return by_sign[sign](a, b, span)

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

    # Atoms ---------------------------------------------------------------------------------------

    def atom(self) -> Value:
        token = self.token
        if token.kind in ("number", "string"):
            self.take()
            if token.kind == "string":
                return Word(token.text, token.span)
            return Array(self.library.build.number(Fraction(token.text), token.span), ())
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
            if not (comma := self.at(",")):
                break
            self.take()
        self.depth -= 1
        span = (opening.span[0], self.close(closing, opening).span[1])
        if opening.text == "[" or comma or len(values) != 1:
            return Items(tuple(values), span)
        first = values[0]
        return self.library.renamed(first, span) if isinstance(first, Array) else first

    def name(self) -> Value:
        """A variable, a size, a function with its arguments, or a word such as None."""
        token = last = self.take()
        if token.text in self.defined:
            known = self.defined[token.text]
            return self.library.renamed(known, token.span) if isinstance(known, Array) else known
        path = [token.text]
        if token.text in MODULES and token.text not in self.scope.shapes:
            while self.at(".") and self.following not in ATTRIBUTES:
                self.take()
                last = self.take()
                if last.kind != "name":
                    raise self.error("expected a name after .", last.span)
                path.append(last.text)
        word, span = last.text, (token.span[0], last.span[1])
        if self.at("(") and (len(path) > 1 or is_function(word) or word not in self.scope.shapes):
            values, keywords, end = self.arguments()
            if word in CLASSES and self.at("("):  # nn.MSELoss()(a, b)
                of, more, end = self.arguments()
                word, values, keywords = CLASSES[word], [*of, *values], {**keywords, **more}
            module = path[0] if len(path) > 1 else ""
            return self.library.applied(word, values, keywords, (span[0], end), span, module=module)
        if word in TYPES and word not in self.scope.shapes:
            return Word("None" if word == "newaxis" else word, span)
        build = self.library.build
        if len(path) > 1 and word == "e":
            return Array(build.call("exp", (build.number(1, span),), span), ())
        if len(path) > 1 and word != "pi":
            return Word(word, span)
        return self.library.array(build.name(word, span))
