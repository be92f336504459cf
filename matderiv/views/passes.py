"""Derivatives carried through the pieces of a stage, backwards or forwards."""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial

from matderiv.calculus.sweeps import axes_of, pullback, pushforward
from matderiv.choosing.placed import stacked
from matderiv.choosing.sums import raise_tensor
from matderiv.expr import Expr, apply, is_, number, number_value, substitute, variable, variables
from matderiv.language.printer import text
from matderiv.shapes import is_scalar, long_axes, shape_text
from matderiv.tensors.tensor import Factor, Indices, Tensor
from matderiv.views.components import collapsed, in_reading_order, joined, occurrences, over, times
from matderiv.views.document import Form, NamedValue, Partial, Section, Step
from matderiv.views.intermediates import Intermediate, fresh_name, gradient_name
from matderiv.views.reasons import code, rule_name
from matderiv.views.rule_lines import same_words
from matderiv.views.stages import Stage, side_of
from matderiv.words.chains import symmetric, transposed
from matderiv.words.signs import total

DELTA, NOTATION = "sum over a delta", "matrix notation"

FEW = 7  # symbols of a derivative that needs no name where it is given with the question
MAX_CARRIED = 4  # Jacobians with three axes or more and so many terms are carried without a name


def local_tensor(stage: Stage, piece: Intermediate, x: Expr) -> Tensor:
    """∂piece/∂x of one piece, everything else in it fixed."""
    found = stage.locals.get((piece.variable, x))
    if found is None:
        fewer = len(long_axes(x.shape)) < len(long_axes(piece.definition.shape))
        found = (pushforward if fewer else pullback)(piece.definition, x)
        stage.locals[piece.variable, x] = found
    return found


