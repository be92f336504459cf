"""Values of expressions in extended precision, from a table of its own: it knows only the tree.

What the library does with an expression (records, stable forms, exact fields) is not used here, so
that what it says of an answer can be held against this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from matderiv.expr import Expr, walk

L = np.longdouble
Array = Any


class OutsideError(ArithmeticError):
    """A function that this table does not have."""


def value(root: Expr, at: dict[str, Array], sizes: dict[str, int]) -> Array:
    """The value of an expression at arrays of extended precision; NaN where it has none."""
    return parts(root, at, sizes)[root]


def parts(root: Expr, at: dict[str, Array], sizes: dict[str, int]) -> dict[Expr, Array]:
    """The values of all parts of an expression."""
    done: dict[Expr, Array] = {}
    with np.errstate(all="ignore"):
        for node in walk(root):
            args = [done[a] for a in node.args]
            done[node] = _node(node, args, at, sizes)
    return done


def _size(s: Any, sizes: dict[str, int]) -> int:
    if isinstance(s, int):
        return s
    found = s.coefficient
    for name in s.names:
        found *= sizes[name]
    return int(found)


def _node(node: Expr, args: list[Array], at: dict[str, Array], sizes: dict[str, int]) -> Array:
    name = node.function.name
    shape = tuple(_size(s, sizes) for s in node.shape)
    if name == "variable":
        return at[node.params[0]].reshape(shape)
    if name == "number":
        return L(node.params[0].numerator) / L(node.params[0].denominator)
    if name == "size":
        return L(sizes[node.params[0]])
    if name == "pi":
        return L("3.14159265358979323846264338327950288")
    if name in ("ones", "zeros"):
        return np.full(shape, L(name == "ones"))
    if name == "eye":
        return np.eye(shape[0]).astype(L)
    if name in ("vector", "matrix"):
        return np.broadcast_to(args[0], shape)
    if name in ("sum", "mean", "max", "min", "softmax", "logsumexp", "log_softmax"):
        return _along(name, args[0], node.params[0], shape)
    rule = _TABLE.get(name)
    if rule is None:
        raise OutsideError(name)
    if name in _ENTRYWISE and len(shape) == 2:
        args = [a[:, None] if np.ndim(a) == 1 else a for a in args]
    return np.reshape(rule(*args), shape)


def _along(name: str, x: Array, axis: int | None, shape: tuple[int, ...]) -> Array:
    """A reduction of everything, of the columns (axis 1) or of the rows (axis 2)."""
    k = None if axis is None or np.ndim(x) < 2 else axis - 1
    if name in ("sum", "mean", "max", "min"):
        found = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}[name](x, axis=k)
        return np.reshape(found, shape)
    top = np.max(x, axis=k, keepdims=True)
    e = np.exp(x - top)
    total = np.sum(e, axis=k, keepdims=True)
    if name == "softmax":
        return e / total
    if name == "log_softmax":
        return x - top - np.log(total)
    return np.reshape(top + np.log(total), shape)


def _product(*args: Array) -> Array:
    found = args[0]
    for a in args[1:]:
        scalar = (np.size(found) == 1 and np.size(a) >= 1) or np.size(a) == 1
        if scalar and (np.ndim(found) == 0 or np.ndim(a) == 0 or np.size(found) == np.size(a) == 1):
            found = found * a
        elif np.ndim(found) == 1 and np.ndim(a) == 2:
            found = found[:, None] * a
        else:
            found = found @ a
    return found


def _inverse(x: Array) -> tuple[Array, Array]:
    """Inverse and determinant by elimination with pivots."""
    n = len(x)
    m = np.concatenate([x, np.eye(n).astype(L)], axis=1)
    det = L(1)
    for k in range(n):
        j = k + int(np.argmax(np.abs(m[k:, k])))
        if j != k:
            m[[k, j]], det = m[[j, k]], -det
        det *= m[k, k]
        m[k] = m[k] / m[k, k]
        for i in range(n):
            if i != k:
                m[i] = m[i] - m[i, k] * m[k]
    return m[:, n:], det


def _power(x: Array, k: Array) -> Array:
    if np.ndim(x) < 2 or np.size(x) == 1:
        return _epow(x, k)
    whole = round(float(k))
    base = x if whole >= 0 else _inverse(x)[0]
    found = np.eye(len(x)).astype(L)
    for _ in range(abs(whole)):
        found = found @ base
    return found


def _epow(x: Array, k: Array) -> Array:
    if np.ndim(k) == 0 and float(k) == round(float(k)) and abs(float(k)) < 99:
        found = np.ones_like(x)
        for _ in range(abs(round(float(k)))):
            found = found * x
        return found if k >= 0 else 1 / found
    return np.power(x, k)


def _transposed(x: Array) -> Array:
    return x[None, :] if np.ndim(x) == 1 else np.swapaxes(x, 0, 1) if np.ndim(x) == 2 else x


def _diag(x: Array) -> Array:
    return np.diag(np.ravel(x)) if np.ndim(x) < 2 or 1 in np.shape(x) else np.diag(x)


def _sigmoid(x: Array) -> Array:
    return np.where(
        x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x)))
    )


def _huber(x: Array, d: Array) -> Array:
    return np.where(np.abs(x) <= d, x * x / 2, d * (np.abs(x) - d / 2))


def _number(test: Array) -> Array:
    return np.asarray(test).astype(L)


_ENTRYWISE: dict[str, Callable[..., Array]] = {
    "add": lambda *a: sum(a[1:], a[0]),
    "hadamard": lambda *a: np.prod(np.broadcast_arrays(*a), axis=0),
    "neg": lambda a: -a,
    "div": lambda a, b: a / b,
    "ediv": lambda a, b: a / b,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": lambda a: np.where(a > 0, np.log(np.where(a > 0, a, 1)), L("nan")),
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "cosh": np.cosh,
    "sinh": np.sinh,
    "arctan": np.arctan,
    "sigmoid": _sigmoid,
    "relu": lambda a: np.where(a > 0, a, 0 * a),
    "step": lambda a: np.where(np.isnan(a), a, _number(a > 0)),
    "softplus": lambda a: np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a))),
    "silu": lambda a: a * _sigmoid(a),
    "elu": lambda a: np.where(a > 0, a, np.expm1(np.minimum(a, 0))),
    "leaky_relu": lambda a, s=None: np.where(a > 0, a, (L("0.01") if s is None else s) * a),
    "huber": _huber,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "gt": lambda a, b: _number(a > b),
    "lt": lambda a, b: _number(a < b),
    "ge": lambda a, b: _number(a >= b),
    "le": lambda a, b: _number(a <= b),
    "where": lambda c, a, b: np.where(c != 0, a, b),
    "epow": _epow,
}
_TABLE: dict[str, Callable[..., Array]] = {
    **_ENTRYWISE,
    "power": _power,
    "mul": _product,
    "transpose": _transposed,
    "diag": _diag,
    "tr": lambda a: np.trace(a) if np.ndim(a) == 2 else a,
    "vec": lambda a: np.ravel(a, order="F"),
    "inv": lambda a: _inverse(a)[0] if np.ndim(a) == 2 else 1 / a,
    "det": lambda a: _inverse(a)[1] if np.ndim(a) == 2 else a,
    "logdet": lambda a: np.log(np.abs(_inverse(a)[1] if np.ndim(a) == 2 else a)),
    "norm2": lambda a: np.sqrt(np.sum(a * a)),
    "norm1": lambda a: np.sum(np.abs(a)),
    "norminf": lambda a: np.max(np.abs(a)),
    "std": lambda a: np.std(a),
    "tril": lambda a: np.tril(a),
    "triu": lambda a: np.triu(a),
    "kron": lambda a, b: np.kron(a, b),
}
