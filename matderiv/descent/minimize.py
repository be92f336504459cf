"""Gradient descent on derived gradients: a small loop to learn with and to check with.

For real training, print the gradients as PyTorch or JAX code and use their optimisers.
Source: Goodfellow, Bengio & Courville 2016, ch. 8; Adam is that of Kingma & Ba 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import cos, inf, pi
from typing import Any

from matderiv.arguments import (
    given,
    optional_mapping,
    require_mapping,
    require_number,
    require_whole,
    require_word,
    variables_in,
)
from matderiv.bridge.sizes import by_name
from matderiv.descent.problem import Arrays, DescentProblem
from matderiv.doors.gradients import value_and_gradients
from matderiv.errors import DomainError, MatderivError
from matderiv.lazy import np

Array = Any

BATCH = 32
SMALL = 1e-4  # a gradient, relative to parameters and loss, that is as good as zero
TINY = 1e-300  # the least learning rate
_START = 'the start of each parameter: {"w": [0, 0]}'
_DATA = 'data={"X": ..., "y": ...}'


@dataclass(frozen=True, repr=False)
class Minimum:
    """Where a descent came to: the best parameters met, their loss, the loss after each epoch.

    `history[0]` is the loss at the start. `stopped` says why it ended: "epochs", "tolerance",
    "callback", "interrupted", or "stationary" where the gradient is zero at the start, as it is at
    a saddle. `gradient` is the largest entry of the gradient at the parameters; `converged` says
    that it is small beside parameters and loss.
    """

    parameters: dict[str, Array]
    loss: float
    history: tuple[float, ...]
    stopped: str
    gradient: float = 0.0
    converged: bool = True

    @property
    def epochs(self) -> int:
        """How many epochs were run."""
        return len(self.history) - 1

    def __repr__(self) -> str:
        return f"<Minimum {self}>"

    def __str__(self) -> str:
        if self.stopped == "stationary":
            return f"loss {self.loss:.6g}: the gradient is zero at the start, go from another place"
        run = f"{self.epochs} epoch{'s' * (self.epochs != 1)}"
        came = f"loss {self.loss:.6g} after {run}, from {self.history[0]:.6g}"
        small = "converged" if self.converged else "not converged"
        return f"{came} ({self.stopped}), {small}: gradient up to {self.gradient:.2g}"


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
    in each step), "sgd" (32 unless said), "momentum" or "adam" (all rows unless said). Without `lr`
    the step is 0.1, for Adam 0.3 falling to 0 towards the end. It ends after `epochs`, at a
    gradient of at most `tolerance`, when `callback(epoch, loss, parameters)` is true, or with
    Ctrl-C. `check` compares gradients with values of f first. DomainError where f is not finite.

    >>> found = minimize("norm2(X*w - y)^2", "w", {"w": [0, 0]}, method="gd", lr=0.1,
    ...                  data={"X": [[1, 0], [0, 2]], "y": [1, 2]}, epochs=60)
    >>> found.parameters["w"].round(3).tolist(), found.stopped
    ([1.0, 1.0], 'epochs')
    """
    start = by_name(require_mapping(values, "values", _START))
    examples = by_name(optional_mapping(data, "data", _DATA))
    settings = _Settings(method, lr, momentum, epochs, batch, tolerance, seed, callback)
    asked = settings.checked(examples=bool(examples))
    both = value_and_gradients(f, variables_in(wrt)[0], shapes=shapes, assume=assume, check=check)
    problem = DescentProblem.of(both, start, examples)
    return _Descent(problem, asked, np.random.default_rng(asked.seed)).run()


# What is asked -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Settings:
    """How to descend, as asked for; `lr` is None where nobody said."""

    method: str
    lr: float | None
    momentum: float
    epochs: int
    batch: int | None
    tolerance: float
    seed: int
    callback: Callable[[int, float, Arrays], Any] | None

    def checked(self, *, examples: bool) -> _Settings:
        """The same settings as numbers of the right kind.

        Raises MatderivError where the request makes no sense.
        """
        method = require_word(self.method, "method", RATES)
        lr, batch = self.lr, self.batch
        if batch is not None:
            batch = require_whole(batch, "batch", 1)
            if not examples:
                raise MatderivError("mini-batches are cut from data", hint=_DATA)
            if method == "gd":
                raise MatderivError(
                    "gd takes all examples in each step", hint="method='sgd' takes batches"
                )
        if lr is not None:
            lr = require_number(lr, "lr", "a positive number", least=TINY, below=inf)
        if self.callback is not None and not callable(self.callback):
            raise MatderivError(
                f"callback is a function of epoch, loss and parameters, not {given(self.callback)}"
            )
        return replace(
            self,
            lr=lr,
            momentum=require_number(
                self.momentum, "momentum", "a number from 0 to below 1", below=1
            ),
            epochs=require_whole(self.epochs, "epochs", 1),
            batch=BATCH if method == "sgd" and batch is None and examples else batch,
            tolerance=require_number(self.tolerance, "tolerance", "a number from 0", below=inf),
            seed=require_whole(self.seed, "seed", 0),
        )


