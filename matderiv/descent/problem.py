"""What a descent works on: a loss with its gradients, and arrays sorted into their parts.

Parameters change, examples are cut into batches, everything else stays fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matderiv.arguments import one_of
from matderiv.doors.gradients import ValueAndGradients
from matderiv.errors import MatderivError, ShapeError, UnknownName
from matderiv.expr import variables
from matderiv.numeric.evaluate import bind
from matderiv.programs.compiled import Compiled

Array = Any
Arrays = dict[str, Array]

NOT_KEPT = frozenset("orthogonal idempotent posdef onehot simplex positive labels binary".split())


@dataclass
class DescentProblem:
    """The loss, its gradients, and the arrays: parameters, what stays fixed, examples."""

    both: ValueAndGradients
    value: Compiled
    parameters: Arrays
    fixed: Arrays
    examples: Arrays

    @classmethod
    def of(
        cls, both: ValueAndGradients, values: Mapping[str, Any], data: Mapping[str, Any]
    ) -> DescentProblem:
        """The problem, every array of its variable's shape."""
        known = variables(both.f, *both.wrt)
        sizes = {n: v for n, v in values.items() if n in both.compiled.program.sizes}
        for name in (*values, *data):
            if name not in {v.name for v in known} and name not in sizes:
                raise UnknownName(
                    f"there is no {name} in the expression", hint=one_of(v.name for v in known)
                )
            if name in values and name in data:
                raise MatderivError(f"{name} stands among the values and among the data")
        parameters = {x.name for x in both.wrt}
        if twice := parameters & set(data):
            raise MatderivError(f"{min(twice)} is a parameter; its start belongs to the values")
        arrays, _ = bind(known, {**values, **data}, sizes)
        examples = {name: arrays[name] for name in data}
        _same_length(examples)
        fixed = {n: a for n, a in arrays.items() if n not in parameters and n not in data}
        for x in both.wrt:
            if lost := sorted(x.params[2] & NOT_KEPT):
                said = f"{x.name} is {lost[0]}, which steps along the gradient do not keep"
                raise MatderivError(said, hint="a parameter that is free, as in x = softmax(z)")
        start = {x.name: arrays[x.name] for x in both.wrt}
        return cls(both, both.value, start, {**fixed, **sizes}, examples)

    @property
    def rows(self) -> int:
        """How many examples there are; 0 without data."""
        return len(next(iter(self.examples.values()))) if self.examples else 0

    def at(self, chosen: Any = None) -> Arrays:
        """All arrays; of the examples only some rows, where they are chosen."""
        examples = self.examples
        if chosen is not None:
            examples = {name: array[chosen] for name, array in examples.items()}
        return {**self.fixed, **examples, **self.parameters}

    def loss(self) -> float:
        """The loss over all data."""
        return float(self.value(self.at())[0])


def _same_length(examples: Arrays) -> None:
    for name, array in examples.items():
        if array.ndim == 0:
            raise ShapeError(f"{name} is a number; data has one example per row", hint="values")
    lengths = {name: len(array) for name, array in examples.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        raise ShapeError(
            f"data has one example per row, as many in each array: {shown}",
            hint="what is no list of examples belongs to the values",
        )
