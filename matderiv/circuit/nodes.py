"""An expression as a circuit: one node per operation as typed, each with a name and a role.

Sums and products are taken two at a time, from left to right, as they are read. Transposes, the
sign of a term in a sum, and the norm in a squared norm ride along with the operation beside them;
what holds no variable is a constant. Before that, an expression may be rewritten with fewer gates,
or with more of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from matderiv.calculus.recognise import folded
from matderiv.expr import (
    Expr,
    apply,
    fold,
    fold_all,
    is_,
    number_value,
    rebuild,
    variable,
    variables,
    walk,
)
from matderiv.language.printer import text
from matderiv.shapes import Shape, is_scalar, size_names
from matderiv.views.intermediates import ValueNames, function_name, value_names

INPUT, PARAMETER, CONSTANT, INTERMEDIATE = "input", "parameter", "constant", "intermediate"
LOSS, OUTPUT = "loss", "output"
_CHAINS = ("add", "mul", "hadamard")


@dataclass(frozen=True, eq=False)
class Node:
    """One node: an input, a constant, or an operation on earlier nodes.

    `expr` is what it stands for in the user's names, `definition` the same over the nodes before
    it, `symbol` its name there. `arguments` are the indices of the nodes in its definition, each
    once and in reading order; `chosen` says that the user gave the name.
    """

    index: int
    name: str
    role: str
    expr: Expr
    definition: Expr
    symbol: Expr
    arguments: tuple[int, ...] = ()
    chosen: bool = False

    @property
    def shape(self) -> Shape:
        """The shape of its value, and of its gradient."""
        return self.symbol.shape

    @property
    def is_gate(self) -> bool:
        """True for an operation, False for what is given."""
        return self.role in (INTERMEDIATE, LOSS, OUTPUT)

    @property
    def formula(self) -> str:
        """The definition in the text language."""
        return text(self.definition)


@dataclass(frozen=True, eq=False)
class Circuit:
    """Nodes in an order in which they can be computed; the last one is the expression.

    `wanted` are the nodes through which a gradient reaches one of the variables that were asked
    for.
    """

    nodes: tuple[Node, ...]
    wanted: frozenset[int]

    @property
    def root(self) -> Node:
        """The node of the whole expression."""
        return self.nodes[-1]

    @cached_property
    def users(self) -> tuple[tuple[int, ...], ...]:
        """For every node the nodes that it is an argument of, in order."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for a in node.arguments:
                found[a].append(node.index)
        return tuple(map(tuple, found))

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """The nodes by name, constants apart."""
        return {n.name: n for n in self.nodes if n.role != CONSTANT}

    @property
    def shown(self) -> list[Node]:
        """The nodes that a picture has: constants are part of the formulas that use them."""
        return [n for n in self.nodes if n.role != CONSTANT or n is self.root]

    @property
    def gates(self) -> tuple[Node, ...]:
        """The operations, in order of computation."""
        return tuple(n for n in self.nodes if n.is_gate)


def circuit(
    f: Expr, *, parts: Sequence[tuple[str, Expr]] = (), wrt: Sequence[Expr] = ()
) -> Circuit:
    """The circuit of an expression; `parts` are names that the user gave to parts of it.

    With `wrt` these variables are parameters and gradients flow to nothing else.

    >>> x, y, z = (variable(name) for name in "xyz")
    >>> [(n.name, n.formula) for n in circuit((x + y) * z, parts=[("q", x + y)]).nodes]
    [('x', 'x'), ('y', 'y'), ('q', 'x + y'), ('z', 'z'), ('f', 'q*z')]
    """
    builder = _Builder(f, parts, wrt)
    for node in walk(f):
        builder.visit(node)
    nodes = tuple(builder.nodes)
    return Circuit(nodes, _wanted(nodes, set(wrt)))


def _wanted(nodes: Sequence[Node], wrt: set[Expr]) -> frozenset[int]:
    found: set[int] = set()
    for node in nodes:
        given = node.role in (INPUT, PARAMETER) and (not wrt or node.expr in wrt)
        if given or any(a in found for a in node.arguments):
            found.add(node.index)
    return frozenset(found)


