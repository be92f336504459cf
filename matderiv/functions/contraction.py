"""Sums of products of entries in numbers: two arrays at a time, within a bound for the work.

Numbers alone decide nothing about the work: a result of one entry may be a sum over the entries of
fourteen matrices. So the steps of every loop are counted before it runs.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from functools import cache
from itertools import combinations
from math import prod
from typing import Any

from matderiv.errors import LimitError
from matderiv.lazy import np
from matderiv.work import spend

MAX_STEPS = 10**8  # of one loop: about a second
WORTH_BLAS = 10**4  # steps from which a product of two arrays is arranged as one of matrices

Array = Any
Axes = tuple[int, ...]
Step = tuple[tuple[int, ...], tuple[Axes, ...], Axes]
"""Which of the waiting arrays are joined, their axes, and the axes of what they become."""


def contraction(
    operands: Sequence[tuple[Array, Sequence[Hashable]]], out: Sequence[Hashable]
) -> Array:
    """The sum over all indices that are not in `out` of the product of the operands' entries.

    Raises LimitError where some loop has more than MAX_STEPS steps.

    >>> contraction([(np.eye(2), "ij"), (np.array([1.0, 2.0]), "j")], "i")
    array([1., 2.])
    >>> many = [(np.ones((9, 9)), letters) for letters in ("ij", "jk", "kl", "li")]
    >>> float(contraction(many, ""))
    6561.0
    """
    numbers: dict[Hashable, int] = {}
    axes = tuple(tuple(numbers.setdefault(i, len(numbers)) for i in at) for _, at in operands)
    sizes: dict[int, int] = {}
    for (array, _), at in zip(operands, axes, strict=True):
        sizes |= {i: s for i, s in zip(at, np.shape(array), strict=True) if sizes.get(i, 1) == 1}
    known = tuple(sizes[i] for i in range(len(sizes)))
    waiting = [array for array, _ in operands]
    for places, given, made in _plan(axes, tuple(numbers[i] for i in out), known):
        steps = prod(known[i] for i in set().union(*given))
        if steps > MAX_STEPS:
            raise LimitError(f"a sum of products takes {steps} steps, the limit is {MAX_STEPS}")
        spend(20 + steps // 200 + 3 * len(waiting) ** 2)  # all pairs were looked at
        used = [waiting[k] for k in places]
        for k in reversed(places):
            del waiting[k]
        waiting.append(_joined(used, given, made, steps))
    return waiting[0]


@cache
def _plan(axes: tuple[Axes, ...], out: Axes, sizes: tuple[int, ...]) -> tuple[Step, ...]:
    """The steps from several arrays to one: first sums within one array, then cheap pairs."""
    steps: list[Step] = []
    left = list(axes)

    def join(*places: int) -> None:
        others = [a for k, a in enumerate(left) if k not in places]
        wanted = set(out).union(*others)
        given = tuple(left[k] for k in places)
        made = tuple(i for i in dict.fromkeys(sum(given, ())) if i in wanted)
        made = out if not others else made
        steps.append((places, given, made))
        left[:] = [*others, made]

    for k in reversed(range(len(left))):
        elsewhere = set(out).union(*(a for j, a in enumerate(left) if j != k))
        if len(left) > 1 and not set(left[k]) <= elsewhere:
            join(k)
    while len(left) > 2:
        join(*_alike(left) or _cheapest(left, out, sizes))
    join(*range(len(left)))
    return tuple(steps)


def _alike(left: list[Axes]) -> tuple[int, int] | None:
    """The first two arrays with the same axes: their product is no larger than either."""
    first: dict[frozenset[int], int] = {}
    for k, axes in enumerate(left):
        before = first.setdefault(frozenset(axes), k)
        if before != k:
            return before, k
    return None


def _cheapest(left: list[Axes], out: Axes, sizes: tuple[int, ...]) -> tuple[int, int]:
    """The two arrays whose product has the fewest entries beyond their own."""
    uses = Counter(i for axes in left for i in set(axes))
    uses.update(dict.fromkeys(out, len(left)))
    entries = [prod(sizes[i] for i in axes) for axes in left]
    distinct = [set(axes) for axes in left]

    def growth(pair: tuple[int, int]) -> int:
        """How many entries more there are when two arrays have become one."""
        a, b = (distinct[k] for k in pair)
        kept = (i for i in a | b if uses[i] > (i in a) + (i in b))
        return prod(sizes[i] for i in kept) - entries[pair[0]] - entries[pair[1]]

    return min(combinations(range(len(left)), 2), key=growth)


def _joined(arrays: list[Array], given: tuple[Axes, ...], made: Axes, steps: int) -> Array:
    small = {i: k for k, i in enumerate(dict.fromkeys(sum(given, ())))}
    pairs = [
        x for array, at in zip(arrays, given, strict=True) for x in (array, [small[i] for i in at])
    ]
    return np.einsum(*pairs, [small[i] for i in made], optimize=steps > WORTH_BLAS)
