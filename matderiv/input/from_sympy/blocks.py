"""Block matrices of SymPy: multiplied block by block, or written out where sizes are numbers."""

from typing import Any

from matderiv.lazy import sp

MAX_ENTRIES = 100  # of a matrix that is given by a function of the place


def in_parts(root: Any) -> Any:
    """An expression without block matrices, as far as their blocks and sizes let them go.

    >>> n, m = sp.symbols("n m")
    >>> x, y = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", m, 1)
    >>> v = sp.BlockMatrix([[x], [y]])
    >>> in_parts(v.T*v)
    x.T*x + y.T*y
    """
    if any(isinstance(part, _written_first()) for part in sp.preorder_traversal(root)):
        root = root.replace(lambda e: isinstance(e, sp.Derivative) and not _has_matrices(e), _done)
        root = root.replace(_is_written_out, lambda e: e.as_explicit().as_immutable())
    if not any(isinstance(part, sp.BlockMatrix) for part in sp.preorder_traversal(root)):
        return root
    root = root.replace(
        lambda e: isinstance(e, sp.BlockMatrix) and all(s.is_Integer for s in e.shape),
        lambda e: e.as_explicit().as_immutable(),
    )
    root = sp.block_collapse(root)
    root = root.replace(
        lambda e: isinstance(e, sp.Trace) and isinstance(e.arg, sp.BlockMatrix),
        lambda e: e.arg.trace() if e.arg.blockshape[0] == e.arg.blockshape[1] else e,
    )
    return root.replace(
        lambda e: isinstance(e, sp.BlockMatrix) and e.blockshape == (1, 1), lambda e: e.blocks[0, 0]
    )


def _permutations() -> Any:
    return sp.matrices.expressions.permutation.PermutationMatrix


def _written_first() -> tuple[Any, ...]:
    return sp.Derivative, sp.FunctionMatrix, _permutations()


def _is_written_out(e: Any) -> bool:
    """True for a permutation, and a matrix of few places whose entries are made of them."""
    if isinstance(e, sp.FunctionMatrix):
        few = all(s.is_Integer for s in e.shape) and sp.Mul(*e.shape) <= MAX_ENTRIES
        return bool(few and not _has_matrices(e.lamda.expr))
    return isinstance(e, _permutations())


def _has_matrices(e: Any) -> bool:
    return bool(e.has(sp.MatrixSymbol))


def _done(e: Any) -> Any:
    """A derivative of numbers by numbers, which is SymPy's own subject."""
    return e.doit()
