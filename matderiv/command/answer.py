"""How a derivation is told: sentences for a person, a document for a program."""

from collections.abc import Callable
from contextlib import suppress
from math import isfinite
from typing import Any

from matderiv.arguments import fields_of
from matderiv.calculus.derivative import FORWARDS
from matderiv.command.failures import SCHEMA, on_the_command_line
from matderiv.command.options import Request
from matderiv.command.question import TypedQuestion
from matderiv.command.streams import Terminal
from matderiv.doors.derive import Derivation
from matderiv.errors import LimitError
from matderiv.input.resolve import Reading
from matderiv.language.sentences import plain_words
from matderiv.numeric.report import CheckReport
from matderiv.output.documents.json import document_json
from matderiv.output.documents.text import declared
from matderiv.shapes import long_axes, shape_text
from matderiv.views.stages import layout_note

MAX_NAMES = 12  # names whose sizes are listed
MAX_SHOWN = 600  # characters of an expression or a form that is only a remark

Remark = tuple[str, str]


# Sentences ----------------------------------------------------------------------------------------


def heard(request: Request, asked: TypedQuestion, terminal: Terminal) -> None:
    """The input is read: say how, unless a program asks."""
    terminal.reading = False
    if not request.json:
        terminal.remarks(reading_remarks(asked.reading))


def reading_remarks(reading: Reading) -> list[Remark]:
    """How the input was read: the expression, its names with their sizes, what was guessed."""
    found = [("Read as", f"f = {_cut(reading.read_as)}")]
    if reading.variables:
        found.append(("Sizes", sizes_sentence(reading)))
    for note in reading.notes:
        if not note.startswith("taking "):
            found.append(("Note", on_the_command_line(note)))
    if "e" in reading.guessed:
        found.append(("Note", "e is a name like any other here; the number e is exp(1)"))
    return found


def sizes_sentence(reading: Reading) -> str:
    """Every name with its kind and sizes, and which of them are guesses.

    >>> print(sizes_sentence(read("A*x", shapes={"A": "m,n"})))
    A: m × n, x: n (x guessed; --shape "x: n" says so)
    """
    nodes = list(reading.variables.values())[:MAX_NAMES]
    said = ", ".join(map(declared, nodes))
    if len(reading.variables) > MAX_NAMES:
        said += f" and {len(reading.variables) - MAX_NAMES} more"
    guessed = [v for v in nodes if v.name in reading.guessed]
    if not guessed:
        return said
    names = "" if len(guessed) == len(nodes) else " ".join(v.name for v in guessed) + " "
    first = next((v for v in guessed if v.shape), guessed[0])
    sizes = ",".join(str(s) for s in first.shape)
    spelled = f"{first.name}: {sizes}".rstrip()
    return f'{said} ({names}guessed; --shape "{spelled}" says so)'


def layout_sentence(d: Derivation) -> str:
    """What stands where in the result, and the shape of one with entries of f."""
    if d.upstream is not None:
        upstream = f"{d.upstream.name} ({shape_text(d.upstream.shape)})"
        return f"vjp: the gradient by {d.wrt.name} when the gradient by f is {upstream}"
    said = plain_words(layout_note(d))
    if d.kind == "gradient" or d.kind in FORWARDS:
        return said
    turned = d.layout == "denominator" and d.kind == "jacobian" and d.in_its_layout is not d.expr
    return f"{said}: {shape_text(d.shape[::-1] if turned else d.shape)}"


def form_remarks(d: Derivation) -> list[Remark]:
    """What is said where matrix notation does not reach: that, and the vec form if there is one."""
    if d.has_matrix_form:
        return []
    found = [("Note", "no matrix notation has this many axes; the result is in index notation")]
    vec = d.vec_text
    if vec is not None:
        stack = "vech" if d.by_free_entries else "vec"
        x = d.wrt.name if len(d.wrt.shape) < 2 else f"{stack}({d.wrt.name})"
        f = "f" if len(long_axes(d.f.shape)) < 2 else "vec(f)"
        f = f if d.order == 1 else "grad f"
        found.append(("Vec form", f"∂{f}/∂{x}' = {_cut(vec)}"))
    return found


