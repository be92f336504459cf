"""Questions about one entry of an array: `x_1`, `X_{12}`, `x[1]`, `z_i` beside an f_i."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING, Any, NamedTuple

from matderiv.bridge.sizes import entry_parts, name_of
from matderiv.errors import MatderivError, UnknownName
from matderiv.expr import Expr, apply, substitute, variable, variables
from matderiv.language.tokens import canonical_name, is_name
from matderiv.lazy import later, np
from matderiv.numeric.evaluate import Array
from matderiv.shapes import Dim, Shape, Size

if TYPE_CHECKING:
    from matderiv.input import resolve
    from matderiv.input import variables as naming
    from matderiv.input.meaning import subscripts
    from matderiv.input.resolve import Reading
else:
    naming, resolve, subscripts = later("input.variables input.resolve input.meaning.subscripts")


class AskedEntry(NamedTuple):
    """An entry, a row or a column of an array, one place for each of its axes.

    A place is a number from 1, a label as text, the number of one of f's axes in brackets where
    the index is that of f, or None for the whole axis.

    >>> x = variable("x", (Dim(("n",)),))
    >>> AskedEntry("x_1", x, (1,)).variable.shape, AskedEntry("x_i", x, ((0,),)).variable.name
    ((), 'x_i')
    """

    name: str
    array: Expr
    at: tuple[int | str | tuple[int] | None, ...]

    @property
    def variable(self) -> Expr:
        """What the derivative is by, under its own name."""
        kept = [s for s, place in zip(self.array.shape, self.at, strict=True) if place is None]
        return variable(self.name, tuple(kept))

    def units(self) -> list[Expr | None]:
        """The unit vectors of the places that have one."""
        return [
            unit(size, place) if isinstance(place, int | str) else None
            for size, place in zip(self.array.shape, self.at, strict=True)
        ]

    def picked(self, value: Array, axes: int, order: int, sizes: Mapping[str, int]) -> Array:
        """The entry of a derivative's array, whose first axes are those of f."""
        for _ in range(order):
            kept = axes
            for place in self.at:
                if isinstance(place, tuple):
                    value = np.moveaxis(np.diagonal(value, 0, place[0], kept), -1, place[0])
                elif place is None:
                    kept += 1
                else:
                    number = place if isinstance(place, int) else sizes[place]
                    value = np.take(value, number - 1, kept)
            axes = kept
        return value


def unit(size: Size, place: int | str) -> Expr:
    """The unit vector of a size and a place, which may be the name of one."""
    return apply("unit", params=(size, Dim((place,)) if isinstance(place, str) else place))


def deltas(places: Mapping[int | str, Size]) -> dict[str, Expr]:
    """δ_ij for every two places of axes of one size, under the names by which it is read.

    >>> [(name, text(e)) for name, e in deltas({"i": 3, "j": 3, "k": 2}).items()]
    [('delta_ij', "unit(3,i)'*unit(3,j)"), ('delta_ji', "unit(3,j)'*unit(3,i)")]
    """
    pairs = [(p, q) for p, q in permutations(places, 2) if places[p] == places[q]]
    return {f"delta_{p}{q}": unit(places[p], p).T @ unit(places[q], q) for p, q in pairs}


def moved(entry: AskedEntry, by: Expr) -> Expr:
    """The array with its entry moved by so much: the derivative by that is the one by the entry.

    >>> text(moved(AskedEntry("x_1", x := variable("x", (3,)), (1,)), variable("t", ())))
    'x + t*unit(3,1)'
    """
    units = entry.units()
    if len(units) == 1 and units[0] is not None:
        return entry.array + by * units[0]
    row, column = units
    if row is not None and column is not None:
        return entry.array + by * (row @ column.T)
    if row is not None:
        return entry.array + row @ by.T
    assert column is not None
    return entry.array + by @ column.T


def tied(entry: AskedEntry, reading: Reading) -> tuple[Expr, ...]:
    """The unit vectors of the indices that an entry shares with f, by the letters as labels."""
    shared = [place[0] for place in entry.at if isinstance(place, tuple)]
    if shared and sorted(shared) != list(range(len(reading.free))):
        raise MatderivError(f"{entry.name} shares some of the indices of the expression, not all")
    shape = reading.expr.shape
    return tuple(unit(shape[k], reading.free[k]) for k in sorted(shared))


def picked(e: Expr, at: Sequence[Expr], kept: Shape = ()) -> Expr:
    """The entry at unit vectors of an array whose last axes are kept; a smaller one itself."""
    if not at or len(e.shape) != len(at) + len(kept):
        return e
    if len(at) == 2:
        return at[0].T @ e @ at[1]
    return e.T @ at[0]


