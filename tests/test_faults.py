"""Faulty input from outside: what is odd about one part spoils that part alone, and is shown."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run

import matderiv as md
import matderiv.verification.derivations.problems as steps_of
from matderiv import work
from matderiv.command import homework
from matderiv.command.failures import TimeUp
from matderiv.doors import check
from matderiv.errors import MatderivError, visible
from matderiv.input.resolve import read
from matderiv.verification import judging
from matderiv.verification.mistakes import diagnose

ESCAPES = ["\x1b[2K", "\x1b]0;title\x07", "\x9b2J", "\u202e", "\u2066", "\u2028", "\ufeff", "\x08"]


def unseen(text: str) -> list[str]:
    """The characters of a text that act on a terminal."""
    odd = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return [c for c in text if unicodedata.category(c) in odd and c not in "\n\t"]


# Characters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("escape", ESCAPES)
def test_what_acts_on_a_terminal_is_a_dot(escape: str, run: Run, tmp_path: Path) -> None:
    """In verdicts, their titles, lines and carets, in messages, and in the errors of the API."""
    document = tmp_path / "sheet.md"
    document.write_text(f"# One{escape}\nf = x'*x\n∇f = 3*{escape}x\n", encoding="utf-8")
    table = tmp_path / "class.csv"
    table.write_text(f"f,wrt,answer,id\nx'*x,x,x,a{escape}b\nx{escape},x,x,c\n", encoding="utf-8")
    for arguments in (
        ("verify", "--file", str(document)),
        ("verify", "--batch", str(table)),
        ("derive", f"x{escape}", "x"),
        ("derive", "x'*x", "x", "--shape", f"x{escape}: n"),
        ("derive", "x'*x", "x", f"--format={escape}"),
        ("explain", f"a{escape}"),
    ):
        told = run(*arguments, seconds=20)
        assert not unseen(told.out + told.err), arguments
    with pytest.raises(MatderivError) as caught:
        md.derive("x'*x", "x", assume={"x": f"pos{escape}"})
    assert not unseen(str(caught.value))
    assert not unseen(str(md.verify_steps(f"f = x'*x\n∇f = 3*{escape}x")))


def test_what_is_seen_stays() -> None:
    assert visible("∂f/∂x = 2·x\n\t‖x‖²") == "∂f/∂x = 2·x\n\t‖x‖²"


def test_a_sheet_shows_no_escapes() -> None:
    part = md.Part("a\x1b[2J", says="b\u202e", table=[["c\x07"]], listing="d\x9b")
    sheet = md.Sheet("e\x1b", [part], author="f\u2066")
    for page in (sheet.text(), sheet.html(), sheet.latex(), sheet.markdown(), str(sheet)):
        assert not unseen(page)
        assert "·" in page or r"\cdot" in page or "ensuremath" in page


# Byte order marks and line ends ----------------------------------------------------------------


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("suffix", ["txt", "md"])
def test_marks_and_line_ends_are_no_content(
    mark: str, ends: str, suffix: str, run: Run, tmp_path: Path
) -> None:
    document = tmp_path / f"sheet.{suffix}"
    lines = ["f = norm2(A*x - b)^2", "grad = 2*A'*(A*x - b)", ""]
    document.write_bytes((mark + ends.join(lines)).encode())
    told = run("verify", "--file", str(document), seconds=20)
    assert (told.status, "The step is right" in told.out) == (0, True), told.out
    table = tmp_path / "class.jsonl"
    row = json.dumps({"f": "x'*x", "wrt": "x", "answer": "2*x"})
    table.write_bytes((mark + row + ends + row + ends).encode())
    assert "2 proved" in run("verify", "--batch", str(table)).out
    table = tmp_path / "class.csv"
    table.write_bytes((mark + ends.join(["f,wrt,answer", "x'*x,x,2*x"])).encode())
    assert "1 proved" in run("verify", "--batch", str(table)).out
    formula = tmp_path / "formula.txt"
    formula.write_bytes((mark + "x'*x +" + ends + "a").encode())
    assert run("derive", "--file", str(formula), "x").out == "2*x\n"


@pytest.mark.parametrize("f", ["x'*x", r"\mathbf{x}^\top \mathbf{x}", "np.dot(x, x)"])
def test_a_mark_before_a_formula_is_no_content(f: str) -> None:
    assert str(md.derive("\ufeff" + f, "x", shapes={"x": "n"})) == "2*x"


# Documents and tables -----------------------------------------------------------------------------


@pytest.mark.parametrize("heading", [r"\section{}", r"\paragraph*{}", r"\subsection{ }"])
def test_an_empty_heading_is_a_heading(heading: str) -> None:
    found = md.verify_steps(f"{heading}\n$f = x^\\top A x$\n$\\nabla f = (A + A^\\top) x$\n")
    assert found.correct is True


BAD_CELLS: list[Any] = [["a"], {}, {"a": 1}, [[]], [None]]


@pytest.mark.parametrize("column", ["f", "wrt", "answer", "kind", "order", "layout", "structure"])
@pytest.mark.parametrize("cell", BAD_CELLS, ids=repr)
def test_a_cell_of_another_kind_spoils_its_own_row(
    column: str, cell: Any, run: Run, tmp_path: Path
) -> None:
    good = {"f": "x'*x", "wrt": "x", "answer": "2*x", "id": "good"}
    table = tmp_path / "class.jsonl"
    table.write_text("\n".join(map(json.dumps, ({**good, column: cell, "id": "bad"}, good))))
    told = run("verify", "--batch", str(table), "--json")
    first, second = json.loads(told.out)["answers"]
    assert (first["verdict"], second["verdict"], second["id"]) == ("unread", "proved", "good")
    assert told.status == 3


@pytest.mark.parametrize("column", ["shapes", "assume"])
@pytest.mark.parametrize("cell", [["a"], [None], {"x": {}}, {"x": [[]]}, {"": ""}, "x"], ids=repr)
def test_declarations_of_another_kind_spoil_their_own_row(
    column: str, cell: Any, run: Run, tmp_path: Path
) -> None:
    good = {"f": "x'*x", "wrt": "x", "answer": "2*x"}
    table = tmp_path / "class.jsonl"
    table.write_text("\n".join(map(json.dumps, ({**good, column: cell}, good))))
    told = run("verify", "--batch", str(table), "--json")
    assert [a["verdict"] for a in json.loads(told.out)["answers"]] == ["unread", "proved"]


def test_sizes_of_a_row_may_be_numbers_and_lists(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "class.jsonl"
    row = {"f": "X*w", "wrt": "w", "answer": "X", "shapes": {"X": ["n", 3], "w": 3}, "id": 7}
    table.write_text(json.dumps(row))
    (answer,) = json.loads(run("verify", "--batch", str(table), "--json").out)["answers"]
    assert (answer["verdict"], answer["id"]) == ("proved", "7")


def test_a_derivative_of_a_function_that_no_line_defines_is_not_read(
    run: Run, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("```python\n| a | b |\nf'(x) = 2*x\n\\nabla f = 2x")
    found = run("verify", "--file", str(notes))
    assert found.status == 3
    assert "Internal" not in found.err


def test_an_answer_whose_spelling_is_given_is_read_so_or_refused(run: Run) -> None:
    found = run("verify", "sum(a.*x)", "x", "sum(ones(n(m1))", "--from", "latex")
    assert found.status == 2
    assert "Internal" not in found.err


# Limits -------------------------------------------------------------------------------------------

LONG: list[Callable[[int], str]] = [
    lambda k: "+".join(f"x'*A{j}*x" for j in range(k)),
    lambda k: ".*".join(f"x{j}" for j in range(k)),
    lambda k: "*".join(["a"] * k),
    lambda k: "*".join(f"A{j}" for j in range(k)),
    lambda k: "*".join(["x'", "A"] * k + ["x"]),
    lambda k: "+".join(rf"x^\top A_{{{j}}} x" for j in range(k)),
]


@pytest.mark.parametrize("make", LONG)
def test_reading_is_linear_in_the_length(make: Callable[[int], str]) -> None:
    """Eight times the text takes about eight times the calls; it took 64 times as many."""
    read(make(10))
    short, long = (calls(lambda k=k: read(make(k))) for k in (100, 800))
    assert long < 12 * short


def calls(work: Callable[[], Any]) -> int:
    """How many calls of Python functions some work makes."""
    count = 0

    def counted(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("factors", [40, 2000])
def test_a_long_product_of_one_number_is_a_power(factors: int) -> None:
    assert str(md.derive("*".join(["a"] * factors), "a")) == f"{factors}*a^{factors - 1}"


def test_what_was_found_is_told_when_the_time_is_up(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first exercise whole, of the second what was judged, and nothing of it called wrong."""
    document = tmp_path / "sheet.md"
    document.write_text("# One\nf = x'*x\n∇f = x\n# Two\nf = x'*A*x\n∇f = x\ndf = x'*dx\n")
    verdicts = homework.verify_homework

    def interrupted(*given: Any, **more: Any) -> Any:
        yield next(found := verdicts(*given, **more))
        next(found)
        raise TimeUp

    monkeypatch.setattr(homework, "verify_homework", interrupted)
    told = run("verify", "--file", str(document))
    assert told.status == 1
    assert "WRONG" in told.out
    assert "wrong at first sight" in told.out
    assert told.out.count("WRONG") == 1
    assert "not finished within 30 s" in told.err
    found = json.loads(run("verify", "--file", str(document), "--json").out)
    assert [d["correct"] for d in found["derivations"]] == [False, None]
    assert found["error"]["code"] == "time"


