"""A picture of a circuit as SVG: value above, gradient below every box."""

from pathlib import Path
from xml.sax.saxutils import escape

from matderiv.circuit.drawing import Drawing, Frame, Wire
from matderiv.circuit.figures import greek

GRAPH_STYLE = Path(__file__).with_name("graph.css").read_text(encoding="utf-8").rstrip("\n")
_HEAD = 7.0  # length of an arrowhead


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
            f"{escape(_clean(t.shown))}</text>"
            for t in drawing.texts
        ),
        "</svg>",
    ]
    return "\n".join(lines)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _clean(shown: str) -> str:
    """Text with Greek letters as signs, without characters that XML does not allow."""
    return "".join(c if c.isprintable() else " " for c in greek(shown))


def _brackets(g: Frame) -> str:
    """The brackets of a matrix."""
    left, right, top, bottom = g.x, g.x + g.width, g.y, g.y + g.height
    path = (
        f"M{_n(left + 4)} {_n(top)}H{_n(left)}V{_n(bottom)}H{_n(left + 4)}"
        f"M{_n(right - 4)} {_n(top)}H{_n(right)}V{_n(bottom)}H{_n(right - 4)}"
    )
    return f'<path class="{g.kind}" d="{path}"/>'


def _wire(w: Wire) -> list[str]:
    (x, y), *rest = w.points
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
