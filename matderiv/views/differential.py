"""The differential view: df pushed inwards rule by rule, ending in df = <G, dX>.

A differential has the shape of its argument, so no rule meets a third axis; the gradient is read
off in the end. Source: Magnus & Neudecker, Matrix Differential Calculus, ch. 5 and 9.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from matderiv.calculus.derivative import change_of
from matderiv.calculus.sweeps import axes_of
from matderiv.choosing.layout import vec_form
from matderiv.choosing.sums import raise_tensor
from matderiv.expr import Expr, apply, contains, is_, substitute, variable, variables, zeros
from matderiv.language.printer import text
from matderiv.shapes import long_axes
from matderiv.tensors.tensor import Factor, Indices, Tensor, Term, normalise, renamed
from matderiv.views.components import joined
from matderiv.views.document import Derived, Document, Form, NamedValue, Partial, Section, Step
from matderiv.views.intermediates import Intermediate, fresh_name
from matderiv.views.outline import Told, View
from matderiv.views.pairings import (
    change_last,
    collected,
    holds,
    in_place,
    met_twice,
    multiplied,
    paired,
    plain,
    standard,
    traced,
)
from matderiv.views.passes import BackwardPass, as_row, in_names, merged
from matderiv.views.reasons import REARRANGED, code, identified, rearranging, rule_name
from matderiv.views.rule_lines import (
    Condensed,
    condensed,
    is_matrix,
    of_matrix_entries,
    same_words,
    worth_showing,
    written_rule,
)
from matderiv.views.stages import FORWARD_MODE, Stage, last_steps, step_of, written_out
from matderiv.words.signs import total

LONG = 14  # longer factors beside a differential get a name,
SHARED = 3  # and those beside the differentials of several variables


def differential(*found: Derived, check: bool = True) -> Document:
    """The derivation by differentials, every line evaluated.

    Raises NoRule where a function has no derivative, UntrueLine when a line is not true,
    MatderivError where f has a name of its own like the change of the variable.
    """
    for d in found:
        if d.kind not in FORWARD_MODE:
            change_of(d.wrt, d.f)
    rule = "gradient from the differential"
    view = View("differential", _told, rule, "Identification")
    return view.document(found, check=check)


def _told(d: Derived, stage: Stage, taken: set[str]) -> Told:
    inwards = Inwards(condensed(stage), taken)
    own = (inwards.named_section(), Section("Differential", tuple(inwards.lines)))
    last = partial(_identified, inwards)
    sections = own if stage.pieces else ()
    return Told(inwards.stage, sections, inwards.symbols, last)


def _identified(inwards: Inwards, d: Derived) -> list[Step]:
    """Reading the derivative off the differential, then the last lines of every view."""
    stage, found = replace(inwards.stage, wrt=d.wrt), inwards.answers[d.wrt]
    if d.kind in FORWARD_MODE or not stage.pieces:
        return last_steps(d, stage, found, inwards.meanings)
    gradient = inwards.shown(found)
    rest = last_steps(d, stage, gradient, inwards.meanings)
    steps = [*inwards.vec_steps()]
    rule = "derivative" if stage.outer else "gradient"
    first = Step(
        Partial(stage.target, stage.wrt),
        gradient,
        f"{rule} from the differential",
        identified(stage.target.name, stage.wrt, inwards.names, several=bool(stage.outer)),
        "Magnus & Neudecker, ch. 5",
    )
    return [*steps, first, *rest]


class Inwards(BackwardPass):
    """The lines df = ..., one more piece written out in each."""

    def __init__(self, told: Condensed, taken: set[str]) -> None:
        self.condensed, stage, self.written = told, told.stage, told.written
        self.kept = [p for p in stage.pieces[:-1] if p.variable not in self.written]
        self.products = not any(map(of_matrix_entries, stage.pieces)) and not is_matrix(
            stage.upstream
        )
        self.changes: dict[Expr, Expr] = {}
        self.change_symbols: list[NamedValue] = []
        self.moving: set[Expr] = set()  # the changes
        self.told: dict[Expr, tuple[int, list[Expr]]] = {}
        self.lines: list[Step] = []
        self.before: Expr | None = None
        self.apart: Expr | None = None
        self.done: set[Expr] = set()
        self.axes = axes_of(stage.called.shape) if stage.outer else ()
        self.names = taken
        self.root = self._change_of(stage.target, stage)
        if stage.upstream is not None and stage.pieces:
            self._start(stage)
        super().__init__(stage, taken)
        self.symbols += self.change_symbols
        self._finish()

    # Names ---------------------------------------------------------------------------------------

    def shown(self, side: Form) -> Form:
        """The side with short intermediates written out."""
        if isinstance(side, Tensor):
            return side.mapped(lambda f: f._replace(expr=self._shown(f.expr)))
        return self._shown(side)

    def _shown(self, e: Expr) -> Expr:
        return written_out(e, self.written)

    def named_section(self) -> Section:
        """The intermediates that keep their names."""
        steps = []
        for p in self.kept:
            step = step_of(p, p.variable, self.shown(p.definition))
            steps.append(
                replace(step, why=self.condensed.why(p), shape=p.variable.shape, lets=True)
            )
        return Section("Intermediates", tuple(steps))

    def change(self, v: Expr) -> Expr:
        """The name of the change of v: dX, or d(A*x - b) for what is written out."""
        if v not in self.changes:
            self.changes[v] = self._change_of(v, self.stage)
        return self.changes[v]

    def _change_of(self, v: Expr, stage: Stage) -> Expr:
        whole = self._shown(v)
        name = f"d{v.name}" if whole is v else f"d({text(whole)})"
        if whole is v and v not in stage.variables:
            name = fresh_name(name, self.names)
        made = variable(name, v.shape)
        self.change_symbols.append(NamedValue(made, "change", v, whole))
        self.moving.add(made)
        return made

    def _start(self, stage: Stage) -> None:
        """dL = <G, df> for the upstream gradient G."""
        g, change = stage.upstream, self._change_of(stage.called, stage)
        self.changes[stage.called] = change
        assert g is not None
        e = paired(g, change)
        if e is None:
            return
        of, by = code(stage.target.name), code(stage.called.name)
        reason = f"{code(g.name)} is the gradient of {of} by {by}."
        self.lines.append(Step(self.root, e, "upstream", reason))
        self.before = e

    def limit_of(self, x: Expr) -> int:
        """What several variables share gets a name sooner."""
        inputs = next((p.inputs for p in self.stage.pieces if p.variable is x), ())
        return SHARED if sum(v in inputs for v in self.stage.variables) > 1 else LONG

    # Lines ---------------------------------------------------------------------------------------

    def after(self, piece: Intermediate) -> None:
        """The line in which the change of one more piece is written out."""
        self.done.add(piece.variable)
        written, several = self._line_of(piece)
        e = self._whole()
        twice = written is not None and any(
            met_twice(written, self.change(v)) for v in piece.inputs
        )
        several = several or twice
        if written is not None and self._ends_in_changes(written) and written.weight < e.weight:
            self._add(written, piece)
        elif written is not None and worth_showing(written, e, piece, several, self.before):
            self._add(written, piece)
            if twice and not self.axes:
                self.apart = self._whole(apart=True)
                self._add(self.apart, None)
            self._add(e, None)
        else:
            self._add(e, piece)

    def _write(
        self, left: Partial, right: Form, shares: list[Tensor], x: Expr, name: Expr | None
    ) -> None:
        """A factor that has become long gets a name before it is used."""
        if name is None:
            return
        short = x in self.written
        self.lines.append(Step(left, self.shown(right), "let", names=name, short=short))
        self.before = None

    def _add(self, e: Expr, piece: Intermediate | None) -> None:
        if e is self.before:
            return
        if piece is None:
            if (
                self.apart is not self.before
                and self.lines
                and self.lines[-1].rule in REARRANGED
                and self.lines[-1].continues
            ):
                above = self.lines.pop().before
                self.before = above if isinstance(above, Expr) else None
            rule, reason, source = rearranging(e, self.before), "", ""
        else:
            rule, source = rule_name(piece), piece.main.function.source
            reason = self.condensed.why(piece)
        more, above = self.before is not None, self.before
        self.lines.append(Step(self.root, e, rule, reason, source, continues=more, before=above))
        self.before = e

    def _whole(self, apart: bool = False) -> Expr:
        """df as the sum of the shares of all changes that are still open.

        With `apart` a share has a term for each way in which a value acts.
        """
        found: list[Expr] = []
        for v in sorted(self.shares, key=lambda v: self.places[v][:1]):
            if v not in self.done:
                count, terms = self.told.get(v, (0, []))
                if apart:
                    terms = self._apart(v)
                elif count != len(self.shares[v]):
                    terms = self._shares_of(v)
                    self.told[v] = len(self.shares[v]), terms
                found += terms
        if not found:
            return zeros(self.root.shape)
        whole = self._shown(plain(collected(found), self.moving))
        return whole if self.before is None else in_place(whole, self.before)

    def _shares_of(self, v: Expr) -> list[Expr]:
        """The part of df that comes from the change of v, as one or more terms."""
        change = self.change(v)
        terms: list[Term] = []
        for share in self.shares[v]:
            count = len(self.axes)
            mapping = dict(zip(share.axes[:count], self.axes, strict=True))
            inner = share.axes[count:]
            for t in share.terms:
                factors = [*renamed(t, mapping).factors, Factor(change, inner)]
                terms.append(normalise(t.coefficient, factors, self.axes, inner))
        whole = merged(Tensor(self.axes, tuple(terms)), self.stage)
        e = in_names(raise_tensor(whole, broadcast=True), self.stage)
        assert isinstance(e, Expr)
        if self.axes:
            return [plain(e, {change})]
        parts = e.args if is_(e, "add") else (e,)
        natural = [change_last(a, {change}) for a in parts]
        g = self._gradient(v)
        if g is None or (self.products and all(multiplied(n, change) for n in natural)):
            return natural
        pair = self._pair(g, change)
        if pair is None:
            return natural
        tidy = len(natural) == 1 and standard(natural[0], change)
        if tidy and (not is_matrix(change) or self.products):
            return natural
        room = sum(n.weight for n in natural) + (0 if tidy else 5)
        return [pair] if is_matrix(change) or pair.weight < room else natural

    def _apart(self, v: Expr) -> list[Expr]:
        """The same with a term for each way in which v acts."""
        each = [Tensor(s.axes, (t,)) for s in self.shares[v] for t in merged(s, self.stage).terms]
        slopes = [in_names(raise_tensor(t, broadcast=True), self.stage) for t in each]
        pairs = [paired(g, self.change(v)) for g in slopes if isinstance(g, Expr)]
        return [p for p in pairs if p is not None]

    def _gradient(self, v: Expr) -> Expr | None:
        """What stands beside the change of v: the derivative by v, where it is an array like v."""
        above = merged(joined(self.shares[v], _axes(v)), self.stage)
        g = in_names(raise_tensor(above, broadcast=True), self.stage)
        if not isinstance(g, Expr) or contains(g, "einsum"):
            return None
        row = g.shape != v.shape and g.shape == v.shape[1:]
        return as_row(g) if row else g  # the derivative by a row is a row

    def _pair(self, g: Expr, change: Expr) -> Expr | None:
        """<G, dX> as this derivation writes it: with traces, or with sums over entries."""
        return paired(g, change, traced=self.products and is_matrix(change))

    def _line_of(self, piece: Intermediate) -> tuple[Expr | None, bool]:
        """The line before with the change of the piece as its rule writes it; whether it is a sum.

        The sum is what a product rule writes, and asks for a line of its own.
        """
        raw = written_rule(piece.definition, {v: self.change(v) for v in piece.inputs})
        if raw is None:
            return None, False
        changes = self.moving
        raw = plain(substitute(raw, self.stage.values), changes)
        several = is_(raw, "add") and sum(holds(a, changes) for a in raw.args) > 1
        several = several and len(piece.parts or (piece,)) == 1
        if piece is self.stage.pieces[-1] and self.stage.upstream is None:
            return plain(self._shown(raw), changes), several
        change = self.changes.get(piece.variable)
        if self.before is None or change is None or change not in variables(self.before):
            return None, False
        return plain(substitute(self.before, {change: self._shown(raw)}), changes), several

    def _ends_in_changes(self, e: Expr) -> bool:
        """True if every term is a product that ends in one of the changes."""
        terms = e.args if is_(e, "add") else (e,)
        return all(any(standard(t, v) for v in variables(t) if v in self.moving) for t in terms)

    def _finish(self) -> None:
        """df = <G, dX>, with a term for each variable, before the derivatives are read off."""
        if self.before is None or not self.stage.pieces:
            return
        found = [self._brought_last(self.before, x) for x in self.stage.variables]
        terms = [e for e in found if e is not None]
        if len(terms) == len(found) and not same_words(total(terms), self.before):
            self._add(total(terms), None)

    def _brought_last(self, line: Expr, x: Expr) -> Expr | None:
        """The terms of df with the change of x as one that ends in it; None where none does."""
        answer, change = self.answers[x], self.change(x)
        if not isinstance(answer, Expr):
            return None
        terms = line.args if self.stage.others and is_(line, "add") else (line,)
        own = [t for t in terms if change in variables(t)]
        if len(own) == 1 and standard(own[0], change):
            return own[0]
        if self.stage.outer:
            fits = len(self.axes) == 1 and len(change.shape) == 1 and len(answer.shape) == 2
            e = self._shown(answer)
            return apply("mul", *(e.args if is_(e, "mul") else (e,)), change) if fits else None
        made = traced(own[0], change) if self.products and len(own) == 1 else None
        return self._pair(self._shown(answer), change) if made is None else made

    def vec_steps(self) -> list[Step]:
        """vec(dF) = J vec(dX) where the derivative has more than two axes."""
        answer = self.answers[self.stage.wrt]
        if not isinstance(answer, Tensor) or self.before is None:
            return []
        form = vec_form(answer, self.stage.outer)
        if form is None or contains(form, "einsum"):
            return []
        right = apply("mul", self._shown(form), _vec(self.change(self.stage.wrt)))
        return [Step(_vec(self.root), right, "vec")]


def _vec(e: Expr) -> Expr:
    return apply("vec", e) if len(long_axes(e.shape)) == 2 else e


def _axes(v: Expr) -> Indices:
    found: Indices | None = v.cache.get("axes")
    if found is None:
        found = v.cache["axes"] = axes_of(v.shape)
    return found
