"""The chain view, the method of the lecture: a graph of simple functions, upstream times local.

Forward, every intermediate gets a name and a shape. Then each one's local derivative. Backward,
the derivative by an intermediate is its users' derivatives times their local ones, added up.
Source: Parr & Howard 2018, sec. 4.5; Georgia Tech CS 4803/7643, backpropagation.
"""

from dataclasses import replace
from functools import partial

from matderiv.calculus.sweeps import axes_of
from matderiv.expr import Expr, variable
from matderiv.shapes import long_axes
from matderiv.tensors.tensor import Tensor
from matderiv.views.components import collapsed, joined, over, times
from matderiv.views.document import Derived, Document, Form, NamedValue, Partial, Section, Step
from matderiv.views.intermediates import Intermediate, fresh_name, gradient_name
from matderiv.views.outline import Told, View
from matderiv.views.passes import MAX_CARRIED, BackwardPass, in_names, local_tensor
from matderiv.views.stages import FORWARD_MODE, Stage, forward_section, last_steps, side_of, step_of


def chain(*found: Derived, check: bool = True) -> Document:
    """The derivation by intermediates and the chain rule, every line evaluated.

    Gradients of one function by several variables are read off one forward and one backward pass.

    Raises NoRule where a function has no derivative, UntrueLine when a line is not true.
    """
    return View("chain", _told, "substitute back", "Result").document(found, check=check)


def _told(d: Derived, stage: Stage, taken: set[str]) -> Told:
    inner = len(long_axes(stage.wrt.shape))
    forward = d.kind in FORWARD_MODE or (stage.upstream is None and inner < stage.outer)
    teller = Forward(stage, taken) if forward else BackwardPass(stage, taken)
    own = (
        forward_section(stage),
        Section("Local derivatives", local_steps(stage)),
        teller.section(),
    )
    last = partial(read_off, stage, teller)
    return Told(stage, own if stage.pieces else (), teller.symbols, last)


# Local derivatives --------------------------------------------------------------------------------


def local_steps(stage: Stage) -> tuple[Step, ...]:
    """The local Jacobian of every piece by each of its inputs; in index form beyond two axes."""
    steps = []
    for piece in stage.pieces:
        if piece is stage.pieces[-1] and stage.upstream is None:
            continue
        for x in piece.inputs:
            outer = len(long_axes(piece.variable.shape))
            right = in_names(side_of(local_tensor(stage, piece, x), broadcast=not outer), stage)
            left = Partial(piece.variable, x, local=True)
            steps.append(step_of(piece, left, right))
    return tuple(steps)


# Forwards -----------------------------------------------------------------------------------------


class Forward:
    """The forward pass of derivatives: fewer axes where the variable has fewer than f."""

    def __init__(self, stage: Stage, taken: set[str]) -> None:
        self.stage, self.taken = stage, taken
        self.symbols: list[NamedValue] = []
        self.meanings: dict[Expr, Expr] = {}
        self.steps: list[Step] = []
        self.found: dict[Expr, Expr | Tensor | None] = {stage.wrt: None}
        self.answers: dict[Expr, Form] = {}
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
            self.answers[stage.wrt] = right

    def _share(self, piece: Intermediate, x: Expr) -> Tensor:
        local = local_tensor(self.stage, piece, x)
        before = self.found[x]
        if before is None:
            return local
        count, rest = len(long_axes(piece.variable.shape)), axes_of(self.stage.wrt.shape)
        at = local.axes[count:]
        return collapsed(times(local, over(before, at + rest), local.axes[:count] + rest, at))

    def _name(self, piece: Intermediate, right: Form) -> Expr:
        shape = right.shape if isinstance(right, Expr) else tuple(i.size for i in right.axes)
        base = ("c", "v", "V")[min(len(shape), 2)]
        name = variable(fresh_name(gradient_name(base, piece.variable.name), self.taken), shape)
        self.symbols.append(NamedValue(name, "derivative", name))
        return name


# The answers --------------------------------------------------------------------------------------


def read_off(stage: Stage, teller: BackwardPass | Forward, d: Derived) -> list[Step]:
    """The lines that end in the result by one of the variables."""
    found = teller.answers.get(d.wrt, d.displayed)  # a stage without pieces has no pass
    return last_steps(d, replace(stage, wrt=d.wrt), found, teller.meanings)
