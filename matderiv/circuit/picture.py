"""A circuit as it is shown: cells with a value above and a gradient below, and links between them.

Constants are part of the formulas that use them. Repeated layers are shown once, with a cell that
stands for the others.
"""

from dataclasses import dataclass, replace

from matderiv.circuit.figures import array_text
from matderiv.circuit.nodes import CONSTANT, Node
from matderiv.circuit.passes import Backprop
from matderiv.circuit.repeats import Repeat, repeats
from matderiv.circuit.running import Run
from matderiv.expr import Expr, is_
from matderiv.language.printer import text
from matderiv.numeric.evaluate import Array
from matderiv.shapes import shape_text

COLLAPSED = "layers"
NO_GRADIENT = "no gradient"
MANY = 40  # cells from which on repeated layers are collapsed if nobody says otherwise


@dataclass(frozen=True, eq=False)
class Cell:
    """One node as it is shown.

    `symbol` is its name as a variable, `formula` what stands behind the equals sign, "" for inputs;
    `value` and `gradient` are arrays where there are numbers; `handed` says the gradient as a
    formula, "" where there is none, `called` the name that it has in other formulas; `parts` are
    the shares that it is the sum of, `stands_for` the names in a collapsed cell.
    """

    name: str
    role: str
    shape: str
    symbol: Expr
    formula: str = ""
    definition: Expr | None = None
    value: Array | None = None
    gradient: Array | None = None
    handed: str = ""
    called: str = ""
    formula_back: Expr | None = None
    parts: tuple[str, ...] = ()
    stands_for: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What is written into the box: a name, or a name with its formula."""
        return f"{self.name} = {self.formula}" if self.formula else self.name

    @property
    def answer(self) -> str:
        """The gradient as a formula, behind its name where it has one."""
        return f"{self.called} = {self.handed}" if self.called else self.handed


@dataclass(frozen=True, eq=False)
class Picture:
    """Cells from the inputs to the end, links as pairs of their places, and what is drawn."""

    title: str
    cells: tuple[Cell, ...]
    links: tuple[tuple[int, int], ...]
    numeric: bool


def picture(
    title: str, back: Backprop, run: Run | None = None, *, collapse: bool | None = None
) -> Picture:
    """What is shown of a circuit; `collapse` folds repeated layers, None does so for many cells."""
    circuit = back.circuit
    shown = circuit.shown
    if collapse is None:
        collapse = len(shown) > MANY
    hidden = {k: r for r in (repeats(circuit) if collapse else ()) for k in r.hidden}
    place: dict[int, int] = {}
    cells: list[Cell] = []
    for node in shown:
        repeat = hidden.get(node.index)
        if repeat is None:
            place[node.index] = len(cells)
            cells.append(_cell(node, back, run))
        elif node.index == repeat.last:
            for k in repeat.hidden:
                place[k] = len(cells)
            cells.append(_collapsed(repeat, node, back, run))
    links = dict.fromkeys(
        (place[a], place[n.index])
        for n in shown
        for a in n.arguments
        if a in place and place[a] != place[n.index]
    )
    return Picture(title, tuple(cells), tuple(links), run is not None)


def _cell(node: Node, back: Backprop, run: Run | None) -> Cell:
    value = run.values[node.index] if run else None
    known = run is not None and node.index not in run.undefined
    gradient = run.gradients.get(node.index) if run is not None and known else None
    formula = back.formulas.get(node.index)
    return Cell(
        node.name,
        node.role,
        shape_text(node.shape if value is None else value.shape),
        node.symbol,
        node.formula if node.is_gate else "",
        node.definition if node.is_gate else None,
        value,
        gradient,
        "" if formula is None else text(formula),
        _called(node, back),
        formula,
        _parts(node, back, run),
    )


def _called(node: Node, back: Backprop) -> str:
    name, formula = back.gradients.get(node.index), back.formulas.get(node.index)
    named = name is not None and formula is not None and formula is not name
    return name.name if name is not None and named and is_(name, "variable") else ""


def _parts(node: Node, back: Backprop, run: Run | None) -> tuple[str, ...]:
    users = back.received(node)
    if len(users) < 2:
        return ()
    if run is None:
        return tuple(text(e.share) for e in users if e.share is not None)
    return tuple(array_text(run.carried(e)) for e in users)


def _collapsed(repeat: Repeat, last: Node, back: Backprop, run: Run | None) -> Cell:
    nodes = back.circuit.nodes
    met = dict.fromkeys(
        a for k in sorted(repeat.hidden) if nodes[k].is_gate for a in nodes[k].arguments
    )
    own = [nodes[a] for a in met if a in repeat.hidden and not nodes[a].is_gate]
    names = tuple(n.name for n in own if n.role != CONSTANT)
    return replace(
        _cell(last, back, run),
        role=COLLAPSED,
        formula=f"{repeat.times - 1} more such layers",
        definition=None,
        stands_for=names,
    )
