"""A function confused with another or its slope, a factor or a term left out."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from matderiv.calculus.derivative import differentiate
from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply, is_, number, substitute, variable, variables, walk
from matderiv.shapes import is_scalar, size_names
from matderiv.verification.claims import Asked
from matderiv.verification.mistakes.diagnosis import Said
from matderiv.verification.mistakes.edits import (
    Change,
    EditContext,
    Sketch,
    drawn,
    matrix,
    places,
    pooled,
    row,
    scalar,
    sketch,
    stretches,
)
from matderiv.verification.mistakes.solving import CauseSearch

_KIN = [
    pair.split()
    for pair in "sin cos|exp log|relu step|step sign|abs sign|tr det|det logdet|norm1 norm2"
    "|softmax log_softmax|sinh cosh|maximum minimum|gt lt|ge le|tril triu".split("|")
]
"""Functions that are taken for each other."""
POOL = 160  # terms and factors proposed


def functions(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A function missing, too many, or another of its family."""
    for name in (b for pair in _KIN for a, b in (pair, pair[::-1]) if a == s.name):
        yield sketch(name, *s.args, params=s.params), f"With {name}"
    if s.name == "sqrt":
        yield sketch("ediv", 1, s), "With the reciprocal"
    if len(s.args) == 1 and s.name in _UNARY:
        inner = s.args[0].expr
        slope = None if inner is None or s.params else _slope(s.name, inner)
        if slope is not None:
            yield drawn(slope), "With its derivative"
        yield s.args[0], f"Without {s.name}"
    if s.name == "number":
        return
    already = _STEPS if _stepped(s) else ()
    known = [(n, p) for n, p in context.functions if n not in (s.name, *already)]
    if (len(s.args) == 1 and s.name in _UNARY) or s.name in ("div", "ediv", "mul", "hadamard"):
        for name, params in known:
            for a in s.args:
                if not params and a.name != "number":
                    yield sketch(name, a), f"With {name}"
    if not s.args or s.name not in ("transpose", "neg"):
        for name, params in known:
            for part, rest in stretches(s):
                if not params or params == (None,) or matrix(part):
                    yield rest(sketch(name, part, params=params)), f"With {name}"


_STEPS = ("step", "sign", "relu", "abs")


def _stepped(s: Sketch) -> bool:
    """True if the part is made of steps already."""
    return s.name in _STEPS or any(_stepped(a) for a in s.args if s.name in _COMBINING)


_COMBINING = ("mul", "hadamard", "add", "neg", "div", "diag", "transpose")


_UNARY = frozenset(
    "exp log sqrt sin cos tan tanh sigmoid relu step sign abs softplus softmax log_softmax silu"
    " gelu elu erf arctan sinh cosh log1p expm1 diag tr logdet det norm1 norm2 square".split()
)


def unary_functions(exprs: list[Expr]) -> tuple[tuple[str, tuple[object, ...]], ...]:
    """The functions of one argument that occur, with their parameters."""
    found = [(e.function.name, e.params) for e in exprs if is_(e, *_UNARY)]
    return tuple(dict.fromkeys(found))


# Slopes ------------------------------------------------------------------------------------------


