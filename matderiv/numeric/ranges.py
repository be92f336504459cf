"""Between which numbers the entries of an expression lie, so far as its form says so.

A side of a kink that no values reach, as in relu(exp(x)), need not be looked for. What is rounded
is rounded away from the inside, so that a bound is never too narrow.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction
from math import atan, erf, exp, fsum, inf, isfinite, isnan, log, nextafter, prod, sqrt, tanh

from matderiv.expr import Expr, fold, fold_kept, has, is_, number_value
from matderiv.shapes import size_names

Range = tuple[float, float]
ALL: Range = (-inf, inf)
ZERO: Range = (0.0, 0.0)
LEAST = 5e-324  # what is positive is not 0


def bounds(e: Expr) -> Range:
    """The least and the greatest value that an entry may have.

    >>> x = variable("x")
    >>> bounds(apply("exp", x) + 1), bounds(x * x - 2), bounds(1 - apply("sigmoid", x))
    ((1.0, inf), (-2.0, inf), (0.0, 1.0))
    >>> bounds(x + apply("abs", x)), bounds(apply("where", apply("gt", x, 2), x, 2 - x))
    ((0.0, inf), (0.0, inf))
    """
    return fold_kept(e, "bounds", _bounds)


def positive(e: Expr) -> bool:
    """True for what is above 0 for all arguments, although it may come as near to 0 as it likes.

    >>> x = variable("x", (3,))
    >>> [positive(e) for e in (1 + x * x, 2 * apply("exp", x), x * x)]
    [True, True, False]
    """
    if bounds(e)[0] > 0 or is_(e, *_POSITIVE):
        return True
    if is_(e, "add"):
        return all(bounds(a)[0] >= 0 for a in e.args) and any(map(positive, e.args))
    if is_(e, "power", "epow", "sqrt") and (is_(e, "epow") or not e.shape):
        return positive(e.args[0])
    return is_(e, *_OF_POSITIVE) and all(map(positive, e.args))


def _bounds(node: Expr, args: tuple[Range, ...]) -> Range:
    name = node.function.name
    if name in _FIXED:
        return _FIXED[name]
    rule = _RULES.get(name)
    low, high = rule(node, *args) if rule is not None else ALL
    return (-inf if isnan(low) else low, inf if isnan(high) else high)


def _number(node: Expr) -> Range:
    """A float on either side of a number, or the number itself."""
    value: Fraction = node.params[0]
    try:
        near = float(value)
    except OverflowError:
        return (1e308, inf) if value > 0 else (-inf, -1e308)
    return (near, near) if near == value else _wider(near, near)


def _wider(low: float, high: float) -> Range:
    return nextafter(low, -inf), nextafter(high, inf)


def _declared(node: Expr) -> Range:
    facts = node.params[2]
    if facts & {"onehot", "simplex", "binary"}:
        return 0.0, 1.0
    if facts & {"labels", "orthogonal"}:
        return -1.0, 1.0
    return (LEAST, inf) if "positive" in facts else ALL


def _sum(ranges: Iterable[Range]) -> Range:
    lows, highs = zip(*ranges, strict=True)
    return _added(lows)[0], _added(highs)[1]


def _added(ends: tuple[float, ...]) -> Range:
    """Between which floats a sum lies."""
    if -inf in ends or inf in ends:
        return (-inf if -inf in ends else inf), (inf if inf in ends else -inf)
    try:
        found = fsum(ends)
    except OverflowError:
        return ALL
    return (found, found) if found == sum(map(Fraction, ends)) else _wider(found, found)


def _added_up(node: Expr, *args: Range) -> Range:
    """The range of a sum, where two of its terms may be on one side of 0 together."""
    left, places = dict(enumerate(args)), {a: k for k, a in enumerate(node.args)}
    paired = []
    for k, term in enumerate(node.args):
        for other, side in _beside(term):
            j = places.get(other, k)
            if j != k and j in left and k in left:
                low, high = _sum((left.pop(j), left.pop(k)))
                paired.append((max(low, side[0]), min(high, side[1])))
    return _sum([*left.values(), *paired])


def _beside(term: Expr) -> list[tuple[Expr, Range]]:
    """Terms with which one is on a side of 0: x - x, x - max(x), |x| + x and |x| - x."""
    if is_(term, "abs"):
        return [(u, (0.0, inf)) for u in (term.args[0], -term.args[0])]
    if not is_(term, "neg"):
        return []
    (u,) = term.args
    sides = {"max": (-inf, 0.0), "min": (0.0, inf)}
    side = sides.get(u.function.name)
    return [(u, ZERO), *([(u.args[0], side)] if side else [])]


def _chosen(node: Expr, test: Range, a: Range, b: Range) -> Range:
    """The range of a where; what its test says of a side is used in each branch."""
    c, first, second = node.args
    if test[0] == test[1]:
        return a if test[0] else b
    if is_(c, "gt", "ge", "lt", "le", "step"):
        low, high = bounds(c.args[1]) if len(c.args) > 1 else (0.0, 0.0)
        sides: list[Range] = [(low, inf), (-inf, high)]
        holds, fails = sides if is_(c, "gt", "ge", "step") else sides[::-1]
        a, b = _where(first, c.args[0], holds), _where(second, c.args[0], fails)
    return min(a[0], b[0]), max(a[1], b[1])


def _where(e: Expr, part: Expr, side: Range) -> Range:
    """The range of a branch where a part of it lies in a range, entry by entry."""
    low, high = bounds(part)
    known = max(low, side[0]), min(high, side[1])
    if known[0] > known[1] or (e is not part and has(e, "where", lambda n: is_(n, "where"))):
        return bounds(e)

    def visit(node: Expr, args: tuple[Range, ...]) -> Range:
        if node is part:
            return known
        kept = node.function.kind == "elementwise" or is_(node, *_ENTRYWISE)
        return _bounds(node, args) if kept or not part.shape else bounds(node)

    return fold(e, visit)


def _above(node: Expr, a: Range, b: Range = (0.0, 0.0)) -> Range:
    """The range of a > b or a >= b: one number where no values, or no other ones, are on a side."""
    strict = is_(node, "gt", "step", "le")
    if a[0] > b[1] or (not strict and a[0] == b[1]) or (b == (0.0, 0.0) and positive(node.args[0])):
        return 1.0, 1.0
    return (0.0, 0.0) if a[1] < b[0] or (strict and a[1] == b[0]) else (0.0, 1.0)


def _below(node: Expr, a: Range, b: Range) -> Range:
    low, high = _above(node, a, b)
    return 1 - high, 1 - low


def _times(a: Range, b: Range) -> Range:
    ends = [_multiplied(x, y) for x in a for y in b]
    return min(e[0] for e in ends), max(e[1] for e in ends)


def _multiplied(x: float, y: float) -> Range:
    """Between which floats a product of two ends lies; 0 times anything is 0."""
    if 0.0 in (x, y):
        return 0.0, 0.0
    found = x * y
    if not (isfinite(x) and isfinite(y)):
        return found, found
    if isfinite(found) and Fraction(found) == Fraction(x) * Fraction(y):
        return found, found
    return _wider(found, found)


def _hadamard(node: Expr, *args: Range) -> Range:
    if len(node.args) == 2 and node.args[0] is node.args[1]:
        return _even(args[0])
    found: Range = (1.0, 1.0)
    for a in args:
        found = _times(found, a)
    return found


def _even(a: Range) -> Range:
    ends = sorted((_multiplied(a[0], a[0]), _multiplied(a[1], a[1])))
    return (0.0 if a[0] < 0 < a[1] else max(0.0, ends[0][0])), ends[1][1]


def _product(node: Expr, *args: Range) -> Range:
    """A product of numbers; x'*x; of arrays without a sign."""
    if ZERO in args:
        return ZERO
    arrays = [(a, r) for a, r in zip(node.args, args, strict=True) if a.shape]
    scalar: Range = (1.0, 1.0)
    for a, r in zip(node.args, args, strict=True):
        if not a.shape:
            scalar = _times(scalar, r)
    if not arrays:
        same = len(node.args) == 2 and node.args[0] is node.args[1]
        return _even(args[0]) if same else scalar
    if len(arrays) == 1:
        return _times(scalar, arrays[0][1])
    first, second = arrays[0][0], arrays[1][0]
    square = is_(first, "transpose") and first.args[0] is second and not node.shape
    if (square and len(arrays) == 2) or all(r[0] >= 0 for _, r in arrays):
        return _times(scalar, (0.0, inf))
    return ALL


