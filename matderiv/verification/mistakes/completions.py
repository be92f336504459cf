"""What an answer may lack: a factor of the chain rule, a term, a surrounding product.

The proposals come from a pool of parts of f, of the answer and of the right derivative.
"""

from collections.abc import Iterator

from matderiv.expr import Expr, is_
from matderiv.verification.mistakes.diagnosis import Said
from matderiv.verification.mistakes.edits import Change, EditContext, matrix, scalar, stretches
from matderiv.verification.mistakes.sketch import Sketch, sketch


def chain_factors(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A further factor at one place of a product, on one side of a part, or below it."""
    chained = above is not None and above.name == s.name
    inside = above is not None and above.name in ("mul", "hadamard", "neg")
    for t in context.pool:
        if t.expr is s.expr or t.name == "number":
            continue
        said = _factor_words(t)
        if s.name == "mul" and not chained and not scalar(t):
            for k in range(len(s.args) + 1):
                yield sketch("mul", *s.args[:k], t, *s.args[k:]), said
        elif not inside and not scalar(t):
            yield sketch("mul", t, s), said
            yield sketch("mul", s, t), said
        if inside and above is not None and above.name == "hadamard" and not matrix(s):
            continue
        if scalar(t):
            if not inside or not scalar(s):
                yield sketch("mul", t, s), said
                yield sketch("div", s, t), Said("Divided by", t.expr)
        elif _broadcasts(s, t):
            yield sketch("hadamard", s, t), said
            yield sketch("ediv", s, t), Said("Divided by", t.expr)


_FACTOR = "With the missing factor"
_TERM = "With the missing term"


def _factor_words(t: Sketch) -> Said:
    """What the factor is to the student: a label, a mask, or just a factor."""
    if t.name == "variable" and t.params[2] & {"labels", "binary"}:
        return Said("With the missing label", t.expr)
    return Said("With the missing mask" if t.name in _MASKS else _FACTOR, t.expr)


_MASKS = ("step", "gt", "lt", "ge", "le")


def _broadcasts(s: Sketch, t: Sketch) -> bool:
    if s.shape is None or t.shape is None:
        return False
    if s.shape == t.shape:
        return True
    row_and_vector = s.shape[:1] == (1,) and len(t.shape) == 1
    return len(s.shape) == 2 and len(t.shape) in (1, 2) and not row_and_vector


def terms(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A further term."""
    if above is not None and above.name in ("add", "neg"):
        return
    for part, rest in stretches(s):
        for t in context.pool:
            if part.shape is None or t.shape is None:
                continue
            if t.shape == part.shape or scalar(part) or scalar(t) or _broadcasts(t, part):
                less = sketch("neg", t)
                yield rest(sketch("add", part, t)), Said(_TERM, t.expr)
                yield rest(sketch("add", part, less)), Said(_TERM, less.expr)
                if scalar(t) and t.name == "number":
                    yield (
                        rest(sketch("add", t, sketch("neg", part))),
                        Said("Subtracted from", t.expr),
                    )


def surroundings(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A product that the part, or all its factors, belong to."""
    if s.expr is None or s.name == "number":
        return
    own = set(s.expr.args) if s.name in ("mul", "hadamard") else {s.expr}
    for t in context.pool:
        if t.expr is not None and t.name in ("mul", "hadamard", "div", "ediv"):
            inside = set(t.expr.args)
            inside |= {b for a in t.expr.args for b in a.args if a.function.name == t.name}
            if t.expr is not s.expr and (own <= inside or _within(s.expr, t.expr)):
                yield t, f"{_FACTOR}s"


def _within(small: Expr, large: Expr) -> bool:
    """True if products and quotients alone surround the small part in the large one."""
    stack = [large]
    while stack:
        node = stack.pop()
        if node is small:
            return True
        if is_(node, "mul", "hadamard", "div", "ediv", "neg"):
            stack += node.args
    return False
