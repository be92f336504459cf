"""A scalar and its gradients together: one forward pass, one backward pass, compiled or as code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from matderiv.arguments import in_short, variables_in
from matderiv.calculus.several import Backward, gradients
from matderiv.calculus.structure import numeric_projection
from matderiv.doors.check import gradient_reports, require_truth
from matderiv.doors.derive import Assume
from matderiv.errors import MatderivError, ShapeError
from matderiv.expr import Expr, apply, is_, substitute, variables
from matderiv.input.asking import Question, understood, upstream_of, variable_of
from matderiv.language.printer import text
from matderiv.numeric.check import check_question, undecided
from matderiv.numeric.indeterminate import at_edges, may_fail
from matderiv.numeric.interpret import interpreted
from matderiv.numeric.question import DirectionQuestion
from matderiv.numeric.report import CheckReport
from matderiv.numeric.small_sizes import too_large
from matderiv.numeric.subgradients import Subject, ties_shared
from matderiv.output.code.program import LONGEST_QUOTED, code
from matderiv.output.code.writer import Heading
from matderiv.programs.building import program
from matderiv.programs.compiled import Compiled
from matderiv.programs.program import Program
from matderiv.shapes import is_scalar, shape_text
from matderiv.views.intermediates import value_names
from matderiv.work import A_VERB, bounded


@dataclass(frozen=True, repr=False)
class ValueAndGradients:
    """A scalar `f` and its gradients by the variables `wrt`, computed together.

    Called with values, as a mapping or as keywords, it gives the value and the list of gradients,
    each in the shape of its variable. `backward` holds the formulas: the adjoints that have names,
    and the gradients. `seeded` is (F, G) where f is the inner product of an F that is no scalar
    with the gradient G that arrives there. `checked` has a report for each gradient.
    """

    f: Expr
    wrt: tuple[Expr, ...]
    backward: Backward
    single: bool = False
    notes: tuple[str, ...] = ()
    seeded: tuple[Expr, Expr] | None = None
    structure: str = "projected"
    checked: Mapping[str, CheckReport] = field(default_factory=dict)

    def __call__(self, values: Mapping[str, Any] | None = None, /, **named: Any) -> tuple[Any, Any]:
        """The value and the gradients at some values; sizes bind from the arrays.

        A list of gradients for a list of variables, else the one gradient.

        Raises UnknownName, ShapeError, DomainError, LimitError.
        """
        found = self.compiled(values, named)
        return found[0], found[1] if self.single else found[1:]

    def __repr__(self) -> str:
        by = ", ".join(x.name for x in self.wrt)
        said = f" ({self.doubt})" if self.doubt else ""
        return f"<value and gradients of {in_short(text(self.f))} by {by}{said}>"

    @property
    def doubt(self) -> str:
        """What the checks at birth could not decide; nothing where they could."""
        left: dict[str, list[str]] = {}
        for name, report in self.checked.items():
            if not report.ok:
                left.setdefault(", ".join(report.notes[:2]), []).append(name)
        return "; ".join(f"by {in_short(', '.join(n))}: undecided, {w}" for w, n in left.items())

    @cached_property
    def compiled(self) -> Compiled:
        """The compiled program: value first, then the gradients."""
        return self._in("float64")

    def function(self, dtype: str = "float64") -> Callable[..., tuple[Any, Any]]:
        """The same as a function that computes in another type of numbers.

        >>> both = value_and_gradients("norm2(x)^2", "x").function("float32")
        >>> both(x=[3, 4])
        (np.float32(25.0), array([6., 8.], dtype=float32))
        """
        compiled = self._in(dtype)

        def called(values: Mapping[str, Any] | None = None, /, **named: Any) -> tuple[Any, Any]:
            found = compiled(values, named)
            return found[0], found[1] if self.single else found[1:]

        return called

    def _in(self, dtype: str) -> Compiled:
        back = self.backward
        fails = may_fail(back.f, *(a.value for a in back.adjoints), *back.gradients)
        other = fails and self._formulas(careful=True) != self._formulas()
        careful = partial(self.program, careful=True) if other else None
        return Compiled(self.program, careful=careful, dtype=dtype)

    @cached_property
    def value(self) -> Compiled:
        """The compiled program of the value alone."""
        f, inputs = self.backward.f, variables(self.f, *self.wrt)
        edges = at_edges(f, self._subject)
        return Compiled(
            lambda sizes: program((f,), inputs=inputs, sizes=sizes),
            careful=lambda sizes: program((edges,), inputs=inputs, sizes=sizes),
        )

    @cached_property
    def _subject(self) -> Subject:
        names = {a.variable: a.value for a in self.backward.adjoints}
        return Subject((self.f, self.backward.f), frozenset(self.wrt), names=names)

    def check(self, *, points: int = 8, seed: int = 0) -> dict[str, CheckReport]:
        """The compiled gradients compared with differences of f, a report for each variable."""
        return {x.name: self._checked(k, points, seed) for k, x in enumerate(self.wrt)}

    def _checked(self, k: int, points: int, seed: int = 0) -> CheckReport:
        x = self.wrt[k]
        question = DirectionQuestion(
            self.f,
            (x,),
            lambda values, sizes: self._gradients(values, sizes)[k],
            project=numeric_projection(x, self.structure, 1),
        )
        return check_question(question, variables(self.f, *self.wrt), points=points, seed=seed)

    def truthful(self) -> ValueAndGradients:
        """The same with the reports of its checks at birth; UntrueResult where f contradicts."""
        if reason := too_large(self.f, *self.backward.gradients):
            return replace(self, checked={x.name: undecided(reason) for x in self.wrt})
        reports = gradient_reports(self.f, self.wrt, self._gradients, self.structure)
        for k, x in enumerate(self.wrt):
            if reports[x.name].verdict == "disproved":
                reports[x.name] = self._checked(k, 4)
                require_truth(reports[x.name], f"the gradient by {x.name}")
        return replace(self, checked=reports)

    def _gradients(self, values: Mapping[str, Any], sizes: Mapping[str, int]) -> list[Any]:
        return list(self.compiled({**sizes, **values})[1:])

    def code(self, target: str = "numpy", dtype: str = "float64") -> str:
        """The source of a function `value_and_gradients` for one of TARGETS; `dtype` for NumPy.

        >>> print(value_and_gradients("a^2*b", ["a", "b"]).code().splitlines()[3])
        def value_and_gradients(a, b):
        """
        names = [x.name for x in self.wrt]
        told = value_names(self.f, self.wrt, {v.name for v in variables(self.f)})
        if self.seeded is not None:
            inner, upstream = self.seeded
            says = [f"The gradients by {', '.join(names)}, where {upstream.name} is that by f."]
            says += [f"f = {text(inner)}"] if inner.weight <= LONGEST_QUOTED else []
            results = tuple(f"grad_{name}" for name in names)
            heading = Heading("vjp", tuple(says), results, values=told)
            return code(self.program(value=False, careful=True), target, heading, dtype)
        by = f"its gradient{'s' if len(names) > 1 else ''} by {', '.join(names)}"
        says = [f"The value of a scalar and {by}."]
        if self.f.weight <= LONGEST_QUOTED:
            says.append(f"f = {text(self.f)}")
        says += [self.doubt] if self.doubt else []
        results = ("value", *(f"grad_{name}" for name in names))
        name = "value_and_gradient" if self.single else "value_and_gradients"
        heading = Heading(name, tuple(says), results, not self.single, told)
        return code(self.program(careful=True), target, heading, dtype)

    def program(
        self, sizes: Mapping[str, int] | None = None, *, value: bool = True, careful: bool = False
    ) -> Program:
        """The program, its products in the order that is best for some sizes.

        Without `value` it computes the gradients alone. A `careful` program has the limits at the
        points where a formula is 0/0.
        """
        roots, named = self._formulas(careful)
        shapes = ((), *(x.shape for x in self.wrt))
        return program(
            roots if value else roots[1:],
            shapes=shapes if value else shapes[1:],
            inputs=variables(self.f, *self.wrt),
            named=named,
            parameters=self.wrt,
            sizes=sizes,
        )

    def _formulas(self, careful: bool = False) -> tuple[list[Expr], list[tuple[Expr, Expr, Expr]]]:
        """The value and the gradients, and the adjoints that have names, as they are computed."""
        back = self.backward
        inline = _growing(back)

        def made(e: Expr) -> Expr:
            shared = ties_shared(substitute(e, inline), self._subject)
            return at_edges(shared, self._subject) if careful else shared

        named = [a for a in back.adjoints if a.variable not in inline]
        roots = list(map(made, (back.f, *back.gradients)))
        return roots, [(a.variable, made(a.value), a.node) for a in named]


def _growing(back: Backward) -> dict[Expr, Expr]:
    """The adjoints that hold exponentials, written out: they have to meet others to stay finite.

    A name for 1/(exp(x) + 1)^2 would be 0 where exp(x) overflows, whatever it is multiplied by.
    """
    found: dict[Expr, Expr] = {}
    grows: dict[Expr, bool] = {}

    def growing(n: Expr) -> bool:
        return n in found or is_(n, "exp", "cosh", "sinh") or any(grows[a] for a in n.args)

    for a in back.adjoints:
        if interpreted(a.value, grows, lambda n: n.args, growing):
            found[a.variable] = substitute(a.value, found)
    return found


@bounded(A_VERB)
def value_and_gradients(
    f: Any,
    wrt: Any,
    *,
    shapes: Mapping[str, Any] | None = None,
    assume: Assume | None = None,
    structure: str = "projected",
    check: bool = True,
) -> ValueAndGradients:
    """A scalar and its gradients by several variables, sharing forward and backward pass.

    `f`, `shapes`, `assume`, `structure` and `check` are as for `derive`; `wrt` is a variable or a
    list, as "W, b" is too; a list gives a list of gradients.
    Raises ShapeError where f is not a scalar, UntrueResult where values of f contradict a gradient.

    >>> both = value_and_gradients("norm2(X*w + b - y)^2", ["w", "b"], shapes={"b": ""})
    >>> value, (by_w, by_b) = both(X=[[1, 2], [3, 4]], w=[1, 0], b=0.5, y=[1, 1])
    >>> float(value), by_w.tolist(), float(by_b)
    (6.5, [16.0, 22.0], 6.0)
    """
    asked = understood(f, shapes, assume, wrt)
    if not is_scalar(asked.f.shape):
        raise ShapeError(
            f"gradients need a scalar, the expression is {shape_text(asked.f.shape)}",
            hint="sum(...) or mean(...) of the expression",
        )
    return _swept(asked, wrt, asked.f, None, structure, check)


def _swept(
    asked: Question, wrt: Any, f: Expr, seeded: Any, structure: str, check: bool
) -> ValueAndGradients:
    """The gradients of f by the variables, each once, and what was guessed."""
    names, several = variables_in(wrt)
    by = tuple(variable_of(asked.f, asked.reading, w) for w in names)
    if len(set(by)) < len(by):
        raise MatderivError("a variable is named twice")
    notes = tuple(asked.reading.notes) if asked.reading else ()
    back = gradients(f, by, structure)
    found = ValueAndGradients(f, by, back, not several, notes, seeded, structure)
    return found.truthful() if check else found


value_and_grad = value_and_gradients
"""The name that other libraries have for it."""


@bounded(A_VERB)
def pullbacks(
    f: Any,
    wrt: Any,
    *,
    shapes: Mapping[str, Any] | None = None,
    assume: Assume | None = None,
    structure: str = "projected",
    upstream: str = "G",
    check: bool = True,
) -> ValueAndGradients:
    """What arrives at several variables when the gradient by an expression of any shape is G.

    They are the gradients of the inner product of G and f, whose code leaves that number out.

    >>> layer = pullbacks("W*x + b", "W, x", shapes={"b": "m"})
    >>> _, (by_W, by_x) = layer(W=[[1, 2]], x=[3, 4], b=[0], G=[1])
    >>> by_W.tolist(), by_x.tolist()
    ([[3.0, 4.0]], [1.0, 2.0])
    """
    asked = understood(f, shapes, assume, wrt)
    G = upstream_of(asked.f, asked.reading, upstream)
    column = apply("transpose", asked.f) if G.shape != asked.f.shape else asked.f
    whole = apply("sum", apply("hadamard", G, column), params=(None,))
    return _swept(asked, wrt, whole, (asked.f, G), structure, check)
