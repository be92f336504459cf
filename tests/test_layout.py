"""Layouts, vec, Kronecker and commutation: every identity holds in numbers.

vec stacks columns, so row (j, i) and column (l, k) of ∂vec(F)/∂vec(X)' hold ∂F_ij/∂X_kl.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reader
from truth import assert_close, differences, numeric, numeric_hessian, places

from matderiv.doors.derive import derive
from matderiv.doors.verify import verify

CHAIN = {"A": "m,n", "X": "n,d", "B": "d,k"}
VECS: list[tuple[str, str, dict[str, str], str]] = [
    ("A*X*B", "X", CHAIN, "kron(B',A)"),
    ("A*X", "X", {"A": "m,n", "X": "n,d"}, "kron(eye(d),A)"),
    ("X*B", "X", {"X": "n,d", "B": "d,k"}, "kron(B',eye(n))"),
    ("X", "X", {"X": "m,n"}, "eye(m*n)"),
    ("X'", "X", {"X": "m,n"}, "commutation(m,n)"),
    ("A*X'*B", "X", {"A": "m,n", "X": "d,n", "B": "d,k"}, "kron(B',A)*commutation(d,n)"),
    ("inv(X)", "X", {"X": "n,n"}, "-kron(inv(X)',inv(X))"),
    ("X^2", "X", {"X": "n,n"}, "kron(X',eye(n)) + kron(eye(n),X)"),
    ("W*x", "W", {"W": "m,n", "x": "n"}, "kron(x',eye(m))"),
    ("relu(W*x)", "W", {"W": "m,n", "x": "n"}, "kron(x',diag(step(W*x)))"),
    ("A.*X", "X", {"A": "m,n", "X": "m,n"}, "diag(vec(A))"),
    ("exp(X)", "X", {"X": "m,n"}, "diag(vec(exp(X)))"),
    ("det(X)*X", "X", {"X": "n,n"}, ""),
    ("tr(X)*A", "X", {"X": "n,n", "A": "m,d"}, "vec(A)*vec(eye(n))'"),
    ("x*y'", "x", {"x": "n", "y": "m"}, "kron(y,eye(n))"),
    ("x*y'", "y", {"x": "n", "y": "m"}, "kron(eye(m),x)"),
    ("x*x'", "x", {"x": "n"}, "kron(eye(n),x) + kron(x,eye(n))"),
    ("X'*X", "X", {"X": "m,n"}, "(eye(n*n) + commutation(n,n))*kron(eye(n),X')"),
    ("X*X'", "X", {"X": "m,n"}, "(eye(m*m) + commutation(m,m))*kron(X,eye(m))"),
    ("X^3", "X", {"X": "n,n"}, "kron((X^2)',eye(n)) + kron(X',X) + kron(eye(n),X^2)"),
    ("X.*X", "X", {"X": "m,n"}, "2*diag(vec(X))"),
    ("leaky_relu(X, 0.1)", "X", {"X": "m,n"}, "diag(vec(where(X>0,1,0.1)))"),
    ("log(X*X')", "X", {"X": "m,n"}, ""),
    ("sum(X,1)", "X", {"X": "m,n"}, "kron(eye(n),ones(m)')"),
    ("sum(X,2)", "X", {"X": "m,n"}, "kron(ones(n)',eye(m))"),
    ("X.*v", "X", {"X": "m,n", "v": "m"}, "kron(eye(n),diag(v))"),
    ("X.*v", "v", {"X": "m,n", "v": "m"}, "diag(vec(X))*kron(ones(n),eye(m))"),
    ("X.*v'", "X", {"X": "m,n", "v": "n"}, "kron(diag(v),eye(m))"),
    ("X - mean(X,1)", "X", {"X": "m,n"}, "eye(m*n) - kron(eye(n),ones(m,m))/m"),
    ("x'*A*X", "X", {"A": "k,m", "X": "m,n", "x": "k"}, "kron(eye(n),x'*A)"),
    ("inv(A*X*B)", "X", {"A": "n,n", "X": "n,n", "B": "n,n"}, "-kron(inv(A*X)',inv(X*B))"),
    ("diag(A*X*B)", "X", {"A": "m,n", "X": "n,d", "B": "d,m"}, ""),
    ("X*A*X'", "X", {"X": "m,n", "A": "n,n"}, ""),
    ("A*inv(X)*B", "X", {"A": "m,n", "X": "n,n", "B": "n,k"}, ""),
    (
        "A*diag(x)*B",
        "x",
        {"A": "m,n", "B": "n,k", "x": "n"},
        "kron(B',ones(m)).*kron(ones(k),A)",
    ),
    ("diag(x)", "x", {"x": "n"}, ""),
    ("diag(X)", "X", {"X": "n,n"}, ""),
    ("tanh(A*X)", "X", {"A": "m,n", "X": "n,d"}, ""),
    ("softmax(X,2)", "X", {"X": "n,d"}, ""),
    (
        "kron(A,X)",
        "X",
        {"A": "p,q", "X": "n,d"},
        "kron(eye(q),kron(commutation(d,p),eye(n)))*kron(vec(A),eye(n*d))",
    ),
    (
        "kron(X,A)",
        "X",
        {"A": "2,q", "X": "n,3"},
        "kron(eye(3),kron(commutation(q,n),eye(2)))*kron(eye(n*3),vec(A))",
    ),
    ("kron(X,X)", "X", {"X": "n,d"}, ""),
    ("outer(var(X,2),var(X,2))", "X", {"X": "n,d"}, ""),
    ("kron(relu(X),A)", "X", {"A": "p,q", "X": "n,d"}, ""),
    ("exp(kron(X,A))", "X", {"A": "p,q", "X": "n,d"}, ""),
    ("tanh(kron(A,B*X))", "X", {"A": "p,q", "B": "m,n", "X": "n,d"}, ""),
    ("C.*kron(X,A)./C.^3", "X", {"A": "2,q", "X": "n,3", "C": "2*n,3*q"}, ""),
    (
        "inv(kron(X,A))",
        "X",
        {"A": "p,p", "X": "n,n"},
        "-kron(eye(n),kron(commutation(p,n),eye(p)))*kron(kron(inv(X)',inv(X)),vec(inv(A)))",
    ),
    ("inv(kron(A,X))", "X", {"A": "p,p", "X": "n,n"}, ""),
    ("inv(kron(X,X))", "X", {"X": "n,n"}, ""),
    ("kron(A,B)*kron(X,A*B)", "X", {"A": "p,p", "B": "p,p", "X": "p,n"}, ""),
    ("kron(X,A)^2", "X", {"A": "p,p", "X": "n,n"}, ""),
    ("inv(kron(X,A))*kron(B,A)", "X", {"A": "p,p", "B": "n,d", "X": "n,n"}, ""),
    (
        "s*kron(X,A)",
        "X",
        {"A": "p,q", "X": "n,d", "s": ""},
        "s*kron(eye(d),kron(commutation(q,n),eye(p)))*kron(eye(d*n),vec(A))",
    ),
    ("det(kron(X,A))*kron(X,A)", "X", {"A": "2,2", "X": "2,2"}, ""),
    ("adj(kron(X,A))", "X", {"A": "2,2", "X": "3,3"}, ""),
    ("inv(y*x' + D)", "x", {"D": "n,n", "y": "n", "x": "n"}, ""),
    ("vec(X)", "X", {"X": "m,n"}, "eye(m*n)"),
    ("vec(A*X*B)", "X", CHAIN, "kron(B',A)"),
    ("unvec(x,2,3)", "x", {"x": "6"}, "eye(6)"),
    ("a*X", "a", {"a": "", "X": "m,n"}, "vec(X)"),
    ("A*x", "x", {"A": "m,n", "x": "n"}, "A"),
]
HESSIANS: list[tuple[str, str, dict[str, str], str]] = [
    ("norm2(T - U*V')^2", "U", {"T": "m,n", "U": "m,k", "V": "n,k"}, "2*kron(V'*V,eye(m))"),
    ("tr(X'*A*X)", "X", {"X": "n,d", "A": "n,n"}, "kron(eye(d),A + A')"),
    ("x'*A*x", "x", {"A": "n,n", "x": "n"}, "A + A'"),
    ("norm2(A*X - B)^2", "X", {"A": "m,n", "X": "n,d", "B": "m,d"}, "2*kron(eye(d),A'*A)"),
    ("logdet(X)", "X", {"X": "n,n"}, "-kron(inv(X),inv(X)')*commutation(n,n)"),
    ("tr(X^2)", "X", {"X": "n,n"}, "2*commutation(n,n)"),
    ("sum(exp(X))", "X", {"X": "m,n"}, "diag(vec(exp(X)))"),
]


def stacked(jacobian: Any, outer: int) -> Any:
    """The matrix of a Jacobian with `outer` axes of f, columns stacked on both sides."""
    front, back = jacobian.shape[:outer], jacobian.shape[outer:]
    turned = jacobian.transpose([*reversed(range(outer)), *reversed(range(outer, jacobian.ndim))])
    return turned.reshape(int(np.prod(front)), int(np.prod(back)))


@pytest.mark.parametrize(("expr", "wrt", "shapes", "form"), VECS)
def test_vec_forms_of_jacobians(expr: str, wrt: str, shapes: dict[str, str], form: str) -> None:
    found = derive(expr, wrt, shapes=shapes)
    for point in places(found):
        full = numeric(expr, wrt, point.values, point.sizes)
        outer = full.ndim - np.ndim(point.values[wrt])
        truth = stacked(full, outer)
        truth = truth if truth.shape[1] > 1 else truth[:, 0]  # by a scalar: a vector
        assert found.vec_text is not None
        value = reader.value(found.vec_text, point.values, point.sizes)
        assert_close(value, truth, f"{expr} by {wrt}: {found.vec_text}")
        if form:
            assert_close(reader.value(form, point.values, point.sizes), truth, form)
    if form:
        assert short(found.vec_text or "") <= short(form), found.vec_text


FREE: list[tuple[str, dict[str, str], int, str]] = [
    ("S", {}, 1, "duplication(n)"),
    ("A*S*B", {"A": "m,n", "B": "n,k"}, 1, "kron(B',A)*duplication(n)"),
    ("S*x", {"x": "n"}, 1, "kron(x',eye(n))*duplication(n)"),
    ("S*A*S", {"A": "n,n"}, 1, ""),
    ("inv(S)", {}, 1, "-kron(inv(S),inv(S))*duplication(n)"),
    ("logdet(S)", {}, 2, "-duplication(n)'*kron(inv(S),inv(S))*duplication(n)"),
    ("tr(A*S*S)", {"A": "n,n"}, 2, ""),
]


@pytest.mark.parametrize(("expr", "shapes", "order", "form"), FREE)
def test_a_symmetric_variable_gives_its_free_entries_by_a_duplication_matrix(
    expr: str, shapes: dict[str, str], order: int, form: str
) -> None:
    options: dict[str, Any] = {"assume": {"S": "posdef"}, "structure": "independent"}
    found = derive(expr, "S", shapes={"S": "n,n", **shapes}, order=order, **options)
    assert found.vec_text is not None
    assert found.by_free_entries
    for point in places(found):
        n = point.sizes["n"]
        rows, columns = np.array([(i, j) for j in range(n) for i in range(j, n)]).T

        def f(free: Any, point: Any = point, at: Any = (rows, columns)) -> Any:
            S = np.zeros_like(point.values["S"])
            S[at], S[at[::-1]] = free, free
            value = reader.value(expr, {**point.values, "S": S}, point.sizes)
            return np.reshape(value, -1, order="F")

        free = point.values["S"][rows, columns]
        if order == 1:
            truth = differences(f, free)
        else:
            truth = differences(lambda z, f=f: differences(f, z, 1e-3)[0], free, 1e-3)
        shown = reader.value(found.vec_text, point.values, point.sizes)
        assert_close(shown, truth, found.vec_text, 1e-6 if order == 1 else 1e-3)
    assert not form or short(found.vec_text) <= short(form), found.vec_text


def short(text: str) -> int:
    """How many names, numbers and operators a text has."""
    return sum(kind != "end" and word not in "()," for kind, word in reader.tokens(text))


@pytest.mark.parametrize(("expr", "wrt", "shapes", "form"), HESSIANS)
def test_vec_forms_of_hessians(expr: str, wrt: str, shapes: dict[str, str], form: str) -> None:
    found = derive(expr, wrt, shapes=shapes, order=2)
    assert found.vec_text is not None
    for point in places(found):
        full = numeric_hessian(expr, wrt, point.values, point.sizes)
        truth = stacked(full, full.ndim // 2)
        value = reader.value(found.vec_text, point.values, point.sizes)
        assert_close(value, truth, f"{expr} by {wrt}: {found.vec_text}", 1e-3)
    assert short(found.vec_text) <= short(form), found.vec_text


def test_vec_stacks_columns_and_unvec_undoes_it() -> None:
    X = np.arange(6.0).reshape(2, 3)
    found = derive("c*vec(X)", "c", shapes={"X": "m,n", "c": ""}).evaluate({"X": X, "c": 1.0})
    assert_close(found, X.T.reshape(-1), "vec")
    back = derive("c*unvec(vec(X),2,3)", "c", shapes={"X": "2,3", "c": ""})
    assert_close(back.evaluate({"X": X, "c": 1.0}), X, "unvec")


@pytest.mark.parametrize(("m", "n"), [(2, 3), (3, 2), (4, 4), (1, 3)])
def test_the_commutation_matrix_turns_vec_into_vec_of_the_transpose(m: int, n: int) -> None:
    X = np.random.default_rng(m).standard_normal((m, n))
    shapes = {"X": f"{m},{n}", "c": ""}
    found = derive(f"c*commutation({m},{n})*vec(X)", "c", shapes=shapes)
    assert_close(found.evaluate({"X": X, "c": 2.0}), X.reshape(-1), "commutation")


def test_kron_is_numpys_and_obeys_the_vec_rule() -> None:
    rng = np.random.default_rng(0)
    A, B, X = rng.standard_normal((2, 3)), rng.standard_normal((4, 5)), rng.standard_normal((5, 3))
    shapes = {"A": "2,3", "B": "4,5", "X": "5,3", "c": ""}
    at = {"A": A, "B": B, "X": X, "c": 1.0}
    product = derive("c*kron(A,B)", "c", shapes=shapes).evaluate(at)
    assert_close(product, np.kron(A, B), "kron")
    both = derive("c*(kron(A,B)*vec(X) - vec(B*X*A'))", "c", shapes=shapes).evaluate(at)
    assert_close(both, np.zeros(8), "vec(BXA') = (A ⊗ B) vec(X)", 1e-12)


GRADIENTS = [
    ("y'*A*x", "x", "A'*y", "y'*A"),
    ("tr(A*X)", "X", "A'", "A"),
    ("norm2(X*w - y)^2", "w", "2*X'*(X*w - y)", ""),
]


@pytest.mark.parametrize(("expr", "wrt", "column", "row"), GRADIENTS)
def test_a_gradient_is_a_row_in_numerator_layout(
    expr: str, wrt: str, column: str, row: str
) -> None:
    shapes = {"A": "n,m", "X": "m,n", "x": "m", "y": "n", "w": "n"}
    shapes = {**shapes, "y": "m"} if "w" in expr else shapes
    by = {k: derive(expr, wrt, shapes=shapes, layout=k) for k in ("gradient", "numerator")}
    down = derive(expr, wrt, shapes=shapes, layout="denominator")
    assert str(by["gradient"]) == str(down) == column
    if row:
        assert str(by["numerator"]) == row
    for point in places(down):
        shown = reader.value(f"({by['numerator']})'", point.values, point.sizes)
        assert_close(shown, down.evaluate(point.values), "rows and columns")
        for found in by.values():
            assert_close(found.evaluate(point.values), down.evaluate(point.values), "evaluate")


@pytest.mark.parametrize("expr", ["A*x", "relu(A*x)", "softmax(A*x)", "x/norm2(x)", "(A*x).^2"])
def test_a_jacobian_is_transposed_in_denominator_layout(expr: str) -> None:
    found = {k: derive(expr, "x", shapes={"A": "m,n", "x": "n"}, layout=k) for k in LAYOUTS}
    for point in places(found["gradient"]):
        truth = numeric(expr, "x", point.values, point.sizes)
        for name, d in found.items():
            shown = reader.value(str(d), point.values, point.sizes)
            assert_close(shown, truth.T if name == "denominator" else truth, f"{name}: {d}")
            assert_close(d.evaluate(point.values), truth, f"evaluate, {name}")
    assert found["mixed"].layout == "gradient"


LAYOUTS = ("gradient", "mixed", "numerator", "denominator")


def test_the_worked_jacobian_of_the_reading() -> None:
    by_x = [derive(e, "x", shapes={"x": "", "y": ""}) for e in ("3*x^2*y", "2*x + y^8")]
    by_y = [derive(e, "y", shapes={"x": "", "y": ""}) for e in ("3*x^2*y", "2*x + y^8")]
    at = {"x": 1.5, "y": 0.5}
    rows = [[float(a.evaluate(at)), float(b.evaluate(at))] for a, b in zip(by_x, by_y, strict=True)]
    assert_close(np.array(rows), [[6 * 0.75, 3 * 2.25], [2, 8 * 0.5**7]], "Parr & Howard")


def test_a_result_has_the_shape_of_its_layout() -> None:
    found = derive("x'*A*x", "x", layout="numerator")
    assert found.displayed.shape[0] == 1
    assert found.shape == found.wrt.shape


@pytest.mark.parametrize("f", ["c*X", "c*x"])
def test_no_layout_turns_a_derivative_by_a_number(f: str) -> None:
    shapes = {"X": "n,m", "x": "n", "c": ""}
    found = derive(f, "c", shapes=shapes, layout="denominator")
    assert str(found) == f[-1]
    assert verify(f, "c", f[-1], shapes=shapes, layout="denominator").correct
