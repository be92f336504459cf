"""Random changes of right answers: mutations that make them wrong, rewritings that keep them right.

A change takes a part of an answer and gives what could stand there instead, or None. Whether a
mutant really differs is found out by evaluating both answers, never by verifying.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from matderiv.errors import MatderivError
from matderiv.expr import Expr, variables
from matderiv.numeric.evaluate import compile_, evaluate
from matderiv.numeric.sampling import Point, sampler
from matderiv.shapes import is_scalar
from matderiv.verification.claims import Asked, ask, read_answer
from matderiv.verification.mistakes.edits import Sketch, drawn, places, replaced, sketch
from matderiv.verification.verdict import Counterexample

DATA = Path(__file__).parent / "data" / "answers.jsonl"
Change = Callable[[Sketch, random.Random], Sketch | None]


@dataclass(frozen=True)
class Problem:
    """A question with one right answer."""

    asked: Asked
    answer: Expr
    arguments: dict[str, Any]
    row: dict[str, Any]


def rows() -> list[dict[str, Any]]:
    """All hand answers of the collection."""
    return [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


def arguments(row: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of `verify` for a hand answer."""
    found = {"shapes": row["shapes"], "assume": row["assume"], "kind": row["kind"]}
    if "structured" in row["tags"]:
        found["structure"] = "independent"
    elif row["assume"].get(row["wrt"]) in ("symmetric", "posdef", "diagonal"):
        found["structure"] = "none"
    return found


def problems() -> list[Problem]:
    """One right answer for each question of the collection."""
    found: dict[tuple[str, str, str], Problem] = {}
    for row in rows():
        key = (row["expr"], row["wrt"], row["kind"])
        if row["truth"] == "right" and key not in found:
            asked = ask(row["expr"], row["wrt"], **arguments(row))
            found[key] = Problem(asked, read_answer(asked, row["answer"]), arguments(row), row)
    return list(found.values())


def equal_values(
    asked: Asked, a: Expr, b: Expr, shown: Counterexample | None = None
) -> bool | None:
    """Whether two answers have the same values, also at a counterexample; None without values."""
    if a.shape != b.shape:
        return False
    names = dict.fromkeys([*variables(a), *variables(b), *asked.path])
    source = sampler(asked.f, names, seed=977)
    points = [] if shown is None else [Point(dict(shown.sizes), dict(shown.values))]
    found = []
    for k in range(6):
        try:
            point = points.pop() if points else source.point(300 + k, least=3)
            x, y = (evaluate(e, point.values, point.sizes) for e in (a, b))
        except MatderivError:
            continue
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            continue
        scale = max(np.abs(x).max(), np.abs(y).max(), 1e-300)
        rounding = 1e-12 * compile_((a, b)).at(point.sizes).largest(point.values)
        found.append(bool(np.abs(x - y).max() <= 1e-8 * scale + rounding))
    return all(found) if len(found) > 2 else None


def changed(
    problem: Problem, change: Change, rng: random.Random, base: Expr | None = None
) -> Expr | None:
    """The answer with one part changed at a random place; None where nothing fits."""
    root = drawn(problem.answer if base is None else base)
    spots = places(root)
    rng.shuffle(spots)
    for path, part in spots[:30]:
        new = change(part, rng)
        if new is None or new.expr is None or new.expr is part.expr:
            continue
        whole = replaced(root, path, new)
        if whole is not None and whole.expr is not None and whole.expr is not root.expr:
            return whole.expr
    return None


def _scalar(s: Sketch) -> bool:
    return s.shape is not None and is_scalar(s.shape)


def _square(s: Sketch) -> bool:
    return s.shape is not None and len(s.shape) == 2 and s.shape[0] == s.shape[1]


def _t(s: Sketch) -> Sketch:
    return s.args[0] if s.name == "transpose" else sketch("transpose", s)


# Mutations ---------------------------------------------------------------------------------------


def _renamed(*pairs: tuple[str, str]) -> Change:
    names = dict(pairs)

    def change(s: Sketch, rng: random.Random) -> Sketch | None:
        return sketch(names[s.name], *s.args, params=s.params) if s.name in names else None

    return change


def _power(step: int) -> Change:
    def change(s: Sketch, rng: random.Random) -> Sketch | None:
        if s.name not in ("power", "epow") or s.args[1].name != "number":
            return None
        return sketch(s.name, s.args[0], s.args[1].params[0] + step)

    return change


def _without(*names: str) -> Change:
    return lambda s, rng: s.args[0] if s.name in names else None


def _drop(name: str) -> Change:
    def change(s: Sketch, rng: random.Random) -> Sketch | None:
        if s.name != name:
            return None
        k = rng.randrange(len(s.args))
        rest = s.args[:k] + s.args[k + 1 :]
        return rest[0] if len(rest) == 1 else sketch(name, *rest)

    return change


def _swapped(s: Sketch, rng: random.Random) -> Sketch | None:
    if s.name != "mul":
        return None
    k = rng.randrange(len(s.args) - 1)
    a = [*s.args]
    a[k], a[k + 1] = a[k + 1], a[k]
    return sketch("mul", *a)


