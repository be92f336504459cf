"""A picture of a circuit as SVG: value above, gradient below every box.

Its formulas are a walk over the layout tree.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from matderiv.circuit.drawing import Drawing, Frame, Text, Wire, text_width
from matderiv.circuit.drawing import coordinate as _n
from matderiv.circuit.figures import greek
from matderiv.output.latex.formula import latex
from matderiv.output.layout import Element, layout

GRAPH_STYLE = Path(__file__).with_name("graph.css").read_text(encoding="utf-8").rstrip("\n")
_HEAD = 7.0  # length of an arrowhead
_SCRIPT = 0.72  # of the size around it: how large an index or an exponent is
_ACCENTS = {"→": "\u20d7", "¯": "\u0304"}
_SPACED = "=+−<>≤≥∈⊙⊘⊗∗"  # signs with a space on both sides


def graph_svg(drawing: Drawing, *, styled: bool = True) -> str:
    """The drawing as an SVG document of its own; the same drawing gives the same bytes.

    One that is not `styled` is for a page that has `GRAPH_STYLE` already.
    """
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(drawing.width)}" '
        f'height="{_n(drawing.height)}" viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}" '
        'role="img">',
        f"<title>{escape(_clean(drawing.title))}</title>",
        *([f"<style>{GRAPH_STYLE}</style>"] if styled else []),
        f'<rect x="0" y="0" width="{_n(drawing.width)}" height="{_n(drawing.height)}" '
        'class="paper"/>',
        *(line for w in drawing.wires for line in _wire(w)),
        *(
            f'<rect class="{b.kind}" x="{_n(b.x)}" y="{_n(b.y)}" width="{_n(b.width)}" '
            f'height="{_n(b.height)}"><title>{escape(_clean(b.tip))}</title></rect>'
            for b in drawing.boxes
        ),
        *(_brackets(g) for g in drawing.grids),
        *(
            f'<text class="{t.kind}" x="{_n(t.x)}" y="{_n(t.y)}" font-size="{_n(t.size)}">'
            f"{_label(t)}</text>"
            for t in drawing.texts
        ),
        "</svg>",
    ]
    return "\n".join(lines)


def _clean(shown: str) -> str:
    """Text with Greek letters as signs, without characters that XML does not allow."""
    return "".join(c if c.isprintable() else " " for c in greek(shown))


class _Run(NamedTuple):
    """Characters of one size and style, so far above the line."""

    text: str
    bold: bool
    size: float
    height: float


def _label(t: Text) -> str:
    """A text, as a formula where it spells one that has room."""
    row = layout(" = ".join(map(latex, t.sides)))
    runs = [run for run in _runs(row, t.size, 0.0) if run.text]
    if not runs or sum(text_width(run.text, run.size) for run in runs) > t.width:
        return escape(_clean(t.shown))
    told, height = [], 0.0
    for run in runs:
        how = f' dy="{_n(height - run.height)}"' if run.height != height else ""
        how += f' font-size="{_n(run.size)}"' if run.size != t.size else ""
        how += ' font-weight="bold"' if run.bold else ""
        told.append(f"<tspan{how}>{escape(run.text)}</tspan>" if how else escape(run.text))
        height = run.height
    return "".join(told)


def _runs(elements: Sequence[Element], size: float, height: float) -> Iterator[_Run]:
    """The characters of a row from left to right; a fraction is written with a slash."""
    for e in elements:
        if e.tag in ("msup", "msub", "munder", "msubsup"):
            base, *scripts = e.parts
            yield from _runs((base,), size, height)
            up = (0.4,) if e.tag == "msup" else (-0.2, 0.4)
            for part, rise in zip(scripts, up, strict=False):
                yield from _runs((part,), size * _SCRIPT, height + rise * size)
        elif e.tag == "mfrac":
            for k, part in enumerate(e.parts):
                around = ("(", ")") if not part.text and part.tag in ("", "mrow") else ("", "")
                yield _Run("/" * k + around[0], False, size, height)
                yield from _runs((part,), size, height)
                yield _Run(around[1], False, size, height)
        elif e.tag == "mover":
            yield from _runs(e.parts[:1], size, height)
            yield _Run(_ACCENTS[e.parts[1].text], False, size, height)
        elif e.text:
            yield _Run(_spelled(e), 'class="b"' in e.how, size, height)
        else:
            root = e.tag == "msqrt"
            yield _Run("√(" if root else "", False, size, height)
            yield from _runs(e.parts, size, height)
            yield _Run(")" if root else "", False, size, height)


def _spelled(e: Element) -> str:
    if e.tag == "mspace":
        return "  " if e.text == "1em" else " "
    if e.role in ("sign", "relation") and e.text in _SPACED:
        return f" {e.text} "
    return e.text.replace("\u2061", "") + " " * (e.text == ",")


def _brackets(g: Frame) -> str:
    """The brackets of a matrix."""
    left, right, top, bottom = g.x, g.x + g.width, g.y, g.y + g.height
    path = (
        f"M{_n(left + 4)} {_n(top)}H{_n(left)}V{_n(bottom)}H{_n(left + 4)}"
        f"M{_n(right - 4)} {_n(top)}H{_n(right)}V{_n(bottom)}H{_n(right - 4)}"
    )
    return f'<path class="{g.kind}" d="{path}"/>'


def _wire(w: Wire) -> list[str]:
    (x, y), *rest = w
    path = [f"M{_n(x)} {_n(y)}"]
    end = len(rest) - 1
    for k, (px, py) in enumerate(rest):
        px = px - _HEAD if k == end else px
        if k % 2:
            middle = (x + px) / 2
            path.append(f"C{_n(middle)} {_n(y)} {_n(middle)} {_n(py)} {_n(px)} {_n(py)}")
        else:
            path.append(f"H{_n(px)}")
        x, y = px, py
    tip, side = rest[-1][0], _HEAD * 0.45
    return [
        f'<path class="wire" d="{"".join(path)}"/>',
        f'<path class="head" d="M{_n(tip)} {_n(y)}l-{_n(_HEAD)} -{_n(side)}v{_n(2 * side)}z"/>',
    ]
