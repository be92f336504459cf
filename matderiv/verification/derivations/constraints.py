"""What equations say by their values at random points: a constraint, or a condition."""

from collections.abc import Sequence
from contextlib import suppress

from matderiv.errors import DomainError
from matderiv.expr import Expr, number_value, variables, walk
from matderiv.lazy import np
from matderiv.numeric.sampling import Point, sampler
from matderiv.verification.derivations.roots import EQUAL, ZERO, scale_of, value_at

WANTED = 3  # points at which an equation is looked at


def proportional(a: Expr, b: Expr, seed: int = 0) -> bool:
    """Whether b is a number times a, other than 0, at random points.

    >>> x = variable("x", (3,))
    >>> proportional(x, -2 * x), proportional(x.T @ x, x.T @ x - 1)
    (True, False)
    """
    source, ratios = sampler(a, variables(b), seed=seed), []
    for index in range(WANTED):
        try:
            point = source.point(index)
        except DomainError:
            return False
        one, two = (value_at(e, dict(point.values), point.sizes) for e in (a, b))
        if one is None or two is None or np.shape(one) != np.shape(two):
            return False
        norm = float(np.sum(one * one))
        ratio = float(np.sum(one * two)) / norm if norm else 0.0
        if ratio == 0 or np.abs(two - ratio * one).max(initial=0) > EQUAL * scale_of(two):
            return False
        ratios.append(ratio)
    return max(ratios) - min(ratios) <= EQUAL * abs(ratios[0])


def limits(by: Expr, moving: Sequence[Expr], seed: int = 0) -> bool:
    """True for `A*x - b`, which says something of x: it is not 0 where x is 0.

    >>> x, b = variable("x", (3,)), variable("b", (3,))
    >>> limits(x - b, [x]), limits(x, [x]), limits(b, [x])
    (True, False, False)
    """
    if not {*moving} & {*variables(by)}:
        return False
    with suppress(DomainError):
        point = sampler(by, moving, seed=seed).point(0)
        values = {**point.values, **{v.name: 0 * point.values[v.name] for v in moving}}
        there = value_at(by, values, point.sizes)
        return there is not None and bool(np.abs(there).max(initial=0) > EQUAL)
    return False


def is_condition(left: Expr, right: Expr, seed: int = 0) -> bool:
    """True for `w'*w = 1`: one side is a number, the other one varies.

    >>> x = variable("x", (3,))
    >>> total = apply("sum", apply("softmax", x, params=(None,)), params=(None,))
    >>> is_condition(x.T @ x, number(1)), is_condition(total, number(2))
    (True, False)
    """
    for a, b in ((left, right), (right, left)):
        if number_value(a) is None or not variables(b):
            continue
        source, seen = sampler(b, seed=seed), []
        for index in range(WANTED):
            with suppress(DomainError):
                point = source.point(index)
                found = value_at(b, dict(point.values), point.sizes)
                seen += [] if found is None else [float(np.sum(found))]
        return bool(seen) and max(seen) - min(seen) > EQUAL * max(1.0, *map(abs, seen))
    return False


def is_scale_free(f: Expr, x: Expr, point: Point) -> bool:
    """True where f(2x) = f(x), so that no stationary point fixes the length of x."""
    values = dict(point.values)
    before = value_at(f, values, point.sizes)
    values[x.name] = 2 * values[x.name]
    after = value_at(f, values, point.sizes)
    if before is None or after is None or x not in set(walk(f)):
        return False
    return bool(np.abs(before - after).max(initial=0) <= ZERO * scale_of(before))
