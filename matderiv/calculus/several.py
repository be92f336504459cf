"""Gradients by several variables at once: one backward sweep, in which adjoints get names.

Where an adjoint is handed on to several arguments it becomes a variable, so that it is computed
once, as a person writes backpropagation: first dZ, then from it the gradients by W and b. Between
such places adjoints are simplified as in `sweeps`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from matderiv.calculus.recognise import prepare
from matderiv.calculus.structure import project
from matderiv.calculus.sweeps import Sweep, axes_of, collapse, shorter_share, slots_of_result
from matderiv.choosing.sums import raise_tensor
from matderiv.expr import Expr, dependents, is_, variable, walk, zeros
from matderiv.shapes import is_scalar
from matderiv.tensors.lower import open_product
from matderiv.tensors.tensor import ONE, Tensor, like_terms

SMALL = 4  # an adjoint of fewer symbols is written out where it is used


class Adjoint(NamedTuple):
    """An adjoint that has a name: the variable that stands for it, and the node it belongs to."""

    variable: Expr
    value: Expr
    node: Expr


class Backward(NamedTuple):
    """One backward sweep: the prepared expression, its named adjoints in order, the gradients."""

    f: Expr
    adjoints: tuple[Adjoint, ...]
    gradients: tuple[Expr, ...]


def gradients(f: Expr, wrt: Sequence[Expr], structure: str = "projected") -> Backward:
    """The gradients of a scalar by some variables, with the adjoints that they share.

    A variable that does not occur has the gradient zero. Raises NoRule.

    >>> n, d = Dim(("n",)), Dim(("d",))
    >>> X, w, b = variable("X", (n, d)), variable("w", (d,)), variable("b")
    >>> f = apply("sum", apply("tanh", X @ w + b), params=(None,))
    >>> found = gradients(f, (w, b))
    >>> [a.node.function.name for a in found.adjoints]
    ['add']
    """
    f = prepare(f, *wrt)
    nodes = dependents(f, *wrt)
    sweep = Sweep(nodes, (), {n: axes_of(n.shape) for n in nodes}, {n: [] for n in nodes})
    if f in sweep.adjoints:
        sweep.adjoints[f] = [ONE]
    adjoints: list[Adjoint] = []
    found: dict[Expr, Expr] = {}
    for node in reversed(nodes):
        whole = Tensor(sweep.axes[node], tuple(sweep.adjoints.pop(node)))
        if node in wrt:
            tensor = like_terms(project(whole, node, structure))
            found[node] = raise_tensor(tensor, broadcast=True)
        else:
            _hand_on(node, whole, sweep, adjoints)
    return Backward(f, tuple(adjoints), tuple(found.get(x, zeros(x.shape)) for x in wrt))


def _hand_on(node: Expr, whole: Tensor, sweep: Sweep, adjoints: list[Adjoint]) -> None:
    """The shares of a node's adjoint go to its arguments; where several wait, under a name."""
    terms = collapse(whole, broadcast=True)
    waiting = [(k, x) for k, x in enumerate(node.args) if x in sweep.adjoints]
    if not terms:
        return
    if len(waiting) > 1 and len(terms) == 1 and node.shape:
        value = raise_tensor(whole, broadcast=True)
        if value.weight >= SMALL and not is_(value, "einsum") and _holds_entries(value):
            name = variable(f"#{len(adjoints) + 1}", value.shape)
            adjoints.append(Adjoint(name, value, node))
            terms = [open_product(name, slots_of_result(name, whole.axes))]
            whole = Tensor(whole.axes, tuple(terms))
    for which, x in reversed(waiting):
        share = shorter_share(node, which, sweep, terms, whole)
        sweep.adjoints[x] = share + sweep.adjoints[x]


def _holds_entries(value: Expr) -> bool:
    """False for a scalar times constants such as eye(n), which a name would hide."""
    core, inner = value, [value]
    while is_(core, "mul", "neg", "div") and len(inner) == 1:
        core = inner[0]
        inner = [a for a in core.args if not is_scalar(a.shape)]
    return any(is_(n, "variable") and not is_scalar(n.shape) for n in walk(core))
