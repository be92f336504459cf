"""Powers: of numbers, entry by entry, and of square matrices."""

from typing import Any

from matderiv.errors import LimitError, NoRule, ShapeError
from matderiv.expr import Expr, Params, apply, exact_value, is_, number, number_value
from matderiv.functions.algebra import align
from matderiv.functions.of_matrices import of_matrix
from matderiv.functions.record import elementwise, primitive, square_rule
from matderiv.lazy import np
from matderiv.shapes import Shape, Unify, is_scalar, shape_text

MAX_POWER = 64  # a matrix power with a larger literal exponent has no written-out differential


def _whole_power(x: Any, k: int) -> Any:
    """x^k; of complex numbers by squaring, as NumPy does it below 100 only.

    Beyond, it takes logarithms, in which the step beside a negative number is lost.
    """
    if np.isrealobj(x) or k < 100:
        return x**k
    found: Any = np.ones_like(x)
    while k:
        found = found * x if k & 1 else found
        x, k = x * x, k >> 1
    return found


def _elementwise_power(a: Any, b: Any) -> Any:
    x, y = align((a, b))
    if np.ndim(y) == 0 and np.isrealobj(y) and float(y) == int(y) and abs(float(y)) < 1e9:
        return _whole_power(x, int(y)) if y >= 0 else 1 / _whole_power(x, int(-y))
    return x**y


EPOW = elementwise(
    "epow",
    _elementwise_power,
    lambda a, b, y: b * a ** _less_one(b),
    lambda a, b, y: y * apply("log", a),
    call="operator",
    symbols=1,
    says="Power rule, entry by entry: `d(u.^c) = c*u.^(c-1).*du`.",
    source="Parr & Howard 2018, scalar rules",
    example="x.^3",
)


def _less_one(exponent: Expr) -> Expr:
    """k - 1, with the numbers in it added up: 3/2 - 1 is 1/2, (n - 1) - 1 is n - 2, 1 - a is -a."""
    value = exact_value(exponent)
    if value is not None:
        return number(value - 1)
    first, *others = exponent.args if is_(exponent, "add") else (exponent,)
    before = number_value(first)
    if before is not None and others:
        front = apply("add", *others)
        return front if before == 1 else (before - 1) + front
    last = number_value(others[-1]) if others else None
    if last is None:
        return exponent - 1
    front = first if len(others) == 1 else apply("add", first, *others[:-1])
    return front if last == 1 else front + (last - 1) if last > 1 else front - (1 - last)


def _outer_power_shape(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    base, exponent = shapes
    if not is_scalar(exponent):
        raise ShapeError("the exponent of ^ is a scalar", hint="use .^ entry by entry")
    if is_scalar(base):
        return ()
    try:
        return square_rule("matrix")((base,), (), unify)
    except ShapeError as error:
        raise ShapeError(
            f"^ needs a scalar or a square matrix, the base is {shape_text(base)}",
            hint="use .^ for entry by entry",
        ) from error


def _matrix_power(a: Any, k: Any) -> Any:
    if np.size(a) == 1:
        return _elementwise_power(np.reshape(a, ()), k)
    return matrix_power(a, float(np.real(np.reshape(k, ()))))


def matrix_power(a: Any, k: float) -> Any:
    """A square matrix to any power; of one that is not whole by its eigenvalues."""
    return np.linalg.matrix_power(a, int(k)) if k == int(k) else of_matrix(lambda w: w**k, a)


def _power_differential(y: Expr, which: int, change: Expr) -> Expr:
    base, exponent = y.args
    if is_scalar(base.shape):
        if which == 1:
            return y * apply("log", base) * change
        return exponent * apply("power", base, _less_one(exponent)) * change
    if which == 1:
        raise NoRule("the derivative of a matrix power by its exponent is not known here")
    k = number_value(exponent)
    if k is None or k.denominator != 1:
        array = apply("power_jacobian", base, exponent)
        return apply("einsum", array, change, params=("ijkl,kl->ij",))
    if abs(k) > MAX_POWER:
        raise LimitError(f"matrix powers above {MAX_POWER} are not written out")
    if k < 0:
        inverse = apply("inv", base)
        base, change, k = inverse, -(inverse @ change @ inverse), -k
    return _power_terms(base, int(k), change)


def _slope(y: Expr) -> Expr | None:
    """p X^(p-1) of a matrix power with an exponent that is no whole number."""
    base, exponent = y.args
    k = number_value(exponent)
    if is_scalar(base.shape) or (k is not None and k.denominator == 1):
        return None
    return exponent * apply("power", base, _less_one(exponent))


def _along(y: Expr, which: int, change: Expr) -> Expr | None:
    base, exponent = y.args
    return apply("dpower", base, change, exponent) if which == 0 and _slope(y) else None


def _adjoint(y: Expr, which: int, seed: Expr) -> Expr | None:
    base, exponent = y.args
    return apply("dpower", base.T, seed, exponent) if which == 0 and _slope(y) else None


def _power_terms(base: Expr, k: int, change: Expr) -> Expr:
    terms = []
    for before in range(k):
        factors = [f for f in (_power(base, before), change, _power(base, k - 1 - before)) if f]
        terms.append(apply("mul", *factors))
    if not terms:
        return change * 0
    return apply("add", *terms)


def _power(base: Expr, k: int) -> Expr | None:
    return None if k == 0 else base if k == 1 else apply("power", base, k)


POWER = primitive(
    "power",
    _outer_power_shape,
    _power_differential,
    _matrix_power,
    call="operator",
    symbols=1,
    slope=_slope,
    along=_along,
    adjoint=_adjoint,
    proof=(
        "`x^k` is a product of `k` factors `x`; changing each in turn gives `k*x^(k-1)*dx`.",
        "For any exponent `x^k = exp(k*log(x))` gives the same; matrices keep their order.",
    ),
    says="Power rule; for a matrix each factor changes in turn: `d(X*X) = dX*X + X*dX`.",
    source="Magnus & Neudecker, ch. 9.14",
    example="X^3",
)
