"""Our SymPy classes: a record applied to SymPy objects, and matrix classes that take numbers.

SymPy refuses `1 + X` for a matrix expression. The results of our functions are twins of SymPy's
own matrix classes (same name, same arguments, equal to them, same hash) whose `+` and `-` read a
scalar c as c*OneMatrix, so that `log(1 + exp(-v))` can be typed. Importing this module imports
SymPy; `matderiv.bridge.symbolic` reaches it lazily.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.core.symbol import Str
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as PlainElementwise
from sympy.matrices.expressions.matexpr import MatrixElement as PlainElement
from sympy.printing.pretty.stringpict import prettyForm
from sympy.tensor.array.expressions.array_expressions import _ArrayExpr

from matderiv.bridge.sizes import SizeTable, decoded, shape_of, sides
from matderiv.errors import ShapeError
from matderiv.expr import REGISTRY
from matderiv.shapes import Shape, is_scalar, shape_text

# Scalars and matrices -----------------------------------------------------------------------------


def is_matrix(e: Any) -> bool:
    """True for matrix expressions and explicit matrices of SymPy."""
    return bool(getattr(e, "is_Matrix", False))


def scalar(e: Any) -> Any:
    """A 1x1 matrix as its entry, kept unexpanded; a scalar is itself."""
    return MatrixElement(e, 0, 0) if is_matrix(e) else e


def spread(e: Any, like: Any) -> Any:
    """A scalar as c*OneMatrix of the shape of `like`; a matrix of that shape is itself.

    Raises ShapeError for a matrix of another shape.
    """
    if not is_matrix(e) or (is_scalar(shape_of(e)) and not is_scalar(shape_of(like))):
        return sp.MatMul(scalar(e), sp.OneMatrix(*like.shape)).doit(deep=False)
    if sides(shape_of(e)) != sides(shape_of(like)):
        raise ShapeError(
            f"cannot add {shape_text(shape_of(e))} and {shape_text(shape_of(like))}",
            details=(f"{e} and {like}",),
        )
    return e


def total(*terms: Any) -> Any:
    """The sum of SymPy objects; among matrices a scalar c means c*OneMatrix."""
    matrices = [t for t in terms if is_matrix(t) and not is_scalar(shape_of(t))]
    if not matrices:
        return sp.Add(*map(scalar, terms))
    parts: list[Any] = []
    for t in terms:
        if t == 0:
            continue
        t = spread(t, matrices[0])
        parts += t.args if isinstance(t, sp.MatAdd) else [t]
    return opened(sp.MatAdd(*parts).doit(deep=False))


def product(*factors: Any) -> Any:
    """The matrix product of SymPy objects, scalars included, in SymPy's own canonical order."""
    if not any(map(is_matrix, factors)):
        return sp.Mul(*factors)
    parts: list[Any] = []
    for f in factors:
        parts += f.args if isinstance(f, sp.MatMul) else [f]
    return opened(sp.MatMul(*parts).doit(deep=False))


def opened(e: Any) -> Any:
    """The twin of a matrix expression that takes numbers in sums; other objects as they are."""
    twin = TWINS.get(type(e))
    return twin(*e.args) if twin else e


# Twins --------------------------------------------------------------------------------------------


class Twin:
    """Equal to SymPy's class of the same name with the same arguments."""

    plain: type
    _hashable_content: Any

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.plain = next((c for c in cls.__mro__[1:] if c.__name__ == cls.__name__), cls)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(other) not in (type(self), self.plain):
            return False
        theirs = other._hashable_content()  # type: ignore[attr-defined]
        return bool(self._hashable_content() == theirs)

    __hash__ = sp.Basic.__hash__


