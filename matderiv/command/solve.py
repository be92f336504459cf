"""The verbs `solve`, `curvature` and the operators: what comes after the derivative."""

from typing import Any

from matderiv.command import failures
from matderiv.command.answer import heard
from matderiv.command.derive import json_text
from matderiv.command.failures import within
from matderiv.command.options import Request
from matderiv.command.question import understood
from matderiv.command.streams import Terminal
from matderiv.doors.curvature import Curvature, curvature
from matderiv.doors.operators import Formula, divergence, implicit, laplacian, taylor
from matderiv.doors.solution import Solution
from matderiv.doors.solve import solve
from matderiv.errors import MatderivError
from matderiv.language.printer import text
from matderiv.output.wrapping import in_columns

OPERATORS: dict[str, Any] = {
    "divergence": divergence, "laplacian": laplacian, "taylor": taylor, "implicit": implicit,
}  # fmt: skip


def run(request: Request, terminal: Terminal) -> int:
    """Answer `solve`, `curvature` or an operator; 3 where the curvature stays undecided.

    Raises NoClosedForm where no closed form is known.
    """
    with within(request.timeout):
        return _answered(request, terminal)


def _answered(request: Request, terminal: Terminal) -> int:
    asked = understood(request)
    heard(request, asked, terminal)
    how: dict[str, Any] = asked.declared
    if request.verb == "curvature":
        bent = curvature(asked.text, asked.wrt, **how)
        terminal.result(_curved(request, bent))
        return failures.UNSUPPORTED if bent.verdict == "undecided" else failures.FINE
    if request.verb in OPERATORS:
        if request.verb == "implicit":
            if request.by is None:
                raise MatderivError("implicit asks what else moves", hint="--by p")
            how["by"] = request.by
        made = OPERATORS[request.verb](asked.text, asked.wrt, **how)
        terminal.result(_made(request, made))
        terminal.remark("Checked", "the derivatives in it with values of f")
        return failures.FINE
    found = solve(asked.text, asked.wrt, subject_to=request.subject_to, **how)
    if request.json:
        terminal.result(json_text(_document(found)))
        return failures.FINE
    terminal.result(_written(request, found))
    terminal.remark("Kind", ", ".join(found.kinds))
    for condition in found.conditions:
        terminal.remark("Needs" if found.values else "Note", condition)
    met = "" if request.subject_to is None else " along the constraint, which holds"
    terminal.remark("Checked", f"with random data: there the gradient vanishes{met}")
    return failures.FINE


def _made(request: Request, made: Formula) -> str:
    if request.json:
        told = {"schema": failures.SCHEMA, "result": str(made), "latex": made.latex()}
        return json_text({**told, "steps": _equations(made)})
    return made.code(request.target) if request.target else _written(request, made)


def _written(request: Request, found: Solution | Formula) -> str:
    if request.format == "latex":
        return found.latex()
    if not request.steps:
        return str(found)
    return "\n".join(in_columns(found.steps))


def _equations(found: Solution | Formula) -> list[dict[str, str]]:
    return [{"equation": e, "reason": why} for e, why in found.steps]


def _document(found: Solution) -> dict[str, Any]:
    return {
        "schema": failures.SCHEMA,
        "wrt": found.gradient.wrt.name,
        "gradient": found.gradient.formula,
        "values": [text(v) for v in found.values],
        "kinds": list(found.kinds),
        "equation": found.equation or None,
        "conditions": list(found.conditions),
        "steps": _equations(found),
        "latex": found.latex(),
    }


def _curved(request: Request, found: Curvature) -> str:
    if not request.json:
        return str(found)
    hessian = None if found.hessian is None else found.hessian.formula
    told = {"verdict": found.verdict, "reason": found.reason, "hessian": hessian}
    return json_text({"schema": failures.SCHEMA, **told})
