"""A source tree built with the shapes of its parts at hand.

LaTeX and Python leave to the shapes what a sign means: `x \\cdot y` is an inner product of two
vectors, `x * y` in NumPy works entry by entry. The shapes come from the same rules by which the
whole text is read afterwards; a part that does not fit has no shape here and is refused there.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TypeVar

from matderiv.errors import ParseError, ShapeError, Span
from matderiv.language.calls import completed, interpret, reserved_names
from matderiv.language.declare import guessed_axes
from matderiv.language.operands import is_eleven, transposed
from matderiv.language.sizes import Sizes
from matderiv.language.source import (
    Call,
    Name,
    Node,
    Number,
    Operation,
    Source,
    String,
    children,
    postorder,
    unsigned,
)
from matderiv.shapes import Shape, is_scalar, long_axes

_N = TypeVar("_N", bound=Node)
LONGEST_CHAIN = 50  # longer products are nested, so that building them is linear


@dataclass(frozen=True)
class Scope:
    """What is known about names before a text is read.

    `shapes` are those of the known names, `sizes` the names of sizes. With `guess` any other name
    is a new variable, of as many axes as `kinds` says or else by the letter rule. `about` are names
    that the problem asks about, `free` the order of free indices where it is said, `labels` letters
    that are no indices where nothing binds them, and free indices come in the order `first`, then
    by the alphabet. `rows` are letters with an index and the arrays whose rows they are, `orders`
    the indices of parts that are defined by their entries.
    """

    shapes: Mapping[str, Shape] = field(default_factory=dict)
    sizes: Collection[str] = frozenset()
    facts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    guess: bool = True
    kinds: Mapping[str, int] = field(default_factory=dict)
    about: tuple[str, ...] = ()
    free: tuple[str, ...] | None = None
    labels: frozenset[str] = frozenset()
    first: tuple[str, ...] = ()
    rows: Mapping[str, str] = field(default_factory=dict)
    orders: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Tree:
    """Makes the nodes of one text.

    >>> Tree("A x", Scope()).name("A", (0, 1)).name
    'A'
    """

    def __init__(self, text: str, scope: Scope) -> None:
        self.text = text
        self.scope = scope
        self.names: dict[str, None] = {}
        self.parts: set[str] = set()
        self.entries: frozenset[str] = frozenset()  # names of entries of what is declared

    def kept(self, node: _N) -> _N:
        """The node that was made, after what is to be remembered of it."""
        return node

    def string(self, value: str, span: Span) -> Node:
        """Text in quotes: the pattern of an einsum."""
        return self.kept(String(span, value))

    def number(self, value: Fraction | int, span: Span) -> Node:
        """A number."""
        return self.kept(Number(span, Fraction(value)))

    def name(self, name: str, span: Span) -> Name:
        """A variable, a size, a part or the number π, by its canonical name."""
        self.names.setdefault(name)
        return self.kept(Name(span, name))

    def identity(self, span: Span) -> Node:
        """An identity matrix whose size follows from its neighbours."""
        return self.kept(Name(span, "eye"))

    def part(self, name: str) -> None:
        """From now on `name` is a part of the formula."""
        self.parts.add(name)

    def operation(self, function: str, operands: Sequence[Node], span: Span | None = None) -> Node:
        """An operator between its operands, by the name of its record or of `SIGNS`."""
        place = span or (operands[0].span[0], operands[-1].span[1])
        return self.kept(Operation(place, function, tuple(operands)))

    def call(
        self,
        name: str,
        operands: Sequence[Node],
        span: Span,
        name_span: Span | None = None,
        axis: int | None = None,
    ) -> Node:
        """A function by a name that the text language has, perhaps along an axis (from 1)."""
        place = name_span or span
        keywords = () if axis is None else (("axis", Number(place, Fraction(axis))),)
        return self.kept(Call(span, name, place, tuple(operands), keywords))

    def transpose(self, node: Node, end: int) -> Node:
        """The transpose of a node, up to `end` in the text; two transposes cancel, 11' is 1*1'."""
        if is_eleven(node):
            return transposed(node, end)
        if isinstance(node, Operation) and node.function == "transpose":
            return node.operands[0]
        inner = unsigned(node)
        if node is not inner and isinstance(inner, Operation) and inner.function == "transpose":
            return self.operation("neg", inner.operands, node.span)
        return self.operation("transpose", (node,), (node.span[0], end))

    def turned(self, node: Node) -> Node:
        """The transpose of a node that nobody typed, with a sign in front: -mu' of -mu."""
        if isinstance(node, Operation) and node.function == "neg":
            return self.operation("neg", (self.turned(node.operands[0]),), node.span)
        return self.transpose(node, node.span[1])

    def spanned(self, node: Node, span: Span) -> Node:
        """The node with the place of the brackets around it."""
        return replace(node, span=span)

    def chain(self, function: str, factors: Sequence[Node]) -> Node:
        """One operation of all factors, those of an inner chain of the same kind among them."""
        if len(factors) == 1:
            return factors[0]
        first, flat = factors[0], list(factors)
        if isinstance(first, Operation) and first.function == function:
            opened = first.span[0] == first.operands[0].span[0]  # no bracket of its own
            opened = opened and len(first.operands) < LONGEST_CHAIN
            flat = [*first.operands, *factors[1:]] if opened else flat
        return self.operation(function, flat, (first.span[0], factors[-1].span[1]))

    def is_known(self, name: str) -> bool:
        """True for a name that was declared, or that the formula has."""
        return name in self.scope.shapes or name in self.names

    def is_guessed(self, name: str) -> bool:
        """True for a name whose kind is guessed."""
        scope = self.scope
        if not scope.guess or name == "pi" or name in scope.sizes or name in reserved_names():
            return False
        return name not in scope.shapes and name not in self.parts and name not in self.entries

    def error(self, message: str, span: Span, hint: str | None = None) -> ParseError:
        """A mistake in the text."""
        return ParseError(message, source=self.text, span=span, hint=hint)


