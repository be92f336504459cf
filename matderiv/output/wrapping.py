"""Text in columns, and long lines folded where a reader would: before `where`, = and + and -."""

import re
from collections.abc import Sequence

from matderiv.errors import display_width

DEPTH = 8  # brackets that a line may be cut in

_PLACES = re.compile(r"[()\[\]]| where |(?<=;) | = | [+-] ")
_MARGIN = re.compile(r"(.*\S) {2,}(\S.*)")  # a line and what stands in the column beside it


def in_columns(table: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their columns under each other.

    >>> in_columns([["x", "input"], ["u12", "x + y"]])
    ['x    input', 'u12  x + y']
    """
    widths = [max(map(display_width, column)) for column in zip(*table, strict=True)]
    padded = (
        [e + " " * (w - display_width(e)) for e, w in zip(row, widths, strict=True)]
        for row in table
    )
    return ["  ".join(row).rstrip() for row in padded]


def folded(text: str, width: int) -> str:
    """Every line of a text that is wider than `width` as several, the later ones indented.

    A line is cut between its parts if that is enough, else before signs outside brackets, else
    inside as few brackets as possible. What stands beside it moves nearer, or below. Nothing is cut
    where there is no place for it.

    >>> print(folded("∂f/∂x = aaaa + bbbb - (c + d)", 22))
    ∂f/∂x = aaaa + bbbb
          - (c + d)
    """
    return "\n".join(row for line in text.split("\n") for row in _rows(line, width))


def _rows(line: str, width: int) -> list[str]:
    if display_width(line) <= width:
        return [line]
    beside = _MARGIN.fullmatch(line) if line.startswith(" ") else None
    body, margin = beside.groups() if beside else (line, "")
    start = body.find(" = ")
    blank = len(body) - len(body.lstrip())
    indent = start + 1 if blank <= start <= width // 2 else blank + 4
    rows = [body]
    for level in range(DEPTH + 1):
        rows = [part for row in rows for part in _cut(row, level, width, indent)]
    if margin and display_width(rows[-1]) + 2 + display_width(margin) <= width:
        rows[-1] += f"  {margin}"
    elif margin:
        rows.append(" " * (indent + 2) + margin)
    return rows


def _cut(row: str, level: int, width: int, indent: int) -> list[str]:
    """A row that is too wide cut at the places of a level, as much on each line as fits."""
    if display_width(row) <= width:
        return [row]
    first, *rest = _pieces(row, level, indent)
    rows = [first]
    for piece in rest:
        if display_width(rows[-1]) + 1 + display_width(piece) > width:
            rows.append(" " * indent + piece)
        else:
            rows[-1] += " " + piece
    return rows


def _pieces(row: str, level: int, indent: int) -> list[str]:
    """The row between its places: level 0 between parts, 1 before signs, then in brackets."""
    pieces, start, depth = [], 0, 0
    for found in _PLACES.finditer(row):
        if found[0] in "([":
            depth += 1
        elif found[0] in ")]":
            depth -= 1
        else:
            part = found[0] in (" ", " where ")
            fits = depth == 0 if part else level and depth < level
            if fits and found.start() > max(start, indent):
                pieces.append(row[start : found.start()])
                start = found.start() + 1
    return [*pieces, row[start:]]
