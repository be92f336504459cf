"""Expressions: interned, immutable trees that share equal parts, with a shape on every node.

Equal means `is`. Walks are iterative, so depth is not limited by Python's stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import cache, lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ref

from matderiv.shapes import Shape, Size, same, size_terms
from matderiv.work import spend

if TYPE_CHECKING:
    from matderiv.functions.record import Function

Params = tuple[Any, ...]
Number = int | Fraction
Value = TypeVar("Value")

REGISTRY: dict[str, Function] = {}
"""Every function there is, by name; filled by the records in `matderiv.functions`."""


class Expr:
    """One node: a function applied to arguments, with its parameters (axis, name, sizes, ...).

    Build with `apply`. In rules, `@` is the matrix product, `*`, `/` and `**` are elementwise with
    broadcasting (plain for scalars), `.T` transposes. `weight` counts the symbols a reader meets
    when it is printed;
    `within` has a bit for each function that occurs in it.
    """

    __slots__ = ("__weakref__", "args", "cache", "function", "params", "shape", "weight", "within")

    function: Function
    args: tuple[Expr, ...]
    params: Params
    shape: Shape
    weight: int
    within: int
    cache: dict[Any, Any]

    def __add__(self, other: Expr | Number) -> Expr:
        return apply("add", self, other)

    def __radd__(self, other: Number) -> Expr:
        return apply("add", other, self)

    def __sub__(self, other: Expr | Number) -> Expr:
        return apply("add", self, apply("neg", other))

    def __rsub__(self, other: Number) -> Expr:
        return apply("add", other, apply("neg", self))

    def __neg__(self) -> Expr:
        return apply("neg", self)

    def __mul__(self, other: Expr | Number) -> Expr:
        scalar = self.shape == () or not isinstance(other, Expr) or other.shape == ()
        return apply("mul" if scalar else "hadamard", self, other)

    def __rmul__(self, other: Number) -> Expr:
        return apply("mul", other, self)

    def __matmul__(self, other: Expr) -> Expr:
        return apply("mul", self, other)

    def __truediv__(self, other: Expr | Number) -> Expr:
        scalar = not isinstance(other, Expr) or other.shape == ()
        return apply("div" if scalar else "ediv", self, other)

    def __rtruediv__(self, other: Number) -> Expr:
        return apply("div" if self.shape == () else "ediv", other, self)

    def __pow__(self, other: Expr | Number) -> Expr:
        scalar = isinstance(other, Expr) and other.shape != ()
        return apply("epow" if self.shape or scalar else "power", self, other)

    @property
    def T(self) -> Expr:
        """The transpose; a scalar is its own."""
        return apply("transpose", self) if self.shape else self

    @property
    def name(self) -> str:
        """The name of a variable, size or constant; the function's name otherwise."""
        return self.params[0] if self.function.leaf and self.params else self.function.name

    def __repr__(self) -> str:
        return f"<{self.function.name} {self.shape}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as its nodes in order, so that depth is no limit; read back it is itself."""
        nodes = list(walk(self))
        place = {node: k for k, node in enumerate(nodes)}
        return _read_back, (
            tuple((n.function.name, tuple(place[a] for a in n.args), n.params) for n in nodes),
        )


def _read_back(nodes: tuple[tuple[str, tuple[int, ...], Params], ...]) -> Expr:
    """The last of some nodes, each with the places of its arguments among them."""
    made: list[Expr] = []
    for name, args, params in nodes:
        made.append(apply(name, *(made[k] for k in args), params=params))
    return made[-1]


class _Kept(ref[Expr]):
    """A node as long as it is used elsewhere, with its key."""

    __slots__ = ("key",)
    key: tuple[Any, ...]


_nodes: dict[tuple[Any, ...], _Kept] = {}


def _forget(gone: _Kept) -> None:
    if _nodes.get(gone.key) is gone:
        del _nodes[gone.key]


_CHAINS = frozenset(("add", "mul", "hadamard"))
_KEPT_BELOW = 64  # nodes: a longer walk is made again each time
_places: dict[str, int] = {}


