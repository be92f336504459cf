"""Last touches on a finished result: signs drawn into differences, 1 - sigmoid(z) as sigmoid(-z).

These would hide common factors from the sums if they were done on the way.
"""

from __future__ import annotations

from collections.abc import Collection

from matderiv.expr import Expr, apply, is_, rebuild, walk
from matderiv.notation.monomials import is_one, negated, signed


def polished(e: Expr, keep: Collection[Expr]) -> Expr:
    """The result with its last touches; nodes in `keep`, as typed by the user, stay as they are."""
    done: dict[Expr, Expr] = {}
    for node in walk(e):
        if node in keep:
            done[node] = node
            continue
        new = rebuild(node, tuple(done[a] for a in node.args))
        done[node] = _sign_inside(_complements(_one_transpose(new)))
    return done[e]


def _one_transpose(e: Expr) -> Expr:
    """A'*X'*B' becomes (B*X*A)' for three factors and more."""
    if not is_(e, "mul"):
        return e
    sign, core = signed(e)
    word = list(core.args) if is_(core, "mul") else []
    scalars = [f for f in word if not f.shape]
    matrices = word[len(scalars) :]
    if len(matrices) < 3 or not all(is_(f, "transpose") and len(f.shape) == 2 for f in matrices):
        return e
    if word[: len(scalars)] != scalars or any(1 in f.shape for f in matrices):
        return e
    whole = apply("transpose", apply("mul", *(f.args[0] for f in reversed(matrices))))
    new = apply("mul", *scalars, whole) if scalars else whole
    return negated(new) if sign < 0 else new


def _complements(e: Expr) -> Expr:
    """1 - sigmoid(z) becomes sigmoid(-z) in a product without sigmoid(z)."""
    if not is_(e, "mul", "hadamard", "ediv", "div", "diag", "transpose"):
        return e
    args = list(e.args)
    for k, a in enumerate(args):
        z = _one_minus_sigmoid(a)
        if z is not None and apply("sigmoid", z) not in _siblings(e):
            args[k] = apply("sigmoid", negated(z))
    return rebuild(e, tuple(args))


def _siblings(e: Expr) -> set[Expr]:
    inner = {f for a in e.args for f in (a.args if is_(a, "mul", "hadamard") else (a,))}
    return inner | set(e.args)


def _one_minus_sigmoid(e: Expr) -> Expr | None:
    if is_(e, "add") and len(e.args) == 2 and is_one(e.args[0]) and is_(e.args[1], "neg"):
        inner = e.args[1].args[0]
        return inner.args[0] if is_(inner, "sigmoid") else None
    return None


def _sign_inside(e: Expr) -> Expr:
    """-2*A*(x - y) becomes 2*A*(y - x)."""
    sign, core = signed(e)
    if sign > 0 or not is_(core, "mul", "div"):
        return e
    flipped = _flipped(core)
    return flipped if flipped is not None else e


def _negated_sum(e: Expr) -> Expr:
    """A sum with its sign changed, term by term inside the brackets where that is possible."""
    inside = [_flipped(a) if is_(a, "mul", "div") else None for a in e.args]
    if all(a is not None for a in inside):
        return apply("add", *(a for a in inside if a is not None))
    return negated(e)


def _flipped(core: Expr) -> Expr | None:
    for k, a in enumerate(core.args):
        new = _negated_sum(a) if is_(a, "add") else None
        if new is None and is_(a, "mul", "div") and k == 0:
            new = _flipped(a)
        if new is not None and signed(new)[0] > 0 and new.weight <= a.weight:
            return apply(core.function.name, *core.args[:k], new, *core.args[k + 1 :])
        if is_(core, "div"):
            break
    return None
