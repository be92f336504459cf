"""Values with any number of digits, and their derivatives: the rules of the field over the reals.

Numbers are mpmath's, so nothing underflows and no small term is lost; derivatives come from dual
numbers, like those over the finite field. NaN is "no value": it may stand in a branch that is not
chosen, and nowhere else.
Source: F. Johansson, mpmath.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from matderiv.expr import Expr, is_, number_value, walk
from matderiv.lazy import mp, np
from matderiv.numeric.evaluate import Array, Sizes
from matderiv.shapes import Dim, concrete, size_value
from matderiv.verification.field.dual import (
    Element,
    OutOfReach,
    extended,
    inverse,
    linear,
    plus,
    scaled,
    times,
)
from matderiv.verification.field.residues import Field
from matderiv.verification.field.rules import LINEAR, RULES, Dims, applied, constant, lifted, lined

ROUNDING = 12  # digits that rounding may take, of those there are


class _NoModulus:
    """The modulus of the reals: nothing changes."""

    __array_ufunc__ = None

    def __rmod__(self, number: Any) -> Any:
        return number


class Reals(Field):
    """The real numbers in the place of a finite field.

    >>> REALS.inverse(np.array([4], object))
    array([mpf('0.25')], dtype=object)
    """

    p: Any

    def __init__(self) -> None:
        object.__setattr__(self, "p", _NoModulus())

    def number(self, numerator: int, denominator: int = 1) -> Any:
        return mp.mpf(numerator) / denominator

    def inverse(self, a: Array) -> Array:
        return entrywise(lambda v: 1 / mp.mpf(v) if v else mp.nan, a)

    def reduced(self, matrices: Array) -> tuple[Array, Array]:
        found = [_reduced(m) for m in matrices]
        return np.array([i for i, _ in found], object), np.array([d for _, d in found], object)


REALS = Reals()


def _reduced(matrix: Array) -> tuple[Array, Any]:
    """The inverse and the determinant; NaN for the inverse of a singular matrix."""
    whole = mp.matrix(matrix.tolist())
    try:
        determinant = mp.det(whole)
    except TypeError:  # its LU finds no pivot where a column of the rest is 0
        determinant = mp.mpf(0)
    if not mp.isfinite(determinant) or not determinant:
        return np.full(matrix.shape, mp.nan, object), determinant
    return np.array(mp.inverse(whole).tolist(), object).reshape(matrix.shape), determinant


def entrywise(function: Callable[..., Any], *arrays: Array) -> Array:
    """A function of numbers applied to corresponding entries."""
    found = np.frompyfunc(function, len(arrays), 1)(*arrays)
    return np.asarray(found, object)


def exactly(array: Array) -> Array:
    """An array of floats as numbers with many digits."""
    return entrywise(lambda v: mp.mpf(float(v)), np.asarray(array, float))


# Evaluation --------------------------------------------------------------------------------------


def reachable(e: Expr) -> None:
    """OutOfReach if a function of the elementary expression has no version with many digits."""
    for node in walk(e):
        name = node.function.name
        known = name in RULES or name in LINEAR or name in _FUNCTIONS or node.function.leaf
        if not known and node.function.kind != "constant":
            raise OutOfReach(node.function.label)


def values(
    roots: tuple[Expr, ...],
    at: Mapping[str, Array],
    sizes: Sizes,
    seeds: Mapping[str, Element],
    shaken: Any = None,
) -> dict[Expr, Element]:
    """The values of all parts of some elementary expressions, a single point in front.

    `at` are the values of the variables, `seeds` the dual parts of some of them, by their bits.
    With a generator in `shaken` every result is changed at random in its last digits, so that two
    evaluations agree in the digits that are no rounding (J. Vignes 1974).
    """
    done: dict[Expr, Element] = {}
    for node in walk(*roots):
        out, *dims = (concrete(a.shape, sizes) for a in (node, *node.args))
        args = [done[a] for a in node.args]
        name = node.function.name
        if name in ("step", "sign"):
            terms = [done[a] for a in terms_of(node.args[0])]
            args = [without_rounding(args[0], terms, unsure=shaken is not None)]
        if not args:
            found = _leaf(node, out, at, sizes, seeds)
        elif name in _FUNCTIONS:
            found = _of_entries(node, args, dims, out)
        else:
            found = applied(REALS, node, args, dims, out)
        done[node] = found if shaken is None else _shaken(node, found, done, shaken)
    return done


def terms_of(e: Expr) -> list[Expr]:
    """What is added and subtracted in an expression, through sums of sums."""
    found, stack = [], [e]
    while stack:
        node = stack.pop()
        if is_(node, "add", "neg"):
            stack += node.args
        else:
            found.append(node)
    return found


def without_rounding(difference: Element, terms: list[Element], *, unsure: bool = False) -> Element:
    """A sum that is compared with 0, with 0 for what rounding leaves where its terms cancel.

    Two spellings of one number differ in their last digits, and no branch may hang on that. With
    too few digits (`unsure`) a small difference of small entries beside large ones has no branch:
    ArithmeticError.
    """
    known = [abs(v) for t in terms for v in t[0].flat if mp.isfinite(v)]
    largest = max(known, default=0)
    least = largest * mp.mpf(10) ** (ROUNDING - mp.mp.dps)
    small = entrywise(lambda v: abs(v) < least, difference[0])
    if unsure and small.any() and any(0 < v < least for v in known):
        raise ArithmeticError("a branch that so many digits do not decide")
    return {**difference, 0: entrywise(lambda v, s: v * 0 if s else v, difference[0], small)}


def _shaken(node: Expr, found: Element, done: Mapping[Expr, Element], rng: Any) -> Element:
    """Values with their last digits changed at random.

    Whole numbers are exact where they come from whole numbers or a comparison: 1 - step(u) is 0 or
    1. In 1 + exp(-1e6) the 1 is rounded.
    """
    parts = [v for a in node.args for v in done[a].values()]
    exact = is_(node, *_WHOLE) or all(mp.isint(v) for part in parts for v in part.flat)
    unit = mp.mpf(10) ** (3 - mp.mp.dps)

    def moved(a: Any, r: float) -> Any:
        return a if exact and mp.isint(a) else a * (1 + unit * float(r))

    return linear(found, lambda v: entrywise(moved, v, rng.uniform(-1, 1, v.shape)))


_WHOLE = ("step", "sign", "floor")


def _of_entries(node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    if len(args) > 1:
        args = lifted(args, dims, out)
    found = _FUNCTIONS[node.function.name](node, *args)
    return linear(found, lambda v: np.broadcast_to(v, (1, *out)))


def _leaf(
    node: Expr, out: Dims, at: Mapping[str, Array], sizes: Sizes, seeds: Mapping[str, Element]
) -> Element:
    name = node.function.name
    if name == "variable":
        return {0: at[node.name].reshape(1, *out), **seeds.get(node.name, {})}
    if name in ("number", "size", "pi"):
        value = +mp.pi
        if name == "number":
            value = mp.mpf(node.params[0].numerator) / node.params[0].denominator
        if name == "size":
            value = mp.mpf(sizes[node.params[0]])
        return {0: np.array([value], object)}
    params = tuple(size_value(p, sizes) if isinstance(p, Dim | int) else p for p in node.params)
    found = constant(name, params)
    if found is None:
        raise OutOfReach(node.function.label)
    return {0: found.astype(object)[None]}


# Functions ---------------------------------------------------------------------------------------


def _smooth(
    value: Callable[[Any], Any], slope: Callable[[Element, Element], Element]
) -> Callable[[Expr, Element], Element]:
    def rule(node: Expr, u: Element) -> Element:
        return extended(REALS, u, lambda v: {0: entrywise(value, v[0])}, slope)

    return rule


def _within(test: Callable[[Any], bool], function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of real numbers; NaN outside of its domain."""
    return lambda v: function(v) if mp.isfinite(v) and test(v) else mp.nan


