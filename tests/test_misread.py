"""What would be read as another formula is refused: glued names, entries, functions of matrices."""

import re

import pytest

from matderiv import MatderivError, derive, verify
from matderiv.input.resolve import read

GLUED = [
    ("||Ax-b||^2 + c*||x||^2", "x", "2*A'*(A*x - b) + 2*c*x"),
    ("norm2(Xw - y)^2 + l*norm2(w)^2", "w", "2*X'*(X*w - y) + 2*l*w"),
    ("tr(AX) + tr(X)", "X", "A' + eye(n)"),
    ("tr(XBX') + tr(X*B)", "X", "X*B' + X*B + B'"),
    ("x^TAx + 2b'x", "x", "(A + A')*x + 2*b"),
    ("1/(2n) ||Xw-y||^2", "w", "X'*(X*w - y)/n"),
]
ENTRIES = [
    ("logsumexp(z) - z_1", "z", "softmax(z) - unit(n,1)"),
    ("X_11*tr(X)", "X", "X_11*eye(n) + tr(X)*unit(n,1)*unit(n,1)'"),
    ("log(sum(exp(z))) - z_y", "z", "softmax(z) - unit(n,y)"),
    (r"\frac{e^{z_i}}{\sum_j e^{z_j}}", "z", "diag(softmax(z)) - softmax(z)*softmax(z)'"),
    (r"-z_y + \log\sum_j e^{z_j}", "z", "softmax(z) - unit(n,y)"),
    (r"\sum_i x_i^\top x_i", "x", "2*X"),
    (r"\sum_{i=1}^n x_i^T y_i", "x", "Y"),
]
MATRIX_FUNCTIONS = [
    r"\operatorname{tr}(\log X)",
    r"\operatorname{tr}(\exp(X))",
    r"\operatorname{tr}(X\sqrt{X})",
    r"\|\sqrt{X^\top X}\|^2",
    r"\operatorname{tr}\left(\log\left(X X^\top\right)\right)",
]


@pytest.mark.parametrize(("formula", "wrt", "derivative"), GLUED)
def test_a_name_made_of_names_is_their_product(formula: str, wrt: str, derivative: str) -> None:
    assert verify(formula, wrt, derivative).correct


@pytest.mark.parametrize(("formula", "wrt", "derivative"), ENTRIES)
def test_an_entry_beside_its_array_is_an_entry_of_it(
    formula: str, wrt: str, derivative: str
) -> None:
    assert verify(formula, wrt, derivative).correct


@pytest.mark.parametrize("formula", MATRIX_FUNCTIONS)
def test_a_function_of_a_square_matrix_in_latex_is_not_read_entry_by_entry(formula: str) -> None:
    assert re.search("expm|logm|sqrtm", read(formula).read_as)
    by_entries = re.sub("log|exp|sqrt", "sin", formula)
    with pytest.raises(MatderivError, match="can mean two things"):
        derive(by_entries, "X")


@pytest.mark.parametrize(
    ("formula", "wrt", "shapes", "derivative"),
    [
        ("||Ax-b||^2 + c*||x||^2", "x", {"Ax": "m", "b": "m"}, "2*c*x"),
        ("logsumexp(z) - z_1", "z", {"z_1": ""}, "softmax(z)"),
        ("norm2(x - x_0)^2", "x", {}, "2*(x - x_0)"),
        (r"\sum_i |x_i|^p", "x", {"p": ""}, "p*sign(x).*abs(x).^(p-1)"),
        (r"\sum_i (x_i+1)^q", "x", {}, "q*(x+1).^(q-1)"),
        (r"x \odot \tanh(x)", "x", {}, "diag(tanh(x) + x.*(1 - tanh(x).^2))"),
        (r"\|x - x_k\|^2", "x", {}, "2*(x - x_k)"),
        ("w_1'*x + w_0'*x", "x", {}, "w_1 + w_0"),
        (r"\sum_{i,j}\exp(X_{ij})", "X", {"X": "n,n"}, "exp(X)"),
        (r"\mathbf 1^\top\log(X)\mathbf 1", "X", {}, "1./X"),
        ("tr(mu*X) + x'*mu*x", "X", {"mu": "n,n"}, "mu'"),
        ("tr(exp(X))", "X", {}, "diag(diag(exp(X)))"),
    ],
)
def test_what_is_clear_is_read(
    formula: str, wrt: str, shapes: dict[str, str], derivative: str
) -> None:
    assert verify(formula, wrt, derivative, shapes=shapes).correct


