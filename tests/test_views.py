"""Derivations as documents: true lines, the answer at the end, the three views of every problem."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from goldens import CASES, VIEWS, Case, lines, same_line, stored
from problems import Problem, problems

from matderiv.command.rules import explained
from matderiv.doors.derive import Derivation, derive
from matderiv.errors import MatderivError, NoRule
from matderiv.expr import Expr
from matderiv.output.documents.latex import document_latex, document_markdown
from matderiv.output.documents.text import document_text
from matderiv.tensors.tensor import Tensor, Term
from matderiv.views.chain import chain
from matderiv.views.differential import differential
from matderiv.views.document import Document, Partial, Section, Step
from matderiv.views.reasons import rules_of
from matderiv.views.truth import UntrueLine, verified

View = Callable[..., Document]
BUDGET = 5  # the chain view with its checks, in derivations

views = pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)


def last_line(document: Document) -> str:
    """The answer's line of the printed document, its rule cut off."""
    body = document_text(document, detail="brief").split("\nAnswer\n")[1].strip()
    return body.split("\n")[-1]


def answer(d: Derivation) -> str:
    """What `str(D)` says, without the left side of an index equation."""
    written = str(d)
    return written if d.has_matrix_form else written.split(" = ", 1)[1]


# Every problem ------------------------------------------------------------------------------------


@views
@pytest.mark.parametrize("problem", problems(), ids=lambda p: p.id)
def test_every_line_of_every_problem_is_true(problem: Problem, view: View) -> None:
    d = problem.derivation()
    document = view(d)  # evaluates every line at two points
    verified(document)
    assert all(explained(name) for step in document.steps for name in rules_of(step.rule))
    assert last_line(document).endswith(f"= {answer(d)}")
    assert document.answers[-1].right is (d.displayed if d.has_matrix_form else d.derivative.tensor)


MORE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("logdet(X)", "X", {"assume": {"X": "posdef"}}),
    ("tr(A*X)", "X", {"assume": {"X": "symmetric"}, "structure": "independent"}),
    ("tr(A*X)", "X", {"assume": {"X": "skew"}}),
    ("tr(A*X*B)", "X", {"assume": {"X": "diagonal"}}),
    ("tr(X'*A*X)", "X", {"assume": {"X": "symmetric"}, "order": 2}),
    ("x'*A*x", "x", {"layout": "numerator"}),
    ("tr(A*X)", "X", {"layout": "numerator"}),
    ("A*x", "x", {"layout": "denominator"}),
    ("sum(x.^4)", "x", {"order": 3}),
    ("sin(x)", "x", {"order": 2, "shapes": {"x": ""}}),
    ("log(sin(x^3)^2)", "x", {"shapes": {"x": ""}}),
    ("tanh(W*x)", "x", {"kind": "jvp"}),
    ("tr(X'*A*X)", "X", {"kind": "differential"}),
    ("norm2(z1*f - delta1)", "z1", {"shapes": {"z1": "n", "f": "", "delta1": "n"}}),
    ("max(x)", "x", {}),
    ("pinv(X)", "X", {"kind": "vjp"}),
    ("cross(a, b)", "a", {"shapes": {"a": "3", "b": "3"}}),
    ('einsum("bij,bjk->bik", S, T)', "T", {"shapes": {"S": "b,i,j", "T": "b,j,k"}}),
    ("vec(A*X*B)", "X", {}),
    ("sum(y)", "x", {"shapes": {"x": "n", "y": "m"}}),
    ("x", "x", {}),
    ("x/norm2(x)", "x", {}),
    ("x + x.^2", "x", {}),
    ("tr(inv(X))", "X", {"order": 2}),
    ("A*x", "x", {"order": 2}),
    ("sum(relu(A*x - b))", "x", {"order": 2}),
    ("a'*relu(W*x)", "W", {"order": 2}),
    ("W2*phi(W1*x)", "W1", {"shapes": {"W2": "C,h", "W1": "h,D", "x": "D"}}),
    ("tr(A*X)", "X", {"order": 2, "assume": {"X": "symmetric"}}),
    ("a'*x", "x", {"order": 3}),
)


@views
@pytest.mark.parametrize(("expr", "wrt", "asked"), MORE, ids=lambda v: str(v))
def test_other_kinds_orders_layouts_and_structures(
    expr: str, wrt: str, asked: dict[str, Any], view: View
) -> None:
    d = derive(expr, wrt, **asked)
    document = view(d)
    assert all(explained(name) for step in document.steps for name in rules_of(step.rule))
    assert f"= {answer(d)}" in last_line(document)
    for detail in ("brief", "normal", "full"):
        assert document_latex(document, detail=detail)
        assert document_markdown(document, detail=detail)


