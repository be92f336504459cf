"""Where a formula has no value of its own: its denominators, apart from chosen branches.

where(x > 0, sqrt(x), 0) has a value for every x, although sqrt(x) has not. What stands inside a
branch counts only where the branch is chosen; what stands outside counts always.
"""

from collections.abc import Collection, Iterator

from matderiv.expr import Expr, is_, number_value
from matderiv.numeric.ranges import positive

PARTIAL = (
    *("sqrt", "log", "log1p", "arcsin", "arccos", "tan", "logdet", "inv", "cholesky"),
    *("exp", "expm1", "sinh", "cosh"),
)
"""Functions without a finite value for some arguments; the last four overflow."""


def outside_branches(*roots: Expr, excused: Collection[Expr] = ()) -> set[Expr]:
    """The nodes that are computed in every case, those in the branches of a `where` left out.

    So are those that are `excused`, with what is inside them alone.

    >>> x = variable("x", (3,))
    >>> root = apply("sqrt", x)
    >>> chosen = apply("where", apply("gt", x, 0), root, 0)
    >>> root in outside_branches(chosen), root in outside_branches(chosen + root)
    (False, True)
    """
    found: set[Expr] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in found and node not in excused:
            found.add(node)
            stack += node.args[:1] if is_(node, "where") else node.args
    return found


def poles(*roots: Expr, excused: Collection[Expr] = ()) -> set[Expr]:
    """What some formulas divide by outside branches: where one is 0 they have no value.

    A logarithm has no value at 0 either, unless it is `excused`: 0*log(0) counts as 0, and so does
    what is divided by inside it.

    >>> a, b = variable("a"), variable("b")
    >>> [p.name for p in poles(a / (2 * b))], [p.name for p in poles(apply("log", a))]
    (['b'], ['a'])
    >>> poles(apply("log", a / b), excused=[apply("log", a / b)])
    set()
    """
    found: set[Expr] = set()
    for node in outside_branches(*roots, excused=excused):
        found.update(map(base, divisors(node)))
        if is_(node, "log"):
            found.update(map(base, factors_of(node.args[0])))
    return found


def divisors(node: Expr) -> Iterator[Expr]:
    """The factors, numbers apart, by which this one node divides."""
    if is_(node, "div", "ediv"):
        yield from factors_of(node.args[1])
    elif is_power(node):
        exponent = number_value(node.args[1])
        if exponent is not None and exponent < 0:
            yield from factors_of(node.args[0])


def factors_of(e: Expr) -> Iterator[Expr]:
    """The factors of a product entry by entry, without exponents and without what is never zero.

    >>> a, b = variable("a"), variable("b")
    >>> [f.name for f in factors_of(3 * a**2 * apply("sqrt", b))]
    ['a', 'sqrt']
    """
    if is_(e, "neg", "hadamard") or (is_(e, "mul") and entrywise(e)):
        for a in e.args:
            yield from factors_of(a)
    elif (is_power(e) and (number_value(e.args[1]) or 0) > 0) or is_(e, "div", "ediv"):
        yield from factors_of(e.args[0])
    elif number_value(e) is None and not positive(e):
        yield e


def entrywise(product: Expr) -> bool:
    """True for a product of scalars and at most one array."""
    return sum(bool(a.shape) for a in product.args) < 2


def is_power(e: Expr) -> bool:
    """True for a power entry by entry, not for that of a matrix."""
    return is_(e, "epow") or (is_(e, "power") and not e.shape)


def base(e: Expr) -> Expr:
    """What is zero where e is: v for sqrt(v), abs(v) and powers of v."""
    while is_(e, "sqrt", "abs") or is_power(e):
        e = e.args[0]
    return e


def is_mask(e: Expr) -> bool:
    """True for what is 1 or 0: a comparison, a step, where(c, 1, 0)."""
    if is_(e, "where"):
        return {number_value(a) for a in e.args[1:]} == {0, 1}
    return is_(e, "gt", "ge", "lt", "le", "step")


def may_lack_value(
    e: Expr, always: Collection[Expr], known: Collection[Expr], sound: set[Expr]
) -> bool:
    """True where e may have no finite value at a point where f has one.

    Nodes that have one wherever f has are added to the `sound`, and are not looked at again.
    """
    found = outside_branches(e, excused=sound)
    for node in found:
        if node not in always and _is_partial(node):
            return True
        if any(base(d) not in known for d in divisors(node)):
            return True
    sound |= found
    return False


def _is_partial(node: Expr) -> bool:
    """True for a function without a finite value for some arguments."""
    if is_power(node):
        exponent = number_value(node.args[1])
        return exponent is None or exponent.denominator != 1
    return is_(node, *PARTIAL)
