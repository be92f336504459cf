"""Several gradients at once: right against differences of the text, whatever is asked together.

Truth is `reader`, which shares no code with matderiv, and complex steps of f.
"""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import reader
from truth import assert_close, numeric

import matderiv as md
from matderiv.doors.check import gradient_reports
from matderiv.errors import DomainError, MatderivError, ShapeError, UnknownName
from matderiv.expr import apply, variable, variables
from matderiv.input.resolve import read
from matderiv.output.code.program import code
from matderiv.output.code.writer import Heading
from matderiv.programs.building import program
from matderiv.programs.compiled import or_careful
from matderiv.shapes import Dim

M, N, K = 5, 4, 3
NET = "-sum(Y.*log_softmax(relu(X*W + b')*V + c', 2))/n"
NET_SHAPES = {"X": "n,d", "W": "d,h", "b": "h", "V": "h,k", "c": "k", "Y": "n,k"}
CASES: list[tuple[str, list[str], dict[str, str]]] = [
    ("sum(log(1 + exp(-y.*(X*w))))", ["w", "X"], {"X": "n,d", "w": "d", "y": "n"}),
    (
        "mean(softplus(-y.*(X*w + b))) + t/2*norm2(w)^2",
        ["w", "b", "t"],
        {"X": "n,d", "w": "d", "y": "n", "b": "", "t": ""},
    ),
    (NET, ["W", "b", "V", "c"], NET_SHAPES),
    (
        "norm2(U*V' - Y)^2 + t*(norm2(U)^2 + norm2(V)^2)",
        ["U", "V"],
        {"U": "n,k", "V": "m,k", "Y": "n,m", "t": ""},
    ),
    ("norm2(M.*(U*V' - Y))^2", ["U", "V"], {"U": "n,k", "V": "m,k", "Y": "n,m", "M": "n,m"}),
    ("logdet(A) + (x - u)'*inv(A)*(x - u)", ["A", "u", "x"], {"A": "n,n", "x": "n", "u": "n"}),
    (
        "sum(softmax(Q*K'/sqrt(d), 2)*V.*G)",
        ["Q", "K", "V"],
        {"Q": "n,d", "K": "m,d", "V": "m,p", "G": "n,p"},
    ),
    ("sum((gelu(X*W) + silu(X*W)).*G)", ["X", "W"], {"X": "n,d", "W": "d,k", "G": "n,k"}),
    ("sum(layernorm(X*W, 0.1).*G)", ["X", "W"], {"X": "n,d", "W": "d,k", "G": "n,k"}),
    ("sum(batchnorm(X + tanh(X*W), 0.1).*G)", ["X", "W"], {"X": "n,d", "W": "d,d", "G": "n,d"}),
    (
        "x'*diag(u)*A*diag(v)*x + u'*v",
        ["u", "v", "x", "A"],
        {"x": "n", "u": "n", "v": "n", "A": "n,n"},
    ),
    ("tr(A*B*C) + sum(diag(A*B))", ["A", "B", "C"], {"A": "n,m", "B": "m,n", "C": "n,n"}),
    ("sum(solve(A, b))", ["A", "b"], {"A": "n,n", "b": "n"}),
    ("sum(X*ones(d))^2 + ones(n)'*X*w", ["X", "w"], {"X": "n,d", "w": "d"}),
    ("a*b + sin(a*b)", ["a", "b"], {"a": "", "b": ""}),
    (
        "logdet(B*diag(exp(u))*B') + tr(B'*inv(B*B')*B*A)",
        ["u", "B"],
        {"B": "k,n", "u": "n", "A": "n,n"},
    ),
    (
        "y'*inv(B*B' + s^2*eye(n))*y/2 + logdet(B*B' + s^2*eye(n))/2",
        ["s", "B", "y"],
        {"B": "n,m", "y": "n", "s": ""},
    ),
    (
        "norm2(relu(C./sqrt(mean(C.^2,1) + 0.1).*g' + b')*V - Y)^2/n where C = X*W - mean(X*W,1)",
        ["W", "g", "b", "V"],
        {"X": "n,d", "W": "d,h", "g": "h", "b": "h", "V": "h,k", "Y": "n,k"},
    ),
    (
        "norm2(X.*(U*V' - Y))^2 + t*norm2(U)^2/n",
        ["U", "V"],
        {"X": "n,m", "U": "n,k", "V": "m,k", "Y": "n,m", "t": ""},
    ),
    ("sum(X.*sum(X.*B, 2).*exp(B)) + sum(sum(X.*B, 1).^3)", ["X", "B"], {"X": "n,d", "B": "n,d"}),
    (
        "sum(A'.*B') + sum((X*W)'.*(B'*A)) + norm2(X*W)^2",
        ["A", "B", "W"],
        {"A": "n,d", "B": "n,d", "X": "d,n", "W": "n,d"},
    ),
]
SIZES = {"n": M, "d": N, "h": 6, "k": K, "m": 7, "p": 2}


