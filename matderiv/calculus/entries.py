"""One entry of a derivative: ∂f/∂x_1 is the derivative by x at its entry 1."""

from matderiv.calculus.derivative import Derivative, read_off
from matderiv.choosing.sums import new_search
from matderiv.expr import Expr, apply, is_
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
    broadcast = not whole.outer and order == 1
    found = read_off(tensor, f, whole.outer, new_search(), broadcast=broadcast)
    one = entry.units()[0]
    if not kept and len(factors) == 1 and one is not None:
        chain = whole.expr.args if is_(whole.expr, "mul") else (whole.expr,)
        e = min(found.expr, apply("mul", one.T, *chain), key=lambda form: form.weight)
        found = found._replace(expr=e)
    return found._replace(cut=whole.cut or found.cut)
