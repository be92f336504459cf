"""Random derivatives judged against automatic differentiation: what came of each seed, and counts.

    python tests/derive_sweep.py FIRST LAST [--checked]

With `--checked` every derivation has its check at birth, which takes ten times as long.
The formula, the facts, the structure, the kind and the order follow from the seed. The truth
is that of torch for the text as `torch_reader` reads it, along random directions, or differences of
the text where torch is not installed; it shares nothing with the engine. Printed results are read
back by `reader` and must have the values of the arrays.
"""

from __future__ import annotations

import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any

import numpy as np
import reader
from directions import TOLERANCE, in_space
from directions import along as differences_along
from random_formulas import SHAPES, SIZES, Formulas, facts_for, shape_of, value_of

from matderiv.doors.derive import Derivation, derive
from matderiv.errors import MatderivError, ShapeError, UntrueResult

try:
    import torch_reader
except ImportError:
    torch_reader = None

Array = Any
LIMIT = 60  # seconds for one derivative
LARGE = 1e7  # values beyond are not compared: nothing is left of their digits
SINGULAR = 1e-12  # smallest over largest singular value of a matrix without an inverse
BESIDE = (1e-6,) if torch_reader else (0.05, 0.3)  # differences look further than torch does
STRUCTURES = ("projected", "projected", "independent", "none")


@dataclass(frozen=True)
class Case:
    """One question, with values that have the declared facts."""

    seed: int
    text: str
    wrt: str
    facts: dict[str, str]
    options: dict[str, Any]
    values: dict[str, Array]
    rng: np.random.Generator

    def __str__(self) -> str:
        told = {k: v for k, v in self.facts.items() if v}
        return f"{self.seed}: {self.text} by {self.wrt}, {told}, {self.options}"

    def derived(self, *, check: bool) -> Derivation:
        """The derivative as the engine gives it."""
        assume = {k: v for k, v in self.facts.items() if v}
        how: dict[str, Any] = {**self.options, "shapes": SHAPES, "assume": assume}
        found: Derivation = derive(self.text, self.wrt, check=check, **how)
        return found


def drawn(seed: int) -> Case:
    """The question of a seed."""
    r = Random(seed)
    order = r.choice((1, 1, 1, 2, 2, 3))
    formulas = Formulas(r, rough=order < 3 and r.random() < 0.7, few=r.random() < 0.6)
    depth = r.choice((1, 2, 3, 4) if order == 1 else (1, 2, 3) if order == 2 else (1, 2, 2))
    whole = r.random()
    if whole < 0.6:
        text = formulas.scalar(depth)
    elif whole < 0.8:
        text = formulas.vector(r.choice("nm"), depth)
    else:
        text = formulas.matrix(r.choice("nm"), r.choice("nm"), max(1, depth - 1))
    names = [v for v in SHAPES if v in _names(text)] or ["x"]
    wrt = r.choice(names)
    facts = {v: facts_for(r, v) if r.random() < (0.6 if v == wrt else 0.25) else "" for v in names}
    options: dict[str, Any] = {"order": order, "structure": r.choice(STRUCTURES)}
    if order == 1 and r.random() < 0.4:
        options["kind"] = r.choice(("vjp", "jvp", "differential"))
    rng = np.random.default_rng(seed)
    values = {v: value_of(rng, shape_of(v), facts.get(v, "")) for v in SHAPES}
    return Case(seed, text, wrt, facts, options, values, rng)


def _names(text: str) -> set[str]:
    return {t for kind, t in reader.tokens(text) if kind == "name"}


# Judging ------------------------------------------------------------------------------------------


def judged(case: Case, *, check: bool) -> tuple[str, str]:
    """What came of a question, and more about it."""
    try:
        found = case.derived(check=check)
        said = found.formula
    except UntrueResult as error:
        return "untrue", str(error)
    except ShapeError:  # every formula here fits, so a product of the engine does not
        return "crash", traceback.format_exc(limit=-4)
    except MatderivError as error:
        return "refused", f"{type(error).__name__}: {error.message}"
    except TimeoutError:
        return "slow", ""
    except Exception:  # any error that is none of the family is what is looked for
        return "crash", traceback.format_exc(limit=-4)
    try:
        verdict, more = _compared(case, found, said)
        open_ = verdict == "right" and found.doubt
        return ("undecided", f"{said} # {found.doubt}") if open_ else (verdict, more)
    except TimeoutError:
        return "slow", said
    except Exception:
        return "crash", said + "\n" + traceback.format_exc(limit=-4)


