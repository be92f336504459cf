"""An answer as a tree that may be ill-shaped, and the same tree with one part replaced.

Interned expressions share equal parts; a student's mistake is at one place, so places are paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matderiv.errors import MatderivError, ShapeError
from matderiv.expr import Expr, Number, Params, apply, fold, number
from matderiv.language.calls import interpret
from matderiv.language.source import Name, Node, Source, postorder
from matderiv.language.source import Number as TypedNumber
from matderiv.shapes import Shape

Path = tuple[int, ...]
MAX_PLACES = 400  # a longer answer is not searched


@dataclass(frozen=True, eq=False, slots=True)
class Sketch:
    """A function on sketches; `expr` is the expression, None where the shapes do not fit."""

    name: str
    args: tuple[Sketch, ...]
    params: Params
    expr: Expr | None

    @property
    def shape(self) -> Shape | None:
        """The shape; None when ill-shaped."""
        return None if self.expr is None else self.expr.shape


def sketch(name: str, *args: Sketch | Number, params: Params = ()) -> Sketch:
    """A node over sketches and numbers, ill-shaped or not.

    >>> x = drawn(variable("x", (3,)))
    >>> sketch("mul", x, x).shape is None, sketch("hadamard", x, x).shape
    (True, (3,))
    """
    found = tuple([a if isinstance(a, Sketch) else drawn(number(a)) for a in args])
    nodes = [a.expr for a in found if a.expr is not None]
    if len(nodes) < len(found):
        return Sketch(name, found, params, None)
    try:
        return Sketch(name, found, params, apply(name, *nodes, params=params))
    except ShapeError:
        return Sketch(name, found, params, None)


def drawn(expr: Expr) -> Sketch:
    """The sketch of an expression; products inside products are written out in one row."""
    return fold(expr, lambda e, args: _flat(Sketch(e.function.name, args, e.params, e)))


def _flat(s: Sketch) -> Sketch:
    """A product or sum with the factors or terms of its first argument in the same row."""
    if s.name not in ("mul", "hadamard", "add") or s.args[0].name != s.name:
        return s
    flat = sketch(s.name, *s.args[0].args, *s.args[1:], params=s.params)
    return s if flat.expr is None and s.expr is not None else flat


def from_source(source: Source, known: dict[str, Expr]) -> Sketch | None:
    """The sketch of a typed text, whatever its shapes; None where a size would be a guess."""
    if source.parts:
        return None
    done: dict[Node, Sketch] = {}
    for node in _valued(source):
        if isinstance(node, TypedNumber):
            done[node] = drawn(number(node.value))
        elif isinstance(node, Name) and node.name in known:
            done[node] = drawn(known[node.name])
        elif isinstance(node, Name):
            leaf = ("pi", ("pi",)) if node.name == "pi" else ("size", (node.name,))
            done[node] = sketch(leaf[0], params=leaf[1])
        else:
            try:
                application = interpret(node, source)  # type: ignore[arg-type]
            except MatderivError:
                return None
            if application.open_sizes:
                return None
            args = [
                drawn(number(o.value)) if isinstance(o, TypedNumber) else done[o]
                for o in application.operands  # numbers may be defaults, which nobody typed
            ]
            made = sketch(application.function.name, *args, params=application.params)
            done[node] = _flat(made)
    return done[source.main]


def _valued(source: Source) -> Iterator[Node]:
    """The nodes that have a value, operands first."""
    wanted = {source.main}
    order = list(postorder(source.main))
    for node in reversed(order):
        if node in wanted and not isinstance(node, (Name, TypedNumber)):
            try:
                wanted |= set(interpret(node, source).operands)  # type: ignore[arg-type]
            except MatderivError:
                continue
    return (n for n in order if n in wanted)


def places(root: Sketch) -> list[tuple[Path, Sketch]]:
    """Every place with the part that stands there, the whole first, level by level."""
    found: list[tuple[Path, Sketch]] = [((), root)]
    for path, part in found:
        if len(found) > MAX_PLACES:
            break
        found += [((*path, k), a) for k, a in enumerate(part.args)]
    return found


def replaced(root: Sketch, path: Path, part: Sketch) -> Sketch | None:
    """The tree with another part at a place; None where the shapes do not fit."""
    above = [root]
    for k in path[:-1]:
        above.append(above[-1].args[k])
    for k in reversed(path):
        if part.expr is None:
            return None
        parent = above.pop()
        args = (*parent.args[:k], part, *parent.args[k + 1 :])
        part = sketch(parent.name, *args, params=parent.params)
    return None if part.expr is None else part
