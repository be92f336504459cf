"""Expressions printed in the text language; what is printed reads back as the same expression.

One table of levels decides every bracket: + and -, then products from left to right, then a sign,
then postfix operators, then atoms. A comparison always stands in brackets of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any, TypeVar

from matderiv.errors import LimitError
from matderiv.expr import Expr, apply, is_
from matderiv.shapes import Size

COMPARE, SUM, PRODUCT, SIGN, POSTFIX, ATOM = range(6)

LEVELS = {
    "add": SUM,
    **dict.fromkeys(("mul", "hadamard", "div", "ediv"), PRODUCT),
    "neg": SIGN,
    **dict.fromkeys(("transpose", "power", "epow"), POSTFIX),
    **dict.fromkeys(("gt", "lt", "ge", "le"), COMPARE),
}
SYMBOLS = {"mul": "*", "hadamard": ".*", "div": "/", "ediv": "./", "power": "^", "epow": ".^"}
MAX_SYMBOLS = 200_000

T = TypeVar("T")
Piece = str | tuple[Expr, int]
"""Text, or an expression that is to stand at some level."""


def text(expr: Expr, parts: Sequence[tuple[str, Expr]] = (), *, entries: bool = True) -> str:
    """`expr` in the text language, with its named parts after `where`.

    With `entries` those at numbers are x[1], counted from 1; else they are sums.

    Raises LimitError when the text would be too long to be read by anybody.

    >>> a, b = variable("a"), variable("b")
    >>> text(apply("power", a - b, 2)), text(a - (a - b) / 2, [("b", -a)])
    ('(a - b)^2', 'a - (a - b)/2 where b = -a')
    """
    refuse_long(expr, *(value for _, value in parts))

    def opened(piece: tuple[Expr, int]) -> list[Piece]:
        node, least = piece
        loose = level(node, entries) < least
        return ["(", (node, COMPARE), ")"] if loose else pieces(node, entries)

    out = [*strings_in([(expr, SUM)], opened)]
    for k, (name, value) in enumerate(parts):
        out.append(f"; {name} = " if k else f" where {name} = ")
        out += strings_in([(value, SUM)], opened)
    return "".join(out)


def refuse_long(*exprs: Expr) -> None:
    """LimitError for what would be too long to be read by anybody."""
    symbols = sum(e.weight for e in exprs)
    if symbols > MAX_SYMBOLS:
        raise LimitError(f"the text would have {symbols} symbols, the limit is {MAX_SYMBOLS}")


def strings_in(row: Sequence[str | T], opened: Callable[[T], Sequence[str | T]]) -> Iterator[str]:
    """The strings of a row whose other parts open into rows; without recursion, however deep."""
    stack = list(reversed(row))
    while stack:
        top = stack.pop()
        if isinstance(top, str):
            yield top
        else:
            stack += reversed(opened(top))


def level(node: Expr, entries: bool = True) -> int:
    """How tightly the printed node holds together; a part is one only where it is X[1:2,:]."""
    name = node.function.name
    if name == "number":
        value: Fraction = node.params[0]
        return PRODUCT if decimal(value) is None else SIGN if value < 0 else ATOM
    return LEVELS.get(name, ATOM) if not entries or part_of(node) is None else ATOM


def pieces(node: Expr, entries: bool = True) -> list[Piece]:
    """The text of a node, its arguments still to be printed at the level they need."""
    name = node.function.name
    if name == "number":
        return [number_text(node.params[0])]
    if node.function.leaf:
        return [node.name]
    if entries and (entry := entry_of(node) or part_of(node)) is not None:
        return [(entry[0], ATOM), "[", places_in(entry[1], str), "]"]
    if name == "mul" and entries:
        return _product(node, factors_shown(node))
    if name in _OPERATORS:
        return _OPERATORS[name](node)
    if node.function.call == "operator" and len(node.args) == 2:
        return [(node.args[0], SUM), node.function.label, (node.args[1], SUM)]
    return _call(node)


def entry_of(node: Expr) -> tuple[Expr, tuple[int, ...]] | None:
    """The array and the places of an entry with numbers for places; None for anything else.

    >>> places = [entry_of(read(t).expr)[1] for t in ("x[2]", "X[1,3]")]
    >>> places, entry_of(read("sum(x)").expr)
    ([(2,), (1, 3)], None)
    """
    if not is_(node, "sum") or node.params != (None,) or not is_(node.args[0], "hadamard"):
        return None
    factors = node.args[0].args
    units = [k for k, a in enumerate(factors) if is_(a, "unit") and isinstance(a.params[1], int)]
    if len(factors) != 2 or len(units) != 1:
        return None
    column, array = factors[units[0]].params[1], factors[1 - units[0]]
    if is_(array, "mul") and len(array.args) == 2 and is_(array.args[0], "transpose"):
        rows, row = array.args
        if is_(row, "unit") and isinstance(row.params[1], int):
            return rows.args[0], (row.params[1], column)
    return (array, (column,)) if len(array.shape) == 1 else None


def part_of(node: Expr) -> tuple[Expr, tuple[tuple[Size, ...], ...]] | None:
    """The array and the places of some of its rows or columns; None for anything else.

    >>> parts = [part_of(read(t).expr) for t in ("x[2:4]", "X[1:3,:]", "X[2,:]", "A*x")]
    >>> [found and found[1] for found in parts]
    [((2, 4),), ((1, 3), ()), None, None]
    >>> both = part_of(read("cols(5,1,2)'*X*cols(4,3,4)").expr)
    >>> both and both[1]
    ((1, 2), (3, 4))
    """
    word = list(node.args) if is_(node, "mul") else []
    rows = columns = ()
    if word and is_(word[0], "transpose") and is_(word[0].args[0], "cols"):
        rows = word.pop(0).args[0].params[1:]
    if len(word) > 1 and is_(word[-1], "cols"):
        columns = word.pop().params[1:]
    if len(word) != 1 or not (rows or columns) or 1 in word[0].shape:
        return None
    if len(word[0].shape) == 1:
        return (word[0], (rows,)) if rows else None
    return (word[0], (rows, columns)) if len(word[0].shape) == 2 else None


def factors_shown(node: Expr) -> Sequence[Expr]:
    """The factors of a product, a part X[1:2,:] as one of them.

    >>> product = read("y'*cols(5,1,2)'*(A*x)", shapes={"A": "5,3"}).expr
    >>> [text(a) for a in factors_shown(product)]
    ["y'", '(A*x)[1:2]']
    """
    out: list[Expr] = []
    for a in node.args:
        before = out[-1] if out else a
        inner = before.args if part_of(before) is not None else (before,)
        rows = len(inner) == 1 and is_(before, "transpose") and is_(before.args[0], "cols")
        if out and (rows or is_(a, "cols")) and part_of(made := apply("mul", *inner, a)):
            out[-1] = made
        elif is_(a, "cols") and is_(before, "transpose") and len(before.args[0].shape) == 1:
            out[-1] = apply("transpose", apply("mul", apply("transpose", a), before.args[0]))
        else:
            out.append(a)
    return node.args if out[0] is node else out


def places_in(places: Sequence[Any], spelled: Callable[[Any], str]) -> str:
    """The places of an entry or a part, as `1,3` and `2:n,:`."""
    return ",".join(
        (":".join(map(spelled, p)) or ":") if type(p) is tuple else str(p) for p in places
    )


def _call(node: Expr) -> list[Piece]:
    function = node.function
    out: list[Piece] = [function.label, "("]
    if function.call == "pattern":
        out += [f'"{node.params[0]}"', ","]
    for k, argument in enumerate(node.args):
        out += [","] if k else []
        out.append((argument, COMPARE))
    if function.call in ("axis", "keyword-axis"):
        if node.params[0] is not None:
            keeps = function.call == "keyword-axis" or node.shape == node.args[0].shape
            out.append(f", axis={node.params[0]}" if keeps else f",{node.params[0]}")
    elif function.call not in ("like-neighbour", "pattern") and node.params:
        sizes = ",".join(str(p) for p in node.params)
        out.append(f",{sizes}" if node.args else sizes)
    return [*out, ")"]


def _sum(node: Expr) -> list[Piece]:
    out: list[Piece] = []
    for k, term in enumerate(node.args):
        positive = _without_sign(term) if k else None
        if positive is not None:
            out.append(" - ")
            out += positive
        else:
            out += [" + "] if k else []
            out.append((term, PRODUCT))
    return out


def _without_sign(term: Expr) -> list[Piece] | None:
    """What follows the minus when a term is printed with ` - `; None for a positive term."""
    if is_(term, "neg"):
        return [(term.args[0], PRODUCT)]
    if is_(term, "number") and term.params[0] < 0:
        return [number_text(-term.params[0])]
    if is_(term, "mul", "hadamard", "div", "ediv") and is_(term.args[0], "number"):
        printed = pieces(term)
        value: Fraction = term.args[0].params[0]
        return [number_text(-value), *printed[1:]] if value < 0 else None
    return None


def _product(node: Expr, factors: Sequence[Expr] = ()) -> list[Piece]:
    """n factors in a chain; a chain inside the same chain keeps its brackets."""
    first, *others = factors or node.args
    symbol = SYMBOLS[node.function.name]
    bracketed = first.function is node.function or _mixed(node, first)
    out: list[Piece] = [(first, SIGN if bracketed else PRODUCT)]
    for factor in others:
        out += [symbol, (factor, POSTFIX)]
    return out


def _mixed(node: Expr, first: Expr) -> bool:
    """True where `.*` and `*` meet: (G.*s)*x' is easier to read than G.*s*x'."""
    if is_(node, "mul"):
        return is_(first, "hadamard", "ediv")
    return is_(first, "mul") and sum(bool(a.shape) for a in first.args) > 1


def _blocks(node: Expr) -> list[Piece]:
    """Blocks as they are typed: `[A, B; C, D]`."""
    out: list[Piece] = ["["]
    for k, cell in enumerate(node.args):
        out += [("; ", ", ")[k % node.params[0] > 0]] if k else []
        out.append((cell, SUM))
    return [*out, "]"]


def _abstract(node: Expr) -> list[Piece]:
    """`f(x)`, `∇f(x)` by an array, `f'(t)` by a number, `phi'(z)`."""
    name, order = node.params[-2:]
    slopes = is_(node, "abstract") and bool(node.args[0].shape)
    head = ("", "∇", "∇²")[order] + name if slopes else name + "'" * order
    return [head, "(", (node.args[0], COMPARE), ")"]


def _quotient(node: Expr) -> list[Piece]:
    above, below = node.args
    mixed = is_(node, "ediv") and _mixed(node, above)
    return [(above, SIGN if mixed else PRODUCT), SYMBOLS[node.function.name], (below, POSTFIX)]


def _transpose(node: Expr) -> list[Piece]:
    """`A'`, or `A^H` where A' is of conj(A)."""
    (x,) = node.args
    adjoint = is_(x, "variable") and x.name.startswith("conj(")
    return [x.name[5:-1], "^H"] if adjoint else [_base(x), "'"]


