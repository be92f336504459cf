"""Programs spelled in NumPy, double and single precision, and in JAX, whose names are the same."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from matderiv.output.code.dialect import (
    ATOM,
    COMPARE,
    PRODUCT,
    Code,
    CodeNames,
    Dialect,
    Special,
    Template,
    Words,
    calls,
    correlations,
    decompositions,
    maps,
    of_known_order,
    operators,
    pi,
)
from matderiv.programs.program import Instruction

UNARY = (
    *("exp", "log", "log1p", "expm1", "sqrt", "abs", "sign", "sin", "cos", "tan", "arcsin"),
    *("arccos", "arctan", "sinh", "cosh", "tanh", "tril", "triu", "diag", "trace", "diagonal"),
    *("floor", "sinc"),
)
"""The first 16 are functions of entries that Python's `math` has too."""
INVERSE = {"asinh": "arcsinh", "atanh": "arctanh"}
BINARY = ("maximum", "minimum", "vdot", "kron", "cross", "outer")
MATRIX = ("inv", "det", "slogdet", "pinv", "cholesky")


def definitions(code: str) -> dict[str, tuple[str, ...]]:
    """Definitions with an empty line between them, by their names."""
    blocks = [tuple(block.split("\n")) for block in code.strip().split("\n\n")]
    name = r"(?m)^(?:def )?(\w+)(?:\(| =)"
    return {re.findall(name, "\n".join(lines))[0]: lines for lines in blocks}


