"""Which lines of a differential are worth showing, and how long they may be."""

import re
from collections.abc import Collection, Sequence

from matderiv.expr import Expr, is_, variables, walk
from matderiv.language.printer import text
from matderiv.shapes import long_axes
from matderiv.views.intermediates import Intermediate
from matderiv.views.pairings import standard
from matderiv.views.stages import tokens

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
        return False
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


def still(e: Expr, changes: Collection[Expr]) -> bool:
    """True if none of the changes is in the expression."""
    return not any(v in changes for v in variables(e))


def has(e: Expr, name: str) -> bool:
    """True if the function is applied somewhere in the expression."""
    return any(is_(n, name) for n in walk(e))


def allowed(natural: Sequence[Expr], change: Expr) -> int:
    """Symbols that a pairing may have in place of the terms as they come."""
    tidy = len(natural) == 1 and standard(natural[0], change)
    return sum(n.weight for n in natural) + (0 if tidy else 5)


def same_words(a: Expr, b: Expr) -> bool:
    """True for expressions of the same names and signs in any order."""
    return a is b or (tokens(a) == tokens(b) and _marks(a) == _marks(b))


def _marks(e: Expr) -> list[str]:
    return sorted(re.findall(r"'|\.\*|\./", text(e)))
