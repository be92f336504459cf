"""Eigenvalues, singular values and their vectors, and the Cholesky factor."""

from typing import Any

from matderiv.errors import DomainError, ShapeError
from matderiv.expr import Expr, Params, apply, eye
from matderiv.functions.record import (
    ShapeRule,
    matrix_rule,
    primitive,
    refused,
    shaped,
    shorthand,
    square_rule,
)
from matderiv.lazy import np
from matderiv.shapes import Shape, Unify, is_scalar, long_axes, shape_text, smaller

VECTORS = 6  # symbols: eigenvectors that occur twice get a name of their own
SYMMETRIC = "Of a symmetric X; of another matrix, those of its symmetric part. "


def _symmetric_part(change: Expr) -> Expr:
    return (change + change.T) / 2


def _eigh(x: Any) -> tuple[Any, Any]:
    """Eigenvalues, ascending, and eigenvectors of the symmetric part, whose largest entries are
    positive."""
    x = np.real(x)
    values, vectors = np.linalg.eigh((x + x.T) / 2)
    return values, vectors * _signs(vectors)


def _signs(vectors: Any) -> Any:
    """The sign of the largest entry of each column."""
    largest = np.abs(vectors).argmax(axis=0)
    return np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)


def _svd(x: Any) -> tuple[Any, Any, Any]:
    """U, the singular values, descending, and V with positive largest entries."""
    u, sizes, vt = np.linalg.svd(np.atleast_2d(np.real(x)), full_matrices=False)
    signs = _signs(vt.T)
    return u * signs, sizes, vt.T * signs


def _gaps(values: Any) -> Any:
    """The matrix with 1/(λ_j - λ_i), and 0 where i = j."""
    apart = np.subtract.outer(values, values).T
    return np.where(apart == 0, 0.0, 1 / np.where(apart == 0, 1, apart))


def _vector_change(y: Expr, which: int, change: Expr) -> Expr:
    """(λI - X)⁺ dX v."""
    (x,) = y.args
    value = apply("lambda_max" if y.function.name == "eigvec_max" else "lambda_min", x)
    return apply("pinv", value * eye(x.shape[0]) - _symmetric_part(x)) @ _symmetric_part(change) @ y


def _all_vectors_change(y: Expr, which: int, change: Expr) -> Expr:
    """Q (F ∘ Q'dXQ) with F_ij = 1/(λ_j - λ_i)."""
    apart = apply("eiggaps", apply("eigvalsh", y.args[0]))
    return y @ (apart * (y.T @ _symmetric_part(change) @ y))


MAGNUS = "Magnus 1985, On differentiating eigenvalues and eigenvectors"


def _values_change(y: Expr, which: int, change: Expr) -> Expr:
    """diag(Q'dX Q) of a symmetric matrix, diag(V⁻¹dX V) of any, with its eigenvectors."""
    vectors = apply("eigvecsh" if y.function.name == "eigvalsh" else "eigvecs", *y.args)
    left = vectors.T if y.function.name == "eigvalsh" else apply("inv", vectors)
    return apply("diag", left @ change @ vectors)


primitive(
    "eigvalsh",
    matrix_rule("vector"),
    _values_change,
    lambda x: _eigh(x)[0],
    along=_values_change,
    analytic=False,
    says=SYMMETRIC + "dλ = diag(Q'dX Q) with the unit eigenvectors Q, where all are simple.",
    source=MAGNUS,
)
primitive(
    "eigvecsh",
    matrix_rule("matrix"),
    _all_vectors_change,
    lambda x: _eigh(x)[1],
    analytic=False,
    symbols=VECTORS,
    says=SYMMETRIC + "dQ = Q (F ∘ Q'dX Q) with F_ij = 1/(λ_j - λ_i), where all are simple.",
    source=MAGNUS,
)
refused(
    "eiggaps",
    shaped("n -> n n", "eiggaps needs a vector"),
    _gaps,
    analytic=False,
    says="The matrix F with F_ij = 1/(v_j - v_i), and 0 on its diagonal.",
)


def _value_change(y: Expr, which: int, change: Expr) -> Expr:
    """v'dX v."""
    name = "eigvec_max" if y.function.name == "lambda_max" else "eigvec_min"
    return apply(name, *y.args).T @ change @ apply(name, *y.args)


for _np_place, _which, _words in ((-1, "max", "largest"), (0, "min", "smallest")):
    primitive(
        f"lambda_{_which}",
        matrix_rule("scalar"),
        _value_change,
        lambda x, _np_place=_np_place: _eigh(x)[0][_np_place],
        aliases=(f"eig{_which}",),
        latex=rf"\lambda_{{\{_which}}}",
        bends={"max": "convex", "min": "concave"}[_which],
        analytic=False,
        says=SYMMETRIC + f"dλ = v'dX v with the unit eigenvector v of the {_words}, if simple.",
        source=MAGNUS,
    )
    primitive(
        f"eigvec_{_which}",
        matrix_rule("vector"),
        _vector_change,
        lambda x, _np_place=_np_place: _eigh(x)[1][:, _np_place],
        analytic=False,
        symbols=VECTORS,
        says=SYMMETRIC + f"The unit eigenvector of the {_words}: dv = (λI - X)⁺dX v, if simple.",
        source=MAGNUS,
    )


