"""The backward pass of a circuit: what each gate hands back, upstream times local.

Every share comes from the one engine: the pullback of a gate's definition by one argument, with the
gate's gradient as upstream. Source: Griewank & Walther 2008, ch. 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from matderiv.calculus.derivative import differentiate
from matderiv.calculus.recognise import prepare
from matderiv.calculus.sweeps import pullback
from matderiv.choosing.polish import polished
from matderiv.choosing.sums import raise_tensor
from matderiv.circuit.nodes import Circuit, Node
from matderiv.expr import Expr, number, substitute, variable, variables, walk
from matderiv.shapes import is_scalar
from matderiv.views.intermediates import fresh_name, gradient_name
from matderiv.views.passes import as_row
from matderiv.words.signs import total


@dataclass(frozen=True, eq=False)
class Edge:
    """What `target` hands back to `source`, one of its arguments.

    `share` is written over the names of the nodes and of their gradients; None where nothing
    passes, because the target does not change with the argument.
    """

    source: Node
    target: Node
    share: Expr | None


@dataclass(frozen=True, eq=False)
class Backprop:
    """The gradients of a circuit as expressions.

    `seed` is the gradient of the last node: the number 1, or a variable of its shape. `gradients`
    has a name for the gradient of every gate, `formulas` what it is, over names; a node without a
    formula gets no gradient.
    """

    circuit: Circuit
    seed: Expr
    gradients: Mapping[int, Expr]
    edges: tuple[Edge, ...]
    formulas: Mapping[int, Expr]

    @cached_property
    def outgoing(self) -> Mapping[int, list[Edge]]:
        """The edges that leave a node towards its arguments, in the order of the arguments."""
        found: dict[int, list[Edge]] = {}
        for e in self.edges:
            found.setdefault(e.target.index, []).append(e)
        return found

    @cached_property
    def incoming(self) -> Mapping[int, list[Edge]]:
        """The edges on which a node receives its gradient, in the order of its users."""
        found: dict[int, list[Edge]] = {}
        for e in sorted(self.edges, key=lambda e: e.target.index):
            found.setdefault(e.source.index, []).append(e)
        return found

    @property
    def carrying(self) -> list[Edge]:
        """The edges on which something passes."""
        return [e for e in self.edges if e.share is not None]

    def received(self, node: Node) -> list[Edge]:
        """Those on which something passes to a node."""
        return [e for e in self.incoming.get(node.index, ()) if e.share is not None]

    @cached_property
    def whole(self) -> dict[Expr, Expr]:
        """What the names of nodes and of their gradients stand for, in the user's names."""
        meaning: dict[Expr, Expr] = {n.symbol: n.expr for n in self.circuit.nodes if n.is_gate}
        for node in reversed(self.circuit.nodes):
            name = self.gradients.get(node.index)
            if name is not None and node.index in self.formulas and node is not self.circuit.root:
                meaning[name] = substitute(self.formulas[node.index], meaning)
        return meaning

    def written_out(self, e: Expr) -> Expr:
        """An expression over the names of the circuit in the user's names."""
        return substitute(e, self.whole)


def backprop(circuit: Circuit, *, seeded: bool = False) -> Backprop:
    """The backward pass; with `seeded` the gradient that arrives at the end is a variable G.

    Without it that is 1 for a scalar. Raises NoRule.

    >>> from matderiv.circuit.nodes import circuit
    >>> x, y, z = (variable(name) for name in "xyz")
    >>> found = backprop(circuit((x + y) * z, parts=[("q", x + y)]))
    >>> [(n.name, text(found.formulas[n.index])) for n in found.circuit.nodes]
    [('x', 'delta_q'), ('y', 'delta_q'), ('q', 'z'), ('z', 'q'), ('f', '1')]
    """
    root = circuit.root
    seed, gradients = _gradient_names(circuit, seeded)
    edges: list[Edge] = []
    formulas: dict[int, Expr] = {root.index: seed} if root.index in circuit.wanted else {}
    shares: dict[int, list[Expr]] = {}
    for node in reversed(circuit.nodes):
        if node.index in shares:
            formulas[node.index] = added(shares[node.index])
        if node.index not in formulas or not node.is_gate:
            continue
        for a in node.arguments:
            if a in circuit.wanted:
                share = share_of(node, circuit.nodes[a], gradients[node.index])
                edges.append(Edge(circuit.nodes[a], node, share))
                if share is not None:
                    shares.setdefault(a, []).insert(0, share)
    return Backprop(circuit, seed, gradients, tuple(edges), formulas)


def _gradient_names(circuit: Circuit, seeded: bool) -> tuple[Expr, dict[int, Expr]]:
    """The gradient at the end, and a name for the gradient of every operation."""
    root, given = circuit.root, (n.expr for n in circuit.nodes if not n.is_gate)
    taken = _names(circuit) | {v.name for v in variables(*given)}
    seed: Expr = number(1)
    if seeded or not is_scalar(root.shape):
        seed = variable(fresh_name("G", taken), root.shape)
    return seed, {
        n.index: seed if n is root else variable(fresh_name(_gradient_name(n), taken), n.shape)
        for n in circuit.gates
        if n.index in circuit.wanted
    }


def _gradient_name(node: Node) -> str:
    """delta3 is the gradient of z3, delta_q that of q, which the user named."""
    return f"delta_{node.name}" if node.chosen else gradient_name("delta", node.name)


def added(shares: list[Expr]) -> Expr:
    """The sum of what a node receives."""
    return shares[0] if len(shares) == 1 else total(shares)


def share_of(node: Node, source: Node, upstream: Expr) -> Expr | None:
    """What a gate hands to one argument when its own gradient is `upstream`; None for nothing."""
    x = source.symbol
    tensor = pullback(prepare(node.definition, x), x, upstream)
    if not tensor.terms:
        return None
    share = raise_tensor(tensor, broadcast=True)
    share = polished(in_its_own_name(node, share), set(walk(node.definition)))
    is_row = len(x.shape) == 2 and x.shape[0] == 1 and len(share.shape) == 1
    return as_row(share) if is_row else share


def in_its_own_name(node: Node, local: Expr) -> Expr:
    """A local derivative with the value of the gate by name: h*(1 - h) for h = sigmoid(z)."""
    if node.definition.function.kind in ("elementwise", "primitive"):
        return substitute(local, {node.definition: node.symbol})
    return local


def direct(pass_: Backprop, node: Node) -> Expr:
    """The gradient of one node from the expression as a whole, with the node as its variable.

    It is the same gradient, found where known spellings are read as one: finite where numbers on
    the way overflow.
    """
    name = variable(fresh_name("v", _names(pass_.circuit)), node.shape)
    f = substitute(pass_.circuit.root.expr, {node.expr: name})
    found = differentiate(f, name, "vjp", structure="none", upstream=pass_.seed)
    return substitute(found.expr, {name: node.symbol})


def _names(circuit: Circuit) -> set[str]:
    return {n.name for n in circuit.nodes}
