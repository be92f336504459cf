"""Layers of networks by the names of PyTorch and NumPy: windows, orders, labels, norms."""

from collections.abc import Callable, Mapping, Sequence

from matderiv.errors import Span
from matderiv.input.python.arguments import PythonCall, flat
from matderiv.input.python.arrays import Arrays
from matderiv.input.python.operands import Array, Extent, Items, Value, Word
from matderiv.language.sizes import is_open
from matderiv.language.source import Call, Node


def _applied(lib: Arrays, call: PythonCall, name: str, a: Array, *numbers: int) -> Array:
    """A function of the text language of an array and whole numbers."""
    typed = [lib.build.number(abs(k), call.span) for k in numbers]
    signed = [
        n if k >= 0 else lib.build.operation("neg", (n,), call.span)
        for n, k in zip(typed, numbers, strict=True)
    ]
    node = lib.build.call(name, (a.node, *signed), call.span, call.place)
    return Array(node, lib.build.shape(node) or a.shape)


def _given(found: Mapping[str, Value], name: str) -> Value | None:
    """An argument that is there and is not None."""
    value = found.get(name)
    return None if isinstance(value, Word) and value.text == "None" else value


def _number(call: PythonCall, found: Mapping[str, Value], name: str, default: int) -> int:
    value = _given(found, name)
    both = [call.whole(v) for v in flat([value])] if value is not None else [default]
    if None in both or len(set(both)) > 1:
        raise call.error(f"takes one whole number as {name}", f"{name}=1")
    return both[0] or 0


# Other orders -------------------------------------------------------------------------------------


def _cumsum(lib: Arrays, call: PythonCall) -> Array:
    found = call.bind("a", "axis")
    a = lib.axes_at_least(call.first(found), 1)
    place = lib.place_of(call.axis(found), a, call.span)
    if place is None and a.rank > 1:
        raise call.error("of a matrix needs an axis", f"{call.name}(X, axis=1)")
    return _applied(
        lib, call, "cumsum", a, *([place + 1] if a.rank > 1 and place is not None else [])
    )


def _flip(lib: Arrays, call: PythonCall) -> Array:
    """Along some axes, in NumPy along all unless they are said."""
    found = call.bind("a", "axis")
    a = lib.axes_at_least(call.first(found), 1)
    axes: Sequence[int | None] = range(a.rank)
    if _given(found, "axis") is not None:
        axes = [call.whole(v) for v in flat([found["axis"]])]
    for axis in axes:
        if axis is None:
            raise call.error("takes axes, whole numbers", "np.flip(X, axis=0)")
        a = _along(lib, call, "flip", a, axis)
    return a


def _along(lib: Arrays, call: PythonCall, name: str, a: Array, axis: int, *by: int) -> Array:
    place = lib.place_of(axis, a, call.span)
    assert place is not None
    return _applied(lib, call, name, a, *by, *([place + 1] if a.rank > 1 else []))


def _roll(lib: Arrays, call: PythonCall) -> Array:
    found = call.bind("a", "shift", "axis")
    a = lib.axes_at_least(call.first(found), 1)
    by, axis = call.whole(found.get("shift")), call.axis(found)
    if by is None or (axis is None and a.rank > 1):
        raise call.error("takes a whole number, and an axis of a matrix", "np.roll(X, 1, axis=0)")
    return _along(lib, call, "roll", a, axis or 0, by)


# Labels -------------------------------------------------------------------------------------------


def onehot(lib: Arrays, call: PythonCall, y: Array, classes: Extent) -> Array:
    """A row for each label, which Python counts from 0."""
    first = lib.sum_of([y, lib.number(1, y.span)], y.span)
    nodes = (first.node, lib.extent(classes).node)
    node = lib.build.call("onehot", nodes, call.span, call.place)
    return Array(node, (*y.shape, classes.size))


def _one_hot(lib: Arrays, call: PythonCall) -> Array:
    found = call.bind("a", "num_classes")
    y, many = lib.axes_at_least(call.first(found), 1), found.get("num_classes")
    if isinstance(many, Array):
        size = call.whole(many) or lib.as_size(many)
        many = many if size is None else Extent(size, call.span)
    if not isinstance(many, Extent) or y.rank > 1:
        raise call.error("takes a vector of labels and how many there are", "F.one_hot(y, 10)")
    return onehot(lib, call, y, many)


def _embedding(lib: Arrays, call: PythonCall) -> Array:
    found = call.bind("a", "weight")
    y = lib.axes_at_least(call.first(found), 1)
    table = lib.axes_at_least(call.array_of(found.get("weight", found["a"])), 2)
    if y.rank > 1:
        raise call.error("is read for a vector of labels", "F.embedding(y, E)")
    return of_labels(lib, table, y, call.span)


def of_labels(lib: Arrays, table: Array, y: Array, span: Span) -> Array:
    """The rows that labels say, which Python counts from 0: E[y]."""
    first = lib.sum_of([y, lib.number(1, y.span)], y.span)
    node = lib.build.call("rows", (table.node, first.node), span)
    return Array(node, (*y.shape, *table.shape[1:]))


