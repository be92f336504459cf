"""The differential view: df pushed inwards rule by rule, ending in df = <G, dX>.

A differential has the shape of its argument, so no rule meets a third axis; the gradient is read
off in the end. Source: Magnus & Neudecker, Matrix Differential Calculus, ch. 5 and 9.
"""

from __future__ import annotations

import re

from matderiv.calculus.differentiate import axes_of
from matderiv.expr import Expr, apply, is_, substitute, variable, variables, walk, zeros
from matderiv.notation.chains import transposed
from matderiv.notation.layout import vec_form
from matderiv.notation.sums import raise_tensor
from matderiv.output.text import text
from matderiv.shapes import is_scalar, long_axes
from matderiv.tensors.tensor import Factor, Indices, Tensor, Term, normalise, renamed
from matderiv.views.document import Derived, Document, Form, Partial, Section, Step, Symbol
from matderiv.views.flow import (
    FORWARD_MODE,
    ORDINALS,
    Stage,
    document_of,
    forward_section,
    last_steps,
    projected,
    reading_steps,
    stages,
    tokens,
)
from matderiv.views.pairings import (
    change_last,
    collected,
    multiplied,
    paired,
    sign_inside,
    standard,
    traced,
    without_brackets,
)
from matderiv.views.passes import Backward, as_row, in_names, merged
from matderiv.views.pieces import Piece, fresh_name
from matderiv.views.reasons import code, rearranging, rule_name, why, with_facts
from matderiv.views.written import short_pieces, written_rule

LONG = 14  # longer factors beside a differential get a name


def differential(d: Derived, *, check: bool = True) -> Document:
    """The derivation by differentials, every line evaluated.

    Raises NoRule where a function has no derivative, UntrueLine when a line is not true.
    """
    found = stages(d)
    taken = set(d.names) | {s.variable.name for stage in found for s in stage.symbols}
    sections: list[Section] = []
    symbols: list[Symbol] = []
    answer: Step | None = None
    for k, stage in enumerate(found):
        title = "" if len(found) == 1 else f"{ORDINALS[k]} derivative: "
        reading = reading_steps(stage)
        if reading:
            sections.append(Section(title + "Read as", reading))
        used = d.facts_used if any(v.params[2] for v in variables(d.f)) else ()
        inwards = Inwards(stage, taken, used)
        symbols += [*stage.symbols, *inwards.symbols]
        named = inwards.named_section(title + "Intermediates")
        sections += [named] if named.steps else []
        if stage.pieces:
            sections.append(Section(title + "Differential", tuple(inwards.lines)))
        if k + 1 < len(found):
            left = Partial(stage.target, d.wrt, projected=projected(d))
            g = found[k + 1]
            step = Step(left, g.shown, "gradient from the differential", names=g.called)
            sections.append(Section(title + "result", (step,)))
            continue
        last = _identified(d, stage, inwards)
        *others, answer = last
        if others:
            sections.append(Section("Identification", tuple(others)))
    assert answer is not None
    return document_of("differential", d, found, symbols, sections, answer, check=check)


def _identified(d: Derived, stage: Stage, inwards: Inwards) -> list[Step]:
    """Reading the derivative off the differential, then the last lines of every view."""
    if d.kind in FORWARD_MODE or not stage.pieces:
        return last_steps(d, stage, inwards.answer, inwards.meanings)
    gradient = inwards.shown(inwards.answer)
    rest = last_steps(d, stage, gradient, inwards.meanings)
    steps = [*inwards.vec_steps()]
    same = isinstance(gradient, Expr) and rest[0].right is gradient
    first = Step(
        Partial(stage.target, stage.wrt),
        gradient,
        "gradient from the differential" if not stage.outer else "derivative from the differential",
        inwards.identification(),
        "Magnus & Neudecker, ch. 5",
    )
    if same:
        rest = [_as(rest[0], first), *rest[1:]]
        return [*steps, *rest]
    return [*steps, first, *rest]


def _as(step: Step, first: Step) -> Step:
    return Step(step.left, step.right, first.rule, first.why, first.source)


