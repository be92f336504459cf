"""Every line of a document evaluated: an untrue line never reaches a page.

Intermediates are computed from their definitions, derivatives by complex steps through those
definitions, in random directions: a wrong derivative agrees with probability 0. All derivatives of
one function are tried in one pass: when every intermediate z_k moves by a further v_k, f moves by
Σ ⟨∂f/∂z_k, v_k⟩. Expressions are small and evaluated a few times each.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import isfinite, prod
from typing import Any

from matderiv.calculus.structure import numeric_projection
from matderiv.errors import DomainError, LimitError, MatderivError
from matderiv.expr import Expr, is_, substitute, variable, variables
from matderiv.functions.contraction import contraction
from matderiv.lazy import np, quiet
from matderiv.numeric.differences import STEP, analytic
from matderiv.numeric.evaluate import Array, compile_
from matderiv.numeric.interpret import Floats, leaf_in_floats
from matderiv.numeric.sampling import Point, Sampler, drawn, sampler
from matderiv.shapes import concrete, size_value
from matderiv.tensors.tensor import Index, Tensor
from matderiv.views.document import Document, Partial, Side, Step
from matderiv.words.chains import facts
from matderiv.work import spend

POINTS = 2
MANY = 100_000  # entries of a line beyond which sizes are as small as they may be
MAX_OF_A_LINE = 10**6  # entries: the values of all lines are kept
TURNS = 5  # other draws for a point at which a line has no finite value
RELATIVE, ABSOLUTE = 1e-6, 1e-9  # ABSOLUTE: rounding of a value that vanishes
ROUNDING = 1e-14  # of the largest term, where terms cancel
DIFFERENCE, RELATIVE_DIFFERENCE = 1e-5, 1e-4  # of differences, where no complex step passes


class UntrueLine(MatderivError):  # noqa: N818  (reads as what it is)
    """A line of a derivation whose sides differ: a mistake of the program."""

    code = "internal"


@quiet()
def verified(document: Document) -> Document:
    """The document itself, when every line is true at every point.

    Raises UntrueLine with the line and the point, DomainError when no point is admissible: a point
    that facts force onto a kink says nothing of derivatives.
    """
    present = set(variables(document.shown))
    extra = [v for v in document.declarations if v not in present]
    source = sampler(document.shown, extra)
    evaluated, forced = 0, ""
    for place, drawn_point in enumerate(drawn(source, POINTS)):
        room = _room(document, source, drawn_point)
        point = source.point(place, most=room) if room else drawn_point
        for turn in range(100, 100 + TURNS):
            ground = TruthPoint(document, point, np.random.default_rng([0, place, turn]))
            wrong = ground.first_untrue()
            if wrong is not None and point.compromise:
                forced = point.compromise
            elif wrong is not None:
                raise UntrueLine(
                    "a line of this derivation is not true and is not shown",
                    details=(f"rule: {wrong.rule}", f"point {place}"),
                )
            elif ground.finite:
                evaluated += 1
                break
            point = source.point(place, most=room, turn=turn)
    if not evaluated:
        reason = "a line of this derivation has no finite value at any point tried"
        raise DomainError(f"the lines cannot be checked: {forced}" if forced else reason)
    return document


def _room(document: Document, source: Sampler, point: Point) -> int:
    """The largest size where some line has too many entries at a point; 0 where none has."""
    shapes = [
        [i.size for i in step.right.axes] if isinstance(step.right, Tensor) else step.right.shape
        for step in document.steps
    ]
    entries = max(prod(concrete(shape, point.sizes)) for shape in shapes)
    return len(source.names) + 2 if entries > MANY else 0


@quiet()
def first_needing(document: Document, v: Expr, word: str) -> Step | None:
    """The first line that is not true where a declared fact does not hold; None if all are.

    Lines without a finite value at a point where the fact fails decide nothing.
    """
    free = variable(v.name, v.shape, facts(v) - {word})
    shown = substitute(document.shown, {v: free})
    present = set(variables(shown))
    extra = [free if u is v else u for u in document.declarations]
    source = sampler(shown, [u for u in extra if u not in present])
    for place, point in enumerate(drawn(source, 1)):
        ground = TruthPoint(document, point, np.random.default_rng([0, place, 99]))
        return ground.first_in_order()
    return None


class Values(Floats):
    """The values of all names at one point, and of expressions over them.

    An expression that overflows as written is computed in its stable form.
    """

    met = 0.0  # the largest entry of a term: what rounding errors of a sum scale with

    def moved(self, changed: Mapping[str, Array]) -> Values:
        """The same point with other values of some names."""
        return Values({**self.names, **changed}, self.sizes)

    def of(self, e: Expr) -> Array:
        """The value of an expression, of its own shape; complex for complex values."""
        with np.errstate(all="ignore"):
            named = is_(e, "variable")  # another value may get its name
            value = leaf_in_floats(e, self.names, self.sizes) if named else self.value(e)
        if value is None or not np.isfinite(value).all():
            value = compile_((e,)).at(self.sizes).run(self.names)[0]
        return value

    def computed(self, node: Expr) -> Array | None:
        """The value of a node that is not too large to wait for."""
        if not node.function.leaf:
            spend(8)
            _require_few(concrete(node.shape, self.sizes))
        return super().computed(node)

    def of_tensor(self, tensor: Tensor) -> Array:
        """The sum of index products, an array over its axes."""
        sides = concrete((i.size for i in tensor.axes), self.sizes)
        _require_few(sides)
        total = np.zeros(sides)
        for term in tensor.terms:
            operands: list[tuple[Array, tuple[Index, ...]]] = []
            for f in term.factors:
                shape = concrete((i.size for i in f.indices), self.sizes)
                value = np.reshape(self.of(f.expr), shape) ** _plain(f.exponent)
                operands.append((value, f.indices))
            present = {i for _, indices in operands for i in indices}
            for i in tensor.axes:
                if i not in present:
                    operands.append((np.ones(size_value(i.size, self.sizes)), (i,)))
            value = contraction(operands, tensor.axes) if operands else 1.0
            value = float(term.coefficient) * value
            self.met = max(self.met, float(np.max(np.abs(value), initial=0.0)))
            total = total + value
        return total


def _require_few(shape: tuple[int, ...]) -> None:
    """LimitError for an array that nobody would want to wait for."""
    if prod(shape) > MAX_OF_A_LINE:
        said = f"a line of this derivation has {prod(shape)} entries"
        raise LimitError(f"{said} where it is checked, the limit is {MAX_OF_A_LINE}")


def _plain(exponent: int | Fraction) -> int | float:
    return int(exponent) if exponent == int(exponent) else float(exponent)


class TruthPoint:
    """One point: the values of all names there, and the sides of every line."""

    def __init__(self, document: Document, point: Point, rng: Any) -> None:
        self.document, self.rng = document, rng
        self.finite = True
        self.values = Values({k: np.asarray(v) for k, v in point.values.items()}, point.sizes)
        self.symbols = [s for s in document.symbols if s.role == "value"]
        self.definitions = {s.variable: s.of for s in self.symbols}
        self.analytic = all(analytic(s.of) for s in self.symbols)
        for s in self.symbols:
            self.values.names[s.variable.name] = self.values.of(s.of)
        self._set_changes(document)

    def _set_changes(self, document: Document) -> None:
        """The changes of all names when each variable changes by a random dX."""
        names, own = self.values.names, {v.name for v in variables(document.shown)}
        self.directions: dict[Expr, Array] = {}
        for x in document.variables:
            change = f"d{x.name}"
            known = change in names and change not in own
            self.directions[x] = names[change] if known else self._direction(x)
            if change not in own:
                names[change] = self.directions[x]
        self.forward = self._steps(self.directions)
        for s in document.symbols:
            if s.role == "change":
                self.values.names[s.variable.name] = self._slope(self.forward, s.of)

    def first_untrue(self) -> Step | None:
        """The first step whose sides differ; None when all agree or a value is not finite."""
        for s in self.symbols:
            if s.origin is not None and not self._agree(
                self.values.names[s.variable.name], self.values.of(s.origin)
            ):
                return Step(s.variable, s.origin, "definitions put together")
        found: dict[Partial, list[tuple[Step, Array]]] = {}
        for step in self.document.steps:
            right = self._right(step)
            if isinstance(step.left, Partial):
                found.setdefault(step.left, []).append((step, right))
            elif not self._agree(self.side(step.left), right):
                return step
        return self._first_wrong_derivative(found) if self.finite else None

    def first_in_order(self) -> Step | None:
        """The first step in reading order whose sides differ, values that are not finite apart."""
        known: dict[Partial, Array] = {}
        for step in self.document.steps:
            right = self._right(step)
            left = step.left
            if isinstance(left, Partial):
                before = known.setdefault(left, right)
                same = self._holds(left, right) if before is right else self._agree(before, right)
            else:
                same = self._agree(self.side(left), right)
            if not same:
                return step
        return None

    def _right(self, step: Step) -> Array:
        """The right side of a line, which has the name that the line gives it from here on."""
        right = self.side(step.right)
        if step.names is not None:
            shape = concrete(step.names.shape, self.values.sizes)
            self.values.names[step.names.name] = np.reshape(right, shape)
        return right

    def side(self, side: Side) -> Array:
        """The value of an expression or of a sum of index products."""
        assert not isinstance(side, Partial)
        if isinstance(side, Tensor):
            return self.values.of_tensor(side)
        return self.values.of(side)

    def _agree(self, a: Array, b: Array) -> bool:
        """True for equal values, and for values that are not finite: those decide nothing."""
        a, b = np.squeeze(a), np.squeeze(b)
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            self.finite = False
            return True
        if a.shape != b.shape:
            return False
        scale = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
        allowed = (RELATIVE if self.analytic else RELATIVE_DIFFERENCE) * scale + ABSOLUTE
        allowed += ROUNDING * self.values.met if isfinite(self.values.met) else 0.0
        return bool(np.abs(a - b).max(initial=0) <= allowed)

    # Derivatives ---------------------------------------------------------------------------------

    def _first_wrong_derivative(
        self, found: dict[Partial, list[tuple[Step, Array]]]
    ) -> Step | None:
        together: dict[Expr, list[tuple[Partial, Step, Array]]] = {}
        for left, lines in found.items():
            step, first = lines[0]
            for other, right in lines[1:]:
                if not self._agree(first, right):
                    return other
            if left.local or left.turned or left.projected or left.by is self.document.wrt:
                if not self._holds(left, first):
                    return step
            else:
                together.setdefault(left.of, []).append((left, step, first))
        for of, group in together.items():
            if not self._hold_together(of, group):
                return next((s for left, s, r in group if not self._holds(left, r)), group[0][1])
        return None

    def _hold_together(self, of: Expr, group: list[tuple[Partial, Step, Array]]) -> bool:
        """True if f moves by Σ ⟨∂f/∂z_k, v_k⟩ when every z_k moves by v_k more."""
        directions = {left.by: self._direction(left.by) for left, _, _ in group}
        told = sum(_contracted(right, directions[left.by]) for left, _, right in group)
        return self._agree(np.ravel(self._slope(self._steps(directions), of)), np.ravel(told))

    def _holds(self, left: Partial, right: Array) -> bool:
        """True if the derivative agrees with numbers along a random direction."""
        if left.turned:
            right = right.T if right.ndim > 1 and 1 not in right.shape else np.ravel(right)
        forward = self.document.variables == (left.by,) and not (left.projected or left.local)
        direction = self.directions[left.by] if forward else self._direction(left.by)
        told = _contracted(right, direction)
        if left.projected:
            projection = numeric_projection(left.by, left.projected, 1)
            direction = direction if projection is None else projection(direction)
        if left.local:
            start, name = self.values.names[left.by.name], left.by.name
            moved = [self.values.moved({name: start + w * direction}) for w in self._widths()]
            return self._agree(np.ravel(self._slope(moved, self.definitions[left.of])), told)
        moved = self.forward if forward else self._steps({left.by: direction})
        return self._agree(np.ravel(self._slope(moved, left.of)), told)

    def _direction(self, by: Expr) -> Array:
        return np.asarray(self.rng.standard_normal(concrete(by.shape, self.values.sizes)))

    def _widths(self) -> tuple[complex, ...]:
        return (1j * STEP,) if self.analytic else (DIFFERENCE, -DIFFERENCE)

    def _slope(self, moved: list[Values], of: Expr) -> Array:
        """The change of an expression, from its values at the moved points."""
        if self.analytic:
            return np.imag(moved[0].of(of)) / STEP
        return (moved[0].of(of) - moved[1].of(of)) / (2 * DIFFERENCE)

    def _steps(self, directions: dict[Expr, Array]) -> list[Values]:
        """The point moved: names in `directions` by so much more, the others following."""
        return [self._moved(directions, w) for w in self._widths()]

    def _moved(self, directions: dict[Expr, Array], width: complex) -> Values:
        moved = self.values.moved({})
        touched: set[Expr] = set()
        intermediate = set(self.definitions)
        for v, direction in directions.items():
            if v not in intermediate:
                moved.names[v.name] = moved.names[v.name] + width * direction
                touched.add(v)
        for s in self.symbols:
            follows = any(v in touched for v in variables(s.of))
            value = moved.of(s.of) if follows else moved.names[s.variable.name]
            if s.variable in directions:
                value = value + width * directions[s.variable]
            if follows or s.variable in directions:
                moved.names[s.variable.name] = value
                touched.add(s.variable)
        return moved


def _contracted(right: Array, direction: Array) -> Array:
    """The last axes of a derivative summed against a direction."""
    return np.reshape(right, (-1, direction.size)) @ np.ravel(direction)
