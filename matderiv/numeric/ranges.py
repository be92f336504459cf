"""Between which numbers the entries of an expression lie, so far as its form says so.

A side of a kink that no values reach, as in relu(exp(x)), need not be looked for.
"""

from __future__ import annotations

from collections.abc import Callable
from math import atan, erf, exp, inf, isnan, log, prod, sqrt, tanh

from matderiv.expr import Expr, fold, is_, number_value
from matderiv.shapes import size_names

Range = tuple[float, float]
ALL: Range = (-inf, inf)


def bounds(e: Expr) -> Range:
    """The least and the greatest value that an entry may have.

    >>> from matderiv.expr import apply, variable
    >>> x = variable("x")
    >>> bounds(apply("exp", x) + 1), bounds(x * x - 2), bounds(1 - apply("sigmoid", x))
    ((1.0, inf), (-2.0, inf), (0.0, 1.0))
    """
    found = e.cache.get("bounds")
    if found is None:
        found = e.cache["bounds"] = fold(e, _bounds)
    low, high = found
    return low, high


def _bounds(node: Expr, args: tuple[Range, ...]) -> Range:
    name = node.function.name
    if name == "variable":
        return _declared(node.params[2])
    if name in _FIXED:
        return _FIXED[name]
    if name == "number":
        return (float(node.params[0]),) * 2
    if name in ("power", "epow"):
        return _power(node, args[0])
    if name == "mul":
        return _product(node, args)
    if name in _BINARY:
        return _beside_extreme(node) or _BINARY[name](args)
    rule = _RULES.get(name)
    return _sane(rule(node, *args)) if rule is not None and args else ALL


def _sane(found: Range) -> Range:
    low, high = found
    return (-inf if isnan(low) else low, inf if isnan(high) else high)


def _declared(facts: frozenset[str]) -> Range:
    if facts & {"onehot", "simplex", "binary"}:
        return 0.0, 1.0
    if facts & {"labels", "orthogonal"}:
        return -1.0, 1.0
    return (0.0, inf) if "positive" in facts else ALL


def _sum(ranges: tuple[Range, ...]) -> Range:
    return _sane((sum(r[0] for r in ranges), sum(r[1] for r in ranges)))


def _beside_extreme(node: Expr) -> Range | None:
    """The range of x - max(x) or x - min(x)."""
    if is_(node, "add") and len(node.args) == 2 and is_(node.args[1], "neg"):
        first, second = node.args[0], node.args[1].args[0]
        if is_(second, "max", "min") and second.args[0] is first:
            return (-inf, 0.0) if is_(second, "max") else (0.0, inf)
    return None


def _times(a: Range, b: Range) -> Range:
    ends = [0.0 if 0.0 in (x, y) else x * y for x in a for y in b]
    return min(ends), max(ends)


def _hadamard(node: Expr, *args: Range) -> Range:
    if len(node.args) == 2 and node.args[0] is node.args[1]:
        return _even(args[0])
    found: Range = (1.0, 1.0)
    for a in args:
        found = _times(found, a)
    return found


def _even(a: Range) -> Range:
    """The range of a square."""
    ends = sorted((a[0] * a[0], a[1] * a[1]))
    return (0.0 if a[0] < 0 < a[1] else ends[0]), ends[1]


def _product(node: Expr, args: tuple[Range, ...]) -> Range:
    """A product of numbers; x'*x; of arrays without a sign."""
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


def _power(node: Expr, base: Range) -> Range:
    k = number_value(node.args[1])
    if is_(node, "power") and node.shape:
        return (0.0, inf) if base[0] >= 0 and k is not None and k > 0 else ALL
    even = k is not None and (k.denominator != 1 or k % 2 == 0)
    return (0.0, inf) if even or base[0] >= 0 else ALL