def _axis(s: Sketch, rng: random.Random) -> Sketch | None:
    if s.name not in ("sum", "mean", "softmax", "logsumexp") or s.params == (None,):
        return None
    return sketch(s.name, *s.args, params=(3 - s.params[0],))


def _ones(s: Sketch, rng: random.Random) -> Sketch | None:
    """A forgotten mask: every unit is active."""
    if s.name not in ("step", "gt", "lt", "ge", "le") or s.expr is None or not s.shape:
        return None
    return sketch("ones", params=s.shape) if len(s.shape) < 3 else None


MUTATIONS: dict[str, Change] = {
    "drop transpose": _without("transpose"),
    "add transpose": lambda s, rng: None if _scalar(s) else sketch("transpose", s),
    "swap factors": _swapped,
    "lose 2": lambda s, rng: (
        sketch("mul", *s.args[1:])
        if s.name == "mul" and s.args[0].name == "number" and len(s.args) > 2
        else None
    ),
    "double": lambda s, rng: sketch("hadamard", 2, s),
    "halve": lambda s, rng: sketch("div", s, 2),
    "flip sign": lambda s, rng: sketch("neg", s),
    "drop minus": _without("neg"),
    "drop term": _drop("add"),
    "drop factor": _drop("mul"),
    "drop entrywise factor": _drop("hadamard"),
    "hadamard for product": _renamed(("mul", "hadamard")),
    "product for hadamard": _renamed(("hadamard", "mul")),
    "sum for mean": _renamed(("sum", "mean"), ("mean", "sum")),
    "wrong axis": _axis,
    "inverse transposed": lambda s, rng: sketch("transpose", s) if s.name == "inv" else None,
    "no inverse": _without("inv"),
    "forgotten function": _without(
        "exp", "log", "sqrt", "tanh", "sigmoid", "softmax", "sin", "cos"
    ),
    "other function": _renamed(
        ("exp", "log"),
        ("log", "exp"),
        ("sin", "cos"),
        ("cos", "sin"),
        ("tanh", "sigmoid"),
        ("sigmoid", "tanh"),
        ("sign", "step"),
        ("step", "sign"),
        ("relu", "abs"),
        ("abs", "relu"),
        ("softmax", "log_softmax"),
        ("norm2", "norm1"),
        ("maximum", "minimum"),
    ),
    "forgotten mask": _ones,
    "trace for det": _renamed(("tr", "det"), ("det", "tr")),
    "power up": _power(1),
    "power down": _power(-1),
    "norm squared": lambda s, rng: sketch("power", s, 2) if s.name in ("norm2", "sqrt") else None,
    "symmetrised": lambda s, rng: (
        sketch("div", sketch("add", s, sketch("transpose", s)), 2) if _square(s) else None
    ),
    "diagonal only": lambda s, rng: (
        sketch("diag", sketch("diag", s)) if _square(s) and s.name != "diag" else None
    ),
    "complement": lambda s, rng: (
        sketch("add", 1, sketch("neg", s)) if s.name in ("sigmoid", "softmax", "step") else None
    ),
    "off by one": lambda s, rng: (
        sketch("number", params=(s.params[0] + 1,)) if s.name == "number" else None
    ),
    "slightly off": lambda s, rng: sketch("hadamard", Fraction(1001, 1000), s),
}


def mutants(found: list[Problem], count: int, seed: int) -> Iterator[tuple[Problem, str, Expr]]:
    """`count` changed answers, each operator in turn."""
    rng = random.Random(seed)
    names = [*MUTATIONS, "wrong variable"]
    made = 0
    while made < count:
        problem = rng.choice(found)
        name = names[rng.randrange(len(names))]
        change = MUTATIONS.get(name) or _variable_change(problem)
        e = changed(problem, change, rng)
        if e is not None:
            made += 1
            yield problem, name, e


def _variable_change(problem: Problem) -> Change:
    named = [drawn(v) for v in variables(problem.asked.f)]

    def change(s: Sketch, rng: random.Random) -> Sketch | None:
        others = [v for v in named if v.shape == s.shape and v.expr is not s.expr]
        return rng.choice(others) if s.name == "variable" and others else None

    return change


# Rewritings --------------------------------------------------------------------------------------


def _reversed_product(s: Sketch, rng: random.Random) -> Sketch | None:
    if s.name != "transpose" or s.args[0].name != "mul":
        return None
    factors = s.args[0].args
    if any(_scalar(f) for f in factors):
        return None
    return sketch("mul", *(_t(f) for f in reversed(factors)))


def _commuted(s: Sketch, rng: random.Random) -> Sketch | None:
    if s.name not in ("add", "hadamard"):
        return None
    args = [*s.args]
    rng.shuffle(args)
    return sketch(s.name, *args)


def _distributed(s: Sketch, rng: random.Random) -> Sketch | None:
    if s.name not in ("mul", "hadamard"):
        return None
    for k, a in enumerate(s.args):
        if a.name == "add" and all(t.shape == a.shape for t in a.args):
            rest = [(*s.args[:k], t, *s.args[k + 1 :]) for t in a.args]
            return sketch("add", *(sketch(s.name, *r) for r in rest))
    return None


