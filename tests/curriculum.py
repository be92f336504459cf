"""The topics of a course on backpropagation as tables: expressions and the books' derivatives.

Sources: a Georgia Tech CS 4803/7643 lecture; Parr & Howard, The Matrix Calculus You Need For Deep
Learning (2018), sections 4 to 6; Matrix Cookbook. The topics: N layouts, S scalar rules, C chain
rules, E entrywise operations, R reductions, G graphs, U ReLU, A linear layers, Q logistic
regression, P a neuron and its loss, T tensors in index form, H mistakes of derivations by hand, M
matrix gradients. Expected forms are those of the books, written by hand.
"""

from __future__ import annotations

TOPICS = {"N": 10, "S": 10, "C": 14, "E": 11, "R": 5, "G": 13, "U": 9, "A": 7}
TOPICS |= {"Q": 9, "P": 5, "T": 10, "H": 16, "M": 10}
ELSEWHERE = dict.fromkeys(  # topics that another test file has
    ("G2", "G3", "G4", "G5", "G6", "G7", "G8", "G10", "C12"), "test_graph.py"
)
NET = "W: m,n; x: n; b: m; v: m"
LOGISTIC = "X: n,d; w: d; y: n; b:"
PAIR = "w: n; x: n; z:; b:"
ONE = "x:; y:; z:"
SQUARE = "A: n,n; X: n,n"
MATRICES = "A: n,n; B: n,n; x: n"
SIGNED = "sum(log(1 + exp(-y.*(X*w))))"
BINARY = "-sum(y.*log(sigmoid(X*w)) + (1 - y).*log(1 - sigmoid(X*w)))"
NEURON = "sum((y - max(0, X*w + b)).^2)/n"

Case = tuple[str, str, str, str, str]  # topic, expression, variable, form, sizes


def sizes(text: str) -> dict[str, str]:
    """`"X: n,d; b:"` as a mapping."""
    pairs = (part.partition(":") for part in text.split(";") if part.strip())
    return {name.strip(): size.strip() for name, _, size in pairs}


