"""Functions that nobody defines: numbers f(z), φ of each entry, arrays Y(t) that follow a number.

Their derivatives have names: ∇f(z) and ∇²f(z), f'(z) of a number, φ'(z), Y'(t). What is derived
with them is checked with functions that are as good as any: sums of sines and squares.
"""

import math
from typing import Any

from matderiv.errors import DomainError, NoRule, ShapeError
from matderiv.expr import REGISTRY, Expr, Params, apply, number, walk
from matderiv.functions.record import Function, elementwise, primitive
from matderiv.lazy import np
from matderiv.shapes import Shape, Unify, is_scalar, shape_text, size_names

NUMBERS = frozenset(("f", "g", "h", "L", "J", "ell"))
ENTRIES = frozenset(("phi", "psi"))


def refuse_numbers(*exprs: Expr) -> None:
    """DomainError for expressions with a function that nobody defines, which has no values."""
    for node in walk(*exprs):
        if node.function.call == "abstract":
            raise DomainError(
                f"{node.params[-2]} is a function that nobody defines: it has no values",
                hint="its formula in place of its name",
            )


def _rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    (s,), (name, order) = shapes, params
    if len(s) > 2:
        raise ShapeError(f"{name} takes a number, a vector or a matrix, this is {shape_text(s)}")
    if order == 0:
        return ()
    if order == 1 or is_scalar(s):
        return s
    if order == 2 and len(s) == 1:
        return (s[0], s[0])
    raise ShapeError(f"derivative {order} of {name} by {shape_text(s)} has no name here")


def _differential(y: Expr, which: int, change: Expr) -> Expr:
    (x,), (name, order) = y.args, y.params
    if (order and len(x.shape) == 2) or (order > 1 and not is_scalar(x.shape)):
        raise NoRule(f"the next derivative of {name} has no name", hint="a function of a vector")
    slope = apply("abstract", x, params=(name, order + 1))
    if is_scalar(x.shape):
        return slope * change
    if order:
        return slope @ change
    return apply("tr", slope.T @ change) if len(x.shape) == 2 else slope.T @ change


def _numbers(name: str, count: int, which: int) -> Any:
    seed = sum(map(ord, name))
    return 1 + 0.5 * np.sin(1.7 * np.arange(1, count + 1) * (which + 1) + seed)


def _value(x: Any, name: str, order: int) -> Any:
    """Σ aᵢ sin(zᵢ + bᵢ) + (c'z)²/2 and its derivatives."""
    a, b, c = (_numbers(name, np.size(x), k).reshape(np.shape(x)) for k in range(3))
    waves = a * np.sin(x + b + order * math.pi / 2)
    line = np.sum(c * x)
    if order == 0:
        return np.sum(waves) + line**2 / 2
    if order == 1:
        return waves + c * line
    if order == 2:
        return np.diag(waves) + np.outer(c, c) if np.ndim(x) == 1 else waves + c * c
    return waves


def _entry(x: Any, name: str, order: int) -> Any:
    a, b = (_numbers(name, 1, k)[0] for k in range(2))
    return a * np.sin(x + b + order * math.pi / 2)


primitive(
    "abstract",
    _rule,
    _differential,
    _value,
    arity=(1, 1),
    call="abstract",
    says="A function f that nobody defines: `d(f(z)) = ∇f(z)'*dz`.",
    example="f(A*x + b)",
)
elementwise(
    "abstract_map",
    _entry,
    lambda x, y: apply("abstract_map", x, params=(y.params[0], y.params[1] + 1)),
    call="abstract",
    says="A function of each entry that nobody defines, `phi(x)`, with a derivative of each entry.",
    example="phi(A*x)",
)


def applied(function: Function, *args: Expr, params: Params) -> Expr:
    """A function of arguments; f'(x) of a known function of each entry as its record says it.

    >>> text(applied(REGISTRY["abstract_map"], variable("x", ("n",)), params=("tanh", 1)))
    '1 - tanh(x).^2'
    """
    if function.name != "abstract_map" or params[0] not in REGISTRY:
        return apply(function.name, *args, params=params)
    (x,), name = args, str(params[0])
    found = REGISTRY[name].partials[0](x, apply(name, x))
    return found if isinstance(found, Expr) else number(found) * apply("ones", params=x.shape)


def _curve_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    (s,), (*sizes, name, order) = shapes, params
    guessed = any("?" in n for n in size_names([s]))  # x(t) follows a number unless t is declared
    if not is_scalar(s) and (guessed or len(s) > 1 or len(sizes) > 1 or order > 1):
        raise ShapeError(
            f"{'derivative 2 of ' if order > 1 else ''}{name} is read as an array that follows "
            f"a number or a vector, this is {shape_text(s)}",
            hint="f of an array is a number, phi is applied to each entry",
        )
    return tuple(sizes) if is_scalar(s) else (*sizes, *s * order)


def _curve(t: Any, *params: Any) -> Any:
    """A multiple of ones on the diagonal that is above the waves beside it, and derivatives."""
    *sizes, name, order = params
    sizes += np.shape(t)
    a, b = (_numbers(name, math.prod(sizes), k).reshape(sizes) for k in range(2))
    waves = a * np.sin(t + b + order * math.pi / 2)
    if np.ndim(t):  # a vector, each entry a sum of waves
        return waves if order else waves.sum(axis=-1)
    return waves + (2 * sum(sizes) * np.eye(*sizes) if not order and len(sizes) == 2 else 0)


def _along_curve(y: Expr, which: int, change: Expr) -> Expr:
    (t,), (*sizes, name, order) = y.args, y.params
    if order and not is_scalar(t.shape):
        raise NoRule(f"the next derivative of {name} has no name", hint="a function of a number")
    slope = apply("abstract_curve", t, params=(*sizes, name, order + 1))
    if is_scalar(t.shape):
        return slope * change
    return slope @ change if sizes else slope.T @ change


primitive(
    "abstract_curve",
    _curve_rule,
    _along_curve,
    _curve,
    call="abstract",
    says="An array Y that follows a number t, or a vector that follows one, in a way that nobody "
    "defines: its change is its derivative times that of t.",
    example="Y(t)",
)
