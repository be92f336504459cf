"""verify_steps: derivations by hand, line by line; the first wrong line is located exactly."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from derivations import NASTY, TWELVE, Case
from test_verify import BROKEN

import matderiv as md
from matderiv.errors import MatderivError
from matderiv.verification.derivations.findings import StepsVerdict
from matderiv.verification.derivations.lines import verify_steps


def states(found: StepsVerdict) -> str:
    """The verdicts in short, side by side."""
    short = {"given": "g", "proved": "o", "verified": "o", "disproved": "W", "undecided": "?"}
    return "".join("f" if v.follows is not None else short[v.verdict] for v in found.lines)


def assert_states(lines: str | list[str], *, found: str, **said: Any) -> None:
    verdict = verify_steps(lines, **said)
    assert states(verdict) == found, str(verdict)


def judged(case: Case) -> StepsVerdict:
    return verify_steps(case.lines, shapes=case.shapes, assume=case.assume)


@pytest.mark.parametrize("case", TWELVE, ids=lambda c: c.name)
def test_twelve_derivations_are_located_exactly(case: Case) -> None:
    found = judged(case)
    assert "?" not in states(found), str(found)
    assert found.correct is (case.breaks == 0), str(found)
    if case.breaks:
        assert found.first_wrong is not None
        assert found.first_wrong.number == case.breaks, str(found)
        assert case.code in (None, found.first_wrong.diagnosis), str(found)
    if case.states:
        assert states(found) == case.states, str(found)


@pytest.mark.parametrize("case", NASTY, ids=lambda c: c.name)
def test_nasty_derivations(case: Case) -> None:
    found = judged(case)
    if case.states:
        assert states(found) == case.states, str(found)
    assert (found.first_wrong.number if found.first_wrong else 0) == case.breaks, str(found)
    if case.code is not None:
        assert found.first_wrong is not None
        assert found.first_wrong.diagnosis == case.code, str(found)


# What lines may look like -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("∇f = 2*A'*(A*x - b)", "o"),
        ("∇f(x) = 2*A'*(A*x - b)", "o"),
        ("∇_x f = 2*A'*(A*x - b)", "o"),
        ("grad f = 2*A'*(A*x - b)", "o"),
        ("gradient = 2*A'*(A*x - b)", "o"),
        ("f'(x) = 2*A'*(A*x - b)", "o"),
        ("df/dx = 2*A'*(A*x - b)", "o"),
        ("∂f/∂x = 2*A'*(A*x - b)", "o"),
        ("∂f(x)/∂x = 2*A'*(A*x - b)", "o"),
        ("d/dx f = 2*A'*(A*x - b)", "o"),
        ("$$ \\nabla_{x} f = 2A^\\top(Ax - b) $$", "o"),
        ("$$ \\frac{d f}{d x} = 2A^T(Ax - b) $$", "o"),
        ("$$ \\frac{\\partial f}{\\partial \\mathbf{x}} = 2A^{T}(A\\mathbf{x} - b) $$", "o"),
        ("\\[ \\partial f / \\partial x = 2A^\\top(Ax - b) \\]", "o"),
        ("df = 2*(A*x - b)'*A*dx", "o"),
        ("df = 2 (A*x - b)' A dx", "o"),
        ("df = 2*(A*x - b)'A dx", "o"),
        ("df = 2 (A x - b)' d(A x - b)", "o"),
        ("$$ \\mathrm{d}f = 2(Ax-b)^\\top A \\mathrm{d}x $$", "o"),
        ("$$ df = 2\\left(Ax-b\\right)^\\top d\\left(Ax-b\\right) $$", "o"),
        ("∇f = 2*A'*A*x - 2*A'*b  (expanding the product)", "o"),
        ("The gradient is: 2*A'*(A*x - b)", "o"),
        ("gradient of f with respect to x: 2*A'*(A*x - b)", "o"),
        ("the Hessian wrt x = 2*A'*A", "o"),
        ("so we get ∇f = 2*A'*(A*x - b).", "o"),
        ("∇²f = 2*A'*A", "o"),
        ("Hessian = 2*A'*A", "o"),
        ("∂²f/∂x∂x' = 2*A'*A", "o"),
        ("∇f = 2*A'*(A*x + b)", "W"),
        ("df = 2*(A*x - b)'*A", "W"),
        ("∇f = 2*A'*(A*x - c)", "?"),
        ("∇f = 2*A'*((A*x - b)", "?"),
        ("∇g = 2*A'*(A*x - b)", "?"),
        ("∂f/∂u = 2*A'*(A*x - b)", "?"),
        ("df = d(d(A*x))", "?"),
    ],
)
def test_one_line(line: str, state: str) -> None:
    found = verify_steps(["f = norm2(A*x - b)^2", line], wrt="x", shapes={"A": "m,n", "b": "m"})
    assert states(found) == f"g{state}", str(found)


def test_decimals_and_rows_are_handled_as_in_single_answers() -> None:
    decimal = verify_steps(["f = norm2(x)^2/3", "∇f = 0.667*x"])
    assert decimal.first_wrong is not None
    assert decimal.first_wrong.diagnosis == "rounded-constant"
    row = verify_steps(["f = x'*A*x", "∇f = x'*(A + A')"], wrt="x")
    assert row.first_wrong is not None
    assert row.first_wrong.diagnosis == "other-layout"
    assert verify_steps(["f = x'*A*x", "∂f/∂x = x'*(A + A')"], layout="numerator").correct


@pytest.mark.parametrize("answer", ["(A + A')/2", "A + A' - A.*eye(n)"])
def test_both_conventions_for_a_symmetric_variable(answer: str) -> None:
    lines = ["f = tr(A*S)", f"∇f = {answer}"]
    found = verify_steps(lines, wrt="S", shapes={"A": "n,n", "S": "n,n"}, assume={"S": "symmetric"})
    assert found.correct, str(found)


def test_the_function_may_come_from_outside() -> None:
    lines = ["dL = 2*x'*dx", "∇L = 2*x"]
    assert verify_steps(lines, "x'*x", "x").correct
    assert verify_steps(lines, "3*x'*x", "x").first_wrong is not None


def test_a_place_in_the_line_is_shown() -> None:
    found = verify_steps(["f = x'*A*x", "df = x'*(A + *dx"], shapes={"x": "n"})
    wrong = found.lines[1]
    assert (wrong.diagnosis, wrong.line, wrong.span) == ("unread", "df = x'*(A + *dx", (13, 14))


def test_nothing_is_right_because_nothing_changes() -> None:
    found = verify_steps(["f = a'*b", "df = 7*a'*b"], shapes={"a": "n", "b": "n"})
    assert found.correct is None


def test_without_a_function_there_is_an_error() -> None:
    with pytest.raises(MatderivError, match="which function"):
        verify_steps(["df = 2*x"])


def test_no_hint_of_the_solution_without_diagnosis() -> None:
    found = verify_steps(["f = x'*x", "∇f = x"], diagnosis=False)
    assert found.first_wrong is not None
    assert (found.first_wrong.diagnosis, found.first_wrong.suggestion) == (None, None)


# Stationary points --------------------------------------------------------------------------------

LEAST_SQUARES = "f = norm2(X*w - y)^2"
SIZES = {"X": "n,d", "y": "n", "w": "d"}


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["∇f = 2*X'*(X*w - y) = 0", "X'*X*w = X'*y", "w = inv(X'*X)*X'*y"], "gooo"),
        (["∇f = 2*X'*(X*w - y) = 0", "X'*X*w = 7*X'*y", "w = 7*inv(X'*X)*X'*y"], "goWf"),
        (["∇f = 2*X'*(X*w - y) = 0", "w = inv(X*X')*X*y"], "goW"),
        (["∇f = X'*(X*w - y) = 0", "X'*X*w = X'*y"], "gWo"),
        (["∇f = 2*X'*(X*w + y) = 0", "X'*X*w = -X'*y"], "gWf"),
        (["Setting ∇f = 2*X'*(X*w + y) = 0 gives w = -inv(X'*X)*X'*y."], "gWf"),
        (["2*X'*(X*w - y) = 0", "w_hat = inv(X'*X)*X'*y"], "goo"),
        (["2*X'*(X*w - 2*y) = 0"], "gW"),
        (["∇f = 2*X'*(X*w - y)", "= 0", "w = inv(X'*X)*X'*y"], "goo"),
        (["∇f = 2*X'*(X*w - y)", "X'*X*w = X'*y", "w = inv(X'*X)*X'*y"], "go??"),
        (["∇f = 2*X'*(X*w - y)", "Normal equations: X'*X*w = X'*y"], "goo"),
        (["df = 2*(X*w - y)'*X*dw = 0"], "goW"),
    ],
)
def test_what_stands_before_and_after_equals_zero_is_checked(lines: list[str], found: str) -> None:
    assert_states([LEAST_SQUARES, *lines], wrt="w", shapes=SIZES, found=found)


def test_two_conditions_at_once() -> None:
    lines = ["f = norm2(y - a - b*x)^2", "∂f/∂a = -2*sum(y - a - b*x) = 0"]
    lines += ["∂f/∂b = -2*x'*(y - a - b*x) = 0", "a = mean(y) - b*mean(x)"]
    lines += ["b*(sum(x.^2) - n*mean(x)^2) = x'*y - n*mean(x)*mean(y)"]
    shapes = {"x": "n", "y": "n", "a": "", "b": ""}
    assert states(verify_steps(lines, shapes=shapes)) == "goooo"
    wrong = [*lines[:-1], lines[-1].replace("x'*y - n", "x'*y + n")]
    assert states(verify_steps(wrong, shapes=shapes)) == "goooW"


DEMAND = r"""\mathcal L = \sum_i\alpha_i\log x_i - \lambda(p^\top x-m)
\frac{\partial\mathcal L}{\partial x_i} = \frac{\alpha_i}{x_i}-\lambda p_i = 0
p^\top x = m
"""
COBB_DOUGLAS = r"""\mathcal L = x^\alpha y^{1-\alpha} - \lambda(p_x x + p_y y - m)
\frac{\partial\mathcal L}{\partial x} = \alpha x^{\alpha-1}y^{1-\alpha} - \lambda p_x = 0
\frac{\partial\mathcal L}{\partial y} = (1-\alpha)x^\alpha y^{-\alpha} - \lambda p_y = 0
"""
LEAST_NORM = r"""\mathcal L(x,\lambda) = \frac12\|x\|^2 - \lambda^\top(Ax-b)
\nabla_x\mathcal L = x - A^\top\lambda = 0
Ax = b
"""
RAYLEIGH = r"""\mathcal L = x^\top(A+A^\top)x - 2\lambda(x^\top x-1)
\nabla\mathcal L = 2(A+A^\top)x-4\lambda x = 0
x^\top x = 1
"""


@pytest.mark.parametrize(
    ("lines", "last", "found"),
    [
        (DEMAND, r"\lambda = \frac{\sum_i\alpha_i}{m}", "gooo"),
        (DEMAND, r"\lambda = \frac{\sum_i\alpha_i}{2m}", "gooW"),
        (DEMAND, r"x_i = \frac{\alpha_i m}{p_i\sum_j\alpha_j}", "gooo"),
        (COBB_DOUGLAS, r"x = \frac{\alpha m}{p_x}", "goo?"),
        (COBB_DOUGLAS, r"x = \frac{\alpha m}{p_y}", "gooW"),
        (LEAST_NORM, r"AA^\top\lambda = b", "gooo"),
        (LEAST_NORM, r"\lambda = (AA^\top)^{-1}b", "gooo"),
        (LEAST_NORM, r"\lambda = -(AA^\top)^{-1}b", "gooW"),
        (LEAST_NORM, r"x = A^\top(AA^\top)^{-1}b", "gooo"),
        (RAYLEIGH, r"\lambda = x^\top Ax", "gooo"),
        (RAYLEIGH, r"\lambda = 2x^\top Ax", "gooW"),
    ],
)
def test_multipliers_are_judged_together_with_their_constraint(
    lines: str, last: str, found: str
) -> None:
    assert_states(lines + last, found=found)


BATCH_NORM = r"""y = \frac{x-\mu}{\sqrt{\sigma^2+\epsilon}}, \mu = \frac1n\sum_i x_i, """
BATCH_NORM += r"\sigma^2 = \frac1n\sum_i(x_i-\mu)^2" + "\n"
DEVIATIONS = "\\bar x = \\frac1n\\sum_i x_i\n s = \\sum_i (x_i-\\bar x)^2\n"
MEAN_SQUARE = "L = \\frac{1}{2n}\\|Xw-y\\|^2\n"
SQUARES = "L(w) = \\|Xw-y\\|^2\n= \\sum_{i=1}^n (w^\\top x_i-y_i)^2\n"


@pytest.mark.parametrize(
    ("lines", "last", "found"),
    [
        (BATCH_NORM, r"\frac{\partial\sigma^2}{\partial x_i} = \frac2n(x_i-\mu)", "gggo"),
        (BATCH_NORM, r"\frac{\partial\sigma^2}{\partial x_i} = \frac1n(x_i-\mu)", "gggW"),
        ("m = sum(x)/n\nv = sum((x-m).^2)/n\n", "dv/dx = 2/n*(x-m)", "ggo"),
        ("m = sum(x)/n\nv = sum((x-m).^2)/n\n", "dv/dx = 1/n*(x-m)", "ggW"),
        (DEVIATIONS, r"\frac{\partial s}{\partial x_i} = 2(x_i-\bar x)", "ggo"),
        (DEVIATIONS, r"\frac{\partial s}{\partial x_i} = 2(x_i+\bar x)", "ggW"),
        (MEAN_SQUARE, r"\nabla L = \frac1n\sum_{i=1}^n x_i(x_i^\top w-y_i)", "go"),
        (MEAN_SQUARE, r"\nabla L = \frac2n\sum_{i=1}^n x_i(x_i^\top w-y_i)", "gW"),
        (SQUARES, r"\nabla L = 2\sum_{i=1}^n (w^\top x_i-y_i)x_i", "goo"),
    ],
)
def test_n_is_how_many_there_are_where_the_lines_are_right_then(
    lines: str, last: str, found: str
) -> None:
    assert_states(lines + last, found=found)


KALMAN = r"""P^+ = (I-KH)P(I-KH)^\top + KRK^\top
\frac{\partial\operatorname{tr}P^+}{\partial K} = """
LAYERS = r"""E = \frac12\sum_k(y_k-t_k)^2
y_k = \sum_j w_{kj}z_j
z_j = \sigma(b_j)
b_j = \sum_i v_{ji}x_i
\delta_k = y_k-t_k
\delta_j = z_j(1-z_j)\sum_k w_{kj}\delta_k
"""
MARGINS = r"""f(w) = \sum_i \log(1+e^{-y_i w^\top x_i})
\nabla^2 f = """


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (r"\frac{\partial}{\partial X}\operatorname{tr}(AX) = A^\top", "o"),
        (r"\frac{\partial}{\partial X}\operatorname{tr}(AX) = A", "W"),
        (r"\frac{\partial a^\top Xb}{\partial X} = ab^\top", "o"),
        (KALMAN + r"-2PH^\top + 2K(HPH^\top+R)", "go"),
        (KALMAN + r"-PH^\top + K(HPH^\top+R)", "gW"),
        (LAYERS + r"\frac{\partial E}{\partial v_{ji}} = \delta_jx_i", "ggggg??"),
        (MARGINS + r"\sum_i \sigma(y_iw^\top x_i)(1-\sigma(y_iw^\top x_i))x_ix_i^\top", "go"),
        (MARGINS + r"\sum_i \sigma(y_iw^\top x_i)x_ix_i^\top", "gW"),
    ],
)
def test_names_and_facts_that_nobody_says_make_no_line_wrong(lines: str, found: str) -> None:
    assume = {"P": "symmetric", "R": "symmetric"} if lines.startswith("P") else {}
    assert_states(lines, assume=assume, found=found)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("H = 2*X'*X", "goo"),
        ("H = X'*X", "goW"),
        ("hess = X'*X", "goW"),
        ("gradient: g = X'*(X*w - y)", "goW"),
        ("the gradient g = 2*X'*(X*w - y)", "goo"),
        ("Hessian of f = X'*X", "goW"),
    ],
)
def test_hessians_and_gradients_by_their_names(line: str, found: str) -> None:
    lines = [LEAST_SQUARES, "∂f/∂w = 2*X'*(X*w - y)", line]
    assert_states(lines, wrt="w", shapes=SIZES, found=found)


def test_a_matrix_called_H_that_is_used_later_is_no_hessian() -> None:
    lines = ["f = x'*x", "∇f = 2*x", "H = x*x'", "∇²f = 2*eye(n) + H - x*x'"]
    assert states(verify_steps(lines, shapes={"x": "n"})) == "gogo"


@pytest.mark.parametrize(
    ("lines", "right"),
    [
        (["f = a'*x", "∇_x f = a"], True),
        (["f = a'*x", "∇_x f = 2*a"], False),
        (["f = b'*A*x", "∂f/∂x = A'*b"], True),
        (["z = W*x + b", "f = sum(tanh(z))", "dz = 1 - tanh(z).^2", "db = dz", "dW = dz*x'"], True),
        (["z = W*x + b", "f = sum(tanh(z))", "dz = 1 - tanh(z)^2", "dW = x*dz'"], False),
    ],
)
def test_guessed_kinds_follow_from_the_lines(lines: list[str], right: bool) -> None:
    found = verify_steps(lines)
    assert found.correct is right, str(found)


# No rule is trusted -------------------------------------------------------------------------------

SABOTAGE = """
import sys, json
sys.path.insert(0, "tests")
from derivations import NASTY, TWELVE
from test_lines import judged, states
from test_verify import spoiled
from matderiv.expr import REGISTRY
import matderiv.functions
for name in json.loads(sys.argv[1]):
    REGISTRY[name] = spoiled(REGISTRY[name])
