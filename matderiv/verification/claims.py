"""What is asked when an answer is verified, and how the answer's axes are to be read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matderiv.arguments import require_whole, require_word
from matderiv.calculus.derivative import KINDS, LAYOUTS, change_of, resolve_kind
from matderiv.calculus.structure import STRUCTURES, numeric_projection
from matderiv.choosing.parts import name_parts
from matderiv.errors import ShapeError, UnknownName
from matderiv.expr import Expr, number_value, substitute, variables, walk
from matderiv.input.asking import understood, upstream_of, variable_of
from matderiv.input.entries import (
    AskedEntry,
    about_entry,
    entry_asked,
    entry_of_symbol,
    picked,
    tied,
)
from matderiv.input.from_sympy.objects import from_sympy
from matderiv.input.meaning.subscripts import split_label
from matderiv.input.resolve import Reading
from matderiv.input.variables import name_typed
from matderiv.language.printer import MAX_SYMBOLS, text
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array, Sizes, evaluate, sizes_in
from matderiv.numeric.question import DirectionQuestion
from matderiv.shapes import Shape, concrete, is_scalar, long_axes, shape_text, size_names, times
from matderiv.verification.equations import Answer

Axes = tuple[int, ...]
Arrange = Callable[[Array, Axes, list[Axes]], Array]
"""An answer, random points first, with the axes of f and then of the variables."""

DIRECTIONAL = ("jvp", "differential")


@dataclass(frozen=True)
class Asked:
    """The derivative in question: an expression, a variable, and the conventions.

    `reading` knows the names that an answer may use. By an entry x_1, the variable says how far
    that entry has moved, and x is the array that has moved with it; `at` are the unit vectors of
    indices that f and the variable share, which pick the same entry of an answer. `letters` are the
    indices that the question has for the axes, as in f_i by x_kj.
    """

    f: Expr
    wrt: Expr
    kind: str
    order: int
    layout: str
    structure: str | None
    reading: Reading
    upstream: Expr | None = None
    tangent: Expr | None = None
    entry: AskedEntry | None = None
    at: tuple[Expr, ...] = ()
    letters: tuple[str, ...] = ()

    @property
    def path(self) -> tuple[Expr, ...]:
        """The variable, once for each order."""
        return (self.wrt,) * self.order

    @property
    def outer(self) -> Shape:
        """The axes of f that an answer has; none for a vjp."""
        if self.upstream is not None:
            return ()
        return tuple(self.f.shape[k] for k in long_axes(self.f.shape))

    @property
    def groups(self) -> list[Shape]:
        """The shapes whose axes make up the answer: f's, then the variable's for each order."""
        inner = [] if self.tangent is not None else [self.wrt.shape] * self.order
        own = self.f.shape if self.outer else ()
        return [g for g in (own, *inner) if not is_scalar(g)]

    @property
    def extra(self) -> dict[str, Expr]:
        """Names that only an answer has."""
        return {v.name: v for v in (self.upstream, self.tangent) if v is not None}


@dataclass(frozen=True)
class Claim:
    """An answer that has been read: an expression or a function of the values, and its axes.

    `layout` is "" for the one asked for, else a name such as "transposed".
    """

    asked: Asked
    expr: Expr | None
    arrange: Arrange
    layout: str = ""
    typed: str = ""
    function: Callable[[Mapping[str, Any]], Any] | None = None

    def evaluated(self, values: Mapping[str, Any], sizes: Sizes) -> Array:
        """The answer's numbers, with the axes of f and of the variables."""
        if self.expr is None:
            assert self.function is not None
            return np.asarray(self.function({k: np.array(v) for k, v in values.items()}), float)
        array = evaluate(self.expr, values, sizes)
        outer = concrete(self.asked.outer, sizes)
        inner = [] if self.asked.tangent is not None else [concrete(self.asked.wrt.shape, sizes)]
        return np.asarray(self.arrange(array[None], outer, inner * self.asked.order)[0])


# Asking ------------------------------------------------------------------------------------------


