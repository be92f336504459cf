"""The index view: entries with summation signs and deltas, collapsed, read back as matrices.

Source: Laue, Mitterreiter & Giesen 2020; Parr & Howard 2018, sec. 4.4 (reduce to scalars).
"""

from dataclasses import replace
from functools import partial

from matderiv.calculus.sweeps import axes_of
from matderiv.expr import Expr
from matderiv.tensors.tensor import Tensor
from matderiv.views.chain import read_off
from matderiv.views.components import by_entries, collapsed, components, entry_of, joined
from matderiv.views.document import Derived, Document, Partial, Section, Step
from matderiv.views.intermediates import Intermediate
from matderiv.views.outline import Told, View
from matderiv.views.passes import NOTATION, BackwardPass, as_entries, in_names
from matderiv.views.reasons import code, why
from matderiv.views.stages import Stage, forward_section, step_of


def index(*found: Derived, check: bool = True) -> Document:
    """The derivation by entries, every line evaluated.

    Raises NoRule where a function has no derivative, UntrueLine when a line is not true.
    """
    return View("index", _told, NOTATION, "Result").document(found, check=check)


def _told(d: Derived, stage: Stage, taken: set[str]) -> Told:
    entries = Entries(stage, taken)
    own = (
        Section("Entries", component_steps(stage)),
        Section("Local derivatives", entries.local_steps()),
        Section("Chain rule, summed over entries", tuple(entries.steps)),
    )
    last = partial(read_off, stage, entries)
    return Told(stage, own if stage.pieces else (), entries.symbols, last)


def component_steps(stage: Stage) -> tuple[Step, ...]:
    """Every intermediate by its entries."""
    steps = []
    for p, step in zip(stage.pieces, forward_section(stage).steps, strict=True):
        axes = axes_of(p.variable.shape)
        left, right = entry_of(p.variable, axes), components(p.definition, axes)
        why = f"One entry of {code(p.variable.name)}, its sums written out."
        steps.append(replace(step, left=left, right=right, rule="", why=why, source=""))
    return tuple(steps)


class Entries(BackwardPass):
    """The backward pass with summation signs and deltas."""

    letters = ("g", "g", "G")
    prefix = "chain rule: "

    def __init__(self, stage: Stage, taken: set[str]) -> None:
        self.local: dict[Expr, list[Step]] = {}
        self.written: dict[Expr, list[Tensor]] = {}
        super().__init__(stage, taken)

    def local_steps(self) -> tuple[Step, ...]:
        """The local derivatives, in the order of the forward pass."""
        return tuple(s for p in self.stage.pieces for s in self.local.get(p.variable, ()))

    def _hand_on(self, piece: Intermediate, x: Expr, adjoint: Expr | Tensor | None) -> None:
        outer, inner = axes_of(piece.variable.shape), axes_of(x.shape)
        raw = by_entries(components(piece.definition, outer), x, inner)
        named = in_names(raw, self.stage)
        assert isinstance(named, Tensor)
        raw, local = named, collapsed(named)
        alone = adjoint is None and self.stage.upstream is None
        if not alone:
            left = Partial(piece.variable, x, local=True)
            step = step_of(piece, left, raw)
            steps = self.local.setdefault(piece.variable, [])
            steps += as_entries(left, raw, step.rule, step.why, step.source)
        if not local.terms:
            return
        whole = raw if alone else self._above(piece, local, adjoint)
        at = self._enter(piece, x, [collapsed(whole)])
        self.written.setdefault(x, []).insert(at, whole)

    def _handed(self, users: list[Intermediate], x: Expr) -> str:
        """What is summed over, or why the rule of f itself holds."""
        if len(users) == 1 and not self._called(users[0]):
            return why(users[0])
        places = " and ".join(code(p.variable.name) for p in users)
        return f"Summed over the entries of {places}."

    def _by_entries(self, users: list[Intermediate], x: Expr) -> Tensor | None:
        return joined(self.written.get(x, []), self._axes(x))
