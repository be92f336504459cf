"""An independent reader of the text language: text and arrays in, a NumPy array out.

It shares no code with `matderiv`, so what it says about a printed result is evidence. A vector is
held as a column; results that are a column or a row come out with one axis, 1x1 results with none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = Any
Node = tuple[Any, ...]

TOKEN = re.compile(
    r"\s*(?:(?P<num>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)"
    r"|(?P<name>[^\W\d]\w*)"
    r'|(?P<text>"[^"]*")'
    r"|(?P<op>\.\*|\./|\.\^|\*\*|>=|<=|[-+*/^'(),<>=@]))"
)
COMPARISONS = (">", "<", ">=", "<=")


class UnreadableError(ValueError):
    """The text is not of the language, or its sizes do not fit."""


# Text to a tree ----------------------------------------------------------------------------------


def tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text) of every token, with an end mark.

    >>> tokens("2*A'")
    [('num', '2'), ('op', '*'), ('name', 'A'), ('op', "'"), ('end', '')]
    """
    found, at, text = [], 0, text.strip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise UnreadableError(f"unexpected {text[at : at + 10]!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return [*found, ("end", "")]


class Parser:
    """Recursive descent, one method per level of the grammar, loosest first."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.at = 0

    def peek(self) -> str:
        kind, text = self.tokens[self.at]
        return text if kind == "op" else ""

    def take(self) -> tuple[str, str]:
        self.at += 1
        return self.tokens[self.at - 1]

    def need(self, op: str) -> None:
        if self.peek() != op:
            raise UnreadableError(f"expected {op!r}, found {self.tokens[self.at][1]!r}")
        self.take()

    def whole(self) -> Node:
        node = self.comparison()
        if self.tokens[self.at][0] != "end":
            raise UnreadableError(f"unexpected {self.tokens[self.at][1]!r}")
        return node

    def comparison(self) -> Node:
        return self.chain(COMPARISONS, self.sum)

    def sum(self) -> Node:
        return self.chain(("+", "-"), self.product)

    def product(self) -> Node:
        return self.chain(("*", "/", ".*", "./", "@"), self.sign)

    def chain(self, operators: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        node = operand()
        while self.peek() in operators:
            node = ("binary", self.take()[1], node, operand())
        return node

    def sign(self) -> Node:
        if self.peek() == "-":
            self.take()
            return ("binary", "*", ("number", -1.0), self.sign())
        return self.postfix()

    def postfix(self) -> Node:
        node = self.atom()
        while self.peek() in ("'", "^", ".^", "**"):
            operator = self.take()[1]
            if operator == "'":
                node = ("transpose", node)
            else:
                node = ("binary", "^" if operator == "**" else operator, node, self.exponent())
        return node

    def exponent(self) -> Node:
        if self.peek() == "-":
            self.take()
            return ("binary", "*", ("number", -1.0), self.exponent())
        return self.atom()

    def atom(self) -> Node:
        kind, text = self.take()
        if kind == "num":
            return ("number", float(text))
        if kind == "text":
            return ("pattern", text[1:-1])
        if kind == "name":
            return self.call(text) if self.peek() == "(" else ("name", text)
        if text == "(":
            node = self.comparison()
            self.need(")")
            return node
        raise UnreadableError(f"unexpected {text!r}")

    def call(self, name: str) -> Node:
        self.need("(")
        args: list[Node] = []
        axis: Node | None = None
        while self.peek() != ")":
            if self.tokens[self.at] == ("name", "axis") and self.tokens[self.at + 1][1] == "=":
                self.at += 2
                axis = self.sum()
            else:
                args.append(self.comparison())
            if self.peek() != ")":
                self.need(",")
        self.need(")")
        return ("call", name, args, axis)


def named_parts(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The expression, and its named parts in the order in which they are defined.

    >>> named_parts("2*z where z = x + y; w = z")
    ('2*z', [('z', 'x + y'), ('w', 'z')])
    """
    main, _, rest = text.partition(" where ")
    pairs = [part.split("=", 1) for part in rest.split(";") if part.strip()]
    return main, [(name.strip(), value.strip()) for name, value in pairs]


# Values ------------------------------------------------------------------------------------------


def sigmoid(x: Array) -> Array:
    """1/(1 + exp(-x)) without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def erf(x: Array) -> Array:
    """The error function from the standard library."""
    return np.vectorize(math.erf, otypes=[float])(x)


ELEMENTWISE: dict[str, Callable[[Array], Array]] = {
    **{n: getattr(np, n) for n in "exp log log1p expm1 sqrt abs sign square sin cos tan".split()},
    **{n: getattr(np, n) for n in "arcsin arccos arctan sinh cosh tanh".split()},
    "sigmoid": sigmoid,
    "erf": erf,
    "relu": lambda x: np.maximum(x, 0),
    "step": lambda x: (x > 0) * 1.0,
    "softplus": lambda x: np.logaddexp(x, 0),
    "silu": lambda x: x * sigmoid(x),
    "gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
}
REDUCTIONS: dict[str, Callable[..., Array]] = {
    "sum": np.sum,
    "mean": np.mean,
    "prod": np.prod,
    "max": np.max,
    "min": np.min,
    "var": np.var,
    "std": np.std,
}
COMPARED = {">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal}
MATRIX: dict[str, Callable[..., Array]] = {
    "tr": np.trace,
    "det": np.linalg.det,
    "logdet": lambda x: np.log(np.linalg.det(x)),
    "adj": lambda x: np.linalg.det(x) * np.linalg.inv(x),
    "pinv": np.linalg.pinv,
    "tril": np.tril,
    "triu": np.triu,
    "solve": np.linalg.solve,
    "kron": np.kron,
    "vec": lambda x: x.T.reshape(-1, 1),
    "outer": lambda x, y: x @ y.T,
    "dot": lambda x, y: np.sum(x * y),
    "cross": lambda x, y: np.cross(x[:, 0], y[:, 0])[:, None],
    "norm1": lambda x: np.sum(np.abs(x)),
    "norm2": lambda x: np.sqrt(np.sum(x * x)),
    "norminf": lambda x: np.max(np.abs(x)),
    "vector": lambda x: x,
    "matrix": lambda x: x,
}


def standardised(x: Array, eps: Array, axis: int) -> Array:
    """x less its mean, over the root of its variance plus eps."""
    shifted = x - x.mean(axis=axis, keepdims=True)
    return shifted / np.sqrt((shifted**2).mean(axis=axis, keepdims=True) + eps)


SHORTHANDS: dict[str, Callable[..., Array]] = {
    "layernorm": lambda x, eps: standardised(x, eps, 1),
    "batchnorm": lambda x, eps: standardised(x, eps, 0),
    "rmsnorm": lambda x, eps: x / np.sqrt((x * x).mean(axis=1, keepdims=True) + eps),
    "quadform": lambda x, a: x.T @ a @ x,
    "mse": lambda a, b: np.mean((a - b) ** 2),
    "bce": lambda p, y: -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)),
    "bce_logits": lambda z, y: np.mean(np.logaddexp(z, 0) - y * z),
    "hinge": lambda z, y: np.mean(np.maximum(0, 1 - y * z)),
    "kl": lambda p, q: np.sum(p * np.log(p / q)),
}


def column(value: Array) -> Array:
    """An array as it is held: vectors as columns."""
    array = np.asarray(value, float)
    return array[:, None] if array.ndim == 1 else array


def slim(value: Array) -> Array:
    """A 1x1 matrix as a scalar, anything else as it is."""
    return value.reshape(()) if value.ndim == 2 and value.size == 1 else value


class Evaluation:
    """The value of a tree for given arrays and sizes."""

    def __init__(self, values: Mapping[str, Array], sizes: Mapping[str, int]) -> None:
        self.values = {name: column(v) for name, v in values.items()}
        self.sizes = sizes

    def value(self, node: Node) -> Array:
        kind = node[0]
        if kind == "number":
            return np.array(node[1])
        if kind == "name":
            return self.name(node[1])
        if kind == "transpose":
            return self.value(node[1]).T
        if kind == "binary":
            return self.binary(node[1], self.value(node[2]), self.value(node[3]))
        if kind == "call":
            return np.asarray(self.call(*node[1:]), float)
        raise UnreadableError(f"{kind} stands alone")

    def name(self, name: str) -> Array:
        if name in self.values:
            return self.values[name]
        if name in self.sizes:
            return np.array(float(self.sizes[name]))
        if name == "pi":
            return np.array(math.pi)
        raise UnreadableError(f"unknown name {name!r}")

    def binary(self, op: str, a: Array, b: Array) -> Array:
        if op in ("*", "@"):
            return self.times(a, b)
        if op == "/":
            if b.size != 1:
                raise UnreadableError("/ by an array")
            return a / b.reshape(())
        if op in COMPARED:
            return COMPARED[op](a, b) * 1.0
        if op == "^" and a.size != 1:
            if a.ndim != 2 or a.shape[0] != a.shape[1] or float(b) != int(b):
                raise UnreadableError("a power of a matrix that is not square, or not whole")
            return np.linalg.matrix_power(a, int(b))
        if op in ("^", ".^"):
            whole = b.ndim == 0 and float(b) == int(b)
            return np.power(a, int(b)) if whole and b >= 0 else np.power(a, b)
        return {"+": np.add, "-": np.subtract, ".*": np.multiply, "./": np.divide}[op](a, b)

    def times(self, a: Array, b: Array) -> Array:
        """The matrix product; one entry times anything is a multiple."""
        fits = a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0]
        if fits:
            return slim(a @ b)
        for one, other in ((a, b), (b, a)):
            if one.size == 1:
                return one.reshape(()) * other
        raise UnreadableError(f"product of {a.shape} by {b.shape}")

    def call(self, name: str, args: list[Node], axis: Node | None) -> Array:
        if name in ("eye", "ones", "zeros", "commutation", "duplication"):
            return constant(name, [int(self.value(a)) for a in args])
        if name == "einsum":
            return contraction(args[0][1], [self.value(a) for a in args[1:]])
        given = [self.value(a) for a in args]
        if name in REDUCTIONS and (len(given) == 1 or name not in ("max", "min")):
            along = given[1] if len(given) == 2 else None if axis is None else self.value(axis)
            return reduction(name, given[0], along)
        if name in ("softmax", "log_softmax", "logsumexp"):
            along = given[1] if len(given) == 2 else None if axis is None else self.value(axis)
            return normalised(name, given[0], along)
        if name == "permute":
            x = given[0]
            return np.transpose(x, [int(k) - 1 for k in given[1:]])
        return applied(name, given)


def constant(name: str, sizes: list[int]) -> Array:
    """eye(n), ones(n), ones(m,n), zeros(..), commutation(m,n)."""
    if name == "eye":
        return np.eye(sizes[0])
    if name == "commutation":
        m, n = sizes
        k = np.zeros((m * n, m * n))
        for i in range(m):
            for j in range(n):
                k[i * n + j, j * m + i] = 1  # X_ij is entry j*m+i of vec(X), i*n+j of vec(X')
        return k
    if name == "duplication":
        (n,) = sizes
        free = [(i, j) for j in range(n) for i in range(j, n)]
        d = np.zeros((n * n, len(free)))
        for k, (i, j) in enumerate(free):
            d[j * n + i, k] = d[i * n + j, k] = 1  # S_ij and S_ji are both entry k of vech(S)
        return d
    return np.full(sizes if len(sizes) > 1 else (sizes[0], 1), 1.0 if name == "ones" else 0.0)


def contraction(pattern: str, operands: list[Array]) -> Array:
    """einsum with vectors in place of columns."""
    letters = pattern.split("->")[0].split(",")
    fitted = [x.reshape(-1) if len(t) == 1 else x for t, x in zip(letters, operands, strict=True)]
    return column(np.einsum(pattern, *fitted))


def reduction(name: str, x: Array, axis: Array | None) -> Array:
    """A reduction of everything or along an axis, which stays for matrices."""
    if axis is None:
        return REDUCTIONS[name](x)
    return REDUCTIONS[name](x, axis=int(axis) - 1, keepdims=x.ndim == 2)


def normalised(name: str, x: Array, axis: Array | None) -> Array:
    """softmax, log_softmax and logsumexp, shifted by the largest entry."""
    along = (0 if x.shape[1] == 1 else 1) if axis is None else int(axis) - 1
    top = x.max(axis=along, keepdims=True)
    total = top + np.log(np.exp(x - top).sum(axis=along, keepdims=True))
    if name == "logsumexp":
        return slim(total) if axis is None else total
    return np.exp(x - total) if name == "softmax" else x - total


def applied(name: str, given: list[Array]) -> Array:
    """A function of one or more arrays."""
    x = given[0]
    if name in ELEMENTWISE and len(given) == 1:
        return ELEMENTWISE[name](x)
    if name in ("max", "min"):
        return (np.maximum if name == "max" else np.minimum)(*given)
    if name == "where":
        return np.where(given[0] != 0, given[1], given[2])
    if name == "leaky_relu":
        return np.where(x > 0, x, given[1] * x)
    if name == "huber":
        return np.where(np.abs(x) <= given[1], x * x / 2, given[1] * (np.abs(x) - given[1] / 2))
    if name == "inv":
        return 1 / x if x.size == 1 else np.linalg.inv(x)
    if name == "diag":
        return np.diag(x[:, 0]) if x.shape[1] == 1 else np.diag(x)[:, None]
    if name == "unvec":
        return x.reshape((int(given[2]), int(given[1]))).T
    for table in (MATRIX, SHORTHANDS):
        if name in table:
            return slim(np.asarray(table[name](*given)))
    raise UnreadableError(f"unknown function {name!r}")


def value(text: str, values: Mapping[str, Array], sizes: Mapping[str, int]) -> Array:
    """The value of a printed result, with its named parts.

    >>> value("2*z' where z = A*x", {"A": [[1, 2]], "x": [3, 4]}, {})
    array(22.)
    """
    main, parts = named_parts(text)
    evaluation = Evaluation(values, sizes)
    for name, written in parts:
        evaluation.values[name] = np.asarray(evaluation.value(Parser(written).whole()))
    found = np.asarray(evaluation.value(Parser(main).whole()))
    if found.ndim == 2 and 1 in found.shape:
        return found.reshape(-1) if found.size > 1 else found.reshape(())
    return found