def slopes(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """u.*(1 - u) or 1 - u.^2, the slopes of sigmoid and tanh, where another slope belongs."""
    for inner, rest in _slopes_in(s):
        for name, params in context.functions:
            slope = None if params else _slope(name, inner)
            if slope is not None:
                yield rest(drawn(slope)), Said(f"With the derivative of {name}")


def _slopes_in(s: Sketch) -> Iterator[tuple[Expr, Callable[[Sketch], Sketch]]]:
    """What u is a function of, for each slope in a product or sum, with what puts another there."""
    for k, a in enumerate(s.args):
        if a.expr is None or len(a.args) != 1 or a.name not in _UNARY:
            continue
        inner = a.expr.args[0]
        for j, b in enumerate(s.args):
            if s.name in ("mul", "hadamard") and _is_one_minus(b, a.expr):
                left = tuple(c for i, c in enumerate(s.args) if i not in (j, k))
                yield inner, lambda new, left=left: row(s, (new, *left))  # type: ignore[misc]
    if s.name == "add" and len(s.args) == 2:
        for one, square in (s.args, s.args[::-1]):
            u = _squared(square.args[0]) if square.name == "neg" else None
            if one.name == "number" and one.params == (1,) and u is not None and len(u.args) == 1:
                if u.function.name in _UNARY:
                    yield u.args[0], lambda new: new


def _is_one_minus(s: Sketch, u: Expr) -> bool:
    if s.name != "add" or len(s.args) != 2:
        return False
    one, less = s.args if s.args[0].name == "number" else s.args[::-1]
    return one.name == "number" and one.params == (1,) and less.expr is -u


def _squared(s: Sketch) -> Expr | None:
    square = s.name in ("power", "epow") and s.args[1].name == "number" and s.args[1].params == (2,)
    return s.args[0].expr if square else None


def _slope(name: str, inner: Expr) -> Expr | None:
    """The derivative of a function, entry by entry, at an expression."""
    t = variable("slope", inner.shape)
    try:
        value = apply(name, t)
        if value.function.kind != "elementwise":
            return None
        whole = value if is_scalar(t.shape) else apply("sum", value, params=(None,))
        return substitute(differentiate(whole, t, "gradient", 1).expr, {t: inner})
    except MatderivError:
        return None


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
                    said = Said("Subtracted from", t.expr)
                    yield rest(sketch("add", t, sketch("neg", part))), said


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


def context_of(search: CauseSearch, root: Sketch) -> EditContext:
    """What the changes of an answer draw on, the likely parts first."""
    asked = search.asked
    own = [p.expr for _, p in places(root) if p.expr is not None]
    given = _pieces(asked.f)
    kin = [apply("det", e.args[0]) for e in given if is_(e, "logdet", "inv")]  # of logdet(X)
    kin += [e.args[0] for e in given if is_(e, "log")]
    right = right_form(search)
    proposed = [] if right is None else _pieces(right)
    parts = list(dict.fromkeys([*proposed, *given, *kin, *own]))
    numbers = [*map(number, (1, 2, Fraction(1, 2))), *(e for e in parts if is_(e, "number"))]
    sizes = sizes_of(asked)
    named = tuple(drawn(v) for v in dict.fromkeys([*variables(asked.f), *asked.extra.values()]))
    found = sorted((e for e in parts if not is_(e, "number")), key=lambda e: e.weight)
    pool = (*pooled(numbers, 12), *pooled(found, POOL), *sizes)
    return EditContext(pool, unary_functions(parts), sizes, named)


def sizes_of(asked: Asked) -> tuple[Sketch, ...]:
    """The sizes of a question, as numbers in formulas."""
    shapes = [e.shape for e in walk(asked.f)]
    return tuple(sketch("size", params=(n,)) for n in sorted(size_names(shapes)))


def right_form(search: CauseSearch) -> Expr | None:
    """The derivative as the engine writes it, as a source of proposals; None where it has none."""
    asked = search.asked
    how: dict[str, Any] = {"structure": search.structure, "upstream": asked.upstream}
    try:
        return differentiate(asked.f, asked.wrt, asked.kind, asked.order, **how).expr
    except MatderivError:
        return None


def _pieces(e: Expr) -> list[Expr]:
    """All parts of an expression, the larger first, and neighbouring factors of products."""
    found: list[Expr] = []
    for node in reversed(list(walk(e))):
        found.append(node)
        if is_(node, "mul", "hadamard", "add"):
            found += _slices(node)
    return list(dict.fromkeys(found))


def _slices(node: Expr) -> Iterator[Expr]:
    count = len(node.args)
    for length in range(count - 1, 1, -1):
        for k in range(count - length + 1):
            try:
                yield apply(node.function.name, *node.args[k : k + length])
            except MatderivError:
                continue
