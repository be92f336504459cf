"""Signs in front of expressions, and sums with their positive terms first.

Every builder keeps the value and never makes the expression longer.
"""

from collections.abc import Sequence

from matderiv.expr import Expr, apply, fold_kept, is_, number, number_value

MAX_INLINED = 6  # adjoints that grow by a term a layer would otherwise be copied layer by layer
SIGN_DEPTH = 4
_LINES = ("mul", "hadamard", "div", "ediv")  # a sign in front of these sits on their first part
_TURNED = ("variable", "inv", "sum", "mean")  # transposes that are met everywhere


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


def reading_key(e: Expr) -> tuple[int, int, tuple[str, ...]]:
    """Orders equal expressions: fewer symbols first, a short first factor, names by alphabet."""
    key: tuple[int, int, tuple[str, ...]] | None = e.cache.get("reading")
    if key is None:
        first = e.args[0].weight if e.args else 0
        key = e.cache["reading"] = (e.weight, first, _names(e) if e.weight < 200 else ())
    return key


def _names(e: Expr) -> tuple[str, ...]:
    """The names of the variables in the order of reading, remembered at every node."""

    def visit(node: Expr, below: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
        own = (node.name,) if is_(node, "variable") else ()
        return (*own, *dict.fromkeys(name for names in below for name in names))

    return fold_kept(e, "names", visit)


def shortest(forms: Sequence[Expr]) -> Expr:
    """The form with the fewest symbols; of equal ones the first of those that read plainest.

    Vectors of ones, transposes of anything but variables, and terms met twice make a reader stop.

    >>> A, B, x = variable("A", (3, 3)), variable("B", (3, 3)), variable("x", (3,))
    >>> plain, bracket = A.T + B.T + A, (A + B + A.T).T
    >>> plain.weight == bracket.weight, shortest((bracket, plain)) is plain
    (True, True)
    >>> shortest((plain, A)) is A
    True
    """
    least = min(e.weight for e in forms)
    tied = [e for e in forms if e.weight == least]
    return tied[0] if all(e is tied[0] for e in tied) else min(tied, key=stops)


def stops(e: Expr) -> int:
    """How often a reader stops: at ones, at transposes of what is no variable, at x + x."""

    def visit(node: Expr, below: tuple[int, ...]) -> int:
        turned = is_(node, "transpose") and not is_(node.args[0], *_TURNED)
        twice = is_(node, "add") and len(set(node.args)) < len(node.args)
        return sum(below) + (turned or twice or is_(node, "ones"))

    return fold_kept(e, "stops", visit)
