"""From an expression and a variable to the derivative, through every floor once."""

from collections.abc import Sequence
from typing import NamedTuple

from matderiv.calculus.recognise import prepare
from matderiv.calculus.structure import project
from matderiv.calculus.sweeps import pullback, pullbacks, pushforward
from matderiv.choosing.factoring import Search
from matderiv.choosing.guards import guarded
from matderiv.choosing.polish import polished
from matderiv.choosing.sums import new_search, raise_tensor
from matderiv.errors import LimitError, MatderivError, ShapeError
from matderiv.expr import Expr, is_, substitute, variable, walk, without_facts
from matderiv.shapes import is_scalar, long_axes, shape_text
from matderiv.tensors.tensor import Tensor, delta, like_terms, normalise

MAX_ORDER = 4
KINDS = ("gradient", "jacobian", "hessian", "vjp", "jvp", "hvp", "differential")
FORWARDS = ("jvp", "hvp", "differential")
"""Kinds that are linear in the change dx; a hvp is that of the gradient."""
LAYOUTS = ("gradient", "mixed", "numerator", "denominator")


class Derivative(NamedTuple):
    """The derivative as computed: an expression over the axes of f, then those of the variable.

    `axes` counts the axes of f among those of `tensor`; `tensor` is the sum of index products that
    `expr` was raised from, `raised` the same sum before its last touches: fractions apart. `cut`
    says that a search for the shortest form met its bound.
    """

    expr: Expr
    tensor: Tensor
    outer: int
    raised: Expr
    cut: bool = False

    @property
    def has_matrix_form(self) -> bool:
        """False where `expr` needs more than two axes."""
        return len(self.tensor.axes) <= 2


def resolve_kind(f: Expr, kind: str | None, order: int) -> tuple[str, int]:
    """The kind asked for, or the natural one, and the order of the derivative.

    A scalar has a gradient and a hessian, anything else a jacobian.
    """
    if kind is not None and kind not in KINDS:
        raise MatderivError(f"unknown kind {kind!r}", hint=f"one of {', '.join(KINDS)}")
    if not isinstance(order, int) or not 1 <= order <= MAX_ORDER:
        raise LimitError(f"the order of a derivative is 1 to {MAX_ORDER}, not {order}")
    scalar = is_scalar(f.shape)
    if kind in ("gradient", "hessian", "hvp") and not scalar:
        raise ShapeError(
            f"a {kind} needs a scalar, the expression is {shape_text(f.shape)}",
            hint="kind='jacobian', or sum(...) of the expression",
        )
    if kind is None:
        if order == 2 and scalar:
            return "hessian", 2
        return ("gradient" if scalar else "jacobian"), order
    if kind == "hessian":
        return kind, max(order, 2)
    if kind in ("vjp", *FORWARDS) and order != 1:
        raise MatderivError(f"a {kind} is of order 1", hint="kind='jacobian' for higher orders")
    return kind, order


def change_of(wrt: Expr, f: Expr) -> Expr:
    """The change dx of a variable x of f; MatderivError where f has a dx of its own.

    >>> x = variable("x", (3,))
    >>> change_of(x, x).name
    'dx'
    """
    name = f"d{wrt.name}"
    if any(is_(n, "variable", "size") and n.name == name for n in walk(f)):
        raise MatderivError(
            f"{name} is the change of {wrt.name}, and a name in the expression too",
            hint=f"another name for {name} in the expression",
        )
    return variable(name, wrt.shape)


def differentiate(
    f: Expr,
    wrt: Expr,
    kind: str,
    order: int = 1,
    *,
    structure: str = "projected",
    upstream: Expr | None = None,
) -> Derivative:
    """The derivative of f; `kind` and `order` as from `resolve_kind`."""
    search = new_search()
    if kind in FORWARDS:
        tensor = pushforward(prepare(f, wrt), wrt, change_of(wrt, f), search)
        return read_off(tensor, f, len(tensor.axes), search, broadcast=True)
    outer = 0 if kind == "vjp" else len(long_axes(f.shape))
    below = derivative_anywhere(f, wrt, order - 1, structure=structure, search=search)
    whole = _once(prepare(below, wrt), wrt, upstream, search)
    tensor = like_terms(project(whole, wrt, structure))
    return read_off(tensor, f, outer, search, broadcast=not outer and order == 1)


