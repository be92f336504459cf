"""Values with many digits, where ordinary numbers cannot tell a mistake from rounding.

f and an answer are evaluated by mpmath with dual numbers. So many digits are taken that the
smallest part of the formulas shows beside the largest: nothing underflows, and what differs at all
differs here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from matderiv.calculus.structure import linear_structure
from matderiv.errors import DomainError
from matderiv.expr import Expr, is_, variables, walk
from matderiv.lazy import mp, np
from matderiv.numeric.evaluate import Array, Sizes
from matderiv.numeric.sampling import Point, drawn, sampler
from matderiv.shapes import concrete
from matderiv.verification.claims import DIRECTIONAL, Claim, names_for
from matderiv.verification.field.digits import (
    exactly,
    reachable,
    terms_of,
    values,
    without_rounding,
)
from matderiv.verification.field.dual import Element, OutOfReach
from matderiv.verification.field.elementary import elementary
from matderiv.verification.field.points import halved, projected
from matderiv.verification.field.rules import lined
from matderiv.work import spend

DIGITS = 50
MARGIN = 40  # digits in which an answer must agree beyond the span of all parts
WIDEST = 1_500  # digits from the largest to the smallest part up to which "equal" is concluded
NOTHING = "nothing but zeros was compared"
POINTS = 6
SURE = 1e-3  # a part of a difference that digits may leave open where its sign is known
PLAIN = 1e-6  # an error that shows in ordinary numbers
FURTHER = 8  # points at which a plainer difference is looked for
MOST = 5_000  # entries of all parts of f and the answer at one point
WORK = 600_000  # of these entries times the digits that they need


@dataclass(frozen=True)
class Precise:
    """What many digits say: "equal", "different" or "undecided" with the reason.

    `point` is where an answer differs, `claimed` and `truth` are the values along a direction.
    `valueless` is a point where f has a derivative and the answer no value; where both are 0, which
    says nothing, or without values a look is `empty`. `exactly` counts points in whose branch an
    exact test said so.
    """

    verdict: str
    points: int = 0
    error: float = 0.0
    reason: str = ""
    point: Point | None = None
    claimed: float = 0.0
    truth: float = 0.0
    valueless: Point | None = None
    empty: bool = False
    exactly: int = 0

    def joined(self, other: Precise) -> Precise:
        """What two looks say together; one that compared nothing adds nothing."""
        if other.verdict == "different":
            return other
        for look in (self, other):
            if look.verdict == "different" or (look.verdict == "undecided" and not look.empty):
                return look
        return replace(
            other if self.empty else self,
            points=self.points + other.points,
            exactly=self.exactly + other.exactly,
            valueless=self.valueless or other.valueless,
        )

    def __str__(self) -> str:
        if self.verdict == "undecided":
            return f"{DIGITS} digits: {self.reason}"
        if self.verdict == "equal":
            said = f"equal in {DIGITS} digits at {_points_said(self.points)}"
            exactly = f"an exact identity in the branches of {_points_said(self.exactly)}"
            return "; ".join([exactly] * bool(self.exactly) + [said] * bool(self.points))
        shown = self.reason if self.error < 1e-300 else f"{self.error:.1g}"
        return f"with {DIGITS} digits the relative error is {shown}"


def _points_said(count: int) -> str:
    return f"{count} point{'s' * (count != 1)}"


@dataclass(frozen=True)
class Formulas:
    """A claim with f and the answer in elementary functions."""

    claim: Claim
    structure: str
    f: Expr
    answer: Expr

    def entries(self, sizes: Sizes) -> int:
        """The entries of all parts at once."""
        parts = walk(self.f, self.answer)
        return sum(prod(concrete(n.shape, sizes)) for n in parts)


def precise(
    claim: Claim, structure: str, *, seed: int = 0, at: Iterable[Point] | None = None
) -> Precise:
    """Whether a claim is the derivative, by values with many digits, at random or given points.

    >>> from matderiv.verification.claims import claims
    >>> asked = ask("sum(log(x))", "x")
    >>> claim = claims(asked, read_answer(asked, "1.00000000001./x"), "")[0]
    >>> print(precise(claim, "projected"))
    with 50 digits the relative error is 1e-11
    """
    if claim.expr is None:
        return Precise("undecided", reason="the answer is a function of floating-point numbers")
    try:
        formulas = Formulas(claim, structure, elementary(claim.asked.f), elementary(claim.expr))
        reachable(formulas.f)
        reachable(formulas.answer)
        points = list(_points(claim, seed) if at is None else at)
        return _compared(formulas, points, seed)
    except OutOfReach as reason:
        return Precise("undecided", reason=f"no version of {reason} with so many digits")
    except DomainError as error:
        return Precise("undecided", reason=error.message)


def _points(claim: Claim, seed: int) -> list[Point]:
    asked, names = claim.asked, names_for(claim.asked, claim.expr)
    return drawn(sampler(asked.f, names, order=asked.order, seed=seed), POINTS)


def _compared(formulas: Formulas, points: list[Point], seed: int) -> Precise:
    """What the points say together; of those that differ one that shows it, if there is one."""
    compared, wide, zeros = 0, 0, 0
    valueless: Point | None = None
    worst: Precise | None = None
    for place, point in enumerate(points):
        if formulas.entries(point.sizes) > MOST:
            return Precise("undecided", reason="too much to compute with so many digits")
        rng = np.random.default_rng([seed, place, 50])
        found = _at(formulas, point, _directions(formulas, point, rng))
        if found.verdict == "different":
            found = replace(found, points=compared + 1, point=point)
            worst = found if worst is None or found.error > worst.error else worst
        if worst is not None and (worst.error > PLAIN or place >= FURTHER):
            return worst
        if found.verdict == "no value":
            valueless = valueless or point
        zeros += found.verdict == "zero"
        wide += found.verdict == "wide"
        compared += found.verdict == "equal"
    if worst is not None:
        return worst
    if wide or not compared:
        reason = NOTHING if zeros else "no value at any point"
        reason = "the parts are of too different size" if wide else reason
        return Precise("undecided", compared, reason=reason, valueless=valueless, empty=not wide)
    return Precise("equal", compared, valueless=valueless)


def _directions(formulas: Formulas, point: Point, rng: Any) -> list[Array]:
    """A direction for each order; the declared change for a differential."""
    asked = formulas.claim.asked
    if asked.tangent is not None:
        return [np.asarray(point.values[asked.tangent.name], float)]
    shape = concrete(asked.wrt.shape, point.sizes)
    return [np.asarray(rng.normal(size=shape)) for _ in range(asked.order)]


# One point ----------------------------------------------------------------------------------------


def _at(formulas: Formulas, point: Point, directions: list[Array]) -> Precise:
    """The claim at a point: "equal", "different", "wide", "no value", "zero" or "nothing" of f."""
    with mp.workdps(DIGITS):
        _, _, span, _ = _sides(formulas, point, directions)
    if span is None:
        return Precise("nothing")
    digits = max(0, min(span, WIDEST, WORK // formulas.entries(point.sizes) // 2 - DIGITS))
    if span > digits:
        return Precise("wide")
    with mp.workdps(2 * (DIGITS + digits)):
        truth, claimed, _, largest = _sides(formulas, point, directions)
        if truth is None or not _finite(truth):
            return Precise("nothing")
        if claimed is None or not _finite(claimed):
            return Precise("no value")
        scale = max(abs(v) for side in (truth, claimed) for v in side)
        off = max(abs(a - b) for a, b in zip(truth, claimed, strict=True))
        if not scale:
            return Precise("zero")
        if off <= max(scale * _tiny(digits + MARGIN), largest * _tiny(digits + DIGITS + 10)):
            return Precise("equal")
        if _branches_unsure(formulas, point):
            return Precise("wide")
        return _different(truth, claimed, off, scale)


def _branches_unsure(formulas: Formulas, point: Point) -> bool:
    """True where something that is compared with 0 is nothing but rounding, or f is at a kink."""
    own, wrt = set(walk(formulas.f)), formulas.claim.asked.wrt
    nodes = walk(formulas.f, formulas.answer)
    jumps = tuple(n for n in nodes if is_(n, "step", "sign", "max", "min"))
    at = {v.name: exactly(point.values[v.name]) for v in variables(*jumps)}
    try:
        shaken = [
            values(tuple(n.args[0] for n in jumps), at, point.sizes, {}, np.random.default_rng(k))
            for k in (1, 2)
        ]
    except ArithmeticError:
        return True
    for jump in jumps:
        first, second = (_gaps(jump, found) for found in shaken)
        if any(abs(a - b) > SURE * abs(a) for a, b in zip(first, second, strict=True)):
            return True
        if jump in own and wrt in variables(jump) and not all(first):
            return True
    return False


def _gaps(jump: Expr, found: Mapping[Expr, Element]) -> list[Any]:
    """How far a comparison is from its border; 0 where the terms are equal up to rounding."""
    compared = jump.args[0]
    if is_(jump, "step", "sign"):
        terms = [found[a] for a in terms_of(compared)]
        return list(without_rounding(found[compared], terms)[0].flat)
    entries = found[compared][0]
    rows = lined(entries, axis=jump.params[0], dims=entries.shape[1:])
    ordered = np.sort(rows if is_(jump, "max") else -rows, axis=-1)[..., -2:]
    if ordered.shape[-1] < 2:
        return []
    below, top = ordered[..., 0], ordered[..., 1]
    below, top = below[top != 0], top[top != 0]  # what a mask makes 0 is no kink
    return list(without_rounding({0: top - below}, [{0: below}, {0: top}])[0].flat)


def _different(truth: list[Any], claimed: list[Any], off: Any, scale: Any) -> Precise:
    worst = max(range(len(truth)), key=lambda k: abs(truth[k] - claimed[k]))
    return Precise(
        "different",
        error=float(off / scale),
        reason=mp.nstr(off / scale, 1),
        claimed=float(claimed[worst]),
        truth=float(truth[worst]),
    )


def _tiny(digits: int) -> Any:
    return mp.mpf(10) ** -digits


def _finite(side: list[Any]) -> bool:
    return all(mp.isfinite(v) for v in side)


def _sides(
    formulas: Formulas, point: Point, directions: list[Array]
) -> tuple[list[Any] | None, list[Any] | None, int | None, Any]:
    """Truth and claim along the directions, the digits that all parts span, the largest part.

    None for a side that cannot be computed.
    """
    asked = formulas.claim.asked
    spend(20 * formulas.entries(point.sizes))
    names = [*variables(formulas.f, formulas.answer), *asked.path, *asked.extra.values()]
    at = {v.name: exactly(point.values[v.name]) for v in names}
    moved = [exactly(d) for d in directions]
    try:
        seeds = {asked.wrt.name: _seeds(formulas, moved)}
        parts = values((formulas.f,), at, point.sizes, seeds)
        truth = _truth(formulas, parts[formulas.f], at)
    except ArithmeticError:
        return None, None, None, 0
    try:
        own = values((formulas.answer,), at, point.sizes, {})
        claimed = _contracted(formulas, own[formulas.answer][0], point.sizes, moved)
    except ArithmeticError:
        own, claimed = {}, None
    sizes = [mp.mag(v) for v in _magnitudes([*parts.values(), *own.values()])]
    span = int(max(sizes) - min(sizes)) * 30103 // 100000 + 1 if sizes else 0
    return truth, claimed, span, mp.ldexp(1, max(sizes, default=0))


def _magnitudes(parts: Iterable[Element]) -> Iterable[Any]:
    for element in parts:
        for array in element.values():
            for v in array.reshape(-1):
                if v and mp.isfinite(v):
                    yield mp.mpf(v)


def _seeds(formulas: Formulas, directions: list[Array]) -> Element:
    """The dual parts of the variable, in the space that it is declared to be in."""
    asked = formulas.claim.asked
    space = None if asked.kind in DIRECTIONAL else linear_structure(asked.wrt)
    space = space if len(asked.wrt.shape) == 2 else None
    half = mp.mpf(1) / 2 if halved(space, formulas.structure) else 1
    rows = [projected(d[None], space, formulas.structure) * half for d in directions]
    return {2 << k: row for k, row in enumerate(rows)}


def _truth(formulas: Formulas, found: Element, at: Mapping[str, Array]) -> list[Any]:
    asked = formulas.claim.asked
    if not _finite([*found[0].flat]):
        return [mp.nan]  # a slope may have a value where f has none: 1/x where log(x) ends
    top = sum(2 << k for k in range(asked.order))
    truth = found.get(top, found[0] * 0).reshape(-1)
    if asked.upstream is not None:
        truth = np.asarray((at[asked.upstream.name].reshape(-1) * truth).sum()).reshape(-1)
    return [*truth]


def _contracted(
    formulas: Formulas, given: Array, sizes: Sizes, directions: list[Array]
) -> list[Any]:
    """The claim along the directions, as a list like the values of f."""
    claim = formulas.claim
    outer = concrete(claim.asked.outer, sizes)
    directional = claim.asked.tangent is not None
    inner = [] if directional else [d.shape for d in directions]
    arranged = np.asarray(claim.arrange(given, outer, inner)[0], object)
    for d in [] if directional else directions[::-1]:
        axes = tuple(range(arranged.ndim - d.ndim, arranged.ndim))
        arranged = np.asarray((arranged * d).sum(axis=axes) if d.ndim else arranged * d, object)
    return [*arranged.reshape(-1)]
