"""The differential of a piece as its rules write it, nothing moved, and whether it is shown."""

from matderiv.calculus.sweeps import differential
from matderiv.expr import (
    Expr,
    apply,
    is_,
    number,
    number_value,
    substitute,
    tangent,
    walk,
)
from matderiv.shapes import long_axes
from matderiv.views.intermediates import Intermediate
from matderiv.views.stages import tokens
from matderiv.words.signs import total

MAX_TERMS = 6  # differentials of more terms are not written out before they are rearranged


class _Refused(Exception):  # noqa: N818  (no error: the rearranged line is shown instead)
    """The rule's own line would be longer than a reader wants."""


def written_rule(e: Expr, changes: dict[Expr, Expr]) -> Expr | None:
    """The differential of e as the rules write it; None where they would write too much."""
    found: dict[Expr, list[Expr]] = {}
    try:
        for node in walk(e):
            found[node] = [changes[node]] if node in changes else _raw_terms(node, found)
    except _Refused:
        return None
    if not found[e] or any(t.shape != e.shape for t in found[e]):
        return None
    return total(found[e])


def _raw_terms(node: Expr, found: dict[Expr, list[Expr]]) -> list[Expr]:
    terms: list[Expr] = []
    for which, a in enumerate(node.args):
        for inner in found.get(a, ()):
            made = _rule(node, which, inner)
            if made is not None:
                terms.append(made)
    if len(terms) > MAX_TERMS:
        raise _Refused
    return terms


def _rule(node: Expr, which: int, change: Expr) -> Expr | None:
    """The change of a node from the change of one argument; None where it vanishes."""
    if is_(node, "add"):
        if change.shape != node.shape:
            raise _Refused  # it is broadcast, which what is done to the sum does not show
        return change
    if is_(node, "div") and which == 0:
        return apply("div", change, node.args[1])
    if is_(node, "power", "epow"):
        return _power(node, which, change)
    if is_(node, "div", "ediv"):
        raise _Refused
    made = differential(node, which)
    if made is None:
        return None
    place = tangent(node.args[which].shape)
    if node.function.kind == "elementwise":
        partial = made.args[0] if is_(made, "hadamard") else None
        return change if partial is None else partial * change
    return substitute(made, {place: change})


def _power(node: Expr, which: int, change: Expr) -> Expr:
    """k u^(k-1) du for a number k and a scalar or entrywise power."""
    base, exponent = node.args
    k = number_value(exponent)
    if which or k is None or k == 1 or is_(base, "norm2") or (base.shape and is_(node, "power")):
        raise _Refused
    power = base if k == 2 else apply(node.function.name, base, number(k - 1))
    if not base.shape:
        return apply("mul", number(k), power, change)
    return apply("hadamard", k * power, change)


_BY_ENTRIES = ("hadamard", "ediv", "epow")


def worth_showing(
    written: Expr, e: Expr, piece: Intermediate, several: bool, before: Expr | None
) -> bool:
    """True if the line as the rule writes it tells more than the rearranged one, e.

    `several` says that the rule is one of sums, as for a product. Other lines are shown where the
    change is brought under a trace, or terms are put together; functions of entries need neither.
    """
    if written.weight > 2 * e.weight + 8:
        return False
    fewer = _terms(e) < _terms(written)
    if same_words(written, e) and not (several and _terms(e) != _terms(written)):
        return has(written, "tr") and written is not e  # the factors go round
    if several or (has(e, "tr") and not has(written, "tr")):
        return True
    mains = [p.main for p in piece.parts or (piece,)]
    if all(map(_entrywise, mains)) or of_matrix_entries(piece):
        return False
    return fewer or (before is None and written.weight > e.weight)


def _terms(e: Expr) -> int:
    return len(e.args) if is_(e, "add") else 1


def of_matrix_entries(piece: Intermediate) -> bool:
    """True for functions of each entry of a matrix: sums over entries carry them, not traces."""
    mains = [p.main for p in piece.parts or (piece,)]
    return any(is_matrix(m) and (_entrywise(m) or is_(m, "softmax")) for m in mains)


def _entrywise(e: Expr) -> bool:
    return e.function.kind == "elementwise" or is_(e, *_BY_ENTRIES)


def is_matrix(e: Expr | None) -> bool:
    """True for two axes longer than 1."""
    return e is not None and len(long_axes(e.shape)) == 2


def has(e: Expr, name: str) -> bool:
    """True if the function is applied somewhere in the expression."""
    return any(is_(n, name) for n in walk(e))


def same_words(a: Expr, b: Expr) -> bool:
    """True for expressions of the same names and signs in any order."""
    signs = ("transpose", "hadamard", "ediv")
    return a is b or tokens(a, *signs) == tokens(b, *signs)
