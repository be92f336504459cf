"""Structured variables: derivatives inside the structure, against differences inside it.

For a variable in a linear space (symmetric, skew, diagonal, lower, upper) the projected gradient P
lies in the space and has <P, V> = d/dt f(X + tV) for every V in it; the independent one holds the
derivatives by the free entries. For an orthogonal variable V is a tangent X·skew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reader
from truth import assert_close, differences

from matderiv.doors.derive import Derivation, derive
from matderiv.errors import MatderivError

SIZE = 4
FUNCTIONS = [
    "tr(A*X)",
    "tr(A*X*B*X)",
    "sum(exp(A.*X))",
    "x'*X*y",
    "norm2(A*X - B)^2",
    "tr(A*X'*B*X)",
    "sum(sigmoid(X*x))",
]
INVERTED = ["logdet(X)", "tr(A*inv(X))", "x'*inv(X)*y", "det(X)"]
SPACES = ("symmetric", "skew", "diagonal", "lower", "upper")
SHAPES = {"A": "n,n", "B": "n,n", "X": "n,n", "x": "n", "y": "n"}


def inside(space: str, matrix: Any) -> Any:
    """A matrix of the space made of a general one."""
    if space in ("symmetric", "posdef"):
        return (matrix + matrix.T) / 2
    if space == "skew":
        return (matrix - matrix.T) / 2
    if space == "diagonal":
        return np.diag(np.diag(matrix))
    return np.tril(matrix) if space == "lower" else np.triu(matrix)


def free_entries(space: str) -> list[tuple[int, int]]:
    """The entries that determine a matrix of the space."""
    return [
        (i, j)
        for i in range(SIZE)
        for j in range(SIZE)
        if (i == j and space != "skew")
        or (space in ("symmetric", "skew", "posdef", "upper") and i < j)
        or (space == "lower" and i > j)
    ]


def with_entry(space: str, i: int, j: int) -> Any:
    """How a matrix of the space changes with its free entry (i, j)."""
    change = np.zeros((SIZE, SIZE))
    change[i, j] = 1
    if i != j and space in ("symmetric", "posdef"):
        change[j, i] = 1
    if space == "skew":
        change[j, i] = -1
    return change


def values(space: str, invertible: bool) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    drawn = {n: rng.standard_normal((SIZE, SIZE)) for n in "AB"}
    X = inside(space, rng.standard_normal((SIZE, SIZE)))
    if invertible or space == "posdef":
        X = X if space == "skew" else X + 4 * np.eye(SIZE)
    return {**drawn, "X": X, "x": rng.standard_normal(SIZE), "y": rng.standard_normal(SIZE)}


def slope(expr: str, at: dict[str, Any], change: Any) -> float:
    """d/dt f(X + t change) at t = 0."""

    def f(t: Any) -> Any:
        return reader.value(expr, {**at, "X": at["X"] + t * change}, {"n": SIZE})

    return float(differences(f, np.array(0.0)))


def derived(expr: str, space: str, structure: str) -> Derivation:
    found: Derivation = derive(expr, "X", shapes=SHAPES, assume={"X": space}, structure=structure)
    report = found.check(points=4)
    assert report.verdict in ("verified", "undecided"), f"{found}: {report}"
    return found


QUESTIONS = [(e, s) for s in SPACES for e in FUNCTIONS]
QUESTIONS += [(e, s) for s in ("symmetric", "posdef", "lower", "diagonal") for e in INVERTED]


@pytest.mark.parametrize(("expr", "space"), QUESTIONS)
def test_the_projected_gradient_is_in_the_space_and_gives_its_slopes(expr: str, space: str) -> None:
    found = derived(expr, space, "projected")
    at = values(space, expr in INVERTED)
    gradient = found.evaluate(at)
    assert_close(gradient, inside(space, gradient), f"{expr}: {found}", 1e-12)
    for i, j in free_entries(space):
        change = with_entry(space, i, j)
        assert_close(np.sum(gradient * change), slope(expr, at, change), f"{expr}: {found}")
    assert found.notes
    assert any(("posdef" not in space and space in n) or "symmetric" in n for n in found.notes)


@pytest.mark.parametrize(("expr", "space"), QUESTIONS)
def test_the_independent_derivative_is_by_the_free_entries(expr: str, space: str) -> None:
    found = derived(expr, space, "independent")
    at = values(space, expr in INVERTED)
    gradient = found.evaluate(at)
    for i, j in free_entries(space):
        truth = slope(expr, at, with_entry(space, i, j))
        assert_close(gradient[i, j], truth, f"{expr} by entry {i},{j}: {found}")


@pytest.mark.parametrize(("expr", "space"), QUESTIONS)
def test_without_structure_it_is_the_derivative_by_every_entry(expr: str, space: str) -> None:
    found = derived(expr, space, "none")
    at = values(space, expr in INVERTED)
    gradient = found.evaluate(at)
    truth = differences(lambda X: reader.value(expr, {**at, "X": X}, {"n": SIZE}), at["X"])
    assert_close(gradient, truth, f"{expr}: {found}")


@pytest.mark.parametrize(("expr", "space"), QUESTIONS)
@pytest.mark.parametrize("structure", ["projected", "independent", "none"])
def test_what_is_printed_is_what_is_computed(expr: str, space: str, structure: str) -> None:
    found = derived(expr, space, structure)
    at = values(space, expr in INVERTED)
    printed = reader.value(str(found), at, {"n": SIZE})
    assert_close(printed, found.evaluate(at), f"{expr}: {found}", 1e-9)


FORMS = [
    ("x'*X*x", "symmetric", "projected", "x*x'"),
    ("tr(X^2)", "symmetric", "projected", "2*X"),
    ("logdet(X)", "posdef", "projected", "inv(X)"),
    ("logdet(X)", "posdef", "independent", "2*inv(X) - inv(X).*eye(n)"),
    ("tr(A*X)", "symmetric", "projected", "(A + A')/2"),
    ("tr(A*X)", "skew", "projected", "(A' - A)/2"),
    ("tr(A*X)", "diagonal", "projected", "A'.*eye(n)"),
    ("tr(A*X)", "lower", "projected", "tril(A')"),
    ("tr(A*X)", "upper", "projected", "triu(A')"),
]


@pytest.mark.parametrize(("expr", "space", "structure", "form"), FORMS)
def test_forms_of_structured_gradients(expr: str, space: str, structure: str, form: str) -> None:
    found = derived(expr, space, structure)
    assert found.reading is not None
    wanted = found.reading.read_more(form, "the form", expected=found.shape)
    at = values(space, invertible=True)
    truth = reader.value(form, at, {"n": SIZE})
    assert_close(found.evaluate(at), truth, f"{found} for {form}", 1e-9)
    assert found.displayed.weight <= wanted.weight, f"{found} is longer than {form}"


def test_hessians_are_projected_on_every_pair_of_axes() -> None:
    expr = "tr(A*X*B*X)"
    for space in SPACES:
        found = derive(expr, "X", shapes=SHAPES, assume={"X": space}, order=2)
        at = values(space, invertible=False)
        hessian = found.evaluate(at)
        rng = np.random.default_rng(9)
        U, V = (inside(space, rng.standard_normal((SIZE, SIZE))) for _ in range(2))

        def second(s: Any, U: Any = U, V: Any = V, at: Any = at) -> float:
            return slope(expr, {**at, "X": at["X"] + s * U}, V)

        truth = float(differences(second, np.array(0.0), 1e-2))
        assert_close(np.einsum("ijkl,ij,kl->", hessian, U, V), truth, space, 1e-5)
        moved = np.moveaxis(hessian, (0, 1), (2, 3))
        for value in (hessian, moved):
            kept = np.array([[inside(space, m) for m in row] for row in value])
            assert_close(value, kept, f"{space}: not in the space", 1e-12)


def test_facts_about_other_variables_only_shorten_the_result() -> None:
    shapes = {"A": "n,n", "x": "n"}
    plain = derive("x'*A*x", "x", shapes=shapes)
    short = derive("x'*A*x", "x", shapes=shapes, assume={"A": "symmetric"})
    assert str(short) == "2*A*x"
    assert any("A is symmetric" in fact for fact in short.facts_used)
    A = np.random.default_rng(1).standard_normal((3, 3))
    at = {"A": A + A.T, "x": np.arange(3.0)}
    assert_close(plain.evaluate(at), short.evaluate(at), "symmetric A", 1e-12)
    skew = derive("x'*A*x + sum(x)", "x", shapes=shapes, assume={"A": "skew"})
    at = {"A": A - A.T, "x": np.arange(3.0)}
    assert_close(skew.evaluate(at), np.ones(3), str(skew), 1e-12)


def test_an_orthogonal_variable_keeps_the_unconstrained_gradient() -> None:
    found = derive("tr(A*Q*B*Q')", "Q", shapes={"A": "n,n", "B": "n,n"}, assume={"Q": "orthogonal"})
    rng = np.random.default_rng(2)
    A, B, S = (rng.standard_normal((SIZE, SIZE)) for _ in range(3))
    Q = np.linalg.qr(rng.standard_normal((SIZE, SIZE)))[0]
    at = {"A": A, "B": B, "Q": Q}
    tangent = Q @ (S - S.T)
    f = "tr(A*Q*B*Q')"
    truth = differences(
        lambda t: reader.value(f, {**at, "Q": Q + t * tangent}, {"n": SIZE}), np.array(0.0)
    )
    assert_close(np.sum(found.evaluate(at) * tangent), truth, str(found))
    assert any("orthogonal" in note for note in found.notes)


def test_an_unknown_structure_or_fact_is_refused() -> None:
    with pytest.raises(MatderivError):
        derive("tr(X)", "X", structure="symmetrical")
    with pytest.raises(MatderivError):
        derive("tr(X)", "X", assume={"X": "posdeff"})
