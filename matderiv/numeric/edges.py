"""The formula of a derivative at points where it is 0/0 although the derivative exists.

The value there is the limit as the variable goes to the point while everything else stays. A factor
that is zero and does not change with the variable makes its product zero: so -y./p, the gradient of
-sum(y.*log(p)) by p, is 0 where y and p are. What is divided by or taken the logarithm of is then
replaced by 1, so that no number on the way is infinite: y./where(y,p,1). Products of the other
entries and cofactors stand for prod(x)./x and det(A)*inv(A). Where f has a kink the value is a
subgradient: norms give 0, and entries that tie for a maximum share its change equally.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from matderiv.errors import ShapeError
from matderiv.expr import Expr, apply, fold, is_, number, number_value, rebuild, walk
from matderiv.functions.reduce import along
from matderiv.numeric.poles import base, divisors, entrywise, factors_of, is_mask, poles
from matderiv.shapes import Shape

Factors = tuple[Expr, ...]

SINGULAR = ("div", "ediv", "power", "epow", "log", "prod", "det", "inv")
"""Functions by which the formula of a derivative may fail where the derivative exists."""
MOST = 4000  # nodes that are rewritten; a formula with more stays as it is
_GROWING = ("exp", "expm1", "sinh", "cosh")
_LINEAR = ("neg", "transpose", "tr", "sum", "mean", "diag", "vec")


@dataclass(frozen=True)
class Subject:
    """What a formula is the derivative of, and by which variables.

    `forms` are f as it was typed and as it was differentiated. `names` are variables in the formula
    that stand for adjoints, with their values.
    """

    forms: tuple[Expr, ...]
    wrt: frozenset[Expr]
    order: int = 1
    names: Mapping[Expr, Expr] = field(default_factory=dict)


def may_fail(*exprs: Expr) -> bool:
    """True where a formula may have no value at some point of the domain of f."""
    masks = any(is_mask(n) for n in walk(*exprs))
    return any(_may_fail(n) or (masks and is_(n, *_GROWING)) for n in walk(*exprs))


def _may_fail(node: Expr) -> bool:
    if is_(node, "power", "epow"):
        exponent = number_value(node.args[1])
        return exponent is None or exponent < 0 or exponent.denominator != 1
    return is_(node, *SINGULAR) if not is_(node, "div", "ediv") else any(divisors(node))


# Ties --------------------------------------------------------------------------------------------


def ties_shared(e: Expr, subject: Subject) -> Expr:
    """A formula in which the entries that attain a maximum share its change.

    >>> from matderiv.expr import variable
    >>> from matderiv.numeric.evaluate import evaluate
    >>> x = variable("x", (3,))
    >>> top = apply("max", x, params=(None,))
    >>> mask = apply("ge", x, top)
    >>> evaluate(ties_shared(mask, Subject((top,), frozenset({x}))), {"x": [1, 2, 2]})
    array([0. , 0.5, 0.5])
    """
    if not any(is_(n, "max", "min", "norminf") for n in walk(e)):
        return e
    nodes = set(walk(e))
    changing = _changing(e, subject)

    def visit(node: Expr, args: tuple[Expr, ...]) -> Expr:
        new = rebuild(node, args)
        place = _extreme(node) if node in changing else None
        if place is None:
            return new
        attained = apply("sum", node, params=place)
        if attained in nodes:
            return new
        return new / along(attained, node.shape, place[0])

    return fold(e, visit)


def _extreme(mask: Expr) -> tuple[int | None] | None:
    """The axis of the extreme whose entries a mask finds, x >= max(x); None for other masks."""
    if not is_(mask, "ge", "le"):
        return None
    x, top = mask.args
    if is_(top, "einsum") and len(top.args) == 2 and is_(top.args[0], "ones"):
        top = top.args[1]
    if is_(mask, "ge") and is_(top, "norminf") and x is apply("abs", top.args[0]):
        return (None,)
    if is_(top, "max" if is_(mask, "ge") else "min") and top.args[0] is x:
        return (top.params[0],)
    return None


def _changing(e: Expr, subject: Subject) -> set[Expr]:
    """The nodes that depend on the variables."""
    found: set[Expr] = set()
    for node in walk(e):
        if node in subject.wrt or node in subject.names or any(a in found for a in node.args):
            found.add(node)
    return found


# Removable singularities -------------------------------------------------------------------------


def at_edges(e: Expr, subject: Subject) -> Expr:
    """The formula with the limits at the points where it is 0/0; itself where there are none.

    >>> from matderiv.expr import variable
    >>> from matderiv.numeric.evaluate import evaluate
    >>> x = variable("x", (3,))
    >>> f = apply("prod", x, params=(None,))
    >>> evaluate(at_edges(f / x, Subject((f,), frozenset({x}))), {"x": [0, 2, 3]})
    array([6., 0., 0.])
    """
    if not may_fail(e):
        return e
    new = fold(e, lambda node, args: _whole(rebuild(node, args)))
    of_f = _Guard(subject, set())
    for form in subject.forms:
        of_f.guarded(form)
    return _Guard(subject, poles(*subject.forms, excused=of_f.excused)).guarded(new)


def _whole(node: Expr) -> Expr:
    """A product in which prod(x) meets 1/x, or det(A) inv(A), without the quotient."""
    if not is_(node, "mul", "hadamard", "div", "ediv"):
        return node
    for partner in _partners(node):
        alone = _without(node, partner)
        joined = _joined(alone, partner) if alone is not None else None
        if joined is not None and joined.shape == node.shape:
            return _whole(joined)
    return node


def _partners(e: Expr) -> list[Expr]:
    """The products of entries and determinants among the factors of a product."""
    if is_(e, "prod", "det"):
        return [e]
    if is_(e, "power", "epow", "div", "ediv"):
        return _partners(e.args[0])
    return [p for a in e.args for p in _partners(a)] if is_(e, "neg", "mul", "hadamard") else []


def _without(e: Expr, factor: Expr) -> Expr | None:
    """A product with one factor less, 1 in its place; None where the factor is not found."""
    if e is factor:
        return apply("ones", params=e.shape) if e.shape else number(1)
    if is_(e, "power", "epow") and e.args[0] is factor:
        k = number_value(e.args[1])
        return None if k is None or k < 1 else factor if k == 2 else factor ** int(k - 1)
    if not is_(e, "neg", "hadamard", "mul", "div", "ediv"):
        return None
    for place, a in enumerate(e.args[:1] if is_(e, "neg", "div", "ediv") else e.args):
        rest = _without(a, factor)
        if rest is not None:
            return apply(e.function.name, *e.args[:place], rest, *e.args[place + 1 :])
    return None


def _joined(e: Expr, partner: Expr) -> Expr | None:
    """prod(x) or det(A) times an expression that has 1/x or inv(A) as a factor; None without it."""
    (x,) = partner.args
    if is_(e, "inv") and is_(partner, "det") and e.args[0] is x:
        return apply("adj", x)
    if is_(e, *_LINEAR):
        inner = _joined(e.args[0], partner)
        return None if inner is None else apply(e.function.name, inner, params=e.params)
    if is_(e, "add"):
        parts = [_joined(a, partner) for a in e.args]
        if all(p is None for p in parts):
            return None
        whole = (p if p is not None else partner * a for p, a in zip(parts, e.args, strict=True))
        return apply("add", *whole)
    if is_(e, "div", "ediv") and is_(partner, "prod"):
        below = _without(e.args[1], x) if e.args[1] is not x else number(1)
        if below is not None:
            return e.args[0] * product_of_others(partner) / below
    if not is_(e, "mul", "hadamard", "div", "ediv"):
        return None
    for k, a in enumerate(e.args[:1] if is_(e, "div", "ediv") else e.args):
        inner = _joined(a, partner)
        if inner is not None:
            return apply(e.function.name, *e.args[:k], inner, *e.args[k + 1 :])
    return None


def product_of_others(product: Expr) -> Expr:
    """For each entry of x the product of all other entries, prod(x)./x where none is 0.

    >>> from matderiv.expr import variable
    >>> from matderiv.numeric.evaluate import evaluate
    >>> product = apply("prod", variable("x", (3,)), params=(None,))
    >>> [evaluate(product_of_others(product), {"x": x}).tolist() for x in ([0, 2, 3], [0, 0, 3])]
    [[6.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    (x,), axis = product.args, product.params[0]
    zero, filled = apply("where", x, 0, 1), apply("where", x, x, 1)
    zeros = along(apply("sum", zero, params=(axis,)), x.shape, axis)
    rest = along(apply("prod", filled, params=(axis,)), x.shape, axis)
    return apply("where", zeros - zero, 0, rest / filled)


@dataclass
class _Guard:
    """Rewrites a formula from the outside in, with the factors that stand beside each part.

    `known` is where f has no value; `excused` collects the logarithms beside a factor that does not
    change with the variables: where that is 0 they do not count.
    """

    subject: Subject
    known: set[Expr]
    excused: set[Expr] = field(default_factory=set)
    visited: int = 0
    fixed: dict[Expr, bool] = field(default_factory=dict)
    risky: dict[Expr, bool] = field(default_factory=dict)

    def guarded(self, e: Expr, beside: Factors = ()) -> Expr:
        """The formula with its singular arguments replaced where a factor beside them is 0."""
        self.visited += 1
        if self.visited > MOST or not self._risky(e):
            return e
        if is_(e, "div", "ediv"):
            return self._quotient(e, beside)
        if is_(e, "log"):
            return self._replaced(e, self._logarithm(e, beside))
        if is_(e, "power", "epow"):
            return self._replaced(e, self._power(e, beside))
        if is_(e, *_GROWING):
            return self._replaced(e, self._masked(beside))
        if is_(e, "hadamard", "mul"):
            return self._product(e, beside)
        if is_(e, "neg", "add"):
            parts = (self.guarded(a, beside if a.shape == e.shape else ()) for a in e.args)
            return rebuild(e, tuple(parts))
        if is_(e, *_LINEAR, "where"):
            scalars = tuple(b for b in beside if not b.shape)
            return rebuild(e, tuple(self.guarded(a, scalars) for a in e.args))
        return rebuild(e, tuple(self.guarded(a) for a in e.args))

    def _risky(self, e: Expr) -> bool:
        if e not in self.risky:
            for node in walk(e):
                inner = any(self.risky[a] for a in node.args)
                self.risky[node] = inner or is_(node, *SINGULAR, *_GROWING)
        return self.risky[e]

    def _product(self, e: Expr, beside: Factors) -> Expr:
        """Every factor has the others beside it, where they meet entry by entry."""
        if is_(e, "mul") and not entrywise(e):
            return self._matrix_product(e, beside)
        args = []
        for k, a in enumerate(e.args):
            others = [b for j, b in enumerate(e.args) if j != k]
            args.append(self.guarded(a, (*beside, *others)))
        new = rebuild(e, tuple(args)) if is_(e, "hadamard") or _fits(e, args) else None
        return new if new is not None else apply("hadamard", *args)

    def _matrix_product(self, e: Expr, beside: Factors) -> Expr:
        """Scalars stand beside everything; in an inner product u'*v the entries meet too."""
        scalars = tuple(a for a in (*beside, *e.args) if not a.shape)
        arrays = [a for a in e.args if a.shape]
        inner: dict[int, Factors] = {}
        if len(arrays) == 2 and is_(arrays[0], "transpose") and len(arrays[1].shape) == 1:
            inner = {0: (arrays[1],), 1: (arrays[0].args[0],)}
        new = []
        for a in e.args:
            own = tuple(s for s in scalars if s is not a)
            place = arrays.index(a) if a in arrays else -1
            if place == 0 and inner:
                new.append(self.guarded(a.args[0], (*own, *inner[0])).T)
            else:
                new.append(self.guarded(a, (*own, *inner.get(place, ()))))
        return rebuild(e, tuple(new))

    def _quotient(self, e: Expr, beside: Factors) -> Expr:
        above, below = e.args
        divisor = self.guarded(below)
        zero = self._zero(above, below, beside)
        if zero is not None:
            divisor = _unless(zero, divisor, below.shape, e.shape)
        new = self.guarded(above, beside)
        return new / divisor if divisor.shape == below.shape else apply("ediv", new, divisor)

    def _zero(self, above: Expr, below: Expr, beside: Factors) -> Expr | None:
        """What, where it is 0, makes a quotient 0, although its divisor may be 0 there."""
        divisors = list(factors_of(below))
        if not divisors or any(base(d) in self.known for d in divisors):
            return None
        if all(self._vanishes_slower(d, above) for d in divisors):
            return above if number_value(above) is None else _product(beside, below)
        return self._constant((*beside, above))

    def _vanishes_slower(self, divisor: Expr, above: Expr) -> bool:
        """True for norms and roots in a first derivative: what is above them is 0 where they are.

        ‖u‖ comes with u above it, sqrt(v) with the gradient of v, which is 0 where v >= 0 is. A
        numerator with a root of its own could cancel it, and is left alone.
        """
        if self.subject.order > 1:
            return False
        if is_(divisor, "norm2"):
            return True
        if not is_(divisor, "sqrt", "std"):
            return False
        inner = divisor.args[0]
        nodes = walk(*self._looked_through((above,)))
        return not any(is_(n, "sqrt", "std") and n.args[0] is inner for n in nodes)

    def _logarithm(self, e: Expr, beside: Factors) -> Expr | None:
        fixed = self._constant(beside)
        if fixed is not None:
            self.excused.add(e)
        return fixed or _product(beside, e.args[0])

    def _power(self, e: Expr, beside: Factors) -> Expr | None:
        exponent = number_value(e.args[1])
        if exponent is not None and exponent >= 0:
            return None
        if base(e.args[0]) in self.known:
            return None
        return self._constant(beside)

    def _masked(self, beside: Factors) -> Expr | None:
        masks = [f for b in self._looked_through(beside) for f in factors_of(b) if is_mask(f)]
        return reduce(lambda a, b: a * b, masks) if masks else None

    def _replaced(self, e: Expr, zero: Expr | None) -> Expr:
        """A function whose first argument is 1 where `zero` is 0."""
        x, *rest = (self.guarded(a) for a in e.args)
        return rebuild(e, (x if zero is None else _unless(zero, x, x.shape), *rest))

    def _constant(self, factors: Factors) -> Expr | None:
        """The product of the factors that do not change with the variables; None without any."""
        own = [f for b in self._looked_through(factors) for f in factors_of(b) if self._fixed(f)]
        return reduce(lambda a, b: a * b, dict.fromkeys(own)) if own else None

    def _looked_through(self, factors: Factors) -> Factors:
        """The factors, and what those stand for that are names of adjoints."""
        found = list(factors)
        for b in found:
            found += [self.subject.names[f] for f in factors_of(b) if f in self.subject.names]
        return tuple(found)

    def _fixed(self, e: Expr) -> bool:
        """True for what is constant near the point, as masks are."""
        if e not in self.fixed:
            for node in walk(e):
                self.fixed[node] = self._fixed_node(node)
        return self.fixed[e]

    def _fixed_node(self, node: Expr) -> bool:
        if is_mask(node):
            return True
        if node in self.subject.names:
            return self._fixed(self.subject.names[node])
        if is_(node, "variable"):
            return node not in self.subject.wrt
        return all(self.fixed[a] for a in node.args)


def _unless(zero: Expr, x: Expr, *shapes: Shape) -> Expr:
    """where(zero, x, 1), if that has one of the shapes; else x as it is."""
    try:
        chosen = apply("where", zero, x, 1)
    except ShapeError:
        return x
    return chosen if chosen.shape in shapes else x


def _fits(e: Expr, args: Sequence[Expr]) -> bool:
    return all(a.shape == old.shape for a, old in zip(args, e.args, strict=True))


def _product(factors: Factors, beside: Expr) -> Expr | None:
    """The product of the factors that have the shape of an argument."""
    own = [f for f in factors if f.shape == beside.shape and number_value(f) is None]
    return reduce(lambda a, b: a * b, own) if own else None
