"""What a change of one part does to an answer, in numbers at one point: most changes end there.

The answer with the part replaced is not built. Where it is linear in the part, what the part
contributes to one random combination of all entries is found once for each place, and a change
costs a dot product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, isfinite

from matderiv.errors import DomainError
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array
from matderiv.numeric.interpret import in_floats, shape_in
from matderiv.verification.mistakes.sketch import Path, Sketch
from matderiv.verification.mistakes.solving import CauseSearch
from matderiv.verification.valuation import Valuation

LINEAR = frozenset(("mul", "hadamard", "add", "neg", "transpose", "sum", "mean", "diag", "tr"))
IN_THE_FIRST = frozenset(("div", "ediv"))  # linear in the first argument only
LARGEST = 64  # entries of a part for which the contribution of each is found
ROUNDING = 1e-5  # more than this is no rounding; what remains is compared exactly
Placed = Callable[
    [Array], float
]  # the values of a part to a combination of the entries, less the truth


@dataclass
class Reach:
    """An answer of which parts are replaced by others of the same shape."""

    search: CauseSearch
    root: Sketch
    known: dict[tuple[int, Path], Placed | None] = field(default_factory=dict)

    def excludes(self, path: Path, part: Sketch, new: Sketch) -> bool:
        """True if the answer with another part at a place differs from the truth at a point.

        False says nothing: so it is for parts of other shapes and for values that are not finite.

        >>> from matderiv.verification.claims import ask, read_answer
        >>> from matderiv.verification.mistakes.sketch import drawn, sketch
        >>> asked = ask("norm2(A*x)^2", "x")
        >>> root = drawn(read_answer(asked, "A'*A*x"))
        >>> reach, x = Reach(CauseSearch.of(asked, None, 0), root), root.args[2]
        >>> [reach.excludes((2,), x, sketch("mul", c, x)) for c in (2, 3)]
        [False, True]
        """
        if new.expr is None or part.expr is None or new.shape != part.shape:
            return False
        point = self.search.points[0]
        key = id(point), path
        if key not in self.known:
            self.known[key] = self._placed(path, point)
        placed, value = self.known[key], point.value(new.expr)
        if placed is None or value is None or not np.isfinite(value).all():
            return False
        return placed(value) > 1

    def _placed(self, path: Path, point: Valuation) -> Placed | None:
        """How far off the answer is by the values of the part, 1 for all that may be rounding."""
        if self.root.expr is None:
            return None
        layout = self.search.layout(self.root.expr)
        above, part = _above(self.root, path)
        nodes = [s.expr for s in above if s.expr is not None]
        arguments = [[point.value(a.expr) for a in s.args if a.expr is not None] for s in above]
        plain = len(nodes) == len(above) and all(n.function.numpy is not None for n in nodes)
        unknown = any(a is None for row in arguments for a in row)
        if layout is None or part.expr is None or not plain or unknown:
            return None

        def whole(value: Array) -> Array:
            for node, k, row in zip(nodes[::-1], path[::-1], arguments[::-1], strict=True):
                value = in_floats(node, [*row[:k], value, *row[k + 1 :]], point.point.sizes)
            return self.search.placed(value, layout, point)

        shape = shape_in(part.expr, point.point.sizes)
        linear = all(_linear(s, k) for s, k in zip(above, path, strict=True))
        rounding = 10 * self.search.tolerance
        if linear and np.prod(shape, dtype=int) <= LARGEST:
            return _by_entries(whole, shape, point.truth, max(rounding, ROUNDING))
        return _by_values(whole, point, rounding)


def _above(root: Sketch, path: Path) -> tuple[list[Sketch], Sketch]:
    """The parts that a place lies in, the whole first, and what stands there."""
    above = []
    for k in path:
        above.append(root)
        root = root.args[k]
    return above, root


def _linear(s: Sketch, k: int) -> bool:
    return s.name in LINEAR or (s.name in IN_THE_FIRST and k == 0)


def _by_entries(
    whole: Callable[[Array], Array], shape: tuple[int, ...], truth: Array, rounding: float
) -> Placed | None:
    """The test where the answer is linear in the part."""
    weights = np.cos(1.7 * np.arange(truth.size) + 0.3)
    units = np.eye(max(int(np.prod(shape)), 1)).reshape(-1, *shape)
    with np.errstate(all="ignore"):
        rest = whole(np.zeros(shape))
        shares = [float(weights @ np.ravel(whole(u) - rest)) for u in units]
    wanted = float(weights @ np.ravel(truth - rest))
    size = float(np.abs(weights) @ np.ravel(np.abs(truth) + np.abs(rest)))
    if not np.isfinite([*shares, wanted, size]).all():
        return None
    share = np.array(shares)

    def off(value: Array) -> float:
        flat = np.ravel(value)
        scale = size + float(np.abs(share) @ np.abs(flat))
        return abs(float(share @ flat) - wanted) / (rounding * scale or 1e-300)

    return off


def _by_values(whole: Callable[[Array], Array], point: Valuation, rounding: float) -> Placed:
    """The test for any function of the part."""

    def off(value: Array) -> float:
        try:
            with np.errstate(all="ignore"):
                found = whole(value)
        except (ArithmeticError, ValueError, DomainError):
            return inf
        largest = float(np.abs(found).max(initial=0.0))
        if not isfinite(largest):
            return inf
        error = float(np.abs(found - point.truth).max())
        return error / (rounding * max(point.scale, largest, 1e-300))

    return off
