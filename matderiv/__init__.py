"""Matrix, vector and tensor derivatives the way a textbook writes them, checked numerically.

>>> import matderiv as md
>>> print(md.derive("norm2(X*w - y)^2", "w"))
2*X'*(X*w - y)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import matderiv.functions as functions
from matderiv.errors import (
    DomainError,
    LimitError,
    MatderivError,
    NoClosedForm,
    NoMatrixForm,
    NoRule,
    ParseError,
    ShapeError,
    UnknownFunction,
    UnknownName,
    UntrueResult,
)

__version__ = "0.1.0"

if TYPE_CHECKING:  # what editors and type checkers see; it is imported at first use
    from matderiv import fn as fn
    from matderiv.descent.minimize import minimize
    from matderiv.doors.curvature import Curvature, curvature
    from matderiv.doors.derive import Derivation, derive, hvp
    from matderiv.doors.gradients import value_and_grad, value_and_gradients
    from matderiv.doors.graph import Graph, graph
    from matderiv.doors.operators import divergence, implicit, laplacian, taylor
    from matderiv.doors.sheet import Part, Sheet
    from matderiv.doors.solution import Solution
    from matderiv.doors.solve import solve
    from matderiv.doors.verify import verify
    from matderiv.verification.derivations.lines import verify_steps

_API = {
    name: module
    for module, names in {
        "descent.minimize": "minimize",
        "doors.curvature": "Curvature curvature",
        "doors.derive": "Derivation derive hvp",
        "doors.gradients": "value_and_grad value_and_gradients",
        "doors.graph": "Graph graph",
        "doors.operators": "divergence implicit laplacian taylor",
        "doors.sheet": "Part Sheet",
        "doors.solution": "Solution",
        "doors.solve": "solve",
        "doors.verify": "verify",
        "verification.derivations.lines": "verify_steps",
    }.items()
    for name in names.split()
}

__all__ = [
    "Curvature",
    "Derivation",
    "DomainError",
    "Graph",
    "LimitError",
    "MatderivError",
    "NoClosedForm",
    "NoMatrixForm",
    "NoRule",
    "ParseError",
    "Part",
    "ShapeError",
    "Sheet",
    "Solution",
    "UnknownFunction",
    "UnknownName",
    "UntrueResult",
    "curvature",
    "derive",
    "divergence",
    "functions",
    "graph",
    "hvp",
    "implicit",
    "laplacian",
    "minimize",
    "solve",
    "taylor",
    "value_and_grad",
    "value_and_gradients",
    "verify",
    "verify_steps",
]


def __getattr__(name: str) -> Any:
    """The verbs and the functions that take SymPy objects, loaded at first use."""
    if name in _API:
        return getattr(import_module(f"matderiv.{_API[name]}"), name)
    if name == "fn":
        return import_module("matderiv.fn")
    symbolic = import_module("matderiv.bridge.symbolic")
    if name in symbolic.names():
        return symbolic.function(name)
    raise AttributeError(f"module 'matderiv' has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """Give a notebook the magics %%derive and %%verify; `%load_ext matderiv` calls it."""
    import_module("matderiv.command.notebook").register(shell)


def __dir__() -> list[str]:
    """What can be typed after `md.`: the verbs, the errors, the functions that take SymPy."""
    symbolic = import_module("matderiv.bridge.symbolic")
    return sorted({*__all__, *symbolic.names(), "fn", "__version__", "__doc__"})
