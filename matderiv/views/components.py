"""Expressions by their entries: sums of products with every summation and delta still there."""

from fractions import Fraction

from matderiv.calculus.sweeps import Visit, pullback, slots_at, slots_of_result
from matderiv.expr import Expr, is_, number_value, size_expr, variables
from matderiv.functions.algebra import spread
from matderiv.functions.reduce import reduced_size
from matderiv.shapes import is_scalar
from matderiv.tensors.lower import open_product, pattern
from matderiv.tensors.tensor import (
    ONE,
    Factor,
    Index,
    Indices,
    Slots,
    Tensor,
    Term,
    delta,
    normalise,
    product,
    renamed,
    size_coefficient,
    size_factors,
)

_THROUGH = ("neg", "sum", "mean", "tr", "transpose", "mul", "hadamard", "diag", "permute", "einsum")


def components(e: Expr, axes: Indices) -> Tensor:
    """The entries of e over its axes: sums written out, products opened, functions kept whole."""
    terms: list[Term] = []
    todo: list[Part] = [(e, slots_at(e.shape, axes), ONE, ())]
    while todo:
        node, at, beside, summed = todo.pop()
        if is_(node, "add"):
            todo += [
                (a, spread(a.shape, at, node.shape), beside, summed) for a in reversed(node.args)
            ]
        elif is_(node, "div") and not is_(below := node.args[1], *_THROUGH):
            todo.append(
                (
                    node.args[0],
                    at,
                    product(beside, open_product(below, (None,) * len(below.shape), -1)),
                    summed,
                )
            )
        elif is_(node, *_THROUGH) and (inner := _single(node, at, beside, summed)) is not None:
            todo.append(inner)
        else:
            terms.append(counted(_with_squares(product(beside, _entry(node, at))), summed))
    return Tensor(axes, tuple(terms))


Part = tuple[Expr, Slots, Term, Indices]  # what is left to open, and what it is summed over


def counted(t: Term, summed: Indices) -> Term:
    """Σ_i of what does not depend on i is n of it."""
    coefficient, factors = t
    present = {i for f in factors for i in f.indices}
    for i in summed:
        if i not in present:
            coefficient *= size_coefficient(i.size)
            factors = (*size_factors(i.size), *factors)
    return Term(coefficient, factors)


def _with_squares(t: Term) -> Term:
    """norm2(x)^2 as the sum of the squares of its entries, wherever it is a factor.

    Its derivative is then 2 x_i, and not norm2(x) x_i/norm2(x), which has no value at 0.
    """
    factors = []
    for f in t.factors:
        squared = is_(f.expr, "norm2") and f.exponent == 2
        factors.append(_square(f.expr.args[0]) if squared else f)
    return Term(t.coefficient, tuple(factors))


def _square(x: Expr) -> Factor:
    return Factor(x, tuple(Index(s) for s in x.shape if s != 1), 2)


def _entry(node: Expr, at: Slots) -> Term:
    if is_(node, "epow") and number_value(node.args[1]) == 2 and is_(node.args[0], "add"):
        return Term(Fraction(1), (Factor(node.args[0], tuple(i for i in at if i is not None), 2),))
    if is_(node, "mul", "hadamard", "kron"):
        found = pattern(node, at)
        parts = [open_product(a, s) for a, s in zip(node.args, found.slots, strict=True)]
        whole = product(Term(Fraction(1), found.factors), *parts)
        return counted(whole, found.summed)
    return open_product(node, at)


def _single(node: Expr, at: Slots, beside: Term, summed: Indices) -> Part | None:
    """A linear operation as its one long argument, with its factors beside; None for several."""
    found = pattern(node, at)
    long = [k for k, a in enumerate(node.args) if not is_scalar(a.shape)]
    if not long:  # numbers: the one that is a sum is written out
        long = [k for k, a in enumerate(node.args) if is_(a, *_THROUGH) or len(node.args) == 1]
    if len(long) != 1:
        return None
    parts = [beside, Term(Fraction(-1 if is_(node, "neg") else 1), found.factors)]
    parts += [open_product(a, found.slots[k]) for k, a in enumerate(node.args) if k != long[0]]
    if is_(node, "mean"):
        size = reduced_size(node.args[0].shape, node.params[0])
        term = open_product(size_expr(size), ())
        below = tuple(f._replace(exponent=-f.exponent) for f in term.factors)
        parts.append(Term(1 / term.coefficient, below))
    a = node.args[long[0]]
    return a, found.slots[long[0]], product(*parts), (*summed, *found.summed)


