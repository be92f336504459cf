"""Work is counted, so that no question goes on without end.

A public verb gives its work a bound, and what works spends from it: nodes that are made, products
of index factors, values of nodes. A unit is about a microsecond. The same question ends at the same
place on every machine; without a bound nothing is counted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from matderiv.errors import LimitError

Value = TypeVar("Value")

MILLION = 1_000_000
UNBOUNDED = 10**18
A_VERB = 2 * MILLION  # for one derivation, several gradients, or a graph
A_VIEW = 3 * MILLION  # for the steps of a derivation, every line evaluated


class WorkLimit(LimitError):  # noqa: N818  (reads as what it is)
    """The bound of some work was reached."""


class _Budget:
    """What is left of a bound."""

    __slots__ = ("left", "most")

    def __init__(self, most: int) -> None:
        self.most = self.left = most


_budget: ContextVar[_Budget | None] = ContextVar("matderiv_work", default=None)


@contextmanager
def bounded(most: int, least: int = 0) -> Iterator[None]:
    """WorkLimit is raised inside after so many units; what is spent counts outside, too.

    At least `least` units are there, whatever is left outside.

    >>> with bounded(10):
    ...     spend(20)
    Traceback (most recent call last):
    ...
    matderiv.work.WorkLimit: this takes more than 10 steps of work, which is the limit
    """
    outer = _budget.get()
    inner = _Budget(most if outer is None else min(most, max(outer.left, least)))
    token = _budget.set(inner)
    try:
        yield
    finally:
        _budget.reset(token)
        if outer is not None:
            outer.left = max(outer.left - inner.most + inner.left, 0)


def unbounded() -> None:
    """Nothing is counted in this context from here on."""
    _budget.set(None)


def spend(units: int) -> None:
    """Take units from the bound that holds here; WorkLimit where they are used up."""
    budget = _budget.get()
    if budget is None:
        return
    budget.left -= units
    if budget.left < 0:
        shown = f"{budget.most / MILLION:.3g} million" if budget.most >= MILLION else budget.most
        raise WorkLimit(f"this takes more than {shown} steps of work, which is the limit")


def remembered(memory: dict[Any, Any], key: Any, made: Callable[[], Value]) -> Value:
    """The value under a key of a memory, made once.

    What it took is spent each time, so that a bound ends at the same place whatever was asked
    before.

    >>> memory = {}
    >>> remembered(memory, "x", lambda: 2), remembered(memory, "x", lambda: 3)
    (2, 2)
    """
    if key not in memory:
        budget = _budget.get()
        if budget is None:
            with bounded(UNBOUNDED):
                return remembered(memory, key, made)
        before = budget.left
        value = made()
        memory[key] = value, before - budget.left
        return value
    value, units = memory[key]
    spend(units)
    return value
