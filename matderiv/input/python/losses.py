"""Losses of PyTorch by their names: means over all entries unless `reduction` says otherwise."""

from collections.abc import Callable, Mapping, Sequence

from matderiv.input.python.arguments import PythonCall
from matderiv.input.python.arrays import Arrays
from matderiv.input.python.layers import onehot
from matderiv.input.python.operands import Array, Value, Word
from matderiv.language.source import written_size

REDUCED = {"mean": "mean", "sum": "sum", "none": ""}


def _entries(lib: Arrays, call: PythonCall, found: Mapping[str, Value]) -> tuple[Array, Array]:
    """What was predicted and what was wanted, of one shape, and their difference."""
    a = call.first(found)
    b = call.array_of(found["target"]) if "target" in found else None
    if b is None:
        raise call.error("takes two arrays", f"F.{call.name}(x, y)")
    lib.added_kinds([a, b])
    if a.rank != b.rank:
        raise call.error("takes two arrays of one shape")
    return a, b


def _less(lib: Arrays, a: Array, b: Array, call: PythonCall) -> Array:
    return lib.sum_of([a, lib.negative(b, b.span)], call.span)


def _called(lib: Arrays, name: str, a: Array, call: PythonCall, *more: Array) -> Array:
    nodes = [a.node, *(m.node for m in more)]
    return Array(lib.build.call(name, nodes, call.span, call.place), a.shape)


def _reduced(lib: Arrays, call: PythonCall, found: Mapping[str, Value], each: Array) -> Array:
    given = found.get("reduction")
    word = given.text if isinstance(given, Word) else "mean" if given is None else ""
    if word not in REDUCED:
        raise call.error("takes reduction='mean', 'sum' or 'none'")
    name = REDUCED[word]
    return lib.reduced(name, each, None, False, call.span) if name and each.rank else each


def _loss(
    each: Callable[[Arrays, PythonCall, Array, Array, Mapping[str, Value]], Array],
    more: Sequence[str] = (),
) -> Callable[[Arrays, PythonCall], Array]:
    """A loss by what it is for each entry; `more` are parameters beside `reduction`."""

    def read(lib: Arrays, call: PythonCall) -> Array:
        found = call.bind("a", "target", named=("reduction", *more))
        a, b = _entries(lib, call, found)
        return _reduced(lib, call, found, each(lib, call, a, b, found))

    return read


def _squared(
    lib: Arrays, call: PythonCall, a: Array, b: Array, found: Mapping[str, Value]
) -> Array:
    return lib.power(_less(lib, a, b, call), lib.number(2, call.span), call.span)


def _huber(lib: Arrays, call: PythonCall, a: Array, b: Array, found: Mapping[str, Value]) -> Array:
    """Quadratic within delta; smooth_l1_loss is the same over beta."""
    name = "delta" if call.name == "huber_loss" else "beta"
    one = lib.number(1, call.span)
    bound = call.array_of(found[name]) if name in found else one
    huber = _called(lib, "huber", _less(lib, a, b, call), call, bound)
    return huber if name == "delta" else lib.quotient(huber, bound, call.span)


def _logits(lib: Arrays, call: PythonCall, a: Array, b: Array, found: Mapping[str, Value]) -> Array:
    """softplus(z) - y z."""
    scored = lib.negative(lib.product(b, a, call.span), call.span)
    return lib.sum_of([_called(lib, "softplus", a, call), scored], call.span)


def _binary(lib: Arrays, call: PythonCall, a: Array, b: Array, found: Mapping[str, Value]) -> Array:
    """-(y log p + (1 - y) log(1 - p))."""
    one = lib.number(1, call.span)
    other = _called(lib, "log", _less(lib, one, a, call), call)
    first = lib.product(b, _called(lib, "log", a, call), call.span)
    second = lib.product(_less(lib, one, b, call), other, call.span)
    return lib.negative(lib.sum_of([first, second], call.span), call.span)


def _soft_margin(
    lib: Arrays, call: PythonCall, a: Array, b: Array, found: Mapping[str, Value]
) -> Array:
    """log(1 + exp(-y z))."""
    margin = lib.negative(lib.product(b, a, call.span), call.span)
    return _called(lib, "softplus", margin, call)


def of_labels(lib: Arrays, call: PythonCall) -> Array | None:
    """cross_entropy and nll_loss of rows and their labels; None for another target."""
    found = call.bind("a", "target", named=("reduction",))
    a = call.first(found)
    y = call.array_of(found["target"]) if "target" in found else None
    if y is None or (a.rank, y.rank) != (2, 1):
        return None
    chosen = onehot(lib, call, y, a.shape[1])
    if call.name == "cross_entropy":
        a = lib.along("log_softmax", a, 1, call.span)
    picked = lib.reduced("sum", lib.product(chosen, a, call.span), 1, False, call.span)
    return _reduced(lib, call, found, lib.negative(picked, call.span))


def _nll(lib: Arrays, call: PythonCall) -> Array:
    loss = of_labels(lib, call)
    if loss is None:
        raise call.error("takes a matrix and a label for each row", "F.nll_loss(Z, y)")
    return loss


def _kl_div(lib: Arrays, call: PythonCall) -> Array:
    """y (log y - x); 'batchmean' divides the sum by the number of rows."""
    found = call.bind("a", "target", named=("reduction",))
    a, b = _entries(lib, call, found)
    each = lib.product(b, _less(lib, _called(lib, "log", b, call), a, call), call.span)
    given = found.get("reduction")
    if not isinstance(given, Word) or given.text != "batchmean":
        return _reduced(lib, call, found, each)
    total = lib.reduced("sum", each, None, False, call.span)
    rows = Array(written_size(str(a.shape[0]), call.span), ())
    return lib.quotient(total, rows, call.span) if a.rank else total


LOSSES: dict[str, Callable[[Arrays, PythonCall], Value]] = {
    "mse_loss": _loss(_squared),
    "l1_loss": _loss(
        lambda lib, call, a, b, found: _called(lib, "abs", _less(lib, a, b, call), call)
    ),
    "huber_loss": _loss(_huber, ("delta",)),
    "smooth_l1_loss": _loss(_huber, ("beta",)),
    "binary_cross_entropy": _loss(_binary),
    "binary_cross_entropy_with_logits": _loss(_logits),
    "soft_margin_loss": _loss(_soft_margin),
    "nll_loss": _nll,
    "kl_div": _kl_div,
}
