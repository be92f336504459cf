"""Complete sets of entries as sums over an axis again: x_0*y_0 + x_1*y_1 + x_2*y_2 is Σ_i x_i*y_i.

SymPy writes products, traces and norms of matrices out in entries where sizes are whole numbers. A
sum is read as monomials: numbers times entries, or functions of entries, each with its places.
Monomials that are alike but for the places form a family, and where a family is complete along some
axes (of which equal places may be one) it is a sum over them. What is missing is subtracted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product as tuples
from math import prod
from typing import Any, NamedTuple

from matderiv.input.from_sympy.blocks import in_parts
from matderiv.input.from_sympy.places import (
    Kinds,
    Monomial,
    Places,
    determinant,
    filled,
    has_entries,
    indices,
    runs,
)
from matderiv.lazy import LazyModule, sp

_build: Any = LazyModule("matderiv.bridge.build")

MAX_POSITIONS = 8  # places of one monomial that are looked at
MAX_ASSIGNMENTS = 20_000
MAX_FIXED = 40  # places that may be fixed for a set of monomials
MAX_TERMS = 2_000  # of a Sum of SymPy that is written out

Blocks = tuple[int, ...]
"""The block of each position: positions of one block always have the same place.

-1 - k is no block, it says that the place is k.
"""


def gathered(root: Any) -> Any:
    """A SymPy object in which complete sets of entries are sums over an axis.

    >>> x, y = sp.MatrixSymbol("x", 3, 1), sp.MatrixSymbol("y", 3, 1)
    >>> gathered((x.T*y)[0, 0]).func.__name__, gathered(x[0, 0] + y[1, 0])
    ('Sum', x[0, 0] + y[1, 0])
    """
    if not has_entries(root):
        return root
    root = in_parts(root)
    kinds = Kinds()
    done: dict[Any, Any] = {}
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if node in done:
            continue
        if not ready:
            stack.append((node, True))
            stack += [(a, False) for a in _parts(node) if a not in done]
            continue
        done[node] = _rebuilt(kinds, node, done)
    return done[root]


def _parts(node: Any) -> Sequence[Any]:
    """The parts in which sets of entries may stand."""
    if isinstance(node, sp.Lambda | sp.Symbol | sp.MatrixSymbol | sp.BlockMatrix) or not node.args:
        return ()
    if isinstance(node, sp.MatrixBase):
        return tuple(node.flat())
    return tuple(a for a in node.args if isinstance(a, sp.Basic) and not a.is_Number)


def _rebuilt(kinds: Kinds, node: Any, done: Mapping[Any, Any]) -> Any:
    """A node with its parts gathered, and gathered itself where it is a sum or a matrix."""
    if isinstance(node, sp.MatrixBase):
        return _matrix(kinds, node, [done[a] for a in node.flat()])
    args = [done.get(a, a) for a in node.args]
    changed = any(a is not b for a, b in zip(args, node.args, strict=True))
    if isinstance(node, sp.Sum):
        node = node.func(*args) if changed else node
        return _written_out(kinds, node)
    if changed:
        node = node.func(*args)
    if isinstance(node, sp.Pow) and node.exp.is_even and isinstance(node.base, sp.Abs):
        node = node.base.args[0] ** node.exp
    if isinstance(node, sp.Max | sp.Min):
        return _extreme(kinds, node)
    return _sum(kinds, node) if isinstance(node, sp.Add) else node


def _written_out(kinds: Kinds, node: Any) -> Any:
    """A Sum over whole numbers that do not run over an axis, as its terms; others as they are."""
    counts = [b[2] - b[1] + 1 for b in node.limits if len(b) == 3 and b[0].is_Symbol]
    if len(counts) < len(node.limits) or not all(c.is_Integer and c > 0 for c in counts):
        return node
    if all(b[1] == 0 and runs(node.function, b[0], b[2] + 1) for b in node.limits):
        return node
    if sp.Mul(*counts) > MAX_TERMS:
        return node
    return gathered(sp.Sum(node.function, *node.limits).doit(deep=False))


# Families ----------------------------------------------------------------------------------------


class Family(NamedTuple):
    """Monomials alike but for their places: coefficients by monomial, the size of each position.

    `kinds` says in what order places are, `sample` are the factors of one of them, `apart` what has
    no places, `out` how many of the first positions are those of a matrix.
    """

    kinds: Kinds
    coefficients: dict[Monomial, Any]
    sizes: tuple[int, ...]
    sample: tuple[Any, ...]
    apart: Any
    out: int


def _sum(kinds: Kinds, node: Any) -> Any:
    """A sum of SymPy with its complete families as sums over axes."""
    families, rest = _families(kinds, (((), t) for t in node.args), ())
    found: list[Any] = []
    for family in families:
        c, matrix = determinant(family.sample, family.sizes, family.coefficients)
        found += [c * family.apart * sp.Determinant(matrix)] if matrix is not None else []
        parts, left = _taken(family)
        found += [_summed(family, blocks, c) for blocks, c in parts]
        rest += _single(family, left)
    return sp.Add(*found, *(t for _, t in rest)) if found else node


def _extreme(kinds: Kinds, node: Any) -> Any:
    """The largest or smallest of all entries of a vector of entries; others as they are."""
    families, rest = _families(kinds, (((), t) for t in node.args), ())
    if rest or len(families) != 1 or set(families[0].coefficients.values()) != {sp.S.One}:
        return node
    (family,) = families
    for blocks in _candidates(family, family.coefficients):
        lengths = _lengths(blocks, family.sizes)
        if len(lengths) == 1 and set(_made(family, blocks)) == set(family.coefficients):
            body, index = _body(family, blocks)
            ((block, count),) = lengths.items()
            place = sp.Lambda((index[block], sp.Dummy()), family.apart * body)
            column = sp.FunctionMatrix(count, 1, place)
            return _build.build("max" if isinstance(node, sp.Max) else "min", (column,))
    return node


def _matrix(kinds: Kinds, node: Any, entries: Sequence[Any]) -> Any:
    """An explicit matrix, complete families of its entries as functions of the place."""
    rows, cols = node.shape
    out = tuple(k for k in (rows, cols) if k != 1)
    if any(getattr(e, "is_Matrix", False) for e in entries):
        return node  # no numbers: what reads it says so
    if not out:
        return entries[0] if node.shape == (1, 1) else node
    each = []
    for k, entry in enumerate(entries):
        at = tuple(p for p, s in zip(divmod(k, cols), node.shape, strict=True) if s != 1)
        each += [(at, t) for t in sp.Add.make_args(entry) if t != 0]
    families, rest = _families(kinds, each, out)
    found: list[Any] = []
    for family in families:
        parts, left = _taken(family)
        found += [_function_of_place(family, blocks, c, node.shape) for blocks, c in parts]
        rest += _single(family, left)
    if rest or not found:
        left_over: dict[tuple[int, ...], Any] = defaultdict(lambda: sp.S.Zero)
        for at, t in rest:
            left_over[at] += t
        found.append(_explicit(node.shape, left_over))
    return sp.MatAdd(*found) if len(found) > 1 else found[0]


def _explicit(shape: tuple[int, int], entries: Mapping[tuple[int, ...], Any]) -> Any:
    def entry(i: int, j: int) -> Any:
        return entries.get(tuple(p for p, s in zip((i, j), shape, strict=True) if s != 1), 0)

    rows, cols = shape
    return sp.ImmutableDenseMatrix(rows, cols, lambda i, j: entry(int(i), int(j)))


def _families(
    kinds: Kinds, terms: Iterable[tuple[Places, Any]], out: tuple[int, ...]
) -> tuple[list[Family], list[tuple[Places, Any]]]:
    """The families that terms at places of a matrix form, and the terms that belong to none."""
    found: dict[Any, Family] = {}
    rest: list[tuple[Places, Any]] = []
    for at, term in terms:
        number, apart, factors = kinds.factors(term)
        keyed = sorted(((*kinds.of(f), f) for f in factors), key=lambda k: (k[0], k[1]))
        sizes = (*out, *(s for kind, _, _ in keyed for s in kinds.sizes[kind]))
        if len(sizes) > MAX_POSITIONS or not sizes or not number.is_finite:
            rest.append((at, term))
            continue
        key = apart, tuple(kind for kind, _, _ in keyed)
        sample = tuple(f for _, _, f in keyed)
        family = found.setdefault(key, Family(kinds, {}, sizes, sample, apart, len(out)))
        monomial = ((-1, at), *((kind, places) for kind, places, _ in keyed))
        before = family.coefficients.get(monomial, sp.S.Zero)
        family.coefficients[monomial] = before + number
    return list(found.values()), rest


# Complete sets -----------------------------------------------------------------------------------


def _taken(family: Family) -> tuple[list[tuple[Blocks, Any]], dict[Monomial, Any]]:
    """Sums over axes with their coefficients, and the monomials that are left."""
    left = {m: c for m, c in family.coefficients.items() if c != 0}
    parts: list[tuple[Blocks, Any]] = []
    while len(left) > 1:
        gains = [_gain(family, left, blocks) for blocks in _candidates(family, left)]
        gain, blocks, coefficient, made = max(gains, key=lambda g: g[0], default=(0, (), 0, {}))
        if gain < 1:
            break
        parts.append((blocks, coefficient))
        for monomial, times in made.items():
            value = left.pop(monomial, sp.S.Zero) - coefficient * times
            if value != 0:
                left[monomial] = value
    return parts, left


def _gain(
    family: Family, left: Mapping[Monomial, Any], blocks: Blocks
) -> tuple[int, Blocks, Any, Mapping[Monomial, int]]:
    """How many terms fewer there are without a complete set, and its coefficient."""
    made = _made(family, blocks)
    ratios = Counter(left[m] / times for m, times in made.items() if m in left)
    if not ratios:
        return 0, blocks, 0, made
    coefficient, gone = ratios.most_common(1)[0]
    if family.sample:
        return gone - sum(m not in left for m in made) - 1, blocks, coefficient, made
    return (gone - 1 if gone == len(made) else 0), blocks, coefficient, made


def _made(family: Family, blocks: Blocks) -> Mapping[Monomial, int]:
    """How often each monomial occurs in the sum over all blocks."""
    lengths = _lengths(blocks, family.sizes)
    sample = next(iter(family.coefficients))
    found: Counter[Monomial] = Counter()
    for values in tuples(*(range(lengths[b]) for b in sorted(lengths))):
        places = iter([values[b] if b >= 0 else -1 - b for b in blocks])
        factors = [(kind, tuple(next(places) for _ in at)) for kind, at in sample]
        found[(factors[0], *sorted(factors[1:]))] += 1
    return found


def _lengths(blocks: Blocks, sizes: Sequence[int]) -> dict[int, int]:
    """How many places each block has."""
    return {b: s for b, s in zip(blocks, sizes, strict=True) if b >= 0}


def _candidates(family: Family, left: Mapping[Monomial, Any]) -> Iterator[Blocks]:
    """Ways in which positions may belong together, the freest first."""
    rows = [tuple(p for _, at in m for p in at) for m in left]
    seen = _patterns(rows, family.sizes, family.out)
    columns = range(family.out, len(family.sizes))
    values = [(k, v) for k in columns for v in sorted({row[k] for row in rows})]
    if len(values) <= MAX_FIXED:
        for k, v in values:
            at = [row for row in rows if row[k] == v]
            if 1 < len(at) < len(rows):
                seen |= _patterns(at, family.sizes, family.out)
    for blocks in sorted(seen, key=lambda b: (-len(set(b)), b)):
        count = prod(_lengths(blocks, family.sizes).values())
        if 1 < count <= min(MAX_ASSIGNMENTS, 24 * len(left)):
            yield blocks


def _patterns(rows: Sequence[Places], sizes: Sequence[int], out: int) -> set[Blocks]:
    """The partitions of positions that rows of places suggest; a place that never changes stays."""
    columns = list(zip(*rows, strict=True))
    inner = [(k, c) for k, c in enumerate(columns) if k >= out and len(rows) > 1]
    fixed = {k: -1 - c[0] for k, c in inner if len(set(c)) == 1}
    free = [k for k in range(len(sizes)) if k not in fixed]
    found = {_pattern([row[k] for k in free], [sizes[k] for k in free]) for row in rows}
    found.add(_pattern([columns[k] for k in free], [sizes[k] for k in free]))
    at = {k: n for n, k in enumerate(free)}
    return {tuple(fixed[k] if k in fixed else p[at[k]] for k in range(len(sizes))) for p in found}


def _pattern(places: Sequence[Any], sizes: Sequence[int]) -> Blocks:
    """Equal places of equal size in one block, numbered in the order of their first positions."""
    known: dict[Any, int] = {}
    return tuple(known.setdefault(k, len(known)) for k in zip(places, sizes, strict=True))


# Back to SymPy -----------------------------------------------------------------------------------


def _body(family: Family, blocks: Blocks) -> tuple[Any, dict[int, Any]]:
    """The product under the sum, and the index of each block."""
    taken = set().union(*(f.atoms(sp.Dummy) for f in family.sample), ())
    free = (i for i in indices() if i not in taken)
    index = {b: next(free) if b >= 0 else sp.Integer(-1 - b) for b in sorted(set(blocks))}
    places = iter([index[b] for b in blocks[family.out :]])
    return sp.Mul(*(filled(family.kinds, f, places) for f in family.sample)), index


def _summed(family: Family, blocks: Blocks, coefficient: Any) -> Any:
    """Σ over the blocks, those of a Sum inside joined to it."""
    body, index = _body(family, blocks)
    lengths = {index[b]: s for b, s in _lengths(blocks, family.sizes).items()}
    outer = {index[b] for b in blocks[: family.out]}
    limits = [(i, 0, s - 1) for i, s in lengths.items() if i not in outer]
    flat: list[Any] = []
    taken = {*lengths, *body.atoms(sp.Dummy)}
    for f in sp.Mul.make_args(body):
        if isinstance(f, sp.Sum):
            f = _renamed(f, taken & {limit[0] for limit in limits}, taken)
            limits += [tuple(limit) for limit in f.limits]
            flat += sp.Mul.make_args(f.function)
        else:
            flat.append(f)
    whole = sp.Sum(sp.Mul(*flat), *limits) if limits else sp.Mul(*flat)
    return coefficient * family.apart * whole


def _renamed(node: Any, met: set[Any], taken: set[Any]) -> Any:
    """A Sum whose own indices are none of those `met`; new ones are added to `taken`."""
    change = {}
    for limit in node.limits:
        if limit[0] in met:
            change[limit[0]] = next(i for i in indices() if i not in taken)
            taken.add(change[limit[0]])
    return node.func(*(a.xreplace(change) for a in node.args)) if change else node


def _function_of_place(
    family: Family, blocks: Blocks, coefficient: Any, shape: tuple[int, int]
) -> Any:
    """The matrix whose entry at a place is the sum over the other blocks."""
    body = _summed(family, blocks, coefficient)
    _, index = _body(family, blocks)
    at = [index[b] for b in blocks[: family.out]]
    rows, cols = shape
    if len(at) == 2 and at[0] == at[1]:
        if not body.has(at[0]):
            return sp.MatMul(body, sp.Identity(rows)) if body != 1 else sp.Identity(rows)
        column = sp.FunctionMatrix(rows, 1, sp.Lambda((at[0], sp.Dummy()), body))
        return sp.DiagMatrix(column)
    named = iter(at)
    places = tuple(sp.Dummy() if s == 1 else next(named) for s in shape)
    return sp.FunctionMatrix(rows, cols, sp.Lambda(places, body))


def _single(family: Family, left: Mapping[Monomial, Any]) -> list[tuple[Places, Any]]:
    """The monomials of a family that no complete set has, as terms."""
    found = []
    for monomial, c in left.items():
        (_, at), *factors = monomial
        made = [
            filled(family.kinds, f, iter(map(sp.Integer, places)))
            for f, (_, places) in zip(family.sample, factors, strict=True)
        ]
        found.append((at, c * family.apart * sp.Mul(*made)))
    return found
