"""The public verbs: what is asked is read, understood and derived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matderiv.calculus.derivation import (
    LAYOUTS,
    Derivative,
    differentiate,
    differentiate_by,
    resolve_kind,
)
from matderiv.calculus.structure import STRUCTURES, linear_structure
from matderiv.derived import Derivation, value_shape
from matderiv.errors import MatderivError, ShapeError, UnknownName
from matderiv.expr import Expr, is_, variable, variables, walk
from matderiv.input.from_sympy import from_sympy, symbols_in
from matderiv.input.resolve import Reading, read, read_name
from matderiv.notation.chains import facts
from matderiv.notation.limits import limits_met
from matderiv.notation.parts import name_parts
from matderiv.output.text import text
from matderiv.shapes import shape_text

Assume = Mapping[str, Any]

__all__ = ["Derivation", "derive"]


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
) -> Any:
    """The derivative of an expression, given as text or as a SymPy expression.

    A list of variables gives a list of derivations, for which the expression is read once and
    swept backwards once.

    >>> str(derive("x'*A*x", "x", assume={"A": "symmetric"}))
    '2*A*x'
    >>> str(derive("x'*A*x", "x"))
    "(A + A')*x"
    """
    _check_words(layout, structure)
    asked = understood(f, shapes, assume)
    several = isinstance(wrt, list | tuple)
    by = [variable_of(asked.f, asked.reading, w) for w in (wrt if several else [wrt])]
    kind, order = resolve_kind(asked.f, kind, order)
    seed = _upstream(asked.f, asked.reading, upstream) if kind == "vjp" else None
    how: dict[str, Any] = {"structure": structure, "upstream": seed}
    if several and order == 1:
        derivatives = differentiate_by(asked.f, by, kind, **how)
    else:
        derivatives = [differentiate(asked.f, x, kind, order, **how) for x in by]
    found = [
        _derivation(asked, x, derivative, kind=kind, order=order, layout=layout, **how)
        for x, derivative in zip(by, derivatives, strict=True)
    ]
    return found if several else found[0]


def _check_words(layout: str, structure: str) -> None:
    for what, word, known in (("layout", layout, LAYOUTS), ("structure", structure, STRUCTURES)):
        if word not in known:
            raise MatderivError(f"unknown {what} {word!r}", hint=f"one of {', '.join(known)}")


@dataclass(frozen=True)
class Question:
    """An expression as it was understood, and the SymPy symbols it came with."""

    f: Expr
    reading: Reading | None
    source: str
    symbols: Mapping[str, Any]


def understood(f: Any, shapes: Mapping[str, Any] | None, assume: Assume | None) -> Question:
    """The expression that was given as text, as a SymPy expression or as an `Expr`."""
    if isinstance(f, str):
        reading = read(f, shapes=shapes, assume=assume)
        return Question(reading.expr, reading, f, {})
    if isinstance(f, Expr):
        return Question(f, None, _spelled(f), {})
    words = {k: v.split() if isinstance(v, str) else v for k, v in (assume or {}).items()}
    e = from_sympy(f, words)
    return Question(e, None, _spelled(e), symbols_in(f))


def _spelled(f: Expr) -> str:
    """An expression as text, with its repeated parts named where that is shorter."""
    main, parts = name_parts(f, {v.name for v in variables(f)})
    return text(main, parts)


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
    notes = list(reading.notes if reading else ())
    if x not in set(walk(f)):
        notes.append(f"{x.name} does not occur in the expression, so the derivative is zero")
    if "orthogonal" in facts(x):
        notes.append(f"{x.name} is orthogonal: the derivative is the unconstrained one")
    space = linear_structure(x)
    if space and structure != "none" and kind not in ("jvp", "differential"):
        notes.append(_structure_note(x.name, space, structure))
    notes += limits_met(derivative.expr, set(walk(f)))
    return Derivation(
        f,
        x,
        kind,
        order,
        "gradient" if layout == "mixed" else layout,
        structure,
        derivative,
        upstream,
        asked.source,
        reading,
        tuple(notes),
        asked.symbols,
    )


def _structure_note(name: str, space: str, structure: str) -> str:
    if structure == "independent":
        return f"{name} is {space}: derivative by its independent entries"
    return f"{name} is {space}: the unconstrained derivative, projected on {space} matrices"


def variable_of(f: Expr, reading: Reading | None, wrt: Any) -> Expr:
    """The variable of differentiation; an error that says so for anything else."""
    if isinstance(wrt, str):
        if reading is None:
            named = {n.name: n for n in walk(f) if is_(n, "variable")}
            if wrt in named:
                return named[wrt]
            raise UnknownName(
                f"{wrt} does not occur in the expression", hint=f"one of {', '.join(named)}"
            )
        found = read_name(reading, wrt)
        if found is not None:
            return found
        e = reading.read_more(wrt, "the variable of differentiation")
    elif isinstance(wrt, Expr):
        e = wrt
    else:
        e = from_sympy(wrt)
        named = {n.name: n for n in walk(f) if is_(n, "variable")}
        if is_(e, "variable"):
            return named.get(e.name, e)
    if not is_(e, "variable"):
        raise MatderivError(
            "differentiate with respect to a variable",
            hint="name a variable of the expression, such as "
            + next((n.name for n in walk(f) if is_(n, "variable")), "x"),
        )
    return e


def _upstream(f: Expr, reading: Reading | None, name: str) -> Expr:
    """The upstream variable of a vjp, of f's shape."""
    declared = reading.variables.get(name) if reading else None
    if declared is None:
        return variable(name, value_shape(f))
    if [s for s in declared.shape if s != 1] != [s for s in f.shape if s != 1]:
        raise ShapeError(
            f"the upstream {name} is {shape_text(declared.shape)}, the expression is "
            f"{shape_text(f.shape)}"
        )
    return declared
