"""The step rules of gradient descent: from gradients to the change of a parameter.

Source: Goodfellow, Bengio & Courville 2016, ch. 8; Adam is that of Kingma & Ba 2015.
"""

from collections.abc import Callable
from math import cos, pi
from typing import Any

from matderiv.lazy import np

Array = Any
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