def _compared(case: Case, found: Derivation, said: str) -> tuple[str, str]:
    kind, rng = found.kind, case.rng
    x = case.values[case.wrt]
    directions = [rng.standard_normal(x.shape) for _ in range(found.order)]
    values = {**case.values, f"d{case.wrt}": directions[0]}
    value = np.asarray(reader.value(case.text, case.values, SIZES))
    if not np.isfinite(value).all() or np.abs(value).max(initial=0) > LARGE:
        return "no value", said
    weights = rng.standard_normal(value.shape)
    values["G"] = weights
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            whole = np.asarray(found.at(values, SIZES))
        except MatderivError as error:
            return "no value", f"{said}: {error.message}"
    claimed = _contracted(whole, kind, directions, weights)
    truth = slope(case, case.values, weights, _moves(case, found, directions))
    if not np.isfinite(truth) or abs(truth) > LARGE:
        return "no value", said
    size = np.abs(whole).max(initial=0) * np.prod([np.abs(d).sum() for d in directions])
    close = 1e-6 if torch_reader else 10 * TOLERANCE[found.order]
    allowed = close * max(abs(truth), abs(claimed)) + 1e-9 * size * max(1, np.abs(weights).sum())
    if not np.isfinite(claimed):  # the formula is 0/0 where f has a derivative
        return "not finite", f"{said}: {claimed}, the truth is {truth:.10g}"
    if not abs(claimed - truth) <= allowed + 1e-10:
        more = f"{said}: {claimed:.10g}, the truth is {truth:.10g}"
        if torch_reader and torch_reader.condition(case.text, case.values, SIZES) < SINGULAR:
            return "singular", more
        kink = _kink(case, found, values, weights, directions)
        return "kink" if kink else "wrong", more
    return _printed(case, found, said, values)


def slope(case: Case, values: dict[str, Array], weights: Array, along: Sequence[Array]) -> float:
    """The derivative of Σ weights ⊙ f along directions, by torch or by differences."""

    def paired(x: Array) -> float:
        value = reader.value(case.text, {**values, case.wrt: x}, SIZES)
        return float(np.sum(value.reshape(-1) * weights.reshape(-1)))

    if not along:
        return paired(values[case.wrt])
    if torch_reader is not None:
        return float(torch_reader.slope(case.text, case.wrt, values, SIZES, weights, along))
    lengths = [float(np.linalg.norm(d)) or 1.0 for d in along]
    plain = [d / s for d, s in zip(along, lengths, strict=True)]
    return float(differences_along(paired, values[case.wrt], plain) * np.prod(lengths))


def _contracted(whole: Array, kind: str, directions: Sequence[Array], weights: Array) -> float:
    """The claimed derivative of Σ weights ⊙ f along the directions."""
    if kind in ("jvp", "differential"):
        return float(np.sum(whole.reshape(-1) * weights.reshape(-1)))
    for d in reversed(directions):
        whole = np.tensordot(whole, d, d.ndim) if d.ndim else whole * d
    if kind == "vjp":
        return float(whole)
    return float(np.sum(whole.reshape(-1) * weights.reshape(-1)))


def _kink(
    case: Case,
    found: Derivation,
    values: dict[str, Array],
    weights: Array,
    directions: Sequence[Array],
) -> bool:
    """True where the derivative is right beside the point, or that of f has a jump there.

    Facts may force a point onto a kink.
    """
    x, fact = case.values[case.wrt], case.facts.get(case.wrt, "")
    along = _moves(case, found, directions)
    aside = np.random.default_rng(case.seed).standard_normal(x.shape)
    changes = (aside, in_space(aside, {fact}, "projected"))
    for change, beside in product(changes, BESIDE):
        right, truths = True, []
        for step in (beside, -beside):
            moved = {**values, case.wrt: x + step * change}
            whole = np.asarray(found.at(moved, SIZES))
            claimed = _contracted(whole, found.kind, directions, weights)
            truth = slope(case, moved, weights, along)
            right &= abs(claimed - truth) <= 1e-3 * max(1e-3, abs(claimed), abs(truth))
            truths.append(truth)
        if right or np.ptp(truths) > 1e-2 * np.abs([claimed, *truths]).max():
            return True
    return False


