"""Gradient descent on derived gradients: a small loop to learn with and to check with.

The step rules are those of Goodfellow, Bengio & Courville 2016, ch. 8; Adam is that of Kingma & Ba
2015. For real training, print the gradients as PyTorch or JAX code and use their optimisers.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from matderiv.errors import DomainError, MatderivError, ShapeError, UnknownName
from matderiv.expr import Expr, variables
from matderiv.gradients import ValueAndGradients, value_and_gradients
from matderiv.lazy import np
from matderiv.numeric.evaluate import bind, evaluate
from matderiv.programs.building import program
from matderiv.programs.compiled import Compiled

Array = Any
Arrays = dict[str, Array]
Step = Callable[[Array], Array]
"""From a gradient to the change of its parameter, for a learning rate of 1."""

BATCH = 32
QUIET = 1.0  # seconds until a progress line appears
PROBES = 8  # entries of each parameter that are compared with differences
ROWS = 64  # examples that the comparison uses


@dataclass(frozen=True)
class Minimum:
    """Where a descent came to: the best parameters met, their loss, the loss after each epoch.

    `history[0]` is the loss at the start. `stopped` says why it ended: "epochs", "tolerance",
    "callback" or "interrupted".
    """

    parameters: dict[str, Array] = field(repr=False)
    loss: float
    history: tuple[float, ...] = field(repr=False)
    stopped: str

    @property
    def epochs(self) -> int:
        """How many epochs were run."""
        return len(self.history) - 1

    def __str__(self) -> str:
        first = self.history[0]
        return f"loss {self.loss:.6g} after {self.epochs} epochs, from {first:.6g} ({self.stopped})"

    def plot(self, axes: Any = None) -> Any:
        """The loss over the epochs, drawn with matplotlib on `axes` or new ones, which it gives.

        Raises MatderivError without matplotlib.
        """
        try:
            pyplot = import_module("matplotlib.pyplot")
        except ImportError as error:
            raise MatderivError(
                "a plot needs matplotlib", hint="pip install 'matderiv[plots]'"
            ) from error
        axes = pyplot.subplots()[1] if axes is None else axes
        axes.plot(range(len(self.history)), self.history)
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")
        return axes


def minimize(
    f: Any,
    wrt: Any,
    values: Mapping[str, Any],
    *,
    data: Mapping[str, Any] | None = None,
    method: str = "adam",
    lr: float | None = None,
    epochs: int = 100,
    batch: int | None = None,
    momentum: float = 0.9,
    tolerance: float = 0.0,
    shapes: Mapping[str, Any] | None = None,
    assume: Mapping[str, Any] | None = None,
    seed: int = 0,
    callback: Callable[[int, float, Arrays], Any] | None = None,
    check: bool = True,
) -> Minimum:
    """The parameters `wrt` that make the scalar f small, by gradient descent from `values`.

    For learning and checking; real training is for the code of `value_and_gradients`. `values` has
    every parameter's start and what stays fixed, `data` examples, one per row, cut into batches of
    `batch` rows in an order set by `seed`, so the loss should be a mean. `method` is "gd" (all rows
    in each step), "sgd" (32 unless said), "momentum" or "adam" (all rows unless said). It ends
    after `epochs`, at a gradient of at most `tolerance`, when `callback(epoch, loss, parameters)`
    is true, or with Ctrl-C. `check` compares the gradients with differences first. DomainError when
    the loss is not finite, as when `lr` is too large.

    >>> found = minimize("norm2(X*w - y)^2", "w", {"w": [0, 0]}, method="gd", lr=0.1,
    ...                  data={"X": [[1, 0], [0, 2]], "y": [1, 2]}, epochs=60)
    >>> found.parameters["w"].round(3).tolist(), found.stopped
    ([1.0, 1.0], 'epochs')
    """
    by = list(wrt) if isinstance(wrt, list | tuple) else [wrt]
    rate = _settled(method, lr, epochs, batch, data)
    both = value_and_gradients(f, by, shapes=shapes, assume=assume)
    problem = _Problem.of(both, values, data or {}, check=check)
    rows = BATCH if method == "sgd" and batch is None and data else batch
    rule, generator = _steps(method, momentum), np.random.default_rng(seed)
    return _Descent(problem, rule, rate, rows, generator).until(epochs, tolerance, callback)


# What is asked -----------------------------------------------------------------------------------

RATES = {"gd": 0.1, "sgd": 0.1, "momentum": 0.1, "adam": 0.01}


def _settled(
    method: str, lr: float | None, epochs: int, batch: int | None, data: Mapping[str, Any] | None
) -> float:
    """The learning rate; MatderivError where the request makes no sense."""
    if method not in RATES:
        raise MatderivError(f"unknown method {method!r}", hint=f"one of {', '.join(RATES)}")
    if batch is not None and not data:
        raise MatderivError("mini-batches are cut from data", hint="data={'X': ..., 'y': ...}")
    if batch is not None and method == "gd":
        raise MatderivError("gd takes all examples in each step", hint="method='sgd' takes batches")
    for what, value in (("batch", batch), ("epochs", epochs)):
        if value is not None and (isinstance(value, bool) or int(value) != value or value < 1):
            raise MatderivError(f"{what} is a whole number from 1, not {value}")
    rate = RATES[method] if lr is None else lr
    if not rate > 0 or not np.isfinite(rate):
        raise MatderivError(f"lr is a positive number, not {lr}")
    return float(rate)


@dataclass
class _Problem:
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
    ) -> _Problem:
        """The problem, every array of its variable's shape; with `check` the gradients tested."""
        known = variables(both.f, *both.wrt)
        sizes = {n: v for n, v in values.items() if n in both.compiled.program.sizes}
        for name in (*values, *data):
            if name not in {v.name for v in known} and name not in sizes:
                raise UnknownName(
                    f"there is no {name} in the expression",
                    hint=f"one of {', '.join(v.name for v in known)}",
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
        value = Compiled(lambda s: program((both.backward.f,), inputs=known, sizes=s))
        start = {x.name: arrays[x.name] for x in both.wrt}
        problem = cls(both, value, start, {**fixed, **sizes}, examples)
        if check:
            _checked(problem)
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


def _checked(problem: _Problem) -> None:
    """Compare some entries of each gradient with central differences of f at the start."""
    values = problem.at(slice(0, ROWS) if problem.rows > ROWS else None)
    _, found = problem.both(values)
    f = problem.both.f
    generator = np.random.default_rng(0)
    sizes = {n: values[n] for n in problem.both.compiled.program.sizes}

    def value(x: Expr, place: int, change: float) -> float:
        moved = np.array(values[x.name])
        moved.reshape(-1)[place] += change
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


# The loop ----------------------------------------------------------------------------------------


def _steps(method: str, momentum: float) -> Callable[[], Step]:
    """What makes the rule of one parameter, which may remember earlier gradients."""
    if method == "momentum":
        return lambda: _momentum(momentum)
    if method == "adam":
        return _adam
    return lambda: lambda gradient: gradient


def _momentum(decay: float) -> Step:
    velocity: Array = 0.0

    def step(gradient: Array) -> Array:
        nonlocal velocity
        velocity = decay * velocity + gradient
        return velocity

    return step


def _adam(first: float = 0.9, second: float = 0.999, small: float = 1e-8) -> Step:
    """Kingma & Ba 2015, algorithm 1."""
    mean: Array = 0.0
    square: Array = 0.0
    count = 0

    def step(gradient: Array) -> Array:
        nonlocal mean, square, count
        count += 1
        mean = first * mean + (1 - first) * gradient
        square = second * square + (1 - second) * gradient * gradient
        size = np.sqrt(square / (1 - second**count)) + small
        return mean / (1 - first**count) / size

    return step


@dataclass
class _Descent:
    """The state of a run: the problem with its current parameters, and the best ones."""

    problem: _Problem
    rule: Callable[[], Step]
    lr: float
    batch: int | None
    generator: Any
    best: Arrays = field(default_factory=dict)
    history: list[float] = field(default_factory=list)

    def until(self, epochs: int, tolerance: float, callback: Any) -> Minimum:
        """Run, and say where it came to."""
        steps = {name: self.rule() for name in self.problem.parameters}
        progress = _Progress(epochs)
        stopped = "epochs"
        self._noted(self.problem.loss(), 0)
        try:
            for epoch in range(1, epochs + 1):
                if not self._epoch(steps, tolerance):
                    stopped = "tolerance"
                    break
                loss = self.problem.loss()
                self._noted(loss, epoch)
                progress.tell(epoch, loss)
                if callback is not None and callback(epoch, loss, self._copied()):
                    stopped = "callback"
                    break
        except KeyboardInterrupt:
            stopped = "interrupted"
        finally:
            progress.done()
        return Minimum(self.best, min(self.history), tuple(self.history), stopped)

    def _epoch(self, steps: Mapping[str, Step], tolerance: float) -> bool:
        """One way through the data; False where the gradient of all data is small already."""
        for rows in self._batches():
            _, gradients = self.problem.both(self.problem.at(rows))
            if rows is None and tolerance and _largest(gradients) <= tolerance:
                return False
            self._moved(steps, gradients)
        return True

    def _batches(self) -> Iterator[Any]:
        """The rows of each step of one epoch; None for all."""
        rows = self.problem.rows
        if not self.batch or self.batch >= rows:
            yield None
            return
        order = self.generator.permutation(rows)
        for first in range(0, rows, self.batch):
            yield order[first : first + self.batch]

    def _moved(self, steps: Mapping[str, Step], gradients: Sequence[Array]) -> None:
        parameters = self.problem.parameters
        for (name, step), gradient in zip(steps.items(), gradients, strict=True):
            parameters[name] = np.asarray(parameters[name] - self.lr * step(gradient))

    def _noted(self, loss: float, epoch: int) -> None:
        """Remember a loss, and the parameters where it is the best."""
        if not np.isfinite(loss):
            where = f"after epoch {epoch}" if epoch else "at the start"
            hint = (
                f"a smaller lr than {self.lr:g}, such as lr={self.lr / 10:g}"
                if epoch
                else "another start: f has no finite value at these values"
            )
            raise DomainError(f"the loss is {loss} {where}", hint=hint)
        if not self.history or loss < min(self.history):
            self.best = self._copied()
        self.history.append(loss)

    def _copied(self) -> Arrays:
        return {name: np.array(array) for name, array in self.problem.parameters.items()}


def _largest(gradients: Sequence[Array]) -> float:
    return max(float(np.max(np.abs(g))) for g in gradients)


class _Progress:
    """One line on standard error that is written over, on terminals and for long runs only."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.shown = False
        self.next = time.monotonic() + QUIET

    def tell(self, epoch: int, loss: float) -> None:
        """Show where the run is, a few times a second."""
        if time.monotonic() < self.next or sys.stderr is None or not sys.stderr.isatty():
            return
        self.next = time.monotonic() + 0.2
        self.shown = True
        sys.stderr.write(f"\repoch {epoch}/{self.epochs}  loss {loss:.6g}\x1b[K")
        sys.stderr.flush()

    def done(self) -> None:
        """Clear the line."""
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