def picked(lib: Arrays, a: Array, places: Sequence[Value], span: Span) -> Array | None:
    """X[np.arange(n), y], an entry of each row; None where places or rows are others."""
    rows, y = (*places, None, None)[:2]
    if len(places) != 2 or not isinstance(rows, Array) or not isinstance(y, Array):
        return None
    every = isinstance(rows.node, Call) and rows.node.name == "arange"
    if not every or (y.rank, a.rank) != (1, 2):
        return None
    if rows.shape != a.shape[:1] and not is_open(a.shape[0]):
        return None
    first = lib.sum_of([y, lib.number(1, y.span)], y.span)
    many = lib.extent(Extent(a.shape[1], span, a.node))
    chosen = Array(lib.build.call("onehot", (first.node, many.node), span), a.shape)
    return lib.reduced("sum", lib.product(chosen, a, span), 1, False, span)


# Windows ------------------------------------------------------------------------------------------


def _correlation(lib: Arrays, call: PythonCall) -> Array:
    names = ("weight", "bias", "stride", "padding", "dilation", "groups")
    found = call.bind("a", *names)
    if _given(found, "bias") is not None or "weight" not in found:
        raise call.error("is read without a bias", f"F.{call.name}(x, w, stride=2)")
    x, w = call.first(found), call.array_of(found["weight"])
    steps = [_number(call, found, n, k) for n, k in zip(names[2:], (1, 0, 1, 1), strict=True)]
    numbers = [lib.build.number(k, call.span) for k in steps]
    return call.made(call.name, (x.node, w.node, *numbers))


def _pool(lib: Arrays, call: PythonCall) -> Array:
    found = call.bind("a", "kernel_size", "stride", "padding")
    call.only(found, "padding", 0)
    size = _number(call, found, "kernel_size", 0)
    name = call.name.replace("_pool", "pool").replace("pool1d", "pool")
    return _applied(lib, call, name, call.first(found), size, _number(call, found, "stride", size))


def _numpy_convolution(lib: Arrays, call: PythonCall) -> Array:
    """np.convolve turns its kernel around, np.correlate does not."""
    found = call.bind("a", "v", "mode")
    default = "full" if call.name == "convolve" else "valid"
    given = found.get("mode")
    mode = given.text if isinstance(given, Word) else default
    if mode not in ("full", "valid") or "v" not in found:
        raise call.error("is read for mode='full' and mode='valid'")
    x, w = call.first(found), call.array_of(found["v"])
    if (mode == "full") != (call.name == "convolve"):
        w = _applied(lib, call, "flip", w)
    return call.made("conv" if mode == "full" else "conv1d", (x.node, w.node))


# Norms and products -------------------------------------------------------------------------------


def _norm(name: str, *before: str) -> Callable[[Arrays, PythonCall], Array]:
    def read(lib: Arrays, call: PythonCall) -> Array:
        last = "eps" if name == "rmsnorm" else "bias"
        found = call.bind("a", *before, "weight", last, named=("training", "eps"))
        a = lib.axes_at_least(call.first(found), 1)
        if a.rank > 2 or (a.rank < 2 and name not in ("layernorm", "rmsnorm")):
            raise call.error("is read for a matrix", f"F.{call.name}(X, ...)")
        more: list[Node] = []
        eps = _given(found, "eps")
        if name == "groupnorm":
            call.only(found, "eps", -1)
            more.append(lib.build.number(_number(call, found, "num_groups", 1), call.span))
        elif eps is not None or name == "rmsnorm":  # whose eps is that of the numbers: nothing
            more.append(call.array_of(eps).node if eps else lib.build.number(0, call.span))
        node = lib.build.call(name, (a.node, *more), call.span, call.place)
        normed = Array(node, a.shape)
        weight, bias = _given(found, "weight"), _given(found, "bias")
        if weight is not None:
            scale = lib.axes_at_least(call.array_of(weight), 1)
            normed = lib.product(normed, scale, call.span)
        if bias is not None:
            shift = lib.axes_at_least(call.array_of(bias), 1)
            normed = lib.sum_of([normed, shift], call.span)
        return normed

    return read


def _attention(lib: Arrays, call: PythonCall) -> Array:
    found = call.bind("a", "key", "value", named=("is_causal",))
    if len(found) < 3:
        raise call.error("takes three matrices", f"F.{call.name}(Q, K, V)")
    q, k, v = call.first(found), call.array_of(found["key"]), call.array_of(found["value"])
    if not call.flag(found, "is_causal"):
        return call.made("attention", (q.node, k.node, v.node))
    scores = lib.matmul(q, lib.transpose(k, k.span[1]), call.span)
    build = lib.build
    rows, width = (lib.extent(Extent(q.shape[k], call.span, q.node, k)).node for k in (-2, -1))
    root = build.call("sqrt", (width,), call.span)
    scaled = build.operation("div", (scores.node, root), call.span)
    below = build.call("tril", (build.call("ones", (rows, rows), call.span),), call.span)
    weights = build.call("masked_softmax", (scaled, below), call.span, call.place)
    return lib.matmul(Array(weights, (q.shape[0], k.shape[0])), v, call.span)


