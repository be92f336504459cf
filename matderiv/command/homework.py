"""`matderiv verify --file`, a document checked line by line; `--batch FOLDER`, those of a class."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from matderiv.arguments import fields_of
from matderiv.command import failures
from matderiv.command.derive import json_text
from matderiv.command.failures import OutputError, TimeLimitError, TimeUp, UsageError, limited
from matderiv.command.options import Request
from matderiv.command.question import declared
from matderiv.command.streams import (
    DERIVATIONS,
    Terminal,
    file_text,
    guarded,
    outlet,
    standard_input,
    write_file,
)
from matderiv.errors import MatderivError
from matderiv.output.documents.marked_sheets import (
    SHEETS,
    MarkedSheet,
    Turned,
    by_cause,
    by_question,
    class_html,
)
from matderiv.verification.derivations.findings import LineVerdict, StepsVerdict
from matderiv.verification.derivations.homework import Progress, verify_homework
from matderiv.verification.derivations.problems import Conventions
from matderiv.verification.documents.markup import notebook_text

SUFFIXES = {
    **dict.fromkeys((".tex", ".latex", ".ltx"), "tex"),
    **dict.fromkeys((".md", ".markdown"), "md"),
    ".ipynb": "ipynb",
}
READ = (*SUFFIXES, ".txt")
COLUMNS = ("student", "question", "line", "mark", "code", "message", "suggestion", "text")


def run(request: Request, terminal: Terminal) -> int:
    """Check every derivation of a file: 0 where all are right, 1 where one is wrong, else 3.

    A format writes the sheet back with marks in the margin.

    What was found before the time was up, or before Ctrl-C, is told all the same.
    """
    name = request.file
    document = standard_input() if name == "-" else file_text(name, wide=True)
    terminal.reading = False
    shape = outlet(request, request.format, DERIVATIONS)
    document, suffix = text_and_suffix(name, document)
    found: list[StepsVerdict] = []
    progress = Progress()
    total = document.count("\n") + 1
    if shape in SHEETS:
        request = replace(request, values={**request.values, "format": shape, "text": document})
    try:
        with limited(request.timeout):
            for verdict in verdicts(request, document, suffix, progress):
                found.append(verdict)
                at = verdict.lines[-1].number if verdict.lines else 0
                terminal.progress(f"line {at} of {total}")
        terminal.progress("")
    except TimeUp as error:
        late = TimeLimitError(
            f"not finished within {request.timeout:g} s", hint="--timeout 0 for no limit"
        )
        return _told(request, terminal, _so_far(found, progress, late, error), late)
    except KeyboardInterrupt as interrupt:
        late = TimeLimitError("interrupted")
        _told(request, terminal, _so_far(found, progress, interrupt, interrupt), late)
        raise
    return _told(request, terminal, found)


def _so_far(
    found: list[StepsVerdict], progress: Progress, reason: BaseException, cause: BaseException
) -> list[StepsVerdict]:
    """The verdicts with that on the unfinished exercise; the reason is raised if there is none."""
    if progress.lines:
        found = [*found, progress.verdict]
    if not found:
        raise reason from cause
    return found


def _told(
    request: Request,
    terminal: Terminal,
    found: list[StepsVerdict],
    late: TimeLimitError | None = None,
) -> int:
    """Tell the verdicts, and what kept the rest from being found; the exit code."""
    code = status([v.correct for v in found])
    if late is not None and code != failures.WRONG:
        code = failures.BUDGET
    if request.json:
        terminal.result(json_text(_document(request, found, late, code)))
        return code
    _shown(request, terminal, found)
    if late is not None:
        terminal.complain(failures.shown(late, ascii_only=terminal.plain_errors))
    return code


def _shown(request: Request, terminal: Terminal, found: list[StepsVerdict]) -> None:
    """The verdicts as text, or the sheet with marks, on standard output or in a file."""
    if request.format in SHEETS:
        name = PurePath(request.file).stem if request.file != "-" else "Derivation"
        sheet = MarkedSheet(name, request.text, tuple(found), request.hint)
        content = SHEETS[request.format](sheet)
    else:
        content = _text(found, hint=request.hint)
    terminal.deliver(content, request.output, force=request.force)


def text_and_suffix(name: str, document: str) -> tuple[str, str]:
    """What of a file is text, and how it is written, by the ending of its name."""
    suffix = SUFFIXES.get(PurePath(name).suffix.lower(), "txt")
    return (notebook_text(document), "md") if suffix == "ipynb" else (document, suffix)


def verdicts(
    request: Request, document: str, suffix: str, progress: Progress
) -> Iterator[StepsVerdict]:
    """The verdicts on the derivations of a text, as the command line asks."""
    conventions = Conventions(
        request.layout, request.structure, request.seed, request.points, diagnosis=True
    )
    return verify_homework(
        document,
        suffix,
        wrt=request.wrt,
        **declared(request),
        conventions=conventions,
        progress=progress,
    )


def status(correct: list[bool | None]) -> int:
    """The exit code for several verdicts: the worst of them; nothing at all is undecided."""
    if False in correct:
        return failures.WRONG
    return failures.UNSUPPORTED if None in correct or not correct else failures.FINE


def _text(found: list[StepsVerdict], *, hint: bool) -> str:
    if not found:
        return "There is no formula in this file (code, tables and figures are not read)."
    shown = [v.shown(hint=hint) for v in found]
    if len(found) > 1:
        right = sum(v.correct is True for v in found)
        shown.append(f"{right} of {len(found)} derivations are right.")
    return "\n\n".join(shown)


def _document(
    request: Request, found: list[StepsVerdict], late: TimeLimitError | None, code: int
) -> dict[str, Any]:
    """All verdicts with their stable codes, for programs; with an error if they are not all."""
    unfinished = {} if late is None else {"error": failures.document(late, code)["error"]}
    return {
        "schema": failures.SCHEMA,
        "file": request.file,
        "correct": {0: True, 1: False}.get(code),
        "derivations": [
            {
                **fields_of(v, "title correct"),
                "first_wrong": None if v.first_wrong is None else v.first_wrong.number,
                "lines": [_line(line, request.hint) for line in v.lines],
                "notes": list(v.notes),
            }
            for v in found
        ],
        **unfinished,
    }


def _line(line: LineVerdict, hint: bool) -> dict[str, Any]:
    return {
        "line": line.number,
        **fields_of(line, "text verdict diagnosis follows"),
        "message": line.hint if hint else line.message,
        "suggestion": None if hint else line.suggestion,
        "span": None if line.span is None else list(line.span),
    }


def run_class(request: Request, terminal: Terminal) -> int:
    """Judge every file of a folder: 1 where a mistake is found, 3 where one is not decided."""
    folder = Path(request.batch)
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in READ and p.is_file())
    if not files:
        raise UsageError(f"there are no sheets in {folder}", hint=f"files in {' '.join(READ)}")
    terminal.reading = False
    turned = [*_sheets_judged(files, request, terminal)]
    _written_out(request, terminal, turned)
    found = [v.correct for t in turned if t.sheet is not None for v in t.sheet.found]
    return status([*found, *(None for t in turned if t.sheet is None or not t.sheet.found)])


def _sheets_judged(files: list[Path], request: Request, terminal: Terminal) -> Iterator[Turned]:
    stems = [path.stem for path in files]
    for place, path in enumerate(files, 1):
        terminal.progress(f"{place} of {len(files)} sheets: {path.name}")
        yield _turned(path, path.stem if stems.count(path.stem) == 1 else path.name, request)
    terminal.progress("")


def _turned(path: Path, student: str, request: Request) -> Turned:
    """One sheet; what cannot be read, or takes too long, does not keep the others waiting."""
    found: list[StepsVerdict] = []
    progress = Progress()
    text = ""
    try:
        text, suffix = text_and_suffix(path.name, file_text(str(path), wide=True))
        with limited(request.timeout):
            for verdict in verdicts(request, text, suffix, progress):
                found.append(verdict)
    except TimeUp:
        found += [progress.verdict] if progress.lines else []
        if not found:
            return Turned(student, None, f"not finished within {request.timeout:g} s")
    except MatderivError as error:
        return Turned(student, None, error.message)
    return Turned(student, MarkedSheet(student, text, tuple(found), request.hint))


# Out ----------------------------------------------------------------------------------------------


def _written_out(request: Request, terminal: Terminal, turned: list[Turned]) -> None:
    """Pages in a folder, a table in a file, or everything in short on standard output."""
    name = request.output
    if name is not None and name.endswith(".csv"):
        write_file(name, _table(turned), force=request.force)
    elif name is not None:
        _student_pages(Path(name), turned, force=request.force)
    terminal.result(_class_text(turned))


def _student_pages(folder: Path, turned: list[Turned], *, force: bool) -> None:
    """A page for each student, `index.html` for the teacher, and `verdicts.csv`."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror}") from error
    for t in turned:
        if t.sheet is not None:
            write_file(str(folder / f"{t.student}.html"), SHEETS["html"](t.sheet), force=force)
    write_file(str(folder / "index.html"), class_html(turned), force=force)
    write_file(str(folder / "verdicts.csv"), _table(turned), force=force)


