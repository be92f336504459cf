"""The small changes that undo common mistakes, one family for each kind of mistake.

A family takes a part of an answer and yields what could stand there instead, with the words that
say so. Whether it is right is found out in numbers; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations

from matderiv.errors import MatderivError, ShapeError
from matderiv.expr import Expr, Number, Params, apply, fold, number
from matderiv.language.calls import interpret
from matderiv.language.source import Name, Node, Source, postorder
from matderiv.language.source import Number as TypedNumber
from matderiv.shapes import Shape, is_scalar
from matderiv.verification.mistakes.diagnosis import Said

Path = tuple[int, ...]
MAX_PLACES = 400  # a longer answer is not searched


@dataclass(frozen=True, eq=False, slots=True)
class Sketch:
    """A function on sketches; `expr` is the expression, None where the shapes do not fit.

    Equal parts of an expression are one node, and a mistake is at one place: places are paths.
    """

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


Change = tuple[Sketch, str | Said]
"""What stands there instead, and how a sentence about it begins."""


@dataclass(frozen=True)
class EditContext:
    """What the changes draw on.

    `pool` are parts of f, of the answer and of the right derivative, the likely ones first;
    `functions` the functions of one argument among them; `sizes` the sizes as numbers.
    """

    pool: tuple[Sketch, ...]
    functions: tuple[tuple[str, tuple[object, ...]], ...] = ()
    sizes: tuple[Sketch, ...] = ()
    variables: tuple[Sketch, ...] = ()


Family = Callable[[Sketch, Sketch | None, EditContext], Iterator[Change]]
"""(part, the part above it, context) -> what could stand instead."""


def scalar(s: Sketch) -> bool:
    """True for a well-shaped scalar."""
    return s.shape is not None and is_scalar(s.shape)


def matrix(s: Sketch) -> bool:
    """True for a well-shaped matrix."""
    return s.shape is not None and len(s.shape) == 2


def transposes(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A part transposed, or one transpose dropped."""
    if s.name == "transpose":
        yield s.args[0], "Without the transpose"
    elif not scalar(s) and (above is None or above.name != "transpose"):
        yield sketch("transpose", s), "Transposed"
        for part, rest in stretches(s):
            if part is not s and not scalar(part):
                yield rest(sketch("transpose", part)), "Transposed in part"


