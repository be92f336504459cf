"""Records applied to SymPy objects, in SymPy's own matrix classes wherever it has one.

`build` is the one place that knows how SymPy spells a record; what SymPy cannot spell becomes one
of our own objects that carries the record. Importing this module imports SymPy.
"""

from collections.abc import Callable
from typing import Any

import sympy as sp

from matderiv.bridge.applied import MatrixApplication, applied, checked
from matderiv.bridge.functions import SCALAR
from matderiv.bridge.sizes import SizeTable, every, shape_of, sides
from matderiv.bridge.twins import (
    Determinant,
    ElementwiseApplyFunction,
    MatMul,
    MatrixElement,
    Trace,
    is_matrix,
    opened,
    product,
    scalar,
)
from matderiv.functions.algebra import product_shape
from matderiv.shapes import Shape, is_scalar

ENTRY = sp.Dummy("d")
"""The bound variable of our elementwise functions: one, so that equal functions are equal."""


def build(name: str, args: tuple[Any, ...], params: tuple[Any, ...] = ()) -> Any:
    """The record `name` applied to SymPy objects; `params` are SymPy objects too.

    Raises ShapeError when the arguments do not fit.

    >>> x, A = sp.MatrixSymbol("x", 3, 1), sp.MatrixSymbol("A", 3, 3)
    >>> build("tr", (A,)), build("mul", (build("transpose", (x,)), A, x))
    (Trace(A), (x.T*A*x)[0, 0])
    """
    args = tuple(sp.sympify(a, strict=True) for a in args)
    shape, table = checked(name, params, args)
    ranks = [len(shape), *(len(shape_of(a)) for a in args)]
    if max(ranks) > 2:
        return applied(name, params, *args)
    if name == "abstract" and is_scalar(shape_of(args[0])):
        name = "abstract_map"
    if name in MAKERS:
        return opened(MAKERS[name](SympyPlace(shape, table), *args, *params))
    if name in SCALAR:
        return entrywise(name, args)
    return applied(name, params, *args)


def holds(e: Any, *parts: Any) -> bool:
    """True where one of some atoms is in an expression.

    >>> x = sp.Symbol("x")
    >>> holds(x + 1, x), holds(x + 1, sp.zoo)
    (True, False)
    """
    return any(not getattr(node, "args", ()) and node in parts for node in every(e))


class SympyPlace:
    """The shape that the result has, and what its sizes are called in SymPy."""

    def __init__(self, shape: Shape, table: SizeTable) -> None:
        self.scalar = is_scalar(shape)
        self.rows, self.cols = map(table.expression, sides(shape))

    def fit(self, e: Any) -> Any:
        """A scalar, column or row repeated to this shape by products with OneMatrix."""
        if is_scalar(shape_of(e)):
            return _scaled(scalar(e), sp.OneMatrix(self.rows, self.cols))
        if e.rows == 1 and self.rows != 1:
            e = MatMul(sp.OneMatrix(self.rows, 1), e)
        if e.cols == 1 and self.cols != 1:
            e = MatMul(e, sp.OneMatrix(1, self.cols))
        return e


def _is_nested(name: str, args: tuple[Any, ...]) -> bool:
    """True for a choice whose condition has choices, which SymPy would simplify, but no matrices.

    Of a comparison that is 1 or 0 it takes the comparison alone.
    """
    if name == "where":
        test = args[0]
        alone = isinstance(test, sp.Piecewise) and test.args[0].cond.is_Relational
        return test.has(sp.Piecewise) and not (alone and len(test.atoms(sp.Piecewise)) == 1)
    return name in ("gt", "lt", "ge", "le") and any(a.has(sp.Piecewise) for a in args)


def entrywise(name: str, args: tuple[Any, ...]) -> Any:
    """A function of entries: SymPy's elementwise application when one argument is a matrix."""
    long = [a for a in args if not is_scalar(shape_of(a))]
    if not long:
        nested = _is_nested(name, args) and any(a.has(sp.MatrixSymbol) for a in args)
        return applied(name, (), *args) if nested else SCALAR[name](*map(scalar, args))
    if len(long) > 1:
        return applied(name, (), *args)

    def body(entry: Any) -> Any:
        return SCALAR[name](*(entry if a is long[0] else scalar(a) for a in args))

    return _of_entries(body, long[0], *(a for a in args if a is not long[0]))


def _of_entries(body: Callable[[Any], Any], long: Any, *rest: Any) -> Any:
    """A function applied to every entry of a matrix; `rest` is what else is in its body."""
    bound = sp.Dummy("d") if any(holds(a, ENTRY) for a in rest) else ENTRY
    return ElementwiseApplyFunction(sp.Lambda(bound, body(bound)), long)


def _add(place: SympyPlace, *terms: Any) -> Any:
    if place.scalar:
        return sp.Add(*map(scalar, terms))
    return sp.MatAdd(*map(place.fit, terms))


def _hadamard(place: SympyPlace, *factors: Any) -> Any:
    scalars = [scalar(f) for f in factors if is_scalar(shape_of(f))]
    long = [place.fit(f) for f in factors if not is_scalar(shape_of(f))]
    if not long:
        return sp.Mul(*scalars)
    body = opened(sp.HadamardProduct(*long)) if len(long) > 1 else long[0]
    return _scaled(sp.Mul(*scalars), body)


def _scaled(coefficient: Any, e: Any) -> Any:
    return e if coefficient == 1 else MatMul(coefficient, e)


def _ediv(place: SympyPlace, a: Any, b: Any) -> Any:
    if is_scalar(shape_of(b)):
        return _div(place, a, b)
    return _hadamard(place, a, opened(sp.HadamardPower(b, -1)))