def _linear(lib: Arrays, call: PythonCall) -> Array:
    found = call.bind("a", "weight", "bias")
    if "weight" not in found:
        raise call.error("takes an array and a matrix", "F.linear(x, W, b)")
    w, bias = call.array_of(found["weight"]), _given(found, "bias")
    made = lib.matmul(call.first(found), lib.transpose(w, w.span[1]), call.span)
    return made if bias is None else lib.sum_of([made, call.array_of(bias)], call.span)


def _as_text(call: PythonCall) -> Array:
    """The function that the text language has by this name."""
    return call.made(call.name, [a.node for a in call.arrays(len(call.values))])


def _cell(lib: Arrays, call: PythonCall) -> Value:
    """A step of torch's recurrent cells; an LSTM has two states, and gives both."""
    if not call.module and not any(isinstance(v, Items) for v in call.values):
        return _as_text(call)
    found = call.bind("a", "hx", "w_ih", "w_hh", "b_ih", "b_hh")
    states, lstm = flat([found[n] for n in ("hx",) if n in found]), call.name == "lstm_cell"
    if len(found) < 4 or len(states) != 1 + lstm:
        hint = f"torch.{call.name}(x, {'(h, c)' if lstm else 'h'}, W, U)"
        raise call.error("takes an input, a state and two matrices", hint)
    given = [call.first(found), *map(call.array_of, states)]
    given += [call.array_of(v) for v in list(found.values())[2:]]
    nodes = [a.node for a in given]
    if call.name == "rnn_tanh_cell":
        return call.made("rnn_cell", nodes)
    made = call.made(call.name, nodes)
    return Items((made, call.made("lstm_memory", nodes)), call.span) if lstm else made


def _dropout(lib: Arrays, call: PythonCall) -> Array:
    """The array itself where nothing is left out; a random mask has to be given."""
    if not call.module and len(call.values) == 3:
        return _as_text(call)
    found = call.bind("a", "p", "training", "inplace")
    if "training" not in found or call.flag(found, "training"):
        raise call.error("draws a random mask", "x * mask / (1 - p)")
    return lib.renamed(call.first(found), call.span)


def _factors(lib: Arrays, call: PythonCall) -> Items:
    """What eigh, eig, qr and svd give, the vectors with signs of our own."""
    own, records, names = _FACTORS[call.name]
    a = call.first(found := call.bind("a", *own))
    for name in own:
        usual, said = _WHOLE.get(name, ()), getattr(found.get(name), "text", "")
        if usual and said not in usual and (name in found or name == "full_matrices"):
            setting = f"{name}={usual[0]}"
            raise call.error(f"is read with {setting}", f"{call.name}(A, {setting})")
    parts = [call.made(name, (a.node,)) for name in records]
    if call.name == "svd":
        parts[-1] = lib.transpose(parts[-1], call.span[1])
    return Items(tuple(parts), call.span, names)


_WHOLE = {"full_matrices": ("False",), "mode": ("'reduced'", "reduced", "economic")}
_PAIR = ("eigenvalues", "eigenvectors")
_FACTORS = {
    "eigh": (("UPLO",), ("eigvalsh", "eigvecsh"), _PAIR),
    "eig": ((), ("eigvals", "eigvecs"), _PAIR),
    "svd": (("full_matrices",), ("svd_u", "svdvals", "svd_v"), ("U", "S", "Vh")),
    "qr": (("mode",), ("qr_q", "qr_r"), ("Q", "R")),
}
"""Parameters, records and names of what each gives."""

LAYERS: dict[str, Callable[[Arrays, PythonCall], Value]] = {
    "cumsum": _cumsum,
    "flip": _flip,
    "roll": _roll,
    "one_hot": _one_hot,
    "embedding": _embedding,
    **dict.fromkeys(("conv1d", "conv2d"), _correlation),
    **{f"{how}_pool{k}d": _pool for how in ("max", "avg") for k in (1, 2)},
    **dict.fromkeys(("convolve", "correlate"), _numpy_convolution),
    "layer_norm": _norm("layernorm", "normalized_shape"),
    "rms_norm": _norm("rmsnorm", "normalized_shape"),
    "group_norm": _norm("groupnorm", "num_groups"),
    "batch_norm": _norm("batchnorm", "running_mean", "running_var"),
    "scaled_dot_product_attention": _attention,
    "linear": _linear,
    **dict.fromkeys(("rnn_tanh_cell", "lstm_cell", "gru_cell"), _cell),
    "dropout": _dropout,
    **dict.fromkeys(_FACTORS, _factors),
}
