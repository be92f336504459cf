"""What arguments of public functions must be; a MatderivError says what was given instead."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from matderiv.errors import MatderivError, visible

LONGEST = 40  # characters of a value that is quoted


def given(value: Any) -> str:
    """A value as a message quotes it: short ones as typed, others by their kind.

    >>> given("a"), given(None), given([1, 2]), given({})
    ("'a'", 'None', '[1, 2]', '{}')
    """
    if isinstance(value, str | int | float | list | tuple | dict | None):
        shown = repr(value)
        if len(shown) <= LONGEST and "\n" not in shown:
            return shown
    kind = type(value).__name__.removeprefix("nd")  # ndarray
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"


def in_short(shown: str, longest: int = 60) -> str:
    """A text on one line, of at most so many characters.

    >>> in_short("x +\\n  y"), in_short("softmax(Q*K'/sqrt(d), axis=2)*V", 12)
    ('x + y', 'softmax(Q*K…')
    """
    line = visible(" ".join(shown.split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def counted(least: int, most: int) -> str:
    """How many arguments something takes.

    >>> counted(1, 1), counted(1, 3)
    ('1 argument', '1 to 3 arguments')
    """
    number = str(most) if least == most else f"{least} to {most}"
    return f"{number} argument{'s' * (most != 1)}"


def one_of(names: Iterable[str], most: int = 12) -> str | None:
    """A hint that lists what there is to choose from; None where there is nothing.

    >>> one_of(["x", "y"]), one_of(["x"]), one_of([])
    ('one of x, y', 'x', None)
    """
    known = list(names)
    if len(known) < 2:
        return known[0] if known else None
    return f"one of {', '.join(known[:most])}" + (", ..." if len(known) > most else "")


def pairs(table: str) -> dict[str, str]:
    """A table of short words: each word, and the one behind it that belongs to it.

    >>> pairs("gt >  lt <")
    {'gt': '>', 'lt': '<'}
    """
    words = table.split()
    return dict(zip(words[::2], words[1::2], strict=True))


def fields_of(value: Any, names: str) -> dict[str, Any]:
    """Some attributes of a value by their names.

    >>> fields_of(3 + 4j, "real imag")
    {'real': 3.0, 'imag': 4.0}
    """
    return {name: getattr(value, name) for name in names.split()}


def require_whole(value: Any, what: str, least: int, most: int | None = None) -> int:
    """A whole number from `least` to `most`; anything else is refused.

    >>> require_whole(8, "points", 1, 1000)
    8
    >>> require_whole(0, "points", 1, 1000)
    Traceback (most recent call last):
    ...
    matderiv.errors.MatderivError: points is a whole number from 1 to 1000, not 0
    """
    counts = hasattr(value, "__index__") and not isinstance(value, bool | Sequence)
    try:
        number = value.__index__() if counts else least - 1
    except TypeError:  # an array with axes
        number = least - 1
    if number < least or (most is not None and number > most):
        upto = "" if most is None else f" to {most}"
        raise MatderivError(f"{what} is a whole number from {least}{upto}, not {given(value)}")
    return number


def require_number(value: Any, what: str, needs: str, *, least: float = 0, below: float) -> float:
    """A number x with least ≤ x < below; `needs` says so in words.

    >>> require_number(0.9, "momentum", "a number from 0 to below 1", least=0, below=1)
    0.9
    >>> require_number("a", "momentum", "a number from 0 to below 1", least=0, below=1)
    Traceback (most recent call last):
    ...
    matderiv.errors.MatderivError: momentum is a number from 0 to below 1, not 'a'
    """
    try:
        number = float("nan") if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not (isfinite(number) and least <= number < below):
        raise MatderivError(f"{what} is {needs}, not {given(value)}")
    return number


def require_word(value: Any, what: str, words: Collection[str]) -> str:
    """One of some words, as it is; anything else is refused.

    >>> require_word("numerator", "layout", ("gradient", "numerator"))
    'numerator'
    >>> require_word(3, "layout", ("gradient", "numerator"))
    Traceback (most recent call last):
    ...
    matderiv.errors.MatderivError: unknown layout 3
      try:   one of gradient, numerator
    """
    if not isinstance(value, str) or value not in words:
        raise MatderivError(f"unknown {what} {given(value)}", hint=one_of(words))
    return value


def require_text(value: Any, what: str, example: str | None = None) -> str:
    """A text, as it is; anything else is refused.

    >>> require_text(3, "the title")
    Traceback (most recent call last):
    ...
    matderiv.errors.MatderivError: the title is a text, not 3
    """
    if not isinstance(value, str):
        raise MatderivError(f"{what} is a text, not {given(value)}", hint=example)
    return value


def require_mapping(value: Any, what: str, example: str) -> Mapping[Any, Any]:
    """A dictionary, as it is; anything else is refused, None too.

    >>> require_mapping([1], "shapes", 'shapes={"X": "n,d"}')
    Traceback (most recent call last):
    ...
    matderiv.errors.MatderivError: shapes is a dictionary with an entry for each name, not [1]
      try:   shapes={"X": "n,d"}
    """
    if not isinstance(value, Mapping):
        raise MatderivError(
            f"{what} is a dictionary with an entry for each name, not {given(value)}", hint=example
        )
    return value


def optional_mapping(value: Any, what: str, example: str) -> Mapping[Any, Any]:
    """A dictionary, empty for None; anything else is refused."""
    return {} if value is None else require_mapping(value, what, example)


VALUES = '{"x": [1, 2], "A": [[1, 2], [3, 4]]}'


def require_values(value: Any) -> Mapping[Any, Any]:
    """Values by name, as they are; anything else is refused."""
    return require_mapping(value, "values", VALUES)


_COMMA = re.compile(r",(?![^\[{]*[\]}])")  # one between names, not between places


def variables_in(wrt: Any) -> tuple[list[Any], bool]:
    """What is asked for, and whether it is a list: a text with commas is one, "W, b".

    Raises MatderivError for a list of nothing.

    >>> variables_in("W, b"), variables_in("W[1,2]"), variables_in(["W"])
    ((['W', 'b'], True), (['W[1,2]'], False), (['W'], True))
    """
    if isinstance(wrt, str) and _COMMA.search(wrt):
        wrt = [name.strip() for name in _COMMA.split(wrt) if name.strip()]
    several = isinstance(wrt, list | tuple)
    found = list(wrt) if several else [wrt]
    if not found:
        raise MatderivError("there is no variable to differentiate by", hint='"x" or ["W", "b"]')
    return found, several
