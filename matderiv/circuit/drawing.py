"""Where everything in a picture of a circuit stands: boxes, texts, grids of numbers, wires.

Widths are those of a monospaced font, 0.62 of the font size for each column, which is a little more
than fonts take, so that nothing overlaps. Lengths are in points, y grows downwards.
"""

from dataclasses import dataclass

from matderiv.arguments import in_short
from matderiv.circuit.layered import Point, layered
from matderiv.circuit.nodes import CONSTANT
from matderiv.circuit.picture import COLLAPSED, NO_GRADIENT, Cell, Picture
from matderiv.circuit.running import array_text, figure, sum_text
from matderiv.errors import LimitError, display_width
from matderiv.expr import Expr, variable
from matderiv.language.printer import text
from matderiv.numeric.evaluate import Array

FONT, FINE = 12.0, 10.5
COLUMN = 0.62  # of the font size: how wide a character is
MARGIN = 16.0
STRAIGHT = 11.0  # the end of a wire, with room for an arrowhead
LONGEST = 44  # characters of a formula in a box, or below one
GRID = (5, 4)  # rows and columns of the largest grid; larger arrays are shown by their norm
GRID_IN_MANY = (4, 3)  # the same where there are many cells
MANY = 20
MAX_CELLS = 400
VALUE, GRADIENT, FORMULA, NOTE, TITLE = "value", "gradient", "formula", "note", "title"


@dataclass(frozen=True)
class Text:
    """A text, centred at x, its middle at y; `kind` gives its colour.

    Where it spells a formula, `left` and `math` are its sides.
    """

    x: float
    y: float
    shown: str
    kind: str
    size: float = FINE
    left: Expr | None = None
    math: Expr | None = None

    @property
    def width(self) -> float:
        """More than the text takes."""
        return text_width(self.shown, self.size)

    @property
    def sides(self) -> tuple[Expr, ...]:
        """The sides of the formula that it spells; none where too much of it was cut."""
        whole = 0 if self.math is None else len(text(self.math))
        fits = not self.shown.endswith("…") or whole <= 1.5 * LONGEST
        return tuple(e for e in (self.left, self.math) if e is not None) if fits else ()


