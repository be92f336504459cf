"""Values of expressions over the finite field, with the parts that their derivatives need.

exp takes its exponent from the next prime of the chain, log its argument from the one before;
signs come from one level, so that they are the same everywhere; functions without laws of their own
are keyed hashes.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any

from matderiv.errors import DomainError
from matderiv.expr import Expr, apply, is_, substitute, variable, variables, walk
from matderiv.lazy import np
from matderiv.numeric.draws import LABEL_FACTS
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.interpret import interpreted
from matderiv.shapes import concrete
from matderiv.verification.field.dual import (
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
from matderiv.verification.field.points import BATCH, FieldPoint, level_field
from matderiv.verification.field.residues import CHAIN, Array, Field, Unlucky
from matderiv.verification.field.rules import applied, constant, lifted, lined
from matderiv.work import spend

MODELLED = frozenset({"exp", "sin", "cos", "log", "sqrt"})
HASHED = frozenset({"arctan", "arcsin", "erf", "sign", "step", "where", "max", "min"})

Task = tuple[Expr, int, bool]
"""An expression at a level of the chain, with or without its derivative."""


@dataclass(frozen=True)
class Branch:
    """The side of every jump that the real numbers at some point are on.

    `signs` are those of the arguments of sign and step, 0 where they are not known; `leading` marks
    the entries that max and min are equal to.
    """

    signs: Mapping[Expr, Array]
    leading: Mapping[Expr, Array]


@dataclass
class Evaluation:
    """Values over the finite field at one point; `seeds` are the dual parts of variables.

    With a `branch` the jumps are those of real numbers; without one they are random.
    """

    point: FieldPoint
    base: int
    seeds: dict[Expr, Element] = field(default_factory=dict)
    branch: Branch | None = None
    moving: set[Expr] = field(default_factory=set)
    values: dict[Task, Element] = field(default_factory=dict)
    needed: dict[Task, list[Task]] = field(default_factory=dict)

    def at(self, root_node: Expr, *, dual: bool) -> Element:
        """The value of an expression at the base level."""
        target = self._task(self._moved(root_node), self.base, dual)
        return interpreted(target, self.values, self._needs, self._value)

    def _moved(self, root_node: Expr) -> Expr:
        """Note which parts of an expression change with the seeds."""
        for node in walk(root_node):
            if node in self.seeds or any(a in self.moving for a in node.args):
                self.moving.add(node)
        return root_node

    def _task(self, node: Expr, level: int, dual: bool) -> Task:
        return node, level, dual and node in self.moving

    def _needs(self, task: Task) -> list[Task]:
        if task not in self.needed:
            self.needed[task] = self._found_needs(task)
        return self.needed[task]

    def _found_needs(self, task: Task) -> list[Task]:
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
        spend(30 + prod(out) // 4)
        if name in _SPECIAL:
            return _SPECIAL[name](self, node, args, level, dual)
        return applied(at, node, args, dims, out)

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
        sizes = concrete(node.params, self.point.sizes)
        found = constant(name, sizes)
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


_CONSTANT = "a comparison of what does not change"


def _character(e: Evaluation, u: Element) -> Array:
    """The sign of a value: multiplicative and odd; of a + bi that of a + cb for a random c.

    OutOfReach for what is the same number at every point: its sign is no matter of chance.
    """
    at = level_field(e.base)
    if ((u[0] == u[0][:1]).all(axis=0) & (u[0][0] != 0)).any() and IMAGINARY not in u:
        raise OutOfReach(_CONSTANT)
    value = u[0]
    if IMAGINARY in u:
        value = (value + _spread(e.point.scalar("c", e.base), value) * u[IMAGINARY]) % at.p
    return at.character(value % at.p)


def _true_sign(e: Evaluation, argument: Expr) -> Array | None:
    """The sign of what is made of numbers, sizes, labels and other jumps, whose values are known.

    Else None. A number such as -999999/10^6 may be a square, and its sign is no matter of chance.
    """
    jumps = {n: _known(n, k) for k, n in enumerate(walk(argument)) if is_(n, "sign", "step")}
    plain = substitute(argument, jumps)
    named = variables(plain)
    if any(not v.params[2] & (LABEL_FACTS | {"onehot"}) for v in named):
        return None
    inner = {mark: _at_any_level(e, n) for n, mark in jumps.items() if mark in named}
    whole = {v.name: inner[v] if v in inner else _centred(e.point.value(v, 0), 0) for v in named}
    try:
        found = [
            evaluate(plain, {n: x[k] for n, x in whole.items()}, e.point.sizes)
            for k in range(BATCH if named else 1)
        ]
    except DomainError:
        return None
    signs = np.sign(np.array(found)).astype(np.int64)
    return np.broadcast_to(signs, (BATCH, *signs.shape[1:]))


def _known(jump: Expr, place: int) -> Expr:
    return variable(f"jump {place}", jump.shape, ("labels",))


def _at_any_level(e: Evaluation, jump: Expr) -> Array:
    """The values of a jump, -1, 0 or 1, which are the same at every level."""
    level = next(k for k in range(len(CHAIN)) if (jump, k, False) in e.values)
    return _centred(e.values[jump, level, False][0], level)


def _centred(residues: Array, level: int) -> Array:
    p = level_field(level).p
    return np.where(residues > p // 2, residues - p, residues)


def _sign(e: Evaluation, node: Expr, args: list[Element], level: int, dual: bool) -> Element:
    real = _true_sign(e, node.args[0]) if e.branch is None else e.branch.signs[node.args[0]]
    found = _character(e, args[0]) if real is None else _unhidden(real, args[0])
    return {0: (found if is_(node, "sign") else found > 0).astype(np.int64) % level_field(level).p}


def _unhidden(real: Array, u: Element) -> Array:
    """The sign of a real number; 0 where the residues are 0, which no rounding hides."""
    zero = ~functools.reduce(np.logical_or, (u[k] != 0 for k in (0, IMAGINARY) if k in u))
    real = np.broadcast_to(real, zero.shape)
    if (~zero & (real == 0)).any():
        raise Unlucky
    return np.where(zero, 0, real)


def _where(e: Evaluation, node: Expr, args: list[Element], level: int, dual: bool) -> Element:
    at, out = level_field(level), e.point.dims(node)
    sizes = [e.point.dims(n) for n in node.args]
    test, first, second = lifted((args[3], *args[1:3]), sizes, out)
    mask = {0: (test[0] != 0).astype(np.int64)}
    chosen = plus(at, second, times(at, minus(at, first, second), mask))
    return linear(chosen, lambda v: np.broadcast_to(v, (BATCH, *out)))


def _extreme(e: Evaluation, node: Expr, args: list[Element], level: int, dual: bool) -> Element:
    """Some entry of each row, the same whenever the row differs by a constant only."""
    in_line = partial(lined, axis=node.params[0], dims=e.point.dims(node.args[0]))
    at = level_field(e.base)
    rows = in_line(args[1][0])
    if e.branch is not None:
        leading = in_line(e.branch.leading[node][None])
        place = np.broadcast_to(leading.argmax(axis=-1)[..., None], (*rows.shape[:-1], 1))
        if (leading & (rows != np.take_along_axis(rows, place, -1))).any():
            raise Unlucky
    elif rows.shape[-1] > 1 and (rows == rows[:1]).all():
        raise OutOfReach(_CONSTANT)
    else:
        centred = (rows * rows.shape[-1] - rows.sum(axis=-1, keepdims=True)) % at.p
        signed = centred if is_(node, "max") else -centred % at.p
        place = _mixed(signed, 7).argmax(axis=-1)[..., None]
    out = (BATCH, *e.point.dims(node))
    return linear(args[0], lambda v: np.take_along_axis(in_line(v), place, -1).reshape(out))


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
            mixed = (_mixed(np.where(negative, at.p - u[0], u[0]), key) % at.p).astype(np.int64)
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
