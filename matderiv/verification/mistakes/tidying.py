"""A corrected answer as it would be written: one number in front, transposes carried out."""

from matderiv.choosing.items import item_of, multiplied
from matderiv.errors import MatderivError
from matderiv.expr import Expr, fold, is_, number, rebuild
from matderiv.words.chains import transposed_chain
from matderiv.words.monomials import scaled
from matderiv.words.signs import total


def tidied(e: Expr) -> Expr:
    """The same value: signs and numbers in front, transposes inside, sums in one row.

    >>> a, b, c = (variable(n, (3,)) for n in "abc")
    >>> text(tidied((-a * b) + (b + -c)))
    'b - a.*b - c'
    >>> A, B = variable("A", (3, 3)), variable("B", (3, 3))
    >>> text(tidied((2 * (A @ B.T)).T / 2))
    "B*A'"
    """
    try:
        found = fold(e, _tidy)
    except MatderivError:
        return e
    return found if found.shape == e.shape else e


def _tidy(node: Expr, args: tuple[Expr, ...]) -> Expr:
    made = rebuild(node, args)
    tidy = made
    if is_(node, "add"):
        tidy = total(args)
    elif is_(node, "transpose"):
        tidy = _turned(args[0])
    elif is_(node, "neg"):
        tidy = multiplied(number(-1), *args)
    elif is_(node, "mul"):
        tidy = multiplied(*args)
    elif is_(node, "div", "hadamard", "ediv"):
        tidy = multiplied(made)
    return tidy if tidy.shape == node.shape else made


def _turned(e: Expr) -> Expr:
    """The transpose, carried out on products, and on sums that are no longer for it."""
    if is_(e, "add"):
        turned = total([_turned(a) for a in e.args])
        return turned if turned.weight < e.T.weight else e.T
    c, scalars, word = item_of(e)
    turned = scaled(c, scalars, transposed_chain(word))
    return turned if turned.weight <= e.T.weight else e.T
