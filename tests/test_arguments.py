"""Misused arguments of the Python functions give one line that says what is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import matderiv
from matderiv.errors import MatderivError
from matderiv.language.declare import declarations, declared_shapes

md: Any = matderiv  # what is misused here has the wrong type

FORM = md.derive("x'*A*x", "x")
GRAPH = md.graph("x*y", shapes={"x": "", "y": ""})
LOSS = md.value_and_gradients("x'*A*x", "x")
ARRAY = np.ones(2)
HERE = {"x": 1, "y": 2}
START = {"x": [1]}


def derive(**how: Any) -> Any:
    return md.derive("x'*x", "x", **how)


def minimize(**how: Any) -> Any:
    return md.minimize("x'*x", "x", START, **how)


MISUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "shapes number": (lambda: derive(shapes=3), "shapes is a dictionary .* not 3"),
    "shapes text": (lambda: derive(shapes="foo"), "not 'foo'"),
    "shapes list": (lambda: derive(shapes=[1]), r"not \[1\]"),
    "shapes array": (lambda: derive(shapes=ARRAY), "not an array"),
    "size None": (lambda: derive(shapes={"x": None}), "whole numbers from 1.*None is none"),
    "size bool": (lambda: derive(shapes={"x": True}), "True is none"),
    "size array": (lambda: derive(shapes={"x": ARRAY}), "an array is none"),
    "size number": (lambda: derive(shapes={"x": 1.5}), "whole numbers from 1"),
    "assume number": (lambda: derive(assume=3), "assume is a dictionary"),
    "assume None": (lambda: derive(assume={"x": None}), "about x is a text or a list of words"),
    "assume list": (lambda: derive(assume={"x": [3]}), r"not \[3\]"),
    "kind": (lambda: derive(kind=ARRAY), "unknown kind an array"),
    "layout": (lambda: derive(layout=ARRAY), "unknown layout an array"),
    "structure": (lambda: derive(structure=[1]), r"unknown structure \[1\]"),
    "order bool": (lambda: derive(order=True), "order is a whole number from 1, not True"),
    "order text": (lambda: derive(order="a"), "order is a whole number"),
    "order 9": (lambda: derive(order=9), "the order of a derivative is 1 to 4, not 9"),
    "no variable": (lambda: md.derive("x'*x", []), "no variable to differentiate by"),
    "wrt None": (lambda: md.derive("x'*x", None), "a text or a SymPy object, not None"),
    "f None": (lambda: md.derive(None, "x"), "a text or a SymPy object, not None"),
    "f array": (lambda: md.derive(ARRAY, "x"), "not an array"),
    "f number": (lambda: md.derive(3, "x"), "x does not occur in the expression"),
    "evaluate None": (lambda: FORM.evaluate(None), "values is a dictionary"),
    "evaluate nan": (lambda: FORM.evaluate({"x": [np.nan], "A": [[1]]}), "an entry that is nan"),
    "function": (lambda: FORM.function()(1), "values is a dictionary"),
    "function name": (lambda: FORM.function()(x=[1], A=[[1]], q=1), "there is no q here"),
    "target": (lambda: FORM.code(["numpy"]), "unknown target"),
    "view": (lambda: FORM.steps(["chain"]), "unknown view"),
    "latex view": (lambda: FORM.latex(["chain"]), "unknown view"),
    "forward": (lambda: GRAPH.forward(3), "values is a dictionary"),
    "forward nan": (lambda: GRAPH.forward({"x": np.nan, "y": 1}), "x has an entry that is nan"),
    "upstream": (lambda: GRAPH.backward(HERE, "a"), "upstream gradient holds text"),
    "upstream alone": (lambda: GRAPH.text(upstream=2), "needs values"),
    "wire": (lambda: GRAPH.jacobian("q", "f", HERE), "no wire from q to f"),
    "node": (lambda: GRAPH.gradient([1]), "name of a node is a text"),
    "graph values": (lambda: md.graph("x", values=3), "values is a dictionary"),
    "graph wrt": (lambda: md.graph("x", wrt=[3]), "a parameter is a text, not 3"),
    "lr": (lambda: minimize(lr="a"), "lr is a positive number, not 'a'"),
    "lr 0": (lambda: minimize(lr=0), "lr is a positive number, not 0"),
    "epochs": (lambda: minimize(epochs="a"), "epochs is a whole number from 1, not 'a'"),
    "tolerance": (lambda: minimize(tolerance="a"), "tolerance is a number from 0"),
    "momentum": (lambda: minimize(momentum="a"), "momentum is a number from 0 to below 1"),
    "momentum 2": (lambda: minimize(method="momentum", momentum=2), "momentum is a number"),
    "data": (lambda: minimize(data=3), "data is a dictionary"),
    "seed": (lambda: minimize(seed="a"), "seed is a whole number from 0"),
    "batch": (lambda: minimize(batch="a"), "batch is a whole number"),
    "method": (lambda: minimize(method=["a"]), "unknown method"),
    "callback": (lambda: minimize(callback=3), "callback is a function"),
    "start": (lambda: md.minimize("x'*x", "x", None), "values is a dictionary"),
    "lines": (lambda: md.verify_steps(3), "a text, or a list of lines, not 3"),
    "line": (lambda: md.verify_steps([object()]), "a text or a SymPy object"),
    "verify shapes": (lambda: md.verify("x'*x", "x", "2*x", shapes=3), "shapes is a dictionary"),
    "verify points": (lambda: md.verify("x'*x", "x", "2*x", points="a"), "points is a whole"),
    "verify seed": (lambda: md.verify("x'*x", "x", "2*x", seed=-1), "seed is a whole number"),
    "verify layout": (lambda: md.verify("x'*x", "x", "2*x", layout=3), "unknown layout 3"),
    "sheet": (lambda: md.Sheet(3), "title of a sheet is a text"),
    "sheet parts": (lambda: md.Sheet("T", None), "a list of parts, not None"),
    "sheet part": (lambda: md.Sheet("T", [3]), "parts and derivations, not 3"),
    "part": (lambda: md.Part("T", 3), "what derive gives, not 3"),
    "points": (lambda: FORM.check(points=0), "points is a whole number from 1 to 1000"),
    "gradients": (lambda: LOSS(3), "values is a dictionary"),
    "gradients list": (lambda: LOSS([1]), "values is a dictionary"),
}


@pytest.mark.parametrize("name", MISUSED)
def test_misuse_is_a_matderiv_error_that_says_what_is_wanted(name: str) -> None:
    call, said = MISUSED[name]
    with pytest.raises(MatderivError, match=said) as caught:
        call()
    assert not str(caught.value).rstrip().endswith(("try:", "one of"))


def test_whole_numbers_of_numpy_are_whole_numbers() -> None:
    assert str(md.derive("x'*A*x", "x", order=np.int64(2))) == "A + A'"
    assert md.derive("x'*x", "x", shapes={"x": np.int64(3)}).shape == (3,)


def test_a_text_with_commas_is_a_list_of_variables_everywhere() -> None:
    by_x, by_A = md.derive("x'*A*x", "x, A")
    assert (str(by_x), str(by_A)) == ("(A + A')*x", "x*x'")
    _, (x, A) = md.value_and_gradients("x'*A*x", "x,A")(x=[2.0], A=[[3.0]])
    assert (x.tolist(), A.tolist()) == ([12.0], [[4.0]])
    found = md.minimize("x'*x + y'*y", "x,y", {"x": [1.0], "y": [2.0]}, method="gd")
    assert sorted(found.parameters) == ["x", "y"]


def test_a_name_that_only_f_has_may_be_given_to_the_function() -> None:
    d = md.derive("x'*A*x + sum(v)", "x")
    values = {"x": [1.0, 2.0], "A": [[1.0, 0.0], [2.0, 1.0]], "v": [5.0]}
    assert d.function()(**values).tolist() == d.evaluate(values).tolist() == [6.0, 6.0]


def test_everything_public_is_listed_for_tab_completion() -> None:
    listed = dir(md)
    verbs = ("derive", "verify", "verify_steps", "graph", "minimize", "value_and_gradients")
    for name in (*verbs, "Graph", "Part", "Sheet", "Derivation", "ShapeError", "relu", "norm2"):
        assert name in listed
        assert getattr(md, name) is not None
    assert set(md.__all__) <= set(listed)
    assert all(hasattr(md, name) for name in md.__all__)


def test_values_show_themselves_on_one_short_line() -> None:
    found = {
        "<Derivation of x'*A*x by x: (A + A')*x>": FORM,
        "<Derivations by x>": md.derive("x'*x", ["x"]),
        "<value and gradients of x'*A*x by x>": LOSS,
        "<Sheet 'T' of 1 part>": md.Sheet("T", [FORM]),
        "<Verdict disproved (symmetric-shortcut)": md.verify("x'*A*x", "x", "2*A*x"),
        "<CheckReport verified, 8 points": FORM.check(),
        f"<{len(FORM.steps().steps)} steps, chain view, by x>": FORM.steps(),
    }
    for start, value in found.items():
        assert repr(value).startswith(start)
        assert "\n" not in repr(value)
        assert len(repr(value)) < 150


def test_steps_are_a_sequence() -> None:
    steps = FORM.steps("differential")
    assert len(steps) == len(list(steps)) == len(steps.steps)
    assert steps[0] is steps.steps[0]
    assert steps[-1] is steps.answers[-1]


@pytest.mark.parametrize(
    ("said", "sizes"),
    [
        ("A: 3x2", ("3", "2")),
        ("A: (m,n)", ("m", "n")),
        ("A: nxd", ("n", "d")),
        ("A: 10xd", ("10", "d")),
        ("A: [3, 2]", ("3", "2")),
        ("A in R^(m x n)", ("m", "n")),
        ("A: R^{m x n}", ("m", "n")),
        (r"A \in \mathbb{R}^{m \times n}", ("m", "n")),
        ("A ∈ ℝ^{m×n}", ("m", "n")),
        ("A is m by n", ("m", "n")),
        ("A: hidden", ("hidden",)),
        ("A in R^m", ("m",)),
        (r"A \in \mathbb R", ()),
        ("A:", ()),
    ],
)
def test_sizes_as_people_say_them(said: str, sizes: tuple[str, ...]) -> None:
    (shape,) = declared_shapes(declarations([said])).values()
    assert tuple(map(str, shape)) == sizes


def test_several_names_in_one_declaration() -> None:
    assert declarations(["A: m×n, b: m; c: "]) == {"A": "m×n", "b": "m", "c": ""}
