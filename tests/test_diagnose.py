"""The diagnosis names the one change that makes a wrong answer right, and that change is right."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from answer_changes import arguments, rows

from matderiv.doors.verify import verify
from matderiv.expr import variable
from matderiv.verification.claims import ask, read_answer
from matderiv.verification.mistakes.edits import drawn, places, replaced, sketch

LEAST_SQUARES = ("norm2(X*w-y)^2", "w")
LOGISTIC = ("sum(log(1+exp(-y.*(X*w))))", "w")
CASES: list[tuple[tuple[str, str], str, str, dict[str, Any]]] = [
    (LEAST_SQUARES, "-2*X'*(X*w-y)", "sign", {}),
    (LEAST_SQUARES, "X'*(X*w-y)", "factor", {}),
    (LEAST_SQUARES, "2*X*(X*w-y)", "transpose", {}),
    (LEAST_SQUARES, "2*(X*w-y)'*X", "other-layout", {}),
    (LEAST_SQUARES, "2*(X*w-y)*X'", "order-of-factors", {}),
    (LEAST_SQUARES, "2*X'*(X*w)", "missing-term", {}),
    (LEAST_SQUARES, "2*(X*w-y)", "missing-chain-factor", {}),
    (LEAST_SQUARES, "2*X'*(X*w+y)", "sign", {}),
    (("mean((X*w-y).^2)", "w"), "2*X'*(X*w-y)", "factor", {}),
    (("x'*A*x", "x"), "2*A*x", "symmetric-shortcut", {}),
    (("logdet(X)", "X"), "inv(X)", "other-layout", {}),
    (LOGISTIC, "-X'*sigmoid(-y.*(X*w))", "missing-chain-factor", {"assume": {"y": "labels"}}),
    (("sum(relu(X*w))", "w"), "X'*vector(1)", "missing-chain-factor", {}),
    (("sum(tanh(x))", "x"), "1-tanh(x).^3", "power", {}),
    (("sum(tanh(x))", "x"), "1+tanh(x).^2", "sign", {}),
    (("sum(sigmoid(x))", "x"), "sigmoid(x).*(1-x)", "wrong-function", {}),
    (("sum(x.^3+sin(x))", "x"), "3*x.^2", "missing-term", {}),
    (("sum(x.*exp(x))", "x"), "exp(x)+x.*exp(x)+x", "extra-term", {}),
    (("sum((A*x).*y)", "x"), "A'.*y", "hadamard-for-product", {}),
    (("mean(x.^2)", "x"), "2/3*x/n*2", "factor", {}),
    (("var(x)", "x"), "2/n*(x-sum(x))", "sum-for-mean", {}),
    (("norm2(X*w-y)^2 + c*norm2(w)^2", "w"), "2*((X'*X + c)*w - X'*y)", "factor", {}),
    (("x'*x/3", "x"), "0.667*x", "rounded-constant", {}),
    (("sum(sin(x))", "x"), "sin(x)", "wrong-function", {}),
    (("tr(inv(X)*A)", "X"), "-inv(X)'*A'*X'", "inverse", {"shapes": {"A": "n,n"}}),
]


@pytest.mark.parametrize(("question", "answer", "code", "more"), CASES)
def test_the_cause_is_named(
    question: tuple[str, str], answer: str, code: str, more: dict[str, Any]
) -> None:
    found = verify(*question, answer, **more)
    assert found.verdict == "disproved"
    assert found.diagnosis == code, str(found)


@pytest.mark.parametrize(("question", "answer", "code", "more"), CASES)
def test_the_suggestion_is_right(
    question: tuple[str, str], answer: str, code: str, more: dict[str, Any]
) -> None:
    found = verify(*question, answer, **more)
    assert found.suggestion is not None
    assert verify(*question, found.suggestion, **more).correct is True


def test_the_message_shows_what_was_written_and_what_is_right() -> None:
    found = verify(*LEAST_SQUARES, "2*X'*(X*w+y)")
    assert "You wrote" in found.message
    assert "X*w - y" in found.message


def test_a_label_and_a_mask_are_called_so() -> None:
    label = verify(*LOGISTIC, "-X'*sigmoid(-y.*(X*w))", assume={"y": "labels"})
    assert "label" in label.message
    assert "mask" in verify("sum(relu(X*w))", "w", "X'*vector(1)").message


def test_where_no_single_change_helps_the_term_that_is_off_is_named() -> None:
    found = verify("norm2(X*w-y)^2+c*w'*w", "w", "2*X'*(X*w-y)+c*exp(w).*sin(w)")
    assert found.verdict == "disproved"
    assert found.diagnosis == "term"
    assert "exp(w)" in found.message


@pytest.mark.parametrize(
    ("f", "wrt", "answer", "said"),
    [
        ("norm2(r)^2 where r = A*x - b", "x", "A'*r", "multiplied by 2 it is right, 2*A'*r"),
        ("norm2(r)^2 where r = A*x - b", "x", "2*A*r", "Transposed in part it is right: 2*A'*r."),
        ("norm2(p - y)^2 where p = A*x + b", "x", "2*A'*(y - p)", "Right: -2*A'*(y - p)."),
        ("tr(S*inv(X)) where S = A*A'", "X", "inv(X)*S*inv(X)", "Right: -(inv(X)*S*inv(X))'."),
    ],
)
def test_parts_have_their_names_in_what_is_said(f: str, wrt: str, answer: str, said: str) -> None:
    shapes = {"X": "n,n"} if "inv" in f else {"y": "m"} if "y" in f else None
    assert said in verify(f, wrt, answer, shapes=shapes).message


def test_hint_says_the_kind_and_nothing_more() -> None:
    assert verify(*LEAST_SQUARES, "X'*(X*w-y)").hint == "a number as a factor is wrong"


def test_most_mistakes_of_the_collection_are_named() -> None:
    accepted = {
        "transpose": {"transpose", "other-layout"},
        "other-layout": {"transpose", "other-layout"},
        "sign": {"sign", "factor"},
        "order-of-factors": {"order-of-factors", "transpose"},
        "missing-chain-factor": {"missing-chain-factor", "factor"},
        "sum-for-mean": {"factor", "sum-for-mean"},
        "function": {"wrong-function", "missing-chain-factor"},
    }
    seen: Counter[bool] = Counter()
    for row in [r for r in rows() if r["truth"] == "wrong" and not r["shape_error"]][::6]:
        found = verify(row["expr"], row["wrt"], row["answer"], **arguments(row))
        seen[found.diagnosis in accepted.get(row["how"], {row["how"]})] += 1
    assert seen[True] >= 0.9 * sum(seen.values())


# Sketches ----------------------------------------------------------------------------------------


def test_one_of_two_equal_parts_is_replaced() -> None:
    x = variable("x", (3,))
    root = drawn(x * x + x)
    path, part = next((p, s) for p, s in places(root) if s.expr is x)
    new = replaced(root, path, sketch("exp", part))
    assert new is not None
    assert new.expr is not root.expr
    assert new.expr is not None
    assert sum(s.expr is x for _, s in places(new)) == 3


def test_ill_shaped_parts_make_ill_shaped_wholes() -> None:
    x = drawn(variable("x", (3,)))
    assert sketch("mul", x, x).expr is None
    assert sketch("exp", sketch("mul", x, x)).expr is None
    assert replaced(sketch("exp", x), (0,), sketch("mul", x, x)) is None


def test_reading_an_answer_keeps_the_sizes_of_its_question() -> None:
    asked = ask("A*x", "x")
    assert read_answer(asked, "A").shape == (*asked.f.shape, *asked.wrt.shape)
