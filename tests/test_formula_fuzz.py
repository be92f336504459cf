"""Formulas at random: read they equal NumPy or are refused, and nothing breaks a reader."""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matderiv.errors import MatderivError
from matderiv.input.answers import read_stated
from matderiv.input.resolve import read
from matderiv.input.spelling import Spelled
from matderiv.numeric.evaluate import evaluate

SHAPES = {"x": "n", "y": "n", "u": "m", "X": "m,n", "W": "m,n", "S": "n,n", "a": "", "b": ""}
SIZES = {"m": 3, "n": 4}
RANDOM = np.random.default_rng(11)
VALUES = {
    name: RANDOM.uniform(0.3, 1.3, tuple(SIZES[s] for s in shape.split(",") if s))
    for name, shape in SHAPES.items()
}
LEAVES = "x y u X W S a b x X 2 0.5 1 x y X np.eye(n) np.ones(n) np.ones((n,1)) len(x)".split()
AXES = ("0", "1", "-1")
REDUCERS = ("sum", "mean", "max", "min", "prod", "var", "std")
SUBSCRIPTS = (":, None", "None, :", "None", ":", "...", ":, np.newaxis")
METHODS = "squeeze() ravel() flatten() T copy() transpose() transpose(1,0) transpose((1,0))".split()
TARGETS = "-1|-1, 1|1, -1|(-1, 1)|n, 1|1, n|m, n|n, m|-1, n|m, -1|4|n".split("|")
PAIRS = "dot inner vdot outer matmul kron multiply maximum minimum add subtract divide".split()
NORMS = "|, 1|, 2|, np.inf|, 'fro'|, axis=0|, axis=1, keepdims=True|, 1, 0|, 2, 1".split("|")
SINGLE = "exp tanh abs sqrt square sign negative diag trace diagonal diagflat ones_like".split()
PATTERNS = "ij,j->i i,i-> ij,ij-> i,j->ij ij,jk->ik ij,kj->ik ij,j i,ij->j".split()
PATTERNS_OF_ONE = "ij->i ij->j ij->ji ii-> i-> ji ij-> ii->i".split()

Grow = Callable[[], str]


def kept(r: random.Random) -> str:
    return r.choice(("", ", keepdims=True"))


MAKERS: list[Callable[[random.Random, Grow], str]] = [
    *[lambda r, e: f"({e()} {r.choice('+-*/')} {e()})"] * 4,
    *[lambda r, e: f"({e()} @ {e()})"] * 3,
    lambda r, e: f"-{e()}",
    lambda r, e: f"({e()})**{r.choice(('2', '0.5', '-1', 'a', '2**2'))}",
    lambda r, e: f"({e()} {r.choice('<>')} {e()})",
    lambda r, e: f"({e()} > {e()}).astype({r.choice(('float', 'int'))})",
    lambda r, e: f"np.where({e()} > {e()}, {e()}, {e()})",
    lambda r, e: f"np.clip({e()}, 0.4, {r.choice(('1', 'None', 'x'))})",
    *[lambda r, e: f"np.{r.choice(REDUCERS)}({e()}, axis={r.choice(AXES)}{kept(r)})"] * 2,
    lambda r, e: f"np.{r.choice(REDUCERS)}({e()}{kept(r)})",
    lambda r, e: f"{e()}.{r.choice(REDUCERS)}(axis={r.choice(AXES)}{kept(r)})",
    *[lambda r, e: f"{e()}[{r.choice(SUBSCRIPTS)}]"] * 2,
    *[lambda r, e: f"np.squeeze({e()}{r.choice(('', ', axis=0', ', axis=-1'))})"] * 2,
    *[lambda r, e: f"{e()}.{r.choice(METHODS)}"] * 2,
    *[lambda r, e: f"{e()}.reshape({r.choice(TARGETS)})"] * 2,
    *[lambda r, e: f"np.{r.choice(PAIRS)}({e()}, {e()})"] * 3,
    lambda r, e: f"np.linalg.norm({e()}{r.choice(NORMS)})",
    lambda r, e: f"np.{r.choice(SINGLE)}({e()})",
    lambda r, e: f"np.einsum('{r.choice(PATTERNS)}', {e()}, {e()})",
    lambda r, e: f"np.einsum('{r.choice(PATTERNS_OF_ONE)}', {e()})",
    lambda r, e: f"np.swapaxes({e()}, {r.choice(('0, 1', '1, 0', '0, 0', '-1, -2'))})",
    lambda r, e: f"np.transpose({e()}{r.choice(('', ', (1, 0)', ', (0, 1)'))})",
    lambda r, e: f"np.expand_dims({e()}, {r.choice(AXES)})",
    lambda r, e: f"np.linalg.{r.choice(('inv', 'det'))}({e()})",
    lambda r, e: f"np.linalg.{r.choice(('solve(S, {})', 'multi_dot([X, S, {}])'))}".format(e()),
]


def numpy_formula(r: random.Random, depth: int) -> str:
    """A formula of the grammar above; many do not fit."""
    if depth <= 0:
        return r.choice(LEAVES)
    return r.choice(MAKERS)(r, lambda: numpy_formula(r, depth - 1 - r.randrange(2)))


