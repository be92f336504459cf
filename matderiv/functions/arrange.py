"""Functions that rearrange entries: diag, vec, the Kronecker product, constants of given shape."""

from collections.abc import Sequence
from typing import Any

from matderiv.errors import ShapeError
from matderiv.expr import Expr, Params, apply, eye, is_
from matderiv.functions.algebra import elementwise_axes, product_shape, transpose_rule
from matderiv.functions.record import (
    Function,
    constant,
    scalar_rule,
    shaped,
    shorthand,
    square_rule,
    structural,
)
from matderiv.lazy import np
from matderiv.shapes import Shape, Size, Unify, is_scalar, long_axes, plus, same, shape_text, times


def _diag_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    (s,) = shapes
    if len(s) == 2 and len(long_axes(s)) == 2:
        return square_rule("vector")(shapes, params, unify)
    if len(s) > 2:
        raise ShapeError(f"diag needs a vector or a square matrix, this is {shape_text(s)}")
    long = [s[k] for k in long_axes(s)]
    return (long[0], long[0]) if long else s


def _diag_axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
    inner = node.args[0].shape
    if len(node.shape) == 1 and len(inner) == 2 and len(long_axes(inner)) == 2:
        return [(out[0], out[0])], []
    if not long_axes(inner):
        return [(None,) * len(inner)], []
    entries = tuple(out[0] if s != 1 else None for s in inner)
    return [entries], [(eye(node.shape[0]), tuple(out))]


def _diag(x: Any) -> Any:
    if np.size(x) == 1:
        return x
    return np.diagonal(x) if np.ndim(x) == 2 and 1 not in np.shape(x) else np.diag(np.ravel(x))


DIAG = structural(
    "diag",
    _diag_rule,
    _diag_axes,
    numpy=_diag,
    says="Linear: diag of a vector is a matrix, diag of a matrix its diagonal.",
)


def _vec_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    if len(shapes[0]) > 2:
        raise ShapeError(f"vec stacks the columns of a matrix, this is {shape_text(shapes[0])}")
    return (times(*shapes[0]),) if shapes[0] else (1,)


def fuse(*sizes: Size) -> Expr:
    """The constant F with F[(i,j), i, j] = 1 that joins axes, the first the slowest."""
    return apply("fuse", params=sizes)


FUSE = constant(
    "fuse",
    lambda p: (times(*p), *p),
    lambda m, n: np.eye(m * n).reshape(m * n, m, n),
    "Joins two axes into one; behind vec and the Kronecker product.",
    ones=lambda m, n, t, i, j: (plus(t, times(-1, j)), times(n, plus(i, -1))),
    call="internal",
)


def joined(index: Any, first: Any, second: Any, sizes: tuple[Size, Size]) -> list[Any]:
    """The factors that say that `index` runs over the pairs (first, second)."""
    m, n = sizes
    if m == 1 and n == 1:
        return []
    if m == 1 or n == 1:
        return [(eye(n if m == 1 else m), (index, second if m == 1 else first))]
    return [(fuse(m, n), (index, first, second))]


def _vec_axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
    shape = node.args[0].shape
    if len(shape) < 2:
        return [tuple(out[: len(shape)])], []
    m, n = shape
    i, j = fresh(m), fresh(n)
    return [(i, j)], joined(out[0], j, i, (n, m))


VEC = structural(
    "vec",
    _vec_rule,
    _vec_axes,
    numpy=lambda x: np.ravel(np.transpose(x)),
    says="vec stacks the columns; it is linear.",
    source="Magnus & Neudecker, ch. 2.4",
    example="vec(X)",
)


def _unvec_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    m, n = params
    if len(long_axes(shapes[0])) > 1:
        raise ShapeError(
            f"unvec takes a vector, this is {shape_text(shapes[0])}", hint="vec(X) comes first"
        )
    entries = times(*shapes[0]) if shapes[0] else 1
    try:
        unify(entries, times(m, n))
    except ShapeError as error:
        raise ShapeError(
            f"unvec to {shape_text((m, n))} needs {times(m, n)} entries, there are {entries}"
        ) from error
    return (m, n)


def _unvec_axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
    m, n = node.params
    inner = node.args[0].shape
    k = fresh(times(m, n))
    return [tuple(k if s != 1 else None for s in inner)], joined(k, out[1], out[0], (n, m))


UNVEC = structural(
    "unvec",
    _unvec_rule,
    _unvec_axes,
    numpy=lambda x, m, n: np.reshape(x, (n, m)).T,
    arity=(1, 1),
    call="like",
    says="The inverse of vec for an m × n matrix.",
    example="unvec(x, 2, 3)",
)


def _sides(shape: Shape) -> tuple[Size, Size]:
    return (shape[0], shape[1]) if len(shape) == 2 else ((shape[0] if shape else 1), 1)


def _kron_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    if any(len(s) > 2 for s in shapes):
        raise ShapeError("kron joins vectors and matrices")
    (p, q), (m, n) = _sides(shapes[0]), _sides(shapes[1])
    if all(len(s) <= 1 for s in shapes):
        return (times(p, m),)
    return (times(p, m), times(q, n))


