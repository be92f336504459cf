"""The exact identity test: f and an answer over a finite field, at random points.

The derivative of f comes from dual numbers, never from the symbolic rules. Acceptance means that a
non-zero polynomial would have vanished at all random points; exp, log and roots keep their laws
(see `residues`), sign is multiplicative and odd, other functions are keyed hashes. Where any of
these occur the bound rests on their behaving like random functions, and a rejection is only a hint.
Sources: J. Schwartz 1980; R. Zippel 1979; G. Gonnet 1984.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import log2, prod
from typing import Any

from matderiv.draws import draw_sizes
from matderiv.dual import (
    IMAGINARY,
    Element,
    OutOfReach,
    chained,
    exponential,
    inverse,
    linear,
    logarithm,
    minus,
    plus,
    scaled,
    times,
)
from matderiv.elementary import elementary
from matderiv.evaluate import Sizes, sizes_in
from matderiv.expr import Expr, apply, is_, walk
from matderiv.field_points import BATCH, FieldPoint, halved, level_field, projected
from matderiv.field_rules import LINEAR, RULES, aligned, constant
from matderiv.lazy import np
from matderiv.residues import Array, Field, Unlucky
from matderiv.shapes import size_value

LARGEST = 12  # no test size beyond this
ROUNDS = 3  # choices of sizes
TRIES = 12  # other points in place of unlucky ones
_MODELLED = frozenset({"exp", "sin", "cos", "log", "sqrt"})
_HASHED = frozenset({"arctan", "arcsin", "erf", "sign", "step", "where", "max", "min"})

Task = tuple[Expr, int, bool]
"""An expression at a level of the chain, with or without its derivative."""


@dataclass(frozen=True)
class ExactReport:
    """What the test found: "equal", "different" or "undecided".

    `model` says that functions beyond arithmetic were modelled; `hint` that a rejection may be due
    to them; `bits` bounds the error of an acceptance by 2^-bits; `covers` that a size exceeded the
    longest matrix word.
    """

    verdict: str
    sizes: tuple[tuple[tuple[str, int], ...], ...] = ()
    bits: int = 0
    model: bool = False
    hint: bool = False
    covers: bool = True
    reason: str = ""

    def __str__(self) -> str:
        if self.verdict != "equal":
            return f"exact test: {self.verdict}" + (f" ({self.reason})" if self.reason else "")
        shown = "; ".join(", ".join(f"{n} = {s}" for n, s in sizes) for sizes in self.sizes)
        where = f" at sizes {shown}" if shown else ""
        return f"exact identity test{where}, error below 2^-{self.bits}" + (
            " (random-function model)" if self.model else ""
        )


# Evaluation --------------------------------------------------------------------------------------


@dataclass
class Evaluation:
    """Values over the finite field at one point; `seeds` are the dual parts of variables."""

    point: FieldPoint
    base: int
    seeds: dict[Expr, Element] = field(default_factory=dict)
    moving: set[Expr] = field(default_factory=set)
    values: dict[Task, Element] = field(default_factory=dict)

    def at(self, root_node: Expr, *, dual: bool) -> Element:
        """The value of an expression at the base level."""
        target = self._task(self._moved(root_node), self.base, dual)
        stack = [target]
        while stack:
            task = stack[-1]
            if task in self.values:
                stack.pop()
                continue
            missing = [t for t in self._needs(task) if t not in self.values]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            self.values[task] = self._value(task)
        return self.values[target]

    def _moved(self, root_node: Expr) -> Expr:
        """Note which parts of an expression change with the seeds."""
        for node in walk(root_node):
            if node in self.seeds or any(a in self.moving for a in node.args):
                self.moving.add(node)
        return root_node

    def _task(self, node: Expr, level: int, dual: bool) -> Task:
        return node, level, dual and node in self.moving

    def _needs(self, task: Task) -> list[Task]:
        node, level, dual = task
        hop = {"exp": 1, "sin": 1, "cos": 1, "log": -1}.get(node.function.name)
        if hop is not None:
            (u,) = node.args
            return [self._task(u, level + hop, False)] + [(u, level, True)] * dual
        if is_(node, "sign", "step"):
            return [self._task(node.args[0], self.base, False)]
        found = [self._task(a, level, dual) for a in node.args]
        if is_(node, "where", "max", "min"):
            found.append(self._task(node.args[0], self.base, False))
        if dual and node.function.name in _SLOPES:
            slope = self._moved(_SLOPES[node.function.name](node.args[0]))
            found.append(self._task(slope, level, True))
        if is_(node, "epow", "power"):
            return found[:1]
        return found

    def _value(self, task: Task) -> Element:
        node, level, dual = task
        at, name = level_field(level), node.function.name
        args = [self.values[t] for t in self._needs(task)]
        if not node.args:
            return self._leaf(node, level, dual, at)
        out, dims = self.point.dims(node), [self.point.dims(a) for a in node.args]
        if name in LINEAR:
            change = LINEAR[name]
            return linear(args[0], lambda v: change(v, node, dims[0], out) % at.p)
        if name in RULES:
            return RULES[name](at, node, args, dims, out)
        if name in _SPECIAL:
            return _SPECIAL[name](self, node, args, level, dual)
        raise OutOfReach(node.function.label)

    def _leaf(self, node: Expr, level: int, dual: bool, at: Field) -> Element:
        name, dims = node.function.name, self.point.dims(node)
        if name == "variable":
            value: Element = {0: self.point.value(node, level)}
            return {**value, **self.seeds[node]} if dual else value
        if name == "number":
            number = node.params[0]
            residue = at.number(number.numerator, number.denominator)
            return {0: np.full(BATCH, residue, dtype=np.int64)}
        if name == "size":
            return {0: np.full(BATCH, self.point.sizes[node.params[0]] % at.p, dtype=np.int64)}
        if name == "pi":
            return {0: self.point.scalar("π", level)}
        sizes = tuple(size_value(p, self.point.sizes) for p in node.params)
        found = constant(name, dims, sizes)
        if found is None:
            raise OutOfReach(node.function.label)
        return {0: np.broadcast_to(found, (BATCH, *dims))}


def _spread(scalars: Array, like: Array) -> Array:
    return scalars.reshape((BATCH,) + (1,) * (like.ndim - 1))


def _power_of(point: FieldPoint, u: Element, level: int, names: tuple[str, str]) -> Element:
    """g^(e·a + i·b) for the exponent a + bi, which is known modulo the next prime."""
    at, below = level_field(level), level_field(level + 1)
    exponent = 0
    for k, name in enumerate(names):
        if k in u:
            exponent = exponent + _spread(point.scalar(name, level + 1), u[k]) * u[k] % below.p
    return {0: at.exponential(exponent % below.p)}


def _exp(e: Evaluation, node: Expr, args: list[Element], level: int, dual: bool) -> Element:
    value = _power_of(e.point, args[0], level, ("e", "i"))
    one: Element = {0: np.ones_like(value[0])}
    return exponential(level_field(level), args[1], value, one) if dual else value


def _rotation(e: Evaluation, node: Expr, args: list[Element], level: int, dual: bool) -> Element:
    """sin and cos by exp(iu) and exp(-iu)."""
    at = level_field(level)
    if IMAGINARY in args[0]:
        raise OutOfReach(f"{node.function.label} of a root")
    turn = _power_of(e.point, args[0], level, ("i", "i"))
    i: Element = {0: np.zeros_like(turn[0]), IMAGINARY: np.ones_like(turn[0])}
    if dual:
        turn = exponential(at, args[1], turn, i)
    back = inverse(at, turn)
    if is_(node, "cos"):
        return scaled(at, plus(at, turn, back), at.number(1, 2))
    return times(at, i, scaled(at, minus(at, turn, back), at.number(-1, 2)))


def _log(e: Evaluation, node: Expr, args: list[Element], level: int, dual: bool) -> Element:
    """log|u|: a logarithm modulo the prime above, of |u|⁴, divided by 4."""
    at, above = level_field(level), level_field(level - 1)
    u = args[0]
    norm = u[0] * u[0] % above.p
    if IMAGINARY in u:
        norm = (norm + u[IMAGINARY] * u[IMAGINARY]) % above.p
    exponent = above.logarithm(norm * norm % above.p)
    unit = at.inverse(4 * e.point.scalar("e", level) % at.p)
    value = {0: exponent * _spread(unit, exponent) % at.p}
    return logarithm(at, args[1], value) if dual else value


def _character(e: Evaluation, u: Element) -> Array:
    """The sign of a value: multiplicative and odd; of a + bi that of a + cb for a random c."""
    at = level_field(e.base)
    value = u[0]
    if IMAGINARY in u:
        value = (value + _spread(e.point.scalar("c", e.base), value) * u[IMAGINARY]) % at.p
    return at.character(value % at.p)


def _sign(e: Evaluation, node: Expr, args: list[Element], level: int, dual: bool) -> Element:
    found = _character(e, args[0])
    return {0: (found if is_(node, "sign") else found > 0).astype(np.int64) % level_field(level).p}


def _where(e: Evaluation, node: Expr, args: list[Element], level: int, dual: bool) -> Element:
    at, out = level_field(level), e.point.dims(node)
    test, first, second = (
        linear(a, lambda v, d=e.point.dims(n): aligned(v, d, out))
        for a, n in zip((args[3], *args[1:3]), node.args, strict=True)
    )
    mask = {0: (test[0] != 0).astype(np.int64)}
    chosen = plus(at, second, times(at, minus(at, first, second), mask))
    return linear(chosen, lambda v: np.broadcast_to(v, (BATCH, *out)))


def _extreme(e: Evaluation, node: Expr, args: list[Element], level: int, dual: bool) -> Element:
    """Some entry of each row, the same whenever the row differs by a constant only."""
    (axis,), dims = node.params, e.point.dims(node.args[0])
    at = level_field(e.base)
    flat = axis is None or len(dims) < 2

    def lined(v: Array) -> Array:
        return v.reshape(BATCH, -1) if flat else np.moveaxis(v, axis, -1)

    rows = lined(args[1][0])
    centred = (rows * rows.shape[-1] - rows.sum(axis=-1, keepdims=True)) % at.p
    signed = centred if is_(node, "max") else -centred % at.p
    place = _mixed(signed, 7).argmax(axis=-1)[..., None]
    out = (BATCH, *e.point.dims(node))
    return linear(args[0], lambda v: np.take_along_axis(lined(v), place, -1).reshape(out))


def _mixed(x: Array, key: int) -> Array:
    """A hash of residues (splitmix64)."""
    with np.errstate(over="ignore"):
        z = x.astype(np.uint64) + np.uint64((key * 0x9E3779B97F4A7C15) % 2**64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (z ^ (z >> np.uint64(31))) >> np.uint64(1)


def _odd(key: int) -> Any:
    """An odd function that is a keyed hash; its slope is evaluated from its own expression."""

    def rule(e: Evaluation, node: Expr, args: list[Element], level: int, dual: bool) -> Element:
        at = level_field(level)

        def base(u: Element) -> Element:
            if IMAGINARY in u:
                raise OutOfReach(f"{node.function.label} of a root")
            negative = u[0] > at.p // 2
            mixed = _mixed(np.where(negative, at.p - u[0], u[0]), key) % at.p
            mixed = np.where(u[0] == 0, 0, mixed)
            return {0: np.where(negative, -mixed % at.p, mixed)}

        return chained(at, args[0], base, args[1] if dual else {})

    return rule


_SPECIAL: dict[str, Callable[[Evaluation, Expr, list[Element], int, bool], Element]] = {
    "exp": _exp,
    "sin": _rotation,
    "cos": _rotation,
    "log": _log,
    "sign": _sign,
    "step": _sign,
    "where": _where,
    "max": _extreme,
    "min": _extreme,
    "arctan": _odd(1),
    "arcsin": _odd(2),
    "erf": _odd(3),
}
_SLOPES: dict[str, Callable[[Expr], Expr]] = {
    "arctan": lambda u: 1 / (1 + u * u),
    "arcsin": lambda u: 1 / apply("sqrt", 1 - u * u),
    "erf": lambda u: 2 / apply("sqrt", apply("pi", params=("pi",))) * apply("exp", -(u * u)),
}


# The test ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Identity:
    """The claim that `answer` is the derivative of f along `path`, one variable for each order.

    `arrange(array, outer, inner)` gives an answer (points first) the axes of f, then of the
    variables. `upstream` weights f; `tangent` is the direction; `space` and `structure` say how
    the derivative is projected.
    """

    f: Expr
    path: tuple[Expr, ...]
    answer: Expr
    arrange: Callable[[Array, tuple[int, ...], list[tuple[int, ...]]], Array]
    upstream: Expr | None = None
    tangent: Expr | None = None
    space: str | None = None
    structure: str = "projected"


def exact_test(identity: Identity, *, rounds: int = ROUNDS, seed: int = 0) -> ExactReport:
    """Whether an answer equals the derivative, as an identity, at several choices of sizes.

    >>> from matderiv.expr import variable
    >>> from matderiv.shapes import Dim
    >>> x = variable("x", (Dim(("n",)),))
    >>> identity = Identity(x.T @ x, (x,), 2 * x, lambda a, outer, inner: a)
    >>> print(exact_test(identity, rounds=1).verdict)
    equal
    """
    try:
        f, answer = elementary(identity.f), elementary(identity.answer)
        return _tested(identity, f, answer, rounds, seed)
    except OutOfReach as reason:
        return ExactReport("undecided", reason=f"no exact model of {reason}")
    except Unlucky:
        return ExactReport("undecided", reason="no admissible point found")


def _tested(identity: Identity, f: Expr, answer: Expr, rounds: int, seed: int) -> ExactReport:
    nodes = {n.function.name for n in walk(f, answer)}
    model = bool(nodes & (_MODELLED | _HASHED))
    base = int("log" in nodes)
    names = sorted(sizes_in(f, answer, *identity.path))
    longest = longest_word(f, answer)
    found, bits = [], 10**6
    for place in range(rounds if names else 1):
        least = min(longest + 1, LARGEST) if place == 1 else 2
        for turn in range(TRIES):
            sizes = _sizes(names, np.random.default_rng([seed, place, turn]), least)
            point = FieldPoint(sizes, (seed, place, turn))
            try:
                equal, deepest = _equal(identity, f, answer, point, base)
                break
            except Unlucky:
                if turn == TRIES - 1:
                    raise
        found.append(tuple(sorted(sizes.items())))
        if not equal:
            return ExactReport("different", tuple(found), model=model, hint=model)
        degree = degree_bound(f, sizes) * 2 + degree_bound(answer, sizes) + len(identity.path)
        lowest = level_field(min(deepest, 6)).p
        bits = min(bits, int(BATCH * (log2(lowest) - log2(degree + 1))))
    covers = not names or longest < LARGEST
    return ExactReport("equal", tuple(found), max(bits, 0), model, model, covers)


def _sizes(names: list[str], rng: Any, least: int) -> Sizes:
    if least <= 2:
        return draw_sizes(names, rng)
    return dict(zip(names, (least + int(k) for k in rng.permutation(len(names))), strict=True))


def _equal(
    identity: Identity, f: Expr, answer: Expr, point: FieldPoint, base: int
) -> tuple[bool, int]:
    """Whether truth and answer agree at a point, and the deepest level that was used."""
    at = level_field(base)
    shapes = [point.dims(v) for v in identity.path]
    directions = _directions(identity, point, base, shapes)
    seeds: dict[Expr, Element] = {}
    top = 0
    for k, (v, direction) in enumerate(zip(identity.path, directions, strict=True)):
        moved = projected(direction, identity.space, identity.structure) % at.p
        if halved(identity.space, identity.structure):
            moved = moved * at.number(1, 2) % at.p
        seeds.setdefault(v, {})[2 << k] = moved
        top |= 2 << k
    run = Evaluation(point, base, seeds)
    truth = run.at(f, dual=True)
    claim = run.at(answer, dual=False)
    outer = tuple(s for s in point.dims(f) if s != 1)
    for part in (0, IMAGINARY):
        wanted = truth.get(top | part)
        given = claim.get(part)
        left = 0 if wanted is None else wanted.reshape(BATCH, -1)
        if identity.upstream is not None and wanted is not None:
            weights = point.value(identity.upstream, base).reshape(BATCH, -1)
            left = (weights * left % at.p).sum(axis=1, keepdims=True) % at.p
        right: Any = 0
        if given is not None:
            inner = [] if identity.tangent is not None else shapes
            axes = () if identity.upstream is not None else outer
            arranged = identity.arrange(given, axes, inner)
            right = _contracted(arranged, axes, directions if inner else [], at.p)
        if np.any((left - right) % at.p):
            return False, 0
    return True, max(level for _, level, _ in run.values)


def _directions(
    identity: Identity, point: FieldPoint, base: int, shapes: list[tuple[int, ...]]
) -> list[Array]:
    if identity.tangent is not None:
        return [point.value(identity.tangent, base).reshape(BATCH, *shapes[0])]
    at = level_field(base)
    return [
        point.rng(10**6 + k).integers(0, at.p, size=(BATCH, *shape))
        for k, shape in enumerate(shapes)
    ]


def _contracted(claim: Array, outer: tuple[int, ...], directions: list[Array], p: int) -> Array:
    claim = claim.reshape(BATCH, prod(outer), *(d[0].size for d in directions))
    for d in reversed(directions):
        flat = d.reshape((BATCH,) + (1,) * (claim.ndim - 2) + (-1,))
        claim = (claim * flat % p).sum(axis=-1) % p
    return claim


# Bounds ------------------------------------------------------------------------------------------


def longest_word(*exprs: Expr) -> int:
    """The length of the longest product of matrices; functions of entries make one letter.

    An identity of n × n matrices of degree d can hold for n < d only (Cayley & Hamilton), so one
    test size must exceed it.

    >>> from matderiv.expr import variable
    >>> X = variable("X", (3, 3))
    >>> longest_word(X @ X @ apply("exp", X @ X @ X))
    3
    """
    length: dict[Expr, int] = {}
    for node in walk(*exprs):
        inner = [length[a] for a in node.args]
        name = node.function.name
        if name == "variable":
            here = int(len(node.shape) == 2)
        elif name in ("mul", "hadamard", "kron", "solve", "einsum"):
            here = sum(inner)
        elif name == "power" and node.shape:
            value = node.args[1].params[0] if is_(node.args[1], "number") else 1
            here = int(abs(value)) * inner[0]
        elif name in _MODELLED | _HASHED | {"inv"} or (name == "ediv" and node.shape):
            here = min(1, max(inner))  # a letter of its own
        else:
            here = max(inner, default=0)
        length[node] = here
    return max(length.values())


def degree_bound(expr: Expr, sizes: Sizes) -> int:
    """A bound for the degree of an expression as a quotient of polynomials in the entries.

    Functions beyond arithmetic count as unknowns of their own. A denominator that occurs again is
    counted once in a sum.

    >>> from matderiv.expr import variable
    >>> x = variable("x", (4,))
    >>> degree_bound(apply("inv", x.T @ x) + apply("inv", x.T @ x) * x, {})
    3
    """
    degrees: dict[Expr, tuple[int, Below]] = {}
    for node in walk(expr):
        degrees[node] = _degrees(node, [degrees[a] for a in node.args], sizes)
    above, below = degrees[expr]
    return max(above, sum(below.values()))


Below = dict[Expr, int]
"""A common denominator: the degree of each node that brought one in."""


def _degrees(node: Expr, inner: list[tuple[int, Below]], sizes: Sizes) -> tuple[int, Below]:
    name = node.function.name
    n = max((size_value(s, sizes) for a in node.args for s in a.shape), default=1)
    if name in _MODELLED | _HASHED or name == "variable":
        return 1, {}
    if name == "add":
        least: Below = {}
        for _, below in inner:
            least = {k: max(below.get(k, 0), least.get(k, 0)) for k in {**least, **below}}
        whole = sum(least.values())
        return max(a + whole - sum(b.values()) for a, b in inner), least
    if name in ("div", "ediv"):
        (a, b), (c, d) = inner
        entries = prod(size_value(s, sizes) for s in node.args[1].shape)
        return a + sum(d.values()) + (entries - 1) * c, _joined(b, {node: entries * c})
    if name in ("inv", "solve", "det", "pinv"):
        (a, b), rest = inner[0], inner[1:]
        if name == "pinv":
            a, b = 2 * a, {k: 2 * d for k, d in b.items()}
        if name == "det":
            return n * a, {k: n * d for k, d in b.items()}
        own = sum(b.values()) + n * a
        total: Below = {node: n * a}
        for c, d in rest:
            own, total = own + c, _joined(total, d)
        return own, total
    if name in ("power", "epow", "prod"):
        k = n * n if name == "prod" else abs(int(node.args[1].params[0]))
        a, b = inner[0]
        if k and name != "prod" and node.args[1].params[0] < 0:
            entries = n if name == "power" else n * n
            return k * (sum(b.values()) + entries * a), {node: k * entries * a}
        return k * a, {key: k * d for key, d in b.items()}
    found: Below = {}
    for _, below in inner:
        found = _joined(found, below)
    return sum(a for a, _ in inner), found


def _joined(a: Below, b: Below) -> Below:
    return {k: a.get(k, 0) + b.get(k, 0) for k in {**a, **b}}
