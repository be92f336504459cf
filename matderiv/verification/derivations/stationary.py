"""Equations about stationary points: do they hold where a derivative is zero?

The points are found by Gauss-Newton steps on values, from random starts, so no rule for solving
equations is trusted. An equation that gives a variable in terms of the others is put into the
derivative instead, since a function may have more stationary points than one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matderiv.errors import DomainError, MatderivError
from matderiv.expr import Expr, is_, number_value, variables, walk
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array, Sizes, evaluate
from matderiv.numeric.sampling import Point, sampler
from matderiv.verification.derivations.ground import Ground
from matderiv.verification.quantities import Quantity
from matderiv.verification.verdict import DISPROVED, UNDECIDED, VERIFIED, Verdict

NOT_THERE = "this does not hold where the derivative is 0"
STEPS = 60
STARTS = 24
WANTED = 3  # points at which an equation is looked at
ZERO = 1e-9  # a residual, relative to its size at the start, that counts as zero
EQUAL = 1e-6
SINGULAR = 1e8  # a condition number that says there is no inverse


@dataclass(frozen=True)
class Condition:
    """That `residual` is zero, for values of the variable `by`."""

    residual: Expr
    by: Expr


@dataclass
class Rest:
    """What a derivation says about the points where derivatives are zero.

    `stated` says that it speaks of them, `unread` that there is a derivative that was not read;
    `equations` are wrong ones, with their lines.
    """

    ground: Ground
    stated: bool = False
    unread: bool = False
    slopes: list[Quantity] = field(default_factory=list)
    equations: list[tuple[int, Expr]] = field(default_factory=list)

    def set_to_zero(self, q: Quantity) -> None:
        """From here on this derivative is zero."""
        self.stated = True
        if q.order == 1 and q.by not in self.ground.functions and q not in self.slopes:
            self.slopes.append(q)

    def verdict(self, left: Expr, right: Expr, slope: Quantity | None) -> Verdict | None:
        """The verdict on an equation that does not hold everywhere; None for a wrong identity.

        `slope` is the derivative that is zero where nothing says which.
        """
        slopes = self.slopes[-1:] or ([] if slope is None else [slope])
        if not slopes and self.unread:
            said = "not an identity; where a derivative is 0 it may hold, but that was not read"
            return Verdict(UNDECIDED, message=said)
        if not slopes or slopes[0].order != 1 or slopes[0].by in self.ground.functions:
            return None
        found = self._holds(slopes, left, right)
        if found is not True and len(self.slopes) > 1:
            found = self._holds(self.slopes, left, right)
        if not self.stated:
            said = f"this holds only where the derivative by {slopes[0].by} is 0"
            hint = "\ntry: a line that says so, such as ∇f = 0, before it"
            return Verdict(UNDECIDED, message=said + hint) if found else None
        if found is None:
            said = "an equation for a stationary point, not checked: none was found by numbers"
            return Verdict(UNDECIDED, message=said)
        return Verdict(VERIFIED) if found else Verdict(DISPROVED, message=NOT_THERE)

    def root(
        self, left: Expr, right: Expr, claims: Mapping[Quantity, tuple[int, Expr]]
    ) -> int | None:
        """The line whose mistake a wrong equation has, if it follows from that line."""
        if not self.stated or not self.slopes:
            return None
        by = self.ground.sides_of(self.slopes[-1])[1]
        lines = [claims[q] for q in self.slopes if q in claims]
        for number, residual in [*self.equations, *lines]:
            if holds([Condition(residual, by)], left, right, self._domain(), self.ground.seed):
                return number
        return None

    def relate(self, number: int, left: Expr, right: Expr) -> None:
        """Remember a wrong equation and the line whose mistake it has."""
        self.equations.append((number, left - right))

    def _holds(self, slopes: Sequence[Quantity], left: Expr, right: Expr) -> bool | None:
        try:
            conditions = [
                Condition(self.ground.derivative(q), self.ground.sides_of(q)[1]) for q in slopes
            ]
        except MatderivError:
            return None
        domain = self.ground.functions[slopes[0].of]
        return holds(conditions, left, right, domain, self.ground.seed)

    def _domain(self) -> Expr:
        return self.ground.functions[self.slopes[-1].of]


def holds(
    conditions: Sequence[Condition], left: Expr, right: Expr, domain: Expr, seed: int = 0
) -> bool | None:
    """Whether left = right wherever all conditions hold; None where no such point was found.

    `domain` is an expression that has a value at the random points.

    >>> from matderiv.expr import number, variable
    >>> x, a = variable("x"), variable("a")
    >>> at = [Condition(2 * x - a, x)]
    >>> holds(at, 4 * x, 2 * a, x + a), holds(at, x, a, x + a)
    (True, False)
    """
    found = []
    own = variables(domain, left, right, *(c.residual for c in conditions))
    names = dict.fromkeys([*own, *(c.by for c in conditions)])
    solved = _solved(conditions, left, right)
    for point in _points(domain, [*names], (left, right), seed):
        if solved is not None:
            verdict = _is_zero_at(solved[0], solved[1], point)
        else:
            values = _rest(conditions, point)
            verdict = None if values is None else _agree(left, right, values, point.sizes)
        found += [] if verdict is None else [verdict]
        if False in found or len(found) == WANTED:
            break
    return None if not found else all(found)


def _solved(
    conditions: Sequence[Condition], left: Expr, right: Expr
) -> tuple[Condition, Expr] | None:
    """The condition for a variable that stands alone on one side, and its value."""
    for c in conditions[:1]:
        for alone, value in ((left, right), (right, left)):
            if alone is c.by and c.by not in set(walk(value)) and len(conditions) == 1:
                return c, value
    return None


def _points(domain: Expr, names: list[Expr], sides: Sequence[Expr], seed: int) -> Iterator[Point]:
    """Random points where both sides have values, for instance where X'*X has an inverse."""
    source = sampler(domain, names, seed=seed)
    others = [sampler(side, names, seed=seed) for side in sides]
    for index in range(STARTS):
        try:
            point = source.point(300 + index, least=3 + index % 3)
        except DomainError:
            continue
        if any(s.objection(point.sizes, point.values) for s in others):
            continue
        if all(_regular(side, point) for side in sides):
            yield point


