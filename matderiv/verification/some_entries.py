"""Answers about some entries only, such as ∂f/∂A_ii = 1: the question about just these.

An index of the left side stands for any one place; the same index twice for the same place.
"""

from dataclasses import replace

from matderiv.calculus.derivative import resolve_kind
from matderiv.input.entries import AskedEntry, about_entry, deltas, picked, unit
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
    sizes = (*f.shape[: len(said.of)], *x.shape)
    places: dict[int | str, Size] = dict(zip(map(_place, said.of + said.by), sizes, strict=True))
    entry = AskedEntry(f"{x.name}_{said.by}", x, tuple(map(_place, said.by)))
    reading = about_entry(replace(asked.reading, free=()), entry, ())
    units = {p: unit(size, p) for p, size in places.items()}
    named = {} if "e" in reading.variables else {f"e_{p}": u for p, u in units.items()}
    parts = {**named, **deltas(places), **dict(reading.parts)}
    f = picked(reading.expr, [units[_place(c)] for c in said.of])
    labels = frozenset(p for p in places if isinstance(p, str))
    reading = replace(reading, expr=f, parts=tuple(parts.items()))
    reading = replace(reading, sizes=reading.sizes | labels, labels=reading.labels | labels)
    kind, order = resolve_kind(f, None, asked.order)
    return replace(
        asked, f=f, wrt=entry.variable, kind=kind, order=order, reading=reading, entry=entry
    )


def _place(typed: str) -> int | str:
    return int(typed) if typed.isdigit() else typed
