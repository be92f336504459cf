"""Verified means that every branch was seen: kinks, comparisons and bends, far, near and narrow."""

from __future__ import annotations

import pytest

from matderiv.doors.verify import verify

WRONG = [  # f, answer: wrong on one branch only
    ("sum(x.^2)", "2*x + relu(x - 50)"),
    ("sum(x.^2)", "min(2*x, 1e5)"),
    ("sum(x.^2)", "2*x + relu(1e-3 - abs(x))"),
    ("sum(x.^2)", "2*x + (x > 1000).*(x < 1001)"),
    ("sum(x.^2)", "2*x + where(x > 7e4, 1, 0)"),
    ("sum(max(0, x - 50))", "0*x"),
    ("sum(relu(x - 50))", "2*step(x - 50)"),
    ("sum(relu(x))", "(x > 0).*(x < 1000)"),
    ("sum(relu(x))", "(x > 1e-5)"),
    ("sum(relu(x))", "(x > -1e-9)"),
    ("sum(relu(x - 1e6))", "(x > 1000001)"),
    ("sum(abs(x))", "sign(x - 1e-7)"),
    ("sum(huber(x, 100))", "x"),
    ("sum(huber(x, 100))", "max(min(x, 100), -200)"),
    ("sum(elu(x))", "exp(x)"),
    ("sum(elu(x - 400))", "exp(x - 400)"),
    ("sum(leaky_relu(x - 9000, 0.1))", "0.1*ones(n)"),
    ("logsumexp(1000*x)/1000", "(x >= max(x))"),
    ("sum(softplus(1e6*x))/1e6", "(x > 0)"),
    ("sum(tanh(50*x))", "0*x"),
    ("sum(tanh(1e5*x))", "0*x"),
    ("sum(sigmoid(1e7*x))", "0*x"),
    ("sum(where(x > 300, x.^2, x))", "ones(n)"),
    ("sum(min(x, 1e4).^2)", "2*x"),
    ("sqrt(x'*x + 1e-12)", "x/norm2(x)"),
    ("tanh(1e4*x'*p)", "1e4*p*(1 - tanh(1e4*max(x, -2)'*p)^2)"),
    ("sum(sqrt(x.^2 + 1e-14))", "sign(x)"),
    ("log(sum(exp(100*x)))/100", "(x >= max(x))"),
    ("sum(min(leaky_relu(x, 0.1), 1e-3))", "(x < 1e-3).*where((x > 0).*((x > 0) < 1e-6), 1, 0.1)"),
    ("sum(relu(x))", "(x > 0).*where(max(sign(x), 0) > 1e-6, 1 + (x < 2e-4), 1)"),
]
RIGHT = [  # spellings that no law of the exact test proves, and some that it does
    ("sum(huber(x, 100))", "min(max(x, -100), 100)"),
    ("sum(huber(x, 100))", "x.*(abs(x) <= 100) + 100*sign(x).*(abs(x) > 100)"),
    ("sum(relu(x - 50))", "(x > 50)"),
    ("sum(relu(x - 1e6))", "where(x > 1e6, 1, 0)"),
    ("sum(max(x, 3e4))", "(x >= 30000)"),
    ("sum(abs(x))", "(x > 0) - (x < 0)"),
    ("sum(elu(x))", "min(exp(x), 1)"),
    ("sum(softplus(1e6*x))/1e6", "1./(1 + exp(-1e6*x))"),
    ("sum(tanh(50*x))", "50./cosh(50*x).^2"),
    ("sum(softplus(98*(x - 7)))", "98*(1 + tanh(49*(x - 7)))/2"),
    ("max(x)", "(x >= max(x))"),
    ("norm2(relu(x))", "relu(x)/norm2(relu(x))"),
    ("norm2(relu(x))", "abs(1/norm2(relu(x)))*relu(x)"),
    ("sum(relu(exp(x)))", "exp(x)"),
    ("sum(where(x > 300, x.^2, x))", "where(x > 300, 2*x, 1)"),
]


