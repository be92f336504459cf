"""The chain view, the method of the lecture: a graph of simple functions, upstream times local.

Forward, every intermediate gets a name and a shape. Then each one's local derivative. Backward,
the derivative by an intermediate is its users' derivatives times their local ones, added up.
Source: Parr & Howard 2018, sec. 4.5; Georgia Tech CS 4803/7643, backpropagation.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from matderiv.shapes import long_axes
from matderiv.views.document import Derived, Document, Partial, Section, Step
from matderiv.views.outline import Told, View, naming_facts
from matderiv.views.passes import BackwardPass, Forward, in_names, local_tensor
from matderiv.views.stages import (
    FORWARD_MODE,
    Stage,
    forward_section,
    last_steps,
    names_in_use,
    projected,
    reading_steps,
    shared_about,
    shared_stage,
    side_of,
    step_of,
)
from matderiv.views.truth import verified


def chain(d: Derived, *, check: bool = True) -> Document:
    """The derivation by intermediates and the chain rule, every line evaluated.

    Raises NoRule where a function has no derivative, UntrueLine when a line is not true.
    """
    return View("chain", _told, "substitute back", "Result").document(d, check=check)


def _told(d: Derived, stage: Stage, taken: set[str]) -> Told:
    inner = len(long_axes(stage.wrt.shape))
    forward = d.kind in FORWARD_MODE or (stage.upstream is None and inner < stage.outer)
    teller = Forward(stage, taken) if forward else BackwardPass(stage, taken)
    own = (
        forward_section(stage),
        Section("Local derivatives", local_steps(stage)),
        teller.section(),
    )
    last = partial(last_steps, d, stage, teller.answer, teller.meanings)
    return Told(stage, own if stage.pieces else (), teller.symbols, last)


def shared_chain(found: Sequence[Derived]) -> Document | None:
    """The gradients of one function by several variables, read off one forward and one backward
    pass; None where the variables cannot share them, or where f is no number and has no upstream.

    Source: Georgia Tech CS 4803/7643, backpropagation; Goodfellow et al. 2016, sec. 6.5.
    """
    first = found[0]
    shared = first.kind in ("gradient", "vjp") and all(not projected(d) for d in found)
    stage = shared_stage(found) if shared else None
    if stage is None or not stage.pieces or first.layout != "gradient":
        return None
    taken = set().union(*map(names_in_use, found)) | {s.variable.name for s in stage.symbols}
    teller = BackwardPass(stage, taken | {stage.called.name, stage.target.name})
    answers = [_answers(d, stage, teller) for d in found]
    sections = (
        Section("Read as", reading_steps(stage)),
        forward_section(stage),
        Section("Local derivatives", local_steps(stage)),
        teller.section(),
        Section("Results", tuple(step for steps in answers for step in steps)[:-1]),
    )
    document = Document(
        view="chain",
        f=stage.called,
        shown=first.f,
        wrt=first.wrt,
        upstream=first.upstream,
        about=shared_about(found),
        symbols=(*stage.symbols, *teller.symbols),
        sections=tuple(s for s in sections if s.steps),
        answer=answers[-1][-1],
        names=frozenset().union(*(d.names for d in found)),
    )
    return naming_facts(verified(document), first.f, *(d.wrt for d in found))


def _answers(d: Derived, stage: Stage, teller: BackwardPass) -> list[Step]:
    """The lines that end in one of the results."""
    steps = last_steps(d, replace(stage, wrt=d.wrt), teller.answers[d.wrt], teller.meanings)
    return [replace(step, continues=False, before=None) for step in steps]


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
