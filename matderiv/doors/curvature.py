"""`curvature`: whether a function is convex or concave, from the form of its Hessian."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matderiv.doors.derivation import Derivation
from matderiv.doors.derive import Assume, derive
from matderiv.expr import is_, number_value
from matderiv.lazy import np
from matderiv.numeric.kinks import kinks
from matderiv.numeric.sampling import points
from matderiv.words.definite import convex_domain, definite_sign
from matderiv.work import A_VERB, bounded

DRAWS = 16
TOLERANCE = 1e-7
"""Below this, relative to the largest, an eigenvalue has no sign."""


@dataclass(frozen=True)
class Curvature:
    """Whether f is convex in a variable: "convex", "concave", "both", "neither" or "undecided".

    `reason` says why, for a reader: the form of the Hessian, or a point where it bends both ways.
    """

    verdict: str
    reason: str
    hessian: Derivation

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}"


@bounded(A_VERB)
def curvature(
    f: Any, wrt: Any, *, shapes: Mapping[str, Any] | None = None, assume: Assume | None = None
) -> Curvature:
    """Whether f is convex or concave in a variable, from its Hessian.

    >>> print(curvature("logsumexp(A*x + b)", "x", shapes={"b": "m"}).verdict)
    convex
    >>> print(curvature("x'*A*x", "x").verdict)
    neither
    """
    hessian = derive(f, wrt, shapes=shapes, assume=assume, order=2)
    h, shown = hessian.expr, hessian.formula
    if kinks(hessian.f):
        return Curvature("undecided", "f has kinks, where its Hessian says nothing", hessian)
    if (found := _by_numbers(hessian)).verdict == "neither":
        return found
    if not convex_domain(hessian.f, hessian.wrt):
        return Curvature(
            "undecided", "f may have no value between points where it has one", hessian
        )
    if is_(h, "zeros") or number_value(h) == 0:
        return Curvature("both", "the Hessian is 0, so f is affine", hessian)
    sign = definite_sign(h) if len(hessian.wrt.shape) < 2 else 0
    if sign:
        word, side = ("convex", ">=") if sign > 0 else ("concave", "<=")
        return Curvature(word, f"the Hessian {shown} is {side} 0 in its form", hessian)
    return found


def _by_numbers(hessian: Derivation) -> Curvature:
    """Neither, where numbers show a direction of each sign; else undecided."""
    signs = set[int]()
    for point in points(hessian.f, [hessian.wrt], count=DRAWS, seed=2):
        n = max(1, np.size(point.values[hessian.wrt.name]))
        found = np.linalg.eigvalsh(np.reshape(hessian.at(point.values, point.sizes), (n, n)))
        small = TOLERANCE * np.abs(found).max(initial=0.0)
        signs |= {int(np.sign(v)) for v in found if abs(v) > small}
    if signs >= {1, -1}:
        return Curvature("neither", "the Hessian has eigenvalues of both signs", hessian)
    return Curvature("undecided", "the form of the Hessian does not show its sign", hessian)
