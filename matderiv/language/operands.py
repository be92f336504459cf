"""Source nodes put together: factors in a row, transposes, and what they say about names."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from matderiv.language.declare import guessed_axes
from matderiv.language.source import Call, Name, Node, Number, Operation

OF_VECTORS = frozenset("dot outer diag cross softmax log_softmax logsumexp".split())
"""Functions whose arguments are no scalars."""

OF_ARRAYS = {
    1: frozenset(
        "norm2 norm1 norminf norm_p sum mean var std prod median max min sort cumsum softmin "
        "layernorm rmsnorm".split()
    ),
    2: frozenset({"quadform", "norm_p"}),
}
"""Functions of so many operands that nobody writes for a number."""


def joined(function: str, operands: Sequence[Node]) -> Node:
    """One operation of all operands; a single operand itself."""
    if len(operands) == 1:
        return operands[0]
    return Operation((operands[0].span[0], operands[-1].span[1]), function, tuple(operands))


def transposed(node: Node, end: int) -> Node:
    """The transpose of a node, up to `end` in the text; two transposes cancel, 11' is 1*1'."""
    if is_eleven(node):
        number = Number(node.span, Fraction(1))
        one, same = (Call(node.span, "vector", node.span, (number,)) for _ in range(2))
        return joined("mul", [one, transposed(same, end)])
    if isinstance(node, Operation) and node.function == "transpose":
        return replace(node.operands[0], span=(node.span[0], end))
    return Operation((node.span[0], end), "transpose", (node,))


def is_eleven(node: Node) -> bool:
    """True for the number 11 as typed, which transposed is 1*1': nobody transposes a number."""
    return isinstance(node, Number) and node.value == 11 and node.span[1] - node.span[0] == 2


def is_row(node: Node) -> bool:
    """True for `x'` and `(x - y)'`, which no quotient is divided by alone; not for `A'`."""
    if not isinstance(node, Operation) or node.function != "transpose":
        return False
    inner = node.operands[0]
    return not isinstance(inner, Name) or inner.name[0].islower()


def shown_vectors(*nodes: Node) -> dict[str, int]:
    """Names among nodes that are transposed or stand beside @, and are scalars by their letter.

    Such a name is a vector, of one axis, unless it is declared.

    >>> shown_vectors(Name((0, 1), "b"), Name((2, 3), "x"), Name((4, 5), "mu"))
    {'b': 1, 'mu': 1}
    """
    found = {}
    for node in nodes:
        inner = node
        if isinstance(node, Operation) and node.function == "transpose":
            inner = node.operands[0]
        if isinstance(inner, Name) and not guessed_axes(inner.name):
            found[inner.name] = 1
    return found