_SQRT = _smooth(
    _within(lambda v: v >= 0, lambda v: mp.sqrt(v)),
    lambda u, y: inverse(REALS, scaled(REALS, y, 2)),
)


def _square_plus_one(u: Element, sign: int) -> Element:
    return plus(REALS, {0: np.ones_like(u[0])}, scaled(REALS, times(REALS, u, u), sign))


def _erf(v: Any) -> Any:
    """The error function; far out 1 less what is left, of which few digits matter.

    mpmath adds up the series at 0, whose terms are as large as exp(v^2).

    >>> with mp.workdps(60):
    ...     abs(_erf(mp.mpf(9)) - mp.erf(9)) < mp.mpf(10) ** -58
    True
    """
    precision, bits = mp.mp.prec, 1.44 * v * v  # erfc(v) < 2^-bits
    if not mp.isfinite(v) or 2 * bits < precision:
        return mp.erf(v)
    if bits > precision + 10:
        return mp.sign(v)
    with mp.workprec(precision - int(bits) + 30):
        left = mp.erfc(abs(v))
    return mp.sign(v) * (1 - left)


def _bell(u: Element) -> Element:
    """2/sqrt(π) exp(-u²)."""
    e = _FUNCTIONS["exp"](None, scaled(REALS, times(REALS, u, u), -1))
    return linear(e, lambda v: v * (2 / mp.sqrt(mp.pi)))


def _log(node: Expr, u: Element) -> Element:
    """log u; of a determinant log|u|."""
    domain = (lambda v: v != 0) if is_(node.args[0], "det") else (lambda v: v > 0)
    value = _within(domain, lambda v: mp.log(abs(v)))
    return _smooth(value, lambda a, y: inverse(REALS, a))(node, u)