def _kron_axes(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
    a, b = node.args
    patterns, extra = [], []
    picked: dict[int, list[Any]] = {0: [], 1: []}
    for shape in (a.shape, b.shape):
        pattern = [fresh(s) for s in shape]
        patterns.append(tuple(pattern))
        for side in (0, 1):
            picked[side].append(pattern[side] if side < len(pattern) else None)
    for side, index in enumerate(out):
        sizes = (_sides(a.shape)[side], _sides(b.shape)[side])
        extra += joined(index, picked[side][0], picked[side][1], sizes)
    return patterns, extra


KRON = structural(
    "kron",
    _kron_rule,
    _kron_axes,
    numpy=lambda A, B: np.kron(_column(A, B), _column(B, A)),
    says="The Kronecker product is bilinear: `d(kron(A, B)) = kron(dA, B) + kron(A, dB)`.",
    source="Magnus & Neudecker, ch. 2",
)


def _column(x: Any, other: Any) -> Any:
    return np.reshape(x, (-1, 1)) if np.ndim(x) < 2 and np.ndim(other) == 2 else x


def _outer_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    return product_shape(shapes[0], transpose_rule((shapes[1],), (), unify), unify)


shorthand("outer", _outer_rule, lambda x, y: x @ y.T, says="`outer(u, v) = u*v'`.")


shorthand(
    "dot",
    scalar_rule,
    lambda x, y: (
        x.T @ y if len(x.shape) == len(y.shape) == 1 else apply("sum", x * y, params=(None,))
    ),
    says="`dot(u, v) = u'*v`.",
)


def _constant_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    if not is_scalar(shapes[0]):
        raise ShapeError(f"the entries of a constant are a number, not {shape_text(shapes[0])}")
    return tuple(params)


def _constant_like(name: str, says: str) -> Function:
    return structural(
        name,
        _constant_rule,
        elementwise_axes,
        numpy=lambda c, *sizes: np.broadcast_to(c, sizes) * 1.0,
        call="like-neighbour",
        symbols=1,
        says=says,
        example=f"{name}(1)",
    )


VECTOR = _constant_like("vector", "A constant vector; its size follows from its neighbour.")
MATRIX = _constant_like("matrix", "A constant matrix; its sizes follow from its neighbour.")


# Blocks and differences ---------------------------------------------------------------------------


def _extent(shape: Shape) -> tuple[Size, Size]:
    """Rows and columns; a vector is a column, a number has one of each."""
    if len(shape) > 2:
        raise ShapeError(f"blocks are numbers, vectors and matrices, this is {shape_text(shape)}")
    return shape[0] if shape else 1, shape[1] if len(shape) == 2 else 1


def _blocks_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    if len(shapes) % params[0]:
        given = ", ".join(map(shape_text, shapes))
        raise ShapeError(f"{given} do not fill lines of {params[0]} blocks")
    if len(shapes) == 1:
        return shapes[0]
    rows, columns = _grid(tuple(map(_extent, shapes)), params[0], unify)
    high, wide = plus(*rows), plus(*columns)
    flat = len(columns) == 1 and all(len(s) < 2 for s in shapes)
    return (high,) if flat else (high, wide)


def _grid(
    extents: Sequence[tuple[Size, Size]], across: int, unify: Unify = same
) -> tuple[list[Size], list[Size]]:
    """The rows of each line of blocks and the columns of each column of blocks."""
    rows = [e[0] for e in extents[::across]]
    columns = [e[1] for e in extents[:across]]
    for k, (r, c) in enumerate(extents):
        rows[k // across] = unify(rows[k // across], r)
        columns[k % across] = unify(columns[k % across], c)
    return rows, columns


def _blocks(*blocks: Expr, across: int) -> Expr:
    """The sum of the blocks, each in its place."""
    rows, columns = _grid([_extent(b.shape) for b in blocks], across)
    downs, overs = _places(rows), _places(columns)
    found = []
    for k, b in enumerate(blocks):
        down, over = downs[k // across], overs[k % across]
        placed = b if down is None else down @ b if b.shape and down.shape[1:] else down * b
        if len(b.shape) == 2 and down is not None and not down.shape[1:]:
            placed = down @ b
        factors = placed.args if is_(placed, "mul") and placed.shape else (placed,)
        found.append(placed if over is None else apply("mul", *factors, over.T))
    return apply("add", *found)


def _places(sizes: Sequence[Size]) -> list[Expr | None]:
    """What puts each of some blocks beside each other in its place; None for a single one."""
    if len(sizes) == 1:
        return [None]
    total, start = plus(*sizes), plus(1)
    found: list[Expr | None] = []
    for s in sizes:
        single = apply("unit", params=(total, start))
        found.append(single if s == 1 else apply("cols", params=(total, start, plus(start, s, -1))))
        start = plus(start, s)
    return found


shorthand(
    "blocks",
    _blocks_rule,
    lambda *args: _blocks(*args[:-1], across=args[-1]),
    arity=(1, 100),
    call="columns",
    says="Blocks in lines: [x; h] one below the other, [A, B] side by side, [A, B; C, D].",
    example="blocks(A, B, columns=2)",
)


def _diff_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    return (plus(*shaped("n -> n", "diff needs a vector")(shapes, params, unify), -1),)


def _diff(x: Expr) -> Expr:
    n = x.shape[0]
    later = apply("cols", params=(n, 2, n))
    earlier = apply("cols", params=(n, 1, plus(n, -1)))
    return (later - earlier).T @ x


shorthand("diff", _diff_rule, _diff, says="diff(x) has the entries x_(i+1) - x_i.")