def ask(
    f: Any,
    wrt: Any,
    *,
    shapes: Mapping[str, Any] | None = None,
    assume: Mapping[str, Any] | None = None,
    kind: str | None = None,
    order: int = 1,
    layout: str = "gradient",
    structure: str | None = None,
    upstream: str = "G",
) -> Asked:
    """The question behind `verify`, with the arguments of `derive`; raises what reading raises.

    >>> ask("x'*A*x", "x").kind
    'gradient'
    """
    require_word(layout, "layout", LAYOUTS)
    if structure is not None:
        require_word(structure, "structure", STRUCTURES)
    if kind is not None:
        require_word(kind, "kind", [k for k in KINDS if k != "hvp"])
    order = require_whole(order, "order", 1)
    given = understood(f, shapes, assume, wrt, kind, wirtinger=True)
    reading = given.reading or reading_about(given.f)
    entry = entry_asked(given.reading, wrt) or entry_of_symbol(given.f, wrt)
    if entry is not None:
        x, at = entry.variable, tied(entry, reading)
        reading = about_entry(reading, entry, at)
    else:
        x, at = variable_of(given.f, given.reading, wrt), ()
    f, letters = reading.expr, () if entry else _letters(reading, x, wrt)
    kind, order = resolve_kind(f, kind, order)
    asked = Asked(f, x, kind, order, layout, structure, reading, None, None, entry, at, letters)
    if kind == "vjp":
        asked = replace(asked, upstream=upstream_of(given.f, given.reading, upstream))
    if kind in DIRECTIONAL:
        asked = replace(asked, tangent=change_of(x, reading.expr))
    return asked


def _letters(reading: Reading, x: Expr, wrt: Any) -> tuple[str, ...]:
    """The indices of f, and those below the variable as typed: f_i by x_kj."""
    below = split_label(name_typed(wrt))[1] if isinstance(wrt, str) and x.name != wrt else ""
    return (*reading.free, *below)


def reading_about(f: Expr) -> Reading:
    """The names of an expression that was given as an object."""
    named = {v.name: v for v in variables(f)}
    spelled = text(f) if f.weight <= MAX_SYMBOLS else text(*name_parts(f, named))
    return Reading(f, named, frozenset(sizes_in(f)), spelled, spelled)


# The axes of an answer ---------------------------------------------------------------------------


def as_it_is(a: Array, outer: Axes, inner: list[Axes]) -> Array:
    """The axes of f, then those of the variables, as they come."""
    return a.reshape((len(a), *outer, *(s for shape in inner for s in shape)))


def _turned(a: Array, outer: Axes, inner: list[Axes]) -> Array:
    return as_it_is(np.swapaxes(a, -1, -2) if a.ndim > 2 else a, outer, inner)


def _zero(a: Array, outer: Axes, inner: list[Axes]) -> Array:
    return np.zeros((len(a), *outer, *(s for shape in inner for s in shape)), dtype=a.dtype)


def _stacked(a: Array, outer: Axes, inner: list[Axes]) -> Array:
    """From ∂vec(F)/∂vec(X)': the axes of each side are in reverse, because vec stacks columns."""
    groups = [g for g in (outer, *inner) if g]
    a = a.reshape((len(a), *(s for g in groups for s in reversed(g))))
    order, place = [0], 1
    for g in groups:
        order += range(place + len(g) - 1, place - 1, -1)
        place += len(g)
    return as_it_is(np.transpose(a, order), outer, inner)


TRANSPOSED, STACKED, STACKED_TURNED = "transposed", "stacked", "stacked and transposed"
ARRANGEMENTS: dict[str, Arrange] = {
    "": as_it_is,
    TRANSPOSED: _turned,
    STACKED: _stacked,
    STACKED_TURNED: lambda a, outer, inner: _stacked(np.swapaxes(a, -1, -2), outer, inner),
}