def _regular(e: Expr, point: Point) -> bool:
    """True if every matrix that is inverted has an inverse: X'*X has none where X is wide."""
    for node in walk(e):
        power = is_(node, "power") and (number_value(node.args[1]) or 0) < 0
        if is_(node, "inv", "solve") or (power and node.shape):
            matrix = _value(node.args[0], dict(point.values), point.sizes)
            if matrix is None or np.linalg.cond(matrix) > SINGULAR:
                return False
    return True


def _value(e: Expr, values: dict[str, Array], sizes: Sizes) -> Array | None:
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(evaluate(e, values, sizes), float)
    except (DomainError, ArithmeticError, np.linalg.LinAlgError):
        return None
    return found if np.isfinite(found).all() else None


def _is_zero_at(c: Condition, value: Expr, point: Point) -> bool | None:
    """Whether the residual is zero when the variable has the value given."""
    values = dict(point.values)
    start = _value(c.residual, values, point.sizes)
    found = _value(value, values, point.sizes)
    if start is None or found is None:
        return None
    shape = np.shape(values[c.by.name])
    if found.size not in (1, int(np.prod(shape, dtype=int))):
        return None
    values[c.by.name] = np.full(shape, found) if found.size == 1 else found.reshape(shape)
    there = _value(c.residual, values, point.sizes)
    if there is None:
        return None
    return bool(np.abs(there).max(initial=0) <= EQUAL * _scale(start))


def _scale(array: Array) -> float:
    return float(max(1.0, np.abs(array).max(initial=0)))


def _agree(left: Expr, right: Expr, values: dict[str, Array], sizes: Sizes) -> bool | None:
    a, b = _value(left, values, sizes), _value(right, values, sizes)
    if a is None or b is None:
        return None
    if a.size != b.size and 1 not in (a.size, b.size):
        return None
    error = np.abs(a.reshape(-1) - b.reshape(-1))
    return bool(error.max(initial=0) <= EQUAL * max(_scale(a), _scale(b)))


# Gauss-Newton -------------------------------------------------------------------------------------


class _System:
    """The residuals of all conditions as one function of one vector of unknowns."""

    def __init__(self, conditions: Sequence[Condition], point: Point) -> None:
        self.conditions, self.point = conditions, point
        self.shapes = {c.by.name: np.shape(point.values[c.by.name]) for c in conditions}

    def start(self) -> Array:
        parts = [np.ravel(self.point.values[name]) for name in self.shapes]
        return np.concatenate(parts).astype(float)

    def values(self, unknown: Array) -> dict[str, Array]:
        values, place = dict(self.point.values), 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape, dtype=int))
            values[name] = unknown[place : place + size].reshape(shape)
            place += size
        return values

    def residual(self, unknown: Array) -> Array | None:
        values, sizes = self.values(unknown), self.point.sizes
        found = [_value(c.residual, values, sizes) for c in self.conditions]
        whole: list[Any] = [np.ravel(f) for f in found if f is not None]
        return np.concatenate(whole) if len(whole) == len(found) else None

    def slope(self, unknown: Array) -> Array | None:
        columns = []
        for k in range(len(unknown)):
            step = np.zeros(len(unknown))
            step[k] = 1e-6 * max(1.0, abs(unknown[k]))
            above, below = self.residual(unknown + step), self.residual(unknown - step)
            if above is None or below is None:
                return None
            columns.append((above - below) / (2 * step[k]))
        return np.stack(columns, axis=1)


def _rest(conditions: Sequence[Condition], point: Point) -> dict[str, Array] | None:
    """Values of the variables at which all conditions hold; None where none were found."""
    unknowns = _System(conditions, point)
    at = unknowns.start()
    now = unknowns.residual(at)
    if now is None:
        return None
    goal = ZERO * _scale(now)
    for _ in range(STEPS):
        if np.abs(now).max(initial=0) <= goal:
            return unknowns.values(at)
        slope = unknowns.slope(at)
        if slope is None:
            return None
        step = np.linalg.lstsq(slope, -now, rcond=1e-8)[0]
        closer = _closer(unknowns, at, step, float(np.linalg.norm(now)))
        if closer is None:
            return None
        at, now = closer
    return None


def _closer(unknowns: _System, at: Array, step: Array, norm: float) -> tuple[Array, Array] | None:
    """The point after the longest of some steps that brings the residual down."""
    for halved in range(20):
        there = at + step / 2**halved
        found = unknowns.residual(there)
        if found is not None and np.linalg.norm(found) < norm:
            return there, found
    return None
