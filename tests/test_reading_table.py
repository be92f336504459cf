"""Formulas as people type them have the derivative that PyTorch finds for what is meant.

`data/readings.jsonl` has the formula, what it is derived by, the meaning as a formula of PyTorch
and the true shapes; `families` says which array stands behind x_i, `also` other meanings as good,
`right` and `wrong` answers that people gave.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matderiv import derive, verify
from matderiv.errors import DomainError, MatderivError, UnknownFunction, UnknownName

torch = pytest.importorskip("torch")
F, lin = torch.nn.functional, torch.linalg

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "readings.jsonl").read_text("utf-8").splitlines()
]
SIZES = {"n": 4, "d": 3, "m": 5, "p": 6, "q": 2, "k": 2, "h": 6, "N": 4, "K": 3, "M": 5}
SIZES |= {"nk": 6, "mk": 7, "mn": 20}


def logm(a: Any) -> Any:
    """The logarithm of a positive definite matrix."""
    w, v = lin.eigh((a + a.T) / 2)
    return v @ torch.diag(torch.log(w)) @ v.T


SCOPE = {
    "torch": torch, "F": F, "lin": lin, "math": math, "relu": F.relu, "sig": torch.sigmoid,
    "softmax": torch.softmax, "lse": torch.logsumexp, "tr": torch.trace, "inv": lin.inv,
    "det": lin.det, "log": torch.log, "exp": torch.exp, "eye": torch.eye, "logm": logm,
    "einsum": torch.einsum, "one": lambda y: y.long() - 1, **SIZES,
}  # fmt: skip


def drawn(shape: str, how: str, rng: np.random.Generator) -> Any:
    """Random values of a shape such as "n,d", inside the domain that is meant."""
    dims = [int(s) if s.isdigit() else SIZES[s] for s in shape.split(",") if s]
    x = rng.standard_normal(dims)
    if how.startswith("["):
        low, high = json.loads(how)
        return low + (high - low) * rng.random(dims)
    if how.startswith("index"):
        first = int(not how.startswith("index0"))
        return np.array(float(rng.integers(first, SIZES[how[-1]] + first)))
    made = {
        "positive": lambda: np.abs(x) + 0.3,
        "binary": lambda: (x > 0).astype(float),
        "pm1": lambda: np.sign(x),
        "posdef": lambda: x @ x.T + dims[0] * np.eye(dims[0]),
    }.get(how)
    return made() if made else x


def truth(row: Mapping[str, Any], by: str, values: Mapping[str, Any]) -> Any:
    """The derivative by PyTorch."""
    at = {n: torch.tensor(v, dtype=torch.float64) for n, v in values.items()}
    if "answer" in row:
        return eval(row["answer"], {**SCOPE, **at}).numpy()
    torch.set_default_dtype(torch.float64)
    second = row.get("kind") == "hessian"
    derivative = torch.autograd.functional.hessian if second else torch.autograd.functional.jacobian
    found = derivative(lambda v: eval(row["torch"], {**SCOPE, **at, by: v}), at[by])
    return (eval(row["post"], {"J": found}) if "post" in row else found).numpy()


def given(names: Any, values: Mapping[str, Any], families: Mapping[str, str]) -> dict[str, Any]:
    """The values under the names that were read: yhat for y_hat, X for the rows x_i."""
    plain = {n.rstrip("_").replace("_", ""): v for n, v in values.items()}
    found = {}
    for name in names:
        whole = families.get(name, "").split(" ")[0]
        key = name.replace("_", "")
        if key in plain or whole in plain:
            found[name] = plain[whole] if whole in plain else plain[key]
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['expr'][:50]} by {row['wrt']}")
def test_a_formula_as_typed_has_the_derivative_that_is_meant(row: Mapping[str, Any]) -> None:
    options = {"kind": row["kind"]} if row.get("kind") in ("hessian", "vjp") else {}
    found = derive(row["expr"], row["wrt"], shapes=row.get("shapes", {}), **options)
    seen = []
    for meaning in ({"true": row["true"], "torch": row["torch"]}, *row.get("also", [])):
        rng = np.random.default_rng(7)
        draws = row.get("draw", {})
        values = {n: drawn(s, draws.get(n, ""), rng) for n, s in meaning["true"].items()}
        expected = truth({**row, **meaning}, row.get("by", row["wrt"]), values)
        shapes = {n: v.shape for n, v in found.reading.variables.items()}
        numbers = {n: SIZES[n] for n, shape in shapes.items() if n in SIZES and not shape}
        taken = numbers | given(found.names, values, row.get("families", {}))
        if all(np.ndim(v) == len(shapes[n]) for n, v in taken.items() if n in shapes):
            got = found.evaluate(taken)
            seen.append(np.shape(got) == expected.shape and np.allclose(got, expected, atol=1e-8))
    assert seen
    assert any(seen), f"read as {found.reading.read_as}, derived as {found}"


SAID = [
    (row, answer, right)
    for row in ROWS
    for right in (True, False)
    for answer in row.get("right" if right else "wrong", [])
]


@pytest.mark.parametrize(("row", "answer", "right"), SAID, ids=lambda x: str(x)[:40])
def test_an_answer_as_typed_is_right_or_wrong(
    row: Mapping[str, Any], answer: str, right: bool
) -> None:
    options = {"kind": row["kind"]} if row.get("kind") in ("hessian", "vjp") else {}
    verdict = verify(row["expr"], row["wrt"], answer, shapes=row.get("shapes", {}), **options)
    assert verdict.correct is right, verdict.message


APART = [
    (r"\sum_{i\neq j} \frac{q_i q_j}{|x_i - x_j|}", "x"),
    (r"\sum_{i<j} \log|x_i - x_j|", "x"),
    (r"\sum_{i<j} \frac{1}{x_i - x_j}", "x"),
    (r"\sum_{i<j} (\|x_i-x_j\| - d_{ij})^2", "X"),
    (r"\sum_{i\neq j} \frac{q_i q_j}{\|x_i - x_j\|}", "X"),
]


@pytest.mark.parametrize(("formula", "wrt"), APART)
def test_what_is_left_out_where_indices_are_equal_needs_no_value_there(
    formula: str, wrt: str
) -> None:
    found = derive(formula, wrt)
    rng = np.random.default_rng(3)
    x = rng.standard_normal((4, 2) if wrt == "X" else 4)
    q, d = rng.random(4), rng.random((4, 4))

    def value(x: Any) -> float:
        total = 0.0
        for i, j in ((i, j) for i in range(4) for j in range(4)):
            gap = np.linalg.norm(x[i] - x[j]) if i != j else 1.0
            signed = np.sum(x[i] - x[j]) if i != j else 1.0
            if "neq" in formula:
                total += (i != j) * q[i] * q[j] / gap
            elif i < j:
                distances = (gap - d[i, j]) ** 2 if "d_" in formula else 1 / signed
                total += np.log(gap) if "log" in formula else distances
        return total

    eps, expected = 1e-6, np.zeros_like(x)
    for at in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[at] = eps
        expected[at] = (value(x + step) - value(x - step)) / (2 * eps)
    names = {"x": x, "X": x, "q": q, "d": d, "D": d}
    got = found.evaluate({n: v for n, v in names.items() if n in found.names})
    assert np.allclose(got, expected, rtol=1e-5, atol=1e-6)


SUMS = [
    (r"\sum_i (w^\top x_i - y_i)^2", "w", "2*sum_i (w'*x_i - y_i)*x_i"),
    ("sum_i (y_i - w'*x_i)^2", "w", "2*sum_i (w'*x_i - y_i)*x_i"),
    (r"\frac12\sum_{i=1}^n\|A x_i - b_i\|^2", "A", "sum_i (A*x_i - b_i)*x_i'"),
    (r"\sum_i \max(0,1-y_i w^\top x_i)", "w", "sum_i -y_i*step(1 - y_i*w'*x_i)*x_i"),
    (r"\sum_i (y_i - b x_i)^2 + b^2", "b", "2*sum_i x_i*(b*x_i - y_i) + 2*b"),
    (r"\|Ax - b\|^2", "x", None),
    (r"\sum_i x_i^2", "x", None),
    (r"\frac{1}{b}\sum_i (y_i - b x_i)^2 + \sum_i b^2 x_i", "b", None),
]


@pytest.mark.parametrize(("formula", "wrt", "wanted"), SUMS)
def test_a_sum_over_data_has_its_derivative_as_a_sum(
    formula: str, wrt: str, wanted: str | None
) -> None:
    found = derive(formula, wrt).sum_form
    assert (None if found is None else str(found)) == wanted


SUMMED = [row for row in ROWS if "sum" in row["expr"] and row.get("kind") is None]


@pytest.mark.parametrize("row", SUMMED, ids=lambda row: f"{row['expr'][:50]} by {row['wrt']}")
def test_a_sum_form_is_the_derivative_in_text_and_latex(row: Mapping[str, Any]) -> None:
    shapes = row.get("shapes", {})
    found = derive(row["expr"], row["wrt"], shapes=shapes)
    if found.sum_form is None:
        return
    for spelled in (str(found.sum_form), found.sum_form.latex()):
        assert verify(row["expr"], row["wrt"], spelled, shapes=shapes).correct


SIZED = [
    ("np.mean((X @ w - y)**2)", "w", "2/N*X.T @ (X @ w - y)", "N as m"),
    ("np.mean((X @ w - y)**2)", "w", "2/n*X.T @ (X @ w - y)", "n as m"),
]


@pytest.mark.parametrize(("formula", "wrt", "answer", "said"), SIZED)
def test_a_size_that_only_an_answer_names_is_one_of_the_question(
    formula: str, wrt: str, answer: str, said: str
) -> None:
    verdict = verify(formula, wrt, answer)
    assert verdict.correct
    assert verdict.notes == (f"taking {said}",)
    with pytest.raises(UnknownName):
        verify(formula, wrt, answer.replace("2/", "1/").replace("/n", "/N"))


STACKED = [
    ("cat(x, y)", "[x; y]"),
    ("vertcat(A, B)*x", "[A; B]*x"),
    ("hcat(A, B)*[x; y]", "[A, B]*[x; y]"),
    ("sum(i=1:n, (x_i - y_i)^2)", "norm2(x - y)^2"),
    ("prod(i=1:n, 2 + x_i)", "prod(2 + x)"),
    ("x(1:2)'*y(3:4) + x(3)", "x[1:2]'*y[3:4] + x[3]"),
    ("A(2,:)*(x + 2*y)", "A[2,:]*(x + 2*y)"),
]


@pytest.mark.parametrize(("typed", "meant"), STACKED)
def test_the_words_of_julia_and_matlab_for_blocks_and_sums(typed: str, meant: str) -> None:
    shapes = {"x": "n", "y": "n", "A": "m,n", "B": "m,n"}
    found, wanted = (derive(f, "x", shapes=shapes) for f in (typed, meant))
    assert found.expr is wanted.expr
    with pytest.raises(MatderivError):
        derive("prod(i=1:3, x_i)", "x", shapes={"x": "n"})


def test_numbers_x1_and_x2_are_the_entries_of_an_x_that_f_does_not_have() -> None:
    found = derive("x1*x2 + a*x2^2", "x", shapes={"x1": "", "x2": "", "a": ""})
    np.testing.assert_allclose(found.evaluate({"x": [2.0, 3.0], "a": 0.5}), [3.0, 5.0])
    assert "x1, x2 are read as the entries of x" in found.notes
    for shapes in ({"x1": "", "x3": ""}, {"x1": "", "x2": "n"}, {}):
        with pytest.raises(MatderivError):
            derive(f"x1'*x{3 if 'x3' in shapes else 2}", "x", shapes=shapes)


REFUSED = ["d/dx x'x + 2*x'x", r"\|X\|_\infty", "softmax(X)", "e^2(x'x)", "exp(-||x-x'||^2)",
           r"k e^{-E_a/RT}", r"w_0 + w_1x + \dots + w_Mx^M"]  # fmt: skip


@pytest.mark.parametrize("formula", REFUSED)
def test_what_can_mean_two_things_is_refused(formula: str) -> None:
    with pytest.raises(MatderivError):
        derive(formula, next(c for c in "XTx" if c in formula))


ABSTRACT = [
    ("f(A*x + b)", "x", {}, "A'*∇f(A*x + b)"),
    (r"f(Ax+b)", "x", {"kind": "hessian"}, "A'*∇²f(A*x + b)*A"),
    ("f(x + t*d)", "t", {"shapes": {"t": ""}}, "d'*∇f(x + t*d)"),
    ("W2*phi(W1*x)", "W1", {"kind": "vjp"}, "phi'(W1*x).*(W2'*G)*x'"),
    ("eta'*y - g(eta)", "eta", {}, "y - ∇g(eta)"),
    ("L(X*W + ones(N)*b')", "W", {"shapes": {"X": "N,d"}}, "X'*∇L(X*W + ones(N)*b')"),
    ("f(x)*g(x)", "x", {}, "g(x)*∇f(x) + f(x)*∇g(x)"),
    (r"\phi(w^\top x)", "w", {}, "phi'(w'*x)*x"),
    (r"\|x\|^2 + f(\|x\|^2)", "x", {}, "2*x + 2*f'(norm2(x)^2)*x"),
    ("log(f(x))", "x", {}, "∇f(x)/f(x)"),
    (r"\sum_i \phi(w^\top x_i)", "w", {}, "X'*phi'(X*w)"),
    ("eta'*y - a(eta)", "eta", {"shapes": {"eta": "d", "y": "d"}}, "y - ∇a(eta)"),
    ("inv(Y(t))", "t", {}, "-inv(Y(t))*Y'(t)*inv(Y(t))"),
    ("u(x)'*A*v(x)", "x", {"shapes": {"x": "n"}}, "u'(x)'*A*v(x) + v'(x)'*A'*u(x)"),
    ("g(u(x))", "x", {"shapes": {"x": "n"}}, "u'(x)'*∇g(u(x))"),
    ("a(x)*u(x)", "x", {"shapes": {"x": "n"}}, "u(x)*∇a(x)' + a(x)*u'(x)"),
    (r"\det Y(t)", "t", {}, "det(Y(t))*tr(inv(Y(t))*Y'(t))"),
    ("x(t)'*A*x(t)", "t", {}, "x(t)'*(A + A')*x'(t)"),
    ("A(t)*x", "t", {"shapes": {"x": "n"}}, "A'(t)*x"),
    ("g(U(t))", "t", {}, "tr(∇g(U(t))'*U'(t))"),
    ("inv(A(p))*b", "p", {"shapes": {"p": "", "b": "n"}}, "-inv(A(p))*A'(p)*inv(A(p))*b"),
]


@pytest.mark.parametrize(("formula", "wrt", "options", "wanted"), ABSTRACT)
def test_a_function_that_nobody_defines_keeps_its_name(
    formula: str, wrt: str, options: dict[str, Any], wanted: str
) -> None:
    with pytest.raises(UnknownFunction):
        derive(formula, wrt, **{**options, "shapes": {}})
    names = ("f", "g", "L", "phi", *"aAxYUuv")
    options = {**options, "assume": dict.fromkeys(names, "function")}
    found = derive(formula, wrt, **options)
    assert any("a function that nobody defines" in note for note in found.notes)
    assert found.checked.verdict == "verified"
    assert verify(formula, wrt, wanted, **options).correct
    assert verify(formula, wrt, found.latex(), **options).correct
    assert not verify(formula, wrt, f"2*({wanted})", **options).correct
    with pytest.raises(DomainError, match="nobody defines"):
        found.evaluate({})


def test_a_function_of_entries_has_an_index_form() -> None:
    found = derive("W2*phi(W1*x)", "W1", assume={"phi": "function"})
    assert str(found) == "∂f_i/∂W1_jk = x_k phi'((W1*x)_j) W2_ij"


@pytest.mark.parametrize(("formula", "wrt"), [("u(x)'*x + u'*x", "x"), ("u(x)", "u")])
def test_a_function_does_not_stand_without_its_argument(formula: str, wrt: str) -> None:
    with pytest.raises(UnknownFunction, match="stands alone"):
        derive(formula, wrt, shapes={"x": "n"}, assume={"u": "function"})


@pytest.mark.parametrize("formula", ["c(x - y)", "2*x(y + 1)", "v(A*x)", "E(x)", "foo(x)"])
def test_a_bracket_that_may_be_a_factor_makes_no_function(formula: str) -> None:
    with pytest.raises(MatderivError):
        derive(formula, "y" if "y" in formula else "x", shapes={"x": "n", "y": "n"})


INNER = [
    (r"w^\top x_i - y_i", "X@w-y", "w"),
    (r"y_i\,w^\top x_i", "y*(X@w)", "w"),
    (r"x_i^\top w + b", "X@w+b", "b"),
    (r"x_i^\top A x_i", "((X@A)*X).sum(1)", "A"),
    (r"\|x_i - \mu\|^2", "((X-mu)**2).sum(1)", "mu"),
    (r"\sum_k W_{ik} v_k - y_i", "W@v-y", "v"),
    (r"(x_i-\mu)^\top A (x_i-\mu)", "(((X-mu)@A)*(X-mu)).sum(1)", "mu"),
]
OUTER = [
    ("({})^2", "({})**2"), (r"\log(1+e^{{-({})}})", "F.softplus(-({}))"),
    (r"e^{{-({})/9}}", "exp(-({})/9)"), (r"\max(0, 1-({}))", "relu(1-({}))"),
    (r"\sqrt{{1+({})^2}}", "torch.sqrt(1+({})**2)"), (r"\log(1+({})^2)", "log(1+({})**2)"),
    (r"\tanh({})", "torch.tanh({})"), (r"\sigma({})", "sig({})"), (r"|{}|", "({}).abs()"),
]  # fmt: skip
AROUND = [
    (r"\sum_{{i=1}}^n {}", "({}).sum()"), (r"\frac1n\sum_i {}", "({}).mean()"),
    (r"\sum_i r_i\,{}", "(r*({})).sum()"),
    (r"-\frac{{1}}{{2}}\sum_{{i=1}}^{{n}} {} + \lambda\|w\|^2", "-({}).sum()/2+lambda_*w@w"),
]  # fmt: skip
SUMS = [
    (total.format(outer.format(inner)), meant.format(value.format(array)), by)
    for total, meant in AROUND
    for outer, value in OUTER
    for inner, array, by in INNER
]
POINT = {
    "X": "n,d", "w": "d", "y": "n", "b": "", "A": "d,d", "mu": "d", "W": "n,k", "v": "k",
    "r": "n", "lambda": "",
}  # fmt: skip


@pytest.mark.parametrize(("formula", "meant", "by"), SUMS[::2] + SUMS[1::3], ids=str)
def test_a_sum_over_data_points_has_its_gradient_as_arrays(
    formula: str, meant: str, by: str
) -> None:
    rng = np.random.default_rng(len(formula))
    values = {n: drawn(s, "", rng) for n, s in POINT.items()}
    spelled = {"lambda_": values["lambda"], **values}
    found = derive(formula, rf"\{by}" if by == "mu" else by)
    expected = truth({"torch": meant}, by, spelled)
    np.testing.assert_allclose(found.evaluate(values), expected, rtol=1e-7, atol=1e-9)
    if by in ("w", "b") and len(formula) % 2 == 0:
        second = derive(formula, by, kind="hessian").evaluate(values)
        expected = truth({"torch": meant, "kind": "hessian"}, by, spelled)
        np.testing.assert_allclose(second, expected, rtol=1e-6, atol=1e-9)
