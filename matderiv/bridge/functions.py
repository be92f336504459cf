"""Scalar functions of ours as SymPy functions, where SymPy has none of its own.

Each knows its derivative, its formula (`expand_func`) and its numeric value. Importing this module
imports SymPy; it is reached lazily.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp


class EntryFunction(sp.Function):  # type: ignore[misc]
    """A real function of numbers, given by a formula in SymPy's own functions."""

    @staticmethod
    def formula(*args: Any) -> Any:
        """The function in SymPy's terms."""
        raise NotImplementedError

    def _eval_expand_func(self, **hints: Any) -> Any:
        return self.formula(*self.args)

    def _eval_evalf(self, precision: int) -> Any:
        if all(a.is_number for a in self.args):
            return self.formula(*self.args)._eval_evalf(precision)
        return None

    def _pythoncode(self, printer: Any) -> str:
        call = printer._module_format("matderiv.output.code.records.record_value")
        ranks = (None,) * len(self.args)
        arguments = ", ".join(map(printer._print, self.args))
        return f"{call}({type(self).__name__!r}, {ranks}, (), {arguments})"

    _numpycode = _scipycode = _pythoncode

    def fdiff(self, argindex: int = 1) -> Any:
        """The derivative by one argument."""
        bound = [sp.Dummy(real=True) for _ in self.args]
        derivative = self.formula(*bound).diff(bound[argindex - 1])
        return derivative.subs(dict(zip(bound, self.args, strict=True)))


def _positive(x: Any, yes: Any, no: Any) -> Any:
    return sp.Piecewise((yes, x > 0), (no, True))


class sigmoid(EntryFunction):
    """1/(1 + exp(-x))."""

    nargs = (1,)

    @staticmethod
    def formula(*args: Any) -> Any:
        return 1 / (1 + sp.exp(-args[0]))

    def fdiff(self, argindex: int = 1) -> Any:
        return self * (1 - self)


class relu(EntryFunction):
    """x where positive, else 0."""

    nargs = (1,)

    @staticmethod
    def formula(*args: Any) -> Any:
        return _positive(args[0], args[0], 0)

    def fdiff(self, argindex: int = 1) -> Any:
        return sp.Heaviside(self.args[0], 0)


class leaky_relu(EntryFunction):
    """x where positive, else a x."""

    nargs = (2,)

    @staticmethod
    def formula(*args: Any) -> Any:
        x, a = args
        return _positive(x, x, a * x)


class elu(EntryFunction):
    """x where positive, else exp(x) - 1."""

    nargs = (1,)

    @staticmethod
    def formula(*args: Any) -> Any:
        return _positive(args[0], args[0], sp.exp(args[0]) - 1)


class softplus(EntryFunction):
    """log(1 + exp(x))."""

    nargs = (1,)

    @staticmethod
    def formula(*args: Any) -> Any:
        return sp.log(1 + sp.exp(args[0]))

    def fdiff(self, argindex: int = 1) -> Any:
        return sigmoid(self.args[0])


class silu(EntryFunction):
    """x sigmoid(x)."""

    nargs = (1,)

    @staticmethod
    def formula(*args: Any) -> Any:
        return args[0] / (1 + sp.exp(-args[0]))


class gelu(EntryFunction):
    """x Φ(x) with the normal distribution function Φ."""

    nargs = (1,)

    @staticmethod
    def formula(*args: Any) -> Any:
        return args[0] * (1 + sp.erf(args[0] / sp.sqrt(2))) / 2


class erf(EntryFunction):
    """SymPy's erf, for NumPy code, where SymPy has none without SciPy."""

    nargs = (1,)

    @staticmethod
    def formula(*args: Any) -> Any:
        return sp.erf(args[0])


class log1p(EntryFunction):
    """log(1 + x)."""

    nargs = (1,)

    @staticmethod
    def formula(*args: Any) -> Any:
        return sp.log(1 + args[0])


class expm1(EntryFunction):
    """exp(x) - 1."""

    nargs = (1,)

    @staticmethod
    def formula(*args: Any) -> Any:
        return sp.exp(args[0]) - 1


class huber(EntryFunction):
    """x²/2 within d, else d (|x| - d/2)."""

    nargs = (2,)

    @staticmethod
    def formula(*args: Any) -> Any:
        x, d = args
        return sp.Piecewise((x**2 / 2, sp.Abs(x) <= d), (d * (sp.Abs(x) - d / 2), True))


def _step(x: Any) -> Any:
    return sp.Heaviside(x, 0)


def _where(test: Any, yes: Any, no: Any) -> Any:
    boolean = isinstance(test, sp.logic.boolalg.Boolean) and not test.is_Symbol
    condition = test if boolean else sp.Ne(test, 0)
    return sp.Piecewise((yes, condition), (no, True))


def _truth(relation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda a, b: sp.Piecewise((1, relation(a, b)), (0, True))


def _kept(extreme: Any) -> Callable[[Any, Any], Any]:
    """Max or Min without SymPy's simplification, which takes matrix arguments apart wrongly."""

    def choose(a: Any, b: Any) -> Any:
        return extreme(a, b, evaluate=a.is_number and b.is_number)

    return choose


SCALAR: dict[str, Callable[..., Any]] = {
    "exp": sp.exp,
    "log": sp.log,
    "log1p": log1p,
    "expm1": expm1,
    "sqrt": sp.sqrt,
    "abs": sp.Abs,
    "sign": sp.sign,
    "square": lambda x: x**2,
    "sin": sp.sin,
    "cos": sp.cos,
    "tan": sp.tan,
    "arcsin": sp.asin,
    "arccos": sp.acos,
    "arctan": sp.atan,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "sigmoid": sigmoid,
    "relu": relu,
    "step": _step,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "softplus": softplus,
    "silu": silu,
    "gelu": gelu,
    "erf": sp.erf,
    "asinh": sp.asinh,
    "atanh": sp.atanh,
    "atan2": sp.atan2,
    "floor": sp.floor,
    "gt": _truth(sp.Gt),
    "lt": _truth(sp.Lt),
    "ge": _truth(sp.Ge),
    "le": _truth(sp.Le),
    "maximum": _kept(sp.Max),
    "minimum": _kept(sp.Min),
    "where": _where,
    "huber": huber,
}
"""Record name -> the function of scalars in SymPy."""
