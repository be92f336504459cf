"""A function confused with another, with its own derivative, or with the slope of another."""

from collections.abc import Callable, Iterator

from matderiv.calculus.derivative import differentiate
from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply, is_, substitute, variable
from matderiv.shapes import is_scalar
from matderiv.verification.mistakes.diagnosis import Said
from matderiv.verification.mistakes.edits import Change, EditContext, matrix, row, stretches
from matderiv.verification.mistakes.sketch import Sketch, drawn, sketch

_NEIGHBOURS = {
    "sin": ("cos", "neg sin"),
    "cos": ("sin", "neg sin"),
    "exp": ("log",),
    "log": ("exp", "reciprocal"),
    "tanh": ("one minus square",),
    "sigmoid": ("times one minus",),
    "softplus": ("sigmoid",),
    "relu": ("step",),
    "step": ("relu", "sign"),
    "abs": ("sign",),
    "sign": ("abs", "step"),
    "sqrt": ("reciprocal",),
    "tr": ("det",),
    "det": ("tr", "logdet"),
    "logdet": ("det",),
    "norm2": ("norm1",),
    "norm1": ("norm2",),
    "softmax": ("log_softmax",),
    "log_softmax": ("softmax",),
    "sinh": ("cosh",),
    "cosh": ("sinh",),
    "maximum": ("minimum",),
    "minimum": ("maximum",),
    "gt": ("lt",),
    "lt": ("gt",),
    "ge": ("le",),
    "le": ("ge",),
    "tril": ("triu",),
    "triu": ("tril",),
}


def functions(s: Sketch, above: Sketch | None, context: EditContext) -> Iterator[Change]:
    """A function missing, too many, or another of its family."""
    for name in _NEIGHBOURS.get(s.name, ()):
        spelled = {"neg sin": "-sin", "reciprocal": "the reciprocal"}
        said = spelled.get(name, "its derivative" if " " in name else name)
        yield _neighbour(s, name), f"With {said}"
    if len(s.args) == 1 and s.name in _UNARY:
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


def _neighbour(s: Sketch, name: str) -> Sketch:
    u = s.args
    if name == "neg sin":
        return sketch("neg", sketch("sin", *u))
    if name == "reciprocal":
        return sketch("ediv", 1, s if s.name == "sqrt" else u[0])
    if name == "one minus square":
        return sketch("add", 1, sketch("neg", sketch("epow", s, 2)))
    if name == "times one minus":
        return sketch("hadamard", s, sketch("add", 1, sketch("neg", s)))
    return sketch(name, *u, params=s.params if name in ("softmax", "log_softmax") else ())


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