def read_off(tensor: Tensor, f: Expr, outer: int, search: Search, *, broadcast: bool) -> Derivative:
    """The derivative of f that a sum of index products is, in matrix notation with last touches."""
    raised = raise_tensor(tensor, broadcast, search)
    e = guarded(polished(raised, set(walk(f))), f)
    return Derivative(e, tensor, outer, raised, search.cut)


def traced(d: Derivative, f: Expr) -> Expr:
    """Σ ∂f_i/∂x_i of a square derivative: the divergence of f, or the Laplacian by the Hessian.

    >>> f = read("x*norm2(x)^2").expr
    >>> text(traced(differentiate(f, f.args[0], "jacobian"), f))
    "2*x'*x + n*norm2(x)^2"
    """
    i, j = d.tensor.axes
    terms = (
        normalise(t.coefficient, (*t.factors, delta(i, j)), (), (i, j)) for t in d.tensor.terms
    )
    whole = like_terms(Tensor((), tuple(terms)))
    return read_off(whole, f, 0, new_search(), broadcast=True).expr


def fractions_apart(d: Derivative, f: Expr) -> Expr:
    """The derivative of f with its last touches, but without common denominators."""
    return guarded(polished(d.raised, set(walk(f)), fractions=False), f)


def derivative_anywhere(
    f: Expr, wrt: Expr, order: int, *, structure: str = "projected", search: Search | None = None
) -> Expr:
    """The derivative of an order, f itself for 0, in a form that may be differentiated again.

    Facts about the variable hold at the points that are asked for, not around them: x.^2 of labels
    is 1 there, and has a derivative. So nothing of them is used here.

    >>> f = read("sum(x.^3)", assume={"x": "labels"}).expr
    >>> x = f.args[0].args[0]
    >>> text(derivative_anywhere(f, x, 1)), text(differentiate(f, x, "gradient").expr)
    ('3*x.^2', '3*ones(n)')
    """
    if not order:
        return f
    free = without_facts(wrt)
    current = substitute(f, {wrt: free})
    for step in range(order):
        current = prepare(current, free)
        tensor = like_terms(project(_once(current, free, None, search), wrt, structure))
        current = raise_tensor(tensor, not f.shape and step == 0, search)
    return substitute(current, {free: wrt})


def differentiate_by(
    f: Expr,
    wrt: Sequence[Expr],
    kind: str,
    *,
    structure: str = "projected",
    upstream: Expr | None = None,
) -> list[Derivative]:
    """The first derivatives by several variables, as `differentiate` gives each of them.

    Variables for which f is prepared alike share one backward sweep.
    """
    if kind in FORWARDS:
        return [differentiate(f, x, kind, upstream=upstream) for x in wrt]
    search = new_search()
    outer = 0 if kind == "vjp" else len(long_axes(f.shape))
    prepared = {x: prepare(f, x) for x in wrt}
    tensors: dict[Expr, Tensor] = {}
    for e in dict.fromkeys(prepared.values()):
        alike = [x for x in wrt if prepared[x] is e]
        back = [x for x in alike if not _forwards(e, x, upstream)]
        tensors |= pullbacks(e, back, upstream, search=search) if back else {}
        tensors |= {x: pushforward(e, x, search=search) for x in alike if x not in tensors}
    out = []
    for x in wrt:
        tensor = like_terms(project(tensors[x], x, structure))
        out.append(read_off(tensor, f, outer, search, broadcast=not outer))
    return out


def _once(f: Expr, wrt: Expr, upstream: Expr | None, search: Search | None) -> Tensor:
    """One derivative, in the direction that has fewer axes to carry."""
    if _forwards(f, wrt, upstream):
        return pushforward(f, wrt, search=search)
    return pullback(f, wrt, upstream, search=search)


def _forwards(f: Expr, wrt: Expr, upstream: Expr | None) -> bool:
    """True where fewer axes are carried forwards than backwards."""
    return upstream is None and len(long_axes(wrt.shape)) < len(long_axes(f.shape))