def values_for(shapes: dict[str, str]) -> dict[str, Any]:
    generator = np.random.default_rng(7)
    made = {}
    for name, text in shapes.items():
        shape = tuple(SIZES[s] for s in text.split(",")) if text else ()
        made[name] = generator.standard_normal(shape) + (
            3 * np.eye(*shape) if name == "A" and len(set(shape)) == 1 else 0
        )
    if "Y" in made and "W" in made:
        made["Y"] = np.eye(K)[generator.integers(0, K, M)]
    if "A" in made and made["A"].shape == (M, M):
        made["A"] = made["A"] @ made["A"].T
    return made


@pytest.mark.parametrize(("f", "wrt", "shapes"), CASES, ids=[c[0] for c in CASES])
def test_values_and_gradients_are_those_of_the_text(
    f: str, wrt: list[str], shapes: dict[str, str]
) -> None:
    both = md.value_and_gradients(f, wrt, shapes=shapes)
    values = values_for(shapes)
    before = {name: np.array(v) for name, v in values.items()}
    value, found = both(values)
    assert np.allclose(value, reader.value(f, values, SIZES), rtol=1e-10)
    for name, gradient in zip(wrt, found, strict=True):
        assert gradient.shape == values[name].shape
        assert_close(gradient, numeric(f, name, values, SIZES), f"{f} by {name}", 2e-6)
    for name, v in values.items():
        assert np.array_equal(before[name], v), f"{name} was written over"
    again = both(**values)
    assert all(np.array_equal(a, b) for a, b in zip(found, again[1], strict=True))
    assert not any(np.shares_memory(a, b) for a in found for b in [*values.values(), *again[1]])


@pytest.mark.parametrize("target", ["numpy", "torch", "jax"])
def test_printed_code_gives_what_the_compiled_program_gives(target: str) -> None:
    library = pytest.importorskip(target)
    if target == "jax":
        library.config.update("jax_enable_x64", True)
    made = {"numpy": np.asarray, "torch": getattr(library, "tensor", None)}
    convert = made.get(target) or library.numpy.asarray
    for f, wrt, shapes in CASES:
        both, values = md.value_and_gradients(f, wrt, shapes=shapes), values_for(shapes)
        space: dict[str, Any] = {}
        exec(both.code(target), space)
        names = [v.name for v in both.compiled.program.inputs]
        value, found = space["value_and_gradients"](*(convert(values[n]) for n in names))
        truth, expected = both(values)
        for a, b in zip([value, *found], [truth, *expected], strict=True):
            np.testing.assert_allclose(np.asarray(a), b, rtol=1e-9, atol=1e-9, err_msg=f)


def test_a_wrong_gradient_would_be_noticed() -> None:
    f, wrt, shapes = CASES[0]
    values = values_for(shapes)
    _, (by_w, _) = md.value_and_gradients(f, wrt, shapes=shapes)(values)
    with pytest.raises(AssertionError):
        assert_close(1.0001 * by_w, numeric(f, "w", values, SIZES), f, 2e-6)


def test_one_variable_gives_one_gradient_and_a_list_gives_a_list() -> None:
    assert md.value_and_gradients("a^2", "a")(a=3) == (9, 6)
    assert md.value_and_gradients("a^2", ["a"])(a=3) == (9, [6])
    assert md.value_and_gradients("a^2", ["a", "b"], shapes={"b": ""})({"a": 3, "b": 1})[1] == [
        6,
        0,
    ]


def test_the_forward_pass_and_adjoints_are_computed_once() -> None:
    program = md.value_and_gradients(NET, ["W", "b", "V", "c"], shapes=NET_SHAPES).program()
    count = [line.operation for line in program.instructions].count
    assert count("matmul") == 5  # two forward, three backward
    assert (count("exp"), count("max"), count("log")) == (1, 1, 1)
    assert count("diag") + count("broadcast") == 0