class Builder(Tree):
    """The nodes of one text with their shapes.

    >>> build = Builder("A x", Scope())
    >>> A, x = build.name("A", (0, 1)), build.name("x", (2, 3))
    >>> build.axes(build.operation("mul", (A, x)))
    1
    """

    def __init__(self, text: str, scope: Scope, spelling: str = "text") -> None:
        super().__init__(text, scope)
        self._source = Source(text, Number((0, 0), Fraction(0)), spelling=spelling)
        self._sizes = Sizes()
        self._shapes: dict[Node, Shape | None] = {}
        self._named: dict[str, Shape | None] = {}

    def kept(self, node: _N) -> _N:
        """The node, whose shape is remembered."""
        if isinstance(node, Operation | Call):
            self._shapes[node] = self._applied(node)
        elif isinstance(node, Name) and node.name == "eye":
            size = self._sizes.fresh()
            self._shapes[node] = (size, size)
        elif isinstance(node, Name):
            if node.name not in self._named:
                self._named[node.name] = self._shape_of_name(node.name)
            self._shapes[node] = self._named[node.name]
        else:
            self._shapes[node] = () if isinstance(node, Number) else None
        return node

    def define(self, name: str, value: Node) -> None:
        """From now on `name` stands for `value`."""
        self.part(name)
        self.names.setdefault(name)
        self._named[name] = self._shapes[value]

    def spanned(self, node: Node, span: Span) -> Node:
        """The node with the place of the brackets around it."""
        found = replace(node, span=span)
        self._shapes[found] = self._shapes[node]
        return found

    def called(self, node: Call, operands: Sequence[Node]) -> Node:
        """A call with these operands."""
        same = len(operands) == len(node.operands)
        same = same and all(a is b for a, b in zip(operands, node.operands, strict=False))
        return self.kept(node if same else replace(node, operands=tuple(operands)))

    def is_thin(self, name: str) -> bool:
        """True for a vector of one entry, and a matrix that fits only with one row or column."""
        return 1 in self._sizes.shape(self._named[name] or ())

    def axes_of(self, name: str) -> int:
        """How many axes a name was taken to have."""
        return len(self._named[name] or ())

    # Shapes --------------------------------------------------------------------------------------

    def shape(self, node: Node) -> Shape | None:
        """The shape of a node as far as it is known; None for a part that does not fit."""
        found = self._shapes[node]
        return None if found is None else self._sizes.shape(found)

    def is_built(self, node: Node) -> bool:
        """True for a node that was made here."""
        return node in self._shapes

    def axes(self, node: Node) -> int | None:
        """How many axes of the node are longer than 1."""
        found = self.shape(node)
        return None if found is None else len(long_axes(found))

    def is_scalar(self, node: Node) -> bool:
        """True for a node that is known to be a scalar."""
        found = self.shape(node)
        return found is not None and is_scalar(found)

    def is_column(self, node: Node) -> bool:
        """True for a node that is known to be a vector and not a row."""
        found = self.shape(node)
        return found is not None and not is_scalar(found) and long_axes(found) == (0,)

    def _shape_of_name(self, name: str) -> Shape | None:
        scope = self.scope
        if name in scope.shapes:
            return scope.shapes[name]
        if name in scope.sizes or name == "pi":
            return ()
        if not scope.guess or name in reserved_names():
            return None
        guessed = guessed_axes(name, scope.facts.get(name, ()))
        axes = scope.kinds.get(name, guessed)
        return self._sizes.axes(axes)

    def _applied(self, node: Operation | Call) -> Shape | None:
        application = interpret(node, self._source)
        params = application.params
        if application.open_sizes:
            fresh = [self._sizes.fresh() for _ in range(application.open_sizes)]
            params = completed(params, fresh)
        shapes = []
        for operand in application.operands:
            found = None if isinstance(operand, String) else self._shapes.get(operand, ())
            if found is None:
                return None
            shapes.append(self._sizes.shape(found))
        try:
            return application.function.shape(tuple(shapes), params, self._sizes.unify)
        except ShapeError:
            return None


