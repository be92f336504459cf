"""Causes beyond one change of the tree: facts, pairs, diagonals, terms, bounds, steps."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from answer_changes import arguments, equal_values, rows

from matderiv import derive, verify, verify_steps
from matderiv.errors import MatderivError, ParseError, UnknownName
from matderiv.verification.claims import ask, read_answer
from matderiv.verification.mistakes.diagnosis import tidied
from matderiv.verification.mistakes.solving import FAILURES, CauseSearch
from matderiv.verification.verdict import HINTS, hint_of

LEAST_SQUARES = ("norm2(A*x - b)^2", "x")
SIZES = {"shapes": {"A": "m,n", "b": "m"}}


# Facts that were not declared --------------------------------------------------------------------

FACTS: list[tuple[tuple[str, str], str, str, str, dict[str, Any]]] = [
    (("-y'*log_softmax(z)", "z"), "softmax(z) - y", "y", "simplex", {}),
    (("-y'*log(softmax(W*x))", "W"), "(softmax(W*x) - y)*x'", "y", "onehot", {}),
    (("-sum(Y.*log_softmax(Z,2))", "Z"), "softmax(Z,2) - Y", "Y", "simplex", {}),
    (("sum(log(1+exp(-y.*(X*w))))", "w"), "X'*(sigmoid(X*w) - (y+1)/2)", "y", "labels", {}),
    (("norm2(Q*x)^2", "x"), "2*x", "Q", "orthogonal", {"shapes": {"Q": "n,n"}}),
    (("norm2(A*x)^2", "x"), "2*A^2*x", "A", "symmetric", {"shapes": {"A": "n,n"}}),
    (("x'*A*x", "x"), "2*A*x", "A", "symmetric", {}),
    (("x'*A*x", "x"), "0*x", "A", "skew", {}),
    (("sum(abs(c)*x)", "x"), "c*ones(n)", "c", "positive", {"shapes": {"c": "", "x": "n"}}),
]


@pytest.mark.parametrize(("question", "answer", "name", "fact", "more"), FACTS)
def test_an_answer_that_needs_a_fact_is_right_with_it_and_only_with_it(
    question: tuple[str, str], answer: str, name: str, fact: str, more: dict[str, Any]
) -> None:
    assert verify(*question, answer, **more).correct is False
    assert verify(*question, answer, assume={name: fact}, **more).correct is True


@pytest.mark.parametrize(
    ("question", "answer", "name", "fact", "more"),
    [f for f in FACTS if f[3] not in ("symmetric", "skew", "positive")],
)
def test_the_fact_that_is_needed_is_named(
    question: tuple[str, str], answer: str, name: str, fact: str, more: dict[str, Any]
) -> None:
    found = verify(*question, answer, **more)
    assert found.diagnosis == "needs-fact", str(found)
    assert re.search(rf"declare {name}: .*{fact}", found.message)


def test_a_matrix_taken_for_symmetric_is_told_with_the_general_answer() -> None:
    found = verify("x'*A*x", "x", "2*A*x")
    assert found.diagnosis == "symmetric-shortcut"
    assert "declare A: symmetric" in found.message
    assert found.suggestion is not None
    assert verify("x'*A*x", "x", found.suggestion).correct is True


def test_a_sum_that_f_writes_out_is_not_taken_for_one() -> None:
    found = verify("sum(X,2)./sum(Y,2)", "X", "G*ones(d)'", kind="vjp", shapes={"X": "n,d"})
    assert found.diagnosis == "missing-chain-factor", str(found)


def test_facts_about_what_moves_are_not_proposed() -> None:
    assert verify("sum(relu(x))", "x", "ones(n)", shapes={"x": "n"}).diagnosis != "needs-fact"


# Two changes -------------------------------------------------------------------------------------

PAIRS: list[tuple[tuple[str, str], str, set[str], dict[str, Any]]] = [
    (LEAST_SQUARES, "-2*A*(A*x - b)", {"transpose", "sign"}, SIZES),
    (LEAST_SQUARES, "(A*x - b)'*A", {"other-layout", "factor"}, SIZES),
    (LEAST_SQUARES, "-2*(A*x - b)'*A", {"other-layout", "sign"}, SIZES),
    (LEAST_SQUARES, "(A*x - b)*A'", {"order-of-factors", "factor"}, SIZES),
    (LEAST_SQUARES, "-A*(A*x - b)", {"transpose", "factor"}, SIZES),
    (("logdet(X)", "X"), "-inv(X)", {"other-layout", "sign"}, {}),
    (("tr(A*X*B)", "X"), "2*B*A", {"other-layout", "factor"}, {}),
    (("x'*A*x", "x"), "2*x'*A", {"other-layout", "symmetric-shortcut"}, {}),
    (("sum(x.^3)", "x"), "-x.^3", {"power", "factor"}, {}),
]


@pytest.mark.parametrize(("question", "answer", "codes", "more"), PAIRS)
def test_two_mistakes_are_named_together(
    question: tuple[str, str], answer: str, codes: set[str], more: dict[str, Any]
) -> None:
    found = verify(*question, answer, **more)
    assert found.verdict == "disproved"
    assert set((found.diagnosis or "").split("+")) == codes, str(found)
    assert "Two things are off" in found.message
    assert found.suggestion is not None
    assert verify(*question, found.suggestion, **more).correct is True


def test_where_nothing_helps_that_is_said() -> None:
    found = verify("mean(sum(X.^2,2))", "X", "3*mean(X)*X/n")
    assert (found.diagnosis, found.suggestion) == (None, None)
    assert "no common pair" in found.message


def test_the_hint_for_two_mistakes_names_both_kinds() -> None:
    found = verify(*LEAST_SQUARES, "(A*x - b)'*A", **SIZES)
    assert found.hint == f"{HINTS['other-layout']}; {HINTS['factor']}"
    assert hint_of("sign", "") == HINTS["sign"]


def test_one_change_is_preferred_to_two() -> None:
    assert verify(*LEAST_SQUARES, "2*A*(A*x - b)", **SIZES).diagnosis == "transpose"
    assert verify(*LEAST_SQUARES, "A'*(A*x - b)", **SIZES).diagnosis == "factor"


# Functions, axes, diagonals, terms ---------------------------------------------------------------

CAUSES: list[tuple[tuple[str, str], str, str, str, dict[str, Any]]] = [
    (("sum(tanh(W*x))", "x"), "W'*(tanh(W*x).*(1-tanh(W*x)))", "wrong-function", "of tanh", {}),
    (("sum(sigmoid(W*x))", "x"), "W'*(1-sigmoid(W*x).^2)", "wrong-function", "of sigmoid", {}),
    (("sum(tanh(W*x))", "x"), "W'*(1-sigmoid(W*x).^2)", "wrong-function", "of tanh", {}),
    (("norm2(x)", "x"), "x./abs(x)", "wrong-function", "x./norm2(x)", {}),
    (("norm1(x)", "x"), "x/norm1(x)", "wrong-function", "sign(x)", {}),
    (("sum(exp(x))", "x"), "log1p(x)", "wrong-function", "exp(x)", {}),
    (
        ("softmax(X,2)", "X"),
        "softmax(X,2).*(G - sum(G.*softmax(X,2),1))",
        "axis",
        "along axis 2",
        {"kind": "vjp"},
    ),
    (("x'*A*x", "A"), "x.*x", "hadamard-for-product", "x*x'", {}),
    (("logdet(X)", "X"), "adj(X)'", "missing-chain-factor", "Divided by det(X)", {}),
    (("softmax(z)", "z"), "diag(softmax(z).*(1-softmax(z)))", "diagonal", "beside it", {}),
    (("softmax(z)", "z"), "softmax(z).*(1-softmax(z))", "diagonal", "beside it", {}),
    (("relu(x)", "x"), "step(x)", "diagonal", "diag(step(x))", {"shapes": {"x": "n"}}),
    (("X./sum(X,2)", "X"), "G./sum(X,2)", "missing-term", "sum(G.*X,2)", {"kind": "vjp"}),
    (
        ("norm2(A*x-b)^2", "x"),
        "2*(A*x)'*A",
        "missing-term",
        "(A*x - b)'",
        {"layout": "numerator", **SIZES},
    ),
    (
        ("sum(max(0,sum((X-a').^2,2)-c))", "a"),
        "-2*(X-a')'*step(sum(X.^2,2)-c)",
        "missing-term",
        "X - a'",
        {"shapes": {"X": "n,d", "a": "d", "c": ""}},
    ),
]


@pytest.mark.parametrize(("question", "answer", "code", "said", "more"), CAUSES)
def test_the_cause_is_named_with_what_is_right(
    question: tuple[str, str], answer: str, code: str, said: str, more: dict[str, Any]
) -> None:
    found = verify(*question, answer, **more)
    assert found.diagnosis == code, str(found)
    assert said in found.message
    if found.suggestion is not None:
        assert verify(*question, found.suggestion, **more).correct is True


def test_a_diagonal_edit_does_not_hide_a_wrong_product() -> None:
    found = verify("x.*(A*x)", "x", "diag(A*x) + diag(x).*A")
    assert found.diagnosis == "hadamard-for-product"


def test_the_added_part_is_named() -> None:
    found = verify("sum(tanh(W*x))", "W", "(1 - tanh(W*x).^2)")
    assert "With the missing factor x'" in found.message


# Shapes ------------------------------------------------------------------------------------------


def test_a_jacobian_by_a_matrix_is_said_with_all_its_axes() -> None:
    found = verify("W*x", "W", "x")
    assert found.diagnosis == "shape"
    assert "m × m × n" in found.message
    assert any("vjp" in note for note in found.notes)


def test_a_name_behind_a_matrix_is_a_vector() -> None:
    assert verify("a'*inv(X)*b", "X", "-inv(X)'*a*b'*inv(X)'").correct is True


@pytest.mark.parametrize("answer", ["x==max(x)", "(x==max(x))", "2*(x == max(x))"])
def test_two_equals_signs_are_no_comparison(answer: str) -> None:
    with pytest.raises(ParseError, match="there is no ==") as raised:
        verify("max(x)", "x", answer, shapes={"x": "n"})
    assert raised.value.span is not None
    assert answer[slice(*raised.value.span)] == "=="


# The search --------------------------------------------------------------------------------------


def test_a_candidate_that_fails_brings_a_point_that_rejects_its_kind() -> None:
    asked = ask("sum(max(0,sum((X-a').^2,2)-c))", "a", shapes={"X": "n,d", "a": "d", "c": ""})
    wrong = read_answer(asked, "-2*(X-a')'*step(sum(X.^2,2)-c)")
    search = CauseSearch.of(asked, wrong, 0)
    assert search is not None
    assert not search.holds(wrong)


def test_no_more_than_a_few_candidates_are_verified_in_vain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[bool] = []
    accepted = CauseSearch.accepted

    def counted(self: CauseSearch, *given: Any) -> bool:
        tried.append(accepted(self, *given))
        return tried[-1]

    monkeypatch.setattr(CauseSearch, "accepted", counted)
    shapes = {"X": "n,d", "a": "d", "c": "", "r": ""}
    wrong = "-2*c*(X-ones(n)*a')'*step(sum((X-ones(n)).^2,2)-r^2)"
    f = "r^2+c*sum(max(0,sum((X-ones(n)*a').^2,2)-r^2))"
    assert verify(f, "a", wrong, shapes=shapes).correct is False
    assert tried.count(False) <= 3 * FAILURES


# Spelling ----------------------------------------------------------------------------------------


def test_tidying_keeps_values_and_is_done_once() -> None:
    checked = 0
    for row in [r for r in rows() if not r["shape_error"]][::5]:
        try:
            asked = ask(row["expr"], row["wrt"], **arguments(row))
            e = read_answer(asked, row["answer"])
        except MatderivError:
            continue
        tidy = tidied(e)
        assert tidied(tidy) is tidy, row["answer"]
        assert equal_values(asked, e, tidy) is not False, row["answer"]
        checked += 1
    assert checked > 100


# Steps of our own derivation ---------------------------------------------------------------------

STEPS = [
    (*LEAST_SQUARES, "A'*(A*x - b)", "squared norm"),
    (*LEAST_SQUARES, "2*(A*x - b)", "affine map"),
    (*LEAST_SQUARES, "2*A'*(A*x + b)", "affine map"),
    ("sum(tanh(W*x))", "x", "W'*(1 - tanh(W*x).^3)", "tanh"),
    ("logsumexp(A*x+b)", "x", "softmax(A*x+b)", "affine map"),
]


@pytest.mark.parametrize(("f", "wrt", "answer", "rule"), STEPS)
def test_the_step_that_was_missed_is_named(f: str, wrt: str, answer: str, rule: str) -> None:
    found = verify(f, wrt, answer, shapes={"b": "m"} if "b" in f else None)
    said = re.search(r"See step (\d+), (.*)\.$", found.message)
    assert said is not None, found.message
    assert said[2] == rule
    shapes = {"b": "m"} if "b" in f else None
    assert rule in derive(f, wrt, shapes=shapes).text("chain")


def test_no_step_is_named_where_none_is_certain() -> None:
    wrong = verify("norm2(A*x - b)", "x", "2*A'*(A*x - b)/norm2(A*x - b)", **SIZES)
    assert wrong.diagnosis == "factor"
    assert "See step" not in wrong.message


# One reading of a question -----------------------------------------------------------------------


@pytest.mark.parametrize("wrt", ["q", "1 + x", "m"])
def test_deriving_and_verifying_refuse_the_same_variables(wrt: str) -> None:
    said = []
    for ask_it in (lambda: derive("A*x", wrt), lambda: verify("A*x", wrt, "A")):
        with pytest.raises(MatderivError) as raised:
            ask_it()
        said.append((type(raised.value), raised.value.message))
    assert said[0] == said[1]


def test_an_unknown_variable_is_an_unknown_name() -> None:
    with pytest.raises(UnknownName):
        verify("A*x", "q", "A")


# Lines -------------------------------------------------------------------------------------------


def test_lines_in_python_are_read_as_python() -> None:
    right = """```python
    f = np.sum((A @ x - b)**2)
    r = A @ x - b
    df = 2 * r @ dr
    dr = A @ dx
    grad_x = 2 * A.T @ r
    ```"""
    assert verify_steps(right, shapes={"b": "m"}).correct is True
    wrong = right.replace("2 * A.T @ r", "A.T @ r")
    found = verify_steps(wrong, shapes={"b": "m"})
    assert found.first_wrong is not None
    assert (found.first_wrong.number, found.first_wrong.diagnosis) == (6, "factor")


SECOND = [
    ("f = norm2(A*x)^2\nd²f = 2*(A*dx)'*A*dx\n∇²f = 2*A'*A", "x", None),
    ("f = norm2(A*x)^2\nd²f = (A*dx)'*A*dx\n∇²f = A'*A", "x", 2),
    ("f = logdet(X)\nd^2f = -tr(inv(X)*dX*inv(X)*dX)", "X", None),
    ("f = logdet(X)\nd^2f = tr(inv(X)*dX*inv(X)*dX)", "X", 2),
    ("$$f = \\log\\det X$$\n$$d^2 f = -\\mathrm{tr}(X^{-1} dX X^{-1} dX)$$", "X", None),
    ("f = sum(exp(x))\nd²f = sum(exp(x).*dx.^2)", "x", None),
    ("f = sum(exp(x))\nd²f = sum(exp(x).*dx)", "x", 2),
]


@pytest.mark.parametrize(("lines", "wrt", "breaks"), SECOND)
def test_second_differentials_are_checked(lines: str, wrt: str, breaks: int | None) -> None:
    found = verify_steps(lines, wrt=wrt)
    assert found.correct is (breaks is None), str(found)
    assert (found.first_wrong and found.first_wrong.number) == breaks


def test_a_hessian_that_follows_from_a_wrong_second_differential_is_said_to() -> None:
    found = verify_steps(SECOND[1][0], wrt="x")
    assert found.lines[-1].follows == 2


# Spreadsheets ------------------------------------------------------------------------------------


def test_cells_of_csv_are_no_formulas_for_a_spreadsheet(tmp_path: Any, run: Any) -> None:
    table = tmp_path / "answers.csv"
    table.write_text("name,answer\n=1+1,-2*x\n@a,2*x\n'-c,\"'-x\"\n", encoding="utf-8")
    out = tmp_path / "out.csv"
    run("verify", "x'*x", "x", "--batch", str(table), "-o", str(out), "-q")
    text = out.read_text(encoding="utf-8")
    found = list(csv.DictReader(io.StringIO(text)))
    assert [r["answer"] for r in found] == ["'-2*x", "2*x", "'-x"]
    assert [r["id"] for r in found] == ["'=1+1", "'@a", "'-c"]
    assert [r["verdict"] for r in found] == ["disproved", "proved", "disproved"]
    again = tmp_path / "again.csv"
    run("verify", "x'*x", "x", "--batch", str(out), "-o", str(again), "-q")
    assert again.read_text(encoding="utf-8") == text


def test_an_upstream_of_another_name_counts_in_a_batch(tmp_path: Any, run: Any) -> None:
    table = tmp_path / "answers.csv"
    table.write_text("answer\nA'*V\n", encoding="utf-8")
    given = ("--kind", "vjp", "--upstream", "V")
    found = run("verify", "A*x", "x", "--batch", str(table), *given, "-q")
    assert "proved" in found.out