@pytest.mark.parametrize(("f", "answer"), WRONG)
def test_what_is_wrong_on_one_branch_is_not_accepted(f: str, answer: str) -> None:
    assert verify(f, "x", answer, shapes={"x": "n"}, diagnosis=False).verdict == "disproved"


@pytest.mark.parametrize(("f", "answer"), RIGHT)
def test_what_is_right_on_all_branches_is_accepted(f: str, answer: str) -> None:
    assert verify(f, "x", answer, shapes={"x": "n"}, diagnosis=False).correct is True


@pytest.mark.parametrize(
    ("f", "answer"),
    [
        ("sum(x.^2)", "2*x + relu(tan(x).*cos(x) - 2)"),
        ("sum(x.^2)", "2*x + exp(-1e9*(x.^2 + 1))"),
        ("x'*x", "2*x + step(n - 1000)*x"),
        ("sum(tanh(1e4*x))", "1e4 - 1e4*tanh(1e4*max(x, -2)).^2"),
    ],
)
def test_what_cannot_be_reached_is_not_decided(f: str, answer: str) -> None:
    found = verify(f, "x", answer, shapes={"x": "n"}, diagnosis=False)
    assert found.verdict == "undecided"
    assert "but" in found.message


@pytest.mark.parametrize(
    ("f", "answer"),
    [
        ("sum(x.^2)", "2*sqrt(x).^2"),
        ("sum(x.^2)", "2*x.^1.5.*x.^(-0.5)"),
        ("sum(x.^2)", "2*sqrt(x + 5000).^2 - 10000"),
        ("sum(x.^2)", "2*log(exp(x)) + 0*log(x + 300)"),
        ("sum(where(x > 0, sqrt(x), 0))", "(x > 0)./(2*sqrt(x))"),
        ("sum(where(x > 0, log(x), 0))", "(x > 0)./exp(log(x))"),
    ],
)
def test_an_answer_without_a_value_somewhere_is_not_accepted(f: str, answer: str) -> None:
    found = verify(f, "x", answer, shapes={"x": "n"}, diagnosis=False)
    assert found.verdict == "undecided"
    assert "right where it has a value; it has none at x = " in found.message


@pytest.mark.parametrize(
    ("f", "answer"),
    [
        ("sum(where(x > 0, sqrt(x), 0))", "where(x > 0, 1./(2*sqrt(x)), 0)"),
        ("sum(sqrt(x))", "1./(2*sqrt(x))"),
        ("sum(log(x))", "exp(-log(x))"),
        ("sum(x.^1.5)", "1.5*sqrt(x)"),
        ("norm2(x)", "x/sqrt(x'*x)"),
    ],
)
def test_a_value_wherever_f_has_one_is_enough(f: str, answer: str) -> None:
    assert verify(f, "x", answer, shapes={"x": "n"}, diagnosis=False).correct is True


def test_a_comparison_of_what_has_no_value_is_no_disproof() -> None:
    f = "sum(where(log(x) > 0, z.^2, y))"
    found = verify(f, "y", "(log(x) <= 0)")
    assert found.verdict == "proved"
    assert verify(f, "y", "(log(x) > 0)", diagnosis=False).verdict == "disproved"


def test_two_equal_numbers_are_no_counterexample() -> None:
    for answer in ("x/norm2(x)", "x/sqrt(x'*x + 2e-12)", "x/sqrt(x'*x + 1e-40)"):
        found = verify("sqrt(x'*x + 1e-12)", "x", answer, shapes={"x": "n"})
        assert found.verdict == "disproved"
        shown = found.counterexample
        assert shown is None or shown.claimed != shown.truth
        first, _, second = str(shown or "is 1, the answer says 2").partition(", the answer says ")
        assert first.split()[-1] != second.split()[0]
        assert found.diagnosis is None or "other-layout" not in found.diagnosis


