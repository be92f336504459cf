"""Arithmetic with residues modulo a prime, on arrays of whole numbers.

The primes form a chain p, q, r, ... with p = 2q + 1, q = 2r + 1, ...: the squares modulo p are the
powers of one of them, and exponents live modulo q. So exp maps GF(q) into GF(p) and turns sums into
products, and log, the discrete logarithm, leads back. All primes are -1 modulo 2, 3, 5, 7 and 11,
so that small positive numbers are squares and -1 is not: being a square stands for being positive.
Sources: G. Gonnet 1984, Determining equivalence of expressions in random polynomial time;
J. Schwartz 1980; D. Shanks 1971 for the logarithm.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from matderiv.lazy import np

CHAIN = (71850239, 35925119, 17962559, 8981279, 4490639, 2245319, 1122659)

Array = Any  # an int64 array of residues; its first axis runs over the random points
_FEW = 48  # up to this many entries Python's own pow is faster
_BABY = 1 << 18  # entries in the table of small powers behind the discrete logarithm
_AT_ONCE = 16  # giant steps


class Unlucky(ArithmeticError):  # noqa: N818  (bad luck at a random point, not an error)
    """A zero divisor, or a root that does not exist, at this random point: draw another."""


@dataclass(frozen=True)
class Field:
    """The residues modulo a prime of the chain.

    >>> F = Field(CHAIN[-1])
    >>> int(F.inverse(np.array([2]))[0] * 2 % F.p)
    1
    """

    p: int

    def number(self, numerator: int, denominator: int = 1) -> int:
        """The residue of a fraction; Unlucky when the denominator vanishes."""
        if denominator % self.p == 0:
            raise Unlucky
        return numerator * pow(denominator, -1, self.p) % self.p

    def power(self, a: Array, k: int) -> Array:
        """Entries to a whole power, not negative."""
        if a.size <= _FEW:
            found = [pow(v, k, self.p) for v in a.ravel().tolist()]
            return np.array(found, dtype=np.int64).reshape(a.shape)
        result = np.ones_like(a)
        while k:
            if k & 1:
                result = result * a % self.p
            a = a * a % self.p
            k >>= 1
        return result

    def inverse(self, a: Array) -> Array:
        """1/a entry by entry; Unlucky where an entry is 0."""
        if not a.all():
            raise Unlucky
        return self.power(a, self.p - 2)

    def character(self, a: Array) -> Array:
        """1 for squares, -1 for the others, 0 for 0: multiplicative, and odd, as a sign is."""
        found = self.power(a, (self.p - 1) // 2)
        return np.where(found == self.p - 1, -1, found)

    def root(self, a: Array) -> Array:
        """The root of a square that is a square itself: roots of products are products of roots."""
        return self.power(a, (self.p + 1) // 4)

    def exponential(self, exponents: Array) -> Array:
        """g to the power of residues modulo (p - 1)/2, for a fixed square g."""
        low, middle, high = _tables(self.p)
        first = low[exponents & 511] * middle[(exponents >> 9) & 511] % self.p
        return first * high[exponents >> 18] % self.p

    def logarithm(self, squares: Array) -> Array:
        """The exponents of squares; Unlucky for 0."""
        if not squares.all():
            raise Unlucky
        values, places, strides, steps = _baby_steps(self.p)
        flat = squares.ravel()
        found = np.full(flat.shape, -1, dtype=np.int64)
        for giant in range(0, steps, _AT_ONCE):
            tried = flat[:, None] * strides[:-1] % self.p
            at = np.minimum(np.searchsorted(values, tried), len(values) - 1)
            row, step = np.nonzero(values[at] == tried)
            found[row] = places[at[row, step]] + (giant + step) * _BABY
            if (found >= 0).all():
                break
            flat = flat * strides[-1] % self.p
        return found.reshape(squares.shape) % ((self.p - 1) // 2)

    def reduced(self, matrices: Array) -> tuple[Array, Array]:
        """Inverses and determinants of a stack of matrices; Unlucky where one is singular."""
        p, n = self.p, matrices.shape[-1]
        unit = np.broadcast_to(np.eye(n, dtype=np.int64), matrices.shape)
        m = np.concatenate([matrices % p, unit], axis=-1)
        determinant = np.ones(len(m), dtype=np.int64)
        for k in range(n):
            determinant = _pivoted(m, k, determinant)
            pivot = m[:, k, k]
            row = m[:, k, :] * self.inverse(pivot)[:, None] % p
            m = (m - m[:, :, k, None] * row[:, None, :]) % p
            m[:, k, :] = row
            determinant = determinant * pivot % p
        return m[:, :, n:], determinant % p


def _pivoted(m: Array, k: int, determinant: Array) -> Array:
    """Swap rows so that the pivots of column k are not 0; the determinants with their signs."""
    zero = np.flatnonzero(m[:, k, k] == 0)
    for b in zero:
        below = np.flatnonzero(m[b, k:, k])
        if not len(below):
            raise Unlucky
        j = k + below[0]
        m[b, [k, j]] = m[b, [j, k]]
        determinant[b] = -determinant[b]
    return determinant


def _generator(p: int) -> int:
    """A fixed square other than 0 and 1, without a meaning of its own (not 4, not 9)."""
    return pow(0x9E3779B97F4A7C15 % p, 2, p)


@cache
def _tables(p: int) -> tuple[Array, Array, Array]:
    tables, g = [], _generator(p)
    for _ in range(3):
        row = [1]
        for _ in range(511):
            row.append(row[-1] * g % p)
        tables.append(np.array(row, dtype=np.int64))
        g = row[-1] * g % p
    return tables[0], tables[1], tables[2]


@cache
def _baby_steps(p: int) -> tuple[Array, Array, Array, int]:
    """Sorted small powers of g, their exponents, giant steps, and how many may be needed.

    >>> F, e = Field(CHAIN[-1]), np.array([12345])
    >>> F.logarithm(F.exponential(e)).tolist()
    [12345]
    """
    count = min(_BABY, p)
    powers = Field(p).exponential(np.arange(count))
    order = np.argsort(powers)
    strides = [pow(_generator(p), -_BABY * k, p) for k in range(_AT_ONCE + 1)]
    steps = (p // 2) // _BABY + 2
    return powers[order], order.astype(np.int64), np.array(strides, dtype=np.int64), steps
