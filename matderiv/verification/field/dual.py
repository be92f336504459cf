"""Numbers a + bε modulo a prime, and their arithmetic: derivatives that are exact.

An element is a dictionary from a bit mask to an array: bit 0 stands for i with i² = -1 (it comes in
with roots of non-squares and with sin and cos), the other bits for ε₁, ε₂, ... with ε² = 0. Mask 0
is always there. f(a + bε) = f(a) + f'(a)bε is the whole calculus, for the few functions below.
Source: W. Clifford 1873 for dual numbers.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from matderiv.lazy import np
from matderiv.verification.field.residues import Array, Field, Unlucky

Element = dict[int, Array]
Product = Callable[[Array, Array], Array]
IMAGINARY = 1


class OutOfReach(Exception):  # noqa: N818  (not an error: another method takes over)
    """A function that the finite field has no model of."""


def linear(element: Element, change: Callable[[Array], Array]) -> Element:
    """A linear map of the entries applied to every component."""
    return {k: change(v) for k, v in element.items()}


def scaled(field: Field, element: Element, factor: int) -> Element:
    """The element times a residue."""
    return {k: v * factor % field.p for k, v in element.items()}


def plus(field: Field, a: Element, b: Element) -> Element:
    """The sum; entries broadcast as NumPy's do."""
    shape = np.broadcast_shapes(a[0].shape, b[0].shape)
    out = {}
    for k in a.keys() | b.keys():
        total = a[k] + b[k] if k in a and k in b else a[k] if k in a else b[k]
        out[k] = np.broadcast_to(total % field.p, shape)
    return out


def minus(field: Field, a: Element, b: Element) -> Element:
    """The difference."""
    return plus(field, a, linear(b, np.negative))


def times(field: Field, a: Element, b: Element, product: Product | None = None) -> Element:
    """The product of elements by any bilinear product of their entries."""
    out: Element = {}
    for s, x in a.items():
        for t, y in b.items():
            if s & t & ~IMAGINARY:
                continue
            value = (x * y if product is None else product(x, y)) % field.p
            if s & t & IMAGINARY:
                value = -value
            key = s ^ t
            out[key] = out[key] + value if key in out else value
    return {k: v % field.p for k, v in out.items()}


def parts(element: Element) -> tuple[Element, Element, int]:
    """a, b and ε's bit of a + bε for the last ε; b is empty when there is none."""
    bit = 1 << max(0, max(element).bit_length() - 1)
    if bit <= IMAGINARY:
        return element, {}, 0
    low = {k: v for k, v in element.items() if not k & bit}
    return low, {k ^ bit: v for k, v in element.items() if k & bit}, bit


def whole(element: Element) -> Element:
    """The element with a component of mask 0, zero where it had none."""
    if 0 not in element:
        element = {**element, 0: np.zeros_like(next(iter(element.values())))}
    return element


def joined(low: Element, high: Element, bit: int) -> Element:
    """a + bε."""
    return {**low, **{k | bit: v for k, v in high.items()}}


def extended(
    field: Field,
    element: Element,
    base: Callable[[Element], Element],
    slope: Callable[[Element, Element], Element],
    product: Callable[[Element, Element], Element] | None = None,
) -> Element:
    """f(a + bε) = f(a) + f'(a)bε: `base` is f without ε, `slope(a, f(a))` is f'(a)."""
    low, high, bit = parts(element)
    if not bit:
        return base(element)
    value = extended(field, low, base, slope, product)
    change = times(field, slope(low, value), whole(high))
    return joined(value, change, bit)


def chained(
    field: Field, element: Element, base: Callable[[Element], Element], slope: Element
) -> Element:
    """f(u) when f'(u) is known with all its own ε parts."""
    low, high, bit = parts(element)
    if not bit:
        return base(element)
    inner = {k: v for k, v in slope.items() if not k & bit}
    change = times(field, inner, whole(high))
    return joined(chained(field, low, base, inner), change, bit)


