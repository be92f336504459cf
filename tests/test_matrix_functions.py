"""Functions of matrices: exponential, logarithm, root, powers; derived where a trace or a number
leads, refused by name elsewhere, and never read entry by entry in LaTeX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from matderiv import derive, verify
from matderiv.errors import MatderivError, NoRule

RNG = np.random.default_rng(8)
X = RNG.normal(size=(3, 3)) * 0.4 + 1.5 * np.eye(3)
A = RNG.normal(size=(3, 3)) * 0.5
Y, b, c = RNG.normal(size=(4, 3)), RNG.normal(size=3), RNG.normal(size=3)
SHAPES = {"X": "n,n", "A": "n,n", "b": "n", "c": "n", "t": "", "p": "", "k": ""}
VALUES = {"X": X, "A": A, "Y": Y, "b": b, "c": c, "t": 0.7, "p": 2.5, "k": 3.0}


def series(m: Any) -> Any:
    """The exponential of a matrix, by its series."""
    found = term = np.eye(len(m))
    for k in range(1, 60):
        term = term @ m / k
        found = found + term
    return found


def by_eigenvalues(f: Callable[[Any], Any], m: Any) -> Any:
    """f of a matrix."""
    w, v = np.linalg.eig(m)
    return (v @ np.diag(f(w.astype(complex))) @ np.linalg.inv(v)).real


def slope(f: Callable[[Any], Any], at: Any) -> Any:
    """The derivative of f by central differences, f's axes first."""
    at = np.asarray(at, float)
    out = np.zeros((*np.shape(f(at)), *at.shape))
    for k in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[k] = 1e-6
        out[(..., *k)] = (f(at + step) - f(at - step)) / 2e-6
    return out


DERIVED: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("tr(expm(X))", "X", lambda v: np.trace(series(v))),
    (r"\operatorname{tr}(\exp(X))", "X", lambda v: np.trace(series(v))),
    (r"\operatorname{tr}(e^{X})", "X", lambda v: np.trace(series(v))),
    (r"\operatorname{tr}(\log X)", "X", lambda v: np.trace(by_eigenvalues(np.log, v))),
    (r"\operatorname{tr}(X\log X)", "X", lambda v: np.trace(v @ by_eigenvalues(np.log, v))),
    (r"\operatorname{tr}(\sqrt{Y^\top Y})", "Y", lambda v: np.linalg.norm(v, "nuc")),
    (r"\operatorname{tr}(X^p)", "X", lambda v: np.trace(by_eigenvalues(lambda w: w**2.5, v))),
    (r"\operatorname{tr}(X^k)", "X", lambda v: np.trace(v @ v @ v)),
    (r"\operatorname{tr}(X^{1/2})", "X", lambda v: np.trace(by_eigenvalues(np.sqrt, v))),
    ("2*tr(expm(A*X)) + log(tr(expm(X)))", "X",
     lambda v: 2 * np.trace(series(A @ v)) + np.log(np.trace(series(v)))),
    (r"e^{tA} b", "t", lambda v: series(v * A) @ b),
    (r"c^\top e^{-tA} b", "t", lambda v: c @ series(-v * A) @ b),
    (r"\frac{d}{dt} e^{tA}", "t", lambda v: series(v * A)),
    ("expm(X)", "X", series),
    (r"\|e^{X}\|_F^2", "X", lambda v: (series(v) ** 2).sum()),
    ("c'*expm(t*A)*b", "A", lambda v: c @ series(0.7 * v) @ b),
    (r"\operatorname{tr}(A X^\top X \log X)", "X",
     lambda v: np.trace(A @ v.T @ v @ by_eigenvalues(np.log, v))),
    ("tr(A*X^p)", "X", lambda v: np.trace(A @ by_eigenvalues(lambda w: w**2.5, v))),
    ("det(X^k)", "X", lambda v: np.linalg.det(v) ** 3),
    ("tr(A*sqrtm(X))", "X", lambda v: np.trace(A @ by_eigenvalues(np.sqrt, v))),
    ("norm2(sinm(X))^2 + tr(cosm(X))", "X", lambda v: (
        (by_eigenvalues(np.sin, v) ** 2).sum() + np.trace(by_eigenvalues(np.cos, v)))),
    (r"\|e^{tA} b\|^2", "b", lambda v: ((series(0.7 * A) @ v) ** 2).sum()),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "value"), DERIVED)
