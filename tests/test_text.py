"""The text language: what is read, what is guessed, and that printing reads back."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest
from expressions import SHAPES, expressions, smooth_expressions
from hypothesis import HealthCheck, given, settings

import matderiv as md
from matderiv.errors import LimitError, ParseError, ShapeError, UnknownName, UnknownSize
from matderiv.expr import Expr, apply, number, variable, walk
from matderiv.input.resolve import read
from matderiv.input.text import parse
from matderiv.language.declare import declarations, guessed_axes
from matderiv.language.printer import number_text, text
from matderiv.numeric.evaluate import evaluate
from matderiv.shapes import Dim, shape_text

EASY = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

GRAMMAR = [
    ("a + b - c", "a + b - c"),
    ("a-(b-c)", "a - (b - c)"),
    ("(a + b) + c", "(a + b) + c"),
    ("a - -b", "a - -b"),
    ("- -a", "--a"),
    ("+a", "a"),
    ("-a*b", "-a*b"),
    ("-(a*b)", "-(a*b)"),
    ("a*-b", "a*(-b)"),
    ("-a^2", "-a^2"),
    ("(-a)^2", "(-a)^2"),
    ("a^-2", "a^-2"),
    ("a**2", "a^2"),
    ("a^(b+1)", "a^(b + 1)"),
    ("a^b^c", "(a^b)^c"),
    ("a^(b^c)", "a^(b^c)"),
    ("a/b/c", "a/b/c"),
    ("a/(b/c)", "a/(b/c)"),
    ("a*b/c*d", "a*b/c*d"),
    ("2/a*X'*y", "2/a*X'*y"),
    ("X'*(X*w - y)", "X'*(X*w - y)"),
    ("A*(B*C)", "A*(B*C)"),
    ("(A*B)*C", "(A*B)*C"),
    ("x.*y.*z", "x.*y.*z"),
    ("x.*(y.*z)", "x.*(y.*z)"),
    ("x./y.*z", "x./y.*z"),
    ("1./x", "1./x"),
    ("x.^-2", "x.^-2"),
    ("x.^2.^3", "(x.^2).^3"),
    ("2.^x", "2.^x"),
    ("A'^2", "A'^2"),
    ("(A^2)'", "(A^2)'"),
    ("A^-1'", "(A^-1)'"),
    ("A*x'", "A*x'"),
    ("x''", "x"),
    ("x'''", "x'"),
    ("(x')'", "x"),
    ("A.T", "A'"),
    ("A^T", "A'"),
    ("A^-T", "(A^-1)'"),
    ("Aᵀ", "A'"),
    ("A⁻¹", "A^-1"),
    ("a²", "a^2"),
    ("A\\b", "solve(A,b)"),
    ("A@B", "A*B"),
    ("A·B", "A*B"),
    ("x⊙y", "x.*y"),
    ("A⊗B", "kron(A,B)"),
    ("x − y", "x - y"),
    ("√a + √(b^2)", "sqrt(a) + sqrt(b^2)"),
    ("|x|-|y|", "abs(x) - abs(y)"),
    ("||x - y||^2", "norm2(x - y)^2"),
    ("‖x‖", "norm2(x)"),
    ("||x||_1 + ||x||_2^2", "norm1(x) + norm2(x)^2"),
    ("|(|x| - y)|", "abs(abs(x) - y)"),
    ("2x", "2*x"),
    ("-2x'*y", "-2*x'*y"),
    ("2(a + b)", "2*(a + b)"),
    ("(z>0).*z", "(z>0).*z"),
    ("where(z > 0, z, 0)", "where(z>0,z,0)"),
    ("where((z > 0) >= 1, z, 0)", "where((z>0)>=1,z,0)"),
    ("max(0, z) + max(z)", "max(0,z) + max(z)"),
    ("maximum(x, y)", "max(x,y)"),
    ("max(X, axis=2)", "max(X, axis=2)"),
    ("sum(X,1) + sum(X, axis=1)", "sum(X,1) + sum(X,1)"),
    ("softmax(X,2)", "softmax(X, axis=2)"),
    ("softmax(x)", "softmax(x)"),
    ("eye(n) + A", "eye(n) + A"),
    ("zeros(n,d) + ones(n,2*d)*M", "zeros(n,d) + ones(n,2*d)*M"),
    ("vector(1)'*x", "vector(1)'*x"),
    ("leaky_relu(x)", "leaky_relu(x,0.01)"),
    ("layernorm(X)", "layernorm(X,1e-5)"),
    ("unvec(x, 2, 3)", "unvec(x,2,3)"),
    ('einsum("ij,jk->ik", A, B)', 'einsum("ij,jk->ik",A,B)'),
    ("einsum('ij, jk', A, B)", 'einsum("ij,jk->ik",A,B)'),
    ("permute(A, 2, 1)", "permute(A,2,1)"),
    ("heaviside(x) + asin(a) + norm(x)", "step(x) + arcsin(a) + norm2(x)"),
    ("σ(μ)*σ", "sigmoid(mu)*sigma"),
    ("x₁ + x₁₂", "x_1 + x_12"),
    ("ŷ - y", "y_hat - y"),
    ("‖Aθ̂ - x̄₁‖ + aẋᵀx⃗", "norm2(A*theta_hat - x_bar_1) + a*x_dot'*x"),
    ("0.5 × 2", "0.5*2"),
    ("2*pi", "2*pi"),
    ("0.10 + 1e-5 + .5 + 1e3", "0.1 + 1e-5 + 0.5 + 1000"),
    ("a # a comment\n + b % another", "a + b"),
    ("relu(z) where z = W*x + u; h = 2", "relu(z) where z = W*x + u; h = 2"),
]


@pytest.mark.parametrize(("typed", "canonical"), GRAMMAR)
def test_what_is_typed_is_read_and_printed(typed: str, canonical: str) -> None:
    reading = read(typed)
    assert reading.read_as == canonical
    assert read(canonical).expr is reading.expr


@pytest.mark.parametrize("f", ["σ", "tanh", "relu", "softplus", "log", "gelu"])
def test_a_prime_behind_a_function_is_its_slope(f: str) -> None:
    x, step = np.array([0.3, 1.7]), 1e-6
    value, slope = read(f"{f}(x)").expr, read(f"{f}'(x)").expr
    above, below = (evaluate(value, {"x": x + s}, {"n": 2}) for s in (step, -step))
    found = evaluate(slope, {"x": x}, {"n": 2})
    np.testing.assert_allclose(found, (above - below) / (2 * step), rtol=1e-7)


def test_a_prime_behind_a_declared_name_is_a_transpose() -> None:
    assert read("σ'(x)", shapes={"σ": "n"}).read_as == read("σ'*x").read_as == "sigma'*x"


def test_chains_are_one_node_and_brackets_make_their_own() -> None:
    chain, nested = read("a + b - c").expr, read("(a + b) - c").expr
    assert [n.function.name for n in chain.args] == ["variable", "variable", "neg"]
    assert [n.function.name for n in nested.args] == ["add", "neg"]
    assert len(read("A*B*C").expr.args) == 3
    assert read("2/n*X'*y", shapes={"X": "n,d"}).expr.args[0].function.name == "div"


def test_t_is_a_transpose_unless_declared() -> None:
    assert read("A^T").read_as == "A'"
    assert read("a^T", shapes={"T": ""}).expr.function.name == "power"
    assert read("a^T where T = 2").read_as == "a^T where T = 2"


# Kinds and sizes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        *[("a", 0), ("g", 0), ("h", 1), ("z", 1), ("A", 2), ("Z", 2), ("theta", 0), ("mu", 0)],
        *[("Sigma", 2), ("theta_1", 0), ("lambda2", 0), ("mult", 1), ("X1", 2), ("nu", 0)],
    ],
)
def test_letter_rule(name: str, axes: int) -> None:
    assert guessed_axes(name) == axes


def shapes_of(typed: str, **declared: str) -> dict[str, str]:
    reading = read(typed, shapes=declared)
    return {name: shape_text(e.shape) for name, e in reading.variables.items()}


def test_sizes_are_inferred_and_named_in_order() -> None:
    assert shapes_of("A*x") == {"A": "m × n", "x": "n"}
    assert shapes_of("x'*A*y") == {"x": "m", "A": "m × n", "y": "n"}
    assert shapes_of("norm2(x - y)") == {"x": "n", "y": "n"}
    assert shapes_of("A*B*C") == {"A": "m × n", "B": "n × p", "C": "p × q"}
    assert shapes_of("X'*y", X="n,d") == {"X": "n × d", "y": "n"}
    assert shapes_of("W*X", X="n,d") == {"W": "m × n", "X": "n × d"}
    assert shapes_of("tr(A)") == {"A": "n × n"}
    assert shapes_of("cross(x,y)") == {"x": "3", "y": "3"}
    assert shapes_of("unvec(x,2,n)*y", y="n") == {"x": "2*n", "y": "n"}
    assert shapes_of("kron(A,B)*x") == {"A": "m × n", "B": "p × q", "x": "n*q"}
    assert shapes_of("n'*x + sum(m)") == {"n": "p", "x": "p", "m": "q"}


def test_a_size_that_becomes_one_changes_the_rules_again() -> None:
    assert shapes_of("A*X + y", X="n,1", y="m") == {"A": "m × n", "X": "n × 1", "y": "m"}
    assert shapes_of("sum(A + r)", A="1,1") == {"A": "1 × 1", "r": "n"}


def test_declared_sizes_are_numbers_and_undeclared_ones_may_be_sizes() -> None:
    assert read("sum(x)/n", shapes={"x": "n"}).read_as == "sum(x)/n"
    assert shapes_of("A + eye(k)") == {"A": "k × k"}
    reading = read("sum(x)/n", shapes={"x": "n", "n": ""})
    assert reading.expr.args[1] is variable("n")


def test_constants_take_the_size_of_their_neighbour() -> None:
    expr = read("X*vector(1) + vector(2)", shapes={"X": "n,d"}).expr
    assert [shape_text(node.shape) for node in expr.args] == ["n", "n"]
    with pytest.raises(ShapeError, match="nothing says how large"):
        read("sum(vector(1))")


def test_an_answer_with_a_constant_of_unknown_size_is_not_read() -> None:
    with pytest.raises(UnknownSize, match="nothing says how large"):
        md.verify("x'*x", "x", "tr(I)*x", shapes={"x": "n"})
    line = md.verify_steps("f = x'*x\n∇f = tr(I)*x", wrt="x").lines[1]
    assert (line.verdict, "nothing says how large" in line.message) == ("undecided", True)


def test_facts_go_into_the_variable_and_make_matrices_square() -> None:
    reading = read("x'*A*x", assume={"A": "symmetric, posdef", "x": ["positive"]})
    assert reading.variables["A"].params[2] == {"symmetric", "posdef"}
    assert shape_text(reading.variables["A"].shape) == "n × n"
    assert reading.variables["x"].params[2] == {"positive"}


def test_declared_names_need_not_occur() -> None:
    reading = read("sum(x)", shapes={"x": "n", "G": "n,k"})
    assert shape_text(reading.variables["G"].shape) == "n × k"
    assert reading.sizes == {"n", "k"}


def test_shapes_in_other_spellings() -> None:
    for spelled in ("n,d", "n × d", "n x d", "(n, d)", ("n", "d"), ["n", "d"]):
        assert shape_text(read("X", shapes={"X": spelled}).expr.shape) == "n × d"
    assert read("x", shapes={"x": 3}).expr.shape == (3,)
    assert read("μ", shapes={"μ": "n"}).expr is variable("mu", (Dim(("n",)),))
    assert declarations(["X: n,d", "y: n; b:"]) == {"X": "n,d", "y": "n", "b": ""}


# Notes -------------------------------------------------------------------------------------------

NOTES = [
    ("A*x - b", "taking A as a matrix m × n"),
    ("A*x - b", "taking x as a vector of size n"),
    ("A*x - b", "taking b as a vector of size m"),
    ("X*b", "taking b as a vector of size n"),
    ("A\\b", "taking b as a vector of size n"),
    ("2x", "2x read as 2*x"),
    ("x2 + x", "taking x2 as a vector of size n (one name; x^2 is a power)"),
    ("x + y'", "x + y' combines a column and a row: the result is m × n"),
    ("max(X,2)", "max(..., 2) compares with 2; along an axis: max(X, axis=2)"),
]


@pytest.mark.parametrize(("typed", "note"), NOTES)
def test_guesses_are_said(typed: str, note: str) -> None:
    assert note in read(typed).notes


def test_nothing_is_said_when_nothing_is_guessed() -> None:
    assert read("A*x - b", shapes={"A": "m,n", "x": "n", "b": "m"}).notes == ()
    assert read("a*x", shapes={"x": "n"}).notes == ("taking a as a scalar",)
    assert not any("power" in note for note in read("x1 + x2").notes)


# Further texts -----------------------------------------------------------------------------------


def test_further_texts_share_the_names() -> None:
    reading = read("sum((A*x - y).^2)")
    answer = reading.read_more("2*A'*(A*x - y)", "the answer")
    assert shape_text(answer.shape) == "n"
    assert reading.read_more("x", "the variable") is reading.variables["x"]
    assert shape_text(reading.read_more("A'*vector(1)").shape) == "n"
    expected = reading.variables["x"].shape
    assert reading.read_more("vector(1)", expected=expected).shape == expected
    extra = {"G": variable("G", (Dim(("m",)),))}
    assert reading.read_more("A'*G", extra=extra).shape == expected


def test_further_texts_may_use_and_repeat_named_parts() -> None:
    reading = read("sum(h) where z = W*x; h = relu(z)")
    assert reading.read_more("W'*(z>0)") is reading.read_more("W'*(q>0) where q = W*x")
    assert reading.read_more("W'*step(z) where z = W*x") is reading.read_more("W'*step(W*x)")
    assert reading.expr is read("sum(relu(W*x))").expr


def test_a_name_the_expression_does_not_have_is_an_error() -> None:
    reading = read("sum(A*x)")
    with pytest.raises(UnknownName, match="the answer has the name y") as caught:
        reading.read_more("A'*y", "the answer")
    assert caught.value.span == (3, 4)
    with pytest.raises(UnknownName, match="size"):
        reading.read_more("ones(r)", "the answer")


# Printing ----------------------------------------------------------------------------------------


@EASY
@given(expressions(max_leaves=10))
def test_printing_reads_back_as_the_same_expression(expr: Expr) -> None:
    assert read(text(expr), shapes=SHAPES).expr is expr


@EASY
@given(smooth_expressions())
def test_printing_smooth_expressions_reads_back(expr: Expr) -> None:
    assert read(text(expr), shapes=SHAPES).expr is expr


@pytest.mark.parametrize(
    "value", ["0", "7", "-3", "1/3", "-2/7", "1/2", "1e-5", "0.00012", "12.5", "1e40", "1/1024"]
)
def test_numbers_print_exactly(value: str) -> None:
    exact = Fraction(value)
    assert Fraction(number_text(exact)) == exact
    if exact >= 0 and "/" not in number_text(exact):
        assert read(number_text(exact)).expr is number(exact)


def test_negative_and_broken_numbers_keep_their_brackets() -> None:
    x, third = variable("x", (Dim(("n",)),)), apply("number", params=(number(1).params[0] / 3,))
    assert text(apply("power", number(-2), 2)) == "(-2)^2"
    assert text(apply("epow", x, third)) == "x.^(1/3)"
    assert text(apply("mul", third, x)) == "1/3*x"
    assert text(apply("mul", x.T, x, third)) == "x'*x*(1/3)"
    assert text(x - apply("mul", number(-2), x)) == "x - -2*x"
    assert text(apply("add", x, apply("mul", number(-2), x))) == "x - 2*x"
    assert text(apply("epow", x, number(-2))) == "x.^-2"


def test_parts_are_printed_after_where() -> None:
    z = variable("z", (Dim(("n",)),))
    assert text(apply("relu", z), [("z", -z), ("q", z)]) == "relu(z) where z = -z; q = z"


def test_deep_expressions_print_and_walk_without_recursion() -> None:
    x = variable("x", (Dim(("n",)),))
    deep, tall, wide = x, x, x
    for _ in range(10_000):
        deep, tall, wide = apply("sin", deep), x - tall, apply("ediv", wide, x)
    started = time.process_time()
    assert text(deep).count("sin") == 10_000
    assert text(tall).count("(") == 9_999
    assert text(wide) == "x" + "./x" * 10_000
    assert sum(1 for _ in walk(deep)) == 10_001
    assert time.process_time() - started < 5


def test_an_expression_that_would_print_endlessly_is_refused() -> None:
    x = variable("x")
    for _ in range(60):
        x = x + x
    with pytest.raises(LimitError, match="symbols"):
        text(x)


@pytest.mark.parametrize("operator", ["+", "-", "*", ".*", "/", "./"])
def test_long_chains_are_read_in_linear_time(operator: str) -> None:
    typed = operator.join(["a"] * 1_900)
    started = time.process_time()
    assert read(typed).read_as.replace(" ", "") == typed
    assert time.process_time() - started < 5


def test_long_postfix_chains_are_read_without_recursion() -> None:
    typed = "a" + ".^2" * 4_000
    assert sum(1 for _ in walk(read(typed).expr)) == 4_002


def test_named_parts_that_double_are_read_as_a_graph() -> None:
    parts = "; ".join(f"z{k + 1} = z{k} + z{k}" for k in range(40))
    reading = read(f"sum(z40) where z0 = x; {parts}")
    assert sum(1 for _ in walk(reading.expr)) == 42
    assert reading.read_as.count("where") == 1


def test_one_hundred_brackets_are_enough_for_anybody() -> None:
    typed = "sin(" * 100 + "x" + ")" * 100
    assert parse(typed)
    with pytest.raises(LimitError, match="101 deep, the limit is 100"):
        read("(" + typed + ")")
    assert read("(" * 100 + "x" + ")" * 100).read_as == "x"


def test_declaring_a_constant_is_an_error() -> None:
    with pytest.raises(ParseError, match="fixed meaning"):
        read("pi", shapes={"pi": "n"})


# The name of the whole ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "wrt", "meant"),
    [
        ("f(x) = x^3 + 2x", "x", "x^3 + 2*x"),
        ("RSS(b) = norm2(y - X*b)^2", "b", "norm2(y - X*b)^2"),
        ("L = x'Ax", "x", "x'*A*x"),
        ("f(w, c) := norm2(X*w + c)^2", "w", "norm2(X*w + c)^2"),
        ("h = z*z where z = x'*x", "x", "z*z where z = x'*x"),
    ],
)
def test_a_name_in_front_of_the_formula_is_left_out(typed: str, wrt: str, meant: str) -> None:
    assert str(md.derive(typed, wrt)) == str(md.derive(meant, wrt))


@pytest.mark.parametrize(
    ("typed", "wrt"),
    [
        ("x = 3*y", "x"),
        ("f(x) = f(x)^2", "x"),
        ("X*w = y", "w"),
        ("sum(x) = y", "x"),
        ("f(x) = x'*x = y", "x"),
        ("f == x", "x"),
    ],
)
def test_an_equation_is_no_formula(typed: str, wrt: str) -> None:
    with pytest.raises(md.MatderivError):
        md.derive(typed, wrt)


def test_a_mistake_behind_the_name_is_shown_in_the_text_as_typed() -> None:
    with pytest.raises(md.ParseError) as error:
        md.derive("f(x) = x^2 +", "x")
    assert "  f(x) = x^2 +\n              ^" in str(error.value)


@pytest.mark.parametrize("text", ["w'11'w", "w^T11^Tw", "w'*11'*w", r"w^\top 11^\top w"])
def test_eleven_that_is_transposed_is_a_matrix_of_ones(text: str) -> None:
    w = np.array([1.0, -2.0, 4.0])
    assert np.allclose(md.derive(text, "w").evaluate({"w": w}), 2 * w.sum() * np.ones(3))


def test_no_name_begins_with_a_digit() -> None:
    with pytest.raises(md.MatderivError):
        md.derive("w^T2w", "w")


@pytest.mark.parametrize(
    ("typed", "same"),
    [
        ("nuclear(X)", "norm_nuc(X)"),
        ("norm(X,'nuc')", "norm_nuc(X)"),
        ("frobenius(X)^2", "norm2(X)^2"),
        ("fro(X)", "norm2(X)"),
    ],
)
def test_norms_go_by_the_names_that_people_give_them(typed: str, same: str) -> None:
    assert str(md.derive(typed, "X")) == str(md.derive(same, "X"))


def test_the_logarithm_of_bars_around_a_matrix_is_that_of_a_determinant() -> None:
    same = md.derive("logdet(S)/2 + x'*inv(S)*x/2", "S")
    assert md.verify("log(|S|)/2 + x'inv(S)x/2", "S", str(same)).correct
    assert str(md.derive("sum(log(|X|))", "X", shapes={"X": "m,n"})) == "1./X"


def test_a_colon_is_told_the_product_of_frobenius() -> None:
    with pytest.raises(ParseError) as caught:
        md.derive("A:B", "A")
    assert "sum(A.*B)" in str(caught.value)
