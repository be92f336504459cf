"""A derivation as source code, and as a compiled function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from matderiv.expr import Expr, variables
from matderiv.input.conjugates import refuse_complex
from matderiv.language.printer import text
from matderiv.lazy import np
from matderiv.numeric.evaluate import sizes_in
from matderiv.output.code.program import LONGEST_QUOTED, code
from matderiv.output.code.writer import Heading
from matderiv.programs.building import program
from matderiv.programs.compiled import Compiled
from matderiv.programs.program import Program
from matderiv.shapes import size_names
from matderiv.views.intermediates import value_names

if TYPE_CHECKING:
    from matderiv.doors.derivation import Derivation


def derivative_program(
    d: Derivation,
    sizes: Mapping[str, int] | None = None,
    *,
    value: bool = False,
    careful: bool = False,
) -> Program:
    """The derivative as a program; with `value` that of a scalar f before it.

    Variables that the derivative does not have are inputs only where they alone show a size. A
    `careful` program has the limits at the points where the formula is 0/0.
    """
    refuse_complex(d.f)
    formula = d.numeric.careful if careful else d.numeric.shared
    exprs = (d.numeric.value, formula) if value else (formula,)
    shapes = ((), d.shape) if value else (d.shape,)
    names = (d.f, d.expr) if value else (d.expr,)
    inputs = inputs_of(d, names)
    return program(exprs, shapes=shapes, inputs=inputs, parameters=(d.wrt,), sizes=sizes)


def inputs_of(d: Derivation, exprs: Sequence[Expr]) -> list[Expr]:
    """The variables of what is computed, and those of the derivation that alone show a size."""
    inputs = variables(*exprs)
    missing = sizes_in(*exprs) - size_names([v.shape for v in inputs])
    for v in variables(d.f, d.wrt):
        if missing & size_names([v.shape]) and v not in inputs:
            inputs.append(v)
            missing -= size_names([v.shape])
    return inputs


def derivative_function(d: Derivation, dtype: str = "float64") -> Callable[..., Any]:
    """The derivative compiled for NumPy, called with a mapping or with keywords."""
    exprs = (d.f, d.wrt)
    also = {v.name for v in variables(*exprs)} | sizes_in(*exprs)
    careful = partial(derivative_program, d, careful=True) if d.numeric.may_fail else None

    def last(values: Mapping[str, Any]) -> list[Any]:
        return [np.asarray(d.evaluate(values), dtype)[()]]

    compiled = Compiled(partial(derivative_program, d), sorted(also), careful, dtype, last)

    def called(values: Mapping[str, Any] | None = None, /, **named: Any) -> Any:
        return compiled(values, named)[0]

    called.__name__, called.__doc__ = d.kind, f"The {d.kind} {d.formula}."
    return called


def derivative_code(d: Derivation, target: str, dtype: str = "float64") -> str:
    """The source of a function; a gradient comes together with the value of f."""
    both = d.kind == "gradient" and d.order == 1
    what = "value of a scalar and its gradient" if both else d.kind
    says = [f"The {what} by {d.wrt.name}."]
    if d.f.weight <= LONGEST_QUOTED:
        says.append(f"{'∇f' if d.kind == 'hvp' else 'f'} = {text(d.f)}")
    says += [d.doubt] if d.doubt else []
    results = ("value", f"grad_{d.wrt.name}") if both else ("result",)
    name = "value_and_gradient" if both else d.kind
    heading = Heading(name, tuple(says), results, values=value_names(d.f, (d.wrt,), {*d.names}))
    return code(derivative_program(d, value=both, careful=True), target, heading, dtype)


def formula_code(name: str, expr: Expr, target: str) -> str:
    """The source of a function that computes an expression."""
    refuse_complex(expr)
    says = (f"{text(expr)}.",) if expr.weight <= LONGEST_QUOTED else ()
    return code(program((expr,)), target, Heading(name, says, ("result",)))
