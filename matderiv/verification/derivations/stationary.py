"""Equations about stationary points: do they hold where a derivative is zero?

The points are found by Gauss-Newton steps on values, from random starts, so no rule for solving
equations is trusted. An equation that gives a variable in terms of the others is put into the
derivative instead, since a function may have more stationary points than one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from matderiv.errors import DomainError, MatderivError
from matderiv.expr import Expr, is_, number_value, substitute, variables, walk
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array
from matderiv.numeric.kinks import kinks
from matderiv.numeric.ranges import bounds
from matderiv.numeric.sampling import Point, sampler
from matderiv.shapes import is_scalar
from matderiv.verification.derivations.constraints import (
    WANTED,
    is_condition,
    is_scale_free,
    limits,
    proportional,
)
from matderiv.verification.derivations.ground import Ground
from matderiv.verification.derivations.roots import (
    EQUAL,
    Condition,
    agree,
    root_near,
    scale_of,
    value_at,
)
from matderiv.verification.quantities import DERIVATIVE, Quantity
from matderiv.verification.verdict import DISPROVED, UNDECIDED, VERIFIED, Verdict
from matderiv.words.chains import facts
from matderiv.work import MILLION, bounded

A_CONDITION = Verdict(UNDECIDED, message="a condition, not a step")
NOT_THERE = "this does not hold where the derivative is 0"
MULTIPLIER = "\ntry: the multiplier, L = f + nu*(left - right) and ∇L = 0, before it"
UNSAID = "this holds where the derivative by {} is 0 too\ntry: the constraint, as a line before it"
LAGRANGE = re.compile("lagrang|multiplier|multiplikator|拉格朗日", re.IGNORECASE)
STARTS = 24
MOST_SLOPES = 4  # derivatives that are tried
MOST = MILLION  # units of work for one search
SEARCHES = 2  # that find nothing, in one derivation
ALL_SEARCHES = 4  # that find nothing, whatever is tried for it
SINGULAR = 1e8  # a condition number that says there is no inverse


@dataclass
class Rest:
    """What a derivation says about the points where derivatives are zero.

    `stated` says that it speaks of them, `unread` that there is a derivative that was not read;
    `equations` are wrong ones, with their lines; `searches` is how many found nothing. In a text
    that is not `strict`, an equation that holds there and nowhere else is said of these points.
    `where` has names as the condition of an equation has them; in a text about multipliers, which
    is `constrained`, the constraint of a Lagrangian holds although no line says so.
    """

    ground: Ground
    stated: bool = False
    unread: bool = False
    slopes: list[Quantity] = field(default_factory=list)
    equations: list[tuple[int, Expr]] = field(default_factory=list)
    bound: set[Expr] = field(default_factory=set)  # names that conditions are about
    searches: int = 0
    strict: bool = True
    constrained: bool = False
    where: dict[Expr, Expr] = field(default_factory=dict)

    def set_to_zero(self, *derivatives: Quantity) -> None:
        """From here on these derivatives are zero."""
        self.stated = True
        for q in map(self.moved, derivatives):
            if q.order == 1 and q.by not in self.ground.functions and q not in self.slopes:
                self.slopes.append(q)

    def moved(self, q: Quantity) -> Quantity:
        """The derivative by S for the one by P = inv(S): they are zero together."""
        inner = self.ground.functions.get(q.by)
        at = inner.args[0] if inner is not None and is_(inner, "inv", "exp", "log") else None
        return replace(q, by=at.name) if at is not None and is_(at, "variable") else q

    def is_about(self, *sides: Expr) -> bool:
        """True for sides with a name that a derivative which is zero is by: others do not move."""
        by = {self.ground.sides_of(q)[1] for q in self.slopes if q.of in self.ground.functions}
        return bool(by & {*variables(*sides)})

    def constrain(self, left: Expr, right: Expr, said: Sequence[Quantity] = ()) -> str:
        """Take over a condition that is a constraint: the derivative by its multiplier is zero.

        Or say that `x = 2` is where the derivatives that are said, or set, are zero.
        """
        for name, f in self.ground.functions.items():
            if not f.shape and (q := self._multiplier(left, right, name)) is not None:
                self.set_to_zero(q)
                return f"the derivative by {q.by} is 0"
        every = [q for q in dict.fromkeys((*self.slopes, *said)) if q.order == 1]
        slopes = [q for q in every if q.of == every[0].of]
        moving = [self.ground.sides_of(q)[1] for q in slopes] if self.stated else []
        alone = left in moving and not variables(right)  # 2x = 4 is no value to put in
        held = alone and self._holds(slopes, 2 * left, 2 * right)
        return "where the derivatives are 0" if held else ""

    def constrains(self, left: Expr, right: Expr) -> bool:
        """True for `A*x = b`, about names that nothing else relates; it is taken over."""
        names = {*variables(left)}, {*variables(right)}
        apart = all(names) and not names[0] & names[1] and left not in names[0]
        if apart:
            self.constrain(left, right)
        return apart

    def verdict(self, left: Expr, right: Expr, said: Sequence[Quantity]) -> Verdict | None:
        """The verdict on an equation that does not hold everywhere; None for a wrong identity.

        `said` are derivatives that may be zero where nothing says which, the last one first.
        """
        for q in (self.slopes[-1:] or said)[:1]:
            if (multiplier := self._multiplier(left, right, q.of)) is not None:
                self.set_to_zero(multiplier)
                return Verdict(VERIFIED, message=f"the derivative by {multiplier.by} is 0")
        zero = 0 in (number_value(left), number_value(right))
        if not (self.stated and zero) and is_condition(left, right, self.ground.seed):
            self.bound |= {*variables(left, right)}
            return A_CONDITION
        slopes = [*reversed(self.slopes)] or [*said]
        if not slopes and self.unread:
            note = "not an identity; where a derivative is 0 it may hold, but that was not read"
            return Verdict(UNDECIDED, message=note)
        known, slopes = self.ground.functions, self._about((left, right), slopes, said)
        if not slopes:
            return None
        if not any(is_scalar(known[q.of].shape) for q in slopes):  # no array has a minimum
            return Verdict(UNDECIDED, message="not an identity: it may say what holds here")
        also = [q for q in said if q.of == slopes[0].of and q.by not in known]
        found, by = self._anywhere(slopes, left, right, also if self.stated else ())
        if not self.stated and found and not self.strict:
            return Verdict(VERIFIED, message=f"where the derivative by {by} is 0")
        if not self.stated:
            note = f"this holds only where the derivative by {by} is 0"
            hint = "\ntry: a line that says so, such as ∇f = 0, before it"
            if not found and self.bound & {left, right}:  # it may be solved along a constraint
                note, hint = "not compared under the condition before it", MULTIPLIER
            return Verdict(UNDECIDED, message=note + hint) if found or hint is MULTIPLIER else None
        if found is None:
            note = "an equation for a stationary point, not checked: none was found by numbers"
            return Verdict(UNDECIDED, message=note)
        every = [*dict.fromkeys((*slopes, *also))]
        return Verdict(VERIFIED) if found else self._unconstrained(every, left, right)

    def _about(
        self, sides: tuple[Expr, Expr], slopes: Sequence[Quantity], said: Sequence[Quantity]
    ) -> list[Quantity]:
        """The derivatives that are 0: those by x in `x = ...`, and of f in `f = ...`, if said."""
        known = self.ground.functions
        first = [q for q in dict.fromkeys((*slopes, *said)) if q.order == 1 and q.of in known]
        first = [q for q in first if q.by not in known]
        own = [q for q in first if self.ground.sides_of(q)[1] in sides or known[q.of] in sides]
        found = [q for q in first if q in slopes]
        return found if {*own} & {*found} else own[:1] or found

    def _unconstrained(self, slopes: Sequence[Quantity], left: Expr, right: Expr) -> Verdict:
        """The verdict on what fails where derivatives are zero: no line may say a constraint."""
        moving = [self.ground.sides_of(q)[1] for q in slopes]
        linear = self._linear(slopes[0].of, variables(self.ground.functions[slopes[0].of]))
        more = [q for q, by in linear if limits(by, moving, self.ground.seed)]
        more = [q for q in more if q not in slopes]
        if more and self._holds([*slopes, *more], left, right):
            if self.constrained:
                return Verdict(VERIFIED, message="under the constraint")
            return Verdict(UNDECIDED, message=UNSAID.format(", ".join(q.by for q in more)))
        return Verdict(DISPROVED, message=NOT_THERE)

    def _anywhere(
        self, slopes: Sequence[Quantity], left: Expr, right: Expr, also: Sequence[Quantity]
    ) -> tuple[bool | None, str]:
        """Whether an equation holds where these derivatives are zero; by what they are.

        Where all of them are, and those of the same function that are said `also`, or else where
        one of them is: what fails where all are zero holds nowhere.
        """
        for q in slopes[:MOST_SLOPES]:
            alone = self.ground.sides_of(q)[1] in (left, right)
            if alone and self._holds([q], left, right):
                return True, q.by
        every = [*dict.fromkeys((*slopes, *also))]
        held = self._holds(every, left, right)
        if held is not None or len(every) == 1:
            return held, ", ".join(q.by for q in every)
        for q in slopes[:MOST_SLOPES]:
            if self._holds([q], left, right):
                return True, q.by
        return None, slopes[0].by

    def _multiplier(self, left: Expr, right: Expr, f: str) -> Quantity | None:
        """The derivative by a multiplier that a constraint says is 0; None for another equation.

        A multiplier stands in the function linearly, and its derivative is the constraint.
        """
        residual = left - right if left.shape == right.shape or not right.shape else None
        if residual is None or f not in self.ground.functions:
            return None
        own = {*variables(residual)}
        names = (v for v in variables(self.ground.functions[f]) if v.shape == residual.shape)
        for q, by in self._linear(f, [v for v in names if v not in own]):
            with suppress(MatderivError):
                if proportional(by, residual, self.ground.seed):
                    return q
        return None

    def _linear(self, f: str, names: Iterable[Expr]) -> Iterator[tuple[Quantity, Expr]]:
        """The derivatives of a function by names that stand in it linearly, with their values."""
        for v in names:
            q = Quantity(DERIVATIVE, f, v.name)
            if v.name in self.ground.reading.variables:
                with suppress(MatderivError):
                    by = self.ground.derivative(q)
                    if v not in variables(by):
                        yield q, by

    def root(
        self, left: Expr, right: Expr, claims: Mapping[Quantity, tuple[int, Expr]]
    ) -> int | None:
        """The line whose mistake a wrong equation has, if it follows from that line."""
        if not self.stated or not self.slopes or self.slopes[-1].of not in self.ground.functions:
            return None
        by = self.ground.sides_of(self.slopes[-1])[1]
        lines = [claims[q] for q in self.slopes if q in claims]
        domain = self.ground.functions[self.slopes[-1].of]
        for number, residual in [*self.equations, *lines]:
            if holds([Condition(residual, by)], left, right, domain, self.ground.seed) == {True}:
                return number
        return None

    def _holds(self, slopes: Sequence[Quantity], left: Expr, right: Expr) -> bool | None:
        domain = self.ground.functions[slopes[0].of]
        barren = self.ground.memory.barren
        if self.searches >= SEARCHES or len(barren) >= ALL_SEARCHES:
            return None
        self.searches += 1
        with suppress(MatderivError), bounded(MOST):
            found = ((self.ground.derivative(q), self.ground.sides_of(q)[1]) for q in slopes)
            pairs = [[substitute(e, self.where) for e in pair] for pair in dict.fromkeys(found)]
            conditions = [Condition(e, variables(by)[0]) for e, by in pairs if variables(by)]
            left, right, domain = (substitute(e, self.where) for e in (left, right, domain))
            if is_(left, "neg"):
                left, right = left.args[0], -right
            held = holds(conditions, left, right, domain, self.ground.seed)
            self.searches -= bool(held)
            barren += [] if held else [domain]
            return held.pop() if len(held) == 1 else None
        barren.append(domain)
        return None


def holds(
    conditions: Sequence[Condition], left: Expr, right: Expr, domain: Expr, seed: int = 0
) -> set[bool]:
    """Whether left = right wherever all conditions hold; nothing where no such point was found.

    `domain` is the function whose derivatives the conditions are. Points where both sides vanish
    do not count, unless a side is 0 as typed. Both where it holds on one side of a bend as of |x|.

    >>> x, a = variable("x"), variable("a")
    >>> at = [Condition(2 * x - a, x)]
    >>> holds(at, 4 * x, 2 * a, x + a), holds(at, x, a, x + a)
    ({True}, {False})
    >>> holds([Condition(2 * x, x)], 3 * x, 2 * x, x * x)
    set()
    """
    found: list[bool] = []
    own = variables(domain, left, right, *(c.residual for c in conditions))
    names = dict.fromkeys([*own, *(c.by for c in conditions)])
    solved, bends = _solved(conditions, left, right), bool(kinks(domain))
    most = STARTS if bends else WANTED
    for point in _points(domain, [*names], (left, right), seed):
        if solved is not None:
            verdict = _is_zero_at(conditions, *solved, point)
        if solved is None or (
            verdict is None and len(conditions) > 1 and _has_value(solved[1], point)
        ):
            verdict = _holds_near(conditions, left, right, domain, point)
        found += [] if verdict is None else [verdict]
        if (False in found and not bends) or len({*found}) > 1 or len(found) == most:
            break
    return {*found} if bends or not found else {all(found)}


def _holds_near(
    conditions: Sequence[Condition], left: Expr, right: Expr, domain: Expr, point: Point
) -> bool | None:
    """Whether left = right at a point near this one where all conditions hold.

    Where both sides vanish there, numbers that nothing determines, such as multipliers, move too,
    but not to 0.
    """
    by = [c.by for c in conditions]
    kept = [x for x in dict.fromkeys(by) if is_scale_free(domain, x, point)]
    residuals = (c.residual for c in conditions)
    numbers = [v for v in variables(*residuals) if not v.shape and v not in by]
    fixed = [c.residual for c in conditions if not {*by} & {*variables(c.residual)}]
    for free in ((), numbers) if numbers else ((),):
        moved = (*variables(*fixed), *free) if fixed else free  # a constraint on other names
        values = root_near(conditions, point, free=moved, kept=kept)
        gone = values is not None and any(abs(values[v.name]) < EQUAL for v in free)
        if values is not None and not gone and not _vanish(left, right, values, point):
            return agree(left, right, values, point.sizes)
    return None


def _vanish(left: Expr, right: Expr, values: dict[str, Array], point: Point) -> bool:
    """True where both sides are 0 at a point, and neither is 0 as typed."""
    if 0 in (number_value(left), number_value(right)) or is_(right, "zeros"):
        return False
    for side in (left, right):
        there, start = (value_at(side, v, point.sizes) for v in (values, dict(point.values)))
        if there is None or start is None:
            return False
        if np.abs(there).max(initial=0) > EQUAL * min(1.0, np.abs(start).max(initial=0)):
            return False
    return True


def _solved(conditions: Sequence[Condition], left: Expr, right: Expr) -> tuple[Expr, Expr] | None:
    """A variable of the conditions that stands alone on one side, and its value in terms of others.

    Multipliers are no terms of it: where it has them, it says how they hang together.
    """
    by = [c.by for c in conditions]
    for alone, value in ((left, right), (right, left)):
        if alone in by and not {*by} & {*walk(value)}:
            return alone, value
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
            matrix = value_at(node.args[0], dict(point.values), point.sizes)
            if matrix is None or np.linalg.cond(np.atleast_2d(matrix)) > SINGULAR:
                return False
    return True


def _has_value(e: Expr, point: Point) -> bool:
    return value_at(e, dict(point.values), point.sizes) is not None


def _is_zero_at(conditions: Sequence[Condition], x: Expr, value: Expr, point: Point) -> bool | None:
    """Whether all conditions hold for some values of the multipliers when x has the value given.

    None where no such values are found, and no condition is about x alone and fails.
    """
    values = dict(point.values)
    starts = [value_at(c.residual, values, point.sizes) for c in conditions]
    found, shape = value_at(value, values, point.sizes), np.shape(values[x.name])
    if found is None or found.size not in (1, int(np.prod(shape, dtype=int))):
        return None
    if "positive" in facts(x) and not (found > 0).all():  # here, or wherever the data are
        return False if bounds(value)[1] <= 0 else None
    values[x.name] = np.full(shape, found) if found.size == 1 else found.reshape(shape)
    at = replace(point, values=values)
    others = {c.by for c in conditions} - {x}
    solved = root_near(conditions, at, known=x) if others and len(conditions) > 1 else values
    for c, start in zip(conditions, starts, strict=True):
        if solved is None and others & {*variables(c.residual)}:
            continue
        there = value_at(c.residual, values if solved is None else solved, point.sizes)
        if start is None or there is None:
            return None
        if np.abs(there).max(initial=0) > EQUAL * scale_of(start):
            return False
    return None if solved is None else True
