"""Shape errors in the words of the text: what, where, which sizes, who said so, what to try."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from matderiv.errors import ShapeError, Span
from matderiv.functions.algebra import product_shape
from matderiv.language.source import Name, Node, postorder, unsigned
from matderiv.shapes import Shape, Unify, broadcast, same, shape_text, size_names

if TYPE_CHECKING:
    from matderiv.language.shaping import Shaping

_LONG = 40
_SHOWN_NAMES = 4
_ENTRYWISE = ("sum", "elementwise")
_SYMBOLS = {"mul": "*", "add": "+", "hadamard": ".*"}
_TURNED = {"text": "'", "latex": r"^\top", "python": ".T"}
_TIMES = {"text": "*", "latex": " ", "python": " @ "}
_TWO_VECTORS = {
    "text": "{0}'*{1} (a number), {0}*{1}' (a matrix) or {0}.*{1} (entry by entry)",
    "latex": r"{0}^\top {1} (a number), {0} {1}^\top (a matrix) or {0} \odot {1} (entry by entry)",
    "python": "np.dot({0}, {1}) (a number), np.outer({0}, {1}) (a matrix) or {0} * {1}",
}
_COMPARED = ("gt", "lt", "ge", "le")


def explained(
    error: ShapeError, node: Node, shapes: tuple[Shape, ...], shaping: Shaping
) -> ShapeError:
    """The error of a shape rule at `node`, whose operands have these shapes."""
    application = shaping.applications[node]
    function, operands = application.function, application.operands
    if function.name == "mul":
        return _pair(error, operands, shapes, shaping, product_shape, "mul")
    entrywise = function.kind in _ENTRYWISE or function.name in ("hadamard", "mse")
    if entrywise and len(operands) > 1 and not _fits(shapes, shaping):
        return _pair(error, operands, shapes, shaping, _together, function.name)
    message = shaping.shown_message(error)
    if function.call not in ("operator", "abstract"):
        typed = _typed(operands[0].span, shaping) if operands else ""
        message = f"{function.label} cannot take {typed or 'this'}: {message}"
    details = [f"{t} is {s}" for t, s in _operand_shapes(operands, shapes, shaping)]
    return ShapeError(
        message,
        source=shaping.source.text,
        span=node.span,
        hint=_exponential(function.name, operands, shaping)
        or _divisor_hint(function.name, operands, shaping)
        or error.hint,
        details=(*filter(None, (", ".join(details), _who_of((node,), shaping))),),
    )


def _exponential(name: str, operands: tuple[Node, ...], shaping: Shaping) -> str:
    """exp(x) where e^x was typed and nothing declares e."""
    base = operands[0] if name in ("power", "epow") else None
    if not isinstance(base, Name) or base.name != "e" or "e" in shaping.context.declared:
        return ""
    return f"exp({_typed(operands[1].span, shaping)}), if e is Euler's number"


def _together(a: Shape, b: Shape, unify: Unify) -> Shape:
    return broadcast((a, b), unify)


def _fits(shapes: tuple[Shape, ...], shaping: Shaping) -> bool:
    try:
        broadcast(shapes, shaping.sizes.unify)
    except ShapeError:
        return False
    return True


def _pair(
    error: ShapeError,
    operands: tuple[Node, ...],
    shapes: tuple[Shape, ...],
    shaping: Shaping,
    join: Callable[..., Shape],
    name: str,
) -> ShapeError:
    """The first operand that does not fit to those before it."""
    current, k, reason = shapes[0], 1, error
    while k < len(shapes) - 1:
        try:
            current = shaping.sizes.shape(join(current, shapes[k], shaping.sizes.unify))
        except ShapeError as found:
            reason = found
            break
        k += 1
    first, last = (operands[0].span[0], operands[k - 1].span[1]), operands[k]
    positive = unsigned(last)
    left = _typed(first, shaping) or "the left side"
    right = _typed(positive.span, shaping) or "the right side"
    sizes = f"{left} is {shaping.shown(current)}, {right} is {shaping.shown(shapes[k])}"
    cause = reason.__cause__ if isinstance(reason.__cause__, ShapeError) else reason
    if cause.message.endswith(" differ"):
        sizes += f": {shaping.shown_message(cause)}"
    span = (first[0], last.span[1])
    symbol = "-" if positive is not last else _SYMBOLS.get(name, "and")
    hint = _pair_hint((left, right), (current, shapes[k]), shaping, join, symbol)
    return ShapeError(
        _message(name, left, right, positive is not last),
        source=shaping.source.text,
        span=span,
        hint=hint or reason.hint,
        details=(*filter(None, (sizes, _who_of(operands[: k + 1], shaping))),),
    )


def _message(name: str, left: str, right: str, negative: bool) -> str:
    if name == "mul":
        return f"cannot multiply {left} by {right}"
    if name == "add":
        return (
            f"cannot subtract {right} from {left}" if negative else f"cannot add {right} to {left}"
        )
    if name == "hadamard":
        return f"cannot multiply {left} by {right} entry by entry"
    if name in _COMPARED:
        return f"cannot compare {left} with {right}"
    return f"cannot combine {left} with {right} entry by entry"


def _pair_hint(
    typed: tuple[str, str],
    shapes: tuple[Shape, Shape],
    shaping: Shaping,
    join: Callable[..., Shape],
    symbol: str,
) -> str | None:
    """A transpose that makes the two fit, if one does; of a vector rather than of a matrix."""
    ranks = [len(s) for s in shapes]
    x, y = (_atom(t) for t in typed)
    spelling = shaping.source.spelling
    if symbol == "*" and ranks == [1, 1]:
        return _TWO_VECTORS[spelling].format(x, y)
    names = shaping.shown_names()
    left, right = (shaping.final(s, names) for s in shapes)
    if ranks == [1, 1]:
        return f"vectors of one size: declare both as {shape_text(left)}"
    around = f" {symbol} " if symbol in ("+", "-", "and") else symbol
    around = _TIMES[spelling] if symbol == "*" else around
    first, second = typed if symbol in ("+", "-", "and") else (x, y)
    candidates = [
        (_turned(left), right, f"{_transposed(x, spelling)}{around}{second}"),
        (left, _turned(right), f"{first}{around}{_transposed(y, spelling)}"),
    ]
    for one, other, spelled in candidates if ranks != [2, 1] or symbol == "*" else candidates[::-1]:
        try:
            join(one, other, same)
        except ShapeError:
            continue
        return spelled
    if symbol != "*" and sorted(ranks) == [1, 2]:
        return "a column needs as many entries as the matrix has rows, a row x' as it has columns"
    return None


def _turned(shape: Shape) -> Shape:
    if len(shape) == 2:
        return (shape[1],) if shape[0] == 1 else (shape[1], shape[0])
    return (1, *shape) if len(shape) == 1 else shape


def _atom(typed: str) -> str:
    """What was typed, in brackets unless it is one name, one bracket, or a transpose of these."""
    bare = typed.rstrip("'")
    simple = bare.isalnum() or (bare.startswith("(") and bare.find(")") == len(bare) - 1)
    return typed if simple else f"({typed})"


def _transposed(atom: str, spelling: str) -> str:
    """The transpose as one would type it: x' of x, and x of x'."""
    mark = _TURNED[spelling]
    return atom.removesuffix(mark) if atom.endswith(mark) else f"{atom}{mark}"


def _divisor_hint(name: str, operands: tuple[Node, ...], shaping: Shaping) -> str | None:
    """How to divide entry by entry, and what to declare where the kind of a divisor is guessed."""
    above, below = operands if name == "div" else (None, None)
    if above is None or not isinstance(below, Name) or below.name not in shaping.guessed:
        return None
    n, typed = below.name, _typed(above.span, shaping)
    entrywise = f"{_atom(typed)}./{n} entry by entry, or " if typed else ""
    return f'{entrywise}declare {n} as a scalar ({n}: "")'


def _typed(span: Span, shaping: Shaping) -> str:
    typed = shaping.source.typed(span)
    return typed if len(typed) <= _LONG else ""


def _operand_shapes(
    operands: tuple[Node, ...], shapes: tuple[Shape, ...], shaping: Shaping
) -> list[tuple[str, str]]:
    return [
        (_typed(o.span, shaping), shaping.shown(s))
        for o, s in zip(operands, shapes, strict=True)
        if _typed(o.span, shaping)
    ]


def _who_of(nodes: tuple[Node, ...], shaping: Shaping) -> str:
    """Where the sizes come from: declarations as made, guesses with the text that bound them."""
    names = [n.name for root in nodes for n in postorder(root) if isinstance(n, Name)]
    said: list[str] = []
    for name in dict.fromkeys(names):
        shape = shaping.variables.get(name)
        if not shape or len(said) == _SHOWN_NAMES:
            continue
        if name in shaping.guessed:
            said.append(_guess_origin(name, shape, shaping))
        else:
            declared = ", ".join(sorted(size_names([shape]))) or shaping.shown(shape)
            written = ",".join(str(s) for s in shaping.final(shape, shaping.shown_names()))
            said.append(f'{declared} from "{name}: {written}"')
    return f"sizes: {'; '.join(said)}" if said else ""


def _guess_origin(name: str, shape: Shape, shaping: Shaping) -> str:
    said = f"{name} taken as {shaping.shown(shape)}"
    for open_size in sorted(size_names([shape])):
        place = shaping.sizes.origin.get(open_size)
        if place and _typed(place, shaping):
            return f'{said} from "{_typed(place, shaping)}"'
    return said
