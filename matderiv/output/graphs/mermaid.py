"""A circuit for Mermaid, which Markdown pages draw."""

from matderiv.circuit.drawing import cut
from matderiv.circuit.figures import greek
from matderiv.circuit.picture import COLLAPSED, NO_GRADIENT, Cell, Picture
from matderiv.output.graphs.dot import said

_LONGEST = 60
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
    lines = ["flowchart LR", *(f"  {_node(k, c)}" for k, c in enumerate(picture.cells))]
    lines += [f"  n{a} --> n{b}" for a, b in picture.links]
    return "\n".join([*lines, *_CLASSES])


def _node(k: int, cell: Cell) -> str:
    value, gradient = said(cell)
    rows = [f"value {value}" if value else "", cut(cell.title, _LONGEST)]
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
