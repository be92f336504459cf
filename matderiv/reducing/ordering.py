"""An order of factors and summed indices that depends on the product alone, not on its history.

A term is a graph, and the reduction of a graph leaves choices: which index to eliminate first,
which of two equal spellings to keep. Every such choice follows the order given here, so equal
terms are spelled alike however their factors and indices came about.

Indices are told apart by colour refinement: an index is known by its size, by the factors at it
and by the indices at their other ends, again and again. Indices that stay alike are
interchangeable within their part of the graph, so that either choice gives the same words.
Source: Weisfeiler & Leman 1968; Kiefer 2020, ch. 3.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from matderiv.expr import Expr, walk
from matderiv.tensors.tensor import Factor, Index, Indices
from matderiv.words.signs import reading_key

MAX_READ = 60  # expressions of more symbols are told apart by what `reading_key` sees
Key = tuple[Any, ...]


def spelling_key(e: Expr) -> Key:
    """Orders expressions by what is written in them, function by function.

    >>> A = variable("A", (2, 2))
    >>> rows, columns = (apply("sum", A, params=(k,)) for k in (2, 1))
    >>> reading_key(rows) == reading_key(columns.T) or spelling_key(rows) == spelling_key(columns)
    False
    """
    key: Key | None = e.cache.get("spelling")
    if key is None:
        words: tuple[str, ...] = ()
        if e.weight < MAX_READ:
            words = tuple(f"{n.name} {n.params}" if n.args else str(n.name) for n in walk(e))
        key = e.cache["spelling"] = (*reading_key(e), words)
    return key


def ranks(factors: Sequence[Factor], axes: Indices) -> dict[Index, int]:
    """The place of every index in the order: axes first, the summed ones by their surroundings.

    It does not depend on the order of the factors or on when an index was made.

    >>> A, v = variable("A", (2, 2)), variable("v", (2,))
    >>> i, j, k = (Index(2) for _ in range(3))
    >>> chain = [Factor(A, (i, j)), Factor(A, (j, k)), Factor(v, (k,))]
    >>> place = ranks(chain, (i,))
    >>> place == ranks(chain[::-1], (i,)), place[i], len(set(place.values()))
    (True, 0, 3)
    """
    present = dict.fromkeys(axes)
    for f in factors:
        present.update(dict.fromkeys(f.indices))
    if len(present) < len(axes) + 2:
        return {i: k for k, i in enumerate(present)}
    places: dict[Index, list[tuple[Key, int, Factor]]] = {}
    for f in factors:
        key = (spelling_key(f.expr), f.exponent)
        for position, i in enumerate(f.indices):
            places.setdefault(i, []).append((key, position, f))
    colours: dict[Index, Any] = {i: (1, str(i.size)) for i in places}
    colours.update((i, (0, k)) for k, i in enumerate(axes))
    known = _numbered(colours)
    classes = len(set(known.values()))
    while classes < len(known):
        finer = _numbered({i: (known[i], _surroundings(places.get(i, ()), known)) for i in known})
        if len(set(finer.values())) == classes:
            finer = _told_apart(finer, factors)
        known, classes = finer, len(set(finer.values()))
    return known


def _surroundings(at: Sequence[tuple[Key, int, Factor]], known: dict[Index, int]) -> list[Key]:
    return sorted((key, position, tuple(known[i] for i in f.indices)) for key, position, f in at)


def _numbered(colours: dict[Index, Any]) -> dict[Index, int]:
    order = {c: k for k, c in enumerate(sorted(set(map(_frozen, colours.values()))))}
    return {i: order[_frozen(c)] for i, c in colours.items()}


def _frozen(colour: Any) -> Any:
    return tuple(tuple(x) if isinstance(x, list) else x for x in colour)


def _told_apart(known: dict[Index, int], factors: Sequence[Factor]) -> dict[Index, int]:
    """Of indices that are still alike those of the part made first go before those of another.

    Within each connected part the one made first goes before the others, in all parts at once, so
    that many equal parts take no more rounds than one.
    """
    count = Counter(known.values())
    parts = _parts(factors)
    first: dict[int, Index] = {}
    for i in sorted(known, key=lambda i: (known[i], i.serial)):
        if count[known[i]] > 1:
            first.setdefault(parts[i], i)
    alike = {i: count[c] > 1 for i, c in known.items()}
    return _numbered(
        {i: (c, parts[i], i is not first[parts[i]]) if alike[i] else (c,) for i, c in known.items()}
    )


def _parts(factors: Sequence[Factor]) -> dict[Index, int]:
    """The connected part of each index, by the serial number of its first index."""
    beside: dict[Index, list[Index]] = {}
    for f in factors:
        for i in f.indices:
            beside.setdefault(i, []).extend(f.indices)
    parts: dict[Index, int] = {}
    for start in sorted(beside, key=lambda i: i.serial):
        reached = [] if start in parts else [start]
        for i in reached:
            if i not in parts:
                parts[i] = start.serial
                reached += beside[i]
    return parts


def in_order(factors: Sequence[Factor], place: dict[Index, int]) -> list[Factor]:
    """The factors in an order of their own; scalars keep the order in which they are read."""
    others = [f for f in factors if f.indices]
    if len(others) > 1:
        apart = len({reading_key(f.expr) for f in others}) == len(others)
        key_of = reading_key if apart else spelling_key
        others.sort(key=lambda f: (key_of(f.expr), f.exponent, tuple(place[i] for i in f.indices)))
    return [f for f in factors if not f.indices] + others
