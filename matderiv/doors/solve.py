"""`solve`: where a derivative is zero, in closed form, and checked with numbers."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from matderiv.choosing.polish import polished
from matderiv.doors.curvature import curvature, eigenvalue_signs
from matderiv.doors.derivation import Derivation
from matderiv.doors.derive import Assume, derive
from matderiv.errors import DomainError, MatderivError, NoClosedForm, ParseError
from matderiv.expr import (
    Expr,
    apply,
    is_,
    number,
    number_value,
    substitute,
    variable,
    variables,
    walk,
)
from matderiv.input.asking import about_a_number, understood, variable_of
from matderiv.language.declare import declared_facts
from matderiv.language.printer import text
from matderiv.language.tokens import canonical_name
from matderiv.lazy import np, quiet
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.ranges import bounds
from matderiv.numeric.sampling import Point, points
from matderiv.output.latex.formula import latex
from matderiv.shapes import is_scalar
from matderiv.solving.affine import affine_root, spelled_sum
from matderiv.solving.constrained import (
    Constrained,
    eigen_equation,
    linear_root,
    orthonormal_roots,
    shared_root,
    sphere_roots,
    squared_length,
)
from matderiv.solving.entrywise_roots import entry_roots
from matderiv.solving.inverses import inverse_root
from matderiv.words.chains import facts, turned
from matderiv.words.definite import definite_sign
from matderiv.words.signs import total
from matderiv.work import A_VERB, bounded

POINTS = 4
DRAWS = 16
TOLERANCE = 1e-7
"""Of what is left of the gradient at the solution, relative to its terms."""


@dataclass(frozen=True)
class Solution:
    """The values of a variable where the gradient vanishes, under a constraint if there is one.

    `kinds` says of each value whether it is a "minimum", a "maximum" or "stationary"; `conditions`
    what has to hold; `steps` the equations with their reasons. An eigenvalue problem has no values
    but an `equation`. `mixed` says that every entry may be that of any of the values.
    """

    gradient: Derivation
    values: tuple[Expr, ...]
    kinds: tuple[str, ...]
    steps: tuple[tuple[str, str], ...]
    conditions: tuple[str, ...] = ()
    equation: str = ""
    equation_latex: str = ""
    mixed: bool = False

    @property
    def expr(self) -> Expr:
        """The value, or the first of several; NoClosedForm for an eigenvalue problem."""
        if not self.values:
            raise NoClosedForm(f"there is no closed form: {self.equation}")
        return self.values[0]

    @property
    def kind(self) -> str:
        """What the first value is."""
        return self.kinds[0]

    def latex(self) -> str:
        """The values as LaTeX equations, or the eigenvalue equation."""
        x = latex(self.gradient.wrt)
        said = r",\quad ".join(f"{x} = {latex(v)}" for v in self.values) or self.equation_latex
        return said + (r"\quad\text{entry by entry}" if self.mixed else "")

    def __str__(self) -> str:
        x = self.gradient.wrt.name
        said = " or ".join(f"{x} = {text(v)}" for v in self.values) or self.equation
        return said + (", entry by entry" if self.mixed else "")


@bounded(A_VERB)
def solve(
    f: Any,
    wrt: Any,
    *,
    subject_to: str | None = None,
    shapes: Mapping[str, Any] | None = None,
    assume: Assume | None = None,
) -> Solution:
    """Where the gradient of f by a variable is zero, in closed form, with steps.

    Quadratic functions, equations entry by entry, likelihoods of covariances; `subject_to` is a
    constraint such as "A*x = b", "sum(p) = 1", "w'*w = 1" or "X'*X = eye(k)". Every value is
    checked at random data. NoClosedForm where none is known, with the Newton step.

    >>> print(solve("norm2(X*w - y)^2", "w", shapes={"y": "m"}))
    w = inv(X'*X)*X'*y
    >>> print(solve("a'*p - sum(p.*log(p))", "p", subject_to="sum(p) = 1"))
    p = softmax(a)
    """
    if subject_to is not None:
        return _constrained(f, wrt, subject_to, shapes, assume)
    asked = about_a_number(f, shapes, assume, wrt)
    if not is_scalar(asked.f.shape):
        raise MatderivError("a stationary point needs a number to be minimised")
    x = variable_of(asked.f, asked.reading, wrt)
    if x.params[2] & {"orthogonal", "idempotent", "onehot", "simplex", "labels", "binary"}:
        said = f"facts of {x.name} are constraints, which stand in subject_to"
        raise MatderivError(said, hint='subject_to="X\'*X = eye(n)" or "sum(x) = 1"')
    return _free(derive(asked.f, x), derive(asked.f, x, order=2))


def _free(gradient: Derivation, hessian: Derivation) -> Solution:
    """The stationary points where nothing constrains the variable."""
    x, g = gradient.wrt, gradient.expr
    steps = [(f"{gradient.formula} = 0", "the gradient is set to zero")]
    if is_(hessian.expr, "zeros") or number_value(hessian.expr) == 0:
        if x in set(walk(g)):
            raise NoClosedForm("the gradient jumps where f has a kink, between constant values")
        raise MatderivError(f"f is affine in {x.name}: its gradient is the same everywhere")
    affine = x not in set(walk(hessian.expr))
    if affine and (found := affine_root(g, hessian.derivative, x)) is not None:
        steps.append((found.equation(x), f"what has {x.name} to the left"))
        return _solution(gradient, hessian, [found.value], steps, form=found.matrix)
    values, reason = _roots(g, x)
    if not values:
        step = f"a Newton step solves H*d = -g with H = {hessian.formula}"
        raise NoClosedForm("no closed form is known here", hint=step)
    return _solution(gradient, hessian, values, steps, reason)


def _roots(g: Expr, x: Expr) -> tuple[list[Expr], str]:
    """Where a gradient that is not affine is zero, and how that was found."""
    values = entry_roots(g, x)
    square = len(x.shape) == 2 and x.shape[0] == x.shape[1]
    if not values and square and (root := inverse_root(g, x)) is not None:
        return [root], f"multiplied by {x.name} from both sides"
    return values, "solved for each entry" if x.shape else f"solved for {x.name}"


def _solution(
    gradient: Derivation,
    hessian: Derivation,
    values: Sequence[Expr],
    steps: list[tuple[str, str]],
    reason: str = "solved",
    form: Expr | None = None,
) -> Solution:
    """The values at which numbers confirm that the gradient vanishes."""
    x = gradient.wrt
    kept = [v for v in values if _vanishes(gradient, v)]
    if not kept:
        raise NoClosedForm(f"no value of {x.name} was found at which numbers agree")
    steps += [(f"{x.name} = {text(v)}", reason) for v in kept]
    form = hessian.expr if form is None else form
    kinds = tuple(_kind(hessian, v, form) for v in kept)
    mixed = len(kept) > 1 and bool(x.shape)
    return Solution(gradient, tuple(kept), kinds, tuple(steps), _conditions(kept), mixed=mixed)


def _vanishes(gradient: Derivation, value: Expr) -> bool:
    """True where the gradient is zero at the value, at random data, and the value is allowed."""
    x = gradient.wrt

    def is_zero(at: dict[str, Any], point: Point) -> bool:
        left = evaluate(gradient.expr, at, point.sizes)
        near = {**at, x.name: at[x.name] * 1.01 + 1e-2}
        size = np.abs(evaluate(gradient.expr, near, point.sizes)).max(initial=0.0)
        allowed = "positive" not in facts(x) or bool(np.all(at[x.name] > 0))
        return allowed and bool(np.abs(left).max(initial=0.0) <= TOLERANCE * max(size, 1e-3))

    return _everywhere(is_zero, gradient.f, x, value)


def _everywhere(
    test: Callable[[dict[str, Any], Point], bool], f: Expr, x: Expr, value: Expr
) -> bool:
    """True where all data that give x this value pass a test, and there are enough of them."""
    seen = 0
    for point in _data(f, x, value):
        at = _with(point, x, value)
        if at is not None and not test(at, point):
            return False
        seen += at is not None
    return seen >= POINTS


def _data(f: Expr, x: Expr, value: Expr) -> Iterator[Point]:
    """Points of the data; some have only positive numbers, which logarithms and roots may need."""
    with_value = total([substitute(f, {x: value})])
    for seed in (1, 2):
        with suppress(MatderivError):
            yield from points(with_value, count=DRAWS, seed=seed)
            return


def _with(point: Point, x: Expr, value: Expr) -> dict[str, Any] | None:
    """The data with the value of x; None where it has none."""
    try:
        with quiet():
            solved = evaluate(value, point.values, point.sizes)
    except (np.linalg.LinAlgError, DomainError):
        return None  # as where X'*X has no inverse: fewer rows than columns
    return {**point.values, x.name: solved} if np.isfinite(solved).all() else None


def _kind(hessian: Derivation, value: Expr, form: Expr) -> str:
    """A minimum or a maximum by the form of the Hessian; a local one by its numbers there."""
    sign = definite_sign(form) if len(form.shape) <= 2 else 0
    if sign:
        return "minimum" if sign > 0 else "maximum"
    signs = set[int]()
    for point in _data(hessian.f, hessian.wrt, value):
        at = _with(point, hessian.wrt, value)
        if at is not None:
            signs |= eigenvalue_signs(hessian, at, point.sizes)
    known = {1: "local minimum", -1: "local maximum"}
    return known.get(signs.pop(), "stationary") if len(signs) == 1 else "stationary"


def _conditions(values: Sequence[Expr]) -> tuple[str, ...]:
    """What the values need: matrices with inverses, logarithms and roots of positive numbers."""
    found: dict[str, None] = {}
    for node in walk(*values):
        name, argument = node.function.name, node.args[0] if node.args else node
        if name == "inv" and not facts(argument) & {"posdef", "orthogonal"}:
            found[f"{text(argument)} is invertible"] = None
        if name in ("log", "sqrt") and not bounds(argument)[0] > 0:
            found[f"{text(argument)} > 0"] = None
        below = node.args[1] if name in ("div", "ediv") else None
        if below is not None and bounds(below)[0] <= 0 <= bounds(below)[1]:
            found[f"{text(below)} is not 0"] = None
    return tuple(found)


# Under a constraint -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Posed:
    """A function and a constraint with their derivatives by one variable."""

    f: Expr
    constraint: Expr
    gradient: Derivation
    hessian: Derivation
    slope: Derivation

    @property
    def x(self) -> Expr:
        """The variable."""
        return self.gradient.wrt


def _constrained(
    f: Any, wrt: Any, constraint: str, shapes: Mapping[str, Any] | None, assume: Assume | None
) -> Solution:
    """The stationary points of f where the constraint holds."""
    (whole, c), name = _read_together(f, wrt, constraint, shapes, assume), str(wrt)
    gradient, hessian = derive(whole, name), derive(whole, name, order=2)
    asked = Posed(whole, c, gradient, hessian, derive(c, name))
    p, steps = _as_expressions(asked)
    for found, reason in (
        (linear_root, "the constraint gives the multiplier"),
        (shared_root, "the entries are solved for, and their sum gives the multiplier"),
        (sphere_roots, "the norm gives the multiplier"),
        (orthonormal_roots, "the polar factor, U*V' of the singular value decomposition U*S*V'"),
    ):
        values = [v for v in dict.fromkeys(found(p)) if _meets(asked, v)]
        if values:
            steps += [(f"{asked.x.name} = {text(v)}", reason) for v in values]
            kinds = _kinds(asked, values)
            return Solution(gradient, tuple(values), kinds, tuple(steps), _conditions(values))
    sides = eigen_equation(p)
    if sides is None or not _eigenvectors_meet(asked):
        hint = f"Newton's method on {steps[0][0]} together with {constraint}"
        raise NoClosedForm("no closed form is known here", hint=hint)
    left, right = map(text, sides)
    said = f"{left} = lambda*{f'({right})' if is_(sides[1], 'add') else right}"
    steps.append((said, "lambda = -nu"))
    named = f"{name} is an eigenvector: {said}, lambda = {text(whole)} if {constraint}"
    kept = ("the largest lambda is the maximum, the smallest the minimum",)
    scaled = f"({latex(sides[1])})" if is_(sides[1], "add") else latex(sides[1])
    spelled = rf"{latex(sides[0])} = \lambda {scaled}"
    return Solution(gradient, (), ("stationary",), tuple(steps), kept, named, spelled)


def _as_expressions(asked: Posed) -> tuple[Constrained, list[tuple[str, str]]]:
    """The problem as expressions, and the equation that the multiplier is in."""
    g, c, x = asked.gradient.expr, asked.constraint, asked.x
    if len(c.shape) == 2:
        said = f"{text(g)} = {x.name}*N"
        step = (said, "the gradient is zero along the constraint; N is symmetric")
        return Constrained(x, g, x, c, x, number(0)), [step]
    nu, slope = variable("nu", c.shape), asked.slope.expr
    whole = nu * slope if is_scalar(c.shape) else turned(slope) @ nu
    said = f"{text(polished(total([g, spelled_sum([whole], x.shape)]), set()))} = 0"
    weight = "nu'" if c.shape else "nu"
    step = (said, f"the gradient of f + {weight}*(left side - right side) is set to zero")
    return Constrained(x, g, asked.hessian.expr, c, slope, nu), [step]


def _read_together(
    f: Any, wrt: Any, constraint: str, shapes: Mapping[str, Any] | None, assume: Assume | None
) -> tuple[Expr, Expr]:
    """f, and the left side of the constraint less its right side, with one meaning of names."""
    left, equal, right = constraint.partition("=")
    if not equal or "=" in right or not isinstance(f, str):
        raise ParseError("a constraint is one equation, and f a text", hint="sum(p) = 1")
    weight = next(n for k in count() if (n := f"weight{k}") not in f + constraint)
    named = {*map(canonical_name, re.findall(r"[^\W\d]\w*", f))}
    own = {n: words for n, words in declared_facts(assume).items() if n in named}
    alone = {v.name: len(v.shape) for v in variables(understood(f, shapes, own, wrt).f)}
    for make in ("", "sum"):
        whole = f"({f}) + {weight}*{make}(({left}) - ({right}))"
        e = understood(whole, {**(shapes or {}), weight: ""}, assume, wrt).f
        same = all(len(v.shape) == alone.get(v.name, len(v.shape)) for v in variables(e))
        if is_scalar(e.shape) and same:
            break
    by = next(v for v in variables(e) if v.name == weight)
    term = next(a for a in e.args if by in set(walk(a)))
    made = [a for a in term.args if a is not by]
    inside = apply("mul", *made)
    inside = inside.args[0] if make and is_(inside, "sum") else inside
    return total([a for a in e.args if a is not term]), squared_length(inside)


def _meets(asked: Posed, value: Expr) -> bool:
    """True where the constraint holds and the gradient is a combination of its slopes."""
    gap = apply("sum", asked.constraint, params=(None,))
    return _everywhere(partial(_stationary, asked), total([asked.f, gap]), asked.x, value)


def _stationary(asked: Posed, at: dict[str, Any], point: Point) -> bool:
    x = at[asked.x.name]
    gap = evaluate(asked.constraint, at, point.sizes)
    g = np.ravel(evaluate(asked.gradient.expr, at, point.sizes))
    slopes = np.reshape(asked.slope.at(at, point.sizes), (-1, np.size(x)))
    left = g - slopes.T @ np.linalg.lstsq(slopes.T, g, rcond=None)[0]
    scale = max(np.abs(g).max(initial=0.0), 1.0)
    met = np.abs(gap).max(initial=0.0) <= TOLERANCE * max(np.abs(x).max(initial=0.0), 1.0)
    return bool(met and np.abs(left).max(initial=0.0) <= TOLERANCE * scale)


def _kinds(asked: Posed, values: Sequence[Expr]) -> tuple[str, ...]:
    """What the values are: of two the one where f is larger is the maximum, if it is everywhere."""
    if len(values) == 1:
        found = curvature(asked.f, asked.x.name).verdict
        return ({"convex": "minimum", "concave": "maximum"}.get(found, "stationary"),)
    signs = set()
    for point in _data(asked.f, asked.x, values[0]):
        ends = [_with(point, asked.x, v) for v in values]
        if all(end is not None for end in ends):
            first, second = (float(evaluate(asked.f, end or {}, point.sizes)) for end in ends)
            signs.add(int(np.sign(first - second)))
    if len(signs) != 1 or 0 in signs:
        return ("stationary",) * 2
    return ("maximum", "minimum") if 1 in signs else ("minimum", "maximum")


def _eigenvectors_meet(asked: Posed) -> bool:
    """True where every eigenvector, scaled to meet the constraint, is a stationary point."""
    seen = 0
    curved = derive(asked.constraint, asked.x.name, order=2)
    for point in points(total([asked.f, asked.constraint]), [asked.x], count=DRAWS, seed=1):
        zero = {**point.values, asked.x.name: np.zeros_like(point.values[asked.x.name])}
        h, w = asked.hessian.at(zero, point.sizes), curved.at(zero, point.sizes)
        if abs(np.linalg.det(w)) < TOLERANCE:
            continue
        _, found = np.linalg.eig(np.linalg.solve(w, h))
        for v in found.T:
            square = v @ w @ v / 2
            offset = -evaluate(asked.constraint, zero, point.sizes)
            if np.isrealobj(v) and square * offset > 0:
                at = {**zero, asked.x.name: v * np.sqrt(offset / square)}
                if not _stationary(asked, at, point):
                    return False
                seen += 1
    return seen >= POINTS
