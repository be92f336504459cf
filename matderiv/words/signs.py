"""Signs in front of expressions, and sums with their positive terms first.

Every builder keeps the value and never makes the expression longer.
"""

from collections.abc import Sequence

from matderiv.expr import Expr, apply, is_, number, number_value

MAX_INLINED = 6  # adjoints that grow by a term a layer would otherwise be copied layer by layer
SIGN_DEPTH = 4
_LINES = ("mul", "hadamard", "div", "ediv")  # a sign in front of these sits on their first part


def is_one(e: Expr) -> bool:
    """True for 1 and arrays of ones."""
    return (
        number_value(e) == 1
        or is_(e, "ones")
        or (is_(e, "vector", "matrix") and number_value(e.args[0]) == 1)
    )


def signed(e: Expr, depth: int = SIGN_DEPTH) -> tuple[int, Expr]:
    """The sign in front of an expression, and the expression without it.

    The sign of a product sits on its first factor; products in products are looked into so deep.

    >>> A, B = variable("A", (2, 2)), variable("B", (2, 2))
    >>> signed(-A @ B) == (-1, A @ B), signed(A @ -B) == (1, A @ -B)
    (True, True)
    """
    name = e.function.name
    if name == "neg":
        sign, core = signed(e.args[0], depth - 1)
        return -sign, core
    if name == "number" and e.params[0] < 0:
        return -1, number(-e.params[0])
    if depth > 0 and name in _LINES:
        sign, first = signed(e.args[0], depth - 1)
        if sign < 0:
            if is_one(first) and not first.shape and is_(e, "mul", "hadamard"):
                rest = e.args[1:]
                return -1, apply(e.function.name, *rest)
            return -1, apply(e.function.name, first, *e.args[1:])
    return 1, e


def negated(e: Expr) -> Expr:
    """-e with the sign absorbed where there is one, in front of the first factor of a product."""
    sign, core = signed(e)
    if sign < 0:
        return core
    if is_(core, "add"):
        parts = [negated(a) for a in core.args]
        minus = sum(signed(a)[0] < 0 for a in parts)
        if minus < len(parts) and 2 * minus <= len(parts):
            return total(parts)
    if is_(core, *_LINES) and not is_one(core.args[0]):
        first = core.args[0]
        scaling = is_(first, "div") or (is_(first, "mul") and is_(core, "mul", "div"))
        first = negated(first) if scaling else apply("neg", first)
        return apply(core.function.name, first, *core.args[1:])
    return apply("neg", core)


def inlined(e: Expr) -> bool:
    """True for a short sum, which is written out inside another; long ones keep their bracket."""
    return is_(e, "add") and len(e.args) <= MAX_INLINED


def total(terms: Sequence[Expr]) -> Expr:
    """A sum with the positive terms first."""
    flat = [signed(t) for e in terms for t in (e.args if inlined(e) else (e,))]
    ordered = [t for sign, t in flat if sign > 0]
    if len(ordered) == 2 and is_(ordered[0], "transpose") and ordered[0].args[0] is ordered[1]:
        ordered.reverse()
    ordered += [apply("neg", t) for sign, t in flat if sign < 0]
    if len(ordered) == 1:
        return ordered[0]
    if is_(ordered[0], "neg"):
        ordered[0] = negated(ordered[0].args[0])
    return apply("add", *ordered)


def flattened(e: Expr) -> Expr:
    """A difference of sums without inner brackets: (a + b) - (c + d) is a + b - c - d."""
    if not is_(e, "add"):
        return e
    terms: list[Expr] = []
    for a in e.args:
        sign, core = signed(a)
        inner = core.args if is_(core, "add") else (core,)
        terms += inner if sign > 0 else [negated(t) for t in inner]
    return total([t for t in terms if number_value(t) != 0] or terms)
