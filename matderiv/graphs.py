"""The computational graph of an expression: forward, backward, explained, drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from matderiv.calculus.derivation import differentiate
from matderiv.circuit.drawing import Drawing, drawing
from matderiv.circuit.gates import explanation, no_gradient
from matderiv.circuit.nodes import CONSTANT, Circuit, Node, circuit
from matderiv.circuit.passes import Backprop, Edge, backprop, direct, in_its_own_name
from matderiv.circuit.picture import Picture, picture
from matderiv.circuit.rewriting import rewritten
from matderiv.circuit.running import Run, backward, forward, notes_on
from matderiv.circuit.steps import BackwardStep, steps
from matderiv.errors import ShapeError, UnknownName
from matderiv.expr import Expr, is_, variables, walk
from matderiv.input.from_sympy import from_sympy
from matderiv.input.resolve import Reading, read, read_name
from matderiv.input.values import names_in, shapes_of
from matderiv.notation.parts import name_parts
from matderiv.numeric.evaluate import Array, evaluate
from matderiv.output.graph_dot import graph_dot
from matderiv.output.graph_mermaid import graph_mermaid
from matderiv.output.graph_svg import graph_svg
from matderiv.output.graph_text import graph_text
from matderiv.output.graph_tikz import graph_tikz
from matderiv.output.index import index_equation
from matderiv.output.text import text

Values = Mapping[str, Any]


@dataclass(frozen=True)
class GraphNode:
    """A node as it is read: `formula` over earlier names, `gradient` over names, "" for none.

    `gradient_name` is what other formulas call its gradient, `why` says why it gets none.
    """

    name: str
    role: str
    operation: str
    shape: tuple[Any, ...]
    formula: str
    gradient: str
    gradient_name: str
    why: str


@dataclass(frozen=True)
class GraphEdge:
    """A wire: what `target` hands back to `source`, as upstream times local.

    `local` is the local derivative ∂target/∂source, in matrix or index notation; `share` is the
    rule by which the gradient of the target becomes that of the source; "" where nothing passes.
    """

    source: str
    target: str
    local: str
    share: str


@dataclass(frozen=True)
class Pass:
    """The numbers of a forward and a backward pass, by name.

    `shares[source, target]` is what the target handed back to the source. `notes` say where a
    number was found in another way.
    """

    values: Mapping[str, Array]
    gradients: Mapping[str, Array]
    shares: Mapping[tuple[str, str], Array]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """The computational graph of an expression; `graph` makes one.

    Methods that take `values` use the ones the graph was made with if they get none; without any
    they show formulas. `str` gives the table.

    >>> G = graph("q*z where q = x + y", values={"x": -2, "y": 5, "z": -4})
    >>> {name: float(v) for name, v in G.backward().gradients.items()}
    {'x': -4.0, 'y': -4.0, 'q': -4.0, 'z': 3.0, 'f': 1.0}
    """

    circuit: Circuit
    title: str
    default: Values | None = None
    reading: Reading | None = None

    @cached_property
    def back(self) -> Backprop:
        """The backward pass as expressions. Raises NoRule where a function has no derivative."""
        return backprop(self.circuit)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was guessed when the text was read."""
        return self.reading.notes if self.reading else ()

    @cached_property
    def nodes(self) -> tuple[GraphNode, ...]:
        """Every node, in an order in which they can be computed."""
        return tuple(_node(n, self.back) for n in self.circuit.nodes)

    @cached_property
    def edges(self) -> tuple[GraphEdge, ...]:
        """Every wire on which a gradient could come back, in the order of the backward pass."""
        return tuple(
            GraphEdge(
                e.source.name, e.target.name, local(e), "" if e.share is None else text(e.share)
            )
            for e in self.back.edges
        )

    def forward(self, values: Values | None = None) -> dict[str, Array]:
        """The value of every node, by name. Raises UnknownName for a missing value, ShapeError.

        >>> graph("sum(W*x)").forward({"W": [[1, 2], [3, 4]], "x": [1, 1]})["z1"]
        array([3., 7.])
        """
        run = forward(self.circuit, self._needed(values))
        return {n.name: run.values[n.index] for n in self._named}

    def backward(self, values: Values | None = None, upstream: Any = None) -> Pass:
        """Value and gradient of every node; `upstream` is the gradient that arrives at the end.

        Without one it is 1, or an array of ones for an expression that is no scalar.
        """
        run = self._run(self._needed(values), upstream)
        names = [n.name for n in self.circuit.nodes]
        gradients, shares = run.gradients or {}, run.shares or {}
        return Pass(
            {n.name: run.values[n.index] for n in self._named},
            {n.name: gradients[n.index] for n in self._named if n.index in gradients},
            {(names[s], names[t]): v for (s, t), v in shares.items()},
            notes_on(run),
        )

    def jacobian(self, source: str, target: str, values: Values | None = None) -> Array:
        """The local derivative ∂target/∂source of one wire, of shape target + source.

        >>> graph("sum(x.^2)").jacobian("x", "z1", {"x": [1, 2]})
        array([[2., 0.],
               [0., 4.]])
        """
        found = [e for e in self.back.edges if (e.source.name, e.target.name) == (source, target)]
        if not found:
            raise UnknownName(f"there is no wire from {source} to {target}")
        run = forward(self.circuit, self._needed(values))
        e = differentiate(found[0].target.definition, found[0].source.symbol, "jacobian").expr
        numbers = run.numbers
        given = {v.name: numbers[v] for v in variables(e)}
        value = evaluate(e, given, run.sizes)
        ends = (run.values[found[0].target.index], run.values[found[0].source.index])
        shape = tuple(s for end in ends for s in end.shape if end.ndim)
        return value.reshape(shape)

    def gradient(self, name: str) -> str:
        """The gradient by one node as a formula in the user's own names, shortened.

        >>> graph("sum((X*w - y).^2)").gradient("w")
        "2*X'*(X*w - y)"
        """
        node = self.circuit.by_name.get(name)
        if node is None or node.index not in self.back.formulas:
            raise UnknownName(f"no gradient reaches a node {name}", hint=self._names())
        return text(direct(self.back, node))

    def steps(self, values: Values | None = None, upstream: Any = None) -> Iterator[BackwardStep]:
        """The backward pass one node at a time: the state before, the rule, the state after."""
        given = self._given(values)
        return steps(self.back, None if given is None else self._run(given, upstream))

    def explain(self, values: Values | None = None, upstream: Any = None) -> str:
        """A sentence or two for every node: what it does to the gradient, and who gets what."""
        given = self._given(values)
        run = None if given is None else self._run(given, upstream)
        gates = [n for n in reversed(self._named) if n.is_gate]
        ordered = [*gates, *(n for n in self._named if not n.is_gate)]
        return "\n".join(explanation(n, self.back, run) for n in ordered)

    # Pictures -------------------------------------------------------------------------------------

    def picture(
        self, values: Values | None = None, upstream: Any = None, *, collapse: bool | None = None
    ) -> Picture:
        """What all pictures show; `collapse` folds repeated layers, by default in large graphs."""
        given = self._given(values)
        run = None if given is None else self._run(given, upstream)
        return picture(self.title, self.back, run, collapse=collapse)

    def _drawing(self, values: Values | None, upstream: Any, collapse: bool | None) -> Drawing:
        return drawing(self.picture(values, upstream, collapse=collapse))

    def text(
        self, values: Values | None = None, upstream: Any = None, *, collapse: bool | None = None
    ) -> str:
        """The table: what every node is, its value and its gradient."""
        return graph_text(self.picture(values, upstream, collapse=collapse))

    def svg(
        self, values: Values | None = None, upstream: Any = None, *, collapse: bool | None = None
    ) -> str:
        """A picture: value above, gradient below every node."""
        return graph_svg(self._drawing(values, upstream, collapse))

    def dot(
        self, values: Values | None = None, upstream: Any = None, *, collapse: bool | None = None
    ) -> str:
        """The graph for Graphviz."""
        return graph_dot(self.picture(values, upstream, collapse=collapse))

    def mermaid(
        self, values: Values | None = None, upstream: Any = None, *, collapse: bool | None = None
    ) -> str:
        """The graph for Mermaid."""
        return graph_mermaid(self.picture(values, upstream, collapse=collapse))

    def tikz(
        self,
        values: Values | None = None,
        upstream: Any = None,
        *,
        collapse: bool | None = None,
        standalone: bool = False,
    ) -> str:
        """The picture in TikZ with formulas in LaTeX; `standalone` makes it a file."""
        return graph_tikz(self._drawing(values, upstream, collapse), standalone=standalone)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Graph of {len(self._named)} nodes, ending in {self.circuit.root.name}>"

    def _repr_svg_(self) -> str:
        return self.svg()

    # ----------------------------------------------------------------------------------------------

    @property
    def _named(self) -> list[Node]:
        return [n for n in self.circuit.nodes if n.role != CONSTANT or n is self.circuit.root]

    def _names(self) -> str:
        return f"one of {', '.join(n.name for n in self._named[:12])}"

    def _given(self, values: Values | None) -> Values | None:
        return self.default if values is None else values

    def _needed(self, values: Values | None) -> Values:
        given = self._given(values)
        return {} if given is None else given

    def _run(self, values: Values, upstream: Any) -> Run:
        return backward(self.back, values, upstream)


