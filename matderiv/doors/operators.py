"""What is made of derivatives: divergence, Laplacian, expansion of the second order."""

from dataclasses import dataclass
from typing import Any, Unpack

from matderiv.calculus.derivative import change_of, traced
from matderiv.doors.derive import Agreed, derive
from matderiv.errors import ShapeError
from matderiv.expr import Expr, apply, is_, substitute, variable
from matderiv.language.printer import text
from matderiv.output.latex.formula import latex
from matderiv.shapes import shape_text


@dataclass(frozen=True)
class Formula:
    """An expression that is made of derivatives, each of which was checked with values of f."""

    expr: Expr

    def __str__(self) -> str:
        return text(self.expr)

    def latex(self) -> str:
        """The expression as LaTeX."""
        return latex(self.expr)


def divergence(f: Any, wrt: Any, **how: Unpack[Agreed]) -> Formula:
    """The sum of all ∂f_i/∂x_i of a vector f of as many entries as the vector x has.

    >>> print(divergence("A*x", "x", shapes={"A": "n,n"}), divergence("softmax(x)", "x"), sep="; ")
    tr(A); 1 - norm2(softmax(x))^2
    """
    found = derive(f, wrt, kind="jacobian", **how)
    shapes = found.f.shape, found.wrt.shape
    if len(shapes[0]) != 1 or shapes[0] != shapes[1]:
        raise ShapeError(
            f"a divergence is of a vector like x, here {shape_text(shapes[0])} by "
            f"{shape_text(shapes[1])}"
        )
    return Formula(traced(found.derivative, found.f))


def laplacian(f: Any, wrt: Any, **how: Unpack[Agreed]) -> Formula:
    """The sum of all second derivatives ∂²f/∂x_i² of a number f, by a vector or a number x.

    >>> print(laplacian("sum(x.^3)", "x"), laplacian("x'*A*x", "x"), sep="; ")
    6*sum(x); tr(A + A')
    """
    found = derive(f, wrt, kind="hessian", **how)
    if len(found.wrt.shape) > 1:
        raise ShapeError(f"a Laplacian is by a vector, {found.wrt.name} is a matrix")
    return Formula(traced(found.derivative, found.f) if found.wrt.shape else found.expr)


def taylor(f: Any, wrt: Any, **how: Unpack[Agreed]) -> Formula:
    """The expansion of the second order of a number f at x, in a step dx.

    >>> print(taylor("x'*A*x", "x", assume={"A": "symmetric"}))
    x'*A*x + 2*dx'*A*x + dx'*A*dx
    """
    first = derive(f, wrt, kind="differential", **how)
    x, f = first.wrt, first.f
    if f.shape or len(x.shape) > 1:
        raise ShapeError("an expansion is of a number, by a vector or a number")
    dx, again = change_of(x, f), variable(f"d{x.name}_again", x.shape)
    half = substitute(first.expr, {dx: again}) / 2
    second = derive(half, x, kind="differential").expr
    parts = (f, first.expr, substitute(second, {again: dx}))
    return Formula(apply("add", *(t for e in parts for t in (e.args if is_(e, "add") else (e,)))))
