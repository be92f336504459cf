"""The formula of a derivative at points where it is 0/0 although the derivative exists.

The value there is the limit as the variable goes to the point while everything else stays. A factor
that is zero and does not change with the variable makes its product zero: so -y./p, the gradient of
-sum(y.*log(p)) by p, is 0 where y and p are. What is divided by or taken the logarithm of is then
replaced by 1, so that no number on the way is infinite: y./where(y,p,1). Where f has a kink the
value is a subgradient: norms give 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce

from matderiv.errors import ShapeError
from matderiv.expr import Expr, apply, eye, fold, has, is_, number_value, rebuild, substitute, walk
from matderiv.numeric.poles import (
    PARTIAL,
    base,
    divisors,
    entrywise,
    factors_of,
    is_mask,
    is_power,
    may_lack_value,
    outside_branches,
    poles,
)
from matderiv.numeric.stable import LINEAR, valued, without_quotient
from matderiv.numeric.subgradients import Subject
from matderiv.shapes import Shape

Factors = tuple[Expr, ...]

SINGULAR = ("div", "ediv", "power", "epow", "log", "prod", "det", "inv")
"""Functions by which the formula of a derivative may fail where the derivative exists."""
MOST = 4000  # nodes that are rewritten; a formula with more stays as it is
_PRODUCTS = ("hadamard", "mul", "div", "ediv")
_HALF = Fraction(1, 2)


def may_fail(*exprs: Expr) -> bool:
    """True where a formula may have no value at some point of the domain of f."""
    masks = any(has(e, "masks", is_mask) for e in exprs)
    partial = masks and any(has(e, "partial", lambda n: is_(n, *PARTIAL)) for e in exprs)
    return partial or any(has(e, "may fail", _may_fail) for e in exprs)


def _may_fail(node: Expr) -> bool:
    if is_power(node):
        exponent = number_value(node.args[1])
        return exponent is None or exponent < 0 or exponent.denominator != 1
    return is_(node, *SINGULAR) if not is_(node, "div", "ediv") else any(divisors(node))


def at_edges(e: Expr, subject: Subject) -> Expr:
    """The formula with the limits at the points where it is 0/0; itself where there are none.

    >>> x = variable("x", (3,))
    >>> f = apply("prod", x, params=(None,))
    >>> evaluate(at_edges(f / x, Subject((f,), frozenset({x}))), {"x": [0, 2, 3]})
    array([6., 0., 0.])
    """
    if not may_fail(e):
        return e
    new = fold(e, lambda node, args: without_quotient(rebuild(node, args)))
    of_f = _Guard(subject, set())
    for form in valued(subject.forms):
        of_f.guarded(form)
    known = poles(*subject.forms, excused=of_f.excused)
    return _Guard(subject, known, outside_branches(*subject.forms)).guarded(new)


@dataclass
class _Guard:
    """Rewrites a formula from the outside in, with the factors that stand beside each part.

    `known` is where f has no value, `always` what f computes in every case; `excused` collects the
    logarithms beside a factor that does not change with the variables: where that is 0 they do not
    count.
    """

    subject: Subject
    known: set[Expr]
    always: set[Expr] = field(default_factory=set)
    excused: set[Expr] = field(default_factory=set)
    sound: set[Expr] = field(default_factory=set)
    visited: int = 0
    fixed: dict[Expr, bool] = field(default_factory=dict)
    risky: dict[Expr, bool] = field(default_factory=dict)

    def guarded(self, e: Expr, beside: Factors = (), under: Factors = ()) -> Expr:
        """The formula with its singular arguments replaced where a factor beside them is 0.

        `under` are the conditions that hold wherever the value of this part counts.
        """
        self.visited += 1
        if self.visited > MOST or not self._risky(e):
            return e
        condition = self._support(e) if is_(e, *_PRODUCTS) else None
        if condition is None or condition in under:
            return self._guarded(e, beside, under)
        if not may_lack_value(e, self.always, self.known, self.sound):
            return self._guarded(e, beside, under)
        inside = self._guarded(e, beside, (*under, condition))
        inside = inside if condition.shape else self._regular(inside, condition)
        chosen = apply("where", condition, inside, 0)
        return chosen if chosen.shape == e.shape else self._guarded(e, beside, under)

    def _guarded(self, e: Expr, beside: Factors, under: Factors) -> Expr:
        if is_(e, "div", "ediv"):
            return self._quotient(e, beside, under)
        if is_(e, "log"):
            return self._logarithm(e, beside)
        if is_power(e):
            return self._power(e, beside)
        if is_(e, "hadamard", "mul"):
            return self._product(e, beside, under)
        if is_(e, "neg", "add"):
            parts = (self.guarded(a, beside if a.shape == e.shape else (), under) for a in e.args)
            return rebuild(e, tuple(parts))
        if is_(e, "tr") and is_(e.args[0], "mul"):
            return apply("tr", self._trace(e.args[0]))
        if is_(e, "where"):
            test, first, second = (self.guarded(a) for a in e.args)
            if not test.shape:
                opposite = apply("where", test, 0, 1)
                first, second = self._regular(first, test), self._regular(second, opposite)
            return rebuild(e, (test, first, second))
        if is_(e, *LINEAR):
            scalars = tuple(b for b in beside if not b.shape)
            return rebuild(e, tuple(self.guarded(a, scalars) for a in e.args))
        return rebuild(e, tuple(self.guarded(a) for a in e.args))

    def _risky(self, e: Expr) -> bool:
        if e not in self.risky:
            for node in walk(e):
                inner = any(self.risky[a] for a in node.args)
                self.risky[node] = inner or is_(node, *SINGULAR, *PARTIAL)
        return self.risky[e]

    # Branches -------------------------------------------------------------------------------------

    def _support(self, e: Expr) -> Expr | None:
        """A condition outside of which an expression is 0 by construction; None if none is seen."""
        if is_mask(e):
            return e
        if is_(e, "where") and number_value(e.args[2]) == 0:
            return apply("where", e.args[0], 1, 0)
        if is_(e, "relu"):
            return apply("step", e.args[0])
        if e in self.subject.names:
            return self._support(self.subject.names[e])
        if is_(e, "neg", "div", "ediv"):
            return self._support(e.args[0])
        if not is_(e, "add", "hadamard", "mul") or (is_(e, "mul") and not entrywise(e)):
            return None
        known = [s for a in e.args if (s := self._support(a)) is not None]
        if not known or (is_(e, "add") and len(known) < len(e.args)):
            return None
        join = "add" if is_(e, "add") else "hadamard"
        return reduce(lambda a, b: apply(join, a, b), dict.fromkeys(known))

    def _regular(self, e: Expr, test: Expr) -> Expr:
        """inv(A) of the matrix where(test, A, eye(n))."""
        instead = {}
        for node in walk(e):
            if is_(node, "inv") and len(node.shape) == 2 and node not in self.always:
                (x,) = node.args
                instead[node] = apply("inv", apply("where", test, x, eye(x.shape[0])))
        return substitute(e, instead) if instead else e

    # Products -------------------------------------------------------------------------------------

    def _product(self, e: Expr, beside: Factors, under: Factors) -> Expr:
        """Every factor has the others beside it, where they meet entry by entry."""
        if is_(e, "mul") and not entrywise(e):
            return self._matrix_product(e, beside)
        args = []
        for k, a in enumerate(e.args):
            others = [b for j, b in enumerate(e.args) if j != k]
            args.append(self.guarded(a, (*beside, *others), under))
        same = all(a.shape == old.shape for a, old in zip(args, e.args, strict=True))
        return rebuild(e, tuple(args)) if is_(e, "hadamard") or same else apply("hadamard", *args)

    def _matrix_product(self, e: Expr, beside: Factors) -> Expr:
        """Scalars stand beside everything; in an inner product u'*v the entries meet too."""
        scalars = tuple(a for a in (*beside, *e.args) if not a.shape)
        arrays = [a for a in e.args if a.shape]
        inner = len(arrays) == 2 and arrays[0].shape[0] == 1 and len(arrays[1].shape) == 1
        new = []
        for a in e.args:
            own = tuple(s for s in scalars if s is not a)
            if inner and a is arrays[0]:
                new.append(_turned(self.guarded(_turned(a), (*own, arrays[1]))))
            else:
                met = (_turned(arrays[0]),) if inner and a.shape else ()
                new.append(self.guarded(a, (*own, *met)))
        return rebuild(e, tuple(new))

    def _trace(self, product: Expr) -> Expr:
        """tr(A*B): the entries of A meet those of B', and scalars all of them."""
        arrays = [a for a in product.args if len(a.shape) == 2]
        scalars = tuple(a for a in product.args if not a.shape)
        if len(arrays) != 2 or len(scalars) + 2 != len(product.args):
            return self.guarded(product)
        first, second = arrays
        left = _turned(self.guarded(_turned(first), (*scalars, second)))
        right = self.guarded(second, (*scalars, _turned(first)))
        return apply("mul", *scalars, left, right)

    # Singular functions ---------------------------------------------------------------------------

    def _quotient(self, e: Expr, beside: Factors, under: Factors) -> Expr:
        above, below = e.args
        divisor = self._divisor(below, e, beside)
        new = self.guarded(above, beside, under)
        return new / divisor if divisor.shape == below.shape else apply("ediv", new, divisor)

    def _divisor(self, below: Expr, quotient: Expr, beside: Factors) -> Expr:
        """What is below the line, with 1 for its factors where what is above is 0 with them."""
        degrees = degrees_of(below)
        if is_(below, "neg", "hadamard") or (is_(below, "mul") and entrywise(below)):
            parts = [self._divisor(a, quotient, beside) for a in below.args]
            same = all(p.shape == a.shape for p, a in zip(parts, below.args, strict=True))
            name = below.function.name if same else "hadamard"
            return apply(name, *parts) if len(parts) > 1 else -parts[0]
        if is_power(below) and (number_value(below.args[1]) or 0) > 0:
            if not self._vanishes_slower(below, degrees, quotient.args[0]):
                inside = self._divisor(below.args[0], quotient, beside)
                return inside ** below.args[1]
        new = self.guarded(below)
        zero = self._zero(below, degrees, quotient, beside)
        return new if zero is None else _unless(zero, new, below.shape, quotient.shape)

    def _zero(
        self, divisor: Expr, degrees: dict[Expr, Fraction], quotient: Expr, beside: Factors
    ) -> Expr | None:
        """What, where it is 0, makes a quotient 0, although a factor below the line may be 0."""
        above = quotient.args[0]
        if number_value(divisor) is not None or base(divisor) in self.known:
            return None
        if self._vanishes_slower(divisor, degrees, above):
            return above if number_value(above) is None else _product(beside, divisor)
        return self._constant((*beside, above), divisor)

    def _vanishes_slower(self, divisor: Expr, degrees: dict[Expr, Fraction], above: Expr) -> bool:
        """True for norms and roots in a first derivative: what is above them is 0 where they are.

        ‖u‖ comes with u above it, sqrt(v) with the gradient of v, which is 0 where v >= 0 is. A
        numerator with a root of its own could cancel it, and is left alone.
        """
        inner = base(divisor)
        if self.subject.order > 1 or not 0 < degrees.get(inner, 0) <= 1:
            return False
        if is_(inner, "norm2", "std"):
            return True
        nodes = walk(*self._looked_through((above,)))
        return not any(base(n) is inner for n in nodes if _root(n) is not None)

    def _logarithm(self, e: Expr, beside: Factors) -> Expr:
        (x,) = e.args
        if self._constant(beside, x) is not None:
            self.excused.add(e)
        zero = _product(beside, x)
        new = self.guarded(x)
        return apply("log", new if zero is None else _unless(zero, new, x.shape))

    def _power(self, e: Expr, beside: Factors) -> Expr:
        x, k = e.args
        exponent, new = number_value(k), self.guarded(x)
        zero = None
        if (exponent is None or exponent < 0) and base(x) not in self.known:
            zero = self._constant(beside, x)
        new = new if zero is None else _unless(zero, new, x.shape)
        return rebuild(e, (new, self.guarded(k)))

    # What does not change -------------------------------------------------------------------------

    def _constant(self, factors: Factors, beside: Expr) -> Expr | None:
        """The product of the factors that do not change with the variables; None without any."""
        own = [f for b in self._looked_through(factors) for f in factors_of(b) if self._fixed(f)]
        return _product(tuple(own), beside) if own else None

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


