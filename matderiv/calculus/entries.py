"""One entry of a derivative: ∂f/∂x_1 is the derivative by x at its entry 1."""

from matderiv.calculus.derivative import Derivative
from matderiv.choosing.guards import guarded
from matderiv.choosing.polish import polished
from matderiv.choosing.sums import new_search, raise_tensor
from matderiv.expr import Expr, apply, is_, walk
from matderiv.input.entries import AskedEntry, unit
from matderiv.shapes import long_axes
from matderiv.tensors.tensor import Factor, Index, Tensor, like_terms, normalise, renamed


def entry_of(whole: Derivative, entry: AskedEntry, f: Expr, order: int) -> Derivative:
    """The derivative by an entry, from the one by the whole array.

    >>> from matderiv.calculus.derivative import differentiate
    >>> f = read("x'*A*x").expr
    >>> x = f.args[0].args[0]
    >>> text(entry_of(differentiate(f, x, "gradient"), AskedEntry("x_1", x, (1,)), f, 1).expr)
    "unit(n,1)'*(A + A')*x"
    """
    outer, inner = whole.tensor.axes[: whole.outer], whole.tensor.axes[whole.outer :]
    places = [entry.at[k] for k in long_axes(entry.array.shape)] * order
    kept, factors, same = list(outer), list[Factor](), dict[Index, Index]()
    for axis, place in zip(inner, places, strict=True):
        if place is None:
            kept.append(axis)
        elif isinstance(place, tuple):
            same[axis] = outer[place[0]]
        else:
            factors.append(Factor(unit(axis.size, place), (axis,)))
    axes = tuple(kept)
    terms = [renamed(t, same) for t in whole.tensor.terms]
    terms = [normalise(t.coefficient, [*t.factors, *factors], axes) for t in terms]
    tensor = like_terms(Tensor(axes, tuple(terms)))
    search = new_search()
    raised = raise_tensor(tensor, not whole.outer and order == 1, search)
    e = guarded(polished(raised, set(walk(f))), f)
    one = entry.units()[0]
    if not kept and len(factors) == 1 and one is not None:
        chain = whole.expr.args if is_(whole.expr, "mul") else (whole.expr,)
        e = min(e, apply("mul", one.T, *chain), key=lambda form: form.weight)
    return Derivative(e, tensor, whole.outer, raised, whole.cut or search.cut)
