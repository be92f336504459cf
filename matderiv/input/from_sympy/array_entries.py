"""Array expressions of SymPy entry by entry: a contraction is a Sum of products of entries."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from matderiv.errors import LimitError
from matderiv.input.from_sympy.places import indices
from matderiv.lazy import sp

MAX_ENTRIES = 100  # of an explicit array
ARRAYS = (
    *("ArrayTensorProduct", "ArrayAdd", "PermuteDims", "ArrayContraction", "ArrayDiagonal"),
    *("ArrayElementwiseApplyFunc", "ImmutableDenseNDimArray", "ZeroArray", "OneArray"),
)


def entry_at(node: Any, at: Sequence[Any]) -> Any:
    """The entry of an array expression at some indices, one for each of its axes.

    >>> A, B = sp.MatrixSymbol("A", 2, 2), sp.MatrixSymbol("B", 2, 2)
    >>> i, j = sp.symbols("i j")
    >>> product = sp.tensor.array.expressions.ArrayTensorProduct(A, B)
    >>> entry_at(product, (i, j, j, 0))
    A[i, j]*B[j, 0]
    """
    name = type(node).__name__
    if name in ("ArrayTensorProduct", "ArrayAdd"):
        if name == "ArrayAdd":
            return sp.Add(*(entry_at(a, at) for a in node.args))
        rest = iter(at)
        return sp.Mul(*(entry_at(a, tuple(islice(rest, len(_sizes(a))))) for a in node.args))
    if name == "PermuteDims":
        order = node.permutation.array_form
        return entry_at(node.args[0], [at[order.index(k)] for k in range(len(at))])
    if name in ("ArrayContraction", "ArrayDiagonal"):
        return _joined(node, at, summed=name == "ArrayContraction")
    if name == "ArrayElementwiseApplyFunc":
        return node.function(entry_at(node.expr, at))
    if name == "ImmutableDenseNDimArray":
        return _explicit(node, at)
    if name in ("ZeroArray", "OneArray"):
        return sp.Integer(name == "OneArray")
    if isinstance(node, sp.MatrixExpr):
        return sp.matrices.expressions.matexpr.MatrixElement(node, *at)
    return node[tuple(at)] if at else node


def _sizes(node: Any) -> tuple[Any, ...]:
    return tuple(getattr(node, "shape", ()))


def _joined(node: Any, at: Sequence[Any], *, summed: bool) -> Any:
    """Groups of axes that share an index: one that is summed, or one of the last of `at`."""
    inner, *groups = node.args
    groups = [tuple(map(int, g)) for g in groups]
    shape, taken = _sizes(inner), {k for g in groups for k in g}
    used = inner.atoms(sp.Dummy) | {*at}
    fresh = [i for i in islice(indices(), len(used) + len(groups)) if i not in used]
    new = fresh if summed else at[len(at) - len(groups) :]
    shared = {
        k: sp.S.Zero if shape[k] == 1 else i for g, i in zip(groups, new, strict=False) for k in g
    }
    rest = iter(at)
    body = entry_at(inner, [shared[k] if k in taken else next(rest) for k in range(len(shape))])
    limits = [
        (i, 0, shape[g[0]] - 1) for g, i in zip(groups, new, strict=False) if shape[g[0]] != 1
    ]
    return sp.Sum(body, *limits) if summed and limits else body


def _explicit(node: Any, at: Sequence[Any]) -> Any:
    """Σ of the entries of an explicit array, each at its place."""
    if len(node) > MAX_ENTRIES:
        raise LimitError(f"an explicit array of {len(node)} entries", hint="a MatrixSymbol for it")
    found = []
    for k, value in enumerate(sp.flatten(node.tolist())):
        places = node._get_tuple_index(k) if at else ()
        deltas = (sp.KroneckerDelta(i, p) for i, p in zip(at, places, strict=True) if i != 0)
        found.append(sp.Mul(value, *deltas))
    return sp.Add(*found)
