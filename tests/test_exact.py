"""The exact identity test: laws of the finite field, dual numbers, acceptance and rejection."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from matderiv.calculus.structure import linear_structure
from matderiv.expr import apply, variable
from matderiv.numeric.draws import longest_word
from matderiv.shapes import Dim
from matderiv.verification.claims import ask, read_answer
from matderiv.verification.field.dual import determinant, inverse, matrix_inverse, root, times
from matderiv.verification.field.exact import Identity, degree_bound, exact_test
from matderiv.verification.field.points import BATCH, FieldPoint, level_field
from matderiv.verification.field.residues import CHAIN, Field, Unlucky
from matderiv.verification.field.values import Evaluation

P = Field(CHAIN[0])
RNG = np.random.default_rng(5)


def residues(*shape: int) -> np.ndarray:
    return RNG.integers(1, P.p, size=shape)


def is_prime(n: int) -> bool:
    return n > 1 and all(n % k for k in range(2, int(n**0.5) + 1))


def test_chain_is_prime_and_each_is_twice_the_next_plus_one() -> None:
    assert all(is_prime(p) for p in CHAIN)
    assert all(p == 2 * q + 1 for p, q in pairwise(CHAIN))


@pytest.mark.parametrize("p", CHAIN[:-1])
def test_small_positive_numbers_are_squares_and_minus_one_is_not(p: int) -> None:
    at = Field(p)
    assert (at.character(np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])) == 1).all()
    assert at.character(np.array([p - 1]))[0] == -1


def test_exp_turns_sums_into_products_and_log_undoes_it() -> None:
    q = CHAIN[1]
    a, b = residues(40) % q, residues(40) % q
    whole = P.exponential((a + b) % q)
    assert (whole == P.exponential(a) * P.exponential(b) % P.p).all()
    assert (P.logarithm(whole) == (a + b) % q).all()
    assert (P.character(whole) == 1).all()


def test_roots_of_products_are_products_of_roots() -> None:
    a, b = residues(30) ** 2 % P.p, residues(30) ** 2 % P.p
    assert (P.root(a * b % P.p) == P.root(a) * P.root(b) % P.p).all()
    assert (P.root(a) ** 2 % P.p == a).all()


def test_inverse_and_determinant_of_matrices_with_zero_pivots() -> None:
    m = np.array([[[0, 1, 2], [1, 0, 3], [4, 5, 0]]])
    inverse_, determinant_ = P.reduced(m)
    assert (np.matmul(inverse_, m) % P.p == np.eye(3)).all()
    assert determinant_[0] == round(np.linalg.det(m[0])) % P.p
    with pytest.raises(Unlucky):
        P.reduced(np.array([[[1, 2], [2, 4]]]))


def test_dual_parts_obey_the_product_rule_and_square_to_zero() -> None:
    x = {0: residues(4), 2: residues(4)}
    square = times(P, x, x)
    assert (square[2] == 2 * x[0] * x[2] % P.p).all()
    assert set(square) == {0, 2}


def test_dual_inverse_root_and_determinant_satisfy_their_definitions() -> None:
    x = {0: residues(4), 2: residues(4), 4: residues(4), 6: residues(4)}
    one = times(P, x, inverse(P, x))
    assert (one[0] == 1).all()
    assert not any(one[k].any() for k in (2, 4, 6))
    r = root(P, x)
    again = times(P, r, r)
    assert all((again[k] == x[k]).all() for k in x)
    assert not any(again[k].any() for k in again if k & 1)
    m = {0: residues(2, 3, 3), 2: residues(2, 3, 3)}
    unit = times(P, m, matrix_inverse(P, m), np.matmul)
    assert (unit[0] == np.eye(3)).all()
    assert not unit[2].any()
    n = {0: residues(2, 3, 3), 2: residues(2, 3, 3)}
    left = determinant(P, times(P, m, n, np.matmul))
    right = times(P, determinant(P, m), determinant(P, n))
    assert all((left[k] == right[k]).all() for k in (0, 2))


@pytest.mark.parametrize("fact", "symmetric skew diagonal posdef orthogonal lower upper".split())
def test_facts_of_matrices_hold_at_every_level(fact: str) -> None:
    n = Dim(("n",))
    v = variable("A", (n, n), {fact})
    point = FieldPoint({"n": 4}, (1, 2))
    for level in (0, 1, 5):
        p, x = level_field(level).p, point.value(v, level) % level_field(level).p
        turned = np.swapaxes(x, -1, -2)
        if fact in ("symmetric", "posdef"):
            assert (x == turned).all()
        if fact == "skew":
            assert ((x + turned) % p == 0).all()
        if fact == "orthogonal":
            assert (np.matmul(x, turned) % p == np.eye(4)).all()
        if fact in ("lower", "diagonal"):
            assert not np.triu(x, 1).any()
        if fact in ("upper", "diagonal"):
            assert not np.tril(x, -1).any()


@pytest.mark.parametrize("fact", ["onehot", "simplex"])
def test_rows_add_up_to_one(fact: str) -> None:
    v = variable("Y", (Dim(("n",)), Dim(("k",))), {fact})
    x = FieldPoint({"n": 3, "k": 4}, (7,)).value(v, 0)
    assert (x.sum(axis=-1) % P.p == 1).all()


def test_labels_are_the_same_at_all_levels_and_both_present() -> None:
    v = variable("y", (Dim(("n",)),), {"labels"})
    point = FieldPoint({"n": 5}, (7,))
    x, z = point.value(v, 0), point.value(v, 3)
    assert ((x == 1) == (z == 1)).all()
    both = (x == 1).any(axis=1) & (x == P.p - 1).any(axis=1)
    assert both[-4:].all()
    alike = FieldPoint({"n": 5}, (7, 0)).value(v, 0)[:4]
    assert (alike == alike[:, :1]).all()


def test_a_derivative_by_dual_numbers_is_that_of_rational_arithmetic() -> None:
    x = variable("x")
    point = FieldPoint({}, (3,))
    ones = np.ones(BATCH, dtype=np.int64)
    run = Evaluation(point, 0, {x: {2: ones}})
    found = run.at((x**3 + 1) / (x + 2), dual=True)
    for value, slope in zip(point.value(x, 0).tolist(), found[2].tolist(), strict=True):
        v = Fraction(value)
        wanted = (3 * v**2 * (v + 2) - (v**3 + 1)) / (v + 2) ** 2
        assert slope == P.number(wanted.numerator, wanted.denominator)


RIGHT = [
    ("sum(log(1+exp(-y.*(X*w))))", "w", "-X'*(y.*sigmoid(-y.*(X*w)))", {"y": "labels"}),
    ("sum(log(1+exp(-y.*(X*w))))", "w", "-X'*(y./(1+exp(y.*(X*w))))", {}),
    ("log(sum(exp(x)))", "x", "softmax(x)", {}),
    ("logsumexp(x)", "x", "exp(x-max(x))/sum(exp(x-max(x)))", {}),
    ("sum(tanh(x))", "x", "4*exp(2*x)./(1+exp(2*x)).^2", {}),
    ("sum(softplus(x))", "x", "1./(1+exp(-x))", {}),
    ("sum(sin(2*x))", "x", "2*cos(x).^2-2*sin(x).^2", {}),
    ("sum(tan(x))", "x", "1./cos(x).^2", {}),
    ("sum(arctan(x))", "x", "1./(1+x.*x)", {}),
    ("sum(arcsin(x))", "x", "(1-x.^2).^-0.5", {}),
    ("sum(erf(x))", "x", "2*exp(-x.^2)/sqrt(pi)", {}),
    ("norm2(A*x)", "x", "A'*(A*x)/sqrt(x'*A'*A*x)", {}),
    ("norm2(x)^3", "x", "3*norm2(x)*x", {}),
    ("sum(x.^2.5)", "x", "2.5*x.^1.5", {}),
    ("sum(x.^a)", "x", "a*x.^a./x", {"x": "positive"}),
    ("logdet(X)", "X", "(X')^-1", {}),
    ("log(det(X*X))", "X", "2*inv(X)'", {}),
    ("det(X)", "X", "adj(X)'", {}),
    ("kl(p,q)", "p", "log(p)-log(q)+vector(1)", {"p": "positive", "q": "positive"}),
    ("sum(abs(x.*y))", "x", "abs(y).*sign(x)", {}),
    ("sum(relu(2*X*w))", "w", "2*X'*step(X*w)", {}),
    ("sum(max(x,y))", "x", "1-step(y-x)", {}),
    ("sum(where(x>0,x.^2,x))", "x", "where(x>0,2*x,1)", {}),
    ("x'*Q'*Q*x", "x", "2*x", {"Q": "orthogonal"}),
    ("sum(elu(x))", "x", "step(x)+step(-x).*exp(x)", {}),
    ("sum(gelu(x))", "x", "(1+erf(x/sqrt(2)))/2+x.*exp(-x.^2/2)/sqrt(2*pi)", {}),
    ("x'*pinv(A)*y", "y", "pinv(A)'*x", {}),
    ("prod(x)", "x", "prod(x)./x", {}),
    ("tr(kron(X,X))", "X", "2*tr(X)*eye(n)", {}),
]
SHAPES = {
    "X": "n,n", "w": "n", "x": "n", "y": "n", "A": "m,n", "Q": "n,n", "p": "n", "q": "n", "a": "",
}  # fmt: skip


def outcome(f: str, wrt: str, answer: str, assume: dict[str, str]) -> str:
    names = {k: v for k, v in SHAPES.items() if k in f + answer}
    if "pinv" in f:
        names |= {"x": "n", "y": "m"}
    asked = ask(f, wrt, shapes=names, assume=assume, structure="none")
    e = read_answer(asked, answer)
    space = linear_structure(asked.wrt)
    identity = Identity(
        asked.f, asked.path, e, lambda a, outer, inner: a, space=space, structure="none"
    )
    return exact_test(identity).verdict


@pytest.mark.parametrize(("f", "wrt", "answer", "assume"), RIGHT)
def test_equal_spellings_are_accepted(
    f: str, wrt: str, answer: str, assume: dict[str, str]
) -> None:
    assert outcome(f, wrt, answer, assume) == "equal"


@pytest.mark.parametrize(("f", "wrt", "answer", "assume"), RIGHT)
def test_a_thousandth_more_is_rejected(
    f: str, wrt: str, answer: str, assume: dict[str, str]
) -> None:
    assert outcome(f, wrt, f"1.001*({answer})", assume) == "different"


def test_an_identity_of_two_by_two_matrices_is_rejected() -> None:
    twin = "3*(tr(X)*X-det(X)*eye(n))'"  # Cayley & Hamilton: right for n = 2 only
    assert outcome("tr(X^3)", "X", twin, {}) == "different"


@pytest.mark.parametrize(
    ("f", "answer"), [("exp(1)*a", "3"), ("pi*a", "22/7"), ("sqrt(2)*a", "7/5"), ("exp(a)", "1+a")]
)
def test_constants_beyond_fractions_equal_no_fraction(f: str, answer: str) -> None:
    assert outcome(f, "a", answer, {}) == "different"


def test_functions_without_a_model_are_left_to_numbers() -> None:
    assert outcome("norm_nuc(X)", "X", "X", {}) == "undecided"


def test_word_length_and_degree() -> None:
    n = Dim(("n",))
    X = variable("X", (n, n))
    assert longest_word(X @ X.T @ X) == 3
    assert longest_word(apply("tr", apply("power", X, 5))) == 5
    assert degree_bound(apply("det", X), {"n": 4}) == 4
    assert degree_bound(apply("inv", X) @ X, {"n": 3}) >= 3
