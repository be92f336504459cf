"""Every derivation is compared with f before anybody sees it, and what is left open is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import matderiv as md
from matderiv.doors.check import check_derivation, gradient_reports, truthful
from matderiv.expr import apply, number, variable


def test_a_right_derivative_carries_its_report() -> None:
    d = md.derive("norm2(A*x - b)^2", "x", shapes={"A": "m,n", "b": "m"})
    assert d.checked is not None
    assert d.checked.ok
    assert str(d) == "2*A'*(A*x - b)"


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("factor", [-1, 2, 0])
def test_a_wrong_derivative_is_not_shown(order: int, factor: int) -> None:
    d = md.derive("sum(exp(x).*x)", "x", order=order, check=False)
    wrong = replace(d, derivative=d.derivative._replace(expr=number(factor) * d.expr))
    with pytest.raises(md.UntrueResult, match="not shown"):
        truthful(wrong)


def test_a_hessian_that_is_right_on_its_diagonal_alone_is_not_shown() -> None:
    d = md.derive("x'*A*x", "x", order=2, check=False)
    A = next(v for v in d.reading.variables.values() if v.name == "A")  # type: ignore[union-attr]
    with pytest.raises(md.UntrueResult):
        truthful(replace(d, derivative=d.derivative._replace(expr=number(2) * A)))


@pytest.mark.parametrize(
    ("f", "by", "said"),
    [
        ("a^(10^9)", "a", "the exponent 1e+09 is too large"),
        ("mean(X.^2)", "X", "too large to check"),
    ],
)
def test_what_is_left_open_is_part_of_the_result(f: str, by: str, said: str) -> None:
    d = md.derive(f, by, shapes={"X": "3000,3000"} if by == "X" else None)
    formula, comment = str(d).splitlines()
    assert comment.startswith("# undecided: ")
    assert said in comment
    assert said[:15] in repr(d)
    assert formula == d.formula
    assert md.derive(formula, by, shapes=d.reading and {"X": "3000,3000"})  # it reads back


def test_a_net_that_nobody_can_write_out_is_derived_all_the_same() -> None:
    W = [variable(f"W{k}", (3, 3)) for k in range(256)]
    x = f = variable("x", (3,))
    for weights in W:
        f = f + apply("relu", weights @ f)
    d = md.derive(apply("sum", f, params=(None,)), x)
    assert d.checked is not None
    assert d.checked.verdict != "disproved"


def test_large_sizes_are_checked_at_small_ones() -> None:
    d = md.derive("logdet(X)", "X", shapes={"X": "5000,5000"})
    assert d.checked is not None
    assert d.checked.ok
    assert check_derivation(d).ok


def test_without_a_check_there_is_no_report() -> None:
    d = md.derive("x'*x", "x", check=False)
    assert d.checked is None
    assert str(d) == "2*x"


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_one_wrong_gradient_among_several_is_found(wrong: int) -> None:
    xs = [variable("a"), variable("b"), variable("c", (), ("positive",))]
    a, b, c = xs

    def gradients(v: dict[str, float], sizes: object) -> list[float]:
        right = [v["b"], v["a"] + v["c"] ** 2, 2 * v["b"] * v["c"]]
        return [g * 1.5 if k == wrong else g for k, g in enumerate(right)]

    reports = gradient_reports(a * b + b * c * c, xs, gradients)
    assert [reports[x.name].verdict == "disproved" for x in xs] == [k == wrong for k in range(3)]


def test_gradients_of_a_program_are_checked() -> None:
    both = md.value_and_gradients("norm2(W*x - y)^2", "W, x")
    assert sorted(both.checked) == ["W", "x"]
    assert all(report.ok for report in both.checked.values())


def test_a_wrong_program_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from matderiv.doors import gradients

    right: Any = gradients.gradients

    def wrong(*args: Any) -> Any:
        back = right(*args)
        return back._replace(gradients=tuple(2 * g for g in back.gradients))

    monkeypatch.setattr(gradients, "gradients", wrong)
    with pytest.raises(md.UntrueResult, match="the gradient by x"):
        md.value_and_gradients("sum(sin(x))", "x")


def test_a_projected_third_derivative_is_compared_along_projected_directions() -> None:
    d = md.derive("tr(S^3)", "S", assume={"S": "symmetric"}, order=3)
    assert d.checked is not None
    assert d.checked.ok
    S = np.array([[1.0, 2.0], [2.0, 5.0]])
    T = d.evaluate({"S": S})
    np.testing.assert_allclose(T, np.swapaxes(T, 4, 5))


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("f", ["inv(A)", "det(A)", "inv(kron(A,A))", "A.*A", "vec(A)", "A'"])
def test_a_matrix_of_one_entry_is_derived_at_every_order(f: str, order: int) -> None:
    d = md.derive(f, "A", shapes={"A": "1,1"}, order=order)
    assert d.checked is not None
    assert d.checked.ok
    scalar = {"inv(A)": -1, "inv(kron(A,A))": -2, "A.*A": 2, "vec(A)": 1, "A'": 1, "det(A)": 1}
    power, truth = float(scalar[f]), 1.0
    for k in range(order):
        truth *= power - k
    found = np.ravel(d.evaluate({"A": [[1.7]]}))
    np.testing.assert_allclose(found, [truth * 1.7 ** (power - order)], atol=1e-12)


def test_a_vec_form_that_is_zero_at_some_sizes_is_not_refused_for_rounding() -> None:
    found = md.derive(
        "norm2(S*W')", "S", shapes={"S": "2,2", "W": "3,2"}, assume={"S": "skew"}, order=2
    )
    assert found.vec_text  # of a 2 × 2 matrix with one free entry: the norm is linear in its size


@pytest.mark.parametrize("fact", ["binary", "labels", "onehot"])
@pytest.mark.parametrize("f", ["sum(huber(x, 1))", "sum(huber(2*x, 2))", "sum(elu(x - 1))"])
def test_data_where_a_formula_changes_contradict_no_second_derivative(f: str, fact: str) -> None:
    assert md.derive(f, "x", assume={"x": fact}, order=2).checked is not None


@pytest.mark.parametrize("f", ["norm2((P + 1).*(P - 1))", "norm2(P.^2 - 1)"])
def test_a_kink_that_facts_force_everywhere_contradicts_nothing(f: str) -> None:
    d = md.derive(f, "P", assume={"P": "labels"})
    assert d.doubt
    at = {"P": [[0.3, -2.0], [1.7, 0.4]]}  # away from the labels the formula is right
    free = md.derive(f, "P").evaluate(at)
    np.testing.assert_allclose(d.evaluate(at), free, atol=1e-12)


def test_entries_that_facts_make_equal_share_a_change() -> None:
    d = md.derive(
        "sum(max(P*ones(k,k), axis=2))", "P", shapes={"P": "k,k"}, assume={"P": "simplex"}
    )
    assert str(d) == "ones(k,k)"


@pytest.mark.parametrize("f", ["max(x, y)", "min(x, y)", "where(x > 0, x, y)", "relu(x)"])
def test_a_fourth_derivative_beside_kinks_is_decided(f: str) -> None:
    d = md.derive(f"sum(({f}).^4)", "x", order=4)
    assert not d.doubt
    wrong = replace(d, derivative=d.derivative._replace(expr=0 * d.expr))
    with pytest.raises(md.UntrueResult):
        truthful(wrong)


@pytest.mark.parametrize(
    ("f", "by", "order"),
    [
        ("huber(cosh(u/2), 0.5)", "u", 1),
        ("norminf(log_softmax(u))", "u", 1),
        ("kl(softmax(w), softmax(w))", "w", 3),
        ("(V - V)*log(1 + y.^2)", "y", 3),
        ("prod((V.*(V - V))*y)", "y", 1),
        ("norm2(softmax(ones(n,n), 2)*w)^2", "w", 2),
        ("huber(where(u > 0, u.^2, -u), 1)", "u", 2),
        ("norm2(kron(V, max(0, 1 - sqrt(1 + y.^2))))", "y", 1),
    ],
)
def test_what_no_numbers_show_is_decided_by_an_exact_identity_or_the_range(
    f: str, by: str, order: int
) -> None:
    checked = md.derive(f, by, order=order, shapes={"V": "m,n", "y": "n"}).checked
    assert checked is not None
    assert checked.ok


@pytest.mark.parametrize(
    ("text", "slope"),
    [
        ("sum(where(softplus(w) > 0, w.^3, w.^2))", lambda w: 3 * w**2),
        ("sum(where(softplus(w/2) <= 0, w, w.^2))", lambda w: 2 * w),
        ("sum(where(2*exp(w) + w.^2 > 0, w.^3, w))", lambda w: 3 * w**2),
    ],
)
def test_what_is_positive_is_not_looked_for_where_floats_make_it_zero(text, slope):
    w = np.array([0.3, -1.2, 2.0])
    assert np.allclose(md.derive(text, "w").evaluate({"w": w}), slope(w))
