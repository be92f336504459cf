"""Sabotage: with one mistake planted in a rule or a rewrite, no wrong derivative is shown.

The mistake is in the engine while `derive` runs; what judges what was shown is not: stored truth of
the problems (automatic differentiation), or the result without the mistake for the rules. The same
run without a mistake shows every result.
"""

from __future__ import annotations

import inspect
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import is_dataclass, replace
from fractions import Fraction
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from problems import Problem, problems
from record_questions import DIFFERENTIABLE, records
from test_planted_mistakes import negated, scaled, transposed

import matderiv
from matderiv import Derivation, MatderivError, derive
from matderiv.choosing.parts import name_parts
from matderiv.errors import LimitError
from matderiv.expr import Expr, apply
from matderiv.functions.record import Function
from matderiv.input.resolve import read
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.sampling import points

LIMIT = 20.0  # seconds for one result: a planted mistake may keep a search from ending
Plant = Callable[[Any], Any]


class EndlessError(Exception):
    """The result does not come, so it is not shown."""


@contextmanager
def limited() -> Iterator[None]:
    def ended(*_: Any) -> None:
        raise EndlessError

    before = signal.signal(signal.SIGALRM, ended)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# Rules -------------------------------------------------------------------------------------------


def half_more(e: Expr) -> Expr:
    return Fraction(3, 2) * e


def nothing(e: Expr) -> Expr:
    return 0 * e


def weighted(record: Function, mistake: Plant) -> Function:
    """A copy whose rule is wrong by a factor.

    In an index pattern the factor carries an index, because others take no part in it.
    """
    record = replace(record, **{name: spoilt(getattr(record, name), mistake) for name in NAMED})
    axes = record.axes
    if record.kind != "structural" or axes is None:
        return scaled(record, mistake) if record.kind in KINDS else record

    def wrong(node: Expr, out: Any, fresh: Any) -> Any:
        slots, extra = axes(node, out, fresh)
        places = [i for s in (*slots, *(s for _, s in extra)) for i in s if i is not None]
        if not places:
            return slots, extra
        weight = mistake(apply("ones", params=(places[0].size,)))
        return slots, [*extra, (weight, (places[0],))]

    return replace(record, axes=wrong)


def spoilt(rule: Any, mistake: Plant) -> Any:
    """A rule that names what it gives, wrong where it gives something."""

    def wrong(*args: Any) -> Any:
        value = rule(*args)
        return None if value is None else mistake(value)

    return None if rule is None else wrong


def turned(record: Function) -> Function:
    """A copy that forgets, or adds, a transpose."""
    record = replace(record, **{n: spoilt(getattr(record, n), lambda e: e.T) for n in NAMED})
    return transposed(record) if record.kind in KINDS else record


NAMED = ("slope", "along", "adjoint")
KINDS = ("elementwise", "primitive", "structural")
MISTAKES: dict[str, Callable[[Function], Function]] = {
    "times 1.5": lambda r: weighted(r, half_more),
    "sign": lambda r: weighted(r, negated),
    "zero": lambda r: weighted(r, nothing),
    "transposed": turned,
}
RULES = ("axes", "partials", "differential", *NAMED)


@contextmanager
def planted(record: Function, wrong: Function) -> Iterator[None]:
    """The record with wrong rules, in place, because nodes know their record."""
    before = {name: getattr(record, name) for name in RULES}
    for name in RULES:
        object.__setattr__(record, name, getattr(wrong, name))
    try:
        yield
    finally:
        for name, value in before.items():
            object.__setattr__(record, name, value)


SHAPES = {"div": {"t": ""}, "permute": {"T": "b,m,n"}, "einsum": {"S": "b,m,n", "T": "b,n,k"}}
CONSTANT = {"vector", "matrix"}  # of a number: nothing depends on a variable
OF_LENGTH_ONE = {"eigvecsh", "eigvecs", "eigvec_max", "eigvec_min", "svd_u", "svd_v", "svec_left"}
OF_LENGTH_ONE |= {"svec_right", "qr_q"}  # their squares add up to a constant
SPREAD = {"add"}  # a sum hands on what it gets, by no rule
SWITCHES = {("where", "c")}  # no argument to differentiate by
SWITCHES |= {(f"d{name}", "A") for name in ("expm", "sinm", "cosm", "logm", "sqrtm", "power")}


def question(record: Function, order: int) -> tuple[str, list[str]]:
    """A scalar in which the function has a derivative of this order, and its variables."""
    found = read(record.example, shapes=SHAPES.get(record.name))
    power = max(order, 3 if record.name in OF_LENGTH_ONE else 2)
    whole = f"({record.example})"
    text = f"sum({whole}.^{power})" if found.expr.shape else f"{whole}^{power}"
    return text, [name for name in found.variables if (record.name, name) not in SWITCHES]


