"""How every function acts on arrays of dual numbers over a finite field.

Arrays are (points, *shape). Linear functions act on each component, products are bilinear; what
needs other levels of the chain of primes (exp, log, sign, ...) is in `exact`. None of this reads
the records' own values or derivative rules.
"""

from collections.abc import Callable, Sequence
from functools import partial, reduce
from itertools import permutations
from math import prod
from operator import itemgetter
from typing import Any

from matderiv.errors import DomainError
from matderiv.expr import REGISTRY, Expr, number_value
from matderiv.lazy import np
from matderiv.verification.field.dual import (
    Element,
    OutOfReach,
    determinant,
    inverse,
    linear,
    matrix_inverse,
    plus,
    root,
    scaled,
    times,
    to_power,
)
from matderiv.verification.field.elementary import MAX_EXPONENT
from matderiv.verification.field.residues import Array, Field

MAX_JOINED = 30_000  # entries of two operands of an einsum joined, points apart,
MAX_SUMMED = 1000  # and terms of a sum of products of residues, which stay below 2^63

Dims = tuple[int, ...]
Rule = Callable[..., Element]


def aligned(x: Array, dims: Dims, whole: Dims) -> Array:
    """An argument of size `dims` with axes that broadcast to `whole`: vectors are columns."""
    if prod(dims) == 1:
        return x.reshape((len(x),) + (1,) * len(whole))
    if len(dims) == 1 and len(whole) == 2:
        return x[:, :, None]
    return x


def _shaped(x: Array, out: Dims) -> Array:
    return x.reshape(len(x), *out)


def lifted(args: Sequence[Element], dims: Sequence[Dims], out: Dims) -> list[Element]:
    """Arguments with axes that broadcast to those of the result."""
    return [linear(a, partial(aligned, dims=d, whole=out)) for a, d in zip(args, dims, strict=True)]


def lined(x: Array, axis: int | None, dims: Dims) -> Array:
    """The entries along an axis, or all of them, as the last axis."""
    flat = axis is None or len(dims) < 2
    return x.reshape(len(x), -1) if flat else np.moveaxis(x, axis, -1)


