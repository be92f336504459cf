"""Where an affine gradient is zero: at -inv(H)*g(0) with the Hessian H.

A matrix variable is solved for where H acts on its rows or its columns alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matderiv.calculus.derivative import Derivative
from matderiv.calculus.sweeps import axes_of, slots_at
from matderiv.choosing.polish import polished
from matderiv.choosing.sums import raise_tensor
from matderiv.expr import Expr, apply, fold, is_, number, number_value, rebuild, substitute, zeros
from matderiv.language.printer import text
from matderiv.shapes import Shape, is_scalar
from matderiv.tensors.lower import open_product
from matderiv.tensors.tensor import Tensor, Term
from matderiv.words.chains import turned
from matderiv.words.signs import negated


@dataclass(frozen=True)
class Affine:
    """A*x = right, or x*A' = right where `left` is False, which is what a zero gradient says.

    `value` is x.
    """

    matrix: Expr
    right: Expr
    value: Expr
    left: bool

    def equation(self, x: Expr) -> str:
        """The equation with the matrix collected: A*x = b, or x*A' = b."""
        a = self.matrix
        whole = a * x if is_scalar(a.shape) else a @ x if self.left else x @ turned(a)
        one = number_value(a) == 1
        side = x if one else whole if is_(a, "add") else spelled_sum([whole], x.shape)
        return f"{text(side)} = {text(self.right)}"


def affine_root(gradient: Expr, hessian: Derivative, x: Expr) -> Affine | None:
    """Where a gradient whose Hessian is constant is zero; None where x is between two matrices."""
    rest = substitute(gradient, {x: zeros(x.shape) if x.shape else number(0)})
    acting = _acting(hessian, x)
    if acting is None:
        return None
    whole, left = acting
    scale, matrix = number_apart(whole)
    right = [negated(a) / scale for a in addends(without_zeros(rest))]
    multiple = multiple_of_identity(matrix) if matrix.shape else matrix
    if multiple is not None:
        parts = [a / multiple for a in right]
    else:
        inverse = apply("inv", matrix)
        parts = [inverse @ a if left else a @ turned(inverse) for a in right]
    matrix = matrix if multiple is None else multiple
    return Affine(matrix, spelled_sum(right, x.shape), spelled_sum(parts, x.shape), left)


def number_apart(e: Expr) -> tuple[Expr, Expr]:
    """The literal number in front of an expression, with its sign, and the rest.

    >>> A = variable("A", ("n", "n"))
    >>> number_apart(-(2 * A)) == (number(-2), A)
    True
    """
    if is_(e, "neg"):
        scale, whole = number_apart(e.args[0])
        return number(-scale.params[0]), whole
    value = number_value(e.args[0]) if is_(e, "mul") else None
    if value is None:
        return number(1), e
    rest = e.args[1:]
    return number(value), apply("mul", *rest)


def multiple_of_identity(h: Expr) -> Expr | None:
    """c of c*eye(n), also of eye(n)/d."""
    if is_(h, "eye"):
        return number(1)
    if is_(h, "div") and (above := multiple_of_identity(h.args[0])) is not None:
        return above / h.args[1]
    if is_(h, "neg") and (inner := multiple_of_identity(h.args[0])) is not None:
        return negated(inner)
    if is_(h, "mul") and is_(h.args[-1], "eye") and all(is_scalar(a.shape) for a in h.args[:-1]):
        rest = h.args[:-1]
        return apply("mul", *rest)
    return None


def _acting(hessian: Derivative, x: Expr) -> tuple[Expr, bool] | None:
    """A where the Hessian maps dX to A dX, or to dX A' (False); None where it does neither."""
    if len(x.shape) < 2:
        return hessian.expr, True
    i, j, p, q = hessian.tensor.axes
    for one, other, left in (((j, q), (i, p), True), ((i, p), (j, q), False)):
        kept = [_without_delta(t, {*one}) for t in hessian.tensor.terms]
        if all(t is not None for t in kept):
            terms = tuple(t for t in kept if t is not None)
            return raise_tensor(Tensor(other, terms), False), left
    return None


def _without_delta(term: Term, pair: set[Any]) -> Term | None:
    found = [f for f in term.factors if is_(f.expr, "eye") and {*f.indices} == pair]
    rest = tuple(f for f in term.factors if f not in found)
    free = not any(pair & {*f.indices} for f in rest)
    return Term(term.coefficient, rest) if len(found) == 1 and free else None


def is_zero(e: Expr) -> bool:
    """True for a zero of any shape."""
    return is_(e, "zeros") or (is_(e, "number") and e.params[0] == 0)


def without_zeros(e: Expr) -> Expr:
    """An expression without the terms that a zero makes zero."""
    return fold(e, _without_zeros)


def _without_zeros(node: Expr, args: tuple[Expr, ...]) -> Expr:
    """The node with the terms left out that a zero makes zero."""
    linear = is_(node, "sum", "mean", "transpose", "diag", "tr", "vec")
    if linear and is_(args[0], "neg"):
        return negated(rebuild(node, args[0].args))
    if is_(node, "norm2") and is_(args[0], "neg"):
        return rebuild(node, args[0].args)
    zero = [a for a in args if is_zero(a)]
    kept = _without_opposites([a for a in args if a not in zero]) if is_(node, "add") else args
    if not zero and len(kept) == len(args):
        return rebuild(node, args)
    if is_(node, "add"):
        wide = [a for a in kept if a.shape == node.shape]
        if not kept:
            return zeros(node.shape)
        made = apply("add", *kept)
        return made if wide else rebuild(node, args)
    above = is_(node, "div", "ediv", "power", "epow") and args[0] in zero
    above = above and (number_value(args[1]) or 1) > 0
    if above or node.function.kind == "structural" or is_(node, "norm2"):
        return zeros(node.shape)
    return rebuild(node, args)


def _without_opposites(terms: Sequence[Expr]) -> list[Expr]:
    """The terms of a sum without pairs such as m and -m."""
    left: list[Expr] = []
    for term in terms:
        opposite = next((a for a in left if negated(a) is term or negated(term) is a), None)
        if opposite is None:
            left.append(term)
        else:
            left.remove(opposite)
    return left


def addends(e: Expr, *, wide: bool = False) -> list[Expr]:
    """The terms of a sum, also of one that is transposed, or multiplied by a number or entries.

    With `wide` also of one whose terms are broadcast to its shape.
    """
    if is_(e, "neg"):
        return [negated(a) for a in addends(e.args[0], wide=wide)]
    if is_(e, "transpose") and is_(e.args[0], "add", "neg", "mul"):
        return [turned(a) for a in addends(e.args[0], wide=wide)]
    if is_(e, "add") and (wide or all(a.shape == e.shape for a in e.args)):
        return [term for a in e.args for term in addends(a, wide=wide)]
    entries, factor = is_(e, "hadamard", "ediv"), is_(e, "mul", "hadamard")
    if (entries or is_(e, "mul", "div")) and len(e.args) == 2:
        for k, a in enumerate(e.args[: 1 + factor]):
            other = e.args[1 - k]
            if is_(a, "add") and a.shape == e.shape and (entries or not other.shape):
                parts = addends(a, wide=wide and entries)
                return [rebuild(e, (t, other) if k == 0 else (other, t)) for t in parts]
    return [e]


def spelled_sum(parts: list[Expr], shape: Shape) -> Expr:
    """A sum of products in the form that derivatives have."""
    axes = axes_of(shape)
    terms = tuple(open_product(e, slots_at(shape, axes)) for e in parts)
    return polished(raise_tensor(Tensor(axes, terms), True), set())
