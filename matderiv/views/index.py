"""The index view: entries with summation signs and deltas, collapsed, read back as matrices.

Source: Laue, Mitterreiter & Giesen 2020; Parr & Howard 2018, sec. 4.4 (reduce to scalars).
"""

from dataclasses import replace
from fractions import Fraction
from functools import partial

from matderiv.calculus.sweeps import axes_of
from matderiv.expr import Expr
from matderiv.shapes import long_axes
from matderiv.tensors.tensor import Factor, Indices, Tensor, Term, product
from matderiv.views.components import by_entries, collapsed, components, counted
from matderiv.views.document import Derived, Document, Form, Partial, Section, Step
from matderiv.views.intermediates import Intermediate
from matderiv.views.outline import Told, View
from matderiv.views.passes import BackwardPass, above_at, in_names, joined
from matderiv.views.reasons import code, rule_name
from matderiv.views.stages import Stage, last_steps, step_of

DELTA = "sum over a delta"
COLLAPSE = "Σ_j δ_ij T_j = T_i: a sum over a delta keeps the one term where its indices agree."


def index(d: Derived, *, check: bool = True) -> Document:
    """The derivation by entries, every line evaluated.

    Raises NoRule where a function has no derivative, UntrueLine when a line is not true.
    """
    return View("index", _told, "read as a matrix", "Result").document(d, check=check)


def _told(d: Derived, stage: Stage, taken: set[str]) -> Told:
    entries = Entries(stage, taken)
    own = (
        Section("Entries", component_steps(stage)),
        Section("Local derivatives", tuple(entries.local)),
        Section("Chain rule, summed over entries", tuple(entries.steps)),
    )
    last = partial(last_steps, d, stage, entries.answer, entries.meanings)
    return Told(stage, own if stage.pieces else (), entries.symbols, last)


def entry_of(v: Expr, axes: Indices) -> Tensor:
    """v_ij over its axes."""
    return Tensor(axes, (Term(Fraction(1), (Factor(v, axes),)),))


def component_steps(stage: Stage) -> tuple[Step, ...]:
    """Every intermediate by its entries."""
    steps = []
    for p in stage.pieces:
        axes = axes_of(p.variable.shape)
        steps.append(
            Step(
                entry_of(p.variable, axes),
                components(p.definition, axes),
                "",
                f"One entry of {code(p.variable.name)}, its sums written out.",
                shape=p.variable.shape,
            )
        )
    return tuple(steps)


class Entries(BackwardPass):
    """The backward pass with summation signs and deltas."""

    letters = ("g", "g", "G")

    def __init__(self, stage: Stage, taken: set[str]) -> None:
        self.local: list[Step] = []
        self.written: dict[Expr, list[Tensor]] = {}
        super().__init__(stage, taken)

    def _hand_on(self, piece: Intermediate, x: Expr, adjoint: Expr | Tensor | None) -> None:
        outer, inner = axes_of(piece.variable.shape), axes_of(x.shape)
        raw = by_entries(components(piece.definition, outer), x, inner)
        named = in_names(raw, self.stage)
        assert isinstance(named, Tensor)
        raw, local = named, collapsed(named)
        alone = adjoint is None and self.stage.upstream is None
        if not alone:
            self._write_local(piece, x, raw, local)
        if not local.terms:
            return
        whole = raw if alone else self._above(piece, local, adjoint)
        self.written.setdefault(x, []).append(whole)
        self.shares.setdefault(x, []).append(collapsed(whole))

    def _above(self, piece: Intermediate, local: Tensor, adjoint: Expr | Tensor | None) -> Tensor:
        """Upstream times local, nothing contracted."""
        count = len(long_axes(piece.variable.shape))
        at, rest = local.axes[:count], local.axes[count:]
        root = piece is self.stage.pieces[-1]
        above = self.stage.upstream if adjoint is None and root else adjoint
        assert above is not None
        upstream = self._upstream(above, at)
        axes = upstream.axes[: len(upstream.axes) - count] + rest
        terms = (counted(product(s, t), at) for s in upstream.terms for t in local.terms)
        return Tensor(axes, tuple(terms))

    def _upstream(self, above: Expr | Tensor, at: Indices) -> Tensor:
        if isinstance(above, Tensor):
            return above_at(above, at)
        outer = self.outer if self.stage.outer else ()
        if self.stage.outer and not outer:
            outer = axes_of(self.stage.called.shape)
        return entry_of(above, outer + at)

    def _write_local(self, piece: Intermediate, x: Expr, raw: Tensor, local: Tensor) -> None:
        left = Partial(piece.variable, x, local=True)
        self.local.append(step_of(piece, left, raw))
        if _different(raw, local):
            self.local.append(Step(left, local, DELTA, COLLAPSE, continues=True, before=raw))

    def _write(
        self, left: Partial, right: Form, shares: list[Tensor], x: Expr, name: Expr | None
    ) -> None:
        written = self.written.get(x, [])
        users = [p for p in self.stage.pieces if x in p.inputs]
        rule = " + ".join(dict.fromkeys(rule_name(p) for p in users))
        places = " and ".join(code(p.variable.name) for p in users)
        reason = f"Summed over the entries of {places}."
        axes = self._axes(x)
        raw = joined(written, axes)
        local = joined(shares, axes)
        lines = [Step(left, raw, "chain rule: " + rule, reason)] if raw.terms else []
        if _different(raw, local) and raw.terms:
            lines.append(Step(left, local, DELTA, COLLAPSE, continues=True, before=raw))
        if isinstance(right, Expr):
            reading = "The sums over neighbouring indices are products of matrices."
            if right.shape:
                lines.append(Step(left, right, "read as a matrix", reading, names=name))
            elif lines:
                lines[-1] = replace(lines[-1], right=right)
                lines[0] = replace(lines[0], names=name)
        if name is not None and not any(s.names for s in lines):
            lines = lines or [Step(left, right, rule, reason)]
            lines[0] = replace(lines[0], names=name)
        elif not lines:
            lines = [Step(left, right, rule, reason)]
        self.steps += lines


def _different(a: Tensor, b: Tensor) -> bool:
    return [(t.coefficient, t.factors) for t in a.terms] != [
        (t.coefficient, t.factors) for t in b.terms
    ]
