"""What is imported at first use: heavy libraries, and rooms of this house that few calls enter."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


class LazyModule:
    """A module that is imported when an attribute is first read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value


def later(names: str) -> list[Any]:
    """Modules of ours, imported when they are first used.

    >>> (signs,) = later("words.signs")
    >>> signs.__name__
    'matderiv.words.signs'
    """
    return [LazyModule(f"matderiv.{name}") for name in names.split()]


np: Any = LazyModule("numpy")
"""NumPy, lazily."""

sp: Any = LazyModule("sympy")
"""SymPy, lazily; it carries no type annotations, so it is `Any` here and nowhere else."""

mp: Any = LazyModule("mpmath")
"""mpmath, lazily: numbers with as many digits as are asked for; SymPy brings it."""

difflib: Any = LazyModule("difflib")
"""What a misspelled word is like, lazily."""


@contextmanager
def quiet() -> Iterator[None]:
    """NumPy warns of nothing inside, or inside a function that this decorates.

    What overflows or has no value is looked at where it decides something.

    >>> with quiet():
    ...     print(np.float64(1e308) * 10)
    inf
    """
    with np.errstate(all="ignore"):
        yield


class Shown:
    """A value with HTML for a notebook: MathML and no script, so that it shows offline too."""

    def _repr_html_(self) -> str:
        written: str = import_module("matderiv.command.notebook").notebook_html(self)
        return written