def _binary(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An operator that leaves what SymPy does not know to the other operand."""

    def operator(self: Any, other: Any) -> Any:
        try:
            other = sp.sympify(other, strict=True)
        except sp.SympifyError:
            return NotImplemented
        return operation(self, other)

    return operator


class Broadcasting:
    """Operators of a matrix expression that read a scalar c in a sum as c*OneMatrix."""

    _op_priority = 11.5

    __add__ = _binary(lambda a, b: total(a, b))
    __radd__ = _binary(lambda a, b: total(b, a))
    __sub__ = _binary(lambda a, b: total(a, product(-1, b)))
    __rsub__ = _binary(lambda a, b: total(b, product(-1, a)))
    __mul__ = _binary(lambda a, b: product(a, b))
    __rmul__ = _binary(lambda a, b: product(b, a))
    __matmul__ = __mul__
    __rmatmul__ = __rmul__
    __truediv__ = _binary(lambda a, b: product(a, 1 / scalar(b)))

    def __neg__(self) -> Any:
        return product(-1, self)

    def __rtruediv__(self, other: Any) -> Any:
        raise ShapeError(
            f"/ divides by a scalar, the divisor is {shape_text(shape_of(self))}",
            hint="md.ediv(a, b) divides entry by entry, md.inv(B) inverts a matrix",
        )

    def transpose(self) -> Any:
        """The transpose, open as well."""
        return opened(sp.transpose(self))


class OpenTwin(Twin, Broadcasting):
    """A twin with open operators."""


class MatAdd(OpenTwin, sp.MatAdd):  # type: ignore[misc]
    """A sum."""


class MatMul(OpenTwin, sp.MatMul):  # type: ignore[misc]
    """A product."""


class MatPow(OpenTwin, sp.MatPow):  # type: ignore[misc]
    """A matrix power."""


class Inverse(OpenTwin, sp.Inverse):  # type: ignore[misc]
    """An inverse."""


class Transpose(OpenTwin, sp.Transpose):  # type: ignore[misc]
    """A transpose."""


class HadamardProduct(OpenTwin, sp.HadamardProduct):  # type: ignore[misc]
    """A product entry by entry."""


class HadamardPower(OpenTwin, sp.HadamardPower):  # type: ignore[misc]
    """A power entry by entry."""


class KroneckerProduct(OpenTwin, sp.KroneckerProduct):  # type: ignore[misc]
    """A Kronecker product."""


class DiagMatrix(OpenTwin, sp.DiagMatrix):  # type: ignore[misc]
    """The diagonal matrix of a vector."""


class DiagonalOf(OpenTwin, sp.DiagonalOf):  # type: ignore[misc]
    """The diagonal of a matrix as a vector."""


class ElementwiseApplyFunction(OpenTwin, PlainElementwise):  # type: ignore[misc]
    """A scalar function applied to every entry."""


class MatrixElement(Twin, PlainElement):  # type: ignore[misc]
    """The entry of a 1x1 product, which `doit` keeps in matrix notation."""

    def doit(self, **hints: Any) -> Any:
        """The entry of the evaluated parent; only explicit matrices give a number."""
        parent, i, j = self.args
        parent = parent.doit(**hints) if hints.get("deep", True) else parent
        explicit = isinstance(parent, sp.MatrixBase)
        return parent[i, j] if explicit else type(self)(parent, i, j)


TWINS: dict[type, Any] = {
    cls.plain: cls
    for cls in (
        MatAdd,
        MatMul,
        MatPow,
        Inverse,
        Transpose,
        HadamardProduct,
        HadamardPower,
        KroneckerProduct,
        DiagMatrix,
        DiagonalOf,
        ElementwiseApplyFunction,
    )
}


# A record applied to SymPy objects ----------------------------------------------------------------


class Applied:
    """A record applied to SymPy objects: args are (name, parameters, *arguments).

    `shape` is checked by the record's own rule when the object is made.
    """

    args: tuple[Any, ...]
    is_commutative = True

    def __new__(cls, name: Any, params: Any, *arguments: Any) -> Any:
        name = name if isinstance(name, Str) else Str(str(name))
        params = sp.Tuple(*params)
        arguments = tuple(sp.sympify(a, strict=True) for a in arguments)
        made = sp.Basic.__new__(cls, name, params, *arguments)
        made._shape = _applied_shape(str(name), params, arguments)
        return made

    @property
    def record(self) -> str:
        """The name of the record."""
        return str(self.args[0])

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What the record is applied to."""
        return self.args[2:]

    @property
    def _label(self) -> str:
        record = REGISTRY[self.record]
        return record.name if record.call == "operator" else record.label

    def _sympystr(self, printer: Any) -> str:
        return self._written(printer, self._label, ", ", '"{}"')

    def _latex(self, printer: Any, *unused: Any) -> str:
        known = REGISTRY[self.record].latex
        if not known or known.startswith("{}"):
            known = rf"\operatorname{{{self._label}}}".replace("_", r"\_")
        return self._written(printer, known, ", ", r"\text{{{}}}", r"\left(", r"\right)")

    def _pretty(self, printer: Any) -> Any:
        return prettyForm(self._sympystr(sp.printing.str.StrPrinter()))

    def _written(
        self, printer: Any, label: str, comma: str, text: str, left: str = "(", right: str = ")"
    ) -> str:
        record = REGISTRY[self.record]
        params = [text.format(p) if isinstance(p, Str) else printer._print(p) for p in self.args[1]]
        arguments = [printer._print(a) for a in self.arguments]
        if record.call == "keyword-axis":
            params = [f"axis={p}" for p in params]
        parts = params + arguments if record.call == "pattern" else arguments + params
        return label + left + comma.join(parts) + right

    def _eval_derivative(self, variable: Any) -> Any:
        return sp.Derivative(self, variable, evaluate=False)


class ScalarApplication(Applied, sp.Expr):  # type: ignore[misc]
    """A record with a scalar value."""


class MatrixApplication(Applied, Broadcasting, sp.MatrixExpr):  # type: ignore[misc]
    """A record with a vector or matrix as its value; a vector is n x 1."""

    is_commutative = False

    @property
    def shape(self) -> Any:
        """The shape in SymPy's sense: two sizes."""
        return self._shape

    def _entry(self, i: Any, j: Any, **hints: Any) -> Any:
        return PlainElement(self, i, j)


class ArrayApplication(Applied, _ArrayExpr):  # type: ignore[misc]
    """A record whose value has three axes or more."""

    @property
    def shape(self) -> Any:
        """All sizes."""
        return self._shape


def checked(
    name: str, params: tuple[Any, ...], arguments: tuple[Any, ...]
) -> tuple[Shape, SizeTable]:
    """The shape of a record applied to SymPy objects, and what its sizes stand for.

    Raises ShapeError, naming the arguments, when they do not fit.
    """
    table = SizeTable()
    record = REGISTRY[name]
    shapes = tuple(shape_of(a, table) for a in arguments)
    try:
        return record.shape(shapes, decoded(record, params, table)), table
    except ShapeError as error:
        typed = ", ".join(f"{a}: {shape_text(s)}" for a, s in zip(arguments, shapes, strict=True))
        error.details += (f"in {record.label} of {typed}",)
        raise


def _applied_shape(name: str, params: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    shape, table = checked(name, tuple(params), arguments)
    if is_scalar(shape):
        return ()
    if len(shape) == 1:
        shape = (shape[0], 1)
    return tuple(map(table.expression, shape))


def applied(name: str, params: tuple[Any, ...], *arguments: Any) -> Any:
    """The record `name` applied to SymPy objects, in the class that its value's shape asks for.

    Raises ShapeError when the arguments do not fit.
    """
    arguments = tuple(sp.sympify(a, strict=True) for a in arguments)
    shape, _ = checked(name, params, arguments)
    cls = (
        ScalarApplication
        if is_scalar(shape)
        else MatrixApplication
        if len(shape) <= 2
        else ArrayApplication
    )
    return cls(name, params, *arguments)