def _base(node: Expr) -> Piece:
    return (node, ATOM if is_(node, "power", "epow") else POSTFIX)


def _power(node: Expr) -> list[Piece]:
    base, exponent = node.args
    out: list[Piece] = [_base(base), SYMBOLS[node.function.name]]
    if is_(exponent, "neg") and level(exponent.args[0]) == ATOM:
        return [*out, "-", (exponent.args[0], ATOM)]
    if is_(exponent, "number") and level(exponent) == SIGN:
        return [*out, number_text(exponent.params[0])]
    return [*out, (exponent, ATOM)]


_OPERATORS: dict[str, Callable[[Expr], list[Piece]]] = {
    "add": _sum,
    "neg": lambda node: ["-", (node.args[0], SIGN)],
    "mul": _product,
    "hadamard": _product,
    "div": _quotient,
    "ediv": _quotient,
    "power": _power,
    "epow": _power,
    "transpose": _transpose,
    "blocks": _blocks,
    "abstract": _abstract,
    "abstract_map": _abstract,
    "abstract_curve": _abstract,
}


# Numbers -----------------------------------------------------------------------------------------


def number_text(value: Fraction) -> str:
    """An exact number: whole, a finite decimal, or a quotient.

    >>> [number_text(Fraction(t)) for t in ("2", "1/2", "1e-5", "-1/3", "1e300", "0.00125")]
    ['2', '0.5', '1e-5', '-1/3', '1e300', '0.00125']
    """
    found = decimal(value)
    if found is None:
        return f"{value.numerator}/{value.denominator}"
    digits, scale = found
    sign = "-" if value < 0 else ""
    stripped = digits.rstrip("0") or "0"
    places = len(digits) - scale  # digits before the point
    if scale == 0:
        zeros = len(digits) - len(stripped)
        return sign + (digits if zeros < 16 else f"{stripped}e{zeros}")
    if places > -4:
        whole = digits[: max(places, 0)] or "0"
        return f"{sign}{whole}.{'0' * max(-places, 0)}{digits[max(places, 0) :]}"
    point = "." if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{point}{digits[1:]}e{places - 1}"


def decimal(value: Fraction) -> tuple[str, int] | None:
    """The digits of |value| and how many stand after the point; None if they never end."""
    rest, twos, fives = value.denominator, 0, 0
    if rest.bit_length() > 2000 or value.numerator.bit_length() > 8000:
        if rest > 1:
            return None
        raise LimitError("a number of more than 2000 digits is not printed")
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return None
    scale = max(twos, fives)
    return str(abs(value.numerator) * 10**scale // value.denominator), scale