@pytest.mark.parametrize(
    ("f", "shapes", "never"),
    [
        ("sum(diag(u)*M)", {"u": "n", "M": "n,d"}, "diag"),
        ("sum(M*diag(v))", {"v": "d", "M": "n,d"}, "diag"),
        ("norm2(M*ones(d))^2", {"M": "n,d"}, "broadcast"),
        ("tr(A*B)", {"A": "n,d", "B": "d,n"}, "matmul"),
        ("x'*inv(A)*x", {"A": "n,n", "x": "n"}, "inv"),
        ("norm2(M)^2", {"M": "n,d"}, "sqrt"),
        ("sum(x.^2)", {"x": "n"}, "power"),
        ("sum(A.*B)", {"A": "n,d", "B": "n,d"}, "sum"),
        ("sum(exp(sum(A.*B, 1)))", {"A": "n,d", "B": "n,d"}, "mul"),
        ("tr(B'*inv(A)*B)", {"A": "n,n", "B": "n,9000"}, "solve"),
        ("sum(exp(inv(A)*(eye(n) - x*x'*inv(A))))", {"A": "n,n", "x": "n"}, "eye"),
    ],
)
def test_a_value_is_computed_without(f: str, shapes: dict[str, str], never: str) -> None:
    found = program((read(f, shapes=shapes).expr,))
    assert never not in {line.operation for line in found.instructions}


@pytest.mark.parametrize(
    ("f", "shapes", "line"),
    [
        ("2*(A*x/n + t*x)", {"A": "n,n", "x": "n", "t": ""}, "y = 2 / n * (A @ x) + 2 * t * x"),
        ("A.*B + A.^2.*B", {"A": "n,d", "B": "n,d"}, "y = Z + A * Z"),
        ("A + diag(u)*A/t", {"A": "n,d", "u": "n", "t": ""}, "y = A + u[:, None] / t * A"),
        ("u.*A./(A*v)", {"A": "n,d", "u": "n", "v": "d"}, "y = u[:, None] / (A @ v)[:, None] * A"),
        (
            "sum((diag(u)*A).*B,2)",
            {"A": "n,d", "B": "n,d", "u": "n"},
            'y = u * np.einsum("ij,ij->i", A, B)',
        ),
        (
            "sum((A*diag(v)).*B,1)",
            {"A": "n,d", "B": "n,d", "v": "d"},
            'y = (v * np.einsum("ij,ij->j", A, B))[None, :]',
        ),
    ],
)
def test_factors_meet_what_is_small(f: str, shapes: dict[str, str], line: str) -> None:
    node = read(f, shapes=shapes).expr
    source = code(program((node,)), "numpy", Heading("f", (), ("y",)))
    assert line in source, source
    values, space = values_for(shapes), dict[str, Any]()
    exec(source, space)
    assert_close(space["f"](**values), reader.value(f, values, SIZES), f)


def test_products_are_multiplied_where_they_are_small() -> None:
    shapes = {"A": "n,n", "B": "n,n", "x": "n"}
    found = md.derive("A*B*A*B*x", "x", shapes=shapes, kind="jvp")
    source = found.code()
    assert "A @ (B @ (A @ (B @ dx)))" in source, source


def test_values_far_out_stay_finite_and_warn_of_nothing() -> None:
    far = {"X": np.array([[1e3], [-1e3], [30.0]]), "w": [1.0], "y": [1.0, 1.0, -1.0]}
    both = md.value_and_gradients("sum(log(1 + exp(-y.*(X*w))))", "w")
    value, gradient = both(far)
    assert abs(value - (1000 + 30 + np.log1p(np.exp(-30)))) < 1e-9
    assert abs(gradient[0] - (1000 + 30 / (1 + np.exp(-30)))) < 1e-9
    space: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(both.code(), space)
        assert np.allclose(space["value_and_gradient"](**far)[1], gradient)
        big = md.derive("sum(sigmoid(x))", "x")
        exec(big.code(), space)
        slope = space["value_and_gradient"](np.array([-1e3, 0.0, 1e3]))[1]
    assert np.allclose(slope, [0, 0.25, 0])