def test_the_derivative_is_that_of_the_function_of_the_matrix(
    f: str, wrt: str, value: Callable[[Any], Any]
) -> None:
    found = derive(f, wrt, shapes=SHAPES if "\\" not in f else None)
    truth = slope(value, VALUES[wrt])
    given = {n: VALUES[n] for n in found.names if n in VALUES}
    np.testing.assert_allclose(found.evaluate(given), truth, rtol=1e-5, atol=1e-6)
    assert found.checked.ok
    if "∂" not in str(found):
        how = {"shapes": SHAPES if "\\" not in f else None}
        assert verify(f, wrt, str(found), **how).correct is not False
        assert verify(f, wrt, f"1.5*({found})", **how).correct is False


@pytest.mark.parametrize(
    ("f", "wrt", "error"),
    [
        ("tr(A*dexpm(X,A))", "X", NoRule),
        ("tr(X^p)", "p", NoRule),
        (r"\operatorname{tr}(\sin(X))", "X", MatderivError),
    ],
)
def test_what_has_no_rule_is_refused_by_name(f: str, wrt: str, error: type[MatderivError]) -> None:
    with pytest.raises(error):
        derive(f, wrt, shapes={"p": "", "t": "", "b": "n", "c": "n"} if "\\" not in f else {})


VECTORS = [f"sum({f}(X).^3)" for f in ("qr_q", "qr_r", "lu_l", "lu_u", "svd_u", "svec_right")]


@pytest.mark.parametrize("target", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("f", [*("tr(logm(X))*tr(sqrtm(X))", "tr(X^p)", "tr(expm(X))"), *VECTORS])
def test_printed_code_has_the_same_values(f: str, target: str) -> None:
    module = pytest.importorskip(target)
    found = derive(f, "X", shapes={"p": ""} if "p)" in f else None)
    space: dict[str, Any] = {}
    exec(found.code(target), space)
    arrays = {"numpy": np.asarray, "torch": getattr(module, "tensor", None), "jax": np.asarray}
    if target == "jax":
        module.config.update("jax_enable_x64", True)
    given = {n: arrays[target](VALUES[n]) for n in ("X", "p") if n in found.names}
    made = space["value_and_gradient"](**given)[1]
    truth = found.evaluate({n: VALUES[n] for n in given})
    np.testing.assert_allclose(np.asarray(made), truth, rtol=1e-8, atol=1e-12)


def test_a_change_far_larger_than_the_matrix_keeps_its_digits() -> None:
    found = derive("tr(B*expm(X))", "X", shapes={"X": "n,n", "B": "n,n"})
    small = slope(lambda v: np.trace(A @ series(v)), X)
    assert np.allclose(found.evaluate({"X": X, "B": A * 1e25}) / 1e25, small, rtol=1e-8)
    space: dict[str, Any] = {}
    exec(found.code(), space)
    _, printed = space["value_and_gradient"](B=A * 1e25, X=X)
    assert np.allclose(printed / 1e25, small, rtol=1e-8)


def test_functions_of_one_matrix_commute_in_results() -> None:
    found = derive("norm2(logm(S))^2", "S", assume={"S": "posdef"})
    assert str(found) == "2*inv(S)*logm(S)"


SYMMETRIC, POSITIVE = {"assume": {"X": "symmetric"}}, {"assume": {"X": "posdef"}}
SPECTRA: list[tuple[str, str, dict[str, str], dict[str, Any], str]] = [
    ("sum(eigvalsh(X).^2)", "X", {"X": "n,n"}, SYMMETRIC, "2*X"),
    ("sum(log(eigvalsh(X)))", "X", {"X": "n,n"}, POSITIVE, "inv(X)"),
    ("sum(1./eigvalsh(X))", "X", {"X": "n,n"}, POSITIVE, "-inv(X)^2"),
    ("sum(exp(eigvalsh(X)))", "X", {"X": "n,n"}, SYMMETRIC, "expm(X)"),
    ("log(prod(eigvalsh(X)))", "X", {"X": "n,n"}, {}, "2*inv(X + X')"),
    ("sum(svdvals(X).^2)", "X", {"X": "m,n"}, {}, "2*X"),
    ("2*sum(log(diag(cholesky(X))))", "X", {"X": "n,n"}, POSITIVE, "inv(X)"),
    ("norm2(cholesky(X)\\b)^2", "b", {"X": "n,n", "b": "n"}, POSITIVE, "2*inv(X)*b"),
    ("det(expm(X))", "X", {"X": "n,n"}, {}, "exp(tr(X))*eye(n)"),
]


@pytest.mark.parametrize(("typed", "wrt", "shapes", "how", "expected"), SPECTRA)
def test_a_function_of_a_whole_spectrum(
    typed: str, wrt: str, shapes: dict[str, str], how: dict[str, Any], expected: str
) -> None:
    found = derive(typed, wrt, shapes=shapes, **how)
    assert found.checked is not None
    assert (str(found), found.checked.verdict) == (expected, "verified")
    assert not any("simple" in note for note in found.notes)
