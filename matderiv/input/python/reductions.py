"""What NumPy and PyTorch compute over axes: sums, means, maxima, variances, softmax."""

from collections.abc import Callable, Mapping

from matderiv.arguments import pairs
from matderiv.input.python.arguments import NUMPY, TORCH, PythonCall
from matderiv.input.python.arrays import Arrays
from matderiv.input.python.operands import Array, Extent, Items, Value, Word
from matderiv.language.source import Name, postorder
from matderiv.shapes import is_scalar

NAMES = pairs("""
    sum sum        mean mean         prod prod   max max   nanmax max  logsumexp logsumexp
    nansum sum     average mean      amax max    min min   nanmin min
    reduce_sum sum reduce_mean mean  amin min
""")


def _reduced(lib: Arrays, call: PythonCall) -> Value:
    name = NAMES[call.name]
    pair = name in ("max", "min") and len(call.values) == 2
    if pair and not isinstance(call.values[1], Word):
        a, b = (call.array_of(v) for v in call.values)
        whole = call.whole(call.values[1]) is not None
        numbers = not a.rank and not b.rank
        if not call.module and not call.method and not numbers and whole:
            said = "can be the larger of two entries, or along an axis"
            raise call.error(said, f"np.{name}imum(x, 0) or np.{name}(X, axis=0)")
        if not whole or (is_scalar(a.shape) and not call.method and call.dialect != NUMPY):
            return _compared(lib, call, a, b, name)
    _check_array(lib, call)
    third = () if call.dialect == NUMPY else ("keepdims",)
    found = call.bind("a", "axis", *third, named=("keepdims",))
    axis, kept = call.axis(found), call.flag(found, "keepdims")
    made = lib.reduced(name, call.first(found), axis, kept, call.span)
    torch = call.dialect == TORCH or "dim" in call.keywords
    picked = lib.build.text[call.span[1] :].lstrip()[:2] in ("[0", "[1")
    if picked and call.method and not torch and not call.dialect and "axis" not in call.keywords:
        said = "can be of each row, as in PyTorch, or the first of NumPy's"
        raise call.error(said, f"torch.{name}(X, 1)[0], or np.{name}(X, axis=1)[0]")
    if call.name in ("max", "min") and axis is not None and torch:
        return Items((made, Word("indices", call.span)), call.span, ("values", "indices"))
    return made


def _check_array(lib: Arrays, call: PythonCall) -> None:
    """A sum of `mu**2` says that mu is an array, if it is the only name there."""
    a = call.array_of(call.values[0]) if call.values else None
    if a is None or a.rank:
        return
    names = {n.name: n for n in postorder(a.node) if isinstance(n, Name)}
    guessed = [n for n in names.values() if lib.build.is_guessed(n.name)]
    if len(guessed) == len(names) == 1:
        lib.axes_at_least(lib.array(guessed[0]), 1)


def _compared(lib: Arrays, call: PythonCall, a: Array, b: Array, name: str) -> Array:
    """max(a, b), which NumPy calls maximum."""
    if call.dialect == NUMPY:
        raise call.error("takes one array", f"np.{name}imum(a, b)")
    call.bind("a", "b")
    return lib.entrywise(f"{name}imum", (a, b), call.span)


def _spread(lib: Arrays, call: PythonCall) -> Array:
    """var and std, divided by n as in NumPy; PyTorch divides by n - 1 unless it is told."""
    by_name = "axis" in call.keywords
    found = call.bind("a", "axis", named=("keepdims", "ddof", "correction", "unbiased"))
    a = call.first(found)
    axis, kept = call.axis(found), call.flag(found, "keepdims")
    if not _by_n_less_1(call, found, by_name):
        return lib.reduced(call.name, a, axis, kept, call.span)
    place = lib.place_of(axis, a, call.span)
    places = range(a.rank) if place is None else (place,)
    n = lib.number(1, call.span)
    for k in places:
        size = lib.extent(Extent(a.shape[k], call.span, a.node, k - a.rank))
        n = lib.product(n, size, call.span) if k != places[0] else size
    less = lib.sum_of([n, lib.negative(lib.number(1, call.span), call.span)], call.span)
    each = lib.product(lib.reduced("var", a, axis, kept, call.span), n, call.span)
    found_var = lib.quotient(each, less, call.span)
    if call.name == "var":
        return found_var
    return Array(lib.build.call("sqrt", (found_var.node,), call.span), found_var.shape)


def _by_n_less_1(call: PythonCall, found: Mapping[str, Value], by_name: bool) -> bool:
    for name in ("ddof", "correction"):
        if name in found:
            if call.whole(found[name]) not in (0, 1):
                raise call.error(f"is read with {name}=0 and {name}=1 only")
            return call.whole(found[name]) == 1
    if "unbiased" in found:
        return call.flag(found, "unbiased")
    if call.dialect == TORCH or "dim" in call.keywords:
        return True
    if call.method and not call.dialect and not by_name:
        said = "as a method divides by n in NumPy and by n - 1 in PyTorch"
        raise call.error(said, f"np.{call.name}(X), or unbiased=False")
    return False


def _along(lib: Arrays, call: PythonCall) -> Array:
    found = call.bind("a", "axis", named=("_stacklevel",))
    a, axis = call.first(found), call.axis(found)
    axis = -1 if axis is None and call.module == "jax" else axis
    if axis is None and a.rank > 1:
        raise call.error("of a matrix needs an axis", f"{call.name}(X, axis=1)")
    return lib.along(call.name, a, axis, call.span)


REDUCTIONS: dict[str, Callable[[Arrays, PythonCall], Value]] = {
    **dict.fromkeys(NAMES, _reduced),
    **dict.fromkeys(("var", "std"), _spread),
    **dict.fromkeys(("softmax", "softmin", "log_softmax"), _along),
}
