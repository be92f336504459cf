"""Eigenvalues, singular values and their vectors."""

from typing import Any

from matderiv.errors import ShapeError
from matderiv.expr import Expr, Params, apply, eye
from matderiv.functions.record import ShapeRule, matrix_rule, primitive, shaped, shorthand
from matderiv.lazy import np
from matderiv.shapes import Shape, Unify, long_axes, shape_text, smaller

VECTORS = 6  # symbols: eigenvectors that occur twice get a name of their own
SIMPLE = "where the eigenvalues of {} are simple"
SIGNED = ", each vector with a positive largest entry"
SYMMETRIC = "Of a symmetric X; of another matrix, those of its symmetric part. "


def symmetric_part(change: Expr) -> Expr:
    """Half the sum of a matrix and its transpose."""
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
    return apply("pinv", value * eye(x.shape[0]) - symmetric_part(x)) @ symmetric_part(change) @ y


def _all_vectors_change(y: Expr, which: int, change: Expr) -> Expr:
    """Q (F ∘ Q'dXQ) with F_ij = 1/(λ_j - λ_i)."""
    apart = apply("eiggaps", apply("eigvalsh", y.args[0]))
    return y @ (apart * (y.T @ symmetric_part(change) @ y))


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
    note=SIMPLE,
    says=SYMMETRIC
    + "`dlambda = diag(Q'*dX*Q)` with the unit eigenvectors `Q`, where all are simple.",
    source=MAGNUS,
)
primitive(
    "eigvecsh",
    matrix_rule("matrix"),
    _all_vectors_change,
    lambda x: _eigh(x)[1],
    analytic=False,
    symbols=VECTORS,
    note=SIMPLE + SIGNED,
    says=SYMMETRIC + "dQ = Q (F ∘ Q'dX Q) with F_ij = 1/(λ_j - λ_i), where all are simple.",
    source=MAGNUS,
)


def _gaps_change(y: Expr, which: int, change: Expr) -> Expr:
    """-F_ij² (dv_j - dv_i)."""
    ones = apply("ones", params=y.shape[:1])
    return -(y**2) * (ones @ change.T - change @ ones.T)


primitive(
    "eiggaps",
    shaped("n -> n n", "eiggaps needs a vector"),
    _gaps_change,
    _gaps,
    analytic=False,
    says="The matrix F with F_ij = 1/(v_j - v_i) and zeros in its diagonal: "
    "dF_ij = F_ij²(dv_i - dv_j).",
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
        note=f"where the {_words} eigenvalue of {{}} is simple",
        says=SYMMETRIC
        + f"`dlambda = v'*dX*v` with the unit eigenvector `v` of the {_words}, if simple.",
        source=MAGNUS,
    )
    primitive(
        f"eigvec_{_which}",
        matrix_rule("vector"),
        _vector_change,
        lambda x, _np_place=_np_place: _eigh(x)[1][:, _np_place],
        analytic=False,
        symbols=VECTORS,
        note=f"where the {_words} eigenvalue of {{}} is simple" + SIGNED,
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
    note=SIMPLE,
    says="`dlambda = diag(inv(V)*dX*V)` with the eigenvectors `V`, where all are real and simple.",
    source=MAGNUS,
)


def _columns_change(y: Expr, which: int, change: Expr) -> Expr:
    """V (F ∘ V⁻¹dX V), less what would change the length of a column."""
    apart = apply("eiggaps", apply("eigvals", *y.args))
    moved = y @ (apart * (apply("inv", y) @ change @ y))
    return moved - y @ apply("diag", apply("diag", y.T @ moved))


primitive(
    "eigvecs",
    matrix_rule("matrix"),
    _columns_change,
    lambda x: _eig(x)[1],
    analytic=False,
    symbols=VECTORS,
    note=SIMPLE + SIGNED,
    says="The eigenvectors V, in columns of length 1, where all eigenvalues are real and simple: "
    "dV = W - V diag(diag(V'W)) with W = V (F ∘ V⁻¹dX V), F_ij = 1/(λ_j - λ_i).",
    source=MAGNUS,
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
    note="where the singular values of {} are simple and not 0",
    says="The singular values, descending: the diagonal of `U'*dX*V` is their change, if simple.",
    source="Giles 2008, An extended collection of matrix derivative results, 3.2",
)


def _sides(y: Expr, change: Expr) -> tuple[Expr, Expr, Expr, Expr]:
    """The matrix of which a node has the left vectors, its transpose, its change, right vectors.

    The right vectors of X are the left ones of X'.
    """
    (x,), name = y.args, y.function.name
    right = apply(_ACROSS[name], x)
    left = name in ("svd_u", "svec_left")
    return (x, x.T, change, right) if left else (x.T, x, change.T, right)


def _singular_vectors_change(y: Expr, which: int, change: Expr) -> Expr:
    """U (F ∘ (P S + S P')) + (I - U U') dX V S⁻¹ with P = U'dX V."""
    *_, change, right = _sides(y, change)
    sizes = apply("svdvals", *y.args)
    scale, inner = apply("diag", sizes), y.T @ change @ right
    turned = y @ (apply("eiggaps", sizes**2) * (inner @ scale + scale @ inner.T))
    outside = (eye(y.shape[0]) - y @ y.T) @ change @ right
    return turned + outside @ apply("diag", 1 / sizes)


def _singular_vector_change(y: Expr, which: int, change: Expr) -> Expr:
    """(σ²I - X X')⁺ (σ dX v + X dX'u)."""
    x, across, change, right = _sides(y, change)
    size = apply("norm_spec", *y.args)
    apart = size**2 * eye(y.shape[0]) - x @ across
    return apply("pinv", apart) @ (size * change @ right + x @ change.T @ y)


_OF_ALL = "= U(F∘(P S + S P')) + (I - U U')dX V S⁻¹ with P = U'dX V, F_ij = 1/(σ_j² - σ_i²)"
_OF_ONE = "= (σ²I - X X')⁺(σ dX v + X dX'u)"
_ACROSS = {"svd_u": "svd_v", "svec_left": "svec_right"}
_ACROSS |= {right: left for left, right in _ACROSS.items()}
for _name, _axes, _change, _np_part, _says in (
    ("svd_u", (0, 2), _singular_vectors_change, lambda x: _svd(x)[0], f"U: dU {_OF_ALL}"),
    ("svd_v", (1, 2), _singular_vectors_change, lambda x: _svd(x)[2], "V: as U of X'"),
    ("svec_left", (0,), _singular_vector_change, lambda x: _svd(x)[0][:, 0], f"u: du {_OF_ONE}"),
    ("svec_right", (1,), _singular_vector_change, lambda x: _svd(x)[2][:, 0], "v: as u of X'"),
):
    primitive(
        _name,
        _singular_shape(*_axes),
        _change,
        _np_part,
        analytic=False,
        symbols=VECTORS,
        note="where the singular values of {} are simple and not 0"
        + SIGNED.replace("each vector", "right vectors"),
        says=f"Of X = U diag(σ) V' {_says}, where the singular values are simple and not 0.",
        source="Giles 2008, An extended collection of matrix derivative results, 3.2",
    )


def _condition(x: Expr) -> Expr:
    square = x.shape[0] == x.shape[1]
    return apply("norm_spec", x) * apply("norm_spec", apply("inv" if square else "pinv", x))


shorthand(
    "cond",
    _singular_shape(),
    _condition,
    analytic=False,
    says="`cond(X) = norm_spec(X)*norm_spec(pinv(X))`: largest over smallest singular value.",
)
