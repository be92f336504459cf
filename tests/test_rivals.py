"""Questions that other tools answer wrongly, refuse, or answer unreadably: here each is right.

Group names: `silent` SymPy 1.14 gives a wrong answer without a word, `raising` it raises,
`unevaluated` it returns the question; `SP`, `MC`, `TG`, `L` are rows of a comparison with SymPy,
matrixcalculus.org, tensorgrad and of layouts. Truth: differences of the typed text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from truth import assert_close, assert_right, differences

import matderiv as md
from matderiv.doors.derive import derive

SQUARE = {"A": "n,n", "B": "n,n", "X": "n,n"}
SILENT = [
    ("tr(X) + 1", "X", "eye(n)"),
    ("tr(X'*X) - 3", "X", "2*X"),
    ("tr(A'*A) + tr(B'*B)", "A", "2*A"),
    ("tr(A) + tr(A^2)", "A", "eye(n) + 2*A'"),
    ("tr(A*X*B) + t*tr(X)", "X", "A'*B' + t*eye(n)"),
    ("log(det(X))", "X", "inv(X)'"),
    ("logdet(X)", "X", "inv(X)'"),
    ("x'*A*x", "x", "(A + A')*x"),
    ("exp(y'*x)", "x", "exp(y'*x)*y"),
    ("log(x'*x)", "x", "2*x/(x'*x)"),
    ("sum(exp(x))", "x", "exp(x)"),
    ("log(sum(exp(x)))", "x", "softmax(x)"),
    ("tr(X^3)", "X", "3*(X^2)'"),
    ("tr(X)/tr(X*A)", "X", "eye(n)/tr(X*A) - tr(X)*A'/tr(X*A)^2"),
]
RAISING = [
    ("sqrt(x'*x)", "x", "x/sqrt(x'*x)"),
    ("norm2(X)", "X", "X/norm2(X)"),
    ("sum(exp(x))", "x", "exp(x)"),
    ("diag(x)*y", "x", "diag(y)"),
    ("tr(diag(x)*A)", "x", "diag(A)"),
    ("(t*A)*(t*A)", "t", "2*t*A^2"),
    ("(t*A)^2", "t", "2*t*A^2"),
    ("sum(log(1 + exp(-y.*(X*w))))", "w", "-X'*(y.*sigmoid(-y.*(X*w)))"),
]
UNEVALUATED = [
    ("det(X)", "X", "det(X)*inv(X)'"),
    ("det(A*X*B)", "X", "det(A*X*B)*inv(X)'"),
    ("det(X'*A*X)", "X", "2*det(X'*A*X)*inv(X)'"),
]
SHAPES = {**SQUARE, "x": "n", "y": "n", "t": ""}


def shapes_of(expr: str) -> dict[str, str]:
    """The shapes of the questions; the logistic loss has its own."""
    return {"X": "n,d", "w": "d", "y": "n"} if "X*w" in expr else SHAPES


@pytest.mark.parametrize(("expr", "wrt", "form"), SILENT + RAISING + UNEVALUATED)
def test_where_sympy_is_wrong_raises_or_returns_the_question(
    expr: str, wrt: str, form: str
) -> None:
    assert_right(expr, wrt, form=form, shapes=shapes_of(expr))


def test_a_kronecker_product_by_a_factor() -> None:
    found = assert_right("kron(A,B)", "A", shapes={"A": "2,3", "B": "4,5"})
    assert len(found.shape) == 4
    by_trace = assert_right("tr(kron(A,B))", "A", shapes={"A": "n,n", "B": "m,m"})
    assert str(by_trace) == "tr(B)*eye(n)"


def test_a_matrix_plus_an_explicit_identity() -> None:
    assert_right("logdet(A + eye(3))", "A", form="inv(A + eye(3))'", shapes={"A": "3,3"})


def entry(text: str) -> str:
    """X[i,j] of a 3 × 3 matrix in the language: unit vectors around it."""
    first, second = text
    return f"e{first}'*X*e{second}"


@pytest.mark.parametrize(("i", "j"), [("1", "2"), ("1", "1"), ("3", "1")])
def test_an_entry_of_a_matrix_by_the_matrix(i: str, j: str) -> None:
    shapes = {"X": "n,n", f"e{i}": "n", f"e{j}": "n"}
    found = assert_right(entry(i + j), "X", shapes=shapes)
    rng = np.random.default_rng(1)
    values = {"X": rng.standard_normal((3, 3)), f"e{i}": np.eye(3)[int(i) - 1]}
    values[f"e{j}"] = np.eye(3)[int(j) - 1]
    truth = np.zeros((3, 3))
    truth[int(i) - 1, int(j) - 1] = 1
    assert_close(found.evaluate(values), truth, str(found), 1e-12)


# The same questions asked of SymPy objects -------------------------------------------------------

N = sp.symbols("n", integer=True, positive=True)
X, A, B = (sp.MatrixSymbol(name, N, N) for name in "XAB")
x, y = (sp.MatrixSymbol(name, N, 1) for name in "xy")
ONE = sp.OneMatrix(N, 1)
t = sp.Symbol("t")
ASKED: list[tuple[Any, Any, str]] = [
    (sp.log(sp.Determinant(X)), X, "inv(X)'"),
    (sp.Determinant(X) ** 2, X, "2*det(X)^2*inv(X)'"),
    (sp.log(sp.Determinant(X.I)), X, "-inv(X)'"),
    (sp.Trace(X) + 1, X, "eye(n)"),
    (sp.Trace(X) + sp.Trace(X**2), X, "eye(n) + 2*X'"),
    (sp.log(sp.Trace(X)), X, "eye(n)/tr(X)"),
    (sp.exp(sp.Trace(A * X)), X, "exp(tr(A*X))*A'"),
    (sp.Trace(X) * sp.Determinant(X), X, "det(X)*(eye(n) + tr(X)*inv(X)')"),
    (sp.log((ONE.T * x.applyfunc(sp.exp))[0, 0]), x, "softmax(x)"),
    (sp.Trace(X.applyfunc(sp.sin)), X, "diag(cos(diag(X)))"),
    (sp.Trace((X * X.T) ** 2), X, "4*X*X'*X"),
    (sp.Trace((A * X) ** 2), X, "2*A'*X'*A'"),
    (sp.Trace(A * sp.DiagMatrix(x)), x, "diag(A)"),
    (ONE.T * sp.HadamardProduct(y, x), y, "x"),
    ((x.T * x) ** 2, x, "4*x'*x*x"),
    (ONE.T * x.applyfunc(sp.Abs), x, "sign(x)"),
    (sp.exp((y.T * x)[0, 0]), x, "exp(y'*x)*y"),
    (sp.sqrt((x.T * x)[0, 0]), x, "x/sqrt(sum(x.^2))"),
    (sp.Trace(X) / sp.Trace(X * A), X, "eye(n)/tr(X*A) - tr(X)*A'/tr(X*A)^2"),
    (sp.Determinant(A * X * B), X, "det(A*X*B)*inv(X)'"),
    (sp.Determinant(X) * sp.Determinant(X.T), X, "2*det(X)^2*inv(X)'"),
    (sp.log(sp.Determinant(X.T)), X, "inv(X)'"),
]


@pytest.mark.parametrize(("f", "wrt", "form"), ASKED, ids=lambda v: str(v)[:40])
def test_the_same_in_sympy(f: Any, wrt: Any, form: str) -> None:
    found = md.derive(f, wrt)
    assert found.check().verdict == "verified", str(found)
    again = assert_right(str(found.source), wrt.name, form=form, shapes=SHAPES)
    assert again.displayed.weight >= found.displayed.weight


@pytest.mark.parametrize("k", [2, 3, 5])
def test_an_explicit_entry_in_sympy(k: int) -> None:
    M = sp.MatrixSymbol("M", k, k)
    found = md.derive(M[0, 1], M).evaluate({"M": np.arange(k * k, dtype=float).reshape(k, k)})
    truth = np.zeros((k, k))
    truth[0, 1] = 1
    assert_close(found, truth, "M[0,1]", 1e-12)
    product = md.derive(M[0, 0] * M[1, 1], M)
    values = np.arange(k * k, dtype=float).reshape(k, k) + 1
    truth = differences(lambda m: m[0, 0] * m[1, 1], values)
    assert_close(product.evaluate({"M": values}), truth, "M[0,0] M[1,1]", 1e-8)


# Rows of the comparison --------------------------------------------------------------------------

DATA = {"X": "n,d", "w": "d", "y": "n"}
LAYER = {"W": "m,n", "x": "n", "b": "m", "v": "m"}
Row = tuple[str, str, str, dict[str, str], dict[str, Any]]
ROWS: list[tuple[str, Row]] = [
    ("SP15", ("tr(A*diag(x))", "x", "diag(A)", SHAPES, {})),
    ("SP16", ("ones(n)'*(w.*x)", "w", "x", {"w": "n", "x": "n"}, {})),
    ("SP17", ("w.*(1./x)", "x", "-diag(w./x.^2)", {"w": "n", "x": "n"}, {})),
    ("SP18a", ("x*(x'*x)^(-1/2)", "x", "", {"x": "n"}, {})),
    ("SP18b", ("(x'*x)^2", "x", "4*x'*x*x", {"x": "n"}, {})),
    (
        "SP19",
        (
            "sum(log(1 + exp(-X*w)))",
            "w",
            "X'*diag(sigmoid(-X*w).*(1 - sigmoid(-X*w)))*X",
            DATA,
            {"order": 2},
        ),
    ),
    ("SP20", ("v'*relu(W*x + b)", "x", "W'*(v.*step(W*x + b))", LAYER, {})),
    ("SP22", ("v'*W*x", "W", "v*x'", LAYER, {})),
    (
        "SP23",
        ("(D*x - z)'*(D*x - z)", "D", "2*(D*x - z)*x'", {"D": "m,n", "x": "n", "z": "m"}, {}),
    ),
    ("SP24", ("softmax(x)", "x", "diag(softmax(x)) - softmax(x)*softmax(x)'", {"x": "n"}, {})),
    (
        "SP24 written out",
        ("exp(x)/sum(exp(x))", "x", "diag(softmax(x)) - softmax(x)*softmax(x)'", {"x": "n"}, {}),
    ),
    ("SP25", ("sum(abs(x))", "x", "sign(x)", {"x": "n"}, {})),
    ("SP26", ("x'*S*x", "x", "2*S*x", {"S": "n,n"}, {"assume": {"S": "symmetric"}})),
    (
        "MC2",
        (
            "(w'*r - f)/(w'*C*w)^0.5",
            "w",
            "",
            {"w": "n", "r": "n", "C": "n,n", "f": ""},
            {"assume": {"C": "symmetric posdef"}},
        ),
    ),
    (
        "MC3",
        (
            "tr(A*inv(X))",
            "X",
            "-inv(X)*A*inv(X)",
            SQUARE,
            {"assume": {"A": "symmetric", "X": "symmetric"}},
        ),
    ),
    (
        "MC4",
        (
            "y'*log(X*exp(q)/sum(exp(q))) - 1/18*q'*q",
            "q",
            "",
            {"y": "n", "X": "n,d", "q": "d"},
            {"assume": {"X": "positive"}},
        ),
    ),
    ("MC5", ("sum(relu(x))", "x", "step(x)", {"x": "n"}, {})),
    (
        "MC6",
        (
            "norm2(v*(p - B*inv(B'*v'*v*B)*B'*v'*(v*p - w)) - w)^2",
            "B",
            "",
            {"v": "m,n", "p": "n", "B": "n,k", "w": "m"},
            {},
        ),
    ),
    (
        "MC good",
        (
            "(1 - l/norm2(p - q))*(p - q)",
            "p",
            "l/norm2(p - q)^3*(p - q)*(p - q)' + (1 - l/norm2(p - q))*eye(n)",
            {"l": "", "p": "n", "q": "n"},
            {},
        ),
    ),
    ("MC doc 1", ("0.5*x'*A*x", "x", "0.5*(A + A')*x", SHAPES, {})),
    ("MC doc 2", ("A*exp(x)", "x", "A*diag(exp(x))", {"A": "m,n", "x": "n"}, {})),
    ("MC doc 3", ("(y.*v)'*x", "y", "v.*x", {"y": "n", "v": "n", "x": "n"}, {})),
    ("MC doc 4", ("a^b", "b", "a^b*log(a)", {}, {})),
    ("MC doc 5", ("norm1(A*x - y)", "x", "A'*sign(A*x - y)", {"A": "m,n", "y": "m"}, {})),
    ("MC doc 6", ("norm2(A*x - y)^2", "A", "2*(A*x - y)*x'", {"A": "m,n", "y": "m"}, {})),
    (
        "MC doc 7",
        (
            "sum(log(exp(-y.*(X*w)) + vector(1)))",
            "w",
            "-X'*(y.*sigmoid(-y.*(X*w)))",
            DATA,
            {},
        ),
    ),
    ("MC doc 8", ("tr(A*X'*B*X*C)", "X", "B*X*C*A + B'*X*A'*C'", {}, {})),
    ("MC doc 9", ("log(det(inv(X)))", "X", "-inv(X)'", {}, {})),
    (
        "MC front",
        ("x'*A*x + c*sin(y)'*x", "x", "2*A*x + c*sin(y)", {}, {"assume": {"A": "symmetric"}}),
    ),
    ("TG1", ("x'*A*x", "x", "A + A'", {}, {"order": 2})),
    ("TG2", ("x'*S*x", "S", "x*x'", {"S": "n,n"}, {})),
    ("TG3", ("norm2(D*w - t)^2", "w", "2*D'*(D*w - t)", {"D": "m,n", "w": "n", "t": "m"}, {})),
    ("TG4", ("-y'*log(softmax(z))", "z", "sum(y)*softmax(z) - y", {}, {})),
    (
        "TG4 twice",
        (
            "-y'*log(softmax(z))",
            "z",
            "sum(y)*(diag(softmax(z)) - softmax(z)*softmax(z)')",
            {},
            {"order": 2},
        ),
    ),
    (
        "TG7",
        (
            "sum(log(1 + exp(-t.*(D*w))))",
            "w",
            "-D'*(t.*sigmoid(-t.*(D*w)))",
            {"D": "n,d", "w": "d", "t": "n"},
            {},
        ),
    ),
    ("TG8", ("norm2(T - U*V')^2", "U", "2*(U*V' - T)*V", {"T": "m,n", "U": "m,k", "V": "n,k"}, {})),
    ("TG9", ("log(det(X))", "X", "inv(X)'", {}, {})),
    ("DM1", ("norm2(A*x)", "x", "A'*A*x/norm2(A*x)", {"A": "m,n"}, {})),
    ("DM2", ("sum((x.*y).^2)", "x", "2*(x.*y.^2)", {}, {})),
    ("DM3", ("(x'*A*x)^2", "x", "2*x'*A*x*(A + A')*x", {}, {})),
    ("DM4", ("abs(x)", "x", "diag(sign(x))", {}, {})),
    ("DM5", ("sum(A)", "A", "ones(m,n)", {"A": "m,n"}, {})),
    ("DM6", ("tr(A)", "A", "eye(n)", {"A": "n,n"}, {})),
    (
        "DM7",
        (
            "tr(diag(x)*A*diag(y)*B)",
            "x",
            "diag(A*diag(y)*B)",
            {"A": "n,m", "B": "m,n", "x": "n", "y": "m"},
            {},
        ),
    ),
]


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=[name for name, _ in ROWS])
def test_rows_of_the_comparison(row: Row) -> None:
    expr, wrt, form, shapes, options = row
    assert_right(expr, wrt, form=form, shapes=shapes, **options)


FOUR_AXES = [
    ("SP21", "W*x", "W", {"W": "m,n", "x": "n"}),
    ("SP15", "diag(x)", "x", {"x": "n"}),
    ("MC1a", "A + B", "A", {"A": "m,n", "B": "m,n"}),
    ("MC1b", "eye(n) - 1/2*P*P", "P", {"P": "n,n"}),
    ("TG5", "inv(X)", "X", {"X": "n,n"}),
]


@pytest.mark.parametrize(("row", "expr", "wrt", "shapes"), FOUR_AXES)
def test_three_and_four_axes_are_answered_in_index_and_vec_form(
    row: str, expr: str, wrt: str, shapes: dict[str, str]
) -> None:
    found = assert_right(expr, wrt, shapes=shapes)
    assert not found.has_matrix_form, row
    assert found.index.startswith("∂f_"), row
    if row != "SP15":
        assert found.vec_text, row


def test_columns_of_different_length_are_refused() -> None:
    n, m = sp.symbols("n m", integer=True, positive=True)
    u, v = sp.MatrixSymbol("u", n, 1), sp.MatrixSymbol("v", m, 1)
    with pytest.raises((md.ShapeError, sp.matrices.exceptions.ShapeError, ValueError)):
        md.derive(u.T * v, u)
    with pytest.raises(md.ShapeError):
        derive("u'*v", "u", shapes={"u": "n", "v": "m"})


def test_one_input_in_four_layouts() -> None:
    shapes = {"A": "m,n", "y": "m"}
    linear = {layout: str(derive("A*x", "x", shapes=shapes, layout=layout)) for layout in LAYOUTS}
    assert linear == {"gradient": "A", "mixed": "A", "numerator": "A", "denominator": "A'"}
    scalar = {
        layout: str(derive("y'*A*x", "x", shapes=shapes, layout=layout)) for layout in LAYOUTS
    }
    assert scalar["gradient"] == scalar["mixed"] == scalar["denominator"] == "A'*y"
    assert scalar["numerator"] == "y'*A"


LAYOUTS = ("gradient", "mixed", "numerator", "denominator")
