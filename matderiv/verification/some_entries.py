"""Answers about some entries only, such as ∂f/∂A_ii = 1: the question about just these.

An index of the left side stands for any one place; the same index twice for the same place.
"""

from dataclasses import replace
from itertools import permutations

from matderiv.calculus.derivative import resolve_kind
from matderiv.input.entries import AskedEntry, about_entry, picked, unit
from matderiv.shapes import Size
from matderiv.verification.claims import Asked
from matderiv.verification.equations import SomeEntriesError


def about(asked: Asked, said: SomeEntriesError) -> Asked | None:
    """The question about these entries; None where entries do not move alone.

    >>> from matderiv.verification.claims import ask
    >>> said = SomeEntriesError("")
    >>> said.by = "ii"
    >>> about(ask("tr(A)", "A"), said).wrt.name
    'A_ii'
    """
    x, f = asked.wrt, asked.f
    fits = len(said.by) == len(x.shape) and len(said.of) in (0, len(f.shape))
    if asked.entry or asked.extra or x.params[2] or not fits:
        return None
    letters: dict[str, Size] = dict(
        zip(said.of + said.by, (*f.shape[: len(said.of)], *x.shape), strict=True)
    )
    entry = AskedEntry(f"{x.name}_{said.by}", x, tuple(map(_place, said.by)))
    reading = about_entry(replace(asked.reading, free=()), entry, ())
    units = {f"e_{c}": unit(size, _place(c)) for c, size in letters.items()}
    pairs = [(c, d) for c, d in permutations(letters, 2) if letters[c] == letters[d]]
    same = {f"delta_{c}{d}": units[f"e_{c}"].T @ units[f"e_{d}"] for c, d in pairs}
    parts = {**units, **same, **dict(reading.parts)}
    f = picked(reading.expr, [units[f"e_{c}"] for c in said.of])
    labels = frozenset(c for c in letters if not c.isdigit())
    reading = replace(reading, expr=f, parts=tuple(parts.items()))
    reading = replace(reading, sizes=reading.sizes | labels, labels=reading.labels | labels)
    kind, order = resolve_kind(f, None, asked.order)
    return replace(
        asked, f=f, wrt=entry.variable, kind=kind, order=order, reading=reading, entry=entry
    )


def _place(typed: str) -> int | str:
    return int(typed) if typed.isdigit() else typed
