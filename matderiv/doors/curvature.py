"""`curvature`: whether a function is convex or concave, and a reason that a person can follow.

The form of the Hessian is asked first, then the rules of composition, which also hold at kinks;
chords of f are compared with every verdict.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from matderiv.doors.derivation import Derivation
from matderiv.doors.derive import Assume, derive
from matderiv.errors import DomainError, MatderivError, NoRule, UntrueResult
from matderiv.expr import Expr, apply, is_, number_value, substitute, variable, variables, walk
from matderiv.input.asking import about_a_number, variable_of
from matderiv.language.printer import text
from matderiv.lazy import np, quiet
from matderiv.numeric.evaluate import Arrays, Sizes, evaluate
from matderiv.numeric.kinks import kinks
from matderiv.numeric.sampling import points
from matderiv.numeric.stable import expanded
from matderiv.shapes import is_scalar
from matderiv.solving.composition import AFFINE, Composition
from matderiv.words.definite import convex_domain, definite_sign
from matderiv.work import A_VERB, bounded

DRAWS = 16
TOLERANCE = 1e-7
"""Below this, relative to the largest, a number has no sign."""
NOISE = 1e-12
"""Below this, relative to f over the square of x, a second derivative has no sign."""


@dataclass(frozen=True)
class Curvature:
    """Whether f is convex in a variable: "convex", "concave", "both", "neither" or "undecided".

    `reason` says why, for a reader: the form of the Hessian, how the parts of f bend, or numbers
    that show both signs. `hessian` is there where it was asked.
    """

    verdict: str
    reason: str
    hessian: Derivation | None = None

    @property
    def newton(self) -> str:
        """Where a Newton step goes, x - inv(H)*g; NoRule where no Hessian was asked.

        >>> print(curvature("sum(exp(X*w)) - y'*X*w", "w").newton)
        w - inv(X'*diag(exp(X*w))*X)*(X'*(exp(X*w) - y))
        """
        if self.hessian is None or len(self.hessian.wrt.shape) > 1:
            raise NoRule("a Newton step is read for a smooth function of a vector or a number")
        x, h = self.hessian.wrt, self.hessian.expr
        g = derive(self.hessian.f, x).expr
        return text(x - apply("inv", h) @ g if x.shape else x - g / h)

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}"


@bounded(A_VERB)
def curvature(
    f: Any, wrt: Any, *, shapes: Mapping[str, Any] | None = None, assume: Assume | None = None
) -> Curvature:
    """Whether f is convex or concave in a variable, from its Hessian or from its parts.

    >>> print(curvature("logsumexp(A*x + b)", "x", shapes={"b": "m"}).verdict)
    convex
    >>> print(curvature("norm1(x)", "x"))
    convex: norm1(x): norm1 is convex, x is affine
    >>> print(curvature("x'*A*x", "x").verdict)
    neither
    """
    asked = about_a_number(f, shapes, assume, wrt)
    e, x = asked.f, variable_of(asked.f, asked.reading, wrt)
    if not is_scalar(e.shape):
        raise MatderivError("only a number is convex or concave, this is an array")
    found = _curved(e, x)
    free = [v for v in variables(e) if v is not x and not v.params[2]]
    if not free or found.verdict not in ("neither", "undecided"):
        return found
    usable = (v for v in free if v.shape[1:] in ((), v.shape[:1]))
    needed = {v: "posdef" if v.shape[1:] else "positive" for v in usable}
    there = _told(e, x, needed)
    for v in free:
        fewer = {n: word for n, word in needed.items() if n is not v}
        if there and fewer != needed and (less := _told(e, x, fewer)):
            needed, there = fewer, less
    if there is None:
        return found
    shown = " and ".join(f"{v.name} is {word}" for v, word in needed.items())
    said = f"{there.verdict} where {shown}: {there.reason}"
    numbers = not any(v.shape for v in needed)  # of which each has one sign
    return Curvature("undecided" if numbers else found.verdict, said, found.hessian)


def _told(e: Expr, x: Expr, words: Mapping[Expr, str]) -> Curvature | None:
    """The curvature where these facts hold, if it is known then."""
    known = {v: variable(v.name, v.shape, (word,)) for v, word in words.items()}
    found = _curved(substitute(e, known), x)
    return None if found.verdict in ("neither", "undecided") else found


def _curved(e: Expr, x: Expr) -> Curvature:
    """The curvature for all values of the other variables."""
    seen, both = _united(_chords(e, x), e, x)
    if both:
        return Curvature("neither", "chords of f lie above it and below it")
    if seen >= {1, -1}:
        return Curvature(
            "undecided", f"chords of f lie above it or below it, as {_others_of(e, x)}"
        )
    parts = walk(e, expanded(e))
    rough = kinks(e) or any(n.function.attained or not n.function.analytic for n in parts)
    smooth = None if rough else _by_hessian(e, x)
    found = smooth
    if smooth is None or smooth.verdict == "undecided":
        found = _by_composition(e, x) or smooth
    if found is None:
        return Curvature("undecided", "f has kinks, and the rules of composition do not say")
    never = {"convex": {-1}, "concave": {1}, "both": {1, -1}}.get(found.verdict, set())
    if never & seen:
        raise UntrueResult(f"chords of f contradict that it is {found.verdict}")
    return found


def _united(found: Iterable[tuple[int, int]], f: Expr, x: Expr) -> tuple[set[int], bool]:
    """All signs of numbered points, and whether one f has both.

    What differs between points is not only x but what else f depends on: for each l of l*x^2 one
    sign is the only one.
    """
    signs: dict[int, set[int]] = {}
    for place, sign in found:
        signs.setdefault(place, set()).add(sign)
    seen = set[int]().union(*signs.values())
    alone = [v for v in variables(f) if v is not x] == []
    return seen, any(s >= {1, -1} for s in ([seen] if alone else signs.values()))


def _others_of(f: Expr, x: Expr) -> str:
    """What f bends with, apart from x."""
    with suppress(NoRule):
        f = derive(f, x, order=2).expr
    names = [v.name for v in variables(f) if v is not x]
    return f"{' and '.join(names)} {'are' if len(names) > 1 else 'is'}"


def _chords(f: Expr, x: Expr) -> Iterator[tuple[int, int]]:
    """1 where the middle of a chord lies above f, -1 where below; only where f has values.

    With the number of the point, whose chords are those of one f.
    """
    for place, point in enumerate(points(f, [x], count=DRAWS, seed=3)):
        one = point.values[x.name]
        for other in _others(one, x):
            ends = [{**point.values, x.name: v} for v in (one, other, (one + other) / 2)]
            if not all(_meant(f, end, point.sizes) for end in ends):
                continue
            try:
                with quiet():
                    a, b, middle = (float(np.real(evaluate(f, end, point.sizes))) for end in ends)
            except (DomainError, np.linalg.LinAlgError):
                continue
            gap, size = (a + b) / 2 - middle, max(abs(a), abs(b), abs(middle))
            if np.isfinite(gap) and abs(gap) > TOLERANCE * size:
                yield place, int(np.sign(gap))


def _meant(f: Expr, values: Mapping[str, Any], sizes: Mapping[str, int]) -> bool:
    """True where the arguments of f's functions are in their domains, as positive p of kl(p, q)."""
    for node in walk(f):
        for a, domain in zip(node.args, node.function.domain, strict=False):
            if domain == "positive" and not np.all(evaluate(a, values, sizes) >= 0):
                return False
    return True


