"""What floating point numbers can check: exponents and arrays within stated limits."""

from __future__ import annotations

from math import prod

from matderiv.expr import Expr, is_, walk
from matderiv.numeric.evaluate import evaluate
from matderiv.shapes import shape_text

MAX_EXPONENT = 1000  # beyond it floating point numbers only overflow and underflow
MAX_ENTRIES = 1_000_000  # of an array in the check


def beyond_numbers(f: Expr) -> str:
    """Why floating point numbers cannot check f, or nothing.

    >>> from matderiv.input.resolve import read
    >>> beyond_numbers(read("a^(10^9)").expr)
    'the exponent 1e+09 is too large for numbers, the limit is 1000'
    >>> beyond_numbers(read("a^9").expr)
    ''
    """
    varying: set[Expr] = set()
    for node in walk(f):
        if is_(node, "variable", "size") or any(a in varying for a in node.args):
            varying.add(node)
        if not is_(node, "power", "epow"):
            continue
        exponent = node.args[1]
        if exponent.shape or exponent in varying:
            continue
        value = abs(float(evaluate(exponent, {}, {})))
        if not value <= MAX_EXPONENT:
            return f"the exponent {value:.6g} is too large for numbers, the limit is {MAX_EXPONENT}"
    return ""


def too_large(*roots: Expr) -> str:
    """Why the declared sizes are too large to check, or nothing.

    >>> from matderiv.input.resolve import read
    >>> too_large(read("x*y'", shapes={"x": "9000", "y": "9000"}).expr)
    'an array of 9000 × 9000 is too large to check, the limit is 1000000 entries'
    """
    for node in walk(*roots):
        if prod(s for s in node.shape if isinstance(s, int)) > MAX_ENTRIES:
            return (
                f"an array of {shape_text(node.shape)} is too large to check, "
                f"the limit is {MAX_ENTRIES} entries"
            )
    return ""