def inverse(field: Field, element: Element) -> Element:
    """1/u, with d(1/u) = -du/u²."""

    def base(u: Element) -> Element:
        if IMAGINARY not in u:
            return {0: field.inverse(u[0])}
        norm = field.inverse((u[0] * u[0] + u[1] * u[1]) % field.p)
        return {0: u[0] * norm % field.p, 1: -u[1] * norm % field.p}

    return extended(
        field, element, base, lambda u, y: linear(times(field, y, y), lambda v: -v % field.p)
    )


def root(field: Field, element: Element) -> Element:
    """sqrt(u), with d sqrt(u) = du/(2 sqrt(u)); a non-square has the root i sqrt(-u)."""
    base = partial(_base_root, field)
    return extended(field, element, base, lambda u, y: inverse(field, scaled(field, y, 2)))


def _base_root(field: Field, u: Element) -> Element:
    a = u[0]
    if IMAGINARY in u and u[1].any():
        return _complex_root(field, a, u[1])
    negative = field.character(a) < 0
    found = field.root(np.where(negative, -a % field.p, a))
    if not negative.any():
        return {0: found}
    return {0: np.where(negative, 0, found), IMAGINARY: np.where(negative, found, 0)}


def _complex_root(field: Field, a: Array, b: Array) -> Element:
    """c + di with (c + di)² = a + bi, where there is one."""
    p, half = field.p, field.number(1, 2)
    norm = (a * a + b * b) % p
    if (field.character(norm) < 0).any():
        raise Unlucky
    t = field.root(norm)
    square = (a + t) * half % p
    square = np.where(field.character(square) < 0, (a - t) * half % p, square)
    if (field.character(square) < 0).any():
        raise Unlucky
    c = field.root(square)
    return {0: c, IMAGINARY: b * field.inverse(2 * c % p) % p}


def matrix_inverse(field: Field, element: Element) -> Element:
    """X⁻¹ of square matrices, with d(X⁻¹) = -X⁻¹ dX X⁻¹."""
    low, high, bit = parts(element)
    if not bit:
        if IMAGINARY not in element:
            return {0: field.reduced(element[0])[0]}
        a, b, n = element[0], element[IMAGINARY], element[0].shape[-1]
        blocks = np.block([[a, -b], [b, a]])
        found = field.reduced(blocks)[0]
        return {0: found[:, :n, :n], IMAGINARY: found[:, n:, :n]}
    y = matrix_inverse(field, low)
    change = times(field, times(field, y, whole(high), np.matmul), y, np.matmul)
    return joined(y, linear(change, lambda v: -v % field.p), bit)


def determinant(field: Field, element: Element) -> Element:
    """det X, with d det X = det(X) tr(X⁻¹ dX)."""
    low, high, bit = parts(element)
    if not bit:
        if IMAGINARY in element:
            raise OutOfReach("det of a matrix with roots in it")
        return {0: field.reduced(element[0])[1]}
    y = determinant(field, low)
    inner = times(field, matrix_inverse(field, low), whole(high), np.matmul)
    trace = linear(inner, lambda v: np.trace(v, axis1=-2, axis2=-1) % field.p)
    return joined(y, times(field, y, trace), bit)


def exponential(field: Field, element: Element, value: Element, factor: Element) -> Element:
    """exp(cu) for a constant factor c, when its value without ε is known."""
    return extended(field, element, lambda u: value, lambda u, y: times(field, factor, y))


def logarithm(field: Field, element: Element, value: Element) -> Element:
    """log u, with d log u = du/u, when its value without ε is known."""
    return extended(field, element, lambda u: value, lambda u, y: inverse(field, u))


def to_power(field: Field, element: Element, k: int, product: Any = None) -> Element:
    """A whole power by repeated squaring; k is positive."""
    result: Element | None = None
    while k:
        if k & 1:
            result = element if result is None else times(field, result, element, product)
        k >>= 1
        if k:
            element = times(field, element, element, product)
    assert result is not None
    return result
