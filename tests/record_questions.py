"""The questions that every record answers, shared by the tests of records and of mistakes.

A record is asked through sample nodes: every combination of argument shapes that its shape rule
accepts, from a fixed list in which all sizes differ. Nothing here names a single function except
where its arguments must be special.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from truth import check

import matderiv.functions  # noqa: F401  (fills the registry)
from matderiv.errors import LimitError, NoRule, ShapeError
from matderiv.expr import REGISTRY, Expr, apply, number, variable, zeros
from matderiv.functions.algebra import align
from matderiv.functions.record import Function
from matderiv.functions.reduce import einsum_parts, reduced_size
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.report import CheckReport
from matderiv.shapes import Dim, Shape, Size, plus, shape_text, size_value

M, N, P = (Dim((letter,)) for letter in "mnp")
SHAPES: tuple[Shape, ...] = (
    (),
    (M,),
    (N,),
    (3,),
    (1, N),
    (M, N),
    (N, P),
    (N, N),
    (M, N, P),
)
PATTERNS = (
    "ij,jk->ik",
    "ij->ji",
    "ij->",
    "ij,ij->j",
    "bij,bjk->bik",
    "ii->i",
    "i,j->ij",
    "ijk,j->ki",
)
MOST = 24  # samples of one record
DIFFERENTIABLE = ("structural", "sum", "elementwise", "primitive")
SWITCHES = {("where", 0), ("polygamma", 0)}  # arguments that choose: 0 or 1
D = (Dim(("n",), 2),)


def cell(gates: int, states: int, rows: tuple[Size, ...], biases: int) -> list[Shape]:
    """The shapes of a step of a recurrent network."""
    high = Dim(("n",), gates)
    return [(*rows, M), *[(*rows, N)] * states, (high, M), (high, N), *[(high,)] * biases]


CELLS = {
    name: [cell(gates, states, (), 2), cell(gates, states, (P,), 1), cell(gates, states, (3,), 0)]
    for name, gates, states in (
        ("rnn_cell", 1, 1),
        ("lstm_cell", 4, 2),
        ("lstm_memory", 4, 2),
        ("gru_cell", 3, 1),
    )
}
MAPS = ("dexpm", "dlogm", "dsqrtm", "dsinm", "dcosm", "dpower")  # linear in the second argument
FIXED = SWITCHES | {(name, 0) for name in MAPS} | {("dpower", 2), ("rows", 1)}  # not differentiated


def records(*kinds: str) -> list[Function]:
    """All records, or those of some kinds."""
    return [r for r in REGISTRY.values() if not r.leaf and (not kinds or r.kind in kinds)]


# Samples -----------------------------------------------------------------------------------------


def arguments(record: Function, shapes: tuple[Shape, ...]) -> tuple[Expr, ...]:
    """Variables of these shapes, inside the domain that the record states."""
    made = []
    for k, shape in enumerate(shapes):
        wanted = record.domain[k] if k < len(record.domain) else ""
        facts = (
            {"positive"} if wanted == "positive" else {"posdef"} if wanted == "posdef" else set()
        )
        if (record.name, k) in SWITCHES:
            facts = {"binary"}
        made.append(variable("abc"[k], shape, facts))
    return tuple(made)


def parameters(record: Function) -> list[tuple[Any, ...]]:
    """The parameters worth trying."""
    if record.name == "window_map":
        return [(7, 3, 2, 1), (8, 3, 1, 2)]
    if record.call in ("axis", "keyword-axis"):
        return [(None,), (1,), (2,), (3,)]
    if (
        record.call in ("sizes", "like", "like-neighbour") and record.name != "cols"
    ) or record.name == "fuse":
        return [(N,), (M, N), (3,), (2, N)]
    if record.call == "abstract":
        return [("f", 0), ("f", 1)]
    if record.call == "columns":
        return [(1,), (2,)]
    if record.name == "cols":
        return [(N, 2, N), (N, 1, plus(N, -1)), (4, 2, 3)]
    if record.name in ("conv1d", "conv2d"):
        return [(), (2, 1, 1), (1, 0, 2), (2, 1, 1, 2)]
    if record.call == "numbers":
        needed = sum(default is None for _, default in record.numbers)
        axes = record.numbers[-1] == ("axis", 0)
        return [(1,) * needed, (3,) * needed, *([(2,) * needed + (2,)] if axes else [])]
    return [(2, 1), (3, 1, 2)] if record.call == "axes" else [()]


def literal_samples(name: str) -> list[tuple[Any, ...]]:
    """Arguments with literal numbers, for functions where a literal has a rule of its own."""
    scalar, vector, square = variable("a"), variable("a", (N,)), variable("a", (N, N))
    if name == "power":
        return [(square, k) for k in (1, 2, 3, -1, -2)] + [(scalar, k) for k in (2, 3, -1)]
    if name in ("dpower", "power_jacobian"):
        sure, square = variable("a", (N, N), {"posdef"}), variable("b", (N, N))
        return [(sure, square, 2.5) if name == "dpower" else (sure, 3.5)]
    if name in ("conv2d", "conv2d_full"):
        return [(variable("a", (4, 5)), variable("b", (2, 3)))]
    if name == "conv1d":
        return [(variable("a", (5,)), variable("b", (2,)))]
    if name == "groupnorm":
        return [(variable("a", (3, 6)), 2), (variable("a", (6,)), 3)]
    if name in CELLS:
        return [tuple(map(variable, "abcdefg", shapes)) for shapes in CELLS[name]]
    if name == "rope":
        return [(variable("a", x), variable("b", t)) for x, t in (((M, *D), (M, N)), (D, (N,)))]
    if name in ("qr_q", "qr_r"):
        return [(variable("a", shape),) for shape in ((4, 3), (3, 3), (3, 1))]
    if name in ("maxpool", "avgpool"):
        return [(variable("a", (7,)), 3, 2), (variable("a", (2, 6)), 2)]
    if name in ("maxpool2d", "avgpool2d"):
        return [(variable("a", (5, 4)), 2), (variable("a", (2, 5, 4)), 3, 1)]
    if name == "epow":
        return [(vector, k) for k in (2, 3, -1)] + [(variable("a", (M, N), {"positive"}), 0.5)]
    return []


def attempts(record: Function) -> Iterator[tuple[tuple[Shape, ...], tuple[Any, ...]]]:
    """Combinations of argument shapes and parameters, fitting or not."""
    if record.call == "pattern":
        for spec in PATTERNS:
            sizes: dict[str, Size] = dict(zip("bijk", (2, M, N, P), strict=True))
            operands, _ = einsum_parts(spec)
            yield tuple(tuple(sizes[c] for c in letters) for letters in operands), (spec,)
        return
    least, most = record.arity
    if record.call in ("sizes", "internal"):
        least = most = 0
    shapes = SHAPES + (((Dim(("m", "n")),),) if record.call == "like" else ())
    for count in range(least, min(most, 3) + 1):
        for chosen in product(shapes, repeat=count):
            for params in parameters(record):
                yield chosen, params


def accepts(record: Function, shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> bool:
    """True if the shape rule takes the arguments; only ShapeError may refuse them."""
    if record.call == "sizes" and not record.arity[0] <= len(params) <= record.arity[1]:
        return False
    if record.name in ("fuse", "unvec", "matrix") and len(params) != 2:
        return False
    if record.name == "vector" and len(params) != 1:
        return False
    if record.name in ("vector", "matrix") and shapes != ((),):
        return False
    if record.name == "levicivita" or record.call == "sizes":
        return True
    try:
        record.shape(shapes, params)
    except ShapeError:
        return False
    return record.name != "power" or shapes[0] == ()


def samples(record: Function) -> list[Expr]:
    """Nodes that apply the record, over shapes of every kind it takes."""
    found = [
        apply(record.name, *arguments(record, shapes), params=params)
        for shapes, params in attempts(record)
        if accepts(record, shapes, params)
    ]
    stride = max(1, -(-len(found) // MOST))
    if record.name in ("dpower", "power_jacobian"):
        stride = len(found) + 1  # only literal exponents have a value
    special = [_applied(record, args) for args in literal_samples(record.name)]
    special += [_applied(record, args) for args in channels(record.name)]
    return (found[::stride] if stride <= len(found) else []) + special


def channels(name: str) -> list[tuple[Any, ...]]:
    """Arrays with examples and channels, and steps."""
    if name == "conv1d":
        made = [((7,), (3,), 2), ((3, 8), (4, 3, 2), 2, 1), ((2, 4, 8), (6, 2, 3), 1, 1, 2, 2)]
        made.append(((1, 5), (2, 1, 3), 1))
    elif name == "conv2d":
        made = [((7, 6), (3, 2), 2, 1), ((1, 2, 4, 5), (4, 1, 3, 2), 1, 1, 1, 2)]
    else:
        return []
    return [(variable("a", x), variable("b", w), *steps) for x, w, *steps in made]


def _applied(record: Function, args: tuple[Any, ...]) -> Expr:
    if record.call != "numbers":
        return apply(record.name, *_numbers(args))
    nodes = [a for a in args if isinstance(a, Expr)]
    return apply(record.name, *nodes, params=args[len(nodes) :])


def _numbers(args: tuple[Any, ...]) -> tuple[Expr, ...]:
    from fractions import Fraction

    return tuple(a if isinstance(a, Expr) else number(Fraction(a)) for a in args)


def shown(node: Expr) -> str:
    """A node for a test's message."""
    shapes = ", ".join(shape_text(a.shape) for a in node.args)
    return f"{node.function.name}({shapes}; {node.params})"


