"""Independent NumPy formulas for what records mean, written from the definitions."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np


def entrywise(function: Callable[..., float]) -> Callable[[Any], Any]:
    return np.vectorize(function, otypes=[float])


def _columns(x: Any) -> Any:
    """A vector as a column beside a matrix."""
    return x[:, None] if np.ndim(x) == 1 else x


def _paired(a: Any, b: Any) -> tuple[Any, Any]:
    if max(np.ndim(a), np.ndim(b)) == 2:
        a, b = _columns(a), _columns(b)
    return np.broadcast_arrays(a, b)


def _together(given: Any) -> Any:
    rank = max(np.ndim(v) for v in given)
    return np.broadcast_arrays(*(_columns(v) if rank == 2 else v for v in given))


def _variance(x: Any, axis: int | None) -> Any:
    return np.var(x) if axis is None or np.ndim(x) == 0 else np.var(x, axis=axis - 1)


def _bce(p: Any, y: Any) -> float:
    p, y = _paired(p, y)
    return float(
        np.mean(
            [
                -v * math.log(q) - (1 - v) * math.log(1 - q)
                for q, v in zip(p.flat, y.flat, strict=True)
            ]
        )
    )


def _cross_entropy(z: Any, y: Any) -> float:
    rows = np.reshape(z, (1, -1)) if np.ndim(z) < 2 else z
    logs = [row - math.log(sum(math.exp(v) for v in row)) for row in rows]
    return -float(np.sum(np.multiply(*_paired(np.reshape(logs, np.shape(z)), y)))) / len(rows)


def _normalised(x: Any, eps: Any, centred: bool, axis: int) -> Any:
    along = axis if np.ndim(x) == 2 else None
    c = x - np.mean(x, axis=along, keepdims=True) if centred else x
    return c / np.sqrt(np.mean(c**2, axis=along, keepdims=True) + np.reshape(eps, ()))


def _attention(q: Any, k: Any, v: Any) -> Any:
    rows = []
    for row in q:
        e = np.array([math.exp(float(row @ key) / math.sqrt(len(row))) for key in k])
        rows.append(sum(weight * value for weight, value in zip(e / e.sum(), v, strict=True)))
    return np.array(rows)


def _commutation(m: int, n: int) -> Any:
    k = np.zeros((m * n, m * n))
    for i, j in itertools.product(range(m), range(n)):
        k[i * n + j, j * m + i] = 1  # X_ij stands at j m + i in vec(X), at i n + j in vec(X')
    return k


def _duplication(n: int) -> Any:
    free = [(i, j) for j in range(n) for i in range(j, n)]
    d = np.zeros((n * n, len(free)))
    for k, (i, j) in enumerate(free):
        d[j * n + i, k] = d[i * n + j, k] = 1
    return d


def _fuse(m: int, n: int) -> Any:
    f = np.zeros((m * n, m, n))
    for i, j in itertools.product(range(m), range(n)):
        f[i * n + j, i, j] = 1
    return f


def _signs() -> Any:
    e = np.zeros((3, 3, 3))
    for order in itertools.permutations(range(3)):
        e[order] = np.linalg.det(np.eye(3)[list(order)])
    return e


def _adjugate(x: Any) -> Any:
    x = np.reshape(x, (1, 1)) if np.size(x) == 1 else x
    n = len(x)
    out = np.ones((n, n))
    for i, j in itertools.product(range(n), range(n)):
        minor = np.delete(np.delete(x, i, 0), j, 1)
        out[j, i] = (-1) ** (i + j) * (np.linalg.det(minor) if n > 1 else 1.0)
    return out


def _expm(x: Any) -> Any:
    x = np.reshape(x, (1, 1)) if np.size(x) == 1 else x
    values, vectors = np.linalg.eig(x)
    return np.real(vectors @ np.diag(np.exp(values)) @ np.linalg.inv(vectors))


def _spectral(f: Callable[[Any], Any], x: Any) -> Any:
    x = np.reshape(x, (1, 1)) if np.size(x) == 1 else x
    values, vectors = np.linalg.eig(x)
    return np.real(vectors @ np.diag(f(values.astype(complex))) @ np.linalg.inv(vectors))


def _matrix(x: Any) -> Any:
    return np.atleast_2d(x)


def _huber(x: Any, d: Any) -> Any:
    x, d = _paired(x, d)
    f = np.vectorize(lambda u, w: u * u / 2 if abs(u) <= w else w * abs(u) - w * w / 2)
    return f(x, d)


def _softmin(x: Any, axis: int | None) -> Any:
    weights = np.exp(-np.asarray(x))
    return weights / np.sum(weights, axis=None if axis is None else axis - 1, keepdims=True)


def _polygamma(k: float, u: float) -> float:
    """From the series Σ 1/(u + j)^(k+1), its tail by the Euler-Maclaurin formula."""
    k, terms, sign = int(k), 4000, (-1) ** (int(k) + 1)
    v = u + terms
    if k == 0:
        return math.log(v) - 1 / (2 * v) - 1 / (12 * v * v) - sum(1 / (u + j) for j in range(terms))
    head = sum((u + j) ** -(k + 1) for j in range(terms))
    return (
        sign
        * math.factorial(k)
        * (head + v**-k / k + v ** -(k + 1) / 2 + (k + 1) * v ** -(k + 2) / 12)
    )


def _bessel(order: int, u: float) -> float:
    """The power series."""
    return sum(
        (u / 2) ** (2 * j + order) / (math.factorial(j) * math.factorial(j + order))
        for j in range(40)
    )


MATRIX_FUNCTIONS = ("expm", "logm", "sqrtm", "sinm", "cosm")


def _blocks(parts: Any, columns: int) -> Any:
    """Rows of so many blocks; vectors are columns."""
    rows = [parts[k : k + columns] for k in range(0, len(parts), columns)]
    found = np.vstack(
        [np.hstack([np.reshape(p, (-1, 1)) if np.ndim(p) < 2 else p for p in r]) for r in rows]
    )
    return found.ravel() if all(np.ndim(p) < 2 for p in parts) and columns == 1 else found


def _vech_map(n: int) -> Any:
    free = [(i, j) for j in range(n) for i in range(j, n)]
    return [[[float((i, j) == place) for j in range(n)] for i in range(n)] for place in free]


def beside(function: Callable[..., float]) -> Callable[..., Any]:
    """The same of several arguments, with vectors as columns beside matrices."""
    return lambda *given: entrywise(function)(*_together(given))


def _log_wishart(x: Any, v: Any, k: Any) -> float:
    """By eigenvalues and the product formula of the multivariate gamma function."""
    n = len(x)
    logs = [sum(math.log(u) for u in np.linalg.eigvals(s)) for s in (x, v)]
    gammas = [math.lgamma((k - j) / 2) for j in range(n)]
    gamma = n * (n - 1) / 4 * math.log(math.pi) + sum(gammas)
    own = (k - n - 1) / 2 * logs[0] - np.trace(np.linalg.solve(v, x)) / 2
    return float(own - k * n / 2 * math.log(2) - k / 2 * logs[1] - gamma)


def _log_density(x: Any, m: Any, s: Any) -> float:
    """By the eigenvalues of the covariance."""
    values, vectors = np.linalg.eigh(np.reshape(s, (np.size(x), -1)))
    along = vectors.T @ np.ravel(x - m)
    return float(
        sum(-(u**2) / v - math.log(2 * math.pi * v) for u, v in zip(along, values, strict=True)) / 2
    )


def _series(x: Any, first: int, step: int, sign: float) -> Any:
    """The sum of sign^j x^k/k! for k = first, first + step, ..."""
    term = np.linalg.matrix_power(x, first) / math.factorial(first)
    found = term
    for k in range(first, 120, step):
        term = sign * term @ np.linalg.matrix_power(x, step)
        term = term / math.prod(range(k + 1, k + step + 1))
        found = found + term
    return found


def _block(x: Any, e: Any, *series: float) -> Any:
    n = len(x)
    both = np.block([[x, e], [np.zeros((n, n)), x]])
    return _series(both, *map(int, series))[:n, n:]


def _array(name: str, x: Any, k: Any = None) -> Any:
    """∂f(x)_ij/∂x_kl: of entire functions a block of their series, of the others by solving."""
    n = len(x)
    entire = {"expm": (0, 1, 1), "sinm": (1, 2, -1), "cosm": (0, 2, -1)}
    basis = np.eye(n * n).reshape(n * n, n, n)
    if name in entire:
        columns = np.stack([_block(x, e, *entire[name]).ravel() for e in basis], axis=1)
    elif name == "sqrtm":
        root = _spectral(np.sqrt, x)
        columns = np.linalg.inv(np.kron(root, np.eye(n)) + np.kron(np.eye(n), root.T))
    else:
        log = _spectral(np.log, x)
        columns = np.linalg.inv(_array("expm", log).reshape(n * n, n * n))
        if name == "power":
            p = float(np.ravel(k)[0])
            columns = p * _array("expm", p * log).reshape(n * n, n * n) @ columns
    return columns.reshape(n, n, n, n)


def _change(name: str, x: Any, e: Any, k: Any = None) -> Any:
    return np.einsum("ijkl,kl->ij", _array(name, x, k), e)


def _upright(vectors: Any) -> Any:
    """Columns of length 1 whose largest entry is positive."""
    columns = [v / np.linalg.norm(v) for v in np.transpose(vectors)]
    return np.transpose([v * np.sign(v[np.argmax(np.abs(v))]) for v in columns])


def _eigenvectors(x: Any) -> Any:
    values, vectors = np.linalg.eig(x)
    return _upright(vectors[:, np.argsort(values)])


def _singular(x: Any) -> tuple[Any, Any]:
    if x.shape[0] < x.shape[1]:
        u = _eigenvectors(x @ x.T)[:, ::-1]
        v = x.T @ u / np.sqrt(np.sort(np.linalg.eigvals(x @ x.T))[::-1])
    else:
        v = _eigenvectors(x.T @ x)[:, ::-1]
    v = _upright(v)
    u = x @ v
    return u / np.linalg.norm(u, axis=0), v


def _logistic(v: Any) -> Any:
    return 1 / (1 + np.exp(-v))


def _gates(count: int, x: Any, h: Any, weights: Any) -> Any:
    """The affine maps of x and of h, a row for each gate and column for each example."""
    w, u, b, e = [*weights, *[np.zeros(len(weights[0]))] * (4 - len(weights))]
    made = [
        m @ np.reshape(v, (-1, m.shape[1])).T + c[:, None] for m, v, c in ((w, x, b), (u, h, e))
    ]
    return [
        np.reshape(np.transpose(np.split(a, count), (0, 2, 1)), (count, *np.shape(h))) for a in made
    ]


def _lstm(x: Any, h: Any, c: Any, *weights: Any) -> tuple[Any, Any]:
    i, f, g, o = sum(_gates(4, x, h, weights))
    memory = _logistic(f) * c + _logistic(i) * np.tanh(g)
    return _logistic(o) * np.tanh(memory), memory


def _gru(x: Any, h: Any, *weights: Any) -> Any:
    (r, z, n), (r2, z2, n2) = _gates(3, x, h, weights)
    keep = _logistic(z + z2)
    return (1 - keep) * np.tanh(n + _logistic(r + r2) * n2) + keep * h


def _turned(x: Any, t: Any) -> Any:
    """As complex numbers."""
    a, b = np.split(x, 2, axis=-1)
    found = (a + 1j * b) * np.exp(1j * t)
    return np.concatenate([found.real, found.imag], axis=-1)


def _eliminated(x: Any) -> tuple[Any, Any]:
    """L and U by Gauss' elimination."""
    upper, lower = np.array(x, float), np.eye(len(x))
    for k in range(len(x)):
        for i in range(k + 1, len(x)):
            lower[i, k] = upper[i, k] / upper[k, k]
            upper[i] -= lower[i, k] * upper[k]
    return lower, upper


