"""A record applied to SymPy objects, where SymPy has no class of its own.

Importing this module imports SymPy; `matderiv.bridge.symbolic` reaches it lazily.
"""

from typing import Any

import sympy as sp
from sympy.core.symbol import Str
from sympy.matrices.expressions.matexpr import MatrixElement as PlainElement
from sympy.printing.pretty.stringpict import prettyForm
from sympy.tensor.array.expressions.array_expressions import _ArrayExpr

from matderiv.bridge.explicit import explicit, is_explicit, written_out
from matderiv.bridge.sizes import SizeTable, decoded, shape_of
from matderiv.bridge.twins import Broadcasting, Differentiated, call_of_record, is_matrix
from matderiv.errors import ShapeError
from matderiv.expr import REGISTRY
from matderiv.shapes import Shape, is_scalar, shape_text


class Applied(Differentiated):
    """A record applied to SymPy objects: args are (name, parameters, *arguments).

    `shape` is checked by the record's own rule when the object is made.
    """

    args: tuple[Any, ...]
    func: Any
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

    def doit(self, **hints: Any) -> Any:
        """The value where all arguments are explicit; else the same of evaluated arguments."""
        arguments = self.arguments
        if hints.get("deep", True):
            arguments = tuple(a.doit(**hints) for a in arguments)
        value = self._valued(arguments)
        return self.func(*self.args[:2], *arguments) if value is None else value

    def _valued(self, arguments: tuple[Any, ...]) -> Any:
        sized = all(isinstance(p, Str) or p.is_Number for p in self.args[1])
        if not sized or not all(map(is_explicit, arguments)):
            return None
        return explicit(self.record, self.args[1], tuple(map(written_out, arguments)))

    def _eval_evalf(self, precision: int) -> Any:
        value = self.doit()
        if value == self:
            return None
        if is_matrix(value):
            return value.applyfunc(lambda entry: entry._evalf(precision))
        return value._evalf(precision)

    def _pythoncode(self, printer: Any) -> str:
        arguments = [printer._print(a) for a in self.arguments]
        ranks = tuple(len(shape_of(a)) for a in self.arguments)
        return call_of_record(printer, self.record, ranks, self.args[1], arguments)

    _numpycode = _scipycode = _pythoncode


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

    def as_explicit(self) -> Any:
        """All entries, for sizes that are numbers."""
        value = explicit(self.record, self.args[1], tuple(map(written_out, self.arguments)))
        return super().as_explicit() if value is None else value


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
