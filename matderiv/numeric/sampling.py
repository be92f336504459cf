"""Random points at which a wrong formula shows: all sizes different, both sides of every kink.

Wrong derivatives pass at lucky points: equal sizes hide transposes, symmetric matrices hide
A + A', all labels +1 hide a forgotten label, all units active a forgotten mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from matderiv.errors import DomainError, LimitError
from matderiv.expr import Expr, is_, number_value, walk
from matderiv.expr import variables as variables_of
from matderiv.lazy import np
from matderiv.numeric.draws import (
    LABEL_FACTS,
    LARGEST_SIZE,
    ROW_FACTS,
    STRATEGIES,
    Strategy,
    draw,
    draw_one,
    draw_sizes,
    enlarged,
    general,
    longest_word,
    small,
)
from matderiv.numeric.evaluate import (
    CUBE,
    Array,
    Arrays,
    Sizes,
    ValueProgram,
    compile_,
    evaluate,
    sizes_in,
)
from matderiv.numeric.kinks import Kink, kinks
from matderiv.numeric.small_sizes import too_large
from matderiv.numeric.stable import expanded
from matderiv.shapes import is_scalar, size_names
from matderiv.work import remembered, spend

__all__ = ["Point", "Sampler", "draw", "drawn", "points", "sampler"]

DRAWS = 50  # tries for one point before giving up
TRIALS = 6  # draws that judge whether a choice of domains gives the expression a value
MIXTURES = 40  # choices of domains tried beyond the same one for every variable
NEAR = 1e-3  # a point nearer to a kink than this, relative to the scale there, is drawn again
GROWN = 1e9  # numbers on the way to f that leave fewer digits than are compared
DEEP = 40  # instructions of a formula whose numbers may grow so much
TAMED = 1e-3  # how much smaller they have to be for small values
COMPARED, CLOSE = 3, 1e-9  # points and distance of two expressions that are the same
CONDITION = 1e3  # a matrix worse conditioned than this is not inverted


@dataclass(frozen=True)
class Point:
    """Sizes and values of the variables; `compromise` says what could not be had here.

    `known` remembers numbers of derivatives here, which many claims are compared with.
    """

    sizes: Sizes
    values: Arrays
    compromise: str = ""
    known: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)


# Points ------------------------------------------------------------------------------------------


def _inverted(node: Expr) -> bool:
    """True if the node, or its derivative, inverts its first argument."""
    if is_(node, "power"):
        exponent = number_value(node.args[1])
        return not is_scalar(node.shape) and exponent is not None and exponent < 0
    return is_(node, "inv", "det", "logdet", "solve", "pinv")


@dataclass(frozen=True)
class Sampler:
    """Draws admissible points of an expression, each from its own seed."""

    expr: Expr
    variables: tuple[Expr, ...]
    seed: int
    kinks: tuple[Kink, ...]
    inverted: tuple[Expr, ...]
    extremes: tuple[Expr, ...]
    program: ValueProgram
    names: tuple[str, ...]
    literals: tuple[int, ...]
    known: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def point(
        self, index: int, *, least: int = 2, most: int = 0, single: bool = False, turn: int = 0
    ) -> Point:
        """Point number `index`: finite, away from kinks and ties, matrices well conditioned.

        `least` and `most` bound the sizes, `single` makes one of them 1, `turn` gives other draws.
        DomainError when no draw has a finite value; a compromise when only a kink is too near.
        """

        def made() -> Point:
            rng = np.random.default_rng([self.seed, index, turn])

            def sizes_of(attempt: int) -> Sizes:
                sizes = draw_sizes(
                    self.names, rng, taken=self.literals, least=least, most=most or LARGEST_SIZE - 1
                )
                if single and attempt < 10:
                    self._make_one(sizes, rng)
                return enlarged(sizes, self.expr)

            return self._admissible(sizes_of, rng, planned_first=turn == 0)

        return remembered(self.known, (index, least, most, single, turn), made)

    def at_sizes(self, sizes: Sizes, index: int) -> Point:
        """An admissible point with these sizes, others drawn; DomainError where none is found."""

        def made() -> Point:
            rng = np.random.default_rng([self.seed, index, 1, *sizes.values()])
            other = [name for name in self.names if name not in sizes]
            whole = {**draw_sizes(tuple(other), rng), **sizes} if other else sizes
            return self._admissible(lambda attempt: whole, rng, planned_first=True)

        return remembered(self.known, (index, *sizes.items()), made)

    def _admissible(
        self, sizes_of: Callable[[int], Sizes], rng: Any, *, planned_first: bool
    ) -> Point:
        """The first of some draws to which nothing is to be objected.

        Normal values are tried before domains are looked for, but where numbers may grow.
        """
        spare: Point | None = None
        normal = planned_first and len(self.program.instructions) < DEEP
        for attempt in range(DRAWS):
            sizes = sizes_of(attempt)
            planned = (attempt < DRAWS // 2) is planned_first
            if attempt == 0 and normal:
                plan = self._everywhere(general)
            else:
                plan = self.plan if planned else self._mixture(rng)
            values = self._values(sizes, rng, plan)
            wrong = self.objection(sizes, values)
            if wrong == "":
                return Point(sizes, values)
            if wrong is not None and spare is None:
                spare = Point(sizes, values, wrong)
        if spare is not None:
            return spare
        raise DomainError(
            f"no admissible point found in {DRAWS} draws: the expression has no finite value there",
            hint="declare what is positive, posdef, ... with assume",
        )

    @cached_property
    def plan(self) -> tuple[Strategy, ...]:
        """Domains of the variables that give the expression a value.

        Normal values where they do in most draws, small ones where normal ones grow until rounding
        is all that is left; else the same domain for all; else a mixture.
        """
        rng = np.random.default_rng([self.seed, 0, 0, 0])
        best, most = self._everywhere(general), -1
        for k in range(len(STRATEGIES) + MIXTURES):
            same = self._everywhere(STRATEGIES[k]) if k < len(STRATEGIES) else None
            plan = same or self._mixture(rng)
            hits, enough = 0, 1 + TRIALS // (4 if k == 0 else 2)
            for _ in range(TRIALS):
                sizes = enlarged(draw_sizes(self.names, rng, taken=self.literals), self.expr)
                hits += self.objection(sizes, self._values(sizes, rng, plan)) is not None
                if hits == enough:
                    return self._moderate(plan, rng) if k == 0 else plan
            if hits > most:
                best, most = plan, hits
        return best

    def _everywhere(self, strategy: Strategy) -> tuple[Strategy, ...]:
        return (strategy,) * len(self.variables)

    def _moderate(self, plan: tuple[Strategy, ...], rng: Any) -> tuple[Strategy, ...]:
        """The plan, or small values where these lead a deep formula through far smaller numbers."""
        if len(self.program.instructions) < DEEP:
            return plan
        tame = self._everywhere(small)
        with suppress(DomainError):
            for _ in range(TRIALS // 2):
                half = LARGEST_SIZE // 2
                drawn = draw_sizes(self.names, rng, taken=self.literals, least=half)
                sizes = enlarged(drawn, self.expr)
                bound = self.program.at(sizes)
                largest, less = (bound.largest(self._values(sizes, rng, p)) for p in (plan, tame))
                if largest > GROWN and less < TAMED * largest:
                    return tame
        return plan

    def _mixture(self, rng: Any) -> tuple[Strategy, ...]:
        return tuple(STRATEGIES[int(rng.integers(len(STRATEGIES)))] for _ in self.variables)

    def _values(self, sizes: Sizes, rng: Any, plan: tuple[Strategy, ...]) -> Arrays:
        return {
            v.name: draw_one(v, rng, sizes, strategy)
            for v, strategy in zip(self.variables, plan, strict=True)
        }

    def _make_one(self, sizes: Sizes, rng: Any) -> None:
        """One size becomes 1, unless a one-hot row, a simplex or labels run over it."""
        kept = size_names(
            v.shape for v in self.variables if v.params[2] & (ROW_FACTS | LABEL_FACTS)
        )
        free = [n for n in self.names if n not in kept]
        if free:
            sizes[free[int(rng.integers(len(free)))]] = 1

    def objection(self, sizes: Sizes, values: Arrays) -> str | None:
        """What is wrong with a point: "" nothing, a text for a compromise, None for useless."""
        try:
            found = self.program.at(sizes).run(values)
        except DomainError:
            return None
        value, rest = found[0], found[1:]
        distances = rest[: len(self.kinks)]
        matrices = rest[len(self.kinks) : len(self.kinks) + len(self.inverted)]
        if not np.isfinite(value).all():
            return None
        worst = max((_condition(m) for m in matrices), default=1.0)
        if not worst < CONDITION**3:
            return None
        for kink, d in zip(self.kinks, distances, strict=True):
            if np.isnan(d).any() and not kink.guarded:
                return None  # a comparison of what has no value
            if (np.abs(d) < NEAR * max(1.0, float(np.abs(d).max()))).any():
                return f"{kink.label} is at its kink"
        for node, x in zip(
            self.extremes, rest[len(self.kinks) + len(self.inverted) :], strict=True
        ):
            if _tied(x, node.params[0], 1 if is_(node, "max") else -1):
                return f"{node.function.label} has a tie"
        return "" if worst < CONDITION else "a matrix is badly conditioned"

    def sides(self, point: Point) -> set[tuple[int, int]]:
        """The (kink, sign) pairs that a point exercises."""
        if not self.kinks:
            return set()
        try:
            found = self.program.at(point.sizes).run(point.values)
        except DomainError:
            return set()
        seen = set()
        for k, (kink, d) in enumerate(zip(self.kinks, found[1:], strict=False)):
            seen |= {(k, sign) for sign in kink.seen(d)}
        return seen


def _condition(matrix: Array) -> float:
    if matrix.size == 1:
        return 1.0 if abs(float(matrix.reshape(()))) > 1 / CONDITION else float("inf")
    if not np.isfinite(matrix).all():
        return float("inf")
    spend(matrix.shape[-1] ** 3 // CUBE)
    return float(np.linalg.cond(matrix))


def _tied(x: Array, axis: int | None, sign: int) -> bool:
    """True if the two largest entries along the axis (smallest for sign -1) nearly agree."""
    rows = np.sort(sign * (x.reshape(-1) if axis is None else np.moveaxis(x, axis - 1, -1)))
    if rows.shape[-1] < 2:
        return False
    gap = rows[..., -1] - rows[..., -2]
    return bool((gap < NEAR * max(1.0, float(np.abs(x).max()))).any())


def sampler(
    expr: Expr, variables: Iterable[Expr] = (), *, order: int = 1, seed: int = 0
) -> Sampler:
    """A sampler of the variables of `expr` and of further `variables`, for derivatives of an order.

    LimitError where the declared sizes are too large for numbers.
    """
    chosen = tuple(dict.fromkeys([*variables_of(expr), *variables]))
    if reason := too_large(expr, *chosen):
        raise LimitError(reason, hint="names instead of numbers as sizes")
    key = ("sampler", chosen, order, seed)
    return remembered(expr.cache, key, lambda: _sampler(expr, chosen, order, seed))


def _sampler(expr: Expr, chosen: tuple[Expr, ...], order: int, seed: int) -> Sampler:
    whole = expanded(expr)
    bends = kinks(expr, order)
    inverted = tuple(dict.fromkeys(n.args[0] for n in walk(whole) if _inverted(n)))
    extremes = tuple(n for n in walk(whole) if is_(n, "max", "min") and n.args[0].shape)
    program = compile_(
        (expr, *(k.distance for k in bends), *inverted, *(n.args[0] for n in extremes))
    )
    shapes = [v.shape for v in chosen]
    return Sampler(
        expr=expr,
        variables=chosen,
        seed=seed,
        kinks=bends,
        inverted=inverted,
        extremes=extremes,
        program=program,
        names=tuple(sorted(sizes_in(expr) | size_names(shapes))),
        literals=tuple(sorted({s for shape in shapes for s in shape if isinstance(s, int)})),
    )


def points(
    expr: Expr, variables: Iterable[Expr] = (), *, count: int = 8, seed: int = 0
) -> list[Point]:
    """Points for testing a derivative of `expr`; the same seed gives the same points.

    The second has sizes above the word degree, the sixth a size 1; where a side of a kink was
    missed, later points are drawn again to show it. DomainError where nothing is admissible.

    >>> x = variable("x", (Dim(("n",)),))
    >>> found = points(apply("log", x), count=3)
    >>> len(found), all((p.values["x"] > 0).all() for p in found)
    (3, True)
    """
    return drawn(sampler(expr, variables, seed=seed), count)


def drawn(source: Sampler, count: int) -> list[Point]:
    """The first `count` points of a sampler, both sides of its kinks seen where possible."""
    least = longest_word(source.expr) + 1
    found = [
        source.point(k, least=least if k == 1 else 2, single=k == 5 and count > 5)
        for k in range(count)
    ]
    seen = [source.sides(p) for p in found]
    wanted = {(k, sign) for k, kink in enumerate(source.kinks) for sign in kink.sides}
    for place in reversed(range(count)):
        missing = wanted - set().union(*seen)
        if not missing:
            break
        others = set().union(*seen[:place], *seen[place + 1 :])
        for turn in range(1, 1 + DRAWS // 5):
            candidate = source.point(place, turn=turn)
            sides = source.sides(candidate)
            if not candidate.compromise and others | sides > others | seen[place]:
                found[place], seen[place] = candidate, sides
                break
    return found


def same_values(f: Expr, e: Expr) -> bool:
    """True where two expressions have the same values at random points."""
    if f.shape != e.shape:
        return False
    source, compared = sampler(f), 0
    for index in range(2 * COMPARED):
        with suppress(DomainError):
            point = source.point(index)
            pair = [np.asarray(evaluate(a, point.values, point.sizes), float) for a in (f, e)]
            if not np.isfinite(pair).all():
                continue
            if np.abs(pair[0] - pair[1]).max(initial=0) > CLOSE * (1 + np.abs(pair[0]).max()):
                return False
            compared += 1
    return compared >= COMPARED - 1
