"""`matderiv verify --batch`: a table of answers, CSV or JSON lines, judged one by one."""

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import PurePath
from typing import Any

from matderiv.arguments import given
from matderiv.command.derive import json_text
from matderiv.command.failures import BUG, SCHEMA, InternalError, UsageError, unexpected, within
from matderiv.command.homework import status
from matderiv.command.options import Request
from matderiv.command.question import conventions, declared
from matderiv.command.streams import (
    FORMULA,
    TABLES,
    Terminal,
    file_text,
    guarded,
    outlet,
    standard_input,
)
from matderiv.errors import LimitError, MatderivError, ParseError
from matderiv.language.declare import declarations
from matderiv.verification.batch import Row, RowVerdict, summary, verify_many

MOST = 20_000_000  # bytes of a table
PROCESSES = 4  # that judge a table together, at most
COLUMNS = {
    "f": ("f", "expr", "expression", "function", "question"),
    "wrt": ("wrt", "variable", "by", "var"),
    "answer": ("answer", "claim", "solution", "gradient", "derivative"),
    "who": ("id", "student", "name", "who", "key"),
    "shapes": ("shapes", "shape", "sizes"),
    "assume": ("assume", "assumptions", "facts"),
    **{name: (name,) for name in ("kind", "order", "layout", "structure")},
}
_KNOWN = {typed: name for name, spellings in COLUMNS.items() for typed in spellings}
EXAMPLE = """matderiv verify "x'*x" x --batch answers.csv"""
_ERROR = ""  # the key of what is wrong with a row; no column has this name
TALLEST = 50  # lines of one row
WIDTH = 24  # columns for whose answer it is


def run(request: Request, terminal: Terminal) -> int:
    """Judge every answer of a table: 1 where one is wrong, 3 where one is undecided or unread."""
    shape = outlet(request, "json" if request.json else None, TABLES) or "text"
    name = request.batch
    content = standard_input(MOST) if name == "-" else file_text(name, MOST, wide=True)
    rows = list(rows_of(request, content))
    if not rows:
        raise UsageError(f"there are no answers in {request.batch}", hint=EXAMPLE)
    terminal.reading = False
    found: list[RowVerdict] = []
    try:
        for verdict in _judged(rows, request, terminal):
            found.append(verdict)
    finally:  # what was judged before Ctrl-C is told too
        if found:
            _written(request, terminal, found, shape)
    if any(v.code == InternalError.code for v in found):
        return BUG
    return status([None if v.error is not None else v.verdict.correct for v in found])


def _judged(rows: list[Row], request: Request, terminal: Terminal) -> Iterator[RowVerdict]:
    """The verdicts, with the progress on a terminal."""
    found = verify_many(
        rows,
        processes=min(os.cpu_count() or 1, PROCESSES),
        seed=request.seed,
        points=request.points,
        diagnosis=True,
        limit=partial(_within, request.timeout),
    )
    for place, verdict in enumerate(found, 1):
        if place % 10 == 0:
            terminal.progress(f"{place} of {len(rows)} answers")
        yield verdict
    terminal.progress("")


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """The time limit of one answer, as an error that is reported with its row.

    So is a mistake of the program: the answers of the others are judged all the same.
    """
    try:
        with within(seconds, "verdict"):
            yield
    except MemoryError as error:
        raise LimitError("there is not enough memory for this") from error
    except MatderivError:
        raise
    except Exception as error:
        raise unexpected(error, "please report this mistake in matderiv") from error


# In -----------------------------------------------------------------------------------------------


def rows_of(request: Request, content: str) -> Iterator[Row]:
    """The rows of a table; what the command line says holds where a row is silent."""
    records = _json_lines(content) if _is_json(request.batch, content) else _table(content)
    common = _common(request)
    for number, record in records:
        if isinstance(record, MatderivError):
            yield Row(number, "", "", "", error=record)
        else:
            yield _row(number, record, common)


def _is_json(name: str, content: str) -> bool:
    return PurePath(name).suffix in (".jsonl", ".ndjson") or content.lstrip().startswith("{")