def run_by_numpy(formula: str) -> Any:
    """What NumPy says; None where it refuses, and for complex numbers or half precision."""
    names = {"np": np, "len": len, "float": float, "int": int, **VALUES, **SIZES}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = np.asarray(eval(formula, names))
    except (ValueError, TypeError, IndexError, AttributeError, ArithmeticError, SyntaxError):
        return None
    return None if found.dtype in (np.float16, complex) else found.astype(float)


def agreeing(seed: int, count: int) -> int:
    """How many of the formulas were read, all of them as NumPy reads them."""
    r, reading, agreed = random.Random(seed), read("0", shapes=SHAPES), 0
    for _ in range(count):
        formula = numpy_formula(r, r.randrange(1, 5))
        wanted = run_by_numpy(formula)
        try:
            e = reading.read_more(Spelled(formula, "python"))
        except MatderivError:
            continue
        if wanted is None:
            continue  # as columns n × 1 it has a meaning
        with np.errstate(all="ignore"):
            value = np.squeeze(np.asarray(evaluate(e, VALUES, SIZES), float))
        np.testing.assert_allclose(value, np.squeeze(wanted), 1e-6, 1e-9, err_msg=formula)
        agreed += 1
    return agreed


def test_random_formulas_that_are_read_equal_numpy() -> None:
    assert agreeing(1, 1500) > 500


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(2, 8))
def test_many_random_formulas_that_are_read_equal_numpy(seed: int) -> None:
    assert agreeing(seed, 12_000) > 4_000


# Mutations ----------------------------------------------------------------------------------------

HERE = Path(__file__).parent / "data" / "latex_formulas.jsonl"
LATEX = [json.loads(line)["latex"] for line in HERE.read_text(encoding="utf-8").splitlines()]
TEXT = [
    "norm2(A*x - b)^2",
    "sum(log(1 + exp(-y.*(X*w))))",
    "x'*A*x  % the form",
    "2**a",
    "tr(A*X^-1)",
    "h'*h where z = W*x; h = relu(z)",
    "softmax(X,2)",
    'einsum("ij,j->i",A,x)',
    "||x||_2 + |x|'*y",
]
PYTHON = [
    "np.linalg.slogdet(S)[1]",
    "np.clip(x, 0, max=1)",
    "x[:, None] @ x[None, :]",
    "np.einsum('ij,j->i', A, x)",
    "torch.norm(A, p=2, dim=1, keepdim=True)",
    "np.linalg.multi_dot([A, S, x])",
    "A.reshape(-1, 1).squeeze()",
    "np.ones((3, 1)) * X.shape[0]",
    "F.leaky_relu(x, negative_slope=0.2)",
    "np.where(x > 0, x, 0)",
    "A.transpose(1, 0).astype(float)",
    "np.swapaxes(A, 0, 1).std(axis=0, ddof=0)",
]
PIECES = [
    *"()[]{}^_'*+-/=,.:;|&%$#@!<>~\\\n\"01x Aé½√∑∂\x00",
    *(r"\frac \sum \sigma \left \| \begin{aligned} \text{where} _{i=1}^{n}".split()),
    *"None np. ** .T axis= (-1) .squeeze()".split(),
]


def mutated(r: random.Random, text: str, pool: list[str]) -> str:
    for _ in range(r.choice((1, 1, 1, 2, 3))):
        i = r.randrange(len(text) + 1)
        j = min(len(text), i + r.randrange(1, 6))
        other = r.choice(pool)
        k = r.randrange(len(other))
        text = r.choice(
            (
                text[:i] + text[j:],
                text[:i] + r.choice(PIECES) + text[i:],
                text[:i] + text[i:j] * 2 + text[j:],
                text[:i] + other[k : k + r.randrange(1, 15)] + text[i:],
                text[:i] + text[j:] + text[i:j],
                text[:i],
            )
        )
    return text


def read_mutations(spelling: str | None, count: int) -> int:
    """How many mutated formulas are read; the others raise MatderivError."""
    pool = {"latex": LATEX, "python": PYTHON, "text": TEXT}.get(spelling or "", LATEX + PYTHON)
    r, reading = random.Random(3), read("norm2(A*x - b)^2", shapes={"b": "m"})
    understood = refused = 0
    for k in range(count):
        text = mutated(r, r.choice(pool), pool)
        try:
            if k % 3:
                read(Spelled(text, spelling) if spelling else text)
            else:
                read_stated(text, reading, spelling=spelling)
        except MatderivError as error:
            refused += bool(str(error))
        else:
            understood += 1
    assert understood + refused == count
    return understood


@pytest.mark.parametrize("spelling", ["latex", "python", "text", None])
def test_a_mutated_formula_is_read_or_refused(spelling: str | None) -> None:
    assert 0 < read_mutations(spelling, 1500) < 1500


@pytest.mark.sweep
@pytest.mark.parametrize("spelling", ["latex", "python", "text", None])
def test_many_mutated_formulas_are_read_or_refused(spelling: str | None) -> None:
    assert 0 < read_mutations(spelling, 20_000) < 20_000