def graph(
    f: Any,
    *,
    shapes: Mapping[str, Any] | None = None,
    assume: Mapping[str, Any] | None = None,
    wrt: str | Sequence[str] | None = None,
    values: Values | None = None,
    fold: bool = False,
    expand: bool = False,
) -> Graph:
    """The computational graph of an expression, given as text or as a SymPy expression.

    Every operation as typed is a node; `wrt` names parameters (a list, or "W, b"), and then
    nothing else gets a gradient. `values` are the numbers to show, and say the kind of names that
    nothing declares. `fold` reads long spellings as one function, such as 1/(1 + exp(-z)) as
    sigmoid(z); `expand` writes out losses and layers in simpler functions.

    >>> print(graph("(x + y)*z", values={"x": -2, "y": 5, "z": -4}))
    f = (x + y)*z
    <BLANKLINE>
    node  is     value  gradient  gradient is
    x     input  -2     -4        delta1
    y     input  5      -4        delta1
    u1    x + y  3      -4        delta1 = z
    z     input  -4     3         u1
    f     u1*z   -12    1         1
    """
    e, reading = _understood(f, shapes, assume, values)
    listed = wrt.split(",") if isinstance(wrt, str) else wrt or ()
    asked = [name.strip() for name in listed if name.strip()]
    parameters = [_parameter(e, reading, name) for name in asked]
    shown = reading.read_as if reading else text(*name_parts(e, {v.name for v in variables(e)}))
    e, parts = rewritten(e, reading.parts if reading else (), fold=fold, expand=expand)
    found = circuit(e, parts=parts, wrt=parameters)
    return Graph(found, f"{found.root.name} = {shown}", values, reading)


