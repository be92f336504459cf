"""Functions that a text defines at its end, `..., h(x) = w'x`, put in where they are applied."""

import re
from collections.abc import Mapping
from dataclasses import replace

from matderiv.errors import ParseError
from matderiv.language.source import (
    Call,
    Entry,
    Name,
    NamedPart,
    Node,
    Source,
    changed,
    defined_first,
    postorder,
    rebuilt,
)
from matderiv.language.tokens import canonical_name

Formula = tuple[tuple[str, ...], Node]
"""The names in the brackets of a function, and its value."""

_DEFINED = re.compile(
    r"(?:[,;]|\bwhere\b|\bwith\b)\s*(?P<name>[^\W\d]\w*)\s*\(\s*[^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*"
    r"\s*\)\s*=(?!=)"
)


def formula_names(text: str) -> set[str]:
    """The names of the functions that a text in the text language defines.

    >>> formula_names("h(x) where h(z) = W*z"), formula_names("f(x) = x'*x")
    ({'h'}, set())
    """
    return {canonical_name(found["name"]) for found in _DEFINED.finditer(text)}


def unfolded(source: Source, formulas: Mapping[str, Formula]) -> Source:
    """The source with the values of functions where they are applied.

    A function that stands without brackets, too, is a part: r of `r'r` for `r(w) = Xw - y`.
    Raises ParseError for another number of arguments; what needs itself stays as it is.
    """
    if not formulas:
        return source

    def applied(node: Node) -> Node:
        if not isinstance(node, Call) or node.name not in formulas:
            return node
        names, body = formulas[node.name]
        if len(names) != len(node.operands):
            said = f"{node.name} is of {', '.join(names)}"
            raise ParseError(said, source=source.text, span=node.span)
        return _put_in(body, dict(zip(names, node.operands, strict=True)))

    bodies = [body for _, body in formulas.values()]
    trees = [source.main, *(p.value for p in source.parts), *bodies]
    alone = {n.name for n in postorder(*trees) if isinstance(n, Name)} & formulas.keys()
    more = (NamedPart(formulas[n][1].span, n, formulas[n][1]) for n in sorted(alone))
    source = replace(source, parts=defined_first((*source.parts, *more)))
    for _ in formulas:
        source = changed(source, applied)
    return source


def _put_in(body: Node, given: Mapping[str, Node]) -> Node:
    """A copy of a formula with its names replaced; z_i is the entry of what stands for z."""

    def copied(node: Node) -> Node:
        if not isinstance(node, Name):
            return node
        base, _, label = node.name.rpartition("_")
        of = given.get(base)
        if of is None or not label.isalnum():
            return given.get(node.name, replace(node))
        if isinstance(of, Name):
            return Name(node.span, f"{of.name}{label if '_' in of.name else '_' + label}")
        return Entry(node.span, of, tuple(label))

    return rebuilt([body], copied)[body]
