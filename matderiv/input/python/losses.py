"""Losses of PyTorch by their names: means over all entries unless `reduction` says otherwise.

They are formulas of entries, written in Python, as are functions with numbers as parameters.
"""

import ast
from collections.abc import Callable, Mapping
from fractions import Fraction

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


_SIGNS: dict[type[ast.cmpop], str] = {ast.Gt: "gt", ast.Lt: "lt"}


def written(lib: Arrays, call: PythonCall, formula: str, named: Mapping[str, Array]) -> Array:
    """A formula of entries in Python, with arrays for its names."""

    def read(node: ast.expr) -> Array:
        match node:
            case ast.Name(id=name):
                return named[name]
            case ast.Constant(value=value):
                return Array(lib.build.number(Fraction(str(value)), call.span), ())
            case ast.UnaryOp(operand=inner):
                return lib.negative(read(inner), call.span)
            case ast.Call(func=ast.Name(id=name), args=args):
                values = [read(arg) for arg in args]
                if name in ("maximum", "minimum", "where"):
                    return lib.entrywise(name, values, call.span)
                nodes = [value.node for value in values]
                return Array(lib.build.call(name, nodes, call.span, call.place), values[0].shape)
            case ast.Compare(left=left, ops=[sign], comparators=[right]):
                return lib.entrywise(_SIGNS[type(sign)], (read(left), read(right)), call.span)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return lib.sum_of([read(left), lib.negative(read(right), call.span)], call.span)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return lib.sum_of([read(left), read(right)], call.span)
            case ast.BinOp(left=left, op=operator, right=right):
                made = {ast.Mult: lib.product, ast.Div: lib.quotient, ast.Pow: lib.power}
                return made[type(operator)](read(left), read(right), call.span)
        raise AssertionError(formula)

    return read(ast.parse(formula, mode="eval").body)


def with_numbers(
    lib: Arrays, call: PythonCall, found: Mapping[str, Value], numbers: Mapping[str, str]
) -> dict[str, Array]:
    """The parameters that are numbers, as given or as by default."""
    return {
        n: call.array_of(found[n]) if n in found else written(lib, call, default, {})
        for n, default in numbers.items()
    }


def _reduced(lib: Arrays, call: PythonCall, found: Mapping[str, Value], each: Array) -> Array:
    given = found.get("reduction")
    word = given.text if isinstance(given, Word) else "mean" if given is None else ""
    if word not in REDUCED:
        raise call.error("takes reduction='mean', 'sum' or 'none'")
    name = REDUCED[word]
    return lib.reduced(name, each, None, False, call.span) if name and each.rank else each


def _loss(formula: str, *more: str, **numbers: str) -> Callable[[Arrays, PythonCall], Array]:
    """A loss by what it is for each entry of a, b and `more`, with numbers as by default."""

    def read(lib: Arrays, call: PythonCall) -> Array:
        found = call.bind("a", "target", *more, named=("reduction", *numbers))
        a, b = _entries(lib, call, found)
        if missing := [n for n in more if n not in found]:
            raise call.error(f"takes {missing[0]} as well")
        arrays = {n: call.array_of(found[n]) for n in more}
        lib.added_kinds([a, *arrays.values()])
        named = {"a": a, "b": b, **arrays, **with_numbers(lib, call, found, numbers)}
        return _reduced(lib, call, found, written(lib, call, formula, named))

    return read


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
    each = written(lib, call, "b*(log(b) - a)", {"a": a, "b": b})
    given = found.get("reduction")
    if not isinstance(given, Word) or given.text != "batchmean":
        return _reduced(lib, call, found, each)
    total = lib.reduced("sum", each, None, False, call.span)
    rows = Array(written_size(str(a.shape[0]), call.span), ())
    return lib.quotient(total, rows, call.span) if a.rank else total


LOSSES: dict[str, Callable[[Arrays, PythonCall], Value]] = {
    "mse_loss": _loss("(a - b)**2"),
    "l1_loss": _loss("abs(a - b)"),
    "huber_loss": _loss("huber(a - b, delta)", delta="1"),
    "smooth_l1_loss": _loss("huber(a - b, beta)/beta", beta="1"),
    "binary_cross_entropy": _loss("-(b*log(a) + (1 - b)*log(1 - a))"),
    "binary_cross_entropy_with_logits": _loss("softplus(a) - b*a"),
    "soft_margin_loss": _loss("softplus(-(b*a))"),
    "hinge_embedding_loss": _loss("where(b > 0, a, maximum(0, margin - a))", margin="1"),
    "margin_ranking_loss": _loss("maximum(0, margin - y*(a - b))", "y", margin="0"),
    "poisson_nll_loss": _loss("exp(a) - b*a"),
    "gaussian_nll_loss": _loss(
        "(log(maximum(var, eps)) + (a - b)**2/maximum(var, eps))/2", "var", eps="1e-6"
    ),
    "nll_loss": _nll,
    "kl_div": _kl_div,
}

FORMULAS: dict[str, tuple[str, dict[str, str]]] = {
    **dict.fromkeys(("negative", "neg"), ("-a", {})),
    "elu": ("where(a > 0, a, alpha*(exp(a) - 1))", {"alpha": "1"}),
    "celu": ("maximum(a, 0) + minimum(alpha*(exp(a/alpha) - 1), 0)", {"alpha": "1"}),
    "softplus": ("softplus(beta*a)/beta", {"beta": "1"}),
    "threshold": ("where(a > threshold, a, value)", {"threshold": "", "value": ""}),
    "prelu": ("maximum(a, 0) + weight*minimum(a, 0)", {"weight": ""}),
    "hardshrink": ("where(abs(a) > lambd, a, 0)", {"lambd": "0.5"}),
    "softshrink": ("a - maximum(minimum(a, lambd), -lambd)", {"lambd": "0.5"}),
}
"""Functions of entries with numbers as parameters, and what these are by default."""


def of_entries(lib: Arrays, call: PythonCall) -> Array:
    """A function of each entry by its formula."""
    formula, numbers = FORMULAS[call.name]
    found = call.bind("a", *numbers, named=("inplace",))
    a = call.first(found)
    if missing := [n for n, default in numbers.items() if not default and n not in found]:
        raise call.error(f"takes {missing[0]} as well")
    return written(lib, call, formula, {"a": a, **with_numbers(lib, call, found, numbers)})
