"""What all views share: names, pieces, the lines that read the expression, and the last lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from matderiv.calculus.derivative import FORWARDS, derivative_anywhere
from matderiv.calculus.recognise import prepare
from matderiv.calculus.structure import linear_structure
from matderiv.choosing.parts import name_parts
from matderiv.choosing.placed import stacked
from matderiv.choosing.polish import with_differences
from matderiv.choosing.sums import raise_tensor
from matderiv.expr import Expr, apply, contains, dependents, substitute, variable, variables, walk
from matderiv.shapes import is_scalar, long_axes, shape_text
from matderiv.tensors.tensor import Tensor, index_letters
from matderiv.views.components import in_reading_order
from matderiv.views.document import About, Derived, Form, NamedValue, Partial, Section, Side, Step
from matderiv.views.intermediates import MARK, Intermediate, function_name, pieces
from matderiv.views.pairings import plain
from matderiv.views.reasons import code, rule_name, says, why
from matderiv.words.chains import symmetric

FORWARD_MODE = FORWARDS
LONG, LONGEST = 36, 300  # longer lines between are left out, longer results not compared


@dataclass(frozen=True)
class Stage:
    """One differentiation: the function under its name, its pieces, and what stands above it.

    `shown` is the expression as typed, `prepared` as it is differentiated. `target` is what is
    differentiated in the end: the function itself, or for a vjp the scalar L whose gradient by the
    function is the upstream. `others` are variables that share the pass with `wrt`.
    """

    called: Expr
    shown: Expr
    prepared: Expr
    wrt: Expr
    pieces: tuple[Intermediate, ...]
    symbols: tuple[NamedValue, ...]
    target: Expr
    upstream: Expr | None
    outer: int
    others: tuple[Expr, ...] = ()

    @property
    def variables(self) -> tuple[Expr, ...]:
        """The variable, and those that share the pass with it."""
        return (self.wrt, *self.others)

    def with_pieces(self, cut: tuple[Intermediate, ...], others: Sequence[NamedValue]) -> Stage:
        """The same stage over other pieces; `others` are its symbols that are no pieces."""
        own = tuple(NamedValue(p.variable, "value", p.definition) for p in cut[:-1])
        last = [replace(s, of=cut[-1].definition) for s in others if s.variable is self.called]
        rest = [s for s in others if s.variable is not self.called]
        return replace(self, pieces=cut, symbols=(*own, *last, *rest))

    @cached_property
    def backwards(self) -> tuple[Intermediate, ...]:
        """The pieces, each after all that use it; of several the one that stands first in f."""
        users = Counter(v for p in self.pieces for v in p.inputs)
        left = list(self.pieces)
        found: list[Intermediate] = []
        while left:
            at = next(k for k, p in enumerate(left) if not users[p.variable])
            found.append(left.pop(at))
            users.subtract(found[-1].inputs)
        return tuple(found)

    @cached_property
    def locals(self) -> dict[tuple[Expr, Expr], Tensor]:
        """Local derivatives that were found, by piece and input."""
        return {}

    @cached_property
    def values(self) -> dict[Expr, Expr]:
        """The definitions of intermediates that their own derivatives are written with."""
        found: dict[Expr, Expr] = {}
        for p in self.pieces[:-1]:
            e = p.definition
            if p.main is not e or e.function.kind not in ("elementwise", "primitive"):
                continue
            found[e] = p.variable
            if e.function.kind == "elementwise" and len(e.args) == 1 and e.shape:
                found[apply(e.function.name, e.args[0].T)] = p.variable.T
        return found


def names_in_use(d: Derived) -> set[str]:
    """The names of the user, of the change of the variable, and of the parts of the result."""
    parts = name_parts(d.displayed, d.names)[1]
    return {*d.names, d.wrt.name, f"d{d.wrt.name}", *(name for name, _ in parts)}


def stages(found: Sequence[Derived]) -> list[Stage]:
    """One stage per order, the second of which differentiates what the first one found.

    Gradients of one function that are `shared` have one stage.
    """
    d, *more = found
    taken = set().union(*map(names_in_use, found))
    current, told = d.f, []
    for k in range(d.order):
        called = variable(function_name(taken), current.shape)
        told.append(_stage(d, current, called, taken, tuple(e.wrt for e in more)))
        if k + 1 < d.order:
            current = derivative_anywhere(d.f, d.wrt, k + 1, structure=d.structure)
    return told


def shared(found: Sequence[Derived]) -> bool:
    """True if gradients of one function by several variables are told as one derivation.

    Not where f is no number and has no upstream, nor where a long spelling is read as a known
    function for one variable and not for another.
    """
    kinds = {(d.kind, d.layout, d.order) for d in found}
    alike = kinds <= {("gradient", "gradient", 1)} or kinds <= {("vjp", "gradient", 1)}
    if len(found) < 2 or not alike or any(d.whole is not None or projected(d) for d in found):
        return False
    prepared = {prepare(d.f, d.wrt) for d in found}
    return len(prepared) == 1 and bool(dependents(*prepared, *(d.wrt for d in found)))


def _stage(d: Derived, f: Expr, called: Expr, taken: set[str], others: tuple[Expr, ...]) -> Stage:
    prepared = prepare(f, d.wrt)
    cut = tuple(pieces(prepared, (d.wrt, *others), called, taken))
    symbols = [NamedValue(p.variable, "value", p.definition) for p in cut[:-1]]
    symbols.append(NamedValue(called, "value", cut[-1].definition if cut else prepared, f))
    target, outer = called, len(long_axes(f.shape))
    if d.upstream is not None:
        target = variable(function_name(taken, "Lhq"))
        g = d.upstream if d.upstream.shape == f.shape else d.upstream.T
        if is_scalar(f.shape):
            g = d.upstream
        paired = apply("sum", apply("hadamard", g, called), params=(None,))
        symbols.append(NamedValue(target, "value", paired))
        outer = 0
    told = tuple(symbols)
    return Stage(called, f, prepared, d.wrt, cut, told, target, d.upstream, outer, others)


# The lines before -------------------------------------------------------------------------------


def reading_steps(stage: Stage) -> tuple[Step, ...]:
    """Known spellings read out of long ones, and definitions written out, each as a line.

    Blocks are not: each stands in its place.
    """
    changed = _changed(stage.shown, stage.prepared, stage.wrt)
    return tuple(_reading(a, b) for a, b in changed if stacked(b) is not a)


def _changed(before: Expr, after: Expr, wrt: Expr) -> list[tuple[Expr, Expr]]:
    """The smallest parts that differ and are equal in value, each once.

    softmax(z - mean(z)) = softmax(z) says nothing of z - mean(z).
    """
    found: dict[tuple[Expr, Expr], None] = {}
    todo = [(before, after)]
    while todo:
        a, b = todo.pop()
        if a is b:
            continue
        inner = list(zip(a.args, b.args, strict=False))
        alike = a.function is b.function and a.params == b.params and len(a.args) == len(b.args)
        if alike and all(prepare(x, wrt) is y for x, y in inner):
            todo += reversed(inner)
        else:
            found[a, b] = None
    return list(found)


def _reading(before: Expr, after: Expr) -> Step:
    if before.function.kind == "shorthand":
        return Step(before, after, "definition", says(before.function), before.function.source)
    return Step(before, after, "known function", source=before.function.source)


def step_of(piece: Intermediate, left: Side, right: Form) -> Step:
    """A line that holds by the rule of a piece."""
    by = left.by if isinstance(left, Partial) else None
    return Step(left, right, rule_name(piece, by), why(piece, by), piece.main.function.source)


def forward_section(stage: Stage) -> Section:
    """The intermediates in order of computation, each with its shape."""
    steps = (
        replace(
            step_of(p, p.variable, stacked(p.definition)),
            shape=p.variable.shape,
            lets=p is not stage.pieces[-1],
        )
        for p in stage.pieces
    )
    return Section("Forward pass", tuple(steps))


# The lines after ----------------------------------------------------------------------------------


def side_of(tensor: Tensor, *, broadcast: bool) -> Form:
    """A sum of index products in matrix notation where it has one."""
    if len(tensor.axes) > 2:
        terms = tuple(sorted(tensor.terms, key=lambda t: t.coefficient < 0))
        return in_reading_order(Tensor(tensor.axes, terms))
    e = with_differences(raise_tensor(tensor, broadcast))
    return tensor if contains(e, "einsum") and len(tensor.axes) > 1 else e


def written_out(e: Expr, meanings: dict[Expr, Expr]) -> Expr:
    """The expression with every name of the derivation replaced by what it stands for."""
    while any(v in meanings for v in variables(e)):
        e = substitute(e, meanings)
    return e


def projected(d: Derived) -> str:
    """How the derivative is brought into the space of a structured variable; "" for no space."""
    space = linear_structure(d.wrt) if d.structure != "none" else None
    return d.structure if space is not None and len(d.wrt.shape) == 2 else ""


def tokens(e: Expr, *signs: str) -> Counter[str]:
    """Names, numbers and functions as often as they are printed, of the operators `signs` alone.

    They are equal for a mere rearrangement.
    """
    times = Counter({e: 1})
    found: Counter[str] = Counter()
    for node in reversed(list(walk(e))):
        for a in node.args:
            times[a] += times[node]
        own = node.function.name
        if node.function.leaf or node.function.call != "operator" or own in signs:
            found[f"{own} {node.params}"] += times[node] * max(1, len(node.args) - 1)
    return found


def _names(found: Mapping[str, int]) -> dict[str, int]:
    """What is counted, without numbers."""
    return {k: n for k, n in found.items() if not k.startswith("number ")}


def last_steps(d: Derived, stage: Stage, found: Form, meanings: dict[Expr, Expr]) -> list[Step]:
    """From the derivative over the named intermediates to the result as it is printed."""
    if d.kind in FORWARD_MODE:
        return [Step(change_of(stage.called), d.displayed, "change")]
    left = Partial(stage.target, stage.wrt)
    structured = bool(projected(d))
    turned = d.has_matrix_form and d.in_its_layout is not d.expr
    final = d.expr if turned else d.displayed if d.has_matrix_form else d.derivative.tensor
    steps: list[Step] = []
    space = linear_structure(d.wrt) if d.structure == "projected" else None
    kept = space == "symmetric" and isinstance(found, Expr) and symmetric(found)
    if ((structured and not kept) or turned) and isinstance(found, Expr):
        whole = plain(written_out(found, meanings), ())
        if whole is not found:
            steps.append(Step(left, whole, "substitute back", before=found))
        found = whole
    if structured:
        left = Partial(stage.target, stage.wrt, projected=d.structure)
        steps.append(_projection_step(d, left, final, kept=kept))
    elif not stage.pieces:
        reason = f"{code(stage.called.name)} does not depend on {code(d.wrt.name)}."
        steps.append(Step(left, final, "constant", reason))
    elif found is not final or not turned:
        steps += _substituted(stage, left, found, final, meanings)
    if turned:
        steps.append(Step(replace(left, turned=True), d.displayed, f"{d.layout} layout"))
    return steps


def _projection_step(d: Derived, left: Partial, final: Form, *, kept: bool) -> Step:
    space, x = linear_structure(d.wrt), code(d.wrt.name)
    if kept and space == "symmetric":
        reason = f"{x} is symmetric, and so is the derivative: projecting it changes nothing."
    elif d.structure == "projected":
        reason = f"{x} is {space}: the unconstrained derivative is projected on {space} matrices."
    else:
        reason = f"{x} is {space}: only its free entries change."
    return Step(left, final, f"{space} variable", reason, "Magnus & Neudecker, ch. 3")


def _substituted(
    stage: Stage, left: Partial, found: Form, final: Form, meanings: dict[Expr, Expr]
) -> list[Step]:
    """The result as it is printed; before it over the values on the way, where it gets shorter."""
    roots = [found] if isinstance(found, Expr) else [f.expr for t in found.terms for f in t.factors]
    named = any(v in meanings for v in variables(*roots))
    rule = "substitute back" if named else "simplify"
    before: list[Step] = []
    if named and found is not final and isinstance(found, Expr) and isinstance(final, Expr):
        last = found
        short = final.weight < LONGEST
        told, wanted = (tokens(written_out(found, meanings)), tokens(final)) if short else ({}, {})
        if told != wanted or not short:
            values = {p.variable for p in stage.pieces if p.variable.name[0] != MARK}
            over = {v: e for v, e in meanings.items() if v not in values}
            if _names(told) != _names(wanted):
                last = plain(written_out(found, over), ())
            rule = "substitute back and simplify"
        if last is not found and last.weight < LONG and tokens(last) != tokens(found):
            before = [Step(left, last, "substitute back", before=found)]
    above = before[0].right if before else found
    return [*before, Step(left, final, rule, continues=True, before=above)]


def change_of(v: Expr) -> Expr:
    """The name of the change of a variable or an intermediate."""
    return variable(f"d{v.name}", v.shape)


def declarations(d: Derived) -> tuple[Expr, ...]:
    """The user's names: those of the expression, the variable, the upstream and the change."""
    nodes = variables(d.f, d.wrt)
    nodes += [d.upstream] if d.upstream is not None and d.upstream not in nodes else []
    nodes += [v for v in variables(d.expr) if v not in nodes]
    return tuple(nodes)


