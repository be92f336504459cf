"""Checks a claimed derivative against numbers of f at random points: never against a rule."""

from collections.abc import Callable, Iterable
from math import nan

from matderiv.arguments import require_whole
from matderiv.errors import DomainError, LimitError
from matderiv.expr import Expr
from matderiv.lazy import np, quiet
from matderiv.numeric.both_sides import branches, reached, zones
from matderiv.numeric.comparison import Comparer, DifferenceFinding
from matderiv.numeric.evaluate import compile_
from matderiv.numeric.question import DirectionQuestion
from matderiv.numeric.report import CheckReport
from matderiv.numeric.sampling import Point, Sampler, drawn, sampler
from matderiv.numeric.small_sizes import beyond_numbers

MAX_POINTS, MAX_SEED = 1000, 2**63
GREY = 1e-6  # a difference larger than this is not forgotten when other points match


def check_question(
    question: DirectionQuestion,
    variables: Iterable[Expr],
    *,
    points: int,
    seed: int,
    sides: bool = True,
) -> CheckReport:
    """The claimed derivative of f against numbers, at random points that hide nothing.

    `variables` are those of the claim that f does not have. Both `sides` of every kink of f must be
    seen, and where its functions bend; else it is undecided, as it is beyond numbers.

    >>> x = variable("x", (Dim(("n",)),))
    >>> right, wrong = (lambda values, sizes, c=c: c * values["x"] for c in (2, 3))
    >>> claims = [DirectionQuestion(x.T @ x, (x,), c) for c in (right, wrong)]
    >>> [check_question(c, (), points=8, seed=0).verdict for c in claims]
    ['verified', 'disproved']
    """
    require_whole(points, "points", 1, MAX_POINTS)
    require_whole(seed, "seed", 0, MAX_SEED)
    return _checked(question, variables, seed, lambda source: drawn(source, points), sides=sides)


def spot_check(
    question: DirectionQuestion, variables: Iterable[Expr] = (), *, zero: bool = False
) -> CheckReport:
    """The same at a point or two: the check that every derivation gets before anybody sees it.

    `zero` says that the claim is spelled as a zero, so that it may vanish everywhere.

    >>> x = variable("x", (Dim(("n",)),))
    >>> print(spot_check(DirectionQuestion(x.T @ x, (x,), lambda v, sizes: 3 * v["x"])).verdict)
    disproved
    """

    def few(source: Sampler) -> list[Point]:
        branched = bool(source.kinks or source.extremes)  # then also one with small sizes
        return [source.point(1), *[source.point(0, most=len(source.names) + 2)] * branched]

    return _checked(question, variables, 0, few, zero=zero, spot=True)


@quiet()
def _checked(
    question: DirectionQuestion,
    variables: Iterable[Expr],
    seed: int,
    chosen: Callable[[Sampler], list[Point]],
    *,
    sides: bool = True,
    zero: bool = True,
    spot: bool = False,
) -> CheckReport:
    """The report on the points that are chosen; with `spot` the last in place of each."""
    if beyond := beyond_numbers(question.f):
        return undecided(beyond, seed)
    every = (*question.path, question.upstream, question.tangent, *variables)
    extra = [v for v in every if v is not None]
    try:
        source = sampler(question.f, extra, order=len(question.path), seed=seed)
        comparer = Comparer(question, source, compile_((question.f,)))
        findings, used = comparer.look(chosen(source), spot)
    except (DomainError, LimitError) as error:
        return undecided(error.message, seed)
    verdict, notes = _concluded(findings, len(used), spot)
    open_ = tuple(sorted({p.compromise for p in used if p.compromise} if not spot else ()))
    if verdict == "verified" and sides:
        further = reached(source, used, [*branches(question.f), *zones(question.f)])
        if further.points:
            inside, rng = comparer.sharpest, np.random.default_rng([seed, 2])
            findings += [inside.at(point, rng) for point in further.points]
        verdict, notes = _concluded(findings, len(used) + len(further.points), spot)
        open_ = (*further.unseen, *open_)
        if verdict == "verified" and not zero and all(f.zero for f in findings):
            open_ = ("nothing but zeros was compared", *open_)
            verdict = "undecided"
        verdict = "undecided" if further.unseen and verdict == "verified" else verdict
    return _reported(verdict, question.methods, findings, seed, (*notes, *open_))


def _concluded(
    findings: list[DifferenceFinding], wanted: int, spot: bool
) -> tuple[str, tuple[str, ...]]:
    verdicts = [f.verdict for f in findings]
    notes = tuple(dict.fromkeys(f.note for f in findings if f.note))
    matches = verdicts.count("match")
    if "mismatch" in verdicts:
        return "disproved", tuple(f.note for f in findings if f.verdict == "mismatch" and f.note)
    if "not finite" in verdicts and matches == 0 and not spot:
        return "disproved", notes
    grey = any(f.verdict == "between" and f.errors[0] > GREY for f in findings)
    if matches == wanted and not grey and not {"not finite", "no value"} & set(verdicts):
        return "verified", ()
    return "undecided", notes


def undecided(reason: str, seed: int = 0) -> CheckReport:
    """A report that says why numbers decide nothing.

    >>> print(undecided("f is too large"))
    undecided: f is too large (seed 0)
    """
    return CheckReport("undecided", nan, nan, "", 0, seed, notes=(reason,))


def _reported(
    verdict: str,
    methods: tuple[str, ...],
    findings: list[DifferenceFinding],
    seed: int,
    notes: tuple[str, ...],
) -> CheckReport:
    """What agrees most badly, or differs most, stands for all."""
    kind = {"verified": ("match",), "disproved": ("mismatch",)}.get(verdict, ("between", "match"))
    counted = [f for f in findings if f.verdict in kind and f.errors]
    worst = max(counted, key=lambda f: f.errors[0], default=DifferenceFinding("", (nan, nan)))
    return CheckReport(
        verdict=verdict,
        error=worst.errors[0],
        central_error=max((f.errors[-1] for f in counted), default=nan),
        method=" and ".join(methods),
        points=sum(f.verdict in ("match", "mismatch") for f in findings),
        seed=seed,
        worst=worst.worst,
        notes=notes,
    )
