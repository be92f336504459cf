"""Array expressions of SymPy entry by entry: a contraction is a Sum of products of entries."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from matderiv.lazy import sp

ARRAYS = "ArrayTensorProduct ArrayAdd PermuteDims ArrayContraction ArrayDiagonal".split()


def entry_at(node: Any, at: Sequence[Any]) -> Any:
    """The entry of an array expression at some indices, one for each of its axes.

    SymPy's own converter takes other axes for a diagonal of more than two.

    >>> A, B = sp.MatrixSymbol("A", 2, 2), sp.MatrixSymbol("B", 2, 2)
    >>> i, j = sp.symbols("i j")
    >>> product = sp.tensor.array.expressions.ArrayTensorProduct(A, B)
    >>> entry_at(product, (i, j, j, 0))
    A[i, j]*B[j, 0]
    """
    name, rest = type(node).__name__, iter(at)
    if name == "ArrayTensorProduct":
        axes = [len(getattr(a, "shape", ())) for a in node.args]
        pairs = zip(node.args, axes, strict=True)
        return sp.Mul(*(entry_at(a, [*islice(rest, n)]) for a, n in pairs))
    if name == "ArrayAdd":
        return sp.Add(*(entry_at(a, at) for a in node.args))
    if name == "PermuteDims":
        order = node.permutation.array_form
        return entry_at(node.args[0], [at[order.index(k)] for k in range(len(at))])
    if name in ("ArrayContraction", "ArrayDiagonal"):
        inner, *groups = node.args
        summed = name == "ArrayContraction"
        last = [sp.Dummy() for _ in groups] if summed else at[len(at) - len(groups) :]
        shared = {int(k): i for g, i in zip(groups, last, strict=True) for k in g}
        places = [shared[k] if k in shared else next(rest) for k in range(len(inner.shape))]
        limits = [(i, 0, inner.shape[g[0]] - 1) for g, i in zip(groups, last, strict=True)]
        entry = entry_at(inner, places)
        return sp.Sum(entry, *limits) if summed else entry
    if isinstance(node, sp.MatrixExpr):
        return sp.matrices.expressions.matexpr.MatrixElement(node, *at)
    return node[tuple(at)] if at else node
