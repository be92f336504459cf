"""The names that examples in docstrings use, so that each of them shows only what it is about."""

from typing import Any

import pytest

from matderiv import derive
from matderiv.choosing.items import Item, item_of
from matderiv.choosing.sums import new_search, raise_tensor
from matderiv.errors import ParseError
from matderiv.expr import REGISTRY, apply, number, ones, variable, variables
from matderiv.input.resolve import read
from matderiv.language.printer import text
from matderiv.lazy import np
from matderiv.numeric.evaluate import evaluate
from matderiv.shapes import Dim
from matderiv.tensors.lower import open_product
from matderiv.tensors.tensor import Index, Tensor, Term, delta
from matderiv.verification.claims import ask, read_answer


def short(typed: str, **shapes: str) -> str:
    """A typed sum, its terms opened and brought back to matrix notation."""
    e = read(typed, shapes=shapes).expr
    axes = tuple(Index(s) for s in e.shape)
    terms = tuple(open_product(a, axes) for a in e.args)
    return text(raise_tensor(Tensor(axes, terms), broadcast=False))


def items(typed: str) -> list[Item]:
    """The terms of a typed sum."""
    return [item_of(a) for a in read(typed).expr.args]


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
    "short": short,
    "items": items,
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
