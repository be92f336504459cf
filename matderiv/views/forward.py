"""Derivatives carried forwards through the pieces of a stage: fewer axes for a short variable."""

from dataclasses import replace
from fractions import Fraction

from matderiv.calculus.sweeps import axes_of
from matderiv.expr import Expr, variable
from matderiv.shapes import long_axes
from matderiv.tensors.tensor import (
    Factor,
    Index,
    Indices,
    Tensor,
    Term,
    normalise,
    product,
    renamed,
)
from matderiv.views.document import Form, NamedValue, Partial, Section, Step
from matderiv.views.intermediates import Intermediate, fresh_name
from matderiv.views.passes import MAX_CARRIED, in_names, joined, local_tensor
from matderiv.views.stages import Stage, side_of, step_of


class Forward:
    """The forward pass of derivatives: fewer axes where the variable has fewer than f."""

    def __init__(self, stage: Stage, taken: set[str]) -> None:
        self.stage, self.taken = stage, taken
        self.symbols: list[NamedValue] = []
        self.meanings: dict[Expr, Expr] = {}
        self.steps: list[Step] = []
        self.found: dict[Expr, Expr | Tensor | None] = {stage.wrt: None}
        self.answer: Form = Tensor((), ())
        self._run()

    def section(self) -> Section:
        """The lines of the pass."""
        return Section("Forward: local times what came before", tuple(self.steps))

    def _run(self) -> None:
        stage = self.stage
        for piece in stage.pieces:
            axes = axes_of(piece.variable.shape) + axes_of(stage.wrt.shape)
            shares = [t for x in piece.inputs if (t := self._share(piece, x)).terms]
            whole = joined(shares, axes)
            outer = len(long_axes(piece.variable.shape))
            loose = not outer or len(axes) == outer
            right = in_names(side_of(whole, broadcast=loose), stage)
            last = piece is stage.pieces[-1]
            carried = isinstance(right, Tensor) and len(right.terms) <= MAX_CARRIED
            name = None if last or carried else self._name(piece, right)
            left = Partial(piece.variable, stage.wrt)
            self.steps.append(replace(step_of(piece, left, right), names=name))
            self.found[piece.variable] = whole if name is None else name
            if name is not None and isinstance(right, Expr):
                self.meanings[name] = right
            if not last:
                self.meanings[piece.variable] = piece.definition
            self.answer = right

    def _share(self, piece: Intermediate, x: Expr) -> Tensor:
        local = local_tensor(self.stage, piece, x)
        before = self.found[x]
        if before is None:
            return local
        count = len(long_axes(piece.variable.shape))
        head, at = local.axes[:count], local.axes[count:]
        inner = _inner(before, at, len(long_axes(self.stage.wrt.shape)))
        axes = head + inner.axes[len(at) :]
        terms = []
        for s in local.terms:
            for t in inner.terms:
                coefficient, factors = product(s, t)
                terms.append(normalise(coefficient, factors, axes, at))
        return Tensor(axes, tuple(terms))

    def _name(self, piece: Intermediate, right: Form) -> Expr:
        axes = len(right.shape) if isinstance(right, Expr) else len(right.axes)
        digits = "".join(c for c in piece.variable.name if c.isdigit() or c == "_")
        base = ("c", "v", "V")[min(axes, 2)]
        shape = right.shape if isinstance(right, Expr) else tuple(i.size for i in right.axes)
        name = variable(fresh_name(base + digits, self.taken), shape)
        partial = Partial(piece.variable, self.stage.wrt)
        self.symbols.append(NamedValue(name, "derivative", name, partial=partial))
        return name


def _inner(before: Expr | Tensor, at: Indices, count: int) -> Tensor:
    """∂x/∂wrt over the given axes of x: its name as one factor, or its terms."""
    if isinstance(before, Tensor):
        mapping = dict(zip(before.axes, at, strict=False))
        axes = at + before.axes[len(at) :]
        return Tensor(axes, tuple(renamed(t, mapping) for t in before.terms))
    long = long_axes(before.shape)
    rest = tuple(Index(before.shape[k]) for k in long[len(long) - count :]) if count else ()
    return Tensor(at + rest, (Term(Fraction(1), (Factor(before, at + rest),)),))
