"""Every line of a document evaluated: an untrue line never reaches a page.

Values of intermediates come from their definitions, derivatives from complex steps through those
definitions, in one random direction: a wrong derivative agrees with probability 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matderiv.differences import STEP, analytic
from matderiv.errors import DomainError, MatderivError
from matderiv.evaluate import Array, Sizes, compile_
from matderiv.expr import Expr, is_, variables
from matderiv.lazy import np
from matderiv.sampling import Point, drawn, sampler
from matderiv.shapes import size_value
from matderiv.structure import numeric_projection
from matderiv.tensor import Index, Tensor
from matderiv.views.document import Document, Partial, Side, Step, Symbol

POINTS = 2
RELATIVE = 1e-6
ABSOLUTE = 1e-9  # differences that are rounding of a value that vanishes
DIFFERENCE = 1e-5  # the step of central differences, where no complex step passes
RELATIVE_DIFFERENCE = 1e-4


class UntrueLine(MatderivError):  # noqa: N818  (reads as what it is)
    """A line of a derivation whose sides differ: a mistake of the program."""

    code = "internal"


def verified(document: Document, *, points: int = POINTS, seed: int = 0) -> Document:
    """The document itself, when every line is true at every point.

    Raises UntrueLine with the line and the seed, DomainError when no point is admissible.
    """
    extra = [v for v in document.declarations if v not in variables(document.shown)]
    source = sampler(document.shown, extra, seed=seed)
    evaluated = 0
    for place, point in enumerate(drawn(source, points)):
        for turn in range(100, 105):
            ground = Ground(document, point, np.random.default_rng([seed, place, turn]))
            wrong = ground.first_untrue()
            if wrong is not None:
                raise UntrueLine(
                    "a line of this derivation is not true and is not shown",
                    details=(f"rule: {wrong.rule}", f"seed {seed}, point {place}"),
                )
            if ground.finite:
                evaluated += 1
                break
            point = source.point(place, turn=turn)
    if not evaluated:
        raise DomainError("a line of this derivation has no finite value at any point tried")
    return document


class Ground:
    """One point: the values of all names there, and the sides of equations."""

    def __init__(self, document: Document, point: Point, rng: Any) -> None:
        self.document = document
        self.sizes: Sizes = dict(point.sizes)
        self.rng = rng
        self.finite = True
        self.values: dict[str, Array] = {k: np.asarray(v) for k, v in point.values.items()}
        self.symbols = [s for s in document.symbols if s.role == "value"]
        self.analytic = all(analytic(s.of) for s in self.symbols)
        for s in self.symbols:
            self.values[s.variable.name] = self.value(s.origin or s.of)
        change = f"d{document.wrt.name}"
        if change not in self.values:
            self.values[change] = self._direction(document.wrt)
        self.direction = self.values[change]
        for s in document.symbols:
            if s.role == "change":
                self.values[s.variable.name] = self.along(s.of, document.wrt, self.direction)

    def first_untrue(self) -> Step | None:
        """The first step whose sides differ; None when all agree or a value is not finite."""
        for step in self.document.steps:
            if not self.holds(step):
                return step
            if not self.finite:
                return None
            if step.names is not None:
                self.values[step.names.name] = np.reshape(
                    self.side(step.right), self._shape(step.names)
                )
        return None

    def holds(self, step: Step) -> bool:
        """True if both sides have the same value."""
        left, right = step.left, step.right
        if isinstance(left, Partial):
            a, b = self._probed(left, right)
        else:
            a, b = self.side(left), self.side(right)
        a, b = np.squeeze(a), np.squeeze(b)
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            self.finite = False
            return True
        if a.shape != b.shape:
            return False
        scale = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
        allowed = (RELATIVE if self.analytic else RELATIVE_DIFFERENCE) * scale + ABSOLUTE
        return bool(np.abs(a - b).max(initial=0) <= allowed)

    # Values --------------------------------------------------------------------------------------

    def side(self, side: Side) -> Array:
        """The value of an expression or of a sum of index products."""
        assert not isinstance(side, Partial)
        return tensor_value(side, self) if isinstance(side, Tensor) else self.value(side)

    def value(self, e: Expr, values: Mapping[str, Array] | None = None) -> Array:
        """The value of an expression over the names, complex for complex values."""
        bound = e.cache.get("bound")
        if bound is None or bound[0] != self.sizes:
            bound = e.cache["bound"] = (self.sizes, compile_((e,)).at(self.sizes))
        return bound[1].run(self.values if values is None else values)[0]

    def _shape(self, v: Expr) -> tuple[int, ...]:
        return tuple(size_value(s, self.sizes) for s in v.shape)

    def _direction(self, by: Expr) -> Array:
        return np.asarray(self.rng.standard_normal(self._shape(by)))

    # Derivatives ---------------------------------------------------------------------------------

    def _probed(self, left: Partial, right: Side) -> tuple[Array, Array]:
        """The derivative along a random direction, from numbers and from the right side."""
        direction = self._direction(left.by)
        whole = np.asarray(self.side(right))
        if left.turned:
            whole = whole.T if whole.ndim > 1 and 1 not in whole.shape else np.ravel(whole)
        moved = direction
        if left.projected:
            projection = numeric_projection(left.by, left.projected, 1)
            moved = direction if projection is None else projection(direction)
        numeric = self.along(left.of, left.by, moved, local=left.local)
        flat = np.reshape(whole, (-1, direction.size)) if direction.size else whole
        return np.ravel(numeric), flat @ np.ravel(direction)

    def along(self, of: Expr, by: Expr, direction: Array, *, local: bool = False) -> Array:
        """The change of `of` when `by` changes along a direction, the names between following."""
        if self.analytic:
            return np.imag(self._moved(of, by, 1j * STEP * direction, local)) / STEP
        step = DIFFERENCE * direction
        return (self._moved(of, by, step, local) - self._moved(of, by, -step, local)) / (
            2 * DIFFERENCE
        )

    def _moved(self, of: Expr, by: Expr, change: Array, local: bool) -> Array:
        values = {**self.values, by.name: self.values[by.name] + change}
        definitions = {s.variable: s for s in self.symbols}
        if local:
            return self.value(definitions[of].of if of in definitions else of, values)
        touched = {by}
        for s in self.symbols:
            if s.variable is not by and any(v in touched for v in _variables(s.of)):
                values[s.variable.name] = self.value(s.of, values)
                touched.add(s.variable)
                if s.variable is of:
                    break
        return self.value(of, values)


def _variables(e: Expr) -> list[Expr]:
    found: list[Expr] | None = e.cache.get("variables")
    if found is None:
        found = e.cache["variables"] = variables(e)
    return found


def tensor_value(tensor: Tensor, ground: Ground) -> Array:
    """The sum of index products, an array over its axes."""
    shape = tuple(size_value(i.size, ground.sizes) for i in tensor.axes)
    total = np.zeros(shape)
    for term in tensor.terms:
        numbers: dict[Index, int] = {}
        operands: list[Any] = []
        for f in term.factors:
            value = np.squeeze(ground.value(f.expr)) ** _plain(f.exponent)
            if is_(f.expr, "fuse") or len(f.indices) == np.ndim(value):
                pass
            else:
                value = np.reshape(
                    value, tuple(size_value(i.size, ground.sizes) for i in f.indices)
                )
            operands += [value, [numbers.setdefault(i, len(numbers)) for i in f.indices]]
        for i in tensor.axes:
            if i not in numbers:
                ones = np.ones(size_value(i.size, ground.sizes))
                operands += [ones, [numbers.setdefault(i, len(numbers))]]
        out = [numbers[i] for i in tensor.axes]
        value = np.einsum(*operands, out, optimize=len(operands) > 6) if operands else 1.0
        total = total + float(term.coefficient) * value
    return total


def _plain(exponent: Any) -> Any:
    return int(exponent) if exponent == int(exponent) else float(exponent)


__all__ = ["Ground", "Symbol", "UntrueLine", "tensor_value", "verified"]
