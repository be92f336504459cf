"""What is seen of an answer that no proof covers: every branch, every size, with many digits.

Points go to both sides of every kink and comparison of f and of the answer, close to them, to the
sizes that formulas in sizes need, and to where only the answer has no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, product

from matderiv.calculus.structure import linear_structure
from matderiv.errors import DomainError
from matderiv.expr import Expr, apply, is_, walk
from matderiv.lazy import np
from matderiv.numeric.both_sides import Border, Reached, beside, branches, domains, reached, zones
from matderiv.numeric.comparison import Comparer
from matderiv.numeric.comparison import DifferenceFinding as Compared
from matderiv.numeric.draws import LABEL_FACTS, longest_word
from matderiv.numeric.evaluate import Sizes, compile_, sizes_in
from matderiv.numeric.kinks import compared_with
from matderiv.numeric.question import DirectionQuestion
from matderiv.numeric.sampling import Point, Sampler, drawn, sampler
from matderiv.numeric.scaled_lines import levelled, lines
from matderiv.verification.claims import DIRECTIONAL, Claim, names_for
from matderiv.verification.field.all_sizes import SizePlan, planned
from matderiv.verification.field.branches import Branches
from matderiv.verification.field.elementary import elementary
from matderiv.verification.field.exact import Compared as Found
from matderiv.verification.field.exact import Identity
from matderiv.verification.precise import NOTHING, Precise, precise

POINTS = 6  # general points, at sizes of a plan
MOST_SIZES = 30  # beyond so many choices of sizes nothing is said of all
CLOSE = 160  # points close to borders that ordinary numbers look at
ALWAYS = 6  # of them looked at with many digits in any case
LEVEL = 12  # points with nearly equal entries that digits look at where no branch is known
TIED = 40  # points where entries are equal
DOUBTED = 12  # of them looked at because ordinary numbers see a difference
ORDINARY = (0.1, -0.1, 10.0, -10.0)  # factors of points where nothing is seen
FEW = 3  # points of a dispute that are looked at
DISPUTED = "in one branch it is no exact identity, and numbers show nothing of that"
SIDES = 12  # points on sides that general points do not see


@dataclass(frozen=True)
class Evidence:
    """Whether nothing contradicts an answer, and what was not seen.

    `sharp` is what many digits say, `open` why nothing that was seen stands for all values,
    `valueless` a point where only f has a value; `failed` is a mismatch in ordinary numbers.
    """

    sharp: Precise
    open: str = ""
    valueless: Point | None = None
    failed: Compared | None = None


@dataclass(frozen=True)
class Witness:
    """Looks at one claim; `question` is the numeric question behind it."""

    claim: Claim
    answer: Expr
    structure: str
    question: DirectionQuestion
    source: Sampler
    branches: Branches | None
    seed: int

    @staticmethod
    def of(claim: Claim, structure: str, question: DirectionQuestion, seed: int) -> Witness:
        """The witness of a claim that is an expression; DomainError where f has no value."""
        asked, answer = claim.asked, claim.expr
        assert answer is not None
        source = sampler(asked.f, names_for(asked, answer), order=asked.order, seed=seed)
        branches = Branches.of(identity(claim, structure), seed)
        return Witness(claim, answer, structure, question, source, branches, seed)

    @cached_property
    def comparer(self) -> Comparer:
        """What compares the claim with the sharpest truth."""
        question, f = replace(self.question, sharpest=True), self.claim.asked.f
        return Comparer(question, self.source, compile_((f,)))

    def plan(self) -> SizePlan:
        """The sizes at which the claim must be seen."""
        asked = self.claim.asked
        f, answer = elementary(moving(asked.f, asked.wrt)), elementary(self.answer)
        names = sorted(sizes_in(asked.f, answer, asked.wrt))
        return planned(f, answer, names, longest_word(f, answer), self.seed)

    def general(self, plan: SizePlan, failed: Sizes) -> list[Point]:
        """Points at the sizes of a plan, those where a proof failed first."""
        if not plan.sizes[0]:
            return [self.source.point(600 + k) for k in range(POINTS)]
        first = {**plan.sizes[0], **failed}
        choices = [first, *(s for s in plan.sizes if s != first)]
        enough = max(plan.degree + 1, len(choices) if plan.needed else 0)
        count = max(POINTS, min(enough, MOST_SIZES))
        return list(islice(self._at(choices, count), count))

    def _at(self, choices: list[Sizes], count: int) -> Iterator[Point]:
        for place in range(2 * count):
            try:
                yield self.source.at_sizes(choices[place % len(choices)], 600 + place)
            except DomainError:
                continue

    def _alike(self, points: list[Point]) -> list[Point]:
        """Points with all labels of a variable the same, which random ones never are."""
        found = []
        for point, v in product(points, self.source.variables):
            for label in (1.0, 0.0 if "binary" in v.params[2] else -1.0):
                if v.params[2] & LABEL_FACTS:
                    values = {**point.values, v.name: np.full_like(point.values[v.name], label)}
                    found.append(Point(point.sizes, values))
        return [p for p in found if self.source.objection(p.sizes, p.values) is not None]

    def look(self, failed: Sizes) -> Evidence:
        """Everything that can be seen of the claim."""
        plan = self.plan()
        points = self.general(plan, failed)
        borders = [*branches(self.claim.asked.f, self.answer), *self._domains()]
        wanted = [b._replace(sides=()) if b.sides == (-1,) and not b.kink else b for b in borders]
        found = reached(self.source, points[:POINTS], wanted, close=True)
        found = found._replace(points=(*found.points, *self._alike(points[:1])))
        outside = reached(self.source, points[:POINTS], self._domains())
        sides = [*found.points[:SIDES], *outside.points]
        sharp = self._sharp([*points[:POINTS], *sides])
        if sharp.verdict != "different":
            sharp = sharp.joined(self._sharp(self._suspicious(found)))
        if sharp.verdict != "different":
            sharp = self._elsewhere(points if plan.degree else [], found, wanted) or sharp
        if not sharp.points and sharp.valueless is not None:
            sharp = self._where_both_have_values(sharp)
        if sharp.verdict == "different":
            return Evidence(sharp)
        matching, wrong, _ = self._compared(points, wanted)
        if wrong is not None:
            return Evidence(sharp, failed=wrong)
        left = _left_open(plan, matching) or "; ".join(found.unseen)
        if sharp.verdict == "equal" and not sharp.points:
            return Evidence(sharp, left, sharp.valueless)
        if sharp.verdict != "equal":
            left = left or ("" if matching else NOTHING)
        return self._ordinary(sharp, points, found, left)

    def _sharp(self, points: list[Point]) -> Precise:
        """What is said of points: exactly where their branch is known, else by many digits."""
        known = [(p, self._in_branch(p)) for p in points]
        for _, sharp in self._denied(known):
            if sharp.verdict == "different":
                return sharp
        rest = [p for p, exact in known if exact is None or not exact.equal]
        seen = sum(exact.seen for _, exact in known if exact is not None and exact.equal)
        exactly = Precise("equal", exactly=seen)
        if not seen:
            exactly = Precise("undecided", reason=NOTHING, empty=True)
        if not rest:
            return exactly
        return exactly.joined(self._digits(rest))

    def _elsewhere(
        self, points: list[Point], found: Reached, borders: list[Border]
    ) -> Precise | None:
        """What contradicts the claim where entries are equal, or in a branch at these sizes."""
        sides = (q for p in points for q in beside(self.source, p, borders))
        level: list[Point] = []
        if self.source.extremes:
            level += levelled(self.source, points[0] if points else self.source.point(600))
        seen = (*found.tied[:TIED], *sides, *level)
        for _, sharp in self._denied((p, self._in_branch(p)) for p in seen):
            if sharp.verdict == "different":
                return sharp
        sharp = self._digits([p for p in level[-LEVEL:] if self._in_branch(p) is None])
        return sharp if sharp.verdict == "different" else None

    def _in_branch(self, point: Point) -> Found | None:
        """Whether the claim is an identity in the branch of a point; None where unknown."""
        return None if self.branches is None else self.branches.at(point)

    def _digits(self, points: Sequence[Point]) -> Precise:
        return precise(self.claim, self.structure, seed=self.seed, at=points)

    def _denied(
        self, known: Iterable[tuple[Point, Found | None]]
    ) -> Iterator[tuple[Point, Precise]]:
        """Points in whose branch there is no exact identity, each with what digits say there."""
        apart = (p for p, exact in known if exact is not None and not exact.equal)
        return ((p, self._digits([p])) for p in apart)

    def _where_both_have_values(self, sharp: Precise) -> Precise:
        """What digits say where the answer has a value too, if such points are found."""
        whole = [apply("sum", e, params=(None,)) for e in (self.claim.asked.f, self.answer)]
        try:
            source = sampler(apply("add", *whole), self.source.variables, seed=self.seed)
            points = drawn(source, POINTS)
        except DomainError:
            return sharp
        return replace(self._digits(points), valueless=sharp.valueless)

    def _suspicious(self, found: Reached) -> list[Point]:
        """Points close to borders: some, and those where ordinary numbers see a difference.

        Beside a border rounding may choose the other branch, so that digits must decide.
        """
        differing = []
        unsure = [p for p in found.close[:CLOSE] if not self._is_identity(p)]
        for place, point in enumerate(unsure):
            rng = np.random.default_rng([place, 5])
            if self.comparer.at(point, rng).verdict != "match":
                differing.append(point)
        return [*found.close[:ALWAYS], *differing[:DOUBTED]]

    def _is_identity(self, point: Point) -> bool:
        found = self._in_branch(point)
        return found is not None and found.equal

    def _compared(
        self, points: Iterable[Point], borders: list[Border] | None = None
    ) -> tuple[list[Point], Compared | None, str]:
        """The points at which ordinary numbers match, a mismatch, and why one is left open.

        Where the derivative vanishes, nothing was seen: the point is moved to other branches.
        """
        matching: list[Point] = []
        unsure = ""
        for place, point in enumerate(points):
            for here in self._instead(point, borders):
                exact = self._in_branch(here)
                if exact is not None and exact.equal and exact.seen:
                    matching.append(here)
                    break
                if exact is not None and exact.equal:
                    continue
                found = self.comparer.at(here, np.random.default_rng([place, 3]))
                digits = self._in_digits(here) if found.verdict == "mismatch" else None
                said = digits.verdict if digits is not None else found.verdict
                if said == "different":
                    return matching, found, ""
                unsure = str(digits) if digits is not None and said == "undecided" else unsure
                if said == "equal" or (said == "match" and not found.zero):
                    matching.append(point)
                    break
        return matching, None, unsure

    def _instead(self, point: Point, borders: list[Border] | None) -> Iterator[Point]:
        """A point, those on other sides of borders, and some that are nearer and farther."""
        yield point
        yield from beside(self.source, point, borders) if borders else ()
        whole = next(lines(self.source, point))
        yield from (Point(point.sizes, whole(t)) for t in ORDINARY)

    def _in_digits(self, point: Point) -> Precise:
        """What a mismatch comes to with many digits: 1 + tanh(-50) is 0 in ordinary ones.

        Where digits do not reach it stands, unless rounding may have chosen a branch.
        """
        found = self._digits([point])
        stands = found.verdict == "undecided" and not compares_more(self.claim)
        return Precise("different") if stands else found

    def _ordinary(self, sharp: Precise, points: list[Point], found: Reached, left: str) -> Evidence:
        """What ordinary numbers say on all sides, and where functions do not saturate.

        The latter at all sizes: where a function saturates, numbers do not show its argument.
        """
        saturating = zones(self.claim.asked.f, self.answer)
        bends = reached(self.source, points[:POINTS], saturating)
        again = self._digits(bends.points)
        if again.verdict == "different":
            return Evidence(again, left)
        bent = [q for p in points for q in beside(self.source, p, saturating)]
        disputed = [] if sharp.verdict == "equal" else self._disputed([*points, *found.points])
        kept = [b for b in branches(self.claim.asked.f, self.answer) if b.kink]
        bent += [q for p in disputed for q in beside(self.source, p, saturating, kept)]
        _, wrong, unsure = self._compared([*found.points, *bends.points, *bent])
        if wrong is not None:
            return Evidence(sharp, left, failed=wrong)
        left = left or unsure or "; ".join(bends.unseen) or (DISPUTED if disputed else "")
        return Evidence(sharp, left, sharp.valueless)

    def _disputed(self, points: Iterable[Point]) -> list[Point]:
        """Points in whose branch there is no exact identity, while digits do not reach.

        Where functions saturate, ordinary numbers show nothing of a branch.
        """
        said = self._denied((p, self._in_branch(p)) for p in points)
        return list(islice((p for p, digits in said if digits.verdict == "undecided"), FEW))

    def against_a_proof(self, doubtful: bool) -> Precise | None:
        """What digits say where a proof may fail: outside of domains, and on the sides of jumps.

        None where there is nothing of that kind.
        """
        borders = self._domains()
        if compares_more(self.claim):
            borders += branches(self.claim.asked.f, self.answer)
        if not borders and not doubtful:
            return None
        points = [self.source.point(600 + k) for k in range(POINTS)]
        found = reached(self.source, points, borders)
        return self._digits([*points[: POINTS if doubtful else 2], *found.points])

    def _domains(self) -> list[Border]:
        return domains(self.claim.asked.f, self.answer)


def identity(claim: Claim, structure: str) -> Identity:
    """What the exact test is about, for a claim that is an expression."""
    asked = claim.asked
    assert claim.expr is not None
    linear = asked.kind not in DIRECTIONAL and len(asked.wrt.shape) == 2
    space = linear_structure(asked.wrt) if linear else None
    return Identity(
        moving(asked.f, asked.wrt),
        asked.path,
        claim.expr,
        claim.arrange,
        asked.upstream,
        asked.tangent,
        space,
        structure,
    )


def moving(f: Expr, x: Expr) -> Expr:
    """f without the terms that do not depend on the variable."""
    if not is_(f, "add"):
        return f
    terms = [a for a in f.args if x in set(walk(a))]
    kept = f if not terms else apply("add", *terms)
    return kept if kept.shape == f.shape else f


def compares_more(claim: Claim) -> bool:
    """True where an answer compares what f does not, so that rounding may choose a branch."""
    return claim.expr is not None and bool(compared_with(claim.expr) - compared_with(claim.asked.f))


def _left_open(plan: SizePlan, found: list[Point]) -> str:
    """Why points at these sizes do not stand for all sizes; "" if they do."""
    sizes = [p.sizes for p in found]
    if plan.open or not plan.sizes[0]:
        return plan.open
    if left := plan.unseen(sizes):
        said = ", ".join(f"{n} = {value}" for n, value in sorted(left[0].items()))
        return f"a size is compared, and nothing was seen at {said}"
    if any(len({s[n] for s in sizes}) <= plan.degree for n in plan.sizes[0]):
        return f"the sizes occur as a polynomial of degree {plan.degree}"
    return ""
