"""Parts of arrays and arrays of parts: x[1:], X[0], np.concatenate([x, h]), np.array([a, b])."""

from collections.abc import Callable, Sequence

from matderiv.errors import Span
from matderiv.input.python.arguments import TORCH, PythonCall
from matderiv.input.python.arrays import Arrays
from matderiv.input.python.operands import Array, Items, Value
from matderiv.language.calls import END
from matderiv.language.source import Call as Application
from matderiv.language.source import Node, block, written_size
from matderiv.shapes import Size


def entry(lib: Arrays, a: Array, places: Sequence[str], span: Span) -> Array:
    """X[0, 1], X[0, :], X[1:], x[y]: places count from 1 here, as in the text language."""
    a = lib.axes_at_least(a, len(places))
    if not len(places) <= a.rank <= 2:
        raise lib.impossible(f"the array has {a.rank} axes here", span)
    ends = [*places, *[":"] * (a.rank - len(places))]
    build, node = lib.build, a.node
    parts: list[Node | None] = []
    shape: list[Size] = []
    for typed, size in zip(ends, a.shape, strict=True):
        low, colon, high = typed.partition(":")
        if typed == ":":
            parts.append(None)
            shape.append(size)
        elif colon:
            sizes = [written_size(low or "1", span), written_size(high or END, span)]
            parts.append(build.call("cols", sizes, span))
        else:
            parts.append(build.call("unit", (written_size(typed, span),), span))
    row, column = parts[0], parts[-1] if len(parts) == 2 else None
    single = [
        part is not None and ":" not in typed for part, typed in zip(parts, ends, strict=True)
    ]
    if row is not None and all(single) and len(build.shape(node) or ()) == len(parts):
        factors = (row, node)
        if column is not None:
            row = build.operation("mul", (build.transpose(node, span[1]), row), span)
            factors = (row, column)
        entries = build.operation("hadamard", factors, span)
        return Array(build.call("sum", (entries,), span), ())
    if column is not None:
        node = build.operation("mul", (node, column), span)
    if row is not None and single[0]:
        node = build.operation("mul", (build.transpose(node, span[1]), row), span)
    elif row is not None:
        node = build.operation("mul", (build.transpose(row, span[1]), node), span)
    found = build.shape(node) or ()
    return Array(node, found[: sum(not one for one in single)])


def _joined(lib: Arrays, call: PythonCall) -> Array:
    """np.concatenate, np.hstack, np.vstack, np.column_stack, torch.cat of a list of arrays."""
    found = call.bind("a", "axis")
    listed = found.get("a")
    if not isinstance(listed, Items) or not listed.values:
        raise call.error("takes a list of arrays", f"np.{call.name}([x, y])")
    arrays = [call.array_of(v) for v in listed.values]
    flat_ones = all(a.rank < 2 for a in arrays)
    axis = call.axis(found) or 0
    if call.name == "column_stack" or (call.name == "hstack" and not flat_ones):
        axis = 1
    nodes = [a.node for a in arrays]
    if flat_ones and call.name in ("vstack", "stack"):
        nodes = [lib.build.transpose(n, n.span[1]) for n in nodes]
    if axis not in (0, -1, 1) or (flat_ones and axis == 1 and call.name != "column_stack"):
        raise call.error("is read along the rows or the columns", f"np.{call.name}([x, y])")
    down = axis == 0 or (axis == -1 and flat_ones)
    return _in_blocks(lib, call, [[n] for n in nodes] if down else [nodes])


def _parts(lib: Arrays, call: PythonCall) -> Items:
    """np.split and torch.chunk into so many parts, torch.split into parts of a size."""
    found = call.bind("a", "parts", "axis")
    a, count = lib.axes_at_least(call.first(found), 1), call.whole(found.get("parts"))
    place = lib.place_of(call.axis(found) or 0, a, call.span) or 0
    n = a.shape[place]
    if not isinstance(n, int) or count is None or count < 1 or n % count:
        raise call.error("takes a whole number, and parts of one size of an axis that is a number")
    width = count if call.name == "split" and call.dialect == TORCH else n // count
    others = [":"] * place
    places = [[*others, f"{k + 1}:{k + width}"] for k in range(0, n, width)]
    return Items(tuple(entry(lib, a, p, call.span) for p in places), call.span)


def _in_blocks(lib: Arrays, call: PythonCall, rows: Sequence[Sequence[Node]]) -> Array:
    found = block(rows, call.span)
    if isinstance(found, Application) and found.name == "blocks":
        found = lib.build.called(found, found.operands)
    return Array(found, lib.build.shape(found) or ())


def _listed(lib: Arrays, call: PythonCall) -> Array:
    """np.array([[a, b], [c, d]]), np.block([[A, B], [C, D]]); an array is itself."""
    listed = call.values[0] if call.values else None
    if not isinstance(listed, Items):
        (a,) = call.arrays(1)
        return lib.renamed(a, call.span)
    nested = all(isinstance(v, Items) for v in listed.values)
    lines = [list(v.values) if isinstance(v, Items) else [v] for v in listed.values]
    rows = [[call.array_of(v) for v in line] for line in lines]
    if not rows or len({len(row) for row in rows}) > 1:
        raise call.error("takes rows of one length", "np.array([[a, b], [c, d]])")
    if call.name == "block" and not nested:
        rows = [[row[0] for row in rows]]
    elif call.name != "block" and any(a.rank > (not nested) for row in rows for a in row):
        raise call.error("is read for numbers and rows", "np.block([[A, B], [C, D]])")
    flat_ones = not nested and call.name != "block" and any(row[0].rank for row in rows)
    nodes = [[a.node for a in row] for row in rows]
    if flat_ones:
        nodes = [[lib.build.transpose(row[0], row[0].span[1])] for row in nodes]
    return _in_blocks(lib, call, nodes)


BLOCKS: dict[str, Callable[[Arrays, PythonCall], Value]] = {
    **dict.fromkeys(("split", "array_split", "chunk"), _parts),
    **dict.fromkeys("asarray array tensor as_tensor block".split(), _listed),
    **dict.fromkeys("concatenate concat cat hstack vstack column_stack stack".split(), _joined),
}