def about_entry(reading: Reading, entry: AskedEntry, at: Sequence[Expr]) -> Reading:
    """The reading in which the array has moved by its entry, and f is picked at what they share.

    >>> reading = read("norm2(x)^2", shapes={"x": 3})
    >>> entry = entry_asked(reading, "x_1")
    >>> text(about_entry(reading, entry, ()).expr)
    'norm2(x + x_1*unit(3,1))^2'
    """
    letters = [reading.free[p[0]] if isinstance(p, tuple) else p for p in entry.at]
    array = moved(entry._replace(at=tuple(letters)), entry.variable)
    f = picked(substitute(reading.expr, {entry.array: array}), at)
    places = {p: s for p, s in zip(letters, entry.array.shape, strict=True) if p is not None}
    parts = (*deltas(places).items(), *reading.parts, (entry.array.name, array))
    labels = reading.labels | ({*reading.free} if at else set())
    sizes = reading.sizes | {*reading.free}
    return replace(reading, expr=f, parts=parts, sizes=sizes, labels=labels)


def entry_asked(reading: Reading | None, wrt: Any) -> AskedEntry | None:
    """The entry that a question is about, as `x_1`, `X_{12}`, `x[1]` or `z_i`; None for a name.

    An index that f has says which of its entries; one that f does not have stands for all entries,
    and where all places are such the question is about the whole array.

    >>> reading = read("x'*A*x")
    >>> entry_asked(reading, "x_1").at, entry_asked(reading, "x_i"), entry_asked(reading, "x")
    ((1,), None, None)
    """
    if reading is None or not isinstance(wrt, str) or naming.read_name(reading, wrt) is not None:
        return None
    name, array, label = _indexed(reading, wrt)
    if array is None or not array.shape or not label:
        return None
    digits = len(array.shape) == 1 and all(d.isdigit() for d in label)
    label = ("".join(label),) if digits else label
    if len(label) > len(array.shape) or "0" in label:
        return None
    free = list(reading.free)
    letters = subscripts.FREE | frozenset("mn") - reading.sizes
    at = [_place(place, free, letters) for place in label]
    at += [None] * (len(array.shape) - len(at))
    return AskedEntry(name, array, tuple(at)) if any(p is not None for p in at) else None


def entry_of_symbol(f: Expr, wrt: Any, free: tuple[str, ...] = ()) -> AskedEntry | None:
    """The entry that SymPy's x[0, 0] asks for, which counts from 0; None for anything else.

    An index that is `free` in f says which of its entries; another one stands for all entries.
    Raises UnknownName where f has no such array.

    >>> from matderiv.lazy import sp
    >>> X, i = sp.MatrixSymbol("X", 2, 3), sp.Symbol("i")
    >>> [entry_of_symbol(variable("X", (2, 3)), X[0, p]).at for p in (1, i)]
    [(1, 2), (1, None)]
    """
    array, places = entry_parts(wrt)
    if array is None:
        return None
    x = {v.name: v for v in variables(f)}.get(name_of(array))
    if x is None:
        raise UnknownName(f"{array} does not occur in the expression")
    kept = places if len(x.shape) == len(places) else places[:1]
    at = tuple(
        int(p) + 1 if p.is_Integer else (free.index(str(p)),) if str(p) in free else None
        for p in kept
    )
    numbers = [str(p) for p in at if isinstance(p, int)]
    label = ("" if max(map(len, numbers), default=0) < 2 else "_").join(numbers)
    return AskedEntry(f"{x.name}_{label}", x, at) if {*at} != {None} else None


def _indexed(reading: Reading, wrt: str) -> tuple[str, Expr | None, tuple[str, ...]]:
    """The name, the array and the places of an entry as typed."""
    base, bracket, rest = wrt.strip().partition("[")
    if bracket and rest.endswith("]"):
        base, at = canonical_name(base), [a.strip() for a in rest[:-1].split(",")]
        from_0 = reading.spelling == "python"
        label = tuple(str(int(a) + from_0) if a.isdigit() else a for a in at)
        fits = all(a.isdigit() or a == ":" or is_name(a) for a in label)
        return f"{base}_{''.join(label)}", reading.variables.get(base) if fits else None, label
    base, subscript = subscripts.split_label(naming.name_typed(wrt))
    array = reading.variables.get(reading.rows.get(base, base))
    return f"{base}_{subscript}", array, tuple(subscript)


def _place(place: str, free: list[str], letters: Collection[str]) -> int | str | tuple[int] | None:
    if place.isdigit():
        return int(place)
    if place in free:
        return (free.index(place),)
    return None if place in letters or place == ":" else place


def whole_of(reading: Reading, wrt: str) -> Expr | None:
    """The array behind `x_k` with an index k that f does not have; its entries are those of x.

    Raises MatderivError for one entry.
    """
    entry = entry_asked(reading, wrt)
    if entry is not None:
        raise MatderivError(
            f"{wrt} is an entry of {entry.array.name}: only single derivatives are by an entry",
            hint=f"the derivative by {entry.array.name}, which has the one by {wrt} as an entry",
        )
    _, array, label = _indexed(reading, wrt)
    return array if array is not None and 0 < len(label) <= len(array.shape) else None
