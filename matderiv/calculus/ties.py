"""Whether the largest entry of an expression is attained more than once by construction.

The largest entry of A + A' is met twice off the diagonal, and both places move together: the
change of the maximum is the mean of their changes. Elsewhere ties have no derivative, and the
change is that of the one entry that attains the maximum.
"""

from typing import Any

from matderiv.errors import MatderivError
from matderiv.expr import Expr, is_, variables, walk, without_facts
from matderiv.lazy import np, quiet
from matderiv.numeric.draws import Strategy, draw, draw_sizes, general, positive
from matderiv.numeric.evaluate import Array, Arrays, Sizes, as_float, evaluate
from matderiv.shapes import size_names

DRAWS = 4  # of each kind: signs decide where a maximum is
STEP = 1e-3
BEYOND = 4
EQUAL = 1e-12


def tied(node: Expr) -> bool:
    """True if entries that attain a max or min together also move together, at a random point.

    Two entries about their mean always differ from it by as much, three do not: sizes that have
    names are 2 as well.

    >>> A, x = variable("A", (3, 3)), variable("x", (3,))
    >>> tied(apply("max", A + A.T, params=(None,)))
    True
    >>> u = apply("minimum", x, 100)
    >>> [tied(apply("max", e, params=(None,))) for e in (apply("relu", A @ x), u, u - x.T @ x)]
    [False, False, True]
    """
    known: bool | None = node.cache.get("tied")
    if known is None:
        known = node.cache["tied"] = not is_(node.args[0], "variable") and _tied(node)
    return known


def _tied(node: Expr) -> bool:
    (x,) = node.args
    rng = np.random.default_rng(0)
    named = size_names([v.shape for v in variables(x)] + [x.shape])
    drawn = draw_sizes(named, rng)
    pairs = dict.fromkeys(drawn, 2)
    return _tied_at(node, drawn, rng) or (pairs != drawn and _tied_at(node, pairs, rng))


@quiet()
def _tied_at(node: Expr, sizes: Sizes, rng: Any) -> bool:
    (x,) = node.args
    names = variables(x)
    plain = [without_facts(v) for v in names]  # where facts keep a value, others move it
    for strategy in (general, positive, _wide(x)) * DRAWS:
        here, there = (draw(names, rng, sizes, strategy=strategy) for _ in range(2))
        aside = there if plain == names else draw(plain, rng, sizes, strategy=strategy)
        for other in (there, aside)[: 1 + (aside is not there)]:
            near: Arrays = {k: v + STEP * (other[k] - v) for k, v in here.items()}
            if _move_together(node, [here, near], sizes):
                return True
    return False


def _move_together(node: Expr, points: list[Arrays], sizes: Sizes) -> bool:
    """True if several entries attain the extreme at two points, and differ between them."""
    try:
        before, after = (evaluate(node.args[0], at, sizes) for at in points)
    except MatderivError:
        return False  # outside the domain
    both = _attained(node, before) & _attained(node, after)
    axis = None if node.params[0] is None else node.params[0] - 1
    moved = both & (np.abs(after - before) > EQUAL * np.abs(before))
    return bool((moved.sum(axis=axis) > 1).any())


def _wide(x: Expr) -> Strategy:
    """Numbers beyond all those in an expression: of them min(x, 7) has many equal entries."""
    numbers = [as_float(n.params[0]) for n in walk(x) if is_(n, "number")]
    scale = BEYOND * max([1.0, *map(abs, numbers)])
    return lambda shape, rng: scale * general(shape, rng)


def _attained(node: Expr, x: Array) -> Array:
    """Where the entries of x equal the largest (smallest) one along the axis."""
    axis = None if node.params[0] is None else node.params[0] - 1
    extreme = (np.max if is_(node, "max") else np.min)(x, axis=axis, keepdims=True)
    with np.errstate(invalid="ignore"):  # infinities attain nothing
        return np.abs(x - extreme) <= EQUAL * np.abs(extreme)
