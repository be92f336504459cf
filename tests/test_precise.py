"""Values with 50 digits: they agree with proofs, and decide where ordinary numbers cannot."""

from __future__ import annotations

from typing import Any

import pytest
from answer_changes import arguments, rows

from matderiv.calculus.structure import linear_structure
from matderiv.doors.verify import verify
from matderiv.verification.claims import ask, claims, read_answer
from matderiv.verification.judging import identity_of, numbers_of
from matderiv.verification.precise import precise

RIGHT = [r for r in rows() if r["truth"] == "right"]


def claim_of(row: dict[str, Any]) -> Any:
    asked = ask(row["expr"], row["wrt"], **arguments(row))
    return claims(asked, read_answer(asked, row["answer"]), row["answer"])[0]


def contradicted(row: dict[str, Any], points: int) -> str | None:
    """What complex steps, differences or 50 digits say against an answer that is proved."""
    claim = claim_of(row)
    structure = claim.asked.structure or "none"
    if identity_of(claim, structure, 0).verdict != "equal":
        return "not proved"
    report = numbers_of(claim, structure, points, seed=5)
    if report.verdict == "disproved":
        return str(report)
    found = precise(claim, structure, seed=3)
    if found.verdict == "undecided":
        assert linear_structure(claim.asked.wrt) or "no version" in found.reason, found
    return str(found) if found.verdict == "different" else None


@pytest.mark.parametrize("row", RIGHT[::8], ids=lambda r: f"{r['id']}-{r['how']}")
def test_what_is_proved_is_not_contradicted(row: dict[str, Any]) -> None:
    assert contradicted(row, 3) is None


@pytest.mark.sweep
def test_no_proof_of_the_collection_is_contradicted() -> None:
    assert [r["id"] for r in RIGHT if contradicted(r, 8)] == []


@pytest.mark.parametrize(
    ("f", "x", "answer", "verdict"),
    [
        ("sum(log(x))", "x", "1.00000000001./x", "disproved"),
        ("sum(log(x))", "x", "1./x + 1e-11", "disproved"),
        ("sum(sqrt(x))", "x", "0.50000000001./sqrt(x)", "disproved"),
        ("sum(arctan(x))", "x", "1./(1 + x.^2) + 1e-12*x", "disproved"),
        ("sum(sqrt(x))", "x", "0.5*exp(-log(x)/2)", "verified"),
        ("sum(arctan(x))", "x", "cos(arctan(x)).^2", "verified"),
        ("log(sum(exp(x)))", "x", "exp(x - logsumexp(x))", "verified"),
    ],
)
def test_small_differences_beside_log_and_roots_are_decided(
    f: str, x: str, answer: str, verdict: str
) -> None:
    found = verify(f, x, answer, diagnosis=False)
    assert found.verdict in (verdict, "proved" if verdict == "verified" else verdict)


@pytest.mark.parametrize(
    ("f", "right"),
    [
        ("log(a)", "1/a"),
        ("a^5", "5*a^4"),
        ("exp(sin(a))", "cos(a)*exp(sin(a))"),
        ("tanh(a)", "1/cosh(a)^2"),
        ("erf(a)", "2/sqrt(pi)*exp(-a^2)"),
        ("arcsin(a/9)", "1/sqrt(81 - a^2)"),
        ("sigmoid(a)", "exp(-a)/(1 + exp(-a))^2"),
        ("det(a*eye(3))", "3*a^2"),
        ("tr(inv(a*eye(3)))", "-3/a^2"),
    ],
)
def test_known_slopes_hold_and_no_longer_after_20_digits(f: str, right: str) -> None:
    asked = ask(f, "a")
    for added, verdict in (("", "equal"), (" + 1e-20", "different")):
        claim = claims(asked, read_answer(asked, right + added), "")[0]
        assert precise(claim, "none").verdict == verdict


@pytest.mark.parametrize(("answer", "verdict"), [("6*a", "equal"), ("6*a + 1e-20", "different")])
def test_second_derivatives(answer: str, verdict: str) -> None:
    asked = ask("a^3", "a", order=2)
    claim = claims(asked, read_answer(asked, answer), "")[0]
    assert precise(claim, "none").verdict == verdict


