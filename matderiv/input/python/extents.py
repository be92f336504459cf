"""Sizes of axes as Python asks for them: X.shape[0], len(y), and the names they get."""

import re

from matderiv.errors import ParseError, Span
from matderiv.input.builder import Builder, Scope
from matderiv.input.python.operands import EXTENTS, Array, Extent, Value
from matderiv.language.sizes import is_open
from matderiv.language.source import Name, Node, postorder
from matderiv.shapes import Dim, Size


class Extents:
    """The sizes that one text asks for: `lengths` as in `Source`, `extents` by their new names."""

    def __init__(self, text: str, scope: Scope) -> None:
        self.text = text
        self.build = Builder(text, scope)
        self.lengths: list[tuple[Node, int, str]] = []
        self.extents: dict[str, Size] = {}

    def error(self, message: str, span: Span, hint: str | None = None) -> ParseError:
        """A mistake in the text."""
        return self.build.error(message, span, hint)

    def array_of(self, value: Value, otherwise: str) -> Array:
        """A value as an array; a size is a number. ParseError for anything else."""
        if isinstance(value, Array):
            return value
        if isinstance(value, Extent):
            return self.extent(value)
        raise self.error(otherwise, value.span)

    def extent(self, value: Extent) -> Array:
        """A size as a number; ParseError where nothing says it."""
        size = value.size
        names = size.names if isinstance(size, Dim) else ()
        if is_open(size):
            return self._named_extent(value)
        factors: list[Node] = [self.build.name(n, value.span) for n in names]
        number = size.coefficient if isinstance(size, Dim) else size
        if number != 1 or not factors:
            factors.insert(0, self.build.number(number, value.span))
        return Array(self.build.chain("mul", factors), ())

    def _named_extent(self, value: Extent) -> Array:
        """A size that nothing names, under a name of its own."""
        if value.of is None:
            raise self.error(
                "this size has no name", value.span, 'declare the shape: --shape "X: n,d"'
            )
        scope = self.build.scope
        taken = {*scope.shapes, *scope.sizes, *re.findall(r"\w+", self.text)}
        known = {name: size for name, size in self.extents.items() if size == value.size}
        name = next(iter(known), "") or next(n for n in EXTENTS if n not in {*taken, *self.extents})
        self.extents[name] = value.size
        where = [(value.of, value.axis)]
        for node in postorder(value.of):  # a name stands in the formula, what it is in may not
            shape = (self.build.shape(node) or ()) if isinstance(node, Name) else ()
            where += [(node, k - len(shape)) for k, size in enumerate(shape) if size == value.size]
        self.lengths.append((*where[-1], name))
        return Array(self.build.name(name, value.span), ())

    def as_size(self, a: Array) -> Size | None:
        """An array that is the name of a size, as that size; None for another one."""
        if isinstance(a.node, Name) and a.node.name in self.build.scope.sizes:
            return Dim((a.node.name,))
        return None

    @staticmethod
    def is_unnamed(value: Extent) -> bool:
        """True while nothing says the size."""
        return is_open(value.size)