def _turned(e: Expr) -> Expr:
    return e.args[0] if is_(e, "transpose") else e.T


def degrees_of(below: Expr) -> dict[Expr, Fraction]:
    """How fast a product goes to 0 with each of its bases: norm2(u) and sqrt(v) with degree 1.

    >>> v = variable("v")
    >>> list(degrees_of(apply("sqrt", v) * v).values()), degrees_of(apply("abs", v))
    ([Fraction(3, 1)], {})
    """
    found: dict[Expr, Fraction] = {}
    for inner, degree in _degrees(below, Fraction(1)):
        found[inner] = found.get(inner, Fraction(0)) + degree
    return found


def _degrees(e: Expr, k: Fraction) -> Iterator[tuple[Expr, Fraction]]:
    if is_(e, "neg", "hadamard") or (is_(e, "mul") and entrywise(e)):
        for a in e.args:
            yield from _degrees(a, k)
    elif (root := _root(e)) is not None and not is_(e.args[0], "abs"):
        inner = base(e)
        yield inner, k * root * (1 if is_(inner, "norm2", "std") else 2)
    elif is_power(e) and (number_value(e.args[1]) or 0) > 0:
        yield from _degrees(e.args[0], k * (number_value(e.args[1]) or 0))
    elif number_value(e) is None and not is_(e, "abs"):
        yield e, k if is_(e, "norm2", "std") else 2 * k


def _root(e: Expr) -> Fraction | None:
    """The exponent of a power between 0 and 1; None for anything else."""
    exponent = _HALF if is_(e, "sqrt") else None
    if is_(e, "epow", "power"):
        exponent = number_value(e.args[1])
    return exponent if exponent is not None and 0 < exponent < 1 else None


def _unless(zero: Expr, x: Expr, *shapes: Shape) -> Expr:
    """where(zero, x, 1), if that has one of the shapes; else x as it is."""
    try:
        chosen = apply("where", zero, x, 1)
    except ShapeError:
        return x
    return chosen if chosen.shape in shapes else x


def _product(factors: Sequence[Expr], beside: Expr) -> Expr | None:
    """The product of the factors that are scalars or have the shape of an argument."""
    fitting = dict.fromkeys(f for f in factors if number_value(f) is None)
    own = [f for f in fitting if f.shape in ((), beside.shape) or not beside.shape]
    if not own:
        return None
    try:
        return reduce(lambda a, b: a * b, own)
    except ShapeError:
        return None
