"""Values: stable forms, bindings of sizes, errors with sizes, limits, depth."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import matderiv as md
from matderiv.errors import DomainError, LimitError, ShapeError, UnknownName
from matderiv.expr import Expr, apply, eye, number, size_expr, variable
from matderiv.input.resolve import read
from matderiv.numeric.evaluate import bind, bind_sizes, compile_, evaluate
from matderiv.numeric.stable import expanded, stable_all
from matderiv.shapes import Dim, times


def stable(e: Expr) -> Expr:
    """The stable form of one expression."""
    return stable_all((e,))[0]


M, N, D = Dim(("m",)), Dim(("n",)), Dim(("d",))
x, t = variable("x", (N,)), variable("t")
X, w = variable("X", (N, D)), variable("w", (D,))


def total(e: Expr, axis: int | None = None) -> Expr:
    return apply("sum", e, params=(axis,))


def exp(e: Expr) -> Expr:
    return apply("exp", e)


def log(e: Expr) -> Expr:
    return apply("log", e)


sigmoid_forms = [
    apply("sigmoid", t),
    1 / (1 + exp(-t)),
    apply("div", 1, exp(-t) + 1),
    apply("power", 1 + exp(-t), -1),
    (1 + exp(-t)) ** -1,
    exp(t) / (1 + exp(t)),
]
softplus_forms = [
    apply("softplus", t),
    log(1 + exp(t)),
    log(exp(t) + 1),
    apply("log1p", exp(t)),
    -log(apply("sigmoid", -t)),
    -log(1 - apply("sigmoid", t)),
    -log(1 / (1 + exp(t))),
]


@pytest.mark.parametrize("form", sigmoid_forms)
@pytest.mark.parametrize(("at", "value"), [(-800.0, 0.0), (800.0, 1.0), (0.0, 0.5)])
def test_a_sigmoid_is_finite_however_it_is_written(form: Expr, at: float, value: float) -> None:
    assert evaluate(form, {"t": at}) == pytest.approx(value, abs=1e-300)


@pytest.mark.parametrize("form", softplus_forms)
@pytest.mark.parametrize(("at", "value"), [(1000.0, 1000.0), (-1000.0, 0.0), (0.0, np.log(2))])
def test_a_softplus_is_finite_however_it_is_written(form: Expr, at: float, value: float) -> None:
    assert evaluate(form, {"t": at}) == pytest.approx(value, abs=1e-300)


@pytest.mark.parametrize("form", [*sigmoid_forms, *softplus_forms])
def test_a_complex_step_passes_through_stable_forms_far_out(form: Expr) -> None:
    for at in (-800.0, 0.3, 800.0):
        slope = evaluate(form, {"t": at + 1e-30j}, analytic=True).imag / 1e-30
        s = evaluate(apply("sigmoid", t), {"t": at})
        wanted = s * (1 - s) if form in sigmoid_forms else s
        assert slope == pytest.approx(wanted, abs=1e-12)


def test_logsumexp_and_softmax_do_not_overflow_as_written() -> None:
    z = np.array([1e4, 1e4 + 1, -1e4])
    right = 1e4 + np.log1p(np.e)
    assert evaluate(log(total(exp(x))), {"x": z}) == pytest.approx(right)
    assert evaluate(apply("logsumexp", x, params=(None,)), {"x": z}) == pytest.approx(right)
    shares = evaluate(exp(x) / total(exp(x)), {"x": z})
    assert shares == pytest.approx([1 / (1 + np.e), np.e / (1 + np.e), 0])
    logs = evaluate(log(exp(x) / total(exp(x))), {"x": z})
    assert np.isfinite(logs).all()
    assert logs == pytest.approx(z - right)


@pytest.mark.parametrize("axis", [None, 1, 2])
def test_softmax_written_out_along_an_axis(axis: int | None) -> None:
    values = {"X": np.random.default_rng(0).normal(size=(4, 3)) + 1e3}
    found = evaluate(exp(X) / total(exp(X), axis), values)
    over = None if axis is None else axis - 1
    e = np.exp(values["X"] - 1e3)
    np.testing.assert_allclose(found, e / e.sum(axis=over, keepdims=True))


def test_the_determinant_of_a_large_matrix_may_overflow_its_logarithm_does_not() -> None:
    A = variable("A", (N, N))
    values = {"A": 100 * np.eye(200)}
    assert evaluate(log(apply("det", A)), values) == pytest.approx(200 * np.log(100))


def test_entropy_forms_of_logits_are_stable() -> None:
    s = apply("sigmoid", x)
    y = variable("y", (N,))
    values = {"x": [800.0, -800.0], "y": [1.0, 0.0]}
    assert evaluate(apply("bce", s, y), values) == pytest.approx(0.0)
    assert evaluate(apply("bce_logits", x, y), values) == pytest.approx(0.0)


@settings(max_examples=60, deadline=None)
@given(st.floats(-30, 30))
def test_a_stable_form_has_the_value_of_what_is_written(at: float) -> None:
    assert evaluate(log(1 + exp(t)), {"t": at}) == pytest.approx(np.log(1 + np.exp(at)))
    assert evaluate(1 / (1 + exp(-t)), {"t": at}) == pytest.approx(1 / (1 + np.exp(-at)))


def test_stable_leaves_alone_what_only_looks_alike() -> None:
    for e in (log(1 - exp(t)), log(2 + t), 2 / (1 + exp(t)), log(total(x)), (1 + exp(t)) ** 2):
        assert stable(e) is e
    A = variable("A", (N, N))
    assert stable(apply("power", 1 + exp(A), -1)).function.name == "power"
    assert stable(exp(X) / total(X)).function.name == "div"


# Shapes ------------------------------------------------------------------------------------------


def test_values_have_their_concrete_shapes() -> None:
    values = {"X": np.ones((4, 3)), "w": np.ones(3), "x": np.ones(4), "t": 2}
    assert evaluate(x.T @ x, values).shape == ()
    assert evaluate(x.T, values).shape == (1, 4)
    assert evaluate(X @ w, values).shape == (4,)
    assert evaluate(total(X, 1), values).shape == (1, 3)
    assert evaluate(total(X, 2), values).shape == (4,)
    assert evaluate(apply("vec", X), values).shape == (12,)
    assert evaluate(x @ w.T, values).shape == (4, 3)
    assert evaluate(number(3), {}).shape == ()


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("d", [1, 3])
def test_sizes_of_one_keep_the_axes_that_are_declared(n: int, d: int) -> None:
    rng = np.random.default_rng(0)
    values = {"X": rng.normal(size=(n, d)), "w": rng.normal(size=d), "x": rng.normal(size=n)}
    a, b, c = values["X"], values["w"], values["x"]
    for e, right in (
        (X @ w, a @ b),
        (X.T @ x, a.T @ c),
        (x @ w.T, np.outer(c, b)),
        (X.T @ X, a.T @ a),
        (apply("diag", w), np.diag(b)),
        (apply("diag", X.T @ X), np.diag(a.T @ a)),
        (apply("kron", X, X.T), np.kron(a, a.T)),
        (X - total(X, 1), a - a.sum(axis=0, keepdims=True)),
        (X - total(X, 2), a - a.sum(axis=1, keepdims=True)),
        (apply("softmax", X, params=(2,)), np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)),
    ):
        found = evaluate(e, values)
        assert found.shape == np.shape(right)
        np.testing.assert_allclose(found, right)


def test_columns_and_rows_broadcast_in_every_elementwise_function() -> None:
    values = {"X": np.arange(6.0).reshape(2, 3) - 2.2, "x": np.array([1.0, 2.0])}
    found = evaluate(apply("leaky_relu", X, x), values)
    a = values["X"]
    np.testing.assert_allclose(found, np.where(a > 0, a, values["x"][:, None] * a))


def test_sizes_are_numbers_in_expressions_and_parameters() -> None:
    values = {"x": [1.0, 2.0, 3.0]}
    assert evaluate(total(x) / size_expr(N), values) == 2.0
    assert evaluate(apply("tr", eye(N)), {}, {"n": 5}) == 5.0
    assert evaluate(eye(times(M, N)), {}, {"m": 2, "n": 3}).shape == (6, 6)
    spec = apply("einsum", X, X, params=("ij,kj->ik",))
    assert evaluate(spec, {"X": np.ones((2, 3))}).tolist() == [[3.0, 3.0], [3.0, 3.0]]


# Binding -----------------------------------------------------------------------------------------


def test_sizes_bind_from_the_arrays() -> None:
    assert bind_sizes([X, w], {"X": np.ones((4, 3)), "w": np.ones(3)}) == {"n": 4, "d": 3}
    twice = variable("v", (Dim(("n",), 2),))
    assert bind_sizes([twice], {"v": np.ones(6)}) == {"n": 3}
    both = variable("v", (times(M, N),))
    assert bind_sizes([both, x], {"v": np.ones(6), "x": np.ones(2)}) == {"n": 2, "m": 3}


@pytest.mark.parametrize(
    ("shape", "given_shape", "bound_shape"),
    [
        ((N,), (4, 1), (4,)),
        ((1, N), (4,), (1, 4)),
        ((N, 1), (4,), (4, 1)),
        ((), (1,), ()),
        ((), (1, 1), ()),
        ((1, 1), (), (1, 1)),
    ],
)
def test_vectors_may_come_as_columns_and_rows_as_vectors(
    shape: tuple[Dim | int, ...], given_shape: tuple[int, ...], bound_shape: tuple[int, ...]
) -> None:
    arrays, _ = bind([variable("v", shape)], {"v": np.ones(given_shape)})
    assert arrays["v"].shape == bound_shape


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({"X": np.ones((4, 3)), "w": np.ones(5)}, ShapeError, ["d is 3", "X: n × d", "5", "w: d"]),
        ({"X": np.ones((4, 3)), "w": np.ones((1, 3))}, ShapeError, ["w is d", "1 × 3", "axes"]),
        ({"X": np.ones(3), "w": np.ones(3)}, ShapeError, ["X is n × d", "3"]),
        ({"X": np.ones((4, 3))}, UnknownName, ["no value for w"]),
        ({"X": np.ones((4, 3)), "w": ["a"] * 3}, DomainError, ["w holds text"]),
        ({"X": np.ones((4, 3)), "w": [None] * 3}, DomainError, ["w holds None"]),
        ({"X": np.ones((4, 3)), "w": [1j] * 3}, DomainError, ["w holds complex"]),
        ({"X": [[1, 2], [3]], "w": np.ones(3)}, DomainError, ["X is not a regular array"]),
        ({"X": np.ones((0, 3)), "w": np.ones(3)}, ShapeError, ["X has no entries"]),
    ],
)
def test_wrong_values_are_refused_with_the_sizes(
    values: dict[str, object], kind: type[Exception], words: list[str]
) -> None:
    with pytest.raises(kind) as caught:
        evaluate(X @ w, values)
    for word in words:
        assert word in str(caught.value)


def test_declared_numbers_and_products_of_sizes_are_checked() -> None:
    with pytest.raises(ShapeError, match="has 3 entries, its value has 4"):
        evaluate(variable("v", (3,)), {"v": np.ones(4)})
    with pytest.raises(ShapeError, match="does not settle m\\*n"):
        bind_sizes([variable("v", (times(M, N),))], {"v": np.ones(6)})
    with pytest.raises(ShapeError, match=r"m\*n is 6, with m = 2 .* n = 3 .*, and 7"):
        bind_sizes(
            [variable("v", (times(M, N),)), variable("A", (M, N))],
            {"v": np.ones(7), "A": np.ones((2, 3))},
        )
    with pytest.raises(UnknownName, match="no value binds the size n"):
        evaluate(eye(N), {})
    with pytest.raises(ShapeError, match="whole numbers from 1"):
        evaluate(eye(N), {}, {"n": 0})


# Limits, depth, warnings -----------------------------------------------------------------------


def test_arrays_beyond_the_limit_are_refused_before_they_are_made() -> None:
    with pytest.raises(LimitError, match=r"10000000000 entries, the limit is 10000000"):
        evaluate(eye(N), {}, {"n": 10**5})
    with pytest.raises(LimitError, match="the limit is"):
        evaluate(x @ x.T, {"x": np.ones(10**4)})


def test_ten_thousand_functions_deep() -> None:
    e: Expr = t
    for _ in range(10_000):
        e = apply("sin", e)
    assert 0 < evaluate(e, {"t": 1.0}) < 0.02
    deep: Expr = t
    for _ in range(5_000):
        deep = apply("mse", deep, 0)
    assert evaluate(deep, {"t": 1.0}) == 1.0


def test_shared_parts_are_computed_once() -> None:
    e: Expr = t
    for _ in range(200):
        e = e + e
    assert evaluate(e, {"t": 1.0}) == 2.0**200
    assert len(compile_((e,)).instructions) == 201


def test_warnings_of_numpy_stay_inside_and_its_settings_stay_as_they_were() -> None:
    before = np.geterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(evaluate(log(t), {"t": -1.0}))
        assert evaluate(1 / t, {"t": 0.0}) == np.inf
        assert evaluate(exp(t), {"t": 1e4}) == np.inf
    assert np.geterr() == before


def test_a_singular_matrix_is_a_domain_error() -> None:
    A = variable("A", (N, N))
    with pytest.raises(DomainError, match="inv has no value here"):
        evaluate(apply("inv", A), {"A": np.zeros((2, 2))})
    assert np.isnan(evaluate(apply("power", A, t), {"A": -np.eye(2), "t": 0.5})).all()
    with pytest.raises(DomainError, match="too large for a float"):
        evaluate(number(10**400) * t, {"t": 1.0})
    with pytest.raises(DomainError, match="too large for a float"):
        md.derive("x/(3*1e308)", "x").steps()


def test_values_are_not_changed_and_not_shared() -> None:
    given_value = np.ones(3)
    result = evaluate(x, {"x": given_value})
    result[0] = 7
    assert given_value.tolist() == [1, 1, 1]


def test_shorthands_are_written_out_to_the_last() -> None:
    found = expanded(apply("std", x, params=(None,)))
    assert found.function.name == "sqrt"
    assert evaluate(apply("std", x, params=(None,)), {"x": [1.0, 3.0]}) == 1.0


EXP = np.exp
QUOTIENTS = [  # which axis the largest exponent belongs to
    ("sum(Y.*exp(X),1)'./sum(exp(X),2)", lambda X, Y: (Y * EXP(X)).sum(0) / EXP(X).sum(1)),
    ("exp(X)./sum(exp(X),2)'", lambda X, Y: EXP(X) / EXP(X).sum(1)[None, :]),
    ("(exp(X)'*Y)./(exp(X)+exp(Y))", lambda X, Y: EXP(X).T @ Y / (EXP(X) + EXP(Y))),
    ("(Y*exp(X))./(exp(X)+exp(Y))", lambda X, Y: Y @ EXP(X) / (EXP(X) + EXP(Y))),
    ("diag(exp(X))./sum(exp(X),1)'", lambda X, Y: np.diag(EXP(X)) / EXP(X).sum(0)),
    ("mean(exp(X),1)'./mean(exp(X),2)", lambda X, Y: EXP(X).sum(0) / EXP(X).sum(1)),
]


@pytest.mark.parametrize(("formula", "value"), QUOTIENTS)
def test_a_quotient_of_exponentials_of_a_square_matrix(formula: str, value: Any) -> None:
    rng = np.random.default_rng(2)
    X, Y = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
    e = read(formula, shapes={"X": "n,n", "Y": "n,n"}).expr
    found = evaluate(e, {"X": X, "Y": Y}, {"n": 3})
    np.testing.assert_allclose(np.squeeze(found), value(X, Y), rtol=1e-12)