# Values ------------------------------------------------------------------------------------------


def raw_value(node: Expr, values: dict[str, Any], sizes: dict[str, int]) -> Any:
    """What the record's NumPy function gives, before any reshaping."""
    given = tuple(evaluate(a, values, sizes) for a in node.args)
    if node.function.kind == "elementwise":
        given = align(given)
    params = [size_value(p, sizes) if isinstance(p, Dim) else p for p in node.params]
    assert node.function.numpy is not None
    return node.function.numpy(*given, *params)


def concrete(shape: Shape, sizes: dict[str, int]) -> tuple[int, ...]:
    """The shape in numbers."""
    return tuple(size_value(s, sizes) for s in shape)


# Derivatives -----------------------------------------------------------------------------------


def change_by_axes(record: Function, node: Expr, k: int, change: Expr) -> Any:
    """The change of a linear function from its index pattern: Σ of products of entries."""
    count = iter(range(10**6))
    index_size: dict[int, Size] = {}

    def fresh(s: Size) -> int | None:
        if s == 1:
            return None
        index = next(count)
        index_size[index] = s
        return index

    out = tuple(fresh(s) for s in node.shape)
    assert record.axes is not None
    slots, extra = record.axes(node, out, fresh)
    given = [change if j == k else a for j, a in enumerate(node.args)]

    def claim(values: dict[str, Any], sizes: dict[str, int]) -> Any:
        # A sum has one term per argument; the others are products of all arguments.
        parts = (
            [(given[k], slots[k])] if record.kind == "sum" else list(zip(given, slots, strict=True))
        )
        operands: list[Any] = []
        for e, indices in [*parts, *extra]:
            value = evaluate(e, values, sizes)
            keep = [axis for axis, i in enumerate(indices) if i is not None]
            operands += [value.reshape([value.shape[a] for a in keep]), [indices[a] for a in keep]]
        used = {i for pattern in operands[1::2] for i in pattern}
        for i in (i for i in out if i is not None and i not in used):
            operands += [np.ones(size_value(index_size[i], sizes)), [i]]
        result = np.einsum(*operands, [i for i in out if i is not None])
        return scale(node, sizes) * result.reshape(concrete(node.shape, sizes))

    return claim