def _gram_schmidt(x: Any) -> Any:
    columns: list[Any] = []
    for v in x.T:
        for q in columns:
            v = v - (q @ v) * q
        columns.append(v / math.sqrt(v @ v))
    return np.transpose(columns)


def _correlated(axes: int, x: Any, w: Any, s: int = 1, p: int = 0, d: int = 1, g: int = 1) -> Any:
    """Entry by entry, of examples with channels."""
    whole = np.reshape(x, (1,) * (axes + 2 - np.ndim(x)) + np.shape(x))
    w = np.reshape(w, (1,) * (axes + 2 - np.ndim(w)) + np.shape(w))
    whole = np.pad(whole, [(0, 0), (0, 0), *[(p, p)] * axes])
    sizes = [
        (n - d * (k - 1) - 1) // s + 1 for n, k in zip(whole.shape[2:], w.shape[2:], strict=True)
    ]
    found = np.zeros((len(whole), len(w), *sizes))
    for n, o, *at in np.ndindex(found.shape):
        group = o // (len(w) // g)
        for c, *inside in np.ndindex(w.shape[1:]):
            place = [t * s + j * d for t, j in zip(at, inside, strict=True)]
            entry = whole[(n, group * w.shape[1] + c, *place)]
            found[(n, o, *at)] += entry * w[(o, c, *inside)]
    return found[(0,) * (axes + 2 - np.ndim(x))]


