"""The derivative with both sides stacked into vectors: ∂vec(F)/∂vec(X)'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matderiv.calculus.derivative import FORWARDS, differentiate
from matderiv.choosing.layout import by_free_entries, vec_form
from matderiv.choosing.polish import polished
from matderiv.doors.check import require_same_numbers
from matderiv.expr import Expr, walk
from matderiv.shapes import long_axes

if TYPE_CHECKING:
    from matderiv.doors.derivation import Derivation


def stacked(d: Derivation) -> Expr | None:
    """∂vec(F)/∂vec(X)', compared with the numbers of the derivation; None where there is none.

    >>> from matderiv import derive
    >>> text(stacked(derive("A*X*B", "X", shapes={"A": "m,n", "X": "n,k", "B": "k,p"})))
    "kron(B',A)"
    """
    if d.kind in ("vjp", *FORWARDS) or d.whole is not None:
        return None
    found, outer = d.derivative, d.derivative.outer
    if d.order == 2 and outer == 0:
        outer = len(long_axes(d.wrt.shape))
    elif d.order > 1:
        return None
    if d.by_free_entries:
        found = differentiate(d.f, d.wrt, d.kind, d.order, structure="none")
    form = vec_form(found.tensor, outer)
    if form is not None and not d.by_free_entries:
        split = len(d.shape) - len(d.wrt.shape)
        axes = (*range(split)[::-1], *range(split, len(d.shape))[::-1])
        require_same_numbers(d, form, axes, "the stacked form (vec)")
    if form is not None and d.by_free_entries:
        form = by_free_entries(form, d.wrt, both=d.order == 2)
    return None if form is None else polished(form, set(walk(d.f)))
