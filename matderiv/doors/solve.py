"""`solve`: where a derivative is zero, in closed form, and checked with numbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from matderiv.choosing.polish import polished
from matderiv.doors.curvature import curvature, eigenvalue_signs
from matderiv.doors.derivation import Derivation
from matderiv.doors.derive import Assume, derive
from matderiv.doors.solution import (
    DRAWS,
    POINTS,
    TOLERANCE,
    Solution,
    conditions,
    data,
    data_with,
    everywhere,
)
from matderiv.errors import MatderivError, NoClosedForm, ParseError
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
    zeros,
)
from matderiv.input.asking import about_a_number, understood, variable_of
from matderiv.language.declare import declared_facts
from matderiv.language.printer import text
from matderiv.language.tokens import canonical_name
from matderiv.lazy import np
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.ranges import bounds
from matderiv.numeric.sampling import Point, points
from matderiv.output.latex.formula import latex
from matderiv.shapes import is_scalar
from matderiv.solving.affine import affine_root, is_zero, spelled_sum, without_zeros
from matderiv.solving.constrained import (
    Constrained,
    eigen_matrices,
    inside_square,
    linear_root,
    orthonormal_roots,
    shared_root,
    sphere_roots,
    squared_length,
    times,
)
from matderiv.solving.entrywise_roots import entry_roots, inverse_root
from matderiv.words.chains import facts, turned
from matderiv.words.definite import definite_sign
from matderiv.words.signs import negated, total
from matderiv.work import A_VERB, bounded


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
    return Solution(gradient, tuple(kept), kinds, tuple(steps), conditions(kept), mixed=mixed)


def _vanishes(gradient: Derivation, value: Expr) -> bool:
    """True where the gradient is zero at the value, at random data, and the value is allowed."""
    x = gradient.wrt

    def is_zero(at: dict[str, Any], point: Point) -> bool:
        left = evaluate(gradient.expr, at, point.sizes)
        near = {**at, x.name: at[x.name] * 1.01 + 1e-2}
        size = np.abs(evaluate(gradient.expr, near, point.sizes)).max(initial=0.0)
        allowed = "positive" not in facts(x) or bool(np.all(at[x.name] > 0))
        return allowed and bool(np.abs(left).max(initial=0.0) <= TOLERANCE * max(size, 1e-3))

    return everywhere(is_zero, gradient.f, x, value)


def _kind(hessian: Derivation, value: Expr, form: Expr) -> str:
    """A minimum or a maximum by the form of the Hessian; a local one by its numbers there."""
    sign = definite_sign(form) if len(form.shape) <= 2 else 0
    if sign:
        return "minimum" if sign > 0 else "maximum"
    signs = set[int]()
    for point in data(hessian.f, hessian.wrt, value):
        at = data_with(point, hessian.wrt, value)
        if at is not None:
            signs |= eigenvalue_signs(hessian, at, point.sizes)
    known = {1: "local minimum", -1: "local maximum"}
    return known.get(signs.pop(), "stationary") if len(signs) == 1 else "stationary"


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
            return Solution(gradient, tuple(values), kinds, tuple(steps), conditions(values))
    both = eigen_matrices(p)
    if both is None or not _eigenvectors_meet(asked, *both):
        hint = f"Newton's method on {steps[0][0]} together with {constraint}"
        raise NoClosedForm("no closed form is known here", hint=hint)
    return _eigenproblem(asked, [times(m, asked.x) for m in both], steps, constraint)


def _eigenproblem(
    asked: Posed, sides: list[Expr], steps: list[tuple[str, str]], constraint: str
) -> Solution:
    """An equation for eigenvectors, which no value solves; of a matrix its columns have to."""
    x, several = asked.x, len(asked.x.shape) == 2
    left, right = (f"({text(e)})" if is_(e, "add") and k else text(e) for k, e in enumerate(sides))
    multiplier = "Lambda" if several else "lambda"
    said = f"{left} = {right}*Lambda" if several else f"{left} = lambda*{right}"
    who = f"the columns of {x.name} are eigenvectors" if several else f"{x.name} is an eigenvector"
    steps.append((said, "Lambda = N, diagonal after a rotation" if several else "lambda = -nu"))
    at_zero = {x: zeros(x.shape)}
    length = negated(without_zeros(substitute(asked.constraint, at_zero)))
    value = ""
    if is_zero(without_zeros(substitute(asked.f, at_zero))):
        one = several or bounds(length) == (1, 1)
        power = "tr(Lambda)" if several else multiplier
        whole = text(asked.f)
        value = f", {power} = {whole}" if one else f", {whole} = lambda*{text(length)}"
        value += f" if {constraint}"
    kept = f"the largest {multiplier} is the maximum, the smallest the minimum"
    if several:
        kept = "the largest eigenvalues make the maximum, the smallest the minimum"
    a, b = (rf"({latex(e)})" if is_(e, "add") and k else latex(e) for k, e in enumerate(sides))
    tex = rf"{a} = {b} \Lambda" if several else rf"{a} = \lambda {b}"
    told_steps = ("stationary",), tuple(steps), (kept,)
    return Solution(asked.gradient, (), *told_steps, f"{who}: {said}{value}", tex)


def _as_expressions(asked: Posed) -> tuple[Constrained, list[tuple[str, str]]]:
    """The problem as expressions, and the equation that the multiplier is in."""
    g, c, x = asked.gradient.expr, asked.constraint, asked.x
    if len(c.shape) == 2:
        inside = inside_square(c, x)
        sloped = "" if inside is None else f"2*{text(times(inside, x))}*N"
        said = f"{text(g)} = {sloped or 'a combination of the slopes of the constraint'}"
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
    whole = total([asked.f, _sum(asked.constraint)])
    return everywhere(partial(_stationary, asked), whole, asked.x, value)


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
    for point in data(asked.f, asked.x, values[0]):
        ends = [data_with(point, asked.x, v) for v in values]
        if all(end is not None for end in ends):
            first, second = (float(evaluate(asked.f, end or {}, point.sizes)) for end in ends)
            signs.add(int(np.sign(first - second)))
    if len(signs) != 1 or 0 in signs:
        return ("stationary",) * 2
    return ("maximum", "minimum") if 1 in signs else ("minimum", "maximum")


def _eigenvectors_meet(asked: Posed, left: Expr, right: Expr) -> bool:
    """True where eigenvectors, scaled to meet the constraint, are a stationary point."""
    seen, x = 0, asked.x
    for point in points(total([asked.f, _sum(asked.constraint)]), [x], count=DRAWS, seed=1):
        zero = {**point.values, x.name: np.zeros_like(point.values[x.name])}
        m, b = (evaluate(e, point.values, point.sizes) for e in (left, right))
        if abs(np.linalg.det(b)) < TOLERANCE or zero[x.name].size > b.size:
            continue
        sizes, turn = np.linalg.eigh(b)
        if sizes.min() > 0:  # equal eigenvalues have vectors that meet at right angles
            root = turn / np.sqrt(sizes)
            vectors = root @ np.linalg.eigh(root.T @ m @ root)[1]
        else:
            vectors = np.linalg.eig(np.linalg.solve(b, m))[1]
        offset = -np.ravel(evaluate(asked.constraint, zero, point.sizes))[0]
        scale = np.sqrt(offset / np.einsum("ij,ik,kj->j", vectors, b, vectors) + 0j)
        vectors = vectors * scale
        if len(x.shape) == 2:
            vectors = vectors[:, : zero[x.name].shape[1]]
        whole = np.abs(np.imag(vectors)).max(axis=0) == 0
        tried = [vectors] if len(x.shape) == 2 else list(vectors.T[whole])
        for v in tried if len(x.shape) == 1 or whole.all() else ():
            if not _stationary(asked, {**zero, x.name: np.real(v)}, point):
                return False
            seen += 1
    return seen >= POINTS


def _sum(e: Expr) -> Expr:
    return apply("sum", e, params=(None,))
