"""Which additive terms of an answer are right."""

from __future__ import annotations

from matderiv.expr import Expr, apply, is_
from matderiv.lazy import np
from matderiv.shapes import is_scalar
from matderiv.verification.solving import Search

ADDENDS = 50  # terms into which a formula is multiplied out


def wrong_terms(search: Search, e: Expr, forms: list[Expr]) -> tuple[list[Expr], list[Expr]]:
    """The terms of an answer that the right forms have too, and the others."""
    own = _addends(e)
    right = [t for form in forms for t in _addends(form)]
    good = [t for t in own if any(_same(search, t, r) for r in right)]
    return good, [t for t in own if t not in good]


def _addends(e: Expr) -> list[Expr]:
    found: list[Expr] = []
    stack = [(e, False)]
    while stack:
        node, negative = stack.pop()
        if is_(node, "neg"):
            stack.append((node.args[0], not negative))
        elif is_(node, "add"):
            stack += [(a, negative) for a in reversed(node.args)]
        elif len(found) < ADDENDS and (spread := _distributed(node)):
            stack += [(a, negative) for a in reversed(spread)]
        else:
            found.append(-node if negative else node)
    return found


def _distributed(node: Expr) -> list[Expr]:
    """The terms of a product with a sum in it; empty for anything else."""
    if not is_(node, "mul", "hadamard") or not is_scalar(node.args[0].shape):
        return []
    for k, a in enumerate(node.args):
        if k and is_(a, "add") and all(t.shape == a.shape for t in a.args):
            if all(is_scalar(b.shape) for j, b in enumerate(node.args) if j != k):
                rest = ((*node.args[:k], t, *node.args[k + 1 :]) for t in a.args)
                return [apply(node.function.name, *r) for r in rest]
    return []


def _same(search: Search, a: Expr, b: Expr) -> bool:
    left, right = search.values(a), search.values(b)
    if left is None or right is None:
        return False
    return all(
        np.abs(p - q).max() <= search.tolerance * max(np.abs(p).max(), 1e-300)
        for p, q in zip(left, right, strict=True)
    )
