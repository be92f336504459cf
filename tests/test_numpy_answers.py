"""A question in NumPy makes the answer NumPy: what NumPy computes is right, what it refuses is not.

The truth is NumPy itself: question and answer are run, with vectors of one axis and as columns, and
the answer is compared with differences of the question.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from matderiv.doors.verify import verify
from matderiv.errors import MatderivError

SHAPES = {"X": "n,d", "y": "n", "w": "d", "A": "n,n", "Y": "n,d", "v": "n"}
SIZES = {"n": 4, "d": 3}
QUESTIONS = {
    ("np.sum((X@w-y)**2)", "w"): [
        "2*X.T@(X@w-y)", "2*(X@w-y)@X", "2*(X*(X@w-y)).sum(0)", "2*np.dot(X.T,X@w-y)",
        "2*np.sum(X*(X@w-y)[:,None],axis=0)", "2*X.T*(X@w-y)", "2*X*(X@w-y)",
        "2*X.T@(X@w-y[:,None])", "np.einsum('ij,i->j',X,2*(X@w-y))", "2*np.outer(X@w-y,w)",
        "2*X.T@X@w-2*X.T@y", "2*X.T@X*w-2*X.T@y", "2*X.T@(X*w-y)", "2*X.T.dot(X.dot(w)-y)",
    ],
    ("np.sum(X*y[:,None])", "X"): [
        "y[:,None]*np.ones_like(X)", "np.outer(y,np.ones(X.shape[1]))", "y", "y[:,None]",
        "np.ones_like(X)*y", "y*np.ones_like(X)",
    ],
    ("np.sum(A**2)", "A"): ["2*A", "A**2", "2*A.T", "A+A", "2*A@np.eye(len(A))"],
    ("np.sum(A**3)", "A"): ["3*A**2", "3*A*A", "3*A@A", "3*np.square(A)", "3*A.T**2"],
    ("np.trace(A@A)", "A"): ["2*A.T", "2*A", "A.T+A.T", "2*A.T*A"],
    ("np.sum(X**3)", "X"): ["3*X**2", "3*X*X", "3*X@X", "X*3*X"],
    ("np.sum(np.exp(X)*Y)", "X"): ["np.exp(X)*Y", "Y*np.exp(X)", "np.exp(X)@Y.T"],
    ("np.sum(np.log(1+np.exp(-y*(X@w))))", "w"): [
        "-X.T@(y/(1+np.exp(y*(X@w))))", "-(y/(1+np.exp(y*(X@w))))@X",
        "-X.T*(y/(1+np.exp(y*(X@w))))", "-X.T@y/(1+np.exp(y*(X@w)))",
    ],
    ("np.sum((X-X.mean(axis=0))**2)", "X"): [
        "2*(X-X.mean(axis=0))", "2*(X-X.mean(0,keepdims=True))", "2*(X-X.mean(axis=1))",
        "2*(X-np.mean(X))",
    ],
    ("np.sum(X*w)", "w"): ["X.sum(0)", "np.sum(X,axis=0)", "X.sum(1)", "X.sum()"],
}  # fmt: skip


def values(columns: bool) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    found = {k: rng.normal(size=[SIZES[s] for s in v.split(",")]) for k, v in SHAPES.items()}
    return {k: a[:, None] if columns and a.ndim == 1 else a for k, a in found.items()}


def computed(formula: str, at: dict[str, Any]) -> Any:
    """What NumPy makes of a formula; None where it refuses."""
    try:
        return np.asarray(eval(formula, {"np": np, **at}))  # our own list above
    except ValueError:
        return None


def slopes(f: str, x: str, at: dict[str, Any]) -> Any:
    """Central differences of a question; None where NumPy refuses it."""
    found = np.zeros_like(at[x])
    for index in np.ndindex(found.shape):
        ends = []
        for sign in (1, -1):
            moved = at[x].copy()
            moved[index] += sign * 1e-6
            ends.append(computed(f, {**at, x: moved}))
        if ends[0] is None:
            return None
        found[index] = (ends[0] - ends[1]) / 2e-6
    return found


def is_right(f: str, x: str, answer: str, *spellings: bool) -> bool:
    """Whether NumPy agrees for arrays of one axis, and with True for columns n × 1."""
    for columns in spellings:
        at = values(columns)
        truth, found = slopes(f, x, at), computed(answer, at)
        if truth is not None and found is not None and found.size == truth.size:
            if np.allclose(found.ravel(), truth.ravel(), atol=1e-4):
                return True
    return False


@pytest.mark.parametrize(
    ("f", "x", "answer"), [(f, x, a) for (f, x), answers in QUESTIONS.items() for a in answers]
)
def test_answers_are_judged_as_numpy_computes_them(f: str, x: str, answer: str) -> None:
    shapes = {k: v for k, v in SHAPES.items() if k in f}
    try:
        found = verify(f, x, answer, shapes=shapes, diagnosis=False).correct
    except MatderivError:
        found = None
    if is_right(f, x, answer, False):  # a vector that is declared has one axis
        assert found is True
    elif not is_right(f, x, answer, True):
        assert not found


def test_the_text_language_answers_a_question_in_numpy_where_its_signs_say_so() -> None:
    f, shapes = "np.sum(A**3)", {"A": "n,n"}
    assert verify(f, "A", "3*A.^2", shapes=shapes).correct
    assert verify("np.sum((X@w-y)**2)", "w", "2*X'*(X*w - y)", shapes=SHAPES).correct
    assert verify("np.linalg.slogdet(A)[1]", "A", "inv(A)'", shapes=shapes).correct


@pytest.mark.parametrize(
    ("f", "x", "answer", "right"),
    [
        ("np.sum(relu(W @ x + b))", "b", "step(W*x + b)", None),
        ("np.sum(relu(W @ x + b))", "b", "2*step(W*x + b)", False),
        ("x @ A @ x", "x", "A*x + A*x", False),
        ("np.sum(relu(W @ x))", "x", "sum(step(W*x)*W)", False),
        ("np.sum(relu(W @ x))", "x", "W'*step(W*x)", True),
    ],
)
def test_a_star_between_arrays_is_of_entries_in_numpy_and_open_where_the_text_has_it_right(
    f: str, x: str, answer: str, right: bool | None
) -> None:
    assert verify(f, x, answer).correct is right


@pytest.mark.parametrize(
    ("count", "right"),
    [("X.shape[0]", True), ("len(y)", True), ("X.shape[1]", False), ("len(w)", False)],
)
def test_a_letter_that_counts_the_rows_may_be_said_as_their_number(count: str, right: bool) -> None:
    f = "np.sum((X @ w - y)**2)/(2*m)"
    assert verify(f, "w", f"X.T @ (X @ w - y)/{count}", diagnosis=False).correct is right
    assert verify(f, "w", f"2*X.T @ (X @ w - y)/{count}", diagnosis=False).correct is False
