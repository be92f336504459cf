"""The arguments of one call in Python: arrays, axes, sizes and flags, each taken once."""

from __future__ import annotations

from collections.abc import Sequence

from matderiv.errors import ParseError, Span
from matderiv.input.python_arrays import Array, Arrays, Extent, Items, Value, Word
from matderiv.input.source import Node, Number, Operation


class Call:
    """One call while its arguments are read."""

    def __init__(
        self,
        library: Arrays,
        name: str,
        values: list[Value],
        keywords: dict[str, Value],
        span: Span,
        place: Span,
    ) -> None:
        self.library = library
        self.name = name
        self.values = values
        self.keywords = keywords
        self.span = span
        self.place = place

    def error(self, message: str, hint: str | None = None) -> ParseError:
        """A mistake in this call."""
        return self.library.error(f"{self.name} {message}", self.span, hint)

    def array_of(self, value: Value) -> Array:
        """An argument as an array."""
        if isinstance(value, Array):
            return value
        if isinstance(value, Extent):
            return self.library.extent(value)
        raise self.library.error("expected an array or a number here", value.span)

    def arrays(self, count: int, at_most: bool = True) -> list[Array]:
        """The arguments as arrays; an error for another number of them."""
        if at_most:
            self.finish()
        if len(self.values) < count or (at_most and len(self.values) > count):
            plural = "argument" if count == 1 else "arguments"
            raise self.error(f"takes {count} {plural}, {len(self.values)} given")
        return [self.array_of(v) for v in self.values[:count]]

    def finish(self) -> None:
        """An error for a keyword that nobody read."""
        for keyword in self.keywords:
            raise self.error(f"with {keyword}= is not read")

    def whole(self, value: Value) -> int | None:
        """A whole number as typed, perhaps negative."""
        if not isinstance(value, Array):
            return None
        node, sign = value.node, 1
        if isinstance(node, Operation) and node.function == "neg":
            node, sign = node.operands[0], -1
        if isinstance(node, Number) and node.value.denominator == 1:
            return sign * int(node.value)
        return None

    def axis(self) -> int | None:
        """The axis, as a keyword or as the second argument."""
        given: Value | None = self.keywords.pop("axis", None) or self.keywords.pop("dim", None)
        if given is None and len(self.values) > 1:
            given = self.values.pop(1)
        if given is None or (isinstance(given, Word) and given.text == "None"):
            return None
        found = self.whole(given)
        if found is None:
            raise self.error("takes one axis, a whole number", f"{self.name}(X, axis=0)")
        return found

    def flag(self, *names: str) -> bool:
        """True if one of the keywords is True."""
        found = [self.keywords.pop(n) for n in names if n in self.keywords]
        if len(self.values) > 1 and isinstance(self.values[-1], Word):
            found.append(self.values.pop())
        return any(isinstance(v, Word) and v.text == "True" for v in found)

    def biased(self) -> None:
        """Refuse a variance that divides by n - 1, or may do so."""
        for keyword in ("ddof", "correction"):
            if keyword in self.keywords and self.whole(self.keywords.pop(keyword)) != 0:
                raise self.error("by n - 1 is not read", "ddof=0")
        unbiased = self.keywords.pop("unbiased", None)
        if isinstance(unbiased, Word) and unbiased.text == "True":
            raise self.error("by n - 1 is not read", "unbiased=False")

    def sizes(self, values: Sequence[Value]) -> list[Node] | None:
        """Arguments as sizes; None where one is not known by name."""
        found = []
        for value in values:
            if isinstance(value, Items):
                return self.sizes(value.values)
            if isinstance(value, Extent) and self.library.is_unnamed(value):
                return None
            found.append(self.array_of(value).node)
        return found

    def made(self, name: str, nodes: Sequence[Node]) -> Array:
        """A function of the text language in place of this call."""
        return self.library.array(self.library.build.call(name, nodes, self.span, self.place))
