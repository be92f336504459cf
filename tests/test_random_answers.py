"""Random questions over all magnitudes: no wrong answer is accepted, no right one rejected.

Whether an answer is wrong is decided by `plain_values`, which shares nothing with the library.
`-m sweep` runs 20,000 of each; a few run always.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from plain_values import L, value
from random_answers import right_answers, shown, wrong_answers

from matderiv.doors.verify import verify
from matderiv.numeric.evaluate import evaluate
from matderiv.verification.claims import ask
from matderiv.verification.verdict import UNDECIDED
from matderiv.verification.verifying import verify_asked

SEED = 31
FEW = 60
DECIDED = 0.97


def judged(cases: Iterable[tuple[Any, ...]], right: bool) -> Counter[str]:
    """How often each verdict fell; fails where one contradicts what is known."""
    seen: Counter[str] = Counter()
    bad = []
    for problem, name, e, *_ in cases:
        verdict = verify_asked(problem.asked, e, diagnosis=False)
        seen[verdict.verdict] += 1
        if verdict.correct is not None and verdict.correct is not right:
            bad.append(f"{name}: {shown(problem, e)} | {verdict}")
    assert not bad, "\n".join(bad[:20])
    return seen


def test_some_wrong_answers_are_not_accepted() -> None:
    seen = judged(islice(wrong_answers(SEED), FEW), right=False)
    assert seen[UNDECIDED] <= FEW * (1 - DECIDED) + 2


def test_some_rewritten_answers_are_not_rejected() -> None:
    seen = judged(islice(right_answers(SEED), FEW), right=True)
    assert seen[UNDECIDED] <= FEW * (1 - DECIDED) + 2


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(100, 110))
def test_twenty_thousand_wrong_answers(seed: int) -> None:
    seen = judged(islice(wrong_answers(seed), 2_000), right=False)
    print(seed, seen)
    assert seen[UNDECIDED] <= 2_000 * (1 - DECIDED)


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(200, 210))
def test_twenty_thousand_rewritten_answers(seed: int) -> None:
    seen = judged(islice(right_answers(seed), 2_000), right=True)
    print(seed, seen)
    assert seen[UNDECIDED] <= 2_000 * (1 - DECIDED)


@pytest.mark.parametrize(
    "formula",
    [
        "A*ones(d) + (X - A)*C*(A'*x)",
        "softmax(A*C,2).*A + sigmoid(X) - tanh(X - A)",
        "inv(C*C' + eye(d)) + det(C)*C'",
        "max(x, 0.3).*sign(x) + where(x > 0, x.^3, huber(x, 0.5)) + relu(x)/norm2(x)",
        "logsumexp(x)*diag(x)*ones(n) + mean(x)*sum(X,2) - elu(x) + leaky_relu(x, 0.1)",
        "tr(C*C)*logdet(C*C' + eye(d))*vec(C)",
    ],
)
def test_the_plain_table_agrees_with_the_library(formula: str) -> None:
    shapes = {"x": "n", "A": "n,d", "X": "n,d", "C": "d,d", "B": "d,n"}
    used = {k: v for k, v in shapes.items() if k in formula}
    asked = ask(formula, next(iter(used)), shapes=used)
    sizes, rng = {"n": 4, "d": 3}, np.random.default_rng(2)
    at = {k: rng.normal(size=[sizes[s] for s in v.split(",")]) for k, v in used.items()}
    plain = value(asked.f, {k: v.astype(L) for k, v in at.items()}, sizes)
    assert np.allclose(np.asarray(plain, float), evaluate(asked.f, at, sizes), rtol=1e-12)


FOUND = [  # accepted once; each is wrong on a branch, at a tie, or at some sizes only
    ("max((p .* p))", "p", "2*p.*(p.*(p + 0.01.*p)>=max(p.*p))", {"p": "n"}),
    ("max((p .* p))", "p", "2*p.*(p.*p + 1e-5.*(p.*p)>=max(p.*p))", {"p": "n"}),
    ("sum(relu(A*C - X))", "A", "step(A*C - X.*(-X<1000))*C'",
     {"A": "n,d", "C": "d,d", "X": "n,d"}),
    (
        "exp(-b^2)*sum(relu(v - 3)) + sum(v)/d",
        "b",
        "-2*b*exp(-(b + (d - 6)*(d - 3)*(d - 8)*(d - 4)*b)^2)*sum(relu(v - 3))",
        {"v": "d", "b": ""},
    ),
    (
        "max(relu(where(y > 25, y.^2, y) - 7))",
        "y",
        "where(y>25,2*y.*(relu(where(y>25,y.^2,y) - 7)>=max(relu(where(y>25,y.^2,y) - 7))),"
        "step(y - 7).*(relu(1.0001*(y - 7))>=max(relu(where(y>25,y.^2,y) - 7))))",
        {"y": "n"},
    ),
    (
        "max(softplus(25*v)/25 - mean(softplus(25*v)/25))",
        "v",
        "sigmoid(25*v).*((softplus(25*v)/25 - mean(relu(25*v)/25)>=max(softplus(25*v)/25 - "
        "mean(softplus(25*v)/25))) - mean(softplus(25*v)>=max(softplus(25*v))))",
        {"v": "d"},
    ),
    ("p'*A*w/(2 + norm2(3*softplus(w))^2)", "A", "p*w'/max(2 + norm2(3*softplus(w))^2,7)",
     {"w": "d", "A": "n,d", "p": "n"}),
    (
        "max((relu(log(1 + w.^2) - 0.5) > 1.5).*relu(log(1 + w.^2) - 0.5))",
        "w",
        "2*(w.*step(log(1 + w.^2) - 0.5).*((relu(log(1 + w.^2) - 0.5)>1.5)"
        ".*relu(log(1 + w.^2) - 0.5)>=max((relu(log(1 + w.^2) - 0.5)>1.5)"
        ".*relu(log(1 + w.^2) - 0.5))))./(1 + w.^2)",
        {"w": "d"},
    ),
    (
        "sum(where(w > 1e5, w.^2, w))",
        "w",
        "where(w>100000,2*w,1) + (d - 8)*(d - 5)*(d - 6)*(d - 2)*(d - 3)*(w>100000)",
        {"w": "d"},
    ),
    *(
        ("norm2(where(y > 1.5, y.^2, y))^2", "y",
         f"2*where(y>1.5,2*y,1).*where({condition},y.^2,y)", {"y": "n"})
        for condition in ("(y>1.5) + (n - 6).*(y>1.5)",)
    ),
    *(  # near a kink all entries are in one branch with the largest
        (f"max(softplus({u})/25)", "y",
         f"sigmoid({u}).*(softplus({u})/25>=max(relu({u})/25))", {"y": "n"})
        for u in ("25*(y - 1000)", "25*y")
    ),
]  # fmt: skip


@pytest.mark.parametrize(("f", "x", "answer", "shapes"), FOUND)
def test_what_was_found_stays_found(f: str, x: str, answer: str, shapes: dict[str, str]) -> None:
    assert verify(f, x, answer, shapes=shapes, diagnosis=False).verdict == "disproved"


@pytest.mark.parametrize(
    ("f", "x", "answer", "shapes"),
    [
        ("max(A'*elu(x))", "x", "(A*(A'*elu(x) >= max(A'*elu(x)))).*min(exp(x), 1)",
         {"A": "n,d", "x": "n"}),
        ("sum(max(v - mean(v), 100))", "v", "(100 < v - mean(v)) - mean(v - sum(v)/d > 100)",
         {"v": "d"}),
        ("max(0.1*tanh(y))", "y", "0.1*(0.1*tanh(y)>=max((1 - 0.9)*tanh(y))).*(1 - tanh(y).^2)",
         {"y": "n"}),
        ("max(softplus(1e5*a.^2)/1e5)", "a",
         "2*a.*sigmoid(1e5*a.^2).*(softplus(--(1e5*a.^2))/1e5>=max(softplus(1e5*a.^2)/1e5))",
         {"a": "n"}),
        (
            "norm2(huber(w - 3, 1e-4))",
            "w",
            "max(min(w - 3,0.0001),-0.0001).*huber(w - 3,0.0001)/norm2(huber(w - 3,0.0001))",
            {"w": "d"},
        ),
        ("0.1*sum(huber(w, 3)) + sum(x)", "w", "0.1*max(--min(w,3),-3)", {"w": "d", "x": "n"}),
        ("max(relu(y - mean(y) - B*x - 3))", "B",
         "-(step(y - 3 - mean(y) - B*x).*(relu(y - mean(y) - B*x - 3)>="
         "max(relu(y - mean(y) - B*x - (1 + 2)))))*x'", {"x": "n", "y": "n", "B": "n,n"}),
        ("huber(relu(x), 0.1)'*(50*x)", "x",
         "50*(max(min((x + abs(x))/2,0.1),-0.1).*step(x).*x + huber(where(x>0,x,0),0.1))",
         {"x": "n"}),
        ("max(tanh(2*x), 1.5)", "x", "2*diag((tanh(2*x)>1.5).*(1 - tanh(2*x).^2))", {"x": "n"}),
        ("sigmoid(2*(A*x - 300))'*(B*y - mean(B*y))", "y",  # 1 + tanh(-300) is 0 in floats
         "2.*B'/2*((1 + tanh(2*(A*x - 300)/2))/2 - mean(sigmoid(2*(A*x - 300))))",
         {"x": "d", "A": "n,d", "B": "n,n", "y": "n"}),
        ("norm2([A; B]*x - [c; d])^2", "x", "2*A'*(A*x - c) + 2*B'*(B*x - d)",
         {"c": "m", "d": "k"}),
        ("norm2(tanh(1e4*(w - mean(w)))) + sum(elu(x))", "x", "where(x<0,exp(min(x, 0)),1)",
         {"x": "n", "w": "d"}),
    ],
)  # fmt: skip
def test_what_was_right_stays_right(f: str, x: str, answer: str, shapes: dict[str, str]) -> None:
    assert verify(f, x, answer, shapes=shapes, diagnosis=False).correct is True


def test_a_window_of_sizes_in_a_condition_is_not_taken_for_right() -> None:
    wrong = "2*where(y>1.5,2*y,1).*where((y>1.5).*(n - 15)*(n - 18),y.^2,y)"
    f = "norm2(where(y > 1.5, y.^2, y))^2"
    assert verify(f, "y", wrong, shapes={"y": "n"}, diagnosis=False).correct is not True


def test_a_positive_variable_is_not_zero() -> None:
    answer = "where(elu(p)>=max(elu(p)),exp(where(1 - (p>0),p,0)),0)"
    found = verify("max(elu(p))", "p", answer, shapes={"p": "n"}, assume={"p": "positive"})
    assert found.correct is True


@pytest.mark.parametrize("limit", ["1000*diag(step(1000*p))", "1000*eye(n)"])
def test_a_limit_is_no_answer_where_nothing_jumps(limit: str) -> None:
    found = verify("softplus(1000*p)", "p", limit, shapes={"p": "n"}, assume={"p": "positive"})
    assert found.correct is False


@pytest.mark.parametrize(
    ("f", "answer"),
    [  # what decides a branch is smaller than rounding
        ("where(1e-20 + 1 - 1 > 0, x, 2*x)", "2"),
        ("where(0.1 + 0.2 - 0.3 > 0, x, 2*x)", "1"),
        ("where(1e-200*1e-200 > 0, x, 2*x)", "2"),
    ],
)
def test_a_number_that_rounding_hides_decides_nothing(f: str, answer: str) -> None:
    found = verify(f, "x", answer, shapes={"x": ""}, diagnosis=False)
    assert found.correct is not True


def test_a_tie_that_rounding_breaks_is_not_held_against_an_answer() -> None:
    mask = "(exp(v)./sum(exp(v))>=max(softmax(v)))"
    answer = f"softmax(v).*({mask} - {mask}'*softmax(v))"
    for right in (answer, answer.replace(mask, "(softmax(v)>=max(softmax(v)))", 1)):
        found = verify("max(softmax(v))", "v", right, shapes={"v": "d"}, diagnosis=False)
        assert found.correct is not False
    wrong = answer.replace("- ", "- 1.01*")
    found = verify("max(softmax(v))", "v", wrong, shapes={"v": "d"}, diagnosis=False)
    assert found.correct is not True
