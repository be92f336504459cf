"""Block matrices of SymPy: multiplied block by block, or written out where sizes are numbers."""

from collections.abc import Callable
from typing import Any

from matderiv.lazy import LazyModule, sp

_twins: Any = LazyModule("matderiv.bridge.twins")

MAX_ENTRIES = 100  # of a matrix that is given by a function of the place


def in_parts(root: Any) -> Any:
    """An expression without block matrices, as far as their blocks and sizes let them go.

    >>> n, m = sp.symbols("n m")
    >>> x, y = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", m, 1)
    >>> v = sp.BlockMatrix([[x], [y]])
    >>> in_parts(v.T*v)
    x.T*x + y.T*y
    """
    if any(type(part).__name__ in WRITTEN for part in sp.preorder_traversal(root)):
        root = root.replace(lambda e: type(e).__name__ in WRITTEN, _rewritten)
    if not any(isinstance(part, sp.BlockMatrix) for part in sp.preorder_traversal(root)):
        return root
    root = sp.block_collapse(root)
    root = root.replace(
        lambda e: isinstance(e, sp.Trace) and isinstance(e.arg, sp.BlockMatrix),
        lambda e: e.arg.trace() if e.arg.blockshape[0] == e.arg.blockshape[1] else e,
    )
    return root.replace(
        lambda e: isinstance(e, sp.BlockMatrix) and e.blockshape == (1, 1), lambda e: e.blocks[0, 0]
    )


def _rewritten(e: Any) -> Any:
    return WRITTEN[type(e).__name__](e)


def _has_matrices(e: Any) -> bool:
    return bool(e.has(sp.MatrixSymbol))


def _written_out(e: Any) -> Any:
    """A matrix of few places with its entries; a function of the place only if it has no other."""
    count = sp.Mul(*e.shape)
    few = count.is_Integer and count <= MAX_ENTRIES
    other = isinstance(e, sp.FunctionMatrix) and (not few or _has_matrices(e.lamda.expr))
    return e if other else e.as_explicit().as_immutable()


def _derived(e: Any) -> Any:
    """A derivative of numbers by numbers, which is SymPy's own subject; ours where f or x is one.

    Of arrays by arrays it stays: SymPy has other axes for it.
    """
    if not _has_matrices(e):
        return e.doit()
    found = e.expr
    for by, times in e.variable_count:
        shapes = [getattr(part, "shape", ()) for part in (found, by)]
        plain = isinstance(by, sp.Symbol | sp.MatrixSymbol) and times.is_Integer
        if not plain or not {(), (1, 1)} & {*shapes}:
            return e
        for _ in range(times):
            found = _twins.derivative(found, by)
    return found


WRITTEN: dict[str, Callable[[Any], Any]] = {
    "Derivative": _derived,
    "Idx": lambda e: sp.Symbol(str(e.label), integer=True),
    **dict.fromkeys(
        "FunctionMatrix PermutationMatrix MatrixPermute CompanionMatrix".split(), _written_out
    ),
    **dict.fromkeys(("factorial", "beta", "binomial"), lambda e: e.rewrite(sp.gamma)),
}
"""Name of SymPy's class -> what it is in classes that are read."""
