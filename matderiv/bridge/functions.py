"""Scalar functions of ours as SymPy functions, where SymPy has none of its own.

Each knows its derivative, its formula (`expand_func`) and its numeric value. Importing this module
imports SymPy; it is reached lazily.
"""

from collections.abc import Callable
from typing import Any

import sympy as sp


class EntryFunction(sp.Function):  # type: ignore[misc]
    """A real function of numbers, given by a formula in SymPy's own functions."""

    formula: Callable[..., Any]  # the function in SymPy's terms
    slope: Callable[..., Any] | None = None

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
        if self.slope is not None:
            return self.slope(*self.args)
        bound = [sp.Dummy(real=True) for _ in self.args]
        derivative = self.formula(*bound).diff(bound[argindex - 1])
        return derivative.subs(dict(zip(bound, self.args, strict=True)))


def _entry(
    name: str,
    says: str,
    formula: Callable[..., Any],
    slope: Callable[[Any, Any], Any] | None = None,
) -> Any:
    """The class of a function; `slope` is its derivative, of the function and its argument."""
    facts = {
        "__doc__": says,
        "__module__": __name__,
        "nargs": (formula.__code__.co_argcount,),
        "formula": staticmethod(formula),
        "slope": slope,
    }
    return type(name, (EntryFunction,), facts)


def _positive(x: Any, yes: Any, no: Any) -> Any:
    return sp.Piecewise((yes, x > 0), (no, True))


sigmoid = _entry(
    "sigmoid", "1/(1 + exp(-x)).", lambda x: 1 / (1 + sp.exp(-x)), lambda y, x: y * (1 - y)
)
relu = _entry(
    "relu",
    "x where positive, else 0.",
    lambda x: _positive(x, x, 0),
    lambda y, x: sp.Heaviside(x, 0),
)
leaky_relu = _entry(
    "leaky_relu", "x where positive, else a x.", lambda x, a: _positive(x, x, a * x)
)
elu = _entry("elu", "x where positive, else exp(x) - 1.", lambda x: _positive(x, x, sp.exp(x) - 1))
softplus = _entry(
    "softplus", "log(1 + exp(x)).", lambda x: sp.log(1 + sp.exp(x)), lambda y, x: sigmoid(x)
)
silu = _entry("silu", "x sigmoid(x).", lambda x: x / (1 + sp.exp(-x)))
gelu = _entry(
    "gelu",
    "x Φ(x) with the normal distribution function Φ.",
    lambda x: x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
)
erf = _entry("erf", "SymPy's erf, for NumPy code, where SymPy needs SciPy.", lambda x: sp.erf(x))
log1p = _entry("log1p", "log(1 + x).", lambda x: sp.log(1 + x))
expm1 = _entry("expm1", "exp(x) - 1.", lambda x: sp.exp(x) - 1)
huber = _entry(
    "huber",
    "x²/2 within d, else d (|x| - d/2).",
    lambda x, d: sp.Piecewise((x**2 / 2, sp.Abs(x) <= d), (d * (sp.Abs(x) - d / 2), True)),
)


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


_OWN = "exp log sqrt sign sin cos tan sinh cosh tanh erf asinh atanh atan2 floor".split()
SCALAR: dict[str, Callable[..., Any]] = {
    **{name: getattr(sp, name) for name in _OWN},
    **{f"arc{name}": getattr(sp, f"a{name}") for name in ("sin", "cos", "tan")},
    **{"log1p": log1p, "expm1": expm1, "abs": sp.Abs, "square": lambda x: x**2},
    **{"sigmoid": sigmoid, "relu": relu, "leaky_relu": leaky_relu, "elu": elu},
    **{"softplus": softplus, "silu": silu, "gelu": gelu, "huber": huber},
    "step": lambda x: sp.Heaviside(x, 0),
    **{name: _truth(getattr(sp, name.capitalize())) for name in ("gt", "lt", "ge", "le")},
    "maximum": _kept(sp.Max),
    "minimum": _kept(sp.Min),
    "where": _where,
}
"""Record name -> the function of scalars in SymPy."""
