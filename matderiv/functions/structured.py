"""Structured matrices of vectors, other orders, labels: linear maps by arrays of 0 and 1."""

from typing import Any

from matderiv.errors import ShapeError
from matderiv.expr import Expr, Params, apply, eye
from matderiv.functions.matrix import LEVI_CIVITA
from matderiv.functions.record import (
    SQUARE,
    Named,
    check_axis,
    constant,
    matrix_rule,
    primitive,
    refused,
    shaped,
    shorthand,
    structural,
)
from matderiv.lazy import np
from matderiv.shapes import Shape, Size, Unify, plus, shape_text, triangle

# Matrices of a vector ----------------------------------------------------------------------------


def _skew_axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
    j = fresh(3)
    return [(j,)], [(apply(LEVI_CIVITA.name), (out[0], j, out[1]))]


structural(
    "skew",
    shaped("3 -> 3 3", "skew needs a vector of 3 entries"),
    _skew_axes,
    numpy=lambda a: np.array(
        [[0 * a[0], -a[2], a[1]], [a[2], 0 * a[0], -a[0]], [-a[1], a[0], 0 * a[0]]]
    ),
    aliases=("hat",),
    says="The matrix of the cross product, skew(a) times b is cross(a,b); linear.",
    source="Barfoot 2017, State Estimation for Robotics, ch. 7",
)


constant(
    "arange",
    lambda p: (p[0],),
    lambda n: np.arange(float(n)),
    "The numbers 0, 1, ..., n - 1.",
    example="arange(3)",
)
shorthand(
    "vander",
    shaped("n -> n n", "vander needs a vector"),
    lambda x: apply("epow", x, apply("arange", params=x.shape).T),
    says="The Vandermonde matrix with the entries x_i^(j-1): `x.^arange(n)'`.",
    source="Petersen & Pedersen 2012, sec. 9.5",
)
shorthand(
    "rot",
    shaped("-> 2 2", "rot needs an angle"),
    lambda t: (
        apply("cos", t) * eye(2) + apply("sin", t) * (_unit(2) @ _unit(1).T - _unit(1) @ _unit(2).T)
    ),
    says="rot(t) turns the plane by t: [cos(t), -sin(t); sin(t), cos(t)].",
    example="rot(t)",
)


def _unit(k: int) -> Expr:
    return apply("unit", params=(2, k))


def _toeplitz_map(n: int) -> Any:
    k, i, j = np.indices((n, n, n))
    return (np.abs(i - j) == k) * 1.0


constant(
    "toeplitz_map",
    lambda p: (p[0],) * 3,
    _toeplitz_map,
    "The array that puts t_k where |i - j| = k; behind toeplitz.",
    example="toeplitz_map(3)",
)
structural(
    "toeplitz",
    shaped("n -> n n", "toeplitz needs vectors"),
    lambda node, out, fresh: (
        [(k := fresh(node.shape[0]),)],
        [(apply("toeplitz_map", params=node.shape[:1]), (k, *out))],
    ),
    numpy=lambda t: np.tensordot(t, _toeplitz_map(len(t)), 1),
    says="The symmetric Toeplitz matrix with the first column t; linear.",
    source="Petersen & Pedersen 2012, sec. 2.8.3",
)


def _vech_map(n: int) -> Any:
    places = [(i, j) for j in range(n) for i in range(j, n)]
    found = np.zeros((len(places), n, n))
    for t, (i, j) in enumerate(places):
        found[t, i, j] = 1
    return found


constant(
    "vech_map",
    lambda p: (triangle(p[0]), p[0], p[0]),
    _vech_map,
    "The array that stacks the columns from the diagonal down; behind vech.",
    example="vech_map(3)",
)
structural(
    "vech",
    lambda shapes, params, unify: (triangle(matrix_rule("matrix")(shapes, params, unify)[0]),),
    lambda node, out, fresh: (
        [(i := fresh(n := node.args[0].shape[0]), j := fresh(n))],
        [(apply("vech_map", params=(n,)), (*out, i, j))],
    ),
    numpy=lambda x: np.tensordot(_vech_map(len(x)), x, 2),
    says="Stacks the columns from the diagonal down; linear.",
    source="Magnus & Neudecker, ch. 3.8",
)


