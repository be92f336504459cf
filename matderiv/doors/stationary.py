"""Where a derivative is zero: stationary points in closed form, checked with numbers.

The gradient g of a quadratic f is affine, so it vanishes at -inv(H)*g(0) with the Hessian H. A
matrix variable is solved for where H acts on its rows or its columns alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matderiv.calculus.sweeps import axes_of, slots_at
from matderiv.choosing.polish import polished
from matderiv.choosing.sums import raise_tensor
from matderiv.doors.derivation import Derivation
from matderiv.doors.derive import Assume, derive
from matderiv.errors import DomainError, MatderivError, UntrueResult
from matderiv.expr import (
    Expr,
    apply,
    fold,
    is_,
    number,
    number_value,
    rebuild,
    substitute,
    walk,
    zeros,
)
from matderiv.language.printer import text
from matderiv.lazy import np
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.sampling import kinks, points
from matderiv.shapes import Shape
from matderiv.tensors.lower import open_product
from matderiv.tensors.tensor import Tensor, Term
from matderiv.words.definite import convex_domain, definite_sign
from matderiv.words.signs import negated
from matderiv.work import A_VERB, bounded

POINTS = 4
DRAWS = 16
TOLERANCE = 1e-7
"""Of the gradient at the solution, relative to the gradient at 0."""


@dataclass(frozen=True)
class StationaryPoint:
    """The variable, its value where the gradient vanishes, and what has to be invertible.

    `kind` is "minimum" or "maximum" where the form of the Hessian shows it, else "stationary".
    """

    gradient: Derivation
    hessian: Derivation
    expr: Expr
    matrix: Expr
    kind: str

    def __str__(self) -> str:
        return f"{self.gradient.wrt.name} = {text(self.expr)}"

    @property
    def steps(self) -> tuple[str, ...]:
        """The equations from the gradient to the solution."""
        x = self.gradient.wrt.name
        return (
            f"gradient = {self.gradient.formula}",
            f"0 = gradient, where {text(self.matrix)} is the matrix before {x}",
            str(self),
        )


@bounded(A_VERB)
def stationary_point(
    f: Any, wrt: Any, *, shapes: Mapping[str, Any] | None = None, assume: Assume | None = None
) -> StationaryPoint:
    """Where the gradient of f by a variable is zero, for f that is quadratic in it.

    MatderivError where the gradient is not affine, with the Newton step in its hint.

    >>> point = stationary_point("norm2(X*w - y)^2", "w", shapes={"y": "m"})
    >>> print(point, point.kind, sep=", a ")
    w = inv(X'*X)*X'*y, a minimum
    """
    gradient = derive(f, wrt, shapes=shapes, assume=assume)
    hessian = derive(f, wrt, shapes=shapes, assume=assume, order=2)
    x, g = gradient.wrt, gradient.expr
    if x.shape != g.shape:
        raise MatderivError("a stationary point needs a number to be minimised")
    if x in set(walk(hessian.expr)):
        raise MatderivError(
            f"the gradient is not affine in {x.name}, so no closed form is known here",
            hint=f"a Newton step solves H*d = -g with H = {text(hessian.expr)}",
        )
    if is_(hessian.expr, "zeros") or number_value(hessian.expr) == 0:
        raise MatderivError(f"f is affine in {x.name}: its gradient is the same everywhere")
    rest = substitute(g, {x: zeros(x.shape)}) if x.shape else substitute(g, {x: number(0)})
    matrix, left = _acting(hessian, x)
    constant = fold(rest, _without_zeros)
    inverse = apply("inv", matrix) if matrix.shape else 1 / matrix
    parts = [
        inverse @ c if left or not x.shape else c @ inverse.T for c in _addends(negated(constant))
    ]
    solved = _spelled(parts, x.shape)
    _checked(gradient, solved)
    sign = definite_sign(hessian.expr if len(x.shape) < 2 else matrix)
    kind = {1: "minimum", -1: "maximum"}.get(sign, "stationary")
    return StationaryPoint(gradient, hessian, solved, matrix, kind)


def _acting(hessian: Derivation, x: Expr) -> tuple[Expr, bool]:
    """A where the Hessian maps dX to A dX, or to dX A' (False)."""
    if len(x.shape) < 2:
        return hessian.expr, True
    i, j, p, q = hessian.derivative.tensor.axes
    for one, other, left in (((j, q), (i, p), True), ((i, p), (j, q), False)):
        kept = [_without_delta(t, {*one}) for t in hessian.derivative.tensor.terms]
        if all(t is not None for t in kept):
            terms = tuple(t for t in kept if t is not None)
            return raise_tensor(Tensor(other, terms), False), left
    raise MatderivError(f"no closed form is known here: {x.name} stands between two matrices")


def _without_delta(term: Term, pair: set[Any]) -> Term | None:
    found = [f for f in term.factors if is_(f.expr, "eye") and {*f.indices} == pair]
    rest = tuple(f for f in term.factors if f not in found)
    free = not any(pair & {*f.indices} for f in rest)
    return Term(term.coefficient, rest) if len(found) == 1 and free else None


def _without_zeros(node: Expr, args: tuple[Expr, ...]) -> Expr:
    """The node with the terms left out that a zero makes zero."""
    linear = is_(node, "sum", "mean", "transpose", "diag", "tr", "vec")
    if linear and is_(args[0], "neg"):
        return negated(rebuild(node, args[0].args))
    zero = [a for a in args if is_(a, "zeros") or (is_(a, "number") and a.params[0] == 0)]
    if not zero:
        return rebuild(node, args)
    if is_(node, "add"):
        kept = [a for a in args if a not in zero]
        wide = [a for a in kept if a.shape == node.shape]
        if not kept:
            return zeros(node.shape)
        made = kept[0] if len(kept) == 1 else apply("add", *kept)
        return made if wide else rebuild(node, args)
    above = is_(node, "div", "ediv") and args[0] in zero
    if above or is_(node, "mul", "hadamard", "neg", "transpose", "sum", "mean", "diag", "tr"):
        return zeros(node.shape)
    return rebuild(node, args)


def _addends(e: Expr) -> list[Expr]:
    """The terms of a sum, also of one that a number multiplies."""
    if is_(e, "neg"):
        return [negated(a) for a in _addends(e.args[0])]
    if is_(e, "add") and all(a.shape == e.shape for a in e.args):
        return [term for a in e.args for term in _addends(a)]
    if is_(e, "mul", "div") and len(e.args) == 2:
        for k, a in enumerate(e.args):
            other = e.args[1 - k]
            if (
                is_(a, "add")
                and a.shape == e.shape
                and not other.shape
                and (k == 0 or is_(e, "mul"))
            ):
                return [rebuild(e, (t, other) if k == 0 else (other, t)) for t in _addends(a)]
    return [e]


def _spelled(parts: list[Expr], shape: Shape) -> Expr:
    """A sum of products in the form that derivatives have."""
    axes = axes_of(shape)
    terms = tuple(open_product(e, slots_at(shape, axes)) for e in parts)
    return polished(raise_tensor(Tensor(axes, terms), True), set())


def _checked(gradient: Derivation, solved: Expr) -> None:
    """UntrueResult where the gradient does not vanish; MatderivError where no data has a point."""
    x, seen = gradient.wrt, 0
    for point in points(gradient.f, [x], count=DRAWS, seed=1):
        try:
            at = {**point.values, x.name: evaluate(solved, point.values, point.sizes)}
        except (np.linalg.LinAlgError, DomainError):
            continue  # as where X'*X has no inverse: fewer rows than columns
        zero = {**at, x.name: np.zeros_like(at[x.name])}
        size = np.abs(evaluate(gradient.expr, zero, point.sizes)).max(initial=1.0)
        left = np.abs(evaluate(gradient.expr, at, point.sizes)).max(initial=0.0)
        if not left <= TOLERANCE * size:
            raise UntrueResult("the gradient is not zero at the point that was found")
        seen += 1
    if seen < POINTS:
        raise MatderivError(f"no value of {x.name} was found: the matrix before it is singular")


# Curvature ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Curvature:
    """Whether f is convex in a variable: "convex", "concave", "both", "neither" or "undecided".

    `reason` says why, for a reader: the form of the Hessian, or a point where it bends both ways.
    """

    verdict: str
    reason: str
    hessian: Derivation

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}"


