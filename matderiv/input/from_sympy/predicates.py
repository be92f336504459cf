"""What SymPy's predicates say about symbols: `Q.symmetric(A)`, alone, joined by &, or assumed."""

from collections.abc import Mapping
from typing import Any

from matderiv.arguments import pairs
from matderiv.bridge.sizes import by_name, name_of
from matderiv.errors import UnknownFunction
from matderiv.lazy import sp

WORDS = pairs("""
    symmetric symmetric    positive_definite posdef  lower_triangular lower  positive positive
    orthogonal orthogonal  diagonal diagonal         upper_triangular upper
""")
SILENT = ("invertible", "square", "fullrank", "nonsingular", "real", "real_elements", "finite")
"""Predicates that change no derivative."""


def facts_of(assume: Any, f: Any) -> Any:
    """Facts by name from a dictionary or from predicates, and those that hold by `assuming`.

    Raises UnknownFunction for a predicate that the language has no word for.

    >>> A = sp.MatrixSymbol("A", 2, 2)
    >>> facts_of(sp.Q.symmetric(A) & sp.Q.invertible(A), A)
    {'A': ['symmetric']}
    """
    said = assume is not None and not isinstance(assume, Mapping)
    stated = said and isinstance(assume, sp.logic.boolalg.Boolean)
    predicates = [*sp.And.make_args(assume)] if stated else []
    if said and not predicates:
        return assume
    found = {} if said else dict(by_name(assume) or {})
    symbols: set[Any] = getattr(f, "free_symbols", set())
    known = [p for p in sp.assumptions.assume.global_assumptions if set(p.arguments) <= symbols]
    for p in (*predicates, *known):
        name, word = _read(p, strict=p in predicates)
        if word:
            before = found.get(name, [])
            found[name] = [*([before] if isinstance(before, str) else before), word]
    return found


def _read(predicate: Any, *, strict: bool) -> tuple[str, str | None]:
    """The name and the word of a predicate; no word where it says nothing of derivatives."""
    function = getattr(predicate, "function", None)
    word = str(getattr(function, "name", ""))
    symbol = predicate.arguments[0] if function is not None else None
    if word in WORDS and hasattr(symbol, "name"):
        return str(name_of(symbol)), WORDS[word]
    if strict and word not in SILENT:
        raise UnknownFunction(
            f"{predicate} of SymPy is no fact that can be assumed", hint="Q." + ", Q.".join(WORDS)
        )
    return "", None