def by_entries(of: Tensor, x: Expr, axes: Indices) -> Tensor:
    """∂of/∂x over the axes of `of` and `axes`: each factor in turn, δ for an entry of x itself."""
    terms: list[Term] = []
    for t in of.terms:
        summed = tuple(dict.fromkeys(i for f in t.factors for i in f.indices if i not in of.axes))
        for k, f in enumerate(t.factors):
            if x not in variables(f.expr):
                continue
            rest = [*t.factors[:k], *t.factors[k + 1 :]]
            coefficient = t.coefficient
            if f.exponent != 1:
                coefficient *= Fraction(f.exponent)
                rest.insert(k, f._replace(exponent=f.exponent - 1))
            for inner in _inner(f, x, axes):
                factors = (
                    (*rest[:k], *inner.factors, *rest[k:])
                    if f.exponent == 1
                    else (*rest, *inner.factors)
                )
                terms.append(counted(Term(coefficient * inner.coefficient, factors), summed))
    return Tensor(of.axes + axes, tuple(terms))


def _inner(f: Factor, x: Expr, axes: Indices) -> list[Term]:
    if f.expr is x:
        return [Term(Fraction(1), tuple(map(delta, f.indices, axes)))]
    local = pullback(f.expr, x)
    mapping = dict(zip(local.axes, (*f.indices, *axes), strict=True))
    return [renamed(t, mapping) for t in local.terms]


def collapsed(tensor: Tensor) -> Tensor:
    """Σ_j δ_ij T_j = T_i everywhere; like terms stay apart."""
    terms = tuple(
        normalise(t.coefficient, t.factors, tensor.axes) for t in tensor.terms if t.coefficient
    )
    return Tensor(tensor.axes, terms)


def in_reading_order(tensor: Tensor) -> Tensor:
    """The deltas of each term, then the other factors, each with an index of the one before it."""
    terms = []
    for t in tensor.terms:
        left = [f for f in t.factors if not is_(f.expr, "eye")]
        found = [f for f in t.factors if is_(f.expr, "eye")]
        near = set(tensor.axes[:1])
        while left:
            f = next((f for f in left if near & set(f.indices)), left[0])
            left.remove(f)
            found.append(f)
            near = set(f.indices) - near or near
        terms.append(t._replace(factors=tuple(found)))
    return Tensor(tensor.axes, tuple(terms))


# Shares -------------------------------------------------------------------------------------------


def occurrences(e: Expr, x: Expr, upstream: Expr | None) -> list[Tensor]:
    """The shares of every place where x stands in e, in reading order."""
    visits: list[Visit] = []
    whole = pullback(e, x, upstream, visits)
    found = [
        share.tensor
        for visit in reversed(visits)
        for share in visit.shares
        if share.node.args[share.which] is x and share.tensor.terms
    ]
    return found if len(found) > 1 else [whole]


def joined(shares: list[Tensor], axes: Indices) -> Tensor:
    """Shares over their own axes as one sum over common axes."""
    terms: list[Term] = []
    for share in shares:
        mapping = dict(zip(share.axes, axes, strict=True))
        terms += [renamed(t, mapping) for t in share.terms]
    return Tensor(axes, tuple(terms))


def over(v: Expr | Tensor, axes: Indices) -> Tensor:
    """A derivative over the given axes: its name as one factor, or its terms."""
    if isinstance(v, Tensor):
        return joined([v], axes)
    return Tensor(axes, (open_product(v, slots_of_result(v, axes)),))


def times(a: Tensor, b: Tensor, axes: Indices, at: Indices) -> Tensor:
    """The product of two sums over `axes`, over the axes `at` that both have, deltas left."""
    terms = (counted(product(s, t), at) for s in a.terms for t in b.terms)
    return Tensor(axes, tuple(terms))


def entry_of(v: Expr, axes: Indices) -> Tensor:
    """v_ij over its axes."""
    return Tensor(axes, (Term(Fraction(1), (Factor(v, axes),)),))
