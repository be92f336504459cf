"""The formula that numbers are computed with: the printed one, and its limits where it is 0/0."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from matderiv.calculus.derivative import Derivative, fractions_apart
from matderiv.calculus.recognise import prepare
from matderiv.calculus.structure import linear_structure, numeric_projection
from matderiv.errors import DomainError
from matderiv.expr import Expr, variables
from matderiv.lazy import later, np, quiet
from matderiv.numeric.evaluate import Array, Sizes, evaluate
from matderiv.numeric.indeterminate import at_edges, may_fail
from matderiv.numeric.stable import valued
from matderiv.numeric.subgradients import Subject, may_tie, ties_shared

PLACES = 32  # on the circle
RADIUS = 1e-2
NOISE = 1e-9  # Fourier coefficients that are so much smaller than the values are rounding
_OPEN_FACTS = {"positive", "posdef"}  # beside the linear ones: true all around a point


@quiet()
def around(expr: Expr, x: Expr, values: Mapping[str, Any], sizes: Sizes) -> Array:
    """The formula's value by its values where x moves; DomainError where they do not tell.

    A formula that is analytic around a point has there the mean of its values on a circle of
    complex numbers around it (Gauss). Where it is not, as at a pole, a kink or the end of a root,
    Fourier coefficients of negative frequencies do not vanish.

    >>> from matderiv.expr import apply, variable
    >>> x = variable("x")
    >>> float(around(apply("sin", x) / x, x, {"x": 0.0}, {}).round(12))
    1.0
    """
    space = linear_structure(x)
    center = np.asarray(values[x.name], dtype=float)
    direction = np.cos(1.7 * np.arange(center.size) + 0.3).reshape(center.shape)
    projection = numeric_projection(x, "projected", 1)
    direction = direction if projection is None else projection(direction)
    turns = np.exp(2j * np.pi * np.arange(PLACES) / PLACES)
    near = center + RADIUS * max(1.0, np.abs(center).max()) * np.multiply.outer(turns, direction)
    rows = np.stack([evaluate(expr, {**values, x.name: v}, sizes, analytic=True) for v in near])
    powers = np.fft.fft(rows, axis=0) / PLACES
    off = np.abs([*powers[:1].imag, *powers[PLACES // 2 :]]).max()
    if x.params[2] - _OPEN_FACTS - {space} or not off <= NOISE * np.abs(rows).max():
        raise DomainError(f"the limit is not known as {x.name} goes there")
    return powers[0].real


if TYPE_CHECKING:
    from matderiv.programs import compiled
else:
    (compiled,) = later("programs.compiled")


@dataclass(frozen=True)
class NumberFormula:
    """A derivative of f by wrt, as it is computed.

    `shared` is the printed formula in which ties share; `careful` is equal to it and has a value
    at more points, where the derivative is the limit of the formula.
    """

    f: Expr
    wrt: Expr
    order: int
    derivative: Derivative

    @cached_property
    def subject(self) -> Subject:
        """What the formula is the derivative of."""
        return Subject((self.f, prepare(self.f, self.wrt)), frozenset({self.wrt}), self.order)

    @cached_property
    def shared(self) -> Expr:
        """The printed formula; entries that tie for a maximum share its change."""
        e = self.derivative.expr
        return ties_shared(e, self.subject) if may_tie(e) else e

    @cached_property
    def careful(self) -> Expr:
        """The formula at the edges. Fractions are kept apart there: each has a limit of its own."""
        apart = ties_shared(fractions_apart(self.derivative, self.f), self.subject)
        return at_edges(apart, self.subject)

    @cached_property
    def value(self) -> Expr:
        """f itself, with 0*log(0) = 0."""
        return at_edges(valued((self.f,))[0], self.subject)

    @cached_property
    def may_fail(self) -> bool:
        """True where the formula may have no value although the derivative exists."""
        return may_fail(self.shared)

    def at(self, values: Mapping[str, Any], sizes: Mapping[str, int]) -> Array:
        """The value at bound sizes; infinite or not a number where the limit is not known."""
        if not self.may_fail:
            return evaluate(self.shared, values, sizes)
        return compiled.or_careful(
            lambda: [evaluate(self.shared, values, sizes)],
            lambda: compiled.or_careful(
                lambda: [evaluate(self.careful, values, sizes)],
                lambda: [self._limit(values, dict(sizes))],
            ),
        )[0]

    def _limit(self, values: Mapping[str, Any], sizes: dict[str, int]) -> Array:
        """The mean of values around a point where f has one."""
        known = values.keys() >= {v.name for v in variables(self.f, self.wrt)}
        if not known or not np.isfinite(evaluate(self.value, values, sizes)).all():
            raise DomainError("f has no value here")
        return around(self.derivative.expr, self.wrt, values, sizes)
