"""The backward pass one node at a time, as it is shown on slides: before, rule, after."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from matderiv.circuit.figures import array_text, substituted
from matderiv.circuit.gates import does
from matderiv.circuit.nodes import Node
from matderiv.circuit.passes import Backprop, Edge, added
from matderiv.circuit.running import Run
from matderiv.expr import Expr
from matderiv.language.printer import text

FEW = 12  # gradients found so far that are listed after a step


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
