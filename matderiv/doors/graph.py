"""The computational graph of an expression: forward, backward, explained, drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from matderiv.arguments import one_of, optional_mapping, require_text, require_values, variables_in
from matderiv.calculus.derivative import differentiate
from matderiv.choosing.parts import name_parts
from matderiv.circuit.drawing import Drawing, drawing
from matderiv.circuit.gates import BackwardStep, explanation, no_gradient, steps
from matderiv.circuit.nodes import Circuit, Node, circuit, rewritten
from matderiv.circuit.passes import Backprop, Edge, backprop, direct, in_its_own_name
from matderiv.circuit.picture import Picture, picture
from matderiv.circuit.running import Run, backward, forward, gaps, notes_on
from matderiv.doors.check import truthful_pass
from matderiv.errors import MatderivError, ShapeError, UnknownName
from matderiv.expr import Expr, contains, is_, variables
from matderiv.input.asking import read_question, understood
from matderiv.input.resolve import Reading
from matderiv.input.values import checked_values, names_in, shapes_of
from matderiv.input.variables import read_name
from matderiv.language.declare import SHAPES
from matderiv.language.printer import text
from matderiv.lazy import Shown
from matderiv.numeric.evaluate import Array, evaluate
from matderiv.output.graphs.dot import graph_dot, graph_mermaid, graph_text
from matderiv.output.graphs.svg import graph_svg, graph_tikz
from matderiv.output.index_notation import carried_out, index_equation
from matderiv.work import A_VERB, bounded

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
class Pass(Shown):
    """The numbers of a forward and a backward pass, by name.

    `shares[source, target]` is what the target handed back to the source. A node has no gradient
    where it, or the end, has no finite value; `gaps` say so. `notes` are these and where a number
    was found in another way.
    """

    values: Mapping[str, Array]
    gradients: Mapping[str, Array]
    shares: Mapping[tuple[str, str], Array]
    notes: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()


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
    seeded: bool = False

    @cached_property
    def back(self) -> Backprop:
        """The backward pass as expressions, compared with values of f.

        Raises NoRule where a function has no derivative, UntrueResult where numbers contradict.
        """
        with bounded(A_VERB):
            return truthful_pass(backprop(self.circuit, seeded=self.seeded))

    @cached_property
    def with_upstream(self) -> Graph:
        """The same graph with a variable G for the gradient that arrives at the end."""
        return replace(self, seeded=True)

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
        run = forward(self.circuit, self._given(values) or {})
        return {n.name: run.values[n.index] for n in self.circuit.shown}

    def backward(self, values: Values | None = None, upstream: Any = None) -> Pass:
        """Value and gradient of every node; `upstream` is the gradient that arrives at the end.

        Without one it is 1, or an array of ones for an expression that is no scalar.
        """
        run = self._run(self._given(values) or {}, upstream)
        names = [n.name for n in self.circuit.nodes]
        gradients = {k: g for k, g in run.gradients.items() if k not in run.undefined}
        return Pass(
            {n.name: run.values[n.index] for n in self.circuit.shown},
            {n.name: gradients[n.index] for n in self.circuit.shown if n.index in gradients},
            {(names[s], names[t]): v for (s, t), v in run.shares.items()},
            notes_on(run),
            gaps(run),
        )

    def jacobian(self, source: str, target: str, values: Values | None = None) -> Array:
        """The local derivative ∂target/∂source of one wire, of shape target + source.

        >>> graph("sum(x.^2)").jacobian("x", "z1", {"x": [1, 2]})
        array([[2., 0.],
               [0., 4.]])
        """
        found = [e for e in self.back.edges if (e.source.name, e.target.name) == (source, target)]
        if not found:
            into = [e.source.name for e in self.back.edges if e.target.name == target]
            raise UnknownName(f"there is no wire from {source} to {target}", hint=one_of(into))
        run = forward(self.circuit, self._given(values) or {})
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
        node = self.circuit.by_name.get(require_text(name, "the name of a node"))
        if node is None or node.index not in self.back.formulas:
            raise UnknownName(
                f"no gradient reaches a node {name}",
                hint=one_of(n.name for n in self.circuit.shown),
            )
        return text(direct(self.back, node))

    def steps(self, values: Values | None = None, upstream: Any = None) -> Iterator[BackwardStep]:
        """The backward pass one node at a time: the state before, the rule, the state after."""
        back, run = self._state(values, upstream)
        return steps(back, run)

    def explain(self, values: Values | None = None, upstream: Any = None) -> str:
        """A sentence or two for every node: what it does to the gradient, and who gets what."""
        back, run = self._state(values, upstream)
        gates = [n for n in reversed(self.circuit.shown) if n.is_gate]
        ordered = [*gates, *(n for n in self.circuit.shown if not n.is_gate)]
        return "\n".join(explanation(n, back, run) for n in ordered)

    # Pictures -------------------------------------------------------------------------------------

    def picture(
        self, values: Values | None = None, upstream: Any = None, *, collapse: bool | None = None
    ) -> Picture:
        """What all pictures show; `collapse` folds repeated layers, by default in large graphs."""
        back, run = self._state(values, upstream)
        return picture(self.title, back, run, collapse=collapse)

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
        return f"<Graph of {len(self.circuit.shown)} nodes, ending in {self.circuit.root.name}>"

    def _repr_svg_(self) -> str:
        return self.svg()

    # ----------------------------------------------------------------------------------------------

    def _given(self, values: Values | None) -> Values | None:
        return self.default if values is None else checked_values(require_values(values))

    def _state(self, values: Values | None, upstream: Any) -> tuple[Backprop, Run | None]:
        """The backward pass that is to be shown, and its numbers where there are values."""
        given = self._given(values)
        if given is not None:
            run = self._run(given, upstream)
            return run.back or self.back, run
        if upstream is not None:
            names = ", ".join(n.name for n in self.circuit.shown if not n.is_gate)
            raise MatderivError(
                "an upstream gradient in numbers needs values", hint=f"values for {names}"
            )
        return self.back, None

    def _run(self, values: Values, upstream: Any) -> Run:
        back = self.back if upstream is None else self.with_upstream.back
        return backward(back, values, upstream)


@bounded(A_VERB)
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
    if values is not None:
        values = checked_values(require_values(values))
    asked = [] if wrt is None else variables_in(wrt)[0]
    names = [require_text(name, "the name of a parameter") for name in asked]
    e, reading = _understood(f, shapes, assume, values)
    parameters = [_parameter(e, reading, name) for name in names]
    shown = reading.read_as if reading else text(*name_parts(e, {v.name for v in variables(e)}))
    e, parts = rewritten(e, reading.parts if reading else (), fold=fold, expand=expand)
    found = circuit(e, parts=parts, wrt=parameters)
    name = found.root.name if found.root.is_gate else "f"
    return Graph(found, f"{name} = {shown}", values, reading)


def _understood(
    f: Any,
    shapes: Mapping[str, Any] | None,
    assume: Mapping[str, Any] | None,
    values: Values | None,
) -> tuple[Expr, Reading | None]:
    if not isinstance(f, str):
        return understood(f, shapes, assume).f, None
    shapes = optional_mapping(shapes, "shapes", SHAPES)
    declared = {**shapes_of(values or {}, f, shapes, assume), **shapes}
    reading = _read(f, declared, assume, values)
    return reading.expr, reading


def _read(
    f: str, shapes: Mapping[str, Any], assume: Mapping[str, Any] | None, values: Values | None
) -> Reading:
    try:
        return read_question(f, shapes=shapes, assume=assume)
    except ShapeError as error:
        guessed = [n for n in names_in(f, shapes) if n not in shapes and n not in (values or {})]
        if values and guessed:
            error.details += (f"without a value, by the letter rule: {', '.join(guessed[:8])}",)
        elif guessed:
            error.details += (f"by the letter rule, without values: {', '.join(guessed[:8])}",)
            error.hint = f'values={{"{guessed[0]}": 2, ...}}, or shapes={{"{guessed[0]}": ""}}'
        raise


def _parameter(e: Expr, reading: Reading | None, name: str) -> Expr:
    named = {v.name: v for v in variables(e)}
    found = read_name(reading, name) if reading else named.get(name)
    if found is None or found.name not in named:
        raise UnknownName(f"there is no {name} in the expression", hint=one_of(named))
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
    if found.has_matrix_form and not contains(found.expr, "einsum"):
        return text(in_its_own_name(edge.target, found.expr))
    told = carried_out(found.tensor)
    return index_equation(edge.target.name, edge.source.symbol, told, found.outer, 1)


__all__ = ["Graph", "GraphEdge", "GraphNode", "Pass", "graph"]