def test_what_is_finite_is_seen_without_warnings_where_squares_overflow() -> None:
    large = np.full((3, 2), 1e200)
    hole = np.where(np.eye(3, 2) > 0, np.inf, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for a in (large, large.T, large[:, :1], np.zeros((0, 2)), np.float64(1e300)):
            assert or_careful(lambda a=a: [a], list)[0] is a
        for a in (hole, hole.T, -hole, np.full(2, np.nan), np.float64("nan")):
            assert or_careful(lambda a=a: [a], lambda: ["careful"]) == ["careful"]


def test_a_product_whose_transpose_is_there_is_not_multiplied_again() -> None:
    A, B = variable("A", (Dim(("m",)), Dim(("n",)))), variable("B", (Dim(("n",)), Dim(("m",))))
    found = program((A @ B, B.T @ A.T))
    assert [line.operation for line in found.instructions].count("matmul") == 1


def test_a_difference_that_is_there_is_not_subtracted_again() -> None:
    shapes, facts = {"K": "n,n", "lam": ""}, {"K": "symmetric"}
    both = md.value_and_gradients("norm2(K*a - y)^2 + lam*a'*K*a", "a", shapes=shapes, assume=facts)
    assert [line.operation for line in both.program().instructions].count("sub") == 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [(3, 2), (60, 30)])
def test_sums_have_the_values_and_types_of_numpy(dtype: str, size: tuple[int, int]) -> None:
    draw, (m, n) = np.random.default_rng(0).standard_normal, size
    X, a, b = (draw(shape).astype(dtype) for shape in (size, m, n))
    f = "sum((a'*X).^2) + sum(sum(X,2).*a) + sum(sum(X,1)'.^2) + logsumexp(X*b)"
    both = md.value_and_gradients(f, ["X", "a"]).function(dtype)
    value, (by_X, by_a) = both(X=X, a=a, b=b)
    assert {np.asarray(v).dtype for v in (value, by_X, by_a)} == {np.dtype(dtype)}
    z = X @ b
    e = np.exp(z - z.max())
    truth = ((a @ X) ** 2).sum() + X.sum(axis=1) @ a + (X.sum(axis=0) ** 2).sum()
    wanted = 2 * np.outer(a, a @ X) + a[:, None] + 2 * X.sum(axis=0) + np.outer(e / e.sum(), b)
    close = {"rtol": 1e-9, "atol": 1e-9} if dtype == "float64" else {"rtol": 1e-3, "atol": 1e-3}
    assert np.allclose(value, truth + z.max() + np.log(e.sum()), **close)
    assert np.allclose(by_X, wanted, **close)
    assert np.allclose(by_a, 2 * X @ (a @ X) + X.sum(axis=1), **close)
    for hole in (np.inf, np.nan):
        X[1, 1] = hole
        value, (by_X, _) = both(X=X, a=a, b=b)
        assert not np.isfinite(value)
        assert not np.isfinite(by_X[:, 1]).any()


def test_arrays_of_other_sizes_types_and_shapes_are_taken() -> None:
    both = md.value_and_gradients("norm2(X*w - y)^2", "w")
    for n, d in ((2, 3), (3, 2), (2, 3), (1, 1), (40, 2)):
        values = {"X": np.ones((n, d), int), "w": [[1]] * d, "y": range(n)}
        expected = 2 * np.ones((d, n)) @ (np.full(n, float(d)) - np.arange(n))
        assert np.allclose(both(values)[1], expected)


def test_numbers_of_python_are_taken_as_those_of_numpy() -> None:
    both = md.value_and_gradients("t*norm2(x)^2/3 + 1/t", ["x", "t"])
    x, space = np.array([1.0, 2.0]), dict[str, Any]()
    exec(both.code(), space)
    for t in (2.0, 2, np.float64(2), np.array(2.0), np.float32(2)):
        for run in (both, both, space["value_and_gradients"]):
            value, (by_x, by_t) = run(x=x, t=t)
            assert np.isclose(value, 10 / 3 + 0.5)
            np.testing.assert_allclose(by_x, 4 / 3 * x)
            assert np.isclose(by_t, 5 / 3 - 0.25)
    assert both(x=x, t=0.0)[0] == np.inf
    with pytest.raises(AssertionError, match="t has the shape"):
        space["value_and_gradients"](x=x, t=[1.0, 2.0])


