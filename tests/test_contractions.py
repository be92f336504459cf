"""Einsums as programs: random sums of products of entries against the independent evaluator.

Identities, diagonal matrices, ones, letters of one entry, scalars in front, and sums of several
einsums; compiled, and printed for each library. Hessians of the literature are compared with NumPy
written by hand.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from test_programs_fuzz import assert_near

import matderiv as md
from matderiv.expr import Expr, apply, variable, variables
from matderiv.language.printer import text
from matderiv.numeric.evaluate import evaluate
from matderiv.output.code.program import Heading, code
from matderiv.programs.building import program
from matderiv.programs.compiled import Compiled
from matderiv.shapes import Dim, Shape
from matderiv.work import bounded

SIZES = {"m": 2, "n": 3}
DIMS = (Dim(("m",)), Dim(("n",)), Dim(("n",)), 1)


def array(draw: random.Random, shape: Shape) -> Expr:
    """An array: a variable, which others may be too, ones, a transpose, a diagonal matrix."""
    kind = draw.random()
    if kind < 0.1:
        return apply("ones", params=shape)
    if len(shape) == 2 and 1 not in shape and kind < 0.4:
        if shape[0] == shape[1]:
            return apply("diag", variable(f"d{shape[0]}", shape[:1]))
        return variable(f"T{shape[1]}{shape[0]}", shape[::-1]).T
    return variable(f"{draw.choice('XY')}{''.join(map(str, shape))}", shape)


def product(draw: random.Random, out: str, dims: dict[str, Any]) -> Expr:
    """A random einsum with these letters after the arrow."""
    dims = {**dims, **{c: draw.choice(DIMS) for c in draw.sample("efg", draw.randint(0, 3))}}
    pairs = [(a, b) for a in dims for b in dims if a < b and dims[a] == dims[b] != 1]
    given: list[tuple[str, Expr]] = []
    for a, b in draw.sample(pairs, min(len(pairs), draw.choice([0, 0, 1, 2]))):
        given.append((a + b, apply("eye", params=(dims[a],))))
    for _ in range(draw.randint(0, 3)):
        at = "".join(draw.sample(sorted(dims), min(len(dims), draw.randint(1, 3))))
        given.append((at, array(draw, tuple(dims[c] for c in at))))
    left = "".join(c for c in dims if not any(c in at for at, _ in given))
    for at in filter(None, (left[:2], left[2:4], left[4:])):
        given.append((at, array(draw, tuple(dims[c] for c in at))))
    draw.shuffle(given)
    spec = f"{','.join(at for at, _ in given)}->{out}"
    return apply("einsum", *(e for _, e in given), params=(spec,))


def expression(seed: int) -> Expr:
    """A sum of einsums with scalars in front."""
    draw = random.Random(seed)
    out = "abcd"[: draw.randint(2, 4)]
    dims = {c: draw.choice(DIMS[:3]) for c in out}
    s, t = variable("s"), variable("t")
    terms = []
    for _ in range(draw.randint(1, 4)):
        term = product(draw, out, dims)
        front = draw.choice([None, 2, -3, s, s * t, "neg", "div"])
        term = -term if front == "neg" else term / t if front == "div" else term
        terms.append(apply("mul", front, term) if front and front not in ("neg", "div") else term)
    whole = apply("add", *terms) if len(terms) > 1 else terms[0]
    return apply("mul", s, whole) if draw.random() < 0.3 else whole


def values_of(e: Expr, seed: int) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    shapes = {v.name: [SIZES.get(str(s), 1) for s in v.shape] for v in variables(e)}
    return {name: generator.standard_normal(shape) for name, shape in shapes.items()}


def printed(e: Expr, target: str, values: dict[str, Any]) -> Any:
    """The value that printed code gives."""
    made = program((e,))
    source = code(made, target, Heading("value", ("f.",), ("result",)))
    space: dict[str, Any] = {}
    exec(source, space)
    named = {**{v.name: values[v.name] for v in made.inputs}, **{s: SIZES[s] for s in made.sizes}}
    return space["value"](**named)


@pytest.mark.parametrize("block", range(8))
def test_random_einsums_have_the_value_of_the_evaluator(block: int) -> None:
    for seed in range(60 * block, 60 * (block + 1)):
        e = expression(seed)
        values = values_of(e, seed)
        truth = evaluate(e, values, SIZES)
        before = {name: np.array(v) for name, v in values.items()}
        run = Compiled(lambda sizes, e=e: program((e,), sizes=sizes))
        for _ in range(2):  # what is written in place must not be found again
            assert_near(run({**SIZES, **values})[0], truth, f"seed {seed}: {text(e)}")
        assert_near(printed(e, "numpy", values), truth, f"seed {seed}: {text(e)}")
        for name, v in values.items():
            np.testing.assert_array_equal(v, before[name], err_msg=f"seed {seed}: {name}")


@pytest.mark.parametrize("target", ["torch", "jax"])
def test_random_einsums_in_other_libraries(target: str) -> None:
    library = pytest.importorskip(target)
    convert = library.tensor if target == "torch" else library.numpy.asarray
    if target == "jax":
        library.config.update("jax_enable_x64", True)
    for seed in range(40):
        e = expression(seed)
        values = values_of(e, seed)
        truth = evaluate(e, values, SIZES)
        given = {name: convert(v) for name, v in values.items()}
        assert_near(printed(e, target, given), truth, f"seed {seed}: {text(e)}")


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_the_hessian_of_softmax_regression_is_that_by_hand() -> None:
    g = np.random.default_rng(0).standard_normal
    X, W = g((20, 4)), g((4, 3))
    Y = np.eye(3)[np.arange(20) % 3]
    D = md.derive("cross_entropy(X*W, Y)", "W", order=2, assume={"Y": "onehot"})
    P = softmax(X @ W)
    truth = np.zeros((4, 3, 4, 3))
    for row, p in zip(X, P, strict=True):
        inner = np.diag(p) - np.outer(p, p)
        truth += np.einsum("i,k,jl->ijkl", row, row, inner) / 20
    for seen in (D.function()({"X": X, "W": W, "Y": Y}), _by_code(D, X=X, W=W, Y=Y)):
        np.testing.assert_allclose(seen, truth, atol=1e-14)


def test_the_hessian_of_a_factorisation_by_one_factor_is_a_diagonal_of_blocks() -> None:
    g = np.random.default_rng(0).standard_normal
    T, U, V = g((5, 6)), g((5, 2)), g((6, 2))
    D = md.derive("norm2(T - U*V')^2", "U", order=2)
    truth = np.einsum("ik,jl->ijkl", np.eye(5), 2 * V.T @ V)
    for seen in (D.function()({"T": T, "U": U, "V": V}), _by_code(D, T=T, U=U, V=V)):
        np.testing.assert_allclose(seen, truth)
    assert "eye" not in D.code()


def test_brackets_of_diagonals_and_outer_products_are_never_built() -> None:
    D = md.derive("log(sum(exp(A*x)))", "x", order=2)
    assert "np.diag(" not in D.code()
    g = np.random.default_rng(0).standard_normal
    A, x = g((7, 3)), g(3)
    p = softmax(A @ x)
    truth = A.T @ (np.diag(p) - np.outer(p, p)) @ A
    for seen in (D.function()({"A": A, "x": x}), _by_code(D, A=A, x=x)):
        np.testing.assert_allclose(seen, truth, atol=1e-14)


def test_weights_that_may_be_negative_have_no_root() -> None:
    D = md.derive("sum(sin(A*x))", "x", order=2)
    g = np.random.default_rng(0).standard_normal
    A, x = g((7, 3)), g(3)
    truth = -A.T @ np.diag(np.sin(A @ x)) @ A
    np.testing.assert_allclose(D.function()({"A": A, "x": x}), truth, atol=1e-14)
    D = md.derive("-2*sum(exp(A*x))", "x", order=2)
    truth = -2 * A.T @ np.diag(np.exp(A @ x)) @ A
    np.testing.assert_allclose(D.function()({"A": A, "x": x}), truth, rtol=1e-12)


def _by_code(D: Any, **values: Any) -> Any:
    space: dict[str, Any] = {}
    source = D.code()
    exec(source, space)
    names = source.split("def hessian(")[1].split(")")[0].split(", ")
    return space["hessian"](**{name: values[name] for name in names})


@pytest.mark.parametrize(
    ("f", "wrt", "printed"),
    [
        ("norm2(X*w - y)^2", "w", "2*X'*X*dw"),
        ("logdet(X)", "X", "-(inv(X)*dX*inv(X))'"),
        ("norm2(T - U*V')^2", "U", "2*dU*V'*V"),
        ("log(sum(exp(A*x)))", "x", "A'*(softmax(A*x).*(A*dx - softmax(A*x)'*A*dx))"),
        ("a^3*b", "a", "6*a*b*da"),
    ],
)
def test_a_product_with_the_hessian_is_that_with_the_array(f: str, wrt: str, printed: str) -> None:
    D, H = md.hvp(f, wrt), md.derive(f, wrt, order=2)
    assert str(D) == printed
    assert D.checked is not None
    assert D.checked.ok
    generator = np.random.default_rng(1)
    shapes = {v.name: v.shape for v in variables(H.f, H.wrt)}
    values = {n: generator.standard_normal([3] * len(s)) for n, s in shapes.items()}
    change = generator.standard_normal(values[wrt].shape)
    full = {**values, f"d{wrt}": change}
    truth = np.tensordot(H.evaluate(values), change, change.ndim)
    np.testing.assert_allclose(D.evaluate(full), truth, rtol=1e-9)
    np.testing.assert_allclose(D.function()(full), truth, rtol=1e-9)


def test_a_product_with_a_hessian_needs_a_scalar_and_is_no_answer_to_judge() -> None:
    with pytest.raises(md.ShapeError, match="hvp needs a scalar"):
        md.hvp("A*x", "x")
    with pytest.raises(md.MatderivError, match="kind"):
        md.verify("x'*x", "x", "2*dx", kind="hvp")
    assert [str(D) for D in md.hvp("x'*A*y", ["x", "y"])] == ["zeros(m)", "zeros(n)"]


def test_programs_do_not_spend_what_was_left_to_the_verb_that_ran_the_first() -> None:
    X = variable("X", (DIMS[1], DIMS[1]))
    e = apply("einsum", X, X, X, params=("ii,ij,jk->ik",))
    compiled, values = Compiled(lambda sizes: program((e,), sizes=sizes)), {"X": np.eye(3)}

    def often() -> int:
        with bounded(100):
            compiled(values)
        return sum(len(compiled(values)) for _ in range(20))

    with ThreadPoolExecutor(1) as fresh:  # what keeps NumPy silent is made once for each thread
        assert fresh.submit(often).result() == 20
