"""A derivation as it was asked to be printed: the result, its steps, one of them, in a format."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from matderiv.command.failures import UsageError
from matderiv.command.options import Request
from matderiv.command.streams import in_ascii
from matderiv.doors.derive import Derivation
from matderiv.doors.sheet import several
from matderiv.expr import variable
from matderiv.output.documents.hints import hint, step_text
from matderiv.output.documents.latex import document_latex
from matderiv.output.documents.notebooks import PAGES, Steps, in_page, steps_of_several
from matderiv.output.documents.text import document_text, partial_text
from matderiv.output.documents.typst import typst
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
    notation: str | None = None
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

    @property
    def whole_style(self) -> dict[str, str]:
        """The style with the notation of gradients, where one is asked for."""
        return self.style | ({"gradient": self.notation} if self.notation else {})

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
    names = ("detail", "hint", "step", "standalone", "page", "notation")
    asked: dict[str, Any] = {n: values[n] for n in names if values.get(n)}
    return Wanted(form, values.get("steps"), style=style, ascii_only=ascii_only, **asked)


def printed(found: Sequence[Derivation], asked: Wanted) -> str:
    """The derivations one after the other; several results are told apart by their left sides."""
    if len(found) == 1:
        return _one(found[0], asked)
    whole = asked.standalone or asked.form == "html" or (asked.page and asked.form == "markdown")
    if whole and not asked.one_step:
        page = several(found, asked.form, asked.view, asked.detail, **asked.whole_style)
        return asked.spelled_page(page.rstrip("\n"))
    if asked.view is None and not asked.one_step:
        return "\n".join(_with_left_side(d, asked) for d in found)
    told = steps_of_several(found, asked.view or "chain")
    if len(told) == 1:
        return _steps(told[0], asked)
    return "\n".join(f"{_heading(d, asked)}\n\n{_one(d, asked)}" for d in found)


def _steps(told: Steps, asked: Wanted) -> str:
    """A derivation step by step, or one of its steps."""
    style: dict[str, Any] = asked.whole_style
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
    """One derivation in the format asked for."""
    if asked.view is not None or asked.one_step:
        return _steps(d.steps(asked.view or "chain"), asked)
    style = asked.whole_style
    if asked.form == "html" or (asked.page and asked.form in PAGES):
        return asked.spelled_page(in_page(asked.form, d, None, asked.detail, style))
    if asked.form == "latex" and (asked.standalone or not asked.notation):
        return d.latex(standalone=asked.standalone, **style)
    return d.formula if asked.form == "text" else _line(d, asked)


def _line(d: Derivation, asked: Wanted) -> str:
    """The equation alone, in LaTeX, Markdown or Typst."""
    equation = d.equation(**asked.whole_style)
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