BY_LETTER = [
    (r"\sum_t c_t e^{s_t} \text{ where } s_t = x_t^2", "x", "2*c.*x.*exp(x.^2)"),
    (r"\sum_l (y_l - h_l)^2 \text{ where } h_l = w^\top x_l", "w", "2*X'*(X*w - y)"),
    (r"\sum_t r_t s_t + s_1 \text{ where } s_t=x_t^2", "x", "2*x.*(r + unit(n,1))"),
]
AS_NUMBERS = [
    r"\sum_i a_i x_i \text{ where } a_i = \frac{1}{i}",
    r"\sum_t g_t x_t \text{ where } g_t=\gamma^t",
    r"\sum_{i,j} k_{ij}x_j \text{ where } k_{ij} = \rho^{|i-j|}",
    r"\sum_{i,j} k_{ij}x_j \text{ where } k_{ij} = \begin{cases} 1 & i<j\\ 0 & i\ge j\end{cases}",
    "sum_i a_i x_i where a_i = min(i, 2)",
]


@pytest.mark.parametrize(("formula", "wrt", "derivative"), BY_LETTER)
def test_a_definition_may_have_the_index_of_any_sum(
    formula: str, wrt: str, derivative: str
) -> None:
    assert str(derive(formula, wrt)) == derivative


@pytest.mark.parametrize("formula", AS_NUMBERS)
def test_an_index_that_stands_as_a_number_in_a_definition_is_refused(formula: str) -> None:
    with pytest.raises(MatderivError, match="stands as a number here"):
        derive(formula, "x")


@pytest.mark.parametrize("formula", ["∇f where f = x'Ax", "g'*d where f = x'*x", "y where x = y"])
def test_a_definition_that_nothing_uses_is_an_error(formula: str) -> None:
    with pytest.raises(MatderivError, match="is defined, and nothing uses it"):
        derive(formula, "x")


def test_the_exponent_of_an_entry_is_a_number() -> None:
    assert str(derive("sum_i x_i^p", "x")) == "p*x.^(p - 1)"
    with pytest.raises(MatderivError, match="the exponent beside an index is a number"):
        derive("sum_i x_i^p", "x", shapes={"p": "n", "x": "n"})


@pytest.mark.parametrize(
    ("formula", "wrt", "derivative"),
    [
        ("tr(expm(A*t)*C)", "t", "tr(A*expm(t*A)*C)"),
        ("tr(inv(A*t)*C)", "t", "-tr(inv(A)*C)/t^2"),
        ("det(A*t)", "t", "n*det(A*t)/t"),
        ("logdet(A*s)", "A", "inv(A)'"),
        (r"x^\top e^{-A t}x", "t", "-x'*A*expm(-t*A)*x"),
        (r"e^{At}x", "t", "A*expm(t*A)*x"),
        ("norm2(A^+ b)^2", "b", "2*pinv(A)'*pinv(A)*b"),
        ("norm2(A^+*b - x)^2", "x", "2*(x - pinv(A)*b)"),
        ("x^+2", "x", "2*x"),
        (r"\lambda_{\max}(A)", "A", "eigvec_max(A)*eigvec_max(A)'"),
        (r"\lambda_{\min}(X^\top X)", "X", "2*X*eigvec_min(X'*X)*eigvec_min(X'*X)'"),
        (r"\sigma_{\max}(A)", "A", "svec_left(A)*svec_right(A)'"),
        (r"\log\Gamma(a)", "a", "digamma(a)"),
        (r"\lambda_1(x^\top x - 1)", "x", "2*lambda_1*x"),
    ],
)
def test_functions_of_a_matrix_are_of_the_whole_matrix(
    formula: str, wrt: str, derivative: str
) -> None:
    assert verify(formula, wrt, derivative).correct


