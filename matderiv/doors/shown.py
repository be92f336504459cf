"""How a result stands on the page: in its layout, and written out where that is shorter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matderiv.choosing.layout import in_layout
from matderiv.choosing.placed import placed
from matderiv.doors.check import require_same_numbers
from matderiv.expr import Expr, is_, walk

if TYPE_CHECKING:
    from matderiv.doors.derivation import Derivation


def in_its_layout(d: Derivation) -> Expr:
    """The derivative in the layout asked for."""
    outer, axes = d.derivative.outer, len(d.derivative.tensor.axes)
    return in_layout(d.expr, d.layout, d.kind, outer, axes)


def written_out(d: Derivation) -> Expr:
    """The same, with its entries in their places where all have one; its numbers are compared.

    >>> from matderiv import derive
    >>> text(written_out(derive("[x_1*x_2; sin(x_3)]", "x", shapes={"x": 3})))
    '[x[2], x[1], 0; 0, 0, cos(x[3])]'
    """
    turned = d.in_its_layout
    shown = placed(turned)
    if shown is not d.expr:
        axes = range(len(d.shape))[:: 1 if turned is d.expr else -1]
        require_same_numbers(d, shown, axes, f"the form in {d.layout} layout")
    return shown


def names_of(d: Derivation) -> set[str]:
    """The names in use, those that were only declared included."""
    declared = d.reading.variables.values() if d.reading else ()
    found = {n.name for n in walk(d.f, d.expr, *declared) if is_(n, "variable", "size")}
    sizes = d.reading.sizes if d.reading else frozenset()
    used = {n for v in walk(d.f, d.wrt) for s in v.shape for n in getattr(s, "names", ())}
    return found | used | sizes
