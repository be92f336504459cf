"""A circuit with numbers, as people read them: the value and the gradient of every node.

Values come from `numeric.evaluate`, in stable forms; gradients are the expressions of the backward
pass, evaluated. A gradient that is not finite because a number on the way overflowed is found again
from the expression as a whole.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any

from matderiv.circuit.nodes import CONSTANT, Circuit, Node
from matderiv.circuit.passes import Backprop, Edge, direct
from matderiv.errors import ShapeError, UnknownName
from matderiv.expr import Expr, is_, substitute, variable, variables
from matderiv.language.printer import text
from matderiv.language.tokens import GREEK_SIGNS
from matderiv.lazy import np
from matderiv.numeric.evaluate import (
    Array,
    Arrays,
    Sizes,
    ValueProgram,
    as_array,
    bind,
    compile_,
    evaluate,
    sizes_in,
)
from matderiv.shapes import concrete, shape_text

DIGITS = 4
SMALL = 9  # entries of an array that is written out on one line
MAX_RESTATED = 20_000  # nodes times gradients that are found again from the whole expression


def figure(value: Any, digits: int = DIGITS) -> str:
    """A number with a few digits, without a sign on zero.

    >>> [figure(v) for v in (-12.0, 0.7310585786, 1 / 3e5, -0.0, float("nan"))]
    ['-12', '0.7311', '3.333e-06', '0', 'nan']
    """
    number = float(value)
    if not isfinite(number):
        return "nan" if number != number else "inf" if number > 0 else "-inf"
    return f"{number + 0.0:.{digits}g}"


def array_text(value: Array, small: int = SMALL) -> str:
    """A number, a small array row by row, or the sizes and the norm of a larger one.

    >>> array_text(np.array([[1.0, 2.0], [3.0, 4.0]])), array_text(np.ones((4, 25)))
    ('[[1, 2], [3, 4]]', '4 × 25, norm 10')
    """
    if value.ndim == 0:
        return figure(value)
    if value.size > small:
        return f"{shape_text(value.shape)}, norm {figure(np.linalg.norm(value))}"
    return _nested(value.tolist())


def _nested(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_nested, value)) + "]"
    return figure(value)


def sum_text(parts: Sequence[str]) -> str:
    """Numbers added up, negative ones in brackets."""
    return " + ".join(f"({p})" if p.startswith("-") else p for p in parts)


def greek(shown: str) -> str:
    """A formula with Greek letters as signs, as they stand in a picture.

    >>> greek("delta1*Sigma + beta_2*data")
    'δ1*Σ + β_2*data'
    """
    return re.sub("[A-Za-z]+", lambda found: GREEK_SIGNS.get(found[0], found[0]), shown)


def substituted(e: Expr, numbers: Mapping[Expr, Array]) -> str:
    """The text of a formula with the values of its names put in; the names of large arrays stay.

    >>> q, z = variable("q"), variable("z")
    >>> substituted(q * z, {q: np.float64(3), z: np.float64(-4)})
    '3*(-4)'
    """
    named = {}
    for v in variables(e):
        value = numbers.get(v)
        if value is not None and value.size <= SMALL:
            shown = array_text(value)
            literal = f"({shown})" if shown.startswith("-") and e is not v else shown
            named[v] = variable(literal, v.shape)
    return text(substitute(e, named))


@dataclass(frozen=True, eq=False)
class Run:
    """The numbers of one forward and perhaps one backward pass, by index of the node.

    `shares` has what each edge carries, by (source, target); `restated` the nodes whose gradient
    was found from the whole expression because numbers on the way overflow.
    """

    circuit: Circuit
    back: Backprop | None
    sizes: Mapping[str, int]
    values: Mapping[int, Array]
    upstream: Array | None = None
    gradients: Mapping[int, Array] = field(default_factory=dict)
    shares: Mapping[tuple[int, int], Array] = field(default_factory=dict)
    restated: frozenset[int] = frozenset()

    @cached_property
    def undefined(self) -> frozenset[int]:
        """The nodes without a gradient at these numbers; all where the end has no value."""
        end = self._has_value(self.circuit.root.index)
        sound = (k for k, g in self.gradients.items() if end and np.isfinite(g).all())
        return frozenset(self.gradients).difference(k for k in sound if self._has_value(k))

    @property
    def unbounded(self) -> list[Node]:
        """The nodes that have no finite value although everything before them has one."""
        return [
            n
            for n in self.circuit.nodes
            if not self._has_value(n.index) and all(map(self._has_value, n.arguments))
        ]

    def _has_value(self, k: int) -> bool:
        return bool(np.isfinite(self.values[k]).all())

    @cached_property
    def numbers(self) -> dict[Expr, Array]:
        """The values of all names: those of the nodes, and of the gradients if there are any."""
        found = {n.symbol: self.values[n.index] for n in self.circuit.nodes if n.role != CONSTANT}
        for k, name in self.back.gradients.items() if self.back is not None else ():
            if is_(name, "variable") and k in self.gradients:
                found[name] = self.gradients[k]
        return found

    def carried(self, edge: Edge) -> Array:
        """What an edge hands back."""
        return self.shares[edge.source.index, edge.target.index]


def forward(circuit: Circuit, values: Mapping[str, Any]) -> Run:
    """The value of every node. Raises UnknownName, ShapeError, DomainError, LimitError."""
    program = compile_(tuple(n.expr for n in circuit.nodes))
    arrays, sizes = bound(circuit, values)
    found = program.at(sizes).run(arrays)
    return Run(
        circuit, None, sizes, {n.index: v for n, v in zip(circuit.nodes, found, strict=True)}
    )


def bound(circuit: Circuit, values: Mapping[str, Any]) -> tuple[Arrays, Sizes]:
    """The values of the inputs as arrays, and the sizes; a missing one is an error that says so."""
    inputs = [n.expr for n in circuit.nodes if is_(n.expr, "variable")]
    missing = [v for v in inputs if v.name not in values]
    if missing:
        names = ", ".join(f"{v.name} ({shape_text(v.shape)})" for v in missing[:8])
        verb = "there is no value for" if len(missing) <= 8 else "there are no values for"
        more = " and more" if len(missing) > 8 else ""
        raise UnknownName(f"{verb} {names}{more}", hint="numbers for all names, or for none")
    needed = sizes_in(circuit.root.expr) - {v.name for v in inputs}
    given = {k: v for k, v in values.items() if k in needed}
    arrays, sizes = bind(inputs, values, given)
    unknown = sorted(needed - set(sizes))
    if unknown:
        raise UnknownName(
            f"no value says how large {', '.join(unknown)} is",
            hint=f"a value for {unknown[0]} itself: a whole number",
        )
    return arrays, sizes


def backward(back: Backprop, values: Mapping[str, Any], upstream: Any = None) -> Run:
    """Value and gradient of every node; `upstream` is the gradient at the end, ones by default.

    For an upstream of a scalar, the backward pass must be one that is seeded.
    """
    circuit = back.circuit
    arrays, sizes = bound(circuit, values)
    root = circuit.root
    shape = concrete(root.shape, sizes)
    program = _program(back).at(sizes)  # before an upstream of sizes beyond the limit is made
    arriving = _upstream(upstream, root, shape)
    if is_(back.seed, "variable"):
        arrays = {**arrays, back.seed.name: arriving}
    found = program.run(arrays)
    nodes = circuit.nodes
    run_values = {n.index: v for n, v in zip(nodes, found, strict=False)}
    rest = iter(found[len(nodes) :])
    shares: dict[tuple[int, int], Array] = {}
    for e in back.carrying:
        shape = run_values[e.source.index].shape
        shares[e.source.index, e.target.index] = np.reshape(next(rest), shape)
    gradients = {k: np.reshape(next(rest), run_values[k].shape) for k in back.formulas}
    again = _restated(back, run_values, gradients, arrays, sizes)
    gradients |= again
    for e in back.carrying:
        only = len(back.incoming[e.source.index]) == 1
        if e.source.index in again and only:
            shares[e.source.index, e.target.index] = again[e.source.index]
    return Run(circuit, back, sizes, run_values, arriving, gradients, shares, frozenset(again))


def _program(back: Backprop) -> ValueProgram:
    """The values of the nodes, what the edges carry, and the gradients, in this order."""
    exprs = [n.expr for n in back.circuit.nodes]
    exprs += [back.written_out(e.share) for e in back.carrying if e.share is not None]
    exprs += [back.written_out(e) for e in back.formulas.values()]
    return compile_(tuple(exprs))


def _upstream(upstream: Any, root: Node, shape: tuple[int, ...]) -> Array:
    if upstream is None:
        return np.ones(shape)
    array = as_array("the upstream gradient", upstream)
    if [s for s in array.shape if s != 1] != [s for s in shape if s != 1]:
        raise ShapeError(
            f"the upstream gradient is {shape_text(array.shape)}, "
            f"{root.name} is {shape_text(shape)}",
            hint="an upstream gradient has the shape of the expression",
        )
    return array.reshape(shape)


def _restated(
    back: Backprop,
    values: Mapping[int, Array],
    gradients: Mapping[int, Array],
    arrays: Arrays,
    sizes: Sizes,
) -> dict[int, Array]:
    """Finite gradients for nodes whose own are not, although their values are."""
    nodes = back.circuit.nodes
    odd = [
        k for k, g in gradients.items() if not np.isfinite(g).all() and np.isfinite(values[k]).all()
    ]
    if len(odd) * len(nodes) > MAX_RESTATED:
        odd = [k for k in odd if not nodes[k].is_gate][: MAX_RESTATED // len(nodes)]
    found: dict[int, Array] = {}
    for k in odd:
        e = direct(back, nodes[k])
        known = {**arrays, nodes[k].name: values[k]}
        given = {v.name: known[v.name] for v in variables(e)}
        value = np.reshape(evaluate(e, given, sizes), values[k].shape)
        if np.isfinite(value).all():
            found[k] = value
    return found


def gaps(run: Run) -> tuple[str, ...]:
    """Where there is no value and no gradient at these numbers, in a sentence each."""
    odd = [
        f"{n.name} = {n.formula} is {_oddest(run.values[n.index])} at these numbers"
        for n in run.unbounded[:3]
    ]
    root = run.circuit.root
    if not np.isfinite(run.values[root.index]).all():
        return (*odd, f"{root.name} has no finite value, so there are no gradients")
    nodes = [run.circuit.nodes[k].name for k in sorted(run.undefined)]
    by = f"no derivative at these numbers by {', '.join(nodes[:8])}"
    return (*odd, by) if nodes else tuple(odd)


def _oddest(value: Array) -> str:
    """What an array has instead of a finite number."""
    odd = value[~np.isfinite(value)]
    return figure(odd[0]) if value.ndim == 0 else f"{figure(odd[0])} in an entry"


def notes_on(run: Run) -> tuple[str, ...]:
    """What is to be known about the numbers: where there are none, and which were found again."""
    again = [run.circuit.nodes[k].name for k in sorted(run.restated - run.undefined)]
    said = f"{', '.join(again[:8])} got the gradient of the whole expression"
    return (*gaps(run), *((f"numbers overflow on the way; {said}",) if again else ()))