def test_mistakes_are_said() -> None:
    both = md.value_and_gradients("norm2(X*w - y)^2", "w")
    with pytest.raises(UnknownName, match="no value for y"):
        both(X=[[1]], w=[1])
    with pytest.raises(UnknownName, match="there is no z here"):
        both(X=[[1]], w=[1], y=[1], z=[1])
    with pytest.raises(ShapeError, match="n is 1"):
        both(X=[[1]], w=[1, 2], y=[1])
    with pytest.raises(ShapeError, match="gradients need a scalar"):
        md.value_and_gradients("A*x", "x")
    with pytest.raises(UnknownName):
        md.value_and_gradients("sum(A*x)", ["x", "z9"])
    with pytest.raises(MatderivError, match="named twice"):
        md.value_and_gradients("sum(A*x)", ["x", "x"])
    with pytest.raises(MatderivError, match="unknown target 'fortran'"):
        both.code("fortran")
    with pytest.raises(DomainError, match="inv has no value here"):
        md.derive("inv(A)", "A").function()(A=np.zeros((2, 2)))


def test_a_shape_that_does_not_fit_stops_the_printed_code() -> None:
    space: dict[str, Any] = {}
    exec(md.value_and_gradients("norm2(X*w - y)^2", "w").code(), space)
    with pytest.raises(AssertionError, match="y has the shape"):
        space["value_and_gradient"](X=np.ones((3, 2)), w=np.ones(2), y=np.ones(2))


def test_structure_is_kept() -> None:
    f = "tr(B*A) + logdet(A)"
    both = md.value_and_gradients(f, ["A"], assume={"A": "posdef"})
    _, (gradient,) = both(A=[[2, 1], [1, 3]], B=[[1, 2], [0, 1]])
    assert np.allclose(gradient, gradient.T)
    D = md.derive(f, "A", assume={"A": "posdef"})
    assert np.allclose(gradient, D.evaluate({"A": [[2, 1], [1, 3]], "B": [[1, 2], [0, 1]]}))


def test_deep_expressions_become_programs_without_recursion() -> None:
    x = variable("x", (Dim(("n",)),))
    h = x
    for _ in range(2000):
        h = apply("sin", h)
    both = md.value_and_gradients(apply("sum", h, params=(None,)), x)
    value, gradient = both({"x": np.array([0.1, 0.2])})
    at, slope = np.array([0.1, 0.2]), np.ones(2)
    for _ in range(2000):
        slope, at = slope * np.cos(at), np.sin(at)
    assert np.allclose(value, at.sum())
    assert np.allclose(gradient, slope)
    assert len(both.code().splitlines()) > 2000


def test_the_same_question_gives_the_same_code() -> None:
    sources = {md.value_and_gradients(NET, ["W", "V"], shapes=NET_SHAPES).code() for _ in range(3)}
    assert len(sources) == 1


def test_a_check_of_all_gradients() -> None:
    reports = md.value_and_gradients(NET, ["W", "b"], shapes=NET_SHAPES).check(points=3)
    assert {name: r.verdict for name, r in reports.items()} == {"W": "verified", "b": "verified"}


def test_numpy_is_silenced_inside_only_and_in_every_thread() -> None:
    slope = md.derive("sum(log(x))", "x").function()
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        assert slope(x=[0.0, 1.0]).tolist() == [np.inf, 1]
        with pytest.raises(FloatingPointError):
            np.array([1.0]) / 0.0
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda k: slope(x=[0.0, k]).tolist(), [1.0, 2.0, 4.0]))
    assert found == [[np.inf, 1], [np.inf, 0.5], [np.inf, 0.25]]


def squared(steps: int) -> str:
    """A matrix that is squared and divided by its norm again and again."""
    lines = [f"S{k} = S{k - 1}*S{k - 1}/norm2(S{k - 1})" for k in range(1, steps + 1)]
    return f"tr(B*S{steps}) where S0 = A*X; {'; '.join(lines)}"


