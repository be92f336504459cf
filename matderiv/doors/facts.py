"""Which of the declared facts a result rests on."""

from typing import Any

from matderiv.calculus.derivative import differentiate
from matderiv.expr import Expr, substitute, variable, variables
from matderiv.language.printer import text
from matderiv.words.chains import facts


def needed_facts(f: Expr, wrt: Expr, result: Expr, **how: Any) -> tuple[str, ...]:
    """The facts without which the result would read otherwise, such as `y is onehot`.

    `how` is what `differentiate` was asked for: kind, order, structure, upstream.
    """
    told = [(v, word) for v in variables(f, wrt) for word in sorted(facts(v))]
    if not told or _without(set(told), f, wrt, **how) == text(result):
        return ()
    needed = [t for t in told if _without({t}, f, wrt, **how) != text(result)] or told
    return tuple(f"{v.name} is {word}" for v, word in needed)


def _without(
    untold: set[tuple[Expr, str]],
    f: Expr,
    wrt: Expr,
    *,
    kind: str,
    order: int,
    structure: str,
    upstream: Expr | None,
) -> str:
    """The derivative as it would read if these facts were not declared."""
    dropped = {v: facts(v) - {word for u, word in untold if u is v} for v, _ in untold}
    instead = {v: variable(v.name, v.shape, left) for v, left in dropped.items()}
    upstream = upstream and instead.get(upstream, upstream)
    f, wrt = substitute(f, instead), instead.get(wrt, wrt)
    return text(differentiate(f, wrt, kind, order, structure=structure, upstream=upstream).expr)
