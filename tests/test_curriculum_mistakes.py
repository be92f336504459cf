"""Mistakes of derivations by hand, from a course and its readings: found, named, located."""

from __future__ import annotations

import curriculum
import numpy as np
import pytest
from curriculum import LOGISTIC, NET, NEURON, sizes
from truth import assert_close, differences

from matderiv.doors.derive import derive
from matderiv.doors.verify import verify
from matderiv.verification.derivations.lines import verify_steps


@pytest.mark.parametrize("case", curriculum.MISTAKES, ids=[m[0] for m in curriculum.MISTAKES])
def test_mistakes_are_found_and_named(case: tuple[str, str, str, str, str | None, str]) -> None:
    _, expr, wrt, answer, diagnosis, shapes = case
    kind = "differential" if "dX" in answer else None
    verdict = verify(expr, wrt, answer, shapes=sizes(shapes), kind=kind)
    assert verdict.correct is False
    assert diagnosis in (None, verdict.diagnosis)
    assert verdict.message


def test_h1_h6_right_under_an_assumption() -> None:
    assert verify("x'*A*x", "x", "2*A*x", assume={"A": "symmetric"}).correct
    for word in ("onehot", "simplex"):
        assert verify("-y'*log_softmax(z)", "z", "softmax(z) - y", assume={"y": word}).correct


def test_h4_h5_right_with_the_outer_product() -> None:
    assert verify("W*x", "W", "G*x'", shapes=sizes(NET), kind="vjp").correct
    assert verify("v'*W*x", "W", "v*x'", shapes=sizes(NET)).correct


def test_h8_the_mask_may_not_be_taken_out_of_the_sum() -> None:
    X = np.array([[1.0, 2], [0.5, 1], [2, -1], [-3, -1]])
    w, b, y = np.array([1.0, 0.5]), 0.1, np.array([1.0, 2, 3, 4])
    mask = np.where(X @ w + b > 0, 1, 0)
    assert mask.tolist() == [1, 1, 1, 0]
    found = derive(NEURON, "w", shapes=sizes(LOGISTIC)).evaluate({"X": X, "w": w, "b": b, "y": y})
    error = X @ w + b - y
    truth = differences(lambda v: np.mean((y - np.maximum(0, X @ v + b)) ** 2), w)
    assert_close(found, truth, NEURON, 1e-7)
    assert_close(found, X.T @ (mask * error) / 2, NEURON, 1e-12)
    assert abs(found - X.T @ error / 2).max() > 1


def test_h9_the_missing_diag_is_named() -> None:
    verdict = verify("relu(x)", "x", "step(x)", shapes={"x": "n"})
    assert verdict.suggestion == "diag(step(x))"


def test_h12_the_transpose_of_a_product_in_the_wrong_order_is_located() -> None:
    lines = ["f = tr((A*B)'*X)", "(A*B)' = A'*B'", "df = tr(A'*B'*dX)", "∇f = B*A"]
    found = verify_steps(lines, wrt="X", shapes=sizes(curriculum.MATRICES + "; X: n,n"))
    assert found.correct is False
    assert found.first_wrong is not None
    assert (found.first_wrong.number, found.first_wrong.diagnosis) == (2, "order-of-factors")


def test_h13_identities_of_rewriting_are_right() -> None:
    lines = (
        "diag(a)*b = a.*b",
        "ones(n)'*diag(x) = x'",
        "tr(A*B) = tr(B*A)",
        "x'*A*x = tr(A*x*x')",
    )
    declared = sizes(curriculum.MATRICES + "; a: n; b: n")
    found = verify_steps(lines, "x'*A*x", "x", shapes=declared)
    assert found.correct
    assert [line.verdict for line in found.lines] == ["proved"] * 4


def test_h15_two_wrong_lines_that_cancel_are_both_flagged() -> None:
    lines = ["f = tr(A*X*B)", "df = tr(A*dX*B)", "   = tr(A'*B'*dX)", "∇f = A'*B'"]
    found = verify_steps(lines, wrt="X", shapes=sizes(curriculum.MATRICES + "; X: n,n"))
    assert found.correct is False
    verdicts = {line.number: (line.verdict, str(line)) for line in found.lines}
    assert verdicts[3][0] == "disproved"
    assert verdicts[4][0] == "proved"
    assert "not what follows from line 3" in str(found)


def test_h14_both_conventions_for_a_symmetric_matrix_are_known() -> None:
    facts = {"X": "symmetric"}
    assert verify("logdet(X)", "X", "inv(X)", assume=facts).correct
    other = verify("logdet(X)", "X", "2*inv(X) - inv(X).*eye(n)", shapes={"X": "n,n"}, assume=facts)
    assert other.correct
    assert any("independent entries" in note for note in other.notes)
