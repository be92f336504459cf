"""Results with a scalar factor that waits: scalars meet an array once, and where it is small."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from matderiv.programs.program import ProgramBuilder


class Scaled(NamedTuple):
    """number · Π above / Π below · the result `core`; `core` is None for a pure scalar."""

    core: int | None
    number: Fraction = Fraction(1)
    above: tuple[int, ...] = ()
    below: tuple[int, ...] = ()

    @property
    def plain(self) -> bool:
        """True where no factor waits."""
        return self.core is not None and self.number == 1 and not self.above and not self.below

    def times(self, other: Scaled) -> Scaled:
        """The factor of `other`, a scalar, comes on top of this one."""
        above = other.above if other.core is None else (*other.above, other.core)
        return self._replace(
            number=self.number * other.number,
            above=self.above + above,
            below=self.below + other.below,
        )

    def over(self, other: Scaled) -> Scaled:
        """The same divided by the scalar `other`, whose number is not 0."""
        below = other.above if other.core is None else (*other.above, other.core)
        return self._replace(
            number=self.number / other.number,
            above=self.above + other.below,
            below=self.below + below,
        )

    def with_core(self, core: int | None) -> Scaled:
        """The same factor in front of something else."""
        return self._replace(core=core)


def as_factor(b: ProgramBuilder, slot: int) -> Scaled:
    """A scalar result as a factor; constants join the number."""
    value = b.number_at(slot)
    if isinstance(value, int | Fraction):
        return Scaled(None, Fraction(value))
    return Scaled(slot)


def quotient(b: ProgramBuilder, s: Scaled, below: Scaled) -> Scaled:
    """A result divided by a scalar, which may be the number 0."""
    if below.number:
        return s.over(below)
    return Scaled(b.entrywise("div", settled(b, s), b.number(0)))


def settled(b: ProgramBuilder, s: Scaled) -> int:
    """The result itself: its waiting factor applied, with one pass over the array."""
    if s.core is None:
        return factor_value(b, s)
    if s.plain:
        return b.real(s.core)
    if b.shape(s.core) == ():
        return factor_value(b, (s.with_core(None))._replace(above=(*s.above, s.core)))
    if s.number == -1 and not s.above and not s.below:
        return b.entrywise("neg", s.core)
    line = b.lines[s.core]
    if line.operation in ("add", "sub") and all(parts := [_waiting(b, a) for a in line.arguments]):
        front = s.with_core(None)
        return b.entrywise(line.operation, *(settled(b, p.times(front)) for p in parts if p))
    small, large = b.uneven(s.core)
    if small is not None:
        return b.entrywise("mul", settled(b, s.with_core(small)), large)
    if s.number == 1 and not s.above:
        return b.entrywise("div", b.real(s.core), _product(b, s.below))
    if not s.above and not s.below and s.number.numerator == 1:
        return b.entrywise("div", b.real(s.core), b.number(s.number.denominator))
    return b.entrywise("mul", factor_value(b, s.with_core(None)), b.real(s.core))


def _waiting(b: ProgramBuilder, k: int) -> Scaled | None:
    """A multiple of an array as that array with a factor; None for anything else."""
    line = b.lines[k]
    if line.operation not in ("mul", "div") or not line.shape:
        return None
    number, array = line.arguments if line.operation == "mul" else line.arguments[::-1]
    if b.shape(number) != () or b.shape(array) != line.shape:
        return None
    factor = as_factor(b, number)
    return Scaled(array).times(factor) if line.operation == "mul" else Scaled(array).over(factor)


def factor_value(b: ProgramBuilder, s: Scaled) -> int:
    """The waiting factor as a scalar result."""
    below = list(s.below)
    number = s.number
    if below and number.denominator != 1:
        below.insert(0, b.number(number.denominator))
        number = Fraction(number.numerator)
    above = list(s.above)
    negative = bool(above) and number < 0
    if abs(number) != 1 or not above:
        above.insert(0, b.number(abs(number) if negative else number))
    top = _product(b, tuple(above))
    value = b.add("div", top, _product(b, tuple(below))) if below else top
    return b.add("neg", value) if negative else value


def _product(b: ProgramBuilder, factors: tuple[int, ...]) -> int:
    if len(factors) == 2 and factors[0] == factors[1]:
        return b.add("mul", factors[0], factors[0])
    result = b.real(factors[0])
    for k in factors[1:]:
        result = b.add("mul", result, b.real(k))
    return result
