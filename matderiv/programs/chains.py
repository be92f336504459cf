"""Matrix products in the cheapest order, without matrices that only scale, sum or repeat.

diag(u)*M scales rows, M*ones(n) sums rows, ones(m)*v' repeats a row, inv(A)*b solves. The order
is that of least work (Cormen et al. 2009, sec. 15.2), with sizes known or estimated.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

from matderiv.programs.program import ProgramBuilder
from matderiv.shapes import Size
from matderiv.work import spend

Tree = int | tuple["Tree", "Tree"]
"""Which operand, or two trees that are joined."""

MOST_JOINED = 8  # operands of an einsum up to which every order is looked at
GEMM = 8.0  # how much faster a step of a product of matrices is than one entry by entry
MOST = 24  # longer products are multiplied from left to right, or from their first vector
Estimate = Callable[[Size], float]


class ChainFactor(NamedTuple):
    """One factor of a product: what it holds, and its rows and columns.

    `form` is matrix, column, row, diagonal (of a vector), inverse (of a matrix) or ones. A column
    and a row are kept as vectors; ones have no result, nor have rows of ones or columns of ones.
    """

    form: str
    slot: int
    rows: Size
    columns: Size


def multiplied(
    b: ProgramBuilder,
    factors: Sequence[ChainFactor],
    estimate: Estimate,
    shared: Collection[tuple[int, int]] = (),
) -> ChainFactor:
    """The product of factors that fit; `shared` are neighbours whose product others need too."""
    if len(factors) > MOST:
        return _in_turn(b, factors)
    known = [_is_known(b, f, g) or (f.slot, g.slot) in shared for f, g in pairwise(factors)]
    splits = _cheapest(factors, estimate, known)
    done: dict[tuple[int, int], ChainFactor] = {}
    stack = [(0, len(factors) - 1)]
    while stack:
        i, j = stack[-1]
        if i == j:
            done[i, j] = factors[i]
        else:
            k = splits[i, j]
            if (i, k) not in done or (k + 1, j) not in done:
                stack += [part for part in ((k + 1, j), (i, k)) if part not in done]
                continue
            done[i, j] = product(b, *_inverted(b, done[i, k], done[k + 1, j], estimate))
        stack.pop()
    return done[0, len(factors) - 1]


def _inverted(
    b: ProgramBuilder, left: ChainFactor, right: ChainFactor, estimate: Estimate
) -> tuple[ChainFactor, ChainFactor]:
    """Two neighbours, an inverse as such where the other has more columns than it.

    A product is so much faster than that many solutions that it pays to invert.
    """
    n = estimate(left.columns)
    if left.form == "inverse" and right.form == "matrix" and estimate(right.columns) > n:
        left = standing(b, left)
    if right.form == "inverse" and left.form == "matrix" and estimate(left.rows) > n:
        right = standing(b, right)
    return left, right


def _in_turn(b: ProgramBuilder, factors: Sequence[ChainFactor]) -> ChainFactor:
    """A long product, begun at a vector where there is one."""
    first = next((k for k, f in enumerate(factors) if f.form in ("column", "row")), 0)
    result = factors[first]
    for f in reversed(factors[:first]):
        result = product(b, f, result)
    for f in factors[first + 1 :]:
        result = product(b, result, f)
    return result


def _is_known(b: ProgramBuilder, left: ChainFactor, right: ChainFactor) -> bool:
    """True where the product of two neighbours was computed before."""
    plain = left.form in ("matrix", "row") and right.form in ("matrix", "column")
    kept = (
        {"row": (right.columns,), "matrix": (left.rows, right.columns)}[left.form] if plain else ()
    )
    shape = kept if right.form == "matrix" else (left.rows,)
    if plain and b.knows("matmul", left.slot, right.slot, shape=shape):
        return True
    return left.form == right.form == "matrix" and _knows_transpose(b, left, right)


def _knows_transpose(b: ProgramBuilder, left: ChainFactor, right: ChainFactor) -> bool:
    """True where B'*A' was computed before, whose transpose is A*B."""
    slots = (b.transposed(right.slot), b.transposed(left.slot))
    return b.knows("matmul", *slots, shape=(right.columns, left.rows))


def _cheapest(
    factors: Sequence[ChainFactor], estimate: Estimate, known: Sequence[bool]
) -> dict[tuple[int, int], int]:
    """Where to split each run of factors; products of neighbours that are `known` cost nothing."""
    n = len(factors)
    sizes = [estimate(f.rows) for f in factors] + [estimate(factors[-1].columns)]
    cheap = {k: f.form in ("diagonal", "ones") for k, f in enumerate(factors)}
    cost: dict[tuple[int, int], float] = {(k, k): 0.0 for k in range(n)}
    splits: dict[tuple[int, int], int] = {}
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            options = []
            for k in range(i, j):
                r, m, c = sizes[i], sizes[k + 1], sizes[j + 1]
                if length == 2 and known[i]:
                    work = 0.0
                elif i == k and cheap[i]:
                    work = max(r * c, m * c)
                elif k + 1 == j and cheap[j]:
                    work = max(r * c, r * m)
                else:
                    work = r * m * c
                options.append((cost[i, k] + cost[k + 1, j] + work, k))
            cost[i, j], splits[i, j] = min(options)
    return splits


def product(b: ProgramBuilder, left: ChainFactor, right: ChainFactor) -> ChainFactor:
    """Two neighbours multiplied."""
    rows, columns = left.rows, right.columns
    if "scalar" in (left.form, right.form):
        return _scaled(b, left, right)
    for form, meet in (("diagonal", _scaled_rows), ("ones", _summed_rows), ("inverse", _solved)):
        if left.form == form:
            return meet(b, left, right)
    for form, meet in (("diagonal", _scaled_columns), ("ones", _summed_columns)):
        if right.form == form:
            return meet(b, left, right)
    if right.form == "inverse":
        return turned(b, _solved(b, turned(b, right), turned(b, left)))
    if left.form == "column":
        outer = b.entrywise("mul", b.turned_up(left.slot, "column"), right.slot)
        return ChainFactor("matrix", outer, rows, columns)
    x, y = (
        b.whole(f.slot, _sides(f)) if f.form == "matrix" else b.real(f.slot) for f in (left, right)
    )
    if left.form == "row" and right.form == "column":
        return ChainFactor("scalar", b.add("dot", x, y), 1, 1)
    if left.form == "row":
        x, y = (y, x) if y in b.symmetric else (x, y)  # M*v is there for others
        return ChainFactor("row", b.add("matmul", x, y, shape=(columns,)), 1, columns)
    if right.form == "column":
        return ChainFactor("column", b.add("matmul", x, y, shape=(rows,)), rows, 1)
    if x != b.transposed(y) and _knows_transpose(b, left, right):
        slots = (b.transposed(y), b.transposed(x))
        known = b.add("matmul", *slots, shape=(columns, rows))
        return ChainFactor("matrix", b.transposed(known), rows, columns)
    return ChainFactor("matrix", b.add("matmul", x, y, shape=(rows, columns)), rows, columns)


def turned(b: ProgramBuilder, f: ChainFactor) -> ChainFactor:
    """The transpose of a factor."""
    form = {"column": "row", "row": "column"}.get(f.form, f.form)
    slot = b.transposed(f.slot) if f.form in ("matrix", "inverse") else f.slot
    return ChainFactor(form, slot, f.columns, f.rows)


def _scaled(b: ProgramBuilder, left: ChainFactor, right: ChainFactor) -> ChainFactor:
    number, other = (left, right) if left.form == "scalar" else (right, left)
    other = standing(b, other) if other.form in ("ones", "inverse") else other
    return other._replace(slot=b.entrywise("mul", number.slot, other.slot))


def _scaled_rows(b: ProgramBuilder, left: ChainFactor, right: ChainFactor) -> ChainFactor:
    u = left.slot
    if right.form == "diagonal":
        return ChainFactor("diagonal", b.entrywise("mul", u, right.slot), left.rows, right.columns)
    if right.form == "column":
        return ChainFactor("column", b.entrywise("mul", u, right.slot), left.rows, 1)
    m = b.turned_up(u, "column")
    if right.form != "ones":
        m = b.entrywise("mul", m, standing(b, right).slot)
    return ChainFactor("matrix", m, left.rows, right.columns)


def _scaled_columns(b: ProgramBuilder, left: ChainFactor, right: ChainFactor) -> ChainFactor:
    if left.form == "row":
        return ChainFactor("row", b.entrywise("mul", left.slot, right.slot), 1, right.columns)
    m = b.entrywise("mul", standing(b, left).slot, right.slot)
    return ChainFactor("matrix", m, left.rows, right.columns)


def _summed_rows(b: ProgramBuilder, left: ChainFactor, right: ChainFactor) -> ChainFactor:
    """ones*M: every row is the row of column sums; ones*v' repeats v'."""
    if right.form == "ones":
        if left.columns == 1:
            return ChainFactor("ones", -1, left.rows, right.columns)
        return product(b, standing(b, left), standing(b, right))
    if left.columns == 1:
        repeated = b.turned_up(right.slot, "row")
        return ChainFactor("matrix", repeated, left.rows, right.columns)
    sums = column_sums(b, right)
    if left.rows == 1:
        return sums
    if sums.form == "scalar":
        return ChainFactor("column", b.whole(sums.slot, (left.rows,)), left.rows, 1)
    return ChainFactor("matrix", b.turned_up(sums.slot, "row"), left.rows, right.columns)


def _summed_columns(b: ProgramBuilder, left: ChainFactor, right: ChainFactor) -> ChainFactor:
    return turned(b, _summed_rows(b, turned(b, right), turned(b, left)))


def column_sums(b: ProgramBuilder, f: ChainFactor) -> ChainFactor:
    """ones'*M, as a row; a number for a column."""
    if f.form == "column":
        return ChainFactor("scalar", b.add("sum", b.real(f.slot), params=(None, False)), 1, 1)
    if f.form == "diagonal":
        return ChainFactor("row", f.slot, 1, f.columns)
    m = b.whole(standing(b, f).slot, (f.rows, f.columns))
    summed = b.add("sum", m, params=(0, False), shape=(f.columns,))
    return ChainFactor("row", summed, 1, f.columns)


