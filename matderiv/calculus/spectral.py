"""Differentials that are linear maps with a name, and functions of matrices that commute.

d f(X) = f'(X) dX where dX commutes with X, so that the share of X in an adjoint that commutes with
X' is f'(X)' times it: the `slope` of a record. Elsewhere the `along` and `adjoint` of a record name
the map, dexpm(X, E) for expm. Source: Higham 2008, Functions of Matrices, ch. 3.
"""

from collections.abc import Container

from matderiv.expr import Expr, apply, fold, is_, number_value, rebuild
from matderiv.shapes import is_scalar
from matderiv.words.chains import symmetric, transposed

_KEPT = ("neg", "add", "mul", "div", "power", "inv", "adj")  # functions of X stay functions of X


def slope_of(node: Expr) -> Expr | None:
    """f'(X) of a function f(X) of a matrix; None for another node."""
    return node.function.slope(node) if node.function.slope is not None else None


def share_by_name(node: Expr, which: int, seed: Expr) -> Expr | None:
    """The share of an argument in the adjoint `seed` of a node, by the record's named map.

    >>> X = {"X": "n,n"}
    >>> node, seed, other = (read(t, shapes=X).expr for t in ("expm(X)", "2*X'", "2*X"))
    >>> text(share_by_name(node, 0, seed)), text(share_by_name(node, 0, other))
    ("expm(X)'*(2*X')", "dexpm(X',2*X)")
    """
    if node.function.adjoint is None:
        return None
    slope = slope_of(node)
    if slope is not None and which == 0 and commutes(seed, node.args[0]):
        return transposed(slope) @ seed
    found = node.function.adjoint(node, which, seed)
    return None if found is None else fold(found, _turned)


def _turned(node: Expr, args: tuple[Expr, ...]) -> Expr:
    return transposed(args[0]) if is_(node, "transpose") else rebuild(node, args)


def commutes(e: Expr, x: Expr) -> bool:
    """True if e is a function of the transpose of x, for a reason seen in its form."""

    def visit(node: Expr, args: tuple[bool, ...]) -> bool:
        if is_scalar(node.shape) or is_(node, "eye") or transposed(node) is x:
            return True
        known = node.function.slope is not None or is_(node, *_KEPT)
        return bool(args) and known and all(args)

    return fold(e, visit)


def commuting(node: Expr, moving: Container[Expr]) -> Expr | None:
    """f'(X) of a function f of a matrix X = t*A in which only the number t moves; else None.

    `moving` are the nodes that depend on the variable.
    """
    slope = slope_of(node)
    x = node.args[0] if node.args else node
    while slope is not None and x in moving and is_(x, "mul", "div", "neg"):
        arrays = [a for a in x.args if not is_scalar(a.shape)]
        if len(arrays) != 1:
            return None
        x = arrays[0]
    return None if x in moving else slope


def eigenvalues(node: Expr) -> Expr | None:
    """eigvals(S) = eigvalsh(S) for a symmetric S.

    >>> text(eigenvalues(read("eigvals(A*A')", shapes={"A": "m,n"}).expr))
    "eigvalsh(A*A')"
    >>> eigenvalues(read("eigvals(A)").expr) is None
    True
    """
    known = is_(node, "eigvals") and symmetric(node.args[0])
    return apply("eigvalsh", *node.args) if known else None


_OF_ALL = {"sum": "tr", "prod": "det", "max": "lambda_max", "min": "lambda_min"}


def of_eigenvalues(node: Expr) -> Expr | None:
    """The sum, product, largest or smallest of all eigenvalues: tr(X), det(X), lambda_max(X).

    >>> text(of_eigenvalues(read("prod(eigvals(X))").expr))
    'det(X)'
    >>> of_eigenvalues(read("max(eigvals(X))").expr) is None
    True
    """
    (x,) = node.args
    any_matrix = is_(x, "eigvals") and is_(node, "sum", "prod")
    if node.params[0] is not None or not (any_matrix or is_(x, "eigvalsh")):
        return None
    return apply(_OF_ALL[node.function.name], *x.args)


def det_power(node: Expr) -> Expr | None:
    """det(X^k) = det(X)^k where the exponent is no number.

    >>> shapes = {"X": "n,n", "k": ""}
    >>> text(det_power(read("det(X^k)", shapes=shapes).expr))
    'det(X)^k'
    >>> det_power(read("det(X^3)").expr) is None
    True
    """
    (x,) = node.args
    known = not is_(x, "power") or number_value(x.args[1]) is not None
    return None if known else apply("power", apply("det", x.args[0]), x.args[1])