def _jump(value: Callable[[Any], Any]) -> Callable[[Expr, Element], Element]:
    return lambda node, u: {0: entrywise(lambda v: mp.nan if mp.isnan(v) else value(v), u[0])}


def _where(node: Expr, test: Element, first: Element, second: Element) -> Element:
    return {
        k: entrywise(_chosen, test[0], first.get(k, _ZERO), second.get(k, _ZERO))
        for k in first.keys() | second.keys()
    }


_ZERO = 0


def _chosen(test: Any, a: Any, b: Any) -> Any:
    return mp.nan if mp.isnan(test) else a if test else b


def _extreme(node: Expr, u: Element) -> Element:
    in_line = partial(lined, axis=node.params[0], dims=u[0].shape[1:])
    rows = in_line(u[0])
    sign = 1 if is_(node, "max") else -1
    place = np.empty(rows.shape[:-1], dtype=int)
    for index in np.ndindex(place.shape):
        place[index] = max(range(rows.shape[-1]), key=lambda k: sign * rows[index][k])
    picked = place[..., None]
    return linear(u, lambda v: np.take_along_axis(in_line(v), picked, -1)[..., 0])


def _gamma(order: int) -> Callable[[Expr, Element], Element]:
    """The polygamma function; of order -1 log|Γ|, which is known beside the poles."""

    def value(v: Any) -> Any:
        return mp.re(mp.loggamma(v)) if order < 0 else mp.psi(order, v)

    beside = _within(lambda v: v > 0 or v != mp.floor(v), value)
    return _smooth(beside, lambda u, y: _gamma(order + 1)(None, u))  # type: ignore[arg-type]


def _polygamma(node: Expr, order: Element, u: Element) -> Element:
    k = number_value(node.args[0])
    if k is None or k < 0 or k.denominator != 1:
        raise OutOfReach(node.function.label)
    return _gamma(int(k))(node, u)


def _bessel(order: int) -> Callable[[Expr, Element], Element]:
    def slope(u: Element, y: Element) -> Element:
        above = _bessel(order + 1)(None, u)  # type: ignore[arg-type]
        below = above if not order else _bessel(order - 1)(None, u)  # type: ignore[arg-type]
        return linear(plus(REALS, above, below), lambda v: v / 2)

    return _smooth(lambda v: mp.besseli(order, v), slope)


def _normal(y: Element) -> Element:
    """sqrt(2π) exp(y²/2)."""
    e = _FUNCTIONS["exp"](None, linear(times(REALS, y, y), lambda v: v / 2))
    return linear(e, lambda v: v * mp.sqrt(2 * mp.pi))


def _angle(node: Expr, y: Element, x: Element) -> Element:
    """The arc tangent of y/x, or π/2 less that of x/y, on the half plane where the point is."""
    flat = abs(x[0]) >= abs(y[0])
    low, high = _atan(times(REALS, y, inverse(REALS, x))), _atan(times(REALS, x, inverse(REALS, y)))
    found = {
        k: np.where(flat, low.get(k, _ZERO), -np.asarray(high.get(k, _ZERO)))
        for k in low.keys() | high.keys()
    }
    return {**found, 0: entrywise(lambda a, b: mp.atan2(a, b), y[0], x[0])}


def _atan(u: Element) -> Element:
    return _FUNCTIONS["arctan"](None, u)


_FUNCTIONS: dict[str, Callable[..., Element]] = {
    "exp": _smooth(lambda v: mp.exp(v), lambda u, y: y),
    "log": _log,
    "sqrt": _SQRT,
    "sin": _smooth(lambda v: mp.sin(v), lambda u, y: _FUNCTIONS["cos"](None, u)),
    "cos": _smooth(lambda v: mp.cos(v), lambda u, y: scaled(REALS, _FUNCTIONS["sin"](None, u), -1)),
    "arctan": _smooth(lambda v: mp.atan(v), lambda u, y: inverse(REALS, _square_plus_one(u, 1))),
    "arcsin": _smooth(
        _within(lambda v: abs(v) <= 1, lambda v: mp.asin(v)),
        lambda u, y: inverse(REALS, _SQRT(None, _square_plus_one(u, -1))),  # type: ignore[arg-type]
    ),
    "erf": _smooth(_erf, lambda u, y: _bell(u)),
    "probit": _smooth(
        _within(lambda v: 0 < v < 1, lambda v: mp.sqrt(2) * mp.erfinv(2 * v - 1)),
        lambda u, y: _normal(y),
    ),
    "lgamma": _gamma(-1),
    "digamma": _gamma(0),
    "polygamma": _polygamma,
    "bessel_i0": _bessel(0),
    "bessel_i1": _bessel(1),
    "atan2": _angle,
    "floor": _jump(lambda v: mp.floor(v)),
    "sign": _jump(lambda v: mp.sign(v)),
    "step": _jump(lambda v: mp.mpf(v > 0)),
    "where": _where,
    "max": _extreme,
    "min": _extreme,
}