def result_remarks(d: Derivation, reading: Reading, *, forms: bool = True) -> list[Remark]:
    """The layout, and what else is to be known about a result; with `forms` how else it reads."""
    found = [("Layout", layout_sentence(d)), *(form_remarks(d) if forms else ())]
    for note in d.notes:
        if note not in reading.notes:
            label = "Warning" if "does not occur" in note else "Note"
            found.append((label, on_the_command_line(note)))
    with suppress(LimitError):
        if forms and d.facts_used:
            found.append(("Using", ", ".join(d.facts_used)))
    return found


def check_sentence(report: CheckReport | None) -> str:
    """The comparison with numbers in one line."""
    if report is None:
        return "no, as --no-check asks"
    if report.ok:
        return f"verified with finite differences, {report}" if report.points else report.sentence
    if report.verdict == "disproved":
        return str(report)
    reasons = "; ".join(report.notes) or "the numbers are not sharp enough"
    return f"undecided: {reasons} (seed {report.seed})"


def report_lines(report: CheckReport) -> list[str]:
    """The comparison with numbers in full."""
    rows = [("verdict", report.verdict)]
    if report.points:
        rows.append(("points", f"{report.points}, drawn with seed {report.seed}"))
        if "complex step" in report.method:
            rows.append(("complex step", f"worst relative error {report.error:.1g}"))
        rows.append(("central differences", f"worst relative error {report.central_error:.1g}"))
    else:
        rows.append(("points", f"none, seed {report.seed}"))
        rows += [("method", report.method)] if report.ok else []
    if report.worst is not None:
        rows.append(("worst", str(report.worst)))
    rows += [("note", note) for note in report.notes]
    return [f"{label:<20} {said}" for label, said in rows]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}... ({len(text)} characters)"


# Documents ----------------------------------------------------------------------------------------


def document(asked: TypedQuestion, d: Derivation, view: str | None = None) -> dict[str, Any]:
    """Everything about a derivation except its check, as a JSON document; its steps in a view."""
    reading = asked.reading
    steps = {} if view is None else {"steps": document_json(d.steps(view))}
    return {
        "schema": SCHEMA,
        "expression": asked.text,
        "read_as": reading.read_as,
        "wrt": d.wrt.name,
        **fields_of(d, "kind order layout structure"),
        "result": d.formula if d.has_matrix_form else None,
        "index": or_none(lambda: d.index),
        "vec": d.vec_text,
        "latex": or_none(d.latex),
        "shape": [str(s) for s in d.shape],
        "shapes": {n: [str(s) for s in v.shape] for n, v in reading.variables.items()},
        "assume": {n: sorted(v.params[2]) for n, v in reading.variables.items() if v.params[2]},
        "facts_used": list(d.facts_used),
        "guessed": sorted(reading.guessed),
        "notes": [on_the_command_line(note) for note in d.notes],
        **steps,
    }


def or_none(form: Callable[[], str]) -> str | None:
    """A form, or nothing where it would be too long to be read by anybody."""
    try:
        return form()
    except LimitError:
        return None


def report_document(report: CheckReport) -> dict[str, Any]:
    """A check as a JSON document; a number that is not finite is null."""
    document: dict[str, Any] = {
        "verdict": report.verdict,
        "error": _finite(report.error),
        "central_error": _finite(report.central_error),
        **fields_of(report, "method points seed"),
        "notes": list(report.notes),
        "worst": None,
    }
    if report.worst is not None:
        document["worst"] = {
            "index": None if report.worst.index is None else list(report.worst.index),
            "claimed": _finite(report.worst.claimed),
            "numeric": _finite(report.worst.numeric),
            "sizes": dict(report.worst.sizes),
        }
    return document


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
