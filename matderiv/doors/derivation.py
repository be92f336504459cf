"""A derivation: a derivative with everything that was agreed about it, and what it can be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from matderiv.arguments import in_short, require_values, require_whole, require_word
from matderiv.calculus.derivative import FORWARDS, Derivative
from matderiv.calculus.structure import linear_structure
from matderiv.choosing.parts import SHORT, name_parts, with_parts
from matderiv.doors import shown
from matderiv.errors import NoMatrixForm, UntrueResult
from matderiv.expr import Expr, contains, is_, walk
from matderiv.functions.abstract import refuse_numbers
from matderiv.input.asking import value_shape
from matderiv.language.printer import text
from matderiv.lazy import later
from matderiv.numeric.evaluate import bind_labels, bind_sizes
from matderiv.shapes import Shape, concrete
from matderiv.work import A_VIEW, bounded

if TYPE_CHECKING:
    from matderiv.doors import check as checks
    from matderiv.doors import structured
    from matderiv.doors import sum_form as sums
    from matderiv.doors.structured import StructuredHessian
    from matderiv.input import guesses
    from matderiv.input import values as numbers
    from matderiv.input.resolve import Reading
    from matderiv.numeric.report import CheckReport
    from matderiv.output import index_notation, to_sympy
    from matderiv.output.code import program
    from matderiv.output.documents import json as in_json
    from matderiv.output.documents import notebooks
    from matderiv.output.documents import text as in_text
    from matderiv.programs import number_formula
else:
    checks, sums, structured = later("doors.check doors.sum_form doors.structured")
    guesses, numbers, number_formula = later("input.guesses input.values programs.number_formula")
    index_notation, to_sympy = later("output.index_notation output.to_sympy")
    program, notebooks = later("output.code.program output.documents.notebooks")
    in_json, in_text = later("output.documents.json output.documents.text")

VIEWS = ("chain", "differential", "index")


@dataclass(frozen=True, repr=False)
class Derivation:
    """A derivative with everything that was agreed about it.

    `f` and `wrt` are what was differentiated, `kind`, `order`, `layout` and `structure` how,
    `notes` what was guessed, `checked` what numbers of f said before it was returned. By an entry
    x_1, `whole` is the derivation by x, whose steps and checks are those of the entry. `str` gives
    the result in the text language, or in index notation where no matrix form exists; a comment
    line follows where the check could not decide.

    >>> from matderiv import derive
    >>> D = derive("norm2(A*x - b)^2", "x", shapes={"A": "m,n", "b": "m"})
    >>> print(D)
    2*A'*(A*x - b)
    """

    f: Expr
    wrt: Expr
    kind: str
    order: int
    layout: str
    structure: str
    derivative: Derivative
    upstream: Expr | None = None
    source: str = ""
    reading: Reading | None = None
    notes: tuple[str, ...] = ()
    symbols: Mapping[str, Any] = field(default_factory=dict)
    checked: CheckReport | None = None
    whole: Derivation | None = None

    @property
    def expr(self) -> Expr:
        """The derivative as computed, before any layout: axes of f first, then the variable's."""
        return self.derivative.expr

    @property
    def has_matrix_form(self) -> bool:
        """False where matrix notation cannot spell the result."""
        known = contains(self.f, "einsum", "permute")
        unknown = ("fuse",) if known else ("fuse", "einsum")
        of_one_shape = self.kind in ("gradient", "vjp", *FORWARDS)
        return (self.derivative.has_matrix_form or of_one_shape) and (
            not contains(self.expr, *unknown)
        )

    @cached_property
    def displayed(self) -> Expr:
        """The derivative in the layout asked for, written out where all entries have places."""
        return shown.written_out(self)

    @cached_property
    def in_its_layout(self) -> Expr:
        """The derivative in the layout asked for, with unit vectors where entries have places."""
        return shown.in_its_layout(self)

    @property
    def guesses(self) -> tuple[guesses.Guess, ...]:
        """What was guessed about names that nobody declared, and what else they can be."""
        return guesses.guesses(self.reading)

    @property
    def guessed(self) -> frozenset[str]:
        """The names whose kinds and sizes nobody declared."""
        return self.reading.guessed if self.reading else frozenset()

    @cached_property
    def sum_form(self) -> sums.SumForm | None:
        r"""The derivative as a sum over the data of the question; None where it has no sum.

        >>> from matderiv import derive
        >>> D = derive(r"\sum_i (w^\top x_i - y_i)^2", "w")
        >>> print(D.sum_form, "=", D)
        2*sum_i (w'*x_i - y_i)*x_i = 2*X'*(X*w - y)
        """
        return sums.sum_form(self)

    @property
    def result(self) -> Any:
        """The derivative as a SymPy expression or array expression; None where it cannot be."""
        return to_sympy.to_sympy(self.displayed, self.symbols)

    @cached_property
    def index(self) -> str:
        """The derivative in index notation, always."""
        if self.kind in ("vjp", *FORWARDS):
            return index_notation.index_text(self.entries, self.names)
        asked = (self.derivative.outer, self.order, self.names)
        return index_notation.index_equation("f", self.wrt, self.entries, *asked)

    entries = cached_property(shown.entries)

    @property
    def names(self) -> set[str]:
        """The names in use, those that were only declared included."""
        return shown.names_of(self)

    @property
    def formula(self) -> str:
        """The result alone, as a person reads it: in the text language, or in index notation."""
        return self._written(entries=True)

    def _written(self, *, entries: bool) -> str:
        """The result, with x[1] for an entry or with sums, which count from nowhere."""
        if not self.has_matrix_form:
            return self.index
        form = self.displayed if entries else self.in_its_layout
        taken = self.names if form.weight > SHORT else ()
        main, parts = name_parts(form, taken, entries=entries)
        if parts and with_parts(main, parts) is not form:
            raise UntrueResult("the named parts of the result are not the result")
        from_zero = self.reading is not None and self.reading.spelling == "python"
        return text(main, parts, entries=entries and not from_zero)

    @property
    def doubt(self) -> str:
        """Why the check at birth could not decide; nothing where it could, or was not made."""
        if self.checked is None or self.checked.ok:
            return ""
        return f"undecided: {'; '.join(self.checked.notes[:2])}"

    @property
    def comments(self) -> list[str]:
        """Comment lines of what the check left open."""
        return [f"# {line}" for line in [self.doubt] if line]

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: nothing that was compiled."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __str__(self) -> str:
        return "\n".join([self._written(entries=False), *self.comments])

    def __repr__(self) -> str:
        said = f" ({self.doubt})" if self.doubt else ""
        return (
            f"<Derivation of {in_short(self.source)} by {self.wrt.name}: "
            f"{in_short(self.formula)}{said}>"
        )

    @bounded(A_VIEW)
    def steps(self, view: str = "chain") -> notebooks.Steps:
        """The derivation as values, every line evaluated: "chain", "differential" or "index"."""
        require_word(view, "view", VIEWS)
        if self.whole is not None:
            return self.whole.steps(view)
        if view not in self._documents:
            self._documents[view] = notebooks.steps_of(self, view)
        return self._documents[view]

    def hint(self, number: int = 1, view: str = "chain") -> in_text.Hint:
        """What step `number` is about and which rule it takes, without its result.

        Raises MatderivError for a number that no step has.
        """
        return in_text.hint(self.steps(view), require_whole(number, "number", 1))

    @cached_property
    def _documents(self) -> dict[str, notebooks.Steps]:
        return {}

    def text(self, view: str = "chain", *, detail: str = "normal") -> str:
        """The derivation step by step, as plain text; `detail` is brief, normal or full.

        >>> from matderiv import derive
        >>> D = derive("norm2(A*x - b)^2", "x", shapes={"b": "m"})
        >>> D.text("differential", detail="brief").splitlines()[-1]
        "  ∂f/∂x = 2*A'*(A*x - b)"
        """
        return str(in_text.document_text(self.steps(view), detail=detail))

    def markdown(self, view: str | None = "chain", *, detail: str = "normal", **style: str) -> str:
        """The derivation step by step in Markdown with LaTeX formulas; with None, the equation.

        `style` as in `latex`.
        """
        return notebooks.in_page("markdown", self, view, detail, style)

    def typst(self, view: str | None = "chain", *, detail: str = "normal", **style: str) -> str:
        """The derivation step by step as a Typst file; with None, the equation."""
        return notebooks.in_page("typst", self, view, detail, style)

    def html(self, view: str | None = "chain", *, detail: str = "normal", **style: str) -> str:
        """The derivation step by step as a page with MathML; with None, only the equation.

        The page needs no script and nothing from elsewhere; `style` as in `latex`.

        >>> from matderiv import derive
        >>> page = derive("x'*A*x", "x").html("differential")
        >>> page.startswith("<!DOCTYPE html>"), "<script" in page
        (True, False)
        """
        return notebooks.in_page("html", self, view, detail, style)

    def json(self, view: str = "chain") -> dict[str, Any]:
        """The derivation step by step as values for JSON, with `"schema": "matderiv/1"`."""
        return in_json.document_json(self.steps(view))

    def latex(
        self,
        view: str | None = None,
        *,
        detail: str = "normal",
        standalone: bool = False,
        **style: str,
    ) -> str:
        """The formula in LaTeX, or with a view the derivation; amsmath and amssymb are enough.

        `standalone` makes it a document of its own, with what the names are and the layout. `style`
        is `vectors` ("bold", "plain", "arrow"), `transpose` ("top", "T", "prime") and `gradient`
        ("nabla", "partial").

        >>> from matderiv import derive
        >>> print(derive("x'*A*x", "x").latex())
        (\\mathbf{A} + \\mathbf{A}^{\\top})\\mathbf{x}
        """
        return notebooks.in_latex(self, view, detail, standalone, style)

    def equation(self, **style: str) -> str:
        """The whole LaTeX equation, with what is differentiated on its left side."""
        return notebooks.equation(self, style)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What notebooks show: the equation, what was guessed, and how it was checked."""
        return notebooks.in_notebook(self)

    @cached_property
    def vec(self) -> Any:
        """∂vec(F)/∂vec(X)' as a SymPy expression, or None."""
        form = self._vec_expr
        return None if form is None else to_sympy.to_sympy(form, self.symbols)

    @property
    def by_free_entries(self) -> bool:
        """True where `.vec` is by vech(X): for a symmetric X with structure="independent"."""
        return self.structure == "independent" and linear_structure(self.wrt) == "symmetric"

    @cached_property
    def _vec_expr(self) -> Expr | None:
        return shown.stacked(self)

    @property
    def vec_text(self) -> str | None:
        """∂vec(F)/∂vec(X)' in the text language, or None.

        With structure="independent", for a symmetric X, it is ∂vec(F)/∂vech(X)': a duplication
        matrix carries vech(X), the entries from the diagonal down, to vec(X). A Hessian has one on
        both sides.

        >>> from matderiv import derive
        >>> S = {"assume": {"S": "symmetric"}, "structure": "independent"}
        >>> derive("A*S*B", "S", shapes={"A": "m,n", "S": "n,n", "B": "n,k"}, **S).vec_text
        "kron(B',A)*duplication(n)"
        """
        return None if self._vec_expr is None else text(self._vec_expr)

    @property
    def shape(self) -> Shape:
        """The shape of `.evaluate`'s array: that of f without row axes, then the variable's."""
        if self.kind == "vjp":
            return self.wrt.shape
        inner = 0 if self.kind in FORWARDS else self.order
        return value_shape(self.f) + self.wrt.shape * inner

    @cached_property
    @bounded(A_VIEW)
    def facts_used(self) -> tuple[str, ...]:
        """The declared facts without which the result would read otherwise: `y is onehot`."""
        if self.whole is not None:
            return self.whole.facts_used
        how = {n: getattr(self, n) for n in ("kind", "order", "structure", "upstream")}
        return shown.needed_facts(self.f, self.wrt, self.expr, **how)

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The derivative as a NumPy array at the given values; sizes bind from the arrays.

        Other names are ignored. Raises UnknownName, ShapeError, LimitError, DomainError.
        """
        refuse_numbers(self.f, self.expr)
        if (found := numbers.complex_value(self.expr, self.f, require_values(values))) is not None:
            return found
        values = numbers.checked_values(require_values(values))
        nodes = [v for v in walk(self.f, self.wrt, self.expr) if is_(v, "variable")]
        given = {v.name: values[v.name] for v in nodes if v.name in values}
        sizes = bind_sizes([v for v in nodes if v.name in given], given)
        return self.at(given, bind_labels((self.f, self.expr), values, sizes))

    def at(self, values: Mapping[str, Any], sizes: Mapping[str, int]) -> Any:
        """The derivative at bound sizes; values of names that it does not have are ignored."""
        result = self.numeric.at(values, sizes)
        return result.reshape(concrete(self.shape, sizes))

    @cached_property
    def numeric(self) -> number_formula.NumberFormula:
        """The formula that numbers are computed with: the printed one, and its limits."""
        by = self.whole.wrt if self.whole is not None else self.wrt
        return number_formula.NumberFormula(self.f, by, self.order, self.derivative)

    def function(self, dtype: str = "float64") -> Callable[..., Any]:
        """The derivative compiled for NumPy: called with values, it gives what `evaluate` gives.

        >>> from matderiv import derive
        >>> by_x = derive("norm2(A*x)^2", "x").function()
        >>> by_x(A=[[1, 2], [3, 4]], x=[1, 0])
        array([20., 28.])
        """
        if dtype not in self._functions:
            refuse_numbers(self.f, self.expr)
            self._functions[dtype] = program.derivative_function(self, dtype)
        return self._functions[dtype]

    @cached_property
    def _functions(self) -> dict[str, Callable[..., Any]]:
        return {}

    def structured(self) -> StructuredHessian:
        """The Hessian as a function whose values are matrices in parts: @, solve, logdet."""
        return structured.StructuredHessian(self)

    @bounded(A_VIEW)
    def code(self, target: str = "numpy", dtype: str = "float64") -> str:
        """The source of a function for "numpy", "torch" or "jax", whose arrays decide their type.

        A gradient comes together with the value of f, with which it shares its steps.

        >>> from matderiv import derive
        >>> print(derive("norm2(A*x)^2", "x").code().splitlines()[3])
        def value_and_gradient(A, x):
        """
        return program.derivative_code(self, target, dtype)

    def check(self, *, points: int = 8, seed: int = 0) -> CheckReport:
        """The derivative compared with differences of f itself at random points."""
        return checks.check_derivation(self.whole or self, points=points, seed=seed)

    def require_matrix_form(self) -> Expr:
        """The displayed expression; NoMatrixForm with the index form where there is none."""
        if not self.has_matrix_form:
            raise NoMatrixForm(
                f"this derivative has {len(self.derivative.tensor.axes)} axes, matrices have two",
                details=(self.index,),
                hint="the index form, .vec_text, or kind='vjp'",
            )
        return self.displayed
