"""Means of polynomials of a normal variable: E f = f(m) + tr(S∇²)f/2 + (tr(S∇²))²f/8 + ... at m.

The series ends with the degree of f. This is Isserlis' theorem with the derivatives of the engine.
Every mean is compared with Gauss-Hermite quadrature, which is exact for polynomials.
"""

from fractions import Fraction
from itertools import product as every
from typing import Any

from matderiv.calculus.derivative import differentiate
from matderiv.calculus.recognise import prepare
from matderiv.calculus.sweeps import axes_of, slots_at
from matderiv.choosing.polish import polished
from matderiv.choosing.sums import raise_tensor
from matderiv.errors import LimitError, NoClosedForm, UntrueResult
from matderiv.expr import (
    Expr,
    dependents,
    fold,
    is_,
    number_value,
    rebuild,
    substitute,
    variable,
    variables,
    walk,
    zeros,
)
from matderiv.lazy import np
from matderiv.numeric.draws import accretive, draw, draw_sizes, enlarged
from matderiv.numeric.evaluate import evaluate, sizes_in
from matderiv.numeric.small_sizes import with_named_sizes
from matderiv.solving.affine import addends, is_zero, spelled_sum, without_zeros
from matderiv.tensors.lower import open_product
from matderiv.tensors.tensor import Tensor, Term, like_terms, normalise, product

MAX_DEGREE = 6
MAX_POINTS = 10_000
TRIES = 8
TOLERANCE = 1e-9


def with_covariances(f: Expr) -> dict[Expr, Expr]:
    """The variables that are covariances, and the same with the fact that they are."""
    found = [n.args[-1] for n in walk(f) if is_(n, "expectation", "mvnpdf", "mvnlogpdf")]
    alone = [c for c in found if is_(c, "variable") and c.shape]
    return {c: variable(c.name, c.shape, c.params[2] | {"posdef"}) for c in alone}


def averaged(f: Expr) -> Expr:
    """The expression with every mean in closed form.

    Raises NoClosedForm for what is no polynomial, LimitError beyond the bound on the degree.

    >>> from matderiv.language.printer import text
    >>> f, x, m = variable("x", (3,)), variable("x", (3,)), variable("m", (3,))
    >>> S = variable("S", (3, 3), ("posdef",))
    >>> text(averaged(apply("expectation", x.T @ x, x, m, S)))
    "m'*m + tr(S)"
    """
    return fold(f, _closed)


def _closed(node: Expr, args: tuple[Expr, ...]) -> Expr:
    if is_(node, "expectation"):
        return _mean(*args)
    e = rebuild(node, args)
    products = [a for a in e.args if is_(a, "neg") and is_(a.args[0], "comoment")]
    return _cancelled(e) if is_(e, "add") and products else e


def _cancelled(e: Expr) -> Expr:
    """A mean less a product of means, multiplied out: what is in both is gone."""
    axes = axes_of(e.shape)
    left: dict[Expr, Term] = {}
    for a in addends(e):
        for t in _multiplied(open_product(a, slots_at(e.shape, axes))):
            plain = normalise(Fraction(1), t.factors, axes, ())
            form = raise_tensor(Tensor(axes, (plain,)), True)
            sofar = left[form].coefficient if form in left else 0
            left[form] = Term(sofar + t.coefficient * plain.coefficient, plain.factors)
    terms = tuple(t for t in left.values() if t.coefficient)
    found = raise_tensor(Tensor(axes, terms), True) if terms else zeros(e.shape)
    found = polished(found, set(variables(e)))
    exprs, rng = with_named_sizes(found, e), np.random.default_rng(0)
    sizes = enlarged(draw_sizes(sizes_in(*exprs), rng, most=4), *exprs)
    values = draw(list(variables(*exprs)), rng, sizes, strategy=accretive)
    short, long = (evaluate(x, values, sizes) for x in exprs)
    spread = TOLERANCE * (1 + np.max(np.abs(evaluate(exprs[1].args[0], values, sizes))))
    if not np.allclose(short, long, rtol=TOLERANCE, atol=spread):
        raise UntrueResult("a covariance is not the mean of the product less that of the means")
    return found


def _multiplied(t: Term) -> list[Term]:
    """The term with its brackets multiplied out, and powers of numbers as products."""
    for k, f in enumerate(t.factors):
        whole, count = is_(f.expr, "comoment"), Fraction(f.exponent)
        sums = is_(f.expr, "add", "neg") or whole
        if count.denominator > 1 or count < 1 or not (sums or (count > 1 and is_(f.expr, "mul"))):
            continue
        rest = Term(t.coefficient, (*t.factors[:k], *t.factors[k + 1 :]))
        inner = f.expr.function.expand(*f.expr.args) if whole and f.expr.function.expand else f.expr
        at = slots_at(inner.shape, f.indices)
        parts = [open_product(a, at) for a in addends(inner)]
        again = (Term(Fraction(1), (f._replace(exponent=count - 1),)),) if count > 1 else ()
        return [o for p in parts for o in _multiplied(product(rest, p, *again))]
    return [t]


