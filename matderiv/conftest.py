"""The names that examples in docstrings use, so that each of them shows only what it is about."""

from typing import Any

import pytest

from matderiv import derive
from matderiv.choosing.sums import new_search
from matderiv.errors import ParseError
from matderiv.expr import REGISTRY, apply, number, ones, variable, variables
from matderiv.input.resolve import read
from matderiv.language.printer import text
from matderiv.lazy import np
from matderiv.numeric.evaluate import evaluate
from matderiv.shapes import Dim
from matderiv.tensors.tensor import Index, Term, delta
from matderiv.verification.claims import ask, read_answer

NAMES: dict[str, Any] = {
    "np": np,
    "derive": derive,
    "new_search": new_search,
    "ParseError": ParseError,
    "REGISTRY": REGISTRY,
    "apply": apply,
    "number": number,
    "ones": ones,
    "variable": variable,
    "variables": variables,
    "read": read,
    "text": text,
    "evaluate": evaluate,
    "Dim": Dim,
    "Index": Index,
    "Term": Term,
    "delta": delta,
    "ask": ask,
    "read_answer": read_answer,
}


@pytest.fixture(autouse=True)
def _names_of_examples(request: pytest.FixtureRequest) -> None:
    """What a module itself calls by such a name goes first."""
    if isinstance(request.node, pytest.DoctestItem):
        for name, value in NAMES.items():
            request.node.dtest.globs.setdefault(name, value)