def _flipped(s: Sketch, rng: random.Random) -> Sketch | None:
    if s.name != "add":
        return None
    terms = [t.args[0] if t.name == "neg" else sketch("neg", t) for t in s.args]
    return sketch("neg", sketch("add", *terms))


def _regrouped(s: Sketch, rng: random.Random) -> Sketch | None:
    if s.name not in ("mul", "hadamard", "add") or len(s.args) < 3:
        return None
    k = rng.randrange(1, len(s.args) - 1)
    inner = sketch(s.name, *s.args[k:])
    return sketch(s.name, *s.args[:k], inner)


def _written_out(s: Sketch, rng: random.Random) -> Sketch | None:
    """A function in terms of another."""
    u = s.args
    if s.name == "sigmoid":
        return sketch("ediv", 1, sketch("add", 1, sketch("exp", sketch("neg", *u))))
    if s.name == "tanh":
        half = sketch("sigmoid", sketch("hadamard", 2, *u))
        return sketch("add", sketch("hadamard", 2, half), -1)
    if s.name == "relu":
        return sketch("hadamard", *u, sketch("step", *u))
    if s.name == "sign":
        return sketch("add", sketch("step", *u), sketch("neg", sketch("step", sketch("neg", *u))))
    if s.name == "softmax" and s.params == (None,):
        e = sketch("exp", *u)
        return sketch("ediv", e, sketch("sum", e, params=(None,)))
    if s.name == "exp" and u[0].name == "add" and all(t.shape == u[0].shape for t in u[0].args):
        return sketch("hadamard", *(sketch("exp", t) for t in u[0].args))
    if s.name == "norm2":
        squares = sketch("epow", u[0], 2) if u[0].shape else sketch("power", u[0], 2)
        return sketch("sqrt", sketch("sum", squares, params=(None,)))
    return None


def _as_diag(s: Sketch, rng: random.Random) -> Sketch | None:
    if s.name != "hadamard" or len(s.args) != 2 or s.shape is None or len(s.shape) != 1:
        return None
    if any(a.shape != s.shape for a in s.args):
        return None
    return sketch("mul", sketch("diag", s.args[0]), s.args[1])


def _trace(s: Sketch, rng: random.Random) -> Sketch | None:
    if s.name == "tr":
        return sketch("tr", sketch("transpose", *s.args))
    if s.name == "mul" and _scalar(s) and len(s.args) == 2 and not _scalar(s.args[0]):
        return sketch("mul", _t(s.args[1]), _t(s.args[0]))
    return None


def _squared(s: Sketch, rng: random.Random) -> Sketch | None:
    if s.name not in ("power", "epow") or s.args[1].expr is None or s.args[1].name != "number":
        return None
    base, k = s.args[0], s.args[1].params[0]
    name = "mul" if s.name == "power" else "hadamard"
    if k == 2:
        return sketch(name, base, base)
    return sketch("inv", base) if k == -1 and s.name == "power" and not _scalar(base) else None


REWRITINGS: dict[str, Change] = {
    "double transpose": lambda s, rng: (
        None if _scalar(s) else sketch("transpose", sketch("transpose", s))
    ),
    "transposed product": _reversed_product,
    "transposed sum": lambda s, rng: (
        sketch("add", *(_t(t) for t in s.args[0].args))
        if s.name == "transpose"
        and s.args[0].name == "add"
        and all(t.shape == s.args[0].shape for t in s.args[0].args)
        else None
    ),
    "commuted": _commuted,
    "distributed": _distributed,
    "flipped difference": _flipped,
    "regrouped": _regrouped,
    "written out": _written_out,
    "as diag": _as_diag,
    "inverse as power": lambda s, rng: sketch("power", *s.args, -1) if s.name == "inv" else None,
    "square as product": _squared,
    "trace or inner product": _trace,
    "double and halve": lambda s, rng: sketch("div", sketch("hadamard", 2, s), 2),
    "double negation": lambda s, rng: sketch("neg", sketch("neg", s)),
    "plus and minus": lambda s, rng: (
        None if s.name in ("number", "size") else sketch("add", s, s, sketch("neg", s))
    ),
    "number as sum": lambda s, rng: (
        sketch("add", 1, sketch("number", params=(s.params[0] - 1,)))
        if s.name == "number" and s.params[0] != 1
        else None
    ),
}


def rewritten(found: list[Problem], count: int, seed: int) -> Iterator[tuple[Problem, str, Expr]]:
    """`count` right answers, each rewritten one to four times."""
    rng = random.Random(seed)
    names, made = list(REWRITINGS), 0
    while made < count:
        problem, applied = rng.choice(found), []
        e = problem.answer
        for _ in range(rng.randint(1, 4)):
            name = rng.choice(names)
            new = changed(problem, REWRITINGS[name], rng, e)
            if new is not None and new.shape == e.shape:
                e, applied = new, [*applied, name]
        if applied:
            made += 1
            yield problem, ", ".join(applied), e
