"""Stationary points in closed form and curvature: truth from NumPy and from values of f."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from matderiv import curvature, divergence, implicit, laplacian, solve, taylor, verify_steps
from matderiv.cli import main
from matderiv.errors import MatderivError, NoClosedForm
from matderiv.expr import apply, substitute, variables
from matderiv.input.resolve import read
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.sampling import points

RNG = np.random.default_rng(5)
X, Y, y, A = (RNG.normal(size=s) for s in ((6, 3), (6, 2), 6, (6, 3)))
ROOT = RNG.normal(size=(6, 6))
V, b, w = ROOT @ ROOT.T + np.eye(6), np.abs(RNG.normal(size=6)) + 0.2, RNG.normal(size=3)
PENALTY = 0.7
VALUES = {"X": X, "Y": Y, "y": y, "A": A, "V": V, "b": b, "w": w, "l": PENALTY}
SHAPES = {
    "X": "N,d", "Y": "N,C", "y": "N", "A": "N,d", "V": "N,N", "b": "N", "w": "d", "l": "",
    "W": "d,C", "mu": "d", "S": "d,d", "c": "", "B": "d,C", "x": "d",
}  # fmt: skip


def lstsq(matrix: Any, right: Any) -> Any:
    return np.linalg.lstsq(matrix, right, rcond=None)[0]


def ridge(matrix: Any, right: Any, weight: float) -> Any:
    """Least squares with more rows: sqrt(l) times the identity below, zeros on the right."""
    below = np.sqrt(weight) * np.eye(matrix.shape[1])
    zeros = np.zeros((matrix.shape[1], *right.shape[1:]))
    return lstsq(np.vstack([matrix, below]), np.concatenate([right, zeros]))


CHOLESKY = np.linalg.cholesky(V)
SOLVED: list[tuple[str, str, dict[str, str], Callable[[], Any], str]] = [
    ("norm2(X*w - y)^2", "w", {}, lambda: lstsq(X, y), "minimum"),
    ("mean((X*w - y).^2)", "w", {}, lambda: lstsq(X, y), "minimum"),
    ("-0.5*norm2(y - X*w)^2", "w", {}, lambda: lstsq(X, y), "maximum"),
    ("norm2(X*w - y)^2 + l*norm2(w)^2", "w", {}, lambda: ridge(X, y, PENALTY), "stationary"),
    ("norm2(X*w - y)^2/2 + l*norm2(w)^2/2", "w", {"l": "positive"},
     lambda: ridge(X, y, PENALTY), "minimum"),
    ("norm2(X*w - y)^2 + l*norm2(w - x)^2", "w", {"l": "positive"},
     lambda: ridge(X, y - X @ VALUES["x"], PENALTY) + VALUES["x"], "minimum"),
    ("sum(b.*(X*w - y).^2)", "w", {"b": "positive"},
     lambda: lstsq(np.sqrt(b)[:, None] * X, np.sqrt(b) * y), "minimum"),
    ("(y - X*w)'*V*(y - X*w)", "w", {"V": "posdef"},
     lambda: lstsq(CHOLESKY.T @ X, CHOLESKY.T @ y), "minimum"),
    ("(y - X*w)'*inv(V)*(y - X*w)", "w", {"V": "posdef"},
     lambda: lstsq(np.linalg.solve(CHOLESKY, X), np.linalg.solve(CHOLESKY, y)), "minimum"),
    ("norm2(X*W - Y)^2", "W", {}, lambda: lstsq(X, Y), "minimum"),
    ("norm2(W'*X' - Y')^2", "W", {}, lambda: lstsq(X, Y), "minimum"),
    ("tr((Y - X*W)'*(Y - X*W)) + l*tr(W'*W)", "W", {"l": "positive"},
     lambda: ridge(X, Y, PENALTY), "minimum"),
    ("sum((y - c).^2)", "c", {}, lambda: y.mean(), "minimum"),
    ("sum(b.*(y - c).^2)", "c", {"b": "positive"}, lambda: np.average(y, weights=b), "minimum"),
    ("sum(sum((X - ones(N)*mu').^2))", "mu", {}, lambda: X.mean(axis=0), "minimum"),
    ("norm2(X*w - y)^2 + norm2(A*w - b)^2", "w", {},
     lambda: lstsq(np.vstack([X, A]), np.concatenate([y, b])), "minimum"),
]  # fmt: skip
VALUES["x"] = RNG.normal(size=3)


@pytest.mark.parametrize(("f", "wrt", "assume", "truth", "kind"), SOLVED)
def test_the_point_is_that_of_a_numeric_solver(
    f: str, wrt: str, assume: dict[str, str], truth: Callable[[], Any], kind: str
) -> None:
    found = solve(f, wrt, shapes=SHAPES, assume=assume)
    sizes = {"N": 6, "d": 3, "C": 2}
    value = evaluate(found.expr, {n: v for n, v in VALUES.items() if n != wrt}, sizes)
    np.testing.assert_allclose(value, truth(), rtol=1e-8, atol=1e-10)
    assert found.kind == kind
    assert found.steps[-1][0] == str(found)


@pytest.mark.parametrize(
    ("f", "wrt", "form"),
    [
        ("norm2(X*w - y)^2", "w", "w = inv(X'*X)*X'*y"),
        ("norm2(X*w - y)^2 + l*norm2(w)^2", "w", "w = inv(X'*X + l*eye(d))*X'*y"),
        ("norm2(X*W - Y)^2", "W", "W = inv(X'*X)*X'*Y"),
        ("sum((y - c).^2)", "c", "c = mean(y)"),
    ],
)
def test_the_point_is_written_as_the_textbook_has_it(f: str, wrt: str, form: str) -> None:
    assert str(solve(f, wrt, shapes=SHAPES)) == form


POSITIVE = "positive"
NAMED = {
    **SHAPES, "n1": "", "k": "", "v": "", "s": "", "t": "", "M": "d,d", "L": "d,d", "p": "n",
    "a": "n", "q": "n", "A": "m,n", "b": "m", "Q": "n,n", "x": "n", "z": "d", "R": "m,n",
    "U": "m,r", "V": "n,r", "E": "N,d",
}  # fmt: skip
PROBLEMS: list[tuple[str, str, dict[str, str], str | None, str]] = [
    ("n1*log(l) - l*s", "l", {"l": POSITIVE}, None, "l = n1/s"),
    ("sum(log(l) - l*y)", "l", {"l": POSITIVE}, None, "l = N/sum(y)"),
    ("k*log(c) + (n1 - k)*log(1 - c)", "c", {}, None, "c = k/n1"),
    ("sum(y*log(c) + (1 - y)*log(1 - c))", "c", {}, None, "c = mean(y)"),
    ("sum(y*log(l) - l)", "l", {}, None, "l = mean(y)"),
    ("k*log(c) + n1*log(1 - c)", "c", {}, None, "c = k/(k + n1)"),
    ("-n1/2*log(v) - s/(2*v)", "v", {"v": POSITIVE}, None, "v = s/n1"),
    ("sum(-log(v)/2 - (y - c).^2/(2*v))", "v", {"v": POSITIVE}, None, "v = norm2(y - c)^2/N"),
    ("-n1*log(s) - sum((y - c).^2)/(2*s^2)", "s", {"s": POSITIVE}, None,
     "s = norm2(y - c)/sqrt(n1)"),
    ("k*t - n1*log(1 + exp(t))", "t", {}, None, "t = log(k/(n1 - k))"),
    ("-n1/2*logdet(S) - 1/2*tr(inv(S)*M)", "S", {"S": "posdef", "M": "posdef"}, None, "S = M/n1"),
    ("n1/2*logdet(L) - 1/2*tr(L*M)", "L", {"L": "posdef", "M": "posdef"}, None, "L = n1*inv(M)"),
    ("logdet(L) - tr(L*M)", "L", {}, None, "L = inv(M)"),
    ("-N/2*logdet(S) - 1/2*tr(X*inv(S)*X')", "S", {"S": "posdef"}, None, "S = X'*X/N"),
    ("-1/2*sum((X - ones(N)*mu')*inv(S).*(X - ones(N)*mu'))", "mu", {"S": "posdef"}, None,
     "mu = mean(X,1)'"),
    ("sum(exp(x)) - a'*x", "x", {}, None, "x = log(a)"),
    ("sum(log(x)) - a'*x", "x", {"x": POSITIVE}, None, "x = 1./a"),
    ("sum(a.*x.^2) - q'*x", "x", {}, None, "x = 0.5*q./a"),
    ("0.5*norm2(x - a)^2 + l/2*x'*x", "x", {"l": POSITIVE}, None, "x = a/(l + 1)"),
    ("0.5*x'*Q*x - a'*x", "x", {"Q": "posdef"}, None, "x = inv(Q)*a"),
    ("norm2(R - U*V')^2", "U", {}, None, "U = R*V*inv(V'*V)"),
    ("norm2(R - U*V')^2 + l*norm2(V)^2", "V", {"l": POSITIVE}, None,
     "V = R'*U*inv(l*eye(r) + U'*U)"),
    ("-sum(p.*log(p))", "p", {"p": POSITIVE}, "sum(p) = 1", "p = ones(n)/n"),
    ("a'*p - sum(p.*log(p))", "p", {"p": POSITIVE}, "sum(p) = 1", "p = softmax(a)"),
    ("sum(q.*log(p))", "p", {"p": POSITIVE, "q": POSITIVE}, "sum(p) = 1", "p = q/sum(q)"),
    ("sum(p.*log(p./q))", "p", {"p": POSITIVE, "q": POSITIVE}, "sum(p) = 1", "p = q/sum(q)"),
    ("-sum(log(x))", "x", {"x": POSITIVE}, "sum(x) = 1", "x = ones(n)/n"),
    ("sum(sqrt(x))", "x", {"x": POSITIVE}, "sum(x) = c", "x = c*ones(n)/n"),
    ("norm2(x - a)^2", "x", {}, "sum(x) = c", "x = a + (c - sum(a))/n"),
    ("x'*x", "x", {}, "2*sum(x) = 1", "x = ones(n)/(2*n)"),
    ("sum(a./x)", "x", {"x": POSITIVE}, "sum(x) = 1", "x = sqrt(a)/sum(sqrt(a))"),
    ("logdet(L) - tr(L*inv(M))", "L", {}, None, "L = M"),
    ("a'*x", "x", {"Q": "posdef"}, "x'*Q*x = 1",
     "x = sqrt(1/(a'*inv(Q)*a))*inv(Q)*a or x = -sqrt(1/(a'*inv(Q)*a))*inv(Q)*a"),
    ("x'*x", "x", {}, "A*x = b", "x = A'*inv(A*A')*b"),
    ("norm2(x - a)^2", "x", {}, "A*x = b", "x = A'*inv(A*A')*(b - A*a) + a"),
    ("0.5*x'*Q*x", "x", {"Q": "posdef"}, "A*x = b", "x = inv(Q)*A'*inv(A*inv(Q)*A')*b"),
    ("0.5*x'*Q*x + a'*x", "x", {"Q": "posdef"}, "A*x = b",
     "x = inv(Q)*(A'*inv(A*inv(Q)*A')*(b + A*inv(Q)*a) - a)"),
    ("x'*Q*x", "x", {"Q": "posdef"}, "sum(x) = 1",
     "x = sum(inv(Q),2)/(ones(n)'*inv(Q)*ones(n))"),
    ("x'*x", "x", {}, "a'*x = c", "x = c*a/(a'*a)"),
    ("z'*w", "w", {}, "w'*w = 1", "w = z/norm2(z) or w = -z/norm2(z)"),
    ("norm2(w - z)^2", "w", {}, "w'*w = 1", "w = z/norm2(z) or w = -z/norm2(z)"),
    ("z'*w", "w", {}, "norm2(w) = 2", "w = 2*z/norm2(z) or w = -2*z/norm2(z)"),
    ("w'*S*w", "w", {"S": "symmetric"}, "norm2(w) = 1",
     "w is an eigenvector: S*w = lambda*w, lambda = w'*S*w if norm2(w) = 1"),
    ("sum(x.^2./a)", "x", {"a": POSITIVE}, "sum(x) = 1", "x = a/sum(a)"),
    ("a'*x", "x", {}, "x'*x = c^2", "x = abs(c)*a/norm2(a) or x = -abs(c)*a/norm2(a)"),
    ("tr(E'*X)", "X", {}, "X'*X = eye(d)",
     "X = E*inv(sqrtm(E'*E)) or X = -E*inv(sqrtm(E'*E))"),
    ("norm2(S*L - M)^2", "L", {}, "L'*L = eye(d)",
     "L = S'*M*inv(sqrtm(M'*S*S'*M)) or L = -S'*M*inv(sqrtm(M'*S*S'*M))"),
    ("w'*S*w", "w", {"S": "symmetric"}, "w'*w = 1",
     "w is an eigenvector: S*w = lambda*w, lambda = w'*S*w if w'*w = 1"),
    ("w'*M*w", "w", {"M": "symmetric", "S": "posdef"}, "w'*S*w = 1",
     "w is an eigenvector: M*w = lambda*S*w, lambda = w'*M*w if w'*S*w = 1"),
]  # fmt: skip
each_problem = pytest.mark.parametrize(
    ("f", "wrt", "assume", "constraint", "form"),
    PROBLEMS,
    ids=[f"{p[0]} by {p[1]}" for p in PROBLEMS],
)
STEP = 1e-5


def constrained(
    f: str, wrt: str, assume: dict[str, str], constraint: str | None
) -> tuple[Any, Any]:
    """f and what the constraint says is zero, read in one text so that names mean the same."""
    if constraint is None:
        return read(f, shapes=NAMED, assume=assume).expr, None
    left, right = constraint.split("=")
    gap = f"({left}) - ({right})"
    e = read(f"({f}) + k*sum({gap})", shapes=NAMED, assume=assume).expr
    return read(f, shapes=NAMED, assume=assume).expr, read(
        gap, shapes={n: v.shape for n, v in vars_of(e).items()}, assume=assume
    ).expr


def vars_of(e: Any) -> dict[str, Any]:
    return {v.name: v for v in variables(e)}


def slopes(e: Any, wrt: str, values: dict[str, Any], sizes: dict[str, int]) -> Any:
    """The derivative by central differences, one row for each entry of e."""
    x = np.asarray(values[wrt], dtype=float)
    columns = []
    for k in range(x.size):
        moved = np.zeros(x.size)
        moved[k] = STEP
        moved = moved.reshape(x.shape)
        ends = [evaluate(e, {**values, wrt: x + s * moved}, sizes) for s in (1, -1)]
        columns.append(np.ravel(ends[0] - ends[1]) / (2 * STEP))
    return np.stack(columns, axis=1)


@each_problem
def test_a_solution_is_the_textbooks(
    f: str, wrt: str, assume: dict[str, str], constraint: str | None, form: str
) -> None:
    found = solve(f, wrt, subject_to=constraint, shapes=NAMED, assume=assume)
    assert str(found) == form
    assert found.steps[0][0].endswith(("= 0", "*N"))
    assert len(found.kinds) == max(1, len(found.values))


@each_problem
def test_finite_differences_vanish_there_along_the_constraint(
    f: str, wrt: str, assume: dict[str, str], constraint: str | None, form: str
) -> None:
    found = solve(f, wrt, subject_to=constraint, shapes=NAMED, assume=assume)
    e, gap = constrained(f, wrt, assume, constraint)
    whole = e if gap is None else e + apply("sum", gap, params=(None,)) if gap.shape else e + gap
    for value in found.values:
        seen = 0
        for point in points(substitute(whole, {vars_of(whole)[wrt]: value}), count=6, seed=9):
            values = {**point.values, wrt: evaluate(value, point.values, point.sizes)}
            if not np.isfinite(values[wrt]).all():
                continue
            g = slopes(e, wrt, values, point.sizes)[0]
            left = g
            if gap is not None:
                np.testing.assert_allclose(evaluate(gap, values, point.sizes), 0, atol=1e-7)
                rows = slopes(gap, wrt, values, point.sizes)
                left = g - rows.T @ np.linalg.lstsq(rows.T, g, rcond=1e-7)[0]
            near = {**values, wrt: values[wrt] * 1.05 + 0.01}
            scale = max(1.0, np.abs(slopes(e, wrt, near, point.sizes)).max())
            assert np.abs(left).max() < 1e-4 * scale
            seen += 1
        assert seen >= 2


def test_an_eigenvector_is_a_solution_and_the_largest_is_the_maximum() -> None:
    symmetric = ROOT[:3, :3] + ROOT[:3, :3].T
    values, vectors = np.linalg.eigh(symmetric)
    e = read("w'*S*w/(w'*w)", shapes=NAMED).expr
    for k in range(3):
        at = {"w": vectors[:, k], "S": symmetric}
        np.testing.assert_allclose(slopes(e, "w", at, {"d": 3}), 0, atol=1e-7)
    tries = [evaluate(e, {"w": RNG.normal(size=3), "S": symmetric}, {"d": 3}) for _ in range(50)]
    assert values[0] < min(tries) < max(tries) < values[-1]
    told = solve("w'*S*w", "w", subject_to="w'*w = 1", shapes=NAMED, assume={"S": "symmetric"})
    assert told.conditions == ("the largest lambda is the maximum, the smallest the minimum",)
    assert told.latex() == r"\mathbf{S}\mathbf{w} = \lambda \mathbf{w}"
    with pytest.raises(NoClosedForm):
        assert told.expr
    told = solve("w'*S*w", "w", subject_to="w'*w = r", shapes=NAMED, assume={"S": "symmetric"})
    assert str(told).endswith("S*w = lambda*w, w'*S*w = lambda*r if w'*w = r")


@pytest.mark.parametrize(
    ("f", "inside", "said"),
    [
        ("tr(W'*S*W)", np.eye(6), "S*W = W*Lambda"),
        ("norm2(Y*W)^2", np.eye(6), "Y'*Y*W = W*Lambda"),
        ("tr(W'*S*W)", ROOT @ ROOT.T, "S*W = T*W*Lambda"),
    ],
)
def test_the_columns_of_a_matrix_are_eigenvectors(f: str, inside: Any, said: str) -> None:
    """Every k of the eigenvectors are stationary, and those of the largest have the largest f."""
    plain = "T" not in said
    symmetric = ROOT + ROOT.T if "S" in f else ROOT.T @ ROOT
    constraint = "W'*W = eye(k)" if plain else "W'*T*W = eye(k)"
    known = {n: v for n, v in (("S", "symmetric"), ("T", "posdef")) if n in f + constraint}
    shapes = {"W": "d,k", **({"Y": "n,d"} if "Y" in f else {})}
    told = solve(f, "W", subject_to=constraint, shapes=shapes, assume=known)
    assert told.equation.startswith(f"the columns of W are eigenvectors: {said}, tr(Lambda) = ")
    root = np.linalg.inv(np.linalg.cholesky(inside)).T
    values, vectors = np.linalg.eigh(root.T @ symmetric @ root)
    found = root @ vectors[:, -2:]
    np.testing.assert_allclose(found.T @ inside @ found, np.eye(2), atol=1e-9)
    assert np.trace(found.T @ symmetric @ found) == pytest.approx(values[-2:].sum())
    moved = symmetric @ found - inside @ found @ np.diag(values[-2:])
    np.testing.assert_allclose(moved, 0, atol=1e-9)


@each_problem
def test_a_wrong_solution_is_rejected_line_by_line(
    f: str, wrt: str, assume: dict[str, str], constraint: str | None, form: str
) -> None:
    if "eigenvector" in form or "eye" in (constraint or ""):
        pytest.skip("the multipliers of this constraint are a matrix")
    value = form.split(" or ")[0].split(" = ")[1]
    lines, shapes = [f"J = {f}", "grad = 0"], {**NAMED, "nu": ""}
    if constraint is not None:
        left, right = constraint.split(" = ")
        shapes["nu"] = "m" if left == "A*x" else ""
        weight = "nu'" if shapes["nu"] else "nu"
        lines = [f"J = {f} + {weight}*({left} - {right})", "grad = 0", constraint]

    def ending(typed: str) -> Any:
        return verify_steps([*lines, f"{wrt} = {typed}"], wrt=wrt, shapes=shapes, assume=assume)

    assert ending(value).correct is True
    for wrong in (f"2*({value})", f"-({value})")[: 2 if constraint is None else 1]:
        assert ending(wrong).first_wrong.number == len(lines) + 1


def test_either_of_two_solutions_on_a_sphere_is_right_and_a_bare_condition_leaves_it_open() -> None:
    shapes = {"w": "d", "z": "d", "nu": ""}
    lines = ["J = z'*w + nu*(w'*w - 1)", "grad = 0", "w'*w = 1"]
    for value, right in (("z/norm2(z)", True), ("-z/norm2(z)", True), ("z/(2*nu)", False)):
        assert verify_steps([*lines, f"w = {value}"], wrt="w", shapes=shapes).correct is right
    lines = ["J = z'*w", "w'*w = 1", "w = z/norm2(z)"]
    found = verify_steps(lines, wrt="w", shapes={"w": "d", "z": "d"})
    assert found.correct is None
    assert "nu*(left - right)" in str(found)
    lines = ["J = -k*log(s) - v^2/(2*s^2)", "grad = 0"]
    for value, right in (("abs(v)/sqrt(k)", True), ("-abs(v)/sqrt(k)", False)):
        told = {"shapes": {"s": "", "v": "", "k": ""}, "assume": {"s": "positive", "k": "positive"}}
        assert verify_steps([*lines, f"s = {value}"], wrt="s", **told).correct is right


@pytest.mark.parametrize(
    ("f", "wrt", "said"),
    [
        ("sum(exp(X*w)) + norm2(w)^2", "w", "no closed form"),
        ("w'*x", "w", "affine in w"),
        ("norm2(X*W*A' - V)^2", "W", "no closed form"),
        ("norm2(X*B*Y' - V)^2", "B", "no closed form"),
        ("X*w", "w", "a number to be minimised"),
    ],
)
def test_what_has_no_closed_form_says_so(f: str, wrt: str, said: str) -> None:
    shapes = {**SHAPES, "W": "d,d"} if "A'" in f else SHAPES
    with pytest.raises(MatderivError) as error:
        solve(f, wrt, shapes=shapes)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("f", "wrt", "constraint"),
    [
        ("x'*x", "x", "sum(x)"),
        ("x'*x", "x", "sum(x) = 1 = 2"),
        ("sum(exp(A*x))", "x", "sum(x) = 1"),
        ("x'*x", "x", "prod(x) = 1"),
        ("norm2(A*x - b)^2", "x", "x'*x = 1"),
        ("sum(x.^4) + a'*x", "x", "sum(x) = 1"),
        ("x'*Q*z*x", "x", "x'*Q*x*x = 1"),
    ],
)
def test_a_constraint_that_it_cannot_meet_is_refused(f: str, wrt: str, constraint: str) -> None:
    with pytest.raises(MatderivError):
        solve(f, wrt, subject_to=constraint, shapes=NAMED)


def test_the_command_line_solves_and_says_how_a_function_bends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["solve", "a'*p - sum(p.*log(p))", "p", "--subject-to", "sum(p) = 1", "-q"]) == 0
    assert capsys.readouterr().out == "p = softmax(a)\n"
    assert main(["solve", "norm2(X*w - y)^2", "w", "--shape", "y: n", "--steps"]) == 0
    out, err = capsys.readouterr()
    assert [line.split("  ")[0] for line in out.splitlines()] == [
        "2*X'*(X*w - y) = 0", "X'*X*w = X'*y", "w = inv(X'*X)*X'*y",
    ]  # fmt: skip
    assert "Needs     X'*X is invertible" in err
    assert main(["solve", "norm2(X*w - y)^2", "w", "--format", "latex", "-q"]) == 0
    assert capsys.readouterr().out.startswith(r"\mathbf{w} = ")
    assert main(["solve", "x'*x", "x", "--subject-to", "a'*x = 1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["values"] == ["a/(a'*a)"]
    assert main(["solve", "sum(exp(x)) + x'*x", "x"]) == 3
    assert main(["curvature", "x'*x", "x", "-q"]) == 0
    assert capsys.readouterr().out.startswith("convex: ")
    assert main(["curvature", "x'*A*x", "x", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "neither"


CURVED = [  # f, the variable, facts, the verdict; from Boyd & Vandenberghe, ch. 3
    ("exp(c)", "c", {}, "convex"), ("x'*x", "x", {}, "convex"), ("norm2(x)^4", "x", {}, "convex"),
    ("x'*S*x", "x", {"S": "posdef"}, "convex"), ("-x'*S*x", "x", {"S": "posdef"}, "concave"),
    ("norm2(X*w - y)^2", "w", {}, "convex"), ("logsumexp(w)", "w", {}, "convex"),
    ("log(sum(exp(X*w + y)))", "w", {}, "convex"), ("sum(softplus(X*w))", "w", {}, "convex"),
    ("sum(softplus(X*w)) - y'*X*w", "w", {}, "convex"), ("sum(exp(X*w))", "w", {}, "convex"),
    ("-sum(log(y - X*w))", "w", {}, "convex"), ("sum(log(x))", "x", {}, "concave"),
    ("sum(x.*log(x))", "x", {"x": "positive"}, "convex"), ("sum(x.^4)", "x", {}, "convex"),
    ("-sum(x.*log(x))", "x", {"x": "positive"}, "concave"), ("c^2", "c", {}, "convex"),
    ("sqrt(1 + c^2)", "c", {}, "convex"), ("cosh(c)", "c", {}, "convex"),
    ("1/c", "c", {"c": "positive"}, "convex"), ("sqrt(c)", "c", {"c": "positive"}, "concave"),
    ("log(1 + exp(c))", "c", {}, "convex"), ("x'*w", "x", {}, "both"),
    ("sum(log(normcdf(x)))", "x", {}, "concave"),
    ("exp(x'*w)", "x", {}, "convex"), ("norm1(x)", "x", {}, "convex"),
    ("norminf(x)", "x", {}, "convex"),
    ("norm2(X*w - y)", "w", {}, "convex"), ("max(x)", "x", {}, "convex"),
    ("min(x)", "x", {}, "concave"),
    ("sum(relu(X*w))", "w", {}, "convex"), ("-sum(relu(x))", "x", {}, "concave"),
    ("sum(relu(1 - y.*(X*w))) + l*norm2(w)^2", "w", {"l": "positive"}, "convex"),
    ("norm2(X*w - y)^2 + l*norm1(w)", "w", {"l": "positive"}, "convex"),
    ("sum(huber(X*w - y, 1))", "w", {}, "convex"),
    ("x'*S*x + norm1(x)", "x", {"S": "posdef"}, "convex"),
    ("max(X*w + y)", "w", {}, "convex"), ("sum(maximum(x, w))", "x", {}, "convex"),
    ("log(w'*x)", "x", {}, "concave"), ("sqrt(w'*x + c)", "x", {}, "concave"),
    ("norm2(x)^3", "x", {}, "convex"), ("sum(abs(x).^3)", "x", {}, "convex"),
    ("logdet(S)", "S", {"S": "posdef"}, "concave"), ("tr(inv(S))", "S", {"S": "posdef"}, "convex"),
    ("tr(B'*B)", "B", {}, "convex"), ("norm_nuc(B)", "B", {}, "convex"),
    ("norm_spec(B)", "B", {}, "convex"), ("lambda_max(S)", "S", {"S": "symmetric"}, "convex"),
    ("lambda_min(S)", "S", {"S": "symmetric"}, "concave"), ("exp(max(x))", "x", {}, "convex"),
    ("abs(c) + c", "c", {}, "convex"), ("relu(c)^2", "c", {}, "convex"),
    ("min(log(x))", "x", {}, "concave"), ("sum(minimum(x, 1))", "x", {}, "concave"),
    ("-norm2(x)", "x", {}, "concave"), ("norm2(x)^2/c", "x", {"c": "positive"}, "convex"),
    ("1/(w'*x)", "x", {"x": "positive", "w": "positive"}, "convex"),
    ("kl(w, x)", "x", {"w": "simplex", "x": "simplex"}, "convex"),
    ("-logdet(S)", "S", {"S": "posdef"}, "convex"), ("max(abs(x))", "x", {}, "convex"),
    ("x'*inv(S)*x", "S", {"S": "posdef"}, "convex"), ("x'*x/c", "c", {"c": "positive"}, "convex"),
    ("prod(x)^(1/d)", "x", {"x": "positive"}, "concave"), ("abs(c)^1.5", "c", {}, "convex"),
    ("sum(x.*log(x./w))", "x", {"x": "positive", "w": "positive"}, "convex"),
    ("-log(sigmoid(c))", "c", {}, "convex"), ("c^-2", "c", {"c": "positive"}, "convex"),
    ("sum(conv(ones(3), [c; 1; c]).^2)", "c", {}, "convex"), ("max(flip(x))", "x", {}, "convex"),
    ("sum(maxpool([c; 1; -c; 2], 2))", "c", {}, "convex"),
]  # fmt: skip
LOOKALIKES = [
    ("1/c^2", "c"), ("log(c^2)", "c"), ("1/(x'*x)", "x"), ("-log(x'*x)", "x"), ("c^3", "c"),
    ("exp(-c^2)", "c"), ("sigmoid(c)", "c"), ("x'*S*x", "x"), ("sum(sin(x))", "x"),
    ("prod(x)", "x"), ("sum(relu(x)) - sum(abs(x - 1))", "x"), ("sum(x.^3)", "x"),
    ("sum(1./x.^2)", "x"),
    ("1/c", "c"), ("tanh(c)", "c"), ("sqrt(abs(c))", "c"), ("sqrt(abs(a'*x))", "x"),
    ("(x'*x)*exp(-(x'*x))", "x"), ("sum(cos(X*w))", "w"),
    ("log(1 + c^2)", "c"), ("abs(c^2 - 1)", "c"), ("x'*S*x/(x'*x)", "x"),
    ("x'*diag(exp(x/100))*x", "x"), ("exp(sum(x)/100)*x'*x", "x"), ("sum(acosh(x))", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "assume", "verdict"), CURVED)
def test_the_curvature_is_the_known_one_and_chords_agree(
    f: str, wrt: str, assume: dict[str, str], verdict: str
) -> None:
    assert curvature(f, wrt, shapes=SHAPES, assume=assume).verdict == verdict
    e = read(f, shapes=SHAPES, assume=assume).expr
    for point in points(e, count=4, seed=3):
        at = point.values[wrt]
        to = np.abs(at) * 1.3 if "positive" in assume.get(wrt, "") else at + 0.01
        ends = [evaluate(e, {**point.values, wrt: v}, point.sizes) for v in (at, to)]
        middle = evaluate(e, {**point.values, wrt: (at + to) / 2}, point.sizes)
        above = (ends[0] + ends[1]) / 2 - middle
        slack = 1e-9 * (1 + abs(middle))
        assert verdict == "concave" or above >= -slack
        assert verdict == "convex" or above <= slack


@pytest.mark.parametrize(("f", "wrt"), LOOKALIKES)
def test_a_lookalike_is_never_called_convex_or_concave(f: str, wrt: str) -> None:
    found = curvature(f, wrt, shapes=SHAPES)
    assert found.verdict in ("neither", "undecided")
    assert str(found).startswith(found.verdict + ": ")


# Every stationary point ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "expected", "more"),
    [
        ("x^4 - 2*x^2", {0.0, 1.0, -1.0}, {}),
        ("x^2*exp(-x)", {0.0, 2.0}, {}),
        ("1/(1 + x^2)", {0.0}, {}),
        ("x^5", {0.0}, {}),
        ("x + 1/x", {1.0, -1.0}, {}),
        ("x + 1/x", {1.0}, {"assume": {"x": "positive"}}),
        ("exp(x) - 2*x", {float(np.log(2))}, {}),  # a whole that is a number says that x is one
        ("cosh(x) - x^2", None, {}),
        ("x^5/5 - x^2/2", None, {}),  # 0 and 1: of a cubic, the other roots are not known
    ],
)
def test_all_stationary_points_of_a_number_are_found_or_none(
    f: str, expected: set[float] | None, more: dict[str, Any]
) -> None:
    if expected is None:
        with pytest.raises(NoClosedForm):
            solve(f, "x", **more)
        return
    found = {round(float(evaluate(v, {})), 12) for v in solve(f, "x", **more).values}
    assert found == {round(v, 12) for v in expected}


def test_entries_may_have_any_of_several_values() -> None:
    found = solve("sum(x.^4) - 2*sum(x.^2)", "x")
    assert str(found) == "x = zeros(n) or x = ones(n) or x = -ones(n), entry by entry"
    assert found.latex().endswith(r"\text{entry by entry}")


def test_a_gradient_that_jumps_is_not_called_constant() -> None:
    with pytest.raises(NoClosedForm, match="kink"):
        solve("sum(abs(x - a))", "x")


def test_a_multiple_of_the_identity_needs_no_inverse() -> None:
    found = solve("-n*log(s) - sum((x - m).^2)/(2*s^2)", "m", shapes={"x": "n"})
    assert str(found) == "m = x"


@pytest.mark.parametrize(
    ("f", "verdict"),
    [
        ("log(x)", "concave"),
        ("softplus(x)", "convex"),
        ("tanh(x)", "neither"),
        ("kl(p, q)", "convex"),
    ],
)
def test_the_curvature_of_a_function_of_a_number(f: str, verdict: str) -> None:
    assert curvature(f, "x" if "x" in f else "p").verdict == verdict


@pytest.mark.parametrize(
    ("f", "wrt", "bend"),
    [
        ("std(x)", "x", "convex"),  # a norm of x less its mean
        ("norm2(x - mean(x))", "x", "convex"),
        ("std(X*w)", "w", "convex"),
        ("sum(leaky_relu(x, 1/2))", "x", "convex"),
        ("sum(leaky_relu(x, 2))", "x", "undecided"),  # concave: its slope falls from 2 to 1
    ],
)
def test_second_derivatives_that_are_rounding_have_no_sign(f: str, wrt: str, bend: str) -> None:
    assert curvature(f, wrt).verdict == bend


def test_a_constraint_does_not_change_what_the_names_of_f_are() -> None:
    rng = np.random.default_rng(1)
    A, b, y = rng.normal(size=(2, 4)), rng.normal(size=2), rng.normal(size=4)
    values = {"A": A, "b": b, "y": y}
    solution = solve("norm2(x-y)^2", "x", subject_to="A*x=b")
    found = evaluate(solution.expr, values, {"m": 4, "n": 2})
    assert np.allclose(found, y + np.linalg.lstsq(A, b - A @ y, rcond=None)[0])


ROOTS = [
    ("sqrt(x'*x)", {}, "convex"),
    ("sqrt(1 + norm2(x)^2 + norm1(x)^2)", {}, "convex"),
    ("(x'*Q*x)^(1/2)", {"Q": "posdef"}, "convex"),
    ("sqrt(sum((R'*a - x).^4)) + std(x)", {}, "convex"),
    ("-sqrt(2*(x'*x) + c^2)", {}, "concave"),
    ("prod(x)^(1/n)", {"x": "positive"}, "concave"),
    ("sum(logcosh(x)) + logcosh(x[1])", {}, "convex"),
    ("sqrt(sum(x.^3))", {}, "neither"),
    ("sqrt(x'*x - 1)", {}, "neither"),
    ("sqrt(1 + (a'*x)^2*norm2(x)^2)", {}, "neither"),
    ("std(x) - norm2(x)/100", {}, "neither"),
]


@pytest.mark.parametrize(("f", "assume", "verdict"), ROOTS)
def test_a_root_of_squares_is_a_length_and_lookalikes_are_none(
    f: str, assume: dict[str, str], verdict: str
) -> None:
    shapes = {"x": "n", "Q": "n,n", "R": "m,n", "a": "m" if "R" in f else "n", "c": ""}
    assert curvature(f, "x", shapes=shapes, assume=assume).verdict == verdict


FIELDS = ["A*x", "softmax(x)", "sin(A*x).*x", "x*norm2(x)^2", "x/norm2(x)", "a"]
NUMBERS = [
    "norm2(x)^4", "log(norm2(x))", "logsumexp(A*x)", "exp(-norm2(x)^2/2)", "x'*A*x", "a'*x",
    "sum(x.^3) - prod(x)",
]  # fmt: skip
SQUARE = {"A": "n,n", "x": "n", "a": "n"}


def at_a_point(formula: str) -> tuple[Callable[[Any], Any], dict[str, Any]]:
    """A function of x alone, and the values of its names."""
    values = {"A": RNG.normal(size=(4, 4)), "x": RNG.normal(size=4), "a": RNG.normal(size=4)}
    e = read(formula, shapes=SQUARE).expr
    return lambda x: evaluate(e, {**values, "x": x}, {"n": 4}), values


@pytest.mark.parametrize("formula", FIELDS)
def test_a_divergence_is_the_sum_of_differences(formula: str) -> None:
    f, values = at_a_point(formula)
    steps = 1e-6 * np.eye(4)
    wanted = sum((f(values["x"] + e) - f(values["x"] - e))[k] / 2e-6 for k, e in enumerate(steps))
    found = divergence(formula, "x", shapes=SQUARE)
    assert evaluate(found.expr, values, {"n": 4}) == pytest.approx(wanted, rel=1e-6, abs=1e-8)
    assert "boldsymbol" in found.latex() or "mathbf" in found.latex() or found.latex() == "0"


@pytest.mark.parametrize("formula", NUMBERS)
def test_a_laplacian_and_an_expansion_agree_with_values(formula: str) -> None:
    f, values = at_a_point(formula)
    x, d = values["x"], RNG.normal(size=4)
    second = sum((f(x + e) - 2 * f(x) + f(x - e)) / 1e-8 for e in 1e-4 * np.eye(4))
    found = laplacian(formula, "x", shapes=SQUARE)
    assert evaluate(found.expr, values, {"n": 4}) == pytest.approx(second, rel=1e-4, abs=1e-5)
    whole = taylor(formula, "x", shapes=SQUARE).expr
    gaps = [f(x + t * d) - evaluate(whole, {**values, "dx": t * d}, {"n": 4}) for t in (1e-2, 5e-3)]
    assert abs(gaps[0]) < 1e-4 * (1 + abs(f(x)))
    assert abs(gaps[1]) <= abs(gaps[0]) / 5 + 1e-10  # what is left falls as the third power


def test_operators_refuse_what_they_are_not_of() -> None:
    for verb, formula in ((divergence, "B*x"), (laplacian, "A*x"), (taylor, "A*x")):
        with pytest.raises(MatderivError):
            verb(formula, "x", shapes={**SQUARE, "B": "m,n"})
    with pytest.raises(MatderivError, match="for each entry"):
        implicit("B*x", "x", "B", shapes={**SQUARE, "B": "m,n"})


def iterated(b: Any) -> Any:
    """The x with x = tanh(W*x + b)/2."""
    x = np.zeros(3)
    for _ in range(200):
        x = np.tanh(CONTRACTION @ x + b) / 2
    return x


CONTRACTION = RNG.normal(size=(3, 3)) / 4
IMPLICIT: list[tuple[str, str, str, dict[str, str], Any, Callable[[Any], Any]]] = [
    ("norm2(X*w - y)^2 + l*norm2(w)^2", "w", "l", {"X": "N,d", "w": "d", "y": "N", "l": ""},
     0.7, lambda c: ridge(X, y, c)),
    ("norm2(X*w - y)^2 + l*norm2(w)^2", "w", "y", {"X": "N,d", "w": "d", "y": "N", "l": ""},
     y, lambda y: ridge(X, y, PENALTY)),
    ("x - tanh(M*x + z)/2", "x", "z", {"x": "d", "M": "d,d", "z": "d"}, w, iterated),
    ("c^3 + l*c - 2", "c", "l", {"c": "", "l": ""}, 0.7,
     lambda t: np.real(min(np.roots([1, 0, t, -2]), key=lambda z: abs(np.imag(z))))),
    ("c^3 + z'*z - 9", "c", "z", {"c": "", "z": "d"}, w, lambda z: np.cbrt(9 - z @ z)),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "by", "shapes", "at", "root"), IMPLICIT)
def test_a_solution_moves_as_differences_of_solutions_say(
    f: str, wrt: str, by: str, shapes: dict[str, str], at: Any, root: Callable[[Any], Any]
) -> None:
    found = implicit(f, wrt, by, shapes=shapes)
    values = {"X": X, "y": y, "l": PENALTY, "M": CONTRACTION, by: at, wrt: root(at)}
    steps = 1e-6 * np.eye(np.size(at)).reshape(-1, *np.shape(at))
    wanted = np.stack([(root(at + e) - root(at - e)) / 2e-6 for e in steps], -1)
    value = evaluate(found.expr, {n: values[n] for n in shapes}, {"N": 6, "d": 3})
    np.testing.assert_allclose(np.ravel(value), np.ravel(wanted), rtol=1e-6, atol=1e-7)
    assert found.steps[-1][0] == f"d{wrt}/d{by} = {found}"


@pytest.mark.parametrize(
    "made",
    [
        divergence("sin(A*x).*x", "x", shapes=SQUARE),
        laplacian("logsumexp(A*x)", "x", shapes=SQUARE),
        taylor("exp(-norm2(x)^2/2)", "x", shapes=SQUARE),
        implicit("A*x - sin(a)", "x", "a", shapes=SQUARE),
    ],
)
def test_an_operator_is_code_and_steps_that_end_in_it(made: Any) -> None:
    scope: dict[str, Any] = {}
    exec(made.code(), scope)
    values = {"A": ROOT[:4, :4], "x": b[:4], "a": y[:4], "dx": p[:4]}
    given = {n: v for n, v in values.items() if n in vars_of(made.expr)}
    wanted = evaluate(made.expr, given, {"n": 4})
    np.testing.assert_allclose(scope[made.name](**given), wanted, rtol=1e-10)
    assert made.steps[-1][0].endswith(f" = {made}")
    assert f"def {made.name}(" in made.code("torch")


p, q, t = RNG.uniform(0.3, 1, 6), RNG.normal(size=6), 0.8
WITH_MULTIPLIERS: list[tuple[str, str, dict[str, str], Callable[[], Any]]] = [
    ("q'*x", "x'*V*x = 1", {"V": "posdef"},
     lambda: np.linalg.solve(V, q) / np.sqrt(q @ np.linalg.solve(V, q))),
    ("q'*x", "sum(p.*x.^2) = t", {"p": "positive", "t": "positive"},
     lambda: np.sqrt(t / np.sum(q**2 / p)) * q / p),
    ("sum(log(x))", "p'*x = t", {"x": "positive", "p": "positive"}, lambda: t / (6 * p)),
    ("q'*x + t*sum(x.*log(x))", "sum(x) = 1", {"x": "positive", "t": "positive"},
     lambda: np.exp(-q / t) / np.exp(-q / t).sum()),
    ("sum(p.*log(x))", "q'*x = t", {"x": "positive"}, lambda: t * p / (q * p.sum())),
]  # fmt: skip


@pytest.mark.parametrize(("f", "constraint", "assume", "truth"), WITH_MULTIPLIERS)
def test_a_multiplier_scales_what_the_constraint_weighs(
    f: str, constraint: str, assume: dict[str, str], truth: Callable[[], Any]
) -> None:
    names = {"x": "n", "p": "n", "q": "n", "t": "", "V": "n,n"}
    shapes = {n: s for n, s in names.items() if n in f + constraint}
    found = solve(f, "x", subject_to=constraint, shapes=shapes, assume=assume)
    value = evaluate(found.expr, {"p": p, "q": q, "t": t, "V": V}, {"n": 6})
    np.testing.assert_allclose(value, truth(), rtol=1e-9)


@pytest.mark.parametrize(
    ("f", "wrt"), [("norm2(X*w - y)^2 + c*norm2(w)^2", "w"), ("c*norm2(x)^2", "x")]
)
def test_a_curvature_that_hangs_on_a_number_is_said_for_positive_ones(f: str, wrt: str) -> None:
    found = curvature(f, wrt, shapes={"c": ""})
    assert found.verdict == "undecided"
    assert "convex where c is positive" in found.reason
    assert curvature(f, wrt, shapes={"c": ""}, assume={"c": "positive"}).verdict == "convex"


@pytest.mark.parametrize(
    ("f", "said"),
    [
        ("x'*M*x", "convex where M is posdef: the Hessian 2*M"),
        ("sum(w.*x.^2)", "convex where w is positive: the Hessian 2*diag(w)"),
        ("-(w'*exp(x))", "concave where w is positive: the Hessian -diag(w.*exp(x))"),
        ("norm2(x - w)^2 - c*norm2(x)^2", "chords of f lie above it or below it, as c is"),
        ("sum(sin(w.*x))", "chords of f lie above it and below it"),
    ],
)
def test_what_a_curvature_hangs_on_is_said(f: str, said: str) -> None:
    shapes = {n: s for n, s in {"x": "d", "w": "d", "M": "d,d", "c": ""}.items() if n in f}
    found = curvature(f, "x", shapes=shapes)
    assert found.verdict in ("neither", "undecided")
    assert found.reason.startswith(said)


@pytest.mark.parametrize(("wrt", "fact"), [("X", "orthogonal"), ("x", "simplex"), ("x", "binary")])
def test_a_fact_that_is_a_constraint_is_no_answer_without_it(wrt: str, fact: str) -> None:
    f = "norm2(X - A)^2" if wrt == "X" else "norm2(x - y)^2"
    with pytest.raises(MatderivError, match="constraints"):
        solve(f, wrt, assume={wrt: fact})
