"""Products of NumPy and PyTorch: dot, inner, vdot, outer, kron, einsum and their kin."""

from collections.abc import Callable

from matderiv.input.python.arguments import TORCH, PythonCall, flat
from matderiv.input.python.arrays import Arrays
from matderiv.input.python.operands import Array, Value, Word
from matderiv.shapes import long_axes, times


def _dot(lib: Arrays, call: PythonCall) -> Array:
    a, b = (lib.axes_at_least(v, 1) for v in call.arrays(2))
    if a.rank == 0 or b.rank == 0:
        return lib.product(a, b, call.span)
    if b.rank > 2 or (call.module and call.dialect == TORCH and (a.rank, b.rank) != (1, 1)):
        raise call.error("takes two vectors", "A @ B")
    return lib.matmul(a, b, call.span)


def _matmul(lib: Arrays, call: PythonCall) -> Array:
    """np.matmul, and PyTorch's mm, mv and bmm, which take arrays of so many axes alone."""
    given = call.arrays(2)
    wanted = {"mm": (2, 2), "mv": (2, 1), "bmm": (3, 3)}.get(call.name, (1, 1))
    a, b = (lib.axes_at_least(v, k) for v, k in zip(given, wanted, strict=True))
    if call.name != "matmul" and (a.rank, b.rank) != wanted:
        raise call.impossible(f"takes arrays of {wanted[0]} and {wanted[1]} axes", "A @ B")
    return lib.matmul(a, b, call.span)


def _vdot(lib: Arrays, call: PythonCall) -> Array:
    """Over all entries; of undeclared matrices they have the same shape."""
    a, b = (lib.axes_at_least(v, 1) for v in call.arrays(2))
    alike = a.shape == b.shape or (lib.build.scope.guess and a.rank == 2)
    if a.rank == b.rank and a.rank and alike and not (a.mask and b.mask):
        both = lib.entrywise("hadamard", (a, b), call.span)
        return lib.reduced("sum", both, None, False, call.span)
    return lib.matmul(lib.as_vector(a, a.span), lib.as_vector(b, b.span), call.span)


def _multi_dot(lib: Arrays, call: PythonCall) -> Array:
    values = flat(call.values)
    call.values = []
    call.bind()
    if len(values) < 2:
        raise call.error("takes a list of two arrays or more", "np.linalg.multi_dot([A, B, x])")
    found = call.array_of(values[0])
    for value in values[1:]:
        right = call.array_of(value)
        found = lib.matmul(found, right, (found.span[0], right.span[1]))
    return found


def _outer(lib: Arrays, call: PythonCall) -> Array:
    a, b = (lib.as_vector(lib.axes_at_least(v, 1), v.span) for v in call.arrays(2))
    row = lib.as_row(b, b.span)
    return lib.matmul(lib.as_column(a, a.span), row, call.span)


def _kron(lib: Arrays, call: PythonCall) -> Array:
    """A vector beside a matrix is a row."""
    a, b = call.arrays(2)
    if {a.rank, b.rank} == {1, 2}:
        a, b = (lib.as_row(v, v.span) if v.rank == 1 else v for v in (a, b))
    if a.rank != b.rank or a.rank > 2:
        return lib.product(a, b, call.span)
    node = lib.build.call("kron", (a.node, b.node), call.span, call.place)
    return Array(node, tuple(times(s, t) for s, t in zip(a.shape, b.shape, strict=True)))


def _einsum(lib: Arrays, call: PythonCall) -> Array:
    if not call.values or not isinstance(call.values[0], Word):
        raise call.error("starts with a pattern in quotes", 'np.einsum("ij,j->i", A, x)')
    call.keywords.pop("optimize", None)
    spec, rest = call.values[0], call.values[1:]
    call.values = []
    call.bind()
    arrays = [call.array_of(v) for v in flat(rest)]
    before, _, after = spec.text.replace(" ", "").partition("->")
    for letters, a in zip(before.split(","), arrays, strict=False):
        lib.axes_at_least(a, len(letters))
        if len(letters) != a.rank or len(lib.build.shape(a.node) or ()) != a.rank:
            raise call.error(f"has {letters} for an array of {a.rank} axes", "one letter per axis")
    if arrays and all(a.mask for a in arrays):
        raise call.error("of comparisons gives True and False", "(x > 0).astype(float)")
    nodes = [a.node for a in arrays]
    pattern = lib.build.string(spec.text, spec.span)
    node = lib.build.call("einsum", (pattern, *nodes), call.span, call.place)
    shape = lib.build.shape(node)
    if "->" in spec.text and shape is not None and len(shape) != len(after):
        raise call.error("with an axis of size 1 is not read")
    return Array(node, shape or ())


