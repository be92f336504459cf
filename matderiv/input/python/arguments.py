"""The arguments of one call in Python, bound to the names of its parameters."""

from collections.abc import Mapping, Sequence

from matderiv.arguments import counted, pairs
from matderiv.errors import ParseError, Span
from matderiv.input.python.arrays import Arrays
from matderiv.input.python.operands import Array, Extent, Items, Value, Word
from matderiv.language.source import Node, Number, Operation

NUMPY, TORCH = "numpy", "torch"
LIBRARIES = {
    **dict.fromkeys("np numpy jnp jax scipy sp special linalg LA la lax xp cp anp".split(), NUMPY),
    **dict.fromkeys(("torch", "F", "nn", "functional"), TORCH),
}
SAME_KEYWORD = {
    **dict.fromkeys(("chunks", "split_size_or_sections", "indices_or_sections"), "parts"),
    **pairs("""
    dim axis  dims axis  shifts shift  keepdim keepdims  a_min min  a_max max
    input a   x a        x1 a          input1 a  self a   x2 b       input2 b   other b
"""),
}
WHOLE_TYPES = frozenset("int int8 int16 int32 int64 long bool uint8 short byte".split())
FLOATS = frozenset("float float16 float32 float64 double half".split())


class PythonCall:
    """One call: its name, its arguments, and the library that it belongs to, "" if unknown."""

    def __init__(
        self,
        library: Arrays,
        name: str,
        values: Sequence[Value],
        keywords: Mapping[str, Value],
        span: Span,
        place: Span,
        *,
        module: str = "",
        method: bool = False,
    ) -> None:
        self.library = library
        self.name = name
        self.values = list(values)
        self.keywords = dict(keywords)
        self.span = span
        self.place = place
        self.module = module
        self.method = method

    @property
    def dialect(self) -> str:
        """`NUMPY` or `TORCH` by the module before the name, or by the modules in the text."""
        if self.module:
            return LIBRARIES.get(self.module, "")
        return self.library.dialect if self.method else ""

    def error(self, message: str, hint: str | None = None) -> ParseError:
        """A mistake in this call."""
        return self.library.error(f"{self.name} {message}", self.span, hint)

    def impossible(self, message: str, hint: str | None = None) -> ParseError:
        """What NumPy refuses as well."""
        return self.library.impossible(f"{self.name} {message}", self.span, hint)

    # Binding -------------------------------------------------------------------------------------

    def bind(self, *positional: str, named: Sequence[str] = ()) -> dict[str, Value]:
        """The arguments by the names of the parameters, which are those of NumPy.

        `positional` may be given by place, `named` by keyword only. Raises ParseError for an
        argument too many, given twice, or by a keyword that is not read.
        """
        if len(self.values) > len(positional):
            hint = ", ".join(f"{n}=" for n in named) or None
            most = counted(len(positional), len(positional))
            raise self.error(f"takes {most} by place, {len(self.values)} given", hint)
        found = dict(zip(positional, self.values, strict=False))
        for keyword, value in self.keywords.items():
            name = keyword if keyword in (*positional, *named) else SAME_KEYWORD.get(keyword, "")
            if keyword == "device":
                continue
            if keyword == "dtype":
                self.check_type(value)
                continue
            if name not in (*positional, *named):
                raise self.error(f"with {keyword}= is not read")
            if name in found:
                raise self.error(f"has {keyword}= twice")
            found[name] = value
        return found

    def arrays(self, count: int) -> list[Array]:
        """The arguments as arrays; an error for another number of them."""
        names = ("a", "b", "c")[:count] if count < 4 else tuple(map(str, range(count)))
        found = self.bind(*names)
        if len(found) < count:
            raise self.error(f"takes {counted(count, count)}, {len(found)} given")
        return [self.array_of(found[name]) for name in names]

    def first(self, found: Mapping[str, Value]) -> Array:
        """The array that a call is about."""
        if "a" not in found:
            raise self.error("needs an array", f"{self.name}(x)")
        return self.array_of(found["a"])

    # Values --------------------------------------------------------------------------------------

    def array_of(self, value: Value) -> Array:
        """An argument as an array."""
        return self.library.array_of(value, "expected an array or a number here")

    def whole(self, value: Value | None) -> int | None:
        """A whole number as typed, perhaps negative."""
        if not isinstance(value, Array):
            return None
        node, sign = value.node, 1
        if isinstance(node, Operation) and node.function == "neg":
            node, sign = node.operands[0], -1
        if isinstance(node, Number) and node.value.denominator == 1:
            return sign * int(node.value)
        return None

    def axis(self, found: Mapping[str, Value], name: str = "axis") -> int | None:
        """An axis among bound arguments; None where none is given."""
        given = found.get(name)
        if given is None or (isinstance(given, Word) and given.text == "None"):
            return None
        axis = self.whole(given)
        if axis is None:
            raise self.error("takes one axis, a whole number", f"{self.name}(X, axis=0)")
        return axis

    def flag(self, found: Mapping[str, Value], name: str) -> bool:
        """True or False among bound arguments; False where none is given."""
        given = found.get(name)
        if given is None:
            return False
        if not isinstance(given, Word) or given.text not in ("True", "False"):
            raise self.error(f"takes True or False as {name}", f"{name}=True")
        return given.text == "True"

    def only(self, found: Mapping[str, Value], name: str, value: int) -> None:
        """Refuse a parameter with another value than the one that is read."""
        given = found.get(name)
        if given is not None and self.whole(given) != value:
            raise self.error(f"is read with {name}={value} only")

    def check_type(self, value: Value) -> None:
        """Refuse a type that cuts digits off."""
        word = value.text.rpartition(".")[2] if isinstance(value, Word) else ""
        if word in WHOLE_TYPES:
            raise self.error(f"to {word} cuts digits off", "float")
        if word not in FLOATS:
            raise self.library.error("expected a type such as float", value.span)

    def sizes(self, values: Sequence[Value]) -> list[Node] | None:
        """Arguments as sizes; None where one is not known by name."""
        found: list[Node] = []
        for value in flat(values):
            if isinstance(value, Extent) and self.library.is_unnamed(value):
                return None
            found.append(self.array_of(value).node)
        return found

    def made(self, name: str, nodes: Sequence[Node]) -> Array:
        """A function of the text language in place of this call."""
        return self.library.array(self.library.build.call(name, nodes, self.span, self.place))


def flat(values: Sequence[Value]) -> list[Value]:
    """Arguments that may have been given as one tuple or list."""
    if len(values) == 1 and isinstance(values[0], Items):
        return list(values[0].values)
    return list(values)
