"""The classes of SymPy by name: how each is read, given the expressions of its parts."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from math import inf
from typing import TYPE_CHECKING, Any

from matderiv.bridge.sizes import decoded, readable, shape_of, sides
from matderiv.errors import DomainError, ShapeError, UnknownFunction, UnknownName
from matderiv.expr import REGISTRY, Expr, apply, is_, number, size_expr
from matderiv.input.from_sympy.array_entries import ARRAYS
from matderiv.input.from_sympy.scalar_functions import ENTRIES, power, product, total
from matderiv.input.from_sympy.sums import read_array, read_entry, read_sum
from matderiv.input.from_sympy.undefined import read_undefined, undefined
from matderiv.lazy import sp
from matderiv.shapes import Dim, Shape, Size, is_scalar, plus, shape_text

if TYPE_CHECKING:
    from matderiv.input.from_sympy.objects import ObjectReader

Build = Callable[["ObjectReader", Any, tuple[Expr, ...]], Expr]


def excerpt(node: Any) -> str:
    """A node as SymPy prints it, or its class where that would be long.

    >>> excerpt(sp.Symbol("x") + 1)
    'x + 1'
    """
    count, stack = 0, [node]
    while stack and count < 60:
        count += 1
        stack += getattr(stack.pop(), "args", ())
    return str(node) if count < 60 else f"a large {type(node).__name__}"


def class_name(node: Any) -> str:
    """The name of SymPy's (or our) class; a class of the user's never passes for one of these."""
    cls = type(node)
    ours = (cls.__module__ or "").split(".")[0] in ("sympy", "matderiv")
    return cls.__name__ if ours else ""


def handler(node: Any) -> Build:
    """What reads this node; UnknownFunction, naming its class, if nothing does."""
    name = class_name(node)
    if node.is_Number:
        return _number
    if node.is_Symbol and name in ("Symbol", "Dummy"):
        return _symbol
    if name in HANDLERS:
        return HANDLERS[name]
    if name in ENTRIES:
        return _entry_function
    if undefined(node) is not None:
        return read_undefined
    shown = type(node).__name__
    raise UnknownFunction(
        f"{shown} of SymPy is not part of the language"
        if name
        else f"{shown}, a function or class of your own, is not part of the language",
        hint="derive() takes the function itself"
        if shown == "Derivative"
        else "write it with the functions that matderiv exports",
        details=(f"in {excerpt(node)}",),
    )


def _number(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    if node.is_finite and node and not 0 < abs(_float(node)) < inf:
        said = "large" if abs(node) > 1 else "small"
        raise DomainError(f"a number is too {said} for a float")
    if node.is_Rational:
        return number(Fraction(int(node.p), int(node.q)))
    if node.is_Float and node.is_finite:
        exact = sp.Rational(repr(float(node)) if sp.Float(float(node)) == node else node)
        return number(Fraction(int(exact.p), int(exact.q)))
    raise UnknownFunction(f"{type(node).__name__} of SymPy is not a number of the language")


def _float(node: Any) -> float:
    try:
        return float(node)
    except OverflowError:
        return inf


def _symbol(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    name = readable(node.name)
    if name in reader.sizes.meaning:
        return size_expr(Dim((name,)))
    if not node.is_commutative or node.is_extended_real is False:
        raise UnknownFunction(f"{node} is declared not to be a real number")
    words = frozenset({"positive"}) if node.is_positive else frozenset()
    return reader.declared(name, (), node, words)


def _variable(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    name = readable(str(node.name))
    if name in reader.sizes.meaning:
        raise UnknownName(f"{name} names a size and a matrix", hint="rename one of them")
    return reader.declared(name, shape_of(node, reader.sizes), node, frozenset())


def _mat_add(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    for a in args[1:]:
        _same_sides(args[0].shape, a.shape, "add")
    constants = [_multiple_of_ones(a) for a in args]
    if None not in constants:
        return total(*args)
    return total(*(a if c is None else c for a, c in zip(args, constants, strict=True)))


def _multiple_of_ones(e: Expr) -> Expr | None:
    """The number c of c*OneMatrix, which a sum with a full matrix repeats by itself."""
    if is_(e, "ones"):
        return number(1)
    if is_(e, "neg", "div"):
        inner = _multiple_of_ones(e.args[0])
        return inner and apply(e.function.name, inner, *e.args[1:])
    if is_(e, "mul") and is_(e.args[-1], "ones"):
        if all(is_scalar(a.shape) for a in e.args[:-1]):
            return product(*e.args[:-1])
    return None


def _same_sides(a: Shape, b: Shape, verb: str) -> None:
    """Refuse what our language would broadcast and SymPy means to be of equal shape."""
    fits = a == b if len(a) > 2 or len(b) > 2 else sides(a) == sides(b)
    if not fits:
        raise ShapeError(f"cannot {verb} {shape_text(a)} and {shape_text(b)}")


def _add(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    shapes = {a.shape for a in args if not is_scalar(a.shape)}
    if id(node) not in reader.entries and shapes and len({a.shape for a in args}) > 1:
        raise ShapeError(
            "cannot add " + " and ".join(sorted(shape_text(a.shape) for a in args)),
            hint="a constant matrix is a multiple of OneMatrix",
        )
    return total(*args)


def _mul(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    long = [a for a in args if not is_scalar(a.shape)]
    if len(long) > 1 and id(node) not in reader.entries:
        said = "Mul of SymPy joins matrices without saying how"
        raise ShapeError(said, hint="use MatMul, HadamardProduct or md.hadamard")
    return product(*args)


def _pow(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    _scalars_only(reader, node, args)
    return power(*args)


def _scalars_only(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> None:
    if id(node) in reader.entries:
        return
    for a in args:
        if not is_scalar(a.shape):
            name = type(node).__name__
            raise ShapeError(
                f"{name} of SymPy needs a scalar, this is {shape_text(a.shape)}",
                hint="md.expm(X) or X.applyfunc(exp)"
                if name == "exp"
                else f"X.applyfunc({name}) applies it to every entry",
            )


def _entry_function(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    _scalars_only(reader, node, args)
    return ENTRIES[type(node).__name__](node, *args)


def _mat_pow(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    base, exponent = (*args, number(-1))[:2]
    if is_scalar(base.shape):
        return power(base, exponent)
    return apply("inv", base) if exponent is number(-1) else apply("power", base, exponent)


def _hadamard(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    for a in args[1:]:
        _same_sides(args[0].shape, a.shape, "multiply entry by entry")
    return apply("hadamard", *args)


def _hadamard_power(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    base, exponent = args
    if not is_scalar(base.shape) and not is_scalar(exponent.shape):
        _same_sides(base.shape, exponent.shape, "raise")
    return power(base, exponent)


def _application(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    record = REGISTRY[str(node.args[0])]
    return apply(record.name, *args, params=decoded(record, node.args[1], reader.sizes))


def _named(name: str) -> Build:
    return lambda reader, node, args: apply(name, *args)


def _filled(name: str) -> Build:
    """OneMatrix and ZeroMatrix: n x 1 is a vector, 1 x 1 a scalar."""

    def build(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
        shape = shape_of(node, reader.sizes)
        if len(shape) == 2 and shape[0] == 1:
            return apply(name, params=shape[1:]).T
        return apply(name, params=shape) if shape else number(1 if name == "ones" else 0)

    return build


def _slice(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    """Some rows and columns of a matrix, by products with columns of identities."""
    chain = [args[0]]
    bounds = zip((node.rowslice, node.colslice), sides(args[0].shape), strict=True)
    for axis, (bound, size) in enumerate(bounds):
        places = _places(reader, node, bound, size)
        chain = [*chain, places] if axis and places else [places.T, *chain] if places else chain
    return apply("mul", *chain) if len(chain) > 1 else args[0]


def _places(reader: ObjectReader, node: Any, bound: Any, size: Size) -> Expr | None:
    """The columns of an identity that pick a slice, None for a whole axis."""
    start, stop, step = map(sp.sympify, bound)
    first, count = reader.sizes.size(start), reader.sizes.size(sp.expand(stop - start))
    if (first, count, step) == (0, size, 1):
        return None
    if step == 1 and count != 1:
        return apply("cols", params=(size, plus(first, 1), plus(first, count)))
    if not all(b.is_Integer for b in (start, stop, step)):
        said = f"MatrixSlice of SymPy: {excerpt(node)} takes rows or columns at no fixed place"
        raise UnknownFunction(said, hint="entries such as X[i, j], inside a Sum or free")
    if count == 1:
        return apply("unit", params=(size, plus(first, 1)))
    last = start + (stop - start) // step * step  # SymPy counts whole steps only
    each = [apply("unit", params=(size, p + 1)) for p in range(start, last, step)]
    return apply("blocks", *each, params=(len(each),))


def _explicit(reader: ObjectReader, node: Any, args: tuple[Expr, ...]) -> Expr:
    """An explicit matrix: its entries as blocks."""
    shape_of(node, reader.sizes)  # refuses one without entries
    _scalars_only(reader, node, args)
    return apply("blocks", *args, params=(int(node.cols),)) if len(args) > 1 else args[0]


SIZED = "MatrixSymbol ArraySymbol Identity OneMatrix ZeroMatrix FunctionMatrix".split()
LEAVES = (*SIZED, *("Sum", "Product", "Indexed", "ArrayElement", *ARRAYS))

HANDLERS: dict[str, Build] = {
    "MatrixSymbol": _variable,
    "ArraySymbol": _variable,
    "Identity": lambda reader, node, args: apply("eye", params=shape_of(node, reader.sizes)[:1]),
    "OneMatrix": _filled("ones"),
    "ZeroMatrix": _filled("zeros"),
    "Pi": lambda reader, node, args: apply("pi", params=("pi",)),
    "Exp1": lambda reader, node, args: apply("exp", number(1)),
    "BooleanTrue": lambda reader, node, args: number(1),
    "BooleanFalse": lambda reader, node, args: number(0),
    "Add": _add,
    "Mul": _mul,
    "Pow": _pow,
    "MatAdd": _mat_add,
    "MatMul": lambda reader, node, args: product(*args, entrywise=False),
    **dict.fromkeys(("MatPow", "Inverse"), _mat_pow),
    **dict.fromkeys(("Transpose", "Adjoint"), lambda reader, node, args: args[0].T),
    "Trace": _named("tr"),
    "Determinant": _named("det"),
    "HadamardProduct": _hadamard,
    "HadamardPower": _hadamard_power,
    "KroneckerProduct": lambda reader, node, args: reduce(lambda a, b: apply("kron", a, b), args),
    **dict.fromkeys(("DiagMatrix", "DiagonalOf"), _named("diag")),
    "DiagonalMatrix": lambda reader, node, args: apply("diag", apply("diag", args[0])),
    "DotProduct": _named("dot"),
    "MatrixElement": read_entry,
    **dict.fromkeys(
        ("ElementwiseApplyFunction", "ArrayElementwiseApplyFunc"),
        lambda reader, node, args: reader.body(node.args[0], args[0]),
    ),
    **dict.fromkeys("ScalarApplication MatrixApplication ArrayApplication".split(), _application),
    **dict.fromkeys(("Sum", "Product", "Indexed", "ArrayElement"), read_sum),
    "MatrixSlice": _slice,
    **dict.fromkeys(
        ("BlockMatrix", "BlockDiagMatrix"),
        lambda reader, node, args: apply("blocks", *args, params=(int(node.blockshape[1]),)),
    ),
    **dict.fromkeys((*ARRAYS, "FunctionMatrix"), read_array),
    **dict.fromkeys(("ImmutableDenseMatrix", "ImmutableSparseMatrix"), _explicit),
}
"""Name of SymPy's class -> its expression, given (reader, node, expressions of its children)."""
