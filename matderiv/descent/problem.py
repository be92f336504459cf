"""What a descent works on: a loss with its gradients, and arrays sorted into their parts.

Parameters change, examples are cut into batches, everything else stays fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matderiv.arguments import one_of
from matderiv.calculus.structure import numeric_projection
from matderiv.doors.gradients import ValueAndGradients
from matderiv.errors import MatderivError, ShapeError, UnknownName
from matderiv.expr import Expr, variables
from matderiv.lazy import np
from matderiv.numeric.evaluate import bind, evaluate
from matderiv.programs.compiled import Compiled

Array = Any
Arrays = dict[str, Array]

PROBES = 8  # entries of each parameter that are compared with differences
NOT_KEPT = frozenset("orthogonal idempotent posdef onehot simplex positive labels binary".split())
ROWS = 64  # examples that the comparison uses


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
        cls,
        both: ValueAndGradients,
        values: Mapping[str, Any],
        data: Mapping[str, Any],
        *,
        check: bool,
    ) -> DescentProblem:
        """The problem, every array of its variable's shape; with `check` the gradients tested."""
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
        value = both.value
        for x in both.wrt:
            if lost := sorted(x.params[2] & NOT_KEPT):
                said = f"{x.name} is {lost[0]}, which steps along the gradient do not keep"
                raise MatderivError(said, hint="a parameter that is free, as in x = softmax(z)")
        start = {x.name: arrays[x.name] for x in both.wrt}
        problem = cls(both, value, start, {**fixed, **sizes}, examples)
        if check:
            _compared(problem)
        return problem

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


def _compared(problem: DescentProblem) -> None:
    """Compare some entries of each gradient with central differences of f at the start."""
    values = problem.at(slice(0, ROWS) if problem.rows > ROWS else None)
    _, found = problem.both(values)
    f = problem.both.f
    generator = np.random.default_rng(0)
    sizes = {n: values[n] for n in problem.both.compiled.program.sizes}

    def value(x: Expr, place: int, change: float) -> float:
        """f after a change of one entry, and of those that a structure ties to it."""
        direction = np.zeros(np.shape(values[x.name]))
        direction.reshape(-1)[place] = change
        project = numeric_projection(x, problem.both.structure, 1)
        moved = values[x.name] + (direction if project is None else project(direction))
        arrays = {v.name: values[v.name] for v in variables(f)}
        return float(evaluate(f, {**arrays, x.name: moved}, sizes))

    for x, gradient in zip(problem.both.wrt, found, strict=True):
        if x not in variables(f):
            continue
        flat, start = np.ravel(gradient), np.ravel(values[x.name])
        for place in generator.permutation(flat.size)[:PROBES]:
            near = []
            for relative in (1e-5, 1e-7):
                step = relative * max(1.0, abs(start[place]))
                near.append((value(x, place, step) - value(x, place, -step)) / (2 * step))
            scale = max(abs(flat[place]), float(np.max(np.abs(flat))), 1e-3)
            if min(abs(d - flat[place]) for d in near) > 1e-4 * scale:
                raise MatderivError(
                    f"the gradient by {x.name} is {flat[place]:.6g} in entry {place + 1}, "
                    f"differences of f say {near[0]:.6g}",
                    hint="another start, if f has a kink here; check=False goes on all the same",
                )
