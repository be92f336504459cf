"""The source tree: what was typed, with the place of every part, before any meaning is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

from matderiv.errors import Span

_SIZE = r"[^\W\d_]\w*(?:[+-]\d+)?|[1-9]\d*"
_TERM = r"\w+(?:\*\w+)*"
_END = rf"{_TERM}(?:[+-]{_TERM})*"
PLACE = re.compile(rf"(?:{_SIZE})|(?:{_END})?:(?:{_END})?")
"""A place in an array: an index, a number or a label, perhaps shifted, or a slice."""

FREE_INDEX = "free"
"""The function of a `Bind` whose indices are those of the entries that it defines: `r_i = ...`."""

LIST = "list"
"""That of a column of the values of its body: `(x_1, ..., x_n)`."""


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A number as typed, exactly."""

    span: Span
    value: Fraction


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """A variable, a size, a part or a constant, by its canonical name."""

    span: Span
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class String:
    """Text in quotes: the pattern of an einsum."""

    span: Span
    value: str


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """An operator between (or on) operands; `function` is the name of its record."""

    span: Span
    function: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A function with its arguments and keyword arguments, by the name that was typed."""

    span: Span
    name: str
    name_span: Span
    operands: tuple[Node, ...]
    keywords: tuple[tuple[str, Node], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """An entry, a row, a column or a part of an array: `at` are its places, as `PLACE` has them.

    `"i"` in a sum over i is an index, a name that nothing binds is a label whose value is a number;
    numbers count from 1, and `"2:end"` are all entries from the second on.
    """

    span: Span
    base: Node
    at: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Bind:
    """A sum, product, maximum, minimum or mean of `body` over indices.

    `size` is what the indices run to, as a name or a number, "" where nothing says it; from `low`,
    and `cut` less far: 2 to n - 1. `relations` are triples such as ("j", "≠", "y").
    """

    span: Span
    function: str
    indices: tuple[str, ...]
    body: Node
    size: str = ""
    relations: tuple[tuple[str, str, str], ...] = ()
    low: int = 1
    cut: int = 0


Node = Number | Name | String | Operation | Call | Entry | Bind


@dataclass(frozen=True, slots=True, eq=False)
class NamedPart:
    """One named part of `EXPR where name = value; ...`."""

    span: Span
    name: str
    value: Node


@dataclass(frozen=True, eq=False)
class Source:
    """A whole text: the expression, its named parts in order, and how odd spellings were read.

    `lengths` are arrays, an axis from the end, and its size as the text says it: n in a sum from 1
    to n, or a number.
    `kinds` says how many axes a name has by the look of it, such as 1 for a bold b.
    `spelling` is "text", "latex" or "python". `doubtful` are calls that are meant entry by entry
    unless their operand is a square matrix. `rows` are letters with an index and the arrays whose
    rows they are, such as X of x_i; `free` are the indices that nothing binds, as the axes stand,
    `labels` those that are taken as labels, `bound` those of sums.
    """

    text: str
    main: Node
    parts: tuple[NamedPart, ...] = ()
    remarks: tuple[str, ...] = ()
    lengths: tuple[tuple[Node, int, str], ...] = ()
    kinds: Mapping[str, int] = field(default_factory=dict)
    spelling: str = "text"
    doubtful: tuple[Node, ...] = ()
    rows: Mapping[str, str] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    labels: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()

    @property
    def roots(self) -> tuple[Node, ...]:
        """The values of the parts, then the expression."""
        return *(part.value for part in self.parts), self.main

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node of every root, operands first."""
        return tuple(node for root in self.roots for node in postorder(root))

    def typed(self, span: Span) -> str:
        """The characters of a span, on one line."""
        return " ".join(self.text[span[0] : span[1]].split())


def written_size(typed: str, span: Span) -> Node:
    """A size as typed in a place, such as `n-1` or `3*k+1`."""

    def joined(function: str, found: Sequence[Node]) -> Node:
        return found[0] if len(found) == 1 else Operation(span, function, tuple(found))

    terms: list[Node] = []
    for sign, term in re.findall(r"([+-]?)([\w*]+)", typed):
        factors = [
            Number(span, Fraction(f)) if f.isdigit() else Name(span, f) for f in term.split("*")
        ]
        one = joined("mul", factors)
        terms.append(Operation(span, "neg", (one,)) if sign == "-" else one)
    return joined("add", terms)