def _solved(b: ProgramBuilder, left: ChainFactor, right: ChainFactor) -> ChainFactor:
    """inv(A)*B as the solution of A*Z = B."""
    if right.form in ("diagonal", "ones", "inverse"):
        return product(b, standing(b, left), standing(b, right))
    slot = b.whole(right.slot, (right.rows,) if right.form == "column" else _sides(right))
    solution = b.add("solve", left.slot, slot, shape=b.shape(slot))
    return ChainFactor(right.form, solution, left.rows, right.columns)


def _sides(f: ChainFactor) -> tuple[Size, Size]:
    return (f.rows, f.columns)


def standing(b: ProgramBuilder, f: ChainFactor) -> ChainFactor:
    """A factor as a matrix, column or row that exists, spread out where it was implied."""
    if f.form == "inverse":
        slot = b.add("inv", b.real(f.slot), shape=_sides(f))
    elif f.form == "diagonal":
        slot = b.add("diag", b.real(f.slot), shape=_sides(f))
    elif f.form == "ones":
        if f.columns == 1:
            return ChainFactor("column", b.whole(b.number(1), (f.rows,)), f.rows, 1)
        if f.rows == 1:
            return ChainFactor("row", b.whole(b.number(1), (f.columns,)), 1, f.columns)
        slot = b.whole(b.number(1), _sides(f))
    else:
        return f
    return ChainFactor("matrix", slot, f.rows, f.columns)