def test_code_grows_with_the_steps_where_products_would_double() -> None:
    shapes = {"A": "n,n", "B": "n,n", "X": "n,n"}
    lengths = {}
    for steps in (8, 16, 24):
        both = md.value_and_grad(squared(steps), "X", shapes=shapes)
        lengths[steps] = len(both.code())
        rng = np.random.default_rng(steps)
        values = {name: rng.standard_normal((3, 3)) for name in shapes}

        def f(x: Any, values: Any = values, steps: int = steps) -> Any:
            s = values["A"] @ x
            for _ in range(steps):
                s = s @ s / np.linalg.norm(s)
            return np.trace(values["B"] @ s)

        value, gradient = both(values)
        assert value == pytest.approx(f(values["X"]), rel=1e-9)
        move = rng.standard_normal((3, 3))
        ahead, behind = f(values["X"] + 1e-6 * move), f(values["X"] - 1e-6 * move)
        assert np.sum(gradient * move) == pytest.approx((ahead - behind) / 2e-6, rel=1e-4)
    assert lengths[24] - lengths[16] < 2 * (lengths[16] - lengths[8])


def test_gradients_by_many_variables_are_computed_together_when_they_are_checked() -> None:
    names = [f"w{k}" for k in range(12)]
    f = read(" + ".join(f"sin(a{k}*w{k})" for k in range(12)), shapes=dict.fromkeys(names, "")).expr
    xs = [v for v in variables(f) if v.name in names]
    runs = []

    def gradients(values: Any, sizes: Any) -> list[Any]:
        runs.append(values)
        a = [values[x.name.replace("w", "a")] for x in xs]
        return [c * np.cos(c * values[x.name]) for c, x in zip(a, xs, strict=True)]

    reports = gradient_reports(f, xs, gradients)
    assert all(r.ok for r in reports.values())
    assert len(reports) == 12
    assert len(runs) < 5


SHARED_MEMORY = [  # what may be a view of an array that is needed later
    ("norm2(unvec(q,m,n) - W)^2", "q", {"q": "m*n", "W": "m,n"}),
    ("norm2(unvec(q,m,n) - W)^2 + sum(exp(q))", "q", {"q": "m*n", "W": "m,n"}),
    ("norm2(vec(W) - q)^2 + sum(exp(W))", "W", {"q": "m*n", "W": "m,n"}),
    ("norm2(flip(q) - 1)^2 + sum(exp(q))", "q", {"q": "n"}),
    ('sum((einsum("ii->i",S) + 1).^2) + sum(S.^3)', "S", {"S": "n,n"}),
    ("sum((vec(W') + 1).^2)", "W", {"W": "m,n"}),
    ("sum((S^a + 1).^2)", "S", {"S": "n,n", "a": ""}),
]
ONES = [
    ("x'*(2*ones(n,n))*y", "x", {"x": "n", "y": "n"}),
    ("x'*ones(n,n)*x/n", "x", {"x": "n"}),
    ("w'*ones(k,m)*u", "w", {"w": "k", "u": "m"}),
    ("sum((S*ones(n,n)*y).^2)", "S", {"S": "n,n", "y": "n"}),
    ("x'*ones(n,n)*diag(y)*ones(n,n)*x", "x", {"x": "n", "y": "n"}),
]


@pytest.mark.parametrize(("f", "wrt", "shapes"), SHARED_MEMORY + ONES)
@pytest.mark.parametrize("order", ["C", "F"])
def test_no_program_writes_over_what_is_needed(
    f: str, wrt: str, shapes: dict[str, str], order: str
) -> None:
    sizes, rng = {"n": 3, "m": 2, "k": 4, "m*n": 6}, np.random.default_rng(3)
    values: dict[str, Any] = {}
    for name, shape in shapes.items():
        sides = [sizes[s] for s in shape.split(",")] if shape else []
        values[name] = np.array(rng.uniform(0.5, 1.5, sides), order=order) if sides else 1.0
    kept = {name: np.array(v) for name, v in values.items()}
    program = md.value_and_gradients(f, wrt, shapes=shapes, check=False)
    truth = md.derive(f, wrt, shapes=shapes).evaluate(values)
    for _ in range(3):
        value, found = program(**values)
        assert np.shape(value) == ()
        np.testing.assert_allclose(found, truth, rtol=1e-9)
    assert all(np.array_equal(kept[name], v) for name, v in values.items())


@pytest.mark.parametrize("f", ["0 \\ x", "inv(0)*x"])
def test_a_quotient_by_the_number_0_is_infinite_and_no_error(f: str) -> None:
    both = md.value_and_gradients(f, "x", shapes={"x": ""})
    assert np.isinf(both(x=2.0)[1])
    assert "/ 0" in both.code()