def test_entries_beside_entries_are_no_number_times_a_sum() -> None:
    with pytest.raises(MatderivError, match="cannot multiply y by log"):
        derive("-sum(y*log(p))", "p")
    assert verify("-sum(y.*log(p))", "p", "-y./p").correct


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        (r"\lambda_1(A)", "is not read"),
        (r"\lambda_2(A)", "is not read"),
        (r"\sigma_{\min}(A)", "is not read"),
        (r"\rho(A)", "is not read"),
        (r"\Gamma(A)", "is not read"),
        (r"\Gamma(A+1)", "is not read"),
        (r"\mathcal{L}(Ax)", "unknown function L"),
        (r"\sum_i \rho(y_i - x_i^\top A)", "unknown function"),
        (r"\sum_i \rho_\tau(y_i - x_i^\top A)", "unknown function"),
        (r"\sigma_1(Ax)", "is not read"),
        (r"x^\top A x + \mathcal{O}(\|A\|^3)", "unknown function"),
        ("sum A ln A", "what sum covers is not clear"),
        (r"\sum_i x_i A x_i^\top", "rows at each index"),
        ("np.sum(A[A > 0])", "entries are read at whole numbers"),
        (r"\sigma^2(A^Tx)", "a power of the sigmoid function, or a product?"),
        (r"\mathrm{Var}(A x)", "expectations"),
        (r"\operatorname{Cov}[A]", "expectations"),
        (r"E[\|Ax\|^2]", "expectations"),
        (r"\operatorname{E}(\|Ax\|^2)", "expectations"),
        (r"\log(2\pi)^{-d/2}|A|^{-1/2}\exp(-x^\top A x)", "covers is not clear"),
    ],
)
def test_functions_that_do_not_exist_are_no_products(formula: str, said: str) -> None:
    with pytest.raises(MatderivError, match=said.replace("?", ".")):
        derive(formula, "A")


@pytest.mark.parametrize(
    ("typed", "wrt", "said"),
    [
        (r"\sum_{i,j} h_{i-j}x_ix_j", "x", "the place of an entry of h"),
        (r"\sum_{i,j} A_{i+j}x_ix_j", "x", "the place of an entry of A"),
        (r"\sum_k h_k x_{n-k}", "h", "the place of an entry of x"),
        (r"\sum_i x_i^2 + x_{n+1}", "x", "the place of an entry of x"),
        (r"x_{n-1}x_n + \sum_i x_i^2", "x", "the place of an entry of x"),
        (r"\sum_i i x_i^2", "x", "the index i stands outside"),
        (r"\sum_i x_i^i", "x", "the index i stands outside"),
        (r"\sum_i (x_i - \frac1i)^2", "x", "the index i stands outside"),
        (r"\|X_{i,:}w - y_i\|^2", "X", "y_i has the index of a row"),
        (r"\sum_k x^\top A_k^{-1} x", "x", "inverses of a matrix at each index"),
        ("x^T y^T", "x", "a vector of one entry"),
        ("W_1*x + W*x", "x", "W_1 can be an entry of W"),
        ("A x + x_g", "x", "x_g can be an entry of x"),
        ("norm2(A o X)^2", "X", "o can be the sign"),
        (r"\|A o X\|^2", "X", "o can be the sign"),
        (r"\|x - \overline{x}\|^2", "x", "a mean, a conjugate"),
        (r"\sum_i (y_i\eta_i - b(\eta_i))", r"\eta", "entries here"),
    ],
)
def test_an_index_in_an_odd_place_makes_no_constant(typed: str, wrt: str, said: str) -> None:
    with pytest.raises(MatderivError, match=said):
        derive(typed, wrt)


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        (r"\|h_{t-1} - W x_t\|^2", {"h_tm1", "W", "x_t"}),
        (r"\|W_{l+1}a\|^2", {"W_lp1", "a"}),
        (r"\sum_{i=1}^{n-1}(x_{i+1} - x_i)^2", {"x"}),
        (r"\sum_i w_i\|x_i - \mu\|^2", {"w", "X", "mu"}),
    ],
)
def test_names_with_a_place_in_them_stay_names(typed: str, names: set[str]) -> None:
    assert set(read(typed).variables) == names


@pytest.mark.parametrize(
    "typed",
    [
        "Hessian of norm2(X*w)^2 times v",
        "gradient of x'*A*x by x",
        "2 times x'*x",
        "x'*x and y",
        "the norm2(x)",
    ],
)
def test_words_of_a_sentence_are_no_factors(typed: str) -> None:
    with pytest.raises(MatderivError):
        derive(typed, "w" if "w" in typed else "x", shapes={"X": "n,d", "w": "d", "v": "d"})