def _class_text(turned: list[Turned]) -> str:
    """One line for each sheet, then the questions and the causes."""
    width = max(len(t.student) for t in turned)
    lines = []
    for t in turned:
        right, wrong, unsure = t.counts
        lines.append(
            f"{t.student:<{width}}  {right:>3} ok {wrong:>3} wrong {unsure:>3} ?  {t.outcome}"
        )
    lines += ["", "By question"]
    for title, states in by_question(turned).items():
        counts = ", ".join(f"{len(who)} {state}" for state, who in states.items())
        lines.append(f"  {title}: {counts}")
    lines += ["By cause"]
    lines += [f"  {len(who):>3}  {cause}" for cause, who in by_cause(turned).items()]
    return "\n".join(lines)


def _table(turned: list[Turned]) -> str:
    """A row for each line, with the sign by which spreadsheets know UTF-8."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for t in turned:
        if t.sheet is None:
            writer.writerow(guarded(c) for c in (t.student, "", "", "unread", "", t.error, "", ""))
            continue
        for v in t.sheet.found:
            for line in v.lines:
                said = line.hint if t.sheet.hinted else " ".join(line.message.split())
                right = "" if t.sheet.hinted else line.suggestion or ""
                place, code = str(line.number), line.diagnosis or ""
                row = (t.student, v.title, place, line.mark, code, said, right, line.text)
                writer.writerow(guarded(cell) for cell in row)
    return "\ufeff" + stream.getvalue().rstrip("\n")
