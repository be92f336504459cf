"""Values with 50 digits, where ordinary numbers cannot tell a mistake from rounding.

f and an answer are evaluated by mpmath; the derivative of f comes from central differences whose
error is far below what is compared. Nothing here knows a derivative.
Source: F. Johansson, mpmath.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from matderiv.calculus.structure import linear_structure
from matderiv.errors import DomainError
from matderiv.expr import Expr, is_, variables, walk
from matderiv.lazy import mp, np
from matderiv.numeric.evaluate import Array, Sizes
from matderiv.numeric.sampling import Point, drawn, sampler
from matderiv.shapes import Dim, size_value
from matderiv.verification.claims import DIRECTIONAL, Claim, concrete, names_for
from matderiv.verification.field.dual import OutOfReach
from matderiv.verification.field.elementary import elementary

DIGITS = 50
AGREE = 25  # digits in which an answer must agree, of those that differences give
DIRECTIONS = 3
POINTS = 8
VANISHED = 30  # digits below the largest part of f where a derivative is rounding only
MOST = 5_000  # entries of all parts of f and the answer at one point


@dataclass(frozen=True)
class Precise:
    """What 50 digits say: "equal", "different" or "undecided" with the reason."""

    verdict: str
    points: int = 0
    error: float = 0.0
    reason: str = ""

    def __str__(self) -> str:
        if self.verdict == "undecided":
            return f"{DIGITS} digits: {self.reason}"
        found = f"{self.points} point{'s' * (self.points != 1)}"
        if self.verdict == "equal":
            return f"equal in {AGREE} digits at {found}"
        return f"with {DIGITS} digits the relative error is {self.error:.1g}"


def precise(claim: Claim, structure: str, *, seed: int = 0) -> Precise:
    """Whether a claim is the derivative, by values with 50 digits in random directions.

    >>> from matderiv.verification.claims import ask, claims, read_answer
    >>> asked = ask("sum(log(x))", "x")
    >>> claim = claims(asked, read_answer(asked, "1.00000000001./x"), "")[0]
    >>> print(precise(claim, "projected"))
    with 50 digits the relative error is 1e-11
    """
    asked = claim.asked
    if claim.expr is None:
        return Precise("undecided", reason="the answer is a function of floating-point numbers")
    if structure != "none" and asked.kind not in DIRECTIONAL and linear_structure(asked.wrt):
        return Precise("undecided", reason="a projected derivative is not compared")
    try:
        f, answer = _reachable(asked.f), _reachable(claim.expr)
        extra = [v for v in (asked.wrt, asked.upstream, asked.tangent) if v is not None]
        source = sampler(asked.f, [*extra, *names_for(asked, claim.expr)], seed=seed)
        points = drawn(source, POINTS)
    except OutOfReach as reason:
        return Precise("undecided", reason=f"no version of {reason} with so many digits")
    except DomainError as error:
        return Precise("undecided", reason=error.message)
    if max(_entries(f, answer, sizes=p.sizes) for p in points) > MOST:
        return Precise("undecided", reason="too much to compute with so many digits")
    worst = mp.mpf(0)
    with mp.workdps(DIGITS * (asked.order + 1)):
        for point in points:
            try:
                worst = max(worst, _error(claim, f, answer, point))
            except (ArithmeticError, ValueError) as error:
                return Precise("undecided", reason=f"no value at some point ({error})")
    same = worst < mp.mpf(10) ** -AGREE
    return Precise("equal" if same else "different", len(points), float(worst))


def _reachable(e: Expr) -> Expr:
    """An expression in functions that have a version with many digits."""
    e = elementary(e)
    for node in walk(e):
        name = node.function.name
        if name not in _FUNCTIONS and name not in _ARRAYS and not node.function.leaf:
            if node.function.kind != "constant":
                raise OutOfReach(node.function.label)
    return e


def _entries(*exprs: Expr, sizes: Sizes) -> int:
    """The entries of all parts at once."""
    return sum(prod(size_value(s, sizes) for s in n.shape) for n in walk(*exprs))


def _error(claim: Claim, f: Expr, answer: Expr, point: Point) -> Any:
    """The relative error of a claim at a point, over some random directions."""
    asked = claim.asked
    names = [*variables(f, answer), *(v for v in (asked.upstream, asked.wrt) if v is not None)]
    values = {v.name: _exact(point.values[v.name]) for v in names}
    outer = concrete(asked.outer, point.sizes)
    inner = [] if asked.tangent is not None else [concrete(asked.wrt.shape, point.sizes)]
    arranged = claim.arrange(_value(answer, values, point)[None], outer, inner * asked.order)
    given = np.asarray(arranged[0], object)
    parts = [a for e in (f, answer) for a in _values(e, values, point).values()]
    largest = max(abs(v) for a in parts for v in a.reshape(-1))
    least = largest * mp.mpf(10) ** -VANISHED
    rng = np.random.default_rng([claim.asked.order, *map(int, point.sizes.values()), 50])
    worst = mp.mpf(0)
    for _ in range(1 if asked.tangent is not None else DIRECTIONS):
        directions = [_exact(rng.normal(size=s)) for s in inner * asked.order]
        if asked.tangent is not None:
            directions = [_exact(point.values[asked.tangent.name])]
        truth = np.asarray(_differences(f, asked.wrt.name, directions, values, point), object)
        if asked.upstream is not None:
            truth = np.asarray((values[asked.upstream.name].reshape(-1) * truth.reshape(-1)).sum())
        claimed = given
        for d in directions[::-1] if asked.tangent is None else []:
            axes = tuple(range(claimed.ndim - d.ndim, claimed.ndim))
            claimed = np.asarray((claimed * d).sum(axis=axes) if d.ndim else claimed * d, object)
        flat = np.asarray(claimed, object).reshape(-1), truth.reshape(-1)
        scale = max(least, *(abs(v) for side in flat for v in side))
        if scale:
            worst = max(worst, max(abs(a - b) for a, b in zip(*flat, strict=True)) / scale)
    return worst


def _differences(
    f: Expr, name: str, directions: list[Array], values: Mapping[str, Array], point: Point
) -> Array:
    """The derivative of f along directions: central differences in each, one after the other."""
    order = len(directions)
    step = mp.mpf(10) ** (-(DIGITS * 3) // 5)
    total: Any = 0
    for signs in product((1, -1), repeat=order):
        moved = values[name]
        for sign, d in zip(signs, directions, strict=True):
            moved = moved + d.reshape(np.shape(moved)) * (sign * step)
        parity = -1 if signs.count(-1) % 2 else 1
        total = total + _value(f, {**values, name: np.asarray(moved, object)}, point) * parity
    return total / (2 * step) ** order


def _exact(array: Array) -> Array:
    """An array of floats as numbers with many digits."""
    a = np.asarray(array, float)
    out = np.empty(a.shape, object)
    for index in np.ndindex(a.shape):
        out[index] = mp.mpf(float(a[index]))
    return out


# Values -------------------------------------------------------------------------------------------


def _value(root: Expr, values: Mapping[str, Array], point: Point) -> Array:
    """The value of an expression, an array of numbers with many digits."""
    return _values(root, values, point)[root]


def _values(root: Expr, values: Mapping[str, Array], point: Point) -> dict[Expr, Array]:
    """The values of all parts of an expression."""
    done: dict[Expr, Array] = {}
    for node in walk(root):
        shape = tuple(size_value(s, point.sizes) for s in node.shape)
        args = [done[a] for a in node.args]
        found = _leaf(node, values, point.sizes) if not args else _applied(node, args, shape, point)
        done[node] = np.broadcast_to(np.reshape(np.asarray(found, object), shape), shape)
    return done


def _leaf(node: Expr, values: Mapping[str, Array], sizes: Sizes) -> Any:
    if is_(node, "variable"):
        return values[node.name]
    if is_(node, "number"):
        return mp.mpf(node.params[0].numerator) / node.params[0].denominator
    if is_(node, "size"):
        return mp.mpf(sizes[node.params[0]])
    if is_(node, "pi"):
        return +mp.pi
    assert node.function.numpy is not None
    params = tuple(size_value(p, sizes) if isinstance(p, Dim) else p for p in node.params)
    return _exact(node.function.numpy(*params))


def _applied(node: Expr, args: list[Array], shape: tuple[int, ...], point: Point) -> Array:
    name = node.function.name
    if name in _ARRAYS:
        return _ARRAYS[name](node, args, point.sizes)
    if len(shape) == 2 and len(args) > 1:
        args = [a[:, None] if a.ndim == 1 else a for a in args]
    whole = np.broadcast_arrays(*args, subok=False)
    out = np.empty(whole[0].shape, object)
    function = _FUNCTIONS[name]
    for index in np.ndindex(out.shape):
        out[index] = function(*(a[index] for a in whole))
    return out


def _real(found: Any) -> Any:
    if isinstance(found, mp.mpc):
        raise ValueError("outside the domain")
    return found


def _raised(a: Any, b: Any) -> Any:
    if b == int(b):
        return a ** int(b)
    return _real(a**b)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ediv": lambda a, b: a / b,
    "div": lambda a, b: a / b,
    "epow": _raised,
    "exp": lambda a: mp.exp(a),
    "log": lambda a: mp.log(abs(a)),
    "sqrt": lambda a: _real(mp.sqrt(a)),
    "sin": lambda a: mp.sin(a),
    "cos": lambda a: mp.cos(a),
    "arcsin": lambda a: _real(mp.asin(a)),
    "arctan": lambda a: mp.atan(a),
    "erf": lambda a: mp.erf(a),
    "sign": lambda a: mp.sign(a),
    "step": lambda a: mp.mpf(a > 0),
    "where": lambda c, a, b: a if c else b,
}


def _arranged(node: Expr, args: list[Array], sizes: Sizes) -> Array:
    """Sums, products and rearrangements: what the records do holds for any numbers."""
    assert node.function.numpy is not None
    params = tuple(size_value(p, sizes) if isinstance(p, Dim) else p for p in node.params)
    return node.function.numpy(*args, *params)


def _det(node: Expr, args: list[Array], sizes: Sizes) -> Array:
    return mp.det(mp.matrix(args[0].tolist())) if args[0].ndim else args[0]


def _inverse(node: Expr, args: list[Array], sizes: Sizes) -> Array:
    a = args[0]
    if not a.ndim:
        return 1 / a
    found = mp.inverse(mp.matrix(a.tolist()))
    return np.array([[found[i, j] for j in range(len(a))] for i in range(len(a))], object)


def _power(node: Expr, args: list[Array], sizes: Sizes) -> Array:
    a, k = args
    if not a.ndim:
        return _raised(a[()], k[()])
    whole = int(k[()])
    base = a if whole >= 0 else _inverse(node, [a], sizes)
    return np.linalg.matrix_power(base, abs(whole))


def _pseudoinverse(node: Expr, args: list[Array], sizes: Sizes) -> Array:
    """That of a matrix of full rank."""
    a = args[0]
    if a.shape[0] >= a.shape[1]:
        return _inverse(node, [a.T @ a], sizes) @ a.T
    return a.T @ _inverse(node, [a @ a.T], sizes)


_REARRANGED = (
    "add neg hadamard mul transpose diag vec unvec kron vector matrix tr tril triu cross sum mean "
    "einsum permute prod max min"
)
_ARRAYS: dict[str, Callable[[Expr, list[Array], Sizes], Array]] = {
    **dict.fromkeys(_REARRANGED.split(), _arranged),
    "det": _det,
    "inv": _inverse,
    "pinv": _pseudoinverse,
    "power": _power,
}
