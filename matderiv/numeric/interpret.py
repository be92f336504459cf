"""One walk for values: `interpreted` with an algebra that says what a node needs and what it is.

Floats, and residues with and without duals, are such algebras. None knows a derivative.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from math import pi
from typing import Any, TypeVar

from matderiv.expr import Expr, is_
from matderiv.lazy import np
from matderiv.numeric.evaluate import as_float, computed
from matderiv.shapes import Dim, concrete, size_value

Array = Any  # numpy.ndarray
Task = TypeVar("Task", bound=Hashable)
Value = TypeVar("Value")


def interpreted(
    root: Task,
    known: dict[Task, Value],
    needs: Callable[[Task], Iterable[Task]],
    value: Callable[[Task], Value],
) -> Value:
    """The value of a task, after those it needs; each is found once and kept in `known`.

    >>> interpreted(3, {0: 1}, lambda n: [n - 1], lambda n: n)
    3
    """
    stack, opened = [root], set[Task]()
    while stack:
        task = stack.pop()
        if task in known:
            continue
        missing = [t for t in needs(task) if t not in known] if task not in opened else []
        if missing:
            opened.add(task)
            stack.append(task)
            stack += missing
        else:
            known[task] = value(task)
    return known[root]


def in_floats(node: Expr, arguments: list[Array], sizes: Mapping[str, int]) -> Array:
    """A node in floats, by its record; vectors are columns beside a matrix."""
    if node.function.kind == "elementwise" and len(node.shape) == 2 and len(arguments) > 1:
        arguments = [a[:, None] if np.ndim(a) == 1 else a for a in arguments]
    params = [size_value(p, sizes) if isinstance(p, Dim) else p for p in node.params]
    assert node.function.numpy is not None
    value = computed(node.function.name, node.function.numpy, arguments, params)
    shape = concrete(node.shape, sizes)
    return value if getattr(value, "shape", None) == shape else np.reshape(value, shape)


def leaf_in_floats(node: Expr, names: Mapping[str, Array], sizes: Mapping[str, int]) -> Array:
    """A variable, a size or a number in floats."""
    if is_(node, "variable"):
        return np.reshape(names[node.name], concrete(node.shape, sizes))
    if is_(node, "size"):
        return np.float64(size_value(Dim(node.params), sizes))
    return np.float64(pi if is_(node, "pi") else as_float(node.params[0]))


class Floats:
    """Values of expressions in floats at one point, each part computed once; None for no value."""

    def __init__(self, names: Mapping[str, Array], sizes: Mapping[str, int]) -> None:
        self.names, self.sizes = dict(names), sizes
        self.known: dict[Expr, Array | None] = {}

    def value(self, root: Expr) -> Array | None:
        """The value of an expression."""
        return interpreted(root, self.known, lambda node: node.args, self.computed)

    def computed(self, node: Expr) -> Array | None:
        """The value of a node whose arguments are known."""
        function, arguments = node.function, [self.known[a] for a in node.args]
        if function.leaf:
            return leaf_in_floats(node, self.names, self.sizes)
        if any(a is None for a in arguments):
            return None
        if function.numpy is None:
            return function.expand and self.value(function.expand(*node.args, *node.params))
        return in_floats(node, arguments, self.sizes)
