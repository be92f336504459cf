"""verify: right answers proved, wrong ones never accepted, conventions named, no rule trusted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from answer_changes import arguments, rows
from truth import check

from matderiv.doors.derive import derive
from matderiv.doors.verify import verify
from matderiv.errors import MatderivError, ParseError, UnknownName
from matderiv.expr import REGISTRY, apply
from matderiv.verification.claims import ask, claims, names_for, read_answer
from matderiv.verification.verdict import Verdict

ROWS = rows()
SAMPLE = ROWS[::9]


def judged(row: dict[str, Any], **more: Any) -> Verdict:
    return verify(row["expr"], row["wrt"], row["answer"], **arguments(row), **more)


def name(row: dict[str, Any]) -> str:
    return f"{row['id']}-{row['how']}"


@pytest.mark.parametrize("row", SAMPLE, ids=name)
def test_hand_answers_of_the_collection(row: dict[str, Any]) -> None:
    verdict = judged(row, diagnosis=False)
    assert verdict.correct is (row["truth"] == "right")
    if row["truth"] == "right":
        assert verdict.verdict == "proved"


@pytest.mark.parametrize("row", [r for r in ROWS if r["truth"] == "right"][::12], ids=name)
def test_proved_is_not_contradicted_by_more_points(row: dict[str, Any]) -> None:
    asked = ask(row["expr"], row["wrt"], **arguments(row))
    e = read_answer(asked, row["answer"])
    claim = claims(asked, e, row["answer"])[0]
    if asked.structure == "independent":
        return  # the numeric projection has tests of its own

    def value(at: Mapping[str, Any], sizes: dict[str, int]) -> Any:
        return claim.evaluated(at, sizes)

    report = check(
        asked.f,
        asked.wrt,
        value,
        variables=names_for(asked, e),
        order=asked.order,
        upstream=asked.upstream,
        points=12,
        seed=99,
    )
    assert report.verdict == "verified"


# Independence ------------------------------------------------------------------------------------


def spoiled(record: Any) -> Any:
    """The record with every derivative rule negated or doubled."""
    if record.partials:
        wrong = tuple(lambda *args, p=p: 2 * p(*args) + 1 for p in record.partials)
        return replace(record, partials=wrong)
    if record.differential is not None:
        right = record.differential
        return replace(record, differential=lambda y, k, dx: -2 * right(y, k, dx))
    if record.axes is not None:
        right_axes = record.axes

        def axes(node: Any, out: Any, fresh: Any) -> Any:
            slots, extra = right_axes(node, out, fresh)
            return slots, [*extra, (apply("number", params=(3,)), ())]

        return replace(record, axes=axes)
    return record


CASES = [
    (
        "sum(log(1+exp(-y.*(X*w))))",
        "w",
        "-X'*(y.*sigmoid(-y.*(X*w)))",
        "X'*(y.*sigmoid(-y.*(X*w)))",
    ),
    ("norm2(X*w-y)^2", "w", "2*X'*(X*w-y)", "X'*(X*w-y)"),
    ("logdet(S)+tr(inv(S)*A)", "S", "inv(S)'-(inv(S)*A*inv(S))'", "inv(S)-inv(S)*A*inv(S)"),
    ("softmax(x)", "x", "diag(softmax(x))-softmax(x)*softmax(x)'", "diag(softmax(x))"),
    ("sum(relu(X*w))+norm2(w)", "w", "X'*step(X*w)+w/norm2(w)", "X'*relu(X*w)+w/norm2(w)"),
    ("sum(tanh(x).*sin(x))", "x", "(1-tanh(x).^2).*sin(x)+tanh(x).*cos(x)", "tanh(x).*cos(x)"),
    ("mean(x.^3)", "x", "3*x.^2/n", "3*x.^2"),
    ("det(S)", "S", "det(S)*inv(S)'", "det(S)*inv(S)"),
]
BROKEN = sorted(n for n, r in REGISTRY.items() if r.partials or r.differential or r.axes)
SIZES = {"x": "n", "S": "n,n", "A": "n,n", "X": "n,d", "w": "d", "y": "n"}
SABOTAGE = """
import sys, json
sys.path.insert(0, "tests")
from test_verify import CASES, SIZES, spoiled
from matderiv.expr import REGISTRY
from matderiv.doors.verify import verify
import matderiv.functions
for name in json.loads(sys.argv[1]):
    REGISTRY[name] = spoiled(REGISTRY[name])
