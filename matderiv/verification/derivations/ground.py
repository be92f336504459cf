"""What a derivation is judged by: the true value of every quantity, and verdicts on claims.

Equality and differentials are put as questions to `verify_asked`, so they rest on values alone.
Where a line uses a differential or a derivative as a symbol (`df = 2*r'*dr`), the engine proposes
its value and that value is verified before it is used.
"""

from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass, field, replace

from matderiv.calculus.derivative import differentiate, resolve_kind
from matderiv.calculus.structure import linear_structure
from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply, number_value, substitute, variable, variables, walk, zeros
from matderiv.input.resolve import Reading
from matderiv.language.printer import text
from matderiv.shapes import Shape, is_scalar, long_axes, shape_text
from matderiv.solving.affine import without_zeros
from matderiv.verification.claims import Asked, claims
from matderiv.verification.derivations.components import component, inverses
from matderiv.verification.derivations.memory import Memory
from matderiv.verification.judging import POINTS, judged
from matderiv.verification.mistakes.diagnosis import part_named
from matderiv.verification.quantities import DERIVATIVE, DIFFERENTIAL, VALUE, Quantity
from matderiv.verification.verdict import DISPROVED, PROVED, UNDECIDED, VERIFIED, Verdict
from matderiv.verification.verifying import verify_asked

STRENGTH = (DISPROVED, UNDECIDED, VERIFIED, PROVED)
BETWEEN = "at equality"  # the scalar t of t*a = t*b: no name that can be typed


@dataclass(frozen=True)
class Side:
    """An expression with symbols in it: `marks` says what each symbol stands for.

    A mark is a quantity, or an expression whose differential is meant. Derivatives of formulas, and
    products of derivatives, are `written` out: they say what a derivative is.
    """

    expr: Expr
    marks: Mapping[Expr, Quantity | Expr]
    notes: tuple[str, ...] = ()
    written: frozenset[Expr] = frozenset()

    def filled(self, values: Mapping[Expr, Expr]) -> Expr:
        """The expression with values in place of symbols."""
        return substitute(self.expr, dict(values)) if values else self.expr


class UnsureError(MatderivError):
    """A quantity whose value could not be verified."""

    code = "unsure"


