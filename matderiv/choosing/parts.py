"""Names for repeated parts of a long result: `... where z = W*x + b`, as a person does it."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from matderiv.expr import Expr, rebuild, substitute, variable, walk
from matderiv.language.printer import entry_of

SMALL = 4  # a part of fewer symbols is not worth a name
SHORT = 36  # a result of fewer symbols stays on one line

Part = tuple[str, Expr]


def name_parts(
    e: Expr,
    taken: Collection[str],
    *,
    entries: bool = True,
    known: Mapping[Expr, str] = MappingProxyType({}),
) -> tuple[Expr, tuple[Part, ...]]:
    """The expression over named parts, and the parts in the order in which they are evaluated.

    A part is named when writing it once saves symbols; with `entries` x[1] is one symbol. What has
    a name that is `known` keeps it. The work is linear in the graph.
    """
    if e.weight <= SHORT:
        return e, ()
    single = {node for node in walk(e) if entries and entry_of(node) is not None}
    written = (node for node in _written(e, single) if node not in single)
    uses = Counter(a for node in written for a in node.args)
    printed: dict[Expr, int] = {}
    shown: dict[Expr, Expr] = {}
    parts: list[Part] = []
    used_names = {*taken, *known.values()}
    for node in walk(e):
        own = node.function.tokens(node.params, len(node.args))
        printed[node] = 1 if node in single else own + sum(printed[a] for a in node.args)
        shown[node] = rebuild(node, tuple(shown[a] for a in node.args))
        count = uses[node]
        if node is not e and printed[node] >= SMALL and (count - 1) * printed[node] > count + 2:
            name = known.get(node) or _fresh_name(node, used_names)
            used_names.add(name)
            parts.append((name, shown[node]))
            shown[node] = variable(name, node.shape)
            printed[node] = 1
    return shown[e], tuple(parts)


def _written(e: Expr, single: Collection[Expr]) -> Iterator[Expr]:
    """The nodes that are written, each once; nothing inside of those that are one symbol."""
    stack, seen = [e], {e}
    while stack:
        node = stack.pop()
        yield node
        below = () if node in single else node.args
        fresh = [a for a in dict.fromkeys(below) if a not in seen]
        seen.update(fresh)
        stack += fresh


def with_parts(e: Expr, parts: tuple[Part, ...]) -> Expr:
    """The expression with its parts in place of their names.

    >>> x = variable("x", (3,))
    >>> with_parts(variable("z", (3,)) * 2, (("z", x + 1),)) is (x + 1) * 2
    True
    """
    known: dict[Expr, Expr] = {}
    for name, part in parts:
        known[variable(name, part.shape)] = substitute(part, known)
    return substitute(e, known)


def _fresh_name(node: Expr, taken: Collection[str]) -> str:
    """z for sums and products, h for activations, p for softmax, s for scalars, M for matrices."""
    function = node.function
    if not node.shape:
        base = "s"
    elif function.name == "softmax":
        base = "p" if len(node.shape) == 1 else "P"
    elif function.kind == "elementwise" and function.call != "operator":
        base = "h"
    elif len(node.shape) == 2:
        base = "Z"
    else:
        base = "z"
    if base not in taken:
        return base
    k = 1
    while f"{base}{k}" in taken:
        k += 1
    return f"{base}{k}"