def _power(node: Expr, base: Range, _: Range) -> Range:
    k = number_value(node.args[1])
    if is_(node, "power") and node.shape:
        return (0.0, inf) if base[0] >= 0 and k is not None and k > 0 else ALL
    if k is not None and k > 0 and base[0] >= 0:
        return _monotone(lambda v: _raised(v, float(k)), 1.0)(node, base)
    even = k is not None and (k.denominator != 1 or k % 2 == 0)
    if k is not None and k > 0 and even and -1 <= base[0] <= base[1] <= 1:
        return (0.0, 1.0)
    return (0.0, inf) if even or base[0] >= 0 else ALL


def _over(node: Expr, a: Range, b: Range) -> Range:
    if b[0] < 0 < b[1] or (0.0 in b and not (b[0] >= 0 or b[1] <= 0)):
        return ALL
    if b[0] >= 0:
        below = _inverse(b[1])[0] if b[1] else 0.0
        return _times(a, (below, _inverse(b[0])[1] if b[0] else inf))
    if b[1] <= 0:
        low, high = _over(node, a, (-b[1], -b[0]))
        return -high, -low
    return ALL


def _inverse(v: float) -> Range:
    found = 1 / v
    exact = v == inf or (isfinite(found) and Fraction(found) * Fraction(v) == 1)
    return (found, found) if exact else _wider(found, found)


