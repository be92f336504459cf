"""The public verbs: what is asked is read, understood and derived, by one variable or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

from matderiv.arguments import require_whole, require_word, variables_in
from matderiv.calculus.derivative import (
    FORWARDS,
    KINDS,
    LAYOUTS,
    Derivative,
    derivative_anywhere,
    differentiate,
    differentiate_by,
    resolve_kind,
)
from matderiv.calculus.entries import entry_of
from matderiv.calculus.recognise import taken_as_invertible
from matderiv.calculus.spectral import without_spectra
from matderiv.calculus.structure import STRUCTURES, linear_structure
from matderiv.choosing.factoring import limits_met
from matderiv.choosing.parts import name_parts
from matderiv.doors.derivation import VIEWS, Derivation
from matderiv.errors import MatderivError
from matderiv.expr import Expr, contains, dependents, is_, substitute, variable, variables, walk
from matderiv.input.asking import Question, understood, upstream_of, variable_of
from matderiv.input.conjugates import about_complex, conjugate_name, is_complex
from matderiv.input.entries import AskedEntry, entry_asked, entry_of_symbol
from matderiv.language.printer import text
from matderiv.lazy import later
from matderiv.words.chains import facts
from matderiv.work import A_VERB, bounded

if TYPE_CHECKING:
    from matderiv.doors import check as checks
    from matderiv.doors import sheet
    from matderiv.output.documents import notebooks
    from matderiv.output.documents import text as in_text
    from matderiv.output.documents.notebooks import Steps
else:
    checks, sheet = later("doors.check doors.sheet")
    notebooks, in_text = later("output.documents.notebooks output.documents.text")


class Derivations(list[Derivation]):
    """What `derive` gives for several variables, in the order asked for.

    Gradients share one derivation, such as one forward and one backward pass.

    >>> from matderiv import derive
    >>> both = derive("norm2(W*x + b)^2", "W, b")
    >>> print(both)
    by W: 2*(W*x + b)*x'
    by b: 2*(W*x + b)
    >>> [section.title for section in both.steps()[0].sections]
    ['Forward pass', 'Local derivatives', 'Backward pass: upstream times local']
    """

    def steps(self, view: str = "chain") -> list[Steps]:
        """The derivations as values: one document where they share their passes, else one each."""
        return notebooks.steps_of_several(self, require_word(view, "view", VIEWS))

    def text(self, view: str = "chain", *, detail: str = "normal") -> str:
        """The derivations step by step, as plain text."""
        return "\n".join(in_text.document_text(told, detail=detail) for told in self.steps(view))

    def html(self, view: str | None = "chain", *, detail: str = "normal", **style: str) -> str:
        """The derivations as a page with MathML; with None, the equations."""
        return sheet.several(self, "html", view, detail, **style)

    def latex(self, view: str | None = "chain", *, detail: str = "normal", **style: str) -> str:
        """The derivations as a LaTeX file that compiles; with None, the equations."""
        return sheet.several(self, "latex", view, detail, **style)

    def markdown(self, view: str | None = "chain", *, detail: str = "normal", **style: str) -> str:
        """The derivations in Markdown; with None, the equations."""
        return sheet.several(self, "markdown", view, detail, **style)

    def __str__(self) -> str:
        comments = dict.fromkeys(line for d in self for line in d.comments)
        return "\n".join([*(f"by {d.wrt.name}: {d.formula}" for d in self), *comments])

    def __repr__(self) -> str:
        return f"<Derivations by {', '.join(d.wrt.name for d in self)}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What notebooks show: the equations, with what was guessed and checked."""
        told = [notebooks.in_notebook(d) for d in self]
        return {"text/plain": str(self)} | {
            form: "\n".join(t[form] for t in told) for form in ("text/html", "text/latex")
        }


Assume = Mapping[str, Any]

__all__ = ["Derivation", "derive", "hvp"]


class Agreed(TypedDict, total=False):
    """What may be agreed about a derivative of any kind."""

    shapes: Mapping[str, Any] | None
    assume: Assume | None
    order: int
    layout: str
    structure: str
    upstream: str
    check: bool


class How(Agreed, total=False):
    """What `derive` may be told beside the expression and the variables."""

    kind: str | None


@overload
def derive(f: Any, wrt: list[Any] | tuple[Any, ...], **how: Unpack[How]) -> Derivations:
    """By several variables."""


@overload
def derive(f: Any, wrt: Any, **how: Unpack[How]) -> Derivation:
    """By one variable, or by several in a text."""


