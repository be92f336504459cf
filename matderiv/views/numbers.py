"""Values of the expressions of a document at one point: many small ones, few times each."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import prod

from matderiv.errors import LimitError
from matderiv.expr import Expr, is_
from matderiv.functions.contraction import contraction
from matderiv.lazy import np
from matderiv.numeric.evaluate import MAX_ENTRIES, Array, Sizes, compile_
from matderiv.numeric.interpret import in_floats, interpreted, leaf_in_floats
from matderiv.shapes import size_value
from matderiv.tensors.tensor import Index, Tensor
from matderiv.work import spend


class Values:
    """The values of all names at one point, and of expressions over them.

    Shared parts are computed once. An expression that overflows as written is computed in its
    stable form.
    """

    def __init__(self, sizes: Sizes, values: Mapping[str, Array]) -> None:
        self.sizes = sizes
        self.names = dict(values)
        self.known: dict[Expr, Array | None] = {}
        self.met = 0.0  # the largest entry of a term: what rounding errors of a sum scale with

    def moved(self, changed: Mapping[str, Array]) -> Values:
        """The same point with other values of some names."""
        return Values(self.sizes, {**self.names, **changed})

    def of(self, e: Expr) -> Array:
        """The value of an expression, of its own shape; complex for complex values."""
        with np.errstate(all="ignore"):
            value = self._direct(e)
        if value is None or not np.isfinite(value).all():
            value = compile_((e,)).at(self.sizes).run(self.names)[0]
        return value

    def _direct(self, e: Expr) -> Array | None:
        if is_(e, "variable"):
            return leaf_in_floats(e, self.names, self.sizes)
        return interpreted(e, self.known, lambda node: node.args, self._value)

    def _value(self, node: Expr) -> Array | None:
        if node.function.leaf:
            return leaf_in_floats(node, self.names, self.sizes)
        arguments = [self.known[a] for a in node.args]
        if node.function.numpy is None or any(a is None for a in arguments):
            return None
        spend(8)
        return in_floats(node, arguments, self.sizes)

    def of_tensor(self, tensor: Tensor) -> Array:
        """The sum of index products, an array over its axes."""
        sides = tuple(size_value(i.size, self.sizes) for i in tensor.axes)
        if prod(sides) > MAX_ENTRIES:
            said = f"a line of this derivation has {prod(sides)} entries"
            raise LimitError(f"{said} where it is checked, the limit is {MAX_ENTRIES}")
        total = np.zeros(sides)
        for term in tensor.terms:
            operands: list[tuple[Array, tuple[Index, ...]]] = []
            for f in term.factors:
                shape = tuple(size_value(i.size, self.sizes) for i in f.indices)
                value = np.reshape(self.of(f.expr), shape) ** _plain(f.exponent)
                operands.append((value, f.indices))
            present = {i for _, indices in operands for i in indices}
            for i in tensor.axes:
                if i not in present:
                    operands.append((np.ones(size_value(i.size, self.sizes)), (i,)))
            value = contraction(operands, tensor.axes) if operands else 1.0
            value = float(term.coefficient) * value
            self.met = max(self.met, float(np.max(np.abs(value), initial=0.0)))
            total = total + value
        return total


def _plain(exponent: int | Fraction) -> int | float:
    return int(exponent) if exponent == int(exponent) else float(exponent)
