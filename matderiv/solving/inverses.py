"""Where a gradient in inverses of a matrix is zero: a*inv(X) - inv(X)*M*inv(X), or a*inv(X) - M."""

from typing import Any

from matderiv.choosing.items import numbers_apart
from matderiv.choosing.polish import polished
from matderiv.expr import Expr, apply, number, walk
from matderiv.lazy import sp
from matderiv.solving.affine import addends
from matderiv.solving.entrywise_roots import EntryEquation
from matderiv.words.chains import inverse_of, turned
from matderiv.words.monomials import power
from matderiv.words.signs import total


def inverse_root(gradient: Expr, x: Expr) -> Expr | None:
    """The matrix x at which a gradient in its inverse is zero; None for another form.

    >>> X, M = variable("X", ("n", "n")), variable("M", ("n", "n"))
    >>> inverse = apply("inv", X)
    >>> text(inverse_root(2 * inverse - inverse @ M @ inverse, X))
    'M/2'
    """
    sides = (apply("inv", x), turned(apply("inv", x)))
    entry = EntryEquation(x)
    alone = sp.Integer(0)
    between: list[tuple[Any, Expr]] = []
    free: list[tuple[Any, Expr]] = []
    seen: set[Expr] = set()
    for c, scalars, word in map(numbers_apart, addends(gradient)):
        numbers = [number(c), *(power(e, k) for e, k in scalars.items())]
        ends = [k for k, m in enumerate(word) if m in sides]
        rest = [m for k, m in enumerate(word) if k not in ends]
        if any(x in set(walk(m)) for m in (*numbers, *rest)):
            return None
        seen |= {word[k] for k in ends}
        scale = sp.Mul(*map(entry.scalar, numbers))
        if len(ends) == 1 and not rest:
            alone += scale
        elif not ends or (rest and ends == [0, len(word) - 1]):
            (between if ends else free).append((scale, apply("mul", *rest)))
        else:
            return None
    if alone == 0 or bool(free) == bool(between) or len(seen) > 1:
        return None
    terms = [(sp.cancel(-c / alone), m) for c, m in free or between]
    scale = terms[0][0]  # of all, written outside
    whole = total([m if c == scale else entry.written(c / scale) * m for c, m in terms])
    whole = turned(whole) if sides[1] in seen else whole
    above, below = sp.fraction(1 / scale if free else scale)
    found = inverse_of([whole], x)[0] if free else whole
    found = found if above == 1 else entry.written(above) * found
    return polished(found if below == 1 else found / entry.written(below), set())