LIBRARY = definitions(
    r'''
import math
erf = np.vectorize(math.erf, otypes=[float])

import math
lgamma = np.vectorize(math.lgamma, otypes=[float])

import statistics
probit = np.vectorize(statistics.NormalDist().inv_cdf, otypes=[float])

def expm(A):
    """The matrix exponential: scaling and squaring with a Taylor series."""
    k = max(0, int(np.ceil(np.log2(np.abs(A).sum() + 1))) + 4)
    term = result = np.eye(len(A))
    for j in range(1, 20):
        term = term @ A / (j * 2**k)
        result = result + term
    return np.linalg.matrix_power(result, 2**k)

def of_matrix(f, A):
    """f of a square matrix, by its eigenvalues."""
    w, V = np.linalg.eig(A)
    return ((V * f(w + 0j)) @ np.linalg.inv(V)).real

def matrix_power(A, k):
    """A to any power."""
    if float(k).is_integer():
        return np.linalg.matrix_power(A, int(k))
    return of_matrix(lambda w: w**k, A)

def adjugate(A):
    """det(A)*inv(A), also for a singular A: from products of singular values."""
    U, s, V = np.linalg.svd(A)
    others = np.prod(np.where(np.eye(len(s), dtype=bool), 1, s), axis=1)
    return np.linalg.det(U) * np.linalg.det(V) * (V.T * others) @ U.T

def duplication(n):
    """D with D vech(S) = vec(S) for a symmetric S."""
    i = np.arange(n)
    first, last = np.minimum(i[:, None], i), np.maximum(i[:, None], i)
    place = first * n - first * (first + 1) // 2 + last
    return np.eye(n * (n + 1) // 2)[place.reshape(-1)]

def add_diagonal(spec, whole, part):
    """`whole`, to which `part` is added where indices in `spec` are equal."""
    np.einsum(spec, whole)[...] += part
    return whole

def signs(V):
    """The signs of the largest entry of each column."""
    return np.sign(V[np.abs(V).argmax(0), np.arange(len(V.T))])

def eigh(A):
    """Eigenvalues, ascending, and eigenvectors of the symmetric part of A."""
    w, V = np.linalg.eigh((A + A.T) / 2)
    return w, V * signs(V)

def eig(A):
    """Eigenvalues, ascending, and eigenvectors of A, where all are real."""
    w, V = np.linalg.eig(A)
    order = w.real.argsort()
    real = np.where(np.abs(w.imag).max() > 0, np.nan, 1.0)
    return real * w.real[order], real * V.real[:, order] * signs(V.real[:, order])

def svd(A):
    """U, the singular values, descending, and V."""
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    return U * signs(Vt.T), s, Vt.T * signs(Vt.T)

def gaps(w):
    """The matrix of 1/(w_j - w_i), and 0 where they are equal."""
    apart = w[None, :] - w[:, None]
    return np.where(apart == 0, 0.0, 1 / np.where(apart == 0, 1.0, apart))

def along(f, A, E):
    """The derivative of f at A along E, a block of f([A E; 0 A])."""
    size = 1 + abs(E).max()  # how far f scales A must not depend on E
    upper, lower = np.concatenate([A, E / size], 1), np.concatenate([0 * A, A], 1)
    return f(np.concatenate([upper, lower]))[: len(A), len(A) :] * size

def frechet(f, slope, A, E):
    """The derivative of f at A along E, by divided differences of the eigenvalues."""
    w, V = np.linalg.eig(A + 0j)
    a, b, back = w[:, None], w[None, :], np.linalg.inv(V)
    close = np.abs(a - b) <= 1e-6 * np.abs(w).max()
    divided = (f(a) - f(b)) / np.where(close, 1.0, a - b)
    divided = np.where(close, slope((a + b) / 2), divided)
    return (V @ (divided * (back @ (E + 0j) @ V)) @ back).real

def jacobian(along, A):
    """The array of dY_ij/dX_kl of a map from A and dX to dY."""
    n = len(A)
    basis = np.eye(n * n, dtype=A.dtype).reshape(n * n, n, n)
    return np.stack([along(A, E) for E in basis], -1).reshape(n, n, n, n)

def lu(A):
    """L with ones in its diagonal and U, without exchanges of rows."""
    below, columns = np.tril(np.ones_like(A), -1), []
    one = np.tril(np.ones_like(A)) - below
    for k in range(len(A)):
        part = below[:, k] * A[:, k] / A[k, k]
        columns.append(part + one[:, k])
        A = A - part[:, None] * A[k]
    return np.stack(columns, 1), np.triu(A)

def lyap(A, Q):
    """The X with A X + X A' + Q = 0."""
    n, one = len(A), np.eye(len(A), dtype=A.dtype)
    both = np.einsum("ik,jl->ijkl", A, one) + np.einsum("ik,jl->ijkl", one, A)
    return np.linalg.solve(both.reshape(n * n, n * n), -Q.reshape(-1)).reshape(n, n)

def toeplitz(t):
    """The symmetric matrix with t_k where |i - j| = k."""
    i = np.arange(len(t))
    return t[np.abs(i[:, None] - i)]

def vech(A):
    """The columns of A from the diagonal down."""
    return A.T[np.triu_indices(len(A))]

def conv2d(X, W):
    """The cross-correlation where W fits."""
    windows = np.lib.stride_tricks.sliding_window_view(X, W.shape)
    return np.einsum("tuij,ij->tu", windows, W)

def conv2d_full(X, W):
    """The convolution of matrices."""
    return conv2d(np.pad(X, [(k - 1, k - 1) for k in W.shape]), W[::-1, ::-1])

def correlate(x, w, stride, padding, dilation, groups):
    """The cross-correlation of examples with channels, along the axes after these."""
    axes = tuple(range(2, x.ndim))
    x = np.pad(x, [(0, 0)] * 2 + [(padding, padding)] * len(axes))
    reach = tuple(dilation * (k - 1) + 1 for k in w.shape[2:])
    at = np.lib.stride_tricks.sliding_window_view(x, reach, axis=axes)
    for k in axes:
        at = at.swapaxes(0, k)[::stride].swapaxes(0, k)
        at = at.swapaxes(0, k + len(axes))[::dilation].swapaxes(0, k + len(axes))
    at = at.reshape(len(at), groups, -1, *at.shape[2:])
    w = w.reshape(groups, -1, *w.shape[1:])
    spec = "ngcti,goci->ngot" if len(axes) == 1 else "ngctuij,gocij->ngotu"
    found = np.einsum(spec, at, w)
    return found.reshape(len(found), -1, *found.shape[3:])

def bessel_i1(x):
    """I_1, by the trapezoidal rule for its integral over half a period."""
    cosines = np.cos((np.arange(64) + 0.5) * np.pi / 64)
    return np.mean(np.exp(np.multiply.outer(x, cosines)) * cosines, axis=-1)

def digamma(x):
    """The derivative of log gamma at x > 0: recurrence, then the asymptotic series."""
    total = -sum(1 / (x + j) for j in range(12))
    x, y = x + 12, 1 / (x + 12.0) ** 2
    series = 1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132)))
    return total + np.log(x) - 0.5 / x - y * series

import math
def polygamma(k, x):
    """The k-th derivative of digamma at x > 0, k > 0, by the Euler-Maclaurin formula."""
    y = x + 12.0
    total = sum(1 / (x + j) ** (k + 1.0) for j in range(12))
    total = total + (1 / k + 0.5 / y) / y**k
    factor = (k + 1) / y ** (k + 2)
    for j, b in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730), 1):
        total = total + b * factor / math.factorial(2 * j)
        factor = factor * (k + 2 * j) * (k + 2 * j + 1) / y**2
    return (-1) ** (k + 1) * math.factorial(k) * total
'''
)
"""What NumPy lacks."""


