"""Four functions registered while the program runs: one record gives each every capability."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp
from test_code import run as run_code

import matderiv as md
from matderiv.cli import main
from matderiv.expr import REGISTRY, Expr, apply
from matderiv.functions.record import elementwise, primitive, square_rule
from matderiv.numeric.sampling import points
from matderiv.views.reasons import says


class Case(NamedTuple):
    """A question about a new function, and how SymPy asks it."""

    name: str
    f: str
    wrt: str
    latex: str


CASES = (
    Case("bentline", "sum(bentline(X*w))", "w", r"\sum_i \operatorname{bentline}(Xw)_i"),
    Case("fourthpowers", "fourthpowers(X*w)", "w", r"\operatorname{fourthpowers}(Xw)"),
    Case("cubed", "tr(B*cubed(A))", "A", r"\operatorname{tr}(B \operatorname{cubed}(A))"),
    Case("blended", "sum(blended(x,y,t).^2)", "x", r"\|\operatorname{blended}(x, y, t)\|^2"),
)
SHAPES = {"A": "n,n", "B": "n,n", "X": "m,n", "w": "n", "x": "n", "y": "n", "t": "n"}


def power(x: Expr, k: int) -> Expr:
    return x**k if not x.shape else apply("epow", x, k)


def times(a: Expr, b: Expr) -> Expr:
    return apply("hadamard", a, b) if a.shape and b.shape else a * b


def total(x: Expr) -> Expr:
    return apply("sum", x, params=(None,))


@pytest.fixture(autouse=True, scope="module")
def _registered() -> Iterator[None]:
    """The records, as a user writes them, for the time of these tests."""
    before = set(REGISTRY)
    proof = ("It is a sum of powers of `x`.", "Each has the derivative of a power.")
    elementwise(
        "bentline",
        lambda x: (np.sqrt(x**2 + 1) - 1) / 2 + x,
        lambda x, Y: apply("ediv", x, 2 * apply("sqrt", power(x, 2) + 1)) + 1,
        expand=lambda x: (apply("sqrt", power(x, 2) + 1) - 1) / 2 + x,
        **{"says": "A line that bends at 0.", "proof": proof, "example": "bentline(x)"},
    )
    primitive(
        "fourthpowers",
        lambda shapes, params, unify: (),
        lambda Y, k, dX: total(times(4 * power(Y.args[0], 3), dX)),
        lambda x: np.sum(x**4),
        expand=lambda x: total(power(x, 4)),
        **{"says": "The sum of fourth powers.", "proof": proof, "example": "fourthpowers(x)"},
    )
    primitive(
        "cubed",
        square_rule("matrix"),
        lambda Y, k, dX: (
            dX @ Y.args[0] @ Y.args[0] + Y.args[0] @ dX @ Y.args[0] + Y.args[0] @ Y.args[0] @ dX
        ),
        lambda A: A @ A @ A,
        expand=lambda A: A @ A @ A,
        **{"says": "The third power.", "proof": proof, "example": "cubed(A)"},
    )
    elementwise(
        "blended",
        lambda a, b, t: a * t + b * (1 - t),
        lambda a, b, t, Y: t,
        lambda a, b, t, Y: 1 - t,
        lambda a, b, t, Y: a - b,
        expand=lambda a, b, t: times(a, t) + times(b, 1 - t),
        **{"says": "A mixture of two.", "proof": proof, "example": "blended(x,y,t)"},
    )
    yield
    for name in set(REGISTRY) - before:
        del REGISTRY[name]


def shapes(case: Case) -> dict[str, str]:
    return {name: s for name, s in SHAPES.items() if name in case.f.replace(case.name, "")}


def derived(case: Case, **how: Any) -> md.Derivation:
    return md.derive(case.f, case.wrt, shapes=shapes(case), **how)


each = pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])


@each
@pytest.mark.parametrize("order", [1, 2, 3])
def test_it_is_derived_and_checked(case: Case, order: int) -> None:
    assert derived(case, order=order).check(points=2).verdict == "verified"


@each
def test_answers_are_proved_and_mistakes_named(case: Case) -> None:
    right = str(derived(case))
    assert md.verify(case.f, case.wrt, right, shapes=shapes(case)).verdict == "proved"
    wrong = md.verify(case.f, case.wrt, f"3*({right})", shapes=shapes(case))
    assert (wrong.verdict, wrong.diagnosis) == ("disproved", "factor")


@each
def test_the_steps_give_its_proof_and_the_graph_has_its_node(case: Case) -> None:
    told = derived(case).text("chain", detail="full")
    assert "powers of" in told
    assert case.name in told
    assert case.name in md.graph(case.f, shapes=shapes(case)).svg()


@each
def test_it_is_read_and_written_in_latex_and_python(case: Case) -> None:
    read = md.derive(case.latex, case.wrt, shapes=shapes(case))
    assert str(read) == str(derived(case))
    answer = derived(case).latex()
    assert md.verify(case.f, case.wrt, answer, shapes=shapes(case)).verdict == "proved"
    python = case.f.replace(".^", "**").replace("X*w", "X @ w").replace("B*", "B @ ")
    python = python.replace("sum(", "np.sum(").replace("tr(", "np.trace(")
    assert str(md.derive(python, case.wrt, shapes=shapes(case))) == str(derived(case))


@each
@pytest.mark.parametrize("target", ["numpy", "torch", "jax"])
def test_its_code_gives_its_derivative(case: Case, target: str) -> None:
    d = derived(case)
    for point in points(d.f, count=2, seed=4):
        values = {**point.sizes, **point.values}
        _, found = run_code(d.code(target), "value_and_gradient", values, target)
        assert np.allclose(np.asarray(found, float), d.evaluate(point.values), rtol=1e-9)


@each
def test_other_languages_have_code_for_it(case: Case) -> None:
    assert all(case.wrt in derived(case).code(target) for target in ("julia", "matlab"))


@each
def test_sympy_objects_go_in_and_come_out(case: Case) -> None:
    n = sp.Symbol("n", integer=True, positive=True)
    size = {"A": (n, n)}.get(case.wrt, (n, 1))
    symbols = {"cubed": ["A"], "blended": ["x", "y", "t"]}.get(case.name, ["w"])
    given = [sp.MatrixSymbol(name, *size) for name in symbols]
    whole = getattr(md.fn, case.name)(*given)
    f = {"cubed": md.fn.tr, "fourthpowers": lambda e: e}.get(case.name, md.fn.sum)(whole)
    d = md.derive(f, given[0])
    assert d.check(points=2).verdict == "verified"
    assert d.result.shape == size


@each
def test_it_is_explained(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", case.name]) == 0
    told = capsys.readouterr().out
    assert says(REGISTRY[case.name]).rstrip(".") in told
    assert "powers of" in told
