r"""Whole equations: what is differentiated by what on the left, the derivative on the right."""

from collections.abc import Collection, Sequence

from matderiv.arguments import require_word
from matderiv.expr import Expr
from matderiv.output.latex.formula import Part, formula, where_parts
from matderiv.output.latex.index import axis_letters, index_sum, subscript, tensor_names
from matderiv.output.latex.names import LatexNames
from matderiv.shapes import Shape, long_axes
from matderiv.tensors.tensor import Tensor

LETTERS = "fghqLJ"
GRADIENTS = ("nabla", "partial")
BAR, THIN = r"\bar", r"\,"


def derivative_latex(
    f: Expr,
    wrt: Expr,
    expr: Expr,
    parts: Sequence[Part] = (),
    *,
    kind: str = "gradient",
    order: int = 1,
    layout: str = "gradient",
    name: str = "",
    vectors: str = "bold",
    transpose: str = "top",
    gradient: str = "nabla",
) -> str:
    r"""The equation of a derivative: `\nabla_{\mathbf{w}} f = ...`.

    `f` gives the shape of what is differentiated and `name` what it is called (f, or the next
    letter that the formula does not use). A gradient is `\nabla f`, in numerator layout or with
    `gradient="partial"` `\partial f / \partial x`; a Jacobian in denominator layout has `f^{\top}`
    above; a vjp is `\bar{x}`, a jvp `\mathrm{d}f`.

    >>> x = variable("x", (3,))
    >>> print(derivative_latex(x.T @ x, x, 2 * x))
    \nabla_{\mathbf{x}} f = 2\mathbf{x}
    """
    names = LatexNames(vectors, transpose, [f, wrt, expr, *(value for _, value in parts)])
    called = name or free_letter(names)
    if notation(gradient) == "partial" and kind == "gradient":
        kind = "jacobian"
    left = _left(f.shape, wrt, kind, order, layout, called, names)
    return f"{left} = {formula(expr, names)}{where_parts(parts, names)}"


def index_equation_latex(
    f: Expr,
    wrt: Expr,
    tensor: Tensor,
    outer: int,
    *,
    kind: str = "jacobian",
    order: int = 1,
    name: str = "",
    taken: Collection[str] = (),
    vectors: str = "bold",
    transpose: str = "top",
    gradient: str = "nabla",
) -> str:
    r"""The equation in index notation: `\frac{\partial f_{i}}{\partial W_{jk}} = ...`.

    `outer` counts the axes of f among those of the tensor. Every notation of gradients has the same
    index form. Names that are taken are no letters.

    >>> x, i, j = variable("x", (3,)), Index(3), Index(3)
    >>> print(index_equation_latex(x, x, Tensor((i, j), (Term(2, (delta(i, j),)),)), 1))
    \frac{\partial f_{i}}{\partial x_{j}} = 2\delta_{ij}
    """
    notation(gradient)
    names = tensor_names(tensor, vectors, transpose)
    names.taken |= LatexNames(roots=[f, wrt]).taken.union(taken)
    called = name or free_letter(names)
    at = axis_letters(len(tensor.axes), names)
    right = index_sum(tensor, names)
    if kind == "vjp":
        adjoint = names.symbol(wrt.name, (), BAR)
        return f"{_entry(adjoint, at)} = {right}"
    if kind in ("jvp", "hvp", "differential"):
        return rf"\mathrm{{d}}{_entry(_italic(called), at)} = {right}"
    power = f"^{{{order}}}" if order > 1 else ""
    above = rf"\partial{power} {_entry(_italic(called), at[:outer])}"
    return rf"\frac{{{above}}}{{{_below(wrt, at[outer:], order, names)}}} = {right}"


def _below(wrt: Expr, at: Sequence[str], order: int, names: LatexNames) -> str:
    """One ∂x for each order, with its own indices."""
    each = len(long_axes(wrt.shape))
    groups = (at[k * each : (k + 1) * each] for k in range(order))
    return THIN.join(rf"\partial {_entry_of(wrt.name, group, names)}" for group in groups)


def notation(word: str) -> str:
    """The word for a way to write gradients; MatderivError for another one.

    >>> notation("nabla")
    'nabla'
    """
    return require_word(word, "notation of gradients", GRADIENTS)


def free_letter(names: LatexNames) -> str:
    """A name for the function that no variable of the formula has."""
    return next((c for c in LETTERS if c not in names.taken), "f")


def _left(
    shape: Shape, wrt: Expr, kind: str, order: int, layout: str, name: str, names: LatexNames
) -> str:
    if kind == "vjp":
        return names.symbol(wrt.name, wrt.shape, BAR)
    outer = len(long_axes(shape))
    f = function_symbol(name, shape, names)
    x = names.variable(wrt)
    power = f"^{{{order}}}" if order > 1 else ""
    if kind in ("jvp", "hvp", "differential"):
        return rf"\mathrm{{d}}{f}"
    inner = len(long_axes(wrt.shape))
    gradient = kind in ("gradient", "hessian") and inner and layout != "numerator"
    if gradient or (kind == "hessian" and inner):
        return rf"\nabla{power}_{{{x}}} {f}"
    turned = layout == "denominator" and kind == "jacobian" and (outer, inner * order) == (1, 1)
    mark = names.transpose if turned else ""
    return rf"\frac{{\partial{power} {f}{mark}}}{{\partial {x}{power}}}"


def function_symbol(name: str, shape: Shape, names: LatexNames) -> str:
    """The letter of a function in the style of its values: f, a bold f, a bold F."""
    axes = len(long_axes(shape))
    return names.symbol(name.upper() if axes > 1 else name, shape if axes else ())


def _entry_of(name: str, at: Sequence[str], names: LatexNames) -> str:
    return names.entry(name, subscript(at)) if at else names.symbol(name, ())


def _italic(name: str) -> str:
    return LatexNames().symbol(name, ())


def _entry(symbol: str, at: Sequence[str]) -> str:
    if not at:
        return symbol
    if "_{" in symbol:
        return f"({symbol})_{{{subscript(at)}}}"
    return f"{symbol}_{{{subscript(at)}}}"
