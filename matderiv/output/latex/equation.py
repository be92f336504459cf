r"""Whole equations, what is differentiated by what on the left, and sums of products of entries."""

from collections.abc import Collection, Sequence
from fractions import Fraction

from matderiv.arguments import require_word
from matderiv.expr import Expr, apply, is_, number
from matderiv.language.printer import refuse_long, text
from matderiv.output.index_notation import entry, sides_of_ones, signed
from matderiv.output.latex.formula import Part, formula, where_parts
from matderiv.output.latex.names import LatexNames
from matderiv.shapes import Shape, long_axes
from matderiv.tensors.tensor import Factor, Index, Indices, Tensor, Term, index_letters

LETTERS = "fghqLJ"
GRADIENTS = ("nabla", "partial")
BAR, THIN = r"\bar", r"\,"


def index_latex(
    tensor: Tensor, *, taken: Collection[str] = (), vectors: str = "bold", transpose: str = "top"
) -> str:
    r"""The sum of index products; summed indices stand under a `\sum`, taken names are no letters.

    An entry of a variable is italic, `W_{ij}`; functions of entries have it inside, and an entry of
    anything longer stands in square brackets, `[\mathbf{W}\mathbf{x}]_{i}`.

    >>> i, j, k = Index(2), Index(2), Index(3)
    >>> x = Factor(variable("x", (3,)), (k,))
    >>> print(index_latex(Tensor((i, j, k), (Term(Fraction(-1, 2), (delta(i, j), x)),))))
    -\frac{1}{2}\delta_{ij}x_{k}
    """
    names = tensor_names(tensor, vectors, transpose)
    names.taken |= set(taken)
    return index_sum(tensor, names)


def tensor_names(tensor: Tensor, vectors: str, transpose: str) -> LatexNames:
    """The names for the expressions in a tensor."""
    return LatexNames(vectors, transpose, [f.expr for t in tensor.terms for f in t.factors])


def index_sum(tensor: Tensor, names: LatexNames) -> str:
    """The sum of index products with the names of a larger text."""
    terms = [t for t in tensor.terms if t.coefficient]
    refuse_long(*(f.expr for t in terms for f in t.factors))
    told = ((t.coefficient, formula(_product(t, tensor.axes, names), names)) for t in terms)
    return signed(told)


def subscript(letters: Sequence[str]) -> str:
    """Index letters side by side."""
    return ("" if all(len(c) == 1 for c in letters) else ",").join(letters)


def axis_letters(count: int, names: LatexNames) -> list[str]:
    """So many index letters, i, j, k, ..., without those that are names in the formula."""
    found = index_letters(count, names.unindexed)
    return [c if len(c) == 1 else f"{c[0]}_{{{c[1:]}}}" for c in found]


def _product(term: Term, axes: Indices, names: LatexNames) -> Expr:
    """A term without its sign: numbers, the sign of the sum and entries, each as one factor."""
    order = dict.fromkeys([*axes, *(i for f in term.factors for i in f.indices)])
    letters = dict(zip(order, axis_letters(len(order), names), strict=True))
    summed = ",".join(c for i, c in letters.items() if i not in axes)
    ordered = sorted(term.factors, key=lambda f: (bool(f.indices), not is_(f.expr, "eye")))
    above = [f for f in ordered if f.indices or f.exponent > 0]
    under = [f._replace(exponent=-f.exponent) for f in ordered if f not in above]
    below = [_factor(f, letters, names) for f in under]
    numbers = [_factor(f, letters, names) for f in above if not f.indices]
    entries = [_factor(f, letters, names) for f in above if f.indices]
    coefficient = abs(term.coefficient)
    if below:
        over = _times([coefficient.numerator], numbers)
        numbers = [apply("div", over, _times([coefficient.denominator], below))]
    elif coefficient != 1:
        numbers.insert(0, number(coefficient))
    sign = [names.spelt(f"Σ[{summed}]", rf"\sum_{{{summed}}}")] if summed else []
    return _times([], [*numbers, *sign, *entries])


def _times(counts: Sequence[int], factors: Sequence[Expr]) -> Expr:
    return apply("mul", *(k for k in counts if k != 1), *factors)


def _factor(f: Factor, letters: dict[Index, str], names: LatexNames) -> Expr:
    at = tuple(letters[i] for i in f.indices)

    def named(e: Expr, places: tuple[str, ...]) -> Expr:
        name = f"{text(e)}[{subscript(places)}]"
        if sign := {"eye": r"\delta", "levicivita": r"\varepsilon"}.get(e.function.name):
            return names.spelt(name, f"{sign}_{{{subscript(places)}}}")
        if sides := sides_of_ones(e, places):
            return names.spelt(name, rf"\mathbf{{1}}\{{{' = '.join(map(names.size, sides))}\}}")
        if is_(e, "variable"):
            return names.spelt(name, names.entry(e.name, subscript(places)))
        whole = formula(e, names)
        left, right = (r"\left[", r"\right]") if r"\frac" in whole else "[]"
        return names.spelt(name, f"{left}{whole}{right}_{{{subscript(places)}}}")

    e = entry(f.expr, at, named) if at else f.expr
    if f.exponent == Fraction(1, 2):
        return apply("sqrt", e)
    return e if f.exponent == 1 else apply("power", e, number(Fraction(f.exponent)))


def derivative_latex(
    f: Expr,
    wrt: Expr,
    expr: Expr,
    parts: Sequence[Part] = (),
    *,
    kind: str = "gradient",
    order: int = 1,
    layout: str = "gradient",
    vectors: str = "bold",
    transpose: str = "top",
    gradient: str = "nabla",
) -> str:
    r"""The equation of a derivative: `\nabla_{\mathbf{w}} f = ...`.

    `f` gives the shape of what is differentiated; it is called f, or by the next letter that the
    formula does not use. A gradient is `\nabla f`, in numerator layout or with
    `gradient="partial"` `\partial f / \partial x`; a Jacobian in denominator layout has `f^{\top}`
    above; a vjp is `\bar{x}`, a jvp `\mathrm{d}f`.

    >>> x = variable("x", (3,))
    >>> print(derivative_latex(x.T @ x, x, 2 * x))
    \nabla_{\mathbf{x}} f = 2\mathbf{x}
    """
    names = LatexNames(vectors, transpose, [f, wrt, expr, *(value for _, value in parts)])
    called = free_letter(names)
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
    called = free_letter(names)
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