class _Builder:
    """Nodes as they are found; `shown` is each subexpression over the names of the nodes."""

    def __init__(self, f: Expr, parts: Sequence[tuple[str, Expr]], wrt: Sequence[Expr]) -> None:
        self.f, self.wrt = f, set(wrt)
        self.named = {e: name for name, e in reversed(parts)}
        self.taken = {v.name for v in variables(f, *wrt)} | {name for name, _ in parts}
        self.taken |= size_names(n.shape for n in walk(f)) | {
            n.name for n in walk(f) if is_(n, "size")
        }
        self.called = function_name(self.taken)
        told = value_names(f, tuple(wrt) or variables(f), self.taken)
        self.names = ValueNames(variables(f, *wrt), self.taken, told)
        self.users: dict[Expr, list[Expr]] = {}
        self.varying: set[Expr] = set()
        for node in walk(f):
            if is_(node, "variable") or any(a in self.varying for a in node.args):
                self.varying.add(node)
            for a in node.args:
                self.users.setdefault(a, []).append(node)
        self.shown: dict[Expr, Expr] = {}
        self.whole: dict[Expr, Expr] = {}
        self.below: dict[Expr, tuple[int, ...]] = {}
        self.nodes: list[Node] = []

    def visit(self, node: Expr) -> None:
        """Enter one subexpression; its arguments are entered already."""
        if is_(node, "variable"):
            role = PARAMETER if node in self.wrt else INPUT
            self._enter(node, node.name, role, node, node, node, ())
        elif node not in self.varying:
            self.shown[node] = self.whole[node] = node
            if node is self.f or any(u in self.varying for u in self.users[node]):
                self._enter(node, text(node), CONSTANT, node, node, node, ())
        elif is_(node, *_CHAINS) and len(node.args) > 2:
            self._chain(node)
        else:
            tables, below = (self.shown, self.whole), self._arguments(node.args)
            shown, whole = (rebuild(node, tuple(t[a] for a in node.args)) for t in tables)
            if self._rides(node):
                self.shown[node], self.whole[node], self.below[node] = shown, whole, below
            else:
                self._gate(node, shown, whole, below)

    def _rides(self, node: Expr) -> bool:
        """A transpose, the sign of a term, the norm of a squared norm: part of the next gate."""
        if node is self.f or node in self.named:
            return False
        users = self.users[node]
        if is_(node, "transpose"):
            return not is_(node.args[0], "transpose")
        if is_(node, "neg"):
            return all(is_(u, "add") for u in users)
        if is_(node, "norm2"):
            return all(is_(u, "power") and number_value(u.args[1]) == 2 for u in users)
        return False

    def _arguments(self, args: Sequence[Expr]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(k for a in args for k in self.below.get(a, ())))

    def _chain(self, node: Expr) -> None:
        """a + b + c as a + b, and what it gives + c: the way a sum is read."""
        name = node.function.name
        first, *rest = node.args
        shown, whole, below = self.shown[first], self.whole[first], self._arguments((first,))
        for k, a in enumerate(rest):
            shown = apply(name, shown, self.shown[a])
            whole = apply(name, whole, self.whole[a])
            below = tuple(dict.fromkeys((*below, *self._arguments((a,)))))
            if k + 1 < len(rest) and any(self.nodes[i].role != CONSTANT for i in below):
                entry = self._gate(None, shown, whole, below)
                shown, below = entry.symbol, (entry.index,)
        self._gate(node, shown, whole, below)

    def _gate(self, node: Expr | None, shown: Expr, whole: Expr, below: tuple[int, ...]) -> Node:
        """Enter an operation; None for a step inside a chain."""
        if node is self.f:
            name, role = self.called, LOSS if is_scalar(shown.shape) else OUTPUT
        else:
            named = self.named.get(node) if node is not None else None
            name = named or self.names.name(whole, shown)
            role = INTERMEDIATE
        symbol = variable(name, shown.shape)
        return self._enter(node, name, role, whole, shown, symbol, below)

    def _enter(
        self,
        key: Expr | None,
        name: str,
        role: str,
        whole: Expr,
        shown: Expr,
        symbol: Expr,
        below: tuple[int, ...],
    ) -> Node:
        chosen = key is not None and key in self.named and name == self.named[key]
        entry = Node(len(self.nodes), name, role, whole, shown, symbol, below, chosen)
        self.nodes.append(entry)
        if key is not None:
            self.shown[key], self.whole[key] = symbol, whole
            self.below[key] = (entry.index,)
        return entry


Parts = tuple[tuple[str, Expr], ...]


def rewritten(e: Expr, parts: Parts, *, fold: bool, expand: bool) -> tuple[Expr, Parts]:
    """An expression and its named parts with long spellings folded, or shorthands written out.

    >>> z = variable("z")
    >>> rewritten(1 / (1 + apply("exp", -z)), (), fold=True, expand=False)[0].function.name
    'sigmoid'
    """
    if expand:
        e, parts = _mapped(e, parts, opened=True)
    if fold:
        e, parts = _mapped(e, parts, opened=False)
    return e, parts


def _mapped(e: Expr, parts: Parts, *, opened: bool) -> tuple[Expr, Parts]:
    change, names = _opened if opened else folded, [name for name, _ in parts]
    roots = (e, *(value for _, value in parts))
    whole, *values = fold_all(roots, lambda node, args: change(rebuild(node, args)))
    return whole, tuple(zip(names, values, strict=True))


def _opened(node: Expr) -> Expr:
    """A shorthand written out, down to functions that have a rule of their own."""
    if node.function.expand is None:
        return node
    root = node.function.expand(*node.args, *node.params)
    return fold(root, lambda n, args: n if n in node.args else _opened(rebuild(n, args)))
