"""The meaning and the shape of every part of a text: kinds by the letter rule, sizes inferred."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from matderiv.errors import LimitError, MatderivError, ParseError, ShapeError, Span, UnknownName
from matderiv.expr import REGISTRY, Expr
from matderiv.language.calls import (
    END,
    Application,
    completed,
    function_names,
    interpret,
    reserved_names,
)
from matderiv.language.declare import SQUARE_FACTS, check_facts, guessed_axes
from matderiv.language.domain import check_domain
from matderiv.language.explain import explained
from matderiv.language.sizes import Sizes, fresh_names, is_open, open_names, renamed, renamed_text
from matderiv.language.source import Call, Name, Node, Operation, Source
from matderiv.lazy import difflib
from matderiv.shapes import (
    Dim,
    Shape,
    Size,
    long_axes,
    plain_names,
    shape_text,
    size_names,
    with_sizes,
)

MAX_VARIABLES = 2_000
OF_ARRAYS = frozenset(
    "transpose diag hadamard outer kron vec tr det logdet norm2 norm1 norminf norm_p norm_nuc "
    "softmax log_softmax logsumexp".split()
)
"""Functions that nobody writes for numbers."""


@dataclass(frozen=True)
class Context:
    """What is known before a text is read.

    `known` are variables and parts with their expressions, `declared` shapes, `facts` assumptions.
    Without `guess` every name must be known, but sizes may have other names than those that were
    `made_up`; `what` names the text in messages; `curves` are sizes of the arrays Y(t); with
    `wirtinger` names may be complex.
    """

    known: Mapping[str, Expr] = field(default_factory=dict)
    declared: Mapping[str, Shape] = field(default_factory=dict)
    facts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    size_names: frozenset[str] = frozenset()
    reserved: frozenset[str] = frozenset()
    made_up: frozenset[str] = frozenset()
    guess: bool = True
    what: str = "the expression"
    curves: Mapping[str, Shape] = field(default_factory=dict)
    wirtinger: bool = False


class Shaping:
    """One text with the role of every name and the shape of every node."""

    def __init__(self, source: Source, context: Context) -> None:
        self.source = source
        self.context = context
        self.sizes = Sizes()
        self.size_names = set(context.size_names)
        self.applications: dict[Node, Application] = {}
        self.opened: set[Node] = set()  # those that have names for their open sizes
        self.renamed: dict[str, tuple[Size, Node]] = {}  # sizes by names of their own
        self.shapes: dict[Node, Shape] = {}
        self.variables: dict[str, Shape] = {}
        self.guessed: dict[str, Name] = {}
        self.parts: dict[str, Shape] = {}
        self.curves = dict(context.curves)
        roots = [(part.name, part.value) for part in source.parts]
        self.sections = [
            (name, list(self._nodes(root))) for name, root in [*roots, ("", source.main)]
        ]
        self.lengths = self._lengths()
        self._check_parts()
        self._classify()
        self.same_sizes: list[str] = []
        first: ShapeError | None = None
        while True:
            try:
                self.infer()
                break
            except ShapeError as error:
                first = first or error
                if not self.context.guess or not self._identified():
                    raise first from None

    # Roles ---------------------------------------------------------------------------------------

    def _nodes(self, root: Node) -> Iterator[Node]:
        """The nodes that have a value, operands first; arguments that are sizes are left out."""
        stack: list[tuple[Node, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if ready or not isinstance(node, (Operation, Call)):
                yield node
                continue
            application = interpret(node, self.source)
            check_domain(application.function.name, application.operands, node, self.source)
            self._register(node, application)
            stack.append((node, True))
            stack.extend((o, False) for o in reversed(application.operands))

    def _register(self, node: Node, application: Application) -> None:
        """Keep the application, whose sizes, where it names any, are no variables."""
        self.applications[node] = application
        if application.function.call in ("sizes", "like"):
            used = size_names([application.params]) - {END}
            unknown = used - self.size_names
            if unknown and not self.context.guess:
                if application.open_sizes:  # the place of an entry or of a part has no other name
                    raise self.unknown_name(min(unknown), node, "place")
                self.opened.add(node)
                places = {name: self._other_name(name, node) for name in sorted(unknown)}
                params = (with_sizes(p, places) for p in application.params)
                self.applications[node] = application._replace(params=(*params,), open_sizes=1)
                return
            self.size_names |= used

    def _other_name(self, name: str, node: Node) -> Size:
        """An open size for one that the question may call otherwise."""
        if not self.context.made_up:
            raise self.unknown_name(name, node, "size")
        return self.renamed.setdefault(name, (self.sizes.fresh(), node))[0]

    def check_names(self) -> None:
        """UnknownName for a size with a name of its own that is none of those made up."""
        for name, (size, node) in self.renamed.items():
            if not size_names([(self.sizes.current(size),)]) <= self.context.made_up:
                raise self.unknown_name(name, node, "size")

    def _lengths(self) -> list[tuple[Node, int, Size]]:
        """The axes whose sizes the text says, as numbers or by name; a new name is a size."""
        taken = {*self.context.known, *self.context.declared} - self.size_names
        found: list[tuple[Node, int, Size]] = []
        for node, axis, name in self.source.lengths:
            plain = plain_names(name)
            if taken & {*plain}:
                raise ParseError(
                    f"a sum runs to a size, and {plain[0]} is declared as a variable",
                    source=self.source.text,
                    span=node.span,
                    hint=f"x: {plain[0]} says that x has the size {plain[0]}",
                )
            known = name.isdigit() or self.size_names >= {*plain}
            if not known and not self.context.guess:
                raise self.unknown_name(name, node, "size")
            found.append((node, axis, int(name) if name.isdigit() else Dim((name,))))
        self.size_names |= size_names([tuple(size for *_, size in found)])
        return found

    def _check_parts(self) -> None:
        seen: set[str] = set()
        for part in self.source.parts:
            taken = {*self.context.known, *self.context.declared, *self.size_names, *seen}
            if part.name in taken or part.name in ("pi", "where"):
                said = f"{part.name} is defined after where and has a meaning already"
                raise ParseError(said, source=self.source.text, span=part.span)
            seen.add(part.name)

    def _classify(self) -> None:
        """Give every name its role: a part, a variable, a size, the number π, or a guess."""
        defined: set[str] = set()
        all_parts = {part.name for part in self.source.parts}
        for part, nodes in self.sections:
            for node in nodes:
                if isinstance(node, Name) and node.name not in defined:
                    if node.name in all_parts:
                        said = f"{node.name} is used before it is defined"
                        raise ParseError(said, source=self.source.text, span=node.span)
                    self._classify_name(node)
                self._open_sizes(node)
            defined.add(part)
        if len(self.variables) > MAX_VARIABLES:
            raise LimitError(
                f"there are {len(self.variables)} variables, the limit is {MAX_VARIABLES}"
            )

    def _open_sizes(self, node: Node) -> None:
        """Sizes that are to be inferred get open names, in the order in which arrays are met."""
        application = self.applications.get(node)
        if application is not None and application.open_sizes and node not in self.opened:
            self.opened.add(node)
            fresh = self.sizes.axes(application.open_sizes)
            if application.function.call == "abstract":  # Y(t) has its sizes wherever it stands
                fresh = self.curves.setdefault(str(application.params[0]), fresh)
            params = completed(application.params, fresh)
            self.applications[node] = application._replace(params=params)

    def _classify_name(self, node: Name) -> None:
        name, context = node.name, self.context
        if name in self.variables or node in self.applications:
            return
        if name in context.known:
            self.variables[name] = context.known[name].shape
        elif name in context.declared:
            self.variables[name] = self._with_facts(name, context.declared[name])
        elif name in self.size_names or name == "pi":
            return
        elif name == "eye" or (name == "I" and not context.guess):
            self._register(node, Application(REGISTRY["eye"], (), (), 1))
        elif name.lower() in ("inf", "nan"):
            raise ParseError(f"{name} is no number", source=self.source.text, span=node.span)
        elif context.guess and name in ("symmetric", "posdef", "orthogonal"):
            said = f"{name} is a fact and no name"
            hint = f"... with A {name}"
            raise ParseError(said, source=self.source.text, span=node.span, hint=hint)
        elif name in reserved_names() and not (context.guess and name in context.facts):
            raise ParseError(
                f"{name} is a function and needs brackets",
                source=self.source.text,
                span=node.span,
                hint=REGISTRY[function_names()[name][0]].example or f"{name}(x)",
            )
        elif not context.guess:
            raise self.unknown_name(name, node, "name")
        else:
            facts = context.facts.get(name, frozenset())
            axes = guessed_axes(name, facts)
            if not facts & set(SQUARE_FACTS):
                axes = self.source.kinds.get(name, axes)
            self.guessed[name] = node
            self.variables[name] = self._with_facts(name, self.sizes.axes(axes))

    def _with_facts(self, name: str, shape: Shape) -> Shape:
        facts = self.context.facts.get(name, frozenset())
        if name in self.guessed and len(shape) == 2 and facts & set(SQUARE_FACTS):
            shape = (shape[0], shape[0])
        check_facts(name, facts, shape)
        return shape

    def unknown_name(self, name: str, node: Node, kind: str) -> UnknownName:
        known = [n for n in (*self.context.known, *self.size_names) if n != name]
        near = difflib.get_close_matches(name, known, 2, 0.5)
        hint = " or ".join(near) if near else ", ".join(known[:12])
        message = f"{self.context.what} has the {kind} {name}, which the expression does not have"
        return UnknownName(message, source=self.source.text, span=node.span, hint=hint or None)

    # Shapes --------------------------------------------------------------------------------------

    def infer(self) -> None:
        """Repeat the shape rules until no size changes; a size that becomes 1 can change a rule."""
        axes = [s for shape in self.variables.values() for s in shape if isinstance(s, Dim)]
        named = (name for axis in axes for name in axis.names if name[0] != "?")
        self.sizes.met = [*dict.fromkeys(named)]
        before = -1
        while before < len(self.sizes.bound):
            before = len(self.sizes.bound)
            for part, nodes in self.sections:
                for node in nodes:
                    self.shapes[node] = self._shape(node)
                if part:
                    self.parts[part] = self.shapes[nodes[-1]]
            for node, axis, size in self.lengths:
                self._measure(node, axis, size)

    def _identified(self) -> bool:
        """True if a name and a number, or a sum and a declared number, were taken as one size."""
        number, size = sorted(self.sizes.clash, key=lambda s: not isinstance(s, int))
        if not isinstance(number, int) or number < 2 or not isinstance(size, Dim) or is_open(size):
            return False  # 1 is that of a row
        self.sizes.clash = (0, 0)
        if size == Dim(size.names[:1]) and plain_names(size.names[0]) == size.names:
            self.sizes.bound[size.names[0]] = number
        elif any(number in shape for shape in self.variables.values()):
            self.variables = {
                name: tuple(size if s == number else s for s in shape)
                for name, shape in self.variables.items()
            }
        else:
            return False
        self.same_sizes.append(f"the size {size} is {number}")
        return True

    def _measure(self, node: Node, axis: int, size: Size) -> None:
        """Make an axis of a node as long as the text says."""
        name = getattr(node, "name", "")  # of what only its size is used
        named = self.parts.get(name, self.variables.get(name, ()))
        found = self.sizes.shape(self.shapes.get(node, named))
        self.sizes.place = node.span
        try:
            if len(found) >= -axis and found[axis] != 1:
                self.sizes.unify(found[axis], size)
        except ShapeError as error:
            self.sizes.clash = (0, 0)  # a sum to 3 says nothing of n
            said = f"the sum runs to {size}, {self.source.typed(node.span)} is {self.shown(found)}"
            raise ShapeError(said, source=self.source.text, span=node.span) from error

    def expect(self, shape: Shape) -> None:
        """Use the expected shape for sizes that nothing else says, such as those of vector(1)."""
        found = self.shapes[self.source.main]
        if len(found) != len(shape):  # a row as well
            found, shape = (tuple(s[k] for k in long_axes(s)) for s in (found, shape))
        for a, b in zip(found, shape, strict=False):
            if is_open(self.sizes.current(a)):
                self.sizes.unify(a, b)
        self.infer()

    def _shape(self, node: Node) -> Shape:
        application = self.applications.get(node)
        if application is None:
            name = node.name if isinstance(node, Name) else ""
            return self.parts.get(name, self.variables.get(name, ()))
        shapes = tuple(self.sizes.shape(self.shapes[o]) for o in application.operands)
        self.sizes.place = node.span
        try:
            params = self.params(application)
            return application.function.shape(shapes, params, self.sizes.unify)
        except ShapeError as error:
            raise explained(error, node, shapes, self) from None

    def params(self, application: Application) -> tuple[Size, ...]:
        """The parameters with known sizes put in."""
        if application.open_sizes:
            return self.sizes.shape(application.params)
        return application.params

    def flat(self) -> frozenset[Span]:
        """Where notation of arrays, such as a transpose, a norm or diag, stands around a number."""
        found = (n for n, a in self.applications.items() if a.function.name in OF_ARRAYS)
        of = ((n, self.applications[n].operands) for n in found)
        return frozenset(n.span for n, below in of if not any(self.shapes[o] for o in below))

    # Names for open sizes ------------------------------------------------------------------------

    def final_names(self) -> dict[str, str]:
        """A name for each size that nothing determines, in the order in which axes appear."""
        made = self.applications.values()
        curves = (self.params(a) for a in made if a.function.call == "abstract" and a.open_sizes)
        shapes = (*map(self.sizes.shape, self.variables.values()), *curves)
        return fresh_names(open_names(shapes), self.taken())

    def shown_names(self) -> dict[str, str]:
        """The same for messages: also for sizes of constants that have no neighbour."""
        constants = (a.params for a in self.applications.values() if a.open_sizes)
        shapes = map(self.sizes.shape, (*self.variables.values(), *constants))
        return fresh_names(open_names(shapes), self.taken())

    def taken(self) -> set[str]:
        """All names in use."""
        context = self.context
        names = {n.name for _, nodes in self.sections for n in nodes if isinstance(n, Name)}
        used = {*context.known, *context.declared, *context.reserved, *self.size_names}
        return names | used | {part.name for part in self.source.parts}

    def final(self, shape: Iterable[Size], names: Mapping[str, str]) -> Shape:
        """A shape with every open size named."""
        return tuple(renamed(self.sizes.current(s), names) for s in shape)

    def shown(self, shape: Shape) -> str:
        """A shape as a message shows it."""
        return shape_text(self.final(shape, self.shown_names()))

    def shown_message(self, error: MatderivError) -> str:
        """A message of a shape rule with its open sizes named."""
        names = self.shown_names()
        return renamed_text(
            error.message, lambda name: str(renamed(self.sizes.current(Dim((name,))), names))
        )