def _common(request: Request) -> dict[str, Any]:
    """What the command line asks for all rows."""
    operands = list(request.operands)
    given: dict[str, Any] = declared(request) | conventions(request)
    if request.wrt is not None:
        given["wrt"] = request.wrt
    for name in [n for n in ("f", "wrt") if n not in given]:
        if operands:
            given[name] = operands.pop(0)
    if operands:
        raise UsageError(
            "with --batch the answers stand in the file; only the question is given here",
            hint=EXAMPLE,
        )
    return given


def _table(content: str) -> Iterator[tuple[int, Mapping[str, Any] | MatderivError]]:
    """The rows of a CSV table with a header, by the number of the line where each begins."""
    records = _records(content)
    first = next(records)[1]
    if isinstance(first, MatderivError):
        raise first
    header = [h.strip() for h in first]
    known = [_KNOWN.get(h.lower(), "") for h in header]
    if "answer" not in known:
        raise UsageError(
            f"the table has no column for the answers: {', '.join(header)[:100]}",
            hint="a first line such as f,wrt,answer",
        )
    twice = next((k for k in known if k and known.count(k) > 1), None)
    if twice is not None:
        said = " and ".join(h for h, k in zip(header, known, strict=True) if k == twice)
        raise UsageError(f"two columns are for the {twice}: {said[:100]}", hint="rename one")
    for number, cells in records:
        if isinstance(cells, MatderivError):
            yield number, cells
        elif any(c.strip() for c in cells):
            yield number, _cells(header, cells)


def _cells(header: list[str], cells: list[str]) -> Mapping[str, Any]:
    """The cells of a row by their columns; too many of them are told with whose row it is."""
    record: dict[str, Any] = dict(zip(header, map(_unguarded, cells), strict=False))
    if len(cells) > len(header):
        who = {h: c for h, c in record.items() if _KNOWN.get(h.lower()) == "who"}
        said = f"{len(cells)} cells for {len(header)} columns"
        error = ParseError(said, hint='a formula with a comma needs quotes: "mean(X, 1)"')
        return {**who, _ERROR: error}
    return record


def _records(content: str) -> Iterator[tuple[int, list[str] | MatderivError]]:
    """The rows of a CSV table, each with the number of its first line.

    A quote that is never closed, or closed in the middle of a later row, spoils its own row only.
    Raises nothing: what cannot be split is an error in place of a row.
    """
    lines = re.split(r"\r\n|\n|\r", content)
    head = lines[0]
    delimiter = max(",;\t", key=head.count)
    place = 0
    before = csv.field_size_limit(MOST)
    try:
        while place < len(lines):
            window = (f"{line}\n" for line in lines[place : place + TALLEST])
            reader = csv.reader(window, delimiter=delimiter, strict=True)
            try:
                cells = next(reader, [])
            except csv.Error:
                said = "a quote in this row is not closed, or not at the end of its cell"
                error = ParseError(said, hint='quotes around the whole cell: "mean(X, 1)"')
                yield place + 1, error
                place += 1
                continue
            yield place + 1, [c.removesuffix("\n") for c in cells]
            place += max(reader.line_num, 1)
    finally:
        csv.field_size_limit(before)


def _json_lines(content: str) -> Iterator[tuple[int, Mapping[str, Any] | MatderivError]]:
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, ParseError(f"this is no JSON: {error}")
            continue
        if isinstance(record, dict):
            yield number, record
        else:
            yield number, ParseError('a row is an object: {"f": ..., "wrt": ..., "answer": ...}')


def _row(number: int, record: Mapping[str, Any], common: Mapping[str, Any]) -> Row:
    """A row from its cells; one that lacks something carries the error."""
    cells = {_KNOWN[k.lower()]: v for k, v in record.items() if k.lower() in _KNOWN}
    said = {k: v for k, v in cells.items() if v not in (None, "")}
    who, answer = (_plain(said.get(k, "")) or "" for k in ("who", "answer"))
    try:
        if isinstance(record.get(_ERROR), MatderivError):
            raise record[_ERROR]
        whole = {**common, **{k: _cell(k, v) for k, v in said.items() if k != "who"}}
        for name in ("shapes", "assume"):
            whole[name] = {**common[name], **whole[name]}
        missing = [n for n in ("f", "wrt", "answer") if not whole.get(n, "").strip()]
        if missing:
            raise ParseError(f"the row has no {' and no '.join(missing)}")
        f, wrt, answer = (whole.pop(n) for n in ("f", "wrt", "answer"))
        return Row(number, f, wrt, answer, who, whole)
    except MatderivError as error:
        return Row(number, "", "", answer, who, error=error)