@cache
def _bits(names: tuple[str, ...]) -> int:
    """The bits of some functions in `Expr.within`; a name that is new gets the next one."""
    return sum(1 << _places.setdefault(name, len(_places)) for name in set(names))


def apply(name: str, *args: Expr | Number, params: Params = ()) -> Expr:
    """The node `name(args)`; numbers become constants, shapes are checked strictly.

    A sum or a product of one argument is that argument, a product of none is 1. Raises ShapeError
    when the sizes do not fit.
    """
    nodes = tuple([a if a.__class__ is Expr else number(a) for a in args])
    if name in _CHAINS and len(nodes) < 2 and (nodes or name != "add"):
        return nodes[0] if nodes else number(1)
    key = (name, nodes, params)
    known = _nodes.get(key)
    found = known() if known else None
    spend(2 if found else 12)
    if found is None:
        function, found = REGISTRY[name], Expr()
        found.function, found.args, found.params = function, nodes, params
        found.shape = function.rule(tuple([a.shape for a in nodes]), params, same)
        weight, within = function.tokens(params, len(nodes)), _bits((name,))
        for a in nodes:
            weight += a.weight
            within |= a.within
        found.weight, found.within = weight, within
        found.cache = {}
        made = _Kept(found, _forget)
        made.key = key
        known = _nodes.setdefault(key, made)
        if known is not made and (other := known()) is not None:
            return other  # made meanwhile by another thread
        _nodes[key] = made
    return found


def variable(name: str, shape: Shape = (), facts: Iterable[str] = ()) -> Expr:
    """A variable with its shape and declared facts (`symmetric`, `positive`, ...)."""
    return apply("variable", params=(name, tuple(shape), frozenset(facts)))


def without_facts(v: Expr) -> Expr:
    """The variable of the same name of which nothing is declared; itself where nothing was.

    >>> S = variable("S", (2, 2), ("symmetric",))
    >>> without_facts(S) is variable("S", (2, 2)), without_facts(variable("a")) is variable("a")
    (True, True)
    """
    name, shape, _ = v.params
    return variable(name, shape)


def tangent(shape: Shape, which: int = 0) -> Expr:
    """A placeholder for the change of an argument, inside differentials."""
    return apply("tangent", params=(which, tuple(shape)))


@lru_cache(maxsize=1024)
def number(value: Number) -> Expr:
    """An exact constant."""
    return apply("number", params=(Fraction(value),))


def named_size(name: str) -> Expr:
    """A named size used as a number; a sum of sizes is written out."""
    if name[0] != "(":
        return apply("size", params=(name,))
    terms = [size_expr(t) if k > 0 else -size_expr(t) for k, t in size_terms(name)]
    return apply("add", *terms)


def size_expr(s: Size) -> Expr:
    """A size used as a number."""
    if isinstance(s, int):
        return number(s)
    factors: list[Expr | Number] = [named_size(n) for n in s.names]
    if s.coefficient != 1:
        factors.insert(0, s.coefficient)
    return apply("mul", *factors)


def eye(n: Size) -> Expr:
    """The identity matrix of size n."""
    return apply("eye", params=(n,))


def ones(*shape: Size) -> Expr:
    """A vector or matrix of ones; the number 1 without sizes."""
    return apply("ones", params=shape) if shape else number(1)


def zeros(shape: Shape) -> Expr:
    """A zero with a shape."""
    return apply("zeros", params=shape) if shape else number(0)


def is_(e: Expr, *names: str) -> bool:
    """True if the node applies one of these functions."""
    return e.function.name in names


def number_value(e: Expr) -> Fraction | None:
    """The value of a literal number, with its sign; None for anything else."""
    sign = 1
    while e.function.name == "neg":
        e, sign = e.args[0], -sign
    return sign * e.params[0] if e.function.name == "number" else None


def exact_value(e: Expr, heaviest: int = 9) -> Fraction | None:
    """The value of arithmetic with literal numbers, 3/2 - 1; None for anything else.

    >>> half = apply("div", 3, 2) - 1
    >>> exact_value(half), exact_value(variable("x") - 1)
    (Fraction(1, 2), None)
    """
    return fold(e, _exact) if e.weight <= heaviest else None


