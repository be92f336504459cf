"""Symmetric matrices as sums of Kronecker products of small blocks, never built as a whole.

An array with the axes (a, b, ...) has a Hessian with these axes twice. A block holds the rows of
some axes and the columns of as many; along the axes of its `batch`, row and column are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

from matderiv.errors import DomainError, LimitError, ShapeError
from matderiv.lazy import np, quiet
from matderiv.numeric.evaluate import MAX_ENTRIES

Array = Any
CLOSE = 1e-6  # of what is solved for, the most that a solution may miss


class Block(NamedTuple):
    """A matrix over the rows and columns of some axes, or a stack with one for each batch entry.

    `values` may be (L, R) with M = L'*R for fewer rows in L than M has; none are the identity.
    """

    batch: tuple[int, ...]
    rows: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()
    values: tuple[Any, ...] = ()

    @property
    def matrices(self) -> Array:
        """The matrix, or the stack with the axes batch, rows, columns."""
        return self.values[0].T @ self.values[1] if len(self.values) == 2 else self.values[0]

    def times(self, v: Array) -> Array:
        """The product with a matrix, or with a stack of them."""
        if len(self.values) == 2:
            return self.values[0].T @ (self.values[1] @ v)
        (m,) = self.values
        return m * v if m.shape[-2:] == (1, 1) else m @ v

    def __str__(self) -> str:
        if len(self.values) == 2:
            return f"rank {len(self.values[0])}"
        stack = "blocks" if self.rows else "diagonal"
        return (stack if self.batch else "matrix") if self.values else "identity"


class Product(NamedTuple):
    """A number times the Kronecker product of blocks, which have each axis once as row, column."""

    scale: Any
    blocks: tuple[Block, ...]

    def mapped(self, change: Callable[[Any], Any]) -> Product:
        """The product with something else for its arrays, and for a scale that is no number."""
        scale = self.scale if isinstance(self.scale, float) else change(self.scale)
        blocks = (b._replace(values=tuple(map(change, b.values))) for b in self.blocks)
        return Product(scale, tuple(blocks))

    @property
    def low(self) -> bool:
        """True for L'*R of all rows and columns."""
        return len(self.blocks) == 1 and len(self.blocks[0].values) == 2