def _cell(name: str, value: Any) -> Any:
    """The content of a cell as its column has it; ParseError for what JSON has besides words."""
    if name in ("shapes", "assume") and isinstance(value, Mapping):
        return {k: _word(f"the {name} of {k}", v) for k, v in value.items()}
    word = _word(f"the {name}", value)
    if name in ("shapes", "assume"):
        return declarations([word])
    if name == "order" and word.strip() not in ("1", "2", "3", "4"):
        raise ParseError(f"the order is 1 to 4, not {word[:20]}")
    return int(word) if name == "order" else word


def _word(what: str, value: Any) -> str:
    """A text or a number of JSON, or a list of them, as a text."""
    found = ",".join(filter(None, map(_plain, value))) if isinstance(value, list) else _plain(value)
    if found is None or (isinstance(value, list) and None in map(_plain, value)):
        raise ParseError(f"{what} is a text, not {given(value)}")
    return found


def _plain(value: Any) -> str | None:
    """A text or a number as text; None for anything else."""
    return str(value) if isinstance(value, str | int | float) else None


# Out ----------------------------------------------------------------------------------------------


def _written(request: Request, terminal: Terminal, found: list[RowVerdict], shape: str) -> None:
    """The verdicts on standard output, or in a file with the summary on standard output."""
    content = WRITERS[shape](found, request.hint)
    terminal.deliver(content, request.output, force=request.force)
    if request.output is not None or shape == "text":
        terminal.result(summary_text(found))


def record_of(v: RowVerdict, hint: bool) -> dict[str, Any]:
    """One verdict with its stable code."""
    said = v.verdict.hint if hint and v.error is None and not v.verdict.correct else v.message
    return {
        "row": v.row.number,
        "id": v.row.who,
        "verdict": v.state,
        "code": v.code,
        "message": said,
        "suggestion": "" if hint else v.verdict.suggestion or "",
        "answer": v.row.answer,
    }


def _text(found: list[RowVerdict], hint: bool) -> str:
    """One line for each answer."""
    width = min(WIDTH, max(len(v.row.who) for v in found))
    lines = []
    for v in found:
        r = record_of(v, hint)
        code = f" ({r['code']})" if r["code"] else ""
        said = f": {r['message']}" if r["message"] else ""
        who = f"{str(r['id'])[:width]:<{width}}  " if width else ""
        lines.append(f"{r['row']:>6}  {who}{r['verdict']}{code}{said}")
    return "\n".join(lines)


def _csv(found: list[RowVerdict], hint: bool) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(record_of(found[0], hint)), lineterminator="\n")
    writer.writeheader()
    for v in found:
        writer.writerow({k: guarded(str(cell)) for k, cell in record_of(v, hint).items()})
    return stream.getvalue().rstrip("\n")


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def _json(found: list[RowVerdict], hint: bool) -> str:
    answers = [record_of(v, hint) for v in found]
    return json_text({"schema": SCHEMA, "answers": answers, "summary": summary(found)})


def _lines(found: list[RowVerdict], hint: bool) -> str:
    return "\n".join(json.dumps(record_of(v, hint), ensure_ascii=False) for v in found)


WRITERS: dict[str, Callable[[list[RowVerdict], bool], str]] = {
    "text": _text,
    "csv": _csv,
    "json": _json,
    "jsonl": _lines,
}


def summary_text(found: list[RowVerdict]) -> str:
    """How many answers there are of each kind, and of each cause."""
    counts = summary(found)
    states = ", ".join(f"{n} {state}" for state, n in counts["verdicts"].items())
    lines = [f"{len(found)} answers: {states}"]
    if counts["codes"]:
        lines.append("  " + ", ".join(f"{code} {n}" for code, n in counts["codes"].items()))
    return "\n".join(lines)