@views
@pytest.mark.parametrize("problem", problems()[::3], ids=lambda p: p.id)
def test_second_derivatives_are_told_in_every_view(problem: Problem, view: View) -> None:
    d = derive(problem.expr, problem.wrt, shapes=problem.shapes, assume=problem.assume, order=2)
    assert last_line(view(d)).endswith(f"= {answer(d)}")


@views
def test_a_function_without_a_rule_is_refused_by_name(view: View) -> None:
    d = derive("sum(x.^2)", "x")
    with pytest.raises(NoRule, match="sort_map"):
        derive("sort_map(x)", "x")
    assert view(d).answers[-1].right is d.displayed


# The checks notice mistakes -----------------------------------------------------------------------


def changed(right: Expr | Tensor) -> Expr | Tensor:
    """A right side that is wrong by a factor."""
    if isinstance(right, Tensor):
        first, *rest = right.terms
        return Tensor(right.axes, (Term(first.coefficient * 3 / 2, first.factors), *rest))
    return right * 3


def mutants(document: Document) -> Iterator[Document]:
    """The document with one line made wrong, for every line in turn."""
    for k, section in enumerate(document.sections):
        for j, step in enumerate(section.steps):
            steps = list(section.steps)
            steps[j] = replace(step, right=changed(step.right))
            sections = list(document.sections)
            sections[k] = replace(section, steps=tuple(steps))
            yield replace(document, sections=tuple(sections))
    for k, step in enumerate(document.answers):
        answers = list(document.answers)
        answers[k] = replace(step, right=changed(step.right))
        yield replace(document, answers=tuple(answers))


@views
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_mistake_in_any_line_is_noticed(case: Case, view: View) -> None:
    document = view(case.derivation())
    wrong = list(mutants(document))
    assert len(wrong) == len(document.steps)
    for mutant in wrong:
        with pytest.raises(UntrueLine, match="not true") as caught:
            verified(mutant)
        assert any("point 0" in line for line in caught.value.details)


# The stored derivations ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_twelve_derivations_read_as_they_were_read_by_a_person(case: Case) -> None:
    known = stored(case)
    for name, view in VIEWS.items():
        document = view(case.derivation())
        ours = lines(document)
        assert len(ours) == len(known[name]), "\n".join(ours)
        for a, b in zip(ours, known[name], strict=True):
            assert same_line(document, a, b), f"{a}\n{b}"


def test_stored_lines_are_compared_as_expressions() -> None:
    document = chain(CASES[5].derivation())
    assert same_line(document, "∂f/∂x = A'*delta1 | affine map", "∂f/∂x = (A')*delta1 | affine map")
    assert not same_line(
        document, "∂f/∂x = A'*delta1 | affine map", "∂f/∂x = 2*A'*delta1 | affine map"
    )


# Reading ------------------------------------------------------------------------------------------


def test_the_differentials_of_a_network_are_written_with_the_names_of_its_layers() -> None:
    found = derive(
        "norm2(W2*relu(W1*x + b1) + b2 - y)^2", ["W1", "b1", "W2", "b2"], shapes={"b1": "h"}
    )
    written = document_text(differential(*found))
    for line in ("let z1 = W1*x + b1", "= 2*z2'*(dW2*relu(z1) + W2*d(relu(z1)) + db2)"):
        assert line in written, written


@pytest.mark.parametrize(
    ("f", "line"),
    [
        (
            "-sum(y.*log(sigmoid(X*w)) + (1 - y).*log(1 - sigmoid(X*w)))",
            "(y./h1 + (y - 1)./(1 - h1))",
        ),
        ("rmsnorm(x)", "2*(x/(2*h1^3))*x'/n"),
    ],
)
def test_what_is_put_back_has_no_ones_and_one_number(f: str, line: str) -> None:
    written = document_text(chain(derive(f, "w" if "w" in f else "x")))
    assert line in written.split("\nResult\n")[1], written


def test_a_part_of_a_line_is_called_what_the_other_views_call_it() -> None:
    written = document_text(differential(derive("exp(-0.5*(x - m)'*inv(S)*(x - m))", "x")))
    assert "where z1 = x - m; " in written, written


def test_the_chain_view_of_a_logistic_loss_is_backprop_as_in_the_lecture() -> None:
    d = derive("sum(log(1 + exp(-y.*(X*w))))", "w", shapes={"X": "n,d"})
    written = document_text(chain(d))
    for line in ("z1 = X*w", "z2 = -y.*z1", "∂z2/∂z1 = -diag(y)", "∂f/∂w           = X'*delta1"):
        assert line in written, written


def test_a_value_used_twice_adds_its_shares() -> None:
    document = chain(derive("x'*A*x", "x"))
    (backward,) = (s for s in document.sections if s.title.startswith("Backward"))
    assert [s.rule for s in (*backward.steps, document.answers[-1])] == ["product", "collect"]
    assert "add up" in backward.steps[0].why