def signs(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A sign changed: of the whole, a term, a factor in front, an argument."""
    if s.name == "neg":
        yield s.args[0], "Without the minus"
    elif above is None or above.name not in ("neg", "mul", "hadamard", "div", "transpose"):
        yield sketch("neg", s), "With the other sign"
    if s.name == "number" and s.params[0] < 0:
        yield sketch("number", params=(-s.params[0],)), "Without the minus"


def orders(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """One factor at another place, all in reverse, or the other of two transposed."""
    said = "In the other order"
    if s.name in ("mul", "kron", "outer", "solve", "div", "ediv"):
        moves = permutations(range(len(s.args)), 2)
        for k, j in sorted(moves, key=lambda move: abs(move[0] - move[1])):
            rest = s.args[:k] + s.args[k + 1 :]
            if j != k - 1:  # that is a move of the neighbour
                yield sketch(s.name, *rest[:j], s.args[k], *rest[j:], params=s.params), said
        if len(s.args) > 2:
            yield sketch(s.name, *s.args[::-1], params=s.params), said
    if s.name == "mul":
        for k in range(len(s.args) - 1):
            a, b = s.args[k], s.args[k + 1]
            if a.name == "transpose":
                new = (a.args[0], sketch("transpose", b))
            elif b.name == "transpose":
                new = (sketch("transpose", a), b.args[0])
            else:
                continue
            factors = (*s.args[:k], *new, *s.args[k + 2 :])
            yield sketch("mul", *factors), "With the other factor transposed"


def products(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """An entrywise product for a matrix product, and back, at one sign."""
    names = {"mul": ("hadamard", "Entry by entry"), "hadamard": ("mul", "As a matrix product")}
    if s.name not in names or _column_and_row(s):
        return
    if s.name == "hadamard" and len(s.args) == 2 and all(_vector(a) for a in s.args):
        a, b = s.args
        yield sketch("mul", a, sketch("transpose", b)), "As a column times a row"
        yield sketch("mul", b, sketch("transpose", a)), "As a column times a row"
    other, said = names[s.name]
    yield sketch(other, *s.args), said
    for k in range(1, len(s.args)):
        if len(s.args) > 2:
            yield sketch(other, row(s, s.args[:k]), row(s, s.args[k:])), said
            pair = sketch(other, s.args[k - 1], s.args[k])
            yield row(s, (*s.args[: k - 1], pair, *s.args[k + 1 :])), said
    if s.args[0].name == other:
        inner = s.args[0]
        last = sketch(other, inner.args[-1], *s.args[1:])
        yield sketch(other, *inner.args[:-1], last), said
        yield sketch(other, *inner.args, *s.args[1:]), said


def _vector(s: Sketch) -> bool:
    return s.shape is not None and len(s.shape) == 1


def _column_and_row(s: Sketch) -> bool:
    """True for a product of a column and a row: entry by entry it would broadcast to a matrix."""
    shapes = [a.shape for a in s.args if not scalar(a)]
    rows = [shape is not None and len(shape) == 2 and shape[0] == 1 for shape in shapes]
    flat = [shape is not None and (len(shape) == 1 or 1 in shape) for shape in shapes]
    return s.name == "mul" and all(flat) and any(rows) and not all(rows)


def row(s: Sketch, args: tuple[Sketch, ...]) -> Sketch:
    """The same product or sum of other factors or terms; of one, that itself."""
    return args[0] if len(args) == 1 else sketch(s.name, *args, params=s.params)


_REDUCTIONS = ("sum", "mean", "max", "min", "prod", "softmax", "log_softmax", "logsumexp")


def reductions(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A mean for a sum and back, a least for a greatest."""
    pairs = {"sum": "mean", "mean": "sum", "max": "min", "min": "max"}
    if s.name in pairs:
        yield sketch(pairs[s.name], *s.args, params=s.params), f"With {pairs[s.name]}"


def axes(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A sum, a mean, a softmax along another axis."""
    if s.name in _REDUCTIONS:
        for axis in (None, 1, 2) if matrix(s.args[0]) else (None,):
            if (axis,) != s.params:
                said = "over all entries" if axis is None else f"along axis {axis}"
                yield sketch(s.name, *s.args, params=(axis,)), f"Taken {said}"


def powers(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """An exponent one off, a square missing or too many."""
    if s.name in ("power", "epow"):
        base, exponent = s.args
        if exponent.name == "number":
            k = exponent.params[0]
            for new in (k - 1, k + 1, -k, k * 2, k / 2):
                if new == 1:
                    yield base, "Without the exponent"
                elif new:
                    yield sketch(s.name, base, new), f"With the exponent {new}"
        else:
            yield sketch(s.name, base, sketch("add", exponent, -1)), "With the exponent less 1"
            yield sketch(s.name, base, sketch("add", exponent, 1)), "With the exponent plus 1"
        return
    if s.name == "number" or (above is not None and above.name in ("power", "epow")):
        return
    if scalar(s):
        yield sketch("power", s, 2), "Squared"
    else:
        yield sketch("epow", s, 2), "Squared entry by entry"
        if matrix(s):
            yield sketch("power", s, 2), "Squared"
    if s.name in ("variable", "norm2", "sqrt"):
        yield sketch("epow" if not scalar(s) else "power", s, 3), "Cubed"


HEAVIEST = 60  # symbols of a part that is proposed
NUMBERS = tuple(Fraction(v) for v in ("2", "1/2", "3", "1/3", "4", "1/4"))


def factors(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A number as a factor, or a number replaced by a near one."""
    if s.name == "number":
        k = s.params[0]
        for new in dict.fromkeys((2 * k, k / 2, k + 1, k - 1, 1 / k if k else k, 2 * k + 1)):
            if new != k:
                yield sketch("number", params=(new,)), "With another number"
        return
    if s.name in ("mul", "hadamard") and s.args[0].name == "number":
        rest = s.args[1:]
        yield row(s, rest), "Without the number"
    if s.name in ("div", "ediv") and s.args[1].name in ("number", "size"):
        yield s.args[0], "Without the number below"
    if above is not None and above.name in ("mul", "hadamard", "div", "neg", "transpose"):
        return
    for c in NUMBERS:
        yield sketch("hadamard", c, s), f"With the factor {c}"
    for n in context.sizes:
        yield sketch("div", s, n), f"Divided by {n.params[0]}"
        yield sketch("mul", n, s), f"With the factor {n.params[0]}"


def multiples(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A number beside a square matrix as a multiple of the identity: X'X + λI."""
    shape = (above.shape if above is not None and above.name == "add" else None) or ()
    if scalar(s) and len(shape) == 2 and shape[0] == shape[1]:
        yield sketch("mul", s, sketch("eye", params=shape[:1])), "Times the identity"


def symmetric(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A matrix that was taken for symmetric, or a symmetric part that should not be taken."""
    shape = s.shape
    if shape is not None and len(shape) == 2 and shape[0] == shape[1] and s.name != "number":
        both = sketch("add", s, sketch("transpose", s))
        yield sketch("div", both, 2), "Without taking it for symmetric"
    if s.name == "add" and len(s.args) == 2:
        a, b = s.args
        for p, q in ((a, b), (b, a)):
            if q.name == "transpose" and q.args[0].expr is p.expr and p.expr is not None:
                yield sketch("mul", 2, p), "Without the symmetric part"


def stretches(s: Sketch) -> Iterator[tuple[Sketch, Callable[[Sketch], Sketch]]]:
    """The part itself, and neighbouring factors of a product, each with what puts it back."""
    yield s, lambda new: new
    if s.name == "mul":
        count = len(s.args)
        for length in range(2, count):
            for k in range(count - length + 1):
                before, after = s.args[:k], s.args[k + length :]
                stretch = row(s, s.args[k : k + length])
                yield (
                    stretch,
                    lambda new, b=before, a=after: sketch("mul", *b, new, *a),  # type: ignore[misc]
                )


def inverses(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """An inverse missing or too many."""
    if s.name == "inv":
        yield s.args[0], "Without the inverse"
    elif s.shape is not None and len(s.shape) == 2 and s.shape[0] == s.shape[1]:
        yield sketch("inv", s), "Inverted"


def names(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """Another variable of the same shape."""
    if s.name in ("variable", "size"):
        for v in (*context.variables, *context.sizes):
            if v.expr is not s.expr and v.shape == s.shape:
                yield v, "With another name"


def fewer_terms(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A term left out."""
    if s.name == "add":
        for k in range(len(s.args)):
            yield row(s, s.args[:k] + s.args[k + 1 :]), "Without one term"


def fewer_factors(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A factor left out."""
    if s.name in ("mul", "hadamard"):
        for k in range(len(s.args)):
            yield row(s, s.args[:k] + s.args[k + 1 :]), "Without one factor"
    if s.name in ("div", "ediv"):
        yield s.args[0], "Without the divisor"


def pooled(exprs: list[Expr], limit: int) -> tuple[Sketch, ...]:
    """Sketches of expressions that are light enough to be said, in order, each once."""
    light = [e for e in dict.fromkeys(exprs) if e.weight <= HEAVIEST]
    return tuple(drawn(e) for e in light[:limit])