class StructuredMatrix:
    """A symmetric matrix that is a sum of products over the long axes of a variable, of `sizes`.

    It multiplies vectors of all entries, arrays like the variable, which has the shape `entries`,
    and matrices of such vectors as columns. With `arrays`, the terms hold places in that list.

    >>> M = StructuredMatrix((2,), (2,), [Product(3.0, (Block((0,)),))])
    >>> M @ [1, 2], M.solve([3, 6]), round(M.logdet(), 6)
    (array([3., 6.]), array([1., 2.]), 2.197225)
    """

    __array_ufunc__ = None

    def __init__(
        self,
        sizes: tuple[int, ...],
        entries: tuple[int, ...],
        terms: Sequence[Product],
        arrays: Sequence[Array] | None = None,
    ) -> None:
        self.sizes, self.entries, self._terms, self._arrays = sizes, entries, terms, arrays

    @cached_property
    def terms(self) -> Sequence[Product]:
        """The products that are added up."""
        if self._arrays is None:
            return self._terms
        return [t.mapped(self._arrays.__getitem__) for t in self._terms]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return (prod(self.sizes),) * 2

    def __repr__(self) -> str:
        kinds = (" ⊗ ".join(map(str, t.blocks)) or "number" for t in self.terms)
        size = " × ".join(map(str, self.shape))
        return f"<structured matrix {size}: {' + '.join(dict.fromkeys(kinds)) or 0}>"

    def __matmul__(self, v: Any) -> Array:
        v, shape = self._columns(v)
        return self._times(v).reshape(shape)

    @quiet()
    def solve(self, b: Any) -> Array:
        """The x with H @ x = b; DomainError where the matrix is singular or close to it."""
        v, shape = self._columns(b)
        for work in (self._solved, self._blockwise) if self._update else (self._solved,):
            try:
                found = work(v)
            except np.linalg.LinAlgError:
                continue
            if np.linalg.norm(self._times(found) - v) <= CLOSE * np.linalg.norm(v):
                return found.reshape(shape)
        raise DomainError("the matrix is singular or close to it", hint="damped(0.1).solve(...)")

    def logdet(self) -> float:
        """The logarithm of the determinant; DomainError where that is not positive."""
        sign, value = self._logdet()
        if sign <= 0:
            raise DomainError("the determinant is not positive, so it has no logarithm")
        return value

    def to_dense(self) -> Array:
        """The array that `evaluate` gives: the axes of the variable twice."""
        return self._stacked(frozenset()).reshape(self.entries * 2)

    def damped(self, amount: float) -> StructuredMatrix:
        """The matrix plus a multiple of the identity, as for a Levenberg-Marquardt step."""
        more = Product(float(amount), tuple(Block((p,)) for p in range(len(self.sizes))))
        return StructuredMatrix(self.sizes, self.entries, [*self.terms, more])

    # Products ------------------------------------------------------------------------------------

    def _columns(self, v: Any) -> tuple[Array, tuple[int, ...]]:
        """What is multiplied, with the axes of the variable and one for columns, and its shape."""
        v = np.asarray(v, dtype=np.result_type(np.float32, np.asarray(v)))
        if v.shape != self.entries and v.shape[:1] != self.shape[:1]:
            size = " × ".join(map(str, self.shape))
            raise ShapeError(f"cannot multiply a matrix {size} by an array of shape {v.shape}")
        return v.reshape((*self.sizes, -1)), v.shape

    def _times(self, v: Array) -> Array:
        zero = np.zeros_like(v)
        return sum((self._through(t, v) * t.scale for t in self.terms), zero)

    def _through(self, term: Product, v: Array, *, back: bool = False) -> Array:
        """An array over the columns as one over the rows, by the blocks; `back` to solve."""
        n = len(self.sizes)
        here = list(range(n))  # columns by their axes, rows with n more
        for block in (b for b in term.blocks if b.values):
            gone, come = (block.rows, block.columns) if back else (block.columns, block.rows)
            first = [here.index(p) for p in (*block.batch, *gone)]
            others = [k for k in range(n) if k not in first]
            beside = [v.shape[k] for k in others]
            stack = [self._size(block.batch)] if block.batch else []
            v = v.transpose(*first, *others, n).reshape(*stack, self._size(gone), -1)
            v = _solved(block.matrices, v) if back else block.times(v)
            new = (*block.batch, *come)
            v = v.reshape(*(self.sizes[p] for p in new), *beside, -1)
            here = [*(n + p for p in new), *(here[k] for k in others)]
        return v.transpose(*np.argsort([p % n for p in here]), n)

    def _size(self, axes: Sequence[int]) -> int:
        return prod(self.sizes[p] for p in axes)

    # Systems -------------------------------------------------------------------------------------

    def _solved(self, v: Array) -> Array:
        if self._update is not None:
            simple, left, right, inner = self._update
            first = simple._solved(v).reshape(self.shape[0], -1)
            return (first - left @ np.linalg.solve(inner, right @ first)).reshape(v.shape)
        if self._one_product:
            (term,) = self.terms
            return self._through(term, v, back=True) / term.scale
        return self._blockwise(v)

    def _blockwise(self, v: Array) -> Array:
        stack, many, once = self._blocks
        rest = [p for p in range(len(self.sizes)) if p not in (*many, *once)]
        order = (*many, *rest, *once, len(self.sizes))
        turned = v.transpose(order)
        columns = turned.reshape(*turned.shape[: len(many)], stack.shape[-1], -1)
        return _solved(stack, columns).reshape(turned.shape).transpose(np.argsort(order))

    def _logdet(self) -> tuple[float, float]:
        """The sign of the determinant, and the logarithm of its size."""
        if self._update is not None:
            parts = [self._update[0]._logdet(), _slogdet(self._update[3])]
        elif self._one_product and all(b.rows == b.columns for b in self.terms[0].blocks):
            (term,) = self.terms
            parts = [_slogdet(np.full((1, 1), term.scale), self.shape[0])]
            for b in (b for b in term.blocks if b.values):
                often = self.shape[0] // self._size((*b.batch, *b.rows))
                parts.append(_slogdet(b.matrices, often))
        else:
            stack, _, once = self._blocks
            parts = [_slogdet(stack, self._size(once))]
        return prod(s for s, _ in parts), sum(value for _, value in parts)

    @cached_property
    def _one_product(self) -> bool:
        return len(self.terms) == 1 and all(
            self._size(b.rows) == self._size(b.columns) for b in self.terms[0].blocks
        )

    @cached_property
    def _update(self) -> tuple[StructuredMatrix, Array, Array, Array] | None:
        """D, inv(D)*L', R, I + R*inv(D)*L' of a matrix D + L'*R with a simpler D (Woodbury)."""
        low = [t for t in self.terms if t.low]
        rest = [t for t in self.terms if not t.low]
        simple = StructuredMatrix(self.sizes, self.entries, rest)
        if not low or not rest or not (simple._equal or simple._one_product):
            return None
        left = np.concatenate([t.blocks[0].values[0] for t in low])
        right = np.concatenate([t.scale * t.blocks[0].values[1] for t in low])
        if 4 * len(left) > self.shape[0]:
            return None
        try:
            left = simple._solved(left.T.reshape(*self.sizes, -1)).reshape(self.shape[0], -1)
        except np.linalg.LinAlgError:
            return None
        return simple, left, right, np.eye(len(right)) + right @ left

    @cached_property
    def _equal(self) -> frozenset[int]:
        """The axes along which the matrix is block diagonal."""
        every = frozenset(range(len(self.sizes)))
        return every.intersection(*({p for b in t.blocks for p in b.batch} for t in self.terms))

    @cached_property
    def _blocks(self) -> tuple[Array, list[int], list[int]]:
        """Blocks on the diagonal, the axes along which they change, and along which they do not."""
        stack, equal = self._stacked(self._equal), sorted(self._equal)
        once = [p for k, p in enumerate(equal) if stack.shape[k] == 1]
        many = [p for p in equal if p not in once]
        return stack.reshape(*(self.sizes[p] for p in many), *stack.shape[-2:]), many, once

    def _stacked(self, equal: frozenset[int]) -> Array:
        """A stack of matrices with the axes of `equal` as those of the stack, of 1 where alike."""
        n = len(self.sizes)
        rest = [p for p in range(n) if p not in equal]
        size = self._size(rest)
        if size**2 > MAX_ENTRIES:
            raise LimitError(f"a matrix {size} × {size} is too large to be built as a whole")
        out = [*sorted(equal), *rest, *(n + p for p in rest)]
        total = np.zeros([1] * len(equal) + [self.sizes[p] for p in rest] * 2)
        for t in self.terms:
            operands: list[Any] = [np.asarray(t.scale), []]
            for b in t.blocks:
                letters = [*b.batch, *b.rows, *(n + p for p in b.columns)]
                if b.values:
                    operands += [b.matrices.reshape([self.sizes[p % n] for p in letters]), letters]
                for p in b.batch:
                    if p not in equal:
                        operands += [np.eye(self.sizes[p]), [p, n + p]]
                    elif not b.values:
                        operands += [np.ones(1), [p]]
            total = total + np.einsum(*operands, out)
        return total.reshape(*total.shape[: len(equal)], size, size)


def _solved(stack: Array, v: Array) -> Array:
    return v / stack if stack.shape[-2:] == (1, 1) else np.linalg.solve(stack, v)


def _slogdet(stack: Array, often: int = 1) -> tuple[float, float]:
    """The sign and the logarithm of the determinant of all blocks, each so often."""
    signs, logs = np.linalg.slogdet(stack)
    return float(np.prod(signs)) ** often, float(np.sum(logs)) * often