class Inwards(Backward):
    """The lines df = ..., one more piece written out in each."""

    def __init__(self, stage: Stage, taken: set[str], facts: tuple[str, ...] = ()) -> None:
        self.facts = facts
        self.written = short_pieces(stage)
        self.open: list[Expr] = []
        self.changes: dict[Expr, Expr] = {}
        self.change_symbols: list[Symbol] = []
        self.lines: list[Step] = []
        self.before: Expr | None = None
        self.done: set[Expr] = set()
        self.axes = axes_of(stage.called.shape) if stage.outer else ()
        self.names = taken
        self.root = self._change_of(stage.target, stage)
        if stage.upstream is not None and stage.pieces:
            self._start(stage)
        super().__init__(stage, taken, LONG)
        self.symbols += self.change_symbols
        self._finish()

    # Names ---------------------------------------------------------------------------------------

    def shown(self, side: Form) -> Form:
        """The side with short intermediates written out."""
        if isinstance(side, Tensor):
            terms = tuple(
                Term(
                    t.coefficient,
                    tuple(Factor(self._shown(f.expr), f.indices, f.exponent) for f in t.factors),
                )
                for t in side.terms
            )
            return Tensor(side.axes, terms)
        return self._shown(side)

    def _shown(self, e: Expr) -> Expr:
        while any(v in self.written for v in variables(e)):
            e = substitute(e, self.written)
        return e

    def named_section(self, title: str) -> Section:
        """The intermediates that keep their names."""
        kept = [p for p in self.stage.pieces[:-1] if p.variable not in self.written]
        whole = forward_section(self.stage)
        steps = [
            Step(s.left, self.shown(s.right), s.rule, s.why, s.source, shape=s.shape)
            for s in whole.steps
            if any(s.left is p.variable for p in kept)
        ]
        return Section(title, tuple(steps))

    def change(self, v: Expr) -> Expr:
        """The name of the change of v: dX, or d(A*x - b) for what is written out."""
        if v not in self.changes:
            self.changes[v] = self._change_of(v, self.stage)
        return self.changes[v]

    def _change_of(self, v: Expr, stage: Stage) -> Expr:
        whole = self._shown(v)
        name = f"d{v.name}" if whole is v else f"d({text(whole)})"
        if whole is v and v is not stage.wrt:
            name = fresh_name(name, self.names)
        made = variable(name, v.shape)
        self.change_symbols.append(Symbol(made, "change", v, whole))
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

    # Lines ---------------------------------------------------------------------------------------

    def after(self, piece: Piece) -> None:
        """The line in which the change of one more piece is written out."""
        self.done.add(piece.variable)
        written = self._line_of(piece)
        e = self._whole()
        if written is not None and self._ends_in_changes(written) and written.weight < e.weight:
            self._add(written, piece)
        elif written is not None and self._worth(written, e):
            self._add(written, piece)
            self._add(e, None)
        else:
            self._add(e, piece)

    def _write(
        self, left: Partial, right: Form, shares: list[Tensor], x: Expr, name: Expr | None
    ) -> None:
        """A factor that has become long gets a name before it is used."""
        if name is None:
            return
        reason = f"What stands beside {code(self.change(x).name)} gets a name."
        self.lines.append(
            Step(left, self.shown(right), "name", reason, names=name, short=x in self.written)
        )
        self.before = None

    def _add(self, e: Expr, piece: Piece | None) -> None:
        if e is self.before:
            return
        if piece is None:
            rule, reason, source = rearranging(e)
            reason = with_facts(reason, self.facts)
        else:
            rule, reason, source = rule_name(piece), self._why(piece), piece.main.function.source
        self.lines.append(
            Step(
                self.root,
                e,
                rule,
                reason,
                source,
                continues=self.before is not None,
                before=self.before,
            )
        )
        self.before = e

    def _why(self, piece: Piece) -> str:
        """The reason, in which the intermediates that are written out have no names."""
        reason = why(piece)
        for v in self.written:
            reason = reason.replace(code(v.name), code(text(self._shown(v))))
        return reason

    def _whole(self) -> Expr:
        """df as the sum of the shares of all changes that are still open."""
        found: list[Expr] = []
        order = [p.variable for p in self.stage.pieces[::-1]] + [self.stage.wrt]
        for v in order:
            if v not in self.done and v in self.shares:
                found += self._shares_of(v)
        whole = without_brackets(collected(found)) if found else zeros(self.root.shape)
        return self._shown(whole)

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
            return [e]
        parts = e.args if is_(e, "add") else (e,)
        natural = [change_last(a, {change}) for a in parts]
        shares = [t for share in self.shares[v] for t in _over(share, v)]
        above = merged(Tensor(_axes(v), tuple(shares)), self.stage)
        g = in_names(raise_tensor(above, broadcast=True), self.stage)
        if isinstance(g, Expr) and g.shape != v.shape and g.shape == v.shape[1:]:
            g = as_row(g)  # the derivative by a row is a row
        pair = paired(g, change) if isinstance(g, Expr) else None
        if v is self.stage.wrt or len(natural) == 1:
            if all(multiplied(n, change) for n in natural):
                return natural
        tidy = all(standard(n, change) for n in natural)
        allowed = sum(n.weight for n in natural) + (0 if tidy else 5)
        if pair is not None and pair.weight < allowed:
            return [pair]
        return natural

    def _line_of(self, piece: Piece) -> Expr | None:
        """The line before with the change of the piece as its rule writes it."""
        raw = written_rule(piece.definition, {v: self.change(v) for v in piece.inputs})
        if raw is None:
            return None
        raw = sign_inside(substitute(raw, self.stage.values))
        if piece is self.stage.pieces[-1] and self.stage.upstream is None:
            return self._shown(raw)
        if self.before is None or piece.variable not in self.changes:
            return None
        change = self.changes[piece.variable]
        if change not in variables(self.before):
            return None
        return without_brackets(substitute(self.before, {change: self._shown(raw)}))

    def _ends_in_changes(self, e: Expr) -> bool:
        """True if every term is a product that ends in one of the changes."""
        terms = e.args if is_(e, "add") else (e,)
        return all(any(standard(t, c) for c in self.changes.values()) for t in terms)

    def _worth(self, written: Expr, e: Expr) -> bool:
        """True if the rule's own line shows more than the rearranged one."""
        several = is_(written, "add") and len(written.args) > 1
        short = written.weight <= 2 * e.weight + 8
        return (
            short
            and (tokens(written) != tokens(e) or _marks(written) != _marks(e))
            and (several or written.weight > e.weight)
        )

    def _finish(self) -> None:
        """df = <G, dX> as the last line before the derivative is read off."""
        answer = self.answer
        if not isinstance(answer, Expr) or not self.stage.pieces or self.before is None:
            return
        change = self.change(self.stage.wrt)
        if standard(self.before, change):
            return
        if self.stage.outer:
            fits = len(self.axes) == 1 and len(change.shape) == 1 and len(answer.shape) == 2
            e = _product(self._shown(answer), change) if fits else None
        else:
            e = traced(self.before, change)
            if e is None and len(change.shape) == 2 and answer.shape == change.shape:
                e = apply("tr", _product(transposed(self._shown(answer)), change))
            elif e is None:
                e = paired(self._shown(answer), change)
        if e is not None and not _same(e, self.before):
            self._add(e, None)

    @property
    def wrt_scalar(self) -> bool:
        """True when the variable is a number."""
        return is_scalar(self.stage.wrt.shape)

    def identification(self) -> str:
        """Why the derivative can be read off."""
        x, f = self.stage.wrt, self.stage.target.name
        letters = ("J" if self.stage.outer else "G", *"MNRS")
        g = next((c for c in letters if c not in self.names), letters[0])
        if self.wrt_scalar:
            return f"`d{f}` is linear in `d{x.name}`; its factor is the derivative."
        if self.stage.outer:
            return f"If `d{f} = {g}*d{x.name}` for every `d{x.name}`, then `{g}` is the derivative."
        pair = f"{g}'*d{x.name}"
        pair = f"tr({pair}) = sum({g}.*d{x.name})" if len(x.shape) == 2 else pair
        return f"If `d{f} = {pair}` for every `d{x.name}`, then `{g}` is the gradient."

    def vec_steps(self) -> list[Step]:
        """vec(dF) = J vec(dX) where the derivative has more than two axes."""
        if not isinstance(self.answer, Tensor) or self.before is None:
            return []
        form = vec_form(self.answer, self.stage.outer)
        if form is None or any(is_(n, "einsum") for n in walk(form)):
            return []
        right = apply("mul", self._shown(form), _vec(self.change(self.stage.wrt)))
        reason = "`vec(A*X*B) = kron(B', A)*vec(X)`, columns stacked."
        return [Step(_vec(self.root), right, "vec", reason, "Magnus & Neudecker, ch. 2.4")]


def _vec(e: Expr) -> Expr:
    return apply("vec", e) if len(long_axes(e.shape)) == 2 else e


def _product(a: Expr, b: Expr) -> Expr:
    factors = a.args if is_(a, "mul") else (a,)
    return apply("mul", *factors, b)


def _axes(v: Expr) -> Indices:
    found: Indices | None = v.cache.get("axes")
    if found is None:
        found = v.cache["axes"] = axes_of(v.shape)
    return found


def _over(share: Tensor, v: Expr) -> list[Term]:
    mapping = dict(zip(share.axes, _axes(v), strict=True))
    return [renamed(t, mapping) for t in share.terms]


def _same(a: Expr, b: Expr) -> bool:
    return a is b or (tokens(a) == tokens(b) and _marks(a) == _marks(b))


def _marks(e: Expr) -> list[str]:
    return sorted(re.findall(r"'|\.\*|\./", text(e)))
