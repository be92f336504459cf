"""Hostile inputs break nothing, at every public door; the harness sees planted faults."""

from __future__ import annotations

import pkgutil
import re
import time
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from typing import Any

import hostile
import pytest
from hostile_doors import DOORS, Trial

import matderiv as md

FEW, MANY = 40, 20_000


@pytest.mark.parametrize("door", DOORS)
def test_hostile_inputs_are_answered_or_refused(door: str) -> None:
    found = hostile.sweep(1, FEW, door=door)
    assert not found, "\n".join(map(str, found))


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(1, 26))
def test_very_many_hostile_inputs_are_answered_or_refused(seed: int) -> None:
    """Half a million of them."""
    found = hostile.sweep(seed, MANY)
    assert not found, "\n".join(map(str, found))


def failing(monkeypatch: pytest.MonkeyPatch, ask: Any) -> str:
    """What the harness says about a door with a fault."""
    door = (1, lambda r: Trial("planted", ask))
    monkeypatch.setitem(DOORS, "planted", door)
    found = hostile.failure(1, 1, "planted")
    return found.what if found else ""


def told(kind: str, text: str) -> Any:
    return lambda: iter([(kind, text)])


def test_the_harness_sees_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[tuple[str, str]]:
        yield "text", "x"
        raise ZeroDivisionError("planted")

    def refused() -> Iterator[tuple[str, str]]:
        yield "text", "x"
        raise md.ParseError("no")

    assert "ZeroDivisionError: planted" in failing(monkeypatch, broken)
    assert failing(monkeypatch, refused) == ""


def test_the_harness_sees_what_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow() -> Iterator[tuple[str, str]]:
        while True:
            time.process_time()
        yield "text", "x"

    monkeypatch.setattr(hostile, "SECONDS", 0.2)
    assert "more than 0." in failing(monkeypatch, slow)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("text", "x\x1b[2J"),
        ("text", "\u202ex"),
        ("tex", r"\write18{id}"),
        ("tex", r"\input{x}"),
        ("tex", r"\frac{1}{2"),
        ("tex", "50% of x"),
        ("tex", "^^5cwrite"),
        ("html", "<p><script>alert(1)</script></p>"),
        ("html", "<p onclick='x'>a</p>"),
        ("html", '<img src="http://x">'),
        ("xml", "<svg><text>a < b</text></svg>"),
        ("code", "def f(:"),
    ],
)
def test_the_harness_sees_what_gets_out(
    kind: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert failing(monkeypatch, told(kind, text))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("text", "∂f/∂x = 2*x\n\t‖x‖"),
        ("tex", r"\frac{\partial f}{\partial x} = 2\mathbf{x}"),
        ("html", "<p>2 &lt; 3 <math><mi>x</mi></math></p>"),
        ("code", "def f(x):\n    return 2 * x\n"),
    ],
)
def test_the_harness_lets_through_what_is_right(
    kind: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert failing(monkeypatch, told(kind, text)) == ""


def _patterns() -> dict[re.Pattern[str], str]:
    """Every compiled pattern of the package, with the module that has it."""
    found: dict[re.Pattern[str], str] = {}
    for module in pkgutil.walk_packages(md.__path__, "matderiv."):
        if not module.name.endswith(("__main__", "conftest")):
            for value in vars(import_module(module.name)).values():
                for part in value if isinstance(value, list | tuple) else [value]:
                    if isinstance(part, re.Pattern):
                        found.setdefault(part, module.name)
    return found


_REPEATED = ["A, ", "A,", "x_", "a ", "  ", "{a}", r"\, ", r"\,", "1, ", "a b", r"\alpha, ", "the "]
_REPEATED += [
    "x_{1}, ",
    "^{a}",
    "1 ",
    "a. ",
    "- ",
    "* ",
    "$a$",
    r"\text{a}",
    r"\mathbf{x}, ",
    "a = b, ",
]
_HEADS = ["", "a", "df/dx", "let ", r"\frac{\partial f}{\partial ", "einsum(", "MSE(", "x = ", " "]


def test_no_pattern_looks_for_ever() -> None:
    """Ambiguous repetitions would take 2^25 steps here, for which a minute is not enough."""
    patterns = _patterns()
    assert len(patterns) > 100
    for pattern, where in patterns.items():
        for head, unit in product(_HEADS, _REPEATED):
            try:
                with hostile.bounded(60):
                    pattern.search(head + unit * 25 + "!")
            except hostile.Slow:
                pytest.fail(f"{where}: {pattern.pattern[:80]} on {unit!r}")
