"""A proof holds for all sizes: formulas in which sizes are numbers are tested at enough of them."""

from __future__ import annotations

import numpy as np
import pytest

from matderiv.doors.verify import verify
from matderiv.expr import apply, variable
from matderiv.shapes import Dim
from matderiv.verification.field.all_sizes import SizePlan, planned, size_degree

N, M = Dim(("n",)), Dim(("m",))
x, X = variable("x", (N,)), variable("X", (M, N))


def product_of_zeros(size: str, first: int, last: int) -> str:
    return "*".join(f"({size} - {k})" for k in range(first, last))


@pytest.mark.parametrize(
    "size", ["n", "sum(ones(n))", "tr(eye(n))", "sum(x./x)", "norm2(ones(n))^2"]
)
@pytest.mark.parametrize("last", [3, 6, 12, 20])
def test_what_vanishes_at_small_sizes_is_not_proved(size: str, last: int) -> None:
    answer = f"2*x + {product_of_zeros(size, 1, last)}*x"
    assert verify("x'*x", "x", answer, diagnosis=False).verdict == "disproved"


@pytest.mark.parametrize("first", range(2, 12))
def test_a_window_of_sizes_is_not_missed(first: int) -> None:
    answer = f"2*x + {product_of_zeros('n', first, first + 4)}*x"
    assert verify("x'*x", "x", answer, diagnosis=False).verdict == "disproved"


@pytest.mark.parametrize("size", [2, 3, 6, 11])
def test_a_size_that_scales_what_is_compared_is_not_missed(size: int) -> None:
    for condition in (f"(w > 0) + (d - {size + 1}).*(w > 0)", f"d*w - {size}*w > 0"):
        answer = f"where({condition}, 1, 0.1)"
        found = verify("sum(leaky_relu(w, 0.1))", "w", answer, shapes={"w": "d"}, diagnosis=False)
        assert found.correct is not True


@pytest.mark.parametrize(
    ("bent", "plain"),
    [
        ("eye(n) - max(ones(n,n)/n, 0.1)", "eye(n) - ones(n,n)/n"),
        ("eye(n) - min(ones(n,n)/n, 1/8)", "eye(n) - ones(n,n)/n"),
        ("eye(n) - max(ones(n,n)/n, 0.001)", "eye(n) - ones(n,n)/n"),
    ],
)
def test_an_array_of_sizes_alone_that_is_compared_is_not_missed(bent: str, plain: str) -> None:
    shapes = {"y": "n"}
    assert not verify("y - mean(y)", "y", bent, shapes=shapes, diagnosis=False).correct
    assert verify("y - mean(y)", "y", plain, shapes=shapes).verdict == "proved"


@pytest.mark.parametrize(
    ("f", "answer"),
    [
        ("logsumexp(1e6*(C*w))", "1e6*softmax(1e6*(C*({})))*w'"),
        ("sum(softplus(1e6*w))", "1e6*sigmoid(1e6*({}))"),
        ("sum(tanh(1e5*w))", "1e5*(1 - tanh(1e5*({})).^2)"),
    ],
)
def test_saturated_arguments_are_seen_unsaturated_at_all_sizes(f: str, answer: str) -> None:
    by, shapes = "C" if "C" in f else "w", {"w": "d", "C": "d,d"}
    bent = f"w + {product_of_zeros('d', 2, 8)}.*w"
    found = verify(f, by, answer.format(bent), shapes=shapes, diagnosis=False)
    assert found.verdict == "disproved"
    assert verify(f, by, answer.format("w"), shapes=shapes).correct


@pytest.mark.parametrize("order", ["A: d,n", "A: n,d"])
def test_ranks_are_seen_in_both_orders_of_the_sizes(order: str) -> None:
    shapes = {"A": order[3:], "x": "n" if order[3] == "d" else "d", "B": "p,q", "C": "q,p"}
    shapes["y"] = shapes["x"]
    f = "norm2(pinv(A)*A*x - y)^2 + sum(B) + sum(C)"
    assert verify(f, "x", "2*(x - y)", shapes=shapes, diagnosis=False).verdict == "disproved"
    right = verify(f, "x", "2*pinv(A)*A*(x - y)", shapes=shapes, diagnosis=False)
    assert right.verdict == "proved"