def _moves(case: Case, found: Derivation, directions: Sequence[Array]) -> Sequence[Array]:
    """The directions along which a derivative by a structured variable is one of f."""
    if found.kind in ("jvp", "differential"):
        return directions
    fact = case.facts.get(case.wrt, "")
    return [in_space(d, {fact}, found.structure) for d in directions]


def _printed(case: Case, found: Derivation, said: str, values: dict[str, Array]) -> tuple[str, str]:
    """The printed matrix form has the values of the array; at ties the array shares equally."""
    told = _told_apart(found, said, values) or _vec_apart(found, values)
    aside = np.random.default_rng(case.seed).standard_normal(case.values[case.wrt].shape)
    moved = {**values, case.wrt: case.values[case.wrt] + 1e-6 * aside}
    if not told:
        return "right", said
    again = _told_apart(found, said, moved) or _vec_apart(found, moved)
    ties = any(mark in said for mark in (">=max", "<=min", ">=norminf"))
    return ("printed" if again and not ties else "kink"), f"{said}: {told}"


def _told_apart(found: Derivation, said: str, values: dict[str, Array]) -> str:
    """How the printed form and the array differ; nothing where they agree, or one has no value."""
    if not found.has_matrix_form:
        return ""
    try:
        written = np.squeeze(reader.value(said, values, SIZES))
    except np.linalg.LinAlgError:
        return ""  # an inverse of what is singular, where programs take cofactors
    plain = np.squeeze(found.at(values, SIZES))
    if not written.shape and written == 0:
        written = np.zeros_like(plain)
    if written.shape != plain.shape:
        return f"{written.shape}, the array is {plain.shape}"
    allowed = 1e-8 * np.abs(plain).max(initial=0) + 1e-10
    product = "prod(" in said  # 0/0 where it has zeros: arrays have the limit
    valued = np.isfinite(written) | (plain != 0) | (not product)
    if not np.isfinite(plain).all() or np.abs(written - plain)[valued].max(initial=0) <= allowed:
        return ""
    return f"{written}, the array is {plain}"


def _vec_apart(found: Derivation, values: dict[str, Array]) -> str:
    """How the vec form and the array differ; nothing where they agree, or where there is none."""
    form = None if found.by_free_entries else found.vec_text
    if form is None:
        return ""
    try:
        written = np.squeeze(reader.value(form, values, SIZES))
    except np.linalg.LinAlgError:
        return ""
    array = np.asarray(found.at(values, SIZES))
    each = np.ndim(values[found.wrt.name])
    sides = (array.ndim - each, each) if found.order == 1 else (each, each)
    axes = [*range(sides[0])[::-1], *range(sides[0], array.ndim)[::-1]]
    rows = int(np.prod(array.shape[: sides[0]]))
    plain = np.squeeze(np.transpose(array, axes).reshape(rows, -1))
    if written.shape != plain.shape:
        return f"{form} is {written.shape}, the array {plain.shape}"
    allowed = 1e-8 * np.abs(plain).max(initial=0) + 1e-10
    off = np.abs(written - plain).max(initial=0)
    return "" if not off > allowed else f"{form}: {written}, the array is {plain}"


# Many ---------------------------------------------------------------------------------------------


def _late(*_: Any) -> None:
    raise TimeoutError


def outcome(seed: int, *, check: bool = False) -> tuple[str, str, str]:
    """What came of a seed, the question, and more about it; never longer than the limit."""
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(LIMIT)
    try:
        case = drawn(seed)
        verdict, more = judged(case, check=check)
    finally:
        signal.alarm(0)
    return verdict, str(case), more


def shortened(said: str) -> str:
    """The beginning and the end of what is long."""
    return said if len(said) < 900 else f"{said[:450]} ... {said[-450:]}"


def main() -> None:
    """The counts for a range of seeds, and every question that did not come out right."""
    first, last = map(int, sys.argv[1:3])
    counts: Counter[str] = Counter()
    slowest, start = 0.0, time.time()
    for seed in range(first, last):
        before = time.time()
        verdict, question, more = outcome(seed, check="--checked" in sys.argv)
        slowest = max(slowest, time.time() - before)
        counts[verdict] += 1
        if verdict not in ("right", "no value", "kink"):
            print(f"{verdict.upper()} {question}\n    {shortened(more)}", flush=True)
        if (seed - first) % 500 == 499:
            print(f"{seed + 1}: {dict(counts)}, {time.time() - start:.0f} s", flush=True)
    print(f"seeds {first} to {last - 1}: {dict(counts)}, slowest {slowest:.1f} s")


if __name__ == "__main__":
    main()
