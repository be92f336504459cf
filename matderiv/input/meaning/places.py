"""The axes of an array at an entry: indices, labels, numbers and parts such as `x[2:n]`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matderiv.errors import Span
from matderiv.input.builder import Builder, Scope
from matderiv.input.meaning.carrying import Carrying
from matderiv.input.meaning.indexed import IndexedFactor
from matderiv.input.meaning.subscripts import Roles, free_letters
from matderiv.language.calls import END
from matderiv.language.source import (
    Bind,
    Name,
    Node,
    Number,
    Operation,
    Source,
    changed,
    postorder,
    unsigned,
    written_size,
)


@dataclass(frozen=True)
class Place:
    """One axis of an array at an entry: its name, the axis that is left and what multiplies it."""

    axis: str
    kept: str
    factors: tuple[IndexedFactor, ...] = ()
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
            return Place(axis, "", (IndexedFactor(self.unit(typed, node.span), (axis,)),))
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

    def part(self, low: str, high: str, axes: tuple[str, str], node: Node) -> IndexedFactor:
        """The columns of an identity that take a part of an axis."""
        ends = [written_size(text, node.span) for text in (low, high)]
        return IndexedFactor(self.build.call("cols", ends, node.span), axes)

    def is_index(self, letter: str) -> bool:
        """True for an index; a label and a number are values."""
        return letter == "#" or letter in self.roles.bound or letter in free_letters(self.scope)

    def unit(self, label: str, span: Span) -> Node:
        """The unit vector of a number or of a label, whose size follows from its neighbour."""
        if label in self.scope.labels:
            self.labels.add(label)
        return self.build.call("unit", (written_size(label, span),), span)


COUNTS = frozenset("nNmM")
"""Letters that count what a sum runs over, as in `\\frac1n \\sum_i`."""


def counted(source: Source, scope: Scope) -> tuple[Source, Scope]:
    r"""A sum over i that is divided by n runs to n, if nothing says what n is.

    >>> from matderiv.input.latex.reader import parse_latex
    >>> found, scope = counted(parse_latex(r"\frac1n\sum_i x_i^2", Scope()), Scope())
    >>> sorted(scope.sizes)
    ['n']
    """
    if not scope.guess:
        return source, scope
    known = {*scope.shapes, *scope.sizes, *scope.about, *(p.name for p in source.parts)}
    sizes: dict[Node, str] = {}
    for node in (n for n in postorder(source.main) if isinstance(n, Operation)):
        below = {n for o in node.operands for n in _divisors(o)}
        above = [b for o in node.operands for b in _numerators(o)]
        if node.function in DIVISIONS:
            below, above = {_count(node.operands[1])}, _numerators(node.operands[0])
        counts = below - known - {""}
        if node.function in ("mul", "?slash", *DIVISIONS) and len(counts) == 1:
            sizes.update({b: min(counts) for b in above if not b.size and len(b.indices) == 1})
    if not sizes:
        return source, scope

    def sized(node: Node) -> Node:
        found = originals.get(node.span)
        return replace(node, size=found) if isinstance(node, Bind) and found else node

    originals = {b.span: name for b, name in sizes.items()}
    return changed(source, sized), replace(scope, sizes={*scope.sizes, *sizes.values()})


DIVISIONS = ("div", "?fraction")


def _count(node: Node) -> str:
    """n of the divisors n and 2n; "" for anything else."""
    factors = node.operands if isinstance(node, Operation) and node.function == "mul" else (node,)
    named = [f.name for f in factors if isinstance(f, Name)]
    plain = all(isinstance(f, Name | Number) for f in factors)
    return named[0] if plain and len(named) == 1 and named[0] in COUNTS else ""


def _divisors(node: Node) -> set[str]:
    """What a factor is divided by, as far as it counts."""
    inner = unsigned(node)
    divides = isinstance(inner, Operation) and inner.function in DIVISIONS
    return {_count(inner.operands[1])} if divides and isinstance(inner, Operation) else set()


def _numerators(node: Node) -> list[Bind]:
    """The sums that are factors of a product."""
    inner = unsigned(node)
    if isinstance(inner, Bind):
        return [inner] if inner.function == "sum" else []
    factors = inner.operands if isinstance(inner, Operation) and inner.function == "mul" else ()
    return [b for f in factors for b in _numerators(f)]