@pytest.mark.parametrize(
    ("f", "answer"),
    [
        ("sum(log(x))", "1./abs(x)"),
        ("sum(sqrt(x))", "1./(2*sqrt(abs(x)))"),
        ("sum(log(x))", "where(x>0, 1./x, 0)"),
        ("sum(x.^1.5)", "1.5*abs(x).^0.5"),
        ("sum(log(-x))", "-1./abs(x)"),
        ("sum(log(x - 2))", "1./abs(x - 2)"),
    ],
)
def test_an_answer_is_judged_where_f_has_a_value(f: str, answer: str) -> None:
    assert verify(f, "x", answer).correct is True
    assert verify(f, "x", f"1.001*({answer})", diagnosis=False).correct is False
    assert verify("sum(log(abs(x)))", "x", "1./abs(x)", diagnosis=False).correct is False


@pytest.mark.parametrize(
    ("f", "answer"),
    [
        ("max(abs(w - 3))", "sign(w - {}).*(abs(w - 3)>=max(abs(w - 3)))"),
        (
            "max(abs(arctan(w) - 0.1))",
            "sign(arctan(w) - {}).*(abs(arctan(w) - 0.1)>=max(abs(arctan(w) - 0.1)))./(1 + w.^2)",
        ),
    ],
)
def test_a_largest_entry_is_seen_where_all_entries_are_alike(f: str, answer: str) -> None:
    border = f.split("- ")[1].rstrip(")")
    assert verify(f, "w", answer.format(border), diagnosis=False).correct is True
    for other in ("2", "0.01"):
        assert verify(f, "w", answer.format(other), diagnosis=False).correct is False


@pytest.mark.parametrize(
    ("f", "wrt", "answer"),
    [
        ("sum(x.*x)", "x", "2*x + max(0,x[1]-2)*x"),
        ("sum(x.*x)", "x", "2*x.*(1+(x[1]>8))"),
        ("sum(x.*x)", "x", "2*x + max(0,x[2]-x[1]-5)*x"),
        ("sum(X.*X)", "X", "2*X.*(1+(X[1,1]>8))"),
        ("sum(x.*x)", "x", "2*x + max(0,lambda_max(x*x')-50)*x"),
    ],
)
def test_a_branch_that_hangs_on_an_entry_or_an_eigenvalue_is_seen_or_left_open(f, wrt, answer):
    found = verify(f, wrt, answer, shapes={"x": "n"} if wrt == "x" else {"X": "n,n"})
    assert found.verdict == ("undecided" if "lambda" in answer else "disproved")


@pytest.mark.parametrize(
    ("f", "answer"),
    [
        ("max(t.*p)", "(t.*p >= max(t.*p))"),
        ("sum(p)*max(t)", "ones(n)"),
        ("sum(p)*prod(b)", "0*p"),
        ("sum(p)*prod(b)", "p.*(1 - prod(b))"),
    ],
)
def test_labels_may_be_all_the_same(f: str, answer: str) -> None:
    facts = {"t": "labels", "b": "binary", "p": "positive"}
    told = {k: v for k, v in facts.items() if k in f + answer}
    found = verify(f, "p", answer, shapes=dict.fromkeys(told, "n"), assume=told, diagnosis=False)
    assert found.verdict == "disproved"


def test_a_reflection_is_orthogonal() -> None:
    told = {"A": "orthogonal", "B": "orthogonal"}
    for f in ("det(A)*x'*x", "det(A)*det(B)*x'*x"):
        shapes = {n: "n,n" for n in told if n in f}
        told_here = {n: told[n] for n in shapes}
        assert verify(f, "x", "2*x", shapes=shapes, assume=told_here).correct is False
        assert verify(f"({f})^2", "x", "4*x*x'*x", shapes=shapes, assume=told_here).correct is True


def test_numbers_beyond_floats_are_no_crash() -> None:
    found = verify("sum(x.^2.*(2^1000))*(2^1000)", "x", "2*2^1000*2^1000*x", shapes={"x": "n"})
    assert found.correct is not False
