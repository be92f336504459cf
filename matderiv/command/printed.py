"""A derivation as it was asked to be printed: the result, its steps, one of them, in a format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from matderiv.api import Derivation
from matderiv.command.failures import UsageError
from matderiv.command.options import Request
from matderiv.command.steps import hint_text, step_text
from matderiv.command.streams import in_ascii
from matderiv.expr import variable
from matderiv.output.document_text import document_text, partial_text
from matderiv.views.document import Partial

ONLY_LATEX = "a file that compiles is made of LaTeX"


@dataclass(frozen=True)
class Wanted:
    """How a derivation is to be printed; `style` is that of `Derivation.latex`."""

    form: str = "text"
    view: str | None = None
    detail: str = "normal"
    hint: int | None = None
    step: int | None = None
    standalone: bool = False
    notation: str | None = None
    style: dict[str, str] = field(default_factory=dict)
    ascii_only: bool = False

    @property
    def spell(self) -> Callable[[str], str]:
        """How signs outside ASCII are written in plain text."""
        return in_ascii if self.ascii_only else str


def wanted(request: Request, *, ascii_only: bool) -> Wanted:
    """What a command line asks for; UsageError for options that exclude each other."""
    values = request.values
    form = values.get("format", "text")
    if values.get("standalone"):
        if form not in ("text", "latex"):
            raise UsageError(ONLY_LATEX, hint="--format latex --standalone")
        form = "latex"
    chosen = [f"--{n}" for n in ("hint", "step") if values.get(n)]
    if len(chosen) > 1:
        raise UsageError("--hint and --step exclude each other", hint="--step 2")
    if chosen and (form != "text" or request.json):
        raise UsageError(f"{chosen[0]} is text only", hint=f"{chosen[0]} without --format {form}")
    style: dict[str, str] = {n: values[n] for n in ("vectors", "transpose") if n in values}
    return Wanted(
        form,
        values.get("steps"),
        values.get("detail", "normal"),
        values.get("hint"),
        values.get("step"),
        bool(values.get("standalone")),
        values.get("notation"),
        style,
        ascii_only,
    )


def printed(found: Sequence[Derivation], asked: Wanted) -> str:
    """The derivations one after the other; several results are told apart by their left sides."""
    if len(found) == 1:
        return _one(found[0], asked)
    if asked.standalone or asked.form == "html":
        what = "a page" if asked.form == "html" else "a LaTeX file"
        raise UsageError(f"{what} holds the derivative by one variable", hint="one at a time")
    if asked.view is None and asked.hint is None and asked.step is None:
        return "\n".join(_with_left_side(d, asked) for d in found)
    return "\n".join(f"{_heading(d, asked)}\n\n{_one(d, asked)}" for d in found)


def _one(d: Derivation, asked: Wanted) -> str:
    """One derivation in the format asked for."""
    notation = {"gradient": asked.notation} if asked.notation else {}
    style = asked.style | notation
    if asked.hint is not None:
        return hint_text(d.steps(asked.view or "chain"), asked.hint)
    if asked.step is not None:
        return step_text(d.steps(asked.view or "chain"), asked.step)
    if asked.form == "html":
        page = d.html(asked.view, detail=asked.detail, **style).rstrip("\n")
        return page.encode("ascii", "xmlcharrefreplace").decode() if asked.ascii_only else page
    if asked.form == "latex":
        if asked.notation and asked.view is None and not asked.standalone:
            return d.equation(**style)
        return d.latex(asked.view, detail=asked.detail, standalone=asked.standalone, **style)
    if asked.form == "markdown":
        if asked.view is None:
            return f"$${d.equation(**style)}$$"
        return d.markdown(asked.view, detail=asked.detail, **style)
    if asked.view is None:
        return str(d)
    return document_text(d.steps(asked.view), detail=asked.detail, spell=asked.spell)


def _with_left_side(d: Derivation, asked: Wanted) -> str:
    """A result as an equation that says which derivative it is."""
    notation = {"gradient": asked.notation} if asked.notation else {}
    if asked.form == "latex":
        return d.equation(**asked.style, **notation)
    if asked.form == "markdown":
        return f"$${d.equation(**asked.style, **notation)}$$"
    return str(d) if not d.has_matrix_form else f"{left_side(d)} = {d}"


def left_side(d: Derivation) -> str:
    """∂f/∂x, with an L where the derivative is of what stands above f."""
    of = variable("L" if d.kind == "vjp" else "f")
    if d.kind in ("jvp", "differential"):
        return f"df by {d.wrt.name}"
    power = {1: "", 2: "²", 3: "³", 4: "⁴"}[d.order]
    whole = partial_text(Partial(of, d.wrt))
    return whole if not power else f"∂{power}f/∂{d.wrt.name}{power}"


def _heading(d: Derivation, asked: Wanted) -> str:
    mark = "## " if asked.form == "markdown" else "% " if asked.form == "latex" else ""
    return f"{mark}{asked.spell(left_side(d))}"
