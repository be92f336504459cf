"""`matderiv verify --batch FOLDER`: the sheets of a class, a page for each, one for the teacher."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from matderiv.command.failures import OutputError, TimeUp, UsageError, limited
from matderiv.command.homework import SUFFIXES, status, text_and_suffix, verdicts
from matderiv.command.options import Request
from matderiv.command.streams import Terminal, file_text, guarded, write_file
from matderiv.errors import MatderivError
from matderiv.output.documents.marked_sheets import (
    SHEETS,
    MarkedSheet,
    Turned,
    by_cause,
    by_question,
    class_html,
)
from matderiv.verification.derivations.findings import StepsVerdict
from matderiv.verification.derivations.homework import Progress

READ = (*SUFFIXES, ".txt")
COLUMNS = ("student", "question", "line", "mark", "code", "message", "suggestion", "text")


def run(request: Request, terminal: Terminal) -> int:
    """Judge every file of a folder: 1 where a mistake is found, 3 where one is not decided."""
    folder = Path(request.batch)
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in READ and p.is_file())
    if not files:
        raise UsageError(f"there are no sheets in {folder}", hint=f"files in {' '.join(READ)}")
    terminal.reading = False
    turned = [*_judged(files, request, terminal)]
    _written(request, terminal, turned)
    found = [v.correct for t in turned if t.sheet is not None for v in t.sheet.found]
    return status([*found, *(None for t in turned if t.sheet is None or not t.sheet.found)])


def _judged(files: list[Path], request: Request, terminal: Terminal) -> Iterator[Turned]:
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


def _written(request: Request, terminal: Terminal, turned: list[Turned]) -> None:
    """Pages in a folder, a table in a file, or everything in short on standard output."""
    name = request.output
    if name is not None and name.endswith(".csv"):
        write_file(name, _csv(turned), force=request.force)
    elif name is not None:
        _pages(Path(name), turned, force=request.force)
    terminal.result(_text(turned))


def _pages(folder: Path, turned: list[Turned], *, force: bool) -> None:
    """A page for each student, `index.html` for the teacher, and `verdicts.csv`."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror}") from error
    for t in turned:
        if t.sheet is not None:
            write_file(str(folder / f"{t.student}.html"), SHEETS["html"](t.sheet), force=force)
    write_file(str(folder / "index.html"), class_html(turned), force=force)
    write_file(str(folder / "verdicts.csv"), _csv(turned), force=force)


def _text(turned: list[Turned]) -> str:
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


def _csv(turned: list[Turned]) -> str:
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
