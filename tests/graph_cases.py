"""Expressions with fan-out, broadcasting, reductions and layers, as circuits."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

SIZES = {"m": 3, "n": 4, "k": 2, "d": 5, "c": 3}


class Case(NamedTuple):
    """An expression, the sizes of its names ("n,d"; a vector "n"), and names that are positive."""

    name: str
    text: str
    shapes: dict[str, str]
    positive: tuple[str, ...] = ()
    onehot: tuple[str, ...] = ()

    def declared(self) -> dict[str, str]:
        return self.shapes

    def values(self, seed: int = 0) -> dict[str, Any]:
        rng = np.random.default_rng([seed, len(self.text)])
        found: dict[str, Any] = {}
        for name, sizes in self.shapes.items():
            shape = tuple(SIZES.get(s) or int(s) for s in sizes.split(",") if s)
            value = rng.standard_normal(shape)
            if name in self.positive:
                value = np.abs(value) + 0.5
            if name in self.onehot:
                value = np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
            found[name] = value
        return found


def case(name: str, text: str, shapes: str, positive: str = "", onehot: str = "") -> Case:
    """A case from a line such as "X: m,n; b: n"."""
    declared = dict(part.split(":") for part in shapes.split(";"))
    clean = {key.strip(): value.strip() for key, value in declared.items()}
    return Case(name, text, clean, tuple(positive.split()), tuple(onehot.split()))


CASES = (
    case("three gates", "(x + y)*z", "x:; y:; z:"),
    case(
        "sigmoid neuron",
        "1/(1 + exp(-(w0*x0 + w1*x1 + w2)))",
        "w0:; w1:; w2:; x0:; x1:",
    ),
    case("diamond", "a*b + sin(a)*exp(b) - a/b", "a:; b:", "b"),
    case("fan-out of a node", "u*u + exp(u)/u where u = x*y + z", "x:; y:; z:", "x y z"),
    case("one input, four uses", "x'*A*x + sum(x)*norm2(x)^2 + mean(tanh(x))", "A: n,n; x: n"),
    case("matrix used thrice", "tr(X'*X) + sum(X*w) + sum(A.*X)", "X: m,n; w: n; A: m,n"),
    case("squared norm", "norm2(W*x)^2", "W: m,n; x: n"),
    case("norm beside its square", "norm2(x)^2 + norm2(x)", "x: n"),
    case("row added to rows", "sum((X*W + b').^2)", "X: m,n; W: n,k; b: k"),
    case("column added to columns", "sum(tanh(X + a))", "X: m,n; a: m"),
    case("column and row", "sum(A.*(u + v'))", "A: m,n; u: m; v: n"),
    case("scalar broadcast", "sum(sigmoid(X*w + b))", "X: m,n; w: n; b:"),
    case("column sums", "norm2(sum(X,1))^2 + sum(sum(X,2).*y)", "X: m,n; y: m"),
    case("means", "sum((X - mean(X,1)).^2) + mean(X)*sum(mean(X,2))", "X: m,n"),
    case("largest entries", "sum(max(X, axis=2)) + max(x) - min(y)", "X: m,n; x: n; y: d"),
    case("router", "sum(max(x, y).*z + min(x.*y, z))", "x: n; y: n; z: n"),
    case("mask", "sum((z > 0).*x.^2) + sum(where(x > y, x, y.^2))", "x: n; y: n; z: n"),
    case("softmax", "sum(y.*log(softmax(z)))", "y: n; z: n", "y"),
    case("softmax over rows", "sum(V.*softmax(X*W, axis=2))", "X: m,n; W: n,k; V: m,k"),
    case("written softmax", "sum(y.*(exp(z)/sum(exp(z))))", "y: n; z: n"),
    case("cross entropy", "cross_entropy(X*W + b', Y)", "X: m,n; W: n,k; b: k; Y: m,k", "", "Y"),
    case("logistic loss", "sum(log(1 + exp(-y.*(X*w))))", "X: m,n; y: m; w: n"),
    case(
        "two-layer network",
        "cross_entropy(relu(X*W1 + b1')*W2 + b2', Y)",
        "X: m,n; W1: n,d; b1: d; W2: d,c; b2: c; Y: m,c",
        "",
        "Y",
    ),
    case(
        "three residual blocks",
        "sum(h3.^2) where h1 = x + tanh(A*x); h2 = h1 + tanh(B*h1); h3 = h2 + tanh(C*h2)",
        "x: n; A: n,n; B: n,n; C: n,n",
    ),
    case(
        "batch norm as written",
        "sum(A.*(Z.*g' + b')) where M = X - mean(X,1); Z = M./sqrt(mean(M.^2,1) + 0.1)",
        "X: d,n; g: n; b: n; A: d,n",
    ),
    case("batch norm as a gate", "sum(A.*(batchnorm(X).*g' + b'))", "X: d,n; g: n; b: n; A: d,n"),
    case("layer norm", "norm2(layernorm(X*W) - Y)^2", "X: m,n; W: n,d; Y: m,d"),
    case(
        "attention as written",
        "sum(G.*(softmax(Q*K'/sqrt(k), axis=2)*V))",
        "Q: m,k; K: n,k; V: n,d; G: m,d",
    ),
    case(
        "attention with a residual",
        "sum((X + attention(X*Q, X*K, X*V)).^2)",
        "X: m,n; Q: n,k; K: n,k; V: n,n",
    ),
    case("matrix factorisation", "norm2(R - U*V')^2 + 0.1*norm2(U)^2", "R: m,n; U: m,k; V: n,k"),
    case("log likelihood", "logdet(S) + y'*inv(S)*y where S = A*A' + eye(m)", "A: m,n; y: m"),
    case("vector with an upstream", "tanh(W*relu(V*x + b))", "W: m,n; V: n,k; b: n; x: k"),
    case("matrix with an upstream", "softmax(X*W + b', axis=2)", "X: m,n; W: n,k; b: k"),
    case("tensor with an upstream", 'einsum("bij,bjk->bik", S.*S, T)', "S: k,m,n; T: k,n,d"),
    case("row with an upstream", "mean(X.*X, 1) - x'", "X: m,n; x: n"),
)