def _solve(lib: Arrays, call: PythonCall) -> Array:
    a, b = call.arrays(2)
    b = lib.axes_at_least(b, 1)
    if a.rank != 2 or b.rank not in (1, 2):
        raise call.error("takes a matrix and a vector or a matrix", "np.linalg.solve(A, b)")
    node = lib.build.call("solve", (a.node, b.node), call.span, call.place)
    return Array(node, b.shape)


def _matrix_power(lib: Arrays, call: PythonCall) -> Array:
    a, b = call.arrays(2)
    if a.rank != 2 or (call.whole(b) is None and b.rank):
        raise call.error("takes a matrix and a whole number", "np.linalg.matrix_power(A, 2)")
    return Array(lib.build.operation("power", (a.node, b.node), call.span), a.shape)


# Norms --------------------------------------------------------------------------------------------

ENTRIES = {"2": "norm2", "1": "norm1", "inf": "norminf"}
"""Norms of the entries, whatever their arrangement."""

MATRICES = {"": "norm2", "fro": "norm2", "nuc": "norm_nuc", "2": "norm_spec"}
"""Norms of a matrix."""


def _norm(lib: Arrays, call: PythonCall) -> Array:
    """Norms by library: PyTorch's torch.norm takes entries, NumPy's with an order matrices."""
    linalg = "linalg" in lib.text[slice(*call.place)]
    tensors = call.method or (call.dialect == TORCH and not linalg)  # no array has a method norm
    order_name = "p" if tensors or "p" in call.keywords else "ord"
    found = call.bind("a", order_name, "axis", "keepdims")
    a = lib.axes_at_least(call.first(found), 1)
    kind = _kind(call, found.get(order_name))
    axis, kept = call.axis(found), call.flag(found, "keepdims")
    by_entries = order_name == "p" or call.name == "vector_norm"
    if axis is not None:
        return _along_axis(lib, call, a, kind, axis, kept)
    shape = (1,) * a.rank if kept else ()
    if a.rank < 2 or by_entries:
        names = {**ENTRIES, "": "norm2"}
        if by_entries and a.rank == 2:
            names |= {"fro": "norm2", "nuc": "norm_nuc"}
    else:
        names = MATRICES
        if kind == "2" and not call.module and call.name == "norm":
            said = "with order 2 is the spectral norm in NumPy, the Frobenius norm in PyTorch"
            raise call.error(said, "np.linalg.norm(A, 2) or torch.norm(A, 2)")
        if len(long_axes(a.shape)) < 2 and kind == "2":
            names = {**names, "2": "norm2"}  # one row or one column
    if kind.isdigit() and kind not in names and (a.rank < 2 or by_entries) and kind != "0":
        order = lib.build.number(int(kind), call.span)
        entries = lib.as_vector(a, a.span).node
        return Array(lib.build.call("norm_p", (entries, order), call.span, call.place), shape)
    if a.rank > 2 or kind not in names or (call.name == "matrix_norm" and a.rank != 2):
        raise call.error("with this order is not read", "np.linalg.norm(x), ord=1, ord=np.inf")
    node, name = a.node, names[kind]
    if by_entries and len(long_axes(a.shape)) == 2 and name in ("norm1", "norminf"):
        node = lib.as_vector(a, a.span).node
    return Array(lib.build.call(name, (node,), call.span, call.place), shape)


def _kind(call: PythonCall, order: Value | None) -> str:
    """The order of a norm as a word; "" for the default."""
    if order is None or (isinstance(order, Word) and order.text == "None"):
        return ""
    if isinstance(order, Word):
        return order.text
    whole = call.whole(order)
    if whole is None:
        raise call.error("with this order is not read", "np.linalg.norm(x), ord=1, ord=np.inf")
    return str(whole)


def _along_axis(lib: Arrays, call: PythonCall, a: Array, kind: str, axis: int, kept: bool) -> Array:
    """The norm of each row or of each column."""
    if kind not in ("", *ENTRIES):
        raise call.error("with this order along an axis is not read", "ord=1, ord=2, ord=np.inf")
    entries = "square" if kind in ("", "2") else "abs"
    inside = Array(lib.build.call(entries, (a.node,), a.span), a.shape)
    name = "max" if kind == "inf" else "sum"
    total = lib.reduced(name, inside, axis, kept, call.span)
    if kind not in ("", "2"):
        return total
    return Array(lib.build.call("sqrt", (total.node,), call.span), total.shape)


PRODUCTS: dict[str, Callable[[Arrays, PythonCall], Value]] = {
    "dot": _dot,
    **dict.fromkeys(("matmul", "mm", "mv", "bmm"), _matmul),
    "vdot": _vdot,
    **dict.fromkeys(("multi_dot", "chain_matmul"), _multi_dot),
    **dict.fromkeys(("outer", "ger"), _outer),
    "kron": _kron,
    "einsum": _einsum,
    "solve": _solve,
    "matrix_power": _matrix_power,
    **dict.fromkeys(("norm", "vector_norm", "matrix_norm"), _norm),
}