def shown(f: str, by: str, order: int, shapes: dict[str, str] | None) -> Derivation | None:
    """What a person would see; None where nothing is shown."""
    with limited():
        try:
            found: Derivation = derive(f, by, order=order, shapes=shapes)
            return found if found.formula else None
        except (MatderivError, EndlessError):
            return None
        except (ValueError, KeyError, IndexError, AssertionError, RecursionError, TypeError):
            return None  # a crash of the sabotaged engine shows nothing


def alike(a: Derivation, b: Derivation) -> bool:
    """True if two derivations of one expression have the same values."""
    if a.expr is b.expr:
        return True
    compared = 0
    for point in points(a.f, [a.wrt], count=6, seed=5):
        with suppress(LimitError):  # an array of order 4 at the larger sizes
            compared += 1
            if not _same(a.at(point.values, point.sizes), b.at(point.values, point.sizes)):
                return False
    assert compared
    return True


def survivors(record: Function, mistakes: dict[str, Any], orders: Sequence[int]) -> Counter[str]:
    """How the planted mistakes of one record end; what is shown and wrong is named."""
    told: Counter[str] = Counter()
    for order in orders:
        text, names = question(record, order)
        for by in names:
            right = shown(text, by, order, SHAPES.get(record.name))
            if right is None:
                told[f"refused: {text} by {by}, order {order}"] += 1
                continue
            told["shown without a mistake"] += 1
            for name, mistake in mistakes.items():
                with planted(record, mistake(record)):
                    found = shown(text, by, order, SHAPES.get(record.name))
                if found is None:
                    told["stopped"] += 1
                elif alike(found, right):
                    told["does not show"] += 1
                elif found.doubt:
                    told["shown in doubt"] += 1
                else:
                    told[f"SHOWN: {record.name} {name}, {text} by {by}, order {order}"] += 1
    return told


NOBODYS = {
    "abstract",
    "abstract_map",
    "abstract_curve",
}  # functions that nobody defines have no other rule
RECORDS = [r for r in records(*DIFFERENTIABLE) if r.name not in CONSTANT | SPREAD | NOBODYS]


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.name)
def test_a_mistake_in_a_rule_is_never_shown(record: Function) -> None:
    chosen = {name: MISTAKES[name] for name in ("times 1.5", "transposed")}
    told = survivors(record, chosen, orders=[1])
    assert not [t for t in told if t.startswith(("SHOWN", "refused:"))], told


@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("relu", "sum(relu(x).^4)"),
        ("maximum", "sum(max(x, y).^4)"),
        ("mvnpdf", "mvnpdf(x, m, S)^4"),  # smaller than what its exponent rounds to
    ],
)
def test_a_zero_is_compared_where_the_derivative_is_none(name: str, f: str) -> None:
    record = next(r for r in RECORDS if r.name == name)
    with planted(record, MISTAKES["zero"](record)):
        assert shown(f, "x", 4, None) is None


@pytest.mark.sweep
@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.name)
def test_no_mistake_in_a_rule_is_shown_at_any_order(record: Function) -> None:
    told = survivors(record, MISTAKES, orders=[1, 2, 3, 4])
    print(record.name, dict(told))
    assert not [t for t in told if t.startswith("SHOWN")], told


# Rewrites ----------------------------------------------------------------------------------------

ENGINE = Path(matderiv.__file__).parent
CHECKERS = {"numeric_projection", "_numbers", "tied", "_tied", "_attained"}  # they judge or choose
ENOUGH = 12  # results in which a rewrite fires, for each rewrite


def spoiled(value: Any) -> Any:
    """The value of a rewrite with one factor 3/2 too much; the value itself where none fits."""
    more = Fraction(3, 2)
    if isinstance(value, Expr):
        return more * value
    named = is_dataclass(value) or hasattr(value, "_replace")
    if named and hasattr(value, "coefficient"):  # a term
        return _with(value, coefficient=value.coefficient * more)
    if named and hasattr(value, "terms"):  # a tensor
        return _with(value, terms=spoiled(value.terms))
    if isinstance(value, list | tuple) and value and isinstance(value[0], Fraction):  # an item
        return (value[0] * more, *value[1:])
    if isinstance(value, list | tuple) and value and type(value) in (list, tuple):
        last = spoiled(value[-1])
        return type(value)([*value[:-1], last])
    if isinstance(value, dict) and value:
        key, first = next(iter(value.items()))
        if isinstance(first, int | Fraction) and not isinstance(first, bool):
            return {**value, key: first + 1}  # an exponent
        return {**value, key: spoiled(first)}
    return value


def _with(value: Any, **fields: Any) -> Any:
    """A dataclass or a named tuple with other fields."""
    return value._replace(**fields) if hasattr(value, "_replace") else replace(value, **fields)