def test_a_function_without_many_digits_is_said() -> None:
    asked = ask("norm_nuc(X)", "X")
    claim = claims(asked, read_answer(asked, "X"), "")[0]
    assert "nuc" in precise(claim, "none").reason


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [("(A + A')/2", "equal"), ("A'", "different"), ("(A + A')/2 + 1e-30*X", "different")],
)
def test_a_derivative_by_a_symmetric_matrix_is_compared_in_its_space(
    answer: str, verdict: str
) -> None:
    asked = ask("tr(A*X)", "X", assume={"X": "symmetric"})
    claim = claims(asked, read_answer(asked, answer), "")[0]
    assert precise(claim, "projected").verdict == verdict


@pytest.mark.parametrize(
    ("f", "answer"),
    [
        ("erf(30 + a^2)", "0"),
        ("log(1 + exp(-1000 - a^2))", "0"),
        ("gelu(-50 - a^2)", "0"),
        ("sqrt(1 + a^2)*exp(-1000*(1 + a^2))", "0"),
        ("1e-200*1e-200*log(a)", "0"),
        ("log(a)*1e-15 + a", "1"),
        ("log(a)*1e-250 + a", "1"),
        ("sqrt(a^2 + 1e-12)", "sign(a)"),
    ],
)
def test_nothing_is_so_small_that_it_vanishes(f: str, answer: str) -> None:
    asked = ask(f, "a")
    claim = claims(asked, read_answer(asked, answer), "")[0]
    assert precise(claim, "none").verdict == "different"


@pytest.mark.parametrize(
    ("f", "wrt", "answer"),
    [
        ("erf(30 + a^2)", "a", "4*a/sqrt(pi)*exp(-(30 + a^2)^2)"),
        ("log(1 + exp(-1000 - a^2))", "a", "-2*a*sigmoid(-1000 - a^2)"),
        ("log(a)*1e-15 + a", "a", "1 + 1e-15/a"),
        ("sum(softmax(x))", "x", "zeros(n)"),
        ("prod(x)", "x", "prod(x)./x"),
        ("x'*sin(x) + max(x)", "x", "sin(x) + x.*cos(x) + (x >= max(x))"),
        ("logdet(A'*A)", "A", "2*A*inv(A'*A)"),
        ("norm2(pinv(A)*y)^2", "y", "2*pinv(A)'*pinv(A)*y"),
    ],
)
def test_what_is_right_stays_right_beside_small_parts(f: str, wrt: str, answer: str) -> None:
    asked = ask(f, wrt)
    claim = claims(asked, read_answer(asked, answer), "")[0]
    assert precise(claim, "none").verdict == "equal"


def test_parts_that_span_too_many_digits_are_not_called_equal() -> None:
    asked = ask("softplus(1e6*a)", "a", assume={"a": "positive"})
    claim = claims(asked, read_answer(asked, "1e6"), "")[0]
    assert precise(claim, "none").verdict == "undecided"


SPECIAL = [  # DLMF 5.2, 10.29, 4.40; the slope of a quantile is one over the density
    ("sum(lgamma(x))", "digamma(x)"),
    ("sum(digamma(x))", "polygamma(1, x)"),
    ("sum(probit(x))", "sqrt(2*pi)*exp(probit(x).^2/2)"),
    ("sum(bessel_i0(x))", "bessel_i1(x)"),
    ("sum(bessel_i1(x))", "bessel_i0(x) - bessel_i1(x)./x"),
    ("sum(asinh(x))", "1./sqrt(1 + x.^2)"),
    ("sum(atanh(x))", "1./(1 - x.^2)"),
    ("sum(atan2(y,x))", "-y./(x.^2 + y.^2)"),
    ("sum(atan2(y,x)).^2", "-2*sum(atan2(y,x))*y./(x.^2 + y.^2)"),
    ("sum(sinc(x))", "cos(pi*x)./x - sin(pi*x)./(pi*x.^2)"),
    ("norm(x,3)", "x.*abs(x)/norm(x,3)^2"),
    ("sum(floor(x).*x)", "ceil(x) - 1"),
]


@pytest.mark.parametrize(("f", "answer"), SPECIAL)
def test_special_functions_have_many_digits(f: str, answer: str) -> None:
    assert verify(f, "x", answer).correct is True
    for wrong in (f"{answer} + 1e-12", f"1.0000000000001*({answer})"):
        assert verify(f, "x", wrong, diagnosis=False).correct is False