class BackwardPass:
    """The backward pass of a stage: derivatives of the target by every intermediate."""

    letters: tuple[str, str, str] = ("delta", "delta", "delta")  # of scalars, vectors, the rest
    prefix = ""  # before the names of rules

    def __init__(self, stage: Stage, taken: set[str]) -> None:
        self.stage, self.taken = stage, taken
        self.symbols: list[NamedValue] = []
        self.meanings: dict[Expr, Expr] = {}
        self.steps: list[Step] = []
        self.shares: dict[Expr, list[Tensor]] = {}
        self.places: dict[Expr, list[tuple[int, ...]]] = {}
        self.adjoints: dict[Expr, Expr | Tensor | None] = {}
        self.outer: Indices = ()
        self.answers: dict[Expr, Form] = {}
        self._run()

    def section(self) -> Section:
        """The lines of the pass."""
        return Section("Backward pass: upstream times local", tuple(self.steps))

    def _run(self) -> None:
        stage = self.stage
        if stage.upstream is not None and stage.pieces:
            left = Partial(stage.target, stage.called)
            reason = f"{code(stage.upstream.name)} is the gradient that arrives from above."
            self.steps.append(Step(left, stage.upstream, "upstream", reason))
        for piece in stage.backwards:
            root = piece is stage.pieces[-1]
            if not root and piece.variable not in self.shares:
                continue
            adjoint = None if root else self._total(piece.variable, named=True)
            self.adjoints[piece.variable] = adjoint
            for x in piece.inputs:
                self._hand_on(piece, x, adjoint)
            if not root:
                self.meanings[piece.variable] = piece.definition
            self.after(piece)
        for x in (stage.wrt, *stage.others):
            self._total(x, named=False)

    def limit_of(self, x: Expr) -> int:
        """How many symbols the derivative by a value may have without a name."""
        return 0

    def after(self, piece: Intermediate) -> None:
        """Called when a piece has handed everything on."""

    def _hand_on(self, piece: Intermediate, x: Expr, adjoint: Expr | Tensor | None) -> None:
        """Add the shares of one piece to the derivative by x."""
        if self.stage.outer:
            local = local_tensor(self.stage, piece, x)
            above = None if adjoint is None else collapsed(self._above(piece, local, adjoint))
            found = [above or local]
        else:
            upstream = self.stage.upstream if adjoint is None else adjoint
            assert not isinstance(upstream, Tensor)
            found = occurrences(piece.definition, x, upstream)
        kept = [t for t in found if t.terms]
        if len(kept) > 1 and sum(x in p.inputs for p in self.stage.pieces) > 1:
            kept = [joined(kept, kept[0].axes)]
        self._enter(piece, x, kept)

    def _enter(self, piece: Intermediate, x: Expr, found: list[Tensor]) -> int:
        """Put shares of x among the others, in the order of f; the place of the first."""
        above = self.places.get(piece.variable) or [()]
        place = (*above[0], piece.inputs.index(x))
        places, shares = self.places.setdefault(x, []), self.shares.setdefault(x, [])
        at = bisect(places, place)
        places[at:at], shares[at:at] = [place] * len(found), found
        return at

    def _above(self, piece: Intermediate, local: Tensor, adjoint: Expr | Tensor | None) -> Tensor:
        """Upstream times local, nothing contracted."""
        count = len(long_axes(piece.variable.shape))
        at, rest = local.axes[:count], local.axes[count:]
        root = piece is self.stage.pieces[-1]
        above = self.stage.upstream if adjoint is None and root else adjoint
        assert above is not None
        outer = self.outer or axes_of(self.stage.called.shape) if self.stage.outer else ()
        upstream = over(above, outer + at)
        return times(upstream, local, outer + rest, at)

    def _total(self, x: Expr, *, named: bool) -> Expr | Tensor:
        """The derivative by x: its shares added up, under a name of its own."""
        shares = self.shares.get(x, [])
        whole = joined(shares, self._axes(x))
        if not self.outer and self.stage.outer:
            self.outer = whole.axes[: self.stage.outer]
        right = self._seen(whole, x, named=named)
        left = Partial(self.stage.target, x)
        limit = max(self.limit_of(x), FEW if isinstance(right, Expr) and self._given(right) else 0)
        short = isinstance(right, Expr) and right.weight <= limit
        small = isinstance(right, Tensor) and len(right.terms) <= MAX_CARRIED
        carried = small and bool(self.stage.outer)
        name = self._name(x, right) if named and not carried and not short else None
        one = named and isinstance(right, Expr) and number_value(right) == 1
        if not one:  # the gradient by a term of a sum says nothing
            self._write(left, right, shares, x, name)
        if not named:
            self.answers[x] = right
        if name is None:
            return right if isinstance(right, Expr) else whole
        if isinstance(right, Expr):
            self.meanings[name] = right
        elif not self.stage.outer:
            self.meanings[name] = raise_tensor(whole, broadcast=True)
        return name

    def _given(self, e: Expr) -> bool:
        """True for what no value of the derivation is in: a number, an array of the question."""
        plain = not e.shape or is_(_core(e), "ones", "variable")
        moving = {*self.meanings, *self.stage.variables, *(p.variable for p in self.stage.pieces)}
        deltas = {s.variable for s in self.symbols}
        return plain and not any(v in moving or v in deltas for v in variables(e))

    def _seen(self, whole: Tensor, x: Expr, *, named: bool) -> Form:
        """A derivative as it is written; by a row it is a row."""
        made = side_of(merged(whole, self.stage), broadcast=not self.stage.outer)
        row = named and not self.stage.outer and len(x.shape) == 2 and x.shape[0] == 1
        if row and isinstance(made, Expr) and len(made.shape) == 1:
            made = as_row(made)
        made = stacked(made) if isinstance(made, Expr) else made
        return in_names(made, self.stage)

    def _axes(self, x: Expr) -> Indices:
        shape = self.stage.called.shape if self.stage.outer else ()
        return axes_of(shape) + axes_of(x.shape)

    def _name(self, x: Expr, right: Form) -> Expr:
        base = "J" if self.stage.outer else self.letters[min(len(long_axes(x.shape)), 2)]
        shape = right.shape if isinstance(right, Expr) else tuple(i.size for i in right.axes)
        known = isinstance(right, Expr) and len(shape) == 2 and symmetric(right)
        facts = ("symmetric",) if known else ()
        name = variable(fresh_name(gradient_name(base, x.name), self.taken), shape, facts)
        self.symbols.append(NamedValue(name, "derivative", name))
        return name

    def _handed(self, users: list[Intermediate], x: Expr) -> str:
        """Upstream times local, in the names of this place."""
        parts = []
        for p in users:
            local = code(f"∂{p.variable.name}/∂{x.name}")
            above = self._called(p)
            parts.append(f"upstream {code(above)} times the local {local}" if above else local)
        if not parts or (len(users) == 1 and users[0] is self.stage.pieces[-1] and not above):
            return "Nothing stands above the last operation: its own derivative is the gradient."
        turned = "".join(dict.fromkeys(self._turned(p, x) for p in users))
        return f"{code(x.name)} acts through {_list(users)}: {', plus '.join(parts)}.{turned}"

    def _called(self, p: Intermediate) -> str:
        """How the derivative by a piece is called; "" where nothing stands above it."""
        if p is self.stage.pieces[-1]:
            return self.stage.upstream.name if self.stage.upstream is not None else ""
        above = self.adjoints[p.variable]
        if isinstance(above, Expr) and (is_(above, "variable") or number_value(above) == 1):
            return text(above)
        return f"∂{self.stage.target.name}/∂{p.variable.name}"

    def _turned(self, p: Intermediate, x: Expr) -> str:
        """Why a local Jacobian stands transposed in the gradient by a vector."""
        rows = len(long_axes(p.variable.shape))
        if self.stage.outer or rows != 1 or len(x.shape) != 1 or x.shape == (1,):
            return ""
        e = raise_tensor(local_tensor(self.stage, p, x), False)
        if transposed(e) is e or is_(e, "diag"):
            return ""
        above = f"{code(f'∂{p.variable.name}/∂{x.name}')} is {shape_text(e.shape)}"
        return (
            f" {above}, and the sum runs over its rows, the entries of {code(p.variable.name)}: "
            f"so it stands transposed, and the gradient has the shape of {code(x.name)}."
        )

    def _write(
        self, left: Partial, right: Form, shares: list[Tensor], x: Expr, name: Expr | None
    ) -> None:
        """The line for one derivative; with several shares first their sum."""
        users = [p for p in self.stage.pieces if x in p.inputs and p.variable in self.adjoints]
        rule = self.prefix + " + ".join(dict.fromkeys(rule_name(p, x) for p in users))
        reason = self._handed(users, x)
        if not users:
            nothing = f"On every path to {code(x.name)} stands a derivative that is 0."
            rule, reason = "constant", nothing
        source = users[0].main.function.source if users else ""
        entries = self._by_entries(users, x)
        if entries is not None and entries.terms:
            lines = as_entries(left, entries, rule, reason, source)
            if isinstance(right, Tensor) or not right.shape:
                if isinstance(right, Expr):
                    lines[-1] = replace(lines[-1], right=right)
                self.steps += [replace(lines[0], names=name), *lines[1:]]
                return
            self.steps += lines
            rule, reason, source = NOTATION, "", ""
        if len(shares) > 1 and isinstance(right, Expr):
            parts = [raise_tensor(s, broadcast=not self.stage.outer) for s in shares]
            summed = in_names(stacked(total(_loosened(parts))), self.stage)
            if isinstance(summed, Expr) and summed.shape != right.shape:
                summed = as_row(summed)
            if isinstance(summed, Expr) and same_words(summed, right):
                right = summed
            elif summed is not right:
                times = f"{code(x.name)} is used {len(shares)} times (in {_list(users)})"
                reason = f"{times}: the shares add up."
                first = Step(left, summed, rule, reason, source, names=name)
                rest = Step(left, right, "collect", continues=True, before=summed)
                self.steps += [first, rest]
                return
        self.steps.append(Step(left, right, rule, reason, source, names=name))

    def _by_entries(self, users: list[Intermediate], x: Expr) -> Tensor | None:
        """Upstream times local for the entries of a matrix that stands in products of matrices."""
        products = bool(users) and all(is_(p.main, "mul", "inv") for p in users)
        if self.stage.outer or len(long_axes(x.shape)) != 2 or not products:
            return None
        found = []
        for p in users:
            above = self.adjoints[p.variable]
            local = local_tensor(self.stage, p, x)
            alone = above is None and self.stage.upstream is None
            found.append(local if alone else self._above(p, local, above))
        named = in_names(joined(found, self._axes(x)), self.stage)
        return named if isinstance(named, Tensor) else None


