"""Arithmetic of values that carry indices: what each operation makes of them."""

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import count, pairwise

from matderiv.errors import ParseError
from matderiv.expr import REGISTRY
from matderiv.functions.named import OF_ENTRIES
from matderiv.input.builder import Builder
from matderiv.input.meaning.evidence import INVALID
from matderiv.input.meaning.indexed import (
    Indexed,
    IndexedFactor,
    IndexedTerm,
    Realising,
    UncarriedError,
    aligned,
    entrywise_product,
    times,
)
from matderiv.input.meaning.signs import Signs
from matderiv.input.meaning.subscripts import is_capital, is_inverse
from matderiv.language.calls import function_names
from matderiv.language.source import Call, Name, Node, Number, Operation, Source, String, children

ENTRYWISE = frozenset(OF_ENTRIES).union(
    (name for name, record in REGISTRY.items() if record.kind == "elementwise"),
    ("max", "min", "square", "hadamard", "clip"),
)
ENTRYWISE_SIGNS = {"?bars": "abs", "?exponential": "exp", "?plus": "relu"}
REDUCTIONS = frozenset("sum mean prod max min softmax softmin log_softmax logsumexp".split())
ROWS = "rows at each index, as in x_i A x_i', are not read"
INVERSES = "inverses of a matrix at each index are not read"
KEPT = frozenset(("softmax", "softmin", "log_softmax"))


def is_entrywise(node: Node) -> bool:
    """True for a function, or a sign of one, that is of each entry."""
    if isinstance(node, Call):
        return not ENTRYWISE.isdisjoint(function_names().get(node.name, (node.name,)))
    return isinstance(node, Operation) and node.function in ENTRYWISE_SIGNS


