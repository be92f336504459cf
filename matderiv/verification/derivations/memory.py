"""What was found out already about a document, which holds whatever else is tried for a problem."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, TypeVar

from matderiv.errors import MatderivError
from matderiv.expr import Expr
from matderiv.input.meaning.subscripts import split_label
from matderiv.verification.verdict import Verdict
from matderiv.work import WorkLimit, remembered

Value = TypeVar("Value")


@dataclass(frozen=True)
class Memory:
    """What was found out already: derivatives that values have confirmed, and verdicts.

    Expressions say what they are of, so that this holds whatever else is tried for a problem.
    `barren` are the functions of which no stationary point was found, `unread` has definitions,
    `outcomes` whole derivations under what was declared, `sources` what passages were read as, or
    why they could not be.
    """

    derivatives: dict[object, Expr] = field(default_factory=dict)
    verdicts: dict[object, Verdict] = field(default_factory=dict)
    barren: list[Expr] = field(default_factory=list)
    unread: dict[object, MatderivError] = field(default_factory=dict)
    outcomes: dict[object, Any] = field(default_factory=dict)
    sources: dict[object, Any] = field(default_factory=dict)

    def read(self, key: object, reading: Callable[[], Value]) -> Value:
        """What was read under a key, which says all that it depends on; the error that it was."""

        def tried() -> Value | MatderivError:
            try:
                return reading()
            except WorkLimit:
                raise
            except MatderivError as error:
                return error

        found = remembered(self.sources, key, tried)
        if isinstance(found, MatderivError):
            raise copy(found)  # what is caught is given a place
        return found


def spelled(text: str, known: Mapping[str, Value]) -> frozenset[tuple[str, Value]]:
    """What is known about names that the letters of a text can spell; Greek ones spell any.

    >>> sorted(spelled(r"\\hat y^\\top x_i", {"X": 1, "y_hat": 2, "w": 3}))
    [('X', 1), ('y_hat', 2)]
    """
    letters = {*text.lower()}
    return frozenset(
        (name, said)
        for name, said in known.items()
        if not text.isascii() or {*split_label(name)[0].lower()} <= letters
    )
