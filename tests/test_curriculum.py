"""Every topic of a course on backpropagation: values by differences, forms as short as the book's.

The tables of `curriculum` are compared with differences of what was typed; topics that no table
holds have a test of their own, named after them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import curriculum
import numpy as np
import pytest
from curriculum import BINARY, LOGISTIC, NEURON, ONE, PAIR, SIGNED, sizes
from truth import assert_close, assert_right

from matderiv.doors.derive import derive
from matderiv.errors import NoMatrixForm
from matderiv.shapes import shape_text


def table(rows: list[Any]) -> pytest.MarkDecorator:
    """A test for each row, named after its topic."""
    names = [f"{row[0]}-{row[1][:30]}" for row in rows]
    return pytest.mark.parametrize("case", rows, ids=names)


@table(curriculum.FIRST)
def test_first_derivatives(case: curriculum.Case) -> None:
    _, expr, wrt, form, shapes = case
    assert_right(expr, wrt, form=form, shapes=sizes(shapes))


@table(curriculum.SECOND)
def test_second_derivatives(case: curriculum.Case) -> None:
    _, expr, wrt, form, shapes = case
    assert_right(expr, wrt, form=form, shapes=sizes(shapes), order=2)


@table(curriculum.PULLED)
def test_upstream_gradients_pulled_back(case: curriculum.Case) -> None:
    _, expr, wrt, form, shapes = case
    assert_right(expr, wrt, form=form, shapes=sizes(shapes), kind="vjp")


@table(curriculum.INDEXED)
def test_derivatives_in_index_form(case: curriculum.Case) -> None:
    _, expr, wrt, equation, shapes = case
    found = assert_right(expr, wrt, shapes=sizes(shapes))
    assert not found.has_matrix_form
    assert str(found) == found.index
    assert letters(found.index) == letters(equation)
    with pytest.raises(NoMatrixForm):
        found.require_matrix_form()


def letters(equation: str) -> list[list[str]]:
    """An equation as its terms, each a sorted list of factors, a δ with its letters sorted.

    Indices are renamed i, j, k, ... in the order of the left side: they avoid the names of sizes.
    """
    used = "".join(re.findall(r"_([a-z]+)", equation.split(" = ")[0]))
    renamed = str.maketrans(dict(zip(used, "ijklmn", strict=False)))
    equation = re.sub(r"_([a-z]+)", lambda at: at[0].translate(renamed), equation)
    left, right = equation.split(" = ")
    terms = []
    for term in right.replace(" - ", " + -").split(" + "):
        sign = "-" if term.startswith("-") else "+"
        factors = [
            f"δ_{''.join(sorted(f[2:]))}" if f.startswith("δ_") else f
            for f in re.sub(r"step\(\(W\*x\)_(.) \+ b_\1\)", r"step(z_\1)", term.lstrip("-")).split(
                " "
            )
        ]
        terms.append([sign, *sorted(factors)])
    return [[left], *sorted(terms)]


@table(curriculum.SHAPES)
def test_shapes_in_the_two_layouts(case: tuple[str, ...]) -> None:
    _, expr, wrt, gradient, numerator, shapes = case
    for layout, shape in (("gradient", gradient), ("numerator", numerator)):
        found = derive(expr, wrt, shapes=sizes(shapes), layout=layout)
        of = found.displayed.shape if found.has_matrix_form else found.shape
        assert shape_text(of) == shape
    back = derive(expr, wrt, shapes=sizes(shapes), kind="vjp")
    assert back.shape == back.wrt.shape


# Topics with a test of their own ------------------------------------------------------------------


def test_s1_a_constant_has_the_derivative_zero() -> None:
    assert str(derive("99", "x", shapes={"x": ""})) == "0"


def test_c1_shows_the_intermediates_forward_and_backward() -> None:
    shown = derive("sin(x^2)", "x", shapes=sizes(ONE)).text("chain")
    for line in ("u1 = x^2", "f      = sin(u1)", "∂u1/∂x = 2*x", "∂f/∂u1 = cos(u1)"):
        assert line in shown


def test_c3_the_factors_stand_in_both_orders() -> None:
    asked: dict[str, Any] = {"shapes": sizes(ONE)}
    forward = derive("sin(x^2)", "x", kind="jvp", **asked).text("chain")
    backward = derive("sin(x^2)", "x", **asked).text("chain")
    assert forward.index("∂u1/∂x = 2*x  ") < forward.index("cos(u1)")
    assert "Forward: local times what came before" in forward
    assert "Backward pass: upstream times local" in backward


def test_c7_the_total_derivative_adds_up_all_paths() -> None:
    f, inner = "sin(x + u) where u = x^2", {"x": 0.7, "u": 0.49}
    direct, through = derive("sin(x + u)", ["x", "u"], shapes={"x": "", "u": ""})
    du = derive("x^2", "x", shapes={"x": ""}).evaluate(inner)
    total = direct.evaluate(inner) + through.evaluate(inner) * du
    assert_close(derive(f, "x", shapes={"x": ""}).evaluate(inner), total, f, 1e-12)


def test_c8_a_vector_of_functions_of_one_number() -> None:
    found = [derive(f, "x", shapes={"x": ""}) for f in ("log(x^2)", "sin(3*x)")]
    value = [d.evaluate({"x": 1.7}) for d in found]
    assert_close(value, [2 / 1.7, 3 * np.cos(5.1)], "(log x², sin 3x)", 1e-12)


def test_c9_the_jacobian_of_a_composition_is_the_product_in_order() -> None:
    outer = derive("A*tanh(z)", "z", shapes=sizes("A: m,k; z: k"))
    inner = derive("B*x", "x", shapes=sizes("B: k,n; x: n"))
    whole = derive("A*tanh(B*x)", "x", shapes=sizes("A: m,k; B: k,n; x: n"))
    rng = np.random.default_rng(1)
    A, B, x = rng.standard_normal((2, 3)), rng.standard_normal((3, 4)), rng.standard_normal(4)
    values = {"A": A, "B": B, "x": x, "z": B @ x}
    product = outer.evaluate(values) @ inner.evaluate(values)
    assert_close(whole.evaluate(values), product, str(whole), 1e-12)


@pytest.mark.parametrize(("expr", "wrt", "shape", "shapes"), curriculum.COMBINATIONS)
def test_c11_scalars_and_vectors_in_every_combination(
    expr: str, wrt: str, shape: str, shapes: str
) -> None:
    found = assert_right(expr, wrt, shapes=sizes(shapes))
    assert shape_text(found.shape) == shape


def test_c13_the_tensor_is_contracted_over_every_output_index() -> None:
    shown = derive("A*X*B", "X", shapes=sizes(curriculum.SANDWICH), kind="vjp").text("index")
    assert "Σ_lp A_li G_lp B_jp" in shown  # k is a size
    assert "A'*G*B'" in shown


def test_c14_entries_are_differentiated_and_put_together_again() -> None:
    shown = derive("w'*x", "w", shapes=sizes(PAIR)).text("index")
    assert "f = Σ_i w_i x_i" in shown
    assert shown.index("δ") < shown.index("Answer") < shown.index("∂f/∂w = x")


def test_e11_the_delta_says_why_nothing_stands_off_the_diagonal() -> None:
    shown = derive("w.*x", "w", shapes=sizes(PAIR)).text("index")
    assert "∂f_i/∂w_j = δ_ij x_i" in shown
    assert "diag(x)" in shown


def test_g1_a_gate_circuit_with_its_numbers() -> None:
    values = {"x": -2.0, "y": 5.0, "z": -4.0}
    found = derive("(x + y)*z", ["x", "y", "z"], shapes=dict.fromkeys("xyz", ""))
    assert [float(d.evaluate(values)) for d in found] == [-4.0, -4.0, 3.0]


def test_g9_a_sigmoid_neuron_with_its_numbers() -> None:
    text = "sigmoid(w0*x0 + w1*x1 + w2)"
    shapes = dict.fromkeys(("w0", "w1", "w2", "x0", "x1"), "")
    values = {"w0": 2.0, "w1": -3.0, "w2": -3.0, "x0": -1.0, "x1": -2.0}
    found = [float(derive(text, v, shapes=shapes).evaluate(values)) for v in shapes]
    assert_close(found, [-0.1966, -0.3932, 0.1966, 0.3932, -0.5898], text, 1e-4)


def test_g12_a_squared_norm_with_its_numbers() -> None:
    values = {"W": np.array([[0.1, 0.5], [-0.3, 0.8]]), "x": np.array([0.2, 0.4])}
    by_w, by_x = derive("norm2(W*x)^2", ["W", "x"], shapes={"W": "m,n", "x": "n"})
    assert_close(by_w.evaluate(values), [[0.088, 0.176], [0.104, 0.208]], "W", 1e-12)
    assert_close(by_x.evaluate(values), [-0.112, 0.636], "x", 1e-12)


def test_g13_forward_and_backward_give_the_same_jacobian() -> None:
    asked = sizes("A: m,k; B: k,n; x: n")
    forward = derive("A*tanh(B*x)", "x", shapes=asked, kind="jvp")
    backward = derive("A*tanh(B*x)", "x", shapes=asked, kind="vjp")
    rng = np.random.default_rng(2)
    values = {"A": rng.standard_normal((2, 3)), "B": rng.standard_normal((3, 4))}
    values["x"] = rng.standard_normal(4)
    columns = [forward.evaluate({**values, "dx": e}) for e in np.eye(4)]  # n sweeps
    rows = [backward.evaluate({**values, "G": e}) for e in np.eye(2)]  # m sweeps
    assert_close(np.array(columns).T, np.array(rows), "A*tanh(B*x)", 1e-12)


def test_u4_a_pullback_never_builds_the_jacobian() -> None:
    found = derive("relu(x)", "x", shapes={"x": "n"}, kind="vjp")
    x = np.random.default_rng(3).standard_normal(409_600)
    assert_close(found.evaluate({"x": x, "G": np.ones_like(x)}), np.where(x > 0, 1, 0), "mask", 0)


def test_u9_a_kink_is_no_place_to_compare_at() -> None:
    report = derive("sum(relu(x))", "x", shapes={"x": "n"}).check(points=20)
    assert report.verdict == "verified"
    at_kink = derive("sum(relu(x))", "x", shapes={"x": "n"}).evaluate({"x": np.zeros(2)})
    assert_close(at_kink, [0, 0], "relu'(0)", 0)


def test_a4_a_row_of_the_batch_reads_its_own_example_only() -> None:
    found = derive("relu(X*W)", "X", shapes=sizes("X: N,d; W: d,h"))
    rng = np.random.default_rng(4)
    X, W = rng.standard_normal((3, 2)), rng.standard_normal((2, 4))
    value = found.evaluate({"X": X, "W": W})
    for i in range(3):
        block = np.where(X[i] @ W > 0, 1, 0)[:, None] * W.T
        assert_close(value[i, :, i], block, "block", 1e-12)
        assert_close(np.delete(value[i], i, axis=1), np.zeros((4, 2, 2)), "elsewhere", 0)


def test_a5_a_two_layer_network_by_the_recursion_of_the_lecture() -> None:
    shapes = {"W": "h,n", "V": "k,h", "x": "n", "b": "h", "c": "k", "v": "k"}
    names = ("W", "V", "x", "b", "c")
    found = [assert_right("v'*relu(V*relu(W*x + b) + c)", n, shapes=shapes) for n in names]
    assert found[0].has_matrix_form
    assert found[0].displayed.weight <= 45
    rng = np.random.default_rng(5)
    W, V, x = rng.standard_normal((4, 3)), rng.standard_normal((2, 4)), rng.standard_normal(3)
    b, c, v = rng.standard_normal(4), rng.standard_normal(2) + 1, rng.standard_normal(2)
    z = W @ x + b
    h = np.maximum(z, 0)
    delta2 = v * (V @ h + c > 0)
    delta1 = (V.T @ delta2) * (z > 0)
    truth = (np.outer(delta1, x), np.outer(delta2, h), W.T @ delta1, delta1, delta2)
    values = {"W": W, "V": V, "x": x, "b": b, "c": c, "v": v}
    for derivation, expected in zip(found, truth, strict=True):
        assert_close(derivation.evaluate(values), expected, str(derivation), 1e-12)


def test_a6_a_declared_symmetric_matrix_gives_the_short_form() -> None:
    found = derive("x'*A*x", "x", assume={"A": "symmetric"})
    assert str(found) == "2*A*x"
    assert str(derive("x'*A*x", "x", assume={"A": "symmetric"}, order=2)) == "2*A"


def test_q3_the_hessian_with_signed_labels_needs_the_labels_squared() -> None:
    shapes = sizes(LOGISTIC)
    plain = assert_right(SIGNED, "w", shapes=shapes, order=2)
    assert "y.^2" in str(plain)
    labels = assert_right(SIGNED, "w", shapes=shapes, order=2, assume={"y": "labels"})
    assert "y.^2" not in str(labels)
    assert any("y is" in fact for fact in labels.facts_used)


def test_q5_both_label_conventions_agree() -> None:
    rng = np.random.default_rng(3)
    X, w = rng.standard_normal((6, 3)), rng.standard_normal(3)
    signs = np.array([1.0, -1, -1, 1, 1, -1])
    shapes = sizes(LOGISTIC)
    signed = derive(SIGNED, "w", shapes=shapes).evaluate({"X": X, "w": w, "y": signs})
    binary = derive(BINARY, "w", shapes=shapes).evaluate({"X": X, "w": w, "y": (signs + 1) / 2})
    assert_close(signed, binary, "labels", 1e-12)


def test_q7_softmax_cross_entropy_is_shorter_for_declared_onehot_targets() -> None:
    found = assert_right("-y'*log_softmax(z)", "z", assume={"y": "onehot"})
    assert str(found) == "softmax(z) - y"


def test_q9_large_scores_do_not_overflow() -> None:
    values = {"X": np.diag([1000.0, -1000.0]), "w": np.ones(2), "y": np.array([-1.0, 1.0])}
    found = derive(SIGNED, "w", shapes=sizes(LOGISTIC)).evaluate(values)
    assert_close(found, [1000, 1000], "softplus", 1e-12)
    z = np.array([1000.0, 0, -1000])
    assert_close(derive("logsumexp(z)", "z").evaluate({"z": z}), [1, 0, 0], "logsumexp", 1e-12)


def test_p4_the_augmented_weights_have_the_gradient_stacked() -> None:
    rng = np.random.default_rng(6)
    X, y, w = rng.standard_normal((5, 3)), rng.standard_normal(5), rng.standard_normal(3)
    by_w, by_b = derive(NEURON, ["w", "b"], shapes=sizes(LOGISTIC))
    values = {"X": X, "y": y, "w": w, "b": 0.3}
    longer = {"X": np.column_stack([X, np.ones(5)]), "y": y, "w": np.append(w, 0.3), "b": 0.0}
    stacked = np.append(by_w.evaluate(values), by_b.evaluate(values))
    assert_close(by_w.evaluate(longer), stacked, NEURON, 1e-12)


def test_t8_a_factorisation_and_its_hessian() -> None:
    shapes = {"T": "m,n", "U": "m,k", "V": "n,k"}
    first = assert_right("norm2(T - U*V')^2", "U", form="-2*(T - U*V')*V", shapes=shapes)
    second = derive("norm2(T - U*V')^2", "U", shapes=shapes, order=2)
    rng = np.random.default_rng(2)
    T, U, V = (rng.standard_normal(s) for s in ((4, 5), (4, 3), (5, 3)))
    truth = 2 * np.einsum("ik,jl->ijkl", np.eye(4), V.T @ V)
    assert_close(second.evaluate({"T": T, "U": U, "V": V}), truth, second.index, 1e-12)
    assert second.index.count("+") == 0
    assert first.has_matrix_form


def test_t9_a_batched_product_pulled_back_contracts_the_other_factor() -> None:
    shapes = {"A": "b,m,n", "B": "b,n,k"}
    found = derive('einsum("bik,bkj->bij", A, B)', "B", shapes=shapes, kind="vjp")
    rng = np.random.default_rng(6)
    A, B, G = (rng.standard_normal(s) for s in ((2, 3, 4), (2, 4, 5), (2, 3, 5)))
    truth = np.einsum("bik,bij->bkj", A, G)
    assert_close(found.evaluate({"A": A, "B": B, "G": G}), truth, str(found), 1e-12)


def test_g11_p5_a_training_loop_over_minibatches_reaches_the_best_weights() -> None:
    rng = np.random.default_rng(7)
    X, b = rng.standard_normal((40, 3)), 0.0
    y = X @ np.array([1.0, -2.0, 0.5]) + 0.7
    by_w, by_b = derive("norm2(X*w + b - y)^2/n", ["w", "b"], shapes=sizes(LOGISTIC))
    w = np.zeros(3)
    for _ in range(60):  # epochs
        for rows in np.split(rng.permutation(40), 5):
            batch = {"X": X[rows], "y": y[rows], "w": w, "b": b}
            step = by_w.evaluate(batch), by_b.evaluate(batch)  # both before either changes
            w, b = w - 0.1 * step[0], b - 0.1 * step[1]
    assert_close(w, [1.0, -2.0, 0.5], "w", 1e-6)
    assert_close(b, 0.7, "b", 1e-6)


# Nothing is left out ------------------------------------------------------------------------------


def test_every_topic_is_somewhere() -> None:
    rows = [row for t in vars(curriculum).values() if isinstance(t, list) for row in t]
    found = {row[0] for row in rows if re.fullmatch(r"[A-Z]\d+", row[0])}
    for path in Path(__file__).parent.glob("test_curriculum*.py"):
        own = re.findall(r"^def (test\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        found |= {topic.upper() for name in own for topic in re.findall(r"_([a-z]\d+)(?=_)", name)}
    every = {f"{letter}{k}" for letter, n in curriculum.TOPICS.items() for k in range(1, n + 1)}
    assert found | set(curriculum.ELSEWHERE) >= every
    assert not found & set(curriculum.ELSEWHERE)
    for name in set(curriculum.ELSEWHERE.values()):
        assert (Path(__file__).parent / name).is_file(), name
