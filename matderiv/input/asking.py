"""What a question is about: an expression, a variable of it, an upstream; as text or as objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from matderiv.arguments import one_of, variables_in
from matderiv.bridge.sizes import by_name, entry_parts, filled_in, is_filled, name_of
from matderiv.errors import MatderivError, ParseError, ShapeError, UnknownName
from matderiv.expr import Expr, contains, is_, substitute, variable, variables, walk
from matderiv.input.entries import entry_of_symbol, whole_of
from matderiv.input.from_sympy.objects import ObjectReader, from_sympy
from matderiv.input.from_sympy.predicates import facts_of
from matderiv.language.declare import declared_facts, declared_shapes
from matderiv.language.printer import text as printed
from matderiv.language.tokens import canonical_name, is_name
from matderiv.lazy import later
from matderiv.numeric.evaluate import sizes_in
from matderiv.shapes import Shape, shape_text

if TYPE_CHECKING:
    from matderiv.calculus import expectation
    from matderiv.input import resolve
    from matderiv.input import variables as naming
    from matderiv.input.resolve import Reading
else:
    naming, resolve, expectation = later("input.variables input.resolve calculus.expectation")

_BOLD = re.compile(r"\s*\\(?:mathbf|boldsymbol|bm|vec)\s*\{?\s*([a-z])\s*\}?\s*")


@dataclass(frozen=True)
class Question:
    """An expression as it was understood; `symbols` are the SymPy symbols it came with.

    `reading` is None and `source` empty where it was given as an object, whose free indices are
    `free`.
    """

    f: Expr
    reading: Reading | None = None
    source: str = ""
    symbols: Mapping[str, Any] = field(default_factory=dict)
    free: tuple[str, ...] = ()


def understood(
    f: Any,
    shapes: Mapping[str, Any] | None = None,
    assume: Mapping[str, Any] | None = None,
    about: Any = (),
    kind: str | None = None,
    wirtinger: bool = False,
) -> Question:
    """The expression that was given as text, as a SymPy expression or as an `Expr`.

    `about` is what the derivative is by. A gradient is of a number, so a free index is a label of
    it. With `wirtinger` names may be complex. Raises what reading the text, or the SymPy
    expression, raises.

    >>> str(understood("A*x - b", {"b": "m"}).f.shape[0])
    'm'
    """
    if isinstance(f, str):
        labels = kind in ("gradient", "hessian")
        named = names_asked(about)
        how: dict[str, Any] = {"about": named, "labels": labels, "wirtinger": wirtinger}
        how["kinds"] = {m[1]: 1 for w in listed(about) if (m := _BOLD.fullmatch(str(w)))}
        if entries := _entries_of(f, shapes, *named):
            f += " where " + "; ".join(f"{n} = {named[0]}[{k}]" for k, n in enumerate(entries, 1))
            shapes = {n: s for n, s in declared_shapes(shapes).items() if n not in entries}
            shapes |= {named[0]: (len(entries),)}
        reading = read_question(f, shapes=shapes, assume=assume, **how)
        _check_definitions(reading)
        if entries:
            said = f"{', '.join(entries)} are read as the entries of {named[0]}"
            reading = replace(reading, notes=(*reading.notes, said))
        return Question(reading.expr, reading, f)
    if isinstance(f, Expr):
        return Question(f)
    reader = ObjectReader(declared_facts(facts_of(assume, f)), open_indices=True)
    filled = [w for w in listed(about) if is_filled(w)]
    found = reader.expression(filled_in(f, filled))
    _require_shapes(found, declared_shapes(by_name(shapes)))
    symbols = reader.met() | {name_of(w): w.as_immutable() for w in filled}
    return Question(found, symbols=symbols, free=reader.free)


def _check_definitions(reading: Reading) -> None:
    """ParseError for a definition that nothing uses: `∇f where f = x'*x` would be constant."""
    used = re.findall(r"[∇²]*\w+", reading.read_as)
    for name, _ in reading.parts:
        if used.count(name) == 1 and reading.spelling != "python":  # where lines may be left over
            said = f"{name} is defined, and nothing uses it"
            raise ParseError(
                said, source=reading.source, hint=f"{name} alone, whose derivative is asked for"
            )


def read_question(text: str, **how: Any) -> Reading:
    """What `resolve.read` reads, with means over normal variables in closed form.

    >>> read_question("E[x'*A*x] with x ~ N(m, S)").read_as
    "m'*A*m + tr(A*S)"
    """
    return with_means(resolve.read(text, **how))


def with_means(reading: Reading) -> Reading:
    """The reading with its means over normal variables in closed form."""
    if not contains(reading.expr, "expectation", "mvnpdf", "mvnlogpdf"):
        return reading
    over = {n.args[1] for n in walk(reading.expr) if is_(n, "expectation")}
    told = expectation.with_covariances(reading.expr)
    told = {v: known for v, known in told.items() if v is not known}
    reading = replace(reading, told=frozenset(c.name for c in told))
    if not over:
        return _with_facts(reading, told) if told else reading
    e = expectation.averaged(substitute(reading.expr, told))
    gone = {v.name for v in over}
    if left := gone & {v.name for v in variables(e)}:
        outside = f"{min(left)} is averaged and stands outside of E too"
        raise MatderivError(outside, hint="another name for one of the two")
    said = ["means over normal variables are in closed form, as quadrature says"]
    said += [f"{c.name} is symmetric positive definite, a covariance" for c in told]
    parts = [(n, expectation.averaged(substitute(v, told))) for n, v in reading.parts]
    return replace(
        reading,
        expr=e,
        variables={n: told.get(v, v) for n, v in reading.variables.items() if n not in gone},
        read_as=printed(e),
        notes=(*reading.notes, *said),
        parts=tuple((n, v) for n, v in parts if not over & {*variables(v)}),
        guessed=reading.guessed - gone,
    )


def _with_facts(reading: Reading, told: dict[Expr, Expr]) -> Reading:
    """The reading with variables that have more facts than anybody said: covariances."""
    said = [f"{c.name} is symmetric positive definite, a covariance" for c in told]
    return replace(
        reading,
        expr=substitute(reading.expr, told),
        variables={n: told.get(v, v) for n, v in reading.variables.items()},
        notes=(*reading.notes, *said),
        parts=tuple((n, substitute(v, told)) for n, v in reading.parts),
    )


def _entries_of(f: str, shapes: Mapping[str, Any] | None, *asked: str) -> list[str]:
    """x1, ..., xk, declared to be numbers, of an f that is derived by x and has no x."""
    if len(asked) != 1 or re.search(rf"(?<!\w){re.escape(asked[0])}(?!\w)|\bwhere\b", f):
        return []
    declared = declared_shapes(shapes).items()
    numbers = {n for n, shape in declared if not shape and re.search(rf"\b{n}\b", f)}
    names = [f"{asked[0]}{k}" for k in range(1, len(numbers) + 1)]
    found = [n for n in names if n in numbers]
    return found if len(found) > 1 and found == names[: len(found)] else []


def about_a_number(
    f: Any,
    shapes: Mapping[str, Any] | None = None,
    assume: Mapping[str, Any] | None = None,
    about: Any = (),
) -> Question:
    """The same for an f that has to be a number, which says that x of tanh(x) is one.

    >>> [len(about_a_number(f, about="x").f.shape) for f in ("tanh(x)", "tanh(x).*x")]
    [0, 1]
    """
    asked = understood(f, shapes, assume, about, "gradient")
    numbers = () if asked.reading is None else numbers_meant(asked.reading)
    if not numbers:
        return asked
    return understood(
        f, {**(shapes or {}), **dict.fromkeys(numbers, "")}, assume, about, "gradient"
    )


def numbers_meant(reading: Reading) -> tuple[str, ...]:
    """Vectors by their letter alone, of which f is a function of each entry, such as x of tanh(x).

    They may be numbers as well. Signs of arrays (.*, a transpose, a sum) say that they are none.

    >>> [numbers_meant(resolve.read(t)) for t in ("tanh(x) + y", "tanh(x).*x", "sum(tanh(x))")]
    [('x', 'y'), (), ()]
    """
    names = tuple(v.name for v in variables(reading.expr) if v.shape)
    if not reading.expr.shape or any(n not in reading.guessed for n in names):
        return ()
    dotted = () if reading.spelling == "python" else ("hadamard", "ediv", "epow")
    for node in walk(reading.expr):
        each = node.function.kind == "elementwise" or is_(node, "add", "neg")
        scaled = any(not a.shape for a in node.args)
        if len(node.shape) > 1 or is_(node, *dotted) or not (not node.args or each or scaled):
            return ()
    return names


def _require_shapes(f: Expr, declared: Mapping[str, Shape]) -> None:
    """ShapeError where a symbol is declared to have another shape than it has."""
    for v in variables(f):
        if declared.get(v.name, v.shape) != v.shape:
            raise ShapeError(
                f"{v.name} is {shape_text(v.shape)} as a SymPy symbol and declared "
                f"{shape_text(declared[v.name])}",
                hint="no shapes: symbols have theirs",
            )


def listed(wrt: Any) -> list[Any]:
    """What a question is about, one by one; nothing where it is about none."""
    return variables_in(wrt)[0] if wrt else []


def names_asked(wrt: Any) -> tuple[str, ...]:
    """The names that a question is about, as far as they are names.

    >>> names_asked(["W", r"\\mathbf{b}", "z_i"])
    ('W', 'b', 'z_i')
    """
    typed = [w if isinstance(w, str) else getattr(w, "name", "") for w in listed(wrt)]
    return tuple(filter(None, map(naming.name_typed, typed)))


def _by_name(f: Expr) -> dict[str, Expr]:
    """The variables of f by their names, found once however many of them are asked for."""
    if "by name" not in f.cache:
        f.cache["by name"] = {v.name: v for v in variables(f)}
    found: dict[str, Expr] = f.cache["by name"]
    return found


def variable_of(f: Expr, reading: Reading | None, wrt: Any) -> Expr:
    """The variable of differentiation, from its name or as an object.

    Raises UnknownName for a name that is not known, MatderivError for what is no variable.

    >>> variable_of(understood("A*x").f, None, "x").name
    'x'
    """
    named = _by_name(f)
    array, _ = entry_parts(wrt)
    if array is not None and entry_of_symbol(f, wrt) is None:
        wrt = array
    if type(wrt).__name__ in ("IndexedBase", "ArraySymbol") or is_filled(wrt):
        wrt = name_of(wrt)
    if isinstance(wrt, str):
        e = _named(wrt, named, reading)
    elif isinstance(wrt, Expr):
        e = wrt
        if is_(e, "variable"):
            e = {**named, **(reading.variables if reading else {})}.get(e.name, e)
    else:
        e = _symbol_of(f, from_sympy(wrt), {**named, **(reading.variables if reading else {})})
    if not is_(e, "variable"):
        raise MatderivError(
            "differentiate with respect to a variable",
            hint=f"name a variable of the expression, such as {next(iter(named), 'x')}",
        )
    return e


def _symbol_of(f: Expr, e: Expr, named: Mapping[str, Expr]) -> Expr:
    """The variable that a SymPy symbol stands for; a misspelled or mistaken symbol is an error."""
    if is_(e, "variable") and e.name in sizes_in(f):
        said = f"{e.name} is a size: a whole number, and there is no derivative by it"
        raise MatderivError(said, hint=one_of(named))
    if not is_(e, "variable") or (not named and is_(f, "zeros", "number")):
        return e
    if e.name not in named:
        raise UnknownName(f"{e.name} does not occur in the expression", hint=one_of(named))
    found = named[e.name]
    if e.shape != found.shape:
        raise ShapeError(
            f"{e.name} is {shape_text(e.shape)} here and {shape_text(found.shape)} in the "
            "expression",
            hint="the symbol that the expression was built with",
        )
    return found


def _named(wrt: str, named: Mapping[str, Expr], reading: Reading | None) -> Expr:
    if reading is not None:
        found = naming.read_name(reading, wrt) or whole_of(reading, wrt)
        return reading.read_more(wrt, "the variable of differentiation") if found is None else found
    if wrt not in named:
        raise UnknownName(f"{wrt} does not occur in the expression", hint=one_of(named))
    return named[wrt]


def upstream_of(f: Expr, reading: Reading | None, name: str) -> Expr:
    """The upstream variable of a vjp, of f's shape; ShapeError where it is declared otherwise.

    Raises MatderivError for what is no name, and for a name that the expression has already.

    >>> str(upstream_of(understood("A*x").f, None, "G").shape[0])
    'm'
    """
    if not isinstance(name, str) or not is_name(canonical_name(name)):
        raise MatderivError(f"the upstream needs a name, not {name!r}", hint="upstream='G'")
    name = canonical_name(name)
    used = {n.name for n in walk(f) if is_(n, "variable", "size")}
    if name in used:
        raise MatderivError(
            f"{name} is the name of the upstream gradient, and a name in the expression too",
            hint=f"upstream='{next((c for c in 'GHUVK' if c not in used), f'{name}1')}'",
        )
    declared = reading.variables.get(name) if reading else None
    if declared is None:
        return variable(name, value_shape(f))
    if [s for s in declared.shape if s != 1] != [s for s in f.shape if s != 1]:
        raise ShapeError(
            f"the upstream {name} is {shape_text(declared.shape)}, the expression is "
            f"{shape_text(f.shape)}"
        )
    return declared


def value_shape(f: Expr) -> Shape:
    """The shape of f's values: a row made by transposing counts as a vector.

    >>> r = variable("r", (1, 3))
    >>> value_shape(r), value_shape(2 * r)
    ((1, 3), (3,))
    """
    if len(f.shape) == 2 and f.shape[0] == 1 != f.shape[1] and not is_(f, "variable"):
        return f.shape[1:]
    return f.shape
