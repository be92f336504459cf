"""The checker verifies right derivatives and disproves wrong ones, at points that hide nothing."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from truth import check

import matderiv as md
from matderiv.errors import DomainError
from matderiv.expr import Expr, apply, variable
from matderiv.numeric.report import CheckReport
from matderiv.shapes import Dim

M, N, D = Dim(("m",)), Dim(("n",)), Dim(("d",))
x, y, t = variable("x", (N,)), variable("y", (N,), {"labels"}), variable("t")
X, w, S = variable("X", (N, D)), variable("w", (D,)), variable("S", (N, N))
Values = dict[str, Any]
Claim = Callable[[Values, dict[str, int]], Any]


def total(e: Expr) -> Expr:
    return apply("sum", e, params=(None,))


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


LOGISTIC = total(apply("log", 1 + apply("exp", -(y * (X @ w)))))
RELU = total(apply("relu", X @ w) ** 2)
CUBE = apply("tr", apply("power", S, 3))
INV, QUADRATIC = apply("inv", S), x.T @ S @ x


def logistic(v: Values, n: Any) -> Any:
    return -v["X"].T @ (v["y"] * sigmoid(-v["y"] * (v["X"] @ v["w"])))


def relu(v: Values, n: Any) -> Any:
    return 2 * v["X"].T @ np.maximum(v["X"] @ v["w"], 0)


RIGHT: dict[str, tuple[Expr, Expr, Claim, int]] = {
    "logistic": (LOGISTIC, w, logistic, 1),
    "relu": (RELU, w, relu, 1),
    "tr X^3": (CUBE, S, lambda v, n: 3 * (v["S"] @ v["S"]).T, 1),
    "logdet": (apply("logdet", S), S, lambda v, n: np.linalg.inv(v["S"]).T, 1),
    "jacobian": (X @ w, w, lambda v, n: v["X"], 1),
    "row": (x.T @ S, x, lambda v, n: v["S"].T, 1),
    "by a matrix": (X @ w, X, lambda v, n: np.einsum("ia,j->iaj", np.eye(n["n"]), v["w"]), 1),
    "inverse": (
        INV,
        S,
        lambda v, n: -np.einsum("ia,bj->ijab", *[np.linalg.inv(v["S"])] * 2),
        1,
    ),
    "hessian": (QUADRATIC, x, lambda v, n: v["S"] + v["S"].T, 2),
    "zero": (total(apply("softmax", x, params=(None,))), x, lambda v, n: np.zeros(n["n"]), 1),
    "absent": (x.T @ x, t, lambda v, n: 0.0, 1),
    "singular values": (
        apply("norm_nuc", X),
        X,
        lambda v, n: np.matmul(*np.linalg.svd(v["X"], full_matrices=False)[::2]),
        1,
    ),
    "third": (
        total(apply("exp", x)),
        x,
        lambda v, n: np.einsum("i,ij,ik->ijk", np.exp(v["x"]), *[np.eye(n["n"])] * 2),
        3,
    ),
    "fourth": (
        total(x**4),
        x,
        lambda v, n: 24 * np.einsum("ij,ik,il->ijkl", *[np.eye(n["n"])] * 3),
        4,
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_derivative_is_verified(name: str) -> None:
    f, wrt, claim, order = RIGHT[name]
    report = check(f, wrt, claim, order=order)
    assert report.verdict == "verified", report
    assert report.points == 8
    if order == 1 and "complex" in report.method:
        assert report.error < 1e-12


@pytest.mark.parametrize("factor", [-1, 2, 0.5, 1.01, 0])
@pytest.mark.parametrize("name", sorted(RIGHT.keys() - {"zero", "absent"}))
def test_a_wrong_sign_or_factor_is_disproved(name: str, factor: float) -> None:
    f, wrt, claim, order = RIGHT[name]
    report = check(f, wrt, lambda v, n: factor * claim(v, n), order=order, points=3)
    assert report.verdict == "disproved", report


def cayley_hamilton_twin(v: Values, n: Any) -> Any:
    s = v["S"]
    return 3 * (np.trace(s) * s - np.linalg.det(s) * np.eye(len(s))).T


WRONG: dict[str, tuple[Expr, Expr, Claim, int]] = {
    "label forgotten": (
        LOGISTIC,
        w,
        lambda v, n: -v["X"].T @ sigmoid(-v["y"] * (v["X"] @ v["w"])),
        1,
    ),
    "mask forgotten": (RELU, w, lambda v, n: 2 * v["X"].T @ (v["X"] @ v["w"]), 1),
    "transpose forgotten": (CUBE, S, lambda v, n: 3 * v["S"] @ v["S"], 1),
    "log det transposed": (apply("logdet", S), S, lambda v, n: np.linalg.inv(v["S"]), 1),
    "symmetric shortcut": (QUADRATIC, x, lambda v, n: 2 * v["S"] @ v["x"], 1),
    "hessian of the shortcut": (QUADRATIC, x, lambda v, n: 2 * v["S"], 2),
    "cayley-hamilton twin": (CUBE, S, cayley_hamilton_twin, 1),
    "term dropped": (x.T @ x + total(x), x, lambda v, n: 2 * v["x"], 1),
    "small term dropped": (1000 * x.T @ x + total(x), x, lambda v, n: 2000 * v["x"], 1),
    "sum for mean": (apply("mean", x, params=(None,)), x, lambda v, n: np.ones(n["n"]), 1),
    "other shape": (X @ w, X, lambda v, n: np.outer(np.ones(n["n"]), v["w"]), 1),
    "transposed shape": (X @ w, w, lambda v, n: v["X"].T, 1),
    "not a number": (x.T @ x, x, lambda v, n: np.full(n["n"], np.nan), 1),
    "tiny and wrong": (
        Fraction(1, 10**15) * (x.T @ x),
        x,
        lambda v, n: 0 * v["x"],
        1,
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_derivative_is_disproved(name: str) -> None:
    f, wrt, claim, order = WRONG[name]
    report = check(f, wrt, claim, order=order)
    assert report.verdict == "disproved", report
    assert not report.ok


def test_the_cayley_hamilton_twin_would_pass_at_size_two() -> None:
    s = np.random.default_rng(0).normal(size=(2, 2))
    np.testing.assert_allclose(cayley_hamilton_twin({"S": s}, {}), 3 * (s @ s).T)


def test_tiny_derivatives_are_told_from_rounding() -> None:
    tiny = Fraction(1, 10**15) * (x.T @ x)
    assert check(tiny, x, lambda v, n: 2e-15 * v["x"]).ok


# Other questions ---------------------------------------------------------------------------------


def test_a_pullback_is_checked_against_an_upstream_gradient() -> None:
    G = variable("G", (N,))
    f = apply("exp", X @ w)

    def claim(v: Values, n: Any) -> Any:
        return v["X"].T @ (np.exp(v["X"] @ v["w"]) * v["G"])

    assert check(f, w, claim, upstream=G).ok
    wrong = check(f, w, lambda v, n: v["X"].T @ np.exp(v["X"] @ v["w"]), variables=(G,), upstream=G)
    assert wrong.verdict == "disproved"


def test_a_change_along_a_tangent_is_checked() -> None:
    dS = variable("dS", (N, N))

    def claim(v: Values, n: Any) -> Any:
        inverse = np.linalg.inv(v["S"])
        return -inverse @ v["dS"] @ inverse

    assert check(INV, S, claim, tangent=dS).ok
    report = check(INV, S, lambda v, n: claim(v, n).T, tangent=dS)
    assert report.verdict == "disproved"


@pytest.mark.parametrize("name", ["third", "fourth"])
def test_higher_derivatives_are_compared_with_those_of_f_itself(name: str) -> None:
    f, wrt, claim, order = RIGHT[name]
    report = check(f, wrt, claim, order=order)
    assert report.ok
    assert report.error < 1e-6


def test_a_projected_gradient_of_a_symmetric_variable_is_checked() -> None:
    A = variable("A", (N, N), {"symmetric"})
    b = variable("b", (N,))
    f = x.T @ A @ b

    def symmetrised(g: Any, order: int = 1) -> Any:
        return (g + np.swapaxes(g, -1, -2)) / 2

    def plain(v: Values, n: Any) -> Any:
        return np.outer(v["x"], v["b"])

    assert check(f, A, plain).ok
    assert check(f, A, lambda v, n: symmetrised(plain(v, n)), project=symmetrised).ok
    assert check(f, A, plain, project=symmetrised).verdict == "disproved"


def test_declared_columns_and_rows_may_come_with_or_without_their_axis() -> None:
    column = variable("c", (N, 1))
    f = column.T @ column
    for shape in ((-1, 1), (-1,)):
        assert check(f, column, lambda v, n, s=shape: 2 * v["c"].reshape(s)).ok


# Reports -----------------------------------------------------------------------------------------


def test_a_report_is_one_line() -> None:
    f, wrt, claim, _ = RIGHT["logistic"]
    assert str(check(f, wrt, claim)).startswith("8 points, worst relative error ")
    assert str(check(f, wrt, claim)).endswith(" (central differences), seed 0")
    assert "(complex step)" in str(check(f, wrt, claim))
    wrong = str(check(f, wrt, lambda v, n: 2 * claim(v, n)))
    assert wrong.startswith("disproved, entry (")
    assert "claimed" in wrong
    assert "d = " in wrong
    assert "\n" not in wrong


def test_the_worst_entry_is_reproducible() -> None:
    def claim(v: Values, n: Any) -> Any:
        g = 2 * v["x"]
        g[1] += 0.5
        return g

    worst = check(x.T @ x, x, claim).worst
    assert worst is not None
    assert worst.index == (1,)
    assert worst.claimed - worst.numeric == pytest.approx(0.5)
    assert worst.numeric == pytest.approx(2 * worst.point.values["x"][1])
    assert dict(worst.sizes) == worst.point.sizes


def test_the_same_seed_gives_the_same_report_and_another_seed_other_points() -> None:
    f, wrt, claim, _ = RIGHT["relu"]

    def seen(seed: int) -> tuple[str, list[Any]]:
        met: list[Any] = []

        def watching(v: Values, n: Any) -> Any:
            met.append((n, v["w"].tolist()))
            return claim(v, n)

        return str(check(f, wrt, watching, seed=seed)), met

    assert seen(3) == seen(3)
    assert seen(3) != seen(4)


def test_a_claim_cannot_change_the_values_it_is_compared_with() -> None:
    def spoiling(v: Values, n: Any) -> Any:
        g = 2 * v["x"].copy()
        v["x"][:] = 0
        return g

    assert check(x.T @ x, x, spoiling).ok


def test_no_admissible_point_is_undecided_and_says_so() -> None:
    report = check(apply("log", -apply("exp", x)), x, lambda v, n: np.eye(n["n"]))
    assert report.verdict == "undecided"
    assert "no admissible point" in str(report)


def test_a_claim_without_a_value_is_undecided() -> None:
    def failing(v: Values, n: Any) -> Any:
        raise DomainError("inv has no value here")

    report = check(x.T @ x, x, failing)
    assert report.verdict == "undecided"
    assert any("inv has no value here" in note for note in report.notes)


def test_a_difference_between_rounding_and_mistake_is_undecided() -> None:
    report = check(x.T @ x, x, lambda v, n: 2.00002 * v["x"])
    assert report.verdict == "undecided"
    assert any("too small for a mistake" in note for note in report.notes)


def test_a_side_that_cannot_be_is_not_missed() -> None:
    for inside in (x**2, apply("exp", x), apply("norm2", x), apply("log", 1 + x**2)):
        f = total(apply("relu", inside))
        right = check(total(inside), x, lambda v, n: 2 * v["x"]).verdict == "verified"
        assert check(f, x, lambda v, n: 2 * v["x"]).verdict == (
            "verified" if right else "disproved"
        )


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (apply("cos", x) * apply("tan", x) - 2, "relu: never on its positive side"),
        (apply("sin", x) * apply("tan", x) - apply("sinh", x) ** 2 - 1000, "relu: never on its"),
    ],
)
def test_a_side_that_was_not_reached_leaves_it_undecided(inside: Expr, said: str) -> None:
    report = check(total(apply("relu", inside)), x, lambda v, n: 0 * v["x"])
    assert report.verdict == "undecided"
    assert any(said in note for note in report.notes)


@pytest.mark.parametrize(
    ("f", "wrong"),
    [
        (apply("relu", x - 50), lambda v, n: 0 * v["x"]),
        (apply("minimum", x, 1000), lambda v, n: 0 * v["x"] + 1),
        (apply("tanh", apply("mul", 10**6, x)), lambda v, n: 0 * v["x"]),
        (apply("huber", x, 100), lambda v, n: v["x"]),
        (apply("elu", x - 400), lambda v, n: np.exp(np.minimum(v["x"] - 400, 99))),
    ],
)
def test_far_sides_and_narrow_bends_are_looked_at(f: Expr, wrong: Claim) -> None:
    assert check(total(f), x, wrong).verdict == "disproved"


def test_nothing_but_zeros_decides_nothing() -> None:
    for f in (apply("exp", -1000 * (1 + x**2)), apply("erf", 30 + x**2)):
        assert check(total(f), x, lambda v, n: 0 * v["x"]).verdict == "undecided"


def test_the_checker_never_asks_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*args: Any) -> Any:
        raise AssertionError("a rule was used")

    for f in (LOGISTIC, RELU, INV):
        for name in ("partials", "differential", "axes"):
            for node in {n.function for n in _nodes(f)}:
                monkeypatch.setitem(
                    node.__dict__, name, (forbidden,) if name == "partials" else forbidden
                )
    assert check(*RIGHT["logistic"][:3]).ok


def _nodes(f: Expr) -> list[Expr]:
    from matderiv.expr import walk

    return list(walk(f))


def test_reports_compare_as_values() -> None:
    assert CheckReport("verified", 0.0, 0.0, "complex step", 1, 0) == CheckReport(
        "verified", 0.0, 0.0, "complex step", 1, 0
    )


def transformer(blocks: int) -> tuple[str, dict[str, str]]:
    """Blocks of attention and of a layer with relu, and the shapes of their names."""
    lines, last, shapes = [], "X", {"X": "m,d", "Y": "m,d"}
    for k in range(1, blocks + 1):
        lines += [f"A{k} = {last} + softmax({last}*Q{k}*({last}*K{k})', 2)*{last}*V{k}"]
        lines += [f"H{k} = A{k} + relu(A{k}*U{k})*P{k}"]
        shapes |= {f"{c}{k}": "d,d" for c in "QKVUP"}
        last = f"H{k}"
    return f"sum({last}.*Y) where {'; '.join(lines)}", shapes


def transformed(v: Values, blocks: int) -> Any:
    """Its value, in plain NumPy."""
    h = v["X"]
    for k in range(1, blocks + 1):
        weights = np.exp(h @ v[f"Q{k}"] @ (h @ v[f"K{k}"]).T)
        h = h + weights / weights.sum(1, keepdims=True) @ h @ v[f"V{k}"]
        h = h + np.maximum(h @ v[f"U{k}"], 0) @ v[f"P{k}"]
    return np.sum(h * v["Y"])


@pytest.mark.parametrize("blocks", [4, 8])
@pytest.mark.parametrize("by", ["Q1", "V2", "K1"])
def test_deep_networks_are_not_judged_where_numbers_are_rounding(blocks: int, by: str) -> None:
    f, shapes = transformer(blocks)
    found = md.derive(f, by, shapes=shapes)
    rng = np.random.default_rng(blocks)
    sizes = {"m": 4, "d": 3}
    values = {
        k: 0.4 * rng.standard_normal([sizes[c] for c in s.split(",")]) for k, s in shapes.items()
    }
    direction = rng.standard_normal((3, 3))
    ahead, behind = (
        transformed({**values, by: values[by] + h * direction}, blocks) for h in (1e-5, -1e-5)
    )
    slope = np.sum(found.evaluate(values) * direction)
    assert slope == pytest.approx((ahead - behind) / 2e-5, rel=1e-5, abs=1e-9)


def test_a_wrong_gradient_of_a_deep_network_is_refuted() -> None:
    f, shapes = transformer(8)
    found = md.derive(f, "U8", shapes=shapes, check=False)
    wrong = check(found.f, found.wrt, lambda v, n: -found.evaluate({k: v[k] for k in shapes}))
    assert wrong.verdict == "disproved"
    assert check(found.f, found.wrt, lambda v, n: found.evaluate(v)).verdict != "disproved"


@pytest.mark.parametrize(
    ("f", "wrt"),
    [
        ("sum(x) - ones(n)'*x", "x"),
        ("sum(x - mean(x))", "x"),
        ("np.sum(A * B) - np.trace(A @ B.T)", "A"),
        ("norm2(x)^2 - x'*x", "x"),
        ("sum(softmax(x))", "x"),
        ("tr(A*inv(A))", "A"),
    ],
)
def test_rounding_beside_a_derivative_that_is_zero_is_no_difference(f: str, wrt: str) -> None:
    assert md.derive(f, wrt).check().verdict == "verified"
    assert md.verify(f, wrt, f"0*{wrt}").correct is True
    for factor in ("1e-9", "1e-14", "1e-30"):
        assert md.verify(f, wrt, f"{factor}*{wrt}").correct is False


@pytest.mark.parametrize(
    "f",
    [
        "sum(tanh(2*(eye(d)-a*X'*X)*Z'*(Z*(w-a*X'*(X*w-y))-t)))",  # saturated, with the value 0
        "sum(G.*((X-mean(X,1))./s./sqrt(mean((X-mean(X,1)).^2,1)+0.1)),1)'",  # 0 for one row
    ],
)
def test_what_is_left_of_a_zero_is_no_mistake(f: str) -> None:
    assert md.derive(f, "X").check().verdict == "verified"


def test_digits_lost_in_a_saturated_function_are_no_mistake() -> None:
    assert md.derive("sum(tanh(-2*A'*W*(x-A*s)))", "A", order=3).check().verdict == "verified"


def test_a_complex_step_on_a_kink_at_zero_is_no_truth() -> None:
    found = md.derive("sqrt(-cross_entropy(x,y))", "x")  # 0 for one class
    assert found.check().verdict == "verified"
    assert str(found) == "(y - sum(y)*softmax(x))/(2*sqrt(sum(y.*log_softmax(x))))"


@pytest.mark.parametrize("scale", ["1e-20", "1e-30", "1e-150"])
def test_a_small_derivative_is_no_rounding(scale: str) -> None:
    assert md.verify(f"{scale}*sum(x)", "x", "0*x").correct is not True
    assert md.verify(f"{scale}*norm2(x)^2", "x", "0*x").correct is not True