def test_sizes_too_large_for_numbers_are_a_limit() -> None:
    shapes = {"x": "100000", "y": "100000"}
    with pytest.raises(md.LimitError, match="too large to check"):
        md.verify("sum(x*y')", "x", "sum(y)*vector(1)", shapes=shapes).verdict  # noqa: B018


# Work ---------------------------------------------------------------------------------------------


def test_work_inside_counts_outside() -> None:
    with work.bounded(100):
        with pytest.raises(work.WorkLimit), work.bounded(30):
            work.spend(31)
        work.spend(60)
        with pytest.raises(work.WorkLimit), work.bounded(50):
            work.spend(10)
    work.spend(10**9)  # nothing is counted where nothing is bounded


HARD: list[tuple[str, str, int]] = [
    ("pinv(|X|)", "X", 4),
    ("(" * 90 + "A" + "^2)" * 90, "A", 1),
    ("exp(" * 30 + "sum(x)" + ")" * 30, "x", 4),
    ("*".join(f"(x'*A{j}*x)" for j in range(90)), "x", 1),
]


@pytest.mark.parametrize(("f", "wrt", "order"), HARD)
def test_what_takes_too_long_is_a_limit_or_left_open(f: str, wrt: str, order: int) -> None:
    """The same on every machine: work is counted, not timed.

    A node that is there already costs less than a new one, so a part may have more work left the
    second time; the numbers differ then, and where the work ends does not.
    """
    said = []
    for _ in range(2):
        try:
            d = md.derive(f, wrt, order=order)
            said.append(str(d.checked))
        except md.LimitError as error:
            said.append(error.message)
    assert re.sub(r"\d+ steps", "", said[0]) == re.sub(r"\d+ steps", "", said[1])


