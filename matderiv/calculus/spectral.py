"""Functions of matrices where they have a derivative: below a trace, and of multiples t*A by t.

d tr f(X) = tr(f'(X) dX), and d f(X) = f'(X) dX where dX commutes with X. Source: Higham 2008,
Functions of Matrices, ch. 3; f'(X) is the `slope` of a record.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from matderiv.expr import Expr, is_
from matderiv.shapes import is_scalar
from matderiv.tensors.lower import open_product
from matderiv.tensors.tensor import Indices, Tensor, Term, normalise, product


def slope_of(node: Expr) -> Expr | None:
    """f'(X) of a function f(X) of a matrix; None for another node."""
    return node.function.slope(node) if node.function.slope is not None else None


def of_trace(
    node: Expr, axes_of: Mapping[Expr, Indices], outer: Indices, whole: Tensor
) -> list[Term]:
    """The share of X in c tr f(X), whose adjoint at f(X) is c I: c f'(X)'; nothing for all else.

    In c tr(X f(X)) it is c X', which commutes with f'(X)' as well.
    """
    slope = slope_of(node)
    axes, below = axes_of[node], axes_of.get(node.args[0], ()) if node.args else ()
    if slope is None or len(axes) != 2 or len(below) != 2:
        return []
    found = []
    for term in whole.terms:
        at = [f for f in term.factors if set(f.indices) & set(axes)]
        if len(at) != 1 or set(at[0].indices) != {*axes} or at[0].exponent != 1:
            return []
        (own,) = at
        itself = own.expr is node.args[0] and own.indices == axes[::-1]
        if not is_(own.expr, "eye") and not itself:
            return []
        rest = Term(term.coefficient, tuple(f for f in term.factors if f is not own))
        turned = open_product(slope @ own.expr if itself else slope, below[::-1])
        found.append(normalise(*product(rest, turned), outer + below))
    return found


def commuting(node: Expr, moving: Container[Expr]) -> Expr | None:
    """f'(X) of a function f of a matrix X = t*A in which only the number t moves; else None.

    `moving` are the nodes that depend on the variable.
    """
    slope = slope_of(node)
    x = node.args[0] if node.args else node
    while slope is not None and x in moving and is_(x, "mul", "div", "neg"):
        arrays = [a for a in x.args if not is_scalar(a.shape)]
        if len(arrays) != 1:
            return None
        x = arrays[0]
    return None if x in moving else slope