def test_a_word_that_is_declared_is_a_name() -> None:
    assert str(derive("norm2(x)^2*of", "x", shapes={"of": ""})) == "2*of*x"


@pytest.mark.parametrize("typed", ["w'*Sw*w", "w'*Qw*w + c'*w", "(w'*Sb*w)/(w'*Sw*w)"])
def test_a_run_between_signs_of_products_is_one_name_or_a_product(typed: str) -> None:
    with pytest.raises(MatderivError, match="can be a matrix of its own or"):
        derive(typed, "w")
    shapes = dict.fromkeys(("Sb", "Sw", "Qw"), "n,n")
    assert "*w*w'" not in str(derive(typed, "w", shapes=shapes))


@pytest.mark.parametrize(
    ("formula", "wrt", "shapes", "derivative"),
    [
        ("(Ww)^Tc_1y", "w", {}, "c_1*W'*y"),
        ("c_1y^Tx", "x", {}, "c_1*y"),
        ("(Ww)^Tc_1y", "w", {"c_1y": "m"}, "W'*c_1y"),
        (r"x^T\mathbf{\Sigma}(x-\mu)", "x", {}, "Sigma*(x - mu) + Sigma'*x"),
        (r"\mathrm{tr}(\mathbf{\Lambda}(A+B))", "A", {}, "Lambda'"),
        (r"\mathbf{\sigma}(b^Tx)", "x", {}, "sigmoid(b'*x)*(1 - sigmoid(b'*x))*b"),
        (r"\log\left(e^T E(Ax + b)\right)", "x", {}, "A'*E'*e/(e'*E*(A*x + b))"),
        (r"e^{\top}\exp(x)", "x", {}, "e.*exp(x)"),
        (r"\exp(a) e^{T}", "T", {"T": ""}, "exp(a)*exp(T)"),
        (r"\log 1^T\exp(x)", "x", {}, "softmax(x)"),
        (r"\exp b^Tx", "x", {}, "exp(b'*x)*b"),
        (r"-\sum_i{\log(b_i - a_ix)}", "x", {}, "sum(a./(b - a*x))"),
        (r"-\sum_i\log(b_i - a_i^Tx)", "x", {}, "A'*(1./(b - A*x))"),
        ("torch.rsqrt(x @ x)", "x", {}, "-x/norm2(x)^3"),
        ("jax.lax.rsqrt(x).sum()", "x", {}, "-0.5*x.^(-1.5)"),
        ("np.dot(x, np.dot(Dmat, x))", "x", {}, "(Dmat + Dmat')*x"),
    ],
)
def test_letters_beside_letters_are_what_their_spelling_says(
    formula: str, wrt: str, shapes: dict[str, str], derivative: str
) -> None:
    assert verify(formula, wrt, derivative, shapes=shapes).correct


@pytest.mark.parametrize(
    ("formula", "wrt"),
    [
        (r"\sum_i \|x_i\|_\infty", "x"),
        (r"\sum_i \|x_i\|_i", "x"),
        (r"\sum_{i=1}^n x_i^\top A_i^{-1}x_i", "x"),
        (r"a, b \in \mathbb R", "a"),
    ],
)
def test_what_no_array_holds_is_not_read_of_numbers(formula: str, wrt: str) -> None:
    with pytest.raises(MatderivError):
        derive(formula, wrt)


@pytest.mark.parametrize(
    ("formula", "derivative"),
    [
        (r"\|x^k - y^k\|^2", "2*k.*x.^(k - 1).*(x.^k - y.^k)"),
        (r"\|x - y^p\|^2", "2*(x - y.^p)"),
        (r"\|x_+\|^2 + \sum_i x_i", "2*relu(x) + 1"),
        (r"\|x - u^k\|^2, u = x", "2*(x - x.^k).*(1 - k.*x.^(k - 1))"),
        (r"\|x + x^k\|^2", "2*(x + x.^k).*(k.*x.^(k - 1) + 1)"),
    ],
)
def test_a_power_of_what_is_asked_about_is_no_iterate(formula: str, derivative: str) -> None:
    assert str(derive(formula, "x")) == derivative
