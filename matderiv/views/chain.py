"""The chain view, the method of the lecture: a graph of simple functions, upstream times local.

Forward, every intermediate gets a name and a shape. Then each one's local derivative. Backward,
the derivative by an intermediate is its users' derivatives times their local ones, added up.
Source: Parr & Howard 2018, sec. 4.5; Georgia Tech CS 4803/7643, backpropagation.
"""

from __future__ import annotations

from matderiv.shapes import long_axes
from matderiv.views.document import Derived, Document, Partial, Section, Step
from matderiv.views.flow import FORWARD_MODE, Stage, forward_section, last_steps, side_of
from matderiv.views.forward import Forward
from matderiv.views.frame import Told, View
from matderiv.views.passes import Backward, in_names, local_tensor
from matderiv.views.reasons import rule_name, why


def chain(d: Derived, *, check: bool = True) -> Document:
    """The derivation by intermediates and the chain rule, every line evaluated.

    Raises NoRule where a function has no derivative, UntrueLine when a line is not true.
    """
    return View("chain", _told, "substitute back", "Result").document(d, check=check)


def _told(d: Derived, stage: Stage, taken: set[str], number: int) -> Told:
    inner = len(long_axes(stage.wrt.shape))
    forward = d.kind in FORWARD_MODE or (stage.upstream is None and inner < stage.outer)
    teller = Forward(stage, taken) if forward else Backward(stage, taken)
    own = (
        forward_section(stage),
        Section("Local derivatives", local_steps(stage)),
        teller.section(),
    )

    def last() -> list[Step]:
        return last_steps(d, stage, teller.answer, teller.meanings)

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
            steps.append(
                Step(left, right, rule_name(piece), why(piece), piece.main.function.source)
            )
    return tuple(steps)