for case in [*TWELVE, *NASTY]:
    found = judged(case)
    wrong = 0 if found.first_wrong is None else found.first_wrong.number
    assert wrong in (0, case.breaks), str(found)
    assert not (case.breaks and found.correct), str(found)
"""


def test_with_every_rule_broken_no_wrong_line_passes() -> None:
    subprocess.run([sys.executable, "-c", SABOTAGE, json.dumps(BROKEN)], check=True)


@pytest.mark.sweep
@pytest.mark.parametrize("broken", BROKEN[::4])
def test_with_one_rule_broken_no_wrong_line_passes(broken: str) -> None:
    subprocess.run([sys.executable, "-c", SABOTAGE, json.dumps([broken])], check=True)


@pytest.mark.parametrize(
    ("f", "right", "other"),
    [
        (r"$f = \sum_i x_i^2$", r"$\frac{\partial f}{\partial x_k} = 2x_k$", "= 2x_i"),
        (r"$y_i = \sum_j W_{ij}x_j$", r"$\frac{\partial y_i}{\partial x_k} = W_{ik}$", "= W_{ij}"),
        ("f = x'*A*x", "∂f/∂A_ij = x_i*x_j", "= x_i*x_k"),
    ],
)
def test_an_index_of_the_right_side_alone_makes_no_line_right(
    f: str, right: str, other: str
) -> None:
    assert verify_steps([f, right]).correct is True
    wrong = f"{right.partition('=')[0]}{other}{'$' if '$' in right else ''}"
    found = verify_steps([f, wrong])
    assert found.correct is None
    assert "on one side only" in found.lines[-1].message


def test_declarations_that_are_no_dictionary_are_refused() -> None:
    with pytest.raises(MatderivError, match="shapes is a dictionary"):
        verify_steps("f = x'*x", shapes="x: n")  # type: ignore[arg-type]


def test_a_name_defined_again_right_below_is_a_mistake() -> None:
    lines = ["f = norm2(z)^2", "z = A*x - b", "z = A*x + b", "∂f/∂x = 2*A'*z"]
    shapes = {"A": "n,n", "x": "n", "b": "n"}
    found = verify_steps(lines, shapes=shapes)
    assert found.correct is False
    assert 3 in found.broken


def test_a_formula_that_is_said_to_be_a_derivative_is_a_claim() -> None:
    assert verify_steps(["f = x'*x", "3*x = ∂f/∂x"], shapes={"x": "n"}).broken == {2}
    assert verify_steps(["f = x'*x", "2*x = ∂f/∂x"], shapes={"x": "n"}).correct is True


@pytest.mark.parametrize(("factor", "right"), [("2", True), ("12", False), ("3", False)])
def test_a_number_before_a_call_is_a_factor(factor: str, right: bool) -> None:
    """Euler: x'∇f = 2f for a form of degree 2."""
    text = f"$f(x) = x^\\top A x$\n$x^\\top \\nabla f(x) = {factor}f(x)$"
    assert md.verify_steps(text).correct is right


