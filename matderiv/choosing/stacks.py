"""Blocks and parts of arrays, which sums and products with columns of identities are."""

from collections.abc import Sequence

from matderiv.expr import Expr, apply, eye, is_
from matderiv.shapes import Size, plus
from matderiv.words.chains import transposed
from matderiv.words.signs import negated, signed, total


def part_of_both(e: Expr) -> Expr:
    """Rows of columns: X[:,1:2]'*cols(5,3,4) becomes X[3:4,1:2]'.

    >>> text(part_of_both(read("X[:,1:2]'*cols(5,3,4)", shapes={"X": "5,4"}).expr))
    "X[3:4,1:2]'"
    """
    sign, core = signed(e)
    if not is_(core, "mul"):
        return e
    numbers = [a for a in core.args if not a.shape]
    word = [b for a in core.args if a.shape for b in _opened(a)]
    if len(word) != 3 or not is_(word[-1], "cols") or not is_(transposed(word[0]), "cols"):
        return e
    if is_(word[1], "transpose"):
        turned = (transposed(word[2]), word[1].args[0], transposed(word[0]))
        word = [apply("transpose", apply("mul", *turned))]
    whole = apply("mul", *numbers, *word)
    return apply("neg", whole) if sign < 0 else whole


def _opened(e: Expr) -> list[Expr]:
    """The factors of a product of matrices, also of a transposed one."""
    if is_(e, "transpose") and is_(e.args[0], "mul"):
        return [transposed(a) for a in reversed(_opened(e.args[0]))]
    return [b for a in e.args for b in _opened(a)] if is_(e, "mul") else [e]


def stacked(e: Expr) -> Expr:
    """cols(5,1,2)*u + cols(5,3,5)*v becomes [u; v], A*cols(5,1,2)' + B*cols(5,3,5)' [A, B].

    >>> text(stacked(read("cols(5,1,2)*u - cols(5,3,5)*(A*v)").expr))
    '[u; -A*v]'
    >>> text(stacked(read("cols(5,1,2)*u + cols(5,2,4)*v").expr))
    'cols(5,1,2)*u + cols(5,2,4)*v'
    >>> grid = "cols(5,1,2)*A*cols(5,1,2)' + cols(5,3,5)*B*cols(5,1,2)' + C*cols(5,3,5)'"
    >>> text(stacked(read(grid, shapes={"C": "5,3"}).expr))
    '[[A; B], C]'
    """
    if not is_(e, "add") or any(a.shape != e.shape for a in e.args):
        return e
    for axis in range(len(e.shape)):
        parts: dict[Size, tuple[Size, list[Expr]]] = {}
        for first, last, part in (_in_place(a, axis) for a in e.args):
            parts.setdefault(first, (last, []))[1].append(part)
        blocks, place = [], plus(1)
        while place in parts:
            last, found = parts.pop(place)
            blocks.append(stacked(total(found)) if len(found) > 1 else found[0])
            place = plus(last, 1)
        if len(blocks) > 1 and not parts and place == plus(e.shape[axis], 1):
            return _grid(blocks, axis)
    return e


def _grid(blocks: Sequence[Expr], axis: int) -> Expr:
    """Blocks below (0) or beside each other (1); those that are lines themselves make a table."""
    first = blocks[0]
    lines = all(is_(b, "blocks") and b.params == (1 if axis else len(b.args),) for b in blocks)
    if lines and len({tuple(a.shape[1 - axis :][:1] for a in b.args) for b in blocks}) == 1:
        rows = zip(*(b.args for b in blocks), strict=True) if axis else (b.args for b in blocks)
        across = len(blocks) if axis else len(first.args)
        return apply("blocks", *(cell for row in rows for cell in row), params=(across,))
    return apply("blocks", *blocks, params=(len(blocks) if axis else 1,))


def _in_place(term: Expr, axis: int) -> tuple[Size, Size, Expr]:
    """The first and the last place along an axis that a term fills, and with what; 0 for none."""
    sign, core = signed(term)
    factors = tuple(_opened(core))
    front = sum(not a.shape for a in factors)
    k = len(factors) - 1 if axis else front
    place = factors[k].args[0] if axis and is_(factors[k], "transpose") else factors[k]
    others = (*factors[:k], *factors[k + 1 :])
    if not is_(place, "cols"):
        return 0, 0, term
    if len(others) == front:
        others = (*others, eye(place.shape[1]))
    part = apply("mul", *others)
    return place.params[1], place.params[2], part if sign > 0 else negated(part)