def applied(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    """The value of a function, of sizes `out`, in a field; OutOfReach for one without a rule."""
    name = node.function.name
    if name in LINEAR:
        found = linear(args[0], lambda v: LINEAR[name](v, node, dims[0], out) % field.p)
    elif name in RULES:
        found = RULES[name](field, node, args, dims, out)
    else:
        raise OutOfReach(node.function.label)
    return linear(found, partial(_shaped, out=out))


# Elementwise -------------------------------------------------------------------------------------


def _joined(operation: Callable[[Field, Element, Element], Element]) -> Rule:
    def rule(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
        return reduce(partial(operation, field), lifted(args, dims, out))

    return rule


def _power(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    k = number_value(node.args[1])
    if k is None or k.denominator != 1 or abs(k) > MAX_EXPONENT:
        raise OutOfReach(f"the exponent of {node.function.label}")
    base, count = args[0], int(k)
    matrix = node.function.name == "power" and prod(dims[0]) > 1
    if count == 0:
        one = np.eye(out[0], dtype=np.int64) if matrix else np.ones(out, dtype=np.int64)
        return {0: np.broadcast_to(one, (len(base[0]), *out))}
    if count < 0:
        base = matrix_inverse(field, base) if matrix else inverse(field, base)
    return to_power(field, base, abs(count), np.matmul if matrix else None)


# Products ----------------------------------------------------------------------------------------


def _matrix_product(a: Array, b: Array) -> Array:
    p, q = a.shape[1:], b.shape[1:]
    if prod(p) == 1 or prod(q) == 1:
        small, large = (a, b) if prod(p) == 1 else (b, a)
        return small.reshape((len(a),) + (1,) * (large.ndim - 1)) * large
    if len(p) == 1:
        return a[:, :, None] * b.reshape(len(b), 1, -1)
    if len(q) == 1:
        return np.matmul(a, b[:, :, None])[:, :, 0]
    return np.matmul(a, b)


def _product(field: Field, *factors: Element) -> Element:
    return reduce(lambda a, b: times(field, a, b, _matrix_product), factors)


def _inverted(field: Field, x: Element, dims: Dims) -> Element:
    return inverse(field, x) if prod(dims) == 1 else matrix_inverse(field, x)


def _kron(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    sides = [d if len(d) == 2 else ((d[0] if d else 1), 1) for d in dims]
    (p, q), (m, n) = sides
    a, b = (linear(e, partial(_shaped, out=s)) for e, s in zip(args, sides, strict=True))

    def product(x: Array, y: Array) -> Array:
        blocks = x[:, :, None, :, None] * y[:, None, :, None, :]
        return blocks.reshape(len(x), p * m, q * n)

    return times(field, a, b, product)


def _einsum(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    left, _, right = node.params[0].partition("->")
    operands = left.split(",")
    pairs = [p for part, d in zip(operands, dims, strict=True) for p in zip(part, d, strict=True)]
    sizes = dict(pairs)
    letters = operands[0]
    total = args[0]
    for k, a in enumerate(args[1:], start=1):
        later = right + "".join(operands[k + 1 :])
        union = dict.fromkeys(letters + operands[k])
        joined = "".join(c for c in union if c in later)
        summed = prod(sizes[c] for c in union if c not in joined)
        if prod(sizes[c] for c in union) > MAX_JOINED or summed > MAX_SUMMED:
            raise OutOfReach("a sum of products as large as this")
        pattern = f"...{letters},...{operands[k]}->...{joined}"
        total = times(field, total, a, partial(np.einsum, pattern))
        letters = joined
    return linear(total, lambda v: np.einsum(f"...{letters}->...{right}", v) % field.p)


_LEVI_CIVITA = [
    (q, (-1) ** sum(a > b for k, a in enumerate(q) for b in q[k:])) for q in permutations(range(3))
]


def _cross(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    def product(x: Array, y: Array) -> Array:
        value = np.zeros_like(x)
        for (i, j, k), sign in _LEVI_CIVITA:
            value[:, i] += sign * (x[:, j] * y[:, k] % field.p)
        return value

    return times(field, args[0], args[1], product)


# Linear algebra ----------------------------------------------------------------------------------


def _pinv(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    """(X'X)⁻¹X' or X'(XX')⁻¹, for full rank."""
    turned = linear(args[0], lambda v: np.swapaxes(v, -1, -2))
    if dims[0][0] >= dims[0][1]:
        gram = times(field, turned, args[0], np.matmul)
        return times(field, matrix_inverse(field, gram), turned, np.matmul)
    gram = times(field, args[0], turned, np.matmul)
    return times(field, turned, matrix_inverse(field, gram), np.matmul)


def _prod(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    rows = linear(args[0], partial(lined, axis=node.params[0], dims=dims[0]))
    columns = (linear(rows, itemgetter((..., k))) for k in range(rows[0].shape[-1]))
    return reduce(partial(times, field), columns)


# Linear maps -------------------------------------------------------------------------------------


def _sum(x: Array, node: Expr, dims: Dims, out: Dims) -> Array:
    return lined(x, node.params[0], dims).sum(axis=-1)


def _mean(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    total = linear(args[0], lambda v: _sum(v, node, dims[0], out) % field.p)
    return scaled(field, total, field.number(1, prod(dims[0]) // prod(out)))


def _transpose(x: Array, node: Expr, dims: Dims, out: Dims) -> Array:
    return np.swapaxes(x, -1, -2) if len(dims) == 2 else x


def _spread(x: Array, node: Expr, dims: Dims, out: Dims) -> Array:
    return np.broadcast_to(x.reshape((len(x),) + (1,) * len(out)), (len(x), *out))


def _diag(x: Array, node: Expr, dims: Dims, out: Dims) -> Array:
    if len(out) == 1 and len(dims) == 2 and 1 not in dims:
        return np.diagonal(x, axis1=-2, axis2=-1)
    if prod(dims) == 1:
        return x
    value = np.zeros((len(x), *out), dtype=x.dtype)
    at = np.arange(out[0])
    value[:, at, at] = x.reshape(len(x), -1)
    return value


LINEAR: dict[str, Callable[[Array, Expr, Dims, Dims], Array]] = {
    "neg": lambda x, node, dims, out: -x,
    "transpose": _transpose,
    "sum": _sum,
    "diag": _diag,
    "vec": _transpose,
    "unvec": lambda x, node, dims, out: np.swapaxes(x.reshape(len(x), *out[::-1]), -1, -2),
    "tr": lambda x, node, dims, out: x if prod(dims) == 1 else np.trace(x, axis1=-2, axis2=-1),
    "tril": lambda x, node, dims, out: np.tril(x) if len(dims) == 2 else x,
    "triu": lambda x, node, dims, out: np.triu(x) if len(dims) == 2 else x,
    "permute": lambda x, node, dims, out: np.transpose(x, (0, *node.params)),
    "vector": _spread,
    "matrix": _spread,
}
RULES: dict[str, Rule] = {
    "add": _joined(plus),
    "hadamard": _joined(times),
    **dict.fromkeys(
        ("div", "ediv"), _joined(lambda field, a, b: times(field, a, inverse(field, b)))
    ),
    "power": _power,
    "epow": _power,
    "mul": lambda field, node, args, dims, out: _product(field, *args),
    "solve": lambda field, node, args, dims, out: _product(
        field, _inverted(field, args[0], dims[0]), args[1]
    ),
    "kron": _kron,
    "einsum": _einsum,
    "cross": _cross,
    "inv": lambda field, node, args, dims, out: _inverted(field, args[0], dims[0]),
    "det": lambda field, node, args, dims, out: (
        args[0] if prod(dims[0]) == 1 else determinant(field, args[0])
    ),
    "pinv": _pinv,
    "prod": _prod,
    "mean": _mean,
    "sqrt": lambda field, node, args, dims, out: root(field, args[0]),
}


_CONSTANTS = frozenset("eye ones zeros unit cols commutation duplication fuse".split())


def constant(name: str, params: tuple[Any, ...]) -> Array | None:
    """The value of a constant array of whole numbers; None for any other function."""
    if name not in _CONSTANTS:
        return None
    try:
        return np.asarray(REGISTRY[name].numpy(*params), dtype=np.int64)  # type: ignore[misc]
    except DomainError:  # x_6 has no place in a vector of 2
        return None