# The loop ----------------------------------------------------------------------------------------


@dataclass
class _Descent:
    """The state of a run: the problem with its current parameters, and the best ones."""

    problem: DescentProblem
    asked: _Settings
    generator: Any
    best: Arrays = field(default_factory=dict)
    history: list[float] = field(default_factory=list)

    def run(self) -> Minimum:
        """Run, and say where it came to."""
        self._noted(self.problem.loss(), 0)
        try:
            stopped = self._epochs()
        except KeyboardInterrupt:
            stopped = "interrupted"
        self.problem.parameters = self._copied(self.best)
        _, gradients = self.problem.both(self.problem.at())
        loss = min(self.history)
        small = _relative(gradients, self.best, loss) <= SMALL
        return Minimum(
            self.best, loss, tuple(self.history), stopped, _largest(gradients), converged=small
        )

    def _epochs(self) -> str:
        """All epochs; why they ended."""
        asked = self.asked
        rule = rule_of(asked.method, asked.momentum)
        steps = {name: rule() for name in self.problem.parameters}
        for epoch in range(1, asked.epochs + 1):
            stopped = self._epoch(steps, epoch)
            if stopped:
                return stopped
            loss = self.problem.loss()
            self._noted(loss, epoch)
            if asked.callback is not None and asked.callback(epoch, loss, self._copied()):
                return "callback"
        return "epochs"

    def _epoch(self, steps: Mapping[str, Step], epoch: int) -> str:
        """One way through the data; why to stop where the gradient of all data is small already."""
        asked = self.asked
        rate = rate_at(asked.method, asked.lr, (epoch - 1) / asked.epochs)
        for rows in self._batches():
            _, gradients = self.problem.both(self.problem.at(rows))
            largest = _largest(gradients) if rows is None else inf
            if largest == 0 and epoch == 1:
                return "stationary"
            if asked.tolerance and largest <= asked.tolerance:
                return "tolerance"
            parameters = self.problem.parameters
            for (name, step), gradient in zip(steps.items(), gradients, strict=True):
                parameters[name] = np.asarray(parameters[name] - rate * step(gradient))
        return ""

    def _batches(self) -> Iterator[Any]:
        """The rows of each step of one epoch; None for all."""
        rows = self.problem.rows
        batch = self.asked.batch
        if not batch or batch >= rows:
            yield None
            return
        order = self.generator.permutation(rows)
        for first in range(0, rows, batch):
            yield order[first : first + batch]

    def _noted(self, loss: float, epoch: int) -> None:
        """Remember a loss, and the parameters where it is the best."""
        if not np.isfinite(loss):
            where = f"after epoch {epoch}" if epoch else "at the start"
            lr = rate_at(self.asked.method, self.asked.lr, 0.0)
            hint = (
                f"a smaller lr than {lr:g}, such as lr={lr / 10:g}"
                if epoch
                else "another start: f has no finite value at these values"
            )
            raise DomainError(f"the loss is {loss} {where}", hint=hint)
        if not self.history or loss < min(self.history):
            self.best = self._copied()
        self.history.append(loss)

    def _copied(self, arrays: Arrays | None = None) -> Arrays:
        found = self.problem.parameters if arrays is None else arrays
        return {name: np.array(array) for name, array in found.items()}


def _largest(gradients: Sequence[Array]) -> float:
    return max(float(np.max(np.abs(g))) for g in gradients)


def _relative(gradients: Sequence[Array], at: Arrays, loss: float) -> float:
    """The gradient beside the sizes of parameters and loss (Dennis & Schnabel 1983, sec. 7.2)."""
    scaled = (
        float(np.max(np.abs(g) * np.maximum(np.abs(x), 1)))
        for g, x in zip(gradients, at.values(), strict=True)
    )
    return max(scaled) / max(abs(loss), 1)


# From gradients to the change of a parameter ------------------------------------------------------

Step = Callable[[Array], Array]
"""From a gradient to the change of its parameter, for a learning rate of 1."""

RATES = {"gd": 0.1, "sgd": 0.1, "momentum": 0.1, "adam": 0.3}
"""The methods, and their learning rates unless another is said."""
FALLING = ("adam",)
"""Methods whose step does not shrink by itself near a minimum."""


def rate_at(method: str, lr: float | None, done: float) -> float:
    """The learning rate when a part `done` of the epochs, 0 to 1, is over.

    A rate that is given stays; Adam's own falls to 0 along half a cosine (Loshchilov & Hutter
    2017).

    >>> rate_at("adam", None, 0.0), rate_at("adam", None, 1.0), rate_at("adam", 0.02, 1.0)
    (0.3, 0.0, 0.02)
    """
    if lr is not None:
        return lr
    falls = (1 + cos(pi * done)) / 2 if method in FALLING else 1.0
    return RATES[method] * falls


def rule_of(method: str, momentum: float) -> Callable[[], Step]:
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
