"""Points where several expressions are zero, found by Gauss-Newton steps on values.

The steps start at random points, and no rule for solving equations is trusted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matderiv.errors import DomainError
from matderiv.expr import Expr
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array, Sizes, bind, compile_, evaluate
from matderiv.numeric.sampling import Point
from matderiv.work import spend

STEPS = 60
EQUAL = 1e-6  # an error, relative to the sides, that counts as none
ZERO = 1e-9  # a residual, relative to its size at the start, that counts as zero
A_VALUE = 100  # units of work for a value, besides those of its nodes
FAR = 1e3  # a point that far out, relative to the start, is on its way to infinity


@dataclass(frozen=True)
class Condition:
    """That `residual` is zero, for values of the variable `by`."""

    residual: Expr
    by: Expr


def value_at(e: Expr, values: dict[str, Array], sizes: Sizes) -> Array | None:
    """The value of an expression; None where it has none."""
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(evaluate(e, values, sizes), float)
    except (DomainError, ArithmeticError, np.linalg.LinAlgError):
        return None
    return found if np.isfinite(found).all() else None


def scale_of(array: Array) -> float:
    """The largest entry, at least 1."""
    return float(max(1.0, np.abs(array).max(initial=0)))


class _System:
    """The residuals of all conditions as one function of one vector of unknowns.

    The unknowns are the variables of the conditions, and those in `free`, but not `known`. A
    variable in `kept` keeps its length, because the conditions do not fix it.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        point: Point,
        free: Collection[Expr],
        kept: Collection[Expr],
        known: Expr | None = None,
    ) -> None:
        self.point = point
        program = compile_(tuple(c.residual for c in conditions))
        self.arrays, sizes = bind(program.variables, dict(point.values), point.sizes)
        self.bound = program.at(sizes)
        unknowns = (v for v in (*(c.by for c in conditions), *free) if v is not known)
        names = dict.fromkeys(v.name for v in unknowns)
        self.shapes = {name: np.shape(point.values[name]) for name in names}
        self.lengths = {v.name: float(np.sum(point.values[v.name] ** 2)) for v in kept}

    def start(self) -> Array:
        parts = [np.ravel(self.point.values[name]) for name in self.shapes]
        return np.concatenate(parts).astype(float)

    def values(self, unknown: Array, others: Mapping[str, Array] | None = None) -> dict[str, Array]:
        values = dict(self.point.values if others is None else others)
        place = 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape, dtype=int))
            values[name] = unknown[place : place + size].reshape(shape)
            place += size
        return values

    def residual(self, unknown: Array) -> Array | None:
        values = self.values(unknown, self.arrays)
        spend(A_VALUE)
        try:
            whole: list[Any] = [np.ravel(found) for found in self.bound.run(values)]
        except (DomainError, ArithmeticError, np.linalg.LinAlgError):
            return None
        if not all(np.isfinite(part).all() for part in whole):
            return None
        whole += [[np.sum(values[name] ** 2) - long] for name, long in self.lengths.items()]
        return np.asarray(np.concatenate(whole), float)

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


def root_near(
    conditions: Sequence[Condition],
    point: Point,
    *,
    free: Collection[Expr] = (),
    kept: Collection[Expr] = (),
    known: Expr | None = None,
) -> dict[str, Array] | None:
    """Values of the variables, but not `known`, at which all conditions hold; None if not found.

    >>> x = variable("x")
    >>> found = root_near([Condition(x * x - 4, x)], Point({}, {"x": np.array(3.0)}))
    >>> round(float(found["x"]), 6)
    2.0
    """
    unknowns = _System(conditions, point, free, kept, known)
    at = unknowns.start()
    far = FAR * scale_of(at)
    now = unknowns.residual(at)
    if now is None:
        return None
    goal = ZERO * scale_of(now)
    for _ in range(STEPS):
        if np.abs(now).max(initial=0) <= goal:
            return unknowns.values(at)
        slope = unknowns.slope(at)
        if slope is None:
            return None
        step = np.linalg.lstsq(slope, -now, rcond=1e-8)[0]
        closer = _closer(unknowns, at, step, float(np.linalg.norm(now)))
        if closer is None or np.abs(closer[0]).max(initial=0) > far:
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


def agree(left: Expr, right: Expr, values: dict[str, Array], sizes: Sizes) -> bool | None:
    """Whether two sides have the same value there; None where one has none."""
    a, b = value_at(left, values, sizes), value_at(right, values, sizes)
    if a is None or b is None:
        return None
    if a.size != b.size and 1 not in (a.size, b.size):
        return None
    error = np.abs(a.reshape(-1) - b.reshape(-1))
    return bool(error.max(initial=0) <= EQUAL * max(scale_of(a), scale_of(b)))
