"""Derivatives and programs as code that runs as printed: shapes asserted, results named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from matderiv.arguments import require_word
from matderiv.expr import Expr, variables
from matderiv.input.conjugates import refuse_complex
from matderiv.language.printer import text as printed
from matderiv.lazy import np
from matderiv.numeric.evaluate import sizes_in
from matderiv.output.code.columns import ColumnWriter
from matderiv.output.code.dialect import Dialect
from matderiv.output.code.jax import JAX
from matderiv.output.code.julia import JULIA
from matderiv.output.code.matlab import MATLAB
from matderiv.output.code.numpy import NUMPY, NUMPY_SINGLE
from matderiv.output.code.torch import TORCH
from matderiv.output.code.writer import Heading, Writer
from matderiv.programs.building import program
from matderiv.programs.compiled import DTYPES, Compiled
from matderiv.programs.program import Program
from matderiv.shapes import shape_text, size_names
from matderiv.views.intermediates import value_names

TARGETS: Mapping[str, Dialect] = {d.name: d for d in (NUMPY, TORCH, JAX, JULIA, MATLAB)}
LONGEST_QUOTED = 60  # symbols of a formula that is quoted in code


def code(program: Program, target: str, heading: Heading, dtype: str = "float64") -> str:
    """The source of a function that computes a program; `dtype` is for NumPy.

    Raises MatderivError for an unknown target.

    >>> from matderiv.doors.gradients import value_and_gradients
    >>> both = value_and_gradients("norm2(X*w - y)^2", "w")
    >>> print(both.code().split("expected", 3)[3].partition("\\n")[2], end="")
        z1 = X @ w - y
        value = np.vdot(z1, z1)
        grad_w = 2 * (X.T @ z1)
        return value, grad_w
    """
    dialect = TARGETS[require_word(target, "target", TARGETS)]
    if require_word(dtype, "dtype", DTYPES) != DTYPES[0] and dialect is NUMPY:
        dialect = NUMPY_SINGLE
    if dialect.columns is not None:
        return ColumnWriter(program, dialect, heading).source()
    writer = Writer(program, dialect, heading)
    body = [*writer.shapes(), *writer.body()]
    body = _without_unused_settings(body)
    arguments = ", ".join([*(writer.names[v.name] for v in program.inputs), *writer.extra_sizes()])
    before = _before(dialect, body)
    function = [f"def {heading.name}({arguments}):", *_docstring(program, heading)]
    return "\n".join([*before, "", "", *function, *(f"    {text}" for text in body)]) + "\n"


def _without_unused_settings(body: Sequence[str]) -> list[str]:
    """The lines, without types and sizes of vectors that nothing refers to."""
    kept = []
    for k, text in enumerate(body):
        found = re.fullmatch(r"\(?(\w+),?\)? = \w+\.shape(\[\d+\])?|(options|dtype) = .*", text)
        rest = "\n".join(body[k + 1 :])
        if found is None or re.search(rf"\b{found[1] or found[3]}\b", rest):
            kept.append(text)
    return kept


def _before(dialect: Dialect, body: Sequence[str]) -> list[str]:
    """The imports that the function needs, and definitions of what the library does not have."""
    blocks = dialect.definitions_for("\n".join(body))
    extras = [text for block in blocks for text in block]
    used = "\n".join([*body, *extras])
    found = {*dialect.imports, *(text for text in extras if text.startswith("import "))}
    main = dialect.imports[-1]
    imports = sorted(text for text in found if f"{text.split()[-1]}." in used or text == main)
    standard = [text for text in imports if text in ("import math", "import statistics")]
    lines = [*standard, ""] if standard else []
    lines += [text for text in imports if text not in standard]
    for block in blocks:
        defined = [text for text in block if not text.startswith("import ")]
        lines += ["", "", *defined] if defined[0].startswith("def ") else ["", *defined]
    return lines


def _docstring(program: Program, heading: Heading) -> list[str]:
    known = ", ".join(f"{v.name}: {shape_text(v.shape)}" for v in program.inputs)
    text = [*heading.says, *([f"Shapes: {known}"] if known else [])]
    raw = "r" if any("\\" in t for t in text) else ""
    if len(text) == 1:
        return [f'    {raw}"""{text[0]}"""']
    return [f'    {raw}"""{text[0]}', "", *(f"    {t}" for t in text[1:]), '    """']


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
        says.append(f"{'∇f' if d.kind == 'hvp' else 'f'} = {printed(d.f)}")
    says += [d.doubt] if d.doubt else []
    results = ("value", f"grad_{d.wrt.name}") if both else ("result",)
    name = "value_and_gradient" if both else d.kind
    heading = Heading(name, tuple(says), results, values=value_names(d.f, (d.wrt,), {*d.names}))
    return code(derivative_program(d, value=both, careful=True), target, heading, dtype)


def formula_code(name: str, expr: Expr, target: str) -> str:
    """The source of a function that computes an expression."""
    refuse_complex(expr)
    says = (f"{printed(expr)}.",) if expr.weight <= LONGEST_QUOTED else ()
    return code(program((expr,)), target, Heading(name, says, ("result",)))
