"""A derivation against values of f alone: at birth, and whenever somebody asks.

No rule is asked, so a wrong rule cannot approve a wrong result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from math import nan
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from matderiv.calculus.derivative import FORWARDS
from matderiv.calculus.structure import numeric_projection
from matderiv.errors import DomainError, ShapeError, UntrueResult
from matderiv.expr import Expr, apply, is_, variable, variables
from matderiv.input.asking import value_shape
from matderiv.input.entries import AskedEntry
from matderiv.lazy import later, np
from matderiv.numeric.check import check_question, spot_check, undecided
from matderiv.numeric.comparison import WRONG, relative_error
from matderiv.numeric.evaluate import Array, Arrays, Sizes, compile_
from matderiv.numeric.question import DirectionQuestion, joint_question
from matderiv.numeric.ranges import ZERO, bounds
from matderiv.numeric.report import CheckReport
from matderiv.numeric.sampling import sampler
from matderiv.numeric.small_sizes import (
    beyond_numbers,
    has_large_sizes,
    too_large,
    with_named_sizes,
)
from matderiv.work import MILLION, WorkLimit, bounded

if TYPE_CHECKING:
    from matderiv.circuit import running
    from matderiv.circuit.passes import Backprop
    from matderiv.doors.derivation import Derivation
    from matderiv.verification import claims, judging
else:
    running, claims, judging = later("circuit.running verification.claims verification.judging")

Gradients = Callable[[Arrays, Sizes], Sequence[Array]]  # of some variables, in their order

SETTLED = 2  # the order up to which the layers of a verdict are quick
MANY = 16  # variables: beyond, what is undecided together is not looked at one by one
AT_BIRTH = MILLION  # units of work
A_POINT = MILLION // 4  # more for each point of a check that is asked for
ROUNDING = 64 * 2.0**-52  # of the largest value on the way: two forms of a zero differ by no more
CONFIRMED = 4  # points at which a contradiction is looked at again before it is one


def truthful(d: Derivation) -> Derivation:
    """The derivation with the report of its check at birth; UntrueResult where f contradicts it.

    Two small points first; where they leave it open, the layers that judge hand derivations.
    Undecided where that takes too much work.
    """
    try:
        with bounded(AT_BIRTH, AT_BIRTH // 2):
            report = _told_at_birth(d)
    except WorkLimit as error:
        report = undecided(error.message)
    return replace(d, checked=report)


def _told_at_birth(d: Derivation) -> CheckReport:
    zero = bounds(d.expr) == ZERO
    report = _small_first(d, lambda e: spot_check(_question(e), _others(e), zero=zero))
    if report.verdict == "disproved":
        report = check_derivation(d, points=CONFIRMED)
        require_truth(report, "the derivative that was found")
    if report.verdict == "undecided":
        report = _settled(d, report)
        require_truth(report, "the derivative that was found")
    return report


def require_truth(report: CheckReport, what: str) -> None:
    """Raise UntrueResult if numbers contradict what is about to be shown."""
    if report.verdict == "disproved":
        raise UntrueResult(
            f"{what} does not agree with numbers and is not shown",
            details=(str(report), *report.notes),
        )


def truthful_pass(back: Backprop) -> Backprop:
    """A backward pass whose gradients by the inputs agree with f; UntrueResult where they do not.

    What arrives at the end is an array of ones there, so f is the sum of the end's entries. Graphs
    show gradients without the facts of an input, so they are compared along what keeps the facts.
    """
    root = back.circuit.root
    f = apply("sum", root.expr, params=(None,)) if root.expr.shape else root.expr
    inputs = [n for n in back.circuit.nodes if is_(n.expr, "variable") and n.index in back.formulas]

    def gradients(values: Arrays, sizes: Sizes) -> list[Array]:
        found = running.backward(back, {**sizes, **values}).gradients
        return [_kept(found[n.index], n.expr) for n in inputs]

    with suppress(WorkLimit), bounded(AT_BIRTH):
        for x, report in gradient_reports(f, [n.expr for n in inputs], gradients).items():
            require_truth(report, f"the gradient of the graph by {x}")
    return back


def _kept(gradient: Array, x: Expr) -> Array:
    """The part of a gradient in the space of what is declared of the variable."""
    project = numeric_projection(x, "projected", 1)
    return gradient if project is None else project(gradient)


def gradient_reports(
    f: Expr, xs: Sequence[Expr], gradients: Gradients, structure: str = "projected"
) -> dict[str, CheckReport]:
    """What two points say of the gradients of a scalar by several variables, by their names.

    All are looked at together first; each by itself where something is declared of it, or where
    together they are not right.
    """
    plain = [k for k, x in enumerate(xs) if x.params[2] <= {"positive"}]
    together = undecided("")
    if len(plain) > 1:
        question, changes = joint_question(f, [xs[k] for k in plain], _picked(gradients, plain))
        together = spot_check(question, [*xs, *changes], zero=True)
    agreed = together.ok or (together.verdict == "undecided" and len(plain) > MANY)
    reports = {}
    for k, x in enumerate(xs):
        if agreed and k in plain:
            reports[x.name] = together
        else:
            project, claim = numeric_projection(x, structure, 1), _picked(gradients, [k])
            question = DirectionQuestion(f, (x,), claim, project=project)
            reports[x.name] = spot_check(question, xs, zero=True)
    return reports


def _picked(gradients: Gradients, places: Sequence[int]) -> Callable[[Arrays, Sizes], Any]:
    """Some of the gradients: of one place the one, of several all."""
    return lambda values, sizes: itemgetter(*places)(gradients(values, sizes))


def truthful_entry(d: Derivation, entry: AskedEntry) -> Derivation:
    """A derivation by an entry, which has the numbers of the one by the whole array.

    The derivation by the array is checked against f; UntrueResult where either is not true.
    """
    assert d.whole is not None
    whole = truthful(d.whole)
    axes = len(value_shape(d.f))

    def of_whole(values: Arrays, sizes: Sizes) -> Array:
        return entry.picked(whole.at(values, sizes), axes, d.order, sizes)

    _compare(whole, d.expr, of_whole, f"the derivative by {entry.name}", d.expr)
    return replace(d, whole=whole, checked=whole.checked)


def require_same_numbers(d: Derivation, shown: Expr, axes: Sequence[int], what: str) -> None:
    """Raise UntrueResult if another form of the derivative has other numbers.

    `axes` is the order of the derivative's axes in the form, flattened. Nothing is compared where
    the derivation was not checked, or has large sizes.
    """

    def of_whole(values: Arrays, sizes: Sizes) -> Array:
        return np.transpose(d.at(values, sizes), axes)

    _compare(d, shown, of_whole, what, d.f)


def _compare(
    d: Derivation, shown: Expr, value: Callable[[Arrays, Sizes], Array], what: str, near: Expr
) -> None:
    """Raise UntrueResult if an expression has other numbers than a function of the derivative's.

    They are compared at a point where `near` has a value.
    """
    if d.checked is None or not d.checked.ok or has_large_sizes(d.f, d.wrt, d.expr):
        return
    try:
        source = sampler(near, [v for v in (d.wrt, d.upstream, *_others(d)) if v is not None])
        point = source.point(0, most=len(source.names) + 2)
        wanted = value(point.values, point.sizes)
        known = {v.name: point.values[v.name] for v in variables(shown)}
        bound = compile_((shown,)).at(point.sizes)
        (found,) = bound.run(known)
        noise = ROUNDING * bound.largest(known)
    except DomainError:
        return
    apart = np.abs(np.ravel(found) - np.ravel(wanted)).max(initial=0.0)
    if apart > noise and relative_error(np.ravel(found), np.ravel(wanted)) > WRONG:
        raise UntrueResult(f"{what} does not agree with the derivative and is not shown")


def check_derivation(d: Derivation, *, points: int = 8, seed: int = 0) -> CheckReport:
    """The numeric check of a derivation against differences of f; large sizes are made small."""
    try:
        with bounded(AT_BIRTH + A_POINT * points):
            return _small_first(
                d,
                lambda e: check_question(_question(e), _others(e), points=points, seed=seed),
                seed,
            )
    except WorkLimit as error:
        return undecided(error.message, seed)


def _small_first(
    d: Derivation, ask: Callable[[Derivation], CheckReport], seed: int = 0
) -> CheckReport:
    """What numbers say with small sizes in place of large ones, where that is as good."""
    small = _at_small_sizes(d)
    if small is not None and (report := ask(small)).ok:
        return report
    reason = too_large(d.expr)  # of f they see themselves
    return undecided(reason, seed) if reason else ask(d)


def _settled(d: Derivation, open_: CheckReport) -> CheckReport:
    """What two points leave open, by the exact identity test, more points and 50 digits."""
    small = _at_small_sizes(d)
    d = small or d
    if beyond_numbers(d.f) or too_large(d.f, d.expr):
        return open_
    question = _question(d)
    asked = claims.Asked(
        d.f,
        d.wrt,
        d.kind,
        d.order,
        "gradient",
        d.structure,
        d.reading or claims.reading_about(d.f),
        d.upstream,
        question.tangent,
    )
    claim = claims.Claim(asked, d.expr, claims.as_it_is)
    if d.order > SETTLED:
        proof = judging.proof(claim, d.structure)
        return open_ if proof is None else CheckReport("verified", nan, nan, str(proof), 0, 0)
    found = judging.judged(claim, d.structure)
    unsure = small is not None or found.verdict != "disproved" or _forced(d)
    if not found.right and (unsure or judging.valueless(found.report)):
        return open_  # small sizes accept, only, and where the formula is 0/0 numbers have a limit
    verdict = "verified" if found.right else found.verdict
    if found.report is not None and (found.report.points or not found.right):
        return replace(found.report, verdict=verdict)
    return CheckReport(verdict, nan, nan, found.reason or str(found.exact), 0, 0)


def _forced(d: Derivation) -> bool:
    """True where facts leave no point without a kink or a tie, or make entries 0.

    No contradiction is seen there: f has no derivative, or the formula is 0/0.
    """
    question = _question(d)
    point = sampler(d.f, [d.wrt, *_others(d)], order=d.order).point(0)
    return (bool(point.compromise) and question.declared) or question.pinned


def _at_small_sizes(d: Derivation) -> Derivation | None:
    """The derivation with names for its large sizes; None where it has none, or needs them."""
    if not has_large_sizes(d.f, d.wrt, d.expr):
        return None
    try:
        f, wrt, expr = with_named_sizes(d.f, d.wrt, d.expr)
        (upstream,) = with_named_sizes(d.upstream) if d.upstream is not None else (None,)
    except ShapeError:
        return None
    if f is d.f and wrt is d.wrt and expr is d.expr:
        return None  # large are only products of sizes, as those of kron
    derivative = d.derivative._replace(expr=expr)
    return replace(d, f=f, wrt=wrt, upstream=upstream, derivative=derivative)


def _question(d: Derivation) -> DirectionQuestion:
    """What the derivation claims, to be compared with values of f."""
    return DirectionQuestion(
        d.f,
        (d.wrt,) * d.order,
        d.at,
        d.upstream,
        variable(f"d{d.wrt.name}", d.wrt.shape) if d.kind in FORWARDS else None,
        numeric_projection(d.wrt, d.structure, d.order),
    )


def _others(d: Derivation) -> list[Expr]:
    """The variables of f and of the derivative, apart from upstream and change."""
    change = variable(f"d{d.wrt.name}", d.wrt.shape)
    return [v for v in variables(d.f, d.expr) if v is not change and v is not d.upstream]