def _exact(node: Expr, args: tuple[Fraction | None, ...]) -> Fraction | None:
    known = [a for a in args if a is not None]
    if is_(node, "number"):
        return Fraction(node.params[0])
    if not known or len(known) < len(args):
        return None
    if is_(node, "neg"):
        return -known[0]
    if is_(node, "add"):
        return sum(known, Fraction(0))
    if is_(node, "mul", "hadamard"):
        return Fraction(prod(known))
    return known[0] / known[1] if is_(node, "div", "ediv") and known[1] else None


def contains(e: Expr, *names: str) -> bool:
    """True if one of these functions occurs in an expression."""
    return e.within & _bits(names) != 0


def walk(*roots: Expr) -> Iterable[Expr]:
    """Every node once, arguments before the node that uses them."""
    alone = len(roots) == 1
    if alone and (below := roots[0].cache.get("below")) is not None:
        return (*below, roots[0])
    nodes = _in_order(roots)
    if alone and len(nodes) <= _KEPT_BELOW:
        roots[0].cache["below"] = tuple(nodes[:-1])  # without itself: no circle keeps it alive
    return nodes


def _in_order(roots: tuple[Expr, ...]) -> list[Expr]:
    seen: set[Expr] = set()
    found: list[Expr] = []
    stack: list[Expr | None] = [*reversed(roots)]
    above: list[Expr] = []
    while stack:
        node = stack.pop()
        if node is None:
            found.append(above.pop())
        elif node not in seen:
            seen.add(node)
            if node.args:
                above.append(node)
                stack += (None, *node.args[::-1])
            else:
                found.append(node)
    return found


def fold(root: Expr, visit: Callable[[Expr, tuple[Value, ...]], Value]) -> Value:
    """The value of `root` when `visit(node, values of its arguments)` gives each node's value."""
    return fold_all((root,), visit)[0]


def dependents(f: Expr, *wrt: Expr) -> list[Expr]:
    """The nodes of f in which one of the variables occurs, arguments before users."""
    starts, found = set(wrt), dict[Expr, None]()
    for node in walk(f):
        if node in starts or not found.keys().isdisjoint(node.args):
            found[node] = None
    return list(found)


def fold_all(
    roots: tuple[Expr, ...], visit: Callable[[Expr, tuple[Value, ...]], Value]
) -> tuple[Value, ...]:
    """The values of several roots; what they share is visited once."""
    values: dict[Expr, Value] = {}
    for node in walk(*roots):
        values[node] = visit(node, tuple([values[a] for a in node.args]))
    return tuple([values[r] for r in roots])


def fold_kept(root: Expr, key: str, visit: Callable[[Expr, tuple[Value, ...]], Value]) -> Value:
    """What `fold` gives, kept with every node under a key, so that it is found once."""
    stack = [root]
    while stack:
        node = stack[-1]
        unknown = [a for a in node.args if key not in a.cache and key not in node.cache]
        stack += unknown
        if not unknown:
            stack.pop()
            if key not in node.cache:
                node.cache[key] = visit(node, tuple([a.cache[key] for a in node.args]))
    found: Value = root.cache[key]
    return found


def has(root: Expr, key: str, test: Callable[[Expr], bool]) -> bool:
    """True where a test holds for some node, remembered at every node under a key."""
    return fold_kept(root, key, lambda node, below: any(below) or test(node))


def rebuild(node: Expr, args: tuple[Expr, ...]) -> Expr:
    """The same function on other arguments; the node itself when nothing changed."""
    same_args = args == node.args
    return node if same_args else apply(node.function.name, *args, params=node.params)


def substitute(root: Expr, mapping: dict[Expr, Expr]) -> Expr:
    """`root` with nodes replaced; identity where nothing occurs."""
    if not mapping:
        return root
    return fold(root, lambda n, args: mapping[n] if n in mapping else rebuild(n, args))


def variables(*roots: Expr) -> list[Expr]:
    """The variables in order of first appearance."""
    return [n for n in walk(*roots) if n.function.name == "variable"]
