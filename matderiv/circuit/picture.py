"""A circuit as it is shown: cells with a value above and a gradient below, links, layers once.

Constants are part of the formulas that use them. Repeated layers are shown once, with a cell that
stands for the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from matderiv.circuit.nodes import CONSTANT, Circuit, Node
from matderiv.circuit.passes import Backprop
from matderiv.circuit.running import Run, array_text
from matderiv.expr import Expr, fold, is_
from matderiv.language.printer import text
from matderiv.numeric.evaluate import Array
from matderiv.shapes import shape_text

LEAST = 3  # as many layers of the same form are a repetition
LONGEST = 24  # segments that one layer may have
COLLAPSED = "layers"
NO_GRADIENT = "no gradient"
MANY = 40  # cells from which on repeated layers are collapsed if nobody says otherwise


class Repeat(NamedTuple):
    """`times` layers of the same form; `hidden` are the nodes of all but the first.

    `last` is the node that the last layer gives.
    """

    times: int
    hidden: frozenset[int]
    last: int


Form = tuple[Any, ...]


def repeats(circuit: Circuit) -> list[Repeat]:
    """The repeated layers, from the input to the output.

    >>> from matderiv.circuit.nodes import circuit
    >>> h = variable("x")
    >>> for k in range(5):
    ...     h = apply("tanh", variable(f"w{k}") * h)
    >>> [r.times for r in repeats(circuit(h))]
    [4]
    """
    cut = segments(circuit)
    forms = [form(circuit, s, cut[k - 1][-1] if k else None) for k, s in enumerate(cut)]
    found: list[Repeat] = []
    start = 0
    while start < len(cut):
        length, count = _best(forms, start)
        if count < LEAST:
            start += 1
            continue
        start, count = _from_a_weight(circuit, cut, forms, (start, length, count))
        stop = start + length * count
        gates = [n for s in cut[start + length : stop] for n in s]
        own = {a for n in gates for a in n.arguments if not circuit.nodes[a].is_gate}
        inside = {n.index for n in gates}
        own = {a for a in own if all(u in inside for u in circuit.users[a])}
        found.append(Repeat(count, frozenset(inside | own), gates[-1].index))
        start = stop
    return found


def _from_a_weight(
    circuit: Circuit,
    cut: Sequence[Sequence[Node]],
    forms: Sequence[Form],
    found: tuple[int, int, int],
) -> tuple[int, int]:
    """Where the layers begin and how many there are: with a product by a matrix of their own.

    W*h, + b, relu is the layer, and not + b, relu, W*h; without such a product, as found.
    """
    start, length, count = found
    for shift in range(length):
        first = cut[start + shift][0]
        own = any(not circuit.nodes[a].is_gate for a in first.arguments)
        left = count if shift == 0 else _times(forms, start + shift, length)
        if is_(first.definition, "mul", "einsum") and own and left >= LEAST:
            return start + shift, left
    return start, count


def segments(circuit: Circuit) -> list[list[Node]]:
    """The operations in groups; what comes after a group uses only the last one of it."""
    gates = circuit.gates
    place = {n.index: k for k, n in enumerate(gates)}
    reach, found, current = 0, [], []
    for k, node in enumerate(gates):
        current.append(node)
        if reach <= k:
            found.append(current)
            current = []
        reach = max([reach, *(place[u] for u in circuit.users[node.index])])
    return [*found, current] if current else found


def form(circuit: Circuit, segment: Sequence[Node], before: Node | None) -> Form:
    """What a segment computes, up to the names in it that nothing else uses."""
    names: dict[Expr, str] = {before.symbol: "before"} if before is not None else {}
    inside = {n.index for n in segment}
    out: list[Any] = []
    for k, node in enumerate(segment):
        for a in node.arguments:
            given = circuit.nodes[a]
            own = not given.is_gate and all(u in inside for u in circuit.users[a])
            if own and given.symbol not in names:
                names[given.symbol] = f"own {len(names)} {given.role} {len(given.shape)}"
        out.append(_spelled(node.definition, names))
        names[node.symbol] = f"step {k}"
    return tuple(out)


def _spelled(e: Expr, names: Mapping[Expr, str]) -> Any:
    def visit(node: Expr, args: tuple[Any, ...]) -> Any:
        if node in names:
            return names[node]
        shown = node.name if is_(node, "variable") else node.params
        return (node.function.name, shown, args)

    return fold(e, visit)


def _best(forms: Sequence[Form], start: int) -> tuple[int, int]:
    """The length of a layer that begins here and how often it repeats, most segments covered."""
    best = (1, 1)
    for length in range(1, min(LONGEST, (len(forms) - start) // LEAST) + 1):
        count = _times(forms, start, length)
        if count >= LEAST and count * length > best[0] * best[1]:
            best = (length, count)
    return best


def _times(forms: Sequence[Form], start: int, length: int) -> int:
    """How often the segments from here on repeat, taken in layers of one length."""
    count, at = 1, start + length
    pattern = forms[start:at]
    while forms[at : at + length] == pattern:
        count, at = count + 1, at + length
    return count


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