def test_every_step_names_its_rule_and_says_why() -> None:
    document = differential(derive("a'*inv(X)*b", "X", shapes={"a": "n", "b": "n"}))
    for section in document.sections:
        for step in section.steps:
            assert step.rule
            assert step.why


def test_a_continued_line_knows_what_stood_before() -> None:
    document = differential(derive("norm2(A*x - b)^2", "x", shapes={"b": "m"}))
    first, second = document.sections[0].steps
    assert second.continues
    assert second.before is first.right


def test_names_of_the_derivation_never_meet_names_of_the_user() -> None:
    d = derive("norm2(A*z1 - delta1)^2", "z1", shapes={"A": "m,n", "z1": "n", "delta1": "m"})
    for view in VIEWS.values():
        document = view(d)
        own = [s.variable.name for s in document.symbols]
        assert len(set(own)) == len(own)
        assert not set(own) & {v.name for v in document.declarations}


def test_details_are_brief_normal_or_full() -> None:
    document = chain(derive("sum(relu(W*x))", "x"))
    brief, normal, full = (
        document_text(document, detail=detail) for detail in ("brief", "normal", "full")
    )
    assert "relu(z1)" in brief
    assert "linear map" not in brief
    assert "linear map" in normal
    assert "Source:" not in normal
    assert "Source: Parr & Howard 2018, sec. 5" in full
    for render in (document_text, document_markdown, document_latex):
        with pytest.raises(MatderivError, match="unknown detail"):
            render(document, detail="long")


def test_the_same_derivation_is_printed_byte_for_byte() -> None:
    def printed() -> list[str]:
        d = derive("attention(Q, K, V)", "Q", kind="vjp")
        return [document_latex(view(d)) + document_text(view(d)) for view in VIEWS.values()]

    assert printed() == printed()


# LaTeX --------------------------------------------------------------------------------------------


def test_names_and_reasons_never_become_tex_code() -> None:
    d = derive("sum(log(a_b_c.*x_1))", "x_1", shapes={"a_b_c": "n", "x_1": "n"})
    written = document_latex(chain(d), detail="full")
    assert r"\mathrm{a\_b\_c}" in written
    assert "a_b_c" not in written


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX here")
def test_the_stored_derivations_compile_without_overfull_boxes(tmp_path: Path) -> None:
    body = []
    for case in CASES:
        for view in VIEWS.values():
            document = view(case.derivation())
            body.append(document_latex(document, detail="full", standalone=True))
    preamble, _, _ = body[0].partition(r"\begin{document}")
    inside = [b.partition(r"\begin{document}")[2].partition(r"\end{document}")[0] for b in body]
    source = preamble + r"\begin{document}" + "\n".join(inside) + r"\end{document}"
    (tmp_path / "all.tex").write_text(source, encoding="utf-8")
    told = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "all.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    log = told.stdout.decode("latin-1")
    assert told.returncode == 0, log[-2000:]
    assert "Overfull" not in log


def test_markdown_formulas_use_aligned_and_no_macros() -> None:
    written = document_markdown(chain(derive("sum(relu(W*x))", "W")), detail="full")
    assert r"\begin{aligned}" in written
    for forbidden in (r"\begin{align", r"\tag", r"\ensuremath", r"\bm", r"\newcommand"):
        assert forbidden not in written.replace(r"\begin{aligned}", "")
    assert written.count("$$") % 2 == 0


# Time ---------------------------------------------------------------------------------------------


def deep(layers: int) -> Derivation:
    expr = "x"
    shapes = {"x": "n"}
    for k in range(layers):
        expr = f"relu(W{k}*{expr} + b{k})"
        shapes |= {f"W{k}": "n,n", f"b{k}": "n"}
    found: Derivation = derive(f"sum({expr})", "W0", shapes=shapes)
    return found


@views
def test_a_network_of_64_layers_is_told_in_less_than_a_second(view: View) -> None:
    d = deep(64)
    view(deep(2))
    best = 9.0
    for _ in range(3):
        started = time.process_time()
        document_text(view(d))
        best = min(best, time.process_time() - started)
    assert best < 1


def test_the_chain_view_costs_a_few_derivations() -> None:
    ratios = []
    for case in CASES:
        d = case.derivation()
        chain(d)
        ratios.append(_seconds(lambda d=d: chain(d)) / _seconds(case.derivation))
    ratios.sort()
    assert ratios[len(ratios) // 2] < BUDGET, ratios


def _seconds(run: Callable[[], object]) -> float:
    best = 9.0
    for _ in range(3):
        started = time.process_time()
        run()
        best = min(best, time.process_time() - started)
    return best


def test_partial_and_section_are_values() -> None:
    x = derive("sum(x)", "x").wrt
    assert Partial(x, x) == Partial(x, x)
    assert Section("a", (Step(x, x),)) == Section("a", (Step(x, x),))
