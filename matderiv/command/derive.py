"""The verbs `derive` and `check`, and how a result is printed: whole, its steps, one of them."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from matderiv.command import answer, failures
from matderiv.command.failures import InternalError, UsageError, on_the_command_line, within
from matderiv.command.options import Request
from matderiv.command.question import LATE, TypedQuestion, checked, derived, understood
from matderiv.command.streams import DERIVATIONS, Terminal, in_ascii, outlet, write_file
from matderiv.doors.derive import Derivation
from matderiv.doors.sheet import several
from matderiv.expr import variable
from matderiv.input.guesses import guesses
from matderiv.numeric.report import CheckReport
from matderiv.output.documents.latex import document_latex
from matderiv.output.documents.notebooks import PAGES, Steps, in_page, steps_of_several
from matderiv.output.documents.text import document_text, hint, partial_text, step_text
from matderiv.output.documents.typst import typst
from matderiv.output.wrapping import folded
from matderiv.views.document import Partial

ONLY_LATEX = "a file that compiles is made of LaTeX"


@dataclass(frozen=True)
class Wanted:
    """How a derivation is to be printed; `style` is that of `Derivation.latex`.

    A `page` stands by itself: what is to be known about a formula stands there too.
    """

    form: str = "text"
    view: str | None = None
    detail: str = "normal"
    hint: int | None = None
    step: int | None = None
    standalone: bool = False
    page: bool = False
    style: dict[str, str] = field(default_factory=dict)
    ascii_only: bool = False

    @property
    def one_step(self) -> bool:
        """True where one step is asked for, or a hint to one: nothing else is shown."""
        return self.hint is not None or self.step is not None

    @property
    def spell(self) -> Callable[[str], str]:
        """How signs outside ASCII are written in plain text."""
        return in_ascii if self.ascii_only else str

    def spelled_page(self, page: str) -> str:
        """A page; in HTML with references for signs outside ASCII where that is asked for."""
        if self.form != "html":
            return page
        page = page.rstrip("\n")
        return page.encode("ascii", "xmlcharrefreplace").decode() if self.ascii_only else page


def wanted(request: Request, *, ascii_only: bool) -> Wanted:
    """What a command line asks for; UsageError for options that exclude each other."""
    values = request.values
    form = values.get("format") or "text"
    if values.get("standalone"):
        if form not in ("text", "latex"):
            raise UsageError(ONLY_LATEX, hint="--format latex --standalone")
        form = "latex"
    chosen = [f"--{n}" for n in ("hint", "step") if values.get(n)]
    if len(chosen) > 1:
        raise UsageError("--hint and --step exclude each other", hint="--step 2")
    json_hint = request.json and chosen == ["--hint"]
    if chosen and not json_hint and (form != "text" or request.json):
        other = "--json" if form in ("text", "json") else f"--format {form}"
        raise UsageError(f"{chosen[0]} is text only", hint=f"{chosen[0]} without {other}")
    detail = values.get("detail", "normal")
    if detail != "normal" and not values.get("steps"):
        raise UsageError("--detail is about --steps", hint=f"--steps --detail {detail}")
    style: dict[str, str] = {n: values[n] for n in ("vectors", "transpose") if n in values}
    style |= {"gradient": values["notation"]} if values.get("notation") else {}
    names = ("detail", "hint", "step", "standalone", "page")
    asked: dict[str, Any] = {n: values[n] for n in names if values.get(n)}
    return Wanted(form, values.get("steps"), style=style, ascii_only=ascii_only, **asked)


def printed(found: Sequence[Derivation], asked: Wanted) -> str:
    """The derivations one after the other; several results are told apart by their left sides."""
    if len(found) == 1:
        return _one(found[0], asked)
    whole = asked.standalone or asked.form == "html" or (asked.page and asked.form == "markdown")
    if whole and not asked.one_step:
        page = several(found, asked.form, asked.view, asked.detail, **asked.style)
        return asked.spelled_page(page.rstrip("\n"))
    if asked.view is None and not asked.one_step:
        return "\n".join(_with_left_side(d, asked) for d in found)
    told = steps_of_several(found, asked.view or "chain")
    if len(told) == 1:
        return _steps(told[0], asked)
    return "\n".join(f"{_heading(d, asked)}\n\n{_one(d, asked)}" for d in found)


def _steps(told: Steps, asked: Wanted) -> str:
    style: dict[str, Any] = asked.style
    if asked.hint is not None:
        return str(hint(told, asked.hint))
    if asked.step is not None:
        return step_text(told, asked.step)
    if asked.form == "latex":
        return document_latex(told, detail=asked.detail, standalone=asked.standalone, **style)
    if asked.form in PAGES:
        return asked.spelled_page(PAGES[asked.form][0](told, detail=asked.detail, **style))
    return document_text(told, detail=asked.detail, spell=asked.spell)


def _one(d: Derivation, asked: Wanted) -> str:
    if asked.view is not None or asked.one_step:
        return _steps(d.steps(asked.view or "chain"), asked)
    style = asked.style
    if asked.form == "html" or (asked.page and asked.form in PAGES):
        return asked.spelled_page(in_page(asked.form, d, None, asked.detail, style))
    if asked.form == "latex" and (asked.standalone or "gradient" not in style):
        return d.latex(standalone=asked.standalone, **style)
    return d.formula if asked.form == "text" else _line(d, asked)


def _line(d: Derivation, asked: Wanted) -> str:
    """The equation alone, in LaTeX, Markdown or Typst."""
    equation = d.equation(**asked.style)
    if asked.form == "latex":
        return equation
    return f"$ {typst(equation)} $" if asked.form == "typst" else f"$${equation}$$"


def _with_left_side(d: Derivation, asked: Wanted) -> str:
    """A result as an equation that says which derivative it is."""
    if asked.form != "text":
        return _line(d, asked)
    return d.formula if not d.has_matrix_form else f"{left_side(d)} = {d.formula}"


def left_side(d: Derivation) -> str:
    """∂f/∂x, with an L where the derivative is of what stands above f."""
    of = variable("L" if d.kind == "vjp" else "f")
    if d.kind in ("jvp", "hvp", "differential"):
        return f"df by {d.wrt.name}"
    power = {1: "", 2: "²", 3: "³", 4: "⁴"}[d.order]
    whole = partial_text(Partial(of, d.wrt))
    return whole if not power else f"∂{power}f/∂{d.wrt.name}{power}"


def _heading(d: Derivation, asked: Wanted) -> str:
    mark = {"markdown": "## ", "latex": "% ", "typst": "= "}.get(asked.form, "")
    return f"{mark}{asked.spell(left_side(d))}"


@dataclass(frozen=True)
class DerivedAnswer:
    """Derivations with everything that is told about them except their checks."""

    derivations: Sequence[Derivation]
    text: str
    remarks: tuple[answer.Remark, ...]
    documents: tuple[dict[str, Any], ...] = ()


def run(request: Request, terminal: Terminal) -> int:
    """Answer `derive` or `check`; the exit code.

    Raises MatderivError for bad input, unsupported functions and limits, InternalError when the
    result contradicts the numbers.
    """
    started = time.monotonic()
    request = _by_name(request)
    plain = terminal.ascii_only if request.values.get("output") else terminal.plain_results
    how = wanted(request, ascii_only=plain)
    with within(request.timeout):
        found = _answered(request, how, terminal)
    reports: list[CheckReport | None] = []
    for d in found.derivations:
        left = request.timeout and max(request.timeout - (time.monotonic() - started), 0.1)
        unchecked = request.values.get("no_check")
        reports.append(None if unchecked else checked(d, request, left))
    for report in reports:
        if report is not None and report.verdict == "disproved":
            raise InternalError(
                "the derivative that was found does not agree with numbers and is not shown",
                details=(str(report), *report.notes),
            )
    _tell(request, terminal, found, reports)
    return max(map(_status, reports))


def _answered(request: Request, how: Wanted, terminal: Terminal) -> DerivedAnswer:
    """Everything that takes time, apart from the check; how the input was read is said at once."""
    asked = understood(request)
    answer.heard(request, asked, terminal)
    if request.json:
        found = derived(request, asked)
        documents = tuple(_told_document(asked, d, how) for d in found)
        return DerivedAnswer(found, "", (), documents)
    if terminal.quiet:
        for guess in (g for g in guesses(asked.reading) if g.why != "letter"):
            terminal.complain(on_the_command_line(str(guess)))
    found = derived(request, asked)
    written = printed(found, how)
    remarks = [] if terminal.quiet else _remarks(found, asked, how)
    return DerivedAnswer(found, written, tuple(remarks))


def _told_document(asked: TypedQuestion, d: Derivation, how: Wanted) -> dict[str, Any]:
    """A derivation as a JSON document, or one hint without anything that it hides."""
    if how.hint is None:
        return answer.document(asked, d, how.view)
    told = d.hint(how.hint, how.view or "chain")
    return {"schema": failures.SCHEMA, "hint": {"title": told.title, "rows": told.rows}}


def _remarks(found: Sequence[Derivation], asked: TypedQuestion, how: Wanted) -> list[answer.Remark]:
    """What is to be known about the results, each remark once; no form of them beside one step."""
    remarks = (
        r for d in found for r in answer.result_remarks(d, asked.reading, forms=not how.one_step)
    )
    return list(dict.fromkeys(remarks))


def _tell(
    request: Request,
    terminal: Terminal,
    found: DerivedAnswer,
    reports: Sequence[CheckReport | None],
) -> None:
    result, report = found.text, reports[0]
    if request.json:
        result = json_text(_document(found, reports))
    elif request.verb == "check" and report is not None:
        terminal.remark("Result", found.text)
        result = "\n".join(answer.report_lines(report))
    if request.values.get("output"):
        shown = in_ascii(result) if terminal.ascii_only else result
        write_file(request.output, shown, force=request.force)
    else:
        plain = not request.json and request.values.get("format") in (None, "text")
        terminal.result(folded(result, terminal.width) if plain and terminal.width else result)
    if not request.json:
        terminal.remarks(found.remarks)
        if request.verb == "derive":
            _say_checked(found.derivations, reports, terminal)


def _document(found: DerivedAnswer, reports: Sequence[CheckReport | None]) -> dict[str, Any]:
    """One document for one variable; for several a list of them under `derivatives`."""
    if any("hint" in document for document in found.documents):
        return found.documents[0]  # the numbers of a check would give the result away
    told = [
        {**document, "check": None if report is None else answer.report_document(report)}
        for document, report in zip(found.documents, reports, strict=True)
    ]
    return told[0] if len(told) == 1 else {"schema": failures.SCHEMA, "derivatives": told}


def _say_checked(
    found: Sequence[Derivation], reports: Sequence[CheckReport | None], terminal: Terminal
) -> None:
    """What the checks found; even a quiet run says why its exit code is not 0."""
    for d, report in zip(found, reports, strict=True):
        said = answer.check_sentence(report)
        if len(found) > 1:
            said = f"by {d.wrt.name}: {said}"
        if _status(report) and terminal.quiet:
            terminal.complain(said)
        else:
            terminal.remark("Checked", said)


def _by_name(request: Request) -> Request:
    """The request with the format that the name of the file says; a .tex compiles by itself."""
    values = dict(request.values)
    asked = "json" if request.json else values.get("format")
    asked = "latex" if values.get("standalone") and asked is None else asked
    form = outlet(request, asked, DERIVATIONS)
    if form is not None and values.get("format") is None:
        whole = form == "latex" or values.get("standalone", False)
        values |= {"format": form, "json": form == "json", "standalone": whole, "page": True}
    return replace(request, values=values)


def _status(report: CheckReport | None) -> int:
    if report is None or report.verdict == "verified":
        return failures.FINE
    return failures.BUDGET if report.notes == (LATE,) else failures.UNSUPPORTED


def json_text(document: dict[str, Any]) -> str:
    """A JSON document in ASCII, so that it arrives everywhere."""
    return json.dumps(document, indent=2, allow_nan=False)
