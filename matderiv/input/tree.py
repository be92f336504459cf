"""The source tree as a reader makes it: what was typed, before anything is known of kinds.

A sign that means different things for numbers, vectors and matrices is an operation of its own,
which `meaning` replaces when the kinds are known.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from fractions import Fraction

from matderiv.errors import ParseError, Span
from matderiv.input.builder import Scope
from matderiv.language.calls import reserved_names
from matderiv.language.source import (
    Bind,
    Call,
    Entry,
    Name,
    Node,
    Number,
    Operation,
    Source,
    String,
    changed,
    postorder,
)
from matderiv.language.tokens import GREEK_NAMES

IMPLIED = frozenset("ijkn")
"""Letters below names that a sum without an index runs over."""

SQUARE = "sq"
"""What the name of a square ends with: `sigmasq` is σ² where the question is by σ²."""

LONGEST_CHAIN = 50  # longer products are nested, so that building them is linear
AT, DOT, TIMES, SLASH, FRACTION = "?at", "?dot", "?times", "?slash", "?fraction"
POWER, RAISED, BARS, NORM, ROOT, EXPONENTIAL, TOTAL = (
    "?power",
    "?raised",
    "?bars",
    "?norm",
    "?root",
    "?exponential",
    "?total",
)
r"""x @ y, x·y, X × Y, a/b c, \frac, x^k, f^k(x), |X|, ‖x‖_p, \sqrt[k], e^X, \sum X."""

NORMS = {
    "": "norm2",
    "2": "norm2",
    "F": "norm2",
    "Fro": "norm2",
    "1": "norm1",
    "infty": "norminf",
    "*": "norm_nuc",
}
"""What stands below bars, and the norm."""


class Tree:
    """Makes the nodes of one text.

    >>> Tree("A x", Scope()).name("A", (0, 1)).name
    'A'
    """

    def __init__(self, text: str, scope: Scope) -> None:
        self.text = text
        self.scope = scope
        self.names: set[str] = set()
        self.parts: set[str] = set()

    def string(self, value: str, span: Span) -> Node:
        """Text in quotes: the pattern of an einsum."""
        return String(span, value)

    def number(self, value: Fraction | int, span: Span) -> Node:
        """A number."""
        return Number(span, Fraction(value))

    def name(self, name: str, span: Span) -> Name:
        """A variable, a size, a part or the number π, by its canonical name."""
        self.names.add(name)
        return Name(span, name)

    def identity(self, span: Span) -> Node:
        """An identity matrix whose size follows from its neighbours."""
        return Name(span, "eye")

    def part(self, name: str) -> None:
        """From now on `name` is a part of the formula."""
        self.parts.add(name)

    def operation(self, function: str, operands: Sequence[Node], span: Span | None = None) -> Node:
        """An operator between its operands, by the name of its record or of `SIGNS`."""
        place = span or (operands[0].span[0], operands[-1].span[1])
        return Operation(place, function, tuple(operands))

    def call(
        self,
        name: str,
        operands: Sequence[Node],
        span: Span,
        name_span: Span | None = None,
        axis: int | None = None,
    ) -> Node:
        """A function by a name that the text language has, perhaps along an axis (from 1)."""
        place = name_span or span
        keywords = () if axis is None else (("axis", Number(place, Fraction(axis))),)
        return Call(span, name, place, tuple(operands), keywords)

    def transpose(self, node: Node, end: int) -> Node:
        """The transpose of a node, up to `end` in the text; two transposes cancel."""
        if isinstance(node, Operation) and node.function == "transpose":
            return node.operands[0]
        return self.operation("transpose", (node,), (node.span[0], end))

    def spanned(self, node: Node, span: Span) -> Node:
        """The node with the place of the brackets around it."""
        return replace(node, span=span)

    def chain(self, function: str, factors: Sequence[Node]) -> Node:
        """One operation of all factors, those of an inner chain of the same kind among them."""
        if len(factors) == 1:
            return factors[0]
        first, flat = factors[0], list(factors)
        if isinstance(first, Operation) and first.function == function:
            opened = first.span[0] == first.operands[0].span[0]  # no bracket of its own
            opened = opened and len(first.operands) < LONGEST_CHAIN
            flat = [*first.operands, *factors[1:]] if opened else flat
        return self.operation(function, flat, (first.span[0], factors[-1].span[1]))

    def is_known(self, name: str) -> bool:
        """True for a name that was declared, or that the formula has."""
        return name in self.scope.shapes or name in self.names

    def is_guessed(self, name: str) -> bool:
        """True for a name whose kind is guessed."""
        scope = self.scope
        if not scope.guess or name == "pi" or name in scope.sizes or name in reserved_names():
            return False
        return name not in scope.shapes and name not in self.parts

    def error(self, message: str, span: Span, hint: str | None = None) -> ParseError:
        """A mistake in the text."""
        return ParseError(message, source=self.text, span=span, hint=hint)


def mentions(node: Node, letters: Sequence[str]) -> bool:
    """True where a subscript below a node has an index letter that no sum there binds."""
    bound = {i for n in postorder(node) if isinstance(n, Bind) for i in n.indices}
    letters = [letter for letter in letters if letter not in bound]
    for inner in postorder(node):
        subscript = inner.name.partition("_")[2] if isinstance(inner, Name) else ""
        at = inner.at if isinstance(inner, Entry) else ()
        if any(letter in subscript or letter in at for letter in letters):
            return True
    return False


def open_indices(node: Node, around: Collection[str], known: Collection[str]) -> tuple[str, ...]:
    """The letters below names that no sum inside or around binds: those of a sum without an index.

    >>> from matderiv.input.text import parse
    >>> open_indices(parse("y_i*x_i + c_1").main, (), ())
    ('i',)
    """
    found: dict[str, None] = {}
    bound = {*around}
    for inner in postorder(node):
        if isinstance(inner, Bind):
            bound |= set(inner.indices)
        if isinstance(inner, Name) and inner.name not in known:
            base, _, label = inner.name.rpartition("_")
            if base and len(label) < 3 and set(label) <= IMPLIED:
                found |= dict.fromkeys(label)
    return tuple(i for i in found if i not in bound)


def squared(source: Source, scope: Scope) -> Source:
    """The source with the square that the question is by as a name of its own.

    >>> from matderiv.input.text import parse
    >>> squared(parse("sigma^4"), Scope(about=("sigmasq",))).main.operands[0].name
    'sigmasq'
    """
    asked = scope.about if scope.guess else scope.shapes
    names = {n.removesuffix(SQUARE) for n in asked if n.endswith(SQUARE)} & GREEK_NAMES
    names -= {*scope.shapes}
    if not names:
        return source

    def replaced(node: Node) -> Node:
        if isinstance(node, Name) and node.name in names:
            square = Name(node.span, node.name + SQUARE)
            return Call(node.span, "sqrt", node.span, (square,))
        if not isinstance(node, Operation) or node.function not in ("power", POWER):
            return node
        base, exponent = node.operands
        rooted = isinstance(base, Call) and base.name == "sqrt" and len(base.operands) == 1
        inner = base.operands[0] if rooted and isinstance(base, Call) else None
        if not (isinstance(inner, Name) and inner.name.removesuffix(SQUARE) in names):
            return node
        if not isinstance(exponent, Number) or exponent.value % 2:
            return node
        half = exponent.value / 2
        if half == 1:
            return inner
        return replace(node, operands=(inner, Number(exponent.span, half)))

    return changed(source, replaced)
