"""How a result stands on the page: in its layout, written out where that is shorter, stacked; and
which of the declared facts it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matderiv.calculus.derivative import FORWARDS, differentiate
from matderiv.calculus.sweeps import axes_of
from matderiv.choosing.layout import by_free_entries, in_layout, vec_form
from matderiv.choosing.placed import placed
from matderiv.choosing.polish import polished
from matderiv.expr import Expr, is_, substitute, variable, variables, walk
from matderiv.language.printer import text
from matderiv.lazy import later
from matderiv.shapes import long_axes
from matderiv.tensors.tensor import Tensor
from matderiv.words.chains import facts

if TYPE_CHECKING:
    from matderiv.doors import check as checks
    from matderiv.doors.derivation import Derivation
    from matderiv.output import index_notation
    from matderiv.views import components
else:
    checks, index_notation, components = later("doors.check output.index_notation views.components")


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
        checks.require_same_numbers(d, shown, axes, f"the form in {d.layout} layout")
    return shown


def entries(d: Derivation) -> Tensor:
    """The derivative by its entries: sums of products of entries where it has a matrix form.

    >>> from matderiv import derive
    >>> print(derive("norm2(A*x - b)^2", "x", shapes={"b": "m"}).index)
    ∂f/∂x_i = 2 Σ_j A_ji ((A*x)_j - b_j)
    """
    if d.has_matrix_form:
        return components.collapsed(components.components(d.expr, axes_of(d.expr.shape)))
    return index_notation.carried_out(d.derivative.tensor)


def names_of(d: Derivation) -> set[str]:
    """The names in use, those that were only declared included."""
    declared = d.reading.variables.values() if d.reading else ()
    found = {n.name for n in walk(d.f, d.expr, *declared) if is_(n, "variable", "size")}
    sizes = d.reading.sizes if d.reading else frozenset()
    used = {n for v in walk(d.f, d.wrt) for s in v.shape for n in getattr(s, "names", ())}
    return found | used | sizes


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
        checks.require_same_numbers(d, form, axes, "the stacked form (vec)")
    if form is not None and d.by_free_entries:
        form = by_free_entries(form, d.wrt, both=d.order == 2)
    return None if form is None else polished(form, set(walk(d.f)))


def needed_facts(f: Expr, wrt: Expr, result: Expr, **how: Any) -> tuple[str, ...]:
    """The facts without which the result would read otherwise, such as `y is onehot`.

    `how` is what `differentiate` was asked for: kind, order, structure, upstream.
    """
    told = [(v, word) for v in variables(f, wrt) for word in sorted(facts(v))]
    if not told or _without(set(told), f, wrt, **how) == text(result):
        return ()
    needed = [t for t in told if _without({t}, f, wrt, **how) != text(result)] or told
    return tuple(f"{v.name} is {word}" for v, word in needed)


def _without(untold: set[tuple[Expr, str]], f: Expr, wrt: Expr, **how: Any) -> str:
    """The derivative as it would read if these facts were not declared."""
    dropped = {v: facts(v) - {word for u, word in untold if u is v} for v, _ in untold}
    instead = {v: variable(v.name, v.shape, left) for v, left in dropped.items()}
    how["upstream"] = how["upstream"] and instead.get(how["upstream"], how["upstream"])
    return text(differentiate(substitute(f, instead), instead.get(wrt, wrt), **how).expr)
