"""Arrays in another form: transposed, reshaped, of one axis more or less; ones, identities."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from matderiv.input.python.arguments import NUMPY, TORCH, PythonCall, flat
from matderiv.input.python.arrays import Arrays
from matderiv.input.python.blocks import BLOCKS
from matderiv.input.python.operands import Array, Extent, Items, Value, Word
from matderiv.language.source import written_size
from matderiv.shapes import Size, is_scalar, long_axes, times

# Axes in another order ----------------------------------------------------------------------------


def _transpose(lib: Arrays, call: PythonCall) -> Array:
    """np.transpose takes an order of all axes, torch.transpose two axes to swap."""
    if not call.values:
        return lib.transpose(call.first(call.bind("a", "axes")), call.span[1])
    a = call.array_of(call.values[0])
    given = call.values[1:] or [v for k, v in call.keywords.items() if k == "axes"]
    listed = len(given) == 1 and isinstance(given[0], Items)
    if not given or (len(given) == 1 and isinstance(given[0], Word) and given[0].text == "None"):
        return lib.transpose(a, call.span[1])
    axes = _axes(call, a, flat(given))
    if not listed and call.dialect != NUMPY and len(axes) == 2:
        order, axes = axes, swap(a.rank, *axes)
        if call.dialect != TORCH and axes != order:
            said = "is an order of all axes in NumPy, and in PyTorch the axes that are swapped"
            raise call.error(f"{order} {said}", "X.T for the transpose")
    return _ordered(lib, call, a, axes)


def _swapped(lib: Arrays, call: PythonCall) -> Array:
    found = call.bind("a", "axis1", "axis2")
    a = call.first(found)
    if len(found) != 3:
        raise call.error("takes an array and two axes", f"{call.name}(X, 0, 1)")
    return _ordered(lib, call, a, swap(a.rank, *_axes(call, a, [found["axis1"], found["axis2"]])))


def _permuted(lib: Arrays, call: PythonCall) -> Array:
    if not call.values:
        raise call.error("takes an array and its axes in a new order", "X.permute(1, 0)")
    a = call.array_of(call.values[0])
    axes = _axes(call, a, flat(call.values[1:]))
    call.values = call.values[:1]
    call.bind("a")
    return _ordered(lib, call, a, axes)


def _turned(lib: Arrays, call: PythonCall) -> Array:
    (a,) = call.arrays(1)
    if call.name == "t" and call.dialect == TORCH:
        a = lib.axes_at_least(a, 2)  # of one axis it would say nothing
    return lib.transpose(a, call.span[1])


def _axes(call: PythonCall, a: Array, values: Sequence[Value]) -> tuple[int, ...]:
    """Axes counted from 0."""
    places = [call.whole(v) or 0 for v in values]
    call.library.axes_at_least(a, max((k + 1 if k >= 0 else -k for k in places), default=1))
    found = []
    for value in values:
        axis = call.whole(value)
        if axis is None or not -a.rank <= axis < a.rank:
            raise call.impossible(f"takes axes of an array that has {a.rank}", "X.transpose(1, 0)")
        found.append(axis % a.rank)
    return tuple(found)


def swap(rank: int, i: int, j: int) -> tuple[int, ...]:
    """The order of axes with two of them swapped.

    >>> swap(3, 0, 2), swap(2, 1, 1)
    ((2, 1, 0), (0, 1))
    """
    axes = list(range(rank))
    axes[i], axes[j] = axes[j], axes[i]
    return tuple(axes)


def _ordered(lib: Arrays, call: PythonCall, a: Array, axes: tuple[int, ...]) -> Array:
    if sorted(axes) != list(range(a.rank)):
        raise call.impossible(f"takes each of the {a.rank} axes once", "X.transpose(1, 0)")
    if axes == tuple(range(a.rank)):
        return lib.renamed(a, call.span)
    if a.rank == 2:
        return lib.transpose(a, call.span[1])
    places = [lib.build.number(k + 1, call.span) for k in axes]
    node = lib.build.call("permute", (a.node, *places), call.span)
    return replace(a, node=node, shape=tuple(a.shape[k] for k in axes))


# Axes more or less --------------------------------------------------------------------------------


def _squeeze(lib: Arrays, call: PythonCall) -> Array:
    """Axes of size 1 are dropped: all of them, or the one that is named."""
    found = call.bind("a", "axis")
    a = call.first(found)
    axis = lib.place_of(call.axis(found), a, call.span)
    kept = [k for k, s in enumerate(a.shape) if s != 1 or axis not in (None, k)]
    if len(kept) == a.rank:
        if axis is not None and call.dialect != TORCH:
            raise call.error(f"drops axis {axis}, which is not of size 1")
        return lib.renamed(a, call.span)
    if a.rank > 2:
        raise call.error("is read for vectors and matrices")
    if kept == [1]:
        return lib.as_vector(a, call.span)
    return replace(lib.renamed(a, call.span), shape=tuple(a.shape[k] for k in kept))


def _unsqueeze(lib: Arrays, call: PythonCall) -> Array:
    found = call.bind("a", "axis")
    a, axis = lib.axes_at_least(call.first(found), 1), call.axis(found)
    if a.rank > 1 and axis is not None and -a.rank - 1 <= axis <= a.rank:
        return lib.with_axes(a, [*[False] * (axis % (a.rank + 1)), True], call.span)
    if a.rank != 1 or axis not in (0, 1, -1, -2):
        raise call.error("is read for vectors", "x.unsqueeze(1)")
    return lib.as_row(a, call.span) if axis in (0, -2) else lib.as_column(a, call.span)


def _flattened(lib: Arrays, call: PythonCall) -> Array:
    found = call.bind("a", "order")
    return lib.as_vector(_in_order(lib, call, call.first(found), found.get("order")), call.span)


def _reshape(lib: Arrays, call: PythonCall) -> Array:
    """To one axis, to a column or a row, or to the shape that it has."""
    order = call.keywords.pop("order", None)
    given = call.values[1:] or [v for k, v in call.keywords.items() if k in ("shape", "newshape")]
    if call.values and given and not call.method and len(call.values) == 3:
        order, given = given[1], given[:1]
    if not call.values or not given:
        raise call.error("takes an array and sizes", "x.reshape(-1, 1)")
    a = lib.axes_at_least(call.array_of(call.values[0]), 1)
    sizes = [_size(lib, call, v) for v in flat(given)]
    target = _filled_in(sizes, a)
    if target == a.shape:
        _in_order(lib, call, a, order)
        return lib.renamed(a, call.span)
    a = _in_order(lib, call, a, order)
    total = times(*a.shape)
    if target == (total,):
        return lib.as_vector(a, call.span)
    if target == (total, 1):
        return lib.as_column(a, call.span)
    if target == (1, total):
        return lib.as_row(a, call.span)
    if len(target) == 2 and a.rank <= 2 and times(*target) == total and isinstance(total, int):
        sizes_of = [written_size(str(s), call.span) for s in target[::-1]]
        node = lib.build.call("unvec", (lib.as_vector(a, call.span).node, *sizes_of), call.span)
        return Array(lib.build.transpose(node, call.span[1]), target)
    raise call.error("is read for columns, rows and flat vectors", "x.reshape(-1, 1)")


def _size(lib: Arrays, call: PythonCall, value: Value) -> Size:
    """A size of a target shape; -1 for the rest."""
    if isinstance(value, Extent):
        return value.size
    whole = call.whole(value)
    if whole is not None:
        return whole
    size = lib.as_size(call.array_of(value))
    if size is None:
        raise call.error("takes sizes", "x.reshape(-1, 1)")
    return size


def _filled_in(sizes: Sequence[Size], a: Array) -> tuple[Size, ...]:
    """The target shape with -1 replaced; unchanged where the rest is not clear."""
    others = [s for s in sizes if s != -1]
    if len(others) == len(sizes):
        return tuple(sizes)
    left = list(a.shape)
    for size in others:
        if size in left:
            left.remove(size)
        elif size != 1:
            return tuple(sizes)
    return tuple(times(*left) if s == -1 else s for s in sizes)


def _in_order(lib: Arrays, call: PythonCall, a: Array, order: Value | None) -> Array:
    """The array so that its rows, read one after the other, are in the order asked for."""
    letter = order.text if isinstance(order, Word) else "C" if order is None else ""
    if letter not in ("C", "F"):
        raise call.error("takes order='C' or order='F'")
    return lib.transpose(a, a.span[1]) if letter == "F" and a.rank > 1 else a


def _diag(lib: Arrays, call: PythonCall) -> Array:
    """A vector on a diagonal, or the diagonal of a matrix."""
    (given,) = call.arrays(1)
    a = lib.axes_at_least(given, 1)
    from_matrix = a.rank == 2 and len(long_axes(a.shape)) == 2
    if not (from_matrix and call.name in ("diag", "diagonal")):
        if a.rank != 1 or call.name == "diagonal":
            raise call.error("is read for vectors and for whole matrices", "np.diag(x)")
    node = lib.build.call("diag", (a.node,), call.span, call.place)
    return Array(node, lib.build.shape(node) or (), mask=a.mask)


# Constants ----------------------------------------------------------------------------------------


def _eye(lib: Arrays, call: PythonCall) -> Array:
    found = call.bind("a")
    if "a" not in found:
        raise call.error("needs a size", f"np.{call.name}(n)")
    sizes = call.sizes([found["a"]])
    if sizes is None:
        return lib.array(lib.build.identity(call.span))
    if len(sizes) != 1:
        raise call.error("takes one size", f"np.{call.name}(n)")
    return call.made("eye", sizes)


def _filled(lib: Arrays, call: PythonCall) -> Array:
    shape = flat(call.values)
    if len(call.values) > 1 and call.dialect == NUMPY:
        raise call.error("takes its sizes in brackets", f"np.{call.name}((m, n))")
    call.values = []
    call.bind()
    if not shape:
        raise call.error("needs sizes", f"np.{call.name}(n)")
    if len(shape) > 2:
        raise call.error("is read for vectors and matrices")
    sizes = call.sizes(shape)
    fill = 1 if call.name == "ones" else 0
    column = len(shape) == 2 and _size(lib, call, shape[1]) == 1
    if sizes is None:
        named = "vector" if len(shape) == 1 or column else "matrix"
        found = call.made(named, (lib.build.number(fill, call.span),))
    else:
        found = call.made(call.name, sizes[:1] if column else sizes)
    plain = lib.build.shape(found.node) or ()
    return Array(found.node, (*plain, 1) if column else plain)


def _count(lib: Arrays, call: PythonCall) -> Extent:
    """x.numel(), X.size(0)."""
    found = call.bind("a", "axis")
    a = lib.axes_at_least(call.first(found), 1)
    axis = call.axis(found)
    if axis is not None and not a.rank:
        raise call.impossible("is that of an array, and this is a number")
    place = lib.place_of(axis, a, call.span)
    if place is None and call.name == "size" and call.method:
        raise call.error("needs an axis here", "X.size(0), X.shape[0]")
    if place is None and a.rank != 1:
        return Extent(times(*a.shape), call.span)
    place = place or 0
    return Extent(a.shape[place], call.span, a.node, place - a.rank)


# Copies and types ---------------------------------------------------------------------------------


def _copied(lib: Arrays, call: PythonCall) -> Array:
    (a,) = call.arrays(1)
    return lib.renamed(a, call.span)


def _constant(lib: Arrays, call: PythonCall) -> Array:
    raise call.error("makes a constant of what is derived", "the array without it")


def _typed(lib: Arrays, call: PythonCall) -> Array:
    """x.astype(float), x.to(torch.float64): whole numbers only where there are only 0 and 1."""
    values = [*call.values[1:], *call.keywords.values()]
    if not call.values:
        raise call.error("needs an array", f"x.{call.name}(...)")
    a = call.array_of(call.values[0])
    for value in values:
        if isinstance(value, Word) and (a.mask or value.text in _DEVICES):
            continue
        if not isinstance(value, Array) or call.name == "astype":
            call.check_type(value)
    return replace(lib.renamed(a, call.span), mask=False)


_DEVICES = frozenset(("cpu", "cuda", "device", "mps"))


def _cast(lib: Arrays, call: PythonCall) -> Array:
    """x.float(), float(a), mask.long()."""
    (a,) = call.arrays(1)
    if call.name in ("int", "long") and not a.mask and call.whole(a) is None:
        raise call.error(f"to {call.name} cuts digits off", "float")
    if not call.method and not is_scalar(a.shape):
        raise call.error("takes a number", "x.astype(float)")
    shape = a.shape if call.method else ()
    return replace(lib.renamed(a, call.span), mask=False, shape=shape)


def _item(lib: Arrays, call: PythonCall) -> Array:
    (a,) = call.arrays(1)
    if not is_scalar(a.shape):
        raise call.error("takes an array of one entry")
    return replace(lib.renamed(a, call.span), shape=())


FORMS: dict[str, Callable[[Arrays, PythonCall], Value]] = {
    "transpose": _transpose,
    **dict.fromkeys(("swapaxes", "swapdims"), _swapped),
    **dict.fromkeys(("permute", "permute_dims"), _permuted),
    "t": _turned,
    "squeeze": _squeeze,
    **dict.fromkeys(("unsqueeze", "expand_dims"), _unsqueeze),
    **dict.fromkeys(("ravel", "flatten"), _flattened),
    **dict.fromkeys(("reshape", "view"), _reshape),
    **dict.fromkeys(("diag", "diagonal", "diagflat", "diag_embed"), _diag),
    **dict.fromkeys(("eye", "identity"), _eye),
    **dict.fromkeys(("ones", "zeros"), _filled),
    **dict.fromkeys(("numel", "size"), _count),
    **dict.fromkeys("copy clone numpy contiguous cpu from_numpy".split(), _copied),
    "detach": _constant,
    **BLOCKS,
    **dict.fromkeys(("astype", "to", "type", "type_as"), _typed),
    **dict.fromkeys("float double int long float64 float32".split(), _cast),
    "item": _item,
}
