"""Numbers that a mistake leaves behind: constant ratios, missing factors and terms, recognised.

Where an answer is linear in one of its parts, the factor that this part should have follows from
two evaluations; what is missing from a sum is a difference. Both are then looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite

from matderiv.choosing.items import multiplied
from matderiv.expr import Expr, is_, number
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array
from matderiv.shapes import Shape, is_scalar
from matderiv.verification.claims import ARRANGEMENTS, Asked, arrangements, claims, conventional
from matderiv.verification.judging import Finding, identity_of, judged
from matderiv.verification.valuation import Truths, Valuation, valuations
from matderiv.words.monomials import scaled

POINTS = 3  # at which candidates are tried first
FAILURES = 10  # candidates that hold there and are wrong, after which nothing is looked for
CLOSE = 1e-6  # of recognised ratios, which are then tested sharply
LARGEST = 64  # denominators and numerators of recognised fractions
SCALARS = 40  # scalar parts tried, and their products in pairs


@dataclass
class CauseSearch:
    """A question with its truth at a few points; `structure` as in `derive`.

    A candidate that holds at all points and fails the verification adds the point where it fails,
    so that candidates of its kind are rejected at once. After `FAILURES` of them none is confirmed.
    """

    asked: Asked
    structure: str
    truths: Truths
    points: list[Valuation]
    seed: int
    failures: int = 0
    layouts: dict[Shape, str | None] = field(default_factory=dict)

    @staticmethod
    def of(asked: Asked, e: Expr | None, seed: int) -> CauseSearch | None:
        """The search for what is wrong with an answer; None where f has no derivative."""
        found = CauseSearch.at(asked, e, seed, asked.structure)
        if found is not None and e is not None and found.holds(e):
            found.confirmed(e)  # the points hide the mistake: one that shows it is added
        return found

    @staticmethod
    def at(
        asked: Asked, e: Expr | None, seed: int, structure: str | None, count: int = POINTS
    ) -> CauseSearch | None:
        """The truth at some points that have values for the names of an answer."""
        structure = structure or asked.structure or "projected"
        truths = Truths.of(asked, structure)
        points = list(valuations(asked, truths, count, seed, e))
        return CauseSearch(asked, structure, truths, points, seed) if points else None

    @property
    def tolerance(self) -> float:
        """What counts as equal: second derivatives come from differences."""
        return 1e-9 if self.asked.order == 1 else 2e-5

    def holds(self, e: Expr, layout: str | None = None) -> bool:
        """True if the expression has the true values, in the layout asked for or a given one."""
        name = self.layout(e) if layout is None else layout
        return name is not None and all(self._close(e, name, v) for v in self.points)

    def layout(self, e: Expr) -> str | None:
        """The name of the asked-for layout if the shape fits it."""
        if e.shape not in self.layouts:
            found = [n for n in arrangements(self.asked, e.shape) if conventional(self.asked, n)]
            self.layouts[e.shape] = found[0] if found else None
        return self.layouts[e.shape]

    def _close(self, e: Expr, layout: str, v: Valuation) -> bool:
        value = self.arranged(e, layout, v)
        if value is None:
            return False
        off = float(np.abs(value - v.truth).max())
        return off <= self.tolerance * max(v.scale, float(np.abs(value).max()), 1e-300)

    def arranged(self, e: Expr, layout: str, v: Valuation) -> Array | None:
        """The values of an answer with the axes of the truth; None where there are none."""
        value = v.value(e)
        if value is None or not np.isfinite(value).all():
            return None
        if layout == "":
            return np.reshape(value, v.truth.shape)
        inner = []
        if self.asked.tangent is None:
            inner = [v.point.values[self.asked.wrt.name].shape] * self.asked.order
        outer = v.truth.shape[: v.truth.ndim - sum(map(len, inner))]
        return ARRANGEMENTS[layout](value[None], outer, inner)[0]

    def values(self, e: Expr, points: list[Valuation] | None = None) -> list[Array] | None:
        """The values at all or some points, in the layout asked for."""
        name = self.layout(e)
        if name is None:
            return None
        found = [self.arranged(e, name, v) for v in points or self.points]
        return None if any(a is None for a in found) else found

    def confirmed(self, e: Expr) -> bool:
        """True if the whole verification accepts the expression."""
        return self.accepted(e, lambda layout: conventional(self.asked, layout))

    def right(self, e: Expr) -> bool:
        """True if it holds at the points and the verification accepts it."""
        return self.holds(e) and self.confirmed(e)

    def accepted(self, e: Expr, layouts: Callable[[str], bool]) -> bool:
        """True if the verification accepts the expression in one of the layouts."""
        found = [c for c in claims(self.asked, e, "") if layouts(c.layout)]
        if not found or self.failures >= FAILURES:
            return False
        if identity_of(found[0], self.structure, self.seed).verdict == "equal":
            return True  # numbers have agreed before
        verdict = judged(found[0], self.structure, seed=self.seed, points=4)
        if not verdict.right:
            self.failures += 1
            self._learn(verdict)
        return verdict.right

    def _learn(self, verdict: Finding) -> None:
        """Keep the point where an answer fails that held at all others."""
        failed = verdict.failed
        if failed is None or self.points[0].point.values.keys() - failed.values.keys():
            return  # a point without values for all names would reject what is right
        learnt = self.truths.at(failed)
        if learnt is not None:
            self.points.insert(0, learnt)


# Ratios ------------------------------------------------------------------------------------------


def ratios(
    search: CauseSearch, above: Sequence[Array], below: Sequence[Array]
) -> list[float] | None:
    """c with above = c below at each point; None where that is not a number."""
    found = []
    for a, b in zip(above, below, strict=True):
        scale = float(np.abs(b).max())
        if not scale:
            return None
        at = np.unravel_index(int(np.argmax(np.abs(b))), b.shape)
        c = float(a[at] / b[at])
        tolerance = max(search.tolerance * 1e2, 1e-7)
        if not c or not isfinite(c) or np.abs(a - c * b).max() > tolerance * abs(c) * scale:
            return None
        found.append(c)
    return found


def fraction(value: float) -> Fraction | None:
    """The fraction of small numbers that a float is, if it is one.

    >>> fraction(-0.3333333333333), fraction(0.7319)
    (Fraction(-1, 3), None)
    """
    if not isfinite(value):
        return None
    found = Fraction(value).limit_denominator(LARGEST)
    near = abs(float(found) - value) <= CLOSE * abs(value)
    return found if near and found and abs(found.numerator) <= 10 * LARGEST else None


def constant(found: Sequence[float]) -> Fraction | None:
    """The fraction that all ratios are."""
    first = found[0]
    if any(abs(c - first) > CLOSE * abs(c) for c in found):
        return None
    return fraction(first)


def recognised(search: CauseSearch, found: Sequence[float], pool: Sequence[Expr]) -> Expr | None:
    """A number, or a number times scalar parts, that the ratios are at every point.

    The simplest wins: a number, a part, one over a part, products and quotients of two parts.
    """
    c = constant(found)
    if c is not None:
        return number(c)
    with np.errstate(all="ignore"):
        return _with_parts(np.array(found), list(_scalars(search, pool)))


def _with_parts(target: Array, scalars: Sequence[tuple[Expr, Array]]) -> Expr | None:
    """A number times a part, or times a product or quotient of two."""
    for e, value in scalars:
        for k in (1, -1, 2, -2):
            c = constant((target / value**k).tolist())
            if c is not None:
                return scaled(c, {e: k}, [])
    for i, (e, value) in enumerate(scalars):
        for f, other in scalars[:i]:
            for k, j in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                c = constant((target / (value**k * other**j)).tolist())
                if c is not None:
                    return scaled(c, {e: k, f: j}, [])
    return None


def _scalars(search: CauseSearch, pool: Sequence[Expr]) -> Iterator[tuple[Expr, Array]]:
    count = 0
    for e in pool:
        if count >= SCALARS or is_(e, "number", "pi") or not is_scalar(e.shape):
            continue
        found = [v.value(e) for v in search.points]
        if any(a is None for a in found):
            continue
        value = np.array([float(np.reshape(a, ())) for a in found])
        if np.isfinite(value).all() and (np.abs(value) > 1e-9).all() and np.ptp(value):
            count += 1
            yield e, value


# Parts -------------------------------------------------------------------------------------------


def factor_of(search: CauseSearch, whole: Expr, doubled: Expr, pool: Sequence[Expr]) -> Expr | None:
    """The factor that a part should have had, when the answer is linear in it.

    `doubled` is the answer with twice that part.
    """

    def factors(points: list[Valuation]) -> list[float] | None:
        now, then = search.values(whole, points), search.values(doubled, points)
        if now is None or then is None:
            return None
        share = [b - a for a, b in zip(now, then, strict=True)]
        wanted = [v.truth - a + s for v, a, s in zip(points, now, share, strict=True)]
        return ratios(search, wanted, share)

    return of_all_points(search, factors, pool)


Factors = Callable[[list[Valuation]], list[float] | None]


def of_all_points(search: CauseSearch, factors: Factors, pool: Sequence[Expr]) -> Expr | None:
    """What the factors at all points are; most are refused at the first."""
    found = factors(search.points) if factors(search.points[:1]) is not None else None
    return None if found is None else recognised(search, found, pool)


def missing_term(search: CauseSearch, whole: Expr, pool: Sequence[Expr]) -> Expr | None:
    """What is missing from the whole, as a multiple of one of some parts."""
    now = search.values(whole)
    if now is None:
        return None
    rest = [v.truth - a for v, a in zip(search.points, now, strict=True)]
    for e in pool:
        if e.shape != whole.shape or is_(e, "number"):
            continue
        share = search.values(e)
        found = None if share is None else ratios(search, rest, share)
        factor = None if found is None else recognised(search, found, pool)
        if factor is not None:
            return multiplied(factor, e)
    return None
