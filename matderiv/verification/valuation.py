"""Values of many expressions that share parts, at a few points, and the truth there.

The points have sizes from 3, 4, 5, ... on, so that factors such as 1/n show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod

from matderiv.errors import DomainError
from matderiv.expr import Expr
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array, ValueProgram, compile_
from matderiv.numeric.interpret import in_floats, interpreted, leaf_in_floats
from matderiv.numeric.question import DirectionQuestion
from matderiv.numeric.sampling import Point, sampler
from matderiv.verification.claims import Asked, names_for, question_about

MOST = 5000  # entries of a derivative that are computed one by one


@dataclass
class Valuation:
    """Values of expressions at one point, each part computed once."""

    point: Point
    truth: Array
    values: dict[Expr, Array | None] = field(default_factory=dict)
    scale: float = field(init=False)

    def __post_init__(self) -> None:
        self.scale = float(np.abs(self.truth).max())

    def value(self, root: Expr) -> Array | None:
        """The value; None where there is none."""
        return interpreted(root, self.values, lambda node: node.args, self._computed)

    def _computed(self, node: Expr) -> Array | None:
        arguments = [self.values[a] for a in node.args]
        if any(a is None for a in arguments):
            return None
        sizes, function = self.point.sizes, node.function
        try:
            if function.leaf:
                return leaf_in_floats(node, self.point.values, sizes)
            if function.numpy is None and function.expand is not None:
                return self.value(function.expand(*node.args, *node.params))
            with np.errstate(all="ignore"):
                return in_floats(node, arguments, sizes)
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
    further = [*names_for(asked, e), *asked.reading.variables.values()]
    names = [*asked.path, *asked.extra.values(), *further]
    try:
        source = sampler(asked.f, names, seed=seed)
        points = [source.point(200 + k, least=3 + k) for k in range(count)]
    except DomainError:
        return
    for point in points:
        found = truths.at(point)
        if found is not None:
            yield found
