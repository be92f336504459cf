"""Truth for tests: differences of the typed text, read by `reader`, and forms to compare with.

`assert_right` asks three things of a derivative: matderiv's own check, central differences of f as
`reader` reads it, and that what was printed means the same. Nothing here knows a derivative rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import reader

from matderiv.doors.derive import Derivation, derive
from matderiv.expr import Expr, is_, walk
from matderiv.input.resolve import read
from matderiv.numeric.check import check_question
from matderiv.numeric.question import DirectionQuestion
from matderiv.numeric.report import CheckReport
from matderiv.numeric.sampling import Point, points
from matderiv.shapes import size_value

Array = Any


def check(
    f: Expr,
    wrt: Expr | tuple[Expr, ...],
    claim: Callable[..., Any],
    *,
    order: int = 1,
    variables: tuple[Expr, ...] = (),
    points: int = 8,
    seed: int = 0,
    **about: Any,
) -> CheckReport:
    """The package's numeric check of a claim; `about` has the upstream, tangent or projection."""
    path = wrt if isinstance(wrt, tuple) else (wrt,) * order
    question = DirectionQuestion(f, path, claim, **about)
    return check_question(question, variables, points=points, seed=seed)


def differences(f: Callable[[Array], Array], at: Array, step: float = 1e-5) -> Array:
    """The Jacobian of f by central differences of fourth order: f's axes, then those of `at`."""
    at = np.asarray(at, float)
    columns = []
    for index in np.ndindex(at.shape):
        change = np.zeros_like(at)
        change[index] = step
        near = f(at + change) - f(at - change)
        far = f(at + 2 * change) - f(at - 2 * change)
        columns.append((8 * near - far) / (12 * step))
    return np.moveaxis(np.array(columns), 0, -1).reshape(np.shape(columns[0]) + at.shape)


def numeric(text: str, wrt: str, values: Mapping[str, Array], sizes: Mapping[str, int]) -> Array:
    """The Jacobian of a text by a variable, from its values alone."""

    def f(x: Array) -> Array:
        return reader.value(text, {**values, wrt: x}, sizes)

    return differences(f, values[wrt])


def numeric_hessian(
    text: str, wrt: str, values: Mapping[str, Array], sizes: Mapping[str, int]
) -> Array:
    """The second derivative of a text, from its values alone."""

    def gradient(x: Array) -> Array:
        return differences(lambda z: reader.value(text, {**values, wrt: z}, sizes), x, 1e-3)

    return differences(gradient, values[wrt], 1e-3)


def assert_close(found: Array, truth: Array, message: str, tolerance: float = 1e-6) -> None:
    """Equal up to a tolerance relative to the largest entry, axes of size 1 apart."""
    found, truth = np.squeeze(np.asarray(found, float)), np.squeeze(np.asarray(truth, float))
    if not found.shape and not found:
        found = np.zeros_like(truth)
    assert found.shape == truth.shape, f"{found.shape}, truth {truth.shape}: {message}"
    scale = max(1.0, float(np.max(np.abs(truth), initial=0)))
    worst = float(np.max(np.abs(found - truth), initial=0))
    assert worst <= tolerance * scale, f"off by {worst:.3g}: {message}"


def places(derivation: Derivation, count: int = 2, number: int = 0) -> list[Point]:
    """Points of f with all sizes different."""
    return points(derivation.f, count=count, seed=number)


def assert_right(expr: str, wrt: str, *, form: str = "", **options: Any) -> Derivation:
    """Derive, and compare value and printed text with numbers and, if given, with a form.

    A form says how short the result is expected to be: it must have the same value, and what was
    printed must not need more symbols.
    """
    derivation: Derivation = derive(expr, wrt, **options)
    said = f"{expr} by {wrt}: {derivation}"
    report = derivation.check()
    assert report.verdict == "verified", f"{said}: {report}"
    plain = derivation.kind in ("gradient", "jacobian", "hessian") and derivation.order <= 2
    structured = any("project" in note or "independent" in note for note in derivation.notes)
    for point in places(derivation):
        found = derivation.at(*_with_changes(derivation, point))
        if plain and not structured:
            measure = numeric if derivation.order == 1 else numeric_hessian
            truth = measure(expr, wrt, point.values, point.sizes)
            assert_close(found, truth, said, 1e-6 if derivation.order == 1 else 1e-3)
        if derivation.has_matrix_form and derivation.layout == "gradient":
            written = reader.value(str(derivation), *_with_changes(derivation, point))
            assert_close(written, found, said, 1e-9)
    if form:
        assert_form(derivation, form, said)
    return derivation


def assert_form(derivation: Derivation, form: str, said: str) -> None:
    """The printed result has the value of `form` and at most as many symbols."""
    assert derivation.has_matrix_form, said
    assert derivation.reading is not None
    known = {e.name: e for e in walk(derivation.displayed) if is_(e, "variable")}
    expected = derivation.reading.read_more(
        form, "the form", extra=known, expected=derivation.displayed.shape
    )
    for point in places(derivation, 2, 5):
        values, sizes = _with_changes(derivation, point)
        truth = reader.value(str(derivation), values, sizes)
        wanted = reader.value(form, values, {**sizes, **_plain_sizes(derivation, sizes)})
        assert_close(truth, np.broadcast_to(wanted, np.shape(truth)), f"{said}; form {form}", 1e-9)
    weights = derivation.displayed.weight, expected.weight
    assert weights[0] <= weights[1], f"{said} is longer than {form}: {weights}"


def _with_changes(derivation: Derivation, point: Point) -> tuple[dict[str, Array], dict[str, int]]:
    """The point with values for names that f does not have: an upstream, a change."""
    rng = np.random.default_rng(11)
    values = dict(point.values)
    for node in walk(derivation.displayed):
        if is_(node, "variable") and node.name not in values:
            shape = tuple(size_value(s, dict(point.sizes)) for s in node.shape)
            values[node.name] = rng.standard_normal(shape)
    return values, dict(point.sizes)


def _plain_sizes(derivation: Derivation, sizes: Mapping[str, int]) -> dict[str, int]:
    return {str(s): size_value(s, dict(sizes)) for s in derivation.shape}


def same_expression(found: Derivation, form: str, shapes: Mapping[str, Any] | None = None) -> bool:
    """True when the printed result reads as the same expression as `form`."""
    return read(str(found), shapes=shapes).expr is read(form, shapes=shapes).expr
