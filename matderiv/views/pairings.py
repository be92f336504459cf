"""Numbers linear in a change, written with the change last: G'*dx, tr(M*dX), sum(M.*dX)."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

from matderiv.expr import Expr, apply, fold, is_, number_value, rebuild, variables
from matderiv.notation.chains import matrix_product, transposed, transposed_chain
from matderiv.notation.monomials import negated, scaled, signed, total
from matderiv.shapes import is_scalar


def change_last(e: Expr, changes: Collection[Expr]) -> Expr:
    """A scalar term with its change last where transposing or rotating brings it there.

    >>> from matderiv.expr import variable
    >>> from matderiv.output.text import text
    >>> u, dx = variable("u", (3,)), variable("dx", (3,))
    >>> text(change_last(dx.T @ u, {dx}))
    "u'*dx"
    """
    sign, core = signed(e)
    return with_sign(sign, _turned(core, changes))


def with_sign(sign: int, e: Expr) -> Expr:
    """-(u'*v) as -u'*v."""
    if sign > 0:
        return e
    if is_(e, "mul") and not is_(e.args[0], "number"):
        return apply("mul", -e.args[0], *e.args[1:])
    return negated(e)


def _turned(e: Expr, changes: Collection[Expr]) -> Expr:
    if e.shape:
        return e
    if is_(e, "div"):
        above = _turned(e.args[0], changes)
        return e if above is e.args[0] else apply("div", above, e.args[1])
    if is_(e, "mul"):
        return _product(e, changes)
    if is_(e, "tr"):
        return apply("tr", _rotated(e.args[0], changes))
    if is_(e, "sum") and e.params == (None,):
        return _summed(e, changes)
    return e


def _product(e: Expr, changes: Collection[Expr]) -> Expr:
    scalars = [a for a in e.args if is_scalar(a.shape)]
    rest = [a for a in e.args if not is_scalar(a.shape)]
    if not rest:
        moving = [k for k, a in enumerate(scalars) if _holds(a, changes)]
        if len(moving) != 1:
            return e
        inner = change_last(scalars.pop(moving[0]), changes)
        parts = list(inner.args) if is_(inner, "mul") else [inner]
        return apply("mul", *scalars, *parts) if scalars else inner
    first = rest[0]
    if not (is_(first, "transpose") and _holds(first, changes)):
        return e
    if any(_holds(a, changes) for a in rest[1:]):
        return e
    return apply("mul", *scalars, *transposed_chain(rest))


def _rotated(product: Expr, changes: Collection[Expr]) -> Expr:
    """The factors under a trace with the change last."""
    if not is_(product, "mul"):
        return product
    scalars = [a for a in product.args if is_scalar(a.shape)]
    factors = [a for a in product.args if not is_scalar(a.shape)]
    places = [k for k, a in enumerate(factors) if _holds(a, changes)]
    if len(places) != 1:
        return product
    if is_(factors[places[0]], "transpose"):
        factors = transposed_chain(factors)
        places = [k for k, a in enumerate(factors) if _holds(a, changes)]
    cut = places[0] + 1
    return apply("mul", *scalars, *factors[cut:], *factors[:cut])


def _summed(e: Expr, changes: Collection[Expr]) -> Expr:
    """sum(u.*dx.*v) = (u.*v)'*dx; for matrices sum(U.*V.*dX)."""
    (inner,) = e.args
    if not is_(inner, "hadamard"):
        return e
    moving = [a for a in inner.args if _holds(a, changes)]
    still = [a for a in inner.args if a not in moving]
    if len(moving) != 1 or not still or moving[0].shape != inner.shape:
        return e
    if len(inner.shape) != 1:
        return apply("sum", apply("hadamard", *still, moving[0]), params=(None,))
    weight = still[0] if len(still) == 1 else apply("hadamard", *still)
    if weight.shape != moving[0].shape:
        return e
    return apply("mul", transposed(weight), moving[0])


def _holds(e: Expr, changes: Collection[Expr]) -> bool:
    return any(v in changes for v in variables(e))


def paired(g: Expr, change: Expr) -> Expr | None:
    """<G, dX> as G'*dx, G*dt or sum(G.*dX); None where the shapes need more than that."""
    if not change.shape:
        if g.shape:
            return None
        factors = g.args if is_(g, "mul") else (g,)
        return change if number_value(g) == 1 else apply("mul", *factors, change)
    if len(change.shape) == 2 and change.shape[0] == 1 and g.shape == change.shape[1:]:
        change = change.T
    if g.shape != change.shape:
        return None
    if len(g.shape) == 1:
        sign, core = signed(g)
        made = matrix_product([*transposed_chain([core]), change])
        return with_sign(sign, made)
    sign, core = signed(g)
    return with_sign(sign, apply("sum", apply("hadamard", core, change), params=(None,)))


def standard(e: Expr, change: Expr) -> bool:
    """True for one term that ends in the change: M*dx, tr(M*dX) or sum(M.*dX)."""
    _, core = signed(e)
    if is_(core, "div"):
        core = core.args[0]
    if is_(core, "mul") and is_scalar(core.args[-1].shape) and is_(core.args[-1], "tr", "sum"):
        core = core.args[-1]
    if is_(core, "tr", "sum"):
        core = core.args[0]
        if is_(core, "hadamard"):
            return core.args[-1] is change and not any(_holds(a, {change}) for a in core.args[:-1])
    if core is change:
        return True
    return (
        is_(core, "mul")
        and core.args[-1] is change
        and not any(_holds(a, {change}) for a in core.args[:-1])
    )


def multiplied(e: Expr, change: Expr) -> bool:
    """True if the change is a factor of a matrix product, perhaps under a trace: a'*dX*b."""
    _, core = signed(e)
    while True:
        if core is change or _is_turned(core, change):
            return True
        if is_(core, "tr", "div"):
            core = core.args[0]
            continue
        inner = [a for a in core.args if _holds(a, {change})] if is_(core, "mul") else []
        if len(inner) != 1:
            return False
        core = inner[0]


def traced(e: Expr, change: Expr) -> Expr | None:
    """a'*dX*b = tr(b*a'*dX): a number is its own trace. None where dX is not in the middle."""
    sign, core = signed(e)
    if not is_(core, "mul") or core.shape:
        return None
    scalars = [a for a in core.args if is_scalar(a.shape)]
    rest = [a for a in core.args if not is_scalar(a.shape)]
    places = [k for k, a in enumerate(rest) if a is change or _is_turned(a, change)]
    if len(places) != 1 or len(rest) < 2 or is_scalar(change.shape):
        return None
    if is_(rest[places[0]], "transpose"):
        rest = transposed_chain(rest)
        places = [k for k, a in enumerate(rest) if a is change]
    if len(places) != 1:
        return None
    cut = places[0] + 1
    trace = apply("tr", apply("mul", *rest[cut:], *rest[:cut]))
    made = apply("mul", *scalars, trace) if scalars else trace
    return with_sign(sign, made)


def _is_turned(e: Expr, change: Expr) -> bool:
    return is_(e, "transpose") and e.args[0] is change


def without_brackets(e: Expr) -> Expr:
    """u'*(X*dw) as u'*X*dw: brackets that a product of matrices does not need are left out.

    >>> from matderiv.expr import variable
    >>> from matderiv.output.text import text
    >>> u, X, w = variable("u", (3,)), variable("X", (3, 2)), variable("w", (2,))
    >>> text(without_brackets(u.T @ (X @ w)))
    "u'*X*w"
    """
    return fold(e, _spliced)


def _spliced(node: Expr, args: tuple[Expr, ...]) -> Expr:
    plain = rebuild(node, args)
    if not is_(plain, "mul"):
        return plain
    factors: list[Expr] = []
    for a in plain.args:
        factors += a.args if is_(a, "mul") and not is_scalar(a.shape) else (a,)
    made = apply("mul", *factors)
    return made if made.shape == plain.shape else plain


def collected(terms: list[Expr]) -> Expr:
    """The sum with equal terms counted."""
    counts: dict[Expr, Fraction] = {}
    for e in terms:
        sign, core = signed(e)
        counts[core] = counts.get(core, Fraction(0)) + sign
    return sign_inside(total([_counted(k, e) for e, k in counts.items()]))


def _counted(k: Fraction, e: Expr) -> Expr:
    if abs(k) == 1:
        return e if k > 0 else -e
    return scaled(k, {}, [e]) if e.shape else scaled(k, {e: 1}, [])


def sign_inside(e: Expr) -> Expr:
    """-(u'*v) as -u'*v."""
    return with_sign(-1, e.args[0]) if is_(e, "neg") else e