def expected_shape(asked: Asked) -> Shape:
    """The shape of an answer as it is usually written; of ∂vec(F)/∂vec(X)' beyond two axes."""
    groups = asked.groups
    if len(groups) < 2:
        whole = groups[0] if groups else ()
        return _turned_shape(whole) if _wants_turned(asked) else whole
    sides = [times(*(s for s in g if s != 1)) for g in groups]
    if len(groups) == 2:
        return (sides[1], sides[0]) if _wants_turned(asked) else (sides[0], sides[1])
    return tuple(s for g in groups for s in g if s != 1)


def _turned_shape(shape: Shape) -> Shape:
    if len(shape) == 1:
        return (1, *shape)
    return shape[1:] if len(shape) == 2 and shape[0] == 1 else shape[::-1]


def _wants_turned(asked: Asked) -> bool:
    """True if the layout asked for displays the transpose."""
    groups = asked.groups
    if asked.layout == "numerator":
        return asked.kind == "gradient" and len(groups) == 1
    flat = all(len(long_axes(g)) == 1 for g in groups)
    return asked.layout == "denominator" and asked.kind == "jacobian" and len(groups) == 2 and flat


def arrangements(asked: Asked, shape: Shape) -> list[str]:
    """The ways in which an answer of this shape can be meant, the one asked for first.

    >>> asked = ask("A*x", "x")
    >>> m, n = asked.f.shape[0], asked.wrt.shape[0]
    >>> arrangements(asked, (m, n)), arrangements(asked, (n, m)), arrangements(asked, (n,))
    ([''], ['transposed'], [])
    """
    groups = asked.groups
    flat = all(len(long_axes(g)) == 1 for g in groups)
    found = []
    if len(groups) == 1:
        found = _single(asked, groups[0], shape)
    elif not groups:
        found = [""] if is_scalar(shape) else []
    elif len(groups) == 2 and len(shape) == 2:
        sides = tuple(times(*(s for s in g if s != 1)) for g in groups)
        named = ("", TRANSPOSED) if flat else (STACKED, STACKED_TURNED)
        found = [n for n, s in zip(named, (sides, sides[::-1]), strict=True) if s == shape]
    elif [s for s in shape if s != 1] == [s for g in groups for s in g if s != 1]:
        found = [""]
    if _wants_turned(asked):
        found.sort(key=lambda name: name != TRANSPOSED)
    return found


def _single(asked: Asked, group: Shape, shape: Shape) -> list[str]:
    """For an answer with the axes of one array: as it is, transposed, or stacked into a vector."""
    long = [s for s in shape if s != 1]
    if len(long_axes(group)) == 1:
        if long != [s for s in group if s != 1] or len(shape) > 2:
            return []
        free = asked.kind == "jacobian" or bool(asked.outer) or asked.tangent is not None
        if free and asked.layout != "denominator":
            return [""]
        row = len(shape) == 2 and shape[0] == 1
        return [""] if row == (len(group) == 2 and group[0] == 1) else [TRANSPOSED]
    found = [""] if shape == group else []
    if len(group) == 2:
        found += [TRANSPOSED] if shape == group[::-1] else []
        found += [STACKED] if long == [times(*group)] else []
    return found


def conventional(asked: Asked, name: str) -> bool:
    """True if the arrangement is the one asked for: stacked only where there is no other."""
    if _wants_turned(asked):
        return name == TRANSPOSED
    return name == "" or (name == STACKED and len(asked.groups) == 2)


# Reading an answer -------------------------------------------------------------------------------


def read_answer(asked: Asked, answer: Any) -> Expr:
    """The expression of an answer, in the names of f.

    Raises ParseError, UnknownName, ShapeError, ... as reading does.
    """
    return read_sides(asked, answer)[-1]


