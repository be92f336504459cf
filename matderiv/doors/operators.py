"""What is made of derivatives: divergence, Laplacian, expansion, derivative of a solution."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from matderiv.calculus.derivative import change_of, traced
from matderiv.doors.derivation import Derivation
from matderiv.doors.derive import Agreed, derive
from matderiv.errors import ShapeError
from matderiv.expr import Expr, apply, is_, substitute, variable
from matderiv.language.printer import text
from matderiv.output.code.program import formula_code
from matderiv.output.latex.formula import latex
from matderiv.shapes import shape_text
from matderiv.solving.affine import multiple_of_identity, spelled_sum
from matderiv.words.signs import negated


@dataclass(frozen=True)
class Formula:
    """An expression that is made of derivatives, each of which was checked with values of f.

    `steps` are equations with their reasons, of which the last one says what it is.
    """

    name: str
    expr: Expr
    steps: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return text(self.expr)

    def latex(self) -> str:
        """The expression as LaTeX."""
        return latex(self.expr)

    def code(self, target: str = "numpy") -> str:
        """The source of a function for "numpy", "torch", "jax", "julia" or "matlab".

        >>> print(laplacian("norm2(A*x)^2", "x").code().splitlines()[-2])
            result = 2 * np.vdot(A, A)
        """
        return formula_code(self.name, self.expr, target)


def _made(
    name: str, expr: Expr, steps: Sequence[tuple[str, str]], last: tuple[str, str]
) -> Formula:
    return Formula(name, expr, (*steps, (f"{last[0]} = {text(expr)}", last[1])))


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
    slope = f"∂f/∂{found.wrt.name}"
    steps = [(f"{slope} = {found.formula}", "the Jacobian")]
    expr = traced(found.derivative, found.f)
    return _made("divergence", expr, steps, (f"tr({slope})", "the sum of its diagonal"))


def laplacian(f: Any, wrt: Any, **how: Unpack[Agreed]) -> Formula:
    """The sum of all second derivatives ∂²f/∂x_i² of a number f, by a vector or a number x.

    >>> print(laplacian("sum(x.^3)", "x"), laplacian("x'*A*x", "x"), sep="; ")
    6*sum(x); tr(A + A')
    """
    found = derive(f, wrt, kind="hessian", **how)
    if len(found.wrt.shape) > 1:
        raise ShapeError(f"a Laplacian is by a vector, {found.wrt.name} is a matrix")
    bend = f"∂²f/∂{found.wrt.name}²"
    if not found.wrt.shape:
        return _made("laplacian", found.expr, (), (bend, "the second derivative"))
    steps = [(f"{bend} = {found.formula}", "the Hessian")]
    expr = traced(found.derivative, found.f)
    return _made("laplacian", expr, steps, (f"tr({bend})", "the sum of its diagonal"))


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
    second = substitute(derive(half, x, kind="differential").expr, {again: dx})
    steps = [
        (f"df = {text(first.expr)}", "the differential"),
        (f"d²f/2 = {text(second)}", f"half the differential of df, {dx.name} being constant"),
    ]
    terms = (t for e in (f, first.expr, second) for t in (e.args if is_(e, "add") else (e,)))
    return _made("taylor", apply("add", *terms), steps, ("f + df + d²f/2", "added up"))


def implicit(f: Any, wrt: Any, by: Any, **how: Unpack[Agreed]) -> Formula:
    """dx/dp of the x where f(x, p) = 0; of an f that is a number, where it is least in a vector x.

    >>> how = {"shapes": {"y": "m", "l": ""}}
    >>> print(implicit("norm2(X*w - y)^2 + l*norm2(w)^2", "w", "l", **how))
    -inv(X'*X + l*eye(n))*w
    >>> print(implicit("x^3 - p*x - 1", "x", "p", shapes={"x": "", "p": ""}))
    x/(3*x^2 - p)
    """
    found = derive(f, wrt, **how)
    steps, x = [], found.wrt
    least = not found.f.shape and bool(x.shape)
    if least:
        steps = [(f"∇f = {found.formula}", f"the gradient, 0 at the best {x.name}")]
    whole = found.expr if least else found.f
    slope = derive(found.f, x, order=2) if least else found
    moved = derive(whole, str(by), kind=None if whole.shape else "gradient")
    p = moved.wrt
    if len(x.shape) > 1 or whole.shape != x.shape or len(p.shape) > 1:
        raise ShapeError(
            f"an equation for each entry of a vector is needed, by a vector: here there are "
            f"{shape_text(whole.shape)} for {shape_text(x.shape)}, by {shape_text(p.shape)}"
        )
    zero = "∇f" if least else "f"
    ends = [(f"∂{zero}/∂{v.name}", d.formula, f"d{v.name}") for v, d in ((x, slope), (p, moved))]
    steps += [(f"{by} = {said}", f"how {zero} changes with {d[1:]}") for by, said, d in ends]
    steps.append((" + ".join(f"{by}*{d}" for by, _, d in ends) + " = 0", f"{zero} stays 0"))
    last = (f"d{x.name}/d{p.name}", f"solved for d{x.name}")
    return _made("implicit", negated(_solved(slope, moved)), steps, last)


def _solved(slope: Derivation, moved: Derivation) -> Expr:
    """inv(A)*B, or B/A with a number A."""
    a, b = slope.expr, moved.expr
    multiple = multiple_of_identity(a) if a.shape else a
    whole = apply("inv", a) @ b if multiple is None else b / multiple
    return spelled_sum([whole], moved.shape)
