"""Records as functions of NumPy arrays, for code that SymPy prints: `lambdify` calls them."""

from typing import Any

from matderiv.expr import REGISTRY, apply, variable
from matderiv.lazy import np
from matderiv.numeric.evaluate import evaluate


def record_value(
    name: str, ranks: tuple[int | None, ...], params: tuple[Any, ...], *args: Any
) -> Any:
    """The value of a record; vectors may have one axis or two, and come as columns.

    `ranks` are the axes of each argument, None for a function of entries, which keeps its shape.

    >>> record_value("norm2", (1,), (), np.array([[3.0], [4.0]]))
    5.0
    """
    arrays = [_of_rank(np.asarray(a, dtype=float), r) for a, r in zip(args, ranks, strict=True)]
    names = [f"a{k}" for k in range(len(arrays))]
    if REGISTRY[name].call in ("axis", "keyword-axis"):
        params = params or (None,)
    whole = tuple(p if isinstance(p, str) or p is None else int(p) for p in params)
    nodes = [variable(n, a.shape) for n, a in zip(names, arrays, strict=True)]
    found = evaluate(apply(name, *nodes, params=whole), dict(zip(names, arrays, strict=True)))
    if np.size(found) == 1 and None not in ranks:
        return float(np.squeeze(found))
    return found.reshape(-1, 1) if found.ndim == 1 and None not in ranks else found


def _of_rank(array: Any, rank: int | None) -> Any:
    """An array with so many axes: a column is a vector, 1 x 1 a scalar."""
    if rank is None or array.ndim == rank:
        return array
    if rank == 0:
        return array.reshape(())
    return array.reshape(-1) if rank == 1 else array.reshape(-1, 1)
