"""Stationary points under a constraint c(x) = 0, where ∇f + (∂c/∂x)'ν = 0.

Linear constraints of quadratic functions, sums of entries, the unit sphere, orthonormal columns.
Source: Boyd & Vandenberghe 2004, ch. 5; Schönemann 1966 for orthonormal columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from matderiv.calculus.recognise import prepare
from matderiv.choosing.polish import polished
from matderiv.expr import (
    Expr,
    apply,
    eye,
    is_,
    number,
    number_value,
    size_expr,
    substitute,
    variables,
    walk,
    zeros,
)
from matderiv.lazy import sp
from matderiv.numeric.ranges import positive
from matderiv.shapes import is_scalar
from matderiv.solving.affine import (
    addends,
    multiple_of_identity,
    number_apart,
    spelled_sum,
    without_zeros,
)
from matderiv.solving.entrywise_roots import EntryEquation, NotEntrywise, roots
from matderiv.words.chains import chain, matrix_product, symmetric, turned
from matderiv.words.signs import negated, total


@dataclass(frozen=True)
class Constrained:
    """A function of x by its gradient and Hessian, and a constraint by its value and slope.

    `slope` is the Jacobian of the constraint, or its gradient where it is a number.
    """

    x: Expr
    gradient: Expr
    hessian: Expr
    constraint: Expr
    slope: Expr
    multiplier: Expr

    def at_zero(self, e: Expr) -> Expr:
        """An expression where x is 0."""
        return without_zeros(substitute(e, {self.x: zeros(self.x.shape)}))

    @property
    def is_linear(self) -> bool:
        """True where the constraint is linear in x and f quadratic."""
        return self.x not in {*walk(self.hessian), *walk(self.slope)}


def linear_root(p: Constrained) -> list[Expr]:
    """x for a quadratic f and A*x = b: inv(H)*(A'*inv(A*inv(H)*A')*(b + A*inv(H)*g) - g).

    g is the gradient of f at 0; a number in front of H is divided out.
    """
    if not p.is_linear or len(p.x.shape) != 1 or is_(p.hessian, "zeros"):
        return []
    scale, h = number_apart(p.hessian)
    b = negated(p.at_zero(p.constraint))
    rest = [a / scale for a in addends(p.at_zero(p.gradient)) if not is_(a, "zeros")]
    g = [spelled_sum(rest, p.x.shape)] if rest else []
    multiple, entry = multiple_of_identity(h), EntryEquation(p.x)

    def solved(e: Expr) -> Expr:
        if is_(h, "diag") and len(e.shape) == len(h.args[0].shape) == 1:
            return entry.written(entry.scalar(e) / entry.scalar(h.args[0]), e.shape)
        if multiple is None:
            return apply("inv", h) @ e
        return e if number_value(multiple) == 1 else e / multiple

    row = p.slope.T if is_scalar(b.shape) else p.slope
    shape = () if is_scalar(b.shape) else b.shape

    weight, core = number_apart(p.slope)

    def across(e: Expr) -> Expr:
        if not is_(core, "ones") or (multiple is None and not is_(h, "diag")):
            return row @ e
        scale, inner = number_apart(e)
        n = size_expr(p.x.shape[0])
        return weight * scale * (n if is_(inner, "ones") else apply("sum", inner, params=(None,)))

    inner = spelled_sum([across(solved(turned(row)))], shape * 2)
    right = spelled_sum([b, *(across(solved(a)) for a in g)], shape)
    weighed = right / inner if not shape else apply("inv", inner) @ right
    moved = weighed * solved(p.slope) if not shape else solved(turned(row)) @ weighed
    return [told(spelled_sum([moved, *(negated(solved(a)) for a in g)], p.x.shape))]


def told(e: Expr) -> Expr:
    """An expression as a result is spelled."""
    return polished(prepare(e, *variables(e)), set())


def shared_root(p: Constrained) -> list[Expr]:
    """x for a gradient entry by entry and a'*x = s, where the multiplier scales all entries."""
    share, core = number_apart(p.slope)
    if p.x in set(walk(p.slope)) or p.slope.shape != p.x.shape or len(p.x.shape) != 1:
        return []
    whole = _quotient(negated(p.at_zero(p.constraint)), share)
    entry = EntryEquation(p.x)
    try:
        nu = entry.scalar(p.multiplier)
        found = roots(entry.scalar(p.gradient) + entry.scalar(p.slope) * nu, entry.symbol)
        shares = [entry.written(s, p.x.shape) for s in _shares(found, nu, entry)]
    except NotEntrywise:
        return []
    return [told(_portion(s, whole, core)) for s in shares]


