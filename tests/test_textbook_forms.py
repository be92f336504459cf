"""More results as a textbook prints them: classes of expressions that used to come out longer.

The forms were written by hand; `assert_right` compares values with differences of f, reads the
printed result with a reader of its own, and counts symbols.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reader
from truth import assert_close, assert_right, places

from matderiv.choosing.factoring import MAX_WORK, Search
from matderiv.doors.derive import derive
from matderiv.expr import REGISTRY, is_, walk
from matderiv.input.resolve import read
from matderiv.language.printer import text
from matderiv.numeric.evaluate import evaluate

N2 = {"A": "symmetric", "B": "symmetric"}
FORMS: list[tuple[str, str, dict[str, str], dict[str, Any], str]] = [
    ("-log(exp(u'*v)/sum(exp(K*v)))", "v", {"K": "m,n", "u": "n"}, {}, "K'*softmax(K*v) - u"),
    ("(x'*A*x)*(x'*B*x)", "x", {}, {"assume": N2}, "2*((x'*B*x)*A + (x'*A*x)*B)*x"),
    ("(x'*A*x)/(x'*B*x)", "x", {}, {"assume": N2}, "2*(A - x'*A*x/(x'*B*x)*B)*x/(x'*B*x)"),
    ("log(x'*A*x) - log(x'*B*x)", "x", {}, {"assume": N2}, "2*(A/(x'*A*x) - B/(x'*B*x))*x"),
    ("(x'*x)^(3/2)", "x", {"x": "n"}, {}, "3*norm2(x)*x"),
    ("(x - y)'*x", "x", {"x": "n"}, {}, "2*x - y"),
    ("tr((A - t*B)*A)", "A", {"A": "n,n", "t": ""}, {}, "(2*A - t*B)'"),
    ("det(X')*tr(X)", "X", {"X": "n,n"}, {}, "det(X)*(tr(X)*inv(X)' + eye(n))"),
    ("0.79*sum(x.^2) + sum(x)/100", "x", {"x": "n"}, {}, "1.58*x + 0.01"),
    ("sum(x.^(1/3))", "x", {"x": "n"}, {}, "1./x.^(2/3)/3"),
    ("(a'*x)^(k - 1)", "x", {"x": "n", "a": "n", "k": ""}, {}, "(k - 1)*(a'*x)^(k - 2)*a"),
    ("prod(x.^a)", "x", {"x": "n", "a": "n"}, {}, "prod(x.^a)*a./x"),
    ("x^(1 - a)/(1 - a)", "x", {"x": "", "a": ""}, {}, "x^-a"),
    ("sum(max(x, -x))", "x", {"x": "n"}, {}, "sign(x)"),
    ("sum(min(-x, x))", "x", {"x": "n"}, {}, "-sign(x)"),
    ("sum(log(1 + erf(x/sqrt(2))))", "x", {"x": "n"}, {}, ""),
    ("sum(max(-1, min(1, x)))", "x", {"x": "n"}, {}, "(abs(x)<=1)"),
    ("sum(log(cosh(X*w - y)))", "w", {"X": "n,d"}, {}, "X'*tanh(X*w - y)"),
    ("sum(log(cos(x)))", "x", {"x": "n"}, {}, "-tan(x)"),
    ("tr(inv(X^2))", "X", {"X": "n,n"}, {}, "-2*(inv(X)^3)'"),
    ("norminf(x)", "x", {"x": "n"}, {}, "sign(x).*(abs(x)>=norminf(x))"),
    ("bce(p, y)", "p", {"p": "n"}, {}, "(p - y)./(p.*(1 - p))/n"),
    ("sum(log(p./(1 - p)))", "p", {"p": "n"}, {"assume": {"p": "positive"}}, "1./(p.*(1 - p))"),
    (
        "sum(max(a*(y - X*w), (a - 1)*(y - X*w)))",
        "w",
        {"X": "n,d", "a": ""},
        {},
        "X'*((y<=X*w) - a)",
    ),
    (
        "-sum(((1 - a)*Y + a/k).*log_softmax(Z,2))",
        "Z",
        {"Y": "n,k", "Z": "n,k", "a": ""},
        {"assume": {"Y": "onehot"}},
        "softmax(Z,2) - (1 - a)*Y - a/k",
    ),
    ("norm2(A - X)^2", "X", {"X": "n,n"}, {"assume": {"X": "upper"}}, "2*triu(X - A)"),
    ("sum(softplus(z - t) - y.*(z - t))", "t", {"z": "n", "t": ""}, {}, "sum(y - sigmoid(z - t))"),
    ("dot(cross(a,x),b)", "x", {"a": "3", "x": "3", "b": "3"}, {}, "cross(b,a)"),
    ("norm2(A*x - b)^2", "x", {"A": "m,n"}, {"layout": "numerator"}, "2*(A*x - b)'*A"),
    ("x'*A*x", "x", {}, {"assume": {"A": "symmetric"}, "layout": "numerator"}, "2*x'*A"),
    ("norm2(y - X*pinv(X)*y)^2", "X", {"X": "m,n"}, {}, "2*(X*pinv(X)*y - y)*y'*pinv(X)'"),
    ("tr(X*pinv(X)*B)", "X", {"X": "m,n"}, {}, "(eye(m) - X*pinv(X))*(B + B')*pinv(X)'"),
    ("norm2(X*pinv(X)*y)^2", "y", {"X": "m,n"}, {}, "2*X*pinv(X)*y"),
    ("y'*pinv(X)*X*y", "y", {"X": "m,n"}, {}, "2*pinv(X)*X*y"),
    (
        "-(x - m)'*inv(s^2*eye(n))*(x - m)/2 - logdet(s^2*eye(n))/2",
        "s",
        {"x": "n", "s": ""},
        {},
        "(norm2(x - m)^2/s^2 - n)/s",
    ),
    ("(x - m)'*inv(s^2*eye(n))*(x - m)", "m", {"x": "n", "s": ""}, {}, "2*(m - x)/s^2"),
    ("tr(A*X^3)", "X", {"A": "n,n"}, {}, "(X^2*A + X*A*X + A*X^2)'"),
]


@pytest.mark.parametrize(("expr", "wrt", "shapes", "options", "form"), FORMS)
def test_a_result_is_as_short_as_by_hand(
    expr: str, wrt: str, shapes: dict[str, str], options: dict[str, Any], form: str
) -> None:
    assert_right(expr, wrt, shapes=shapes, form=form, **options)


ENTRIES = [
    ("-log(p[y]) where p = softmax(W*x)", "W", "(softmax(W*x) - unit(m,y))*x'"),
    ("-np.log(softmax(z)[y])", "z", "softmax(z) - unit(n,y+1)"),
    ("F.cross_entropy(X @ W, y)", "W", "X'*(softmax(X*W, axis=2) - onehot(y + 1,n))/m"),
    ("norm2(x)^2*x[2]", "x", "2*x[2]*x + norm2(x)^2*unit(n,2)"),
    ("det([A B; C D])", "A", "det([A, B; C, D])*inv([A, B; C, D])[1:m,1:m]'"),
    ("logdet([A B; C D])", "B", "inv([A, B; C, D])[m+1:m+n,1:m]'"),
    ("tr(inv([A B; B' C]))", "A", "-(inv([A, B; B', C])^2)[1:m,1:m]'"),
    ("norm2([A B]*x)^2", "B", "2*[A, B]*x*x[n+1:n+p]'"),
    ("x'*(A + 3*I)*x", "x", "(A + A' + 6*eye(n))*x"),
    ("x'*(A - X'*X)*x", "x", "(A + A' - 2*X'*X)*x"),
]


@pytest.mark.parametrize(("expr", "wrt", "form"), ENTRIES)
def test_a_vector_at_a_place_is_a_number(expr: str, wrt: str, form: str) -> None:
    found = derive(expr, wrt)
    assert found.formula == form
    assert found.check().verdict == "verified"


def test_a_fraction_that_is_differentiated_again_keeps_its_terms() -> None:
    form = "diag((1 - y)./(1 - p).^2 + y./p.^2)/n"
    assert_right("bce(p, y)", "p", shapes={"p": "n"}, order=2, form=form)


def test_a_mask_is_not_compared_with_itself() -> None:
    found = derive("max(max(a, b), a)", "a", shapes={"a": "", "b": ""})
    assert [float(found.evaluate({"a": a, "b": 1.0})) for a in (0.0, 2.0)] == [0.0, 1.0]
    assert "a>a" not in found.formula


# Kronecker products of vectors --------------------------------------------------------------------

KRONECKER: list[tuple[str, str, dict[str, str], str]] = [
    ("kron(x, x)", "x", {"x": "n"}, "kron(eye(n),x) + kron(x,eye(n))"),
    ("kron(a, x)", "x", {"a": "m", "x": "n"}, "kron(a,eye(n))"),
    ("kron(a, x)", "a", {"a": "m", "x": "n"}, "kron(eye(m),x)"),
    ("vec(x*y')", "x", {"x": "m", "y": "n"}, "kron(y,eye(m))"),
    ("kron(A*x, y)", "x", {"A": "p,n", "y": "m"}, "kron(A,y)"),
    ("kron(A*x, B*x)", "x", {"A": "p,n", "B": "q,n"}, "kron(A,B*x) + kron(A*x,B)"),
    ("M*kron(a, x)", "x", {"M": "p,m*n", "a": "m", "x": "n"}, "M*kron(a,eye(n))"),
    ("kron(tanh(x), a)", "x", {"a": "m", "x": "n"}, "kron(eye(n),a)*diag(1 - tanh(x).^2)"),
    ("vec(diag(x))", "x", {"x": "n"}, "kron(eye(n),ones(n)).*kron(ones(n),eye(n))"),
    ("vec(A*diag(x)*B)", "x", {"A": "m,n", "B": "n,p"}, "kron(ones(p),A).*kron(B',ones(m))"),
    ("unvec(x,m,n)*b", "x", {"x": "m*n", "b": "n"}, "kron(b,eye(m))'"),
]


@pytest.mark.parametrize(("expr", "wrt", "shapes", "form"), KRONECKER)
def test_the_jacobian_of_a_kronecker_product_is_a_matrix(
    expr: str, wrt: str, shapes: dict[str, str], form: str
) -> None:
    found = assert_right(expr, wrt, shapes=shapes, form=form)
    assert found.vec_text == str(found)


def test_what_no_language_has_is_never_printed() -> None:
    found = derive("kron(x, kron(y, x))", "x", shapes={"x": "n", "y": "m"})
    assert found.check().verdict == "verified"
    assert found.vec_text is None or "fuse" not in found.vec_text
    assert "fuse" not in str(found)


# Tensors ------------------------------------------------------------------------------------------

TENSORS = [
    ("norm2(T)^2", "gradient", "2*T"),
    ("norm2(T)", "gradient", "T/norm2(T)"),
    ("sum(exp(T))", "gradient", "exp(T)"),
    ("norm2(T - S)", "gradient", "(T - S)/norm2(T - S)"),
    ("sum(T)^2", "gradient", "2*sum(T)*ones(a,b,c)"),
    ("sum(relu(T).*S)", "gradient", "S.*step(T)"),
    ("sum(where(T>0,T.^2,exp(T)))", "gradient", "where(T>0,2*T,exp(T))"),
    ("tanh(T)", "vjp", "G.*(1 - tanh(T).^2)"),
    ("T.*S", "differential", "S.*dT"),
]


@pytest.mark.parametrize(("expr", "kind", "form"), TENSORS)
def test_entry_by_entry_a_tensor_is_written_like_a_matrix(expr: str, kind: str, form: str) -> None:
    found = derive(expr, "T", shapes={"T": "a,b,c", "S": "a,b,c"}, kind=kind)
    assert str(found) == form
    assert found.check().verdict == "verified"


def test_a_tensor_that_is_summed_along_an_axis_stays_in_index_form() -> None:
    found = derive("sum(softmax(T,axis=3).*S)", "T", shapes={"T": "a,b,c", "S": "a,b,c"})
    assert not found.has_matrix_form
    assert str(found) == found.index
    assert found.check().verdict == "verified"


def test_an_exponent_keeps_the_brackets_of_a_sum() -> None:
    found = derive("0.6*sum((x + y).^(5/3))", "x", shapes={"x": "n", "y": "n"})
    assert found.index == "∂f/∂x_i = (x_i + y_i)^(2/3)"
    assert derive("sum((x + y).^2)/2", "x", shapes={"x": "n", "y": "n"}).index.endswith("x_i + y_i")


@pytest.mark.parametrize(
    ("f", "x", "shapes", "index"),
    [
        ("conv(x,w)", "w", {}, "∂f_i/∂w_j = Σ_k x_k [i = j+k-1]"),
        ("z[2:5]*y'", "z", {"z": "9"}, "∂f_ij/∂z_k = y_j [k = i+1]"),
        ("kron(A,X)", "X", {}, "∂f_ij/∂X_kl = Σ_rs A_rs [i-k = (r-1)*p] [j-l = (s-1)*q]"),
        ("flip(x)*x'", "x", {}, "∂f_ij/∂x_k = x_j [i+k = n+1] + δ_jk flip(x)_i"),
        ("norm2(A*x - b)^2", "x", {"b": "m"}, "∂f/∂x_i = 2 Σ_j A_ji ((A*x)_j - b_j)"),
        ("relu(W*x)", "x", {}, "∂f_i/∂x_j = step((W*x)_i) W_ij"),
        ("tr(A*X*B)", "X", {}, "∂f/∂X_ij = Σ_k A_ki B_jk"),
    ],
)
def test_index_notation_is_written_with_sums_and_entries(
    f: str, x: str, shapes: dict[str, str], index: str
) -> None:
    assert derive(f, x, shapes=shapes).index == index


@pytest.mark.parametrize(
    "typed",
    [
        *("z[k+1:2*k]", "z[1:k]", "X[2:n,:]*y", "X[:,1:3]'*y", "(W*z + b)[k+1:3*k]", "z[2:k]*y'"),
        *("(W*W)[:,1:k]'*b", "(W*W)[1:k,:]'"),
    ],
)
def test_a_part_of_an_array_is_written_as_it_is_typed(typed: str) -> None:
    shapes = {"z": "4*k", "X": "n,p", "W": "4*k,4*k", "b": "4*k"}
    found = read(typed, shapes=shapes).expr
    assert "cols" not in text(found)
    assert read(text(found), shapes=shapes).expr is found
    assert read(text(found, entries=False), shapes=shapes).expr is found


def test_parts_of_products_keep_their_brackets() -> None:
    shapes = dict.fromkeys("ABCD", "n,n")
    found = derive("det([A B; C D])", "A", shapes=shapes)
    values = {name: np.random.default_rng(k).normal(size=(2, 2)) for k, name in enumerate("ABCD")}
    shown = read("det([A B; C D])", shapes=shapes).read_more(str(found))
    np.testing.assert_allclose(evaluate(shown, values, {"n": 2}), found.evaluate(values))


@pytest.mark.parametrize(
    "call", ["cols(7,3,5)", "full_map(3,4)", "window_map(9,3,2,1)", "exchange(4)", "fuse(3,2)"]
)
def test_where_a_constant_is_said_to_be_one_it_is_one(call: str) -> None:
    name, sizes = call[:-1].split("(")
    record = REGISTRY[name]
    value = record.numpy(*(found := tuple(map(int, sizes.split(",")))))
    assert record.ones is not None
    for at in np.ndindex(value.shape):
        left, right = record.ones(*found, *(k + 1 for k in at))
        assert value[at] == (left == right)


def test_what_joins_axes_has_no_word_in_an_einsum_either() -> None:
    f = 'einsum("i,ij,j->",unvec(q,m,n)*y,V - mean(V,2),unvec(q,m,n)\'*(unvec(q,m,n)*y))'
    found = derive(f, "q", order=3)
    assert str(found) == found.index
    assert found.check().verdict == "verified"


# Names of parts -----------------------------------------------------------------------------------


def test_a_part_is_not_called_like_a_declared_name() -> None:
    shapes = {"x": "n", "z": "m", "s": ""}
    found = derive("layernorm(x,0.1)", "x", shapes=shapes)
    assert " where " in str(found)
    again = read(str(found), shapes=shapes)
    assert again.expr is found.displayed
    for point in places(derive("layernorm(x,0.1)", "x", shapes={"x": "n"}), 1, 5):
        truth = found.at(point.values, point.sizes)
        written = reader.value(str(found), {**point.values, "z": np.ones(7), "s": 3.0}, point.sizes)
        assert_close(written, truth, str(found), 1e-9)


# Determinants -------------------------------------------------------------------------------------

LEMMA = "where A is invertible: by the matrix determinant lemma"


@pytest.mark.parametrize(
    ("expr", "wrt", "facts", "said"),
    [
        ("det(A + x*y')", "x", {}, True),
        ("log(det(A + x*y'))", "y", {}, True),
        ("det(A + x*y')", "A", {}, False),
        ("det(A + x*y')", "x", {"A": "posdef"}, False),
        ("det(eye(n) + x*y')", "x", {}, False),
        ("det(A + x*y')*tr(inv(A))", "x", {}, False),
    ],
)
def test_the_determinant_lemma_says_what_it_takes_for_granted(
    expr: str, wrt: str, facts: dict[str, str], said: bool
) -> None:
    found = derive(expr, wrt, assume=facts)
    assert (LEMMA in found.notes) == said
    assert found.check().verdict == "verified"


@pytest.mark.parametrize("f", ["det(A + x*y')", "logdet(A*A' + eye(n) + x*y'*y')"])
def test_a_column_that_is_added_to_every_column_is_no_change_of_rank_one(f: str) -> None:
    found = derive(f, "x", shapes={"A": "n,n", "x": "n", "y": "1"})
    assert found.check().verdict == "verified"
    assert LEMMA not in found.notes


# The bound of the search --------------------------------------------------------------------------

RAYLEIGH = "(x'*A*x)/(x'*x)"
TANGLED = "log(1 + (mean(w./(1+w.^2)-w)*(sum(kron(B,v))*dot(u,v)^3)).^2)^3"
HARD = [
    (RAYLEIGH, "x", {"A": "n,n", "x": "n"}, {"A": "symmetric"}),
    (TANGLED, "v", {"w": "n", "B": "m,n", "u": "n", "v": "n"}, {}),
    ("mse(w,logsumexp((V - -(w*w') + V) - V + V,2))", "w", {"w": "n", "V": "n,n"}, {}),
]


@pytest.mark.parametrize(("expr", "wrt", "shapes", "facts"), HARD)
def test_a_search_ends_at_its_bound_with_a_true_form_and_a_note(
    expr: str, wrt: str, shapes: dict[str, str], facts: dict[str, str]
) -> None:
    found = derive(expr, wrt, shapes=shapes, assume=facts, order=2)
    assert found.derivative.cut == any(
        f"after at most {MAX_WORK} terms" in note for note in found.notes
    )
    assert found.check().verdict == "verified"


def test_a_form_that_was_not_searched_to_the_end_says_so() -> None:
    expr, wrt, shapes, facts = HARD[2]
    found = derive(expr, wrt, shapes=shapes, assume=facts, order=2)
    assert found.notes[-1] == (
        "the form may not be the shortest: "
        f"the search was ended after at most {MAX_WORK} terms of one sum"
    )
    assert not any("shortest" in note for note in derive(expr, wrt, shapes=shapes).notes)


def test_the_work_for_one_sum_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    spent: list[int] = []

    class Counted(Search):
        def may_look_at(self, terms: int) -> bool:
            spent.append(terms if not self.ended else 0)
            return super().may_look_at(terms)

        def begin(self, symbols: int = 0) -> None:
            spent.append(-sum(spent))
            super().begin(symbols)

    monkeypatch.setattr("matderiv.choosing.sums.Search", Counted)
    for expr, wrt, shapes, facts in HARD:
        found = derive(expr, wrt, shapes=shapes, assume=facts, order=2)
        assert spent
        assert sum(spent) <= MAX_WORK + 20
        assert not any(is_(n, "fuse") for n in walk(found.expr))


def test_the_form_does_not_depend_on_what_was_derived_before() -> None:
    first = [str(derive(e, x, shapes=s, assume=f, order=2)) for e, x, s, f in HARD]
    again = [str(derive(e, x, shapes=s, assume=f, order=2)) for e, x, s, f in HARD[::-1]]
    assert first == again[::-1]