def _epow(place: SympyPlace, a: Any, b: Any) -> Any:
    if place.scalar:
        return scalar(a) ** scalar(b)
    if is_scalar(shape_of(a)):
        return _of_entries(lambda entry: scalar(a) ** entry, b, a)
    base, exponent = (scalar(v) if is_scalar(shape_of(v)) else place.fit(v) for v in (a, b))
    return sp.HadamardPower(base, exponent)


def _div(place: SympyPlace, a: Any, b: Any) -> Any:
    if place.scalar:
        return scalar(a) / scalar(b)
    return _scaled(1 / scalar(b), a)


def _mul(place: SympyPlace, *factors: Any) -> Any:
    """A chain of factors; a part of it that has become a scalar stands in front."""
    scalars: list[Any] = []
    chain: list[Any] = []
    current: Shape = ()
    for f in factors:
        shape = shape_of(f)
        if is_scalar(shape):
            scalars.append(scalar(f))
            continue
        current = product_shape(current, shape, lambda p, q: p) if chain else shape
        chain.append(f)
        if is_scalar(current):
            scalars.append(_entry(chain))
            chain = []
    coefficient = sp.Mul(*scalars)
    if not chain:
        return coefficient
    return sp.MatMul(*([] if coefficient == 1 else [coefficient]), *chain)


def _entry(chain: list[Any]) -> Any:
    """A product with a scalar value: an entry where unit vectors stand at its ends."""
    before, after = _place_of(sp.Transpose(chain[0]).doit(deep=False)), _place_of(chain[-1])
    body = chain[before is not None : len(chain) - (after is not None)]
    if not body or (before is None and after is None):
        return scalar(MatMul(*chain))
    whole = body[0] if len(body) == 1 else MatMul(*body)
    if (before is None and whole.rows != 1) or (after is None and whole.cols != 1):
        return scalar(MatMul(*chain))
    if isinstance(whole, sp.Transpose):
        return MatrixElement(whole.arg, after or 0, before or 0)
    return MatrixElement(whole, before or 0, after or 0)


def _place_of(e: Any) -> int | None:
    """k for the unit vector of the place k, which counts from 0; None for anything else."""
    named = isinstance(e, MatrixApplication) and e.record == "unit"
    return int(e.args[1][1]) - 1 if named and e.args[1][1].is_Integer else None


def _power(place: SympyPlace, base: Any, exponent: Any) -> Any:
    exponent = scalar(exponent)
    if place.scalar:
        return scalar(base) ** exponent
    return sp.Inverse(base) if exponent == -1 else sp.MatPow(base, exponent)


def _diag(place: SympyPlace, a: Any) -> Any:
    return sp.DiagMatrix(a) if 1 in a.shape else sp.DiagonalOf(a)


def _kron(place: SympyPlace, a: Any, b: Any) -> Any:
    if not (is_matrix(a) and is_matrix(b)):
        return product(a, b)
    return sp.KroneckerProduct(a, b)


def _blocks(place: SympyPlace, *parts: Any) -> Any:
    """An explicit matrix of numbers, or SymPy's block matrix, in which a number is 1 × 1."""
    *blocks, across = parts
    lines = [blocks[k : k + int(across)] for k in range(0, len(blocks), int(across))]
    if all(is_scalar(shape_of(b)) for b in blocks):
        return sp.ImmutableDenseMatrix([[scalar(b) for b in line] for line in lines])
    return sp.BlockMatrix(
        [[b if is_matrix(b) else sp.ImmutableDenseMatrix([[b]]) for b in line] for line in lines]
    )


def _undefined(place: SympyPlace, z: Any, name: Any, order: Any) -> Any:
    """f(z) of a function that nobody defines, or a derivative of it there."""
    function = sp.Function(str(name))

    def at(u: Any) -> Any:
        bound = sp.Dummy("xi")
        if order == 0:
            return function(u)
        return sp.Subs(sp.Derivative(function(bound), (bound, order)), bound, u)

    return at(scalar(z)) if is_scalar(shape_of(z)) else _of_entries(at, z)


def _unless_scalar(of_scalar: Callable[[Any], Any], of_matrix: Callable[..., Any]) -> Any:
    """A maker for a function of one argument that treats scalars apart."""

    def make(place: SympyPlace, a: Any) -> Any:
        if is_scalar(shape_of(a)):
            return of_scalar(scalar(a))
        return of_matrix(place, a)

    return make


def _itself(e: Any) -> Any:
    return e


MAKERS: dict[str, Callable[..., Any]] = {
    "add": _add,
    "neg": lambda place, a: -scalar(a) if place.scalar else product(-1, a),
    "hadamard": _hadamard,
    "div": _div,
    "ediv": _ediv,
    "epow": _epow,
    "mul": _mul,
    "power": _power,
    "transpose": _unless_scalar(_itself, lambda place, a: sp.Transpose(a)),
    "diag": _unless_scalar(_itself, _diag),
    "kron": _kron,
    "tr": _unless_scalar(_itself, lambda place, a: Trace(a)),
    "det": _unless_scalar(_itself, lambda place, a: Determinant(a)),
    "inv": _unless_scalar(lambda s: 1 / s, lambda place, a: sp.Inverse(a)),
    "square": _unless_scalar(lambda s: s**2, lambda place, a: sp.HadamardPower(a, 2)),
    "blocks": _blocks,
    "abstract_map": _undefined,
    "eye": lambda place, n: sp.Identity(n),
    "ones": lambda place, *sizes: sp.OneMatrix(place.rows, place.cols),
    "zeros": lambda place, *sizes: sp.ZeroMatrix(place.rows, place.cols),
    "vector": lambda place, c, *sizes: place.fit(c),
    "matrix": lambda place, c, *sizes: place.fit(c),
}
