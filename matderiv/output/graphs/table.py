"""A circuit as a table for the terminal: what every node is, its value, its gradient."""

from collections.abc import Iterable, Sequence

from matderiv.arguments import in_short
from matderiv.circuit.figures import array_text
from matderiv.circuit.picture import COLLAPSED, Cell, Picture
from matderiv.circuit.steps import BackwardStep
from matderiv.errors import display_width

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
    return "\n".join([picture.title, "", *lines_of(table)])


def _row(cell: Cell, picture: Picture) -> list[str]:
    handed = cell.handed if not cell.called else f"{cell.called} = {cell.handed}"
    if not picture.numeric:
        gradient = ""
    elif cell.gradient is None:
        gradient = _NOTHING
    else:
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
        in_short(handed or _NOTHING, _LONGEST),
    ]


def lines_of(table: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their columns under each other.

    >>> lines_of([["x", "input"], ["u12", "x + y"]])
    ['x    input', 'u12  x + y']
    """
    widths = [max(map(display_width, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            e + " " * (w - display_width(e)) for e, w in zip(row, widths, strict=True)
        ).rstrip()
        for row in table
    ]


def steps_text(found: Iterable[BackwardStep]) -> str:
    """The backward pass one step after the other."""
    return "\n".join(map(str, found))
