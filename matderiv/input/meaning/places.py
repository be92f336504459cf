"""The axes of an array at an entry: indices, labels, numbers and parts such as `x[2:n]`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from matderiv.errors import Span
from matderiv.input.builder import Builder, Scope
from matderiv.input.meaning.carrying import Carrying
from matderiv.input.meaning.indexed import Factor
from matderiv.input.meaning.names import Roles, free_letters
from matderiv.language.calls import END
from matderiv.language.source import Bind, Node, Source, postorder, written_size


@dataclass(frozen=True)
class Place:
    """One axis of an array at an entry: its name, the axis that is left and what multiplies it."""

    axis: str
    kept: str
    factors: tuple[Factor, ...] = ()
    index: bool = False


def windows(trees: Sequence[Node]) -> dict[Node, dict[str, tuple[int, int]]]:
    """The nodes below sums over a part of an axis: for each index the first, and what is cut."""
    found: dict[Node, dict[str, tuple[int, int]]] = {}
    for bind in (n for tree in trees for n in postorder(tree) if isinstance(n, Bind)):
        if (bind.low, bind.cut) != (1, 0):
            for node in postorder(bind.body):
                own = found.setdefault(node, {})
                own.update({i: (bind.low, bind.cut) for i in bind.indices if i not in own})
    return found


class Places:
    """The part of an elaborator that reads places."""

    build: Builder
    carry: Carrying
    labels: set[str]
    roles: Roles
    scope: Scope
    source: Source
    windows: dict[Node, dict[str, tuple[int, int]]]

    def place(self, typed: str, node: Node) -> Place:
        """One axis of an entry: an index, a label or a number, a slice or the whole axis."""
        if typed == ":":
            whole = self.carry.axis()
            return Place(whole, whole)
        low, colon, high = typed.partition(":")
        axis = self.carry.axis()
        if colon:
            kept = self.carry.axis()
            return Place(axis, kept, (self.part(low or "1", high or END, (axis, kept), node),))
        shifted = re.fullmatch(r"(\w+)([+-])(\d+)", typed)
        letter = shifted[1] if shifted else typed
        shift = int(shifted[2] + shifted[3]) if shifted else 0
        if shifted and not self.is_index(letter):
            raise self.build.error("a place is a number, an index or a label", node.span, "x[1]")
        if not self.is_index(letter):
            return Place(axis, "", (Factor(self.unit(typed, node.span), (axis,)),))
        first, cut = self.windows.get(node, {}).get(letter, (1, 0))
        if not shift and (first, cut) == (1, 0):
            return Place(letter, letter, index=True)
        if first + shift < 1 or cut < shift:
            raise self.build.error(
                f"{self.source.typed(node.span)} runs past the first or the last entry",
                node.span,
                r"\sum_{i=1}^{n-1} x_{i+1}",
            )
        last = f"{END}{-(cut - shift)}" if cut > shift else END
        factor = self.part(str(first + shift), last, (axis, letter), node)
        return Place(axis, letter, (factor,), index=True)

    def part(self, low: str, high: str, axes: tuple[str, str], node: Node) -> Factor:
        """The columns of an identity that take a part of an axis."""
        ends = [written_size(text, node.span) for text in (low, high)]
        return Factor(self.build.call("cols", ends, node.span), axes)

    def is_index(self, letter: str) -> bool:
        """True for an index; a label and a number are values."""
        return letter == "#" or letter in self.roles.bound or letter in free_letters(self.scope)

    def unit(self, label: str, span: Span) -> Node:
        """The unit vector of a number or of a label, whose size follows from its neighbour."""
        if label in self.scope.labels:
            self.labels.add(label)
        return self.build.call("unit", (written_size(label, span),), span)