def _taken(x: Any, axis: int, place: Callable[[int, int], int]) -> Any:
    n = np.shape(x)[axis - 1]
    return np.take(x, [place(i, n) for i in range(n)], axis - 1)


def _pooled(how: Any, x: Any, size: tuple[int, ...], step: int = 0) -> Any:
    step = step or size[0]
    last = [range(0, n - k + 1, step) for n, k in zip(np.shape(x)[-len(size) :], size, strict=True)]
    found = np.zeros((*np.shape(x)[: -len(size)], *map(len, last)))
    for place in itertools.product(*map(range, map(len, last))):
        window = tuple(slice(r[t], r[t] + k) for r, t, k in zip(last, place, size, strict=True))
        found[(..., *place)] = how(x[(..., *window)], axis=tuple(range(-len(size), 0)))
    return found


def _of_labels(table: Any, y: Any) -> Any:
    labels = np.clip(np.ravel(y), 1, len(table))
    chosen = [[float(abs(v - k - 1) < 0.5) for k in range(len(table))] for v in labels]
    return np.reshape(np.tensordot(chosen, table, 1), (*np.shape(y), *np.shape(table)[1:]))


def _masked_softmax(x: Any, mask: Any) -> Any:
    e = np.where(np.reshape(mask, np.shape(x)) > 0, np.exp(x), 0)
    total = np.sum(e, axis=-1, keepdims=True)
    return np.where(total > 0, e / np.where(total > 0, total, 1), 1 / np.shape(x)[-1])


