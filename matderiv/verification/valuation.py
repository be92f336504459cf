"""Values of many expressions that share parts, at a few points, and the truth there.

The points have sizes from 3, 4, 5, ... on, so that factors such as 1/n show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from matderiv.errors import DomainError
from matderiv.expr import Expr
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array, ValueProgram, compile_
from matderiv.numeric.interpret import Floats
from matderiv.numeric.question import DirectionQuestion
from matderiv.numeric.sampling import Point, sampler
from matderiv.verification.claims import Asked, names_for, question_about

MOST = 5000  # entries of a derivative that are computed one by one


class Valuation(Floats):
    """Values of expressions at one point, and the truth there."""

    def __init__(self, point: Point, truth: Array) -> None:
        super().__init__(point.values, point.sizes)
        self.point, self.truth = point, truth
        self.scale = float(np.abs(truth).max())

    def computed(self, node: Expr) -> Array | None:
        """The value of a node whose arguments are known; None where computing it fails."""
        try:
            with np.errstate(all="ignore"):
                return super().computed(node)
        except (ArithmeticError, ValueError, KeyError, DomainError, np.linalg.LinAlgError):
            return None


@dataclass(frozen=True)
class Truths:
    """What is asked, ready to be evaluated by values of f; `structure` as in `derive`."""

    question: DirectionQuestion
    program: ValueProgram

    @staticmethod
    def of(asked: Asked, structure: str) -> Truths:
        """The truths about a question."""
        question = question_about(asked, structure, lambda values, sizes: None)
        return Truths(question, compile_((asked.f,)))

    def at(self, point: Point) -> Valuation | None:
        """The true derivative at a point; None where f has none, or too many entries."""
        question = self.question
        if prod(question.wanted(point.sizes)) > MOST:
            return None
        try:
            truth = question.every_entry(self.program, point)
        except DomainError:
            return None
        return Valuation(point, truth) if np.isfinite(truth).all() else None


def valuations(
    asked: Asked, truths: Truths, count: int, seed: int, e: Expr | None
) -> Iterator[Valuation]:
    """The smallest of some random points with the true derivative there; none if f has none.

    `e` is an answer, whose variables are drawn too.
    """
    names = [*names_for(asked, e), *asked.reading.variables.values()]
    try:
        source = sampler(asked.f, names, seed=seed)
        points = [source.point(200 + k, least=3 + k) for k in range(count)]
    except DomainError:
        return
    for point in points:
        found = truths.at(point)
        if found is not None:
            yield found