def test_a_verdict_that_takes_too_much_work_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MOST", 50)
    found = md.verify("x'*A*x", "x", "2*A*x")
    assert (found.verdict, found.correct) == ("undecided", None)
    assert "more than 50 steps of work" in found.message


def test_a_cause_that_takes_too_much_work_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnose, "MOST", 50)
    found = md.verify("x'*A*x", "x", "2*A*x")
    assert (found.verdict, found.diagnosis) == ("disproved", None)


def test_a_derivation_that_takes_too_much_work_keeps_its_first_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = "f = x'*A*x\ndf = x'*(A + A')*dx\n" + "∇f = (A + A')*x\n" * 3
    monkeypatch.setattr(steps_of, "A_LINE", 0)
    monkeypatch.setattr(steps_of, "MOST", 3_000)
    found = md.verify_steps(lines)
    assert [line.verdict for line in found.lines[:2]] == ["given", "proved"]
    assert found.lines[-1].verdict == "undecided"
    assert "steps of work" in found.lines[-1].message


def test_a_check_that_takes_too_much_work_leaves_the_result_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check, "AT_BIRTH", 100)
    d = md.derive("x'*A*x", "x")
    assert d.formula == "(A + A')*x"
    assert "steps of work" in d.doubt
    monkeypatch.setattr(check, "A_POINT", 1)
    assert d.check().verdict == "undecided"


