"""Derivatives of every order against differences of the typed text along random directions.

A derivative by a structured variable is one along directions of its space, so the directions are
projected by `directions`, and the whole array that `derive` gives is contracted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reader
from directions import TOLERANCE, along, in_space

from matderiv import verify
from matderiv.doors.derive import Derivation, derive
from matderiv.errors import LimitError, MatderivError
from matderiv.functions.contraction import contraction
from matderiv.numeric.sampling import points

Array = Any


def assert_true(expr: str, wrt: str, seed: int = 0, **options: Any) -> Derivation:
    """The derivative has the values that differences of the text have, at two points."""
    found: Derivation = derive(expr, wrt, **options)
    rng = np.random.default_rng(seed)
    facts = found.wrt.params[2]
    for point in points(found.f, count=2, seed=seed):
        x = np.asarray(point.values[wrt], float)
        whole = found.at(point.values, point.sizes)
        drawn = [rng.standard_normal(x.shape) for _ in range(found.order)]
        directions = [d / np.linalg.norm(d) for d in drawn]
        contracted = whole
        for d in reversed(directions):
            contracted = np.tensordot(contracted, d, d.ndim) if d.ndim else contracted * d
        inside = [in_space(d, facts, found.structure) for d in directions]
        values, sizes = point.values, point.sizes

        def f(z: Array, values: Any = values, sizes: Any = sizes) -> Array:
            return reader.value(expr, {**values, wrt: z}, sizes)

        truth = np.squeeze(along(f, x, inside))
        contracted = np.squeeze(contracted)
        scale = max(float(np.abs(v).max()) for v in (truth, contracted, 0.1 * f(x)))
        off = float(np.abs(truth - contracted).max()) / scale
        assert off < TOLERANCE[found.order], f"{expr} by {wrt}, {options}: off by {off:.2g}"
    return found


# Products and powers of matrices are none of their entries ----------------------------------------


@pytest.mark.parametrize(
    ("expr", "assume"),
    [
        ("tr(3*X^2 - 2*X^3)", "symmetric"),
        ("norm2(X*X - X)^2", "symmetric"),
        ("norm2(X*X - X)^2", ""),
        ("tr(X^4 - 2*X^3 + X^2)", "symmetric"),
        ("tr(X^4 - 2*X^3 + X^2)", "diagonal"),
        ("sum(((X*X).^2).*(X*X))", ""),
        ("sum((X*X).^2)", ""),
        ("sum(X^2.*X - X^2)", ""),
        ("sum((X^2).^2 - 2*X^2)", ""),
        ("sum((inv(X)*inv(X)).^2.*(inv(X)*inv(X)))", ""),
        ("sum((1 + exp(-X))^-1)", ""),
        ("sum((1 + exp(-X)).^-1)", ""),
        ("sum(X^3.*X^2)", "symmetric"),
        ("sum(inv(X)^2.*inv(X))", ""),
    ],
)
@pytest.mark.parametrize("order", [1, 2])
def test_products_and_powers_of_matrices_are_not_those_of_their_entries(expr, assume, order):
    declared = {"X": assume} if assume else {}
    assert_true(expr, "X", shapes={"X": "n,n"}, assume=declared, order=order)


# Facts about the variable hold at the point, not around it ----------------------------------------

FACTS = ("symmetric", "skew", "diagonal", "posdef", "orthogonal", "lower", "upper")


@pytest.mark.parametrize("structure", ["none", "projected", "independent"])
@pytest.mark.parametrize("fact", FACTS)
@pytest.mark.parametrize("order", [2, 3])
def test_facts_about_a_matrix_are_not_differentiated(fact, structure, order):
    for expr in ("tr(X*X*X') + tr(X'*A*X*A)", "sum((X*X').^2)"):
        shapes, about = {"X": "n,n", "A": "n,n"}, {"X": fact}
        assert_true(expr, "X", shapes=shapes, assume=about, order=order, structure=structure)


@pytest.mark.parametrize("structure", ["none", "projected", "independent"])
@pytest.mark.parametrize("fact", ["posdef", "orthogonal", "diagonal"])
def test_inverses_of_matrices_with_facts(fact, structure):
    expr = "log(det(X)^2) + tr(inv(X)*A*inv(X)')"
    about = {"shapes": {"A": "n,n", "X": "n,n"}, "assume": {"X": fact}, "structure": structure}
    for order in (1, 2):
        assert_true(expr, "X", order=order, **about)


@pytest.mark.parametrize("fact", ["labels", "binary", "onehot", "simplex", "positive"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_facts_about_a_vector_are_not_differentiated(fact, order):
    for expr in ("sum(x.^3)", "sum(x.^4.*y)*sum(x)", "(x'*x)^2*sum(x)", "x.^2*sum(x.^2)"):
        if order < 4 or "sum(x.^4.*y)" not in expr:
            assert_true(expr, "x", assume={"x": fact}, order=order)


def test_facts_about_other_names_are_used():
    found = assert_true("sum(x.^3.*y.^2)", "x", assume={"y": "labels"}, order=2)
    assert str(found) == "6*diag(x)"


# Crashes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "wrt", "order", "shapes"),
    [
        ("logdet((A + A)'*(A + A) + eye(n))", "A", 3, {"A": "n,n"}),
        ("(x'*A*x)^2/(y'*x)", "x", 3, {}),
        ("norm2(A*x - b)^2/(1 + x'*x)*c", "x", 4, {"b": "m"}),
        ("exp(sum((w*z' - w*w')*(w*z'*w)/9))", "w", 2, {"w": "m", "z": "m"}),
        ("sum(x./(1 + x'*x))", "x", 3, {}),
        ("norm2(X*A*w)^2/(1 + tr(X*X'))", "X", 2, {"X": "m,n", "A": "n,k", "w": "k"}),
        ("exp(X*w).*vec(X)", "X", 1, {"X": "n,1", "w": "1"}),
        ("vec(X)*sum(X)", "X", 2, {"X": "n,1"}),
    ],
)
def test_every_derivative_is_found_and_true(expr, wrt, order, shapes):
    assert_true(expr, wrt, order=order, shapes=shapes)


def test_by_the_free_entries_of_a_symmetric_matrix_entry_by_entry():
    about = {"shapes": {"B": "n,n"}, "assume": {"B": "symmetric"}, "structure": "independent"}
    assert_true("cos(B.*B)", "B", order=2, **about)


def test_a_formula_in_numpy_with_a_single_column():
    assert derive("np.exp(X @ w)*X.ravel()", "X").check().verdict == "verified"


# Sizes that are declared as 1 ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "wrt", "shape"),
    [
        ("x*y'", "y", (3, 1, 1)),
        ("x*y'", "x", (3, 1, 3)),
        ("X*y", "y", (3, 1)),
        ("x*y'*y", "y", (3, 1)),
        ("y*x'", "x", (3, 3)),
        ("norm2(X*y)^2", "y", (1,)),
        ("norm2(X*y)^2", "X", (3, 1)),
    ],
)
def test_an_axis_declared_as_1_is_an_axis_like_any_other(expr, wrt, shape):
    found = derive(expr, wrt, shapes={"x": "n", "y": "1", "X": "n,1"})
    rng = np.random.default_rng(0)
    values = {"x": rng.random(3), "y": rng.random(1), "X": rng.random((3, 1))}
    assert found.evaluate(values).shape == shape
    assert found.check().verdict == "verified"


# Points that facts force onto a kink --------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "fact", "options"),
    [
        ("hinge(x,x)", "binary", {}),
        ("sum(relu(x))", "binary", {}),
        ("sum(relu(x))", "onehot", {"order": 2}),
        ("norminf(x)", "labels", {}),
        ("sum(abs(x))", "onehot", {}),
        ("norm1(X)", "diagonal", {"structure": "none"}),
        ("sum(abs(X - X'))", "symmetric", {"structure": "none"}),
    ],
)
def test_a_point_that_facts_force_onto_a_kink_is_no_contradiction(expr, fact, options):
    name = "X" if "X" in expr else "x"
    found = derive(expr, name, assume={name: fact}, **options)
    assert found.check().verdict == "undecided"


def test_a_kink_that_can_be_avoided_decides():
    assert derive("sum(abs(x))", "x", assume={"x": "labels"}).check().verdict == "verified"


def test_a_formula_that_facts_force_onto_zero_over_zero_is_shown():
    assert str(derive("prod(x)", "x", assume={"x": "binary"})).startswith("prod(x)./x")


# Names of changes and upstreams -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["jvp", "differential"])
def test_a_change_is_never_a_name_of_the_expression(kind):
    with pytest.raises(MatderivError, match="dc is the change of c"):
        derive("c*dc^2", "c", kind=kind, shapes={"dc": ""})
    with pytest.raises(MatderivError, match="dx is the change of x"):
        verify("norm2(x - dx)^2", "x", "2*(x - dx)'*dx", kind=kind, shapes={"dx": "n"})


def test_an_upstream_is_never_a_name_of_the_expression():
    with pytest.raises(MatderivError, match="G is the name of the upstream") as raised:
        derive("G.*x", "x", kind="vjp", shapes={"G": "n"})
    assert raised.value.hint == "upstream='H'"
    found = derive("G.*x", "x", kind="vjp", shapes={"G": "n"}, upstream="H")
    assert str(found) == "G.*H"


def test_views_do_not_take_a_name_of_the_expression_for_a_change():
    found = derive("norm2(x*dx)^2", "x", shapes={"dx": ""})
    assert found.text("chain").count("dx^2") == 1
    assert r"\mathrm{d}\mathbf{x}" not in found.latex("chain")
    with pytest.raises(MatderivError, match="dx is the change of x"):
        found.text("differential")


# Spelling -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "wrt", "order", "shown"),
    [
        ("(x'*x)^3*x*x'", "x", 1, "(x'*x)^2"),
        ("(a'*X*b)^5", "X", 2, "(a'*X*b)^3"),
        ("sqrt(a/3)*X*X'", "X", 1, "sqrt(a/3)"),
    ],
)
def test_a_power_in_index_notation_is_one_of_the_whole_scalar(expr, wrt, order, shown):
    shapes = {"a": "n", "b": "m"} if "a'" in expr else {}
    assert shown in derive(expr, wrt, order=order, shapes=shapes).index


@pytest.mark.parametrize(
    "expr", ["norm2(tanh(x/2) - y)^2", "norm2(x/sqrt(c) - y)^2", "norm1(x/c)", "sum(abs(x/2))"]
)
@pytest.mark.parametrize("view", [None, "chain", "differential", "index"])
def test_pages_show_norms_around_fractions(expr, view):
    assert derive(expr, "x").html(view).count("<math") > 0


def test_a_chain_of_steps_through_an_einsum_of_matrices():
    f = 'sum(einsum("ik,kj->ij",S*A,exp(M)).*attention(X,einsum("ik,kj->ij",W,W),diag(v)))'
    assert "Backward pass" in derive(f, "M").text("chain")


# Work that is bounded -----------------------------------------------------------------------------


def test_a_sum_of_products_of_fourteen_matrices_takes_few_steps():
    letters = "abcdefghijklmn"
    pairs = ",".join(letters[k] + letters[(5 * k + 1) % 14] for k in range(14))
    text = f'einsum("{pairs}->",{",".join("X" * 14)})'
    found = derive(text, "X", shapes={"X": "9,9"})
    X = np.random.default_rng(0).standard_normal((9, 9)) / 3
    truth = np.einsum(f"{pairs}->", *[X] * 14, optimize=True)
    assert np.isclose(np.sum(found.evaluate({"X": X}) * X), 14 * truth)


def test_too_many_steps_are_refused_before_they_are_taken():
    pattern = ",".join("abcdefgh"[k] + "i" for k in range(8)) + "->abcdefgh"
    with pytest.raises(LimitError, match="steps"):
        contraction(
            [(np.ones((12, 2)), at) for at in pattern.split("->")[0].split(",")], "abcdefgh"
        )


def test_products_of_many_factors_are_derived_at_once():
    assert str(derive("*".join(["a"] * 2000), "a", check=False)) == "2000*a^1999"
    found = derive("*".join(f"(a + {k})" for k in range(60)), "a", check=False)
    at = 0.01
    logs = sum(1 / (at + k) for k in range(60))
    value = np.prod([at + k for k in range(60)])
    assert np.isclose(found.evaluate({"a": at}), value * logs)


# Stacked matrices ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "wrt", "shapes"),
    [
        ("vec(X)'*vec(eye(n))", "X", {"X": "n,n"}),
        ("norm2(vec(X).*vec(eye(n)))^2", "X", {"X": "n,n"}),
        ("sum(vec(X).*vec(diag(x)))", "X", {"X": "n,n", "x": "n"}),
        ("sum(vec(X).*vec(diag(x)).^2)", "x", {"X": "n,n", "x": "n"}),
        ("norm2(vec(diag(x)) - vec(A))^2", "x", {"A": "n,n", "x": "n"}),
        ("vec(diag(A*x))'*vec(A)", "x", {"A": "n,n", "x": "n"}),
        ("tr(unvec(y,n,n))*sum(y)", "y", {"y": "n*n"}),
        ("vec(X.*eye(n))'*vec(X)", "X", {"X": "n,n"}),
        ("norm2(kron(diag(x),A))^2", "x", {"A": "m,m", "x": "n"}),
    ],
)
@pytest.mark.parametrize("order", [1, 2])
def test_a_stacked_diagonal_is_no_vector_of_ones(expr, wrt, shapes, order):
    assert_true(expr, wrt, shapes=shapes, order=order)


@pytest.mark.parametrize(
    ("expr", "shapes"),
    [
        ("(sum(X,2)'*sum(X,2))^2/(1 + sum(X,2)'*sum(X,2))", {"X": "m,n"}),
        ("tr(softmax(X,2) - X)", {"X": "n,n"}),
        ("bce_logits((X.*X)*ones(n),y)", {"X": "m,n", "y": "m"}),
        ("mean((var(X,axis=2) - mean(var(X,axis=2))).^2)", {"X": "m,n"}),
    ],
)
def test_the_vec_form_of_a_hessian_has_its_values(expr, shapes):
    found = assert_true(expr, "X", shapes=shapes, order=2)
    assert found.vec_text is not None
    for point in points(found.f, count=2):
        array = found.at(point.values, point.sizes)
        m, n = array.shape[:2]
        written = reader.value(found.vec_text, point.values, point.sizes)
        assert np.allclose(written, array.transpose(1, 0, 3, 2).reshape(m * n, m * n))
