"""Product signs that hands leave out around changes: A dX, x'dx, 2 x'A."""

import re

from matderiv.language.calls import function_names
from matderiv.verification.documents.positions import Passage
from matderiv.verification.quantities import NAME

_CLOSED = r"[)'ᵀ⊤⁰¹²³⁴⁵⁶⁷⁸⁹]"
_BEFORE = rf"(?:(?<=\w)\s+|(?<={_CLOSED})\s*)"  # where A dX and x'dx leave a product sign out
_APART = rf"(?:({NAME}|[0-9])\s+|([)'ᵀ⊤⁰¹²³⁴⁵⁶⁷⁸⁹])\s*)(?=({NAME})|\()"  # A B, x'A, x' (A*x)


def with_products(p: Passage, changes: list[str]) -> Passage:
    """A text with product signs where two operands stand apart, and around `changes`.

    >>> with_products(Passage.of("2*x'A dx"), ["dx"]).text
    "2*x'*A*dx"
    """
    if "einsum" not in p.text:
        p = p.replaced(_APART, _product)
    if not changes:
        return p
    words = "|".join(sorted(changes, key=len, reverse=True))
    p = p.replaced(rf"{_BEFORE}(?=(?:{words})(?!\w))", lambda m: "*")
    after = rf"(?<!\w)({words})(?:\s+(?!where\b)(?=[\w(])|(?=\())"
    return p.replaced(after, lambda m: f"{m[1]}*")


def _product(match: re.Match[str]) -> str:
    """A product sign where two operands stand apart with nothing but space between."""
    left, closed, right = match.groups()
    if closed:
        return match[0] if right == "where" else f"{closed}*"
    word = left == "where" or right in (None, "where") or left in function_names()
    return match[0] if word else f"{left}*"