def test_no_warning_leaves_a_verdict() -> None:
    """Warnings are errors here; numbers overflow on the way to this one."""
    found = md.verify("exp(a^2)^100", "a", "exp(a)")
    assert found.correct is False


def test_what_is_remembered_costs_the_same_again() -> None:
    memory: dict[str, Any] = {}

    def asked(times: int) -> None:
        for _ in range(times):
            work.remembered(memory, "x", lambda: work.spend(4))

    for _ in range(2):
        with work.bounded(10):
            asked(2)
        with pytest.raises(work.WorkLimit), work.bounded(10):
            asked(3)


# Sizes beyond memory, names that are none ---------------------------------------------------------


@pytest.mark.parametrize("size", [1e12, 1e300])
def test_a_graph_of_sizes_beyond_the_limit_says_so(size: float) -> None:
    with pytest.raises(md.LimitError):
        md.graph("sigmoid(ones(n))", values={"n": size}).tikz()


@pytest.mark.parametrize("option", ["shapes", "assume"])
def test_a_declaration_of_no_name_is_refused_beside_names(option: str) -> None:
    declared: dict[Any, str] = {3: "n", "x": "n"} if option == "shapes" else {3: "", "x": ""}
    with pytest.raises(MatderivError, match="'3' cannot be a name"):
        md.verify_steps("X: n,d\nf = x'*x\n∇f = 2*x\n", **{option: declared})


def test_columns_of_a_large_identity_are_never_made() -> None:
    found = md.derive("cols(1e6, g) - w", "w", kind="jacobian")
    assert found.checked is not None
    assert (found.checked.verdict, str(found.index)) == ("undecided", "∂f_ij/∂w_k = -δ_ik")
    assert "the limit is" in found.doubt


@pytest.mark.parametrize("view", ["chain", "differential", "index"])
def test_steps_of_an_array_beyond_the_limit_are_refused(view: str) -> None:
    d = md.derive("t + 2", "t", shapes={"t": "2,100000"})
    with pytest.raises(md.LimitError, match="entries where it is checked"):
        d.text(view)


def test_steps_of_many_large_arrays_are_refused() -> None:
    d = md.derive("kron(A,tanh(x)*softmax(x)')", "x", order=4)
    with pytest.raises(md.LimitError, match="entries where it is checked"):
        d.text("index")


@pytest.mark.parametrize("view", ["chain", "index"])
def test_steps_at_singular_matrices_are_refused(view: str) -> None:
    d = md.derive("lyap(step(W./1e6), ones(n,n)./W)", "W", shapes={"W": "n,n"})
    with pytest.raises(MatderivError):
        d.text(view)


def test_a_unit_vector_of_one_entry_has_no_index() -> None:
    one = md.derive("inv(adj(B))*unit(1,1)'*B", "B", shapes={"B": "1,1"})
    assert np.allclose(one.evaluate({"B": [[3.0]]}), 1)
    assert "det(B)" in str(md.derive("inv(adj(B))*unit(y)'*B*-(x>0)", "B"))


@pytest.mark.parametrize("wrt", ["x", "w"])
def test_the_inverse_of_what_is_always_singular_has_no_value(wrt: str) -> None:
    found = md.derive("relu(x*w')^-1", wrt, shapes={"x": "n", "w": "n"})
    assert found.checked.verdict == "undecided"


def test_numbers_side_by_side_that_do_not_multiply_are_no_columns() -> None:
    f = "2*X'*diX'*diag((nu-(X*w-y).^2)./(nu+(X*w-y).^2).^2)*X"
    with pytest.raises(md.UnknownName, match="has the name dx"):
        md.derive(f, "dx", kind="jvp", layout="numerator")