REFERENCES: dict[str, Callable[..., Any]] = {
    "square": lambda x: np.power(x, 2),
    "sec": entrywise(lambda u: math.cos(u) ** -1),
    "csc": entrywise(lambda u: math.sin(u) ** -1),
    "cot": entrywise(lambda u: math.cos(u) / math.sin(u)),
    "log2": entrywise(math.log2),
    "log10": entrywise(math.log10),
    "logit": entrywise(lambda p: math.log(p) - math.log(1 - p)),
    "erfc": entrywise(math.erfc),
    "normcdf": entrywise(lambda u: math.erfc(-u / math.sqrt(2)) / 2),
    "log_ndtr": entrywise(lambda u: math.log(math.erfc(-u / math.sqrt(2)) / 2)),
    "normpdf": entrywise(lambda u: statistics.NormalDist().pdf(u)),
    "probit": entrywise(lambda p: statistics.NormalDist().inv_cdf(p)),
    "lgamma": entrywise(math.lgamma),
    "digamma": entrywise(lambda u: _polygamma(0, u)),
    "trigamma": entrywise(lambda u: _polygamma(1, u)),
    "polygamma": lambda k, x: entrywise(_polygamma)(*_paired(k, x)),
    "betaln": lambda a, b: entrywise(
        lambda u, v: math.log(math.gamma(u) * math.gamma(v) / math.gamma(u + v))
    )(*_paired(a, b)),
    "bessel_i0": entrywise(lambda u: _bessel(0, u)),
    "bessel_i1": entrywise(lambda u: _bessel(1, u)),
    "asinh": entrywise(math.asinh),
    "atanh": entrywise(math.atanh),
    "atan2": lambda y, x: entrywise(math.atan2)(*_paired(y, x)),
    "sinc": entrywise(lambda u: math.sin(math.pi * u) / (math.pi * u)),
    "xlogy": lambda x, y: entrywise(lambda u, v: u * math.log(v))(*_paired(x, y)),
    "floor": entrywise(math.floor),
    "ceil": entrywise(math.ceil),
    "mod": lambda x, y: np.mod(*_paired(x, y)),
    "selu": entrywise(
        lambda u: 1.0507009873554805 * (u if u > 0 else 1.6732632423543772 * (math.exp(u) - 1))
    ),
    "elu_down_to": beside(lambda u, a: u if u > 0 else a * (math.exp(u) - 1)),
    "hardsigmoid": entrywise(lambda u: sorted((0, u / 6 + 0.5, 1))[1]),
    "hardswish": entrywise(lambda u: u * sorted((0, u / 6 + 0.5, 1))[1]),
    "sech": entrywise(lambda u: 2 / (math.exp(u) + math.exp(-u))),
    "csch": entrywise(lambda u: 2 / (math.exp(u) - math.exp(-u))),
    "coth": entrywise(lambda u: 1 + 2 / (math.exp(2 * u) - 1)),
    "acosh": entrywise(math.acosh),
    "reciprocal": entrywise(lambda u: u**-1),
    "rsqrt": entrywise(lambda u: u**-0.5),
    "cbrt": entrywise(math.cbrt),
    "exp2": entrywise(math.exp2),
    "logcosh": entrywise(lambda u: math.log((math.exp(u) + math.exp(-u)) / 2)),
    "erfinv": entrywise(lambda u: statistics.NormalDist().inv_cdf((1 + u) / 2) / math.sqrt(2)),
    "hardshrink": entrywise(lambda u: u if abs(u) > 0.5 else 0.0),
    "softshrink": entrywise(lambda u: math.copysign(max(abs(u) - 0.5, 0), u)),
    "tanhshrink": entrywise(lambda u: u - math.tanh(u)),
    "logsigmoid": entrywise(lambda u: -math.log(1 + math.exp(-u))),
    "rot": lambda t: [[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]],
    "toeplitz_map": lambda n: [
        [[float(abs(i - j) == k) for j in range(n)] for i in range(n)] for k in range(n)
    ],
    "vech_map": lambda n: _vech_map(n),
    "full_map": lambda n, k: [
        [[float(i + j == t) for j in range(k)] for i in range(n)] for t in range(n + k - 1)
    ],
    "diff": lambda x: [b - a for a, b in itertools.pairwise(x)],
    "cols": lambda n, first, last: np.eye(n)[:, first - 1 : last],
    "blocks": lambda *given: _blocks(given[:-1], given[-1]),
    "skew": lambda a: [[0, -a[2], a[1]], [a[2], 0, -a[0]], [-a[1], a[0], 0]],
    "arange": lambda n: [float(k) for k in range(n)],
    "vander": lambda x: [[v**j for j in range(len(x))] for v in x],
    "middle": lambda n: [(float(n - 1 == 2 * k) or 0.5 * (n - 2 * k in (0, 2))) for k in range(n)],
    "median": statistics.median,
    "sort_map": lambda x: [
        [float(k == np.argsort(x)[i]) for k in range(len(x))] for i in range(len(x))
    ],
    "conj": lambda x: x,
    "real": lambda x: x,
    "toeplitz": lambda t: [[t[abs(i - j)] for j in range(len(t))] for i in range(len(t))],
    "vech": lambda x: [x[i, j] for j in range(len(x)) for i in range(j, len(x))],
    "conv": np.convolve,
    "conv1d": lambda x, w, *steps: _correlated(1, x, w, *steps),
    "conv2d": lambda x, w, *steps: _correlated(2, x, w, *steps),
    "maxpool": lambda x, k, *step: _pooled(np.max, x, (k,), *step),
    "avgpool": lambda x, k, *step: _pooled(np.mean, x, (k,), *step),
    "maxpool2d": lambda x, k, *step: _pooled(np.max, x, (k, k), *step),
    "avgpool2d": lambda x, k, *step: _pooled(np.mean, x, (k, k), *step),
    "window_map": lambda n, k, s, d: [
        [[float(i == t * s + j * d) for i in range(n)] for j in range(k)]
        for t in range(n)
        if t * s + (k - 1) * d < n
    ],
    "exchange": lambda n: [[float(i + j == n - 1) for j in range(n)] for i in range(n)],
    "shift": lambda n, k: [[float((i - j - k) % n == 0) for j in range(n)] for i in range(n)],
    "flip": lambda x, axis=1: _taken(x, axis, lambda i, n: n - 1 - i),
    "roll": lambda x, k, axis=1: _taken(x, axis, lambda i, n: (i - k) % n),
    "cumsum": lambda x, axis=1: np.cumsum(x, axis - 1) if np.ndim(x) else x,
    "onehot": lambda y, n: np.reshape(
        [[float(abs(v - k) < 0.5) for k in range(1, n + 1)] for v in np.clip(np.ravel(y), 1, n)],
        (*np.shape(y), n),
    ),
    "groupnorm": lambda x, g: np.reshape(
        [
            (part - np.mean(part)) / np.sqrt(np.var(part) + 1e-5)
            for part in np.reshape(x, (-1, np.shape(x)[-1] // g))
        ],
        np.shape(x),
    ),
    "rnn_cell": lambda x, h, *weights: np.tanh(sum(_gates(1, x, h, weights)))[0],
    "lstm_cell": lambda *args: _lstm(*args)[0],
    "lstm_memory": lambda *args: _lstm(*args)[1],
    "gru_cell": _gru,
    "dropout": beside(lambda x, m, p: x * m / (1 - p)),
    "rope": _turned,
    "comoment": lambda x, y: np.multiply.outer(x, y),
    "qr_q": _gram_schmidt,
    "qr_r": lambda x: _gram_schmidt(x).T @ x,
    "lu_l": lambda x: _eliminated(x)[0],
    "lu_u": lambda x: _eliminated(x)[1],
    "norm_p": lambda x, p: sum(abs(v) ** float(p) for v in np.ravel(x)) ** (1 / float(p)),
    "mvnpdf": lambda x, m, s: math.exp(_log_density(x, m, s)),
    "mvnlogpdf": lambda x, m, s: _log_density(x, m, s),
    "normlogpdf": beside(lambda x, m, s: math.log(statistics.NormalDist(m, s).pdf(x))),
    "laplacelogpdf": beside(lambda x, m, b: math.log(math.exp(-abs(x - m) / b) / (2 * b))),
    "exponlogpdf": beside(lambda x, r: math.log(r * math.exp(-r * x))),
    "gammalogpdf": beside(
        lambda x, a, b: math.log(b**a * x ** (a - 1) * math.exp(-b * x) / math.gamma(a))
    ),
    "betalogpdf": beside(
        lambda x, a, b: (
            math.log(
                x ** (a - 1)
                * (1 - x) ** (b - 1)
                * math.gamma(a + b)
                / math.gamma(a)
                / math.gamma(b)
            )
            if 0 < x < 1
            else math.nan
        )
    ),
    "studentlogpdf": beside(
        lambda x, k: (
            math.log(math.gamma((k + 1) / 2) / math.gamma(k / 2) / math.sqrt(math.pi * k))
            - (k + 1) / 2 * math.log1p(x**2 / k)
        )
    ),
    "poissonlogpmf": beside(lambda k, r: math.log(r**k * math.exp(-r) / math.gamma(k + 1))),
    "bernoullilogpmf": beside(
        lambda y, p: math.log(p**y * (1 - p) ** (1 - y)) if 0 < p < 1 else math.nan
    ),
    "dirichletlogpdf": lambda p, a: math.log(
        math.gamma(sum(a))
        * math.prod(u ** (v - 1) / math.gamma(v) for u, v in zip(p, a, strict=True))
    ),
    "wishartlogpdf": _log_wishart,
    "softsign": entrywise(lambda u: u / (1 + u) if u > 0 else u / (1 - u)),
    "mish": entrywise(lambda u: u * math.tanh(math.log(1 + math.exp(u)))),
    "relu6": entrywise(lambda u: min(max(u, 0), 6)),
    "hardtanh": entrywise(lambda u: sorted((-1, u, 1))[1]),
    "clip": lambda *given: np.clip(*_together(given)),
    "softmin": _softmin,
    "outer": lambda a, b: _product(_inner(a, True), _inner(b, False)),
    "dot": lambda a, b: np.sum(np.multiply(*_paired(a, b))),
    "solve": lambda a, b: _product(np.linalg.inv(_matrix(a)), b),
    "adj": _adjugate,
    "quadform": lambda x, a: _product(_product(_inner(x, False), a), x),
    "var": _variance,
    "std": lambda x, axis: np.sqrt(_variance(x, axis)),
    "norm1": lambda x: sum(abs(v) for v in np.ravel(x)),
    "norminf": lambda x: max(abs(v) for v in np.ravel(x)),
    "norm_cols": lambda x: max(sum(abs(v) for v in column) for column in np.transpose(x)),
    "norm_rows": lambda x: max(sum(abs(v) for v in row) for row in x),
    "mse": lambda a, b: np.mean(np.square(np.subtract(*_paired(a, b)))),
    "bce": _bce,
    "bce_logits": lambda z, y: _bce(1 / (1 + np.exp(-z)), y),
    "cross_entropy": _cross_entropy,
    "hinge": lambda z, y: np.mean([max(0, 1 - m) for m in np.multiply(*_paired(z, y)).flat]),
    "cosine_similarity": lambda x, y: math.cos(
        math.acos(sum(x * y) / math.sqrt(sum(x * x) * sum(y * y)))
    ),
    "kl": lambda p, q: sum(entrywise(lambda a, b: a * math.log(a / b))(*_paired(p, q)).flat),
    "layernorm": lambda x, eps: _normalised(x, eps, True, 1),
    "rmsnorm": lambda x, eps: _normalised(x, eps, False, 1),
    "batchnorm": lambda x, eps: _normalised(x, eps, True, 0),
    "attention": _attention,
    "rows": _of_labels,
    "masked_softmax": _masked_softmax,
    "cholesky": lambda x: _cholesky(x),
    "expm": _expm,
    "logm": lambda x: _spectral(np.log, x),
    "sqrtm": lambda x: _spectral(np.sqrt, x),
    "sinm": lambda x: _spectral(np.sin, x),
    "cosm": lambda x: _spectral(np.cos, x),
    **{f"d{name}": lambda x, e, name=name: _change(name, x, e) for name in MATRIX_FUNCTIONS},
    **{f"{name}_jacobian": lambda x, name=name: _array(name, x) for name in MATRIX_FUNCTIONS},
    "dpower": lambda x, e, k: _change("power", x, e, k),
    "power_jacobian": lambda x, k: _array("power", x, k),
    "eigvals": lambda x: np.sort(np.linalg.eigvals(x)),
    "eigvalsh": lambda x: np.sort(np.linalg.eigvals((x + x.T) / 2)),
    "eigvecsh": lambda x: _eigenvectors((x + x.T) / 2),
    "eigvecs": lambda x: _eigenvectors(x),
    "eiggaps": lambda v: [[1 / (b - a) if a != b else 0 for b in v] for a in v],
    "lambda_max": lambda x: max(np.linalg.eigvals((x + x.T) / 2)),
    "lambda_min": lambda x: min(np.linalg.eigvals((x + x.T) / 2)),
    "eigvec_max": lambda x: _eigenvectors((x + x.T) / 2)[:, -1],
    "eigvec_min": lambda x: _eigenvectors((x + x.T) / 2)[:, 0],
    "svdvals": lambda x: np.sort(np.sqrt(np.linalg.eigvalsh(_gram(x)).clip(0)))[::-1],
    "svd_u": lambda x: _singular(x)[0],
    "svd_v": lambda x: _singular(x)[1],
    "svec_left": lambda x: _singular(x)[0][:, 0],
    "svec_right": lambda x: _singular(x)[1][:, 0],
    "cond": lambda x: math.sqrt(np.linalg.cond(_gram(x))),
    "norm_nuc": lambda x: np.sqrt(np.linalg.eigvalsh(_gram(x)).clip(0)).sum(),
    "norm_spec": lambda x: math.sqrt(np.linalg.eigvalsh(_gram(x)).max()),
    "levicivita": _signs,
    "eye": lambda n: np.diag([1.0] * n),
    "ones": lambda *s: np.full(s, 1.0),
    "zeros": lambda *s: np.full(s, 0.0),
    "commutation": _commutation,
    "duplication": _duplication,
    "unit": lambda n, k: np.array([float(i + 1 == k) for i in range(n)]),
    "fuse": _fuse,
    "sigmoid": lambda x: (1 + np.tanh(x / 2)) / 2,
    "softplus": lambda x: np.logaddexp(0, x),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "erf": entrywise(math.erf),
    "gelu": entrywise(lambda u: u * (1 + math.erf(u / math.sqrt(2))) / 2),
    "relu": entrywise(lambda u: max(u, 0.0)),
    "elu": entrywise(lambda u: u if u > 0 else math.exp(u) - 1),
    "step": entrywise(lambda u: 1.0 if u > 0 else 0.0),
    "sign": entrywise(lambda u: math.copysign(1, u)),
    "huber": _huber,
    "logsumexp": lambda x, axis: np.log(
        np.sum(np.exp(x), axis=None if axis is None or np.ndim(x) == 0 else axis - 1)
    ),
    "vec": lambda x: (
        [x[i, j] for j in range(x.shape[1]) for i in range(x.shape[0])] if np.ndim(x) == 2 else x
    ),
    "tr": lambda x: sum(np.diag(_matrix(x))),
    "cross": lambda a, b: np.einsum("ijk,j,k->i", _signs(), a, b),
    "pinv": lambda x: np.linalg.pinv(x),
    "logdet": lambda x: sum(np.log(np.linalg.eigvals(_matrix(x)).astype(complex))).real,
}


def _inner(x: Any, left: bool) -> Any:
    """a and b' as matrices for the outer product a b'."""
    if np.ndim(x) < 2:
        return np.reshape(x, (-1, 1)) if left else np.reshape(x, (1, -1))
    return x if left else np.transpose(x)


def _product(a: Any, b: Any) -> Any:
    """A matrix product in which a single entry is a scalar."""
    if min(np.size(a), np.size(b)) == 1:
        return np.multiply(
            np.reshape(a, ()) if np.size(a) == 1 else a, b.flat[0] if np.size(b) == 1 else b
        )
    return np.tensordot(a, b, axes=1)


def _gram(x: Any) -> Any:
    x = _matrix(x)
    return x.T @ x if x.shape[0] >= x.shape[1] else x @ x.T


def _cholesky(x: Any) -> Any:
    x = _matrix(x)
    out = np.zeros_like(x)
    for i in range(len(x)):
        for j in range(i + 1):
            rest = x[i, j] - out[i, :j] @ out[j, :j]
            out[i, j] = math.sqrt(rest) if i == j else rest / out[j, j]
    return out