LEAST, FORM = r"$f(x)=\|Ax-b\|^2$", r"$f(x)=x^\top Ax$"
LOGDET, GROWTH = r"$f(X)=\log\det X$", r"$g(t)=e^{2t}$"
LOGISTIC = r"$\ell(w)=\sum_{i=1}^n\log(1+e^{-y_i w^\top x_i})$"


@pytest.mark.parametrize(
    ("given", "line", "state"),
    [
        # A derivative transposed is a row.
        (LEAST, r"$\nabla f^\top=2(Ax-b)^\top A$", "o"),
        (LEAST, r"$\nabla f^\top=2A^\top(Ax-b)$", "W"),
        (LEAST, r"$\nabla f^\top h=2(Ax-b)^\top Ah$", "o"),
        (LEAST, r"$\frac{\partial f}{\partial x^\top}=2(Ax-b)^\top A$", "o"),
        (LEAST, r"$\frac{\partial f}{\partial x^\top}=2A^\top(Ax-b)$", "W"),
        (LOGDET, r"$\frac{\partial f}{\partial X^\top}=X^{-1}$", "o"),
        (LOGDET, r"$\frac{\partial f}{\partial X^\top}=X^{-\top}$", "W"),
        (r"$F(x)=Ax$", r"$\frac{\partial F}{\partial x^\top}=A$", "o"),
        (r"$F(x)=Ax$", r"$\nabla F^\top=A$", "?"),
        # A function and its derivative at a point.
        (LEAST, r"$f(0)=\|b\|^2$", "o"),
        (LEAST, r"$f(0)=b^\top x$", "W"),
        (LEAST, r"$f(1)=\|b\|^2$", "?"),
        (LEAST, r"$f(b)=\|Ab-b\|^2$", "?"),
        (LEAST, r"$f(e_1)=\|Ae_1-b\|^2$", "o"),
        (LEAST, r"$f(x+h)=f(x)+2(Ax-b)^\top Ah+\|Ah\|^2$", "o"),
        (LEAST, r"$\nabla f(0)=-2A^\top b$", "o"),
        (LEAST, r"$\nabla f(0)=2A^\top b$", "W"),
        (LEAST, r"$\nabla f(x_1)=2A^\top(Ax_1-b)$", "o"),
        (LEAST, r"$\nabla f(x_1)=2A^\top(Ax-b)$", "W"),
        (LEAST, r"$\nabla f(x_k)=2A^\top(Ax_k-b)$", "o"),
        (LEAST, r"$\frac{\partial f}{\partial x}\Big|_{x=0}=-2A^\top b$", "o"),
        (LEAST, r"$\left.\nabla f\right|_{x=0}=-2A^\top b$", "o"),
        (LEAST, r"$\frac{\partial f}{\partial x}(0)=-2A^\top b$", "o"),
        (LEAST, r"$\frac{\partial f(2x)}{\partial x}=4A^\top(2Ax-b)$", "o"),
        (LEAST, r"$\nabla f(2x)=2A^\top(2Ax-b)$", "o"),
        (LEAST, r"$\nabla_x f(2x)=4A^\top(2Ax-b)$", "?"),
        (FORM, r"$\nabla f(y)=(A+A^\top)y$", "o"),
        (FORM, r"$\nabla f(y)=(A+A^\top)x$", "W"),
        (FORM, r"$x^\top\nabla f(x)=2f(x)$", "o"),
        (FORM, r"$x^\top\nabla f(x)=f(x)$", "W"),
        (FORM, r"$f(e_1)=A_{11}$", "o"),
        ("f = x'*A*x\n∇f = (A + A')*x", "∇f(y) = (A + A')*x", "W"),
        ("f(x) = x'*A*x", "f(2*x) = 4*f(x)", "o"),
        (LOGDET, r"$\nabla f(I)=I$", "o"),
        (LOGDET, r"$\nabla f(2X)=\frac12X^{-\top}$", "o"),
        (LOGDET, r"$f(2X)=n\log 2+f(X)$", "o"),
        (LOGISTIC, r"$\ell(0)=n\log2$", "o"),
        (LOGISTIC, r"$\nabla\ell(0)=-\frac12\sum_iy_ix_i$", "o"),
        (GROWTH, r"$g'(0)=2$", "o"),
        (GROWTH, r"$g'(0)=3$", "W"),
        (GROWTH, r"$g''(0)=4$", "o"),
        (r"$\sigma(z)=\frac{1}{1+e^{-z}}$", r"$\sigma'(0)=\frac14$", "o"),
        # The same index twice is the diagonal.
        (FORM, r"$\frac{\partial^2 f}{\partial x_i^2}=2A_{ii}$", "o"),
        (FORM, r"$\frac{\partial^2 f}{\partial x_i^2}=A_{ii}$", "W"),
        (LEAST, r"$\frac{\partial^2f}{\partial x_j^2}=2\sum_iA_{ij}^2$", "o"),
    ],
)
def test_points_rows_and_diagonals_on_the_left(given: str, line: str, state: str) -> None:
    assert states(verify_steps(f"{given}\n{line}"))[-1] == state


def test_a_control_space_is_a_space() -> None:
    found = md.verify_steps(
        r"""$r=y-X\beta,\ S(\beta)=r^\top r$
        $\frac{\partial S}{\partial\beta}\ =\ -2X^\top r\ \Rightarrow\ \nabla S=-2X^\top r$"""
    )
    assert [line.mark for line in found.lines] == ["given", "given", "ok", "ok"]