@dataclass(frozen=True)
class Frame:
    """A rectangle by its upper left corner; `kind` is the role of a node, or value or gradient."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    tip: str = ""


Wire = tuple[Point, ...]
"""A line through points, straight and curved in turn, with an arrowhead at its end."""


@dataclass(frozen=True)
class Drawing:
    """Everything in a picture, with the size of the page."""

    width: float
    height: float
    boxes: tuple[Frame, ...]
    grids: tuple[Frame, ...]
    texts: tuple[Text, ...]
    wires: tuple[Wire, ...]
    title: str


def coordinate(value: float) -> str:
    """A place on the paper, with one digit behind the point."""
    return f"{value:.1f}".removesuffix(".0")


def text_width(shown: str, size: float = FINE) -> float:
    """The width of a line, a little more than it takes."""
    return display_width(shown) * COLUMN * size


def drawing(picture: Picture) -> Drawing:
    """The picture with a place for everything. LimitError for one that nobody could read."""
    if len(picture.cells) > MAX_CELLS:
        raise LimitError(
            f"a picture of {len(picture.cells)} nodes cannot be read, the limit is {MAX_CELLS}",
            hint="collapse=True for repeated layers, or the text form",
        )
    grid = GRID if len(picture.cells) <= MANY else GRID_IN_MANY
    stacks = [_Stack(cell, grid) for cell in picture.cells]
    found = layered([(s.width, s.height) for s in stacks], picture.links)
    head = FONT + 14
    heading = in_short(picture.title, 110)
    width = max(found.width, text_width(heading, FONT)) + 2 * MARGIN
    left = (width - found.width) / 2
    boxes: list[Frame] = []
    grids: list[Frame] = []
    texts = [Text(width / 2, MARGIN + FONT / 2, heading, TITLE, FONT)]
    for (x, y), stack in zip(found.centres, stacks, strict=True):
        stack.draw(left + x, MARGIN + head + y, boxes, grids, texts)
    wires = []
    for (source, target), route in zip(picture.links, found.routes, strict=True):
        moved = [(left + x, MARGIN + head + y) for x, y in route]
        first = (moved[0][0] + stacks[source].box / 2, moved[0][1])
        last = (moved[-1][0] - stacks[target].box / 2, moved[-1][1])
        before = (min(moved[-2][0], last[0] - STRAIGHT), last[1])
        wires.append((first, *moved[1:-2], before, last))
    height = found.height + head + 2 * MARGIN
    return Drawing(
        width, height, tuple(boxes), tuple(grids), tuple(texts), tuple(wires), picture.title
    )


class _Stack:
    """A cell from top to bottom: its value, its box, its gradient; the box is in the middle."""

    def __init__(self, cell: Cell, grid: tuple[int, int]) -> None:
        self.cell = cell
        self.title = in_short(cell.title, LONGEST)
        self.note = "" if cell.shape == "scalar" else cell.shape
        if cell.role == COLLAPSED:
            self.title = in_short(cell.formula, LONGEST)
            names = cell.stands_for
            inside = f"{names[0]} … {names[-1]}" if len(names) > 2 else ", ".join(names)
            self.note = in_short(inside, LONGEST) or self.note
        self.above = _Block(cell.value, grid, "", VALUE)
        said, left, right = _said(cell)
        self.below = _Block(cell.gradient, grid, said, GRADIENT, left, right)
        self.box = max(text_width(self.title, FONT), text_width(self.note)) + 18
        self.tall = FONT + 14 + (FINE + 4 if self.note else 0)
        self.width = max(self.box, self.above.width, self.below.width)
        self.height = self.tall + 2 * max(self.above.height, self.below.height)

    def draw(
        self, x: float, y: float, boxes: list[Frame], grids: list[Frame], texts: list[Text]
    ) -> None:
        """Put the cell with the middle of its box at (x, y)."""
        cell = self.cell
        top = y - self.tall / 2
        tip = f"{cell.title} ({cell.shape})"
        boxes.append(Frame(x - self.box / 2, top, self.box, self.tall, cell.role, tip))
        line = y - (FINE + 4) / 2 if self.note else y
        left = None if cell.role == COLLAPSED else cell.symbol
        texts.append(Text(x, line, self.title, FORMULA, FONT, left, cell.definition))
        if self.note:
            texts.append(Text(x, y + (FONT + 2) / 2, self.note, NOTE))
        self.above.draw(x, top - self.above.height, grids, texts)
        self.below.draw(x, y + self.tall / 2, grids, texts)


def _said(cell: Cell) -> tuple[str, Expr | None, Expr | None]:
    """The gradient as text where it is no grid, with the sides that it spells."""
    if cell.gradient is None:
        if not cell.handed or cell.value is not None:
            return ("" if cell.role == CONSTANT else NO_GRADIENT), None, None
        name = variable(cell.called, cell.symbol.shape) if cell.called else None
        return in_short(cell.answer, LONGEST), name, cell.formula_back
    if len(cell.parts) > 1 and cell.gradient.ndim == 0:
        whole = f"{sum_text(cell.parts)} = {figure(cell.gradient)}"
        return (whole if len(whole) <= LONGEST else ""), None, None
    return "", None, None


class _Block:
    """Numbers above or below a box: one line, or a grid of entries."""

    def __init__(
        self,
        value: Array | None,
        grid: tuple[int, int],
        said: str,
        kind: str,
        left: Expr | None = None,
        math: Expr | None = None,
    ) -> None:
        self.kind, self.said, self.left, self.math = kind, said, left, math
        self.rows: list[list[str]] = []
        if value is not None and not said:
            self._read(value, grid)
        self.step = max((text_width(e) for row in self.rows for e in row), default=0.0) + 8
        if self.rows:
            self.width = self.step * len(self.rows[0])
            self.height = (FINE + 4) * len(self.rows) + 8
        else:
            self.width = text_width(self.said) + 4 if self.said else 0.0
            self.height = FINE + 8 if self.said else 0.0

    def _read(self, value: Array, grid: tuple[int, int]) -> None:
        rows = value.reshape(-1, 1) if value.ndim == 1 else value
        fits = rows.ndim == 2 and rows.shape[0] <= grid[0] and rows.shape[1] <= grid[1]
        if fits:
            self.rows = [[figure(v, 3) for v in row] for row in rows.tolist()]
        else:
            self.said = array_text(value, small=1).split(", ")[-1] if value.ndim else figure(value)

    def draw(self, x: float, top: float, grids: list[Frame], texts: list[Text]) -> None:
        """Put the block below `top`, with its middle at x."""
        if self.said:
            middle = top + self.height / 2
            texts.append(Text(x, middle, self.said, self.kind, FINE, self.left, self.math))
        if not self.rows:
            return
        height = self.height - 8
        grids.append(Frame(x - self.width / 2, top + 4, self.width, height, self.kind))
        for i, row in enumerate(self.rows):
            for j, entry in enumerate(row):
                place = x - self.width / 2 + (j + 0.5) * self.step
                texts.append(Text(place, top + 4 + (i + 0.5) * (FINE + 4), entry, self.kind))
