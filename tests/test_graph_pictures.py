"""Pictures of circuits: nothing overlaps, nothing is cut off, other programs accept them."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from graph_cases import CASES, Case

from matderiv.circuit.layered import layered
from matderiv.doors.graph import graph
from matderiv.expr import apply, variable

SVG = "{http://www.w3.org/2000/svg}"
WIDE = 0.61  # of the font size: no monospaced font in use is wider

ROUNDED = 0.2  # coordinates have one decimal


class Box(NamedTuple):
    """A rectangle by its sides."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def boxes_of(root: ET.Element) -> list[Box]:
    """The boxes of the nodes."""
    found = []
    for e in root.iter(f"{SVG}rect"):
        if e.get("class") not in (None, "paper"):
            x, y, w, h = (float(e.get(k, "nan")) for k in ("x", "y", "width", "height"))
            found.append(Box(x, y, x + w, y + h))
    return found


def texts_of(root: ET.Element) -> list[tuple[str, Box]]:
    """The texts with the room that they take."""
    found = []
    for e in root.iter(f"{SVG}text"):
        x, y, size = (float(e.get(k, "nan")) for k in ("x", "y", "font-size"))
        spans = [(s.text, float(s.get("font-size", size))) for s in e] + [(e.text, size)]
        parts = [(t or "", how) for t, how in [*spans, *((s.tail, size) for s in e)]]
        half = sum(len(t) * how for t, how in parts) * WIDE / 2
        told = "".join(e.itertext())
        found.append((told, Box(x - half, y - size / 2, x + half, y + size / 2)))
    return found


def residual(depth: int) -> str:
    parts = [f"h{k} = h{k - 1} + tanh(W{k}*h{k - 1} + b{k})" for k in range(1, depth + 1)]
    return f"sum(h{depth}) where h0 = 2*x; " + "; ".join(parts)


LARGE = Case(
    "forty nodes",
    residual(7),
    {"x": "n", **{f"W{k}": "n,n" for k in range(1, 8)}, **{f"b{k}": "n" for k in range(1, 8)}},
)
SCRIPT = Case("signs that XML reads", "sum((x > 0).*x) + sum((y < 1).*y)", {"x": "n", "y": "n"})
SHOWN = (*CASES, LARGE, SCRIPT)
DRAWN = [(c, numbers) for c in SHOWN for numbers in (True, False)]


def drawn(c: Case, numbers: bool) -> str:
    return graph(c.text, shapes=c.shapes).svg(c.values() if numbers else None, collapse=False)


@pytest.mark.parametrize(("c", "numbers"), DRAWN, ids=lambda v: getattr(v, "name", str(v)))
def test_nothing_overlaps_and_nothing_leaves_the_page(c: Case, numbers: bool) -> None:
    root = ET.fromstring(drawn(c, numbers))
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    boxes, texts = boxes_of(root), texts_of(root)
    cells = [n for n in graph(c.text, shapes=c.shapes).nodes if n.role != "constant"]
    assert len(boxes) == len(cells)
    for a, b in combinations(boxes, 2):
        assert not a.meets(b), (a, b)
    for (said, a), (other, b) in combinations(texts, 2):
        assert not a.meets(b), (said, other)
    for said, t in texts:
        assert 0 <= t.left, said
        assert t.right <= width, said
        assert 0 <= t.top < t.bottom <= height, said
        for b in boxes:
            inside = b.left <= t.left and t.right <= b.right and b.top <= t.top
            assert not t.meets(b) or (inside and t.bottom <= b.bottom), said


def points_of(path: str) -> list[tuple[float, float]]:
    """Points on a wire, close to each other."""
    out: list[tuple[float, float]] = []
    for letter, rest in re.findall(r"([MLC])([^MLC]*)", path):
        v = [float(n) for n in rest.split()]
        if letter == "M":
            out.append((v[0], v[1]))
        elif letter == "L":
            (x, y), steps = out[-1], np.linspace(0, 1, 20)[1:]
            out += [(x + (v[0] - x) * t, y + (v[1] - y) * t) for t in steps]
        else:
            (x, y), steps = out[-1], np.linspace(0, 1, 20)[1:]
            for t in steps:
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
                xs, ys = (x, v[0], v[2], v[4]), (y, v[1], v[3], v[5])
                out.append((float(np.dot(weights, xs)), float(np.dot(weights, ys))))
    return out


@pytest.mark.parametrize("c", SHOWN, ids=lambda c: c.name)
def test_no_wire_runs_through_a_box_or_a_number(c: Case) -> None:
    root = ET.fromstring(drawn(c, True))
    boxes = boxes_of(root)
    texts = [t for said, t in texts_of(root)[1:] if not any(t.meets(b) for b in boxes)]
    for e in root.iter(f"{SVG}path"):
        if e.get("class") != "wire":
            continue
        points = points_of(e.get("d", ""))
        assert all(a[0] <= b[0] + 1e-9 for a, b in pairwise(points)), "a wire goes back"
        for x, y in points:
            for b in (*boxes, *texts):
                within = b.left + ROUNDED < x < b.right - ROUNDED
                assert not (within and b.top < y < b.bottom)


def test_the_value_stands_above_and_the_gradient_below() -> None:
    root = ET.fromstring(graph("a*b").svg({"a": 7.0, "b": 5.0}))
    found = [(e.get("class"), e.text, float(e.get("y", 0))) for e in root.iter(f"{SVG}text")]
    (box,) = [b for b in boxes_of(root) if b == max(boxes_of(root), key=lambda b: b.left)]
    (value,) = [y for kind, said, y in found if (kind, said) == ("value", "35")]
    (gradient,) = [y for kind, said, y in found if (kind, said) == ("gradient", "1")]
    assert value < box.top < box.bottom < gradient


