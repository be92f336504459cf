"""Functions of NumPy, SciPy and PyTorch by their names, as functions of the text language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matderiv.errors import Span
from matderiv.input.calls import function_names
from matderiv.input.python_arguments import Call
from matderiv.input.python_arrays import Array, Arrays, Extent, Items, Value, Word
from matderiv.shapes import is_scalar

ENTRYWISE = {
    **{
        n: n
        for n in "exp log log1p expm1 sqrt sign square sin cos tan arcsin arccos arctan".split()
    },
    **{n: n for n in "sinh cosh tanh sigmoid relu elu softplus silu gelu erf step abs".split()},
    **{"a" + n: "arc" + n for n in ("sin", "cos", "tan")},
    **dict.fromkeys(("absolute", "fabs"), "abs"),
    **dict.fromkeys(("expit", "logistic"), "sigmoid"),
    **dict.fromkeys(("swish",), "silu"),
    "leaky_relu": "leaky_relu",
    "sgn": "sign",
}
PAIRS = {
    "maximum": "maximum",
    "minimum": "minimum",
    "fmax": "maximum",
    "fmin": "minimum",
    "greater": "gt",
    "less": "lt",
    "greater_equal": "ge",
    "less_equal": "le",
}
REDUCTIONS = {
    **{n: n for n in "sum mean prod max min logsumexp var std".split()},
    **dict.fromkeys(("amax", "nanmax"), "max"),
    "amin": "min",
    "average": "mean",
    "reduce_sum": "sum",
    "reduce_mean": "mean",
}
SAME = frozenset(
    "astype float double long int to copy clone detach numpy item asarray array".split()
) | {
    "float64",
    "float32",
    "tensor",
    "as_tensor",
    "squeeze",
    "contiguous",
    "cpu",
    "from_numpy",
    "type",
}
MATRIX = {
    **{n: n for n in "det inv pinv logdet expm cholesky".split()},
    "trace": "tr",
    "tr": "tr",
    "inverse": "inv",
    "matrix_exp": "expm",
}
LIKE = {"ones_like": 1, "zeros_like": 0}


class Library(Arrays):
    """What a call means, by the last part of its name: np.linalg.inv is inv."""

    def applied(
        self,
        name: str,
        values: Sequence[Value],
        keywords: Mapping[str, Value],
        span: Span,
        place: Span,
    ) -> Value:
        """The value of a call; ParseError for arguments that are not read, UnknownFunction."""
        special = _SPECIAL.get(name)
        if special is not None:
            return special(self, Call(self, name, list(values), dict(keywords), span, place))
        call = Call(self, name, list(values), dict(keywords), span, place)
        if name in ENTRYWISE:
            return self._entrywise_call(call)
        if name in PAIRS:
            a, b = call.arrays(2)
            return self.entrywise(PAIRS[name], (a, b), span)
        if name in REDUCTIONS:
            return self._reduction(call)
        if name in MATRIX:
            (a,) = call.arrays(1)
            return self.array(self.build.call(MATRIX[name], (a.node,), span, place))
        if name in SAME:
            return call.arrays(1, at_most=False)[0]
        known = name in function_names()
        nodes = [a.node for a in call.arrays(len(values))] if known else []
        return self.array(self.build.call(name, nodes, span, place))

    def _entrywise_call(self, call: Call) -> Array:
        arrays = call.arrays(1, at_most=False)
        nodes = [a.node for a in arrays]
        slope = call.keywords.pop("negative_slope", None)
        if slope is not None:
            nodes.append(call.array_of(slope).node)
        call.keywords.pop("inplace", None)
        call.finish()
        made = self.build.call(ENTRYWISE[call.name], nodes, call.span, call.place)
        return Array(made, arrays[0].shape)

    def _reduction(self, call: Call) -> Array:
        name = REDUCTIONS[call.name]
        if name in ("max", "min") and len(call.values) == 2 and isinstance(call.values[1], Array):
            whole = call.whole(call.values[1])
            if whole is None or is_scalar(call.array_of(call.values[0]).shape):
                a, b = call.arrays(2)
                return self.entrywise({"max": "maximum", "min": "minimum"}[name], (a, b), call.span)
        axis, kept = call.axis(), call.flag("keepdims", "keepdim")
        call.keywords.pop("dtype", None)
        if name in ("var", "std"):
            call.biased()
        (a,) = call.arrays(1)
        return self.reduced(name, a, axis, kept, call.span)


# What needs more than a name ----------------------------------------------------------------------


def _dot(lib: Library, call: Call) -> Array:
    a, b = call.arrays(2)
    if is_scalar(a.shape) or is_scalar(b.shape):
        return lib.product(a, b, call.span)
    if call.name == "inner" and a.rank == b.rank == 2:
        b = lib.transpose(b, b.span[1])
    return lib.matmul(a, b, call.span)


def _multi_dot(lib: Library, call: Call) -> Array:
    values = call.values
    if len(values) == 1 and isinstance(values[0], Items):
        values = list(values[0].values)
    found = call.array_of(values[0])
    for value in values[1:]:
        right = call.array_of(value)
        found = lib.matmul(found, right, (found.span[0], right.span[1]))
    return found


def _outer(lib: Library, call: Call) -> Array:
    a, b = (lib.as_vector(v, v.span) for v in call.arrays(2))
    row = lib.as_row(b, b.span)
    return lib.matmul(lib.as_column(a, a.span), row, call.span)


def _arithmetic(lib: Library, call: Call) -> Array:
    a, b = call.arrays(2)
    if call.name in ("multiply", "mul"):
        return lib.product(a, b, call.span)
    if call.name in ("divide", "true_divide", "div"):
        return lib.quotient(a, b, call.span)
    if call.name in ("power", "pow", "float_power"):
        return lib.power(a, b, call.span)
    if call.name in ("subtract", "sub"):
        b = lib.negative(b, b.span)
    return lib.sum_of([a, b], call.span)


def _negative(lib: Library, call: Call) -> Array:
    return lib.negative(call.arrays(1)[0], call.span)


def _reciprocal(lib: Library, call: Call) -> Array:
    return lib.quotient(lib.number(1, call.span), call.arrays(1)[0], call.span)


def _where(lib: Library, call: Call) -> Array:
    return lib.entrywise("where", call.arrays(3), call.span)


def _heaviside(lib: Library, call: Call) -> Array:
    a, b = call.arrays(2)
    if call.whole(b) != 0:
        raise call.error("is read with the value 0 at 0 only", "np.heaviside(z, 0)")
    return Array(lib.build.call("step", (a.node,), call.span, call.place), a.shape)


def _clip(lib: Library, call: Call) -> Array:
    bounds = {"min": call.keywords.pop("min", None), "max": call.keywords.pop("max", None)}
    for name, value in zip(bounds, call.values[1:], strict=False):
        bounds[name] = value
    found, call.values = call.array_of(call.values[0]), call.values[:1]
    call.finish()
    for name, function in (("min", "maximum"), ("max", "minimum")):
        bound = bounds[name]
        if bound is not None and not isinstance(bound, Word):
            found = lib.entrywise(function, (found, call.array_of(bound)), call.span)
    return found


def _transpose(lib: Library, call: Call) -> Array:
    call.values = call.values[:1] if len(call.values) in (1, 3) else call.values
    (a,) = call.arrays(1)
    return lib.transpose(a, call.span[1])


def _norm(lib: Library, call: Call) -> Array:
    order = call.keywords.pop("ord", call.keywords.pop("p", None))
    if order is None and len(call.values) > 1:
        order = call.values.pop(1)
    axis, kept = call.axis(), call.flag("keepdims", "keepdim")
    (a,) = call.arrays(1)
    kind = (
        "2" if order is None else order.text if isinstance(order, Word) else str(call.whole(order))
    )
    if axis is not None and a.rank == 2 and kind == "2":
        squares = Array(lib.build.call("square", (a.node,), a.span), a.shape)
        total = lib.reduced("sum", squares, axis, kept, call.span)
        return Array(lib.build.call("sqrt", (total.node,), call.span), total.shape)
    matrix = lib.build.axes(a.node) == 2
    if matrix:
        names = {"2": "norm2" if order is None else "norm_spec", "fro": "norm2", "nuc": "norm_nuc"}
    else:
        names = {"2": "norm2", "fro": "norm2", "1": "norm1", "inf": "norminf"}
    if kind not in names or axis not in (None, 0, -1):
        raise call.error("with this order is not read", "np.linalg.norm(x), ord=1, ord=np.inf")
    return call.made(names[kind], (a.node,))


def _solve(lib: Library, call: Call) -> Array:
    a, b = call.arrays(2)
    return Array(lib.build.call("solve", (a.node, b.node), call.span, call.place), b.shape)


def _slogdet(lib: Library, call: Call) -> Items:
    (a,) = call.arrays(1)
    inside = lib.build.call("det", (a.node,), call.span)
    sign = Array(lib.build.call("sign", (inside,), call.span), ())
    return Items((sign, call.made("logdet", (a.node,))), call.span)


def _eye(lib: Library, call: Call) -> Array:
    sizes = call.sizes(call.values[:1])
    if sizes is None:
        return lib.array(lib.build.identity(call.span))
    return call.made("eye", sizes)


def _filled(lib: Library, call: Call) -> Array:
    call.keywords.pop("dtype", None)
    call.finish()
    shape = call.values
    if len(shape) == 1 and isinstance(shape[0], Items):
        shape = list(shape[0].values)
    if not shape:
        raise call.error("needs sizes", f"np.{call.name}(n)")
    sizes = call.sizes(shape)
    fill = 1 if call.name == "ones" else 0
    one = call.whole(shape[-1]) == 1 if len(shape) == 2 else False
    if sizes is None:
        named = "vector" if len(shape) == 1 or one else "matrix"
        found = call.made(named, (lib.build.number(fill, call.span),))
    else:
        found = call.made(call.name, sizes[:1] if one else sizes)
    plain = lib.build.shape(found.node) or ()
    return Array(found.node, (*plain, 1) if one else plain)


def _like(lib: Library, call: Call) -> Array:
    call.keywords.pop("dtype", None)
    (a,) = call.arrays(1)
    number = lib.build.number(LIKE[call.name], call.span)
    if not a.shape:
        return Array(number, ())
    one = lib.build.operation("mul", (lib.build.number(0, a.span), a.node), a.span)
    return Array(lib.build.operation("add", (one, number), call.span), a.shape)


def _diag(lib: Library, call: Call) -> Array:
    (a,) = call.arrays(1)
    node = lib.build.call("diag", (a.node,), call.span, call.place)
    return Array(node, lib.build.shape(node) or ())


def _reshape(lib: Library, call: Call) -> Array:
    order = call.keywords.pop("order", None)
    a, rest = call.array_of(call.values[0]), call.values[1:]
    call.finish()
    if len(rest) == 1 and isinstance(rest[0], Items):
        rest = list(rest[0].values)
    if rest and isinstance(rest[-1], Word):
        order = rest.pop()
    if isinstance(order, Word) and order.text == "F" and a.rank == 2:
        a = lib.transpose(a, a.span[1])
    if not rest or (len(rest) == 1):
        return lib.as_vector(a, call.span)
    if len(rest) == 2 and call.whole(rest[1]) == 1:
        return lib.as_column(a, call.span)
    if len(rest) == 2 and call.whole(rest[0]) == 1:
        return lib.as_row(a, call.span)
    raise call.error("is read for columns, rows and flat vectors", "x.reshape(-1, 1)")


def _unsqueeze(lib: Library, call: Call) -> Array:
    axis = call.axis()
    (a,) = call.arrays(1)
    if a.rank != 1 or axis not in (0, 1, -1):
        raise call.error("is read for vectors", "x.unsqueeze(1)")
    return lib.as_row(a, call.span) if axis == 0 else lib.as_column(a, call.span)


def _einsum(lib: Library, call: Call) -> Array:
    spec, *rest = call.values
    if not isinstance(spec, Word):
        raise call.error("starts with a pattern in quotes", 'np.einsum("ij,j->i", A, x)')
    nodes = [call.array_of(v).node for v in rest]
    node = lib.build.call(
        "einsum", (lib.build.string(spec.text, spec.span), *nodes), call.span, call.place
    )
    return Array(node, lib.build.shape(node) or ())


def _along(lib: Library, call: Call) -> Array:
    axis = call.axis()
    (a,) = call.arrays(1)
    return lib.along(call.name, a, axis, call.span)


def _logsigmoid(lib: Library, call: Call) -> Array:
    (a,) = call.arrays(1)
    inner = lib.build.call("softplus", (lib.negative(a, a.span).node,), call.span, call.place)
    return lib.negative(Array(inner, a.shape), call.span)


def _logaddexp(lib: Library, call: Call) -> Array:
    a, b = call.arrays(2)
    powers = [Array(lib.build.call("exp", (v.node,), v.span), v.shape) for v in (a, b)]
    total = lib.sum_of(powers, call.span)
    return Array(lib.build.call("log", (total.node,), call.span), total.shape)


def _length(lib: Library, call: Call) -> Extent:
    (a,) = call.arrays(1)
    if not a.shape:
        raise call.error("of a number does not exist")
    return Extent(a.shape[0], call.span)


def _kron(lib: Library, call: Call) -> Array:
    a, b = call.arrays(2)
    return call.made("kron", (a.node, b.node))


def _vec(lib: Library, call: Call) -> Array:
    node = lib.build.call(call.name, [a.node for a in call.arrays(1)], call.span, call.place)
    return Array(node, lib.build.shape(node) or ())


def _matrix_power(lib: Library, call: Call) -> Array:
    a, b = call.arrays(2)
    return Array(lib.build.operation("power", (a.node, b.node), call.span), a.shape)


_SPECIAL: dict[str, Callable[[Library, Call], Value]] = {
    **dict.fromkeys(("dot", "matmul", "inner", "vdot", "mm", "mv", "bmm"), _dot),
    **dict.fromkeys(("multi_dot", "chain_matmul"), _multi_dot),
    **dict.fromkeys(("outer", "ger"), _outer),
    **dict.fromkeys(
        "multiply mul divide true_divide div power pow float_power".split(), _arithmetic
    ),
    **dict.fromkeys(("add", "subtract", "sub"), _arithmetic),
    **dict.fromkeys(("negative", "neg"), _negative),
    "reciprocal": _reciprocal,
    "where": _where,
    "heaviside": _heaviside,
    **dict.fromkeys(("clip", "clamp"), _clip),
    **dict.fromkeys(("transpose", "t", "swapaxes", "permute_dims"), _transpose),
    **dict.fromkeys(("norm", "vector_norm", "matrix_norm"), _norm),
    "solve": _solve,
    "slogdet": _slogdet,
    **dict.fromkeys(("eye", "identity"), _eye),
    **dict.fromkeys(("ones", "zeros"), _filled),
    **dict.fromkeys(LIKE, _like),
    **dict.fromkeys(("diag", "diagonal", "diagflat", "diag_embed"), _diag),
    **dict.fromkeys(("reshape", "view", "ravel", "flatten"), _reshape),
    **dict.fromkeys(("unsqueeze", "expand_dims"), _unsqueeze),
    "einsum": _einsum,
    **dict.fromkeys(("softmax", "log_softmax"), _along),
    "logaddexp": _logaddexp,
    **dict.fromkeys(("logsigmoid", "log_sigmoid", "log_expit"), _logsigmoid),
    "len": _length,
    "kron": _kron,
    "vec": _vec,
    "matrix_power": _matrix_power,
}


def is_function(name: str) -> bool:
    """True for a name that a call may have without a module before it."""
    known = (_SPECIAL, ENTRYWISE, PAIRS, REDUCTIONS, MATRIX, LIKE)
    return any(name in table for table in known) or name in function_names() or name in SAME
