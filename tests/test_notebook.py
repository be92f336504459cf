"""Notebooks: every value shows itself without script or network, the magics, the worked example."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import matderiv as md
from matderiv.command.notebook import notebook_html
from matderiv.lazy import Shown

NOTEBOOK = Path(__file__).parent.parent / "worked_examples" / "notebook.ipynb"
F = "norm2(A*x - b)^2"
SHAPES = {"A": "m,n", "b": "m", "x": "n"}


class Shell:
    """What a notebook lends to an extension."""

    def __init__(self) -> None:
        self.magics: dict[str, Any] = {}

    def register_magic_function(self, magic: Any, kind: str, name: str) -> None:
        assert kind == "cell"
        self.magics[name] = magic


@pytest.fixture
def magics() -> dict[str, Any]:
    shell = Shell()
    md.load_ipython_extension(shell)
    return shell.magics


def values() -> dict[str, Any]:
    lines = [f"f = {F}", "df = 2*(A*x - b)'*A*dx", "grad = A'*(A*x - b)"]
    circuit = md.graph("(x + y)*z", shapes={"x": "", "y": "", "z": ""})
    return {
        "a derivation": md.derive(F, "x", shapes=SHAPES),
        "an index result": md.derive("A*X*B", "X"),
        "several": md.derive(F, "A, x", shapes=SHAPES),
        "steps": md.derive(F, "x", shapes=SHAPES).steps(),
        "a right answer": md.verify(F, "x", "2*A'*(A*x - b)", shapes=SHAPES),
        "a wrong answer": md.verify(F, "x", "A'*(A*x - b)", shapes=SHAPES),
        "lines": md.verify_steps(lines, shapes=SHAPES),
        "a check": md.derive(F, "x", shapes=SHAPES).check(),
        "a pass": circuit.backward({"x": -2, "y": 5, "z": -4}),
    }


def html_of(value: Any) -> str:
    shown = value._repr_html_() if isinstance(value, Shown) else None
    written: str = shown or value._repr_mimebundle_()["text/html"]
    return written


@pytest.mark.parametrize("name", sorted(values()))
def test_a_value_shows_itself_without_script_or_network(name: str) -> None:
    shown = html_of(values()[name])
    assert not re.search(r"<script|<link|<img|@import|url\(|<html", shown)
    assert not re.search(r"https?://(?!www\.w3\.org/1998/Math)", shown)
    for part in re.findall(r"<math.*?</math>", shown, re.DOTALL):
        ElementTree.fromstring(part)


def test_what_it_shows_is_what_was_found() -> None:
    shown = {name: html_of(value) for name, value in values().items()}
    assert "proved" in shown["a right answer"]
    assert "off by a factor" in shown["a wrong answer"]
    assert "<math" in shown["a wrong answer"]
    assert re.findall(">(given|ok|WRONG)</strong>", shown["lines"]) == ["given", "ok", "WRONG"]
    assert "verified" in shown["a check"]
    assert "Checked: verified" in shown["a derivation"]
    assert shown["several"].count("Checked: verified") == 2
    assert "<td>z</td><td><code>-4" in shown["a pass"]


def test_what_a_person_typed_is_escaped() -> None:
    lines = ["f = x'*x", "grad = <b>2*x</b> + 1 <script>"]
    assert "<script" not in html_of(md.verify_steps(lines))
    with pytest.raises(TypeError):
        notebook_html(Shown())


def test_a_mistake_is_shown_without_a_traceback() -> None:
    with pytest.raises(md.ParseError) as error:
        md.derive("x +", "x")
    shown = "\n".join(error.value._render_traceback_())
    assert shown.startswith("ParseError: expected")
    assert "x +\n     ^" in shown
    assert "Traceback" not in shown


def test_the_cell_is_the_expression_and_the_line_has_the_options(magics: dict[str, Any]) -> None:
    derive = magics["derive"]
    assert str(derive('x --assume "A: symmetric"', "x'*A*x\n")) == "2*A*x"
    assert str(derive("x --order 2", "x'*x")) == "2*eye(n)"
    assert [str(d) for d in derive("x,y", "x'*y")] == ["y", "x"]
    assert derive("x --steps index", "x'*x").view == "index"
    with pytest.raises(md.MatderivError, match="open"):
        derive('x --shape "x: n', "x'*x")
    with pytest.raises(md.MatderivError, match="no help"):
        derive("--help", "x'*x")


def test_the_cell_is_an_answer_or_a_derivation(magics: dict[str, Any]) -> None:
    verify = magics["verify"]
    assert verify("x'*A*x x", "(A + A')*x").correct is True
    assert verify("x'*A*x x", "-2*A*x").correct is False
    assert verify("x'*x x", "-2*x").diagnosis == "sign"
    assert verify("", "f = x'*x\ndf = 2*x'*dx\ngrad = 3*x").broken == {3}
    assert verify("x'*x x", "grad = 2*x\nhess = 3*eye(n)").broken == {2}


def test_the_worked_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(NOTEBOOK.parent.parent)]))
    notebook = nbformat.read(NOTEBOOK, 4)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    assert not cells[0].outputs
    *shown, failed = cells[1:]
    for cell in shown:
        (output,) = cell.outputs
        assert "text/html" in output.data, cell.source
    (error,) = failed.outputs
    assert error.ename == "ShapeError"
    assert "~~~" in "".join(error.traceback)
    assert not any("File" in line for line in error.traceback)
