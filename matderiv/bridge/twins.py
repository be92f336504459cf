"""Twins of SymPy's matrix classes that take numbers, know their derivatives and print as NumPy.

SymPy refuses `1 + X` for a matrix expression. The results of our functions are twins of SymPy's
own matrix classes (same name, same arguments, equal to them, same hash) whose `+` and `-` read a
scalar c as c*OneMatrix, so that `log(1 + exp(-v))` can be typed. Importing this module imports
SymPy; `matderiv.bridge.symbolic` reaches it lazily.
"""

import threading
from collections.abc import Callable
from functools import reduce
from typing import Any

import sympy as sp
from sympy.core.symbol import Str
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction as PlainElementwise
from sympy.matrices.expressions.matexpr import MatrixElement as PlainElement

from matderiv.bridge.explicit import explicit, is_explicit, written_out
from matderiv.bridge.functions import erf
from matderiv.bridge.sizes import shape_of, sides
from matderiv.errors import ShapeError
from matderiv.lazy import LazyModule
from matderiv.shapes import is_scalar, shape_text

_api: Any = LazyModule("matderiv.doors.derive")

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


# Derivatives, code --------------------------------------------------------------------------------


def derivative(e: Any, variable: Any) -> Any:
    """The derivative of an object of ours by a symbol; unevaluated where SymPy has no matrix."""
    if not variable.free_symbols & e.free_symbols:
        sized = [part for part in (e, variable) if is_matrix(part)]
        return sp.ZeroMatrix(*sized[0].shape) if sized else sp.S.Zero
    found = _api.derive(e, variable).result
    return sp.Derivative(e, variable, evaluate=False) if found is None else found


def call_of_record(
    printer: Any, record: str, ranks: tuple[int, ...], params: Any, arguments: list[str]
) -> str:
    """The Python call that gives the value of a record, for SymPy's printer of NumPy code."""
    call = printer._module_format("matderiv.output.code.records.record_value")
    sizes = ", ".join(repr(str(p)) if isinstance(p, Str) else printer._print(p) for p in params)
    return f"{call}({record!r}, {ranks}, ({sizes}{',' * bool(sizes)}), {', '.join(arguments)})"


# Twins --------------------------------------------------------------------------------------------


class Differentiated:
    """An object whose derivative by a symbol is ours, unevaluated where it is no matrix."""

    def diff(self, *variables: Any, **assumptions: Any) -> Any:
        """The derivative by some symbols, t, 2 or (t, 2) twice by t, one after the other."""
        by: list[Any] = []
        for v in variables:
            if isinstance(v, tuple | sp.Tuple):
                by += [v[0]] * int(v[1])
            else:
                by += by[-1:] * (int(v) - 1) if isinstance(v, int | sp.Integer) else [v]
        return reduce(derivative, by, self)

    def _eval_derivative(self, variable: Any) -> Any:
        return derivative(self, variable)


class _Comparing(threading.local):
    """The pairs of objects found equal in the comparison that is under way."""

    equal: set[tuple[int, int]] | None = None


_comparing = _Comparing()


class Twin:
    """Equal to SymPy's class of the same name with the same arguments."""

    plain: Any
    _hashable_content: Any

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.plain = next((c for c in cls.__mro__[1:] if c.__name__ == cls.__name__), cls)

    def __eq__(self, other: object) -> bool:
        """Equal parts that are shared are compared once, however often they are met."""
        if self is other:
            return True
        if type(other) not in (type(self), self.plain) or hash(self) != hash(other):
            return False
        pair, outermost = (id(self), id(other)), _comparing.equal is None
        equal = _comparing.equal = set() if _comparing.equal is None else _comparing.equal
        try:
            if pair in equal:
                return True
            theirs = other._hashable_content()  # type: ignore[attr-defined]
            same = bool(self._hashable_content() == theirs)
        finally:
            if outermost:
                _comparing.equal = None
        if same:
            equal.add(pair)
        return same

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


class OpenTwin(Twin, Broadcasting, Differentiated):
    """A twin with open operators, whose derivative by a symbol is ours."""

    args: tuple[Any, ...]
    func: Any

    def _eval_evalf(self, precision: int) -> Any:
        parts = map(opened, self.args)  # SymPy's own MatMul never ends here
        arguments = [a._evalf(precision) if isinstance(a, sp.Basic) else a for a in parts]
        return self.func(*arguments)

    def doit(self, **hints: Any) -> Any:
        """As SymPy's; written out where nothing in it is a symbol for a matrix."""
        parts = self.args
        if hints.get("deep", True):
            parts = tuple(a.doit(**hints) if isinstance(a, sp.Basic) else a for a in parts)
        made = self.func(*parts)
        done = self.plain.doit(made, **hints) if isinstance(made, self.plain) else made
        inside = sp.preorder_traversal(done)
        if isinstance(done, sp.MatrixExpr) and any(isinstance(p, sp.MatrixBase) for p in inside):
            return written_out(done) if is_explicit(done) else opened(done)
        return opened(done)


