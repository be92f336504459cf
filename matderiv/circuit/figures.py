"""Numbers and small arrays as people read them in a figure, and formulas with numbers put in."""

import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from matderiv.expr import Expr, substitute, variable, variables
from matderiv.language.printer import text
from matderiv.language.tokens import GREEK_SIGNS
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array
from matderiv.shapes import shape_text

DIGITS = 4
SMALL = 9  # entries of an array that is written out on one line


def figure(value: Any, digits: int = DIGITS) -> str:
    """A number with a few digits, without a sign on zero.

    >>> [figure(v) for v in (-12.0, 0.7310585786, 1 / 3e5, -0.0, float("nan"))]
    ['-12', '0.7311', '3.333e-06', '0', 'nan']
    """
    number = float(value)
    if not isfinite(number):
        return "nan" if number != number else "inf" if number > 0 else "-inf"
    return f"{number + 0.0:.{digits}g}"


def array_text(value: Array, small: int = SMALL) -> str:
    """A number, a small array row by row, or the sizes and the norm of a larger one.

    >>> array_text(np.array([[1.0, 2.0], [3.0, 4.0]])), array_text(np.ones((4, 25)))
    ('[[1, 2], [3, 4]]', '4 × 25, norm 10')
    """
    if value.ndim == 0:
        return figure(value)
    if value.size > small:
        return f"{shape_text(value.shape)}, norm {figure(np.linalg.norm(value))}"
    return _nested(value.tolist())


def _nested(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_nested, value)) + "]"
    return figure(value)


def sum_text(parts: Sequence[str]) -> str:
    """Numbers added up, negative ones in brackets."""
    return " + ".join(f"({p})" if p.startswith("-") else p for p in parts)


def greek(shown: str) -> str:
    """A formula with Greek letters as signs, as they stand in a picture.

    >>> greek("delta1*Sigma + beta_2*data")
    'δ1*Σ + β_2*data'
    """
    return re.sub("[A-Za-z]+", lambda found: GREEK_SIGNS.get(found[0], found[0]), shown)


def substituted(e: Expr, numbers: Mapping[Expr, Array]) -> str:
    """The text of a formula with the values of its names put in; the names of large arrays stay.

    >>> q, z = variable("q"), variable("z")
    >>> substituted(q * z, {q: np.float64(3), z: np.float64(-4)})
    '3*(-4)'
    """
    named = {}
    for v in variables(e):
        value = numbers.get(v)
        if value is not None and value.size <= SMALL:
            shown = array_text(value)
            literal = f"({shown})" if shown.startswith("-") and e is not v else shown
            named[v] = variable(literal, v.shape)
    return text(substitute(e, named))
