"""A picture of a circuit as SVG, and in TikZ: value above, gradient below every box.

Its formulas are a walk over the layout tree.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from matderiv.circuit.drawing import Drawing, Frame, Text, Wire, text_width
from matderiv.circuit.drawing import coordinate as _n
from matderiv.circuit.layered import Point
from matderiv.circuit.running import greek
from matderiv.output.documents.latex import LATEX
from matderiv.output.latex.formula import latex
from matderiv.output.layout import Element, layout

GRAPH_STYLE = Path(__file__).with_name("graph.css").read_text(encoding="utf-8").rstrip("\n")
_HEAD = 7.0  # length of an arrowhead
_SCRIPT = 0.72  # of the size around it: how large an index or an exponent is
_ACCENTS = {"→": "\u20d7", "¯": "\u0304"}
_SPACED = "=+−<>≤≥∈⊙⊘⊗∗"  # signs with a space on both sides
_SCALE = 0.75
_KINDS = {
    "input": "fill=blue!6, rounded corners=7pt",
    "parameter": "fill=yellow!15, rounded corners=7pt",
    "loss": "fill=violet!10",
    "output": "fill=violet!10",
    "layers": "fill=gray!10, dashed",
    "constant": "fill=gray!10",
}
Stroke = tuple[Point, ...]  # behind the last one: the end of a line, or three points of a curve
_COLOURS = {"value": "green!45!black", "gradient": "red!70!black", "note": "gray"}


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
        *map(_wire, drawing.wires),
        *(
            f'<rect class="{b.kind}" x="{_n(b.x)}" y="{_n(b.y)}" width="{_n(b.width)}" '
            f'height="{_n(b.height)}"><title>{escape(_clean(b.tip))}</title></rect>'
            for b in drawing.boxes
        ),
        *(_path(g.kind, side) for g in drawing.grids for side in _brackets(g)),
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


def _brackets(g: Frame) -> list[list[Stroke]]:
    left, right, top, bottom = g.x, g.x + g.width, g.y, g.y + g.height
    sides = ((left, left + 4), (right, right - 4))
    return [[((e, top),), ((x, top),), ((x, bottom),), ((e, bottom),)] for x, e in sides]


def _strokes(w: Wire, head: float = 0.0) -> Iterator[Stroke]:
    """The strokes of a wire, which leave room for an arrowhead at its end."""
    x, y = w[0]
    yield (w[0],)
    for k, (px, py) in enumerate(w[1:]):
        px -= head * (k == len(w) - 2)
        middle = (x + px) / 2
        yield ((middle, y), (middle, py), (px, py)) if k % 2 else ((px, py),)
        x, y = px, py


def _path(kind: str, strokes: Iterable[Stroke]) -> str:
    told = ("LC"[len(s) > 1] + " ".join(f"{_n(x)} {_n(y)}" for x, y in s) for s in strokes)
    return f'<path class="{kind}" d="M{"".join(told)[1:]}"/>'


def _wire(w: Wire) -> str:
    (tip, y), side = w[-1], _HEAD * 0.45
    head = f"M{_n(tip)} {_n(y)}l-{_n(_HEAD)} -{_n(side)}v{_n(2 * side)}z"
    return f'{_path("wire", _strokes(w, _HEAD))}\n<path class="head" d="{head}"/>'


def graph_tikz(drawing: Drawing, *, standalone: bool = False) -> str:
    """The drawing as a `tikzpicture`, or with `standalone` as a file that compiles."""
    lines = [
        rf"\begin{{tikzpicture}}[x={_SCALE}bp, y=-{_SCALE}bp, every node/.style={{inner sep=0pt}}]",
        *(rf"\draw[->, >=latex] {_drawn(_strokes(w))};" for w in drawing.wires),
        *(_box(b) for b in drawing.boxes),
        *(
            rf"\draw[{_COLOURS[g.kind]}] {' '.join(map(_drawn, _brackets(g)))};"
            for g in drawing.grids
        ),
        *(_text(t) for t in drawing.texts if t.kind != "title"),
        r"\end{tikzpicture}",
    ]
    body = "\n".join(lines)
    return _document(body, drawing) if standalone else body


def _document(body: str, drawing: Drawing) -> str:
    width, height = (_n(s * _SCALE + 14) for s in _extent(drawing))
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[utf8]{inputenc}",
            r"\usepackage[T1]{fontenc}",
            r"\usepackage{amsmath,amssymb,tikz}",
            rf"\usepackage[paperwidth={width}bp,paperheight={height}bp,margin=5bp]{{geometry}}",
            r"\pagestyle{empty}\parindent=0pt",
            r"\begin{document}\centering",
            body,
            r"\end{document}",
        ]
    )


def _extent(drawing: Drawing) -> tuple[float, float]:
    """The width and height of what is drawn, which has no title and no margin."""
    frames = [*drawing.boxes, *drawing.grids]
    texts = [t for t in drawing.texts if t.kind != "title"]
    points = [p for w in drawing.wires for p in w]
    xs = [x for f in frames for x in (f.x, f.x + f.width)] + [x for x, _ in points]
    ys = [y for f in frames for y in (f.y, f.y + f.height)] + [y for _, y in points]
    xs += [x for t in texts for x in (t.x - t.width / 2, t.x + t.width / 2)]
    ys += [y for t in texts for y in (t.y - t.size / 2, t.y + t.size / 2)]
    return max(xs) - min(xs), max(ys) - min(ys)


def _at(x: float, y: float) -> str:
    return f"({_n(x)},{_n(y)})"


def _box(b: Frame) -> str:
    style = _KINDS.get(b.kind, "fill=white, rounded corners=2pt")
    corner = _at(b.x + b.width, b.y + b.height)
    return rf"\draw[{style}] {_at(b.x, b.y)} rectangle {corner};"


def _text(t: Text) -> str:
    colour = _COLOURS.get(t.kind)
    style = f"[text={colour}]" if colour else ""
    font = r"\footnotesize" if t.kind == "formula" else r"\scriptsize"
    return rf"\node{style} at {_at(t.x, t.y)} {{{font} {_written(t)}}};"


def _written(t: Text) -> str:
    """A formula in LaTeX where it was not cut; numbers as they are; other text as code."""
    if t.sides:
        return f"${' = '.join(map(latex, t.sides))}$"
    if t.kind in ("value", "gradient") and t.math is None:
        return t.shown.replace("-", "$-$").replace("×", r"$\times$")
    return LATEX.code(t.shown)


def _drawn(strokes: Iterable[Stroke]) -> str:
    told = (
        ("-- {}" if len(s) == 1 else ".. controls {} and {} .. {}").format(*(_at(*p) for p in s))
        for s in strokes
    )
    return " ".join(told).removeprefix("-- ")
