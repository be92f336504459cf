"""What the search for the shortest form left alone, so that a reader can be told.

The search is bounded for every node, which keeps it linear. A bound matters for a result only
where the result still has a part beyond it.
"""

from __future__ import annotations

from collections.abc import Collection

from matderiv.expr import Expr, is_, walk
from matderiv.notation.chains import MAX_CHAIN
from matderiv.notation.sums import MAX_FACTORED

_FORM = "the form may not be the shortest"


def limits_met(e: Expr, typed: Collection[Expr]) -> tuple[str, ...]:
    """Notes on the parts of a result that were too long to be searched; none for most results.

    Nodes in `typed` are the user's own and are never rewritten.

    >>> from matderiv.expr import apply, variable
    >>> x = [variable(f"x{k}") for k in range(MAX_FACTORED + 1)]
    >>> (note,) = limits_met(apply("add", *x), ())
    >>> note[:57], note[-11:]
    ('the form may not be the shortest: common factors are look', 'this has 13')
    >>> limits_met(apply("add", *x), {apply("add", *x)}), limits_met(apply("add", *x[1:]), ())
    ((), ())
    """
    sums, products = 0, 0
    for node in walk(e):
        if node not in typed:
            if is_(node, "add"):
                sums = max(sums, len(node.args))
            elif is_(node, "mul", "hadamard"):
                products = max(products, len(node.args))
    found = []
    if sums > MAX_FACTORED:
        found.append(
            f"{_FORM}: common factors are looked for in sums of up to {MAX_FACTORED} terms, "
            f"this has {sums}"
        )
    if products > MAX_CHAIN:
        found.append(
            f"{_FORM}: products of up to {MAX_CHAIN} factors are rearranged, this has {products}"
        )
    return tuple(found)
