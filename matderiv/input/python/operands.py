"""What parts of a Python formula are: arrays with NumPy's shapes, sizes, lists and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from matderiv.errors import ParseError, Span
from matderiv.input.builder import Builder
from matderiv.language.sizes import is_open
from matderiv.language.source import Name, Node, Number, Operation, postorder
from matderiv.shapes import Shape, Size, is_scalar


@dataclass(frozen=True, eq=False)
class Array:
    """A value: its node, and the shape that NumPy gives it."""

    node: Node
    shape: Shape
    turned: bool = False  # an array of one axis with .T, which changes nothing
    mask: bool = False  # True and False, of a comparison

    @property
    def span(self) -> Span:
        """Its place in the text."""
        return self.node.span

    @property
    def rank(self) -> int:
        """How many axes it has in NumPy."""
        return len(self.shape)


@dataclass(frozen=True, eq=False)
class Extent:
    """The size of an axis, such as X.shape[0], before it is used as a number."""

    size: Size
    span: Span
    of: Node | None = None
    axis: int = -1


@dataclass(frozen=True, eq=False)
class Items:
    """A tuple or a list; perhaps with a name for each place."""

    values: tuple[Value, ...]
    span: Span
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Word:
    """What is no number: None, a slice, text in quotes, a type."""

    text: str
    span: Span


Value = Array | Extent | Items | Word


EXTENTS = ("n", "N", "m", *(f"n{k}" for k in range(1, 100)))
"""Names for sizes that only the text counts, as in `len(y)`."""


class ArrayError(ParseError):
    """An operation that arrays of such shapes do not have in NumPy."""


def plain_factor(build: Builder, node: Node) -> list[str]:
    """The guessed name of `K/2` before a vector, a number if K stands nowhere else."""
    while isinstance(node, Operation) and node.function in ("neg", "div", "mul"):
        rest = [o for o in node.operands if not isinstance(o, Number)]
        node = rest[0] if len(rest) == 1 else Number(node.span, Fraction(0))
    return [node.name] if isinstance(node, Name) and build.is_guessed(node.name) else []


def share_names(a: Node, b: Node) -> bool:
    """True for K*x and x."""
    first, second = ({n.name for n in postorder(e) if isinstance(n, Name)} for e in (a, b))
    return bool(first & second)


def last_factors(build: Builder, node: Node) -> list[str]:
    """The c of `np.sum(softmax(z)*c)`, an array: a number would stand before the sum."""
    product = isinstance(node, Operation) and node.function == "mul" and not build.is_scalar(node)
    factors = node.operands[1:] if product and isinstance(node, Operation) else ()
    names = [f.name for f in factors if isinstance(f, Name) and len(f.name) == 1]
    return [n for n in names if build.is_guessed(n) and not build.axes_of(n)]


def lifts(a: Shape, b: Shape) -> bool:
    """True where a vector meets an array of more axes, perhaps of size 1: it becomes a row."""
    return len(a) != len(b) and not is_scalar(min(a, b, key=len))


def masks(arrays: Sequence[Array]) -> bool:
    """True if there are several arrays, all of True and False."""
    return len(arrays) > 1 and all(a.mask for a in arrays)


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """The shape of a combination, the last axes aligned; sizes that differ are refused later."""
    rank = max(map(len, shapes))
    out: list[Size] = [1] * rank
    for shape in shapes:
        for k, size in enumerate(shape, rank - len(shape)):
            out[k] = size if out[k] == 1 or (is_open(out[k]) and size != 1) else out[k]
    return tuple(out)
