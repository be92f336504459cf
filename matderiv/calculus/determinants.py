"""The determinant of a matrix that was changed by a product of rank one."""

from collections.abc import Collection

from matderiv.expr import Expr, apply, is_, walk
from matderiv.words.chains import facts
from matderiv.words.signs import signed

_REGULAR = {"posdef", "orthogonal"}


def rank_one(node: Expr, wrt: Collection[Expr]) -> Expr:
    """det(A + x*y') = det(A)*(1 + y'*inv(A)*x), for an identity or another variable A.

    Source: the matrix determinant lemma, Petersen & Pedersen 2012, eq. (24).

    >>> e, f = read("det(eye(n) - x*y')").expr, read("det(A + x*y')").expr
    >>> A = f.args[0].args[0]
    >>> text(rank_one(e, ())), text(rank_one(f, ())), rank_one(f, {A}) is f
    ("1 - y'*x", "det(A)*(1 + y'*inv(A)*x)", True)
    """
    (m,) = node.args
    if not is_(m, "add") or len(m.args) != 2:
        return node
    for plain, (sign, outer) in ((m.args[0], signed(m.args[1])), (m.args[1], signed(m.args[0]))):
        rows = [k for k, a in enumerate(outer.args) if len(a.shape) == 2 and a.shape[0] == 1]
        known = is_(plain, "eye") or (is_(plain, "variable") and plain not in wrt)
        if known and is_(outer, "mul") and rows:
            k = rows[0]
            column, row = (
                apply("mul", *part) if part else None for part in (outer.args[:k], outer.args[k:])
            )
            if column is None or row is None or len(column.shape) != 1:
                return node
            middle = () if is_(plain, "eye") else (apply("inv", plain),)
            inner = apply("mul", row, *middle, column)
            ratio = 1 + inner if sign > 0 else 1 - inner
            if is_(node, "logdet"):
                whole = apply("log", ratio)
                return whole if is_(plain, "eye") else apply("logdet", plain) + whole
            return ratio if is_(plain, "eye") else apply("det", plain) * ratio
    return node


def taken_as_invertible(f: Expr, wrt: Expr) -> list[Expr]:
    """The variables A whose inverse the lemma brought in, although f itself has none of A.

    det(A + x*y') has a derivative by x where A is singular, too, and det(A)*inv(A)'*y says nothing
    there. Declared facts settle it for positive definite and orthogonal matrices.

    >>> f = read("det(A + x*y')").expr
    >>> A, x, y = (n for n in walk(f) if is_(n, "variable"))
    >>> taken_as_invertible(f, x) == [A], taken_as_invertible(f, A)
    (True, [])
    """
    nodes, found = list(walk(f)), dict[Expr, None]()
    inverted = {n.args[0] for n in nodes if is_(n, "inv", "logdet")}
    for node in nodes:
        if is_(node, "det", "logdet") and wrt in set(walk(node)):
            new = rank_one(node, {wrt})
            for n in walk(new) if new is not node else ():
                regular = is_(n, "inv") and facts(n.args[0]) & _REGULAR
                if is_(n, "inv") and n.args[0] not in inverted and not regular:
                    found[n.args[0]] = None
    return [a for a in found if is_(a, "variable")]