@pytest.mark.parametrize(
    ("f", "answer"),
    [
        ("std(x)", "(x - sum(x)/n)/(n*std(x))"),
        ("mean(x.^2)", "2*x/n"),
        ("n*sum(x.^3) + sum(ones(n))*sum(x)", "3*n*x.^2 + n*ones(n)"),
        ("sum(relu(x - mean(x)))", "step(x - mean(x)) - mean(step(x - sum(x)/n))"),
    ],
)
def test_sizes_in_right_answers_are_no_obstacle(f: str, answer: str) -> None:
    shapes = {"x": "n"}
    assert verify(f, "x", answer, shapes=shapes, diagnosis=False).verdict == "proved"


def test_names_of_constants_and_long_names_have_values_of_their_own() -> None:
    for name in ("e", "i", "c", "pi_", "π1"):
        shapes = {name: "n"}
        assert verify(f"sum(sin({name}))", name, f"cos({name})", shapes=shapes).verdict == "proved"
    a, b = "weights_of_layer_one", "weights_of_layer_two"
    found = verify(f"norm2({a})^2 + sum({b})", a, f"2*{b}", shapes={a: "n", b: "n"})
    assert found.verdict == "disproved"


@pytest.mark.parametrize(
    ("f", "answer"),
    [
        ("sum(sin(x))", "sin(x + pi/2)"),
        ("sum(sin(x))", "-cos(x - 3*pi)"),
        ("sum(cos(x + pi/4))", "-(sin(x) + cos(x))/sqrt(2)"),
        ("sum(sin(x - pi/6))", "sqrt(3)/2*cos(x) + sin(x)/2"),
        ("sum(abs(pi*x))", "pi*sign(x)"),
    ],
)
def test_pi_is_the_number(f: str, answer: str) -> None:
    assert verify(f, "x", answer).verdict == "proved"
    assert verify(f, "x", answer.replace("pi", "(pi + 1e-9)")).correct is not True or "pi" not in (
        answer
    )


def test_degrees_of_sizes() -> None:
    n = apply("size", params=("n",))
    total = apply("sum", x, params=(None,))
    assert size_degree(total * total) == 0
    assert size_degree(total / n + n**3) == 4
    assert size_degree(apply("mean", x, params=(None,))) == 1
    assert size_degree(X @ x) == 0
    assert size_degree(X @ (x / x)) == 1


def test_choices_of_sizes_differ_for_each_name() -> None:
    n = apply("size", params=("n",))
    plan = planned(x.T @ x, (n - 2) ** 9 * x, ["m", "n"], 2, 0)
    for name in ("m", "n"):
        values = [sizes[name] for sizes in plan.sizes]
        assert len(set(values)) == len(values) > 10
    assert all(len(set(sizes.values())) == 2 for sizes in plan.sizes)
    assert plan.missing(plan.sizes[:3]) == "too few sizes could be tested"
    assert SizePlan(plan.sizes, open="why").missing(plan.sizes) == "why"
    assert np.min([min(sizes.values()) for sizes in plan.sizes]) >= 2


WINDOWS = "relu(12-n)*relu(n-10) (n>2)*(n<4) (abs(n-11)<0.5) where(n>5,where(n<7,1,0),0)"


@pytest.mark.parametrize("window", WINDOWS.split())
def test_a_window_between_two_comparisons_is_not_missed(window: str) -> None:
    found = verify("x'*x", "x", f"2*x + {window}*x", shapes={"x": "n"}, diagnosis=False)
    assert found.correct is not True


@pytest.mark.parametrize("test", "(n>m+3) (abs(n-2*m)<1) (abs(n+m-9)<0.5) (n>3*m) (2*n<m)".split())
def test_a_comparison_of_two_sizes_is_not_missed(test: str) -> None:
    wrong = f"ones(n,m) + {test}*ones(n,m)"
    found = verify("sum(A)", "A", wrong, shapes={"A": "n,m"}, diagnosis=False)
    assert found.correct is not True
