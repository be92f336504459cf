"""Layers of a circuit that repeat: the same operations again and again, each on the last result."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matderiv.circuit.nodes import Circuit, Node
from matderiv.expr import Expr, fold, is_

LEAST = 3  # as many layers of the same form are a repetition
LONGEST = 24  # segments that one layer may have


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
