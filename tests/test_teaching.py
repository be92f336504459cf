"""How a derivation is told: names only where they are read, letters, numbers, facts, one page."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from goldens import CASES, VIEWS
from problems import Problem, problems

import matderiv as md
from matderiv.doors.derivation import Derivation
from matderiv.expr import Expr, variables
from matderiv.language.printer import text
from matderiv.lazy import np as lazy_np
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.sampling import drawn, sampler
from matderiv.output.documents.lines import DocumentNames
from matderiv.output.documents.text import document_text
from matderiv.tensors.tensor import Tensor
from matderiv.views.chain import chain
from matderiv.views.differential import differential
from matderiv.views.document import Document, Partial, Side
from matderiv.views.truth import TruthPoint

# Names --------------------------------------------------------------------------------------------


def read_in(side: Side) -> set[Expr]:
    """The names whose values stand on a side of a line."""
    if isinstance(side, Partial):
        return set()
    if isinstance(side, Tensor):
        return {v for t in side.terms for f in t.factors for v in variables(f.expr)}
    return set(variables(side))


@pytest.mark.parametrize("problem", problems(), ids=lambda p: p.id)
def test_every_named_intermediate_is_read_and_numbered_in_order(problem: Problem) -> None:
    document = differential(problem.derivation(), check=False)
    named = [s for t in document.sections if t.title.endswith("Intermediates") for s in t.steps]
    rest = [s for s in document.steps if s not in named]
    changes = {v.name for s in rest for v in read_in(s.right)}
    for step in named:
        assert isinstance(step.left, Expr)
        values = [s for s in document.steps if step.left in read_in(s.right)]
        assert values or f"d{step.left.name}" in changes, step.left.name
    names = [s.left.name for s in named if isinstance(s.left, Expr)]
    products = [int(n[1:]) for n in names if n[0] in "zZuUvV"]
    assert products == sorted(set(products))
    assert len(set(names)) == len(names)
    assert "·" not in md_text(document)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("problem", problems(), ids=lambda p: p.id)
def test_every_formula_of_a_reason_is_printed_as_one(problem: Problem, view: str) -> None:
    document = VIEWS[view](problem.derivation(), check=False)
    names = DocumentNames(document)
    said = {code for step in document.steps for code in step.why.split("`")[1::2]}
    assert not [code for code in said if names.spell(code) is None]


def md_text(document: Document) -> str:
    """The whole document as text, with all reasons."""
    return document_text(document, detail="full")


def test_sums_are_differentiated_at_once_and_linear_maps_joined() -> None:
    likelihood = "-0.5*logdet(S) - 0.5*(x - mu)'*inv(S)*(x - mu)"
    told = md.derive(likelihood, "S", assume={"S": "posdef"}).text("differential", detail="brief")
    assert "Intermediates" not in told
    assert "du" not in told
    assert "')'" not in told
    assert "sum(" not in told
    logistic = md.derive("sum(log(1 + exp(-y.*(X*w))))", "w").text("differential", detail="brief")
    assert logistic.count("\n     = ") == 1


def test_signs_of_numbers_are_carried_without_a_name() -> None:
    told = chain(md.derive("norm2(X*w - y)^2 - c*norm2(w)^2", "w"))
    lines = {
        (s.left.by.name, text(s.right))
        for s in told.steps
        if isinstance(s.left, Partial) and isinstance(s.right, Expr)
    }
    assert ("z3", "-1") in lines
    assert not any(right == "1" for _, right in lines)
    assert sum(s.names is not None for s in told.steps) == 1


# Letters ------------------------------------------------------------------------------------------


def test_every_printer_uses_the_same_letters_and_none_that_is_in_use(run: Run) -> None:
    d = md.derive("relu(W*x + b)", "W", shapes={"W": "k,i", "x": "i", "b": "k"})
    assert d.index.startswith("∂f_j/∂W_lm = ")
    assert r"\frac{\partial f_{j}}{\partial W_{lm}}" in d.equation()
    assert r"\delta_{jl}" in d.latex()
    for view in VIEWS:
        assert "entry (j, l, m) is ∂f_j/∂W_lm" in d.text(view)
        assert "∂f_j/∂W_lm = δ_jl x_m" in d.text(view)
        for written in (d.latex(view), d.markdown(view), d.html(view)):
            assert r"W_{lm}" in written or "<mi>l</mi><mi>m</mi>" in written.replace("\n", "")
    asked = ("derive", "relu(W*x + b)", "W", "--shape", "W: k,i", "--shape", "b: k")
    assert "∂f_j/∂W_lm" in run(*asked).err


def test_guessed_sizes_leave_the_letters_of_indices() -> None:
    assert str(md.derive("A*X*B", "X")) == "∂f_ij/∂X_kl = A_ik B_lj"


# Numbers of steps ---------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_steps_are_numbered_alike_in_every_format(view: str) -> None:
    d = CASES[5].derivation()
    count = len(d.steps(view).steps)
    wanted = [str(k) for k in range(1, count + 1)]
    assert re.findall(r"^ +(\d+)  ", d.text(view), re.MULTILINE) == wanted
    assert re.findall(r"\\tag\*\{\\small (?:.* )?\((\d+)\)\}", d.latex(view)) == wanted
    assert re.findall(r"\((\d+)\)\}", d.markdown(view)) == wanted
    assert re.findall(r'id="step-(\d+)"', d.html(view)) == wanted
    assert not re.search(r"^ +\d+  ", d.text(view, detail="brief"), re.MULTILINE)


# What a student would stumble over --------------------------------------------------------------

RIDGE, LOSS = "norm2(X*w - y)^2 + lambda*norm2(w)^2", "-sum(Y.*log(softmax(X*W, 2)))/n"
SEEN = (  # derivation, view, a line as it stands
    (RIDGE, "w", "chain", "∂f/∂w           = X'*delta1 + 2*lambda*w"),
    (RIDGE, "w", "differential", "2*(X'*(X*w - y) + lambda*w)'*dw"),
    (RIDGE, "w", "index", "∂f/∂w_i     = Σ_j X_ji g1_j + 2 lambda w_i"),
    (LOSS, "W", "index", "f         = -Σ_ij Y_ij Z2_ij/n"),
    (LOSS, "W", "chain", " δ_lj X_ki"),
    ("g'*relu(W*x + b)", "W", "chain", "= delta1_i x_j"),
    ("tr(A*X*B)", "X", "chain", "∂f/∂X_ij = Σ_k A_ki B_jk  linear map"),
    ("x'*A*x/(x'*x)", "x", "chain", "delta1 = ∂f/∂z1 = 1/z2"),
    ("-sum(y.*log(sigmoid(X*w)) + (1 - y).*log(1 - sigmoid(X*w)))", "w", "chain", "sum of entries"),
    ("norm2(X*w - y)^2", "w", "chain", "let z1 = X*w - y"),
    ("sum(softplus(X*w))/n", "w", "chain", "delta1 = ∂f/∂z1 = sigmoid(z1)/n"),
    ("norm2(W - w*y')^2/2 + c/2*norm2(w)^2", "w", "chain", "= c*w - delta1*y"),
    ("-sum(log(softmax(x)).*y)", "x", "differential", "= sum(y)*softmax(x)'*dx - y'*dx"),
    ("sum(lstm_cell(x,h,c,W,U,b))", "W", "chain", "= [delta5; delta4; delta6; delta3]  part"),
    ("sum(lstm_cell(x,h,c,W,U,b))", "W", "differential", "+ delta4'*dz2[n+1:2*n]"),
)


@pytest.mark.parametrize(("expr", "wrt", "view", "line"), SEEN)
def test_lines_stand_as_a_teacher_writes_them(expr: str, wrt: str, view: str, line: str) -> None:
    sizes = {"X": "n,d", "y": "n", "Y": "n,k"} if "X*" in expr[:20] else {}
    shapes = {name: size for name, size in sizes.items() if name in expr}
    told = md.derive(expr, wrt, shapes=shapes).text(view)
    assert line in told, told


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
@pytest.mark.parametrize("view", VIEWS)
def test_no_line_is_said_twice(case: Any, view: str) -> None:
    steps = case.derivation().steps(view).steps
    said = [(s.left, s.right) for s in steps if isinstance(s.left, Partial)]
    assert len(set(said)) == len(said)


def test_why_something_stands_transposed_is_said_in_full() -> None:
    told = md.derive("norm2(X*w - y)^2", "w", shapes={"X": "n,d", "y": "n"})
    assert "∂z1/∂w is n × d" in told.text(detail="full")
    assert "det(K) cancels" in md.derive("logdet(K)", "K").text("index", detail="full")


# Facts and notes ----------------------------------------------------------------------------------

FACTS = (
    ("-sum(y.*log(softmax(z)))", "z", {"y": "onehot"}, "differential", "distribute"),
    ("x'*A*x", "x", {"A": "symmetric"}, "differential", "inner product"),
    ("(x - s)'*W*(x - s)", "x", {"W": "symmetric"}, "chain", "product"),
    ("tr(X'*A*X)", "X", {"A": "symmetric"}, "index", "matrix notation"),
)


@pytest.mark.parametrize(("expr", "wrt", "assume", "view", "rule"), FACTS)
def test_a_fact_is_named_in_the_one_line_that_needs_it(
    expr: str, wrt: str, assume: dict[str, str], view: str, rule: str
) -> None:
    document = md.derive(expr, wrt, assume=assume).steps(view)
    told = [s for s in document.steps if "This uses that" in s.why]
    assert [s.rule for s in told] == [f"{rule} + declared fact"]
    ((name, word),) = assume.items()
    assert f"{name} is {word}" in told[0].why


def test_a_fact_that_no_line_needs_is_not_named() -> None:
    sizes = {"A": "n,n", "x": "n", "b": "n"}
    d = md.derive("norm2(x - b)^2 + tr(A)", "x", assume={"A": "symmetric"}, shapes=sizes)
    assert not [s for s in differential(d).steps if "This uses" in s.why]


def test_the_line_that_needs_a_fact_is_untrue_without_it_and_the_ones_before_are_true() -> None:
    document = differential(md.derive("x'*A*x", "x", assume={"A": "symmetric"}))
    general = md.derive("x'*A*x", "x")
    (point,) = drawn(sampler(general.f, (), seed=7), 1)
    ground = TruthPoint(document, point, np.random.default_rng(7))
    told = ground.first_in_order()
    assert told is not None
    assert "declared fact" in told.rule
    a, x = (lazy_np.asarray(point.values[n]) for n in "Ax")
    assert not np.allclose(2 * a @ x, (a + a.T) @ x)


def test_notes_stand_on_every_page() -> None:
    d = md.derive("logdet(S)", "S", assume={"S": "symmetric"})
    note = "S is symmetric: the unconstrained derivative"
    for written in (d.text(), d.latex("chain"), d.markdown("chain"), d.html("chain")):
        assert note in written


# Several variables --------------------------------------------------------------------------------

LAYER = ("derive", "relu(W*x + b)", "W,x,b", "--shape", "b: m", "--kind", "vjp", "-q")


@pytest.mark.parametrize("steps", [(), ("--steps",), ("--steps", "differential")])
def test_several_variables_stand_on_one_page(run: Run, steps: tuple[str, ...]) -> None:
    page = run(*LAYER, "--format", "html", *steps).out
    assert page.count("<html") == 1
    assert "Derivatives by W, x, b" in page
    anchors = re.findall(r'id="([^"]+)"', page)
    assert len(set(anchors)) == len(anchors)
    assert "By " not in page
    assert page.count("Backward pass") == (1 if steps == ("--steps",) else 0)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no TeX")
@pytest.mark.parametrize("steps", [(), ("--steps",)])
def test_several_variables_make_a_file_that_compiles(
    run: Run, steps: tuple[str, ...], tmp_path: Path
) -> None:
    written = run(*LAYER, "--standalone", "--vectors", "arrow", *steps).out
    assert r"\vec{x}" in written
    (tmp_path / "page.tex").write_text(written, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-1500:]
    assert b"Overfull" not in done.stdout


# Notebooks ----------------------------------------------------------------------------------------


def test_notebooks_show_derivations_sheets_and_graphs() -> None:
    d: Derivation = md.derive("x'*A*x", "x")
    sheet: Any = md.Sheet("Sheet <1>", [md.Part("One", d), md.Part("Two", d, None)])
    bundle = sheet._repr_mimebundle_()
    assert bundle["text/plain"] == sheet.text() == str(sheet)
    page = bundle["text/html"]
    assert page.count("<style>") == 1
    assert "<script" not in page
    assert "<html" not in page
    assert "Sheet &lt;1&gt;" in page
    assert md.graph("(x + y)*z", values={"x": 1, "y": 2, "z": 3})._repr_svg_().startswith("<svg")
    assert d._repr_mimebundle_()["text/latex"].startswith(r"$\displaystyle ")


# The same names in steps, graph and code ---------------------------------------------------------

SHARED = (
    "norm2(W2*relu(W1*x + b) - y)^2", "sum(tanh(W3*tanh(W2*tanh(W1*x))))", "norm2(X*w - y)^2",
    "sum(log(1 + exp(-y.*(X*w))))", "-sum(Y.*log(softmax(X*W, 2)))", "x'*A*x - log(y'*x)",
    "sum(relu(W*x + b).^2) + c*norm2(W)^2", "sigmoid(w'*x + b)", "logsumexp(A*x) + norm2(A*x)",
)  # fmt: skip


@pytest.mark.parametrize("f", SHARED)
def test_a_value_has_one_name_in_steps_graph_and_code(f: str) -> None:
    """What the steps call z1 has the same numbers in the graph and on the way of the program."""
    wrt = next(n for n in ("W1", "w", "W", "x") if n in f)
    d, sizes = md.derive(f, wrt), {"m": 2, "n": 3, "p": 4, "q": 5}
    rng = np.random.default_rng(1)
    at = {
        v.name: rng.uniform(0.1, 1, tuple(sizes[str(s)] for s in v.shape))
        for v in variables(d.f, d.wrt)
    }
    told = dict(at)
    for s in chain(d).symbols:
        if s.role == "value":
            told[s.variable.name] = evaluate(s.of, told, sizes)
    source = d.code().replace("    return value", "    return dict(locals()), value")
    space: dict[str, Any] = {}
    exec(source, space)  # a program that the test asked for
    in_code = space["value_and_gradient"](**at)[0]
    in_graph = md.graph(f, wrt=wrt).forward(at)
    for found in (in_code, in_graph):
        for name in (told.keys() & found.keys()) - at.keys():
            assert np.allclose(found[name], told[name]), name
    assert len(told.keys() & in_graph.keys() - at.keys()) > 1  # more than f