def _quotient(e: Expr, by: Expr) -> Expr:
    values = number_value(e), number_value(by)
    if values[0] is not None and values[1]:
        return number(values[0] / values[1])
    return e if values[1] == 1 else e / by


def _portion(share: Expr, whole: Expr, weights: Expr) -> Expr:
    """share/(weights'*share) of the whole."""
    n = share.shape[0]
    if number_value(whole) == 0:
        return zeros(share.shape)
    below = size_expr(n) if is_(share, "ones") else apply("sum", share, params=(None,))
    below = below if is_(weights, "ones") else weights.T @ share
    return share / below if number_value(whole) == 1 else whole * share / below


def _shares(values: list[Any], nu: Any, entry: EntryEquation) -> Iterator[Any]:
    """The factors that differ between entries, of values whose multiplier is in another factor."""
    for value in values:
        apart = sp.factor_terms(sp.expand_power_base(value, force=True))
        apart = sp.expand_power_exp(sp.expand_mul(apart, deep=True))
        kept, scale = sp.expand_mul(apart, deep=True).as_independent(nu, as_Add=False)
        if all(is_scalar(entry.parts[s].shape) for s in scale.free_symbols):
            arrays = [s for s in kept.free_symbols if not is_scalar(entry.parts[s].shape)]
            yield kept.as_independent(*arrays)[1] if arrays else sp.Integer(1)


def sphere_roots(p: Constrained) -> list[Expr]:
    """x on a sphere x'x = s for an f whose Hessian is a multiple of the identity.

    On an ellipsoid x'*Q*x = s for an affine f: inv(Q)*g, as long as the constraint says.
    """
    s, flat = _square_of_radius(p), is_(p.hessian, "zeros")
    constant = flat or multiple_of_identity(p.hessian) is not None
    if len(p.x.shape) != 1 or not constant or is_(p.at_zero(p.gradient), "zeros"):
        return []
    g = _direction(p)
    if s is None:
        against = _against_slope(p, g) if flat else None
        if against is None:
            return []
        along, scale = against
        length = negated(p.at_zero(p.constraint))
        length = (length if scale == 2 else length * (scale / 2)) / spelled_sum([g.T @ along], ())
        root = spelled_sum([told(apply("sqrt", length) * along)], p.x.shape)
        return [root, told(negated(root))]
    squared = is_(s, "power") and number_value(s.args[1]) == 2
    radius = s.args[0] if squared else apply("sqrt", s)
    radius = apply("abs", radius) if squared and not positive(radius) else radius
    whole = g if 1 in (number_value(s), number_value(radius)) else radius * g
    found = told(whole / apply("norm2", g))
    return [found, told(negated(found))]


def _against_slope(p: Constrained, g: Expr) -> tuple[Expr, Fraction] | None:
    """inv(Q)*g and the number k where the constraint has the slope k*Q*x; g./q where k*q.*x."""
    scale, core = number_apart(p.slope)
    rest = [a for a in core.args if a is not p.x]
    if p.x in {n for a in rest for n in walk(a)} or len(rest) != len(core.args) - 1:
        return None
    k = number_value(scale) or Fraction(1)
    if is_(core, "hadamard") and len(rest) == 1:
        inner, q = number_apart(rest[0])
        return apply("ediv", g, q), k * (number_value(inner) or Fraction(1))
    if not is_(core, "mul") or core.args[-1] is not p.x:
        return None
    return apply("inv", apply("mul", *rest)) @ g, k