def _understood(
    f: Any,
    shapes: Mapping[str, Any] | None,
    assume: Mapping[str, Any] | None,
    values: Values | None,
) -> tuple[Expr, Reading | None]:
    if isinstance(f, str):
        declared = {**shapes_of(values or {}, f, shapes, assume), **(shapes or {})}
        reading = _read(f, declared, assume, values)
        return reading.expr, reading
    if isinstance(f, Expr):
        return f, None
    words = {k: v.split() if isinstance(v, str) else v for k, v in (assume or {}).items()}
    return from_sympy(f, words), None


def _read(
    f: str, shapes: Mapping[str, Any], assume: Mapping[str, Any] | None, values: Values | None
) -> Reading:
    try:
        return read(f, shapes=shapes, assume=assume)
    except ShapeError as error:
        guessed = [n for n in names_in(f, shapes) if n not in shapes and n not in (values or {})]
        if values and guessed:
            error.details += (f"without a value, by the letter rule: {', '.join(guessed[:8])}",)
        raise


def _parameter(e: Expr, reading: Reading | None, name: str) -> Expr:
    named = {v.name: v for v in variables(e)}
    found = read_name(reading, name) if reading else named.get(name)
    if found is None or found.name not in named:
        raise UnknownName(
            f"there is no {name} in the expression", hint=f"one of {', '.join(named)}"
        )
    return found


def _node(node: Node, back: Backprop) -> GraphNode:
    formula = back.formulas.get(node.index)
    name = back.gradients.get(node.index)
    return GraphNode(
        node.name,
        node.role,
        node.definition.function.name if node.is_gate else "",
        node.shape,
        node.formula,
        "" if formula is None else text(formula),
        "" if name is None or not is_(name, "variable") else name.name,
        no_gradient(node, back),
    )


def local(edge: Edge) -> str:
    """The local derivative of a wire as text."""
    found = differentiate(edge.target.definition, edge.source.symbol, "jacobian")
    if found.has_matrix_form and not any(is_(n, "einsum") for n in walk(found.expr)):
        return text(in_its_own_name(edge.target, found.expr))
    return index_equation(edge.target.name, edge.source.symbol, found.tensor, found.outer, 1)


__all__ = ["Graph", "GraphEdge", "GraphNode", "Pass", "graph"]
