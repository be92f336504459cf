"""A circuit as a table for the terminal: what every node is, its value, its gradient."""

from matderiv.arguments import in_short
from matderiv.circuit.figures import array_text
from matderiv.circuit.picture import COLLAPSED, Cell, Picture
from matderiv.output.wrapping import in_columns

_LONGEST = 46  # characters of an entry of the table
_NOTHING = "none"


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
        else in_short(cell.formula or cell.role, _LONGEST),
        cell.shape,
        "" if cell.value is None else array_text(cell.value),
        gradient,
        in_short(cell.answer or _NOTHING, _LONGEST),
    ]
