"""What the search for the shortest form left alone, so that a reader can be told.

The search is bounded for every node, which keeps it linear. A bound on lengths matters for a
result only where the result still has a part beyond it; a bound on work matters always.
"""

from collections.abc import Collection

from matderiv.choosing.factoring import MAX_FACTORED
from matderiv.choosing.search import MAX_WORK
from matderiv.expr import Expr, is_, walk
from matderiv.words.chains import MAX_CHAIN

_FORM = "the form may not be the shortest"


def limits_met(e: Expr, typed: Collection[Expr], cut: bool = False) -> tuple[str, ...]:
    """Notes on the parts of a result that were too long to be searched; none for most results.

    Nodes in `typed` are the user's own and are never rewritten. `cut` says that a search was ended.

    >>> x = [variable(f"x{k}") for k in range(MAX_FACTORED + 1)]
    >>> (note,) = limits_met(apply("add", *x), ())
    >>> note[:57], note[-11:]
    ('the form may not be the shortest: common factors are look', 'this has 13')
    >>> limits_met(apply("add", *x), {apply("add", *x)}), limits_met(apply("add", *x[1:]), ())
    ((), ())
    >>> limits_met(x[0], (), cut=True)
    ('the form may not be the shortest: the search was ended after at most 400 terms of one sum',)
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
    if cut:
        found.append(f"{_FORM}: the search was ended after at most {MAX_WORK} terms of one sum")
    return tuple(found)
