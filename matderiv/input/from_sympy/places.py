"""What entries are alike but for their places, and the same expression at other places."""

from collections.abc import Iterator, MutableMapping, Sequence
from functools import cache
from itertools import combinations, count, permutations
from typing import Any

from matderiv.bridge.sizes import every
from matderiv.input.from_sympy.blocks import WRITTEN
from matderiv.lazy import sp

Places = tuple[int, ...]
Monomial = tuple[tuple[int, Places], ...]
"""The factors of a term: the kind of each and its places, in order."""

MAX_DETERMINANT = 4  # the size up to which a determinant is known by its products
MAX_POWER = 6  # x_0^k is read as k factors up to here
COMMUTATIVE = ("Add", "Max", "Min", "And", "Or")


@cache
def _index(k: int) -> Any:
    return sp.Dummy(f"i{k}", integer=True, nonnegative=True)


def indices() -> Iterator[Any]:
    """The indices of our sums, always the same, so that equal sums are equal."""
    return map(_index, count())


def holes(element: Any) -> list[bool]:
    """Which places of an entry are whole numbers on an axis of more than one entry."""
    return [
        bool(place.is_Integer and size.is_Integer and size > 1)
        for place, size in zip(element.args[1:], element.args[0].shape, strict=True)
    ]


def is_entry(node: Any) -> bool:
    """True for an entry of a matrix."""
    return isinstance(node, sp.matrices.expressions.matexpr.MatrixElement)


def has_entries(root: Any) -> bool:
    """True where there is anything to gather; trees of any depth are looked through."""
    first = sp.MatrixBase, sp.Sum, sp.BlockMatrix
    return any(
        is_entry(n) or isinstance(n, first) or type(n).__name__ in WRITTEN for n in every(root)
    )


class Kinds:
    """Expressions by what they are apart from places: a number for each kind."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.sizes: dict[int, tuple[int, ...]] = {}
        self.known: dict[Any, tuple[int, Places]] = {}

    def of(self, node: Any) -> tuple[int, Places]:
        """The kind of an expression, and its places in the order in which `filled` takes them."""
        if node not in self.known:
            key, places, sizes = self._read(node)
            kind = self.numbers.setdefault(key, len(self.numbers))
            self.sizes[kind] = sizes
            self.known[node] = kind, places
        return self.known[node]

    def _read(self, node: Any) -> tuple[Any, Places, tuple[int, ...]]:
        if is_entry(node):
            parent, *places = node.args
            open_ = holes(node)
            kept = tuple(None if o else p for o, p in zip(open_, places, strict=True))
            at = tuple(int(p) for o, p in zip(open_, places, strict=True) if o)
            sizes = tuple(int(s) for o, s in zip(open_, parent.shape, strict=True) if o)
            return ("entry", parent, kept), at, sizes
        if not node.args or not _has_places(node):
            return node, (), ()
        function, parts = ordered(self, node)
        each = [self.of(a) for a in parts]
        places = tuple(p for _, at in each for p in at)
        sizes = tuple(s for kind, _ in each for s in self.sizes[kind])
        return (function, *(kind for kind, _ in each)), places, sizes

    def factors(self, term: Any) -> tuple[Any, Any, list[Any]]:
        """A term as a number, what has no places, and the factors that have some."""
        number, apart, factors = sp.S.One, sp.S.One, []
        for f in sp.Mul.make_args(term):
            if f.is_Number:
                number *= f
            elif not _has_places(f):
                apart *= f
            else:
                factors += _repeated(f)
        return number, apart, factors


def ordered(kinds: Kinds, node: Any) -> tuple[Any, list[Any]]:
    """The function of a node and its arguments, sorted where their order means nothing.

    A power is a product of equal factors, so that x_0*x_1 and x_0*x_0 are of one kind.
    """
    if isinstance(node, sp.Mul) or len(_repeated(node)) > 1:
        factors = [f for part in sp.Mul.make_args(node) for f in _repeated(part)]
        return sp.Mul, sorted(factors, key=kinds.of)
    if type(node).__name__ not in COMMUTATIVE:
        return node.func, list(node.args)
    return node.func, sorted(node.args, key=kinds.of)


def _repeated(f: Any) -> list[Any]:
    """The equal factors of a small power; anything else is one factor."""
    small = isinstance(f, sp.Pow) and f.exp.is_Integer and 1 < f.exp <= MAX_POWER
    return [f.base] * int(f.exp) if small else [f]


def _has_places(node: Any) -> bool:
    return any(is_entry(e) and any(holes(e)) for e in sp.preorder_traversal(node))


def filled(kinds: Kinds, node: Any, places: Iterator[Any]) -> Any:
    """The expression with its places in order replaced; the order is that of `kinds.of`."""
    if is_entry(node):
        at = [next(places) if o else p for o, p in zip(holes(node), node.args[1:], strict=True)]
        return type(node)(node.args[0], *at)
    if not node.args or not _has_places(node):
        return node
    function, parts = ordered(kinds, node)
    return function(*(filled(kinds, a, places) for a in parts))


def runs(body: Any, index: Any, count: Any) -> bool:
    """True where an index stands only for places of axes of `count` entries."""
    inner = {e: sp.Dummy() for e in sp.preorder_traversal(body) if is_entry(e)}
    whole = all(
        (place == index and count == size) or not place.has(index)
        for e in inner
        for place, size in zip(e.args[1:], e.args[0].shape, strict=True)
    )
    return whole and not body.xreplace(inner).has(index)


def determinant(
    sample: Sequence[Any], sizes: Sequence[int], coefficients: MutableMapping[Monomial, Any]
) -> tuple[Any, Any]:
    """c and X where all products of c*det(X) are there, which are taken; 0 and None elsewhere."""
    matrix, n = getattr(sample[0], "parent", None) if sample else None, len(sample)
    if not isinstance(matrix, sp.MatrixSymbol) or tuple(sizes) != (n,) * (2 * n):
        return 0, None
    kinds = [kind for kind, _ in next(iter(coefficients))]
    if not 1 < n <= MAX_DETERMINANT or set(kinds) != {-1, kinds[-1]} or len(kinds) != n + 1:
        return 0, None
    signs = {
        ((-1, ()), *((kinds[-1], (i, j)) for i, j in enumerate(order))): _sign(order)
        for order in permutations(range(n))
    }
    ratios = {coefficients.get(m, 0) * sign for m, sign in signs.items()}
    if len(ratios) > 1 or 0 in ratios:
        return 0, None
    for monomial in signs:
        del coefficients[monomial]
    return ratios.pop(), matrix


def _sign(order: Sequence[int]) -> int:
    """1 for an even permutation, -1 for an odd one."""
    return 1 - 2 * (sum(a > b for a, b in combinations(order, 2)) % 2)
