"""At which sizes an identity is tested, so that it holds at all of them.

A size is a number where it stands as one, and where entries are added up that need not differ:
n, sum(ones(n)) and tr(inv(A)*A). As a function of such numbers the difference of two formulas is a
quotient of polynomials; one that vanishes at more sizes than its degree is zero. Products of
variables alone bring in no number: they are equal for all sizes once the sizes exceed their length.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, permutations
from operator import mul
from typing import Any
from zlib import crc32

from matderiv.errors import DomainError
from matderiv.expr import Expr, apply, contains, fold, is_, number, number_value, variables, walk
from matderiv.lazy import np
from matderiv.numeric.draws import accretive, draw, enlarged
from matderiv.numeric.evaluate import Sizes, evaluate, sizes_in
from matderiv.shapes import is_scalar, plain_names, size_names, size_value

ROUNDS = 3  # choices of sizes, at least
SPARE = 3  # further choices, in place of some at which a formula has no value
MOST_ROUNDS = 40  # where the degree asks for more, nothing is said of all sizes
LARGEST_WORD = 12  # no size is drawn beyond this for the length of a product
SMALLER = (1, 1, 2**-12, 2**-24)  # of values that must make no difference, saturated or not
SPREAD = 5  # sizes are drawn from at least so many numbers

_SPECIAL_FACTS = {"orthogonal", "idempotent", "onehot", "simplex", "labels", "binary"}
_JUMPS = ("sign", "step", "where", "max", "min")
_LINEAR = ("neg", "transpose", "diag", "vec", "unvec", "permute", "tril", "triu")


@dataclass(frozen=True)
class SizePlan:
    """Choices of sizes in the order in which they are tried, and what must be seen of them.

    Every name needs more than `degree` values. `needed` are choices that differ in which of two
    sizes decides a rank, or in which places of an axis are one. `open` says why nothing that is
    seen stands for all sizes.
    """

    sizes: tuple[Sizes, ...]
    degree: int = 0
    needed: tuple[Sizes, ...] = ()
    open: str = ""

    def enough(self, found: Sequence[Sizes]) -> bool:
        """True if these sizes are as many as are needed."""
        if len(found) < min(ROUNDS, len(self.sizes)) or self.unseen(found):
            return False
        most = min(self.degree, MOST_ROUNDS)
        return all(len({sizes[n] for sizes in found}) > most for n in self.sizes[0])

    def unseen(self, found: Sequence[Sizes]) -> list[Sizes]:
        """The needed choices that are not among those found."""
        return [s for s in self.needed if not any(s.items() <= seen.items() for seen in found)]

    def missing(self, found: Sequence[Sizes]) -> str:
        """Why what holds at these sizes need not hold at all sizes; "" if it does."""
        return self.open or ("" if self.enough(found) else "too few sizes could be tested")


def planned(f: Expr, answer: Expr, names: list[str], longest: int, seed: int) -> SizePlan:
    """Choices of sizes at which an identity is tested, some spare ones at the end.

    >>> x, n = variable("x", (Dim(("n",)),)), apply("size", params=("n",))
    >>> planned(x.T @ x, 2 * x + (n - 2) * (n - 3) * (n - 4) * x, ["n"], 1, 0).degree
    3
    """
    if not names:
        return SizePlan(({},))
    degree = size_degree(f) + size_degree(answer)
    said = ""
    if degree >= MOST_ROUNDS:
        said = f"the sizes occur as a polynomial of degree {degree}"
    elif _compares_sizes(f, answer):
        said = "a size is compared with a number"
    rounds = max(ROUNDS, min(degree + 1, MOST_ROUNDS)) + SPARE
    key = [seed, crc32(f"{_print(f)} {_print(answer)}".encode())]
    plain = _drawn(names, rounds, longest, key)
    own = _same_places(f, answer, plain[0])
    matrices = dict.fromkeys(n.args[0].shape for n in walk(f, answer) if is_(n, "pinv"))
    for a, b in (pair for s in matrices for pair in permutations(dict.fromkeys(_names(s)), 2)):
        own.append({a: 3, b: 5})  # either of them decides the rank
    cells = [{**plain[0], **cell} for cell in own]
    found = [enlarged(s, f, answer) for s in (*plain[:ROUNDS], *cells, *plain[ROUNDS:])]
    return SizePlan(tuple(found), degree, tuple(found[ROUNDS : ROUNDS + len(cells)]), said)


def _drawn(names: list[str], rounds: int, longest: int, key: list[int]) -> list[Sizes]:
    """Sizes that differ within a choice, and for each name between choices.

    The second choice has them in the reverse order, beyond the longest product.
    """
    rng = np.random.default_rng(key)
    order = [names[k] for k in rng.permutation(len(names))]
    used: dict[str, set[int]] = {n: set() for n in names}
    found = []
    for place in range(rounds):
        least = max(2, min(longest + 1, LARGEST_WORD) if place == 1 else 2)
        order = order[::-1] if place == 1 else [names[k] for k in rng.permutation(len(names))]
        spread = max(SPREAD, rounds - SPARE) + len(names)
        values = sorted(int(v) for v in rng.choice(spread, len(names), replace=False) + least)
        sizes: Sizes = {}
        for name, value in zip(order, values, strict=True):
            while value in used[name] or value in sizes.values():
                value += 1
            sizes[name] = value
            used[name].add(value)
        found.append({n: sizes[n] for n in names})
    return found


def _print(e: Expr) -> int:
    """A number that depends on the formula alone, so that sizes are not known before it is."""

    def mixed(node: Expr, args: tuple[int, ...]) -> int:
        shown = [p for p in node.params if not isinstance(p, frozenset)]
        return crc32(repr((node.function.name, shown, args)).encode())

    return fold(e, mixed)


# Degrees -----------------------------------------------------------------------------------------

Below = dict[Hashable, int]
"""A common denominator: the degree in the sizes of each part that brought one in."""


def size_degree(e: Expr) -> int:
    """A bound for the degree of an elementary expression as a quotient of polynomials in its sizes.

    >>> x = variable("x", (Dim(("n",)),))
    >>> [size_degree(apply("sum", u, params=(None,))) for u in (x, x - 1, x / x)]
    [0, 1, 1]
    """
    above, below = fold(e, _degrees)
    return max(above, sum(below.values()))


def _degrees(node: Expr, inner: tuple[tuple[int, Below], ...]) -> tuple[int, Below]:
    name = node.function.name
    if not inner:
        return int(name == "size"), {}
    if name == "add":
        return degree_of_sum(inner)
    if name in ("div", "ediv"):
        (a, b), (c, d) = inner
        return a + sum(d.values()), joined(b, {node.args[1]: c} if c else {})
    if name in ("power", "epow"):
        return _power_degrees(node, inner)
    if name == "mean":
        a, b = inner[0]
        count = len(_summed(node))
        return a + (0 if _generic(node.args[0]) else count), joined(b, {_summed(node): count})
    if name in _CONTRACTIONS or name in _LINEAR:
        found: Below = {}
        for _, below in inner:
            found = joined(found, below)
        added = not (all(_generic(a) for a in node.args) or _picks(node))
        count = len(_summed(node)) if added else 0
        return sum(a for a, _ in inner) + count, found
    if name == "where":
        return sum(max(a, sum(b.values())) for a, b in inner), {}
    letter = max(max(a, sum(b.values())) for a, b in inner)  # a quantity of its own
    return letter + int(name in ("det", "prod") and not _generic(node.args[0])), {}


def _picks(node: Expr) -> bool:
    """True for a product with a unit vector, which takes a column or an entry and adds nothing."""
    if is_(node, "sum") and is_(node.args[0], "hadamard"):
        node = node.args[0]
        return len(node.shape) == 1 and any(is_(a, "unit") for a in node.args)
    if not is_(node, "mul") or len(node.args) != 2:
        return False
    return any(is_(a.args[0] if is_(a, "transpose") else a, "unit") for a in node.args)


_CONTRACTIONS = ("mul", "hadamard", "sum", "tr", "kron", "einsum", "cross", "vector", "matrix")


def _power_degrees(node: Expr, inner: tuple[tuple[int, Below], ...]) -> tuple[int, Below]:
    (a, b), (c, d) = inner
    k = number_value(node.args[1])
    if k is None:
        return a + sum(b.values()) + c + sum(d.values()), {}
    count = -(-abs(k).numerator // k.denominator)
    if len(node.args[0].shape) == 2 and is_(node, "power") and not _generic(node.args[0]):
        a += 1  # the products contract
    if k < 0:
        return count * sum(b.values()), {node.args[0]: count * a} if a else {}
    return count * a, {key: count * v for key, v in b.items()}


def degree_of_sum(inner: Sequence[tuple[int, Below]]) -> tuple[int, Below]:
    """The degree of a sum of quotients; a denominator that several have is counted once."""
    least: Below = {}
    for _, below in inner:
        least = {k: max(below.get(k, 0), least.get(k, 0)) for k in {**least, **below}}
    whole = sum(least.values())
    return max(a + whole - sum(b.values()) for a, b in inner), least


def joined(a: Below, b: Below) -> Below:
    """The denominator of a product."""
    return {k: a.get(k, 0) + b.get(k, 0) for k in {**a, **b}}


def _summed(node: Expr) -> tuple[str, ...]:
    """The names of the sizes over which a node adds up."""
    inside = [s for a in node.args for s in a.shape]
    if is_(node, "mean", "sum", "tr"):
        left = _names(inside)
        for n in _names(node.shape):
            left.remove(n)
        return tuple(left[: len(left) // 2] if is_(node, "tr") else left)
    if is_(node, "einsum"):
        operands, _, out = node.params[0].partition("->")
        letters = "".join(operands.split(","))
        sizes = dict(zip(letters, inside, strict=True))
        return tuple(n for c, s in sizes.items() if c not in out for n in size_names([(s,)]))
    if not is_(node, "mul"):
        return ()
    left = _names(inside)
    for n in _names(node.shape):
        if n in left:
            left.remove(n)
    return tuple(left[: len(left) // 2])


def _names(shape: Any) -> list[str]:
    names = (name for s in shape if not isinstance(s, int) for name in s.names)
    return sorted(p for name in names for p in plain_names(name))


def _generic(e: Expr) -> bool:
    """True if entries along every axis are unknowns of their own, so that no sum is a number."""
    found = e.cache.get("generic")
    if found is None:
        found = e.cache["generic"] = _is_generic(e)
    return bool(found)


def _is_generic(e: Expr) -> bool:
    if is_scalar(e.shape):
        return True
    name = e.function.name
    if name == "variable":
        return not e.params[2] & _SPECIAL_FACTS
    if name == "add":
        return all(a.shape == e.shape and _generic(a) for a in e.args)
    if name in ("hadamard", "kron"):
        axes = {s for a in e.args for s in a.shape}
        return axes >= {*e.shape} - {1} and all(map(_generic, e.args))
    if _picks(e):  # a column of unknowns
        return any(map(_generic, e.args))
    if name in ("mul", "sum", "mean", "einsum", *_LINEAR):
        return all(map(_generic, e.args))
    if name == "div":
        return _generic(e.args[0])
    if name in ("power", "epow"):
        k = number_value(e.args[1])
        return k is not None and k.denominator == 1 and k > 0 and _generic(e.args[0])
    return False


# Comparisons -------------------------------------------------------------------------------------


def _compares_sizes(f: Expr, answer: Expr) -> bool:
    """True where one of the formulas only compares a sum that depends on sizes alone."""
    jumping = [{n for n in walk(e) if _compares(n)} for e in (f, answer)]
    sums = {n for jump in jumping[0] ^ jumping[1] for n in walk(jump) if is_(n, "add")}
    sums |= {c for n in sums for c in _coefficients(n)}
    plain = (n for n in sums if not contains(n, *_JUMPS))
    return any(size_degree(n) and _of_sizes_alone(n) for n in plain)


def _coefficients(total: Expr) -> list[Expr]:
    """What the terms of a sum have beside a factor that several share: 1 + n - 7 for x + (n - 7)*x.

    >>> from matderiv.expr import apply, variable
    >>> x, n = variable("x"), apply("size", params=("n",))
    >>> [str(c.args[0].function.name) for c in _coefficients(x + (n - 7) * x)]
    ['number']
    """
    beside: dict[Expr, list[Expr]] = {}
    for term in total.args:
        inner = term.args[0] if is_(term, "neg") else term
        factors = list(inner.args) if is_(inner, "mul", "hadamard") else [inner]
        numbers = [a for a in factors if is_scalar(a.shape) and not variables(a)]
        rest = [a for a in factors if a not in numbers]
        if rest:
            key = rest[0] if len(rest) == 1 else apply(inner.function.name, *rest)
            sign = number(-1 if inner is not term else 1)
            beside.setdefault(key, []).append(reduce(mul, numbers, sign))
    return [apply("add", *parts) for parts in beside.values() if len(parts) > 1]


def _same_places(f: Expr, answer: Expr, sizes: Sizes) -> list[Sizes]:
    """Sizes at which two labels of one axis, or a label and a number, are the same place."""
    units = {n.params: isinstance(n.params[1], int) for n in walk(f, answer) if is_(n, "unit")}
    pairs = combinations(sorted(units, key=lambda u: units[u]), 2)  # labels before numbers
    same = [(a, b) for (s, a), (t, b) in pairs if s == t and not isinstance(a, int)]
    return [{_names([a])[0]: size_value(b, sizes)} for a, b in same]


def _compares(node: Expr) -> bool:
    if is_(node, *_JUMPS):
        return size_degree(node.args[0]) > 0
    return is_(node, "sqrt") and size_degree(node.args[0]) > 1


def _of_sizes_alone(node: Expr) -> bool:
    """True if other values of the variables make no difference, as in tr(inv(A)*A) - 10."""
    named = variables(node)
    if not named:
        return True
    sizes = {n: k + 3 for k, n in enumerate(sorted(sizes_in(node)))}
    found: list[Any] = []
    for seed, smaller in enumerate(SMALLER):
        values = draw(named, np.random.default_rng(seed + 1), sizes, strategy=accretive)
        free = {v.name for v in named if not v.params[2] & _SPECIAL_FACTS}
        values = {n: v * smaller if n in free else v for n, v in values.items()}
        try:
            found.append(evaluate(node, values, sizes))
        except DomainError:
            return True
    found = [v for v in found if np.isfinite(v).all()]
    scale = max((np.abs(v).max() for v in found), default=0.0)
    return all(np.abs(v - found[0]).max() <= 1e-14 * scale for v in found)