def _over(node: Expr, a: Range, b: Range) -> Range:
    if b[0] < 0 < b[1] or (0.0 in b and not (b[0] >= 0 or b[1] <= 0)):
        return ALL
    if b[0] >= 0:
        return _times(a, (1 / b[1] if b[1] != inf and b[1] else 0.0, 1 / b[0] if b[0] else inf))
    if b[1] <= 0:
        low, high = _over(node, a, (-b[1], -b[0]))
        return -high, -low
    return ALL


def _monotone(f: Callable[[float], float]) -> Callable[..., Range]:
    return lambda node, a: (f(a[0]), f(a[1]))


def _exponential(v: float) -> float:
    return exp(v) if v < 700 else inf


def _logarithm(v: float) -> float:
    return log(v) if v > 0 else -inf


def _total(node: Expr, a: Range) -> Range:
    """A sum of at least one entry, as many as its sizes say if they are numbers."""
    if size_names([node.args[0].shape]):
        return (a[0] if a[0] >= 0 else -inf), (a[1] if a[1] <= 0 else inf)
    count = prod(s for s in node.args[0].shape if isinstance(s, int))
    per = max(1, count // max(1, prod(s for s in node.shape if isinstance(s, int))))
    return per * a[0], per * a[1]


def _same(node: Expr, a: Range) -> Range:
    return a


def _with_zeros(node: Expr, a: Range) -> Range:
    return min(a[0], 0.0), max(a[1], 0.0)


def _absolute(node: Expr, a: Range) -> Range:
    return (0.0 if a[0] <= 0 <= a[1] else min(abs(a[0]), abs(a[1]))), max(abs(a[0]), abs(a[1]))


_NONNEGATIVE = "norm2 norm1 norminf norm_nuc norm_spec cosh std var huber mse".split()
_FIXED: dict[str, Range] = {
    **dict.fromkeys(_NONNEGATIVE, (0.0, inf)),
    **dict.fromkeys("softmax step gt lt ge le".split(), (0.0, 1.0)),
    **dict.fromkeys("sin cos sign".split(), (-1.0, 1.0)),
    **dict.fromkeys("eye zeros commutation duplication fuse".split(), (0.0, 1.0)),
    "ones": (1.0, 1.0),
    "size": (1.0, inf),
    "pi": (3.0, 4.0),
}
_RULES: dict[str, Callable[..., Range]] = {
    "neg": lambda node, a: (-a[1], -a[0]),
    "hadamard": _hadamard,
    "div": _over,
    "ediv": _over,
    "abs": _absolute,
    "relu": _monotone(lambda v: max(v, 0.0)),
    "exp": _monotone(_exponential),
    "expm1": _monotone(lambda v: _exponential(v) - 1),
    "log": _monotone(lambda v: _logarithm(v)),
    "log1p": _monotone(lambda v: _logarithm(1 + v)),
    "softplus": _monotone(lambda v: _logarithm(1 + _exponential(v))),
    "sqrt": _monotone(lambda v: sqrt(max(v, 0.0))),
    "tanh": _monotone(tanh),
    "arctan": _monotone(atan),
    "erf": _monotone(erf),
    "sigmoid": _monotone(lambda v: 1 / (1 + _exponential(-v))),
    "sum": _total,
    "tr": lambda node, a: (0.0, inf) if a[0] >= 0 else ALL,
    "mean": _same,
    "max": _same,
    "min": _same,
    "transpose": _same,
    "vec": _same,
    "unvec": _same,
    "permute": _same,
    "vector": _same,
    "matrix": _same,
    "diag": _with_zeros,
    "tril": _with_zeros,
    "triu": _with_zeros,
    "where": lambda node, c, a, b: (min(a[0], b[0]), max(a[1], b[1])),
}
_BINARY: dict[str, Callable[[tuple[Range, ...]], Range]] = {
    "add": _sum,
    "maximum": lambda r: (max(a[0] for a in r), max(a[1] for a in r)),
    "minimum": lambda r: (min(a[0] for a in r), min(a[1] for a in r)),
}