def rewrites() -> list[tuple[str, Any]]:
    """Every function of the rooms of formulas that gives a formula, or parts of one."""
    found = []
    rooms = ("words", "reducing", "choosing", "calculus")
    for path in sorted(p for room in rooms for p in (ENGINE / room).glob("*.py")):
        module = import_module(f"matderiv.{path.parent.name}.{path.stem}")
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__ == module.__name__:
                gives = str(function.__annotations__.get("return"))
                if any(w in gives for w in FORMULAS) and name not in CHECKERS:
                    found.append((f"{path.parent.name}.{path.stem}.{name}", function))
    return found


FORMULAS = ("Expr", "Term", "Tensor", "Mono", "Item", "Raised")


@contextmanager
def rewired(function: Any, plant: Plant) -> Iterator[list[int]]:
    """Everywhere in the package, the function with its value spoiled; how often that was."""
    fired: list[int] = []

    def wrong(*args: Any, **kwargs: Any) -> Any:
        value = function(*args, **kwargs)
        spoilt = plant(value)
        if spoilt is not value:
            fired.append(1)
        return spoilt

    places = [
        (module, name)
        for key, module in list(sys.modules.items())
        if key.startswith("matderiv.") and module is not None
        for name, value in list(vars(module).items())
        if value is function
    ]
    for module, name in places:
        setattr(module, name, wrong)
    try:
        yield fired
    finally:
        for module, name in places:
            setattr(module, name, function)


def judged(problem: Problem) -> str:
    """right, WRONG or not shown, for one problem as the engine is at the moment."""
    with limited():
        try:
            d = problem.derivation()
            numbers = [d.evaluate(p.values) for p in problem.points]
            printed = d.formula if d.has_matrix_form else None
        except (MatderivError, EndlessError, AssertionError, RecursionError):
            return "not shown"
        except (ValueError, KeyError, IndexError, TypeError, ZeroDivisionError, OverflowError):
            return "not shown"  # a crash of the sabotaged engine shows nothing
    if d.doubt:
        return "in doubt"
    for point, found in zip(problem.points, numbers, strict=True):
        if not _same(found, point.truth):
            return "WRONG"
        if printed is not None and not _same(_value(problem, printed, point), point.truth):
            return "WRONG in print"
    return "right"


def _same(found: Any, truth: Any) -> bool:
    found, truth = np.squeeze(np.asarray(found, float)), np.squeeze(truth)
    if found.shape != truth.shape:
        return False
    return bool(
        np.allclose(found, truth, rtol=1e-6, atol=1e-8 * max(1.0, np.abs(truth).max(initial=0.0)))
    )


def _value(problem: Problem, printed: str, point: Any) -> Any:
    e = read(printed, shapes=problem.shapes, assume=problem.assume).expr
    return evaluate(e, {k: v for k, v in point.values.items()}, point.sizes)


@cache
def firing() -> dict[str, list[Problem]]:
    """The problems in which a mistake in each rewrite would change something."""
    fires: dict[str, list[Problem]] = {name: [] for name, _ in rewrites()}
    now: set[str] = set()

    def seen(name: str) -> Plant:
        def plant(value: Any) -> Any:
            now.update({name} if spoiled(value) is not value else ())
            return value

        return plant

    with ExitStack() as stack:
        for name, function in rewrites():
            stack.enter_context(rewired(function, seen(name)))
        for problem in problems():
            now.clear()
            judged(problem)
            for name in now:
                fires[name].append(problem)
    return fires


def endings(name: str, function: Any, most: int) -> Counter[str]:
    """How problems end with a mistake in a rewrite; those that show it are named."""
    told: Counter[str] = Counter()
    fired = firing()[name]
    for problem in fired[:: max(1, len(fired) // most)][:most]:
        with rewired(function, spoiled):
            state = judged(problem)
        told[state] += 1
        if state.startswith("WRONG"):
            told[f"{state}: {problem.id}"] += 1
    return told


@pytest.mark.sweep
@pytest.mark.parametrize(("name", "function"), rewrites(), ids=[n for n, _ in rewrites()])
def test_no_mistake_in_a_rewrite_is_shown(name: str, function: Any) -> None:
    told = endings(name, function, ENOUGH)
    print(name, dict(told))
    assert not [t for t in told if t.startswith("WRONG")], told


def test_a_part_that_is_named_and_wrong_is_not_shown() -> None:
    problem = next(p for p in problems() if " where " in p.derivation().formula)
    with rewired(name_parts, spoiled):
        assert judged(problem) == "not shown"


def test_without_sabotage_every_problem_is_shown() -> None:
    assert Counter(judged(p) for p in problems()) == {"right": len(problems())}
