"""Literal arguments outside the domain, refused before anything is derived: log(0), 1/0."""

from fractions import Fraction

from matderiv.errors import DomainError
from matderiv.language.source import Node, Number, Operation, Source

CHECKED = frozenset("log log1p sqrt arcsin arccos div ediv power epow".split())


def literal(node: Node) -> Fraction | None:
    """The value of a typed number, with its signs; None for anything else."""
    sign = 1
    while isinstance(node, Operation) and node.function == "neg":
        node, sign = node.operands[0], -sign
    return sign * node.value if isinstance(node, Number) else None


def check_domain(function: str, operands: tuple[Node, ...], node: Node, source: Source) -> None:
    """DomainError for a literal where the function has no real value."""
    if not operands or function not in CHECKED:
        return
    first, last = literal(operands[0]), literal(operands[-1])
    reason = None
    if function in ("log", "log1p") and first is not None:
        if first + (function == "log1p") <= 0:
            reason = f"{function} needs a number above {0 if function == 'log' else -1}"
    elif function == "sqrt" and first is not None and first < 0:
        reason = "sqrt needs a number from 0"
    elif function in ("arcsin", "arccos") and first is not None and abs(first) > 1:
        reason = f"{function} needs a number from -1 to 1"
    elif function in ("div", "ediv") and last == 0:
        reason = "division by zero"
    elif function in ("power", "epow") and first is not None and last is not None:
        if first == 0 and last < 0:
            reason = "zero has no negative power"
        elif first < 0 and last.denominator > 1:
            reason = "a negative number has no real power with a broken exponent"
    if reason is not None:
        raise DomainError(reason, source=source.text, span=node.span)
