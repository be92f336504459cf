"""A person's answer, or a whole derivation line by line, as the page shows what was found."""

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from matderiv.arguments import fields_of, require_text
from matderiv.command.batch import WRITERS, record_of, rows_of, summary_text
from matderiv.command.homework import text_and_suffix, verdicts
from matderiv.command.options import read_arguments
from matderiv.doors.verify import verify
from matderiv.errors import MatderivError, visible
from matderiv.output.documents.html import mathml
from matderiv.output.documents.marked_sheets import SHEETS, MarkedSheet, Turned
from matderiv.output.latex.formula import formula
from matderiv.output.latex.names import LatexNames
from matderiv.verification.batch import verify_rows
from matderiv.verification.derivations.findings import LineVerdict
from matderiv.verification.derivations.homework import Progress
from matderiv.verification.derivations.lines import verify_steps

Reply = dict[str, Any]

GAP = "‸"  # where something is missing
_SIGN = re.compile(r"\\[A-Za-z]+|\w+|\s+|.", re.DOTALL)


def judged(request: Mapping[str, Any]) -> Reply:
    """The verdict on an answer in three levels, or the verdict on each of several lines.

    >>> judged({"f": "x'*x", "by": "x", "answer": "x"})["diagnosis"]
    'factor'
    """
    answer = require_text(request.get("answer", ""), "answer").strip()
    if not answer:
        raise MatderivError("the answer is empty", source=answer, span=(0, 0))
    f, by = (require_text(request.get(n, ""), n) for n in ("f", "by"))
    declared: dict[str, Any] = {n: request.get(n) or {} for n in ("shapes", "assume")}
    if "\n" in answer:
        return _lines(answer, f, by, declared)
    told = verify(f, by, answer, **declared, **_conventions(request))
    e = told.corrected
    return {
        **fields_of(told, "verdict correct diagnosis message suggestion"),
        "kind": told.hint,
        **_compared(answer, told.suggestion),
        "correction": "" if e is None else mathml(formula(e, LatexNames(roots=[e])), display=True),
        "example": "" if told.counterexample is None else str(told.counterexample),
        "notes": list(told.notes),
    }


def _compared(answer: str, suggestion: str | None) -> Reply:
    """Both formulas in pieces, those marked in which they differ; a gap is a caret.

    >>> _compared("2*A*x", "2*A'*x")["typed"]
    [('2*A', False), ('‸', True), ('*x', False)]
    """
    if suggestion is None:
        return {"typed": [], "meant": []}
    typed, meant = (_SIGN.findall(visible(text)) for text in (answer, suggestion))
    typed, meant = ([s for s in signs if s.strip()] for signs in (typed, meant))
    codes = SequenceMatcher(None, typed, meant, autojunk=False).get_opcodes()
    return {
        "typed": [("".join(typed[a:b]) or GAP, code != "equal") for code, a, b, _, _ in codes],
        "meant": [("".join(meant[a:b]) or GAP, code != "equal") for code, _, _, a, b in codes],
    }


def class_judged(request: Mapping[str, Any]) -> Reply:
    """The verdict on every answer of a table, and how many there are of each kind."""
    table = require_text(request.get("table", ""), "the table")
    asked = read_arguments(["verify", "--batch", "answers.csv"])
    found = list(verify_rows(rows_of(asked, table), diagnosis=True))
    if not found:
        raise MatderivError("there are no answers in this table", hint="a first line f,wrt,answer")
    rows = [record_of(v, hint=False) for v in found]
    return {"rows": rows, "csv": WRITERS["csv"](found, False), "summary": summary_text(found)}


def sheet_judged(request: Mapping[str, Any]) -> Reply:
    r"""What one student handed in as a file: the outcome, and a page with marks in its margin.

    >>> given = {"name": "ann.md", "text": r"$f(x) = x^\top x$ and $\nabla f = x$"}
    >>> sheet_judged(given)["counts"]
    [0, 1, 0]
    """
    name, text = (require_text(request.get(n, ""), n) for n in ("name", "text"))
    asked = read_arguments(["verify", "--file", "sheet.md"])
    written, suffix = text_and_suffix(name, text)
    found = tuple(verdicts(asked, written, suffix, Progress()))
    sheet = MarkedSheet(name, written, found)
    turned = Turned(name, sheet)
    told = {"counts": [*turned.counts], "outcome": visible(turned.outcome)}
    return {**told, "page": SHEETS["html"](sheet)}


def _conventions(request: Mapping[str, Any]) -> dict[str, Any]:
    found = {n: request.get(n) for n in ("kind", "layout", "structure", "order")}
    return {n: v for n, v in found.items() if v}


def _lines(text: str, f: str, by: str, declared: Mapping[str, Any]) -> Reply:
    """Line by line: the mark beside each, and what is said of it."""
    found = verify_steps(text, f or None, by or None, **declared)
    wrong = found.first_wrong
    return {
        **fields_of(found, "correct conclusion"),
        "first_wrong": None if wrong is None else wrong.number,
        "lines": [_line(line) for line in found.lines],
        "notes": list(found.notes),
    }


def _line(line: LineVerdict) -> Reply:
    return {
        **fields_of(line, "number mark message suggestion"),
        "text": visible(line.text),
        "kind": line.hint,
    }