def _open_twin(plain: Any) -> Any:
    return type(
        plain.__name__, (OpenTwin, plain), {"__doc__": plain.__doc__, "__module__": __name__}
    )


MatAdd, MatMul, MatPow = map(_open_twin, (sp.MatAdd, sp.MatMul, sp.MatPow))
Inverse, Transpose, DiagMatrix = map(_open_twin, (sp.Inverse, sp.Transpose, sp.DiagMatrix))
HadamardProduct, KroneckerProduct = map(_open_twin, (sp.HadamardProduct, sp.KroneckerProduct))


class HadamardPower(OpenTwin, sp.HadamardPower):  # type: ignore[misc]
    """A power entry by entry."""

    def _pythoncode(self, printer: Any) -> str:
        return "(({})**({}))".format(*map(printer._print, self.args))

    _numpycode = _scipycode = _pythoncode


class DiagonalOf(OpenTwin, sp.DiagonalOf):  # type: ignore[misc]
    """The diagonal of a matrix as a vector."""

    @property
    def shape(self) -> Any:
        """The smaller size and 1, of an explicit matrix too."""
        return sp.Min(*self.arg.shape), sp.S.One

    def _entry(self, i: Any, j: Any, **hints: Any) -> Any:
        return self.arg[i, i]


class ElementwiseApplyFunction(OpenTwin, PlainElementwise):  # type: ignore[misc]
    """A scalar function applied to every entry."""

    def _pythoncode(self, printer: Any) -> str:
        bound, entry = self.function.signature[0], sp.Symbol("entry_")
        body = self.function.expr
        body = body.replace(sp.erf, erf)
        code = printer._print(body.xreplace({bound: entry}))
        code = code if body.has(bound) else f"{code} + 0*entry_"
        return f"(lambda entry_: {code})({printer._print(self.expr)})"

    _numpycode = _scipycode = _pythoncode

    def doit(self, **hints: Any) -> Any:
        """As SymPy's, with what the function of an entry holds evaluated too."""
        bound, body = self.function.signature, self.function.expr.doit(**hints)
        return super(ElementwiseApplyFunction, self.func(sp.Lambda(bound, body), self.expr)).doit(
            **hints
        )


class ScalarTwin(Twin, Differentiated):
    """A twin with a scalar value, which NumPy's printer knows by the record of a name."""

    record: str
    args: tuple[Any, ...]

    def _pythoncode(self, printer: Any) -> str:
        return call_of_record(printer, self.record, (2,), (), [printer._print(self.args[0])])

    _numpycode = _scipycode = _pythoncode

    def doit(self, **hints: Any) -> Any:
        """The value for an explicit matrix; else as SymPy's."""
        (a,) = self.args
        a = a.doit(**hints) if hints.get("deep", True) else a
        known = is_explicit(a) and any(isinstance(p, sp.MatrixBase) for p in (a, *a.args))
        return explicit(self.record, (), (written_out(a),)) if known else self.plain.doit(self)


class Trace(ScalarTwin, sp.Trace):  # type: ignore[misc]
    """A trace."""

    record = "tr"


class Determinant(ScalarTwin, sp.Determinant):  # type: ignore[misc]
    """A determinant."""

    record = "det"


class MatrixElement(Twin, PlainElement):  # type: ignore[misc]
    """The entry of a 1x1 product, which `doit` keeps in matrix notation."""

    def doit(self, **hints: Any) -> Any:
        """The entry of the evaluated parent; only explicit matrices give a number."""
        parent, i, j = (sp.sympify(a, strict=True) for a in self.args)
        parent = parent.doit(**hints) if hints.get("deep", True) else parent
        known = is_explicit(parent) and i.is_number and j.is_number
        return written_out(parent)[i, j] if known else type(self)(parent, i, j)


_OPEN = (MatAdd, MatMul, MatPow, Inverse, Transpose, HadamardProduct, HadamardPower)
_OTHERS = (KroneckerProduct, DiagMatrix, DiagonalOf, ElementwiseApplyFunction, Trace, Determinant)
TWINS: dict[type, Any] = {cls.plain: cls for cls in (*_OPEN, *_OTHERS)}
