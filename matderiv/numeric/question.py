"""What is asked of a derivative in numbers, and along which directions it is looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from matderiv.expr import Expr, substitute, variable, variables
from matderiv.lazy import np
from matderiv.numeric.differences import (
    ANALYTIC,
    CENTRAL,
    Claim,
    Directions,
    Truth,
    analytic,
    every_entry,
    nudged,
)
from matderiv.numeric.draws import LARGEST_SIZE
from matderiv.numeric.evaluate import Array, Arrays, Sizes, ValueProgram
from matderiv.numeric.sampling import Point, Sampler
from matderiv.shapes import concrete, long_axes, size_names

PINNED = frozenset({"binary", "onehot", "diagonal", "lower", "upper", "skew"})
LARGEST = 100_000  # entries of a derivative at one point

Project = Callable[..., Array]


@dataclass(frozen=True)
class DirectionQuestion:
    """What is asked: the claim, what it claims to be, and how its numbers are arranged."""

    f: Expr
    path: tuple[Expr, ...]
    claim: Claim
    upstream: Expr | None = None
    tangent: Expr | None = None
    project: Project | None = None
    sharpest: bool = False

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The truths that serve here, the sharpest first; or the sharpest alone.

        A complex step is right in the narrowest bend of a function, where differences step out.
        """
        if self.sharpest and analytic(self.f):
            return (ANALYTIC,)
        return (*((ANALYTIC,) if analytic(self.f) else ()), CENTRAL)

    @property
    def declared(self) -> bool:
        """True where facts that more than bound a domain are declared of a variable of f."""
        return any(v.params[2] - {"positive"} for v in variables(self.f))

    @property
    def pinned(self) -> bool:
        """True where declared facts make some entries of a variable of f zero."""
        return any(v.params[2] & PINNED for v in variables(self.f))

    def answer_axes(self, sizes: Sizes) -> tuple[int, ...]:
        """The axes that belong to f: a row counts as a vector."""
        if self.upstream is not None:
            return ()
        return concrete((self.f.shape[k] for k in long_axes(self.f.shape)), sizes)

    def input_shapes(self, sizes: Sizes) -> list[tuple[int, ...]]:
        """The shapes of the variables, one per order."""
        return [concrete(v.shape, sizes) for v in self.path]

    def accepts(self, shape: tuple[int, ...], sizes: Sizes) -> bool:
        """True for the axes of f and the variables, with or without those of literal size 1."""
        front = [self.answer_axes(sizes)]
        if self.upstream is None:
            front.append(concrete(self.f.shape, sizes))
        back: list[tuple[int, ...]] = [()]
        if self.tangent is None:
            long = (v.shape[k] for v in self.path for k in long_axes(v.shape))
            back = [sum(self.input_shapes(sizes), ()), concrete(long, sizes)]
        return any(shape == a + b for a in front for b in back)

    def moved(self, directions: Directions) -> Directions:
        """Where f moves so that a projected claim is met along some directions.

        A differential is claimed along the change itself.
        """
        project = self.project if self.tangent is None else None
        return directions if project is None else tuple(project(d, 1) for d in directions)

    def claimed(self, point: Point) -> Array:
        """The claim at a point; raises DomainError."""
        values = {name: np.array(v) for name, v in point.values.items()}
        return np.asarray(self.claim(values, dict(point.sizes)), dtype=float)

    def beside(self, point: Point, width: float) -> Point:
        """A point so close that numbers differ by rounding alone, unless they are nothing else."""
        moved = point.known.get(("beside", self.path, width))
        if moved is None:
            rng = np.random.default_rng(len(self.path))
            near = nudged({v.name: point.values[v.name] for v in self.path}, width, rng)
            moved = Point(point.sizes, {**point.values, **near})
            point.known["beside", self.path, width] = moved
        return moved

    def wanted(self, sizes: Sizes) -> tuple[int, ...]:
        """The shape of the derivative: the axes of f, then those of the variables."""
        inputs = () if self.tangent is not None else sum(self.input_shapes(sizes), ())
        return self.answer_axes(sizes) + inputs

    def arranged(self, claim: Array, sizes: Sizes) -> Array | None:
        """The claim in the shape of the derivative; None where it has another."""
        wanted = self.wanted(sizes)
        fits = self.accepts(claim.shape, sizes) or claim.shape == wanted
        return claim.reshape(wanted) if fits else None

    def truth(self, program: ValueProgram, point: Point) -> Truth:
        """The truth at a point."""
        return Truth(
            program.at(point.sizes),
            point.values,
            point.sizes,
            tuple(v.name for v in self.path),
            self.answer_axes(point.sizes),
            None if self.upstream is None else point.values[self.upstream.name],
            point.known.setdefault((self.f, self.path, self.upstream), {}),
        )

    def every_entry(self, program: ValueProgram, point: Point) -> Array:
        """The true derivative, entry by entry; along the change for a differential."""
        shapes, outer = self.input_shapes(point.sizes), self.answer_axes(point.sizes)
        truth, method = self.truth(program, point), self.methods[0]
        if self.tangent is not None:
            change = np.reshape(point.values[self.tangent.name], shapes[0])
            return np.reshape(truth.numbers([(change,)], method), outer)
        found = np.reshape(truth.numbers(every_entry(shapes), method), outer + sum(shapes, ()))
        return found if self.project is None else np.asarray(self.project(found))


def joint_question(
    f: Expr, xs: Sequence[Expr], gradients: Callable[[Arrays, Sizes], Sequence[Array]]
) -> tuple[DirectionQuestion, list[Expr]]:
    """What the gradients of a scalar by several variables claim together, and their changes.

    Of f along a line that moves every x to x + t dx: the derivative by t is the sum of the inner
    products of the gradients with dx. Of the variables nothing but a sign may be declared.
    """
    names = variables(f, *xs)
    taken = {v.name for v in names} | set(size_names(v.shape for v in names))
    t = variable(_free("t", taken), (), ("positive",))
    steps = [variable(_free(f"d{x.name}", taken), x.shape, x.params[2]) for x in xs]
    moved = substitute(f, {x: x + t * d for x, d in zip(xs, steps, strict=True)})

    def claim(values: Arrays, sizes: Sizes) -> Array:
        pairs = [(x.name, values[d.name]) for x, d in zip(xs, steps, strict=True)]
        there = {**values, **{n: values[n] + values[t.name] * d for n, d in pairs}}
        found = gradients(there, sizes)
        products = (np.sum(g * d) for g, (_, d) in zip(found, pairs, strict=True))
        return np.asarray(sum(products), dtype=float)

    return DirectionQuestion(moved, (t,), claim), steps


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def moderate(
    question: DirectionQuestion, source: Sampler, place: int, point: Point, turn: int = 0
) -> Point:
    """The point, or one in its place where the derivative has fewer entries."""
    for least in range(LARGEST_SIZE - 2, 1, -1):
        if prod(question.wanted(point.sizes)) <= LARGEST:
            return point
        most = len(source.names) + 2 if least == 2 else 0
        point = source.point(place, least=least, most=most, turn=turn)
    return point
