"""Sizes that are not known yet, made equal as the text demands."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, count
from math import isqrt

from matderiv.errors import ShapeError, Span
from matderiv.shapes import (
    Dim,
    Shape,
    Size,
    counted,
    plain_names,
    plus,
    size_terms,
    times,
    triangle,
    with_sizes,
)

_OPEN = re.compile(r"\?[0-9]+")
_NAMES = ("m", "n", "p", "q", "r", "s", "t", "u", "v", "k")  # i, j, k, l are indices


class Sizes:
    """A union-find over open sizes (`?0`, `?1`, ...); declared names and numbers are fixed.

    `place` is the part of the text at work: each binding remembers it, so that a contradiction can
    say who bound which size. `clash` are two sizes that cannot be equal.
    """

    clash: tuple[Size, Size] = (0, 0)

    def __init__(self) -> None:
        self.bound: dict[str, Size] = {}
        self.origin: dict[str, Span] = {}
        self.place: Span | None = None
        self.arrays: dict[str, tuple[str, ...]] = {}
        self.met: list[str] = []  # names of sizes in the order of the arrays that have them
        self._numbers = count()

    def fresh(self) -> Dim:
        """A new open size."""
        return Dim((f"?{next(self._numbers)}",))

    def axes(self, number: int) -> Shape:
        """New open sizes, those of one array."""
        made = tuple(self.fresh() for _ in range(number))
        names = tuple(name for size in made for name in size.names)
        self.arrays |= dict.fromkeys(names, names)
        return made

    def current(self, size: Size) -> Size:
        """The size with everything known put in.

        Every name on the way is bound to the end of its chain, so that long chains are walked once.
        """
        if isinstance(size, int) or not self.bound:
            return size
        walked: list[str] = []
        while isinstance(size, Dim):
            for name in size.names:
                if name in self.bound or (name[-1] == ")" and self._is_known(name)):
                    break
            else:
                break
            if len(size.names) == 1 and size.coefficient == 1 and size.names[0] in self.bound:
                walked.append(size.names[0])
            size = with_sizes(size, self.bound)
        for name in walked:
            self.bound[name] = size
        return size

    def _is_known(self, name: str) -> bool:
        """True for a name of a triangle or a sum, vech(n), inside of which something is known."""
        return not self.bound.keys().isdisjoint(plain_names(name))

    def shape(self, shape: Shape) -> Shape:
        """The shape with everything known put in."""
        return tuple([self.current(s) for s in shape]) if shape else shape

    def unify(self, a: Size, b: Size) -> Size:
        """Make two sizes equal; ShapeError when they cannot be.

        >>> sizes = Sizes()
        >>> open_size = sizes.fresh()
        >>> str(sizes.unify(open_size, Dim(("n",)))), str(sizes.current(open_size))
        ('n', 'n')
        """
        a, b = self.current(a), self.current(b)
        if a == b:
            return a
        left, right = _reduced(a, b)
        for one, other in ((left, right), (right, left)):
            if self._bind(one, other):
                return self.current(a)
        if self._solved(a, b) or self._solved(b, a) or self._paired(a, b):
            return self.current(a)
        if self._multiplied(left, right) or self._stacked(a, b) or self._stacked(b, a):
            return self.current(a)
        self.clash = (a, b)
        raise ShapeError(f"{a} and {b} differ")

    def _solved(self, one: Size, other: Size) -> bool:
        """True if `one` is a sum with one open size, which takes what makes both equal."""
        if not isinstance(one, Dim) or len(one.names) != 1 or one.names[0][0] != "(":
            return False
        names = [n for n in plain_names(one.names[0]) if n[0] == "?"]
        rest = with_sizes(one, {n: 0 for n in names})
        if len(names) != 1 or plus(rest, Dim((names[0],))) != one or names[0] in str(other):
            return False
        found = plus(other, times(-1, rest))
        if isinstance(found, int) and found < 1:
            return False
        self.bound[names[0]] = found
        if self.place is not None:
            self.origin[names[0]] = self.place
        return True

    def _paired(self, a: Size, b: Size) -> bool:
        """True for sums of as many sizes, one of them open, which are equal one by one."""
        terms = [
            sorted(size_terms(s.names[0]), key=lambda t: self._place(str(t[1])))
            for s in (a, b)
            if isinstance(s, Dim) and len(s.names) == 1 and s.names[0][0] == "("
        ]
        if len(terms) < 2 or len(terms[0]) != len(terms[1]):
            return False
        left, right = terms
        if not all(
            i == j == 1 and (is_open(s) or is_open(t))
            for (i, s), (j, t) in zip(left, right, strict=True)
        ):
            return False
        for (_, s), (_, t) in zip(left, right, strict=True):
            self.unify(s, t)
        return True

    def _place(self, name: str) -> tuple[int, str]:
        """Open sizes by their numbers, then names as the text has them: [A; B]*x - [c; d]."""
        return (10**9 + self.met.index(name), "") if name in self.met else _order(name)

    def _multiplied(self, a: Size, b: Size) -> bool:
        """True for products of as many open sizes, which are equal one by one: vec(X)'*vec(A).

        In kron(B,A)*vec(X) the rows of X, which come first, are the columns of A, which come last.
        """
        if not (isinstance(a, Dim) and isinstance(b, Dim)) or a.coefficient != b.coefficient:
            return False
        sides = a.names, b.names
        every = [all(n[0] == "?" for n in side) for side in sides]
        equal = [len(side) > 1 and {*side} == {*plain_names(side[0])} for side in sides]  # n*n
        if len(a.names) != len(b.names) or not (all(every) or (any(every) and any(equal))):
            return False
        left, right = (sorted(s.names, key=_order) for s in (a, b))
        if self._of_one_array(left) != self._of_one_array(right):
            right = right[::-1]
        for one, other in zip(left, right, strict=True):
            self.unify(Dim((one,)), Dim((other,)))
        return True

    def _stacked(self, one: Size, other: Size) -> bool:
        """True for the entries of vech(S), which say the size of S."""
        word, sides = counted(str(one))
        if word != "vech" or not is_open(one):
            return False
        again, sizes = counted(str(other))
        if isinstance(other, int):
            sizes = ((isqrt(8 * other + 1) - 1) // 2,)
        elif again != word:
            return False
        return triangle(sizes[0]) == other and self.unify(*sides, *sizes) is not None

    def _of_one_array(self, names: list[str]) -> bool:
        """True for the sizes of X in vec(X)."""
        return len({self.arrays.get(name, (name,)) for name in names}) == 1

    def _bind(self, one: Size, other: Size) -> bool:
        """True if `one` is an open size, perhaps with a coefficient, and takes the value."""
        if not isinstance(one, Dim) or len(one.names) != 1 or one.names[0][0] != "?":
            return False
        names = other.names if isinstance(other, Dim) else ()
        number = other.coefficient if isinstance(other, Dim) else other
        if any(one.names[0] in plain_names(n) for n in names) or number % one.coefficient:
            return False
        self.bound[one.names[0]] = times(number // one.coefficient, *(Dim((n,)) for n in names))
        if self.place is not None:
            self.origin[one.names[0]] = self.place
        return True


def _order(name: str) -> tuple[int, str]:
    """Open sizes by their numbers, then names."""
    return (int(name[1:]) if name[1:].isdigit() and name[0] == "?" else 10**9), name


def _reduced(a: Size, b: Size) -> tuple[Size, Size]:
    """Both sizes without the names they share: n*k = n*m says k = m."""
    left = list(a.names) if isinstance(a, Dim) else []
    right = list(b.names) if isinstance(b, Dim) else []
    for name in list(left):
        if name in right:
            left.remove(name)
            right.remove(name)
    first = a.coefficient if isinstance(a, Dim) else a
    second = b.coefficient if isinstance(b, Dim) else b
    return times(first, *(Dim((n,)) for n in left)), times(second, *(Dim((n,)) for n in right))


def is_open(size: Size) -> bool:
    """True while the size contains an open name."""
    return isinstance(size, Dim) and any("?" in name for name in size.names)


def open_names(shapes: Iterable[Shape]) -> list[str]:
    """The open names in some shapes, in order of appearance."""
    sizes = [s for s in chain(*shapes) if isinstance(s, Dim)]
    found = [n for s in sizes for name in s.names for n in plain_names(name) if n[0] == "?"]
    return list(dict.fromkeys(found))


def fresh_names(names: list[str], taken: Iterable[str]) -> dict[str, str]:
    """Names for open sizes: n for a single one, else m, n, p, q, ... without collisions.

    >>> fresh_names(["?0"], ()), fresh_names(["?3", "?1"], {"n"})
    ({'?0': 'n'}, {'?3': 'm', '?1': 'p'})
    """
    used = set(taken)
    if len(names) == 1 and "n" not in used:
        return {names[0]: "n"}
    free = (name for name in _candidates() if name not in used)
    return dict(zip(names, free, strict=False))


def _candidates() -> Iterator[str]:
    yield from _NAMES
    for k in count(1):
        yield f"n{k}"


def renamed(size: Size, names: Mapping[str, str]) -> Size:
    """The size with open names replaced."""
    if not is_open(size) or not isinstance(size, Dim):
        return size
    used = {plain for name in size.names for plain in plain_names(name)}  # few; names are many
    return with_sizes(size, {old: Dim((names[old],)) for old in used if old in names})


def renamed_text(text: str, name: Callable[[str], str]) -> str:
    """A message with its open sizes (`?0`) named."""
    return _OPEN.sub(lambda match: name(match[0]), text)