for f, wrt, right, wrong in CASES:
    shapes = {k: v for k, v in SIZES.items() if k in f}
    assert verify(f, wrt, right, shapes=shapes, diagnosis=False).correct is True, (f, right)
    assert verify(f, wrt, wrong, shapes=shapes, diagnosis=False).correct is False, (f, wrong)
"""


@pytest.mark.sweep
@pytest.mark.parametrize("broken", BROKEN)
def test_no_derivative_rule_is_trusted_one_by_one(broken: str) -> None:
    subprocess.run([sys.executable, "-c", SABOTAGE, json.dumps([broken])], check=True)


def test_no_derivative_rule_is_trusted_all_broken_at_once() -> None:
    assert len(BROKEN) > 40
    subprocess.run([sys.executable, "-c", SABOTAGE, json.dumps(BROKEN)], check=True)


# Shapes and layouts ------------------------------------------------------------------------------


def test_a_row_for_a_column_is_another_layout_and_right_where_asked_for() -> None:
    assert verify("x'*A*x", "x", "x'*(A+A')").diagnosis == "other-layout"
    assert verify("x'*A*x", "x", "x'*(A+A')", layout="numerator").verdict == "proved"
    assert verify("x'*A*x", "x", "(A+A')*x", layout="numerator").diagnosis == "other-layout"


def test_a_transposed_jacobian_is_another_layout() -> None:
    assert verify("A*x", "x", "A").verdict == "proved"
    assert verify("A*x", "x", "A'").diagnosis == "other-layout"
    assert verify("A*x", "x", "A'", layout="denominator").verdict == "proved"


def test_a_square_transposed_jacobian_is_another_layout() -> None:
    found = verify("A*x", "x", "A'", shapes={"A": "n,n"})
    assert (found.verdict, found.diagnosis) == ("disproved", "other-layout")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [("kron(B',A)", "proved"), ("kron(A,B')", "disproved"), ("kron(B,A')", "disproved")],
)
def test_more_than_two_axes_are_answered_by_kronecker_products(answer: str, verdict: str) -> None:
    assert verify("A*X*B", "X", answer).verdict == verdict


def test_hessian_by_a_matrix_as_kronecker_product() -> None:
    shapes = {"A": "m,k", "X": "k,n", "B": "m,n"}
    right = verify("norm2(A*X-B)^2", "X", "2*kron(eye(n),A'*A)", kind="hessian", shapes=shapes)
    assert right.verdict == "proved"


def test_a_wrong_shape_is_disproved_with_both_shapes() -> None:
    found = verify("norm2(A*x)^2", "x", "A*x", diagnosis=False)
    assert (found.verdict, found.diagnosis) == ("disproved", "shape")
    assert "m" in found.message
    assert "n" in found.message


def test_sizes_that_do_not_fit_are_disproved() -> None:
    found = verify("norm2(A*x-y)^2", "x", "2*A*(A*x-y)")
    assert found.correct is False
    assert found.suggestion == "(2*A)'*(A*x - y)" or found.suggestion == "2*A'*(A*x - y)"


def test_zero_is_an_answer_of_any_shape() -> None:
    assert verify("sum(a)", "x", "0", shapes={"x": "n", "a": "n"}).verdict == "proved"
    assert verify("sum(x)", "x", "0").correct is False


def test_vjp_jvp_and_differential() -> None:
    shapes = {"A": "m,n", "x": "n"}
    assert verify("A*x", "x", "A'*G", kind="vjp", shapes={**shapes, "G": "m"}).verdict == "proved"
    assert verify("A*x", "x", "A'*u", kind="vjp", shapes=shapes, upstream="u").verdict == "proved"
    assert verify("A*x", "x", "A*dx", kind="jvp", shapes=shapes).verdict == "proved"
    assert verify("x'*x", "x", "2*x'*dx", kind="differential").verdict == "proved"
    assert verify("x'*x", "x", "x'*dx", kind="differential").correct is False


# Structure ---------------------------------------------------------------------------------------


def test_symmetric_variables_in_both_textbook_conventions() -> None:
    question = {"shapes": {"A": "n,n"}, "assume": {"X": "symmetric"}}
    projected = verify("tr(A*X)", "X", "(A+A')/2", **question)
    independent = verify("tr(A*X)", "X", "A+A'-A.*eye(n)", **question)
    assert (projected.verdict, projected.notes) == ("proved", ())
    assert independent.verdict == "proved"
    assert "independent entries" in independent.notes[0]
    assert verify("tr(A*X)", "X", "A'", **question).diagnosis == "other-convention"


def test_a_convention_that_was_asked_for_is_the_only_one() -> None:
    question = {"shapes": {"A": "n,n"}, "assume": {"X": "symmetric"}}
    found = verify("tr(A*X)", "X", "A+A'-A.*eye(n)", structure="projected", **question)
    assert (found.verdict, found.diagnosis) == ("disproved", "other-convention")
    assert verify("tr(A*X)", "X", "A'", structure="none", **question).verdict == "proved"


@pytest.mark.parametrize("fact", ["skew", "diagonal", "lower", "upper", "symmetric", "posdef"])
def test_projected_truth_of_structured_variables(fact: str) -> None:
    forms = {
        "skew": "(A'-A)/2",
        "diagonal": "A'.*eye(n)",
        "lower": "tril(A')",
        "upper": "triu(A')",
    }
    right = forms.get(fact, "(A+A')/2")
    question = {"shapes": {"A": "n,n", "X": "n,n"}, "assume": {"X": fact}}
    assert verify("tr(A*X)", "X", right, structure="projected", **question).verdict == "proved"
    wrong = f"{right}+A"
    assert verify("tr(A*X)", "X", wrong, structure="projected", **question).correct is False


# Kinds of answers --------------------------------------------------------------------------------


def test_sympy_answers() -> None:
    n, d = sp.symbols("n d", integer=True, positive=True)
    X, w = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("w", d, 1)
    y = sp.MatrixSymbol("y", n, 1)
    f = (X * w - y).T * (X * w - y)
    assert verify(f, w, 2 * X.T * (X * w - y)).verdict == "proved"
    assert verify(f, w, X.T * (X * w - y)).diagnosis == "factor"
    assert verify(f, w, "2*X'*(X*w-y)").verdict == "proved"


def test_functions_of_arrays_are_verified_in_numbers() -> None:
    assert verify("x'*x", "x", lambda v: 2 * v["x"]).verdict == "verified"
    assert verify("x'*x", "x", lambda v: 3 * v["x"]).correct is False


def test_not_a_number_is_never_accepted() -> None:
    assert verify("x'*x", "x", lambda v: 2 * v["x"] + np.nan).correct is False
    assert not verify("x'*x", "x", "2*x+0*log(-x.^2)").correct


@pytest.mark.parametrize(
    ("f", "wrt", "answer"),
    [
        ("leaky_relu(x,0.1)", "x", "diag(0.1001*step(-x)+step(x))"),
        ("sum(relu(A*x-y))", "x", "A'*step(1.001*A*x-y)"),
        ("sum(max(x,y))", "x", "step(x-1.0005*y)"),
        ("x'*x/3", "x", "0.66667*x"),
        ("sum(sigmoid(9*x))", "x", "9*sigmoid(9*x).*(1-sigmoid(9.001*x))"),
    ],
)
def test_a_small_mistake_that_few_points_show_is_not_accepted(
    f: str, wrt: str, answer: str
) -> None:
    assert (
        verify(f, wrt, answer, shapes={"y": "n"} if f == "sum(max(x,y))" else None).correct is False
    )


@pytest.mark.parametrize(
    ("answer", "error"), [("", ParseError), ("2*z", UnknownName), ("nan*x", UnknownName)]
)
def test_answers_that_cannot_be_read_raise(answer: str, error: type[MatderivError]) -> None:
    with pytest.raises(error):
        verify("x'*x", "x", answer)


# Counterexamples and reports ---------------------------------------------------------------------


def test_a_counterexample_can_be_checked_by_hand() -> None:
    found = verify("x'*A*x", "x", "2*A*x")
    shown = found.counterexample
    assert shown is not None
    A, x = shown.values["A"], shown.values["x"]
    assert shown.entry is not None
    k = shown.entry[0] - 1
    assert np.isclose(shown.claimed, (2 * A @ x)[k])
    assert np.isclose(shown.truth, ((A + A.T) @ x)[k])
    assert shown.sizes == {"n": len(x)}


def test_the_same_seed_gives_the_same_counterexample() -> None:
    first, second = (str(verify("x'*A*x", "x", "2*A*x", seed=4)) for _ in range(2))
    assert first == second
    assert first != str(verify("x'*A*x", "x", "2*A*x", seed=5))


def test_proved_states_its_bound_sizes_and_model() -> None:
    plain = str(verify("x'*x", "x", "2*x"))
    assert "error below 2^-" in plain
    assert "n = " in plain
    assert "random-function model" not in plain
    assert "random-function model" in str(verify("sum(exp(x))", "x", "exp(x)"))


def test_functions_without_an_exact_model_are_verified_only() -> None:
    found = verify("x'*cholesky(A)*x", "x", "(cholesky(A)+cholesky(A)')*x", assume={"A": "posdef"})
    assert found.verdict == "verified"


def test_verdict_values() -> None:
    assert [Verdict(v).correct for v in ("proved", "verified", "disproved", "undecided")] == [
        True,
        True,
        False,
        None,
    ]
    assert Verdict("disproved", "sign").hint == "a sign is wrong"


def test_the_change_of_f_is_not_its_derivative() -> None:
    with pytest.raises(ParseError, match="df is the change of f"):
        verify("x'*x", "x", "df = 2*x")
    assert verify("x'*x", "x", "df = 2*x'*dx", kind="differential").correct is True
    assert verify("w'*w", "w", "dw = 2*w").correct is True


RIDGE = "norm2(X*w - y)^2 + l*norm2(w)^2"
LATEX_RIDGE = r"\|Xw - y\|^2 + \lambda\|w\|^2"


@pytest.mark.parametrize(
    ("f", "by", "answer", "right"),
    [
        (RIDGE, "w", "2*(X'*X + l*eye(d))*w - 2*X'*y", True),
        (RIDGE, "w", "2*(X'*X + l*eye(m))*w - 2*X'*y", True),
        (RIDGE, "w", "(X'*X + l*eye(d))*w - 2*X'*y", False),
        (LATEX_RIDGE, "w", r"2(X^TX + \lambda I_d)w - 2X^Ty", True),
        (LATEX_RIDGE, "w", r"2(X^TX + \lambda I_{d\times d})w - 2X^Ty", True),
        (LATEX_RIDGE, "w", r"2(X^TX - \lambda I_d)w - 2X^Ty", False),
        (r"\mathbf 1^T X w", "w", r"X^T \mathbf{1}_N", True),
        ("sum(A*B)", "A", "ones(p,q)*B'", True),
        ("sum(A*B)", "A", "ones(p,q)*B", False),
        ("A*x", "x", "eye(k)*A*eye(d)", True),
        ("A*x", "x", "eye(k)*A'*eye(d)", False),
    ],
)
def test_sizes_that_nobody_named_have_any_name(f: str, by: str, answer: str, right: bool) -> None:
    assert verify(f, by, answer).correct is right


def test_an_answer_whose_names_are_numbers_in_turn_is_wrong() -> None:
    assert verify("sqrt(|max(t,m)|)", "t", "std(ones(n))").correct is False


def test_a_size_that_was_declared_has_its_name() -> None:
    with pytest.raises(UnknownName, match="the size d"):
        verify(RIDGE, "w", "2*(X'*X + l*eye(d))*w - 2*X'*y", shapes={"X": "n,p"})


@pytest.mark.parametrize(
    ("answer", "right"), [("2/n*(x - mean(x))", True), ("(x - mean(x))/n", False)]
)
def test_n_below_a_sum_of_x_may_be_how_many_x_there_are(answer: str, right: bool) -> None:
    found = verify("1/n*sum((x - sum(x)/n).^2)", "x", answer)
    assert found.correct is right, str(found)


@pytest.mark.parametrize("f", ["np.sum((X @ w - y)**2)/X.shape[0]", "np.mean((X @ w - y)**2)"])
@pytest.mark.parametrize(
    ("size", "right"),
    [("X.shape[0]", True), ("len(y)", True), ("X.shape[1]", False), ("len(w)", False)],
)
def test_a_size_that_says_whose_it_is_is_no_other_size(f: str, size: str, right: bool) -> None:
    assert verify(f, "w", f"2*X.T @ (X @ w - y)/{size}").correct == right


@pytest.mark.parametrize(
    ("f", "by", "answer", "right"),
    [
        ("np.sum((y - w*x)**2)", "w", "-2*np.sum(x*(y - w*x))", True),
        ("np.sum((y - w*x)**2)", "w", "-2*x*(y - w*x)", True),
        ("np.sum((y - w*x)**2)", "w", "-np.sum(x*(y - w*x))", False),
        ("np.sum((y - w*x - b)**2)", "w", "-2*np.sum(x*(y - w*x - b))", True),
        ("np.sum((x - t)**2)", "t", "-2*np.sum(x - t)", True),
        ("np.sum((x - t)**2)", "t", "2*np.sum(x - t)", False),
        ("np.sum(x)", "x", "1", False),
        ("np.sum(x**2)", "x", "2*np.sum(x)", False),
    ],
)
def test_a_guessed_vector_of_numpy_is_a_number_where_the_answer_is_one(
    f: str, by: str, answer: str, right: bool
) -> None:
    assert verify(f, by, answer).correct == right


# Kinds that only a letter says --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "right", "wrong"),
    [
        ("tanh(x)", "1 - tanh(x)^2", "1 + tanh(x)^2"),
        ("sigmoid(x)", "sigmoid(x)*(1 - sigmoid(x))", "sigmoid(x)*(1 + sigmoid(x))"),
        ("\\sigma(z)", "\\sigma(z)(1 - \\sigma(z))", "\\sigma(z)(1 - z)"),
        ("log(x)", "1/x", "-1/x"),
        ("sin(x) + 3*x", "cos(x) + 3", "3 - cos(x)"),
        ("np.tanh(x)", "1 - np.tanh(x)**2", "np.tanh(x)**2 - 1"),
    ],
)
def test_a_function_of_each_entry_may_be_meant_of_a_number(f: str, right: str, wrong: str) -> None:
    name = "z" if "z" in f else "x"
    found = verify(f, name, right)
    assert found.correct
    assert f"taking {name} as a number" in found.notes
    assert verify(f, name, wrong).correct is False
    assert verify(f, name, right, shapes={name: "n"}).correct is False  # a vector that is declared


@pytest.mark.parametrize(
    ("f", "answer"),
    [("x.*x", "2*x"), ("exp(x)'*x", "exp(x)*x + exp(x)"), ("x'*A*x", "A*x + x*A")],
)
def test_signs_of_arrays_say_that_no_number_is_meant(f: str, answer: str) -> None:
    assert verify(f, "x", answer).correct is False


@pytest.mark.parametrize(
    ("f", "name", "right", "wrong"),
    [
        ("a*exp(b*t)", "t", "b*f(t)", "a*f(t)"),
        ("a*exp(b*t)", "t", "b*f", "a*f"),
        ("sigmoid(w'*x)", "w", "f*(1 - f)*x", "f*(1 + f)*x"),
        ("tanh(x)", "x", "1 - f^2", "1 - f"),
        ("norm2(x)", "x", "x/L(x)", "x*L(x)"),
    ],
)
def test_an_answer_may_call_the_expression_by_a_name(
    f: str, name: str, right: str, wrong: str
) -> None:
    assert verify(f, name, right).correct is True
    assert verify(f, name, wrong).correct is False


@pytest.mark.parametrize("answer", ["2*g(x)*x", "phi(x)", "f'(x)", "x*f(2*x)"])
def test_a_function_that_nobody_defines_is_not_judged(answer: str) -> None:
    with pytest.raises(UnknownName, match="has the function"):
        verify("x'*x", "x", answer)


@pytest.mark.parametrize("f", ["x'*X", "sum(X,1)", "mean(X,1)", "max(X,axis=1)"])
def test_the_derivative_of_a_row_is_accepted_as_printed(f: str) -> None:
    shapes = {"x": "n", "X": "n,m"} if "x'" in f else {"X": "n,m"}
    answer = str(derive(f, "X", shapes=shapes))
    assert verify(f, "X", answer, shapes=shapes).correct is True
    assert verify(f, "X", answer.replace("= ", "= 2 ", 1), shapes=shapes).correct is False


@pytest.mark.parametrize(
    ("f", "wrt", "answer"),
    [
        ("softmax(theta)", "theta", "0"),
        ("y'*log_softmax(theta)", "theta", "0"),
        ("logsumexp(beta) - y'*beta", "beta", "1-y"),
        ("theta/norm2(theta)", "theta", "0"),
        ("var(theta)", "theta", "0"),
        ("max(theta)", "theta", "1"),
        ("prod(theta)", "theta", "1"),
        ("quadform(mu,A)", "mu", "2*A*mu"),
        (r"\log\mathcal N(x|\mu,\Sigma)", "mu", "(x-mu)/det(Sigma)"),
        (r"\log\mathcal N(x|\mu,\Sigma)", "x", "(mu-x)/tr(Sigma)"),
    ],
)
def test_nothing_is_right_because_an_array_is_taken_as_a_number(
    f: str, wrt: str, answer: str
) -> None:
    assert verify(f, wrt, answer).verdict == "disproved"


def test_the_covariance_of_a_density_is_symmetric() -> None:
    density = r"\log\mathcal N(x|\mu,\Sigma)"
    assert verify(density, "mu", r"\Sigma^{-1}(x-\mu)").verdict == "proved"
    assert str(derive(density, "mu")) == "inv(Sigma)*(x - mu)"
