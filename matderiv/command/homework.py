"""`matderiv verify --file`: a document of derivations, checked line by line."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from matderiv.arguments import fields_of
from matderiv.command import failures
from matderiv.command.derive import json_text
from matderiv.command.failures import TimeLimitError, TimeUp, limited
from matderiv.command.options import Request
from matderiv.command.question import declared
from matderiv.command.streams import DERIVATIONS, Terminal, file_text, outlet, standard_input
from matderiv.output.documents.marked_sheets import SHEETS, MarkedSheet
from matderiv.verification.derivations.findings import LineVerdict, StepsVerdict
from matderiv.verification.derivations.homework import Progress, verify_homework
from matderiv.verification.derivations.problems import Conventions
from matderiv.verification.documents.markup import notebook_text

SUFFIXES = {
    **dict.fromkeys((".tex", ".latex", ".ltx"), "tex"),
    **dict.fromkeys((".md", ".markdown"), "md"),
    ".ipynb": "ipynb",
}


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
