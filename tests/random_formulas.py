"""Random formulas of the text language that fit, with random facts and values that have them.

Nothing here knows the engine: formulas are texts, values are drawn by this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

Array = Any
SIZES = {"n": 3, "m": 2, "k": 4}
SHAPES = {
    **dict.fromkeys("abc", ""),
    **dict.fromkeys("xyz", "n"),
    **dict.fromkeys("uv", "m"),
    "w": "k",
    **dict.fromkeys("XABS", "n,n"),
    **dict.fromkeys("WV", "m,n"),
    "P": "n,k",
    "M": "m,m",
    "q": "m*n",
}
SMOOTH = "sin cos tanh sigmoid softplus arctan silu erf gelu exp sinh cosh square".split()
KINKED = "abs relu sign step elu".split()
MATRIX_FACTS = "symmetric skew diagonal posdef orthogonal lower upper positive".split()
VECTOR_FACTS = "onehot labels binary positive simplex".split()
ROW_FACTS = ("onehot", "simplex", "labels", "binary", "positive")


@dataclass
class Formulas:
    """Grows formulas from a seed: `scalar`, `vector` and `matrix` of some depth.

    With `few` there is one name for each shape, and parts come again: equal parts are where terms
    merge, cancel and fold.
    """

    random: Random
    rough: bool = True
    few: bool = False
    names: tuple[str, ...] = tuple(SHAPES)
    before: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.few:
            mixed = self.random.sample(list(SHAPES), len(SHAPES))
            self.names = tuple({SHAPES[v]: v for v in mixed}.values())

    def again(self, shape: str, made: Callable[[], str]) -> str:
        """A part of a shape that was made before, now and then; else a new one."""
        known = self.before.setdefault(shape, [])
        if self.few and known and self.random.random() < 0.35:
            return self.random.choice(known)
        part = made()
        known.append(part)
        return part

    def name(self, shape: str) -> str:
        """A variable of a shape, or of the transposed shape with a transpose."""
        found = [v for v in self.names if SHAPES[v] == shape]
        opposite = ",".join(shape.split(",")[::-1])
        turned = [v + "'" for v in self.names if SHAPES[v] == opposite]
        options = found * 3 + (turned if "," in shape else [])
        return self.random.choice(options) if options else f"ones({shape})"

    def number(self) -> str:
        return self.random.choice(("2", "3", "0.5", "1", "4", "n", "7"))

    def size(self) -> str:
        return self.random.choice("nnnmmk")

    def pick(self, makers: list[Callable[[], str]]) -> str:
        return bracketed(self.random.choice(makers)())

    # Of any shape --------------------------------------------------------------------------------

    def common(self, grow: Callable[[], str], shaped: Callable[[], str]) -> list[Any]:
        """Entrywise functions of parts of one shape; `shaped` gives a smaller part."""
        r = self.random
        makers = [
            lambda: f"({grow()} + {shaped()})",
            lambda: f"({grow()} - {shaped()})",
            lambda: f"({grow()} - {shaped()} + {shaped()})",
            lambda: f"{r.choice(SMOOTH)}({shaped()}/2)",
            lambda: f"-{shaped()}",
            lambda: f"log(1 + {grow()}.^2)",
            lambda: f"sqrt(1 + {grow()}.^2)",
            lambda: f"{grow()}.^{r.choice('234')}",
            lambda: f"(1 + {grow()}.^2).^{r.choice(('-1', '-2', '0.5', '-0.5', '1.5'))}",
            lambda: self.known_form(grow()),
        ]
        if self.rough:
            makers += [
                lambda: f"{r.choice(KINKED)}({grow()})",
                lambda: f"max({grow()}, {r.choice(('0', '1', '0.5'))})",
                lambda: f"min({grow()}, {shaped()})",
                lambda: f"max({grow()}, {shaped()})",
                lambda: f"where({grow()} > {shaped()}, {shaped()}, {grow()})",
                lambda: f"where({grow()} <= 0, {shaped()}, {grow()})",
                lambda: f"huber({grow()}, {r.choice(('1', '0.5'))})",
                lambda: f"leaky_relu({grow()}, 0.1)",
                lambda: f"({grow()} > 0.3).*{shaped()}",
            ]
        return makers

    def known_form(self, e: str) -> str:
        """A formula in one part twice and more, of the kinds that the engine has names for."""
        forms = (
            "exp({e})./(1 + exp({e}))",
            "1 - sigmoid({e})",
            "sigmoid({e}).*(1 - sigmoid({e}))",
            "1 - tanh({e}).^2",
            "log(1 + exp({e}))",
            "2*{e}.^3 - 3*{e}.^2 + {e}",
            "{e}.^2 - {e}.^4",
            "({e} - 1).^2.*{e}",
            "{e}./(1 + {e}.^2) - {e}.^2./(1 + {e}.^2).^2",
            "sin({e}).*cos({e}) + sin({e}).^2",
            "sinh({e})./cosh({e})",
            "({e} + 1).*({e} - 1)",
            "{e}.*{e}",
        )
        rough = (
            "{e}.*sign({e})",
            "relu({e}).*step({e})",
            "abs({e}).*sign({e})",
            "max({e}, -{e})",
            "min({e}, 0) + max({e}, 0)",
            "max(0, 1 - {e})",
            "({e} > 0).*{e} + ({e} <= 0).*{e}.^2",
            "where({e} > 0, {e}.^2, -{e})",
            "max(min({e}, 1), -1)",
        )
        return self.random.choice(forms + rough if self.rough else forms).format(e=e)

    # Scalars -------------------------------------------------------------------------------------

    def scalar(self, depth: int) -> str:
        """A formula that is a number."""
        return self.again("", lambda: self._scalar(depth))

    def _scalar(self, depth: int) -> str:
        r = self.random
        if depth <= 0:
            return r.choice((self.name(""), self.name(""), self.number()))
        n, m = self.size(), self.size()
        less = depth - 1

        def s() -> str:
            return self.scalar(less)

        def small() -> str:
            return self.scalar(max(0, less - 1))

        def v(at: str = n) -> str:
            return self.vector(at, less)

        def mat(i: str = n, j: str = m) -> str:
            return self.matrix(i, j, less)

        plain = [t for t in self.common(s, small)] if r.random() < 0.4 else []
        makers = [
            *plain[:4],
            lambda: f"{s()}*{small()}",
            lambda: f"{s()}/(1 + {small()}^2)",
            lambda: f"{s()}^{r.choice('234')}",
            lambda: f"sum({v()})",
            lambda: f"mean({v()})",
            lambda: f"sum({v()}.*{v()})",
            lambda: f"{v()}'*{v()}",
            lambda: f"{v()}'*{self.matrix(n, m, less - 1)}*{self.vector(m, less - 1)}",
            lambda: f"dot({v()}, {v()})",
            lambda: f"norm2({v()})^2",
            lambda: f"norm2({v()} - {self.vector(n, less - 1)})",
            lambda: f"logsumexp({v()})",
            lambda: f"prod({self.vector('m', less)})",
            lambda: f"var({v()})",
            lambda: f"mse({v()}, {v()})",
            lambda: f"quadform({v('n')}, {self.matrix('n', 'n', less)})",
            lambda: f"sum({mat()})",
            lambda: f"mean({mat()})",
            lambda: f"tr({mat(n, n)})",
            lambda: f"tr({mat()}'*{mat()})",
            lambda: f"sum({mat()}.*{mat()})",
            lambda: f"norm2({mat()})^2",
            lambda: f"norm2({mat()})",
            lambda: f"det({mat(n, n)}/2 + 2*eye({n}))",
            lambda: f"det({mat('m', 'm')})",
            lambda: self.log_det(less),
            lambda: f"sum({self.row(n, m, less)})",
            lambda: f"vec({mat()})'*vec({mat()})",
            lambda: f"sum(vec({mat()}).^2.*vec({mat()}))",
            lambda: f"q'*vec({self.matrix('m', 'n', less)})",
            lambda: f"q'*kron({self.vector('n', less)}, {self.vector('m', less)})",
            lambda: f"norm2(vec({self.matrix('m', 'n', less)}) - q)^2",
            lambda: f"norm2(kron({mat()}, {self.matrix('m', 'm', less)}))^2",
            lambda: f"tr(kron({mat(n, n)}, {self.matrix('m', 'm', less)}))",
            lambda: f"norm2(kron({v()}, {self.vector('m', less)}) + 1)^2",
            lambda: f"tr(adj({self.well('m', less)}))",
            lambda: f'einsum("ij,ij->",{mat()},{mat()})',
            lambda: f'einsum("i,ij,j->",{v(n)},{mat()},{self.vector(m, less)})',
            lambda: self.of_one_vector(v()),
            lambda: self.of_one_matrix(self.matrix(n, n, less), n),
            lambda: f"bce_logits({v()}, {self.name(n)})",
            lambda: f"kl(softmax({v()}), softmax({v()}))",
            lambda: f"-sum({self.name(n)}.*log_softmax({v()}))",
        ]
        if self.rough:
            makers += [
                lambda: f"norm1({v()})",
                lambda: f"norminf({v()})",
                lambda: f"max({v()})",
                lambda: f"min({mat()})",
                lambda: f"hinge({v()}, {self.name(n)})",
                lambda: f"max({s()}, {small()})",
                lambda: f"abs({s()})",
            ]
        return self.pick(makers)

    def of_one_vector(self, e: str) -> str:
        """A number made of one vector that stands in it several times."""
        forms = (
            "{e}'*{e}/norm2({e})",
            "sqrt({e}'*{e} + 1)",
            "sum({e})^2 - {e}'*{e}",
            "mean(({e} - mean({e})).^2)",
            "sum(exp({e}))/(1 + sum(exp({e})))",
            "log(sum(exp({e})))",
            "({e}'*{e})^2/(1 + {e}'*{e})",
            "norm2({e})^3/(1 + norm2({e})^2)",
            "tr({e}*{e}')",
            "sum(softmax({e}).*{e})",
            "sum({e}.^3)/(1 + sum({e}.^2))",
            "norm2({e} - mean({e}))^2/(1 + var({e}))",
        )
        return self.random.choice(forms).format(e=e)

    def of_one_matrix(self, e: str, n: str) -> str:
        """A number made of one square matrix that stands in it several times."""
        forms = (
            "tr({e}*{e}) - tr({e}*{e}')",
            "tr({e}^3 - 2*{e}^2 + {e})",
            "sum(({e}*{e}).*{e})",
            "sum(({e}*{e}).^2 - {e}.*{e}')",
            "norm2({e}*{e} - {e})^2",
            "norm2({e}'*{e} - eye({n}))^2",
            "tr(inv({e}*{e}' + eye({n}))*{e})",
            "sum({e}*{e}'.*{e})",
            "tr({e})^2 - tr({e}^2)",
            "sum({e}^2.*{e}')",
            "tr({e}*{e}'*{e}*{e}')",
            "det({e} + 2*eye({n}))*tr({e})",
            "sum(diag({e}*{e}))",
            "sum(diag({e}).^2) - sum({e}.^2)",
        )
        return self.random.choice(forms).format(e=e, n=n)

    def log_det(self, depth: int) -> str:
        n = self.random.choice("nm")
        inner = self.matrix(n, self.size(), depth)
        if self.random.random() < 0.5:
            return f"logdet({inner}*{inner}' + eye({n}))"
        return f"log(det({self.matrix(n, n, depth)}/3 + 2*eye({n}))^2)"

    # Vectors -------------------------------------------------------------------------------------

    def vector(self, n: str, depth: int) -> str:
        """A formula that is a vector of a size."""
        return self.again(n, lambda: self._vector(n, depth))

    def _vector(self, n: str, depth: int) -> str:
        r = self.random
        if depth <= 0:
            return self.name(n)
        less = depth - 1
        m = self.size()

        def v() -> str:
            return self.vector(n, less)

        def small() -> str:
            return self.vector(n, max(0, less - 1))

        def mat(i: str = n, j: str = m) -> str:
            return self.matrix(i, j, less)

        return self.pick(
            [
                *self.common(v, small),
                lambda: f"{v()}.*{small()}",
                lambda: f"{v()}./(1 + {small()}.^2)",
                lambda: f"{self.scalar(less)}*{small()}",
                lambda: f"{small()}/(1 + {self.scalar(less)}^2)",
                lambda: f"{mat()}*{self.vector(m, less)}",
                lambda: f"{mat(m, n)}'*{self.vector(m, less)}",
                lambda: f"{mat()}*{self.vector(m, less)} + {small()}",
                lambda: f"softmax({v()})",
                lambda: f"log_softmax({v()})",
                lambda: f"({v()} - mean({small()}))",
                lambda: f"{v()}/sum({small()}.^2 + 1)",
                lambda: f"sum({mat()}, 2)",
                lambda: f"mean({mat()}, 2)",
                lambda: f"sum({mat(m, n)}, 1)'",
                lambda: f"diag({mat(n, n)})",
                lambda: f"logsumexp({mat()}, 2)",
                lambda: f"max({mat()}, axis=2)" if self.rough else v(),
                lambda: f"inv({self.well(n, less)})*{small()}",
                lambda: f"solve({self.well(n, less)}, {small()})",
                lambda: f"var({mat()}, axis=2)",
                lambda: f'einsum("ij,j->i",{mat()},{self.vector(m, less)})',
                lambda: self.unstacked(n, m)[0] + f"*{self.vector(self.unstacked(n, m)[1], less)}",
                lambda: f"({mat()}.*{mat()})*ones({m})",
                lambda: f"vector({r.choice('123')}) + {v()}",
            ]
        )

    def unstacked(self, n: str, m: str) -> tuple[str, str]:
        """A matrix of n rows out of a long vector, and its columns; a name where there is none."""
        if n in "mn":
            return ("unvec(q, m, n)", "n") if n == "m" else ("unvec(q, m, n)'", "m")
        return self.name(f"{n},{m}"), m

    def well(self, n: str, depth: int) -> str:
        """A square matrix that has an inverse."""
        inner = self.matrix(n, n, depth)
        if self.random.random() < 0.4:
            return f"({inner}*{inner}' + eye({n}))"
        return f"({inner}/4 + 2*eye({n}))"

    def row(self, n: str, m: str, depth: int) -> str:
        """A formula that is a row of a size."""
        return self.pick(
            [
                lambda: f"sum({self.matrix(n, m, depth)}, 1)",
                lambda: f"mean({self.matrix(n, m, depth)}, 1)",
                lambda: f"{self.vector(m, depth)}'",
                lambda: f"{self.vector(n, depth)}'*{self.matrix(n, m, depth)}",
            ]
        )

    # Matrices ------------------------------------------------------------------------------------

    def matrix(self, n: str, m: str, depth: int) -> str:
        """A formula that is a matrix of two sizes."""
        return self.again(f"{n},{m}", lambda: self._matrix(n, m, depth))

    def _matrix(self, n: str, m: str, depth: int) -> str:
        r = self.random
        if depth <= 0:
            return self.name(f"{n},{m}") if n != m or n in "nm" else f"ones({n},{m})"
        less = depth - 1
        k = self.size()

        def mat() -> str:
            return self.matrix(n, m, less)

        def small() -> str:
            return self.matrix(n, m, max(0, less - 1))

        makers = [
            *self.common(mat, small),
            lambda: f"{mat()}.*{small()}",
            lambda: f"{mat()}./(1 + {small()}.^2)",
            lambda: f"{self.scalar(less)}*{small()}",
            lambda: f"{self.matrix(n, k, less)}*{self.matrix(k, m, less)}",
            lambda: f"{self.matrix(k, n, less)}'*{self.matrix(k, m, less)}",
            lambda: f"{self.matrix(m, n, less)}'",
            lambda: f"{self.vector(n, less)}*{self.vector(m, less)}'",
            lambda: f"outer({self.vector(n, less)}, {self.vector(m, less)})",
            lambda: f"diag({self.vector(n, less)})*{small()}",
            lambda: f"{small()}*diag({self.vector(m, less)})",
            lambda: f"{mat()}.*{self.vector(n, less)}",
            lambda: f"({mat()} + {self.row(k, m, less)})",
            lambda: f"({mat()} - mean({small()}, 2))",
            lambda: f"softmax({mat()}, 2)",
            lambda: f"log_softmax({mat()}, 2)",
            lambda: f"({mat()} - max({small()}, axis=2))" if self.rough else mat(),
            lambda: f"inv({self.well(n, less)})*{small()}",
            lambda: f'einsum("ik,kj->ij",{self.matrix(n, k, less)},{self.matrix(k, m, less)})',
            lambda: f"layernorm({mat()}, 0.1)",
            lambda: f"unvec(vec({mat()}), {n}, {m})",
            lambda: f"unvec(vec({mat()}).*vec({small()}), {n}, {m})",
        ]
        if n == m:
            makers += [
                lambda: f"diag({self.vector(n, less)})",
                lambda: f"{mat()}^{r.choice('23')}",
                lambda: f"inv({self.well(n, less)})",
                lambda: f"({mat()} + {small()}')",
                lambda: f"({mat()} - eye({n}))",
                lambda: f"{mat()}*inv({self.well(n, less)})*{small()}",
                lambda: self.of_one_square(small(), n),
                lambda: f"tril({mat()})",
                lambda: f"triu({mat()})",
                lambda: f"{small()}*{small()}",
            ]
        return self.pick(makers)

    def of_one_square(self, e: str, n: str) -> str:
        """A matrix made of one that stands in it several times."""
        forms = (
            "{e}*{e}' - {e}'*{e}",
            "{e}^2.*{e}",
            "({e}*{e}).*({e}*{e})'",
            "{e}.*{e}'.^2",
            "{e}*inv({e}*{e}' + eye({n}))*{e}'",
            "inv({e}/4 + 2*eye({n}))*({e}/4 + 2*eye({n}))*{e}",
            "({e} + {e}')*({e} - {e}')",
            "{e}'*{e}*{e}",
            "diag(diag({e}))*{e}",
        )
        return self.random.choice(forms).format(e=e, n=n)


# Values with facts --------------------------------------------------------------------------------


def bracketed(text: str) -> str:
    """A formula in brackets, unless it is a name, a number, a call or in brackets already.

    >>> bracketed("A*x"), bracketed("exp(x)"), bracketed("(a)*(b)"), bracketed("x'")
    ('(A*x)', 'exp(x)', '((a)*(b))', "x'")
    """
    depth, alone = 0, True
    for k, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        closed = sign == ")" and depth == 0 and k < len(text) - 1
        alone = alone and not closed and (depth > 0 or sign not in "+-*/^<> ")
    return text if alone else f"({text})"


def facts_for(random: Random, name: str) -> str:
    """A fact that may be declared of a variable, "" for none."""
    shape = SHAPES[name]
    if not shape:
        return random.choice(("", "positive"))
    if "," not in shape:
        return random.choice(("", *VECTOR_FACTS))
    n, m = shape.split(",")
    return random.choice(("", *(MATRIX_FACTS if n == m else ROW_FACTS)))


def value_of(rng: np.random.Generator, shape: tuple[int, ...], fact: str) -> Array:
    """A value that has a fact."""
    v = rng.standard_normal(shape) * 0.8
    if fact == "positive":
        return rng.uniform(0.4, 1.6, shape)
    if fact in ("onehot", "labels", "binary"):
        choice = rng.integers(0, 2, shape).astype(float)
        if fact != "onehot":
            return 2 * choice - 1 if fact == "labels" else choice
        count = int(np.prod(shape[:-1]))
        return np.eye(shape[-1])[rng.integers(0, shape[-1], count)].reshape(shape)
    if fact == "simplex":
        e = np.exp(v)
        return e / e.sum(axis=-1, keepdims=True)
    if fact == "symmetric":
        return (v + v.T) / 2
    if fact == "skew":
        return (v - v.T) / 2
    if fact == "posdef":
        return v @ v.T + np.eye(len(v)) / 2
    if fact == "diagonal":
        return np.diag(np.diag(v))
    if fact == "orthogonal":
        return np.linalg.qr(v)[0]
    return {"lower": np.tril, "upper": np.triu}.get(fact, lambda x: x)(v)


def shape_of(name: str) -> tuple[int, ...]:
    """The shape of a variable in numbers."""
    axes = [part.split("*") for part in SHAPES[name].split(",") if part]
    return tuple(int(np.prod([SIZES[s] for s in names])) for names in axes)