def templates(np: str, typed: str = "") -> dict[str, Template]:
    """The spellings with NumPy's names, the library being called `np`.

    `typed` is the argument that gives new arrays their type.
    """
    side = "{p0} * {p1}"
    return {
        **operators(),
        **calls(np, {name: name for name in UNARY}),
        **calls(np, INVERSE),
        **calls(np, {**{name: name for name in BINARY}, "atan2": "arctan2"}, 2),
        **calls(np, {"where": "where"}, 3),
        **calls(f"{np}.linalg", {name: name for name in MATRIX}),
        **calls(f"{np}.linalg", {"solve": "solve"}, 2),
        "svdvals": Template(f"{np}.linalg.svd({{0}}, compute_uv=False)"),
        "skew": Template(f"{np}.cross({{0}}, {np}.eye(3{typed})).T"),
        **maps(np, typed, f"{np}.triu_indices({{p0}})"),
        "onehot": Template(
            f"({np}.rint({np}.clip({{0}}, 1, {{p0}}))[..., None] == {np}.arange({{p0}}) + 1) * 1.0",
            PRODUCT,
        ),
        "norm2": Template(f"{np}.linalg.norm({{0}})"),
        "adj": Template("adjugate({0})"),
        "rowdot": Template(f"{np}.sum({{0}} * {{1}}, axis=1)", ATOM, (3, 3)),
        "coldot": Template(f"{np}.sum({{0}} * {{1}}, axis=0)", ATOM, (3, 3)),
        "logdet": Template(f"{np}.where({{0}} > 0, {{1}}, {np}.nan)"),
        "matrix_power": Template(f"{np}.linalg.matrix_power({{0}}, {{p0}})"),
        "power_of": Template("matrix_power({0}, {1})"),
        "norm_nuc": Template(f'{np}.linalg.norm({{0}}, "nuc")'),
        "norm_spec": Template(f"{np}.linalg.norm({{0}}, 2)"),
        "real": Template("{0} * 1.0", PRODUCT, (PRODUCT,)),
        "levicivita": Template(
            f"{np}.cross({np}.eye(3{typed})[:, None], {np}.eye(3{typed})[None, :])"
        ),
        "fuse": Template(f"{np}.eye({side}{typed}).reshape({side}, {{p0}}, {{p1}})"),
        "duplication": Template(f"duplication({{p0}}{typed})"),
        "commutation": Template(
            f"{np}.eye({side}{typed})[{np}.arange({side}).reshape({{p1}}, {{p0}}).T.reshape(-1)]"
        ),
    }


MATH = {"arcsin": "math.asin", "arccos": "math.acos", "arctan": "math.atan", "abs": "abs"}


