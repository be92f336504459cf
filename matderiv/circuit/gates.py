"""What a gate does to the gradient that arrives, in the words of a lecture, and gate by gate.

Source: Georgia Tech CS 4803/7643 and Stanford CS 231n, backpropagation (patterns in backward flow).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from matderiv.calculus.structure import linear_structure
from matderiv.circuit.nodes import CONSTANT, PARAMETER, Node
from matderiv.circuit.passes import Backprop, Edge, added
from matderiv.circuit.running import Run, array_text, substituted, sum_text
from matderiv.expr import Expr, is_, number_value
from matderiv.language.printer import text
from matderiv.language.sentences import plain_words
from matderiv.lazy import np
from matderiv.shapes import is_scalar, shape_text

_PATTERNS: dict[str, str] = {
    "distributes": "distributes: every term gets the gradient unchanged",
    "subtracts": "distributes: every term gets the gradient, with a minus where it is subtracted",
    "negates": "turns the sign of the gradient",
    "switches": "switches: each factor gets the gradient times the other factor",
    "scales": "scales: the gradient is multiplied by the same constant",
    "transposes": "transposes: each factor gets the gradient times the other factor transposed",
    "routes": "routes: the gradient goes to the entry that was chosen, the others get 0",
    "gates": "gates: the gradient passes where the input is positive and stops elsewhere",
    "broadcasts": "broadcasts: a sum hands its gradient to every entry that was added",
    "averages": "broadcasts: a mean hands its gradient to every entry, divided by their number",
    "stops": "stops the gradient: it is constant wherever it has a derivative",
    "moves": "moves entries: the gradient goes back to where they came from",
    "contracts": "contracts: each operand gets the gradient contracted with the others",
}

_FIXED = {
    **dict.fromkeys(("gt", "lt", "ge", "le", "sign", "step"), "stops"),
    **dict.fromkeys(("transpose", "vec", "unvec", "permute", "diag", "tr"), "moves"),
    **dict.fromkeys(("maximum", "minimum", "max", "min", "where"), "routes"),
    "neg": "negates",
    "relu": "gates",
    "sum": "broadcasts",
    "mean": "averages",
    "einsum": "contracts",
}
_SQUARES = "adds squares: every entry gets twice itself, times the gradient"
_POWERS = "multiplies the gradient by its local derivative: power rule"
FEW = 12  # gradients found so far that are listed after a step


def pattern(node: Node) -> str:
    """The name of what a gate does to its gradient; "" where its own rule says it.

    >>> from matderiv.circuit.nodes import circuit
    >>> a, b = variable("a"), variable("b")
    >>> [pattern(circuit(e).root) for e in (a + b, a - b, a * b, 2 * a)]
    ['distributes', 'subtracts', 'switches', 'scales']
    """
    e = node.definition
    name = e.function.name
    if name == "add":
        return "subtracts" if any(is_(a, "neg") for a in e.args) else "distributes"
    if name in ("mul", "hadamard"):
        if any(number_value(a) is not None for a in e.args):
            return "scales"
        numbers = is_scalar(node.shape) or any(is_scalar(a.shape) for a in e.args)
        return "switches" if numbers or name == "hadamard" else "transposes"
    if name == "div" and number_value(e.args[1]) is not None:
        return "scales"
    return _FIXED.get(name, "")


def does(node: Node) -> str:
    """One clause: what the gate does to its gradient."""
    found = pattern(node)
    if found:
        return _PATTERNS[found]
    if is_(node.definition, "power") and is_scalar(node.definition.args[0].shape):
        squared = is_(node.definition.args[0], "norm2")
        return _SQUARES if squared else _POWERS
    function = node.definition.function
    if function.kind == "elementwise" and len(node.definition.args) == 1:
        each = "every entry of the gradient" if node.shape else "the gradient"
        return (
            f"multiplies {each} by its local derivative: {_first_lower(plain_words(function.says))}"
        )
    return f"has a rule of its own: {_first_lower(plain_words(function.says))}"


def _first_lower(said: str) -> str:
    said = said.rstrip(".")
    first = said.split(" ", 1)[0]
    return said[:1].lower() + said[1:] if first.isalpha() and first[1:].islower() else said


# Sentences ---------------------------------------------------------------------------------------


def explanation(node: Node, back: Backprop, run: Run | None = None) -> str:
    """One or two sentences about a node: what it does on the way back, and who gets what.

    >>> from matderiv.circuit.nodes import circuit
    >>> from matderiv.circuit.passes import backprop
    >>> found = backprop(circuit(variable("q") * variable("z")))
    >>> explanation(found.circuit.root, found)
    'f = q*z switches: each factor gets the gradient times the other factor; q gets z, z gets q.'
    """
    if not node.is_gate:
        return _given(node, back, run)
    said = f"{node.name} = {node.formula} {does(node)}"
    reason = no_gradient(node, back)
    if reason:
        return f"{said}; here {reason}."
    handed = [_handed(e, run) for e in back.outgoing.get(node.index, ())]
    spread = _spread(node)
    said = "; ".join(filter(None, (said, spread, ", ".join(handed))))
    tail = f" {_added(node, back, run)}" if len(back.received(node)) > 1 else ""
    tail += _undefined(node, run)
    zero = zero_reason(node, back, run)
    return f"{said}.{tail}" + (f" {node.name} itself gets 0: {zero}." if zero else "")


def _handed(edge: Edge, run: Run | None) -> str:
    if edge.share is None:
        return f"{edge.source.name} gets nothing"
    said = f"{edge.source.name} gets {text(edge.share)}"
    if run is None:
        return said
    value = array_text(run.carried(edge))
    filled = substituted(edge.share, run.numbers)
    middle = f" = {filled}" if filled not in (text(edge.share), value) and len(filled) < 60 else ""
    return f"{said}{middle} = {value}" if value != text(edge.share) else said


def _spread(node: Node) -> str:
    """Which arguments were broadcast, so that their gradients are sums."""
    if not is_(node.definition, "add", "hadamard", "ediv"):
        return ""
    whole = [s for s in node.shape if s != 1]
    short = [
        text(a.args[0] if is_(a, "neg") else a)
        for a in node.definition.args
        if [s for s in a.shape if s != 1] != whole and number_value(a) is None
    ]
    if not short:
        return ""
    return (
        f"{' and '.join(short)} is broadcast to {shape_text(node.shape)}, so its gradient is summed"
    )


def _given(node: Node, back: Backprop, run: Run | None) -> str:
    if node.role == CONSTANT:
        return f"{node.name} is a constant: it has no gradient."
    kind = "a parameter" if node.role == PARAMETER else "an input"
    reason = no_gradient(node, back)
    if reason:
        return f"{node.name} is {kind} and gets no gradient: {reason}."
    said = f"{node.name} is {kind}."
    users = back.received(node)
    if len(users) > 1:
        said += f" {_added(node, back, run)}"
    elif users:
        said += f" Its gradient is what {users[0].target.name} hands back"
        found = run.gradients if run and node.index not in run.undefined else None
        said += f": {array_text(found[node.index])}." if found else "."
    zero = zero_reason(node, back, run)
    said += f" It is 0: {zero}." if zero else ""
    said += _undefined(node, run)
    space = linear_structure(node.symbol)
    free = f" {node.name} is {space}, and this is the gradient without that condition."
    return said + (free if space else "")


def _undefined(node: Node, run: Run | None) -> str:
    if run is None or node.index not in run.undefined:
        return ""
    return f" At these numbers there is no gradient by {node.name}."


def _added(node: Node, back: Backprop, run: Run | None) -> str:
    users = back.received(node)
    names = _listed([e.target.name for e in users])
    said = (
        f"{node.name} is copied to {names}, and copies add: its gradient is the sum of the shares"
    )
    if run is None:
        return said + "."
    shown = sum_text([array_text(run.carried(e)) for e in users])
    if "norm" in shown or len(shown) > 80:
        return said + "."
    return f"{said}, {shown} = {array_text(run.gradients[node.index])}."


def _listed(names: list[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return ", ".join(names[:-1]) + f" and {names[-1]}"


# No gradient, and why ----------------------------------------------------------------------------


def no_gradient(node: Node, back: Backprop) -> str:
    """Why a node gets no gradient, whatever the numbers are; "" where it gets one."""
    if node.index in back.formulas:
        return ""
    if node.role == CONSTANT:
        return "it is a constant"
    if node.index not in back.circuit.wanted:
        return "nothing that was asked for lies behind it"
    edges = back.incoming.get(node.index, ())
    if not edges:
        users = [back.circuit.nodes[k].name for k in back.circuit.users[node.index]]
        if not users:
            return "it does not occur in the expression"
        through = _listed(users) if len(users) > 1 else users[0]
        return f"it acts only through {through}, which gets none"
    stops = [f"{e.target.name} = {e.target.formula}" for e in edges]
    return (
        f"{_listed(stops) if len(stops) > 1 else stops[0]} is constant wherever it has a derivative"
    )


def zero_reason(node: Node, back: Backprop, run: Run | None) -> str:
    """Why a node's gradient is zero in every entry at these numbers; "" where it is not."""
    if run is None or node.index not in run.gradients or node is back.circuit.root:
        return ""
    if np.any(run.gradients[node.index]):
        return ""
    return "; ".join(dict.fromkeys(_blocked(e, run) for e in back.received(node)))