def _mean(body: Expr, x: Expr, m: Expr, covariance: Expr) -> Expr:
    centred = is_(m, "mul") and number_value(m.args[0]) == 0
    if dependents(covariance, x) or (dependents(m, x) and not centred):
        raise NoClosedForm(f"the distribution of {x.name} has {x.name} in it")
    degree = _degree(body, x)
    if degree > MAX_DEGREE:
        said = f"means are of polynomials of degree {MAX_DEGREE} at most, this one has {degree}"
        raise LimitError(said)
    terms = [prepare(body, x)]
    for k in range(1, degree // 2 + 1):
        terms.append(_spread(terms[-1], x, covariance, Fraction(1, 2 * k)))
    place = without_zeros(substitute(m, {x: zeros(x.shape)}))
    at = [substitute(t, {x: place}) for t in terms]
    parts = [a for t in at for a in addends(without_zeros(t))]
    found = spelled_sum([a for a in parts if not is_zero(a)], body.shape)
    _compare(found, body, x, place, covariance, degree)
    return found


def _degree(f: Expr, x: Expr) -> int:
    """The degree of a polynomial in x; NoClosedForm for anything else.

    >>> f = read("(x'*A*x)*norm2(x - y)^2 + sum(x)").expr
    >>> _degree(f, next(v for v in variables(f) if v.name == "x"))
    4
    """
    f = prepare(f, x)
    found: dict[Expr, int] = {}
    roots: set[Expr] = set()
    for node in dependents(f, x):
        inner = [found.get(a, 0) for a in node.args]
        below = inner[1:] if is_(node, "div", "ediv", "power", "epow") else []
        power = number_value(node.args[1]) if is_(node, "power", "epow") else None
        whole = power is not None and power >= 0 and power.denominator == 1
        linear = node.function.kind == "structural" or is_(node, "div", "ediv")
        even = whole and power is not None and power % 2 == 0
        rooted = any(a in roots for a in node.args) and not even
        if is_(node, "norm2"):
            roots.add(node)
        elif any(below) or rooted or not (node is x or linear or whole or is_(node, "add")):
            raise _no_closed_form(node, x)
        of_sum = is_(node, "add", "norm2")
        found[node] = int(power or 1) * (max(inner) if of_sum else sum(inner) if inner else 1)
    if f in roots:
        raise _no_closed_form(f, x)
    return found.get(f, 0)


def _no_closed_form(node: Expr, x: Expr) -> NoClosedForm:
    return NoClosedForm(
        f"the mean of {node.function.label} over {x.name} has no closed form here",
        hint=f"polynomials of {x.name}, such as {x.name}'*A*{x.name}",
    )


def _spread(f: Expr, x: Expr, covariance: Expr, factor: Fraction) -> Expr:
    """The factor times Σ S_ij ∂²f/∂x_i∂x_j."""
    d = differentiate(f, x, "jacobian", 2, structure="none")
    outer = len(d.tensor.axes) - 2 * len(x.shape)
    axes, bound = d.tensor.axes[:outer], d.tensor.axes[outer:]
    spreads = [open_product(s, bound) for s in addends(covariance)]
    wholes = [product(p, s) for t in d.tensor.terms for p in _opened(t, x) for s in spreads]
    terms = [normalise(factor * w.coefficient, w.factors, axes, bound) for w in wholes]
    e = raise_tensor(like_terms(Tensor(axes, tuple(terms))), True)
    return polished(e, set(walk(f)))


def _opened(t: Term, x: Expr) -> list[Term]:
    """The term with its constant sums multiplied out: half of tr((A + A')*S) is tr(A*S)."""
    for f in t.factors:
        if is_(f.expr, "add") and f.exponent == 1 and not dependents(f.expr, x):
            rest = Term(t.coefficient, tuple(g for g in t.factors if g is not f))
            parts = [open_product(a, slots_at(f.expr.shape, f.indices)) for a in addends(f.expr)]
            if len(parts) > 1:
                return [o for p in parts for o in _opened(product(rest, p), x)]
    return [t]


def _compare(found: Expr, body: Expr, x: Expr, place: Expr, covariance: Expr, degree: int) -> None:
    """UntrueResult where quadrature at a random point says something else than the closed form.

    Raises LimitError where that takes too many points, NoClosedForm where nothing has a value.
    """
    exprs = with_named_sizes(found, body, place, covariance)
    x = next((v for v in variables(exprs[1]) if v.name == x.name), x)
    rng = np.random.default_rng(0)
    for _ in range(TRIES):
        sizes = enlarged(draw_sizes(sizes_in(*exprs), rng, most=4), *exprs)
        values = draw([v for v in variables(*exprs) if v is not x], rng, sizes, strategy=accretive)
        closed, m, s = (evaluate(exprs[k], values, sizes) for k in (0, 2, 3))
        width, turn = np.linalg.eigh((s + s.T).reshape(m.size, m.size) / 2)
        if not np.isfinite(closed).all() or (width < -TOLERANCE).any():
            continue
        nodes, weights = np.polynomial.hermite_e.hermegauss(degree // 2 + 1)
        if len(nodes) ** m.size > MAX_POINTS:
            raise LimitError("quadrature of so many entries takes too long", hint="named sizes")
        mean: Any = 0
        for at in every(range(len(nodes)), repeat=m.size):
            point = m + (turn @ (np.sqrt(np.maximum(width, 0)) * nodes[list(at)])).reshape(m.shape)
            value = evaluate(exprs[1], {**values, x.name: point}, sizes)
            mean = mean + np.prod(weights[list(at)] / weights.sum()) * value
        spread = TOLERANCE * (1 + np.max(np.abs(mean)))
        if not np.allclose(closed, mean, rtol=TOLERANCE, atol=spread):
            raise UntrueResult(f"the mean over {x.name} is not what quadrature says")
        return
    raise NoClosedForm(f"the mean over {x.name} has no values to compare it with")
