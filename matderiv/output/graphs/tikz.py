r"""A picture of a circuit in TikZ, with formulas in LaTeX; needs tikz, amsmath and amssymb."""

from matderiv.circuit.drawing import Drawing, Frame, Text, Wire
from matderiv.circuit.drawing import coordinate as _n
from matderiv.output.documents.latex import LATEX
from matderiv.output.latex.formula import latex

_SCALE = 0.75
_KINDS = {
    "input": "fill=blue!6, rounded corners=7pt",
    "parameter": "fill=yellow!15, rounded corners=7pt",
    "loss": "fill=violet!10",
    "output": "fill=violet!10",
    "layers": "fill=gray!10, dashed",
    "constant": "fill=gray!10",
}
_COLOURS = {"value": "green!45!black", "gradient": "red!70!black", "note": "gray"}


def graph_tikz(drawing: Drawing, *, standalone: bool = False) -> str:
    """The drawing as a `tikzpicture`, or with `standalone` as a file that compiles."""
    lines = [
        rf"\begin{{tikzpicture}}[x={_SCALE}bp, y=-{_SCALE}bp, every node/.style={{inner sep=0pt}}]",
        *(_wire(w) for w in drawing.wires),
        *(_box(b) for b in drawing.boxes),
        *(_brackets(g) for g in drawing.grids),
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


def _brackets(g: Frame) -> str:
    left, right, top, bottom = g.x, g.x + g.width, g.y, g.y + g.height
    sides = []
    for outer, inner in ((left, left + 4), (right, right - 4)):
        corners = ((inner, top), (outer, top), (outer, bottom), (inner, bottom))
        sides.append(" -- ".join(_at(*c) for c in corners))
    return rf"\draw[{_COLOURS[g.kind]}] {' '.join(sides)};"


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


def _wire(w: Wire) -> str:
    (x, y), *rest = w
    path = [_at(x, y)]
    for k, (px, py) in enumerate(rest):
        if k % 2:
            middle = (x + px) / 2
            path.append(f".. controls {_at(middle, y)} and {_at(middle, py)} .. {_at(px, py)}")
        else:
            path.append(f"-- {_at(px, py)}")
        x, y = px, py
    return rf"\draw[->, >=latex] {' '.join(path)};"
