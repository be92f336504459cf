"""A source tree with its meaning: indices become axes, signs what their operands make of them.

The kinds of all names are given (`Scope.kinds` and the letters); what speaks against them is
counted (`Objection`), so that `kinds` can compare one choice with another.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from matderiv.errors import MatderivError, ParseError
from matderiv.input.builder import Builder, Scope
from matderiv.input.meaning.carrying import Carrying, is_entrywise
from matderiv.input.meaning.indexed import Indexed, IndexedTerm, UncarriedError, together
from matderiv.input.meaning.places import Places, windows
from matderiv.input.meaning.signs import Signs
from matderiv.input.meaning.subscripts import (
    DELTA,
    Roles,
    Subscripted,
    capital_of,
    misplaced,
    named_alike,
    roles,
    unsummed,
)
from matderiv.language.calls import END
from matderiv.language.declare import guessed_axes
from matderiv.language.source import (
    FREE_INDEX,
    LIST,
    Bind,
    Entry,
    Name,
    NamedPart,
    Node,
    Number,
    Source,
    String,
    children,
    postorder,
)
from matderiv.shapes import Dim, Shape, size_names


class Objection(NamedTuple):
    """Something that speaks against the kinds, how much, and the node where it stands."""

    weight: float
    node: Node


class Elaborator(Places):
    """One pass over a source with given kinds; `whole` is the plain source."""

    def __init__(self, source: Source, scope: Scope, known: Roles | None = None) -> None:
        self.source = source
        self.kinds = dict(scope.kinds)
        self.scope = scope = replace(scope, kinds=self.kinds)
        self.build = Builder(source.text, scope, source.spelling)
        self.objections: list[Objection] = []
        self.remarks: list[str] = list(source.remarks)
        self.lengths: list[tuple[Node, int, str]] = list(source.lengths)
        self.roles: Roles = known or roles(source, scope)
        declared = (n.name for n, at in self.roles.entries.items() if at.base in scope.shapes)
        self.build.entries = frozenset(declared)
        self.signs = Signs(self.build, source, self.object, self.remarks.append)
        self.values: dict[Node, Node | Indexed] = {}
        self.carry = Carrying(self.build, self.signs, source)
        named = {n.name for n in source.nodes if isinstance(n, Name)}
        self.rows: dict[str, str] = {"pi": "pi_"} if "pi_" in named else {}
        self.labels: set[str] = set()
        self.counts = {*scope.sizes, *(n.size for n in source.nodes if isinstance(n, Bind))}
        self.same: dict[str, str] = {}  # sizes by another name than the declared one
        self.windows = windows(source.nodes)
        self.reached: NamedPart | None = None  # the part whose meaning is found last

    # The whole -----------------------------------------------------------------------------------

    def whole(self, free: Sequence[str] | None = None) -> Source:
        """The plain source; `free` is the order of the free indices, alphabetical unless given.

        Raises ParseError where no array holds what an index asks for.
        """
        self.name_sizes()
        if wrong := misplaced(self.source, self.roles, {*self.scope.shapes, *self.scope.sizes}):
            raise self.build.error(wrong[1], wrong[0].span, "matrix notation")
        self.refuse_unsummed()
        parts = []
        for part in self.source.parts:
            self.reached = part
            order = part.value.indices if isinstance(part.value, Bind) else ()
            self.carry.order += [i for i in order if i not in self.carry.order]
            found, named = self.visit(part.value), self.scope.orders.get(part.name, ())
            index = {*found.index} if isinstance(found, Indexed) else set()
            if named and (unsaid := index - {*named}):
                raise self.build.error(f"nothing says which {min(unsaid)} is meant", part.span)
            value = self.plain(found, part.value, named if {*named} == index else order or free)
            self.build.define(part.name, value)
            parts.append(NamedPart(part.span, part.name, value))
        self.reached = None
        main = self.plain(self.visit(self.source.main), self.source.main, free)
        self.signs.result(main, [part.value for part in parts])
        return replace(
            self.source,
            main=main,
            parts=tuple(parts),
            remarks=tuple(dict.fromkeys(self.remarks)),
            lengths=tuple(self.lengths),
            doubtful=tuple(self.signs.doubtful),
            rows=dict(self.rows),
            free=self.free,
            labels=frozenset(self.labels),
            bound=self.roles.bound,
        )

    def refuse_unsummed(self) -> None:
        """Raises ParseError where a question has a sum that is not written."""
        missing = unsummed(self.source.main, self.roles) if self.scope.guess else None
        if missing is not None:
            node, index = missing
            said = f"the index {index} stands in two factors of a product, and no sum over it"
            sign = r"\sum" if self.source.spelling == "latex" else "sum"
            raise self.build.error(said, node.span, f"{sign}_{index} before the product")

    def name_sizes(self) -> None:
        """A sum that runs to n over an array whose size is declared as N: n is N."""
        known = size_names(self.scope.shapes.values())
        sums = {n for n in self.source.nodes if isinstance(n, Bind) and n.size not in {"", *known}}
        if not self.scope.guess or not known or not sums:
            return
        with suppress(MatderivError):
            for tree in (t for t in self.source.roots if sums & {*postorder(t)}):
                self.visit(tree)
        for body, place, name in self.lengths[len(self.source.lengths) :]:
            shape = self.build.shape(body) or ()
            size = shape[place] if -len(shape) <= place < len(shape) else name
            declared = size.names[0] if isinstance(size, Dim) and len(size.names) == 1 else ""
            new = name not in known and not name.isdigit() and name not in self.scope.shapes
            if new and declared in known and Dim((declared,)) == size:
                self.same.setdefault(name, declared)
        said = (f"{name} read as {declared}" for name, declared in self.same.items())
        self.remarks[:] = [*self.source.remarks, *said]
        self.lengths = list(self.source.lengths)
        self.objections.clear()
        self.problem = self.signs.problem = None

    def plain(self, value: Node | Indexed, node: Node, free: Sequence[str] | None = None) -> Node:
        """A value as an array: free indices first, then rows and columns."""
        if not isinstance(value, Indexed):
            return value
        first = self.scope.first
        index = sorted(value.index, key=lambda i: ([*first, i].index(i), i))
        if free is not None and set(free) >= set(index):
            index = list(free)
        self.free = tuple(index) if node is self.source.main else self.free
        return self.carry.realised(value, (*index, *value.inner), node)

    def object(self, weight: float, node: Node) -> None:
        """Count something against the kinds that were taken."""
        self.objections.append(Objection(weight, node))

    def guessed(self) -> list[str]:
        """The names whose kinds are guessed, in the order in which they were met."""
        return [n for n in self.build.names if self.build.is_guessed(n)]

    # Nodes ---------------------------------------------------------------------------------------

    def visit(self, root: Node) -> Node | Indexed:
        """The value of a tree, operands first."""
        for node in postorder(root):
            self.values[node] = self.value(node)
        return self.values[root]

    def value(self, node: Node) -> Node | Indexed:
        """The value of one node whose operands have theirs."""
        if isinstance(node, Name):
            if node in self.roles.bases:
                return node
            role = self.roles.entries.get(node)
            return self.entry(node, role) if role else self.name(node)
        if isinstance(node, Number):
            return self.build.number(node.value, node.span)
        if isinstance(node, String):
            return self.build.string(node.value, node.span)
        if isinstance(node, Entry):
            return self.entry_of(node)
        if isinstance(node, Bind):
            return self.bound(node)
        below = [self.values[o] for o in children(node)]
        if any(isinstance(v, Indexed) for v in below):
            return self.carry.indexed(node, below)
        return self.signs.applied(node, [v for v in below if not isinstance(v, Indexed)])

    def name(self, node: Name) -> Node:
        """A name of its own, or the mean of the entries or rows that have the name without bar."""
        if node.name == "eye" or (node.name == "I" and self.is_identity(node)):
            return self.build.identity(node.span)
        mean = self.mean(node) if node.name.endswith("_bar") else None
        return mean or self.build.name(self.same.get(node.name, node.name), node.span)

    def is_identity(self, node: Name) -> bool:
        """True for an I that nobody declares or asks about, beside arrays; this is said."""
        scope = self.scope
        named = {*scope.shapes, *scope.facts, *scope.about, *self.build.parts, *self.roles.families}
        alone = not any(guessed_axes(n) for n in self.roles.whole - {"I"})
        if alone or node.name in named or self.source.spelling != "text" or not scope.guess:
            return False
        self.remarks.append(f"{node.name} is the identity")
        return True

    def mean(self, node: Name) -> Node | None:
        r"""`\bar x` beside x_i: the mean of x, or of the rows of X."""
        base, shapes = node.name.removesuffix("_bar"), self.scope.shapes
        known = node.name in {*shapes, *self.scope.about, *self.build.parts}
        role = next((r for r in self.roles.entries.values() if r.base == base), None)
        rows = shapes.get(self.scope.rows.get(base, capital_of(base)), ())
        data = len(shapes.get(base, ())) == 1 or len(rows) == 2
        if role is None and data and not self.scope.guess:  # an answer about the data
            role = Subscripted(base, ("i",))
        if known or role is None or len(role.at) != 1 or not self.is_index(role.at[0]):
            return None
        whole = self.carry.lifted(self.entry(node, Subscripted(base, ("#",))))
        array = self.carry.realised(whole, ("#", *whole.inner), node)
        self.remarks.append(f"{self.source.typed(node.span)} is the mean")
        if not whole.inner:
            return self.build.call("mean", (array,), node.span)
        found = self.build.call("mean", (array,), node.span, axis=1)
        return self.build.transpose(found, node.span[1])

    # Entries -------------------------------------------------------------------------------------

    def entry(self, node: Name | Entry, role: Subscripted) -> Node | Indexed:
        """An entry, a row or a column of a named array."""
        scope, capital = self.scope, capital_of(role.base)
        if role.base == DELTA:
            return self.picked(self.build.identity(node.span), role.at, node)
        name = named_alike(role.base, [*scope.shapes, *self.build.parts]) or role.base
        name = scope.rows.get(name, name) if role.at[0].isalpha() else name  # x_i beside x
        if name == "pi":  # with an index it is no constant
            self.rows[name], self.kinds["pi_"] = "pi_", len(role.at)
            return self.picked(self.build.name("pi_", node.span), role.at, node)
        inner = scope.kinds.get(f"{role.base}_", 0)
        if name not in scope.shapes and name not in self.build.parts:
            known = named_alike(capital, scope.shapes)
            alone = role.base in self.roles.whole or not scope.guess
            if known is not None:
                shape, name = scope.shapes[known], known
                if len(role.at) == 1 and len(shape) == 2 and shape[0] == shape[1]:
                    said = f"{role.base} with an index may be a row or an entry of {known}"
                    raise self.carry.uncarried(said, node)
                inner = len(scope.shapes[known]) - len(role.at)
            elif inner or (len(role.at) == 2 and capital in self.roles.whole):
                rows = capital in self.counts - {capital_of(n) for n in self.roles.whole}
                name = role.base if rows else capital  # k_i below i = 1, ..., K
            if not alone or name != role.base or inner == 2:
                self.kinds[name] = len(role.at) + inner
            if name != role.base or (inner == 1 and capital in self.counts):
                self.rows[role.base] = name
        return self.picked(self.build.name(name, node.span), role.at, node)

    def entry_of(self, node: Entry) -> Node | Indexed:
        """`(A x)_i`; `X[i,:]`, which lies as a row; `E[y]`, the rows that a vector y says."""
        labels = node.at[0] if len(node.at) == 1 else ""
        if len(self.scope.shapes.get(labels, ())) == 1 and isinstance(node.base, Name):
            table, y = (self.build.name(n, node.span) for n in (node.base.name, labels))
            return self.build.call("rows", (table, y), node.span)
        if node.base in self.roles.bases:
            assert isinstance(node.base, Name)
            return self.entry(node, Subscripted(node.base.name, node.at))
        base = self.values[node.base]
        if isinstance(base, Indexed):
            raise self.carry.uncarried("entries of entries are not read", node)
        at = self.line_of(base, node.at)
        found = self.picked(base, at, node)
        if len(at) != 2 or ":" not in at[1] or ":" in at[0]:
            return found
        if isinstance(found, Indexed):
            return found.turned()
        return self.build.transpose(found, node.span[1])

    def picked(self, base: Node, at: Sequence[str], node: Node) -> Node | Indexed:
        """The entry of an array at indices, labels and numbers."""
        shape = self.build.shape(base)
        if shape is None:
            return base
        if len(shape) == 2 and len(at) == 1 and at[0].isdigit() and len(at[0]) == 2:
            at = tuple(at[0])
        if len(shape) == 2 and shape[0] == 1:
            base, shape = self.build.transpose(base, base.span[1]), shape[1:]
        if len(shape) < len(at):
            return self.too_many(base, at, shape, node)
        for k, typed in enumerate(at):
            low, _, high = typed.partition(":")
            if low not in ("", "1") and high.isidentifier() and high != END and self.scope.guess:
                if isinstance(base, Name) and self.build.is_guessed(base.name):
                    self.lengths.append((base, k - len(shape), high))  # x[2:n] goes to its end
        places = [self.place(p, node) for p in (*at, *(":" for _ in shape[len(at) :]))]
        inner = tuple(p.kept for p in places if p.kept and not p.index)
        if len(inner) > 2:
            raise self.carry.uncarried("arrays of three axes at each index are not read", node)
        index = together([p.kept for p in places if p.index])
        summed = {p.axis for p in places if p.axis != p.kept}
        factors = [f for p in places for f in p.factors]
        array = self.carry.diagonal(base, [p.axis for p in places])
        self.carry.order += [i for i in index if i not in self.carry.order]
        term = IndexedTerm((*factors, array), frozenset(summed))
        found = Indexed((term,), index, *(inner[:1] or (None,)), *(inner[1:] or (None,)))
        return found if found.index else self.carry.realised(found, found.inner, node)

    def too_many(self, base: Node, at: Sequence[str], shape: Shape, node: Node) -> Node:
        """More indices than axes: the mistake is kept for the end."""
        self.object(8, node)
        self.problem = self.problem or self.build.error(
            f"{self.source.typed(node.span)} has entries here and is "
            + ("a scalar" if not shape else f"no array of {len(at)} axes"),
            node.span,
            "declare its shape",
        )
        return base

    problem: ParseError | None = None
    free: tuple[str, ...] = ()

    # Binders -------------------------------------------------------------------------------------

    def bound(self, node: Bind) -> Node | Indexed:
        """A sum, product, maximum or minimum over indices."""
        body = self.values[node.body]
        if node.function == FREE_INDEX:
            return body
        try:
            value = self.carry.lifted(body)
            for relation in node.relations:
                value = self.masked(value, relation, node)
            return self._bound(value, node)
        except UncarriedError as error:
            raise self.carry.uncarried(str(error), node) from error

    def _bound(self, value: Indexed, node: Bind) -> Node | Indexed:
        if gone := [i for i in node.indices if i not in value.index]:
            said = f"nothing under the sum carries the index {gone[0]}"
            raise self.build.error(said, node.span, f"x_{gone[0]} for entries of x")
        rest = tuple(i for i in value.index if i not in node.indices)
        if node.size:
            self.measure(value, node)
        if node.function == LIST:
            return self.carry.realised(value, node.indices, node)
        if node.function == "sum":
            of_numbers = 2 not in map(guessed_axes, self.roles.whole)
            if value.inner and of_numbers and any(map(is_entrywise, postorder(node.body))):
                self.object(0.6, node)  # |x_i - m| of an array at each index, not tanh(W x_i)
            found = self.summed(value, node.indices, rest, node)
        else:
            found = self.over_index(value, node, rest)
        if found.index:
            return found
        made = self.carry.realised(found, found.inner, node)
        lies = found.column and not found.row
        return self.build.transpose(made, node.span[1]) if lies else made

    def summed(
        self, value: Indexed, indices: Sequence[str], rest: tuple[str, ...], node: Node
    ) -> Indexed:
        """The sum over indices, term by term where all terms carry them."""
        if len(value.terms) > 1 and not all(set(indices) <= set(t.axes) for t in value.terms):
            axes = (*value.index, *value.inner)
            if len(axes) > 2:
                raise UncarriedError("an index is missing in a part of this sum")
            whole = self.carry.realised(value, axes, node)
            value = self.carry.single(whole, axes, value.index, value.row, value.column)
        terms = tuple(
            IndexedTerm(t.factors, t.summed | set(indices), t.negative) for t in value.terms
        )
        return Indexed(terms, rest, value.row, value.column)

    def over_index(self, value: Indexed, node: Bind, rest: tuple[str, ...]) -> Indexed:
        """A product, maximum or minimum over one index."""
        if value.rank or len(value.index) > 2 or (len(node.indices) > 1 and rest):
            raise UncarriedError(f"this {node.function} is not read")
        axes = (*rest, *node.indices)
        array = self.carry.realised(value, axes, node)
        found = self.build.call(node.function, (array,), node.span, axis=2 if rest else None)
        return self.carry.single(found, rest, rest, None, None)

    def measure(self, value: Indexed, node: Bind) -> None:
        """What runs from 1 to n has the size n."""
        for index in node.indices:
            for factor in (f for t in value.terms for f in t.factors):
                if index in factor.axes:
                    place = factor.axes.index(index) - len(factor.axes)
                    size = self.same.get(node.size, node.size)
                    less = node.low - 1 + node.cut
                    if less:
                        size = str(int(size) - less) if size.isdigit() else f"({size}-{less})"
                    self.lengths.append((factor.node, place, size))
                    break
