"""Tables of answers: a class in one file, bad rows, spreadsheets, stable codes, exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from matderiv.errors import LimitError
from matderiv.verification import batch
from matderiv.verification.batch import MANY, Row, verify_many, verify_rows
from matderiv.verification.verifying import verify_asked

TABLE = """id,f,wrt,answer,shapes
anna,x'*A*x,x,(A + A')*x,
bert,x'*A*x,x,2*A*x,
carl,x'*A*x,x,2*A*,
dora,x'*A*x,x,,
emil,norm2(A*x - b)^2,x,"2*A'*(A*x - b)","A: m,n; b: m"
fritz,x'*A*x,x,"2*A*x",q: n:
gina,x'*A*x,x,(A + A')*x,,,,
hans,tr(,X,1,
"""


def test_a_table_of_answers(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    file.write_text(TABLE, encoding="utf-8")
    found = run("verify", "--batch", str(file))
    lines = found.out.splitlines()
    told = [line.partition(":")[0].split() for line in lines[:8]]
    assert [t[:4] for t in told] == [
        ["2", "anna", "proved"],
        ["3", "bert", "disproved", "(symmetric-shortcut)"],
        ["4", "carl", "unread", "(parse)"],
        ["5", "dora", "unread", "(parse)"],
        ["6", "emil", "proved"],
        ["7", "fritz", "unread", "(shape)"],
        ["8", "gina", "unread", "(parse)"],
        ["9", "hans", "unread", "(parse)"],
    ]
    assert lines[8] == "8 answers: 5 unread, 2 proved, 1 disproved"
    assert (found.status, found.err) == (1, "")


def test_one_question_on_the_command_line_and_json_lines(run: Any, tmp_path: Path) -> None:
    file, out = tmp_path / "answers.jsonl", tmp_path / "verdicts.csv"
    rows = [{"student": k, "answer": a} for k, a in enumerate(["2*x", "x", "x*2", "-2*x"])]
    file.write_text("\n".join(map(json.dumps, rows)) + "\n[]\n{", encoding="utf-8")
    found = run("verify", "x'*x", "x", "--batch", str(file), "-o", str(out))
    assert found.out.startswith("6 answers: 2 disproved, 2 proved, 2 unread\n")
    written = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    assert [(r["id"], r["verdict"], r["code"]) for r in written[:4]] == [
        ("0", "proved", ""),
        ("1", "disproved", "factor"),
        ("2", "proved", ""),
        ("3", "disproved", "sign"),
    ]
    again = run("verify", "x'*x", "x", "--batch", str(file), "-o", str(out))
    assert (again.status, "exists already" in again.err) == (2, True)


def test_a_table_as_json_has_the_summary(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    file.write_text("answer\n2*x\n3*x\n", encoding="utf-8")
    document = json.loads(run("verify", "x'*x", "x", "--batch", str(file), "--json").out)
    assert document["summary"] == {
        "verdicts": {"disproved": 1, "proved": 1},
        "codes": {"factor": 1},
    }


QUIRKS = """id,answer,remark
anna,2*x,{long}
bert,"3*x,unclosed
carl,2*x,
dora,"2*x",ok
emil,max(x, y),too many, cells
fritz,-2*x,
"""


def test_one_bad_row_spoils_no_other(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    file.write_text(QUIRKS.format(long="z" * 200_000), encoding="utf-8")
    lines = run("verify", "x'*x", "x", "--batch", str(file)).out.splitlines()
    told = [line.partition(":")[0].split()[:3] for line in lines[:6]]
    assert told == [
        ["2", "anna", "proved"],
        ["3", "unread", "(parse)"],
        ["4", "carl", "proved"],
        ["5", "dora", "proved"],
        ["6", "emil", "unread"],
        ["7", "fritz", "disproved"],
    ]
    assert "5 cells for 3 columns" in lines[4]


@pytest.mark.parametrize("ends", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_from_spreadsheets(run: Any, tmp_path: Path, ends: str, encoding: str) -> None:
    file = tmp_path / "answers.csv"
    file.write_bytes(ends.join(["id;answer", "é;2*x", "b;3*x", ""]).encode(encoding))
    found = run("verify", "x'*x", "x", "--batch", str(file))
    assert "2 answers: 1 disproved, 1 proved" in found.out, found


def test_a_table_in_another_encoding_says_what_to_do(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "answers.csv"
    file.write_bytes("id,answer\né,2*x\n".encode("latin-1"))
    assert "CSV UTF-8" in run("verify", "x'*x", "x", "--batch", str(file)).err


def test_a_mistake_of_the_program_is_told_with_its_row(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(asked: Any, answer: Any, **options: Any) -> Any:
        if answer == "3*x":
            raise ZeroDivisionError("oops")
        return verify_asked(asked, answer, **options)

    monkeypatch.setattr("matderiv.verification.batch.verify_asked", broken)
    file = tmp_path / "answers.csv"
    file.write_text("id,answer\na,2*x\nb,3*x\nc,2*x\n", encoding="utf-8")
    found = run("verify", "x'*x", "x", "--batch", str(file))
    lines = found.out.splitlines()
    assert (found.status, "(internal): ZeroDivisionError: oops" in lines[1]) == (70, True)
    assert lines[3].startswith("3 answers: 2 proved, 1 unread")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("answer,solution\n2*x,3*x\n", "two columns are for the answer"),
        ('"answer\n2*x\n', "a quote in this row is not closed"),
        ("", "no column for the answers"),
        ("f,wrt\nx,x\n", "no column for the answers"),
        ("answer\n", "there are no answers"),
    ],
)
def test_tables_that_are_none(run: Any, tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "answers.csv"
    file.write_text(content, encoding="utf-8")
    found = run("verify", "x'*x", "x", "--batch", str(file))
    assert (found.status, found.out, said in found.err) == (2, "", True), found


def test_equal_answers_of_a_class_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = []

    def counted(asked: Any, answer: Any, **options: Any) -> Any:
        judged.append(answer)
        return verify_asked(asked, answer, **options)

    monkeypatch.setattr("matderiv.verification.batch.verify_asked", counted)
    answers = ["2*x", " 2*x", "x", "2*", "x"] * 3
    rows = [Row(k, "x'*x", "x", a, who=str(k)) for k, a in enumerate(answers)]
    rows += [Row(99, "x'*A*x", "x", "2*x")]
    found = list(verify_rows(rows))
    assert [(v.row.number, v.row.answer) for v in found] == [(r.number, r.answer) for r in rows]
    assert [v.code for v in found] == ["", "", "factor", "parse", "factor"] * 3 + [found[-1].code]
    assert found[-1].verdict.correct is False
    assert judged == ["2*x", "x", "2*", "2*x"]


def test_a_verdict_whose_cause_takes_too_long_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(asked: Any, answer: Any, *, diagnosis: bool, **options: Any) -> Any:
        if diagnosis:
            raise LimitError("too long")
        return verify_asked(asked, answer, diagnosis=diagnosis, **options)

    monkeypatch.setattr("matderiv.verification.batch.verify_asked", slow)
    [found] = verify_rows([Row(1, "x'*x", "x", "3*x")])
    assert (found.state, found.code, found.error) == ("disproved", "", None)


def many_rows() -> list[Row]:
    """Different and equal answers to several questions in mixed order, some of them unreadable."""
    questions = [("x'*A*x", "(A + A')*x"), ("norm2(A*x - b)^2", "2*A'*(A*x - b)"), ("x'*x", "2*x")]
    rows = []
    for k in range(3 * MANY):
        f, answer = questions[k % 3]
        spelled = ("{}", "-{}", "{}*", "3*{}", "x + {} - x", "{}/2", "{0} + {0}")[k % 7]
        rows.append(Row(k, f, "x", f"{spelled.format(f'({answer})')} + {k // 2}*x - {k // 2}*x"))
    return [*rows, Row(1000, "", "", "", error=LimitError("too long")), Row(1001, "tr(", "X", "1")]


def test_processes_find_what_one_finds_in_the_same_order() -> None:
    rows = many_rows()
    alone, together = list(verify_rows(rows)), list(verify_many(rows, 2))
    assert [v.row for v in together] == rows
    told = [
        [(v.state, v.code, v.message, v.verdict.suggestion) for v in f] for f in (alone, together)
    ]
    assert told[0] == told[1]
    assert len({v.state for v in together}) >= 3


def test_what_an_ended_process_had_to_judge_is_judged_here(monkeypatch: Any) -> None:
    monkeypatch.setattr(batch, "_served", end_at_once)
    rows = many_rows()[: MANY + 5]
    assert [v.state for v in verify_many(rows, 2)] == [v.state for v in verify_rows(rows)]


def end_at_once(*_: Any) -> None:
    """A process that ends before it judged anything."""
    os._exit(1)


def test_an_answer_that_does_not_fit_is_told_in_one_line() -> None:
    (found,) = verify_rows([Row(1, "norm2(A*x - b)^2", "x", "2*A*(A*x - b)")])
    assert found.message == (
        "cannot multiply 2*A by (A*x - b). Transposed in part it is right: 2*A'*(A*x - b)."
    )
