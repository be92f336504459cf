"""Our functions for Python: on SymPy objects they give SymPy objects, on expressions expressions.

`function(name)` is what `matderiv.<name>` returns. In a sum with the result of such a function a
scalar c means c*OneMatrix, so `md.log(1 + md.exp(-md.hadamard(y, X*w)))` is a SymPy expression.
Importing this module does not import SymPy.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

from matderiv.arguments import counted
from matderiv.bridge.sizes import encoded
from matderiv.errors import MatderivError, UnknownFunction
from matderiv.expr import REGISTRY, Expr, apply, number, size_expr
from matderiv.functions.record import Function
from matderiv.lazy import LazyModule, sp
from matderiv.shapes import Dim, size

_build: Any = LazyModule("matderiv.bridge.build")

OPERATORS = ("hadamard", "ediv", "epow", "gt", "lt", "ge", "le")
"""Operators of the text language that Python cannot spell, given as functions."""

EXTREMES = {"max": "maximum", "min": "minimum"}
"""Of one argument the largest entry, of two the larger one, entry by entry."""


def names() -> list[str]:
    """Every name `function` knows, second names included.

    >>> {"relu", "ln", "hadamard", "eye"} <= set(names()), "variable" in names()
    (True, False)
    """
    return sorted(_records())


def _records() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, record in REGISTRY.items():
        typed = record.call not in ("operator", "internal") and not record.leaf
        if typed or name in OPERATORS:
            found[name] = name
            found.update(dict.fromkeys(record.aliases, name))
    return found


def takes_axis(name: str) -> bool:
    """True for a function along an axis, such as sum.

    >>> takes_axis("sum"), takes_axis("exp")
    (True, False)
    """
    return REGISTRY[_records()[name]].call in ("axis", "keyword-axis")


@cache
def function(name: str) -> Callable[..., Any]:
    """The function called `name`, for SymPy objects, numbers and expressions.

    Raises UnknownFunction for a name that is not in `names()`.

    >>> relu = function("relu")
    >>> relu(sp.Symbol("t")), relu(sp.MatrixSymbol("x", 3, 1)).shape
    (relu(t), (3, 1))
    """
    if name not in _records():
        raise UnknownFunction(f"there is no function {name}")
    record = REGISTRY[_records()[name]]

    def call(*args: Any, **options: Any) -> Any:
        return _called(record, args, options)

    call.__name__ = call.__qualname__ = name
    lines = [record.says.replace("`", "") or f"The function {name}."]
    if record.example:
        lines.append(f"Example, in the text language: {record.example}")
    if record.source:
        lines.append(f"Source: {record.source}")
    call.__doc__ = "\n\n".join(lines)
    return call


def _called(record: Function, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if record.name in EXTREMES and len(args) == 2 and not options:
        record = REGISTRY[EXTREMES[record.name]]
    arguments, params = _split(record, args, options)
    least, most = record.arity if record.call != "sizes" else (0, 0)
    if not least <= len(arguments) <= most:
        raise MatderivError(
            f"{record.label} takes {counted(least, most)}, {len(arguments)} are given",
            hint=record.example or None,
        )
    if any(isinstance(a, Expr | Dim) for a in (*arguments, *params)):
        return _expression(record, arguments, params)
    if any(isinstance(a, str) for a in arguments):
        raise MatderivError(
            f"{record.label} takes SymPy objects, a text is given",
            hint="derive() and the parser take texts",
        )
    return _build.build(
        record.name, tuple(map(_object, arguments)), encoded(tuple(map(_whole, params)))
    )


def _split(
    record: Function, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The arguments and the parameters of a call as Python has it."""
    allowed = {"axis": "axis", "keyword-axis": "axis", "epsilon": "eps"}.get(record.call, "")
    wrong = [o for o in options if o != allowed]
    if wrong:
        raise MatderivError(f"{record.label} has no option {wrong[0]}")
    if record.call == "axis":
        axis = options.get("axis", args[1] if len(args) == 2 else None)
        return (args[:1] if len(args) == 2 and not options else args), (axis,)
    if record.call == "keyword-axis":
        return args, (options.get("axis"),)
    if record.call == "sizes":
        return (), args
    if record.call in ("like", "like-neighbour", "axes"):
        return args[:1], args[1:]
    if record.call == "numbers":
        return args[: record.arity[1]], args[record.arity[1] :]
    if record.call == "pattern":
        spec = args[0] if args and isinstance(args[0], str) else None
        if spec is None:
            raise MatderivError("einsum needs its pattern first", hint=record.example)
        return args[1:], (spec.replace(" ", ""),)
    if record.default is not None and len(args) == 1:
        return (*args, options.get("eps", record.default)), ()
    return args, ()


def _object(value: Any) -> Any:
    """A Python number as SymPy has it; other things as they are."""
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    return value


def _whole(param: Any) -> Any:
    return int(param) if getattr(param, "is_Integer", False) else param


def _expression(record: Function, arguments: tuple[Any, ...], params: tuple[Any, ...]) -> Expr:
    nodes: list[Expr] = []
    for a in arguments:
        if isinstance(a, Expr):
            nodes.append(a)
        elif isinstance(a, int | Fraction):
            nodes.append(number(a))
        elif isinstance(a, float):
            nodes.append(number(Fraction(str(a))))
        elif isinstance(a, Dim):
            nodes.append(size_expr(a))
        else:
            raise MatderivError(
                f"{record.label} mixes an expression with {type(a).__name__}",
                hint="convert the SymPy object with from_sympy first",
            )
    sized = record.call in ("sizes", "like", "like-neighbour")
    return apply(
        record.name,
        *nodes,
        params=tuple(size(p) if sized and isinstance(p, str) else p for p in params),
    )
