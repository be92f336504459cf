"""The exact identity test: f and an answer over a finite field, at random points.

The derivative of f comes from dual numbers, never from the symbolic rules. Acceptance means that a
non-zero polynomial would have vanished at all random points; exp, log and roots keep their laws
(see `residues`), sign is multiplicative and odd, other functions are keyed hashes. Where any of
these occur the bound rests on their behaving like random functions. A rejection is final for
arithmetic, exp, sin and cos, whose identities all follow from their laws (J. Ax 1971), else a hint.
Sources: J. Schwartz 1980; R. Zippel 1979; G. Gonnet 1984.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from math import log2, prod
from typing import Any, NamedTuple

from matderiv.expr import Expr, fold, is_, walk
from matderiv.lazy import np
from matderiv.numeric.draws import enlarged, longest_word
from matderiv.numeric.evaluate import Sizes, sizes_in
from matderiv.shapes import size_value
from matderiv.verification.field.all_sizes import (
    LARGEST_WORD,
    Below,
    degree_of_sum,
    joined,
    planned,
)
from matderiv.verification.field.dual import IMAGINARY, Element, OutOfReach
from matderiv.verification.field.elementary import elementary, turned_by_pi
from matderiv.verification.field.points import BATCH, FieldPoint, halved, level_field, projected
from matderiv.verification.field.residues import CHAIN, Array, Unlucky
from matderiv.verification.field.values import HASHED, MODELLED, Branch, Evaluation

LAWFUL = frozenset({"exp", "sin", "cos"})  # all their identities hold in the model too
MOST = 30_000  # entries of an array, points apart
TRIES = 12  # other points in place of unlucky ones
LUCK = 4  # of them at the same sizes


@dataclass(frozen=True)
class ExactReport:
    """What the test found: "equal", "different" or "undecided".

    `model` says that functions beyond arithmetic were modelled; `hint` that a rejection may be due
    to them; `bits` bounds the error of an acceptance by 2^-bits; `covers` that what holds at these
    sizes holds at all, and `reason` why not.
    """

    verdict: str
    sizes: tuple[tuple[tuple[str, int], ...], ...] = ()
    bits: int = 0
    model: bool = False
    hint: bool = False
    covers: bool = True
    reason: str = ""

    def __str__(self) -> str:
        if self.verdict != "equal":
            return f"exact test: {self.verdict}" + (f" ({self.reason})" if self.reason else "")
        shown = "; ".join(", ".join(f"{n} = {s}" for n, s in sizes) for sizes in self.sizes)
        where = f" at sizes {shown}" if shown else ""
        return f"exact identity test{where}, error below 2^-{self.bits}" + (
            " (random-function model)" if self.model else ""
        )


# The test ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Identity:
    """The claim that `answer` is the derivative of f along `path`, one variable for each order.

    `arrange(array, outer, inner)` gives an answer (points first) the axes of f, then of the
    variables. `upstream` weights f; `tangent` is the direction; `space` and `structure` say how
    the derivative is projected.
    """

    f: Expr
    path: tuple[Expr, ...]
    answer: Expr
    arrange: Callable[[Array, tuple[int, ...], list[tuple[int, ...]]], Array]
    upstream: Expr | None = None
    tangent: Expr | None = None
    space: str | None = None
    structure: str = "projected"


def exact_test(identity: Identity, *, seed: int = 0) -> ExactReport:
    """Whether an answer equals the derivative, as an identity, at several choices of sizes.

    >>> x = variable("x", (Dim(("n",)),))
    >>> identity = Identity(x.T @ x, (x,), 2 * x, lambda a, outer, inner: a)
    >>> print(exact_test(identity).verdict)
    equal
    """
    try:
        f, answer = elementary(identity.f), elementary(identity.answer)
        return _tested(identity, f, answer, seed)
    except OutOfReach as reason:
        return ExactReport("undecided", reason=f"no exact model of {reason}")
    except Unlucky:
        return ExactReport("undecided", reason="no admissible point found")


def _tested(identity: Identity, f: Expr, answer: Expr, seed: int) -> ExactReport:
    nodes = {n.function.name for n in walk(f, answer)}
    model = bool(nodes & (MODELLED | HASHED))
    hint = bool(nodes & (MODELLED | HASHED) - LAWFUL) or turned_by_pi(f, answer)
    names = sorted(sizes_in(f, answer, *identity.path))
    if too_large(f, answer, sizes=dict.fromkeys(names, 3)):
        raise OutOfReach("arrays as large as these")
    longest = longest_word(f, answer)
    plan = planned(f, answer, names, longest, seed)
    found: list[Sizes] = []
    bits = 10**6
    for place, wanted in enumerate(plan.sizes):
        if plan.enough(found):
            break
        if too_large(f, answer, sizes=wanted):
            continue
        sizes, equal, deepest = _at_sizes(identity, (f, answer), wanted, (seed, place))
        found.append(sizes)
        if not equal:
            return ExactReport("different", _sorted(found), model=model, hint=hint)
        degree = degree_bound(f, sizes) * 2 + degree_bound(answer, sizes) + len(identity.path)
        lowest = level_field(min(deepest, len(CHAIN) - 1)).p
        bits = min(bits, int(BATCH * (log2(lowest) - log2(degree + 1))))
    long_enough = any(min(sizes.values()) > longest for sizes in found if sizes)
    covers = not names or (longest < LARGEST_WORD and long_enough)
    missing = plan.missing(found) if names else ""
    return ExactReport(
        "equal", _sorted(found), max(bits, 0), model, hint, covers and not missing, missing
    )


def _sorted(found: list[Sizes]) -> tuple[tuple[tuple[str, int], ...], ...]:
    return tuple(tuple(sorted(sizes.items())) for sizes in found)


def _at_sizes(
    identity: Identity, formulas: tuple[Expr, Expr], wanted: Sizes, key: tuple[int, int]
) -> tuple[Sizes, bool, int]:
    """Whether the identity holds at these sizes, and the deepest level that was used.

    Where there is no value at them, as for the inverse of A'A with a wide A, they change places.
    """
    for turn in range(TRIES):
        sizes = wanted if turn < LUCK else enlarged(_permuted(wanted, (*key, turn)), *formulas)
        try:
            found = compared(identity, *formulas, FieldPoint(sizes, (*key, turn)))
            return sizes, found.equal, found.deepest
        except Unlucky:
            continue
    raise Unlucky


def _permuted(sizes: Sizes, key: tuple[int, ...]) -> Sizes:
    rng = np.random.default_rng(key)
    return dict(zip(sizes, rng.permutation(list(sizes.values())).tolist(), strict=True))


def too_large(*exprs: Expr, sizes: Sizes) -> bool:
    """True if an array in some expressions has more entries than are computed."""
    return any(prod(size_value(s, sizes) for s in n.shape) > MOST for n in walk(*exprs))


class Compared(NamedTuple):
    """Whether truth and answer agree at a point and are not both 0; the deepest level used."""

    equal: bool
    seen: bool
    deepest: int


def compared(
    identity: Identity, f: Expr, answer: Expr, point: FieldPoint, branch: Branch | None = None
) -> Compared:
    """Truth and answer in elementary functions at a point; in one branch if that is given."""
    base = int(any(is_(n, "log") for n in walk(f, answer)))
    at = level_field(base)
    shapes = [point.dims(v) for v in identity.path]
    directions = _directions(identity, point, base, shapes)
    seeds: dict[Expr, Element] = {}
    top = 0
    for k, (v, direction) in enumerate(zip(identity.path, directions, strict=True)):
        moved = projected(direction, identity.space, identity.structure) % at.p
        if halved(identity.space, identity.structure):
            moved = moved * at.number(1, 2) % at.p
        seeds.setdefault(v, {})[2 << k] = moved
        top |= 2 << k
    run = Evaluation(point, base, seeds, branch)
    seen = False
    truth = run.at(f, dual=True)
    claim = run.at(answer, dual=False)
    outer = tuple(s for s in point.dims(f) if s != 1)
    for part in (0, IMAGINARY):
        wanted = truth.get(top | part)
        given = claim.get(part)
        left = 0 if wanted is None else wanted.reshape(BATCH, -1)
        if identity.upstream is not None and wanted is not None:
            weights = point.value(identity.upstream, base).reshape(BATCH, -1)
            left = (weights * left % at.p).sum(axis=1, keepdims=True) % at.p
        right: Any = 0
        if given is not None:
            inner = [] if identity.tangent is not None else shapes
            axes = () if identity.upstream is not None else outer
            arranged = identity.arrange(given, axes, inner)
            right = _contracted(arranged, axes, directions if inner else [], at.p)
        if np.any((left - right) % at.p):
            return Compared(False, True, 0)
        seen = seen or bool(np.any(left % at.p))
    return Compared(True, seen, max(level for _, level, _ in run.values))


def _directions(
    identity: Identity, point: FieldPoint, base: int, shapes: list[tuple[int, ...]]
) -> list[Array]:
    if identity.tangent is not None:
        return [point.value(identity.tangent, base).reshape(BATCH, *shapes[0])]
    at = level_field(base)
    sizes = [(BATCH, *shape) for shape in shapes]
    return [point.rng(10**6 + k).integers(0, at.p, size=size) for k, size in enumerate(sizes)]


def _contracted(claim: Array, outer: tuple[int, ...], directions: list[Array], p: int) -> Array:
    claim = claim.reshape(BATCH, prod(outer), *(d[0].size for d in directions))
    for d in reversed(directions):
        flat = d.reshape((BATCH,) + (1,) * (claim.ndim - 2) + (-1,))
        claim = (claim * flat % p).sum(axis=-1) % p
    return claim


# Bounds ------------------------------------------------------------------------------------------


def degree_bound(expr: Expr, sizes: Sizes) -> int:
    """A bound for the degree of an expression as a quotient of polynomials in the entries.

    Functions beyond arithmetic count as unknowns of their own. A denominator that occurs again is
    counted once in a sum.

    >>> x = variable("x", (4,))
    >>> degree_bound(apply("inv", x.T @ x) + apply("inv", x.T @ x) * x, {})
    3
    """
    above, below = fold(expr, lambda node, inner: _degrees(node, inner, sizes))
    return max(above, sum(below.values()))


def _degrees(node: Expr, inner: tuple[tuple[int, Below], ...], sizes: Sizes) -> tuple[int, Below]:
    name = node.function.name
    n = max((size_value(s, sizes) for a in node.args for s in a.shape), default=1)
    if name in MODELLED | HASHED or name == "variable":
        return 1, {}
    if name == "add":
        return degree_of_sum(inner)
    if name in ("div", "ediv"):
        (a, b), (c, d) = inner
        entries = prod(size_value(s, sizes) for s in node.args[1].shape)
        return a + sum(d.values()) + (entries - 1) * c, joined(b, {node: entries * c})
    if name in ("inv", "solve", "det", "pinv"):
        (a, b), rest = inner[0], inner[1:]
        if name == "pinv":
            a, b = 2 * a, {k: 2 * d for k, d in b.items()}
        if name == "det":
            return n * a, {k: n * d for k, d in b.items()}
        own = sum(b.values()) + n * a
        total: Below = {node: n * a}
        for c, d in rest:
            own, total = own + c, joined(total, d)
        return own, total
    if name in ("power", "epow", "prod"):
        k = n * n if name == "prod" else abs(int(node.args[1].params[0]))
        a, b = inner[0]
        if k and name != "prod" and node.args[1].params[0] < 0:
            entries = n if name == "power" else n * n
            return k * (sum(b.values()) + entries * a), {node: k * entries * a}
        return k * a, {key: k * d for key, d in b.items()}
    return sum(a for a, _ in inner), reduce(joined, (below for _, below in inner), {})
