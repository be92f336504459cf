"""Factors of matrices: Cholesky, QR and LU; each differential keeps a triangle of one product."""

from typing import Any

from matderiv.errors import DomainError, ShapeError
from matderiv.expr import Expr, Params, apply
from matderiv.functions.eigen import symmetric_part
from matderiv.functions.record import ShapeRule, matrix_rule, primitive, shaped, square_rule
from matderiv.lazy import np
from matderiv.shapes import Shape, Unify, is_scalar, smaller


def _diagonal(x: Expr) -> Expr:
    return apply("diag", apply("diag", x))


def _cholesky(x: Any) -> Any:
    """Of the symmetric part."""
    try:
        return np.sqrt(x) if np.ndim(x) == 0 and x > 0 else np.linalg.cholesky((x + x.T) / 2)
    except np.linalg.LinAlgError as error:
        raise DomainError("cholesky needs a positive definite matrix") from error


def _cholesky_change(y: Expr, which: int, change: Expr) -> Expr:
    """L Φ(L⁻¹ dX L⁻ᵀ), where Φ takes the lower triangle with half the diagonal."""
    if is_scalar(y.shape):
        return change / (2 * y)
    inverse = apply("inv", y)
    inner = inverse @ symmetric_part(change) @ inverse.T
    return y @ (apply("tril", inner) - _diagonal(inner) / 2)


primitive(
    "cholesky",
    square_rule("matrix"),
    _cholesky_change,
    _cholesky,
    analytic=False,
    says="The lower factor L of X = L L': dL = L Φ(L⁻¹ dX L⁻ᵀ), Φ the triangle, diagonal halved.",
    domain=("posdef",),
    source="Murray 2016, Differentiation of the Cholesky decomposition",
)


def _qr_rule(pattern: str) -> ShapeRule:
    """The shape of a factor, of a matrix that has no more columns than rows."""

    def rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
        found = shaped(pattern, "a matrix is needed")(shapes, params, unify)
        rows, columns = shapes[0]
        wide = smaller(rows, columns) == rows != columns
        if wide or rows == 1 != columns:
            said = f"a matrix with no more columns than rows is needed, this is {rows} × {columns}"
            raise ShapeError(said)
        return found

    return rule


def _qr(x: Any) -> tuple[Any, Any]:
    """Q and R with a positive diagonal; not numbers where there are more columns than rows."""
    if x.shape[0] < x.shape[1]:
        return np.full(x.shape, np.nan), np.full((x.shape[1],) * 2, np.nan)
    q, r = np.linalg.qr(x)
    signs = np.where(np.diag(r) < 0, -1.0, 1.0)
    return q * signs, r * signs[:, None]


def _above(y: Expr, change: Expr) -> tuple[Expr, Expr]:
    """dX R⁻¹, and the upper triangle dR R⁻¹ = triu(M) + stril(M)' with M = Q'dX R⁻¹."""
    (x,) = y.args
    moved = change @ apply("inv", apply("qr_r", x))
    inner = apply("qr_q", x).T @ moved
    return moved, apply("triu", inner) + (apply("tril", inner) - _diagonal(inner)).T


def _q_change(y: Expr, which: int, change: Expr) -> Expr:
    moved, above = _above(y, change)
    return moved - y @ above


def _r_change(y: Expr, which: int, change: Expr) -> Expr:
    return _above(y, change)[1] @ y


def _upper(x: Expr) -> Expr:
    return apply("cholesky", x.T @ x).T


_MIDDLE = "C = triu(M) + stril(M)' and M = Q'dX R⁻¹, stril without the diagonal"
for _name, _pattern, _change, _place, _expand, _says in (
    ("qr_q", "m n -> m n", _q_change, 0, lambda x: x @ apply("inv", _upper(x)), "dX R⁻¹ - Q C"),
    ("qr_r", "m n -> n n", _r_change, 1, _upper, "C R"),
):
    primitive(
        _name,
        _qr_rule(_pattern),
        _change,
        lambda x, _place=_place: _qr(np.real(x))[_place],
        expand=_expand,
        analytic=False,
        note="where the columns of {} are independent, with a positive diagonal of R",
        says=f"{_name[-1].upper()} of X = Q R: d{_name[-1].upper()} = {_says} with {_MIDDLE}.",
        source="Walter & Lehmann 2018, Algorithmic differentiation of linear algebra functions",
    )


def _lu(x: Any) -> tuple[Any, Any]:
    """L with ones in its diagonal and U, without exchanges of rows."""
    rows, columns = np.arange(len(x)), []
    for k in rows:
        columns.append(np.where(rows > k, x[:, k] / x[k, k], rows == k))
        x = x - np.outer(np.where(rows > k, columns[-1], 0), x[k])
    return np.stack(columns, 1), np.triu(x)


def _inside(y: Expr, change: Expr) -> Expr:
    """L⁻¹dX U⁻¹."""
    left, right = (apply("inv", apply(name, *y.args)) for name in ("lu_l", "lu_u"))
    return left @ change @ right


def _l_change(y: Expr, which: int, change: Expr) -> Expr:
    inner = _inside(y, change)
    return y @ (apply("tril", inner) - _diagonal(inner))


def _u_change(y: Expr, which: int, change: Expr) -> Expr:
    return apply("triu", _inside(y, change)) @ y


for _name, _change, _place, _says in (
    ("lu_l", _l_change, 0, "dL = L stril(M), stril the triangle without the diagonal"),
    ("lu_u", _u_change, 1, "dU = triu(M) U"),
):
    primitive(
        _name,
        matrix_rule("matrix"),
        _change,
        lambda x, _place=_place: _lu(x)[_place],
        note="where {} has a factorisation without exchanges of rows",
        says=f"Of X = L U with ones in the diagonal of L: {_says}, with M = L⁻¹dX U⁻¹.",
        source="de Hoog, Anderssen & Lukas 2011, Differentiation of matrix functionals using "
        "triangular factorization",
    )
