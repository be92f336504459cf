"""The computational graph: lecture figures, every gradient against differences, gates, refusals."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from graph_cases import CASES, Case

import matderiv as md
from matderiv.circuit.nodes import CONSTANT
from matderiv.circuit.passes import share_of
from matderiv.circuit.picture import repeats
from matderiv.doors.graph import Graph, graph
from matderiv.expr import apply, substitute, variable
from matderiv.numeric.evaluate import evaluate

SEEDS = [0, 1]


# The figures of the lecture ----------------------------------------------------------------------

NEURON = "1/(1 + exp(-(w0*x0 + w1*x1 + w2)))"
AT = {"w0": 2, "w1": -3, "w2": -3, "x0": -1, "x1": -2}
SLIDE_VALUES = {"u1": -2, "u2": 6, "a1": 4, "a2": 1, "a3": -1, "h3": 0.37, "a4": 1.37, "f": 0.73}
SLIDE_GRADIENTS = {
    "f": 1.0,
    "a4": -0.53,
    "h3": -0.53,
    "a3": -0.20,
    "a2": 0.20,
    "a1": 0.20,
    "w2": 0.20,
    "u2": 0.20,
    "u1": 0.20,
    "w0": -0.20,
    "x0": 0.39,
    "w1": -0.39,
    "x1": -0.59,
}


def test_the_first_circuit_of_the_lecture() -> None:
    found = graph("q*z where q = x + y", values={"x": -2, "y": 5, "z": -4}).backward()
    assert {k: float(v) for k, v in found.values.items()} == {
        "x": -2,
        "y": 5,
        "q": 3,
        "z": -4,
        "f": -12,
    }
    assert {k: float(v) for k, v in found.gradients.items()} == {
        "f": 1,
        "q": -4,
        "z": 3,
        "x": -4,
        "y": -4,
    }


def test_the_sigmoid_neuron_gate_by_gate() -> None:
    found = graph(NEURON, values=AT).backward()
    for name, value in SLIDE_VALUES.items():
        assert round(float(found.values[name]), 2) == value, name
    for name, value in SLIDE_GRADIENTS.items():
        assert round(float(found.gradients[name]), 2) == value, name


def test_the_sigmoid_neuron_with_sigmoid_as_one_gate() -> None:
    typed = graph("sigmoid(w0*x0 + w1*x1 + w2)", values=AT)
    folded = graph(NEURON, values=AT, fold=True)
    assert [n.operation for n in typed.nodes if n.role == "loss"] == ["sigmoid"]
    for found in (typed.backward(), folded.backward()):
        assert round(float(found.values["f"]), 4) == 0.7311
        for name in ("u1", "u2", "a1", "a2", "w0", "x0", "w1", "x1", "w2"):
            assert round(float(found.gradients[name]), 2) == SLIDE_GRADIENTS[name], name


def test_the_squared_norm_of_the_lecture() -> None:
    W, x = np.array([[0.1, 0.5], [-0.3, 0.8]]), np.array([0.2, 0.4])
    found = graph("norm2(W*x)^2").backward({"W": W, "x": x})
    expected = {
        "W": [[0.088, 0.176], [0.104, 0.208]],
        "x": [-0.112, 0.636],
        "z1": [0.44, 0.52],
    }
    for name, value in expected.items():
        np.testing.assert_allclose(found.gradients[name], value, atol=1e-12)
    assert found.values["f"] == pytest.approx(0.116)


# Every gradient against differences --------------------------------------------------------------


def differences(G: Graph, name: str, values: dict[str, Any], upstream: Any) -> Any:
    """The gradient of Σ upstream ⊙ f by the value of one node, by central differences."""
    root, node = G.circuit.root, G.circuit.by_name[name]
    moved = variable("moved_node", node.shape)
    f = substitute(root.expr, {node.expr: moved})
    run = G.forward(values)
    at = np.asarray(run[name], dtype=float)
    sizes = {}
    for v, value in values.items():
        for s, number in zip(G.circuit.by_name[v].shape, np.shape(value), strict=True):
            sizes |= {str(s): number} if not isinstance(s, int) else {}

    def total(value: Any) -> float:
        given = {**values, "moved_node": value}
        return float(np.sum(upstream * np.reshape(evaluate(f, given, sizes), np.shape(upstream))))

    out = np.zeros(at.shape)
    for place in np.ndindex(at.shape):
        step = np.zeros(at.shape)
        step[place] = 1e-5
        out[place] = (total(at + step) - total(at - step)) / 2e-5
    return out


@pytest.mark.parametrize("random", [False, True], ids=["ones", "random upstream"])
@pytest.mark.parametrize("c", CASES, ids=lambda c: c.name)
def test_every_gradient_is_that_of_differences(c: Case, random: bool) -> None:
    G = graph(c.text, shapes=c.shapes)
    values = c.values()
    shape = np.shape(G.forward(values)[G.circuit.root.name])
    upstream = np.random.default_rng(5).standard_normal(shape) if random else np.ones(shape)
    found = G.backward(values, upstream if random else None)
    for node in G.nodes:
        if node.role == CONSTANT:
            continue
        truth = differences(G, node.name, values, upstream)
        gradient = found.gradients.get(node.name)
        if gradient is None:
            assert node.why
            np.testing.assert_allclose(truth, 0, atol=1e-9, err_msg=node.name)
            continue
        assert gradient.shape == found.values[node.name].shape
        np.testing.assert_allclose(gradient, truth, rtol=2e-6, atol=2e-8, err_msg=node.name)


@pytest.mark.parametrize("factor", [-1.0, 2.0])
def test_differences_notice_a_wrong_share(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    def wrong(node: Any, source: Any, upstream: Any) -> Any:
        share = share_of(node, source, upstream)
        return share * int(factor) if node.name == "z1" and share is not None else share

    monkeypatch.setattr("matderiv.circuit.passes.share_of", wrong)
    with pytest.raises(md.UntrueResult, match="the gradient of the graph by"):
        _ = graph("sum(tanh(W*x))").back
    monkeypatch.setattr("matderiv.doors.graph.truthful_pass", lambda back: back)
    G, values = graph("sum(tanh(W*x))"), {"W": np.eye(2), "x": np.array([0.3, -0.4])}
    found = G.backward(values)
    truth = differences(G, "x", values, np.ones(()))
    np.testing.assert_allclose(found.gradients["x"], factor * truth, rtol=1e-6)
    np.testing.assert_allclose(
        found.gradients["z1"], differences(G, "z1", values, np.ones(())), rtol=1e-6
    )


@pytest.mark.parametrize("c", CASES, ids=lambda c: c.name)
def test_shares_add_up_to_the_gradient(c: Case) -> None:
    found = graph(c.text, shapes=c.shapes).backward(c.values(1))
    for name, gradient in found.gradients.items():
        shares = [v for (source, _), v in found.shares.items() if source == name]
        if shares:
            np.testing.assert_allclose(sum(shares), gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("c", CASES[:12], ids=lambda c: c.name)
def test_a_share_is_the_upstream_times_the_local_jacobian(c: Case) -> None:
    G = graph(c.text, shapes=c.shapes)
    values = c.values()
    found = G.backward(values)
    for (source, target), share in found.shares.items():
        local = G.jacobian(source, target, values)
        upstream = found.gradients[target]
        times = np.tensordot(upstream, local.reshape(upstream.shape + share.shape), upstream.ndim)
        np.testing.assert_allclose(times, share, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("c", CASES, ids=lambda c: c.name)
def test_more_gates_and_fewer_have_the_same_gradients(c: Case) -> None:
    values = c.values(2)
    plain = graph(c.text, shapes=c.shapes).backward(values).gradients
    for options in ({"fold": True}, {"expand": True}):
        other = graph(c.text, shapes=c.shapes, **options).backward(values).gradients
        for name in values:
            if name in plain:
                np.testing.assert_allclose(other[name], plain[name], rtol=1e-7, atol=1e-9)


# Reading -----------------------------------------------------------------------------------------


def test_the_graph_is_the_expression_as_typed() -> None:
    nodes = graph("a*b - c + 2*a where q = a*b", shapes={"c": ""}).nodes
    assert [(n.name, n.role, n.formula) for n in nodes if n.role != CONSTANT] == [
        ("a", "input", "a"),
        ("b", "input", "b"),
        ("q", "intermediate", "a*b"),
        ("c", "input", "c"),
        ("t1", "intermediate", "2*a"),
        ("t2", "intermediate", "q - c"),
        ("f", "loss", "t2 + t1"),
    ]


def test_transposes_and_signs_ride_along() -> None:
    names = [n.formula for n in graph("x'*A*x - y'*y").nodes if n.operation]
    assert names == ["x'*A", "t1*x", "y'*y", "t2 - z2"]


def test_values_say_the_kind_of_names() -> None:
    G = graph("(x + y)*z", values={"x": -2, "y": 5, "z": -4})
    assert all(n.shape == () for n in G.nodes)
    assert G.circuit.root.role == "loss"


def test_names_do_not_clash_with_those_of_the_user() -> None:
    G = graph("u1*delta1 + f*u1", shapes={"u1": "", "delta1": "", "f": ""})
    names = [n.name for n in G.nodes] + [n.gradient_name for n in G.nodes if n.gradient_name]
    assert len(set(names)) == len(names)
    found = G.backward({"u1": 2.0, "delta1": 3.0, "f": 5.0}).gradients
    assert [float(found[v]) for v in ("u1", "delta1", "f")] == [8, 2, 2]


def test_sympy_expressions_have_graphs() -> None:
    sp = pytest.importorskip("sympy")
    x, y = sp.symbols("x y", real=True)
    found = graph(sp.sin(x) * y).backward({"x": 0.5, "y": 2.0})
    assert found.gradients["x"] == pytest.approx(2 * np.cos(0.5))


def test_parameters_get_gradients_and_nothing_else_does() -> None:
    G = graph("norm2(X*w - y)^2", wrt="w")
    assert {n.name: n.role for n in G.nodes if n.role in ("input", "parameter")} == {
        "X": "input",
        "w": "parameter",
        "y": "input",
    }
    assert [n.name for n in G.nodes if n.gradient] == ["w", "a1", "z1", "f"]
    assert "gets no gradient: nothing that was asked for" in G.explain()
    with pytest.raises(md.UnknownName, match="there is no v"):
        graph("X*w", wrt="v")


@pytest.mark.parametrize("text", ["x", "3 + 4", "x'", "sum(x)", "-x"])
def test_small_expressions_have_graphs_too(text: str) -> None:
    G = graph(text)
    values = {"x": [1.0, 2.0]} if "x" in text else {}
    assert str(G)
    assert G.svg(values)
    assert G.explain(values)
    G.backward(values)


def test_deep_and_long_expressions() -> None:
    deep = variable("a")
    for _ in range(3000):
        deep = apply("sin", deep)
    assert len(graph(deep).circuit.nodes) == 3001
    G = graph(deep)
    assert np.isfinite(G.backward({"a": 1.0}).gradients["a"])
    with pytest.raises(md.LimitError, match="3001 nodes"):
        G.svg(collapse=False)


# Stable numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("log(1 + exp(a))", 1000.0, 1.0),
        ("1/(1 + exp(-a))", -1000.0, 0.0),
        ("-log(sigmoid(a))", -1000.0, -1.0),
        ("log(exp(a) + exp(-a)) + a", 0.0, 1.0),
    ],
)
def test_gradients_are_finite_where_numbers_on_the_way_overflow(
    text: str, at: float, expected: float
) -> None:
    found = graph(text).backward({"a": at}, 2.0)
    assert found.gradients["a"] == pytest.approx(2 * expected)
    assert bool(found.notes) == (abs(at) == 1000.0)


# Gates and steps ---------------------------------------------------------------------------------

SAID = [
    ("a + b", "distributes: every term gets the gradient unchanged"),
    ("a - b", "with a minus where it is subtracted"),
    ("a*b", "switches: each factor gets the gradient times the other factor"),
    ("3*a", "scales: the gradient is multiplied by the same constant"),
    ("W*x", "transposes: each factor gets the gradient times the other factor transposed"),
    ("max(a, b)", "routes: the gradient goes to the entry that was chosen"),
    ("relu(x)", "gates: the gradient passes where the input is positive"),
    ("sum(x)", "broadcasts: a sum hands its gradient to every entry"),
    ("X + b'", "b' is broadcast to m × n, so its gradient is summed"),
    ("a*a + a", "a is copied to u1 and f, and copies add"),
    ("(x > 0).*y", "gets no gradient: z1 = (x>0) is constant wherever it has a derivative"),
    ("einsum('bij->bi', T)".replace("'", '"'), "contracts"),
    ("mean(x)", "divided by their number"),
]


@pytest.mark.parametrize(("text", "said"), SAID, ids=[t for t, _ in SAID])
def test_gates_are_explained(text: str, said: str) -> None:
    shapes = {"b": "n"} if text == "X + b'" else {"T": "b,i,j"} if "einsum" in text else None
    assert said in graph(text, shapes=shapes).explain()


def test_a_dead_relu_is_named() -> None:
    said = graph("sum(relu(W*x + b))", shapes={"b": "m"}).explain(
        {"W": [[1, 2], [3, 4]], "x": [1, -1], "b": [0, -2]}
    )
    assert "z1 itself gets 0: h1 = relu(z1) is off, its input is not positive." in said
    assert "b is an input. Its gradient is what z1 hands back: [0, 0]. It is 0" in said


def test_the_gradient_by_a_symmetric_matrix_is_said_to_be_unconstrained() -> None:
    said = graph("x'*A*x", assume={"A": "symmetric"}).explain()
    assert "A is symmetric, and this is the gradient without that condition." in said


@pytest.mark.parametrize("fact", ["symmetric", "skew", "lower", "diagonal", "posdef"])
def test_a_gradient_without_a_condition_is_right_along_what_keeps_it(fact: str) -> None:
    g = graph("tr((A - B)'*(A*V))", assume={"A": fact})
    rng = np.random.default_rng(4)
    A, B, V, D = rng.normal(size=(4, 3, 3))
    keep = {
        "skew": lambda m: m - m.T, "lower": np.tril, "diagonal": lambda m: np.diag(np.diag(m)),
        "symmetric": lambda m: m + m.T, "posdef": lambda m: m + m.T,
    }[fact]  # fmt: skip
    A, D = keep(A) + (9 * np.eye(3) if fact == "posdef" else 0), keep(D)
    found = g.backward({"A": A, "B": B, "V": V}).gradients["A"]
    slope = np.trace(D.T @ A @ V + (A - B).T @ D @ V)
    assert np.isclose((found * D).sum(), slope, rtol=1e-9)


def test_wires_have_local_derivatives() -> None:
    found = {(e.source, e.target): e for e in graph("sum(softmax(W*x))").edges}
    assert found["x", "z1"].local == "W"
    assert found["W", "z1"].local == "∂z1_i/∂W_jk = δ_ij x_k"
    assert found["z1", "p1"].local == "diag(p1) - p1*p1'"
    assert found["z1", "p1"].share == "p1.*(delta_p1 - delta_p1'*p1)"


def test_the_backward_pass_step_by_step() -> None:
    G = graph("a*b + sin(a)")
    steps = list(G.steps({"a": 2.0, "b": 3.0}))
    assert [s.node for s in steps] == ["f", "h1", "u1"]
    assert dict(steps[0].before) == {"f": 1.0}
    after = [{k: round(float(v), 4) for k, v in s.after.items()} for s in steps]
    assert after[0] == {"f": 1.0, "u1": 1.0, "h1": 1.0}
    assert after[1]["a"] == round(float(np.cos(2.0)), 4)
    assert after[2]["a"] == round(float(np.cos(2.0)) + 3.0, 4)
    assert after[2]["b"] == 2.0
    for earlier, later in pairwise(steps):
        assert dict(earlier.after) == dict(later.before)
    symbolic = list(G.steps())
    assert symbolic[-1].after["a"] == "b*delta1 + delta_h1*cos(a)"


@pytest.mark.parametrize("c", CASES[:20:3], ids=lambda c: c.name)
def test_the_last_state_is_the_whole_backward_pass(c: Case) -> None:
    G = graph(c.text, shapes=c.shapes)
    *_, last = G.steps(c.values())
    gradients = G.backward(c.values()).gradients
    assert set(last.after) == set(gradients)
    for name, value in gradients.items():
        np.testing.assert_allclose(last.after[name], value, rtol=1e-12, atol=1e-14)


# Repeated layers ---------------------------------------------------------------------------------


def network(depth: int, residual: bool) -> str:
    parts = [
        f"h{k} = {f'h{k - 1} + ' if residual else ''}tanh(W{k}*h{k - 1} + b{k})"
        for k in range(1, depth + 1)
    ]
    return f"sum(h{depth}) where h0 = 2*x; " + "; ".join(parts)


@pytest.mark.parametrize("residual", [False, True])
def test_repeated_layers_are_found(residual: bool) -> None:
    shapes = {f"b{k}": "n" for k in range(1, 13)}
    G = graph(network(12, residual), shapes=shapes)
    (found,) = repeats(G.circuit)
    assert found.times in (11, 12)
    cells = G.picture(collapse=True).cells
    assert len(cells) < 16
    assert f"{found.times - 1} more such layers" in G.text(collapse=True)
    assert "W12" in G.text(collapse=True)


def test_different_layers_are_not_collapsed() -> None:
    G = graph("sum(tanh(A*sin(B*exp(C*x))))")
    assert repeats(G.circuit) == []
    assert len(G.picture(collapse=True).cells) == len(G.picture(collapse=False).cells)
