"""How every function acts on arrays of dual numbers over a finite field.

Arrays are (points, *shape). Linear functions act on each component, products are bilinear; what
needs other levels of the chain of primes (exp, log, sign, ...) is in `exact`. None of this reads
the records' own values or derivative rules.
"""

from collections.abc import Callable
from functools import partial
from itertools import permutations
from math import prod
from typing import Any

from matderiv.expr import Expr, number_value
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


# Elementwise -------------------------------------------------------------------------------------


def _lifted(args: list[Element], dims: list[Dims], out: Dims) -> list[Element]:
    return [linear(a, partial(aligned, dims=d, whole=out)) for a, d in zip(args, dims, strict=True)]


def _fitted(e: Element, out: Dims) -> Element:
    return linear(e, lambda v: np.broadcast_to(v, (len(v), *out)))


def _add(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    lifted = _lifted(args, dims, out)
    total = lifted[0]
    for a in lifted[1:]:
        total = plus(field, total, a)
    return _fitted(total, out)


def _hadamard(
    field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims
) -> Element:
    lifted = _lifted(args, dims, out)
    total = lifted[0]
    for a in lifted[1:]:
        total = times(field, total, a)
    return _fitted(total, out)


def _quotient(
    field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims
) -> Element:
    above, below = _lifted(args, dims, out)
    return _fitted(times(field, above, inverse(field, below)), out)


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
    found = to_power(field, base, abs(count), np.matmul if matrix else None)
    return linear(found, lambda v: v.reshape(len(v), *out))


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


def _mul(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    total = args[0]
    for a in args[1:]:
        total = times(field, total, a, _matrix_product)
    return linear(total, lambda v: v.reshape(len(v), *out))


def _solve(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    return _mul(field, node, [_inv(field, node, args[:1], dims[:1], dims[0]), args[1]], dims, out)


def _kron(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    both_flat = all(len(d) < 2 for d in dims)
    sides = [d if len(d) == 2 else ((d[0] if d else 1), 1) for d in dims]
    (p, q), (m, n) = sides
    a, b = (linear(e, partial(_shaped, out=s)) for e, s in zip(args, sides, strict=True))

    def product(x: Array, y: Array) -> Array:
        blocks = x[:, :, None, :, None] * y[:, None, :, None, :]
        return blocks.reshape(len(x), p * m, q * n)

    found = times(field, a, b, product)
    return linear(found, lambda v: v.reshape(len(v), *out)) if both_flat else found


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


def _inv(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    if prod(dims[0]) == 1:
        return inverse(field, args[0])
    return matrix_inverse(field, args[0])


def _det(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    if prod(dims[0]) == 1:
        return linear(args[0], lambda v: v.reshape(len(v)))
    return determinant(field, args[0])


def _pinv(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    """(X'X)⁻¹X' or X'(XX')⁻¹, for full rank."""
    turned = linear(args[0], lambda v: np.swapaxes(v, -1, -2))
    if dims[0][0] >= dims[0][1]:
        gram = times(field, turned, args[0], np.matmul)
        return times(field, matrix_inverse(field, gram), turned, np.matmul)
    gram = times(field, args[0], turned, np.matmul)
    return times(field, turned, matrix_inverse(field, gram), np.matmul)


def _prod(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    (axis,) = node.params
    flat = axis is None or len(dims[0]) < 2
    lined = linear(args[0], lambda v: v.reshape(len(v), -1) if flat else np.moveaxis(v, axis, -1))
    total = linear(lined, lambda v: v[..., 0])
    for k in range(1, lined[0].shape[-1]):
        total = times(field, total, linear(lined, partial(np.take, indices=k, axis=-1)))
    return linear(total, lambda v: v.reshape(len(v), *out))


# Linear maps -------------------------------------------------------------------------------------


def _sum(x: Array, node: Expr, dims: Dims, out: Dims) -> Array:
    (axis,) = node.params
    if axis is None or len(dims) < 2:
        return x.reshape(len(x), -1).sum(axis=1)
    return x.sum(axis=axis).reshape(len(x), *out)


def _mean(field: Field, node: Expr, args: list[Element], dims: list[Dims], out: Dims) -> Element:
    total = linear(args[0], lambda v: _sum(v, node, dims[0], out) % field.p)
    return scaled(field, total, field.number(1, prod(dims[0]) // prod(out)))


def _transpose(x: Array, node: Expr, dims: Dims, out: Dims) -> Array:
    return (np.swapaxes(x, -1, -2) if len(dims) == 2 else x).reshape(len(x), *out)


def _diag(x: Array, node: Expr, dims: Dims, out: Dims) -> Array:
    if len(out) == 1 and len(dims) == 2 and 1 not in dims:
        return np.diagonal(x, axis1=-2, axis2=-1)
    if prod(dims) == 1:
        return x.reshape(len(x), *out)
    value = np.zeros((len(x), *out), dtype=x.dtype)
    at = np.arange(out[0])
    value[:, at, at] = x.reshape(len(x), -1)
    return value


def _vec(x: Array, node: Expr, dims: Dims, out: Dims) -> Array:
    return (np.swapaxes(x, -1, -2) if len(dims) == 2 else x).reshape(len(x), *out)


LINEAR: dict[str, Callable[[Array, Expr, Dims, Dims], Array]] = {
    "neg": lambda x, node, dims, out: -x,
    "transpose": _transpose,
    "sum": _sum,
    "diag": _diag,
    "vec": _vec,
    "unvec": lambda x, node, dims, out: np.swapaxes(x.reshape(len(x), *out[::-1]), -1, -2),
    "tr": lambda x, node, dims, out: (
        x.reshape(len(x)) if prod(dims) == 1 else np.trace(x, axis1=-2, axis2=-1)
    ),
    "tril": lambda x, node, dims, out: np.tril(x) if len(dims) == 2 else x,
    "triu": lambda x, node, dims, out: np.triu(x) if len(dims) == 2 else x,
    "permute": lambda x, node, dims, out: np.transpose(x, (0, *node.params)),
    "vector": lambda x, node, dims, out: np.broadcast_to(
        x.reshape((len(x),) + (1,) * len(out)), (len(x), *out)
    ),
    "matrix": lambda x, node, dims, out: np.broadcast_to(
        x.reshape((len(x),) + (1,) * len(out)), (len(x), *out)
    ),
}
RULES: dict[str, Rule] = {
    "add": _add,
    "hadamard": _hadamard,
    "div": _quotient,
    "ediv": _quotient,
    "power": _power,
    "epow": _power,
    "mul": _mul,
    "solve": _solve,
    "kron": _kron,
    "einsum": _einsum,
    "cross": _cross,
    "inv": _inv,
    "det": _det,
    "pinv": _pinv,
    "prod": _prod,
    "mean": _mean,
    "sqrt": lambda field, node, args, dims, out: root(field, args[0]),
}


def _duplication(n: int) -> Array:
    """D vech(S) = vec(S): entry (i, j) of S is the later of its two places in vech(S)."""
    below = [(i, j) for j in range(n) for i in range(j, n)]
    rows = [below.index((max(i, j), min(i, j))) for j in range(n) for i in range(n)]
    return np.eye(len(below), dtype=np.int64)[rows]


def constant(name: str, out: Dims, params: tuple[Any, ...]) -> Array | None:
    """The value of a constant matrix; None for a function that is not one."""
    if name == "eye":
        return np.eye(out[0], dtype=np.int64)
    if name in ("ones", "zeros"):
        return np.full(out, int(name == "ones"), dtype=np.int64)
    if name == "cols":
        n, a, b = params
        return np.eye(n, dtype=np.int64)[:, a - 1 : b]
    if name == "commutation":
        m, n = params
        return np.eye(m * n, dtype=np.int64)[np.arange(m * n).reshape(n, m).T.reshape(-1)]
    if name == "duplication":
        return _duplication(*params)
    if name == "fuse":
        return np.eye(prod(params), dtype=np.int64).reshape(prod(params), *params)
    return None
