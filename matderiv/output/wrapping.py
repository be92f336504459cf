"""Long lines of text folded where a reader would fold them: before = and + and -."""

from __future__ import annotations

import re

from matderiv.errors import display_width

_PLACES = re.compile(r"[()\[\]]| = | where |(?<=;) | [+-] ")


def folded(text: str, width: int) -> str:
    """Every line of a text that is wider than `width` as several, the later ones indented.

    A line is cut outside brackets if that is enough, else inside as few as possible; columns stay
    as they are. Nothing is cut where there is no place for it.

    >>> print(folded("∂f/∂x = aaaa + bbbb - (c + d)", 22))
    ∂f/∂x = aaaa + bbbb
          - (c + d)
    """
    return "\n".join(_folded_line(line, width) for line in text.split("\n"))


def _folded_line(line: str, width: int) -> str:
    if display_width(line) <= width:
        return line
    start = line.find(" = ")
    indent = start + 1 if 0 <= start <= width // 2 else len(line) - len(line.lstrip()) + 4
    rows = [line]
    for depth in range(8):
        rows = _filled(_pieces(line, depth), width, indent)
        if max(map(display_width, rows)) <= width:
            break
    return "\n".join(rows)


def _pieces(line: str, most: int) -> list[str]:
    """The line cut before the signs that stand in at most so many brackets."""
    pieces, start, depth = [], 0, 0
    for found in _PLACES.finditer(line):
        if found[0] in "([":
            depth += 1
        elif found[0] in ")]":
            depth -= 1
        elif depth <= most and found.start() > start and line[start : found.start()].strip():
            pieces.append(line[start : found.start()])
            start = found.start() + 1
    return [*pieces, line[start:]]


def _filled(pieces: list[str], width: int, indent: int) -> list[str]:
    rows = [pieces[0]]
    for piece in pieces[1:]:
        if display_width(rows[-1]) + 1 + display_width(piece) > width:
            rows.append(" " * indent + piece)
        else:
            rows[-1] += " " + piece
    return rows