# Other orders ------------------------------------------------------------------------------------

constant(
    "exchange",
    lambda p: (p[0], p[0]),
    lambda n: np.eye(n)[::-1],
    "The identity with its columns in reverse order; behind flip.",
    ones=lambda n, i, j: (plus(i, j), plus(n, 1)),
    example="exchange(3)",
)
constant(
    "shift",
    lambda p: (p[0], p[0]),
    lambda n, k: np.roll(np.eye(n), k, 0),
    "shift(n,k)*x has the entries of x turned by k places; behind roll.",
    example="shift(3, 4)",
)


def _axis_of(name: str, params: Params) -> int:
    """The axis of flip(X, axis), roll(X, by, axis); 0 where it is not said."""
    return int(params[-1]) if len(params) == 1 + (name == "roll") else 0


def _moved(name: str, matrix: Any, numpy: Any, adjoint: Named, says: str, **facts: Any) -> None:
    """A record whose entries are those of its argument, in another order along an axis."""

    def rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
        (s,), axis = shapes, _axis_of(name, params)
        if not s:
            raise ShapeError(f"{name} needs entries to move, this is {shape_text(s)}")
        if len(s) > 1 and not axis:
            raise ShapeError(f"{name} needs an axis here, this is {shape_text(s)}")
        check_axis(s, axis or 1)
        return s

    def pattern(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
        place = (_axis_of(name, node.params) or 1) - 1
        if out[place] is None:
            return [out], []
        n = node.shape[place]
        i = fresh(n)
        return [(*out[:place], i, *out[place + 1 :])], [(matrix(n, *node.params), (out[place], i))]

    structural(
        name, rule, pattern, numpy=numpy, call="numbers", adjoint=adjoint, says=says, **facts
    )


def _shift(n: Size, by: int, axis: int = 0) -> Expr:
    place = by % n if isinstance(n, int) else by if by > 0 else plus(n, by)
    return apply("shift", params=(n, place or n))


_moved(
    "flip",
    lambda n, *axis: apply("exchange", params=(n,)),
    lambda x, axis=0: np.flip(x, max(axis - 1, 0)),
    lambda y, k, seed: apply("flip", seed, params=y.params),
    "The entries in reverse order, along an axis; linear.",
    numbers=(("axis", 0),),
    example="flip(x)",
)
_moved(
    "roll",
    _shift,
    lambda x, by, axis=0: np.roll(x, by, max(axis - 1, 0)),
    lambda y, k, seed: apply("roll", seed, params=(-y.params[0], *y.params[1:])),
    "roll(x, k) has entry i at place i + k, from the end on at the beginning, along an axis.",
    numbers=(("by", None), ("axis", 0)),
    example="roll(x, 2)",
)


def _cumsum_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    (s,), axis = shapes, (*params, 0)[0]
    if len(s) > 2 or (len(s) == 2 and not axis):
        raise ShapeError(f"cumsum takes a vector, or a matrix and an axis, this is {shape_text(s)}")
    check_axis(s, axis or 1)
    return s


def _cumsum(x: Expr, axis: int = 0) -> Expr:
    if not x.shape:
        return x
    n = x.shape[max(axis - 1, 0)]
    ones = apply("ones", params=(n, n))
    return x @ apply("triu", ones) if axis == 2 else apply("tril", ones) @ x


shorthand(
    "cumsum",
    _cumsum_rule,
    _cumsum,
    call="numbers",
    numbers=(("axis", 0),),
    says="cumsum(x) has the entries x_1 + ... + x_i: tril(ones(n,n))*x.",
    example="cumsum(x)",
)


# Labels ------------------------------------------------------------------------------------------


def _labels_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    if len(params) != 1 or len(shapes[0]) > 1:
        raise ShapeError(f"onehot needs labels and their number, this is {shape_text(shapes[0])}")
    return (*shapes[0], params[0])


refused(
    "onehot",
    _labels_rule,
    lambda y, n: (
        (np.abs(np.expand_dims(np.clip(np.real(y), 1, n), -1) - np.arange(1, n + 1)) < 0.5) * 1.0
    ),
    arity=(1, 1),
    call="like",
    says="onehot(y, n) has a row for each of the labels 1 to n, 1 in column y_i and else 0; "
    "no derivative by y.",
    example="onehot(y, 5)",
)


def _rows_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    table, y = shapes
    y = y[1:] if len(y) == 2 and y[0] == 1 else y
    if len(table) not in (1, 2) or len(y) > 1:
        raise ShapeError(
            f"rows needs a table and labels, these are {shape_text(table)} and {shape_text(y)}"
        )
    return (*y, *table[1:])


def _rows(X: Expr, y: Expr) -> Expr:
    labels = apply("vec", y) if len(y.shape) == 2 else y
    chosen = apply("onehot", labels, params=X.shape[:1])
    if y.shape:
        return chosen @ X
    return X.T @ chosen if len(X.shape) == 2 else chosen.T @ X


shorthand(
    "rows",
    _rows_rule,
    _rows,
    says="rows(E, y) has the rows of E that the labels y say, counted from 1.",
)


# Sorted entries ---------------------------------------------------------------------------------


def _sort_map(x: Any) -> Any:
    """The rows of the identity in the order of the entries."""
    return np.eye(np.size(x))[np.argsort(np.real(x), kind="stable")]


def _middle(n: int) -> Any:
    places = np.arange(n)
    return (np.abs(2 * places - n + 1) < 2) / (2 - n % 2)


refused(
    "sort_map",
    shaped("n -> n n", "sort_map needs a vector"),
    _sort_map,
    says="The permutation matrix with `sort(x) = sort_map(x)*x`.",
    example="sort_map(x)",
)
primitive(
    "sort",
    shaped("n -> n", "sort needs a vector"),
    lambda y, which, change: apply("sort_map", *y.args) @ change,
    lambda x: np.asarray(x)[np.argsort(np.real(x), kind="stable")],
    says="The entries, ascending; where no two are equal, a permutation of them near x.",
)
constant(
    "middle",
    lambda p: (p[0],),
    _middle,
    "1 at the middle of n places, 1/2 at both for an even n; behind median.",
    example="middle(5)",
)
shorthand(
    "median",
    shaped("n ->", "median needs a vector"),
    lambda x: apply("middle", params=x.shape).T @ apply("sort", x),
    says="`median(x) = middle(n)'*sort(x)`: of an even number of entries the mean of two.",
)

# Equations ---------------------------------------------------------------------------------------


def _lyap(A: Any, Q: Any) -> Any:
    one = np.eye(len(A))
    return np.linalg.solve(np.kron(A, one) + np.kron(one, A), -np.ravel(Q)).reshape(A.shape)


def _lyap_change(y: Expr, which: int, change: Expr) -> Expr:
    a, _ = y.args
    right = change if which else change @ y + y @ change.T
    n = a.shape[0]
    both = apply("kron", eye(n), a) + apply("kron", a, eye(n))
    return apply("unvec", -(apply("inv", both) @ apply("vec", right)), params=(n, n))


def _lyap_adjoint(y: Expr, which: int, seed: Expr) -> Expr:
    back = apply("lyap", y.args[0].T, seed)
    return back if which else back @ y.T + back.T @ y


primitive(
    "lyap",
    shaped("n n, n n -> n n", SQUARE),
    _lyap_change,
    _lyap,
    along=lambda y, k, e: apply("lyap", y.args[0], e if k else e @ y + y @ e.T),
    adjoint=_lyap_adjoint,
    says="`X = lyap(A, Q)` solves `A*X + X*A' + Q = 0`; differentiate the equation.",
    source="Kao & Hennequin 2020, Automatic differentiation of Sylvester, Lyapunov equations",
)
