"""Random questions over literals of all magnitudes, with wrong and with right answers to them.

Whether an answer is wrong is found out by `plain_values`, at points chosen by the literals: near
them, near their reciprocals and their quotients, with one variable far out or all, at many sizes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from answer_changes import MUTATIONS, REWRITINGS, Change, Problem, changed
from plain_values import L, OutsideError, parts, value

from matderiv.doors.derive import derive
from matderiv.errors import MatderivError
from matderiv.expr import Expr, is_, variables, walk
from matderiv.language.printer import text
from matderiv.numeric.evaluate import sizes_in
from matderiv.verification.claims import Asked, ask, claims, conventional
from matderiv.verification.mistakes.edits import Sketch, sketch

LITERALS = (
    "2 3 0.5 1.5 7 10 0.1 0.3 25 50 100 0.01 300 1000 1e4 1e5 1e6 1e-3 1e-4 1e-5 1e-6".split()
)
MILD = "2 3 0.5 1.5 0.1 7".split()
SHAPES = {
    "x": "n", "y": "n", "w": "d", "v": "d", "A": "n,d", "B": "n,n", "C": "d,d", "X": "n,d",
    "a": "", "b": "", "t": "n", "p": "n", "P": "n,n",
}  # fmt: skip
FACTS = {"t": "labels", "p": "positive", "P": "symmetric"}
APART = 1e-12  # a relative difference in extended precision that is no rounding
CONDITION = 1e-10  # ... and is not what a change of the point by 1e-17 makes


@dataclass(frozen=True)
class Questioner:
    """Draws formulas of the text language by their shapes."""

    rng: random.Random

    def one(self, *choices: str) -> str:
        return self.rng.choice(choices)

    def literal(self) -> str:
        return self.rng.choice(LITERALS if self.rng.random() < 0.6 else MILD)

    def vector(self, size: str, depth: int) -> str:
        """A vector of size n or d."""
        names = ("x", "y", "p") if size == "n" else ("w", "v")
        if depth <= 0:
            return self.one(*names)
        v = self.vector(size, depth - 1)
        other = "d" if size == "n" else "n"
        kind = self.rng.randrange(14)
        if kind < 3:
            product = "A*" if size == "n" else "A'*"
            return f"({product}({self.vector(other, depth - 1)}))"
        if kind == 3:
            return f"({'B' if size == 'n' else 'C'}*({v}))"
        if kind == 4:
            return f"({v} {self.one('+', '-', '.*')} {self.vector(size, depth - 1)})"
        if kind == 5:
            return f"({v} - {self.literal()})"
        if kind == 6:
            return f"({self.literal()}*({v}))"
        if kind == 7:
            return f"({v} - mean({v}))"
        if kind == 8 and size == "n":
            return f"(t.*({v}))"
        return self.entrywise(v)

    def entrywise(self, v: str) -> str:
        """A function of each entry, some of them with a literal."""
        c = self.literal()
        return self.one(
            f"relu({v})", f"relu({v} - {c})", f"max({v}, {c})", f"min({v}, {c})", f"abs({v} - {c})",
            f"huber({v}, {c})", f"tanh({v})", f"tanh({c}*({v}))", f"sigmoid({c}*({v}))",
            f"softplus({v})", f"softplus({c}*({v}))/{c}", f"elu({v})", f"({v}).^2", f"({v}).^3",
            f"sqrt(({v}).^2 + {c})", f"log(1 + ({v}).^2)", f"sin({v})", f"cos({v})",
            f"exp(-({v}).^2)", f"arctan({v})", f"where({v} > {c}, ({v}).^2, {v})",
            f"({v} > {c}).*({v})", f"softmax({v})", f"leaky_relu({v}, 0.1)", f"silu({v})",
            f"1./({c} + ({v}).^2)",
        )  # fmt: skip

    def scalar(self, depth: int) -> str:
        """A number."""
        size = self.one("n", "d")
        v = self.vector(size, depth)
        kind = self.rng.randrange(13)
        if kind < 5:
            return self.one(
                f"sum({v})", f"norm2({v})^2", f"mean({v})", f"norm2({v})", f"logsumexp({v})",
                f"max({v})", f"sum(({v}).^2)/n" if size == "n" else f"sum({v})/d",
            )  # fmt: skip
        if kind < 7:
            return f"({v})'*({self.vector(size, depth - 1)})"
        if kind == 7:
            return f"({self.vector('n', depth - 1)})'*A*({self.vector('d', depth - 1)})"
        if kind == 8:
            return self.one("tr(B*B)", "logdet(B*B' + 2*eye(n))", "tr(A*C*A')", "norm2(X*C - A)^2",
                            "tr(P*B)", "tr(inv(B*B' + eye(n)))", "x'*P*x", "sum(softmax(A*C,2).*X)",
                            "sum(relu(A*C - X))", "x'*inv(B*B' + eye(n))*x")  # fmt: skip
        first, second = self.scalar(max(depth - 1, 0)), f"sum({v})"
        if kind == 9:
            return f"{first} + {self.literal()}*{second}"
        if kind == 10:
            return f"({first})*({second})"
        if kind == 11:
            return f"({first})/({self.one('1', '2', '10')} + norm2({v})^2)"
        return f"{self.one('a*', 'exp(-b^2)*', 'a^2*', '')}{second} + {first}"

    def question(self) -> str:
        depth = self.rng.choice((1, 1, 2, 2, 3))
        return self.scalar(depth) if self.rng.random() < 0.9 else self.vector("n", depth)


def questions(seed: int) -> Iterator[Problem]:
    """Questions with the derivative that the library finds, if it is one that can be written."""
    rng = random.Random(seed)
    asker = Questioner(rng)
    while True:
        f = asker.question()
        order = 2 if rng.random() < 0.07 else 1
        shapes = dict(SHAPES)
        if rng.random() < 0.1:
            shapes = {k: s.replace("n", "4").replace("d", "3") for k, s in shapes.items()}
            f = f.replace("/n", "/4").replace("/d", "/3").replace("eye(n)", "eye(4)")
        problem = _problem(f, shapes, order, rng)
        if problem is not None:
            yield problem


def _problem(f: str, shapes: dict[str, str], order: int, rng: random.Random) -> Problem | None:
    try:
        named = _named(f, shapes)
        wrt = rng.choice([n for n in named if n not in FACTS or n in ("p", "P")] or named)
        declared = {k: shapes[k] for k in named}
        facts = {k: v for k, v in FACTS.items() if k in named}
        structure = "none" if wrt == "P" else None
        arguments = {"shapes": declared, "assume": facts, "order": order, "structure": structure}
        asked = ask(f, wrt, **arguments)
        found = derive(f, wrt, **{k: v for k, v in arguments.items() if v is not None})
    except MatderivError:
        return None
    readings = [c for c in claims(asked, found.expr, "") if conventional(asked, c.layout)]
    if not readings or len(list(walk(found.expr))) > 120:
        return None
    return Problem(asked, found.expr, arguments, {"expr": f, "wrt": wrt})


def _named(f: str, shapes: dict[str, str]) -> list[str]:
    from re import findall

    return [n for n in shapes if n in findall(r"[A-Za-z]\w*", f)]


# Wrong answers -----------------------------------------------------------------------------------


def _literal(rng: random.Random) -> Fraction:
    return Fraction(rng.choice(LITERALS))


def _free(s: Sketch) -> bool:
    return s.expr is not None and s.name not in ("number", "size", "eye", "ones", "zeros")


def _masked(s: Sketch, rng: random.Random) -> Sketch | None:
    """A mask that matters far out, or near to a number, only."""
    if not _free(s) or s.shape is None or len(s.shape) > 2:
        return None
    test = sketch(rng.choice(("gt", "lt")), s, rng.choice((-1, 1)) * _literal(rng))
    return sketch("hadamard", s, test)


def _bent(s: Sketch, rng: random.Random) -> Sketch | None:
    """Cut off, or bent, at a number."""
    if not _free(s):
        return None
    c = rng.choice((-1, 1)) * _literal(rng)
    if rng.random() < 0.5:
        return sketch(rng.choice(("minimum", "maximum")), s, c)
    return sketch("add", s, sketch("relu", sketch("add", s, -c)))


def _faint(s: Sketch, rng: random.Random) -> Sketch | None:
    """A little more of something."""
    if not _free(s):
        return None
    c = Fraction(1, 10 ** rng.randint(2, 10))
    return sketch("add", s, sketch("hadamard", c, rng.choice((s, sketch("sin", s)))))


def _sized(problem: Problem) -> Change:
    """A term that vanishes at some sizes."""
    names = sorted(sizes_in(problem.asked.f))

    def change(s: Sketch, rng: random.Random) -> Sketch | None:
        if not _free(s) or not names:
            return None
        n = sketch("size", params=(rng.choice(names),))
        zeros = [sketch("add", n, -k) for k in rng.sample(range(2, 12), rng.randint(1, 5))]
        return sketch("add", s, sketch("hadamard", *zeros, s))

    return change


def _moved(s: Sketch, rng: random.Random) -> Sketch | None:
    """A number that is a little, or much, larger."""
    if s.name != "number" or s.params[0] in (0, 1, -1):
        return None
    factor = rng.choice((1 + Fraction(1, 10 ** rng.randint(1, 8)), Fraction(10), Fraction(1, 10)))
    return sketch("number", params=(s.params[0] * factor,))


def _hard(s: Sketch, rng: random.Random) -> Sketch | None:
    """The limit of a bend in place of it."""
    if s.name in ("sigmoid", "softplus", "tanh"):
        name = {"sigmoid": "step", "softplus": "relu", "tanh": "sign"}[s.name]
        return sketch(name, *s.args)
    return sketch("step", *s.args[:1]) if s.name == "where" else None


WRONG: dict[str, Change] = {
    **MUTATIONS,
    "masked": _masked,
    "bent": _bent,
    "faint": _faint,
    "number moved": _moved,
    "hard limit": _hard,
}


def wrong_answers(seed: int, each: int = 6) -> Iterator[tuple[Problem, str, Expr, str]]:
    """Answers that differ from the derivative somewhere, with the place."""
    rng = random.Random(seed)
    special = ["masked", "bent", "faint", "sized", "number moved", "hard limit"]
    for problem in questions(seed):
        if not is_right(problem, rng):
            continue
        for _ in range(each):
            name = rng.choice(special if rng.random() < 0.5 else list(WRONG))
            change = WRONG[name] if name in WRONG else _sized(problem)
            e = changed(problem, change, rng)
            if e is None or e.shape != problem.answer.shape:
                continue
            place = apart(problem.asked, problem.answer, e, rng)
            if place is not None:
                yield problem, name, e, place


# Right answers -----------------------------------------------------------------------------------


def _spelled(s: Sketch, rng: random.Random) -> Sketch | None:
    """A branch in terms of another."""
    u = s.args
    if s.name == "step":
        return rng.choice((
            sketch("gt", *u, 0), sketch("where", sketch("gt", *u, 0), 1, 0),
            sketch("add", 1, sketch("neg", sketch("le", *u, 0))),
        ))  # fmt: skip
    if s.name == "relu":
        return rng.choice((
            sketch("maximum", *u, 0), sketch("div", sketch("add", *u, sketch("abs", *u)), 2),
            sketch("where", sketch("gt", *u, 0), *u, 0),
        ))  # fmt: skip
    if s.name == "abs":
        return rng.choice((
            sketch("maximum", *u, sketch("neg", *u)), sketch("hadamard", sketch("sign", *u), *u),
            sketch("add", sketch("relu", *u), sketch("relu", sketch("neg", *u))),
        ))  # fmt: skip
    if s.name in ("gt", "le"):
        a, b = u
        other = sketch({"gt": "lt", "le": "ge"}[s.name], b, a)
        return other if rng.random() < 0.5 else sketch("add", 1, sketch("neg", sketch(
            {"gt": "le", "le": "gt"}[s.name], a, b)))  # fmt: skip
    if s.name in ("maximum", "minimum"):
        a, b = u
        first = sketch("ge" if s.name == "maximum" else "le", a, b)
        return sketch("where", first, a, b)
    return None


def _smooth(s: Sketch, rng: random.Random) -> Sketch | None:
    """A smooth function in terms of another."""
    u = s.args
    if s.name == "sigmoid":
        half = sketch("tanh", sketch("div", *u, 2))
        return sketch("div", sketch("add", 1, half), 2)
    if s.name == "sin":
        return sketch("neg", sketch("sin", sketch("neg", *u)))
    if s.name == "cos":
        return sketch("cos", sketch("neg", *u))
    if s.name == "exp":
        return sketch("ediv", 1, sketch("exp", sketch("neg", *u)))
    if s.name == "mean" and s.expr is not None and is_(s.expr.args[0], "variable"):
        return sketch("div", sketch("sum", *u, params=s.params), sketch(
            "sum", sketch("add", sketch("hadamard", 0, *u), 1), params=s.params)) if (
            s.params == (None,)) else None  # fmt: skip
    return None


RIGHT: dict[str, Change] = {**REWRITINGS, "branch respelled": _spelled, "bend respelled": _smooth}


def right_answers(seed: int, each: int = 6) -> Iterator[tuple[Problem, str, Expr]]:
    """Derivatives rewritten one to four times."""
    rng = random.Random(seed)
    names = [*RIGHT, "branch respelled", "branch respelled", "bend respelled"]
    for problem in questions(seed):
        if not is_right(problem, rng):
            continue
        for _ in range(each):
            e, applied = problem.answer, []
            for _ in range(rng.randint(1, 4)):
                name = rng.choice(names)
                new = changed(problem, RIGHT[name], rng, e)
                if new is not None and new.shape == e.shape:
                    e, applied = new, [*applied, name]
            if applied and len(list(walk(e))) < 160:
                yield problem, ", ".join(applied), e


# Points and values -------------------------------------------------------------------------------


def magnitudes(*exprs: Expr) -> list[float]:
    """The literals of some formulas, their reciprocals, products and quotients."""
    found = {abs(float(n.params[0])) for n in walk(*exprs) if is_(n, "number")} - {0.0}
    found |= {1 / c for c in found}
    pairs = {a * b for a in found for b in found} | {a + b for a in found for b in found}
    return sorted(c for c in found | pairs | {1.0} if 1e-12 < c < 1e12)


def points(
    asked: Asked, exprs: tuple[Expr, ...], rng: random.Random, count: int = 60
) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """Values of all variables and sizes, near what the literals say."""
    named = list(dict.fromkeys([*variables(asked.f, *exprs), asked.wrt]))
    sizes_named = sorted(sizes_in(asked.f, asked.wrt, *exprs))
    scales = magnitudes(asked.f, *exprs)
    many = any(is_(n, "size") for n in walk(*exprs))
    for k in range(count):
        draw = np.random.default_rng(rng.randrange(2**32))
        top = 30 if many and k % 3 == 0 else 6
        sizes = dict(zip(sizes_named, (draw.permutation(top - 1) + 2).tolist(), strict=False))
        general = {v.params[0]: _drawn(v, sizes, draw) for v in named}
        if k >= 6:
            scale = rng.choice(scales)
            free = [v for v in named if not v.params[2] & {"labels", "symmetric"}]
            moved = free if rng.random() < 0.4 else [rng.choice(free)] if free else []
            for v in moved:
                base = general[v.params[0]]
                near = rng.random()
                if near < 0.5:
                    general[v.params[0]] = base * scale
                else:
                    wide = 10.0 ** -rng.randint(0, 8)
                    sign = 1 if "positive" in v.params[2] else draw.choice([-1, 1], base.shape)
                    moved_by = 1 + wide * rng.choice((1, -0.3)) * np.tanh(np.abs(base))
                    general[v.params[0]] = sign * scale * moved_by
        yield {n: np.asarray(a, L) for n, a in general.items()}, sizes


def _drawn(v: Expr, sizes: dict[str, int], draw: Any) -> Any:
    shape = tuple(s if isinstance(s, int) else s.coefficient * int(
        np.prod([sizes[n] for n in s.names])) for s in v.shape)  # fmt: skip
    a = draw.normal(size=shape)
    if "labels" in v.params[2]:
        return np.sign(a)
    if "positive" in v.params[2]:
        return np.exp(a)
    return (a + a.T) / 2 if "symmetric" in v.params[2] else a


def apart(asked: Asked, right: Expr, other: Expr, rng: random.Random) -> str | None:
    """A point where two answers differ by more than rounding; None where none is found.

    The derivative must have a value there; points beside it, where equal entries stay equal and
    no others move alike, say how much is rounding.
    """
    for at, sizes in points(asked, (right, other), rng):
        try:
            both = parts(right, at, sizes), parts(other, at, sizes)
            a, b = both[0][right], both[1][other]
            largest = max(np.abs(v).max() for found in both for v in found.values())
            scale, off = max(np.abs(a).max(), np.abs(b).max()), np.abs(a - b).max()
            if not off > max(APART * scale, 1e-16 * largest) or not np.isfinite(off):
                continue
            beside = []
            for k in range(1, 21, 2):
                near = {n: v * (1 + L("1e-17") * np.sin(k * 1e5 * v)) for n, v in at.items()}
                beside += [(value(right, near, sizes), a), (value(other, near, sizes), b)]
        except (OutsideError, ArithmeticError, ValueError):
            continue
        if off > 1e3 * max(np.abs(v - w).max() for v, w in beside):
            shown = {n: np.asarray(v, float).round(6).tolist() for n, v in at.items() if v.size < 9}
            return f"{sizes} {shown} off {float(off / scale):.1g}"
    return None


def is_right(problem: Problem, rng: random.Random) -> bool:
    """True if differences of f agree with the derivative at a few general points."""
    asked, hits = problem.asked, 0
    path = asked.path
    for at, sizes in points(asked, (problem.answer,), rng, count=5):
        try:
            truth = _slope(asked, at, sizes, len(path))
            found = value(problem.answer, at, sizes)
        except (OutsideError, ArithmeticError, ValueError):
            continue
        if truth is None or not np.isfinite(found).all():
            continue
        direction = _direction(asked, at)
        flat = np.reshape(found, (-1, *(direction.size,) * len(path)))
        for _ in path:
            flat = flat @ direction.ravel()
        scale = max(float(np.abs(flat).max()), float(np.abs(truth).max()), 1e-12)
        if np.abs(flat - truth).max() > 1e-4 * scale:
            return False
        hits += 1
    return hits > 1


def _direction(asked: Asked, at: dict[str, Any]) -> Any:
    x = at[asked.wrt.params[0]]
    return np.cos(np.arange(x.size, dtype=float) * 1.7 + 0.3).astype(L).reshape(x.shape)


def _slope(asked: Asked, at: dict[str, Any], sizes: dict[str, int], order: int) -> Any:
    """Differences of f along the direction, in extended precision; None near a kink."""
    name, d = asked.wrt.params[0], _direction(asked, at)

    def f(t: Any) -> Any:
        return np.ravel(value(asked.f, {**at, name: at[name] + t * d}, sizes))

    found = []
    for h in (L("1e-6"), L("3e-6")):
        if order == 1:
            found.append((f(h) - f(-h)) / (2 * h))
        else:
            found.append((f(h * 30) - 2 * f(L(0)) + f(-h * 30)) / (900 * h * h))
    if not all(np.isfinite(v).all() for v in found):
        return None
    ((a, b),) = pairwise(found)
    return a if np.abs(a - b).max() <= 1e-6 * max(float(np.abs(a).max()), 1e-9) else None


def shown(problem: Problem, e: Expr) -> str:
    """What was asked and answered, to be asked again."""
    given = {k: v for k, v in problem.arguments.items() if v is not None}
    return f"verify({problem.row['expr']!r}, {problem.row['wrt']!r}, {text(e)!r}, **{given})"