def _monotone(f: Callable[[float], float], *exact: float) -> Callable[..., Range]:
    """The range of a growing function, whose values are rounded but at 0, infinity and `exact`."""

    def rule(node: Expr, a: Range) -> Range:
        low, high = f(a[0]), f(a[1])
        low = low if a[0] in (0.0, -inf, *exact) else nextafter(nextafter(low, -inf), -inf)
        return low, high if a[1] in (0.0, inf, *exact) else nextafter(nextafter(high, inf), inf)

    return rule


def _exponential(v: float) -> float:
    return exp(v) if v < 700 else inf


def _raised(v: float, k: float) -> float:
    return v**k if v <= 1 or log(v) * k < 700 else inf


def _logarithm(v: float) -> float:
    return log(v) if v > 0 else -inf


def _total(node: Expr, a: Range) -> Range:
    """A sum of at least one entry, as many as its sizes say if they are numbers."""
    if size_names([node.args[0].shape]):
        return (a[0] if a[0] >= 0 else -inf), (a[1] if a[1] <= 0 else inf)
    count = prod(s for s in node.args[0].shape if isinstance(s, int))
    per = float(max(1, count // max(1, prod(s for s in node.shape if isinstance(s, int)))))
    return _times((per, per), a)


def _absolute(node: Expr, a: Range) -> Range:
    return (0.0 if a[0] <= 0 <= a[1] else min(abs(a[0]), abs(a[1]))), max(abs(a[0]), abs(a[1]))


def _with_sign(node: Expr, *args: Range) -> Range:
    """A product of entries: not negative where nothing in it is."""
    if ZERO in args:
        return ZERO
    return (0.0 if all(a[0] >= 0 for a in args) else -inf), inf


_ENTRYWISE = "neg add hadamard div ediv epow".split()
_POSITIVE = "exp cosh sigmoid softplus softmax".split()
_OF_POSITIVE = "mul hadamard div ediv sum mean prod max min transpose vec".split()
_NONNEGATIVE = "norm2 norm1 norminf norm_nuc norm_spec std var huber mse".split()
_FIXED: dict[str, Range] = {
    **dict.fromkeys(_NONNEGATIVE, (0.0, inf)),
    **dict.fromkeys("sin cos sign".split(), (-1.0, 1.0)),
    **dict.fromkeys("eye cols commutation duplication fuse".split(), (0.0, 1.0)),
    **dict.fromkeys(("softmax", "normcdf"), (0.0, 1.0)),
    "cosh": (1.0, inf),
    "log_softmax": (-inf, 0.0),
    "ones": (1.0, 1.0),
    "zeros": ZERO,
    "size": (1.0, inf),
    "pi": (3.0, 4.0),
}
_RULES: dict[str, Callable[..., Range]] = {
    "variable": _declared,
    "number": _number,
    "add": _added_up,
    "mul": _product,
    **dict.fromkeys(("power", "epow"), _power),
    "neg": lambda node, a: (-a[1], -a[0]),
    "hadamard": _hadamard,
    "div": _over,
    "ediv": _over,
    "abs": _absolute,
    "relu": lambda node, a: (max(a[0], 0.0), max(a[1], 0.0)),
    "elu": _monotone(lambda v: v if v > 0 else _exponential(v) - 1),
    "leaky_relu": lambda node, a, slope: _with_sign(node, a),
    **dict.fromkeys(("gelu", "silu"), lambda node, a: (0.0 if a[0] >= 0 else -0.3, max(a[1], 0.0))),
    "logsumexp": lambda node, a: (a[0], inf),
    **dict.fromkeys(("einsum", "kron", "prod"), _with_sign),
    "exp": _monotone(_exponential),
    "expm1": _monotone(lambda v: _exponential(v) - 1),
    "log": _monotone(_logarithm, 1.0),
    "log1p": _monotone(lambda v: _logarithm(1 + v)),
    "softplus": _monotone(lambda v: _logarithm(1 + _exponential(v))),
    "sqrt": _monotone(lambda v: sqrt(max(v, 0.0)), 1.0),
    "tanh": _monotone(tanh),
    "arctan": _monotone(atan),
    "erf": _monotone(erf),
    "sigmoid": _monotone(lambda v: 1 / (1 + _exponential(-v))),
    "sum": _total,
    "tr": lambda node, a: (0.0, inf) if a[0] >= 0 else ALL,
    **dict.fromkeys(
        "mean max min transpose vec unvec permute vector matrix".split(), lambda node, a: a
    ),
    **dict.fromkeys(("diag", "tril", "triu"), lambda node, a: (min(a[0], 0.0), max(a[1], 0.0))),
    "where": _chosen,
    **dict.fromkeys(("gt", "ge", "step"), _above),
    **dict.fromkeys(("lt", "le"), _below),
    "maximum": lambda node, *r: (max(a[0] for a in r), max(a[1] for a in r)),
    "minimum": lambda node, *r: (min(a[0] for a in r), min(a[1] for a in r)),
}