@pytest.mark.parametrize(
    ("f", "right"),
    [("lambda_max(X)", "eigvec_max(X)*eigvec_max(X)'"), ("tr(expm(X))", "expm(X)'")],
)
def test_a_number_that_nothing_shows_is_not_accepted(f: str, right: str) -> None:
    assert verify(f, "X", right).correct is True
    for wrong in (f"{right} + 1e-11", f"1.00000000001*{right}"):
        found = verify(f, "X", wrong, diagnosis=False)
        assert found.correct is None
        assert "do not show 1" in found.message


@pytest.mark.parametrize(
    "answer",
    [
        "diag(where(y<1e4, exp(where(min(y,1e4)<=0,min(y,1e4),0))'', 0))",
        "diag(where(y<1e4, 1./exp(-where(min(y,1e4)<=0,min(y,1e4),0)), 0))",
    ],
)
def test_shaking_digits_changes_no_branch(answer: str) -> None:
    assert verify("elu(min(y, 1e4))", "y", answer).correct is True


def test_small_entries_beside_large_ones_have_no_branch_by_rounding() -> None:
    u = "(v - 1000000)"
    mask = f"(silu{u}>=max(silu{u}))"
    answer = f"diag(sigmoid{u}.*(1 - sigmoid{u}).*{mask}.*((1 - 2*sigmoid{u}).*{u} + 2))"
    found = verify(f"max(silu{u})", "v", answer, shapes={"v": "d"}, order=2, diagnosis=False)
    assert found.correct is not False
    wrong = answer.replace("+ 2)", "+ 2.0001)")
    found = verify(f"max(silu{u})", "v", wrong, shapes={"v": "d"}, order=2, diagnosis=False)
    assert found.correct is False


def test_a_large_comparison_beside_numbers_that_vanish_is_not_taken_for_right() -> None:
    p = "softmax(where(v > 1e5, v.^2, v))"
    wrong = f"where(v > 1e5, 2*v.*{p}.*({p} < 0.3), {p})"
    assert verify("logsumexp(where(v > 1e5, v.^2, v))", "v", wrong).correct is not True


@pytest.mark.parametrize(
    ("f", "answer"),
    [
        ("sum(sigmoid(relu(softplus(1e-4*v)/1e-4)))", "sigmoid(1e-4*v).*{s}.*(1 - {s})"),
        (
            "max(sigmoid(-1e4*v))",
            "-1e4*{s}.*(1 - {s}).*((1 + tanh(-5e3*v))/2 >= max({s}))",
        ),
        ("max(sigmoid(1e5*v))", "1e5*{s}.*(1 - {s}).*({s} >= max({s}))"),
    ],
)
def test_what_many_digits_round_to_a_whole_number_contradicts_nothing(f: str, answer: str) -> None:
    s = f[4:-1] if "max" in f else "sigmoid(relu(softplus(1e-4*v)/1e-4))"
    assume = {"v": "positive"}
    found = verify(f, "v", answer.format(s=s), assume=assume, diagnosis=False)
    assert found.verdict != "disproved"


@pytest.mark.parametrize("apart", ["1e-4", "1e-6"])
def test_entries_beside_the_largest_are_seen(apart: str) -> None:
    wrong = f"-sin(w).*(cos(w) >= max(cos(w + {apart}*sin(w))))"
    assert verify("max(cos(w))", "w", wrong, diagnosis=False).verdict == "disproved"
    right = "-sin(w).*(cos(w) >= max(cos(w)))"
    assert verify("max(cos(w))", "w", right, diagnosis=False).correct


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("2*exp(-x.^2).*(erf(x)>=max(erf(x)))/sqrt(pi)", True),
        ("2*exp(-x.^2).*(x>=max(x))/sqrt(pi)", True),
        ("exp(-x.^2).*(x>=max(x))/sqrt(pi)", False),
        ("2*exp(-x.^2).*(x<=max(x))/sqrt(pi)", False),
    ],
)
def test_entries_that_are_equal_only_in_their_digits_are_no_counterexample(answer, right):
    verdict = verify("max(erf(x))", "x", answer, shapes={"x": "m"}).verdict
    assert verdict == ("verified" if right else "disproved")
