"""Which of equal expressions reads best."""

from collections.abc import Sequence

from matderiv.expr import Expr, fold_kept, is_

_TURNED = ("variable", "inv", "sum", "mean")  # transposes that are met everywhere


def reading_key(e: Expr) -> tuple[int, int, tuple[str, ...]]:
    """Orders equal expressions: fewer symbols first, a short first factor, names by alphabet."""
    key: tuple[int, int, tuple[str, ...]] | None = e.cache.get("reading")
    if key is None:
        first = e.args[0].weight if e.args else 0
        key = e.cache["reading"] = (e.weight, first, _names(e) if e.weight < 200 else ())
    return key


def _names(e: Expr) -> tuple[str, ...]:
    """The names of the variables in the order of reading, remembered at every node."""

    def visit(node: Expr, below: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
        own = (node.name,) if is_(node, "variable") else ()
        return (*own, *dict.fromkeys(name for names in below for name in names))

    return fold_kept(e, "names", visit)


def shortest(forms: Sequence[Expr]) -> Expr:
    """The form with the fewest symbols; of equal ones the first of those that read plainest.

    Vectors of ones, and transposes of anything but variables, make a reader stop.

    >>> A, B, x = variable("A", (3, 3)), variable("B", (3, 3)), variable("x", (3,))
    >>> plain, bracket = A.T + B.T + A, (A + B + A.T).T
    >>> plain.weight == bracket.weight, shortest((bracket, plain)) is plain
    (True, True)
    >>> shortest((plain, A)) is A
    True
    """
    least = min(e.weight for e in forms)
    tied = [e for e in forms if e.weight == least]
    return tied[0] if all(e is tied[0] for e in tied) else min(tied, key=stops)


def stops(e: Expr) -> int:
    """How often a reader stops: at vectors of ones, at transposes of what is not a variable."""

    def visit(node: Expr, below: tuple[int, ...]) -> int:
        turned = is_(node, "transpose") and not is_(node.args[0], *_TURNED)
        return sum(below) + (turned or is_(node, "ones"))

    return fold_kept(e, "stops", visit)
