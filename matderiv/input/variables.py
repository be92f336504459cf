"""The variable that a person names, in any spelling."""

import re
from contextlib import suppress

from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply
from matderiv.input.builder import Scope
from matderiv.input.conjugates import is_complex, polarised
from matderiv.input.latex.reader import parse_latex
from matderiv.input.resolve import Reading
from matderiv.input.spelling import marks
from matderiv.input.tree import SQUARE
from matderiv.language.source import Name
from matderiv.language.tokens import GREEK_NAMES, canonical_name, is_name

_SQUARE = re.compile(r"\\?(?P<of>[^\W\d_]+)\s*(?:\^\s*\{?2\}?|²)")


def read_name(reading: Reading, typed: str) -> Expr | None:
    r"""The variable of that name, by any spelling such as `\\theta`; None if there is none."""
    name = canonical_name(typed.strip())
    if of := re.fullmatch(r"conj\((.*)\)", typed.strip()):
        z = read_name(reading, of[1])
        return polarised(apply("conj", z)) if z is not None and is_complex(z) else None
    variables, rows = reading.variables, reading.rows
    found = variables.get(name) or variables.get(rows.get(name, ""))
    if found is None and (_SQUARE.fullmatch(typed.strip()) or "latex" in marks(typed)[0]):
        shapes = {name: e.shape for name, e in reading.variables.items()}
        name = name_typed(typed, Scope(shapes, reading.sizes))
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
        return f"{canonical_name(square['of'])}{SQUARE}"
    with suppress(MatderivError):
        main = parse_latex(typed, scope or Scope()).main
        return main.name if isinstance(main, Name) else ""
    return ""