@dataclass
class Ground:
    """A problem: what its names mean, which variables move, and the conventions.

    `functions` are all definitions by name, written out in the variables, `forms` what else they
    were shown to be, `passing` numbers in one statement that `hidden` names are elsewhere; what is
    `still` is derived by, but does not change in differentials.
    """

    reading: Reading
    functions: MutableMapping[str, Expr]
    moving: Mapping[str, Expr]
    layout: str = "gradient"
    structure: str | None = None
    seed: int = 0
    points: int = POINTS
    memory: Memory = field(default_factory=lambda: Memory())
    forms: dict[str, list[Expr]] = field(default_factory=dict)
    passing: dict[str, Expr] = field(default_factory=dict)
    hidden: dict[str, Expr] = field(default_factory=dict)
    still: Collection[str] = ()

    def __post_init__(self) -> None:
        moving = {name: v for name, v in self.moving.items() if name not in self.still}
        self.changes = {name: change_of(v) for name, v in moving.items()}

    def named(self, e: Expr) -> str:
        """The name of a function that has none of its own: one that cannot be typed."""
        for name, f in self.functions.items():
            if f is e:
                return name
        name = f"formula {len(self.functions)}"
        self.functions[name] = e
        return name

    def passes(self, name: str, shape: Shape = ()) -> Expr:
        """A name that is a number, or an array, in this statement only."""
        x, known = variable(name, shape), self.reading.variables
        if known.get(name) is not x:
            self.passing[name] = x
            self.hidden |= {name: known[name]} if name in known else {}
            self.reading = replace(self.reading, variables={**known, name: x})
        return x

    def put(self, name: str, value: Expr) -> None:
        """Functions that are of a name have what it stands for in its place."""
        before = self.reading.variables.get(name)
        if before is not None and before.shape == value.shape:
            for n, f in self.functions.items():
                self.functions[n] = substitute(f, {before: value})

    @property
    def lasting(self) -> dict[str, Expr]:
        """The names that mean something beyond this statement."""
        names = self.reading.variables
        return {n: v for n, v in names.items() if self.passing.get(n) is not v}

    def passed(self) -> None:
        """A statement is over: names that meant something in it mean what they did before."""
        kept = self.lasting
        if len(kept) < len(self.reading.variables):
            self.reading = replace(self.reading, variables={**kept, **self.hidden})
        self.hidden.clear()

    @property
    def labels(self) -> set[str]:
        """The letters that are one label each: y of -log p_y."""
        nodes = walk(*self.functions.values())
        return {str(n.params[1]) for n in nodes if n.function.name == "unit"}

    def of_another(self, of: str, by: str) -> str:
        r"""The name of \sigma(x), where \sigma is known as \sigma(z) and x is derived by."""
        own = variables(self.functions[of]) if of in self.functions else ()
        if len(own) != 1 or own[0].shape or by in {"", own[0].name, *self.functions}:
            return of
        return self.named(substitute(self.functions[of], {own[0]: self.passes(by)}))

    # True values ---------------------------------------------------------------------------------

    def differential(self, e: Expr) -> Expr:
        """The differential of an expression in the changes of the moving variables."""
        moving = (self.moving[name] for name in self.changes)
        terms = [self._part(e, x) for x in moving if x in set(walk(e))]
        if not terms:
            return zeros(e.shape)
        return terms[0] if len(terms) == 1 else apply("add", *terms)

    def _part(self, e: Expr, x: Expr) -> Expr:
        return self._proposed(self.about(Quantity(DIFFERENTIAL), e, x))

    def along(self, f: Expr, z: Expr, change: Expr) -> Expr:
        """The part of df that comes from a given change of the variable z."""
        asked = self.about(Quantity(DIFFERENTIAL), f, z)
        assert asked.tangent is not None
        return substitute(self._proposed(asked), {asked.tangent: change})

    def derivative(self, q: Quantity) -> Expr:
        """The derivative that a quantity names."""
        f, x = self.sides_of(q)
        return self._back(q, self._proposed(self.about(q, f, x)))

    def entries(self, q: Quantity) -> tuple[Expr, tuple[str, ...]]:
        """A derivative by its entries: an axis for each index, then what has none; the indices."""
        return component(self.derivative(q.whole), q, self._axes(q))

    def entries_shape(self, q: Quantity) -> Shape:
        """The shape of the entries that are meant."""
        f, x = self.sides_of(q.whole)
        outer = tuple(f.shape[k] for k in long_axes(f.shape))
        whole = variable("whole", outer + x.shape * q.order)
        return component(whole, q, self._axes(q))[0].shape

    def _axes(self, q: Quantity) -> tuple[int, int]:
        f, x = self.sides_of(q.whole)
        return len(long_axes(f.shape)), len(x.shape)

    def _proposed(self, asked: Asked) -> Expr:
        """The engine's derivative, after values of f have confirmed it."""
        key = (asked.f, asked.wrt, asked.kind, asked.order, asked.tangent)
        known = self.memory.derivatives
        if key not in known:
            found = differentiate(asked.f, asked.wrt, asked.kind, asked.order, structure="none")
            e = found.expr
            if asked.tangent is not None:
                e = substitute(e, {variable(f"d{asked.wrt.name}", asked.wrt.shape): asked.tangent})
            readings = claims(replace(asked, layout="gradient"), e, "")
            if not readings or not judged(readings[0], "none", seed=self.seed).right:
                raise UnsureError("the derivative could not be confirmed by numbers")
            known[key] = e
        return known[key]

    # Questions -----------------------------------------------------------------------------------

    def sides_of(self, q: Quantity) -> tuple[Expr, Expr]:
        """The function and the variable of a derivative; intermediate names become variables."""
        f = self.functions.get(q.of) or self.reading.variables[q.of]
        if q.by in self.passing and self.passing[q.by] in variables(f):
            return f, self.passing[q.by]
        if q.by in self.moving:
            return f, self.moving[q.by]
        if q.by in self.reading.variables:
            return f, self.reading.variables[q.by]
        if (inner := self.functions.get(q.by)) is None:
            raise MatderivError(f"nothing says what {q.by} is", hint=f"a line such as {q.by} = ...")
        x = self._freed(q.by)
        known = {**inverses(inner, x), inner: x}
        written = [substitute(e, known) for e in (f, *self.forms.get(q.of, ()))]
        written = [e for e in written if x in variables(e)]
        if not written:
            raise MatderivError(
                f"{q.of} is not written in terms of {q.by}",
                hint=f"a line such as {q.of} = ... that uses {q.by}",
            )
        own = set(variables(inner))
        return next((e for e in written if not own & {*variables(e)}), written[0]), x

    def is_mixed(self, q: Quantity) -> bool:
        """True where a function uses the name it is derived by, and all that is behind it, at once.

        What has fewer axes than all that is behind it, as a mean has, leaves that alone.
        """
        if q.by not in self.functions:
            return False
        (f, _), inner = self.sides_of(q), self.functions[q.by]
        behind = {*variables(inner)}
        shared = bool(behind) and behind <= {*variables(f)}
        return shared and len(inner.shape) >= min(len(v.shape) for v in behind)

    def _back(self, q: Quantity, e: Expr) -> Expr:
        if q.by not in self.functions:
            return e
        inner = self.functions[q.by]
        return substitute(e, {self._freed(q.by): inner})

    def _freed(self, name: str) -> Expr:
        """A name with a definition as a variable."""
        return part_named(name, self.functions[name])

    def about(self, q: Quantity, f: Expr, x: Expr) -> Asked:
        """The question for the differential or a derivative of f by x."""
        if q.kind == DIFFERENTIAL:
            change = self.changes.get(x.name) or change_of(x)
            return Asked(f, x, "differential", 1, "gradient", None, self.reading, tangent=change)
        kind, order = resolve_kind(f, None, q.order)
        rows = q.turned and is_scalar(f.shape) and self.layout == "gradient"
        layout = "numerator" if rows else self.layout
        return Asked(f, x, kind, order, layout, self.structure, self.reading)

    def question(self, q: Quantity) -> Asked | None:
        """The one question behind a quantity; None where there are several or other ones."""
        if q.kind == DERIVATIVE and q.by not in self.functions:
            return self.about(q, *self.sides_of(q))
        if q.kind == DIFFERENTIAL and q.order == 1 and len(self.moving) == 1:
            return self.about(q, self.functions[q.of], next(iter(self.moving.values())))
        return None

    # Verdicts ------------------------------------------------------------------------------------

    def verdict(self, q: Quantity, e: Expr, *, diagnosis: bool = True) -> Verdict:
        """Whether an expression is what a quantity names."""
        if q.kind == DERIVATIVE:
            f, x = self.sides_of(q)
            if q.by in self.functions:
                return self._inner(q, e, diagnosis)
            return self._asked(self.about(q, f, x), e, diagnosis)
        if q.kind == VALUE:
            return self.equal(self.functions[q.of], e, diagnosis=diagnosis)
        f = self.functions[q.of]
        if q.order == 1:
            return self.total(f, e, diagnosis=diagnosis)
        if len(self.moving) != 1:
            raise MatderivError("second differentials are read for one variable", hint="wrt")
        return self.total(self.differential(f), e, diagnosis=diagnosis)

    def _inner(self, q: Quantity, e: Expr, diagnosis: bool) -> Verdict:
        """The verdict on ∂f/∂z for a name z: with z as a variable, or at z = its definition."""
        f, z = self.sides_of(q)
        inner = self.functions[q.by]
        freed = substitute(e, {inner: z})
        final = not {*variables(inner)} & {*variables(freed)}
        parts = tuple((name, substitute(e, {inner: z})) for name, e in self.reading.parts)
        asked = replace(self.about(q, f, z), reading=replace(self.reading, parts=parts))
        direct = self._asked(asked, freed, diagnosis and final)
        if direct.correct or final:
            return direct
        return self.equal(self.derivative(q), e, diagnosis=diagnosis)

    def total(self, f: Expr, e: Expr, *, diagnosis: bool = True) -> Verdict:
        """Whether an expression is the differential of f: for each moving variable by itself."""
        changes = {c: zeros(c.shape) for c in self.changes.values()}
        found, parts = [], []
        for name, change in self.changes.items():
            x, others = self.moving[name], {c: z for c, z in changes.items() if c is not change}
            part = without_zeros(substitute(e, others)) if others else e
            parts.append(part)
            if others and change not in set(walk(e)) and x in set(walk(f)):
                right = text(self._part(f, x))
                said = f"The part with {change.name} is missing: {right}."
                return Verdict(DISPROVED, "missing-term", said)
            found.append(self._asked(self.about(Quantity(DIFFERENTIAL), f, x), part, diagnosis))
        if not found:
            raise MatderivError("nothing says which variables change", hint="wrt, or a line ∂f/∂x")
        worst = min(found, key=lambda v: STRENGTH.index(v.verdict))
        if len(found) > 1 and worst.correct:
            whole = self.equal(apply("add", *parts), e, diagnosis=False)
            if not whole.correct:
                return replace(whole, message="this is not linear in the changes")
        return worst

    def equal(self, a: Expr, b: Expr, *, diagnosis: bool = True) -> Verdict:
        """Whether two expressions are equal: whether t*b is what t*a is, for every t."""
        if a is b or (number_value(a) == 0 and number_value(b) == 0):
            return Verdict(PROVED, message="the same expression")
        a = zeros(b.shape) if number_value(a) == 0 and not a.shape else a  # a plain 0
        if not _alike(a, b):
            said = f"this is {shape_text(b.shape)}, where {shape_text(a.shape)} is expected"
            return Verdict(DISPROVED, "shape", said)
        t = variable(BETWEEN)
        kind = "gradient" if is_scalar(a.shape) else "jacobian"
        asked = Asked(t * a, t, kind, 1, "gradient", None, self.reading)
        return self._asked(asked, b, diagnosis)

    def _asked(self, asked: Asked, e: Expr, diagnosis: bool) -> Verdict:
        names = {v.name: v for v in variables(asked.f, e)}
        reading = replace(asked.reading, variables={**asked.reading.variables, **names})
        asked = replace(asked, reading=reading)
        question = (asked.f, asked.wrt, asked.kind, asked.order, asked.layout, asked.structure)
        key, how = (*question, asked.tangent, e), {"seed": self.seed, "points": self.points}
        found = self.memory.verdicts
        if key not in found:
            found[key] = verify_asked(asked, e, **how, diagnosis=False)
        if found[key].correct is not False or not diagnosis:
            return found[key]
        explained = (*key, "explained")
        if explained not in found:
            found[explained] = verify_asked(asked, e, **how, diagnosis=True)
        return found[explained]

    def paired(self, q: Quantity, e: Expr) -> Expr | None:
        """The differential that a derivative stands for: sum(G.*dX), J*dx, dx'*H*dx; or None.

        Only where there is one moving variable.
        """
        if q.kind == DIFFERENTIAL:
            return e
        if q.kind != DERIVATIVE or q.by not in self.changes or len(self.changes) != 1:
            return None
        f, change = self.functions[q.of], self.changes[q.by]
        if q.order == 2:
            square = is_scalar(f.shape) and e.shape == change.shape * 2 and len(e.shape) == 2
            return change.T @ e @ change if square else None
        if is_scalar(f.shape):
            for g in (e, e.T):
                if g.shape == change.shape:
                    product = g * change
                    return apply("sum", product, params=(None,)) if g.shape else product
            return None
        flat = len(long_axes(f.shape)) == 1 and len(change.shape) == 1
        fits = flat and len(e.shape) == 2 and e.shape[1] == change.shape[0]
        return e @ change if fits else None


def _alike(a: Expr, b: Expr) -> bool:
    """True if the shapes are the same up to axes of size 1, or b is a plain 0."""
    long = [[e.shape[k] for k in long_axes(e.shape)] for e in (a, b)]
    return long[0] == long[1] or number_value(b) == 0


def change_of(x: Expr) -> Expr:
    """The change dX of a variable: as general as the changes within its linear space."""
    space = linear_structure(x) if len(x.shape) == 2 else None
    return variable(f"d{x.name}", x.shape, () if space is None else (space,))