FIRST: list[Case] = [
    ("S1", "99 + 0*x", "x", "0", ONE),
    ("S2", "3*x", "x", "3", ONE),
    ("S3", "x^3", "x", "3*x^2", ONE),
    ("S4", "x^2 + 3*x", "x", "2*x + 3", ONE),
    ("S5", "x^2 - 3*x", "x", "2*x - 3", ONE),
    ("S6", "x^2*x", "x", "3*x^2", ONE),
    ("S7", "log(x^2)", "x", "2/x", ONE),
    ("S8", "9*(x + x^2)", "x", "9*(1 + 2*x)", ONE),
    ("S9", "3*x^2*y", "x", "6*x*y", ONE),
    ("S9", "3*x^2*y", "y", "3*x^2", ONE),
    ("S10", "2*x + y^8", "x", "2", ONE),
    ("S10", "2*x + y^8", "y", "8*y^7", ONE),
    ("C1", "sin(x^2)", "x", "2*x*cos(x^2)", ONE),
    ("C2", "log(sin(x^3)^2)", "x", "6*x^2*cos(x^3)/sin(x^3)", ONE),
    ("C4", "x + x^2", "x", "1 + 2*x", ONE),
    ("C5", "x*x^2", "x", "3*x^2", ONE),
    ("C6", "sin(x + x^2)", "x", "cos(x + x^2)*(1 + 2*x)", ONE),
    ("C10", "tanh(sin(x))", "x", "diag(cos(x).*(1 - tanh(sin(x)).^2))", PAIR),
    ("E1", "w + x", "w", "eye(n)", PAIR),
    ("E1", "w + x", "x", "eye(n)", PAIR),
    ("E2", "w - x", "w", "eye(n)", PAIR),
    ("E2", "w - x", "x", "-eye(n)", PAIR),
    ("E3", "w.*x", "w", "diag(x)", PAIR),
    ("E3", "w.*x", "x", "diag(w)", PAIR),
    ("E4", "w./x", "w", "diag(1./x)", PAIR),
    ("E4", "w./x", "x", "-diag(w./x.^2)", PAIR),
    ("E5", "max(w,x)", "w", "diag(step(w - x))", PAIR),
    ("E5", "max(w,x)", "x", "diag(step(x - w))", PAIR),
    ("E5", "max(a, b)", "a", "step(a - b)", ""),
    ("E6", "(w > x)", "w", "zeros(n,n)", PAIR),
    ("E6", "(w > x)", "x", "zeros(n,n)", PAIR),
    ("E7", "x", "x", "eye(n)", PAIR),
    ("E8", "exp(x)", "x", "diag(exp(x))", PAIR),
    ("E8", "sin(x)", "x", "diag(cos(x))", PAIR),
    ("E9", "x + z", "x", "eye(n)", PAIR),
    ("E9", "x + z", "z", "ones(n)", PAIR),
    ("E10", "x*z", "x", "z*eye(n)", PAIR),
    ("E10", "x*z", "z", "x", PAIR),
    ("R1", "sum(x)", "x", "ones(n)", PAIR),
    ("R1", "mean(x)", "x", "ones(n)/n", PAIR),
    ("R2", "sum(x*z)", "x", "z*ones(n)", PAIR),
    ("R2", "sum(x*z)", "z", "sum(x)", PAIR),
    ("R3", "sum(exp(x))", "x", "exp(x)", PAIR),
    ("R4", "w'*x", "w", "x", PAIR),
    ("R4", "w'*x", "x", "w", PAIR),
    ("R4", "sum(w.*x)", "w", "x", PAIR),
    ("R5", "w'*x + b", "w", "x", PAIR),
    ("R5", "w'*x + b", "b", "1", PAIR),
    ("U1", "relu(z)", "z", "step(z)", ONE),
    ("U2", "relu(x)", "x", "diag(step(x))", NET),
    ("U6", "relu(W*x + b)", "x", "diag(step(W*x + b))*W", NET),
    ("U6", "relu(W*x + b)", "b", "diag(step(W*x + b))", NET),
    ("A1", "W*x", "x", "W", NET),
    ("A1", "W*x + b", "x", "W", NET),
    ("A1", "W*x + b", "b", "eye(m)", NET),
    ("A1", "sigmoid(W*x + b)", "b", "diag(sigmoid(W*x + b).*(1 - sigmoid(W*x + b)))", NET),
    ("A5", "v'*relu(W*x + b)", "x", "W'*(v.*step(W*x + b))", NET),
    ("A5", "v'*relu(W*x + b)", "W", "(v.*step(W*x + b))*x'", NET),
    ("A6", "x'*A*x", "x", "(A + A')*x", SQUARE),
    ("A7", "norm2(X*w - y)^2", "w", "2*X'*(X*w - y)", LOGISTIC),
    ("A7", "norm2(X*w - y)^2", "X", "2*(X*w - y)*w'", LOGISTIC),
    ("G12", "norm2(W*x)^2", "W", "2*W*x*x'", NET),
    ("G12", "norm2(W*x)^2", "x", "2*W'*W*x", NET),
    ("Q1", "sigmoid(z)", "z", "sigmoid(z)*(1 - sigmoid(z))", ONE),
    ("Q1", "tanh(z)", "z", "1 - tanh(z)^2", ONE),
    ("Q1", "sigmoid(x)", "x", "diag(sigmoid(x).*(1 - sigmoid(x)))", PAIR),
    ("Q2", "-log(sigmoid(w'*x))", "w", "-(1 - sigmoid(w'*x))*x", PAIR),
    ("Q3", SIGNED, "w", "-X'*(y.*sigmoid(-y.*(X*w)))", LOGISTIC),
    ("Q3", SIGNED, "X", "-(y.*sigmoid(-y.*(X*w)))*w'", LOGISTIC),
    ("Q3", SIGNED.replace("X*w", "X*w + b"), "b", "-y'*sigmoid(-y.*(X*w + b))", LOGISTIC),
    ("Q4", BINARY, "w", "X'*(sigmoid(X*w) - y)", LOGISTIC),
    ("Q4", BINARY, "X", "(sigmoid(X*w) - y)*w'", LOGISTIC),
    ("Q4", BINARY.replace("X*w", "X*w + b"), "b", "sum(sigmoid(X*w + b) - y)", LOGISTIC),
    ("Q4", "bce_logits(X*w, y)", "w", "X'*(sigmoid(X*w) - y)/n", LOGISTIC),
    ("Q6", "softmax(z)", "z", "diag(softmax(z)) - softmax(z)*softmax(z)'", ""),
    ("Q7", "-y'*log(softmax(z))", "z", "sum(y)*softmax(z) - y", ""),
    ("Q7", "-y'*log_softmax(z)", "z", "sum(y)*softmax(z) - y", ""),
    ("Q8", "logsumexp(x)", "x", "softmax(x)", PAIR),
    ("P1", "max(0, w'*x + b)", "w", "step(w'*x + b)*x", PAIR),
    ("P1", "max(0, w'*x + b)", "b", "step(w'*x + b)", PAIR),
    ("P2", NEURON, "w", "2*X'*(step(X*w + b).*(max(0, X*w + b) - y))/n", LOGISTIC),
    ("P2", NEURON, "b", "2*step(X*w + b)'*(max(0, X*w + b) - y)/n", LOGISTIC),
    ("P3", "(z - max(0, w'*x + b))^2", "w", "2*(relu(w'*x + b) - z)*step(w'*x + b)*x", PAIR),
    ("M1", "tr(A*X)", "X", "A'", "A: n,m; X: m,n"),
    ("M2", "tr(A*X'*B*X*C)", "X", "B*X*C*A + B'*X*A'*C'", ""),
    ("M3", "log(det(inv(X)))", "X", "-inv(X)'", ""),
    ("M4", "det(X)", "X", "det(X)*inv(X)'", ""),
    ("M5", "tr((X*X')^2)", "X", "4*X*X'*X", "X: n,d"),
    ("M6", "tr((A*X)^2)", "X", "2*(A*X*A)'", ""),
    ("M7", "tr(sin(X))", "X", "diag(cos(diag(X)))", ""),
    ("M8", "norm1(A*x - y)", "x", "A'*sign(A*x - y)", "A: m,n; y: m"),
    ("M8", "norm2(A*x - y)", "x", "A'*(A*x - y)/norm2(A*x - y)", "A: m,n; y: m"),
    ("M9", "x/norm2(x)", "x", "eye(n)/norm2(x) - x*x'/norm2(x)^3", PAIR),
    ("M10", "x*(x'*x)", "x", "x'*x*eye(n) + 2*x*x'", PAIR),
]
SECOND: list[Case] = [
    ("A6", "x'*A*x", "x", "A + A'", SQUARE),
    ("A7", "norm2(X*w - y)^2", "w", "2*X'*X", LOGISTIC),
    ("Q4", BINARY, "w", "X'*diag(sigmoid(X*w).*(1 - sigmoid(X*w)))*X", LOGISTIC),
    (
        "Q7",
        "-y'*log_softmax(z)",
        "z",
        "sum(y)*(diag(softmax(z)) - softmax(z)*softmax(z)')",
        "",
    ),
    ("U8", "v'*relu(W*x + b)", "x", "zeros(n,n)", NET),
]
BATCH = "X: N,D; W: D,H; b: H"
SANDWICH = "A: m,n; X: n,d; B: d,k"
PULLED: list[Case] = [
    ("E8", "exp(x)", "x", "G.*exp(x)", PAIR),
    ("U3", "relu(x)", "x", "G.*step(x)", NET),
    ("U5", "relu(X)", "X", "G.*step(X)", "X: n,d"),
    ("U7", "relu(W*x + b)", "W", "(G.*step(W*x + b))*x'", NET),
    ("U7", "relu(W*x + b)", "x", "W'*(G.*step(W*x + b))", NET),
    ("U7", "relu(W*x + b)", "b", "G.*step(W*x + b)", NET),
    ("A1", "W*x + b", "W", "G*x'", NET),
    ("A1", "W*x + b", "x", "W'*G", NET),
    ("A1", "W*x + b", "b", "G", NET),
    ("A2", "X*W + b'", "X", "G*W'", BATCH),
    ("A2", "X*W + b'", "W", "X'*G", BATCH),
    ("A2", "X*W + b'", "b", "sum(G,1)'", BATCH),
    ("Q6", "softmax(z)", "z", "softmax(z).*(G - G'*softmax(z))", ""),
    ("C13", "A*X*B", "X", "A'*G*B'", SANDWICH),
    ("T10", "X", "X", "G", "X: m,n"),
    ("T10", "X'", "X", "G'", "X: m,n"),
    ("T10", "A*X*B", "X", "A'*G*B'", SANDWICH),
    ("T10", "X^2", "X", "G*X' + X'*G", SQUARE),
    ("T10", "inv(X)", "X", "-inv(X)'*G*inv(X)'", SQUARE),
    ("T10", "x*x'", "x", "(G + G')*x", PAIR),
    ("T10", "A.*X", "X", "A.*G", "A: m,n; X: m,n"),
    ("T10", "diag(x)", "x", "diag(G)", PAIR),
]
INDEXED: list[Case] = [
    ("T1", "X", "X", "∂f_ij/∂X_kl = δ_ik δ_jl", "X: m,n"),
    ("T1", "X'", "X", "∂f_ij/∂X_kl = δ_il δ_jk", "X: m,n"),
    ("T2", "A*X*B", "X", "∂f_ij/∂X_kl = A_ik B_lj", SANDWICH),
    ("T3", "X^2", "X", "∂f_ij/∂X_kl = δ_ik X_lj + X_ik δ_jl", SQUARE),
    ("T4", "inv(X)", "X", "∂f_ij/∂X_kl = -inv(X)_ik inv(X)_lj", SQUARE),
    ("T5", "x*x'", "x", "∂f_ij/∂x_k = δ_ik x_j + x_i δ_jk", PAIR),
    ("T6", "A.*X", "X", "∂f_ij/∂X_kl = A_ij δ_ik δ_jl", "A: m,n; X: m,n"),
    ("T7", "diag(x)", "x", "∂f_ij/∂x_k = δ_ij δ_ik", PAIR),
    ("A1", "W*x + b", "W", "∂f_i/∂W_jk = δ_ij x_k", NET),
    ("A3", "X*W", "W", "∂f_ij/∂W_kl = X_ik δ_jl", BATCH),
    ("A3", "X*W", "X", "∂f_ij/∂X_kl = δ_ik W_lj", BATCH),
    ("U5", "relu(X)", "X", "∂f_ij/∂X_kl = δ_ik δ_jl step(X_ij)", "X: m,n"),
    ("U6", "relu(W*x + b)", "W", "∂f_i/∂W_jk = δ_ij x_k step((W*x)_i + b_i)", NET),
]
# topic, scalar, vector or matrix of, by, expression, variable, gradient, numerator, sizes
SHAPES = [
    ("N1", "sin(x)", "x", "scalar", "scalar", ONE),
    ("N2", "v'*v", "v", "m", "1 × m", NET),
    ("N3", "v*z", "z", "m", "m", "v: m; z:"),
    ("N4", "W*x", "x", "m × n", "m × n", NET),
    ("N5", "v'*W*x", "W", "m × n", "n × m", NET),
    ("N6", "W*z", "z", "m × n", "m × n", "W: m,n; z:"),
    ("N7", "relu(W*x)", "W", "m × m × n", "m × m × n", NET),
    ("N8", "A*diag(x)*B", "x", "c × d × n", "c × d × n", "A: c,n; x: n; B: n,d"),
    ("N9", "A*X*B", "X", "m × k × n × d", "m × k × n × d", SANDWICH),
    (
        "N10",
        'einsum("bij,bjk->bik", S, T)',
        "T",
        *(2 * ("b × i × k × b × j × k",)),
        "S: b,i,j; T: b,j,k",
    ),
]
COMBINATIONS = [  # x, u(x) and f(u) scalars or vectors
    ("sin(x^2)", "x", "scalar", ONE),
    ("v'*sin(z*v)", "z", "scalar", "v: m; z:"),
    ("exp(w'*x)", "x", "n", PAIR),
    ("sum(sin(x))", "x", "n", PAIR),
    ("v*sin(z^2)", "z", "m", "v: m; z:"),
    ("sin(z*v)", "z", "m", "v: m; z:"),
    ("v*exp(w'*x)", "x", "m × n", "v: m; w: n; x: n"),
    ("A*sin(B*x)", "x", "m × n", "A: m,k; B: k,n; x: n"),
]
# topic, expression, variable, wrong answer, diagnosis, sizes
MISTAKES = [
    ("C4", "x + x^2", "x", "2*x", "missing-term", ONE),
    (
        "C9",
        "A*tanh(B*x)",
        "x",
        "B*diag(1 - tanh(B*x).^2)*A",
        "order-of-factors",
        SQUARE + "; B: n,n",
    ),
    ("H1", "x'*A*x", "x", "2*A*x", "symmetric-shortcut", SQUARE),
    ("H2", "tr(A*X)", "X", "A", "other-layout", "A: n,m; X: m,n"),
    ("H3", "inv(X)", "X", "inv(X)*dX*inv(X)", "sign", SQUARE),
    ("H4", "W*x", "W", "x", "shape", NET),
    ("H5", "v'*W*x", "W", "v'*x'", "transpose", NET),
    ("H6", "-y'*log_softmax(z)", "z", "softmax(z) - y", "needs-fact", ""),
    (
        "H7",
        "-y'*log(softmax(A*x))",
        "x",
        "-((diag(softmax(A*x)) - softmax(A*x)*softmax(A*x)').*A)'*(y./softmax(A*x))",
        "hadamard-for-product",
        SQUARE,
    ),
    ("H8", NEURON, "w", "2*X'*(X*w + b - y)/n", "missing-chain-factor", LOGISTIC),
    ("H9", "relu(x)", "x", "step(x)", "diagonal", NET),
    ("H10", "x + x^2", "x", "2*x", "missing-term", ONE),
    ("H11", "norm2(X*w - y)^2", "w", "X'*(X*w - y)", "factor", LOGISTIC),
    ("H16", "exp(w).*sin(x)", "x", "diag(sin(x).*cos(x))", None, PAIR),
]
