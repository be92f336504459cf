"""The functions for SymPy objects: `md.fn.relu(X)`, `md.fn.sum(X, axis=0)`.

Axes count from 0, as in NumPy.

>>> import sympy as sp
>>> from matderiv import fn
>>> X = sp.MatrixSymbol("X", 2, 3)
>>> fn.sum(X, axis=0).shape, fn.sum(X, axis=-1).shape, fn.sum(X)
((1, 3), (2, 1), sum(X))
"""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from matderiv.arguments import given
from matderiv.bridge.symbolic import function, names, takes_axis
from matderiv.errors import MatderivError


def __getattr__(name: str) -> Any:
    """The function of that name."""
    if name not in names():
        raise AttributeError(f"module 'matderiv.fn' has no function {name!r}")
    return _counted_from_zero(name) if takes_axis(name) else function(name)


def __dir__() -> list[str]:
    """The names of all functions."""
    return names()


@cache
def _counted_from_zero(name: str) -> Callable[..., Any]:
    """A function along an axis, whose axes count from 0, or from the end."""
    inner = function(name)

    @wraps(inner)
    def call(x: Any, *rest: Any, axis: Any = None) -> Any:
        if len(rest) == 1 and axis is None and name not in ("max", "min"):
            axis, rest = rest[0], ()
        if axis is None:
            return inner(x, *rest)
        axes = len(getattr(x, "shape", ())) or 1
        if isinstance(axis, bool) or not isinstance(axis, int) or not -axes <= axis < axes:
            raise MatderivError(
                f"axis is a whole number from {-axes} to {axes - 1}, not {given(axis)}"
            )
        return inner(x, *rest, axis=axis % axes + 1)

    return call
