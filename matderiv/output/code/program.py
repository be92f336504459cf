"""Programs as source code that runs as printed: shapes asserted, intermediate results named."""

import re
from collections.abc import Mapping, Sequence

from matderiv.arguments import require_word
from matderiv.output.code.columns import ColumnWriter
from matderiv.output.code.dialect import Dialect
from matderiv.output.code.jax import JAX
from matderiv.output.code.julia import JULIA
from matderiv.output.code.matlab import MATLAB
from matderiv.output.code.numpy import NUMPY, NUMPY_SINGLE
from matderiv.output.code.torch import TORCH
from matderiv.output.code.writer import Heading, Writer
from matderiv.programs.compiled import DTYPES
from matderiv.programs.program import Program
from matderiv.shapes import shape_text

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