def test_small_arrays_are_grids_and_large_ones_their_size() -> None:
    W, x = np.arange(6.0).reshape(2, 3), np.ones(3)
    said = [t for t, _ in texts_of(ET.fromstring(graph("sum(W*x)").svg({"W": W, "x": x})))]
    assert [t for t in said if t in list("0123456789")].count("5") >= 1
    wide = graph("sum(W*x)").svg({"W": np.ones((4, 25)), "x": np.ones(25)})
    assert "norm 10" in wide
    assert "4 × 25" in wide


@pytest.mark.parametrize("c", SHOWN[::4], ids=lambda c: c.name)
def test_pictures_are_the_same_bytes_each_time(c: Case) -> None:
    assert drawn(c, True) == drawn(c, True)
    G, H = (graph(c.text, shapes=c.shapes) for _ in range(2))
    for kind in ("dot", "mermaid", "tikz"):
        assert getattr(G, kind)() == getattr(H, kind)()


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("c", [CASES[1], CASES[27], LARGE, SCRIPT], ids=lambda c: c.name)
def test_graphviz_draws_the_dot_form(c: Case) -> None:
    G = graph(c.text, shapes=c.shapes)
    for values in (None, c.values()):
        found = subprocess.run(
            ["dot", "-Tsvg"],
            input=G.dot(values),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert found.returncode == 0, found.stderr
        assert "rror" not in found.stderr
        assert found.stdout.count('class="node"') == len(G.picture(values).cells)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="LaTeX is not installed")
@pytest.mark.parametrize(("c", "numbers"), [(CASES[1], True), (CASES[27], False), (SCRIPT, True)])
def test_latex_sets_the_tikz_form(c: Case, numbers: bool, tmp_path: Path) -> None:
    G = graph(c.text, shapes=c.shapes)
    source = G.tikz(c.values() if numbers else None, standalone=True)
    (tmp_path / "g.tex").write_text(source, encoding="utf-8")
    found = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "g.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert found.returncode == 0, found.stdout[-2000:]
    assert "Overfull" not in found.stdout
    assert "(1 page" in found.stdout


def test_folded_layers_are_whole_and_named_from_the_first_to_the_last() -> None:
    h = "x"
    for k in range(1, 9):
        h = f"relu(W{k}*{h} + b{k})"
    shapes = {f"b{k}": f"n{k}" for k in range(1, 9)}
    drawn = graph(f"sum({h})", shapes=shapes).svg(collapse=True)
    assert "W3 … b8" in drawn
    told = [said for said, _ in texts_of(ET.fromstring(drawn))]
    assert "W2" in told
    assert "W3" not in told


def test_greek_letters_are_signs() -> None:
    drawn = graph("(x-μ)'*inv(Σ)*(x-μ)", shapes={"μ": "n"}).svg()
    assert "Σ" in drawn
    assert any(told.startswith("δ1 = ") for told, _ in texts_of(ET.fromstring(drawn)))
    assert not re.search(r"\b(Sigma|mu|delta)", drawn.partition("</style>")[2])


def test_a_share_of_a_row_has_no_transposes_around_it() -> None:
    g = graph("sum(X./sqrt(var(X,1)+a))", shapes={"a": ""}, expand=True)
    shares = [e.share for e in g.edges if e.share.startswith("0.5*")]
    assert shares
    assert all("'" not in share for share in shares)


def test_mermaid_text_is_quoted() -> None:
    shown = graph("sum((x > 0).*x)").mermaid({"x": [1.0, -2.0]})
    labels = re.findall(r'\["(.*)"\]', shown)
    assert len(labels) == 4
    for label in labels:
        assert not re.search(r'["<>]', label.replace("<br/>", ""))


# The layout by itself ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_boxes_of_a_random_graph_do_not_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 45))
    sizes = [(float(w), float(h)) for w, h in rng.integers(10, 90, (count, 2))]
    links = sorted(
        {(int(a), int(b)) for b in range(1, count) for a in rng.integers(0, b, 1 + b % 3)}
    )
    found = layered(sizes, links)
    assert found == layered(sizes, links)
    placed = [
        Box(x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        for (x, y), (w, h) in zip(found.centres, sizes, strict=True)
    ]
    for a, b in combinations(placed, 2):
        assert not a.meets(b)
    for b in placed:
        assert b.left >= -1e-9
        assert b.top >= -1e-9
        assert b.right <= found.width + 1e-9
        assert b.bottom <= found.height + 1e-9
    for (source, target), route in zip(links, found.routes, strict=True):
        assert found.centres[source][0] < found.centres[target][0]
        assert route[0] == found.centres[source]
        assert route[-1] == found.centres[target]


def test_crossings_that_need_not_be_are_removed() -> None:
    links = [(0, 7), (1, 6), (2, 5), (3, 4)]
    found = layered([(20.0, 10.0)] * 8, links)
    for source, target in links:
        assert found.centres[source][1] == pytest.approx(found.centres[target][1])


def test_a_long_picture_is_refused_and_a_collapsed_one_is_not() -> None:
    h = variable("x")
    for k in range(500):
        h = apply("tanh", variable(f"w{k}") * h)
    G = graph(h)
    assert len(boxes_of(ET.fromstring(G.svg()))) < 12