COMBINED = frozenset("add neg mul hadamard div ediv power epow".split())
ENTRYWISE = frozenset("exp log ln sqrt abs".split())
PLAIN, HEAVY, FACTOR, SCALED, WHOLE = "plain", "heavy", "factor", "scaled", "whole"
"""A number of numbers; a number made of arrays; guessed arrays only; these times a number made of
arrays; any other array."""


def only_scaling(
    build: Builder, trees: Sequence[Node], *, leading: bool = False
) -> dict[str, Node]:
    """Guessed arrays that stand only where numbers do: as factors of numbers, or beside them.

    With the first product or sum where each stands; a capital that divides an array is a number as
    well. An array that also stands elsewhere is none of them. With `leading` a factor stands before
    what it scales: in `norm(x)*A*z` a number scales A*z.

    >>> build = Builder("", Scope())
    >>> C, x = (build.name(n, (k, k)) for k, n in enumerate("Cx"))
    >>> f = build.chain("mul", (C, build.call("sum", (x,), (2, 3))))
    >>> list(only_scaling(build, [f]))
    ['C']
    """
    roles: dict[Node, str] = {}
    found: dict[Name, Node] = {}
    for node in postorder(*trees):
        roles[node] = _role(build, node, roles)
        below = children(node)
        scaled = roles[node] == SCALED and any(roles[b] == HEAVY for b in below)
        scaled = scaled or (roles[node] == SCALED and {roles[b] for b in below} == {SCALED, FACTOR})
        product = isinstance(node, Operation) and node.function in ("mul", "hadamard")
        after = False
        for part in below:
            factor = roles[part] == FACTOR and not after
            after = after or (leading and product and roles[part] in (HEAVY, SCALED))
            if (scaled and factor) or _divides(build, node, part):
                for name in _guessed_arrays(build, part):
                    found.setdefault(name, node)
    elsewhere = {n.name for n in _guessed_arrays(build, *trees) if n not in found}
    mixed = {at for n, at in found.items() if n.name in elsewhere}  # A of Ax/(b'x)
    only = {n.name: at for n, at in found.items() if n.name not in elsewhere and at not in mixed}
    return {n: a for n, a in only.items() if leading or not _is_entrywise(build, n, a, only)}


def _is_entrywise(build: Builder, name: str, product: Node, scaling: Collection[str]) -> bool:
    """True for `y*(z - z.max())`, which multiplies entries: y is a vector by its letter."""
    others = (o for o in children(product) if getattr(o, "name", "") != name)
    arrays = (_guessed_arrays(build, o) for o in others if not build.is_scalar(o))
    named = {n.name for found in arrays for n in found}
    return len(name) == 1 and guessed_axes(name) == 1 and not named <= {*scaling}


def _role(build: Builder, node: Node, roles: Mapping[Node, str]) -> str:
    """What a node is for `only_scaling`, from what its operands are."""
    below = [roles[c] for c in children(node)]
    if not build.is_built(node):
        return PLAIN  # the axis of a sum
    if build.is_scalar(node) and _is_entry(node):
        return PLAIN
    if build.is_scalar(node):
        computed = getattr(node, "name", "") in build.parts
        return HEAVY if computed or {HEAVY, FACTOR, SCALED, WHOLE} & set(below) else PLAIN
    if isinstance(node, Name):
        return FACTOR if build.is_guessed(node.name) else WHOLE
    plain = isinstance(node, Operation) and node.function in COMBINED
    if not (plain or (isinstance(node, Call) and node.name in ENTRYWISE)) or WHOLE in below:
        return WHOLE
    return SCALED if {HEAVY, SCALED} & set(below) else FACTOR


def _is_entry(node: Node) -> bool:
    """True for `sum(unit(n,1).*x)`, which is the x[0] of Python."""
    factors = children(children(node)[0]) if isinstance(node, Call) and node.name == "sum" else ()
    return any(isinstance(f, Call) and f.name == "unit" for f in factors)


def _divides(build: Builder, node: Node, part: Node) -> bool:
    """True for the capital that a vector is divided by, as in a softmax of x/T."""
    divides = isinstance(node, Operation) and node.function in ("div", "ediv")
    if not divides or part is not children(node)[1] or not isinstance(part, Name):
        return False
    return build.axes(part) == 2 and build.axes(children(node)[0]) == 1


def _guessed_arrays(build: Builder, *trees: Node) -> list[Name]:
    names = [n for n in postorder(*trees) if isinstance(n, Name) and build.is_built(n)]
    return [n for n in names if build.is_guessed(n.name) and not build.is_scalar(n)]
