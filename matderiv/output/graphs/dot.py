"""A circuit for Graphviz, for Mermaid, which Markdown pages draw, and as a table of text."""

from matderiv.arguments import in_short
from matderiv.circuit.picture import COLLAPSED, NO_GRADIENT, Cell, Picture
from matderiv.circuit.running import array_text, greek
from matderiv.output.wrapping import in_columns

_FILLS = {
    "input": "#e8f0fb",
    "parameter": "#fdf1d8",
    "loss": "#ece8f7",
    "output": "#ece8f7",
    COLLAPSED: "#f0f2f4",
}
_LONGEST = 60
_WIDEST = 46  # characters of an entry of the table
_NOTHING = "none"


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
    rows = [_line(value, "#13732f"), _line(in_short(cell.title, _LONGEST), "#1c2733")]
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
    return value, in_short(cell.answer, _LONGEST)


def _line(shown: str, colour: str) -> str:
    if not shown:
        return ""
    escaped = greek(shown).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<FONT COLOR="{colour}">{escaped}</FONT>'


def _quoted(shown: str) -> str:
    escaped = greek(shown).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


# Mermaid ------------------------------------------------------------------------------------------

_CLASSES = (
    "  classDef input fill:#e8f0fb,stroke:#51606f",
    "  classDef parameter fill:#fdf1d8,stroke:#51606f",
    "  classDef loss fill:#ece8f7,stroke:#51606f",
    "  classDef layers fill:#f0f2f4,stroke:#51606f,stroke-dasharray:4 3",
)
_CLASS = {"input": "input", "parameter": "parameter", "loss": "loss", "output": "loss"}
_ENTITIES = {"&": "amp", '"': "quot", "<": "lt", ">": "gt", "#": "35", "`": "96", "\\": "92"}


def graph_mermaid(picture: Picture) -> str:
    """The picture as a Mermaid flowchart; every text is quoted and escaped."""
    lines = ["flowchart LR", *(f"  {_mermaid_node(k, c)}" for k, c in enumerate(picture.cells))]
    lines += [f"  n{a} --> n{b}" for a, b in picture.links]
    return "\n".join([*lines, *_CLASSES])


def _mermaid_node(k: int, cell: Cell) -> str:
    value, gradient = said(cell)
    rows = [f"value {value}" if value else "", in_short(cell.title, _LONGEST)]
    rows += [cell.shape if cell.shape != "scalar" else ""]
    rows += [gradient if gradient == NO_GRADIENT else f"gradient {gradient}"]
    label = "<br/>".join(escaped(greek(row)) for row in rows if row)
    kind = COLLAPSED if cell.role == COLLAPSED else _CLASS.get(cell.role, "")
    return f'n{k}["{label}"]' + (f":::{kind}" if kind else "")


def escaped(shown: str) -> str:
    """Text for a quoted label: signs that Mermaid reads are written as entities.

    >>> escaped('x < "y"')
    'x #lt; #quot;y#quot;'
    """
    return "".join(f"#{_ENTITIES[c]};" if c in _ENTITIES else c for c in shown)


def graph_text(picture: Picture) -> str:
    """The table, one line for each node, in an order in which they can be computed."""
    rows = [_row(cell, picture) for cell in picture.cells]
    heads = ["node", "is", "shape", "value", "gradient", "gradient is"]
    kept = [k for k in range(len(heads)) if any(row[k] for row in rows)]
    if all(cell.shape == "scalar" for cell in picture.cells):
        kept.remove(2)
    table = [[heads[k] for k in kept], *([row[k] for k in kept] for row in rows)]
    return "\n".join([picture.title, "", *in_columns(table)])


def _row(cell: Cell, picture: Picture) -> list[str]:
    gradient = _NOTHING if picture.numeric else ""
    if cell.gradient is not None:
        gradient = array_text(cell.gradient)
    names = cell.stands_for
    inside = f" ({names[0]} to {names[-1]})" if len(names) > 1 else ""
    return [
        cell.name,
        cell.formula + inside
        if cell.role == COLLAPSED
        else in_short(cell.formula or cell.role, _WIDEST),
        cell.shape,
        "" if cell.value is None else array_text(cell.value),
        gradient,
        in_short(cell.answer or _NOTHING, _WIDEST),
    ]