def _blocked(edge: Edge, run: Run) -> str:
    target, e = edge.target, edge.target.definition
    arrived = run.gradients[target.index]
    if not np.any(arrived):
        return f"{target.name} gets 0 itself"
    if is_(e, "relu"):
        return f"{target.name} = {target.formula} is off, its input is not positive"
    if is_(e, "maximum", "minimum", "where"):
        return f"{target.name} = {target.formula} chose the other one"
    if is_(e, "mul", "hadamard"):
        return f"what stands beside it in {target.name} = {target.formula} is 0"
    return f"the local derivative of {target.name} = {target.formula} is 0 here"


@dataclass(frozen=True)
class GateShare:
    """What one argument gets: upstream times local, as a formula, with numbers, and as a value.

    `formula` is "" where nothing passes; `numbers` and `value` are empty without numbers.
    """

    to: str
    formula: str
    numbers: str = ""
    value: Any = None


@dataclass(frozen=True)
class BackwardStep:
    """One node handing its gradient to its arguments.

    `before` and `after` are the gradients found so far, by name: arrays, or formulas where there
    are no numbers. A node that is used several times is complete when its last user is done.
    """

    number: int
    node: str
    formula: str
    gradient: Any
    rule: str
    shares: tuple[GateShare, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def __str__(self) -> str:
        """The step as it is told.

        >>> from matderiv.doors.graph import graph
        >>> print(next(graph("x*y", shapes={"x": "", "y": ""}).steps({"x": 2, "y": 3})))
        1. f = x*y has the gradient 1
           it switches: each factor gets the gradient times the other factor
           x: y = 3
           y: x = 2
           now f 1, x 3, y 2
        """
        head = f"{self.number}. {self.node} = {self.formula} has the gradient"
        lines = [f"{head} {_shown(self.gradient)}", f"   it {self.rule}"]
        for s in self.shares:
            if not s.formula:
                lines.append(f"   {s.to}: nothing passes")
                continue
            words = [s.formula, s.numbers, "" if s.value is None else array_text(s.value)]
            said = " = ".join(dict.fromkeys(filter(None, words)))
            before = self.before.get(s.to)
            added = "" if before is None else f", added to {_shown(before)}"
            lines.append(f"   {s.to}: {said}{added}")
        state = [f"{name} {_shown(v)}" for name, v in islice(self.after.items(), FEW + 1)]
        if len(state) <= FEW:
            lines.append(f"   now {', '.join(state)}")
        return "\n".join(lines)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else array_text(value)


def steps(back: Backprop, run: Run | None = None) -> Iterator[BackwardStep]:
    """The backward pass from the end to the inputs, one step for each operation."""
    root = back.circuit.root
    after: dict[str, Any] = {}
    found: dict[int, list[Expr]] = {}
    if root.index in back.formulas:
        after[root.name] = _gradient(root, back, run)
    gates = [n for n in reversed(back.circuit.nodes) if n.index in back.outgoing]
    for number, node in enumerate(gates, 1):
        edges, before, after = back.outgoing[node.index], after, dict(after)
        for e in edges:
            if e.share is not None:
                found.setdefault(e.source.index, []).insert(0, e.share)
                after[e.source.name] = _so_far(e, found[e.source.index], before, run)
        shares = tuple(_share(e, run) for e in edges)
        gradient = _gradient(node, back, run)
        yield BackwardStep(
            number, node.name, node.formula, gradient, does(node), shares, before, after
        )


def _gradient(node: Node, back: Backprop, run: Run | None) -> Any:
    return text(back.formulas[node.index]) if run is None else run.gradients[node.index]


def _so_far(edge: Edge, shares: list[Expr], state: Mapping[str, Any], run: Run | None) -> Any:
    if run is None:
        return text(added(shares))
    share = run.carried(edge)
    return state[edge.source.name] + share if edge.source.name in state else share


def _share(edge: Edge, run: Run | None) -> GateShare:
    if edge.share is None:
        return GateShare(edge.source.name, "")
    formula = text(edge.share)
    if run is None:
        return GateShare(edge.source.name, formula)
    numbers = substituted(edge.share, run.numbers)
    shown = numbers if numbers != formula else ""
    return GateShare(edge.source.name, formula, shown, run.carried(edge))
