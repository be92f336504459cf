"""The exact identity test in one branch: jumps as the real numbers at a point have them.

Between its borders a formula with jumps is one without, and an identity of analytic functions that
holds at random residues holds in the whole branch, whatever the size of its parts. The signs are
those with many digits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

from matderiv.errors import DomainError
from matderiv.expr import Expr, is_, variables, walk
from matderiv.lazy import mp, np
from matderiv.numeric.draws import LABEL_FACTS
from matderiv.numeric.evaluate import Array, Arrays, ValueProgram, compile_
from matderiv.numeric.sampling import Point
from matderiv.shapes import size_value
from matderiv.verification.field.digits import entrywise, exactly, values, without_rounding
from matderiv.verification.field.dual import OutOfReach
from matderiv.verification.field.elementary import elementary
from matderiv.verification.field.exact import Compared, Identity, compared, too_large
from matderiv.verification.field.points import BATCH, FieldPoint
from matderiv.verification.field.residues import Unlucky
from matderiv.verification.field.values import Branch
from matderiv.work import spend

DIGITS = 50  # in which two spellings of one number are equal
COST = 4  # units of work for one number with so many digits
WHOLE = LABEL_FACTS | {"onehot"}  # facts of variables whose values are whole numbers


@dataclass(frozen=True)
class Branches:
    """Which branches an identity holds in; each is tested once."""

    identity: Identity
    f: Expr
    answer: Expr
    jumps: tuple[Expr, ...]
    extremes: tuple[Expr, ...]
    program: ValueProgram
    seed: int
    found: dict[bytes, Compared | None] = field(default_factory=dict)

    @staticmethod
    def of(identity: Identity, seed: int) -> Branches | None:
        """The branches of an identity; None where the field has no model of it, or it has none.

        >>> x = variable("x")
        >>> f, answer = apply("relu", x), apply("gt", x, 0)
        >>> claim = Identity(f, (x,), answer, lambda a, outer, inner: a)
        >>> branches = Branches.of(claim, 0)
        >>> branches.at(Point({}, {"x": np.array(2.0)}))
        Compared(equal=True, seen=True, deepest=0)
        """
        try:
            f, answer = elementary(identity.f), elementary(identity.answer)
        except OutOfReach:
            return None
        nodes = list(walk(f, answer))
        jumps = tuple(dict.fromkeys(n.args[0] for n in nodes if is_(n, "sign", "step")))
        extremes = tuple(n for n in nodes if is_(n, "max", "min"))
        if not jumps and not extremes:
            return None
        program = compile_((identity.f, identity.answer))
        return Branches(identity, f, answer, jumps, extremes, program, seed)

    @property
    def whole(self) -> list[Expr]:
        """The variables that have whole numbers as values."""
        return [v for v in self.program.variables if v.params[2] & WHOLE]

    def at(self, point: Point) -> Compared | None:
        """Whether the identity holds in the branch of a point; None where that is not known."""
        if too_large(self.f, self.answer, sizes=point.sizes):
            return None
        branch = self._branch(point)
        if branch is None:
            return None
        arrays = [*branch.signs.values(), *branch.leading.values()]
        fixed = {v.name: np.asarray(point.values[v.name]).round().astype(int) for v in self.whole}
        key = repr(sorted(point.sizes.items())).encode()
        key += b"".join(np.ascontiguousarray(a).tobytes() for a in (*arrays, *fixed.values()))
        if key not in self.found:
            self.found[key] = self._tested(point, branch, fixed)
        return self.found[key]

    def _tested(self, point: Point, branch: Branch, fixed: Arrays) -> Compared | None:
        there = FieldPoint(point.sizes, (self.seed, len(self.found), 11))
        for name, whole in fixed.items():
            there.drawn[name, 0] = np.broadcast_to(whole, (BATCH, *whole.shape))
        try:
            return compared(self.identity, self.f, self.answer, there, branch)
        except (OutOfReach, Unlucky):
            return None

    def _branch(self, point: Point) -> Branch | None:
        """The sides that a point is on; None where f or the answer has no value."""
        try:
            found = self.program.at(point.sizes).run(point.values)
            known = self._inside(point)
        except (DomainError, ArithmeticError, OutOfReach):
            return None
        if not all(np.isfinite(v).all() for v in found):
            return None
        signs = {u: entrywise(_sign, known[u]).astype(np.int8) for u in self.jumps}
        return Branch(signs, {n: _leading(n, known[n.args[0]]) for n in self.extremes})

    def _inside(self, point: Point) -> dict[Expr, Array]:
        """With many digits what jumps and extremes are taken of."""
        roots = (*self.jumps, *(n.args[0] for n in self.extremes))
        spend(sum(prod(size_value(s, point.sizes) for s in n.shape) for n in walk(*roots)) * COST)
        with mp.workdps(DIGITS):
            at = {v.name: exactly(point.values[v.name]) for v in variables(*roots)}
            found = values(roots, at, point.sizes, {})
            sure = {u: without_rounding(found[u], [found[a] for a in u.args])[0] for u in roots}
            return {u: np.asarray(value[0], object) for u, value in sure.items()}


def _sign(v: Any) -> int:
    return int(mp.sign(v)) if mp.isfinite(v) else 0


def _leading(node: Expr, values: Array) -> Array:
    """Which entries of each row come first; several where some are equal."""
    axis = node.params[0]
    over = None if axis is None or values.ndim < 2 else axis - 1
    top = np.max(values, axis=over) if is_(node, "max") else np.min(values, axis=over)
    return np.asarray(values == (top if over is None else np.expand_dims(top, over)), bool)