def as_entries(left: Partial, raw: Tensor, rule: str, reason: str, source: str = "") -> list[Step]:
    """The line of a derivative by its entries, and the line without deltas where it has some."""
    plain = collapsed(raw)
    chained = in_reading_order(plain)
    if raw.terms == plain.terms:
        return [Step(left, chained, rule, reason, source)]
    first = Step(left, raw, rule, reason, source)
    return [first, Step(left, chained, DELTA, continues=True, before=raw)]


def _core(e: Expr) -> Expr:
    """What stands behind a sign and above a bar."""
    return _core(e.args[0]) if is_(e, "neg", "div") else e


def as_row(e: Expr) -> Expr:
    """The transpose of a vector, taken inside signs, scalars and products by entries.

    >>> u, v = variable("u", (1, 3)), variable("v", (1, 3))
    >>> text(as_row(-(u.T * v.T / 2)))
    '-u.*v/2'
    """
    if is_(e, "neg"):
        return _scaled((number(-1),), as_row(e.args[0]))
    if is_(e, "hadamard", "ediv", "div", "epow", "add"):
        return apply(e.function.name, *(as_row(a) if a.shape else a for a in e.args))
    if is_(e, "mul") and all(is_scalar(a.shape) for a in e.args[:-1]):
        return _scaled(e.args[:-1], as_row(e.args[-1]))
    return transposed(e)