@bounded(A_VERB)
def derive(
    f: Any,
    wrt: Any,
    *,
    shapes: Mapping[str, Any] | None = None,
    assume: Assume | None = None,
    kind: str | None = None,
    order: int = 1,
    layout: str = "gradient",
    structure: str = "projected",
    upstream: str = "G",
    check: bool = True,
) -> Any:
    """The derivative of f, text, LaTeX, NumPy or a SymPy object, by wrt: a variable, or an entry.

    Several (a list, or "W, b") give `Derivations`: f is read once and swept backwards once.
    `shapes` are sizes of names, {"A": "m,n"}, the others are guessed; `assume` facts, {"A":
    "symmetric"}; `kind` is one of KINDS, `order` how often f is differentiated, `layout` one of
    LAYOUTS, `structure` what a declared structure does ("projected", "independent", "none"),
    `upstream` the gradient from above in a vjp. Unless `check` is False, values of f
    are looked at first, UntrueResult where they contradict. LimitError after too much work.

    >>> str(derive("x'*A*x", "x", assume={"A": "symmetric"})), str(derive("x'*A*x", "x"))
    ('2*A*x', "(A + A')*x")
    """
    order = _checked(kind, order, layout, structure)
    asked = understood(f, shapes, assume, wrt, kind, wirtinger=True)
    names, several = variables_in(wrt)
    entries, by = _moved(asked, names)
    kind, order = resolve_kind(asked.f, kind, order)
    _check_entries(entries, kind)
    _check_complex(by, kind)
    if kind == "hvp":
        found = [_hessian_product(asked, x, layout, structure, check) for x in by]
    else:
        seed = upstream_of(asked.f, asked.reading, upstream) if kind == "vjp" else None
        how: dict[str, Any] = {"structure": structure, "upstream": seed}
        whole = _each(asked, by, order, several, kind=kind, layout=layout, **how)
        found = [_told(d, e, check) for d, e in zip(whole, entries, strict=True)]
    return Derivations(found) if several else found[0]


def _moved(asked: Question, names: Sequence[Any]) -> tuple[list[AskedEntry | None], list[Expr]]:
    """What is differentiated by: the entries that are asked for, and the arrays."""
    entries = [
        entry_asked(asked.reading, w) or entry_of_symbol(asked.f, w, asked.free) for w in names
    ]
    pairs = zip(names, entries, strict=True)
    return entries, [e.array if e else variable_of(asked.f, asked.reading, w) for w, e in pairs]


def _each(
    asked: Question, by: Sequence[Expr], order: int, several: bool, kind: str, **how: Any
) -> list[Derivation]:
    """The derivations by several variables, swept together where that can be."""
    passed = {name: how[name] for name in ("structure", "upstream")}
    if several and order == 1:
        derivatives = differentiate_by(asked.f, by, kind, **passed)
    else:
        derivatives = [differentiate(asked.f, x, kind, order, **passed) for x in by]
    return [
        _derivation(asked, x, d, kind=kind, order=order, **how)
        for x, d in zip(by, derivatives, strict=True)
    ]


def hvp(f: Any, wrt: Any, **how: Unpack[Agreed]) -> Derivation:
    """The Hessian of a scalar times a change dx of the variable; no Hessian is ever built.

    `how` is as for `derive`, of which this is kind="hvp". Its function and code take dx too.

    >>> D = hvp("norm2(X*w - y)^2", "w")
    >>> print(D)
    2*X'*X*dw
    >>> D.function()(X=[[1, 2], [3, 4]], dw=[1, 0])
    array([20., 28.])
    """
    found: Derivation = derive(f, wrt, kind="hvp", **how)
    return found


def _hessian_product(
    asked: Question, x: Expr, layout: str, structure: str, check: bool
) -> Derivation:
    """The change of the gradient, which is compared with values of f before."""
    how: dict[str, Any] = {"layout": layout, "structure": structure, "upstream": None}
    if check:
        first = differentiate(asked.f, x, "gradient", structure=structure)
        checks.truthful(_derivation(asked, x, first, kind="gradient", order=1, **how))
    gradient = derivative_anywhere(asked.f, x, 1, structure=structure)
    found = differentiate(gradient, x, "hvp")
    d = _derivation(replace(asked, f=gradient), x, found, kind="hvp", order=1, **how)
    d = replace(d, notes=(*d.notes, f"f stands for the gradient by {x.name}, {_spelled(gradient)}"))
    return checks.truthful(d) if check else d