def of_numbers(templates: Mapping[str, Template]) -> dict[str, Special]:
    """Functions of plain numbers with `math`, whose results are plain numbers."""

    def spelled(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        if arguments[0].number:
            name = MATH.get(line.operation, f"math.{line.operation}")
            return Code(f"{name}({arguments[0].text})", number=True)
        return templates[line.operation].filled(arguments)

    return dict.fromkeys((name for name in (*UNARY[:16], "erf") if name != "sign"), spelled)


def on_diagonals(typed: str = "") -> dict[str, Special]:
    """A part that is added, or stands in zeros, where letters are equal."""

    def spelled(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        zeros = f"np.zeros({names.shape(line.shape)}{typed})"
        whole = zeros if line.operation == "on_diagonal" else arguments[0].text
        return Code(f'add_diagonal("{line.params[0]}", {whole}, {arguments[-1].text})')

    return dict.fromkeys(("add_diagonal", "on_diagonal"), spelled)


PLAIN = {
    "conv1d": Template('np.correlate({0}, {1}, "valid")'),
    "conv2d": Template("conv2d({0}, {1})"),
}


def _correlated(name: str, x: str, w: str, steps: Sequence[int]) -> str:
    return f"correlate({x}, {w}, {', '.join(map(str, steps))})"


NUMPY = Dialect(
    "numpy",
    ("import numpy as np",),
    {
        **templates("np"),
        "copy": Template("{0}.copy()", ATOM, (ATOM,)),
        "logdet": Template("{1} if {0} > 0 else np.nan", COMPARE),
        "rowdot": Template('np.einsum("ij,ij->i", {0}, {1})'),
        "coldot": Template('np.einsum("ij,ij->j", {0}, {1})'),
        **decompositions("np", "expm"),
        **{name: Template(f"{name}({{0}})") for name in ("erf", "lgamma", "digamma", "probit")},
        "bessel_i0": Template("np.i0({0})"),
        "bessel_i1": Template("bessel_i1({0})"),
        "conv": Template("np.convolve({0}, {1})"),
        "conv2d_full": Template("conv2d_full({0}, {1})"),
        "expm": Template("expm({0})"),
    },
    Words("np").special()
    | {"pi": pi("np")}
    | correlations(_correlated, PLAIN)
    | on_diagonals()
    | {"polygamma": of_known_order("polygamma")},
    LIBRARY,
    ("np", "math", "statistics"),
    copy="{0}.copy()",
)


# Single precision ---------------------------------------------------------------------------------

SINGLE = ", dtype=np.float32"


def _in_single(lines: tuple[str, ...]) -> tuple[str, ...]:
    """A definition whose new arrays are in single precision."""
    typed = (text.replace("[float]", "[np.float32]") for text in lines)
    made = (text.replace("np.eye(len(A))", f"np.eye(len(A){SINGLE})") for text in typed)
    made = (text.replace("arange(64)", f"arange(64{SINGLE})") for text in made)
    made = (text.replace("np.nan, 1.0)", "np.nan, np.float32(1))") for text in made)
    return tuple(text.replace("// 2)[place", f"// 2{SINGLE})[place") for text in made)


def _of_one(template: Template) -> Template:
    return template._replace(text=template.text.replace("1.0", "np.float32(1)"))


_TEMPLATES = {
    **NUMPY.templates,
    **{k: v for k, v in templates("np", SINGLE).items() if v != templates("np").get(k)},
    **{k: _of_one(NUMPY.templates[k]) for k in ("real", "onehot")},
    "duplication": NUMPY.templates["duplication"],
}
NUMPY_SINGLE = replace(
    NUMPY,
    imports=("import math", *NUMPY.imports),
    templates=_TEMPLATES,
    special={
        **NUMPY.special,
        **Words("np", SINGLE).special(),
        **on_diagonals(SINGLE),
        **of_numbers(_TEMPLATES),
    },
    extras={name: _in_single(lines) for name, lines in NUMPY.extras.items()},
    single="np.float32({0})",
    dtype="np.float32",
)