def scale(node: Expr, sizes: dict[str, int]) -> float:
    """The factor that an index pattern cannot say."""
    if node.function.name == "mean":
        return 1 / size_value(reduced_size(node.args[0].shape, node.params[0]), sizes)
    return -1.0 if node.function.name == "neg" else 1.0


def change_expression(record: Function, node: Expr, k: int, change: Expr) -> Expr:
    """The change of a function from its partial derivatives or its differential."""
    if record.kind == "elementwise":
        return apply("hadamard", record.partials[k](*node.args, node), change) + zeros(node.shape)
    assert record.differential is not None
    result = record.differential(node, k, change)
    if [s for s in result.shape if s != 1] != [s for s in node.shape if s != 1]:
        raise ShapeError(
            f"the change is {shape_text(result.shape)}: {shape_text(node.shape)} expected"
        )
    return result


def derivative_report(record: Function, node: Expr, k: int, points: int = 3) -> CheckReport | None:
    """The record's derivative by argument k against complex steps; None if it raises NoRule.

    The node's value comes from the registry, the derivative from `record`, which may be a copy
    with a planted mistake.
    """
    argument = node.args[k]
    change = variable("change", argument.shape)
    if record.kind in ("structural", "sum"):
        claim = change_by_axes(record, node, k, change)
    else:
        try:
            answer = change_expression(record, node, k, change)
        except (NoRule, LimitError):
            return None

        def claim(values: dict[str, Any], sizes: dict[str, int]) -> Any:
            value = evaluate(answer, values, sizes)
            return np.broadcast_to(value, concrete(answer.shape, sizes))

    return check(node, argument, claim, tangent=change, points=points)


def questions(record: Function) -> list[tuple[Expr, int]]:
    """The (sample, argument) pairs whose derivative is asked for."""
    return [
        (node, k)
        for node in samples(record)
        for k, a in enumerate(node.args)
        if not a.function.name == "number" and (record.name, k) not in FIXED
    ]
