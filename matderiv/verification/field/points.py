"""Random points over the finite field: residues for variables, with their declared facts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from matderiv.errors import DomainError
from matderiv.expr import Expr
from matderiv.lazy import np
from matderiv.numeric.draws import LABEL_FACTS, ROW_FACTS
from matderiv.numeric.evaluate import Sizes
from matderiv.shapes import concrete, is_scalar
from matderiv.verification.field.dual import OutOfReach
from matderiv.verification.field.residues import CHAIN, Array, Field, Unlucky

BATCH = 8  # points at the same sizes, computed side by side
ALIKE = 4  # of them with all labels of a variable the same, where formulas have values there


def level_field(level: int) -> Field:
    """The field at a level of the chain; OutOfReach beyond its ends."""
    if not 0 <= level < len(CHAIN):
        raise OutOfReach("exp or log nested more deeply than the chain of primes")
    return Field(CHAIN[level])


@dataclass
class FieldPoint:
    """Sizes, and residues drawn when they are asked for; each level has its own.

    Whole numbers (one-hot rows, labels) are the same at all levels.
    """

    sizes: Sizes
    seed: tuple[int, ...]
    drawn: dict[tuple[Any, int], Array] = field(default_factory=dict)

    def rng(self, *key: int) -> Any:
        """A generator of its own for each purpose, so that order does not matter."""
        return np.random.default_rng([*self.seed, *key])

    def dims(self, v: Expr) -> tuple[int, ...]:
        """The concrete shape of an expression."""
        try:
            return concrete(v.shape, self.sizes)
        except DomainError as error:  # n - 4 entries, where n is 3
            raise Unlucky from error

    def scalar(self, name: str, level: int) -> Array:
        """A random residue other than 0 for each point: what e, i or π are at a level.

        It has nothing to do with a variable of that name. A square is positive, as π is.
        """
        key = (("constant", name), level)
        if key not in self.drawn:
            p = level_field(level).p
            rng = self.rng(1, _code(name), level)
            found = rng.integers(1, p // 2, size=BATCH)
            self.drawn[key] = found * found % p if name == "π" else found
        return self.drawn[key]

    def value(self, v: Expr, level: int) -> Array:
        """The residues of a variable at a level."""
        whole = bool(v.params[2] & (LABEL_FACTS | {"onehot"}))
        key = (v.name, 0 if whole else level)
        if key not in self.drawn:
            rng = self.rng(0, _code(v.name), key[1])
            alike = ALIKE if self.seed[-1] == 0 or rng.random() < 0.5 else 0
            at, dims = level_field(key[1]), self.dims(v)
            found = drawn(v, at, dims, rng, alike)
            if "orthogonal" in v.params[2] and len(dims) == 2:  # half of them are reflections
                turned = self.rng(2, _code(v.name)).random(BATCH) < 0.5
                found[turned, 0] = -found[turned, 0] % at.p
            self.drawn[key] = found
        found = self.drawn[key]
        return found % level_field(level).p if whole else found


def _code(name: str) -> int:
    return int.from_bytes(name.encode(), "big")


def drawn(v: Expr, at: Field, dims: tuple[int, ...], rng: Any, alike: int = 0) -> Array:
    """Residues that satisfy the facts declared of a variable.

    All labels are the same at the first points, as many as `alike`; both are present at the others.
    """
    facts: frozenset[str] = v.params[2]
    whole = (BATCH, *dims)
    if facts & ROW_FACTS:
        return _rows(v, at, whole, rng)
    if facts & LABEL_FACTS:
        often = rng.choice([0.5, 0.9])
        bits = (rng.random(size=(whole[0], int(np.prod(whole[1:])))) > often).astype(np.int64)
        if bits.shape[1] > 1:
            same = (bits == bits[:, :1]).all(axis=1)
            bits[same, 0] ^= 1
            bits[:alike] = bits[:alike, :1]
        return (1 - (1 if "binary" in facts else 2) * bits).reshape(whole)
    x = rng.integers(0, at.p, size=whole)
    if "positive" in facts:
        x = x * x % at.p
    if is_scalar(v.shape):
        return x * x % at.p if "posdef" in facts else x
    return _structured(x, facts, at) if len(dims) == 2 else x


def _structured(x: Array, facts: Iterable[str], at: Field) -> Array:
    turned = np.swapaxes(x, -1, -2)
    n = x.shape[-1]
    if "orthogonal" in facts:  # Cayley: (I - S)⁻¹(I + S) for a skew S
        skew = np.triu(x, 1) - np.triu(x, 1).swapaxes(-1, -2)
        unit = np.eye(n, dtype=np.int64)
        x = np.matmul(at.reduced(unit - skew)[0], (unit + skew) % at.p) % at.p
    if "posdef" in facts:
        # A triangular square root gives a positive diagonal where that is wanted as well.
        x = np.matmul(x, turned) % at.p
    if "symmetric" in facts:
        x = np.triu(x) + np.triu(x, 1).swapaxes(-1, -2)
    if "skew" in facts:
        x = (np.triu(x, 1) - np.triu(x, 1).swapaxes(-1, -2)) % at.p
    if "lower" in facts:
        x = np.tril(x)
    if "upper" in facts:
        x = np.triu(x)
    if "diagonal" in facts:
        x = x * np.eye(n, dtype=np.int64)
        if "posdef" in facts:
            x = x * x % at.p
    if "idempotent" in facts:
        k = 1 + int(x[0, 0, 0]) % n
        inner = at.reduced(np.matmul(x[:, :k], x[:, :, :k]) % at.p)[0]
        x = np.matmul(np.matmul(x[:, :, :k], inner) % at.p, x[:, :k]) % at.p
    return x


def _rows(v: Expr, at: Field, whole: tuple[int, ...], rng: Any) -> Array:
    """Each row of a matrix, the whole of a vector, adds up to 1."""
    flat = len(whole) < 3 or v.shape[-1] == 1
    shape = (BATCH, 1, int(np.prod(whole[1:]))) if flat else (BATCH, -1, whole[-1])
    x = rng.integers(0, at.p, size=whole).reshape(shape)
    if "onehot" in v.params[2]:
        x = np.eye(x.shape[-1], dtype=np.int64)[x.argmax(axis=-1)]
    else:
        x = x.copy()
        x[..., -1] = (1 - x[..., :-1].sum(axis=-1)) % at.p
    return x.reshape(whole)


def projected(x: Array, space: str | None, structure: str) -> Array:
    """A direction brought into the space of a structured variable, by a self-adjoint map.

    So that <projected gradient, V> = <gradient, projected V>.
    """
    if space is None or structure == "none":
        return x
    turned = np.swapaxes(x, -1, -2)
    unit = np.eye(x.shape[-1], dtype=np.int64)
    if space == "symmetric":
        both = x + turned
        return both - x * unit if structure == "independent" else both
    if space == "skew":
        return x - turned
    if space == "diagonal":
        return x * unit
    return np.tril(x) if space == "lower" else np.triu(x)


def halved(space: str | None, structure: str) -> bool:
    """True where `projected` leaves out a factor of one half."""
    return structure == "projected" and space in ("symmetric", "skew")