def block(rows: Sequence[Sequence[Node]], span: Span) -> Node:
    """Blocks beside each other in rows, the rows one below the other; one block is itself."""
    if len(rows) == len(rows[0]) == 1:
        return rows[0][0]
    if len({len(row) for row in rows}) > 1:
        rows = [[block([row], span)] for row in rows]
    columns = ("columns", Number(span, Fraction(len(rows[0]))))
    return Call(span, "blocks", span, tuple(cell for row in rows for cell in row), (columns,))


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in the order typed."""
    if isinstance(node, Operation):
        return node.operands
    if isinstance(node, (Name, Number)):
        return ()
    if isinstance(node, Call):
        return (*node.operands, *(value for _, value in node.keywords))
    if isinstance(node, Entry):
        return (node.base,)
    return (node.body,) if isinstance(node, Bind) else ()


def postorder(*roots: Node) -> Iterator[Node]:
    """Every node, operands before the node that uses them, left to right.

    Of several roots, one may be a part of another: its nodes are not given twice.
    """
    stack: list[Node | None] = [*reversed(roots)]
    met: set[Node] = set()
    above: list[Node] = []
    while stack:
        node = stack.pop()
        if node is None:
            yield above.pop()
        elif len(roots) == 1 or node not in met:
            met.add(node)
            if below := children(node):
                above.append(node)
                stack += (None, *reversed(below))
            else:
                yield node


def unsigned(node: Node) -> Node:
    """The operand of a minus sign; any other node itself."""
    if isinstance(node, Operation) and node.function == "neg":
        return node.operands[0]
    return node


def rebuilt(roots: Iterable[Node], change: Callable[[Node], Node]) -> dict[Node, Node]:
    """The nodes of some trees and what becomes of them, where `change` is made of each.

    What nothing changes stays itself.

    >>> x = Name((0, 1), "x")
    >>> both = Operation((0, 3), "add", (x, x))
    >>> found = rebuilt([both], lambda n: replace(n, name="y") if isinstance(n, Name) else n)
    >>> [n.name for n in found[both].operands]
    ['y', 'y']
    """
    done: dict[Node, Node] = {}
    for node in (n for root in roots for n in postorder(root)):
        made = node
        if all(done[below] is below for below in children(node)):
            pass
        elif isinstance(node, Operation):
            made = replace(node, operands=tuple(done[o] for o in node.operands))
        elif isinstance(node, Call):
            operands = tuple(done[o] for o in node.operands)
            made = replace(
                node, operands=operands, keywords=tuple((k, done[v]) for k, v in node.keywords)
            )
        elif isinstance(node, Entry):
            made = replace(node, base=done[node.base])
        elif isinstance(node, Bind):
            made = replace(node, body=done[node.body])
        done[node] = change(made)
    return done


def defined_first(parts: Sequence[NamedPart]) -> tuple[NamedPart, ...]:
    """The parts so that each stands after those it mentions; those of a circle stay as they are.

    >>> z = NamedPart((0, 5), "z", Name((4, 5), "h"))
    >>> h = NamedPart((7, 12), "h", Name((11, 12), "x"))
    >>> [part.name for part in defined_first([z, h])]
    ['h', 'z']
    """
    left, found = list(parts), list[NamedPart]()
    mentioned = {
        part.name: {n.name for n in postorder(part.value) if isinstance(n, Name)} for part in parts
    }
    while left:
        waiting = {part.name for part in left}
        ready = next((part for part in left if not mentioned[part.name] & waiting), left[0])
        left.remove(ready)
        found.append(ready)
    return tuple(found)


def last_defined(source: Source, left: Node) -> Source:
    """Of `z = Wx, L = z'z` the formula that the others lead to, and these as its parts."""
    used = {n.name for p in source.parts for n in postorder(p.value) if isinstance(n, Name)}
    if not isinstance(left, Name) or left.name not in used:
        return source
    *parts, last = defined_first((NamedPart(left.span, left.name, source.main), *source.parts))
    return replace(source, main=last.value, parts=tuple(parts))


def changed(source: Source, change: Callable[[Node], Node]) -> Source:
    """The source with every node changed."""
    nodes = rebuilt(source.roots, change)
    if all(nodes[root] is root for root in source.roots):
        return source
    return replace(
        source,
        main=nodes[source.main],
        parts=tuple(replace(p, value=nodes[p.value]) for p in source.parts),
        lengths=tuple((nodes.get(body, body), axis, n) for body, axis, n in source.lengths),
        doubtful=tuple(nodes[n] for n in source.doubtful if n in nodes),
    )