def _others(one: Any, x: Expr) -> list[Any]:
    """The other ends of chords, in the set that the facts about x leave."""
    told = x.params[2]
    if told <= {"positive"}:
        turned = [one[..., ::-1]] if np.ndim(one) else []
        return [one * 1.5, one * 0.5, *turned, *([] if told else [-one])]
    if told <= {"posdef", "symmetric", "diagonal", "positive"}:
        return [one * 1.5, one * 0.5, one @ one]
    return [one[..., ::-1]] if told == {"simplex"} else []


def _by_composition(f: Expr, x: Expr) -> Curvature | None:
    """What the rules of composition say; None where they say nothing."""
    by = Composition(x)
    bend = by.bend(f)
    if not bend:
        return None
    if bend == AFFINE:
        return Curvature("both", f"f is affine in {x.name}")
    return Curvature(next(iter(bend)), "; ".join(dict.fromkeys(by.reasons)))


def _by_hessian(f: Expr, x: Expr) -> Curvature:
    """What the form of the Hessian says, or its numbers."""
    try:
        hessian = derive(f, x, order=2)
    except NoRule as error:
        return Curvature("undecided", error.message)
    if (found := _by_numbers(hessian)).verdict == "neither":
        return found
    h, shown = hessian.expr, hessian.formula
    if not convex_domain(f, x):
        return Curvature(
            "undecided", "f may have no value between points where it has one", hessian
        )
    if is_(h, "zeros") or number_value(h) == 0:
        return Curvature("both", "the Hessian is 0, so f is affine", hessian)
    sign = definite_sign(h) if len(x.shape) < 2 else 0
    if sign:
        word, side = ("convex", ">=") if sign > 0 else ("concave", "<=")
        return Curvature(word, f"the Hessian {shown} is {side} 0 in its form", hessian)
    return found


def _by_numbers(hessian: Derivation) -> Curvature:
    """Neither, where numbers show a direction of each sign; else undecided."""
    if _united(_eigenvalues(hessian), hessian.f, hessian.wrt)[1]:
        return Curvature("neither", "the Hessian has eigenvalues of both signs", hessian)
    return Curvature("undecided", "the form of the Hessian does not show its sign", hessian)


def _eigenvalues(hessian: Derivation) -> Iterator[tuple[int, int]]:
    """The signs of eigenvalues at numbered points, each with some other places of the variable."""
    x = hessian.wrt
    for place, point in enumerate(points(hessian.f, [x], count=DRAWS, seed=2)):
        for one in (point.values[x.name], *_others(point.values[x.name], x)):
            values = {**point.values, x.name: one}
            beyond = "positive" in x.params[2] and np.min(one) <= 0
            if not beyond and _meant(hessian.f, values, point.sizes):
                yield from ((place, s) for s in eigenvalue_signs(hessian, values, point.sizes))


def eigenvalue_signs(hessian: Derivation, values: Arrays, sizes: Sizes) -> set[int]:
    """The signs of the eigenvalues at some values; 0 for what is small beside the largest.

    So is what rounding leaves of numbers as large as f. None where the Hessian has no value.
    """
    x = values[hessian.wrt.name]
    n = max(1, np.size(x))
    matrix = np.reshape(hessian.at(values, sizes), (n, n))
    if not np.isfinite(matrix).all():
        return set()
    found = np.linalg.eigvalsh(matrix)
    scale = abs(float(evaluate(hessian.f, values, sizes))) / max(float(np.sum(np.square(x))), 1e-12)
    small = max(TOLERANCE * np.abs(found).max(initial=0.0), NOISE * scale)
    return {int(np.sign(v)) if abs(v) > small else 0 for v in found}
