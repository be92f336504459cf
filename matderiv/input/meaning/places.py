"""The axes of an array at an entry: indices, labels, numbers and parts such as `x[2:n]`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from matderiv.errors import Span
from matderiv.input.builder import Builder, Scope
from matderiv.input.meaning.carrying import Carrying
from matderiv.input.meaning.indexed import (
    Indexed,
    IndexedFactor,
    IndexedTerm,
    UncarriedError,
    times,
)
from matderiv.input.meaning.subscripts import Roles, capital_of, free_letters, split_label
from matderiv.input.tree import COUNTS, NORM, POWER
from matderiv.language.calls import END
from matderiv.language.source import (
    Bind,
    Call,
    Entry,
    Name,
    Node,
    Number,
    Operation,
    Source,
    changed,
    children,
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


def windows(nodes: Sequence[Node]) -> dict[Node, dict[str, tuple[int, int]]]:
    """The nodes below sums over a part of an axis: for each index the first, and what is cut."""
    found: dict[Node, dict[str, tuple[int, int]]] = {}
    for bind in (n for n in nodes if isinstance(n, Bind)):
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
            said = f"{self.source.typed(node.span)} runs past the first or the last entry"
            raise self.build.error(said, node.span, r"\sum_{i=1}^{n-1} x_{i+1}")
        last = f"{END}{-(cut - shift)}" if cut > shift else END
        factor = self.part(str(first + shift), last, (axis, letter), node)
        return Place(axis, letter, (factor,), index=True)

    def line_of(self, base: Node, at: tuple[str, ...]) -> tuple[str, ...]:
        r"""The places of a row `A_{i:}` or a column `A_{:j}`, as LaTeX has them."""
        before, colon, after = at[0].partition(":")
        one = self.source.spelling == "latex" and len(at) == 1 and colon and not (before and after)
        matrix = len(self.build.shape(base) or ()) == 2
        return (before or ":", after or ":") if one and matrix else at

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

    def masked(self, value: Indexed, relation: tuple[str, str, str], node: Bind) -> Indexed:
        """The value where a relation of an index to a label or another index holds.

        Elsewhere it is 0 in a sum and 1 in a product.
        """
        if node.function not in ("sum", "prod"):
            raise UncarriedError("this condition is not read")
        index, sign, other = relation
        one = self.build.number(1, node.span)
        axes: tuple[str, ...] = (index,)
        known = other in (*value.index, *(self.scope.free or ())) or not self.scope.guess
        if self.is_index(other) and known:
            constant: Node = self.build.identity(node.span)
            axes = (index, other)
        elif self.is_index(other) or sign != "≠":
            raise UncarriedError("this condition is not read")
        else:
            constant = self.unit(other, node.span)
        if sign in ("<=", ">="):
            mask = self.build.call("matrix", (one,), node.span)
        else:
            minus = self.build.operation("neg", (constant,), node.span)
            mask = self.build.operation("add", (one, minus), node.span)
        if sign != "≠":
            half = "triu" if sign[0] == "<" else "tril"
            mask = self.build.call(half, (mask,), node.span)
        where = Indexed((IndexedTerm((IndexedFactor(mask, axes),)),), axes)
        self.carry.order += [i for i in axes if i not in self.carry.order]
        if node.function == "sum":
            return times(value, where, self.carry.indices([value, where]))

        def factor(parts: list[Node]) -> Node:
            held = self.build.operation("hadamard", parts, node.span)
            failed = self.build.operation("neg", (parts[1],), node.span)
            return self.build.operation("add", (held, one, failed), node.span)

        return self.carry.entrywise("", [value, where], node, factor)


def rowwise(source: Source) -> Source:
    r"""`M_{ij} - u_i v_j^T` beside U and V has rows u_i and v_j: their inner product."""
    whole = {n.name for n in source.nodes if isinstance(n, Name)}

    def turned(term: Node, labels: set[frozenset[str]]) -> Node:
        inner = unsigned(term)
        if not isinstance(inner, Operation) or inner.function != "mul" or len(inner.operands) != 2:
            return term
        left, right = inner.operands
        last = children(right)[0] if getattr(right, "function", "") == "transpose" else None
        if not isinstance(left, Name) or not isinstance(last, Name):
            return term
        (u, i), (v, j) = split_label(left.name), split_label(last.name)
        known = {capital_of(u), capital_of(v)} <= whole and i != j
        if not known or frozenset(i + j) not in labels:
            return term
        row = Operation(left.span, "transpose", (left,))
        made = replace(inner, operands=(row, last))
        return (
            replace(term, operands=(made,))
            if isinstance(term, Operation) and term is not inner
            else made
        )

    def added(node: Node) -> Node:
        if not isinstance(node, Operation) or node.function != "add":
            return node
        named = (unsigned(o) for o in node.operands)
        labels = {frozenset(split_label(n.name)[1]) for n in named if isinstance(n, Name)}
        return replace(node, operands=tuple(turned(o, labels) for o in node.operands))

    return changed(source, added) if len(whole) > 3 else source


UNEQUAL = ("≠", "<", ">")


def apart(source: Source) -> Source:
    r"""The source with 1 added to what may vanish where i = j, below sums over i ≠ j or i < j.

    There the terms are left out, so nothing changes but that they have a value: 1/(x_i - x_j).
    """
    places: dict[tuple[str, Span], set[str]] = {}
    for bind in (n for n in source.nodes if isinstance(n, Bind) and n.function == "sum"):
        for first, sign, second in bind.relations:
            if sign in UNEQUAL and len(first) == len(second) == 1:
                below = {(type(n).__name__, n.span) for n in postorder(bind.body)}
                places |= {key: {first, second} for key in below}
    return changed(source, _Apart(places).node) if places else source


@dataclass
class _Apart:
    """The pairs of indices that differ at some places, and the norms that are roots already."""

    places: Mapping[tuple[str, Span], set[str]]
    rooted: set[Span] = field(default_factory=set)

    def node(self, node: Node) -> Node:
        """The node with something else than 0 below lines, logarithms and roots."""
        pair = self.places.get((type(node).__name__, node.span))
        if pair is None:
            return node
        if isinstance(node, Call) and node.name in ("log", "ln", "sqrt"):
            return replace(node, operands=(self.moved(node.operands[0], pair),))
        if not isinstance(node, Operation):
            return node
        if node.function in (*DIVISIONS, "ediv"):
            return replace(node, operands=(node.operands[0], self.moved(node.operands[1], pair)))
        if node.function == NORM:
            return self.root(node, pair)
        if node.function in ("power", POWER) and node.operands[0].span in self.rooted:
            root, exponent = node.operands
            if isinstance(exponent, Number) and exponent.value == 2 and isinstance(root, Call):
                self.rooted.discard(root.span)
                return children(root.operands[0])[0]
        return node

    def moved(self, node: Node, pair: set[str]) -> Node:
        """The node and 1 where the two indices are equal, if it has both."""
        used = {split_label(n.name)[1] for n in postorder(node) if isinstance(n, Name)}
        if not pair <= set("".join(used)) or any(n.span in self.rooted for n in postorder(node)):
            return node
        one = Entry(node.span, Name(node.span, "eye"), tuple(sorted(pair)))
        return Operation(node.span, "add", (node, one))

    def root(self, norm: Operation, pair: set[str]) -> Node:
        """A norm as the root of its square, which is moved from 0."""
        square = Operation(norm.span, POWER, (norm, Number(norm.span, Fraction(2))))
        inside = self.moved(square, pair)
        if inside is square:
            return norm
        self.rooted.add(norm.span)
        return Call(norm.span, "sqrt", norm.span, (inside,))


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
    for node in (n for n in source.nodes if isinstance(n, Operation)):
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