@bounded(A_VERB)
def curvature(
    f: Any, wrt: Any, *, shapes: Mapping[str, Any] | None = None, assume: Assume | None = None
) -> Curvature:
    """Whether f is convex or concave in a variable, from its Hessian.

    >>> print(curvature("logsumexp(A*x + b)", "x", shapes={"b": "m"}).verdict)
    convex
    >>> print(curvature("x'*A*x", "x").verdict)
    neither
    """
    hessian = derive(f, wrt, shapes=shapes, assume=assume, order=2)
    h, shown = hessian.expr, hessian.formula
    if kinks(hessian.f):
        return Curvature("undecided", "f has kinks, where its Hessian says nothing", hessian)
    if (found := _by_numbers(hessian)).verdict == "neither":
        return found
    if not convex_domain(hessian.f, hessian.wrt):
        return Curvature(
            "undecided", "f may have no value between points where it has one", hessian
        )
    if is_(h, "zeros") or number_value(h) == 0:
        return Curvature("both", "the Hessian is 0, so f is affine", hessian)
    sign = definite_sign(h) if len(hessian.wrt.shape) < 2 else 0
    if sign:
        word, side = ("convex", ">=") if sign > 0 else ("concave", "<=")
        return Curvature(word, f"the Hessian {shown} is {side} 0 in its form", hessian)
    return found


def _by_numbers(hessian: Derivation) -> Curvature:
    """Neither, where numbers show a direction of each sign; else undecided."""
    signs = set[int]()
    for point in points(hessian.f, [hessian.wrt], count=DRAWS, seed=2):
        n = max(1, np.size(point.values[hessian.wrt.name]))
        found = np.linalg.eigvalsh(np.reshape(hessian.at(point.values, point.sizes), (n, n)))
        small = TOLERANCE * np.abs(found).max(initial=0.0)
        signs |= {int(np.sign(v)) for v in found if abs(v) > small}
    if signs >= {1, -1}:
        return Curvature("neither", "the Hessian has eigenvalues of both signs", hessian)
    return Curvature("undecided", "the form of the Hessian does not show its sign", hessian)