def about(*found: Derived) -> About:
    """What a page says beside its formulas, of one derivation or of several gradients of one f."""
    first, *more = found
    each = [d.checked.sentence if d.checked else "not checked" for d in found]
    by = [f"by {d.wrt.name} {said}" for d, said in zip(found, each, strict=True)]
    names = tuple(dict.fromkeys(v for d in found for v in declarations(d)))
    notes = (note for d in found for note in d.notes if not note.startswith("taking"))
    return About(
        declarations=names,
        guessed=tuple(v for v in names if any(v.name in d.guessed for d in found)),
        layout="every gradient has the shape of its variable" if more else layout_note(first),
        remarks=tuple(dict.fromkeys(notes)),
        checked="; ".join(by if len(set(each)) > 1 else each[:1]),
    )


def layout_note(d: Derived) -> str:
    """What stands where in the answer, in one sentence."""
    x, shape = d.wrt.name, code(shape_text(d.wrt.shape))
    if d.kind == "vjp":
        return f"the derivative of `L` has the shape of `{x}`: {shape}"
    if d.kind == "gradient" and not d.wrt.shape:
        return "the derivative of a scalar by a scalar"
    if d.kind == "gradient" and d.layout != "numerator":
        return f"the gradient has the shape of `{x}`: {shape}"
    if d.kind == "gradient":
        return f"numerator layout: the derivative is the transpose of the gradient by `{x}`"
    if d.kind in FORWARD_MODE:
        return f"the change of `f` that comes from the change `d{x}`"
    if not d.wrt.shape:
        return f"the derivative of every entry by `{x}`, in the shape of `f`"
    outer, inner = len(long_axes(d.f.shape)), len(long_axes(d.wrt.shape))
    letters = "".join(index_letters(outer + 2 * inner, d.names))
    if d.kind == "hessian":
        at, by = letters[: 2 * inner], (letters[:inner], letters[inner : 2 * inner])
        return f"entry ({_listed(at)}) is the second derivative by `{x}_{by[0]}` and `{x}_{by[1]}`"
    if d.order > 1:
        return f"derivative of order {d.order}, one group of axes for each `{x}`"
    left, right = letters[:outer], letters[outer : outer + inner]
    at = right + left if d.layout == "denominator" else left + right
    return f"entry ({_listed(at)}) is `∂{_entry('f', left)}/∂{_entry(x, right)}`"


def _listed(letters: str) -> str:
    return ", ".join(map(code, letters))


def _entry(name: str, letters: str) -> str:
    return f"{name}_{letters}" if letters else name