class Carrying:
    """The operations on the values of one text; `order` are the indices as they were met."""

    def __init__(self, build: Builder, signs: Signs, source: Source) -> None:
        self.build = build
        self.signs = signs
        self.source = source
        self.object = signs.objection
        self.order: list[str] = []
        self.squares: dict[Node, Indexed] = {}  # of Euclidean norms, by the norm
        self.powers: dict[Node, Indexed] = {}  # ‖x_i‖_p to the power p
        self.fresh = count(1)

    def axis(self) -> str:
        """A new name for an axis."""
        return f"#{next(self.fresh)}"

    def lifted(self, value: Node | Indexed) -> Indexed:
        """A plain array as a value without indices."""
        if isinstance(value, Indexed):
            return value
        shape = self.build.shape(value) or ()
        if len(shape) == 2 and shape[0] == 1 and shape[1] != 1:
            turned = self.build.transpose(value, value.span[1])
            axis = self.axis()
            return self.single(turned, (axis,), (), None, axis)
        if len(shape) > 2:
            raise UncarriedError("arrays of three axes are not read beside indices")
        axes = tuple(self.axis() for s in shape if s != 1)
        return self.single(value, axes, (), *axes)

    def diagonal(self, node: Node, axes: Sequence[str]) -> IndexedFactor:
        """An array at indices; an index that stands twice, as in A_ii, has one axis."""
        once = tuple(dict.fromkeys(axes))
        if len(once) == len(axes):
            return IndexedFactor(node, once)
        if len(axes) == 2:
            return IndexedFactor(self.build.call("diag", (node,), node.span), once)
        letters = dict(zip(once, "ijk", strict=False))
        spec = f"{''.join(letters[a] for a in axes)}->{''.join(letters[a] for a in once)}"
        pattern = self.build.string(spec, node.span)
        return IndexedFactor(self.build.call("einsum", (pattern, node), node.span), once)

    def indexed(self, node: Node, below: Sequence[Node | Indexed]) -> Node | Indexed:
        """An operation of which at least one operand carries an index."""
        try:
            return self.operated(node, below)
        except UncarriedError as error:
            raise self.uncarried(str(error), node) from error

    def operated(self, node: Node, below: Sequence[Node | Indexed]) -> Node | Indexed:
        """The operation by its name; UncarriedError where no array holds the result."""
        function = node.function if isinstance(node, Operation) else ""
        values = [self.lifted(v) for v in below]
        index = self.indices(values)
        if function == "neg":
            return values[0].signed(True)
        if function == "transpose":
            if values[0].rank == 0:
                bare = isinstance(children(node)[0], Name) or not self.signs.lettered_arrays(node)
                self.object(4 if bare else INVALID, node)
            return values[0].turned()
        if function == "add":
            return self.added(values, node)
        if function in ("mul", "?at", "?dot", "?times", "kron"):
            return self.multiplied(function, values, node)
        if function == "hadamard":
            return reduce(lambda a, b: entrywise_product(a, b, index), values)
        if function in ("div", "?fraction", "ediv"):
            return self.divided(values, node)
        if function == "?slash":
            return self.multiplied("mul", values, node)
        if function in ("power", "?power", "epow", "?raised", "?root"):
            return self.raised(values[0], below[1], node)
        if function == "?norm" or (isinstance(node, Call) and node.name in ("norm2", "norm1")):
            return self.normed(values[0], node)
        if node in self.signs.lengths and values[0].rank == 1:
            return self.normed(values[0], node)
        each = ENTRYWISE_SIGNS.get(function)
        if each is not None:
            return self.entrywise(each, [values[0]], node)
        return self.called(node, values, below)

    def indices(self, values: Sequence[Indexed]) -> tuple[str, ...]:
        """The indices of some values, in the order in which they were met."""
        return tuple(i for i in self.order if any(i in v.index for v in values))

    def multiplied(self, function: str, values: Sequence[Indexed], node: Node) -> Indexed:
        """Products of matrices; · of two columns is their inner product."""
        found = values[0]
        operands = node.operands if isinstance(node, Operation) else ()
        for k, right in enumerate(values[1:], 1):
            index = self.indices([found, right])
            self.beside_capital(operands[k - 1 : k + 2], (found, right), node)
            columns = [v.row is not None and v.column is None for v in (found, right)]
            row = k < len(operands) and getattr(operands[k - 1], "name", "")[:1].isupper()
            if all(columns) and (function == "?dot" or row):
                found = found.turned()  # W_j x is of the row W_j
            if row and not found.rank and right.rank and self.signs.by_letter(operands[k]):
                self.object(1.0, node)
            if function == "kron" or (function == "?times" and found.rank and right.rank):
                raise UncarriedError("this product is not read beside indices")
            if right.rank == 0 and found.rank and k < len(operands):
                self.signs.number_after_array(operands[k - 1], operands[k], node)
            found = times(found, right, index)
        return found

    def beside_capital(
        self, operands: Sequence[Node], values: Sequence[Indexed], node: Node
    ) -> None:
        r"""`A_i x` with numbers A_i, which `\Sigma_k^{-1} x` has not; `A x_i'` in `x_i A x_i'`."""
        names = [getattr(o, "function", getattr(o, "name", "a")) for o in operands]
        rows = any(a[0].isupper() and b == "transpose" for a, b in pairwise(names))
        if rows and values[0].index and not values[1].rank:
            raise UncarriedError(ROWS)
        beside = values[1].row is not None, values[0].rank  # Y_i w' x_i has numbers Y_i
        turned = names[:1] == ["transpose"]  # x_i' A_i^{-1} x_i
        for operand, value, other in zip(operands, values, beside, strict=False):
            if is_capital(operand) and not value.rank and (other or turned):
                if is_inverse(operand):
                    raise UncarriedError(INVERSES)
                self.object(1.5, node)

    def added(self, values: Sequence[Indexed], node: Node) -> Indexed:
        """A sum; numbers are added to every entry."""
        index = self.indices(values)
        self.beside_arrays(values, node)
        kinds = {(v.row is not None, v.column is not None) for v in values if v.rank}
        if len(kinds) > 1:
            raise UncarriedError("a row and a column are added")
        values, inner = aligned(values)
        axes = (*index, *(a for a in inner if a is not None))
        terms = [t for v in values for t in v.terms]
        if len(axes) > 2:
            full = all(set(axes) == set(t.axes) for t in terms)
            if not full and any(set(v.inner) != {*inner} - {None} for v in values):
                raise UncarriedError("no matrix holds this sum")
            return Indexed(tuple(terms), index, *inner)
        parts = [self.oriented(v, axes, node) for v in values]
        joined = self.build.operation("add", parts, node.span)
        return self.single(joined, axes, index, *inner)

    def beside_arrays(self, values: Sequence[Indexed], node: Node) -> None:
        """What numbers beside arrays, of which the function takes every entry, speak against."""
        operands = node.operands if isinstance(node, Operation | Call) else ()
        for v, operand in zip(values, operands, strict=False):
            if v.rank == 0 and any(other.rank for other in values):
                self.signs.number_beside_array(operand, node)

    def single(
        self, node: Node, axes: tuple[str, ...], index: tuple[str, ...] = (), *inner: str | None
    ) -> Indexed:
        """A value that is one array with these axes."""
        row, column = (*inner, None, None)[:2]
        return Indexed((IndexedTerm((IndexedFactor(node, axes),)),), index, row, column)

    def oriented(self, value: Indexed, axes: Sequence[str], node: Node) -> Node:
        """A value as an array that broadcasts over the axes."""
        return self.realised(value, [a for a in axes if a in {*value.index, *value.inner}], node,
                             axes)  # fmt: skip

    def realised(
        self, value: Indexed, axes: Sequence[str], node: Node, among: Sequence[str] | None = None
    ) -> Node:
        """A value as an array with these axes; ParseError where the notation has none."""
        try:
            found = Realising(self.build, node.span).value(value.terms, tuple(axes))
        except UncarriedError as error:
            raise self.uncarried(str(error), node) from error
        if among is not None and len(among) == 2 and tuple(axes) == (among[1],):
            return self.build.turned(found)
        return found

    def entrywise(
        self,
        name: str,
        values: Sequence[Indexed],
        node: Node,
        make: Callable[[list[Node]], Node] | None = None,
    ) -> Indexed:
        """A function of each entry."""
        index = self.indices(values)
        values, inner = aligned(values)
        axes = (*index, *(a for a in inner if a is not None))
        if len(axes) > 2 and (len(values) > 1 or any(len(v.terms) > 1 for v in values)):
            raise UncarriedError("no matrix holds this")
        parts = [self.oriented(v, axes, node) for v in values]
        if make is not None:
            found = make(parts)
        elif isinstance(node, Call) and node.name == name:
            found = self.build.called(node, parts[: len(node.operands)])
        else:
            found = self.build.call(name, parts, node.span)
        return self.single(found, axes, index, *inner)

    def divided(self, values: Sequence[Indexed], node: Node) -> Indexed:
        """Quotients of numbers, and arrays over numbers."""
        found = values[0]
        for below in values[1:]:
            if below.rank:
                raise UncarriedError("only numbers divide beside indices")
            if not below.index:
                found = self.each("div", [found], node, last=[self.realised(below, (), node)])
            elif found.rank + len({*found.index, *below.index}) > 2:
                inverse = self.inverse(below, node)
                found = times(found, inverse, self.indices([found, below]))
            else:
                found = self.each("ediv", [found, below], node)
        return found

    def inverse(self, value: Indexed, node: Node) -> Indexed:
        """1 over each entry."""
        above = self.build.number(1, node.span)

        def made(p: list[Node]) -> Node:
            return self.build.operation("ediv", (above, *p), node.span)

        return self.entrywise("", [value], node, made)

    def each(
        self, function: str, values: Sequence[Indexed], node: Node, last: Sequence[Node] = ()
    ) -> Indexed:
        """An operation on each entry, with operands that have no indices behind the values."""

        def made(p: list[Node]) -> Node:
            return self.build.operation(function, (*p, *last), node.span)

        return self.entrywise("", values, node, made)

    def raised(self, base: Indexed, exponent: Node | Indexed, node: Node) -> Indexed:
        """A power of numbers, or of each entry of a vector."""
        if isinstance(exponent, Indexed) or base.rank > 1:
            if isinstance(exponent, Indexed) and base.rank == exponent.rank == 0:
                return self.each("epow", [base, exponent], node)
            raise UncarriedError("this power is not read beside indices")
        if self.signs.axes(exponent):
            raise UncarriedError("the exponent beside an index is a number")
        if base.rank == 1:
            self.object(1, node)
            if is_capital(node) and is_inverse(node):
                raise UncarriedError(INVERSES)
        square = isinstance(exponent, Number) and exponent.value == 2
        power = self.powers if self.signs.is_power_of_norm(node) else {}
        if norm := (self.squares if square else power).get(children(node)[0]):
            return norm
        return self.each("epow", [base], node, last=[exponent])

    def normed(self, value: Indexed, node: Node) -> Indexed:
        """A Euclidean norm, or a sum of absolute values, at each value of the indices."""
        kind = self.signs.norm_kind(node)
        by = None if kind else self.signs.below(node)
        if by is not None and (value.rank or not self.signs.is_number(by)):
            return self.by_letter(value, by, node)
        if value.rank == 0:
            inner = self.signs.by_inner_products(children(node)[0])
            if not inner and self.signs.guessed_below(node):
                self.signs.failed(self.build.error("this norm is of numbers", node.span), node)
            self.object(1.5 if inner else 0, node)
            return self.entrywise("abs", [value], node)
        *_, typed = children(node)
        if value.rank == 1 and isinstance(typed, String) and typed.value == "F":
            self.object(0.3 if is_capital(children(node)[0]) else 0, node)  # of matrices W_l
        if kind == "norm1" and value.rank == 1:
            found = self.entrywise("abs", [value], node)
            return self.over_inner("sum", found, node)
        if kind != "norm2":
            raise UncarriedError("this norm is not read beside indices")
        if value.rank + len(value.index) > 2:
            total = self.expanded(value)
            self.squares[node] = total
            return self.entrywise("sqrt", [total], node)
        whole = self.entrywise("", [value], node, lambda p: p[0])
        two = self.build.number(2, node.span)
        squared = self.each("epow", [whole], node, last=[two])
        total = self.over_inner("sum", squared, node)
        self.squares[node] = total
        return self.entrywise("sqrt", [total], node)

    def by_letter(self, value: Indexed, by: Node, node: Node) -> Indexed:
        r"""`\|x_i\|_p` with a number p, `\|x_i - \mu\|_A` with a matrix A, at each index."""
        if value.rank == 1 and self.signs.is_number(by):
            absolute = self.entrywise("abs", [value], node)
            total = self.over_inner("sum", self.each("epow", [absolute], node, last=[by]), node)
            self.powers[node] = total
            root = self.build.operation("div", (self.build.number(1, node.span), by), node.span)
            return self.each("epow", [total], node, last=[root])
        if value.rank != 1 or self.signs.axes(by) != 2:
            raise UncarriedError("this norm is not read beside indices")
        column = value if value.row else value.turned()
        row = times(column.turned(), self.lifted(by), value.index)
        self.squares[node] = times(row, column, value.index)
        return self.entrywise("sqrt", [self.squares[node]], node)

    def expanded(self, value: Indexed) -> Indexed:
        """The square of a norm, multiplied out, at each value of the indices."""
        product = entrywise_product(value, value, value.index)
        inner = set(value.inner)
        if any(not inner <= set(t.axes) for t in product.terms):
            raise UncarriedError("no matrix holds this norm")
        terms = tuple(IndexedTerm(t.factors, t.summed | inner, t.negative) for t in product.terms)
        return Indexed(terms, value.index)

    def over_inner(self, name: str, value: Indexed, node: Node) -> Indexed:
        """A sum, mean, maximum, ... over the entries of a vector, at each value of the indices."""
        axes = (*value.index, *value.inner)
        if value.rank != 1 or len(axes) > 2:
            raise UncarriedError(f"{name} is not read here beside indices")
        array = self.realised(value, axes, node)
        found = self.build.call(name, (array,), node.span, axis=2 if len(axes) == 2 else None)
        if name in KEPT:
            return self.single(found, axes, value.index, value.row, value.column)
        return self.single(found, value.index, value.index, None, None)

    def called(
        self, node: Node, values: Sequence[Indexed], below: Sequence[Node | Indexed]
    ) -> Indexed:
        """A function of values that carry indices."""
        name = node.name if isinstance(node, Call) else getattr(node, "function", "")
        names = function_names().get(name, (name,))
        if name == "dot" and len(values) == 2 and values[0].rank == values[1].rank:
            if not values[0].rank and self.signs.guessed_below(node):
                self.object(INVALID, node)  # an inner product is of vectors
            found = entrywise_product(values[0], values[1], self.indices(values))
            terms = tuple(
                IndexedTerm(t.factors, t.summed | set(found.inner), t.negative) for t in found.terms
            )
            return Indexed(terms, found.index)
        if name == "tr" and values[0].rank == 2:
            return self.traced(values[0])
        if name == "diag" and values[0].rank == 0 and len(values[0].index) == 1:
            vector = self.realised(values[0], values[0].index, node)
            return self.lifted(self.build.call("diag", (vector,), node.span))
        single = len(values) == 1 and not (isinstance(node, Call) and node.keywords)
        if single and name in REDUCTIONS and (name not in ("max", "min") or values[0].rank):
            if values[0].rank == 0 and name not in ("sum", "mean"):
                self.object(4, node)
            return self.over_inner(name, values[0], node)
        if name in ENTRYWISE or any(n in ENTRYWISE for n in names):
            if isinstance(node, Operation):
                return self.each(name, values, node)
            self.beside_arrays(values, node)
            operands = node.operands if isinstance(node, Call) else ()
            return self.entrywise(name, values[: len(operands)], node)  # no keywords
        raise UncarriedError(f"{name} is not read beside indices")

    def traced(self, value: Indexed) -> Indexed:
        """The trace of a matrix, at each value of the indices."""
        row, column = value.inner
        value = value.renamed({column: row})
        terms = tuple(IndexedTerm(t.factors, t.summed | {row}, t.negative) for t in value.terms)
        return Indexed(terms, value.index)

    def uncarried(self, said: str, node: Node) -> ParseError:
        """An index that no array can carry."""
        said = f"{said}: {self.source.typed(node.span)[:60]}" if said else "this is not read"
        return self.build.error(said, node.span, "matrix notation, or one sum for each index")