def _eig(x: Any) -> tuple[Any, Any]:
    """Real eigenvalues, ascending, and their eigenvectors; not numbers where one is complex."""
    x = np.real(x)
    values, vectors = np.linalg.eig(x)
    if np.abs(np.imag(values)).max() > 0:
        return np.full(len(x), np.nan), np.full(np.shape(x), np.nan)
    order = np.argsort(values)
    return values[order], vectors[:, order] * _signs(vectors[:, order])


primitive(
    "eigvals",
    matrix_rule("vector"),
    _values_change,
    lambda x: _eig(x)[0],
    along=_values_change,
    aliases=("eig",),
    analytic=False,
    says="dλ = diag(V⁻¹dX V) with the eigenvectors V, where all are real and simple.",
    source=MAGNUS,
)
refused(
    "eigvecs",
    matrix_rule("matrix"),
    lambda x: _eig(x)[1],
    analytic=False,
    symbols=VECTORS,
    says="The eigenvectors, in columns of length 1, where all eigenvalues are real.",
)


def _singular_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    if len(shapes[0]) > 2:
        raise ShapeError(f"singular values need a matrix, this is {shape_text(shapes[0])}")
    return ()


def _singular_shape(*axes: int) -> ShapeRule:
    """The shape of what a matrix of full rank has: its rows (0), its columns (1), its rank (2)."""

    def rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
        if len(shapes[0]) != 2 or 1 in shapes[0]:
            raise ShapeError(f"singular vectors need a matrix, this is {shape_text(shapes[0])}")
        rows, columns = shapes[0]
        every = (rows, columns, smaller(rows, columns))
        return tuple(every[k] for k in axes)

    return rule


def _beside(left: str, right: str, y: Expr, change: Expr) -> Expr:
    """L'dX R with two functions of the matrix."""
    (x,) = y.args
    return apply(left, x).T @ change @ apply(right, x)


def _norm_change(y: Expr, which: int, change: Expr) -> Expr:
    """The change of a norm of singular values; a vector has one, its length."""
    (x,) = y.args
    if len(long_axes(x.shape)) < 2:
        return apply("sum", x / (y if x.shape else apply("abs", x)) * change, params=(None,))
    if y.function.name == "norm_spec":
        return _beside("svec_left", "svec_right", y, change)
    return apply("tr", apply("svd_v", x) @ apply("svd_u", x).T @ change)


def _singular_change(y: Expr, which: int, change: Expr) -> Expr:
    return apply("diag", _beside("svd_u", "svd_v", y, change))


for _name, _np_order, _says in (
    ("norm_nuc", "nuc", "The sum of the singular values: d = tr(V U'dX), where X = U S V'."),
    (
        "norm_spec",
        2,
        "The largest singular value: d = u'dX v with its singular vectors, if simple.",
    ),
):
    primitive(
        _name,
        _singular_rule,
        _norm_change,
        lambda x, _np_order=_np_order: np.linalg.norm(np.atleast_2d(x), _np_order),
        analytic=False,
        bends="convex",
        says=_says,
        source="Watson 1992, Characterization of the subdifferential of some matrix norms",
        example=f"{_name}(X)",
    )
primitive(
    "svdvals",
    _singular_shape(2),
    _singular_change,
    lambda x: _svd(x)[1],
    along=_singular_change,
    analytic=False,
    says="The singular values, descending: dσ = diag(U'dX V), where X = U diag(σ) V', if simple.",
    source="Giles 2008, An extended collection of matrix derivative results, 3.2",
)
for _name, _axes, _np_part, _says in (
    ("svd_u", (0, 2), lambda x: _svd(x)[0], "U of X = U diag(σ) V', one column per value."),
    ("svd_v", (1, 2), lambda x: _svd(x)[2], "V of X = U diag(σ) V', one column per value."),
    ("svec_left", (0,), lambda x: _svd(x)[0][:, 0], "u of the largest value: X v = σ u."),
    ("svec_right", (1,), lambda x: _svd(x)[2][:, 0], "v of the largest value: X v = σ u."),
):
    refused(
        _name,
        _singular_shape(*_axes),
        _np_part,
        analytic=False,
        symbols=VECTORS,
        says="Singular vectors: " + _says,
    )


shorthand(
    "cond",
    _singular_shape(),
    lambda x: apply("norm_spec", x) * apply("norm_spec", apply("pinv", x)),
    analytic=False,
    says="cond(X) = norm_spec(X)*norm_spec(pinv(X)), the largest over the smallest singular value.",
)


# The Cholesky factor -----------------------------------------------------------------------------


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
    inner = inverse @ _symmetric_part(change) @ inverse.T
    return y @ (apply("tril", inner) - apply("diag", apply("diag", inner)) / 2)


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