def _told(whole: Derivation, entry: AskedEntry | None, check: bool) -> Derivation:
    """The derivation, or the one by an entry of what it is by, checked if that is asked."""
    if entry is None:
        return checks.truthful(whole) if check else whole
    derivative = entry_of(whole.derivative, entry, whole.f, whole.order)
    d = replace(whole, wrt=entry.variable, derivative=derivative, whole=whole)
    return checks.truthful_entry(d, entry) if check else d


def _check_entries(entries: Sequence[AskedEntry | None], kind: str) -> None:
    """MatderivError for a kind that is not by an entry, or an entry of a structured array."""
    for entry in filter(None, entries):
        if kind not in ("gradient", "jacobian", "hessian"):
            raise MatderivError(f"a {kind} is by a whole array, not by {entry.name}")
        space = linear_structure(entry.array)
        if space:
            raise MatderivError(
                f"{entry.array.name} is {space}, so {entry.name} does not move alone",
                hint=f"the derivative by {entry.array.name}",
            )


def _check_complex(by: Sequence[Expr], kind: str) -> None:
    """MatderivError for a kind that needs what both z and conj(z) change."""
    for x in filter(is_complex, by):
        if kind not in ("gradient", "jacobian", "hessian"):
            raise MatderivError(
                f"a {kind} by a complex {x.name} is not known here",
                hint=f"the derivatives by {x.name} and by {conjugate_name(x.name)}",
            )


def _checked(kind: Any, order: Any, layout: Any, structure: Any) -> int:
    """The order as a whole number, where all conventions exist."""
    require_word(layout, "layout", LAYOUTS)
    require_word(structure, "structure", STRUCTURES)
    if kind is not None:
        require_word(kind, "kind", KINDS)
    return require_whole(order, "order", 1)


def _spelled(f: Expr) -> str:
    """An expression as text, with its repeated parts named where that is shorter."""
    main, parts = name_parts(f, {v.name for v in variables(f)})
    return text(main, parts)


def _said_by_functions(f: Expr, x: Expr) -> list[str]:
    """Where the functions of x in f have a derivative, as their records say."""
    said = [n for n in dependents(without_spectra(f), x) if n.function.note]
    return list(dict.fromkeys(n.function.note.format(_spelled(n.args[0])) for n in said))


def _of_distributions(f: Expr, x: Expr, found: Expr, kind: str, order: int) -> list[str]:
    """What a derivative with a softmax becomes where the entries of a name in it sum to 1."""
    if not contains(found, "softmax") or kind not in ("gradient", "jacobian", "hessian"):
        return []
    notes = []
    sums = [n.args[0] for n in walk(found) if is_(n, "sum") and is_(n.args[0], "variable")]
    for v in dict.fromkeys(sums):
        known = variable(v.name, v.shape, (*facts(v), "simplex"))
        shorter = differentiate(substitute(f, {v: known}), x, kind, order).expr
        if v is not x and shorter.weight < found.weight:
            rows = (
                f"each row of {v.name} sums" if len(v.shape) > 1 else f"the entries of {v.name} sum"
            )
            notes.append(f"{_spelled(shorter)} if {rows} to 1")
    return notes


def _derivation(
    asked: Question,
    x: Expr,
    derivative: Derivative,
    *,
    kind: str,
    order: int,
    layout: str,
    structure: str,
    upstream: Expr | None,
) -> Derivation:
    """The derivation of what was found, with everything that is to be known about it."""
    f, reading = asked.f, asked.reading
    typed, notes = set(walk(f)), list(reading.notes if reading else ())
    if x not in typed:
        notes.append(f"{x.name} does not occur in the expression, so the derivative is zero")
    notes += [*about_complex(f, x), *_said_by_functions(f, x)]
    for curved in facts(x) & {"orthogonal", "idempotent"}:
        notes.append(f"{x.name} is {curved}: the derivative is the unconstrained one")
    space = linear_structure(x)
    if space and structure != "none" and kind not in FORWARDS:
        notes.append(_structure_note(x.name, space, structure))
    for a in taken_as_invertible(f, x):
        notes.append(f"where {a.name} is invertible: by the matrix determinant lemma")
    notes += _of_distributions(f, x, derivative.expr, kind, order)
    notes += limits_met(derivative.expr, typed, derivative.cut)
    return Derivation(
        f,
        x,
        kind,
        order,
        "gradient" if layout == "mixed" else layout,
        structure,
        derivative,
        upstream,
        asked.source or _spelled(f),
        reading,
        tuple(notes),
        asked.symbols,
    )


def _structure_note(name: str, space: str, structure: str) -> str:
    if structure == "independent":
        return f"{name} is {space}: derivative by its independent entries"
    return f"{name} is {space}: the unconstrained derivative, projected on {space} matrices"
