"""Results whose entries or blocks stand at places, as the array that a person writes.

The derivative of [x1*x2; sin(x3)] by x is [x2, x1, 0; 0, 0, cos(x3)], where the rules find a sum of
products of unit vectors.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from matderiv.choosing.items import multiplied
from matderiv.expr import Expr, apply, contains, eye, fold, is_, number, rebuild
from matderiv.language.printer import text
from matderiv.shapes import Shape, Size, is_scalar, plus
from matderiv.words.chains import transposed
from matderiv.words.signs import negated, signed, total

MOST = 16  # entries of an array that is written out
HEAVIEST = 600  # symbols of a form that is taken apart

Entries = dict[tuple[int, int], Expr]
"""What stands at which row and column; 0 stands everywhere else."""


def placed(e: Expr) -> Expr:
    """A small array in which all that is not 0 has its place, written out; others as they are.

    >>> typed = "x[2]*unit(3,1) + x[1]*unit(3,2)", "unit(3,1)", "2*x"
    >>> [text(placed(read(t, shapes={"x": 3}).expr)) for t in typed]
    ['[x[2]; x[1]; 0]', 'unit(3,1)', '2*x']
    """
    rows, columns = _size(e.shape)
    if not 1 < rows * columns <= MOST or e.weight > HEAVIEST:
        return e
    if not contains(e, "unit"):
        return e
    found = _entries(e)
    if found is None or len(found) < 2:
        return e
    places = [(i, j) for i in range(rows) for j in range(columns)]
    cells = (fold(found.get(p, number(0)), _as_entry) for p in places)
    written = apply("blocks", *cells, params=(columns,))
    if written.shape != e.shape or written.weight > HEAVIEST:  # one column is no vector
        return e
    return written if len(text(written)) <= len(text(e)) else e


def _size(shape: Shape) -> tuple[int, int]:
    """Rows and columns; 0 where they are no numbers, or more than two."""
    numbers = [s for s in shape if isinstance(s, int)]
    if len(numbers) < len(shape) or not 0 < len(shape) < 3:
        return 0, 0
    return numbers[0], numbers[1] if len(shape) == 2 else 1


def _as_entry(node: Expr, args: tuple[Expr, ...]) -> Expr:
    """x'*unit(n,k) as the entry of x that it is."""
    if is_(node, "mul") and not node.shape and len(args) == 2:
        sides = [a.args[0] if is_(a, "transpose") else a for a in args]
        if any(is_(s, "unit") for s in sides) and all(len(s.shape) == 1 for s in sides):
            unit, x = sorted(sides, key=lambda s: not is_(s, "unit"))
            return apply("sum", apply("hadamard", unit, x), params=(None,))
    return rebuild(node, args)


def _entries(e: Expr) -> Entries | None:
    """The entries of an array; None where not all have places."""
    name = e.function.name
    if name == "unit":
        place = e.params[1]
        return {(place - 1, 0): number(1)} if isinstance(place, int) else None
    if name == "eye":
        size = e.params[0]
        return {(k, k): number(1) for k in range(size)} if isinstance(size, int) else None
    if name == "zeros":
        return {}
    if name == "variable":
        return _of_variable(e)
    if name not in ("add", "neg", "transpose", "mul", "div"):
        return None
    if name == "add" and any(a.shape != e.shape for a in e.args):
        return None
    parts = [{(0, 0): a} if is_scalar(a.shape) else _entries(a) for a in e.args]
    known = [p for p in parts if p is not None]
    if len(known) < len(parts):
        return None
    if name == "add":
        return _added((p, v) for part in known for p, v in part.items())
    if name == "neg":
        return {p: multiplied(number(-1), v) for p, v in known[0].items()}
    if name == "transpose":
        return {(j, i): v for (i, j), v in known[0].items()}
    if name == "div":
        below = e.args[1]
        return {p: v / below for p, v in known[0].items()} if is_scalar(below.shape) else None
    whole, scalar = known[0], is_scalar(e.args[0].shape)
    for factor, part in zip(e.args[1:], known[1:], strict=True):
        whole = _product(whole, part, scalars=scalar or is_scalar(factor.shape))
        scalar = scalar and is_scalar(factor.shape)
    return whole


def _of_variable(x: Expr) -> Entries | None:
    """The entries of a vector or a matrix of few of them."""
    rows, columns = _size(x.shape)
    if rows < 2 or rows * columns > MOST:
        return None
    found = {}
    for i, j in product(range(rows), range(columns)):
        array, unit = x, apply("unit", params=(rows, i + 1))
        if len(x.shape) == 2:
            array, unit = x.T @ unit, apply("unit", params=(columns, j + 1))
        found[i, j] = apply("sum", apply("hadamard", unit, array), params=(None,))
    return found


def _product(left: Mapping[tuple[int, int], Expr], right: Entries, *, scalars: bool) -> Entries:
    if scalars:
        one, many = sorted((left, right), key=lambda part: [*part] != [(0, 0)])
        return {p: multiplied(one[0, 0], v) for p, v in many.items()}
    return _added(
        ((i, j), multiplied(a, b))
        for (i, k), a in left.items()
        for (row, j), b in right.items()
        if row == k
    )


def _added(entries: Iterable[tuple[tuple[int, int], Expr]]) -> Entries:
    terms: dict[tuple[int, int], list[Expr]] = {}
    for place, value in entries:
        terms.setdefault(place, []).append(value)
    return {p: v[0] if len(v) == 1 else total(v) for p, v in terms.items()}


def part_of_both(e: Expr) -> Expr:
    """Rows of columns: X[:,1:2]'*cols(5,3,4) becomes X[3:4,1:2]'.

    >>> text(part_of_both(read("X[:,1:2]'*cols(5,3,4)", shapes={"X": "5,4"}).expr))
    "X[3:4,1:2]'"
    """
    sign, core = signed(e)
    if not contains(e, "cols") or not is_(core, "mul"):
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
