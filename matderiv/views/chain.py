"""The chain view, the method of the lecture: a graph of simple functions, upstream times local.

Forward, every intermediate gets a name and a shape. Then each one's local derivative. Backward,
the derivative by an intermediate is its users' derivatives times their local ones, added up.
Source: Parr & Howard 2018, sec. 4.5; Georgia Tech CS 4803/7643, backpropagation.
"""

from __future__ import annotations

from dataclasses import replace

from matderiv.shapes import long_axes
from matderiv.views.document import Derived, Document, Partial, Section, Step, Symbol
from matderiv.views.flow import (
    FORWARD_MODE,
    ORDINALS,
    Stage,
    document_of,
    forward_section,
    last_steps,
    projected,
    reading_steps,
    side_of,
    stages,
)
from matderiv.views.passes import Backward, Forward, in_names, local_tensor
from matderiv.views.reasons import rule_name, why


def chain(d: Derived, *, check: bool = True) -> Document:
    """The derivation by intermediates and the chain rule, every line evaluated.

    Raises NoRule where a function has no derivative, UntrueLine when a line is not true.
    """
    sections: list[Section] = []
    symbols: list[Symbol] = []
    found = stages(d)
    taken = set(d.names) | {s.variable.name for stage in found for s in stage.symbols}
    answer: Step | None = None
    for k, stage in enumerate(found):
        teller = _teller(d, stage, taken)
        title = "" if len(found) == 1 else f"{ORDINALS[k]} derivative: "
        sections += _sections(stage, teller, title)
        symbols += [*stage.symbols, *teller.symbols]
        if k + 1 < len(found):
            whole = found[k + 1].shown
            left = Partial(stage.target, d.wrt, projected=projected(d))
            step = Step(left, whole, "substitute back", names=found[k + 1].called)
            sections.append(Section(title + "result", (step,)))
        else:
            *others, answer = last_steps(d, stage, teller.answer, teller.meanings)
            if others:
                sections.append(Section("Result", tuple(others)))
    assert answer is not None
    return document_of("chain", d, found, symbols, sections, answer, check=check)


def _sections(stage: Stage, teller: Backward | Forward, title: str) -> list[Section]:
    reading = reading_steps(stage)
    out = [Section(title + "Read as", reading)] if reading else []
    if not stage.pieces:
        return out
    out.append(forward_section(stage, title + "Forward pass"))
    local = local_steps(stage)
    if local:
        out.append(Section(title + "Local derivatives", local))
    section = teller.section()
    out.append(replace(section, title=title + section.title))
    return out


def _teller(d: Derived, stage: Stage, taken: set[str]) -> Backward | Forward:
    inner = len(long_axes(stage.wrt.shape))
    forward = d.kind in FORWARD_MODE or (stage.upstream is None and inner < stage.outer)
    return Forward(stage, taken) if forward else Backward(stage, taken)


# Local derivatives --------------------------------------------------------------------------------


def local_steps(stage: Stage) -> tuple[Step, ...]:
    """The local Jacobian of every piece by each of its inputs; in index form beyond two axes."""
    steps = []
    for piece in stage.pieces:
        if piece is stage.pieces[-1] and stage.upstream is None:
            continue
        for x in piece.inputs:
            outer = len(long_axes(piece.variable.shape))
            right = in_names(side_of(local_tensor(piece, x), broadcast=not outer), stage)
            left = Partial(piece.variable, x, local=True)
            steps.append(
                Step(left, right, rule_name(piece), why(piece), piece.main.function.source)
            )
    return tuple(steps)
