"""Random sizes and values for variables, satisfying what is declared of them."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from matderiv.errors import ShapeError
from matderiv.expr import Expr, has, is_, number_value, walk
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array, Arrays, Sizes
from matderiv.shapes import Size, concrete, is_scalar, shape_text, size_names, size_value

LARGEST_SIZE = 8
LABEL_FACTS = frozenset({"labels", "binary"})
ROW_FACTS = frozenset({"onehot", "simplex"})

# Sizes -------------------------------------------------------------------------------------------


def longest_word(*exprs: Expr) -> int:
    """The length of the longest product of matrices; functions of entries make one letter.

    An identity of n × n matrices of degree d can hold for n < d only (Cayley & Hamilton), so some
    size must exceed it.

    >>> X = variable("X", (3, 3))
    >>> longest_word(X @ X @ apply("exp", X @ X @ X)), longest_word(apply("power", X, 3) @ X)
    (3, 4)
    """
    length: dict[Expr, int] = {}
    for node in walk(*exprs):
        inner = [length[a] for a in node.args]
        function = node.function
        if is_(node, "variable"):
            here = int(len(node.shape) == 2)
        elif is_(node, "mul", "hadamard", "kron", "solve", "einsum"):
            here = sum(inner)
        elif is_(node, "power") and node.shape:
            here = abs(int(number_value(node.args[1]) or 1)) * inner[0]
        elif is_(node, "inv", "max", "min") or (is_(node, "ediv") and node.shape):
            here = min(1, max(inner))  # a letter of its own
        elif function.kind == "elementwise" and function.call != "operator":
            here = min(1, max(inner))
        else:
            here = max(inner, default=0)
        length[node] = here
    return max(length.values())


def draw_sizes(
    names: Iterable[str],
    rng: Any,
    *,
    taken: Iterable[int] = (),
    least: int = 2,
    most: int = LARGEST_SIZE - 1,
) -> Sizes:
    """Different numbers for the names, from 2 to `most` and unlike the literal sizes `taken`.

    With `least`, every size is at least that, as far as 8 allows.

    >>> sorted(draw_sizes("nd", np.random.default_rng(0), least=8).values())
    [7, 8]
    """
    ordered = sorted(names)
    free = [s for s in range(2, most + 1) if s not in set(taken)]
    if least > 2:
        first = max(2, min(least, LARGEST_SIZE + 1 - len(ordered)))
        free = list(range(first, first + len(ordered)))
    extra = most + 1
    while len(free) < len(ordered):
        free += [extra] if extra not in free else []
        extra += 1
    return dict(zip(ordered, (int(s) for s in rng.permutation(free)), strict=False))


def enlarged(sizes: Sizes, *exprs: Expr) -> Sizes:
    """The sizes, larger where they leave no room for a part of an axis, or for an axis n - k + 1.

    >>> enlarged({"n": 2, "k": 4}, read("sum(x[k+1:n].^2)").expr)
    {'n': 5, 'k': 4}
    """

    def of_part(node: Expr) -> bool:
        return is_(node, "cols", "unit") or any("-" in str(s) for s in node.shape)

    found = dict(sizes)
    if not any(has(e, "parts of axes", of_part) for e in exprs):
        return found
    parts = [n.params for n in walk(*exprs) if is_(n, "cols", "unit")]
    pairs = [pair for whole, *ends in parts for pair in pairwise((1, *ends, whole))]
    sums = {s for n in walk(*exprs) for s in n.shape if "-" in str(s)}
    pairs += [(1, s) for s in sorted(sums, key=str)]

    def lacking(low: Size, high: Size, name: str = "") -> int:
        at = {**found, name: found.get(name, 0) + 1}
        return size_value(low, at) - size_value(high, at)

    for low, high in pairs * (len(pairs) + 1):
        gap = lacking(low, high)
        closing = [n for n in sorted(found) if lacking(low, high, n) < gap]
        if gap <= 0 or not closing:
            continue
        value = found[closing[-1]] + gap
        while value in found.values():
            value += 1
        found[closing[-1]] = value
    return found


# Values ------------------------------------------------------------------------------------------

Strategy = Callable[[tuple[int, ...], Any], Array]


def general(shape: tuple[int, ...], rng: Any) -> Array:
    """Normal numbers, none near 0, 1 or -1."""
    x = np.asarray(rng.standard_normal(shape))
    while (bad := ((size := np.abs(x)) < 0.05) | (np.abs(size - 1) < 0.02)).any():
        x = np.where(bad, rng.standard_normal(shape), x)
    return x


def small(shape: tuple[int, ...], rng: Any) -> Array:
    """Normal numbers around 0, most of them below a half."""
    return 0.2 * general(shape, rng)


def positive(shape: tuple[int, ...], rng: Any) -> Array:
    """Positive numbers around 1."""
    return np.exp(0.5 * general(shape, rng))


def unit(shape: tuple[int, ...], rng: Any) -> Array:
    """Numbers between 0 and 1."""
    return 1 / (1 + np.exp(-general(shape, rng)))


def accretive(shape: tuple[int, ...], rng: Any) -> Array:
    """A square matrix with a positive definite symmetric part, positive numbers elsewhere.

    Its determinant is positive; it is not symmetric, because symmetry hides transposes.
    """
    if len(shape) != 2 or shape[0] != shape[1]:
        return positive(shape, rng)
    b, c = general(shape, rng), general(shape, rng)
    return b @ b.T / shape[0] + 0.5 * np.eye(shape[0]) + (c - c.T) / 2


STRATEGIES: tuple[Strategy, ...] = (
    general,
    positive,
    unit,
    accretive,
    small,
    lambda shape, rng: 1.2 + positive(shape, rng),
    lambda shape, rng: -positive(shape, rng),
    lambda shape, rng: 3 * general(shape, rng),
    lambda shape, rng: 10 * general(shape, rng),
)


def draw(
    variables: Iterable[Expr], rng: Any, sizes: Sizes | None = None, *, strategy: Strategy = general
) -> Arrays:
    """Values of the variables that satisfy their declared facts, general otherwise."""
    chosen = tuple(variables)
    if sizes is None:
        sizes = draw_sizes(size_names(v.shape for v in chosen), rng)
    return {v.name: draw_one(v, rng, sizes, strategy) for v in chosen}


def draw_one(v: Expr, rng: Any, sizes: Sizes, strategy: Strategy = general) -> Array:
    """One value of the variable v at some sizes; the strategy serves where nothing is declared."""
    shape = concrete(v.shape, sizes)
    facts: frozenset[str] = v.params[2]
    for fact, maker in _ROWS.items():
        if fact in facts:
            if len(shape) < 2 or v.shape[-1] == 1:
                return maker(int(np.prod(shape)), rng).reshape(shape)
            rows = [maker(shape[-1], rng) for _ in range(int(np.prod(shape[:-1])))]
            return np.reshape(rows, shape)
    for fact in sorted(LABEL_FACTS):
        if fact in facts:
            return _two_valued(shape, rng, 1 if fact == "binary" else 2)
    matrix_facts = sorted(facts & _MATRIX.keys())
    if not matrix_facts:
        return (positive if "positive" in facts else strategy)(shape, rng)
    if is_scalar(v.shape):  # a scalar is a matrix of one entry
        shape = (1, 1)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ShapeError(
            f"{v.name} is {matrix_facts[0]} and must be square, not {shape_text(shape)}"
        )
    b = positive(shape, rng) if "positive" in facts else general(shape, rng)
    for fact in sorted(matrix_facts, key=list(_MATRIX).index):
        b = _MATRIX[fact](b)
    return b.reshape(concrete(v.shape, sizes))


def _orthogonal(b: Array) -> Array:
    q, r = np.linalg.qr(b)
    return q * np.sign(np.diag(r))


def _idempotent(b: Array) -> Array:
    """A matrix of some rank that is its own square; of a symmetric b a symmetric one."""
    k = 1 + int(1e3 * abs(b[0, 0])) % len(b)
    return b[:, :k] @ np.linalg.solve(b[:k] @ b[:, :k], b[:k])


_MATRIX: dict[str, Callable[[Array], Array]] = {
    "orthogonal": _orthogonal,
    "posdef": lambda b: b @ b.T / b.shape[0] + 0.5 * np.eye(b.shape[0]),
    "symmetric": lambda b: (b + b.T) / 2,
    "skew": lambda b: (b - b.T) / 2,
    "lower": lambda b: np.tril(b),
    "upper": lambda b: np.triu(b),
    "diagonal": lambda b: np.diag(np.diag(b)),
    "idempotent": _idempotent,
}


def _one_hot(count: int, rng: Any) -> Array:
    return np.eye(count)[rng.integers(count)]


def _simplex(count: int, rng: Any) -> Array:
    e = np.exp(general((count,), rng))
    return e / e.sum()


_ROWS: dict[str, Callable[[int, Any], Array]] = {"onehot": _one_hot, "simplex": _simplex}


def _two_valued(shape: tuple[int, ...], rng: Any, width: int) -> Array:
    """Labels 1 and 1 - width; both present where there is more than one entry."""
    bits = rng.integers(0, 2, size=int(np.prod(shape)))
    if bits.size > 1 and (bits == bits[0]).all():
        bits[rng.integers(bits.size)] ^= 1
    return (1.0 - width * bits).reshape(shape)
