"""Functions of SymPy that nobody defines, `Function("f")(t)`, and their derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matderiv.bridge.sizes import readable
from matderiv.bridge.symbolic import names
from matderiv.expr import Expr, apply
from matderiv.lazy import sp

if TYPE_CHECKING:
    from matderiv.input.from_sympy.objects import ObjectReader


def undefined(node: Any) -> tuple[str, int, Any] | None:
    """The name of such a function, how often it is differentiated, and its argument.

    None for anything else, and for a name that means something in the language.

    >>> f, t, u = sp.Function("f"), *sp.symbols("t u")
    >>> undefined(f(t)), undefined(f(t).diff(t).subs(t, u**2)), undefined(sp.Function("exp")(t))
    (('f', 0, t), ('f', 1, u**2), None)
    """
    at, bound, order = None, None, 0
    if isinstance(node, sp.Subs) and len(node.variables) == 1:
        (at,), (bound,), node = node.point, node.variables, node.expr
    if isinstance(node, sp.Derivative) and len(node.variable_count) == 1:
        variable, order = node.variable_count[0]
        if node.expr.args[:1] != (variable,) or not order.is_Integer:
            return None
        node = node.expr
    if not isinstance(node, sp.core.function.AppliedUndef) or len(node.args) != 1:
        return None
    name, (argument,) = type(node).__name__, node.args
    if name in names() or (at is not None and argument != bound):
        return None
    return name, int(order), argument if at is None else at


def read_undefined(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    """The function of a number; of each entry, inside a function of entries."""
    found = undefined(node)
    assert found is not None
    record = "abstract_map" if id(node) in reader.entries else "abstract"
    return apply(record, *args, params=(readable(found[0]), found[1]))
