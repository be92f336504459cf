"""A circuit for Graphviz."""

from matderiv.circuit.drawing import cut
from matderiv.circuit.figures import array_text, greek
from matderiv.circuit.picture import COLLAPSED, NO_GRADIENT, Cell, Picture

_FILLS = {
    "input": "#e8f0fb",
    "parameter": "#fdf1d8",
    "loss": "#ece8f7",
    "output": "#ece8f7",
    COLLAPSED: "#f0f2f4",
}
_LONGEST = 60


def graph_dot(picture: Picture) -> str:
    """The picture in the DOT language: the value above, the gradient below each name."""
    lines = [
        "digraph circuit {",
        "  rankdir=LR;",
        f"  label={_quoted(picture.title)}; labelloc=t;",
        '  node [shape=box, style="rounded,filled", fillcolor=white, fontname="monospace"];',
    ]
    lines += [f"  n{k} [{_node(cell)}];" for k, cell in enumerate(picture.cells)]
    lines += [f"  n{a} -> n{b};" for a, b in picture.links]
    return "\n".join([*lines, "}"])


def _node(cell: Cell) -> str:
    value, gradient = said(cell)
    rows = [_line(value, "#13732f"), _line(cut(cell.title, _LONGEST), "#1c2733")]
    rows += [_line(cell.shape, "#67727e")] if cell.shape != "scalar" else []
    rows += [_line(", ".join(cell.stands_for[:6]), "#67727e"), _line(gradient, "#b3261e")]
    label = "<BR/>".join(filter(None, rows))
    style = ', style="rounded,filled,dashed"' if cell.role == COLLAPSED else ""
    return f'label=<{label}>, fillcolor="{_FILLS.get(cell.role, "white")}"{style}'


def said(cell: Cell) -> tuple[str, str]:
    """The value and the gradient of a cell, each on one line; "" where there is none."""
    value = "" if cell.value is None else array_text(cell.value)
    if not cell.handed or (cell.gradient is None and cell.value is not None):
        return value, NO_GRADIENT
    if cell.gradient is not None:
        return value, array_text(cell.gradient)
    return value, cut(f"{cell.called} = {cell.handed}" if cell.called else cell.handed, _LONGEST)


def _line(shown: str, colour: str) -> str:
    if not shown:
        return ""
    escaped = greek(shown).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<FONT COLOR="{colour}">{escaped}</FONT>'


def _quoted(shown: str) -> str:
    escaped = greek(shown).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
