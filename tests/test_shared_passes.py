"""Gradients by several variables are read off one forward and one backward pass."""

from __future__ import annotations

import pytest
from conftest import Run
from test_views import mutants

import matderiv as md
from matderiv.expr import Expr
from matderiv.views.document import Partial
from matderiv.views.truth import UntrueLine, verified

NET = "norm2(W2*relu(W1*x + b1) + b2 - y)^2"
CASES = {
    "net": (NET, "W1, b1, W2, b2", {"shapes": {"b1": "h", "b2": "k"}}),
    "layer": ("relu(W*x + b)", "W, x, b", {"shapes": {"b": "m"}, "kind": "vjp"}),
    "ridge": ("norm2(X*w - y)^2 + lambda*norm2(w)^2", "w, lambda, y", {}),
    "classes": ("cross_entropy(W*x + b, y)", "W, b", {"assume": {"y": "onehot"}}),
    "factors": ("norm2(U*V' - Y)^2", "U, V", {}),
    "batch": (
        "-sum(log_softmax(relu(X*W1 + vector(1)*b1')*W2 + vector(1)*b2', 2).*Y)/n",
        "W1, b1, W2, b2",
        {"shapes": {"X": "n,d"}},
    ),
    "recurrent": ("sum(tanh(W*h + U*x + b))", "W, U, b, h", {"shapes": {"b": "m"}}),
    "twice": ("sum(tanh(W*tanh(W*x)))", "W, x", {"shapes": {"W": "n,n"}}),
    "gates": ("sum(sigmoid(a*x).*tanh(b*x))", "a, b, x", {"shapes": {"a": "", "b": "", "x": "n"}}),
    "attention": ("sum(softmax(Q*K', 2)*V)", "Q, K, V", {}),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("view", ["chain", "differential", "index"])
def test_one_pass_gives_every_gradient(name: str, view: str) -> None:
    """Every line is evaluated before it is shown; the results are those of each variable alone."""
    f, wrt, more = CASES[name]
    found = md.derive(f, wrt, **more)
    (told,) = found.steps(view)
    titles = [section.title for section in told.sections]
    assert len(set(titles)) == len(titles)
    assert [s.left.by for s in told.answers if isinstance(s.left, Partial)] == [
        d.wrt for d in found
    ]
    assert [s.right for s in told.answers] == [d.displayed for d in found]


@pytest.mark.parametrize("view", ["chain", "differential", "index"])
def test_a_mistake_in_any_shared_line_is_noticed(view: str) -> None:
    f, wrt, more = CASES["layer"]
    (told,) = md.derive(f, wrt, **more).steps(view)
    wrong = list(mutants(told))
    assert len(wrong) == len(told)
    for mutant in wrong:
        with pytest.raises(UntrueLine, match="not true"):
            verified(mutant)


def test_every_intermediate_gives_its_gradient_the_name() -> None:
    (told,) = md.derive(NET, "W1, b1, W2, b2", shapes={"b1": "h", "b2": "k"}).steps()
    named = {s.names.name: s.left.by.name for s in told if s.names and isinstance(s.left, Partial)}
    assert named == {"delta2": "z2", "delta_h1": "h1", "delta1": "z1"}


def test_a_layer_of_a_batch_is_one_line() -> None:
    f, wrt, more = CASES["batch"]
    (told,) = md.derive(f, wrt, **more).steps()
    lines = [step.left.name for step in told.sections[0].steps if isinstance(step.left, Expr)]
    assert lines == ["Z1", "H1", "Z2", "Z3", "f"]


def test_the_graph_has_the_same_gradients() -> None:
    values = {
        "W1": [[1, -2], [3, 1]],
        "x": [1, 2],
        "b1": [1, 0],
        "W2": [[1, 2]],
        "b2": [1],
        "y": [3],
    }
    found = md.derive(NET, "W1, b1, W2, b2", shapes={"b1": "h", "b2": "k"})
    passed = md.graph(NET, values=values).backward()
    for d in found:
        assert passed.gradients[d.wrt.name] == pytest.approx(d.evaluate(values))


@pytest.mark.parametrize("form", ["text", "latex", "markdown", "html"])
def test_printed_once(form: str, run: Run) -> None:
    told = run(
        "derive", NET, "W1,b1,W2,b2", "--shape", "b1: h; b2: k", "--steps", "--format", form, "-q"
    )
    assert told.status == 0
    assert told.out.count("Forward pass") == 1


def test_what_cannot_share_a_pass_is_told_alone() -> None:
    found = md.derive("A*X*B", "A, X")
    assert len(found.steps()) == 2
    assert len(found.steps("differential")) == 2
    assert "by A" in str(found)
    assert found.text().count("Forward pass") == 2


def test_a_list_shows_itself() -> None:
    found = md.derive("norm2(W*x + b)^2", "W, b")
    assert isinstance(found, list)
    assert r"\nabla_{\mathbf{W}}" in found._repr_mimebundle_()["text/latex"]
    assert "<math" in found.html()
    assert found.latex().startswith("\\documentclass")