def _direction(p: Constrained) -> Expr:
    """The gradient at 0 without a number in front."""
    terms = addends(p.at_zero(p.gradient))
    return number_apart(spelled_sum(terms, p.x.shape))[1]


def squared_length(c: Expr) -> Expr:
    """norm2(x) - r as norm2(x)^2 - r^2 for an r > 0, which has a plain slope."""
    lengths = [a for a in addends(c) if is_(a, "norm2")]
    rest = [negated(a) for a in addends(c) if a not in lengths]
    if len(lengths) != 1 or not rest or not positive(radius := total(rest)):
        return c
    return lengths[0] ** 2 - radius**2


def _square_of_radius(p: Constrained) -> Expr | None:
    """s of the constraint x'x - s = 0."""
    x = p.x
    if len(x.shape) != 1 or polished(p.slope, set()) is not 2 * x:
        return None
    return negated(p.at_zero(p.constraint))


def orthonormal_roots(p: Constrained) -> list[Expr]:
    """X with X'X = I for a gradient G at 0: the orthonormal factors of G and -G.

    They are the solution where f is linear in X, or where X is square and f = ||A*X - B||².
    """
    x = p.x
    if len(x.shape) != 2 or not is_(p.at_zero(p.constraint), "neg", "eye", "mul"):
        return []
    if p.at_zero(p.constraint) is not negated(eye(x.shape[1])):
        return []
    m = _direction(p)
    square = spelled_sum([turned(m) @ m], (x.shape[1], x.shape[1]))
    found = spelled_sum([m @ apply("inv", apply("sqrtm", square))], x.shape)
    return [found, negated(found)]


def eigen_matrices(p: Constrained) -> tuple[Expr, Expr] | None:
    """M and B of M*x = B*x*λ, for quadratic forms f and c; None for others.

    Of a matrix X with X'*B*X = I they are those of its columns.
    """
    x = p.x
    if len(x.shape) != (1 if is_scalar(p.constraint.shape) else 2):
        return None
    if len(x.shape) == 2:
        left, right = _matrix_before(p.gradient, x), inside_square(p.constraint, x)
    else:
        left, right = _matrix_before(p.gradient, x), _matrix_before(p.slope, x)
    if left is None or right is None or multiple_of_identity(left) is not None:
        return None
    return left, right


def times(m: Expr, x: Expr) -> Expr:
    """M*x as one product, with a number in front."""
    before, core = number_apart(m)
    found = matrix_product(chain([core, x]))
    one = number_value(before) == 1
    return found if one else apply("mul", before, *(found.args if is_(found, "mul") else [found]))


def _matrix_before(e: Expr, x: Expr) -> Expr | None:
    """M/2 of an expression M*x; None for another.

    >>> e = read("2*A*X + b*X", shapes={"A": "n,n", "X": "n,k", "b": ""}).expr
    >>> text(_matrix_before(e, e.args[0].args[-1]))
    'A + 0.5*b*eye(n)'
    """
    terms: list[Expr] = []
    for a in addends(e):
        number_before, core = number_apart(a)
        factors = core.args if is_(core, "mul") else (core,)
        if factors[-1] is not x or x in {n for f in factors[:-1] for n in walk(f)}:
            return None
        before = [f for f in factors[:-1] if f.shape] or [eye(x.shape[0])]
        scalars = [number_before / 2, *(f for f in factors[:-1] if not f.shape)]
        terms.append(without_zeros(apply("mul", *scalars, *before)))
    return told(spelled_sum(terms, (x.shape[0],) * 2))


def inside_square(constraint: Expr, x: Expr) -> Expr | None:
    """B of the constraint X'*B*X = I with a symmetric B."""
    rest = [a for a in addends(constraint) if x in set(walk(a))]
    others = [a for a in addends(constraint) if a not in rest]
    if others != [negated(eye(x.shape[1]))] or len(rest) != 1:
        return None
    factors = rest[0].args if is_(rest[0], "mul") else ()
    if not factors or factors[0] is not x.T or factors[-1] is not x:
        return None
    inside = apply("mul", *factors[1:-1]) if factors[1:-1] else eye(x.shape[0])
    return inside if symmetric(inside) else None
