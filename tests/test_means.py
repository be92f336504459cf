"""Means over normal variables: closed forms, their derivatives, and what is refused.

The truth of a mean is Gauss-Hermite quadrature of the body as NumPy has it, and that of a
derivative the central differences of this mean. A KL divergence is the mean of a log-ratio.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest

from matderiv import derive, solve, value_and_gradients, verify
from matderiv.errors import (
    LimitError,
    MatderivError,
    NoClosedForm,
    ParseError,
    ShapeError,
    UnknownFunction,
    UnknownName,
)
from matderiv.input.asking import read_question

Values = dict[str, Any]
RNG = np.random.default_rng(3)
GIVEN: Values = {
    **{n: RNG.normal(size=(3, 3)) for n in "AC"},
    **{n: (b := RNG.normal(size=(3, 3))) @ b.T / 3 + np.eye(3) for n in "ST"},
    **{n: RNG.normal(size=3) for n in "abmuy"},
    "L": RNG.normal(size=(3, 2)),
    "v": np.array([0.5, 1.2, 0.8]),
    "s": np.float64(1.3),
    "t": np.float64(-0.4),
}
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(5)


def mean(body: Callable[[Any], Any], m: Any, covariance: Any) -> Any:
    """The mean of a body over a normal vector or number, exact up to degree 9."""
    s = np.atleast_2d(covariance)
    width, turn = np.linalg.eigh((s + s.T) / 2)
    total: Any = 0
    for at in product(range(5), repeat=len(s)):
        x = m + np.reshape(turn @ (np.sqrt(np.maximum(width, 0)) * NODES[list(at)]), np.shape(m))
        total = total + np.prod(WEIGHTS[list(at)] / WEIGHTS.sum()) * np.asarray(body(x))
    return total


class Case(NamedTuple):
    """A mean as typed, its variable, its body in NumPy, its mean and covariance."""

    typed: str
    wrt: str
    body: Callable[[Any, Values], Any]
    at: Callable[[Values], tuple[Any, Any]] = lambda v: (v["m"], v["S"])


def standard(v: Values) -> tuple[Any, Any]:
    return np.zeros(3), np.eye(3)


CASES = (
    *(Case("E[x'*A*x] with x ~ N(m, S)", w, lambda x, v: x @ v["A"] @ x) for w in "mAS"),
    Case(r"\mathbb{E}_{x \sim \mathcal{N}(m, S)}[x^\top A x]", "m", lambda x, v: x @ v["A"] @ x),
    Case(r"\mathbb E[x^\top A x], \quad x \sim \mathcal N(m, S)", "S", lambda x, v: x @ v["A"] @ x),
    Case(
        r"\mathbb E\left[\|A x - b\|^2\right] \text{ where } x \sim N(0, I)",
        "A",
        lambda x, v: np.sum((v["A"] @ x - v["b"]) ** 2),
        standard,
    ),
    Case("E[x] with x ~ N(m, S)", "m", lambda x, v: x),
    Case("E[x*x'] with x ~ N(m, S)", "m", lambda x, v: np.outer(x, x)),
    Case("E[x*x'*A*x], x ~ N(m, S)", "m", lambda x, v: x * (x @ v["A"] @ x)),
    Case("E[x.^4] with x ~ N(m, S)", "S", lambda x, v: x**4),
    Case("E[x*x'*x*x'*b] with x ~ N(0, S)", "S", lambda x, v: x * (x @ x) * (x @ v["b"]),
         lambda v: (np.zeros(3), v["S"])),
    Case("E[sum(x.^3)] with x ~ N(m, S)", "m", lambda x, v: np.sum(x**3)),
    Case("E[(a'*x)^4] with x ~ N(m, S)", "a", lambda x, v: (v["a"] @ x) ** 4),
    Case("E[(a'*x)^6] with x ~ N(m, S)", "m", lambda x, v: (v["a"] @ x) ** 6),
    *(
        Case("E[(x'*A*x)*(x'*C*x)] with x ~ N(m, S)", w,
             lambda x, v: (x @ v["A"] @ x) * (x @ v["C"] @ x))
        for w in "mAS"
    ),
    Case("E[norm2(x - y)^4] with x ~ N(m, S)", "y", lambda x, v: np.sum((x - v["y"]) ** 2) ** 2),
    Case("E[(x - y)'*A*(x - y)]/2 with x ~ N(m, S)", "y",
         lambda x, v: (x - v["y"]) @ v["A"] @ (x - v["y"]) / 2),
    *(
        Case("E[x'*A*x] with x ~ N(m, L*L')", w, lambda x, v: x @ v["A"] @ x,
             lambda v: (v["m"], v["L"] @ v["L"].T))
        for w in "LA"
    ),
    Case("E[x'*A*x] with x ~ N(m, diag(v))", "v", lambda x, v: x @ v["A"] @ x,
         lambda v: (v["m"], np.diag(v["v"]))),
    Case("E[x'*A*x] with x ~ N(0, s^2*I)", "s", lambda x, v: x @ v["A"] @ x,
         lambda v: (np.zeros(3), v["s"] ** 2 * np.eye(3))),
    Case("E[x'*A*x + b'*x] with x ~ N(A*y, S + T)", "y",
         lambda x, v: x @ v["A"] @ x + v["b"] @ x, lambda v: (v["A"] @ v["y"], v["S"] + v["T"])),
    Case("E[(m + v.*z)'*A*(m + v.*z)] with z ~ N(0, I)", "v",
         lambda x, v: (v["m"] + v["v"] * x) @ v["A"] @ (v["m"] + v["v"] * x), standard),
    Case("E[(x - t)^4] with x ~ N(0, s^2)", "s", lambda x, v: (x - v["t"]) ** 4,
         lambda v: (np.float64(0), v["s"] ** 2)),
    Case("E[x^3] with x ~ N(t, s^2)", "t", lambda x, v: x**3, lambda v: (v["t"], v["s"] ** 2)),
    *(
        Case("E[log(N(x, u, T))] with x ~ N(m, S)", w, lambda x, v: log_density(x, v["u"], v["T"]))
        for w in "uTmS"
    ),
    *(
        Case("KL(N(m, S) || N(u, T))", w,
             lambda x, v: log_density(x, v["m"], v["S"]) - log_density(x, v["u"], v["T"]))
        for w in "mSuT"
    ),
    Case(r"D_{KL}(\mathcal{N}(m, S) \| \mathcal{N}(0, I))", "S",
         lambda x, v: log_density(x, v["m"], v["S"]) - log_density(x, 0 * x, np.eye(3))),
    Case("KL(N(t, s^2) || N(0, 1))", "s",
         lambda x, v: log_density(x, v["t"], v["s"] ** 2) - log_density(x, 0.0, 1.0),
         lambda v: (v["t"], v["s"] ** 2)),
)  # fmt: skip


def log_density(x: Any, m: Any, s: Any) -> Any:
    """The logarithm of a normal density with the symmetric part of a matrix as covariance."""
    s = (np.atleast_2d(s) + np.atleast_2d(s).T) / 2
    away = np.atleast_1d(x - m)
    return -(away @ np.linalg.solve(s, away) + np.linalg.slogdet(2 * np.pi * s)[1]) / 2


def slope(f: Callable[[Values], Any], values: Values, name: str) -> Any:
    """Central differences, with the axes of f first."""
    at, h = np.asarray(values[name]), 1e-5
    found = []
    for k in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[k] = h
        up, down = (np.asarray(f({**values, name: at + sign * step})) for sign in (1, -1))
        found.append((up - down) / (2 * h))
    return np.moveaxis(
        np.reshape(found, (*at.shape, *found[0].shape)), range(at.ndim), range(-at.ndim, 0)
    )


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.typed} by {c.wrt}")
def test_a_mean_has_the_derivative_of_its_quadrature(case: Case) -> None:
    found = derive(case.typed, case.wrt)
    assert found.checked is not None
    assert found.checked.verdict == "verified"
    truth = slope(lambda v: mean(lambda x: case.body(x, v), *case.at(v)), GIVEN, case.wrt)
    assert found.reading is not None
    values = {n: GIVEN[n] for n in found.reading.variables}
    value = found.evaluate(values) if values else found.at({}, {"n": 3})
    np.testing.assert_allclose(value, truth, rtol=1e-6, atol=1e-6)


SPREADS: tuple[tuple[str, str, Callable[[Any, Values], Any]], ...] = (
    *(("Var[x'*A*x] with x ~ N(m, S)", w, lambda x, v: x @ v["A"] @ x) for w in "mAS"),
    (r"\mathrm{Var}_{x \sim \mathcal{N}(m, S)}[a^\top x]", "a", lambda x, v: v["a"] @ x),
    (r"\operatorname{Cov}(A x + b), \quad x \sim N(m, S)", "A", lambda x, v: v["A"] @ x + v["b"]),
    ("Var[x.^2 + (a'*x)*b] with x ~ N(m, S)", "m", lambda x, v: x**2 + (v["a"] @ x) * v["b"]),
)


@pytest.mark.parametrize(("typed", "wrt", "body"), SPREADS)
def test_a_covariance_has_the_derivative_of_its_quadrature(
    typed: str, wrt: str, body: Callable[[Any, Values], Any]
) -> None:
    found = derive(typed, wrt)
    assert found.checked is not None
    assert found.checked.verdict == "verified"

    def spread(v: Values) -> Any:
        centre = mean(lambda x: body(x, v), v["m"], v["S"])
        return mean(lambda x: np.multiply.outer(*[body(x, v) - centre] * 2), v["m"], v["S"])

    truth = slope(spread, GIVEN, wrt)
    assert found.reading is not None
    values = {n: GIVEN[n] for n in found.reading.variables}
    np.testing.assert_allclose(found.evaluate(values), truth, rtol=1e-6, atol=1e-6)


FORMS = (
    ("Var[a'*x] with x ~ N(m, S)", "a'*S*a"),
    ("Cov[A*x + b] with x ~ N(m, S)", "A*S*A'"),
    ("Var[x'*A*x] with x ~ N(0, S)", "tr(A*S*A*S) + tr(A'*S*A*S)"),
    ("Cov[x, x'*x] with x ~ N(m, S)", "2*S*m"),
    ("Cov[x, y] with x ~ N(m, S), y ~ N(u, T)", "zeros(n,p)"),
    ("E[x'*A*x] with x ~ N(m, S)", "m'*A*m + tr(A*S)"),
    ("E[x*x'] with x ~ N(m, S)", "m*m' + S"),
    ("E[norm2(A*x - b)^2] with x ~ N(0, I)", "norm2(b)^2 + sum(A.^2)"),
    ("E[x'*A*x*x'*A*x] with x ~ N(0, S)", "tr(A*S*A*S) + tr(A'*S*A*S) + tr(A*S)^2"),
    ("E[x'*A*y] with x ~ N(m, S), y ~ N(u, T)", "m'*A*u"),
    ("E[x^4] with x ~ N(0, s^2)", "3*s^4"),
    ("E[x] with x ~ N(0, S)", "zeros(n)"),
    ("E[x'*A*y] with y ~ N(C*x, T), x ~ N(m, S)", "m'*A*C*m + tr(A*C*S)"),
    ("E[sum_i x_i^2] with x ~ N(m, S)", "sum(m.^2) + tr(S)"),
)


@pytest.mark.parametrize(("typed", "form"), FORMS)
def test_a_closed_form_is_the_textbooks(typed: str, form: str) -> None:
    assert read_question(typed).read_as == form


ANSWERS = (
    ("E[x'*A*x] with x ~ N(m, S)", "m", "(A + A')*m", "2*A*m"),
    ("E[x'*A*x] with x ~ N(m, S)", "A", "m*m' + S", "m*m'"),
    ("E[x'*A*x] with x ~ N(m, S)", "S", "(A + A')/2", "A"),
    ("E[(a'*x)^4] with x ~ N(0, S)", "a", "12*(a'*S*a)*S*a", "4*(a'*S*a)*S*a"),
    ("E[norm2(A*x - b)^2] with x ~ N(m, S)", "A", "2*(A*m - b)*m' + 2*A*S", "2*(A*m - b)*m'"),
    ("KL(N(m, S) || N(u, T))", "m", "inv(T)*(m - u)", "inv(S)*(m - u)"),
    ("KL(N(m, S) || N(u, T))", "S", "(inv(T) - inv(S))/2", "inv(T) - inv(S)"),
)


@pytest.mark.parametrize(("typed", "wrt", "right", "wrong"), ANSWERS)
def test_answers_are_proved_and_mistakes_refused(
    typed: str, wrt: str, right: str, wrong: str
) -> None:
    assert verify(typed, wrt, right).correct is True
    assert verify(typed, wrt, wrong).correct is False


REFUSED: tuple[tuple[str, str, type[MatderivError]], ...] = (
    ("Var[exp(a'*x)] with x ~ N(m, S)", "the mean of exp", NoClosedForm),
    ("Var[x*x'] with x ~ N(m, S)", "Var and Cov are of numbers and vectors", ShapeError),
    ("E[exp(a'*x)] with x ~ N(m, S)", "the mean of exp", NoClosedForm),
    ("E[relu(a'*x)] with x ~ N(m, S)", "the mean of relu", NoClosedForm),
    ("E[norm2(x)] with x ~ N(m, S)", "the mean of norm2", NoClosedForm),
    ("E[norm2(x)^3] with x ~ N(m, S)", "the mean of power", NoClosedForm),
    ("E[1/(x'*x)] with x ~ N(m, S)", "the mean of div", NoClosedForm),
    ("E[max(x)] with x ~ N(m, S)", "the mean of max", NoClosedForm),
    ("E[abs(a'*x)^2] with x ~ N(m, S)", "the mean of abs", NoClosedForm),
    ("E[(a'*x)^8] with x ~ N(m, S)", "degree 6", LimitError),
    ("E[x'*A*x]", "nothing says what E is over", ParseError),
    ("E[x'*A*x] with X ~ N(m, S)", "X does not stand in E", ParseError),
    ("x'*E[x] with x ~ N(m, S)", "outside of E", MatderivError),
    ("E[x'*A*x] with x ~ N(x, S)", "has x in it", NoClosedForm),
    ("E[x'*A*x] with x ~ N(m, x*x')", "has x in it", NoClosedForm),
    ("E[y'*y] with x ~ N(m, S), y ~ N(x, T)", "does not stand in E", ParseError),
    ("x'*A*x with x ~ N(m, S)", "no E over", ParseError),
    ("E[x'*A*x] with x ~ Poisson(m)", "are normal", ParseError),
    ("E[x'*A*x] with x ~ N(m)", "a mean and a covariance", ParseError),
    (r"\mathbb{E}_x[x^\top x], x \sim N(0, S)", "below E", ParseError),
)


@pytest.mark.parametrize(("typed", "said", "kind"), REFUSED)
def test_what_has_no_closed_form_is_refused_by_name(
    typed: str, said: str, kind: type[MatderivError]
) -> None:
    with pytest.raises(kind, match=said):
        derive(typed, "m")


def test_what_is_averaged_is_no_variable() -> None:
    with pytest.raises(UnknownName):
        derive("E[x'*A*x] with x ~ N(m, S)", "x")


def test_other_doors_have_means_too() -> None:
    typed = "E[norm2(A*x - b)^2] with x ~ N(m, S)"
    assert str(solve(typed, "b")) == "b = A*m"
    values = {n: GIVEN[n] for n in ("A", "b", "m", "S")}
    value, _ = value_and_gradients(typed, ["A"])(values)
    truth = mean(lambda x: np.sum((GIVEN["A"] @ x - GIVEN["b"]) ** 2), GIVEN["m"], GIVEN["S"])
    assert value == pytest.approx(truth)


def test_a_mean_that_is_a_product_cancels_against_itself() -> None:
    assert str(derive("KL(N(W*x,Sigma) || N(mu,S))", "W")) == "inv(S)*(W*x - mu)*x'"
    assert str(derive("KL(N(A*z,S) || N(mu,S))", "z")) == "A'*inv(S)*(A*z - mu)"


CONVENTIONS = [
    ("A'", True),  # of tr(A*Sigma) for any Sigma: nobody declared that it is symmetric
    ("(A + A')/2", True),
    ("A + A' - diag(diag(A))", True),
    ("A", False),
    ("2*A'", False),
]


@pytest.mark.parametrize(("answer", "right"), CONVENTIONS)
def test_a_covariance_that_nobody_declared_may_be_any_matrix(answer: str, right: bool) -> None:
    found = verify("E[x'*A*x] with x ~ N(mu, Sigma)", "Sigma", answer)
    assert found.correct is right


def test_a_covariance_that_is_declared_is_symmetric() -> None:
    asked = "E[x'*A*x] with x ~ N(mu, Sigma)"
    found = verify(asked, "Sigma", "A'", assume={"Sigma": "posdef"})
    assert (found.verdict, found.diagnosis) == ("disproved", "other-convention")


def test_a_name_that_is_called_is_an_unknown_function() -> None:
    with pytest.raises(UnknownFunction, match="unknown function x"):
        derive("E[x(1)^2] with x ~ N(m, S)", "m")