def _scaled(scalars: Sequence[Expr], e: Expr) -> Expr:
    """Scalars times an array, in front of the first factor of products by entries."""
    if is_(e, "hadamard", "ediv", "div"):
        return apply(e.function.name, _scaled(scalars, e.args[0]), *e.args[1:])
    if number_value(scalars[0]) == -1 and len(scalars) == 1:
        return apply("neg", e)
    return apply("mul", *scalars, e)


def merged(tensor: Tensor, stage: Stage) -> Tensor:
    """The terms with values of intermediates under their names, so that equal factors meet."""
    if not stage.values:
        return tensor
    found = tensor.mapped(partial(_factor_in_names, stage.values))
    return collapsed(found)


def in_names(side: Form, stage: Stage) -> Form:
    """The values of intermediates that reappear in a derivative, under their names."""
    if not stage.values:
        return side
    if isinstance(side, Expr):
        return substitute(side, stage.values)
    return side.mapped(partial(_factor_in_names, stage.values))


def _factor_in_names(values: dict[Expr, Expr], f: Factor) -> Factor:
    """An entry with values under their names; a half power of u is a power of sqrt(u)."""
    root = values.get(apply("sqrt", f.expr)) if f.exponent.denominator == 2 else None
    if root is not None and root.shape == f.expr.shape:
        return f._replace(expr=root, exponent=Fraction(f.exponent) * 2)
    return f._replace(expr=substitute(f.expr, values))


def _loosened(parts: list[Expr]) -> list[Expr]:
    """In a sum of arrays 1 u' is the row u', left to broadcasting beside an array of full size."""
    loose = [_broadcast(e) for e in parts]
    return loose if any(a is b for a, b in zip(parts, loose, strict=True)) else parts


def _broadcast(e: Expr) -> Expr:
    if is_(e, "neg"):
        inner = _broadcast(e.args[0])
        return e if inner is e.args[0] else apply("neg", inner)
    if is_(e, "mul") and len(e.args) == 2 and len(long_axes(e.shape)) == 2:
        left, right = e.args
        if is_(left, "ones") and len(left.shape) == 1:
            return right
        if is_(right, "transpose") and is_(right.args[0], "ones"):
            return left
    return e


def _list(users: list[Intermediate]) -> str:
    return " and ".join(code(p.variable.name) for p in users)