def _of_known_functions(asked: Asked, e: Expr, names: Sequence[str] = ("f",)) -> Expr:
    """An answer in which f(x), or that of another of its `names`, is the expression itself.

    UnknownName for any other function that the expression does not have: it has no values.

    >>> asked = ask("exp(a*t)", "t", shapes={"t": ""})
    >>> read_answer(asked, "a*f(t)") == read_answer(asked, "a*exp(a*t)")
    True
    """
    known = {n.params[-2] for n in walk(asked.f) if n.function.call == "abstract"}
    whole: dict[Expr, Expr] = {}
    for node in walk(e):
        if node.function.call != "abstract" or node.params[-2] in known:
            continue
        name, order = node.params[-2:]
        if name not in names or order or node.args[0] not in variables(asked.f):
            raise UnknownName(
                f"the answer has the function {name}, which the expression does not have",
                hint="its formula in place of its name",
            )
        if node.shape != asked.f.shape:
            raise ShapeError(f"{name} is {shape_text(asked.f.shape)}, here it is read as a number")
        whole[node] = asked.f
    return substitute(e, whole) if whole else e


def read_sides(asked: Asked, answer: Any) -> tuple[Expr, ...]:
    """The expressions of all sides of an answer that are said to be the derivative."""
    if isinstance(answer, str):
        stated = _stated(asked, answer)
        sides = (_of_known_functions(asked, e, (*stated.names, "L", "J")) for e in stated.claims())
        if _wants_turned(asked) and stated.in_entries:
            sides = (e.T for e in sides)
        return tuple(picked(e, asked.at, asked.wrt.shape) for e in sides)
    e = answer if isinstance(answer, Expr) else from_sympy(answer)
    known = {**dict(asked.reading.parts), **asked.reading.variables, **asked.extra}
    mapping = {v: known[v.name] for v in variables(e) if v.name in known}
    for v in variables(e):
        if v.name not in known:
            raise UnknownName(
                f"the answer has the name {v.name}, which the expression does not have",
                hint=", ".join(known),
            )
    return (substitute(e, mapping),)


def _stated(asked: Asked, answer: str) -> Answer:
    axes, expected = tuple(s for group in asked.groups for s in group), expected_shape(asked)
    f, x, reading = asked.f, asked.wrt, asked.reading
    letters = asked.letters
    return Answer(answer, f, x, asked.order, reading, asked.extra, expected, axes, letters=letters)


def in_entries(asked: Asked, typed: str) -> bool:
    """True for an answer whose left side has indices for all axes, such as ∂f_i/∂x_j."""
    return _stated(asked, typed).in_entries


def claims(asked: Asked, e: Expr, typed: str) -> list[Claim]:
    """The readings of an answer's axes; empty when its shape fits none.

    Where the left side has indices they say which axis is which.
    """
    if number_value(e) == 0:
        return [Claim(asked, e, _zero, "", typed)]
    names = arrangements(asked, e.shape)
    if len(names) > 1 or not all(conventional(asked, n) for n in names):
        told = in_entries(asked, typed)
        names = [n for n in names if conventional(asked, n) or not told]
    return [Claim(asked, e, ARRANGEMENTS[n], n, typed) for n in names]


def of_function(asked: Asked, function: Callable[[Mapping[str, Any]], Any]) -> Claim:
    """A claim that is code: a function of a dictionary of arrays."""
    return Claim(asked, None, as_it_is, "", getattr(function, "__name__", "the function"), function)


def question_about(asked: Asked, structure: str, claim: Callable[..., Any]) -> DirectionQuestion:
    """The numeric question about a claim: a function of values and sizes."""
    directional = asked.kind in DIRECTIONAL
    project = None if directional else numeric_projection(asked.wrt, structure, asked.order)
    return DirectionQuestion(asked.f, asked.path, claim, asked.upstream, asked.tangent, project)


def names_for(asked: Asked, e: Expr | None) -> list[Expr]:
    """Variables that a check must draw, those of f apart."""
    found = [asked.wrt, *asked.extra.values(), *(() if e is None else variables(e))]
    missing = (sizes_in(e) if e is not None else set()) - sizes_in(asked.f)
    for v in asked.reading.variables.values():
        if size_names([v.shape]) & missing:
            found.append(v)
            missing -= size_names([v.shape])
    return found
