r"""Functions and derivatives at other points than their variables: f(0), \nabla f(y), f(2X).

What a function is of is replaced in its value, once it was derived: \nabla f(2X) is no chain rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from matderiv.errors import MatderivError, UnknownName
from matderiv.expr import Expr, apply, number_value, substitute, variables, zeros
from matderiv.input.meaning.subscripts import split_label
from matderiv.language.tokens import canonical_name
from matderiv.shapes import shape_text
from matderiv.verification.derivations.components import Indices
from matderiv.verification.derivations.function_calls import (
    MOST,
    Called,
    filled_body,
    next_call,
    split,
)
from matderiv.verification.documents.positions import Passage
from matderiv.verification.documents.statements import names_in
from matderiv.verification.quantities import (
    DERIVATIVE,
    LATEX_NAME,
    NAME,
    VALUE,
    Quantity,
    Sign,
    latex_name,
)

if TYPE_CHECKING:
    from matderiv.verification.derivations.differentials import Marking, Reader

_TRANSPOSED = re.compile(
    rf"(?:\\nabla(?![A-Za-z])|∇)[^=]*?(?P<f>{LATEX_NAME}|{NAME})(?P<at>\s*\([^()]*\))?\s*"
    r"(?='|ᵀ|\^\s*\{?\s*(?:T(?![A-Za-z])|⊤|\\(?:top|intercal)(?![A-Za-z])|\\math\w+\s*\{?\s*T))"
)


_EVALUATED = re.compile(
    r"\s*(?:\\(?:right|[bB]igg?[rlm]?))?\s*(?:\||\\[rl]?vert)\s*_\s*\{\s*"
    rf"(?:(?P<name>{LATEX_NAME})\s*=(?![^{{}}]*=)|\([^()]*\)\s*=)?\s*"
    r"(?P<at>(?:[^{}]|\{[^{}]*\})+)\}"
    rf"|\s*\((?P<alone>\s*(?:\d[\d.]*|{LATEX_NAME})\s*)\)(?=\s*(?:$|=|[-+)\]]))"
)


_STARRED = re.compile(r"\*|\\(?:star|ast|hat|widehat|bar)(?![A-Za-z])|_\W*(?:\w+\W+)?[A-Z]{2,}")
_TYPED = rf"\s*(?P<f>{LATEX_NAME}|{NAME})\s*(?:\\left\s*)?\((?P<at>[^=]*)\)\s*$"
_SLOPE = re.compile(r"\\[dt]?frac|[∂d]")


def by_functions(sign: Sign, p: Passage, functions: Mapping[str, Expr]) -> Sign:
    r"""The sign of \nabla f^\top, which is \nabla f transposed: a number has no transpose.

    Raises MatderivError where f is an array, which may be transposed itself.
    """
    start, stop = sign.span
    found = _TRANSPOSED.match(p.text, start)
    name = _name(found["f"], latex=p.latex) if found is not None else ""
    first = sign.operand[0] if sign.operand is not None else stop - len(name)
    if found is None or name not in functions or found.start("f") > first or sign.call:
        return sign
    if functions[name].shape:
        raise MatderivError(f"this does not say whether {name} is transposed, or its derivative")
    q, stop = replace(sign.quantity, of=name, point=(found["at"] or "").strip(" ()")), found.end()
    call = (found.start("f"), stop) if found["at"] else None
    return Sign((start, len(p.text[:stop].rstrip())), q, call=call)


def placed_sign(sign: Sign, p: Passage) -> Sign:
    r"""The sign of a derivative with its point behind a bar, or a name or number in brackets.

    >>> p = Passage.of(r"\left.\frac{\partial f}{\partial x}\right|_{x=0}", latex=True)
    >>> from matderiv.verification.quantities import signs
    >>> sign = placed_sign(signs(p.text, latex=True)[0], p)
    >>> sign.span == (0, len(p.text)), sign.quantity.point
    (True, '0')
    """
    (start, stop), q = sign.span, sign.quantity
    found = _EVALUATED.match(p.text, stop) if sign.operand is None and not sign.call else None
    by = latex_name(found["name"] or "") if found is not None else ""
    if found is None or by not in ("", q.by or by):
        return sign
    before = re.search(r"\\left\s*\.\s*$", p.text[:start])
    span = (before.start() if before else start, found.end())
    group = "at" if found["at"] else "alone"
    q = replace(q, by=q.by or by, point=found[group])
    return replace(sign, span=span, quantity=q, call=found.span(group))


def point_of(sign: Sign, p: Passage) -> Passage:
    """What stands in the brackets behind a function."""
    assert sign.call is not None
    start = p.text.rindex(sign.quantity.point, *sign.call)
    return p[start : start + len(sign.quantity.point)]


def is_placed(reader: Reader, q: Quantity) -> bool:
    r"""True for \nabla f(y) and f(y), where f is of x, and for a derivative by x^\top."""
    functions = reader.ground.functions
    if q.kind == DERIVATIVE and (q.point or q.turned):
        found = reader.resolved(q)
        turned = q.turned and found.of in functions and not functions[found.of].shape
        return turned or is_elsewhere(reader, q, found) or _is_composed(reader, q)
    own = reader.arguments.get(q.of, ()) if q.of in functions else ()
    return q.kind == VALUE and len(own) == len(q.at) and q.at != own


def is_call(reader: Reader, first: Passage | None) -> bool:
    """True for a left side that is typed as f(x + h), where that is no minimum f(x^*)."""
    at = _inside(reader, first)
    return bool(re.search("[-+]", at)) and not _STARRED.search(at)


def is_solution(reader: Reader, first: Passage | None) -> bool:
    """True for a left side that is typed as f(x^*)."""
    return bool(_STARRED.search(_inside(reader, first)))


def _inside(reader: Reader, first: Passage | None) -> str:
    typed = reader.document[first.start : first.end] if first is not None else ""
    found = re.match(_TYPED, typed)
    known = found and _name(found["f"], latex="\\" in typed) in reader.arguments
    return found["at"] if found and known else ""


def of_composed(reader: Reader, sign: Sign, p: Passage) -> Sign:
    r"""The sign of ∂g(w'*x)/∂w, where g is of something else, as that of the formula g(w'*x).

    So is ∂f(2x)/∂x, while \nabla f(2x) is the gradient at 2x.
    """
    q = sign.quantity
    if sign.call is None or p.text[slice(*sign.call)] == q.point:
        return sign
    inside = point_of(sign, p)
    chained = q.by in names_in(inside) and is_elsewhere(reader, q, reader.resolved(q))
    if chained and not _SLOPE.match(p.text, sign.span[0]):
        at, whole = inside.text.strip(), p.text[slice(*sign.call)].strip()
        raise MatderivError(f"this may be the derivative at {at}, or that of {whole}")
    if not chained and not _is_composed(reader, q):
        return sign
    return replace(sign, quantity=replace(q, of="", point=""), operand=sign.call, call=None)


def _is_composed(reader: Reader, q: Quantity) -> bool:
    """True for a derivative by what a function is not of, but may be where it is called."""
    f, by = reader.ground.functions.get(q.of), reader.entry(q.by)[0]
    called = any(c.name == q.of and len(c.arguments) == len(split(q.point)) for c in reader.calls)
    if f is None or not (q.point and called and by):
        return False
    return by not in {*(v.name for v in variables(f)), *reader.arguments.get(q.of, ())}


def is_elsewhere(reader: Reader, typed: Quantity, q: Quantity) -> bool:
    """True for a derivative at another point than what its function, or it itself, is of.

    In brackets there may also stand what a function depends on, where nothing else says that.
    """
    own, given = reader.arguments.get(q.of, ()), split(typed.point)
    f, known = reader.ground.functions.get(q.of), reader.ground.lasting
    names = [_name(g, latex="\\" in typed.point or "_" in g) for g in given]
    if (
        f is None
        or not typed.point
        or (q.of in reader.standard and all(names))
        or names in ([*own], [q.by])
    ):
        return False
    if q.by not in {v.name for v in variables(f)}:
        return False
    listed = all(name in known or name in reader.ground.functions for name in names)
    return not listed or (len(own) == len(given) and all(n in known for n in (*own, *names)))


def partials(reader: Reader, q: Quantity) -> list[Quantity]:
    """The derivatives by x and y that `∇f` of f(x, y) is made of; none for one array."""
    of, known = q.of or reader.function, reader.ground.reading.variables
    own = [n for n in reader.arguments.get(of, ()) if n in known and not known[n].shape]
    alone = q.kind == DERIVATIVE and of in reader.ground.functions and not (q.by or q.then)
    listed = len(own) > 1 and len(own) == len(reader.arguments[of])
    bases = {split_label(n)[0] for n in own}
    there = q.point.replace(" ", "") in ("", ",".join(own), *(bases if len(bases) == 1 else ()))
    one = Quantity(DERIVATIVE, of)
    return [replace(one, by=n) for n in own] if alone and listed and there else []


def stacked(marking: Marking, q: Quantity, *, latex: bool) -> Expr | None:
    """The gradient, Jacobian or Hessian by several numbers, entry by entry, at its point."""
    reader = marking.reader
    parts = partials(reader, q)
    if not parts and (parts := partials(reader, replace(q, point=""))):
        e, reader.at_point = stacked(marking, replace(q, point=""), latex=latex), True
        at = Passage.of(q.point, len(reader.document), latex=latex)
        return e and at_point(marking, [part.by for part in parts], e, at)
    cells = [reader.ground.derivative(part) for part in parts]
    if q.order == 2:
        names = [reader.ground.named(e) for e in cells]
        every = (replace(part, of=name) for name in names for part in parts)
        cells = [reader.ground.derivative(part) for part in every]
    across = len(parts) if q.order == 2 or (cells and cells[0].shape) else 1
    return apply("blocks", *cells, params=(across,)) if cells else None


def at_point(marking: Marking, own: Sequence[str], e: Expr, inside: Passage) -> Expr:
    """A value with what stands in brackets in place of the names that it is of.

    Raises MatderivError where it does not fit.
    """
    if found := re.fullmatch(r"\s*\(([^()]*)\)\s*", inside.text):
        inside = inside[found.start(1) : found.end(1)]
    given = split(inside.text)
    named = [part.partition("=") for part in given if "=" in part]
    if len(named) == len(given):  # x = 1, y = 2
        own = [_name(name, latex=inside.latex) for name, _, _ in named]
        given = [value.strip() for _, _, value in named]
    if len(given) == 1 and len(own) > 1:
        return _at_array(marking, own, e, inside)
    if len(given) != len(own):
        raise MatderivError("this does not say which variable is at which point")
    places: dict[Expr, Expr] = {}
    known = {v.name: v for v in variables(e)} | dict(marking.reader.ground.reading.variables)
    start = 0
    for name, typed in zip(own, given, strict=True):
        start = inside.text.index(typed, start)
        if _name(typed, latex=inside.latex) != name:
            if name not in known:
                raise MatderivError(f"{name} is no variable")
            places[known[name]] = point_for(
                marking, known[name], inside[start : start + len(typed)]
            )
    return substitute(e, places)


def _at_array(marking: Marking, own: Sequence[str], e: Expr, inside: Passage) -> Expr:
    """A value with the entries of one point, w^{(0)} = (3, 1), in place of several names."""
    point = marking.elaborated(inside, Indices(), None, guess=False)[0]
    known = marking.reader.ground.reading.variables
    if point.shape != (size := len(own),):
        raise MatderivError(f"nothing says what {inside.text.strip()} is")
    units = (apply("unit", params=(size, k + 1)) for k in range(size))
    return substitute(e, {known[n]: point.T @ unit for n, unit in zip(own, units, strict=True)})


def point_for(marking: Marking, x: Expr, p: Passage) -> Expr:
    """A point for a variable; a name of which nothing is known is one in this statement."""
    ground, name = marking.reader.ground, _name(p.text, latex=p.latex)
    fresh = name and name not in {**ground.reading.variables, **ground.functions}
    try:
        e, present = marking.elaborated(p, Indices(), x.shape, guess=not fresh)
    except UnknownName:
        if not fresh:
            raise
        return ground.passes(name, x.shape)
    if number_value(e) == 0:
        return zeros(x.shape) if x.shape else e
    if fresh and (present or e.shape != x.shape):  # x_k is an entry elsewhere
        return ground.passes(name, x.shape)
    if present or e.shape != x.shape:
        said = f"{x.name} is {shape_text(x.shape)}, and {p.text.strip()} is {shape_text(e.shape)}"
        raise MatderivError(said)
    return e


def with_values(marking: Marking, p: Passage) -> Passage:
    """A side with symbols for the values of functions at points; bodies where none fits."""
    reader, place = marking.reader, 0
    for _ in range(MOST):
        found = next_call(p, reader.calls, place)
        if found is None:
            break
        f, start, opening, stop = found
        given = split(p.text[opening + 1 : stop])
        if f.takes(given, latex=p.latex):
            new = _value(marking, f, p[start : stop + 1], p[opening + 1 : stop])
            p, place = p.with_part(start, stop + 1, new), start
        else:
            place = opening
    for f in reader.calls:  # a number is not transposed
        of = reader.ground.functions.get(f.name)
        primed = re.search(rf"{re.escape(f.head)}\s*'+\s*(?:\\left\s*)?\(", p.text)
        if primed and of is not None and not of.shape and f.arguments != ("",):
            said = primed[0].rstrip("( ").replace("\\left", "").strip()
            hint = f"a line {said}({f.arguments[0]}) = ..."
            raise MatderivError(f"nothing says what {said} is", hint=hint)
    return p


def _value(marking: Marking, f: Called, whole: Passage, inside: Passage) -> str:
    own, e = marking.reader.arguments[f.name], marking.reader.ground.functions.get(f.name)
    indexed = any("_" in name for name in own)
    indexed = indexed or any(marking.reader.entry(n)[1] for n in names_in(inside))
    if e is not None and not indexed:
        try:
            return marking.value(whole.text, at_point(marking, own, e, inside), latex=whole.latex)
        except MatderivError:
            if not re.search("[A-Za-z]", inside.text):
                raise  # a number for an array
    return f"({filled_body(f, split(inside.text))})"


def _name(typed: str, *, latex: bool) -> str:
    """The name that stands alone; "" for a formula."""
    typed = re.sub(r"\\(?:left|right)(?![A-Za-z])", "", typed).strip()
    if latex:
        return latex_name(typed)
    return canonical_name(typed) if re.fullmatch(NAME, typed) else ""
