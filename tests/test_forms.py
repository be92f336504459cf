"""Results read like a textbook's: as short as the form beside them, and true of the numbers.

The forms were written by hand. Order 2 stands after the sizes where it is asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reader
from truth import assert_close, assert_right, differences, places

from matderiv.doors.derive import derive
from matderiv.numeric.evaluate import evaluate

FORMS: list[tuple[str, str, dict[str, str], str]] = [
    ("det(X^3)", "X", {"X": "n,n"}, "3*det(X^3)*inv(X)'"),
    ("logdet(A*X^2)", "X", {"A": "n,n", "X": "n,n"}, "2*inv(X)'"),
    ("det(A + x*y')", "x", {"A": "n,n", "x": "n", "y": "n"}, "det(A)*inv(A)'*y"),
    ("det(eye(n) + x*y')", "x", {"x": "n", "y": "n"}, "y"),
    ("det(A + x*y')", "A", {"A": "n,n", "x": "n", "y": "n"}, "det(A + x*y')*inv(A + x*y')'"),
    ("logdet(eye(n) + x*x')", "x", {"x": "n"}, "2*x/(1 + x'*x)"),
    ("(x'*y)^2/(x'*x)", "x", {"x": "n"}, "2*(x'*y)*(y - (x'*y)*x/(x'*x))/(x'*x)"),
    ("tr(X^2*B)", "X", {"X": "n,n", "B": "n,n"}, "(X*B + B*X)'"),
    ("tr(A*X^3)", "X", {"A": "n,n", "X": "n,n"}, "(X^2*A + X*A*X + A*X^2)'"),
    ("w'*A*w/(w'*B*w)", "w", {"w": "n"}, "(A + A' - (w'*A*w)*(B + B')/(w'*B*w))*w/(w'*B*w)"),
    ("x'*A*x/(x'*x)", "x", {"x": "n"}, "((A + A')*x - 2*(x'*A*x)*x/(x'*x))/(x'*x)"),
    ("norm2(X - U*V')^2", "V", {"X": "m,n", "U": "m,k"}, "2*(U*V' - X)'*U"),
    ("-log(sigmoid(s - t))", "s", {"s": "", "t": ""}, "-sigmoid(t - s)"),
    ("-sum(log(sigmoid((P - N)*u)))", "u", {"P": "n,k"}, "(N - P)'*sigmoid((N - P)*u)"),
    (
        "-log(sigmoid(u'*v)) - sum(log(sigmoid(-K*u)))",
        "u",
        {"u": "d", "v": "d", "K": "k,d"},
        "K'*sigmoid(K*u) - sigmoid(-u'*v)*v",
    ),
    ("sum(max(0, 1 - y.*(X*w)).^2)", "w", {"X": "n,d"}, "-2*X'*(y.*relu(1 - y.*(X*w)))"),
    ("sum(leaky_relu(W*x, 0.1))", "W", {"W": "m,n"}, "where(W*x>0,1,0.1)*x'"),
    ("sum(where(x>0, y.*x, x.^2))", "x", {"x": "n"}, "where(x>0,y,2*x)"),
    ("x'*x + sum(where(x>0, x, y.*x))", "x", {"x": "n"}, "where(x>0,1,y) + 2*x"),
    ("sum(where(X>Y, X.^3, exp(X)))", "X", {"X": "m,n"}, "where(X>Y,3*X.^2,exp(X))"),
    ("max(a'*x, b'*x)", "x", {"a": "n", "b": "n", "x": "n"}, "where(a'*x>b'*x,a,b)"),
    ("std(x)", "x", {"x": "n"}, "(x - mean(x))/(n*std(x))"),
    ("x^3/3 - 3*x^2/2 + 2*x", "x", {"x": ""}, "(1 - x)*(2 - x)"),
    ("x^3*exp(-x^2)", "x", {"x": ""}, "x^2*exp(-x^2)*(3 - 2*x^2)"),
    ("sqrt(2)*x'*x*sqrt(2)", "x", {"x": "n"}, "4*x"),
    ("sum(erf(x))", "x", {"x": "n"}, "2*exp(-x.^2)/sqrt(pi)"),
    ("sum(log(abs(x)))", "x", {"x": "n"}, "1./x"),
    ("sum(abs(x).^3)", "x", {"x": "n"}, "3*x.*abs(x)"),
    ("sum(x.^3.*abs(x))", "x", {"x": "n"}, "4*abs(x).*x.^2"),
    ("sum(1./abs(x))", "x", {"x": "n"}, "-sign(x)./x.^2"),
    (
        "sum(sin(x.*cos(x)))",
        "x",
        {"x": "n"},
        "cos(x.*cos(x)).*(cos(x) - x.*sin(x))",
    ),
    (
        "sum(step(Z).*(D*B'),1)*r",
        "r",
        {"Z": "n,h", "D": "n,k", "B": "h,k", "r": "h"},
        "sum(step(Z).*(D*B'),1)'",
    ),
]
HESSIANS: list[tuple[str, str, dict[str, str], str]] = [
    (
        "sum(log(1 + exp(-y.*(X*w))))",
        "w",
        {"X": "n,d"},
        "X'*diag(y.^2.*sigmoid(y.*(X*w)).*(1 - sigmoid(y.*(X*w))))*X",
    ),
    ("sum(where(x>0, x.^3, exp(x)))", "x", {"x": "n"}, "diag(where(x>0,6*x,exp(x)))"),
    ("sum(where(x>0, x.^2, 3*x.^2))", "x", {"x": "n"}, "2*diag(where(x>0,1,3))"),
    ("sum(gelu(x))", "x", {"x": "n"}, "diag((2 - x.^2).*exp(-x.^2/2))/sqrt(2*pi)"),
    ("sigmoid(x)", "x", {"x": ""}, "sigmoid(x)*(1 - sigmoid(x))*(1 - 2*sigmoid(x))"),
]


@pytest.mark.parametrize(("expr", "wrt", "shapes", "form"), FORMS)
def test_a_gradient_is_as_short_as_by_hand(
    expr: str, wrt: str, shapes: dict[str, str], form: str
) -> None:
    assert_right(expr, wrt, shapes=shapes, form=form)


@pytest.mark.parametrize(("expr", "wrt", "shapes", "form"), HESSIANS)
def test_a_hessian_is_as_short_as_by_hand(
    expr: str, wrt: str, shapes: dict[str, str], form: str
) -> None:
    assert_right(expr, wrt, shapes=shapes, form=form, order=2)


@pytest.mark.parametrize("f", ["-gelu(-x)", "-gelu(-2*x)", "3 - silu(-x)", "-elu(-x)"])
def test_no_sum_has_a_sign_behind_its_plus(f: str) -> None:
    d = derive(f, "x", shapes={"x": "n"})
    assert "+ -" not in str(d)
    assert "+ -" not in d.text()


def test_a_long_product_of_numbers_is_a_power() -> None:
    d = derive("x'*y*" * 100 + "x", "x", shapes={"x": "n", "y": "n"})
    assert str(d) == "(x'*y)^99*(100*x*y' + (x'*y)*eye(n))"
    assert len(d.markdown()) < 10_000


def test_the_fourth_derivative_of_a_sigmoid_is_a_product() -> None:
    form = "s*(1 - s)*(1 - 2*s)*(1 + 12*s^2 - 12*s) where s = sigmoid(x)"
    found = assert_right("sigmoid(x)", "x", shapes={"x": ""}, order=4)
    for point in places(found):
        wanted = reader.value(form, point.values, point.sizes)
        assert_close(found.at(point.values, point.sizes), wanted, form)
    assert len(str(found)) <= len(form.replace("s", "sigmoid(x)"))


@pytest.mark.parametrize(
    "typed", ["sum(log(1 + exp(-y.*(X*w))))", "sum(log(1 + exp(-(y.*(X*w)))))"]
)
def test_a_sign_is_where_the_reader_expects_it_however_it_was_typed(typed: str) -> None:
    assert str(derive(typed, "w", shapes={"X": "n,d"})) == "-X'*(y.*sigmoid(-y.*(X*w)))"


# Facts --------------------------------------------------------------------------------------------

FACTS: list[tuple[str, str, dict[str, str], dict[str, str], str]] = [
    (
        "-sum(Y.*log(softmax(X*W,2)))",
        "W",
        {"X": "n,d", "W": "d,k", "Y": "n,k"},
        {"Y": "onehot"},
        "X'*(softmax(X*W, axis=2) - Y)",
    ),
    ("norm2(M.*X)^2", "X", {"M": "m,n", "X": "m,n"}, {"M": "binary"}, "2*M.*X"),
    ("sum((y.*x).^2)", "x", {"x": "n", "y": "n"}, {"y": "labels"}, "2*x"),
    ("norm2(Q*x)^2", "x", {"Q": "n,n", "x": "n"}, {"Q": "orthogonal"}, "2*x"),
    ("norm2(P*x)^2", "x", {"P": "n,n"}, {"P": "symmetric idempotent"}, "2*P*x"),
    ("norm2(x - P*x)^2", "x", {"P": "n,n"}, {"P": "symmetric idempotent"}, "2*(x - P*x)"),
    ("y'*(eye(N) - P)^3*y", "y", {"P": "N,N"}, {"P": "symmetric idempotent"}, "2*(eye(N) - P)*y"),
    ("tr(P*A*P)", "A", {"P": "n,n"}, {"P": "idempotent"}, "P'"),
    ("x'*A*x", "x", {"A": "n,n", "x": "n"}, {"A": "symmetric"}, "2*A*x"),
    ("x'*inv(A)*x", "x", {"A": "n,n", "x": "n"}, {"A": "posdef"}, "2*inv(A)*x"),
    ("x'*A*x", "x", {"A": "n,n", "x": "n"}, {"A": "skew"}, "zeros(n)"),
]


@pytest.mark.parametrize(("expr", "wrt", "shapes", "facts", "form"), FACTS)
def test_a_declared_fact_shortens_the_result_and_is_named(
    expr: str, wrt: str, shapes: dict[str, str], facts: dict[str, str], form: str
) -> None:
    found = assert_right(expr, wrt, shapes=shapes, assume=facts)
    assert str(found) == form
    told = (f"{name} is {w}" for name, words in facts.items() for w in sorted(words.split()))
    assert found.facts_used == tuple(told)


# Ties ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "wrt", "shapes"),
    [
        ("norminf(A - A')", "A", {"A": "n,n"}),
        ("max(A + A')", "A", {"A": "n,n"}),
        ("min(x*x')", "x", {"x": "n"}),
        ("sum(max(A, A'))", "A", {"A": "n,n"}),
        ("sum(max(A + B, B + A))", "A", {"A": "n,n", "B": "n,n"}),
        ("sum(min(A, A'))", "A", {"A": "n,n"}),
        ("max((w - mean(w)).^2)", "w", {"w": "n"}),
        ("max(1./(0.1 + (w - mean(w)).^2))", "w", {"w": "n"}),
    ],
)
def test_entries_that_are_equal_by_construction_share_their_change(
    expr: str, wrt: str, shapes: dict[str, str]
) -> None:
    found = derive(expr, wrt, shapes=shapes)
    rng = np.random.default_rng(3)
    for n in (2, 4, 2, 4):
        values = {v: rng.standard_normal((n,) * len(s.split(","))) for v, s in shapes.items()}
        sizes = {"n": n}

        def f(x: Any, values: dict[str, Any] = values, sizes: dict[str, int] = sizes) -> Any:
            return reader.value(expr, {**values, wrt: x}, sizes)

        truth = differences(f, values[wrt])
        assert_close(found.at(values, sizes), truth, f"{expr}: {found}")


def test_a_maximum_without_ties_keeps_its_short_derivative() -> None:
    assert str(derive("max(A*x)", "x")) == "A'*(A*x>=max(A*x))"
    assert str(derive("max(relu(x))", "x")) == "step(x).*(relu(x)>=max(relu(x)))"


# Bounds of the search -----------------------------------------------------------------------------


def test_a_sum_too_long_to_be_searched_is_said_so() -> None:
    def found(count: int) -> Any:
        return derive(" + ".join(f"norm2(A{k}*x - y{k})^2" for k in range(count)), "x")

    assert found(13).notes[-1] == (
        "the form may not be the shortest: common factors are looked for in sums of up to "
        "12 terms, this has 13"
    )
    assert not any("shortest" in note for note in found(12).notes)


def test_a_long_sum_of_the_user_is_not_the_search_s_fault() -> None:
    long = " + ".join(f"a{k}*x" for k in range(20))
    found = derive(f"exp(({long})'*y)", "y", shapes={"y": "n", "x": "n"})
    assert not any("shortest" in note for note in found.notes)


TRIANGLES = [
    ("sum(tril(X)*X)", "sum(X,2)'.*tril(ones(n,n)) + sum(tril(X),1)'"),
    ("sum(X*triu(X))", "sum(X,1)'.*triu(ones(n,n)) + sum(triu(X),2)'"),
    ("sum(tril(X).^2)", "2*tril(X)"),
    ("sum(tril(X).^3.*A)", "3*A.*tril(X).^2"),
]


@pytest.mark.parametrize(("f", "expected"), TRIANGLES, ids=[f for f, _ in TRIANGLES])
def test_triangles_of_rows_and_of_triangles(f: str, expected: str) -> None:
    D = derive(f, "X", shapes={"X": "n,n"})
    assert D.check().verdict == "verified"
    assert str(D) == expected


@pytest.mark.parametrize(
    ("f", "wrt"),
    [("tr((M + M')*M')", "M"), ("v'*(B + B' + B')*v", "v"), ("tr(W'*(W + W' + W'))", "W")],
)
def test_a_matrix_with_its_transpose_twice_is_not_symmetric(f: str, wrt: str) -> None:
    assert derive(f, wrt).checked.ok


PLACED = [  # f of entries of a small array, by it, and its derivative as it is written by hand
    ("[x_1^2*x_2; 5*x_1 + sin(x_2)]", "x", "2", "[2*x[2]*x[1], x[1]^2; 5, cos(x[2])]"),
    ("x_1*x_2 + x_3^2", "x", "3", "[x[2]; x[1]; 2*x[3]]"),
    ("A_{11}*A_{22} - A_{12}*A_{21}", "A", "2,2", "[A[2,2], -A[2,1]; -A[1,2], A[1,1]]"),
    ("x_1", "x", "3", "unit(3,1)"),
    ("x_1*x_2 + norm2(x)^2", "x", "3", "x[2]*unit(3,1) + x[1]*unit(3,2) + 2*x"),
]


@pytest.mark.parametrize(("f", "wrt", "shape", "form"), PLACED)
def test_entries_with_places_are_written_out(f: str, wrt: str, shape: str, form: str) -> None:
    found = derive(f, wrt, shapes={wrt: shape})
    assert found.formula == form
    rng = np.random.default_rng(6)
    values = {wrt: rng.normal(size=tuple(map(int, shape.split(","))))}
    np.testing.assert_allclose(
        np.squeeze(evaluate(found.displayed, values)), found.evaluate(values), rtol=1e-12
    )
