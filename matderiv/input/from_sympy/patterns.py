"""Array expressions of SymPy as index patterns (`einsum`)."""

from collections.abc import Callable
from string import ascii_letters
from typing import Any, Protocol

from matderiv.bridge.sizes import SizeTable
from matderiv.errors import ShapeError, UnknownFunction
from matderiv.expr import Expr, apply, is_
from matderiv.functions.reduce import einsum_parts
from matderiv.input.from_sympy.matrix_products import as_product
from matderiv.input.from_sympy.scalar_functions import product, total
from matderiv.shapes import Shape, Size, is_scalar


class SympyReader(Protocol):
    """What reads SymPy objects; `entries` are ids of nodes that stand for all entries at once."""

    sizes: SizeTable
    entries: set[int]

    def read(self, root: Any) -> Expr:
        """The expression of an object without free indices."""
        ...

    def body(self, function: Any, value: Expr) -> Expr:
        """A scalar function applied to every entry."""
        ...

    def starts(self, base: Any, first: int) -> bool:
        """True where all entries of an IndexedBase count from the same number."""
        ...

    def array(self, element: Any, ranges: dict[Any, Size]) -> Expr:
        """The array of an entry with indices; they say its sizes where it does not."""
        ...

    def declared(self, name: str, shape: Shape, symbol: Any, words: frozenset[str]) -> Expr:
        """The variable of a symbol."""
        ...


def pattern(spec: str, *args: Expr) -> Expr:
    """The index pattern `spec` of some arrays.

    >>> pattern("a,a->", ones(3), ones(3)).shape
    ()
    """
    return apply("einsum", *args, params=(spec,))


def relabelled(e: Expr, letters: dict[str, str], output: str) -> Expr:
    """An array whose axes a, b, c ... are renamed (equal letters meet) and then kept by `output`.

    Index patterns are merged into one.
    """
    if is_(e, "einsum"):
        operands, axes = einsum_parts(e.params[0])
        named = dict(zip(ascii_letters, axes, strict=False))
        change = {named[old]: named[new] for old, new in letters.items()}
        kept = "".join(change.get(named[c], named[c]) for c in output)
        left = ",".join("".join(change.get(c, c) for c in o) for o in operands)
        return pattern(f"{left}->{kept}", *e.args)
    axes = ascii_letters[: len(e.shape)]
    left = "".join(letters.get(c, c) for c in axes)
    if left == output:
        return e
    if left == "ab" and output == "ba" and 1 not in e.shape:
        return e.T
    return pattern(f"{left}->{''.join(letters.get(c, c) for c in output)}", e)


def picked(e: Expr, axis: int, size: Size, place: int) -> Expr:
    """An array at one place of an axis, which counts from 0.

    >>> picked(variable("X", (2, 3)), 1, 3, 0).shape
    (2,)
    """
    unit = apply("unit", params=(size, place + 1))
    if len(e.shape) == 1:
        return apply("mul", unit.T, e)
    if len(e.shape) == 2:
        return apply("mul", e if axis == 1 else e.T, unit)
    axes = ascii_letters[: len(e.shape)]
    return pattern(f"{axes},{axes[axis]}->{axes.replace(axes[axis], '')}", e, unit)


# Array expressions --------------------------------------------------------------------------------


def _ranks_agree(node: Any, parts: tuple[Any, ...], args: tuple[Expr, ...]) -> None:
    for part, a in zip(parts, args, strict=True):
        if len(getattr(part, "shape", ())) != len(a.shape):
            raise UnknownFunction(
                f"{type(node).__name__} of SymPy with axes of size 1",
                hint='use ArraySymbol("v", (n,)) for a vector',
            )


def _tensor_product(node: Any, args: tuple[Expr, ...]) -> Expr:
    _ranks_agree(node, node.args, args)
    long = [a for a in args if not is_scalar(a.shape)]
    scalars = [a for a in args if is_scalar(a.shape)]
    letters, operands = iter(ascii_letters), []
    for a in long:
        operands.append("".join(next(letters) for _ in a.shape))
    body = [pattern(",".join(operands) + "->" + "".join(operands), *long)] if long else []
    return product(*scalars, *body)


def _array_add(node: Any, args: tuple[Expr, ...]) -> Expr:
    _ranks_agree(node, node.args, args)
    if len({a.shape for a in args}) > 1:
        raise ShapeError("ArrayAdd of SymPy adds arrays of equal shape")
    return total(*args)


def _permute(node: Any, args: tuple[Expr, ...]) -> Expr:
    _ranks_agree(node, node.args[:1], args)
    order = [k + 1 for k in node.permutation.array_form]
    if order == [2, 1]:
        return args[0].T
    return apply("permute", args[0], params=tuple(order))


def _groups(node: Any) -> list[list[int]]:
    return [list(map(int, group)) for group in node.args[1:]]


def _contraction(node: Any, args: tuple[Expr, ...]) -> Expr:
    _ranks_agree(node, node.args[:1], args)
    groups = _groups(node)
    taken = {k for g in groups for k in g}
    kept = "".join(ascii_letters[k] for k in range(len(args[0].shape)) if k not in taken)
    return as_product(relabelled(args[0], _met(groups), kept))


def _diagonal(node: Any, args: tuple[Expr, ...]) -> Expr:
    _ranks_agree(node, node.args[:1], args)
    groups = _groups(node)
    taken = {k for g in groups for k in g}
    kept = "".join(ascii_letters[k] for k in range(len(args[0].shape)) if k not in taken)
    return relabelled(args[0], _met(groups), kept + "".join(ascii_letters[g[0]] for g in groups))


def _met(groups: list[list[int]]) -> dict[str, str]:
    return {ascii_letters[k]: ascii_letters[g[0]] for g in groups for k in g[1:]}


ARRAYS: dict[str, Callable[[Any, tuple[Expr, ...]], Expr]] = {
    "ArrayTensorProduct": _tensor_product,
    "ArrayAdd": _array_add,
    "PermuteDims": _permute,
    "ArrayContraction": _contraction,
    "ArrayDiagonal": _diagonal,
}
"""Name of SymPy's class -> its expression, given (node, arguments)."""