def joining(
    operands: Sequence[frozenset[int]],
    out: Sequence[int],
    entries: Callable[[frozenset[int]], float],
) -> tuple[Tree, float]:
    """In which order to join the operands of an einsum; and the steps of its products of matrices.

    `operands` are their letters, `entries` counts those of an array with some letters.

    >>> operands = [frozenset({0, 1}), frozenset({1, 2}), frozenset({2})]
    >>> joining(operands, [0], lambda s: 9.0 ** len(s))
    (((2, 1), 0), 162.0)
    """
    n = len(operands)
    if n > MOST_JOINED:
        tree: Tree = 0
        for k in range(1, n):
            tree = (tree, k)
        return tree, 0.0
    spend(4 * 3**n)
    best: dict[int, tuple[float, Tree, float]] = {1 << k: (0.0, k, 0.0) for k in range(n)}
    kept = {s: _kept(operands, s, out) for s in range(1, 1 << n)}
    for s in range(1, 1 << n):
        half = (s - 1) & s
        while half and s & (s - 1):
            other = s ^ half
            if half > other:
                cost, steps = _joined_cost(kept[half], kept[other], kept[s], entries)
                left, right = best[half], best[other]
                whole = left[0] + right[0] + cost
                if s not in best or whole < best[s][0]:
                    best[s] = (whole, (left[1], right[1]), left[2] + right[2] + steps)
            half = (half - 1) & s
    _, tree, steps = best.get((1 << n) - 1, (0.0, 0, 0.0))
    return tree, steps


def _kept(operands: Sequence[frozenset[int]], s: int, out: Sequence[int]) -> frozenset[int]:
    """The letters of a set of operands that something else needs."""
    inside = frozenset[int]().union(*(o for k, o in enumerate(operands) if s >> k & 1))
    return inside & frozenset(out).union(*(o for k, o in enumerate(operands) if not s >> k & 1))


def _joined_cost(
    left: frozenset[int],
    right: frozenset[int],
    made: frozenset[int],
    entries: Callable[[frozenset[int]], float],
) -> tuple[float, float]:
    """The work of joining two, in entries that are read or written; and its steps."""
    steps = entries(left | right)
    if (left & right) <= made:
        return steps, 0.0
    both = bool(left - right) and bool(right - left)
    return steps / (GEMM if both else 2.0) + entries(made), steps
