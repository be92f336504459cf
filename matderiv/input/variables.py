"""The variable that a person names, in any spelling."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply
from matderiv.input.conjugates import is_complex, polarised
from matderiv.language.tokens import GREEK_NAMES, canonical_name, is_name
from matderiv.lazy import later

if TYPE_CHECKING:
    from matderiv.input import builder, spelling, tree
    from matderiv.input.builder import Scope
    from matderiv.input.latex import reader
    from matderiv.input.resolve import Reading
    from matderiv.language import source
else:
    builder, spelling, tree = later("matderiv.input", "builder spelling tree")
    (reader,) = later("matderiv.input.latex", "reader")
    (source,) = later("matderiv.language", "source")

_SQUARE = re.compile(r"\\?(?P<of>[^\W\d_]+)\s*(?:\^\s*\{?2\}?|²)")


def read_name(reading: Reading, typed: str) -> Expr | None:
    r"""The variable of that name, by any spelling such as `\\theta`; None if there is none."""
    name = canonical_name(typed.strip())
    if of := re.fullmatch(r"conj\((.*)\)", typed.strip()):
        z = read_name(reading, of[1])
        return polarised(apply("conj", z)) if z is not None and is_complex(z) else None
    variables, rows = reading.variables, reading.rows
    found = variables.get(name) or variables.get(rows.get(name, ""))
    if found is None and (_SQUARE.fullmatch(typed.strip()) or "latex" in spelling.marks(typed)[0]):
        shapes = {name: e.shape for name, e in reading.variables.items()}
        name = name_typed(typed, builder.Scope(shapes, reading.sizes))
        found = variables.get(name) or variables.get(rows.get(name, ""))
    return found


def name_typed(typed: str, scope: Scope | None = None) -> str:
    r"""The name that was typed in any spelling; "" for what is no name.

    >>> name_typed(r"\mathbf{W}_1"), name_typed("μ"), name_typed("2*x"), name_typed("σ²")
    ('W_1', 'mu', '', 'sigmasq')
    """
    name = canonical_name(typed.strip())
    if is_name(name):
        return name
    square = _SQUARE.fullmatch(typed.strip())
    if square and canonical_name(square["of"]) in GREEK_NAMES:
        return f"{canonical_name(square['of'])}{tree.SQUARE}"
    with suppress(MatderivError):
        main = reader.parse_latex(typed, scope or builder.Scope()).main
        return main.name if isinstance(main, source.Name) else ""
    return ""
